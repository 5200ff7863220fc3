// malloc's own paths: objects that another mutator frees, budgets, entries left by detached mutators.
#include "common/check.h"
#include "common/os.h"
#include "tricolor/registry.h"

enum { N = 3000 };

static struct tri_stats stats(struct tri_heap *heap) {
  struct tri_stats s;
  tri_stats_get(heap, &s, sizeof s);
  TRI_CHECK_EQ(s.allocated_objects - s.freed_objects, s.live_objects);
  TRI_CHECK_EQ(s.allocated_bytes - s.freed_bytes, s.live_bytes);
  TRI_CHECK_LE(s.live_bytes, s.limit_bytes);
  TRI_CHECK_LE(s.peak_bytes, s.limit_bytes);
  return s;
}

int main(void) {
  struct tri_os_usage before = tri_os_usage();
  struct tri_heap *heap;
  struct tri_mutator *a, *b;
  struct tri_heap_params params = {.options = "heap=256k"};
  TRI_CHECK_EQ(tri_heap_create(tri_collector_find("malloc"), &params, &heap), TRI_OK);
  TRI_CHECK_EQ(tri_attach(heap, &a), TRI_OK);
  TRI_CHECK_EQ(tri_attach(heap, &b), TRI_OK);

  // One allocates, the other frees: far more in all than the limit, so budgets have to find their way back.
  static tri_ref object[N];
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < N; i++) {
      object[i] = tri_alloc(a, TRI_SHAPE(1, (size_t)i % 50));
      TRI_CHECK(!tri_is_null(object[i]));
    }
    TRI_CHECK_EQ(stats(heap).live_objects, N);
    for (int i = 0; i < N; i++) tri_free(b, object[(i * 7) % N]);
    TRI_CHECK_EQ(stats(heap).live_objects, 0);
  }

  // Entries and totals of a mutator outlive it.
  uint64_t metadata = stats(heap).metadata_bytes, freed = stats(heap).freed_objects;
  tri_detach(b);
  TRI_CHECK_EQ(stats(heap).freed_objects, freed);
  for (int i = 0; i < N; i++) TRI_CHECK(!tri_is_null(object[i] = tri_alloc(a, TRI_SHAPE(0, 8))));
  TRI_CHECK_LE(stats(heap).metadata_bytes, metadata);

  // A lone mutator gets the limit to the last byte.
  uint64_t left = stats(heap).limit_bytes - stats(heap).live_bytes;
  TRI_CHECK(tri_is_null(tri_alloc(a, TRI_SHAPE(0, left - 8))));
  TRI_CHECK(!tri_is_null(tri_alloc(a, TRI_SHAPE(0, left - 16))));
  TRI_CHECK_EQ(stats(heap).live_bytes, stats(heap).limit_bytes);
  tri_detach(a);
  tri_heap_destroy(heap);
  TRI_CHECK_EQ(tri_os_usage().metadata_blocks, before.metadata_blocks);
  return 0;
}
