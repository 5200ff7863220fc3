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

double go_class_max_waste(enum go_layout layout, unsigned size_class, bool noscan) {
  size_t smallest = go_class_bytes[size_class - 1] + (size_t)1;
  size_t used = go_span_objects(layout, size_class, noscan) * smallest;
  return 1 - (double)used / (double)go_class_span_bytes(size_class);
}
