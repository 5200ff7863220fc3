#include "program/exec.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/os.h"
#include "common/schedule.h"
#include "program/graph.h"
#include "program/payload.h"
#include "program/text.h"

enum {
  DEFAULT_HEAP = 1 << 20,
  DEFAULT_STEPS = 10000,
  COLLECT_STEPS = 100, // what a repeated collection costs
  OOM_STEPS = 500,
  LARGE_STEPS = 30,
  BYTES_PER_STEP = 16 << 10,
  MAX_DEPTH = 32,     // frames of a mutator
  MAX_LOOPS = 4,      // nested
  MAX_MAIL = 4,
  MAX_PINS = 16,
  MAX_IMMORTALS = 64,
  MAX_OOM_OBJECTS = 1024,
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

TRI_PRINTF(3, 4)
static void finish(struct tri_run *run, enum tri_run_status status, const char *format, ...) {
  struct tri_run_result *result = run->result;
  run->stop = true;
  if (result->status != TRI_RUN_OK) return; // the first counts
  result->status = status;
  result->invariant = status == TRI_RUN_FINDING ? "run" : NULL;
  char what[sizeof result->message], text[TRI_OP_TEXT_MAX] = "end";
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  if (run->at < run->program->count) tri_op_text(&run->program->ops[run->at], text);
  if (status == TRI_RUN_FINDING)
    snprintf(result->message, sizeof result->message, "operation %zu (%.60s): %.900s", run->at + 1, text, what);
  else snprintf(result->message, sizeof result->message, "%s", what);
}

// ---- Registers ------------------------------------------------------------------------------------------------

static struct tri_mutator *mutator(struct tri_run *run) { return run->player->m; }
static struct frame *top(struct tri_run *run) { return &run->player->frames[run->player->depth - 1]; }
static bool has(struct tri_run *run, enum tri_cap cap) { return tri_has(run->heap, cap); }

static void set_slot(struct tri_run *run, unsigned slot, tri_ref ref) {
  top(run)->private &= ~(UINT32_C(1) << slot);
  tri_root_set(mutator(run), &top(run)->slot[slot], ref);
}

// What an operation needs of the object that it works on.
enum need { ANY, NODE, FIELDS, PAYLOAD, WEAK, EPHEMERON };

static bool fits(struct tri_run *run, tri_ref object, enum need need) {
  if (tri_is_null(object)) return false;
  if (need == ANY) return true;
  struct tri_shape shape = tri_shape(mutator(run), object);
  switch (tri_shape_kind(shape)) {
  case TRI_NODE:
    return need == NODE || (need == FIELDS && tri_shape_refs(shape)) || (need == PAYLOAD && tri_shape_bytes(shape));
  case TRI_WEAK: return need == WEAK;
  case TRI_EPHEMERON: return need == EPHEMERON;
  }
  return false;
}

// The nearest register that fits, from r on, cyclically; -1 if there is none.
static int find(struct tri_run *run, uint32_t r, enum need need) {
  const struct frame *frame = top(run);
  for (unsigned i = 0; i < TRI_REGISTERS; i++) {
    unsigned at = (r + i) % TRI_REGISTERS;
    if (fits(run, frame->slot[at], need)) return (int)at;
  }
  return -1;
}

// A register as a value: from now on others may know the object.
static tri_ref value(struct tri_run *run, uint32_t r) {
  int at = find(run, r, ANY);
  if (at < 0) return TRI_NULL;
  top(run)->private &= ~(UINT32_C(1) << at);
  return top(run)->slot[at];
}

// The object of a register with what is needed, and its shape. Null if there is none.
struct object {
  int at;
  tri_ref ref;
  struct tri_shape shape;
};

static struct object object(struct tri_run *run, uint32_t r, enum need need) {
  struct object found = {.at = find(run, r, need)};
  if (found.at < 0) return found;
  found.ref = top(run)->slot[found.at];
  found.shape = tri_shape(mutator(run), found.ref);
  return found;
}

static size_t field(struct object object, uint32_t i) { return i % tri_shape_refs(object.shape); }
static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// ---- The heap -------------------------------------------------------------------------------------------------

static bool refused(struct tri_run *run) {
  run->result->out_of_memory++;
  run->result->collector_dependent = true;
  return false;
}

// Every collecting call ends the freshness of the last object.
static void collecting(struct tri_run *run) { run->fresh = TRI_NULL; }

static const struct tri_option *option_row(const struct tri_collector *collector, size_t row) {
  return row < TRI_COMMON_OPTIONS ? &tri_common_options[row] : &collector->options[row - TRI_COMMON_OPTIONS];
}

// A value of the option's range: all of a short range, powers of two of a long one.
static int64_t option_value(const struct tri_option *option, uint32_t value) {
  uint64_t range = (uint64_t)option->max - (uint64_t)option->min;
  if (range < 128) return option->min + (int64_t)(value % (range + 1));
  uint64_t step = UINT64_C(1) << value / 2 % 63;
  return step < range ? option->min + (int64_t)step : option->max;
}

static size_t print_option(char *to, size_t room, const struct tri_option *option, uint32_t value) {
  long long number = option_value(option, value);
  if (option->type == TRI_OPTION_CHOICE)
    return (size_t)snprintf(to, room, ",%s=%s", option->name, option->choices[number]);
  return (size_t)snprintf(to, room, ",%s=%lld", option->name, number);
}

// The configuration as heap options; without the settings if only the heap size is wanted.
static void print_options(struct tri_run *run, bool settings, char *to, size_t room) {
  const struct tri_collector *collector = run->params->collector;
  uint64_t bytes = run->heap_bytes ? run->heap_bytes : DEFAULT_HEAP;
  if (bytes < collector->caps.min_heap_bytes) bytes = collector->caps.min_heap_bytes;
  size_t used = (size_t)snprintf(to, room, "heap=%" PRIu64, bytes);
  for (unsigned i = 0; settings && i < run->n_settings && used < room; i++)
    used += print_option(to + used, room - used, option_row(collector, run->settings[i].row),
                         run->settings[i].value);
  if (run->params->options && *run->params->options && used < room)
    snprintf(to + used, room - used, ",%s", run->params->options);
}

static void push_frame(struct tri_run *run);

// Create the heap if there is none yet. False: the run is over.
static bool need_heap(struct tri_run *run) {
  if (run->heap) return true;
  char options[1024], error[200] = "";
  struct tri_heap_params params = {.options = options, .error = error, .error_bytes = sizeof error};
  if (run->params->watch) params.sink = run->params->watch->sink;
  print_options(run, true, options, sizeof options);
  enum tri_status status = tri_heap_create(run->params->collector, &params, &run->heap);
  if (status == TRI_EINVAL && run->n_settings) { // the program's settings do not go together
    print_options(run, false, options, sizeof options);
    status = tri_heap_create(run->params->collector, &params, &run->heap);
  }
  if (status == TRI_EINVAL) {
    finish(run, TRI_RUN_BAD_OPTIONS, "%s", error);
    return false;
  }
  run->player = &run->players[0];
  if (status == TRI_OK && tri_attach(run->heap, &run->player->m) != TRI_OK) {
    tri_heap_destroy(run->heap);
    status = TRI_ENOMEM;
  }
  if (status != TRI_OK) {
    run->heap = NULL;
    run->result->out_of_memory++;
    run->result->collector_dependent = true;
    finish(run, TRI_RUN_NO_HEAP, "no heap: %s", tri_status_name(status));
    return false;
  }
  run->player->owns = true;
  push_frame(run);
  return true;
}

static bool collect(struct tri_run *run, enum tri_collect_kind kind) {
  collecting(run);
  return tri_collect(mutator(run), kind) == TRI_OK;
}

static bool safepoint(struct tri_run *run) {
  collecting(run);
  tri_safepoint(mutator(run));
  return true;
}

// A fresh object with its payload written; null when out of memory. May collect.
static tri_ref allocate(struct tri_run *run, struct tri_shape shape) {
  if (run->zeal && ++run->since_zeal >= run->zeal) {
    run->since_zeal = 0;
    collect(run, TRI_COLLECT_FULL);
  }
  collecting(run);
  run->seed++;
  tri_ref object = tri_alloc(mutator(run), shape);
  if (tri_is_null(object)) {
    refused(run);
    return object;
  }
  run->result->allocations++;
  size_t bytes = tri_shape_bytes(shape);
  if (bytes) tri_payload_write(tri_raw(mutator(run), object), bytes, run->seed);
  run->fresh = object;
  run->fresh_from = 0;
  if (run->params->watch && run->params->watch->allocated)
    run->params->watch->allocated(run->params->watch->context, run, object);
  return object;
}

static bool allocate_to(struct tri_run *run, uint32_t r, uint64_t n_refs, uint64_t n_bytes) {
  struct tri_shape shape;
  TRI_CHECK(tri_shape_make(n_refs, n_bytes, &shape));
  tri_ref fresh = allocate(run, shape);
  set_slot(run, r, fresh);
  if (!tri_is_null(fresh)) top(run)->private |= UINT32_C(1) << r;
  return !tri_is_null(fresh);
}

static struct tri_handle *new_handle(struct tri_run *run, tri_ref ref) {
  struct tri_handle *handle = tri_handle_new(mutator(run), ref);
  if (!handle) refused(run);
  return handle;
}

// ---- Frames and mutators --------------------------------------------------------------------------------------

// The player has room for one more frame.
static void push_frame(struct tri_run *run) {
  struct frame *frame = &run->player->frames[run->player->depth++];
  if (frame->state == FRAME_UNUSED) {
    memset(frame, 0, sizeof *frame);
    frame->head.count = TRI_REGISTERS + 1;
    tri_frame_enter(mutator(run), &frame->head);
  }
  frame->state = FRAME_LIVE;
}

static bool op_call(struct tri_run *run, uint32_t r) {
  if (run->player->depth == MAX_DEPTH) return false;
  tri_ref argument = value(run, r);
  push_frame(run);
  set_slot(run, 0, argument);
  return true;
}

static bool op_return(struct tri_run *run, uint32_t to, uint32_t from) {
  struct player *player = run->player;
  if (player->depth == 1) return false;
  tri_ref result = value(run, from);
  struct frame *frame = top(run);
  player->depth--;
  set_slot(run, to, result); // rooted in the caller before the callee's slots are cleared
  for (unsigned i = 0; i <= TRI_REGISTERS; i++) tri_root_set(player->m, &frame->slot[i], TRI_NULL);
  frame->private = 0;
  frame->state = FRAME_DEAD;
  for (struct frame *dead; (dead = (struct frame *)player->m->frames)->state == FRAME_DEAD;) {
    tri_frame_leave(player->m, &dead->head);
    dead->state = FRAME_UNUSED;
  }
  return true;
}

static struct tri_mutator *attach(struct tri_run *run) {
  if (!has(run, TRI_CAP_MULTI_MUTATOR)) return NULL;
  struct tri_mutator *m;
  enum tri_status status = tri_attach(run->heap, &m);
  if (status == TRI_ENOMEM) run->result->out_of_memory++;
  return status == TRI_OK ? m : NULL;
}

static bool op_mutator(struct tri_run *run, uint32_t number) {
  struct player *from = run->player, *to = &run->players[number];
  if (from == to) return false;
  collecting(run);
  if (to->m && to->m == from->m) { // they share it
    run->player = to;
    return true;
  }
  tri_park(from->m);
  if (to->m) {
    tri_unpark(to->m);
  } else if ((to->m = attach(run))) {
    to->owns = true;
  } else {
    to->m = run->players[0].m;
    tri_unpark(to->m);
  }
  run->player = to;
  if (to->depth == 0) push_frame(run);
  return true;
}

static bool op_send(struct tri_run *run, uint32_t number, uint32_t r) {
  struct player *to = &run->players[number];
  tri_ref ref = value(run, r);
  if (tri_is_null(ref) || to->mail_count == MAX_MAIL) return false;
  struct tri_handle *handle = new_handle(run, ref);
  if (!handle) return false;
  to->mail[to->mail_count++] = handle;
  return true;
}

static bool op_receive(struct tri_run *run, uint32_t r) {
  struct player *player = run->player;
  if (player->mail_count == 0) {
    set_slot(run, r, TRI_NULL);
    return false;
  }
  struct tri_handle *handle = player->mail[0];
  set_slot(run, r, tri_handle_get(mutator(run), handle));
  tri_handle_free(mutator(run), handle);
  player->mail_count--;
  memmove(player->mail, player->mail + 1, player->mail_count * sizeof *player->mail);
  return true;
}

// ---- Globals --------------------------------------------------------------------------------------------------

// The handle's place, NULL when its page was never used and none is wanted, or there is no memory for it.
static struct tri_handle **global(struct tri_run *run, uint32_t i, bool make) {
  struct tri_handle ***page = &run->globals[i / GLOBAL_PAGE];
  if (!*page && make) *page = calloc(GLOBAL_PAGE, sizeof **page);
  return *page ? &(*page)[i % GLOBAL_PAGE] : NULL;
}

static struct tri_handle *nearest_global(struct tri_run *run, uint32_t i) {
  for (uint32_t seen = 0; seen < TRI_GLOBALS;) {
    uint32_t at = (i + seen) % TRI_GLOBALS;
    struct tri_handle **place = global(run, at, false);
    if (place && *place) return *place;
    seen += place ? 1 : GLOBAL_PAGE - at % GLOBAL_PAGE;
  }
  return NULL;
}

static bool op_global_get(struct tri_run *run, uint32_t r, uint32_t i) {
  struct tri_handle *handle = nearest_global(run, i);
  if (!handle) return false;
  set_slot(run, r, tri_handle_get(mutator(run), handle));
  return true;
}

static bool op_global_drop(struct tri_run *run, uint32_t i) {
  struct tri_handle **place = global(run, i, false);
  if (!place || !*place) return false;
  tri_handle_free(mutator(run), *place);
  *place = NULL;
  return true;
}

static bool op_global_set(struct tri_run *run, uint32_t i, uint32_t r) {
  tri_ref ref = value(run, r);
  if (tri_is_null(ref)) return false;
  struct tri_handle **place = global(run, i, true);
  if (!place) return refused(run);
  if (*place) tri_handle_set(mutator(run), *place, ref);
  else *place = new_handle(run, ref);
  return *place != NULL;
}

// ---- Allocation -----------------------------------------------------------------------------------------------

static bool op_pair(struct tri_run *run, uint32_t r, uint32_t first, uint32_t second) {
  tri_ref fresh = allocate(run, TRI_SHAPE(2, 0));
  if (!tri_is_null(fresh)) {
    tri_init(mutator(run), fresh, 0, value(run, first));
    tri_init(mutator(run), fresh, 1, value(run, second));
    run->fresh = TRI_NULL;
  }
  set_slot(run, r, fresh);
  return !tri_is_null(fresh);
}

static bool op_weak_new(struct tri_run *run, uint32_t r, uint32_t target) {
  run->result->collector_dependent = true;
  bool weak = has(run, TRI_CAP_WEAK);
  tri_ref fresh = allocate(run, weak ? TRI_WEAK_SHAPE : TRI_SHAPE(1, 0));
  if (!tri_is_null(fresh)) {
    if (weak) tri_weak_set(mutator(run), fresh, value(run, target));
    else tri_init(mutator(run), fresh, 0, value(run, target));
    run->fresh = TRI_NULL;
  }
  set_slot(run, r, fresh);
  return !tri_is_null(fresh);
}

static bool op_ephemeron_new(struct tri_run *run, uint32_t r, uint32_t key, uint32_t held) {
  run->result->collector_dependent = true;
  if (!has(run, TRI_CAP_EPHEMERON)) return op_pair(run, r, key, held);
  tri_ref fresh = allocate(run, TRI_EPHEMERON_SHAPE);
  if (!tri_is_null(fresh))
    tri_ephemeron_set(mutator(run), fresh, value(run, key), value(run, held));
  run->fresh = TRI_NULL;
  set_slot(run, r, fresh);
  return !tri_is_null(fresh);
}

static bool add_finalizer(struct tri_run *run, unsigned r) {
  if (!has(run, TRI_CAP_FINALIZER)) return false;
  top(run)->private &= ~(UINT32_C(1) << r);
  if (tri_finalizer_add(mutator(run), top(run)->slot[r], ++run->cookie) == TRI_OK) return true;
  return refused(run);
}

static bool op_finalizable(struct tri_run *run, uint32_t r, uint32_t n) {
  if (!allocate_to(run, r, n, 0)) return false;
  add_finalizer(run, r);
  return true;
}

static bool op_pinned(struct tri_run *run, uint32_t r, uint32_t n, uint64_t bytes) {
  if (!allocate_to(run, r, n, bytes)) return false;
  top(run)->private &= ~(UINT32_C(1) << r);
  if (has(run, TRI_CAP_PIN) && !tri_pin(mutator(run), top(run)->slot[r])) run->result->out_of_memory++;
  return true;
}

static bool op_immortal(struct tri_run *run, uint32_t r, uint32_t n) {
  if (!allocate_to(run, r, n, 0)) return false;
  if (run->n_immortals == MAX_IMMORTALS) return true;
  struct tri_handle *handle = new_handle(run, value(run, r));
  if (handle) run->immortals[run->n_immortals++] = handle;
  return true;
}

static bool op_grow(struct tri_run *run, uint32_t r, uint32_t from) {
  struct object old = object(run, from, NODE);
  if (tri_is_null(old.ref)) return false;
  size_t n = tri_shape_refs(old.shape), wanted = n ? 2 * n : 1;
  if (wanted > tri_operand_limit(TRI_FIELD)) return false;
  tri_ref fresh = allocate(run, TRI_SHAPE(wanted, tri_shape_bytes(old.shape)));
  if (tri_is_null(fresh)) return false;
  if (n) tri_copy(mutator(run), fresh, 0, top(run)->slot[old.at], 0, n);
  run->fresh = TRI_NULL;
  set_slot(run, r, fresh);
  return true;
}

static bool op_oom(struct tri_run *run, uint64_t bytes) {
  for (unsigned i = 0; i < MAX_OOM_OBJECTS; i++) {
    collecting(run);
    tri_ref fresh = tri_alloc(mutator(run), TRI_SHAPE(1, bytes));
    if (tri_is_null(fresh)) {
      run->result->out_of_memory++;
      break;
    }
    tri_init(mutator(run), fresh, 0, top(run)->slot[SCRATCH]);
    set_slot(run, SCRATCH, fresh);
  }
  set_slot(run, SCRATCH, TRI_NULL);
  return true;
}

// ---- Edges ----------------------------------------------------------------------------------------------------

// An object whose fields are written.
static struct object target(struct tri_run *run, uint32_t r) {
  struct object found = object(run, r, FIELDS);
  if (found.ref.bits == run->fresh.bits) run->fresh = TRI_NULL;
  return found;
}

static bool op_store(struct tri_run *run, uint32_t r, uint32_t i, tri_ref ref) {
  struct object to = target(run, r);
  if (tri_is_null(to.ref)) return false;
  tri_store(mutator(run), to.ref, field(to, i), ref);
  return true;
}

static bool op_init(struct tri_run *run, uint32_t r, uint32_t i, tri_ref ref) {
  struct object to = object(run, r, FIELDS);
  if (tri_is_null(to.ref)) return false;
  size_t at = field(to, i);
  if (to.ref.bits != run->fresh.bits || at < run->fresh_from) return op_store(run, r, i, ref);
  tri_init(mutator(run), to.ref, at, ref);
  run->fresh_from = at + 1;
  return true;
}

static bool op_copy(struct tri_run *run, const uint32_t *operand) {
  struct object to = target(run, operand[0]), from = object(run, operand[2], FIELDS);
  if (tri_is_null(to.ref)) return false;
  size_t to_i = field(to, operand[1]), from_i = field(from, operand[3]);
  size_t n = smaller(operand[4], smaller(tri_shape_refs(to.shape) - to_i, tri_shape_refs(from.shape) - from_i));
  tri_copy(mutator(run), to.ref, to_i, from.ref, from_i, n);
  return n > 0;
}

static bool op_slide(struct tri_run *run, uint32_t r, uint32_t to, uint32_t from, uint32_t n) {
  return op_copy(run, (const uint32_t[]){r, to, r, from, n});
}

static bool op_fill(struct tri_run *run, uint32_t r, uint32_t i, tri_ref ref, uint32_t n) {
  struct object to = target(run, r);
  if (tri_is_null(to.ref)) return false;
  size_t from = field(to, i), count = smaller(n, tri_shape_refs(to.shape) - from);
  tri_fill(mutator(run), to.ref, from, count, ref);
  return count > 0;
}

static bool op_swap(struct tri_run *run, uint32_t kept, uint32_t r, uint32_t i, uint32_t with) {
  struct object to = target(run, r);
  if (tri_is_null(to.ref)) return false;
  set_slot(run, kept, tri_swap(mutator(run), to.ref, field(to, i), value(run, with)));
  return true;
}

static bool op_cas(struct tri_run *run, uint32_t r, uint32_t i, tri_ref ref) {
  struct object to = target(run, r);
  if (tri_is_null(to.ref)) return false;
  size_t at = field(to, i);
  tri_ref expected = tri_load(mutator(run), to.ref, at);
  if (!tri_cas(mutator(run), to.ref, at, expected, ref))
    finish(run, TRI_RUN_FINDING, "compare-and-swap failed though the field held what was expected");
  return true;
}

static bool op_cas_if(struct tri_run *run, uint32_t r, uint32_t i, tri_ref ref, uint32_t expected) {
  struct object to = target(run, r);
  if (tri_is_null(to.ref)) return false;
  return tri_cas(mutator(run), to.ref, field(to, i), top(run)->slot[expected], ref);
}

static bool op_load(struct tri_run *run, uint32_t to, uint32_t r, uint32_t i, bool hide) {
  struct object from = hide ? target(run, r) : object(run, r, FIELDS);
  if (tri_is_null(from.ref)) return false;
  size_t at = field(from, i);
  set_slot(run, to, tri_load(mutator(run), from.ref, at));
  if (hide) tri_store(mutator(run), from.ref, at, TRI_NULL);
  return true;
}

// ---- Payload --------------------------------------------------------------------------------------------------

static void check_payload(struct tri_run *run, tri_ref ref, const char *where) {
  struct tri_shape shape = tri_shape(mutator(run), ref);
  size_t bytes = tri_shape_bytes(shape), offset;
  if (tri_shape_kind(shape) != TRI_NODE || bytes == 0) return;
  if (!tri_payload_check(tri_raw(mutator(run), ref), bytes, &offset))
    finish(run, TRI_RUN_FINDING, "byte %zu of the payload of %s (%zu references, %zu bytes) is damaged", offset,
           where, tri_shape_refs(shape), bytes);
}

static bool op_write(struct tri_run *run, uint32_t r, uint32_t seed) {
  struct object to = object(run, r, PAYLOAD);
  if (tri_is_null(to.ref)) return false;
  run->seed++;
  tri_payload_write(tri_raw(mutator(run), to.ref), tri_shape_bytes(to.shape), (uint64_t)seed << 32 | run->seed);
  return true;
}

static bool op_check(struct tri_run *run, uint32_t r) {
  struct object from = object(run, r, PAYLOAD);
  if (tri_is_null(from.ref)) return false;
  char where[16];
  snprintf(where, sizeof where, "r%d", from.at);
  check_payload(run, from.ref, where);
  return true;
}

static bool op_print(struct tri_run *run, uint32_t r) {
  FILE *out = run->params->out;
  struct object from = object(run, r, ANY);
  if (from.at < 0) {
    if (out) fprintf(out, "r%u: null\n", r);
    return false;
  }
  if (!out) return true;
  struct tri_object_info info;
  size_t bytes = tri_shape_extent(from.shape);
  if (tri_inspect(run->heap, from.ref, &info) == TRI_OK) bytes = info.bytes;
  fprintf(out, "r%d: %#" PRIxPTR ", %zu B", from.at, from.ref.bits, bytes);
  if (tri_shape_kind(from.shape) == TRI_NODE) {
    size_t n = tri_shape_refs(from.shape), shown = smaller(n, 8);
    for (size_t i = 0; i < shown; i++)
      fprintf(out, "%s%#" PRIxPTR, i ? " " : " -> ", tri_load(mutator(run), from.ref, i).bits);
    if (n > shown) fprintf(out, " … (%zu references)", n);
    if (tri_shape_bytes(from.shape))
      fprintf(out, ", value %" PRIu64,
              tri_payload_seed(tri_raw(mutator(run), from.ref), tri_shape_bytes(from.shape)));
  }
  fputc('\n', out);
  return true;
}

// ---- Weak references, ephemerons, finalizers, pins, explicit free -----------------------------------------------

static bool op_weak_get(struct tri_run *run, uint32_t to, uint32_t r) {
  run->result->collector_dependent = true;
  if (!has(run, TRI_CAP_WEAK)) return op_load(run, to, r, 0, false);
  struct object weak = object(run, r, WEAK);
  if (tri_is_null(weak.ref)) return false;
  set_slot(run, to, tri_weak_get(mutator(run), weak.ref));
  return true;
}

static bool op_weak_set(struct tri_run *run, uint32_t r, uint32_t target) {
  run->result->collector_dependent = true;
  tri_ref ref = value(run, target);
  if (!has(run, TRI_CAP_WEAK)) return op_store(run, r, 0, ref);
  struct object weak = object(run, r, WEAK);
  if (tri_is_null(weak.ref)) return false;
  tri_weak_set(mutator(run), weak.ref, ref);
  return true;
}

static bool op_ephemeron_set(struct tri_run *run, uint32_t r, uint32_t key, uint32_t held) {
  run->result->collector_dependent = true;
  tri_ref key_ref = value(run, key), held_ref = value(run, held);
  if (!has(run, TRI_CAP_EPHEMERON)) return op_store(run, r, 0, key_ref) && op_store(run, r, 1, held_ref);
  struct object ephemeron = object(run, r, EPHEMERON);
  if (tri_is_null(ephemeron.ref)) return false;
  tri_ephemeron_set(mutator(run), ephemeron.ref, key_ref, held_ref);
  return true;
}

static bool op_ephemeron_get(struct tri_run *run, uint32_t to, uint32_t r, bool key) {
  run->result->collector_dependent = true;
  if (!has(run, TRI_CAP_EPHEMERON)) return op_load(run, to, r, !key, false);
  struct object ephemeron = object(run, r, EPHEMERON);
  if (tri_is_null(ephemeron.ref)) return false;
  set_slot(run, to,
           key ? tri_ephemeron_key(mutator(run), ephemeron.ref)
               : tri_ephemeron_value(mutator(run), ephemeron.ref));
  return true;
}

static bool op_finalizer(struct tri_run *run, uint32_t r) {
  struct object found = object(run, r, NODE);
  return found.at >= 0 && add_finalizer(run, (unsigned)found.at);
}

static bool op_finalized(struct tri_run *run, uint32_t r) {
  run->result->collector_dependent = true;
  uint64_t cookie;
  tri_ref ref = has(run, TRI_CAP_FINALIZER) ? tri_finalizer_next(mutator(run), &cookie) : TRI_NULL;
  set_slot(run, r, ref);
  return !tri_is_null(ref);
}

static bool op_pin(struct tri_run *run, uint32_t r) {
  if (run->n_pins == MAX_PINS) return false;
  tri_ref ref = value(run, r);
  if (tri_is_null(ref)) return false;
  struct tri_handle *handle = new_handle(run, ref); // keeps it, so that it can be unpinned
  if (!handle) return false;
  if (has(run, TRI_CAP_PIN) && !tri_pin(mutator(run), ref)) {
    tri_handle_free(mutator(run), handle);
    return refused(run);
  }
  run->pins[run->n_pins++] = handle;
  return true;
}

static void unpin(struct tri_run *run, unsigned i) {
  if (has(run, TRI_CAP_PIN)) tri_unpin(mutator(run), tri_handle_get(mutator(run), run->pins[i]));
  tri_handle_free(mutator(run), run->pins[i]);
  run->n_pins--;
  memmove(run->pins + i, run->pins + i + 1, (run->n_pins - i) * sizeof *run->pins);
}

static bool op_unpin(struct tri_run *run, uint32_t r) {
  if (run->n_pins == 0) return false;
  int at = find(run, r, ANY);
  unsigned i = 0;
  while (at >= 0 && i < run->n_pins &&
         !tri_same(mutator(run), tri_handle_get(mutator(run), run->pins[i]), top(run)->slot[at]))
    i++;
  unpin(run, at >= 0 && i < run->n_pins ? i : 0);
  return true;
}

static bool op_free(struct tri_run *run, uint32_t r) {
  int at = find(run, r, ANY);
  if (at < 0) return false;
  collecting(run);
  if (has(run, TRI_CAP_EXPLICIT_FREE) && top(run)->private >> at & 1) tri_free(mutator(run), top(run)->slot[at]);
  set_slot(run, (unsigned)at, TRI_NULL);
  return true;
}

static bool op_same(struct tri_run *run, uint32_t a, uint32_t b) {
  int i = find(run, a, ANY), k = find(run, b, ANY);
  if (i < 0) return false;
  tri_ref left = top(run)->slot[i], right = top(run)->slot[k];
  struct tri_mutator *m = mutator(run);
  if (i == k && !tri_same(m, left, right)) finish(run, TRI_RUN_FINDING, "r%d is not the same as itself", i);
  if (tri_same(m, left, right) != tri_same(m, right, left))
    finish(run, TRI_RUN_FINDING, "sameness of r%d and r%d is not symmetric", i, k);
  return true;
}

// ---- Control --------------------------------------------------------------------------------------------------

void tri_run_finding(struct tri_run *run, const char *text) { finish(run, TRI_RUN_FINDING, "%s", text); }

static void report_finding(void *context, const char *text) { tri_run_finding(context, text); }

static bool op_verify(struct tri_run *run) {
  tri_verify(run->heap, &(struct tri_reporter){report_finding, run});
  return true;
}

static bool op_option(struct tri_run *run, uint32_t number, uint32_t value) {
  uint32_t row = number % (uint32_t)(TRI_COMMON_OPTIONS + run->params->collector->n_options);
  if (run->heap || row == TRI_OPT_HEAP || run->n_settings == MAX_SETTINGS) return false;
  for (unsigned i = 0; i < run->n_settings; i++)
    if (run->settings[i].row == row) return false;
  run->settings[run->n_settings].row = row;
  run->settings[run->n_settings++].value = value;
  return true;
}

static bool op_heap(struct tri_run *run, uint64_t bytes) {
  if (run->heap || run->heap_bytes) return false;
  run->heap_bytes = bytes;
  return true;
}

static bool op_policy(uint32_t policy, uint32_t seed) {
  static const enum tri_schedule_policy policies[TRI_POLICIES] = {
      [TRI_POLICY_BLOCK] = TRI_SCHEDULE_RUN_TO_BLOCK,
      [TRI_POLICY_RANDOM] = TRI_SCHEDULE_RANDOM_WALK,
      [TRI_POLICY_PCT] = TRI_SCHEDULE_PCT,
      [TRI_POLICY_ROBIN] = TRI_SCHEDULE_ROUND_ROBIN,
  };
  tri_schedule_set_policy(&(struct tri_schedule){
      .policy = policies[policy], .seed = seed, .depth = 1 + seed % TRI_SCHEDULE_DEPTH_MAX, .quantum = 1 + seed % 8});
  return true;
}

static bool op_fail(uint32_t n) {
  tri_os_fail_at(n);
  return true;
}

static bool op_zeal(struct tri_run *run, uint32_t n) {
  run->zeal = n;
  run->since_zeal = 0;
  return true;
}

static bool op_drop_all(struct tri_run *run) {
  for (unsigned i = 0; i < TRI_REGISTERS; i++) set_slot(run, i, TRI_NULL);
  return true;
}

// Decide whether to go back: run->at is the operation executed last.
static bool op_loop(struct tri_run *run, uint32_t back, uint32_t times) {
  struct loop *loop = run->n_loops ? &run->loops[run->n_loops - 1] : NULL;
  if (!loop || loop->at != run->at) {
    if (!back || !times || !run->at || run->n_loops == MAX_LOOPS) return false;
    loop = &run->loops[run->n_loops++];
    *loop = (struct loop){run->at, times};
  }
  if (loop->remaining-- == 0) {
    run->n_loops--;
    return false;
  }
  run->at -= smaller(back, run->at) + 1; // the main loop adds one
  return true;
}

static uint64_t cost(const struct tri_run *run, const struct tri_op *op) {
  switch ((enum tri_op_code)op->code) {
  case TRI_OP_OOM: return OOM_STEPS;
  case TRI_OP_MINOR:
  case TRI_OP_FULL:
  case TRI_OP_COMPACT:
  case TRI_OP_START:
  case TRI_OP_STEP:
  case TRI_OP_FINISH:
  case TRI_OP_VERIFY: return COLLECT_STEPS;
  case TRI_OP_LARGE: return LARGE_STEPS;
  case TRI_OP_EXACT: return 1 + (op->operand[1] * sizeof(tri_ref) + op->operand[2]) / BYTES_PER_STEP;
  default: return run->zeal && op->code <= TRI_OP_GROW ? 1 + COLLECT_STEPS / run->zeal : 1;
  }
}

static bool needs_heap(enum tri_op_code code) {
  switch (code) {
  case TRI_OP_HEAP:
  case TRI_OP_OPTION:
  case TRI_OP_ZEAL:
  case TRI_OP_FAIL:
  case TRI_OP_YIELD:
  case TRI_OP_POLICY:
  case TRI_OP_LOOP: return false;
  default: return true;
  }
}

// Execute one operation; true if it did something.
static bool execute(struct tri_run *run, const struct tri_op *op) {
  const uint32_t *o = op->operand;
  switch ((enum tri_op_code)op->code) {
  case TRI_OP_LEAF: return allocate_to(run, o[0], 0, tri_size(TRI_SMALL_SIZE, o[1]));
  case TRI_OP_PAIR: return op_pair(run, o[0], o[1], o[2]);
  case TRI_OP_REFS: return allocate_to(run, o[0], o[1], 0);
  case TRI_OP_MIXED: return allocate_to(run, o[0], o[1], tri_size(TRI_SMALL_SIZE, o[2]));
  case TRI_OP_LARGE: return allocate_to(run, o[0], o[1], tri_size(TRI_LARGE_SIZE, o[2]));
  case TRI_OP_EXACT: return allocate_to(run, o[0], o[1], o[2]);
  case TRI_OP_WEAK: return op_weak_new(run, o[0], o[1]);
  case TRI_OP_EPHEMERON: return op_ephemeron_new(run, o[0], o[1], o[2]);
  case TRI_OP_FINALIZABLE: return op_finalizable(run, o[0], o[1]);
  case TRI_OP_PINNED: return op_pinned(run, o[0], o[1], tri_size(TRI_SMALL_SIZE, o[2]));
  case TRI_OP_IMMORTAL: return op_immortal(run, o[0], o[1]);
  case TRI_OP_GROW: return op_grow(run, o[0], o[1]);

  case TRI_OP_STORE: return op_store(run, o[0], o[1], value(run, o[2]));
  case TRI_OP_STORE_NULL: return op_store(run, o[0], o[1], TRI_NULL);
  case TRI_OP_INIT: return op_init(run, o[0], o[1], value(run, o[2]));
  case TRI_OP_COPY: return op_copy(run, o);
  case TRI_OP_SLIDE: return op_slide(run, o[0], o[1], o[2], o[3]);
  case TRI_OP_FILL: return op_fill(run, o[0], o[1], value(run, o[2]), o[3]);
  case TRI_OP_FILL_NULL: return op_fill(run, o[0], o[1], TRI_NULL, o[2]);
  case TRI_OP_SWAP: return op_swap(run, o[0], o[1], o[2], o[3]);
  case TRI_OP_CAS: return op_cas(run, o[0], o[1], value(run, o[2]));
  case TRI_OP_CAS_IF: return op_cas_if(run, o[0], o[1], value(run, o[2]), o[3]);

  case TRI_OP_LOAD: return op_load(run, o[0], o[1], o[2], false);
  case TRI_OP_HIDE: return op_load(run, o[0], o[1], o[2], true);
  case TRI_OP_MOVE: return set_slot(run, o[0], value(run, o[1])), true;
  case TRI_OP_DROP: return set_slot(run, o[0], TRI_NULL), true;
  case TRI_OP_DROP_ALL: return op_drop_all(run);
  case TRI_OP_SAME: return op_same(run, o[0], o[1]);
  case TRI_OP_GLOBAL_GET: return op_global_get(run, o[0], o[1]);
  case TRI_OP_GLOBAL_SET: return op_global_set(run, o[0], o[1]);
  case TRI_OP_GLOBAL_DROP: return op_global_drop(run, o[0]);
  case TRI_OP_CALL: return op_call(run, o[0]);
  case TRI_OP_RETURN: return op_return(run, o[0], o[1]);

  case TRI_OP_MUTATOR: return op_mutator(run, o[0]);
  case TRI_OP_SEND: return op_send(run, o[0], o[1]);
  case TRI_OP_RECEIVE: return op_receive(run, o[0]);

  case TRI_OP_WRITE: return op_write(run, o[0], o[1]);
  case TRI_OP_CHECK: return op_check(run, o[0]);
  case TRI_OP_PRINT: return op_print(run, o[0]);

  case TRI_OP_WEAK_GET: return op_weak_get(run, o[0], o[1]);
  case TRI_OP_WEAK_SET: return op_weak_set(run, o[0], o[1]);
  case TRI_OP_EPHEMERON_SET: return op_ephemeron_set(run, o[0], o[1], o[2]);
  case TRI_OP_EPHEMERON_KEY: return op_ephemeron_get(run, o[0], o[1], true);
  case TRI_OP_EPHEMERON_VALUE: return op_ephemeron_get(run, o[0], o[1], false);
  case TRI_OP_FINALIZER: return op_finalizer(run, o[0]);
  case TRI_OP_FINALIZED: return op_finalized(run, o[0]);
  case TRI_OP_PIN: return op_pin(run, o[0]);
  case TRI_OP_UNPIN: return op_unpin(run, o[0]);
  case TRI_OP_FREE: return op_free(run, o[0]);

  case TRI_OP_SAFEPOINT: return safepoint(run);
  case TRI_OP_START: // no collector can be stepped through the contract yet
  case TRI_OP_MINOR: return collect(run, TRI_COLLECT_MINOR);
  case TRI_OP_STEP: return safepoint(run);
  case TRI_OP_FINISH:
  case TRI_OP_FULL: return collect(run, TRI_COLLECT_FULL);
  case TRI_OP_COMPACT: return collect(run, TRI_COLLECT_COMPACT);

  case TRI_OP_HEAP: return op_heap(run, tri_size(TRI_HEAP_SIZE, o[0]));
  case TRI_OP_OPTION: return op_option(run, o[0], o[1]);
  case TRI_OP_ZEAL: return op_zeal(run, o[0]);
  case TRI_OP_OOM: return op_oom(run, tri_size(TRI_LARGE_SIZE, o[0]));
  case TRI_OP_FAIL: return op_fail(o[0]);
  case TRI_OP_YIELD: return tri_schedule_decide(o[1] + 1, o[0]);
  case TRI_OP_POLICY: return op_policy(o[0], o[1]);
  case TRI_OP_VERIFY: return op_verify(run);
  case TRI_OP_LOOP: return op_loop(run, o[0], o[1]);
  case TRI_OP_COUNT: break;
  }
  return false;
}

// ---- Roots and the final graph ----------------------------------------------------------------------------------

// In canonical order: registers by mutator and frame, globals, mail, immortal and pinned objects.
struct root {
  char kind; // 'r', 'g', or the first letter of the others
  unsigned mutator, depth, index;
  tri_ref ref;
};
typedef void root_fn(void *context, const struct root *root);

static void visit_handle(struct tri_run *run, char kind, unsigned mutator_index, unsigned index,
                         struct tri_handle *handle, root_fn *visit, void *context) {
  visit(context, &(struct root){kind, mutator_index, 0, index, tri_handle_get(mutator(run), handle)});
}

static void each_root(struct tri_run *run, root_fn *visit, void *context) {
  if (!run->heap) return;
  for (unsigned p = 0; p < TRI_MUTATORS; p++)
    for (unsigned d = 0; d < run->players[p].depth; d++)
      for (unsigned r = 0; r < TRI_REGISTERS; r++) {
        tri_ref ref = run->players[p].frames[d].slot[r];
        if (!tri_is_null(ref)) visit(context, &(struct root){'r', p, d, r, ref});
      }
  for (unsigned page = 0; page < TRI_GLOBALS / GLOBAL_PAGE; page++)
    for (unsigned i = 0; run->globals[page] && i < GLOBAL_PAGE; i++)
      if (run->globals[page][i])
        visit_handle(run, 'g', 0, page * GLOBAL_PAGE + i, run->globals[page][i], visit, context);
  for (unsigned p = 0; p < TRI_MUTATORS; p++)
    for (unsigned i = 0; i < run->players[p].mail_count; i++)
      visit_handle(run, 'm', p, i, run->players[p].mail[i], visit, context);
  for (unsigned i = 0; i < run->n_immortals; i++) visit_handle(run, 'i', 0, i, run->immortals[i], visit, context);
  for (unsigned i = 0; i < run->n_pins; i++) visit_handle(run, 'p', 0, i, run->pins[i], visit, context);
}

struct named_visit {
  tri_run_root_fn *visit;
  void *context;
};

static void visit_named(void *context, const struct root *root) {
  const struct named_visit *to = context;
  char name[48];
  switch (root->kind) {
  case 'r':
    if (root->depth) snprintf(name, sizeof name, "m%u.%u r%u", root->mutator, root->depth, root->index);
    else snprintf(name, sizeof name, "m%u r%u", root->mutator, root->index);
    break;
  case 'g': snprintf(name, sizeof name, "g%u", root->index); break;
  case 'm': snprintf(name, sizeof name, "mail %u of m%u", root->index, root->mutator); break;
  case 'i': snprintf(name, sizeof name, "immortal %u", root->index); break;
  default: snprintf(name, sizeof name, "pin %u", root->index);
  }
  to->visit(to->context, name, root->ref);
}

void tri_run_each_root(struct tri_run *run, tri_run_root_fn *visit, void *context) {
  each_root(run, visit_named, &(struct named_visit){visit, context});
}

struct tri_mutator *tri_run_mutator(struct tri_run *run) { return run->heap ? mutator(run) : NULL; }

struct root_list {
  tri_ref *refs;
  size_t count, capacity;
};

static void count_root(void *context, const struct root *root) {
  (void)root;
  ((struct root_list *)context)->capacity++;
}

static void list_root(void *context, const struct root *root) {
  struct root_list *list = context;
  list->refs[list->count++] = root->ref;
}

static void hash_graph(struct tri_run *run) {
  struct tri_run_result *result = run->result;
  struct root_list roots = {0};
  struct tri_graph graph = {0};
  each_root(run, count_root, &roots);
  roots.refs = malloc((roots.capacity + 1) * sizeof *roots.refs);
  if (!roots.refs) return;
  each_root(run, list_root, &roots);
  if (tri_graph_build(&graph, mutator(run), roots.refs, roots.count)) {
    for (size_t i = 0; i < graph.count; i++) check_payload(run, graph.objects[i], "a reachable object");
    result->objects = graph.count;
    result->graph_hash = tri_graph_hash(&graph, mutator(run), roots.refs, roots.count, true);
    result->shape_hash = tri_graph_hash(&graph, mutator(run), roots.refs, roots.count, false);
    result->hashed = true;
  }
  tri_graph_free(&graph);
  free(roots.refs);
}

// ---- The run --------------------------------------------------------------------------------------------------

static void pop_frames(struct tri_mutator *m) {
  while (m->frames) tri_frame_leave(m, m->frames);
}

static void tear_down(struct tri_run *run) {
  struct tri_mutator *m = mutator(run);
  while (run->n_pins) unpin(run, run->n_pins - 1);
  while (run->n_immortals) tri_handle_free(m, run->immortals[--run->n_immortals]);
  for (unsigned page = 0; page < TRI_GLOBALS / GLOBAL_PAGE; page++)
    for (unsigned i = 0; run->globals[page] && i < GLOBAL_PAGE; i++)
      if (run->globals[page][i]) tri_handle_free(m, run->globals[page][i]);
  for (unsigned p = 0; p < TRI_MUTATORS; p++) {
    struct player *player = &run->players[p];
    while (player->mail_count) tri_handle_free(m, player->mail[--player->mail_count]);
  }
  for (unsigned p = 0; p < TRI_MUTATORS; p++) {
    struct player *player = &run->players[p];
    if (!player->owns || player->m == m) continue;
    tri_park(m);
    tri_unpark(player->m);
    pop_frames(player->m);
    tri_detach(player->m);
    tri_unpark(m);
  }
  pop_frames(m);
  for (unsigned p = 0; p < TRI_MUTATORS; p++) run->players[p].depth = 0;
  const struct tri_run_watch *watch = run->params->watch;
  if (watch && watch->emptied) watch->emptied(watch->context, run);
  tri_detach(m);
  run->result->collections = run->heap->epoch;
  tri_heap_destroy(run->heap);
}

// The budget for repetitions is used up: go on behind the outermost loop.
static void leave_loops(struct tri_run *run) {
  run->at = run->loops[0].at;
  run->n_loops = 0;
}

static void run_ops(struct tri_run *run) {
  const struct tri_run_watch *watch = run->params->watch;
  for (run->at = 0; run->at < run->program->count && !run->stop; run->at++) {
    size_t at = run->at;
    const struct tri_op *op = &run->program->ops[at];
    // The end of a round is free; a loop that starts within a loop is an operation like another.
    if (run->n_loops && run->loops[run->n_loops - 1].at != at) {
      uint64_t price = cost(run, op);
      if (price > run->budget) {
        leave_loops(run);
        continue;
      }
      run->budget -= price;
    }
    if (needs_heap((enum tri_op_code)op->code) && !need_heap(run)) return;
    if (watch && watch->before) watch->before(watch->context, run, at, op);
    bool effective = execute(run, op);
    run->result->steps++;
    run->result->effective += effective;
    if (watch && watch->after) watch->after(watch->context, run, at, op, effective);
  }
}

enum tri_run_status tri_program_run(const struct tri_program *program, const struct tri_run_params *params,
                                    struct tri_run_result *result) {
  *result = (struct tri_run_result){0};
  struct tri_run *run = calloc(1, sizeof *run);
  if (!run) {
    snprintf(result->message, sizeof result->message, "out of memory");
    return result->status = TRI_RUN_NO_HEAP;
  }
  run->program = program;
  run->params = params;
  run->result = result;
  run->budget = params->max_steps ? params->max_steps : DEFAULT_STEPS;
  if (params->watch && params->watch->starting) params->watch->starting(params->watch->context, run);
  tri_schedule_begin(&(struct tri_schedule){.max_points = UINT64_MAX}); // bounded by operations already
  run_ops(run);
  tri_os_fail_at(0);
  if (run->heap) {
    if (params->watch && params->watch->finishing) params->watch->finishing(params->watch->context, run);
    if (result->status == TRI_RUN_OK) hash_graph(run);
    tear_down(run);
  }
  tri_schedule_end();
  for (unsigned page = 0; page < TRI_GLOBALS / GLOBAL_PAGE; page++) free(run->globals[page]);
  free(run);
  return result->status;
}
