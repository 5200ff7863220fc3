// Memory for the allocation and mark bitmaps of spans. A sweep makes a span's mark bits its allocation bits
// and gives it new, zero mark bits; so bitmaps die by generations, and are bump-allocated from blocks that
// are freed by generations:
//
//   next       what the present sweep hands out: mark bits of the cycle that comes
//   current    mark bits of spans not yet swept, and allocation bits of swept ones
//   previous   allocation bits of spans not yet swept
//   spare      zeroed blocks
//
// When a sweep begins, go_bits_next_epoch moves each one on, and previous to spare. Source: Go 1.9 to 1.26,
// runtime/mheap.go, gcBits; a sweep may not fail, though, so what it will need is promised when marking
// begins. Invariant: there is room for all that is promised, in this epoch or the next one.
//
// Not locked. Out of memory is a value.
#ifndef TRICOLOR_GO_BITS_H
#define TRICOLOR_GO_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GO_BITS_WORDS_MAX = 16 }; // of one bitmap

struct go_bits_block;

struct go_bits {
  struct go_bits_block *next, *current, *previous, *spare;
  size_t n_blocks, n_spare;
  size_t block_words;
  size_t promised; // words
};

static inline size_t go_bits_words(size_t n_bits) { return (n_bits + 63) / 64; }

// Takes no memory. block_bytes: a power of two, 1 KiB or more (Go: 64 KiB).
void go_bits_init(struct go_bits *bits, size_t block_bytes);
void go_bits_fini(struct go_bits *bits);

// A zero bitmap of `words` (1 … GO_BITS_WORDS_MAX); NULL: out of memory.
uint64_t *go_bits_take(struct go_bits *bits, size_t words);

// Promise so many words; false: out of memory. Then take them, or take the promise back.
bool go_bits_promise(struct go_bits *bits, size_t words);
uint64_t *go_bits_take_promised(struct go_bits *bits, size_t words);
void go_bits_forgo(struct go_bits *bits, size_t words);

// No bitmap of the previous epoch is in use any more.
void go_bits_next_epoch(struct go_bits *bits);

size_t go_bits_bytes(const struct go_bits *bits);

#endif
