// Actors (mutators, mark workers, sweepers, finalizer threads) and what they synchronise with, in two forms
// of one source:
//
//   TRI_FIBERS 0   an actor is a thread. For timing and ThreadSanitizer.
//   TRI_FIBERS 1   all actors are fibers on one OS thread. Only yield points and blocking operations change
//                  who runs, and common/schedule.h decides who: any interleaving can be asked for and
//                  replayed.
//
// The form comes with the library a target links (tricolor-common-threads or tricolor-common-fibers).
//
// Rules for code that has to work in both: wait with a condition, or spin with tri_actor_spin() in the loop;
// keep what belongs to an actor in its `local` or in the mutator, never in a _Thread_local variable; shared
// fields are atomics or under a mutex. A run that spawns nothing pays one predictable branch per yield point.
#ifndef TRICOLOR_COMMON_ACTOR_H
#define TRICOLOR_COMMON_ACTOR_H

#include <stdbool.h>
#include <stdint.h>
#include "common/check.h"

#ifndef TRI_FIBERS
#error "link tricolor-common-threads or tricolor-common-fibers: they define TRI_FIBERS"
#endif

enum tri_actor_kind {
  TRI_ACTOR_MUTATOR,
  TRI_ACTOR_COLLECTOR, // drives collections
  TRI_ACTOR_MARKER,
  TRI_ACTOR_SWEEPER,
  TRI_ACTOR_FINALIZER,
};

enum tri_yield_point {
#define TRI_YIELD_POINT(name, text, doc) TRI_YIELD_##name,
#include "common/yield_points.def"
#undef TRI_YIELD_POINT
  TRI_YIELD_POINTS
};

#if TRI_FIBERS
#include "common/actor_fibers.h"
#else
#include "common/actor_threads.h"
#endif

// Starts an actor that runs fn(arg) and ends when it returns. `actor` is the caller's memory and must stay
// until joined. False when no thread or fiber is to be had (counted by tri_os_inject).
bool tri_actor_spawn(struct tri_actor *actor, enum tri_actor_kind kind, void (*fn)(void *), void *arg);

// Waits for the actor to end; exactly once per successful spawn. A mutator parks before it waits.
void tri_actor_join(struct tri_actor *actor);

// The running actor. Code that no spawn started (main, a foreign thread) has an actor too, a mutator.
//   struct tri_actor *tri_actor_self(void);
// Fields for everyone to read: kind; number (0 = the first actor, small, unique among living actors).
// Field for its owner to use: local.

// One turn of a loop that waits for another actor. Lets the others go on; in fibers form nobody else being
// able to run is a deadlock.
//   void tri_actor_spin(void);

// Mutexes are not recursive. Static: = TRI_MUTEX_INIT; else tri_mutex_init. Nothing to destroy.
//   void tri_mutex_init(struct tri_mutex *);   lock, unlock, bool try_lock
// Of the harness, for its own books:
//   void tri_mutex_lock_quietly(struct tri_mutex *);   unlock
// are, in fibers form, no scheduling points unless they have to wait.
// Conditions: = TRI_CONDITION_INIT or tri_condition_init. Wakeups may be spurious: wait in a loop.
//   void tri_condition_wait(struct tri_condition *, struct tri_mutex *);   signal, broadcast
//   void tri_condition_wait_for(struct tri_condition *, struct tri_mutex *, uint64_t ns);
// the latter at most about so long; in fibers form, where no time passes, until it is woken.

// TRI_YIELD(POINT): here another actor may go on. POINT is a row of yield_points.def. Any shared state may
// have changed afterwards; never inside a section that must be atomic on real threads too without its mutex.
//   TRI_YIELD(SAFEPOINT_POLL);

const char *tri_yield_point_name(enum tri_yield_point point);

#endif
