// The generator: the same program for the same seed, of the length asked for, and nearly all of it does
// something.
#include "generate.h"

#include <stdio.h>

#include "common/check.h"
#include "program/exec.h"
#include "tricolor/registry.h"

enum { SEEDS = 200, OPS = 200 };

static struct tri_program generate(uint64_t seed, size_t ops) {
  struct tri_program program = {0};
  TRI_CHECK(tri_generate(&program, ops, seed));
  TRI_CHECK_LE(ops, program.count);
  TRI_CHECK_LE(program.count, ops + TRI_GENERATE_SLACK);
  for (size_t i = 0; i < program.count; i++)
    for (unsigned k = 0; k < tri_op_rows[program.ops[i].code].n_operands; k++)
      TRI_CHECK_LT(program.ops[i].operand[k],
                   tri_operand_limit((enum tri_operand_kind)tri_op_rows[program.ops[i].code].operands[k]));
  return program;
}

static void test_deterministic(void) {
  struct tri_program one = generate(1, OPS), again = generate(1, OPS), two = generate(2, OPS);
  TRI_CHECK(tri_program_equal(&one, &again));
  TRI_CHECK(!tri_program_equal(&one, &two));
  tri_program_free(&one);
  tri_program_free(&again);
  tri_program_free(&two);
}

// Without collections all but what asks for one can do something; and every operation a program may hold
// comes up.
static void test_effective(void) {
  const struct tri_collector *collector = tri_collector_find("nocollect");
  TRI_CHECK(collector != NULL);
  uint64_t steps = 0, effective = 0, used[TRI_OP_COUNT] = {0};
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    struct tri_program program = generate(seed, OPS);
    struct tri_run_params params = {.collector = collector, .options = "heap=64m"};
    struct tri_run_result result;
    enum tri_run_status status = tri_program_run(&program, &params, &result);
    TRI_CHECK(status == TRI_RUN_OK || status == TRI_RUN_NO_HEAP); // its first request for memory may have to fail
    steps += result.steps;
    effective += result.effective;
    for (size_t i = 0; i < program.count; i++) used[program.ops[i].code]++;
    tri_program_free(&program);
  }
  printf("%llu operations, %llu effective\n", (unsigned long long)steps, (unsigned long long)effective);
  TRI_CHECK_LT(steps * 90, effective * 100);
  unsigned unused = 0;
  for (unsigned code = 0; code < TRI_OP_COUNT; code++)
    if (!used[code] && code != TRI_OP_PRINT) {
      printf("never generated: %s\n", tri_op_rows[code].name);
      unused++;
    }
  TRI_CHECK_EQ(unused, 0);
}

int main(void) {
  test_deterministic();
  test_effective();
  return 0;
}
