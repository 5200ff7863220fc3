// refcount: immediate reference counting with synchronous cycle collection. See README.md.
#ifndef REFCOUNT_FAST_H
#define REFCOUNT_FAST_H

#include "common/counted_heap.h"
#include "common/mark_stack.h"

#define TRI_SUMMARY "immediate reference counting, cycles by trial deletion"
#define TRI_CAPS                                                                                             \
  (TRI_CAP_EXACT | TRI_CAP_CYCLES | TRI_CAP_WEAK | TRI_CAP_FINALIZER | TRI_CAP_PIN | TRI_CAP_WALK |          \
   TRI_CAP_RECLAIMS | TRI_CAP_MULTI_HEAP)
#define TRI_TELLS TRI_TELLS_BLOCKS
#define TRI_MAX_MUTATORS 1
#define TRI_MAX_HEAPS UINT32_MAX
#define TRI_MIN_HEAP (64 << 10)
#define TRI_MAX_OBJECT (UINT64_C(1) << 30)
#define TRI_OPTIONS "refcount/options.def"

// ------------------------------------------------------------------------------------------------ count word
//
//   bits 3..4   colour (Bacon and Rajan 2001). Outside a collection: black, or purple, a possible root of a
//               garbage cycle. A fresh node is purple until a root or a look at its slots clears it of
//               suspicion
//   bit  5      green: can be part of no cycle (no slots, or cycles=off), so never purple
//   bit  6      in the root buffer, at the index in bits 9..33
//   bit  7      in the zero list
//   bit  8      what it refers to waits to be traced, because the mark stack was full

enum {
  REFCOUNT_COLOUR_SHIFT = 3,
  REFCOUNT_INDEX_SHIFT = 9,
  REFCOUNT_INDEX_BITS = TRI_COUNT_SHIFT - REFCOUNT_INDEX_SHIFT
};
#define REFCOUNT_COLOUR (UINT64_C(3) << REFCOUNT_COLOUR_SHIFT)
#define REFCOUNT_BLACK (UINT64_C(0) << REFCOUNT_COLOUR_SHIFT)
#define REFCOUNT_GREY (UINT64_C(1) << REFCOUNT_COLOUR_SHIFT)
#define REFCOUNT_WHITE (UINT64_C(2) << REFCOUNT_COLOUR_SHIFT)
#define REFCOUNT_PURPLE (UINT64_C(3) << REFCOUNT_COLOUR_SHIFT)
#define REFCOUNT_GREEN (UINT64_C(1) << 5)
#define REFCOUNT_BUFFERED (UINT64_C(1) << 6)
#define REFCOUNT_IN_ZEROS (UINT64_C(1) << 7)
#define REFCOUNT_WAITING (UINT64_C(1) << 8)
#define REFCOUNT_INDEX (((UINT64_C(1) << REFCOUNT_INDEX_BITS) - 1) << REFCOUNT_INDEX_SHIFT)

struct refcount_heap {
  struct tri_counted_heap counted;
  uint64_t *fresh;   // count word of the object that was allocated last, until the next collecting point;
  uint64_t no_fresh; // or this one, which is never dead
  uint64_t node;     // count word of a fresh node
  bool pending;      // there is work for the next collecting point
  bool zeros_lost;   // an object with count 0 found no place in zeros
  bool roots_lost;   // a purple object found no place in roots
  bool waiting;      // some object has REFCOUNT_WAITING
  bool undecided;    // an object with count 0 waits for the finalizer queue
  bool trial;        // in a cycle collection: counts lack the references between grey and white objects
  struct tri_mark_stack zeros, roots, stack; // zero list, root buffer: growable arrays
  size_t first_trigger, trigger;             // number of possible roots at which to collect cycles
  uint64_t marked, overflows;                // totals
};

// The mutator stands inside the heap (common/counted_heap.h).
static inline struct refcount_heap *refcount_heap_of(struct tri_mutator *m) {
  return (struct refcount_heap *)tri_counted_heap_of(m);
}

// The count of the object goes down to 0, or to more and the object is not yet a possible root.
void refcount_down_slow(struct tri_mutator *m, tri_ref object);
tri_ref refcount_alloc_slow(struct tri_mutator *m, struct tri_shape shape);
void refcount_weak_set_slow(struct tri_mutator *m, tri_ref weak, tri_ref target);
void refcount_safepoint_slow(struct tri_mutator *m);

static inline void refcount_up(struct tri_mutator *m, tri_ref object) {
  if (tri_is_null(object)) return;
  uint64_t *word = tri_count_word(object);
  *word = tri_count_up(*word, tri_counted_heap_of(m)->stuck_from);
}

static inline void refcount_down(struct tri_mutator *m, tri_ref object) {
  if (tri_is_null(object)) return;
  uint64_t *word = tri_count_word(object), w = *word;
  if (TRI_UNLIKELY(w >= tri_counted_heap_of(m)->stuck_from)) return;
  if (TRI_LIKELY(w >= 2 * TRI_COUNT_ONE && (w & REFCOUNT_GREEN)))
    *word = w - TRI_COUNT_ONE;
  else if (TRI_LIKELY(w >= 2 * TRI_COUNT_ONE && (w & REFCOUNT_BUFFERED)))
    *word = (w - TRI_COUNT_ONE) | REFCOUNT_PURPLE;
  else
    refcount_down_slow(m, object);
}

#define tri_counted_up refcount_up
#define tri_counted_down refcount_down
#include "common/count_barriers.h"

// A root's reference also clears the object of suspicion: when the root goes, its count goes down again.
static inline void refcount_root_set(struct tri_mutator *m, tri_ref *slot, tri_ref value) {
  tri_ref old = *slot;
  if (!tri_is_null(value)) {
    uint64_t *word = tri_count_word(value);
    *word = tri_count_up(*word, tri_counted_heap_of(m)->stuck_from) & ~REFCOUNT_COLOUR;
  }
  *slot = value;
  refcount_down(m, old);
}

static inline void refcount_frame_pop(struct tri_mutator *m, struct tri_frame *frame) {
  tri_ref *slots = tri_frame_slots(frame);
  for (size_t i = 0; i < frame->count; i++) refcount_down(m, slots[i]);
}

// Nothing to do at this collecting point: the fresh object is referenced and free of suspicion, no count is
// 0.
static inline bool refcount_is_settled(const struct refcount_heap *heap) {
  return !heap->pending && *heap->fresh >= TRI_COUNT_ONE &&
         (*heap->fresh & REFCOUNT_COLOUR) != REFCOUNT_PURPLE;
}

static inline tri_ref refcount_alloc(struct tri_mutator *m, struct tri_shape shape) {
  struct refcount_heap *heap = refcount_heap_of(m);
  if (TRI_LIKELY(refcount_is_settled(heap))) {
    tri_ref object =
        tri_counted_alloc(&heap->counted, shape, tri_shape_refs(shape) ? heap->node : REFCOUNT_GREEN);
    if (TRI_LIKELY(!tri_is_null(object))) {
      heap->fresh = tri_count_word(object);
      return object;
    }
  }
  return refcount_alloc_slow(m, shape);
}

static inline void refcount_safepoint(struct tri_mutator *m) {
  tri_plain_safepoint(m);
  if (TRI_UNLIKELY(!refcount_is_settled(refcount_heap_of(m)))) refcount_safepoint_slow(m);
}

#define tri_fast_alloc refcount_alloc
#define tri_fast_root_set refcount_root_set
#define tri_fast_frame_pop refcount_frame_pop
#define tri_fast_weak_set refcount_weak_set_slow
#define tri_fast_safepoint refcount_safepoint
#define tri_cold_attach tri_counted_attach
#define tri_cold_detach tri_counted_detach
#define tri_cold_collect refcount_collect
#define tri_cold_inspect refcount_inspect
#define tri_cold_verify refcount_verify
#define tri_cold_each_block tri_counted_each_block
#define tri_cold_each_size_class tri_block_each_size_class
#define tri_cold_finalizer_add tri_counted_finalizer_add
#define tri_cold_finalizer_next refcount_finalizer_next

#endif
