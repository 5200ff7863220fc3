#include "compare/replay.h"

#include <math.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/random.h"

struct tri_stream tri_stream_of(const struct tri_comparison *comparison, size_t cell, enum tri_metric metric) {
  struct tri_stream stream = {0};
  for (size_t i = 0; i < comparison->pair_count; i++) {
    const struct tri_pair *pair = &comparison->pairs[i];
    if (pair->cell != cell || pair->stage == 0) continue;
    for (int turn = 0; turn < TRI_SIDES; turn++) {
      double value = pair->run[(int)pair->first ^ turn][metric];
      if (value < 0) continue;
      stream.runs = tri_room_for_one(stream.runs, stream.count, sizeof *stream.runs);
      stream.runs[stream.count++] = value;
    }
  }
  return stream;
}

// A place in the stream; it goes round at its end.
struct window {
  const struct tri_stream *stream;
  size_t at;
  struct tri_random random;
};

static struct window window_at(const struct tri_stream *stream, uint64_t seed, uint64_t index) {
  TRI_CHECK(stream->count > 0);
  struct window window = {.stream = stream, .random = {seed}};
  window.random.state = tri_random_next(&window.random) + index;
  window.random.state = tri_random_next(&window.random);
  window.at = (size_t)tri_random_below(&window.random, stream->count);
  return window;
}

static double next_run(struct window *window) {
  double run = window->stream->runs[window->at];
  window->at = (window->at + 1) % window->stream->count;
  return run;
}

static double *take_pairs(struct window *window, size_t count, double factor) {
  double *logs = tri_need(calloc(count + 1, sizeof *logs));
  for (size_t i = 0; i < count; i++) {
    double first = next_run(window), second = next_run(window);
    bool head_first = tri_random_next(&window->random) >> 63;
    double base = head_first ? second : first, head = (head_first ? first : second) * factor;
    logs[i] = log((head + 1) / (base + 1));
  }
  return logs;
}

enum tri_verdict tri_replay(const struct tri_stream *stream, const struct tri_rule *rule, uint64_t seed, uint64_t index,
                            double factor) {
  struct window window = window_at(stream, seed, index);
  double *first = take_pairs(&window, rule->pairs, factor), *second = take_pairs(&window, rule->confirmations, factor);
  enum tri_verdict verdict = tri_rule_decide(rule, first, rule->pairs, second, rule->confirmations).verdict;
  free(first);
  free(second);
  return verdict;
}

static void take_block(struct window *window, size_t runs, double factor, double *mean, double *sigma) {
  double sum = 0, squares = 0;
  for (size_t i = 0; i < runs; i++) {
    double run = next_run(window) * factor;
    sum += run;
    squares += run * run;
  }
  *mean = sum / (double)runs;
  *sigma = sqrt(fmax(0, (squares - sum * sum / (double)runs) / (double)(runs - 1)));
}

bool tri_replay_mean_sigma(const struct tri_stream *stream, size_t runs, uint64_t seed, uint64_t index, double factor) {
  struct window window = window_at(stream, seed, index);
  double base, base_sigma, head, head_sigma;
  TRI_CHECK_GE(runs, 2);
  take_block(&window, runs, 1, &base, &base_sigma);
  take_block(&window, runs, factor, &head, &head_sigma);
  return head - head_sigma > base + base_sigma || (factor == 1 && head + head_sigma < base - base_sigma);
}
