// A comparison: pairs of runs of base and head, cell by cell, in memory and as one JSON file.
// The pairs are what was measured; verdicts are worked out from them whenever they
// are shown, and written beside them for other readers.
#ifndef TRICOLOR_COMPARE_COMPARISON_H
#define TRICOLOR_COMPARE_COMPARISON_H

#include <jansson.h>
#include <stdint.h>

#include "compare/rule.h"
#include "measure/series.h"
#include "measure/text.h"

enum { TRI_COMPARISON_SCHEMA = 1 };

// What is compared of a run; less is better in all of them.
enum tri_metric { TRI_METRIC_CPU, TRI_METRIC_WALL, TRI_METRIC_MEMORY, TRI_METRIC_PAUSE, TRI_METRICS };
extern const char *const tri_metric_words[]; // cpu, wall, memory, pause, NULL
enum { TRI_UNKNOWN = -1 };                   // a number that the process did not report

enum tri_side { TRI_BASE, TRI_HEAD, TRI_SIDES };

struct tri_compared_cell {
  char *id; // "gcbench/go/heap:64m"; of two collectors "gcbench/go vs marksweep/heap:64m"
  char *workload, *collector[TRI_SIDES], *command[TRI_SIDES];
  uint64_t heap_bytes;
  char *failure; // which side gave no times, and why; NULL
  bool finding;  // such a failure is head's alone, a wrong answer or a crash
};

struct tri_pair {
  size_t cell;
  unsigned stage; // 0 warming up, 1 and 2 as in rule.h
  unsigned round; // of its stage
  enum tri_side first;
  double run[TRI_SIDES][TRI_METRICS];
};

struct tri_comparison {
  char *started, *stopwatch, *size;
  char *executable[TRI_SIDES], *options[TRI_SIDES]; // options may be NULL
  json_t *environment[TRI_SIDES];
  int64_t seed;
  enum tri_metric metric;
  struct tri_rule rule;
  bool complete;
  struct tri_compared_cell *cells;
  size_t cell_count;
  struct tri_pair *pairs; // in the order they were taken
  size_t pair_count;
};

void tri_comparison_init(struct tri_comparison *comparison);
void tri_comparison_free(struct tri_comparison *comparison);

// Strings are copied.
size_t tri_comparison_add_cell(struct tri_comparison *comparison, const char *workload, const char *base_collector,
                               const char *head_collector, uint64_t heap_bytes);
void tri_comparison_add_pair(struct tri_comparison *comparison, struct tri_pair pair);
// The first failure of a cell stays. No more pairs of it are of use.
void tri_comparison_fail_cell(struct tri_comparison *comparison, size_t cell, const char *failure, bool finding);

// ln(head / base) of a cell's pairs of one stage, in a fresh array (NULL when there are none).
double *tri_comparison_logs(const struct tri_comparison *comparison, size_t cell, unsigned stage,
                            enum tri_metric metric, size_t *count);

// What the rule says of a cell by the comparison's metric. `needed`: see tri_rule_needed; NULL spares the work.
struct tri_finding tri_comparison_find(const struct tri_comparison *comparison, size_t cell, size_t *needed);
bool tri_comparison_flagged(const struct tri_comparison *comparison, size_t cell); // by the first stage

// Replaces the file as a whole; see file.h.
bool tri_comparison_write(const struct tri_comparison *comparison, const char *path, struct tri_error *error);

// On failure the error names the file and what was expected, and `comparison` needs no free.
bool tri_comparison_load(struct tri_comparison *comparison, const char *path, struct tri_error *error);

#endif
