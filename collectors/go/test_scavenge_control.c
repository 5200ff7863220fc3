// The scavenger's goals by hand-computed numbers, its pace on a fake clock. Each case names the slips that it
// has been seen to find, as [right -> wrong].
#include "go/scavenge_control.h"

#include <math.h>

#include "common/check.h"
#include "common/random.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

enum { PHYSICAL_PAGE = 4096 };
static const int64_t US = 1000, MS = 1000 * 1000, SECOND = 1000 * 1000 * 1000;

static struct go_scavenge_inputs inputs(void) {
  return (struct go_scavenge_inputs){
      .memory_limit = INT64_MAX,
      .heap_goal = 200 * MIB,
      .last_heap_goal = 100 * MIB,
      .last_heap_in_use = 100 * MIB,
      .heap_retained = 300 * MIB,
      .mapped_ready = 310 * MIB,
      .physical_page = PHYSICAL_PAGE,
  };
}

// [no extra; the extra of what was in use; the ratio upside down; of heap_retained]
static void test_gogc_goal(void) {
  struct go_scavenge_inputs in = inputs();
  TRI_CHECK_EQ(go_scavenge_goals(&in).gogc, 220 * MIB);
  TRI_CHECK(go_scavenge_goals(&in).memory_limit == GO_NO_GOAL);
  in.heap_goal = 50 * MIB;
  TRI_CHECK_EQ(go_scavenge_goals(&in).gogc, 55 * MIB);
}

// [not rounded; rounded down; the goal itself is one page more]
static void test_gogc_goal_is_in_pages(void) {
  struct go_scavenge_inputs in = inputs();
  in.heap_goal = in.last_heap_goal;
  in.last_heap_in_use = 100 * MIB + 1;
  TRI_CHECK_EQ(go_scavenge_goals(&in).gogc, 115347456); // 104857601 + 10485760, up
  TRI_CHECK_EQ(115347456 % PHYSICAL_PAGE, 0);
  in.last_heap_in_use = 40960; // a tenth more is 11 pages
  TRI_CHECK_EQ(go_scavenge_goals(&in).gogc, 11 * PHYSICAL_PAGE);
}

// [above by less than a page is work; below is; the first cycle divides by 0]
static void test_no_gogc_goal(void) {
  struct go_scavenge_inputs in = inputs();
  in.heap_retained = 220 * MIB + PHYSICAL_PAGE;
  TRI_CHECK_EQ(go_scavenge_goals(&in).gogc, 220 * MIB);
  in.heap_retained--;
  TRI_CHECK(go_scavenge_goals(&in).gogc == GO_NO_GOAL);
  in.heap_retained = 10 * MIB;
  TRI_CHECK(go_scavenge_goals(&in).gogc == GO_NO_GOAL);
  in = inputs();
  in.last_heap_goal = 0;
  TRI_CHECK(go_scavenge_goals(&in).gogc == GO_NO_GOAL);
  in.heap_goal = 0;
  TRI_CHECK(go_scavenge_goals(&in).gogc == GO_NO_GOAL);
}

// [0.95 -> 95, as in Go 1.19: never; 1; at the goal there is work]
static void test_limit_goal(void) {
  struct go_scavenge_inputs in = inputs();
  in.memory_limit = 1000 * MIB;
  in.mapped_ready = 960 * MIB;
  struct go_scavenge_goals goals = go_scavenge_goals(&in);
  TRI_CHECK_EQ(goals.memory_limit, 950 * MIB);
  TRI_CHECK(go_scavenge_is_due(&goals, 0, 960 * MIB));
  TRI_CHECK(!go_scavenge_is_due(&goals, 0, 950 * MIB));
  in.mapped_ready = 950 * MIB + 1;
  TRI_CHECK_EQ(go_scavenge_goals(&in).memory_limit, 950 * MIB);
  in.mapped_ready = 950 * MIB;
  TRI_CHECK(go_scavenge_goals(&in).memory_limit == GO_NO_GOAL);
  in.memory_limit = INT64_MAX;
  in.mapped_ready = UINT64_C(1) << 50;
  TRI_CHECK(go_scavenge_goals(&in).memory_limit == GO_NO_GOAL);
}

// [both goals needed; either input held against the other goal]
static void test_is_due(void) {
  struct go_scavenge_goals goals = {220 * MIB, 950 * MIB};
  TRI_CHECK(!go_scavenge_is_due(&goals, 220 * MIB, 950 * MIB));
  TRI_CHECK(go_scavenge_is_due(&goals, 220 * MIB + 1, 500 * MIB));
  TRI_CHECK(go_scavenge_is_due(&goals, 100 * MIB, 950 * MIB + 1));
  goals = (struct go_scavenge_goals){GO_NO_GOAL, GO_NO_GOAL};
  TRI_CHECK(!go_scavenge_is_due(&goals, 1000 * MIB, 1000 * MIB));
}

// [all that is above the goal, not just the growth; the growth even if less is above; without a goal]
static void test_at_growth(void) {
  struct go_scavenge_goals goals = {220 * MIB, GO_NO_GOAL};
  TRI_CHECK_EQ(go_scavenge_at_growth(&goals, 100 * MIB, 4 * MIB), 0);
  TRI_CHECK_EQ(go_scavenge_at_growth(&goals, 217 * MIB, 4 * MIB), 1 * MIB);
  TRI_CHECK_EQ(go_scavenge_at_growth(&goals, 300 * MIB, 4 * MIB), 4 * MIB);
  goals.gogc = GO_NO_GOAL;
  TRI_CHECK_EQ(go_scavenge_at_growth(&goals, UINT64_MAX - 1, 4 * MIB), 0);
}

// [the goal of 95 % for the limit; while the limiter limits; what comes back does not count]
static void test_at_limit(void) {
  TRI_CHECK_EQ(go_scavenge_at_limit(100 * MIB, 98 * MIB, 2 * MIB, false), 0);
  TRI_CHECK_EQ(go_scavenge_at_limit(100 * MIB, 98 * MIB, 5 * MIB, false), 3 * MIB);
  TRI_CHECK_EQ(go_scavenge_at_limit(100 * MIB, 130 * MIB, 1 * MIB, false), 31 * MIB);
  TRI_CHECK_EQ(go_scavenge_at_limit(100 * MIB, 130 * MIB, 1 * MIB, true), 0);
}

// ------------------------------------------------------------------------------------------------- the pace

// [1 ms -> 2; a step too many; a short quantum does not end it; no time is no work]
static void test_step(void) {
  struct go_scavenge_work work = {0};
  for (int i = 1; i <= 4; i++) TRI_CHECK(go_scavenge_step(&work, 64 * KIB, 240 * US, PHYSICAL_PAGE));
  TRI_CHECK(!go_scavenge_step(&work, 64 * KIB, 40 * US, PHYSICAL_PAGE));
  TRI_CHECK_EQ(work.released, 5 * 64 * KIB);
  TRI_CHECK(work.time == (double)MS);

  work = (struct go_scavenge_work){0};
  TRI_CHECK(!go_scavenge_step(&work, 60 * KIB, 10 * US, PHYSICAL_PAGE));
  work = (struct go_scavenge_work){0};
  TRI_CHECK(!go_scavenge_step(&work, 0, 10 * US, PHYSICAL_PAGE));
  TRI_CHECK_EQ(work.released, 0);

  work = (struct go_scavenge_work){0};
  int steps = 1;
  while (go_scavenge_step(&work, 64 * KIB, 0, PHYSICAL_PAGE) && steps < 100) steps++;
  TRI_CHECK_EQ(steps, 7); // of 16 pages and 160 us each
  TRI_CHECK(work.time == 1120e3);
  work = (struct go_scavenge_work){0};
  TRI_CHECK(go_scavenge_step(&work, 64 * KIB, -5, 65536));
  TRI_CHECK(work.time == 10e3);
}

// [no least time; the ratio upside down; 0.001 -> 0.01]
static void test_sleep_time(void) {
  struct go_scavenge_control control;
  go_scavenge_control_init(&control);
  struct go_scavenge_work work = {.time = 2e6};
  TRI_CHECK_EQ(go_scavenge_sleep_time(&control, &work), 2 * SECOND);
  work.time = 1000;
  TRI_CHECK_EQ(go_scavenge_sleep_time(&control, &work), 1 * SECOND);
}

// The first step of the controller. [kp; ti; tt; max; without processors; the period without the work]
static void test_first_steps(void) {
  struct go_scavenge_control control;
  go_scavenge_control_init(&control);
  struct go_scavenge_work work = {.time = 2e6};
  TRI_CHECK(go_scavenge_slept(&control, &work, 38 * MS, 4)); // 2 of 160 ms
  double error = 0.01 - 2.0 / 160, raw = 0.3375 * error;
  TRI_CHECK(control.sleep_ratio == 0.001);
  double integral = 0.3375 * 40e6 / 3.2e6 * error + 40e6 / 1e9 * (0.001 - raw);
  TRI_CHECK(fabs(control.controller.integral - integral) < 1e-12);
  work.time = 1;
  TRI_CHECK(go_scavenge_slept(&control, &work, 999 * MS, 1)); // 1 of 1000 ms, as the least
  error = 0.01 - 0.001;
  TRI_CHECK(fabs(control.sleep_ratio - 0.001) < 1e-12);
  integral += 0.3375 * 1000e6 / 3.2e6 * error + (0.001 - (0.3375 * error + integral));
  TRI_CHECK(fabs(control.controller.integral - integral) < 1e-9);
  TRI_CHECK(go_scavenge_slept(&control, &work, 999 * MS, 1));
  TRI_CHECK(fabs(control.sleep_ratio - (0.3375 * error + integral)) < 1e-9);
  control.controller.integral = 1e6;
  TRI_CHECK(go_scavenge_slept(&control, &work, 999 * MS, 1));
  TRI_CHECK(control.sleep_ratio == 1000);
}

// What a controller that fails does: begin again, and wait 5 s of work and sleep. [no cool-down; of sleep
// alone; it is asked meanwhile; the ratio stays]
static void test_cooldown(void) {
  struct go_scavenge_control control;
  go_scavenge_control_init(&control);
  struct go_scavenge_work work = {.time = 1e9};
  control.sleep_ratio = 0.5;
  TRI_CHECK(!go_scavenge_slept(&control, &work, -1 * SECOND, 1)); // a clock beside itself: no time has passed
  TRI_CHECK(control.sleep_ratio == 0.001);
  TRI_CHECK_EQ(control.cooldown, 5 * SECOND);
  control.sleep_ratio = 0.25; // seen to stay
  for (int i = 1; i <= 5; i++) {
    TRI_CHECK(control.sleep_ratio == 0.25);
    TRI_CHECK_LT(0, control.cooldown);
    TRI_CHECK(go_scavenge_slept(&control, &work, i < 5 ? 0 : 3 * SECOND, 1));
  }
  TRI_CHECK_EQ(control.cooldown, 0);
  TRI_CHECK(control.sleep_ratio == 0.25);
  TRI_CHECK(go_scavenge_slept(&control, &work, 1 * SECOND, 1));
  TRI_CHECK(control.sleep_ratio != 0.25);
}

// Release so many bytes at 10 us a page on a machine that sleeps `longer` times as long as asked and more or
// less of a tenth. The share of time that it took, of all processors.
static double run(uint64_t bytes, double longer, int processors, uint64_t seed) {
  struct tri_random random = {seed};
  struct go_scavenge_control control;
  go_scavenge_control_init(&control);
  double worked = 0, total = 0;
  while (bytes > 0) {
    struct go_scavenge_work work = {0};
    bool on = true;
    while (on) {
      uint64_t n = bytes < GO_SCAVENGE_QUANTUM ? bytes : GO_SCAVENGE_QUANTUM;
      bytes -= n;
      on = go_scavenge_step(&work, n, (int64_t)(n / PHYSICAL_PAGE) * 10 * US, PHYSICAL_PAGE);
    }
    double noise = 0.9 + 0.2 * (double)tri_random_below(&random, 1000) / 1000;
    int64_t slept = (int64_t)((double)go_scavenge_sleep_time(&control, &work) * longer * noise);
    TRI_CHECK(go_scavenge_slept(&control, &work, slept, processors));
    worked += work.time;
    total += work.time + (double)slept;
  }
  return worked / (total * processors);
}

// 1 % of the time, whatever the machine makes of sleeping. [1 -> 2 %; the controller's sign; no controller]
static void test_share_of_time(void) {
  for (int processors = 1; processors <= 16; processors *= 4)
    for (double longer = 0.5; longer <= 4; longer *= 2) {
      double share = run(1024 * MIB, longer, processors, 5);
      TRI_CHECK(share > 0.0088 && share < 0.0112);
    }
}

// [a plain sum or product]
static void test_any_input(void) {
  struct tri_random random = {9};
  for (int i = 0; i < 100000; i++) {
    uint64_t any[8];
    for (int k = 0; k < 8; k++) any[k] = tri_random_next(&random) >> tri_random_below(&random, 64);
    struct go_scavenge_inputs in = {any[0], any[1], any[2], any[3], any[4], any[5], PHYSICAL_PAGE};
    struct go_scavenge_goals goals = go_scavenge_goals(&in);
    TRI_CHECK(goals.gogc == GO_NO_GOAL || goals.gogc < in.heap_retained);
    TRI_CHECK(goals.memory_limit == GO_NO_GOAL || goals.memory_limit < in.mapped_ready);
    TRI_CHECK(go_scavenge_at_growth(&goals, any[6], any[7]) <= any[7]);
    TRI_CHECK(go_scavenge_at_limit(0, any[6], any[7], false) >= any[6]);
    struct go_scavenge_control control;
    go_scavenge_control_init(&control);
    for (int k = 0; k < 8; k++) {
      struct go_scavenge_work work = {0};
      go_scavenge_step(&work, any[k], (int64_t)any[7 - k], PHYSICAL_PAGE);
      go_scavenge_slept(&control, &work, (int64_t)any[(k + 3) % 8], 1 + (int)(any[0] % 100));
      TRI_CHECK(control.sleep_ratio >= 0.001 && control.sleep_ratio <= 1000);
      TRI_CHECK_LT(0, go_scavenge_sleep_time(&control, &work));
    }
  }
}

int main(void) {
  test_gogc_goal();
  test_gogc_goal_is_in_pages();
  test_no_gogc_goal();
  test_limit_goal();
  test_is_due();
  test_at_growth();
  test_at_limit();
  test_step();
  test_sleep_time();
  test_first_steps();
  test_cooldown();
  test_share_of_time();
  test_any_input();
  return 0;
}
