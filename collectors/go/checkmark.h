// A second opinion on the marks of a cycle, before it ends (Go: GODEBUG=gccheckmark=1,
// runtime/mcheckmark.go).
//
// From the roots everything is visited once more, by a marker that shares nothing with the first: breadth
// first, on its own bits, cells by division, slots by the whole shape. What it reaches has to be a marked
// cell of a span. Weak references and ephemerons have been dealt with by then: what they still refer to is
// kept, so their slots are slots like others.
//
// The bits are found by span and cell. (Go's were indexed by a part of the address for years, so that objects
// shared them, and one that was not marked hid behind another that was.)
//
// Nothing runs meanwhile. All memory is metadata of its own; without it nothing is said.
#ifndef TRICOLOR_GO_CHECKMARK_H
#define TRICOLOR_GO_CHECKMARK_H

#include <stdio.h>

#include "go/span.h"

enum go_checkmark_verdict {
  GO_CHECKMARK_GOOD,
  GO_CHECKMARK_UNMARKED, // an object is reached and not marked
  GO_CHECKMARK_ASTRAY,   // a reference leads to no allocated cell
  GO_CHECKMARK_NO_MEMORY,
};

struct go_checkmark_visit {
  tri_ref object;
  size_t from; // the visit that led to it; SIZE_MAX: a root
  size_t slot; // of that one; or the root's address
};

struct go_checkmark {
  const struct go_spans *spans;
  size_t *first;                    // by page: of the span there, the word of `bits` that its own begin with
  uint64_t *bits;                   // of cells that have been reached
  struct go_checkmark_visit *visit; // in the order of discovery: a queue, and the ways back
  size_t n, capacity;
  enum go_checkmark_verdict verdict; // on the last visit
};

void go_checkmark_init(struct go_checkmark *check, const struct go_spans *spans);
void go_checkmark_fini(struct go_checkmark *check);

// A visitor of roots.
void go_checkmark_root(void *checkmark, tri_ref *slot);

// Trace from the roots visited. Stops at the first bad reference.
enum go_checkmark_verdict go_checkmark_trace(struct go_checkmark *check);

// What is wrong, as text: the object, its cell and bits, and how it is reached. After UNMARKED or ASTRAY.
void go_checkmark_print(const struct go_checkmark *check, FILE *to);

#endif
