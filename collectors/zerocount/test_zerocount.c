// zerocount's own paths. (Random programs against a model: common/test_counted_heap.c.)
#include "common/counted_heap.h"
#include "test/own.h"

static void count_report(void *context, const char *text) {
  (void)text;
  ++*(size_t *)context;
}

static size_t findings(void) {
  size_t reported = 0;
  return tri_verify(heap, &(struct tri_reporter){count_report, &reported});
}

// Roots do not count, and garbage stays until a collection.
static void roots_are_scanned(void) {
  create(NULL);
  TRI_FRAME(m, f, 1);
  tri_root_set(m, &f.slot[0], tri_alloc(m, TRI_SHAPE(1, 0)));
  tri_ref child = tri_alloc(m, TRI_SHAPE(0, 8));
  tri_init(m, f.slot[0], 0, child);
  struct tri_object_info info;
  TRI_CHECK_EQ(tri_inspect(heap, f.slot[0], &info), TRI_OK);
  TRI_CHECK_EQ(info.counted, TRI_COUNT_SLOTS);
  TRI_CHECK_EQ(info.count, 0);
  TRI_CHECK_EQ(tri_inspect(heap, child, &info), TRI_OK);
  TRI_CHECK_EQ(info.count, 1);
  for (int i = 0; i < 10; i++) tri_alloc(m, TRI_SHAPE(0, 8));
  TRI_CHECK_EQ(stats().live_objects, 12);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK_EQ(stats().live_objects, 2);
  TRI_CHECK_EQ(findings(), 0);
  tri_root_set(m, &f.slot[0], TRI_NULL);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK_EQ(stats().live_objects, 0);
  TRI_FRAME_POP(m, f);
  destroy();
}

// A list whose head has the highest address: one traversal in address order meets the only count of 0 last.
static void clears_a_deep_list(void) {
  enum { CELLS = 1000000 };
  create("heap=128m");
  TRI_FRAME(m, f, 1);
  make_list(&f.slot[0], CELLS);
  tri_root_set(m, &f.slot[0], TRI_NULL);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK_EQ(stats().freed_objects, CELLS);
  TRI_FRAME_POP(m, f);
  destroy();
}

static void leaks_cycles(void) {
  create(NULL);
  TRI_CHECK(!tri_has(heap, TRI_CAP_CYCLES));
  tri_ref self = tri_alloc(m, TRI_SHAPE(1, 0));
  tri_store(m, self, 0, self);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK_EQ(stats().live_objects, 1);
  destroy();
}

static void collects_at_the_limit(void) {
  create("heap=1m");
  TRI_FRAME(m, f, 1);
  for (int i = 0; i < 100000; i++) {
    TRI_CHECK(!tri_is_null(tri_alloc(m, TRI_SHAPE(2, 40))));
    TRI_CHECK(!tri_is_null(tri_alloc(m, TRI_SHAPE(0, 20000))));
  }
  TRI_CHECK_GE(stats().collections, 100);
  for (tri_ref cell; !tri_is_null(cell = tri_alloc(m, TRI_SHAPE(1, 0)));) {
    tri_init(m, cell, 0, f.slot[0]);
    tri_root_set(m, &f.slot[0], cell);
  }
  TRI_CHECK_EQ(m->status, TRI_ENOMEM);
  TRI_CHECK_GE(stats().live_objects, (1 << 20) / 24 * 9 / 10);
  TRI_CHECK_EQ(findings(), 0);
  tri_root_set(m, &f.slot[0], TRI_NULL);
  TRI_CHECK(!tri_is_null(tri_alloc(m, TRI_SHAPE(0, 500000))));
  TRI_FRAME_POP(m, f);
  destroy();
}

static void counts_stick(void) {
  create("count_bits=2");
  TRI_CHECK(!tri_has(heap, TRI_CAP_EXACT));
  TRI_FRAME(m, f, 2);
  tri_root_set(m, &f.slot[0], tri_alloc(m, TRI_SHAPE(3, 0)));
  tri_root_set(m, &f.slot[1], tri_alloc(m, TRI_SHAPE(0, 0)));
  tri_fill(m, f.slot[0], 0, 3, f.slot[1]);
  tri_root_set(m, &f.slot[1], TRI_NULL);
  tri_root_set(m, &f.slot[0], TRI_NULL);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK_EQ(stats().live_objects, 1);
  TRI_FRAME_POP(m, f);
  destroy();
}

static void clears_weak_references_and_queues_finalizable_objects(void) {
  create(NULL);
  TRI_FRAME(m, f, 2);
  tri_root_set(m, &f.slot[0], tri_weak_new(m));
  tri_root_set(m, &f.slot[1], tri_alloc(m, TRI_SHAPE(1, 0)));
  tri_init(m, f.slot[1], 0, tri_alloc(m, TRI_SHAPE(0, 8)));
  tri_weak_set(m, f.slot[0], f.slot[1]);
  TRI_CHECK_EQ(tri_finalizer_add(m, f.slot[1], 7), TRI_OK);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK(tri_same(m, tri_weak_get(m, f.slot[0]), f.slot[1]));
  tri_root_set(m, &f.slot[1], TRI_NULL);
  for (int i = 0; i < 2; i++) TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK); // the queue holds it
  TRI_CHECK(tri_is_null(tri_weak_get(m, f.slot[0])));
  TRI_CHECK_EQ(stats().live_objects, 3);
  uint64_t cookie;
  TRI_CHECK(!tri_is_null(tri_load(m, tri_finalizer_next(m, &cookie), 0)));
  TRI_CHECK_EQ(cookie, 7);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK_EQ(stats().live_objects, 1);
  TRI_FRAME_POP(m, f);
  destroy();
}

static void verify_finds_what_is_planted(void) {
  create(NULL);
  TRI_FRAME(m, f, 1);
  tri_root_set(m, &f.slot[0], tri_alloc(m, TRI_SHAPE(1, 0)));
  uint64_t *word = tri_count_word(f.slot[0]), good = *word;
  *word = good + TRI_COUNT_ONE;
  TRI_CHECK_EQ(findings(), 1);
  *word = good | UINT64_C(1) << 3; // root outside a collection
  TRI_CHECK_EQ(findings(), 1);
  *word = good | TRI_COUNT_DEAD;
  TRI_CHECK_EQ(findings(), 1);
  *word = good;
  TRI_CHECK_EQ(findings(), 0);
  TRI_FRAME_POP(m, f);
  destroy();
}

int main(void) {
  collector = tri_collector_find("zerocount");
  roots_are_scanned();
  clears_a_deep_list();
  leaks_cycles();
  collects_at_the_limit();
  counts_stick();
  clears_weak_references_and_queues_finalizable_objects();
  verify_finds_what_is_planted();
  return 0;
}
