// The tables of a score: never-killed faults first.
#include <stdlib.h>
#include <string.h>

#include "measure/sample.h"
#include "score/board.h"

enum { SIGNIFICANT_PERCENT = 5 };

// A row of texts; the first `left` columns lean to the left.
struct grid {
  char ***rows;
  size_t row_count, columns, left;
};

static char **add_row(struct grid *grid) {
  grid->rows = tri_need(realloc(grid->rows, (grid->row_count + 1) * sizeof *grid->rows));
  return grid->rows[grid->row_count++] = tri_need(calloc(grid->columns, sizeof **grid->rows));
}

// Characters, not bytes.
static int width_of(const char *text) {
  int width = 0;
  for (; *text; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
  return width;
}

static void print_grid(FILE *out, const struct grid *grid, bool markdown) {
  int *widths = tri_need(calloc(grid->columns, sizeof *widths));
  for (size_t i = 0; i < grid->row_count; i++)
    for (size_t k = 0; k < grid->columns; k++) {
      int width = grid->rows[i][k] ? width_of(grid->rows[i][k]) : 0;
      if (width > widths[k]) widths[k] = width;
    }
  for (size_t i = 0; i < grid->row_count; i++) {
    int blanks = 0; // held back, so that no line ends in them
    for (size_t k = 0; k < grid->columns; k++) {
      const char *text = grid->rows[i][k] ? grid->rows[i][k] : "";
      int padding = widths[k] - width_of(text);
      if (markdown) {
        fprintf(out, "%s%s ", k ? "| " : "| ", text);
        continue;
      }
      fprintf(out, "%*s%s", blanks + (k < grid->left ? 0 : padding), "", text);
      blanks = 2 + (k < grid->left ? padding : 0);
    }
    fputs(markdown ? "|\n" : "\n", out);
    for (size_t k = 0; markdown && i == 0 && k < grid->columns; k++)
      fprintf(out, k < grid->left ? "|---%s" : "|--:%s", k + 1 == grid->columns ? "|\n" : "");
  }
  free(widths);
}

static void free_grid(struct grid *grid) {
  for (size_t i = 0; i < grid->row_count; i++) {
    for (size_t k = 0; k < grid->columns; k++) free(grid->rows[i][k]);
    free(grid->rows[i]);
  }
  free(grid->rows);
}

static char *count_text(double count) {
  static const char *const units[] = {"", "k", "M", "G"};
  size_t unit = 0;
  for (; count >= 999.5 && unit < 3; unit++) count /= 1000;
  return tri_format("%.*f%s", unit > 0 && count < 9.95 ? 1 : 0, count, units[unit]);
}

static char *seconds_text(double seconds) { return tri_format(seconds < 9.95 ? "%.2fs" : "%.0fs", seconds); }

// ---- Faults ---------------------------------------------------------------------------------------------------

struct line {
  const struct tri_score_subject *subject;
  struct tri_score_cell *cells; // by arm
  size_t kills;                 // by all arms
  double fastest;               // CPU seconds, the least median
};

static int compare_lines(const void *a, const void *b) {
  const struct line *x = a, *y = b;
  if (!x->kills != !y->kills) return x->kills ? 1 : -1;
  if (x->fastest != y->fastest) return x->fastest > y->fastest ? -1 : 1;
  return strcmp(x->subject->name, y->subject->name);
}

static struct line *make_lines(const struct tri_board *board, size_t *count) {
  struct line *lines = tri_need(calloc(board->subject_count + 1, sizeof *lines));
  *count = 0;
  for (size_t i = 0; i < board->subject_count; i++) {
    if (!board->subjects[i].id) continue;
    struct line *line = &lines[*count];
    *line = (struct line){.subject = &board->subjects[i], .fastest = 1e9};
    line->cells = tri_need(calloc(board->arm_count + 1, sizeof *line->cells));
    size_t trials = 0;
    for (size_t k = 0; k < board->arm_count; k++) {
      line->cells[k] = tri_board_cell(board, line->subject->name, board->arms[k]);
      trials += line->cells[k].trials;
      line->kills += line->cells[k].kills;
      if (line->cells[k].has_median[TRI_SCORE_CPU] && line->cells[k].median[TRI_SCORE_CPU] < line->fastest)
        line->fastest = line->cells[k].median[TRI_SCORE_CPU];
    }
    if (trials)
      ++*count;
    else
      free(line->cells);
  }
  qsort(lines, *count, sizeof *lines, compare_lines);
  return lines;
}

// "5/5 1.2k 0.05s", with + or - where the arm needs significantly fewer or more executions than the generator, and
// the trials in which the target died without a named invariant after a cross.
static char *cell_text(const struct tri_score_cell *cell, bool markdown) {
  if (cell->trials == 0) return NULL;
  char *executions = cell->has_median[TRI_SCORE_EXECUTIONS] ? count_text(cell->median[TRI_SCORE_EXECUTIONS]) : NULL;
  char *seconds = cell->has_median[TRI_SCORE_CPU] ? seconds_text(cell->median[TRI_SCORE_CPU]) : NULL;
  char *deaths = cell->deaths ? tri_format(" x%zu", cell->deaths) : tri_format("%s", "");
  bool differs = cell->compared && 100 * cell->p[TRI_SCORE_EXECUTIONS] < SIGNIFICANT_PERCENT;
  const char *mark = !differs ? "" : cell->a12[TRI_SCORE_EXECUTIONS] > 0.5 ? "+" : "-";
  bool all = cell->kills == cell->trials;
  char *text = tri_format("%s%zu/%zu%s%s%s%s%s%s", markdown && !all ? "**" : "", cell->kills, cell->trials,
                          markdown && !all ? "**" : "", deaths, executions ? " " : "", executions ? executions : "",
                          mark, seconds ? " " : "");
  char *whole = tri_format("%s%s", text, seconds ? seconds : "");
  free(text);
  free(executions);
  free(seconds);
  free(deaths);
  return whole;
}

static void print_faults(FILE *out, const struct tri_board *board, const struct line *lines, size_t count,
                         bool markdown) {
  struct grid grid = {.columns = board->arm_count + 2, .left = 2};
  char **titles = add_row(&grid);
  titles[0] = tri_format("fault");
  titles[1] = tri_format("class");
  for (size_t k = 0; k < board->arm_count; k++) titles[k + 2] = tri_format("%s", board->arms[k]);
  for (size_t i = 0; i < count; i++) {
    char **row = add_row(&grid);
    row[0] = tri_format("%s", lines[i].subject->name);
    row[1] = tri_format("%s", lines[i].subject->class ? lines[i].subject->class : "");
    for (size_t k = 0; k < board->arm_count; k++) row[k + 2] = cell_text(&lines[i].cells[k], markdown);
  }
  print_grid(out, &grid, markdown);
  free_grid(&grid);
}

// ---- Arms -----------------------------------------------------------------------------------------------------

static double executions_per_second(const struct tri_board *board, const char *arm) {
  double executions = 0, seconds = 0;
  for (size_t i = 0; i < board->trial_count; i++)
    if (strcmp(board->trials[i].arm, arm) == 0)
      executions += (double)board->trials[i].executions, seconds += board->trials[i].cpu_seconds;
  return seconds > 0 ? executions / seconds : 0;
}

// The median over faults of a fault's median; NULL when half of them have none.
static char *middle(const struct line *lines, size_t count, size_t arm, enum tri_score_unit unit) {
  double *values = tri_need(calloc(count + 1, sizeof *values));
  for (size_t i = 0; i < count; i++)
    values[i] = lines[i].cells[arm].has_median[unit] ? lines[i].cells[arm].median[unit] : 1e18;
  tri_sort_samples(values, count);
  double value = count ? tri_median(values, count) : 1e18;
  free(values);
  if (value > 1e17) return NULL;
  return unit == TRI_SCORE_CPU ? seconds_text(value) : count_text(value);
}

static void print_arms(FILE *out, const struct tri_board *board, const struct line *lines, size_t count,
                       bool markdown) {
  static const char *const titles[] = {"arm",  "kills", "faults killed", "in every trial",    "row expected",
                                       "died", "median executions",      "median cpu",        "executions/s",
                                       "fewer:more executions",          "less:more cpu"};
  enum { COLUMNS = sizeof titles / sizeof *titles };
  struct grid grid = {.columns = COLUMNS, .left = 1};
  char **row = add_row(&grid);
  for (size_t k = 0; k < COLUMNS; k++) row[k] = tri_format("%s", titles[k]);
  for (size_t arm = 0; arm < board->arm_count; arm++) {
    size_t trials = 0, kills = 0, expected = 0, deaths = 0, some = 0, all = 0, tried = 0;
    size_t better[TRI_SCORE_UNITS] = {0}, worse[TRI_SCORE_UNITS] = {0};
    bool compared = false;
    for (size_t i = 0; i < count; i++) {
      const struct tri_score_cell *cell = &lines[i].cells[arm];
      tried += cell->trials > 0;
      trials += cell->trials;
      kills += cell->kills;
      expected += cell->expected;
      deaths += cell->deaths;
      some += cell->kills > 0;
      all += cell->trials > 0 && cell->kills == cell->trials;
      compared |= cell->compared;
      for (int unit = 0; cell->compared && unit < TRI_SCORE_UNITS; unit++)
        better[unit] += cell->a12[unit] > 0.5, worse[unit] += cell->a12[unit] < 0.5;
    }
    row = add_row(&grid);
    row[0] = tri_format("%s", board->arms[arm]);
    row[1] = tri_format("%zu/%zu", kills, trials);
    row[2] = tri_format("%zu/%zu", some, tried);
    row[3] = tri_format("%zu", all);
    row[4] = tri_format("%zu", expected);
    row[5] = tri_format("%zu", deaths);
    row[6] = middle(lines, count, arm, TRI_SCORE_EXECUTIONS);
    row[7] = middle(lines, count, arm, TRI_SCORE_CPU);
    row[8] = count_text(executions_per_second(board, board->arms[arm]));
    if (compared) {
      row[9] = tri_format("%zu:%zu", better[TRI_SCORE_EXECUTIONS], worse[TRI_SCORE_EXECUTIONS]);
      row[10] = tri_format("%zu:%zu", better[TRI_SCORE_CPU], worse[TRI_SCORE_CPU]);
    }
  }
  print_grid(out, &grid, markdown);
  free_grid(&grid);
}

// ---- The rest -------------------------------------------------------------------------------------------------

static void print_control(FILE *out, const struct tri_board *board) {
  size_t collectors = 0, trials = 0, alarms = 0;
  double executions = 0, seconds = 0;
  for (size_t i = 0; i < board->subject_count; i++) collectors += !board->subjects[i].id;
  for (size_t i = 0; i < board->trial_count; i++) {
    const struct tri_trial *trial = &board->trials[i];
    if (strchr(trial->subject, '/')) continue;
    trials++;
    executions += (double)trial->executions;
    seconds += trial->cpu_seconds;
    if (trial->outcome == TRI_TRIAL_ALIVE) continue;
    alarms++;
    fprintf(out, "ALARM on the unmodified %s: %s, trial %llu: %s %s\n", trial->subject, trial->arm,
            (unsigned long long)trial->seed, tri_trial_outcome_name(trial->outcome), trial->invariant);
  }
  char *executed = count_text(executions);
  fprintf(out, "Control: %zu unmodified collectors, %zu trials, %s executions in %.0f CPU seconds: %zu alarms.\n",
          collectors, trials, executed, seconds, alarms);
  free(executed);
}

static void print_budget(FILE *out, const struct tri_board *board) {
  char *executions = count_text((double)board->budget.executions),
       *operations = count_text((double)board->budget.operations);
  fprintf(out,
          "%s%s: %u trials of each fault and arm, each bounded by %g CPU seconds, %s executions, %s operations; "
          "start: %s.\n",
          board->started, board->complete ? "" : " (NOT COMPLETE)", board->trials_wanted, board->budget.cpu_seconds,
          executions, operations, board->seeds);
  free(executions);
  free(operations);
}

void tri_board_print(FILE *out, const struct tri_board *board, bool markdown) {
  size_t count, never = 0;
  struct line *lines = make_lines(board, &count);
  while (never < count && lines[never].kills == 0) never++;
  print_budget(out, board);
  fprintf(out, "%zu faults, %zu of them never killed.%s", count, never, never ? " Never killed:" : "");
  for (size_t i = 0; i < never; i++) fprintf(out, "%s %s", i ? "," : "", lines[i].subject->name);
  size_t left_out = json_array_size(board->left_out);
  if (left_out) fprintf(out, "\nLeft out, as their programs were not built:");
  for (size_t i = 0; i < left_out; i++)
    fprintf(out, "%s %s", i ? "," : "", json_string_value(json_array_get(board->left_out, i)));
  fputs("\n\n", out);
  print_arms(out, board, lines, count, markdown);
  fputs("\nBy fault: kills/trials, median executions and CPU seconds to the kill; + and -: significantly fewer or more "
        "executions\nthan " TRI_SCORE_RIVAL " (p < 0.05); xN: in N trials the target died and no invariant was "
        "named.\n\n",
        out);
  print_faults(out, board, lines, count, markdown);
  fputc('\n', out);
  print_control(out, board);
  for (size_t i = 0; i < count; i++) free(lines[i].cells);
  free(lines);
}
