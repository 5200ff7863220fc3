// Stopping the world and handshakes, on heaps without objects: one mutator step by step, then
// many that come to safepoints, park, attach anew and stop the world while a helper asks for
// handshakes and stops it as well.
#include "common/world.h"

#include "common/check.h"
#include "common/schedule.h"

enum { MUTATORS = 4, HANDSHAKES = TRI_FIBERS ? 100 : 20 };

struct seat {
  struct tri_mutator m;
  struct tri_actor actor;
  bool inside; // between two safepoints: nobody else may act for it
  unsigned acts;
};

static struct tri_heap heap;
static struct seat seats[MUTATORS];
static unsigned acted; // in the present handshake; an atomic
static bool done;      // the helper has had enough handshakes with somebody; an atomic
static bool stopped;   // by somebody

static void open_heap(void) {
  static const struct tri_collector ops = {.name = "world", .caps = {.max_mutators = MUTATORS}};
  struct tri_heap_config config = {.sink = &(struct tri_event_sink){0}};
  heap = (struct tri_heap){0};
  TRI_CHECK_EQ(tri_heap_init(&heap, &ops, &config), TRI_OK);
}

static void enter(struct seat *seat) {
  seat->m = (struct tri_mutator){0};
  TRI_CHECK_EQ(tri_mutator_init(&seat->m, &heap), TRI_OK);
}

static void act(struct tri_heap *of, struct tri_mutator *m) {
  TRI_CHECK(of == &heap);
  struct seat *seat = (struct seat *)m;
  TRI_CHECK(!seat->inside);
  seat->inside = true; // two at a time would see it
  TRI_YIELD(HANDSHAKE);
  seat->acts++;
  seat->inside = false;
  __atomic_fetch_add(&acted, 1, __ATOMIC_RELAXED);
}

static void poll(struct seat *seat) {
  seat->inside = false;
  if (TRI_RELAXED_LOAD(&heap.stop_requested)) tri_safepoint_slow(&seat->m);
  seat->inside = true;
}

// -------------------------------------------------------------------------------- step by step

static void test_one(void) {
  struct tri_mutator helper = {0};
  struct seat *a = &seats[0], *b = &seats[1];
  open_heap();
  tri_helper_init(&helper, &heap);
  tri_handshake_post(&heap, act); // nobody is there
  tri_default_unpark(&helper);
  TRI_CHECK(tri_handshake_help(&helper));
  TRI_CHECK(!heap.stop_requested);
  enter(a);
  enter(b);
  a->acts = b->acts = 0;

  // Who runs does it at a safepoint, who is parked is helped.
  tri_default_park(&b->m);
  tri_handshake_post(&heap, act);
  TRI_CHECK(heap.stop_requested);
  TRI_CHECK(!tri_handshake_help(&helper));
  TRI_CHECK_EQ(b->acts, 1);
  TRI_CHECK_EQ(a->acts, 0);
  TRI_CHECK(!tri_handshake_help(&helper));
  tri_safepoint_slow(&a->m);
  TRI_CHECK_EQ(a->acts, 1);
  TRI_CHECK(!heap.stop_requested);
  TRI_CHECK(tri_handshake_help(&helper));
  tri_safepoint_slow(&a->m);
  TRI_CHECK_EQ(a->acts, 1);

  // A mutator acts for itself and the parked; who attaches meanwhile owes nothing; who leaves has done it.
  tri_handshake_post(&heap, act);
  struct seat *c = &seats[2];
  c->acts = 0;
  enter(c);
  TRI_CHECK(!c->m.owes);
  tri_default_unpark(&b->m);
  TRI_CHECK(!tri_handshake_help(&a->m));
  TRI_CHECK_EQ(a->acts, 2);
  TRI_CHECK_EQ(b->acts, 1);
  tri_mutator_fini(&b->m);
  TRI_CHECK_EQ(b->acts, 2);
  tri_handshake_wait(&a->m);
  TRI_CHECK(!heap.stop_requested);

  // With the world stopped one acts for all.
  tri_default_park(&c->m);
  tri_default_park(&helper);
  tri_handshake_post(&heap, act);
  TRI_CHECK(tri_world_stop(&a->m));
  tri_handshake_finish(&heap);
  TRI_CHECK_EQ(heap.world->owing, 0);
  TRI_CHECK_EQ(a->acts, 3);
  TRI_CHECK_EQ(c->acts, 1);
  TRI_CHECK(heap.stop_requested);
  tri_world_resume(&a->m);
  TRI_CHECK(!heap.stop_requested);
  tri_default_unpark(&c->m);
  tri_mutator_fini(&c->m);
  tri_mutator_fini(&a->m);
  tri_heap_fini(&heap);
}

// -------------------------------------------------------------------------------- all at once

static void stop(struct tri_mutator *m) {
  if (!tri_world_stop(m)) return;
  TRI_CHECK(!stopped);
  stopped = true;
  for (int i = 0; i < MUTATORS; i++) TRI_CHECK(&seats[i].m == m || !seats[i].inside);
  TRI_YIELD(STOPPED);
  stopped = false;
  tri_world_resume(m);
}

static void mutate(void *context) {
  struct seat *seat = context;
  for (unsigned i = 0; !TRI_RELAXED_LOAD(&done); i++) {
    enter(seat);
    for (unsigned k = 0; k < 6; k++) poll(seat);
    seat->inside = false;
    if (i % 3 == 0) stop(&seat->m);
    if (i % 4 == 1) {
      tri_default_park(&seat->m);
      tri_default_unpark(&seat->m);
    }
    tri_mutator_fini(&seat->m);
    if (!TRI_RELAXED_LOAD(&done)) tri_actor_spin();
  }
}

static void test_many(void *context) {
  (void)context;
  struct tri_mutator helper = {0};
  open_heap();
  tri_helper_init(&helper, &heap);
  TRI_RELAXED_STORE(&done, false);
  for (int i = 0; i < MUTATORS; i++) seats[i] = (struct seat){0};
  for (int i = 0; i < MUTATORS; i++)
    TRI_CHECK(tri_actor_spawn(&seats[i].actor, TRI_ACTOR_MUTATOR, mutate, &seats[i]));
  for (unsigned i = 0; i < HANDSHAKES; i += TRI_RELAXED_LOAD(&acted) > 0) {
    tri_default_unpark(&helper);
    TRI_RELAXED_STORE(&acted, 0);
    tri_handshake_post(&heap, act);
    tri_handshake_wait(&helper);
    TRI_CHECK_EQ(heap.world->owing, 0);
    TRI_CHECK_LE(TRI_RELAXED_LOAD(&acted), MUTATORS);
    if (i % 5 == 0) stop(&helper);
    tri_default_park(&helper);
    tri_actor_spin();
  }
  TRI_RELAXED_STORE(&done, true);
  for (int i = 0; i < MUTATORS; i++) tri_actor_join(&seats[i].actor);
  tri_heap_fini(&heap);
}

int main(void) {
  test_one();
  for (uint64_t seed = 1; seed <= (TRI_FIBERS ? 40 : 1); seed++) {
    struct tri_schedule schedule = {.policy = TRI_SCHEDULE_RANDOM_WALK, .seed = seed};
    TRI_CHECK_EQ(tri_schedule_run(&schedule, test_many, NULL).status, TRI_SCHEDULE_OK);
  }
  return 0;
}
