// `tricolor bench`: times cells (workload x collector x heap size) with one fresh process per sample and
// writes one series file.
//
// Each sample runs, under hyperfine,
//   EXECUTABLE run --workload=W --collector=C --heap=BYTES --size=S [-o KEY=VALUE,…] --result=FILE
// and that process leaves one JSON object in FILE:
//   "status"   "ok", "oom" (the heap is too small), "wrong" (the answer is), "unsupported" (the collector
//   lacks
//              what the workload needs) or "error"
//   "message"  why, where it is not ok
//   "metrics"  flat object of numbers; the table shows peak_rss_bytes and pause_max_ns
//   …          anything else about the run; it is stored with the sample
// A peer (peer.h) is run with the same arguments, as a program of its own in the place of EXECUTABLE.
// It exits with 0 for ok and oom. A process that ends otherwise has failed, whatever it wrote.
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
