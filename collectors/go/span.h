// Spans: runs of pages that are divided into cells of one size, or hold one large object. And finding the
// span that an address lies in: a table with an entry per page.
//
// A span's cells below free_index are allocated; from there on its allocation bits say it, of which
// alloc_cache holds 64 inverted, shifted so that bit 0 is free_index. So allocating is counting zeros, and no
// bit is written. What was allocated before the last sweep is known by the marks that the sweep turned into
// allocation bits.
//
// Life of a span, by its sweepgen and the heap's, h, which grows by 2 when a sweep begins:
//   h - 2   is to be swept
//   h - 1   is being swept
//   h       is swept
//   h + 1   was in a mutator's cache before this sweep began, and is to be swept
//   h + 3   was swept and is in a mutator's cache
// Source: Go 1.12 to 1.26, runtime/mheap.go, mbitmap.go.
//
// The structs stand in an array with one entry per page, at the entry of their first page; they never move.
// All of the tables are one reservation, committed as the heap grows. Not locked: what a mutator has in its
// cache is its own (mark bits apart), the rest needs the heap's lock or a stopped world.
#ifndef TRICOLOR_GO_SPAN_H
#define TRICOLOR_GO_SPAN_H

#include "go/size_class.h"
#include "tricolor/object.h"

// Weak references and ephemerons have spans of their own, so that an object's kind is known by its span. They
// carry the common tag, for common/weak.h.
enum {
  GO_WEAK_SPANS = GO_SPAN_CLASSES,
  GO_EPHEMERON_SPANS,
  GO_TINY_SPANS, // see tiny.h
  GO_ALL_SPAN_CLASSES,
};

struct go_span_list {
  struct go_span *first;
  size_t count;
};

struct go_span {
  uint64_t alloc_cache;
  uintptr_t base;
  uint32_t free_index, n_cells;
  uint32_t magic;     // divides by cell_bytes; of large ones 0
  uint8_t span_class; // 0 and 1: one large object
  uint8_t header;     // bytes before slot 0
  bool needs_zero;    // its free cells may hold anything; else they are zero
  bool in_use;        // else the struct means nothing
  bool in_span_bits;  // pointer_bits are in the span
  bool inline_marks;  // mark_bits are in the span
  size_t cell_bytes;
  uint64_t *alloc_bits;
  uint64_t *mark_bits;    // may have bits for other purposes from n_cells on
  uint64_t *scan_bits;    // GO_SCAN_BYTES: a bit per cell, and the owner; NULL: not used (greentea.h)
  uint64_t *pointer_bits; // see layout.h; NULL: none
  uint64_t *slack;        // a bit per cell: see layout.h
  uint64_t tag;           // of a large object
  size_t pages;
  uint32_t counted, counted_objects; // cells and objects that the statistics have as allocated
  uint32_t sweepgen;
  struct go_span_list *list; // that it is on, or NULL
  struct go_span *next, *previous;
};

struct go_spans {
  uintptr_t base; // of the pages
  enum go_layout layout;
  struct go_span **of_page;
  struct go_span *spans;
  uint64_t *slack;        // GO_SLACK_WORDS per page
  uint64_t *pointer_bits; // GO_ARENA_BITS_WORDS per page in the layout of 1.19; else NULL
  uint64_t *scan_bits;    // GO_SCAN_BYTES per page, for spans without inline marks, if greentea; else NULL
  bool greentea;          // spans of small objects are marked as a whole
  size_t n_pages, committed;
  size_t end;       // no span has been at or behind this page
  size_t n, in_use; // spans, and their pages
  void *reservation;
  size_t reserved;
};

enum {
  GO_SLACK_WORDS = GO_PAGE_BYTES / 8 / 64,
  GO_ARENA_BITS_WORDS = 2 * GO_PAGE_BYTES / 8 / 64,
  GO_SCAN_BYTES = GO_PAGE_BYTES / 16 / 8, // the last one is the owner
};

// Tables for so many pages from base on. False: out of memory, nothing is held.
bool go_spans_init(struct go_spans *spans, enum go_layout layout, bool greentea, uintptr_t base,
                   size_t n_pages);
void go_spans_fini(struct go_spans *spans);
size_t go_spans_bytes(const struct go_spans *spans);

// Make the tables ready for a span of pages [first, first + n). False: out of memory.
bool go_spans_reserve(struct go_spans *spans, size_t first, size_t n);

// A zeroed span for these pages, for which there is room. Once it is complete, enter it: from then on it is
// found, also by markers that hold no lock. Take it out again.
struct go_span *go_span_prepare(struct go_spans *spans, size_t first, size_t n);
void go_span_enter(struct go_spans *spans, struct go_span *span);
void go_span_remove(struct go_spans *spans, struct go_span *span);

// The span around an address that an object of the heap has.
static inline struct go_span *go_span_of(const struct go_spans *spans, uintptr_t address) {
  return __atomic_load_n(&spans->of_page[(address - spans->base) / GO_PAGE_BYTES], __ATOMIC_ACQUIRE);
}

// The same for any address; NULL: there is none.
static inline struct go_span *go_span_around(const struct go_spans *spans, uintptr_t address) {
  size_t page = (address - spans->base) / GO_PAGE_BYTES;
  return address >= spans->base && page < spans->end ? spans->of_page[page] : NULL;
}

static inline bool go_span_is_large(const struct go_span *span) { return span->span_class < 2; }
static inline bool go_span_noscan(const struct go_span *span) {
  if (TRI_UNLIKELY(span->span_class >= GO_SPAN_CLASSES)) return span->span_class == GO_TINY_SPANS;
  return go_span_class_noscan(span->span_class);
}
static inline enum tri_kind go_span_kind(const struct go_span *span) {
  if (TRI_LIKELY(span->span_class < GO_SPAN_CLASSES || span->span_class == GO_TINY_SPANS)) return TRI_NODE;
  return span->span_class == GO_WEAK_SPANS ? TRI_WEAK : TRI_EPHEMERON;
}

static inline size_t go_span_index(const struct go_span *span, uintptr_t address) {
  return (uint64_t)(address - span->base) * span->magic >> 32;
}
static inline uintptr_t go_span_cell(const struct go_span *span, size_t index) {
  return span->base + index * span->cell_bytes;
}
static inline tri_ref go_span_ref(const struct go_span *span, size_t index) {
  return (tri_ref){go_span_cell(span, index) + span->header};
}

static inline bool go_bit(const uint64_t *bits, size_t i) {
  return TRI_RELAXED_LOAD(&bits[i / 64]) >> i % 64 & 1;
}

static inline bool go_span_is_allocated(const struct go_span *span, size_t index) {
  return index < span->free_index || go_bit(span->alloc_bits, index);
}

// Cells that are allocated; those of them that are marked need not be known.
size_t go_span_allocated(const struct go_span *span);
size_t go_span_marked(const struct go_span *span);

// Word w of the mark bits, those of cells only.
static inline uint64_t go_span_marks(const struct go_span *span, size_t w) {
  uint64_t cells = w < span->n_cells / 64 ? ~UINT64_C(0) : (UINT64_C(1) << span->n_cells % 64) - 1;
  return TRI_RELAXED_LOAD(&span->mark_bits[w]) & cells;
}

// Let alloc_cache hold the bits of cell `from` and what follows, to a multiple of 64.
static inline void go_span_refill_cache(struct go_span *span, size_t from) {
  span->alloc_cache = ~span->alloc_bits[from / 64] >> from % 64;
}

// The first free cell from free_index on, n_cells if there is none; free_index and alloc_cache move there.
uint32_t go_span_next_free(struct go_span *span);

// The lists' order is last in, first out.
void go_span_list_push(struct go_span_list *list, struct go_span *span);
void go_span_list_remove(struct go_span *span);
static inline struct go_span *go_span_list_pop(struct go_span_list *list) {
  struct go_span *span = list->first;
  if (span) go_span_list_remove(span);
  return span;
}

#endif
