// Prints the dictionary of the byte form for engines without the mutator: every operation, with operands of 0
// and with small ones, in the syntax that libFuzzer and AFL++ share. Run at build time.
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "program/program.h"

static void entry(const struct tri_op *op, const char *suffix) {
  struct tri_program program = {.ops = (struct tri_op *)op, .count = 1};
  uint8_t bytes[32];
  size_t size = tri_program_encode(&program, bytes, sizeof bytes);
  for (const char *c = tri_op_rows[op->code].name; *c; c++) putchar(tolower((unsigned char)*c));
  printf("%s=\"", suffix);
  for (size_t i = 0; i < size; i++) printf("\\x%02x", bytes[i]);
  puts("\"");
}

int main(void) {
  puts("# Operations of heap programs; made from harness/program/ops.def.");
  for (unsigned code = 0; code < TRI_OP_COUNT; code++) {
    struct tri_op op = {.code = (uint8_t)code};
    entry(&op, "");
    if (tri_op_rows[code].n_operands == 0) continue;
    for (uint32_t i = 0; i < tri_op_rows[code].n_operands; i++) op.operand[i] = i + 1;
    entry(&op, "_1");
  }
  return fflush(stdout) != 0;
}
