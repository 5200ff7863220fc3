// Engines that see no coverage: what a fuzzer has to beat. Each makes programs out of a seed, one after the other, and
// gives them to LLVMFuzzerTestOneInput:
//
//   bytes     uniformly random bytes of a random length
//   generate  the generator with its model of the heap (generate.h)
//   mutate    the structured mutator over a pool: it starts with the seed programs, every few executions a mutant
//             takes a place in it, whatever it did
//
// A run is a function of kind, seed, seed programs and length bound.
#ifndef TRICOLOR_FUZZ_BLIND_H
#define TRICOLOR_FUZZ_BLIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tri_blind_kind { TRI_BLIND_BYTES, TRI_BLIND_GENERATE, TRI_BLIND_MUTATE, TRI_BLIND_KINDS };
extern const char *const tri_blind_names[TRI_BLIND_KINDS];

struct tri_blind {
  enum tri_blind_kind kind;
  uint64_t runs, seed;
  size_t max_len;       // bytes of a program, at most TRI_BLIND_MAX_LEN (the generator keeps no bound)
  const char *artifact; // where to write the program that the process dies with; NULL: nowhere
};
enum { TRI_BLIND_MAX_LEN = 4096 };

// A seed program for `mutate`: copied, cut at max_len. What does not fit into the pool is left out.
void tri_blind_add_seed(const struct tri_blind *blind, const uint8_t *bytes, size_t size);

// False: out of memory. Does not return from a finding.
bool tri_blind_run(const struct tri_blind *blind);

#endif
