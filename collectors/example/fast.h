// example: a copying collector in two halves, as small as the contract lets it be. See README.md.
#ifndef EXAMPLE_FAST_H
#define EXAMPLE_FAST_H

#include "tricolor/plain.h"

#define TRI_SUMMARY "the tutorial: two halves, one mutator, Cheney's copying collection"
#define TRI_CAPS                                                                                             \
  (TRI_CAP_MOVES | TRI_CAP_EXACT | TRI_CAP_CYCLES | TRI_CAP_RECLAIMS | TRI_CAP_WALK | TRI_CAP_MULTI_HEAP)
#define TRI_MAX_MUTATORS 1
#define TRI_MAX_HEAPS UINT32_MAX
#define TRI_MIN_HEAP (64 << 10)
#define TRI_MAX_OBJECT (UINT64_C(1) << 30)

struct example_heap {
  struct tri_heap base;
  uintptr_t next, end;      // the free part of the current half: zeroed
  uintptr_t current, other; // where the halves begin
  size_t half;
  uint64_t objects, copied_objects, copied_bytes, freed_objects, freed_bytes;
};

tri_ref example_alloc_slow(struct tri_mutator *m, struct tri_shape shape);

static inline tri_ref example_alloc(struct tri_mutator *m, struct tri_shape shape) {
  struct example_heap *heap = (struct example_heap *)m->heap;
  size_t bytes = tri_object_bytes(shape);
  if (TRI_UNLIKELY(bytes > heap->end - heap->next || !tri_shape_is_node(shape)))
    return example_alloc_slow(m, shape);
  tri_ref object = {heap->next + TRI_TAG_BYTES};
  *tri_tag(object) = shape.tag;
  heap->next += bytes;
  heap->objects++;
  return object;
}
#define tri_fast_alloc example_alloc
#define tri_cold_collect example_collect

#endif
