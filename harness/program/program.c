#include "program/program.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"

const struct tri_op_row tri_op_rows[TRI_OP_COUNT] = {
#define TRI_OP(name, weight, needs, operands, syntax, doc)                                                   \
  {#name, weight, sizeof operands - 1, operands, syntax, doc},
#include "program/ops.def"
#undef TRI_OP
};

#define TRI_OP(name, weight, needs, operands, syntax, doc)                                                   \
  _Static_assert(sizeof operands - 1 <= TRI_OP_MAX_OPERANDS, "operands of " #name);
#include "program/ops.def"
#undef TRI_OP

// Each operation owns as many successive opcode bytes as its weight; it is written as the first of them.
enum opcode {
#define TRI_OP(name, weight, needs, operands, syntax, doc) FIRST_##name, LAST_##name = FIRST_##name + weight - 1,
#include "program/ops.def"
#undef TRI_OP
  OPCODES
};
_Static_assert(OPCODES == 128, "the weights in ops.def cover every opcode byte once");

static const uint8_t code_of_opcode[OPCODES] = {
#define TRI_OP(name, weight, needs, operands, syntax, doc) [FIRST_##name... LAST_##name] = TRI_OP_##name,
#include "program/ops.def"
#undef TRI_OP
};

static const uint8_t opcode_of_code[TRI_OP_COUNT] = {
#define TRI_OP(name, weight, needs, operands, syntax, doc) [TRI_OP_##name] = FIRST_##name,
#include "program/ops.def"
#undef TRI_OP
};

enum { START = 0x80, OPERAND_BITS = 7, OPERAND_MASK = 0x7f };

unsigned tri_operand_bytes(enum tri_operand_kind kind) {
  switch (kind) {
  case TRI_FIELD:
  case TRI_GLOBAL:
  case TRI_NUMBER_14: return 2;
  case TRI_NUMBER_21: return 3;
  default: return 1;
  }
}

enum { SIZE_STEPS = 32, SIZES = 4 * SIZE_STEPS, HEAP_SIZES = 29 };

uint32_t tri_operand_limit(enum tri_operand_kind kind) {
  switch (kind) {
  case TRI_REGISTER: return TRI_REGISTERS;
  case TRI_GLOBAL: return TRI_GLOBALS;
  case TRI_SMALL_SIZE:
  case TRI_LARGE_SIZE: return SIZES;
  case TRI_HEAP_SIZE: return HEAP_SIZES;
  case TRI_MUTATOR: return TRI_MUTATORS;
  case TRI_ACTOR: return TRI_ACTORS;
  case TRI_POLICY: return TRI_POLICIES;
  default: return UINT32_C(1) << OPERAND_BITS * tri_operand_bytes(kind);
  }
}

// start, 1.25 start, 1.5 start, 1.75 start, 2 start …
static uint64_t log_linear(uint64_t start, unsigned step) { return (start << step / 4) / 4 * (4 + step % 4); }

uint64_t tri_size(enum tri_operand_kind kind, uint32_t code) {
  static const int fine[] = {0, 1, 4, 7}, coarse[] = {-8, -7, 0, 1};
  unsigned step = code / 4, offset = code % 4;
  switch (kind) {
  case TRI_SMALL_SIZE: // steps of one word up to 64 bytes
    if (step <= 8) return (uint64_t)(8 * step + fine[offset]);
    return log_linear(64, step - 8) + coarse[offset];
  case TRI_LARGE_SIZE: return log_linear(4096, step) + coarse[offset];
  case TRI_HEAP_SIZE: return log_linear(64 << 10, code * 2);
  default: return 0;
  }
}

uint32_t tri_size_code(enum tri_operand_kind kind, uint64_t bytes) {
  uint32_t low = 0, high = tri_operand_limit(kind) - 1;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (tri_size(kind, middle) >= bytes) high = middle;
    else low = middle + 1;
  }
  return low;
}

size_t tri_op_size(const struct tri_op *op) {
  const struct tri_op_row *row = &tri_op_rows[op->code];
  size_t size = 1;
  for (unsigned i = 0; i < row->n_operands; i++) size += tri_operand_bytes((enum tri_operand_kind)row->operands[i]);
  return size;
}

bool tri_op_equal(const struct tri_op *a, const struct tri_op *b) {
  if (a->code != b->code) return false;
  for (unsigned i = 0; i < tri_op_rows[a->code].n_operands; i++)
    if (a->operand[i] != b->operand[i]) return false;
  return true;
}

bool tri_program_append(struct tri_program *program, const struct tri_op *op) {
  if (program->count == program->capacity) {
    size_t capacity = program->capacity ? 2 * program->capacity : 64;
    struct tri_op *ops = realloc(program->ops, capacity * sizeof *ops);
    if (!ops) return false;
    program->ops = ops;
    program->capacity = capacity;
  }
  program->ops[program->count++] = *op;
  return true;
}

void tri_program_free(struct tri_program *program) {
  free(program->ops);
  *program = (struct tri_program){0};
}

bool tri_program_equal(const struct tri_program *a, const struct tri_program *b) {
  if (a->count != b->count) return false;
  for (size_t i = 0; i < a->count; i++)
    if (!tri_op_equal(&a->ops[i], &b->ops[i])) return false;
  return true;
}

// The next operand, from at most its bytes; stops at the start of an operation and at the end.
static uint32_t decode_operand(enum tri_operand_kind kind, const uint8_t **at, const uint8_t *end) {
  uint32_t value = 0;
  for (unsigned i = 0; i < tri_operand_bytes(kind) && *at < end && **at < START; i++)
    value |= (uint32_t) * (*at)++ << OPERAND_BITS * i;
  return value % tri_operand_limit(kind);
}

bool tri_program_decode(struct tri_program *program, const uint8_t *bytes, size_t size) {
  const uint8_t *at = bytes, *end = bytes + size;
  while (at < end) {
    uint8_t byte = *at++;
    if (byte < START) continue;
    struct tri_op op = {.code = code_of_opcode[byte - START]};
    const struct tri_op_row *row = &tri_op_rows[op.code];
    for (unsigned i = 0; i < row->n_operands; i++)
      op.operand[i] = decode_operand((enum tri_operand_kind)row->operands[i], &at, end);
    if (!tri_program_append(program, &op)) return false;
  }
  return true;
}

size_t tri_program_encode(const struct tri_program *program, uint8_t *bytes, size_t capacity) {
  size_t size = 0;
  for (size_t i = 0; i < program->count; i++) {
    const struct tri_op *op = &program->ops[i];
    const struct tri_op_row *row = &tri_op_rows[op->code];
    size_t op_size = tri_op_size(op);
    if (size + op_size <= capacity) {
      uint8_t *to = bytes + size;
      *to++ = (uint8_t)(START + opcode_of_code[op->code]);
      for (unsigned k = 0; k < row->n_operands; k++)
        for (unsigned n = tri_operand_bytes((enum tri_operand_kind)row->operands[k]), j = 0; j < n; j++)
          *to++ = op->operand[k] >> OPERAND_BITS * j & OPERAND_MASK;
    }
    size += op_size;
  }
  return size;
}
