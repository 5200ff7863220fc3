// Statistics of one cell's samples that assume nothing about their distribution: the median and its exact
// confidence interval from order statistics (the sign test inverted). Whatever the noise looks like, each
// sample is above the true median with probability one half, so the rank of the interval's ends follows the
// binomial distribution. Pure functions, no allocation, any thread.
#ifndef TRICOLOR_MEASURE_SAMPLE_H
#define TRICOLOR_MEASURE_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>

// Sorts ascending, as the functions below want it. Values are finite.
void tri_sort_samples(double *values, size_t count);

// Middle value, or the mean of the two middle ones. count > 0.
double tri_median(const double *sorted, size_t count);

// The largest k with P(Bin(count, 1/2) < k) <= tail; the interval is [sorted[k-1], sorted[count-k]].
// 0 when the tail is not to be had from so few samples.
size_t tri_interval_rank(size_t count, double tail);

struct tri_interval {
  double low, high;
  bool exact; // a 99 % interval; false: fewer than 8 samples, low and high are just the range
};

// The 99 % confidence interval of the median. count > 0.
struct tri_interval tri_median_interval(const double *sorted, size_t count);

// median(numerator) / median(denominator); both sorted, counts > 0, denominator's median > 0.
double tri_ratio_of_medians(const double *numerator, size_t numerator_count, const double *denominator,
                            size_t denominator_count);

#endif
