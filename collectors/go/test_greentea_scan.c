// The scan kernels: on random spans of each class of 16 to 512 bytes in each layout, with objects from none
// to all, references from none to all, and nulls, each kernel finds what looking at word by word finds, in
// that order. Poisoned words are not read. With an argument: only the kernel of that name; exit status 77 if
// this processor cannot run it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/poison.h"
#include "common/random.h"
#include "go/greentea_scan.h"

enum { WORDS = GO_PAGE_BYTES / 8, ROUNDS = 60 };

static _Alignas(GO_PAGE_BYTES) uintptr_t page[WORDS];
static uint64_t pointers[WORDS / 64], objects[GO_GREEN_WORDS];

static bool bit(const uint64_t *bits, size_t i) { return bits[i / 64] >> i % 64 & 1; }
static void set(uint64_t *bits, size_t i) { bits[i / 64] |= UINT64_C(1) << i % 64; }

// One in `of`; 0: never.
static bool chance(struct tri_random *random, unsigned of) { return of && tri_random_below(random, of) == 0; }

static struct go_green_scan expected(size_t cell_words, size_t n_cells, uintptr_t *found) {
  struct go_green_scan scan = {0, 0};
  for (size_t i = 0; i < n_cells * cell_words; i++) {
    if (!bit(objects, i / cell_words) || !bit(pointers, i)) continue;
    scan.words++;
    if (page[i]) found[scan.found++] = page[i];
  }
  return scan;
}

// Cells that the kernel has no reason to read are poisoned, as free ones are.
static void poison(size_t cell_words, size_t n_cells, bool poisoned) {
  for (size_t i = 0; i < n_cells; i++) {
    if (bit(objects, i)) continue;
    (poisoned ? tri_poison : tri_unpoison)(&page[i * cell_words], cell_words * 8);
  }
}

static void test_class(struct tri_random *random, go_green_kernel *kernel, unsigned size_class,
                       size_t n_cells) {
  static const unsigned chances[] = {0, 1, 2, 7, 40};
  static uintptr_t found[GO_GREEN_FOUND], right[GO_GREEN_FOUND];
  size_t cell_words = go_class_bytes[size_class] / 8;
  for (int round = 0; round < ROUNDS; round++) {
    unsigned object = chances[tri_random_below(random, 5)], pointer = chances[tri_random_below(random, 5)],
             null = chances[tri_random_below(random, 5)];
    memset(pointers, 0, sizeof pointers);
    memset(objects, 0, sizeof objects);
    for (size_t i = 0; i < WORDS; i++) {
      page[i] = chance(random, null) ? 0 : (uintptr_t)tri_random_next(random) | 1;
      if (chance(random, pointer)) set(pointers, i); // also behind the last cell: there it means nothing
    }
    for (size_t i = 0; i < n_cells; i++)
      if (chance(random, object)) set(objects, i);
    struct go_green_scan scan = expected(cell_words, n_cells, right);
    poison(cell_words, n_cells, true);
    struct go_green_scan got = kernel((uintptr_t)page, go_class_bytes[size_class], pointers, objects, found);
    TRI_CHECK_EQ(got.found, scan.found);
    TRI_CHECK_EQ(got.words, scan.words);
    poison(cell_words, n_cells, false);
    for (size_t i = 0; i < got.found; i++) TRI_CHECK_EQ(found[i], right[i]);
  }
}

static void test_kernel(uint64_t seed, go_green_kernel *kernel) {
  struct tri_random random = {seed};
  unsigned classes = 0;
  for (unsigned c = 1; c < GO_CLASSES; c++) {
    if (go_class_bytes[c] < GO_GREEN_MIN || go_class_bytes[c] > GO_GREEN_MAX) continue;
    for (unsigned layout = 0; layout < GO_LAYOUTS; layout++)
      test_class(&random, kernel, c, go_span_objects((enum go_layout)layout, c, false));
    classes++;
  }
  TRI_CHECK_EQ(classes, 25);
}

int main(int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "scalar";
  uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
  fprintf(stderr, "kernel %s, seed %llu\n", name, (unsigned long long)seed);
  bool avx512 = strcmp(name, "avx512") == 0;
  TRI_CHECK_EQ(go_green_best_kernel() == go_green_scan_avx512, go_green_has_avx512());
  if (avx512 && !go_green_has_avx512()) {
    fprintf(stderr, "skipped: this processor has no AVX-512 (AVX512F, BMI2 and POPCNT are needed)\n");
    return 77;
  }
  test_kernel(seed, avx512 ? go_green_scan_avx512 : go_green_scan_scalar);
  return 0;
}
