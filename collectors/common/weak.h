// Weak references and ephemerons (Hayes 1997) for tracing collectors, moving or not, with the world stopped.
//
// The tracer hands over each weak object that it scans; when it has no grey objects left, one call does the
// rest, in this order:
//   1. ephemerons to the fixpoint: a value is traced when its key has been reached by other ways
//   2. weak references to what is not reached are cleared, ephemerons without their key as well (both slots)
//   3. finalizable objects that were not reached are queued (in order: without those that others of them
//      reach); all that is queued, now or earlier, and what it reaches is traced (finalizer.h)
//   4. weak references and ephemerons that only step 3 has reached: again 1 and 2, against all that is now
//   kept
// So a weak reference that the program can see is cleared before the finalizer of its target is queued; one
// that is itself seen only through a queued object is cleared only if its target is not kept. An ephemeron
// whose key is null holds nothing: its value is cleared.
//
// Nothing here fails: what is discovered is linked through the tags of the discovered objects themselves
// (their sizes follow from their kind, so those bits of the tag are free while the world is stopped; kind and
// lent bits stay). Pending ephemerons are chained in a hash table by their unreached key, so that the
// fixpoint takes time linear in the objects and ephemerons. Only the table's growth takes memory; without it
// chains get longer.
//
// Needed of the collector: objects with the common tag (object.h), addresses below 2^47, a tracer that looks
// at the tag of a weak object for the last time before it hands it over.
#ifndef TRICOLOR_COMMON_WEAK_H
#define TRICOLOR_COMMON_WEAK_H

#include "tricolor/object.h"

struct tri_finalizers;

// What the collector lends: its tracer.
struct tri_reach {
  // Has the object at *slot (not null) been reached? If so, its present address is stored in *slot.
  bool (*live)(void *context, tri_ref *slot);
  // Reach the object at *slot (or null): mark or copy it, make it grey, store its present address.
  void (*trace)(void *context, tri_ref *slot);
  // Trace until no grey object is left.
  void (*drain)(void *context);
  void *context;
};

enum { TRI_WEAK_FIRST_BUCKETS = 64 };

struct tri_weak_refs {
  struct tri_reach reach;
  tri_ref deferred; // list of objects to be discovered
  tri_ref weak;     // list of discovered weak references
  tri_ref pending;  // list of ephemerons whose key was not reached when they were scanned
  tri_ref ready;    // list of ephemerons whose key has been reached since
  size_t n_keyed;   // ephemerons in the table; 0 outside the fixpoint
  tri_ref *buckets; // lists of ephemerons by hash of their key's (old) address
  size_t n_buckets; // a power of two
  bool fixpoint;    // discovered ephemerons go to the table
  uint64_t cleared; // total of weak references and ephemerons cleared
  tri_ref first_buckets[TRI_WEAK_FIRST_BUCKETS];
};

// Cannot fail. The struct must not move afterwards. fini frees the table.
void tri_weak_refs_init(struct tri_weak_refs *weak, const struct tri_reach *reach);
void tri_weak_refs_fini(struct tri_weak_refs *weak);

// The tracer scans a weak reference or ephemeron (at its present address; its slots as the mutator left
// them). Called once per such object and collection, instead of tracing its slots. May call live and trace.
void tri_weak_refs_discover(struct tri_weak_refs *weak, tri_ref object);

// For a tracer that lets the mutators run meanwhile: the same, but the object is looked at by
// tri_weak_refs_process only, as it is then. Until that, its tag holds a link; kind and lent bits stay.
void tri_weak_refs_defer(struct tri_weak_refs *weak, tri_ref object);

void tri_weak_refs_reached_key(struct tri_weak_refs *weak, tri_ref object);

// The tracer has reached the object, once, under the address that slots had for it before the collection. To
// be called for every object between its mark (or its copy) and the end of drain. A load and a branch unless
// a fixpoint is on its way. Calls nothing back.
static inline void tri_weak_refs_reached(struct tri_weak_refs *weak, tri_ref object) {
  if (TRI_UNLIKELY(weak->n_keyed)) tri_weak_refs_reached_key(weak, object);
}

// Steps 1 to 4, after the roots were traced and drained; what is queued is no root. finalizers may be NULL.
// Afterwards all tags are as they were, and the lists are empty.
void tri_weak_refs_process(struct tri_weak_refs *weak, struct tri_finalizers *finalizers);

// Metadata held beside the struct.
size_t tri_weak_refs_bytes(const struct tri_weak_refs *weak);

#endif
