#include "score/board.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure/file.h"

static const char *const outcomes[] = {"killed", "died", "alive"};
const char *tri_trial_outcome_name(enum tri_trial_outcome outcome) { return outcomes[outcome]; }

void tri_board_init(struct tri_board *board) { *board = (struct tri_board){0}; }

static void free_subject(struct tri_score_subject *subject) {
  char *const texts[] = {subject->name,      subject->collector, subject->id,
                         subject->mechanism, subject->class,     subject->follows};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
  for (int i = 0; i < TRI_FAULT_FIRES; i++) free(subject->fires[i]);
  for (int i = 0; i < TRI_ENGINES; i++) free(subject->programs[i]);
}

void tri_board_free(struct tri_board *board) {
  for (size_t i = 0; i < board->subject_count; i++) free_subject(&board->subjects[i]);
  for (size_t i = 0; i < board->trial_count; i++) free(board->trials[i].subject), free(board->trials[i].arm);
  for (size_t i = 0; i < board->arm_count; i++) free(board->arms[i]);
  free(board->subjects);
  free(board->trials);
  free(board->arms);
  free(board->started);
  free(board->seeds);
  json_decref(board->environment);
  json_decref(board->left_out);
}

// ---- Subjects -------------------------------------------------------------------------------------------------

struct tri_score_subject *tri_board_subject(const struct tri_board *board, const char *name) {
  for (size_t i = 0; i < board->subject_count; i++)
    if (strcmp(board->subjects[i].name, name) == 0) return &board->subjects[i];
  return NULL;
}

static struct tri_score_subject *add_subject(struct tri_board *board, const char *collector, const char *id) {
  char *name = id ? tri_format("%s/%s", collector, id) : tri_format("%s", collector);
  struct tri_score_subject *subject = tri_board_subject(board, name);
  if (subject) return free(name), subject;
  board->subjects = tri_need(realloc(board->subjects, (board->subject_count + 1) * sizeof *board->subjects));
  subject = &board->subjects[board->subject_count++];
  *subject = (struct tri_score_subject){
      .name = name, .collector = tri_text_copy(collector), .id = tri_text_copy(id)};
  return subject;
}

struct tri_score_subject *tri_board_add_control(struct tri_board *board, const char *collector) {
  return add_subject(board, collector, NULL);
}

void tri_board_drop_subject(struct tri_board *board, size_t i) {
  free_subject(&board->subjects[i]);
  board->subject_count--;
  memmove(&board->subjects[i], &board->subjects[i + 1], (board->subject_count - i) * sizeof *board->subjects);
}

static const char *text_of(const json_t *object, const char *key) {
  return json_string_value(json_object_get(object, key));
}

static void set_text(char **to, const json_t *object, const char *key) {
  const char *text = text_of(object, key);
  if (*to || !text) return;
  *to = tri_text_copy(text);
}

// A subject out of a row of a manifest or of a result; NULL when the row is none.
static struct tri_score_subject *read_subject(struct tri_board *board, const json_t *row) {
  const char *collector = text_of(row, "collector");
  if (!collector) return NULL;
  struct tri_score_subject *subject = add_subject(board, collector, text_of(row, "id"));
  set_text(&subject->mechanism, row, "mechanism");
  set_text(&subject->class, row, "class");
  set_text(&subject->follows, row, "follows");
  const json_t *fires = json_object_get(row, "fires");
  for (size_t i = 0; i < json_array_size(fires) && i < TRI_FAULT_FIRES; i++)
    if (!subject->fires[i]) subject->fires[i] = tri_text_copy(json_string_value(json_array_get(fires, i)));
  return subject;
}

bool tri_board_add_manifest(struct tri_board *board, enum tri_engine engine, const char *path,
                            struct tri_error *error) {
  json_error_t at;
  json_t *rows = json_load_file(path, 0, &at);
  if (!json_is_array(rows)) {
    tri_fail(error, "%s: %s", path, rows ? "right would be an array of faults" : at.text);
    return json_decref(rows), false;
  }
  bool ok = true;
  for (size_t i = 0; ok && i < json_array_size(rows); i++) {
    const json_t *row = json_array_get(rows, i);
    const char *program = text_of(row, "program");
    struct tri_score_subject *subject = program && text_of(row, "id") ? read_subject(board, row) : NULL;
    if (!subject)
      ok = tri_fail(error, "%s: entry %zu lacks its collector, id or program", path, i + 1);
    else if (!subject->programs[engine])
      subject->programs[engine] = tri_text_copy(program);
  }
  json_decref(rows);
  return ok;
}

// ---- Trials ---------------------------------------------------------------------------------------------------

// To what the log says: a result reads the same when it is loaded again.
static double rounded(double seconds) { return (double)(int64_t)(seconds * 1000 + 0.5) / 1000; }

void tri_board_add_trial(struct tri_board *board, const struct tri_trial *trial) {
  board->trials = tri_room_for_one(board->trials, board->trial_count, sizeof *board->trials);
  struct tri_trial *kept = &board->trials[board->trial_count++];
  *kept = *trial;
  kept->subject = tri_text_copy(trial->subject);
  kept->arm = tri_text_copy(trial->arm);
  kept->cpu_seconds = rounded(trial->cpu_seconds);
  kept->wall_seconds = rounded(trial->wall_seconds);
}

const struct tri_trial *tri_board_trial(const struct tri_board *board, const char *subject, const char *arm,
                                        uint64_t seed) {
  for (size_t i = 0; i < board->trial_count; i++) {
    const struct tri_trial *trial = &board->trials[i];
    if (trial->seed == seed && strcmp(trial->arm, arm) == 0 && strcmp(trial->subject, subject) == 0) return trial;
  }
  return NULL;
}

static json_t *trial_json(const struct tri_trial *trial) {
  json_t *json = tri_need(json_pack("{s:s, s:s, s:I, s:s}", "subject", trial->subject, "arm", trial->arm, "seed",
                                    (json_int_t)trial->seed, "outcome", outcomes[trial->outcome]));
  if (trial->outcome == TRI_TRIAL_KILLED) {
    json_object_set_new(json, "invariant", json_string(trial->invariant));
    json_object_set_new(json, "expected", json_boolean(trial->expected));
  }
  json_object_set_new(json, "executions", json_integer((json_int_t)trial->executions));
  json_object_set_new(json, "operations", json_integer((json_int_t)trial->operations));
  json_object_set_new(json, "cpu_seconds", json_real(rounded(trial->cpu_seconds)));
  json_object_set_new(json, "wall_seconds", json_real(rounded(trial->wall_seconds)));
  return json;
}

// The trial's strings are borrowed from `json`.
static bool read_trial(const json_t *json, struct tri_trial *trial) {
  const char *subject = text_of(json, "subject"), *arm = text_of(json, "arm"), *outcome = text_of(json, "outcome");
  const char *invariant = text_of(json, "invariant");
  if (!subject || !arm || !outcome) return false;
  *trial = (struct tri_trial){.subject = (char *)(uintptr_t)subject,
                              .arm = (char *)(uintptr_t)arm,
                              .seed = (uint64_t)json_integer_value(json_object_get(json, "seed")),
                              .expected = json_is_true(json_object_get(json, "expected")),
                              .executions = (uint64_t)json_integer_value(json_object_get(json, "executions")),
                              .operations = (uint64_t)json_integer_value(json_object_get(json, "operations")),
                              .cpu_seconds = json_number_value(json_object_get(json, "cpu_seconds")),
                              .wall_seconds = json_number_value(json_object_get(json, "wall_seconds"))};
  snprintf(trial->invariant, sizeof trial->invariant, "%s", invariant ? invariant : "");
  for (int i = 0; i < 3; i++)
    if (strcmp(outcome, outcomes[i]) == 0) return trial->outcome = (enum tri_trial_outcome)i, true;
  return false;
}

// ---- The log --------------------------------------------------------------------------------------------------

static json_t *budget_json(const struct tri_board *board) {
  return tri_need(json_pack("{s:I, s:I, s:f, s:I}", "executions", (json_int_t)board->budget.executions, "operations",
                            (json_int_t)board->budget.operations, "cpu_seconds", board->budget.cpu_seconds,
                            "memory_bytes", (json_int_t)board->budget.memory));
}

static json_t *log_head(const struct tri_board *board) {
  return tri_need(json_pack("{s:i, s:s, s:o, s:s, s:i}", "schema", TRI_SCORE_SCHEMA, "started", board->started,
                            "budget", budget_json(board), "seeds", board->seeds, "max_len", TRICOLOR_FUZZ_MAX_LEN));
}

static bool write_line(FILE *log, json_t *json) {
  bool ok = json_dumpf(json, log, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0 && fputc('\n', log) != EOF && fflush(log) == 0;
  json_decref(json);
  return ok;
}

bool tri_board_log_trial(FILE *log, const struct tri_trial *trial) { return write_line(log, trial_json(trial)); }

// What trials depend on has to be the same as when the log began.
static bool same_conditions(struct tri_board *board, const json_t *head, const char *path, struct tri_error *error) {
  json_t *ours = log_head(board);
  static const char *const keys[] = {"schema", "budget", "seeds", "max_len"};
  bool ok = true;
  for (size_t i = 0; ok && i < sizeof keys / sizeof *keys; i++) {
    const json_t *was = json_object_get(head, keys[i]), *is = json_object_get(ours, keys[i]);
    if (was && json_equal(was, is)) continue;
    char *then = json_dumps(was, JSON_COMPACT | JSON_ENCODE_ANY), *now = json_dumps(is, JSON_COMPACT | JSON_ENCODE_ANY);
    ok = tri_fail(error, "%s was begun with %s %s, now it is %s: right would be the same again, or another --name",
                  path, keys[i], then ? then : "unknown", now);
    free(then);
    free(now);
  }
  const char *started = text_of(head, "started");
  if (ok && started) free(board->started), board->started = tri_text_copy(started);
  json_decref(ours);
  return ok;
}

// Lines up to the first that is not whole. *whole: bytes of those.
static bool read_log(struct tri_board *board, FILE *log, const char *path, long *whole, struct tri_error *error) {
  char *line = NULL;
  size_t room = 0, number = 0;
  bool ok = true;
  for (ssize_t length; ok && (length = getline(&line, &room, log)) > 0; number++) {
    json_t *json = line[length - 1] == '\n' ? json_loads(line, 0, NULL) : NULL;
    struct tri_trial trial;
    bool last = !json && (line[length - 1] != '\n' || feof(log));
    if (last) break; // cut short by whatever ended the run
    if (number == 0)
      ok = same_conditions(board, json, path, error);
    else if (json && read_trial(json, &trial))
      tri_board_add_trial(board, &trial);
    else
      ok = tri_fail(error, "%s:%zu: no trial", path, number + 1);
    json_decref(json);
    *whole += length;
  }
  free(line);
  return ok;
}

bool tri_board_open_log(struct tri_board *board, const char *path, FILE **log, struct tri_error *error) {
  long whole = 0;
  *log = fopen(path, "a+");
  if (!*log) return tri_fail(error, "%s: cannot be opened: %s", path, strerror(errno));
  rewind(*log);
  bool ok = read_log(board, *log, path, &whole, error);
  fclose(*log);
  *log = NULL;
  if (ok && truncate(path, whole) != 0) ok = tri_fail(error, "%s: cannot be cut: %s", path, strerror(errno));
  if (ok && !(*log = fopen(path, "a"))) ok = tri_fail(error, "%s: cannot be opened: %s", path, strerror(errno));
  if (ok && whole == 0 && !write_line(*log, log_head(board))) {
    ok = tri_fail(error, "%s: cannot be written: %s", path, strerror(errno));
    fclose(*log);
    *log = NULL;
  }
  return ok;
}

// ---- The result -----------------------------------------------------------------------------------------------

static json_t *subject_json(const struct tri_score_subject *subject) {
  json_t *json = tri_need(json_pack("{s:s, s:s}", "name", subject->name, "collector", subject->collector));
  if (!subject->id) return json;
  json_object_set_new(json, "id", json_string(subject->id));
  if (subject->mechanism) json_object_set_new(json, "mechanism", json_string(subject->mechanism));
  if (subject->class) json_object_set_new(json, "class", json_string(subject->class));
  if (subject->follows) json_object_set_new(json, "follows", json_string(subject->follows));
  json_t *fires = json_array();
  for (int i = 0; subject->fires[i]; i++) json_array_append_new(fires, json_string(subject->fires[i]));
  json_object_set_new(json, "fires", fires);
  return json;
}

static json_t *cell_json(const struct tri_board *board, const char *subject, const char *arm) {
  static const char *const units[TRI_SCORE_UNITS] = {"executions", "operations", "cpu_seconds"};
  struct tri_score_cell cell = tri_board_cell(board, subject, arm);
  json_t *json = tri_need(json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "subject", subject, "arm", arm, "trials",
                                    (json_int_t)cell.trials, "kills", (json_int_t)cell.kills, "expected",
                                    (json_int_t)cell.expected, "died", (json_int_t)cell.deaths));
  for (int unit = 0; unit < TRI_SCORE_UNITS; unit++) {
    json_t *numbers = json_object();
    if (cell.has_median[unit]) json_object_set_new(numbers, "median", json_real(cell.median[unit]));
    if (cell.compared) {
      json_object_set_new(numbers, "a12", json_real(cell.a12[unit]));
      json_object_set_new(numbers, "p", json_real(cell.p[unit]));
    }
    json_object_set_new(json, units[unit], numbers);
  }
  return json;
}

bool tri_board_write(const struct tri_board *board, const char *path, struct tri_error *error) {
  json_t *arms = json_array(), *subjects = json_array(), *cells = json_array(), *trials = json_array();
  for (size_t i = 0; i < board->arm_count; i++) {
    const struct tri_arm *arm = tri_arm_find(board->arms[i]);
    json_array_append_new(arms, json_pack("{s:s, s:s}", "name", board->arms[i], "doc", arm ? arm->doc : ""));
  }
  for (size_t i = 0; i < board->subject_count; i++) {
    json_array_append_new(subjects, subject_json(&board->subjects[i]));
    for (size_t k = 0; k < board->arm_count; k++)
      json_array_append_new(cells, cell_json(board, board->subjects[i].name, board->arms[k]));
  }
  for (size_t i = 0; i < board->trial_count; i++) json_array_append_new(trials, trial_json(&board->trials[i]));
  json_t *json = tri_need(json_pack(
      "{s:i, s:s, s:b, s:o, s:i, s:s, s:i, s:O, s:O, s:o, s:o, s:o, s:o}", "schema", TRI_SCORE_SCHEMA, "started",
      board->started, "complete", board->complete, "budget", budget_json(board), "trials_wanted",
      (int)board->trials_wanted, "seeds", board->seeds, "max_len", TRICOLOR_FUZZ_MAX_LEN, "environment",
      board->environment, "left_out", board->left_out, "arms", arms, "subjects", subjects, "cells", cells, "trials", trials));
  struct tri_new_file file;
  bool ok = tri_new_file_begin(&file, path, error);
  if (ok) {
    // An array element per line: differences of two results can be read.
    json_dumpf(json, file.stream, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    fputc('\n', file.stream);
    ok = tri_new_file_commit(&file, error);
  }
  json_decref(json);
  return ok;
}

bool tri_board_load(struct tri_board *board, const char *path, struct tri_error *error) {
  json_error_t at;
  json_t *json = json_load_file(path, 0, &at);
  if (!json && at.line < 0) return tri_fail(error, "%s: %s", path, at.text);
  if (!json) return tri_fail(error, "%s:%d: %s", path, at.line, at.text);
  const json_t *budget = json_object_get(json, "budget"), *rows = json_object_get(json, "subjects");
  const json_t *arms = json_object_get(json, "arms"), *trials = json_object_get(json, "trials");
  bool ok = json_integer_value(json_object_get(json, "schema")) == TRI_SCORE_SCHEMA && text_of(json, "started") &&
            json_is_array(rows) && json_is_array(arms) && json_is_array(trials);
  if (!ok) tri_fail(error, "%s: right would be a score with schema %d", path, TRI_SCORE_SCHEMA);
  for (size_t i = 0; ok && i < json_array_size(rows); i++)
    if (!read_subject(board, json_array_get(rows, i))) ok = tri_fail(error, "%s: subjects[%zu]: no collector", path, i);
  board->arms = tri_need(calloc(json_array_size(arms) + 1, sizeof *board->arms));
  for (size_t i = 0; ok && i < json_array_size(arms); i++) {
    const char *name = text_of(json_array_get(arms, i), "name");
    if (name)
      board->arms[board->arm_count++] = tri_text_copy(name);
    else
      ok = tri_fail(error, "%s: arms[%zu]: no name", path, i);
  }
  for (size_t i = 0; ok && i < json_array_size(trials); i++) {
    struct tri_trial trial;
    if (read_trial(json_array_get(trials, i), &trial))
      tri_board_add_trial(board, &trial);
    else
      ok = tri_fail(error, "%s: trials[%zu]: no trial", path, i);
  }
  if (ok) {
    board->started = tri_text_copy(text_of(json, "started"));
    board->seeds = tri_text_copy(text_of(json, "seeds"));
    board->complete = json_is_true(json_object_get(json, "complete"));
    board->trials_wanted = (unsigned)json_integer_value(json_object_get(json, "trials_wanted"));
    board->budget.executions = (uint64_t)json_integer_value(json_object_get(budget, "executions"));
    board->budget.operations = (uint64_t)json_integer_value(json_object_get(budget, "operations"));
    board->budget.cpu_seconds = json_number_value(json_object_get(budget, "cpu_seconds"));
    board->left_out = json_incref(json_object_get(json, "left_out"));
    board->environment = json_incref(json_object_get(json, "environment"));
  }
  json_decref(json);
  return ok;
}

// ---- Cells ----------------------------------------------------------------------------------------------------

// Times to the kill in one unit, of at most TRI_RANK_TEST_MOST / 2 trials.
static size_t times_of(const struct tri_board *board, const char *subject, const char *arm, enum tri_score_unit unit,
                       struct tri_survival *times) {
  size_t count = 0;
  for (size_t i = 0; i < board->trial_count && count < TRI_RANK_TEST_MOST / 2; i++) {
    const struct tri_trial *trial = &board->trials[i];
    if (strcmp(trial->subject, subject) != 0 || strcmp(trial->arm, arm) != 0) continue;
    const double values[TRI_SCORE_UNITS] = {(double)trial->executions, (double)trial->operations, trial->cpu_seconds};
    times[count++] = (struct tri_survival){values[unit], trial->outcome == TRI_TRIAL_KILLED};
  }
  return count;
}

struct tri_score_cell tri_board_cell(const struct tri_board *board, const char *subject, const char *arm) {
  struct tri_score_cell cell = {0};
  for (size_t i = 0; i < board->trial_count; i++) {
    const struct tri_trial *trial = &board->trials[i];
    if (strcmp(trial->subject, subject) != 0 || strcmp(trial->arm, arm) != 0) continue;
    cell.trials++;
    cell.kills += trial->outcome == TRI_TRIAL_KILLED;
    cell.expected += trial->outcome == TRI_TRIAL_KILLED && trial->expected;
    cell.deaths += trial->outcome == TRI_TRIAL_DIED;
  }
  for (enum tri_score_unit unit = 0; unit < TRI_SCORE_UNITS; unit++) {
    struct tri_survival times[TRI_RANK_TEST_MOST / 2], rivals[TRI_RANK_TEST_MOST / 2];
    size_t count = times_of(board, subject, arm, unit, times);
    size_t rival_count = times_of(board, subject, TRI_SCORE_RIVAL, unit, rivals);
    cell.has_median[unit] = tri_survival_median(times, count, &cell.median[unit]);
    cell.compared = count > 0 && rival_count > 0 && strcmp(arm, TRI_SCORE_RIVAL) != 0;
    if (!cell.compared) continue;
    cell.a12[unit] = tri_a12(times, count, rivals, rival_count);
    cell.p[unit] = tri_rank_test(times, count, rivals, rival_count);
  }
  return cell;
}
