#include "engines.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "measure/file.h"
#include "program/files.h"

extern char **environ;

enum {
  HANG_SECONDS = 10,  // of one execution, which takes milliseconds
  GRACE_SECONDS = 10, // from being asked to stop to being killed
  RARE_HITS = 16,     // an edge reached more often is not rare: libFuzzer's 255 searched its list for half the time
};

static const struct {
  const char *name, *preset;
} engines[TRI_ENGINES] = {{"replay", "release"}, {"libfuzzer", "fuzz"}, {"afl", "afl"}};

const char *tri_engine_name(enum tri_engine engine) { return engines[engine].name; }
const char *tri_engine_preset(enum tri_engine engine) { return engines[engine].preset; }

const struct tri_arm tri_arms[] = {
    {"bytes", TRI_ENGINE_REPLAY, "bytes", false, "uniformly random bytes"},
    {"generate", TRI_ENGINE_REPLAY, "generate", false, "the generator with its model of the heap"},
    {"mutate", TRI_ENGINE_REPLAY, "mutate", true, "the structured mutator over a pool, without coverage"},
    {"libfuzzer-raw", TRI_ENGINE_LIBFUZZER, NULL, false, "libFuzzer with its own mutations"},
    {"libfuzzer", TRI_ENGINE_LIBFUZZER, NULL, true, "libFuzzer with the structured mutator"},
    {"afl-raw", TRI_ENGINE_AFL, NULL, false, "AFL++ with its own mutations"},
    {"afl", TRI_ENGINE_AFL, NULL, true, "AFL++ with the structured mutator beside its own"},
};
const size_t tri_arm_count = sizeof tri_arms / sizeof *tri_arms;

const struct tri_arm *tri_arm_find(const char *name) {
  for (size_t i = 0; i < tri_arm_count; i++)
    if (strcmp(tri_arms[i].name, name) == 0) return &tri_arms[i];
  return NULL;
}

// ---- Folders --------------------------------------------------------------------------------------------------

static bool write_seed(const struct tri_program *program, const char *folder, size_t number,
                       struct tri_error *error) {
  uint8_t bytes[TRICOLOR_FUZZ_MAX_LEN];
  size_t size = tri_program_encode(program, bytes, sizeof bytes);
  if (size == 0 || size > sizeof bytes) return false;
  char *path = tri_format("%s/%04zu", folder, number);
  FILE *file = fopen(path, "wb");
  bool ok = file && fwrite(bytes, 1, size, file) == size;
  if (file && fclose(file) != 0) ok = false;
  if (!ok) tri_fail(error, "%s: cannot be written: %s", path, strerror(errno));
  free(path);
  return ok;
}

size_t tri_write_seeds(const char *from, const char *to, struct tri_error *error) {
  struct tri_op op = {.code = TRI_OP_PAIR};
  if (!from) return write_seed(&(struct tri_program){&op, 1, 1}, to, 0, error);
  struct tri_paths paths = {0};
  bool ok = tri_program_files(from, &paths, error);
  size_t written = 0;
  for (size_t i = 0; ok && i < paths.count; i++) {
    struct tri_program program = {0};
    ok = tri_program_read(paths.paths[i], &program, error);
    written += ok && write_seed(&program, to, i, error);
    tri_program_free(&program);
  }
  tri_paths_free(&paths);
  if (ok && written == 0)
    tri_fail(error, "%s: there is no program of at most %d bytes", from, TRICOLOR_FUZZ_MAX_LEN);
  return ok ? written : 0;
}

static bool has_files(const char *folder) {
  DIR *open = opendir(folder);
  bool found = false;
  for (struct dirent *entry; open && !found && (entry = readdir(open));)
    found = entry->d_name[0] != '.' && strcmp(entry->d_name, "README.txt") != 0;
  if (open) closedir(open);
  return found;
}

char *tri_engine_findings(const struct tri_engine_run *run) {
  return tri_format(run->arm->engine == TRI_ENGINE_AFL ? "%s/afl/default/crashes" : "%s/findings", run->directory);
}

char *tri_engine_corpus(const struct tri_engine_run *run) {
  return tri_format(run->arm->engine == TRI_ENGINE_AFL ? "%s/afl/default/queue" : "%s/corpus", run->directory);
}

char *tri_engine_log(const struct tri_engine_run *run) { return tri_format("%s/log", run->directory); }

char *tri_engine_build(enum tri_engine engine, const char *given) {
  if (given) return tri_format("%s", given);
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  path[length < 0 ? 0 : length] = 0;
  char *slash = strrchr(path, '/');
  if (slash) *slash = 0;
  if (strcmp(TRICOLOR_FUZZ_ENGINE, engines[engine].name) == 0) return tri_format("%s", path);
  slash = strrchr(path, '/');
  if (slash) *slash = 0;
  return tri_format("%s/%s", path, engines[engine].preset);
}

// ---- The command ----------------------------------------------------------------------------------------------

struct words {
  char **words; // NULL-terminated
  size_t count;
};

static void add(struct words *to, char *word) {
  to->words = tri_need(realloc(to->words, (to->count + 2) * sizeof *to->words));
  to->words[to->count++] = word;
  to->words[to->count] = NULL;
}
static void add_text(struct words *to, const char *word) { add(to, tri_format("%s", word)); }

static void free_words(struct words *words) {
  for (size_t i = 0; i < words->count; i++) free(words->words[i]);
  free(words->words);
}

// No engine: the start programs themselves, each `repeats` times.
static void repeat_command(const struct tri_engine_run *run, struct words *to) {
  bool by_itself = run->arm->engine == TRI_ENGINE_LIBFUZZER;
  struct dirent **entries;
  int n = scandir(run->seeds, &entries, NULL, alphasort);
  add_text(to, run->program);
  if (by_itself) add(to, tri_format("-runs=%u", run->repeats));
  for (unsigned i = 0; i < (by_itself ? 1 : run->repeats); i++)
    for (int k = 0; k < n; k++)
      if (entries[k]->d_name[0] != '.') add(to, tri_format("%s/%s", run->seeds, entries[k]->d_name));
  for (int k = 0; k < n; k++) free(entries[k]);
  if (n >= 0) free(entries);
}

static void replay_command(const struct tri_engine_run *run, struct words *to) {
  add_text(to, run->program);
  add(to, tri_format("--blind=%s", run->arm->blind));
  add(to, tri_format("--seed=%llu", (unsigned long long)run->seed));
  add(to, tri_format("--runs=%llu", (unsigned long long)(run->budget.executions ? run->budget.executions : UINT64_MAX)));
  add(to, tri_format("--max-len=%d", TRICOLOR_FUZZ_MAX_LEN));
  add(to, tri_format("--artifact=%s/findings/program", run->directory));
  add_text(to, run->seeds);
}

static void libfuzzer_command(const struct tri_engine_run *run, struct words *to) {
  add_text(to, run->program);
  add(to, tri_format("-seed=%llu", (unsigned long long)run->seed + 1)); // 0 would be drawn
  if (run->budget.executions) add(to, tri_format("-runs=%llu", (unsigned long long)run->budget.executions));
  add(to, tri_format("-max_len=%d", TRICOLOR_FUZZ_MAX_LEN));
  add(to, tri_format("-timeout=%d", HANG_SECONDS));
  add(to, tri_format("-entropic_feature_frequency_threshold=%d", RARE_HITS));
  if (run->budget.memory) add(to, tri_format("-rss_limit_mb=%llu", (unsigned long long)run->budget.memory >> 20));
  add(to, tri_format("-artifact_prefix=%s/findings/", run->directory));
  add_text(to, "-report_slow_units=1000000"); // no finding
  add_text(to, "-verbosity=0");
  add(to, tri_engine_corpus(run));
  add_text(to, run->seeds);
}

static void afl_command(const struct tri_engine_run *run, struct words *to) {
  add_text(to, "afl-fuzz");
  add_text(to, "-i");
  add_text(to, run->seeds);
  add_text(to, "-o");
  add(to, tri_format("%s/afl", run->directory));
  add_text(to, "-s");
  add(to, tri_format("%llu", (unsigned long long)run->seed + 1));
  if (run->budget.executions) {
    add_text(to, "-E");
    add(to, tri_format("%llu", (unsigned long long)run->budget.executions));
  }
  add_text(to, "-t");
  add(to, tri_format("%d", 1000 * HANG_SECONDS / 4));
  add_text(to, "-m");
  add_text(to, "none");
  add_text(to, "--");
  add_text(to, run->program);
}

// What is added to the environment.
static void settings(const struct tri_engine_run *run, struct words *to) {
  add(to, tri_format("FUZZ_ACCOUNT=%s/account", run->directory));
  if (run->no_assertions) add_text(to, "FUZZ_ASSERTIONS=0");
  if (run->arm->engine == TRI_ENGINE_LIBFUZZER && !run->arm->mutator) add_text(to, "FUZZ_RAW=1");
  if (run->arm->engine != TRI_ENGINE_AFL) return;
  static const char *const always[] = {"AFL_SKIP_CPUFREQ=1", "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1",
                                       "AFL_NO_AFFINITY=1",  "AFL_NO_UI=1",
                                       "AFL_FAST_CAL=1",     "AFL_BENCH_UNTIL_CRASH=1",
                                       "AFL_AUTORESUME=1"};
  for (size_t i = 0; i < sizeof always / sizeof *always; i++) add_text(to, always[i]);
  if (run->arm->mutator) add(to, tri_format("AFL_CUSTOM_MUTATOR_LIBRARY=%s", run->mutator));
}

// The settings, and of this program's environment what is not set by them. The words stay theirs.
static const char **environment_with(const struct words *settings) {
  size_t count = 0;
  while (environ[count]) count++;
  const char **all = tri_need(calloc(count + settings->count + 1, sizeof *all));
  size_t used = 0;
  for (size_t i = 0; i < settings->count; i++) all[used++] = settings->words[i];
  for (size_t i = 0; i < count; i++)
    if (strncmp(environ[i], "FUZZ_", 5) != 0 && strncmp(environ[i], "AFL_", 4) != 0) all[used++] = environ[i];
  return all;
}

// ---- A run ----------------------------------------------------------------------------------------------------

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void limit_process(const struct tri_engine_run *run) {
  const struct tri_fuzz_budget *budget = &run->budget;
  prlimit(run->pid, RLIMIT_CORE, &(struct rlimit){0, 0}, NULL);
  if (budget->memory) prlimit(run->pid, RLIMIT_DATA, &(struct rlimit){budget->memory, budget->memory}, NULL);
  if (budget->cpu_seconds > 0) { // should nobody look any more; the kernel's count may be a tenth above the clock's
    rlim_t seconds = 2 * (rlim_t)budget->cpu_seconds + 2;
    prlimit(run->pid, RLIMIT_CPU, &(struct rlimit){seconds, seconds + 1}, NULL);
  }
}

static bool prepare_folder(struct tri_engine_run *run, struct tri_error *error) {
  char *findings = tri_format("%s/findings", run->directory), *corpus = tri_format("%s/corpus", run->directory);
  char *account = tri_format("%s/account", run->directory);
  bool ok = tri_make_folder(run->directory, error);
  if (ok && run->arm->engine != TRI_ENGINE_AFL)
    ok = tri_make_folder(findings, error) && (run->arm->engine == TRI_ENGINE_REPLAY || tri_make_folder(corpus, error));
  if (ok && !(run->own_account = tri_fuzz_account_create(account)))
    ok = tri_fail(error, "%s: cannot be made: %s", account, strerror(errno));
  run->account = run->own_account;
  free(findings);
  free(corpus);
  free(account);
  return ok;
}

bool tri_engine_start(struct tri_engine_run *run, const struct tri_held_signals *held, struct tri_error *error) {
  static void (*const commands[TRI_ENGINES])(const struct tri_engine_run *, struct words *) = {
      replay_command, libfuzzer_command, afl_command};
  if (!prepare_folder(run, error)) return false;
  struct words command = {0}, set = {0};
  if (run->repeats)
    repeat_command(run, &command);
  else
    commands[run->arm->engine](run, &command);
  settings(run, &set);
  const char **environment = environment_with(&set);
  char *log = tri_engine_log(run);
  bool talks_on_stdout = run->arm->engine == TRI_ENGINE_AFL && !run->repeats;
  int cause = tri_child_start(held, (const char *const *)command.words, environment, talks_on_stdout ? log : NULL,
                              talks_on_stdout ? NULL : log, &run->pid);
  run->started = now();
  run->stopping = false;
  run->cpu_seconds = run->wall_seconds = 0;
  if (cause == 0) limit_process(run);
  bool ok = cause == 0 || tri_fail(error, "%s: cannot be started: %s", command.words[0], strerror(cause));
  if (!ok) tri_engine_finish(run);
  free(log);
  free(environment);
  free_words(&command);
  free_words(&set);
  return ok;
}

void tri_engine_stop(struct tri_engine_run *run) {
  if (run->stopping) return;
  run->stopping = true;
  run->stopped = now();
  kill(run->pid, SIGTERM);
}

static double seconds_of(struct timeval time) { return (double)time.tv_sec + 1e-6 * (double)time.tv_usec; }

static void look_at_the_clocks(struct tri_engine_run *run) {
  clockid_t clock;
  struct timespec own;
  run->wall_seconds = now() - run->started;
  if (clock_getcpuclockid(run->pid, &clock) != 0 || clock_gettime(clock, &own) != 0) return;
  run->cpu_seconds = (double)own.tv_sec + 1e-9 * (double)own.tv_nsec;
  if (run->arm->engine == TRI_ENGINE_AFL) run->cpu_seconds += 1e-9 * (double)run->account->cpu_ns; // its targets
}

static bool spent(const struct tri_engine_run *run) {
  const struct tri_fuzz_budget *budget = &run->budget;
  return (budget->executions && run->account->executions > budget->executions) ||
         (budget->operations && run->account->operations > budget->operations) ||
         (budget->cpu_seconds > 0 && run->cpu_seconds > budget->cpu_seconds) ||
         (budget->wall_seconds > 0 && run->wall_seconds > budget->wall_seconds);
}

static void describe_death(struct tri_engine_run *run, int status) {
  enum { LIBFUZZER_HANG = 70, LIBFUZZER_MEMORY = 71 };
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0, signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (code == LIBFUZZER_HANG || signal == SIGXCPU || signal == SIGKILL) {
    snprintf(run->message, sizeof run->message, "one execution does not end");
  } else if (code == LIBFUZZER_MEMORY) {
    snprintf(run->message, sizeof run->message, "the target takes too much memory");
  } else {
    snprintf(run->message, sizeof run->message, "the target died%s%s", signal ? ": " : "",
             signal ? strsignal(signal) : "");
  }
}

static void judge(struct tri_engine_run *run, int status) {
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  // The exit status is a sanitizer's where one is linked; what it left says that the target died.
  char *findings = tri_engine_findings(run);
  bool left = run->arm->engine != TRI_ENGINE_REPLAY && has_files(findings);
  bool died = code < 0 || (code != 0 && left) || (run->arm->engine == TRI_ENGINE_AFL && left);
  free(findings);
  run->message[0] = 0;
  if (__atomic_load_n(&run->account->found, __ATOMIC_ACQUIRE)) {
    run->outcome = TRI_ENGINE_FOUND;
  } else if (run->stopping) {
    run->outcome = TRI_ENGINE_SPENT;
  } else if (died) {
    run->outcome = TRI_ENGINE_DIED;
    describe_death(run, status);
  } else {
    bool ran = run->account->executions && (code == 0 || run->arm->engine == TRI_ENGINE_AFL);
    run->outcome = ran ? TRI_ENGINE_SPENT : TRI_ENGINE_BROKEN;
  }
  if (run->outcome != TRI_ENGINE_BROKEN) return;
  char *log = tri_engine_log(run), line[200];
  tri_last_line(log, line, sizeof line);
  snprintf(run->message, sizeof run->message, "%s %d: %s", code < 0 ? "signal" : "exit status",
           code < 0 ? WTERMSIG(status) : code, line);
  free(log);
}

bool tri_engine_ended(struct tri_engine_run *run) {
  int status;
  struct rusage used;
  look_at_the_clocks(run);
  pid_t ended = wait4(run->pid, &status, WNOHANG, &used);
  if (ended == 0) {
    if (spent(run)) tri_engine_stop(run);
    if (run->stopping && now() - run->stopped > GRACE_SECONDS) kill(-run->pid, SIGKILL);
    return false;
  }
  double all = seconds_of(used.ru_utime) + seconds_of(used.ru_stime); // with the processes that it waited for
  if (all > run->cpu_seconds) run->cpu_seconds = all;
  judge(run, status);
  return true;
}

void tri_engine_finish(struct tri_engine_run *run) {
  tri_fuzz_account_close(run->own_account);
  run->own_account = NULL;
  run->account = NULL;
}
