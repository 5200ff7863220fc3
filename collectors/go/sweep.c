// Sweeping: a span at a time, by whoever wants memory (Go 1.12 to 1.26, runtime/mgcsweep.go).
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/poison.h"
#include "go/heap.h"

// -------------------------------------------------------------------------------- one span

// Somebody has marked what nobody has allocated: a reference to it was kept without the collector's
// knowledge, or memory is damaged. Nothing can be saved; but like an assertion it is passed over where only
// the oracle is to speak.
TRI_COLD static void zombie(const struct go_span *span) {
  if (tri_assertions_ignored) return;
  fprintf(stderr,
          "go: a reference to a free object was found in span %p of class %u, %u cells of %zu bytes:\n",
          (void *)span->base, span->span_class, span->n_cells, span->cell_bytes);
  for (size_t i = 0; i < span->n_cells; i++)
    if (go_bit(span->mark_bits, i) && !go_span_is_allocated(span, i))
      fprintf(stderr, "  cell %zu at %p is free, and marked\n", i, (void *)go_span_cell(span, i));
  abort();
}

static void check_zombies(const struct go_span *span) {
  for (size_t w = span->free_index / 64; w * 64 < span->n_cells; w++) {
    uint64_t allocated = span->alloc_bits[w];
    if (w == span->free_index / 64) allocated |= (UINT64_C(1) << span->free_index % 64) - 1;
    if (TRI_UNLIKELY(go_span_marks(span, w) & ~allocated)) zombie(span);
  }
}

// Where free cells were zero so far they are filled, too.
static void poison_freed(struct go_span *span) {
  for (size_t i = 0; i < span->n_cells; i++)
    if ((go_span_is_allocated(span, i) || !span->needs_zero) && !go_bit(span->mark_bits, i))
      tri_poison((void *)go_span_cell(span, i), span->cell_bytes);
}

static void count_swept(struct go_heap *heap, const struct go_span *span, size_t freed,
                        size_t freed_objects) {
  go_tally_add(&heap->statistics.freed, span, freed, freed_objects);
  heap->allocated -= freed * span->cell_bytes;
  heap->sweep.unswept--;
  heap->sweep.paid += span->pages;
}

bool go_sweep_span(struct go_heap *heap, struct go_span *span, enum go_sweep_keep keep) {
  TRI_YIELD(SWEEP_BLOCK);
  TRI_ASSERT(span->sweepgen == heap->sweep.generation - 2 || span->sweepgen == heap->sweep.generation + 1);
  span->sweepgen = heap->sweep.generation - 1;
  check_zombies(span);
  size_t allocated = go_span_allocated(span), marked = go_span_marked(span);
  size_t words = go_bits_words(span->n_cells);
  size_t freed = allocated - marked;
  count_swept(heap, span, freed, go_span_is_tiny(span) ? go_tiny_sweep(span) : freed);
  if (marked == 0) {
    go_bits_forgo(&heap->bits, words);
    go_span_delete(heap, span);
    return false;
  }
  if (marked < allocated) {
    if (heap->fills) poison_freed(span);
    span->needs_zero = true;
  }
  go_span_turn_bits(span, go_bits_take_promised(&heap->bits, words));
  span->counted = (uint32_t)marked;
  span->free_index = 0;
  span->counted_objects = (uint32_t)go_span_live(span);
  go_span_refill_cache(span, 0);
  TRI_YIELD(SWEEP_PUBLISH);
  span->sweepgen = heap->sweep.generation;
  if (keep == GO_SWEEP_LISTS) go_central_give(heap, span);
  return true;
}

// -------------------------------------------------------------------------------- any span

// An unswept span, of the classes from the cursor on; NULL: there is none in the lists.
static struct go_span *next_unswept(struct go_heap *heap) {
  unsigned unswept = !go_swept(heap);
  for (unsigned *c = &heap->sweep.cursor; *c < GO_ALL_SPAN_CLASSES; ++*c) {
    struct go_central *central = &heap->central[*c];
    struct go_span *span = go_span_list_pop(&central->full[unswept]);
    if (!span) span = go_span_list_pop(&central->partial[unswept]);
    if (span) return span;
  }
  return NULL;
}

bool go_sweep_some(struct go_heap *heap, size_t n) {
  for (struct go_span *span; n && heap->sweep.unswept && (span = next_unswept(heap)); n--)
    go_sweep_span(heap, span, GO_SWEEP_LISTS);
  return heap->sweep.unswept == 0;
}

void go_sweep_pay(struct go_heap *heap, size_t bytes) {
  struct go_sweep *sweep = &heap->sweep;
  if (!sweep->unswept) return;
  double owed = sweep->pages_per_byte * (double)(heap->live - sweep->basis + bytes);
  size_t pages = owed < (double)sweep->pages ? (size_t)owed : sweep->pages;
  while (sweep->paid < pages && !go_sweep_some(heap, 1)) {
  }
}

void go_sweep_reclaim(struct go_heap *heap, size_t n) {
  struct go_sweep *sweep = &heap->sweep;
  if (sweep->reclaim_credit >= n) {
    sweep->reclaim_credit -= n;
    return;
  }
  size_t found = sweep->reclaim_credit;
  while (found < n && sweep->unswept && sweep->reclaim_page < heap->spans.end) {
    struct go_span *span = heap->spans.of_page[sweep->reclaim_page];
    sweep->reclaim_page += span ? span->pages : 1;
    if (!span || span->sweepgen != sweep->generation - 2 || go_span_marked(span)) continue;
    size_t pages = span->pages;
    go_span_list_remove(span);
    go_sweep_span(heap, span, GO_SWEEP_KEEP);
    found += pages;
  }
  sweep->reclaim_credit = found > n ? found - n : 0;
}

// -------------------------------------------------------------------------------- the whole heap

static void flush(void *heap, struct tri_mutator *m) { go_flush_caches(heap, go_mutator_of(m)); }

void go_sweep_begin(struct go_heap *heap) {
  struct go_sweep *sweep = &heap->sweep;
  enum { HEADROOM = 1 << 20 };
  uint64_t marked = heap->marked_bytes;
  TRI_ASSERT(!sweep->unswept);
  *sweep = (struct go_sweep){.generation = sweep->generation + 2,
                             .unswept = heap->spans.n,
                             .pages = heap->spans.in_use,
                             .basis = marked};
  go_bits_next_epoch(&heap->bits);
  heap->live = marked;
  uint64_t distance = heap->pace.trigger > marked + HEADROOM ? heap->pace.trigger - marked - HEADROOM : 0;
  if (distance < GO_PAGE_BYTES) distance = GO_PAGE_BYTES;
  sweep->pages_per_byte = (double)sweep->pages / (double)distance;
  tri_each_mutator(&heap->base, flush, heap);
}
