// Copying collection as in Cheney (1970): what is reached in from-space is copied to the end of to-space,
// which serves as the queue of grey objects; a forwarding pointer in the old tag (object.h) says where an
// object went.
//
// Two things are added. A first-in-first-out queue of slots runs ahead of the copying and prefetches the tags
// they refer to (Cher, Hosking, Vijaykumar 2004), which leaves the order of the copies as it is. And large
// objects, in a space of their own, are marked instead of copied; a grey one is linked through the word
// before its tag, so a collection needs no memory but to-space.
//
// The caller provides to-space for all that was allocated in from-space before it begins: nothing here can
// fail. With the world stopped, one thread.
#ifndef TRICOLOR_COMMON_COPY_H
#define TRICOLOR_COMMON_COPY_H

#include "common/finalizer.h"
#include "common/large_space.h"
#include "common/report.h"
#include "common/weak.h"
#include "tricolor/collector.h"

struct tri_copier {
  struct tri_weak_refs weak;
  struct tri_finalizers finalizers;
  struct tri_large_space *large;       // or NULL
  uintptr_t from, from_bytes;          // from-space; 0 bytes when no collection is on its way
  uintptr_t scan, next;                // to-space: black below scan, grey in [scan, next), free from next on
  uintptr_t grey_large;                // list of marked large objects not yet scanned, by start
  uint64_t copied, marked_large;       // objects, of this collection
  uint64_t total_objects, total_bytes; // of all collections; bytes: of copied ones only
};

// Cannot fail. The struct must not move afterwards.
void tri_copier_init(struct tri_copier *copier, struct tri_large_space *large);
void tri_copier_fini(struct tri_copier *copier);

// Copy what is reachable in [from, from_end) to `to` and the addresses after it (mapped and unpoisoned as far
// as needed), mark the reachable large objects, and deal with weak references, ephemerons and finalizers. All
// roots and slots are updated. Emits ROOTS, MARK and WEAK. Returns the end of what was copied.
uintptr_t tri_copier_run(struct tri_copier *copier, struct tri_heap *heap, uintptr_t from, uintptr_t from_end,
                         uintptr_t to);

// --- large objects: one word for the list of grey ones, then the tag

enum { TRI_LARGE_HEADER = 16 };

static inline tri_ref tri_large_ref(uintptr_t start) { return (tri_ref){start + TRI_LARGE_HEADER}; }
static inline uintptr_t tri_large_start(tri_ref object) { return object.bits - TRI_LARGE_HEADER; }
static inline size_t tri_large_object_bytes(struct tri_shape shape) {
  return tri_object_bytes(shape) + TRI_LARGE_HEADER - TRI_TAG_BYTES;
}

// --- contiguous memory: objects without gaps. A filler stands in for the unused end of an allocation region

#define TRI_FILLER_MARK UINT64_C(2) // in the low three bits: neither a tag (odd) nor a forwarding pointer (0)

// Write a filler over [from, to), which may be empty; only its first word is written.
static inline void tri_fill_gap(uintptr_t from, uintptr_t to) {
  if (from < to) *(uint64_t *)from = (to - from) << 3 | TRI_FILLER_MARK;
}

// Visit the objects in [from, to). False when a visitor ended it or the memory cannot be parsed.
bool tri_contiguous_walk(uintptr_t from, uintptr_t to, tri_walk_fn *visit, void *context);

// Visit the large objects.
bool tri_large_walk(struct tri_large_space *large, tri_walk_fn *visit, void *context);

// Check that objects and fillers tile [from, to), that none is forwarded, and that every slot, root,
// registered and queued finalizer refers to an object there or to a large object. Between collections.
void tri_copier_verify(struct tri_copier *copier, struct tri_heap *heap, uintptr_t from, uintptr_t to,
                       struct tri_findings *findings);

#endif
