#include "go/span.h"

#include <string.h>

#include "common/check.h"
#include "common/os.h"

// -------------------------------------------------------------------------------- tables

enum {
  BATCH_PAGES = 512
}; // committed at a time: a multiple of what fills a page of the system in each table

static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static size_t pointer_bits_bytes(const struct go_spans *spans) { // of a page
  return spans->layout == GO_LAYOUT_1_19 ? GO_ARENA_BITS_WORDS * sizeof *spans->pointer_bits : 0;
}

static size_t scan_bits_bytes(const struct go_spans *spans) { // of a page
  return spans->layout == GO_LAYOUT_1_22 && spans->greentea ? GO_SCAN_BYTES : 0;
}

bool go_spans_init(struct go_spans *spans, enum go_layout layout, bool greentea, uintptr_t base,
                   size_t n_pages) {
  n_pages = round_up(n_pages, BATCH_PAGES);
  *spans = (struct go_spans){.base = base, .layout = layout, .greentea = greentea, .n_pages = n_pages};
  size_t pointers = n_pages * sizeof *spans->of_page, structs = n_pages * sizeof *spans->spans,
         slack = n_pages * GO_SLACK_WORDS * sizeof *spans->slack,
         pointer_bits = n_pages * pointer_bits_bytes(spans), scan_bits = n_pages * scan_bits_bytes(spans);
  spans->reserved = round_up(pointers + structs + slack + pointer_bits + scan_bits, tri_os_page_bytes());
  char *reservation = spans->reservation = tri_os_reserve(spans->reserved, 0);
  if (!reservation) return false;
  spans->of_page = (struct go_span **)reservation;
  spans->spans = (struct go_span *)(reservation + pointers);
  spans->slack = (uint64_t *)(reservation + pointers + structs);
  if (pointer_bits) spans->pointer_bits = (uint64_t *)(reservation + pointers + structs + slack);
  if (scan_bits) spans->scan_bits = (uint64_t *)(reservation + pointers + structs + slack + pointer_bits);
  return true;
}

void go_spans_fini(struct go_spans *spans) { tri_os_release(spans->reservation, spans->reserved); }

static bool commit(void *table, size_t entry, size_t from, size_t to) {
  size_t page = tri_os_page_bytes();
  uintptr_t first = ((uintptr_t)table + from * entry) & ~(uintptr_t)(page - 1);
  uintptr_t end = round_up((uintptr_t)table + to * entry, page);
  return tri_os_commit((void *)first, end - first);
}

bool go_spans_reserve(struct go_spans *spans, size_t first, size_t n) {
  if (first + n <= spans->committed) return true;
  size_t to = smaller(round_up(first + n, BATCH_PAGES), spans->n_pages), from = spans->committed;
  if (!commit(spans->of_page, sizeof *spans->of_page, from, to) ||
      !commit(spans->spans, sizeof *spans->spans, from, to) ||
      !commit(spans->slack, GO_SLACK_WORDS * sizeof *spans->slack, from, to) ||
      (spans->pointer_bits && !commit(spans->pointer_bits, pointer_bits_bytes(spans), from, to)) ||
      (spans->scan_bits && !commit(spans->scan_bits, scan_bits_bytes(spans), from, to)))
    return false;
  spans->committed = to;
  return true;
}

size_t go_spans_bytes(const struct go_spans *spans) {
  return spans->committed *
         (sizeof *spans->of_page + sizeof *spans->spans + GO_SLACK_WORDS * sizeof *spans->slack +
          pointer_bits_bytes(spans) + scan_bits_bytes(spans));
}

// -------------------------------------------------------------------------------- spans

struct go_span *go_span_prepare(struct go_spans *spans, size_t first, size_t n) {
  TRI_ASSERT(first + n <= spans->committed);
  struct go_span *span = &spans->spans[first];
  *span = (struct go_span){.base = spans->base + first * GO_PAGE_BYTES, .pages = n};
  span->slack = spans->slack + first * GO_SLACK_WORDS;
  return span;
}

static void publish(struct go_spans *spans, const struct go_span *span, struct go_span *value) {
  struct go_span **entry = &spans->of_page[(span->base - spans->base) / GO_PAGE_BYTES];
  for (size_t i = 0; i < span->pages; i++) __atomic_store_n(&entry[i], value, __ATOMIC_RELEASE);
}

void go_span_enter(struct go_spans *spans, struct go_span *span) {
  size_t end = (span->base - spans->base) / GO_PAGE_BYTES + span->pages;
  span->in_use = true;
  if (end > spans->end) spans->end = end;
  spans->n++;
  spans->in_use += span->pages;
  publish(spans, span, span);
}

void go_span_remove(struct go_spans *spans, struct go_span *span) {
  TRI_ASSERT(span->in_use && !span->list);
  publish(spans, span, NULL);
  span->in_use = false;
  spans->n--;
  spans->in_use -= span->pages;
}

size_t go_span_allocated(const struct go_span *span) {
  size_t n = span->free_index;
  for (size_t w = span->free_index / 64; w * 64 < span->n_cells; w++) {
    uint64_t word = span->alloc_bits[w];
    if (w == span->free_index / 64) word &= ~UINT64_C(0) << span->free_index % 64;
    n += (size_t)__builtin_popcountll(word);
  }
  return n;
}

size_t go_span_marked(const struct go_span *span) {
  size_t n = 0;
  for (size_t w = 0; w * 64 < span->n_cells; w++) n += (size_t)__builtin_popcountll(go_span_marks(span, w));
  return n;
}

uint32_t go_span_next_free(struct go_span *span) {
  uint32_t index = span->free_index;
  while (index < span->n_cells && !span->alloc_cache) {
    index = (index + 64) & ~63u;
    if (index >= span->n_cells) break;
    go_span_refill_cache(span, index);
  }
  if (index < span->n_cells) {
    unsigned skipped = (unsigned)__builtin_ctzll(span->alloc_cache);
    span->alloc_cache >>= skipped;
    index += skipped;
  }
  if (index > span->n_cells) index = span->n_cells;
  if (span->free_index != index) span->free_index = index; // all mutators have the span without cells
  return index;
}

// -------------------------------------------------------------------------------- lists

void go_span_list_push(struct go_span_list *list, struct go_span *span) {
  TRI_ASSERT(!span->list);
  span->list = list;
  span->previous = NULL;
  span->next = list->first;
  if (span->next) span->next->previous = span;
  list->first = span;
  list->count++;
}

void go_span_list_remove(struct go_span *span) {
  struct go_span_list *list = span->list;
  if (span->previous)
    span->previous->next = span->next;
  else
    list->first = span->next;
  if (span->next) span->next->previous = span->previous;
  list->count--;
  span->list = NULL;
  span->next = span->previous = NULL;
}
