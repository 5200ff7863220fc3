#include "liveness.h"

bool tri_operand_defines(const struct tri_op_row *row, unsigned i) {
  return i == 0 && row->n_operands && row->operands[0] == TRI_REGISTER && row->syntax[0] == '%';
}

static uint16_t *registers(struct tri_liveness *liveness) {
  return &liveness->players[liveness->mutator].live[liveness->players[liveness->mutator].depth];
}

uint16_t tri_liveness_registers(const struct tri_liveness *liveness) {
  return *registers((struct tri_liveness *)liveness);
}

void tri_liveness_step(struct tri_liveness *liveness, const struct tri_op *op) {
  const struct tri_op_row *row = &tri_op_rows[op->code];
  uint16_t bit = (uint16_t)(1u << op->operand[0] % TRI_REGISTERS);
  unsigned *depth = &liveness->players[liveness->mutator].depth;
  switch ((enum tri_op_code)op->code) {
  case TRI_OP_DROP:
  case TRI_OP_FREE:
  case TRI_OP_FINALIZED:
    *registers(liveness) &= (uint16_t)~bit;
    break;
  case TRI_OP_DROP_ALL:
    *registers(liveness) = 0;
    break;
  case TRI_OP_CALL:
    if (*depth + 1 == TRI_LIVENESS_DEPTH) break;
    ++*depth;
    *registers(liveness) = 1;
    break;
  case TRI_OP_RETURN:
    if (!*depth) break;
    --*depth;
    *registers(liveness) |= bit;
    break;
  case TRI_OP_MUTATOR:
    liveness->mutator = op->operand[0];
    break;
  default:
    if (tri_operand_defines(row, 0)) *registers(liveness) |= bit;
  }
}

struct tri_liveness tri_liveness_at(const struct tri_program *program, size_t at) {
  struct tri_liveness liveness = {0};
  for (size_t i = 0; i < at; i++) tri_liveness_step(&liveness, &program->ops[i]);
  return liveness;
}
