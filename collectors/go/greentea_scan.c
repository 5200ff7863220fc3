#include "go/greentea_scan.h"

#include "tricolor/compiler.h"

// The pointer bits of n (2 … 64) words from `first` on.
static inline uint64_t pointers_of(const uint64_t *pointers, size_t first, size_t n) {
  const uint64_t *word = pointers + first / 64;
  uint64_t bits = TRI_RELAXED_LOAD(word) >> first % 64;
  if (first % 64 + n > 64) bits |= TRI_RELAXED_LOAD(word + 1) << (64 - first % 64);
  return bits & ~UINT64_C(0) >> (64 - n);
}

struct go_green_scan go_green_scan_scalar(uintptr_t page, size_t cell_bytes, const uint64_t *pointers,
                                          const uint64_t *objects, uintptr_t *found) {
  const size_t words = cell_bytes / 8;
  uintptr_t *next = found;
  size_t looked_at = 0;
  for (size_t w = 0; w < GO_GREEN_WORDS; w++) {
    for (uint64_t left = objects[w]; left; left &= left - 1) {
      size_t first = (w * 64 + (size_t)__builtin_ctzll(left)) * words;
      const uintptr_t *cell = (const uintptr_t *)page + first;
      for (uint64_t bits = pointers_of(pointers, first, words); bits; bits &= bits - 1) {
        looked_at++;
        *next = TRI_RELAXED_LOAD(&cell[__builtin_ctzll(bits)]);
        next += *next != 0;
      }
    }
  }
  return (struct go_green_scan){(size_t)(next - found), looked_at};
}

go_green_kernel *go_green_best_kernel(void) {
  return go_green_has_avx512() ? go_green_scan_avx512 : go_green_scan_scalar;
}
