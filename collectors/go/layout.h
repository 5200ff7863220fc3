// How an object's shape is found. Go has a pointer map per type; the contract wants the exact shape back from
// an object, and all references stand first. Layout of Go 1.22 to 1.25 (release notes of Go 1.22; CL 419604):
//
//   refs, up to 512 bytes   a bit per word at the end of the span, set for a reference: leading ones = n_refs
//   refs, up to 32 KiB      a header of 8 bytes, where Go has a pointer to the type and we have the tag
//   no refs, up to 32 KiB   nothing: the span says that there are none
//   larger                  the tag stands in the span
//
// What Go needs not know is how many bytes of a cell are the object's. A cell without a tag that its object
// does not fill has its bit in the span's `slack` set, and the number of bytes left over in its own last
// byte; or, where that is 255, in the two bytes before it.
//
// The pointer bits are read by markers while the mutator that owns the span writes those of other cells in
// the same word: relaxed atomics.
#ifndef TRICOLOR_GO_LAYOUT_H
#define TRICOLOR_GO_LAYOUT_H

#include <string.h>

#include "go/span.h"

enum { GO_HEADER_BYTES = 8, GO_SLACK_ESCAPE = 255 };

// The span class for a node of so many slots and bytes in all; 0 or 1: it is a large one. Folds to a
// constant.
static inline unsigned go_node_span_class(size_t n_refs, size_t extent) {
  size_t bytes = extent ? extent : 1;
  if (n_refs && bytes > GO_IN_SPAN_MAX) bytes += GO_HEADER_BYTES;
  return go_span_class(bytes <= GO_SMALL_MAX ? go_size_class(bytes) : 0, n_refs == 0);
}

// Bytes before slot 0 in spans of that class.
static inline unsigned go_span_class_header(unsigned span_class) {
  if (span_class >= GO_SPAN_CLASSES) return TRI_TAG_BYTES;
  unsigned size_class = go_span_class_size(span_class);
  return !go_span_class_noscan(span_class) && go_class_bytes[size_class] > GO_IN_SPAN_MAX ? GO_HEADER_BYTES
                                                                                          : 0;
}

static inline uint64_t *go_pointer_bits(const struct go_span *span) {
  return (uint64_t *)(span->base + GO_PAGE_BYTES - GO_POINTER_BITMAP_BYTES);
}

// Of a cell of a span with pointer bits: how many of its words, at most 64, are references.
static inline size_t go_pointer_bits_count(const struct go_span *span, uintptr_t cell) {
  size_t first = (cell - span->base) / 8, words = span->cell_bytes / 8;
  const uint64_t *bits = go_pointer_bits(span) + first / 64;
  uint64_t ones = TRI_RELAXED_LOAD(bits) >> first % 64;
  if (first % 64 + words > 64) ones |= TRI_RELAXED_LOAD(bits + 1) << (64 - first % 64);
  size_t n = ~ones ? (size_t)__builtin_ctzll(~ones) : 64;
  return n < words ? n : words;
}

static inline void go_pointer_bits_set(const struct go_span *span, uintptr_t cell, size_t n_refs) {
  size_t first = (cell - span->base) / 8, words = span->cell_bytes / 8;
  uint64_t *bits = go_pointer_bits(span) + first / 64;
  uint64_t mask = ~UINT64_C(0) >> (64 - words),
           ones = n_refs < 64 ? (UINT64_C(1) << n_refs) - 1 : ~UINT64_C(0);
  unsigned shift = first % 64;
  TRI_RELAXED_STORE(bits, (TRI_RELAXED_LOAD(bits) & ~(mask << shift)) | ones << shift);
  if (shift + words > 64)
    TRI_RELAXED_STORE(bits + 1,
                      (TRI_RELAXED_LOAD(bits + 1) & ~(mask >> (64 - shift))) | ones >> (64 - shift));
}

// The extent of a node without a tag.
static inline void go_slack_set(const struct go_span *span, size_t index, uintptr_t cell, size_t extent) {
  uint64_t *word = &span->slack[index / 64], bit = UINT64_C(1) << index % 64;
  size_t left = span->cell_bytes - extent;
  uint64_t others = TRI_RELAXED_LOAD(word) & ~bit;
  TRI_RELAXED_STORE(word, left ? others | bit : others);
  if (!left) return;
  unsigned char *last = (unsigned char *)cell + span->cell_bytes - 1;
  *last = (unsigned char)(left < GO_SLACK_ESCAPE ? left : GO_SLACK_ESCAPE);
  if (left >= GO_SLACK_ESCAPE) memcpy(last - 2, &(uint16_t){(uint16_t)left}, 2);
}

static inline size_t go_slack_extent(const struct go_span *span, size_t index, uintptr_t cell) {
  if (!go_bit(span->slack, index)) return span->cell_bytes;
  const unsigned char *last = (const unsigned char *)cell + span->cell_bytes - 1;
  if (*last != GO_SLACK_ESCAPE) return span->cell_bytes - *last;
  uint16_t left;
  memcpy(&left, last - 2, 2);
  return span->cell_bytes - left;
}

// Write down the shape of the object that is made in this cell.
static inline void go_shape_set(struct go_span *span, size_t index, uintptr_t cell, struct tri_shape shape) {
  if (go_span_is_large(span)) {
    span->tag = shape.tag;
  } else if (span->header) {
    *(uint64_t *)cell = shape.tag;
  } else {
    if (!go_span_noscan(span)) go_pointer_bits_set(span, cell, tri_shape_refs(shape));
    go_slack_set(span, index, cell, tri_shape_extent(shape));
  }
}

// The reference slots of the node in a cell.
static inline size_t go_cell_refs(const struct go_span *span, uintptr_t cell) {
  if (go_span_noscan(span)) return 0;
  if (TRI_LIKELY(!span->header && !go_span_is_large(span))) return go_pointer_bits_count(span, cell);
  return tri_shape_refs((struct tri_shape){go_span_is_large(span) ? span->tag : *(const uint64_t *)cell});
}

struct tri_shape go_cell_shape(const struct go_span *span, size_t index);

#endif
