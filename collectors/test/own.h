// For tests of collectors' own paths: one heap with one mutator, checked wherever the test asks. The
// functions are for one translation unit, the test's.
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

static inline void destroy(void) {
  check_heap();
  tri_detach(m);
  tri_heap_destroy(heap);
  TRI_CHECK_EQ(tri_os_usage().reserved_bytes, 0);
  TRI_CHECK_EQ(tri_os_usage().metadata_blocks, 0);
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

#endif
