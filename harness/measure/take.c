#include "measure/take.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure/file.h"

bool tri_taker_begin(struct tri_taker *taker, const char *use, unsigned timeout_seconds, struct tri_error *error) {
  *taker = (struct tri_taker){.directory = tri_temporary_folder(use, error), .timeout_seconds = timeout_seconds};
  if (!taker->directory) return false;
  tri_signals_hold(&taker->signals);
  return true;
}

void tri_taker_end(struct tri_taker *taker) {
  tri_signals_release(&taker->signals);
  tri_remove_folder(taker->directory);
  free(taker->directory);
}

static char *describe_exit(int exit_code) {
  if (exit_code > 128)
    return tri_format("ended by signal %d (%s)", exit_code - 128, strsignal(exit_code - 128));
  return tri_format("exit status %d", exit_code);
}

// The stopwatch swallows what a process says on its way out, so one that left no result is run again to
// listen.
static char *last_words(struct tri_taker *taker, const struct tri_subject_command *command, int exit_code) {
  char line[512], *stderr_path = tri_format("%s/stderr", taker->directory);
  tri_child_run(&taker->signals, command->arguments, NULL, stderr_path, taker->timeout_seconds);
  tri_last_line(stderr_path, line, sizeof line);
  unlink(stderr_path);
  free(stderr_path);
  char *how = describe_exit(exit_code),
       *words = *line ? tri_format("%s: %s", how, line) : tri_format("%s", how);
  free(how);
  return words;
}

// Says what the result that a process left means, together with how it ended. Returns why it is not ok, or
// NULL.
static char *judge(json_t *result, int exit_code, enum tri_cell_status *status) {
  static const struct {
    const char *word;
    enum tri_cell_status status;
  } words[] = {{"ok", TRI_CELL_OK},
               {"oom", TRI_CELL_OUT_OF_MEMORY},
               {"wrong", TRI_CELL_WRONG},
               {"unsupported", TRI_CELL_SKIPPED},
               {"error", TRI_CELL_FAILED}};
  const char *word = json_string_value(json_object_get(result, "status"));
  const char *message = json_string_value(json_object_get(result, "message"));
  *status = TRI_CELL_FAILED;
  size_t i = 0;
  while (i < 5 && !(word && strcmp(word, words[i].word) == 0)) i++;
  if (i == 5) return tri_format("its result has no known \"status\"");
  bool good = words[i].status == TRI_CELL_OK || words[i].status == TRI_CELL_OUT_OF_MEMORY;
  if (exit_code > 128 || (good && exit_code != 0)) {
    char *how = describe_exit(exit_code), *text = tri_format("%s after a result of \"%s\"", how, word);
    free(how);
    return text;
  }
  *status = words[i].status;
  return *status == TRI_CELL_OK ? NULL : tri_format("%s", message ? message : word);
}

// Of what a process reports, the cell and the sample say these already.
static void drop_repeated_keys(json_t *result) {
  static const char *const keys[] = {"status",     "message", "workload", "collector",
                                     "heap_bytes", "options", "size"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) json_object_del(result, keys[i]);
}

void tri_taken_judge(struct tri_taker *taker, const struct tri_subject_command *command, const char *result_path,
                     struct tri_taken *taken) {
  int exit_code = taken->reading.exit_code;
  json_error_t at;
  json_t *result = json_load_file(result_path, 0, &at);
  if (json_is_object(result)) {
    taken->message = judge(result, exit_code, &taken->status);
    drop_repeated_keys(result);
    taken->process = json_incref(result);
  } else {
    taken->status = TRI_CELL_FAILED;
    if (access(result_path, F_OK) == 0) {
      taken->message = tri_format("its result is not a JSON object: %s", result ? "another value" : at.text);
    } else {
      taken->message = exit_code ? last_words(taker, command, exit_code) : tri_format("it left no result");
    }
  }
  json_decref(result);
}

enum tri_stopwatch_status tri_take(struct tri_taker *taker, const struct tri_subject *subject,
                                   struct tri_taken *taken, struct tri_error *error) {
  char *result_path = tri_format("%s/result.json", taker->directory);
  struct tri_subject_command command = tri_subject_command(subject, result_path);
  *taken = (struct tri_taken){0};
  enum tri_stopwatch_status status = tri_hyperfine_run(&taker->signals, command.arguments, taker->directory,
                                                       taker->timeout_seconds, &taken->reading, error);
  if (status == TRI_STOPWATCH_OK) {
    tri_taken_judge(taker, &command, result_path, taken);
  } else if (status == TRI_STOPWATCH_TIMED_OUT) {
    taken->status = TRI_CELL_FAILED;
    taken->message = tri_format("no end after %u s", taker->timeout_seconds);
  }
  unlink(result_path);
  free(result_path);
  tri_subject_command_free(&command);
  return status;
}

void tri_taken_free(struct tri_taken *taken) {
  json_decref(taken->process);
  free(taken->message);
}

enum tri_exit tri_taken_exit(const struct tri_taken *taken) {
  if (taken->status == TRI_CELL_WRONG) return TRI_EXIT_FINDING;
  if (taken->status != TRI_CELL_FAILED) return TRI_EXIT_GOOD;
  int exit_code = taken->reading.exit_code;
  return exit_code == TRI_EXIT_BAD_INPUT || exit_code == TRI_EXIT_SUITE_FAILED ? (enum tri_exit)exit_code
                                                                               : TRI_EXIT_FINDING;
}
