// No false alarms on heap programs: random byte strings on every collector under the oracle.
//
// usage: test.check.programs [seed [count [collector [file.thp]]]]
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/shadow.h"
#include "common/check.h"
#include "common/os.h"
#include "common/poison.h"
#include "common/random.h"
#include "program/exec.h"
#include "program/text.h"
#include "tricolor/registry.h"

static void report(void *findings, struct tri_heap *heap, const struct tri_finding *finding) {
  (void)heap;
  tri_finding_print(stdout, finding);
  ++*(size_t *)findings;
}

static void number(void *context, struct tri_run *run, size_t i, const struct tri_op *op) {
  (void)context, (void)op;
  struct tri_mutator *m = tri_run_mutator(run);
  if (m) tri_shadow_operation(m, i + 1);
}

static size_t run(const struct tri_collector *collector, const struct tri_program *program,
                  struct tri_check_summary *summary) {
  size_t findings = 0;
  struct tri_shim_record record;
  struct tri_shadow_options options = {.report = report, .context = &findings, .summary = summary};
  struct tri_run_watch watch = {.before = number};
  struct tri_run_params params = {
      .collector = tri_shadow_wrap(&record, collector, &options), .watch = &watch, .max_steps = 4000};
  struct tri_run_result result;
  if (tri_program_run(program, &params, &result) == TRI_RUN_FINDING) {
    printf("%s\n", result.message);
    findings++;
  }
  return findings;
}

static size_t run_random(const struct tri_collector *collector, uint64_t first, uint64_t count) {
  size_t bad = 0;
  struct tri_check_summary summary = {0};
  for (uint64_t seed = first; seed < first + count; seed++) {
    struct tri_random random = {seed};
    unsigned char bytes[600];
    size_t n = 20 + tri_random_below(&random, sizeof bytes - 20);
    for (size_t i = 0; i < n; i++) // half of them operations
      bytes[i] = (unsigned char)(tri_random_below(&random, 128) | tri_random_below(&random, 2) << 7);
    struct tri_program program = {0};
    TRI_CHECK(tri_program_decode(&program, bytes, n));
    if (run(collector, &program, &summary)) {
      printf("^ %s, seed %" PRIu64 ":\n", collector->name, seed);
      if (!bad++) tri_program_print(&program, stdout);
    }
    tri_program_free(&program);
  }
  printf("%s\n", collector->name);
  tri_check_summary_print(stdout, &summary);
  return bad;
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 60;
  size_t bad = 0;
  tri_os_recycle(true);
  tri_poison_set_filling(true);
  for (size_t i = 0; tri_collectors[i]; i++) {
    if (argc > 3 && strcmp(argv[3], tri_collectors[i]->name) != 0) continue;
    if (argc > 4) {
      struct tri_program program = {0};
      static char text[1 << 16];
      struct tri_text_error error;
      FILE *file = fopen(argv[4], "r");
      TRI_CHECK(file != NULL);
      TRI_CHECK(tri_program_parse(&program, text, fread(text, 1, sizeof text, file), &error));
      fclose(file);
      bad += run(tri_collectors[i], &program, NULL);
      tri_program_free(&program);
    } else {
      bad += run_random(tri_collectors[i], seed, count);
    }
  }
  return bad != 0;
}
