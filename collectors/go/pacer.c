#include "go/pacer.h"

#include "common/check.h"
#include "go/saturate.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

static const double GOAL_UTILIZATION = 0.25; // of all processors
static const double MAX_UTILIZATION_ERROR = 0.3;
static const uint64_t HEAP_MINIMUM = 4 * MIB; // at gogc=100
static const uint64_t SWEEP_MINIMUM = 1 * MIB;
static const uint64_t MIN_RUNWAY = 64 * KIB; // from where a cycle began to its goal
static const uint64_t MIN_HEADROOM = 1 * MIB;
static const uint64_t HEADROOM_PERCENT = 3;
// Bounds of the trigger, in 64ths of the way from the marked heap to the goal.
static const uint64_t TRIGGER_PARTS = 64, MIN_TRIGGER_PARTS = 45, MAX_TRIGGER_PARTS = 61;
static const int32_t GOGC_OFF_PERCENT = 100000; // what off is in a collection that runs nevertheless
static const double MAX_OVERSHOOT = 1.1;
static const int64_t MIN_SCAN_WORK = 1000;
static const int64_t MIN_ASSIST_WORK = 64 * KIB;
static const double FRACTIONAL_SLACK = 1.2;

static uint64_t max_of(uint64_t a, uint64_t b) { return a > b ? a : b; }
static uint64_t min_of(uint64_t a, uint64_t b) { return a < b ? a : b; }

// ------------------------------------------------------------------------------------------------- workers

struct go_mark_workers go_mark_workers(int processors, bool periodic) {
  TRI_ASSERT(processors >= 1);
  double goal = processors * GOAL_UTILIZATION;
  struct go_mark_workers workers = {.dedicated = (int)(goal + 0.5)};
  double error = workers.dedicated / goal - 1;
  if (error < -MAX_UTILIZATION_ERROR || error > MAX_UTILIZATION_ERROR) {
    if (workers.dedicated > goal) workers.dedicated--;
    workers.fractional_goal = (goal - workers.dedicated) / processors;
  }
  // Fractional workers alone need not get to run: then one idle worker makes sure that a periodic cycle ends.
  workers.max_idle = periodic ? workers.dedicated == 0 : processors - workers.dedicated;
  return workers;
}

bool go_fractional_worker_is_due(double goal, int64_t marked, int64_t elapsed) {
  return elapsed <= 0 || (double)marked / (double)elapsed <= goal;
}

bool go_fractional_worker_is_over(double goal, int64_t marked, int64_t elapsed) {
  return elapsed <= 0 || (double)marked / (double)elapsed > FRACTIONAL_SLACK * goal;
}

// ----------------------------------------------------------------------------------------- goal and trigger

static uint64_t expected_scan_work(const struct go_pacer *pacer) {
  return go_add(go_add(pacer->last_heap_scan, pacer->last_stack_scan), pacer->globals_scan);
}

static uint64_t memory_limit_goal(const struct go_pacer *pacer) {
  uint64_t others = go_sub(go_sub(pacer->mapped_ready, pacer->heap_free), pacer->heap_alloc);
  uint64_t overage = go_sub(pacer->mapped_ready, pacer->memory_limit);
  uint64_t goal = go_sub(pacer->memory_limit, go_add(others, overage));
  if (goal == 0) return pacer->heap_marked; // without any heap it would not fit: collect all the time
  uint64_t headroom =
      pacer->generation == GO_PACER_1_19 ? MIN_HEADROOM : max_of(goal / 100 * HEADROOM_PERCENT, MIN_HEADROOM);
  goal = max_of(go_sub(goal, headroom), headroom);
  return max_of(goal, pacer->heap_marked);
}

// The goal, and a minimum of the trigger that is not derived from it. Where the memory limit decides, nothing
// moves the goal up.
static uint64_t goal_and_minimum(const struct go_pacer *pacer, uint64_t *min_trigger) {
  *min_trigger = 0;
  uint64_t limit_goal = memory_limit_goal(pacer);
  if (limit_goal < pacer->gogc_goal) return limit_goal;
  *min_trigger = pacer->sweep_minimum;
  uint64_t goal = max_of(pacer->gogc_goal, pacer->sweep_minimum);
  if (pacer->triggered != GO_NOT_MARKING) goal = max_of(goal, go_add(pacer->triggered, MIN_RUNWAY));
  if (goal <= pacer->goal_max) return goal;
  *min_trigger = 0;
  return pacer->goal_max;
}

uint64_t go_pacer_goal(const struct go_pacer *pacer) {
  uint64_t min_trigger;
  return goal_and_minimum(pacer, &min_trigger);
}

struct go_pacing go_pacer_pacing(const struct go_pacer *pacer) {
  uint64_t min, marked = pacer->heap_marked, goal = goal_and_minimum(pacer, &min);
  if (marked >= goal) return (struct go_pacing){goal, goal};
  uint64_t part = (goal - marked) / TRIGGER_PARTS;
  min = max_of(max_of(min, marked), marked + part * MIN_TRIGGER_PARTS);
  uint64_t max = max_of(marked + part * MAX_TRIGGER_PARTS, go_sub(goal, HEAP_MINIMUM));
  max = max_of(max, min);
  uint64_t trigger = go_sub(goal, pacer->runway);
  return (struct go_pacing){min_of(max_of(trigger, min), max), goal};
}

// An estimate below 0, which 1.19's controller may make, or without bound counts as none: the runway is as
// long as can be. (Go leaves both to the machine's conversion; for the former amd64 does this.)
static uint64_t runway(double bytes) { return bytes > -1 ? go_truncate_unsigned(bytes) : UINT64_MAX; }

void go_pacer_commit(struct go_pacer *pacer, bool sweep_done) {
  pacer->sweep_minimum = sweep_done ? 0 : go_add(pacer->heap_live, SWEEP_MINIMUM);
  pacer->gogc_goal = UINT64_MAX;
  if (pacer->gogc >= 0) {
    uint64_t roots = go_add(pacer->last_stack_scan, pacer->globals_scan);
    uint64_t growth = go_percent(go_add(pacer->heap_marked, roots), (uint32_t)pacer->gogc);
    pacer->gogc_goal = max_of(go_add(pacer->heap_marked, growth), pacer->heap_minimum);
  }
  double ratio = pacer->cons_mark * (1 - GOAL_UTILIZATION) / GOAL_UTILIZATION;
  pacer->runway = runway(ratio * (double)expected_scan_work(pacer));
}

void go_pacer_set_gogc(struct go_pacer *pacer, int32_t gogc) {
  pacer->gogc = gogc < 0 ? GO_GOGC_OFF : gogc;
  pacer->heap_minimum = gogc < 0 ? 0 : go_percent(HEAP_MINIMUM, (uint32_t)gogc);
}

void go_pacer_set_memory_limit(struct go_pacer *pacer, uint64_t limit) {
  pacer->memory_limit = min_of(limit, GO_NO_MEMORY_LIMIT);
}

void go_pacer_init(struct go_pacer *pacer, enum go_pacer_generation generation, int32_t gogc,
                   uint64_t memory_limit) {
  *pacer = (struct go_pacer){
      .generation = generation,
      .goal_max = UINT64_MAX,
      .triggered = GO_NOT_MARKING,
      .cons_mark_controller = {.kp = 0.9, .ti = 4, .tt = 1000, .min = -1000, .max = 1000}, // time in cycles
  };
  go_pacer_set_gogc(pacer, gogc);
  go_pacer_set_memory_limit(pacer, memory_limit);
  go_pacer_commit(pacer, true);
}

// --------------------------------------------------------------------------------------------------- a cycle

static uint64_t scan_work(const struct go_pacer *pacer) {
  return go_add(go_add(pacer->heap_scan_work, pacer->stack_scan_work), pacer->globals_scan_work);
}

void go_pacer_start_cycle(struct go_pacer *pacer, int64_t now, int processors, bool periodic) {
  pacer->heap_scan_work = pacer->stack_scan_work = pacer->globals_scan_work = 0;
  pacer->assist_time = pacer->idle_mark_time = 0;
  pacer->mark_start = now;
  // 1.19 measures from where the cycle should have begun, as if nothing had been allocated before it did.
  pacer->triggered = pacer->generation == GO_PACER_1_19 ? go_pacer_pacing(pacer).trigger : pacer->heap_live;
  pacer->workers = go_mark_workers(processors, periodic);
  go_pacer_revise(pacer);
}

void go_pacer_revise(struct go_pacer *pacer) {
  int64_t goal = go_signed(go_pacer_goal(pacer)), live = go_signed(pacer->heap_live);
  int64_t expected = go_signed(expected_scan_work(pacer)), work = go_signed(scan_work(pacer));
  int64_t most = go_signed(go_add(go_add(pacer->heap_scan, pacer->max_stack_scan), pacer->globals_scan));
  if (work > expected) {
    // The heap grows. Keep the ratio: extend the goal as if all that can be scanned has to be, but no further
    // than the next cycle's goal will be.
    int64_t triggered = go_signed(pacer->triggered);
    double way = (double)(goal - triggered) / (double)expected * (double)most;
    int64_t extended = go_add_signed(go_truncate(way), triggered);
    int32_t gogc = pacer->gogc < 0 ? GOGC_OFF_PERCENT : pacer->gogc;
    int64_t hard_goal = go_truncate((1.0 + gogc / 100.0) * (double)goal);
    goal = extended > hard_goal ? hard_goal : extended;
    expected = most;
  }
  if (live > goal) { // too late: finish by the overshoot even if everything lives
    goal = go_truncate((double)goal * MAX_OVERSHOOT);
    expected = most;
  }
  int64_t scan_left = expected - work, heap_left = go_sub_signed(goal, live);
  if (scan_left < MIN_SCAN_WORK) scan_left = MIN_SCAN_WORK; // estimates miss by a little, double scanning too
  if (heap_left <= 0) heap_left = 1;
  pacer->assist_work_per_byte = (double)scan_left / (double)heap_left;
  pacer->assist_bytes_per_work = (double)heap_left / (double)scan_left;
}

struct go_assist go_pacer_assist(const struct go_pacer *pacer, int64_t debt) {
  struct go_assist assist = {go_truncate(pacer->assist_work_per_byte * (double)debt), debt};
  if (assist.scan_work < MIN_ASSIST_WORK) {
    assist.scan_work = MIN_ASSIST_WORK;
    assist.credit = go_truncate(pacer->assist_bytes_per_work * (double)MIN_ASSIST_WORK);
  }
  return assist;
}

// The largest of this and the last samples: better to begin early than to assist.
static void smooth_by_largest(struct go_pacer *pacer, double sample) {
  double *samples = pacer->cons_mark_samples;
  pacer->cons_mark = sample;
  for (int i = 0; i < GO_CONS_MARK_SAMPLES; i++)
    if (samples[i] > pacer->cons_mark) pacer->cons_mark = samples[i];
  for (int i = 0; i + 1 < GO_CONS_MARK_SAMPLES; i++) samples[i] = samples[i + 1];
  samples[GO_CONS_MARK_SAMPLES - 1] = sample;
}

static void smooth_by_controller(struct go_pacer *pacer, double sample) {
  if (!go_pi_next(&pacer->cons_mark_controller, pacer->cons_mark, sample, 1, &pacer->cons_mark))
    pacer->cons_mark = 0;
}

void go_pacer_end_cycle(struct go_pacer *pacer, int64_t now, int processors) {
  pacer->last_heap_goal = go_pacer_goal(pacer);
  uint64_t work = scan_work(pacer);
  // Nothing allocated: nothing to learn. Nothing scanned: neither (Go's globals are never empty).
  if (pacer->heap_live <= pacer->triggered || work == 0) return;
  double utilization = GOAL_UTILIZATION, idle = 0;
  int64_t elapsed = go_sub_signed(now, pacer->mark_start);
  if (elapsed > 0) {
    double cpu_time = (double)go_mul_signed(elapsed, processors);
    utilization += (double)pacer->assist_time / cpu_time;
    idle = (double)pacer->idle_mark_time / cpu_time;
  }
  // Both rates have the cycle's CPU time below them; it cancels out.
  double sample = ((double)(pacer->heap_live - pacer->triggered) * (utilization + idle)) /
                  ((double)work * (1 - utilization));
  if (pacer->generation == GO_PACER_1_19)
    smooth_by_controller(pacer, sample);
  else
    smooth_by_largest(pacer, sample);
}

void go_pacer_reset_live(struct go_pacer *pacer, uint64_t bytes_marked) {
  pacer->heap_marked = pacer->heap_live = bytes_marked;
  pacer->heap_scan = pacer->last_heap_scan = pacer->heap_scan_work;
  pacer->last_stack_scan = pacer->stack_scan_work;
  pacer->triggered = GO_NOT_MARKING;
}
