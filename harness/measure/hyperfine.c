#include "measure/hyperfine.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure/file.h"

// What a call of hyperfine that gave no result means.
static enum tri_stopwatch_status explain(struct tri_child_end end, const char *stderr_path,
                                         struct tri_error *error) {
  char line[512];
  switch (end.outcome) {
  case TRI_CHILD_INTERRUPTED:
    return TRI_STOPWATCH_INTERRUPTED;
  case TRI_CHILD_TIMED_OUT:
    return TRI_STOPWATCH_TIMED_OUT;
  case TRI_CHILD_NOT_STARTED:
    if (end.value == ENOENT) {
      tri_fail(error, "hyperfine, the stopwatch, is not in PATH: `apt-get install hyperfine`");
    } else {
      tri_fail(error, "hyperfine, the stopwatch, does not start: %s", strerror(end.value));
    }
    break;
  case TRI_CHILD_SIGNALED:
    tri_fail(error, "hyperfine was ended by signal %d", end.value);
    break;
  case TRI_CHILD_EXITED:
    tri_last_line(stderr_path, line, sizeof line);
    tri_fail(error, "hyperfine failed with exit status %d: %s", end.value, line);
    break;
  }
  return TRI_STOPWATCH_FAILED;
}

enum tri_stopwatch_status tri_hyperfine_version(struct tri_held_signals *held, const char *directory,
                                                char version[32], struct tri_error *error) {
  static const char *const arguments[] = {"hyperfine", "--version", NULL};
  char *stdout_path = tri_format("%s/stdout", directory), *stderr_path = tri_format("%s/stderr", directory);
  enum tri_stopwatch_status status = TRI_STOPWATCH_OK;
  struct tri_child_end end = tri_child_run(held, arguments, stdout_path, stderr_path, 0);
  if (end.outcome != TRI_CHILD_EXITED || end.value != 0) {
    status = explain(end, stderr_path, error);
  } else {
    char line[128];
    tri_last_line(stdout_path, line, sizeof line);
    if (sscanf(line, "hyperfine %31s", version) != 1) {
      tri_fail(error, "`hyperfine --version` says \"%s\", which is no version of hyperfine", line);
      status = TRI_STOPWATCH_FAILED;
    }
  }
  unlink(stdout_path);
  unlink(stderr_path);
  free(stdout_path);
  free(stderr_path);
  return status;
}

enum tri_stopwatch_status tri_hyperfine_run(struct tri_held_signals *held, const char *const *arguments,
                                            const char *directory, unsigned timeout_seconds,
                                            struct tri_reading *reading, struct tri_error *error) {
  char *export_path = tri_format("%s/hyperfine.json", directory);
  char *stderr_path = tri_format("%s/stderr", directory);
  char *command =
      tri_shell_command(arguments); // hyperfine splits it again as a shell would, and runs no shell
  const char *const call[] = {"hyperfine",        "-N",      "--runs", "1",
                              "--ignore-failure", "--style", "none",   "--export-json",
                              export_path,        command,   NULL};
  struct tri_child_end end = tri_child_run(held, call, NULL, stderr_path, timeout_seconds);
  enum tri_stopwatch_status status = TRI_STOPWATCH_OK;
  if (end.outcome != TRI_CHILD_EXITED || end.value != 0) {
    status = explain(end, stderr_path, error);
  } else if (!tri_hyperfine_parse(export_path, reading, error)) {
    status = TRI_STOPWATCH_FAILED;
  }
  unlink(export_path);
  unlink(stderr_path);
  free(command);
  free(stderr_path);
  free(export_path);
  return status;
}

static bool read_seconds(const char *path, json_t *result, const char *key, int64_t *nanoseconds,
                         struct tri_error *error) {
  json_t *value = json_object_get(result, key);
  if (!json_is_number(value)) return tri_fail(error, "%s: results[0].%s: expected a number", path, key);
  *nanoseconds = llround(json_number_value(value) * 1e9);
  return true;
}

bool tri_hyperfine_parse(const char *path, struct tri_reading *reading, struct tri_error *error) {
  json_error_t at;
  json_t *root = json_load_file(path, 0, &at);
  if (!root) return tri_fail(error, "%s:%d:%d: not hyperfine's JSON: %s", path, at.line, at.column, at.text);
  json_t *result = json_array_get(json_object_get(root, "results"), 0);
  json_t *exit_code = json_array_get(json_object_get(result, "exit_codes"), 0);
  bool good = read_seconds(path, result, "mean", &reading->wall_ns, error) &&
              read_seconds(path, result, "user", &reading->user_ns, error) &&
              read_seconds(path, result, "system", &reading->system_ns, error);
  if (good && !json_is_integer(exit_code))
    good = tri_fail(error, "%s: results[0].exit_codes[0]: expected an integer", path);
  if (good) reading->exit_code = (int)json_integer_value(exit_code);
  json_decref(root);
  return good;
}
