#include "measure/sample.h"

#include <math.h>
#include <stdlib.h>

#include "common/check.h"

// Each end of a two-sided 99 % interval may miss with this probability.
#define TAIL_OF_99 0.005

static int compare_doubles(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

void tri_sort_samples(double *values, size_t count) {
  if (count) qsort(values, count, sizeof *values, compare_doubles);
}

double tri_median(const double *sorted, size_t count) {
  TRI_CHECK(count > 0);
  double upper = sorted[count / 2];
  return count % 2 ? upper : sorted[count / 2 - 1] + (upper - sorted[count / 2 - 1]) / 2;
}

size_t tri_interval_rank(size_t count, double tail) {
  // Terms C(count, k) / 2^count as logarithms, because 2^-count leaves the range of a double early.
  double log_term = -(double)count * log(2.0), below = 0;
  for (size_t k = 0; k <= count; k++) {
    below += exp(log_term); // now P(Bin < k + 1)
    if (below > tail) return k;
    log_term += log((double)(count - k)) - log((double)(k + 1));
  }
  return count;
}

struct tri_interval tri_median_interval(const double *sorted, size_t count) {
  TRI_CHECK(count > 0);
  size_t rank = tri_interval_rank(count, TAIL_OF_99);
  size_t low = rank ? rank - 1 : 0;
  return (struct tri_interval){.low = sorted[low], .high = sorted[count - 1 - low], .exact = rank > 0};
}

double tri_ratio_of_medians(const double *numerator, size_t numerator_count, const double *denominator,
                            size_t denominator_count) {
  return tri_median(numerator, numerator_count) / tri_median(denominator, denominator_count);
}
