// The scavenger of one heap: when which goal calls for memory to go back to the system. How much and how fast
// is scavenge_control.h's, which pages pages.h's. Under the heap's lock, or with the world stopped.
#ifndef TRICOLOR_GO_SCAVENGER_H
#define TRICOLOR_GO_SCAVENGER_H

#include "go/scavenge_control.h"

struct go_scavenger {
  struct go_scavenge_goals goals;
  uint64_t at_growth, at_limit, background; // bytes given back, in all
};

struct go_heap;

void go_scavenger_init(struct go_scavenger *scavenger);

// A collection has ended, and the next goal is settled.
void go_scavenger_settle(struct go_heap *heap);

// The heap has grown by so many bytes of addresses. And pages were allocated, so many bytes of
// which bring memory back.
void go_scavenger_grown(struct go_heap *heap, uint64_t growth);
void go_scavenger_allocated(struct go_heap *heap, uint64_t released);

// In the background: a piece of at most so many bytes (see pages.h), if a goal calls for it and there is one.
// The caller discards it, which needs no lock, and gives it back: returns its bytes.
struct go_run;
bool go_scavenger_take(struct go_heap *heap, uint64_t bytes, struct go_run *run);
uint64_t go_scavenger_give(struct go_heap *heap, const struct go_run *run);

#endif
