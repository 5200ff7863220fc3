#include "compare/compare.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compare/pairs.h"
#include "compare/show.h"
#include "measure/environment.h"

struct plan {
  const char *base, *head, *out, *markdown;
  struct tri_words collectors, workloads, heaps, sides; // sides: two collectors of this program
  uint64_t pairs, confirmations, percent, seed, timeout_seconds;
  int metric, size;
  char *collector_options;
  bool quiet, force;
};

static void print_exit_statuses(FILE *out) {
  fputs("Exit status: 0 good; 1 a confirmed regression, a failure of head, a wrong answer or a crash; 2 wrong usage;\n"
        "3 the suite itself failed or was interrupted.\n",
        out);
}

static const struct tri_command compare_command = {
    .name = "compare",
    .synopsis = "--base=DIR --head=DIR [options] | BASE HEAD [options]",
    .about = "Is head slower than base? Two builds, or two collectors of this program, run in pairs in random order;\n"
             "what differs counts when fresh pairs confirm it.\n",
    .more = print_exit_statuses,
    .most_words = 2};

// ---- The command line ----

static bool find_program(const char *option, const char *folder, char **path, struct tri_error *error) {
  struct stat found;
  if (stat(folder, &found) != 0 || !S_ISDIR(found.st_mode))
    return tri_fail(error, "--%s=%s: there is no such folder; right would be one that a build was made in", option,
                    folder);
  *path = tri_format("%s%s/tricolor", strchr(folder, '/') ? "" : "./", folder);
  if (stat(*path, &found) == 0 && S_ISREG(found.st_mode) && access(*path, X_OK) == 0) return true;
  return tri_fail(error, "--%s=%s: there is no program tricolor in this folder; build it there first", option, folder);
}

static bool find_sides(const struct plan *plan, const struct tri_bench_options *options, char *paths[TRI_SIDES],
                       struct tri_error *error) {
  if (plan->base || plan->head) {
    if (!plan->base || !plan->head)
      return tri_fail(error, "--%s=DIR is missing: the build that --%s is compared with", plan->base ? "head" : "base",
                      plan->base ? "base" : "head");
    if (plan->sides.count)
      return tri_fail(error, "'%s': two builds are compared on --collector=A,B,…", plan->sides.words[0]);
    return find_program("base", plan->base, &paths[TRI_BASE], error) &&
           find_program("head", plan->head, &paths[TRI_HEAD], error);
  }
  if (plan->sides.count != 2)
    return tri_fail(error, "what is compared? --base=DIR --head=DIR, or two collectors; see `tricolor compare --help`");
  if (plan->collectors.count)
    return tri_fail(error, "--collector is for two builds; here '%s' and '%s' are compared", plan->sides.words[0],
                    plan->sides.words[1]);
  for (int side = 0; side < TRI_SIDES; side++) {
    paths[side] = options->executable ? tri_format("%s", options->executable) : tri_own_path(error);
    if (!paths[side] || !tri_collector_known(paths[side], plan->sides.words[side], options->collectors, error))
      return false;
  }
  return true;
}

static bool check_names(const struct plan *plan, const struct tri_bench_options *options, const char *program,
                        struct tri_error *error) {
  uint64_t bytes;
  for (size_t i = 0; i < plan->collectors.count; i++)
    if (!tri_collector_known(program, plan->collectors.words[i], options->collectors, error)) return false;
  for (size_t i = 0; i < plan->workloads.count; i++)
    if (!tri_known("workload", plan->workloads.words[i], options->workloads, error)) return false;
  for (size_t i = 0; i < plan->heaps.count; i++)
    if (!tri_heap_bytes(plan->heaps.words[i], &bytes, error)) return false;
  if (!plan->force && access(plan->out, F_OK) == 0)
    return tri_fail(error, "--out=%s: the file exists; choose another name, or give --force to replace it", plan->out);
  return true;
}

static void default_list(struct tri_words *list, struct tri_names names) {
  if (list->words) return;
  *list = (struct tri_words){tri_need(calloc(names.count + 1, sizeof *list->words)), names.count};
  for (size_t i = 0; i < names.count; i++) list->words[i] = (char *)(uintptr_t)names.names[i];
}

static bool parse(struct plan *plan, const struct tri_bench_options *options, char *paths[TRI_SIDES], int argc,
                  char **argv, struct tri_error *error) {
  static const char *const default_heap[] = {"64m"};
  uint32_t seed = 1; // short enough to be typed again
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = 1;
  *plan = (struct plan){.pairs = 20, .confirmations = 30, .percent = 3, .seed = seed, .timeout_seconds = 600,
                        .size = 1, .out = "comparison.json"};
  const struct tri_argument table[] = {
      {"base", "DIR", "the build that head is compared with", .text = &plan->base},
      {"head", "DIR", "the build that may be slower", .text = &plan->head},
      {"collector", "A,B,…", "of two builds: on these collectors (default all)", .list = &plan->collectors},
      {"workload", "V,W,…", "names from `tricolor list workloads` (default all)", .list = &plan->workloads},
      {"heap", "SIZE,…", "limits of the memory for objects (default 64m)", .list = &plan->heaps},
      {"size", NULL, "which set of the workloads' parameters (default ci)", .choice = &plan->size, .choices = tri_sizes},
      {"options", "KEY=VALUE,…", "options of the collectors, given to both sides", .joined = &plan->collector_options,
       .letter = 'o'},
      {"metric", NULL, "what is compared (default cpu)", .choice = &plan->metric, .choices = tri_metric_words},
      {"pairs", "N", "pairs of each cell (default 20; a 99% interval needs 8)", .number = &plan->pairs, .least = 8,
       .most = TRI_PAIRS_MOST},
      {"confirm", "N", "fresh pairs for what differs (default 30)", .number = &plan->confirmations, .least = 8,
       .most = TRI_PAIRS_MOST},
      {"effect", "PERCENT", "the least change that matters (default 3)", .number = &plan->percent, .least = 1,
       .most = 1000},
      {"seed", "N", "of the order of runs (default: drawn; it is stored)", .number = &plan->seed, .most = INT64_MAX},
      {"timeout", "SECONDS", "end a run that takes longer (default 600; 0 never)", .number = &plan->timeout_seconds,
       .most = 1000000},
      {"out", "FILE", "the result as JSON (default comparison.json)", .text = &plan->out},
      {"markdown", "FILE", "append the table as markdown to FILE", .text = &plan->markdown},
      {"force", NULL, "replace the --out file when it exists", .flag = &plan->force},
      {"quiet", NULL, "show no progress", .flag = &plan->quiet},
      {0}};
  if (!tri_arguments_parse(&compare_command, table, argc, argv, &plan->sides, error) ||
      !find_sides(plan, options, paths, error))
    return false;
  if (!plan->sides.count) default_list(&plan->collectors, options->collectors);
  default_list(&plan->workloads, options->workloads);
  default_list(&plan->heaps, (struct tri_names){default_heap, 1});
  return check_names(plan, options, paths[TRI_HEAD], error);
}

// ---- The comparison ----

static void add_cells(struct tri_comparison *comparison, const struct plan *plan) {
  bool builds = plan->sides.count == 0;
  for (size_t w = 0; w < plan->workloads.count; w++)
    for (size_t h = 0; h < plan->heaps.count; h++)
      for (size_t c = 0; c < (builds ? plan->collectors.count : 1); c++) {
        uint64_t heap_bytes = 0;
        tri_parse_size(plan->heaps.words[h], &heap_bytes);
        char *const *sides = plan->sides.words, *same = builds ? plan->collectors.words[c] : NULL;
        size_t cell = tri_comparison_add_cell(comparison, plan->workloads.words[w], builds ? same : sides[TRI_BASE],
                                              builds ? same : sides[TRI_HEAD], heap_bytes);
        for (int side = 0; side < TRI_SIDES; side++) {
          struct tri_subject subject = tri_compared_subject(comparison, cell, (enum tri_side)side);
          comparison->cells[cell].command[side] = tri_subject_text(&subject);
        }
      }
}

static bool append_markdown(const struct tri_comparison *comparison, const char *path, struct tri_error *error) {
  FILE *file = fopen(path, "a");
  if (file) tri_show_markdown(file, comparison);
  bool good = file && !ferror(file);
  if (file && fclose(file) != 0) good = false;
  return good || tri_fail(error, "--markdown=%s: cannot be written: %m", path);
}

static int compare(struct tri_pair_taker *taker, const struct plan *plan) {
  struct tri_comparison *comparison = taker->comparison;
  struct tri_error error;
  char version[32];
  if (tri_hyperfine_version(&taker->taker.signals, taker->taker.directory, version, &error) != TRI_STOPWATCH_OK)
    return tri_command_fails("compare", &error, TRI_EXIT_SUITE_FAILED);
  comparison->stopwatch = tri_format("hyperfine %s", version);
  if (!tri_comparison_write(comparison, plan->out, &error)) // before anything is measured in vain
    return tri_command_fails("compare", &error, TRI_EXIT_SUITE_FAILED);
  enum tri_pairs_end end = tri_pairs_take(taker, &error);
  if (end == TRI_PAIRS_STUCK) return tri_command_fails("compare", &error, TRI_EXIT_SUITE_FAILED);
  if (!tri_comparison_write(comparison, plan->out, &error) ||
      (plan->markdown && !append_markdown(comparison, plan->markdown, &error)))
    return tri_command_fails("compare", &error, TRI_EXIT_SUITE_FAILED);
  tri_show_comparison(stdout, comparison);
  if (end == TRI_PAIRS_INTERRUPTED) {
    tri_fail(&error, "interrupted; the pairs so far are in %s", plan->out);
    return tri_command_fails("compare", &error, TRI_EXIT_SUITE_FAILED);
  }
  for (size_t i = 0; i < comparison->cell_count; i++)
    if (tri_is_finding(comparison, i)) return TRI_EXIT_FINDING;
  return (int)taker->unfinished;
}

static void describe(struct tri_comparison *comparison, const struct plan *plan, char *const paths[TRI_SIDES]) {
  tri_comparison_init(comparison);
  comparison->size = tri_format("%s", tri_sizes[plan->size]);
  comparison->seed = (int64_t)plan->seed;
  comparison->metric = (enum tri_metric)plan->metric;
  comparison->rule = (struct tri_rule){plan->pairs, plan->confirmations, (double)plan->percent / 100};
  for (int side = 0; side < TRI_SIDES; side++) {
    comparison->executable[side] = tri_text_copy(paths[side]);
    comparison->options[side] = tri_text_copy(plan->collector_options);
    comparison->environment[side] = tri_environment(paths[side]);
  }
  add_cells(comparison, plan);
}

int tri_compare(const struct tri_bench_options *options, int argc, char **argv) {
  struct plan plan;
  struct tri_error error;
  struct tri_comparison comparison;
  struct tri_pair_taker taker = {.comparison = &comparison};
  char *paths[TRI_SIDES] = {NULL};
  int status;
  if (!parse(&plan, options, paths, argc, argv, &error)) {
    status = tri_command_fails("compare", &error, TRI_EXIT_BAD_INPUT);
  } else if (!tri_taker_begin(&taker.taker, "compare", (unsigned)plan.timeout_seconds, &error)) {
    status = tri_command_fails("compare", &error, TRI_EXIT_SUITE_FAILED);
  } else {
    taker.out_path = plan.out;
    taker.quiet = plan.quiet;
    describe(&comparison, &plan, paths);
    status = compare(&taker, &plan);
    tri_comparison_free(&comparison);
    tri_taker_end(&taker.taker);
  }
  for (int side = 0; side < TRI_SIDES; side++) free(paths[side]);
  free(plan.collectors.words);
  free(plan.workloads.words);
  free(plan.heaps.words);
  free(plan.sides.words);
  free(plan.collector_options);
  return status;
}
