#include "program/minimize.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "program/text.h"

enum {
  SMALL = 16,        // below it every smaller value is tried
  MAX_UNROLLED = 512, // operations that an unrolled loop may become
  POINTS_TRIED = 6    // a decision instead of a policy: for each of these next points
};

// ---- Candidates -----------------------------------------------------------------------------------------------

static bool append_all(struct tri_program *to, const struct tri_op *ops, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!tri_program_append(to, &ops[i])) return false;
  return true;
}

// Operations of a loop's body at that place: it goes back over these.
static size_t body(const struct tri_program *program, size_t at) {
  uint32_t back = program->ops[at].operand[0];
  return back < at ? back : at;
}

bool tri_program_without(const struct tri_program *program, size_t from, size_t to, struct tri_program *shorter) {
  for (size_t i = 0; i < program->count; i++) {
    if (i >= from && i < to) continue;
    struct tri_op op = program->ops[i];
    if (op.code == TRI_OP_LOOP && i >= to) {
      size_t first = i - body(program, i);
      size_t begin = first > from ? first : from;
      op.operand[0] = (uint32_t)(i - first);
      if (begin < to) op.operand[0] -= (uint32_t)(to - begin);
    }
    if (!tri_program_append(shorter, &op)) return false;
  }
  return true;
}

// Without all operations of a code; loops shrink as above, one operation after the other.
static bool without_code(const struct tri_program *program, uint8_t code, struct tri_program *shorter) {
  if (!append_all(shorter, program->ops, program->count)) return false;
  for (size_t i = shorter->count; i-- > 0;) {
    if (shorter->ops[i].code != code) continue;
    struct tri_program next = {0};
    bool ok = tri_program_without(shorter, i, i + 1, &next);
    tri_program_free(shorter);
    *shorter = next;
    if (!ok) return false;
  }
  return true;
}

// The loop's body as often as it runs, in its place. Loops behind it that went back beyond it do so still.
static bool unrolled(const struct tri_program *program, size_t at, struct tri_program *longer) {
  size_t length = body(program, at), times = program->ops[at].operand[1];
  if (!append_all(longer, program->ops, at)) return false;
  for (size_t i = 0; i < times; i++)
    if (!append_all(longer, program->ops + at - length, length)) return false;
  for (size_t i = at + 1; i < program->count; i++) {
    struct tri_op op = program->ops[i];
    if (op.code == TRI_OP_LOOP && i - body(program, i) <= at) {
      size_t back = body(program, i) + length * times - 1;
      op.operand[0] = back < tri_operand_limit(TRI_NUMBER) ? (uint32_t)back : tri_operand_limit(TRI_NUMBER) - 1;
    }
    if (!tri_program_append(longer, &op)) return false;
  }
  return true;
}

bool tri_plainer_op(const struct tri_op *op, unsigned step, struct tri_op *plainer) {
  if (op->code == TRI_OP_POLICY) { // many decisions for one
    *plainer = (struct tri_op){TRI_OP_YIELD, {step % TRI_MUTATORS, step / TRI_MUTATORS}};
    return step < TRI_MUTATORS * POINTS_TRIED;
  }
  static const uint8_t plain[] = {TRI_OP_FULL, TRI_OP_LEAF, TRI_OP_REFS, TRI_OP_PAIR,
                                  TRI_OP_STORE, TRI_OP_LOAD, TRI_OP_MOVE};
  if (step >= sizeof plain || op->code == plain[step]) return false; // plain ones give way to those before only
  const struct tri_op_row *from = &tri_op_rows[op->code], *to = &tri_op_rows[plain[step]];
  bool used[TRI_OP_MAX_OPERANDS] = {0};
  *plainer = (struct tri_op){.code = plain[step]};
  for (unsigned i = 0; i < to->n_operands; i++)
    for (unsigned k = 0; k < from->n_operands; k++)
      if (!used[k] && from->operands[k] == to->operands[i]) {
        used[k] = true;
        plainer->operand[i] = op->operand[k];
        break;
      }
  return true;
}

bool tri_lower_value(uint32_t value, unsigned step, uint32_t *lower) {
  if (step < SMALL || value <= SMALL) {
    *lower = step;
    return step < value;
  }
  unsigned halves = step - SMALL;
  uint32_t less = halves < 32 ? (value - SMALL) >> halves : 0;
  *lower = value - less;
  return less != 0;
}

static size_t loops(const struct tri_program *program) {
  size_t n = 0;
  for (size_t i = 0; i < program->count; i++) n += program->ops[i].code == TRI_OP_LOOP;
  return n;
}

// ---- The machine ----------------------------------------------------------------------------------------------

static void take(struct tri_minimize *minimize, struct tri_program *candidate) {
  tri_program_free(&minimize->best);
  minimize->best = *candidate;
  *candidate = (struct tri_program){0};
  minimize->changed = true;
  minimize->kept++;
}

static void begin_remove(struct tri_minimize *minimize, size_t chunk) {
  minimize->phase = TRI_MINIMIZE_REMOVE;
  minimize->at = minimize->best.count;
  minimize->chunk = chunk ? chunk : 1;
  minimize->changed = false;
}

static void begin(struct tri_minimize *minimize, enum tri_minimize_phase phase, size_t at) {
  minimize->again |= minimize->changed;
  minimize->phase = phase;
  minimize->at = at;
  minimize->operand = minimize->step = 0;
  minimize->changed = false;
}

// REMOVE has come to its end. After an unrolled loop: is the program the better for it?
static void end_remove(struct tri_minimize *minimize) {
  if (!minimize->rolled.count) {
    begin(minimize, TRI_MINIMIZE_UNROLL, 0);
    return;
  }
  bool better = minimize->best.count < minimize->rolled.count ||
                (minimize->best.count == minimize->rolled.count && loops(&minimize->best) < loops(&minimize->rolled));
  tri_program_free(better ? &minimize->rolled : &minimize->best);
  if (!better) minimize->best = minimize->rolled;
  minimize->rolled = (struct tri_program){0};
  minimize->phase = TRI_MINIMIZE_UNROLL;
  minimize->at = better ? 0 : minimize->loop + 1;
  minimize->changed = false;
  minimize->again = better || minimize->rolled_again;
}

// Go on to the next experiment; its program is appended to *candidate. False: out of memory.
static bool next(struct tri_minimize *minimize, struct tri_program *candidate) {
  const struct tri_program *best = &minimize->best;
  for (;;) switch (minimize->phase) {
    case TRI_MINIMIZE_CODES: {
      // Backwards: control first, whose operations do much at once, the heap's plain ones last.
      if (minimize->at >= TRI_OP_COUNT) {
        minimize->again |= minimize->changed;
        begin_remove(minimize, best->count / 2);
        break;
      }
      uint8_t code = (uint8_t)(TRI_OP_COUNT - 1 - minimize->at);
      size_t i = 0;
      while (i < best->count && best->ops[i].code != code) i++;
      if (i < best->count) return without_code(best, code, candidate);
      minimize->at++;
      break;
    }
    case TRI_MINIMIZE_REMOVE:
      if (minimize->at > 0) {
        size_t from = minimize->at > minimize->chunk ? minimize->at - minimize->chunk : 0;
        return tri_program_without(best, from, minimize->at, candidate);
      }
      if (minimize->chunk > 1 || minimize->changed) {
        minimize->again |= minimize->changed;
        begin_remove(minimize, minimize->chunk / 2);
      } else {
        end_remove(minimize);
      }
      break;
    case TRI_MINIMIZE_UNROLL:
      while (minimize->at < best->count &&
             (best->ops[minimize->at].code != TRI_OP_LOOP ||
              body(best, minimize->at) * best->ops[minimize->at].operand[1] > MAX_UNROLLED))
        minimize->at++;
      if (minimize->at < best->count) return unrolled(best, minimize->at, candidate);
      begin(minimize, TRI_MINIMIZE_PLAIN, 0);
      break;
    case TRI_MINIMIZE_PLAIN: {
      struct tri_op plainer;
      if (minimize->at == best->count) {
        begin(minimize, TRI_MINIMIZE_LOWER, 0);
      } else if (tri_plainer_op(&best->ops[minimize->at], minimize->step, &plainer)) {
        if (!append_all(candidate, best->ops, best->count)) return false;
        candidate->ops[minimize->at] = plainer;
        return true;
      } else {
        minimize->at++;
        minimize->step = 0;
      }
      break;
    }
    case TRI_MINIMIZE_LOWER:
      if (minimize->at == best->count) {
        minimize->again |= minimize->changed;
        if (!minimize->again) {
          minimize->phase = TRI_MINIMIZE_DONE;
          break;
        }
        minimize->again = false;
        begin_remove(minimize, 1);
      } else if (minimize->operand == tri_op_rows[best->ops[minimize->at].code].n_operands) {
        minimize->at++;
        minimize->operand = minimize->step = 0;
      } else {
        uint32_t lower;
        if (tri_lower_value(best->ops[minimize->at].operand[minimize->operand], minimize->step, &lower)) {
          if (!append_all(candidate, best->ops, best->count)) return false;
          candidate->ops[minimize->at].operand[minimize->operand] = lower;
          return true;
        }
        minimize->operand++;
        minimize->step = 0;
      }
      break;
    case TRI_MINIMIZE_DONE: return true;
    }
}

// What the experiment that `next` made has shown.
static void learn(struct tri_minimize *minimize, struct tri_program *candidate, bool fails) {
  switch (minimize->phase) {
  case TRI_MINIMIZE_CODES: minimize->at++; break;
  case TRI_MINIMIZE_REMOVE:
    minimize->at = minimize->at > minimize->chunk ? minimize->at - minimize->chunk : 0;
    break;
  case TRI_MINIMIZE_UNROLL:
    if (!fails) {
      minimize->at++;
      return;
    }
    minimize->loop = minimize->at;
    minimize->rolled_again = minimize->again;
    minimize->rolled = minimize->best;
    minimize->best = *candidate;
    *candidate = (struct tri_program){0};
    begin_remove(minimize, minimize->best.count / 2);
    return; // kept only if it stands the comparison
  case TRI_MINIMIZE_PLAIN: minimize->step += !fails; break; // a plain one ends its own list where it stands
  case TRI_MINIMIZE_LOWER:
    if (!fails) minimize->step++;
    else if (minimize->step > SMALL) minimize->step = SMALL; // smaller ones have failed to fail already
    break;
  case TRI_MINIMIZE_DONE: return;
  }
  if (fails) take(minimize, candidate);
}

enum tri_minimize_step tri_minimize_step(struct tri_minimize *minimize, tri_still_fails_fn *still_fails,
                                         void *context) {
  struct tri_program candidate = {0};
  if (!next(minimize, &candidate)) {
    tri_program_free(&candidate);
    return TRI_MINIMIZE_NO_MEMORY;
  }
  if (minimize->phase == TRI_MINIMIZE_DONE) return TRI_MINIMIZE_ENDED;
  minimize->tried++;
  bool fails = still_fails(context, &candidate);
  learn(minimize, &candidate, fails);
  tri_program_free(&candidate);
  return fails ? TRI_MINIMIZE_KEPT : TRI_MINIMIZE_TRIED;
}

void tri_minimize_free(struct tri_minimize *minimize) {
  tri_program_free(&minimize->best);
  tri_program_free(&minimize->rolled);
}

// ---- The state in a file --------------------------------------------------------------------------------------

#define HEADER                                                                                                         \
  "# minimize 1: phase %d at %zu chunk %zu loop %zu operand %u step %u changed %d again %d %d tried %" PRIu64            \
  " kept %" PRIu64 "\n"
#define SCANNED                                                                                                        \
  "# minimize 1: phase %d at %zu chunk %zu loop %zu operand %u step %u changed %d again %d %d tried %" SCNu64            \
  " kept %" SCNu64

static const char rolled_mark[] = "#| ";

bool tri_minimize_write(const struct tri_minimize *minimize, FILE *out) {
  const struct tri_minimize *x = minimize;
  fprintf(out, HEADER, (int)x->phase, x->at, x->chunk, x->loop, x->operand, x->step, x->changed, x->again,
          x->rolled_again, x->tried, x->kept);
  for (size_t i = 0; i < x->rolled.count; i++) {
    char text[TRI_OP_TEXT_MAX];
    tri_op_text(&x->rolled.ops[i], text);
    fprintf(out, "%s%s\n", rolled_mark, text);
  }
  return tri_program_print(&x->best, out);
}

static bool read_header(struct tri_minimize *x, const char *line, const char *end) {
  char text[400];
  int phase, changed, again, rolled_again;
  snprintf(text, sizeof text, "%.*s", (int)(end - line), line);
  if (sscanf(text, SCANNED, &phase, &x->at, &x->chunk, &x->loop, &x->operand, &x->step, &changed, &again, &rolled_again,
             &x->tried, &x->kept) != 11)
    return false;
  x->phase = (enum tri_minimize_phase)phase;
  x->changed = changed;
  x->again = again;
  x->rolled_again = rolled_again;
  return phase >= 0 && phase <= TRI_MINIMIZE_DONE;
}

// A state that no write made must not lead the machine out of its program.
static bool sound(const struct tri_minimize *x) {
  switch (x->phase) {
  case TRI_MINIMIZE_CODES: return true;
  case TRI_MINIMIZE_REMOVE: return x->at <= x->best.count && x->chunk && (!x->rolled.count || x->loop < x->rolled.count);
  case TRI_MINIMIZE_UNROLL: return !x->rolled.count;
  case TRI_MINIMIZE_PLAIN: return x->at <= x->best.count && x->step <= TRI_OP_COUNT;
  case TRI_MINIMIZE_LOWER:
    return x->at <= x->best.count &&
           (x->at == x->best.count || x->operand <= tri_op_rows[x->best.ops[x->at].code].n_operands);
  case TRI_MINIMIZE_DONE: return true;
  }
  return false;
}

bool tri_minimize_read(struct tri_minimize *minimize, const char *text, size_t size) {
  bool found = false;
  struct tri_text_error error;
  for (const char *line = text, *end = text + size; line < end;) {
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    const char *line_end = newline ? newline : end;
    if (!found) found = read_header(minimize, line, line_end);
    else if ((size_t)(line_end - line) > sizeof rolled_mark && memcmp(line, rolled_mark, sizeof rolled_mark - 1) == 0 &&
             !tri_program_parse(&minimize->rolled, line + sizeof rolled_mark - 1,
                                (size_t)(line_end - line) - (sizeof rolled_mark - 1), &error))
      return false;
    line = line_end + 1;
  }
  return found && tri_program_parse(&minimize->best, text, size, &error) && sound(minimize);
}
