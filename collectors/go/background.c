#include "go/background.h"

#include "go/heap.h"

enum { SWEEP_BATCH = 10 }; // spans

static bool runs(const struct go_background *b) { return b->sweeper.runs || b->scavenger.runs; }

// -------------------------------------------------------------------------------- turns

static bool stops(struct go_background *b) {
  tri_mutex_lock(&b->lock);
  bool stops = b->stops;
  tri_mutex_unlock(&b->lock);
  return stops;
}

// Between them the world does not stop, nobody looks at the heap, and its lock is held.
static void begin_turn(struct go_heap *heap, struct go_helper *helper) {
  tri_default_unpark(&helper->self);
  go_turn_begin(&heap->turns);
  tri_mutex_lock(&heap->lock);
}

static void end_turn(struct go_heap *heap, struct go_helper *helper) {
  tri_mutex_unlock(&heap->lock);
  go_turn_end(&heap->turns);
  tri_default_park(&helper->self);
}

// Until there is something to do; false: no more, as the heap goes.
static bool wait_until_due(struct go_background *b, struct go_helper *helper) {
  tri_mutex_lock(&b->lock);
  while (!helper->due && !b->stops) tri_condition_wait(&b->changed, &b->lock);
  helper->due = false;
  bool goes_on = !b->stops;
  tri_mutex_unlock(&b->lock);
  return goes_on;
}

// -------------------------------------------------------------------------------- sweeper

static void sweep(void *context) {
  struct go_heap *heap = context;
  struct go_background *b = &heap->background;
  while (wait_until_due(b, &b->sweeper))
    for (bool done = false; !done && !stops(b);) {
      begin_turn(heap, &b->sweeper);
      done = go_sweep_some(heap, SWEEP_BATCH);
      end_turn(heap, &b->sweeper);
    }
}

// -------------------------------------------------------------------------------- scavenger

// Sleep so long, or until the heap goes. Returns how long it was.
static int64_t sleep_for(struct go_heap *heap, int64_t time) {
  struct go_background *b = &heap->background;
  const struct go_clock *clock = &heap->pace.clock;
  int64_t start = go_now(clock), slept = 0;
  tri_mutex_lock(&b->lock);
  TRI_RELAXED_STORE(&b->sleeps_until, start + time);
  while (!b->stops && (slept = go_now(clock) - start) < time) {
    if (clock->works)
      tri_condition_wait(&b->changed, &b->lock);
    else
      tri_condition_wait_for(&b->changed, &b->lock, (uint64_t)(time - slept));
  }
  TRI_RELAXED_STORE(&b->sleeps_until, INT64_MAX);
  tri_mutex_unlock(&b->lock);
  return slept;
}

// One piece of a stretch; false: the stretch has ended. The system takes its time without the heap's lock.
static bool scavenge_some(struct go_heap *heap, struct go_scavenge_work *work) {
  struct go_background *b = &heap->background;
  struct go_run run;
  uint64_t released = 0;
  begin_turn(heap, &b->scavenger);
  int64_t start = go_now(&heap->pace.clock);
  while (released < GO_SCAVENGE_QUANTUM &&
         go_scavenger_take(heap, GO_SCAVENGE_QUANTUM - released, &run)) {
    tri_mutex_unlock(&heap->lock);
    go_run_discard(&run);
    tri_mutex_lock(&heap->lock);
    released += go_scavenger_give(heap, &run);
  }
  int64_t time = heap->pace.clock.works ? 0 : go_now(&heap->pace.clock) - start;
  b->processors = heap->pace.processors;
  end_turn(heap, &b->scavenger);
  return go_scavenge_step(work, released, time, tri_os_page_bytes());
}

static void scavenge(void *context) {
  struct go_heap *heap = context;
  struct go_background *b = &heap->background;
  go_scavenge_control_init(&b->control);
  while (wait_until_due(b, &b->scavenger))
    while (!stops(b)) {
      struct go_scavenge_work work = {0};
      while (scavenge_some(heap, &work) && !stops(b)) {
      }
      if (!work.released) break; // until the next goals
      int64_t slept = sleep_for(heap, go_scavenge_sleep_time(&b->control, &work));
      go_scavenge_slept(&b->control, &work, slept, b->processors);
    }
}

// -------------------------------------------------------------------------------- from outside

static void begin(struct go_heap *heap, struct go_helper *helper, enum tri_actor_kind kind,
                  void (*work)(void *)) {
  tri_helper_init(&helper->self, &heap->base);
  helper->runs = tri_actor_spawn(&helper->actor, kind, work, heap);
}

void go_background_begin(struct go_heap *heap, bool sweeper, bool scavenger) {
  struct go_background *b = &heap->background;
  tri_mutex_init(&b->lock);
  tri_condition_init(&b->changed);
  b->sleeps_until = INT64_MAX;
  if (sweeper) begin(heap, &b->sweeper, TRI_ACTOR_SWEEPER, sweep);
  if (scavenger) begin(heap, &b->scavenger, TRI_ACTOR_COLLECTOR, scavenge);
}

void go_background_end(struct go_heap *heap) {
  struct go_background *b = &heap->background;
  tri_mutex_lock(&b->lock);
  b->stops = true;
  tri_condition_broadcast(&b->changed);
  tri_mutex_unlock(&b->lock);
  if (b->sweeper.runs) tri_actor_join(&b->sweeper.actor);
  if (b->scavenger.runs) tri_actor_join(&b->scavenger.actor);
}

void go_background_wake(struct go_heap *heap) {
  struct go_background *b = &heap->background;
  if (!runs(b)) return;
  tri_mutex_lock(&b->lock);
  b->sweeper.due = heap->sweep.unswept != 0;
  b->scavenger.due = true;
  tri_condition_broadcast(&b->changed);
  tri_mutex_unlock(&b->lock);
}

void go_background_tick(struct go_heap *heap) {
  struct go_background *b = &heap->background;
  if (!b->scavenger.runs || !heap->pace.clock.works ||
      go_now(&heap->pace.clock) < TRI_RELAXED_LOAD(&b->sleeps_until))
    return;
  tri_mutex_lock(&b->lock);
  tri_condition_broadcast(&b->changed);
  tri_mutex_unlock(&b->lock);
}
