// Peers: programs that do the same work on a memory manager of their own (harness/peers/). They take the
// arguments of `tricolor run` and leave its result, so that bench samples them as it does collectors; a
// cell's collector is then "peer:NAME", of the program peers/NAME beside the one that is measured.
#ifndef TRICOLOR_MEASURE_PEER_H
#define TRICOLOR_MEASURE_PEER_H

#include "measure/text.h"

bool tri_is_peer(const char *collector);

// The path of a peer's program, beside `executable`; the caller's to free.
char *tri_peer_program(const char *executable, const char *collector);

// Is there such a program? Else a sentence that says which there are.
bool tri_peer_known(const char *executable, const char *collector, struct tri_error *error);

#endif
