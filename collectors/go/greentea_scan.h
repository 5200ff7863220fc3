// Green Tea's scan kernels: from the objects of a span that are to be scanned to the references they hold. A
// span of small objects is scanned as a whole: a bit per object becomes a bit per word, those that are
// references are gathered, null ones left out.
//
// Pure: a kernel reads words of the heap, which mutators may write meanwhile, and writes `found`; it knows no
// heap, no span and no thread. All kernels find the same references in the same order, that of addresses.
//
//   scalar    object by object. The specification of the others, and what a sparse span is scanned with.
//   avx512    64 bytes of the span at a time (AVX512F, BMI2, POPCNT). Objects become words by depositing each
//             bit at the object's first word (D) and subtracting: (D << words) - D has ones from there to
//             its last.
//
// Source: M. Knyszek, A. Clements: Green Tea. Go proposal 73581, 2025; Go 1.26, internal/runtime/gc/scan,
// which expands objects by matrices over GF(2) instead.
#ifndef TRICOLOR_GO_GREENTEA_SCAN_H
#define TRICOLOR_GO_GREENTEA_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "go/size_class.h"
#include "tricolor/compiler.h"

enum {
  GO_GREEN_MIN = 16, // bytes of the cells of spans that are scanned as a whole
  GO_GREEN_MAX = GO_IN_SPAN_MAX,
  GO_GREEN_WORDS = GO_PAGE_BYTES / GO_GREEN_MIN / 64, // of a bitmap with a bit per cell
  GO_GREEN_FOUND = GO_PAGE_BYTES / 8 + 8, // references in a span, at most, and what a vector overhangs
};

struct go_green_scan {
  size_t found; // references stored
  size_t words; // of references that were looked at, nulls too
};

// objects: a bit per cell, of GO_GREEN_WORDS words, none for what is no cell. pointers: a bit per
// word of the page, set for a reference. found: room for GO_GREEN_FOUND; what stands there behind
// what was found means nothing.
typedef struct go_green_scan go_green_kernel(uintptr_t page, size_t cell_bytes, const uint64_t *pointers,
                                             const uint64_t *objects, uintptr_t *found);

// The references of n (2 … 64) words of a page, from `first` on, as a bit each.
static inline uint64_t go_green_pointers(const uint64_t *pointers, size_t first, size_t n) {
  const uint64_t *word = pointers + first / 64;
  uint64_t bits = TRI_RELAXED_LOAD(word) >> first % 64;
  if (first % 64 + n > 64) bits |= TRI_RELAXED_LOAD(word + 1) << (64 - first % 64);
  return bits & ~UINT64_C(0) >> (64 - n);
}

// One object, its cell given by its number. The room needed is that of its own references, and one word.
static inline struct go_green_scan go_green_scan_one(uintptr_t page, size_t cell_bytes,
                                                     const uint64_t *pointers, size_t index,
                                                     uintptr_t *found) {
  const size_t words = cell_bytes / 8, first = index * words;
  const uintptr_t *cell = (const uintptr_t *)page + first;
  struct go_green_scan scan = {0, 0};
  for (uint64_t bits = go_green_pointers(pointers, first, words); bits; bits &= bits - 1, scan.words++) {
    found[scan.found] = TRI_RELAXED_LOAD(&cell[__builtin_ctzll(bits)]);
    scan.found += found[scan.found] != 0;
  }
  return scan;
}

go_green_kernel go_green_scan_scalar;

// Only where go_green_has_avx512() (else it may not be called, or does not exist: then has_ is false).
go_green_kernel go_green_scan_avx512;
bool go_green_has_avx512(void);

// The fastest that this processor can run.
go_green_kernel *go_green_best_kernel(void);

#endif
