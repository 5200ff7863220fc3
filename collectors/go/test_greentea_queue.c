// Queues of spans: what they have in common with other queues (test_handing.h); entries come out in the order
// in which they were put, if one puts and gets alone; balance gives away the older half.
#include "go/greentea_queue.h"
#include "go/test_handing.h"

static struct go_span_pool pool;
static struct go_span_queue queue[WORKERS];

static void begin(void) { go_span_pool_init(&pool); }
static void end(void) { go_span_pool_fini(&pool); }
static bool put(size_t worker, uintptr_t entry) {
  bool room = go_span_queue_room(&pool, &queue[worker]);
  if (room) go_span_queue_put(&queue[worker], entry);
  return room;
}
static uintptr_t get(size_t worker) { return go_span_queue_get(&pool, &queue[worker]); }
static void balance(size_t worker) { go_span_queue_balance(&pool, &queue[worker]); }
static bool dispose(size_t worker) { return go_span_queue_dispose(&pool, &queue[worker]); }
static void trim(void) { go_span_pool_trim(&pool); }
static void each(go_entry_fn *visit, void *context) {
  for (size_t i = 0; i < WORKERS; i++) go_span_queue_each(&queue[i], visit, context);
  go_span_pool_each(&pool, visit, context);
}

// First in, first out, through segments of one's own and the pool, and after disposing of all.
static void test_order(uint64_t seed) {
  struct tri_random random = {seed};
  uintptr_t in = 0, out = 0;
  begin();
  while (out < ENTRIES) {
    for (uint64_t more = tri_random_below(&random, 900); more && in < ENTRIES; more--)
      TRI_CHECK(put(0, ++in));
    if (tri_random_below(&random, 4) == 0) dispose(0);
    for (uint64_t more = tri_random_below(&random, 800); more && out < in; more--)
      TRI_CHECK_EQ(get(0), ++out);
  }
  TRI_CHECK_EQ(get(0), 0);
  dispose(0);
  end();
}

static void test_balance(void) {
  begin();
  for (uintptr_t i = 1; i <= 4; i++) put(0, i);
  balance(0);
  TRI_CHECK_EQ(get(1), 0);
  for (uintptr_t i = 5; i <= 20; i++) put(0, i);
  balance(0);
  for (uintptr_t i = 1; i <= 10; i++) TRI_CHECK_EQ(get(1), i); // the older half
  TRI_CHECK_EQ(get(1), 0);
  for (uintptr_t i = 11; i <= 20; i++) TRI_CHECK_EQ(get(0), i);
  dispose(0);
  dispose(1);
  end();
}

int main(int argc, char **argv) {
  uint64_t seed = seed_of(argc, argv);
  test_handing(seed);
  test_order(seed);
  test_balance();
  return 0;
}
