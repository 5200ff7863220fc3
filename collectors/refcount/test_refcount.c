// refcount's own paths: prompt reclaiming, deep structures, cycles, saturation, weak references, finalizers,
// and a verify that finds what is planted. (Random programs against a model: common/test_counted_heap.c.)
#include <string.h>

#include "common/counted_heap.h"
#include "tricolor/plain.h"
#include "test/own.h"

static void count_report(void *context, const char *text) {
  (void)text;
  ++*(size_t *)context;
}

static size_t findings(void) {
  size_t reported = 0;
  size_t found = tri_verify(heap, &(struct tri_reporter){count_report, &reported});
  TRI_CHECK_EQ(found, reported);
  return found;
}

static uint32_t count_of(tri_ref object) {
  struct tri_object_info info;
  TRI_CHECK_EQ(tri_inspect(heap, object, &info), TRI_OK);
  TRI_CHECK_EQ(info.counted, TRI_COUNT_ALL);
  return info.count;
}

static tri_ref node(size_t n_refs) {
  tri_ref object = tri_alloc(m, TRI_SHAPE(n_refs, 8));
  TRI_CHECK(!tri_is_null(object));
  return object;
}

// -------------------------------------------------------------------------------------------------- counting

static void reclaims_at_the_next_collecting_point(void) {
  create(NULL);
  TRI_FRAME(m, f, 1);
  tri_root_set(m, &f.slot[0], node(1));
  tri_ref child = node(0);
  tri_init(m, f.slot[0], 0, child);
  TRI_CHECK_EQ(count_of(f.slot[0]), 1);
  TRI_CHECK_EQ(count_of(child), 1);
  *(uint64_t *)tri_raw(m, child) = 42;
  tri_store(m, f.slot[0], 0, TRI_NULL);
  TRI_CHECK_EQ(count_of(child), 0); // still good: a C local has it
  TRI_CHECK_EQ(*(uint64_t *)tri_raw(m, child), 42);
  TRI_CHECK_EQ(stats().live_objects, 2);
  tri_safepoint(m);
  TRI_CHECK_EQ(stats().live_objects, 1);
  struct tri_object_info info;
  TRI_CHECK_EQ(tri_inspect(heap, child, &info), TRI_ECORRUPT);
  node(0); // never rooted
  TRI_CHECK_EQ(stats().live_objects, 2);
  node(0);
  TRI_CHECK_EQ(stats().live_objects, 2);
  TRI_CHECK_EQ(stats().collections, 0); // no collection was needed for any of this
  TRI_FRAME_POP(m, f);
  tri_safepoint(m);
  TRI_CHECK_EQ(stats().live_objects, 0);
  destroy();
}

static void takes_back_what_reached_zero(void) {
  create(NULL);
  TRI_FRAME(m, f, 1);
  tri_root_set(m, &f.slot[0], node(2));
  tri_init(m, f.slot[0], 0, node(0));
  tri_ref moved = tri_swap(m, f.slot[0], 0, TRI_NULL);
  TRI_CHECK_EQ(count_of(moved), 0);
  tri_store(m, f.slot[0], 1, moved);
  tri_safepoint(m);
  TRI_CHECK_EQ(count_of(tri_load(m, f.slot[0], 1)), 1);
  TRI_CHECK_EQ(stats().live_objects, 2);
  TRI_CHECK_EQ(findings(), 0);
  TRI_FRAME_POP(m, f);
  destroy();
}

// A list of a million cells dies without recursion and without taking memory.
static void frees_a_deep_list(void) {
  enum { CELLS = 1000000 };
  create("heap=128m");
  TRI_FRAME(m, f, 1);
  make_list(&f.slot[0], CELLS);
  TRI_CHECK_EQ(stats().live_objects, CELLS);
  uint64_t metadata = stats().metadata_bytes;
  tri_root_set(m, &f.slot[0], TRI_NULL);
  tri_safepoint(m);
  TRI_CHECK_EQ(stats().live_objects, 0);
  TRI_CHECK_EQ(stats().freed_objects, CELLS);
  TRI_CHECK_LE(stats().metadata_bytes, metadata + 4096);
  TRI_FRAME_POP(m, f);
  destroy();
}

static void counts_stick(void) {
  create("count_bits=4");
  TRI_CHECK(!tri_has(heap, TRI_CAP_EXACT));
  TRI_FRAME(m, f, 2);
  tri_root_set(m, &f.slot[0], node(20));
  tri_root_set(m, &f.slot[1], node(0));
  struct tri_object_info info;
  for (size_t i = 0; i < 13; i++) tri_store(m, f.slot[0], i, f.slot[1]);
  TRI_CHECK_EQ(count_of(f.slot[1]), 14);
  tri_store(m, f.slot[0], 0, TRI_NULL);
  TRI_CHECK_EQ(count_of(f.slot[1]), 13);
  tri_fill(m, f.slot[0], 0, 20, f.slot[1]);
  TRI_CHECK_EQ(tri_inspect(heap, f.slot[1], &info), TRI_OK);
  TRI_CHECK_EQ(info.counted, TRI_COUNT_STUCK);
  TRI_CHECK_EQ(info.count, 15);
  tri_fill(m, f.slot[0], 0, 20, TRI_NULL);
  tri_root_set(m, &f.slot[1], TRI_NULL);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK_EQ(stats().live_objects, 2); // kept for good
  TRI_CHECK_EQ(findings(), 0);
  TRI_FRAME_POP(m, f);
  destroy();
}

// ---------------------------------------------------------------------------------------------------- cycles

static void drop_rings(int n, int length) {
  TRI_FRAME(m, f, 2);
  for (int i = 0; i < n; i++) {
    tri_root_set(m, &f.slot[0], node(1));
    tri_root_set(m, &f.slot[1], f.slot[0]);
    for (int k = 1; k < length; k++) {
      tri_ref next = node(1);
      tri_init(m, next, 0, f.slot[1]);
      tri_root_set(m, &f.slot[1], next);
    }
    tri_store(m, f.slot[0], 0, f.slot[1]);
  }
  TRI_FRAME_POP(m, f);
}

static void reclaims_cycles(void) {
  create(NULL);
  drop_rings(10, 1);
  drop_rings(10, 7);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK_EQ(stats().live_objects, 0);
  TRI_CHECK_EQ(stats().collections, 1);
  destroy();
}

static void leaks_cycles_without_cycle_collection(void) {
  create("cycles=off");
  TRI_CHECK(!tri_has(heap, TRI_CAP_CYCLES) && tri_has(heap, TRI_CAP_EXACT));
  drop_rings(10, 7);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK_EQ(stats().live_objects, 70);
  TRI_CHECK_EQ(findings(), 0);
  destroy();
}

// Both triggers: the number of possible roots, and the limit.
static void collects_cycles_unasked(void) {
  create("roots=16");
  drop_rings(1000, 3);
  TRI_CHECK_GE(stats().collections, 1000 / 16 - 1);
  TRI_CHECK_LE(stats().live_objects, 3 * 17 + 3);
  destroy();
  create("heap=1m");
  drop_rings(10000, 7);
  TRI_CHECK_GE(stats().collections, 1);
  destroy();
}

// One ring of a million: trial deletion without recursion; and with a mark stack that overflows.
static void reclaims_a_deep_cycle(void) {
  create("heap=128m");
  drop_rings(1, 1000000);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK_EQ(stats().live_objects, 0);
  destroy();
  create("heap=1m,mark_stack=0");
  drop_rings(1, 500);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK_EQ(stats().live_objects, 0);
  TRI_CHECK_GE(stats().mark_stack_overflows, 500);
  destroy();
}

// A suspected object whose subgraph turns out to live gets all counts back; with every small mark stack, so
// that objects that wait for room are blackened meanwhile.
static void restores_counts(void) {
  for (int stack = 0; stack < 8; stack++) {
    char options[40];
    snprintf(options, sizeof options, "mark_stack=%d", stack);
    create(options);
    TRI_FRAME(m, f, 2);
    tri_root_set(m, &f.slot[0], node(6)); // the suspect: refers to itself and to a fan
    tri_root_set(m, &f.slot[1], node(6)); // lives: refers to the same fan
    tri_store(m, f.slot[0], 0, f.slot[0]);
    for (size_t i = 1; i < 5; i++) {
      tri_ref spoke = node(6);
      tri_store(m, f.slot[0], i, spoke);
      for (size_t k = 0; k < i; k++) tri_store(m, spoke, k, tri_load(m, f.slot[0], k));
      if (i != 3) tri_store(m, f.slot[1], i, spoke);
    }
    tri_store(m, tri_load(m, f.slot[0], 2), 5, f.slot[1]);
    tri_store(m, f.slot[0], 5, f.slot[1]);
    tri_root_set(m, &f.slot[0], TRI_NULL);
    TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
    TRI_CHECK_EQ(findings(), 0);
    tri_root_set(m, &f.slot[1], TRI_NULL);
    TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
    TRI_CHECK_EQ(stats().live_objects, 0);
    TRI_FRAME_POP(m, f);
    destroy();
  }
}

// ------------------------------------------------------------------------------------------ weak, finalizers

static void clears_weak_references(void) {
  create(NULL);
  TRI_FRAME(m, f, 4);
  for (int i = 0; i < 3; i++) tri_root_set(m, &f.slot[i], tri_weak_new(m));
  tri_root_set(m, &f.slot[3], node(1));
  for (int i = 0; i < 3; i++) tri_weak_set(m, f.slot[i], f.slot[3]);
  TRI_CHECK_EQ(count_of(f.slot[3]), 1);
  tri_root_set(m, &f.slot[1], TRI_NULL); // the middle of the list
  tri_safepoint(m);
  TRI_CHECK(tri_same(m, tri_weak_get(m, f.slot[2]), f.slot[3]));
  TRI_CHECK_EQ(findings(), 0);
  tri_root_set(m, &f.slot[3], TRI_NULL);
  TRI_CHECK(!tri_is_null(tri_weak_get(m, f.slot[0]))); // not yet collected
  tri_safepoint(m);
  TRI_CHECK(tri_is_null(tri_weak_get(m, f.slot[0])) && tri_is_null(tri_weak_get(m, f.slot[2])));
  TRI_CHECK_EQ(stats().weak_cleared, 2);
  tri_root_set(m, &f.slot[3], node(1)); // a target in a garbage cycle
  tri_store(m, f.slot[3], 0, f.slot[3]);
  tri_weak_set(m, f.slot[0], f.slot[3]);
  tri_root_set(m, &f.slot[3], TRI_NULL);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK(tri_is_null(tri_weak_get(m, f.slot[0])));
  TRI_FRAME_POP(m, f);
  destroy();
}

// One that dies by its count, and one in a garbage cycle: queued once, weak references cleared before,
// intact.
static void queues_finalizable_objects(bool cyclic) {
  create(NULL);
  TRI_FRAME(m, f, 3);
  tri_root_set(m, &f.slot[0], tri_weak_new(m));
  tri_root_set(m, &f.slot[1], node(2));
  tri_init(m, f.slot[1], 0, node(0));
  if (cyclic) tri_store(m, f.slot[1], 1, f.slot[1]);
  tri_weak_set(m, f.slot[0], f.slot[1]);
  TRI_CHECK_EQ(tri_finalizer_add(m, f.slot[1], 7), TRI_OK);
  TRI_CHECK_EQ(tri_finalizer_add(m, f.slot[1], 8), TRI_OK);
  tri_root_set(m, &f.slot[1], TRI_NULL);
  uint64_t cookie;
  TRI_CHECK(tri_is_null(tri_finalizer_next(m, &cookie)));
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK_EQ(findings(), 0);
  TRI_CHECK(tri_is_null(tri_weak_get(m, f.slot[0])));
  TRI_CHECK_EQ(stats().live_objects, 3);
  TRI_CHECK_EQ(stats().finalizers_pending, 2);
  tri_ref object = tri_finalizer_next(m, &cookie);
  TRI_CHECK_EQ(cookie, 7);
  TRI_CHECK(!tri_is_null(tri_load(m, object, 0)));
  TRI_CHECK(tri_same(m, object, tri_finalizer_next(m, &cookie)));
  TRI_CHECK_EQ(cookie, 8);
  TRI_CHECK(tri_is_null(tri_finalizer_next(m, &cookie)));
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK_EQ(stats().live_objects, 1);
  TRI_FRAME_POP(m, f);
  destroy();
}

// -------------------------------------------------------------------------------------------- memory, verify

static void fill_and_drop(struct tri_shape shape) {
  TRI_FRAME(m, f, 1);
  size_t n = 0;
  for (tri_ref object; !tri_is_null(object = tri_alloc(m, shape)); n++) {
    tri_init(m, object, 0, f.slot[0]);
    tri_root_set(m, &f.slot[0], object);
  }
  TRI_CHECK_EQ(m->status, TRI_ENOMEM);
  TRI_CHECK_GE(n * tri_object_bytes(shape), (1 << 20) / 2);
  TRI_CHECK_EQ(findings(), 0);
  TRI_FRAME_POP(m, f);
}

// What one size has freed serves any other.
static void memory_changes_its_use(void) {
  create("heap=1m");
  static const size_t bytes[] = {16, 100000, 3000, 48, 9000, 200, 500000};
  for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) fill_and_drop(TRI_SHAPE(1, bytes[i]));
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_COMPACT), TRI_OK);
  struct tri_stats s = stats();
  TRI_CHECK_EQ(s.live_bytes + s.free_bytes, 0);
  TRI_CHECK_EQ(s.released_bytes + s.metadata_bytes, s.mapped_bytes);
  destroy();
}

// The k-th request for memory fails, for every k until a heap can be made.
static void creation_survives_out_of_memory(void) {
  struct tri_os_usage before = tri_os_usage();
  struct tri_heap *heap;
  uint64_t k = 0;
  enum tri_status status;
  do {
    tri_os_fail_at(++k);
    status = tri_heap_create(tri_collector_find("refcount"), NULL, &heap);
    tri_os_fail_at(0);
    TRI_CHECK_EQ(status == TRI_OK, heap != NULL);
    if (status == TRI_OK) tri_heap_destroy(heap);
    TRI_CHECK_EQ(tri_os_usage().metadata_blocks, before.metadata_blocks);
    TRI_CHECK_EQ(tri_os_usage().reserved_bytes, before.reserved_bytes);
  } while (status == TRI_ENOMEM);
  TRI_CHECK_EQ(status, TRI_OK);
  TRI_CHECK_GE(k, 4);
}

static void verify_finds_what_is_planted(void) {
  create(NULL);
  TRI_FRAME(m, f, 3);
  for (int i = 0; i < 2; i++) tri_root_set(m, &f.slot[i], node(1));
  tri_root_set(m, &f.slot[2], tri_weak_new(m));
  tri_store(m, f.slot[0], 0, f.slot[1]);
  tri_store(m, f.slot[0], 0, TRI_NULL); // slot[1]'s is purple now
  TRI_CHECK_EQ(findings(), 0);
  uint64_t *word = tri_count_word(f.slot[1]), good = *word;
  for (int bit = 1; bit < 40; bit++) { // a flag, the index, the count
    *word = good ^ UINT64_C(1) << bit;
    if (bit != 2 && bit != 5) TRI_CHECK_GE(findings(), 1); // finalizable, green: nobody can tell here
    *word = good;
  }
  tri_slot(f.slot[0], 0)->bits = f.slot[1].bits; // a store without barrier
  TRI_CHECK_EQ(findings(), 1);
  tri_slot(f.slot[0], 0)->bits = f.slot[1].bits + 8; // no object
  TRI_CHECK_EQ(findings(), 1);
  tri_slot(f.slot[0], 0)->bits = 0;
  tri_slot(f.slot[2], 0)->bits = f.slot[0].bits; // a weak reference that no list knows
  TRI_CHECK_EQ(findings(), 1);
  tri_slot(f.slot[2], 0)->bits = 0;
  TRI_CHECK_EQ(findings(), 0);
  TRI_FRAME_POP(m, f);
  destroy();
}

int main(void) {
  collector = tri_collector_find("refcount");
  reclaims_at_the_next_collecting_point();
  takes_back_what_reached_zero();
  frees_a_deep_list();
  counts_stick();
  reclaims_cycles();
  leaks_cycles_without_cycle_collection();
  collects_cycles_unasked();
  reclaims_a_deep_cycle();
  restores_counts();
  clears_weak_references();
  queues_finalizable_objects(false);
  queues_finalizable_objects(true);
  memory_changes_its_use();
  creation_survives_out_of_memory();
  verify_finds_what_is_planted();
  return 0;
}
