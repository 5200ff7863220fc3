// Both spaces of a heap: all of it or nothing when the system fails, visits in order, figures that add up.
#include "common/spaces.h"

#include "common/check.h"
#include "common/os.h"

static const struct tri_heap_config config = {.value = {[TRI_OPT_HEAP] = 1 << 20}};

static void test_failing_system(void) {
  for (uint64_t k = 1;; k++) {
    struct tri_spaces spaces;
    tri_os_fail_at(k);
    bool made = tri_spaces_init(&spaces, &config);
    tri_os_fail_at(0);
    if (made) {
      TRI_CHECK_EQ(k, 3); // one reservation each
      tri_spaces_fini(&spaces);
      break;
    }
    TRI_CHECK_EQ(tri_os_usage().reserved_bytes, 0);
  }
  TRI_CHECK_EQ(tri_os_usage().reserved_bytes, 0);
}

static uintptr_t seen[3];
static size_t n_seen, enough;

static bool see(void *context, uintptr_t cell, size_t bytes) {
  (void)context, (void)bytes;
  seen[n_seen++] = cell;
  return n_seen < enough;
}

static void test_both(void) {
  enum { SMALL = 64, LARGE = 50000 };
  struct tri_spaces spaces = {0};
  struct tri_run run = {0};
  TRI_CHECK(tri_spaces_init(&spaces, &config));
  TRI_CHECK(tri_run_refill(&spaces.blocks, &run, tri_size_class(SMALL)));
  uintptr_t cells[3] = {tri_run_take(&run, SMALL), tri_run_take(&run, SMALL),
                        tri_large_alloc(&spaces.large, LARGE)};
  TRI_CHECK(cells[2]);
  tri_run_retire(&spaces.blocks, &run);
  spaces.blocks.marking = spaces.large.marking = true;
  TRI_CHECK(tri_cell_mark(&spaces.blocks, cells[1]));
  TRI_CHECK(tri_large_mark(&spaces.large, cells[2]));

  for (enough = 1; enough <= 4; enough++) {
    n_seen = 0;
    TRI_CHECK_EQ(tri_spaces_each(&spaces, see, NULL), enough == 4);
    TRI_CHECK_EQ(n_seen, enough < 4 ? enough : 3);
    for (size_t i = 0; i < n_seen; i++) TRI_CHECK_EQ(seen[i], cells[i]);
  }
  n_seen = 0;
  TRI_CHECK(tri_spaces_each_marked(&spaces, 0, UINTPTR_MAX, see, NULL));
  TRI_CHECK_EQ(n_seen, 2);
  TRI_CHECK_EQ(seen[0], cells[1]);
  TRI_CHECK_EQ(seen[1], cells[2]);

  struct tri_stats s = {0};
  tri_spaces_stats_fill(&spaces, &s, 1000);
  TRI_CHECK_EQ(s.live_objects, 3);
  TRI_CHECK_GE(s.live_bytes, 2 * SMALL + LARGE);
  TRI_CHECK_EQ(s.live_bytes + s.free_bytes, spaces.budget.used);
  TRI_CHECK_EQ(s.live_bytes + s.free_bytes + s.released_bytes + s.metadata_bytes, s.mapped_bytes);
  TRI_CHECK_GE(s.metadata_bytes, 1000);
  TRI_CHECK_EQ(s.limit_bytes, 1 << 20);

  spaces.blocks.marking = spaces.large.marking = false;
  tri_large_free(&spaces.large, cells[2]);
  tri_cell_free(&spaces.blocks, cells[0]);
  tri_cell_free(&spaces.blocks, cells[1]);
  tri_spaces_trim(&spaces);
  tri_spaces_stats_fill(&spaces, &s, 0);
  TRI_CHECK_EQ(s.free_bytes + s.live_bytes, 0);
  TRI_CHECK_EQ(s.freed_objects, 3);
  TRI_CHECK_EQ(s.allocated_objects, 3);
  tri_spaces_fini(&spaces);
  TRI_CHECK_EQ(tri_os_usage().reserved_bytes, 0);
}

int main(void) {
  test_failing_system();
  test_both();
  return 0;
}
