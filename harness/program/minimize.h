// The minimiser: makes a failing heap program smaller as long as it still fails.
//
// Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002) on operations,
// by complements, with chunks from half of the program down to one operation; before it, all operations of one code
// at a time (one experiment gets rid of all scheduling decisions, or of all configuration). Then operations are
// replaced by plainer ones, and operands lowered. A loop is shortened with its body when an operation inside it goes, and is unrolled where the unrolled
// program becomes no longer. All this is repeated until nothing changes, so the result is 1-minimal: without any
// single operation (tri_program_without), with any replaced by one of tri_plainer_op, or with any operand set to one
// of tri_lower_value, it no longer fails.
//
// Policies of the schedule are the caller's to replace by decisions (minimize_command.c), as it takes a run to know them.
//
// The minimiser is a state machine that makes one experiment at a time and whose state can be written to a file,
// so that minimising can be stopped anywhere and go on later with the same result. It knows no heap: whether a
// program fails is the caller's to say, and has to be repeatable.
#ifndef TRICOLOR_PROGRAM_MINIMIZE_H
#define TRICOLOR_PROGRAM_MINIMIZE_H

#include <stdio.h>

#include "program/program.h"

enum tri_minimize_phase {
  TRI_MINIMIZE_CODES,  // all operations of a code at once
  TRI_MINIMIZE_REMOVE, // chunks of operations
  TRI_MINIMIZE_UNROLL, // one loop
  TRI_MINIMIZE_PLAIN,  // one operation
  TRI_MINIMIZE_LOWER,  // one operand
  TRI_MINIMIZE_DONE,
};

// Zeroed but for `best`, which fails, it is ready to begin. Owned by the caller; see tri_minimize_free.
struct tri_minimize {
  struct tri_program best;     // the smallest that fails, as far as is known
  struct tri_program rolled;   // while REMOVE works on an unrolled program: what it has to beat; else empty
  enum tri_minimize_phase phase;
  size_t at;        // CODES: codes done, from the last; REMOVE: end of the next chunk; UNROLL, PLAIN, LOWER: operation
  size_t chunk;     // REMOVE: operations of a chunk
  size_t loop;      // while `rolled` is there: the operation that was unrolled
  unsigned operand; // LOWER
  unsigned step;    // PLAIN, LOWER: next of tri_plainer_op, tri_lower_value
  bool changed;     // in this phase; REMOVE: with this size of chunks
  bool again;       // something changed in this round before the present phase
  bool rolled_again; // `again`, before `rolled` was there
  uint64_t tried, kept; // experiments, and those that made the program simpler
};

// A verdict on a candidate.
typedef bool tri_still_fails_fn(void *context, const struct tri_program *program);

enum tri_minimize_step { TRI_MINIMIZE_TRIED, TRI_MINIMIZE_KEPT, TRI_MINIMIZE_ENDED, TRI_MINIMIZE_NO_MEMORY };

// The next experiment: TRIED in vain, KEPT a simpler program, or ENDED, as nothing is left to try. NO_MEMORY: the
// state is as before.
enum tri_minimize_step tri_minimize_step(struct tri_minimize *minimize, tri_still_fails_fn *still_fails,
                                         void *context);

void tri_minimize_free(struct tri_minimize *minimize);

// The state as text, which is also the best program so far in text form: the rest is in comments. False: a write
// error, in errno.
bool tri_minimize_write(const struct tri_minimize *minimize, FILE *out);

// Such a text, into a zeroed state. False: it is none, or out of memory; the state is to be freed all the same.
bool tri_minimize_read(struct tri_minimize *minimize, const char *text, size_t size);

// The program without operations from .. to - 1, appended to the empty program *shorter: loops behind them whose
// body they belonged to have it shortened by as many. False: out of memory.
bool tri_program_without(const struct tri_program *program, size_t from, size_t to, struct tri_program *shorter);

// The step-th operation to try instead of another one: a collection, an allocation, a store and the like in their
// plain forms, with its operands as far as they have some of the kind, else 0; for a policy a single decision. False
// after the last.
bool tri_plainer_op(const struct tri_op *op, unsigned step, struct tri_op *plainer);

// The step-th value to try instead of a larger one, simplest first; false after the last: the smaller ones up to
// 16, and from there towards the value by halves.
bool tri_lower_value(uint32_t value, unsigned step, uint32_t *lower);

#endif
