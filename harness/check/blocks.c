// Family I: blocks and their units. Judges what a collector tells of its blocks (tri_each_block) against
// itself and against the heap walk.
//
// With cells or granules as units (`starts`), an object's unit is the one that it starts in; with lines, each
// one that it touches.
#include "check/state.h"

struct blocks {
  struct tri_shadow *s;
  bool walked, marked;
  struct tri_view view; // of the block: made once, filled in for each
  size_t next;          // of the walked objects, which are sorted like the blocks
};

static bool has_bit(const uint64_t *bits, size_t i) { return bits[i / 64] >> i % 64 & 1; }

// Bits of one set that are not in another (NULL: empty). Most words are 0.
static size_t count_bits(const uint64_t *bits, const uint64_t *without, size_t words) {
  size_t n = 0;
  for (size_t w = 0; w < words; w++) {
    uint64_t word = bits[w] & ~(without ? without[w] : 0);
    if (word) n += (size_t)__builtin_popcountll(word);
  }
  return n;
}

static void judge_place(struct tri_shadow *s, const struct tri_block_info *block,
                        const struct tri_object_info *info) {
  size_t first = (info->start - block->start) / block->unit_bytes;
  size_t last = block->starts ? first : (info->start + info->bytes - 1 - block->start) / block->unit_bytes;
  size_t units = block->bytes / block->unit_bytes;
  bool in_use = block->use != TRI_USE_FREE && block->use != TRI_USE_RELEASED;
  for (size_t i = first; i <= last && i < units && in_use; i++) in_use = has_bit(block->used, i);
  s->looked[TRI_WHEN_PLACE]++;
  if (TRI_LIKELY(in_use)) return;
  struct tri_view view = {
      .object = model_at(s->model, info->ref), .slot = SIZE_MAX, .info = info, .block = block};
  shadow_judge(s, TRI_WHEN_PLACE, &view);
}

static bool judge_block(void *context, const struct tri_block_info *block) {
  struct blocks *blocks = context;
  struct tri_shadow *s = blocks->s;
  struct tri_view *view = &blocks->view;
  size_t words = (block->bytes / block->unit_bytes + 63) / 64;
  view->block = block;
  view->used = blocks->marked ? 0 : count_bits(block->used, NULL, words);
  view->zombies = blocks->marked && block->marked ? count_bits(block->marked, block->used, words) : 0;
  enum tri_when when = blocks->marked ? TRI_WHEN_ZOMBIE : TRI_WHEN_BLOCK;
  s->looked[when]++;
  shadow_judge(s, when, view);
  while (blocks->walked && blocks->next < s->n_walked && s->walked[blocks->next].start < block->start)
    blocks->next++;
  for (; blocks->walked && blocks->next < s->n_walked; blocks->next++) {
    const struct tri_object_info *info = &s->walked[blocks->next];
    if (info->start - block->start >= block->bytes) break;
    judge_place(s, block, info);
  }
  return true;
}

void shadow_judge_blocks(struct tri_shadow *s, bool walked, bool marked) {
  if (!(s->heap->tells & TRI_TELLS_BLOCKS)) return;
  struct blocks blocks = {.s = s, .walked = walked, .marked = marked, .view.slot = SIZE_MAX};
  s->shim.inner->each_block(s->heap, judge_block, &blocks);
}
