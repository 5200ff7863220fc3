// Every collector: build a list, read it back, walk it, account for it.
#include <stdio.h>

#include "common/check.h"
#include "tricolor/registry.h"

enum { CELLS = 10000 };

static void smoke(const struct tri_collector *collector) {
  struct tri_heap *heap;
  struct tri_mutator *m;
  char error[200];
  struct tri_heap_params params = {.options = "heap=4m", .error = error, .error_bytes = sizeof error};
  TRI_CHECK_EQ(tri_heap_create(collector, &params, &heap), TRI_OK);
  TRI_CHECK_EQ(tri_attach(heap, &m), TRI_OK);
  TRI_FRAME(m, f, 2);
  for (int i = 0; i < CELLS; i++) {
    tri_root_set(m, &f.slot[1], tri_alloc(m, TRI_SHAPE(1, 8)));
    TRI_CHECK(!tri_is_null(f.slot[1]));
    tri_init(m, f.slot[1], 0, f.slot[0]);
    *(uint64_t *)tri_raw(m, f.slot[1]) = (uint64_t)i;
    tri_root_set(m, &f.slot[0], f.slot[1]);
    tri_safepoint(m);
  }
  tri_root_set(m, &f.slot[1], TRI_NULL);
  tri_ref at = f.slot[0];
  for (int i = CELLS; i-- > 0; at = tri_load(m, at, 0)) TRI_CHECK_EQ(*(uint64_t *)tri_raw(m, at), i);
  TRI_CHECK(tri_is_null(at));
  struct tri_stats s;
  TRI_CHECK_EQ(tri_stats_get(heap, &s, sizeof s), sizeof s);
  TRI_CHECK_GE(s.live_objects, CELLS);
  TRI_CHECK_EQ(s.live_bytes + s.free_bytes + s.metadata_bytes + s.released_bytes, s.mapped_bytes);
  TRI_FRAME_POP(m, f);
  tri_detach(m);
  tri_heap_destroy(heap);
}

int main(void) {
  for (size_t i = 0; tri_collectors[i]; i++) {
    printf("%s\n", tri_collectors[i]->name);
    smoke(tri_collectors[i]);
  }
  return 0;
}
