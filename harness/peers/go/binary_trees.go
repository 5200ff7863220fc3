package main

import "fmt"

// harness/workloads/binary-trees.c
var binaryTrees = workload{
	params:    []string{"depth"},
	sizes:     [][3]int64{{8, 14, 18}},
	liveBytes: func(param []int64) int64 { return 2 << param[0] * 16 },
	run:       runBinaryTrees,
}

type pair struct{ left, right *pair }

func makePairs(depth int64) *pair {
	if depth == 0 {
		return new(pair)
	}
	left := makePairs(depth - 1)
	right := makePairs(depth - 1)
	return &pair{left, right}
}

func (p *pair) count() uint64 {
	if p.left == nil {
		return 1
	}
	return 1 + p.left.count() + p.right.count()
}

func runBinaryTrees(param []int64) (answer, expected uint64, text string) {
	const minDepth = 4
	maxDepth := param[0]
	answer += makePairs(maxDepth + 1).count()
	expected += 4<<maxDepth - 1
	longLived := makePairs(maxDepth)
	for depth := int64(minDepth); depth <= maxDepth; depth += 2 {
		iterations := int64(1) << (maxDepth - depth + minDepth)
		for i := int64(0); i < iterations; i++ {
			answer += makePairs(depth).count()
		}
		expected += uint64(iterations) * (2<<depth - 1)
	}
	answer += longLived.count()
	expected += 2<<maxDepth - 1
	return answer, expected, fmt.Sprintf("%d nodes counted, %d built", answer, expected)
}
