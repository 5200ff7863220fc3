// Random programs on every collector under the oracle raise no alarm, and a lost store raises one that says where:
// test_checked [seed].
#include "program/checked.h"
#include "program/parsed_program.h"
#include "program/random_program.h"
#include "program/text.h"
#include "tricolor/registry.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 30, OPS = 120, MAX_STEPS = 1000 };

static void test_random(uint64_t seed) {
  struct tri_random random = {seed};
  struct tri_program program = {0};
  for (size_t i = 0; i < OPS; i++) {
    struct tri_op op = random_op(&random);
    for (unsigned k = 0; k < TRI_OP_MAX_OPERANDS; k++) // as a fuzzer's: mostly small
      if (tri_random_below(&random, 4)) op.operand[k] %= 8;
    TRI_CHECK(tri_program_append(&program, &op));
  }
  for (const struct tri_collector *const *c = tri_collectors; *c; c++) {
    struct tri_run_params params = {.collector = *c, .max_steps = MAX_STEPS};
    struct tri_run_result result;
    tri_program_run_checked(&program, &params, TRI_CHECK_GC, NULL, &result);
    if (result.status != TRI_RUN_FINDING) continue;
    printf("%s with program seed %" PRIu64 ": %s\n", (*c)->name, seed, result.message);
    tri_program_print(&program, stdout);
    TRI_CHECK(!"no alarm on a correct collector");
  }
  tri_program_free(&program);
}

// ---- A shim that loses the second store ------------------------------------------------------------------------

struct lossy {
  struct tri_shim shim;
  unsigned stores;
};
static const struct tri_shim_class lossy_class;

static void lossy_store(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  struct lossy *lossy = (struct lossy *)tri_shim_find(m->heap, &lossy_class);
  if (++lossy->stores != 2) lossy->shim.inner->store(m, object, i, value);
}
static void lossy_override(struct tri_collector *record) { record->store = lossy_store; }
static struct tri_shim *lossy_open(const struct tri_shim_record *record, const struct tri_heap_config *config) {
  (void)record, (void)config;
  return calloc(1, sizeof(struct lossy));
}
static void lossy_close(struct tri_shim *shim) { free(shim); }
static const struct tri_shim_class lossy_class = {
    .name = "lossy", .override = lossy_override, .open = lossy_open, .close = lossy_close};

static void test_alarm(void) {
  static const char text[] = "r0 = alloc refs n=2\nst r0[0] = r0\nst r0[1] = r0\nr1 = ld r0[1]\nr2 = r1\n";
  struct tri_program program = parsed_program(text);
  struct tri_shim_record record;
  struct tri_run_result result;
  struct tri_run_params params = {.collector = tri_shim_wrap(&record, tri_collectors[0], &lossy_class, NULL)};
  tri_program_run_checked(&program, &params, TRI_CHECK_GC, NULL, &result);
  printf("%s\n", result.message);
  TRI_CHECK_EQ(result.status, TRI_RUN_FINDING);
  TRI_CHECK(strstr(result.message, "operation 4 (r1 = ld r0[1]): S") == result.message);
  TRI_CHECK(strstr(result.message, "written by operation 3") != NULL);
  TRI_CHECK_EQ(result.steps, 4);
  tri_program_free(&program);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
  setvbuf(stdout, NULL, _IOLBF, 0); // what was found must be seen when a check aborts
  printf("seed %" PRIu64 "\n", seed);
  test_alarm();
  for (uint64_t round = 0; round < (argc > 1 ? 1 : ROUNDS); round++) test_random(seed + round);
  return 0;
}
