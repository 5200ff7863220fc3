// The inline binding: fast.h of TRI_COLLECTOR, then the plain path for each call that it leaves open.
#ifndef TRICOLOR_INLINE_H
#define TRICOLOR_INLINE_H

#include "tricolor/plain.h"

// <collector>_<name>: every symbol of a collector carries its prefix.
#define TRI_IMPL(name) TRI_PASTE(TRI_COLLECTOR, TRI_PASTE(_, name))

#include TRI_FAST_H

// With a barrier in store but not in these four, a reference could be written past it.
#if defined(tri_fast_store) && !(defined(tri_fast_swap) && defined(tri_fast_cas) && defined(tri_fast_copy) &&       \
                                 defined(tri_fast_fill))
#error "a collector that defines tri_fast_store must define tri_fast_swap, _cas, _copy and _fill as well"
#endif

// A collector without an inline allocation path has <collector>_alloc_slow alone.
#ifndef tri_fast_alloc
tri_ref TRI_IMPL(alloc_slow)(struct tri_mutator *m, struct tri_shape shape);
#define tri_fast_alloc TRI_IMPL(alloc_slow)
#endif
#ifndef tri_fast_load
#define tri_fast_load tri_plain_load
#endif
#ifndef tri_fast_store
#define tri_fast_store tri_plain_store
#endif
#ifndef tri_fast_init
#define tri_fast_init tri_fast_store
#endif
#ifndef tri_fast_swap
#define tri_fast_swap tri_plain_swap
#endif
#ifndef tri_fast_cas
#define tri_fast_cas tri_plain_cas
#endif
#ifndef tri_fast_copy
#define tri_fast_copy tri_plain_copy
#endif
#ifndef tri_fast_fill
#define tri_fast_fill tri_plain_fill
#endif
#ifndef tri_fast_shape
#define tri_fast_shape tri_plain_shape
#endif
#ifndef tri_fast_raw
static inline void *tri_plain_raw(struct tri_mutator *m, tri_ref object) {
  return (tri_ref *)object.bits + tri_shape_refs(tri_fast_shape(m, object));
}
#define tri_fast_raw tri_plain_raw
#endif
#ifndef tri_fast_same
#define tri_fast_same tri_plain_same
#endif
#ifndef tri_fast_free
#define tri_fast_free tri_plain_free
#endif
#ifndef tri_fast_root_set
#define tri_fast_root_set tri_plain_root_set
#endif
#ifndef tri_fast_frame_push
#define tri_fast_frame_push tri_plain_frame_push
#endif
#ifndef tri_fast_frame_pop
#define tri_fast_frame_pop tri_plain_frame_pop
#endif
#ifndef tri_fast_weak_get
#define tri_fast_weak_get tri_plain_weak_get
#endif
#ifndef tri_fast_weak_set
#define tri_fast_weak_set tri_plain_weak_set
#endif
#ifndef tri_fast_ephemeron_key
#define tri_fast_ephemeron_key tri_plain_ephemeron_key
#endif
#ifndef tri_fast_ephemeron_value
#define tri_fast_ephemeron_value tri_plain_ephemeron_value
#endif
#ifndef tri_fast_ephemeron_set
#define tri_fast_ephemeron_set tri_plain_ephemeron_set
#endif
#ifndef tri_fast_safepoint
#define tri_fast_safepoint tri_plain_safepoint
#endif

#endif
