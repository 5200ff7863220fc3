// Runs of fuzzing engines as child processes: the one list of ways to fuzz (arms), and one run of one of them, with
// its limits. `tricolor fuzz` has one run at a time, `tricolor score` several.
//
// A run lives in a folder of its own and counts in an account there (account.h); whoever started it asks
// tri_engine_ended from time to time, which also ends a run whose budget is spent. Single-threaded callers that hold
// the signals (measure/child.h).
#ifndef TRICOLOR_FUZZ_ENGINES_H
#define TRICOLOR_FUZZ_ENGINES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "account.h"
#include "measure/child.h"
#include "measure/text.h"

// The kinds of builds: what a target is linked with.
enum tri_engine { TRI_ENGINE_REPLAY, TRI_ENGINE_LIBFUZZER, TRI_ENGINE_AFL, TRI_ENGINES };
const char *tri_engine_name(enum tri_engine engine);   // "replay", as --<name>-build= has it
const char *tri_engine_preset(enum tri_engine engine); // that builds it

struct tri_arm {
  const char *name;
  enum tri_engine engine;
  const char *blind; // TRI_ENGINE_REPLAY: the kind (engine/blind.h)
  bool mutator;      // the structured one takes part
  const char *doc;
};
extern const struct tri_arm tri_arms[];
extern const size_t tri_arm_count;
const struct tri_arm *tri_arm_find(const char *name); // or NULL

// 0: no bound.
struct tri_fuzz_budget {
  uint64_t executions, operations;
  double cpu_seconds, wall_seconds;
  uint64_t memory; // bytes of private memory of a process
};

enum tri_engine_outcome {
  TRI_ENGINE_FOUND, // the oracle named an invariant: it is in the account
  TRI_ENGINE_DIED,  // the target died or hung, and no invariant was named
  TRI_ENGINE_SPENT, // the budget is used up, or the run was stopped
  TRI_ENGINE_BROKEN // the engine did not run: `message` says why
};

struct tri_engine_run {
  // Set by the caller, whose strings outlive the run.
  const struct tri_arm *arm;
  const char *program;
  const char *mutator;   // the library for AFL++
  const char *seeds;     // folder of start programs as bytes, not empty
  const char *directory; // an empty folder, or that of an earlier run: its corpus is taken up
  uint64_t seed;
  bool no_assertions; // of the collector, as in a build without them
  unsigned repeats; // not 0: no fuzzing, the start programs are run as often, for measuring
  struct tri_fuzz_budget budget;

  // While it runs, and afterwards.
  pid_t pid;
  const struct tri_fuzz_account *account;
  double cpu_seconds, wall_seconds; // of all its processes; final when it has ended
  bool stopping;

  // When it has ended.
  enum tri_engine_outcome outcome;
  char message[256]; // DIED, BROKEN; of what was found the account tells

  struct tri_fuzz_account *own_account;
  double started, stopped; // CLOCK_MONOTONIC, seconds
};

// False: it could not be started, *error says why.
bool tri_engine_start(struct tri_engine_run *run, const struct tri_held_signals *held, struct tri_error *error);

// Ask it to stop; it ends soon, and is killed if it does not.
void tri_engine_stop(struct tri_engine_run *run);

// Has it ended by now? Does not wait. Ends it when its budget is spent.
bool tri_engine_ended(struct tri_engine_run *run);

// The account is gone afterwards.
void tri_engine_finish(struct tri_engine_run *run);

// The folder of what it has found, the folder with its corpus, its log: fresh strings.
char *tri_engine_findings(const struct tri_engine_run *run);
char *tri_engine_corpus(const struct tri_engine_run *run);
char *tri_engine_log(const struct tri_engine_run *run);

// The build folder of an engine: `given`, or found beside the one that this program stands in. A fresh string.
char *tri_engine_build(enum tri_engine engine, const char *given);

// Start programs in the empty folder `to`, as bytes: those below `from`, as far as they are short enough, or if it is
// NULL one with a single operation. Returns how many; 0 with *error.
size_t tri_write_seeds(const char *from, const char *to, struct tri_error *error);

#endif
