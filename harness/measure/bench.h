// `tricolor bench`: times cells (workload x collector x heap size) with one fresh process per sample and
// writes one series file. subject.h says what a measured process is told and has to report.
#ifndef TRICOLOR_MEASURE_BENCH_H
#define TRICOLOR_MEASURE_BENCH_H

#include "nearest.h"

struct tri_bench_options {
  const char *executable; // NULL: this program
  struct tri_names collectors, workloads;
};

// argv[0] is "bench". Returns the exit status: 0 good; 1 a cell gave a wrong answer or crashed; 2 wrong
// usage, or a cell refused its options; 3 hyperfine is missing, the file cannot be written, or bench was
// interrupted (what was done is in the file).
int tri_bench(const struct tri_bench_options *options, int argc, char **argv);

#endif
