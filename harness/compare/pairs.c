#include "compare/pairs.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/random.h"
#include "measure/order.h"

struct tri_subject tri_compared_subject(const struct tri_comparison *comparison, size_t index, enum tri_side side) {
  const struct tri_compared_cell *cell = &comparison->cells[index];
  return (struct tri_subject){.executable = comparison->executable[side],
                              .workload = cell->workload,
                              .collector = cell->collector[side],
                              .heap_bytes = cell->heap_bytes,
                              .size = comparison->size,
                              .options = comparison->options[side]};
}

// ---- Failures ----

static bool refused(const struct tri_taken *taken) { return tri_taken_exit(taken) == TRI_EXIT_BAD_INPUT; }

void tri_pair_failed(struct tri_comparison *comparison, size_t cell, const struct tri_taken taken[TRI_SIDES],
                     enum tri_exit *unfinished) {
  const struct tri_taken *base = &taken[TRI_BASE], *head = &taken[TRI_HEAD];
  bool finding = base->status == TRI_CELL_OK; // what base can do, head has to
  for (int side = 0; side < TRI_SIDES; side++) {
    if (tri_taken_exit(&taken[side]) == TRI_EXIT_FINDING) finding = true;
    if (tri_taken_exit(&taken[side]) == TRI_EXIT_SUITE_FAILED) *unfinished = TRI_EXIT_SUITE_FAILED;
  }
  // Base alone may refuse: what is new in head, it does not know.
  if (refused(base) && refused(head) && *unfinished == TRI_EXIT_GOOD) *unfinished = TRI_EXIT_BAD_INPUT;
  const char *base_why = base->status == TRI_CELL_OK ? "ok" : base->message;
  const char *head_why = head->status == TRI_CELL_OK ? "ok" : head->message;
  char *text = tri_format("base %s: %s; head %s: %s", tri_cell_status_name(base->status), base_why,
                          tri_cell_status_name(head->status), head_why);
  tri_comparison_fail_cell(comparison, cell, text, finding);
  free(text);
}

// ---- One pair ----

static void store_run(const struct tri_taken *taken, double run[TRI_METRICS]) {
  struct tri_sample sample = {.process = taken->process};
  run[TRI_METRIC_CPU] = (double)(taken->reading.user_ns + taken->reading.system_ns);
  run[TRI_METRIC_WALL] = (double)taken->reading.wall_ns;
  run[TRI_METRIC_MEMORY] = run[TRI_METRIC_PAUSE] = TRI_UNKNOWN;
  tri_sample_metric(&sample, "peak_rss_bytes", &run[TRI_METRIC_MEMORY]);
  tri_sample_metric(&sample, "pause_max_ns", &run[TRI_METRIC_PAUSE]);
}

static enum tri_stopwatch_status take_pair(struct tri_pair_taker *taker, struct tri_pair pair,
                                           struct tri_error *error) {
  struct tri_comparison *comparison = taker->comparison;
  struct tri_taken taken[TRI_SIDES] = {{0}};
  enum tri_stopwatch_status status = TRI_STOPWATCH_OK;
  bool good = true;
  for (int turn = 0; turn < TRI_SIDES; turn++) {
    enum tri_side side = (enum tri_side)((int)pair.first ^ turn);
    struct tri_subject subject = tri_compared_subject(comparison, pair.cell, side);
    status = tri_take(&taker->taker, &subject, &taken[side], error);
    if (status != TRI_STOPWATCH_OK && status != TRI_STOPWATCH_TIMED_OUT) break;
    good &= taken[side].status == TRI_CELL_OK;
    store_run(&taken[side], pair.run[side]);
  }
  bool whole = status == TRI_STOPWATCH_OK || status == TRI_STOPWATCH_TIMED_OUT; // half a pair says nothing
  if (whole && good) tri_comparison_add_pair(comparison, pair);
  if (whole && !good) tri_pair_failed(comparison, pair.cell, taken, &taker->unfinished);
  for (int side = 0; side < TRI_SIDES; side++) tri_taken_free(&taken[side]);
  return whole ? TRI_STOPWATCH_OK : status;
}

// ---- Stages ----

static enum tri_side coin(const struct tri_comparison *comparison, unsigned stage, unsigned round, size_t cell) {
  struct tri_random random = {(uint64_t)comparison->seed};
  random.state = tri_random_next(&random) + ((uint64_t)stage << 60) + ((uint64_t)round << 32) + cell;
  return tri_random_next(&random) >> 63 ? TRI_HEAD : TRI_BASE;
}

static bool write_at_times(struct tri_pair_taker *taker, time_t *written, struct tri_error *error) {
  if (time(NULL) == *written) return true;
  *written = time(NULL);
  return tri_comparison_write(taker->comparison, taker->out_path, error);
}

static enum tri_pairs_end take_stage(struct tri_pair_taker *taker, unsigned stage, unsigned rounds, const bool *wanted,
                                     struct tri_error *error) {
  struct tri_comparison *comparison = taker->comparison;
  size_t *order = tri_need(calloc(comparison->cell_count + 1, sizeof *order));
  enum tri_pairs_end end = TRI_PAIRS_TAKEN;
  time_t written = 0;
  for (unsigned round = 0; round < rounds && end == TRI_PAIRS_TAKEN; round++) {
    size_t visited = 0;
    tri_round_order((uint64_t)comparison->seed + stage, round, order, comparison->cell_count);
    for (size_t i = 0; i < comparison->cell_count && end == TRI_PAIRS_TAKEN; i++) {
      size_t cell = order[i];
      if (!wanted[cell] || comparison->cells[cell].failure) continue;
      struct tri_pair pair = {
          .cell = cell, .stage = stage, .round = round, .first = coin(comparison, stage, round, cell)};
      enum tri_stopwatch_status status = tri_interrupted(&taker->taker.signals) ? TRI_STOPWATCH_INTERRUPTED
                                                                                : take_pair(taker, pair, error);
      if (status == TRI_STOPWATCH_INTERRUPTED) end = TRI_PAIRS_INTERRUPTED;
      if (status == TRI_STOPWATCH_FAILED || !write_at_times(taker, &written, error)) end = TRI_PAIRS_STUCK;
      visited++;
    }
    if (visited == 0) break;
    if (!taker->quiet && stage > 0)
      fprintf(stderr, "%s: round %u of %u\n", stage == 1 ? "pairs" : "confirmation", round + 1, rounds);
  }
  free(order);
  return end;
}

enum tri_pairs_end tri_pairs_take(struct tri_pair_taker *taker, struct tri_error *error) {
  struct tri_comparison *comparison = taker->comparison;
  bool *wanted = tri_need(calloc(comparison->cell_count + 1, sizeof *wanted));
  for (size_t i = 0; i < comparison->cell_count; i++) wanted[i] = true;
  enum tri_pairs_end end = take_stage(taker, 0, 1, wanted, error);
  if (end == TRI_PAIRS_TAKEN) end = take_stage(taker, 1, (unsigned)comparison->rule.pairs, wanted, error);
  for (size_t i = 0; i < comparison->cell_count; i++) wanted[i] = tri_comparison_flagged(comparison, i);
  if (end == TRI_PAIRS_TAKEN) end = take_stage(taker, 2, (unsigned)comparison->rule.confirmations, wanted, error);
  comparison->complete = end == TRI_PAIRS_TAKEN;
  free(wanted);
  return end;
}
