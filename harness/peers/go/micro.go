package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"time"
	_ "unsafe" // linkname
)

// Pieces of harness/micro/, under their names there, timed on Go: `go micro NAME…` prints what Google Benchmark's
// --benchmark_format=json would.

// Go's own switch of the barrier, to know which stores were done with it.
//
//go:linkname writeBarrier runtime.writeBarrier
var writeBarrier uint32 // its first byte says whether it is on

type object struct { // 32 bytes
	left, right *object
	_           [16]byte
}

const (
	nodeCount = 1024
	batch     = 4096
	million1  = 1<<20 - 1
	million4  = 1<<22 - 1
)

var (
	root  *object
	nodes *[nodeCount]*object
)

func makeTree(objects int) *object {
	if objects < 3 {
		return new(object)
	}
	left := makeTree(objects / 2)
	right := makeTree(objects / 2)
	return &object{left: left, right: right}
}

func makeNodesLive() {
	nodes = new([nodeCount]*object)
	for i := range nodes {
		nodes[i] = new(object)
	}
}

var (
	sink8   *[1]*object
	sink16  *[2]*object
	sink32  *[4]*object
	sink128 *[16]*object
)

func alloc8(n int) {
	for i := 0; i < n; i++ {
		sink8 = new([1]*object)
	}
}

func alloc16(n int) {
	for i := 0; i < n; i++ {
		sink16 = new([2]*object)
	}
}

func alloc32(n int) {
	for i := 0; i < n; i++ {
		sink32 = new([4]*object)
	}
}

func alloc128(n int) {
	for i := 0; i < n; i++ {
		sink128 = new([16]*object)
	}
}

//go:noinline
func store(n int) {
	node := nodes
	for i := 0; i < n; i++ {
		node[i%nodeCount].left = node[i*7%nodeCount]
	}
}

//go:noinline
func barrierIsOn() bool { return writeBarrier&0xff != 0 }

// Wall and CPU time of one call.
func timed(run func()) (wall, cpu float64) {
	start, used := time.Now(), cpuTime()
	run()
	return float64(time.Since(start)), float64(cpuTime() - used)
}

type measurement struct{ wall, cpu []float64 } // ns of each batch

func (m *measurement) add(wall, cpu float64) {
	m.wall, m.cpu = append(m.wall, wall), append(m.cpu, cpu)
}

func (m *measurement) seconds() (sum float64) {
	for _, wall := range m.wall {
		sum += wall / 1e9
	}
	return sum
}

// Batches for half a second.
func batches(run func(n int)) (m measurement) {
	for m.seconds() < 0.5 {
		for i := 0; i < 100; i++ {
			m.add(timed(func() { run(batch) }))
		}
	}
	return m
}

// Batches that began and ended with the barrier on, or off, while collections follow each other, or none goes on.
func stores(on bool) (m measurement) {
	makeNodesLive()
	stop, stopped := make(chan bool), make(chan bool)
	if on {
		root = makeTree(million1)
		go func() {
			for {
				select {
				case <-stop:
					stopped <- true
					return
				default:
					runtime.GC()
				}
			}
		}()
	}
	for m.seconds() < 0.1 {
		before := barrierIsOn()
		wall, cpu := timed(func() { store(batch) })
		if before == on && barrierIsOn() == on {
			m.add(wall, cpu)
		}
	}
	if on {
		stop <- true
		<-stopped
	}
	return m
}

func collections(iterations int) (m measurement) {
	for i := 0; i < iterations; i++ {
		m.add(timed(runtime.GC))
	}
	return m
}

// The two pauses of a cycle, summed, of as many cycles as allocation brings about.
func pauses(cycles int) (m measurement) {
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	first := stats.NumGC
	for stats.NumGC < first+int64(cycles) {
		alloc32(1 << 16)
		debug.ReadGCStats(&stats)
	}
	for _, pause := range stats.Pause[:cycles] {
		m.add(float64(pause), 0)
	}
	return m
}

type piece struct {
	name    string
	live    int // objects of a tree
	batch   int
	measure func() measurement
}

var pieces = []piece{
	{"alloc/8", 0, batch, func() measurement { return batches(alloc8) }},
	{"alloc/16", 0, batch, func() measurement { return batches(alloc16) }},
	{"alloc/32", 0, batch, func() measurement { return batches(alloc32) }},
	{"alloc/128", 0, batch, func() measurement { return batches(alloc128) }},
	{"store/off", 0, batch, func() measurement { return stores(false) }},
	{"store/on", 0, batch, func() measurement { return stores(true) }},
	{"full/tree:8k", 1<<13 - 1, 1, func() measurement { return collections(100) }},
	{"full/tree:4m", million4, 1, func() measurement { return collections(5) }},
	{"pauses/tree:8k", 1<<13 - 1, 1, func() measurement { return pauses(5) }},
	{"pauses/tree:4m", million4, 1, func() measurement { return pauses(20) }},
}

// By nearest rank.
func quantile(values []float64, q float64) float64 {
	sorted := append([]float64(nil), values...)
	sort.Float64s(sorted)
	rank := int(q*float64(len(sorted)) + 0.999999)
	if rank > 0 {
		rank--
	}
	return sorted[rank]
}

func mean(values []float64) (mean float64) {
	for _, value := range values {
		mean += value / float64(len(values))
	}
	return mean
}

func (p piece) result() map[string]any {
	root = nil
	if p.live > 0 {
		root = makeTree(p.live)
	}
	runtime.GC()
	m := p.measure()
	n := float64(p.batch)
	return map[string]any{
		"name": p.name, "run_name": p.name, "run_type": "iteration", "repetitions": 1, "repetition_index": 0,
		"threads": 1, "iterations": p.batch * len(m.wall), "real_time": mean(m.wall) / n,
		"cpu_time": mean(m.cpu) / n, "cpu": mean(m.cpu) / n, "time_unit": "ns", "p50": quantile(m.wall, 0.5) / n,
		"p99": quantile(m.wall, 0.99) / n, "max": quantile(m.wall, 1) / n,
	}
}

func micro(names []string) {
	results := []map[string]any{}
	chosen := map[string]bool{}
	for _, name := range names {
		chosen[name] = true
	}
	for _, p := range pieces {
		if len(names) == 0 || chosen[p.name] {
			results = append(results, p.result())
			delete(chosen, p.name)
		}
	}
	for name := range chosen {
		fail(exitBadInput, fmt.Errorf("unknown piece '%s'; this peer has alloc/8 … pauses/tree:4m, see micro.go", name))
	}
	text, err := json.MarshalIndent(map[string]any{"context": map[string]any{
		"date": time.Now().UTC().Format("2006-01-02T15:04:05+00:00"), "collector": "peer:go",
		"language": runtime.Version(), "num_cpus": runtime.NumCPU(), "caches": []int{},
		"library_build_type": "release"}, "benchmarks": results}, "", "  ")
	if err != nil {
		fail(exitSuiteFailed, err)
	}
	os.Stdout.Write(append(text, '\n'))
}
