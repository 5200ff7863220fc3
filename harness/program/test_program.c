// The properties of the byte form, on random programs and random bytes: test_program [seed].
#include "program/random_program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 2000, MAX_OPS = 40, MAX_BYTES = 1024 };

static struct tri_program decode(const uint8_t *bytes, size_t size) {
  struct tri_program program = {0};
  TRI_CHECK(tri_program_decode(&program, bytes, size));
  for (size_t i = 0; i < program.count; i++) {
    const struct tri_op *op = &program.ops[i];
    TRI_CHECK_LT(op->code, TRI_OP_COUNT);
    for (unsigned k = 0; k < tri_op_rows[op->code].n_operands; k++)
      TRI_CHECK_LT(op->operand[k], tri_operand_limit((enum tri_operand_kind)tri_op_rows[op->code].operands[k]));
  }
  return program;
}

static size_t encode(const struct tri_program *program, uint8_t *bytes, size_t capacity) {
  size_t size = tri_program_encode(program, bytes, capacity);
  TRI_CHECK_LE(size, capacity);
  return size;
}

// Operations that two programs share as a common prefix and a common suffix.
static size_t common(const struct tri_program *a, const struct tri_program *b) {
  size_t n = a->count < b->count ? a->count : b->count, prefix = 0, suffix = 0;
  while (prefix < n && tri_op_equal(&a->ops[prefix], &b->ops[prefix])) prefix++;
  while (suffix < n - prefix && tri_op_equal(&a->ops[a->count - 1 - suffix], &b->ops[b->count - 1 - suffix]))
    suffix++;
  return prefix + suffix;
}

static void test_table(void) {
  bool seen[TRI_OP_COUNT] = {false};
  for (unsigned byte = 0x80; byte <= 0xff; byte++) {
    struct tri_program program = decode((const uint8_t[]){(uint8_t)byte}, 1);
    TRI_CHECK_EQ(program.count, 1);
    seen[program.ops[0].code] = true;
    tri_program_free(&program);
  }
  for (unsigned code = 0; code < TRI_OP_COUNT; code++) {
    const struct tri_op_row *row = &tri_op_rows[code];
    unsigned places = 0;
    for (const char *s = row->syntax; *s; s++) places += *s == '%';
    TRI_CHECK(seen[code]);
    TRI_CHECK_EQ(row->n_operands, places);
    TRI_CHECK_EQ(row->n_operands, strspn(row->operands, "rfgnkwslhmap"));
    for (unsigned other = 0; other < code; other++) TRI_CHECK(strcmp(row->name, tri_op_rows[other].name) != 0);
  }
}

static void test_sizes(void) {
  static const enum tri_operand_kind kinds[] = {TRI_SMALL_SIZE, TRI_LARGE_SIZE, TRI_HEAP_SIZE};
  static const uint64_t first[] = {0, 4096 - 8, 64 << 10}, last[] = {3585, (896 << 10) + 1, 1 << 30};
  for (unsigned k = 0; k < 3; k++) {
    uint32_t limit = tri_operand_limit(kinds[k]);
    TRI_CHECK_EQ(tri_size(kinds[k], 0), first[k]);
    TRI_CHECK_EQ(tri_size(kinds[k], limit - 1), last[k]);
    for (uint32_t code = 0; code < limit; code++) {
      uint64_t bytes = tri_size(kinds[k], code);
      if (code > 0) TRI_CHECK_LT(tri_size(kinds[k], code - 1), bytes);
      TRI_CHECK_EQ(tri_size_code(kinds[k], bytes), code);
      if (code + 1 < limit) TRI_CHECK_EQ(tri_size_code(kinds[k], bytes + 1), code + 1);
    }
    TRI_CHECK_EQ(tri_size_code(kinds[k], UINT64_MAX), limit - 1);
  }
}

static void test_any_bytes(struct tri_random *random) {
  uint8_t bytes[MAX_BYTES] = {0}, canonical[MAX_BYTES * 10], again[sizeof canonical];
  size_t size = tri_random_below(random, sizeof bytes + 1);
  for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)tri_random_next(random);
  struct tri_program program = decode(bytes, size);
  size_t starts = 0;
  for (size_t i = 0; i < size; i++) starts += bytes[i] >= 0x80;
  TRI_CHECK_EQ(program.count, starts);

  size_t canonical_size = encode(&program, canonical, sizeof canonical);
  struct tri_program back = decode(canonical, canonical_size);
  TRI_CHECK(tri_program_equal(&program, &back));
  TRI_CHECK_EQ(encode(&back, again, sizeof again), canonical_size);
  TRI_CHECK(memcmp(canonical, again, canonical_size) == 0);
  tri_program_free(&back);
  tri_program_free(&program);
}

static void test_lossless(const struct tri_program *program, const uint8_t *bytes, size_t size) {
  struct tri_program back = decode(bytes, size);
  TRI_CHECK(tri_program_equal(program, &back));
  tri_program_free(&back);
  // What does not fit is not written, and the size is told all the same.
  uint8_t small[3] = {0, 0, 0xee};
  TRI_CHECK_EQ(tri_program_encode(program, small, 2), size);
  TRI_CHECK_EQ(small[2], 0xee);
}

static void test_one_byte(struct tri_random *random, const struct tri_program *program, const uint8_t *bytes,
                          size_t size) {
  uint8_t edited[MAX_BYTES + 1];
  size_t at = tri_random_below(random, size + 1);
  memcpy(edited, bytes, at);
  edited[at] = (uint8_t)tri_random_next(random);
  memcpy(edited + at + 1, bytes + at, size - at);
  struct tri_program inserted = decode(edited, size + 1);
  TRI_CHECK_GE(common(program, &inserted) + 2, program->count);
  tri_program_free(&inserted);

  if (size == 0) return;
  at = tri_random_below(random, size);
  memcpy(edited, bytes, at);
  memcpy(edited + at, bytes + at + 1, size - at - 1);
  struct tri_program deleted = decode(edited, size - 1);
  TRI_CHECK_GE(common(program, &deleted) + 2, program->count);
  tri_program_free(&deleted);
}

static void test_cut(struct tri_random *random, const struct tri_program *program, const uint8_t *bytes) {
  size_t kept = tri_random_below(random, program->count + 1);
  struct tri_program head = {program->ops, kept, kept};
  size_t cut = tri_program_encode(&head, NULL, 0);
  struct tri_program decoded = decode(bytes, cut);
  TRI_CHECK(tri_program_equal(&head, &decoded));
  tri_program_free(&decoded);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
  printf("seed %llu\n", (unsigned long long)seed);
  fflush(stdout);
  struct tri_random random = {seed};
  test_table();
  test_sizes();
  for (int round = 0; round < ROUNDS; round++) {
    test_any_bytes(&random);
    struct tri_program program = {0};
    uint8_t bytes[MAX_BYTES];
    random_program(&random, tri_random_below(&random, MAX_OPS + 1), &program);
    size_t size = encode(&program, bytes, sizeof bytes);
    test_lossless(&program, bytes, size);
    test_one_byte(&random, &program, bytes, size);
    test_cut(&random, &program, bytes);
    tri_program_free(&program);
  }
  // Surplus operand bytes, and those before the first operation, mean nothing; missing ones are 0.
  struct tri_program odd = decode((const uint8_t[]){1, 2, 0x80, 3}, 4);
  struct tri_program same = decode((const uint8_t[]){0x80, 3, 0, 5, 6}, 5);
  TRI_CHECK_EQ(odd.count, 1);
  TRI_CHECK(tri_program_equal(&odd, &same));
  tri_program_free(&odd);
  tri_program_free(&same);
  return 0;
}
