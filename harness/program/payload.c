#include "program/payload.h"

#include <string.h>

enum { WORD = sizeof(uint64_t), HEAD_BYTES = 1 << 10 };

// Word i of the payload (SplitMix64 finaliser over seed and index); word 0 is the seed itself.
static uint64_t word(uint64_t seed, size_t i) {
  if (i == 0) return seed;
  uint64_t z = seed + i * UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// A payload longer than its head ends in one more word.
static bool has_tail(size_t bytes) { return bytes >= HEAD_BYTES + WORD; }
static uint64_t tail(uint64_t seed, size_t bytes) { return word(seed, bytes); }

void tri_payload_write(void *payload, size_t bytes, uint64_t seed) {
  unsigned char *to = payload;
  for (size_t at = 0, end = smaller(bytes, HEAD_BYTES); at < end; at += WORD) {
    uint64_t value = word(seed, at / WORD);
    memcpy(to + at, &value, smaller(WORD, end - at));
  }
  if (has_tail(bytes)) {
    uint64_t value = tail(seed, bytes);
    memcpy(to + bytes - WORD, &value, WORD);
  }
}

uint64_t tri_payload_seed(const void *payload, size_t bytes) {
  uint64_t seed = 0;
  memcpy(&seed, payload, smaller(bytes, WORD));
  return seed;
}

// The first byte in which `bytes` of the payload differ from the value, or bytes.
static size_t first_difference(const unsigned char *payload, uint64_t value, size_t bytes) {
  unsigned char expected[WORD];
  memcpy(expected, &value, WORD);
  if (memcmp(payload, expected, bytes) == 0) return bytes;
  size_t i = 0;
  while (payload[i] == expected[i]) i++;
  return i;
}

bool tri_payload_check(const void *payload, size_t bytes, size_t *offset) {
  const unsigned char *from = payload;
  uint64_t seed = tri_payload_seed(payload, bytes);
  for (size_t at = WORD, end = smaller(bytes, HEAD_BYTES); at < end; at += WORD) {
    size_t n = smaller(WORD, end - at), same = first_difference(from + at, word(seed, at / WORD), n);
    if (same < n) {
      *offset = at + same;
      return false;
    }
  }
  if (!has_tail(bytes)) return true;
  size_t same = first_difference(from + bytes - WORD, tail(seed, bytes), WORD);
  *offset = bytes - WORD + same;
  return same == WORD;
}
