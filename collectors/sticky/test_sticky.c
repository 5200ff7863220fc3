// sticky's own paths: each call that can make an old object refer to a young one, weak objects of both
// generations, the remembered set without memory, what minor collections keep and full ones free, and several
// mutators. What mark-sweep collectors share is tested in common/, what every collector has to do in
// collectors/test.
#include "test/own.h"

static void collect(enum tri_collect_kind kind) {
  check_heap(); // sees what the barrier has left out
  TRI_CHECK_EQ(tri_collect(m, kind), TRI_OK);
  check_heap();
}

static tri_ref node(struct tri_mutator *by, uint64_t id, size_t n_bytes) { return labelled(by, 3, n_bytes, id); }

static void check_node(tri_ref object, uint64_t id, unsigned generation) {
  TRI_CHECK_EQ(check_labelled(object, id).generation, generation);
}

// ---------------------------------------------------------------------------------------------------- old to
// young
//
// The holder is old, the victim young; after the edge is made it is the only one to the victim.

static void by_store(tri_ref holder, tri_ref victim) { tri_store(m, holder, 1, victim); }
static void by_swap(tri_ref holder, tri_ref victim) { tri_swap(m, holder, 1, victim); }
static void by_cas(tri_ref holder, tri_ref victim) { TRI_CHECK(tri_cas(m, holder, 1, TRI_NULL, victim)); }
static void by_copy(tri_ref holder, tri_ref victim) {
  tri_ref young = node(m, 3, 8);
  tri_init(m, young, 2, victim);
  tri_copy(m, holder, 1, young, 2, 1);
}
static void by_fill(tri_ref holder, tri_ref victim) { tri_fill(m, holder, 0, 3, victim); }

static void (*const edges[])(tri_ref holder, tri_ref victim) = {by_store, by_swap, by_cas, by_copy, by_fill};

static void test_edges(const char *options) {
  create(options);
  static const size_t sizes[] = {8, 20000};
  for (size_t e = 0; e < sizeof edges / sizeof *edges; e++)
    for (size_t k = 0; k < 4; k++) {
      TRI_FRAME(m, f, 2);
      tri_root_set(m, &f.slot[0], node(m, 1, sizes[k % 2]));
      collect(TRI_COLLECT_MINOR);
      check_node(f.slot[0], 1, 1);
      for (uint64_t i = 0; i < 3; i++) { // recorded anew each time
        tri_root_set(m, &f.slot[1], node(m, 10 + i, sizes[k / 2]));
        check_node(f.slot[1], 10 + i, 0);
        tri_store(m, f.slot[0], 1, TRI_NULL);
        edges[e](f.slot[0], f.slot[1]);
        tri_root_set(m, &f.slot[1], TRI_NULL);
        collect(i == 2 ? TRI_COLLECT_FULL : TRI_COLLECT_MINOR);
        check_node(tri_load(m, f.slot[0], 1), 10 + i, 1);
      }
      TRI_FRAME_POP(m, f);
      collect(TRI_COLLECT_MINOR);
      TRI_CHECK_GE(stats().live_objects, 2); // old garbage, which the full collection finds
      collect(TRI_COLLECT_FULL);
      TRI_CHECK_EQ(stats().live_objects, 0);
    }
  destroy();
}

// Weak references and ephemerons in all generations, with any number of minor collections between full ones:
// an old one must be looked at in a minor collection if it was set since, and in each full one.
static void test_weak(void) {
  create("heap=1m");
  TRI_FRAME(m, f, 4);
  tri_root_set(m, &f.slot[0], tri_weak_new(m));
  tri_root_set(m, &f.slot[1], tri_ephemeron_new(m));
  for (unsigned round = 0; round < 40; round++) {
    for (unsigned minors = round % 4; minors > 0; minors--) collect(TRI_COLLECT_MINOR);
    if (round & 1) collect(TRI_COLLECT_FULL);
    enum tri_collect_kind kind = round & 4 ? TRI_COLLECT_FULL : TRI_COLLECT_MINOR;
    tri_root_set(m, &f.slot[2], node(m, round, 8));
    tri_weak_set(m, f.slot[0], f.slot[2]);
    tri_ref value = node(m, 1000 + round, 8);
    tri_ephemeron_set(m, f.slot[1], f.slot[2], value);
    if (round & 8) { // the targets get old themselves
      collect(kind);
      check_node(tri_weak_get(m, f.slot[0]), round, 1);
      kind = TRI_COLLECT_FULL;
    } else {
      collect(kind);
    }
    check_node(tri_weak_get(m, f.slot[0]), round, 1);
    check_node(tri_ephemeron_key(m, f.slot[1]), round, 1);
    check_node(tri_ephemeron_value(m, f.slot[1]), 1000 + round, 1);
    tri_root_set(m, &f.slot[2], TRI_NULL);
    collect(TRI_COLLECT_MINOR); // the target is old
    TRI_CHECK(!tri_is_null(tri_weak_get(m, f.slot[0])));
    collect(TRI_COLLECT_FULL);
    TRI_CHECK(tri_is_null(tri_weak_get(m, f.slot[0])));
    TRI_CHECK(tri_is_null(tri_ephemeron_value(m, f.slot[1])));
    tri_ref dead = node(m, 5, 8);
    tri_weak_set(m, f.slot[0], dead);
    tri_ephemeron_set(m, f.slot[1], dead, dead);
    collect(TRI_COLLECT_MINOR);
    TRI_CHECK(tri_is_null(tri_weak_get(m, f.slot[0])));
    TRI_CHECK(tri_is_null(tri_ephemeron_key(m, f.slot[1])));
  }
  TRI_FRAME_POP(m, f);
  destroy();
}

// ------------------------------------------------------------------------------------------------ remembered
// set

static bool count_entry(void *context, const struct tri_remembered *entry) {
  (void)entry;
  ++*(size_t *)context;
  return true;
}

// Each object once; and where there is no memory for the set, everything counts as recorded, and the next
// collection is a full one.
static void test_remembered(bool without_memory) {
  create("heap=1m,buffer=1");
  enum { HOLDERS = 50 };
  TRI_FRAME(m, f, HOLDERS);
  for (size_t i = 0; i < HOLDERS; i++) tri_root_set(m, &f.slot[i], node(m, i, 8));
  collect(TRI_COLLECT_MINOR);
  uint64_t full = stats().full_collections;
  tri_ref victims = node(m, 99, 8);
  if (without_memory) tri_os_fail_every(1);
  for (size_t i = 0; i < HOLDERS; i++)
    for (size_t k = 0; k < 3; k++) tri_store(m, f.slot[i], k, victims);
  tri_os_fail_every(0);
  size_t entries = 0;
  TRI_CHECK(tri_each_remembered(heap, count_entry, &entries));
  TRI_CHECK_EQ(entries, HOLDERS);
  collect(TRI_COLLECT_MINOR);
  TRI_CHECK_EQ(stats().full_collections - full, without_memory);
  for (size_t i = 0; i < HOLDERS; i++) check_node(tri_load(m, f.slot[i], i % 3), 99, 1);
  entries = 0;
  tri_each_remembered(heap, count_entry, &entries);
  TRI_CHECK_EQ(entries, 0);
  TRI_FRAME_POP(m, f);
  destroy();
}

// Survivors grow until a full collection is due, by allocation alone.
static void test_growth(void) {
  create("heap=4m");
  TRI_FRAME(m, f, 1);
  for (size_t i = 0; i < 400000; i++) {
    tri_ref object = node(m, i, 8);
    if (i % 6) continue;
    tri_init(m, object, 0, f.slot[0]);
    tri_root_set(m, &f.slot[0], object);
  }
  struct tri_stats s = stats();
  TRI_CHECK_GE(s.full_collections, 1);
  TRI_CHECK_GE(s.collections, 3 * s.full_collections);
  TRI_FRAME_POP(m, f);
  destroy();
  create("heap=1m,grow=0");
  tri_collect(m, TRI_COLLECT_MINOR);
  TRI_CHECK_EQ(stats().full_collections, 1);
  destroy();
}

// -------------------------------------------------------------------------------------------------- mutators

// All put young objects into one old table, and take others' out.
static void exchange(struct tri_mutator *own, tri_ref *slots, struct tri_random *random) {
  size_t at = (size_t)tri_random_below(random, TABLE);
  tri_root_set(own, &slots[1], node(own, at, 8));
  tri_root_set(own, &slots[1], tri_swap(own, slots[0], at, slots[1]));
  if (!tri_is_null(slots[1])) {
    TRI_CHECK_EQ(*(uint64_t *)tri_raw(own, slots[1]), at);
    tri_ref older = tri_load(own, slots[1], 0);
    if (!tri_is_null(older)) TRI_CHECK_EQ(*(uint64_t *)tri_raw(own, older), at);
    tri_ref fresh = node(own, at, 8);
    tri_store(own, slots[1], 0, fresh);
    tri_cas(own, slots[0], at, TRI_NULL, slots[1]);
  }
  switch (tri_random_below(random, 30)) {
  case 0: tri_collect(own, TRI_COLLECT_MINOR); break;
  case 1: tri_collect(own, TRI_COLLECT_FULL); break;
  default: tri_safepoint(own);
  }
}

static void test_mutators(void *options) { share_table(options, exchange); }

static void test_all(void) {
  test_edges("heap=1m");
  test_edges("heap=1m,buffer=1,mark_stack=0");
  test_weak();
  test_remembered(false);
  test_remembered(true);
  test_growth();
  under_schedules(test_mutators, "heap=512k");
  under_schedules(test_mutators, "heap=512k,buffer=2,mark_stack=1,run=2");
}

int main(void) {
  test_with_filling("sticky", test_all);
  return 0;
}
