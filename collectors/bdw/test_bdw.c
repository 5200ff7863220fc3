// bdw's own paths: many heaps after each other with changing limits, stamps that run out, weak references
// that only finalization reaches, blocks that libgc does not sweep.
#include <stdlib.h>

#include "test/own.h"

static void create_limited(size_t limit) {
  char options[40];
  snprintf(options, sizeof options, "heap=%zu", limit);
  create(options);
}

// Each heap is empty at first and gives most of its limit, however large the ones before it were.
static void test_limits(void) {
  static const size_t limits[] = {1 << 20, 16 << 20, 512 << 10, 4 << 20, 600000, 32 << 20, 1 << 20};
  for (size_t i = 0; i < 4 * sizeof limits / sizeof *limits; i++) {
    size_t limit = limits[i % (sizeof limits / sizeof *limits)], bytes = i % 2 ? 40 : 3000, given = 0;
    create_limited(limit);
    TRI_CHECK_EQ(check_heap().live_objects, 0);
    TRI_FRAME(m, f, 1);
    for (tri_ref object; !tri_is_null(object = tri_alloc(m, TRI_SHAPE(1, bytes))); given += bytes) {
      tri_init(m, object, 0, f.slot[0]);
      tri_root_set(m, &f.slot[0], object);
    }
    TRI_CHECK_LE(given, limit);
    TRI_CHECK_GE(given, limit / 2);
    check_heap();
    TRI_FRAME_POP(m, f);
    drop();
  }
}

static void test_many(void) {
  for (int i = 0; i < 3000; i++) {
    create_limited(i % 7 ? 1 << 20 : 2 << 20);
    TRI_FRAME(m, f, 1);
    for (int k = 0; k < 50; k++)
      tri_root_set(m, &f.slot[0], tri_alloc(m, TRI_SHAPE((size_t)k % 3, (size_t)k * 9)));
    TRI_CHECK(!tri_is_null(f.slot[0]));
    TRI_FRAME_POP(m, f);
    drop();
  }
}

enum { KEPT = 64 };

// Objects of all ages, through more collections than there are stamps; garbage of all ages is never seen
// again.
static void test_stamps(struct tri_random *random) {
  create_limited(2 << 20);
  TRI_FRAME(m, f, KEPT);
  for (int round = 0; round < 300; round++) {
    for (int k = 0; k < 200; k++) {
      tri_ref object = tri_alloc(m, TRI_SHAPE(2, 8 * tri_random_below(random, 12)));
      TRI_CHECK(!tri_is_null(object));
      size_t i = tri_random_below(random, KEPT);
      tri_init(m, object, 0, f.slot[tri_random_below(random, KEPT)]);
      if (tri_random_below(random, 8) == 0) tri_root_set(m, &f.slot[i], object);
    }
    // Chains would keep everything: cut them.
    for (size_t i = 0; i < KEPT; i++)
      if (!tri_is_null(f.slot[i])) tri_store(m, f.slot[i], 0, TRI_NULL);
    TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
    TRI_CHECK_LE(check_heap().live_objects, KEPT + 4);
  }
  TRI_FRAME_POP(m, f);
  drop();
}

// A weak reference inside of a finalizable object survives with it, still knows its target, and loses it
// later.
static void test_weak_behind_finalizer(void) {
  create_limited(1 << 20);
  TRI_FRAME(m, f, 3);
  tri_root_set(m, &f.slot[0], tri_alloc(m, TRI_SHAPE(1, 0)));
  tri_root_set(m, &f.slot[1], tri_weak_new(m));
  tri_root_set(m, &f.slot[2], tri_alloc(m, TRI_SHAPE(0, 8)));
  tri_store(m, f.slot[0], 0, f.slot[1]);
  tri_weak_set(m, f.slot[1], f.slot[2]);
  TRI_CHECK_EQ(tri_finalizer_add(m, f.slot[0], 5), TRI_OK);
  tri_root_set(m, &f.slot[0], TRI_NULL);
  tri_root_set(m, &f.slot[1], TRI_NULL);
  tri_collect(m, TRI_COLLECT_FULL);
  uint64_t cookie;
  tri_root_set(m, &f.slot[0], tri_finalizer_next(m, &cookie));
  TRI_CHECK(!tri_is_null(f.slot[0]));
  TRI_CHECK_EQ(cookie, 5);
  TRI_CHECK(tri_same(m, tri_weak_get(m, tri_load(m, f.slot[0], 0)), f.slot[2]));
  tri_root_set(m, &f.slot[2], TRI_NULL);
  tri_collect(m, TRI_COLLECT_FULL);
  TRI_CHECK(tri_is_null(tri_weak_get(m, tri_load(m, f.slot[0], 0))));
  TRI_FRAME_POP(m, f);
  drop();
}

// Nearly full blocks are not swept; their garbage is gone all the same, and its memory in the end.
static void test_nearly_full(void) {
  create_limited(1 << 20);
  for (int round = 0; round < 40; round++) {
    enum { N = 4000 };
    static struct tri_handle *kept[N];
    for (size_t i = 0; i < N; i++) {
      tri_ref object = tri_alloc(m, TRI_SHAPE(1, 8));
      TRI_CHECK(!tri_is_null(object));
      kept[i] = i % 16 ? tri_handle_new(m, object) : NULL;
    }
    tri_collect(m, TRI_COLLECT_FULL);
    TRI_CHECK_LE(check_heap().live_objects, N - N / 16 + 4);
    for (size_t i = 0; i < N; i++)
      if (kept[i]) tri_handle_free(m, kept[i]);
  }
  drop();
}

// Each request for memory fails once; heap and program go on.
static void test_injection(void) {
  for (uint64_t k = 1; k < 60; k++) {
    struct tri_heap_params params = {.options = "heap=1m"};
    tri_os_fail_at(k);
    if (tri_heap_create(collector, &params, &heap) != TRI_OK) continue;
    if (tri_attach(heap, &m) != TRI_OK) {
      tri_heap_destroy(heap);
      continue;
    }
    TRI_FRAME(m, f, 2);
    for (size_t i = 0; i < 100; i++) {
      tri_root_set(m, &f.slot[0], tri_alloc(m, TRI_SHAPE(1, i * 40)));
      tri_root_set(m, &f.slot[1], tri_weak_new(m));
      if (!tri_is_null(f.slot[0]) && !tri_is_null(f.slot[1])) tri_weak_set(m, f.slot[1], f.slot[0]);
      if (!tri_is_null(f.slot[0])) (void)tri_finalizer_add(m, f.slot[0], i);
    }
    tri_os_fail_at(0);
    TRI_CHECK(!tri_is_null(tri_alloc(m, TRI_SHAPE(1, 8))));
    check_heap();
    TRI_FRAME_POP(m, f);
    drop();
  }
  tri_os_fail_at(0);
}

int main(int argc, char **argv) {
  struct tri_random random = {argc > 1 ? strtoull(argv[1], NULL, 0) : 1};
  printf("seed %llu\n", (unsigned long long)random.state);
  struct tri_os_usage before = tri_os_usage();
  collector = tri_collector_find("bdw");
  test_limits();
  test_many();
  test_stamps(&random);
  test_weak_behind_finalizer();
  test_nearly_full();
  test_injection();
  TRI_CHECK_EQ(tri_os_usage().metadata_blocks, before.metadata_blocks);
  return 0;
}
