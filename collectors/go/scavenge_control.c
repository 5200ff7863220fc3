#include "go/scavenge_control.h"

#include "common/check.h"
#include "go/saturate.h"

static const uint64_t RETAIN_EXTRA = 10; // the gogc goal: a tenth more
static const double LIMIT_SHARE = 0.95;  // the memory-limit goal
static const double CPU_SHARE = 0.01;
static const double MIN_WORK_TIME = 1e6;
static const double TIME_PER_UNTIMED_PAGE = 10e3; // physical
static const double FIRST_SLEEP_RATIO = 0.001;
static const int64_t COOLDOWN = INT64_C(5000000000);

// --------------------------------------------------------------------------------------------------- goals

static uint64_t gogc_goal(const struct go_scavenge_inputs *in) {
  if (in->last_heap_goal == 0) return GO_NO_GOAL;
  TRI_ASSERT(in->physical_page && !(in->physical_page & (in->physical_page - 1)));
  double growth = (double)in->heap_goal / (double)in->last_heap_goal;
  uint64_t goal = go_truncate_unsigned((double)in->last_heap_in_use * growth);
  goal = go_add(goal, goal / RETAIN_EXTRA);
  goal = go_add(goal, in->physical_page - 1) & ~(in->physical_page - 1);
  return go_sub(in->heap_retained, goal) < in->physical_page ? GO_NO_GOAL : goal;
}

static uint64_t limit_goal(const struct go_scavenge_inputs *in) {
  uint64_t goal = go_truncate_unsigned((double)in->memory_limit * LIMIT_SHARE);
  return in->mapped_ready <= goal ? GO_NO_GOAL : goal;
}

struct go_scavenge_goals go_scavenge_goals(const struct go_scavenge_inputs *inputs) {
  return (struct go_scavenge_goals){gogc_goal(inputs), limit_goal(inputs)};
}

bool go_scavenge_is_due(const struct go_scavenge_goals *goals, uint64_t heap_retained,
                        uint64_t mapped_ready) {
  return heap_retained > goals->gogc || mapped_ready > goals->memory_limit;
}

uint64_t go_scavenge_at_growth(const struct go_scavenge_goals *goals, uint64_t heap_retained,
                               uint64_t growth) {
  uint64_t overage = go_sub(go_add(heap_retained, growth), goals->gogc);
  return growth < overage ? growth : overage;
}

uint64_t go_scavenge_at_limit(uint64_t memory_limit, uint64_t mapped_ready, uint64_t released,
                              bool limiting) {
  return limiting ? 0 : go_sub(go_add(mapped_ready, released), memory_limit);
}

// -------------------------------------------------------------------------------------- background worker

bool go_scavenge_step(struct go_scavenge_work *work, uint64_t released, int64_t time,
                      uint64_t physical_page) {
  work->released = go_add(work->released, released);
  work->time += time > 0 ? (double)time : TIME_PER_UNTIMED_PAGE * (double)(released / physical_page);
  return released >= GO_SCAVENGE_QUANTUM && work->time < MIN_WORK_TIME;
}

void go_scavenge_control_init(struct go_scavenge_control *control) {
  *control = (struct go_scavenge_control){
      .sleep_ratio = FIRST_SLEEP_RATIO,
      .controller = {.kp = 0.3375, .ti = 3.2e6, .tt = 1e9, .min = 0.001, .max = 1000},
  };
}

// A stretch counts as a millisecond at least, so that what is short is not followed by a short sleep.
static double work_time(const struct go_scavenge_work *work) {
  return work->time < MIN_WORK_TIME ? MIN_WORK_TIME : work->time;
}

int64_t go_scavenge_sleep_time(const struct go_scavenge_control *control,
                               const struct go_scavenge_work *work) {
  return go_truncate(work_time(work) / control->sleep_ratio);
}

bool go_scavenge_slept(struct go_scavenge_control *control, const struct go_scavenge_work *work,
                       int64_t slept, int processors) {
  double worked = work_time(work), period = (double)slept + worked;
  if (control->cooldown > 0) {
    control->cooldown = go_signed(go_sub((uint64_t)control->cooldown, go_truncate_unsigned(period)));
    return true;
  }
  double share = worked / (period * processors);
  if (go_pi_next(&control->controller, share, CPU_SHARE, period, &control->sleep_ratio)) return true;
  control->sleep_ratio = FIRST_SLEEP_RATIO;
  control->cooldown = COOLDOWN;
  return false;
}
