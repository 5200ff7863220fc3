// `tricolor compare`: is head slower than base? Two builds, or two collectors of this one, by pairs of runs.
#ifndef TRICOLOR_COMPARE_COMPARE_H
#define TRICOLOR_COMPARE_COMPARE_H

#include "measure/bench.h"

// argv[0] is the command's name. Exit status: 0 good; 1 a confirmed regression, a failure of head alone, a wrong answer or
// a crash; 2 wrong usage or bad input; 3 the suite failed or was interrupted (finished pairs are in the file).
int tri_compare(const struct tri_bench_options *options, int argc, char **argv);

#endif
