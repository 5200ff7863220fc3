// One table, letter by letter.
#include "measure/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"

static void add_samples(struct tri_series *series, size_t cell, size_t count, int64_t wall_ns,
                        const char *metrics) {
  for (size_t i = 0; i < count; i++) {
    struct tri_sample sample = {.cell = cell, .status = TRI_CELL_OK};
    sample.reading = (struct tri_reading){wall_ns + (int64_t)i * 1000000, wall_ns, 0, 0};
    sample.process = json_pack("{s:o}", "metrics", tri_need(json_loads(metrics, 0, NULL)));
    tri_series_add_sample(series, sample, NULL);
  }
}

static void add_failure(struct tri_series *series, size_t cell, enum tri_cell_status status) {
  tri_series_add_sample(series, (struct tri_sample){.cell = cell, .status = status}, "because");
}

static char *table_text(const struct tri_series *series) {
  char *text;
  size_t length;
  FILE *out = tri_need(open_memstream(&text, &length));
  tri_table_print(out, series);
  fclose(out);
  return text;
}

static const char expected[] =
    "workload  collector  heap  n   median        99% interval  ratio  cpu time  peak memory  worst pause\n"
    "gcbench   marksweep   64m  8  23.5 ms  20.0 ms - 27.0 ms    1.00   20.0 ms     40.0 MiB         none\n"
    "gcbench   semispace   64m  9  33.0 ms  30.0 ms - 37.0 ms    1.40   30.0 ms     80.0 MiB      3.00 ms\n"
    "gcbench   malloc      64m  0  out of memory\n"
    "gcbench   refcount    64m  2  WRONG ANSWER\n"
    "gcbench   zeal        64m  0  not measured\n"
    "\n"
    "quads     malloc      64m  3  6.00 ms  5.00 ms - 7.00 ms*   1.00   5.00 ms\n"
    "\n"
    "gcbench   marksweep    4m  0  FAILED\n"
    "* lowest and highest: fewer than 8 samples have no 99% interval\n";

int main(void) {
  struct tri_series series;
  tri_series_init(&series);
  size_t semispace = tri_series_add_cell(&series, "gcbench", "semispace", 64 << 20);
  size_t malloc_cell = tri_series_add_cell(&series, "gcbench", "malloc", 64 << 20);
  size_t quads = tri_series_add_cell(&series, "quads", "malloc", 64 << 20);
  size_t marksweep = tri_series_add_cell(&series, "gcbench", "marksweep", 64 << 20);
  size_t refcount = tri_series_add_cell(&series, "gcbench", "refcount", 64 << 20);
  size_t small = tri_series_add_cell(&series, "gcbench", "marksweep", 4 << 20);
  tri_series_add_cell(&series, "gcbench", "zeal", 64 << 20);
  add_samples(&series, semispace, 8, 30000000, "{\"peak_rss_bytes\":41943040,\"pause_max_ns\":3000000}");
  add_samples(&series, semispace, 1, 30000000, "{\"peak_rss_bytes\":83886080,\"pause_max_ns\":1}");
  add_samples(&series, marksweep, 8, 20000000, "{\"peak_rss_bytes\":41943040,\"pause_max_ns\":0}");
  add_samples(&series, quads, 3, 5000000, "{}");
  add_failure(&series, malloc_cell, TRI_CELL_OUT_OF_MEMORY);
  add_samples(&series, refcount, 2, 1000000, "{}");
  add_failure(&series, refcount, TRI_CELL_WRONG);
  add_failure(&series, small, TRI_CELL_FAILED);

  char *text = table_text(&series);
  if (strcmp(text, expected) != 0) fputs(text, stdout);
  TRI_CHECK_STR(text, expected);
  free(text);
  tri_series_free(&series);

  tri_series_init(&series);
  text = table_text(&series);
  TRI_CHECK_STR(text, "");
  free(text);
  tri_series_free(&series);
  return 0;
}
