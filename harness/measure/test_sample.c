// The rank against exact binomial sums, the published table, and coverage on known streams.
#include "measure/sample.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/random.h"

// The largest k with sum(C(n, i), i < k) / 2^n <= 1/200, in integers (n <= 56 keeps 200 * sum in 64 bits).
static size_t rank_by_brute_force(unsigned n) {
  uint64_t row[64] = {1};
  for (unsigned i = 1; i <= n; i++)
    for (unsigned k = i; k > 0; k--) row[k] += row[k - 1];
  uint64_t below = 0;
  for (unsigned k = 0; k <= n; k++) {
    below += row[k];
    if (200 * below > UINT64_C(1) << n) return k;
  }
  return n;
}

static void check_ranks(void) {
  for (unsigned n = 0; n <= 56; n++) TRI_CHECK_EQ(tri_interval_rank(n, 0.005), rank_by_brute_force(n));
  static const struct {
    size_t count, rank;
  } table[] = {{1, 0}, {7, 0}, {8, 1}, {12, 2}, {15, 3}, {20, 4}, {25, 6}, {30, 8}, {40, 12}, {60, 20}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    TRI_CHECK_EQ(tri_interval_rank(table[i].count, 0.005), table[i].rank);
  // Far beyond the range of 2^-n in a double: about n/2 - 2.5758 sqrt(n)/2.
  size_t rank = tri_interval_rank(100000, 0.005);
  TRI_CHECK_GE(rank, 49591);
  TRI_CHECK_LE(rank, 49594);
}

static void check_small_samples(void) {
  double values[] = {5, 1, 4, 2, 3, 9, 7, 8};
  tri_sort_samples(values, 8);
  for (size_t i = 1; i < 8; i++) TRI_CHECK(values[i - 1] < values[i]);
  TRI_CHECK(tri_median(values, 1) == 1);
  TRI_CHECK(tri_median(values, 2) == 1.5);
  TRI_CHECK(tri_median(values, 5) == 3);
  TRI_CHECK(tri_median(values, 8) == 4.5);

  struct tri_interval interval = tri_median_interval(values, 8);
  TRI_CHECK(interval.exact && interval.low == 1 && interval.high == 9);
  interval = tri_median_interval(values, 7);
  TRI_CHECK(!interval.exact && interval.low == 1 && interval.high == 8);
  interval = tri_median_interval(values, 1);
  TRI_CHECK(!interval.exact && interval.low == 1 && interval.high == 1);

  double twelve[12];
  for (int i = 0; i < 12; i++) twelve[i] = i;
  interval = tri_median_interval(twelve, 12);
  TRI_CHECK(interval.exact && interval.low == 1 && interval.high == 10);
  TRI_CHECK(tri_ratio_of_medians(values, 8, values, 2) == 3);
}

// Streams with a known median: the interval misses it as often as the binomial says, on both streams.
static void check_coverage(uint64_t seed) {
  struct tri_random random = {seed};
  enum { TRIALS = 40000, COUNT = 12 };
  for (int skewed = 0; skewed <= 1; skewed++) {
    int misses = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
      double values[COUNT];
      for (int i = 0; i < COUNT; i++) {
        double u = (double)(tri_random_next(&random) >> 11) / 9007199254740992.0;
        values[i] = skewed ? 1 / (1 - u) : u; // medians 2 and 0.5; the skewed one has no mean
      }
      tri_sort_samples(values, COUNT);
      struct tri_interval interval = tri_median_interval(values, COUNT);
      double median = skewed ? 2 : 0.5;
      misses += median < interval.low || median > interval.high;
    }
    // Expected 2 * 13/4096 * 40000 = 253.9, standard deviation 15.9: five of them either way.
    printf("seed %llu: %d misses\n", (unsigned long long)seed, misses);
    TRI_CHECK_GE(misses, 174);
    TRI_CHECK_LE(misses, 334);
  }
}

int main(int argc, char **argv) {
  check_ranks();
  check_small_samples();
  check_coverage(argc > 1 ? strtoull(argv[1], NULL, 0) : 1);
  return 0;
}
