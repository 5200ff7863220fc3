// bindings_program.c once per binding. Each returns the program's answer, or 0 when it was out of memory.
#ifndef TRICOLOR_TEST_BINDINGS_H
#define TRICOLOR_TEST_BINDINGS_H

#include "tricolor/tricolor.h"

typedef uint64_t bindings_run(struct tri_heap *heap);
bindings_run bindings_run_dynamic;
#define X(collector) bindings_run bindings_run_##collector;
#include "bindings_collectors.def" // X(name) per collector of this build
#undef X

#endif
