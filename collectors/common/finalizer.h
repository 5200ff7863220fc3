// Finalizers: the table of registrations and the queue of what became unreachable.
//
// A registration is an object and a cookie; one object may have several. A collection moves the registrations
// of unreached objects to the queue, in the order of registration; what is queued is kept, with all that it
// reaches, until the program takes it. Invariant: the queue has room for every registration, made when it is
// registered, so that a collection allocates nothing.
//
// All unreached objects are queued at once, or (strong_refs is set) in order of dependency, as in Go and
// libgc: what another registered object or the queue reaches has to wait until that one is gone. An object
// that reaches itself is then never queued, and kept.
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
  // Set: in order. The number of strong references of an object, which begin at its address; the context
  // is that of the tracer.
  size_t (*strong_refs)(void *context, tri_ref object);
};

// Cannot fail; not in order. fini frees both arrays.
void tri_finalizers_init(struct tri_finalizers *finalizers);
void tri_finalizers_fini(struct tri_finalizers *finalizers);

// tri_finalizer_add and tri_finalizer_next of a collector (cold.def). Neither collects. TRI_ENOMEM.
enum tri_status tri_finalizers_add(struct tri_finalizers *finalizers, tri_ref object, uint64_t cookie);
tri_ref tri_finalizers_next(struct tri_finalizers *finalizers, uint64_t *cookie);

// Visit the queued objects. The visitor may change *slot.
void tri_finalizers_roots(struct tri_finalizers *finalizers, void (*visit)(void *context, tri_ref *slot),
                          void *context);

// In order only, and before process: trace and drain what the queue holds and what unreached registered
// objects lead to, without the latter themselves. Called by tri_weak_refs_process.
void tri_finalizers_trace_waiting(struct tri_finalizers *finalizers, const struct tri_reach *reach);

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
