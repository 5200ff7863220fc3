#include "go/checkmark.h"

#include "common/os.h"
#include "go/bits.h"
#include "go/layout.h"

static const struct go_span *next_span(const struct go_spans *spans, size_t *page) {
  const struct go_span *span = NULL;
  while (!span && *page < spans->end) {
    span = spans->of_page[*page];
    *page += span ? span->pages : 1;
  }
  return span;
}

static size_t first_page(const struct go_spans *spans, const struct go_span *span) {
  return (span->base - spans->base) / GO_PAGE_BYTES;
}

void go_checkmark_init(struct go_checkmark *check, const struct go_spans *spans) {
  *check = (struct go_checkmark){.spans = spans};
  check->first = tri_os_calloc((spans->end + 1) * sizeof *check->first);
  size_t words = 0;
  for (size_t page = 0; check->first && page < spans->end;) {
    const struct go_span *span = next_span(spans, &page);
    if (!span) break;
    check->first[first_page(spans, span)] = words;
    words += go_bits_words(span->n_cells);
  }
  check->bits = tri_os_calloc((words + 1) * sizeof *check->bits);
  if (!check->first || !check->bits) check->verdict = GO_CHECKMARK_NO_MEMORY;
}

void go_checkmark_fini(struct go_checkmark *check) {
  tri_os_free(check->first);
  tri_os_free(check->bits);
  tri_os_free(check->visit);
}

static bool has_room(struct go_checkmark *check) {
  enum { FIRST = 1024 };
  if (check->n < check->capacity) return true;
  size_t capacity = check->capacity ? 2 * check->capacity : FIRST;
  struct go_checkmark_visit *visit = tri_os_realloc(check->visit, capacity * sizeof *visit);
  if (!visit) return false;
  check->visit = visit;
  check->capacity = capacity;
  return true;
}

// The cell around an address; NULL: none that is allocated.
static const struct go_span *cell_around(const struct go_checkmark *check, uintptr_t address, size_t *index) {
  const struct go_span *span = go_span_around(check->spans, address);
  if (!span) return NULL;
  *index = (address - span->base) / span->cell_bytes;
  return *index < span->n_cells && go_span_is_allocated(span, *index) ? span : NULL;
}

static void reach(struct go_checkmark *check, tri_ref object, size_t from, size_t slot) {
  if (check->verdict != GO_CHECKMARK_GOOD || tri_is_null(object)) return;
  size_t index;
  const struct go_span *span = cell_around(check, object.bits, &index);
  if (span) {
    uint64_t *word = &check->bits[check->first[first_page(check->spans, span)] + index / 64];
    uint64_t bit = UINT64_C(1) << index % 64;
    if (*word & bit) return;
    *word |= bit;
  }
  if (!has_room(check)) {
    check->verdict = GO_CHECKMARK_NO_MEMORY;
    return;
  }
  check->visit[check->n++] = (struct go_checkmark_visit){object, from, slot};
  if (!span)
    check->verdict = GO_CHECKMARK_ASTRAY;
  else if (!go_bit(span->mark_bits, index))
    check->verdict = GO_CHECKMARK_UNMARKED;
}

void go_checkmark_root(void *checkmark, tri_ref *slot) { reach(checkmark, *slot, SIZE_MAX, (size_t)slot); }

enum go_checkmark_verdict go_checkmark_trace(struct go_checkmark *check) {
  for (size_t i = 0; i < check->n && check->verdict == GO_CHECKMARK_GOOD; i++) {
    tri_ref object = check->visit[i].object;
    size_t index;
    const struct go_span *span = cell_around(check, object.bits, &index);
    if (go_span_noscan(span)) continue;
    const tri_ref *slot = (const tri_ref *)go_span_ref(span, index).bits;
    size_t n = tri_shape_refs(go_cell_shape(span, index));
    for (size_t k = 0; k < n; k++) reach(check, slot[k], i, k);
  }
  return check->verdict;
}

// -------------------------------------------------------------------------------- what is wrong

static void print_cell(const struct go_checkmark *check, uintptr_t address, FILE *to) {
  const struct go_span *span = go_span_around(check->spans, address);
  if (!span) {
    fprintf(to, "  there is no span\n");
    return;
  }
  size_t index = (address - span->base) / span->cell_bytes;
  fprintf(to, "  cell %zu of span %p: class %u, %u cells of %zu bytes, sweep generation %u\n", index,
          (void *)span->base, span->span_class, span->n_cells, span->cell_bytes, span->sweepgen);
  if (index >= span->n_cells) return;
  fprintf(to, "  from cell %zu on: marks %016llx, allocated %016llx, and all before cell %u\n",
          index / 64 * 64, (unsigned long long)span->mark_bits[index / 64],
          (unsigned long long)span->alloc_bits[index / 64], span->free_index);
}

void go_checkmark_print(const struct go_checkmark *check, FILE *to) {
  const struct go_checkmark_visit *visit = &check->visit[check->n - 1];
  fprintf(to, "go: checkmark: %p is reachable, and %s\n", (void *)visit->object.bits,
          check->verdict == GO_CHECKMARK_UNMARKED ? "not marked" : "no allocated object");
  print_cell(check, visit->object.bits, to);
  for (; visit->from != SIZE_MAX; visit = &check->visit[visit->from])
    fprintf(to, "  which is in slot %zu of %p\n", visit->slot, (void *)check->visit[visit->from].object.bits);
  fprintf(to, "  which is in the root at %p\n", (void *)visit->slot);
}
