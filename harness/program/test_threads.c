// The programs of a folder with their mutators as threads that run at the same time, on every collector that claims
// MULTI_MUTATOR: test_threads FOLDER. Under ThreadSanitizer a test of the collectors' synchronisation, with or without
// the oracle, whose lock orders what does not collect; the final graph and its payloads are looked at in any case.
#include "common/check.h"
#include "program/checked.h"
#include "program/files.h"
#include "tricolor/registry.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 10, MAX_STEPS = 300 };

static unsigned several, findings;

static bool has_mutators(const struct tri_program *program) {
  for (size_t i = 0; i < program->count; i++)
    if (program->ops[i].code == TRI_OP_MUTATOR) return true;
  return false;
}

static void run(const char *path, const struct tri_program *program, const struct tri_collector *collector, bool checked) {
  struct tri_run_params params = {.collector = collector, .max_steps = MAX_STEPS, .parallel = true};
  struct tri_run_result result;
  if (checked) tri_program_run_checked(program, &params, TRI_CHECK_GC, NULL, &result);
  else tri_program_run(program, &params, &result);
  several++;
  if (result.status != TRI_RUN_FINDING) return;
  findings++;
  printf("%s on %s%s: %s\n", path, collector->name, checked ? ", checked" : "", result.message);
}

int main(int argc, char **argv) {
  struct tri_paths paths = {0};
  struct tri_error error;
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc != 2 || !tri_program_files(argv[1], &paths, &error)) {
    fprintf(stderr, "usage: test_threads FOLDER: %s\n", argc == 2 ? error.text : "of programs");
    return 2;
  }
  for (size_t i = 0; i < paths.count; i++) {
    struct tri_program program = {0};
    TRI_CHECK(tri_program_read(paths.paths[i], &program, &error));
    for (const struct tri_collector *const *c = tri_collectors; has_mutators(&program) && *c; c++)
      for (unsigned round = 0; (*c)->caps.flags & TRI_CAP_MULTI_MUTATOR && round < 2 * ROUNDS; round++)
        run(paths.paths[i], &program, *c, round % 2);
    tri_program_free(&program);
  }
  tri_paths_free(&paths);
  printf("%u runs with several threads, %u findings\n", several, findings);
  return findings || !several;
}
