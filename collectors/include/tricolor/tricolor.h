// The contract, mutator side: everything a workload, the executor or a test calls.
//
// One set of names, two bindings of one source text:
//   inline    compiled with -DTRI_COLLECTOR=<name>: the calls of fast.def inline that collector's fast.h
//   dynamic   compiled without: they go through m->ops, the collector's record (or a shim's)
// bind.c wraps the inline paths into the record, so both run the same code: what is fuzzed is what is timed.
//
// Rules, once for all calls:
//   * Only tri_alloc, tri_weak_new, tri_ephemeron_new, tri_collect, tri_collect_start, tri_collect_step,
//     tri_safepoint, tri_attach, tri_park and tri_unpark may collect or move. A tri_ref in a C local is dead
//     after those: keep it in a frame.
//   * Fresh objects are zeroed: null references, zero bytes.
//   * Out of memory is TRI_NULL or TRI_ENOMEM, never an abort, and the heap stays usable.
//   * A heap's objects are touched only by these calls, on a thread that is attached.
#ifndef TRICOLOR_TRICOLOR_H
#define TRICOLOR_TRICOLOR_H

#include "tricolor/types.h"
#include "tricolor/introspect.h"

struct tri_collector;
struct tri_mutator;
struct tri_heap;
struct tri_world;
struct tri_shim;

// ---------------------------------------------------------------------------------------------- heaps

struct tri_heap_params {
  const char *options;        // "heap=64m,cycles=off", or NULL for the defaults
  struct tri_event_sink sink; // told of every event; {0} for none
  char *error;                // if not NULL: a sentence on why creation failed, NUL-terminated
  size_t error_bytes;
};

// Make a heap. params may be NULL. TRI_EINVAL: bad options (params->error says which, where and what would be
// right). TRI_ENOTSUP: max_heaps are alive. TRI_ENOMEM. The caller destroys it with tri_heap_destroy.
TRI_EXPORT enum tri_status tri_heap_create(const struct tri_collector *collector,
                                           const struct tri_heap_params *params, struct tri_heap **heap);

// What every heap begins with. A collector's heap struct has this as its first member.
struct tri_heap {
  const struct tri_collector *ops; // the collector's record, or the outermost shim's
  uint64_t caps;                   // what this heap claims: the collector's claims, less what options took away
  uint32_t tells;                  // enum tri_tells, less what options took away
  uint64_t epoch;                  // collections that have ended: refs may have moved when it changed
  uint32_t stop_requested;         // != 0: running mutators must call tri_safepoint_slow at their next safepoint
  struct tri_world *world;         // mutators, handles, stop-the-world (common/world.h)
  struct tri_shim *shims;          // innermost last (harness/shims)
  struct tri_event_sink sink;
  struct tri_pauses pauses;
};

// What every mutator begins with. A collector's mutator struct has this as its first member.
struct tri_mutator {
  const struct tri_collector *ops;
  struct tri_heap *heap;
  struct tri_frame *frames;
  enum tri_status status; // why the last allocation returned TRI_NULL; unchanged by success
  uint32_t id;            // small number, unique among the attached
  uint32_t parked;
  struct tri_mutator *next, *previous; // in heap->world, as what follows
  bool resting;                        // parked, or waits in the world
  bool owes, claimed;                  // the handshake that is under way; another does it for this mutator
};

static inline bool tri_has(const struct tri_heap *heap, enum tri_cap cap) { return (heap->caps & cap) != 0; }

// ---------------------------------------------------------------------------------------------- roots

// A frame of n root slots on the C stack. Read a slot directly (f.slot[i]), write it with tri_root_set.
//   TRI_FRAME(m, f, 2);  tri_root_set(m, &f.slot[0], tri_alloc(m, shape));  …  TRI_FRAME_POP(m, f);
// Frames are popped in reverse order of pushing, on every way out of the block.
struct tri_frame {
  struct tri_frame *previous;
  size_t count; // slots follow
};

#define TRI_FRAME(m, name, n)                                                                                \
  struct {                                                                                                   \
    struct tri_frame head;                                                                                   \
    tri_ref slot[n];                                                                                         \
  } name = {{0}, {{0}}};                                                                                      \
  name.head.count = (n);                                                                                     \
  tri_frame_enter((m), &name.head)
#define TRI_FRAME_POP(m, name) tri_frame_leave((m), &(name).head)

static inline tri_ref *tri_frame_slots(struct tri_frame *frame) { return (tri_ref *)(frame + 1); }

// A root that outlives its C function. The struct belongs to the heap; free it with tri_handle_free.
struct tri_handle {
  tri_ref slot;
  struct tri_handle *next, *previous; // in heap->world
};

// A new handle on ref (which may be null); NULL when out of memory. None of these collects. A handle may be
// used by any attached mutator of the heap; concurrent writes to one handle are the program's race.
TRI_EXPORT struct tri_handle *tri_handle_new(struct tri_mutator *m, tri_ref ref);
TRI_EXPORT void tri_handle_free(struct tri_mutator *m, struct tri_handle *handle);
// tri_handle_get, tri_handle_set: below.

// ---------------------------------------------------------------------------------------------- the record

// A collector, or a shim around one. Records are const and live as long as the program.
struct tri_collector {
  uint32_t abi;  // TRI_ABI
  uint32_t size; // sizeof(struct tri_collector)
  const char *name;
  const char *summary; // one line
  struct tri_caps caps;
  const struct tri_option *options; // the collector's own rows, after those of options.def
  size_t n_options;

  // Make a heap from parsed options; called by tri_heap_create only.
  enum tri_status (*heap_create)(const struct tri_collector *self, const struct tri_heap_config *config,
                                 struct tri_heap **heap);

#define TRI_FAST_CALL(result, name, parameters, arguments) result(*name) parameters;
#define TRI_COLD_CALL(result, self, name, parameters, arguments) result(*name) parameters;
#include "tricolor/fast.def"
#include "tricolor/cold.def"
#undef TRI_FAST_CALL
#undef TRI_COLD_CALL
};

#define TRI_ABI 1

// A shared object that brings a collector exports this (TRI_PLUGIN(name) in bind.c writes it).
#define TRI_PLUGIN_SYMBOL "tri_collector_plugin"

// ---------------------------------------------------------------------------------------------- the calls

// Inline binding: the collector's own paths, and the plain ones for what it does not define.
#ifdef TRI_COLLECTOR
#include "tricolor/inline.h"
#define TRI_FAST_CALL(result, name, parameters, arguments)                                                   \
  static inline result tri_##name parameters { return tri_fast_##name arguments; }
#else
#define TRI_FAST_CALL(result, name, parameters, arguments)                                                   \
  static inline result tri_##name parameters { return m->ops->name arguments; }
#endif
#include "tricolor/fast.def"
#undef TRI_FAST_CALL

#define TRI_COLD_CALL(result, self, name, parameters, arguments)                                             \
  static inline result tri_##name parameters { return self->ops->name arguments; }
#include "tricolor/cold.def"
#undef TRI_COLD_CALL

static inline void tri_frame_enter(struct tri_mutator *m, struct tri_frame *frame) {
  frame->previous = m->frames;
  m->frames = frame;
  tri_frame_push(m, frame);
}

static inline void tri_frame_leave(struct tri_mutator *m, struct tri_frame *frame) {
  tri_frame_pop(m, frame);
  m->frames = frame->previous;
}

static inline tri_ref tri_handle_get(struct tri_mutator *m, const struct tri_handle *handle) {
  (void)m;
  return handle->slot;
}
static inline void tri_handle_set(struct tri_mutator *m, struct tri_handle *handle, tri_ref ref) {
  tri_root_set(m, &handle->slot, ref);
}

// New empty weak reference / ephemeron: may collect and move, fail like tri_alloc.
static inline tri_ref tri_weak_new(struct tri_mutator *m) { return tri_alloc(m, TRI_WEAK_SHAPE); }
static inline tri_ref tri_ephemeron_new(struct tri_mutator *m) { return tri_alloc(m, TRI_EPHEMERON_SHAPE); }

// The payload when the caller knows the number of reference slots: saves reading the shape. Good until
// the next collecting call.
static inline void *tri_raw_after(struct tri_mutator *m, tri_ref object, size_t n_refs) {
  (void)m;
  return (tri_ref *)object.bits + n_refs;
}

#endif
