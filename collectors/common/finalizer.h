// Finalizers: the table of registrations and the queue of what became unreachable.
//
// A registration is an object and a cookie; one object may have several. A collection moves the registrations
// of unreached objects to the queue, in the order of registration; what is queued is kept, with all that it
// reaches, until the program takes it. Invariant: the queue has room for every registration, made when it is
// registered, so that a collection allocates nothing.
//
// Any attached mutator may add and take (there is a lock); the other calls need the world stopped.
#ifndef TRICOLOR_COMMON_FINALIZER_H
#define TRICOLOR_COMMON_FINALIZER_H

#include "common/actor.h"
#include "common/weak.h"

struct tri_finalizer {
  tri_ref object;
  uint64_t cookie;
};

struct tri_finalizers {
  struct tri_mutex lock;
  struct tri_finalizer *table; // [0, n_table), in order of registration
  struct tri_finalizer *queue; // [first, first + n_queue), first in first out
  size_t n_table, n_queue, first;
  size_t capacity; // of each of the two
};

// Cannot fail. fini frees both arrays.
void tri_finalizers_init(struct tri_finalizers *finalizers);
void tri_finalizers_fini(struct tri_finalizers *finalizers);

// tri_finalizer_add and tri_finalizer_next of a collector (cold.def). Neither collects. TRI_ENOMEM.
enum tri_status tri_finalizers_add(struct tri_finalizers *finalizers, tri_ref object, uint64_t cookie);
tri_ref tri_finalizers_next(struct tri_finalizers *finalizers, uint64_t *cookie);

// Visit the queued objects. The visitor may change *slot.
void tri_finalizers_roots(struct tri_finalizers *finalizers, void (*visit)(void *context, tri_ref *slot),
                          void *context);

// Queue the registrations of all objects that reach->live denies, update the others, then trace and drain
// what was queued. Returns the number queued. Called by tri_weak_refs_process.
size_t tri_finalizers_process(struct tri_finalizers *finalizers, const struct tri_reach *reach);

// For collectors that learn of a death one by one (reference counting): queue the registrations of this
// object. Returns their number. Linear in the number of registrations: ask only for objects known to have
// some. Takes the lock.
size_t tri_finalizers_queue(struct tri_finalizers *finalizers, tri_ref object);

// Metadata held beside the struct.
size_t tri_finalizers_bytes(const struct tri_finalizers *finalizers);

#endif
