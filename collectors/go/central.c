// Spans made and deleted, and the central lists that mutators' caches are filled from (Go 1.15 to 1.26,
// runtime/mcentral.go).
#include "common/poison.h"
#include "go/heap.h"

struct go_span go_empty_span;

// -------------------------------------------------------------------------------- spans

static bool take_bits(struct go_heap *heap, struct go_span *span) {
  size_t words = go_bits_words(span->n_cells);
  // The next sweep needs them again; if marking goes on, they are promised here.
  if (heap->marking && !go_bits_promise(&heap->bits, words)) return false;
  span->alloc_bits = go_bits_take(&heap->bits, words);
  if (!span->inline_marks) span->mark_bits = span->alloc_bits ? go_bits_take(&heap->bits, words) : NULL;
  bool taken = span->alloc_bits && span->mark_bits;
  if (!taken && heap->marking) go_bits_forgo(&heap->bits, words);
  return taken;
}

static bool take_pages(struct go_heap *heap, size_t n, struct go_run *run) {
  enum go_pages_result result;
  while ((result = go_pages_alloc(&heap->pages, n, run)) == GO_PAGES_NO_ROOM) {
    size_t grown = heap->pages.grown;
    if (!go_pages_grow(&heap->pages, n)) break;
    go_scavenger_grown(heap, (heap->pages.grown - grown) * GO_PAGE_BYTES);
  }
  if (result == GO_PAGES_DONE) go_scavenger_allocated(heap, run->scavenged * GO_PAGE_BYTES);
  return result == GO_PAGES_DONE;
}

// Free cells are filled only where they count as dirty; those that count as zero are looked at as such.
static void poison_cells(const struct go_span *span) {
  if (span->needs_zero)
    tri_poison((void *)span->base, span->n_cells * span->cell_bytes);
  else
    tri_poison_mark((void *)span->base, span->n_cells * span->cell_bytes);
}

struct go_span *go_span_new(struct go_heap *heap, unsigned span_class, size_t bytes) {
  unsigned size_class = span_class < GO_SPAN_CLASSES ? go_span_class_size(span_class) : 1;
  size_t n = size_class ? go_class_pages[size_class] : (bytes + GO_PAGE_BYTES - 1) / GO_PAGE_BYTES;
  struct go_run run;
  TRI_YIELD(BLOCK_CLAIM);
  go_sweep_reclaim(heap, n);
  if (!take_pages(heap, n, &run)) {
    if (!heap->sweep.unswept) return NULL;
    go_sweep_finish(heap);
    if (!take_pages(heap, n, &run)) return NULL;
  }
  size_t first = go_page_of(&heap->pages, run.base);
  struct go_span *span =
      go_spans_reserve(&heap->spans, first, n) ? go_span_prepare(&heap->spans, first, n) : NULL;
  if (span) go_span_divide(&heap->spans, span, span_class);
  if (!span || !take_bits(heap, span)) {
    go_pages_free(&heap->pages, run.base, n);
    return NULL;
  }
  span->needs_zero = run.needs_zero;
  span->sweepgen = heap->sweep.generation;
  if (heap->fills) poison_cells(span);
  go_span_refill_cache(span, 0);
  heap->bitmap_words += go_bits_words(span->n_cells);
  go_span_enter(&heap->spans, span);
  return span;
}

void go_span_delete(struct go_heap *heap, struct go_span *span) {
  TRI_YIELD(BLOCK_RELEASE);
  heap->bitmap_words -= go_bits_words(span->n_cells);
  go_span_remove(&heap->spans, span);
  go_pages_free(&heap->pages, span->base, span->pages);
}

// -------------------------------------------------------------------------------- central lists

static bool has_room(struct go_span *span) { return go_span_next_free(span) < span->n_cells; }

// Spans to be swept in search of a free cell; beyond that a new one is cheaper.
enum { SWEEP_BUDGET = 100 };

static struct go_span *sweep_for_room(struct go_heap *heap, struct go_span_list *list, unsigned *budget) {
  while (*budget && list->first) {
    --*budget;
    struct go_span *span = go_span_list_pop(list);
    if (!go_sweep_span(heap, span, GO_SWEEP_KEEP)) continue;
    if (has_room(span)) return span;
    go_central_give(heap, span);
  }
  return NULL;
}

// The inline path takes cells without a look at what has been written to them.
static void check_free(const struct go_span *span) {
  for (size_t i = 0; span->needs_zero && i < span->n_cells; i++)
    if (!go_span_is_allocated(span, i))
      tri_poison_check((void *)go_span_cell(span, i), span->cell_bytes, "go: free cell");
}

struct go_span *go_central_take(struct go_heap *heap, unsigned span_class) {
  struct go_central *central = &heap->central[span_class];
  unsigned swept = go_swept(heap), budget = SWEEP_BUDGET;
  go_sweep_pay(heap, GO_PAGE_BYTES);
  struct go_span *span = go_span_list_pop(&central->partial[swept]);
  if (!span) span = sweep_for_room(heap, &central->partial[!swept], &budget);
  if (!span) span = sweep_for_room(heap, &central->full[!swept], &budget);
  if (!span) span = go_span_new(heap, span_class, 0);
  if (!span) { // swept on the way, for want of pages
    span = go_span_list_pop(&central->partial[swept]);
    if (!span) return NULL;
  }
  TRI_ASSERT(has_room(span));
  if (heap->fills) check_free(span);
  span->sweepgen = heap->sweep.generation + 3;
  go_live_add(heap, span, (int64_t)(span->n_cells - go_span_allocated(span)));
  return span;
}

// A span that was cached before the present sweep began is swept here.
void go_central_give(struct go_heap *heap, struct go_span *span) {
  TRI_YIELD(BLOCK_RELEASE);
  size_t unused = span->n_cells - go_span_allocated(span);
  go_count_span(&heap->statistics, span);
  if (span->sweepgen == heap->sweep.generation + 1) {
    heap->allocated -= unused * span->cell_bytes;
    go_sweep_span(heap, span, GO_SWEEP_LISTS);
    return;
  }
  if (span->sweepgen == heap->sweep.generation + 3)
    go_live_add(heap, span, -(int64_t)unused);
  span->sweepgen = heap->sweep.generation;
  if (!heap->marking && go_span_allocated(span) == 0) {
    go_span_delete(heap, span);
    return;
  }
  struct go_central *central = &heap->central[span->span_class];
  go_span_list_push(&(has_room(span) ? central->partial : central->full)[go_swept(heap)], span);
}

void go_flush_caches(struct go_heap *heap, struct go_mutator *m) {
  for (unsigned c = 0; c < GO_ALL_SPAN_CLASSES; c++) {
    struct go_span *span = m->cache[c];
    if (span == &go_empty_span) continue;
    go_cache_set(m, c, &go_empty_span);
    go_central_give(heap, span);
  }
}
