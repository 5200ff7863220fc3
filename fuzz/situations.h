// Feedback on situations: what a collector was doing, with what result, and who was switched to meanwhile, as edges
// that any engine with edge coverage sees. Each of TRI_SITUATIONS buckets is a case of one switch and so has an edge
// of its own; engines count how often it was taken. Three kinds, each with its own range of buckets:
//
//   events    an event after the event before it
//   results   the end of a collection: its kind, and roughly how much was freed, survived, moved, cleared, queued
//   switches  another actor goes on: the phase, from which kind of actor to which, at which yield point, and the
//             point of the switch before it
//
// Situations, not routes: the number of buckets bounds what an engine can find new. Results and switches are hashed
// into their ranges. Used by targets/fuzz_program.c alone; one thread.
#ifndef TRICOLOR_FUZZ_SITUATIONS_H
#define TRICOLOR_FUZZ_SITUATIONS_H

#include "tricolor/tricolor.h"

enum { TRI_SITUATIONS = 1024 };

// Call once; without it the others do nothing.
void tri_situations_begin(void);

void tri_situations_execution(void); // a program is about to run
void tri_situations_event(const struct tri_event *event);
void tri_situations_result(enum tri_collect_kind kind, const struct tri_stats *stats);

#endif
