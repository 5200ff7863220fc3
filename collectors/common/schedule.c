// The policies, the tape, and what a run leaves: steps, trace and hash. See schedule.h; contexts and queues
// are in actor_fibers.c.
#include "common/schedule.h"

#include "common/random.h"
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *tri_schedule_status_text(enum tri_schedule_status status) {
  switch (status) {
  case TRI_SCHEDULE_OK:
    return "the run ended";
  case TRI_SCHEDULE_DEADLOCK:
    return "deadlock: no actor can go on";
  case TRI_SCHEDULE_BOUND:
    return "the bound on scheduling points was exceeded: starvation, livelock or a long run";
  }
  return "unknown status";
}

#if TRI_FIBERS

enum { DEFAULT_LENGTH = 1000, DEFAULT_BOUND = 1000000 };

static struct tri_decision tape[TRI_SCHEDULE_TAPE_MAX], trace[TRI_SCHEDULE_TAPE_MAX];
static uint8_t trace_from[TRI_SCHEDULE_TAPE_MAX];
static size_t tape_length, tape_next; // what stands before tape_next is past

static enum tri_schedule_policy policy;
static struct tri_random random_source;
static unsigned quantum, turn_left; // round robin
static unsigned change_points;      // PCT: the steps at which the running actor drops
static uint32_t change_at[TRI_SCHEDULE_DEPTH_MAX];
static int64_t priority[TRI_ACTORS_MAX], lowest_priority;

enum { NOBODY = TRI_ACTORS_MAX };
static unsigned preferred = NOBODY; // to go on at the next point: the running actor gives way

static uint64_t bound = UINT64_MAX, points; // scheduling points, also those without a choice
static void (*on_failure)(enum tri_schedule_status, void *);
static void *failure_context;
static struct tri_schedule_result result;

void tri_schedule_note(uint64_t value) {
  uint64_t hash = (result.hash ^ value) * 0x9e3779b97f4a7c15u;
  result.hash = hash ^ hash >> 29;
}

// The first member of a set that is not below n, cyclically.
static unsigned first_from(uint64_t set, unsigned n) {
  uint64_t above = n < TRI_ACTORS_MAX ? set >> n << n : 0;
  return (unsigned)__builtin_ctzll(above ? above : set);
}

static unsigned after(uint64_t set, unsigned n) { return first_from(set, n + 1); }

// --- policies
// ------------------------------------------------------------------------------------------------

static unsigned run_to_block(uint64_t candidates, unsigned current) {
  if (preferred != NOBODY) return first_from(candidates, preferred);
  return candidates >> current & 1 ? current : after(candidates, current);
}

static unsigned random_walk(uint64_t candidates) {
  unsigned count = (unsigned)__builtin_popcountll(candidates);
  for (uint64_t skip = tri_random_below(&random_source, count); skip; skip--) candidates &= candidates - 1;
  return (unsigned)__builtin_ctzll(candidates);
}

// Above all change points, below nobody in particular.
static void draw_priority(unsigned number) {
  priority[number] = (int64_t)(tri_random_next(&random_source) >> 2 | (uint64_t)1 << 32);
}

static unsigned by_priority(uint64_t candidates, unsigned current, enum tri_yield_point point) {
  for (unsigned i = 0; i < change_points; i++)
    if (change_at[i] == result.steps) priority[current] = (int64_t)i;
  if (point == TRI_YIELD_SPIN) priority[current] = --lowest_priority; // else it would spin on
  unsigned best = (unsigned)__builtin_ctzll(candidates);
  for (; candidates; candidates &= candidates - 1) {
    unsigned i = (unsigned)__builtin_ctzll(candidates);
    if (priority[i] > priority[best]) best = i;
  }
  return best;
}

static unsigned in_turn(uint64_t candidates, unsigned current) {
  if (turn_left > 1 && candidates >> current & 1) {
    turn_left--;
    return current;
  }
  turn_left = quantum;
  return after(candidates, current);
}

static unsigned by_policy(uint64_t candidates, unsigned current, enum tri_yield_point point) {
  switch (policy) {
  case TRI_SCHEDULE_RUN_TO_BLOCK:
    break;
  case TRI_SCHEDULE_RANDOM_WALK:
    return random_walk(candidates);
  case TRI_SCHEDULE_PCT:
    return by_priority(candidates, current, point);
  case TRI_SCHEDULE_ROUND_ROBIN:
    return in_turn(candidates, current);
  }
  return run_to_block(candidates, current);
}

void tri_schedule_set_policy(const struct tri_schedule *schedule) {
  policy = schedule->policy;
  random_source.state = schedule->seed;
  turn_left = quantum = schedule->quantum ? schedule->quantum : 1;
  if (policy != TRI_SCHEDULE_PCT) return;
  unsigned depth = schedule->depth ? schedule->depth : 1;
  change_points = (depth < TRI_SCHEDULE_DEPTH_MAX ? depth : TRI_SCHEDULE_DEPTH_MAX) - 1;
  uint32_t length = schedule->length ? schedule->length : DEFAULT_LENGTH;
  for (unsigned i = 0; i < change_points; i++)
    change_at[i] = 1 + (uint32_t)result.steps + (uint32_t)tri_random_below(&random_source, length);
  for (unsigned i = 0; i < TRI_ACTORS_MAX; i++) draw_priority(i);
  lowest_priority = 0;
}

void tri_schedule_actor_started(unsigned number) {
  if (policy == TRI_SCHEDULE_PCT) draw_priority(number);
}

// --- tape
// ----------------------------------------------------------------------------------------------------

static bool insert(struct tri_decision decision) {
  if (tape_length == TRI_SCHEDULE_TAPE_MAX) {
    memmove(tape, tape + tape_next, (tape_length - tape_next) * sizeof *tape);
    tape_length -= tape_next;
    tape_next = 0;
    if (tape_length == TRI_SCHEDULE_TAPE_MAX) return false;
  }
  size_t i = tape_length++;
  for (; i > tape_next && tape[i - 1].at > decision.at; i--) tape[i] = tape[i - 1];
  tape[i] = decision;
  return true;
}

bool tri_schedule_decide(uint32_t after_steps, uint32_t to) {
  uint64_t at = result.steps + after_steps;
  return insert((struct tri_decision){at < UINT32_MAX ? (uint32_t)at : UINT32_MAX, to});
}

// The first decision for this step counts; others for it, and those that came too late, are skipped.
static bool by_tape(uint64_t candidates, unsigned *number) {
  while (tape_next < tape_length && tape[tape_next].at < result.steps) tape_next++;
  if (TRI_LIKELY(tape_next == tape_length || tape[tape_next].at != result.steps)) return false;
  *number = first_from(candidates, tape[tape_next++].to);
  return true;
}

static void record(unsigned from, unsigned number) {
  if (result.trace_length == TRI_SCHEDULE_TAPE_MAX || result.steps > UINT32_MAX) {
    result.trace_complete = false;
    return;
  }
  trace_from[result.trace_length] = (uint8_t)from;
  trace[result.trace_length++] = (struct tri_decision){(uint32_t)result.steps, number};
}

// --- a run
// ---------------------------------------------------------------------------------------------------

unsigned tri_schedule_next(uint64_t candidates, unsigned current, enum tri_yield_point point) {
  if (++points > bound) tri_schedule_fail(TRI_SCHEDULE_BOUND);
  unsigned number = (unsigned)__builtin_ctzll(candidates);
  if (candidates & (candidates - 1)) {
    result.steps++;
    if (!by_tape(candidates, &number)) number = by_policy(candidates, current, point);
    if (number != run_to_block(candidates, current)) record(current, number);
  }
  if (number != current) {
    result.switches++;
    if (candidates >> current & 1 && preferred == NOBODY) result.preemptions++;
  }
  preferred = NOBODY;
  tri_schedule_note((uint64_t)point << 16 | current << 8 | number);
  return number;
}

uint64_t tri_schedule_steps(void) { return result.steps; }

void tri_schedule_prefer(unsigned number) { preferred = number; }

void tri_schedule_hand_over(unsigned number) {
  tri_schedule_prefer(number);
  tri_fibers_yield(TRI_YIELD_PROGRAM_STEP);
}

void tri_schedule_begin(const struct tri_schedule *schedule) {
  TRI_CHECK(tri_fibers_alone());
  result = (struct tri_schedule_result){.trace = trace, .trace_from = trace_from, .trace_complete = true};
  tape_length = tape_next = 0;
  for (size_t i = 0; i < schedule->tape_length && insert(schedule->tape[i]); i++) {
  }
  points = 0;
  preferred = NOBODY;
  bound = schedule->max_points ? schedule->max_points : DEFAULT_BOUND;
  on_failure = schedule->on_failure;
  failure_context = schedule->context;
  tri_schedule_set_policy(schedule);
}

struct tri_schedule_result tri_schedule_end(void) {
  struct tri_schedule_result ended = result;
  if (result.status != TRI_SCHEDULE_OK) tri_fibers_abandon();
  TRI_CHECK(tri_fibers_alone());
  tri_schedule_begin(&(struct tri_schedule){0});
  bound = UINT64_MAX;
  return ended;
}

// Ends on the stack of actor 0, which is the one that can leave the run.
void tri_schedule_fail(enum tri_schedule_status status) {
  result.status = status;
  if (tri_fibers_current->number != 0) tri_fibers_resume_first();
  tri_schedule_raise();
  abort();
}

void tri_schedule_raise(void) {
  if (TRI_LIKELY(result.status == TRI_SCHEDULE_OK)) return;
  if (on_failure) on_failure(result.status, failure_context);
  fprintf(stderr, "schedule: %s (after %llu steps and %llu switches)\n",
          tri_schedule_status_text(result.status), (unsigned long long)result.steps,
          (unsigned long long)result.switches);
  abort();
}

static void leave(enum tri_schedule_status status, void *context) {
  (void)status;
  longjmp(*(jmp_buf *)context, 1);
}

struct tri_schedule_result tri_schedule_run(const struct tri_schedule *schedule, void (*fn)(void *),
                                            void *arg) {
  jmp_buf back;
  struct tri_schedule own = *schedule;
  own.on_failure = leave;
  own.context = &back;
  tri_schedule_begin(&own);
  if (setjmp(back) == 0) fn(arg);
  return tri_schedule_end();
}

#endif
