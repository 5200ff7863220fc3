// A hash table from keys to strings that grows by doubling, its strings replaced all the time: pointer-free
// payloads of many sizes, large pointer arrays, rehashing. Length and bytes of every string follow from its key and
// the number of its replacements, which a plain array counts.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workload.h"

enum { KEYS, REPLACEMENTS, MAX_LENGTH };
static const struct tri_param params[] = {
    {"keys", {200, 40000, 400000}, 1, 8000000, "keys inserted"},
    {"replacements", {500, 400000, 4000000}, 0, INT64_C(1) << 40, "strings replaced after that"},
    {"max_length", {120, 120, 120}, 1, 1 << 20, "bytes of the longest string"},
};

enum { NEXT, STRING, FIRST_BUCKETS = 16 };
#define ENTRY TRI_SHAPE(2, 8) // the payload: the key

static uint64_t live_bytes(const int64_t *param) {
  return (uint64_t)param[KEYS] * (24 + 8 + (uint64_t)param[MAX_LENGTH] / 2);
}

static uint64_t hash_key(uint64_t key) { return tri_random_next(&(struct tri_random){key}); }

// The string of a key in a version: its length and every byte follow from both.
static size_t string_length(uint64_t key, uint64_t version, size_t max) {
  return 1 + hash_key(key * 31 + version) % max;
}
static uint8_t string_byte(uint64_t key, uint64_t version) { return (uint8_t)(key + 7 * version); }

static tri_ref make_string(struct tri_mutator *m, uint64_t key, uint64_t version, size_t max) {
  size_t length = string_length(key, version, max);
  tri_ref string = tri_alloc(m, TRI_SHAPE(0, length));
  if (!tri_is_null(string)) memset(tri_raw_after(m, string, 0), string_byte(key, version), length);
  return string;
}

static tri_ref find_entry(struct tri_mutator *m, tri_ref buckets, size_t n_buckets, uint64_t key) {
  tri_ref entry = tri_load(m, buckets, hash_key(key) & (n_buckets - 1));
  while (!tri_is_null(entry) && *(uint64_t *)tri_raw_after(m, entry, 2) != key) entry = tri_load(m, entry, NEXT);
  return entry;
}

static bool grow(struct tri_mutator *m, tri_ref *buckets, size_t *n_buckets) {
  tri_ref larger = tri_alloc(m, TRI_SHAPE(2 * *n_buckets, 0));
  if (tri_is_null(larger)) return false;
  for (size_t i = 0; i < *n_buckets; i++)
    for (tri_ref next, entry = tri_load(m, *buckets, i); !tri_is_null(entry); entry = next) {
      size_t to = hash_key(*(uint64_t *)tri_raw_after(m, entry, 2)) & (2 * *n_buckets - 1);
      next = tri_load(m, entry, NEXT);
      tri_store(m, entry, NEXT, tri_load(m, larger, to));
      tri_store(m, larger, to, entry);
    }
  tri_ref old = *buckets;
  tri_root_set(m, buckets, larger);
  if (tri_has(m->heap, TRI_CAP_EXPLICIT_FREE)) tri_free(m, old);
  *n_buckets *= 2;
  return true;
}

static enum tri_outcome run(struct tri_mutator *m, const int64_t *param, struct tri_answer *answer) {
  enum tri_outcome outcome = TRI_OUTCOME_OUT_OF_MEMORY;
  size_t n_buckets = FIRST_BUCKETS, max = (size_t)param[MAX_LENGTH];
  uint64_t keys = (uint64_t)param[KEYS], sum = 0, wrong = 0;
  uint32_t *version = calloc(keys, sizeof *version); // replacements of each key so far: the model
  if (!version) return TRI_OUTCOME_OUT_OF_MEMORY;
  bool explicit_free = tri_has(m->heap, TRI_CAP_EXPLICIT_FREE);
  TRI_FRAME(m, f, 2); // buckets, the string or entry in the making
  tri_ref buckets = tri_alloc(m, TRI_SHAPE(n_buckets, 0));
  if (tri_is_null(buckets)) goto out;
  tri_root_set(m, &f.slot[0], buckets);
  for (uint64_t key = 0; key < keys; key++) {
    if (key >= n_buckets && !grow(m, &f.slot[0], &n_buckets)) goto out;
    tri_ref string = make_string(m, key, 0, max);
    if (tri_is_null(string)) goto out;
    tri_root_set(m, &f.slot[1], string);
    tri_ref entry = tri_alloc(m, ENTRY);
    if (tri_is_null(entry)) goto out;
    *(uint64_t *)tri_raw_after(m, entry, 2) = key;
    size_t bucket = hash_key(key) & (n_buckets - 1);
    tri_init(m, entry, NEXT, tri_load(m, f.slot[0], bucket));
    tri_init(m, entry, STRING, f.slot[1]);
    tri_store(m, f.slot[0], bucket, entry);
  }

  struct tri_random random = {7};
  for (int64_t r = 0; r < param[REPLACEMENTS]; r++) {
    uint64_t key = tri_random_below(&random, keys);
    tri_ref string = make_string(m, key, ++version[key], max);
    if (tri_is_null(string)) goto out;
    tri_ref entry = find_entry(m, f.slot[0], n_buckets, key);
    tri_ref old = tri_load(m, entry, STRING);
    tri_store(m, entry, STRING, string);
    if (explicit_free) tri_free(m, old);
  }

  for (uint64_t key = 0; key < keys; key++) {
    tri_ref entry = find_entry(m, f.slot[0], n_buckets, key);
    if (tri_is_null(entry)) {
      wrong++;
      continue;
    }
    tri_ref string = tri_load(m, entry, STRING);
    const uint8_t *bytes = tri_raw_after(m, string, 0);
    size_t length = tri_shape_bytes(tri_shape(m, string));
    wrong += length != string_length(key, version[key], max);
    for (size_t i = 0; i < length; i++) wrong += bytes[i] != string_byte(key, version[key]);
    sum = sum * 31 + length * 256 + bytes[0];
  }
  answer->value = sum;
  snprintf(answer->text, sizeof answer->text, "%llu keys, %llu missing or damaged", (unsigned long long)keys,
           (unsigned long long)wrong);
  outcome = wrong == 0 ? TRI_OUTCOME_OK : TRI_OUTCOME_WRONG;
out:
  TRI_FRAME_POP(m, f);
  free(version);
  return outcome;
}

TRI_WORKLOAD(string_table, "string-table", "pointer-free payloads of many sizes, a hash table that grows",
             "this suite");
