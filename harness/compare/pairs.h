// Takes the pairs of a comparison: one to warm up, the first stage for all cells, the second for those that it flags.
// Cells are visited in random rounds, base and head of a pair in random order, each run in a process of its own.
#ifndef TRICOLOR_COMPARE_PAIRS_H
#define TRICOLOR_COMPARE_PAIRS_H

#include "compare/comparison.h"
#include "measure/take.h"

struct tri_pair_taker {
  struct tri_taker taker;
  struct tri_comparison *comparison;
  const char *out_path;      // written each round and about once a second in long ones
  bool quiet;                // no line for each round
  enum tri_exit unfinished;  // a side refused what it was asked for (bad input), or could not run at all (suite failed)
};

enum tri_pairs_end { TRI_PAIRS_TAKEN, TRI_PAIRS_INTERRUPTED, TRI_PAIRS_STUCK }; // stuck: *error says why
enum tri_pairs_end tri_pairs_take(struct tri_pair_taker *taker, struct tri_error *error);

// What a cell's side runs.
struct tri_subject tri_compared_subject(const struct tri_comparison *comparison, size_t cell, enum tri_side side);

// The failure of a pair, of which one side was not ok at least: fails its cell. Also for runs that are not timed.
void tri_pair_failed(struct tri_comparison *comparison, size_t cell, const struct tri_taken taken[TRI_SIDES],
                     enum tri_exit *unfinished);

#endif
