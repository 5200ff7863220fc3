// The mutator as libFuzzer, and engines that take its interface, know it: LLVMFuzzerCustomMutator and
// LLVMFuzzerCustomCrossOver. Raw draws are left to the engine. FUZZ_RAW=1 in the environment leaves all to
// it, for comparisons.
#include <stdlib.h>

#include "mutate.h"
#include "tricolor/compiler.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max); // the engine's own
TRI_EXPORT size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
TRI_EXPORT size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                            uint8_t *out, size_t max, unsigned seed);

// libFuzzer chooses between the two with equal odds, and a crossover that gives nothing makes it choose
// again.
enum { CROSSOVER_ONE_IN = 4 };

static bool raw_only(void) {
  static int raw = -1;
  if (raw < 0) raw = getenv("FUZZ_RAW") != NULL;
  return raw;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed) {
  if (raw_only() || tri_mutation_is_raw(seed)) return LLVMFuzzerMutate(data, size, max);
  return tri_mutate(data, size, max, seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *out, size_t max, unsigned seed) {
  if (raw_only() || seed % CROSSOVER_ONE_IN) return 0;
  return tri_crossover(out, max, a, a_size, b, b_size, seed);
}
