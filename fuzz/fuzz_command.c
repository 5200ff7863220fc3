#include "fuzz_command.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engines.h"
#include "measure/arguments.h"
#include "measure/file.h"
#include "named.h"
#include "tricolor/registry.h"

enum {
  SHOW_EVERY_SECONDS = 10, // without a terminal
  POLL_NS = 50000000,
  EFFECTIVE_FLOOR = 40,    // percent of operations that do something: random bytes come to about 70
  STATS_RUNS = 2000,
  ENOUGH_OPERATIONS = 2000, // before the share is judged
  STEPS = 1000,            // of targets/fuzz_program.c, for the commands that repeat a finding
};

struct plan {
  const char *collector, *out, *corpus, *build;
  enum tri_engine engine;
  uint64_t runs, seed, floor;
  double seconds;
  bool all, stats, raw;
};

struct fuzzing {
  const struct plan *plan;
  char *build, *mutator, *directory; // directory: for what is not kept
  char *seeds;
  size_t seed_count;
  struct tri_held_signals signals;
};

// ---- The command line -----------------------------------------------------------------------------------------

static void print_exit_statuses(FILE *out) {
  fputs("Exit status: 0 good, 1 a finding or an alarm, 2 wrong usage, 3 the suite itself failed.\n", out);
}

static const struct tri_command command = {
    .name = "fuzz",
    .synopsis = "--collector=C|all [options]",
    .about = "Runs a fuzzing engine on a collector until it finds something, or its time is over.\n",
    .more = print_exit_statuses};

static bool parse(struct plan *plan, int argc, char **argv, struct tri_error *error) {
  static const char *engines[TRI_ENGINES + 1];
  for (enum tri_engine engine = 0; engine < TRI_ENGINES; engine++) engines[engine] = tri_engine_name(engine);
  int engine = TRI_ENGINE_LIBFUZZER;
  *plan = (struct plan){.out = "out/fuzz", .seed = 1, .floor = EFFECTIVE_FLOOR};
  const struct tri_argument table[] = {
      {"collector", "C|all", "a name from `tricolor list collectors`, or each of them in turn",
       .text = &plan->collector},
      {"engine", NULL, "(default libfuzzer; replay is the generator, which looks at no coverage)",
       .choice = &engine, .choices = engines},
      {"runs", "N", "executions", .number = &plan->runs, .least = 1, .most = INT32_MAX},
      {"time", "60s", "seconds, or with m or h; without both until interrupted", .seconds = &plan->seconds},
      {"seed", "N", "of the engine's random choices (default 1)", .number = &plan->seed, .most = INT32_MAX},
      {"out", "FOLDER",
       "corpus and findings (default out/fuzz); each collector and engine has a folder in it,\n"
       "and a later run goes on from its corpus",
       .text = &plan->out},
      {"corpus", "FOLDER", "programs to start with, bytes or .thp (default: one with a single operation)",
       .text = &plan->corpus},
      {"stats", NULL,
       "no fuzzing: the programs of --corpus again and again, as fast as it goes, --runs\n"
       "executions in all (default 2000); a table of collectors",
       .flag = &plan->stats},
      {"floor", "PERCENT", "alarm when fewer operations than that do something (default 40)",
       .number = &plan->floor, .most = 100},
      {"raw", NULL, "without the structured mutator", .flag = &plan->raw},
      {"build", "DIR",
       "build folder with the targets (default: this one's if it is for the engine, else the\n"
       "one that the engine's preset makes beside it)",
       .text = &plan->build},
      {0}};
  if (!tri_arguments_parse(&command, table, argc, argv, NULL, error)) return false;
  plan->engine = (enum tri_engine)engine;
  if (!plan->collector) return tri_fail(error, "--collector is missing: a name from `tricolor list collectors`, or all");
  plan->all = strcmp(plan->collector, "all") == 0;
  if (!plan->all && !tri_known("collector", plan->collector, tri_collector_names(), error)) return false;
  if (plan->stats && !plan->corpus) return tri_fail(error, "--stats needs --corpus=FOLDER: what to run on each collector");
  if (plan->stats && plan->seconds > 0) return tri_fail(error, "--stats goes by --runs=N, not by --time");
  if (plan->all && !plan->runs && plan->seconds <= 0 && !plan->stats)
    return tri_fail(error, "--collector=all needs --runs or --time: each collector has its turn");
  return true;
}

// ---- One collector --------------------------------------------------------------------------------------------

static double share(uint64_t part, uint64_t whole) { return whole ? 100.0 * (double)part / (double)whole : 0; }

static double rate(const struct tri_engine_run *run) {
  return run->cpu_seconds > 0 ? (double)run->account->executions / run->cpu_seconds : 0;
}

static void print_progress(const struct tri_engine_run *run, const char *collector, bool last) {
  static double shown;
  bool terminal = isatty(STDERR_FILENO);
  if (run->wall_seconds < shown) shown = 0; // another run
  if (!last && run->wall_seconds - shown < (terminal ? 0.5 : SHOW_EVERY_SECONDS)) return;
  shown = run->wall_seconds;
  fprintf(stderr, "%s%s: %.0f s, %llu executions, %.0f a CPU second, %.0f%% of operations effective%s",
          terminal ? "\r" : "", collector, run->wall_seconds, (unsigned long long)run->account->executions, rate(run),
          share(run->account->effective, run->account->operations), terminal && !last ? " " : "\n");
}

static void print_stats(const struct tri_engine_run *run, const char *collector) {
  const struct tri_fuzz_account *account = run->account;
  printf("%s: %llu executions in %.1f CPU seconds, %.0f a second\n"
         "  %llu operations, %.0f%% of them effective; %.2f collections an execution\n  executions that reached:",
         collector, (unsigned long long)account->executions, run->cpu_seconds, rate(run),
         (unsigned long long)account->operations, share(account->effective, account->operations),
         account->executions ? (double)account->collections / (double)account->executions : 0);
  for (enum tri_fuzz_phase phase = 0; phase < TRI_FUZZ_PHASES; phase++)
    printf("%s %s %.0f%%", phase ? "," : "", tri_fuzz_phase_name(phase),
           share(account->reached[phase], account->executions));
  putchar('\n');
  tri_fuzz_account_print(stdout, account);
}

// The newest file of a folder; a fresh string, or NULL.
static char *newest(const char *folder) {
  char *best = NULL;
  struct timespec best_time = {0};
  DIR *open = opendir(folder);
  for (struct dirent *entry; open && (entry = readdir(open));) {
    struct stat st;
    char *path = tri_format("%s/%s", folder, entry->d_name);
    bool wanted = entry->d_name[0] != '.' && strcmp(entry->d_name, "README.txt") != 0 && stat(path, &st) == 0 &&
                  S_ISREG(st.st_mode);
    if (wanted && (!best || st.st_mtim.tv_sec > best_time.tv_sec ||
                   (st.st_mtim.tv_sec == best_time.tv_sec && st.st_mtim.tv_nsec > best_time.tv_nsec))) {
      best_time = st.st_mtim;
      free(best);
      best = path;
    } else {
      free(path);
    }
  }
  if (open) closedir(open);
  return best;
}

static void print_finding(const struct tri_engine_run *run, const char *collector) {
  char *folder = tri_engine_findings(run), *path = newest(folder), *log = tri_engine_log(run);
  if (run->outcome == TRI_ENGINE_FOUND)
    printf("%s: FINDING [%s] after %llu executions: %s\n", collector, run->account->invariant,
           (unsigned long long)run->account->found_executions, run->account->message);
  else
    printf("%s: FINDING after %llu executions: %s\n", collector, (unsigned long long)run->account->executions,
           run->message);
  const char *words[] = {"tricolor", "replay", NULL, NULL, path ? path : folder, NULL};
  char *which = tri_format("--collector=%s", collector), *steps = tri_format("--steps=%d", STEPS);
  words[2] = which;
  words[3] = steps;
  char *again = tri_shell_command(words);
  words[1] = "minimize";
  char *smaller = tri_shell_command(words);
  printf("  program: %s\n  again:   %s\n  smaller: %s\n  log:     %s\n", path ? path : "(the engine left none)", again,
         smaller, log);
  char *const texts[] = {folder, path, log, which, steps, again, smaller};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
}

// A fuzzer whose programs do nothing finds nothing, and looks as if all were well.
static bool alarmed(const struct plan *plan, const struct tri_engine_run *run, const char *collector) {
  const struct tri_fuzz_account *account = run->account;
  double effective = share(account->effective, account->operations);
  uint64_t collected = account->reached[TRI_FUZZ_STARTED];
  if (account->operations >= ENOUGH_OPERATIONS && effective < (double)plan->floor) {
    printf("ALARM: %s: only %.0f%% of the operations did anything (floor: %llu%%): this fuzzes next to nothing. "
           "Right would be a better corpus, or to look at what the mutator makes\n",
           collector, effective, (unsigned long long)plan->floor);
    return true;
  }
  const struct tri_collector *record = tri_collector_find(collector);
  if (account->operations >= ENOUGH_OPERATIONS && collected == 0 && record &&
      (record->caps.flags & TRI_CAP_RECLAIMS)) {
    printf("ALARM: %s: no execution began a collection: the collector is not fuzzed\n", collector);
    return true;
  }
  return false;
}

static const struct tri_arm *arm_of(const struct plan *plan) {
  static const char *const arms[TRI_ENGINES][2] = {
      {"generate", "bytes"}, {"libfuzzer", "libfuzzer-raw"}, {"afl", "afl-raw"}};
  return tri_arm_find(arms[plan->engine][plan->raw]);
}

static char *program_of(const struct fuzzing *fuzzing, const char *collector, struct tri_error *error) {
  char *program = tri_format("%s/fuzz/fuzz-%s", fuzzing->build, collector);
  if (access(program, X_OK) == 0) return program;
  const char *preset = tri_engine_preset(fuzzing->plan->engine);
  tri_fail(error, "%s is missing; build it: cmake --preset %s && cmake --build --preset %s --target fuzz-%s%s, or give "
                  "--build=DIR",
           program, preset, preset, collector, fuzzing->plan->engine == TRI_ENGINE_AFL ? " tricolor-mutator" : "");
  free(program);
  return NULL;
}

// Runs the engine to its end, or to the first interrupt. False: it could not be started.
static bool drive(struct fuzzing *fuzzing, struct tri_engine_run *run, const char *collector,
                  struct tri_error *error) {
  sigset_t awaited = fuzzing->signals.interrupts;
  sigaddset(&awaited, SIGCHLD);
  if (!tri_engine_start(run, &fuzzing->signals, error)) return false;
  while (!tri_engine_ended(run)) {
    if (tri_interrupted(&fuzzing->signals)) tri_engine_stop(run);
    if (!fuzzing->plan->stats) print_progress(run, collector, false);
    int signal = sigtimedwait(&awaited, NULL, &(struct timespec){0, POLL_NS});
    if (signal > 0 && signal != SIGCHLD) fuzzing->signals.interrupted_by = signal;
  }
  if (!fuzzing->plan->stats) print_progress(run, collector, true);
  return true;
}

// Returns the exit status.
static int fuzz(struct fuzzing *fuzzing, const char *collector, struct tri_error *error) {
  const struct plan *plan = fuzzing->plan;
  char *program = program_of(fuzzing, collector, error);
  if (!program) return TRI_EXIT_BAD_INPUT;
  char *directory = tri_format("%s/%s-%s", plan->out, collector, tri_engine_name(plan->engine));
  struct tri_engine_run run = {.arm = arm_of(plan),
                               .program = program,
                               .mutator = fuzzing->mutator,
                               .seeds = fuzzing->seeds,
                               .directory = directory,
                               .seed = plan->seed,
                               .budget = {.executions = plan->runs, .wall_seconds = plan->seconds}};
  int status = TRI_EXIT_SUITE_FAILED;
  if (!drive(fuzzing, &run, collector, error)) goto done;
  print_stats(&run, collector);
  status = TRI_EXIT_GOOD;
  if (run.outcome == TRI_ENGINE_BROKEN) {
    tri_fail(error, "%s: the engine did not run: %s (see %s/log)", collector, run.message, directory);
    status = TRI_EXIT_SUITE_FAILED;
  } else if (run.outcome != TRI_ENGINE_SPENT) {
    print_finding(&run, collector);
    status = TRI_EXIT_FINDING;
  } else if (alarmed(plan, &run, collector)) {
    status = TRI_EXIT_FINDING;
  }
  char *corpus = tri_engine_corpus(&run);
  if (plan->engine != TRI_ENGINE_REPLAY) printf("  corpus:  %s\n", corpus);
  free(corpus);
  tri_engine_finish(&run);
done:
  free(program);
  free(directory);
  return status;
}

// ---- Measuring ------------------------------------------------------------------------------------------------

static void print_stats_head(void) {
  printf("%-12s %12s %10s %12s", "collector", "executions/s", "effective", "collections");
  for (enum tri_fuzz_phase phase = 0; phase < TRI_FUZZ_PHASES; phase++) printf(" %10s", tri_fuzz_phase_name(phase));
  putchar('\n');
}

static void print_stats_row(const struct tri_engine_run *run, const char *collector) {
  const struct tri_fuzz_account *account = run->account;
  printf("%-12s %12.0f %9.0f%% %12.2f", collector, rate(run), share(account->effective, account->operations),
         account->executions ? (double)account->collections / (double)account->executions : 0);
  for (enum tri_fuzz_phase phase = 0; phase < TRI_FUZZ_PHASES; phase++)
    printf(" %9.0f%%", share(account->reached[phase], account->executions));
  putchar('\n');
  fflush(stdout);
}

static int measure(struct fuzzing *fuzzing, const char *collector, struct tri_error *error) {
  const struct plan *plan = fuzzing->plan;
  char *program = program_of(fuzzing, collector, error);
  if (!program) return TRI_EXIT_BAD_INPUT;
  char *directory = tri_format("%s/%s", fuzzing->directory, collector);
  uint64_t runs = plan->runs ? plan->runs : STATS_RUNS;
  struct tri_engine_run run = {.arm = arm_of(plan),
                               .program = program,
                               .seeds = fuzzing->seeds,
                               .directory = directory,
                               .repeats = (unsigned)((runs + fuzzing->seed_count - 1) / fuzzing->seed_count)};
  int status = TRI_EXIT_SUITE_FAILED;
  if (drive(fuzzing, &run, collector, error)) {
    print_stats_row(&run, collector);
    status = alarmed(plan, &run, collector) ? TRI_EXIT_FINDING : TRI_EXIT_GOOD;
    if (run.outcome != TRI_ENGINE_SPENT) {
      printf("%s: the corpus is not clean: %s\n", collector,
             run.outcome == TRI_ENGINE_FOUND ? run.account->message : run.message);
      status = TRI_EXIT_FINDING;
    }
    tri_engine_finish(&run);
  }
  free(program);
  free(directory);
  return status;
}

// ---- All of it ------------------------------------------------------------------------------------------------

static bool prepare(struct fuzzing *fuzzing, struct tri_error *error) {
  const struct plan *plan = fuzzing->plan;
  fuzzing->seeds = tri_format("%s/seeds", fuzzing->directory);
  fuzzing->build = tri_engine_build(plan->engine, plan->build);
  fuzzing->mutator = tri_format("%s/fuzz/libtricolor-mutator.so", fuzzing->build);
  return tri_make_folder(fuzzing->seeds, error) &&
         (fuzzing->seed_count = tri_write_seeds(plan->corpus, fuzzing->seeds, error)) > 0;
}

// The worst status of all collectors; what is neither good nor a finding ends it.
static int fuzz_collectors(struct fuzzing *fuzzing, struct tri_error *error) {
  const struct plan *plan = fuzzing->plan;
  int worst = TRI_EXIT_GOOD;
  if (plan->stats) print_stats_head();
  tri_signals_hold(&fuzzing->signals);
  for (size_t i = 0; tri_collectors[i] && worst <= TRI_EXIT_FINDING && !fuzzing->signals.interrupted_by;
       i++) {
    const char *name = tri_collectors[i]->name;
    if (!plan->all && strcmp(plan->collector, name) != 0) continue;
    int status = (plan->stats ? measure : fuzz)(fuzzing, name, error);
    if (status > worst) worst = status;
    fflush(stdout);
  }
  tri_signals_release(&fuzzing->signals);
  return worst;
}

static int fuzz_with_folder(const struct plan *plan, struct tri_error *error) {
  struct fuzzing fuzzing = {.plan = plan, .directory = tri_temporary_folder("fuzz", error)};
  if (!fuzzing.directory) return TRI_EXIT_SUITE_FAILED;
  int status = prepare(&fuzzing, error) ? fuzz_collectors(&fuzzing, error) : TRI_EXIT_BAD_INPUT;
  tri_remove_folder(fuzzing.directory);
  char *const texts[] = {fuzzing.build, fuzzing.mutator, fuzzing.directory, fuzzing.seeds};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
  return status;
}

int tri_command_fuzz(int argc, char **argv) {
  struct plan plan;
  struct tri_error error = {{0}};
  int status = parse(&plan, argc, argv, &error) ? fuzz_with_folder(&plan, &error) : TRI_EXIT_BAD_INPUT;
  if (status > TRI_EXIT_FINDING && error.text[0])
    tri_command_fails(command.name, &error, (enum tri_exit)status);
  return status;
}
