// Rings dropped as soon as they are closed. A collector that claims EXACT and CYCLES must have reclaimed all of
// them after a full collection; one that is exact but cannot reclaim cycles must have kept every one, and the
// answer says so; without EXACT nothing can be said.
#include <stdio.h>

#include "workload.h"

enum { RINGS, LENGTH };
static const struct tri_param params[] = {
    {"rings", {200, 100000, 1000000}, 1, 100000000, "rings made and dropped"},
    {"length", {4, 4, 4}, 1, 1000000, "cells of a ring"},
};

#define CELL TRI_SHAPE(1, 8)

static uint64_t live_bytes(const int64_t *param) { return (uint64_t)param[LENGTH] * 16; }

static enum tri_outcome run(struct tri_mutator *m, const int64_t *param, struct tri_answer *answer) {
  enum tri_outcome outcome = TRI_OUTCOME_OUT_OF_MEMORY;
  struct tri_stats before, after;
  bool explicit_free = tri_has(m->heap, TRI_CAP_EXPLICIT_FREE);
  uint64_t sum = 0;
  TRI_FRAME(m, f, 2); // first and last cell of the ring
  tri_stats_get(m->heap, &before, sizeof before);
  for (int64_t ring = 0; ring < param[RINGS]; ring++) {
    for (int64_t i = 0; i < param[LENGTH]; i++) {
      tri_ref cell = tri_alloc(m, CELL);
      if (tri_is_null(cell)) goto out;
      *(uint64_t *)tri_raw_after(m, cell, 1) = (uint64_t)i;
      if (i == 0)
        tri_root_set(m, &f.slot[0], cell);
      else
        tri_store(m, f.slot[1], 0, cell);
      tri_root_set(m, &f.slot[1], cell);
    }
    tri_store(m, f.slot[1], 0, f.slot[0]);
    tri_ref at = f.slot[0];
    for (int64_t i = 0; i < param[LENGTH]; i++, at = tri_load(m, at, 0))
      sum += *(uint64_t *)tri_raw_after(m, at, 1);
    tri_root_set(m, &f.slot[0], TRI_NULL);
    tri_root_set(m, &f.slot[1], TRI_NULL);
    for (int64_t i = 0; explicit_free && i < param[LENGTH]; i++) {
      tri_ref successor = tri_load(m, at, 0);
      tri_free(m, at);
      at = successor;
    }
  }
  if (tri_collect(m, TRI_COLLECT_FULL) == TRI_ENOMEM) goto out;
  tri_stats_get(m->heap, &after, sizeof after);
  uint64_t made = (uint64_t)(param[RINGS] * param[LENGTH]);
  uint64_t expected = (uint64_t)(param[RINGS] * (param[LENGTH] * (param[LENGTH] - 1) / 2));
  uint64_t leaked = after.live_objects - before.live_objects;
  bool exact = tri_has(m->heap, TRI_CAP_EXACT), cycles = tri_has(m->heap, TRI_CAP_CYCLES);
  bool as_claimed = !exact || explicit_free || leaked == (cycles ? 0 : made);
  answer->value = sum;
  snprintf(answer->text, sizeof answer->text, "%llu of %llu cells of dead rings are still in the heap%s%s",
           (unsigned long long)leaked, (unsigned long long)made, leaked == made ? ": all leaked" : "",
           as_claimed ? "" : ", against the collector's claim");
  outcome = sum == expected && as_claimed ? TRI_OUTCOME_OK : TRI_OUTCOME_WRONG;
out:
  TRI_FRAME_POP(m, f);
  return outcome;
}

TRI_WORKLOAD(cyclic_garbage, "cyclic-garbage", "dead cycles: who reclaims them, who leaks them", "this suite");
