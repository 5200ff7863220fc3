#include "go/layout.h"

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
