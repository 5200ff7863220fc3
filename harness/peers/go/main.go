// Workloads of harness/workloads/ in Go, under the command line and with the result of `tricolor run`, so that
// `tricolor bench --collector=peer:go` measures Go as it measures collectors; and measurements of Go's memory manager
// under the names of those in harness/micro/ (micro.go). README.md in the folder above says what a peer has to do.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// A workload's parameters stand in the order of its C source; sizes has a row for each of them.
type workload struct {
	params    []string
	sizes     [][3]int64 // tiny, ci, full
	liveBytes func(param []int64) int64
	run       func(param []int64) (answer, expected uint64, text string)
}

var workloads = map[string]workload{"binary-trees": binaryTrees, "gcbench": gcbench}
var sizeNames = []string{"tiny", "ci", "full"}

const (
	exitFinding     = 1
	exitBadInput    = 2
	exitSuiteFailed = 3
)

// What the command line asks for.
type request struct {
	workload, size, collector, options, result string
	heap                                       int64
	gogc                                       int
	param                                      []int64
	params                                     []string
	json                                       bool
}

func parseSize(text string) (int64, error) {
	digits := strings.TrimRight(strings.ToLower(text), "kmgtib")
	shift, known := map[string]uint{"": 0, "k": 10, "m": 20, "g": 30, "t": 40}[strings.TrimRight(
		strings.ToLower(text[len(digits):]), "ib")]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !known || n <= 0 || n > math.MaxInt64>>shift {
		return 0, fmt.Errorf("--heap=%s: right would be a size such as 64m", text)
	}
	return n << shift, nil
}

// The options of a collector that Go has, too.
func (r *request) parseOptions() error {
	for _, word := range strings.FieldsFunc(r.options, func(c rune) bool { return c == ',' }) {
		key, value, _ := strings.Cut(word, "=")
		if key != "gogc" {
			return fmt.Errorf("-o %s: Go has the option gogc and no other", word)
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < -1 {
			return fmt.Errorf("-o %s: right would be a number from -1", word)
		}
		r.gogc = n
	}
	return nil
}

// Values of the parameters: those of the size, and what --param says otherwise.
func (r *request) parseParams(w workload) error {
	size := -1
	for i, name := range sizeNames {
		if name == r.size {
			size = i
		}
	}
	if size < 0 {
		return fmt.Errorf("--size=%s: right would be tiny, ci or full", r.size)
	}
	for _, values := range w.sizes {
		r.param = append(r.param, values[size])
	}
	for _, text := range r.params {
		key, value, _ := strings.Cut(text, "=")
		n, err := strconv.ParseInt(value, 10, 64)
		known := false
		for i, name := range w.params {
			if name == key {
				r.param[i], known = n, true
			}
		}
		if err != nil || n < 1 || !known {
			return fmt.Errorf("--param=%s: right would be %s=N", text, strings.Join(w.params, "=N or "))
		}
	}
	return nil
}

func parse(arguments []string) (r request, err error) {
	r = request{size: "ci", heap: 256 << 20, gogc: 100, collector: "peer:go"}
	for i := 0; i < len(arguments) && err == nil; i++ {
		key, value, _ := strings.Cut(arguments[i], "=")
		switch key {
		case "--workload":
			r.workload = value
		case "--size":
			r.size = value
		case "--collector":
			r.collector = value
		case "--result":
			r.result = value
		case "--json":
			r.json = true
		case "--param":
			r.params = append(r.params, value)
		case "--heap":
			r.heap, err = parseSize(value)
		case "-o":
			if i++; i == len(arguments) {
				return r, errors.New("-o needs a value")
			}
			r.options = strings.Trim(r.options+","+arguments[i], ",")
		default:
			err = fmt.Errorf("unknown option '%s'", arguments[i])
		}
	}
	if err == nil {
		err = r.parseOptions()
	}
	if w, known := workloads[r.workload]; err == nil && known {
		err = r.parseParams(w)
	}
	return r, err
}

// Of this process, since it was started (not its parent's, as rusage would say).
func peakResidentBytes() int64 {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer file.Close()
	var kib int64
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if n, _ := fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &kib); n == 1 {
			break
		}
	}
	return kib << 10
}

// Of all threads of this process.
func cpuTime() time.Duration {
	const processCPU = 2 // CLOCK_PROCESS_CPUTIME_ID
	var t syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, processCPU, uintptr(unsafe.Pointer(&t)), 0)
	return time.Duration(t.Nano())
}

// Upper bounds, in nanoseconds, of the q-quantiles of all stops of the world: the runtime keeps a histogram, with 16
// buckets for each power of two.
func pauseQuantiles(quantiles ...float64) []int64 {
	sample := []metrics.Sample{{Name: "/gc/pauses:seconds"}}
	metrics.Read(sample)
	histogram := sample[0].Value.Float64Histogram()
	var total uint64
	for _, count := range histogram.Counts {
		total += count
	}
	found := make([]int64, len(quantiles))
	for i, q := range quantiles {
		rank := uint64(math.Ceil(q * float64(total)))
		var seen uint64
		for bucket, count := range histogram.Counts {
			if seen += count; count > 0 && seen >= rank {
				found[i] = int64(math.Min(histogram.Buckets[bucket+1], 1e9) * 1e9)
				break
			}
		}
	}
	return found
}

func runWorkload(r request) (status string, fields map[string]any) {
	fields = map[string]any{"workload": r.workload, "collector": r.collector, "heap_bytes": r.heap,
		"options": r.options, "size": r.size, "language": runtime.Version()}
	w, known := workloads[r.workload]
	if !known {
		fields["message"] = fmt.Sprintf("peer go has no workload '%s': it has binary-trees and gcbench", r.workload)
		return "unsupported", fields
	}
	params := map[string]int64{}
	for i, name := range w.params {
		params[name] = r.param[i]
	}
	fields["params"] = params
	// Go's limit is soft: beyond it there is no failure, but more collecting.
	if live := w.liveBytes(r.param); live > r.heap {
		fields["message"] = fmt.Sprintf("live data alone need %d bytes", live)
		return "oom", fields
	}
	debug.SetGCPercent(r.gogc)
	debug.SetMemoryLimit(r.heap)
	wall, cpu := time.Now(), cpuTime()
	answer, expected, text := w.run(r.param)
	fields["wall_ns"], fields["cpu_ns"] = time.Since(wall).Nanoseconds(), (cpuTime() - cpu).Nanoseconds()
	fields["answer"], fields["message"] = answer, text

	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	pause := pauseQuantiles(0.5, 0.99, 1)
	fields["metrics"] = map[string]uint64{
		"mapped_bytes": m.Sys, "live_bytes": m.HeapAlloc, "released_bytes": m.HeapReleased,
		"allocated_objects": m.Mallocs, "allocated_bytes": m.TotalAlloc, "freed_objects": m.Frees,
		"limit_bytes": uint64(r.heap), "collections": uint64(m.NumGC),
		"pauses": 2 * uint64(m.NumGC), "pause_total_ns": m.PauseTotalNs, "pause_p50_ns": uint64(pause[0]),
		"pause_p99_ns": uint64(pause[1]), "pause_max_ns": uint64(pause[2]),
		"peak_rss_bytes": uint64(peakResidentBytes()),
	}
	if answer != expected {
		return "wrong", fields
	}
	return "ok", fields
}

func fail(status int, err error) {
	fmt.Fprintln(os.Stderr, "peer go:", err)
	os.Exit(status)
}

func writeResult(path string, text []byte) {
	if err := os.WriteFile(path+".part", text, 0o666); err != nil {
		fail(exitSuiteFailed, err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		fail(exitSuiteFailed, err)
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "micro" {
		micro(os.Args[2:])
		return
	}
	if len(os.Args) < 2 || os.Args[1] != "run" {
		fail(exitBadInput, errors.New("usage: go run --workload=W [options of tricolor run], or go micro [NAME…]"))
	}
	r, err := parse(os.Args[2:])
	if err != nil {
		fail(exitBadInput, err)
	}
	status, fields := runWorkload(r)
	fields["status"] = status
	text, err := json.MarshalIndent(fields, "", "  ")
	if err != nil {
		fail(exitSuiteFailed, err)
	}
	if r.json {
		fmt.Println(string(text))
	} else if r.result == "" {
		fmt.Printf("%s on %s: %s. %s\n", r.workload, r.collector, status, fields["message"])
	}
	if r.result != "" {
		writeResult(r.result, append(text, '\n'))
	}
	switch {
	case status == "wrong":
		os.Exit(exitFinding)
	case status == "unsupported":
		fail(exitBadInput, errors.New(fields["message"].(string)))
	case status == "oom" && r.result == "":
		fail(exitBadInput, fmt.Errorf("a heap of %d bytes is too small: %s", r.heap, fields["message"]))
	}
}
