// The mutator and its two faces, on random programs: test_mutate [seed].
#include "mutate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/mutate_afl.h"
#include "liveness.h"
#include "program/random_program.h"

enum { ROUNDS = 400, OPS = 30, MAX = FUZZ_MAX_LEN };

static uint64_t seed = 1;

static struct tri_program decode(const uint8_t *bytes, size_t size) {
  struct tri_program program = {0};
  TRI_CHECK(tri_program_decode(&program, bytes, size));
  return program;
}

// Is this what encoding its own operations gives?
static void check_canonical(const uint8_t *bytes, size_t size) {
  uint8_t again[MAX];
  struct tri_program program = decode(bytes, size);
  TRI_CHECK_EQ(tri_program_encode(&program, again, sizeof again), size);
  TRI_CHECK(memcmp(bytes, again, size) == 0);
  tri_program_free(&program);
}

static size_t random_bytes(struct tri_random *random, uint8_t *bytes, size_t max) {
  struct tri_program program = {0};
  random_program(random, (size_t)tri_random_below(random, OPS), &program);
  size_t size = tri_program_encode(&program, bytes, max);
  tri_program_free(&program);
  return size < max ? size : max;
}

static bool equal_programs(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
  struct tri_program p = decode(a, a_size), q = decode(b, b_size);
  bool equal = tri_program_equal(&p, &q);
  tri_program_free(&p);
  tri_program_free(&q);
  return equal;
}

// Each operator: legal, canonical and the same again; and it does what it is there for in most draws.
static void test_operators(void) {
  for (unsigned i = 0; i < tri_mutation_operators(); i++) {
    struct tri_random random = {seed};
    unsigned changed = 0, applied = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
      uint8_t from[MAX], to[MAX], again[MAX];
      size_t size = random_bytes(&random, from, sizeof from), to_size = size, again_size = size;
      size_t max = round % 8 ? MAX : size;
      memcpy(to, from, size);
      memcpy(again, from, size);
      uint64_t draw = tri_random_next(&random);
      bool applies = tri_mutate_by(i, to, &to_size, max, draw);
      tri_mutate_by(i, again, &again_size, max, draw);
      TRI_CHECK_LE(to_size, max);
      TRI_CHECK_EQ(to_size, again_size);
      TRI_CHECK(memcmp(to, again, to_size) == 0);
      if (i) check_canonical(to, to_size);
      applied += applies;
      changed += !equal_programs(from, size, to, to_size);
    }
    printf("%-18s applied %3u of %d, changed %3u\n", tri_mutation_operator_name(i), applied, ROUNDS, changed);
    TRI_CHECK_LT(0, applied);
    // An operator that only moves what is rare applies where it is.
    if (applied > ROUNDS / 2)
      TRI_CHECK_LT(ROUNDS / 2, changed);
    else
      TRI_CHECK_LT(applied / 2, changed);
  }
}

static void test_mutate(void) {
  struct tri_random random = {seed};
  unsigned changed = 0, raw = 0, used[64] = {0};
  for (unsigned round = 0; round < 10 * ROUNDS; round++) {
    uint8_t from[MAX], to[MAX];
    size_t size = random_bytes(&random, from, sizeof from);
    if (round % 4 == 0) // not only canonical ones come in
      for (size_t i = 0; i < size; i++) from[i] = (uint8_t)tri_random_next(&random);
    size_t max = round % 8 ? MAX : 8 + size / 2;
    if (size > max) size = max;
    memcpy(to, from, size);
    uint64_t draw = tri_random_next(&random);
    struct tri_mutation mutation;
    size_t to_size = tri_mutate_traced(to, size, max, draw, &mutation);
    TRI_CHECK_LE(to_size, max);
    TRI_CHECK_LT(0, to_size);
    TRI_CHECK_LE(mutation.count, TRI_MUTATION_DEPTH);
    for (unsigned i = 0; i < mutation.count; i++) used[mutation.operators[i]]++;
    if (tri_mutation_is_raw(draw))
      raw++;
    else
      check_canonical(to, to_size);
    changed += !equal_programs(from, size, to, to_size);
  }
  TRI_CHECK_LT(10 * ROUNDS * 9 / 10, changed);
  TRI_CHECK_LT(10 * ROUNDS / 10, raw);
  TRI_CHECK_LT(raw, 10 * ROUNDS / 6);
  for (unsigned i = 0; i < tri_mutation_operators(); i++) TRI_CHECK_LT(0, used[i]);
}

// A situation is put in as a whole: what was there still stands before and after it, if it did not make way for it.
static void test_situation(void) {
  unsigned operator = 0, kept = 0, within = 0, rounds = 0;
  while (strcmp(tri_mutation_operator_name(operator), "situation")) operator++;
  struct tri_random random = {seed};
  while (rounds < ROUNDS) {
    uint8_t from[MAX], to[MAX];
    size_t size = random_bytes(&random, from, sizeof from), to_size = size;
    memcpy(to, from, size);
    TRI_CHECK(tri_mutate_by(operator, to, &to_size, MAX, tri_random_next(&random)));
    struct tri_program p = decode(from, size), q = decode(to, to_size);
    size_t same = 0, head = 0;
    while (head < p.count && head < q.count && tri_op_equal(&p.ops[head], &q.ops[head])) same = ++head;
    for (size_t i = 1; same < p.count && i <= q.count; i++, same++)
      if (!tri_op_equal(&p.ops[p.count - i], &q.ops[q.count - i])) break;
    kept += same == p.count && q.count > p.count;
    within += same == p.count && head > 0 && head < p.count;
    rounds++;
    tri_program_free(&p);
    tri_program_free(&q);
  }
  printf("situation: %u of %u programs kept all of theirs, %u on both sides\n", kept, rounds, within);
  TRI_CHECK_LT(ROUNDS / 3, kept);
  TRI_CHECK_LT(kept, ROUNDS);
  TRI_CHECK_LT(kept / 2, within);
}

static void test_smallest(void) {
  for (uint64_t draw = 0; draw < 200; draw++)
    for (size_t max = 0; max < 8; max++) {
      uint8_t bytes[8] = {0};
      TRI_CHECK_LE(tri_mutate(bytes, 0, max, draw), max);
      TRI_CHECK_LE(tri_crossover(bytes, max, NULL, 0, NULL, 0, draw), max);
    }
}

// Every operation of a crossover comes from one of the parents, and some from both.
static void test_crossover(void) {
  struct tri_random random = {seed};
  unsigned both = 0;
  for (unsigned round = 0; round < ROUNDS; round++) {
    uint8_t a[MAX], b[MAX], out[MAX], again[MAX];
    size_t a_size = random_bytes(&random, a, sizeof a), b_size = random_bytes(&random, b, sizeof b);
    size_t max = round % 4 ? MAX : 100;
    uint64_t draw = tri_random_next(&random);
    size_t size = tri_crossover(out, max, a, a_size, b, b_size, draw);
    TRI_CHECK_LE(size, max);
    TRI_CHECK_EQ(tri_crossover(again, max, a, a_size, b, b_size, draw), size);
    TRI_CHECK(memcmp(out, again, size) == 0);
    check_canonical(out, size);
    struct tri_program p = decode(a, a_size), q = decode(b, b_size), r = decode(out, size);
    unsigned from_a = 0, from_b = 0;
    for (size_t i = 0; i < r.count; i++) {
      bool in_a = false, in_b = false;
      for (size_t k = 0; k < p.count; k++) in_a = in_a || tri_op_equal(&r.ops[i], &p.ops[k]);
      for (size_t k = 0; k < q.count; k++) in_b = in_b || tri_op_equal(&r.ops[i], &q.ops[k]);
      TRI_CHECK(in_a || in_b || p.count + q.count == 0);
      from_a += in_a;
      from_b += in_b;
    }
    both += from_a && from_b;
    tri_program_free(&p);
    tri_program_free(&q);
    tri_program_free(&r);
  }
  TRI_CHECK_LT(ROUNDS / 2, both);
}

static void test_liveness(void) {
  static const struct tri_op ops[] = {
      {TRI_OP_LEAF, {1}}, {TRI_OP_PAIR, {2, 1, 1}},  {TRI_OP_CALL, {2}},    {TRI_OP_RETURN, {3, 0}},
      {TRI_OP_DROP, {1}}, {TRI_OP_STORE, {4, 0, 2}}, {TRI_OP_MUTATOR, {1}}, {TRI_OP_DROP_ALL, {0}}};
  static const uint16_t live[] = {0, 2, 6, 1, 14, 12, 12, 0, 0};
  struct tri_program program = {.ops = (struct tri_op *)ops, .count = 8};
  for (size_t i = 0; i <= program.count; i++) {
    struct tri_liveness liveness = tri_liveness_at(&program, i);
    TRI_CHECK_EQ(tri_liveness_registers(&liveness), live[i]);
  }
}

// ---- As AFL++ calls it ------------------------------------------------------------------------------------

static void test_afl_fuzz(void) {
  struct tri_random random = {seed};
  uint8_t described = 0;
  void *one = afl_custom_init(NULL, 7), *two = afl_custom_init(NULL, 7);
  for (unsigned round = 0; round < ROUNDS; round++) {
    uint8_t a[2 * MAX], b[2 * MAX], *out, *again;
    size_t a_size = random_bytes(&random, a, sizeof a), b_size = random_bytes(&random, b, sizeof b);
    size_t size = afl_custom_fuzz(one, a, a_size, &out, b, b_size, 1 << 20);
    TRI_CHECK_LE(size, MAX);
    TRI_CHECK_EQ(afl_custom_fuzz(two, a, a_size, &again, b, b_size, 1 << 20), size);
    TRI_CHECK(memcmp(out, again, size) == 0);
    TRI_CHECK_LT(strlen(afl_custom_describe(one, 40)), 40);
    described |= strlen(afl_custom_describe(one, 100)) > 0;
  }
  TRI_CHECK(described);
  afl_custom_deinit(one);
  afl_custom_deinit(two);
}

// Trim to the operations of one code: nothing else is left, unless the canonical form would be longer than
// the bytes.
static void check_trim(void *library, uint8_t *bytes, size_t size, uint8_t wanted, bool canonical) {
  struct tri_program before = decode(bytes, size), after = {0};
  size_t kept = 0, left = 0;
  for (size_t i = 0; i < before.count; i++) kept += before.ops[i].code == wanted;
  size_t best = size;
  int32_t done = 0, steps = afl_custom_init_trim(library, bytes, size), calls = 0;
  for (; done < steps; calls++) {
    uint8_t *out;
    size_t out_size = afl_custom_trim(library, &out);
    TRI_CHECK_LE(out_size, best);
    TRI_CHECK_LT(0, out_size);
    check_canonical(out, out_size);
    struct tri_program candidate = decode(out, out_size);
    size_t has = 0;
    for (size_t i = 0; i < candidate.count; i++) has += candidate.ops[i].code == wanted;
    bool good = has == kept;
    if (good) {
      tri_program_free(&after);
      after = candidate;
      best = out_size;
    } else {
      tri_program_free(&candidate);
    }
    int32_t next = afl_custom_post_trim(library, good);
    TRI_CHECK_LT(done, next);
    done = next;
    TRI_CHECK_LE(calls, steps);
  }
  for (size_t i = 0; i < after.count; i++) left += after.ops[i].code != wanted;
  if (kept && steps && canonical) TRI_CHECK_EQ(left, 0);
  tri_program_free(&before);
  tri_program_free(&after);
}

static void test_afl_trim(void) {
  struct tri_random random = {seed};
  void *library = afl_custom_init(NULL, 1);
  for (unsigned round = 0; round < ROUNDS; round++) {
    uint8_t bytes[MAX];
    size_t size = random_bytes(&random, bytes, sizeof bytes);
    if (round % 2) {
      for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)tri_random_next(&random);
      size = (size_t)tri_random_below(&random, size + 1);
    }
    check_trim(library, bytes, size, (uint8_t)tri_random_below(&random, TRI_OP_COUNT), round % 2 == 0);
  }
  afl_custom_deinit(library);
}

int main(int argc, char **argv) {
  if (argc > 1) seed = strtoull(argv[1], NULL, 0);
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("seed %llu\n", (unsigned long long)seed);
  test_operators();
  test_mutate();
  test_situation();
  test_smallest();
  test_crossover();
  test_liveness();
  test_afl_fuzz();
  test_afl_trim();
  return 0;
}
