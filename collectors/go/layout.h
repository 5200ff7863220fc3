// What a span keeps besides cells, and how an object's shape is found. Go has a pointer map per type; the
// contract wants the exact shape back from an object, and all references stand first. The switch is
// go_spans.layout; but for the number of cells, nothing outside of this module depends on it.
//
//                           1.19                     1.22                        1.26
//   refs, up to 512 bytes   pointer bits             pointer bits                pointer bits
//                           beside the heap          at the end of the span      before the marks
//   refs, up to 32 KiB      the same                 a header of 8 bytes, where Go
//                                                    has a pointer to the type and
//                                                    we have the tag
//   no refs, up to 32 KiB   nothing: the span says that there are none
//   larger                  the tag stands in the span
//   marks                   bitmaps beside the heap  the same                    of cells of 16 to 512
//                                                                                bytes at the end of the
//                                                                                span; else the same
//   with mark=greentea      none are to be had       of cells of 16 to 512 bytes with refs:
//   scans and an owner                               beside the heap             before the marks
//
// Pointer bits, one per word, are set for references: leading ones = n_refs. Those of 1.19 are two per word
// (Go: pointer; and more words follow), and the same for all sizes: the inline path does not write them.
//
// What Go needs not know is how many bytes of a cell are the object's. A cell without a tag that its object
// does not fill has its bit in the span's `slack` set, and the number of bytes left over in its own last
// byte; or, where that is 255, in the two bytes before it.
//
// Pointer bits and slack are read by markers while the mutator that owns the span writes those of other cells
// in the same word: relaxed atomics.
//
// Source: Go 1.5 to 1.26, runtime/mbitmap.go, mgcmark_greenteagc.go; release notes of Go 1.22.
#ifndef TRICOLOR_GO_LAYOUT_H
#define TRICOLOR_GO_LAYOUT_H

#include <string.h>

#include "go/span.h"

enum { GO_SLACK_ESCAPE = 255 };

// Divide the zeroed span into the cells of a span class, or the one of a large object, and have its metadata
// in the span ready. The pages may hold anything.
void go_span_divide(const struct go_spans *spans, struct go_span *span, unsigned span_class);

// A sweep: what is marked is allocated, and nothing is marked any more. `zeroed` becomes one of the bitmaps.
void go_span_turn_bits(struct go_span *span, uint64_t *zeroed);

// -------------------------------------------------------------------------------- span classes

// The span class for a node without a header, 1 <= extent <= GO_SMALL_MAX, which in all layouts are those
// without slots, and those of at most GO_IN_SPAN_MAX bytes. Folds to a constant.
static inline unsigned go_plain_span_class(size_t n_refs, size_t extent) {
  return go_span_class(go_size_class(extent ? extent : 1), n_refs == 0);
}

// The span class for a node of so many slots and bytes in all; 0 or 1: it is a large one.
static inline unsigned go_node_span_class(enum go_layout layout, size_t n_refs, size_t extent) {
  if (layout != GO_LAYOUT_1_19 && n_refs && extent > GO_IN_SPAN_MAX) extent += GO_HEADER_BYTES;
  return extent <= GO_SMALL_MAX ? go_plain_span_class(n_refs, extent) : go_span_class(0, n_refs == 0);
}

// -------------------------------------------------------------------------------- inline marks
//
// Layout of 1.26, spans of cells of 16 to 512 bytes (span->inline_marks): the last bytes of the page. Marks
// are span->mark_bits, which so end in the span class: a span's mark bits are told from others by n_cells.
// Scans and owner are span->scan_bits, if they are used (mark=greentea).

struct go_inline_marks {
  uint8_t scans[63]; // a bit per cell: marked, and scanned
  uint8_t owner;     // of the span on its way through a queue
  uint8_t marks[63];
  uint8_t span_class;
};

static inline struct go_inline_marks *go_inline_marks(uintptr_t page) {
  return (struct go_inline_marks *)(page + GO_PAGE_BYTES - sizeof(struct go_inline_marks));
}

// -------------------------------------------------------------------------------- pointer bits

// Of a cell of a span in the layout of 1.19.
size_t go_arena_bits_count(const struct go_span *span, uintptr_t cell);
void go_arena_bits_set(const struct go_span *span, uintptr_t cell, size_t n_refs);

// Of a cell with pointer bits in the span: how many of its words, at most 64, are references.
static inline size_t go_pointer_bits_count(const struct go_span *span, uintptr_t cell) {
  size_t first = (cell - span->base) / 8, words = span->cell_bytes / 8;
  const uint64_t *bits = span->pointer_bits + first / 64;
  uint64_t ones = TRI_RELAXED_LOAD(bits) >> first % 64;
  if (first % 64 + words > 64) ones |= TRI_RELAXED_LOAD(bits + 1) << (64 - first % 64);
  size_t n = ~ones ? (size_t)__builtin_ctzll(~ones) : 64;
  return n < words ? n : words;
}

static inline void go_pointer_bits_set(const struct go_span *span, uintptr_t cell, size_t n_refs) {
  size_t first = (cell - span->base) / 8, words = span->cell_bytes / 8;
  uint64_t *bits = span->pointer_bits + first / 64;
  uint64_t mask = ~UINT64_C(0) >> (64 - words),
           ones = n_refs < 64 ? (UINT64_C(1) << n_refs) - 1 : ~UINT64_C(0);
  unsigned shift = first % 64;
  TRI_RELAXED_STORE(bits, (TRI_RELAXED_LOAD(bits) & ~(mask << shift)) | ones << shift);
  if (shift + words > 64)
    TRI_RELAXED_STORE(bits + 1,
                      (TRI_RELAXED_LOAD(bits + 1) & ~(mask >> (64 - shift))) | ones >> (64 - shift));
}

// -------------------------------------------------------------------------------- slack

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

// -------------------------------------------------------------------------------- shapes

// Write down the shape of the object that is made in this cell.
void go_shape_set(struct go_span *span, size_t index, uintptr_t cell, struct tri_shape shape);

struct tri_shape go_cell_shape(const struct go_span *span, size_t index);

// The same, of the object at this address: of tiny ones, a cell has several.
struct tri_shape go_object_shape(const struct go_span *span, tri_ref object);

// The reference slots of the node in a cell.
static inline size_t go_cell_refs(const struct go_span *span, uintptr_t cell) {
  if (go_span_noscan(span)) return 0;
  if (TRI_LIKELY(span->in_span_bits)) return go_pointer_bits_count(span, cell);
  if (span->pointer_bits) return go_arena_bits_count(span, cell);
  return tri_shape_refs((struct tri_shape){go_span_is_large(span) ? span->tag : *(const uint64_t *)cell});
}

#endif
