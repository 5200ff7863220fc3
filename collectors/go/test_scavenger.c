// Memory goes back to the system where a goal calls for it: when the heap grows, when an allocation comes
// near the memory limit. With the clock of work, so that it repeats. What the goals are,
// test_scavenge_control.c asks.
#include "test/own.h"

#include "go/heap.h"

#define MIB ((uint64_t)1 << 20)

static const struct go_heap *go(void) { return go_heap_of(heap); }

enum { PIECES = 60, PIECE = 100 << 10, LARGE = 1 << 20 };

static void allocate(tri_ref *root, size_t bytes) {
  tri_ref object = tri_alloc(m, TRI_SHAPE(0, bytes));
  TRI_CHECK(!tri_is_null(object));
  tri_root_set(m, root, object);
}

// The heap has so many large pieces of addresses without memory, and need not grow.
static void grow(size_t larges) {
  TRI_FRAME(m, f, 1);
  allocate(&f.slot[0], larges * LARGE);
  TRI_FRAME_POP(m, f);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_COMPACT), TRI_OK);
  TRI_CHECK_EQ(go_pages_usage(&go()->pages).free, 0);
}

// Every other one of PIECES is freed. What is larger than the holes makes the heap grow beside them.
static void make_holes(tri_ref *piece) {
  for (size_t i = 0; i < PIECES; i++) allocate(&piece[i], PIECE);
  for (size_t i = 0; i < PIECES; i += 2) tri_root_set(m, &piece[i], TRI_NULL);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK_GE(go_pages_usage(&go()->pages).free, PIECES / 2 * PIECE);
}

// The holes keep their memory while there is room below the limit, and lose what would exceed it.
static void test_limit(void) {
  enum { LIMIT = 12 << 20, LARGES = 8 };
  create("heap=64m,gogc=-1,memory_limit=12m,clock=work");
  grow(16);
  TRI_FRAME(m, f, PIECES + LARGES);
  make_holes(f.slot);
  for (size_t i = 0; i < LARGES; i++) {
    bool fits = go_pace_mapped(go()) + LARGE <= LIMIT;
    uint64_t before = go()->scavenger.at_limit;
    allocate(&f.slot[PIECES + i], LARGE);
    TRI_CHECK_LE(go_pace_mapped(go()), LIMIT);
    TRI_CHECK_EQ(fits, go()->scavenger.at_limit == before);
  }
  TRI_CHECK_GE(go()->scavenger.at_limit, MIB);
  TRI_CHECK_EQ(go()->scavenger.at_growth + go()->scavenger.background, 0);
  TRI_FRAME_POP(m, f);
  destroy();
}

// Not while the limiter limits: then the limit is exceeded.
static void test_limiting(void) {
  enum { LARGES = 9 };
  create("heap=64m,gogc=-1,memory_limit=12m,clock=work");
  grow(16);
  TRI_FRAME(m, f, PIECES + LARGES);
  make_holes(f.slot);
  TRI_CHECK_EQ(tri_collect_start(m), TRI_OK); // so that no other begins, and the limiter looks at the clock
  go_heap_of(heap)->pace.limiter.limiting = true;
  for (size_t i = 0; i < LARGES; i++) allocate(&f.slot[PIECES + i], LARGE);
  TRI_CHECK_GE(go_pace_mapped(go()), 12 * MIB + 1);
  TRI_CHECK_EQ(go()->scavenger.at_limit, 0);
  TRI_FRAME_POP(m, f);
  destroy();
}

// A heap that grows beyond what its goal calls for gives its holes back: as much as it grows by, and no
// more than it has too much.
static void test_growth(void) {
  enum { LARGES = 12 };
  create("heap=64m,gogc=50,clock=work");
  TRI_FRAME(m, f, PIECES + LARGES);
  make_holes(f.slot);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  uint64_t goal = go()->scavenger.goals.gogc;
  TRI_CHECK_NE(goal, GO_NO_GOAL);
  TRI_CHECK_LE(goal, go_pages_usage(&go()->pages).in_use * 7 / 4);
  size_t grown = go()->pages.grown;
  uint64_t before = 0;
  for (size_t i = 0; i < LARGES && go()->pages.grown == grown; i++) {
    before = go_pages_usage(&go()->pages).free;
    allocate(&f.slot[PIECES + i], LARGE);
  }
  TRI_CHECK_NE(go()->pages.grown, grown);
  TRI_CHECK_GE(go()->scavenger.at_growth, MIB);
  TRI_CHECK_LE(go()->scavenger.at_growth, (go()->pages.grown - grown) * GO_PAGE_BYTES);
  TRI_CHECK_LE(go_pages_usage(&go()->pages).free, before - go()->scavenger.at_growth);
  TRI_CHECK_EQ(go()->scavenger.at_limit, 0);
  TRI_FRAME_POP(m, f);
  destroy();
}

// -------------------------------------------------------------------------------- in the background

// Others go on until it is so; on threads that takes its time.
#define EVENTUALLY(condition)                                                                                \
  do {                                                                                                       \
    for (uint64_t turn = 0; !(condition) && turn < 100000; turn++) rest();                                   \
    TRI_CHECK(condition);                                                                                    \
  } while (0)

static void nothing(void *unused) { (void)unused; }

// Wait for an actor that does nothing: the others go on, as fibers until they block.
static void rest(void) {
  struct tri_actor actor;
  TRI_CHECK(tri_actor_spawn(&actor, TRI_ACTOR_MUTATOR, nothing, NULL));
  tri_park(m);
  tri_actor_join(&actor);
  tri_unpark(m);
}

struct wanted {
  const char *name;
  uint64_t value;
};

static bool note(void *context, const struct tri_counter *counter) {
  struct wanted *wanted = context;
  if (strcmp(counter->name, wanted->name) == 0) wanted->value = counter->value;
  return true;
}

static uint64_t counter(const char *name) {
  struct wanted wanted = {name, UINT64_MAX};
  TRI_CHECK(tri_each_counter(heap, note, &wanted));
  TRI_CHECK_NE(wanted.value, UINT64_MAX);
  return wanted.value;
}

// What is free beyond the goal goes back in stretches of a millisecond, seven quanta as untimed pages are
// charged (a huge page goes as a whole), and no sooner than the clock calls for: a second after the first.
static void test_background(void) {
  enum { GARBAGE = 16 << 20, STRETCH = 7 * GO_SCAVENGE_QUANTUM };
  const int64_t second = 1000000000;
  create("heap=64m,gogc=50,scavenger=on,clock=work");
  TRI_FRAME(m, f, 2);
  allocate(&f.slot[0], GARBAGE);
  allocate(&f.slot[1], LARGE);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  tri_root_set(m, &f.slot[0], TRI_NULL);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK); // frees it; what this cycle freed stays in this one
  for (size_t i = 0; i < 100; i++) rest();
  TRI_CHECK_EQ(counter("ScavengedBackground"), 0);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  EVENTUALLY(counter("ScavengedBackground") >= STRETCH);
  uint64_t first = counter("ScavengedBackground");
  for (size_t i = 0; i < 100; i++) rest();
  TRI_CHECK_EQ(counter("ScavengedBackground"), first);
  TRI_CHECK_LE(first, STRETCH + GO_HUGE_PAGES * GO_PAGE_BYTES);
  go_clock_work(&go_heap_of(heap)->pace.clock, (uint64_t)second / 2);
  allocate(&f.slot[0], LARGE);
  for (size_t i = 0; i < 100; i++) rest();
  TRI_CHECK_EQ(counter("ScavengedBackground"), first);
  // Time goes on, and so does it, down to the goal.
  for (size_t i = 0; i < 1000 && counter("HeapInuse") + counter("HeapFree") > go()->scavenger.goals.gogc;
       i++) {
    uint64_t before = counter("ScavengedBackground");
    const int64_t *sleeps_until = &go()->background.sleeps_until;
    EVENTUALLY(TRI_RELAXED_LOAD(sleeps_until) != INT64_MAX);
    int64_t until = TRI_RELAXED_LOAD(sleeps_until);
    go_clock_work(&go_heap_of(heap)->pace.clock, 2000 * (uint64_t)second);
    allocate(&f.slot[0], LARGE);
    // The allocation has woken it; a counter would do so, too.
    EVENTUALLY(TRI_RELAXED_LOAD(sleeps_until) != until);
    EVENTUALLY(counter("ScavengedBackground") > before);
  }
  TRI_CHECK_LE(counter("HeapInuse") + counter("HeapFree"), go()->scavenger.goals.gogc + LARGE);
  TRI_FRAME_POP(m, f);
  destroy();
}

// What a lazy sweep has left is swept without anybody asking for it.
static void test_sweeper(void) {
  enum { OBJECTS = 20000 };
  create("heap=16m,gogc=-1,sweeper=on,clock=work");
  TRI_FRAME(m, f, 1);
  for (size_t i = 0; i < OBJECTS; i++) {
    tri_ref object = tri_alloc(m, TRI_SHAPE(1, 24));
    tri_init(m, object, 0, f.slot[0]);
    if (i % 2) tri_root_set(m, &f.slot[0], object);
  }
  TRI_CHECK_EQ(tri_collect_start(m), TRI_OK);
  while (go()->marking) tri_collect_step(m, 1000);
  EVENTUALLY(counter("Frees") == OBJECTS / 2);
  TRI_CHECK_EQ(go()->sweep.unswept, 0);
  TRI_FRAME_POP(m, f);
  destroy();
}

// While somebody holds the heap, the sweeper rests, though a sweep has begun.
static void hold_at_end(void *context, struct tri_heap *of, const struct tri_event *event) {
  (void)context;
  if (event->kind == TRI_EVENT_COLLECTION_END) tri_hold(of, true);
}

static void test_holding_sweeper(void *unused) {
  enum { OBJECTS = 20000, RESTS = 200 };
  (void)unused;
  create_with((struct tri_heap_params){.options = "heap=16m,gogc=-1,sweeper=on,workers=0",
                                       .sink = {hold_at_end, NULL}});
  for (size_t i = 0; i < OBJECTS; i++) tri_alloc(m, TRI_SHAPE(1, 24));
  TRI_CHECK_EQ(tri_collect_start(m), TRI_OK);
  while (go()->marking) tri_collect_step(m, 1000);
  size_t unswept = go()->sweep.unswept;
  TRI_CHECK_GE(unswept, 10);
  for (size_t i = 0; i < RESTS; i++) {
    rest();
    TRI_CHECK_EQ(go()->sweep.unswept, unswept);
  }
  tri_hold(heap, false);
  EVENTUALLY(counter("Frees") == OBJECTS);
  destroy();
}

// Heaps that come and go, with mutators in them, while both work.
static void mutate(void *seed) {
  enum { SLOTS = 32, STEPS = 3000 };
  struct tri_mutator *mine;
  TRI_CHECK_EQ(tri_attach(heap, &mine), TRI_OK);
  struct tri_random random = {*(uint64_t *)seed};
  TRI_FRAME(mine, f, SLOTS);
  for (size_t i = 0; i < STEPS; i++) {
    size_t bytes = tri_random_below(&random, 50) ? (size_t)tri_random_below(&random, 200) : 40000;
    tri_ref object = tri_alloc(mine, TRI_SHAPE(2, bytes));
    if (tri_is_null(object)) continue;
    tri_store(mine, object, 0, f.slot[tri_random_below(&random, SLOTS)]);
    tri_root_set(mine, &f.slot[tri_random_below(&random, SLOTS)],
                 tri_random_below(&random, 9) ? object : TRI_NULL);
  }
  TRI_FRAME_POP(mine, f);
  tri_detach(mine);
}

static void test_both(void *unused) {
  (void)unused;
  for (uint64_t seed = 1; seed < 6; seed++) {
    create("heap=8m,gogc=20,sweeper=on,scavenger=on,memory_limit=4m");
    run_actors(3, seed, mutate);
    destroy();
  }
  create("sweeper=on,scavenger=on"); // at once
  destroy();
}

// The oracle looks at each object after each step: while nobody has to wait, that is no scheduling point.
static void look(void *unused) {
  enum { LOOKS = 20000 };
  (void)unused;
  create("heap=8m,sweeper=on,scavenger=on");
  TRI_FRAME(m, f, 1);
  allocate(&f.slot[0], LARGE);
  for (size_t i = 0; i < LOOKS; i++) {
    struct tri_object_info info;
    TRI_CHECK_EQ(tri_inspect(heap, f.slot[0], &info), TRI_OK);
  }
  TRI_FRAME_POP(m, f);
  destroy();
}

static void test_looking(void) {
  struct tri_schedule schedule = {.policy = TRI_SCHEDULE_ROUND_ROBIN, .max_points = 1000};
  TRI_CHECK_EQ(tri_schedule_run(&schedule, look, NULL).status, TRI_SCHEDULE_OK);
}

int main(void) {
  collector = tri_collector_find("go");
  test_limit();
  test_limiting();
  test_growth();
  test_background();
  test_sweeper();
  test_looking();
  under_schedules(test_holding_sweeper, NULL);
  under_schedules(test_both, NULL);
  return 0;
}
