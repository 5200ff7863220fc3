// The size classes against the rule that they follow from, and against facts about Go's own table.
#include "go/size_class.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"

struct row {
  size_t bytes, pages;
};

static size_t tail(size_t bytes, size_t pages) { return pages * GO_PAGE_BYTES % bytes; }
static size_t cells(struct row row) { return row.pages * GO_PAGE_BYTES / row.bytes; }

static size_t alignment_at(size_t bytes, size_t before) {
  if (bytes & (bytes - 1)) return before; // changes at powers of two only
  return bytes >= 2048 ? 256 : bytes >= 128 ? bytes / 8 : bytes >= 32 ? 16 : before;
}

// The rule; returns the number of classes, class 0 included.
static unsigned make_classes(struct row rows[GO_CLASSES]) {
  unsigned n = 1;
  rows[0] = (struct row){0, 0};
  for (size_t bytes = 8, align = 8; bytes <= GO_SMALL_MAX; bytes += align) {
    align = alignment_at(bytes, align);
    struct row row = {bytes, 1};
    while (tail(bytes, row.pages) > row.pages * GO_PAGE_BYTES / 8) row.pages++;
    if (n > 1 && rows[n - 1].pages == row.pages && cells(rows[n - 1]) == cells(row)) n--;
    TRI_CHECK_LT(n, GO_CLASSES);
    rows[n++] = row;
  }
  for (unsigned c = 1; c < n; c++) {
    size_t room = rows[c].pages * GO_PAGE_BYTES / cells(rows[c]) & ~(size_t)127;
    if (room > rows[c].bytes) rows[c].bytes = room;
  }
  return n;
}

static void test_rule(void) {
  struct row rows[GO_CLASSES];
  TRI_CHECK_EQ(make_classes(rows), GO_CLASSES);
  for (unsigned c = 0; c < GO_CLASSES; c++) {
    TRI_CHECK_EQ(go_class_bytes[c], rows[c].bytes);
    TRI_CHECK_EQ(go_class_pages[c], rows[c].pages);
  }
}

// The table as Go has it, by a digest of "0:0,8:1,16:1,…" (size:pages).
static void test_digest(void) {
  char command[2048] = "printf %s ", digest[65] = "";
  size_t n = strlen(command);
  for (unsigned c = 0; c < GO_CLASSES; c++)
    n += (size_t)snprintf(command + n, sizeof command - n, "%s%u:%u", c ? "," : "", go_class_bytes[c],
                          go_class_pages[c]);
  TRI_CHECK_LT((size_t)snprintf(command + n, sizeof command - n, " | sha256sum"), sizeof command - n);
  FILE *pipe = popen(command, "r");
  TRI_CHECK(pipe && fgets(digest, sizeof digest, pipe));
  pclose(pipe);
  TRI_CHECK_STR(digest, "935995103db99bd13867c32c96204de06ff7a665625e08270e2cccafe313b8ff");
}

static void test_lookup(void) {
  unsigned expected = 1;
  for (size_t bytes = 1; bytes <= GO_SMALL_MAX; bytes++) {
    if (bytes > go_class_bytes[expected]) expected++;
    TRI_CHECK_EQ(go_size_class(bytes), expected);
  }
  TRI_CHECK_EQ(expected, GO_CLASSES - 1);
  TRI_CHECK_EQ(go_class_of_8[0], 0);
  for (unsigned c = 0; c < GO_CLASSES; c++)
    for (unsigned noscan = 0; noscan < 2; noscan++) {
      unsigned span_class = go_span_class(c, noscan);
      TRI_CHECK_LT(span_class, GO_SPAN_CLASSES);
      TRI_CHECK_EQ(go_span_class_size(span_class), c);
      TRI_CHECK_EQ(go_span_class_noscan(span_class), noscan);
    }
}

static void test_division(void) {
  for (unsigned c = 1; c < GO_CLASSES; c++)
    for (size_t offset = 0; offset <= go_class_span_bytes(c); offset++)
      TRI_CHECK_EQ(go_cell_index(c, offset), offset / go_class_bytes[c]);
}

// Cells per span, as Go has them once metadata lives in the span.
static void test_objects(void) {
  static const struct {
    unsigned bytes, v1_19, scan_1_22, scan_1_26, noscan_1_26;
  } facts[] = {{8, 1024, 1008, 1008, 1024}, {16, 512, 504, 496, 504}, {24, 341, 336, 330, 336},
               {32, 256, 252, 248, 252},    {48, 170, 168, 165, 168}, {64, 128, 126, 124, 126},
               {80, 102, 100, 99, 100},     {96, 85, 84, 82, 84},     {112, 73, 72, 70, 72},
               {128, 64, 63, 62, 63},       {256, 32, 31, 31, 31},    {512, 16, 15, 15, 15}};
  for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
    unsigned c = go_size_class(facts[i].bytes);
    TRI_CHECK_EQ(go_class_bytes[c], facts[i].bytes);
    TRI_CHECK_EQ(go_span_objects(GO_LAYOUT_1_19, c, false), facts[i].v1_19);
    TRI_CHECK_EQ(go_span_objects(GO_LAYOUT_1_19, c, true), facts[i].v1_19);
    TRI_CHECK_EQ(go_span_objects(GO_LAYOUT_1_22, c, false), facts[i].scan_1_22);
    TRI_CHECK_EQ(go_span_objects(GO_LAYOUT_1_22, c, true), facts[i].v1_19);
    TRI_CHECK_EQ(go_span_objects(GO_LAYOUT_1_26, c, false), facts[i].scan_1_26);
    TRI_CHECK_EQ(go_span_objects(GO_LAYOUT_1_26, c, true), facts[i].noscan_1_26);
  }
  for (unsigned c = 1; c < GO_CLASSES; c++) { // what is described in its span is described by one bitmap
    if (go_class_bytes[c] <= GO_IN_SPAN_MAX) TRI_CHECK_EQ(go_class_pages[c], 1);
    for (unsigned layout = 0; layout < GO_LAYOUTS; layout++)
      for (unsigned noscan = 0; noscan < 2; noscan++) {
        size_t used = go_span_objects(layout, c, noscan) * (size_t)go_class_bytes[c];
        TRI_CHECK_LE(used + go_span_metadata_bytes(layout, c, noscan), go_class_span_bytes(c));
        if (go_class_bytes[c] > GO_IN_SPAN_MAX)
          TRI_CHECK_EQ(go_span_objects(layout, c, noscan), go_class_span_bytes(c) / go_class_bytes[c]);
      }
  }
}

static double waste_of(enum go_layout layout, unsigned size_class) {
  struct tri_size_class told = go_size_class_told(layout, size_class, false);
  return tri_size_class_waste(&told);
}

// Waste in per cent: the four classes beyond the usual bound of 26.6, and that all others keep it.
static void test_waste(void) {
  static const struct {
    unsigned bytes;
    double percent;
  } facts[] = {{8, 87.5}, {16, 43.75}, {24, 29.24}, {48, 31.52}, {32, 21.88}, {288, 12.16}, {32768, 12.5}};
  for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
    double waste = 100 * waste_of(GO_LAYOUT_1_19, go_size_class(facts[i].bytes));
    TRI_CHECK(fabs(waste - facts[i].percent) < 0.006);
  }
  for (unsigned c = 1; c < GO_CLASSES; c++) {
    double waste = waste_of(GO_LAYOUT_1_19, c);
    TRI_CHECK_EQ(waste > 0.266, c == 1 || c == 2 || c == 3 || c == 5);
    if (go_class_bytes[c - 1] == GO_IN_SPAN_MAX) // its smallest objects have a header
      TRI_CHECK_EQ(go_size_class_told(GO_LAYOUT_1_26, c, false).least_bytes,
                   GO_IN_SPAN_MAX + 1 + GO_HEADER_BYTES);
    else
      TRI_CHECK(waste_of(GO_LAYOUT_1_26, c) >= waste);
  }
}

int main(void) {
  test_rule();
  test_digest();
  test_lookup();
  test_division();
  test_objects();
  test_waste();
  return 0;
}
