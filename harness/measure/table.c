#include "measure/table.h"

#include <stdlib.h>
#include <string.h>

#include "measure/summary.h"

// VERDICT is the last column of those rows that have one; it runs over the columns of numbers.
enum column { WORKLOAD, COLLECTOR, HEAP, SAMPLES, MEDIAN, INTERVAL, RATIO, CPU, PEAK, PAUSE, COLUMNS };
enum { VERDICT = MEDIAN };

static const char *const titles[COLUMNS] = {"workload",    "collector",    "heap",  "n",
                                            "median",      "99% interval", "ratio", "cpu time",
                                            "peak memory", "worst pause"};

struct row {
  const struct tri_cell *cell;
  struct tri_cell_summary summary;
};

static bool same_group(const struct tri_cell *a, const struct tri_cell *b) {
  return a->heap_bytes == b->heap_bytes && strcmp(a->workload, b->workload) == 0;
}

// Only a cell that stayed good can be the best of its group.
static bool is_timed(const struct row *row) { return row->cell->status == TRI_CELL_OK && row->summary.count > 0; }

// Groups stay in the order of their first cell; `cells` carries that order (they lie in one array).
static int compare_in_group(const struct row *a, const struct row *b) {
  if (is_timed(a) != is_timed(b)) return is_timed(a) ? -1 : 1;
  if (is_timed(a) && a->summary.median != b->summary.median) return a->summary.median < b->summary.median ? -1 : 1;
  return a->cell < b->cell ? -1 : 1;
}

// Sorts in place by insertion: tables are small, and groups need not lie together in the series.
static void sort_rows(struct row *rows, size_t count) {
  for (size_t i = 1; i < count; i++) {
    struct row row = rows[i];
    size_t place = i, group_end = i;
    while (group_end > 0 && !same_group(rows[group_end - 1].cell, row.cell)) group_end--;
    if (group_end == 0) continue; // the first of its group stays last
    for (place = group_end; place > 0 && same_group(rows[place - 1].cell, row.cell) &&
                            compare_in_group(&row, &rows[place - 1]) < 0;)
      place--;
    memmove(&rows[place + 1], &rows[place], (i - place) * sizeof row);
    rows[place] = row;
  }
}

static void fill_texts(char *texts[COLUMNS], const struct row *row, double best) {
  texts[WORKLOAD] = tri_format("%s", row->cell->workload);
  texts[COLLECTOR] = tri_format("%s", row->cell->collector);
  texts[HEAP] = tri_size_text(row->cell->heap_bytes);
  texts[SAMPLES] = tri_format("%zu", row->summary.count);
  if (!is_timed(row)) {
    texts[VERDICT] = tri_format("%s", tri_cell_verdict(row->cell->status));
    return;
  }
  char *low = tri_duration_text(row->summary.interval.low), *high = tri_duration_text(row->summary.interval.high);
  texts[MEDIAN] = tri_duration_text(row->summary.median);
  texts[INTERVAL] = tri_format("%s - %s%s", low, high, row->summary.interval.exact ? " " : "*");
  if (best > 0) texts[RATIO] = tri_format("%.2f", row->summary.median / best);
  texts[CPU] = tri_duration_text(row->summary.cpu_median);
  if (row->summary.has_peak) texts[PEAK] = tri_memory_text(row->summary.peak_bytes);
  if (row->summary.has_pause)
    texts[PAUSE] = row->summary.pause_ns > 0 ? tri_duration_text(row->summary.pause_ns) : tri_format("none");
  free(low);
  free(high);
}

static void print_line(FILE *out, const char *const texts[COLUMNS], const int widths[COLUMNS],
                       bool has_verdict) {
  int blanks = 0; // held back, so that no line ends in them
  for (int column = 0; column < COLUMNS; column++) {
    const char *text = texts[column] ? texts[column] : "";
    bool left = column <= COLLECTOR || (has_verdict && column == VERDICT);
    int padding = widths[column] - (int)strlen(text);
    if (padding < 0) padding = 0;
    if (*text) {
      fprintf(out, "%*s%s", blanks + (left ? 0 : padding), "", text);
      blanks = left ? padding : 0;
    } else {
      blanks += padding;
    }
    blanks += 2;
  }
  fputc('\n', out);
}

static void print_rows(FILE *out, const struct row *rows, size_t count) {
  char *(*texts)[COLUMNS] = tri_need(calloc(count, sizeof *texts));
  int widths[COLUMNS];
  double best = 0;
  for (int column = 0; column < COLUMNS; column++) widths[column] = (int)strlen(titles[column]);
  for (size_t i = 0; i < count; i++) {
    bool starts_group = i == 0 || !same_group(rows[i].cell, rows[i - 1].cell);
    if (starts_group) best = is_timed(&rows[i]) ? rows[i].summary.median : 0;
    fill_texts(texts[i], &rows[i], best);
    for (int column = 0; column < (is_timed(&rows[i]) ? COLUMNS : VERDICT); column++) {
      int width = texts[i][column] ? (int)strlen(texts[i][column]) : 0;
      if (width > widths[column]) widths[column] = width;
    }
  }
  print_line(out, titles, widths, false);
  for (size_t i = 0; i < count; i++) {
    if (i > 0 && !same_group(rows[i].cell, rows[i - 1].cell)) fputc('\n', out);
    print_line(out, (const char *const *)texts[i], widths, !is_timed(&rows[i]));
    for (int column = 0; column < COLUMNS; column++) free(texts[i][column]);
  }
  free(texts);
}

void tri_table_print(FILE *out, const struct tri_series *series) {
  if (series->cell_count == 0) return;
  struct row *rows = tri_need(calloc(series->cell_count, sizeof *rows));
  bool ranges = false;
  for (size_t i = 0; i < series->cell_count; i++) {
    rows[i] = (struct row){&series->cells[i], tri_cell_summary(series, i)};
    ranges |= is_timed(&rows[i]) && !rows[i].summary.interval.exact;
  }
  sort_rows(rows, series->cell_count);
  print_rows(out, rows, series->cell_count);
  if (ranges) fputs("* lowest and highest: fewer than 8 samples have no 99% interval\n", out);
  free(rows);
}
