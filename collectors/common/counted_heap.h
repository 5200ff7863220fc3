// A heap of counted objects for one mutator: what the counting collectors (refcount, zerocount) share.
//
// An object is a cell of a block, or a large object: count word (count.h), tag, slots and payload; a weak
// reference has two more words for its links (weak_table.h). The collectors decide when an object is dead and
// call tri_counted_bury, take the dead off heap->dead one by one, count down what they refer to, and free
// them.
//
// The mutator is part of the heap: there is only one, and its inline paths find the heap at a constant
// distance. Nothing here collects. Nothing is locked.
#ifndef TRICOLOR_COMMON_COUNTED_HEAP_H
#define TRICOLOR_COMMON_COUNTED_HEAP_H

#include "common/count.h"
#include "common/finalizer.h"
#include "common/spaces.h"
#include "common/weak_table.h"
#include "tricolor/tricolor.h"

struct tri_counted_heap {
  struct tri_heap base;
  struct tri_mutator mutator;
  uint64_t stuck_from; // see count.h
  tri_ref dead;        // list of the buried; empty outside the collector's own code
  struct tri_weak_table weak;
  struct tri_finalizers finalizers;
  struct tri_spaces spaces;
  struct tri_run runs[TRI_SIZE_CLASSES];
  size_t bytes; // of the collector's heap
};

static inline struct tri_counted_heap *tri_counted_heap_of(struct tri_mutator *m) {
  return (struct tri_counted_heap *)((char *)m - offsetof(struct tri_counted_heap, mutator));
}

// A new heap of `bytes`, which begins with struct tri_counted_heap, whose counts have count_bits bits; the
// rest is zero. TRI_ENOMEM: *out is left alone. The caller owns the heap. One with as many slots for
// references as its limit allows and a million root slots must not make a count stick, or it does not claim
// EXACT.
enum tri_status tri_counted_heap_new(size_t bytes, const struct tri_collector *self,
                                     const struct tri_heap_config *config, unsigned count_bits,
                                     struct tri_heap **out);

// tri_heap_destroy of a counting collector.
void tri_counted_heap_delete(struct tri_heap *heap);

// tri_attach and tri_detach of a counting collector.
enum tri_status tri_counted_attach(struct tri_heap *heap, struct tri_mutator **m);
void tri_counted_detach(struct tri_mutator *m);

// --------------------------------------------------------------------------------------------------- objects

// Bytes that an object asks for, count word and links included.
static inline size_t tri_counted_bytes(struct tri_shape shape) {
  return TRI_COUNT_WORD_BYTES + tri_object_bytes(shape) +
         (tri_shape_kind(shape) == TRI_WEAK ? TRI_WEAK_LINK_BYTES : 0);
}

// The inline allocation path: a node from the run of its class, with that count word. TRI_NULL: take the slow
// path.
static inline tri_ref tri_counted_alloc(struct tri_counted_heap *heap, struct tri_shape shape,
                                        uint64_t word) {
  size_t bytes = tri_counted_bytes(shape);
  if (TRI_UNLIKELY((shape.tag & 0xfff) != 1 || bytes > TRI_CELL_MAX)) return TRI_NULL;
  uintptr_t cell = tri_run_take(&heap->runs[tri_size_class(bytes)], bytes);
  if (TRI_UNLIKELY(!cell)) return TRI_NULL;
  *(uint64_t *)cell = word;
  *(uint64_t *)(cell + TRI_COUNT_WORD_BYTES) = shape.tag;
  return tri_count_owner((uint64_t *)cell);
}

// The slow one: any object of a checked shape, from whatever memory is free. TRI_NULL: out of memory.
tri_ref tri_counted_alloc_any(struct tri_counted_heap *heap, struct tri_shape shape, uint64_t word);

// Put a dead object on the list heap->dead, after clearing the weak references to it. False when it has
// finalizers: it stays as it is, for the finalizer queue.
bool tri_counted_bury(struct tri_counted_heap *heap, tri_ref object);

// Free a dead object that was taken off the list.
void tri_counted_free(struct tri_counted_heap *heap, tri_ref object);

// Give free memory back to the system.
void tri_counted_trim(struct tri_counted_heap *heap);

// tri_finalizer_add of a counting collector.
enum tri_status tri_counted_finalizer_add(struct tri_mutator *m, tri_ref object, uint64_t cookie);

// tri_weak_set of a counting collector.
void tri_counted_weak_set(struct tri_mutator *m, tri_ref weak, tri_ref target);

// --------------------------------------------------------------------------------------------------- looking

// Visit every object. The visitor may bury it and change count words, but not free or allocate.
void tri_counted_each(struct tri_counted_heap *heap, void (*visit)(void *context, tri_ref object),
                      void *context);

// tri_walk and tri_inspect; `counted` says what this collector's counts count at the moment.
bool tri_counted_walk(struct tri_counted_heap *heap, enum tri_count_kind counted, tri_walk_fn *visit,
                      void *context);
enum tri_status tri_counted_inspect(struct tri_counted_heap *heap, enum tri_count_kind counted, tri_ref ref,
                                    struct tri_object_info *info);

// tri_each_block of a counting collector: blocks of small objects.
bool tri_counted_each_block(struct tri_heap *heap, tri_block_fn *visit, void *context);

// tri_stats_fill. Who holds memory outside of its heap adds that to metadata and mapped bytes.
void tri_counted_stats_fill(struct tri_heap *heap, struct tri_stats *stats);

// The checks of tri_verify that counting collectors share: references denote objects, counts equal the number
// of references (left out when counted is TRI_COUNT_NONE, or for want of memory), weak lists and flags agree,
// and the spaces are consistent.
void tri_counted_verify(struct tri_counted_heap *heap, enum tri_count_kind counted,
                        struct tri_findings *findings);

#endif
