#include "go/greentea_scan.h"

struct go_green_scan go_green_scan_scalar(uintptr_t page, size_t cell_bytes, const uint64_t *pointers,
                                          const uint64_t *objects, uintptr_t *found) {
  struct go_green_scan all = {0, 0};
  for (size_t w = 0; w < GO_GREEN_WORDS; w++) {
    for (uint64_t left = objects[w]; left; left &= left - 1) {
      size_t index = w * 64 + (size_t)__builtin_ctzll(left);
      struct go_green_scan one = go_green_scan_one(page, cell_bytes, pointers, index, found + all.found);
      all.found += one.found;
      all.words += one.words;
    }
  }
  return all;
}

go_green_kernel *go_green_best_kernel(void) {
  return go_green_has_avx512() ? go_green_scan_avx512 : go_green_scan_scalar;
}
