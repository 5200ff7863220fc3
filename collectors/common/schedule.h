// Who goes on: the scheduler of actors in fibers form.
//
// A *step* is a scheduling point (yield point or blocking operation) at which more than one actor could go
// on. Steps are numbered from 1 within a run. At each one the tape is asked first: a decision {at, to} sends
// step `at` to actor `to` (the first runnable one at or after that number, cyclically, so that every tape is
// legal); where the tape is silent the policy decides. Everything else is determined, so the same tape and
// policy give the same run and the same hash, and the trace of a run, used as the tape of a run-to-block
// run, repeats it.
//
// PCT: Burckhardt, Kothari, Musuvathi, Nagarakatte 2010, "A randomized scheduler with probabilistic
// guarantees of finding bugs": random priorities, the highest runnable one goes on, and at depth - 1 random
// steps out of `length` the running actor drops below all others.
//
// In threads form the operating system decides: the calls exist, do nothing and report no steps.
#ifndef TRICOLOR_COMMON_SCHEDULE_H
#define TRICOLOR_COMMON_SCHEDULE_H

#include <stddef.h>
#include "common/actor.h"

struct tri_decision {
  uint32_t at; // step, from 1
  uint32_t to; // actor number
};

enum tri_schedule_policy {
  TRI_SCHEDULE_RUN_TO_BLOCK, // the running actor goes on until it blocks; then the next number, cyclically
  TRI_SCHEDULE_RANDOM_WALK,  // seed: uniform choice at each step
  TRI_SCHEDULE_PCT,          // seed, depth, length
  TRI_SCHEDULE_ROUND_ROBIN,  // quantum: the next number after that many steps
};

enum tri_schedule_status {
  TRI_SCHEDULE_OK,
  TRI_SCHEDULE_DEADLOCK, // no actor can go on
  TRI_SCHEDULE_BOUND,    // more than max_points scheduling points
};

struct tri_schedule {
  const struct tri_decision *tape; // ascending by `at`; copied
  size_t tape_length;
  enum tri_schedule_policy policy;
  uint64_t seed;
  unsigned depth;      // PCT: 1 … TRI_SCHEDULE_DEPTH_MAX (0 = 1)
  uint32_t length;     // PCT: expected number of steps (0 = 1000)
  unsigned quantum;    // round robin: steps (0 = 1)
  uint64_t max_points; // scheduling points, with a choice or without; 0 = a million
  // Called at a deadlock or bound, on the stack of actor 0 (the one that called begin). It may longjmp to a
  // frame below begin's caller and call tri_schedule_end there; if it returns, or is NULL, the process
  // aborts.
  void (*on_failure)(enum tri_schedule_status status, void *context);
  void *context;
};

struct tri_schedule_result {
  enum tri_schedule_status status;
  uint64_t steps;
  uint64_t switches;    // times another actor went on, for whatever reason
  uint64_t preemptions; // of those, at a point where the running one could have gone on
  uint64_t hash;        // of all steps, switches and notes
  // The decisions that differ from run-to-block; valid until the next begin. Not complete when there were
  // more than TRI_SCHEDULE_TAPE_MAX of them.
  const struct tri_decision *trace;
  const uint8_t *trace_from; // beside it: the actor that did not go on, or blocked
  size_t trace_length;
  bool trace_complete;
};

enum { TRI_SCHEDULE_DEPTH_MAX = 8, TRI_SCHEDULE_TAPE_MAX = 4096, TRI_ACTORS_MAX = 64 };

// A sentence for a status.
const char *tri_schedule_status_text(enum tri_schedule_status status);

#if TRI_FIBERS

// Begins a run on the calling actor, which becomes number 0; no other actor may be alive. Without begin the
// policy is run-to-block and there is no bound.
void tri_schedule_begin(const struct tri_schedule *schedule);

// Ends the run. All actors have been joined; after a failure those left over are abandoned with what they
// held, and mutexes and conditions they used must be initialised again.
struct tri_schedule_result tri_schedule_end(void);

// begin, fn(arg), end. A failure ends fn early (as longjmp does: nothing is unwound) and is in the result;
// schedule->on_failure is not called.
struct tri_schedule_result tri_schedule_run(const struct tri_schedule *schedule, void (*fn)(void *),
                                            void *arg);

// During a run. Adds a decision: the `after`-th step from now (from 1) goes to actor `to`. False when the
// tape is full. The policy can be changed too (tape and callback of *schedule are ignored).
bool tri_schedule_decide(uint32_t after, uint32_t to);
void tri_schedule_set_policy(const struct tri_schedule *schedule);

// The running actor gives way to that one: run-to-block goes on there at the next scheduling point, and whoever
// goes on, it is no preemption. hand_over is such a point by itself.
void tri_schedule_prefer(unsigned number);
void tri_schedule_hand_over(unsigned number);

// Mixes something that the run did into its hash.
void tri_schedule_note(uint64_t value);

// Steps of the run so far.
uint64_t tri_schedule_steps(void);

// Between schedule.c and actor_fibers.c.

// Who goes on from `point`, out of a set that is not empty. The current actor is in it if it could go on.
unsigned tri_schedule_next(uint64_t candidates, unsigned current, enum tri_yield_point point);
void tri_schedule_actor_started(unsigned number);
_Noreturn void tri_schedule_fail(enum tri_schedule_status status);
void tri_schedule_raise(void);      // on actor 0: does not return if the run has failed
bool tri_fibers_alone(void);        // only actor 0 is alive, and it calls
void tri_fibers_resume_first(void); // switches to actor 0
void tri_fibers_abandon(void);      // forgets all actors but 0

#else

static inline void tri_schedule_begin(const struct tri_schedule *schedule) { (void)schedule; }
static inline struct tri_schedule_result tri_schedule_end(void) {
  return (struct tri_schedule_result){.trace_complete = true};
}
static inline struct tri_schedule_result tri_schedule_run(const struct tri_schedule *schedule,
                                                          void (*fn)(void *), void *arg) {
  (void)schedule;
  fn(arg);
  return tri_schedule_end();
}
static inline bool tri_schedule_decide(uint32_t after, uint32_t to) { return (void)after, (void)to, true; }
static inline void tri_schedule_set_policy(const struct tri_schedule *schedule) { (void)schedule; }
static inline void tri_schedule_prefer(unsigned number) { (void)number; }
static inline void tri_schedule_hand_over(unsigned number) { (void)number; }
static inline void tri_schedule_note(uint64_t value) { (void)value; }
static inline uint64_t tri_schedule_steps(void) { return 0; }

#endif
#endif
