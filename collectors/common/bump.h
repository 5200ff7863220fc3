// Bump allocation in a pre-zeroed region that belongs to one mutator: the inline path of every collector that
// allocates contiguously. bump and limit stand side by side, so that the path touches one cache line.
#ifndef TRICOLOR_COMMON_BUMP_H
#define TRICOLOR_COMMON_BUMP_H

#include "tricolor/object.h"

struct tri_bump {
  uintptr_t next, limit; // next <= limit; [next, limit) is zero
};

// A tagged object at the front of the region, or TRI_NULL when it does not fit or is no shape: then take the
// slow path. (With a constant shape the compiler knows that it is one.)
static inline tri_ref tri_bump_alloc(struct tri_bump *bump, struct tri_shape shape) {
  size_t bytes = tri_object_bytes(shape);
  uintptr_t start = bump->next;
  if (TRI_UNLIKELY(bytes > bump->limit - start || !tri_shape_valid(shape))) return TRI_NULL;
  bump->next = start + bytes;
  *(uint64_t *)start = shape.tag;
  return (tri_ref){start + TRI_TAG_BYTES};
}

#endif
