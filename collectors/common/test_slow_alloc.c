// The slow path of an allocation, on a heap that is a script: which attempts fail, and how often a reclaim
// says that another could free more.
#include "common/slow_alloc.h"

#include "common/check.h"

static struct script {
  int failing;  // attempts
  int reclaims; // worth doing
  bool held;    // the lock is to be, in the next attempt
  int attempts, reclaimed, out_of_memory;
} script;

static struct tri_mutex lock;

static tri_ref try_alloc(struct tri_mutator *m, struct tri_shape shape) {
  TRI_CHECK_EQ(tri_shape_bytes(shape), 8);
  TRI_CHECK_EQ(m->heap->stop_requested, !script.held);
  bool free = tri_mutex_try_lock(&lock);
  if (free) tri_mutex_unlock(&lock);
  TRI_CHECK_EQ(free, !script.held);
  return script.attempts++ < script.failing ? TRI_NULL : (tri_ref){8};
}

static bool reclaim(struct tri_mutator *m, bool again) {
  TRI_CHECK(m->heap->stop_requested);
  TRI_CHECK_EQ(again, script.reclaimed > 0);
  script.held = false;
  return ++script.reclaimed < script.reclaims;
}

static void see(void *context, struct tri_heap *of, const struct tri_event *event) {
  (void)context, (void)of;
  script.out_of_memory += event->kind == TRI_EVENT_OUT_OF_MEMORY;
}

static void test(struct tri_mutator *m, int failing, int reclaims, bool succeeds, int reclaimed) {
  script = (struct script){.failing = failing, .reclaims = reclaims, .held = true};
  m->status = TRI_OK;
  tri_ref object = tri_slow_alloc(m, TRI_SHAPE(0, 8), &lock, try_alloc, reclaim);
  TRI_CHECK_EQ(tri_is_null(object), !succeeds);
  TRI_CHECK_EQ(m->status, succeeds ? TRI_OK : TRI_ENOMEM);
  TRI_CHECK_EQ(script.reclaimed, reclaimed);
  TRI_CHECK_EQ(script.attempts, reclaimed + 1);
  TRI_CHECK_EQ(script.out_of_memory, !succeeds);
  TRI_CHECK_EQ(m->heap->stop_requested, 0);
}

int main(void) {
  static const struct tri_collector ops = {.name = "script",
                                           .caps = {.max_mutators = 1, .max_object_bytes = 64}};
  struct tri_heap heap = {0};
  struct tri_mutator m = {0};
  struct tri_heap_config config = {.sink = &(struct tri_event_sink){.event = see}};
  tri_mutex_init(&lock);
  TRI_CHECK_EQ(tri_heap_init(&heap, &ops, &config), TRI_OK);
  TRI_CHECK_EQ(tri_mutator_init(&m, &heap), TRI_OK);
  test(&m, 0, 1, true, 0);
  for (int reclaims = 1; reclaims < 4; reclaims++)
    for (int failing = 1; failing < 6; failing++)
      test(&m, failing, reclaims, failing <= reclaims, failing < reclaims ? failing : reclaims);
  script = (struct script){.held = true};
  TRI_CHECK(tri_is_null(tri_slow_alloc(&m, TRI_WEAK_SHAPE, &lock, try_alloc, reclaim)));
  TRI_CHECK_EQ(m.status, TRI_ENOTSUP);
  TRI_CHECK(tri_is_null(tri_slow_alloc(&m, TRI_SHAPE(0, 4096), &lock, try_alloc, reclaim)));
  TRI_CHECK_EQ(m.status, TRI_EINVAL);
  TRI_CHECK_EQ(script.attempts, 0);
  tri_mutator_fini(&m);
  tri_heap_fini(&heap);
  return 0;
}
