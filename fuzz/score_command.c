#include "score_command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engines.h"
#include "measure/arguments.h"
#include "measure/environment.h"
#include "measure/file.h"
#include "nearest.h"
#include "score/board.h"

enum { MOST_JOBS = 64, WRITE_EVERY_SECONDS = 30, POLL_NS = 5000000 };

struct plan {
  const char *name, *out, *seeds, *report, *builds[TRI_ENGINES];
  struct tri_words arms, faults;
  uint64_t trials, controls, jobs;
  struct tri_fuzz_budget budget;
  bool markdown;
};

// One trial to be done.
struct task {
  const struct tri_score_subject *subject;
  const struct tri_arm *arm;
  char *program;
  uint64_t seed;
  bool again; // the engine did not run at the first attempt
};

struct slot {
  bool busy;
  struct task task;
  char *directory;
  struct tri_engine_run run;
};

struct score {
  const struct plan *plan;
  struct tri_board board;
  FILE *log;
  char *result_path, *log_path, *directory, *seeds, *mutator; // directory: for everything that is not kept
  struct task *tasks;
  size_t task_count, next, done, killed;
  struct slot slots[MOST_JOBS];
  unsigned started_trials;
  size_t broken;
  char broken_message[512];
  struct tri_held_signals signals;
};

// ---- The command line -----------------------------------------------------------------------------------------

static void print_arms(FILE *out) {
  fputs("Exit status: 0 good, 1 an unmodified collector raised an alarm, 2 wrong usage, 3 the suite itself "
        "failed or was\n"
        "interrupted.\nArms:\n",
        out);
  for (size_t i = 0; i < tri_arm_count; i++) fprintf(out, "  %-18s %s\n", tri_arms[i].name, tri_arms[i].doc);
}

static const struct tri_command command = {.name = "score",
                                           .synopsis = "[options]",
                                           .about =
                                               "Runs every arm (way to fuzz) on every planted fault, several "
                                               "trials each, and on the unmodified collectors.\n",
                                           .more = print_arms};

static bool parse(struct plan *plan, int argc, char **argv, struct tri_error *error) {
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  *plan = (struct plan){.name = "score", .out = "results/score", .trials = 5, .controls = UINT64_MAX};
  plan->jobs = processors < 1 ? 1 : processors > MOST_JOBS ? MOST_JOBS : (uint64_t)processors;
  plan->budget = (struct tri_fuzz_budget){
      .executions = 1000000, .operations = 1000000000, .cpu_seconds = 10, .memory = (uint64_t)2 << 30};
  struct tri_fuzz_budget *budget = &plan->budget;
  const struct tri_argument table[] = {
      {"name", "NAME", "results in FOLDER/NAME.json, its trials in FOLDER/NAME.trials (default score)",
       .text = &plan->name},
      {"out", "FOLDER", "(default results/score); a run that was interrupted goes on where it stopped",
       .text = &plan->out},
      {"arms", "A,B,…", "(default all; see below)", .list = &plan->arms},
      {"fault", "F,G,…", "collector/id, id, or collector: all of its faults (default all)",
       .list = &plan->faults},
      {"trials", "N", "of each fault and arm (default 5); the number of the trial is its seed",
       .number = &plan->trials, .least = 1, .most = 500},
      {"controls", "N", "of each unmodified collector and arm (default: as --trials)",
       .number = &plan->controls, .most = 500},
      {"cpu", "10s", "processor time of a trial, in seconds, or with m or h (default 10)",
       .seconds = &budget->cpu_seconds},
      {"executions", "N", "of a trial (default 1000000)", .number = &budget->executions, .least = 1,
       .most = INT32_MAX},
      {"operations", "N", "of a trial (default 1000000000)", .number = &budget->operations, .least = 1,
       .most = INT64_MAX},
      {"memory", "SIZE", "of a process (default 2g)", .size = &budget->memory},
      {"seeds", "FOLDER", "programs to start with, bytes or .thp (default: one with a single operation)",
       .text = &plan->seeds},
      {"jobs", "N", "trials at a time (default: one for each processor)", .number = &plan->jobs, .least = 1,
       .most = MOST_JOBS},
      {"replay-build", "DIR",
       "build folder for arms without an engine (default: this one's if it has none, else release beside\n"
       "it)",
       .text = &plan->builds[TRI_ENGINE_REPLAY]},
      {"libfuzzer-build", "DIR", "for libFuzzer (default: this one's, or fuzz beside it)",
       .text = &plan->builds[TRI_ENGINE_LIBFUZZER]},
      {"afl-build", "DIR", "for AFL++ (default: this one's, or afl beside it)",
       .text = &plan->builds[TRI_ENGINE_AFL]},
      {"report", "FILE", "print the tables of a result, run nothing", .text = &plan->report},
      {"markdown", NULL, "tables as Markdown", .flag = &plan->markdown},
      {0}};
  if (!tri_arguments_parse(&command, table, argc, argv, NULL, error)) return false;
  if (!*plan->name || strchr(plan->name, '/'))
    return tri_fail(error, "--name=%s: right would be a file's name", plan->name);
  if (plan->controls == UINT64_MAX) plan->controls = plan->trials;
  return true;
}

// ---- What there is to do --------------------------------------------------------------------------------------

static bool choose_arms(struct score *score, struct tri_error *error) {
  const struct plan *plan = score->plan;
  const char *names[32];
  for (size_t i = 0; i < tri_arm_count; i++) names[i] = tri_arms[i].name;
  score->board.arms = tri_need(calloc(tri_arm_count + 1, sizeof *score->board.arms));
  for (size_t i = 0; i < plan->arms.count; i++) {
    if (tri_arm_find(plan->arms.words[i])) continue;
    const char *nearest = tri_nearest(plan->arms.words[i], (struct tri_names){names, tri_arm_count});
    return tri_fail(error, "--arms: there is no arm '%s'%s%s; `tricolor score --help` shows all",
                    plan->arms.words[i], nearest ? "; did you mean " : "", nearest ? nearest : "");
  }
  for (size_t i = 0; i < tri_arm_count; i++) { // in the order of the list
    bool wanted = plan->arms.count == 0;
    for (size_t k = 0; k < plan->arms.count; k++) wanted |= strcmp(plan->arms.words[k], names[i]) == 0;
    if (wanted) score->board.arms[score->board.arm_count++] = tri_format("%s", names[i]);
  }
  return true;
}

static bool uses(const struct score *score, enum tri_engine engine) {
  for (size_t i = 0; i < score->board.arm_count; i++)
    if (tri_arm_find(score->board.arms[i])->engine == engine) return true;
  return false;
}

static bool read_manifests(struct score *score, struct tri_error *error) {
  bool ok = true;
  for (enum tri_engine engine = 0; ok && engine < TRI_ENGINES; engine++) {
    if (!uses(score, engine)) continue;
    char *build = tri_engine_build(engine, score->plan->builds[engine]), *path = tri_format("%s/faults.json", build);
    if (access(path, R_OK) != 0)
      ok = tri_fail(error,
                    "%s is missing; build it: cmake --preset %s && cmake --build --preset %s --target "
                    "faults, and if it "
                    "lies elsewhere give --%s-build=DIR",
                    path, tri_engine_preset(engine), tri_engine_preset(engine), tri_engine_name(engine));
    else
      ok = tri_board_add_manifest(&score->board, engine, path, error);
    if (ok && engine == TRI_ENGINE_AFL) score->mutator = tri_format("%s/fuzz/libtricolor-mutator.so", build);
    free(path);
    free(build);
  }
  return ok;
}

static bool chosen(const struct plan *plan, const struct tri_score_subject *subject) {
  for (size_t i = 0; i < plan->faults.count; i++) {
    const char *word = plan->faults.words[i];
    if (strcmp(word, subject->name) == 0 || strcmp(word, subject->collector) == 0 || strcmp(word, subject->id) == 0)
      return true;
  }
  return plan->faults.count == 0;
}

// The program of a subject for an arm; NULL with *error when it is missing.
static char *program_of(const struct score *score, const struct tri_score_subject *subject, enum tri_engine engine,
                        struct tri_error *error) {
  char *program;
  if (subject->id) {
    if (!subject->programs[engine])
      return tri_fail(error, "%s is not in the manifest of the %s build: configure it anew", subject->name,
                      tri_engine_name(engine)),
             NULL;
    program = tri_format("%s", subject->programs[engine]);
  } else {
    char *build = tri_engine_build(engine, score->plan->builds[engine]);
    program = tri_format("%s/fuzz/fuzz-%s", build, subject->collector);
    free(build);
  }
  if (access(program, X_OK) == 0) return program;
  tri_fail(error, "%s is missing; build it: cmake --build --preset %s --target %s", program,
           tri_engine_preset(engine), subject->id ? "faults" : strrchr(program, '/') + 1);
  free(program);
  return NULL;
}

// Leaves out faults that are not built for some arm, and says so.
static void drop_unbuilt(struct score *score) {
  struct tri_board *board = &score->board;
  board->left_out = tri_need(json_array());
  for (size_t i = 0; i < board->subject_count;) {
    struct tri_error error;
    bool built = true;
    for (size_t k = 0; built && board->subjects[i].id && k < board->arm_count; k++) {
      char *program = program_of(score, &board->subjects[i], tri_arm_find(board->arms[k])->engine, &error);
      built = program != NULL;
      free(program);
    }
    if (built) {
      i++;
      continue;
    }
    fprintf(stderr, "score: left out: %s\n", error.text);
    json_array_append_new(board->left_out, json_string(board->subjects[i].name));
    tri_board_drop_subject(board, i);
  }
}

// Leaves the chosen faults, and adds the control of each of their collectors.
static bool choose_subjects(struct score *score, struct tri_error *error) {
  struct tri_board *board = &score->board;
  for (size_t i = 0; i < board->subject_count;)
    if (chosen(score->plan, &board->subjects[i]))
      i++;
    else
      tri_board_drop_subject(board, i);
  if (board->subject_count == 0)
    return tri_fail(error, "there is no such fault; faults.json in a build folder lists those that are built");
  drop_unbuilt(score);
  size_t faults = board->subject_count;
  if (faults == 0) return tri_fail(error, "none of the chosen faults is built");
  for (size_t i = 0; score->plan->controls && i < faults; i++)
    tri_board_add_control(board, board->subjects[i].collector);
  return true;
}

// Trial by trial: an interrupted run has looked at all faults with all arms.
static bool make_tasks(struct score *score, struct tri_error *error) {
  struct tri_board *board = &score->board;
  uint64_t rounds = score->plan->trials > score->plan->controls ? score->plan->trials : score->plan->controls;
  size_t most = 2 * rounds * board->subject_count * board->arm_count; // each may be tried once more
  score->tasks = tri_need(calloc(most + 1, sizeof *score->tasks));
  for (uint64_t seed = 0; seed < rounds; seed++)
    for (size_t i = 0; i < board->subject_count; i++) {
      const struct tri_score_subject *subject = &board->subjects[i];
      if (seed >= (subject->id ? score->plan->trials : score->plan->controls)) continue;
      for (size_t k = 0; k < board->arm_count; k++) {
        const struct tri_arm *arm = tri_arm_find(board->arms[k]);
        const struct tri_trial *trial = tri_board_trial(board, subject->name, arm->name, seed);
        if (trial && subject->id) score->killed += trial->outcome == TRI_TRIAL_KILLED;
        if (trial) score->done++;
        if (trial) continue;
        char *program = program_of(score, subject, arm->engine, error);
        if (!program) return false;
        score->tasks[score->task_count++] = (struct task){subject, arm, program, seed, false};
      }
    }
  return true;
}

static bool make_seeds(struct score *score, struct tri_error *error) {
  score->seeds = tri_format("%s/seeds", score->directory);
  return tri_make_folder(score->seeds, error) && tri_write_seeds(score->plan->seeds, score->seeds, error) > 0;
}

// ---- Running --------------------------------------------------------------------------------------------------

static bool start(struct score *score, struct slot *slot, const struct task *task, struct tri_error *error) {
  slot->task = *task;
  slot->directory = tri_format("%s/%u", score->directory, ++score->started_trials);
  slot->run = (struct tri_engine_run){.arm = task->arm,
                                      .program = task->program,
                                      .mutator = score->mutator,
                                      .seeds = score->seeds,
                                      .directory = slot->directory,
                                      .seed = task->seed,
                                      .no_assertions = true,
                                      .budget = score->plan->budget};
  slot->busy = tri_engine_start(&slot->run, &score->signals, error);
  return slot->busy;
}

static bool expected(const struct tri_score_subject *subject, const char *invariant) {
  for (int i = 0; subject->fires[i]; i++)
    if (strcmp(subject->fires[i], invariant) == 0) return true;
  return false;
}

static bool record(struct score *score, const struct slot *slot) {
  const struct tri_engine_run *run = &slot->run;
  const struct tri_fuzz_account *account = run->account;
  bool found = run->outcome == TRI_ENGINE_FOUND;
  struct tri_trial trial = {.subject = slot->task.subject->name,
                            .arm = (char *)(uintptr_t)slot->task.arm->name,
                            .seed = slot->task.seed,
                            .outcome = found                                ? TRI_TRIAL_KILLED
                                       : run->outcome == TRI_ENGINE_DIED ? TRI_TRIAL_DIED
                                                                         : TRI_TRIAL_ALIVE,
                            .executions = found ? account->found_executions : account->executions,
                            .operations = found ? account->found_operations : account->operations,
                            .cpu_seconds = run->cpu_seconds,
                            .wall_seconds = run->wall_seconds};
  if (found) {
    memcpy(trial.invariant, account->invariant, sizeof trial.invariant);
    trial.expected = expected(slot->task.subject, trial.invariant);
  }
  score->done++;
  score->killed += found && slot->task.subject->id;
  tri_board_add_trial(&score->board, &trial);
  return tri_board_log_trial(score->log, &trial);
}

// A trial whose engine did not run is tried once more, at the end; then it is left out.
static void note_broken(struct score *score, const struct slot *slot) {
  snprintf(score->broken_message, sizeof score->broken_message, "%s on %s, trial %llu: %.300s", slot->task.arm->name,
           slot->task.subject->name, (unsigned long long)slot->task.seed, slot->run.message);
  if (slot->task.again) {
    score->broken++;
    return;
  }
  score->tasks[score->task_count] = slot->task;
  score->tasks[score->task_count++].again = true;
}

static void release(struct slot *slot) {
  tri_engine_finish(&slot->run);
  tri_remove_folder(slot->directory);
  free(slot->directory);
  slot->busy = false;
}

static void progress(const struct score *score, size_t busy, bool last) {
  static time_t shown;
  time_t now = time(NULL);
  bool terminal = isatty(STDERR_FILENO);
  if (!last && now - shown < (terminal ? 1 : WRITE_EVERY_SECONDS)) return;
  shown = now;
  fprintf(stderr, "%sscore: %zu of %zu trials, %zu killed%s", terminal ? "\r" : "", score->done,
          score->done + busy + score->task_count - score->next, score->killed, terminal && !last ? " " : "\n");
}

// All tasks, several at a time. False: interrupted, or *error.
static bool run_tasks(struct score *score, bool *interrupted, struct tri_error *error) {
  time_t written = time(NULL);
  sigset_t awaited = score->signals.interrupts;
  sigaddset(&awaited, SIGCHLD);
  bool ok = true;
  for (size_t busy = 0;;) {
    *interrupted = tri_interrupted(&score->signals);
    for (size_t i = 0; i < score->plan->jobs; i++) {
      struct slot *slot = &score->slots[i];
      if (ok && !*interrupted && !slot->busy && score->next < score->task_count) {
        if (start(score, slot, &score->tasks[score->next], error))
          score->next++, busy++;
        else
          free(slot->directory), ok = false;
      }
      if (!slot->busy) continue;
      if (!ok || *interrupted) tri_engine_stop(&slot->run);
      if (!tri_engine_ended(&slot->run)) continue;
      if (ok && !*interrupted) {
        if (slot->run.outcome == TRI_ENGINE_BROKEN)
          note_broken(score, slot);
        else if (!record(score, slot))
          ok = tri_fail(error, "%s: cannot be written: %s", score->log_path, strerror(errno));
      }
      release(slot);
      busy--;
    }
    if (busy == 0 && (!ok || *interrupted || score->next == score->task_count)) break;
    if (time(NULL) - written >= WRITE_EVERY_SECONDS) {
      tri_board_write(&score->board, score->result_path, error);
      written = time(NULL);
    }
    progress(score, busy, false);
    int signal = sigtimedwait(&awaited, NULL, &(struct timespec){0, POLL_NS});
    if (signal > 0 && signal != SIGCHLD) score->signals.interrupted_by = signal;
  }
  progress(score, 0, true);
  return ok && !*interrupted;
}

static size_t alarms(const struct tri_board *board) {
  size_t count = 0;
  for (size_t i = 0; i < board->trial_count; i++)
    count += !strchr(board->trials[i].subject, '/') && board->trials[i].outcome != TRI_TRIAL_ALIVE;
  return count;
}

static bool prepare(struct score *score, struct tri_error *error) {
  const struct plan *plan = score->plan;
  struct tri_board *board = &score->board;
  board->started = tri_now_text();
  board->budget = plan->budget;
  board->trials_wanted = (unsigned)plan->trials;
  board->seeds = plan->seeds ? tri_format("%s", plan->seeds) : tri_format("one operation");
  board->environment = tri_environment("/proc/self/exe");
  score->result_path = tri_format("%s/%s.json", plan->out, plan->name);
  score->log_path = tri_format("%s/%s.trials", plan->out, plan->name);
  return choose_arms(score, error) && read_manifests(score, error) && choose_subjects(score, error);
}

static int run(struct score *score, struct tri_error *error) {
  bool interrupted = false;
  if (!tri_make_folder(score->plan->out, error)) return TRI_EXIT_SUITE_FAILED;
  if (!make_seeds(score, error) || !tri_board_open_log(&score->board, score->log_path, &score->log, error) ||
      !make_tasks(score, error))
    return TRI_EXIT_BAD_INPUT;
  tri_signals_hold(&score->signals);
  bool ok = run_tasks(score, &interrupted, error);
  tri_signals_release(&score->signals);
  score->board.complete = ok && score->broken == 0;
  if (!tri_board_write(&score->board, score->result_path, error)) return TRI_EXIT_SUITE_FAILED;
  if (interrupted) {
    tri_fail(error, "interrupted; the same command goes on from here");
    return TRI_EXIT_SUITE_FAILED;
  }
  if (!ok) return TRI_EXIT_SUITE_FAILED;
  tri_board_print(stdout, &score->board, score->plan->markdown);
  if (score->broken) {
    tri_fail(error, "%zu trials did not run, the last: %s", score->broken, score->broken_message);
    return TRI_EXIT_SUITE_FAILED;
  }
  return alarms(&score->board) ? TRI_EXIT_FINDING : TRI_EXIT_GOOD;
}

static int run_with_folder(struct score *score, struct tri_error *error) {
  score->directory = tri_temporary_folder("score", error);
  if (!score->directory) return TRI_EXIT_SUITE_FAILED;
  int status = run(score, error);
  tri_remove_folder(score->directory);
  return status;
}

static int report(const struct plan *plan, struct tri_error *error) {
  struct tri_board board;
  tri_board_init(&board);
  bool ok = tri_board_load(&board, plan->report, error);
  if (ok) tri_board_print(stdout, &board, plan->markdown);
  tri_board_free(&board);
  return ok ? TRI_EXIT_GOOD : TRI_EXIT_BAD_INPUT;
}

static void score_free(struct score *score) {
  for (size_t i = 0; i < score->task_count; i++)
    if (!score->tasks[i].again) free(score->tasks[i].program); // else it is the first attempt's
  free(score->tasks);
  if (score->log) fclose(score->log);
  char *const texts[] = {score->result_path, score->log_path, score->directory, score->seeds, score->mutator};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
  tri_board_free(&score->board);
}

int tri_command_score(int argc, char **argv) {
  struct plan plan;
  struct tri_error error = {{0}};
  int status = TRI_EXIT_BAD_INPUT;
  if (!parse(&plan, argc, argv, &error)) {
    status = TRI_EXIT_BAD_INPUT;
  } else if (plan.report) {
    status = report(&plan, &error);
  } else {
    static struct score score;
    score.plan = &plan;
    tri_board_init(&score.board);
    status = prepare(&score, &error) ? run_with_folder(&score, &error) : TRI_EXIT_BAD_INPUT;
    score_free(&score);
  }
  free(plan.arms.words);
  free(plan.faults.words);
  if (error.text[0] && status > TRI_EXIT_FINDING)
    tri_command_fails(command.name, &error, (enum tri_exit)status);
  return status;
}
