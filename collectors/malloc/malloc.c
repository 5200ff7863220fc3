// malloc: every object is one calloc block, found again through a table of entries.
//
// The table is a list of chunks of entries. An entry holds the address of an object's block, or, tagged with
// bit 0, the link to the next free entry; the block begins with the address of its entry. Free entries belong
// to a mutator and move to whoever frees the object, so that neither allocation nor tri_free takes a lock;
// the chunks themselves are only added to, under the heap's lock.
//
// The limit is kept by what was asked for. A mutator takes its memory out of a budget that the heap grants in
// portions: granted = live bytes + what is left in the budgets, and granted <= limit.
#include "tricolor/collector.h"

#include <stdlib.h>

#include "common/actor.h"
#include "common/os.h"
#include "common/report.h"

enum { CHUNK_ENTRIES = 510, MAX_PORTION = 64 << 10 };

struct chunk {
  struct chunk *next;
  uintptr_t entry[CHUNK_ENTRIES];
};

struct block { // an object's calloc block; slot 0 follows
  uintptr_t *entry;
  uint64_t tag;
};

struct totals {
  uint64_t allocated_objects, allocated_bytes, freed_objects, freed_bytes;
};

struct malloc_mutator {
  struct tri_mutator base;
  uintptr_t *free_entry; // list of free entries
  size_t budget;         // bytes granted and not in use
  struct totals totals;  // a mutator may free more than it allocated: only sums over all mean anything
};

struct malloc_heap {
  struct tri_heap base;
  struct tri_mutex lock; // the fields below
  size_t limit, portion, granted, peak;
  struct chunk *chunks;
  size_t n_chunks;
  uintptr_t *free_entry;  // of detached mutators
  struct totals departed; // of detached mutators
};

static struct malloc_heap *heap_of(struct tri_heap *heap) { return (struct malloc_heap *)heap; }

static struct block *block_of(tri_ref object) { return (struct block *)object.bits - 1; }
static tri_ref object_of(struct block *block) { return (tri_ref){(uintptr_t)(block + 1)}; }

static size_t block_bytes(struct tri_shape shape) {
  return sizeof(struct block) + ((tri_shape_extent(shape) + 7) & ~(size_t)7);
}

static void add_totals(struct totals *sum, const struct totals *part) {
  sum->allocated_objects += part->allocated_objects;
  sum->allocated_bytes += part->allocated_bytes;
  sum->freed_objects += part->freed_objects;
  sum->freed_bytes += part->freed_bytes;
}

// ---------------------------------------------------------------------------------------------- entries

static bool is_free_entry(uintptr_t entry) { return entry & 1; }

static void give_entry(uintptr_t **list, uintptr_t *entry) {
  *entry = (uintptr_t)*list | 1;
  *list = entry;
}

static uintptr_t *take_entry(uintptr_t **list) {
  uintptr_t *entry = *list;
  *list = (uintptr_t *)(*entry & ~(uintptr_t)1);
  return entry;
}

// Make sure that m has a free entry: those that detached mutators left, or a new chunk. With the lock held.
static bool refill_entries(struct malloc_heap *heap, struct malloc_mutator *m) {
  if (heap->free_entry) {
    m->free_entry = heap->free_entry;
    heap->free_entry = NULL;
    return true;
  }
  struct chunk *chunk = tri_os_calloc(sizeof *chunk);
  if (!chunk) return false;
  chunk->next = heap->chunks;
  heap->chunks = chunk;
  heap->n_chunks++;
  for (size_t i = CHUNK_ENTRIES; i-- > 0;) give_entry(&m->free_entry, &chunk->entry[i]);
  return true;
}

// ---------------------------------------------------------------------------------------------- heaps

enum tri_status malloc_heap_create(const struct tri_collector *self, const struct tri_heap_config *config,
                                   struct tri_heap **out) {
  struct malloc_heap *heap = tri_os_calloc(sizeof *heap);
  if (!heap) return TRI_ENOMEM;
  if (tri_heap_init(&heap->base, self, config) != TRI_OK) {
    tri_os_free(heap);
    return TRI_ENOMEM;
  }
  tri_mutex_init(&heap->lock);
  heap->limit = (size_t)config->value[TRI_OPT_HEAP];
  heap->portion = heap->limit / 64 < MAX_PORTION ? heap->limit / 64 : MAX_PORTION;
  *out = &heap->base;
  return TRI_OK;
}

void malloc_heap_destroy(struct tri_heap *base) {
  struct malloc_heap *heap = heap_of(base);
  tri_heap_fini(base);
  for (struct chunk *next, *chunk = heap->chunks; chunk; chunk = next) {
    next = chunk->next;
    for (size_t i = 0; i < CHUNK_ENTRIES; i++)
      if (!is_free_entry(chunk->entry[i])) free((void *)chunk->entry[i]);
    tri_os_free(chunk);
  }
  tri_os_free(heap);
}

enum tri_status malloc_attach(struct tri_heap *heap, struct tri_mutator **out) {
  return tri_mutator_new(heap, sizeof(struct malloc_mutator), out);
}

void malloc_detach(struct tri_mutator *base) {
  struct malloc_heap *heap = heap_of(base->heap);
  struct malloc_mutator *m = (struct malloc_mutator *)base;
  tri_mutex_lock(&heap->lock);
  heap->granted -= m->budget;
  add_totals(&heap->departed, &m->totals);
  while (m->free_entry) give_entry(&heap->free_entry, take_entry(&m->free_entry));
  tri_mutex_unlock(&heap->lock);
  tri_mutator_delete(base);
}

// ---------------------------------------------------------------------------------------------- allocation

// Raise the budget to at least bytes; with the lock held.
static bool refill_budget(struct malloc_heap *heap, struct malloc_mutator *m, size_t bytes) {
  size_t left = heap->limit - heap->granted, need = bytes - m->budget;
  if (need > left || tri_os_inject()) return false;
  size_t more = need + heap->portion < left ? need + heap->portion : left;
  m->budget += more;
  heap->granted += more;
  if (heap->granted > heap->peak) heap->peak = heap->granted;
  return true;
}

tri_ref malloc_alloc_slow(struct tri_mutator *base, struct tri_shape shape) {
  struct malloc_mutator *m = (struct malloc_mutator *)base;
  struct malloc_heap *heap = heap_of(base->heap);
  enum tri_status status = tri_alloc_check(base, shape);
  if (status != TRI_OK) return tri_alloc_failed(base, status, shape);
  size_t bytes = block_bytes(shape);
  if (TRI_UNLIKELY(bytes > m->budget || !m->free_entry)) {
    TRI_YIELD(ALLOC_SLOW);
    tri_mutex_lock(&heap->lock);
    bool ok =
        (bytes <= m->budget || refill_budget(heap, m, bytes)) && (m->free_entry || refill_entries(heap, m));
    tri_mutex_unlock(&heap->lock);
    if (!ok) return tri_alloc_failed(base, TRI_ENOMEM, shape);
  }
  struct block *block = calloc(1, bytes);
  if (!block) return tri_alloc_failed(base, TRI_ENOMEM, shape);
  m->budget -= bytes;
  m->totals.allocated_objects++;
  m->totals.allocated_bytes += bytes;
  block->entry = take_entry(&m->free_entry);
  block->tag = shape.tag;
  *block->entry = (uintptr_t)block;
  return object_of(block);
}

void malloc_free_slow(struct tri_mutator *base, tri_ref object) {
  struct malloc_mutator *m = (struct malloc_mutator *)base;
  struct malloc_heap *heap = heap_of(base->heap);
  struct block *block = block_of(object);
  size_t bytes = block_bytes(tri_tag_shape(block->tag));
  give_entry(&m->free_entry, block->entry);
  free(block);
  m->totals.freed_objects++;
  m->totals.freed_bytes += bytes;
  m->budget += bytes;
  if (TRI_UNLIKELY(m->budget > 2 * heap->portion)) {
    tri_mutex_lock(&heap->lock);
    heap->granted -= m->budget - heap->portion;
    m->budget = heap->portion;
    tri_mutex_unlock(&heap->lock);
  }
}

// --------------------------------------------------------------------------------------------- introspection

bool malloc_walk(struct tri_heap *base, tri_walk_fn *visit, void *context) {
  for (struct chunk *chunk = heap_of(base)->chunks; chunk; chunk = chunk->next)
    for (size_t i = 0; i < CHUNK_ENTRIES; i++) {
      if (is_free_entry(chunk->entry[i])) continue;
      struct block *block = (struct block *)chunk->entry[i];
      struct tri_shape shape = tri_tag_shape(block->tag);
      struct tri_object_info info = {
          .ref = object_of(block), .shape = shape, .start = (uintptr_t)block, .bytes = block_bytes(shape)};
      if (!visit(context, &info)) return false;
    }
  return true;
}

size_t malloc_verify(struct tri_heap *base, const struct tri_reporter *reporter) {
  struct tri_findings findings = {reporter, tri_default_verify(base, reporter)};
  for (struct chunk *chunk = heap_of(base)->chunks; chunk; chunk = chunk->next)
    for (size_t i = 0; i < CHUNK_ENTRIES; i++) {
      uintptr_t *entry = &chunk->entry[i];
      if (is_free_entry(*entry)) continue;
      struct block *block = (struct block *)*entry;
      if (block->entry == entry && tri_shape_valid((struct tri_shape){block->tag})) continue;
      tri_find(&findings, "the block at %p does not know its table entry %p: its header is damaged",
               (void *)block, (void *)entry);
    }
  return findings.count;
}

struct sum {
  struct totals totals;
  size_t mutators;
};

static void add_mutator(void *context, struct tri_mutator *m) {
  struct sum *sum = context;
  add_totals(&sum->totals, &((struct malloc_mutator *)m)->totals);
  sum->mutators++;
}

void malloc_stats_fill(struct tri_heap *base, struct tri_stats *stats) {
  struct malloc_heap *heap = heap_of(base);
  struct sum sum = {.totals = heap->departed};
  tri_each_mutator(base, add_mutator, &sum);
  stats->allocated_objects = sum.totals.allocated_objects;
  stats->allocated_bytes = sum.totals.allocated_bytes;
  stats->freed_objects = sum.totals.freed_objects;
  stats->freed_bytes = sum.totals.freed_bytes;
  stats->live_objects = stats->allocated_objects - stats->freed_objects;
  stats->live_bytes = stats->allocated_bytes - stats->freed_bytes;
  stats->limit_bytes = heap->limit;
  stats->peak_bytes = heap->peak;
  stats->metadata_bytes =
      sizeof *heap + heap->n_chunks * sizeof(struct chunk) + sum.mutators * sizeof(struct malloc_mutator);
  stats->mapped_bytes = stats->live_bytes + stats->metadata_bytes;
}
