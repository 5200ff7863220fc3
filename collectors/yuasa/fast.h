// yuasa: incremental mark-sweep with a snapshot at the beginning. See README.md.
#ifndef YUASA_FAST_H
#define YUASA_FAST_H

#include "common/marked_heap.h"

#define TRI_SUMMARY "incremental mark-sweep: snapshot at the beginning, deletion barrier, black allocation"
#define TRI_CAPS                                                                                             \
  (TRI_CAP_EXACT | TRI_CAP_CYCLES | TRI_CAP_INCREMENTAL | TRI_CAP_WEAK | TRI_CAP_EPHEMERON |                 \
   TRI_CAP_FINALIZER | TRI_CAP_PIN | TRI_CAP_WALK | TRI_CAP_RECLAIMS | TRI_CAP_MULTI_HEAP |                  \
   TRI_CAP_MULTI_MUTATOR)
#define TRI_TELLS (TRI_TELLS_MARKING | TRI_TELLS_BLOCKS)
#define TRI_MAX_MUTATORS 256
#define TRI_MAX_HEAPS UINT32_MAX
#define TRI_MIN_HEAP (64 << 10)
#define TRI_MAX_OBJECT (UINT64_C(1) << 30)
#define TRI_OPTIONS "yuasa/options.def"

struct yuasa_mutator {
  struct tri_buffered_mutator buffered; // references to be shaded
  bool marking;                         // the heap's: the barrier is on
};

static inline bool yuasa_is_marking(struct tri_mutator *m) {
  return TRI_UNLIKELY(((struct yuasa_mutator *)m)->marking);
}

// While a snapshot is marked: keep what a slot is about to lose, or what a weak object hands out (or null).
TRI_COLD void yuasa_shade_slow(struct tri_mutator *m, tri_ref object);
// The same for what one slot, or n, hold.
TRI_COLD void yuasa_shade_slot_slow(struct tri_mutator *m, tri_ref object, size_t i);
TRI_COLD void yuasa_shade_slots_slow(struct tri_mutator *m, tri_ref object, size_t i, size_t n);

tri_ref yuasa_alloc_slow(struct tri_mutator *m, struct tri_shape shape);

static inline tri_ref yuasa_alloc(struct tri_mutator *m, struct tri_shape shape) {
  tri_ref object = tri_marked_alloc(m, shape);
  return TRI_LIKELY(!tri_is_null(object)) ? object : yuasa_alloc_slow(m, shape);
}

static inline void yuasa_store(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  if (yuasa_is_marking(m)) yuasa_shade_slot_slow(m, object, i);
  tri_plain_store(m, object, i, value);
}

// What the slot had is known afterwards only; until the next safepoint nobody marks.
static inline tri_ref yuasa_swap(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  tri_ref old = tri_plain_swap(m, object, i, value);
  if (yuasa_is_marking(m)) yuasa_shade_slow(m, old);
  return old;
}

static inline bool yuasa_cas(struct tri_mutator *m, tri_ref object, size_t i, tri_ref expected,
                             tri_ref value) {
  bool stored = tri_plain_cas(m, object, i, expected, value);
  if (yuasa_is_marking(m) && stored) yuasa_shade_slow(m, expected);
  return stored;
}

static inline void yuasa_copy(struct tri_mutator *m, tri_ref to, size_t to_i, tri_ref from, size_t from_i,
                              size_t n) {
  if (yuasa_is_marking(m)) yuasa_shade_slots_slow(m, to, to_i, n);
  tri_plain_copy(m, to, to_i, from, from_i, n);
}

static inline void yuasa_fill(struct tri_mutator *m, tri_ref object, size_t i, size_t n, tri_ref value) {
  if (yuasa_is_marking(m)) yuasa_shade_slots_slow(m, object, i, n);
  tri_plain_fill(m, object, i, n, value);
}

// What a weak object hands out may be in nobody's snapshot.
static inline tri_ref yuasa_weak_get(struct tri_mutator *m, tri_ref weak) {
  tri_ref target = tri_plain_weak_get(m, weak);
  if (yuasa_is_marking(m)) yuasa_shade_slow(m, target);
  return target;
}

static inline tri_ref yuasa_ephemeron_key(struct tri_mutator *m, tri_ref ephemeron) {
  tri_ref key = tri_plain_ephemeron_key(m, ephemeron);
  if (yuasa_is_marking(m)) yuasa_shade_slow(m, key);
  return key;
}

static inline tri_ref yuasa_ephemeron_value(struct tri_mutator *m, tri_ref ephemeron) {
  tri_ref value = tri_plain_ephemeron_value(m, ephemeron);
  if (yuasa_is_marking(m)) yuasa_shade_slow(m, value);
  return value;
}

static inline struct tri_shape yuasa_shape(struct tri_mutator *m, tri_ref object) {
  (void)m;
  return tri_marked_shape(*tri_tag(object));
}

#define tri_fast_alloc yuasa_alloc
#define tri_fast_store yuasa_store
#define tri_fast_init tri_plain_store
#define tri_fast_swap yuasa_swap
#define tri_fast_cas yuasa_cas
#define tri_fast_copy yuasa_copy
#define tri_fast_fill yuasa_fill
#define tri_fast_weak_get yuasa_weak_get
#define tri_fast_ephemeron_key yuasa_ephemeron_key
#define tri_fast_ephemeron_value yuasa_ephemeron_value
#define tri_fast_shape yuasa_shape

#define tri_cold_heap_destroy tri_marked_heap_delete
#define tri_cold_detach tri_marked_detach
#define tri_cold_walk tri_marked_walk
#define tri_cold_stats_fill tri_marked_stats_fill
#define tri_cold_finalizer_add tri_marked_finalizer_add
#define tri_cold_finalizer_next yuasa_finalizer_next
#define tri_cold_collect yuasa_collect
#define tri_cold_collect_start yuasa_collect_start
#define tri_cold_collect_step yuasa_collect_step
#define tri_cold_inspect tri_marked_inspect
#define tri_cold_verify yuasa_verify
#define tri_cold_marking yuasa_marking
#define tri_cold_each_grey yuasa_each_grey
#define tri_cold_each_block tri_marked_each_block
#define tri_cold_each_size_class tri_block_each_size_class

#endif
