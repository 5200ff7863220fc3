// sticky: generational mark-sweep by sticky mark bits (Demers et al. 1990), on common/marked_heap.h. Marks
// stay after a collection: what is marked is old. A minor collection leaves old objects alone; it marks from
// the roots and from the old objects that were written to since the last one, which the barrier has recorded,
// and sweeps what is unmarked. A full one takes all marks back first. Nothing moves, and who survives once is
// old.
//
// Invariants, between collections: an old object is recorded, or has TRI_MARKED_OLD in its tag and refers to
// old objects only; a recorded object is in the buffer of a mutator or in marked.kept, or `lost` is set; a
// young object is neither.
#include "tricolor/collector.h"

#include "common/slow_alloc.h"
#include "sticky/fast.h"

enum option {
#define TRI_OPTION_ROW(symbol, name, type, def, min, max, choices, doc) STICKY_##symbol,
#include "sticky/options.def"
#undef TRI_OPTION_ROW
};

struct sticky_heap {
  struct tri_marked_heap marked;
  bool lost; // there was no memory to keep a recorded object: the next collection has to be full
  uint32_t grow;
  size_t old_bytes;      // after the last collection
  size_t most_old_bytes; // beyond that, the next collection is full
  uint64_t full_collections;
};

static struct sticky_heap *heap_of(struct tri_heap *heap) { return (struct sticky_heap *)heap; }

// --------------------------------------------------------------------------------------------------- barrier

static void remember(struct tri_marked_heap *heap, tri_ref object) {
  if (!tri_mark_stack_push(&heap->kept, object.bits)) heap_of(&heap->base)->lost = true;
}

void sticky_record_slow(struct tri_mutator *m, tri_ref object) {
  tri_marked_record(object);
  tri_marked_keep(m, object);
  TRI_YIELD(STORE_BEFORE);
}

// ------------------------------------------------------------------------------------------------ collecting
//
// With the world stopped by the caller.

// For a minor collection: reach what the recorded objects refer to. They are old, and not recorded,
// afterwards.
static void trace_remembered(struct tri_marked_heap *heap) {
  while (!tri_mark_stack_is_empty(&heap->kept))
    tri_marked_scan(heap, (tri_ref){tri_mark_stack_pop(&heap->kept)});
}

// For a full one: all that is reachable is scanned anyway, and what is not is about to go.
static void forget_remembered(struct sticky_heap *heap) {
  heap->marked.kept.top = 0;
  heap->lost = false;
  tri_marked_clear(&heap->marked);
}

// How far old objects may grow, after a full collection.
static size_t grown(const struct sticky_heap *heap) {
  size_t limit = heap->marked.spaces.budget.limit;
  return heap->old_bytes + (heap->old_bytes < limit ? (limit - heap->old_bytes) / 100 * heap->grow : 0);
}

static void collect(struct sticky_heap *heap, enum tri_collect_kind kind, bool lazily) {
  struct tri_marked_heap *marked = &heap->marked;
  tri_marked_take(marked);
  if (kind == TRI_COLLECT_MINOR && (heap->lost || heap->grow == 0)) kind = TRI_COLLECT_FULL;
  tri_emit(&marked->base, TRI_EVENT_COLLECTION_BEGIN, kind, 0);
  tri_marked_begin(marked, false);
  if (kind != TRI_COLLECT_MINOR) forget_remembered(heap);
  tri_emit(&marked->base, TRI_EVENT_ROOTS, 0, 0);
  tri_each_root(&marked->base, tri_marked_trace, marked);
  trace_remembered(marked);
  tri_emit(&marked->base, TRI_EVENT_MARK, 0, 0);
  tri_marked_drain(marked);
  tri_marked_weak(marked);
  tri_marked_sweep(marked);
  heap->old_bytes = tri_marked_live_bytes(marked);
  if (kind != TRI_COLLECT_MINOR) {
    heap->most_old_bytes = grown(heap);
    heap->full_collections++;
  }
  if (!lazily) tri_sweep_finish(&marked->spaces.blocks);
  if (kind == TRI_COLLECT_COMPACT) tri_marked_trim(marked);
  tri_emit(&marked->base, TRI_EVENT_COLLECTION_END, kind, !lazily);
}

enum tri_status sticky_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  tri_marked_stop(m);
  collect(heap_of(m->heap), kind, false);
  tri_world_resume(m);
  return TRI_OK;
}

// A minor collection is tried first, where no full one is due.
static bool reclaim(struct tri_mutator *m, bool again) {
  struct sticky_heap *heap = heap_of(m->heap);
  uint64_t before = heap->full_collections;
  bool full = again || heap->old_bytes > heap->most_old_bytes;
  collect(heap, full ? TRI_COLLECT_FULL : TRI_COLLECT_MINOR, true);
  return heap->full_collections == before;
}

tri_ref sticky_alloc_slow(struct tri_mutator *m, struct tri_shape shape) {
  return tri_slow_alloc(m, shape, &tri_marked_heap_of(m->heap)->lock, tri_marked_alloc_any, reclaim);
}

// ------------------------------------------------------------------------------------------- heaps, mutators

enum tri_status sticky_heap_create(const struct tri_collector *self, const struct tri_heap_config *config,
                                   struct tri_heap **out) {
  const int64_t *own = config->value + TRI_COMMON_OPTIONS;
  enum tri_status status =
      tri_marked_heap_new(sizeof(struct sticky_heap), sizeof(struct tri_buffered_mutator), self, config,
                          own + STICKY_MARK_STACK, out);
  if (status != TRI_OK) return status;
  struct sticky_heap *heap = heap_of(*out);
  tri_marked_make_sticky(&heap->marked);
  tri_marked_make_buffered(&heap->marked, own[STICKY_BUFFER], remember);
  heap->grow = (uint32_t)own[STICKY_GROW];
  heap->most_old_bytes = grown(heap);
  return TRI_OK;
}

// --------------------------------------------------------------------------------------------------- looking

void sticky_stats_fill(struct tri_heap *base, struct tri_stats *stats) {
  struct sticky_heap *heap = heap_of(base);
  tri_marked_stats_fill(base, stats);
  stats->full_collections = heap->full_collections;
}

struct visit {
  tri_remembered_fn *visit;
  void *context;
};

static bool visit_object(void *context, tri_ref object) {
  const struct visit *v = context;
  struct tri_remembered entry = {.object = object, .count = SIZE_MAX};
  return v->visit(v->context, &entry);
}

static bool visit_cell(void *context, uintptr_t cell, size_t bytes) {
  (void)bytes;
  return visit_object(context, (tri_ref){cell + TRI_TAG_BYTES});
}

// When an object was lost, a full collection looks at all.
bool sticky_each_remembered(struct tri_heap *base, tri_remembered_fn *visit, void *context) {
  struct sticky_heap *heap = heap_of(base);
  struct visit each = {visit, context};
  if (!heap->lost) return tri_marked_each_kept(base, visit_object, &each);
  return tri_spaces_each_marked(&heap->marked.spaces, 0, UINTPTR_MAX, visit_cell, &each);
}

struct verify {
  const struct tri_marked_heap *heap;
  struct tri_findings findings;
};

// An old node that is not recorded refers to old objects only; what the tag says is true.
static bool verify_tag(void *context, uintptr_t cell, size_t bytes) {
  struct verify *v = context;
  tri_ref object = {cell + TRI_TAG_BYTES};
  (void)bytes;
  if (!tri_marked_is_old(object)) return true;
  if (!tri_marked_is(v->heap, object)) {
    tri_find(&v->findings, "object at %p is young, but its tag says that it is old", (void *)cell);
    return true;
  }
  for (size_t i = 0, n = tri_strong_refs(tri_tag_shape(*tri_tag(object))); i < n; i++) {
    tri_ref target = tri_plain_load(NULL, object, i);
    if (!tri_is_null(target) && !tri_marked_is(v->heap, target))
      tri_find(&v->findings,
               "object at %p: old and not recorded, but slot %zu refers to the young object at %p",
               (void *)cell, i, (void *)target.bits);
  }
  return true;
}

size_t sticky_verify(struct tri_heap *base, const struct tri_reporter *reporter) {
  struct tri_marked_heap *heap = tri_marked_heap_of(base);
  struct verify v = {heap, {reporter, tri_marked_verify(base, reporter)}};
  if (v.findings.count || heap->spaces.blocks.marking) return v.findings.count;
  tri_spaces_each(&heap->spaces, verify_tag, &v);
  return v.findings.count;
}
