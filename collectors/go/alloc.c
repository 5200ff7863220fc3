// Allocation outside of the inline path: from the span in a mutator's cache without a lock (while the heap
// marks, a tool watches it, or is laid out as in 1.19, that is every allocation), from a new span, or a large
// object (Go 1.5 to 1.26, runtime/malloc.go).
#include "common/poison.h"
#include "common/slow_alloc.h"
#include "go/greentea.h"

static unsigned span_class_of(const struct go_heap *heap, struct tri_shape shape) {
  switch (tri_shape_kind(shape)) {
  case TRI_WEAK:
    return GO_WEAK_SPANS;
  case TRI_EPHEMERON:
    return GO_EPHEMERON_SPANS;
  case TRI_NODE:
    break;
  }
  size_t n_refs = tri_shape_refs(shape), extent = tri_shape_extent(shape);
  if (heap->tiny && !n_refs && extent < GO_TINY_BYTES) return GO_TINY_SPANS;
  return go_node_span_class(heap->spans.layout, n_refs, extent);
}

// The first `bytes` of a cell that has been taken are zero.
static void clear(const struct go_heap *heap, const struct go_span *span, uintptr_t cell, size_t bytes) {
  if (TRI_UNLIKELY(heap->fills)) {
    if (span->needs_zero) tri_poison_check((void *)cell, span->cell_bytes, "go: free cell");
    tri_unpoison((void *)cell, span->cell_bytes);
  }
  if (span->needs_zero) memset((void *)cell, 0, bytes);
}

// Make the object in a cell that has been taken: black, while the heap marks.
static tri_ref make(struct tri_mutator *base, struct go_span *span, size_t index, struct tri_shape shape) {
  struct go_heap *heap = go_heap_of(base->heap);
  struct go_mutator *m = go_mutator_of(base);
  uintptr_t cell = go_span_cell(span, index);
  clear(heap, span, cell, span->header + tri_shape_extent(shape));
  go_shape_set(span, index, cell, shape);
  if (m->marking) {
    if (TRI_UNLIKELY(go_span_kind(span) != TRI_NODE)) go_mark_born_weak(heap, go_span_ref(span, index));
    if (span->scan_bits) go_green_claim(span, index);
    if (go_mark_cell(span, index)) m->black_bytes += span->cell_bytes;
  }
  return go_span_ref(span, index);
}

static tri_ref alloc_large(struct tri_mutator *base, struct tri_shape shape) {
  struct go_heap *heap = go_heap_of(base->heap);
  size_t bytes = tri_shape_extent(shape);
  TRI_YIELD(ALLOC_LARGE);
  go_sweep_pay(heap, bytes);
  struct go_span *span = go_span_new(heap, tri_shape_refs(shape) == 0, bytes);
  if (!span) return TRI_NULL;
  span->alloc_cache = 0;
  span->free_index = 1;
  go_live_add(heap, span, 1);
  go_count_span(&heap->statistics, span);
  go_span_list_push(&heap->central[span->span_class].full[go_swept(heap)], span);
  return make(base, span, 0, shape);
}

// Take a cell of the span in a cache; false: it is full.
static bool take_cell(struct go_span *span, size_t *index) {
  *index = go_span_next_free(span);
  if (*index == span->n_cells) return false;
  span->alloc_cache >>= 1;
  span->free_index++;
  if (span->free_index % 64 == 0 && span->free_index < span->n_cells)
    go_span_refill_cache(span, span->free_index);
  return true;
}

// In the mutator's block, or in a new one. Of the two, the one with more room is the mutator's from now on.
static tri_ref alloc_tiny(struct tri_mutator *base, size_t bytes) {
  struct go_mutator *m = go_mutator_of(base);
  struct go_span *span = m->cache[GO_TINY_SPANS];
  size_t at = m->tiny ? go_tiny_place(m->tiny_used, bytes) : GO_TINY_BYTES, index;
  uintptr_t block = m->tiny;
  if (at == GO_TINY_BYTES) {
    if (!take_cell(span, &index)) return TRI_NULL;
    block = go_span_cell(span, index);
    clear(go_heap_of(base->heap), span, block, GO_TINY_BYTES);
    at = 0;
  }
  uint32_t used = (uint32_t)(at + (bytes ? bytes : 1));
  if (block == m->tiny || !m->tiny || used < m->tiny_used) {
    m->tiny = block;
    m->tiny_used = used;
  }
  tri_ref object = {block + at};
  go_tiny_put(span, object.bits, bytes);
  size_t kept;
  if (m->marking && go_mark_object(span, go_span_index(span, block), object, &kept)) m->black_bytes += kept;
  return object;
}

// From the span in the cache; TRI_NULL: it is full.
static tri_ref alloc_cached(struct tri_mutator *base, unsigned span_class, struct tri_shape shape) {
  if (span_class == GO_TINY_SPANS) return alloc_tiny(base, tri_shape_bytes(shape));
  struct go_span *span = go_mutator_of(base)->cache[span_class];
  size_t index;
  return take_cell(span, &index) ? make(base, span, index, shape) : TRI_NULL;
}

static bool has_cell(struct tri_mutator *m, unsigned span_class) {
  struct go_span *span = go_mutator_of(m)->cache[span_class];
  return go_span_next_free(span) < span->n_cells;
}

// What is free of an empty span is zeroed at once, where that takes the mutator into no more memory than its
// first cache holds anyway.
static void zero(const struct go_heap *heap, struct go_span *span) {
  if (!span->needs_zero || span->pages > 2 || go_span_allocated(span)) return;
  void *cells = (void *)span->base;
  size_t bytes = span->n_cells * span->cell_bytes;
  if (heap->fills) tri_unpoison(cells, bytes);
  memset(cells, 0, bytes);
  if (heap->fills) tri_poison_mark(cells, bytes);
  span->needs_zero = false;
}

// With the lock held, or the world stopped.
static tri_ref try_alloc(struct tri_mutator *base, struct tri_shape shape) {
  struct go_heap *heap = go_heap_of(base->heap);
  struct go_mutator *m = go_mutator_of(base);
  unsigned span_class = span_class_of(heap, shape);
  if (span_class < 2) return alloc_large(base, shape);
  tri_ref object = alloc_cached(base, span_class, shape);
  if (!tri_is_null(object)) return object;
  struct go_span *span = m->cache[span_class];
  go_cache_set(m, span_class, &go_empty_span);
  if (span != &go_empty_span) go_central_give(heap, span);
  if (!(span = go_central_take(heap, span_class))) return TRI_NULL;
  zero(heap, span);
  go_cache_set(m, span_class, span);
  return alloc_cached(base, span_class, shape);
}

// A cycle that is under way is ended first: its garbage may do.
static bool reclaim(struct tri_mutator *m, bool again) {
  struct go_heap *heap = go_heap_of(m->heap);
  bool under_way = heap->marking;
  return go_cycle(heap, TRI_COLLECT_FULL, true) && under_way && !again;
}

tri_ref go_alloc_slow(struct tri_mutator *m, struct tri_shape shape) {
  struct go_heap *heap = go_heap_of(m->heap);
  go_assist(m, tri_shape_extent(shape) + GO_HEADER_BYTES);
  if (TRI_LIKELY(tri_alloc_check(m, shape) == TRI_OK)) {
    tri_plain_safepoint(m);
    unsigned span_class = span_class_of(heap, shape);
    bool locks = span_class < 2 || tri_shape_kind(shape) != TRI_NODE; // of weak objects a cycle has lists
    tri_ref object = locks ? TRI_NULL : alloc_cached(m, span_class, shape);
    if (!tri_is_null(object)) return object;
    if (span_class < 2 || !has_cell(m, span_class)) go_begin_if_due(m);
  }
  return tri_slow_alloc(m, shape, &heap->lock, try_alloc, reclaim);
}
