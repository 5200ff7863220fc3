// zerocount: the traversal that finds objects with count 0. See README.md.
//
// Counts are of references from slots of nodes only. Invariant: outside a collection no object has
// ZEROCOUNT_ROOT, and the list of dead objects is empty.
#include "tricolor/collector.h"

#include "common/os.h"
#include "zerocount/fast.h"

struct zerocount_heap {
  struct tri_counted_heap counted;
  bool undecided; // an object with count 0 waits for the finalizer queue
};

enum option {
#define TRI_OPTION_ROW(symbol, name, type, def, min, max, choices, doc) ZEROCOUNT_OPT_##symbol,
#include "zerocount/options.def"
#undef TRI_OPTION_ROW
};

static struct zerocount_heap *heap_of(struct tri_heap *heap) { return (struct zerocount_heap *)heap; }

// ----------------------------------------------------------------------------------------------------- heaps

enum tri_status zerocount_heap_create(const struct tri_collector *self, const struct tri_heap_config *config,
                                      struct tri_heap **out) {
  unsigned count_bits = (unsigned)config->value[TRI_COMMON_OPTIONS + ZEROCOUNT_OPT_COUNT_BITS];
  return tri_counted_heap_new(sizeof(struct zerocount_heap), self, config, count_bits, out);
}

void zerocount_weak_set_slow(struct tri_mutator *m, tri_ref weak, tri_ref target) {
  tri_counted_weak_set(m, weak, target);
}

tri_ref zerocount_finalizer_next(struct tri_mutator *m, uint64_t *cookie) {
  return tri_finalizers_next(&tri_counted_heap_of(m)->finalizers, cookie);
}

// ------------------------------------------------------------------------------------------------ collection

static bool is_needed(uint64_t word) { return word >= TRI_COUNT_ONE || word & ZEROCOUNT_ROOT; }

static void set_root(void *context, tri_ref *slot) {
  (void)context;
  if (!tri_is_null(*slot)) *tri_count_word(*slot) |= ZEROCOUNT_ROOT;
}

static void unset_root(void *context, tri_ref *slot) {
  (void)context;
  if (!tri_is_null(*slot)) *tri_count_word(*slot) &= ~ZEROCOUNT_ROOT;
}

static void each_root(struct zerocount_heap *heap, tri_root_fn *visit) {
  tri_each_root(&heap->counted.base, visit, NULL);
  tri_finalizers_roots(&heap->counted.finalizers, visit, NULL);
}

static void bury_zero(void *context, tri_ref object) {
  struct zerocount_heap *heap = context;
  if (!is_needed(*tri_count_word(object)) && !tri_counted_bury(&heap->counted, object))
    heap->undecided = true;
}

// Clearing an object may leave others with count 0: they join the list, so that one traversal is enough.
static void clear_dead(struct zerocount_heap *heap) {
  for (tri_ref object; !tri_is_null(object = tri_dead_pop(&heap->counted.dead));) {
    for (size_t i = 0, n = tri_strong_refs(tri_tag_shape(*tri_tag(object))); i < n; i++) {
      tri_ref to = *tri_slot(object, i);
      if (tri_is_null(to)) continue;
      uint64_t *word = tri_count_word(to);
      if (*word >= heap->counted.stuck_from) continue;
      *word -= TRI_COUNT_ONE;
      bury_zero(heap, to);
    }
    tri_counted_free(&heap->counted, object);
  }
}

static bool needed(void *context, tri_ref *slot) {
  (void)context;
  return is_needed(*tri_count_word(*slot));
}

// The queue is a root for collections to come.
static void keep_for_queue(void *context, tri_ref *slot) {
  struct zerocount_heap *heap = context;
  uint64_t *word = tri_count_word(*slot);
  if (*word & TRI_COUNT_WEAK_TARGET) tri_weak_table_clear(&heap->counted.weak, *slot);
  *word &= ~TRI_COUNT_FINALIZABLE;
}

static void nothing_to_trace(void *context) { (void)context; }

static void collect(struct zerocount_heap *heap, enum tri_collect_kind kind) {
  struct tri_heap *base = &heap->counted.base;
  tri_world_stop(&heap->counted.mutator);
  tri_emit(base, TRI_EVENT_COLLECTION_BEGIN, kind, 0);
  tri_emit(base, TRI_EVENT_ROOTS, 0, 0);
  tri_emit(base, TRI_EVENT_SWEEP, 0, 0);
  each_root(heap, set_root);
  tri_counted_each(&heap->counted, bury_zero, heap);
  clear_dead(heap);
  if (heap->undecided) {
    heap->undecided = false;
    struct tri_reach reach = {needed, keep_for_queue, nothing_to_trace, heap};
    tri_finalizers_process(&heap->counted.finalizers, &reach);
  }
  each_root(heap, unset_root);
  tri_emit(base, TRI_EVENT_COLLECTION_END, kind, 1);
  tri_world_resume(&heap->counted.mutator);
}

enum tri_status zerocount_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  struct zerocount_heap *heap = heap_of(m->heap);
  collect(heap, kind);
  if (kind == TRI_COLLECT_COMPACT) tri_counted_trim(&heap->counted);
  return TRI_OK;
}

tri_ref zerocount_alloc_slow(struct tri_mutator *m, struct tri_shape shape) {
  struct zerocount_heap *heap = heap_of(m->heap);
  enum tri_status status = tri_alloc_check(m, shape);
  if (status != TRI_OK) return tri_alloc_failed(m, status, shape);
  tri_ref object = tri_counted_alloc_any(&heap->counted, shape, 0);
  if (tri_is_null(object)) {
    collect(heap, TRI_COLLECT_FULL);
    object = tri_counted_alloc_any(&heap->counted, shape, 0);
  }
  return tri_is_null(object) ? tri_alloc_failed(m, TRI_ENOMEM, shape) : object;
}

// --------------------------------------------------------------------------------------------------- looking

bool zerocount_walk(struct tri_heap *base, tri_walk_fn *visit, void *context) {
  return tri_counted_walk(&heap_of(base)->counted, TRI_COUNT_SLOTS, visit, context);
}

enum tri_status zerocount_inspect(struct tri_heap *base, tri_ref ref, struct tri_object_info *info) {
  return tri_counted_inspect(&heap_of(base)->counted, TRI_COUNT_SLOTS, ref, info);
}

static void verify_object(void *context, tri_ref object) {
  if (!tri_is_dead(object) && *tri_count_word(object) & ZEROCOUNT_ROOT)
    tri_find(context, "object %#zx is flagged as a root outside a collection", object.bits);
}

size_t zerocount_verify(struct tri_heap *base, const struct tri_reporter *reporter) {
  struct zerocount_heap *heap = heap_of(base);
  struct tri_findings findings = {.reporter = reporter};
  tri_counted_verify(&heap->counted, TRI_COUNT_SLOTS, &findings);
  tri_counted_each(&heap->counted, verify_object, &findings);
  return findings.count;
}
