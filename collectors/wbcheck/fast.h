// wbcheck: checks that every write of a reference goes through the contract. See README.md.
#ifndef WBCHECK_FAST_H
#define WBCHECK_FAST_H

#include "common/marked_heap.h"

#define TRI_SUMMARY "mark-sweep that checks the mutator: each slot holds what came through a barrier last"
#define TRI_CAPS                                                                                             \
  (TRI_CAP_EXACT | TRI_CAP_CYCLES | TRI_CAP_WEAK | TRI_CAP_EPHEMERON | TRI_CAP_FINALIZER | TRI_CAP_PIN |     \
   TRI_CAP_WALK | TRI_CAP_RECLAIMS | TRI_CAP_MULTI_HEAP | TRI_CAP_MULTI_MUTATOR)
#define TRI_TELLS TRI_TELLS_BLOCKS
#define TRI_MAX_MUTATORS 256
#define TRI_MAX_HEAPS UINT32_MAX
#define TRI_MIN_HEAP (64 << 10)
#define TRI_MAX_OBJECT (UINT64_C(1) << 30)
#define TRI_OPTIONS "wbcheck/options.def"

// Nothing is inlined: each barrier takes the lock and looks up what it has seen before.
void wbcheck_store_slow(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value);
void wbcheck_init_slow(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value);
tri_ref wbcheck_swap_slow(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value);
bool wbcheck_cas_slow(struct tri_mutator *m, tri_ref object, size_t i, tri_ref expected, tri_ref value);
void wbcheck_copy_slow(struct tri_mutator *m, tri_ref to, size_t to_i, tri_ref from, size_t from_i, size_t n);
void wbcheck_fill_slow(struct tri_mutator *m, tri_ref object, size_t i, size_t n, tri_ref value);
void wbcheck_weak_set_slow(struct tri_mutator *m, tri_ref weak, tri_ref target);
void wbcheck_ephemeron_set_slow(struct tri_mutator *m, tri_ref ephemeron, tri_ref key, tri_ref value);
void wbcheck_root_set_slow(struct tri_mutator *m, tri_ref *slot, tri_ref value);
void wbcheck_frame_pop_slow(struct tri_mutator *m, struct tri_frame *frame);

#define tri_fast_store wbcheck_store_slow
#define tri_fast_init wbcheck_init_slow
#define tri_fast_swap wbcheck_swap_slow
#define tri_fast_cas wbcheck_cas_slow
#define tri_fast_copy wbcheck_copy_slow
#define tri_fast_fill wbcheck_fill_slow
#define tri_fast_weak_set wbcheck_weak_set_slow
#define tri_fast_ephemeron_set wbcheck_ephemeron_set_slow
#define tri_fast_root_set wbcheck_root_set_slow
#define tri_fast_frame_pop wbcheck_frame_pop_slow

enum tri_status wbcheck_collect(struct tri_mutator *m, enum tri_collect_kind kind);
size_t wbcheck_verify(struct tri_heap *heap, const struct tri_reporter *reporter);
#define tri_cold_attach tri_marked_attach
#define tri_cold_detach tri_marked_detach
#define tri_cold_walk tri_marked_walk
#define tri_cold_finalizer_add tri_marked_finalizer_add
#define tri_cold_finalizer_next tri_marked_finalizer_next
#define tri_cold_collect wbcheck_collect
#define tri_cold_inspect tri_marked_inspect
#define tri_cold_verify wbcheck_verify
#define tri_cold_each_block tri_marked_each_block

#endif
