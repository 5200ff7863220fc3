// Go 1.19 to 1.26, runtime/mgcscavenge.go, mheap.go.
#include "go/scavenger.h"

#include "go/heap.h"

void go_scavenger_init(struct go_scavenger *scavenger) {
  *scavenger = (struct go_scavenger){.goals = {GO_NO_GOAL, GO_NO_GOAL}};
}

static uint64_t retained(const struct go_heap *heap) {
  struct go_pages_usage pages = go_pages_usage(&heap->pages);
  return pages.in_use + pages.free;
}

void go_scavenger_settle(struct go_heap *heap) {
  const struct go_pacer *pacer = &heap->pace.pacer;
  heap->scavenger.goals = go_scavenge_goals(&(struct go_scavenge_inputs){
      .memory_limit = pacer->memory_limit,
      .mapped_ready = go_pace_mapped(heap),
      .heap_goal = heap->pace.goal,
      .last_heap_goal = pacer->last_heap_goal,
      .last_heap_in_use = heap->spans.in_use * GO_PAGE_BYTES,
      .heap_retained = retained(heap),
      .physical_page = tri_os_page_bytes(),
  });
}

void go_scavenger_grown(struct go_heap *heap, uint64_t growth) {
  uint64_t bytes = go_scavenge_at_growth(&heap->scavenger.goals, retained(heap), growth);
  if (bytes) heap->scavenger.at_growth += go_pages_scavenge(&heap->pages, bytes, GO_SCAVENGE_FORCED);
}

void go_scavenger_allocated(struct go_heap *heap, uint64_t released) {
  uint64_t limit = heap->pace.pacer.memory_limit;
  if (!released || limit == GO_NO_MEMORY_LIMIT) return;
  uint64_t bytes = go_scavenge_at_limit(limit, go_pace_mapped(heap) - released, released,
                                        heap->pace.limiter.limiting);
  if (bytes) heap->scavenger.at_limit += go_pages_scavenge(&heap->pages, bytes, GO_SCAVENGE_FORCED);
}

bool go_scavenger_take(struct go_heap *heap, uint64_t bytes, struct go_run *run) {
  return go_scavenge_is_due(&heap->scavenger.goals, retained(heap), go_pace_mapped(heap)) &&
         go_pages_scavenge_begin(&heap->pages, bytes, GO_SCAVENGE_BACKGROUND, run);
}

uint64_t go_scavenger_give(struct go_heap *heap, const struct go_run *run) {
  uint64_t bytes = run->pages * GO_PAGE_BYTES;
  go_pages_scavenge_end(&heap->pages, run);
  heap->scavenger.background += bytes;
  return bytes;
}
