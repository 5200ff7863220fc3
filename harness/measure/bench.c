#include "measure/bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "measure/arguments.h"
#include "measure/environment.h"
#include "measure/order.h"
#include "measure/series.h"
#include "measure/subject.h"
#include "measure/table.h"
#include "measure/take.h"

// What the command line asks for. Lists are comma-separated words, cut in place.
struct plan {
  struct tri_words collectors, workloads, heaps;
  uint64_t runs, seed, timeout_seconds;
  int size; // in `sizes`
  const char *out;
  char *collector_options; // "key=value,…"; NULL
  bool quiet, force;
};

struct bench {
  const struct plan *plan;
  char *executable, *out_path;
  struct tri_taker taker;
  struct tri_series series;
  struct timespec started, written; // when the first sample began, when the file was last written
  bool found, refused, broken;      // a cell gave exit status 1, 2, 3
  bool on_terminal;
};

// ---- The command line ----

static void print_exit_statuses(FILE *out) {
  fputs("Exit status: 0 good, 1 wrong answer or crash, 2 wrong usage, 3 the suite itself failed or was "
        "interrupted.\n",
        out);
}

static const struct tri_command bench_command = {
    .name = "bench",
    .synopsis = "[options]",
    .about =
        "Times every workload on every collector at every heap size; each sample is a process of its own.\n",
    .more = print_exit_statuses};

// A list that was not given: all names. Their texts are the caller's and are not changed.
static void default_list(struct tri_words *list, struct tri_names names) {
  if (list->words) return;
  *list = (struct tri_words){tri_need(calloc(names.count + 1, sizeof *list->words)), names.count};
  for (size_t i = 0; i < names.count; i++) list->words[i] = (char *)(uintptr_t)names.names[i];
}

static bool check_names(const struct plan *plan, const struct tri_bench_options *options,
                        const char *executable, struct tri_error *error) {
  for (size_t i = 0; i < plan->collectors.count; i++)
    if (!tri_collector_known(executable, plan->collectors.words[i], options->collectors, error)) return false;
  for (size_t i = 0; i < plan->workloads.count; i++)
    if (!tri_known("workload", plan->workloads.words[i], options->workloads, error)) return false;
  for (uint64_t i = 0, bytes; i < plan->heaps.count; i++)
    if (!tri_heap_bytes(plan->heaps.words[i], &bytes, error)) return false;
  return true;
}

static uint64_t drawn_seed(void) {
  uint32_t seed; // short enough to be typed again
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = (uint32_t)time(NULL);
  return seed;
}

static bool parse(struct plan *plan, const struct tri_bench_options *options, const char *executable, int argc,
                  char **argv, struct tri_error *error) {
  static const char *const default_heap[] = {"64m"};
  *plan = (struct plan){.runs = 12, .seed = drawn_seed(), .timeout_seconds = 600, .size = 1};
  const struct tri_argument table[] = {
      {"collector", "A,B,…",
       "names from `tricolor list collectors`, paths of shared objects, or\npeer:NAME, a program in harness/peers "
       "(default all collectors)",
       .list = &plan->collectors},
      {"workload", "V,W,…", "names from `tricolor list workloads` (default all)", .list = &plan->workloads},
      {"heap", "SIZE,…", "limits of the memory for objects, e.g. 32m,64m (default 64m)",
       .list = &plan->heaps},
      {"runs", "N", "samples of each cell (default 12; a 99% interval needs 8)", .number = &plan->runs,
       .least = 1, .most = 1000000},
      {"size", NULL, "which set of the workloads' parameters (default ci)", .choice = &plan->size,
       .choices = tri_sizes},
      {"options", "KEY=VALUE,…", "options of the collectors, given to all of them",
       .joined = &plan->collector_options, .letter = 'o'},
      {"seed", "N", "of the order of samples (default: drawn; it is stored in the series)",
       .number = &plan->seed, .most = INT64_MAX},
      {"timeout", "SECONDS", "end a sample that takes longer (default 600; 0 never)",
       .number = &plan->timeout_seconds, .most = 1000000},
      {"out", "FILE", "the series (default series-DATE.json); written anew every round", .text = &plan->out},
      {"force", NULL, "replace FILE when it exists", .flag = &plan->force},
      {"quiet", NULL, "show no progress", .flag = &plan->quiet},
      {0}};
  if (!tri_arguments_parse(&bench_command, table, argc, argv, NULL, error)) return false;
  default_list(&plan->collectors, options->collectors);
  default_list(&plan->workloads, options->workloads);
  default_list(&plan->heaps, (struct tri_names){default_heap, 1});
  if (plan->out && !plan->force && access(plan->out, F_OK) == 0)
    return tri_fail(error, "--out=%s: the file exists; choose another name, or give --force to replace it",
                    plan->out);
  return check_names(plan, options, executable, error);
}

static void plan_free(struct plan *plan) {
  free(plan->collectors.words);
  free(plan->workloads.words);
  free(plan->heaps.words);
  free(plan->collector_options);
}

// ---- One sample ----

static struct tri_subject subject_of(const struct bench *bench, const struct tri_cell *cell) {
  return (struct tri_subject){.executable = bench->executable,
                              .workload = cell->workload,
                              .collector = cell->collector,
                              .heap_bytes = cell->heap_bytes,
                              .size = tri_sizes[bench->plan->size],
                              .options = bench->plan->collector_options};
}

static void note_failure(struct bench *bench, const struct tri_taken *taken) {
  switch (tri_taken_exit(taken)) {
  case TRI_EXIT_GOOD:
    break;
  case TRI_EXIT_FINDING:
    bench->found = true;
    break;
  case TRI_EXIT_BAD_INPUT:
    bench->refused = true;
    break;
  case TRI_EXIT_SUITE_FAILED:
    bench->broken = true;
    break;
  }
}

static enum tri_stopwatch_status take_sample(struct bench *bench, struct tri_sample sample,
                                             struct tri_error *error) {
  struct tri_subject subject = subject_of(bench, &bench->series.cells[sample.cell]);
  struct tri_taken taken;
  enum tri_stopwatch_status status = tri_take(&bench->taker, &subject, &taken, error);
  if (status != TRI_STOPWATCH_OK && status != TRI_STOPWATCH_TIMED_OUT) return status;
  note_failure(bench, &taken);
  if (status == TRI_STOPWATCH_OK) {
    sample.status = taken.status;
    sample.reading = taken.reading;
    sample.process = json_incref(taken.process);
    tri_series_add_sample(&bench->series, sample, taken.message);
  } else { // no time was read, so there is no sample
    tri_series_judge_cell(&bench->series, sample.cell, taken.status, taken.message);
  }
  tri_taken_free(&taken);
  return status;
}

// ---- Progress ----

static double seconds_since(const struct timespec *then) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

static bool is_live(const struct tri_cell *cell) {
  return cell->status == TRI_CELL_PENDING || cell->status == TRI_CELL_OK;
}

// Samples still to come, if no further cell drops out. `visited`: places of the running round that are done.
static size_t samples_left(const struct bench *bench, unsigned round, const size_t *order, size_t visited) {
  const struct tri_series *series = &bench->series;
  size_t live = 0, left = 0;
  for (size_t i = 0; i < series->cell_count; i++) {
    live += is_live(&series->cells[i]);
    left += i >= visited && is_live(&series->cells[order[i]]);
  }
  return left + live * (series->runs - round - 1);
}

static void show_sample(const struct bench *bench, const struct tri_cell *cell, size_t left) {
  if (bench->plan->quiet || !bench->on_terminal) return;
  size_t done = bench->series.sample_count;
  fprintf(stderr, "\r\033[K[%zu/%zu] %s", done + 1, done + left, cell->id);
  if (done) {
    char *time = tri_duration_text(seconds_since(&bench->started) / (double)done * (double)left * 1e9);
    fprintf(stderr, ", about %s left", time);
    free(time);
  }
  fflush(stderr);
}

static void show_round(const struct bench *bench, unsigned round) {
  if (bench->plan->quiet || bench->on_terminal) return;
  char *time = tri_duration_text(seconds_since(&bench->started) * 1e9);
  fprintf(stderr, "round %u of %u: %zu samples after %s\n", round + 1, bench->series.runs,
          bench->series.sample_count, time);
  free(time);
}

static void clear_progress(const struct bench *bench) {
  if (!bench->plan->quiet && bench->on_terminal) fputs("\r\033[K", stderr);
}

// ---- The series ----

static bool write_series(struct bench *bench, struct tri_error *error) {
  clock_gettime(CLOCK_MONOTONIC, &bench->written);
  return tri_series_write(&bench->series, bench->out_path, error);
}

enum progress { GOING_ON, INTERRUPTED, STUCK }; // stuck: the error says why no more samples can be taken

static enum progress take_round(struct bench *bench, unsigned round, const size_t *order,
                                struct tri_error *error) {
  struct tri_series *series = &bench->series;
  for (size_t place = 0; place < series->cell_count; place++) {
    if (tri_interrupted(&bench->taker.signals)) return INTERRUPTED;
    if (!is_live(&series->cells[order[place]])) continue;
    struct tri_sample sample = {
        .cell = order[place], .round = round, .slot = round * series->cell_count + place};
    show_sample(bench, &series->cells[sample.cell], samples_left(bench, round, order, place));
    enum tri_stopwatch_status status = take_sample(bench, sample, error);
    if (status == TRI_STOPWATCH_INTERRUPTED) return INTERRUPTED;
    if (status == TRI_STOPWATCH_FAILED) return STUCK;
    // A round may take minutes, so the file is written within it too; not each time, because it grows.
    if (seconds_since(&bench->written) >= 1 && !write_series(bench, error)) return STUCK;
  }
  return write_series(bench, error) ? GOING_ON : STUCK;
}

// Takes all samples; ends early when no cell is left that is worth one.
static enum progress take_samples(struct bench *bench, struct tri_error *error) {
  struct tri_series *series = &bench->series;
  size_t *order = tri_need(calloc(series->cell_count + 1, sizeof *order)), left = series->cell_count;
  enum progress progress = GOING_ON;
  clock_gettime(CLOCK_MONOTONIC, &bench->started);
  for (unsigned round = 0; progress == GOING_ON && round < series->runs && left > 0; round++) {
    tri_round_order((uint64_t)series->seed, round, order, series->cell_count);
    progress = take_round(bench, round, order, error);
    left = samples_left(bench, round, order, series->cell_count);
    if (progress == GOING_ON) show_round(bench, round);
  }
  series->complete = progress == GOING_ON;
  free(order);
  clear_progress(bench);
  return progress;
}

static void add_cells(struct bench *bench) {
  const struct plan *plan = bench->plan;
  for (size_t w = 0; w < plan->workloads.count; w++)
    for (size_t h = 0; h < plan->heaps.count; h++)
      for (size_t c = 0; c < plan->collectors.count; c++) {
        uint64_t heap_bytes = 0;
        tri_parse_size(plan->heaps.words[h], &heap_bytes);
        size_t index = tri_series_add_cell(&bench->series, plan->workloads.words[w],
                                           plan->collectors.words[c], heap_bytes);
        struct tri_subject subject = subject_of(bench, &bench->series.cells[index]);
        bench->series.cells[index].command = tri_subject_text(&subject);
      }
}

static void describe_series(struct bench *bench, const char *hyperfine_version) {
  struct tri_series *series = &bench->series;
  const struct plan *plan = bench->plan;
  series->stopwatch = tri_format("hyperfine %s", hyperfine_version);
  series->executable = tri_format("%s", bench->executable);
  series->size = tri_format("%s", tri_sizes[plan->size]);
  series->seed = (int64_t)plan->seed;
  series->runs = (unsigned)plan->runs;
  if (plan->collector_options) {
    char *options = tri_format("%s", plan->collector_options), *rest = options;
    for (char *word; (word = strsep(&rest, ","));) json_array_append_new(series->options, json_string(word));
    free(options);
  }
  json_decref(series->environment);
  series->environment = tri_environment(bench->executable);
}

static char *default_out(const char *started) {
  // 2026-01-02T03:04:05+00:00 becomes series-20260102T030405Z.json
  return tri_format("series-%.4s%.2s%.5s%.2s%.2sZ.json", started, started + 5, started + 8, started + 14,
                    started + 17);
}

// ---- The end ----

static const char *finding_word(enum tri_cell_status status) {
  return status == TRI_CELL_WRONG ? "wrong answer" : "failed";
}

static const char *environment_text(const struct tri_series *series, const char *key) {
  const char *text = json_string_value(json_object_get(series->environment, key));
  return text ? text : "";
}

static const char *plural(size_t count) { return count == 1 ? "" : "s"; }

static void report(const struct bench *bench) {
  const struct tri_series *series = &bench->series;
  const char *build_type = environment_text(series, "build_type"),
             *sanitizers = environment_text(series, "sanitizers");
  tri_table_print(stdout, series);
  if (strncmp(build_type, "Rel", 3) != 0 || *sanitizers)
    printf("note: built as %s%s%s, so these times say little; -DCMAKE_BUILD_TYPE=Release is for timing\n",
           *build_type ? build_type : "no type", *sanitizers ? " with sanitizers " : "", sanitizers);
  size_t planned = series->cell_count * series->runs;
  if (series->complete) {
    printf("%s: %zu sample%s of %zu cell%s, seed %lld\n", bench->out_path, series->sample_count,
           plural(series->sample_count), series->cell_count, plural(series->cell_count),
           (long long)series->seed);
  }
  fflush(stdout);
  for (size_t i = 0; i < series->cell_count; i++) {
    const struct tri_cell *cell = &series->cells[i];
    if (cell->status == TRI_CELL_SKIPPED) fprintf(stderr, "%s: skipped: %s\n", cell->id, cell->message);
    if (cell->status != TRI_CELL_WRONG && cell->status != TRI_CELL_FAILED) continue;
    fprintf(stderr, "%s: %s: %s\n  again with: %s\n", cell->id, finding_word(cell->status), cell->message,
            cell->command);
  }
  if (bench->taker.signals.interrupted_by)
    fprintf(stderr, "tricolor bench: interrupted; %zu of %zu samples are in %s\n", series->sample_count,
            planned, bench->out_path);
}

static int exit_status(const struct bench *bench) {
  if (bench->taker.signals.interrupted_by) return TRI_EXIT_SUITE_FAILED;
  if (bench->found) return TRI_EXIT_FINDING;
  if (bench->refused) return TRI_EXIT_BAD_INPUT;
  return bench->broken ? TRI_EXIT_SUITE_FAILED : TRI_EXIT_GOOD;
}

static int measure(struct bench *bench) {
  struct tri_error error;
  char version[32];
  enum tri_stopwatch_status status =
      tri_hyperfine_version(&bench->taker.signals, bench->taker.directory, version, &error);
  if (status == TRI_STOPWATCH_FAILED) goto failed;
  if (status == TRI_STOPWATCH_INTERRUPTED) {
    tri_fail(&error, "interrupted before anything was measured");
    goto failed;
  }
  describe_series(bench, version);
  add_cells(bench);
  bench->out_path =
      bench->plan->out ? tri_format("%s", bench->plan->out) : default_out(bench->series.started);
  if (!write_series(bench, &error)) goto failed; // before anything is measured in vain
  enum progress progress = take_samples(bench, &error);
  struct tri_error write_error;
  bool written = write_series(bench, &write_error);
  report(bench);
  if (written && progress != STUCK) return exit_status(bench);
  if (!written) error = write_error;
failed:
  return tri_command_fails(bench_command.name, &error, TRI_EXIT_SUITE_FAILED);
}

int tri_bench(const struct tri_bench_options *options, int argc, char **argv) {
  struct plan plan = {0};
  struct tri_error error;
  struct bench bench = {.plan = &plan, .on_terminal = isatty(STDERR_FILENO)};
  int status = TRI_EXIT_SUITE_FAILED;
  bench.executable = options->executable ? tri_format("%s", options->executable) : tri_own_path(&error);
  if (!bench.executable) return tri_command_fails(bench_command.name, &error, TRI_EXIT_SUITE_FAILED);
  if (!parse(&plan, options, bench.executable, argc, argv, &error)) {
    status = tri_command_fails(bench_command.name, &error, TRI_EXIT_BAD_INPUT);
  } else if (!tri_taker_begin(&bench.taker, "bench", (unsigned)plan.timeout_seconds, &error)) {
    tri_command_fails(bench_command.name, &error, TRI_EXIT_SUITE_FAILED);
  } else {
    tri_series_init(&bench.series);
    status = measure(&bench);
    tri_series_free(&bench.series);
    tri_taker_end(&bench.taker);
  }
  free(bench.executable);
  free(bench.out_path);
  plan_free(&plan);
  return status;
}
