#include "measure/summary.h"

#include <stdlib.h>

enum of_samples { WORST, MEDIAN };

static bool metric(const struct tri_series *series, size_t cell, const char *name, enum of_samples which,
                   double *result) {
  double *values = NULL;
  size_t count = 0;
  for (size_t i = 0; i < series->sample_count; i++) {
    double value;
    if (series->samples[i].cell != cell || !tri_sample_metric(&series->samples[i], name, &value)) continue;
    values = tri_room_for_one(values, count, sizeof *values);
    values[count++] = value;
  }
  if (count == 0) return false;
  tri_sort_samples(values, count);
  *result = which == WORST ? values[count - 1] : tri_median(values, count);
  free(values);
  return true;
}

struct tri_cell_summary tri_cell_summary(const struct tri_series *series, size_t cell) {
  struct tri_cell_summary summary = {0};
  double *wall = tri_cell_times(series, cell, false, &summary.count);
  double *cpu = tri_cell_times(series, cell, true, &summary.count);
  if (summary.count) {
    summary.median = tri_median(wall, summary.count);
    summary.cpu_median = tri_median(cpu, summary.count);
    summary.interval = tri_median_interval(wall, summary.count);
  }
  free(wall);
  free(cpu);
  summary.has_peak = metric(series, cell, "peak_rss_bytes", WORST, &summary.peak_bytes);
  summary.has_pause = metric(series, cell, "pause_max_ns", WORST, &summary.pause_ns);
  summary.has_pauses = metric(series, cell, "pauses", MEDIAN, &summary.pauses) &&
                       metric(series, cell, "pause_total_ns", MEDIAN, &summary.pause_total_ns) &&
                       metric(series, cell, "pause_p50_ns", MEDIAN, &summary.pause_p50_ns) &&
                       metric(series, cell, "pause_p99_ns", MEDIAN, &summary.pause_p99_ns);
  summary.has_collections = metric(series, cell, "collections", MEDIAN, &summary.collections);
  return summary;
}

const char *tri_cell_verdict(enum tri_cell_status status) {
  switch (status) {
  case TRI_CELL_PENDING:
    return "not measured";
  case TRI_CELL_OUT_OF_MEMORY:
    return "out of memory";
  case TRI_CELL_WRONG:
    return "WRONG ANSWER";
  case TRI_CELL_FAILED:
    return "FAILED";
  case TRI_CELL_SKIPPED:
    return "skipped";
  case TRI_CELL_OK:
    break;
  }
  return "";
}
