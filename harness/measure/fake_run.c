// Stands in for `tricolor run` in the tests of bench: behaves as the collector it is asked for is called.
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *value_of(int argc, char **argv, const char *option) {
  size_t length = strlen(option);
  for (int i = 1; i < argc; i++)
    if (strncmp(argv[i], option, length) == 0) return argv[i] + length;
  return "";
}

static int leave(const char *result_path, const char *text) {
  FILE *file = fopen(result_path, "w");
  if (!file) return 3;
  fputs(text, file);
  return fclose(file) == 0 ? 0 : 3;
}

static int leave_result(int argc, char **argv, const char *status, const char *message) {
  json_t *arguments = json_array();
  for (int i = 1; i < argc; i++) json_array_append_new(arguments, json_string(argv[i]));
  json_t *result =
      json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:o, s:{s:i, s:i, s:I}}", "status", status, "message",
                message, "workload", value_of(argc, argv, "--workload="), "collector",
                value_of(argc, argv, "--collector="), "answer", 42, "wall_ns", 1000, "arguments", arguments,
                "metrics", "collections", 3, "pause_max_ns", 2500000, "peak_rss_bytes", (json_int_t)40 << 20);
  char *text = json_dumps(result, 0);
  int failed = leave(value_of(argc, argv, "--result="), text);
  free(text);
  json_decref(result);
  return failed;
}

// Never ends; says which process it is to the file that the test watches.
static void hang(void) {
  FILE *file = fopen(getenv("FAKE_RUN_PID"), "w");
  if (!file) exit(3);
  fprintf(file, "%ld\n", (long)getpid());
  fclose(file);
  for (;;) pause();
}

int main(int argc, char **argv) {
  if (argc < 2 || strcmp(argv[1], "run") != 0) return 3;
  const char *collector = value_of(argc, argv, "--collector=");
  if (strcmp(collector, "wrong") == 0) return leave_result(argc, argv, "wrong", "2 trees, not 3") + 1;
  if (strcmp(collector, "oom") == 0) return leave_result(argc, argv, "oom", "no room for the tree");
  if (strcmp(collector, "unsupported") == 0)
    return leave_result(argc, argv, "unsupported", "no weak references") + 2;
  if (strcmp(collector, "liar") == 0) return leave_result(argc, argv, "ok", "") + 5;
  if (strcmp(collector, "mute") == 0) return 0;
  if (strcmp(collector, "garbled") == 0) return leave(value_of(argc, argv, "--result="), "{\"status\": NaN}");
  if (strcmp(collector, "vague") == 0) return leave(value_of(argc, argv, "--result="), "{}");
  if (strcmp(collector, "crash") == 0) raise(SIGKILL);
  if (strcmp(collector, "stuck") == 0) hang();
  if (strcmp(collector, "refuse") == 0) {
    fputs("fake: workers=99 is out of range\n", stderr);
    return 2;
  }
  return leave_result(argc, argv, "ok", "");
}
