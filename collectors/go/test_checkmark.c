// The second marker against marks that are right but for one: on random graphs over spans of many classes,
// it names exactly the object whose mark is missing, if it is reachable, and how it is reached.
#include <stdlib.h>

#include "common/check.h"
#include "common/os.h"
#include "common/random.h"
#include "go/checkmark.h"
#include "go/layout.h"

enum { PAGES = 512, SPANS = 12, OBJECTS = 400, ROOTS = 5 };

static struct go_spans spans;
static char *memory;
static size_t used_pages;
static uint64_t bits[SPANS][2][GO_SLACK_WORDS];

struct object {
  tri_ref ref;
  struct go_span *span;
  size_t index, n_refs;
  size_t to[4]; // objects; OBJECTS: null
  bool reached;
};

static struct object objects[OBJECTS];
static tri_ref roots[ROOTS];

static struct go_span *make(size_t i, unsigned span_class) {
  bool is_node = span_class < GO_SPAN_CLASSES;
  size_t pages = is_node ? go_class_pages[go_span_class_size(span_class)] : 1;
  if (!pages) pages = 20;
  TRI_CHECK_LE(used_pages + pages, PAGES);
  TRI_CHECK(go_spans_reserve(&spans, used_pages, pages));
  struct go_span *span = go_span_prepare(&spans, used_pages, pages);
  used_pages += pages + i % 2; // some beside each other, some not
  memset(bits[i], 0, sizeof bits[i]);
  span->alloc_bits = bits[i][0];
  span->mark_bits = bits[i][1];
  go_span_divide(&spans, span, span_class); // may have marks of its own
  go_span_enter(&spans, span);
  return span;
}

static void set(uint64_t *bitmap, size_t i, bool value) {
  bitmap[i / 64] = (bitmap[i / 64] & ~(UINT64_C(1) << i % 64)) | (uint64_t)value << i % 64;
}

// Spans of 8 and more bytes, with headers, weak ones, large ones; and objects in any of their cells.
static void make_heap(struct tri_random *random) {
  static const unsigned classes[SPANS] = {
      2, 4, 4, 5, 10, 40, 80, 100, 0, 1, GO_WEAK_SPANS, GO_EPHEMERON_SPANS};
  struct go_span *made[SPANS];
  used_pages = 1;
  for (size_t i = 0; i < SPANS; i++) made[i] = make(i, classes[i]);
  for (size_t i = 0; i < OBJECTS; i++) {
    struct object *o = &objects[i];
    *o = (struct object){.span = made[tri_random_below(random, SPANS)]};
    do o->index = (size_t)tri_random_below(random, o->span->n_cells);
    while (go_bit(o->span->alloc_bits, o->index) && o->span->n_cells > 100);
    if (go_bit(o->span->alloc_bits, o->index)) { // taken; its class has few cells
      o->span = NULL;
      continue;
    }
    o->ref = go_span_ref(o->span, o->index);
    set(o->span->alloc_bits, o->index, true);
    size_t words = (o->span->cell_bytes - o->span->header) / 8;
    struct tri_shape shape = go_span_kind(o->span) == TRI_WEAK        ? TRI_WEAK_SHAPE
                             : go_span_kind(o->span) == TRI_EPHEMERON ? TRI_EPHEMERON_SHAPE
                             : go_span_noscan(o->span)
                                 ? TRI_SHAPE(0, words * 8)
                                 : TRI_SHAPE(words < 4 ? words : 4, words < 4 ? 0 : words * 8 - 32);
    o->n_refs = tri_shape_refs(shape);
    if (go_span_kind(o->span) == TRI_NODE)
      go_shape_set(o->span, o->index, go_span_cell(o->span, o->index), shape);
    else
      *tri_tag(o->ref) = shape.tag;
  }
}

static tri_ref ref_of(size_t i) { return i < OBJECTS ? objects[i].ref : TRI_NULL; }

static size_t any(struct tri_random *random) {
  size_t i = (size_t)tri_random_below(random, OBJECTS + OBJECTS / 8);
  return i < OBJECTS && objects[i].span ? i : OBJECTS;
}

static void follow(size_t i) {
  if (i == OBJECTS || objects[i].reached) return;
  objects[i].reached = true;
  for (size_t k = 0; k < objects[i].n_refs; k++) follow(objects[i].to[k]);
}

static void make_edges(struct tri_random *random) {
  for (size_t i = 0; i < OBJECTS; i++)
    for (size_t k = 0; k < objects[i].n_refs; k++) {
      objects[i].to[k] = any(random);
      ((tri_ref *)objects[i].ref.bits)[k] = ref_of(objects[i].to[k]);
    }
  for (size_t i = 0; i < ROOTS; i++) {
    size_t to = any(random);
    roots[i] = ref_of(to);
    follow(to);
  }
  for (size_t i = 0; i < OBJECTS; i++)
    if (objects[i].span) set(objects[i].span->mark_bits, objects[i].index, objects[i].reached);
}

static enum go_checkmark_verdict check_all(struct go_checkmark *check) {
  go_checkmark_init(check, &spans);
  for (size_t i = 0; i < ROOTS; i++) go_checkmark_root(check, &roots[i]);
  return go_checkmark_trace(check);
}

// The last visit is of this object, and leads back to a root by slots that hold what they are said to.
static void check_way(const struct go_checkmark *check, tri_ref object) {
  const struct go_checkmark_visit *visit = &check->visit[check->n - 1];
  TRI_CHECK_EQ(visit->object.bits, object.bits);
  for (; visit->from != SIZE_MAX; visit = &check->visit[visit->from])
    TRI_CHECK_EQ(((tri_ref *)check->visit[visit->from].object.bits)[visit->slot].bits, visit->object.bits);
  TRI_CHECK_EQ(((tri_ref *)visit->slot)->bits, visit->object.bits);
}

static void check_text(const struct go_checkmark *check, tri_ref object, const char *what) {
  char *text, expected[100];
  size_t bytes;
  FILE *to = open_memstream(&text, &bytes);
  TRI_CHECK(to);
  go_checkmark_print(check, to);
  fclose(to);
  snprintf(expected, sizeof expected, "go: checkmark: %p is reachable, and %s\n", (void *)object.bits, what);
  TRI_CHECK(strstr(text, expected) == text && strstr(text, "which is in the root at"));
  free(text);
}

static void test_missing_marks(uint64_t seed) {
  struct tri_random random = {seed};
  make_heap(&random);
  make_edges(&random);
  struct go_checkmark check;
  TRI_CHECK_EQ(check_all(&check), GO_CHECKMARK_GOOD);
  size_t reached = 0;
  for (size_t i = 0; i < OBJECTS; i++) reached += objects[i].reached;
  TRI_CHECK_EQ(check.n, reached);
  go_checkmark_fini(&check);
  for (size_t i = 0; i < OBJECTS; i++) {
    const struct object *o = &objects[i];
    if (!o->span) continue;
    set(o->span->mark_bits, o->index, false);
    TRI_CHECK_EQ(check_all(&check), o->reached ? GO_CHECKMARK_UNMARKED : GO_CHECKMARK_GOOD);
    if (o->reached) {
      check_way(&check, o->ref);
      check_text(&check, o->ref, "not marked");
    }
    go_checkmark_fini(&check);
    set(o->span->mark_bits, o->index, o->reached);
    if (!o->reached) continue;
    set(o->span->alloc_bits, o->index, false);
    TRI_CHECK_EQ(check_all(&check), GO_CHECKMARK_ASTRAY);
    check_way(&check, o->ref);
    check_text(&check, o->ref, "no allocated object");
    go_checkmark_fini(&check);
    set(o->span->alloc_bits, o->index, true);
  }
  roots[0] = (tri_ref){(uintptr_t)memory + PAGES * GO_PAGE_BYTES - 64}; // where no span is
  TRI_CHECK_EQ(check_all(&check), GO_CHECKMARK_ASTRAY);
  check_text(&check, roots[0], "no allocated object");
  go_checkmark_fini(&check);
}

// Without memory at any point it says so, and keeps none.
static void test_no_memory(void) {
  size_t blocks = tri_os_usage().metadata_blocks;
  struct go_checkmark check;
  roots[0] = TRI_NULL;
  for (uint64_t k = 1; k < 4; k++) {
    tri_os_fail_at(k);
    TRI_CHECK_EQ(check_all(&check), GO_CHECKMARK_NO_MEMORY);
    tri_os_fail_at(0);
    go_checkmark_fini(&check);
  }
  TRI_CHECK_EQ(check_all(&check), GO_CHECKMARK_GOOD);
  go_checkmark_fini(&check);
  TRI_CHECK_EQ(tri_os_usage().metadata_blocks, blocks);
}

// usage: test.go.checkmark [seed]
int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
  memory = tri_os_reserve(PAGES * GO_PAGE_BYTES, GO_PAGE_BYTES);
  TRI_CHECK(memory && tri_os_commit(memory, PAGES * GO_PAGE_BYTES));
  for (uint64_t i = 0; i < 9; i++) {
    TRI_CHECK(go_spans_init(&spans, (enum go_layout)(i % 3), false, (uintptr_t)memory, PAGES));
    test_missing_marks(seed + i);
    if (i == 0) test_no_memory();
    go_spans_fini(&spans);
    memset(memory, 0, PAGES * GO_PAGE_BYTES);
  }
  tri_os_release(memory, PAGES * GO_PAGE_BYTES);
  TRI_CHECK_EQ(tri_os_usage().reserved_bytes, 0);
  return 0;
}
