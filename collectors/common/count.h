// The count word of a counted object: a saturating reference count and flags, in the word before the tag.
//
//   bits 34..63   the count. At the heap's largest count it is stuck: neither up nor down changes it any
//   more,
//                 because how many references there are is no longer known (Deutsch and Bobrow 1976)
//   bits 3..33    the collector's
//   bits 0..2     the flags below
//
// The count stands at the top, so that one comparison tells a stuck word and underflow leaves the flags
// alone. It has a word of its own, not the tag's lent bits: seven bits less colour and flags would be stuck
// at a handful, and a dead object needs room for a link while its tag is still read.
//
// A word is written by the heap's only mutator: nothing here is atomic.
#ifndef TRICOLOR_COMMON_COUNT_H
#define TRICOLOR_COMMON_COUNT_H

#include "tricolor/object.h"

#define TRI_COUNT_DEAD UINT64_C(1)        // on a list of dead objects; the rest of the word is the next one
#define TRI_COUNT_WEAK_TARGET UINT64_C(2) // some weak reference has it as target (common/weak_table.h)
#define TRI_COUNT_FINALIZABLE UINT64_C(4) // has finalizers that were not yet queued
#define TRI_COUNT_SHIFT 34
#define TRI_COUNT_ONE (UINT64_C(1) << TRI_COUNT_SHIFT)
#define TRI_COUNT_WORD_BYTES sizeof(uint64_t)

enum { TRI_COUNT_MIN_BITS = 2, TRI_COUNT_MAX_BITS = 64 - TRI_COUNT_SHIFT };

static inline uint64_t *tri_count_word(tri_ref object) {
  return (uint64_t *)(object.bits - TRI_TAG_BYTES - TRI_COUNT_WORD_BYTES);
}
static inline tri_ref tri_count_owner(uint64_t *word) {
  return (tri_ref){(uintptr_t)word + TRI_COUNT_WORD_BYTES + TRI_TAG_BYTES};
}

// The smallest stuck word when counts have that many bits.
static inline uint64_t tri_count_stuck_from(unsigned bits) {
  return ((UINT64_C(1) << bits) - 1) << TRI_COUNT_SHIFT;
}

static inline uint32_t tri_count_of(uint64_t word) { return (uint32_t)(word >> TRI_COUNT_SHIFT); }
static inline uint64_t tri_count_up(uint64_t word, uint64_t stuck_from) {
  return word + (TRI_LIKELY(word < stuck_from) ? TRI_COUNT_ONE : 0);
}
static inline uint64_t tri_count_down(uint64_t word, uint64_t stuck_from) {
  return word - (TRI_LIKELY(word < stuck_from) ? TRI_COUNT_ONE : 0);
}

// Lists of dead objects, threaded through their count words: deleting any graph takes no memory and no
// recursion (Weizenbaum 1963).
static inline bool tri_is_dead(tri_ref object) { return *tri_count_word(object) & TRI_COUNT_DEAD; }
static inline void tri_dead_push(tri_ref *list, tri_ref object) {
  *tri_count_word(object) = list->bits | TRI_COUNT_DEAD;
  *list = object;
}
static inline tri_ref tri_dead_pop(tri_ref *list) { // TRI_NULL when empty
  tri_ref object = *list;
  if (!tri_is_null(object)) list->bits = *tri_count_word(object) & ~TRI_COUNT_DEAD;
  return object;
}

#endif
