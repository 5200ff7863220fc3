// Go's size classes: which cells an object of some size lives in, and how many of them a span has.
//
// A span is a run of 8 KiB pages with cells of one class. 68 classes serve objects up to 32 KiB; class 0
// stands for larger objects, which have a span of their own. A *span class* is 2 * class + noscan: objects
// without references live in spans of their own, so that marking need not look at them.
//
// The classes follow from a rule (the test carries it out and compares): sizes grow by an alignment that is
// about an eighth of the size; each gets the fewest pages whose tail is at most an eighth of the span; a size
// that fits as often into as many pages as the one before replaces it; in the end each grows as far as its
// span allows without losing a cell, to a multiple of 128. Source: Go 1.19 to 1.26, runtime/mksizeclasses.go.
//
// No state; any thread.
#ifndef TRICOLOR_GO_SIZE_CLASS_H
#define TRICOLOR_GO_SIZE_CLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tricolor/introspect.h"

#define GO_PAGE_BYTES ((size_t)8 << 10)

enum {
  GO_CLASSES = 68,
  GO_SPAN_CLASSES = 2 * GO_CLASSES,
  GO_SMALL_MAX = 32 << 10, // the largest object that has a class
};

// Cells of a class: bytes, and pages of its spans. Row 0 is empty.
static const uint16_t go_class_bytes[GO_CLASSES] = {
    0,     8,     16,    24,    32,    48,    64,    80,    96,    112,   128,   144,  160,   176,
    192,   208,   224,   240,   256,   288,   320,   352,   384,   416,   448,   480,  512,   576,
    640,   704,   768,   896,   1024,  1152,  1280,  1408,  1536,  1792,  2048,  2304, 2688,  3072,
    3200,  3456,  4096,  4864,  5376,  6144,  6528,  6784,  6912,  8192,  9472,  9728, 10240, 10880,
    12288, 13568, 14336, 16384, 18432, 19072, 20480, 21760, 24576, 27264, 28672, 32768};

static const uint8_t go_class_pages[GO_CLASSES] = {
    0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1, 1,
    1, 2, 1, 2, 1, 2, 1, 3, 2, 3, 1, 3, 2, 3, 4, 5, 6, 1, 7, 6, 5, 4, 3, 5, 7, 2, 9, 7, 5, 8, 3, 10, 7, 4};

// 2^32 / bytes, rounded up: multiplying by it divides every offset in a span exactly.
static const uint32_t go_class_magic[GO_CLASSES] = {
    0,        536870912, 268435456, 178956971, 134217728, 89478486, 67108864, 53687092, 44739243, 38347923,
    33554432, 29826162,  26843546,  24403224,  22369622,  20648882, 19173962, 17895698, 16777216, 14913081,
    13421773, 12201612,  11184811,  10324441,  9586981,   8947849,  8388608,  7456541,  6710887,  6100806,
    5592406,  4793491,   4194304,   3728271,   3355444,   3050403,  2796203,  2396746,  2097152,  1864136,
    1597831,  1398102,   1342178,   1242757,   1048576,   883012,   798916,   699051,   657931,   633103,
    621379,   524288,    453439,    441506,    419431,    394759,   349526,   316552,   299594,   262144,
    233017,   225198,    209716,    197380,    174763,    157533,   149797,   131072};

// The class by size: in steps of 8 bytes up to 1024, then in steps of 128.
static const uint8_t go_class_of_8[1024 / 8 + 1] = {
    0,  1,  2,  3,  4,  5,  5,  6,  6,  7,  7,  8,  8,  9,  9,  10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15,
    15, 16, 16, 17, 17, 18, 18, 19, 19, 19, 19, 20, 20, 20, 20, 21, 21, 21, 21, 22, 22, 22, 22, 23, 23, 23,
    23, 24, 24, 24, 24, 25, 25, 25, 25, 26, 26, 26, 26, 27, 27, 27, 27, 27, 27, 27, 27, 28, 28, 28, 28, 28,
    28, 28, 28, 29, 29, 29, 29, 29, 29, 29, 29, 30, 30, 30, 30, 30, 30, 30, 30, 31, 31, 31, 31, 31, 31, 31,
    31, 31, 31, 31, 31, 31, 31, 31, 31, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32};

static const uint8_t go_class_of_128[(GO_SMALL_MAX - 1024) / 128 + 1] = {
    32, 33, 34, 35, 36, 37, 37, 38, 38, 39, 39, 40, 40, 40, 41, 41, 41, 42, 43, 43, 44, 44, 44, 44, 44,
    45, 45, 45, 45, 45, 45, 46, 46, 46, 46, 47, 47, 47, 47, 47, 47, 48, 48, 48, 49, 49, 50, 51, 51, 51,
    51, 51, 51, 51, 51, 51, 51, 52, 52, 52, 52, 52, 52, 52, 52, 52, 52, 53, 53, 54, 54, 54, 54, 55, 55,
    55, 55, 55, 56, 56, 56, 56, 56, 56, 56, 56, 56, 56, 56, 57, 57, 57, 57, 57, 57, 57, 57, 57, 57, 58,
    58, 58, 58, 58, 58, 59, 59, 59, 59, 59, 59, 59, 59, 59, 59, 59, 59, 59, 59, 59, 59, 60, 60, 60, 60,
    60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 61, 61, 61, 61, 61, 62, 62, 62, 62, 62, 62, 62, 62,
    62, 62, 62, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65, 65,
    65, 65, 65, 65, 65, 65, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 67, 67, 67, 67, 67, 67, 67, 67,
    67, 67, 67, 67, 67, 67, 67, 67, 67, 67, 67, 67, 67, 67, 67, 67, 67, 67, 67, 67, 67, 67, 67, 67};

// The class of an object of that many bytes, headers included; 1 <= bytes <= GO_SMALL_MAX. Folds to a
// constant.
static inline unsigned go_size_class(size_t bytes) {
  return bytes <= 1024 ? go_class_of_8[(bytes + 7) / 8] : go_class_of_128[(bytes - 1024 + 127) / 128];
}

static inline unsigned go_span_class(unsigned size_class, bool noscan) { return 2 * size_class + noscan; }
static inline unsigned go_span_class_size(unsigned span_class) { return span_class / 2; }
static inline bool go_span_class_noscan(unsigned span_class) { return span_class & 1; }

static inline size_t go_class_span_bytes(unsigned size_class) {
  return go_class_pages[size_class] * GO_PAGE_BYTES;
}

// The cell that an offset into a span of the class (1 …) lies in. The offset may be
// that of the span's tail.
static inline unsigned go_cell_index(unsigned size_class, size_t offset) {
  return (unsigned)((uint64_t)offset * go_class_magic[size_class] >> 32);
}

// -------------------------------------------------------------------------------- heap layouts
//
// Where a span keeps what marking has to know, by the version of Go that introduced it. What stands at the
// end of a span costs it cells.

enum go_layout {
  GO_LAYOUT_1_19, // two bits per word for each arena, beside the heap
  GO_LAYOUT_1_22, // spans of objects up to 512 bytes: a pointer bitmap at the end; above: a header per object
  GO_LAYOUT_1_26, // and those of 16 bytes and more: mark and scan bits at the end as well
  GO_LAYOUTS
};

enum {
  GO_IN_SPAN_MAX = 512,          // largest object described by bits in its span
  GO_INLINE_MARKS_MIN = 16,      // smallest object with mark bits in its span
  GO_HEADER_BYTES = 8,
  GO_POINTER_BITMAP_BYTES = 128, // a bit per word of a page
  GO_INLINE_MARKS_BYTES = 128,   // a mark and a scan bit per 16 bytes of a page, owner, span class
};

// Bytes at the end of a span of the class (1 …) that hold no cells but the span's metadata.
size_t go_span_metadata_bytes(enum go_layout layout, unsigned size_class, bool noscan);

// Cells of a span of the class (1 …).
unsigned go_span_objects(enum go_layout layout, unsigned size_class, bool noscan);

// What tri_each_size_class tells of the class (1 …).
struct tri_size_class go_size_class_told(enum go_layout layout, unsigned size_class, bool noscan);

#endif
