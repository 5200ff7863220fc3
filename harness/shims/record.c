#include "shims/record.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/actor.h"
#include "program/graph.h"

enum { NO_GLOBAL = UINT32_MAX };

// What is known of an object.
struct object {
  tri_ref ref;     // key; null: empty
  uint32_t global; // one that held it last, or NO_GLOBAL
  tri_ref from;    // it was loaded from this object, or null
  size_t field;
};

// Root slots of the workload, outermost first in a mutator's list.
struct slots {
  struct slots *previous;
  tri_ref *slot;
  size_t count;
  uint32_t global[]; // of each slot, or NO_GLOBAL
};

struct player {
  struct tri_mutator *m; // NULL: unused
  struct slots *frames;
  tri_ref reg[TRI_REGISTERS];
  uint64_t used[TRI_REGISTERS]; // when last, for the choice of a victim
  uint32_t dying[TRI_GLOBALS];  // of popped frames: dropped at its next collecting call
  uint32_t n_dying;
};

struct recorder {
  struct tri_shim shim;
  struct tri_recording *to;
  struct tri_mutex lock; // all below
  bool passive;          // the recorder itself reads the heap
  uint64_t clock;
  struct player players[TRI_MUTATORS];
  unsigned playing; // mutator that executes in the program
  size_t n_frames;  // of all mutators
  struct slots *handles;

  tri_ref global[TRI_GLOBALS];
  uint32_t n_globals; // ever used
  uint32_t free_global[TRI_GLOBALS]; // a stack, the smallest on top at first
  uint32_t n_free_globals;

  struct object *objects; // open addressing
  size_t n_objects, n_buckets;
  uint64_t allocated_bytes;
  size_t end; // of the program, if the workload ends now
};

static const struct tri_shim_class record_class;

static struct recorder *recorder_of(struct tri_mutator *m) {
  return (struct recorder *)tri_shim_find(m->heap, &record_class);
}

TRI_PRINTF(2, 3)
static void fail(struct recorder *r, const char *format, ...) {
  if (r->to->failure[0]) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(r->to->failure, sizeof r->to->failure, format, arguments);
  va_end(arguments);
}

static bool failed(const struct recorder *r) { return r->to->failure[0] != 0; }

#define EMIT(r, name, ...) emit((r), &(struct tri_op){TRI_OP_##name, {__VA_ARGS__}})
static void emit(struct recorder *r, const struct tri_op *op) {
  const char *kinds = tri_op_rows[op->code].operands;
  for (unsigned i = 0; kinds[i]; i++)
    if (op->operand[i] >= tri_operand_limit((enum tri_operand_kind)kinds[i]))
      fail(r, "%s needs an operand of %" PRIu32 ", a program says less than %" PRIu32, tri_op_rows[op->code].name,
           op->operand[i], tri_operand_limit((enum tri_operand_kind)kinds[i]));
  if (!failed(r) && !tri_program_append(&r->to->program, op)) fail(r, "out of memory");
}

// ---- Objects --------------------------------------------------------------------------------------------------

static struct object *bucket(struct object *objects, size_t n_buckets, tri_ref ref) {
  size_t at = tri_hash(0, ref.bits) & (n_buckets - 1);
  while (!tri_is_null(objects[at].ref) && objects[at].ref.bits != ref.bits) at = (at + 1) & (n_buckets - 1);
  return &objects[at];
}

// The entry of an object, made if there is none; NULL when out of memory.
static struct object *entry(struct recorder *r, tri_ref ref) {
  if (2 * r->n_objects >= r->n_buckets) {
    size_t n = r->n_buckets ? 2 * r->n_buckets : 1024;
    struct object *objects = calloc(n, sizeof *objects);
    if (!objects) return fail(r, "out of memory"), NULL;
    for (size_t i = 0; i < r->n_buckets; i++)
      if (!tri_is_null(r->objects[i].ref)) *bucket(objects, n, r->objects[i].ref) = r->objects[i];
    free(r->objects);
    r->objects = objects;
    r->n_buckets = n;
  }
  struct object *found = bucket(r->objects, r->n_buckets, ref);
  if (tri_is_null(found->ref)) {
    *found = (struct object){.ref = ref, .global = NO_GLOBAL};
    r->n_objects++;
  }
  return found;
}

// ---- Registers ------------------------------------------------------------------------------------------------

static struct player *player_of(struct recorder *r, struct tri_mutator *m) {
  for (unsigned i = 0; i < TRI_MUTATORS; i++)
    if (r->players[i].m == m) return &r->players[i];
  return NULL;
}

// The player of m, executing from here on; NULL after a failure.
static struct player *play(struct recorder *r, struct tri_mutator *m) {
  struct player *player = player_of(r, m);
  if (!player) fail(r, "more than %d mutators", TRI_MUTATORS);
  if (failed(r)) return NULL;
  unsigned number = (unsigned)(player - r->players);
  if (number != r->playing) EMIT(r, MUTATOR, number);
  r->playing = number;
  return player;
}

static uint32_t touch(struct recorder *r, struct player *player, uint32_t reg) {
  player->used[reg] = ++r->clock;
  return reg;
}

// A register for a result: the one that was not used for longest. An operation has fewer operands than there are
// registers, so it never takes one of its own.
static uint32_t victim(struct recorder *r, struct player *player) {
  uint32_t oldest = 0;
  for (uint32_t i = 1; i < TRI_REGISTERS; i++)
    if (player->used[i] < player->used[oldest]) oldest = i;
  return touch(r, player, oldest);
}

static uint32_t find(struct player *player, tri_ref ref) {
  for (uint32_t i = 0; i < TRI_REGISTERS; i++)
    if (player->reg[i].bits == ref.bits) return i;
  return TRI_REGISTERS;
}

// A register that holds the object, loaded from a global if need be; TRI_REGISTERS if neither has it.
static uint32_t at_hand(struct recorder *r, struct player *player, tri_ref ref) {
  uint32_t reg = find(player, ref);
  if (reg < TRI_REGISTERS) return touch(r, player, reg);
  const struct object *object = entry(r, ref);
  if (!object) return TRI_REGISTERS;
  uint32_t global = object->global;
  if (global == NO_GLOBAL || r->global[global].bits != ref.bits)
    for (global = 0; global < r->n_globals && r->global[global].bits != ref.bits; global++) {}
  if (global == r->n_globals) return TRI_REGISTERS;
  reg = victim(r, player);
  EMIT(r, GLOBAL_GET, reg, global);
  player->reg[reg] = ref;
  return reg;
}

// The object that `ref` was once loaded from or stored into, if it still has it; null otherwise.
static tri_ref origin(struct recorder *r, struct player *player, tri_ref ref, size_t *field) {
  const struct object *object = entry(r, ref);
  if (!object || tri_is_null(object->from)) return TRI_NULL;
  *field = object->field;
  return r->shim.inner->load(player->m, object->from, object->field).bits == ref.bits ? object->from : TRI_NULL;
}

static void set_origin(struct recorder *r, struct player *player, tri_ref ref, tri_ref from, size_t field) {
  size_t old;
  if (ref.bits == from.bits || !tri_is_null(origin(r, player, ref, &old))) return; // the first stays: no circles
  struct object *object = entry(r, ref);
  if (!object) return;
  object->from = from;
  object->field = field;
}

// A register that holds the object: at hand, or loaded again along the way it came, from the nearest of its origins
// that is at hand.
static uint32_t use(struct recorder *r, struct player *player, tri_ref ref) {
  uint32_t step = TRI_REGISTERS; // register loaded for the way only
  for (;;) {
    uint32_t reg = at_hand(r, player, ref);
    if (reg < TRI_REGISTERS) return reg;
    tri_ref child = ref, from;
    size_t field = 0, steps = 0;
    uint32_t base = TRI_REGISTERS;
    for (; base == TRI_REGISTERS; child = from) {
      from = origin(r, player, child, &field);
      if (tri_is_null(from) || ++steps > r->n_objects) {
        fail(r, "the workload uses an object that it neither got from one of its last calls nor can load again");
        return 0;
      }
      base = at_hand(r, player, from);
      if (base < TRI_REGISTERS) break;
    }
    uint32_t to = victim(r, player);
    EMIT(r, LOAD, to, base, (uint32_t)field);
    player->reg[to] = child;
    if (step == base) player->used[step] = 0; // needed no more: the next victim
    step = to;
  }
}

// ---- Root slots -----------------------------------------------------------------------------------------------

static uint32_t new_global(struct recorder *r) {
  if (r->n_free_globals) {
    uint32_t global = r->free_global[--r->n_free_globals];
    if (global >= r->n_globals) r->n_globals = global + 1;
    return global;
  }
  fail(r, "more than %d roots at one time", TRI_GLOBALS);
  return 0;
}

static void set_global(struct recorder *r, struct player *player, uint32_t global, tri_ref ref) {
  if (tri_is_null(ref)) {
    if (!tri_is_null(r->global[global])) EMIT(r, GLOBAL_DROP, global);
  } else {
    uint32_t reg = use(r, player, ref);
    EMIT(r, GLOBAL_SET, global, reg);
    struct object *object = entry(r, ref);
    if (object) object->global = global;
  }
  r->global[global] = ref;
}

static struct slots *new_slots(struct recorder *r, struct slots **list, tri_ref *slot, size_t count) {
  struct slots *slots = malloc(sizeof *slots + count * sizeof *slots->global);
  if (!slots) return fail(r, "out of memory"), NULL;
  *slots = (struct slots){*list, slot, count};
  for (size_t i = 0; i < count; i++) slots->global[i] = NO_GLOBAL;
  return *list = slots;
}

static struct slots *find_slots(struct slots *list, const tri_ref *slot) {
  while (list && !(slot >= list->slot && slot < list->slot + list->count)) list = list->previous;
  return list;
}

// Take the slots out of the list; their globals are dropped when nothing can refer to what they held any more.
static void end_slots(struct player *player, struct slots **list, struct slots *slots) {
  while (*list != slots) list = &(*list)->previous;
  *list = slots->previous;
  for (size_t i = 0; i < slots->count; i++)
    if (slots->global[i] != NO_GLOBAL) player->dying[player->n_dying++] = slots->global[i];
  free(slots);
}

static void root_set(struct recorder *r, struct player *player, tri_ref *slot, tri_ref ref) {
  struct slots *slots = find_slots(player->frames, slot);
  bool handle = !slots;
  if (handle) slots = find_slots(r->handles, slot);
  if (!slots && tri_is_null(ref)) return;
  if (!slots && !(slots = new_slots(r, &r->handles, slot, 1))) return;
  uint32_t *global = &slots->global[slot - slots->slot];
  if (*global == NO_GLOBAL) {
    if (tri_is_null(ref)) return;
    *global = new_global(r);
  }
  set_global(r, player, *global, ref);
  if (handle && tri_is_null(ref)) end_slots(player, &r->handles, slots); // maybe freed: its memory may come back
}

// Before a call that may collect: locals are dead.
static void drop_locals(struct recorder *r, struct player *player) {
  bool any = false;
  for (unsigned i = 0; i < TRI_REGISTERS; i++) any |= !tri_is_null(player->reg[i]);
  if (any) EMIT(r, DROP_ALL, 0);
  memset(player->reg, 0, sizeof player->reg);
  while (player->n_dying) {
    uint32_t global = player->dying[--player->n_dying];
    set_global(r, player, global, TRI_NULL);
    r->free_global[r->n_free_globals++] = global;
  }
}

// ---- The end --------------------------------------------------------------------------------------------------

// If nothing more comes, the program ends here: with this graph.
static void note_end(struct recorder *r, struct player *player) {
  drop_locals(r, player);
  tri_ref *roots = malloc(TRI_GLOBALS * sizeof *roots);
  size_t n = 0;
  struct tri_graph graph;
  if (!roots) return fail(r, "out of memory");
  for (unsigned i = 0; i < r->n_globals; i++)
    if (!tri_is_null(r->global[i])) roots[n++] = r->global[i];
  r->passive = true;
  if (tri_graph_build(&graph, player->m, roots, n)) {
    r->to->objects = graph.count;
    r->to->shape_hash = tri_graph_hash(&graph, player->m, roots, n, false);
    tri_graph_free(&graph);
  } else {
    fail(r, "out of memory");
  }
  r->passive = false;
  free(roots);
  r->end = r->to->program.count;
}

// The heap is as large as all that was allocated, so that every collector can replay.
static void put_heap_size_first(struct recorder *r) {
  uint64_t bytes = r->allocated_bytes + r->allocated_bytes / 4 + (1 << 20);
  struct tri_program *program = &r->to->program;
  struct tri_op op = {.code = TRI_OP_HEAP, .operand = {tri_size_code(TRI_HEAP_SIZE, bytes)}};
  if (!tri_program_append(program, &op)) return fail(r, "out of memory");
  memmove(program->ops + 1, program->ops, (program->count - 1) * sizeof *program->ops);
  program->ops[0] = op;
}

// ---- The calls ------------------------------------------------------------------------------------------------
//
// Each records under the lock and forwards to the collector; what cannot collect is forwarded under the lock, so
// that the program has the mutators' accesses in the order in which they happened.

// Begin recording a call of m: the player, or NULL when there is nothing to record any more. With the lock taken.
static struct player *begin(struct recorder *r, struct tri_mutator *m) {
  tri_mutex_lock(&r->lock);
  return failed(r) ? NULL : play(r, m);
}

static void end(struct recorder *r) { tri_mutex_unlock(&r->lock); }

static void collecting(struct tri_mutator *m) {
  struct recorder *r = recorder_of(m);
  struct player *player = begin(r, m);
  if (player) drop_locals(r, player);
  end(r);
}

static void emit_alloc(struct recorder *r, struct player *player, tri_ref object, struct tri_shape shape) {
  size_t n = tri_shape_refs(shape), bytes = tri_shape_bytes(shape);
  uint32_t reg = victim(r, player), size = tri_size_code(TRI_SMALL_SIZE, bytes);
  bool exact = tri_size(TRI_SMALL_SIZE, size) == bytes, small = n < tri_operand_limit(TRI_NUMBER);
  if (tri_shape_kind(shape) != TRI_NODE) fail(r, "weak references and ephemerons are not recorded");
  else if (n == 0 && exact) EMIT(r, LEAF, reg, size);
  else if (bytes == 0 && small) EMIT(r, REFS, reg, (uint32_t)n);
  else if (exact && small) EMIT(r, MIXED, reg, (uint32_t)n, size);
  else EMIT(r, EXACT, reg, (uint32_t)n, (uint32_t)bytes);
  player->reg[reg] = object;
  r->allocated_bytes += tri_shape_extent(shape) + 2 * sizeof(tri_ref);
}

static tri_ref record_alloc(struct tri_mutator *m, struct tri_shape shape) {
  struct recorder *r = recorder_of(m);
  collecting(m);
  tri_ref object = r->shim.inner->alloc(m, shape);
  struct player *player = begin(r, m);
  if (player && tri_is_null(object)) fail(r, "an allocation failed: %s", tri_status_name(m->status));
  else if (player) emit_alloc(r, player, object, shape);
  end(r);
  return object;
}

// The result of a load becomes a register.
static void emit_load(struct recorder *r, struct player *player, tri_ref object, size_t i, tri_ref value) {
  if (tri_is_null(value)) return;
  uint32_t from = use(r, player, object), to = find(player, value);
  to = to < TRI_REGISTERS ? touch(r, player, to) : victim(r, player);
  EMIT(r, LOAD, to, from, (uint32_t)i);
  player->reg[to] = value;
  set_origin(r, player, value, object, i);
}

static tri_ref record_load(struct tri_mutator *m, tri_ref object, size_t i) {
  struct recorder *r = recorder_of(m);
  if (r->passive) return r->shim.inner->load(m, object, i);
  struct player *player = begin(r, m);
  tri_ref value = r->shim.inner->load(m, object, i);
  if (player) emit_load(r, player, object, i, value);
  end(r);
  return value;
}

static void emit_store(struct recorder *r, struct player *player, tri_ref object, size_t i, tri_ref value) {
  uint32_t to = use(r, player, object);
  if (tri_is_null(value)) EMIT(r, STORE_NULL, to, (uint32_t)i);
  else EMIT(r, STORE, to, (uint32_t)i, use(r, player, value));
}

static void record_store(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  struct recorder *r = recorder_of(m);
  struct player *player = begin(r, m);
  if (player) emit_store(r, player, object, i, value);
  r->shim.inner->store(m, object, i, value);
  if (player && !tri_is_null(value)) set_origin(r, player, value, object, i);
  end(r);
}

static void record_init(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  struct recorder *r = recorder_of(m);
  struct player *player = begin(r, m);
  if (player && !tri_is_null(value)) {
    uint32_t to = use(r, player, object);
    EMIT(r, INIT, to, (uint32_t)i, use(r, player, value));
  }
  r->shim.inner->init(m, object, i, value);
  if (player && !tri_is_null(value)) set_origin(r, player, value, object, i);
  end(r);
}

static tri_ref record_swap(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  struct recorder *r = recorder_of(m);
  struct player *player = begin(r, m);
  tri_ref old = TRI_NULL;
  if (player && tri_is_null(value)) { // no operation swaps in null: load, then store it
    old = r->shim.inner->load(m, object, i);
    emit_load(r, player, object, i, old);
    emit_store(r, player, object, i, value);
  } else if (player) {
    uint32_t to = use(r, player, object), with = use(r, player, value), kept = victim(r, player);
    EMIT(r, SWAP, kept, to, (uint32_t)i, with);
    player->reg[kept] = r->shim.inner->load(m, object, i);
  }
  old = r->shim.inner->swap(m, object, i, value);
  end(r);
  return old;
}

static bool record_cas(struct tri_mutator *m, tri_ref object, size_t i, tri_ref expected, tri_ref value) {
  struct recorder *r = recorder_of(m);
  struct player *player = begin(r, m);
  bool done = r->shim.inner->cas(m, object, i, expected, value);
  if (player && done && tri_is_null(value)) {
    emit_store(r, player, object, i, value);
  } else if (player && done) {
    uint32_t to = use(r, player, object);
    EMIT(r, CAS, to, (uint32_t)i, use(r, player, value));
  }
  end(r);
  return done;
}

static void record_copy(struct tri_mutator *m, tri_ref to, size_t to_i, tri_ref from, size_t from_i, size_t n) {
  struct recorder *r = recorder_of(m);
  struct player *player = begin(r, m);
  if (player && n) {
    uint32_t to_reg = use(r, player, to);
    EMIT(r, COPY, to_reg, (uint32_t)to_i, use(r, player, from), (uint32_t)from_i, (uint32_t)n);
  }
  r->shim.inner->copy(m, to, to_i, from, from_i, n);
  end(r);
}

static void record_fill(struct tri_mutator *m, tri_ref object, size_t i, size_t n, tri_ref value) {
  struct recorder *r = recorder_of(m);
  struct player *player = begin(r, m);
  if (player && n) {
    uint32_t to = use(r, player, object);
    if (tri_is_null(value)) EMIT(r, FILL_NULL, to, (uint32_t)i, (uint32_t)n);
    else EMIT(r, FILL, to, (uint32_t)i, use(r, player, value), (uint32_t)n);
  }
  r->shim.inner->fill(m, object, i, n, value);
  end(r);
}

static void record_root_set(struct tri_mutator *m, tri_ref *slot, tri_ref value) {
  struct recorder *r = recorder_of(m);
  struct player *player = begin(r, m);
  if (player) root_set(r, player, slot, value);
  r->shim.inner->root_set(m, slot, value);
  end(r);
}

static void record_frame_push(struct tri_mutator *m, struct tri_frame *frame) {
  struct recorder *r = recorder_of(m);
  struct player *player = begin(r, m);
  if (player && new_slots(r, &player->frames, tri_frame_slots(frame), frame->count)) r->n_frames++;
  r->shim.inner->frame_push(m, frame);
  end(r);
}

static void record_frame_pop(struct tri_mutator *m, struct tri_frame *frame) {
  struct recorder *r = recorder_of(m);
  struct player *player = begin(r, m);
  if (player) {
    if (--r->n_frames == 0) note_end(r, player);
    end_slots(player, &player->frames, player->frames);
  }
  r->shim.inner->frame_pop(m, frame);
  end(r);
}

static void record_free(struct tri_mutator *m, tri_ref object) {
  struct recorder *r = recorder_of(m);
  struct player *player = begin(r, m);
  if (player) {
    uint32_t reg = use(r, player, object);
    EMIT(r, FREE, reg);
    player->reg[reg] = TRI_NULL;
  }
  r->shim.inner->free(m, object);
  end(r);
}

static void record_safepoint(struct tri_mutator *m) {
  struct recorder *r = recorder_of(m);
  collecting(m);
  struct player *player = begin(r, m);
  if (player) EMIT(r, SAFEPOINT, 0);
  end(r);
  r->shim.inner->safepoint(m);
}

static enum tri_status record_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  struct recorder *r = recorder_of(m);
  collecting(m);
  struct player *player = begin(r, m);
  if (player && kind == TRI_COLLECT_MINOR) EMIT(r, MINOR, 0);
  else if (player && kind == TRI_COLLECT_FULL) EMIT(r, FULL, 0);
  else if (player) EMIT(r, COMPACT, 0);
  end(r);
  return r->shim.inner->collect(m, kind);
}

static enum tri_status record_collect_start(struct tri_mutator *m) {
  struct recorder *r = recorder_of(m);
  collecting(m);
  struct player *player = begin(r, m);
  if (player) EMIT(r, START, 0);
  end(r);
  return r->shim.inner->collect_start(m);
}

static bool record_collect_step(struct tri_mutator *m, size_t units) {
  enum { MOST_UNITS = 127 }; // of one operation
  struct recorder *r = recorder_of(m);
  collecting(m);
  struct player *player = begin(r, m);
  if (player && units > MOST_UNITS) EMIT(r, FINISH, 0);
  else if (player) EMIT(r, STEP, (uint32_t)units);
  end(r);
  return r->shim.inner->collect_step(m, units);
}

static bool record_pin(struct tri_mutator *m, tri_ref object) {
  struct recorder *r = recorder_of(m);
  struct player *player = begin(r, m);
  if (player) EMIT(r, PIN, use(r, player, object));
  end(r);
  return r->shim.inner->pin(m, object);
}

static void record_unpin(struct tri_mutator *m, tri_ref object) {
  struct recorder *r = recorder_of(m);
  struct player *player = begin(r, m);
  if (player) EMIT(r, UNPIN, use(r, player, object));
  end(r);
  r->shim.inner->unpin(m, object);
}

static enum tri_status record_attach(struct tri_heap *heap, struct tri_mutator **m) {
  struct recorder *r = (struct recorder *)tri_shim_find(heap, &record_class);
  enum tri_status status = r->shim.inner->attach(heap, m);
  if (status != TRI_OK) return status;
  tri_mutex_lock(&r->lock);
  struct player *player = player_of(r, NULL);
  if (player) player->m = *m;
  else fail(r, "more than %d mutators", TRI_MUTATORS);
  tri_mutex_unlock(&r->lock);
  return status;
}

static void record_detach(struct tri_mutator *m) {
  struct recorder *r = recorder_of(m);
  collecting(m); // its registers are no roots any more
  tri_mutex_lock(&r->lock);
  struct player *player = player_of(r, m);
  if (player) player->m = NULL;
  tri_mutex_unlock(&r->lock);
  r->shim.inner->detach(m);
}

static void record_park(struct tri_mutator *m) {
  collecting(m);
  recorder_of(m)->shim.inner->park(m);
}

// ---- The class ------------------------------------------------------------------------------------------------

static void record_override(struct tri_collector *record) {
  record->alloc = record_alloc;
  record->load = record_load;
  record->store = record_store;
  record->init = record_init;
  record->swap = record_swap;
  record->cas = record_cas;
  record->copy = record_copy;
  record->fill = record_fill;
  record->root_set = record_root_set;
  record->frame_push = record_frame_push;
  record->frame_pop = record_frame_pop;
  record->free = record_free;
  record->safepoint = record_safepoint;
  record->collect = record_collect;
  record->collect_start = record_collect_start;
  record->collect_step = record_collect_step;
  record->pin = record_pin;
  record->unpin = record_unpin;
  record->attach = record_attach;
  record->detach = record_detach;
  record->park = record_park;
}

static struct tri_shim *record_open(const struct tri_shim_record *record, const struct tri_heap_config *config) {
  (void)config;
  struct tri_recording *to = (struct tri_recording *)record->options;
  if (record->inner->caps.flags & (TRI_CAP_MOVES | TRI_CAP_RECLAIMS | TRI_CAP_EXPLICIT_FREE)) {
    snprintf(to->failure, sizeof to->failure, "collector '%s' moves or reclaims objects; record on one that does not",
             record->inner->name);
    return NULL;
  }
  struct recorder *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  tri_mutex_init(&r->lock);
  r->to = to;
  for (uint32_t i = TRI_GLOBALS; i-- > 0;) r->free_global[r->n_free_globals++] = i;
  return &r->shim;
}

// The heap is about to go: all mutators have.
static void record_closing(struct tri_shim *shim, struct tri_heap *heap) {
  struct recorder *r = (struct recorder *)shim;
  (void)heap;
  if (!r->end) fail(r, "the workload pops no frame of roots");
  if (r->end < r->to->program.count) r->to->program.count = r->end;
  if (!failed(r)) put_heap_size_first(r);
}

static void free_list(struct slots *slots) {
  for (struct slots *previous; slots; slots = previous) {
    previous = slots->previous;
    free(slots);
  }
}

static void record_close(struct tri_shim *shim) {
  struct recorder *r = (struct recorder *)shim;
  for (unsigned i = 0; i < TRI_MUTATORS; i++) free_list(r->players[i].frames);
  free_list(r->handles);
  free(r->objects);
  free(r);
}

static const struct tri_shim_class record_class = {
    .name = "record",
    .override = record_override,
    .open = record_open,
    .closing = record_closing,
    .close = record_close,
};

const struct tri_collector *tri_record_wrap(struct tri_shim_record *record, const struct tri_collector *inner,
                                            struct tri_recording *to) {
  *to = (struct tri_recording){0};
  return tri_shim_wrap(record, inner, &record_class, to);
}
