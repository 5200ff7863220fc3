// Tiny blocks against a plain list of objects: which there are, their bytes and extents, and
// which of them a sweep leaves.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/os.h"
#include "common/random.h"
#include "go/layout.h"
#include "go/tiny.h"

static struct go_spans spans;
static struct go_span *span;

struct object {
  uintptr_t at;
  size_t bytes;
  bool marked;
};

static struct object objects[GO_PAGE_BYTES];
static size_t n;

static void check(void) {
  size_t in_blocks = 0;
  TRI_CHECK_EQ(go_tiny_count(span), n);
  for (size_t i = 0; i < n; i++) {
    TRI_CHECK(go_tiny_is_object(span, objects[i].at));
    TRI_CHECK_EQ(go_object_shape(span, (tri_ref){objects[i].at}).tag, TRI_SHAPE(0, objects[i].bytes).tag);
    TRI_CHECK_EQ(go_tiny_is_marked(span, objects[i].at), objects[i].marked);
    size_t bytes;
    uintptr_t start = go_tiny_extent(span, objects[i].at, &bytes);
    TRI_CHECK(start <= objects[i].at && start + bytes >= objects[i].at + objects[i].bytes && bytes > 0);
    TRI_CHECK_EQ(start / GO_TINY_BYTES, (start + bytes - 1) / GO_TINY_BYTES);
    in_blocks += bytes;
  }
  size_t blocks = 0;
  for (size_t i = 0; i < span->n_cells; i++) blocks += go_tiny_of(span, i)->starts != 0;
  TRI_CHECK_EQ(in_blocks, blocks * GO_TINY_BYTES); // extents divide the blocks
}

static void test_random(struct tri_random *random) {
  n = 0;
  for (uint32_t i = 0; i < span->n_cells; i++) {
    size_t at = 0, bytes;
    while (at < GO_TINY_BYTES && tri_random_below(random, 5)) { // also where no allocator would place it
      bytes = tri_random_below(random, 16);
      if (at + (bytes ? bytes : 1) > GO_TINY_BYTES) break;
      objects[n++] = (struct object){go_span_cell(span, i) + at, bytes, false};
      go_tiny_put(span, objects[n - 1].at, bytes);
      at += (bytes ? bytes : 1) + tri_random_below(random, 3);
    }
  }
  check();
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    if (!(objects[i].marked = tri_random_below(random, 2))) continue;
    TRI_CHECK(go_tiny_mark(span, objects[i].at));
    TRI_CHECK(!go_tiny_mark(span, objects[i].at));
  }
  check();
  for (size_t i = 0; i < n; i++)
    if (objects[i].marked) objects[kept++] = (struct object){objects[i].at, objects[i].bytes, false};
  TRI_CHECK_EQ(go_tiny_sweep(span), n - kept);
  n = kept;
  check();
  TRI_CHECK_EQ(go_tiny_sweep(span), kept);
  n = 0;
  check();
}

static void test_place(void) {
  TRI_CHECK_EQ(go_tiny_place(0, 15), 0);
  TRI_CHECK_EQ(go_tiny_place(1, 8), 8);
  TRI_CHECK_EQ(go_tiny_place(8, 0), 8);
  TRI_CHECK_EQ(go_tiny_place(9, 0), GO_TINY_BYTES);
  TRI_CHECK_EQ(go_tiny_place(3, 9), GO_TINY_BYTES);
}

int main(int argc, char **argv) {
  struct tri_random random = {argc > 1 ? strtoull(argv[1], NULL, 0) : 1};
  fprintf(stderr, "seed %llu\n", (unsigned long long)random.state);
  char *page = tri_os_reserve(GO_PAGE_BYTES, GO_PAGE_BYTES);
  TRI_CHECK(page && tri_os_commit(page, GO_PAGE_BYTES));
  test_place();
  for (enum go_layout layout = 0; layout < GO_LAYOUTS; layout++) {
    memset(page, 0xa5, GO_PAGE_BYTES);
    TRI_CHECK(go_spans_init(&spans, layout, false, (uintptr_t)page, 1) && go_spans_reserve(&spans, 0, 1));
    span = go_span_prepare(&spans, 0, 1);
    go_span_divide(&spans, span, GO_TINY_SPANS);
    TRI_CHECK_LE((char *)go_tiny_of(span, span->n_cells),
                 page + GO_PAGE_BYTES - (span->inline_marks ? sizeof(struct go_inline_marks) : 0));
    for (int i = 0; i < 100; i++) test_random(&random);
    go_spans_fini(&spans);
  }
  tri_os_release(page, GO_PAGE_BYTES);
  return 0;
}
