// The fault shim: plants one fault, generically, in what a collector does as seen through the contract. It
// stands directly on a collector, below the shadow, and shows that the oracle's rows fire (killed_by of
// invariants.h).
//
// A spec is "mode" or "mode:k": the fault acts at its k-th opportunity (default 1), once where it damages the
// heap, from then on where it lies in an answer. tri_fault_modes lists modes and what an opportunity is.
#ifndef TRICOLOR_SHIMS_FAULT_H
#define TRICOLOR_SHIMS_FAULT_H

#include "shims/shim.h"

struct tri_fault_mode;

struct tri_fault_record {
  struct tri_shim_record shim; // first
  const struct tri_fault_mode *mode;
  uint64_t k;
  uint64_t acted; // times that the fault did something, over all heaps
};

// Wrap a collector; *record stays the caller's. NULL: *error says what is wrong with the spec and what would
// be right.
const struct tri_collector *tri_fault_wrap(struct tri_fault_record *record, const struct tri_collector *inner,
                                           const char *spec, char *error, size_t error_bytes);

// Names and one-line descriptions, in order; false after the last.
bool tri_fault_mode_at(size_t i, const char **name, const char **doc);

#endif
