// The rule that decides whether head is slower than base, from pairs of runs: pure functions, no allocation but where
// said, any thread.
//
// One run of each, in random order, is a pair; its number is d = ln(head / base). If the two are alike, swapping them
// changes nothing, so each d is as likely above zero as below, whatever the noise looks like and however the machine
// drifts: the sign test. The interval of the median of d is that test inverted (order statistics, sample.h), exact at
// 99 %. A cell whose interval excludes zero, by a median of at least the least effect that matters, is flagged, and
// counts only when a second, fresh set of pairs flags it again in the same direction. The false alarms of both stages
// multiply, which gives tri_rule_bound: a bound and no estimate.
#ifndef TRICOLOR_COMPARE_RULE_H
#define TRICOLOR_COMPARE_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "measure/sample.h"

struct tri_rule {
  size_t pairs, confirmations; // of the first and of the second stage
  double effect;               // the least ratio that matters, less 1: 0.03
};

enum tri_verdict {
  TRI_VERDICT_REGRESSION,
  TRI_VERDICT_IMPROVEMENT,
  TRI_VERDICT_NO_CHANGE,    // the interval lies within the least effect
  TRI_VERDICT_INCONCLUSIVE, // it does not, and more pairs might tell
  TRI_VERDICT_FAILED,       // one of the two gave no times
};
const char *tri_verdict_name(enum tri_verdict verdict); // "no change"

// What one set of pairs says; without a second stage nothing is confirmed.
struct tri_finding {
  enum tri_verdict verdict;
  size_t pairs;
  double ratio;                 // head / base, of the median
  struct tri_interval interval; // of the ratio
};

// `logs` are sorted in place. count > 0.
struct tri_finding tri_rule_judge(const struct tri_rule *rule, double *logs, size_t count);

// Both stages: the second one's pairs are there only if the first one flagged the cell (`second_count` 0 otherwise, or
// when the comparison was interrupted, which leaves it inconclusive).
struct tri_finding tri_rule_decide(const struct tri_rule *rule, double *first, size_t first_count, double *second,
                                   size_t second_count);

// Inconclusive: about so many more pairs would tell, at most TRI_PAIRS_MOST; else 0. Takes a while: for the reader of a
// finding. The arguments are those of tri_rule_decide.
enum { TRI_PAIRS_MOST = 10000 };
size_t tri_rule_needed(const struct tri_rule *rule, double *first, size_t first_count, double *second,
                       size_t second_count);

// Whether a finding of the first stage asks for the second.
static inline bool tri_flagged(const struct tri_finding *finding) {
  return finding->verdict == TRI_VERDICT_REGRESSION || finding->verdict == TRI_VERDICT_IMPROVEMENT;
}

// The probability that this rule calls two equal programs different is at most that.
double tri_rule_bound(const struct tri_rule *rule);

// The probability that it confirms a head that is `shift` (in logarithms, > 0) slower, when the log ratios of equal
// programs are drawn from `noise` (sorted, count > 0). A lower bound where a stage has an even number of pairs.
double tri_rule_power(const struct tri_rule *rule, const double *noise, size_t count, double shift);

// The least slowdown (0.05 is 5 %) that is found with that probability; HUGE_VAL when none up to a factor of 1000 is.
double tri_rule_detectable(const struct tri_rule *rule, const double *noise, size_t count, double power);

#endif
