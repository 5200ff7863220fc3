// nocollect: bump allocation, never collects. See README.md.
#ifndef NOCOLLECT_FAST_H
#define NOCOLLECT_FAST_H

#include "common/bump.h"

#define TRI_SUMMARY "bump allocation, never collects: the lower bound"
#define TRI_CAPS (TRI_CAP_PIN | TRI_CAP_WALK | TRI_CAP_MULTI_HEAP | TRI_CAP_MULTI_MUTATOR)
#define TRI_MAX_MUTATORS 256
#define TRI_MAX_HEAPS UINT32_MAX
#define TRI_MIN_HEAP (64 << 10)
#define TRI_MAX_OBJECT (UINT64_C(1) << 30)

struct nocollect_mutator {
  struct tri_mutator base;
  struct tri_bump bump; // the front of this mutator's region
};

tri_ref nocollect_alloc_slow(struct tri_mutator *m, struct tri_shape shape);

static inline tri_ref nocollect_alloc(struct tri_mutator *m, struct tri_shape shape) {
  if (TRI_UNLIKELY(!tri_shape_is_node(shape))) return nocollect_alloc_slow(m, shape);
  tri_ref object = tri_bump_alloc(&((struct nocollect_mutator *)m)->bump, shape);
  return TRI_LIKELY(!tri_is_null(object)) ? object : nocollect_alloc_slow(m, shape);
}
#define tri_fast_alloc nocollect_alloc

#endif
