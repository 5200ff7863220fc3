#include "generate.h"

#include <stdlib.h>
#include <string.h>

#include "common/random.h"
#include "program/exec.h"

enum {
  DEPTH = 8,   // frames of a mutator that are used
  GLOBALS = 8, // globals that are used
  MAIL = 4,    // a mailbox
  RECENT = 3,  // of so many registers that fit the youngest object is taken
  TREE_DEPTH = 4,
  NONE = TRI_REGISTERS, // no register fits
};

// An object of the program; number 0 is null.
struct object {
  enum { NODE, WEAK, EPHEMERON } kind;
  bool payload;
  uint32_t refs;
  size_t fields;  // the first of its references in model.fields
  unsigned birth; // collections before it
};

struct player {
  unsigned depth;
  size_t registers[DEPTH][TRI_REGISTERS];
  size_t mail[MAIL];
  unsigned mail_count;
};

struct model {
  struct tri_program *program;
  struct tri_random random;
  bool out_of_memory;
  struct object *objects;
  size_t n_objects, objects_room;
  size_t *fields;
  size_t n_fields, fields_room;
  unsigned collections;
  struct player players[TRI_MUTATORS];
  unsigned player;
  size_t globals[GLOBALS];
  unsigned pins;
  uint64_t heap_bytes;
};

static uint32_t below(struct model *m, uint32_t bound) {
  return (uint32_t)tri_random_below(&m->random, bound);
}
static bool one_in(struct model *m, uint32_t n) { return below(m, n) == 0; }

// ---- The model --------------------------------------------------------------------------------------------

static void emit(struct model *m, struct tri_op op) {
  if (!tri_program_append(m->program, &op)) m->out_of_memory = true;
}

#define EMIT(m, name, ...) emit(m, (struct tri_op){TRI_OP_##name, {__VA_ARGS__}})

static bool reserve(void **array, size_t *room, size_t wanted, size_t size) {
  if (wanted <= *room) return true;
  size_t larger = 2 * wanted;
  void *moved = realloc(*array, larger * size);
  if (!moved) return false;
  *array = moved;
  *room = larger;
  return true;
}

static size_t new_object(struct model *m, int kind, uint32_t refs, bool payload) {
  if (!reserve((void **)&m->objects, &m->objects_room, m->n_objects + 1, sizeof *m->objects) ||
      !reserve((void **)&m->fields, &m->fields_room, m->n_fields + refs, sizeof *m->fields)) {
    m->out_of_memory = true;
    return 0;
  }
  m->objects[m->n_objects] = (struct object){kind, payload, refs, m->n_fields, m->collections};
  for (uint32_t i = 0; i < refs; i++) m->fields[m->n_fields + i] = 0;
  m->n_fields += refs;
  return m->n_objects++;
}

static size_t *registers(struct model *m) {
  return m->players[m->player].registers[m->players[m->player].depth];
}
static struct object *in(struct model *m, uint32_t r) { return &m->objects[registers(m)[r]]; }
static size_t *field(struct model *m, uint32_t r, uint32_t f) { return &m->fields[in(m, r)->fields + f]; }
static void put(struct model *m, uint32_t r, size_t object) { registers(m)[r] = object; }

// What an action wants of an object.
typedef bool want_fn(struct model *m, const struct object *object);
static bool any(struct model *m, const struct object *o) { return (void)m, (void)o, true; }
static bool node(struct model *m, const struct object *o) { return (void)m, o->kind == NODE; }
static bool weak(struct model *m, const struct object *o) { return (void)m, o->kind == WEAK; }
static bool ephemeron(struct model *m, const struct object *o) { return (void)m, o->kind == EPHEMERON; }
static bool payload(struct model *m, const struct object *o) { return (void)m, o->payload; }
static bool has_fields(struct model *m, const struct object *o) {
  return (void)m, o->kind == NODE && o->refs;
}
static bool old(struct model *m, const struct object *o) {
  return has_fields(m, o) && o->birth < m->collections;
}
static bool parent(struct model *m, const struct object *o) {
  for (uint32_t i = 0; o->kind == NODE && i < o->refs; i++)
    if (m->fields[o->fields + i]) return true;
  return false;
}

// A register whose object is wanted, rather a young one; NONE if there is none.
static uint32_t pick(struct model *m, want_fn *want) {
  uint32_t best = NONE, from = below(m, TRI_REGISTERS), seen = 0;
  for (uint32_t i = 0; i < TRI_REGISTERS && seen < RECENT; i++) {
    uint32_t r = (from + i) % TRI_REGISTERS;
    if (!registers(m)[r] || !want(m, in(m, r))) continue;
    if (best == NONE || registers(m)[r] > registers(m)[best]) best = r;
    seen++;
  }
  return best;
}

// A register to write: an empty one if there is one.
static uint32_t spare(struct model *m) {
  uint32_t from = below(m, TRI_REGISTERS);
  for (uint32_t i = 0; i < TRI_REGISTERS; i++)
    if (!registers(m)[(from + i) % TRI_REGISTERS]) return (from + i) % TRI_REGISTERS;
  return from;
}

static uint32_t some_field(struct model *m, uint32_t r) { return below(m, in(m, r)->refs); }

// A field that is not null, of an object that has one.
static uint32_t used_field(struct model *m, uint32_t r) {
  uint32_t f = some_field(m, r);
  while (!*field(m, r, f)) f = (f + 1) % in(m, r)->refs;
  return f;
}

// The smaller the likelier, up to the largest code.
static uint32_t size_code(struct model *m, uint32_t limit) { return below(m, 1 + below(m, limit)); }

// ---- Actions: allocation ----------------------------------------------------------------------------------
//
// Each emits the operations of one step and carries them out on the model; none if it is impossible now.

static uint32_t leaf(struct model *m) {
  uint32_t r = spare(m), code = size_code(m, 128);
  EMIT(m, LEAF, r, code);
  put(m, r, new_object(m, NODE, 0, tri_size(TRI_SMALL_SIZE, code) > 0));
  return r;
}

static void drop(struct model *m, uint32_t r) {
  EMIT(m, DROP, r);
  put(m, r, 0);
}

// What may be held: a live register, or a new leaf.
static uint32_t something(struct model *m) {
  uint32_t r = pick(m, any);
  return r == NONE ? leaf(m) : r;
}

static void pair(struct model *m, uint32_t r, uint32_t first, uint32_t second) {
  EMIT(m, PAIR, r, first, second);
  size_t a = registers(m)[first], b = registers(m)[second], object = new_object(m, NODE, 2, false);
  put(m, r, object);
  if (!object) return;
  *field(m, r, 0) = a;
  *field(m, r, 1) = b;
}

static void act_leaf(struct model *m) { leaf(m); }
static void act_pair(struct model *m) {
  uint32_t first = something(m), second = something(m);
  pair(m, spare(m), first, second);
}

static void act_refs(struct model *m) {
  uint32_t r = spare(m), n = 1 + below(m, 1 + below(m, 100)), code = size_code(m, 128);
  bool has_payload = one_in(m, 2);
  if (has_payload)
    EMIT(m, MIXED, r, n, code);
  else
    EMIT(m, REFS, r, n);
  put(m, r, new_object(m, NODE, n, has_payload && tri_size(TRI_SMALL_SIZE, code)));
  uint32_t v = pick(m, any);
  for (uint32_t f = 0; f < n && v != NONE && one_in(m, 3); f++) { // fields of a fresh object, in order
    EMIT(m, INIT, r, f, v);
    *field(m, r, f) = registers(m)[v];
  }
}

static void act_exact(struct model *m) {
  uint32_t r = spare(m), n = below(m, 100), bytes = below(m, 1 + below(m, 4096));
  EMIT(m, EXACT, r, n, bytes);
  put(m, r, new_object(m, NODE, n, bytes > 0));
}

static void act_large(struct model *m) {
  uint32_t r = spare(m), n = below(m, 8);
  EMIT(m, LARGE, r, n, size_code(m, 64));
  put(m, r, new_object(m, NODE, n, true));
}

static void act_weak(struct model *m) {
  uint32_t target = something(m), r = spare(m);
  EMIT(m, WEAK, r, target);
  put(m, r, new_object(m, WEAK, 0, false));
}

static void make_ephemeron(struct model *m, uint32_t key, uint32_t value) {
  uint32_t r = spare(m);
  EMIT(m, EPHEMERON, r, key, value);
  put(m, r, new_object(m, EPHEMERON, 0, false));
}

static void act_ephemeron(struct model *m) {
  uint32_t key = something(m), value = something(m);
  make_ephemeron(m, key, value);
}

static void act_finalizable(struct model *m) {
  uint32_t r = spare(m), n = below(m, 6);
  EMIT(m, FINALIZABLE, r, n);
  put(m, r, new_object(m, NODE, n, false));
  if (one_in(m, 3)) EMIT(m, FINALIZER, r);
}

static void act_pinned(struct model *m) {
  uint32_t r = spare(m), n = below(m, 6);
  if (one_in(m, 4))
    EMIT(m, IMMORTAL, r, n);
  else
    EMIT(m, PINNED, r, n, 0);
  put(m, r, new_object(m, NODE, n, false));
}

static void act_grow(struct model *m) {
  uint32_t from = pick(m, node), r = spare(m);
  if (from == NONE || in(m, from)->refs > 64) return;
  EMIT(m, GROW, r, from);
  struct object source = *in(m, from);
  size_t grown = new_object(m, NODE, source.refs ? 2 * source.refs : 1, source.payload);
  for (uint32_t i = 0; grown && i < source.refs; i++)
    m->fields[m->objects[grown].fields + i] = m->fields[source.fields + i];
  put(m, r, grown);
}

// ---- Actions: edges and registers -------------------------------------------------------------------------

static void act_store(struct model *m) {
  uint32_t a = pick(m, has_fields), v = something(m);
  if (a == NONE) return;
  uint32_t f = some_field(m, a);
  uint32_t expected = pick(m, any);
  bool as_expected = registers(m)[expected] == *field(m, a, f);
  if (as_expected)
    EMIT(m, CAS_IF, a, f, v, expected);
  else if (one_in(m, 6))
    EMIT(m, CAS, a, f, v);
  else
    EMIT(m, STORE, a, f, v);
  *field(m, a, f) = registers(m)[v];
}

static void act_swap(struct model *m) {
  uint32_t a = pick(m, has_fields), v = something(m), r = spare(m);
  if (a == NONE) return;
  uint32_t f = some_field(m, a);
  size_t kept = *field(m, a, f);
  EMIT(m, SWAP, r, a, f, v);
  *field(m, a, f) = registers(m)[v];
  put(m, r, kept);
}

static void act_store_null(struct model *m) {
  uint32_t a = pick(m, parent);
  if (a == NONE) return;
  uint32_t f = used_field(m, a);
  EMIT(m, STORE_NULL, a, f);
  *field(m, a, f) = 0;
}

static void act_copy(struct model *m) {
  uint32_t from = pick(m, parent), to = pick(m, has_fields);
  if (from == NONE) return;
  uint32_t i = some_field(m, to), k = used_field(m, from), most = in(m, to)->refs - i;
  if (in(m, from)->refs - k < most) most = in(m, from)->refs - k;
  uint32_t n = 1 + below(m, most);
  if (to == from)
    EMIT(m, SLIDE, to, i, k, n);
  else
    EMIT(m, COPY, to, i, from, k, n);
  memmove(field(m, to, i), field(m, from, k), n * sizeof *m->fields);
}

static void act_fill(struct model *m) {
  uint32_t a = pick(m, has_fields), v = something(m);
  if (a == NONE) return;
  uint32_t f = some_field(m, a), n = 1 + below(m, in(m, a)->refs - f);
  bool null = one_in(m, 2);
  if (null)
    EMIT(m, FILL_NULL, a, f, n);
  else
    EMIT(m, FILL, a, f, v, n);
  for (uint32_t i = 0; i < n; i++) *field(m, a, f + i) = null ? 0 : registers(m)[v];
}

static void act_load(struct model *m) {
  uint32_t a = pick(m, parent), r = spare(m);
  if (a == NONE) return;
  uint32_t f = used_field(m, a);
  EMIT(m, LOAD, r, a, f);
  put(m, r, *field(m, a, f));
}

static void act_move(struct model *m) {
  uint32_t from = something(m), to = below(m, TRI_REGISTERS);
  EMIT(m, MOVE, to, from);
  put(m, to, registers(m)[from]);
  if (one_in(m, 4)) EMIT(m, SAME, to, from);
}

static void act_drop(struct model *m) {
  uint32_t r = pick(m, any);
  if (r == NONE) return;
  if (one_in(m, 30)) {
    EMIT(m, DROP_ALL, 0);
    for (r = 0; r < TRI_REGISTERS; r++) put(m, r, 0);
    return;
  }
  if (!one_in(m, 4)) {
    drop(m, r);
    return;
  }
  EMIT(m, FREE, r);
  put(m, r, 0);
}

static void act_global(struct model *m) {
  uint32_t g = below(m, GLOBALS), r = spare(m), v;
  if (!m->globals[g]) {
    v = something(m);
    EMIT(m, GLOBAL_SET, g, v);
    m->globals[g] = registers(m)[v];
  } else if (one_in(m, 3)) {
    EMIT(m, GLOBAL_DROP, g);
    m->globals[g] = 0;
  } else {
    EMIT(m, GLOBAL_GET, r, g);
    put(m, r, m->globals[g]);
  }
}

static void act_call(struct model *m) {
  struct player *player = &m->players[m->player];
  uint32_t r = something(m);
  if (player->depth + 1 == DEPTH) return;
  EMIT(m, CALL, r);
  size_t argument = registers(m)[r];
  player->depth++;
  memset(registers(m), 0, sizeof player->registers[0]);
  put(m, 0, argument);
}

static void act_return(struct model *m) {
  struct player *player = &m->players[m->player];
  if (!player->depth) return;
  uint32_t from = something(m);
  size_t result = registers(m)[from];
  player->depth--;
  uint32_t to = spare(m);
  EMIT(m, RETURN, to, from);
  put(m, to, result);
}

static void act_mutator(struct model *m) {
  uint32_t to = (m->player + 1 + below(m, TRI_MUTATORS - 1)) % TRI_MUTATORS, r = something(m);
  struct player *player = &m->players[to];
  if (player->mail_count < MAIL) {
    EMIT(m, SEND, to, r);
    player->mail[player->mail_count++] = registers(m)[r];
  }
  EMIT(m, MUTATOR, to);
  m->player = to;
  if (!player->mail_count) return;
  r = spare(m);
  EMIT(m, RECEIVE, r);
  put(m, r, player->mail[0]);
  memmove(player->mail, player->mail + 1, --player->mail_count * sizeof *player->mail);
}

static void act_payload(struct model *m) {
  uint32_t r = pick(m, payload);
  if (r == NONE) return;
  if (one_in(m, 2))
    EMIT(m, WRITE, r, below(m, 128));
  else
    EMIT(m, CHECK, r);
}

static void act_weak_use(struct model *m) {
  uint32_t r = pick(m, weak), target = something(m), to = spare(m);
  if (r == NONE) return;
  if (one_in(m, 2)) {
    EMIT(m, WEAK_SET, r, target);
  } else { // what it gives depends on the collections: used at once, then forgotten
    EMIT(m, WEAK_GET, to, r);
    EMIT(m, DROP, to);
    put(m, to, 0);
  }
}

static void act_ephemeron_use(struct model *m) {
  uint32_t r = pick(m, ephemeron), key = something(m), value = something(m), to = spare(m);
  if (r == NONE) return;
  if (one_in(m, 2)) {
    EMIT(m, EPHEMERON_SET, r, key, value);
  } else {
    if (one_in(m, 2))
      EMIT(m, EPHEMERON_VALUE, to, r);
    else
      EMIT(m, EPHEMERON_KEY, to, r);
    EMIT(m, DROP, to);
    put(m, to, 0);
  }
}

static void act_pin(struct model *m) {
  uint32_t r = something(m);
  if (m->pins && one_in(m, 2)) {
    EMIT(m, UNPIN, r);
    m->pins--;
  } else {
    EMIT(m, PIN, r);
    m->pins++;
  }
}

// ---- Actions: collections ---------------------------------------------------------------------------------

static void collect(struct model *m) {
  switch (below(m, 6)) {
  case 0:
    EMIT(m, FULL, 0);
    break;
  case 1:
    EMIT(m, COMPACT, 0);
    break;
  default:
    EMIT(m, MINOR, 0);
  }
  m->collections++;
}

// What comes to light only after a collection.
static void finalized(struct model *m) {
  uint32_t r = spare(m);
  EMIT(m, FINALIZED, r);
  put(m, r, 0);
}

static void act_collect(struct model *m) {
  if (one_in(m, 5))
    EMIT(m, SAFEPOINT, 0);
  else
    collect(m);
  if (one_in(m, 8)) finalized(m);
}

// An object that has seen a collection gets the only edge to a new one.
static void act_old_to_young(struct model *m) {
  uint32_t a = pick(m, old);
  if (a == NONE) {
    if ((a = pick(m, has_fields)) == NONE) return;
    EMIT(m, MINOR, 0);
    m->collections++;
  }
  size_t holder = registers(m)[a];
  uint32_t young = leaf(m);
  if (registers(m)[a] != holder) return; // no register was spare
  uint32_t f = some_field(m, a);
  EMIT(m, STORE, a, f, young);
  *field(m, a, f) = registers(m)[young];
  EMIT(m, DROP, young);
  collect(m);
  EMIT(m, LOAD, young, a, f);
  if (in(m, young)->payload) EMIT(m, CHECK, young);
}

// x = a.f, a.f = null, with a collection somewhere about: the register holds the only path.
static void act_hide(struct model *m) {
  uint32_t a = pick(m, parent), x = spare(m);
  if (a == NONE || a == x) return;
  uint32_t f = used_field(m, a), when = below(m, 4);
  size_t hidden = *field(m, a, f);
  if (when == 0) EMIT(m, START, 0);
  if (when == 1)
    EMIT(m, HIDE, x, a, f);
  else
    EMIT(m, LOAD, x, a, f);
  if (when == 2) EMIT(m, STEP, 1 + below(m, 3));
  if (when != 1) EMIT(m, STORE_NULL, a, f);
  *field(m, a, f) = 0;
  put(m, x, hidden);
  if (when == 0)
    EMIT(m, FINISH, 0), m->collections++;
  else if (one_in(m, 2))
    collect(m);
  if (in(m, x)->payload) EMIT(m, CHECK, x);
}

// Stores and allocations while a collection is under way.
static void act_during_collection(struct model *m) {
  static void (*const inside[])(struct model *) = {act_store, act_store, act_store_null,
                                                   act_load,  act_pair,  act_drop};
  EMIT(m, START, 0);
  for (uint32_t n = 2 + below(m, 8); n; n--) {
    inside[below(m, sizeof inside / sizeof *inside)](m);
    if (one_in(m, 2)) EMIT(m, STEP, 1 + below(m, 3));
  }
  EMIT(m, FINISH, 0);
  m->collections++;
}

// ---- Actions: structures ----------------------------------------------------------------------------------

static void act_list(struct model *m) {
  uint32_t value = something(m), head = spare(m);
  if (head == value) return;
  pair(m, head, value, value);
  pair(m, head, value, head);
  EMIT(m, LOOP, 1, 1 + below(m, 1 + below(m, 127)));
}

// A complete tree into r, with the registers above it to work in.
static void tree(struct model *m, uint32_t r, uint32_t depth) {
  if (depth == 0) {
    EMIT(m, LEAF, r, 4);
    put(m, r, new_object(m, NODE, 0, true));
    return;
  }
  tree(m, r, depth - 1);
  tree(m, r + 1, depth - 1);
  pair(m, r, r, r + 1);
}

static void act_tree(struct model *m) {
  tree(m, below(m, TRI_REGISTERS - TREE_DEPTH), 1 + below(m, TREE_DEPTH));
}

static void act_shared(struct model *m) {
  uint32_t r = something(m);
  for (uint32_t n = 2 + below(m, 12); n; n--) pair(m, r, r, r);
}

static void act_array(struct model *m) {
  uint32_t r = spare(m), n = 64 + below(m, 64), v;
  EMIT(m, REFS, r, n);
  size_t array = new_object(m, NODE, n, false);
  put(m, r, array);
  for (uint32_t k = 1 + below(m, 8); k && array; k--) {
    v = leaf(m);
    if (registers(m)[r] != array) return;
    uint32_t f = below(m, n);
    EMIT(m, STORE, r, f, v);
    *field(m, r, f) = registers(m)[v];
  }
}

static void act_cycle(struct model *m) {
  uint32_t value = something(m), first = spare(m);
  if (first == value) return;
  pair(m, first, value, value);
  uint32_t last = spare(m);
  if (last == value || last == first) return;
  pair(m, last, value, first);
  for (uint32_t n = below(m, 5); n; n--) pair(m, last, value, last);
  EMIT(m, STORE, first, 1, last);
  *field(m, first, 1) = registers(m)[last];
  if (one_in(m, 2)) {
    EMIT(m, DROP, first);
    put(m, first, 0);
  }
}

// Neighbouring sizes, about the edges of size classes.
static void act_sizes(struct model *m) {
  uint32_t first = below(m, 120), n = 2 + below(m, 8);
  bool large = one_in(m, 4);
  for (uint32_t code = first; code < first + n && code < (large ? 64 : 128); code++) {
    uint32_t r = spare(m);
    if (large)
      EMIT(m, LARGE, r, 0, code);
    else
      EMIT(m, LEAF, r, code);
    put(m, r, new_object(m, NODE, 0, large || tri_size(TRI_SMALL_SIZE, code) > 0));
  }
}

// ---- Actions: situations ----------------------------------------------------------------------------------
//
// What takes several steps in a row to come about, with the collection that it is for. Each has consecutive registers
// to itself, so that no step undoes another.

enum { WINDOW = 9 }; // registers of a situation

static uint32_t window(struct model *m) { return below(m, TRI_REGISTERS - WINDOW + 1); }

static void leaf_in(struct model *m, uint32_t r) {
  EMIT(m, LEAF, r, 4);
  put(m, r, new_object(m, NODE, 0, true));
}

static void refs_in(struct model *m, uint32_t r, uint32_t n) {
  EMIT(m, REFS, r, n);
  put(m, r, new_object(m, NODE, n, false));
}

static void exact_in(struct model *m, uint32_t r, uint32_t n, uint32_t bytes) {
  EMIT(m, EXACT, r, n, bytes);
  put(m, r, new_object(m, NODE, n, bytes > 0));
}

static void ephemeron_in(struct model *m, uint32_t r, uint32_t key, uint32_t value) {
  EMIT(m, EPHEMERON, r, key, value);
  put(m, r, new_object(m, EPHEMERON, 0, false));
}

static void store(struct model *m, uint32_t r, uint32_t f, uint32_t value) {
  EMIT(m, STORE, r, f, value);
  if (f < in(m, r)->refs) *field(m, r, f) = registers(m)[value];
}

// Repeat what was emitted since, so that it has run about so many times.
static void repeat(struct model *m, size_t since, uint32_t times) {
  enum { MOST = 127 };
  uint32_t inner = times > MOST ? MOST : times, outer = times / (MOST + 1);
  if (inner > 1) EMIT(m, LOOP, (uint32_t)(m->program->count - since), inner - 1);
  if (outer) EMIT(m, LOOP, (uint32_t)(m->program->count - since), outer);
}

// All of the garbage goes, now or when memory is wanted.
static void collect_all(struct model *m) {
  if (one_in(m, 4)) {
    collect(m);
    return;
  }
  EMIT(m, FULL, 0);
  m->collections++;
}

// A chain of ephemerons, each with the next one's key as its value, made from either end or in no order: which of them
// live comes out one by one. A key may have several ephemerons, and be large. In the end the first key goes, too.
static void act_ephemerons(struct model *m) {
  enum { LINKS = WINDOW - 3 };
  uint32_t key = window(m), links = 2 + below(m, LINKS - 1), table = key + links + 1, e = table + 1;
  uint32_t order[LINKS], way = below(m, 3), slot = 0;
  for (uint32_t i = 0; i <= links; i++)
    if (one_in(m, 6))
      exact_in(m, key + i, 0, 8192 + 8 * below(m, 2048));
    else
      leaf_in(m, key + i);
  refs_in(m, table, 3 * links);
  for (uint32_t i = 0; i < links; i++) order[i] = way == 0 ? i : links - 1 - i;
  for (uint32_t i = links - 1; way == 2 && i; i--) {
    uint32_t k = below(m, i + 1), kept = order[i];
    order[i] = order[k];
    order[k] = kept;
  }
  for (uint32_t i = 0; i < links; i++)
    for (uint32_t n = 1 + (one_in(m, 3) ? 1 + below(m, 2) : 0); n; n--) {
      ephemeron_in(m, e, key + order[i], key + order[i] + 1);
      store(m, table, slot++, e);
    }
  drop(m, e);
  for (uint32_t i = 1; i <= links; i++) drop(m, key + i);
  collect_all(m);
  if (one_in(m, 2)) return;
  drop(m, key);
  collect_all(m);
}

// So many ephemerons in a list that what a collector notes of them has to grow: of one key, in a chain, or with keys of
// which an ephemeron holds the list.
static void act_many_ephemerons(struct model *m) {
  enum { ONE_KEY, CHAIN, KEYS };
  uint32_t first = window(m), key = first + 1, value = first + 2, e = first + 3, list = first + 4, keys = first + 5;
  uint32_t kind = below(m, 3), each = 1 + below(m, 3);
  leaf_in(m, first);
  pair(m, list, first, first);
  pair(m, keys, first, first);
  EMIT(m, MOVE, value, first);
  put(m, value, registers(m)[first]);
  if (kind == ONE_KEY) leaf_in(m, key);
  size_t since = m->program->count;
  if (kind == CHAIN) {
    EMIT(m, MOVE, key, value);
    leaf_in(m, value);
  } else if (kind == KEYS) {
    leaf_in(m, key);
    pair(m, keys, key, keys);
  }
  for (uint32_t i = 0; i < each; i++) {
    ephemeron_in(m, e, key, value);
    pair(m, list, e, list);
  }
  repeat(m, since, 400 / (uint32_t)(m->program->count - since) + below(m, 16));
  if (kind != CHAIN) {
    ephemeron_in(m, e, first, kind == KEYS ? keys : key);
    if (one_in(m, 2)) pair(m, list, e, list);
  }
  drop(m, key);
  drop(m, value);
  drop(m, keys);
  collect_all(m);
}

// Objects that want memory of which there is hardly any: ever larger ones, so that what their predecessors leave is
// never enough; one of each of many size classes; or whatever.
static void want_memory(struct model *m, uint32_t r) {
  uint32_t way = below(m, 3), bytes = 8192 + below(m, 16384), code = below(m, 16);
  for (uint32_t n = way == 2 ? 1 + below(m, 3) : 6 + below(m, 6); n; n--) {
    if (way == 0 || (way == 2 && one_in(m, 2))) {
      exact_in(m, r, 0, bytes);
      bytes += bytes / 2 + below(m, bytes);
      if (bytes > m->heap_bytes / 4) return;
    } else {
      EMIT(m, LEAF, r, code);
      put(m, r, new_object(m, NODE, 0, true));
      code = (code + 4 + below(m, 8)) % 128;
    }
  }
}

// Garbage takes nearly all of the heap, or a little more: rings, or objects of which some just fill a block. Then others
// want that memory.
static void act_fill_heap(struct model *m) {
  enum { BLOCK = 16 << 10, MOST = 512, MOST_FILLED = 4 << 20 };
  uint32_t r = window(m), ring = one_in(m, 3), heap = (uint32_t)m->heap_bytes;
  if (m->heap_bytes > MOST_FILLED) return;
  uint32_t most_a_block = MOST / (heap / BLOCK);
  uint32_t bytes = ring ? heap / 200 + below(m, heap / 16) : BLOCK / (2 + below(m, most_a_block - 1));
  size_t since = m->program->count;
  exact_in(m, r, ring, bytes - 16);
  if (ring) store(m, r, 0, r);
  repeat(m, since, heap / bytes * (112 + below(m, 24)) / 128);
  want_memory(m, r + 1);
}

// More slots than 16 bits count, of which one of the first holds something, or only some behind those that operands
// name: a collector may scan an object in parts. Or just so many that these are in the last part, which is not a whole
// one.
static void act_huge(struct model *m) {
  uint32_t r = window(m), v = r + 1, f = below(m, 64), last = tri_operand_limit(TRI_FIELD) - 1, kind = below(m, 4);
  if (m->heap_bytes < TRI_RUN_DEFAULT_HEAP) return;
  EMIT(m, EXACT, r, kind < 2 ? 65536 + below(m, 64) : last + 2 + below(m, 1 + below(m, last)), 0);
  put(m, r, new_object(m, NODE, 64, false)); // the first of them
  leaf_in(m, v);
  if (kind == 0) {
    store(m, r, f, v);
  } else {
    EMIT(m, FILL, r, last, v, 2 + below(m, last / 2));
    EMIT(m, FILL_NULL, r, last, 1);
  }
  drop(m, v);
  if (one_in(m, 3)) drop(m, r);
  collect_all(m);
}

// While a collection is under way, and maybe after the frame was looked at, a weak reference, an ephemeron or the
// finalizer queue hands out what nothing else refers to: from then on only a register does.
static void act_handed_out(struct model *m) {
  enum { BY_WEAK, BY_KEY, BY_VALUE, BY_QUEUE, WAYS };
  uint32_t target = window(m), w = target + 1, got = target + 2, way = below(m, WAYS);
  if (way == BY_QUEUE) {
    EMIT(m, FINALIZABLE, target, 1);
    put(m, target, new_object(m, NODE, 1, false));
    drop(m, target);
    collect_all(m);
  } else {
    leaf_in(m, target);
    if (way == BY_WEAK) {
      EMIT(m, WEAK, w, target);
      put(m, w, new_object(m, WEAK, 0, false));
    } else {
      ephemeron_in(m, w, target, target);
    }
    drop(m, target);
  }
  EMIT(m, START, 0);
  if (one_in(m, 2)) EMIT(m, SAFEPOINT, 0);
  if (one_in(m, 2)) EMIT(m, STEP, 1 + below(m, 3));
  if (way == BY_WEAK)
    EMIT(m, WEAK_GET, got, w);
  else if (way == BY_KEY)
    EMIT(m, EPHEMERON_KEY, got, w);
  else if (way == BY_VALUE)
    EMIT(m, EPHEMERON_VALUE, got, w);
  else
    EMIT(m, FINALIZED, got);
  put(m, got, 0); // the model does not know
  if (one_in(m, 3)) drop(m, w);
  if (one_in(m, 3)) EMIT(m, STEP, 1 + below(m, 3));
  EMIT(m, FINISH, 0);
  m->collections++;
  EMIT(m, CHECK, got);
}

// A weak reference or an ephemeron that is itself seen only through the queue of finalizable objects.
static void act_finalization(struct model *m) {
  uint32_t f = window(m), target = f + 1, w = f + 2, n = 2 + below(m, 3), got = f + 3;
  bool is_weak = !one_in(m, 3), target_is_finalizable = one_in(m, 4);
  if (target_is_finalizable) {
    EMIT(m, FINALIZABLE, target, 1);
    put(m, target, new_object(m, NODE, 1, false));
  } else {
    leaf_in(m, target);
  }
  EMIT(m, FINALIZABLE, f, n);
  put(m, f, new_object(m, NODE, n, false));
  if (is_weak)
    EMIT(m, WEAK, w, target);
  else
    EMIT(m, EPHEMERON, w, target, one_in(m, 2) ? target : f);
  put(m, w, new_object(m, is_weak ? WEAK : EPHEMERON, 0, false));
  store(m, f, 0, w);
  if (one_in(m, 3)) store(m, f, 1, one_in(m, 2) ? target : f);
  drop(m, w);
  drop(m, target);
  drop(m, f);
  collect_all(m);
  EMIT(m, FINALIZED, f);
  put(m, f, 0);
  EMIT(m, LOAD, w, f, 0);
  if (is_weak)
    EMIT(m, WEAK_GET, got, w);
  else
    EMIT(m, EPHEMERON_VALUE, got, w);
  put(m, w, 0);
  put(m, got, 0);
  if (one_in(m, 2)) collect_all(m);
}

// Nodes with edges from any to any. Some are let go, then the rest.
static void act_tangle(struct model *m) {
  uint32_t from = window(m), nodes = 3 + below(m, WINDOW - 2);
  for (uint32_t i = 0; i < nodes; i++) refs_in(m, from + i, 1 + below(m, 3));
  for (uint32_t n = nodes + below(m, 2 * nodes); n; n--) {
    uint32_t r = from + below(m, nodes);
    store(m, r, some_field(m, r), from + below(m, nodes));
  }
  uint32_t kept = below(m, nodes);
  for (uint32_t i = 0; i < nodes; i++)
    if (i != kept && !one_in(m, 3)) drop(m, from + i);
  collect_all(m);
  for (uint32_t i = 0; i < nodes; i++)
    if (registers(m)[from + i]) drop(m, from + i);
  if (one_in(m, 2)) collect_all(m);
}

// A collection that another mutator begins has not looked at this one's frame, which holds the only reference to an
// object. Before the next poll that goes into what the other one has marked, and out of the frame.
static void act_between_polls(struct model *m) {
  uint32_t holder = window(m), v = holder + 1, fields = 1 + below(m, 3), f = below(m, fields), g = below(m, GLOBALS);
  uint32_t here = m->player, there = (here + 1 + below(m, TRI_MUTATORS - 1)) % TRI_MUTATORS;
  EMIT(m, POLL, 3 + below(m, 6));
  refs_in(m, holder, fields);
  EMIT(m, GLOBAL_SET, g, holder);
  m->globals[g] = registers(m)[holder];
  leaf_in(m, v);
  EMIT(m, YIELD, there, below(m, 2));
  EMIT(m, SAFEPOINT, 0);
  EMIT(m, YIELD, there, below(m, 2));
  store(m, holder, f, v);
  drop(m, v);
  EMIT(m, MUTATOR, there);
  m->player = there;
  uint32_t got = window(m), r = got + 1;
  EMIT(m, GLOBAL_GET, got, g);
  put(m, got, m->globals[g]);
  EMIT(m, START, 0);
  EMIT(m, YIELD, here, below(m, 2));
  for (uint32_t n = 1 + below(m, 3); n; n--) leaf_in(m, r);
  EMIT(m, FINISH, 0);
  m->collections++;
  EMIT(m, LOAD, r, got, f);
  put(m, r, *field(m, got, f));
  EMIT(m, MUTATOR, here);
  m->player = here;
}

// ---- Actions: trouble -------------------------------------------------------------------------------------

static void act_trouble(struct model *m) {
  switch (below(m, 4)) {
  case 0:
    EMIT(m, OOM, below(m, 64));
    break;
  case 1:
    EMIT(m, FAIL, below(m, 20));
    break;
  case 2:
    EMIT(m, ZEAL, one_in(m, 2) ? 0 : 1 + below(m, 20));
    break;
  default:
    EMIT(m, VERIFY, 0);
  }
}

static void poll(struct model *m) { EMIT(m, POLL, 1 + below(m, 1 + below(m, 16))); }

static void act_schedule(struct model *m) {
  if (one_in(m, 16))
    poll(m);
  else if (one_in(m, 4))
    EMIT(m, POLICY, below(m, TRI_POLICIES), below(m, 1 << 14));
  else
    EMIT(m, YIELD, below(m, one_in(m, 4) ? TRI_ACTORS : TRI_MUTATORS), below(m, 1 + below(m, 128)));
}

// ---- The tables -------------------------------------------------------------------------------------------

struct action {
  unsigned weight;
  void (*act)(struct model *m);
};

static void act_one_of(struct model *m, const struct action *actions, size_t count) {
  uint32_t total = 0;
  for (size_t i = 0; i < count; i++) total += actions[i].weight;
  uint32_t left = below(m, total);
  size_t i = 0;
  while (left >= actions[i].weight) left -= actions[i++].weight;
  actions[i].act(m);
}

static const struct action situations[] = {
    {8, act_ephemerons}, {3, act_many_ephemerons}, {6, act_fill_heap},
    {3, act_huge},       {8, act_finalization},    {12, act_tangle},   {6, act_handed_out},
    {4, act_between_polls},
};

static void act_situation(struct model *m) {
  act_one_of(m, situations, sizeof situations / sizeof *situations);
}

static const struct action actions[] = {
    {10, act_leaf},  {14, act_pair},     {8, act_refs},         {2, act_large},    {1, act_exact},
    {2, act_weak},   {2, act_ephemeron}, {2, act_finalizable},  {1, act_pinned},   {2, act_grow},
    {16, act_store}, {3, act_swap},      {6, act_store_null},   {3, act_copy},     {2, act_fill},
    {10, act_load},  {3, act_move},      {10, act_drop},        {4, act_global},   {2, act_call},
    {2, act_return}, {2, act_mutator},   {4, act_payload},      {2, act_weak_use}, {2, act_ephemeron_use},
    {1, act_pin},    {5, act_collect},   {5, act_old_to_young}, {6, act_hide},     {3, act_during_collection},
    {1, act_list},   {1, act_tree},      {1, act_shared},       {1, act_array},    {2, act_cycle},
    {1, act_sizes},  {1, act_trouble},   {2, act_schedule},     {2, act_situation},
};

// A program of situations has a heap in which the oracle can tell that garbage stands in the way of an allocation,
// whatever the collector: some MiB (harness/check/call_alloc.c). The lowest values of most options lead into what is
// rare otherwise.
static void configure(struct model *m, bool of_situations) {
  if (of_situations ? !one_in(m, 4) : one_in(m, 3)) {
    uint32_t code = of_situations ? tri_size_code(TRI_HEAP_SIZE, 2 << 20) + below(m, 3) : below(m, 12);
    EMIT(m, HEAP, code);
    m->heap_bytes = tri_size(TRI_HEAP_SIZE, code);
  }
  while (of_situations ? !one_in(m, 3) : one_in(m, 3)) EMIT(m, OPTION, below(m, 64), below(m, one_in(m, 2) ? 8 : 128));
  if (one_in(m, 8)) EMIT(m, ZEAL, 1 + below(m, 60));
  if (one_in(m, 3)) EMIT(m, POLICY, below(m, TRI_POLICIES), below(m, 1 << 14));
  if (one_in(m, 4)) poll(m);
}

static struct model *begin(struct tri_program *program, uint64_t seed) {
  struct model *m = calloc(1, sizeof *m);
  if (!m) return NULL;
  m->program = program;
  m->random.state = seed;
  m->heap_bytes = TRI_RUN_DEFAULT_HEAP;
  new_object(m, NODE, 0, false); // null
  return m;
}

static bool end(struct model *m) {
  bool ok = !m->out_of_memory;
  free(m->objects);
  free(m->fields);
  free(m);
  return ok;
}

bool tri_generate(struct tri_program *program, size_t ops, uint64_t seed) {
  struct model *m = begin(program, seed);
  if (!m) return false;
  size_t stop = program->count + ops;
  bool of_situations = one_in(m, 12);
  configure(m, of_situations);
  while (program->count < stop && !m->out_of_memory)
    if (of_situations)
      act_situation(m);
    else
      act_one_of(m, actions, sizeof actions / sizeof *actions);
  return end(m);
}

bool tri_generate_situation(struct tri_program *program, uint64_t seed) {
  struct model *m = begin(program, seed);
  if (!m) return false;
  if (!program->count) configure(m, true);
  for (size_t i = program->count; i--;)
    if (program->ops[i].code == TRI_OP_HEAP) m->heap_bytes = tri_size(TRI_HEAP_SIZE, program->ops[i].operand[0]);
  size_t from = program->count;
  for (unsigned tries = 0; program->count == from && tries < 8; tries++) act_situation(m);
  return end(m);
}
