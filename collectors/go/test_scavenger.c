// Memory goes back to the system where a goal calls for it: when the heap grows, when an allocation comes near the
// memory limit. With the clock of work, so that it repeats. What the goals are, test_scavenge_control.c asks.
#include "test/own.h"

#include "go/heap.h"

#define MIB ((uint64_t)1 << 20)

static const struct go_heap *go(void) { return go_heap_of(heap); }

enum { PIECES = 60, PIECE = 100 << 10, LARGE = 1 << 20 };

static void allocate(tri_ref *root, size_t bytes) {
  tri_ref object = tri_alloc(m, TRI_SHAPE(0, bytes));
  TRI_CHECK(!tri_is_null(object));
  tri_root_set(m, root, object);
}

// The heap has so many large pieces of addresses without memory, and need not grow.
static void grow(size_t larges) {
  TRI_FRAME(m, f, 1);
  allocate(&f.slot[0], larges * LARGE);
  TRI_FRAME_POP(m, f);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_COMPACT), TRI_OK);
  TRI_CHECK_EQ(go_pages_usage(&go()->pages).free, 0);
}

// Every other one of PIECES is freed. What is larger than the holes makes the heap grow beside them.
static void make_holes(tri_ref *piece) {
  for (size_t i = 0; i < PIECES; i++) allocate(&piece[i], PIECE);
  for (size_t i = 0; i < PIECES; i += 2) tri_root_set(m, &piece[i], TRI_NULL);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK_GE(go_pages_usage(&go()->pages).free, PIECES / 2 * PIECE);
}

// The holes keep their memory while there is room below the limit, and lose what would exceed it.
static void test_limit(void) {
  enum { LIMIT = 12 << 20, LARGES = 8 };
  create("heap=64m,gogc=-1,memory_limit=12m,clock=work");
  grow(16);
  TRI_FRAME(m, f, PIECES + LARGES);
  make_holes(f.slot);
  for (size_t i = 0; i < LARGES; i++) {
    bool fits = go_pace_mapped(go()) + LARGE <= LIMIT;
    uint64_t before = go()->scavenger.at_limit;
    allocate(&f.slot[PIECES + i], LARGE);
    TRI_CHECK_LE(go_pace_mapped(go()), LIMIT);
    TRI_CHECK_EQ(fits, go()->scavenger.at_limit == before);
  }
  TRI_CHECK_GE(go()->scavenger.at_limit, MIB);
  TRI_CHECK_EQ(go()->scavenger.at_growth + go()->scavenger.background, 0);
  TRI_FRAME_POP(m, f);
  destroy();
}

// Not while the limiter limits: then the limit is exceeded.
static void test_limiting(void) {
  enum { LARGES = 9 };
  create("heap=64m,gogc=-1,memory_limit=12m,clock=work");
  grow(16);
  TRI_FRAME(m, f, PIECES + LARGES);
  make_holes(f.slot);
  TRI_CHECK_EQ(tri_collect_start(m), TRI_OK); // so that no other begins, and the limiter looks at the clock
  go_heap_of(heap)->pace.limiter.limiting = true;
  for (size_t i = 0; i < LARGES; i++) allocate(&f.slot[PIECES + i], LARGE);
  TRI_CHECK_GE(go_pace_mapped(go()), 12 * MIB + 1);
  TRI_CHECK_EQ(go()->scavenger.at_limit, 0);
  TRI_FRAME_POP(m, f);
  destroy();
}

// A heap that grows beyond what its goal calls for gives its holes back: as much as it grows by, and no more than
// it has too much.
static void test_growth(void) {
  enum { LARGES = 12 };
  create("heap=64m,gogc=50,clock=work");
  TRI_FRAME(m, f, PIECES + LARGES);
  make_holes(f.slot);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  uint64_t goal = go()->scavenger.goals.gogc;
  TRI_CHECK_NE(goal, GO_NO_GOAL);
  TRI_CHECK_LE(goal, go_pages_usage(&go()->pages).in_use * 7 / 4);
  size_t grown = go()->pages.grown;
  uint64_t before = 0;
  for (size_t i = 0; i < LARGES && go()->pages.grown == grown; i++) {
    before = go_pages_usage(&go()->pages).free;
    allocate(&f.slot[PIECES + i], LARGE);
  }
  TRI_CHECK_NE(go()->pages.grown, grown);
  TRI_CHECK_GE(go()->scavenger.at_growth, MIB);
  TRI_CHECK_LE(go()->scavenger.at_growth, (go()->pages.grown - grown) * GO_PAGE_BYTES);
  TRI_CHECK_LE(go_pages_usage(&go()->pages).free, before - go()->scavenger.at_growth);
  TRI_CHECK_EQ(go()->scavenger.at_limit, 0);
  TRI_FRAME_POP(m, f);
  destroy();
}

int main(void) {
  collector = tri_collector_find("go");
  test_limit();
  test_limiting();
  test_growth();
  return 0;
}
