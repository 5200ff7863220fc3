// Which registers hold something at a place of a heap program, as far as its text tells: a register that was
// written counts as live, whatever it was written with. The mutator chooses operands and cuts by it.
#ifndef TRICOLOR_FUZZ_LIVENESS_H
#define TRICOLOR_FUZZ_LIVENESS_H

#include "program/program.h"

enum { TRI_LIVENESS_DEPTH = 32 }; // frames of a mutator

// {0} is the beginning of a program.
struct tri_liveness {
  unsigned mutator; // the running one
  struct {
    unsigned depth;
    uint16_t live[TRI_LIVENESS_DEPTH]; // by frame, bit r: register r
  } players[TRI_MUTATORS];
};

// Does operand i say which register is written? (The first of `% = …`.)
bool tri_operand_defines(const struct tri_op_row *row, unsigned i);

// Go over one operation.
void tri_liveness_step(struct tri_liveness *liveness, const struct tri_op *op);

// Before operation `at` of a program.
struct tri_liveness tri_liveness_at(const struct tri_program *program, size_t at);

// Of the running mutator's youngest frame.
uint16_t tri_liveness_registers(const struct tri_liveness *liveness);

#endif
