// SplitMix64 (Steele, Lea, Flood 2014): a seed gives the same stream on every machine.
#ifndef TRICOLOR_COMMON_RANDOM_H
#define TRICOLOR_COMMON_RANDOM_H

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

// In [0, bound), bound > 0, by multiplication (Lemire 2019) without his rejection step: the bias is below
// bound / 2^64, and a draw costs no division.
static inline uint64_t tri_random_below(struct tri_random *random, uint64_t bound) {
  return (uint64_t)((unsigned __int128)tri_random_next(random) * bound >> 64);
}

#endif
