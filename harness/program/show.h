// The heap as a person can read it: what each operation of a program made, moved and lost; objects by name (#1 is
// the first allocated), with addresses, sizes, edges and roots, before and after each collection and at the end.
#ifndef TRICOLOR_PROGRAM_SHOW_H
#define TRICOLOR_PROGRAM_SHOW_H

#include "program/exec.h"

// Run the program and print. Watches through params->watch, which must be NULL.
enum tri_run_status tri_program_show(const struct tri_program *program, const struct tri_run_params *params,
                                     FILE *out, struct tri_run_result *result);

#endif
