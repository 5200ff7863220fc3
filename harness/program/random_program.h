// Random programs for property tests.
#ifndef TRICOLOR_PROGRAM_RANDOM_PROGRAM_H
#define TRICOLOR_PROGRAM_RANDOM_PROGRAM_H

#include "common/check.h"
#include "common/random.h"
#include "program/program.h"

// Every operation equally likely, every operand anywhere within its limit.
static inline struct tri_op random_op(struct tri_random *random) {
  struct tri_op op = {.code = (uint8_t)tri_random_below(random, TRI_OP_COUNT)};
  const struct tri_op_row *row = &tri_op_rows[op.code];
  for (unsigned i = 0; i < row->n_operands; i++)
    op.operand[i] =
        (uint32_t)tri_random_below(random, tri_operand_limit((enum tri_operand_kind)row->operands[i]));
  return op;
}

static inline void random_program(struct tri_random *random, size_t count, struct tri_program *program) {
  for (size_t i = 0; i < count; i++) {
    struct tri_op op = random_op(random);
    TRI_CHECK(tri_program_append(program, &op));
  }
}

#endif
