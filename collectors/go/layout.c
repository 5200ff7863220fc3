#include "go/layout.h"

#include "go/tiny.h"

// -------------------------------------------------------------------------------- a span

static unsigned size_class_of(unsigned span_class) {
  switch (span_class) {
  case GO_WEAK_SPANS:
    return go_size_class(TRI_TAG_BYTES + sizeof(tri_ref));
  case GO_EPHEMERON_SPANS:
    return go_size_class(TRI_TAG_BYTES + 2 * sizeof(tri_ref));
  case GO_TINY_SPANS:
    return go_size_class(GO_TINY_BYTES);
  }
  return go_span_class_size(span_class);
}

static bool has_header(enum go_layout layout, unsigned size_class, bool noscan) {
  return layout != GO_LAYOUT_1_19 && !noscan && go_class_bytes[size_class] > GO_IN_SPAN_MAX;
}

static void place_pointer_bits(const struct go_spans *spans, struct go_span *span, size_t metadata) {
  if (spans->layout == GO_LAYOUT_1_19) {
    size_t page = (span->base - spans->base) / GO_PAGE_BYTES;
    span->pointer_bits = spans->pointer_bits + page * GO_ARENA_BITS_WORDS;
  } else if (!span->header) {
    span->in_span_bits = true;
    span->pointer_bits = (uint64_t *)(span->base + GO_PAGE_BYTES - metadata);
  }
}

static void place_marks(struct go_span *span) {
  struct go_inline_marks *inline_marks = go_inline_marks(span->base);
  memset(inline_marks, 0, sizeof *inline_marks);
  inline_marks->span_class = span->span_class;
  span->mark_bits = (uint64_t *)inline_marks->marks;
  span->inline_marks = true;
}

static void clear_scans(struct go_span *span) {
  if (span->scan_bits) memset(span->scan_bits, 0, GO_SCAN_BYTES);
}

static void place_scans(const struct go_spans *spans, struct go_span *span) {
  size_t page = (span->base - spans->base) / GO_PAGE_BYTES;
  span->scan_bits = span->inline_marks ? (uint64_t *)go_inline_marks(span->base)->scans
                                       : spans->scan_bits + page * (GO_SCAN_BYTES / sizeof *spans->scan_bits);
  clear_scans(span);
}

static void place_tiny(struct go_span *span, size_t room) {
  span->n_cells = (uint32_t)(room / (GO_TINY_BYTES + sizeof(struct go_tiny)));
  memset(go_tiny_of(span, 0), 0, span->n_cells * sizeof(struct go_tiny));
}

void go_span_divide(const struct go_spans *spans, struct go_span *span, unsigned span_class) {
  unsigned size_class = size_class_of(span_class);
  bool kinds = span_class >= GO_SPAN_CLASSES, noscan = kinds || go_span_class_noscan(span_class);
  span->span_class = (uint8_t)span_class;
  if (size_class == 0) {
    span->n_cells = 1;
    span->cell_bytes = span->pages * GO_PAGE_BYTES;
    return;
  }
  size_t metadata = go_span_metadata_bytes(spans->layout, size_class, noscan);
  span->magic = go_class_magic[size_class];
  span->n_cells = go_span_objects(spans->layout, size_class, noscan);
  span->cell_bytes = go_class_bytes[size_class];
  if (has_header(spans->layout, size_class, noscan)) span->header = GO_HEADER_BYTES;
  if (kinds && span_class != GO_TINY_SPANS) span->header = TRI_TAG_BYTES;
  if (span_class == GO_TINY_SPANS) place_tiny(span, span->pages * GO_PAGE_BYTES - metadata);
  if (!noscan) place_pointer_bits(spans, span, metadata);
  if (metadata >= (noscan ? 0 : GO_POINTER_BITMAP_BYTES) + sizeof(struct go_inline_marks)) place_marks(span);
  if (spans->greentea && span->in_span_bits && span->cell_bytes >= GO_INLINE_MARKS_MIN)
    place_scans(spans, span);
}

void go_span_turn_bits(struct go_span *span, uint64_t *zeroed) {
  clear_scans(span);
  if (!span->inline_marks) {
    span->alloc_bits = span->mark_bits;
    span->mark_bits = zeroed;
    return;
  }
  for (size_t w = 0; w * 64 < span->n_cells; w++) zeroed[w] = go_span_marks(span, w);
  span->alloc_bits = zeroed;
  place_marks(span);
}

// -------------------------------------------------------------------------------- pointer bits of 1.19

enum { BITS_PER_WORD = 2, WORDS_PER_ENTRY = 64 / BITS_PER_WORD };

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// n bits from bit `from` of an entry on.
static uint64_t bits_at(size_t from, size_t n) {
  return n ? ~UINT64_C(0) >> (64 - n) << from : 0;
}

void go_arena_bits_set(const struct go_span *span, uintptr_t cell, size_t n_refs) {
  size_t word = (cell - span->base) / 8, end = word + span->cell_bytes / 8;
  while (word < end) {
    size_t from = word % WORDS_PER_ENTRY, n = smaller(end - word, WORDS_PER_ENTRY - from);
    size_t ones = smaller(n, n_refs);
    uint64_t *entry = &span->pointer_bits[word / WORDS_PER_ENTRY];
    uint64_t others = TRI_RELAXED_LOAD(entry) & ~bits_at(BITS_PER_WORD * from, BITS_PER_WORD * n);
    TRI_RELAXED_STORE(entry, others | bits_at(BITS_PER_WORD * from, BITS_PER_WORD * ones));
    word += n;
    n_refs -= ones;
  }
}

size_t go_arena_bits_count(const struct go_span *span, uintptr_t cell) {
  size_t first = (cell - span->base) / 8, word = first, end = first + span->cell_bytes / 8;
  while (word < end) {
    size_t from = word % WORDS_PER_ENTRY, n = smaller(end - word, WORDS_PER_ENTRY - from);
    uint64_t zeros = ~TRI_RELAXED_LOAD(&span->pointer_bits[word / WORDS_PER_ENTRY]) >> BITS_PER_WORD * from;
    size_t ones = zeros ? (size_t)__builtin_ctzll(zeros) / BITS_PER_WORD : n;
    word += smaller(ones, n);
    if (ones < n) break;
  }
  return word - first;
}

// -------------------------------------------------------------------------------- shapes

void go_shape_set(struct go_span *span, size_t index, uintptr_t cell, struct tri_shape shape) {
  if (go_span_is_large(span)) {
    span->tag = shape.tag;
    return;
  }
  if (span->header) {
    *(uint64_t *)cell = shape.tag;
    return;
  }
  if (span->in_span_bits)
    go_pointer_bits_set(span, cell, tri_shape_refs(shape));
  else if (span->pointer_bits)
    go_arena_bits_set(span, cell, tri_shape_refs(shape));
  go_slack_set(span, index, cell, tri_shape_extent(shape));
}

struct tri_shape go_cell_shape(const struct go_span *span, size_t index) {
  uintptr_t cell = go_span_cell(span, index);
  switch (go_span_kind(span)) {
  case TRI_WEAK:
    return TRI_WEAK_SHAPE; // whose tag may hold a link while it is marked
  case TRI_EPHEMERON:
    return TRI_EPHEMERON_SHAPE;
  case TRI_NODE:
    break;
  }
  if (go_span_is_large(span)) return (struct tri_shape){span->tag};
  if (span->header) return (struct tri_shape){*(const uint64_t *)cell};
  size_t refs = go_cell_refs(span, cell), extent = go_slack_extent(span, index, cell);
  return TRI_SHAPE(refs, extent - refs * sizeof(tri_ref));
}

struct tri_shape go_object_shape(const struct go_span *span, tri_ref object) {
  if (go_span_is_tiny(span)) return TRI_SHAPE(0, go_tiny_bytes(span, object.bits));
  return go_cell_shape(span, go_span_index(span, object.bits));
}
