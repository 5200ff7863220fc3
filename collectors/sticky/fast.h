// sticky: generational mark-sweep by sticky mark bits. See README.md.
#ifndef STICKY_FAST_H
#define STICKY_FAST_H

#include "common/marked_heap.h"

#define TRI_SUMMARY                                                                                          \
  "generational mark-sweep: sticky mark bits, objects recorded by the barrier, nothing moves"
#define TRI_CAPS                                                                                             \
  (TRI_CAP_EXACT | TRI_CAP_CYCLES | TRI_CAP_GENERATIONAL | TRI_CAP_WEAK | TRI_CAP_EPHEMERON |                \
   TRI_CAP_FINALIZER | TRI_CAP_PIN | TRI_CAP_WALK | TRI_CAP_RECLAIMS | TRI_CAP_MULTI_HEAP |                  \
   TRI_CAP_MULTI_MUTATOR)
#define TRI_TELLS (TRI_TELLS_MARKING | TRI_TELLS_GENERATION | TRI_TELLS_REMEMBERED | TRI_TELLS_BLOCKS)
#define TRI_MAX_MUTATORS 256
#define TRI_MAX_HEAPS UINT32_MAX
#define TRI_MIN_HEAP (64 << 10)
#define TRI_MAX_OBJECT (UINT64_C(1) << 30)
#define TRI_OPTIONS "sticky/options.def"

TRI_COLD void sticky_record_slow(struct tri_mutator *m, tri_ref object);
tri_ref sticky_alloc_slow(struct tri_mutator *m, struct tri_shape shape);

// Before a store to the object: if it is old, and not recorded, record it.
static inline void sticky_record(struct tri_mutator *m, tri_ref object) {
  if (tri_marked_is_old(object)) sticky_record_slow(m, object);
}

static inline tri_ref sticky_alloc(struct tri_mutator *m, struct tri_shape shape) {
  tri_ref object = tri_marked_alloc(m, shape);
  return TRI_LIKELY(!tri_is_null(object)) ? object : sticky_alloc_slow(m, shape);
}

static inline void sticky_store(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  sticky_record(m, object);
  tri_plain_store(m, object, i, value);
}

static inline tri_ref sticky_swap(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  sticky_record(m, object);
  return tri_plain_swap(m, object, i, value);
}

static inline bool sticky_cas(struct tri_mutator *m, tri_ref object, size_t i, tri_ref expected,
                              tri_ref value) {
  sticky_record(m, object);
  return tri_plain_cas(m, object, i, expected, value);
}

static inline void sticky_copy(struct tri_mutator *m, tri_ref to, size_t to_i, tri_ref from, size_t from_i,
                               size_t n) {
  sticky_record(m, to);
  tri_plain_copy(m, to, to_i, from, from_i, n);
}

static inline void sticky_fill(struct tri_mutator *m, tri_ref object, size_t i, size_t n, tri_ref value) {
  sticky_record(m, object);
  tri_plain_fill(m, object, i, n, value);
}

static inline void sticky_weak_set(struct tri_mutator *m, tri_ref weak, tri_ref target) {
  sticky_record(m, weak);
  tri_plain_weak_set(m, weak, target);
}

static inline void sticky_ephemeron_set(struct tri_mutator *m, tri_ref ephemeron, tri_ref key,
                                        tri_ref value) {
  sticky_record(m, ephemeron);
  tri_plain_ephemeron_set(m, ephemeron, key, value);
}

// Other mutators may record the object meanwhile.
static inline struct tri_shape sticky_shape(struct tri_mutator *m, tri_ref object) {
  (void)m;
  return tri_tag_shape(TRI_RELAXED_LOAD(tri_tag(object)));
}

#define tri_fast_alloc sticky_alloc
#define tri_fast_store sticky_store
#define tri_fast_init tri_plain_store
#define tri_fast_swap sticky_swap
#define tri_fast_cas sticky_cas
#define tri_fast_copy sticky_copy
#define tri_fast_fill sticky_fill
#define tri_fast_weak_set sticky_weak_set
#define tri_fast_ephemeron_set sticky_ephemeron_set
#define tri_fast_shape sticky_shape

#define tri_cold_heap_destroy tri_marked_heap_delete
#define tri_cold_attach tri_marked_attach
#define tri_cold_detach tri_marked_detach
#define tri_cold_walk tri_marked_walk
#define tri_cold_finalizer_add tri_marked_finalizer_add
#define tri_cold_finalizer_next tri_marked_finalizer_next
#define tri_cold_collect sticky_collect
#define tri_cold_inspect tri_marked_inspect
#define tri_cold_verify sticky_verify
#define tri_cold_marking tri_marked_marking
#define tri_cold_each_grey tri_marked_each_grey
#define tri_cold_each_remembered sticky_each_remembered
#define tri_cold_each_block tri_marked_each_block
#define tri_cold_each_size_class tri_block_each_size_class

#endif
