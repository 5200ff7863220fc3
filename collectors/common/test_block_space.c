// The block space against a model: size classes, random allocation with single frees (as counting collectors
// do) and with mark and lazy sweep (as tracing ones do), the limit, failing system calls, and that verify
// sees damage.
//   test.common.block_space [seed]
#include "common/block_space.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/os.h"
#include "common/random.h"

static void ignore(void *context, const char *text) { (void)context, (void)text; }
static void print(void *context, const char *text) {
  (void)context;
  printf("  %s\n", text);
}

static size_t findings(const struct tri_block_space *space, void (*report)(void *context, const char *text)) {
  struct tri_reporter reporter = {report, NULL};
  struct tri_findings findings = {&reporter, 0};
  tri_block_space_verify(space, &findings);
  return findings.count;
}

static void test_size_classes(void) {
  unsigned previous = 0;
  for (size_t bytes = 1; bytes <= TRI_CELL_MAX; bytes++) {
    unsigned c = tri_size_class(bytes);
    size_t cell = tri_class_bytes(c);
    TRI_CHECK_LT(c, TRI_SIZE_CLASSES);
    TRI_CHECK_GE(cell, bytes);
    TRI_CHECK_EQ(cell % 8, 0);
    TRI_CHECK(c == previous || c == previous + 1);
    previous = c;
    if (c > 0 && bytes > 16) TRI_CHECK_LT(tri_class_bytes(c - 1), bytes);
    if (bytes >= 16 && bytes <= 128) TRI_CHECK_LT(cell - bytes, 8);
    if (bytes > 128 && bytes <= 1024) TRI_CHECK_LE((cell - bytes) * 8, bytes);
    // What is lost at the end of a block is less than 6 %.
    TRI_CHECK_LT(TRI_BLOCK_BYTES % cell * 100, TRI_BLOCK_BYTES * 6);
  }
  TRI_CHECK_EQ(previous, TRI_SIZE_CLASSES - 1);
  TRI_CHECK_EQ(tri_class_bytes(previous), TRI_CELL_MAX);
}

// -------------------------------------------------------------------------------- the model

enum { OBJECTS = 1500, RUN_SETS = 3 };

struct model {
  struct tri_block_space space;
  struct tri_budget budget;
  struct tri_run runs[RUN_SETS][TRI_SIZE_CLASSES]; // as of three mutators
  struct {
    uintptr_t cell;
    size_t words; // of the object, tag included
    uint64_t id;
    bool marked;
  } objects[OBJECTS];
  size_t n;
  uint64_t next_id, allocated;
  bool sweeping; // garbage may still be in the space
  struct tri_random random;
};

static size_t below(struct model *t, size_t n) { return (size_t)tri_random_below(&t->random, n); }

static void create(struct model *t, size_t limit, uint64_t seed) {
  memset(t, 0, sizeof *t);
  t->random.state = seed;
  t->budget.limit = limit;
  TRI_CHECK(tri_block_space_init(&t->space, &t->budget, limit, false));
}

static void verify(struct model *t) { TRI_CHECK_EQ(findings(&t->space, print), 0); }

static void check_object(struct model *t, size_t i) {
  const uint64_t *words = (const uint64_t *)t->objects[i].cell;
  for (size_t w = 1; w < t->objects[i].words; w++) TRI_CHECK_EQ(words[w], t->objects[i].id * 1000 + w);
}

static bool allocate(struct model *t) {
  if (t->n == OBJECTS) return false;
  size_t bytes = below(t, 8) ? below(t, 100) : below(t, TRI_CELL_MAX - TRI_TAG_BYTES);
  struct tri_shape shape = TRI_SHAPE(0, bytes);
  unsigned size_class = tri_size_class(tri_object_bytes(shape));
  struct tri_run *runs = t->runs[below(t, RUN_SETS)];
  tri_ref ref = tri_runs_alloc(runs, shape);
  if (tri_is_null(ref)) {
    if (!tri_run_refill(&t->space, &runs[size_class], size_class)) return false;
    ref = tri_runs_alloc(runs, shape);
  }
  TRI_CHECK(!tri_is_null(ref));
  size_t words = tri_object_bytes(shape) / sizeof(uint64_t);
  uint64_t *object = (uint64_t *)(ref.bits - TRI_TAG_BYTES);
  for (size_t w = 1; w < words; w++) {
    TRI_CHECK_EQ(object[w], 0);
    object[w] = t->next_id * 1000 + w;
  }
  t->objects[t->n].cell = (uintptr_t)object;
  t->objects[t->n].words = words;
  t->objects[t->n++].id = t->next_id++;
  t->allocated++;
  return true;
}

static void free_one(struct model *t) {
  if (t->n == 0) return;
  size_t i = below(t, t->n);
  check_object(t, i);
  tri_cell_free(&t->space, t->objects[i].cell);
  t->objects[i] = t->objects[--t->n];
}

static void retire_all(struct model *t) {
  for (size_t k = 0; k < RUN_SETS; k++)
    for (size_t c = 0; c < TRI_SIZE_CLASSES; c++) tri_run_retire(&t->space, &t->runs[k][c]);
}

static bool count_cell(void *context, uintptr_t cell, size_t bytes) {
  (void)cell, (void)bytes;
  ++*(size_t *)context;
  return true;
}

// What is allocated while allocation is black is marked, and nothing else gets a mark by it.
static void allocate_black(struct model *t) {
  size_t before = t->n, marked = 0, bytes = tri_block_space_marked_bytes(&t->space);
  t->space.black = t->space.marking = true;
  for (size_t i = below(t, 100); i > 0; i--) allocate(t);
  if (below(t, 2)) retire_all(t);
  verify(t);
  for (size_t i = before; i < t->n; i++) {
    TRI_CHECK(tri_cell_marked(&t->space, t->objects[i].cell));
    bytes += tri_class_bytes(tri_size_class(t->objects[i].words * sizeof(uint64_t)));
  }
  TRI_CHECK_EQ(tri_block_space_marked_bytes(&t->space), bytes);
  tri_block_space_each_marked(&t->space, 0, UINTPTR_MAX, count_cell, &marked);
  TRI_CHECK_EQ(marked, t->n);
  retire_all(t);
  TRI_CHECK_EQ(tri_block_space_marked_bytes(&t->space), bytes);
  t->space.black = t->space.marking = false;
}

// Keep about keep/16 of the objects.
static void collect(struct model *t, size_t keep) {
  retire_all(t);
  tri_sweep_some(&t->space, below(t, 3) ? 0 : SIZE_MAX);
  TRI_CHECK(t->sweeping || t->space.n_unswept == 0);
  tri_sweep_finish(&t->space);
  verify(t);
  size_t kept = 0, marked = 0;
  for (size_t i = 0; i < t->n; i++) {
    if (below(t, 16) >= keep) continue;
    check_object(t, i);
    TRI_CHECK(!tri_cell_marked(&t->space, t->objects[i].cell));
    TRI_CHECK(tri_cell_mark(&t->space, t->objects[i].cell));
    TRI_CHECK(!tri_cell_mark(&t->space, t->objects[i].cell));
    t->objects[kept++] = t->objects[i];
  }
  uintptr_t middle = t->space.base + below(t, t->space.end - t->space.base);
  tri_block_space_each_marked(&t->space, 0, middle, count_cell, &marked);
  tri_block_space_each_marked(&t->space, middle, UINTPTR_MAX, count_cell, &marked);
  TRI_CHECK_EQ(marked, kept);
  t->n = kept;
  if (keep && below(t, 2)) allocate_black(t);
  tri_sweep_begin(&t->space);
  t->sweeping = true;
  uint32_t unswept = t->space.n_unswept, some = (uint32_t)below(t, 4);
  tri_sweep_some(&t->space, some);
  TRI_CHECK_EQ(t->space.n_unswept, unswept < some ? 0 : unswept - some);
}

static bool find_cell(void *context, uintptr_t cell, size_t bytes) {
  struct model *t = context;
  (void)bytes;
  for (size_t i = 0; i < t->n; i++)
    if (t->objects[i].cell == cell) {
      TRI_CHECK(!t->objects[i].marked);
      return t->objects[i].marked = true;
    }
  return t->sweeping; // else nothing unknown may be there
}

static void check_all(struct model *t) {
  verify(t);
  for (size_t i = 0; i < t->n; i++) {
    size_t bytes;
    check_object(t, i);
    uintptr_t inside = t->objects[i].cell + below(t, t->objects[i].words * sizeof(uint64_t));
    TRI_CHECK_EQ(tri_cell_around(&t->space, inside, &bytes), t->objects[i].cell);
    TRI_CHECK_EQ(bytes, tri_class_bytes(tri_size_class(t->objects[i].words * sizeof(uint64_t))));
    t->objects[i].marked = false;
  }
  TRI_CHECK(tri_block_space_each(&t->space, find_cell, t));
  for (size_t i = 0; i < t->n; i++) TRI_CHECK(t->objects[i].marked);
  struct tri_space_usage usage = tri_block_space_usage(&t->space);
  TRI_CHECK_EQ(usage.live_bytes + usage.free_bytes + usage.released_bytes, usage.mapped_bytes);
  TRI_CHECK_EQ(usage.live_bytes + usage.free_bytes, t->budget.used);
  TRI_CHECK_LE(t->budget.used, t->budget.limit);
  TRI_CHECK_EQ(usage.live_objects + t->space.freed_objects, t->allocated);
  if (!t->sweeping) TRI_CHECK_EQ(usage.live_objects, t->n);
  for (int k = 0; k < 100; k++) { // any address at all
    size_t bytes;
    tri_cell_around(&t->space, tri_random_next(&t->random), &bytes);
    uintptr_t cell = tri_cell_around(&t->space, t->space.base - 1000 + below(t, t->space.reserved), &bytes);
    if (cell && !t->sweeping) {
      bool known = false;
      for (size_t i = 0; i < t->n; i++) known |= t->objects[i].cell == cell;
      TRI_CHECK(known);
    }
  }
}

static void random_steps(struct model *t, bool counting, int steps) {
  for (int step = 0; step < steps; step++) {
    size_t what = below(t, 1000);
    if (what < 600) {
      allocate(t);
    } else if (what < 990) {
      if (counting) free_one(t);
    } else if (what < 993) {
      check_all(t);
    } else if (what < 994) {
      retire_all(t);
      size_t enough = below(t, 2) ? SIZE_MAX : below(t, 1 << 20);
      if (tri_block_space_trim(&t->space, enough) < enough) TRI_CHECK_EQ(t->space.free.count, 0);
    } else if (what < 995) {
      t->space.run_cells = (uint32_t)below(t, 4);
    } else if (!counting) {
      if (what < 997)
        collect(t, below(t, 17));
      else if (what < 998) {
        tri_sweep_finish(&t->space);
        t->sweeping = false;
      }
    }
  }
  retire_all(t);
  tri_sweep_finish(&t->space);
  t->sweeping = false;
  check_all(t);
}

static struct model t; // large

static void test_random(uint64_t seed) {
  for (uint64_t round = 0; round < 8; round++) {
    bool counting = round % 2, failing = round % 4 >= 2;
    create(&t, round < 4 ? 512 << 10 : 4 << 20, seed + round);
    if (failing) tri_os_fail_every(3);
    random_steps(&t, counting, 15000);
    tri_os_fail_every(0);
    collect(&t, 0);
    tri_sweep_finish(&t.space);
    t.sweeping = false;
    check_all(&t);
    tri_block_space_trim(&t.space, SIZE_MAX);
    TRI_CHECK_EQ(t.budget.used, 0);
    tri_block_space_fini(&t.space);
  }
}

// A full space says no, and serves any class again once it was emptied.
static void test_limit(void) {
  create(&t, 10 * TRI_BLOCK_BYTES + 1000, 1);
  struct tri_run *run = t.runs[0];
  size_t cells = 0;
  while (tri_run_refill(&t.space, &run[0], 0)) {
    cells += (run[0].limit - run[0].next) / 16;
    run[0].next = run[0].limit;
  }
  TRI_CHECK_EQ(cells, 10 * TRI_BLOCK_BYTES / 16);
  TRI_CHECK_EQ(tri_block_space_usage(&t.space).live_bytes, 10 * TRI_BLOCK_BYTES);
  TRI_CHECK(!tri_run_refill(&t.space, &run[5], 5));
  tri_sweep_begin(&t.space); // nothing was marked
  TRI_CHECK(tri_run_refill(&t.space, &run[5], 5));
  TRI_CHECK_EQ(t.space.n_unswept, 9);
  tri_sweep_finish(&t.space);
  TRI_CHECK_EQ(tri_block_space_trim(&t.space, SIZE_MAX), 9 * TRI_BLOCK_BYTES);
  TRI_CHECK_EQ(tri_block_space_usage(&t.space).released_bytes, 9 * TRI_BLOCK_BYTES);
  size_t used = t.budget.used;
  tri_os_fail_at(1);
  TRI_CHECK(!tri_run_refill(&t.space, &run[0], 0)); // the system refuses what was released
  TRI_CHECK_EQ(t.budget.used, used);
  TRI_CHECK(tri_run_refill(&t.space, &run[0], 0));
  TRI_CHECK_EQ(t.budget.used, used + TRI_BLOCK_BYTES);
  verify(&t);
  tri_block_space_fini(&t.space);
}

// With filling on, a stray write into a freed cell is found; and verify sees each kind of damage.
static void test_verify(void) {
  create(&t, 1 << 20, 3);
  for (int i = 0; i < 1000; i++) allocate(&t);
  collect(&t, 8);
  tri_sweep_finish(&t.space);
  verify(&t);
  struct tri_block *block = t.space.blocks;
  while (block->state != TRI_BLOCK_PARTIAL) block++;
  size_t b = (size_t)(block - t.space.blocks);
  uint64_t *alloc = &t.space.alloc[b * TRI_BLOCK_WORDS], *mark = &t.space.mark[b * TRI_BLOCK_WORDS];
#define TRI_MUST_BE_SEEN(damage, repair)                                                                     \
  do {                                                                                                       \
    damage;                                                                                                  \
    TRI_CHECK_GE(findings(&t.space, ignore), 1);                                                             \
    repair;                                                                                                  \
    verify(&t);                                                                                              \
  } while (0)
  uint64_t saved = alloc[0];
  TRI_MUST_BE_SEEN(alloc[0] = ~alloc[0], alloc[0] = saved);
  TRI_MUST_BE_SEEN(mark[0] = ~alloc[0], mark[0] = 0);
  TRI_MUST_BE_SEEN(mark[0] = alloc[0] | 1, mark[0] = 0);
  TRI_MUST_BE_SEEN(block->live++, block->live--);
  TRI_MUST_BE_SEEN(block->state = TRI_BLOCK_FULL, block->state = TRI_BLOCK_PARTIAL);
  TRI_MUST_BE_SEEN(block->size_class++, block->size_class--);
  TRI_MUST_BE_SEEN(t.space.partial[block->size_class].count++, t.space.partial[block->size_class].count--);
  TRI_MUST_BE_SEEN(block->previous ^= 1, block->previous ^= 1);
  TRI_MUST_BE_SEEN(t.space.n_unswept = 1, t.space.n_unswept = 0);
  uintptr_t freed = t.space.base + b * TRI_BLOCK_BYTES;
  for (size_t bytes; tri_cell_around(&t.space, freed, &bytes); freed += bytes) {
  }
  tri_unpoison((void *)freed, 8);
  TRI_MUST_BE_SEEN(*(uint8_t *)freed = 0, *(uint8_t *)freed = TRI_POISON_BYTE);
  unsigned size_class = block->size_class;
  struct tri_run *run = &t.runs[0][size_class];
  TRI_CHECK(tri_run_refill(&t.space, run, size_class));
  TRI_MUST_BE_SEEN(run->block = NULL,
                   run->block = &t.space.blocks[(run->next - t.space.base) / TRI_BLOCK_BYTES]);
  TRI_MUST_BE_SEEN(run->next += 4, run->next -= 4);
  tri_poison_unmark((void *)run->next, 8);
  TRI_MUST_BE_SEEN(*(uint8_t *)run->next = 1, *(uint8_t *)run->next = 0);
  tri_block_space_fini(&t.space);
}

// A small heap costs a handful of pages and calls.
static void test_small_heap_is_cheap(void) {
  uint64_t calls = tri_os_calls();
  create(&t, 1 << 20, 4);
  TRI_CHECK(allocate(&t));
  TRI_CHECK_LE(tri_os_calls() - calls, 5);
  TRI_CHECK_LE(t.space.metadata_bytes, 8 * tri_os_page_bytes());
  tri_block_space_fini(&t.space);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  printf("seed %llu\n", (unsigned long long)seed);
  test_size_classes();
  test_small_heap_is_cheap();
  test_limit();
  test_random(seed);
  tri_poison_set_filling(true);
  test_verify();
  test_random(seed + 100);
  TRI_CHECK_EQ(tri_os_usage().reserved_bytes, 0);
  return 0;
}
