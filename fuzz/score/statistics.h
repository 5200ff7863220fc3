// Statistics of times to an event that may not come within the budget: such a time is right-censored, it says only
// that the event comes later. Pure functions but for the exact test, which counts partitions; any thread.
//
//   Kaplan and Meier 1958, "Nonparametric estimation from incomplete observations"
//   Vargha and Delaney 2000, "A critique and improvement of the CL common language effect size statistics" (A12)
//   Mann and Whitney 1947; with censored times in the form of Gehan 1965, "A generalized Wilcoxon test for comparing
//   arbitrarily singly-censored samples"
#ifndef TRICOLOR_SCORE_STATISTICS_H
#define TRICOLOR_SCORE_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

struct tri_survival {
  double time;   // of the event, or when watching ended without it
  bool happened; // false: right-censored
};

// The estimated share without the event after `time`. Times censored at a time of events are taken as later ones.
double tri_surviving(const struct tri_survival *times, size_t count, double time);

// The earliest time by which the estimate is at most one half. False: it never falls that low.
bool tri_survival_median(const struct tri_survival *times, size_t count, double *median);

// The probability that the event comes earlier in `a` than in `b`, equal and undecided pairs counting half: 0.5 is no
// difference, 1 is always earlier. Counts > 0.
double tri_a12(const struct tri_survival *a, size_t a_count, const struct tri_survival *b, size_t b_count);

// Two-sided p of the hypothesis that both have one distribution: exact by all partitions of the pooled times where
// there are at most 200000, else by the normal approximation with the variance of permutations. 1 when nothing can
// be decided. Counts > 0, together at most TRI_RANK_TEST_MOST.
enum { TRI_RANK_TEST_MOST = 1024 };
double tri_rank_test(const struct tri_survival *a, size_t a_count, const struct tri_survival *b, size_t b_count);

#endif
