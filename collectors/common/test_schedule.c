// The scheduler: policies find what they should, tapes replay it, failures are values.
//   test.common.schedule.fibers [seed]          runs the tests
//   test.common.schedule.fibers measure <n>     prints what switches and runs cost
#include "common/schedule.h"

#include "common/random.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// --- a lost update ---

enum { INCREMENTS = 3 };
static unsigned counter;

static void increment(void *unused) {
  (void)unused;
  for (unsigned i = 0; i < INCREMENTS; i++) {
    unsigned seen = counter;
    TRI_YIELD(COUNT_UPDATE);
    counter = seen + 1;
    TRI_YIELD(PROGRAM_STEP);
  }
  tri_schedule_note(counter);
}

static void race(void *lost) {
  struct tri_actor a, b;
  counter = 0;
  TRI_CHECK(tri_actor_spawn(&a, TRI_ACTOR_MUTATOR, increment, NULL));
  TRI_CHECK(tri_actor_spawn(&b, TRI_ACTOR_MUTATOR, increment, NULL));
  tri_actor_join(&a);
  tri_actor_join(&b);
  *(bool *)lost = counter != 2 * INCREMENTS;
}

static struct tri_schedule_result run_race(struct tri_schedule schedule, bool *lost) {
  struct tri_schedule_result result = tri_schedule_run(&schedule, race, lost);
  TRI_CHECK_EQ(result.status, TRI_SCHEDULE_OK);
  return result;
}

// A copy of a trace, to be used as a tape.
static size_t save(const struct tri_schedule_result *result, struct tri_decision *tape, size_t max) {
  TRI_CHECK(result->trace_complete);
  TRI_CHECK_LE(result->trace_length, max);
  memcpy(tape, result->trace, result->trace_length * sizeof *tape);
  return result->trace_length;
}

static void test_run_to_block(void) {
  uint64_t hash = 0;
  for (unsigned i = 0; i < 20; i++) {
    bool lost;
    struct tri_schedule_result result = run_race((struct tri_schedule){.seed = i}, &lost);
    TRI_CHECK(!lost);
    TRI_CHECK_EQ(result.preemptions, 0);
    TRI_CHECK_EQ(result.trace_length, 0);
    TRI_CHECK(result.steps > 0);
    if (i) TRI_CHECK(result.hash == hash);
    hash = result.hash;
  }
}

// The policy loses an update under some seeds, not under all; each run is repeated by its seed and by its
// trace.
static void test_policy(struct tri_schedule schedule, uint64_t seed) {
  unsigned found = 0;
  enum { RUNS = 200 };
  for (unsigned i = 0; i < RUNS; i++) {
    bool lost, lost_again;
    schedule.seed = seed + i;
    struct tri_schedule_result first = run_race(schedule, &lost);
    struct tri_decision tape[200];
    size_t length = save(&first, tape, 200);
    struct tri_schedule_result second = run_race(schedule, &lost_again);
    TRI_CHECK(first.hash == second.hash && lost == lost_again);
    struct tri_schedule_result replay =
        run_race((struct tri_schedule){.tape = tape, .tape_length = length}, &lost_again);
    TRI_CHECK(first.hash == replay.hash && lost == lost_again);
    TRI_CHECK_EQ(first.steps, replay.steps);
    TRI_CHECK_EQ(first.preemptions, replay.preemptions);
    TRI_CHECK_EQ(replay.trace_length, length);
    TRI_CHECK_EQ(memcmp(replay.trace, tape, length * sizeof *tape), 0);
    if (lost) TRI_CHECK_GE(first.preemptions, 1);
    found += lost;
  }
  printf("policy %d, depth %u: lost update in %u of %d runs\n", schedule.policy, schedule.depth, found, RUNS);
  TRI_CHECK_GE(found, 1);
  TRI_CHECK_LT(found, RUNS);
}

// Runs that differ have different hashes, even when nothing is noted.
static void yield_some(void *unused) {
  (void)unused;
  for (unsigned i = 0; i < 20; i++) TRI_YIELD(PROGRAM_STEP);
}

static void two_yield_some(void *unused) {
  (void)unused;
  struct tri_actor a;
  TRI_CHECK(tri_actor_spawn(&a, TRI_ACTOR_MUTATOR, yield_some, NULL));
  yield_some(NULL);
  tri_actor_join(&a);
}

static void test_hash(uint64_t seed) {
  enum { RUNS = 20 };
  uint64_t hashes[RUNS];
  for (unsigned i = 0; i < RUNS; i++) {
    struct tri_schedule walk = {.policy = TRI_SCHEDULE_RANDOM_WALK, .seed = seed + i};
    hashes[i] = tri_schedule_run(&walk, two_yield_some, NULL).hash;
    for (unsigned k = 0; k < i; k++) TRI_CHECK(hashes[k] != hashes[i]); // 2^20 and more walks
  }
}

// Depth 1 has no change point, so nobody is preempted between spawn and exit: the race stays hidden.
static void test_pct_depth_1(uint64_t seed) {
  for (unsigned i = 0; i < 200; i++) {
    bool lost;
    run_race((struct tri_schedule){.policy = TRI_SCHEDULE_PCT, .seed = seed + i, .depth = 1}, &lost);
    TRI_CHECK(!lost);
  }
}

static void test_round_robin(void) {
  bool lost;
  struct tri_schedule_result every =
      run_race((struct tri_schedule){.policy = TRI_SCHEDULE_ROUND_ROBIN, .quantum = 1}, &lost);
  TRI_CHECK(lost);
  struct tri_schedule_result seldom =
      run_race((struct tri_schedule){.policy = TRI_SCHEDULE_ROUND_ROBIN, .quantum = 1000}, &lost);
  TRI_CHECK(!lost);
  TRI_CHECK_EQ(seldom.preemptions, 0);
  TRI_CHECK(every.preemptions > 0);
}

// One decision is enough to lose an update, and the tape that holds only it shows so. Steps under
// run-to-block: 1 and 2 are the spawns, then actor 0 waits (3) and actor 1 is inside its first increment (4).
static void test_one_decision(void) {
  bool lost;
  struct tri_decision tape[] = {{4, 2}};
  struct tri_schedule_result result = run_race((struct tri_schedule){.tape = tape, .tape_length = 1}, &lost);
  TRI_CHECK(lost);
  TRI_CHECK_EQ(result.preemptions, 1);
  struct tri_decision unordered[] = {{900, 1}, {4, 2}, {4, 1}, {2, 0}, {0, 1}, {4294967295u, 4294967295u}};
  result = run_race((struct tri_schedule){.tape = unordered, .tape_length = 6}, &lost);
  TRI_CHECK(lost);
  TRI_CHECK_EQ(result.preemptions, 1);
}

static void race_decided_within(void *lost) {
  TRI_CHECK(tri_schedule_decide(4, 2));
  race(lost);
}

static void race_under_new_policy(void *lost) {
  tri_schedule_set_policy(&(struct tri_schedule){.policy = TRI_SCHEDULE_ROUND_ROBIN});
  race(lost);
}

static void test_decisions_within(void) {
  bool lost = false;
  tri_schedule_run(&(struct tri_schedule){0}, race_decided_within, &lost);
  TRI_CHECK(lost);
  lost = false;
  tri_schedule_run(&(struct tri_schedule){0}, race_under_new_policy, &lost);
  TRI_CHECK(lost);
  run_race((struct tri_schedule){0}, &lost); // and both are over with the run
  TRI_CHECK(!lost);
  unsigned added = 0;
  tri_schedule_begin(&(struct tri_schedule){0});
  while (tri_schedule_decide(10, 0)) added++;
  tri_schedule_end();
  TRI_CHECK_EQ(added, TRI_SCHEDULE_TAPE_MAX);
}

// Any tape is legal: random ones end, and end the same way twice.
static void test_random_tapes(uint64_t seed) {
  enum { LENGTH = 30 };
  struct tri_random random = {seed};
  unsigned found = 0;
  for (unsigned i = 0; i < 300; i++) {
    struct tri_decision tape[LENGTH];
    for (unsigned k = 0; k < LENGTH; k++)
      tape[k] = (struct tri_decision){(uint32_t)tri_random_below(&random, 40),
                                      (uint32_t)tri_random_below(&random, 70)};
    bool lost, lost_again;
    struct tri_schedule schedule = {.tape = tape, .tape_length = tri_random_below(&random, LENGTH + 1)};
    struct tri_schedule_result first = run_race(schedule, &lost), second = run_race(schedule, &lost_again);
    TRI_CHECK(first.hash == second.hash && lost == lost_again);
    found += lost;
  }
  TRI_CHECK_GE(found, 1);
}

// --- failures ---

static struct tri_mutex left, right;
static struct tri_condition never;

static void left_then_right(void *unused) {
  (void)unused;
  tri_mutex_lock(&left);
  tri_mutex_lock(&right);
  tri_mutex_unlock(&right);
  tri_mutex_unlock(&left);
}

static void right_then_left(void *unused) {
  (void)unused;
  tri_mutex_lock(&right);
  tri_mutex_lock(&left);
  tri_mutex_unlock(&left);
  tri_mutex_unlock(&right);
}

static void lock_in_two_orders(void *unused) {
  (void)unused;
  tri_mutex_init(&left);
  tri_mutex_init(&right);
  static struct tri_actor a, b;
  TRI_CHECK(tri_actor_spawn(&a, TRI_ACTOR_MUTATOR, left_then_right, NULL));
  TRI_CHECK(tri_actor_spawn(&b, TRI_ACTOR_MUTATOR, right_then_left, NULL));
  tri_actor_join(&a);
  tri_actor_join(&b);
}

static void wait_forever(void *unused) {
  (void)unused;
  tri_mutex_init(&left);
  tri_condition_init(&never);
  tri_mutex_lock(&left);
  tri_condition_wait(&never, &left);
}

static void wait_in_actor(void *unused) {
  (void)unused;
  static struct tri_actor a;
  TRI_CHECK(tri_actor_spawn(&a, TRI_ACTOR_MUTATOR, wait_forever, NULL));
  tri_actor_join(&a);
}

static void lock_twice(void *unused) {
  (void)unused;
  tri_mutex_init(&left);
  tri_mutex_lock(&left);
  tri_mutex_lock(&left);
}

static void spin_alone(void *unused) {
  (void)unused;
  for (;;) tri_actor_spin();
}

static void spin_together(void *unused) {
  (void)unused;
  static struct tri_actor a;
  TRI_CHECK(tri_actor_spawn(&a, TRI_ACTOR_MUTATOR, spin_alone, NULL));
  spin_alone(NULL);
}

static void test_deadlock(uint64_t seed) {
  TRI_CHECK_EQ(tri_schedule_run(&(struct tri_schedule){0}, lock_in_two_orders, NULL).status, TRI_SCHEDULE_OK);
  unsigned found = 0;
  for (unsigned i = 0; i < 100; i++) {
    struct tri_schedule walk = {.policy = TRI_SCHEDULE_RANDOM_WALK, .seed = seed + i};
    struct tri_schedule_result result = tri_schedule_run(&walk, lock_in_two_orders, NULL);
    if (result.status == TRI_SCHEDULE_OK) continue;
    TRI_CHECK_EQ(result.status, TRI_SCHEDULE_DEADLOCK);
    struct tri_decision tape[50];
    struct tri_schedule replay = {.tape = tape, .tape_length = save(&result, tape, 50)};
    struct tri_schedule_result again = tri_schedule_run(&replay, lock_in_two_orders, NULL);
    TRI_CHECK_EQ(again.status, TRI_SCHEDULE_DEADLOCK);
    TRI_CHECK(again.hash == result.hash);
    found++;
  }
  TRI_CHECK_GE(found, 1);

  void (*const always[])(void *) = {wait_forever, wait_in_actor, lock_twice, spin_alone};
  for (unsigned i = 0; i < sizeof always / sizeof *always; i++)
    TRI_CHECK_EQ(tri_schedule_run(&(struct tri_schedule){0}, always[i], NULL).status, TRI_SCHEDULE_DEADLOCK);
  bool lost; // and the next run is as good as the first
  run_race((struct tri_schedule){0}, &lost);
  TRI_CHECK(!lost);
}

static void test_bound(void) {
  for (enum tri_schedule_policy policy = TRI_SCHEDULE_RUN_TO_BLOCK; policy <= TRI_SCHEDULE_ROUND_ROBIN;
       policy++) {
    struct tri_schedule schedule = {.policy = policy, .max_points = 1000};
    TRI_CHECK_EQ(tri_schedule_run(&schedule, spin_together, NULL).status, TRI_SCHEDULE_BOUND);
  }
}

// Spinning actors never keep the others from running, whatever their priority.
static bool flag;

static void set_flag(void *unused) {
  (void)unused;
  for (unsigned i = 0; i < 50; i++) TRI_YIELD(PROGRAM_STEP);
  flag = true;
}

static void await_flag(void *unused) {
  (void)unused;
  while (!flag) tri_actor_spin();
}

static void wait_for_flag(void *unused) {
  (void)unused;
  struct tri_actor a, b;
  flag = false;
  TRI_CHECK(tri_actor_spawn(&a, TRI_ACTOR_MUTATOR, set_flag, NULL));
  TRI_CHECK(tri_actor_spawn(&b, TRI_ACTOR_MUTATOR, await_flag, NULL));
  await_flag(NULL);
  tri_actor_join(&a);
  tri_actor_join(&b);
}

static void test_spin(uint64_t seed) {
  for (unsigned i = 0; i < 400; i++) {
    struct tri_schedule schedule = {.policy = (enum tri_schedule_policy)(i % 4),
                                    .seed = seed + i,
                                    .depth = 3,
                                    .length = 50,
                                    .max_points = 10000};
    TRI_CHECK_EQ(tri_schedule_run(&schedule, wait_for_flag, NULL).status, TRI_SCHEDULE_OK);
  }
}

static void test_no_actors(void) {
  tri_schedule_begin(&(struct tri_schedule){.policy = TRI_SCHEDULE_RANDOM_WALK});
  for (unsigned i = 0; i < 100; i++) {
    TRI_YIELD(SAFEPOINT_POLL);
    tri_mutex_init(&left);
    tri_mutex_lock(&left);
    tri_mutex_unlock(&left);
  }
  struct tri_schedule_result result = tri_schedule_end();
  TRI_CHECK_EQ(result.steps, 0);
  TRI_CHECK_EQ(result.switches, 0);
}

// --- costs ---

static unsigned long rounds;

static void yield_often(void *unused) {
  (void)unused;
  for (unsigned long i = 0; i < rounds; i++) TRI_YIELD(PROGRAM_STEP);
}

static void two_yield(void *unused) {
  (void)unused;
  struct tri_actor a, b;
  TRI_CHECK(tri_actor_spawn(&a, TRI_ACTOR_MUTATOR, yield_often, NULL));
  TRI_CHECK(tri_actor_spawn(&b, TRI_ACTOR_MUTATOR, yield_often, NULL));
  tri_actor_join(&a);
  tri_actor_join(&b);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void measure(unsigned long n) {
  struct tri_schedule robin = {.policy = TRI_SCHEDULE_ROUND_ROBIN, .max_points = UINT64_MAX};
  struct tri_schedule block = {.max_points = UINT64_MAX};
  rounds = n;
  double start = now();
  yield_often(NULL);
  printf("yield point, nobody else:     %7.2f ns\n", 1e9 * (now() - start) / (double)n);
  start = now();
  tri_schedule_run(&block, two_yield, NULL);
  printf("yield point, no switch:       %7.2f ns\n", 5e8 * (now() - start) / (double)n);
  start = now();
  tri_schedule_run(&robin, two_yield, NULL);
  printf("yield point with switch:      %7.2f ns\n", 5e8 * (now() - start) / (double)n);
  rounds = 0;
  start = now();
  for (unsigned long i = 0; i < n / 10; i++) tri_schedule_run(&block, two_yield, NULL);
  printf("run with two spawns and joins:%7.2f ns\n", 1e10 * (now() - start) / (double)n);
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "measure") == 0) {
    measure(strtoul(argv[2], NULL, 0));
    return 0;
  }
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  printf("seed %llu\n", (unsigned long long)seed);
  test_no_actors();
  test_run_to_block();
  test_policy((struct tri_schedule){.policy = TRI_SCHEDULE_RANDOM_WALK}, seed);
  test_policy((struct tri_schedule){.policy = TRI_SCHEDULE_PCT, .depth = 2, .length = 20}, seed);
  test_policy((struct tri_schedule){.policy = TRI_SCHEDULE_PCT, .depth = 4, .length = 20}, seed);
  test_hash(seed);
  test_pct_depth_1(seed);
  test_round_robin();
  test_one_decision();
  test_decisions_within();
  test_random_tapes(seed);
  test_deadlock(seed);
  test_bound();
  test_spin(seed);
  return 0;
}
