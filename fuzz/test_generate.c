// The generator: the same program for the same seed, of the length asked for, and nearly all of it does
// something; its situations come about.
#include "generate.h"

#include <stdio.h>

#include "common/check.h"
#include "program/exec.h"
#include "tricolor/registry.h"

enum { SEEDS = 200, OPS = 200, SITUATIONS = 600, STEPS = 1000 };

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

// What became of a situation.
struct outcome {
  unsigned ephemerons, huge, large, beyond, nodes, edges;
  uint64_t cleared;
  bool kept, cleared_and_queued, demanded, overflowed, begun, handed_out, polls;
};

static void after(void *context, struct tri_run *run, size_t i, const struct tri_op *op, bool effective) {
  (void)run, (void)i;
  struct outcome *outcome = context;
  outcome->ephemerons += effective && op->code == TRI_OP_EPHEMERON;
  outcome->nodes += effective && op->code == TRI_OP_REFS;
  outcome->edges += effective && op->code == TRI_OP_STORE;
  outcome->beyond += effective && op->code == TRI_OP_FILL && op->operand[1] == tri_operand_limit(TRI_FIELD) - 1;
  outcome->huge += effective && op->code == TRI_OP_EXACT && op->operand[1] > UINT16_MAX;
  outcome->large += effective && op->code == TRI_OP_EXACT && op->operand[1] > tri_operand_limit(TRI_FIELD);
  outcome->begun |= op->code == TRI_OP_START;
  outcome->polls |= op->code == TRI_OP_POLL;
  if (outcome->begun && effective && (op->code == TRI_OP_WEAK_GET || op->code == TRI_OP_EPHEMERON_KEY ||
                                      op->code == TRI_OP_EPHEMERON_VALUE || op->code == TRI_OP_FINALIZED))
    outcome->handed_out = true;
}

static void on_event(void *context, struct tri_heap *heap, const struct tri_event *event) {
  if (event->kind != TRI_EVENT_COLLECTION_END) return;
  struct outcome *outcome = context;
  struct tri_stats stats;
  tri_stats_get(heap, &stats, sizeof stats);
  if (stats.weak_cleared != outcome->cleared && stats.finalizers_pending) outcome->cleared_and_queued = true;
  if (outcome->ephemerons > 1 && !stats.weak_cleared) outcome->kept = true;
  if (stats.mark_stack_overflows) outcome->overflowed = true;
  if (!event->b && stats.freed_objects < stats.allocated_objects) outcome->demanded = true;
  outcome->cleared = stats.weak_cleared;
}

// Each kind of situation comes about, on a collector for which it is one, in so many of all draws. And the same for the
// same seed, behind what the program held.
static void test_situations(void) {
  const struct tri_collector *collector = tri_collector_find("marksweep");
  TRI_CHECK(collector != NULL);
  unsigned rounds = 0, kept = 0, crowds = 0, huge = 0, beyond = 0, last_part = 0, handed_out = 0, between_polls = 0, queued = 0, tangles = 0, demanded = 0, overflowed = 0;
  for (uint64_t seed = 0; seed < SITUATIONS; seed++) {
    struct tri_program program = {0}, again = {0};
    TRI_CHECK(tri_generate_situation(&program, seed));
    TRI_CHECK(tri_generate_situation(&again, seed));
    TRI_CHECK(tri_program_equal(&program, &again));
    TRI_CHECK_LT(0, program.count);
    TRI_CHECK_LE(program.count, TRI_GENERATE_SLACK);
    struct outcome outcome = {0};
    struct tri_run_watch watch = {.after = after, .sink = {on_event, &outcome}, .context = &outcome};
    struct tri_run_params params = {.collector = collector, .max_steps = STEPS, .watch = &watch};
    struct tri_run_result result;
    enum tri_run_status status = tri_program_run(&program, &params, &result);
    TRI_CHECK(status == TRI_RUN_OK || status == TRI_RUN_NO_HEAP);
    rounds += outcome.cleared > 1 && outcome.ephemerons < 64;
    kept += outcome.kept && outcome.cleared > 1 && outcome.ephemerons < 64;
    crowds += outcome.ephemerons > 128;
    huge += outcome.huge;
    beyond += outcome.huge && outcome.beyond;
    last_part += outcome.large && !outcome.huge && outcome.beyond;
    handed_out += outcome.handed_out;
    between_polls += outcome.polls && outcome.begun && outcome.edges;
    queued += outcome.cleared_and_queued;
    tangles += outcome.nodes > 2 && outcome.edges >= outcome.nodes;
    demanded += outcome.demanded;
    overflowed += outcome.overflowed;
    size_t count = program.count;
    TRI_CHECK(tri_generate_situation(&again, seed + 1));
    TRI_CHECK_LT(count, again.count);
    again.count = count;
    TRI_CHECK(tri_program_equal(&program, &again));
    tri_program_free(&program);
    tri_program_free(&again);
  }
  printf("of %d situations: %u cleared several ephemerons, %u of them kept them at first, %u made more than 128, "
         "%u had more than 2^16 slots, %u of them used those that no operand names, %u a last part, %u handed out what "
         "only they held, %u stored between polls, %u cleared and queued, %u were tangles, %u collected on demand, "
         "%u overflowed the mark stack\n",
         SITUATIONS, rounds, kept, crowds, huge, beyond, last_part, handed_out, between_polls, queued, tangles,
         demanded, overflowed);
  TRI_CHECK_LT(SITUATIONS / 50, rounds);
  TRI_CHECK_LT(SITUATIONS / 50, kept);
  TRI_CHECK_LT(SITUATIONS / 50, crowds);
  TRI_CHECK_LT(SITUATIONS / 50, huge);
  TRI_CHECK_LT(SITUATIONS / 100, beyond);
  TRI_CHECK_LT(SITUATIONS / 50, last_part);
  TRI_CHECK_LT(SITUATIONS / 15, handed_out);
  TRI_CHECK_LT(SITUATIONS / 30, between_polls);
  TRI_CHECK_LT(SITUATIONS / 50, queued);
  TRI_CHECK_LT(SITUATIONS / 10, tangles);
  TRI_CHECK_LT(SITUATIONS / 15, demanded);
  TRI_CHECK_LT(SITUATIONS / 50, overflowed);
}

int main(void) {
  test_deterministic();
  test_effective();
  test_situations();
  return 0;
}
