#include "common/marked_heap.h"

#include "common/os.h"
#include "common/world.h"
#include "tricolor/collector.h"

// Of the rows of marked_options.def.
enum own_option {
#define TRI_OPTION_ROW(symbol, name, type, def, min, max, choices, doc) OWN_##symbol,
#include "common/marked_options.def"
#undef TRI_OPTION_ROW
};

// --------------------------------------------------------------------------------------------------- marking

static inline bool mark(void *heap, tri_ref object) { return tri_marked_mark(heap, object); }

static inline void prefetch(void *context, tri_ref object) {
  struct tri_marked_heap *heap = context;
  uintptr_t cell = tri_marked_cell(object);
  TRI_PREFETCH((void *)cell);
  if (TRI_LIKELY(tri_block_space_has(&heap->spaces.blocks, cell)))
    TRI_PREFETCH(tri_mark_word(&heap->spaces.blocks, cell));
}

#define ROUNDS UINT64_C(6)

// A weak reference or ephemeron is discovered once per collection, also when an overflow leads to a second
// scan: its lent bits say in which round it was last. With generations, a round is a full collection and the
// minor ones after it: these scan who is young or was recorded, and has no round.
static TRI_NOINLINE void scan_weak(struct tri_marked_heap *heap, tri_ref object) {
  uint64_t *tag = tri_tag(object);
  if ((*tag & ROUNDS) == heap->round) return;
  *tag = (*tag & ~ROUNDS) | heap->round;
  if (heap->spaces.blocks.black) // mutators run before marking ends
    tri_weak_refs_defer(&heap->weak, object);
  else
    tri_weak_refs_discover(&heap->weak, object);
}

static inline void scan(void *context, tri_ref object) {
  struct tri_marked_heap *heap = context;
  struct tri_shape shape = {*tri_tag(object)};
  if (TRI_UNLIKELY(tri_shape_kind(shape) != TRI_NODE)) {
    scan_weak(heap, object);
    return;
  }
  const tri_ref *slot = (const tri_ref *)object.bits, *end = slot + tri_shape_refs(shape);
  for (; slot < end; slot++)
    if (!tri_is_null(*slot)) tri_tracer_push(&heap->tracer, *slot);
}

static bool is_sticky(const struct tri_marked_heap *heap) { return heap->spaces.blocks.sticky; }

static void scan_and_promote(void *context, tri_ref object) {
  scan(context, object);
  *tri_tag(object) |= TRI_MARKED_OLD;
}

// Two loops, so that without generations no tag is written.
static size_t mark_step(struct tri_marked_heap *heap, size_t units) {
  return is_sticky(heap) ? tri_tracer_step(&heap->tracer, units, prefetch, mark, scan_and_promote, heap)
                         : tri_tracer_step(&heap->tracer, units, prefetch, mark, scan, heap);
}

void tri_marked_scan(struct tri_marked_heap *heap, tri_ref object) {
  if (is_sticky(heap))
    scan_and_promote(heap, object);
  else
    scan(heap, object);
}

static bool scan_again(void *context, uintptr_t cell, size_t bytes) {
  struct tri_marked_heap *heap = context;
  (void)bytes;
  tri_marked_scan(heap, (tri_ref){cell + TRI_TAG_BYTES});
  mark_step(heap, SIZE_MAX);
  return true;
}

size_t tri_marked_step(struct tri_marked_heap *heap, size_t units) {
  units = mark_step(heap, units);
  while (units && tri_tracer_has_dropped(&heap->tracer)) {
    uintptr_t first, last;
    tri_emit(&heap->base, TRI_EVENT_RESCAN, heap->tracer.overflows + 1, 0);
    tri_tracer_overflowed(&heap->tracer, &first, &last);
    uintptr_t from = tri_marked_cell((tri_ref){first}), to = tri_marked_cell((tri_ref){last}) + 1;
    tri_spaces_each_marked(&heap->spaces, from, to, scan_again, heap);
  }
  return units;
}

void tri_marked_drain(void *heap) { tri_marked_step(heap, SIZE_MAX); }

static bool is_live(void *context, tri_ref *slot) { return tri_marked_is(context, *slot); }

void tri_marked_trace(void *context, tri_ref *slot) {
  struct tri_marked_heap *heap = context;
  if (!tri_is_null(*slot)) tri_tracer_push(&heap->tracer, *slot);
}

static void retire_runs(void *context, struct tri_mutator *base) {
  struct tri_marked_heap *heap = context;
  struct tri_marked_mutator *m = (struct tri_marked_mutator *)base;
  for (unsigned c = 0; c < TRI_SIZE_CLASSES; c++) tri_run_retire(&heap->spaces.blocks, &m->runs[c]);
}

// With the lock held, or the world stopped.
static void take_buffer(void *context, struct tri_mutator *base) {
  struct tri_marked_heap *heap = context;
  struct tri_buffered_mutator *m = (struct tri_buffered_mutator *)base;
  for (uint32_t i = 0; i < m->n_buffer; i++) heap->take(heap, m->buffer[i]);
  m->n_buffer = 0;
}

void tri_marked_take(struct tri_marked_heap *heap) { tri_each_mutator(&heap->base, take_buffer, heap); }

void tri_marked_keep(struct tri_mutator *base, tri_ref object) {
  struct tri_buffered_mutator *m = (struct tri_buffered_mutator *)base;
  struct tri_marked_heap *heap = tri_marked_heap_of(base->heap);
  m->buffer[m->n_buffer++] = object;
  if (m->n_buffer < heap->buffer_entries) return;
  TRI_YIELD(BARRIER_FLUSH);
  tri_mutex_lock(&heap->lock);
  take_buffer(heap, base);
  tri_mutex_unlock(&heap->lock);
}

void tri_marked_stop(struct tri_mutator *m) {
  bool stopped = false;
  while (!stopped) stopped = tri_world_stop(m);
}

void tri_marked_begin(struct tri_marked_heap *heap, bool mutators_run) {
  tri_each_mutator(&heap->base, retire_runs, heap);
  tri_sweep_finish(&heap->spaces.blocks);
  if (!is_sticky(heap)) heap->round ^= ROUNDS;
  heap->spaces.blocks.marking = heap->spaces.large.marking = true;
  heap->spaces.blocks.black = mutators_run;
}

void tri_marked_make_buffered(struct tri_marked_heap *heap, int64_t entries,
                              void (*take)(struct tri_marked_heap *heap, tri_ref object)) {
  heap->buffer_entries = (uint32_t)entries;
  heap->take = take;
}

void tri_marked_make_sticky(struct tri_marked_heap *heap) {
  heap->spaces.blocks.sticky = heap->spaces.large.sticky = true;
}

void tri_marked_clear(struct tri_marked_heap *heap) {
  tri_block_space_clear_marks(&heap->spaces.blocks);
  tri_large_clear_marks(&heap->spaces.large);
  heap->round ^= ROUNDS;
}

void tri_marked_weak(struct tri_marked_heap *heap) {
  tri_emit(&heap->base, TRI_EVENT_WEAK, 0, 0);
  heap->spaces.blocks.black = false; // nobody runs before the sweep
  tri_weak_refs_process(&heap->weak, &heap->finalizers);
}

void tri_marked_sweep(struct tri_marked_heap *heap) {
  tri_each_mutator(&heap->base, retire_runs, heap);
  tri_emit(&heap->base, TRI_EVENT_SWEEP, 0, 0);
  heap->spaces.blocks.marking = heap->spaces.large.marking = false;
  tri_large_sweep(&heap->spaces.large);
  tri_sweep_begin(&heap->spaces.blocks);
}

size_t tri_marked_live_bytes(const struct tri_marked_heap *heap) {
  return tri_block_space_marked_bytes(&heap->spaces.blocks) + heap->spaces.large.live_bytes;
}

void tri_marked_trim(struct tri_marked_heap *heap) {
  tri_spaces_trim(&heap->spaces);
  tri_mark_stack_shrink(&heap->tracer.stack);
  tri_mark_stack_shrink(&heap->kept);
}

// ------------------------------------------------------------------------------------------- heaps, mutators

enum tri_status tri_marked_heap_new(size_t bytes, size_t mutator_bytes, const struct tri_collector *self,
                                    const struct tri_heap_config *config, const int64_t *own,
                                    struct tri_heap **out) {
  struct tri_marked_heap *heap = tri_os_calloc(bytes);
  if (!heap) return TRI_ENOMEM;
  bool spaces = tri_spaces_init(&heap->spaces, config);
  if (!spaces || tri_heap_init(&heap->base, self, config) != TRI_OK) {
    if (spaces) tri_spaces_fini(&heap->spaces);
    tri_os_free(heap);
    return TRI_ENOMEM;
  }
  tri_mutex_init(&heap->lock);
  tri_tracer_init(&heap->tracer, (size_t)own[OWN_MARK_STACK], mark, heap);
  tri_mark_stack_init(&heap->kept, (size_t)own[OWN_MARK_STACK]);
  tri_weak_refs_init(&heap->weak, &(struct tri_reach){is_live, tri_marked_trace, tri_marked_drain, heap});
  tri_finalizers_init(&heap->finalizers);
  heap->spaces.blocks.run_cells = (uint32_t)own[OWN_RUN];
  heap->bytes = bytes;
  heap->mutator_bytes = mutator_bytes;
  heap->round = 4;
  *out = &heap->base;
  return TRI_OK;
}

void tri_marked_heap_delete(struct tri_heap *base) {
  struct tri_marked_heap *heap = tri_marked_heap_of(base);
  tri_heap_fini(base);
  tri_finalizers_fini(&heap->finalizers);
  tri_weak_refs_fini(&heap->weak);
  tri_mark_stack_fini(&heap->kept);
  tri_tracer_fini(&heap->tracer);
  tri_spaces_fini(&heap->spaces);
  tri_os_free(heap);
}

enum tri_status tri_marked_attach(struct tri_heap *heap, struct tri_mutator **m) {
  return tri_mutator_new(heap, tri_marked_heap_of(heap)->mutator_bytes, m);
}

void tri_marked_detach(struct tri_mutator *m) {
  struct tri_marked_heap *heap = tri_marked_heap_of(m->heap);
  tri_mutex_lock(&heap->lock);
  retire_runs(heap, m);
  if (heap->take) take_buffer(heap, m);
  tri_mutex_unlock(&heap->lock);
  tri_mutator_delete(m);
}

enum tri_status tri_marked_finalizer_add(struct tri_mutator *m, tri_ref object, uint64_t cookie) {
  return tri_finalizers_add(&tri_marked_heap_of(m->heap)->finalizers, object, cookie);
}

tri_ref tri_marked_finalizer_next(struct tri_mutator *m, uint64_t *cookie) {
  return tri_finalizers_next(&tri_marked_heap_of(m->heap)->finalizers, cookie);
}

// ------------------------------------------------------------------------------------------------ allocation

// What one space has free but does not use, the other may have.
static tri_ref alloc_small(struct tri_marked_heap *heap, struct tri_marked_mutator *m,
                           struct tri_shape shape) {
  tri_ref object = tri_runs_alloc(m->runs, shape);
  if (!tri_is_null(object)) return object;
  unsigned size_class = tri_size_class(tri_object_bytes(shape));
  struct tri_run *run = &m->runs[size_class];
  if (!tri_run_refill(&heap->spaces.blocks, run, size_class) &&
      !(tri_large_trim(&heap->spaces.large, TRI_BLOCK_BYTES) &&
        tri_run_refill(&heap->spaces.blocks, run, size_class)))
    return TRI_NULL;
  return tri_runs_alloc(m->runs, shape);
}

static tri_ref alloc_large(struct tri_marked_heap *heap, struct tri_shape shape) {
  size_t bytes = tri_object_bytes(shape);
  uintptr_t start = tri_large_alloc(&heap->spaces.large, bytes);
  if (!start) {
    tri_sweep_finish(&heap->spaces.blocks);
    if (tri_block_space_trim(&heap->spaces.blocks, bytes + tri_os_page_bytes()))
      start = tri_large_alloc(&heap->spaces.large, bytes);
  }
  if (!start) return TRI_NULL;
  if (heap->spaces.blocks.black) tri_large_mark(&heap->spaces.large, start);
  *(uint64_t *)start = shape.tag;
  return (tri_ref){start + TRI_TAG_BYTES};
}

tri_ref tri_marked_alloc_any(struct tri_mutator *m, struct tri_shape shape) {
  struct tri_marked_heap *heap = tri_marked_heap_of(m->heap);
  return tri_object_bytes(shape) <= TRI_CELL_MAX ? alloc_small(heap, (struct tri_marked_mutator *)m, shape)
                                                 : alloc_large(heap, shape);
}

// --------------------------------------------------------------------------------------------------- looking

static enum tri_colour colour_of(const struct tri_marked_heap *heap, tri_ref object) {
  if (!heap->spaces.blocks.marking) return TRI_COLOUR_NONE;
  if (!tri_marked_is(heap, object)) return TRI_WHITE;
  const struct tri_tracer *tracer = &heap->tracer;
  return object.bits >= tracer->overflow_first && object.bits <= tracer->overflow_last ? TRI_GREY : TRI_BLACK;
}

static struct tri_object_info describe(const struct tri_marked_heap *heap, uintptr_t cell, size_t bytes) {
  struct tri_object_info info = {.ref = {cell + TRI_TAG_BYTES}, .start = cell, .bytes = bytes};
  info.shape = tri_marked_shape(*tri_tag(info.ref));
  info.colour = colour_of(heap, info.ref);
  if (is_sticky(heap)) info.generation = info.age = tri_marked_is(heap, info.ref);
  return info;
}

enum tri_status tri_marked_marking(struct tri_heap *heap, struct tri_marking *marking) {
  *marking = (struct tri_marking){.active = tri_marked_heap_of(heap)->spaces.blocks.marking};
  return TRI_OK;
}

struct each_kept {
  tri_grey_fn *visit;
  void *context;
  bool goes_on;
};

static void visit_buffer(void *context, struct tri_mutator *base) {
  struct each_kept *each = context;
  const struct tri_buffered_mutator *m = (const struct tri_buffered_mutator *)base;
  for (uint32_t i = 0; each->goes_on && i < m->n_buffer; i++)
    each->goes_on = each->visit(each->context, m->buffer[i]);
}

static bool each_entry(const struct tri_mark_stack *stack, tri_grey_fn *visit, void *context) {
  for (size_t i = 0; i < stack->top; i++)
    if (!visit(context, (tri_ref){stack->entries[i]})) return false;
  return true;
}

bool tri_marked_each_kept(struct tri_heap *heap, tri_grey_fn *visit, void *context) {
  struct each_kept each = {visit, context, true};
  tri_each_mutator(heap, visit_buffer, &each);
  return each.goes_on && each_entry(&tri_marked_heap_of(heap)->kept, visit, context);
}

bool tri_marked_each_grey(struct tri_heap *heap, tri_grey_fn *visit, void *context) {
  return each_entry(&tri_marked_heap_of(heap)->tracer.stack, visit, context);
}

bool tri_marked_each_block(struct tri_heap *base, tri_block_fn *visit, void *context) {
  return tri_block_space_tell(&tri_marked_heap_of(base)->spaces.blocks, visit, context);
}

// Whether the object may stand in `bytes` of memory; of a large object, page rounding included.
static bool is_sound(const struct tri_object_info *info) {
  if (!tri_shape_valid(info->shape)) return false;
  size_t needed = tri_object_bytes(info->shape);
  if (needed > TRI_CELL_MAX) return needed <= info->bytes && info->bytes - needed < tri_os_page_bytes();
  return tri_class_bytes(tri_size_class(needed)) == info->bytes;
}

struct visit {
  const struct tri_marked_heap *heap;
  tri_walk_fn *visit;
  void *context;
};

static bool visit_cell(void *context, uintptr_t cell, size_t bytes) {
  const struct visit *visit = context;
  struct tri_object_info info = describe(visit->heap, cell, bytes);
  return is_sound(&info) && visit->visit(visit->context, &info);
}

bool tri_marked_walk(struct tri_heap *base, tri_walk_fn *visit, void *context) {
  struct tri_marked_heap *heap = tri_marked_heap_of(base);
  struct visit each = {heap, visit, context};
  if (!heap->spaces.blocks.marking) tri_sweep_finish(&heap->spaces.blocks);
  return tri_spaces_each(&heap->spaces, visit_cell, &each);
}

// The allocated object that starts at slot 0 = ref, whatever the bits of ref.
static bool find_object(struct tri_marked_heap *heap, tri_ref ref, struct tri_object_info *info) {
  size_t bytes = 0;
  uintptr_t cell = tri_marked_cell(ref), start = tri_cell_around(&heap->spaces.blocks, cell, &bytes);
  if (!start) start = tri_large_around(&heap->spaces.large, cell, &bytes);
  if (!start || start != cell) return false;
  *info = describe(heap, cell, bytes);
  return true;
}

enum tri_status tri_marked_inspect(struct tri_heap *base, tri_ref ref, struct tri_object_info *info) {
  struct tri_marked_heap *heap = tri_marked_heap_of(base);
  if (!find_object(heap, ref, info)) return TRI_ECORRUPT;
  // It does not sweep: the state that a lazy collection leaves is there to be seen.
  bool garbage = !heap->spaces.blocks.marking && tri_cell_unswept(&heap->spaces.blocks, info->start) &&
                 !tri_cell_marked(&heap->spaces.blocks, info->start);
  return garbage ? TRI_ECORRUPT : TRI_OK;
}

struct verify {
  struct tri_marked_heap *heap;
  struct tri_findings findings;
};

// Every object has a shape that fits its cell, and what it refers to is allocated.
static bool verify_object(void *context, uintptr_t cell, size_t bytes) {
  struct verify *v = context;
  struct tri_object_info info = describe(v->heap, cell, bytes), target;
  if (!is_sound(&info)) {
    tri_find(&v->findings, "object at %p: tag %016llx does not belong in %zu bytes", (void *)cell,
             (unsigned long long)info.shape.tag, bytes);
    return true;
  }
  if (v->heap->spaces.blocks.marking) return true; // weak slots are not yet cleared
  for (size_t i = 0; i < tri_shape_refs(info.shape); i++) {
    tri_ref slot = tri_plain_load(NULL, info.ref, i);
    if (!tri_is_null(slot) && !find_object(v->heap, slot, &target))
      tri_find(&v->findings, "object at %p: slot %zu holds %p, which is no object", (void *)cell, i,
               (void *)slot.bits);
  }
  return true;
}

size_t tri_marked_verify(struct tri_heap *base, const struct tri_reporter *reporter) {
  struct tri_marked_heap *heap = tri_marked_heap_of(base);
  struct verify v = {heap, {reporter, 0}};
  tri_block_space_verify(&heap->spaces.blocks, &v.findings);
  tri_large_space_verify(&heap->spaces.large, &v.findings);
  if (v.findings.count) return v.findings.count; // what follows relies on the tables
  struct tri_space_usage blocks = tri_block_space_usage(&heap->spaces.blocks),
                         large = tri_large_space_usage(&heap->spaces.large);
  size_t committed = blocks.live_bytes + blocks.free_bytes + large.live_bytes + large.free_bytes;
  if (committed != heap->spaces.budget.used || committed > heap->spaces.budget.limit)
    tri_find(&v.findings, "live and free are %zu bytes, the budget has given %zu of %zu", committed,
             heap->spaces.budget.used, heap->spaces.budget.limit);
  if (!heap->spaces.blocks.marking && !tri_mark_stack_is_empty(&heap->tracer.stack))
    tri_find(&v.findings, "%zu entries on the mark stack outside of a collection", heap->tracer.stack.top);
  if (!heap->spaces.blocks.marking) tri_sweep_finish(&heap->spaces.blocks);
  tri_spaces_each(&heap->spaces, verify_object, &v);
  return v.findings.count;
}

void tri_marked_stats_fill(struct tri_heap *base, struct tri_stats *stats) {
  const struct tri_marked_heap *heap = tri_marked_heap_of(base);
  tri_spaces_stats_fill(&heap->spaces, stats,
                        heap->bytes + base->world->attached * heap->mutator_bytes +
                            (heap->tracer.stack.capacity + heap->kept.capacity) * sizeof(uintptr_t) +
                            tri_weak_refs_bytes(&heap->weak) + tri_finalizers_bytes(&heap->finalizers));
  stats->full_collections = base->epoch;
  stats->marked_objects = heap->marked_objects;
  stats->mark_stack_overflows = heap->tracer.overflows;
  stats->weak_cleared = heap->weak.cleared;
  stats->finalizers_pending = heap->finalizers.n_queue;
}
