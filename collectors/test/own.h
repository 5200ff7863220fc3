// For tests of collectors' own paths: one heap with one mutator, checked wherever the test asks, and programs
// that several tests run on theirs. The functions are for one translation unit, the test's.
#ifndef TRICOLOR_TEST_OWN_H
#define TRICOLOR_TEST_OWN_H

#include <stdio.h>

#include "common/actor.h"
#include "common/check.h"
#include "common/os.h"
#include "common/poison.h"
#include "common/random.h"
#include "common/schedule.h"
#include "tricolor/object.h"
#include "tricolor/registry.h"

static const struct tri_collector *collector; // under test
static struct tri_heap *heap;
static struct tri_mutator *m;

static inline void print_finding(void *context, const char *text) {
  (void)context;
  printf("  %s\n", text);
}

static inline void create_with(struct tri_heap_params params) {
  char error[200];
  params.error = error;
  params.error_bytes = sizeof error;
  if (tri_heap_create(collector, &params, &heap) != TRI_OK) printf("%s\n", error);
  TRI_CHECK(heap);
  TRI_CHECK_EQ(tri_attach(heap, &m), TRI_OK);
}

static inline void create(const char *options) { create_with((struct tri_heap_params){.options = options}); }

// The collector's own checks find nothing, and the statistics fit together.
static inline struct tri_stats check_heap(void) {
  struct tri_reporter reporter = {print_finding, NULL};
  TRI_CHECK_EQ(tri_verify(heap, &reporter), 0);
  struct tri_stats s;
  tri_stats_get(heap, &s, sizeof s);
  TRI_CHECK_EQ(s.live_bytes + s.free_bytes + s.metadata_bytes + s.released_bytes, s.mapped_bytes);
  TRI_CHECK_EQ(s.allocated_objects - s.freed_objects, s.live_objects);
  TRI_CHECK_EQ(s.allocated_bytes - s.freed_bytes, s.live_bytes);
  TRI_CHECK_LE(s.live_bytes + s.free_bytes, s.limit_bytes);
  TRI_CHECK_LE(s.peak_bytes, s.limit_bytes);
  return s;
}

static inline uint64_t live_objects(void) {
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  return check_heap().live_objects;
}

static inline struct tri_stats stats(void) {
  struct tri_stats s;
  tri_stats_get(heap, &s, sizeof s);
  return s;
}

static inline void drop(void) {
  tri_detach(m);
  tri_heap_destroy(heap);
}

static inline void check_nothing_left(void) {
  TRI_CHECK_EQ(tri_os_usage().reserved_bytes, 0);
  TRI_CHECK_EQ(tri_os_usage().metadata_blocks, 0);
}

static inline void destroy(void) {
  check_heap();
  drop();
  check_nothing_left();
}

// An object with a label in its payload, of 8 bytes or more.
static inline tri_ref labelled(struct tri_mutator *by, size_t n_refs, size_t n_bytes, uint64_t label) {
  tri_ref object = tri_alloc(by, TRI_SHAPE(n_refs, n_bytes));
  TRI_CHECK(!tri_is_null(object));
  *(uint64_t *)tri_raw(by, object) = label;
  return object;
}

// A list of n objects, linked by their only slots, in front of what the root has.
static inline void make_list(tri_ref *root, size_t n) {
  for (; n; n--) {
    tri_ref object = tri_alloc(m, TRI_SHAPE(1, 0));
    TRI_CHECK(!tri_is_null(object));
    tri_init(m, object, 0, *root);
    tri_root_set(m, root, object);
  }
}

// The object is there, and has its label.
static inline struct tri_object_info check_labelled(tri_ref object, uint64_t label) {
  struct tri_object_info info;
  TRI_CHECK(!tri_is_null(object));
  TRI_CHECK_EQ(tri_inspect(heap, object, &info), TRI_OK);
  TRI_CHECK_EQ(*(uint64_t *)tri_raw(m, object), label);
  return info;
}

// Run a program where the k-th call to the system fails, or each k-th, for small k. The heap stays sound and
// nothing leaks.
static inline void under_failing_system(const char *options, void (*program)(void)) {
  for (uint64_t k = 1; k < 70; k++) {
    if (k < 60)
      tri_os_fail_at(k);
    else
      tri_os_fail_every(k - 57);
    heap = NULL;
    enum tri_status status = tri_heap_create(collector, &(struct tri_heap_params){.options = options}, &heap);
    if (status == TRI_OK) status = tri_attach(heap, &m);
    if (status == TRI_OK) {
      program();
      check_heap();
      tri_detach(m);
    } else {
      TRI_CHECK_EQ(status, TRI_ENOMEM);
    }
    tri_os_fail_at(0);
    tri_os_fail_every(0);
    if (heap) tri_heap_destroy(heap);
    check_nothing_left();
  }
}

// Run a collector's tests, then again where what is free is filled.
static inline void test_with_filling(const char *name, void (*test)(void)) {
  collector = tri_collector_find(name);
  test();
  tri_poison_set_filling(true);
  test();
}

// Run mutate(&seed) in n actors, with seeds from the first one on, until all have ended; this mutator is
// parked meanwhile.
enum { MOST_ACTORS = 8 };
static inline void run_actors(size_t n, uint64_t seed, void (*mutate)(void *seed)) {
  struct tri_actor actors[MOST_ACTORS];
  uint64_t seeds[MOST_ACTORS];
  TRI_CHECK_LE(n, MOST_ACTORS);
  for (size_t i = 0; i < n; i++) {
    seeds[i] = seed + i;
    TRI_CHECK(tri_actor_spawn(&actors[i], TRI_ACTOR_MUTATOR, mutate, &seeds[i]));
  }
  tri_park(m);
  for (size_t i = 0; i < n; i++) tri_actor_join(&actors[i]);
  tri_unpark(m);
}

// Run test(options) under several schedules; in threads form they are all the same.
static inline void under_schedules(void (*test)(void *options), char *options) {
  static const enum tri_schedule_policy policies[] = {TRI_SCHEDULE_RUN_TO_BLOCK, TRI_SCHEDULE_RANDOM_WALK,
                                                      TRI_SCHEDULE_PCT, TRI_SCHEDULE_ROUND_ROBIN};
  for (size_t k = 0; k < sizeof policies / sizeof *policies; k++) {
    struct tri_schedule schedule = {
        .policy = policies[k], .seed = k + 1, .depth = 4, .length = 50000, .max_points = 10000000};
    TRI_CHECK_EQ(tri_schedule_run(&schedule, test, options).status, TRI_SCHEDULE_OK);
  }
}

// Mutators on one old object with TABLE slots: each calls step(own, slots, random) SHARED_STEPS times.
// slots[0] is the table, the other two are its own.
enum { SHARERS = 3, TABLE = 40, SHARED_STEPS = 1500 };
typedef void share_step(struct tri_mutator *own, tri_ref *slots, struct tri_random *random);
static share_step *shared_step;
static struct tri_handle *table;

static inline void share_alone(void *seed) {
  struct tri_mutator *own;
  struct tri_random random = {*(uint64_t *)seed};
  TRI_CHECK_EQ(tri_attach(heap, &own), TRI_OK);
  TRI_FRAME(own, f, 3);
  tri_root_set(own, &f.slot[0], tri_handle_get(own, table));
  for (int i = 0; i < SHARED_STEPS; i++) shared_step(own, f.slot, &random);
  TRI_FRAME_POP(own, f);
  tri_detach(own); // with what its barrier has kept
}

static inline void share_table(const char *options, share_step *step) {
  create(options);
  shared_step = step;
  table = tri_handle_new(m, tri_alloc(m, TRI_SHAPE(TABLE, 0)));
  TRI_CHECK(table);
  tri_collect(m, TRI_COLLECT_MINOR); // it is old, where there are generations
  run_actors(SHARERS, 1, share_alone);
  check_heap();
  tri_handle_free(m, table);
  TRI_CHECK_EQ(live_objects(), 0);
  destroy();
}

// Mutators that allocate, each for itself: objects know their size, some refer to others, some have
// finalizers.
enum { CHURNERS = 4, CHURNED = 2000, CHURN_KEPT = 20 };

static inline void churn_alone(void *seed) {
  struct tri_mutator *own;
  struct tri_random random = {*(uint64_t *)seed};
  TRI_CHECK_EQ(tri_attach(heap, &own), TRI_OK);
  TRI_FRAME(own, f, CHURN_KEPT);
  for (int i = 0; i < CHURNED; i++) {
    size_t k = (size_t)tri_random_below(&random, CHURN_KEPT),
           from = (size_t)tri_random_below(&random, CHURN_KEPT);
    size_t bytes = 8 + 8 * (size_t)tri_random_below(&random, i % 100 ? 30 : 3000);
    tri_ref object = tri_alloc(own, TRI_SHAPE(2, bytes));
    if (tri_is_null(object)) {
      TRI_CHECK_EQ(own->status, TRI_ENOMEM);
      tri_root_set(own, &f.slot[k], TRI_NULL);
      continue;
    }
    *(uint64_t *)tri_raw(own, object) = bytes;
    tri_init(own, object, 0, tri_random_below(&random, 4) ? TRI_NULL : f.slot[from]);
    tri_root_set(own, &f.slot[k], object);
    if (i % 700 == 0) tri_collect(own, TRI_COLLECT_FULL);
    if (i % 300 == 0) tri_finalizer_add(own, f.slot[k], bytes);
    if (!tri_is_null(f.slot[from])) {
      TRI_CHECK_EQ(*(uint64_t *)tri_raw(own, f.slot[from]), tri_shape_bytes(tri_shape(own, f.slot[from])));
      tri_store(own, f.slot[from], 1, tri_random_below(&random, 8) ? TRI_NULL : f.slot[k]);
    }
    uint64_t cookie;
    tri_ref queued = tri_finalizer_next(own, &cookie);
    if (!tri_is_null(queued)) TRI_CHECK_EQ(tri_shape_bytes(tri_shape(own, queued)), cookie);
    if (i % 50 == 0) {
      tri_park(own);
      tri_unpark(own);
    }
    tri_safepoint(own);
  }
  TRI_FRAME_POP(own, f);
  tri_detach(own);
}

static inline void churn(const char *options, uint64_t seed) {
  create(options);
  run_actors(CHURNERS, seed, churn_alone);
  live_objects();
  while (!tri_is_null(tri_finalizer_next(m, NULL))) {
  }
  TRI_CHECK_EQ(live_objects(), 0);
  destroy();
}

#endif
