// sticky: generational mark-sweep by sticky mark bits (Demers et al. 1990), on common/marked_heap.h. Marks
// stay after a collection: what is marked is old. A minor collection leaves old objects alone; it marks from
// the roots and from the old objects that were written to since the last one, which the barrier has recorded,
// and sweeps what is unmarked. A full one takes all marks back first. Nothing moves, and who survives once is
// old.
//
// Invariants, between collections: an old object is recorded, or has TRI_MARKED_OLD in its tag and refers to
// old objects only; a recorded object is in the buffer of a mutator or in `remembered`, or `lost` is set; a
// young object is neither.
#include "tricolor/collector.h"

#include "common/slow_alloc.h"
#include "sticky/fast.h"

extern const struct tri_option sticky_options[];
const struct tri_option sticky_options[STICKY_OPTIONS] = {
#define TRI_OPTION_ROW(symbol, name, type, def, min, max, choices, doc)                                      \
  [STICKY_##symbol] = {name, type, def, min, max, choices, doc},
#include "sticky/options.def"
#undef TRI_OPTION_ROW
};

struct sticky_heap {
  struct tri_marked_heap marked;
  struct tri_mark_stack remembered; // recorded objects
  bool lost;                        // there was no memory to keep one: the next collection has to be full
  uint32_t buffer_entries, grow;
  size_t old_bytes;      // after the last collection
  size_t most_old_bytes; // beyond that, the next collection is full
  uint64_t full_collections;
};

static struct sticky_heap *heap_of(struct tri_heap *heap) { return (struct sticky_heap *)heap; }
static struct sticky_mutator *mutator_of(struct tri_mutator *m) { return (struct sticky_mutator *)m; }

// --------------------------------------------------------------------------------------------------- barrier

// With the lock held, or the world stopped.
static void flush(struct sticky_heap *heap, struct sticky_mutator *m) {
  for (uint32_t i = 0; i < m->n_buffer; i++)
    if (!tri_mark_stack_push(&heap->remembered, m->buffer[i].bits)) heap->lost = true;
  m->n_buffer = 0;
}

void sticky_record_slow(struct tri_mutator *base, tri_ref object) {
  struct sticky_mutator *m = mutator_of(base);
  struct sticky_heap *heap = heap_of(base->heap);
  tri_marked_record(object);
  m->buffer[m->n_buffer++] = object;
  TRI_YIELD(STORE_BEFORE);
  if (m->n_buffer < heap->buffer_entries) return;
  TRI_YIELD(BARRIER_FLUSH);
  tri_mutex_lock(&heap->marked.lock);
  flush(heap, m);
  tri_mutex_unlock(&heap->marked.lock);
}

static void flush_mutator(void *heap, struct tri_mutator *m) { flush(heap, mutator_of(m)); }

// ------------------------------------------------------------------------------------------------ collecting
//
// With the world stopped by the caller.

// For a minor collection: reach what the recorded objects refer to. They are old, and not recorded,
// afterwards.
static void trace_remembered(struct sticky_heap *heap) {
  while (!tri_mark_stack_is_empty(&heap->remembered))
    tri_marked_scan(&heap->marked, (tri_ref){tri_mark_stack_pop(&heap->remembered)});
}

// For a full one: all that is reachable is scanned anyway, and what is not is about to go.
static void forget_remembered(struct sticky_heap *heap) {
  heap->remembered.top = 0;
  heap->lost = false;
  tri_marked_clear(&heap->marked);
}

// How far old objects may grow, after a full collection.
static size_t grown(const struct sticky_heap *heap) {
  size_t limit = heap->marked.budget.limit;
  return heap->old_bytes + (heap->old_bytes < limit ? (limit - heap->old_bytes) / 100 * heap->grow : 0);
}

static void collect(struct sticky_heap *heap, enum tri_collect_kind kind, bool lazily) {
  struct tri_marked_heap *marked = &heap->marked;
  if (kind == TRI_COLLECT_MINOR && (heap->lost || heap->grow == 0)) kind = TRI_COLLECT_FULL;
  tri_emit(&marked->base, TRI_EVENT_COLLECTION_BEGIN, kind, 0);
  tri_marked_begin(marked, false);
  tri_each_mutator(&marked->base, flush_mutator, heap);
  if (kind == TRI_COLLECT_MINOR && heap->lost) kind = TRI_COLLECT_FULL;
  if (kind != TRI_COLLECT_MINOR) forget_remembered(heap);
  tri_emit(&marked->base, TRI_EVENT_ROOTS, 0, 0);
  tri_each_root(&marked->base, tri_marked_trace, marked);
  trace_remembered(heap);
  tri_emit(&marked->base, TRI_EVENT_MARK, 0, 0);
  tri_marked_drain(marked);
  tri_marked_weak(marked);
  tri_marked_sweep(marked);
  heap->old_bytes = tri_block_space_marked_bytes(&marked->blocks) + marked->large.live_bytes;
  if (kind != TRI_COLLECT_MINOR) {
    heap->most_old_bytes = grown(heap);
    heap->full_collections++;
  }
  if (!lazily) tri_sweep_finish(&marked->blocks);
  if (kind == TRI_COLLECT_COMPACT) {
    tri_marked_trim(marked);
    tri_mark_stack_shrink(&heap->remembered);
  }
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
  struct tri_marked_heap *marked = tri_marked_heap_new(
      sizeof(struct sticky_heap), self, config, own + STICKY_MARK_STACK, sizeof(struct sticky_mutator));
  if (!marked) return TRI_ENOMEM;
  struct sticky_heap *heap = heap_of(&marked->base);
  tri_marked_make_sticky(marked);
  tri_mark_stack_init(&heap->remembered, (size_t)own[STICKY_MARK_STACK]);
  heap->buffer_entries = (uint32_t)own[STICKY_BUFFER];
  heap->grow = (uint32_t)own[STICKY_GROW];
  heap->most_old_bytes = grown(heap);
  *out = &marked->base;
  return TRI_OK;
}

void sticky_heap_destroy(struct tri_heap *base) {
  struct sticky_heap *heap = heap_of(base);
  tri_mark_stack_fini(&heap->remembered);
  tri_marked_heap_delete(&heap->marked);
}

enum tri_status sticky_attach(struct tri_heap *heap, struct tri_mutator **m) {
  return tri_marked_attach(heap, m);
}

void sticky_detach(struct tri_mutator *m) {
  struct sticky_heap *heap = heap_of(m->heap);
  tri_mutex_lock(&heap->marked.lock);
  flush(heap, mutator_of(m));
  tri_mutex_unlock(&heap->marked.lock);
  tri_marked_detach(m);
}

// --------------------------------------------------------------------------------------------------- looking

bool sticky_walk(struct tri_heap *heap, tri_walk_fn *visit, void *context) {
  return tri_marked_walk(heap, visit, context);
}

void sticky_stats_fill(struct tri_heap *base, struct tri_stats *stats) {
  struct sticky_heap *heap = heap_of(base);
  tri_marked_stats_fill(&heap->marked, stats,
                        sizeof *heap - sizeof heap->marked + heap->remembered.capacity * sizeof(uintptr_t));
  stats->full_collections = heap->full_collections;
}

struct visit {
  tri_remembered_fn *visit;
  void *context;
  bool goes_on;
};

static void visit_object(struct visit *v, tri_ref object) {
  struct tri_remembered entry = {.object = object, .count = SIZE_MAX};
  if (v->goes_on) v->goes_on = v->visit(v->context, &entry);
}

static void visit_buffer(void *context, struct tri_mutator *base) {
  const struct sticky_mutator *m = mutator_of(base);
  for (uint32_t i = 0; i < m->n_buffer; i++) visit_object(context, m->buffer[i]);
}

static bool visit_cell(void *context, uintptr_t cell, size_t bytes) {
  struct visit *v = context;
  (void)bytes;
  visit_object(v, (tri_ref){cell + TRI_TAG_BYTES});
  return v->goes_on;
}

// When an object was lost, a full collection looks at all.
bool sticky_each_remembered(struct tri_heap *base, tri_remembered_fn *visit, void *context) {
  struct sticky_heap *heap = heap_of(base);
  struct visit each = {visit, context, true};
  if (heap->lost) {
    tri_block_space_each_marked(&heap->marked.blocks, 0, UINTPTR_MAX, visit_cell, &each);
    if (each.goes_on) tri_large_each_marked(&heap->marked.large, 0, UINTPTR_MAX, visit_cell, &each);
    return each.goes_on;
  }
  tri_each_mutator(base, visit_buffer, &each);
  for (size_t i = 0; i < heap->remembered.top; i++)
    visit_object(&each, (tri_ref){heap->remembered.entries[i]});
  return each.goes_on;
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
  if (v.findings.count || heap->blocks.marking) return v.findings.count;
  tri_block_space_each(&heap->blocks, verify_tag, &v);
  tri_large_each(&heap->large, verify_tag, &v);
  return v.findings.count;
}
