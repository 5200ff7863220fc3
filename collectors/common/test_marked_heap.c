// What the mark-sweep collectors share, on each of them: mark stack overflow (with weak references and
// ephemerons among the objects), memory going from one space to the other and back to the system, the
// limit, failing system calls, and several mutators; and of marksweep the lazy sweep. What every collector
// has to do is tested elsewhere.
#include "test/own.h"

// -------------------------------------------------------------------------------- overflow

enum { WIDTH = 5 };

// A tree whose inner objects have different sizes; every level also hangs on a weak reference and an
// ephemeron.
static tri_ref make_tree(int depth) {
  TRI_FRAME(m, f, 2);
  tri_root_set(m, &f.slot[0], tri_alloc(m, TRI_SHAPE(WIDTH + 2, 8 * (size_t)depth)));
  TRI_CHECK(!tri_is_null(f.slot[0]));
  *(uint64_t *)tri_raw(m, f.slot[0]) = (uint64_t)depth;
  for (size_t i = 0; depth > 1 && i < WIDTH; i++) {
    tri_root_set(m, &f.slot[1], make_tree(depth - 1));
    tri_store(m, f.slot[0], i, f.slot[1]);
  }
  tri_root_set(m, &f.slot[1], tri_weak_new(m));
  tri_weak_set(m, f.slot[1], f.slot[0]);
  tri_store(m, f.slot[0], WIDTH, f.slot[1]);
  tri_root_set(m, &f.slot[1], tri_ephemeron_new(m));
  tri_store(m, f.slot[0], WIDTH + 1, f.slot[1]);
  tri_ref value = tri_alloc(m, TRI_SHAPE(1, 24));
  tri_ephemeron_set(m, f.slot[1], f.slot[0], value); // the value is held through the ephemeron only
  tri_ref tree = f.slot[0];
  TRI_FRAME_POP(m, f);
  return tree;
}

static size_t check_tree(tri_ref tree, int depth) {
  size_t n = 4;
  TRI_CHECK_EQ(*(uint64_t *)tri_raw(m, tree), depth);
  TRI_CHECK(tri_same(m, tri_weak_get(m, tri_load(m, tree, WIDTH)), tree));
  tri_ref ephemeron = tri_load(m, tree, WIDTH + 1);
  TRI_CHECK(tri_same(m, tri_ephemeron_key(m, ephemeron), tree));
  TRI_CHECK_EQ(tri_shape_bytes(tri_shape(m, tri_ephemeron_value(m, ephemeron))), 24);
  for (size_t i = 0; depth > 1 && i < WIDTH; i++) n += check_tree(tri_load(m, tree, i), depth - 1);
  return n;
}

// A chain of ephemerons, each one's value the next one's key, in a node that lists them in reverse.
enum { CHAIN = 100 };

static void test_overflow(const char *options, bool overflows) {
  create(options);
  TRI_FRAME(m, f, 4);
  tri_root_set(m, &f.slot[0], make_tree(6));
  tri_root_set(m, &f.slot[1], tri_alloc(m, TRI_SHAPE(CHAIN, 0)));
  tri_root_set(m, &f.slot[2], tri_alloc(m, TRI_SHAPE(0, 8))); // the first key
  tri_root_set(m, &f.slot[3], f.slot[2]);
  for (size_t i = CHAIN; i-- > 0;) {
    tri_store(m, f.slot[1], i, tri_ephemeron_new(m));
    tri_ref value = tri_alloc(m, TRI_SHAPE(0, 8));
    tri_ephemeron_set(m, tri_load(m, f.slot[1], i), f.slot[3], value);
    tri_root_set(m, &f.slot[3], value);
  }
  tri_root_set(m, &f.slot[3], TRI_NULL);
  TRI_CHECK_EQ(tri_finalizer_add(m, f.slot[0], 7), TRI_OK);
  size_t tree = check_tree(f.slot[0], 6), chain = 2 * CHAIN + 2;
  TRI_CHECK_EQ(live_objects(), tree + chain);
  TRI_CHECK_EQ(live_objects(), tree + chain);
  check_tree(f.slot[0], 6);
  TRI_CHECK(tri_is_null(tri_finalizer_next(m, NULL)));

  tri_root_set(m, &f.slot[2], TRI_NULL); // no key: no chain
  TRI_CHECK_EQ(live_objects(), tree + CHAIN + 1);
  TRI_CHECK_EQ(check_heap().weak_cleared, CHAIN);
  tri_root_set(m, &f.slot[1], TRI_NULL);
  tri_root_set(m, &f.slot[0], TRI_NULL); // the finalizer keeps the tree once more
  TRI_CHECK_EQ(live_objects(), tree);
  TRI_CHECK_EQ(live_objects(), tree); // and for as long as it is queued
  uint64_t cookie;
  tri_ref last = tri_finalizer_next(m, &cookie);
  TRI_CHECK_EQ(cookie, 7);
  TRI_CHECK_EQ(check_tree(last, 6), tree);
  struct tri_stats s = check_heap();
  TRI_CHECK_EQ(s.mark_stack_overflows != 0, overflows);
  TRI_CHECK_EQ(s.finalizers_pending, 0);
  TRI_CHECK_EQ(live_objects(), 0);
  TRI_FRAME_POP(m, f);
  destroy();
}

// -------------------------------------------------------------------------------- memory

static tri_ref node(size_t n_bytes) { return tri_alloc(m, TRI_SHAPE(1, n_bytes)); }

// A list of objects until the heap is full; its length.
static size_t fill(tri_ref *list, size_t n_bytes) {
  size_t n = 0;
  for (tri_ref object; object = node(n_bytes), !tri_is_null(object); n++) {
    tri_init(m, object, 0, *list);
    tri_root_set(m, list, object);
  }
  TRI_CHECK_EQ(m->status, TRI_ENOMEM);
  return n;
}

static void test_memory_moves_between_sizes(const char *options) {
  create(options);
  TRI_FRAME(m, f, 1);
  static const size_t sizes[] = {8, 100000, 40, 3000, 900000, 200, 8100, 8200, 8};
  struct tri_stats s = check_heap();
  for (size_t round = 0; round < 2; round++)
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
      tri_root_set(m, &f.slot[0], TRI_NULL);
      size_t n = fill(&f.slot[0], sizes[k]);
      s = check_heap();
      TRI_CHECK_EQ(s.live_objects, n);
      // Within a block, or one object.
      TRI_CHECK_GE(s.live_bytes + (16 << 10) + sizes[k] + s.limit_bytes / 16, s.limit_bytes);
    }
  tri_root_set(m, &f.slot[0], TRI_NULL);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_COMPACT), TRI_OK);
  s = check_heap();
  TRI_CHECK_EQ(s.live_objects, 0);
  TRI_CHECK_EQ(s.free_bytes, 0);
  TRI_CHECK_GE(s.released_bytes, s.limit_bytes - (16 << 10));
  fill(&f.slot[0], 50);
  TRI_FRAME_POP(m, f);
  destroy();
}

// An allocation that collects returns before the sweep; the rest is swept as blocks are wanted.
static bool ended_lazily;
static void note_end(void *context, struct tri_heap *of, const struct tri_event *event) {
  (void)context, (void)of;
  if (event->kind == TRI_EVENT_COLLECTION_END) ended_lazily = event->b == 0;
}

static void test_lazy_sweep(void) {
  create_with((struct tri_heap_params){.options = "heap=1m", .sink = {note_end, NULL}});
  while (heap->epoch == 0) TRI_CHECK(!tri_is_null(node(40)));
  TRI_CHECK(ended_lazily);
  struct tri_stats before, after;
  tri_stats_get(heap, &before, sizeof before);
  for (int i = 0; i < 1000; i++) node(40); // 55 kB: a few blocks
  TRI_CHECK_EQ(heap->epoch, 1);
  tri_stats_get(heap, &after, sizeof after);
  TRI_CHECK_GE(after.freed_objects, before.freed_objects + 500);
  TRI_CHECK_GE(after.live_bytes, 800 << 10); // most garbage is still there
  check_heap();                              // verify sweeps
  tri_stats_get(heap, &after, sizeof after);
  TRI_CHECK_LE(after.live_bytes, 100 << 10);
  tri_collect(m, TRI_COLLECT_FULL);
  TRI_CHECK(!ended_lazily);
  destroy();
}

// Small and large objects, some of them kept in lists.
static void fill_with_lists(void) {
  TRI_FRAME(m, f, 1);
  for (size_t i = 0; i < 3000; i++) {
    tri_ref object = node(i % 100 == 0 ? 20000 : i % 7 * 30);
    if (tri_is_null(object)) {
      TRI_CHECK_EQ(m->status, TRI_ENOMEM);
      continue;
    }
    if (i % 3) continue;
    tri_init(m, object, 0, f.slot[0]);
    tri_root_set(m, &f.slot[0], i % 500 ? object : TRI_NULL);
  }
  check_heap();
  TRI_FRAME_POP(m, f);
}

static void test_inspect(void) {
  create("heap=1m");
  TRI_FRAME(m, f, 2);
  tri_root_set(m, &f.slot[0], node(8));
  tri_root_set(m, &f.slot[1], node(50000));
  struct tri_object_info info;
  struct tri_random random = {1};
  for (int k = 0; k < 2; k++) {
    tri_ref object = f.slot[k];
    TRI_CHECK_EQ(tri_inspect(heap, object, &info), TRI_OK);
    TRI_CHECK(tri_shape_equal(info.shape, tri_shape(m, object)));
    TRI_CHECK_EQ(info.start, object.bits - TRI_TAG_BYTES);
    for (int i = -64; i <= 64; i++)
      if (i) TRI_CHECK_EQ(tri_inspect(heap, (tri_ref){object.bits + (uintptr_t)i}, &info), TRI_ECORRUPT);
    for (int i = 0; i < 1000; i++) { // anything near, and anything at all
      tri_inspect(heap, (tri_ref){object.bits - 100000 + tri_random_below(&random, 10000000)}, &info);
      tri_inspect(heap, (tri_ref){tri_random_next(&random) >> tri_random_below(&random, 64)}, &info);
    }
  }
  TRI_FRAME_POP(m, f);
  destroy();
}

// -------------------------------------------------------------------------------- mutators

static void test_mutators(void *options) { churn(options, 1); }

static void test_one(void) {
  test_overflow("heap=8m", false);
  test_overflow("heap=8m,mark_stack=0", true);
  test_overflow("heap=8m,mark_stack=1", true);
  test_overflow("heap=8m,mark_stack=10,run=1", true);
  test_memory_moves_between_sizes("heap=2m");
  test_memory_moves_between_sizes("heap=2m,run=3");
  under_failing_system("heap=256k", fill_with_lists);
  test_inspect();
  under_schedules(test_mutators, "heap=512k");
  under_schedules(test_mutators, "heap=8m,run=2,mark_stack=2");
}

static void test_all(void) {
  static const char *const names[] = {"yuasa", "sticky", "marksweep"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    collector = tri_collector_find(names[i]);
    test_one();
  }
  test_lazy_sweep();
  test_memory_moves_between_sizes("heap=2m,lazy=off");
}

int main(void) {
  test_all();
  tri_poison_set_filling(true);
  test_all();
  return 0;
}
