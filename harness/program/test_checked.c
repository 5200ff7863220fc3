// Random programs on every collector under the oracle raise no alarm, and a lost store raises one that says where:
// test_checked [seed].
#include "program/checked.h"

#include "common/poison.h"
#include "program/parsed_program.h"
#include "program/random_program.h"
#include "program/text.h"
#include "shims/fault.h"
#include "tricolor/registry.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

// And faults when a collection has ended.
static enum tri_status lossy_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  struct lossy *lossy = (struct lossy *)tri_shim_find(m->heap, &lossy_class);
  enum tri_status status = lossy->shim.inner->collect(m, kind);
  return raise(SIGSEGV), status;
}
static void lossy_override(struct tri_collector *record) {
  record->store = lossy_store;
  record->collect = lossy_collect;
}
static struct tri_shim *lossy_open(const struct tri_shim_record *record, const struct tri_heap_config *config) {
  (void)record, (void)config;
  return calloc(1, sizeof(struct lossy));
}
static void lossy_close(struct tri_shim *shim) { free(shim); }
static const struct tri_shim_class lossy_class = {
    .name = "lossy", .override = lossy_override, .open = lossy_open, .close = lossy_close};

#define LOSS "r0 = alloc refs n=2\nst r0[0] = r0\nst r0[1] = r0\n"

static void test_alarm(void) {
  struct tri_program program = parsed_program(LOSS "r1 = ld r0[1]\nr2 = r1\n");
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

_Noreturn static void alarmed(void *context, const struct tri_run_result *result) {
  (void)context;
  printf("%s\n", result->message);
  _exit(strstr(result->message, "operation 4 (gc full): S") == result->message ? 1 : 2);
}

// The collector faults within the operation that the oracle has found something in.
static void test_fault_after_alarm(void) {
  pid_t pid = fork();
  if (pid == 0) {
    struct tri_program program = parsed_program(LOSS "gc full\n");
    struct tri_shim_record record;
    struct tri_run_watch watch = {.dying = alarmed};
    struct tri_run_result result;
    struct tri_run_params params = {.collector = tri_shim_wrap(&record, tri_collector_find("marksweep"), &lossy_class, NULL),
                                    .watch = &watch};
    tri_program_run_checked(&program, &params, TRI_CHECK_GC, NULL, &result);
    _exit(0);
  }
  int status;
  TRI_CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
  TRI_CHECK_EQ(WEXITSTATUS(status), 1);
}

// ---- Free memory that was written to is S8's, whoever finds it ---------------------------------------------------

// An object of six fields that a collection has left is reclaimed by the next one, and written to.
#define FREED "r0 = alloc refs n=6\nr1 = alloc refs n=6\nr2 = alloc refs n=6\ngc full\nr1 = null\ngc full\n"

static void expect_s8(const struct tri_run_result *result, const char *where) {
  printf("%s\n", result->message);
  TRI_CHECK_EQ(result->status, TRI_RUN_FINDING);
  TRI_CHECK_STR(result->invariant, "S8");
  TRI_CHECK(strstr(result->message, where) == result->message);
}

static struct tri_run_params faulty(const struct tri_collector *collector, struct tri_fault_record *record) {
  char error[1] = "";
  return (struct tri_run_params){.collector = tri_fault_wrap(record, collector, "write-later", error, sizeof error)};
}

// By `verify`, with the oracle and without. True if the collector's verifier looks at free memory.
static bool test_verified(const struct tri_collector *collector) {
  struct tri_program program = parsed_program(FREED "r3 = alloc leaf bytes=0\nverify\n");
  struct tri_fault_record record;
  struct tri_run_params params = faulty(collector, &record);
  struct tri_run_result plain, checked;
  tri_program_run(&program, &params, &plain);
  tri_program_run_checked(&program, &params, TRI_CHECK_GC, NULL, &checked);
  TRI_CHECK_EQ(plain.status, checked.status);
  tri_program_free(&program);
  if (plain.status == TRI_RUN_OK) return false;
  expect_s8(&plain, "operation 8 (verify): S8 ");
  expect_s8(&checked, "operation 8 (verify): S8 ");
  return true;
}

_Noreturn static void dying(void *context, const struct tri_run_result *result) {
  (void)context;
  expect_s8(result, "operation 7 (r2 = alloc refs n=6): S8 ");
  _exit(1);
}

// By the collector itself, which cannot go on: in a process of its own. True if it looks before it allocates there.
static bool test_met(const struct tri_collector *collector) {
  pid_t pid = fork();
  if (pid == 0) {
    struct tri_program program = parsed_program(FREED "r2 = alloc refs n=6\nloop back=1 times=127\n");
    struct tri_fault_record record;
    struct tri_run_params params = faulty(collector, &record);
    struct tri_run_watch watch = {.dying = dying};
    struct tri_run_result result;
    params.watch = &watch;
    tri_program_run_checked(&program, &params, TRI_CHECK_GC, NULL, &result);
    TRI_CHECK(result.status == TRI_RUN_OK || strcmp(result.invariant, "S8") == 0);
    _exit(0);
  }
  int status;
  TRI_CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
  return WEXITSTATUS(status) == 1;
}

static void test_freed(void) {
  unsigned verified = 0, met = 0;
  for (const struct tri_collector *const *c = tri_collectors; *c; c++) {
    printf("%s:\n", (*c)->name);
    verified += test_verified(*c);
    met += test_met(*c);
  }
  TRI_CHECK_LE(1, verified);
  TRI_CHECK_LE(1, met);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
  setvbuf(stdout, NULL, _IOLBF, 0); // what was found must be seen when a check aborts
  printf("seed %" PRIu64 "\n", seed);
  tri_poison_set_filling(true);
  test_alarm();
  test_fault_after_alarm();
  test_freed();
  for (uint64_t round = 0; round < (argc > 1 ? 1 : ROUNDS); round++) test_random(seed + round);
  return 0;
}
