// Turns: what works beside the mutators (workers.h, background.h) does so in turns, and whoever looks into
// the heap while one mutator runs can hold them: then no turn is under way. A turn waits for nothing but
// locks, so that holding never waits for the mutator that holds.
#ifndef TRICOLOR_GO_TURNS_H
#define TRICOLOR_GO_TURNS_H

#include "common/actor.h"

struct go_turns {
  bool used; // somebody works beside the mutators; else all below does nothing
  struct tri_mutex lock;
  struct tri_condition changed; // what follows
  unsigned under_way, waiting, held; // turns, and those held up; holds
};

void go_turns_init(struct go_turns *turns, bool used);

// Not nested.
void go_turn_begin(struct go_turns *turns);
void go_turn_end(struct go_turns *turns);

// No turn begins or is under way until it is released. Nests. No scheduling point unless it has to wait: the
// oracle looks thousands of times an execution.
void go_turns_hold(struct go_turns *turns, bool hold);

#endif
