// Spans and layout: lookup by address, allocation by counting zeros, and shapes that come back as they were.
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/os.h"
#include "common/random.h"
#include "go/layout.h"

enum { PAGES = 600 };

static struct go_spans spans;
static char *memory;

static struct go_span *make(size_t first, size_t pages, unsigned span_class) {
  TRI_CHECK(go_spans_reserve(&spans, first, pages));
  struct go_span *span = go_span_prepare(&spans, first, pages);
  memset((void *)span->base, 0xa5, pages * GO_PAGE_BYTES);
  go_span_divide(&spans, span, span_class);
  go_span_enter(&spans, span);
  return span;
}

static void test_lookup(void) {
  struct go_span *a = make(0, 1, 9), *b = make(3, 5, 0), *c = make(590, 1, 10);
  uintptr_t base = (uintptr_t)memory;
  TRI_CHECK(go_span_around(&spans, base) == a);
  TRI_CHECK(go_span_around(&spans, base + GO_PAGE_BYTES - 1) == a);
  TRI_CHECK(go_span_around(&spans, base + GO_PAGE_BYTES) == NULL);
  for (size_t page = 3; page < 8; page++) TRI_CHECK(go_span_of(&spans, base + page * GO_PAGE_BYTES + 8) == b);
  TRI_CHECK(go_span_around(&spans, base + 8 * GO_PAGE_BYTES) == NULL);
  TRI_CHECK(go_span_around(&spans, base + 590 * GO_PAGE_BYTES) == c);
  TRI_CHECK(go_span_around(&spans, base + 591 * GO_PAGE_BYTES) == NULL);
  TRI_CHECK(go_span_around(&spans, base - 1) == NULL);
  TRI_CHECK(go_span_around(&spans, 0) == NULL && go_span_around(&spans, UINTPTR_MAX) == NULL);
  go_span_remove(&spans, b);
  TRI_CHECK(go_span_around(&spans, base + 4 * GO_PAGE_BYTES) == NULL);
  go_span_remove(&spans, a);
  go_span_remove(&spans, c);
}

// Every free cell is found, in order, and no other.
static void test_next_free(uint64_t seed) {
  struct tri_random random = {seed};
  for (int round = 0; round < 200; round++) {
    uint64_t bits[GO_SLACK_WORDS] = {0};
    struct go_span *span = make(0, 1, 2 * (1 + (unsigned)tri_random_below(&random, 20)) + 1);
    span->alloc_bits = bits;
    unsigned percent = (unsigned)tri_random_below(&random, 101);
    for (uint32_t i = 0; i < span->n_cells; i++)
      if (tri_random_below(&random, 100) < percent) bits[i / 64] |= UINT64_C(1) << i % 64;
    go_span_refill_cache(span, 0);
    size_t allocated = go_span_allocated(span);
    for (uint32_t expected = 0; expected <= span->n_cells; expected++) {
      if (expected < span->n_cells && go_bit(bits, expected)) continue;
      uint32_t found = go_span_next_free(span);
      TRI_CHECK_EQ(found, expected);
      if (found == span->n_cells) break;
      TRI_CHECK(!go_span_is_allocated(span, found));
      span->alloc_cache >>= 1; // take it
      if (++span->free_index % 64 == 0 && span->free_index < span->n_cells)
        go_span_refill_cache(span, span->free_index);
      TRI_CHECK(go_span_is_allocated(span, found));
      TRI_CHECK_EQ(go_span_allocated(span), ++allocated);
    }
    TRI_CHECK_EQ(go_span_allocated(span), span->n_cells);
    go_span_remove(&spans, span);
  }
}

// Objects of all shapes of a span class, made and made anew beside each other.
static void test_shapes(uint64_t seed, size_t most_refs, size_t most_bytes) {
  struct tri_random random = {seed};
  struct tri_shape shape[1024];
  uint64_t refs = tri_random_below(&random, most_refs + 1), bytes = tri_random_below(&random, most_bytes);
  unsigned span_class = go_node_span_class(spans.layout, refs, refs * 8 + bytes);
  unsigned pages = go_class_pages[go_span_class_size(span_class)];
  struct go_span *span = make(0, pages ? pages : 8, span_class);
  for (uint32_t k = 0; k < 4 * span->n_cells; k++) {
    uint32_t index = k < span->n_cells ? k : (uint32_t)tri_random_below(&random, span->n_cells);
    do {
      refs = refs ? 1 + tri_random_below(&random, most_refs) : 0;
      bytes = tri_random_below(&random, most_bytes);
      size_t room = span->cell_bytes - span->header - refs * 8;
      if (refs * 8 + span->header < span->cell_bytes && tri_random_below(&random, 2))
        bytes = room - tri_random_below(&random, 9) % (room + 1);
    } while (go_node_span_class(spans.layout, refs, refs * 8 + bytes) != span_class);
    shape[index] = TRI_SHAPE(refs, bytes);
    go_shape_set(span, index, go_span_cell(span, index), shape[index]);
    if (k + 1 < span->n_cells) continue;
    for (uint32_t i = 0; i < span->n_cells; i++) {
      if (i % 7 != k % 7 && i != index) continue;
      TRI_CHECK_EQ(go_cell_shape(span, i).tag, shape[i].tag);
      TRI_CHECK_EQ(go_cell_refs(span, go_span_cell(span, i)), tri_shape_refs(shape[i]));
      uintptr_t ref = go_span_ref(span, i).bits;
      TRI_CHECK_EQ(go_span_index(span, ref), i);
      TRI_CHECK_LE(ref + tri_shape_extent(shape[i]), go_span_cell(span, i) + span->cell_bytes);
    }
  }
  go_span_remove(&spans, span);
}

// What a sweep does with marks, wherever they are; cells' contents and pointer bits are not touched.
static void test_turn_bits(uint64_t seed) {
  struct tri_random random = {seed};
  for (unsigned span_class = 2; span_class < GO_ALL_SPAN_CLASSES; span_class++) {
    uint64_t bits[3][GO_SLACK_WORDS] = {{0}};
    unsigned size_class = span_class < GO_SPAN_CLASSES ? go_span_class_size(span_class) : 1;
    struct go_span *span = make(0, go_class_pages[size_class], span_class);
    TRI_CHECK(span->inline_marks ==
              (spans.layout == GO_LAYOUT_1_26 && span->cell_bytes >= 16 && span->cell_bytes <= 512));
    uintptr_t cells_end = span->base + span->pages * GO_PAGE_BYTES;
    if (span->inline_marks) cells_end = (uintptr_t)go_inline_marks(span->base);
    TRI_CHECK_LE(go_span_cell(span, span->n_cells), cells_end);
    span->alloc_bits = bits[0];
    if (!span->inline_marks) span->mark_bits = bits[1];
    size_t n = 0;
    bool marked[1024] = {false};
    for (uint32_t i = 0; i < span->n_cells; i++) {
      memset((void *)go_span_cell(span, i), (int)i, span->cell_bytes);
      if (!go_span_noscan(span) && span->pointer_bits)
        go_shape_set(span, i, go_span_cell(span, i), TRI_SHAPE(1, 0));
      n += marked[i] = tri_random_below(&random, 2);
      if (marked[i]) span->mark_bits[i / 64] |= UINT64_C(1) << i % 64;
    }
    TRI_CHECK_EQ(go_span_marked(span), n);
    bool whole = spans.greentea && spans.layout != GO_LAYOUT_1_19 && !go_span_noscan(span) && !span->header &&
                 !go_span_is_large(span) && span->cell_bytes >= 16 && span->cell_bytes <= 512;
    TRI_CHECK_EQ(span->scan_bits != NULL, whole);
    if (whole) memset(span->scan_bits, 0xff, GO_SCAN_BYTES); // is no other bits'
    TRI_CHECK_EQ(go_span_marked(span), n);
    go_span_turn_bits(span, bits[2]);
    TRI_CHECK_EQ(go_span_marked(span), 0);
    TRI_CHECK_EQ(go_span_allocated(span), n);
    for (uint32_t i = 0; i < span->n_cells; i++) {
      TRI_CHECK(go_span_is_allocated(span, i) == marked[i]);
      TRI_CHECK_EQ(*(unsigned char *)go_span_cell(span, i), i & 255);
      if (!go_span_noscan(span) && span->pointer_bits)
        TRI_CHECK_EQ(go_cell_refs(span, go_span_cell(span, i)), 1);
    }
    for (size_t k = 0; whole && k < GO_SCAN_BYTES; k++)
      TRI_CHECK_EQ(((unsigned char *)span->scan_bits)[k], 0);
    if (span->inline_marks) TRI_CHECK_EQ(go_inline_marks(span->base)->span_class, span_class);
    go_span_remove(&spans, span);
  }
}

static void test_layout(enum go_layout layout, bool greentea, uint64_t seed) {
  TRI_CHECK(go_spans_init(&spans, layout, greentea, (uintptr_t)memory, PAGES));
  test_lookup();
  test_turn_bits(seed);
  test_next_free(seed);
  for (uint64_t i = 0; i < 300 && !greentea; i++) { // which shapes do not depend on
    test_shapes(seed + i, 8, 64);
    test_shapes(seed + i, 64, 512);
    test_shapes(seed + i, 0, 1 + (i % 40) * 1024);
    if (i % 4 == 0) test_shapes(seed + i, 200, 8000);
  }
  go_spans_fini(&spans);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
  memory = tri_os_reserve(PAGES * GO_PAGE_BYTES, GO_PAGE_BYTES);
  TRI_CHECK(memory && tri_os_commit(memory, PAGES * GO_PAGE_BYTES));
  for (enum go_layout layout = 0; layout < GO_LAYOUTS; layout++) {
    test_layout(layout, false, seed);
    test_layout(layout, true, seed);
  }
  tri_os_release(memory, PAGES * GO_PAGE_BYTES);
  TRI_CHECK_EQ(tri_os_usage().reserved_bytes, 0);
  return 0;
}
