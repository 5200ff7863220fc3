// Turns of several actors while another holds them again and again, in both forms.
#include "go/turns.h"

#include "common/schedule.h"

enum { ACTORS = 3, TURNS = 200, HOLDS = 60 };

static struct go_turns turns;
static unsigned at_work; // an atomic

static void work(void *context) {
  (void)context;
  for (unsigned i = 0; i < TURNS; i++) {
    go_turn_begin(&turns);
    __atomic_fetch_add(&at_work, 1, __ATOMIC_RELAXED);
    TRI_YIELD(PROGRAM_STEP);
    __atomic_fetch_sub(&at_work, 1, __ATOMIC_RELAXED);
    go_turn_end(&turns);
  }
}

static void test_holding(void) {
  go_turns_init(&turns, true);
  struct tri_actor actor[ACTORS];
  for (unsigned i = 0; i < ACTORS; i++) TRI_CHECK(tri_actor_spawn(&actor[i], TRI_ACTOR_MARKER, work, NULL));
  for (unsigned i = 0; i < HOLDS; i++) {
    go_turns_hold(&turns, true);
    go_turns_hold(&turns, true);
    TRI_CHECK_EQ(TRI_RELAXED_LOAD(&at_work), 0);
    go_turns_hold(&turns, false);
    TRI_YIELD(PROGRAM_STEP);
    TRI_CHECK_EQ(TRI_RELAXED_LOAD(&at_work), 0);
    go_turns_hold(&turns, false);
    TRI_YIELD(PROGRAM_STEP);
  }
  for (unsigned i = 0; i < ACTORS; i++) tri_actor_join(&actor[i]);
}

int main(void) {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    tri_schedule_begin(&(struct tri_schedule){.policy = TRI_SCHEDULE_RANDOM_WALK, .seed = seed});
    test_holding();
    tri_schedule_end();
  }
  go_turns_init(&turns, false);
  go_turns_hold(&turns, true);
  go_turn_begin(&turns); // nobody works beside the mutators: nothing waits
  go_turn_end(&turns);
  go_turns_hold(&turns, false);
  return 0;
}
