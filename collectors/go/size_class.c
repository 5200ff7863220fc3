#include "go/size_class.h"

size_t go_span_metadata_bytes(enum go_layout layout, unsigned size_class, bool noscan) {
  size_t size = go_class_bytes[size_class], bytes = 0;
  if (layout == GO_LAYOUT_1_19 || size > GO_IN_SPAN_MAX) return 0;
  if (!noscan) bytes += GO_POINTER_BITMAP_BYTES;
  if (layout == GO_LAYOUT_1_26 && size >= GO_INLINE_MARKS_MIN) bytes += GO_INLINE_MARKS_BYTES;
  return bytes;
}

unsigned go_span_objects(enum go_layout layout, unsigned size_class, bool noscan) {
  size_t bytes = go_class_span_bytes(size_class) - go_span_metadata_bytes(layout, size_class, noscan);
  return (unsigned)(bytes / go_class_bytes[size_class]);
}

struct tri_size_class go_size_class_told(enum go_layout layout, unsigned size_class, bool noscan) {
  size_t before = go_class_bytes[size_class - 1];
  bool first_with_header = layout != GO_LAYOUT_1_19 && !noscan && before == GO_IN_SPAN_MAX;
  return (struct tri_size_class){.objects = noscan ? "without references" : "with references",
                                 .cell_bytes = go_class_bytes[size_class],
                                 .least_bytes = before + 1 + (first_with_header ? GO_HEADER_BYTES : 0),
                                 .block_bytes = go_class_span_bytes(size_class),
                                 .cells = go_span_objects(layout, size_class, noscan)};
}
