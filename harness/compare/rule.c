#include "compare/rule.h"

#include <math.h>
#include <stdint.h>

#include "common/check.h"

#define TAIL_OF_99 0.005 // each end of a two-sided 99 % interval may miss with this probability

static const char *const names[] = {"regression", "improvement", "no change", "inconclusive", "failed"};

const char *tri_verdict_name(enum tri_verdict verdict) { return names[verdict]; }

// ---- One set of pairs ----

static enum tri_verdict verdict_of(double low, double median, double high, double effect) {
  if (low > 0 && median >= effect) return TRI_VERDICT_REGRESSION;
  if (high < 0 && median <= -effect) return TRI_VERDICT_IMPROVEMENT;
  return low >= -effect && high <= effect ? TRI_VERDICT_NO_CHANGE : TRI_VERDICT_INCONCLUSIVE;
}

struct tri_finding tri_rule_judge(const struct tri_rule *rule, double *logs, size_t count) {
  tri_sort_samples(logs, count);
  double effect = log1p(rule->effect), median = tri_median(logs, count);
  struct tri_interval interval = tri_median_interval(logs, count);
  return (struct tri_finding){.pairs = count,
                              .ratio = exp(median),
                              .interval = {exp(interval.low), exp(interval.high), interval.exact},
                              .verdict = interval.exact ? verdict_of(interval.low, median, interval.high, effect)
                                                        : TRI_VERDICT_INCONCLUSIVE};
}

// ---- Two stages ----

struct tri_finding tri_rule_decide(const struct tri_rule *rule, double *first, size_t first_count, double *second,
                                   size_t second_count) {
  struct tri_finding flag = tri_rule_judge(rule, first, first_count);
  if (!tri_flagged(&flag)) return flag;
  if (second_count == 0) { // not confirmed
    flag.verdict = TRI_VERDICT_INCONCLUSIVE;
    return flag;
  }
  struct tri_finding fresh = tri_rule_judge(rule, second, second_count);
  // The two may contradict each other, or the second be cut short.
  if (tri_flagged(&fresh) && (fresh.verdict != flag.verdict || second_count < rule->confirmations))
    fresh.verdict = TRI_VERDICT_INCONCLUSIVE;
  return fresh;
}

// ---- How many pairs would tell ----

// The value at the fraction `p` of the sorted ones, between them linearly; the ends hold beyond.
static double quantile(const double *sorted, size_t count, double p) {
  double place = p * (double)(count + 1) - 1;
  if (place <= 0) return sorted[0];
  size_t below = (size_t)place;
  if (below + 1 >= count) return sorted[count - 1];
  return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

// Would `pairs` pairs tell, if they are spread like the ones at hand?
static bool would_tell(const double *sorted, size_t count, size_t pairs, double effect) {
  double p = (double)tri_interval_rank(pairs, TAIL_OF_99) / (double)(pairs + 1);
  return p > 0 && verdict_of(quantile(sorted, count, p), tri_median(sorted, count), quantile(sorted, count, 1 - p),
                             effect) != TRI_VERDICT_INCONCLUSIVE;
}

static size_t pairs_needed(const double *sorted, size_t count, double effect) {
  for (size_t more = 1; more < TRI_PAIRS_MOST; more += 1 + more / 8) // an estimate: steps of 12 % are fine enough
    if (would_tell(sorted, count, count + more, effect)) return more;
  return TRI_PAIRS_MOST;
}

size_t tri_rule_needed(const struct tri_rule *rule, double *first, size_t first_count, double *second,
                       size_t second_count) {
  if (tri_rule_decide(rule, first, first_count, second, second_count).verdict != TRI_VERDICT_INCONCLUSIVE) return 0;
  struct tri_finding flag = tri_rule_judge(rule, first, first_count);
  if (!tri_flagged(&flag)) return pairs_needed(first, first_count, log1p(rule->effect));
  if (second_count < rule->confirmations) return rule->confirmations - second_count;
  struct tri_finding fresh = tri_rule_judge(rule, second, second_count);
  return tri_flagged(&fresh) ? rule->confirmations : pairs_needed(second, second_count, log1p(rule->effect));
}

// ---- How often it errs, and what it sees ----

static double log_choose(size_t n, size_t k) {
  return lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1);
}

// x * log(p), where nothing of nothing is nothing.
static double log_power(double p, size_t x) { return x ? (double)x * log(p) : 0; }

// A stage flags a regression when fewer than `rank` of its n numbers are at most zero and its middle one is at least the
// effect. `p_none`: probability that a number is at most zero, `p_small`: that it is between zero and the effect.
static double stage_power(size_t n, double p_none, double p_small) {
  size_t rank = tri_interval_rank(n, TAIL_OF_99), lower_half = (n + 1) / 2;
  double p_large = fmax(0, 1 - p_none - p_small), sum = 0;
  for (size_t none = 0; none < rank; none++)
    for (size_t small = 0; none + small < lower_half; small++) {
      size_t large = n - none - small;
      sum += exp(log_choose(n, none) + log_choose(n - none, small) + log_power(p_none, none) +
                 log_power(p_small, small) + log_power(p_large, large));
    }
  return fmin(1, sum);
}

double tri_rule_bound(const struct tri_rule *rule) {
  // Equal programs are above zero with at most one half; without a least effect, as the bound is to hold for any noise.
  return 2 * stage_power(rule->pairs, 0.5, 0) * stage_power(rule->confirmations, 0.5, 0);
}

// The share of `noise` that a shift leaves at most (`strictly`: below) `limit`.
static double share_below(const double *noise, size_t count, double shift, double limit, bool strictly) {
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    double value = noise[middle] + shift;
    if (strictly ? value < limit : value <= limit) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return (double)low / (double)count;
}

double tri_rule_power(const struct tri_rule *rule, const double *noise, size_t count, double shift) {
  double effect = log1p(rule->effect), p_none = share_below(noise, count, shift, 0, false);
  double p_small = fmax(0, share_below(noise, count, shift, effect, true) - p_none);
  return stage_power(rule->pairs, p_none, p_small) * stage_power(rule->confirmations, p_none, p_small);
}

double tri_rule_detectable(const struct tri_rule *rule, const double *noise, size_t count, double power) {
  TRI_CHECK(count > 0);
  double low = 0, high = log(1000);
  if (tri_rule_power(rule, noise, count, high) < power) return HUGE_VAL;
  while (high - low > 1e-5) {
    double middle = (low + high) / 2;
    *(tri_rule_power(rule, noise, count, middle) < power ? &low : &high) = middle;
  }
  return expm1(high);
}
