// Work buffers: every entry comes out once, whoever puts and gets; balance gives away what others can take;
// without memory a put says so and loses nothing.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/os.h"
#include "common/random.h"
#include "go/work.h"

enum { WORKERS = 3, ENTRIES = 4000 };

static struct go_work_pool pool;
static bool is_in[ENTRIES + 1]; // by entry: put, and not yet got

static bool clear(void *context, uintptr_t entry) {
  TRI_CHECK(is_in[entry]);
  is_in[entry] = false;
  ++*(size_t *)context;
  return true;
}

static void test_each_comes_out_once(uint64_t seed, bool without_memory) {
  struct tri_random random = {seed};
  struct go_work work[WORKERS] = {{0}};
  size_t put = 0, got = 0, refused = 0, seen = 0;
  size_t blocks = tri_os_usage().metadata_blocks;
  go_work_pool_init(&pool);
  memset(is_in, 0, sizeof is_in);
  if (without_memory) tri_os_fail_every(3);
  while (put < ENTRIES) {
    struct go_work *w = &work[tri_random_below(&random, WORKERS)];
    for (uint64_t n = tri_random_below(&random, 700); n && put < ENTRIES; n--) {
      bool ok = go_work_put(&pool, w, ++put);
      is_in[put] = ok;
      refused += !ok;
    }
    if (tri_random_below(&random, 4) == 0) go_work_balance(&pool, w);
    if (tri_random_below(&random, 4) == 0) go_work_dispose(&pool, w);
    w = &work[tri_random_below(&random, WORKERS)];
    for (uint64_t n = tri_random_below(&random, 600); n; n--) {
      uintptr_t entry = go_work_get(&pool, w);
      if (!entry) break;
      TRI_CHECK(is_in[entry]);
      is_in[entry] = false;
      got++;
    }
  }
  tri_os_fail_every(0);
  TRI_CHECK_EQ(refused != 0, without_memory);
  for (int i = 0; i < WORKERS; i++) go_work_each(&work[i], clear, &seen);
  go_work_pool_each(&pool, clear, &seen);
  TRI_CHECK_EQ(got + seen + refused, ENTRIES);
  for (int i = 0; i < WORKERS; i++) go_work_dispose(&pool, &work[i]);
  while (go_work_get(&pool, &work[0])) got++;
  TRI_CHECK_EQ(got + refused, ENTRIES);
  TRI_CHECK(!go_work_dispose(&pool, &work[0]));
  go_work_pool_fini(&pool);
  TRI_CHECK_EQ(tri_os_usage().metadata_blocks, blocks);
}

// What is in the pool can be had by who gets no buffers.
static void test_get_without_memory(void) {
  struct go_work mine = {0}, yours = {0};
  go_work_pool_init(&pool);
  for (uintptr_t i = 1; i <= 600; i++) TRI_CHECK(go_work_put(&pool, &mine, i));
  go_work_dispose(&pool, &mine);
  go_work_pool_trim(&pool);
  tri_os_fail_every(1);
  size_t n = 0;
  while (go_work_get(&pool, &yours)) n++;
  tri_os_fail_every(0);
  TRI_CHECK_EQ(n, 600);
  go_work_dispose(&pool, &yours);
  go_work_pool_fini(&pool);
}

static void test_balance(void) {
  struct go_work mine = {0}, yours = {0};
  go_work_pool_init(&pool);
  for (uintptr_t i = 1; i <= 4; i++) go_work_put(&pool, &mine, i);
  go_work_balance(&pool, &mine);
  TRI_CHECK_EQ(go_work_get(&pool, &yours), 0);
  for (uintptr_t i = 5; i <= 20; i++) go_work_put(&pool, &mine, i);
  go_work_balance(&pool, &mine);
  size_t n = 0;
  while (go_work_get(&pool, &yours)) n++;
  TRI_CHECK_EQ(n, 10);
  for (uintptr_t i = 1; i <= GO_WORK_ENTRIES; i++) go_work_put(&pool, &mine, i);
  go_work_balance(&pool, &mine); // a whole buffer
  for (n = 0; go_work_get(&pool, &yours);) n++;
  TRI_CHECK_EQ(n, GO_WORK_ENTRIES);
  go_work_dispose(&pool, &mine);
  while (go_work_get(&pool, &yours)) {
  }
  go_work_dispose(&pool, &yours);
  go_work_pool_fini(&pool);
}

static void test_dropped(void) {
  uintptr_t first, last;
  go_work_pool_init(&pool);
  TRI_CHECK(!go_work_dropped(&pool, &first, &last));
  go_work_drop(&pool, 70);
  go_work_drop(&pool, 30);
  go_work_drop(&pool, 50);
  TRI_CHECK(go_work_dropped(&pool, &first, &last));
  TRI_CHECK_EQ(first, 30);
  TRI_CHECK_EQ(last, 70);
  TRI_CHECK(!go_work_dropped(&pool, &first, &last));
  go_work_pool_fini(&pool);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
  test_each_comes_out_once(seed, false);
  test_each_comes_out_once(seed, true);
  test_get_without_memory();
  test_balance();
  test_dropped();
  return 0;
}
