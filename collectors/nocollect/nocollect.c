// nocollect: one reservation as large as the limit, handed to mutators in regions that they fill by bumping a
// pointer. Nothing is ever reclaimed. The regions and their fill levels stay parseable: each begins with a
// header, so that a walk needs no side table.
#include "tricolor/collector.h"

#include "common/actor.h"
#include "common/os.h"
#include "nocollect/fast.h"

enum { REGION_BYTES = 256 << 10, SMALL_REGION_BYTES = 16 << 10, HUGE_BYTES = 2 << 20 };

struct region {
  struct region *next; // towards higher addresses
  uintptr_t start, end, filled; // filled is valid when no mutator owns the region
  struct nocollect_mutator *owner;
};

struct nocollect_heap {
  struct tri_heap base;
  struct tri_mutex lock; // the fields below
  uintptr_t start, end;  // the reservation
  uintptr_t next;        // first byte not yet given to a region
  uintptr_t committed;   // first byte without memory
  size_t region_bytes, commit_bytes;
  struct region *regions, **last;
  size_t n_regions;
};

static struct nocollect_heap *heap_of(struct tri_heap *heap) { return (struct nocollect_heap *)heap; }

static size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) & -unit; }

enum tri_status nocollect_heap_create(const struct tri_collector *self, const struct tri_heap_config *config,
                                      struct tri_heap **out) {
  struct nocollect_heap *heap = tri_os_calloc(sizeof *heap);
  if (!heap) return TRI_ENOMEM;
  size_t bytes = (size_t)config->value[TRI_OPT_HEAP] & -tri_os_page_bytes();
  // A huge page can only be had where 2 MiB are committed together.
  bool huge = config->value[TRI_OPT_HUGE] && bytes >= 4 * (size_t)HUGE_BYTES;
  void *memory = tri_os_reserve(bytes, huge ? HUGE_BYTES : 0);
  if (!memory || tri_heap_init(&heap->base, self, config) != TRI_OK) {
    if (memory) tri_os_release(memory, bytes);
    tri_os_free(heap);
    return TRI_ENOMEM;
  }
  if (huge) tri_os_huge(memory, bytes);
  tri_mutex_init(&heap->lock);
  heap->start = heap->next = heap->committed = (uintptr_t)memory;
  heap->end = heap->start + bytes;
  heap->region_bytes = bytes >= 16 * (size_t)REGION_BYTES ? REGION_BYTES : SMALL_REGION_BYTES;
  heap->commit_bytes = huge ? HUGE_BYTES : heap->region_bytes;
  heap->last = &heap->regions;
  *out = &heap->base;
  return TRI_OK;
}

void nocollect_heap_destroy(struct tri_heap *base) {
  struct nocollect_heap *heap = heap_of(base);
  tri_heap_fini(base);
  for (struct region *next, *region = heap->regions; region; region = next) {
    next = region->next;
    tri_os_free(region);
  }
  tri_os_release((void *)heap->start, heap->end - heap->start);
  tri_os_free(heap);
}

// ---------------------------------------------------------------------------------------------- mutators

enum tri_status nocollect_attach(struct tri_heap *heap, struct tri_mutator **out) {
  return tri_mutator_new(heap, sizeof(struct nocollect_mutator), out);
}

static void give_up_regions(struct nocollect_heap *heap, struct nocollect_mutator *m) {
  for (struct region *region = heap->regions; region; region = region->next)
    if (region->owner == m) {
      region->filled = m->bump.next;
      region->owner = NULL;
    }
}

void nocollect_detach(struct tri_mutator *base) {
  struct nocollect_heap *heap = heap_of(base->heap);
  tri_mutex_lock(&heap->lock);
  give_up_regions(heap, (struct nocollect_mutator *)base);
  tri_mutex_unlock(&heap->lock);
  tri_mutator_delete(base);
}

// ---------------------------------------------------------------------------------------------- allocation

// Memory up to `end`, and as far beyond as one step reaches; with the lock held.
static bool commit(struct nocollect_heap *heap, uintptr_t end) {
  if (end <= heap->committed) return true;
  uintptr_t to = heap->start + round_up(end - heap->start, heap->commit_bytes);
  if (to > heap->end) to = heap->end;
  if (!tri_os_commit((void *)heap->committed, to - heap->committed)) return false;
  heap->committed = to;
  return true;
}

// A new region of at least `bytes` for m; with the lock held.
static bool take_region(struct nocollect_heap *heap, struct nocollect_mutator *m, size_t bytes) {
  size_t left = heap->end - heap->next;
  size_t want = bytes > heap->region_bytes ? round_up(bytes, tri_os_page_bytes()) : heap->region_bytes;
  if (want > left) want = left;
  if (want < bytes) return false;
  struct region *region = tri_os_calloc(sizeof *region);
  if (!region) return false;
  if (!commit(heap, heap->next + want)) {
    tri_os_free(region);
    return false;
  }
  give_up_regions(heap, m);
  *region = (struct region){.start = heap->next, .end = heap->next + want, .owner = m};
  heap->next += want;
  *heap->last = region;
  heap->last = &region->next;
  heap->n_regions++;
  m->bump = (struct tri_bump){region->start, region->end};
  return true;
}

tri_ref nocollect_alloc_slow(struct tri_mutator *base, struct tri_shape shape) {
  struct nocollect_mutator *m = (struct nocollect_mutator *)base;
  struct nocollect_heap *heap = heap_of(base->heap);
  enum tri_status status = tri_alloc_check(base, shape);
  if (status != TRI_OK) return tri_alloc_failed(base, status, shape);
  TRI_YIELD(ALLOC_SLOW);
  tri_mutex_lock(&heap->lock);
  bool ok = take_region(heap, m, tri_object_bytes(shape));
  tri_mutex_unlock(&heap->lock);
  return ok ? tri_bump_alloc(&m->bump, shape) : tri_alloc_failed(base, TRI_ENOMEM, shape);
}

// ---------------------------------------------------------------------------------------------- introspection

static uintptr_t region_filled(const struct region *region) {
  return region->owner ? region->owner->bump.next : region->filled;
}

bool nocollect_walk(struct tri_heap *base, tri_walk_fn *visit, void *context) {
  for (struct region *region = heap_of(base)->regions; region; region = region->next)
    for (uintptr_t at = region->start, filled = region_filled(region); at < filled;) {
      struct tri_object_info info = {.ref = {at + TRI_TAG_BYTES}, .start = at};
      info.shape = tri_tag_shape(*tri_tag(info.ref));
      info.bytes = tri_object_bytes(info.shape);
      if (!tri_shape_valid(info.shape) || info.bytes > filled - at || !visit(context, &info)) return false;
      at += info.bytes;
    }
  return true;
}

static bool count_object(void *context, const struct tri_object_info *info) {
  struct tri_stats *stats = context;
  stats->live_objects++;
  stats->live_bytes += info->bytes;
  return true;
}

void nocollect_stats_fill(struct tri_heap *base, struct tri_stats *stats) {
  struct nocollect_heap *heap = heap_of(base);
  nocollect_walk(base, count_object, stats);
  stats->limit_bytes = heap->end - heap->start;
  stats->peak_bytes = heap->committed - heap->start;
  stats->free_bytes = stats->peak_bytes - stats->live_bytes;
  stats->metadata_bytes = sizeof *heap + heap->n_regions * sizeof(struct region);
  stats->mapped_bytes = stats->peak_bytes + stats->metadata_bytes;
  stats->allocated_objects = stats->live_objects;
  stats->allocated_bytes = stats->live_bytes;
}
