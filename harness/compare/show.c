#include "compare/show.h"

#include <stdlib.h>
#include <string.h>

static double median_of(const struct tri_comparison *comparison, size_t cell, enum tri_side side) {
  double *runs = NULL;
  size_t count = 0;
  for (size_t i = 0; i < comparison->pair_count; i++) {
    const struct tri_pair *pair = &comparison->pairs[i];
    double run = pair->run[side][comparison->metric];
    if (pair->cell != cell || pair->stage == 0 || run < 0) continue;
    runs = tri_room_for_one(runs, count, sizeof *runs);
    runs[count++] = run;
  }
  tri_sort_samples(runs, count);
  double median = count ? tri_median(runs, count) : TRI_UNKNOWN;
  free(runs);
  return median;
}

static char *value_text(const struct tri_comparison *comparison, double value) {
  if (value < 0) return tri_format("-");
  return comparison->metric == TRI_METRIC_MEMORY ? tri_memory_text(value) : tri_duration_text(value);
}

enum { COLUMNS = 7 };
static const char *const titles[COLUMNS] = {"cell", "base", "head", "head/base", "99% interval", "pairs", "verdict"};

static void make_row(const struct tri_comparison *comparison, size_t cell, char *row[COLUMNS]) {
  size_t needed;
  struct tri_finding finding = tri_comparison_find(comparison, cell, &needed);
  row[0] = tri_text_copy(comparison->cells[cell].id);
  row[1] = value_text(comparison, median_of(comparison, cell, TRI_BASE));
  row[2] = value_text(comparison, median_of(comparison, cell, TRI_HEAD));
  row[3] = finding.pairs ? tri_format("%.3f", finding.ratio) : tri_format("-");
  row[4] = finding.pairs ? tri_format("%s%.3f to %.3f", finding.interval.exact ? "" : "range ", finding.interval.low,
                                      finding.interval.high)
                         : tri_format("-");
  row[5] = tri_format("%zu", finding.pairs);
  const char *name = tri_verdict_name(finding.verdict);
  row[6] = needed >= TRI_PAIRS_MOST ? tri_format("%s (more than %d pairs)", name, TRI_PAIRS_MOST)
           : needed                 ? tri_format("%s (about %zu more pairs)", name, needed)
                                    : tri_format("%s", name);
}

static void free_row(char *row[COLUMNS]) {
  for (int i = 0; i < COLUMNS; i++) free(row[i]);
}

void tri_count_verdicts(const struct tri_comparison *comparison, size_t counts[TRI_VERDICT_FAILED + 1]) {
  memset(counts, 0, (TRI_VERDICT_FAILED + 1) * sizeof *counts);
  for (size_t i = 0; i < comparison->cell_count; i++) counts[tri_comparison_find(comparison, i, NULL).verdict]++;
}

bool tri_is_finding(const struct tri_comparison *comparison, size_t cell) {
  enum tri_verdict verdict = tri_comparison_find(comparison, cell, NULL).verdict;
  return verdict == TRI_VERDICT_REGRESSION || (verdict == TRI_VERDICT_FAILED && comparison->cells[cell].finding);
}

static void put_summary(FILE *out, const struct tri_comparison *comparison, const char *line_end) {
  size_t counts[TRI_VERDICT_FAILED + 1];
  tri_count_verdicts(comparison, counts);
  for (int i = 0; i <= TRI_VERDICT_FAILED; i++)
    fprintf(out, "%s%zu %s", i ? ", " : "", counts[i], tri_verdict_name((enum tri_verdict)i));
  fprintf(out, "; by %s, seed %lld%s.%s\n", tri_metric_words[comparison->metric], (long long)comparison->seed,
          comparison->complete ? "" : "; NOT COMPLETE", line_end);
  fprintf(out,
          "A change counts from %.3g %% on, confirmed on fresh pairs; a false alarm has a probability of at most %.2g "
          "per cell.\n",
          100 * comparison->rule.effect, tri_rule_bound(&comparison->rule));
}

static void put_failures(FILE *out, const struct tri_comparison *comparison, const char *before) {
  for (size_t i = 0; i < comparison->cell_count; i++) {
    const struct tri_compared_cell *cell = &comparison->cells[i];
    if (cell->failure) fprintf(out, "%s%s: failed: %s\n", before, cell->id, cell->failure);
  }
}

void tri_show_comparison(FILE *out, const struct tri_comparison *comparison) {
  int widths[COLUMNS];
  for (int column = 0; column < COLUMNS; column++) widths[column] = (int)strlen(titles[column]);
  for (int print = 0; print < 2; print++) { // first how wide, then what
    for (int column = 0; print && column < COLUMNS; column++)
      fprintf(out, "%-*s%s", column < COLUMNS - 1 ? widths[column] : 0, titles[column], column < COLUMNS - 1 ? "  " : "\n");
    for (size_t i = 0; i < comparison->cell_count; i++) {
      char *row[COLUMNS];
      make_row(comparison, i, row);
      for (int column = 0; column < COLUMNS; column++) {
        if (!print && (int)strlen(row[column]) > widths[column]) widths[column] = (int)strlen(row[column]);
        if (print)
          fprintf(out, "%-*s%s", column < COLUMNS - 1 ? widths[column] : 0, row[column],
                  column < COLUMNS - 1 ? "  " : "\n");
      }
      free_row(row);
    }
  }
  put_failures(out, comparison, "");
  put_summary(out, comparison, "");
}

void tri_show_markdown(FILE *out, const struct tri_comparison *comparison) {
  fputs("| cell | base | head | head/base | 99 % interval | pairs | verdict |\n|---|---|---|---|---|---|---|\n", out);
  for (size_t i = 0; i < comparison->cell_count; i++) {
    char *row[COLUMNS];
    make_row(comparison, i, row);
    for (int column = 0; column < COLUMNS; column++)
      fprintf(out, tri_is_finding(comparison, i) && column == COLUMNS - 1 ? "| **%s** " : "| %s ", row[column]);
    fputs("|\n", out);
    free_row(row);
  }
  fputc('\n', out);
  put_failures(out, comparison, "* ");
  put_summary(out, comparison, "  ");
}
