// go: Go's memory manager: heaps, mutators, and the calls that collect. See README.md; heap.h
// says what is where.
#include <stdio.h>

#include "common/os.h"
#include "common/poison.h"
#include "go/heap.h"

enum option {
#define TRI_OPTION_ROW(symbol, name, type, def, min, max, choices, doc) OPTION_##symbol,
#include "go/options.def"
#undef TRI_OPTION_ROW
};

// -------------------------------------------------------------------------------- heaps, mutators

// Blocks for bitmaps: Go's 64 KiB, less in small heaps.
static size_t bits_block_bytes(size_t limit) {
  size_t bytes = (size_t)4 << 10;
  while (bytes < (size_t)64 << 10 && bytes < limit / 256) bytes *= 2;
  return bytes;
}

// Address space for fragments: a run of pages can be missing though the budget has room.
static size_t address_bytes(size_t limit) {
  size_t most = SIZE_MAX / 4;
  return limit < most ? 2 * limit : limit;
}

static struct go_heap *new_heap(const struct tri_collector *self, const struct tri_heap_config *config) {
  struct go_heap *heap = tri_os_calloc(sizeof *heap);
  if (!heap) return NULL;
  heap->budget.limit = (size_t)config->value[TRI_OPT_HEAP];
  bool pages = go_pages_init(&heap->pages, &heap->budget, address_bytes(heap->budget.limit),
                             config->value[TRI_OPT_HUGE]);
  enum go_layout layout = (enum go_layout)config->value[TRI_COMMON_OPTIONS + OPTION_LAYOUT];
  bool spans = pages && go_spans_init(&heap->spans, layout, config->value[TRI_COMMON_OPTIONS + OPTION_MARK],
                                      heap->pages.base,
                                      heap->pages.n_chunks * GO_CHUNK_PAGES);
  if (spans && tri_heap_init(&heap->base, self, config) == TRI_OK) return heap;
  if (spans) go_spans_fini(&heap->spans);
  if (pages) go_pages_fini(&heap->pages);
  tri_os_free(heap);
  return NULL;
}

static void note_audit(void *context, const char *text) {
  struct go_audit *audit = context;
  if (!*audit->first) snprintf(audit->first, sizeof audit->first, "%s", text);
}

// Runs are hostile where free memory is filled.
static void begin_audit(struct go_heap *heap) {
  struct go_audit *audit = &heap->audit;
  audit->reporter = (struct tri_reporter){note_audit, audit};
  audit->findings.reporter = &audit->reporter;
  if (tri_poison_filling()) heap->pages.audit = &audit->findings;
}

// By Go's rule, unless told; but what is to repeat from run to run has no threads of its own, unless told.
static void init_workers(struct go_heap *heap, int wanted) {
  if (wanted < 0 && heap->pace.clock.works) wanted = 0;
  if (heap->stw) wanted = 0;
  struct go_workers *workers = &heap->workers;
  go_workers_init(workers, wanted, tri_os_processors());
  if (workers->wanted < 1) heap->base.caps &= ~(uint64_t)TRI_CAP_CONCURRENT;
  if (workers->wanted < 2) heap->base.caps &= ~(uint64_t)TRI_CAP_PARALLEL;
}

enum tri_status go_heap_create(const struct tri_collector *self, const struct tri_heap_config *config,
                               struct tri_heap **out) {
  const int64_t *own = config->value + TRI_COMMON_OPTIONS;
  struct go_heap *heap = new_heap(self, config);
  if (!heap) return TRI_ENOMEM;
  tri_mutex_init(&heap->lock);
  go_bits_init(&heap->bits, bits_block_bytes(heap->budget.limit));
  go_work_pool_init(&heap->pool);
  tri_weak_refs_init(&heap->weak, &(struct tri_reach){go_mark_live, go_mark_trace, go_mark_drain, heap});
  tri_finalizers_init(&heap->finalizers);
  heap->finalizers.strong_refs = go_mark_strong_refs;
  heap->stw = own[OPTION_STW];
  heap->tiny = own[OPTION_TINY];
  heap->checkmark = own[OPTION_CHECKMARK];
  heap->pool.buffers.max = (size_t)own[OPTION_WORK_BUFFERS];
  if (own[OPTION_MARK]) heap->green = go_green_best_kernel();
  heap->barrier_max = 2 * (uint32_t)own[OPTION_BUFFER];
  heap->fills = tri_poison_active;
  begin_audit(heap);
  heap->round = 4;
  if (heap->stw) heap->base.caps &= ~(uint64_t)TRI_CAP_INCREMENTAL;
  go_pace_init(&heap->pace, (enum go_pacer_generation)own[OPTION_PACER], (int32_t)own[OPTION_GOGC],
               (uint64_t)own[OPTION_MEMORY_LIMIT], (int32_t)own[OPTION_PERIODIC], heap->budget.limit,
               TRI_FIBERS || own[OPTION_CLOCK] == 1);
  init_workers(heap, (int)own[OPTION_WORKERS]);
  go_turns_init(&heap->turns, heap->workers.wanted || own[OPTION_SWEEPER] || own[OPTION_SCAVENGER]);
  go_scavenger_init(&heap->scavenger);
  heap->pace.traces = own[OPTION_GCTRACE];
  go_background_begin(heap, own[OPTION_SWEEPER], own[OPTION_SCAVENGER]);
  *out = &heap->base;
  return TRI_OK;
}

void go_heap_destroy(struct tri_heap *base) {
  struct go_heap *heap = go_heap_of(base);
  go_workers_fini(heap);
  go_background_end(heap);
  while (go_work_get(&heap->pool, &heap->work) || go_span_queue_get(&heap->pool.spans, &heap->work.spans)) {
  } // of a cycle that nobody ended
  go_work_dispose(&heap->pool, &heap->work);
  go_work_pool_fini(&heap->pool);
  tri_heap_fini(base);
  tri_finalizers_fini(&heap->finalizers);
  tri_weak_refs_fini(&heap->weak);
  go_bits_fini(&heap->bits);
  go_spans_fini(&heap->spans);
  go_pages_fini(&heap->pages);
  tri_os_free(heap);
}

// Nobody stops the world before the new mutator comes to a safepoint.
enum tri_status go_attach(struct tri_heap *base, struct tri_mutator **out) {
  struct go_heap *heap = go_heap_of(base);
  enum tri_status status = tri_mutator_new(base, sizeof(struct go_mutator), out);
  if (status != TRI_OK) return status;
  struct go_mutator *m = go_mutator_of(*out);
  for (unsigned c = 0; c < GO_ALL_SPAN_CLASSES; c++) m->cache[c] = &go_empty_span;
  go_mutator_tell(heap, m);
  tri_mutex_lock(&heap->lock);
  heap->n_mutators++;
  tri_mutex_unlock(&heap->lock);
  return TRI_OK;
}

void go_detach(struct tri_mutator *base) {
  struct go_heap *heap = go_heap_of(base->heap);
  struct go_mutator *m = go_mutator_of(base);
  go_barrier_flush(heap, m);
  go_work_dispose(&heap->pool, &m->work);
  go_black_settle(heap, m);
  tri_mutex_lock(&heap->lock);
  go_flush_caches(heap, m);
  heap->n_mutators--;
  tri_mutex_unlock(&heap->lock);
  tri_mutator_delete(base);
}

enum tri_status go_finalizer_add(struct tri_mutator *m, tri_ref object, uint64_t cookie) {
  return tri_finalizers_add(&go_heap_of(m->heap)->finalizers, object, cookie);
}

tri_ref go_finalizer_next(struct tri_mutator *m, uint64_t *cookie) {
  tri_ref object = tri_finalizers_next(&go_heap_of(m->heap)->finalizers, cookie);
  if (go_is_marking(m)) go_shade_slow(m, object, TRI_NULL);
  return object;
}

// -------------------------------------------------------------------------------- collecting

// Others' collections end first: they may be lazy.
static struct go_heap *stop(struct tri_mutator *m) {
  while (!tri_world_stop(m)) {
  }
  return go_heap_of(m->heap);
}

enum tri_status go_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  struct go_heap *heap = stop(m);
  if (kind == TRI_COLLECT_MINOR) kind = TRI_COLLECT_FULL;
  if (heap->marking)
    go_cycle(heap, TRI_COLLECT_FULL, true); // what became garbage meanwhile is the next one's
  heap->pace.forced = true;
  bool done = go_cycle(heap, kind, false);
  heap->pace.forced = false;
  tri_world_resume(m);
  return done ? TRI_OK : TRI_ENOMEM;
}

enum tri_status go_collect_start(struct tri_mutator *m) {
  if (!tri_has(m->heap, TRI_CAP_INCREMENTAL)) return TRI_ENOTSUP;
  struct go_heap *heap = stop(m);
  bool begun = heap->marking;
  heap->pace.forced = !begun;
  if (!begun && (begun = go_mark_begin(heap, TRI_COLLECT_FULL))) {
    tri_emit(m->heap, TRI_EVENT_MARK_STEP, 0, 0);
    go_workers_begin(heap);
  }
  heap->pace.forced = false;
  tri_world_resume(m);
  return begun ? TRI_OK : TRI_ENOMEM;
}

bool go_collect_step(struct tri_mutator *m, size_t units) {
  struct go_heap *heap = stop(m);
  if (heap->marking) {
    tri_emit(m->heap, TRI_EVENT_MARK_STEP, heap->marked_objects, 0);
    if (go_mark_step(heap, units)) go_mark_end(heap, TRI_COLLECT_FULL, units != SIZE_MAX);
  } else {
    go_sweep_some(heap, units);
  }
  bool done = !heap->marking && !heap->sweep.unswept;
  tri_world_resume(m);
  return done;
}
