// example: a heap in two halves. Objects are allocated in the current half by bumping a pointer; a collection
// copies what is reachable to the other half and clears the old one (Cheney 1970). One mutator, no weak
// references, no finalizers, no pinning: nothing that the contract does not ask for.
#include "tricolor/collector.h"

#include <stdlib.h>
#include <string.h>

#include TRI_FAST_H

static struct example_heap *heap_of(struct tri_heap *heap) { return (struct example_heap *)heap; }

enum tri_status example_heap_create(const struct tri_collector *self, const struct tri_heap_config *config,
                                    struct tri_heap **out) {
  struct example_heap *heap = calloc(1, sizeof *heap);
  size_t half = (size_t)config->value[TRI_OPT_HEAP] / 2 & -(size_t)TRI_OBJECT_ALIGN;
  void *memory = calloc(2, half);
  if (!heap || !memory || tri_heap_init(&heap->base, self, config) != TRI_OK) {
    free(memory);
    free(heap);
    return TRI_ENOMEM;
  }
  heap->half = half;
  heap->current = heap->next = (uintptr_t)memory;
  heap->other = heap->end = heap->current + half;
  *out = &heap->base;
  return TRI_OK;
}

void example_heap_destroy(struct tri_heap *base) {
  struct example_heap *heap = heap_of(base);
  tri_heap_fini(base);
  free((void *)(heap->current < heap->other ? heap->current : heap->other));
  free(heap);
}

enum tri_status example_attach(struct tri_heap *heap, struct tri_mutator **out) {
  return tri_mutator_new(heap, sizeof **out, out);
}

void example_detach(struct tri_mutator *m) { tri_mutator_delete(m); }

// Make *slot refer to the copy of its object, which is made now unless it was made before.
static void forward(void *context, tri_ref *slot) {
  struct example_heap *heap = context;
  if (tri_is_null(*slot)) return;
  uint64_t *tag = tri_tag(*slot);
  if (!tri_tag_forwarded(*tag)) {
    size_t bytes = tri_object_bytes(tri_tag_shape(*tag));
    memcpy((void *)heap->next, tag, bytes);
    *tag = heap->next + TRI_TAG_BYTES;
    heap->next += bytes;
    heap->copied_objects++;
  }
  slot->bits = *tag;
}

enum tri_status example_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  struct example_heap *heap = heap_of(m->heap);
  tri_world_stop(m);
  tri_emit(&heap->base, TRI_EVENT_COLLECTION_BEGIN, kind, 0);
  uintptr_t old = heap->current, old_next = heap->next;
  heap->current = heap->next = heap->other;
  heap->other = old;
  heap->end = heap->current + heap->half;
  uint64_t objects = heap->objects, copied = heap->copied_objects;

  tri_emit(&heap->base, TRI_EVENT_ROOTS, 0, 0);
  tri_each_root(&heap->base, forward, heap);
  tri_emit(&heap->base, TRI_EVENT_MARK, 0, 0);
  // Copied objects between scan and next are grey: their slots still refer to the old half.
  for (uintptr_t scan = heap->current; scan < heap->next;) {
    tri_ref object = {scan + TRI_TAG_BYTES};
    struct tri_shape shape = tri_tag_shape(*tri_tag(object));
    for (size_t i = 0; i < tri_shape_refs(shape); i++) forward(heap, tri_slot(object, i));
    scan += tri_object_bytes(shape);
  }
  tri_emit(&heap->base, TRI_EVENT_SWEEP, 0, 0);
  memset((void *)old, 0, old_next - old);

  heap->objects = heap->copied_objects - copied;
  heap->copied_bytes += heap->next - heap->current;
  heap->freed_objects += objects - heap->objects;
  heap->freed_bytes += (old_next - old) - (heap->next - heap->current);
  tri_emit(&heap->base, TRI_EVENT_COLLECTION_END, kind, 1);
  tri_world_resume(m);
  return TRI_OK;
}

tri_ref example_alloc_slow(struct tri_mutator *m, struct tri_shape shape) {
  struct example_heap *heap = heap_of(m->heap);
  enum tri_status status = tri_alloc_check(m, shape);
  if (status != TRI_OK) return tri_alloc_failed(m, status, shape);
  example_collect(m, TRI_COLLECT_FULL);
  if (tri_object_bytes(shape) > heap->end - heap->next) return tri_alloc_failed(m, TRI_ENOMEM, shape);
  return example_alloc(m, shape);
}

bool example_walk(struct tri_heap *base, tri_walk_fn *visit, void *context) {
  for (uintptr_t at = heap_of(base)->current, next = heap_of(base)->next; at < next;) {
    struct tri_object_info info = {.ref = {at + TRI_TAG_BYTES}, .start = at};
    info.shape = tri_tag_shape(*tri_tag(info.ref));
    info.bytes = tri_object_bytes(info.shape);
    if (!tri_shape_valid(info.shape) || info.bytes > next - at || !visit(context, &info)) return false;
    at += info.bytes;
  }
  return true;
}

void example_stats_fill(struct tri_heap *base, struct tri_stats *stats) {
  struct example_heap *heap = heap_of(base);
  stats->limit_bytes = stats->peak_bytes = 2 * heap->half;
  stats->live_objects = heap->objects;
  stats->live_bytes = heap->next - heap->current;
  stats->free_bytes = 2 * heap->half - stats->live_bytes;
  stats->metadata_bytes = sizeof *heap;
  stats->mapped_bytes = 2 * heap->half + sizeof *heap;
  stats->freed_objects = heap->freed_objects;
  stats->freed_bytes = heap->freed_bytes;
  stats->allocated_objects = stats->live_objects + heap->freed_objects;
  stats->allocated_bytes = stats->live_bytes + heap->freed_bytes;
  stats->full_collections = base->epoch;
  stats->copied_bytes = heap->copied_bytes;
}
