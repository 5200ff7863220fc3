// The rule on recorded runs: no false alarm in 20 000 replayed comparisons, and what it finds of a known slowdown is what
// its power says; beside it, what one gets from mean and deviation on the same runs.  test_replay STREAM [SEED]
#include "compare/replay.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"

static const struct tri_rule standard = {.pairs = 20, .confirmations = 30, .effect = 0.03};
enum { COMPARISONS = 20000, INJECTED = 2000, MEAN_RUNS = 20 };

// Column 0 is processor time, 1 wall time.
static struct tri_stream load(const char *path, int column) {
  struct tri_stream stream = {0};
  FILE *file = fopen(path, "r");
  TRI_CHECK(file != NULL);
  for (char line[256]; fgets(line, sizeof line, file);) {
    double values[2];
    if (sscanf(line, "%lf %lf", &values[0], &values[1]) != 2) continue;
    stream.runs = tri_room_for_one(stream.runs, stream.count, sizeof *stream.runs);
    stream.runs[stream.count++] = values[column];
  }
  fclose(file);
  TRI_CHECK_EQ(stream.count, 600);
  return stream;
}

struct tally {
  unsigned regressions, improvements, by_mean;
};

static struct tally replay(const struct tri_stream *stream, uint64_t seed, unsigned comparisons, double factor) {
  struct tally tally = {0};
  for (unsigned i = 0; i < comparisons; i++) {
    enum tri_verdict verdict = tri_replay(stream, &standard, seed, i, factor);
    tally.regressions += verdict == TRI_VERDICT_REGRESSION;
    tally.improvements += verdict == TRI_VERDICT_IMPROVEMENT;
    tally.by_mean += tri_replay_mean_sigma(stream, MEAN_RUNS, seed, i, factor);
  }
  return tally;
}

// Neighbours in the stream as pairs, either way round: the noise of this machine, symmetric.
static double *noise_of(const struct tri_stream *stream, size_t *count) {
  double *noise = tri_need(calloc(2 * stream->count, sizeof *noise));
  *count = 0;
  for (size_t i = 0; i + 1 < stream->count; i++) {
    double ratio = log(stream->runs[i + 1] / stream->runs[i]);
    noise[(*count)++] = ratio;
    noise[(*count)++] = -ratio;
  }
  tri_sort_samples(noise, *count);
  return noise;
}

static void check_stream(const char *path, int column, uint64_t seed) {
  struct tri_stream stream = load(path, column);
  size_t count;
  double *noise = noise_of(&stream, &count);
  struct tally equal = replay(&stream, seed, COMPARISONS, 1);
  printf("%s: %u false alarms of %d, mean and deviation %u; detectable at 80 %%: %.1f %%\n", column ? "wall" : "cpu",
         equal.regressions + equal.improvements, COMPARISONS, equal.by_mean,
         100 * tri_rule_detectable(&standard, noise, count, 0.8));
  TRI_CHECK_EQ(equal.regressions + equal.improvements, 0);
  for (int percent = 5; percent <= 20; percent *= 2) {
    double factor = 1 + percent / 100.0, power = tri_rule_power(&standard, noise, count, log(factor));
    struct tally slower = replay(&stream, seed, INJECTED, factor);
    double found = (double)slower.regressions / INJECTED;
    printf("  %2d %% slower: found %.3f, power %.3f, by mean and deviation %.3f\n", percent, found, power,
           (double)slower.by_mean / INJECTED);
    TRI_CHECK_EQ(slower.improvements, 0);
    // The power takes pairs to be independent; drift ties those of one comparison together.
    TRI_CHECK(fabs(found - power) <= 0.05);
  }
  free(noise);
  free(stream.runs);
}

int main(int argc, char **argv) {
  TRI_CHECK_GE(argc, 2);
  uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("seed %llu\n", (unsigned long long)seed);
  check_stream(argv[1], 0, seed);
  check_stream(argv[1], 1, seed);
  return 0;
}
