#include "measure/series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/check.h"
#include "measure/environment.h"
#include "measure/file.h"
#include "measure/sample.h"

static const char *const status_names[] = {"pending", "ok", "oom", "wrong", "failed", "skipped"};
enum { STATUSES = sizeof status_names / sizeof *status_names };

const char *tri_cell_status_name(enum tri_cell_status status) { return status_names[status]; }

void tri_series_init(struct tri_series *series) {
  *series = (struct tri_series){.options = tri_need(json_array()), .environment = tri_need(json_object())};
  series->started = tri_now_text();
}

void tri_series_free(struct tri_series *series) {
  for (size_t i = 0; i < series->cell_count; i++) {
    struct tri_cell *cell = &series->cells[i];
    free(cell->id);
    free(cell->workload);
    free(cell->collector);
    free(cell->message);
    free(cell->command);
  }
  for (size_t i = 0; i < series->sample_count; i++) json_decref(series->samples[i].process);
  free(series->cells);
  free(series->samples);
  free(series->started);
  free(series->stopwatch);
  free(series->executable);
  free(series->size);
  json_decref(series->options);
  json_decref(series->environment);
  *series = (struct tri_series){0};
}

size_t tri_series_add_cell(struct tri_series *series, const char *workload, const char *collector,
                           uint64_t heap_bytes) {
  series->cells = tri_room_for_one(series->cells, series->cell_count, sizeof *series->cells);
  char *heap = tri_size_text(heap_bytes);
  series->cells[series->cell_count] = (struct tri_cell){
      .id = tri_format("%s/%s/heap:%s", workload, collector, heap),
      .workload = tri_text_copy(workload),
      .collector = tri_text_copy(collector),
      .heap_bytes = heap_bytes,
  };
  free(heap);
  return series->cell_count++;
}

void tri_series_add_sample(struct tri_series *series, struct tri_sample sample, const char *message) {
  TRI_CHECK(sample.cell < series->cell_count);
  series->samples = tri_room_for_one(series->samples, series->sample_count, sizeof *series->samples);
  series->samples[series->sample_count++] = sample;
  tri_series_judge_cell(series, sample.cell, sample.status, message);
}

void tri_series_judge_cell(struct tri_series *series, size_t index, enum tri_cell_status status,
                           const char *message) {
  struct tri_cell *cell = &series->cells[index];
  if (cell->status != TRI_CELL_PENDING && cell->status != TRI_CELL_OK) return;
  cell->status = status;
  if (message) cell->message = tri_text_copy(message);
}

bool tri_sample_metric(const struct tri_sample *sample, const char *name, double *value) {
  json_t *number = json_object_get(json_object_get(sample->process, "metrics"), name);
  if (!json_is_number(number)) return false;
  *value = json_number_value(number);
  return true;
}

static int64_t cpu_ns(const struct tri_sample *sample) {
  return sample->reading.user_ns + sample->reading.system_ns;
}

double *tri_cell_times(const struct tri_series *series, size_t cell, bool cpu, size_t *count) {
  double *times = NULL;
  *count = 0;
  for (size_t i = 0; i < series->sample_count; i++) {
    const struct tri_sample *sample = &series->samples[i];
    if (sample->cell != cell || sample->status != TRI_CELL_OK) continue;
    times = tri_room_for_one(times, *count, sizeof *times);
    times[(*count)++] = (double)(cpu ? cpu_ns(sample) : sample->reading.wall_ns);
  }
  tri_sort_samples(times, *count);
  return times;
}

// ---- Writing ----

// Keys that Google Benchmark gives a meaning to; what a process calls so is found in the tricolor part only.
static bool is_google_key(const char *key) {
  static const char *const keys[] = {"name",
                                     "run_name",
                                     "run_type",
                                     "family_index",
                                     "repetitions",
                                     "repetition_index",
                                     "threads",
                                     "iterations",
                                     "real_time",
                                     "cpu_time",
                                     "time_unit",
                                     "label",
                                     "per_family_instance_index",
                                     "aggregate_name",
                                     "aggregate_unit"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (strcmp(key, keys[i]) == 0) return true;
  return false;
}

// A string for JSON, or NULL for NULL. Command lines may hold bytes that are no UTF-8; those become '?'.
static json_t *text_json(const char *text) {
  if (!text) return NULL;
  json_t *string = json_string(text);
  if (string) return string;
  char *clean = tri_text_copy(text);
  for (char *at = clean; *at; at++)
    if (*at & 0x80) *at = '?';
  string = json_string(clean);
  free(clean);
  return string;
}

static json_t *benchmark_head(const struct tri_series *series, size_t cell, const char *run_type,
                              const char *suffix, size_t repetitions) {
  const char *id = series->cells[cell].id;
  char *name = tri_format("%s%s", id, suffix);
  json_t *head = json_pack("{s:s, s:I, s:i, s:s, s:s, s:I, s:i}", "name", name, "family_index",
                           (json_int_t)cell, "per_family_instance_index", 0, "run_name", id, "run_type",
                           run_type, "repetitions", (json_int_t)repetitions, "threads", 1);
  free(name);
  return tri_need(head);
}

static void set_times(json_t *benchmark, size_t iterations, double wall, double cpu) {
  json_object_set_new(benchmark, "iterations", json_integer((json_int_t)iterations));
  json_object_set_new(benchmark, "real_time", json_real(wall));
  json_object_set_new(benchmark, "cpu_time", json_real(cpu));
  json_object_set_new(benchmark, "time_unit", json_string("ns"));
}

// One entry per line keeps the file readable and its differences small.
static void put_item(FILE *out, bool *first, json_t *item) {
  fputs(*first ? "\n  " : ",\n  ", out);
  *first = false;
  json_dumpf(tri_need(item), out, JSON_COMPACT);
  json_decref(item);
}

// Only good cells: compare.py wants a time in every entry, and wrong answers are not to be compared.
static void put_benchmarks_of_cell(const struct tri_series *series, size_t cell, FILE *out, bool *first) {
  if (series->cells[cell].status != TRI_CELL_OK) return;
  size_t count, repetition = 0;
  double *wall = tri_cell_times(series, cell, false, &count);
  for (size_t i = 0; i < series->sample_count; i++) {
    const struct tri_sample *sample = &series->samples[i];
    if (sample->cell != cell) continue;
    json_t *entry = benchmark_head(series, cell, "iteration", "", count);
    json_object_set_new(entry, "repetition_index", json_integer((json_int_t)repetition++));
    set_times(entry, 1, (double)sample->reading.wall_ns, (double)cpu_ns(sample));
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(sample->process, "metrics"), key,
                        value) if (json_is_number(value) && !is_google_key(key))
        json_object_set(entry, key, value);
    put_item(out, first, entry);
  }
  if (count > 1) {
    double *cpu = tri_cell_times(series, cell, true, &count);
    json_t *median = benchmark_head(series, cell, "aggregate", "_median", count);
    json_object_set_new(median, "aggregate_name", json_string("median"));
    json_object_set_new(median, "aggregate_unit", json_string("time"));
    set_times(median, count, tri_median(wall, count), tri_median(cpu, count));
    put_item(out, first, median);
    free(cpu);
  }
  free(wall);
}

static json_t *cell_json(const struct tri_cell *cell) {
  return json_pack("{s:s, s:s, s:s, s:I, s:s, s:o*, s:o*}", "id", cell->id, "workload", cell->workload,
                   "collector", cell->collector, "heap_bytes", (json_int_t)cell->heap_bytes, "status",
                   tri_cell_status_name(cell->status), "message", text_json(cell->message), "command",
                   text_json(cell->command));
}

static json_t *sample_json(const struct tri_sample *sample) {
  return json_pack("{s:I, s:I, s:I, s:s, s:I, s:I, s:I, s:i, s:O*}", "slot", (json_int_t)sample->slot,
                   "round", (json_int_t)sample->round, "cell", (json_int_t)sample->cell, "status",
                   tri_cell_status_name(sample->status), "wall_ns", (json_int_t)sample->reading.wall_ns,
                   "user_ns", (json_int_t)sample->reading.user_ns, "system_ns",
                   (json_int_t)sample->reading.system_ns, "exit_code", sample->reading.exit_code, "process",
                   sample->process);
}

static json_t *series_head(const struct tri_series *series) {
  json_t *head =
      json_pack("{s:i, s:s, s:b, s:o*, s:o*, s:o*, s:s, s:I, s:I, s:O, s:O}", "schema", TRI_SERIES_SCHEMA,
                "started", series->started, "complete", series->complete, "stopwatch",
                text_json(series->stopwatch), "executable", text_json(series->executable), "size",
                text_json(series->size), "order", "random rounds", "seed", (json_int_t)series->seed, "runs",
                (json_int_t)series->runs, "options", series->options, "environment", series->environment);
  return tri_need(head);
}

bool tri_series_write(const struct tri_series *series, const char *path, struct tri_error *error) {
  struct tri_new_file file;
  if (!tri_new_file_begin(&file, path, error)) return false;
  FILE *out = file.stream;
  bool first = true;

  json_t *context = tri_environment_context(series->environment, series->started, series->executable);
  fputs("{\n\"context\": ", out);
  json_dumpf(context, out, JSON_INDENT(1));
  json_decref(context);

  fputs(",\n\"benchmarks\": [", out);
  for (size_t i = 0; i < series->cell_count; i++) put_benchmarks_of_cell(series, i, out, &first);

  fputs("\n],\n\"tricolor\": {\n", out);
  json_t *head = series_head(series);
  json_dumpf(head, out, JSON_INDENT(1) | JSON_EMBED);
  json_decref(head);
  fputs(",\n \"cells\": [", out);
  first = true;
  for (size_t i = 0; i < series->cell_count; i++) put_item(out, &first, cell_json(&series->cells[i]));
  fputs("\n ],\n \"samples\": [", out);
  first = true;
  for (size_t i = 0; i < series->sample_count; i++) put_item(out, &first, sample_json(&series->samples[i]));
  fputs("\n ]\n}}\n", out);
  return tri_new_file_commit(&file, error);
}

// ---- Reading ----

struct reader {
  const char *path; // of the file
  struct tri_error *error;
};

static const char *kind_name(const json_t *value) {
  switch (json_typeof(value)) {
  case JSON_OBJECT:
    return "an object";
  case JSON_ARRAY:
    return "an array";
  case JSON_STRING:
    return "a string";
  case JSON_INTEGER:
    return "an integer";
  case JSON_REAL:
    return "a number with a fraction";
  case JSON_TRUE:
  case JSON_FALSE:
    return "a boolean";
  case JSON_NULL:
    return "null";
  }
  return "something else";
}

static bool misfit(const struct reader *reader, const char *where, const char *key, const char *expected,
                   const json_t *found) {
  if (!found)
    return tri_fail(reader->error, "%s: %s.%s is missing: expected %s", reader->path, where, key, expected);
  return tri_fail(reader->error, "%s: %s.%s: expected %s, found %s", reader->path, where, key, expected,
                  kind_name(found));
}

static bool read_text(const struct reader *reader, const json_t *object, const char *where, const char *key,
                      bool optional, char **text) {
  json_t *value = json_object_get(object, key);
  if (!value && optional) return true;
  if (!json_is_string(value)) return misfit(reader, where, key, "a string", value);
  *text = tri_text_copy(json_string_value(value));
  return true;
}

static bool read_integer(const struct reader *reader, const json_t *object, const char *where,
                         const char *key, int64_t lowest, int64_t highest, int64_t *number) {
  json_t *value = json_object_get(object, key);
  if (!json_is_integer(value)) return misfit(reader, where, key, "an integer", value);
  *number = json_integer_value(value);
  if (*number >= lowest && *number <= highest) return true;
  return tri_fail(reader->error, "%s: %s.%s: %lld is out of range: %lld to %lld", reader->path, where, key,
                  (long long)*number, (long long)lowest, (long long)highest);
}

static bool read_status(const struct reader *reader, const json_t *object, const char *where,
                        enum tri_cell_status *status) {
  json_t *value = json_object_get(object, "status");
  if (!json_is_string(value)) return misfit(reader, where, "status", "a string", value);
  for (int i = 0; i < STATUSES; i++)
    if (strcmp(json_string_value(value), status_names[i]) == 0) {
      *status = (enum tri_cell_status)i;
      return true;
    }
  return tri_fail(reader->error, "%s: %s.status: \"%s\" is none of pending, ok, oom, wrong, failed, skipped",
                  reader->path, where, json_string_value(value));
}

static bool read_container(const struct reader *reader, const json_t *object, const char *where,
                           const char *key, json_type type, json_t **container) {
  json_t *value = json_object_get(object, key);
  if (!value || json_typeof(value) != type)
    return misfit(reader, where, key, type == JSON_ARRAY ? "an array" : "an object", value);
  *container = value;
  return true;
}

static bool read_cell(const struct reader *reader, const json_t *item, const char *where,
                      struct tri_series *series) {
  series->cells = tri_room_for_one(series->cells, series->cell_count, sizeof *series->cells);
  struct tri_cell *cell = &series->cells[series->cell_count++];
  *cell = (struct tri_cell){0};
  int64_t heap_bytes = 0;
  bool good = read_text(reader, item, where, "id", false, &cell->id) &&
              read_text(reader, item, where, "workload", false, &cell->workload) &&
              read_text(reader, item, where, "collector", false, &cell->collector) &&
              read_integer(reader, item, where, "heap_bytes", 1, INT64_MAX, &heap_bytes) &&
              read_status(reader, item, where, &cell->status) &&
              read_text(reader, item, where, "message", true, &cell->message) &&
              read_text(reader, item, where, "command", true, &cell->command);
  cell->heap_bytes = (uint64_t)heap_bytes;
  return good;
}

static bool read_sample(const struct reader *reader, const json_t *item, const char *where,
                        struct tri_series *series) {
  int64_t cell = 0, slot = 0, round = 0, exit_code = 0;
  struct tri_sample sample = {0};
  json_t *process = json_object_get(item, "process");
  bool good = read_integer(reader, item, where, "slot", 0, INT64_MAX, &slot) &&
              read_integer(reader, item, where, "round", 0, UINT32_MAX, &round) &&
              read_integer(reader, item, where, "cell", 0, (int64_t)series->cell_count - 1, &cell) &&
              read_status(reader, item, where, &sample.status) &&
              read_integer(reader, item, where, "wall_ns", 0, INT64_MAX, &sample.reading.wall_ns) &&
              read_integer(reader, item, where, "user_ns", 0, INT64_MAX / 2, &sample.reading.user_ns) &&
              read_integer(reader, item, where, "system_ns", 0, INT64_MAX / 2, &sample.reading.system_ns) &&
              read_integer(reader, item, where, "exit_code", 0, 255, &exit_code) &&
              (!process || read_container(reader, item, where, "process", JSON_OBJECT, &process));
  if (!good) return false;
  sample.cell = (size_t)cell;
  sample.slot = (size_t)slot;
  sample.round = (unsigned)round;
  sample.reading.exit_code = (int)exit_code;
  sample.process = json_incref(process);
  series->samples = tri_room_for_one(series->samples, series->sample_count, sizeof *series->samples);
  series->samples[series->sample_count++] = sample;
  return true;
}

static bool
read_items(const struct reader *reader, const json_t *ours, const char *key, struct tri_series *series,
           bool (*read_item)(const struct reader *, const json_t *, const char *, struct tri_series *)) {
  json_t *list, *item;
  size_t index;
  if (!read_container(reader, ours, "tricolor", key, JSON_ARRAY, &list)) return false;
  json_array_foreach(list, index, item) {
    char where[64];
    snprintf(where, sizeof where, "tricolor.%s[%zu]", key, index);
    if (!json_is_object(item))
      return tri_fail(reader->error, "%s: %s: expected an object, found %s", reader->path, where,
                      kind_name(item));
    if (!read_item(reader, item, where, series)) return false;
  }
  return true;
}

static bool read_series(const struct reader *reader, const json_t *ours, struct tri_series *series) {
  json_t *complete = json_object_get(ours, "complete"), *options, *environment;
  int64_t schema, runs;
  if (!read_integer(reader, ours, "tricolor", "schema", 1, INT32_MAX, &schema)) return false;
  if (schema != TRI_SERIES_SCHEMA)
    return tri_fail(reader->error, "%s: tricolor.schema is %lld; this program reads version %d", reader->path,
                    (long long)schema, TRI_SERIES_SCHEMA);
  if (!read_text(reader, ours, "tricolor", "started", false, &series->started) ||
      !read_text(reader, ours, "tricolor", "stopwatch", true, &series->stopwatch) ||
      !read_text(reader, ours, "tricolor", "executable", true, &series->executable) ||
      !read_text(reader, ours, "tricolor", "size", true, &series->size) ||
      !read_integer(reader, ours, "tricolor", "seed", 0, INT64_MAX, &series->seed) ||
      !read_integer(reader, ours, "tricolor", "runs", 1, UINT32_MAX, &runs) ||
      !read_container(reader, ours, "tricolor", "options", JSON_ARRAY, &options) ||
      !read_container(reader, ours, "tricolor", "environment", JSON_OBJECT, &environment))
    return false;
  if (!json_is_boolean(complete)) return misfit(reader, "tricolor", "complete", "a boolean", complete);
  series->complete = json_is_true(complete);
  series->runs = (unsigned)runs;
  series->options = json_incref(options);
  series->environment = json_incref(environment);
  return read_items(reader, ours, "cells", series, read_cell) &&
         read_items(reader, ours, "samples", series, read_sample);
}

// Says what a JSON file that is no series looks like instead.
static bool refuse_foreign(const struct reader *reader, const json_t *root) {
  const char *guess = "";
  if (json_is_array(json_object_get(root, "benchmarks")) && json_is_object(json_object_get(root, "context")))
    guess = "; it looks like Google Benchmark's output";
  if (json_is_array(json_object_get(json_array_get(json_object_get(root, "results"), 0), "times")))
    guess = "; it looks like hyperfine's export";
  return tri_fail(reader->error, "%s: not a series of tricolor bench: it has no object \"tricolor\"%s",
                  reader->path, guess);
}

static json_t *load_json(const struct reader *reader) {
  struct stat present;
  FILE *file = fopen(reader->path, "r");
  if (!file || fstat(fileno(file), &present) != 0 || S_ISDIR(present.st_mode)) {
    tri_fail(reader->error, "%s: cannot be read: %s", reader->path, strerror(file ? EISDIR : errno));
    if (file) fclose(file);
    return NULL;
  }
  json_error_t at;
  json_t *root = json_loadf(file, JSON_REJECT_DUPLICATES, &at);
  fclose(file);
  if (root) return root;
  if (present.st_size == 0) {
    tri_fail(reader->error, "%s: the file is empty", reader->path);
  } else if (at.position >= present.st_size) { // the end of the file was the first wrong thing
    tri_fail(reader->error, "%s:%d:%d: truncated: the file ends in the middle of its JSON", reader->path,
             at.line, at.column);
  } else {
    tri_fail(reader->error, "%s:%d:%d: not JSON: %s", reader->path, at.line, at.column, at.text);
  }
  return NULL;
}

bool tri_series_load(struct tri_series *series, const char *path, struct tri_error *error) {
  struct reader reader = {path, error};
  *series = (struct tri_series){0};
  json_t *root = load_json(&reader);
  if (!root) return false;
  json_t *ours = json_object_get(root, "tricolor");
  bool good = json_is_object(ours) ? read_series(&reader, ours, series) : refuse_foreign(&reader, root);
  json_decref(root);
  if (!good) tri_series_free(series);
  return good;
}
