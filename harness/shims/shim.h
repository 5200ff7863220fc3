// Shims: collector records that wrap another record. A shim sees every call and every event of a heap and may
// change them; mutators, frames and handles are shared with what it wraps, nothing is doubled. Shims stack.
//
// A shim is a class, a record and, per heap, a state:
//   record   the inner record copied, with some entries replaced by `override`. heap_create and heap_destroy
//            belong to this file. Memory of the caller, which keeps it as long as heaps made with it live.
//   state    begins with struct tri_shim; made by `open`, found by tri_shim_find in a replaced call, which does its
//            work and forwards to state->inner's entry of the same name
//
//   static void count_store(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
//     struct count *count = (struct count *)tri_shim_find(m->heap, &count_class);
//     count->stores++;
//     count->shim.inner->store(m, object, i, value);
//   }
//
// Events pass the shims from the collector outwards, then reach the program's own sink. A class stands at most
// once on a heap. A shim that serves several mutators may hold a lock of its own around inner calls that cannot
// collect (tricolor.h), never around those that can: the stopper would wait for it for ever.
#ifndef TRICOLOR_SHIMS_SHIM_H
#define TRICOLOR_SHIMS_SHIM_H

#include "tricolor/tricolor.h"

struct tri_shim_class;

struct tri_shim {
  struct tri_shim *next; // towards the collector
  const struct tri_shim_class *class;
  const struct tri_collector *inner; // what this shim forwards to
  struct tri_event_sink outer;       // told of events after this shim
};

struct tri_shim_record {
  struct tri_collector record; // first: this is the collector that a program sees
  const struct tri_collector *inner;
  const struct tri_shim_class *class;
  const void *options; // the class's own
};

struct tri_shim_class {
  const char *name;
  // Replace entries of a copy of the inner record; may change its claims.
  void (*override)(struct tri_collector *record);
  // Make the state for one heap, before the inner heap exists; NULL when out of memory. The common part is
  // filled in afterwards.
  struct tri_shim *(*open)(const struct tri_shim_record *record, const struct tri_heap_config *config);
  // After the heap was made, and before it is destroyed. Both may be NULL.
  void (*opened)(struct tri_shim *shim, struct tri_heap *heap);
  void (*closing)(struct tri_shim *shim, struct tri_heap *heap);
  // Undo open: the heap is gone, or was never made.
  void (*close)(struct tri_shim *shim);
  // Sees an event before the outer sink does; conditions as for a sink. May be NULL. May come before opened.
  void (*event)(struct tri_shim *shim, struct tri_heap *heap, const struct tri_event *event);
};

// Fill in *record and return the collector in it. options may be NULL if the class allows it.
const struct tri_collector *tri_shim_wrap(struct tri_shim_record *record, const struct tri_collector *inner,
                                          const struct tri_shim_class *class, const void *options);

// The state of that class on a heap, or NULL.
static inline struct tri_shim *tri_shim_find(const struct tri_heap *heap, const struct tri_shim_class *class) {
  struct tri_shim *shim = heap->shims;
  while (shim && shim->class != class) shim = shim->next;
  return shim;
}

#endif
