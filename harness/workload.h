// A workload: a C program on the contract that checks its own answer. One file in harness/workloads/ each.
//
// A file is compiled once in the dynamic binding and once inline for every collector; TRI_WORKLOAD names the
// record after both, and the build lists all of them (workloads.c in the build tree).
#ifndef TRICOLOR_HARNESS_WORKLOAD_H
#define TRICOLOR_HARNESS_WORKLOAD_H

#include "common/random.h"
#include "tricolor/tricolor.h"

enum tri_size { TRI_SIZE_TINY, TRI_SIZE_CI, TRI_SIZE_FULL, TRI_SIZES };

// A parameter: its value in each size, and what --param may set it to.
struct tri_param {
  const char *name;
  int64_t value[TRI_SIZES];
  int64_t min, max;
  const char *doc;
};

enum { TRI_MAX_PARAMS = 8 };

enum tri_outcome {
  TRI_OUTCOME_OK,
  TRI_OUTCOME_WRONG,         // the answer is not what it has to be: answer.text says how
  TRI_OUTCOME_OUT_OF_MEMORY, // an allocation returned TRI_NULL for want of memory
  TRI_OUTCOME_UNSUPPORTED,   // the heap lacks what the workload needs: answer.text says what
};

// What a run found. value must be the same on every collector; text is for people.
struct tri_answer {
  uint64_t value;
  char text[160];
};

struct tri_workload {
  const char *name;
  const char *summary; // what it stresses
  const char *source;  // where its specification comes from
  const struct tri_param *params;
  size_t n_params;
  // A lower bound of the bytes that must be live at one time, for an early "heap too small".
  uint64_t (*live_bytes)(const int64_t *param);
  // Run on the attached mutator m, which has no frames; leaves none. May allocate, collect, and attach more.
  enum tri_outcome (*run)(struct tri_mutator *m, const int64_t *param, struct tri_answer *answer);
};

// All workloads in name order, NULL-terminated, in the dynamic binding; and their inline bindings by collector.
extern const struct tri_workload *const tri_workloads_dynamic[];
struct tri_workload_binding {
  const char *collector; // NULL ends the list
  const struct tri_workload *const *workloads;
};
extern const struct tri_workload_binding tri_workload_bindings[];

// NULL: no such workload; for inline also: the collector was not linked in (a plug-in).
const struct tri_workload *tri_workload_find(const char *name);
const struct tri_workload *tri_workload_inline(const char *name, const char *collector);

#ifdef TRI_COLLECTOR
#define TRI_WORKLOAD_SYMBOL(symbol) TRI_PASTE(tri_workload_##symbol##__, TRI_COLLECTOR)
#else
#define TRI_WORKLOAD_SYMBOL(symbol) tri_workload_##symbol##__dynamic
#endif

// At the end of a workload's file: symbol is the file's name with - as _. Uses the file's params[], live_bytes
// and run.
#define TRI_WORKLOAD(symbol, name_, summary_, source_)                                                       \
  extern const struct tri_workload TRI_WORKLOAD_SYMBOL(symbol);                                              \
  const struct tri_workload TRI_WORKLOAD_SYMBOL(symbol) = {                                                  \
      name_, summary_, source_, params, sizeof params / sizeof *params, live_bytes, run}

#endif
