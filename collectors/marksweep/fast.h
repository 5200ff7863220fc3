// marksweep: size-segregated blocks, side mark bits, lazy sweep. See README.md.
#ifndef MARKSWEEP_FAST_H
#define MARKSWEEP_FAST_H

#include "common/marked_heap.h"

#define TRI_SUMMARY                                                                                          \
  "stop-the-world mark-sweep: size-segregated blocks, side mark bits, prefetching, lazy sweep"
#define TRI_CAPS                                                                                             \
  (TRI_CAP_EXACT | TRI_CAP_CYCLES | TRI_CAP_WEAK | TRI_CAP_EPHEMERON | TRI_CAP_FINALIZER | TRI_CAP_PIN |     \
   TRI_CAP_WALK | TRI_CAP_RECLAIMS | TRI_CAP_MULTI_HEAP | TRI_CAP_MULTI_MUTATOR)
#define TRI_TELLS (TRI_TELLS_MARKING | TRI_TELLS_BLOCKS)
#define TRI_MAX_MUTATORS 256
#define TRI_MAX_HEAPS UINT32_MAX
#define TRI_MIN_HEAP (64 << 10)
#define TRI_MAX_OBJECT (UINT64_C(1) << 30)
#define TRI_OPTIONS "marksweep/options.def"

tri_ref marksweep_alloc_slow(struct tri_mutator *m, struct tri_shape shape);

static inline tri_ref marksweep_alloc(struct tri_mutator *m, struct tri_shape shape) {
  tri_ref object = tri_marked_alloc(m, shape);
  return TRI_LIKELY(!tri_is_null(object)) ? object : marksweep_alloc_slow(m, shape);
}
#define tri_fast_alloc marksweep_alloc

#define tri_cold_heap_destroy tri_marked_heap_delete
#define tri_cold_attach tri_marked_attach
#define tri_cold_detach tri_marked_detach
#define tri_cold_walk tri_marked_walk
#define tri_cold_stats_fill tri_marked_stats_fill
#define tri_cold_finalizer_add tri_marked_finalizer_add
#define tri_cold_finalizer_next tri_marked_finalizer_next
#define tri_cold_collect marksweep_collect
#define tri_cold_inspect tri_marked_inspect
#define tri_cold_verify tri_marked_verify
#define tri_cold_marking tri_marked_marking
#define tri_cold_each_grey tri_marked_each_grey
#define tri_cold_each_block tri_marked_each_block
#define tri_cold_each_size_class tri_block_each_size_class

#endif
