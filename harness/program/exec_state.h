// What the files of the executor (exec*.c) share: the state of a run, and the steps that operations are made of.
// Not for others; exec.h says what a run is. Operations (op_*) return true if they did something.
#ifndef TRICOLOR_PROGRAM_EXEC_STATE_H
#define TRICOLOR_PROGRAM_EXEC_STATE_H

#include "common/schedule.h"
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

struct loop {
  size_t at;
  uint32_t remaining;
};

// A mutator of the program, which executes the operations that it owns in their order: its stream. It owns its
// tri_mutator, or shares that of m0.
struct player {
  struct tri_run *run;
  unsigned number;
  struct tri_actor actor; // while mutators run concurrently: of all but m0, which runs on the caller's actor
  struct tri_mutator *m;  // NULL: not yet attached
  bool owns;
  bool away;  // parked: between two turns, or at the end
  bool ended; // its stream
  bool hands_over; // after the present operation

  size_t at; // operation: the present one, or the next
  struct loop loops[MAX_LOOPS];
  unsigned n_loops;

  unsigned depth; // live frames
  struct frame frames[MAX_DEPTH];
  struct tri_handle *mail[MAX_MAIL]; // of which others put in
  unsigned mail_count;

  bool owes_poll; // fibers: another one was between operations since the last poll there
  uint32_t unpolled; // operations since

  uint32_t since_zeal;
  uint64_t seed;     // of the last payload written
  uint64_t cookie;   // of the last finalizer: no two have the same, so the oracle can tell them apart
  tri_ref fresh;     // allocated by the last collecting call, and no plain store to it yet
  size_t fresh_from; // its fields from here on were not initialised yet
  struct {
    uint64_t steps, effective, allocations, out_of_memory;
    bool collector_dependent, capability_dependent;
  } tally; // added to the result at the end
};

// An operation on the heap that was about to start, after so many steps of the schedule.
struct start {
  uint64_t steps;
  uint32_t at;
  uint8_t player;
};

struct tri_run {
  const struct tri_program *program;
  const struct tri_run_params *params;
  struct tri_run_result *result;
  uint8_t *owner;     // by operation: the player that executes it; NULL: all are m0's
  unsigned n_players; // as many as the program names
  bool concurrent;    // the players are actors; else they take turns on the calling one
  struct player *turn;    // not concurrent: the one that plays, at last one that is attached
  struct player *went_on; // fibers: the last one that was between operations
  int64_t budget;     // of steps for repetitions
  struct start *starts; // in order, where the run's decisions are wanted
  size_t n_starts, starts_room;
  uint32_t stop;      // the run ends: players stop before their next operation

  // Players at rest: see run_quiesce.
  struct tri_mutex rest_lock;
  struct tri_condition rest_changed;
  unsigned active;     // players that may be within an operation
  struct player *calm; // has asked the others to rest

  // What players share, under its lock in both forms; objects are under it in threads form only.
  struct tri_mutex lock;
  struct tri_heap *heap;
  uint64_t heap_bytes; // configuration until there is a heap
  struct {
    uint32_t row, value;
  } settings[MAX_SETTINGS];
  unsigned n_settings;
  uint32_t zeal;
  uint32_t unpolled_max; // operations of a mutator that owes a poll
  struct player players[TRI_MUTATORS];
  struct tri_handle **globals[TRI_GLOBALS / GLOBAL_PAGE];
  struct tri_handle *pins[MAX_PINS];
  unsigned n_pins;
  struct tri_handle *immortals[MAX_IMMORTALS];
  unsigned n_immortals;
};

static inline struct frame *top(struct player *p) { return &p->frames[p->depth - 1]; }
static inline bool has(struct tri_run *run, enum tri_cap cap) { return tri_has(run->heap, cap); }
static inline size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// Every collecting call ends the freshness of the last object.
static inline void collecting(struct player *p) { p->fresh = TRI_NULL; }

// What an operation needs of the object that it works on.
enum need { ANY, NODE, FIELDS, PAYLOAD, WEAK, EPHEMERON };

// The object of a register with what is needed, and its shape. Null if there is none.
struct object {
  int at;
  tri_ref ref;
  struct tri_shape shape;
};

static inline size_t field(struct object object, uint32_t i) { return i % tri_shape_refs(object.shape); }

// The run (exec.c)

// The run ends with that after the present operations; of several calls the first counts.
TRI_PRINTF(3, 4)
void run_finish(struct player *p, enum tri_run_status status, const char *format, ...);
// What a repetition of the operation costs; can it be executed without a heap; execute it, true if it did something.
int64_t run_cost(const struct tri_run *run, const struct tri_op *op);
bool run_needs_heap(enum tri_op_code code);
bool run_execute(struct player *p, const struct tri_op *op);

// Registers and frames (exec_registers.c)
void run_set_slot(struct player *p, unsigned slot, tri_ref ref);
// The nearest register that fits, from r on, cyclically; -1 if there is none.
int run_find(struct player *p, uint32_t r, enum need need);
// A register as a value: from now on others may know the object.
tri_ref run_value(struct player *p, uint32_t r);
struct object run_object(struct player *p, uint32_t r, enum need need);
bool op_same(struct player *p, uint32_t a, uint32_t b);
bool op_drop_all(struct player *p);
// The player has room for one more frame.
void run_push_frame(struct player *p);
bool op_call(struct player *p, uint32_t r);
bool op_return(struct player *p, uint32_t to, uint32_t from);

// The heap (exec_heap.c)
// Out of memory: counted; false.
bool run_refused(struct player *p);
// Attach the player, and make the heap if there is none yet. False: it has no mutator for the present operation.
bool run_attach(struct player *p);
bool run_collect(struct player *p, enum tri_collect_kind kind);
bool run_safepoint(struct player *p);
// A collection in steps; where there is none, another kind, or a safepoint.
bool op_start(struct player *p);
bool op_step(struct player *p, size_t units);
bool op_finish(struct player *p);
// A fresh object with its payload written; null when out of memory. May collect.
tri_ref run_allocate(struct player *p, struct tri_shape shape);
bool run_allocate_to(struct player *p, uint32_t r, uint64_t n_refs, uint64_t n_bytes);
struct tri_handle *run_new_handle(struct player *p, tri_ref ref);
bool op_heap(struct tri_run *run, uint64_t bytes);
bool op_option(struct tri_run *run, uint32_t number, uint32_t value);
bool op_verify(struct player *p);

// Mutators (exec_mutators.c)

// The streams: who owns which operation. False: out of memory.
bool run_find_owners(struct tri_run *run);
// Play all streams to their ends, or until the run stops. Then all players are parked but run->turn, if one owns a
// mutator at all.
void run_play(struct tri_run *run);
// What the schedule has decided, in terms of operations.
void run_tell_decisions(struct tri_run *run, const struct tri_schedule_result *schedule);
// The player that the calling actor is, or whose turn it is.
struct player *run_current(struct tri_run *run);
// From here to run_resume all other players are between operations, and parked. Collects, as parking does.
void run_quiesce(struct player *p);
void run_resume(struct player *p);
bool op_mutator(struct player *p, uint32_t number);
bool op_policy(uint32_t policy, uint32_t seed);

// Allocation (exec_alloc.c)
bool op_pair(struct player *p, uint32_t r, uint32_t first, uint32_t second);
bool op_weak_new(struct player *p, uint32_t r, uint32_t target);
bool op_ephemeron_new(struct player *p, uint32_t r, uint32_t key, uint32_t held);
bool op_finalizer(struct player *p, uint32_t r);
bool op_finalizable(struct player *p, uint32_t r, uint32_t n);
bool op_pinned(struct player *p, uint32_t r, uint32_t n, uint64_t bytes);
bool op_immortal(struct player *p, uint32_t r, uint32_t n);
bool op_grow(struct player *p, uint32_t r, uint32_t from);
bool op_oom(struct player *p, uint64_t bytes);

// Edges (exec_edges.c)
bool op_store(struct player *p, uint32_t r, uint32_t i, tri_ref ref);
bool op_init(struct player *p, uint32_t r, uint32_t i, tri_ref ref);
bool op_copy(struct player *p, const uint32_t *operand);
bool op_slide(struct player *p, uint32_t r, uint32_t to, uint32_t from, uint32_t n);
bool op_fill(struct player *p, uint32_t r, uint32_t i, tri_ref ref, uint32_t n);
bool op_swap(struct player *p, uint32_t kept, uint32_t r, uint32_t i, uint32_t with);
bool op_cas(struct player *p, uint32_t r, uint32_t i, tri_ref ref);
bool op_cas_if(struct player *p, uint32_t r, uint32_t i, tri_ref ref, uint32_t expected);
bool op_load(struct player *p, uint32_t to, uint32_t r, uint32_t i, bool hide);

// Handles (exec_handles.c)
bool op_send(struct player *p, uint32_t number, uint32_t r);
bool op_receive(struct player *p, uint32_t r);
bool op_global_get(struct player *p, uint32_t r, uint32_t i);
bool op_global_drop(struct player *p, uint32_t i);
bool op_global_set(struct player *p, uint32_t i, uint32_t r);
bool op_pin(struct player *p, uint32_t r);
void run_unpin(struct player *p, unsigned i);
bool op_unpin(struct player *p, uint32_t r);

// Payload (exec_payload.c)
void run_check_payload(struct player *p, tri_ref ref, const char *where);
bool op_write(struct player *p, uint32_t r, uint32_t seed);
bool op_check(struct player *p, uint32_t r);
bool op_print(struct player *p, uint32_t r);

// Weak references and the like (exec_weak.c)
bool op_weak_get(struct player *p, uint32_t to, uint32_t r);
bool op_weak_set(struct player *p, uint32_t r, uint32_t target);
bool op_ephemeron_set(struct player *p, uint32_t r, uint32_t key, uint32_t held);
bool op_ephemeron_get(struct player *p, uint32_t to, uint32_t r, bool key);
bool op_finalized(struct player *p, uint32_t r);
bool op_free(struct player *p, uint32_t r);

// Roots (exec_roots.c)
void run_hash_graph(struct tri_run *run);

#endif
