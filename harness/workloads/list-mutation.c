// A long-lived doubly linked list whose cells are moved all the time, some of them replaced by fresh copies:
// stores into old objects, old-to-young references, cycles in every pair of neighbours. The list is modelled in
// plain arrays and compared at the end.
#include <stdio.h>
#include <stdlib.h>

#include "workload.h"

enum { CELLS, MOVES, REPLACE };
static const struct tri_param params[] = {
    {"cells", {200, 50000, 500000}, 4, 4000000, "cells of the list"},
    {"moves", {2000, 1000000, 10000000}, 0, INT64_C(1) << 40, "moves of a random cell behind another"},
    {"replace", {4, 4, 4}, 1, 1000000, "every so many moves the cell is replaced by a copy"},
};

enum { NEXT, PREVIOUS };
#define CELL TRI_SHAPE(2, 8) // the payload: the cell's number

static uint64_t live_bytes(const int64_t *param) { return (uint64_t)param[CELLS] * (24 + 8); }

static void link_cells(struct tri_mutator *m, tri_ref a, tri_ref b) {
  tri_store(m, a, NEXT, b);
  tri_store(m, b, PREVIOUS, a);
}

static enum tri_outcome run(struct tri_mutator *m, const int64_t *param, struct tri_answer *answer) {
  uint32_t n = (uint32_t)param[CELLS];
  uint32_t *next = malloc(2 * n * sizeof *next), *previous = next + n;
  if (!next) return TRI_OUTCOME_OUT_OF_MEMORY;
  bool explicit_free = tri_has(m->heap, TRI_CAP_EXPLICIT_FREE);
  enum tri_outcome outcome = TRI_OUTCOME_OUT_OF_MEMORY;
  TRI_FRAME(m, f, 1); // the index: cell i in slot i
  tri_ref index = tri_alloc(m, TRI_SHAPE(n, 0));
  if (tri_is_null(index)) goto out;
  tri_root_set(m, &f.slot[0], index);
  for (uint32_t i = 0; i < n; i++) {
    tri_ref cell = tri_alloc(m, CELL);
    if (tri_is_null(cell)) goto out;
    *(uint64_t *)tri_raw_after(m, cell, 2) = i;
    tri_store(m, f.slot[0], i, cell);
    if (i > 0) link_cells(m, tri_load(m, f.slot[0], i - 1), cell);
    next[i] = i + 1 < n ? i + 1 : 0;
    previous[i] = i > 0 ? i - 1 : n - 1;
  }
  link_cells(m, tri_load(m, f.slot[0], n - 1), tri_load(m, f.slot[0], 0));

  struct tri_random random = {42};
  for (int64_t move = 0; move < param[MOVES]; move++) {
    uint32_t a = (uint32_t)tri_random_below(&random, n), b = (uint32_t)tri_random_below(&random, n);
    if (a == b || next[b] == a) continue;
    if (move % param[REPLACE] == 0) {
      tri_ref fresh = tri_alloc(m, CELL);
      if (tri_is_null(fresh)) goto out;
      tri_ref old = tri_load(m, f.slot[0], a);
      *(uint64_t *)tri_raw_after(m, fresh, 2) = *(uint64_t *)tri_raw_after(m, old, 2);
      link_cells(m, tri_load(m, old, PREVIOUS), tri_load(m, old, NEXT));
      tri_store(m, f.slot[0], a, fresh);
      if (explicit_free) tri_free(m, old);
    } else {
      tri_ref cell = tri_load(m, f.slot[0], a);
      link_cells(m, tri_load(m, cell, PREVIOUS), tri_load(m, cell, NEXT));
    }
    next[previous[a]] = next[a];
    previous[next[a]] = previous[a];
    tri_ref cell = tri_load(m, f.slot[0], a), before = tri_load(m, f.slot[0], b);
    tri_ref after = tri_load(m, before, NEXT);
    link_cells(m, cell, after);
    link_cells(m, before, cell);
    next[a] = next[b];
    previous[a] = b;
    previous[next[b]] = a;
    next[b] = a;
    tri_safepoint(m);
  }

  uint64_t hash = 0, wrong = 0;
  tri_ref at = tri_load(m, f.slot[0], 0);
  for (uint32_t i = 0, k = 0; k < n; k++, i = next[i]) {
    uint64_t number = *(uint64_t *)tri_raw_after(m, at, 2);
    tri_ref successor = tri_load(m, at, NEXT);
    wrong += number != i || !tri_same(m, tri_load(m, successor, PREVIOUS), at);
    hash = hash * 31 + number;
    at = successor;
  }
  answer->value = hash;
  snprintf(answer->text, sizeof answer->text, "%u cells in order, %llu out of place", n, (unsigned long long)wrong);
  outcome = wrong == 0 ? TRI_OUTCOME_OK : TRI_OUTCOME_WRONG;
out:
  TRI_FRAME_POP(m, f);
  free(next);
  return outcome;
}

TRI_WORKLOAD(list_mutation, "list-mutation", "pointer mutation in old objects, old-to-young stores",
             "this suite");
