// The statistics against values worked out by hand.
#include <math.h>
#include <stdlib.h>

#include "common/check.h"
#include "score/statistics.h"

#define EVENT(t) {t, true}
#define CENSORED(t) {t, false}
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TIMES(name, ...) static const struct tri_survival name[] = {__VA_ARGS__}

static bool near(double value, double wanted) { return fabs(value - wanted) < 1e-9; }

static void survival_with_ties_and_censoring(void) {
  TIMES(plain, EVENT(4), EVENT(1), EVENT(3), EVENT(2));
  double median;
  TRI_CHECK(near(tri_surviving(plain, 4, 0.5), 1));
  TRI_CHECK(near(tri_surviving(plain, 4, 1), 0.75));
  TRI_CHECK(near(tri_surviving(plain, 4, 9), 0));
  TRI_CHECK(tri_survival_median(plain, 4, &median) && median == 2);

  // 5 at risk at 1, 4 at 2 with two events, one at 4: 4/5, 4/5 * 2/4, and 0.
  TIMES(tied, EVENT(1), EVENT(2), CENSORED(3), EVENT(2), EVENT(4));
  TRI_CHECK(near(tri_surviving(tied, 5, 1.5), 0.8));
  TRI_CHECK(near(tri_surviving(tied, 5, 2), 0.4));
  TRI_CHECK(near(tri_surviving(tied, 5, 3.9), 0.4));
  TRI_CHECK(near(tri_surviving(tied, 5, 4), 0));
  TRI_CHECK(tri_survival_median(tied, 5, &median) && median == 2);

  // Censored before the first event: 3 at risk at 2, then 2 at 3.
  TIMES(early, CENSORED(1), EVENT(2), EVENT(3), CENSORED(4));
  TRI_CHECK(near(tri_surviving(early, 4, 2), 2 / 3.));
  TRI_CHECK(near(tri_surviving(early, 4, 100), 1 / 3.));
  TRI_CHECK(tri_survival_median(early, 4, &median) && median == 3);

  // Censored at the time of an event: still at risk then. 2/3, then 1 at risk.
  TIMES(same, EVENT(2), CENSORED(2), EVENT(3));
  TRI_CHECK(near(tri_surviving(same, 3, 2), 2 / 3.));
  TRI_CHECK(tri_survival_median(same, 3, &median) && median == 3);

  TIMES(few, EVENT(1), CENSORED(9), CENSORED(9), CENSORED(9), CENSORED(9));
  TRI_CHECK(near(tri_surviving(few, 5, 9), 0.8));
  TRI_CHECK(!tri_survival_median(few, 5, &median));
  TIMES(half, EVENT(1), EVENT(5), CENSORED(9), CENSORED(9)); // exactly one half
  TRI_CHECK(tri_survival_median(half, 4, &median) && median == 5);
  TRI_CHECK(near(tri_surviving(NULL, 0, 1), 1) && !tri_survival_median(NULL, 0, &median));
}

static void effect_size(void) {
  TIMES(low, EVENT(1), EVENT(2));
  TIMES(high, EVENT(3), EVENT(4));
  TIMES(odd, EVENT(1), EVENT(3));
  TIMES(even, EVENT(2), EVENT(4));
  TIMES(never, CENSORED(10), CENSORED(10), CENSORED(10));
  TIMES(died, CENSORED(2));
  TRI_CHECK(tri_a12(low, 2, high, 2) == 1 && tri_a12(high, 2, low, 2) == 0 && tri_a12(low, 2, low, 2) == 0.5);
  TRI_CHECK(tri_a12(odd, 2, even, 2) == 0.75); // of 1<2 1<4 3>2 3<4
  TRI_CHECK(tri_a12(high, 2, never, 3) == 1 && tri_a12(never, 3, never, 3) == 0.5);
  // 1 before 2+: earlier; 3 and 2+: open.
  TRI_CHECK(tri_a12(odd, 2, died, 1) == 0.75);
  TRI_CHECK(tri_a12(low, 2, odd, 2) == 0.625); // 1=1 1<3 2>1 2<3
}

static void rank_test(void) {
  TIMES(five, EVENT(1), EVENT(2), EVENT(3), EVENT(4), EVENT(5));
  TIMES(more, EVENT(6), EVENT(7), EVENT(8), EVENT(9), EVENT(10));
  TIMES(never, CENSORED(10), CENSORED(10), CENSORED(10), CENSORED(10), CENSORED(10));
  TRI_CHECK(near(tri_rank_test(five, 3, more, 3), 2 / 20.));  // the two ends of 6 over 3 partitions
  TRI_CHECK(near(tri_rank_test(five, 5, more, 5), 2 / 252.)); // of 10 over 5
  TRI_CHECK(near(tri_rank_test(five, 5, never, 5), 2 / 252.));
  TRI_CHECK(tri_rank_test(never, 5, never, 5) == 1 && tri_rank_test(five, 5, five, 5) == 1);
  // {1,3} and {2,4}: scores 3, -1, 1, -3; sum 2. Of the six sums 4 2 0 0 -2 -4 four are as far from 0.
  TIMES(odd, EVENT(1), EVENT(3));
  TIMES(even, EVENT(2), EVENT(4));
  TRI_CHECK(near(tri_rank_test(odd, 2, even, 2), 4 / 6.));
  // A tie over the border: {1,2} and {2,3} have scores 3, 0, 0, -3; sum 3. Sums 3 3 0 0 -3 -3.
  TIMES(low, EVENT(1), EVENT(2));
  TIMES(high, EVENT(2), EVENT(3));
  TRI_CHECK(near(tri_rank_test(low, 2, high, 2), 4 / 6.));
}

// 20 against 20, all of one before all of the other: the scores are 39, 37 … -39, their squares sum to 40 (40^2 - 1) / 3
// = 21320, the variance is 400 / (40 * 39) * 21320 = 5466.67, the statistic 400: z = 5.4101, p = 6.30e-8.
static void normal_approximation(void) {
  struct tri_survival a[20], b[20];
  for (int i = 0; i < 20; i++) a[i] = (struct tri_survival){i, true}, b[i] = (struct tri_survival){100 + i, true};
  double p = tri_rank_test(a, 20, b, 20);
  TRI_CHECK(p > 6.2e-8 && p < 6.4e-8);
  for (int i = 0; i < 20; i++) b[i].time = i + 0.5; // hardly different
  TRI_CHECK(tri_rank_test(a, 20, b, 20) > 0.7);
}

int main(void) {
  survival_with_ties_and_censoring();
  effect_size();
  rank_test();
  normal_approximation();
  return 0;
}
