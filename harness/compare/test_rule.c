// The rule against known values, brute force and simulation.  test_rule [SEED]
#include "compare/rule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/random.h"

static const struct tri_rule standard = {.pairs = 20, .confirmations = 30, .effect = 0.03};

static bool near(double a, double b, double tolerance) { return fabs(a - b) <= tolerance; }

static double uniform(struct tri_random *random) { return ((double)(tri_random_next(random) >> 11) + 0.5) * 0x1p-53; }

// With n pairs that are all `value`, but for `against` of them on the other side of zero.
static struct tri_finding judge(size_t n, double value, size_t against) {
  double logs[64];
  for (size_t i = 0; i < n; i++) logs[i] = i < against ? -value : value;
  return tri_rule_judge(&standard, logs, n);
}

static void check_verdicts(void) {
  // Of 20, the interval is that of the 4th and the 17th: three may be on the other side, a fourth is too many.
  TRI_CHECK_EQ(judge(20, 0.10, 3).verdict, TRI_VERDICT_REGRESSION);
  TRI_CHECK_EQ(judge(20, 0.10, 4).verdict, TRI_VERDICT_INCONCLUSIVE);
  TRI_CHECK_EQ(judge(20, -0.10, 3).verdict, TRI_VERDICT_IMPROVEMENT);
  TRI_CHECK_EQ(judge(20, -0.10, 4).verdict, TRI_VERDICT_INCONCLUSIVE);
  TRI_CHECK_EQ(judge(30, 0.10, 7).verdict, TRI_VERDICT_REGRESSION);
  TRI_CHECK_EQ(judge(30, 0.10, 8).verdict, TRI_VERDICT_INCONCLUSIVE);
  // All on one side, but less than matters; and all but on zero, which is on no side.
  TRI_CHECK_EQ(judge(20, 0.029, 0).verdict, TRI_VERDICT_NO_CHANGE);
  TRI_CHECK_EQ(judge(20, 0.030, 0).verdict, TRI_VERDICT_REGRESSION);
  TRI_CHECK_EQ(judge(20, 0, 0).verdict, TRI_VERDICT_NO_CHANGE);
  // Seven pairs have no 99 % interval, however much they agree.
  TRI_CHECK_EQ(judge(7, 0.5, 0).verdict, TRI_VERDICT_INCONCLUSIVE);
  TRI_CHECK_EQ(tri_rule_needed(&standard, (double[]){1, 2, 3, 4, 5, 6, 7}, 7, NULL, 0), 1);
  TRI_CHECK_EQ(judge(8, 0.5, 0).verdict, TRI_VERDICT_REGRESSION);
  TRI_CHECK(near(judge(20, log(1.25), 3).ratio, 1.25, 1e-12));
  TRI_CHECK(near(judge(20, log(1.25), 4).interval.low, 0.8, 1e-12));
  TRI_CHECK_STR(tri_verdict_name(TRI_VERDICT_NO_CHANGE), "no change");
  TRI_CHECK_STR(tri_verdict_name(TRI_VERDICT_FAILED), "failed");
}

// The number of pairs still needed is about right: that many more of the same kind do tell.
static void check_needed(struct tri_random *random) {
  unsigned told = 0, asked = 0;
  for (unsigned trial = 0; trial < 60; trial++) {
    double first[20], more[TRI_PAIRS_MOST + 20];
    for (size_t i = 0; i < 20; i++) first[i] = 0.30 * (uniform(random) - 0.5);
    struct tri_finding finding = tri_rule_judge(&standard, first, 20);
    if (finding.verdict != TRI_VERDICT_INCONCLUSIVE) continue;
    size_t needed = tri_rule_needed(&standard, first, 20, NULL, 0), count = 20 + needed;
    TRI_CHECK_GE(needed, 1);
    TRI_CHECK_LE(needed, TRI_PAIRS_MOST);
    for (size_t i = 0; i < count; i++) more[i] = 0.30 * (uniform(random) - 0.5);
    told += tri_rule_judge(&standard, more, count).verdict != TRI_VERDICT_INCONCLUSIVE;
    asked++;
  }
  printf("pairs needed: %u of %u told\n", told, asked);
  TRI_CHECK_GE(asked, 45);
  TRI_CHECK_GE(3 * told, asked); // it knows 20 numbers only; a third is far from none
}

static size_t needed(double first_value, double second_value, size_t second_count) {
  double first[20], second[30];
  for (size_t i = 0; i < 20; i++) first[i] = first_value;
  for (size_t i = 0; i < 30; i++) second[i] = second_value;
  return tri_rule_needed(&standard, first, 20, second, second_count);
}

static struct tri_finding decide(double first_value, size_t first_count, double second_value, size_t second_count) {
  double first[64], second[64];
  for (size_t i = 0; i < 64; i++) first[i] = first_value, second[i] = second_value;
  return tri_rule_decide(&standard, first, first_count, second, second_count);
}

static void check_confirmation(void) {
  TRI_CHECK_EQ(decide(0.1, 20, 0.1, 30).verdict, TRI_VERDICT_REGRESSION);
  TRI_CHECK_EQ(decide(-0.1, 20, -0.1, 30).verdict, TRI_VERDICT_IMPROVEMENT);
  TRI_CHECK_EQ(decide(0.1, 20, -0.1, 30).verdict, TRI_VERDICT_INCONCLUSIVE); // contradicts itself
  TRI_CHECK_EQ(decide(0.1, 20, 0.0, 30).verdict, TRI_VERDICT_NO_CHANGE);     // the fresh pairs decide
  TRI_CHECK_EQ(decide(0.1, 20, 0.1, 0).verdict, TRI_VERDICT_INCONCLUSIVE);   // not confirmed yet
  TRI_CHECK_EQ(needed(0.1, 0.1, 0), 30);
  TRI_CHECK_EQ(decide(0.1, 20, 0.1, 12).verdict, TRI_VERDICT_INCONCLUSIVE); // interrupted before its end
  TRI_CHECK_EQ(needed(0.1, 0.1, 12), 18);
  TRI_CHECK_EQ(needed(0.1, -0.1, 30), 30);
  TRI_CHECK_EQ(needed(0.1, 0.1, 30), 0);
  TRI_CHECK_EQ(decide(0.0, 20, 0.1, 30).verdict, TRI_VERDICT_NO_CHANGE); // was not flagged: no second stage
  // The ratio that is told is the fresh one's: the first is biased by having been selected.
  TRI_CHECK(near(decide(0.2, 20, 0.1, 30).ratio, exp(0.1), 1e-12));
}

// All 2^n ways the signs can fall: the share that a stage flags as a regression is the bound's factor.
static double share_of_signs(size_t n) {
  size_t flagged = 0;
  for (size_t signs = 0; signs < (size_t)1 << n; signs++) {
    double logs[16];
    for (size_t i = 0; i < n; i++) logs[i] = signs >> i & 1 ? 1 : -1;
    flagged += tri_rule_judge(&standard, logs, n).verdict == TRI_VERDICT_REGRESSION;
  }
  return (double)flagged / (double)((size_t)1 << n);
}

static void check_bound(void) {
  for (size_t n = 7; n <= 12; n++) {
    struct tri_rule rule = {.pairs = n, .confirmations = n, .effect = 0.03};
    double share = share_of_signs(n);
    TRI_CHECK(near(tri_rule_bound(&rule), 2 * share * share, 1e-12));
  }
  // P(Bin(20, 1/2) < 4) = 1351 / 2^20, P(Bin(30, 1/2) < 8) = 2804012 / 2^30.
  TRI_CHECK(near(tri_rule_bound(&standard), 2 * 1351 / 0x1p20 * 2804012 / 0x1p30, 1e-15));
}

// Power against every way that 7 to 9 draws out of three values can fall.
static void check_power_exactly(void) {
  static const double noise[] = {-0.30, -0.02, 0.10};
  for (size_t n = 7; n <= 9; n++)
    for (double shift = 0; shift < 0.5; shift += 0.09) {
      struct tri_rule rule = {.pairs = n, .confirmations = n, .effect = 0.03};
      size_t total = (size_t)pow(3, (double)n), flagged = 0;
      for (size_t draw = 0; draw < total; draw++) {
        double logs[16];
        for (size_t i = 0, rest = draw; i < n; i++, rest /= 3) logs[i] = noise[rest % 3] + shift;
        flagged += tri_rule_judge(&rule, logs, n).verdict == TRI_VERDICT_REGRESSION;
      }
      double share = (double)flagged / (double)total, power = tri_rule_power(&rule, noise, 3, shift);
      TRI_CHECK(n % 2 ? near(power, share * share, 1e-9) : power <= share * share + 1e-9);
    }
}

// Simulated: false alarms under drifting, skewed, heavy-tailed noise keep to the bound of one stage, and what is
// detectable is detected.
static void check_simulated(struct tri_random *random) {
  enum { TRIALS = 20000 };
  double first[20], second[30];
  unsigned flags = 0, found = 0, less_found = 0;
  for (unsigned trial = 0; trial < TRIALS; trial++) {
    double level = 1;
    for (size_t i = 0; i < 20; i++) {
      level *= exp(0.2 * (uniform(random) - 0.4)); // the machine slows down within the comparison
      double a = level * (1 + 0.1 / uniform(random)), b = level * 1.1 * (1 + 0.1 / uniform(random));
      first[i] = tri_random_next(random) & 1 ? log(a / b) : log(b / a); // who is first is slower or not: by the coin
    }
    struct tri_finding finding = tri_rule_judge(&standard, first, 20);
    flags += tri_flagged(&finding);
  }
  double expected = TRIALS * 2 * 1351 / 0x1p20; // 51.5, standard deviation 7.2
  printf("first stage: %u flags of %d, at most %.1f expected\n", flags, TRIALS, expected);
  TRI_CHECK_LE(flags, (unsigned)(expected + 5 * 7.2));

  double noise[999];
  for (size_t i = 0; i < 999; i++) noise[i] = 0.2 * ((double)i / 998 - 0.5);
  double shift = log1p(tri_rule_detectable(&standard, noise, 999, 0.8));
  for (unsigned trial = 0; trial < 4000; trial++) {
    for (size_t i = 0; i < 20; i++) first[i] = 0.2 * (uniform(random) - 0.5) + shift;
    for (size_t i = 0; i < 30; i++) second[i] = 0.2 * (uniform(random) - 0.5) + shift;
    found += tri_rule_decide(&standard, first, 20, second, 30).verdict == TRI_VERDICT_REGRESSION;
    for (size_t i = 0; i < 20; i++) first[i] -= shift / 2;
    for (size_t i = 0; i < 30; i++) second[i] -= shift / 2;
    less_found += tri_rule_decide(&standard, first, 20, second, 30).verdict == TRI_VERDICT_REGRESSION;
  }
  printf("detectable %.4f: found %u of 4000, half of it %u\n", expm1(shift), found, less_found);
  TRI_CHECK_GE(found, 3200 - 5 * 26);
  TRI_CHECK_LE(found, 3200 + 5 * 26 + 120); // even numbers of pairs: the power is a lower bound
  TRI_CHECK_LE(less_found, 2000);
}

static void check_detectable(void) {
  double none[] = {0}, wild[] = {-20, 20};
  TRI_CHECK(near(tri_rule_detectable(&standard, none, 1, 0.8), 0.03, 1e-4)); // without noise: the least effect
  TRI_CHECK(isinf(tri_rule_detectable(&standard, wild, 2, 0.8)));
  struct tri_rule few = {.pairs = 7, .confirmations = 7, .effect = 0.03};
  TRI_CHECK(isinf(tri_rule_detectable(&few, none, 1, 0.8))); // no interval, no detection
}

int main(int argc, char **argv) {
  struct tri_random random = {argc > 1 ? strtoull(argv[1], NULL, 0) : 1};
  printf("seed %llu\n", (unsigned long long)random.state);
  check_verdicts();
  check_needed(&random);
  check_confirmation();
  check_bound();
  check_power_exactly();
  check_simulated(&random);
  check_detectable();
  return 0;
}
