#include "mutate.h"

#include <stdlib.h>
#include <string.h>

#include "common/random.h"
#include "generate.h"
#include "liveness.h"

enum {
  RAW_ONE_IN = 8,
  MAX_SPAN = 24,  // operations that a block operator works on
  TRIES = 12,     // to find a place where an operator applies
  CUTS = 16,      // pairs of cuts that a crossover compares
  NEAR_FIELD = 4, // most objects have few fields
  IDIOM_OPS = 12,
  FEW_OPS = 8,         // programs that are hardly worth a change
  GENERATED_OPS = 100, // of a program made anew
};

struct draw {
  struct tri_program program;
  struct tri_random random;
  bool out_of_memory;
};

static size_t below(struct draw *d, size_t bound) { return (size_t)tri_random_below(&d->random, bound); }
static bool one_in(struct draw *d, size_t n) { return below(d, n) == 0; }
static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// ---- Places -----------------------------------------------------------------------------------------------

// Between operations, the end included.
static size_t place(struct draw *d) { return below(d, d->program.count + 1); }

struct span {
  size_t from, count;
};

// At least one operation, mostly few. The program is not empty.
static struct span span(struct draw *d) {
  size_t from = below(d, d->program.count), most = smaller(d->program.count - from, MAX_SPAN);
  return (struct span){from, 1 + below(d, 1 + below(d, most))};
}

// Some operation for which `wanted` holds; the program's count if none was found.
typedef bool wanted_fn(const struct tri_op *op);
static size_t find(struct draw *d, wanted_fn *wanted) {
  size_t n = d->program.count, from = n ? below(d, n) : 0;
  for (size_t i = 0; i < n; i++)
    if (wanted(&d->program.ops[(from + i) % n])) return (from + i) % n;
  return n;
}

// ---- Editing ----------------------------------------------------------------------------------------------

// At most MAX_SPAN operations, maybe of the program itself.
static bool insert(struct draw *d, size_t at, const struct tri_op *ops, size_t count) {
  struct tri_program *p = &d->program;
  struct tri_op inserted[MAX_SPAN];
  size_t old = p->count;
  memcpy(inserted, ops, count * sizeof *ops);
  for (size_t i = 0; i < count; i++)
    if (!tri_program_append(p, &inserted[i])) {
      p->count = old;
      d->out_of_memory = true;
      return false;
    }
  memmove(p->ops + at + count, p->ops + at, (old - at) * sizeof *ops);
  memcpy(p->ops + at, inserted, count * sizeof *ops);
  return true;
}

static bool insert_one(struct draw *d, size_t at, struct tri_op op) { return insert(d, at, &op, 1); }

static void take_out(struct draw *d, struct span s) {
  struct tri_program *p = &d->program;
  memmove(p->ops + s.from, p->ops + s.from + s.count, (p->count - s.from - s.count) * sizeof *p->ops);
  p->count -= s.count;
}

static void reverse(struct draw *d, struct span s) {
  for (size_t i = 0, k = s.count; i + 1 < k--; i++) {
    struct tri_op op = d->program.ops[s.from + i];
    d->program.ops[s.from + i] = d->program.ops[s.from + k];
    d->program.ops[s.from + k] = op;
  }
}

// Its first `cut` operations to its end: a rotation is three reversals.
static void rotate(struct draw *d, struct span s, size_t cut) {
  reverse(d, s);
  reverse(d, (struct span){s.from, s.count - cut});
  reverse(d, (struct span){s.from + s.count - cut, cut});
}

// ---- Operands ---------------------------------------------------------------------------------------------

static uint16_t live_at(struct draw *d, size_t at) {
  struct tri_liveness liveness = tri_liveness_at(&d->program, at);
  return tri_liveness_registers(&liveness);
}

static uint32_t any_register(struct draw *d) { return (uint32_t)below(d, TRI_REGISTERS); }

// A live register if there is one.
static uint32_t live_register(struct draw *d, uint16_t live) {
  uint32_t from = any_register(d);
  for (uint32_t i = 0; i < TRI_REGISTERS; i++)
    if (live >> (from + i) % TRI_REGISTERS & 1) return (from + i) % TRI_REGISTERS;
  return from;
}

// Mostly small, sometimes anything.
static uint32_t log_uniform(struct draw *d, uint32_t limit) {
  uint32_t bits = 0;
  while (limit >> bits > 1) bits++;
  uint64_t bound = UINT64_C(1) << (1 + below(d, bits + 1));
  return (uint32_t)below(d, bound < limit ? (size_t)bound : limit);
}

static uint32_t operand(struct draw *d, enum tri_operand_kind kind, bool defines, uint16_t live) {
  uint32_t limit = tri_operand_limit(kind);
  switch (kind) {
  case TRI_REGISTER:
    return defines || one_in(d, 8) ? any_register(d) : live_register(d, live);
  case TRI_FIELD:
    return one_in(d, 8) ? log_uniform(d, limit) : (uint32_t)below(d, NEAR_FIELD);
  case TRI_NUMBER:
  case TRI_NUMBER_14:
  case TRI_NUMBER_21:
  case TRI_GLOBAL:
    return log_uniform(d, limit);
  case TRI_SMALL_SIZE:
  case TRI_LARGE_SIZE:
  case TRI_HEAP_SIZE:
    return (uint32_t)below(d, 1 + below(d, limit)); // the smaller the likelier
  default:
    return (uint32_t)below(d, limit);
  }
}

static void draw_operands(struct draw *d, struct tri_op *op, uint16_t live) {
  const struct tri_op_row *row = &tri_op_rows[op->code];
  for (unsigned i = 0; i < row->n_operands; i++)
    op->operand[i] = operand(d, (enum tri_operand_kind)row->operands[i], tri_operand_defines(row, i), live);
}

// As often as random bytes would choose it.
static uint8_t any_code(struct draw *d) {
  size_t left = below(d, 128);
  uint8_t code = 0;
  while (left >= tri_op_rows[code].weight) left -= tri_op_rows[code++].weight;
  return code;
}

// An operand of some operation, NULL if no operation has any. Tells its kind.
static uint32_t *some_operand(struct draw *d, enum tri_operand_kind *kind) {
  for (unsigned i = 0; d->program.count && i < TRIES; i++) {
    struct tri_op *op = &d->program.ops[below(d, d->program.count)];
    const struct tri_op_row *row = &tri_op_rows[op->code];
    if (!row->n_operands) continue;
    unsigned k = (unsigned)below(d, row->n_operands);
    *kind = (enum tri_operand_kind)row->operands[k];
    return &op->operand[k];
  }
  return NULL;
}

static bool set(uint32_t *at, uint32_t to) {
  bool changed = *at != to;
  *at = to;
  return changed;
}

// One up or down, cyclically.
static bool step(struct draw *d, uint32_t *at, enum tri_operand_kind kind) {
  uint32_t limit = tri_operand_limit(kind);
  return set(at, (*at + (one_in(d, 2) ? 1 : limit - 1)) % limit);
}

// ---- Operators: whole operations --------------------------------------------------------------------------
//
// Each returns whether it changed the program; the program may be empty.

static bool op_insert(struct draw *d) {
  size_t at = place(d);
  struct tri_op op = {.code = any_code(d)};
  draw_operands(d, &op, live_at(d, at));
  return insert_one(d, at, op);
}

static bool op_delete(struct draw *d) {
  if (d->program.count < 2) return false;
  take_out(d, (struct span){below(d, d->program.count), 1});
  return true;
}

static bool op_delete_block(struct draw *d) {
  if (d->program.count < 2) return false;
  struct span s = span(d);
  if (s.count == d->program.count) s.count--;
  take_out(d, s);
  return true;
}

static bool op_truncate(struct draw *d) {
  if (d->program.count < 2) return false;
  d->program.count = 1 + below(d, d->program.count - 1);
  return true;
}

static bool op_duplicate(struct draw *d) {
  if (!d->program.count) return false;
  return insert_one(d, place(d), d->program.ops[below(d, d->program.count)]);
}

static bool op_duplicate_block(struct draw *d) {
  if (!d->program.count) return false;
  struct span s = span(d);
  return insert(d, one_in(d, 2) ? s.from + s.count : place(d), d->program.ops + s.from, s.count);
}

static bool op_move(struct draw *d) {
  if (d->program.count < 2) return false;
  size_t from = below(d, d->program.count);
  struct tri_op op = d->program.ops[from];
  take_out(d, (struct span){from, 1});
  size_t to = place(d);
  return insert_one(d, to, op) && to != from;
}

static bool op_swap(struct draw *d) {
  if (d->program.count < 2) return false;
  size_t i = below(d, d->program.count), k = below(d, d->program.count);
  struct tri_op *ops = d->program.ops, op = ops[i];
  if (tri_op_equal(&ops[i], &ops[k])) return false;
  ops[i] = ops[k];
  ops[k] = op;
  return true;
}

static bool op_rotate_block(struct draw *d) {
  if (d->program.count < 2) return false;
  struct span s = span(d);
  if (s.count < 2) return false;
  rotate(d, s, 1 + below(d, s.count - 1));
  return true;
}

static bool op_reverse_block(struct draw *d) {
  if (d->program.count < 2) return false;
  struct span s = span(d);
  if (s.count < 2) return false;
  reverse(d, s);
  return true;
}

// The first operation of each group of ops.def, in its order.
static const uint8_t families[] = {TRI_OP_LEAF,  TRI_OP_STORE,    TRI_OP_LOAD,      TRI_OP_MUTATOR,
                                   TRI_OP_WRITE, TRI_OP_WEAK_GET, TRI_OP_SAFEPOINT, TRI_OP_HEAP,
                                   TRI_OP_ZEAL,  TRI_OP_COUNT};

// Another operation of the same group; operands of a kind that both have are kept.
static bool op_family(struct draw *d) {
  if (!d->program.count) return false;
  size_t at = below(d, d->program.count);
  struct tri_op *op = &d->program.ops[at], old = *op;
  unsigned f = 0;
  while (families[f + 1] <= old.code) f++;
  op->code = (uint8_t)(families[f] + below(d, families[f + 1] - families[f]));
  if (op->code == old.code) return false;
  draw_operands(d, op, live_at(d, at));
  const struct tri_op_row *from = &tri_op_rows[old.code], *to = &tri_op_rows[op->code];
  for (unsigned i = 0, k = 0; i < to->n_operands; i++) {
    unsigned same = k;
    while (same < from->n_operands && from->operands[same] != to->operands[i]) same++;
    if (same == from->n_operands) continue;
    op->operand[i] = old.operand[same];
    k = same + 1;
  }
  return true;
}

// ---- Operators: operands ----------------------------------------------------------------------------------

static bool op_operand_step(struct draw *d) {
  enum tri_operand_kind kind;
  uint32_t *at = some_operand(d, &kind);
  return at && step(d, at, kind);
}

static bool op_operand_edge(struct draw *d) {
  enum tri_operand_kind kind;
  uint32_t *at = some_operand(d, &kind);
  if (!at) return false;
  uint32_t limit = tri_operand_limit(kind), bits = 0;
  while (limit >> bits > 1) bits++;
  uint32_t power = UINT32_C(1) << below(d, bits + 1); // a power of two, or one beside it
  uint32_t edges[] = {0, 1, limit - 1, power - 1, power % limit, (power + 1) % limit};
  return set(at, edges[below(d, sizeof edges / sizeof *edges)]);
}

static bool op_operand_random(struct draw *d) {
  enum tri_operand_kind kind;
  uint32_t *at = some_operand(d, &kind);
  return at && set(at, (uint32_t)below(d, tri_operand_limit(kind)));
}

// A register that is read becomes one that was written before.
static bool op_rewire(struct draw *d) {
  for (unsigned i = 0; d->program.count && i < TRIES; i++) {
    size_t at = below(d, d->program.count);
    struct tri_op *op = &d->program.ops[at];
    const struct tri_op_row *row = &tri_op_rows[op->code];
    if (!row->n_operands) continue;
    unsigned k = (unsigned)below(d, row->n_operands);
    if (row->operands[k] != TRI_REGISTER || tri_operand_defines(row, k)) continue;
    uint16_t live = live_at(d, at) & (uint16_t) ~(1u << op->operand[k]);
    if (live) return set(&op->operand[k], live_register(d, live));
  }
  return false;
}

// ---- Operators: situations --------------------------------------------------------------------------------

static struct tri_op event(struct draw *d) {
  static const uint8_t events[] = {TRI_OP_MINOR, TRI_OP_MINOR, TRI_OP_FULL,      TRI_OP_COMPACT,
                                   TRI_OP_START, TRI_OP_STEP,  TRI_OP_SAFEPOINT, TRI_OP_FINISH};
  return (struct tri_op){.code = events[below(d, sizeof events)], .operand = {(uint32_t)below(d, 4)}};
}

static bool op_collection(struct draw *d) { return insert_one(d, place(d), event(d)); }

// x = ld a[f]; …; st a[f] = null: the register holds the only path.
static bool op_hide(struct draw *d) {
  size_t at = place(d), n = 0;
  uint32_t a = live_register(d, live_at(d, at)), x = any_register(d), f = (uint32_t)below(d, NEAR_FIELD);
  struct tri_op idiom[IDIOM_OPS];
  idiom[n++] = (struct tri_op){TRI_OP_LOAD, {x, a, f}};
  if (one_in(d, 2)) idiom[n++] = event(d);
  idiom[n++] = (struct tri_op){TRI_OP_STORE_NULL, {a, f}};
  if (one_in(d, 2)) idiom[n++] = event(d);
  if (one_in(d, 2)) idiom[n++] = (struct tri_op){TRI_OP_CHECK, {x}};
  return insert(d, at, idiom, n);
}

static bool is_store_null(const struct tri_op *op) { return op->code == TRI_OP_STORE_NULL; }

// A field that is cleared is loaded some time before.
static bool op_load_before_null(struct draw *d) {
  size_t at = find(d, is_store_null);
  if (at == d->program.count) return false;
  const uint32_t *o = d->program.ops[at].operand;
  return insert_one(d, at - below(d, smaller(at, MAX_SPAN) + 1),
                    (struct tri_op){TRI_OP_LOAD, {any_register(d), o[0], o[1]}});
}

// An object that has survived gets the only edge to a new one.
static bool op_old_to_young(struct draw *d) {
  size_t at = place(d), n = 0;
  uint32_t a = live_register(d, live_at(d, at)),
           x = (a + 1 + (uint32_t)below(d, TRI_REGISTERS - 1)) % TRI_REGISTERS;
  uint32_t f = (uint32_t)below(d, NEAR_FIELD);
  struct tri_op idiom[IDIOM_OPS];
  if (!one_in(d, 4)) idiom[n++] = (struct tri_op){one_in(d, 3) ? TRI_OP_FULL : TRI_OP_MINOR, {0}};
  idiom[n++] = one_in(d, 2) ? (struct tri_op){TRI_OP_LEAF, {x, (uint32_t)below(d, 32)}}
                            : (struct tri_op){TRI_OP_PAIR, {x, a, x}};
  idiom[n++] = (struct tri_op){TRI_OP_STORE, {a, f, x}};
  idiom[n++] = (struct tri_op){TRI_OP_DROP, {x}};
  if (!one_in(d, 4)) idiom[n++] = (struct tri_op){one_in(d, 4) ? TRI_OP_FULL : TRI_OP_MINOR, {0}};
  idiom[n++] = (struct tri_op){TRI_OP_LOAD, {x, a, f}};
  if (one_in(d, 2)) idiom[n++] = (struct tri_op){TRI_OP_CHECK, {x}};
  return insert(d, at, idiom, n);
}

// A collection begins before a span, advances within it, and ends after it.
static bool op_frame_collection(struct draw *d) {
  if (!d->program.count) return false;
  struct span s = span(d);
  uint32_t steps = (uint32_t)below(d, 4);
  return insert_one(d, s.from + s.count, (struct tri_op){TRI_OP_FINISH, {0}}) &&
         insert_one(d, s.from + below(d, s.count), (struct tri_op){TRI_OP_STEP, {steps}}) &&
         insert_one(d, s.from, (struct tri_op){TRI_OP_START, {0}});
}

// Mostly one of the program's mutators: the collector's own actors come after them, if it has any.
static uint32_t any_actor(struct draw *d) {
  return (uint32_t)below(d, one_in(d, 4) ? TRI_ACTORS : TRI_MUTATORS);
}

// Put one operation before a span and one after it.
static bool wrap(struct draw *d, struct tri_op before, struct tri_op after) {
  struct span s = span(d);
  return insert_one(d, s.from + s.count, after) && insert_one(d, s.from, before);
}

static bool op_wrap_mutator(struct draw *d) {
  if (!d->program.count) return false;
  struct span s = span(d);
  uint32_t from = tri_liveness_at(&d->program, s.from).mutator;
  uint32_t to = (from + 1 + (uint32_t)below(d, TRI_MUTATORS - 1)) % TRI_MUTATORS, shared = any_register(d);
  if (!insert_one(d, s.from + s.count, (struct tri_op){TRI_OP_MUTATOR, {from}})) return false;
  const struct tri_op enter[] = {{TRI_OP_SEND, {to, live_register(d, live_at(d, s.from))}},
                                 {TRI_OP_MUTATOR, {to}},
                                 {TRI_OP_RECEIVE, {shared}}};
  return one_in(d, 2) ? insert(d, s.from, enter, 3) : insert_one(d, s.from, enter[1]);
}

static bool op_wrap_call(struct draw *d) {
  if (!d->program.count) return false;
  return wrap(d, (struct tri_op){TRI_OP_CALL, {any_register(d)}},
              (struct tri_op){TRI_OP_RETURN, {any_register(d), any_register(d)}});
}

static bool op_loopify(struct draw *d) {
  if (!d->program.count) return false;
  struct span s = span(d);
  return insert_one(d, s.from + s.count,
                    (struct tri_op){TRI_OP_LOOP, {(uint32_t)s.count, 1 + log_uniform(d, 127)}});
}

static bool is_yield(const struct tri_op *op) { return op->code == TRI_OP_YIELD; }
static bool is_schedule(const struct tri_op *op) {
  return op->code == TRI_OP_YIELD || op->code == TRI_OP_POLICY || op->code == TRI_OP_POLL;
}

// One more decision of who goes on, or one taken elsewhere.
static bool op_yield(struct draw *d) {
  size_t old = find(d, is_yield);
  struct tri_op op = {TRI_OP_YIELD, {any_actor(d), log_uniform(d, 128)}};
  if (old < d->program.count && one_in(d, 2)) {
    op = d->program.ops[old];
    take_out(d, (struct span){old, 1});
  }
  size_t at = place(d);
  return insert_one(d, at, op) && at != old;
}

static bool op_schedule(struct draw *d) {
  size_t at = find(d, is_schedule);
  if (at == d->program.count) return false;
  struct tri_op *op = &d->program.ops[at];
  const struct tri_op_row *row = &tri_op_rows[op->code];
  unsigned k = (unsigned)below(d, row->n_operands);
  enum tri_operand_kind kind = (enum tri_operand_kind)row->operands[k];
  return one_in(d, 2) ? step(d, &op->operand[k], kind)
                      : set(&op->operand[k], log_uniform(d, tri_operand_limit(kind)));
}

// What holds for all of the run stands at its beginning.
static bool op_configure(struct draw *d) {
  static const uint8_t codes[] = {TRI_OP_OPTION, TRI_OP_OPTION, TRI_OP_HEAP,
                                  TRI_OP_ZEAL,   TRI_OP_POLICY, TRI_OP_FAIL, TRI_OP_POLL};
  struct tri_op op = {.code = codes[below(d, sizeof codes)]};
  draw_operands(d, &op, 0);
  return insert_one(d, 0, op);
}

// What the generator makes: some of it put in somewhere, or a program of its own in the place of one that is hardly
// worth a change. A fuzzer that starts with nothing would need long to put such situations together; which of them
// are worth keeping is for coverage to say.
static bool op_generate(struct draw *d) {
  bool anew = d->program.count < FEW_OPS || one_in(d, 4);
  struct tri_program made = {0};
  size_t ops = 1 + below(d, anew ? GENERATED_OPS : MAX_SPAN);
  d->out_of_memory = !tri_generate(&made, ops, tri_random_next(&d->random));
  if (d->out_of_memory) return tri_program_free(&made), false;
  if (anew) {
    struct tri_program old = d->program;
    d->program = made;
    made = old;
  } else {
    insert(d, place(d), made.ops, smaller(made.count, MAX_SPAN));
  }
  tri_program_free(&made);
  return !d->out_of_memory;
}

// One situation of the generator's as a whole, as a part of it would be nothing: put in somewhere, or as a program of
// its own.
static bool op_situation(struct draw *d) {
  struct tri_program *p = &d->program;
  if (p->count < FEW_OPS || one_in(d, 4)) p->count = 0;
  size_t at = place(d), old = p->count;
  if (!tri_generate_situation(p, tri_random_next(&d->random))) {
    p->count = old;
    d->out_of_memory = true;
    return false;
  }
  rotate(d, (struct span){at, p->count - at}, old - at);
  return p->count > old;
}

// ---- Raw bytes --------------------------------------------------------------------------------------------

// One change that knows nothing of operations. The size is not 0 unless nothing fits.
static size_t raw_step(struct tri_random *random, uint8_t *bytes, size_t size, size_t max) {
  size_t at = size ? (size_t)tri_random_below(random, size) : 0, rest = size - at;
  uint8_t byte = (uint8_t)tri_random_next(random);
  size_t n = 1 + (size_t)tri_random_below(random, 8);
  switch (size ? tri_random_below(random, 5) : 2) {
  case 0:
    bytes[at] ^= (uint8_t)(1u << byte % 8);
    break;
  case 1:
    bytes[at] = byte;
    break;
  case 2: // insert
    if (size == max) break;
    memmove(bytes + at + 1, bytes + at, rest);
    bytes[at] = byte;
    return size + 1;
  case 3: // delete
    n = smaller(n, rest);
    if (n == size) break;
    memmove(bytes + at, bytes + at + n, rest - n);
    return size - n;
  default: { // copy over
    size_t to = (size_t)tri_random_below(random, size);
    memmove(bytes + to, bytes + at, smaller(n, smaller(rest, size - to)));
  }
  }
  return size;
}

static size_t mutate_raw(struct tri_random *random, uint8_t *bytes, size_t size, size_t max) {
  for (uint64_t n = 1 + tri_random_below(random, 4); n; n--) size = raw_step(random, bytes, size, max);
  return size;
}

bool tri_mutation_is_raw(uint64_t seed) {
  return tri_random_next(&(struct tri_random){seed}) % RAW_ONE_IN == 0;
}

// ---- The table --------------------------------------------------------------------------------------------

static const struct operator{
  const char *name;
  unsigned weight; // how often it is drawn, relative to the others
  bool (*apply)(struct draw * d);
}
operators[] = {
    {"raw", 0, NULL}, // drawn by itself, see tri_mutation_is_raw
    {"insert", 12, op_insert},
    {"delete", 6, op_delete},
    {"delete-block", 3, op_delete_block},
    {"truncate", 1, op_truncate},
    {"duplicate", 3, op_duplicate},
    {"duplicate-block", 3, op_duplicate_block},
    {"move", 3, op_move},
    {"swap", 3, op_swap},
    {"rotate-block", 1, op_rotate_block},
    {"reverse-block", 1, op_reverse_block},
    {"family", 5, op_family},
    {"operand-step", 5, op_operand_step},
    {"operand-edge", 4, op_operand_edge},
    {"operand-random", 5, op_operand_random},
    {"rewire", 6, op_rewire},
    {"collection", 3, op_collection},
    {"hide", 4, op_hide},
    {"load-before-null", 2, op_load_before_null},
    {"old-to-young", 4, op_old_to_young},
    {"frame-collection", 3, op_frame_collection},
    {"wrap-mutator", 2, op_wrap_mutator},
    {"wrap-call", 2, op_wrap_call},
    {"loopify", 3, op_loopify},
    {"yield", 3, op_yield},
    {"schedule", 2, op_schedule},
    {"configure", 3, op_configure},
    {"generate", 10, op_generate},
    {"situation", 6, op_situation},
};
enum { RAW, INSERT, OPERATORS = sizeof operators / sizeof *operators };

unsigned tri_mutation_operators(void) { return OPERATORS; }
const char *tri_mutation_operator_name(unsigned i) { return operators[i].name; }

static unsigned draw_operator(struct draw *d) {
  size_t total = 0;
  for (unsigned i = 0; i < OPERATORS; i++) total += operators[i].weight;
  size_t left = below(d, total);
  unsigned i = 0;
  while (left >= operators[i].weight) left -= operators[i++].weight;
  return i;
}

// ---- Mutation and crossover -------------------------------------------------------------------------------

// Write the program; what is too much is taken out here and there.
static size_t write(struct draw *d, uint8_t *bytes, size_t max) {
  size_t size = tri_program_encode(&d->program, NULL, 0);
  while (size > max) {
    size_t at = below(d, d->program.count);
    size -= tri_op_size(&d->program.ops[at]);
    take_out(d, (struct span){at, 1});
  }
  tri_program_encode(&d->program, bytes, max);
  return size;
}

// Never an empty program if one operation fits: engines take that for a failure.
static size_t write_some(struct draw *d, uint8_t *bytes, size_t max) {
  size_t size = write(d, bytes, max);
  for (unsigned i = 0; !size && max && i < 4 * TRIES; i++) {
    op_insert(d);
    size = write(d, bytes, max);
  }
  return size;
}

bool tri_mutate_by(unsigned i, uint8_t *bytes, size_t *size, size_t max, uint64_t seed) {
  struct draw d = {.random = {seed}};
  if (i == RAW) {
    *size = mutate_raw(&d.random, bytes, *size, max);
    return true;
  }
  bool changed = tri_program_decode(&d.program, bytes, *size) && operators[i].apply(&d);
  if (!d.out_of_memory) *size = write_some(&d, bytes, max);
  tri_program_free(&d.program);
  return changed;
}

size_t tri_mutate_traced(uint8_t *bytes, size_t size, size_t max, uint64_t seed,
                         struct tri_mutation *mutation) {
  struct draw d = {.random = {seed}};
  *mutation = (struct tri_mutation){0};
  bool raw = tri_mutation_is_raw(seed);
  tri_random_next(&d.random); // that one decided
  if (raw) {
    *mutation = (struct tri_mutation){.count = 1, .operators = {RAW}};
    return mutate_raw(&d.random, bytes, size, max);
  }
  d.out_of_memory = !tri_program_decode(&d.program, bytes, size);
  unsigned wanted = 1;
  while (wanted < TRI_MUTATION_DEPTH && one_in(&d, 2)) wanted++;
  for (unsigned tries = 0; mutation->count < wanted && tries < TRIES && !d.out_of_memory; tries++) {
    unsigned i = draw_operator(&d);
    if (operators[i].apply(&d)) mutation->operators[mutation->count++] = (uint8_t)i;
  }
  if (!d.out_of_memory) size = write_some(&d, bytes, max);
  tri_program_free(&d.program);
  return size;
}

size_t tri_mutate(uint8_t *bytes, size_t size, size_t max, uint64_t seed) {
  return tri_mutate_traced(bytes, size, max, seed, &(struct tri_mutation){0});
}

// Where registers are live before each operation and at the end; count + 1 entries, NULL if out of memory.
static uint16_t *live_map(const struct tri_program *program) {
  uint16_t *map = malloc((program->count + 1) * sizeof *map);
  struct tri_liveness liveness = {0};
  for (size_t i = 0; map && i <= program->count; i++) {
    map[i] = tri_liveness_registers(&liveness);
    if (i < program->count) tri_liveness_step(&liveness, &program->ops[i]);
  }
  return map;
}

static unsigned differing(uint16_t a, uint16_t b) { return (unsigned)__builtin_popcount(a ^ b); }

// The operations [0, at) of a, [from, to) of b, [again, end) of a. Of some such cuts, the one where the live
// registers differ least.
struct cut {
  size_t at, from, to, again;
};

static struct cut choose_cut(struct draw *d, const struct tri_program *a, const uint16_t *a_live,
                             const struct tri_program *b, const uint16_t *b_live) {
  struct cut best = {0};
  unsigned least = UINT32_MAX;
  for (unsigned i = 0; i < CUTS && least; i++) {
    struct cut cut = {.at = below(d, a->count + 1), .from = below(d, b->count + 1)};
    cut.to = cut.from + below(d, b->count - cut.from + 1);
    cut.again = cut.at + below(d, a->count - cut.at + 1);
    if (one_in(d, 3))
      cut.to = b->count, cut.again = a->count; // the head of one, the tail of the other
    else if (one_in(d, 2))
      cut.again = cut.at; // insert, take nothing out
    if (cut.to == cut.from) continue;
    unsigned differ = differing(a_live[cut.at], b_live[cut.from]);
    if (cut.again < a->count) differ += differing(b_live[cut.to], a_live[cut.again]);
    if (differ >= least) continue;
    least = differ;
    best = cut;
  }
  return best;
}

static bool append(struct tri_program *to, const struct tri_program *from, size_t first, size_t end) {
  for (size_t i = first; i < end; i++)
    if (!tri_program_append(to, &from->ops[i])) return false;
  return true;
}

size_t tri_crossover(uint8_t *out, size_t max, const uint8_t *a_bytes, size_t a_size, const uint8_t *b_bytes,
                     size_t b_size, uint64_t seed) {
  struct draw d = {.random = {seed}};
  struct tri_program a = {0}, b = {0};
  uint16_t *a_live = NULL, *b_live = NULL;
  size_t size = 0;
  if (tri_program_decode(&a, a_bytes, a_size) && tri_program_decode(&b, b_bytes, b_size) &&
      (a_live = live_map(&a)) && (b_live = live_map(&b))) {
    struct cut cut = choose_cut(&d, &a, a_live, &b, b_live);
    if (append(&d.program, &a, 0, cut.at) && append(&d.program, &b, cut.from, cut.to) &&
        append(&d.program, &a, cut.again, a.count))
      size = write_some(&d, out, max);
  }
  free(a_live);
  free(b_live);
  tri_program_free(&a);
  tri_program_free(&b);
  tri_program_free(&d.program);
  return size;
}
