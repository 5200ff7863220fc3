// Bitmaps by epochs: what is handed out is zero, disjoint, and stays until its epoch is over; what is
// promised is there though memory has run out.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/os.h"
#include "common/random.h"
#include "go/bits.h"

enum { SPANS = 300, BLOCK = 1 << 10 };

struct span {
  uint64_t *alloc, *mark;
  size_t words;
  uint64_t stamp; // in each word of `alloc`
};

static void fill(uint64_t *word, size_t words, uint64_t value) {
  for (size_t i = 0; i < words; i++) word[i] = value;
}

static void check(const uint64_t *word, size_t words, uint64_t value) {
  for (size_t i = 0; i < words; i++) TRI_CHECK_EQ(word[i], value);
}

// Spans that are swept once per cycle; the promises are kept though every request of the system's memory
// fails.
static void test_cycles(uint64_t seed) {
  static struct span spans[SPANS];
  struct tri_random random = {seed};
  size_t blocks = tri_os_usage().metadata_blocks;
  struct go_bits bits;
  go_bits_init(&bits, BLOCK);
  for (int i = 0; i < SPANS; i++) {
    struct span *s = &spans[i];
    s->words = 1 + tri_random_below(&random, GO_BITS_WORDS_MAX);
    s->alloc = go_bits_take(&bits, s->words);
    s->mark = go_bits_take(&bits, s->words);
    s->stamp = tri_random_next(&random);
    check(s->alloc, s->words, 0);
    fill(s->alloc, s->words, s->stamp);
  }
  size_t settled = 0;
  for (int cycle = 0; cycle < 20; cycle++) {
    size_t words = 0;
    for (int i = 0; i < SPANS; i++) words += spans[i].words;
    TRI_CHECK(go_bits_promise(&bits, words));
    for (int i = 0; i < 10; i++) check(go_bits_take(&bits, 3), 3, 0);
    go_bits_next_epoch(&bits);
    for (int i = 0; i < SPANS; i++) check(spans[i].mark, spans[i].words, 0);
    for (int i = 0; i < SPANS; i++) fill(spans[i].mark, spans[i].words, ~spans[i].stamp);
    tri_os_fail_every(1);
    for (int k = 0, i = (int)tri_random_below(&random, SPANS); k < SPANS; k++, i = (i + 1) % SPANS) {
      struct span *s = &spans[i];
      check(s->alloc, s->words, s->stamp);
      s->alloc = s->mark;
      s->stamp = ~s->stamp;
      check(s->alloc, s->words, s->stamp);
      s->mark = go_bits_take_promised(&bits, s->words);
      check(s->mark, s->words, 0);
    }
    tri_os_fail_every(0);
    TRI_CHECK_EQ(bits.promised, 0);
    if (cycle == 5) settled = go_bits_bytes(&bits);
    if (cycle > 5) TRI_CHECK_EQ(go_bits_bytes(&bits), settled); // epochs are recycled
  }
  go_bits_fini(&bits);
  TRI_CHECK_EQ(tri_os_usage().metadata_blocks, blocks);
}

// What is promised is not handed out to others.
static void test_promise_is_kept(void) {
  struct go_bits bits;
  go_bits_init(&bits, BLOCK);
  TRI_CHECK(go_bits_promise(&bits, 200));
  tri_os_fail_every(1);
  while (go_bits_take(&bits, 7)) {
  }
  go_bits_next_epoch(&bits);
  for (int i = 0; i < 200; i += 10) TRI_CHECK(go_bits_take_promised(&bits, 10) != NULL);
  TRI_CHECK(!go_bits_promise(&bits, 2 * BLOCK));
  tri_os_fail_every(0);
  go_bits_fini(&bits);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
  test_cycles(seed);
  test_promise_is_kept();
  return 0;
}
