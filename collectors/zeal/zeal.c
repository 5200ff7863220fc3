// zeal: a copying collector whose to-space is always fresh addresses. Each collection moves every object to
// pages above the present ones and takes access to the old ones away; at the end of the reservation it starts
// again from the bottom.
//
//   base … resident   released: no memory, no access
//   resident … start  old copies: no access, memory not yet given back
//   start … next      objects, without gaps
//   next … committed  free, zero
//   committed … end   no memory, no access
//
// Invariants: resident, start and committed are page boundaries; the budget has given [resident, committed);
// the pages of [start, next) are at most half of the limit, so that they can be copied. heap->lock guards all
// of this while the world runs.
#include "tricolor/collector.h"

#include "common/actor.h"
#include "common/copy.h"
#include "common/os.h"
#include "common/poison.h"
#include "common/world.h"
#include "zeal/fast.h"

enum option {
#define TRI_OPTION_ROW(symbol, name, type, def, min, max, choices, doc) ZEAL_##symbol,
#include "zeal/options.def"
#undef TRI_OPTION_ROW
};

enum {
  BATCH_BYTES = 64 << 10, // committed and released at a time, at most
  SMALL_BYTES = 32 << 10, // every=0: at every safepoint while no more is in use,
  PACE_BYTES = 8 << 10,   // then so much copying per safepoint
};

struct zeal_heap {
  struct tri_heap base;
  struct tri_mutex lock;
  struct tri_budget budget;
  struct tri_copier copier;
  uintptr_t bottom, end; // the reservation
  uintptr_t resident, start, next, committed;
  uintptr_t mapped; // highest address ever committed
  size_t half_bytes, batch_bytes;
  uint64_t every;
  size_t used; // next - start, for mutators to look at without the lock
  uint64_t allocated_objects, allocated_bytes, live_objects;
  bool collecting;
};

struct zeal_mutator {
  struct tri_mutator base;
  uint64_t passed; // safepoints since the last one at which it was due
};

static struct zeal_heap *heap_of(struct tri_heap *heap) { return (struct zeal_heap *)heap; }

static size_t page_up(size_t bytes) { return (bytes + tri_os_page_bytes() - 1) & -tri_os_page_bytes(); }

// ---------------------------------------------------------------------------------------------- heaps

enum tri_status zeal_heap_create(const struct tri_collector *self, const struct tri_heap_config *config,
                                 struct tri_heap **out) {
  const int64_t *own = config->value + TRI_COMMON_OPTIONS;
  struct zeal_heap *heap = tri_os_calloc(sizeof *heap);
  if (!heap) return TRI_ENOMEM;
  heap->budget.limit = (size_t)config->value[TRI_OPT_HEAP];
  heap->half_bytes = heap->budget.limit / 2 & -tri_os_page_bytes();
  heap->batch_bytes = page_up(heap->half_bytes / 8);
  if (heap->batch_bytes > BATCH_BYTES) heap->batch_bytes = BATCH_BYTES;
  heap->every = (uint64_t)own[ZEAL_EVERY];
  size_t bytes = heap->half_bytes * (size_t)own[ZEAL_QUARANTINE];
  void *memory = tri_os_reserve(bytes, 0);
  if (!memory || tri_heap_init(&heap->base, self, config) != TRI_OK) {
    if (memory) tri_os_release(memory, bytes);
    tri_os_free(heap);
    return TRI_ENOMEM;
  }
  tri_mutex_init(&heap->lock);
  tri_copier_init(&heap->copier, NULL);
  heap->bottom = heap->resident = heap->start = heap->next = heap->committed = heap->mapped =
      (uintptr_t)memory;
  heap->end = heap->bottom + bytes;
  *out = &heap->base;
  return TRI_OK;
}

void zeal_heap_destroy(struct tri_heap *base) {
  struct zeal_heap *heap = heap_of(base);
  tri_heap_fini(base);
  tri_copier_fini(&heap->copier);
  tri_os_release((void *)heap->bottom, heap->end - heap->bottom);
  tri_os_free(heap);
}

// ---------------------------------------------------------------------------------------------- memory

static void release(struct zeal_heap *heap, uintptr_t from, uintptr_t to) {
  if (from == to) return;
  tri_os_decommit((void *)from, to - from);
  tri_budget_give(&heap->budget, to - from);
}

// Commit [heap->committed, to), with some more if the limit allows.
static bool commit_to(struct zeal_heap *heap, uintptr_t to) {
  if (to <= heap->committed) return true;
  size_t need = to - heap->committed, n = need + heap->batch_bytes;
  if (n > heap->end - heap->committed || !tri_budget_take(&heap->budget, n)) {
    n = need;
    if (!tri_budget_take(&heap->budget, n)) {
      release(heap, heap->resident, heap->start);
      heap->resident = heap->start;
      if (!tri_budget_take(&heap->budget, n)) return false;
    }
  }
  void *memory = (void *)heap->committed;
  if (!tri_os_commit(memory, n)) {
    tri_budget_give(&heap->budget, n);
    return false;
  }
  if (tri_poison_active) tri_poison_mark(memory, n);
  heap->committed += n;
  if (heap->committed > heap->mapped) heap->mapped = heap->committed;
  return true;
}

// A new object at the end, if the limit leaves room for it and for the copy of all. With the lock held, or
// the world stopped.
static tri_ref try_alloc(struct zeal_heap *heap, struct tri_shape shape) {
  size_t bytes = tri_object_bytes(shape), used = heap->next - heap->start;
  if (used + bytes > heap->half_bytes || bytes > heap->end - heap->next ||
      !commit_to(heap, page_up(heap->next + bytes)))
    return TRI_NULL;
  tri_ref object = {heap->next + TRI_TAG_BYTES};
  if (tri_poison_active) tri_poison_unmark((void *)heap->next, bytes);
  *tri_tag(object) = shape.tag;
  heap->next += bytes;
  TRI_RELAXED_STORE(&heap->used, used + bytes);
  heap->allocated_objects++;
  heap->allocated_bytes += bytes;
  heap->live_objects++;
  return object;
}

// ---------------------------------------------------------------------------------------------- collecting

// Where the copies go, committed: above the objects, or at the bottom again. 0: no memory. `room`: bytes that
// are wanted beyond the copies.
//
// At the bottom nothing is in the way: the objects begin within four halves of the end (they are at most one
// half, so are their copies, and so is the room), and the reservation has five or more.
static uintptr_t make_to_space(struct zeal_heap *heap, size_t bytes, size_t room) {
  uintptr_t to = page_up(heap->next);
  if (bytes + room <= heap->end - to) return commit_to(heap, to + bytes) ? to : 0;
  release(heap, heap->resident, heap->start);
  release(heap, to, heap->committed);
  heap->resident = heap->start;
  heap->committed = to;
  if (!tri_budget_take(&heap->budget, bytes)) return 0;
  if (tri_os_commit((void *)heap->bottom, bytes)) return heap->bottom;
  tri_budget_give(&heap->budget, bytes);
  return 0;
}

// Move all that is reachable, to where there are addresses for `room` more bytes. With the world stopped by
// the caller. False, and all is where it was: no memory for the copies.
static bool collect(struct zeal_heap *heap, enum tri_collect_kind kind, size_t room) {
  size_t bytes = page_up(heap->next - heap->start);
  uintptr_t to = make_to_space(heap, bytes, room);
  if (!to) return false;
  if (tri_poison_active) tri_poison_unmark((void *)to, bytes);
  tri_emit(&heap->base, TRI_EVENT_COLLECTION_BEGIN, kind, 0);
  heap->collecting = true;
  uintptr_t end = tri_copier_run(&heap->copier, &heap->base, heap->start, heap->next, to);

  tri_emit(&heap->base, TRI_EVENT_SWEEP, 0, 0);
  uintptr_t old = heap->start, old_end = page_up(heap->next);
  heap->start = to;
  heap->next = end;
  TRI_RELAXED_STORE(&heap->used, end - to);
  heap->live_objects = heap->copier.copied;
  if (tri_poison_active) tri_poison_mark((void *)end, to + bytes - end);
  if (to < old) {
    release(heap, old, old_end);
    heap->resident = to;
    heap->committed = to + bytes;
  } else if (to - heap->resident >= heap->batch_bytes ||
             (old < old_end && !tri_os_protect((void *)old, old_end - old, TRI_OS_NONE))) {
    release(heap, heap->resident, to);
    heap->resident = to;
  }
  heap->collecting = false;
  tri_emit(&heap->base, TRI_EVENT_COLLECTION_END, kind, 1);
  return true;
}

enum tri_status zeal_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  while (!tri_world_stop(m)) {
  } // somebody else's collection may have failed
  bool done = collect(heap_of(m->heap), kind == TRI_COLLECT_MINOR ? TRI_COLLECT_FULL : kind, 0);
  tri_world_resume(m);
  return done ? TRI_OK : TRI_ENOMEM;
}

enum tri_status zeal_finalizer_add(struct tri_mutator *m, tri_ref object, uint64_t cookie) {
  return tri_finalizers_add(&heap_of(m->heap)->copier.finalizers, object, cookie);
}

tri_ref zeal_finalizer_next(struct tri_mutator *m, uint64_t *cookie) {
  return tri_finalizers_next(&heap_of(m->heap)->copier.finalizers, cookie);
}

// ---------------------------------------------------------------------------------------------- safepoints

// Whether the mutator has to collect here: at each so-many-th safepoint, or always while the heap is small
// and then as often as the pace allows.
static bool is_due(struct tri_mutator *base) {
  struct zeal_mutator *m = (struct zeal_mutator *)base;
  const struct zeal_heap *heap = heap_of(base->heap);
  size_t used = TRI_RELAXED_LOAD(&heap->used);
  m->passed++;
  if (heap->every ? m->passed < heap->every : used > SMALL_BYTES && m->passed * PACE_BYTES < used)
    return false;
  m->passed = 0;
  return true;
}

void zeal_safepoint_slow(struct tri_mutator *m) {
  TRI_YIELD(SAFEPOINT_POLL);
  if (!is_due(m)) {
    tri_plain_safepoint(m);
  } else if (tri_world_stop(m)) { // else somebody else has moved everything
    collect(heap_of(m->heap), TRI_COLLECT_FULL, 0);
    tri_world_resume(m);
  }
}

void zeal_unpark(struct tri_mutator *m) {
  tri_default_unpark(m);
  zeal_safepoint_slow(m);
}

tri_ref zeal_alloc_slow(struct tri_mutator *m, struct tri_shape shape) {
  struct zeal_heap *heap = heap_of(m->heap);
  enum tri_status status = tri_alloc_check(m, shape);
  if (status != TRI_OK) return tri_alloc_failed(m, status, shape);
  TRI_YIELD(ALLOC_SLOW);
  size_t room = page_up(tri_object_bytes(shape));
  if (room > heap->half_bytes) return tri_alloc_failed(m, TRI_ENOMEM, shape); // however much dies
  bool due = is_due(m);
  if (!due) tri_plain_safepoint(m);
  for (;;) {
    tri_ref object = TRI_NULL;
    if (!due) {
      tri_mutex_lock(&heap->lock);
      object = try_alloc(heap, shape);
      tri_mutex_unlock(&heap->lock);
      if (!tri_is_null(object)) return object;
    }
    due = false;
    if (!tri_world_stop(m)) continue; // somebody else has moved everything
    collect(heap, TRI_COLLECT_FULL, room);
    object = try_alloc(heap, shape); // before it could move
    tri_world_resume(m);
    return tri_is_null(object) ? tri_alloc_failed(m, TRI_ENOMEM, shape) : object;
  }
}

// ---------------------------------------------------------------------------------------------- mutators

enum tri_status zeal_attach(struct tri_heap *heap, struct tri_mutator **m) {
  return tri_mutator_new(heap, sizeof(struct zeal_mutator), m);
}

// ----------------------------------------------------------------------------------------------
// introspection

bool zeal_walk(struct tri_heap *base, tri_walk_fn *visit, void *context) {
  struct zeal_heap *heap = heap_of(base);
  return !heap->collecting && tri_contiguous_walk(heap->start, heap->next, visit, context);
}

// The rest of the last object's page is zero until it is handed out.
static const void *find_dirt(const struct zeal_heap *heap) {
  if (tri_poison_tool() != TRI_POISON_NO_TOOL) return NULL; // the tool watches
  for (uintptr_t at = heap->next, end = page_up(at); at < end; at += sizeof(uint64_t))
    if (*(const uint64_t *)at) return (const void *)at;
  return NULL;
}

size_t zeal_verify(struct tri_heap *base, const struct tri_reporter *reporter) {
  struct zeal_heap *heap = heap_of(base);
  struct tri_findings findings = {reporter, 0};
  if (heap->collecting) return 0;
  tri_copier_verify(&heap->copier, base, heap->start, heap->next, &findings);
  const void *dirt = find_dirt(heap);
  if (dirt) tri_find(&findings, "free memory was written to at %p", dirt);
  bool ordered = heap->bottom <= heap->resident && heap->resident <= heap->start &&
                 heap->start <= heap->next && heap->next <= heap->committed &&
                 heap->committed <= heap->mapped && heap->mapped <= heap->end;
  size_t held = heap->committed - heap->resident;
  if (!ordered || held != heap->budget.used || held > heap->budget.limit ||
      heap->next - heap->start > heap->half_bytes)
    tri_find(&findings, "%zu bytes of objects and %zu held, of which the budget gave %zu of %zu",
             heap->next - heap->start, held, heap->budget.used, heap->budget.limit);
  if (findings.count == 0) findings.count += tri_default_verify(base, reporter); // counts against a walk
  return findings.count;
}

void zeal_stats_fill(struct tri_heap *base, struct tri_stats *stats) {
  struct zeal_heap *heap = heap_of(base);
  size_t mapped = heap->mapped - heap->bottom;
  stats->live_objects = heap->live_objects;
  stats->live_bytes = heap->next - heap->start;
  stats->free_bytes = heap->budget.used - stats->live_bytes;
  stats->released_bytes = mapped - heap->budget.used;
  stats->metadata_bytes = sizeof *heap + base->world->attached * sizeof(struct zeal_mutator) +
                          tri_weak_refs_bytes(&heap->copier.weak) +
                          tri_finalizers_bytes(&heap->copier.finalizers);
  stats->mapped_bytes = mapped + stats->metadata_bytes;
  stats->limit_bytes = heap->budget.limit;
  stats->peak_bytes = heap->budget.peak;
  stats->allocated_objects = heap->allocated_objects;
  stats->allocated_bytes = heap->allocated_bytes;
  stats->freed_objects = stats->allocated_objects - stats->live_objects;
  stats->freed_bytes = stats->allocated_bytes - stats->live_bytes;
  stats->full_collections = heap->base.epoch;
  stats->marked_objects = heap->copier.total_objects;
  stats->copied_bytes = heap->copier.total_bytes;
  stats->weak_cleared = heap->copier.weak.cleared;
  stats->finalizers_pending = heap->copier.finalizers.n_queue;
}
