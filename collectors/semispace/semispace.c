// semispace: two halves of one reservation. Mutators fill regions of the active half by bumping a pointer; a
// collection copies what is reachable to the other half, which becomes the active one.
//
// Invariants (poisoned: common/poison.h):
//   * both halves are committed to the same extent, so to-space is there before a collection begins
//   * objects and fillers tile [base, next) of the active half, but for the rest of the regions in use
//   * from `dirty` on, a half is zero; below it, what is not handed out is poisoned: [next, dirty) of the
//   active half,
//     all of the other one
//   * heap->lock guards all of this while the world runs
#include "tricolor/collector.h"

#include <string.h>

#include "common/actor.h"
#include "common/copy.h"
#include "common/os.h"
#include "common/poison.h"
#include "common/slow_alloc.h"
#include "common/world.h"
#include "semispace/fast.h"

enum option {
#define TRI_OPTION_ROW(symbol, name, type, def, min, max, choices, doc) SEMISPACE_##symbol,
#include "semispace/options.def"
#undef TRI_OPTION_ROW
};

enum {
  LARGE_BYTES = 8 << 10, // an object that takes more goes to the large-object space
  STEP_BYTES = 64 << 10, // of growth, at least
  HUGE_BYTES = 2 << 20,
};

struct half {
  uintptr_t base, dirty;
};

struct semispace_heap {
  struct tri_heap base;
  struct tri_mutex lock;
  struct tri_budget budget; // each committed byte of a half counts twice
  struct tri_large_space large;
  struct tri_copier copier;
  struct half halves[2], *active;
  uintptr_t next;           // in the active half: first byte not in a region
  size_t committed, mapped; // of each half: now, and at most so far
  size_t half_bytes, step_bytes, region_bytes, reserved;
  size_t waste;                                           // fillers in the active half
  uint64_t allocated_objects, freed_objects, freed_bytes; // small ones, less what mutators have not yet told
  bool collecting; // between COLLECTION_BEGIN and COLLECTION_END
};

static struct semispace_heap *heap_of(struct tri_heap *heap) { return (struct semispace_heap *)heap; }
static struct semispace_mutator *mutator_of(struct tri_mutator *m) { return (struct semispace_mutator *)m; }

static size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) & -unit; }
static size_t page_up(size_t bytes) { return round_up(bytes, tri_os_page_bytes()); }

static size_t used_bytes(const struct semispace_heap *heap) { return heap->next - heap->active->base; }

// ---------------------------------------------------------------------------------------------- heaps

static bool reserve_halves(struct semispace_heap *heap, size_t limit, bool huge) {
  size_t page = tri_os_page_bytes(), stride;
  heap->half_bytes = limit / 2 & -page;
  huge = huge && heap->half_bytes >= 2 * (size_t)HUGE_BYTES;
  heap->step_bytes = round_up(heap->half_bytes / 16, page);
  if (heap->step_bytes < STEP_BYTES) heap->step_bytes = STEP_BYTES;
  if (huge) heap->step_bytes = round_up(heap->step_bytes, HUGE_BYTES);
  stride = huge ? round_up(heap->half_bytes, HUGE_BYTES) : heap->half_bytes;
  heap->reserved = 2 * stride;
  void *memory = tri_os_reserve(heap->reserved, huge ? HUGE_BYTES : 0);
  if (!memory) return false;
  if (huge) tri_os_huge(memory, heap->reserved);
  for (int i = 0; i < 2; i++)
    heap->halves[i].base = heap->halves[i].dirty = (uintptr_t)memory + (size_t)i * stride;
  heap->active = &heap->halves[0];
  heap->next = heap->active->base;
  return true;
}

enum tri_status semispace_heap_create(const struct tri_collector *self, const struct tri_heap_config *config,
                                      struct tri_heap **out) {
  const int64_t *common = config->value, *own = config->value + TRI_COMMON_OPTIONS;
  struct semispace_heap *heap = tri_os_calloc(sizeof *heap);
  if (!heap) return TRI_ENOMEM;
  size_t limit = (size_t)common[TRI_OPT_HEAP];
  bool huge = common[TRI_OPT_HUGE];
  heap->budget.limit = limit;
  bool halves = reserve_halves(heap, limit, huge);
  bool large = halves && tri_large_space_init(&heap->large, &heap->budget, limit, huge);
  if (!large || tri_heap_init(&heap->base, self, config) != TRI_OK) {
    if (large) tri_large_space_fini(&heap->large);
    if (halves) tri_os_release((void *)heap->halves[0].base, heap->reserved);
    tri_os_free(heap);
    return TRI_ENOMEM;
  }
  tri_mutex_init(&heap->lock);
  tri_copier_init(&heap->copier, &heap->large);
  heap->region_bytes = round_up((size_t)own[SEMISPACE_REGION], TRI_OBJECT_ALIGN);
  if (heap->region_bytes > heap->half_bytes / 8) heap->region_bytes = heap->half_bytes / 8;
  *out = &heap->base;
  return TRI_OK;
}

void semispace_heap_destroy(struct tri_heap *base) {
  struct semispace_heap *heap = heap_of(base);
  tri_heap_fini(base);
  tri_copier_fini(&heap->copier);
  tri_large_space_fini(&heap->large);
  tri_os_release((void *)heap->halves[0].base, heap->reserved);
  tri_os_free(heap);
}

// ---------------------------------------------------------------------------------------------- the halves

// Commit at least `bytes` more of each half: a step, or as much of it as there is.
static bool grow(struct semispace_heap *heap, size_t bytes) {
  size_t need = page_up(bytes), n = need > heap->step_bytes ? need : heap->step_bytes;
  size_t left = heap->budget.limit - heap->budget.used;
  if (left < 2 * need) left += tri_large_trim(&heap->large, 2 * need - left);
  left = left / 2 & -tri_os_page_bytes();
  if (left > heap->half_bytes - heap->committed) left = heap->half_bytes - heap->committed;
  if (n > left) n = left;
  if (n < need || !tri_budget_take(&heap->budget, 2 * n)) return false;
  void *first = (void *)(heap->halves[0].base + heap->committed);
  void *second = (void *)(heap->halves[1].base + heap->committed);
  bool one = tri_os_commit(first, n);
  if (!one || !tri_os_commit(second, n)) {
    if (one) tri_os_decommit(first, n);
    tri_budget_give(&heap->budget, 2 * n);
    return false;
  }
  if (tri_poison_active) {
    tri_poison_mark(first, n);
    tri_poison_mark(second, n);
  }
  heap->committed += n;
  if (heap->committed > heap->mapped) heap->mapped = heap->committed;
  return true;
}

// Give back all but the first `bytes` of each half; nothing beyond them is in use.
static void shrink_to(struct semispace_heap *heap, size_t bytes) {
  size_t n = heap->committed - bytes;
  if (n == 0) return;
  for (int i = 0; i < 2; i++) {
    struct half *half = &heap->halves[i];
    tri_os_decommit((void *)(half->base + bytes), n);
    if (half->dirty > half->base + bytes) half->dirty = half->base + bytes;
  }
  heap->committed = bytes;
  tri_budget_give(&heap->budget, 2 * n);
}

// Make [start, start + bytes) of the active half usable and zero.
static void open_memory(struct semispace_heap *heap, uintptr_t start, size_t bytes) {
  struct half *half = heap->active;
  size_t stale = start >= half->dirty ? 0 : half->dirty - start < bytes ? half->dirty - start : bytes;
  if (stale) {
    tri_poison_check((void *)start, stale, "semispace: free memory");
    tri_unpoison((void *)start, stale);
    memset((void *)start, 0, stale);
  }
  if (stale < bytes) {
    half->dirty = start + bytes;
    if (tri_poison_active) tri_poison_unmark((void *)(start + stale), bytes - stale);
  }
}

// Make all of a half that is about to be copied to usable.
static void open_half(const struct semispace_heap *heap, const struct half *half) {
  size_t stale = half->dirty - half->base;
  tri_poison_check((void *)half->base, stale, "semispace: the half not in use");
  tri_unpoison((void *)half->base, stale);
  if (tri_poison_active) tri_poison_unmark((void *)half->dirty, heap->committed - stale);
}

// Poison what is not in use from `start` on.
static void close_half(const struct semispace_heap *heap, const struct half *half, uintptr_t start) {
  uintptr_t end = half->base + heap->committed;
  if (start < half->dirty) tri_poison((void *)start, half->dirty - start);
  if (tri_poison_active && half->dirty < end) tri_poison_mark((void *)half->dirty, end - half->dirty);
}

// ---------------------------------------------------------------------------------------------- regions

// Take back the mutator's region, and what it has counted.
static void retire_region(void *context, struct tri_mutator *base) {
  struct semispace_heap *heap = context;
  struct semispace_mutator *m = mutator_of(base);
  tri_fill_gap(m->bump.next, m->bump.limit);
  heap->waste += m->bump.limit - m->bump.next;
  heap->allocated_objects += m->n_allocated;
  m->bump = (struct tri_bump){0, 0};
  m->n_allocated = 0;
}

// Give the mutator a region with room for `bytes`: what follows its present one, if nobody else has got that,
// so that nothing is wasted; else a new one.
static bool take_region(struct semispace_heap *heap, struct semispace_mutator *m, size_t bytes) {
  size_t room = heap->committed - used_bytes(heap);
  size_t have = m->bump.limit == heap->next ? m->bump.limit - m->bump.next : 0;
  size_t need = bytes - have, n = need > heap->region_bytes ? need : heap->region_bytes;
  if (room < need && !grow(heap, need - room)) return false;
  room = heap->committed - used_bytes(heap);
  if (n > room) n = room;
  open_memory(heap, heap->next, n);
  if (m->bump.limit != heap->next) {
    retire_region(heap, &m->base);
    m->bump.next = heap->next;
  }
  heap->next += n;
  m->bump.limit = heap->next;
  return true;
}

enum tri_status semispace_attach(struct tri_heap *heap, struct tri_mutator **m) {
  return tri_mutator_new(heap, sizeof(struct semispace_mutator), m);
}

void semispace_detach(struct tri_mutator *m) {
  struct semispace_heap *heap = heap_of(m->heap);
  tri_mutex_lock(&heap->lock);
  retire_region(heap, m);
  tri_mutex_unlock(&heap->lock);
  tri_mutator_delete(m);
}

// ---------------------------------------------------------------------------------------------- collecting

// With the world stopped by the caller.
static void collect(struct semispace_heap *heap, enum tri_collect_kind kind) {
  tri_emit(&heap->base, TRI_EVENT_COLLECTION_BEGIN, kind, 0);
  heap->collecting = heap->large.marking = true;
  tri_each_mutator(&heap->base, retire_region, heap);
  struct half *from = heap->active, *to = from == heap->halves ? heap->halves + 1 : heap->halves;
  size_t bytes_before = used_bytes(heap) - heap->waste;
  open_half(heap, to);
  uintptr_t end = tri_copier_run(&heap->copier, &heap->base, from->base, heap->next, to->base);

  tri_emit(&heap->base, TRI_EVENT_SWEEP, 0, 0);
  if (to->dirty < end) to->dirty = end;
  close_half(heap, from, from->base);
  close_half(heap, to, end);
  heap->active = to;
  heap->next = end;
  heap->waste = 0;
  heap->freed_objects = heap->allocated_objects - heap->copier.copied;
  heap->freed_bytes += bytes_before - used_bytes(heap);
  heap->large.marking = false;
  tri_large_sweep(&heap->large);
  if (kind == TRI_COLLECT_COMPACT) {
    shrink_to(heap, page_up(used_bytes(heap)));
    tri_large_trim(&heap->large, SIZE_MAX);
  }
  heap->collecting = false;
  tri_emit(&heap->base, TRI_EVENT_COLLECTION_END, kind, 1);
}

enum tri_status semispace_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  while (!tri_world_stop(m)) {
  } // somebody else's collection may be of another kind
  collect(heap_of(m->heap), kind == TRI_COLLECT_MINOR ? TRI_COLLECT_FULL : kind);
  tri_world_resume(m);
  return TRI_OK;
}

enum tri_status semispace_finalizer_add(struct tri_mutator *m, tri_ref object, uint64_t cookie) {
  return tri_finalizers_add(&heap_of(m->heap)->copier.finalizers, object, cookie);
}

tri_ref semispace_finalizer_next(struct tri_mutator *m, uint64_t *cookie) {
  return tri_finalizers_next(&heap_of(m->heap)->copier.finalizers, cookie);
}

// ---------------------------------------------------------------------------------------------- allocation

// With the lock held, or the world stopped.
static tri_ref try_small(struct semispace_heap *heap, struct semispace_mutator *m, struct tri_shape shape) {
  tri_ref object = tri_bump_alloc(&m->bump, shape);
  if (tri_is_null(object) && take_region(heap, m, tri_object_bytes(shape)))
    object = tri_bump_alloc(&m->bump, shape);
  m->n_allocated += !tri_is_null(object);
  return object;
}

// Where the budget is used up, the halves give back what they have not begun to use.
static tri_ref try_large(struct semispace_heap *heap, struct tri_shape shape) {
  size_t bytes = tri_large_object_bytes(shape);
  uintptr_t start = tri_large_alloc(&heap->large, bytes);
  if (!start) {
    size_t room = heap->committed - page_up(used_bytes(heap)), left = heap->budget.limit - heap->budget.used;
    size_t cut = page_up(bytes) > left ? page_up((page_up(bytes) - left) / 2) : 0;
    if (cut == 0 || cut > room) return TRI_NULL;
    shrink_to(heap, heap->committed - cut);
    start = tri_large_alloc(&heap->large, bytes);
    if (!start) return TRI_NULL;
  }
  tri_ref object = tri_large_ref(start);
  *tri_tag(object) = shape.tag;
  return object;
}

static tri_ref try_alloc(struct tri_mutator *m, struct tri_shape shape) {
  struct semispace_heap *heap = heap_of(m->heap);
  return tri_object_bytes(shape) <= LARGE_BYTES ? try_small(heap, mutator_of(m), shape) : try_large(heap, shape);
}

static bool reclaim(struct tri_mutator *m, bool again) {
  (void)again;
  collect(heap_of(m->heap), TRI_COLLECT_FULL);
  return false;
}

tri_ref semispace_alloc_slow(struct tri_mutator *m, struct tri_shape shape) {
  return tri_slow_alloc(m, shape, &heap_of(m->heap)->lock, try_alloc, reclaim);
}

// ----------------------------------------------------------------------------------------------
// introspection

// The rest of a region in use gets a filler, which its next object overwrites with its tag.
static void fill_region(void *context, struct tri_mutator *m) {
  (void)context;
  tri_fill_gap(mutator_of(m)->bump.next, mutator_of(m)->bump.limit);
}

bool semispace_walk(struct tri_heap *base, tri_walk_fn *visit, void *context) {
  struct semispace_heap *heap = heap_of(base);
  if (heap->collecting) return false;
  tri_each_mutator(base, fill_region, NULL);
  return tri_contiguous_walk(heap->active->base, heap->next, visit, context) &&
         tri_large_walk(&heap->large, visit, context);
}

static void verify_poison(const struct semispace_heap *heap, const struct half *half,
                          struct tri_findings *findings) {
  uintptr_t start = half == heap->active ? heap->next : half->base;
  const void *damage = start < half->dirty ? tri_poison_damage((void *)start, half->dirty - start) : NULL;
  if (damage) tri_find(findings, "memory not in use was written to at %p", damage);
}

size_t semispace_verify(struct tri_heap *base, const struct tri_reporter *reporter) {
  struct semispace_heap *heap = heap_of(base);
  struct tri_findings findings = {reporter, 0};
  if (heap->collecting) return 0;
  tri_large_space_verify(&heap->large, &findings);
  if (findings.count == 0) {
    tri_each_mutator(base, fill_region, NULL);
    tri_copier_verify(&heap->copier, base, heap->active->base, heap->next, &findings);
  }
  for (int i = 0; i < 2; i++) {
    const struct half *half = &heap->halves[i];
    if (half->dirty < half->base || half->dirty > half->base + heap->committed)
      tri_find(&findings, "half %d is dirty up to %p, beyond what is committed", i, (void *)half->dirty);
    else
      verify_poison(heap, half, &findings);
  }
  struct tri_space_usage large = tri_large_space_usage(&heap->large);
  size_t held = 2 * heap->committed + large.live_bytes + large.free_bytes;
  if (used_bytes(heap) > heap->committed || held != heap->budget.used || held > heap->budget.limit)
    tri_find(
        &findings,
        "%zu bytes used of %zu in each half, with large objects %zu, of which the budget gave %zu of %zu",
        used_bytes(heap), heap->committed, held, heap->budget.used, heap->budget.limit);
  if (findings.count == 0) findings.count += tri_default_verify(base, reporter); // counts against a walk
  return findings.count;
}

static void add_region(void *context, struct tri_mutator *base) {
  struct tri_stats *stats = context;
  const struct semispace_mutator *m = mutator_of(base);
  stats->live_objects += m->n_allocated;
  stats->live_bytes -= m->bump.limit - m->bump.next;
}

void semispace_stats_fill(struct tri_heap *base, struct tri_stats *stats) {
  struct semispace_heap *heap = heap_of(base);
  struct tri_space_usage large = tri_large_space_usage(&heap->large);
  stats->live_objects = heap->allocated_objects - heap->freed_objects;
  stats->live_bytes = used_bytes(heap) - heap->waste;
  tri_each_mutator(base, add_region, stats);
  stats->free_bytes = 2 * heap->committed - stats->live_bytes + large.free_bytes;
  stats->live_objects += large.live_objects;
  stats->live_bytes += large.live_bytes;
  stats->released_bytes = 2 * (heap->mapped - heap->committed) + large.released_bytes;
  stats->metadata_bytes = sizeof *heap + base->world->attached * sizeof(struct semispace_mutator) +
                          large.metadata_bytes + tri_weak_refs_bytes(&heap->copier.weak) +
                          tri_finalizers_bytes(&heap->copier.finalizers);
  stats->mapped_bytes = 2 * heap->mapped + large.mapped_bytes + stats->metadata_bytes;
  stats->limit_bytes = heap->budget.limit;
  stats->peak_bytes = heap->budget.peak;
  stats->freed_objects = heap->freed_objects + heap->large.freed_objects;
  stats->freed_bytes = heap->freed_bytes + heap->large.freed_bytes;
  stats->allocated_objects = stats->live_objects + stats->freed_objects;
  stats->allocated_bytes = stats->live_bytes + stats->freed_bytes;
  stats->full_collections = heap->base.epoch;
  stats->marked_objects = heap->copier.total_objects;
  stats->copied_bytes = heap->copier.total_bytes;
  stats->weak_cleared = heap->copier.weak.cleared;
  stats->finalizers_pending = heap->copier.finalizers.n_queue;
}
