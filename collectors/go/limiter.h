// The limiter of the collector's CPU time (Go 1.19, proposal 48409): near a memory limit that is too small,
// collections would follow each other without an end. A leaky bucket fills with the collector's CPU time and
// drains with the mutators'; while it is full the collector gives way: no mark assists, no scavenging by
// allocations, and the memory limit is exceeded instead. In the long run the collector gets half of the
// processors; the bucket's second per processor is its leeway, and what is still under way when the bucket is
// full comes on top (overflow): half holds net of it, and assists switched on and off every millisecond can
// take the share to 62.5 %. Time without collections earns no credit beyond that.
//
// Pure: time is an argument, nanoseconds of a clock that does not go back (an earlier time than the last is
// no time). The caller's lock.
#ifndef TRICOLOR_GO_LIMITER_H
#define TRICOLOR_GO_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

struct go_limiter {
  uint64_t fill, capacity; // CPU nanoseconds; fill <= capacity
  uint64_t overflow;       // total that found no room
  int64_t last_update;
  int64_t assist_time, idle_time; // added since
  int processors;
  bool marking;       // background workers take their quarter
  bool transitioning; // world stopped: between start and finish
  bool limiting;
};

void go_limiter_init(struct go_limiter *limiter, int64_t now, int processors);
void go_limiter_set_processors(struct go_limiter *limiter, int64_t now, int processors);

// CPU time since the last update: of mutators that marked or scavenged for an allocation; of processors with
// nothing else to do, what they marked in it included.
void go_limiter_add_assist_time(struct go_limiter *limiter, int64_t time);
void go_limiter_add_idle_time(struct go_limiter *limiter, int64_t time);

// Every 10 ms, and before limiting is looked at where it matters. Not within a transition.
bool go_limiter_needs_update(const struct go_limiter *limiter, int64_t now);
void go_limiter_update(struct go_limiter *limiter, int64_t now);

// The world has stopped for marking to begin or to end; it is about to go on. All processors were the
// collector's in between.
void go_limiter_start_transition(struct go_limiter *limiter, int64_t now, bool marking);
void go_limiter_finish_transition(struct go_limiter *limiter, int64_t now);

#endif
