// The text form of heap programs, `.thp`: one operation per line, # starts a comment, blank lines are free.
//
//     r3 = alloc refs n=4      # a comment
//     st r3[1] = r0
//     gc full
//
// Each operation is printed and parsed by its syntax column in ops.def. Text to operations to text is stable:
// blanks are normalised and comments dropped, nothing else is lost.
#ifndef TRICOLOR_PROGRAM_TEXT_H
#define TRICOLOR_PROGRAM_TEXT_H

#include <stdio.h>

#include "program/program.h"

enum { TRI_OP_TEXT_MAX = 96 }; // longest line, its 0 included

// Print one operation, without a newline, into a buffer of TRI_OP_TEXT_MAX. Returns the length.
size_t tri_op_text(const struct tri_op *op, char *text);

// One line for each operation. False: a write error, in errno.
bool tri_program_print(const struct tri_program *program, FILE *out);

// Where the text is wrong, and how. Lines and columns count from 1, columns in bytes.
struct tri_text_error {
  unsigned line, column;
  char message[200];
};

// The operations of a text, appended to the program. False: *error says why, and the program holds the lines
// before; a line of 0 means out of memory.
bool tri_program_parse(struct tri_program *program, const char *text, size_t size, struct tri_text_error *error);

#endif
