// What the files of the executor (exec*.c) share: the state of a run, and the steps that operations are made of.
// Not for others; exec.h says what a run is. Operations (op_*) return true if they did something.
#ifndef TRICOLOR_PROGRAM_EXEC_STATE_H
#define TRICOLOR_PROGRAM_EXEC_STATE_H

#include "program/exec.h"

enum {
  MAX_DEPTH = 32, // frames of a mutator
  MAX_LOOPS = 4,  // nested
  MAX_MAIL = 4,
  MAX_PINS = 16,
  MAX_IMMORTALS = 64,
  MAX_SETTINGS = 8,
  GLOBAL_PAGE = 128,
  SCRATCH = TRI_REGISTERS, // a slot beyond the registers, for the executor itself
};

enum frame_state { FRAME_UNUSED, FRAME_LIVE, FRAME_DEAD };

// One activation: the registers are root slots. A frame that was returned from while another mutator's frame
// lies above it on a shared tri_mutator is dead until it can be popped, or is revived by the next call.
struct frame {
  struct tri_frame head;
  tri_ref slot[TRI_REGISTERS + 1];
  uint32_t private; // bit r: register r holds the only reference to its object, so `free` may free it
  enum frame_state state;
};
_Static_assert(offsetof(struct frame, slot) == sizeof(struct tri_frame), "slots follow the frame's head");

// A mutator of the program. It owns its tri_mutator, or shares that of m0.
struct player {
  struct tri_mutator *m; // NULL: has not played yet
  bool owns;
  unsigned depth; // live frames
  struct frame frames[MAX_DEPTH];
  struct tri_handle *mail[MAX_MAIL];
  unsigned mail_count;
};

struct loop {
  size_t at;
  uint32_t remaining;
};

struct tri_run {
  const struct tri_program *program;
  const struct tri_run_params *params;
  struct tri_run_result *result;

  uint64_t heap_bytes; // configuration until there is a heap
  struct {
    uint32_t row, value;
  } settings[MAX_SETTINGS];
  unsigned n_settings;

  struct tri_heap *heap;
  struct player players[TRI_MUTATORS];
  struct player *player; // the running one
  struct tri_handle **globals[TRI_GLOBALS / GLOBAL_PAGE];
  struct tri_handle *pins[MAX_PINS];
  unsigned n_pins;
  struct tri_handle *immortals[MAX_IMMORTALS];
  unsigned n_immortals;

  size_t at; // operation
  struct loop loops[MAX_LOOPS];
  unsigned n_loops;
  uint64_t budget;
  uint32_t zeal, since_zeal;
  uint64_t seed;        // of the last payload written
  uint64_t cookie;      // of the last finalizer: no two have the same, so the oracle can tell them apart
  tri_ref fresh;        // allocated by the last collecting call, and no plain store to it yet
  size_t fresh_from;    // its fields from here on were not initialised yet
  bool stop;
};

static inline struct tri_mutator *mutator(struct tri_run *run) { return run->player->m; }
static inline struct frame *top(struct tri_run *run) { return &run->player->frames[run->player->depth - 1]; }
static inline bool has(struct tri_run *run, enum tri_cap cap) { return tri_has(run->heap, cap); }
static inline size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// Every collecting call ends the freshness of the last object.
static inline void collecting(struct tri_run *run) { run->fresh = TRI_NULL; }

// What an operation needs of the object that it works on.
enum need { ANY, NODE, FIELDS, PAYLOAD, WEAK, EPHEMERON };

// The object of a register with what is needed, and its shape. Null if there is none.
struct object {
  int at;
  tri_ref ref;
  struct tri_shape shape;
};

static inline size_t field(struct object object, uint32_t i) { return i % tri_shape_refs(object.shape); }

// The run ends with that after the present operation; of several the first counts (exec.c).
TRI_PRINTF(3, 4)
void run_finish(struct tri_run *run, enum tri_run_status status, const char *format, ...);

// Registers and frames (exec_registers.c)
void run_set_slot(struct tri_run *run, unsigned slot, tri_ref ref);
// The nearest register that fits, from r on, cyclically; -1 if there is none.
int run_find(struct tri_run *run, uint32_t r, enum need need);
// A register as a value: from now on others may know the object.
tri_ref run_value(struct tri_run *run, uint32_t r);
struct object run_object(struct tri_run *run, uint32_t r, enum need need);
bool op_same(struct tri_run *run, uint32_t a, uint32_t b);
bool op_drop_all(struct tri_run *run);
// The player has room for one more frame.
void run_push_frame(struct tri_run *run);
bool op_call(struct tri_run *run, uint32_t r);
bool op_return(struct tri_run *run, uint32_t to, uint32_t from);

// The heap (exec_heap.c)
// Out of memory: counted; false.
bool run_refused(struct tri_run *run);
// Create the heap if there is none yet. False: the run is over.
bool run_need_heap(struct tri_run *run);
bool run_collect(struct tri_run *run, enum tri_collect_kind kind);
bool run_safepoint(struct tri_run *run);
// A collection in steps; where there is none, another kind, or a safepoint.
bool op_start(struct tri_run *run);
bool op_step(struct tri_run *run, size_t units);
bool op_finish(struct tri_run *run);
// A fresh object with its payload written; null when out of memory. May collect.
tri_ref run_allocate(struct tri_run *run, struct tri_shape shape);
bool run_allocate_to(struct tri_run *run, uint32_t r, uint64_t n_refs, uint64_t n_bytes);
struct tri_handle *run_new_handle(struct tri_run *run, tri_ref ref);
bool op_heap(struct tri_run *run, uint64_t bytes);
bool op_option(struct tri_run *run, uint32_t number, uint32_t value);
bool op_verify(struct tri_run *run);

// Mutators (exec_mutators.c)
bool op_mutator(struct tri_run *run, uint32_t number);
bool op_policy(uint32_t policy, uint32_t seed);

// Allocation (exec_alloc.c)
bool op_pair(struct tri_run *run, uint32_t r, uint32_t first, uint32_t second);
bool op_weak_new(struct tri_run *run, uint32_t r, uint32_t target);
bool op_ephemeron_new(struct tri_run *run, uint32_t r, uint32_t key, uint32_t held);
bool op_finalizer(struct tri_run *run, uint32_t r);
bool op_finalizable(struct tri_run *run, uint32_t r, uint32_t n);
bool op_pinned(struct tri_run *run, uint32_t r, uint32_t n, uint64_t bytes);
bool op_immortal(struct tri_run *run, uint32_t r, uint32_t n);
bool op_grow(struct tri_run *run, uint32_t r, uint32_t from);
bool op_oom(struct tri_run *run, uint64_t bytes);

// Edges (exec_edges.c)
bool op_store(struct tri_run *run, uint32_t r, uint32_t i, tri_ref ref);
bool op_init(struct tri_run *run, uint32_t r, uint32_t i, tri_ref ref);
bool op_copy(struct tri_run *run, const uint32_t *operand);
bool op_slide(struct tri_run *run, uint32_t r, uint32_t to, uint32_t from, uint32_t n);
bool op_fill(struct tri_run *run, uint32_t r, uint32_t i, tri_ref ref, uint32_t n);
bool op_swap(struct tri_run *run, uint32_t kept, uint32_t r, uint32_t i, uint32_t with);
bool op_cas(struct tri_run *run, uint32_t r, uint32_t i, tri_ref ref);
bool op_cas_if(struct tri_run *run, uint32_t r, uint32_t i, tri_ref ref, uint32_t expected);
bool op_load(struct tri_run *run, uint32_t to, uint32_t r, uint32_t i, bool hide);

// Handles (exec_handles.c)
bool op_send(struct tri_run *run, uint32_t number, uint32_t r);
bool op_receive(struct tri_run *run, uint32_t r);
bool op_global_get(struct tri_run *run, uint32_t r, uint32_t i);
bool op_global_drop(struct tri_run *run, uint32_t i);
bool op_global_set(struct tri_run *run, uint32_t i, uint32_t r);
bool op_pin(struct tri_run *run, uint32_t r);
void run_unpin(struct tri_run *run, unsigned i);
bool op_unpin(struct tri_run *run, uint32_t r);

// Payload (exec_payload.c)
void run_check_payload(struct tri_run *run, tri_ref ref, const char *where);
bool op_write(struct tri_run *run, uint32_t r, uint32_t seed);
bool op_check(struct tri_run *run, uint32_t r);
bool op_print(struct tri_run *run, uint32_t r);

// Weak references and the like (exec_weak.c)
bool op_weak_get(struct tri_run *run, uint32_t to, uint32_t r);
bool op_weak_set(struct tri_run *run, uint32_t r, uint32_t target);
bool op_ephemeron_set(struct tri_run *run, uint32_t r, uint32_t key, uint32_t held);
bool op_ephemeron_get(struct tri_run *run, uint32_t to, uint32_t r, bool key);
bool op_finalized(struct tri_run *run, uint32_t r);
bool op_free(struct tri_run *run, uint32_t r);

// Roots (exec_roots.c)
void run_hash_graph(struct tri_run *run);

#endif
