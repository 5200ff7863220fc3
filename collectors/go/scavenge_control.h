// What the scavenger aims at and how fast it works (Go proposals 30333 and 48409; the controller is
// Go 1.19's): it gives free pages back to the system, in the background with 1 % of the processors' time, and
// at once where the heap grows. Which pages is go/pages.h.
//
// Two goals: the heap should retain what its next goal needs and a tenth more, and all memory should stay 5 %
// below the limit. (Go 1.19 multiplied the limit by 95 instead of 0.95, so that the latter never acted; here
// it does, as since Go 1.20.) A controller sets how long the scavenger sleeps after each stretch of work,
// from the share of time that it has really had.
//
// Pure: times are arguments, nanoseconds. The caller's lock.
#ifndef TRICOLOR_GO_SCAVENGE_CONTROL_H
#define TRICOLOR_GO_SCAVENGE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "go/pi_controller.h"

// --------------------------------------------------------------------------------------------------- goals

#define GO_NO_GOAL UINT64_MAX

struct go_scavenge_inputs {
  uint64_t memory_limit; // GO_NO_MEMORY_LIMIT: none
  uint64_t mapped_ready; // all memory that is not released
  uint64_t heap_goal, last_heap_goal;
  uint64_t last_heap_in_use; // bytes in spans when the last collection ended
  uint64_t heap_retained;    // bytes in spans, and free but not released
  uint64_t physical_page;    // a power of two
};

// Bytes, or GO_NO_GOAL where there is nothing to do.
struct go_scavenge_goals {
  uint64_t gogc;         // of heap_retained; none before the first collection has ended
  uint64_t memory_limit; // of mapped_ready
};

// At the end of each collection, and when a setting changes.
struct go_scavenge_goals go_scavenge_goals(const struct go_scavenge_inputs *inputs);

// Is there background work?
bool go_scavenge_is_due(const struct go_scavenge_goals *goals, uint64_t heap_retained, uint64_t mapped_ready);

// Bytes that an allocation of pages gives back first: for what it grew the heap by, over the gogc goal; for
// released pages that it brings back, over the memory limit, unless the CPU limiter limits.
uint64_t go_scavenge_at_growth(const struct go_scavenge_goals *goals, uint64_t heap_retained,
                               uint64_t growth);
uint64_t go_scavenge_at_limit(uint64_t memory_limit, uint64_t mapped_ready, uint64_t released, bool limiting);

// -------------------------------------------------------------------------------------- background worker

enum { GO_SCAVENGE_QUANTUM = 64 << 10 }; // bytes to release at a time

// One stretch of work, from all zeroes: release a quantum, go_scavenge_step, until that says false.
struct go_scavenge_work {
  uint64_t released; // bytes
  double time;
};

// A quantum has released so many bytes in that time; 0 where the clock is too coarse to tell. True: go on, if
// it is still due. False: this stretch has taken its millisecond, or there is no more to release.
bool go_scavenge_step(struct go_scavenge_work *work, uint64_t released, int64_t time, uint64_t physical_page);

struct go_scavenge_control {
  double sleep_ratio; // time of work : time asleep
  struct go_pi_controller controller;
  int64_t cooldown; // the controller has failed: until it is asked again
};

void go_scavenge_control_init(struct go_scavenge_control *control);

// How long to sleep after a stretch that has released something; after one that has not, until the next
// goals.
int64_t go_scavenge_sleep_time(const struct go_scavenge_control *control,
                               const struct go_scavenge_work *work);

// It has slept so long, which is as a rule longer than it wanted. False: the controller has failed; it starts
// again after 5 s with the ratio that it began with.
bool go_scavenge_slept(struct go_scavenge_control *control, const struct go_scavenge_work *work,
                       int64_t slept, int processors);

#endif
