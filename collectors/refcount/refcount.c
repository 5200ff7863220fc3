// refcount: the slow halves of the barriers, settling, and the collection of cycles. See README.md.
//
// Settling: at a collecting point references in C locals are dead, so an object with count 0 is garbage. Such
// objects are found through the zero list and heap->fresh. Invariants between settlings:
//   * an object with count 0 is in the zero list, or is the fresh one, or zeros_lost is set
//   * every garbage cycle is reached from a purple object that is garbage too; a purple object is in the root
//     buffer, in the zero list, or is the fresh one, or roots_lost (or zeros_lost) is set
// The lists are only the quick way to such objects: when memory for them is short, a walk of the heap finds
// them by count and colour.
#include "tricolor/collector.h"

#include "common/os.h"
#include "refcount/fast.h"

enum option {
#define TRI_OPTION_ROW(symbol, name, type, def, min, max, choices, doc) REFCOUNT_OPT_##symbol,
#include "refcount/options.def"
#undef TRI_OPTION_ROW
};

static struct refcount_heap *heap_of(struct tri_heap *heap) { return (struct refcount_heap *)heap; }

static uint64_t colour_of(uint64_t word) { return word & REFCOUNT_COLOUR; }
static void set_colour(uint64_t *word, uint64_t colour) { *word = (*word & ~REFCOUNT_COLOUR) | colour; }
static size_t slots_of(tri_ref object) { return tri_strong_refs(tri_tag_shape(*tri_tag(object))); }

// ----------------------------------------------------------------------------------------------------- heaps

static struct tri_reach reach_by_count(struct refcount_heap *heap);

enum tri_status refcount_heap_create(const struct tri_collector *self, const struct tri_heap_config *config,
                                     struct tri_heap **out) {
  const int64_t *own = config->value + TRI_COMMON_OPTIONS;
  enum tri_status status = tri_counted_heap_new(sizeof(struct refcount_heap), self, config,
                                                (unsigned)own[REFCOUNT_OPT_COUNT_BITS], out);
  if (status != TRI_OK) return status;
  struct refcount_heap *heap = heap_of(*out);
  bool cycles = own[REFCOUNT_OPT_CYCLES];
  if (!cycles) heap->counted.base.caps &= ~(uint64_t)TRI_CAP_CYCLES;
  heap->no_fresh = TRI_COUNT_ONE;
  heap->fresh = &heap->no_fresh;
  heap->node = cycles ? REFCOUNT_PURPLE : REFCOUNT_GREEN;
  heap->first_trigger = heap->trigger = (size_t)own[REFCOUNT_OPT_ROOTS];
  tri_mark_stack_init(&heap->zeros, TRI_MARK_STACK_UNBOUNDED);
  tri_mark_stack_init(&heap->roots, (size_t)1 << REFCOUNT_INDEX_BITS);
  tri_mark_stack_init(&heap->stack, (size_t)own[REFCOUNT_OPT_MARK_STACK]);
  return TRI_OK;
}

void refcount_heap_destroy(struct tri_heap *base) {
  struct refcount_heap *heap = heap_of(base);
  tri_mark_stack_fini(&heap->stack);
  tri_mark_stack_fini(&heap->roots);
  tri_mark_stack_fini(&heap->zeros);
  tri_counted_heap_delete(base);
}

// -------------------------------------------------------------------------------------------- possible roots

// The object becomes purple and enters the root buffer, if it is not there.
static void buffer(struct refcount_heap *heap, uint64_t *word) {
  *word |= REFCOUNT_PURPLE;
  if (*word & REFCOUNT_BUFFERED) return;
  size_t index = heap->roots.top;
  if (tri_mark_stack_push(&heap->roots, (uintptr_t)word))
    *word = (*word & ~REFCOUNT_INDEX) | REFCOUNT_BUFFERED | (uint64_t)index << REFCOUNT_INDEX_SHIFT;
  else
    heap->roots_lost = true;
  if (heap->roots_lost || heap->roots.top >= heap->trigger) heap->pending = true;
}

static void unbuffer(struct refcount_heap *heap, uint64_t *word) {
  size_t index = (*word & REFCOUNT_INDEX) >> REFCOUNT_INDEX_SHIFT;
  uint64_t *last = (uint64_t *)tri_mark_stack_pop(&heap->roots);
  heap->roots.entries[index] = (uintptr_t)last;
  *last = (*last & ~REFCOUNT_INDEX) | (uint64_t)index << REFCOUNT_INDEX_SHIFT;
  *word &= ~(REFCOUNT_BUFFERED | REFCOUNT_INDEX);
}

// A purple object in no buffer was held by C locals alone for a while: fresh, or its count was 0. Meanwhile
// it may have become part of a cycle that no later decrement tells of. Not if it refers to nothing.
static void decide_suspect(struct refcount_heap *heap, uint64_t *word) {
  if (colour_of(*word) != REFCOUNT_PURPLE || *word & REFCOUNT_BUFFERED) return;
  tri_ref object = tri_count_owner(word);
  size_t n = slots_of(object), i = 0;
  while (i < n && tri_is_null(*tri_slot(object, i))) i++;
  if (i < n)
    buffer(heap, word);
  else
    set_colour(word, REFCOUNT_BLACK);
}

// ----------------------------------------------------------------------------------------------------- dying

static void bury(struct refcount_heap *heap, tri_ref object) {
  uint64_t *word = tri_count_word(object);
  if (*word & TRI_COUNT_FINALIZABLE) {
    heap->undecided = true;
    return;
  }
  if (*word & REFCOUNT_BUFFERED) unbuffer(heap, word);
  tri_counted_bury(&heap->counted, object);
}

// One reference less to the object, from one that is being freed.
static void drop(struct refcount_heap *heap, tri_ref object) {
  if (tri_is_null(object)) return;
  uint64_t *word = tri_count_word(object);
  if (*word >= heap->counted.stuck_from) return;
  *word -= TRI_COUNT_ONE;
  if (*word < TRI_COUNT_ONE)
    bury(heap, object);
  else if (!(*word & REFCOUNT_GREEN))
    buffer(heap, word);
}

static void free_dead(struct refcount_heap *heap) {
  for (tri_ref object; !tri_is_null(object = tri_dead_pop(&heap->counted.dead));) {
    for (size_t i = 0, n = slots_of(object); i < n; i++) drop(heap, *tri_slot(object, i));
    tri_counted_free(&heap->counted, object);
  }
}

static void decide(struct refcount_heap *heap, uint64_t *word) {
  if (*word < TRI_COUNT_ONE)
    bury(heap, tri_count_owner(word));
  else
    decide_suspect(heap, word);
}

static void decide_lost(void *context, tri_ref object) {
  if (!tri_is_dead(object)) decide(context, tri_count_word(object));
}

// Free everything that is dead by its count, at a collecting point. Afterwards no count is 0.
static void settle(struct refcount_heap *heap) {
  heap->pending = false;
  uint64_t *fresh = heap->fresh;
  heap->fresh = &heap->no_fresh;
  if (!(*fresh & REFCOUNT_IN_ZEROS)) decide(heap, fresh);
  while (!tri_mark_stack_is_empty(&heap->zeros)) {
    uint64_t *word = (uint64_t *)tri_mark_stack_pop(&heap->zeros);
    *word &= ~REFCOUNT_IN_ZEROS;
    decide(heap, word);
  }
  if (heap->zeros_lost) {
    heap->zeros_lost = false;
    tri_counted_each(&heap->counted, decide_lost, heap);
  }
  free_dead(heap);
  if (heap->undecided) {
    heap->undecided = false;
    struct tri_reach reach = reach_by_count(heap);
    tri_finalizers_process(&heap->counted.finalizers, &reach);
  }
}

// -------------------------------------------------------------------------------------------------- barriers

void refcount_down_slow(struct tri_mutator *m, tri_ref object) {
  struct refcount_heap *heap = refcount_heap_of(m);
  uint64_t *word = tri_count_word(object);
  TRI_ASSERT(*word >= TRI_COUNT_ONE);
  *word -= TRI_COUNT_ONE;
  if (*word >= TRI_COUNT_ONE) {
    buffer(heap, word);
    return;
  }
  if (!(*word & REFCOUNT_GREEN)) *word |= REFCOUNT_PURPLE;
  heap->pending = true;
  if (*word & REFCOUNT_IN_ZEROS) return;
  if (tri_mark_stack_push(&heap->zeros, (uintptr_t)word))
    *word |= REFCOUNT_IN_ZEROS;
  else
    heap->zeros_lost = true;
}

void refcount_weak_set_slow(struct tri_mutator *m, tri_ref weak, tri_ref target) {
  tri_counted_weak_set(m, weak, target);
}

// What the queue held becomes a reference in a C local.
tri_ref refcount_finalizer_next(struct tri_mutator *m, uint64_t *cookie) {
  tri_ref object = tri_finalizers_next(&tri_counted_heap_of(m)->finalizers, cookie);
  refcount_down(m, object);
  return object;
}

// --------------------------------------------------------------------------------------------------- tracing

// Tracing steps over the mark stack. What finds no room there gets REFCOUNT_WAITING and is found by a walk.

typedef void step(struct refcount_heap *heap, tri_ref object);

static void push(struct refcount_heap *heap, tri_ref object) {
  if (!slots_of(object) || tri_mark_stack_push(&heap->stack, object.bits)) return;
  *tri_count_word(object) |= REFCOUNT_WAITING;
  heap->waiting = true;
  heap->overflows++;
}

// Take steps until the stack is down to `bottom`.
static void drain(struct refcount_heap *heap, size_t bottom, step *take) {
  while (heap->stack.top > bottom) take(heap, (tri_ref){tri_mark_stack_pop(&heap->stack)});
}

struct resume {
  struct refcount_heap *heap;
  step *take;
};

static void resume_waiting(void *context, tri_ref object) {
  struct resume *resume = context;
  uint64_t *word = tri_count_word(object);
  if (!(*word & REFCOUNT_WAITING)) return;
  *word &= ~REFCOUNT_WAITING;
  resume->take(resume->heap, object);
}

// `take` is for objects that wait; it drains what it pushes.
static void resume_all(struct refcount_heap *heap, step *take) {
  struct resume resume = {heap, take};
  while (heap->waiting) {
    heap->waiting = false;
    tri_counted_each(&heap->counted, resume_waiting, &resume);
  }
}

// MarkGray: subtract the references that the object holds.
static void subtract(struct refcount_heap *heap, tri_ref object) {
  for (size_t i = 0, n = slots_of(object); i < n; i++) {
    tri_ref to = *tri_slot(object, i);
    if (tri_is_null(to)) continue;
    uint64_t *word = tri_count_word(to);
    *word = tri_count_down(*word, heap->counted.stuck_from);
    if (colour_of(*word) == REFCOUNT_GREY) continue;
    set_colour(word, REFCOUNT_GREY);
    heap->marked++;
    push(heap, to);
  }
}

static void subtract_all(struct refcount_heap *heap, tri_ref object) {
  size_t bottom = heap->stack.top;
  subtract(heap, object);
  drain(heap, bottom, subtract);
}

static void mark_candidate(struct refcount_heap *heap, tri_ref object) {
  set_colour(tri_count_word(object), REFCOUNT_GREY);
  heap->marked++;
  subtract_all(heap, object);
}

// ScanBlack: the object lives, so the references that it holds count again.
static void restore(struct refcount_heap *heap, tri_ref object) {
  for (size_t i = 0, n = slots_of(object); i < n; i++) {
    tri_ref to = *tri_slot(object, i);
    if (tri_is_null(to)) continue;
    uint64_t *word = tri_count_word(to);
    *word = tri_count_up(*word, heap->counted.stuck_from);
    if (colour_of(*word) == REFCOUNT_BLACK) continue;
    *word &= ~(REFCOUNT_COLOUR | REFCOUNT_WAITING);
    push(heap, to);
  }
}

static void restore_all(struct refcount_heap *heap, tri_ref object) {
  size_t bottom = heap->stack.top;
  restore(heap, object);
  drain(heap, bottom, restore);
}

static void blacken(struct refcount_heap *heap, tri_ref object) {
  *tri_count_word(object) &= ~(REFCOUNT_COLOUR | REFCOUNT_WAITING);
  restore_all(heap, object);
}

// Scan: what is referenced from outside the grey objects lives, with all that it reaches; the rest is white.
static void scan_candidate(struct refcount_heap *heap, tri_ref object);

static void scan_grey(struct refcount_heap *heap, tri_ref object) {
  uint64_t *word = tri_count_word(object);
  if (*word >= TRI_COUNT_ONE) {
    blacken(heap, object);
  } else {
    set_colour(word, REFCOUNT_WHITE);
    push(heap, object);
  }
}

static void scan(struct refcount_heap *heap, tri_ref object) {
  if (colour_of(*tri_count_word(object)) != REFCOUNT_WHITE) return; // blackened since it was pushed
  for (size_t i = 0, n = slots_of(object); i < n; i++) {
    tri_ref to = *tri_slot(object, i);
    if (!tri_is_null(to) && colour_of(*tri_count_word(to)) == REFCOUNT_GREY) scan_grey(heap, to);
  }
}

static void scan_candidate(struct refcount_heap *heap, tri_ref object) {
  size_t bottom = heap->stack.top;
  scan_grey(heap, object);
  drain(heap, bottom, scan);
}

static void scan_waiting(struct refcount_heap *heap, tri_ref object) {
  size_t bottom = heap->stack.top;
  if (colour_of(*tri_count_word(object)) == REFCOUNT_BLACK) {
    restore_all(heap, object);
  } else {
    scan(heap, object);
    drain(heap, bottom, scan);
  }
}

// ------------------------------------------------------------------------------------------------ finalizers

// For the finalizer queue: what has a count lives, by now; and what is queued has one.

static bool has_count(void *context, tri_ref *slot) {
  (void)context;
  return *tri_count_word(*slot) >= TRI_COUNT_ONE;
}

static void keep_for_queue(void *context, tri_ref *slot) {
  struct refcount_heap *heap = context;
  uint64_t *word = tri_count_word(*slot);
  if (*word & TRI_COUNT_WEAK_TARGET) tri_weak_table_clear(&heap->counted.weak, *slot);
  bool white = colour_of(*word) == REFCOUNT_WHITE;
  *word = tri_count_up(*word, heap->counted.stuck_from) & ~(TRI_COUNT_FINALIZABLE | REFCOUNT_COLOUR);
  if (white) blacken(heap, *slot);
}

static void drain_queue(void *context) { resume_all(context, scan_waiting); }

static struct tri_reach reach_by_count(struct refcount_heap *heap) {
  return (struct tri_reach){has_count, keep_for_queue, drain_queue, heap};
}

// ---------------------------------------------------------------------------------------------------- cycles

struct candidates {
  struct refcount_heap *heap;
  uint64_t colour;
  step *take;
};

static void take_candidate(void *context, tri_ref object) {
  struct candidates *c = context;
  uint64_t word = *tri_count_word(object);
  if (!(word & TRI_COUNT_DEAD) && colour_of(word) == c->colour) c->take(c->heap, object);
}

// The first n possible roots that have this colour, or all objects that have it when roots were lost.
static void each_candidate(struct refcount_heap *heap, size_t n, uint64_t colour, step *take) {
  struct candidates c = {heap, colour, take};
  if (heap->roots_lost)
    tri_counted_each(&heap->counted, take_candidate, &c);
  else
    for (size_t i = 0; i < n; i++) take_candidate(&c, tri_count_owner((uint64_t *)heap->roots.entries[i]));
}

// Free all white objects: their counts say already that nothing refers to them, and what they refer to has
// been told. Returns how many.
static size_t free_white(struct refcount_heap *heap) {
  tri_ref done = TRI_NULL;
  size_t freed = 0;
  for (tri_ref object; !tri_is_null(object = tri_dead_pop(&heap->counted.dead));) {
    for (size_t i = 0, n = slots_of(object); i < n; i++) {
      tri_ref to = *tri_slot(object, i);
      if (tri_is_null(to) || tri_is_dead(to) || colour_of(*tri_count_word(to)) != REFCOUNT_WHITE) continue;
      bury(heap, to);
    }
    tri_dead_push(&done, object); // others may still refer to it
  }
  for (tri_ref object; !tri_is_null(object = tri_dead_pop(&done)); freed++)
    tri_counted_free(&heap->counted, object);
  return freed;
}

// Trial deletion from the possible roots (Bacon and Rajan 2001, synchronous). The heap must be settled.
static void collect(struct refcount_heap *heap, enum tri_collect_kind kind) {
  struct tri_heap *base = &heap->counted.base;
  tri_world_stop(&heap->counted.mutator);
  tri_emit(base, TRI_EVENT_COLLECTION_BEGIN, kind, 0);
  tri_emit(base, TRI_EVENT_ROOTS, 0, 0);
  tri_emit(base, TRI_EVENT_MARK, 0, 0);
  size_t n = heap->roots.top;
  uint64_t marked = heap->marked;
  heap->trial = true;
  each_candidate(heap, n, REFCOUNT_PURPLE, mark_candidate);
  resume_all(heap, subtract_all);
  each_candidate(heap, n, REFCOUNT_GREY, scan_candidate);
  resume_all(heap, scan_waiting);
  for (size_t i = 0; i < n; i++) *(uint64_t *)heap->roots.entries[i] &= ~(REFCOUNT_BUFFERED | REFCOUNT_INDEX);
  heap->roots.top = 0; // [0, n) stay readable
  tri_emit(base, TRI_EVENT_WEAK, 0, 0);
  struct tri_reach reach = reach_by_count(heap);
  tri_finalizers_process(&heap->counted.finalizers, &reach);
  tri_emit(base, TRI_EVENT_SWEEP, 0, 0);
  each_candidate(heap, n, REFCOUNT_WHITE, bury);
  size_t freed = free_white(heap);
  heap->trial = heap->roots_lost = false;
  tri_mark_stack_shrink(&heap->stack);
  // As many new suspects as there were live objects to look at in vain: then a look costs a suspect O(1).
  size_t in_vain = heap->marked - marked - freed;
  heap->trigger = in_vain > heap->first_trigger ? in_vain : heap->first_trigger;
  tri_emit(base, TRI_EVENT_COLLECTION_END, kind, 1);
  tri_world_resume(&heap->counted.mutator);
}

static bool has_candidates(const struct refcount_heap *heap) { return heap->roots.top || heap->roots_lost; }

// The work of a collecting point.
static void settle_and_collect(struct refcount_heap *heap) {
  settle(heap);
  if (heap->roots_lost || heap->roots.top >= heap->trigger) collect(heap, TRI_COLLECT_FULL);
}

void refcount_safepoint_slow(struct tri_mutator *m) { settle_and_collect(refcount_heap_of(m)); }

enum tri_status refcount_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  struct refcount_heap *heap = refcount_heap_of(m);
  settle(heap);
  collect(heap, kind);
  if (kind == TRI_COLLECT_COMPACT) tri_counted_trim(&heap->counted);
  return TRI_OK;
}

tri_ref refcount_alloc_slow(struct tri_mutator *m, struct tri_shape shape) {
  struct refcount_heap *heap = refcount_heap_of(m);
  enum tri_status status = tri_alloc_check(m, shape);
  if (status != TRI_OK) return tri_alloc_failed(m, status, shape);
  settle_and_collect(heap);
  uint64_t word = tri_strong_refs(shape) ? heap->node : REFCOUNT_GREEN;
  tri_ref object = tri_counted_alloc_any(&heap->counted, shape, word);
  if (tri_is_null(object) && has_candidates(heap)) {
    collect(heap, TRI_COLLECT_FULL);
    object = tri_counted_alloc_any(&heap->counted, shape, word);
  }
  if (tri_is_null(object)) return tri_alloc_failed(m, TRI_ENOMEM, shape);
  heap->fresh = tri_count_word(object);
  return object;
}

// --------------------------------------------------------------------------------------------------- looking

static enum tri_count_kind counted_now(const struct refcount_heap *heap) {
  return heap->trial ? TRI_COUNT_NONE : TRI_COUNT_ALL;
}

bool refcount_walk(struct tri_heap *base, tri_walk_fn *visit, void *context) {
  struct refcount_heap *heap = heap_of(base);
  return tri_counted_walk(&heap->counted, counted_now(heap), visit, context);
}

enum tri_status refcount_inspect(struct tri_heap *base, tri_ref ref, struct tri_object_info *info) {
  struct refcount_heap *heap = heap_of(base);
  return tri_counted_inspect(&heap->counted, counted_now(heap), ref, info);
}

void refcount_stats_fill(struct tri_heap *base, struct tri_stats *stats) {
  struct refcount_heap *heap = heap_of(base);
  size_t bytes = (heap->zeros.capacity + heap->roots.capacity + heap->stack.capacity) * sizeof(uintptr_t);
  tri_counted_stats_fill(base, stats);
  stats->metadata_bytes += bytes;
  stats->mapped_bytes += bytes;
  stats->marked_objects = heap->marked;
  stats->mark_stack_overflows = heap->overflows;
}

struct verify {
  struct refcount_heap *heap;
  struct tri_findings findings;
  size_t buffered, in_zeros;
};

static void verify_object(void *context, tri_ref object) {
  struct verify *v = context;
  struct refcount_heap *heap = v->heap;
  uint64_t *at = tri_count_word(object), word = *at, colour = colour_of(word);
  bool held = at == heap->fresh || word & REFCOUNT_IN_ZEROS || heap->zeros_lost;
  if (word & TRI_COUNT_DEAD) return; // tri_counted_verify tells
  if (word < TRI_COUNT_ONE && !held)
    tri_find(&v->findings, "object %#zx has count 0 and is in no list", object.bits);
  if (colour == REFCOUNT_GREY || colour == REFCOUNT_WHITE || word & REFCOUNT_WAITING)
    tri_find(&v->findings, "object %#zx is %s outside a collection", object.bits,
                colour == REFCOUNT_GREY    ? "grey"
                : colour == REFCOUNT_WHITE ? "white"
                                           : "waiting to be traced");
  if (colour == REFCOUNT_PURPLE && word & REFCOUNT_GREEN)
    tri_find(&v->findings, "object %#zx is purple, but can be part of no cycle", object.bits);
  if (colour == REFCOUNT_PURPLE && !(word & REFCOUNT_BUFFERED) && !held && !heap->roots_lost)
    tri_find(&v->findings, "object %#zx is purple and not in the root buffer", object.bits);
  v->in_zeros += (word & REFCOUNT_IN_ZEROS) != 0;
  if (!(word & REFCOUNT_BUFFERED)) return;
  v->buffered++;
  size_t index = (word & REFCOUNT_INDEX) >> REFCOUNT_INDEX_SHIFT;
  if (index >= heap->roots.top || heap->roots.entries[index] != (uintptr_t)at)
    tri_find(&v->findings, "object %#zx says that it is entry %zu of the root buffer; it is not",
                object.bits, index);
}

size_t refcount_verify(struct tri_heap *base, const struct tri_reporter *reporter) {
  struct refcount_heap *heap = heap_of(base);
  struct verify v = {.heap = heap, .findings = {.reporter = reporter}};
  tri_counted_verify(&heap->counted, counted_now(heap), &v.findings);
  if (heap->trial) return v.findings.count;
  tri_counted_each(&heap->counted, verify_object, &v);
  if (v.buffered != heap->roots.top)
    tri_find(&v.findings, "%zu objects say that they are in the root buffer, it has %zu entries",
                v.buffered, heap->roots.top);
  if (v.in_zeros != heap->zeros.top)
    tri_find(&v.findings, "%zu objects say that they are in the zero list, it has %zu entries", v.in_zeros,
                heap->zeros.top);
  return v.findings.count;
}
