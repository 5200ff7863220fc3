#include "compare/comparison.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "measure/file.h"

const char *const tri_metric_words[] = {"cpu", "wall", "memory", "pause", NULL};
static const char *const metric_keys[] = {"cpu_ns", "wall_ns", "peak_rss_bytes", "pause_max_ns"};
static const char *const side_words[] = {"base", "head"};

void tri_comparison_init(struct tri_comparison *comparison) {
  *comparison = (struct tri_comparison){.started = tri_now_text()};
}

void tri_comparison_free(struct tri_comparison *comparison) {
  for (size_t i = 0; i < comparison->cell_count; i++) {
    struct tri_compared_cell *cell = &comparison->cells[i];
    free(cell->id);
    free(cell->workload);
    free(cell->failure);
    for (int side = 0; side < TRI_SIDES; side++) {
      free(cell->collector[side]);
      free(cell->command[side]);
    }
  }
  for (int side = 0; side < TRI_SIDES; side++) {
    free(comparison->executable[side]);
    free(comparison->options[side]);
    json_decref(comparison->environment[side]);
  }
  free(comparison->cells);
  free(comparison->pairs);
  free(comparison->started);
  free(comparison->stopwatch);
  free(comparison->size);
  *comparison = (struct tri_comparison){0};
}

size_t tri_comparison_add_cell(struct tri_comparison *comparison, const char *workload, const char *base_collector,
                               const char *head_collector, uint64_t heap_bytes) {
  bool alike = strcmp(base_collector, head_collector) == 0;
  comparison->cells = tri_room_for_one(comparison->cells, comparison->cell_count, sizeof *comparison->cells);
  char *heap = tri_size_text(heap_bytes);
  comparison->cells[comparison->cell_count] = (struct tri_compared_cell){
      .id = tri_format("%s/%s%s%s/heap:%s", workload, base_collector, alike ? "" : " vs ", alike ? "" : head_collector,
                       heap),
      .workload = tri_text_copy(workload),
      .collector = {tri_text_copy(base_collector), tri_text_copy(head_collector)},
      .heap_bytes = heap_bytes};
  free(heap);
  return comparison->cell_count++;
}

void tri_comparison_add_pair(struct tri_comparison *comparison, struct tri_pair pair) {
  TRI_CHECK(pair.cell < comparison->cell_count);
  comparison->pairs = tri_room_for_one(comparison->pairs, comparison->pair_count, sizeof *comparison->pairs);
  comparison->pairs[comparison->pair_count++] = pair;
}

void tri_comparison_fail_cell(struct tri_comparison *comparison, size_t index, const char *failure, bool finding) {
  struct tri_compared_cell *cell = &comparison->cells[index];
  if (cell->failure) return;
  cell->failure = tri_text_copy(failure);
  cell->finding = finding;
}

double *tri_comparison_logs(const struct tri_comparison *comparison, size_t cell, unsigned stage,
                            enum tri_metric metric, size_t *count) {
  double *logs = NULL;
  *count = 0;
  for (size_t i = 0; i < comparison->pair_count; i++) {
    const struct tri_pair *pair = &comparison->pairs[i];
    double base = pair->run[TRI_BASE][metric], head = pair->run[TRI_HEAD][metric];
    if (pair->cell != cell || pair->stage != stage || base < 0 || head < 0) continue;
    logs = tri_room_for_one(logs, *count, sizeof *logs);
    logs[(*count)++] = log((head + 1) / (base + 1)); // a nanosecond or byte more: a run without a pause has a logarithm
  }
  return logs;
}

struct tri_finding tri_comparison_find(const struct tri_comparison *comparison, size_t cell, size_t *needed) {
  size_t first_count, second_count;
  double *first = tri_comparison_logs(comparison, cell, 1, comparison->metric, &first_count);
  double *second = tri_comparison_logs(comparison, cell, 2, comparison->metric, &second_count);
  struct tri_finding finding = {.verdict = comparison->cells[cell].failure ? TRI_VERDICT_FAILED
                                                                           : TRI_VERDICT_INCONCLUSIVE};
  if (needed) *needed = finding.verdict == TRI_VERDICT_FAILED ? 0 : comparison->rule.pairs;
  if (finding.verdict != TRI_VERDICT_FAILED && first_count > 0) {
    finding = tri_rule_decide(&comparison->rule, first, first_count, second, second_count);
    if (needed) *needed = tri_rule_needed(&comparison->rule, first, first_count, second, second_count);
    // Before the first stage is over it decides nothing: who looks in between would stop where it suits him.
    if (first_count < comparison->rule.pairs && finding.verdict != TRI_VERDICT_INCONCLUSIVE) {
      finding.verdict = TRI_VERDICT_INCONCLUSIVE;
      if (needed) *needed = comparison->rule.pairs - first_count;
    }
  }
  free(first);
  free(second);
  return finding;
}

bool tri_comparison_flagged(const struct tri_comparison *comparison, size_t cell) {
  size_t count;
  double *logs = tri_comparison_logs(comparison, cell, 1, comparison->metric, &count);
  bool flagged = false;
  if (count > 0 && !comparison->cells[cell].failure) {
    struct tri_finding finding = tri_rule_judge(&comparison->rule, logs, count);
    flagged = tri_flagged(&finding);
  }
  free(logs);
  return flagged;
}

// ---- Writing ----

// Command lines may hold bytes that are no UTF-8; a comparison is not lost for them.
static json_t *text_json(const char *text) {
  if (!text) return NULL;
  json_t *string = json_string(text);
  return string ? string : json_string("(not UTF-8)");
}

static json_t *cell_json(const struct tri_comparison *comparison, size_t index) {
  const struct tri_compared_cell *cell = &comparison->cells[index];
  size_t needed;
  struct tri_finding finding = tri_comparison_find(comparison, index, &needed);
  json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:I, s:o*, s:o*, s:o*, s:b, s:s}", "id", cell->id, "workload",
                           cell->workload, "base_collector", cell->collector[TRI_BASE], "head_collector",
                           cell->collector[TRI_HEAD], "heap_bytes", (json_int_t)cell->heap_bytes, "base_command",
                           text_json(cell->command[TRI_BASE]), "head_command", text_json(cell->command[TRI_HEAD]),
                           "failure", text_json(cell->failure), "finding", cell->finding, "verdict",
                           tri_verdict_name(finding.verdict));
  if (finding.pairs > 0) {
    json_object_set_new(json, "pairs", json_integer((json_int_t)finding.pairs));
    json_object_set_new(json, "ratio", json_real(finding.ratio));
    json_object_set_new(json, "interval", json_pack("[f, f]", finding.interval.low, finding.interval.high));
  }
  if (needed) json_object_set_new(json, "needed", json_integer((json_int_t)needed));
  return tri_need(json);
}

static json_t *run_json(const double *run) {
  json_t *json = tri_need(json_object());
  for (int i = 0; i < TRI_METRICS; i++)
    if (run[i] >= 0) json_object_set_new(json, metric_keys[i], json_integer(llround(run[i])));
  return json;
}

static json_t *pair_json(const struct tri_pair *pair) {
  return tri_need(json_pack("{s:I, s:I, s:I, s:s, s:o, s:o}", "cell", (json_int_t)pair->cell, "stage",
                            (json_int_t)pair->stage, "round", (json_int_t)pair->round, "first",
                            side_words[pair->first], "base", run_json(pair->run[TRI_BASE]), "head",
                            run_json(pair->run[TRI_HEAD])));
}

static json_t *head_json(const struct tri_comparison *comparison) {
  json_t *head = json_pack(
      "{s:i, s:s, s:b, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*, s:I, s:s, s:I, s:I, s:f, s:f, s:O*, s:O*}", "schema",
      TRI_COMPARISON_SCHEMA, "started", comparison->started, "complete", comparison->complete, "stopwatch",
      text_json(comparison->stopwatch), "size", text_json(comparison->size), "base", text_json(comparison->executable[0]),
      "head", text_json(comparison->executable[1]), "base_options", text_json(comparison->options[0]), "head_options",
      text_json(comparison->options[1]), "seed", (json_int_t)comparison->seed, "metric",
      tri_metric_words[comparison->metric], "pairs_wanted", (json_int_t)comparison->rule.pairs, "confirmations_wanted",
      (json_int_t)comparison->rule.confirmations, "least_effect", comparison->rule.effect, "false_alarm_bound",
      tri_rule_bound(&comparison->rule), "base_environment", comparison->environment[0], "head_environment",
      comparison->environment[1]);
  return tri_need(head);
}

// One entry per line keeps the file readable.
static void put_line(FILE *out, bool first, json_t *item) {
  fputs(first ? "\n  " : ",\n  ", out);
  json_dumpf(item, out, JSON_COMPACT);
  json_decref(item);
}

bool tri_comparison_write(const struct tri_comparison *comparison, const char *path, struct tri_error *error) {
  struct tri_new_file file;
  if (!tri_new_file_begin(&file, path, error)) return false;
  FILE *out = file.stream;
  json_t *head = head_json(comparison);
  fputs("{\"comparison\": {\n", out);
  json_dumpf(head, out, JSON_INDENT(1) | JSON_EMBED);
  json_decref(head);
  fputs(",\n \"cells\": [", out);
  for (size_t i = 0; i < comparison->cell_count; i++) put_line(out, i == 0, cell_json(comparison, i));
  fputs("\n ],\n \"pairs\": [", out);
  for (size_t i = 0; i < comparison->pair_count; i++) put_line(out, i == 0, pair_json(&comparison->pairs[i]));
  fputs("\n ]\n}}\n", out);
  return tri_new_file_commit(&file, error);
}

// ---- Reading ----

static bool read_cell(struct tri_comparison *comparison, json_t *item, json_error_t *at) {
  const char *workload, *base, *head, *commands[TRI_SIDES] = {NULL}, *failure = NULL;
  json_int_t heap;
  int finding = 0;
  if (json_unpack_ex(item, at, 0, "{s:s, s:s, s:s, s:I, s?s, s?s, s?s, s?b}", "workload", &workload, "base_collector",
                     &base, "head_collector", &head, "heap_bytes", &heap, "base_command", &commands[0], "head_command",
                     &commands[1], "failure", &failure, "finding", &finding) != 0)
    return false;
  size_t index = tri_comparison_add_cell(comparison, workload, base, head, (uint64_t)heap);
  struct tri_compared_cell *cell = &comparison->cells[index];
  for (int side = 0; side < TRI_SIDES; side++) cell->command[side] = tri_text_copy(commands[side]);
  cell->failure = tri_text_copy(failure);
  cell->finding = finding;
  return true;
}

static bool read_run(json_t *object, double *run) {
  for (int i = 0; i < TRI_METRICS; i++) {
    json_t *value = json_object_get(object, metric_keys[i]);
    if (value && (!json_is_integer(value) || json_integer_value(value) < 0)) return false;
    run[i] = value ? (double)json_integer_value(value) : TRI_UNKNOWN;
  }
  return true;
}

static bool read_pair(struct tri_comparison *comparison, json_t *item, json_error_t *at) {
  json_int_t cell, stage, round;
  const char *first;
  json_t *base, *head;
  if (json_unpack_ex(item, at, 0, "{s:I, s:I, s:I, s:s, s:o, s:o}", "cell", &cell, "stage", &stage, "round", &round,
                     "first", &first, "base", &base, "head", &head) != 0)
    return false;
  struct tri_pair pair = {.cell = (size_t)cell, .stage = (unsigned)stage, .round = (unsigned)round};
  pair.first = strcmp(first, side_words[TRI_HEAD]) == 0 ? TRI_HEAD : TRI_BASE;
  if (cell < 0 || (size_t)cell >= comparison->cell_count || stage < 0 || stage > 2 ||
      strcmp(first, side_words[pair.first]) != 0 || !read_run(base, pair.run[TRI_BASE]) ||
      !read_run(head, pair.run[TRI_HEAD])) {
    snprintf(at->text, sizeof at->text, "cell, stage, first or a number of base or head is out of range");
    return false;
  }
  tri_comparison_add_pair(comparison, pair);
  return true;
}

static bool read_list(struct tri_comparison *comparison, const char *path, json_t *list, const char *name,
                      bool (*read)(struct tri_comparison *, json_t *, json_error_t *), struct tri_error *error) {
  json_t *item;
  size_t index;
  json_error_t at;
  json_array_foreach(list, index, item) if (!read(comparison, item, &at)) return tri_fail(
      error, "%s: comparison.%s[%zu]: %s", path, name, index, at.text);
  return true;
}

static bool read_comparison(struct tri_comparison *comparison, json_t *root, const char *path,
                            struct tri_error *error) {
  const char *started, *texts[6] = {NULL}, *metric;
  int schema = 0, complete, word;
  json_int_t seed, pairs, confirmations;
  json_t *cells, *list;
  json_error_t at;
  if (json_unpack(root, "{s:{s:i}}", "comparison", "schema", &schema) != 0)
    return tri_fail(error, "%s: not a comparison of tricolor compare: it has no comparison.schema", path);
  if (schema != TRI_COMPARISON_SCHEMA)
    return tri_fail(error, "%s: comparison.schema is %d; this program reads version %d", path, schema,
                    TRI_COMPARISON_SCHEMA);
  if (json_unpack_ex(root, &at, 0,
                     "{s:{s:s, s:b, s?s, s?s, s?s, s?s, s?s, s?s, s:I, s:s, s:I, s:I, s:F, s?O, s?O, s:o, s:o}}",
                     "comparison", "started", &started, "complete", &complete, "stopwatch", &texts[0], "size", &texts[1],
                     "base", &texts[2], "head", &texts[3], "base_options", &texts[4], "head_options", &texts[5], "seed",
                     &seed, "metric", &metric, "pairs_wanted", &pairs, "confirmations_wanted", &confirmations,
                     "least_effect", &comparison->rule.effect, "base_environment", &comparison->environment[0],
                     "head_environment", &comparison->environment[1], "cells", &cells, "pairs", &list) != 0)
    return tri_fail(error, "%s: %s", path, at.text);
  for (word = 0; word < TRI_METRICS && strcmp(metric, tri_metric_words[word]) != 0;) word++;
  if (word == TRI_METRICS || pairs < 1 || confirmations < 1)
    return tri_fail(error, "%s: comparison.metric, pairs_wanted or confirmations_wanted is out of range", path);
  comparison->started = tri_text_copy(started);
  comparison->stopwatch = tri_text_copy(texts[0]);
  comparison->size = tri_text_copy(texts[1]);
  for (int side = 0; side < TRI_SIDES; side++) {
    comparison->executable[side] = tri_text_copy(texts[2 + side]);
    comparison->options[side] = tri_text_copy(texts[4 + side]);
  }
  comparison->seed = seed;
  comparison->metric = (enum tri_metric)word;
  comparison->rule.pairs = (size_t)pairs;
  comparison->rule.confirmations = (size_t)confirmations;
  comparison->complete = complete;
  return read_list(comparison, path, cells, "cells", read_cell, error) &&
         read_list(comparison, path, list, "pairs", read_pair, error);
}

bool tri_comparison_load(struct tri_comparison *comparison, const char *path, struct tri_error *error) {
  *comparison = (struct tri_comparison){0};
  json_error_t at;
  json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &at);
  if (!root) return tri_fail(error, "%s:%d:%d: cannot be read: %s", path, at.line, at.column, at.text);
  bool good = read_comparison(comparison, root, path, error);
  json_decref(root);
  if (!good) tri_comparison_free(comparison);
  return good;
}
