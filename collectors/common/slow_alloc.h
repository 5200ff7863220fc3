// The slow path of an allocation, for collectors that stop the world when memory is used up.
#ifndef TRICOLOR_COMMON_SLOW_ALLOC_H
#define TRICOLOR_COMMON_SLOW_ALLOC_H

#include "common/actor.h"
#include "tricolor/collector.h"

// An object of a checked shape from what is free, or TRI_NULL. With the lock held, or the world stopped.
typedef tri_ref tri_try_alloc_fn(struct tri_mutator *m, struct tri_shape shape);

// Make memory free, with the world stopped; what the last attempt wanted was not there. again: neither was it
// after the reclaim before this one. Returns whether one more could free more.
typedef bool tri_reclaim_fn(struct tri_mutator *m, bool again);

// tri_alloc_slow: check the shape, come to a safepoint, and try, with reclaim in between until that has no
// more to give. What was reclaimed is tried before the world goes on: nobody else can take it. TRI_NULL and
// m->status: TRI_ENOMEM, or those of tri_alloc_check. May collect and move, as often as other mutators
// collect meanwhile.
tri_ref tri_slow_alloc(struct tri_mutator *m, struct tri_shape shape, struct tri_mutex *lock,
                       tri_try_alloc_fn *try_alloc, tri_reclaim_fn *reclaim);

#endif
