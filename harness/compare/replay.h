// Comparisons replayed on a recorded stream: the runs of one program in the order they were taken, with the machine's
// drift in them. Cut into pairs anywhere, with fresh coins for who is base, they are comparisons of a program with itself;
// with head's numbers multiplied they have a slowdown of known size. So rules can be held beside each other on the same
// runs. Pure but for the allocation of a stream; any thread.
#ifndef TRICOLOR_COMPARE_REPLAY_H
#define TRICOLOR_COMPARE_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "compare/comparison.h"

struct tri_stream {
  double *runs; // of one metric
  size_t count;
};

// The runs of one cell whose base and head are the same program. The caller frees `runs`.
struct tri_stream tri_stream_of(const struct tri_comparison *comparison, size_t cell, enum tri_metric metric);

// The verdict of the `index`-th comparison, head slowed down by the factor: the same again for equal arguments.
enum tri_verdict tri_replay(const struct tri_stream *stream, const struct tri_rule *rule, uint64_t seed, uint64_t index,
                            double factor);

// What others do: `runs` of base, then as many of head, and an alarm when mean and deviation of head lie above those of
// base: mean - sigma > mean + sigma.
bool tri_replay_mean_sigma(const struct tri_stream *stream, size_t runs, uint64_t seed, uint64_t index, double factor);

#endif
