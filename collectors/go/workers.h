// Workers: actors that mark in the background while mutators run (Go 1.5 to 1.26, runtime/mgc.go:
// gcBgMarkWorker; mgcpacer.go: findRunnableGCWorker; mgcmark.go: gcParkAssist, gcFlushBgCredit). They are
// helpers of the world (common/world.h): running or parked, and stopped with it. They start with the first
// cycle; where one cannot be had there are fewer, and mutators do more.
//
// A worker marks in turns (turns.h); between two of them it comes to a safepoint, and its work stands in
// its buffers. What it scans is credit for assists: first for those that wait, in the order in which they
// came, then for those to come. Who waits is parked; the end of marking wakes all. Where there are workers,
// only they end a cycle: the last of those that are busy, when it finds nothing.
//
// A dedicated worker marks as long as the heap does; the others do while fewer actors of the heap run than
// there are processors, and the first of them, if dedicated ones are less than a quarter of the processors,
// for what is missing. Who may not mark, or has nothing to, rests parked; what it had goes to the pool.
#ifndef TRICOLOR_GO_WORKERS_H
#define TRICOLOR_GO_WORKERS_H

#include "common/actor.h"
#include "go/work.h"
#include "tricolor/tricolor.h"

struct go_heap;

struct go_worker {
  struct tri_mutator base; // a helper
  struct tri_actor actor;
  struct go_work work;
  int64_t marked; // time of this cycle
};

struct go_waiter { // a mutator that waits for credit
  int64_t debt;
  bool served;
  struct go_waiter *next;
};

struct go_workers {
  // Settled with the heap. Worker number `dedicated` has a share of all processors' time, if that is above 0.
  unsigned wanted, dedicated, processors;
  double share;

  struct tri_mutex lock;
  struct tri_condition changed; // anything below
  unsigned n;                   // that there are
  bool begun;                   // they have been asked for
  bool marking;                 // the heap is
  bool ends;                    // the heap is destroyed; an atomic
  unsigned busy;                // workers that may have work of their own, or end the cycle; an atomic
  struct go_waiter *first, *last;
  int64_t credit; // bytes scanned that nobody has used; an atomic
  uint64_t given, taken, expired; // in all: to those who waited; as credit, an atomic; left over by cycles
  struct go_worker *worker;
};

// So many dedicated ones; or, if negative, as Go has them on a machine with so many processors.
void go_workers_init(struct go_workers *workers, int wanted, unsigned processors);

// All that there are end; what they had to mark is gone.
void go_workers_fini(struct go_heap *heap);

// With the world stopped: marking goes on when the world does; it has ended.
void go_workers_begin(struct go_heap *heap);
void go_workers_end(struct go_heap *heap);

// With the world stopped: what workers have to mark goes to the pool.
void go_workers_dispose(struct go_heap *heap);

// The pool may have got work.
void go_workers_wake(struct go_heap *heap);

// Of so many bytes of scan work, what is left after credit has paid.
uint64_t go_credit_take(struct go_workers *workers, uint64_t bytes);

// There is nothing to mark: wait until credit has paid so many bytes, or marking ends. A safepoint.
void go_credit_wait(struct tri_mutator *m, uint64_t bytes);

#endif
