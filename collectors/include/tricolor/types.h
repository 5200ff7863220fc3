// The words of the contract: references, shapes, kinds, statuses, capabilities.
#ifndef TRICOLOR_TYPES_H
#define TRICOLOR_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tricolor/compiler.h"

// A reference: one word that points at slot 0 of an object, or TRI_NULL. A struct, so that a ref is never
// mixed up with an address or an integer. What stands before slot 0 belongs to the collector.
typedef struct {
  uintptr_t bits;
} tri_ref;

#define TRI_NULL ((tri_ref){0})

static inline bool tri_is_null(tri_ref ref) { return ref.bits == 0; }

// What an object is.
//   TRI_NODE       n_refs reference slots, then n_bytes of raw payload
//   TRI_WEAK       one weak target, reached by tri_weak_get/_set only
//   TRI_EPHEMERON  a key and a value (Hayes 1997), reached by tri_ephemeron_* only: the value is held by the
//                  ephemeron only as long as the key is reachable otherwise
enum tri_kind { TRI_NODE, TRI_WEAK, TRI_EPHEMERON };

// The shape of an object, encoded as its tag word:
//   bit  0       1 in every object; a collector may overwrite the tag of a moved-out object with an (even)
//                forwarding pointer
//   bits 1..7    lent to the collector; 0 in a shape
//   bits 8..11   kind
//   bits 12..35  n_refs
//   bits 36..63  n_bytes
struct tri_shape {
  uint64_t tag;
};

#define TRI_MAX_REFS ((UINT64_C(1) << 24) - 1)
#define TRI_MAX_BYTES ((UINT64_C(1) << 28) - 1)
#define TRI_TAG_LENT UINT64_C(0xfe)

// The shape of a node with constant or already checked sizes (n_refs <= TRI_MAX_REFS, n_bytes <=
// TRI_MAX_BYTES; beyond that: use tri_shape_make).
#define TRI_SHAPE(n_refs, n_bytes) TRI_KIND_SHAPE(TRI_NODE, n_refs, n_bytes)
#define TRI_KIND_SHAPE(kind, n_refs, n_bytes)                                                                \
  ((struct tri_shape){1 | (uint64_t)(kind) << 8 | (uint64_t)(n_refs) << 12 | (uint64_t)(n_bytes) << 36})
#define TRI_WEAK_SHAPE TRI_KIND_SHAPE(TRI_WEAK, 1, 0)
#define TRI_EPHEMERON_SHAPE TRI_KIND_SHAPE(TRI_EPHEMERON, 2, 0)

static inline enum tri_kind tri_shape_kind(struct tri_shape shape) {
  return (enum tri_kind)(shape.tag >> 8 & 0xf);
}
static inline size_t tri_shape_refs(struct tri_shape shape) { return shape.tag >> 12 & TRI_MAX_REFS; }
static inline size_t tri_shape_bytes(struct tri_shape shape) { return shape.tag >> 36; }
static inline bool tri_shape_equal(struct tri_shape a, struct tri_shape b) { return a.tag == b.tag; }

// Bytes from slot 0 to the end of the payload.
static inline size_t tri_shape_extent(struct tri_shape shape) {
  return tri_shape_refs(shape) * sizeof(tri_ref) + tri_shape_bytes(shape);
}

// Checked construction of a node's shape: false when either size is beyond what a tag can say.
static inline bool tri_shape_make(uint64_t n_refs, uint64_t n_bytes, struct tri_shape *shape) {
  if (n_refs > TRI_MAX_REFS || n_bytes > TRI_MAX_BYTES) return false;
  *shape = TRI_SHAPE(n_refs, n_bytes);
  return true;
}

// True when the tag is one that tri_alloc accepts: a known kind with the sizes that this kind has.
static inline bool tri_shape_valid(struct tri_shape shape) {
  if ((shape.tag & 0xff) != 1) return false;
  switch (tri_shape_kind(shape)) {
  case TRI_NODE: return true;
  case TRI_WEAK: return tri_shape_equal(shape, TRI_WEAK_SHAPE);
  case TRI_EPHEMERON: return tri_shape_equal(shape, TRI_EPHEMERON_SHAPE);
  }
  return false;
}

// True for a node's tag. An inline allocation path that takes only nodes can leave the other checks to its
// slow path, as far as it knows by the sizes; with a constant shape it costs nothing.
static inline bool tri_shape_is_node(struct tri_shape shape) { return (shape.tag & 0xfff) == 1; }

enum tri_status {
  TRI_OK = 0,
  TRI_ENOMEM = -1,   // out of memory: a value, never an abort; the heap stays usable
  TRI_EINVAL = -2,   // an argument is wrong
  TRI_ENOTSUP = -3,  // the collector does not claim the capability that the call needs
  TRI_ECORRUPT = -4, // the heap is damaged
};
TRI_EXPORT const char *tri_status_name(enum tri_status status);

// How much a collection is asked to do. A collector without the distinction does the next larger thing.
enum tri_collect_kind { TRI_COLLECT_MINOR, TRI_COLLECT_FULL, TRI_COLLECT_COMPACT };

// Capabilities are claims; each has a conformance test that fails when the claim is false.
enum tri_cap {
#define TRI_CAP_ROW(name, bit, doc) TRI_CAP_##name = 1 << bit,
#include "tricolor/capabilities.def"
#undef TRI_CAP_ROW
};

// What a collector may tell of itself beyond what it must (introspect.h).
enum tri_tells {
#define TRI_TELL_ROW(name, bit, doc) TRI_TELLS_##name = 1 << bit,
#include "tricolor/tells.def"
#undef TRI_TELL_ROW
};

struct tri_caps {
  uint64_t flags;          // enum tri_cap
  uint32_t max_mutators;   // attached at one time, per heap
  uint32_t max_heaps;      // alive at one time, per process
  size_t min_heap_bytes;   // smallest legal heap= option
  size_t max_object_bytes; // largest tri_shape_extent that alloc can ever satisfy
  uint32_t tells;          // enum tri_tells
};

#endif
