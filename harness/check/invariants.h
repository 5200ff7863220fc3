// The table of invariants: numbered rows, each one function that judges one subject.
//
// Families (the letters are those of the literature's catalogue; other families join with their collectors):
//   A  arguments: the program under test keeps the contract itself
//   S  safety: reachable objects intact, one copy each, disjoint, zeroed when fresh
//   L  liveness and accounting
//   C  copying: no stale address, pins, identity
//   R  reference counts
//   W  weak references, ephemerons, finalizers
//   M  marking: colours, barriers, termination
//   G  generations: the remembered set, ages
//   I  blocks and their units (cells, lines)
//   T  termination
//   D  determinism, and one outcome on all collectors
//
// Rows of M, G and I judge what a collector tells of itself (introspect.h) against the model, so that a lost
// barrier is seen where it is lost and not where an object is missed.
//
// The shadow (shadow.h) finds the subjects and fills in a view; a row says whether its invariant holds for
// it. Subjects of rows that take no more than a comparison come here only when that has failed. Rows know
// capabilities, never collectors. A row that needs claims which a heap does not make is skipped there, and
// the summary says so.
#ifndef TRICOLOR_CHECK_INVARIANTS_H
#define TRICOLOR_CHECK_INVARIANTS_H

#include "check/model.h"
#include "tricolor/tricolor.h"

// What is judged, and so when. TRI_WHEN(name, text)
#define TRI_WHEN_TABLE                                                                                       \
  TRI_WHEN(ARGUMENT, "each reference passed to a call")                                                      \
  TRI_WHEN(INDEX, "each slot index passed to a call")                                                        \
  TRI_WHEN(INIT, "each initialising store")                                                                  \
  TRI_WHEN(FRAME, "each pop of a frame, and detach")                                                         \
  TRI_WHEN(SAME, "each comparison of identity")                                                              \
  TRI_WHEN(ALLOC, "each new object")                                                                         \
  TRI_WHEN(FAILED, "each failed allocation")                                                                 \
  TRI_WHEN(ROOT, "each root slot, at the end of a collection")                                               \
  TRI_WHEN(SLOT, "each reference read, and each reachable slot at the end of a collection")                  \
  TRI_WHEN(OBJECT, "each reachable object, at the end of a collection")                                      \
  TRI_WHEN(COUNT, "each reachable object, at the end of a collection that has swept")                        \
  TRI_WHEN(EXTENT, "each object of a heap walk")                                                             \
  TRI_WHEN(WEAK, "each weak reference read, and each at the end of a collection")                            \
  TRI_WHEN(EPHEMERON, "each ephemeron read, and each at the end of a collection")                            \
  TRI_WHEN(FINALIZER, "each object taken from the finalizer queue")                                          \
  TRI_WHEN(HEAP, "the heap, at the end of a collection")                                                     \
  TRI_WHEN(COUNTER, "each law of a counter, at the end of a collection and in the phases of marking")        \
  TRI_WHEN(WALK, "the heap walk, at the end of a collection that has swept")                                 \
  TRI_WHEN(FULL, "the heap, at the end of a full collection that has swept")                                 \
  TRI_WHEN(BLACK_EDGE, "each edge of a black object or root, between steps of marking")                      \
  TRI_WHEN(DELETED, "each edge overwritten since marking began, between its steps")                          \
  TRI_WHEN(BORN, "each object allocated during marking")                                                     \
  TRI_WHEN(QUEUE, "what marking has yet to look at, when it has ended")                                      \
  TRI_WHEN(MARKED, "each reachable object, when marking has ended")                                          \
  TRI_WHEN(ZOMBIE, "each block, when marking has ended")                                                     \
  TRI_WHEN(OLD_SLOT, "each slot that refers to a younger generation, around a collection")                   \
  TRI_WHEN(ENTRY, "each entry of the remembered set, around a collection")                                   \
  TRI_WHEN(AGE, "each object that survived a collection")                                                    \
  TRI_WHEN(BLOCK, "each block, at the end of a collection")                                                  \
  TRI_WHEN(PLACE, "each object of a heap walk that lies in a block")                                         \
  TRI_WHEN(RUN, "each run of a program")                                                                     \
  TRI_WHEN(REPEAT, "each run of a program that was repeated")                                                \
  TRI_WHEN(OUTCOME, "each run of a program that ran on another collector, too")

enum tri_when {
#define TRI_WHEN(name, text) TRI_WHEN_##name,
  TRI_WHEN_TABLE
#undef TRI_WHEN
      TRI_WHENS
};
const char *tri_when_text(enum tri_when when);

// One subject, as far as its `when` says. Filled in by the shadow.
struct tri_view {
  const struct tri_heap *heap;
  char text[240]; // what a row found: one sentence without a full stop

  // Where: an object of the model (0: none) and one of its slots, or a root slot.
  uint32_t object;
  size_t slot;
  const tri_ref *root;

  const char *call;           // ARGUMENT, INDEX, INIT: the call's name
  tri_ref ref;                // ARGUMENT, ALLOC, SLOT, WEAK …: the real reference
  size_t index, count, limit; // INDEX

  bool answer, expected; // SAME: real and modelled

  struct tri_shape shape; // ALLOC, FAILED: asked for; OBJECT: in the model
  size_t dirty;           // ALLOC: offset of the first byte that is not zero, SIZE_MAX: none
  uint32_t overlapped;    // ALLOC: reachable object that occupies the same memory, 0: none
  enum tri_status status; // FAILED: of the mutator afterwards
  enum tri_status wanted; // FAILED: what the shape alone calls for
  uint64_t needed, room;  // FAILED: bytes needed by the most wasteful collector, and the limit

  const struct model_object *target; // SLOT, WEAK, EPHEMERON: what the model has there, NULL: null
  uint32_t claimed;                  // SLOT: the object that was found at `ref` otherwise, 0: none
  bool allocated;                    // SLOT: the collector knows an object at `ref`
  bool visited;                      // SLOT: the target was found otherwise
  bool faulted;                      // SLOT: reading there faulted

  const struct model_object *model;    // OBJECT, COUNT
  const struct tri_object_info *info;  // OBJECT, COUNT, EXTENT; NULL where the collector tells nothing
  struct tri_shape shape_call;         // OBJECT: what tri_shape says
  uint64_t payload;                    // OBJECT: hash now, if it was known before
  const struct tri_object_info *after; // EXTENT: the next object by address, or NULL

  bool reachable;              // WEAK, EPHEMERON: target or key is reachable
  bool must_clear;             // WEAK, EPHEMERON: it has to be cleared by now
  bool cleared, value_cleared; // WEAK, EPHEMERON
  bool identical;              // WEAK, EPHEMERON: what was returned is what the model has

  bool registered, dead, intact; // FINALIZER
  uint64_t cookie;

  const struct tri_stats *stats; // HEAP, WALK, FULL
  uint64_t heap_option, allocations, asked_bytes;
  const char *counter;           // COUNTER: its name
  char relation, law[160];       // COUNTER: '=', '<', '>' (or equal), otherwise the law cannot be read
  uint64_t value, total;         // COUNTER: left and right of the relation
  uint64_t walked, walked_bytes; // WALK, FULL
  bool walk_ended, walk_twice;   // WALK
  const char *verify;            // HEAP: first finding of the collector's own verifier, or NULL
  const char *damage;            // HEAP: what the collector met in free memory, or NULL
  uint64_t kept, surplus,
      unknown; // FULL: objects that may be there, further ones met, kept ones not met by address
  const struct tri_object_info *extra; // FULL: a surplus object
  uint64_t queued_least, queued_most;  // FULL: bounds of finalizers_pending

  enum tri_colour colour;            // BLACK_EDGE, DELETED: of the target; BORN, MARKED: of the object
  const struct tri_marking *marking; // BLACK_EDGE, BORN
  bool shielded;                     // BLACK_EDGE: the target will be reached from a grey object

  bool recorded;                       // OLD_SLOT: an entry of the remembered set has it
  const struct tri_remembered *entry;  // ENTRY
  const struct tri_object_info *older; // OLD_SLOT: the object's; AGE: how it was before
                                       // (info: the target's; now)

  const struct tri_block_info *block; // ZOMBIE, BLOCK, PLACE
  size_t used, zombies;               // BLOCK, ZOMBIE: bits of `used`; of `marked` only

  const char *stuck;    // RUN: why it did not end, or NULL
  const char *fault;    // RUN: the signal that ended it, or NULL
  const void *fault_at; // … and the address that it is about
  uint64_t hash, again; // REPEAT: of all that happened, in both runs

  const char *outcome, *expected_outcome; // OUTCOME: here, and on the other collector
  const char *other;                      // OUTCOME: its name
};

enum { TRI_MAX_INVARIANTS = 64 }; // a bit each in a word

struct tri_invariant {
  const char *id;
  enum tri_when when;
  uint64_t needs, without; // capabilities that must, and must not, be claimed
  uint32_t tells;          // what the collector must tell of itself (enum tri_tells)
  bool (*holds)(struct tri_view *view);
  const char *doc;
  const char *killed_by; // "fault=<mode>", or the test that plants the damage itself
};

extern const struct tri_invariant tri_invariants[];
extern const size_t tri_n_invariants;

// The row with that id, or NULL.
const struct tri_invariant *tri_invariant_find(const char *id);

#endif
