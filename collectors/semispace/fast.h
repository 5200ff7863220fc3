// semispace: Cheney's copying collector with a large-object space. See README.md.
#ifndef SEMISPACE_FAST_H
#define SEMISPACE_FAST_H

#include "common/bump.h"

#define TRI_SUMMARY "stop-the-world copying between two semispaces (Cheney 1970), large objects beside them"
#define TRI_CAPS                                                                                             \
  (TRI_CAP_MOVES | TRI_CAP_EXACT | TRI_CAP_CYCLES | TRI_CAP_WEAK | TRI_CAP_EPHEMERON | TRI_CAP_FINALIZER |   \
   TRI_CAP_WALK | TRI_CAP_RECLAIMS | TRI_CAP_MULTI_HEAP | TRI_CAP_MULTI_MUTATOR)
#define TRI_MAX_MUTATORS 256
#define TRI_MAX_HEAPS UINT32_MAX
#define TRI_MIN_HEAP (64 << 10)
#define TRI_MAX_OBJECT (UINT64_C(1) << 30)
#define TRI_OPTIONS "semispace/options.def"

struct semispace_mutator {
  struct tri_mutator base;
  struct tri_bump bump; // the front of this mutator's region
  uint64_t n_allocated; // objects in its regions since the heap last asked: one more instruction here is
                        // far cheaper than any walk over dead objects
};

tri_ref semispace_alloc_slow(struct tri_mutator *m, struct tri_shape shape);

static inline tri_ref semispace_alloc(struct tri_mutator *base, struct tri_shape shape) {
  struct semispace_mutator *m = (struct semispace_mutator *)base;
  tri_ref object = tri_bump_alloc(&m->bump, shape);
  if (TRI_UNLIKELY(tri_is_null(object))) return semispace_alloc_slow(base, shape);
  m->n_allocated++;
  return object;
}
#define tri_fast_alloc semispace_alloc

enum tri_status semispace_finalizer_add(struct tri_mutator *m, tri_ref object, uint64_t cookie);
tri_ref semispace_finalizer_next(struct tri_mutator *m, uint64_t *cookie);
enum tri_status semispace_collect(struct tri_mutator *m, enum tri_collect_kind kind);
size_t semispace_verify(struct tri_heap *heap, const struct tri_reporter *reporter);
#define tri_cold_finalizer_add semispace_finalizer_add
#define tri_cold_finalizer_next semispace_finalizer_next
#define tri_cold_collect semispace_collect
#define tri_cold_verify semispace_verify

#endif
