// The reference stores of a counting collector, for its fast.h. Before it includes this, fast.h defines
//   tri_counted_up(m, ref), tri_counted_down(m, ref)
// which tell of one reference more or less to ref (or null) from the slot of a node.
//
// Up before down, so that an object stored over itself never seems dead. One mutator per heap: no atomics.
#ifndef TRICOLOR_COMMON_COUNT_BARRIERS_H
#define TRICOLOR_COMMON_COUNT_BARRIERS_H

#include "tricolor/plain.h"

static inline void tri_counted_init(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  tri_counted_up(m, value);
  tri_plain_store(m, object, i, value);
}

static inline tri_ref tri_counted_swap(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  tri_ref old = tri_plain_load(m, object, i);
  tri_counted_init(m, object, i, value);
  tri_counted_down(m, old);
  return old;
}

static inline void tri_counted_store(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  tri_counted_swap(m, object, i, value);
}

static inline bool tri_counted_cas(struct tri_mutator *m, tri_ref object, size_t i, tri_ref expected,
                                   tri_ref value) {
  bool equal = tri_plain_load(m, object, i).bits == expected.bits;
  if (equal) tri_counted_store(m, object, i, value);
  return equal;
}

static inline void tri_counted_copy(struct tri_mutator *m, tri_ref to, size_t to_i, tri_ref from,
                                    size_t from_i, size_t n) {
  if (to.bits == from.bits && to_i > from_i)
    for (size_t k = n; k-- > 0;) tri_counted_store(m, to, to_i + k, tri_plain_load(m, from, from_i + k));
  else
    for (size_t k = 0; k < n; k++) tri_counted_store(m, to, to_i + k, tri_plain_load(m, from, from_i + k));
}

static inline void tri_counted_fill(struct tri_mutator *m, tri_ref object, size_t i, size_t n,
                                    tri_ref value) {
  for (size_t k = 0; k < n; k++) tri_counted_store(m, object, i + k, value);
}

#define tri_fast_init tri_counted_init
#define tri_fast_swap tri_counted_swap
#define tri_fast_store tri_counted_store
#define tri_fast_cas tri_counted_cas
#define tri_fast_copy tri_counted_copy
#define tri_fast_fill tri_counted_fill

#endif
