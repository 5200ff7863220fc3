// SplitMix64 (Steele, Lea, Flood 2014): a seed gives the same stream on every machine.
#ifndef TRICOLOR_MEASURE_RANDOM_H
#define TRICOLOR_MEASURE_RANDOM_H

#include <stdint.h>

struct tri_random {
  uint64_t state;
};

static inline uint64_t tri_random_next(struct tri_random *random) {
  uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

// Uniform in [0, bound), bound > 0: draws from the incomplete last stretch of 2^64 are rejected.
static inline uint64_t tri_random_below(struct tri_random *random, uint64_t bound) {
  uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  for (;;) {
    uint64_t drawn = tri_random_next(random);
    if (drawn < limit) return drawn % bound;
  }
}

#endif
