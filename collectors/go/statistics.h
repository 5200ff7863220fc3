// What has been allocated and freed, by span class, counted where spans leave a mutator's cache and where
// they are swept, so that no allocation counts. Under the heap's lock, or with the world stopped.
#ifndef TRICOLOR_GO_STATISTICS_H
#define TRICOLOR_GO_STATISTICS_H

#include "go/tiny.h"

struct go_tally {
  uint64_t cells[GO_ALL_SPAN_CLASSES]; // by span class
  uint64_t objects, bytes, large_bytes;
};

struct go_statistics {
  struct go_tally allocated, freed;
};

// Objects in the span: those of cells that are allocated.
static inline size_t go_span_live(const struct go_span *span) {
  return go_span_is_tiny(span) ? go_tiny_count(span) : go_span_allocated(span);
}

static inline void go_tally_add(struct go_tally *tally, const struct go_span *span, size_t cells,
                                size_t objects) {
  uint64_t bytes = (uint64_t)cells * span->cell_bytes;
  tally->cells[span->span_class] += cells;
  tally->objects += objects;
  tally->bytes += bytes;
  if (go_span_is_large(span)) tally->large_bytes += bytes;
}

// What the span's cells that are allocated are more than have been counted.
static inline void go_count_span(struct go_statistics *s, struct go_span *span) {
  size_t allocated = go_span_allocated(span), objects = go_span_live(span);
  go_tally_add(&s->allocated, span, allocated - span->counted, objects - span->counted_objects);
  span->counted = (uint32_t)allocated;
  span->counted_objects = (uint32_t)objects;
}

// The heap's, with what mutators have taken from the spans in their caches. Only while no mutator runs.
struct go_heap;
struct go_statistics go_statistics_now(struct go_heap *heap);

#endif
