// Work buffers: what they have in common with other queues (test_handing.h); balance gives away what others
// can take; what was dropped is known by its range.
#include "go/test_handing.h"
#include "go/work.h"

static struct go_work_pool pool;
static struct go_work work[WORKERS];

static void begin(void) { go_work_pool_init(&pool); }
static void end(void) { go_work_pool_fini(&pool); }
static bool put(size_t worker, uintptr_t entry) { return go_work_put(&pool, &work[worker], entry); }
static uintptr_t get(size_t worker) { return go_work_get(&pool, &work[worker]); }
static void balance(size_t worker) { go_work_balance(&pool, &work[worker]); }
static bool dispose(size_t worker) { return go_work_dispose(&pool, &work[worker]); }
static void trim(void) { go_work_pool_trim(&pool); }
static void each(go_entry_fn *visit, void *context) {
  for (size_t i = 0; i < WORKERS; i++) go_work_each(&work[i], visit, context);
  go_work_pool_each(&pool, visit, context);
}

static void test_balance(void) {
  begin();
  for (uintptr_t i = 1; i <= 4; i++) put_noted(0, i);
  balance(0);
  TRI_CHECK_EQ(get(1), 0);
  for (uintptr_t i = 5; i <= 20; i++) put_noted(0, i);
  balance(0);
  TRI_CHECK_EQ(get_all(1), 10);
  for (uintptr_t i = 21; i <= 20 + GO_BUFFER_ENTRIES; i++) put_noted(0, i);
  balance(0); // a whole buffer
  TRI_CHECK_EQ(get_all(1), GO_BUFFER_ENTRIES);
  dispose(0);
  TRI_CHECK_EQ(get_all(1), 10);
  dispose(1);
  end();
}

static void test_dropped(void) {
  uintptr_t first, last;
  begin();
  TRI_CHECK(!go_work_dropped(&pool, &first, &last));
  go_work_drop(&pool, 70);
  go_work_drop(&pool, 30);
  go_work_drop(&pool, 50);
  TRI_CHECK(go_work_dropped(&pool, &first, &last));
  TRI_CHECK_EQ(first, 30);
  TRI_CHECK_EQ(last, 70);
  TRI_CHECK(!go_work_dropped(&pool, &first, &last));
  end();
}

int main(int argc, char **argv) {
  test_handing(seed_of(argc, argv));
  test_balance();
  test_dropped();
  return 0;
}
