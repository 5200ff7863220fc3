// A series: the samples of some cells (workload x collector x heap size), in memory and as one JSON file.
//
// The file has three parts. `context` and `benchmarks` are what Google Benchmark writes, so that its
// compare.py and everything else that reads such files reads this one. `tricolor` holds everything there is
// to know, and is the only part that is read back; results/schema/series-1.json describes it. Times are
// integers of nanoseconds. A number that is not known is left out; NaN and Infinity never occur.
#ifndef TRICOLOR_MEASURE_SERIES_H
#define TRICOLOR_MEASURE_SERIES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "measure/hyperfine.h"
#include "measure/text.h"

enum { TRI_SERIES_SCHEMA = 1 };

// How a sample ended, and what is known of a cell.
enum tri_cell_status {
  TRI_CELL_PENDING,       // "pending": no sample yet
  TRI_CELL_OK,            // "ok"
  TRI_CELL_OUT_OF_MEMORY, // "oom": the heap is too small for the workload
  TRI_CELL_WRONG,         // "wrong": the workload's answer was not the right one
  TRI_CELL_FAILED,        // "failed": crashed, hung, refused its arguments or told nothing
  TRI_CELL_SKIPPED,       // "skipped": the collector lacks what the workload needs
};
const char *tri_cell_status_name(enum tri_cell_status status);

struct tri_cell {
  char *id; // "gcbench/semispace/heap:64m", unique in the series
  char *workload, *collector;
  uint64_t heap_bytes;
  enum tri_cell_status status; // a cell that is not ok is not sampled again
  char *message;               // why it is not ok; NULL
  char *command;               // what repeats one run of it, to be pasted into a shell
};

struct tri_sample {
  size_t cell; // index
  size_t slot; // its place in the order of the whole series
  unsigned round;
  enum tri_cell_status status;
  struct tri_reading reading;
  json_t *process; // what the measured process reported of itself, object; NULL
};

struct tri_series {
  char *started;    // ISO 8601, UTC
  char *stopwatch;  // "hyperfine 1.15.0"
  char *executable; // what was measured
  char *size;       // of the workloads: tiny, ci, full
  int64_t seed;
  unsigned runs;       // samples wanted per cell
  bool complete;       // every slot was visited
  json_t *options;     // array of "key=value", given to every collector
  json_t *environment; // see environment.h
  struct tri_cell *cells;
  size_t cell_count;
  struct tri_sample *samples; // in the order they were taken
  size_t sample_count;
};

// An empty series that started now. tri_series_free takes any series that was initialised or loaded.
void tri_series_init(struct tri_series *series);
void tri_series_free(struct tri_series *series);

// Strings are copied. The returned index stays valid; pointers into cells and samples do not.
size_t tri_series_add_cell(struct tri_series *series, const char *workload, const char *collector,
                           uint64_t heap_bytes);

// Takes over `sample.process`. The first sample that is not ok decides the cell's status; `message` says why.
void tri_series_add_sample(struct tri_series *series, struct tri_sample sample, const char *message);

// Gives a cell its status without a sample: a run that had to be ended has no times.
void tri_series_judge_cell(struct tri_series *series, size_t cell, enum tri_cell_status status,
                           const char *message);

// Replaces the file as a whole; see file.h.
bool tri_series_write(const struct tri_series *series, const char *path, struct tri_error *error);

// Reads a file back. On failure the error names the file, the place in it and what was expected there, and
// `series` needs no free.
bool tri_series_load(struct tri_series *series, const char *path, struct tri_error *error);

// A number out of the process's own "metrics", e.g. "pause_max_ns"; false when it was not reported.
bool tri_sample_metric(const struct tri_sample *sample, const char *name, double *value);

// The wall times of a cell's good samples, sorted, in a fresh array (NULL when there are none). With `cpu`,
// user and system time together instead.
double *tri_cell_times(const struct tri_series *series, size_t cell, bool cpu, size_t *count);

#endif
