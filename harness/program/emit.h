// A heap program as a stand-alone C test on the contract: what `tricolor minimize --emit=c` writes for those who want
// to debug their collector without this suite's executor, shims and oracle.
//
// The program runs once on nocollect, which neither moves nor reclaims and so knows the truth, under a shim that
// prints each call of the contract as C with the roots in place of references. After the last call stands what then
// has to hold, read from that run: shape, slots and payload of everything reachable, each object once, the
// collector's own verifier, its accounts.
#ifndef TRICOLOR_PROGRAM_EMIT_H
#define TRICOLOR_PROGRAM_EMIT_H

#include "measure/text.h"
#include "program/exec.h"

// Print the test. params says on which collector the program fails, whose claims and options the run has, and its
// steps; headline is a comment of one line. False: the program needs what only the executor has, or no memory; *error
// says what. The test takes a collector's name as its argument; exit status 0 good, 1 it failed (or died), 2 it could
// not be run.
bool tri_program_emit_c(const struct tri_program *program, const struct tri_run_params *params, const char *headline,
                        FILE *out, struct tri_error *error);

#endif
