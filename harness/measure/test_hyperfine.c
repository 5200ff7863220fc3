// The real hyperfine on real commands, recorded exports, and a machine without hyperfine.
#include "measure/hyperfine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "measure/file.h"

enum { SKIPPED = 77 };

static char *directory;
static struct tri_held_signals held;
static struct tri_error error;

static void check_recorded(const char *json, bool good, const char *complaint) {
  char *path = tri_format("%s/recorded.json", directory);
  FILE *file = fopen(path, "w");
  TRI_CHECK(file != NULL);
  fputs(json, file);
  fclose(file);
  struct tri_reading reading;
  TRI_CHECK_EQ(tri_hyperfine_parse(path, &reading, &error), good);
  if (good) {
    TRI_CHECK_EQ(reading.wall_ns, 1267586);
    TRI_CHECK_EQ(reading.user_ns, 1148000);
    TRI_CHECK_EQ(reading.system_ns, 0);
    TRI_CHECK_EQ(reading.exit_code, 3);
  } else {
    if (!strstr(error.text, complaint)) puts(error.text);
    TRI_CHECK(strstr(error.text, complaint) != NULL);
    TRI_CHECK(strstr(error.text, path) == error.text);
  }
  unlink(path);
  free(path);
}

static void check_parsing(void) {
  check_recorded(
      "{\"results\":[{\"command\":\"x\",\"mean\":0.001267586,\"stddev\":null,\"median\":0.001267586,"
      "\"user\":0.001148,\"system\":0.0,\"min\":0.001267586,\"max\":0.001267586,"
      "\"times\":[0.001267586],\"exit_codes\":[3]}]}",
      true, NULL);
  check_recorded("{\"results\":[{\"mean\":0.001267586,\"user\":0.001148,\"system\":0,"
                 "\"memory_usage_byte\":[1],\"exit_codes\":[3]}]}",
                 true, NULL);
  check_recorded("{\"results\":[{\"mean\":null,\"user\":0.1,\"system\":0,\"exit_codes\":[0]}]}", false,
                 "results[0].mean: expected a number");
  check_recorded("{\"results\":[{\"mean\":1,\"user\":0.1,\"system\":0,\"exit_codes\":[null]}]}", false,
                 "exit_codes[0]: expected an integer");
  check_recorded("{\"results\":[]}", false, "results[0].mean");
  check_recorded("{\"results\":[{\"mean\":1,", false, "not hyperfine's JSON");
}

static struct tri_reading measure(const char *script) {
  const char *const arguments[] = {"/bin/sh", "-c", script, "it's", "$HOME {x}", NULL};
  struct tri_reading reading;
  enum tri_stopwatch_status status = tri_hyperfine_run(&held, arguments, directory, 60, &reading, &error);
  if (status != TRI_STOPWATCH_OK) puts(error.text);
  TRI_CHECK_EQ(status, TRI_STOPWATCH_OK);
  return reading;
}

static void check_real_runs(void) {
  struct tri_reading reading = measure("exit 0");
  TRI_CHECK_EQ(reading.exit_code, 0);
  TRI_CHECK_GE(reading.wall_ns, 1);
  TRI_CHECK_GE(reading.user_ns, 0);
  TRI_CHECK_GE(reading.system_ns, 0);
  TRI_CHECK_EQ(measure("exit 5").exit_code, 5);
  TRI_CHECK_EQ(measure("kill -9 $$").exit_code, 128 + 9);
  // Words arrive as they were, without any shell of hyperfine's.
  TRI_CHECK_EQ(measure("test \"$0\" = \"it's\" && test \"$1\" = '$HOME {x}' || exit 9").exit_code, 0);
  TRI_CHECK_GE(measure("sleep 0.05").wall_ns, 50000000);

  const char *const sleeper[] = {"/bin/sleep", "1000", NULL};
  TRI_CHECK_EQ(tri_hyperfine_run(&held, sleeper, directory, 1, &reading, &error), TRI_STOPWATCH_TIMED_OUT);
  const char *const missing[] = {"/no/such/program", NULL};
  TRI_CHECK_EQ(tri_hyperfine_run(&held, missing, directory, 0, &reading, &error), TRI_STOPWATCH_FAILED);
  TRI_CHECK(strstr(error.text, "/no/such/program") != NULL);
}

int main(void) {
  directory = tri_temporary_folder("test-hyperfine", &error);
  TRI_CHECK(directory != NULL);
  tri_signals_hold(&held);
  check_parsing();

  char version[32];
  enum tri_stopwatch_status status = tri_hyperfine_version(&held, directory, version, &error);
  bool installed = status == TRI_STOPWATCH_OK;
  if (installed) {
    TRI_CHECK(strchr(version, '.') != NULL);
    check_real_runs();
  }

  setenv("PATH", "/nonexistent", 1);
  TRI_CHECK_EQ(tri_hyperfine_version(&held, directory, version, &error), TRI_STOPWATCH_FAILED);
  TRI_CHECK(strstr(error.text, "apt-get install hyperfine") != NULL);
  tri_signals_release(&held);
  TRI_CHECK_EQ(rmdir(directory), 0); // every file has been cleaned up
  free(directory);
  if (!installed) {
    puts("skipped: hyperfine is not installed (apt-get install hyperfine)");
    return SKIPPED;
  }
  return 0;
}
