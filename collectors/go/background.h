// What options have done beside the mutators, each by an actor of its own: `sweeper=on` sweeps spans
// that nobody has asked for; `scavenger=on` gives free pages back to the system, with 1 % of the
// processors' time. Both are helpers of the world (tricolor/collector.h): they work in turns (turns.h),
// under the heap's lock, and rest parked.
//
// With the clock of work the scavenger sleeps until mutators have done so much, else as long by the system's.
// Source: Go 1.19 to 1.26, runtime/mgcsweep.go (bgsweep), mgcscavenge.go (bgscavenge).
#ifndef TRICOLOR_GO_BACKGROUND_H
#define TRICOLOR_GO_BACKGROUND_H

#include "common/actor.h"
#include "go/scavenge_control.h"
#include "tricolor/collector.h"

struct go_heap;

struct go_helper {
  struct tri_mutator self;
  struct tri_actor actor;
  bool runs, due;
};

struct go_background {
  struct tri_mutex lock; // may be taken with the heap's held, not the other way round
  struct tri_condition changed; // there may be something to do
  bool stops;
  struct go_helper sweeper, scavenger;
  struct go_scavenge_control control; // the scavenger's own, and:
  int processors;
  int64_t sleeps_until;              // of the clock of work; an atomic
};

// Begin what options ask for; what cannot be spawned for want of memory is not done. The end waits for
// them; no mutator is attached.
void go_background_begin(struct go_heap *heap, bool sweeper, bool scavenger);
void go_background_end(struct go_heap *heap);

// With the world stopped, a cycle has ended: there may be something to do.
void go_background_wake(struct go_heap *heap);

// With the heap's lock held, or the world stopped: the clock of work has gone on.
void go_background_tick(struct go_heap *heap);

#endif
