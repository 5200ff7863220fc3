// The common object layout: one tag word before slot 0 that holds the shape. For collectors that keep shapes
// there (all but those that override tri_fast_shape).
#ifndef TRICOLOR_OBJECT_H
#define TRICOLOR_OBJECT_H

#include "tricolor/types.h"

#define TRI_TAG_BYTES sizeof(uint64_t)
#define TRI_OBJECT_ALIGN 8

static inline uint64_t *tri_tag(tri_ref object) { return (uint64_t *)(object.bits - TRI_TAG_BYTES); }
static inline struct tri_shape tri_tag_shape(uint64_t tag) { return (struct tri_shape){(tag & ~TRI_TAG_LENT) | 1}; }

// Bytes of an object with its tag: rounded to the alignment, and at least two words, so that every freed
// object can hold a free-list link beside its tag.
static inline size_t tri_object_bytes(struct tri_shape shape) {
  size_t extent = (tri_shape_extent(shape) + TRI_OBJECT_ALIGN - 1) & ~(size_t)(TRI_OBJECT_ALIGN - 1);
  return TRI_TAG_BYTES + (extent ? extent : TRI_OBJECT_ALIGN);
}

// Forwarding pointer in the tag of a moved-out object: even, while a live tag is odd (Cheney 1970).
static inline bool tri_tag_forwarded(uint64_t tag) { return !(tag & 1); }

// The slots that a tracer follows as strong references: all of a node's, none of a weak reference or an
// ephemeron (those are common/weak.h's).
static inline size_t tri_strong_refs(struct tri_shape shape) {
  return tri_shape_kind(shape) == TRI_NODE ? tri_shape_refs(shape) : 0;
}

#endif
