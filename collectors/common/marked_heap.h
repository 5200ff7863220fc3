// A heap that is marked and swept in place: what the mark-sweep collectors (marksweep, yuasa, sticky,
// wbcheck) share.
//
// Small objects are cells of blocks, larger ones stand in pages (common/spaces.h); each mutator allocates in
// runs of its own. Marking goes through the tracer, and looks again at what a full mark stack dropped; weak
// references, ephemerons and finalizers follow (common/weak.h); small objects are swept lazily, by who wants
// memory, large ones at once. When a collection begins, how far it goes and who may run meanwhile are the
// collector's.
//
// Invariants: runs belong to their mutators while the world runs, and are retired before marking begins and
// before it ends; all blocks are swept before marking begins; heap->lock guards spaces, tracer and kept while
// the world runs.
#ifndef TRICOLOR_COMMON_MARKED_HEAP_H
#define TRICOLOR_COMMON_MARKED_HEAP_H

#include "common/actor.h"
#include "common/finalizer.h"
#include "common/spaces.h"
#include "common/tracer.h"
#include "common/weak.h"
#include "tricolor/tricolor.h"

struct tri_marked_heap {
  struct tri_heap base;
  struct tri_mutex lock;
  struct tri_spaces spaces;
  struct tri_tracer tracer;
  struct tri_weak_refs weak;
  struct tri_finalizers finalizers;
  struct tri_mark_stack kept; // of what barriers have kept: what `take` has put here
  void (*take)(struct tri_marked_heap *heap, tri_ref object); // NULL: barriers keep nothing
  uint32_t buffer_entries;
  uint64_t round;              // lent bits of the weak objects that this collection has scanned: 2 or 4
  uint64_t marked_objects;     // total
  size_t bytes, mutator_bytes; // of the collector's heap, and of each mutator
};

struct tri_marked_mutator {
  struct tri_mutator base;
  struct tri_run runs[TRI_SIZE_CLASSES];
};

enum { TRI_BUFFER_ENTRIES = 64 };

struct tri_buffered_mutator {
  struct tri_marked_mutator marked;
  uint32_t n_buffer;                  // below heap->buffer_entries while the mutator runs
  tri_ref buffer[TRI_BUFFER_ENTRIES]; // kept by its barrier, and not yet taken
};

static inline struct tri_marked_heap *tri_marked_heap_of(struct tri_heap *heap) {
  return (struct tri_marked_heap *)heap;
}

// A new heap of `bytes`, which begins with struct tri_marked_heap; the rest is zero. mutator_bytes: of the
// collector's mutators, which begin with struct tri_marked_mutator. own: the values of marked_options.def.
// TRI_ENOMEM: *out is left alone. The caller owns the heap.
enum tri_status tri_marked_heap_new(size_t bytes, size_t mutator_bytes, const struct tri_collector *self,
                                    const struct tri_heap_config *config, const int64_t *own,
                                    struct tri_heap **out);

// tri_heap_destroy, tri_attach and tri_detach. Detaching takes what the mutator's barrier has kept.
void tri_marked_heap_delete(struct tri_heap *heap);
enum tri_status tri_marked_attach(struct tri_heap *heap, struct tri_mutator **m);
void tri_marked_detach(struct tri_mutator *m);

// tri_finalizer_add and tri_finalizer_next.
enum tri_status tri_marked_finalizer_add(struct tri_mutator *m, tri_ref object, uint64_t cookie);
tri_ref tri_marked_finalizer_next(struct tri_mutator *m, uint64_t *cookie);

// ------------------------------------------------------------------------------------------------ allocation

// The inline path: an object from the mutator's run of its class. TRI_NULL: take the slow path.
static inline tri_ref tri_marked_alloc(struct tri_mutator *m, struct tri_shape shape) {
  return tri_runs_alloc(((struct tri_marked_mutator *)m)->runs, shape);
}

// Any object of a checked shape, from whatever memory is free, with the lock held or the world stopped (a
// tri_try_alloc_fn of common/slow_alloc.h). Does not collect. TRI_NULL: out of memory.
tri_ref tri_marked_alloc_any(struct tri_mutator *m, struct tri_shape shape);

// --------------------------------------------------------------------------------------------------- barrier
//
// What a mutator's barrier keeps goes to its buffer, without a lock; the collector takes it from there when
// the buffer is full, when the mutator detaches, or when it asks for it (Detlefs et al. 2004).

// Mutators begin with struct tri_buffered_mutator, and fill `entries` of its buffer, 1 to TRI_BUFFER_ENTRIES.
// take is given each object that was kept, with the lock held or the world stopped. For a new heap.
void tri_marked_make_buffered(struct tri_marked_heap *heap, int64_t entries,
                              void (*take)(struct tri_marked_heap *heap, tri_ref object));

// Keep an object. Does not collect; yields where the buffer is full.
void tri_marked_keep(struct tri_mutator *m, tri_ref object);

// Take all that is in buffers. With the world stopped.
void tri_marked_take(struct tri_marked_heap *heap);

// Visit what is in buffers, and heap->kept. False when a visitor ended it. As tri_each_grey.
bool tri_marked_each_kept(struct tri_heap *heap, tri_grey_fn *visit, void *context);

// ----------------------------------------------------------------------------------------------- generations
//
// With sticky marks (Demers et al. 1990) what is marked between collections is old: it has survived one. A
// lent bit of the tag says for the barrier that an object is old, and that no store to it has been recorded.

#define TRI_MARKED_OLD UINT64_C(8)

// Marks stay from now on. For a new heap.
void tri_marked_make_sticky(struct tri_marked_heap *heap);

// Of a heap that is sticky: the object is old, and not recorded.
static inline bool tri_marked_is_old(tri_ref object) {
  return TRI_UNLIKELY(TRI_RELAXED_LOAD(tri_tag(object)) & TRI_MARKED_OLD);
}

// Record that the object has been written to: who calls this sees to it that tri_marked_scan is called for it
// in the next minor collection. Any mutator.
static inline void tri_marked_record(tri_ref object) {
  uint64_t *tag = tri_tag(object);
  TRI_RELAXED_STORE(tag, TRI_RELAXED_LOAD(tag) & ~TRI_TAG_LENT);
}

// After tri_marked_begin: all objects are young again, so that this collection is a full one.
void tri_marked_clear(struct tri_marked_heap *heap);

// --------------------------------------------------------------------------------------------------- marking
//
// All with the world stopped, by tri_world_stop, or by this, which waits for others' collections to end
// first: they may be lazy, and of another kind.
void tri_marked_stop(struct tri_mutator *m);

// A whole collection:
//   tri_marked_begin, tri_marked_trace each root, tri_marked_drain, tri_marked_weak, tri_marked_sweep

static inline uintptr_t tri_marked_cell(tri_ref object) { return object.bits - TRI_TAG_BYTES; }

static inline bool tri_marked_is(const struct tri_marked_heap *heap, tri_ref object) {
  uintptr_t cell = tri_marked_cell(object);
  return TRI_LIKELY(tri_block_space_has(&heap->spaces.blocks, cell))
             ? tri_cell_marked(&heap->spaces.blocks, cell)
             : tri_large_marked(&heap->spaces.large, cell);
}

// Mark the object; true when it was not marked before. With the lock held while the world runs.
static inline bool tri_marked_mark(struct tri_marked_heap *heap, tri_ref object) {
  uintptr_t cell = tri_marked_cell(object);
  if (!(TRI_LIKELY(tri_block_space_has(&heap->spaces.blocks, cell))
            ? tri_cell_mark(&heap->spaces.blocks, cell)
            : tri_large_mark(&heap->spaces.large, cell)))
    return false;
  heap->marked_objects++;
  tri_weak_refs_reached(&heap->weak, object);
  return true;
}

// Retire all runs, end the last sweep; marks are legal from now on. mutators_run: before marking ends; what
// they allocate is then black.
void tri_marked_begin(struct tri_marked_heap *heap, bool mutators_run);

// A root visitor (tri_root_fn): reach what *slot refers to.
void tri_marked_trace(void *heap, tri_ref *slot);

// Mark and scan until nothing is grey. Emits RESCAN.
void tri_marked_drain(void *heap);

// The same, but look at no more than `units` references, where no overflow is to be dealt with. Returns what
// is left of units; if that is not 0, nothing is grey.
size_t tri_marked_step(struct tri_marked_heap *heap, size_t units);

// Scan a marked object; where there are generations, it is old from now on, and nothing is recorded of it.
void tri_marked_scan(struct tri_marked_heap *heap, tri_ref object);

// Emit WEAK and deal with weak references, ephemerons and finalizers, when nothing is grey.
void tri_marked_weak(struct tri_marked_heap *heap);

// Retire all runs and emit SWEEP; what is unmarked is garbage from now on. Large objects are freed, small
// ones as their blocks are wanted, or by tri_sweep_finish.
void tri_marked_sweep(struct tri_marked_heap *heap);

// After that: the bytes that have survived.
size_t tri_marked_live_bytes(const struct tri_marked_heap *heap);

// Give free memory back to the system; the sweep has ended.
void tri_marked_trim(struct tri_marked_heap *heap);

// --------------------------------------------------------------------------------------------------- looking

// The shape in a tag, which of a weak object may hold a link while marking goes on.
static inline struct tri_shape tri_marked_shape(uint64_t tag) {
  struct tri_shape shape = tri_tag_shape(tag);
  if (TRI_LIKELY(tri_shape_kind(shape) == TRI_NODE)) return shape;
  return tri_shape_kind(shape) == TRI_WEAK ? TRI_WEAK_SHAPE : TRI_EPHEMERON_SHAPE;
}

// tri_marking of a collector that stops the mutators while it marks.
enum tri_status tri_marked_marking(struct tri_heap *heap, struct tri_marking *marking);

// tri_each_grey: what is on the mark stack.
bool tri_marked_each_grey(struct tri_heap *heap, tri_grey_fn *visit, void *context);

// tri_each_block: blocks of small objects.
bool tri_marked_each_block(struct tri_heap *heap, tri_block_fn *visit, void *context);

// tri_walk, tri_inspect, tri_verify.
bool tri_marked_walk(struct tri_heap *heap, tri_walk_fn *visit, void *context);
enum tri_status tri_marked_inspect(struct tri_heap *heap, tri_ref ref, struct tri_object_info *info);
size_t tri_marked_verify(struct tri_heap *heap, const struct tri_reporter *reporter);

// tri_stats_fill. Who holds memory outside of its heap and mutators adds that to metadata and mapped bytes.
void tri_marked_stats_fill(struct tri_heap *heap, struct tri_stats *stats);

#endif
