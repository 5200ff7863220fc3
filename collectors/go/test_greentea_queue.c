// Queues of spans: every entry comes out once, whoever puts and gets, and in the order in which it was put if one puts
// and gets alone; what is given away can be taken; without memory there is no room, and nothing is lost. With several
// actors: what one gives away another takes, each entry once.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/os.h"
#include "common/random.h"
#include "go/greentea_queue.h"

enum { WORKERS = 3, ENTRIES = 5000 };

static struct go_span_pool pool;
static bool is_in[ENTRIES + 1]; // by entry: put, and not yet got

static bool clear(void *context, uintptr_t entry) {
  TRI_CHECK(is_in[entry]);
  is_in[entry] = false;
  ++*(size_t *)context;
  return true;
}

static bool put(struct go_span_queue *queue, uintptr_t entry) {
  bool room = go_span_queue_room(&pool, queue);
  if (room) go_span_queue_put(queue, entry);
  return room;
}

static void test_each_comes_out_once(uint64_t seed, bool without_memory) {
  struct tri_random random = {seed};
  struct go_span_queue queue[WORKERS] = {{0}};
  size_t n = 0, got = 0, refused = 0, seen = 0, blocks = tri_os_usage().metadata_blocks;
  go_span_pool_init(&pool);
  memset(is_in, 0, sizeof is_in);
  if (without_memory) tri_os_fail_every(2);
  while (n < ENTRIES) {
    struct go_span_queue *q = &queue[tri_random_below(&random, WORKERS)];
    for (uint64_t more = tri_random_below(&random, 700); more && n < ENTRIES; more--) {
      bool ok = put(q, ++n);
      is_in[n] = ok;
      refused += !ok;
    }
    if (tri_random_below(&random, 4) == 0) go_span_queue_balance(&pool, q);
    if (tri_random_below(&random, 4) == 0) go_span_queue_dispose(&pool, q);
    q = &queue[tri_random_below(&random, WORKERS)];
    for (uint64_t more = tri_random_below(&random, 600); more; more--) {
      uintptr_t entry = go_span_queue_get(&pool, q);
      if (!entry) break;
      TRI_CHECK(is_in[entry]);
      is_in[entry] = false;
      got++;
    }
  }
  tri_os_fail_every(0);
  TRI_CHECK_EQ(refused != 0, without_memory);
  for (int i = 0; i < WORKERS; i++) go_span_queue_each(&queue[i], clear, &seen);
  go_span_pool_each(&pool, clear, &seen);
  TRI_CHECK_EQ(got + seen + refused, ENTRIES);
  for (int i = 0; i < WORKERS; i++) go_span_queue_dispose(&pool, &queue[i]);
  while (go_span_queue_get(&pool, &queue[0])) got++;
  TRI_CHECK_EQ(got + refused, ENTRIES);
  TRI_CHECK(!go_span_queue_dispose(&pool, &queue[0]));
  go_span_pool_fini(&pool);
  TRI_CHECK_EQ(tri_os_usage().metadata_blocks, blocks);
}

// First in, first out, through segments of one's own and the pool, and after disposing of all.
static void test_order(uint64_t seed) {
  struct tri_random random = {seed};
  struct go_span_queue queue = {0};
  uintptr_t in = 0, out = 0;
  go_span_pool_init(&pool);
  while (out < ENTRIES) {
    for (uint64_t more = tri_random_below(&random, 900); more && in < ENTRIES; more--) TRI_CHECK(put(&queue, ++in));
    if (tri_random_below(&random, 4) == 0) go_span_queue_dispose(&pool, &queue);
    for (uint64_t more = tri_random_below(&random, 800); more && out < in; more--)
      TRI_CHECK_EQ(go_span_queue_get(&pool, &queue), ++out);
  }
  TRI_CHECK_EQ(go_span_queue_get(&pool, &queue), 0);
  go_span_queue_dispose(&pool, &queue);
  go_span_pool_fini(&pool);
}

// What is in the pool can be had by who gets no segments.
static void test_get_without_memory(void) {
  struct go_span_queue mine = {0}, yours = {0};
  size_t n = 0;
  go_span_pool_init(&pool);
  for (uintptr_t i = 1; i <= 600; i++) TRI_CHECK(put(&mine, i));
  go_span_queue_dispose(&pool, &mine);
  go_span_pool_trim(&pool);
  tri_os_fail_every(1);
  TRI_CHECK(!put(&yours, 601));
  while (go_span_queue_get(&pool, &yours)) n++;
  tri_os_fail_every(0);
  TRI_CHECK_EQ(n, 600);
  go_span_queue_dispose(&pool, &yours);
  go_span_pool_fini(&pool);
}

static void test_balance(void) {
  struct go_span_queue mine = {0}, yours = {0};
  go_span_pool_init(&pool);
  for (uintptr_t i = 1; i <= 4; i++) put(&mine, i);
  go_span_queue_balance(&pool, &mine);
  TRI_CHECK_EQ(go_span_queue_get(&pool, &yours), 0);
  for (uintptr_t i = 5; i <= 20; i++) put(&mine, i);
  go_span_queue_balance(&pool, &mine);
  for (uintptr_t i = 1; i <= 10; i++) TRI_CHECK_EQ(go_span_queue_get(&pool, &yours), i); // the older half
  TRI_CHECK_EQ(go_span_queue_get(&pool, &yours), 0);
  for (uintptr_t i = 11; i <= 20; i++) TRI_CHECK_EQ(go_span_queue_get(&pool, &mine), i);
  go_span_queue_dispose(&pool, &mine);
  go_span_queue_dispose(&pool, &yours);
  go_span_pool_fini(&pool);
}

// Each actor puts its entries, gives away, and takes until nothing is left.
struct worker {
  struct tri_actor actor;
  uintptr_t first;
};
static uint8_t taken[WORKERS * ENTRIES + 1];

static void take_all(struct go_span_queue *queue) {
  for (uintptr_t entry; (entry = go_span_queue_get(&pool, queue));)
    TRI_CHECK_EQ(__atomic_fetch_add(&taken[entry], 1, __ATOMIC_RELAXED), 0);
}

static void work(void *arg) {
  struct worker *worker = arg;
  struct go_span_queue queue = {0};
  for (uintptr_t i = 0; i < ENTRIES; i++) {
    TRI_CHECK(put(&queue, worker->first + i));
    if (i % 64 == 63) go_span_queue_balance(&pool, &queue);
    if (i % 700 == 699) take_all(&queue);
  }
  go_span_queue_dispose(&pool, &queue);
  take_all(&queue);
  go_span_queue_dispose(&pool, &queue);
}

static void test_actors(void) {
  struct worker worker[WORKERS];
  memset(taken, 0, sizeof taken);
  go_span_pool_init(&pool);
  for (int i = 0; i < WORKERS; i++) {
    worker[i].first = (uintptr_t)i * ENTRIES + 1;
    TRI_CHECK(tri_actor_spawn(&worker[i].actor, TRI_ACTOR_MARKER, work, &worker[i]));
  }
  for (int i = 0; i < WORKERS; i++) tri_actor_join(&worker[i].actor);
  for (size_t i = 1; i <= WORKERS * ENTRIES; i++) TRI_CHECK_EQ(taken[i], 1);
  go_span_pool_fini(&pool);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
  test_each_comes_out_once(seed, false);
  test_each_comes_out_once(seed, true);
  test_order(seed);
  test_get_without_memory();
  test_balance();
  test_actors();
  return 0;
}
