package main

import (
	"fmt"
	"sync"
)

// harness/workloads/gcbench.c
var gcbench = workload{
	params:    []string{"depth", "array", "threads"},
	sizes:     [][3]int64{{8, 14, 16}, {5000, 125000, 500000}, {1, 1, 1}},
	liveBytes: func(param []int64) int64 { return treeSize(param[0])*24 + param[1]*8 },
	run:       runGcbench,
}

type node struct {
	left, right *node
	i, j        int32
}

func treeSize(depth int64) int64 { return 2<<depth - 1 }

// Fill a fresh leaf to a tree of the given depth, parents first.
func (n *node) populate(depth int64) {
	if depth == 0 {
		return
	}
	n.left = new(node)
	n.left.populate(depth - 1)
	n.right = new(node)
	n.right.populate(depth - 1)
}

func makeNodes(depth int64) *node {
	if depth == 0 {
		return new(node)
	}
	left := makeNodes(depth - 1)
	right := makeNodes(depth - 1)
	return &node{left: left, right: right}
}

func (n *node) count() uint64 {
	if n.left == nil {
		return 1
	}
	return 1 + n.left.count() + n.right.count()
}

// The temporary trees of one thread. Counts the nodes of the first tree of each kind and depth.
func temporaryTrees(maxDepth int64) (counted uint64) {
	for depth := int64(4); depth <= maxDepth; depth += 2 {
		iterations := 2 * treeSize(maxDepth+2) / treeSize(depth)
		for kind := 0; kind < 2; kind++ {
			for i := int64(0); i < iterations; i++ {
				var tree *node
				if kind == 0 {
					tree = new(node)
					tree.populate(depth)
				} else {
					tree = makeNodes(depth)
				}
				if i == 0 {
					counted += tree.count()
				}
			}
		}
	}
	return counted
}

func runGcbench(param []int64) (answer, expected uint64, text string) {
	maxDepth, n, threads := param[0], param[1], param[2]
	makeNodes(maxDepth + 2) // the stretch tree
	longLived := new(node)
	longLived.populate(maxDepth)
	array := make([]float64, n)
	for i := int64(0); i < n/2; i++ {
		array[i] = 1 / float64(i+1)
	}

	counts := make([]uint64, threads)
	var all sync.WaitGroup
	for t := int64(1); t < threads; t++ {
		all.Add(1)
		go func(t int64) {
			counts[t] = temporaryTrees(maxDepth)
			all.Done()
		}(t)
	}
	counts[0] = temporaryTrees(maxDepth)
	all.Wait()

	var counted, nodes, intact uint64
	for _, count := range counts {
		counted += count
	}
	for depth := int64(4); depth <= maxDepth; depth += 2 {
		nodes += 2 * uint64(threads) * uint64(treeSize(depth))
	}
	counted += longLived.count()
	nodes += uint64(treeSize(maxDepth))
	for i, value := range array {
		if int64(i) < n/2 && value == 1/float64(i+1) || int64(i) >= n/2 && value == 0 {
			intact++
		}
	}
	return counted + intact, nodes + uint64(n), fmt.Sprintf("%d nodes counted of %d, %d array elements intact of %d",
		counted, nodes, intact, n)
}
