#include "score/statistics.h"

#include <math.h>

double tri_surviving(const struct tri_survival *times, size_t count, double time) {
  double share = 1;
  for (double last = -INFINITY;;) { // each time of events, ascending
    double at = INFINITY;
    for (size_t i = 0; i < count; i++)
      if (times[i].happened && times[i].time > last && times[i].time < at) at = times[i].time;
    if (at > time || isinf(at)) return share;
    size_t at_risk = 0, events = 0;
    for (size_t i = 0; i < count; i++) {
      at_risk += times[i].time >= at;
      events += times[i].happened && times[i].time == at;
    }
    share *= (double)(at_risk - events) / (double)at_risk;
    last = at;
  }
}

bool tri_survival_median(const struct tri_survival *times, size_t count, double *median) {
  const double rounding = 1e-9; // of the products
  bool found = false;
  for (size_t i = 0; i < count; i++) {
    if (!times[i].happened || (found && times[i].time >= *median)) continue;
    if (tri_surviving(times, count, times[i].time) > 0.5 + rounding) continue;
    *median = times[i].time;
    found = true;
  }
  return found;
}

// 1 when a is surely earlier, -1 when b is, 0 when they are equal or censoring leaves it open.
static int earlier(const struct tri_survival *a, const struct tri_survival *b) {
  if (a->happened && b->happened) return (a->time < b->time) - (a->time > b->time);
  if (a->happened) return a->time <= b->time;
  if (b->happened) return -(b->time <= a->time);
  return 0;
}

double tri_a12(const struct tri_survival *a, size_t a_count, const struct tri_survival *b, size_t b_count) {
  double wins = 0;
  for (size_t i = 0; i < a_count; i++)
    for (size_t k = 0; k < b_count; k++) wins += 0.5 * (1 + earlier(&a[i], &b[k]));
  return wins / ((double)a_count * (double)b_count);
}

static double partitions(size_t n, size_t k) {
  double ways = 1;
  for (size_t i = 0; i < k; i++) ways *= (double)(n - i) / (double)(i + 1);
  return ways;
}

// Of the ways to choose k of the scores from `from` on, how many sum, with `sum`, to at least `extreme` in size.
static double as_extreme(const int *scores, size_t n, size_t from, size_t k, int sum, int extreme) {
  if (k == 0) return sum >= extreme || sum <= -extreme;
  double ways = 0;
  for (size_t i = from; i + k <= n; i++) ways += as_extreme(scores, n, i + 1, k - 1, sum + scores[i], extreme);
  return ways;
}

double tri_rank_test(const struct tri_survival *a, size_t a_count, const struct tri_survival *b, size_t b_count) {
  const double most_partitions = 200000;
  int scores[TRI_RANK_TEST_MOST], sum = 0; // of each time: how many are later, less how many are earlier
  size_t n = a_count + b_count;
  double squares = 0;
  for (size_t i = 0; i < n; i++) {
    const struct tri_survival *time = i < a_count ? &a[i] : &b[i - a_count];
    scores[i] = 0;
    for (size_t k = 0; k < n; k++) scores[i] += earlier(time, k < a_count ? &a[k] : &b[k - a_count]);
    if (i < a_count) sum += scores[i];
    squares += (double)scores[i] * scores[i];
  }
  if (squares == 0) return 1;
  double ways = partitions(n, a_count);
  if (ways <= most_partitions) return as_extreme(scores, n, 0, a_count, 0, sum < 0 ? -sum : sum) / ways;
  double variance = (double)a_count * (double)b_count / ((double)n * (double)(n - 1)) * squares;
  return erfc(fabs((double)sum) / sqrt(2 * variance));
}
