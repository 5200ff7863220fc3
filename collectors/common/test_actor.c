// Actors, mutexes and conditions: the same program in both forms, as fibers under every policy.
//   test.common.actor[.fibers] [seed]
#include "common/actor.h"

#include "common/os.h"
#include "common/schedule.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ACTORS = 4, ROUNDS = TRI_FIBERS ? 50 : 2000 };

static struct tri_mutex lock = TRI_MUTEX_INIT;
static unsigned counter;

static void count(void *unused) {
  (void)unused;
  for (unsigned i = 0; i < ROUNDS; i++) {
    tri_mutex_lock(&lock);
    unsigned seen = counter;
    TRI_YIELD(COUNT_UPDATE);
    counter = seen + 1;
    tri_mutex_unlock(&lock);
    TRI_YIELD(PROGRAM_STEP);
  }
}

static void test_counter(void) {
  struct tri_actor actors[ACTORS];
  counter = 0;
  for (unsigned i = 0; i < ACTORS; i++)
    TRI_CHECK(tri_actor_spawn(&actors[i], TRI_ACTOR_MUTATOR, count, NULL));
  for (unsigned i = 0; i < ACTORS; i++) tri_actor_join(&actors[i]);
  TRI_CHECK_EQ(counter, ACTORS * ROUNDS);
}

// A bounded buffer: two producers, two consumers.
static struct {
  struct tri_mutex lock;
  struct tri_condition not_full, not_empty;
  unsigned items[3], used, produced, consumed, producers;
  uint64_t sum;
} buffer;

static void produce(void *arg) {
  unsigned first = *(unsigned *)arg;
  for (unsigned i = 0; i < ROUNDS; i++) {
    tri_mutex_lock(&buffer.lock);
    while (buffer.used == 3) tri_condition_wait(&buffer.not_full, &buffer.lock);
    buffer.items[buffer.used++] = first + i;
    buffer.produced++;
    tri_condition_signal(&buffer.not_empty);
    tri_mutex_unlock(&buffer.lock);
  }
  tri_mutex_lock(&buffer.lock);
  buffer.producers--;
  tri_condition_broadcast(&buffer.not_empty);
  tri_mutex_unlock(&buffer.lock);
}

static void consume(void *unused) {
  (void)unused;
  tri_mutex_lock(&buffer.lock);
  for (;;) {
    while (!buffer.used && buffer.producers) tri_condition_wait(&buffer.not_empty, &buffer.lock);
    if (!buffer.used) break;
    buffer.sum += buffer.items[--buffer.used];
    buffer.consumed++;
    tri_condition_signal(&buffer.not_full);
  }
  tri_mutex_unlock(&buffer.lock);
}

static void test_conditions(void) {
  struct tri_actor actors[4];
  unsigned firsts[2] = {0, 100000};
  memset(&buffer, 0, sizeof buffer);
  tri_mutex_init(&buffer.lock);
  tri_condition_init(&buffer.not_full);
  tri_condition_init(&buffer.not_empty);
  buffer.producers = 2;
  for (unsigned i = 0; i < 2; i++) {
    TRI_CHECK(tri_actor_spawn(&actors[2 * i], TRI_ACTOR_MARKER, consume, NULL));
    TRI_CHECK(tri_actor_spawn(&actors[2 * i + 1], TRI_ACTOR_MUTATOR, produce, &firsts[i]));
  }
  for (unsigned i = 0; i < 4; i++) tri_actor_join(&actors[i]);
  TRI_CHECK_EQ(buffer.consumed, 2 * ROUNDS);
  TRI_CHECK_EQ(buffer.sum, (uint64_t)ROUNDS * (ROUNDS - 1) + (uint64_t)ROUNDS * 100000);
}

static bool ready;

static void wait_ready(void *arg) {
  while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE)) tri_actor_spin();
  *(unsigned *)arg = 7;
}

static void test_spin(void) {
  struct tri_actor actor;
  unsigned value = 0;
  ready = false;
  TRI_CHECK(tri_actor_spawn(&actor, TRI_ACTOR_SWEEPER, wait_ready, &value));
  for (unsigned i = 0; i < 10; i++) TRI_YIELD(PHASE);
  __atomic_store_n(&ready, true, __ATOMIC_RELEASE);
  tri_actor_join(&actor);
  TRI_CHECK_EQ(value, 7);
}

static unsigned numbers_seen;

static void look_at_self(void *arg) {
  struct tri_actor *self = tri_actor_self();
  TRI_CHECK(self == arg);
  TRI_CHECK_EQ(self->kind, TRI_ACTOR_FINALIZER);
  TRI_CHECK(!self->local);
  self->local = &numbers_seen;
  TRI_CHECK_NE(self->number, 0);
  __atomic_fetch_or(&numbers_seen, 1u << self->number, __ATOMIC_RELAXED);
  volatile char deep[64 << 10]; // stacks are not tiny
  for (size_t i = 0; i < sizeof deep; i += 1024) deep[i] = 1;
}

static void test_self(void) {
  TRI_CHECK_EQ(tri_actor_self()->number, 0);
  TRI_CHECK_EQ(tri_actor_self()->kind, TRI_ACTOR_MUTATOR);
  struct tri_actor actors[3];
  numbers_seen = 0;
  for (unsigned round = 0; round < 3; round++) { // numbers of joined actors are used again
    for (unsigned i = 0; i < 3; i++)
      TRI_CHECK(tri_actor_spawn(&actors[i], TRI_ACTOR_FINALIZER, look_at_self, &actors[i]));
    for (unsigned i = 0; i < 3; i++) tri_actor_join(&actors[i]);
  }
  TRI_CHECK_EQ(numbers_seen, 0xe);
  TRI_CHECK_EQ(tri_actor_self()->number, 0);
}

static void nothing(void *unused) { (void)unused; }

// An actor that is not to be had is a value, and so is one too many.
static void test_spawn_failure(void) {
  static struct tri_actor actors[TRI_ACTORS_MAX];
  tri_os_fail_at(2);
  TRI_CHECK(tri_actor_spawn(&actors[0], TRI_ACTOR_MUTATOR, nothing, NULL));
  TRI_CHECK(!tri_actor_spawn(&actors[1], TRI_ACTOR_MUTATOR, nothing, NULL));
  TRI_CHECK(tri_actor_spawn(&actors[1], TRI_ACTOR_MUTATOR, nothing, NULL));
  tri_os_fail_at(0);
  unsigned started = 2;
  while (started < TRI_ACTORS_MAX && tri_actor_spawn(&actors[started], TRI_ACTOR_MUTATOR, nothing, NULL))
    started++;
  TRI_CHECK_EQ(started, TRI_ACTORS_MAX - 1);
  while (started) tri_actor_join(&actors[--started]);
  TRI_CHECK(tri_actor_spawn(&actors[0], TRI_ACTOR_MUTATOR, nothing, NULL));
  tri_actor_join(&actors[0]);
}

static void spawn_more(void *arg) {
  unsigned depth = *(unsigned *)arg;
  struct tri_actor actor;
  if (depth == 0) return;
  depth--;
  TRI_CHECK(tri_actor_spawn(&actor, TRI_ACTOR_MUTATOR, spawn_more, &depth));
  tri_actor_join(&actor);
}

static void test_mutex_alone(void) {
  struct tri_mutex m;
  tri_mutex_init(&m);
  TRI_CHECK(tri_mutex_try_lock(&m));
  TRI_CHECK(!tri_mutex_try_lock(&m));
  tri_mutex_unlock(&m);
  tri_mutex_lock(&m);
  TRI_CHECK(!tri_mutex_try_lock(&m));
  tri_mutex_unlock(&m);
}

static void test_all(void *unused) {
  (void)unused;
  test_self();
  test_mutex_alone();
  test_counter();
  test_conditions();
  test_spin();
  test_spawn_failure();
  unsigned depth = 10;
  spawn_more(&depth);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  printf("seed %llu\n", (unsigned long long)seed);
  struct tri_os_usage before = tri_os_usage();
  TRI_CHECK_STR(tri_yield_point_name(TRI_YIELD_SAFEPOINT_POLL), "safepoint-poll");
  test_all(NULL);
  const unsigned schedules = TRI_FIBERS ? 80 : 0;
  for (unsigned i = 0; i < schedules; i++) {
    struct tri_schedule schedule = {.policy = (enum tri_schedule_policy)(i % 4),
                                    .seed = seed + i,
                                    .quantum = i,
                                    .depth = 4,
                                    .length = 3000};
    TRI_CHECK_EQ(tri_schedule_run(&schedule, test_all, NULL).status, TRI_SCHEDULE_OK);
  }
  TRI_CHECK_EQ(tri_os_usage().reserved_bytes, before.reserved_bytes); // stacks do not count
  return 0;
}
