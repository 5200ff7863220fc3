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
// Used by the shadow only; one caller at a time. Out of memory ends the process (status 3): the oracle is the
// harness's own, no heap under test shares its memory.
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

// --- the graph ---------------------------------------------------------------------------------------------

struct model_edge {
  uint32_t id;     // target, 0: null
  uint32_t writer; // number of the call that wrote it
};

enum model_flag {
  MODEL_USED = 1,  // this id names an object
  MODEL_FREED = 2, // gone (tri_free, or reclaimed); edges to it may be left, nobody may follow them
  MODEL_LIMBO = 4, // in limbo
  MODEL_DIED = 8,  // struct model_registration says what these two mean
  MODEL_STALE = 16,
};

// Instead of a snapshot's number: a finalizer holds it, nobody can write the payload until it is handed out.
#define MODEL_HASH_HELD UINT32_MAX

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

// A finalizer that was not handed out yet. Nobody can look into the queue: the model has bounds of what is
// in it.
//
//   dead  It may be in the queue: its object was unreachable when a collection ended, or when the queue was
//         asked (counting fills it in between). Only such a one is handed out (W3b); at most these are queued
//         (W3d).
//   due   It is in the queue since the full collection that had this mark, or earlier (what is old, a minor one
//         leaves): its object was unreachable, and nothing
//         that may be in the queue led there, neither another registered object (which is queued first is the
//         collector's affair) nor another registration of the same one. At least these are queued (W3d), and
//         that collection has cleared what referred to the object weakly (W1b, W2b). Later ones do not have
//         to: what the program sets to it by way of the queue stays.
//
// model_collected sets both, model_asked sets `dead`, model_revived takes both back. Whatever they say, what
// a registered object reaches is kept, intact (W3c).
//
// What is handed out lives again, and so does what it reaches, by way of weak references and ephemerons too: those
// that only finalizers held need not be cleared. Two flags remember (model_handed_out):
//
//   MODEL_DIED   The object was unreachable. Another registration of it may be in the queue for good, whoever
//                reaches it by now: model_revived takes nothing back, W1b and W2b ask for nothing.
//   MODEL_STALE  Of a weak object: its target or key was unreachable since it was set. The collector may have
//                cleared it then: W1a and W2a ask for nothing, until it is set again.
struct model_registration {
  uint32_t id, due; // due 0: it is not
  bool dead;
  uint64_t cookie;
};

struct model_ids {
  uint32_t *id, n, capacity;
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
  struct model_ids limbo, stack;
  struct model_ids ephemerons; // met by the running trace, value not yet reached
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
void model_clear_edges(struct model *model, uint32_t id); // all of the object, strong or weak
void model_set_root(struct model *model, tri_ref *slot, uint32_t target, uint32_t writer);

// The object is gone. Its own edges end; edges to it stay until they are overwritten.
void model_forget(struct model *model, uint32_t id);

// A C local holds the object from now on: it stays until model_settle.
void model_hold(struct model *model, uint32_t id);

void model_register(struct model *model, uint32_t id, uint64_t cookie);
// A collection has ended. Marks: `held` what other registered objects reach, a lower one than `reached` what
// nobody does, any other what the program reaches.
void model_collected(struct model *model, bool full, uint32_t reached, uint32_t held);
// The queue was asked, and has handed out registrations that no collection has seen dead.
void model_asked(struct model *model);
// The queue has handed out a registration: it is gone, and the object lives again.
void model_handed_out(struct model *model, uint32_t index);
// A weak reference has led the program to the object.
void model_revived(struct model *model, uint32_t id);

// No C local holds a reference any more: forget what waits in limbo and is not referenced.
void model_settle(struct model *model);

void model_push(struct model_ids *ids, uint32_t id);

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
