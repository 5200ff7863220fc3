// The pace of one heap: its clock, and what the pacer and the limiter have been told. pace.c feeds them.
#ifndef TRICOLOR_GO_PACE_H
#define TRICOLOR_GO_PACE_H

#include "common/os.h"
#include "go/limiter.h"
#include "go/pacer.h"
#include "go/trace.h"
#include "tricolor/compiler.h"

// Nanoseconds: of the system; or of work, where each byte that is allocated and each byte that is scanned
// takes one, so that a run that is repeated meets the same times.
struct go_clock {
  bool works;
  int64_t worked; // an atomic
};

static inline int64_t go_now(const struct go_clock *clock) {
  return clock->works ? TRI_RELAXED_LOAD(&clock->worked) : (int64_t)tri_os_now_ns();
}

static inline void go_clock_work(struct go_clock *clock, uint64_t bytes) {
  if (clock->works) __atomic_fetch_add(&clock->worked, (int64_t)bytes, __ATOMIC_RELAXED);
}

// Who has marked.
enum go_marker {
  GO_MARK_ASSIST,  // a mutator, for its allocations
  GO_MARK_WORKER,  // a worker in the background
  GO_MARK_IDLE,    // one that does so only on a processor that idles
  GO_MARK_STOPPED, // whoever has stopped the world: the other processors wait
  GO_MARKERS,
};

// Under the heap's lock, or with the world stopped, where nothing else is said.
struct go_pace {
  struct go_clock clock;
  struct go_pacer pacer;
  struct go_limiter limiter;
  uint64_t trigger, goal; // `live` at which a cycle begins (read without the lock), and is to have ended
  uint64_t heap_limit;
  int processors;      // that the mutators of this cycle have
  bool background;     // workers mark in the background
  uint64_t root_bytes; // of this cycle
  uint64_t scanned;    // bytes of the heap's slots, of this cycle; an atomic
  int64_t mark_time[GO_MARKERS]; // CPU time spent marking in this cycle, nanoseconds; atomics
  uint64_t scanned_by[GO_MARKERS]; // bytes of the heap's slots, in all; atomics
  int64_t untold;                // of it, what the limiter has not been told; an atomic
  bool forced;                   // the next cycle is begun by a call
  bool periodic;                 // and this one, as time alone calls for it
  int64_t period, due;           // nanoseconds; and by the clock, when time alone calls for a cycle; an atomic
  bool traces;                   // an option: a line for each cycle
  struct go_cycle_times cycle;
  struct go_history history;
};

// gogc, memory_limit (0: none), periodic (0: never): options. heap_limit: bytes that the heap can hold.
void go_pace_init(struct go_pace *pace, enum go_pacer_generation generation, int32_t gogc,
                  uint64_t memory_limit, int32_t periodic, uint64_t heap_limit, bool works);

// Whether time alone calls for a cycle: there has been one, and it is so long ago. Any mutator.
static inline bool go_pace_is_periodic_due(const struct go_pace *pace) {
  int64_t due = TRI_RELAXED_LOAD(&pace->due);
  return due != INT64_MAX && go_now(&pace->clock) >= due;
}

#endif
