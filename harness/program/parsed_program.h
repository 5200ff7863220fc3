// Programs that tests write as text.
#ifndef TRICOLOR_PROGRAM_PARSED_PROGRAM_H
#define TRICOLOR_PROGRAM_PARSED_PROGRAM_H

#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "program/text.h"

static inline struct tri_program parsed_program(const char *text) {
  struct tri_program program = {0};
  struct tri_text_error error = {0};
  if (!tri_program_parse(&program, text, strlen(text), &error))
    printf("%u:%u: %s\n", error.line, error.column, error.message);
  TRI_CHECK_STR(error.message, "");
  return program;
}

#endif
