// The copying collectors' own paths: memory that goes between the halves and the large objects and back to
// the system, the limit, failing system calls, what verify and poison find, several mutators; and that zeal
// kills a mutator with a stale reference. What every collector has to do is tested elsewhere.
//   test.copying.own [seed]
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/own.h"

static uint64_t seed;

static void ignore(void *context, const char *text) { (void)context, (void)text; }

static tri_ref node(size_t bytes) { return tri_alloc(m, TRI_SHAPE(1, bytes)); }

// Put a new object in front of the list in *head. False: no memory.
static bool prepend(tri_ref *head, size_t bytes) {
  tri_ref object = node(bytes);
  if (tri_is_null(object)) return false;
  tri_init(m, object, 0, *head);
  *(uint64_t *)tri_raw(m, object) = bytes;
  tri_root_set(m, head, object);
  return true;
}

static size_t check_list(tri_ref at) {
  size_t n = 0;
  for (; !tri_is_null(at); at = tri_load(m, at, 0), n++)
    TRI_CHECK_EQ(*(uint64_t *)tri_raw(m, at), tri_shape_bytes(tri_shape(m, at)));
  return n;
}

// ---------------------------------------------------------------------------------------------- memory

// Objects fill at least `least` bytes of the heap before the first is refused; then it is usable again.
static void test_limit(const char *options, size_t bytes, size_t least) {
  create(options);
  TRI_FRAME(m, f, 1);
  size_t n = 0;
  while (prepend(&f.slot[0], bytes)) n++;
  TRI_CHECK_EQ(m->status, TRI_ENOMEM);
  TRI_CHECK_GE(n * bytes, least);
  TRI_CHECK_EQ(check_list(f.slot[0]), n);
  check_heap();
  tri_root_set(m, &f.slot[0], TRI_NULL);
  for (size_t i = 0; i < 10 * n && i < 20000; i++) TRI_CHECK(!tri_is_null(node(bytes)));
  TRI_CHECK_EQ(live_objects(), 0);
  TRI_FRAME_POP(m, f);
  destroy();
}

static void test_memory_moves_between_sizes(const char *options) {
  create(options);
  TRI_FRAME(m, f, 1);
  static const size_t sizes[] = {8, 100000, 40, 3000, 300000, 200, 8100, 8200, 8};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    size_t n = 0;
    while (n * sizes[k] < 400000 && prepend(&f.slot[0], sizes[k])) n++;
    TRI_CHECK_GE(n * sizes[k], 300000);
    TRI_CHECK_EQ(check_list(f.slot[0]), n);
    tri_root_set(m, &f.slot[0], TRI_NULL);
  }
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_COMPACT), TRI_OK);
  struct tri_stats s = check_heap();
  TRI_CHECK_EQ(s.live_bytes, 0);
  TRI_CHECK_GE(s.released_bytes, s.mapped_bytes / 4);
  TRI_CHECK(prepend(&f.slot[0], 100));
  TRI_FRAME_POP(m, f);
  destroy();
}

// Lists with ephemerons and finalizers among them.
static void fill_with_lists(void) {
  TRI_FRAME(m, f, 2);
  for (size_t i = 0; i < 600; i++) {
    tri_root_set(m, &f.slot[1], i % 11 ? node(i % 100 == 0 ? 20000 : 8 + i % 7 * 30) : tri_ephemeron_new(m));
    if (tri_is_null(f.slot[1])) {
      TRI_CHECK_EQ(m->status, TRI_ENOMEM);
    } else if (i % 11 == 0) {
      tri_ephemeron_set(m, f.slot[1], f.slot[0], f.slot[1]);
    } else if (i % 3 == 0) {
      *(uint64_t *)tri_raw(m, f.slot[1]) = tri_shape_bytes(tri_shape(m, f.slot[1]));
      tri_init(m, f.slot[1], 0, f.slot[0]);
      tri_root_set(m, &f.slot[0], i % 500 ? f.slot[1] : TRI_NULL);
      if (i % 30 == 0 && !tri_is_null(f.slot[0])) tri_finalizer_add(m, f.slot[0], i);
    }
    if (i % 100 == 0) tri_finalizer_next(m, NULL);
  }
  check_list(f.slot[0]);
  check_heap();
  TRI_FRAME_POP(m, f);
}

static void allocate_zeroed(tri_ref *head) {
  for (int i = 0; i < 500; i++) {
    TRI_CHECK(prepend(head, 200));
    unsigned char *payload = tri_raw(m, *head);
    for (int k = 8; k < 200; k++) TRI_CHECK_EQ(payload[k], 0);
    memset(payload + 8, 0xff, 192);
  }
}

// Memory that was only ever copied to, never allocated in, is zero when it is handed out.
static void test_fresh_is_zero(void) {
  create("heap=1m");
  TRI_FRAME(m, f, 1);
  for (int collections = 1; collections < 6; collections++) {
    allocate_zeroed(&f.slot[0]);
    tri_collect(m, TRI_COLLECT_FULL);
    tri_root_set(m, &f.slot[0], TRI_NULL);
    for (int i = 0; i < collections; i++) tri_collect(m, TRI_COLLECT_FULL);
    allocate_zeroed(&f.slot[0]);
    tri_root_set(m, &f.slot[0], TRI_NULL);
    if (collections % 2) tri_collect(m, TRI_COLLECT_COMPACT);
  }
  TRI_FRAME_POP(m, f);
  destroy();
}

// Large objects are updated, kept and freed like others, also by chains that lead through both kinds.
static void test_large(void) {
  create("heap=4m");
  TRI_FRAME(m, f, 3);
  for (int i = 0; i < 20; i++) TRI_CHECK(prepend(&f.slot[0], i % 2 ? 16 : 20000));
  tri_root_set(m, &f.slot[1], tri_weak_new(m));
  tri_weak_set(m, f.slot[1], tri_load(m, f.slot[0], 0)); // a large one
  tri_root_set(m, &f.slot[2], tri_ephemeron_new(m));
  tri_ref value = node(8);
  tri_ephemeron_set(m, f.slot[2], tri_load(m, f.slot[0], 0), value);
  TRI_CHECK_EQ(live_objects(), 23);
  TRI_CHECK_EQ(check_list(f.slot[0]), 20);
  TRI_CHECK(tri_same(m, tri_weak_get(m, f.slot[1]), tri_load(m, f.slot[0], 0)));
  TRI_CHECK(tri_same(m, tri_ephemeron_key(m, f.slot[2]), tri_load(m, f.slot[0], 0)));
  tri_root_set(m, &f.slot[0], TRI_NULL);
  TRI_CHECK_EQ(live_objects(), 2);
  TRI_CHECK(tri_is_null(tri_weak_get(m, f.slot[1])));
  TRI_CHECK(tri_is_null(tri_ephemeron_value(m, f.slot[2])));
  TRI_FRAME_POP(m, f);
  destroy();
}

// ---------------------------------------------------------------------------------------------- what is
// found

static void expect_findings(void) { TRI_CHECK_GE(tri_verify(heap, &(struct tri_reporter){ignore, NULL}), 1); }

static void expect_sound(void) { TRI_CHECK_EQ(tri_verify(heap, &(struct tri_reporter){print_finding, NULL}), 0); }

// Damage is done behind the collector's back, found by verify, and undone.
static void test_verify(void) {
  create("heap=1m");
  TRI_FRAME(m, f, 2);
  tri_root_set(m, &f.slot[0], node(16));
  tri_root_set(m, &f.slot[1], tri_alloc(m, TRI_SHAPE(2, 20000)));
  tri_ref *slots[] = {(tri_ref *)f.slot[0].bits, (tri_ref *)f.slot[1].bits, &f.slot[0]};
  for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
    tri_ref good = *slots[i];
    expect_sound();
    for (size_t k = 0; k < 3; k++) {
      slots[i]->bits = k == 0 ? f.slot[1].bits + 8 : k == 1 ? 12345 : ((uintptr_t)&f & ~(uintptr_t)7);
      expect_findings();
      *slots[i] = good;
    }
  }
  uint64_t tag = *tri_tag(f.slot[0]);
  *tri_tag(f.slot[0]) = f.slot[1].bits; // looks forwarded
  expect_findings();
  *tri_tag(f.slot[0]) = tag | TRI_WEAK << 8; // no such shape
  expect_findings();
  *tri_tag(f.slot[0]) = tag;
  expect_sound();
  TRI_FRAME_POP(m, f);
  destroy();
}

TRI_NO_ASAN static void write_word(uintptr_t at, uint64_t value) { *(volatile uint64_t *)at = value; }

// A write to from-space, or beyond the last object, is found by verify where memory is filled.
static void test_poison(void) {
  if (tri_poison_tool() == TRI_POISON_VALGRIND) return;
  create("heap=1m");
  TRI_FRAME(m, f, 1);
  tri_root_set(m, &f.slot[0], node(16));
  uintptr_t stale = f.slot[0].bits;
  tri_collect(m, TRI_COLLECT_FULL);
  expect_sound();
  if (strcmp(collector->name, "zeal") == 0) { // the stale one would fault
    if (tri_poison_tool() != TRI_POISON_NO_TOOL) goto end;
    write_word(f.slot[0].bits + 1000, 1);
    expect_findings();
    write_word(f.slot[0].bits + 1000, 0);
  } else {
    write_word(stale, 1);
    expect_findings();
    write_word(stale, UINT64_C(0x0101010101010101) * TRI_POISON_BYTE);
  }
  expect_sound();
end:
  TRI_FRAME_POP(m, f);
  destroy();
}

// ---------------------------------------------------------------------------------------------- zeal

// Each of the calls that may move does, and no address comes back soon.
static void test_always_moves(void) {
  enum { SEEN = 200 };
  uintptr_t seen[SEEN] = {0};
  create("heap=256k");
  TRI_FRAME(m, f, 1);
  TRI_CHECK(prepend(&f.slot[0], 100));
  for (int i = 0; i < 3 * SEEN; i++) {
    uintptr_t before = f.slot[0].bits;
    switch (i % 4) {
    case 0:
      tri_safepoint(m);
      break;
    case 1:
      node(8);
      break;
    case 2:
      tri_collect(m, TRI_COLLECT_MINOR);
      break;
    case 3:
      tri_park(m), tri_unpark(m);
      break;
    }
    TRI_CHECK_NE(f.slot[0].bits, before);
    for (int k = 0; k < SEEN; k++) TRI_CHECK_NE(f.slot[0].bits, seen[k]);
    seen[i % SEEN] = f.slot[0].bits;
  }
  TRI_CHECK_EQ(check_list(f.slot[0]), 1);
  TRI_FRAME_POP(m, f);
  destroy();
}

static void test_every(const char *options, int expected) {
  create(options);
  TRI_FRAME(m, f, 1);
  for (int i = 0; i < 1000; i++) TRI_CHECK(prepend(&f.slot[0], 100)); // some 120 KB
  int moved = 0;
  for (int i = 0; i < 100; i++) {
    uintptr_t before = f.slot[0].bits;
    tri_safepoint(m);
    moved += f.slot[0].bits != before;
  }
  TRI_CHECK_EQ(moved, expected);
  TRI_FRAME_POP(m, f);
  destroy();
}

// Load through a reference that was kept in a C local across a safepoint. In a child process: it has to die.
static void load_stale(void) {
  create("heap=1m");
  TRI_FRAME(m, f, 1);
  TRI_CHECK(prepend(&f.slot[0], 100));
  tri_ref stale = f.slot[0];
  tri_safepoint(m);
  tri_load(m, f.slot[0], 0); // the right way
  volatile uintptr_t bits = tri_load(m, stale, 0).bits;
  (void)bits;
  TRI_FRAME_POP(m, f);
}

static void test_stale_reference_is_fatal(void) {
  fflush(NULL);
  pid_t child = fork();
  TRI_CHECK_GE(child, 0);
  if (child == 0) {
    if (!freopen("/dev/null", "w", stderr)) _exit(3); // AddressSanitizer's report
    load_stale();
    _exit(3);
  }
  int status;
  TRI_CHECK_EQ(waitpid(child, &status, 0), child);
  bool reported = WIFEXITED(status) && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 3; // by a sanitizer
  TRI_CHECK(WIFSIGNALED(status) || reported);
}

// ---------------------------------------------------------------------------------------------- all

static void test_collector(const char *name) {
  collector = tri_collector_find(name);
  bool zeal = strcmp(name, "zeal") == 0;
  printf("%s%s\n", name, tri_poison_filling() ? ", with filling" : "");
  test_limit(zeal ? "heap=512k,every=50" : "heap=512k", 24, 150 << 10);
  test_limit("heap=1m", 300, 450 << 10);
  test_limit("heap=1m", 20000, 400 << 10);
  test_limit(zeal ? "heap=64k" : "heap=64k,region=256", 24, 18 << 10);
  test_memory_moves_between_sizes(zeal ? "heap=2m,every=1000" : "heap=2m");
  test_fresh_is_zero();
  under_failing_system("heap=128k", fill_with_lists);
  test_large();
  test_verify();
  churn(zeal ? "heap=4m,every=20" : "heap=4m", seed);
  churn(zeal ? "heap=512k,every=1000000" : "heap=512k,region=512", seed);
  if (tri_poison_filling()) test_poison();
}

static void test_all(void) {
  test_collector("semispace");
  test_collector("zeal");
  test_always_moves();
  test_every("heap=1m,every=1", 100);
  test_every("heap=1m,every=10", 10);
  test_every("heap=1m", 6); // 120 KB at 8 KiB per safepoint: each 15th
  test_stale_reference_is_fatal();
}

int main(int argc, char **argv) {
  seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  printf("seed %llu\n", (unsigned long long)seed);
  test_all();
  tri_poison_set_filling(true);
  test_all();
  tri_os_recycle(true);
  test_all();
  tri_os_recycle(false);
  return 0;
}
