// A long-lived tree with four children a node, and phases of short-lived trees of the same kind; the live tree is
// validated after every phase. After the quads benchmark of the Whippet collector library (Wingo).
#include <stdio.h>

#include "workload.h"

enum { DEPTH, PHASES };
static const struct tri_param params[] = {
    {"depth", {4, 7, 10}, 2, 12, "depth of the long-lived tree: (4^(depth+1) - 1) / 3 nodes"},
    {"phases", {4, 20, 20}, 1, 10000, "phases, each allocating as much as the long-lived tree has"},
};

enum { ARITY = 4, GARBAGE_DEPTH = 3 };
#define NODE TRI_SHAPE(ARITY, 8) // the payload: the node's number in depth-first order

static uint64_t tree_size(int64_t depth) { return ((UINT64_C(1) << (2 * depth + 2)) - 1) / 3; }
static uint64_t live_bytes(const int64_t *param) { return tree_size(param[DEPTH]) * (ARITY + 1) * 8; }

static tri_ref make_quad(struct tri_mutator *m, int64_t depth, uint64_t *number) {
  tri_ref node = tri_alloc(m, NODE);
  if (tri_is_null(node)) return node;
  *(uint64_t *)tri_raw_after(m, node, ARITY) = (*number)++;
  if (depth == 0) return node;
  TRI_FRAME(m, f, 1);
  tri_root_set(m, &f.slot[0], node);
  for (size_t i = 0; i < ARITY; i++) {
    tri_ref child = make_quad(m, depth - 1, number);
    if (tri_is_null(child)) {
      TRI_FRAME_POP(m, f);
      return TRI_NULL;
    }
    tri_store(m, f.slot[0], i, child);
  }
  node = f.slot[0];
  TRI_FRAME_POP(m, f);
  return node;
}

// Does the tree hold the numbers from *number on in depth-first order?
static bool validate(struct tri_mutator *m, tri_ref node, int64_t depth, uint64_t *number) {
  if (tri_is_null(node) || *(uint64_t *)tri_raw_after(m, node, ARITY) != (*number)++) return false;
  for (size_t i = 0; i < ARITY; i++)
    if (depth == 0 ? !tri_is_null(tri_load(m, node, i)) : !validate(m, tri_load(m, node, i), depth - 1, number))
      return false;
  return true;
}

static void free_quad(struct tri_mutator *m, tri_ref node, int64_t depth) {
  for (size_t i = 0; depth > 0 && i < ARITY; i++) free_quad(m, tri_load(m, node, i), depth - 1);
  tri_free(m, node);
}

static enum tri_outcome run(struct tri_mutator *m, const int64_t *param, struct tri_answer *answer) {
  int64_t depth = param[DEPTH];
  uint64_t nodes = tree_size(depth), number = 0, validated = 0;
  bool explicit_free = tri_has(m->heap, TRI_CAP_EXPLICIT_FREE);
  enum tri_outcome outcome = TRI_OUTCOME_OUT_OF_MEMORY;
  TRI_FRAME(m, f, 1);
  tri_ref tree = make_quad(m, depth, &number);
  if (tri_is_null(tree)) goto out;
  tri_root_set(m, &f.slot[0], tree);
  for (int64_t phase = 0; phase < param[PHASES]; phase++) {
    for (uint64_t made = 0; made < nodes;) {
      tri_ref garbage = make_quad(m, GARBAGE_DEPTH, &made);
      if (tri_is_null(garbage)) goto out;
      if (explicit_free) free_quad(m, garbage, GARBAGE_DEPTH);
    }
    number = 0;
    if (!validate(m, f.slot[0], depth, &number)) break;
    validated++;
  }
  answer->value = nodes * validated;
  snprintf(answer->text, sizeof answer->text, "%llu nodes, validated in %llu of %lld phases", (unsigned long long)nodes,
           (unsigned long long)validated, (long long)param[PHASES]);
  outcome = validated == (uint64_t)param[PHASES] ? TRI_OUTCOME_OK : TRI_OUTCOME_WRONG;
out:
  TRI_FRAME_POP(m, f);
  return outcome;
}

TRI_WORKLOAD(quads, "quads", "a fixed live tree validated between phases of garbage", "Whippet (Wingo), quads");
