// `tricolor show` and `replay`: heap programs run, in the fibers form (tricolor_fibers.c).
#include "program/commands.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/poison.h"
#include "measure/arguments.h"
#include "named.h"
#include "program/checked.h"
#include "program/files.h"
#include "program/show.h"
#include "shims/fault.h"

// ---- show -----------------------------------------------------------------------------------------------------

static enum tri_exit show(const char *path, struct tri_run_params *params, struct tri_error *error) {
  struct tri_program program = {0};
  if (!tri_program_read(path, &program, error)) return TRI_EXIT_BAD_INPUT;
  struct tri_run_result result;
  printf("%s on %s\n", path, params->collector->name);
  tri_program_show(&program, params, stdout, &result);
  tri_program_free(&program);
  switch (result.status) {
  case TRI_RUN_OK:
    printf("%" PRIu64 " operations, %" PRIu64 " effective, %" PRIu64 " allocations, %" PRIu64
           " collections, %" PRIu64 " times out of memory\n",
           result.steps, result.effective, result.allocations, result.collections, result.out_of_memory);
    if (result.switches)
      printf("%" PRIu64 " times another mutator went on, %" PRIu64 " of them preemptions\n", result.switches,
             result.preemptions);
    return TRI_EXIT_GOOD;
  case TRI_RUN_NO_HEAP:
    printf("%s\n", result.message);
    return TRI_EXIT_GOOD;
  case TRI_RUN_FINDING:
    printf("FINDING: %s\n", result.message);
    return TRI_EXIT_FINDING;
  case TRI_RUN_BAD_OPTIONS: break;
  }
  tri_fail(error, "%s", result.message);
  return TRI_EXIT_BAD_INPUT;
}

int tri_command_show(int argc, char **argv) {
  static const struct tri_command command = {
      .name = "show",
      .synopsis = "[options] FILE",
      .about = "Runs a heap program and prints the heap: objects by number, addresses, sizes, edges and "
               "roots, before and\n"
               "after each collection and at the end. - is the standard input.\n",
      .most_words = 1,
      .word_missing = TRI_NO_FILE};
  const char *name = NULL;
  char *options = NULL;
  struct tri_run_params params = {.collector = tri_collector_find("semispace"), .out = stdout};
  if (!params.collector) params.collector = tri_collectors[0];
  const struct tri_argument table[] = {
      {"collector", "C", "default semispace, or the first there is", .text = &name},
      TRI_ARGUMENT_STEPS(&params.max_steps),
      TRI_ARGUMENT_OPTIONS(&options),
      {0}};
  struct tri_words files = {0};
  struct tri_error error;
  enum tri_exit status = TRI_EXIT_BAD_INPUT;
  if (tri_arguments_parse(&command, table, argc, argv, &files, &error) &&
      (!name || (params.collector = tri_collector_named(name, &error)))) {
    params.options = options;
    status = show(files.words[0], &params, &error);
  }
  free(files.words);
  free(options);
  return status > TRI_EXIT_FINDING ? tri_command_fails(command.name, &error, status) : (int)status;
}

// ---- replay ---------------------------------------------------------------------------------------------------

struct replay {
  const struct tri_collector *const *collectors; // NULL-terminated
  bool checked;
  enum tri_check check;
  struct tri_check_summary summary;
  const char *options, *fault; // or NULL
  uint64_t steps;
  FILE *print;
  unsigned files, runs, findings;
  const char *path, *collector; // of the present run
};

// `again` says which collectors it takes to see it.
static void finding(struct replay *replay, const char *text, const char *again) {
  replay->findings++;
  const char *check = !replay->checked ? "off" : replay->check == TRI_CHECK_END ? "end" : NULL;
  char *command =
      tri_replay_command(again, check, replay->fault, replay->options, replay->steps, replay->path);
  printf("%s on %s: FINDING: %s\n  again: %s\n", replay->path, replay->collector, text, command);
  free(command);
}

static void print_totals(const struct replay *replay) {
  printf("%u programs, %u runs, %u findings\n", replay->files, replay->runs, replay->findings);
}

static void dying(void *context, const struct tri_run_result *result) {
  struct replay *replay = context;
  replay->runs++;
  finding(replay, result->message, replay->collector);
  printf("the process cannot go on after this one: what comes next is not replayed\n");
  print_totals(replay);
  fflush(NULL);
  _exit(TRI_EXIT_FINDING);
}

static void print_outcome(const struct tri_run_result *result) {
  char text[TRI_OUTCOME_TEXT] = "none";
  if (result->hashed) tri_outcome_text(result, text);
  const char *unlike = result->collector_dependent    ? ", may differ between any two collectors"
                       : result->capability_dependent ? ", may differ where WEAK or EPHEMERON is not claimed"
                                                      : "";
  printf("outcome: %s%s\n", text, unlike);
}

static bool replay_on(struct replay *replay, const struct tri_program *program, const struct tri_collector *collector,
                      struct tri_outcomes *outcomes, struct tri_error *error) {
  const struct tri_run_watch watch = {.dying = dying, .context = replay};
  struct tri_run_params params = {.collector = collector,
                                  .options = replay->options,
                                  .max_steps = replay->steps,
                                  .out = replay->print,
                                  .watch = &watch};
  struct tri_run_result result;
  struct tri_fault_record faulty;
  if (replay->fault &&
      !(params.collector = tri_fault_wrap(&faulty, collector, replay->fault, error->text, sizeof error->text)))
    return false;
  replay->collector = collector->name;
  if (replay->print) printf("%s on %s\n", replay->path, collector->name);
  if (replay->checked) {
    tri_program_run_checked(program, &params, replay->check, &replay->summary, &result);
    params.out = NULL;
    tri_program_repeats(program, &params, replay->check, &replay->summary, &result);
  } else {
    tri_program_run(program, &params, &result);
  }
  replay->runs++;
  if (result.status == TRI_RUN_BAD_OPTIONS) return tri_fail(error, "collector '%s': %s", collector->name, result.message);
  if (result.status == TRI_RUN_FINDING) finding(replay, result.message, collector->name);
  else if (!tri_program_agrees(outcomes, collector, &replay->summary, &result)) finding(replay, result.message, "all");
  else if (replay->print) print_outcome(&result);
  return true;
}

static bool replay_file(struct replay *replay, const char *path, struct tri_error *error) {
  struct tri_program program = {0};
  struct tri_outcomes outcomes = {0};
  bool ok = tri_program_read(path, &program, error);
  replay->files++;
  replay->path = path;
  for (const struct tri_collector *const *c = replay->collectors; ok && *c; c++)
    ok = replay_on(replay, &program, *c, &outcomes, error);
  tri_program_free(&program);
  return ok;
}

static enum tri_exit replay_files(struct replay *replay, const struct tri_words *files,
                                  struct tri_error *error) {
  struct tri_paths paths = {0};
  bool ok = true;
  tri_poison_set_filling(replay->checked);
  for (size_t i = 0; ok && i < files->count; i++) ok = tri_program_files(files->words[i], &paths, error);
  if (paths.count == 1) replay->print = stdout;
  for (size_t i = 0; ok && i < paths.count; i++) ok = replay_file(replay, paths.paths[i], error);
  tri_paths_free(&paths);
  if (!ok) return TRI_EXIT_BAD_INPUT;
  if (replay->checked) tri_check_summary_print(stdout, &replay->summary);
  print_totals(replay);
  return replay->findings ? TRI_EXIT_FINDING : TRI_EXIT_GOOD;
}

int tri_command_replay(int argc, char **argv) {
  static const struct tri_command command = {.name = "replay",
                                             .synopsis = "[options] FILE|FOLDER…",
                                             .about = "Runs heap programs on a collector, or on all of them "
                                                      "with one outcome, and reports what is wrong.\n"
                                                      "A folder means all programs below it, - the standard "
                                                      "input. `print` prints when there is one program.\n",
                                             .most_words = UINT_MAX,
                                             .word_missing = TRI_NO_FILE};
  enum { GC, END, OFF };
  static const char *const checks[] = {"gc", "end", "off", NULL};
  const char *name = "all";
  char *options = NULL;
  int check = GC;
  struct replay replay = {.collectors = tri_collectors};
  const struct tri_argument table[] = {
      {"collector", "C|all", "default all", .text = &name},
      {"check", NULL,
       "with the shadow heap, compared at the end of every collection (default), or only at the\n"
       "end of the program, or off",
       .choice = &check, .choices = checks},
      {"fault", "MODE[:K]", "plant a fault for the oracle to find, see `tricolor list faults`",
       .text = &replay.fault},
      TRI_ARGUMENT_STEPS(&replay.steps),
      TRI_ARGUMENT_OPTIONS(&options),
      {0}};
  struct tri_words files = {0};
  struct tri_error error;
  const struct tri_collector *one[2] = {0};
  enum tri_exit status = TRI_EXIT_BAD_INPUT;
  bool ok = tri_arguments_parse(&command, table, argc, argv, &files, &error);
  if (ok && strcmp(name, "all") != 0) {
    ok = (one[0] = tri_collector_named(name, &error));
    replay.collectors = one;
  }
  replay.checked = check != OFF;
  replay.check = check == GC ? TRI_CHECK_GC : TRI_CHECK_END;
  if (ok && replay.fault && !replay.checked)
    ok = tri_fail(&error,
                  "--fault plants a fault for the oracle to find: right would be --check=gc or --check=end");
  replay.options = options;
  if (ok) status = replay_files(&replay, &files, &error);
  free(files.words);
  free(options);
  return status > TRI_EXIT_FINDING ? tri_command_fails(command.name, &error, status) : (int)status;
}
