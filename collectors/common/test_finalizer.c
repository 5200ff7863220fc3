// The finalizer table and queue: order, out of memory, roots. What a collection does with them: test_weak.c.
#include "common/finalizer.h"

#include "common/check.h"
#include "common/os.h"

enum { OBJECTS = 1000, LATER = 500 };
static uint64_t cells[OBJECTS][2];

static tri_ref object(size_t i) { return (tri_ref){(uintptr_t)&cells[i][1]}; }
static size_t number(tri_ref ref) { return (ref.bits - (uintptr_t)cells) / sizeof cells[0]; }

// Objects whose second word is not 0 are reached.
static bool is_live(void *context, tri_ref *slot) {
  (void)context;
  return *(uint64_t *)slot->bits != 0;
}
static void trace(void *context, tri_ref *slot) {
  (void)context;
  *(uint64_t *)slot->bits = 1;
}
static void drain(void *context) { ++*(int *)context; }

static void count(void *context, tri_ref *slot) {
  TRI_CHECK(!tri_is_null(*slot));
  ++*(size_t *)context;
}

static void test_order(void) {
  struct tri_finalizers f;
  int drained = 0;
  struct tri_reach reach = {is_live, trace, drain, &drained};
  tri_finalizers_init(&f);
  for (size_t i = 0; i < OBJECTS; i++) TRI_CHECK_EQ(tri_finalizers_add(&f, object(i), i), TRI_OK);
  // Round r lets every object die that is a multiple of its divisor, and takes half of what is queued.
  size_t queued = 0, taken = 0;
  for (size_t divisor = 7; divisor; divisor = divisor > 1 ? divisor - 2 : 0) {
    for (size_t i = 0; i < OBJECTS; i++) cells[i][1] = i % divisor != 0;
    size_t before = f.n_table, now = tri_finalizers_process(&f, &reach), roots = 0;
    TRI_CHECK_EQ(f.n_table, before - now);
    queued += now;
    tri_finalizers_roots(&f, count, &roots);
    TRI_CHECK_EQ(roots, queued - taken);
    TRI_CHECK_LE(f.n_table + f.n_queue, f.capacity);
    for (size_t last = 0, k = 0; k < roots / 2; k++, taken++) {
      uint64_t cookie;
      size_t i = number(tri_finalizers_next(&f, &cookie));
      TRI_CHECK_EQ(i, cookie);
      if (divisor == 7 && k) TRI_CHECK_LT(last, i);
      last = i;
    }
  }
  TRI_CHECK_EQ(queued, OBJECTS);
  TRI_CHECK_EQ(drained, 4);
  TRI_CHECK_EQ(tri_finalizers_process(&f, &reach), 0);
  for (; taken < OBJECTS; taken++) TRI_CHECK(!tri_is_null(tri_finalizers_next(&f, NULL)));
  TRI_CHECK(tri_is_null(tri_finalizers_next(&f, NULL)));
  tri_finalizers_fini(&f);
}

static void test_out_of_memory(void) {
  struct tri_finalizers f;
  tri_finalizers_init(&f);
  size_t registered = 0, refused = 0;
  for (uint64_t fail_at = 1; fail_at < 20; fail_at++) {
    tri_os_fail_at(1 + fail_at % 2); // the table or the queue
    for (int i = 0; i < 20; i++) {
      enum tri_status status = tri_finalizers_add(&f, object(registered), registered);
      TRI_CHECK(status == TRI_OK || status == TRI_ENOMEM);
      registered += status == TRI_OK;
      refused += status == TRI_ENOMEM;
    }
  }
  tri_os_fail_at(0);
  TRI_CHECK_GE(refused, 2);
  TRI_CHECK_EQ(f.n_table, registered);
  // What is queued needs its room beside what is registered later.
  for (size_t i = 0; i < registered; i++) cells[i][1] = 0;
  TRI_CHECK_EQ(tri_finalizers_process(&f, &(struct tri_reach){is_live, trace, drain, &(int){0}}), registered);
  for (size_t i = 0; i < LATER; i++, registered++) {
    TRI_CHECK_EQ(tri_finalizers_add(&f, object(registered), registered), TRI_OK);
    TRI_CHECK_LE(f.n_table + f.n_queue, f.capacity);
  }
  for (size_t i = registered - LATER; i < registered; i++) TRI_CHECK_EQ(tri_finalizers_queue(&f, object(i)), 1);
  TRI_CHECK_EQ(tri_finalizers_queue(&f, object(0)), 0);
  for (size_t i = 0; i < registered; i++) TRI_CHECK_EQ(number(tri_finalizers_next(&f, NULL)), i);
  tri_finalizers_fini(&f);
}

int main(void) {
  test_order();
  test_out_of_memory();
  TRI_CHECK_EQ(tri_os_usage().metadata_blocks, 0);
  return 0;
}
