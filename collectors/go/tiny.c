#include "go/tiny.h"

#include "common/check.h"

static unsigned lowest(unsigned bits) { return (unsigned)__builtin_ctz(bits); }

// The start behind this one; GO_TINY_BYTES: there is none.
static unsigned next_start(unsigned starts, unsigned start) {
  unsigned behind = starts >> start >> 1;
  return behind ? start + 1 + lowest(behind) : GO_TINY_BYTES;
}

static size_t bytes_at(const struct go_tiny *tiny, unsigned start) {
  unsigned ends = tiny->ends >> start << start;
  if (!ends || lowest(ends) >= next_start(tiny->starts, start)) return 0;
  return lowest(ends) - start + 1;
}

size_t go_tiny_place(size_t used, size_t bytes) {
  size_t at = (used + TRI_OBJECT_ALIGN - 1) / TRI_OBJECT_ALIGN * TRI_OBJECT_ALIGN;
  return at + (bytes ? bytes : 1) <= GO_TINY_BYTES ? at : GO_TINY_BYTES;
}

void go_tiny_put(struct go_span *span, uintptr_t object, size_t bytes) {
  struct go_tiny *tiny = go_tiny_around(span, object);
  unsigned start = object % GO_TINY_BYTES;
  TRI_ASSERT(start + bytes <= GO_TINY_BYTES && !(tiny->starts >> start));
  tiny->starts |= (uint16_t)(1u << start);
  if (bytes) tiny->ends |= (uint16_t)(1u << (start + bytes - 1));
}

size_t go_tiny_bytes(const struct go_span *span, uintptr_t object) {
  return bytes_at(go_tiny_around(span, object), object % GO_TINY_BYTES);
}

uintptr_t go_tiny_extent(const struct go_span *span, uintptr_t object, size_t *bytes) {
  unsigned starts = go_tiny_around(span, object)->starts, start = object % GO_TINY_BYTES;
  unsigned first = lowest(starts) == start ? 0 : start;
  *bytes = next_start(starts, start) - first;
  return object - start + first;
}

size_t go_tiny_count(const struct go_span *span) {
  size_t n = 0;
  for (size_t i = 0; i < span->n_cells; i++) n += (size_t)__builtin_popcount(go_tiny_of(span, i)->starts);
  return n;
}

size_t go_tiny_sweep(struct go_span *span) {
  size_t freed = 0;
  for (size_t i = 0; i < span->n_cells; i++) {
    struct go_tiny *tiny = go_tiny_of(span, i), kept = {.starts = tiny->starts & tiny->marks};
    freed += (size_t)__builtin_popcount(tiny->starts & ~tiny->marks);
    for (unsigned left = kept.starts; left; left &= left - 1) {
      unsigned start = lowest(left);
      size_t bytes = bytes_at(tiny, start);
      if (bytes) kept.ends |= (uint16_t)(1u << (start + bytes - 1));
    }
    *tiny = kept;
  }
  return freed;
}
