// Go's MemStats (Go 1.19 to 1.26, runtime/mstats.go), and the identities between its fields.
#include "go/statistics.h"

#include <stdio.h>

#include "go/heap.h"
#include "tricolor/introspect.h"

// -------------------------------------------------------------------------------- what is counted

static void add_cached(void *context, struct tri_mutator *base) {
  struct go_statistics *s = context;
  const struct go_mutator *m = go_mutator_of(base);
  for (unsigned c = 0; c < GO_ALL_SPAN_CLASSES; c++) {
    const struct go_span *span = m->cache[c];
    go_tally_add(&s->allocated, span, go_span_allocated(span) - span->counted,
                 go_span_live(span) - span->counted_objects);
  }
}

struct go_statistics go_statistics_now(struct go_heap *heap) {
  struct go_statistics s = heap->statistics;
  tri_each_mutator(&heap->base, add_cached, &s);
  return s;
}

// -------------------------------------------------------------------------------- counters

// What the rows of counters.def are computed from.
struct numbers {
  struct go_statistics s;
  struct go_pages_usage pages;
  struct tri_stats all;
  uint64_t small_alloc, small_free; // by class
  uint64_t cached_free;             // bytes in caches that nobody has allocated
  uint64_t granted, charged;        // of mutators' credit in this cycle
  int64_t credit;
  uint64_t pause_sum;               // of the last 256
  size_t latest;                    // in the history of pauses
};

static void add_cached_free(void *context, struct tri_mutator *base) {
  const struct go_mutator *m = go_mutator_of(base);
  for (unsigned c = 0; c < GO_ALL_SPAN_CLASSES; c++) {
    const struct go_span *span = m->cache[c];
    *(uint64_t *)context += (span->n_cells - go_span_allocated(span)) * span->cell_bytes;
  }
}

static void add_credit(void *context, struct tri_mutator *base) {
  struct numbers *n = context;
  const struct go_mutator *m = go_mutator_of(base);
  n->granted += m->granted;
  n->charged += m->charged;
  n->credit += m->credit;
}

static size_t cell_bytes(unsigned span_class) {
  if (span_class < GO_SPAN_CLASSES) return go_class_bytes[go_span_class_size(span_class)];
  return go_class_bytes[go_size_class(span_class == GO_EPHEMERON_SPANS ? 3 * 8 : 2 * 8)];
}

static struct numbers compute(struct go_heap *heap) {
  struct numbers n = {.s = go_statistics_now(heap), .pages = go_pages_usage(&heap->pages)};
  for (unsigned c = 2; c < GO_ALL_SPAN_CLASSES; c++) {
    n.small_alloc += n.s.allocated.cells[c] * cell_bytes(c);
    n.small_free += n.s.freed.cells[c] * cell_bytes(c);
  }
  tri_each_mutator(&heap->base, add_cached_free, &n.cached_free);
  tri_each_mutator(&heap->base, add_credit, &n);
  const struct go_history *history = &heap->pace.history;
  for (size_t i = 0; i < GO_PAUSES; i++) n.pause_sum += (uint64_t)history->pause[i];
  n.latest = (size_t)(history->n + GO_PAUSES - 1) % GO_PAUSES;
  go_stats_fill(&heap->base, &n.all);
  return n;
}

bool go_each_counter(struct tri_heap *base, tri_counter_fn *visit, void *context) {
  struct go_heap *heap = go_heap_of(base);
  go_turns_hold(&heap->turns, true);
  const struct numbers n = compute(heap);
  const struct go_pace *pace = &heap->pace;
  const struct go_history *history = &pace->history;
  const struct tri_counter rows[] = {
#define GO_COUNTER(name, unit, law, value, doc) {#name, unit, doc, law, (uint64_t)(value)},
#include "go/counters.def"
#undef GO_COUNTER
  };
  go_turns_hold(&heap->turns, false); // what follows is in n
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (!visit(context, &rows[i])) return false;
  for (unsigned c = 2; c < GO_SPAN_CLASSES; c += 2) { // with references and without
    uint64_t mallocs = n.s.allocated.cells[c] + n.s.allocated.cells[c + 1];
    uint64_t frees = n.s.freed.cells[c] + n.s.freed.cells[c + 1];
    char name[2][32], law[40];
    snprintf(name[0], sizeof name[0], "BySize.%zu.Mallocs", cell_bytes(c));
    snprintf(name[1], sizeof name[1], "BySize.%zu.Frees", cell_bytes(c));
    snprintf(law, sizeof law, ">= %s", name[1]);
    if (mallocs && !(visit(context, &(struct tri_counter){name[0], "objects", "cells of this size allocated",
                                                          law, mallocs}) &&
                     visit(context, &(struct tri_counter){name[1], "objects", "and reclaimed", NULL, frees})))
      return false;
  }
  return true;
}
