// yuasa: mark-sweep in steps, by a snapshot at the beginning (Yuasa 1990), on common/marked_heap.h. The world
// is stopped to take the roots, for each bounded step of marking, and to end it; between, mutators run.
//
// What keeps the snapshot whole, from the event MARK on:
//   * a reference that a slot loses is shaded: marked, and scanned later (deletion barrier)
//   * a reference that leaves a weak object or the finalizer queue is shaded: it may be in no snapshot
//   * what is allocated is marked at once, and never scanned: all that it can refer to is kept anyway
// So an object that is unmarked at the end was unreachable at MARK, and nobody has held it since.
//
// What is shaded is kept in the mutators' buffers until it is marked, and then in marked.kept until it is
// scanned.
//
// Invariants: every mutator knows whether marking goes on; while it does not, all buffers and marked.kept are
// empty.
#include "tricolor/collector.h"

#include "common/slow_alloc.h"
#include "yuasa/fast.h"

enum option {
#define TRI_OPTION_ROW(symbol, name, type, def, min, max, choices, doc) YUASA_##symbol,
#include "yuasa/options.def"
#undef TRI_OPTION_ROW
};

enum {
  STEP_BYTES = 64 << 10, // allocated between two steps
  OBJECT_BYTES = 32,     // on the average, before the first collection has told
};

struct yuasa_heap {
  struct tri_marked_heap marked;
  uint32_t trigger;

  // Pacing. Under the lock, or with the world stopped.
  size_t allocated; // bytes since marking ended last
  size_t due;       // `allocated` at which something is to be done
  size_t stepped;   // `allocated` at the last step
  size_t headroom;  // bytes to allocate while `work` objects are marked, or so many blocks swept
  size_t work;
  size_t live;            // bytes that the last collection left,
  uint64_t live_objects;  // of which it marked so many objects
  uint64_t marked_before; // marked_objects when this one began
};

static struct yuasa_heap *heap_of(struct tri_heap *heap) { return (struct yuasa_heap *)heap; }
static struct yuasa_mutator *mutator_of(struct tri_mutator *m) { return (struct yuasa_mutator *)m; }
static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// --------------------------------------------------------------------------------------------------- barrier

static void take(struct tri_marked_heap *heap, tri_ref object) {
  if (tri_marked_mark(heap, object) && !tri_mark_stack_push(&heap->kept, object.bits))
    tri_tracer_drop(&heap->tracer, object);
}

static void shade(struct tri_mutator *m, tri_ref object) {
  if (!tri_is_null(object)) tri_marked_keep(m, object);
}

void yuasa_shade_slow(struct tri_mutator *m, tri_ref object) {
  shade(m, object);
  TRI_YIELD(STORE_SHADED);
}

void yuasa_shade_slot_slow(struct tri_mutator *m, tri_ref object, size_t i) {
  yuasa_shade_slow(m, tri_plain_load(m, object, i));
}

void yuasa_shade_slots_slow(struct tri_mutator *m, tri_ref object, size_t i, size_t n) {
  for (size_t k = 0; k < n; k++) shade(m, tri_plain_load(m, object, i + k));
  TRI_YIELD(STORE_SHADED);
}

static bool is_marking(const struct yuasa_heap *heap) { return heap->marked.spaces.blocks.marking; }

static void tell_mutator(void *heap, struct tri_mutator *m) { mutator_of(m)->marking = is_marking(heap); }

static void tell_mutators(struct yuasa_heap *heap) {
  TRI_YIELD(PHASE);
  tri_each_mutator(&heap->marked.base, tell_mutator, heap);
}

// ---------------------------------------------------------------------------------------------------- pacing

// Outside of a collection: `allocated` at which the next one begins.
static size_t next_begin(const struct yuasa_heap *heap) {
  return heap->trigger < 100 ? heap->headroom : SIZE_MAX;
}

static void pace_next(struct yuasa_heap *heap) {
  size_t due = heap->allocated + STEP_BYTES;
  if (!is_marking(heap) && (due > next_begin(heap) || !heap->marked.spaces.blocks.n_unswept))
    due = next_begin(heap);
  heap->stepped = heap->allocated;
  TRI_RELAXED_STORE(&heap->due, due);
}

// After marking: all blocks are to be swept when trigger percent of what is free are used, and the next
// collection begins.
static void pace_sweeping(struct yuasa_heap *heap) {
  size_t limit = heap->marked.spaces.budget.limit;
  heap->headroom = (limit - smaller(heap->live, limit)) / 100 * heap->trigger;
  heap->work = heap->marked.spaces.blocks.n_unswept;
  heap->allocated = 0;
  pace_next(heap);
}

// When marking begins: all that may be live is to be marked when half of what is left is used.
static void pace_marking(struct yuasa_heap *heap) {
  size_t limit = heap->marked.spaces.budget.limit, used = heap->live + heap->allocated;
  heap->headroom = (limit - smaller(used, limit)) / 2;
  heap->work = used / (heap->live_objects ? heap->live / heap->live_objects + 1 : OBJECT_BYTES);
  pace_next(heap);
}

// The share of the work that what was allocated since the last step calls for.
static size_t due_units(struct yuasa_heap *heap) {
  size_t bytes = heap->allocated - heap->stepped;
  pace_next(heap);
  if (bytes >= heap->headroom) return heap->work + 1;
  return (size_t)((double)heap->work * ((double)bytes / (double)heap->headroom)) + 1;
}

// ------------------------------------------------------------------------------------------------ collecting
//
// With the world stopped by the caller.

static void begin(struct yuasa_heap *heap, enum tri_collect_kind kind) {
  struct tri_marked_heap *marked = &heap->marked;
  tri_emit(&marked->base, TRI_EVENT_COLLECTION_BEGIN, kind, 0);
  tri_marked_begin(marked, true);
  tell_mutators(heap);
  heap->marked_before = marked->marked_objects;
  tri_emit(&marked->base, TRI_EVENT_ROOTS, 0, 0);
  tri_each_root(&marked->base, tri_marked_trace, marked);
  tri_emit(&marked->base, TRI_EVENT_MARK, 0, 0);
  pace_marking(heap);
}

// Begin one that goes on in steps.
static void start(struct yuasa_heap *heap) {
  begin(heap, TRI_COLLECT_FULL);
  tri_emit(&heap->marked.base, TRI_EVENT_MARK_STEP, 0, 0);
}

// Look at no more than `units` objects and references; true when nothing is grey.
static bool mark_some(struct tri_marked_heap *heap, size_t units) {
  tri_marked_take(heap);
  for (; units && !tri_mark_stack_is_empty(&heap->kept); units--)
    tri_marked_scan(heap, (tri_ref){tri_mark_stack_pop(&heap->kept)});
  return tri_marked_step(heap, units) != 0;
}

// When nothing is grey.
static void end(struct yuasa_heap *heap, enum tri_collect_kind kind, bool lazily) {
  struct tri_marked_heap *marked = &heap->marked;
  tri_marked_weak(marked);
  tri_marked_sweep(marked);
  tell_mutators(heap);
  heap->live = tri_marked_live_bytes(marked);
  heap->live_objects = marked->marked_objects - heap->marked_before;
  pace_sweeping(heap);
  if (!lazily) tri_sweep_finish(&marked->spaces.blocks);
  if (kind == TRI_COLLECT_COMPACT) tri_marked_trim(marked);
  tri_emit(&marked->base, TRI_EVENT_COLLECTION_END, kind, !lazily);
}

// Mark or sweep `units` objects' worth; true when neither is left to do.
static bool step(struct yuasa_heap *heap, size_t units) {
  struct tri_marked_heap *marked = &heap->marked;
  if (!is_marking(heap)) {
    tri_sweep_some(&marked->spaces.blocks, units);
  } else if (mark_some(marked, units)) {
    end(heap, TRI_COLLECT_FULL, true);
    if (units == SIZE_MAX) tri_sweep_finish(&marked->spaces.blocks);
  } else {
    tri_emit(&marked->base, TRI_EVENT_MARK_STEP, marked->marked_objects - heap->marked_before, 0);
  }
  return !is_marking(heap) && !marked->spaces.blocks.n_unswept;
}

static void collect(struct yuasa_heap *heap, enum tri_collect_kind kind, bool lazily) {
  begin(heap, kind);
  mark_some(&heap->marked, SIZE_MAX);
  end(heap, kind, lazily);
}

enum tri_status yuasa_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  struct yuasa_heap *heap = heap_of(m->heap);
  tri_marked_stop(m);
  if (is_marking(heap)) step(heap, SIZE_MAX); // what has become garbage since it began is the next one's
  collect(heap, kind == TRI_COLLECT_MINOR ? TRI_COLLECT_FULL : kind, false);
  tri_world_resume(m);
  return TRI_OK;
}

enum tri_status yuasa_collect_start(struct tri_mutator *m) {
  struct yuasa_heap *heap = heap_of(m->heap);
  tri_marked_stop(m);
  if (!is_marking(heap)) start(heap);
  tri_world_resume(m);
  return TRI_OK;
}

bool yuasa_collect_step(struct tri_mutator *m, size_t units) {
  struct yuasa_heap *heap = heap_of(m->heap);
  tri_mutex_lock(&heap->marked.lock);
  bool done = !is_marking(heap) && !heap->marked.spaces.blocks.n_unswept;
  tri_mutex_unlock(&heap->marked.lock);
  if (done) return true;
  tri_marked_stop(m);
  done = step(heap, units);
  tri_world_resume(m);
  return done;
}

// ------------------------------------------------------------------------------------------- heaps, mutators

enum tri_status yuasa_heap_create(const struct tri_collector *self, const struct tri_heap_config *config,
                                  struct tri_heap **out) {
  const int64_t *own = config->value + TRI_COMMON_OPTIONS;
  enum tri_status status = tri_marked_heap_new(sizeof(struct yuasa_heap), sizeof(struct yuasa_mutator), self,
                                               config, own + YUASA_MARK_STACK, out);
  if (status != TRI_OK) return status;
  struct yuasa_heap *heap = heap_of(*out);
  tri_marked_make_buffered(&heap->marked, own[YUASA_BUFFER], take);
  heap->trigger = (uint32_t)own[YUASA_TRIGGER];
  pace_sweeping(heap);
  return TRI_OK;
}

// Nobody stops the world before the new mutator comes to a safepoint.
enum tri_status yuasa_attach(struct tri_heap *heap, struct tri_mutator **m) {
  enum tri_status status = tri_marked_attach(heap, m);
  if (status == TRI_OK) tell_mutator(heap, *m);
  return status;
}

tri_ref yuasa_finalizer_next(struct tri_mutator *m, uint64_t *cookie) {
  tri_ref object = tri_marked_finalizer_next(m, cookie);
  if (yuasa_is_marking(m)) yuasa_shade_slow(m, object);
  return object;
}

// ------------------------------------------------------------------------------------------------ allocation

// With the lock held, or the world stopped.
static tri_ref try_alloc(struct tri_mutator *m, struct tri_shape shape) {
  struct yuasa_heap *heap = heap_of(m->heap);
  tri_ref object = tri_marked_alloc_any(m, shape);
  size_t bytes = tri_object_bytes(shape);
  if (tri_is_null(object)) return object;
  if (bytes <= TRI_CELL_MAX) {
    const struct tri_run *run = &((struct tri_marked_mutator *)m)->runs[tri_size_class(bytes)];
    bytes = run->limit - run->next + run->cell_bytes;
  }
  TRI_RELAXED_STORE(&heap->allocated, heap->allocated + bytes);
  return object;
}

// Begin a collection, or take a step of one, when that is due.
static void pace(struct tri_mutator *m) {
  struct yuasa_heap *heap = heap_of(m->heap);
  if (TRI_LIKELY(TRI_RELAXED_LOAD(&heap->allocated) < TRI_RELAXED_LOAD(&heap->due))) return;
  tri_mutex_lock(&heap->marked.lock);
  bool begins = !is_marking(heap) && heap->allocated >= next_begin(heap);
  if (!is_marking(heap) && !begins) tri_sweep_some(&heap->marked.spaces.blocks, due_units(heap));
  tri_mutex_unlock(&heap->marked.lock);
  if (!(is_marking(heap) || begins) || !tri_world_stop(m)) return;
  if (is_marking(heap))
    step(heap, due_units(heap));
  else
    start(heap);
  tri_world_resume(m);
}

// A collection under way is ended first, all the rest in one step: it may have begun too late.
static bool reclaim(struct tri_mutator *m, bool again) {
  struct yuasa_heap *heap = heap_of(m->heap);
  bool under_way = is_marking(heap);
  (void)again;
  if (under_way)
    step(heap, SIZE_MAX);
  else
    collect(heap, TRI_COLLECT_FULL, true);
  return under_way;
}

tri_ref yuasa_alloc_slow(struct tri_mutator *m, struct tri_shape shape) {
  pace(m);
  return tri_slow_alloc(m, shape, &tri_marked_heap_of(m->heap)->lock, try_alloc, reclaim);
}

// --------------------------------------------------------------------------------------------------- looking

enum tri_status yuasa_marking(struct tri_heap *heap, struct tri_marking *marking) {
  bool active = is_marking(heap_of(heap));
  *marking = (struct tri_marking){
      .active = active, .barrier = TRI_BARRIER_SNAPSHOT, .born = active ? TRI_BLACK : TRI_COLOUR_NONE};
  return TRI_OK;
}

bool yuasa_each_grey(struct tri_heap *heap, tri_grey_fn *visit, void *context) {
  return tri_marked_each_grey(heap, visit, context) && tri_marked_each_kept(heap, visit, context);
}

struct verify {
  const struct yuasa_heap *heap;
  struct tri_findings findings;
};

static void verify_mutator(void *context, struct tri_mutator *base) {
  struct verify *v = context;
  const struct yuasa_mutator *m = mutator_of(base);
  if (m->marking != is_marking(v->heap))
    tri_find(&v->findings, "mutator %u believes that a snapshot %s marked", base->id,
             m->marking ? "is" : "is not");
  if (m->buffered.n_buffer && !is_marking(v->heap))
    tri_find(&v->findings, "mutator %u has %u references in its buffer outside of a collection", base->id,
             m->buffered.n_buffer);
}

size_t yuasa_verify(struct tri_heap *base, const struct tri_reporter *reporter) {
  struct verify v = {heap_of(base), {reporter, tri_marked_verify(base, reporter)}};
  size_t shaded = v.heap->marked.kept.top;
  tri_each_mutator(base, verify_mutator, &v);
  if (shaded && !is_marking(v.heap))
    tri_find(&v.findings, "%zu shaded objects are to be scanned outside of a collection", shaded);
  return v.findings.count;
}
