// The shadow heap: a shim that keeps a model (model.h) of what the program did, in memory that no collector
// knows, and holds the collector to it.
//
//   * at each call: arguments, what loads return, fresh objects (a bounded number of steps)
//   * at each end of a collection, with TRI_CHECK_GC: the real graph and the model are walked
//     in lockstep from the model's own roots, then the heap walk, the statistics and the collector's own
//     verifier are judged. Time in what is reachable; where a sweep has ended, in what is allocated. Payloads
//     are hashed when the world stops and compared when the collection ends: the program writes them
//     without notice.
//   * whenever tri_shadow_check is called
//
// With TRI_CHECK_END an end of a collection only teaches the model the new addresses, without looking first
// whether they can be read: for runs that trust the collector so far.
//
// Every check is a row of invariants.h. A finding names the row, the object, a path to it from a root and who
// wrote the slot last. Checks go in the order of decreasing safety, and the pass is guarded against faults,
// so a damaged heap yields findings, not a crash. Where a collector itself meets free memory that was written
// to, and would abort, that is a finding first (S8). After a finding that says the heap is damaged (families
// S, C and W) the program is kept off it: allocations are out of memory, loads give null, stores do nothing.
//
// Works with several mutators: a lock orders the calls that do not collect.
#ifndef TRICOLOR_CHECK_SHADOW_H
#define TRICOLOR_CHECK_SHADOW_H

#include <stdio.h>

#include "check/invariants.h"
#include "shims/shim.h"

enum tri_check { TRI_CHECK_GC, TRI_CHECK_END };

struct tri_finding {
  const struct tri_invariant *row;
  const char *text;      // one sentence without a full stop
  const char *collector; // name
  uint64_t epoch;        // collections ended before
  uint64_t operation;    // of the program (tri_shadow_operation), else number of the call
  uint32_t object;       // "#n": the n-th allocation of this heap; 0: none
  uint64_t last_writer;  // operation that wrote the slot last; 0: none, or no slot
  const char *path;      // "m0 frame slot 2 -> #17[0] -> #18"; "" if not known
  // The heap's last events: "operation 4: COLLECTION_BEGIN(FULL) MARK"; "" if there were none.
  const char *phases;
  bool dying; // the collector cannot go on: when the report returns, the process aborts
};

// For one heap, or added up over many (struct zeroed before).
struct tri_check_summary {
  uint64_t calls, passes, findings;
  uint64_t runs[TRI_MAX_INVARIANTS];    // by row of tri_invariants: subjects judged
  uint64_t needs[TRI_MAX_INVARIANTS];   // claims that a row missed on some heap
  uint64_t without[TRI_MAX_INVARIANTS]; // claims that forbade a row
  uint32_t tells[TRI_MAX_INVARIANTS];   // what a row needed to be told on some heap, and was not
};

struct tri_shadow_options {
  enum tri_check check;
  bool first_only; // any finding keeps the program off the heap, not only those of S, C and W
  // Told of each finding, the first few of each row and heap. NULL: print to stderr and end with status 1.
  void (*report)(void *context, struct tri_heap *heap, const struct tri_finding *finding);
  void *context;
  struct tri_check_summary *summary; // added to when a heap is destroyed; NULL: not wanted
};

// Wrap a collector. record and *options (NULL for all zero) stay the caller's and must outlive the heaps.
const struct tri_collector *tri_shadow_wrap(struct tri_shim_record *record, const struct tri_collector *inner,
                                            const struct tri_shadow_options *options);

// Check the heap now; the caller runs alone (one mutator attached, or inside an event with the world
// stopped), and its refs stay good. Returns the findings so far; 0 also on a heap without shadow.
size_t tri_shadow_check(struct tri_heap *heap);

// The program's own number, from 1, of what this mutator does now, for reports; counts of calls are used
// until it is first called.
void tri_shadow_operation(struct tri_mutator *m, uint64_t operation);

// Findings so far; 0 on a heap without shadow.
size_t tri_shadow_findings(const struct tri_heap *heap);

// Objects that the model holds now.
uint64_t tri_shadow_objects(const struct tri_heap *heap);

// Print a finding as a person reads it.
void tri_finding_print(FILE *out, const struct tri_finding *finding);

// Summary of one heap so far.
void tri_shadow_summary(const struct tri_heap *heap, struct tri_check_summary *summary);

// "oracle: 32 of 41 rows ran (18223 checks, 12 passes), 3 not reached: …; 6 skipped: R1 L3 (needs …)".
void tri_check_summary_print(FILE *out, const struct tri_check_summary *summary);

#endif
