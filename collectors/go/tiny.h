// The tiny allocator (option tiny): objects without references of less than 16 bytes share blocks of 16,
// which are the cells of spans of their own class. A mutator has one block that it adds to.
//
// Go aligns an object of n bytes to the power of two that divides n; the contract, all objects to 8
// bytes. So there are two in a block at most, of up to 8 bytes each, and nothing is saved: the option is
// for what sharing a fate costs.
//
// A block is kept as a whole while one of its objects lives, as in Go; but each object has a mark of its own,
// so that it dies by itself: it is no object any more, and its bytes are those of its neighbours. All of a
// block counts as live: an object's extent goes to the next one, and the first one's begins with the block.
//
// Behind the cells of a span there is a struct go_tiny for each. Its starts and ends are written by the
// mutator that has the span in its cache, or by the sweep; its marks by any marker.
// Source: Go 1.2 to 1.26, runtime/malloc.go.
#ifndef TRICOLOR_GO_TINY_H
#define TRICOLOR_GO_TINY_H

#include "go/span.h"

enum { GO_TINY_BYTES = 16 };

struct go_tiny { // a bit per byte of the block
  uint16_t starts;
  uint16_t ends; // the last byte of an object; one without bytes has none, and takes up one
  uint16_t marks;
};

static inline bool go_span_is_tiny(const struct go_span *span) { return span->span_class == GO_TINY_SPANS; }

static inline struct go_tiny *go_tiny_of(const struct go_span *span, size_t index) {
  return (struct go_tiny *)go_span_cell(span, span->n_cells) + index;
}
static inline struct go_tiny *go_tiny_around(const struct go_span *span, uintptr_t address) {
  return go_tiny_of(span, go_span_index(span, address));
}
static inline unsigned go_tiny_bit(uintptr_t address) { return 1u << address % GO_TINY_BYTES; }

// Mark the object; true when it was not marked.
static inline bool go_tiny_mark(const struct go_span *span, uintptr_t object) {
  unsigned bit = go_tiny_bit(object);
  return !(__atomic_fetch_or(&go_tiny_around(span, object)->marks, (uint16_t)bit, __ATOMIC_RELAXED) & bit);
}
static inline bool go_tiny_is_marked(const struct go_span *span, uintptr_t object) {
  return TRI_RELAXED_LOAD(&go_tiny_around(span, object)->marks) & go_tiny_bit(object);
}

// Where an object of so many bytes can be placed from `used` on, or GO_TINY_BYTES.
size_t go_tiny_place(size_t used, size_t bytes);

// Make the object at this address, in a block that is allocated; `bytes` of it.
void go_tiny_put(struct go_span *span, uintptr_t object, size_t bytes);

// Whether there is an object at this address of an allocated block; its bytes; and its extent.
static inline bool go_tiny_is_object(const struct go_span *span, uintptr_t address) {
  return go_tiny_around(span, address)->starts & go_tiny_bit(address);
}
size_t go_tiny_bytes(const struct go_span *span, uintptr_t object);
uintptr_t go_tiny_extent(const struct go_span *span, uintptr_t object, size_t *bytes);

// Objects in the span.
size_t go_tiny_count(const struct go_span *span);

// What is not marked is no object any more; nothing is marked. Returns how many those were.
size_t go_tiny_sweep(struct go_span *span);

#endif
