// The contract, collector side: what a collector calls, and what its fast.h defines.
//
// fast.h of collector <name> is included with TRI_COLLECTOR=<name>, after plain.h. It defines
//   TRI_SUMMARY            one line
//   TRI_CAPS               the claims, TRI_CAP_… or-ed together
//   TRI_MAX_MUTATORS, TRI_MAX_HEAPS, TRI_MIN_HEAP, TRI_MAX_OBJECT     struct tri_caps
//   TRI_TELLS              (optional) what it tells of itself, TRI_TELLS_… or-ed together
//   TRI_OPTIONS            (optional) the file with its own option rows, "<name>/options.def", each one
//                          TRI_OPTION_ROW(symbol, and the members of struct tri_option in order)
//   tri_fast_<call>        (optional) an inline path for a row of fast.def; a path that leaves the inline code
//                          calls a function named <name>_…_slow
//   tri_cold_<call>        (optional) the function for a row of cold.def
// and <name>.c defines <name>_heap_create and _alloc_slow, and those of _heap_destroy, _attach, _detach,
// _stats_fill, _walk for which there is no tri_cold_<call>.
#ifndef TRICOLOR_COLLECTOR_H
#define TRICOLOR_COLLECTOR_H

#include "tricolor/tricolor.h"
#include "tricolor/plain.h"

// Fill in the common part of a zeroed heap: record, capabilities, sink, world. TRI_ENOMEM. Undone by
// tri_heap_fini, which needs all mutators gone and frees what handles are left.
TRI_EXPORT enum tri_status tri_heap_init(struct tri_heap *heap, const struct tri_collector *ops,
                                         const struct tri_heap_config *config);
TRI_EXPORT void tri_heap_fini(struct tri_heap *heap);

// Fill in the common part of a zeroed mutator and enter it in the world; waits while the world is stopped.
// TRI_EINVAL when max_mutators are attached. tri_mutator_fini takes it out.
TRI_EXPORT enum tri_status tri_mutator_init(struct tri_mutator *m, struct tri_heap *heap);
TRI_EXPORT void tri_mutator_fini(struct tri_mutator *m);

// The same for a mutator that is a block of its own: `bytes` of zeroed metadata memory that begin
// with struct tri_mutator; NULL in *m and TRI_ENOMEM or TRI_EINVAL on failure. tri_mutator_delete
// takes it out and frees it.
TRI_EXPORT enum tri_status tri_mutator_new(struct tri_heap *heap, size_t bytes, struct tri_mutator **m);
TRI_EXPORT void tri_mutator_delete(struct tri_mutator *m);

// Stop every other mutator at a safepoint or parked. Called by a mutator that wants to collect. True: the
// world is stopped, the caller is the only one running and must call tri_world_resume. False: another mutator
// collected while the caller waited; try the allocation again. Emits STOP_REQUEST and STOPPED.
TRI_EXPORT bool tri_world_stop(struct tri_mutator *m);
TRI_EXPORT void tri_world_resume(struct tri_mutator *m);

typedef void tri_root_fn(void *context, tri_ref *slot);

// A thread of the collector's own takes part: it stops others, and is stopped, as a mutator is, though it has
// no roots and is not among them. `helper` is zeroed; it begins parked, and calls tri_default_unpark before
// it touches the heap, tri_safepoint_slow now and then, tri_default_park. To leave it stays parked.
TRI_EXPORT void tri_helper_init(struct tri_mutator *helper, struct tri_heap *heap);

// Mutators and helpers that neither are parked nor wait for others. Anybody.
TRI_EXPORT uint32_t tri_world_running(struct tri_heap *heap);

// Have something done once for each mutator while the world runs: at its next safepoint, or as long as it
// rests by who calls one of the others. One handshake at a time. `act` must not wait for anything in the
// world; that it runs for m says that m does not, or that m runs it.
typedef void tri_handshake_fn(struct tri_heap *heap, struct tri_mutator *m);
TRI_EXPORT void tri_handshake_post(struct tri_heap *heap, tri_handshake_fn *act);

// Act for those that rest, and for `self`. True: nobody owes it any more. And with the
// world stopped, for all.
TRI_EXPORT bool tri_handshake_help(struct tri_mutator *self);
TRI_EXPORT void tri_handshake_finish(struct tri_heap *heap);

// The same until nobody owes it, or another has done so; a safepoint: others may stop the world meanwhile.
TRI_EXPORT void tri_handshake_wait(struct tri_mutator *self);

// Visit the root slots in the frames of one mutator that rests, or by itself; those of all handles, while
// others may write them. The visitor may change *slot of a frame.
TRI_EXPORT void tri_each_frame_slot(struct tri_mutator *m, tri_root_fn *visit, void *context);
TRI_EXPORT void tri_each_handle(struct tri_heap *heap, tri_root_fn *visit, void *context);

// Visit every root slot: frames of all mutators, then handles, null slots included. With the world stopped.
// The visitor may change *slot.
TRI_EXPORT void tri_each_root(struct tri_heap *heap, tri_root_fn *visit, void *context);

// Visit every attached mutator, with the world stopped.
TRI_EXPORT void tri_each_mutator(struct tri_heap *heap, void (*visit)(void *context, struct tri_mutator *m),
                                 void *context);

// Tell the sink. COLLECTION_END also counts heap->epoch; STOP_REQUEST … RESUME is a pause. Costs a branch
// and a clock reading: for collections, not for allocations.
TRI_EXPORT void tri_emit(struct tri_heap *heap, enum tri_event_kind kind, uint64_t a, uint64_t b);

// Set m->status, tell the sink if it is out of memory, return TRI_NULL: the end of a failed allocation.
TRI_EXPORT tri_ref tri_alloc_failed(struct tri_mutator *m, enum tri_status status, struct tri_shape shape);

// What every alloc_slow begins with: TRI_OK, TRI_EINVAL (no such shape, or beyond max_object_bytes) or
// TRI_ENOTSUP (kind without capability).
TRI_EXPORT enum tri_status tri_alloc_check(struct tri_mutator *m, struct tri_shape shape);

// Defaults of cold.def. Those of what a collector may tell: TRI_ENOTSUP, or a visit of nothing.
TRI_EXPORT enum tri_status tri_default_marking(struct tri_heap *heap, struct tri_marking *marking);
TRI_EXPORT bool tri_default_each_grey(struct tri_heap *heap, tri_grey_fn *visit, void *context);
TRI_EXPORT bool tri_default_each_remembered(struct tri_heap *heap, tri_remembered_fn *visit, void *context);
TRI_EXPORT bool tri_default_each_block(struct tri_heap *heap, tri_block_fn *visit, void *context);
TRI_EXPORT bool tri_default_each_counter(struct tri_heap *heap, tri_counter_fn *visit, void *context);
TRI_EXPORT bool tri_default_each_size_class(struct tri_heap *heap, tri_size_class_fn *visit, void *context);
TRI_EXPORT void tri_default_hold(struct tri_heap *heap, bool hold);
TRI_EXPORT void tri_default_park(struct tri_mutator *m);
TRI_EXPORT void tri_default_unpark(struct tri_mutator *m);
TRI_EXPORT bool tri_default_pin(struct tri_mutator *m, tri_ref object); // non-moving: true
TRI_EXPORT void tri_default_unpin(struct tri_mutator *m, tri_ref object);
TRI_EXPORT enum tri_status tri_default_finalizer_add(struct tri_mutator *m, tri_ref object, uint64_t cookie);
TRI_EXPORT tri_ref tri_default_finalizer_next(struct tri_mutator *m, uint64_t *cookie);
TRI_EXPORT enum tri_status tri_default_collect(struct tri_mutator *m, enum tri_collect_kind kind);
TRI_EXPORT enum tri_status tri_default_collect_start(struct tri_mutator *m); // TRI_ENOTSUP
TRI_EXPORT bool tri_default_collect_step(struct tri_mutator *m, size_t units); // true
TRI_EXPORT enum tri_status tri_default_inspect(struct tri_heap *heap, tri_ref ref,
                                               struct tri_object_info *info); // by a walk
TRI_EXPORT size_t tri_default_verify(struct tri_heap *heap, const struct tri_reporter *reporter); // by a walk

#endif
