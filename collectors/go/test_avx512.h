// The instructions that greentea_avx512.c uses, carried out one element at a time: to test its logic where
// the processor does not have them (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2).
#ifndef GO_TEST_AVX512_H
#define GO_TEST_AVX512_H

#include <stdint.h>

typedef struct {
  uint64_t element[8];
} __m512i;
typedef uint8_t __mmask8;

// Bits of source, from the lowest on, to the places of mask's.
static inline uint64_t _pdep_u64(uint64_t source, uint64_t mask) {
  uint64_t result = 0;
  for (; mask; mask &= mask - 1, source >>= 1)
    if (source & 1) result |= mask & -mask;
  return result;
}

// Elements that the mask leaves out are zero, and their memory is not touched.
static inline __m512i _mm512_maskz_loadu_epi64(__mmask8 mask, const void *from) {
  __m512i result = {{0}};
  for (int i = 0; i < 8; i++)
    if (mask >> i & 1) result.element[i] = ((const uint64_t *)from)[i];
  return result;
}

static inline void _mm512_storeu_si512(void *to, __m512i value) {
  for (int i = 0; i < 8; i++) ((uint64_t *)to)[i] = value.element[i];
}

static inline __mmask8 _mm512_test_epi64_mask(__m512i a, __m512i b) {
  __mmask8 mask = 0;
  for (int i = 0; i < 8; i++) mask |= (__mmask8)(((a.element[i] & b.element[i]) != 0) << i);
  return mask;
}

// The selected elements side by side at the low end, zeros above.
static inline __m512i _mm512_maskz_compress_epi64(__mmask8 mask, __m512i value) {
  __m512i result = {{0}};
  for (int i = 0, n = 0; i < 8; i++)
    if (mask >> i & 1) result.element[n++] = value.element[i];
  return result;
}

#endif
