// zeal: moves every object at every safepoint and protects the old copies. See README.md.
#ifndef ZEAL_FAST_H
#define ZEAL_FAST_H

#include "tricolor/plain.h"

#define TRI_SUMMARY "debugging: moves every object at every safepoint, a stale reference faults at once"
#define TRI_CAPS                                                                                             \
  (TRI_CAP_MOVES | TRI_CAP_EXACT | TRI_CAP_CYCLES | TRI_CAP_WEAK | TRI_CAP_EPHEMERON | TRI_CAP_FINALIZER |   \
   TRI_CAP_WALK | TRI_CAP_RECLAIMS | TRI_CAP_MULTI_HEAP | TRI_CAP_MULTI_MUTATOR)
#define TRI_MAX_MUTATORS 256
#define TRI_MAX_HEAPS UINT32_MAX
#define TRI_MIN_HEAP (64 << 10)
#define TRI_MAX_OBJECT (UINT64_C(1) << 30)
#define TRI_OPTIONS "zeal/options.def"

// Nothing is inline but what is plain: every allocation and every safepoint may move.
void zeal_safepoint_slow(struct tri_mutator *m);
#define tri_fast_safepoint zeal_safepoint_slow

void zeal_unpark(struct tri_mutator *m);
enum tri_status zeal_finalizer_add(struct tri_mutator *m, tri_ref object, uint64_t cookie);
tri_ref zeal_finalizer_next(struct tri_mutator *m, uint64_t *cookie);
enum tri_status zeal_collect(struct tri_mutator *m, enum tri_collect_kind kind);
size_t zeal_verify(struct tri_heap *heap, const struct tri_reporter *reporter);
#define tri_cold_detach tri_mutator_delete
#define tri_cold_unpark zeal_unpark
#define tri_cold_finalizer_add zeal_finalizer_add
#define tri_cold_finalizer_next zeal_finalizer_next
#define tri_cold_collect zeal_collect
#define tri_cold_verify zeal_verify

#endif
