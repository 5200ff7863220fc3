#include "go/limiter.h"

#include "common/check.h"
#include "go/saturate.h"

static const double MARK_UTILIZATION = 0.25;
static const int64_t UPDATE_PERIOD = 10 * 1000 * 1000;
static const uint64_t CAPACITY_PER_PROCESSOR = 1000 * 1000 * 1000;

static void accumulate(struct go_limiter *limiter, int64_t mutator_time, int64_t gc_time) {
  int64_t change = go_sub_signed(gc_time, mutator_time);
  if (change > 0) {
    uint64_t room = limiter->capacity - limiter->fill, in = (uint64_t)change < room ? (uint64_t)change : room;
    limiter->fill += in;
    limiter->overflow = go_add(limiter->overflow, (uint64_t)change - in);
  } else {
    limiter->fill = go_sub(limiter->fill, 0 - (uint64_t)change);
  }
  limiter->limiting = limiter->fill == limiter->capacity;
}

// CPU time of all processors since the last update; 0 when the clock seems to go back.
static int64_t pass(struct go_limiter *limiter, int64_t now) {
  if (now <= limiter->last_update) return 0;
  int64_t elapsed = go_sub_signed(now, limiter->last_update);
  limiter->last_update = now;
  return go_mul_signed(elapsed, limiter->processors);
}

static void flush(struct go_limiter *limiter, int64_t now) {
  if (now < limiter->last_update) return;
  int64_t window = pass(limiter, now), gc_time = limiter->assist_time;
  if (limiter->marking) gc_time = go_add_signed(gc_time, go_truncate((double)window * MARK_UTILIZATION));
  int64_t busy = go_sub_signed(window, limiter->idle_time);
  limiter->assist_time = limiter->idle_time = 0;
  accumulate(limiter, go_sub_signed(busy, gc_time), gc_time);
}

void go_limiter_init(struct go_limiter *limiter, int64_t now, int processors) {
  *limiter = (struct go_limiter){.last_update = now};
  go_limiter_set_processors(limiter, now, processors);
}

void go_limiter_set_processors(struct go_limiter *limiter, int64_t now, int processors) {
  TRI_ASSERT(processors >= 1);
  flush(limiter, now);
  limiter->processors = processors;
  limiter->capacity = (uint64_t)processors * CAPACITY_PER_PROCESSOR;
  if (limiter->fill > limiter->capacity) limiter->fill = limiter->capacity;
  limiter->limiting = limiter->fill == limiter->capacity;
}

void go_limiter_add_assist_time(struct go_limiter *limiter, int64_t time) {
  limiter->assist_time = go_add_signed(limiter->assist_time, time);
}

void go_limiter_add_idle_time(struct go_limiter *limiter, int64_t time) {
  limiter->idle_time = go_add_signed(limiter->idle_time, time);
}

bool go_limiter_needs_update(const struct go_limiter *limiter, int64_t now) {
  return go_sub_signed(now, limiter->last_update) > UPDATE_PERIOD;
}

void go_limiter_update(struct go_limiter *limiter, int64_t now) {
  TRI_ASSERT(!limiter->transitioning);
  flush(limiter, now);
}

void go_limiter_start_transition(struct go_limiter *limiter, int64_t now, bool marking) {
  TRI_ASSERT(!limiter->transitioning && limiter->marking != marking);
  flush(limiter, now);
  limiter->marking = marking;
  limiter->transitioning = true;
}

void go_limiter_finish_transition(struct go_limiter *limiter, int64_t now) {
  TRI_ASSERT(limiter->transitioning);
  accumulate(limiter, 0, pass(limiter, now));
  limiter->transitioning = false;
}
