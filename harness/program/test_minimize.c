// The minimiser: random programs that fail on faulty collectors become short and 1-minimal (checked by trying all),
// loops are kept or unrolled as fits, and it goes on from its state in a file as if it had never stopped.
// test_minimize [seed].
#include "program/minimize.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/poison.h"
#include "program/checked.h"
#include "program/parsed_program.h"
#include "program/random_program.h"
#include "program/text.h"
#include "shims/fault.h"
#include "tricolor/registry.h"

enum { OPS = 400, MAX_SEEDS = 200, SHORT = 12, MAX_STEPS = 1000 };

// ---- A failing run --------------------------------------------------------------------------------------------

struct failure {
  const struct tri_collector *collector;
  const char *invariant; // NULL: none yet
};

static bool run_fails(void *context, const struct tri_program *program) {
  const struct failure *failure = context;
  struct tri_run_params params = {.collector = failure->collector, .max_steps = MAX_STEPS};
  struct tri_run_result result;
  tri_program_run_checked(program, &params, TRI_CHECK_GC, NULL, &result);
  return result.status == TRI_RUN_FINDING && strcmp(result.invariant, failure->invariant) == 0;
}

// A random program as a fuzzer makes them: operations by weight, mostly small operands.
static void make(struct tri_program *program, uint64_t seed) {
  struct tri_random random = {seed};
  while (program->count < OPS) {
    uint8_t byte = (uint8_t)(0x80 | tri_random_below(&random, 128));
    TRI_CHECK(tri_program_decode(program, &byte, 1));
    struct tri_op *op = &program->ops[program->count - 1];
    const struct tri_op_row *row = &tri_op_rows[op->code];
    for (unsigned k = 0; k < row->n_operands; k++)
      op->operand[k] = (uint32_t)tri_random_below(
          &random, tri_random_below(&random, 4) ? 8 : tri_operand_limit((enum tri_operand_kind)row->operands[k]));
    for (unsigned k = 0; k < row->n_operands; k++)
      op->operand[k] %= tri_operand_limit((enum tri_operand_kind)row->operands[k]);
  }
}

static void minimise(struct tri_minimize *minimize, tri_still_fails_fn *still_fails, void *context) {
  enum tri_minimize_step step;
  do {
    step = tri_minimize_step(minimize, still_fails, context);
    TRI_CHECK(step != TRI_MINIMIZE_NO_MEMORY);
  } while (step != TRI_MINIMIZE_ENDED);
}

// By brute force: nothing that the header names as smaller fails.
static void check_minimal(const struct tri_program *program, tri_still_fails_fn *still_fails, void *context) {
  TRI_CHECK(still_fails(context, program));
  for (size_t i = 0; i < program->count; i++) {
    struct tri_program shorter = {0};
    TRI_CHECK(tri_program_without(program, i, i + 1, &shorter));
    TRI_CHECK_EQ(shorter.count, program->count - 1);
    TRI_CHECK(!still_fails(context, &shorter));
    tri_program_free(&shorter);
    struct tri_op *op = &program->ops[i], was = *op;
    for (unsigned step = 0; tri_plainer_op(&was, step, op); step++) TRI_CHECK(!still_fails(context, program));
    *op = was;
    for (unsigned k = 0; k < tri_op_rows[program->ops[i].code].n_operands; k++) {
      uint32_t *operand = &program->ops[i].operand[k], value = *operand;
      for (unsigned step = 0; tri_lower_value(value, step, operand); step++) {
        TRI_CHECK(*operand < value);
        TRI_CHECK(!still_fails(context, program));
      }
      *operand = value;
    }
  }
}

// ---- On faulty collectors -------------------------------------------------------------------------------------

static void test_fault(const char *collector, const char *fault, uint64_t seed) {
  struct tri_fault_record record;
  char error[2000] = "";
  struct failure failure = {tri_fault_wrap(&record, tri_collector_find(collector), fault, error, sizeof error), NULL};
  TRI_CHECK_STR(error, "");
  struct tri_program program = {0};
  for (uint64_t tried = 0; !failure.invariant; tried++) {
    TRI_CHECK(tried < MAX_SEEDS);
    tri_program_free(&program);
    make(&program, seed + tried);
    struct tri_run_params params = {.collector = failure.collector, .max_steps = MAX_STEPS};
    struct tri_run_result result;
    if (tri_program_run_checked(&program, &params, TRI_CHECK_GC, NULL, &result) == TRI_RUN_FINDING)
      failure.invariant = result.invariant;
  }
  struct tri_minimize minimize = {.best = program};
  minimise(&minimize, run_fails, &failure);
  printf("%s with %s violates %s: %zu operations after %" PRIu64 " experiments, %" PRIu64 " kept\n", collector, fault,
         failure.invariant, minimize.best.count, minimize.tried, minimize.kept);
  tri_program_print(&minimize.best, stdout);
  TRI_CHECK(minimize.best.count <= SHORT);
  check_minimal(&minimize.best, run_fails, &failure);
  tri_minimize_free(&minimize);
}

// ---- On predicates that need no heap --------------------------------------------------------------------------

static void check_text(const struct tri_program *program, const char *text) {
  struct tri_program wanted = parsed_program(text);
  if (!tri_program_equal(program, &wanted)) {
    tri_program_print(program, stdout);
    TRI_CHECK_STR("the program above", text);
  }
  tri_program_free(&wanted);
}

// What a deletion does to loops around, at and behind it.
static void test_without(void) {
  static const char text[] = "gc full\nr1 = null\nr2 = null\nr3 = null\nloop back=3 times=5\nverify\n";
  static const struct {
    size_t from, to;
    const char *text;
  } cases[] = {
      {0, 1, "r1 = null\nr2 = null\nr3 = null\nloop back=3 times=5\nverify\n"},
      {0, 2, "r2 = null\nr3 = null\nloop back=2 times=5\nverify\n"},
      {2, 3, "gc full\nr1 = null\nr3 = null\nloop back=2 times=5\nverify\n"},
      {1, 4, "gc full\nloop back=0 times=5\nverify\n"},
      {3, 5, "gc full\nr1 = null\nr2 = null\nverify\n"},
      {5, 6, "gc full\nr1 = null\nr2 = null\nr3 = null\nloop back=3 times=5\n"},
  };
  struct tri_program program = parsed_program(text);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct tri_program shorter = {0};
    TRI_CHECK(tri_program_without(&program, cases[i].from, cases[i].to, &shorter));
    check_text(&shorter, cases[i].text);
    tri_program_free(&shorter);
  }
  tri_program_free(&program);
}

// Executions of `verify` and of `gc full`, as the executor repeats.
struct executed {
  size_t verify, full;
};

static struct executed execute(const struct tri_program *program) {
  struct executed executed = {0};
  uint32_t remaining[OPS];
  bool running[OPS] = {0};
  TRI_CHECK(program->count <= OPS);
  for (size_t at = 0, steps = 0; at < program->count && steps < 2000; at++, steps++) {
    const struct tri_op *op = &program->ops[at];
    executed.verify += op->code == TRI_OP_VERIFY;
    executed.full += op->code == TRI_OP_FULL;
    if (op->code != TRI_OP_LOOP) continue;
    if (!running[at]) {
      running[at] = true;
      remaining[at] = op->operand[1];
    }
    if (remaining[at]-- == 0) running[at] = false;
    else at -= (op->operand[0] < at ? op->operand[0] : at) + (op->operand[0] && at);
  }
  return executed;
}

static size_t loops_of(const struct tri_program *program) {
  size_t n = 0;
  for (size_t i = 0; i < program->count; i++) n += program->ops[i].code == TRI_OP_LOOP;
  return n;
}

static bool verifies_six_times(void *context, const struct tri_program *program) {
  (void)context;
  return execute(program).verify >= 6;
}

static bool verifies_and_collects_twice(void *context, const struct tri_program *program) {
  (void)context;
  struct executed executed = execute(program);
  return executed.verify >= 2 && executed.full >= 1;
}

static void test_loops(void) {
  static const struct {
    const char *text;
    tri_still_fails_fn *still_fails;
    const char *minimal;
  } cases[] = {
      // A loop stays where its copies would be more.
      {"r1 = null\nverify\nr2 = null\nloop back=2 times=90\ngc full\n", verifies_six_times,
       "verify\nloop back=1 times=5\n"},
      // One that is needed for a part of its body only goes.
      {"verify\ngc full\nr2 = null\nloop back=3 times=9\n", verifies_and_collects_twice, "gc full\nverify\nverify\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct tri_minimize minimize = {.best = parsed_program(cases[i].text)};
    TRI_CHECK(cases[i].still_fails(NULL, &minimize.best));
    minimise(&minimize, cases[i].still_fails, NULL);
    tri_program_print(&minimize.best, stdout);
    check_minimal(&minimize.best, cases[i].still_fails, NULL);
    if (i == 0) check_text(&minimize.best, cases[i].minimal);
    else TRI_CHECK_EQ(loops_of(&minimize.best), 0);
    tri_minimize_free(&minimize);
  }
}

// Asks for three operations far apart, one of them with a large operand.
static bool has_three(void *context, const struct tri_program *program) {
  (void)context;
  int found = 0;
  for (size_t i = 0; i < program->count; i++) {
    const struct tri_op *op = &program->ops[i];
    if (found == 0 && op->code == TRI_OP_STORE && op->operand[0] >= 3) found++;
    else if (found == 1 && op->code == TRI_OP_YIELD) found++;
    else if (found == 2 && op->code == TRI_OP_EXACT && op->operand[1] >= 77) found++;
  }
  return found == 3;
}

static void test_lower(uint64_t seed) {
  struct tri_program program = {0};
  do {
    tri_program_free(&program);
    make(&program, seed++);
  } while (!has_three(NULL, &program));
  struct tri_minimize minimize = {.best = program};
  minimise(&minimize, has_three, NULL);
  check_text(&minimize.best, "st r3[0] = r0\nyield a0 n=0\nr0 = alloc exact n=77 bytes=0\n");
  check_minimal(&minimize.best, has_three, NULL);
  tri_minimize_free(&minimize);
}

// ---- Stopped and continued ------------------------------------------------------------------------------------

// The state through a file after every step: each program on the way, and the numbers, are those of a run in one.
static void test_resume(uint64_t seed) {
  struct tri_fault_record record;
  char error[2000];
  struct failure failure = {
      tri_fault_wrap(&record, tri_collector_find("marksweep"), "lose-edge:2", error, sizeof error), "S3"};
  struct tri_program program = {0}, copy = {0};
  do {
    tri_program_free(&program);
    make(&program, seed++);
  } while (!run_fails(&failure, &program));
  for (size_t i = 0; i < program.count; i++) TRI_CHECK(tri_program_append(&copy, &program.ops[i]));
  struct tri_minimize straight = {.best = program}, stopped = {.best = copy};
  for (enum tri_minimize_step step = TRI_MINIMIZE_TRIED; step != TRI_MINIMIZE_ENDED;) {
    step = tri_minimize_step(&straight, run_fails, &failure);
    TRI_CHECK_EQ(tri_minimize_step(&stopped, run_fails, &failure), step);
    char *text;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    TRI_CHECK(tri_minimize_write(&stopped, file));
    fclose(file);
    tri_minimize_free(&stopped);
    stopped = (struct tri_minimize){0};
    TRI_CHECK(tri_minimize_read(&stopped, text, size));
    free(text);
    TRI_CHECK(tri_program_equal(&straight.best, &stopped.best));
    TRI_CHECK(tri_program_equal(&straight.rolled, &stopped.rolled));
    TRI_CHECK_EQ(straight.tried, stopped.tried);
    TRI_CHECK_EQ(straight.kept, stopped.kept);
  }
  tri_minimize_free(&straight);
  tri_minimize_free(&stopped);
}

static void test_bad_state(void) {
  static const char *const texts[] = {
      "", "gc full\n", "# minimize 1: phase 1 at 9 chunk 1 loop 0 operand 0 step 0 changed 0 again 0 0 tried 1 kept 0\ngc full\n",
      "# minimize 1: phase 7 at 0 chunk 1 loop 0 operand 0 step 0 changed 0 again 0 0 tried 1 kept 0\ngc full\n",
      "# minimize 1: phase 1 at 1 chunk 1 loop 0 operand 0 step 0 changed 0 again 0 0 tried 1 kept 0\ngc fall\n"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct tri_minimize minimize = {0};
    TRI_CHECK(!tri_minimize_read(&minimize, texts[i], strlen(texts[i])));
    tri_minimize_free(&minimize);
  }
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  setvbuf(stdout, NULL, _IOLBF, 0); // what was found must be seen when a check aborts
  printf("seed %" PRIu64 "\n", seed);
  tri_poison_set_filling(true);
  test_without();
  test_loops();
  test_lower(seed);
  test_bad_state();
  test_resume(seed);
  static const char *const faults[] = {"lose-edge", "lose-edge:3", "merge:2", "corrupt:3", "drop-root:2", "hide:3",
                                       "reuse:4",   "dirty:7",     "oom-silent:8", "ghost",     "clear-weak",  "finalize-twice"};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) test_fault("marksweep", faults[i], seed);
  test_fault("semispace", "stale-slot:2", seed);
  test_fault("refcount", "lie-count:2", seed);
  return 0;
}
