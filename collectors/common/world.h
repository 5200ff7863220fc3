// The world of a heap: its attached mutators, its handles, stopping it, and handshakes (see
// collector.h for the calls).
//
// A mutator is running, waiting at a safepoint, or parked. The one that wants to collect becomes the stopper;
// it goes on when no other is running. Helpers (a collector's own threads) are the same, but are in no list
// and owe no handshakes. Invariants: running = attached mutators and helpers neither parked nor waiting;
// while there is a stopper nobody attaches or unparks; heap->stop_requested is set exactly while there is
// one, or while a mutator owes a handshake.
//
// A handshake (a ragged barrier) is something that is done once for each mutator, while the others run: by
// itself at its next safepoint, or by another while it rests, that is, is parked or waits. Who rests goes on
// only when nobody acts for it.
#ifndef TRICOLOR_COMMON_WORLD_H
#define TRICOLOR_COMMON_WORLD_H

#include "common/actor.h"
#include "tricolor/collector.h"

struct tri_world {
  struct tri_mutex lock;
  struct tri_condition changed; // running or stopper changed
  struct tri_mutator *mutators;
  struct tri_handle *handles;
  struct tri_mutator *stopper;
  uint32_t attached, running;
  uint32_t owing; // mutators that have not passed the handshake
  tri_handshake_fn *act;
};

// Used by tri_heap_init and tri_heap_fini only. NULL when out of memory.
struct tri_world *tri_world_new(void);
void tri_world_free(struct tri_world *world);

#endif
