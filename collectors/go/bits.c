#include "go/bits.h"

#include <string.h>

#include "common/check.h"
#include "common/os.h"

struct go_bits_block {
  struct go_bits_block *link;
  size_t used; // words
  uint64_t word[];
};

static size_t block_bytes(const struct go_bits *bits) {
  return sizeof(struct go_bits_block) + bits->block_words * sizeof(uint64_t);
}

void go_bits_init(struct go_bits *bits, size_t bytes) {
  *bits = (struct go_bits){.block_words = (bytes - sizeof(struct go_bits_block)) / sizeof(uint64_t)};
}

static void free_list(struct go_bits_block **list) {
  for (struct go_bits_block *block; (block = *list);) {
    *list = block->link;
    tri_os_free(block);
  }
}

void go_bits_fini(struct go_bits *bits) {
  free_list(&bits->next);
  free_list(&bits->current);
  free_list(&bits->previous);
  free_list(&bits->spare);
}

// Have spare blocks for so many words, taken in pieces of any size: the end of each block may be left over.
static bool reserve(struct go_bits *bits, size_t words) {
  enum { LEFT_OVER = GO_BITS_WORDS_MAX - 1 };
  while (bits->n_spare * (bits->block_words - LEFT_OVER) < words) {
    struct go_bits_block *block = tri_os_calloc(block_bytes(bits));
    if (!block) return false;
    block->link = bits->spare;
    bits->spare = block;
    bits->n_spare++;
    bits->n_blocks++;
  }
  return true;
}

// There is room.
static uint64_t *take(struct go_bits *bits, size_t words) {
  struct go_bits_block *block = bits->next;
  if (!block || bits->block_words - block->used < words) {
    block = bits->spare;
    bits->spare = block->link;
    bits->n_spare--;
    block->link = bits->next;
    bits->next = block;
  }
  uint64_t *taken = block->word + block->used;
  block->used += words;
  return taken;
}

// The room in the present block is not counted: the next epoch begins with a new one. So at least one more
// spare block than the promises need makes room for anything.
uint64_t *go_bits_take(struct go_bits *bits, size_t words) {
  return reserve(bits, bits->promised + bits->block_words) ? take(bits, words) : NULL;
}

bool go_bits_promise(struct go_bits *bits, size_t words) {
  if (!reserve(bits, bits->promised + words)) return false;
  bits->promised += words;
  return true;
}

void go_bits_forgo(struct go_bits *bits, size_t words) {
  TRI_ASSERT(words <= bits->promised);
  bits->promised -= words;
}

uint64_t *go_bits_take_promised(struct go_bits *bits, size_t words) {
  go_bits_forgo(bits, words);
  return take(bits, words);
}

void go_bits_next_epoch(struct go_bits *bits) {
  size_t in_use = bits->n_blocks - bits->n_spare;
  for (struct go_bits_block *block; (block = bits->previous);) {
    bits->previous = block->link;
    if (bits->n_spare > in_use) { // there was once more to describe
      tri_os_free(block);
      bits->n_blocks--;
      continue;
    }
    memset(block->word, 0, block->used * sizeof *block->word);
    block->used = 0;
    block->link = bits->spare;
    bits->spare = block;
    bits->n_spare++;
  }
  bits->previous = bits->current;
  bits->current = bits->next;
  bits->next = NULL;
}

size_t go_bits_bytes(const struct go_bits *bits) { return bits->n_blocks * block_bytes(bits); }
