// `tricolor minimize`: the minimiser at the command line. Experiments run in a child process that lives as
// long as the programs leave it alive: a collector that dies or hangs is a verdict like any other.
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/poison.h"
#include "measure/arguments.h"
#include "measure/child.h"
#include "measure/file.h"
#include "named.h"
#include "program/checked.h"
#include "program/commands.h"
#include "program/emit.h"
#include "program/files.h"
#include "program/minimize.h"
#include "program/text.h"
#include "shims/fault.h"

enum {
  CPU_SECONDS = 5,      // of one experiment, whose operations take milliseconds: more is a hang
  DEADLOCK_SECONDS = 60, // without an answer, though hardly any processor time was used
  SAVE_EVERY = 100,     // experiments, and at each that was kept
  LINE_EVERY = 500,     // experiments, where there is no terminal
};

// What a run came to: equal names are equal failures.
struct verdict {
  char name[24]; // row of the oracle, "run", "signal 11", "exit 1", "hang"; "" for a run without a finding
  char message[1024];
  bool last; // the worker has ended after it
  uint64_t preemptions; // of the run, if it ended, and what its schedule decided
  struct tri_run_decisions decisions;
};

struct minimisation {
  const char *collector_name, *fault, *in, *out;
  char *options; // or NULL
  bool emit;
  uint64_t steps, experiments; // 0: as the executor has it; without end
  const struct tri_collector *collector;
  struct tri_fault_record faulty;
  struct verdict wanted;
  struct tri_held_signals signals;
  pid_t worker; // 0: none
  int to_worker, from_worker;
  bool broken; // the suite failed: `error` says how
  struct tri_error error;
};

// ---- The worker -----------------------------------------------------------------------------------------------

static bool read_exactly(int file, void *to, size_t size) {
  for (char *at = to; size;) {
    ssize_t n = read(file, at, size);
    if (n <= 0) return false;
    at += n;
    size -= (size_t)n;
  }
  return true;
}

static bool write_exactly(int file, const void *from, size_t size) {
  for (const char *at = from; size;) {
    ssize_t n = write(file, at, size);
    if (n <= 0) return false;
    at += n;
    size -= (size_t)n;
  }
  return true;
}

static void tell(struct verdict *verdict, const struct tri_run_result *result) {
  if (result->status == TRI_RUN_FINDING) snprintf(verdict->name, sizeof verdict->name, "%s", result->invariant);
  snprintf(verdict->message, sizeof verdict->message, "%s", result->message);
  verdict->preemptions = result->preemptions;
}

// Where the worker says what it found when it cannot go on.
struct last_words {
  struct verdict *verdict;
  int out;
};

static void dying(void *context, const struct tri_run_result *result) {
  const struct last_words *words = context;
  tell(words->verdict, result);
  words->verdict->last = true;
  _exit(write_exactly(words->out, words->verdict, sizeof *words->verdict) ? 0 : 3);
}

static void judge(const struct minimisation *x, const struct tri_program *program, int out, struct verdict *verdict) {
  struct last_words words = {verdict, out};
  const struct tri_run_watch watch = {.dying = dying, .context = &words};
  struct tri_run_params params = {.collector = x->collector,
                                  .options = x->options,
                                  .max_steps = x->steps,
                                  .watch = &watch,
                                  .decisions = &verdict->decisions};
  struct tri_run_result result;
  tri_program_run_checked(program, &params, TRI_CHECK_GC, NULL, &result);
  tell(verdict, &result);
}

// Processor time for one more experiment: the limit counts from the start of the process.
static void allow_more_time(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  struct rlimit limit;
  getrlimit(RLIMIT_CPU, &limit);
  limit.rlim_cur = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + CPU_SECONDS;
  setrlimit(RLIMIT_CPU, &limit);
}

_Noreturn static void work(const struct minimisation *x, int in, int out) {
  setrlimit(RLIMIT_CORE, &(struct rlimit){0});
  if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)) _exit(3);
  for (size_t size; read_exactly(in, &size, sizeof size);) {
    uint8_t *bytes = tri_need(malloc(size + 1));
    struct tri_program program = {0};
    struct verdict verdict = {0};
    if (!read_exactly(in, bytes, size) || !tri_program_decode(&program, bytes, size)) break;
    allow_more_time();
    judge(x, &program, out, &verdict);
    if (!write_exactly(out, &verdict, sizeof verdict)) break;
    tri_program_free(&program);
    free(bytes);
  }
  _exit(0);
}

static bool start_worker(struct minimisation *x) {
  int down[2], up[2];
  fflush(NULL);
  if (pipe(down) != 0) return tri_fail(&x->error, "no pipe for the worker");
  if (pipe(up) != 0) return close(down[0]), close(down[1]), tri_fail(&x->error, "no pipe for the worker");
  x->worker = fork();
  if (x->worker == 0) {
    close(down[1]);
    close(up[0]);
    work(x, down[0], up[1]);
  }
  close(down[0]);
  close(up[1]);
  x->to_worker = down[1];
  x->from_worker = up[0];
  if (x->worker > 0) return true;
  x->worker = 0;
  close(x->to_worker);
  close(x->from_worker);
  return tri_fail(&x->error, "the worker could not be started");
}

// Wait for the worker's end: its status.
static int end_worker(struct minimisation *x) {
  int status = 0;
  close(x->to_worker);
  close(x->from_worker);
  waitpid(x->worker, &status, 0);
  x->worker = 0;
  return status;
}

// The worker is ending without a verdict: how it does is one.
static void judge_end(struct minimisation *x, struct verdict *verdict) {
  int status = end_worker(x);
  *verdict = (struct verdict){0};
  if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL)) {
    snprintf(verdict->name, sizeof verdict->name, "hang");
    snprintf(verdict->message, sizeof verdict->message, "the run does not end");
  } else if (WIFSIGNALED(status)) {
    snprintf(verdict->name, sizeof verdict->name, "signal %d", WTERMSIG(status));
    snprintf(verdict->message, sizeof verdict->message, "the process dies: %s", strsignal(WTERMSIG(status)));
  } else {
    snprintf(verdict->name, sizeof verdict->name, "exit %d", WEXITSTATUS(status));
    snprintf(verdict->message, sizeof verdict->message, "the process ends itself with status %d", WEXITSTATUS(status));
  }
}

// Run a program in the worker. False: the suite failed.
static bool experiment(struct minimisation *x, const struct tri_program *program, struct verdict *verdict) {
  if (x->broken || (!x->worker && !start_worker(x))) return !(x->broken = true);
  size_t size = tri_program_encode(program, NULL, 0);
  uint8_t *bytes = tri_need(malloc(size + 1));
  tri_program_encode(program, bytes, size);
  bool sent = write_exactly(x->to_worker, &size, sizeof size) && write_exactly(x->to_worker, bytes, size);
  free(bytes);
  struct pollfd answer = {.fd = x->from_worker, .events = POLLIN};
  if (sent && poll(&answer, 1, DEADLOCK_SECONDS * 1000) == 0) kill(x->worker, SIGKILL);
  if (!sent || !read_exactly(x->from_worker, verdict, sizeof *verdict)) judge_end(x, verdict);
  else if (verdict->last) end_worker(x);
  return true;
}

static bool still_fails(void *context, const struct tri_program *program) {
  struct minimisation *x = context;
  struct verdict verdict;
  return experiment(x, program, &verdict) && strcmp(verdict.name, x->wanted.name) == 0;
}

// ---- Files ----------------------------------------------------------------------------------------------------

// The first line of a state: what it is a state of.
static char *state_key(const struct minimisation *x, const struct tri_program *program) {
  size_t size = tri_program_encode(program, NULL, 0);
  uint8_t *bytes = tri_need(malloc(size + 1));
  tri_program_encode(program, bytes, size);
  uint64_t hash = UINT64_C(0xcbf29ce484222325); // FNV-1a
  for (size_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
  free(bytes);
  return tri_format("# %s on %s, fault %s, options %s, steps %" PRIu64 ", program %016" PRIx64 "\n", x->wanted.name,
                    x->collector_name, x->fault ? x->fault : "none", x->options ? x->options : "none", x->steps, hash);
}

static bool save(const struct tri_minimize *state, const char *path, const char *key, struct tri_error *error) {
  struct tri_new_file file;
  if (!tri_new_file_begin(&file, path, error)) return false;
  fputs(key, file.stream);
  tri_minimize_write(state, file.stream);
  return tri_new_file_commit(&file, error);
}

enum resume { RESUME_NONE, RESUME_DONE, RESUME_BAD };

static enum resume resume(struct tri_minimize *state, const char *path, const char *key, struct tri_error *error) {
  FILE *file = fopen(path, "r");
  if (!file) return RESUME_NONE;
  char *text = NULL;
  size_t size = 0, room = 0;
  do {
    if (size == room) text = tri_need(realloc(text, room = room ? 2 * room : 4096));
    size += fread(text + size, 1, room - size, file);
  } while (!feof(file) && !ferror(file));
  fclose(file);
  size_t length = strlen(key);
  bool ok = size >= length && memcmp(text, key, length) == 0 && tri_minimize_read(state, text, size);
  free(text);
  if (ok) return RESUME_DONE;
  tri_fail(error, "%s is there, but not the state of this minimisation; remove it, or choose another --out", path);
  return RESUME_BAD;
}

static const char *plural(uint64_t n) { return n == 1 ? "" : "s"; }

// What was found, in one place for the file and for the terminal; `before` begins each line that is no operation.
static void describe(const struct minimisation *x, const struct tri_minimize *state, size_t original,
                     const char *before, FILE *out) {
  const struct tri_invariant *row = tri_invariant_find(x->wanted.name);
  char *command = tri_replay_command(x->collector_name, NULL, x->fault, x->options, x->steps, x->out);
  fprintf(out, "%s%s on %s%s%s%s%s\n", before, x->wanted.name, x->collector_name, x->fault ? " with fault " : "",
          x->fault ? x->fault : "", row ? ": " : "", row ? row->doc : "");
  fprintf(out, "%s%s\n", before, x->wanted.message);
  fprintf(out, "%s%zu operation%s of %zu, %" PRIu64 " preemption%s\n", before, state->best.count,
          plural(state->best.count), original, x->wanted.preemptions, plural(x->wanted.preemptions));
  fprintf(out, "%s%s\n", before, command);
  tri_program_print(&state->best, out);
  free(command);
}

static bool write_result(const struct minimisation *x, const struct tri_minimize *state, size_t original,
                         struct tri_error *error) {
  struct tri_new_file file;
  if (!tri_new_file_begin(&file, x->out, error)) return false;
  describe(x, state, original, "# ", file.stream);
  return tri_new_file_commit(&file, error);
}

// The same as a C test, in a file beside the result. Returns the exit status.
static int write_test(const struct minimisation *x, const struct tri_minimize *state, struct tri_error *error) {
  struct tri_new_file file;
  struct tri_run_params params = {.collector = x->collector, .options = x->options, .max_steps = x->steps};
  char *path = tri_format("%.*s.c", (int)(strlen(x->out) - 4), x->out);
  char *headline = tri_format("%s on %s%s%s: %s", x->wanted.name, x->collector_name, x->fault ? " with fault " : "",
                              x->fault ? x->fault : "", x->wanted.message);
  int status = 3;
  if (tri_new_file_begin(&file, path, error)) {
    if (!tri_program_emit_c(&state->best, &params, headline, file.stream, error)) {
      tri_new_file_abandon(&file);
      status = 2;
    } else if (tri_new_file_commit(&file, error)) {
      printf("as a C test: %s\n", path);
      status = 0;
    }
  }
  free(headline), free(path);
  return status;
}

// ---- The command ----------------------------------------------------------------------------------------------

static void show_progress(const struct tri_minimize *state, bool terminal, bool last) {
  if (terminal)
    fprintf(stderr, "\r\033[K%zu operations, %" PRIu64 " experiments, %" PRIu64 " kept%s", state->best.count,
            state->tried, state->kept, last ? "\n" : "");
  else if (last || state->tried % LINE_EVERY == 0)
    fprintf(stderr, "%zu operations, %" PRIu64 " experiments, %" PRIu64 " kept\n", state->best.count, state->tried,
            state->kept);
}

enum ending { ENDING_DONE, ENDING_INTERRUPTED, ENDING_BUDGET, ENDING_BROKEN };

static bool has_policy(const struct tri_program *program) {
  for (size_t i = 0; i < program->count; i++)
    if (program->ops[i].code == TRI_OP_POLICY) return true;
  return false;
}

// The best program with what its policies have decided as decisions of its own, in place of the policies, if it fails
// so, too: from there one preemption after the other can go.
static bool decide_by_itself(struct minimisation *x, struct tri_minimize *state) {
  struct verdict verdict;
  struct tri_program decided = {0};
  if (!has_policy(&state->best) || !experiment(x, &state->best, &verdict)) return false;
  const struct tri_run_decisions *decisions = &verdict.decisions;
  for (size_t i = 0; i < state->best.count; i++) {
    for (unsigned k = 0; k < decisions->count; k++) {
      struct tri_op yield = {TRI_OP_YIELD, {decisions->list[k].to, decisions->list[k].after}};
      if (decisions->list[k].at == i) tri_need(tri_program_append(&decided, &yield) ? &decided : NULL);
    }
    if (state->best.ops[i].code == TRI_OP_POLICY) continue;
    tri_need(tri_program_append(&decided, &state->best.ops[i]) ? &decided : NULL);
  }
  if (!still_fails(x, &decided)) return tri_program_free(&decided), false;
  tri_program_free(&state->best);
  *state = (struct tri_minimize){.best = decided, .tried = state->tried + 1, .kept = state->kept + 1};
  return true;
}

static enum ending minimise(struct minimisation *x, struct tri_minimize *state, const char *part, const char *key) {
  bool terminal = isatty(STDERR_FILENO);
  enum ending ending = ENDING_DONE;
  for (uint64_t made = 0;; made++) {
    if (tri_interrupted(&x->signals)) ending = ENDING_INTERRUPTED;
    else if (x->experiments && made == x->experiments) ending = ENDING_BUDGET;
    if (ending != ENDING_DONE) break;
    enum tri_minimize_step step = tri_minimize_step(state, still_fails, x);
    if (step == TRI_MINIMIZE_NO_MEMORY) tri_fail(&x->error, "out of memory");
    if (step == TRI_MINIMIZE_NO_MEMORY || x->broken) return ENDING_BROKEN;
    if (step == TRI_MINIMIZE_ENDED && !decide_by_itself(x, state)) break;
    if ((step == TRI_MINIMIZE_KEPT || state->tried % SAVE_EVERY == 0) && !save(state, part, key, &x->error))
      return ENDING_BROKEN;
    show_progress(state, terminal, false);
  }
  show_progress(state, terminal, true);
  if (ending != ENDING_DONE && !save(state, part, key, &x->error)) return ENDING_BROKEN;
  return ending;
}

static int fails(struct minimisation *x, int status) {
  return tri_command_fails("minimize", &x->error, (enum tri_exit)status);
}

// The failure is there, twice the same: else there is nothing to go by.
static bool reproduce(struct minimisation *x, const struct tri_program *program) {
  struct verdict again;
  if (!experiment(x, program, &x->wanted)) return false;
  if (!x->wanted.name[0]) {
    tri_fail(&x->error, "%s does not fail on %s: there is nothing to minimise", x->in, x->collector_name);
    return false;
  }
  if (!experiment(x, program, &again)) return false;
  if (strcmp(x->wanted.name, again.name) == 0) return true;
  return tri_fail(&x->error, "%s does not fail on %s the same way twice: first %s, then %s", x->in, x->collector_name,
                  x->wanted.name, again.name[0] ? again.name : "not at all");
}

static int minimise_file(struct minimisation *x, struct tri_program *program) {
  if (!reproduce(x, program)) return fails(x, x->broken ? 3 : 2);
  char *key = state_key(x, program), *part = tri_format("%s.part", x->out);
  struct tri_minimize state = {0};
  size_t original = program->count;
  int status = 0;
  enum resume resumed = resume(&state, part, key, &x->error);
  if (resumed == RESUME_BAD) {
    status = fails(x, 2);
  } else {
    if (resumed == RESUME_NONE) {
      state.best = *program;
      *program = (struct tri_program){0};
    }
    switch (minimise(x, &state, part, key)) {
    case ENDING_DONE:
      if (!experiment(x, &state.best, &x->wanted) || !write_result(x, &state, original, &x->error)) {
        status = fails(x, 3);
      } else {
        describe(x, &state, original, "", stdout);
        unlink(part);
        if (x->emit && (status = write_test(x, &state, &x->error)) != 0) fails(x, status);
      }
      break;
    case ENDING_INTERRUPTED:
    case ENDING_BUDGET:
      fprintf(stderr, "tricolor minimize: stopped; the best so far is %s, the same command goes on from there\n", part);
      status = x->signals.interrupted_by ? 3 : 0;
      break;
    case ENDING_BROKEN: status = fails(x, 3);
    }
  }
  tri_minimize_free(&state);
  free(key), free(part);
  return status;
}

static const struct tri_command command = {.name = "minimize",
                                           .synopsis = "--collector=C [options] FILE",
                                           .about =
                                               "Makes a failing heap program as small as it can be with the "
                                               "same failure on the same collector: the same row of\n"
                                               "the oracle, the same signal, or no end. Prints it, how many "
                                               "preemptions it needs, and the command that repeats it.\n"
                                               "Stopped by Ctrl-C or killed, the same command goes on from "
                                               "OUT.part, which holds the best program so far.\n",
                                           .most_words = 1,
                                           .word_missing = TRI_NO_FILE};

static bool parse(int argc, char **argv, struct minimisation *x) {
  static const char *const tests[] = {"c", NULL};
  int emit = -1;
  struct tri_words files = {0};
  const struct tri_argument table[] = {
      {"collector", "C", "a name from `tricolor list collectors`", .text = &x->collector_name},
      {"out", "OUT", "default FILE.min.thp", .text = &x->out},
      TRI_ARGUMENT_STEPS(&x->steps),
      {"emit", NULL, "write it as a stand-alone C test, too, to OUT with .c instead of .thp", .choice = &emit,
       .choices = tests},
      {"experiments", "N", "stop after so many", .number = &x->experiments, .least = 1},
      {"fault", "MODE[:K]", "plant a fault, see `tricolor list faults`", .text = &x->fault},
      TRI_ARGUMENT_OPTIONS(&x->options),
      {0}};
  if (!tri_arguments_parse(&command, table, argc, argv, &files, &x->error)) return false;
  x->emit = emit >= 0;
  x->in = files.words[0];
  free(files.words);
  if (!x->collector_name) return tri_fail(&x->error, "--collector is missing; `tricolor list collectors` shows all");
  if (strcmp(x->in, "-") == 0 && !x->out) return tri_fail(&x->error, "--out is missing: where to write the program");
  if (x->out && !tri_program_is_text(x->out))
    return tri_fail(&x->error, "--out=%s: the result is text; right would be a name that ends in .thp", x->out);
  if (!(x->collector = tri_collector_named(x->collector_name, &x->error))) return false;
  if (x->fault)
    x->collector = tri_fault_wrap(&x->faulty, x->collector, x->fault, x->error.text, sizeof x->error.text);
  return x->collector != NULL;
}

// Would these options make a heap? A run that they end is no failing one.
static bool options_good(struct minimisation *x) {
  struct tri_heap_params params = {.options = x->options, .error = x->error.text, .error_bytes = sizeof x->error.text};
  struct tri_heap *heap;
  enum tri_status status = tri_heap_create(x->collector, &params, &heap);
  if (status == TRI_OK) tri_heap_destroy(heap);
  return status != TRI_EINVAL;
}

int tri_command_minimize(int argc, char **argv) {
  struct minimisation x = {0};
  struct tri_program program = {0};
  if (!parse(argc, argv, &x) || !options_good(&x)) return free(x.options), fails(&x, 2);
  int status = 2;
  char *out = tri_format("%.*s.min.thp", (int)(strlen(x.in) - (tri_program_is_text(x.in) ? 4 : 0)), x.in);
  if (!x.out) x.out = out;
  tri_poison_set_filling(true);
  tri_signals_hold(&x.signals);
  signal(SIGPIPE, SIG_IGN); // a worker that died says so when it is waited for
  if (!tri_program_read(x.in, &program, &x.error)) fails(&x, status);
  else status = minimise_file(&x, &program);
  if (x.worker) end_worker(&x);
  tri_signals_release(&x.signals);
  tri_program_free(&program);
  free(out);
  free(x.options);
  return status;
}
