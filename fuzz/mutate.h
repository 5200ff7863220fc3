// The structured mutator of heap programs: one for both engines, for minimising corpora and for scoring.
//
// Bytes are decoded into operations, operators rearrange those, and the canonical bytes of the result are
// written back. Everything is a function of the arguments: the same bytes, bound and seed give the same
// result. Every byte string may come in; what comes out is canonical and within the bound. One draw in eight
// treats the bytes as raw bytes instead, as engines do that know no structure.
//
// The operators and their weights are one table, in mutate.c. Thread-safe. Used by engine/mutate_libfuzzer.c
// and engine/mutate_afl.c.
#ifndef TRICOLOR_FUZZ_MUTATE_H
#define TRICOLOR_FUZZ_MUTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Mutate in place: `size` bytes in a buffer of `max`. Returns the new size, at most max; 0 only when not even
// one operation fits. Out of memory leaves the bytes as they are.
size_t tri_mutate(uint8_t *bytes, size_t size, size_t max, uint64_t seed);

// Operations of a and of b, cut between operations where the same registers are live if there is such a
// place, into `out` of `max` bytes. Returns the size.
size_t tri_crossover(uint8_t *out, size_t max, const uint8_t *a, size_t a_size, const uint8_t *b,
                     size_t b_size, uint64_t seed);

// Does this draw treat the bytes as raw ones? Then an engine that has mutations of its own may use them.
bool tri_mutation_is_raw(uint64_t seed);

// What a mutation consisted of, for accounts of which operators pay.
enum { TRI_MUTATION_DEPTH = 5 };
struct tri_mutation {
  unsigned count;
  uint8_t operators[TRI_MUTATION_DEPTH];
};
size_t tri_mutate_traced(uint8_t *bytes, size_t size, size_t max, uint64_t seed,
                         struct tri_mutation *mutation);

// The operators: 0 is the raw one.
unsigned tri_mutation_operators(void);
const char *tri_mutation_operator_name(unsigned i);

// One application of one operator. False: it does not apply here, the bytes are only made canonical.
bool tri_mutate_by(unsigned i, uint8_t *bytes, size_t *size, size_t max, uint64_t seed);

#endif
