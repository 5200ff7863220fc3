// Heap programs out of nothing but a seed: the rival of every fuzzer that uses coverage, and a source of
// programs for replaying, timing and seeding.
//
// The generator keeps a model of the heap that its program builds: which register holds which object, its
// fields, and how many collections it has seen. So nearly every operation does something, and situations are
// made on purpose: edges from old to new objects, hidden paths, stores while a collection is under way,
// lists, trees, wide arrays, cycles, shared structure, sweeps over the size classes, and situations for a
// collection as a whole: chains and crowds of ephemerons, a heap full of garbage, tangles, a finalizer's objects. Where a run departs from
// the model (out of memory, a weak reference cleared, a loop cut short) the program stays legal.
#ifndef TRICOLOR_FUZZ_GENERATE_H
#define TRICOLOR_FUZZ_GENERATE_H

#include "program/program.h"

// Append about `ops` operations (at least as many, at most TRI_GENERATE_SLACK more) to the program; the same
// for the same seed. False: out of memory.
enum { TRI_GENERATE_SLACK = 128 };
bool tri_generate(struct tri_program *program, size_t ops, uint64_t seed);

// Append one situation that takes several steps to come about: it makes all that it needs, in registers of its own
// choice, and ends with the collection, or the allocations, that it is for. An empty program is configured first; in any
// other, a situation that fills the heap goes by the heap size that the program asks for. False: out of memory.
bool tri_generate_situation(struct tri_program *program, uint64_t seed);

#endif
