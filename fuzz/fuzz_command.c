#include "fuzz_command.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engines.h"
#include "measure/file.h"
#include "nearest.h"
#include "tricolor/registry.h"

enum { GOOD = 0, FINDING = 1, BAD_INPUT = 2, SUITE_FAILED = 3 };
enum {
  SHOW_EVERY_SECONDS = 10, // without a terminal
  POLL_NS = 50000000,
  EFFECTIVE_FLOOR = 40,    // percent of operations that do something: random bytes come to about 70
  STATS_RUNS = 2000,
  ENOUGH_OPERATIONS = 2000, // before the share is judged
  STEPS = 1000,            // of targets/fuzz_program.c, for the commands that repeat a finding
};

static const char usage_text[] =
    "usage: tricolor fuzz --collector=C|all [options]\n"
    "Runs a fuzzing engine on a collector until it finds something, or its time is over.\n"
    "  --engine=libfuzzer|afl|replay   (default libfuzzer; replay is the generator without coverage)\n"
    "  --runs=N             executions\n"
    "  --time=60s           seconds, or with m or h; without both until interrupted\n"
    "  --seed=N             of the engine's random choices (default 1)\n"
    "  --out=FOLDER         corpus and findings (default out/fuzz); each collector and engine has a folder in it,\n"
    "                       and a later run goes on from its corpus\n"
    "  --corpus=FOLDER      programs to start with, bytes or .thp (default: one with a single operation)\n"
    "  --stats              no fuzzing: the programs of --corpus again and again, as fast as it goes, --runs\n"
    "                       executions in all (default 2000); a table of collectors\n"
    "  --floor=PERCENT      alarm when fewer operations than that do something (default 40)\n"
    "  --raw                without the structured mutator\n"
    "  --build=DIR          build folder with the targets (default: build/fuzz, build/afl beside this one's)\n"
    "Exit status: 0 good, 1 a finding or an alarm, 2 wrong usage, 3 the suite itself failed.\n";

struct plan {
  const char *collector, *out, *corpus, *build;
  enum tri_engine engine;
  uint64_t runs, seed, floor;
  double seconds;
  bool stats, raw;
};

struct fuzzing {
  const struct plan *plan;
  char *build, *mutator, *directory; // directory: for what is not kept
  char *seeds;
  size_t seed_count;
  struct tri_held_signals signals;
};

// ---- The command line -----------------------------------------------------------------------------------------

enum { COLLECTOR = 256, ENGINE, RUNS, TIME, SEED, OUT, CORPUS, STATS, FLOOR, RAW, BUILD, HELP };

static const struct option long_options[] = {{"collector", required_argument, NULL, COLLECTOR},
                                             {"engine", required_argument, NULL, ENGINE},
                                             {"runs", required_argument, NULL, RUNS},
                                             {"time", required_argument, NULL, TIME},
                                             {"seed", required_argument, NULL, SEED},
                                             {"out", required_argument, NULL, OUT},
                                             {"corpus", required_argument, NULL, CORPUS},
                                             {"stats", no_argument, NULL, STATS},
                                             {"floor", required_argument, NULL, FLOOR},
                                             {"raw", no_argument, NULL, RAW},
                                             {"build", required_argument, NULL, BUILD},
                                             {"help", no_argument, NULL, HELP},
                                             {0}};

static bool number(const char *option, const char *word, uint64_t least, uint64_t most, uint64_t *to,
                   struct tri_error *error) {
  char *end;
  errno = 0;
  *to = strtoull(word, &end, 10);
  if (*word >= '0' && *word <= '9' && !*end && !errno && *to >= least && *to <= most) return true;
  return tri_fail(error, "--%s=%s: right would be a number from %llu to %llu", option, word,
                  (unsigned long long)least, (unsigned long long)most);
}

static bool parse_time(const char *word, double *seconds, struct tri_error *error) {
  static const struct {
    const char *unit;
    double seconds;
  } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}};
  char *end;
  *seconds = strtod(word, &end);
  for (size_t i = 0; end != word && *seconds > 0 && isfinite(*seconds) && i < sizeof units / sizeof *units; i++)
    if (strcmp(end, units[i].unit) == 0) return *seconds *= units[i].seconds, true;
  return tri_fail(error, "--time=%s: right would be 60s, 10m or 8h", word);
}

static bool take(struct plan *plan, int option, char **argv, struct tri_error *error) {
  switch (option) {
  case COLLECTOR: plan->collector = optarg; return true;
  case ENGINE:
    for (enum tri_engine engine = 0; engine < TRI_ENGINES; engine++)
      if (strcmp(optarg, tri_engine_name(engine)) == 0) return plan->engine = engine, true;
    return tri_fail(error, "--engine=%s: right would be libfuzzer, afl or replay", optarg);
  case RUNS: return number("runs", optarg, 1, INT32_MAX, &plan->runs, error);
  case TIME: return parse_time(optarg, &plan->seconds, error);
  case SEED: return number("seed", optarg, 0, INT32_MAX, &plan->seed, error);
  case OUT: plan->out = optarg; return true;
  case CORPUS: plan->corpus = optarg; return true;
  case STATS: plan->stats = true; return true;
  case FLOOR: return number("floor", optarg, 0, 100, &plan->floor, error);
  case RAW: plan->raw = true; return true;
  case BUILD: plan->build = optarg; return true;
  case ':': return tri_fail(error, "%s needs a value", argv[optind - 1]);
  default: return tri_fail(error, "unknown option '%s'; see `tricolor fuzz --help`", argv[optind - 1]);
  }
}

static bool known_collector(const char *name, struct tri_error *error) {
  const char *names[64];
  size_t count = 0;
  for (; tri_collectors[count] && count < 64; count++) {
    names[count] = tri_collectors[count]->name;
    if (strcmp(name, names[count]) == 0) return true;
  }
  return strcmp(name, "all") == 0 || tri_fail_unknown(error, "collector", name, (struct tri_names){names, count});
}

static bool parse(struct plan *plan, int argc, char **argv, bool *help, struct tri_error *error) {
  *plan = (struct plan){.engine = TRI_ENGINE_LIBFUZZER, .out = "out/fuzz", .seed = 1, .floor = EFFECTIVE_FLOOR};
  *help = false;
  opterr = 0;
  optind = 0;
  for (int option; (option = getopt_long(argc, argv, ":", long_options, NULL)) != -1;) {
    if (option == HELP) return *help = true;
    if (!take(plan, option, argv, error)) return false;
  }
  if (optind < argc) return tri_fail(error, "'%s' is one word too many; see `tricolor fuzz --help`", argv[optind]);
  if (!plan->collector) return tri_fail(error, "--collector is missing: a name from `tricolor list collectors`, or all");
  if (plan->stats && !plan->corpus) return tri_fail(error, "--stats needs --corpus=FOLDER: what to run on each collector");
  if (strcmp(plan->collector, "all") == 0 && !plan->runs && plan->seconds <= 0 && !plan->stats)
    return tri_fail(error, "--collector=all needs --runs or --time: each collector has its turn");
  return known_collector(plan->collector, error);
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
  if (!program) return BAD_INPUT;
  char *directory = tri_format("%s/%s-%s", plan->out, collector, tri_engine_name(plan->engine));
  struct tri_engine_run run = {.arm = arm_of(plan),
                               .program = program,
                               .mutator = fuzzing->mutator,
                               .seeds = fuzzing->seeds,
                               .directory = directory,
                               .seed = plan->seed,
                               .budget = {.executions = plan->runs, .wall_seconds = plan->seconds}};
  int status = SUITE_FAILED;
  if (!drive(fuzzing, &run, collector, error)) goto done;
  print_stats(&run, collector);
  status = GOOD;
  if (run.outcome == TRI_ENGINE_BROKEN) {
    tri_fail(error, "%s: the engine did not run: %s (see %s/log)", collector, run.message, directory);
    status = SUITE_FAILED;
  } else if (run.outcome != TRI_ENGINE_SPENT) {
    print_finding(&run, collector);
    status = FINDING;
  } else if (alarmed(plan, &run, collector)) {
    status = FINDING;
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
  if (!program) return BAD_INPUT;
  char *directory = tri_format("%s/%s", fuzzing->directory, collector);
  uint64_t runs = plan->runs ? plan->runs : STATS_RUNS;
  struct tri_engine_run run = {.arm = arm_of(plan),
                               .program = program,
                               .seeds = fuzzing->seeds,
                               .directory = directory,
                               .repeats = (unsigned)((runs + fuzzing->seed_count - 1) / fuzzing->seed_count)};
  int status = SUITE_FAILED;
  if (drive(fuzzing, &run, collector, error)) {
    print_stats_row(&run, collector);
    status = alarmed(plan, &run, collector) ? FINDING : GOOD;
    if (run.outcome != TRI_ENGINE_SPENT) {
      printf("%s: the corpus is not clean: %s\n", collector,
             run.outcome == TRI_ENGINE_FOUND ? run.account->message : run.message);
      status = FINDING;
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
  int worst = GOOD;
  if (plan->stats) print_stats_head();
  tri_signals_hold(&fuzzing->signals);
  for (size_t i = 0; tri_collectors[i] && worst <= FINDING && !fuzzing->signals.interrupted_by; i++) {
    const char *name = tri_collectors[i]->name;
    if (strcmp(plan->collector, "all") != 0 && strcmp(plan->collector, name) != 0) continue;
    int status = (plan->stats ? measure : fuzz)(fuzzing, name, error);
    if (status > worst) worst = status;
    fflush(stdout);
  }
  tri_signals_release(&fuzzing->signals);
  return worst;
}

static int fuzz_with_folder(const struct plan *plan, struct tri_error *error) {
  struct fuzzing fuzzing = {.plan = plan, .directory = tri_temporary_folder("fuzz", error)};
  if (!fuzzing.directory) return SUITE_FAILED;
  int status = prepare(&fuzzing, error) ? fuzz_collectors(&fuzzing, error) : BAD_INPUT;
  tri_remove_folder(fuzzing.directory);
  char *const texts[] = {fuzzing.build, fuzzing.mutator, fuzzing.directory, fuzzing.seeds};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
  return status;
}

int tri_command_fuzz(int argc, char **argv) {
  struct plan plan;
  struct tri_error error = {{0}};
  bool help;
  int status = GOOD;
  if (!parse(&plan, argc, argv, &help, &error))
    status = BAD_INPUT;
  else if (help)
    fputs(usage_text, stdout);
  else
    status = fuzz_with_folder(&plan, &error);
  if (status > FINDING && error.text[0]) fprintf(stderr, "tricolor fuzz: %s\n", error.text);
  return status;
}
