// The AVX-512 kernel of greentea_scan.h. Compiled on any x86-64, run only where the processor has what
// it needs; on other machines it is said not to be there. With GO_EMULATED_AVX512 (a test) the
// instructions are simulated.
//
// Words that no pointer bit selects are not read: they may be others', and poisoned. Those that are may be
// written by mutators meanwhile; each of them is aligned and read at once, which the language cannot say of
// vectors, so ThreadSanitizer does not look at this file.
#include "go/greentea_scan.h"

#if defined(__x86_64__)

#ifdef GO_EMULATED_AVX512
#include "go/test_avx512.h"
#define TARGET
#else
#include <immintrin.h>
#define TARGET __attribute__((target("avx512f,bmi2,popcnt"), no_sanitize("thread")))
#endif

// Ones at all multiples of n (2 … 64) below 64.
static inline uint64_t every(unsigned n) {
  uint64_t bits = 1;
  for (; n < 64; n *= 2) bits |= bits << n;
  return bits;
}

// 64 object bits from `first` on.
static inline uint64_t objects_from(const uint64_t *objects, size_t first) {
  size_t w = first / 64;
  uint64_t next = w + 1 < GO_GREEN_WORDS ? objects[w + 1] : 0;
  return (uint64_t)(((unsigned __int128)next << 64 | (w < GO_GREEN_WORDS ? objects[w] : 0)) >> first % 64);
}

// References among the 64 words, non-null ones to `next`.
TARGET static uintptr_t *gather(const uintptr_t *words, uint64_t mask, uintptr_t *next) {
  for (; mask; mask >>= 8, words += 8) {
    __mmask8 wanted = (__mmask8)mask;
    if (!wanted) continue;
    __m512i frame = _mm512_maskz_loadu_epi64(wanted, words);
    wanted = _mm512_test_epi64_mask(frame, frame);
    // In a register, then stored whole: compressing to memory is slow on Zen 4.
    _mm512_storeu_si512(next, _mm512_maskz_compress_epi64(wanted, frame));
    next += __builtin_popcount(wanted);
  }
  return next;
}

TARGET struct go_green_scan go_green_scan_avx512(uintptr_t page, size_t cell_bytes, const uint64_t *pointers,
                                                 const uint64_t *objects, uintptr_t *found) {
  uintptr_t *next = found;
  const unsigned words = (unsigned)(cell_bytes / 8);
  const uint64_t starts = every(words);
  uint64_t before = 0, borrow = 0;
  size_t looked_at = 0;
  size_t object = 0; // the first that starts in this word or later
  for (size_t w = 0; w < GO_PAGE_BYTES / 8 / 64; w++) {
    size_t first = object * words - w * 64;
    uint64_t deposited = 0;
    if (first < 64) {
      uint64_t here = starts << first;
      deposited = _pdep_u64(objects_from(objects, object), here);
      object += (size_t)__builtin_popcountll(here);
    }
    uint64_t behind = (uint64_t)(((unsigned __int128)deposited << 64 | before) >> (64 - words));
    unsigned __int128 run = (unsigned __int128)behind - deposited - borrow;
    before = deposited;
    borrow = (uint64_t)(run >> 64) & 1;
    uint64_t mask = (uint64_t)run & __atomic_load_n(&pointers[w], __ATOMIC_RELAXED);
    looked_at += (size_t)__builtin_popcountll(mask);
    next = gather((const uintptr_t *)page + w * 64, mask, next);
  }
  return (struct go_green_scan){(size_t)(next - found), looked_at};
}

bool go_green_has_avx512(void) {
#ifdef GO_EMULATED_AVX512
  return true;
#else
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("popcnt");
#endif
}

#else

struct go_green_scan go_green_scan_avx512(uintptr_t page, size_t cell_bytes, const uint64_t *pointers,
                                          const uint64_t *objects, uintptr_t *found) {
  return go_green_scan_scalar(page, cell_bytes, pointers, objects, found);
}
bool go_green_has_avx512(void) { return false; }

#endif
