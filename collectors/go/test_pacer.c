// The pacer's arithmetic by hand-computed numbers. Each case names the slips that it has been seen to find,
// as [right -> wrong]; test_pacer_simulation.c has the trajectories.
#include "go/pacer.h"

#include <math.h>

#include "common/check.h"
#include "common/random.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define FOR_BOTH(generation)                                                                                 \
  for (enum go_pacer_generation generation = GO_PACER_1_19; generation <= GO_PACER_1_20; generation++)

// After a cycle that marked and scanned so much, with the sweep done.
static struct go_pacer after(enum go_pacer_generation generation, uint64_t marked, uint64_t scanned) {
  struct go_pacer p;
  go_pacer_init(&p, generation, 100, GO_NO_MEMORY_LIMIT);
  p.heap_scan_work = scanned;
  go_pacer_reset_live(&p, marked);
  go_pacer_commit(&p, true);
  return p;
}

static void set_gogc(struct go_pacer *p, int32_t gogc) {
  go_pacer_set_gogc(p, gogc);
  go_pacer_commit(p, true);
}

static bool near(double a, double b) { return fabs(a - b) <= 1e-12 * fabs(b); }

// ------------------------------------------------------------------------------------------------- the goal

// [roots do not count, only stacks do, only globals do]
static void test_goal_by_gogc(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = after(generation, 100 * MIB, 80 * MIB);
    TRI_CHECK_EQ(go_pacer_goal(&p), 200 * MIB);
    p.last_stack_scan = 8 * MIB;
    p.globals_scan = 2 * MIB;
    go_pacer_commit(&p, true);
    TRI_CHECK_EQ(go_pacer_goal(&p), 210 * MIB);
    set_gogc(&p, 50);
    TRI_CHECK_EQ(go_pacer_goal(&p), 155 * MIB);
    set_gogc(&p, 0);
    TRI_CHECK_EQ(go_pacer_goal(&p), 100 * MIB);
    TRI_CHECK_EQ(go_pacer_pacing(&p).trigger, 100 * MIB);
  }
}

// [x * gogc / 100 -> x / 100 * gogc]
static void test_goal_multiplies_first(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = after(generation, 10485959, 0);
    set_gogc(&p, 33);
    TRI_CHECK_EQ(go_pacer_goal(&p), 10485959 + 3460366);
  }
}

// [no minimum heap, 512 KiB for 4 MiB, 4 MiB whatever gogc]
static void test_minimum_heap(void) {
  FOR_BOTH(generation) {
    struct go_pacer p;
    go_pacer_init(&p, generation, 100, GO_NO_MEMORY_LIMIT);
    TRI_CHECK_EQ(go_pacer_goal(&p), 4 * MIB);
    p = after(generation, 1 * MIB, 0);
    TRI_CHECK_EQ(go_pacer_goal(&p), 4 * MIB);
    set_gogc(&p, 200);
    TRI_CHECK_EQ(go_pacer_goal(&p), 8 * MIB);
    p = after(generation, 3 * MIB, 0);
    TRI_CHECK_EQ(go_pacer_goal(&p), 6 * MIB);
    set_gogc(&p, 10);
    TRI_CHECK_EQ(go_pacer_goal(&p), 3 * MIB + 3 * MIB / 10);
  }
}

// [no sweep minimum, 64 KiB for 1 MiB, the trigger may be below it]
static void test_sweep_minimum(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = after(generation, 10 * MIB, 0);
    go_pacer_set_gogc(&p, 1);
    p.heap_live += 100; // allocated since
    go_pacer_commit(&p, false);
    struct go_pacing pacing = go_pacer_pacing(&p);
    TRI_CHECK_EQ(pacing.goal, 11 * MIB + 100);
    TRI_CHECK_EQ(pacing.trigger, 11 * MIB + 100);
    go_pacer_commit(&p, true);
    TRI_CHECK_EQ(go_pacer_goal(&p), 10 * MIB + 10 * MIB / 100);
  }
}

// A cycle that begins late has 64 KiB to end in. 1.19 counts from where it should have begun.
// [no minimum, 1.19 counts from heap_live, 1.20 from the trigger]
static void test_minimum_runway(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = after(generation, 10 * MIB, 10 * MIB);
    p.heap_live = 20 * MIB + 5;
    go_pacer_start_cycle(&p, 0, 4, false);
    if (generation == GO_PACER_1_19) {
      TRI_CHECK_EQ(p.triggered, 10 * MIB + 10 * MIB / 64 * 61);
      TRI_CHECK_EQ(go_pacer_goal(&p), 20 * MIB);
    } else {
      TRI_CHECK_EQ(p.triggered, 20 * MIB + 5);
      TRI_CHECK_EQ(go_pacer_goal(&p), 20 * MIB + 5 + 64 * KIB);
    }
    go_pacer_reset_live(&p, 10 * MIB);
    TRI_CHECK_EQ(go_pacer_goal(&p), 20 * MIB);
  }
}

// --------------------------------------------------------------------------------------------- memory limit

static void set_memory(struct go_pacer *p, uint64_t ready, uint64_t free, uint64_t alloc) {
  p->mapped_ready = ready;
  p->heap_free = free;
  p->heap_alloc = alloc;
}

static struct go_pacer limited(enum go_pacer_generation generation, uint64_t marked) {
  struct go_pacer p = after(generation, marked, marked);
  go_pacer_set_memory_limit(&p, 100 * MIB);
  set_gogc(&p, GO_GOGC_OFF);
  return p;
}

// [others without heap_free, without heap_alloc; no headroom; 3 % in 1.19; 1 MiB alone in 1.20; 5 % for 3 %;
// goal / 100 * 3 -> goal * 3 / 100]
static void test_limit_goal(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = limited(generation, 5 * MIB);
    set_memory(&p, 60 * MIB, 10 * MIB, 30 * MIB); // 20 MiB are no heap
    uint64_t headroom = generation == GO_PACER_1_19 ? 1 * MIB : 80 * MIB / 100 * 3;
    TRI_CHECK_EQ(headroom, generation == GO_PACER_1_19 ? 1048576 : 2516580);
    TRI_CHECK_EQ(go_pacer_goal(&p), 80 * MIB - headroom);
    set_memory(&p, 90 * MIB, 2 * MIB, 8 * MIB); // 3 % of 20 MiB are less than 1 MiB
    TRI_CHECK_EQ(go_pacer_goal(&p), 19 * MIB);
  }
}

// [overage not taken off, taken off twice; below the marked heap; at the limit 0 for the marked heap]
static void test_limit_exceeded(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = limited(generation, 5 * MIB);
    set_memory(&p, 130 * MIB, 10 * MIB, 60 * MIB);
    TRI_CHECK_EQ(go_pacer_goal(&p), 9 * MIB); // 100 - 60 - 30 - 1
    p.heap_marked = 40 * MIB;
    TRI_CHECK_EQ(go_pacer_goal(&p), 40 * MIB);
    p.heap_marked = 123;
    set_memory(&p, 110 * MIB, 0, 20 * MIB); // 90 + 10: nothing is left
    TRI_CHECK_EQ(go_pacer_goal(&p), 123);
    TRI_CHECK_EQ(go_pacer_pacing(&p).trigger, 123);
  }
}

// Never less than the headroom. [goal - headroom alone; the goal itself where it is below]
static void test_limit_headroom_is_least(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = limited(generation, 0);
    set_memory(&p, 100 * MIB, 0, 3 * MIB / 2);
    TRI_CHECK_EQ(go_pacer_goal(&p), 1 * MIB);
    set_memory(&p, 100 * MIB, 0, MIB / 2);
    TRI_CHECK_EQ(go_pacer_goal(&p), 1 * MIB);
    set_memory(&p, 100 * MIB, 0, 5 * MIB / 2);
    TRI_CHECK_EQ(go_pacer_goal(&p), 3 * MIB / 2);
  }
}

// Where the limit decides, neither sweep nor a late start moves the goal up. [either does; the sweep minimum
// stays a bound of the trigger; the limit decides where gogc is below]
static void test_limit_is_hard(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = limited(generation, 78 * MIB);
    set_memory(&p, 60 * MIB, 10 * MIB, 30 * MIB);
    uint64_t goal = go_pacer_goal(&p);
    TRI_CHECK(goal == (generation == GO_PACER_1_19 ? 79 * MIB : 78 * MIB)); // the latter: marked
    p.heap_live = 90 * MIB;
    go_pacer_commit(&p, false);
    struct go_pacing pacing = go_pacer_pacing(&p);
    TRI_CHECK_EQ(pacing.goal, goal);
    TRI_CHECK_LE(pacing.trigger, goal);
    go_pacer_start_cycle(&p, 0, 4, false);
    TRI_CHECK_EQ(go_pacer_goal(&p), goal);

    p = limited(generation, 20 * MIB);
    set_memory(&p, 60 * MIB, 10 * MIB, 30 * MIB);
    set_gogc(&p, 100);
    TRI_CHECK_EQ(go_pacer_goal(&p), 40 * MIB);
  }
}

// ----------------------------------------------------------------------------------------------- the trigger

// [45 -> 44, 46; no minimum; / 64 * 45 -> * 45 / 64; from 0 instead of the marked heap]
static void test_trigger_minimum(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = after(generation, 6 * MIB + 1000, 6 * MIB);
    p.cons_mark = 1000;
    go_pacer_commit(&p, true);
    TRI_CHECK_EQ(go_pacer_pacing(&p).trigger, 6292456 + 98319 * 45);
  }
}

// [61 -> 60, 62; no maximum; / 64 * 61 -> * 61 / 64]
static void test_trigger_maximum(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = after(generation, 6 * MIB + 1000, 6 * MIB);
    TRI_CHECK_EQ(go_pacer_pacing(&p).trigger, 6292456 + 98319 * 61);
  }
}

// [the 61 parts alone; goal - 4 MiB alone (with the case before); 4 MiB -> 512 KiB]
static void test_trigger_maximum_of_a_large_heap(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = after(generation, 100 * MIB, 80 * MIB);
    TRI_CHECK_EQ(go_pacer_pacing(&p).trigger, 196 * MIB);
  }
}

// [.75/.25 -> .25/.75, 1; stacks or globals are not scanned; the runway from the marked heap up]
static void test_runway(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = after(generation, 20 * MIB, 14 * MIB);
    p.last_stack_scan = 4 * MIB;
    p.globals_scan = 2 * MIB;
    p.cons_mark = 0.0625;
    go_pacer_commit(&p, true);
    struct go_pacing pacing = go_pacer_pacing(&p);
    TRI_CHECK_EQ(pacing.goal, 46 * MIB);
    TRI_CHECK_EQ(pacing.goal - pacing.trigger, 20 * MIB / 16 * 3);
  }
}

// An estimate that is none makes the runway as long as can be. [0 instead; a conversion out of range]
static void test_runway_of_no_estimate(void) {
  static const double none[] = {-0.5, INFINITY, NAN, 1e300};
  for (int i = 0; i < 4; i++) {
    struct go_pacer p = after(GO_PACER_1_19, 6 * MIB, 6 * MIB);
    p.cons_mark = none[i];
    go_pacer_commit(&p, true);
    TRI_CHECK_EQ(go_pacer_pacing(&p).trigger, 6 * MIB + 6 * MIB / 64 * 45);
  }
}

// ------------------------------------------------------------------------------------------ the assist ratio

// Goal 200 MiB, of 150 MiB that can be scanned 80 MiB are expected to be; begun at 190 MiB.
static struct go_pacer marking(enum go_pacer_generation generation) {
  struct go_pacer p = after(generation, 100 * MIB, 76 * MIB);
  p.last_stack_scan = 3 * MIB;
  p.globals_scan = 1 * MIB;
  p.max_stack_scan = 9 * MIB;
  go_pacer_set_gogc(&p, 96); // of 104 MiB, 99.84 MiB: not round
  go_pacer_commit(&p, true);
  TRI_CHECK_EQ(go_pacer_goal(&p), 209547427);
  p.heap_minimum = p.gogc_goal = 200 * MIB;
  p.heap_live = 190 * MIB;
  p.heap_scan = 140 * MIB;
  go_pacer_start_cycle(&p, 0, 4, false);
  p.triggered = 190 * MIB; // in 1.19 too, for these cases
  return p;
}

static double ratio(struct go_pacer *p) {
  go_pacer_revise(p);
  TRI_CHECK(near(p->assist_bytes_per_work * p->assist_work_per_byte, 1));
  return p->assist_work_per_byte;
}

// [most for expected; heap_live not taken off; one of the three kinds of work does not count]
static void test_ratio(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = marking(generation);
    TRI_CHECK(near(p.assist_work_per_byte, 8)); // by go_pacer_start_cycle
    p.heap_scan_work = 40 * MIB;
    p.stack_scan_work = 15 * MIB;
    p.globals_scan_work = 5 * MIB;
    TRI_CHECK(near(ratio(&p), 2));
    p.heap_live = 195 * MIB;
    TRI_CHECK(near(ratio(&p), 4));
  }
}

// [1000 -> 0, 1, 999]
static void test_minimum_scan_work(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = marking(generation);
    p.heap_scan_work = 80 * MIB - 10;
    TRI_CHECK(near(ratio(&p), 1000.0 / (10 * MIB)));
    p.heap_scan_work = 80 * MIB;
    TRI_CHECK(near(ratio(&p), 1000.0 / (10 * MIB)));
    p.heap_scan_work = 80 * MIB - 1001;
    TRI_CHECK(near(ratio(&p), 1001.0 / (10 * MIB)));
    p.heap_scan_work = 500 * MIB; // scanned twice
    TRI_CHECK_LT(0, ratio(&p) * 1e9);
  }
}

// [the goal stays; work is still held against what was expected; the way counts from 0; most without a part]
static void test_growing_heap_extends_the_goal(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = marking(generation);
    p.heap_scan_work = 81 * MIB;
    // 10 MiB for 80 were planned: 150 get 18.75.
    TRI_CHECK(near(ratio(&p), (150 - 81) / 18.75));
    p.heap_live = 200 * MIB;
    TRI_CHECK(near(ratio(&p), (150 - 81) / 8.75));
  }
}

// [no hard goal; gogc / 100 for 1 + gogc / 100; 2 for 1 + gogc / 100; off is 100]
static void test_hard_goal(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = marking(generation);
    p.gogc = 50;
    p.heap_scan_work = 81 * MIB;
    p.heap_scan = 8 * GIB;
    p.max_stack_scan = p.globals_scan = 0;
    p.last_stack_scan = 4 * MIB;
    TRI_CHECK(near(ratio(&p), (8192 - 81) / (300.0 - 190)));
    p.gogc = GO_GOGC_OFF;
    p.heap_scan = 8192 * GIB;
    TRI_CHECK(near(ratio(&p), (8388608 - 81) / (1001 * 200.0 - 190)));
  }
}

// [1.1 -> 1, 1.05, 1.2; expected stays; the overshoot only of a growing heap]
static void test_overshoot(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = marking(generation);
    p.heap_live = 205 * MIB;
    p.heap_scan_work = 60 * MIB;
    TRI_CHECK(near(ratio(&p), (150 - 60) / (220.0 - 205)));
    p.heap_live = 200 * MIB; // not yet
    TRI_CHECK(near(ratio(&p), 20 * MIB));
    p.heap_live = 230 * MIB; // beyond that as well: each byte pays for all
    TRI_CHECK(near(ratio(&p), 90 * MIB));
    p.heap_live = 215 * MIB;
    p.heap_scan_work = 81 * MIB; // beyond the extended goal of 208.75 MiB
    double goal = floor(208.75 * MIB * 1.1);
    TRI_CHECK(near(ratio(&p), 69.0 * MIB / (goal - 215 * MIB)));
  }
}

// The first cycle of a program without globals expects nothing: the hard goal. [a division by 0 out of range]
static void test_nothing_expected(void) {
  FOR_BOTH(generation) {
    struct go_pacer p;
    go_pacer_init(&p, generation, 100, GO_NO_MEMORY_LIMIT);
    p.heap_live = p.heap_scan = 4 * MIB;
    go_pacer_start_cycle(&p, 0, 4, false);
    p.heap_scan_work = 1 * MIB;
    uint64_t goal = go_pacer_goal(&p);
    TRI_CHECK(near(ratio(&p), 3.0 * MIB / (2 * goal - 4 * MIB)));
  }
}

// [no minimum; credit as asked for; the ratio upside down]
static void test_assist(void) {
  struct go_pacer p = {.assist_work_per_byte = 2, .assist_bytes_per_work = 0.5};
  struct go_assist assist = go_pacer_assist(&p, 100 * KIB);
  TRI_CHECK_EQ(assist.scan_work, 200 * KIB);
  TRI_CHECK_EQ(assist.credit, 100 * KIB);
  assist = go_pacer_assist(&p, 10 * KIB);
  TRI_CHECK_EQ(assist.scan_work, 64 * KIB);
  TRI_CHECK_EQ(assist.credit, 32 * KIB);
}

// ------------------------------------------------------------------------------------------------ cons/mark

// A cycle in which 10 MiB were allocated and `work` scanned: 1 us on 4 processors, a tenth of it assists, a
// twentieth idle marking. Its sample is .4 * 10 MiB / (.65 * work).
static void cycle(struct go_pacer *p, uint64_t work) {
  p->heap_live = 190 * MIB;
  go_pacer_start_cycle(p, 5000, 4, false);
  p->triggered = 190 * MIB;
  p->heap_live = 200 * MIB;
  p->heap_scan_work = work - 2 * MIB;
  p->stack_scan_work = p->globals_scan_work = 1 * MIB;
  p->assist_time = 400;
  p->idle_mark_time = 200;
  go_pacer_end_cycle(p, 6000, 4);
}

static double sample(uint64_t work) { return 0.4 * 10 * MIB / (0.65 * (double)work); }

// [five samples for four, three for four; the last alone; the mean; oldest and newest change places; assists,
// idle marking or either root does not count]
static void test_largest_of_five(void) {
  struct go_pacer p = after(GO_PACER_1_20, 100 * MIB, 80 * MIB);
  cycle(&p, 200 * MIB);
  TRI_CHECK(near(p.cons_mark, sample(200 * MIB)));
  cycle(&p, 100 * MIB);
  TRI_CHECK(near(p.cons_mark, sample(100 * MIB)));
  for (int i = 1; i <= 4; i++) {
    cycle(&p, (uint64_t)(200 + i) * MIB);
    TRI_CHECK(near(p.cons_mark, sample(100 * MIB)));
  }
  cycle(&p, 300 * MIB);
  TRI_CHECK(near(p.cons_mark, sample(201 * MIB)));
}

// One cycle without assists whose sample is allocated / (3 * work).
static void plain_cycle(struct go_pacer *p, uint64_t allocated, uint64_t work) {
  p->triggered = 1000;
  p->heap_live = p->triggered + allocated;
  p->heap_scan_work = work;
  p->stack_scan_work = p->globals_scan_work = 0;
  p->assist_time = p->idle_mark_time = 0;
  go_pacer_end_cycle(p, 1000, 4);
}

// [kp; ti; tt; min 0; max 1; no restart]
static void test_controlled_cons_mark(void) {
  struct go_pacer p = after(GO_PACER_1_19, 100 * MIB, 80 * MIB);
  cycle(&p, 100 * MIB);
  double s = sample(100 * MIB), first = 0.9 * s;
  TRI_CHECK(near(p.cons_mark, first));
  cycle(&p, 100 * MIB);
  TRI_CHECK(near(p.cons_mark, 0.9 * (s - first) + 0.9 / 4 * s));

  p = after(GO_PACER_1_19, 100 * MIB, 80 * MIB);
  plain_cycle(&p, 6000000,
              1000); // 2000: 1800 are cut off at 1000, and the integral takes a thousandth of 800 back
  TRI_CHECK(p.cons_mark == 1000);
  plain_cycle(&p, 3000000, 1000); // 1000: no error, so the integral alone
  TRI_CHECK(near(p.cons_mark, 450 - 0.8));
  plain_cycle(&p, 3, 1000000000); // nearly 0; the integral got .225 * 0
  TRI_CHECK(fabs(p.cons_mark - (449.2 - 0.9 * 449.2)) < 1e-6);
  plain_cycle(&p, 3, 1000000000);
  TRI_CHECK(fabs(p.cons_mark - (449.2 - 0.225 * 449.2 - 0.9 * 44.92)) < 1e-6);
  p.cons_mark = 900;
  plain_cycle(&p, 3, 1000000000);
  TRI_CHECK(p.cons_mark < -400); // below 0 as well
  p.cons_mark = INFINITY;        // a controller that fails starts again
  cycle(&p, 100 * MIB);
  TRI_CHECK(p.cons_mark == 0);
}

// [a sample nevertheless]
static void test_nothing_measured(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = after(generation, 100 * MIB, 80 * MIB);
    p.cons_mark = 0.125;
    p.heap_live = 150 * MIB; // by an explicit call, before the trigger
    go_pacer_start_cycle(&p, 0, 4, false);
    p.heap_scan_work = 80 * MIB;
    go_pacer_end_cycle(&p, 1000, 4);
    TRI_CHECK(p.cons_mark == 0.125);
    TRI_CHECK_EQ(p.last_heap_goal, 200 * MIB);
    go_pacer_start_cycle(&p, 0, 4, false);
    p.heap_live = 250 * MIB;
    go_pacer_end_cycle(&p, 1000, 4);
    TRI_CHECK(p.cons_mark == 0.125);
  }
}

// What a cycle leaves for the next one. [last_heap_scan of all that can be scanned; heap_live stays; still
// marking]
static void test_reset_live(void) {
  FOR_BOTH(generation) {
    struct go_pacer p = after(generation, 100 * MIB, 80 * MIB);
    cycle(&p, 100 * MIB);
    go_pacer_reset_live(&p, 120 * MIB);
    TRI_CHECK_EQ(p.heap_live, 120 * MIB);
    TRI_CHECK_EQ(p.heap_marked, 120 * MIB);
    TRI_CHECK_EQ(p.heap_scan, 98 * MIB);
    TRI_CHECK_EQ(p.last_heap_scan, 98 * MIB);
    TRI_CHECK_EQ(p.last_stack_scan, 1 * MIB);
    TRI_CHECK_EQ(p.triggered, GO_NOT_MARKING);
    go_pacer_start_cycle(&p, 7000, 4, false);
    TRI_CHECK_EQ(p.heap_scan_work + p.stack_scan_work + p.globals_scan_work, 0);
    TRI_CHECK_EQ(p.assist_time + p.idle_mark_time, 0);
    TRI_CHECK_EQ(p.mark_start, 7000);
  }
}

// -------------------------------------------------------------------------------------------------- workers

// [.3 -> .35, .1; rounding down; a fractional worker beside one dedicated too many; goal of all processors]
static void test_workers(void) {
  static const struct {
    int processors, dedicated;
    double fractional;
  } rows[] = {{1, 0, 0.25}, {2, 0, 0.25}, {3, 0, 0.25}, {4, 1, 0},  {5, 1, 0},  {6, 1, 0.5 / 6}, {7, 2, 0},
              {8, 2, 0},    {9, 2, 0},    {10, 3, 0},   {11, 3, 0}, {12, 3, 0}, {64, 16, 0},     {65, 16, 0}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct go_mark_workers w = go_mark_workers(rows[i].processors, false);
    TRI_CHECK_EQ(w.dedicated, rows[i].dedicated);
    TRI_CHECK(near(w.fractional_goal, rows[i].fractional));
    TRI_CHECK_EQ(w.max_idle, rows[i].processors - rows[i].dedicated);
    w = go_mark_workers(rows[i].processors, true);
    TRI_CHECK_EQ(w.max_idle, rows[i].dedicated == 0);
  }
}

// [1.2 -> 1; the goal itself is too much]
static void test_fractional_worker(void) {
  TRI_CHECK(go_fractional_worker_is_due(0.25, 250, 1000));
  TRI_CHECK(!go_fractional_worker_is_due(0.25, 251, 1000));
  TRI_CHECK(go_fractional_worker_is_due(0.25, 10, 0));
  TRI_CHECK(!go_fractional_worker_is_over(0.25, 300, 1000));
  TRI_CHECK(go_fractional_worker_is_over(0.25, 301, 1000));
  TRI_CHECK(go_fractional_worker_is_over(0.25, 0, 0));
}

// ------------------------------------------------------------------------------------------- absurd inputs

// [a plain sum, a plain product]
static void test_saturates(void) {
  struct go_pacer p = after(GO_PACER_1_20, UINT64_C(1) << 63, 0);
  set_gogc(&p, 400);
  TRI_CHECK(p.gogc_goal == UINT64_MAX);
  p.heap_marked = UINT64_MAX - 5;
  p.globals_scan = 10;
  set_gogc(&p, 1);
  TRI_CHECK(p.gogc_goal == UINT64_MAX);
}

static uint64_t any(struct tri_random *random) {
  return tri_random_next(random) >> tri_random_below(random, 64);
}

// Whatever the inputs, no arithmetic overflows (the sanitizer looks), and what comes out can be used.
// [any saturating sum or conversion made a plain one]
static void test_any_input(void) {
  struct tri_random random = {12};
  for (int i = 0; i < 200000; i++) {
    struct go_pacer p;
    enum go_pacer_generation generation = (enum go_pacer_generation)(i % 2);
    go_pacer_init(&p, generation, (int32_t)tri_random_next(&random) >> tri_random_below(&random, 32),
                  any(&random));
    uint64_t *inputs[] = {&p.heap_live,   &p.heap_scan,       &p.max_stack_scan,   &p.globals_scan,
                          &p.heap_free,   &p.mapped_ready,    &p.heap_alloc,       &p.heap_scan_work,
                          &p.heap_marked, &p.stack_scan_work, &p.globals_scan_work};
    for (int round = 0; round < 4; round++) {
      for (size_t k = 0; k < sizeof inputs / sizeof *inputs; k++)
        if (tri_random_below(&random, 2)) *inputs[k] = any(&random);
      p.assist_time = (int64_t)any(&random);
      p.idle_mark_time = (int64_t)any(&random);
      go_pacer_commit(&p, tri_random_below(&random, 2));
      struct go_pacing pacing = go_pacer_pacing(&p);
      TRI_CHECK(pacing.trigger <= pacing.goal);
      if (round % 2 == 0)
        go_pacer_start_cycle(&p, (int64_t)any(&random), 1 + (int)tri_random_below(&random, 1000), i % 3 == 0);
      else
        go_pacer_revise(&p);
      TRI_CHECK(p.assist_work_per_byte > 0 && isfinite(p.assist_work_per_byte));
      TRI_CHECK(p.assist_bytes_per_work > 0 && isfinite(p.assist_bytes_per_work));
      struct go_assist assist = go_pacer_assist(&p, (int64_t)any(&random));
      TRI_CHECK_LE(64 * KIB, assist.scan_work);
      if (round % 2) {
        go_pacer_end_cycle(&p, (int64_t)any(&random), 1 + (int)tri_random_below(&random, 1000));
        go_pacer_reset_live(&p, any(&random));
      }
    }
  }
}

int main(void) {
  test_goal_by_gogc();
  test_goal_multiplies_first();
  test_minimum_heap();
  test_sweep_minimum();
  test_minimum_runway();
  test_limit_goal();
  test_limit_exceeded();
  test_limit_headroom_is_least();
  test_limit_is_hard();
  test_trigger_minimum();
  test_trigger_maximum();
  test_trigger_maximum_of_a_large_heap();
  test_runway();
  test_runway_of_no_estimate();
  test_ratio();
  test_minimum_scan_work();
  test_growing_heap_extends_the_goal();
  test_hard_goal();
  test_overshoot();
  test_nothing_expected();
  test_assist();
  test_largest_of_five();
  test_controlled_cons_mark();
  test_nothing_measured();
  test_reset_live();
  test_workers();
  test_fractional_worker();
  test_saturates();
  test_any_input();
  return 0;
}
