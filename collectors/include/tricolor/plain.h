// The plain way to do each fast call: what a collector that defines no tri_fast_<name> gets. Objects carry
// the common tag word before slot 0 (object.h); stores have no barrier.
#ifndef TRICOLOR_PLAIN_H
#define TRICOLOR_PLAIN_H

#include "tricolor/object.h"

static inline tri_ref *tri_slot(tri_ref object, size_t i) { return (tri_ref *)object.bits + i; }

static inline tri_ref tri_plain_load(struct tri_mutator *m, tri_ref object, size_t i) {
  (void)m;
  return (tri_ref){TRI_RELAXED_LOAD(&tri_slot(object, i)->bits)};
}

static inline void tri_plain_store(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  (void)m;
  TRI_RELAXED_STORE(&tri_slot(object, i)->bits, value.bits);
}

static inline tri_ref tri_plain_swap(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  (void)m;
  return (tri_ref){__atomic_exchange_n(&tri_slot(object, i)->bits, value.bits, __ATOMIC_ACQ_REL)};
}

static inline bool tri_plain_cas(struct tri_mutator *m, tri_ref object, size_t i, tri_ref expected,
                                 tri_ref value) {
  (void)m;
  return __atomic_compare_exchange_n(&tri_slot(object, i)->bits, &expected.bits, value.bits, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static inline void tri_plain_copy(struct tri_mutator *m, tri_ref to, size_t to_i, tri_ref from, size_t from_i,
                                  size_t n) {
  if (to.bits == from.bits && to_i > from_i)
    for (size_t k = n; k-- > 0;) tri_plain_store(m, to, to_i + k, tri_plain_load(m, from, from_i + k));
  else
    for (size_t k = 0; k < n; k++) tri_plain_store(m, to, to_i + k, tri_plain_load(m, from, from_i + k));
}

static inline void tri_plain_fill(struct tri_mutator *m, tri_ref object, size_t i, size_t n, tri_ref value) {
  for (size_t k = 0; k < n; k++) tri_plain_store(m, object, i + k, value);
}

static inline struct tri_shape tri_plain_shape(struct tri_mutator *m, tri_ref object) {
  (void)m;
  return tri_tag_shape(*tri_tag(object));
}

static inline bool tri_plain_same(struct tri_mutator *m, tri_ref a, tri_ref b) {
  (void)m;
  return a.bits == b.bits;
}

static inline void tri_plain_free(struct tri_mutator *m, tri_ref object) { (void)m, (void)object; }

static inline void tri_plain_root_set(struct tri_mutator *m, tri_ref *slot, tri_ref value) {
  (void)m;
  *slot = value;
}

static inline void tri_plain_frame_push(struct tri_mutator *m, struct tri_frame *frame) { (void)m, (void)frame; }
static inline void tri_plain_frame_pop(struct tri_mutator *m, struct tri_frame *frame) { (void)m, (void)frame; }

static inline tri_ref tri_plain_weak_get(struct tri_mutator *m, tri_ref weak) { return tri_plain_load(m, weak, 0); }
static inline void tri_plain_weak_set(struct tri_mutator *m, tri_ref weak, tri_ref target) {
  tri_plain_store(m, weak, 0, target);
}

static inline tri_ref tri_plain_ephemeron_key(struct tri_mutator *m, tri_ref e) { return tri_plain_load(m, e, 0); }
static inline tri_ref tri_plain_ephemeron_value(struct tri_mutator *m, tri_ref e) {
  return tri_plain_load(m, e, 1);
}
static inline void tri_plain_ephemeron_set(struct tri_mutator *m, tri_ref e, tri_ref key, tri_ref value) {
  tri_plain_store(m, e, 0, key);
  tri_plain_store(m, e, 1, value);
}

// Wait here while another mutator collects. May collect and move. (common/world.c)
TRI_EXPORT void tri_safepoint_slow(struct tri_mutator *m);

// In the fibers form (common/actor.h) every safepoint is a yield point, so it always takes the slow path.
#ifndef TRI_FIBERS
#define TRI_FIBERS 0
#endif
static inline void tri_plain_safepoint(struct tri_mutator *m) {
  if (TRI_UNLIKELY(TRI_FIBERS || TRI_RELAXED_LOAD(&m->heap->stop_requested))) tri_safepoint_slow(m);
}

#endif
