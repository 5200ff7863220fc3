// What the samples of one cell come to: medians, interval, and the worst of what its processes reported. Tables, exports
// and pages show these.
#ifndef TRICOLOR_MEASURE_SUMMARY_H
#define TRICOLOR_MEASURE_SUMMARY_H

#include "measure/sample.h"
#include "measure/series.h"

struct tri_cell_summary {
  size_t count;                                  // good samples
  double median, cpu_median;                     // nanoseconds, when count > 0
  struct tri_interval interval;                  // of the wall time, when count > 0
  double peak_bytes, pause_ns;                   // highest of all samples
  double pause_p50_ns, pause_p99_ns;             // medians over the samples
  double pauses, pause_total_ns, collections;    // medians over the samples
  bool has_peak, has_pause, has_pauses, has_collections; // not all processes report them; has_pauses: four numbers
};
struct tri_cell_summary tri_cell_summary(const struct tri_series *series, size_t cell);

// "out of memory", "WRONG ANSWER" …: why a cell has no times; "" when it is good.
const char *tri_cell_verdict(enum tri_cell_status status);

#endif
