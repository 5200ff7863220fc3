// The model of a heap that the oracle believes in: objects, edges, roots and registrations, in plain malloc
// memory that no collector knows. Pure bookkeeping: it never looks into the real heap.
//
// An object is named by its id, an index that is used again after the object is gone; `serial` (it was the
// n-th allocation) is the name that reports use. Invariants:
//   in_slots = edges from nodes, in_roots = root slots, in_soft = edges from weak references and ephemerons,
//   all counted over objects in the model, dangling edges to a freed object included; an object with an
//   address (ref) that is not freed is found in `addresses` under it, and nothing else is.
//
// An object without in_slots and in_roots may still be held by a C local of the mutator, until its next call
// that may collect: it waits in `limbo` (model_settle). Cycles of garbage are found by tracing.
//
// Used by shadow.c and pass.c only; one caller at a time. Out of memory ends the process (status 3): the
// oracle is the harness's own, no heap under test shares its memory.
#ifndef TRICOLOR_CHECK_MODEL_H
#define TRICOLOR_CHECK_MODEL_H

#include "tricolor/types.h"

// --- a hash table from an address to an id; cleared in constant time ---------------------------------------

struct model_entry {
  uintptr_t key;
  uint32_t id;
  uint32_t stamp; // valid if equal to the map's
  union {
    struct {
      uint32_t writer; // roots: number of the call that wrote it
      uint32_t seen;   // roots: the pass that visited it
    };
    uint64_t words; // starts: a bit per word of the line
  };
};

struct model_map {
  struct model_entry *entry;
  size_t capacity; // a power of two, or 0
  size_t count;
  uint32_t stamp;
};

void model_map_clear(struct model_map *map);
struct model_entry *model_map_find(const struct model_map *map, uintptr_t key); // NULL: absent
struct model_entry *model_map_insert(struct model_map *map, uintptr_t key);     // new entries have id 0
void model_map_remove(struct model_map *map, uintptr_t key);

// --- the graph
// ----------------------------------------------------------------------------------------------

struct model_edge {
  uint32_t id;     // target, 0: null
  uint32_t writer; // number of the call that wrote it
};

enum model_flag {
  MODEL_USED = 1,  // this id names an object
  MODEL_FREED = 2, // gone (tri_free, or reclaimed); edges to it may be left, nobody may follow them
  MODEL_LIMBO = 4, // in limbo
  MODEL_DIED = 8,  // a finalizer handed it, or what holds it, out: it was unreachable until then
  MODEL_STALE = 16, // a weak object: its slot 0 was set before what it refers to died; twice that: slot 1
};

struct model_object {
  tri_ref ref;    // present address; null: unknown until a finalizer hands it out
  tri_ref before; // address before the last collection
  struct tri_shape shape;
  uint64_t payload; // its hash in snapshot number `hashed`
  uintptr_t via;    // how the last pass came here: slot index in `parent`, or address of a root slot
  uint32_t parent;
  uint32_t hashed;
  uint32_t first; // edges[first …]
  uint32_t in_slots, in_roots, in_soft;
  uint32_t mark; // the last trace or pass that reached it
  uint32_t serial;
  uint32_t turn; // of its mutator when it was allocated: fresh as long as that has not changed
  uint16_t pins, finalizers;
  uint8_t flags, mutator;
};

struct model_registration {
  uint32_t id;
  bool dead;   // the object was seen unreachable: the collector may hand it out
  bool due;    // … from no other registered object, nor from the queue: a full collection has to queue it
  bool before; // was due when model_due was last asked
  bool maybe;  // was dead then: perhaps in the queue, which holds the object
  uint64_t cookie;
};

struct model {
  struct model_object *object;
  uint32_t n_objects, object_capacity; // ids in use are below n_objects; 0 is none
  uint32_t free_ids;                   // list linked by `first`
  uint32_t live;                       // objects neither freed nor gone
  uint64_t live_bytes;                 // their extents
  struct model_edge *edge;
  uint32_t n_edges, edge_capacity;
  uint32_t free_edges[26]; // blocks of 2^i edges, linked by id of their first edge
  struct model_map addresses, roots;
  struct model_map starts; // by line of memory: which of its words `addresses` has
  uint32_t *limbo, n_limbo, limbo_capacity;
  uint32_t *stack, n_stack, stack_capacity;
  uint32_t *ephemerons, n_ephemerons, ephemeron_capacity; // met by the running trace, value not yet reached
  struct model_registration *registration;
  uint32_t n_registrations, registration_capacity;
  uint32_t mark; // the last one given out
  uint32_t serial;
};

struct model *model_new(void);        // maybe one that model_free kept
void model_free(struct model *model); // its memory is kept for the next model_new

static inline bool model_alive(const struct model_object *o) {
  return (o->flags & (MODEL_USED | MODEL_FREED)) == MODEL_USED;
}
static inline struct model_edge *model_edges(const struct model *model, const struct model_object *o) {
  return o->first ? model->edge + o->first : model->edge; // which may be NULL
}

// A new object at an address that no other live object has.
uint32_t model_add(struct model *model, tri_ref ref, struct tri_shape shape);

// The live object at that address, or 0.
uint32_t model_at(const struct model *model, tri_ref ref);

// The address of the first live object in [from, to), or null. Objects at odd addresses may be left out.
tri_ref model_next(const struct model *model, uintptr_t from, uintptr_t to);

// All objects are about to get another address.
void model_clear_addresses(struct model *model);

// Give an object another address (null: unknown). The caller has cleared the addresses, or it had none.
void model_place(struct model *model, uint32_t id, tri_ref ref);

void model_set_edge(struct model *model, uint32_t id, size_t i, uint32_t target, uint32_t writer);
// Slot i of a weak object was set before what it refers to died and came back through a finalizer: the collector
// may have cleared it in between.
static inline bool model_is_stale(const struct model *model, uint32_t id, size_t i) {
  return model->object[id].flags & MODEL_STALE << i;
}
void model_set_root(struct model *model, tri_ref *slot, uint32_t target, uint32_t writer);

// The object is gone. Its own edges end; edges to it stay until they are overwritten.
void model_forget(struct model *model, uint32_t id);

// A C local holds the object from now on: it stays until model_settle.
void model_hold(struct model *model, uint32_t id);

void model_register(struct model *model, uint32_t id, uint64_t cookie);
// Which registrations fall due: unreachable(context, id) says of an object that only its own finalizers keep
// it. One that is in the queue for an earlier registration is kept by the queue.
void model_due(struct model *model, bool (*unreachable)(const void *context, uint32_t id),
               const void *context);
void model_unregister(struct model *model, uint32_t index);

// No C local holds a reference any more: forget what waits in limbo and is not referenced.
void model_settle(struct model *model);

// Push on the stack, if need be grown.
void model_push(struct model *model, uint32_t **stack, uint32_t *n, uint32_t *capacity, uint32_t id);

// Mark from the roots, or from more objects, to the fixpoint of ephemerons. All that is reached and has no
// mark of at least `floor` gets `mark`.
void model_trace_roots(struct model *model, uint32_t mark);
void model_trace_from(struct model *model, uint32_t id, uint32_t floor, uint32_t mark);

// Of the unmarked (mark < floor): give `mark` to those on a cycle of unmarked ones and to what these reach:
// what plain reference counting cannot reclaim.
void model_trace_cycles(struct model *model, uint32_t floor, uint32_t mark);

// Forget all objects with a mark below floor.
void model_sweep(struct model *model, uint32_t floor);

// Is the object unreachable? Traces if counts do not tell. When `settled` (no C local holds a reference),
// garbage met by the way is forgotten.
bool model_unreachable(struct model *model, uint32_t id, bool settled);

#endif
