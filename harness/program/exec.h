// The executor: runs a heap program on any collector record (shims included) through the contract alone, in the
// dynamic binding. Any program is legal; ops.def says what each operation does and how operands are resolved.
//
// A run is bounded by its operations: what stands in the program is executed once, and what loops repeat costs
// steps of a budget (a collection counts as a hundred). Never by time, so a run repeats exactly. Out of memory is a
// normal outcome. Not thread-safe among runs that inject failures; otherwise runs share nothing.
//
// Each operation is owned by the mutator that the last `mutator` operation before it names. Where the collector claims
// MULTI_MUTATOR each of them is attached by itself; elsewhere they share one, with registers of their own. They take
// turns on the calling thread, in the program's order, unless the program schedules them (`yield`, `policy`; fibers
// form only): then they are actors, and the schedule is part of the outcome (README.md).
#ifndef TRICOLOR_PROGRAM_EXEC_H
#define TRICOLOR_PROGRAM_EXEC_H

#include <stdio.h>

#include "program/program.h"
#include "tricolor/tricolor.h"

enum { TRI_RUN_DEFAULT_HEAP = 1 << 20 }; // bytes, of a program that asks for none

struct tri_run; // while it lasts
struct tri_run_result;

// Told of what happens, for those who watch: each may be NULL. They must not allocate in the heap, nor collect unless
// it is said.
struct tri_run_watch {
  void (*starting)(void *context, struct tri_run *run); // nothing executed yet, no heap
  void (*before)(void *context, struct tri_run *run, size_t i, const struct tri_op *op);
  void (*after)(void *context, struct tri_run *run, size_t i, const struct tri_op *op, bool effective);
  void (*allocated)(void *context, struct tri_run *run, tri_ref object);
  void (*finishing)(void *context, struct tri_run *run); // all executed, nothing dropped yet
  // At last: all roots are dropped, one mutator is attached and has no frames. May collect.
  void (*emptied)(void *context, struct tri_run *run);
  // Of runs under the oracle: the collector cannot go on after a finding, or faults in the same operation (this is
  // called by the signal handler then), and the process ends when this returns.
  void (*dying)(void *context, const struct tri_run_result *result);
  struct tri_event_sink sink; // of the heap; its context is the sink's own
  void *context;
};

// A run's preemptions and other turns of its schedule: `yield a<to> n=<after>` right before operation `at` would have
// decided the same. Of operations in loops: in one of their rounds.
struct tri_run_decision {
  uint32_t at;
  uint8_t to, after;
};
struct tri_run_decisions {
  struct tri_run_decision list[256];
  unsigned count; // what has no room, or cannot be said so, is left out
};

struct tri_run_params {
  const struct tri_collector *collector;
  const char *options;   // heap options that overrule the program's; or NULL
  uint64_t max_steps;    // budget of repeated operations; 0 = 10000
  bool parallel;         // threads form: mutators run at the same time, as the system schedules them
  FILE *out;             // where `print` prints; NULL: nowhere
  const struct tri_run_watch *watch; // or NULL
  struct tri_run_decisions *decisions; // to be filled in, or NULL
};

enum tri_run_status {
  TRI_RUN_OK,
  TRI_RUN_FINDING,     // a payload was damaged or the heap's own checks failed: see message
  TRI_RUN_NO_HEAP,     // the heap could not be created for want of memory: nothing was run
  TRI_RUN_BAD_OPTIONS, // params->options are wrong: see message
};

struct tri_run_result {
  enum tri_run_status status;
  char message[1024]; // one line
  // Of a finding: the oracle's row (checked.h; S8 also without it, of `verify`), or "run" for what the executor found.
  const char *invariant;
  uint64_t steps;         // operations executed
  uint64_t effective;     // of those, the ones that did something
  uint64_t allocations;   // objects
  uint64_t collections;   // ended
  uint64_t out_of_memory; // requests refused
  // True when the outcome may rightly differ between any two collectors: out of memory, a preemption, or a weak
  // reference, ephemeron or finalizer was asked, whose answer depends on when collections happen.
  bool collector_dependent;
  // The same between two of which one claims WEAK or EPHEMERON and the other does not: such objects were made or set.
  bool capability_dependent;
  uint64_t graph_hash; // reachable graph at the end: shapes, edges, payloads, weak ones as far as they are certain
  uint64_t shape_hash; // shapes and edges only
  uint64_t objects;    // in that graph
  bool hashed;         // false: no memory for the hashes
  // Fibers form, else 0: of all that happened, in order (operations and their effects, events of the collector, who
  // went on); times that another actor went on, and those where the running one could have.
  uint64_t event_hash, switches, preemptions;
  bool stuck; // a finding: no actor could go on, or they went on for ever
};

// Good runs of one program in the same class have the same outcome: graph_hash, objects and allocations. 0 is all
// collectors, else those with the same claims. -1: there is nothing to compare.
enum { TRI_OUTCOME_CLASSES = 5 };
static inline int tri_outcome_class(const struct tri_run_result *result, const struct tri_collector *collector) {
  if (result->status != TRI_RUN_OK || result->collector_dependent || !result->hashed) return -1;
  uint64_t claims = collector->caps.flags;
  return result->capability_dependent ? 1 + !!(claims & TRI_CAP_WEAK) + 2 * !!(claims & TRI_CAP_EPHEMERON) : 0;
}

enum tri_run_status tri_program_run(const struct tri_program *program, const struct tri_run_params *params,
                                    struct tri_run_result *result);

// The row with that id has found something wrong: the run ends with it after the present operation, and without a look
// at the final graph, which may be damaged. The first finding counts.
void tri_run_finding(struct tri_run *run, const char *invariant, const char *text);

// For watchers: the running mutator (not parked), NULL before there is a heap; and all roots in canonical order, named
// "m0 r3", "g7", with the depth of the frame from the outermost (0) where there are several.
struct tri_mutator *tri_run_mutator(struct tri_run *run);
unsigned tri_run_player(struct tri_run *run); // the number of the program's mutator that executes
typedef void tri_run_root_fn(void *context, const char *name, tri_ref ref);
void tri_run_each_root(struct tri_run *run, tri_run_root_fn *visit, void *context);

#endif
