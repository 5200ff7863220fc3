// go's own paths: the snapshot under each option, marking without memory for its buffers, large objects that
// are marked in parts, cells that are used again, pages that a sweep gives back, and the pace. Its modules
// have tests of their own.
#include "go/heap.h"
#include "test/abort.h"
#include "test/snapshot.h"

// -------------------------------------------------------------------------------- spans

// Objects of all sizes around the limits of classes and layouts come back as they were, also in cells that
// others have left: shapes, zeroed contents, payloads.
static void test_sizes(const char *options) {
  enum { KEPT = 64 };
  static const size_t limits[] = {0,    8,    16,    64,    512,   520,   1024,
                                  2048, 8192, 32752, 32760, 32768, 32776, 65536};
  create(options);
  TRI_FRAME(m, f, KEPT);
  struct tri_shape shape[KEPT] = {{0}};
  struct tri_random random = {5};
  for (size_t i = 0; i < 1000; i++) {
    size_t at = (size_t)tri_random_below(&random, KEPT);
    size_t bytes = limits[tri_random_below(&random, sizeof limits / sizeof *limits)] +
                   (size_t)tri_random_below(&random, 9);
    size_t refs = (size_t)tri_random_below(&random, 3) ? (size_t)tri_random_below(&random, bytes / 8 + 1) : 0;
    struct tri_shape made = TRI_SHAPE(refs, bytes - refs * 8);
    tri_ref object = tri_alloc(m, made);
    TRI_CHECK(!tri_is_null(object));
    tri_root_set(m, &f.slot[at], object);
    shape[at] = made;
    for (size_t k = 0; k < refs; k += refs < 100 ? 1 : 17) TRI_CHECK(tri_is_null(tri_load(m, object, k)));
    unsigned char *payload = tri_raw(m, object);
    for (size_t k = 0; k < bytes - refs * 8; k += bytes < 600 ? 1 : 61) {
      TRI_CHECK_EQ(payload[k], 0);
      payload[k] = (unsigned char)(at + k);
    }
    if (refs) tri_store(m, object, refs - 1, f.slot[tri_random_below(&random, KEPT)]);
    at = (size_t)tri_random_below(&random, KEPT);
    if (tri_is_null(f.slot[at])) continue;
    TRI_CHECK_EQ(tri_shape(m, f.slot[at]).tag, shape[at].tag);
    payload = tri_raw(m, f.slot[at]);
    for (size_t k = 0; k < tri_shape_bytes(shape[at]); k += tri_shape_extent(shape[at]) < 600 ? 1 : 61)
      TRI_CHECK_EQ(payload[k], (unsigned char)(at + k));
    if (i % 200 == 0) check_heap();
  }
  TRI_FRAME_POP(m, f);
  TRI_CHECK_EQ(live_objects(), 0);
  destroy();
}

// What one size has left is there for another: the reclaimer and the sweep give whole spans back.
static void test_pages_come_back(void) {
  create("heap=2m");
  static const size_t sizes[] = {24, 4000, 200, 100000, 8};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    TRI_FRAME(m, f, 1);
    size_t n = 0;
    for (; n * (sizes[i] + 24) < 3 << 19; n++) {
      tri_ref object = tri_alloc(m, TRI_SHAPE(1, sizes[i]));
      TRI_CHECK(!tri_is_null(object));
      tri_store(m, object, 0, f.slot[0]);
      tri_root_set(m, &f.slot[0], object);
    }
    TRI_CHECK_EQ(live_objects(), n);
    TRI_FRAME_POP(m, f);
  }
  TRI_CHECK_EQ(live_objects(), 0);
  struct tri_stats s = check_heap();
  TRI_CHECK_GE(s.free_bytes, 1 << 20);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_COMPACT), TRI_OK);
  TRI_CHECK_EQ(check_heap().free_bytes, 0); // all of it is released
  destroy();
}

// With tiny=on two objects share a block: each dies by itself, and what is left counts for all of the block.
static void test_tiny(void) {
  enum { PAIRS = 1000 };
  create("heap=2m,tiny=on");
  TRI_FRAME(m, f, 1);
  tri_root_set(m, &f.slot[0], tri_alloc(m, TRI_SHAPE(PAIRS, 0)));
  for (size_t i = 0; i < PAIRS; i++) {
    tri_ref first = tri_alloc(m, TRI_SHAPE(0, 8)); // nothing is collected between the two: the heap is small
    *(uint64_t *)tri_raw(m, first) = i;
    tri_store(m, f.slot[0], i, first);
    tri_ref second = tri_alloc(m, TRI_SHAPE(0, i % 9));
    TRI_CHECK_EQ(first.bits % 16, 0);
    TRI_CHECK_EQ(second.bits, first.bits + 8);
    TRI_CHECK_EQ(tri_shape(m, second).tag, TRI_SHAPE(0, i % 9).tag);
  }
  struct tri_stats full = check_heap();
  TRI_CHECK_EQ(full.live_objects, 1 + 2 * PAIRS);
  tri_ref kept = tri_load(m, f.slot[0], 7);
  struct tri_object_info info;
  tri_ref beside = {kept.bits + 8};
  TRI_CHECK_EQ(tri_inspect(heap, beside, &info), TRI_OK);
  TRI_CHECK_EQ(info.bytes, 8);
  TRI_CHECK_EQ(live_objects(), 1 + PAIRS);
  TRI_CHECK_EQ(stats().live_bytes, full.live_bytes); // no block is free
  TRI_CHECK_EQ(tri_inspect(heap, kept, &info), TRI_OK);
  TRI_CHECK_EQ(info.bytes, 16);
  TRI_CHECK_EQ(tri_inspect(heap, beside, &info), TRI_ECORRUPT);
  for (size_t i = 0; i < PAIRS; i++) {
    TRI_CHECK_EQ(*(uint64_t *)tri_raw(m, tri_load(m, f.slot[0], i)), i);
    if (i % 2) tri_store(m, f.slot[0], i, TRI_NULL);
  }
  TRI_CHECK_EQ(live_objects(), 1 + PAIRS / 2);
  TRI_CHECK_EQ(full.live_bytes - stats().live_bytes, PAIRS / 2 * 16);
  TRI_FRAME_POP(m, f);
  TRI_CHECK_EQ(live_objects(), 0);
  destroy();
}

// Where free memory is filled, the page heap is computed anew after each of its operations: what was wrong
// with it in between is told, though it is in order again.
static void keep(void *context, const char *text) { snprintf(context, 300, "%s", text); }

static void test_audit(void) {
  for (unsigned level = 0; level < GO_LEVELS; level++) {
    char text[300] = "";
    struct tri_reporter reporter = {keep, text};
    create("heap=16m");
    TRI_CHECK(!tri_is_null(tri_alloc(m, TRI_SHAPE(0, 100000))));
    TRI_CHECK_EQ(tri_verify(heap, &reporter), 0);
    struct go_pages *pages = &go_heap_of(heap)->pages;
    pages->summary[level][0] ^= 1;
    go_pages_next_cycle(pages); // an operation
    pages->summary[level][0] ^= 1;
    TRI_CHECK_EQ(tri_verify(heap, &reporter), tri_poison_filling());
    TRI_CHECK((strstr(text, "summary 0") != NULL) == tri_poison_filling());
    go_heap_of(heap)->audit.findings.count = 0;
    destroy();
  }
}

// -------------------------------------------------------------------------------- roots

// A cycle has begun, and the frame that has the only reference to an object has not been taken when the
// reference leaves it: into what is black, or to another mutator, which attached meanwhile and is black.
// (That one allocates what is needed: an allocation is a safepoint.)
static struct tri_mutator *other;
static struct tri_handle *handle;

static tri_ref hide_by_init(tri_ref victim) {
  tri_ref holder = tri_alloc(other, TRI_SHAPE(1, 0));
  tri_init(other, holder, 0, victim);
  return holder;
}
static tri_ref hide_by_store(tri_ref victim) { return hold_in(other, victim); }
static tri_ref hide_in_handle(tri_ref victim) {
  tri_handle_set(m, handle, victim);
  return TRI_NULL;
}
static tri_ref hide_in_new_handle(tri_ref victim) {
  tri_handle_free(m, handle);
  TRI_CHECK(handle = tri_handle_new(m, victim));
  return TRI_NULL;
}
static tri_ref hide_in_value(tri_ref victim) { return hold_in_value(other, victim); }
static tri_ref hide_with_other(tri_ref victim) {
  tri_root_set(other, &tri_frame_slots(other->frames)[0], victim);
  return TRI_NULL;
}
static tri_ref show_slot(tri_ref holder) { return tri_load(m, holder, 0); }
static tri_ref show_handle(tri_ref holder) { return (void)holder, tri_handle_get(m, handle); }
static tri_ref show_value(tri_ref holder) { return tri_ephemeron_value(m, holder); }
static tri_ref show_other(tri_ref holder) { return (void)holder, tri_frame_slots(other->frames)[0]; }

static const struct hiding {
  tri_ref (*hide)(tri_ref victim);
  tri_ref (*show)(tri_ref holder);
} hidings[] = {
    {hide_by_init, show_slot},         {hide_by_store, show_slot},  {hide_in_handle, show_handle},
    {hide_in_new_handle, show_handle}, {hide_in_value, show_value}, {hide_with_other, show_other},
};

static void attach_other(void) {
  TRI_CHECK_EQ(tri_attach(heap, &other), TRI_OK);
  ((struct go_mutator *)other)->credit = 1 << 20; // it does not assist
}

static void finish_beside_other(void) {
  tri_park(other);
  TRI_CHECK(tri_collect_step(m, SIZE_MAX));
  tri_unpark(other);
}

static void test_hiding(const struct hiding *hiding) {
  create("heap=1m");
  TRI_FRAME(m, f, 2);
  TRI_CHECK(handle = tri_handle_new(m, TRI_NULL));
  tri_root_set(m, &f.slot[0], node(m, VICTIM, 8));
  TRI_CHECK_EQ(tri_collect_start(m), TRI_OK);
  attach_other();
  go_roots_take_shared(go_heap_of(heap), &go_mutator_of(other)->work); // handles are black
  TRI_FRAME(other, g, 1);
  tri_root_set(m, &f.slot[1], hiding->hide(f.slot[0]));
  tri_root_set(m, &f.slot[0], TRI_NULL);
  finish_beside_other();
  check_labelled(hiding->show(f.slot[1]), VICTIM);
  check_heap();
  tri_handle_free(m, handle);
  TRI_FRAME_POP(other, g);
  tri_detach(other);
  TRI_FRAME_POP(m, f);
  TRI_CHECK_EQ(live_objects(), 0);
  destroy();
}

// What a weak reference has that is made meanwhile is cleared as others are, or kept.
static void test_born_weak(bool kept) {
  create("heap=1m");
  TRI_FRAME(m, f, 2);
  tri_root_set(m, &f.slot[0], node(m, VICTIM, 8));
  TRI_CHECK_EQ(tri_collect_start(m), TRI_OK);
  attach_other();
  tri_root_set(m, &f.slot[1], tri_weak_new(other));
  tri_weak_set(m, f.slot[1], f.slot[0]);
  if (!kept) tri_root_set(m, &f.slot[0], TRI_NULL);
  finish_beside_other();
  TRI_CHECK_EQ(check_heap().live_objects, kept ? 2 : 1);
  tri_ref target = tri_weak_get(m, f.slot[1]);
  TRI_CHECK_EQ(!tri_is_null(target), kept);
  if (kept) check_labelled(target, VICTIM);
  tri_detach(other);
  TRI_FRAME_POP(m, f);
  TRI_CHECK_EQ(live_objects(), 0);
  destroy();
}

// -------------------------------------------------------------------------------- workers

// Workers mark beside a mutator that allocates, and end cycles; it collects as well, and looks into the heap.
struct worked {
  unsigned ended; // cycles, by workers
};

static void note_end(void *context, struct tri_heap *of, const struct tri_event *event) {
  (void)of;
  struct worked *worked = context;
  if (event->kind == TRI_EVENT_COLLECTION_END)
    worked->ended += tri_actor_self()->kind == TRI_ACTOR_MARKER;
}

static void test_workers(void *options) {
  enum { LIST = 300, ROUNDS = 40 };
  struct worked worked = {0};
  create_with((struct tri_heap_params){.options = options, .sink = {note_end, &worked}});
  TRI_FRAME(m, f, 2);
  make_list(&f.slot[0], LIST);
  for (unsigned round = 0; round < ROUNDS || !worked.ended; round++) {
    TRI_CHECK_EQ(tri_collect_start(m), TRI_OK);
    for (unsigned i = 0; i < 50; i++) {
      tri_root_set(m, &f.slot[1], node(m, i, 8));
      tri_store(m, f.slot[1], 0, f.slot[0]);
      tri_safepoint(m);
    }
    if (round % 8 == 3) check_heap();
    if (round % 8 == 5) TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
    tri_park(m);
    TRI_YIELD(PROGRAM_STEP);
    tri_unpark(m);
  }
  TRI_FRAME_POP(m, f);
  TRI_CHECK_EQ(live_objects(), 0);
  destroy();
}

// By Go's rule: whole processors have dedicated workers, one worker has the rest of a quarter of all. Each
// processor has at most one. Who asks for a number has so many dedicated ones.
static void test_rule(void) {
  static const struct rule {
    unsigned processors, wanted, dedicated;
    double share; // of one processor
  } rules[] = {{1, 1, 0, 0.25}, {2, 2, 0, 0.5}, {3, 3, 0, 0.75}, {4, 4, 1, 0},
               {5, 5, 1, 0},    {6, 6, 1, 0.5}, {8, 8, 2, 0},    {64, GO_WORKERS_MAX, GO_WORKERS_MAX, 0}};
  for (const struct rule *rule = rules; rule < rules + sizeof rules / sizeof *rules; rule++) {
    struct go_workers workers = {0};
    go_workers_init(&workers, -1, rule->processors);
    TRI_CHECK_EQ(workers.processors, rule->processors);
    TRI_CHECK_EQ(workers.wanted, rule->wanted);
    TRI_CHECK_EQ(workers.dedicated, rule->dedicated);
    TRI_CHECK(workers.share > rule->share - 1e-9 && workers.share < rule->share + 1e-9);
    if (rule->processors != 5) // there 25 % is missed by less than whole workers alone may miss it
      TRI_CHECK_EQ(workers.dedicated * 4 + (unsigned)(workers.share * 4 + 0.5), rule->processors);
    workers = (struct go_workers){0};
    go_workers_init(&workers, 3, rule->processors);
    TRI_CHECK_EQ(workers.wanted, 3);
    TRI_CHECK_EQ(workers.dedicated, 3);
    TRI_CHECK(workers.share == 0);
  }
}

// -------------------------------------------------------------------------------- marking

enum { NODE_REFS = 2 };
// Bytes of objects' slots, by the last cycle: what is scanned a second time for want of memory counts twice.
static uint64_t scanned(void) { return go_heap_of(heap)->pace.pacer.last_heap_scan; }

// A large object is one piece of work per 128 KiB, in steps and without memory as well.
static void test_oblets(bool without_memory) {
  enum { SLOTS = 70000, EACH = 500 };
  create("heap=16m,workers=0"); // who steps marks alone
  TRI_FRAME(m, f, 1);
  tri_root_set(m, &f.slot[0], tri_alloc(m, TRI_SHAPE(SLOTS, 0)));
  for (size_t i = 0; i < SLOTS; i += EACH) tri_store(m, f.slot[0], i, node(m, i, 8));
  TRI_CHECK_EQ(tri_collect_start(m), TRI_OK);
  if (without_memory) tri_os_fail_every(1);
  size_t steps = 0;
  while (!tri_collect_step(m, 10)) steps++;
  tri_os_fail_every(0);
  if (!without_memory) TRI_CHECK_GE(steps, SLOTS / EACH / 10); // else: what was dropped is scanned in one
  for (size_t i = 0; i < SLOTS; i += EACH) check_labelled(tri_load(m, f.slot[0], i), i);
  TRI_CHECK_EQ(check_heap().live_objects, SLOTS / EACH + 1);
  const uint64_t all = (SLOTS + SLOTS / EACH * NODE_REFS) * sizeof(tri_ref);
  TRI_CHECK_GE(scanned(), all);
  if (!without_memory) TRI_CHECK_EQ(scanned(), all);
  TRI_FRAME_POP(m, f);
  destroy();
}

// Parts that were taken when a step ends, and find no room where they were, as one of them has filled it, are
// scanned, and count.
static void test_oblets_without_room(void) {
  enum { PARTS = 20, EACH = 128 << 10 >> 3, FAN = 600, SLOTS = PARTS * EACH }; // FAN: more than two buffers
  create("heap=64m,gogc=-1,workers=0,work_buffers=2");
  TRI_FRAME(m, f, 1);
  tri_root_set(m, &f.slot[0], tri_alloc(m, TRI_SHAPE(SLOTS, 0)));
  for (size_t part = 1; part < PARTS; part++)
    for (size_t i = 0; i < FAN; i++) tri_store(m, f.slot[0], part * EACH + i, node(m, i, 8));
  TRI_CHECK_EQ(tri_collect_start(m), TRI_OK);
  while (!tri_collect_step(m, 1)) {
  }
  TRI_CHECK_GE(check_heap().mark_stack_overflows, 1);
  TRI_CHECK_EQ(stats().live_objects, 1 + (PARTS - 1) * FAN);
  TRI_CHECK_GE(scanned(), SLOTS * sizeof(tri_ref));
  TRI_FRAME_POP(m, f);
  destroy();
}

// What finds no room in work buffers is marked, and scanned later.
static void test_dropped(const char *options, bool without_memory) {
  enum { FAN = 60, DEPTH = 40 };
  create(options);
  TRI_FRAME(m, f, 2);
  for (size_t i = 0; i < DEPTH; i++) {
    tri_root_set(m, &f.slot[1], tri_alloc(m, TRI_SHAPE(FAN, 8)));
    for (size_t k = 0; k < FAN - 1; k++) tri_store(m, f.slot[1], k, node(m, k, 8));
    tri_store(m, f.slot[1], FAN - 1, f.slot[0]); // found first: the others wait
    tri_root_set(m, &f.slot[0], f.slot[1]);
  }
  tri_root_set(m, &f.slot[1], TRI_NULL);
  TRI_CHECK_EQ(tri_collect_start(m), TRI_OK); // has memory
  if (without_memory) tri_os_fail_every(1);
  TRI_CHECK(tri_collect_step(m, SIZE_MAX));
  tri_os_fail_every(0);
  struct tri_stats s = check_heap();
  TRI_CHECK_EQ(s.live_objects, DEPTH * FAN);
  TRI_CHECK_GE(s.mark_stack_overflows, 1);
  TRI_CHECK_GE(scanned(), DEPTH * (FAN + (FAN - 1) * NODE_REFS) * sizeof(tri_ref));
  TRI_FRAME_POP(m, f);
  TRI_CHECK_EQ(live_objects(), 0);
  destroy();
}

// Spans that find no room in queues, whose objects then find none in work buffers: more spans at once than
// the segments have room for that the roots' took.
static void test_dropped_spans(const char *options) {
  enum { OBJECTS = 20000, REFS = 62 };
  create(options);
  TRI_FRAME(m, f, 2);
  tri_root_set(m, &f.slot[0], tri_alloc(m, TRI_SHAPE(OBJECTS, 0)));
  for (size_t i = 0; i < OBJECTS; i++) {
    tri_root_set(m, &f.slot[1], labelled(m, REFS, 8, i));
    tri_store(m, f.slot[0], i, f.slot[1]);
    tri_store(m, f.slot[1], i % REFS, node(m, i, 8));
  }
  tri_root_set(m, &f.slot[1], TRI_NULL);
  TRI_CHECK_EQ(tri_collect_start(m), TRI_OK); // has memory
  tri_os_fail_every(1);
  while (!tri_collect_step(m, 1000)) check_heap();
  tri_os_fail_every(0);
  struct tri_stats s = check_heap();
  TRI_CHECK_EQ(s.live_objects, 1 + 2 * OBJECTS);
  TRI_CHECK_GE(s.mark_stack_overflows, 1);
  for (size_t i = 0; i < OBJECTS; i++) check_labelled(tri_load(m, tri_load(m, f.slot[0], i), i % REFS), i);
  TRI_FRAME_POP(m, f);
  TRI_CHECK_EQ(live_objects(), 0);
  destroy();
}

// So are keys of ephemerons, each of which is known by the value of another only.
static void test_dropped_keys(void) {
  enum { CHAIN = 20, FAN = 600 };
  create("heap=16m,gogc=-1");
  TRI_FRAME(m, f, CHAIN + 3);
  tri_ref *key = &f.slot[CHAIN], *value = &f.slot[CHAIN + 1], *next = &f.slot[CHAIN + 2];
  tri_root_set(m, next, node(m, 0, 8));
  for (size_t i = CHAIN; i-- > 0;) { // from the chain's end
    tri_root_set(m, value, tri_alloc(m, TRI_SHAPE(FAN, 0)));
    for (size_t k = 0; k < FAN; k++) tri_store(m, *value, k, k == 29 * i % FAN ? *next : node(m, k, 8));
    tri_root_set(m, key, node(m, i, 8));
    tri_root_set(m, &f.slot[i], tri_ephemeron_new(m));
    tri_ephemeron_set(m, f.slot[i], *key, *value);
    tri_root_set(m, next, *key);
  }
  tri_root_set(m, value, TRI_NULL);
  tri_root_set(m, next, TRI_NULL);
  TRI_CHECK_EQ(tri_collect_start(m), TRI_OK); // has memory
  tri_os_fail_every(1);
  while (!tri_collect_step(m, SIZE_MAX)) {
  }
  tri_os_fail_every(0);
  struct tri_stats s = check_heap();
  TRI_CHECK_GE(s.mark_stack_overflows, 1);
  for (size_t i = 0; i < CHAIN; i++) TRI_CHECK(!tri_is_null(tri_ephemeron_value(m, f.slot[i])));
  TRI_CHECK_EQ(s.live_objects, CHAIN * (FAN + 2) + 1);
  TRI_FRAME_POP(m, f);
  destroy();
}

// The sweep's bitmaps are promised before marking begins, or it does not begin, and the heap stays as it was.
static void test_no_memory_to_begin(void) {
  enum { OBJECTS = 80000 };
  create("heap=1m,gogc=-1");
  TRI_FRAME(m, f, 1);
  make_list(&f.slot[0], OBJECTS);
  tri_os_fail_every(1);
  TRI_CHECK_EQ(tri_collect_start(m), TRI_ENOMEM);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_ENOMEM);
  tri_os_fail_every(0);
  TRI_CHECK_EQ(check_heap().live_objects, OBJECTS);
  TRI_CHECK_EQ(live_objects(), OBJECTS);
  TRI_FRAME_POP(m, f);
  TRI_CHECK_EQ(live_objects(), 0);
  destroy();
}

// -------------------------------------------------------------------------------- checkmark

static tri_ref unmarked; // loses its mark when marking has ended

static void lose_mark(void *context, struct tri_heap *of, const struct tri_event *event) {
  (void)context;
  if (event->kind != TRI_EVENT_WEAK || tri_is_null(unmarked)) return;
  struct go_span *span = go_span_of(&go_heap_of(of)->spans, unmarked.bits);
  size_t index = go_span_index(span, unmarked.bits);
  span->mark_bits[index / 64] &= ~(UINT64_C(1) << index % 64);
}

static void collect_without_a_mark(void) {
  create_with((struct tri_heap_params){.options = "checkmark=on", .sink = {lose_mark, NULL}});
  TRI_FRAME(m, f, 2);
  unmarked = TRI_NULL;
  tri_root_set(m, &f.slot[0], node(m, 0, 8));
  for (size_t i = 0; i < 500; i++) { // a list, the end of it in the middle of others
    tri_root_set(m, &f.slot[1], node(m, i, 8));
    tri_store(m, f.slot[1], 0, f.slot[0]);
    tri_root_set(m, &f.slot[0], f.slot[1]);
  }
  tri_collect(m, TRI_COLLECT_FULL); // nothing is missing
  unmarked = tri_load(m, tri_load(m, f.slot[0], 0), 0);
  tri_collect(m, TRI_COLLECT_FULL);
}

// The mode finds nothing where nothing is missing, and stops at the one mark that is.
static void test_checkmark(void) {
  expect_abort(collect_without_a_mark, "is reachable, and not marked\n");
  unmarked = TRI_NULL;
  test_losses("heap=1m,checkmark=on");
  test_losses("heap=1m,buffer=1,checkmark=on");
  under_schedules(test_mutators, "heap=1m,checkmark=on,gogc=1");
}

// -------------------------------------------------------------------------------- pace

struct seen {
  size_t begun, ended, resumed, interrupted;
};

static void see(void *context, struct tri_heap *of, const struct tri_event *event) {
  struct seen *seen = context;
  (void)of;
  if (event->kind == TRI_EVENT_COLLECTION_BEGIN) seen->resumed = 0;
  seen->begun += event->kind == TRI_EVENT_COLLECTION_BEGIN;
  seen->resumed += event->kind == TRI_EVENT_RESUME;
  if (event->kind != TRI_EVENT_COLLECTION_END) return;
  seen->ended++;
  seen->interrupted += seen->resumed > 0;
}

static struct seen allocate(const char *options, size_t kept, size_t made) {
  struct seen seen = {0};
  create_with((struct tri_heap_params){.options = options, .sink = {see, &seen}});
  TRI_FRAME(m, f, 1);
  for (size_t i = 0; i < kept; i++) {
    tri_ref object = node(m, i, 24);
    tri_init(m, object, 0, f.slot[0]);
    tri_root_set(m, &f.slot[0], object);
  }
  for (size_t i = 0; i < made; i++) node(m, i, 24);
  tri_ref object = f.slot[0];
  for (size_t i = kept; i-- > 0; object = tri_load(m, object, 0))
    TRI_CHECK_EQ(*(uint64_t *)tri_raw(m, object), i);
  TRI_FRAME_POP(m, f);
  destroy();
  return seen;
}

// 3 MiB of live objects: with gogc=100 a cycle per 3 MiB at most, with 50 twice as many, and mutators run in
// the midst of each; with stw=on they never do; with gogc=-1 there is none before memory is used up.
static void test_pace(void) {
  enum { KEPT = 64 << 10, MADE = 5 * KEPT };
  struct seen seen = allocate("heap=64m", KEPT, MADE);
  TRI_CHECK_GE(seen.ended, 3);
  TRI_CHECK_LE(seen.ended, 10);
  TRI_CHECK_GE(seen.interrupted, seen.ended - 1);
  struct seen half = allocate("heap=64m,gogc=50", KEPT, MADE);
  TRI_CHECK_GE(half.ended, 1 + seen.ended);
  struct seen stopped = allocate("heap=64m,stw=on", KEPT, MADE);
  TRI_CHECK_GE(stopped.ended, 2);
  TRI_CHECK_EQ(stopped.interrupted, 0);
  TRI_CHECK_EQ(allocate("heap=64m,gogc=-1", KEPT, MADE).begun, 0);
  TRI_CHECK_GE(allocate("heap=8m,gogc=-1", KEPT, MADE).ended, 2);
}

static void test_all(void) {
  for (size_t i = 0; i < sizeof hidings / sizeof *hidings; i++) test_hiding(&hidings[i]);
  test_born_weak(true);
  test_born_weak(false);
  test_sizes("heap=16m");
  test_sizes("heap=16m,gogc=1");
  test_sizes("heap=16m,gogc=1,layout=1.19");
  test_sizes("heap=16m,gogc=1,layout=1.26");
  test_sizes("heap=16m,gogc=1,tiny=on");
  test_pages_come_back();
  test_oblets(false);
  test_oblets(true);
  test_oblets_without_room();
  test_tiny();
  test_audit();
  test_dropped("heap=4m", true);
  test_dropped("heap=4m,work_buffers=1", false);
  test_dropped("heap=4m,work_buffers=2", false);
  test_dropped_spans("heap=64m,gogc=-1,mark=greentea");
  test_dropped_spans("heap=64m,gogc=-1,mark=greentea,layout=1.26");
  test_dropped_keys();
  test_no_memory_to_begin();
  test_losses("heap=1m");
  test_losses("heap=1m,buffer=1");
  test_losses("heap=1m,mark=greentea");
  test_black("heap=1m");
  test_black("heap=1m,mark=greentea");
  test_coming_and_going();
  test_checkmark();
  test_pace();
  test_rule();
  under_schedules(test_mutators, "heap=512k");
  under_schedules(test_workers, "heap=1m,workers=1");
  under_schedules(test_workers, "heap=1m,workers=3,mark=greentea");
  under_schedules(test_mutators, "heap=512k,workers=2");
  under_schedules(test_mutators, "heap=1m,buffer=1,gogc=1,workers=3");
  under_schedules(test_mutators, "heap=1m,gogc=1,workers=2,mark=greentea,layout=1.26");
  under_schedules(test_mutators, "heap=1m,buffer=1,gogc=1");
  under_schedules(test_mutators, "heap=512k,layout=1.19");
  under_schedules(test_mutators, "heap=512k,layout=1.26");
  under_schedules(test_mutators, "heap=512k,mark=greentea");
  under_schedules(test_mutators, "heap=1m,buffer=1,gogc=1,layout=1.26,mark=greentea");
}

int main(void) {
  collector = tri_collector_find("go");
  test_all();
  tri_poison_set_filling(true);
  test_all();
  return 0;
}
