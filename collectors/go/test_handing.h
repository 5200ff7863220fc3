// For tests of what hands entries from one worker to another (work.h, greentea_queue.h): every entry comes
// out once, whoever puts and gets, with memory and without, one worker at a time or all at once.
#ifndef TRICOLOR_GO_TEST_HANDING_H
#define TRICOLOR_GO_TEST_HANDING_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/actor.h"
#include "common/check.h"
#include "common/os.h"
#include "common/random.h"
#include "go/buffer.h"

enum { WORKERS = 3, ENTRIES = 5000 };

// What is tested, by the test: a pool, and what each worker has of its own.
static void begin(void);
static void end(void); // nothing is left, with a worker or in the pool
static bool put(size_t worker, uintptr_t entry); // false: out of memory
static uintptr_t get(size_t worker);             // 0: there is none
static void balance(size_t worker);
static bool dispose(size_t worker);
static void trim(void);
static void each(go_entry_fn *visit, void *context); // in the pool, and of all workers

static uint8_t waits[WORKERS * ENTRIES + 1]; // by entry: put, and not yet got

static void take_out(uintptr_t entry) {
  TRI_CHECK_EQ(__atomic_exchange_n(&waits[entry], 0, __ATOMIC_RELAXED), 1);
}

static size_t get_all(size_t worker) {
  size_t n = 0;
  for (uintptr_t entry; (entry = get(worker)); n++) take_out(entry);
  return n;
}

static bool put_noted(size_t worker, uintptr_t entry) {
  waits[entry] = 1; // another may have it before this returns
  bool room = put(worker, entry);
  if (!room) waits[entry] = 0;
  return room;
}

static bool see(void *context, uintptr_t entry) {
  TRI_CHECK_EQ(waits[entry], 1);
  waits[entry] = 2; // told once
  ++*(size_t *)context;
  return true;
}

static void test_one_at_a_time(uint64_t seed, bool without_memory) {
  struct tri_random random = {seed};
  size_t n = 0, got = 0, refused = 0, seen = 0, blocks = tri_os_usage().metadata_blocks;
  begin();
  if (without_memory) tri_os_fail_every(3);
  while (n < ENTRIES) {
    size_t worker = (size_t)tri_random_below(&random, WORKERS);
    for (uint64_t more = tri_random_below(&random, 700); more && n < ENTRIES; more--)
      refused += !put_noted(worker, ++n);
    if (tri_random_below(&random, 4) == 0) balance(worker);
    if (tri_random_below(&random, 4) == 0) dispose(worker);
    worker = (size_t)tri_random_below(&random, WORKERS);
    for (uint64_t more = tri_random_below(&random, 600); more; more--) {
      uintptr_t entry = get(worker);
      if (!entry) break;
      take_out(entry);
      got++;
    }
  }
  tri_os_fail_every(0);
  TRI_CHECK_EQ(refused != 0, without_memory);
  each(see, &seen);
  TRI_CHECK_EQ(got + seen + refused, ENTRIES);
  for (size_t i = 1; i <= ENTRIES; i++) waits[i] = waits[i] != 0;
  for (size_t worker = 0; worker < WORKERS; worker++) dispose(worker);
  TRI_CHECK_EQ(get_all(0), seen);
  TRI_CHECK(!dispose(0));
  end();
  TRI_CHECK_EQ(tri_os_usage().metadata_blocks, blocks);
}

// What is in the pool can be had by who gets no buffers.
static void test_get_without_memory(void) {
  enum { PUT = 600 };
  begin();
  for (uintptr_t i = 1; i <= PUT; i++) TRI_CHECK(put_noted(0, i));
  dispose(0);
  trim();
  tri_os_fail_every(1);
  TRI_CHECK(!put(1, PUT + 1));
  TRI_CHECK_EQ(get_all(1), PUT);
  tri_os_fail_every(0);
  dispose(1);
  end();
}

// Each actor puts its entries, gives away, and takes until nothing is left.
static void work_at_once(void *number) {
  size_t worker = *(size_t *)number;
  for (uintptr_t i = 1; i <= ENTRIES; i++) {
    TRI_CHECK(put_noted(worker, worker * ENTRIES + i));
    if (i % 64 == 0) balance(worker);
    if (i % 700 == 0) get_all(worker);
  }
  dispose(worker);
  get_all(worker);
  dispose(worker);
}

static void test_at_once(void) {
  struct tri_actor actors[WORKERS];
  size_t numbers[WORKERS];
  begin();
  for (size_t i = 0; i < WORKERS; i++) {
    numbers[i] = i;
    TRI_CHECK(tri_actor_spawn(&actors[i], TRI_ACTOR_MARKER, work_at_once, &numbers[i]));
  }
  for (size_t i = 0; i < WORKERS; i++) tri_actor_join(&actors[i]);
  for (size_t i = 1; i <= WORKERS * ENTRIES; i++) TRI_CHECK_EQ(waits[i], 0);
  end();
}

static uint64_t seed_of(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
  return seed;
}

static void test_handing(uint64_t seed) {
  test_one_at_a_time(seed, false);
  test_one_at_a_time(seed, true);
  test_get_without_memory();
  test_at_once();
}

#endif
