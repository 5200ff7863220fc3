// The large-object space against a model, at its limit, with failing system calls; and that verify sees
// damage.
//   test.common.large_space [seed]
#include "common/large_space.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/os.h"
#include "common/random.h"

enum { OBJECTS = 60, LIMIT = 2 << 20 };

struct model {
  struct tri_large_space space;
  struct tri_budget budget;
  struct {
    uintptr_t start;
    size_t bytes;
    uint64_t id;
    bool seen;
  } objects[OBJECTS];
  size_t n;
  uint64_t next_id;
  struct tri_random random;
};
static struct model t;

static size_t below(size_t n) { return (size_t)tri_random_below(&t.random, n); }

static void ignore(void *context, const char *text) { (void)context, (void)text; }
static void print(void *context, const char *text) {
  (void)context;
  printf("  %s\n", text);
}

static size_t findings(const struct tri_large_space *space, void (*report)(void *context, const char *text)) {
  struct tri_reporter reporter = {report, NULL};
  struct tri_findings findings = {&reporter, 0};
  tri_large_space_verify(space, &findings);
  return findings.count;
}
static void verify(void) { TRI_CHECK_EQ(findings(&t.space, print), 0); }

static void create(uint64_t seed) {
  memset(&t, 0, sizeof t);
  t.random.state = seed;
  t.budget.limit = LIMIT;
  TRI_CHECK(tri_large_space_init(&t.space, &t.budget, LIMIT, false));
}

static void check_object(size_t i) {
  const uint64_t *words = (const uint64_t *)t.objects[i].start;
  TRI_CHECK_EQ(words[0], t.objects[i].id);
  TRI_CHECK_EQ(words[t.objects[i].bytes / 8 - 1], t.objects[i].id);
}

static bool allocate(void) {
  if (t.n == OBJECTS) return false;
  size_t bytes = 8 * (2 + below(below(4) ? 4000 : 60000));
  uintptr_t start = tri_large_alloc(&t.space, bytes);
  if (!start) return false;
  uint64_t *words = (uint64_t *)start;
  for (size_t w = 0; w < bytes / 8; w++) TRI_CHECK_EQ(words[w], 0);
  words[0] = words[bytes / 8 - 1] = t.next_id;
  TRI_CHECK_GE(tri_large_bytes(&t.space, start), bytes);
  t.objects[t.n].start = start;
  t.objects[t.n].bytes = bytes;
  t.objects[t.n++].id = t.next_id++;
  return true;
}

static bool see(void *context, uintptr_t start, size_t bytes) {
  (void)context;
  for (size_t i = 0; i < t.n; i++)
    if (t.objects[i].start == start) {
      TRI_CHECK(!t.objects[i].seen);
      TRI_CHECK_EQ(bytes, tri_large_bytes(&t.space, start));
      return t.objects[i].seen = true;
    }
  return false;
}

static void check_all(void) {
  verify();
  size_t live = 0, bytes;
  for (size_t i = 0; i < t.n; i++) {
    check_object(i);
    live += tri_large_bytes(&t.space, t.objects[i].start);
    TRI_CHECK_EQ(tri_large_around(&t.space, t.objects[i].start + below(tri_os_page_bytes()), &bytes),
                 t.objects[i].start);
    t.objects[i].seen = false;
  }
  TRI_CHECK(tri_large_each(&t.space, see, NULL));
  for (size_t i = 0; i < t.n; i++) TRI_CHECK(t.objects[i].seen);
  struct tri_space_usage usage = tri_large_space_usage(&t.space);
  TRI_CHECK_EQ(usage.live_objects, t.n);
  TRI_CHECK_EQ(usage.live_bytes, live);
  TRI_CHECK_EQ(usage.live_bytes + usage.free_bytes, t.budget.used);
  TRI_CHECK_EQ(usage.live_bytes + usage.free_bytes + usage.released_bytes, usage.mapped_bytes);
  TRI_CHECK_LE(t.budget.used, t.budget.limit);
  for (int k = 0; k < 100; k++) {
    uintptr_t start = tri_large_around(&t.space, t.space.base - 9999 + below(2 * t.space.reserved), &bytes);
    bool known = start == 0;
    for (size_t i = 0; i < t.n; i++) known |= t.objects[i].start == start;
    TRI_CHECK(known);
  }
}

static bool count_object(void *context, uintptr_t start, size_t bytes) {
  (void)start, (void)bytes;
  ++*(size_t *)context;
  return true;
}

static void sweep(size_t keep) {
  size_t kept = 0, marked = 0;
  for (size_t i = 0; i < t.n; i++)
    if (below(16) < keep) {
      TRI_CHECK(tri_large_mark(&t.space, t.objects[i].start));
      TRI_CHECK(!tri_large_mark(&t.space, t.objects[i].start));
      TRI_CHECK(tri_large_marked(&t.space, t.objects[i].start));
      t.objects[kept++] = t.objects[i];
    }
  uintptr_t middle = t.space.base + below(t.space.end - t.space.base);
  tri_large_each_marked(&t.space, 0, middle, count_object, &marked);
  tri_large_each_marked(&t.space, middle, UINTPTR_MAX, count_object, &marked);
  TRI_CHECK_EQ(marked, kept);
  t.n = kept;
  tri_large_sweep(&t.space);
}

static void free_one(void) {
  if (t.n == 0) return;
  size_t i = below(t.n);
  check_object(i);
  tri_large_free(&t.space, t.objects[i].start);
  t.objects[i] = t.objects[--t.n];
}

static void test_random(uint64_t seed) {
  create(seed);
  for (int step = 0; step < 4000; step++) {
    size_t what = below(100);
    if (what == 0) tri_os_fail_every(below(2) * 3);
    if (what < 50)
      allocate();
    else if (what < 90)
      free_one();
    else if (what < 93)
      sweep(below(17));
    else if (what < 94)
      tri_large_trim(&t.space, below(2) ? SIZE_MAX : below(1 << 20));
    else
      check_all();
  }
  tri_os_fail_every(0);
  sweep(0);
  check_all();
  tri_large_trim(&t.space, SIZE_MAX);
  check_all();
  TRI_CHECK_EQ(t.budget.used, 0);
  tri_large_space_fini(&t.space);
}

// Exactly what the limit allows, also when the free memory lies scattered.
static void test_limit(void) {
  create(1);
  size_t page = tri_os_page_bytes(), n = LIMIT / page / 2;
  uintptr_t starts[LIMIT / 4096];
  TRI_CHECK_EQ(tri_large_alloc(&t.space, LIMIT + 1), 0);
  for (size_t i = 0; i < n; i++) TRI_CHECK((starts[i] = tri_large_alloc(&t.space, page + 8)));
  TRI_CHECK_EQ(tri_large_alloc(&t.space, 16), 0);
  for (size_t i = 0; i < n; i += 2) tri_large_free(&t.space, starts[i]);
  TRI_CHECK(tri_large_alloc(&t.space, LIMIT / 2));
  TRI_CHECK_EQ(tri_large_alloc(&t.space, 16), 0);
  verify();
  tri_large_space_fini(&t.space);
}

static void test_verify(void) {
  create(2);
  uintptr_t a = tri_large_alloc(&t.space, 12000), b = tri_large_alloc(&t.space, 12000);
  tri_large_alloc(&t.space, 12000);
  tri_large_free(&t.space, b);
  verify();
#define TRI_MUST_BE_SEEN(damage, repair)                                                                     \
  do {                                                                                                       \
    damage;                                                                                                  \
    TRI_CHECK_GE(findings(&t.space, ignore), 1);                                                             \
    repair;                                                                                                  \
    verify();                                                                                                \
  } while (0)
  TRI_MUST_BE_SEEN(tri_large_mark(&t.space, a), t.space.table[0] &= ~(UINT32_C(1) << 29));
  TRI_MUST_BE_SEEN(t.space.table[1] = 1, t.space.table[1] = 0);
  TRI_MUST_BE_SEEN(t.space.table[0]--, t.space.table[0]++);
  TRI_MUST_BE_SEEN(t.space.live_bytes++, t.space.live_bytes--);
  tri_unpoison((void *)(b + 64), 8);
  TRI_MUST_BE_SEEN(*(char *)(b + 64) = 0, memset((void *)(b + 64), TRI_POISON_BYTE, 1));
  tri_large_space_fini(&t.space);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  printf("seed %llu\n", (unsigned long long)seed);
  test_limit();
  for (uint64_t round = 0; round < 4; round++) test_random(seed + round);
  tri_poison_set_filling(true);
  test_verify();
  test_random(seed + 100);
  TRI_CHECK_EQ(tri_os_usage().reserved_bytes, 0);
  return 0;
}
