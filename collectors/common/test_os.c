// The OS layer: access, zeroing, failure injection, recycling against a model, clocks.
//   test.common.os [seed]            runs the tests
//   test.common.os measure <rounds>  prints the cost of a small heap with and without recycling
#include "common/os.h"

#include "common/actor.h"
#include "common/check.h"
#include "common/poison.h"
#include "common/random.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static size_t page;

static void write_byte(void *p) { *(volatile char *)p = 1; }
static void read_byte(void *p) { (void)*(volatile char *)p; }

// True when action(p) kills a child process.
static bool is_fatal(void (*action)(void *), void *p) {
  fflush(NULL);
  pid_t child = fork();
  TRI_CHECK_GE(child, 0);
  if (child == 0) {
    if (!freopen("/dev/null", "w", stderr)) _exit(0);
    signal(SIGSEGV, SIG_DFL); // a sanitizer's report of it takes a second
    action(p);
    _exit(0);
  }
  int status;
  TRI_CHECK_EQ(waitpid(child, &status, 0), child);
  return status != 0;
}

static bool is_zero(const char *p, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (p[i]) return false;
  return true;
}

static void test_access(void) {
  size_t bytes = 16 * page;
  char *p = tri_os_reserve(bytes, 0);
  TRI_CHECK(p);
  TRI_CHECK(is_fatal(read_byte, p));
  TRI_CHECK(tri_os_commit(p + page, 4 * page));
  TRI_CHECK(is_zero(p + page, 4 * page));
  TRI_CHECK(is_fatal(write_byte, p));
  TRI_CHECK(!is_fatal(write_byte, p + page));
  TRI_CHECK(is_fatal(write_byte, p + 5 * page));

  memset(p + page, 7, 4 * page);
  TRI_CHECK(tri_os_commit(p + page, 5 * page)); // again, and one more
  TRI_CHECK_EQ(p[page], 7);
  tri_os_decommit(p + 2 * page, page);
  TRI_CHECK(is_fatal(read_byte, p + 2 * page));
  TRI_CHECK(tri_os_commit(p + 2 * page, page));
  TRI_CHECK(is_zero(p + 2 * page, page));
  TRI_CHECK_EQ(p[3 * page], 7);

  memset(p + 4 * page, 7, page);
  tri_os_discard(p + 4 * page, page);
  TRI_CHECK(is_zero(p + 4 * page, page));
  TRI_CHECK(!is_fatal(write_byte, p + 4 * page));
  TRI_CHECK_EQ(p[3 * page], 7);

  TRI_CHECK(tri_os_protect(p + 3 * page, page, TRI_OS_READ));
  TRI_CHECK_EQ(p[3 * page], 7);
  TRI_CHECK(is_fatal(write_byte, p + 3 * page));
  TRI_CHECK(tri_os_protect(p + 3 * page, page, TRI_OS_NONE));
  TRI_CHECK(is_fatal(read_byte, p + 3 * page));
  TRI_CHECK(tri_os_protect(p + 3 * page, page, TRI_OS_READ_WRITE));
  TRI_CHECK_EQ(p[3 * page], 7);
  tri_os_release(p, bytes);
}

static void test_alignment(void) {
  for (size_t align = page; align <= (size_t)64 << 20; align *= 4) {
    char *p = tri_os_reserve(3 * page, align);
    TRI_CHECK(p);
    TRI_CHECK_EQ((uintptr_t)p % align, 0);
    TRI_CHECK(tri_os_commit(p, 3 * page));
    memset(p, 1, 3 * page);
    tri_os_huge(p, 3 * page);
    tri_os_release(p, 3 * page);
  }
  bool crowded = tri_poison_tool() == TRI_POISON_VALGRIND || TRI_TSAN; // the tool shares the space with us
  size_t large = (size_t)1 << (crowded ? 32 : 40);                     // address space is not memory
  void *p = tri_os_reserve(large, 1 << 21);
  TRI_CHECK(p);
  tri_os_release(p, large);
  if (tri_poison_tool() == TRI_POISON_NO_TOOL && !TRI_TSAN) // what alignment costs in addresses is given back
    for (unsigned i = 0; i < 1000; i++) {
      TRI_CHECK(p = tri_os_reserve(page, (size_t)1 << 38));
      tri_os_release(p, page);
    }
  TRI_CHECK(!tri_os_reserve((size_t)1 << 60, 0));
  TRI_CHECK(!tri_os_reserve(0, 0));
  TRI_CHECK(!tri_os_reserve(page + 1, 0));
  TRI_CHECK(!tri_os_reserve(~(size_t)0 & ~(page - 1), 1 << 21));
}

static void test_usage(void) {
  struct tri_os_usage before = tri_os_usage();
  void *p = tri_os_reserve(4 * page, 0), *q = tri_os_calloc(100);
  TRI_CHECK(p && q);
  TRI_CHECK(is_zero(q, 100));
  q = tri_os_realloc(q, 5000);
  void *r = tri_os_realloc(NULL, 10);
  TRI_CHECK(q && r);
  TRI_CHECK_EQ(tri_os_usage().reserved_bytes - before.reserved_bytes, 4 * page);
  TRI_CHECK_EQ(tri_os_usage().metadata_blocks - before.metadata_blocks, 2);
  tri_os_release(p, 4 * page);
  tri_os_free(q);
  tri_os_free(r);
  tri_os_free(NULL);
  TRI_CHECK_EQ(tri_os_usage().reserved_bytes, before.reserved_bytes);
  TRI_CHECK_EQ(tri_os_usage().metadata_blocks, before.metadata_blocks);
}

// One of each counted call, in order; returns how many succeeded and which ones as bits.
static unsigned four_calls(void) {
  unsigned done = 0;
  char *p = tri_os_reserve(2 * page, 0);
  if (p) done |= 1;
  char *stand_in = p;
  if (!p) {
    tri_os_fail_at(0);
    TRI_CHECK(stand_in = tri_os_reserve(2 * page, 0));
  }
  if (tri_os_commit(stand_in, page)) done |= 2;
  void *q = tri_os_calloc(8);
  if (q) done |= 4;
  void *r = tri_os_realloc(q, 16);
  if (r) done |= 8;
  tri_os_free(r ? r : q);
  tri_os_release(stand_in, 2 * page);
  return done;
}

static void test_injection(void) {
  struct tri_os_usage before = tri_os_usage();
  uint64_t calls = tri_os_calls();
  TRI_CHECK_EQ(four_calls(), 15);
  TRI_CHECK_EQ(tri_os_calls() - calls, 4);
  for (unsigned k = 1; k <= 5; k++) {
    tri_os_fail_at(k);
    TRI_CHECK_EQ(four_calls(), 15 & ~(1u << (k - 1)));
    if (k < 5) TRI_CHECK_EQ(four_calls(), 15); // once only
    tri_os_fail_at(0);
  }
  tri_os_fail_every(3);
  for (unsigned i = 1; i <= 12; i++) TRI_CHECK_EQ(tri_os_inject(), i % 3 == 0);
  tri_os_fail_every(0);
  for (unsigned i = 0; i < 12; i++) TRI_CHECK(!tri_os_inject());
  TRI_CHECK_EQ(tri_os_usage().reserved_bytes, before.reserved_bytes);
  TRI_CHECK_EQ(tri_os_usage().metadata_blocks, before.metadata_blocks);
}

static struct tri_random random_source;
static unsigned below(unsigned n) { return (unsigned)tri_random_below(&random_source, n); }

// Random calls on a few reservations; each page is compared with what it must hold.
static void test_against_model(bool recycle) {
  enum { SLOTS = 5, PAGES = 40 };
  struct {
    char *base;
    unsigned pages;
    unsigned char value[PAGES]; // 0: zero, else the byte last written
    bool committed[PAGES];
  } slots[SLOTS] = {0};
  struct tri_os_usage before = tri_os_usage();
  tri_os_recycle(recycle);
  unsigned again = 0;
  char *last_released = NULL;
  for (unsigned round = 0; round < 4000; round++) {
    unsigned s = below(SLOTS);
    unsigned pages = slots[s].pages, from = pages ? below(pages) : 0, n = pages ? 1 + below(pages - from) : 0;
    char *base = slots[s].base, *p = base ? base + from * page : NULL;
    if (!base) {
      slots[s].pages = below(2) ? PAGES : PAGES / 2;
      size_t align = below(2) ? page : 1 << 16;
      slots[s].base = tri_os_reserve(slots[s].pages * page, align);
      TRI_CHECK(slots[s].base);
      TRI_CHECK_EQ((uintptr_t)slots[s].base % align, 0);
      again += slots[s].base == last_released;
      memset(slots[s].value, 0, PAGES);
      memset(slots[s].committed, 0, PAGES);
      continue;
    }
    switch (below(8)) {
    case 0:
      tri_os_release(base, pages * page);
      last_released = base;
      slots[s].base = NULL;
      slots[s].pages = 0;
      continue;
    case 1:
      tri_os_decommit(p, n * page);
      memset(slots[s].value + from, 0, n);
      memset(slots[s].committed + from, 0, n);
      break;
    case 2:
      if (slots[s].committed[from]) {
        TRI_CHECK(tri_os_protect(p, page, TRI_OS_NONE));
        if (below(2))
          TRI_CHECK(tri_os_protect(p, page, TRI_OS_READ_WRITE));
        else
          TRI_CHECK(tri_os_commit(p, page));
      }
      break;
    default:
      if (below(3) == 0) n = 1;
      TRI_CHECK(tri_os_commit(p, n * page));
      memset(slots[s].committed + from, 1, n);
      for (unsigned i = from; i < from + n; i++)
        if (below(2)) {
          slots[s].value[i] = (unsigned char)(1 + below(255));
          memset(base + i * page, slots[s].value[i], page);
        }
    }
    for (unsigned i = 0; i < pages; i++) {
      if (slots[s].committed[i]) {
        TRI_CHECK_EQ((unsigned char)base[i * page], slots[s].value[i]);
        TRI_CHECK_EQ((unsigned char)base[(i + 1) * page - 1], slots[s].value[i]);
        TRI_CHECK(tri_poison_is_clean(base + i * page, page));
      } else if (round % 64 == 0 && (!recycle || tri_poison_tool() == TRI_POISON_ASAN)) {
        TRI_CHECK(!tri_poison_is_clean(base + i * page, page) || is_fatal(read_byte, base + i * page));
      }
    }
  }
  for (unsigned s = 0; s < SLOTS; s++)
    if (slots[s].base) tri_os_release(slots[s].base, slots[s].pages * page);
  tri_os_recycle(false);
  if (recycle) TRI_CHECK_GE(again, 1);
  TRI_CHECK_EQ(tri_os_usage().reserved_bytes, before.reserved_bytes);
}

// More reservations than the table of watched ones has rows, and one too large to keep.
static void test_recycling_limits(void) {
  enum { MANY = 100 };
  char *p[MANY];
  tri_os_recycle(true);
  for (unsigned round = 0; round < 3; round++) {
    for (unsigned i = 0; i < MANY; i++) {
      TRI_CHECK(p[i] = tri_os_reserve((1 + i) * page, 0));
      TRI_CHECK(tri_os_commit(p[i], (1 + i) * page));
      TRI_CHECK(is_zero(p[i], (1 + i) * page));
      memset(p[i], 1, (1 + i) * page);
    }
    for (unsigned i = 0; i < MANY; i++) tri_os_release(p[i], (1 + i) * page);
  }
  for (unsigned round = 0; round < 3; round++) { // more touched than is cleared by hand
    char *q = tri_os_reserve(8 << 20, 0), *r = tri_os_reserve(128 << 20, 0);
    TRI_CHECK(q && r && tri_os_commit(q, 8 << 20) && tri_os_commit(r, page));
    TRI_CHECK(is_zero(q, 8 << 20) && is_zero(r, page));
    memset(q, 1, 8 << 20);
    memset(r, 1, page);
    tri_os_release(q, 8 << 20);
    tri_os_release(r, 128 << 20);
  }
  tri_os_recycle(false);
}

static void test_stack(void) {
  char *p = tri_os_stack(16 * page);
  TRI_CHECK(p);
  memset(p, 1, 16 * page);
  TRI_CHECK(is_fatal(write_byte, p - 1));
}

// CPU time has what other threads had, and goes on only while one runs.
static void spin(void *cpu_ns) {
  struct timespec t;
  do clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  while (t.tv_sec == 0 && t.tv_nsec < 2000000);
  *(uint64_t *)cpu_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void test_clocks(void) {
  struct tri_actor actor;
  uint64_t others, cpu = tri_os_cpu_ns();
  TRI_CHECK(tri_actor_spawn(&actor, TRI_ACTOR_MUTATOR, spin, &others));
  tri_actor_join(&actor);
  TRI_CHECK_GE(tri_os_cpu_ns() - cpu, others);
  cpu = tri_os_cpu_ns();
  uint64_t slept = tri_os_now_ns();
  usleep(20000);
  slept = tri_os_now_ns() - slept;
  TRI_CHECK_LT(tri_os_cpu_ns() - cpu, slept);
}

static void measure(bool recycle, unsigned long rounds) {
  tri_os_recycle(recycle);
  uint64_t start = tri_os_now_ns();
  for (unsigned long i = 0; i < rounds; i++) {
    char *p = tri_os_reserve(4 << 20, 1 << 16);
    TRI_CHECK(p && tri_os_commit(p, 64 << 10) && tri_os_commit(p + (64 << 10), 64 << 10));
    for (size_t at = 0; at < 64 << 10; at += 64) p[at] = 1;
    tri_os_release(p, 4 << 20);
  }
  double s = 1e-9 * (double)(tri_os_now_ns() - start);
  printf("%s: %.2f us per heap (4 MiB reserved, 128 KiB committed, 64 KiB touched), %.0f heaps/s\n",
         recycle ? "recycling" : "mapping  ", 1e6 * s / (double)rounds, (double)rounds / s);
  tri_os_recycle(false);
}

int main(int argc, char **argv) {
  page = tri_os_page_bytes();
  if (argc == 3 && strcmp(argv[1], "measure") == 0) {
    measure(false, strtoul(argv[2], NULL, 0));
    measure(true, strtoul(argv[2], NULL, 0));
    return 0;
  }
  random_source.state = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  printf("seed %llu\n", (unsigned long long)random_source.state);
  test_access();
  test_alignment();
  test_usage();
  test_injection();
  test_against_model(false);
  test_against_model(true);
  test_recycling_limits();
  test_stack();
  test_clocks();
  return 0;
}
