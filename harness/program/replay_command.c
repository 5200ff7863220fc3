// `tricolor show` and `replay`: heap programs run, in the fibers form (tricolor_fibers.c).
#include "program/commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/poison.h"
#include "named.h"
#include "program/arguments.h"
#include "program/checked.h"
#include "program/files.h"
#include "program/show.h"
#include "shims/fault.h"

// ---- show -----------------------------------------------------------------------------------------------------

int tri_command_show(int argc, char **argv) {
  static const struct tri_command command = {
      "show", "con",
      "usage: tricolor show [--collector=C] [-o KEY=VALUE,…] FILE\n"
      "Runs a heap program and prints the heap: objects by number, addresses, sizes, edges and roots, before and\n"
      "after each collection and at the end.\n"
      "  --collector=C     default semispace, or the first there is\n"
      "  --steps=N         how many operations loops may repeat in all (default 10000)\n"
      "  -o KEY=VALUE,…    options of the collector, see `tricolor list options`\n"};
  struct tri_arguments arguments;
  struct tri_error error;
  struct tri_program program = {0};
  if (!tri_arguments_parse(&command, argc, argv, &arguments, &error)) return tri_command_bad(&command, &error);
  if (arguments.n_files > 1) {
    tri_fail(&error, "one file at a time, please: '%s' is too many", arguments.files[1]);
    return tri_command_bad(&command, &error);
  }
  const struct tri_collector *collector = tri_collector_find("semispace");
  if (!collector) collector = tri_collectors[0];
  if (arguments.collector && !(collector = tri_collector_named(arguments.collector, &error)))
    return tri_command_bad(&command, &error);
  if (!tri_program_read(arguments.files[0], &program, &error)) return tri_command_bad(&command, &error);
  struct tri_run_params params = {
      .collector = collector, .options = arguments.options, .max_steps = arguments.steps, .out = stdout};
  struct tri_run_result result;
  printf("%s on %s\n", arguments.files[0], collector->name);
  tri_program_show(&program, &params, stdout, &result);
  tri_program_free(&program);
  switch (result.status) {
  case TRI_RUN_OK:
    printf("%" PRIu64 " operations, %" PRIu64 " effective, %" PRIu64 " allocations, %" PRIu64
           " collections, %" PRIu64 " times out of memory\n",
           result.steps, result.effective, result.allocations, result.collections, result.out_of_memory);
    if (result.switches)
      printf("%" PRIu64 " times another mutator went on, %" PRIu64 " of them preemptions\n", result.switches,
             result.preemptions);
    return 0;
  case TRI_RUN_NO_HEAP: printf("%s\n", result.message); return 0;
  case TRI_RUN_FINDING: printf("FINDING: %s\n", result.message); return 1;
  case TRI_RUN_BAD_OPTIONS: break;
  }
  tri_fail(&error, "%s", result.message);
  return tri_command_bad(&command, &error);
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
};

// The first run whose outcome every other one has to have.
struct reference {
  const char *collector; // NULL: none yet
  struct tri_run_result result;
};

static bool equal_outcome(const struct tri_run_result *a, const struct tri_run_result *b) {
  return a->graph_hash == b->graph_hash && a->objects == b->objects && a->allocations == b->allocations;
}

static void finding(struct replay *replay, const char *path, const char *collector, const char *text) {
  replay->findings++;
  char *command = tri_replay_command(collector, replay->fault, replay->options, replay->steps, path);
  printf("%s on %s: FINDING: %s\n  again: %s\n", path, collector, text, command);
  free(command);
}

static bool replay_on(struct replay *replay, const char *path, const struct tri_program *program,
                      const struct tri_collector *collector, struct reference *reference, struct tri_error *error) {
  struct tri_run_params params = {
      .collector = collector, .options = replay->options, .max_steps = replay->steps, .out = replay->print};
  struct tri_run_result result;
  struct tri_fault_record faulty;
  if (replay->fault &&
      !(params.collector = tri_fault_wrap(&faulty, collector, replay->fault, error->text, sizeof error->text)))
    return false;
  if (replay->print) printf("%s on %s\n", path, collector->name);
  if (replay->checked) {
    tri_program_run_checked(program, &params, replay->check, &replay->summary, &result);
    params.out = NULL;
    tri_program_repeats(program, &params, replay->check, &replay->summary, &result);
  } else {
    tri_program_run(program, &params, &result);
  }
  replay->runs++;
  if (result.status == TRI_RUN_BAD_OPTIONS) return tri_fail(error, "collector '%s': %s", collector->name, result.message);
  if (result.status == TRI_RUN_FINDING) finding(replay, path, collector->name, result.message);
  if (result.status != TRI_RUN_OK || result.collector_dependent || !result.hashed) return true;
  if (!reference->collector) {
    *reference = (struct reference){collector->name, result};
  } else if (!equal_outcome(&reference->result, &result)) {
    char text[300];
    snprintf(text, sizeof text,
             "the outcome differs from %s: %" PRIu64 " of %" PRIu64 " objects reachable, graph %016" PRIx64
             "; there %" PRIu64 " of %" PRIu64 ", graph %016" PRIx64,
             reference->collector, result.objects, result.allocations, result.graph_hash,
             reference->result.objects, reference->result.allocations, reference->result.graph_hash);
    finding(replay, path, collector->name, text);
  }
  return true;
}

static bool replay_file(struct replay *replay, const char *path, struct tri_error *error) {
  struct tri_program program = {0};
  struct reference reference = {0};
  bool ok = tri_program_read(path, &program, error);
  replay->files++;
  for (const struct tri_collector *const *c = replay->collectors; ok && *c; c++)
    ok = replay_on(replay, path, &program, *c, &reference, error);
  tri_program_free(&program);
  return ok;
}

static bool choose_check(const char *word, bool *checked, enum tri_check *check, struct tri_error *error) {
  *checked = strcmp(word, "off") != 0;
  *check = strcmp(word, "gc") == 0 ? TRI_CHECK_GC : TRI_CHECK_END;
  if (!*checked || *check == TRI_CHECK_GC || strcmp(word, "end") == 0) return true;
  return tri_fail(error, "--check=%s: right would be gc, end or off", word);
}

int tri_command_replay(int argc, char **argv) {
  static const struct tri_command command = {
      "replay", "coknf",
      "usage: tricolor replay [--collector=C|all] [--check=gc|end|off] [--fault=MODE[:K]] [-o KEY=VALUE,…] FILE|FOLDER…\n"
      "Runs heap programs on a collector, or on all of them with one outcome, and reports what is wrong.\n"
      "A folder means all programs below it, - the standard input. `print` prints when there is one program.\n"
      "  --collector=C     default all\n"
      "  --check=gc        with the shadow heap, compared at the end of every collection (default), or only at the\n"
      "                    end of the program, or off\n"
      "  --steps=N         how many operations loops may repeat in all (default 10000)\n"
      "  --fault=MODE[:K]  plant a fault for the oracle to find, see `tricolor list faults`\n"
      "  -o KEY=VALUE,…    options of the collector, see `tricolor list options`\n"};
  struct tri_arguments arguments;
  struct tri_error error;
  struct tri_paths paths = {0};
  if (!tri_arguments_parse(&command, argc, argv, &arguments, &error)) return tri_command_bad(&command, &error);
  const struct tri_collector *one[2] = {0};
  struct replay replay = {.collectors = tri_collectors, .options = arguments.options, .fault = arguments.fault,
                          .steps = arguments.steps};
  if (!choose_check(arguments.check ? arguments.check : "gc", &replay.checked, &replay.check, &error))
    return tri_command_bad(&command, &error);
  if (arguments.collector && strcmp(arguments.collector, "all") != 0) {
    if (!(one[0] = tri_collector_named(arguments.collector, &error))) return tri_command_bad(&command, &error);
    replay.collectors = one;
  }
  bool ok = true;
  tri_poison_set_filling(replay.checked);
  for (int i = 0; ok && i < arguments.n_files; i++) ok = tri_program_files(arguments.files[i], &paths, &error);
  if (paths.count == 1) replay.print = stdout;
  for (size_t i = 0; ok && i < paths.count; i++) ok = replay_file(&replay, paths.paths[i], &error);
  tri_paths_free(&paths);
  if (!ok) return tri_command_bad(&command, &error);
  if (replay.checked) tri_check_summary_print(stdout, &replay.summary);
  printf("%u programs, %u runs, %u findings\n", replay.files, replay.runs, replay.findings);
  return replay.findings ? 1 : 0;
}
