// zerocount: counts are kept, objects with count 0 are found by a traversal when memory is short. See
// README.md.
#ifndef ZEROCOUNT_FAST_H
#define ZEROCOUNT_FAST_H

#include "common/counted_heap.h"

#define TRI_SUMMARY "reference counts, objects with count 0 found by traversal; leaks cycles"
#define TRI_CAPS                                                                                             \
  (TRI_CAP_EXACT | TRI_CAP_WEAK | TRI_CAP_FINALIZER | TRI_CAP_PIN | TRI_CAP_WALK | TRI_CAP_RECLAIMS |        \
   TRI_CAP_MULTI_HEAP)
#define TRI_TELLS TRI_TELLS_BLOCKS
#define TRI_MAX_MUTATORS 1
#define TRI_MAX_HEAPS UINT32_MAX
#define TRI_MIN_HEAP (64 << 10)
#define TRI_MAX_OBJECT (UINT64_C(1) << 30)
#define TRI_OPTIONS "zerocount/options.def"

// In the count word: the object is a root, during a collection.
#define ZEROCOUNT_ROOT (UINT64_C(1) << 3)

static inline void zerocount_up(struct tri_mutator *m, tri_ref object) {
  if (tri_is_null(object)) return;
  uint64_t *word = tri_count_word(object);
  *word = tri_count_up(*word, tri_counted_heap_of(m)->stuck_from);
}

static inline void zerocount_down(struct tri_mutator *m, tri_ref object) {
  if (tri_is_null(object)) return;
  uint64_t *word = tri_count_word(object);
  *word = tri_count_down(*word, tri_counted_heap_of(m)->stuck_from);
}

#define tri_counted_up zerocount_up
#define tri_counted_down zerocount_down
#include "common/count_barriers.h"

tri_ref zerocount_alloc_slow(struct tri_mutator *m, struct tri_shape shape);
void zerocount_weak_set_slow(struct tri_mutator *m, tri_ref weak, tri_ref target);

static inline tri_ref zerocount_alloc(struct tri_mutator *m, struct tri_shape shape) {
  tri_ref object = tri_counted_alloc(tri_counted_heap_of(m), shape, 0);
  return TRI_LIKELY(!tri_is_null(object)) ? object : zerocount_alloc_slow(m, shape);
}

#define tri_fast_alloc zerocount_alloc
#define tri_fast_weak_set zerocount_weak_set_slow
#define tri_cold_heap_destroy tri_counted_heap_delete
#define tri_cold_attach tri_counted_attach
#define tri_cold_detach tri_counted_detach
#define tri_cold_stats_fill tri_counted_stats_fill
#define tri_cold_collect zerocount_collect
#define tri_cold_inspect zerocount_inspect
#define tri_cold_verify zerocount_verify
#define tri_cold_each_block tri_counted_each_block
#define tri_cold_each_size_class tri_block_each_size_class
#define tri_cold_finalizer_add tri_counted_finalizer_add
#define tri_cold_finalizer_next zerocount_finalizer_next

#endif
