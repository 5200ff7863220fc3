// Perfect binary trees, built bottom-up and dropped at once, beside one that lives on: allocation and the death
// of nearly everything. After the "binary-trees" programs of the Computer Language Benchmarks Game; no pools.
#include <stdio.h>

#include "workload.h"

enum { DEPTH };
static const struct tri_param params[] = {
    {"depth", {8, 14, 18}, 5, 24, "depth of the long-lived tree; short-lived ones have 4 … depth"},
};

enum { LEFT, RIGHT, MIN_DEPTH = 4 };
#define NODE TRI_SHAPE(2, 0)

static uint64_t live_bytes(const int64_t *param) { return (UINT64_C(2) << param[DEPTH]) * 16; }

static tri_ref make_tree(struct tri_mutator *m, int64_t depth) {
  if (depth == 0) return tri_alloc(m, NODE);
  TRI_FRAME(m, f, 2);
  tri_ref node = make_tree(m, depth - 1);
  if (!tri_is_null(node)) {
    tri_root_set(m, &f.slot[LEFT], node);
    node = make_tree(m, depth - 1);
  }
  if (!tri_is_null(node)) {
    tri_root_set(m, &f.slot[RIGHT], node);
    node = tri_alloc(m, NODE);
  }
  if (!tri_is_null(node)) {
    tri_init(m, node, LEFT, f.slot[LEFT]);
    tri_init(m, node, RIGHT, f.slot[RIGHT]);
  }
  TRI_FRAME_POP(m, f);
  return node;
}

static uint64_t count_nodes(struct tri_mutator *m, tri_ref node) {
  tri_ref left = tri_load(m, node, LEFT), right = tri_load(m, node, RIGHT);
  return tri_is_null(left) ? 1 : 1 + count_nodes(m, left) + count_nodes(m, right);
}

static void free_tree(struct tri_mutator *m, tri_ref node) {
  tri_ref left = tri_load(m, node, LEFT), right = tri_load(m, node, RIGHT);
  if (!tri_is_null(left)) {
    free_tree(m, left);
    free_tree(m, right);
  }
  tri_free(m, node);
}

// Build a tree in *root, count it, drop it unless it is to be kept; its nodes, 0 when out of memory.
static uint64_t check_tree(struct tri_mutator *m, tri_ref *root, int64_t depth, bool keep) {
  tri_ref tree = make_tree(m, depth);
  if (tri_is_null(tree)) return 0;
  tri_root_set(m, root, tree);
  uint64_t count = count_nodes(m, tree);
  if (keep) return count;
  bool explicit_free = tri_has(m->heap, TRI_CAP_EXPLICIT_FREE);
  tri_root_set(m, root, TRI_NULL);
  if (explicit_free) free_tree(m, tree);
  return count;
}

static enum tri_outcome run(struct tri_mutator *m, const int64_t *param, struct tri_answer *answer) {
  int64_t max_depth = param[DEPTH];
  enum tri_outcome outcome = TRI_OUTCOME_OUT_OF_MEMORY;
  uint64_t total = 0, expected = 0, nodes;
  TRI_FRAME(m, f, 2);
  if (!(nodes = check_tree(m, &f.slot[0], max_depth + 1, false))) goto out;
  total += nodes;
  expected += (UINT64_C(4) << max_depth) - 1;
  if (!check_tree(m, &f.slot[1], max_depth, true)) goto out;
  for (int64_t depth = MIN_DEPTH; depth <= max_depth; depth += 2) {
    int64_t iterations = INT64_C(1) << (max_depth - depth + MIN_DEPTH);
    for (int64_t i = 0; i < iterations; i++) {
      if (!(nodes = check_tree(m, &f.slot[0], depth, false))) goto out;
      total += nodes;
    }
    expected += (uint64_t)iterations * ((UINT64_C(2) << depth) - 1);
  }
  total += count_nodes(m, f.slot[1]);
  expected += (UINT64_C(2) << max_depth) - 1;
  answer->value = total;
  snprintf(answer->text, sizeof answer->text, "%llu nodes counted, %llu built", (unsigned long long)total,
           (unsigned long long)expected);
  outcome = total == expected ? TRI_OUTCOME_OK : TRI_OUTCOME_WRONG;
out:
  TRI_FRAME_POP(m, f);
  return outcome;
}

TRI_WORKLOAD(binary_trees, "binary-trees", "allocation and early death of small objects",
             "Computer Language Benchmarks Game, binary-trees");
