// yuasa's own paths: its snapshot under each option, and the pace. What mark-sweep collectors share is tested
// in common/, what every collector has to do in collectors/test.
#include "test/snapshot.h"

// ------------------------------------------------------------------------------------------------------ pace

struct seen {
  size_t begun, steps, ended, rushed; // rushed: ended without a step before
  size_t steps_before;
};

static void see(void *context, struct tri_heap *of, const struct tri_event *event) {
  struct seen *seen = context;
  (void)of;
  seen->begun += event->kind == TRI_EVENT_COLLECTION_BEGIN;
  seen->steps += event->kind == TRI_EVENT_MARK_STEP;
  if (event->kind != TRI_EVENT_COLLECTION_END) return;
  seen->ended++;
  seen->rushed += seen->steps < seen->steps_before + 4;
  seen->steps_before = seen->steps;
}

// Allocation alone begins collections, and takes enough steps for them to end before memory does.
static void test_pace(void) {
  struct seen seen = {0};
  create_with((struct tri_heap_params){.options = "heap=8m", .sink = {see, &seen}});
  TRI_FRAME(m, f, 1);
  enum { KEPT = 40000, MADE = 600000 };
  for (size_t i = 0; i < KEPT; i++) {
    tri_ref object = node(m, i, 24);
    tri_init(m, object, 0, f.slot[0]);
    tri_root_set(m, &f.slot[0], object);
  }
  for (size_t i = 0; i < MADE; i++) node(m, i, 24);
  TRI_CHECK_GE(seen.ended, 5);
  TRI_CHECK_LE(seen.rushed, 1); // before the first one nothing is known
  TRI_CHECK_LE(seen.begun - seen.ended, 1);
  tri_ref object = f.slot[0];
  for (size_t i = KEPT; i-- > 0; object = tri_load(m, object, 0))
    TRI_CHECK_EQ(*(uint64_t *)tri_raw(m, object), i);
  TRI_FRAME_POP(m, f);
  destroy();

  create_with((struct tri_heap_params){.options = "heap=1m,trigger=100", .sink = {see, &(struct seen){0}}});
  for (size_t i = 0; i < 10000; i++) node(m, i, 24);
  TRI_CHECK_EQ(heap->epoch, 0); // none by itself
  destroy();
}

static void test_all(void) {
  test_losses("heap=1m");
  test_losses("heap=1m,buffer=1");
  test_losses("heap=1m,mark_stack=0,buffer=2,run=1");
  test_black("heap=1m");
  test_black("heap=1m,run=1,mark_stack=0");
  test_coming_and_going();
  test_pace();
  under_schedules(test_mutators, "heap=512k");
  under_schedules(test_mutators, "heap=512k,buffer=2,mark_stack=1,run=2,trigger=20");
}

int main(void) {
  test_with_filling("yuasa", test_all);
  return 0;
}
