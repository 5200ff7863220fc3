// marksweep: mark-sweep with the world stopped (McCarthy 1960), in a block space and a large-object space
// under one limit (common/marked_heap.h). An allocation collects when the limit is reached; blocks are swept
// lazily, when an allocation wants one (Hughes 1982). Nothing moves.
#include "tricolor/collector.h"

#include "common/slow_alloc.h"
#include "marksweep/fast.h"

enum option {
#define TRI_OPTION_ROW(symbol, name, type, def, min, max, choices, doc) MARKSWEEP_##symbol,
#include "marksweep/options.def"
#undef TRI_OPTION_ROW
};

struct marksweep_heap {
  struct tri_marked_heap marked;
  bool lazy;
};

static struct marksweep_heap *heap_of(struct tri_heap *heap) { return (struct marksweep_heap *)heap; }

enum tri_status marksweep_heap_create(const struct tri_collector *self, const struct tri_heap_config *config,
                                      struct tri_heap **out) {
  const int64_t *own = config->value + TRI_COMMON_OPTIONS;
  enum tri_status status =
      tri_marked_heap_new(sizeof(struct marksweep_heap), sizeof(struct tri_marked_mutator), self, config,
                          own + MARKSWEEP_MARK_STACK, out);
  if (status == TRI_OK) heap_of(*out)->lazy = own[MARKSWEEP_LAZY];
  return status;
}

// With the world stopped by the caller.
static void collect(struct tri_marked_heap *heap, enum tri_collect_kind kind, bool lazily) {
  tri_emit(&heap->base, TRI_EVENT_COLLECTION_BEGIN, kind, 0);
  tri_marked_begin(heap, false);
  tri_emit(&heap->base, TRI_EVENT_ROOTS, 0, 0);
  tri_each_root(&heap->base, tri_marked_trace, heap);
  tri_emit(&heap->base, TRI_EVENT_MARK, 0, 0);
  tri_marked_drain(heap);
  tri_marked_weak(heap);
  tri_marked_sweep(heap);
  if (!lazily) tri_sweep_finish(&heap->spaces.blocks);
  if (kind == TRI_COLLECT_COMPACT) tri_marked_trim(heap);
  tri_emit(&heap->base, TRI_EVENT_COLLECTION_END, kind, !lazily);
}

enum tri_status marksweep_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  tri_marked_stop(m);
  collect(tri_marked_heap_of(m->heap), kind == TRI_COLLECT_MINOR ? TRI_COLLECT_FULL : kind, false);
  tri_world_resume(m);
  return TRI_OK;
}

static bool reclaim(struct tri_mutator *m, bool again) {
  (void)again;
  collect(tri_marked_heap_of(m->heap), TRI_COLLECT_FULL, heap_of(m->heap)->lazy);
  return false;
}

tri_ref marksweep_alloc_slow(struct tri_mutator *m, struct tri_shape shape) {
  return tri_slow_alloc(m, shape, &tri_marked_heap_of(m->heap)->lock, tri_marked_alloc_any, reclaim);
}
