// A series survives the way to the file and back; cut, foreign and damaged files are refused by name and
// place.
#include "measure/series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "measure/file.h"

static char *directory;
static char *path;
static struct tri_error error;

static struct tri_sample sample(size_t cell, size_t slot, enum tri_cell_status status, int64_t wall_ns,
                                const char *process) {
  return (struct tri_sample){
      .cell = cell,
      .slot = slot,
      .round = (unsigned)(slot / 3),
      .status = status,
      .reading = {.wall_ns = wall_ns,
                  .user_ns = wall_ns / 2,
                  .system_ns = 7,
                  .exit_code = status == TRI_CELL_WRONG},
      .process = process ? tri_need(json_loads(process, 0, NULL)) : NULL,
  };
}

static void make_series(struct tri_series *series) {
  tri_series_init(series);
  series->stopwatch = tri_format("hyperfine 1.15.0");
  series->executable = tri_format("/opt/\xff/tricolor"); // no UTF-8: must not cost us the file
  series->size = tri_format("ci");
  series->seed = INT64_MAX;
  series->runs = 2;
  series->complete = true;
  json_array_append_new(series->options, json_string("workers=2"));
  json_object_set_new(series->environment, "cpus", json_integer(2));
  json_object_set_new(series->environment, "build_type", json_string("RelWithDebInfo"));
  TRI_CHECK_EQ(tri_series_add_cell(series, "gcbench", "semispace", 64 << 20), 0);
  TRI_CHECK_EQ(tri_series_add_cell(series, "gcbench", "marksweep", 64 << 20), 1);
  TRI_CHECK_EQ(tri_series_add_cell(series, "gcbench", "malloc", 64 << 20), 2);
  tri_series_add_cell(series, "quads", "malloc", 1000);
  series->cells[0].command = tri_format("tricolor run --collector=semispace");
  const char *good =
      "{\"answer\":1,\"metrics\":{\"pause_max_ns\":9007199254740993,\"utilisation\":0.5,\"threads\":4}}";
  tri_series_add_sample(series, sample(2, 0, TRI_CELL_OUT_OF_MEMORY, 5, "{\"metrics\":{}}"),
                        "no room for the tree");
  tri_series_add_sample(series, sample(0, 1, TRI_CELL_OK, 3000, good), NULL);
  tri_series_add_sample(series, sample(1, 2, TRI_CELL_OK, 2000, good), NULL);
  tri_series_add_sample(series, sample(1, 3, TRI_CELL_WRONG, 2100, NULL), "2 trees, not 3");
  tri_series_add_sample(series, sample(0, 5, TRI_CELL_OK, 1000, good), NULL);
}

static void expect_same(const struct tri_series *a, const struct tri_series *b) {
  TRI_CHECK_STR(a->started, b->started);
  TRI_CHECK_STR(a->stopwatch, b->stopwatch);
  TRI_CHECK_STR(a->size, b->size);
  TRI_CHECK_EQ(a->seed, b->seed);
  TRI_CHECK_EQ(a->runs, b->runs);
  TRI_CHECK_EQ(a->complete, b->complete);
  TRI_CHECK(json_equal(a->options, b->options));
  TRI_CHECK(json_equal(a->environment, b->environment));
  TRI_CHECK_EQ(a->cell_count, b->cell_count);
  for (size_t i = 0; i < a->cell_count; i++) {
    const struct tri_cell *left = &a->cells[i], *right = &b->cells[i];
    TRI_CHECK_STR(left->id, right->id);
    TRI_CHECK_STR(left->workload, right->workload);
    TRI_CHECK_STR(left->collector, right->collector);
    TRI_CHECK_EQ(left->heap_bytes, right->heap_bytes);
    TRI_CHECK_EQ(left->status, right->status);
    TRI_CHECK((left->message == right->message) || strcmp(left->message, right->message) == 0);
    TRI_CHECK((left->command == right->command) || strcmp(left->command, right->command) == 0);
  }
  TRI_CHECK_EQ(a->sample_count, b->sample_count);
  for (size_t i = 0; i < a->sample_count; i++) {
    const struct tri_sample *left = &a->samples[i], *right = &b->samples[i];
    TRI_CHECK_EQ(left->cell, right->cell);
    TRI_CHECK_EQ(left->slot, right->slot);
    TRI_CHECK_EQ(left->round, right->round);
    TRI_CHECK_EQ(left->status, right->status);
    TRI_CHECK_EQ(left->reading.wall_ns, right->reading.wall_ns);
    TRI_CHECK_EQ(left->reading.user_ns, right->reading.user_ns);
    TRI_CHECK_EQ(left->reading.system_ns, right->reading.system_ns);
    TRI_CHECK_EQ(left->reading.exit_code, right->reading.exit_code);
    TRI_CHECK((!left->process && !right->process) || json_equal(left->process, right->process));
  }
}

// The first bad sample decides what is said of a cell.
static void check_verdicts(void) {
  struct tri_series series;
  tri_series_init(&series);
  tri_series_add_cell(&series, "quads", "refcount", 1000);
  tri_series_add_sample(&series, sample(0, 0, TRI_CELL_OK, 1, NULL), NULL);
  TRI_CHECK_EQ(series.cells[0].status, TRI_CELL_OK);
  tri_series_add_sample(&series, sample(0, 1, TRI_CELL_WRONG, 1, NULL), "first");
  tri_series_add_sample(&series, sample(0, 2, TRI_CELL_OK, 1, NULL), NULL);
  tri_series_judge_cell(&series, 0, TRI_CELL_FAILED, "second");
  TRI_CHECK_EQ(series.cells[0].status, TRI_CELL_WRONG);
  TRI_CHECK_STR(series.cells[0].message, "first");
  tri_series_free(&series);
}

static void check_model(const struct tri_series *series) {
  TRI_CHECK_STR(series->cells[0].id, "gcbench/semispace/heap:64m");
  TRI_CHECK_STR(series->cells[3].id, "quads/malloc/heap:1000");
  TRI_CHECK_EQ(series->cells[0].status, TRI_CELL_OK);
  TRI_CHECK_EQ(series->cells[1].status, TRI_CELL_WRONG);
  TRI_CHECK_STR(series->cells[1].message, "2 trees, not 3");
  TRI_CHECK_EQ(series->cells[2].status, TRI_CELL_OUT_OF_MEMORY);
  TRI_CHECK_EQ(series->cells[3].status, TRI_CELL_PENDING);
  size_t count;
  double *times = tri_cell_times(series, 0, false, &count);
  TRI_CHECK(count == 2 && times[0] == 1000 && times[1] == 3000);
  free(times);
  times = tri_cell_times(series, 0, true, &count);
  TRI_CHECK(count == 2 && times[0] == 507 && times[1] == 1507);
  free(times);
  TRI_CHECK(!tri_cell_times(series, 3, false, &count) && count == 0);
  double value;
  TRI_CHECK(tri_sample_metric(&series->samples[1], "utilisation", &value) && value == 0.5);
  TRI_CHECK(!tri_sample_metric(&series->samples[1], "collections", &value));
  TRI_CHECK(!tri_sample_metric(&series->samples[3], "collections", &value));
}

static char *read_file(size_t *length) {
  FILE *file = fopen(path, "r");
  TRI_CHECK(file != NULL);
  char *text = tri_need(malloc(1 << 16));
  *length = fread(text, 1, (1 << 16) - 1, file);
  TRI_CHECK_LT(*length, (1 << 16) - 1);
  text[*length] = '\0';
  fclose(file);
  return text;
}

static void write_file(const char *text, size_t length) {
  FILE *file = fopen(path, "w");
  TRI_CHECK(file != NULL);
  TRI_CHECK_EQ(fwrite(text, 1, length, file), length);
  TRI_CHECK_EQ(fclose(file), 0);
}

static void expect_refused(const char *complaint) {
  struct tri_series series;
  TRI_CHECK(!tri_series_load(&series, path, &error));
  if (!strstr(error.text, complaint)) fprintf(stderr, "expected: %s\ngot: %s\n", complaint, error.text);
  TRI_CHECK(strstr(error.text, complaint) != NULL);
  TRI_CHECK(strstr(error.text, path) == error.text);
}

// What Google Benchmark's tools will see.
static void check_benchmarks(const char *text) {
  json_t *root = tri_need(json_loads(text, 0, NULL)), *benchmarks = json_object_get(root, "benchmarks");
  TRI_CHECK_EQ(json_array_size(benchmarks), 3); // two and their median; nothing of the cells that went wrong
  json_t *first = json_array_get(benchmarks, 0), *median = json_array_get(benchmarks, 2);
  TRI_CHECK_STR(json_string_value(json_object_get(first, "name")), "gcbench/semispace/heap:64m");
  TRI_CHECK_STR(json_string_value(json_object_get(first, "run_type")), "iteration");
  TRI_CHECK(json_real_value(json_object_get(first, "real_time")) == 3000.0);
  TRI_CHECK(json_real_value(json_object_get(first, "cpu_time")) == 1507.0);
  TRI_CHECK_EQ(json_integer_value(json_object_get(first, "pause_max_ns")), 9007199254740993);
  TRI_CHECK_EQ(json_integer_value(json_object_get(first, "threads")), 1); // theirs, not the process's
  TRI_CHECK_STR(json_string_value(json_object_get(median, "name")), "gcbench/semispace/heap:64m_median");
  TRI_CHECK(json_real_value(json_object_get(median, "real_time")) == 2000.0);
  TRI_CHECK_STR(json_string_value(json_object_get(json_object_get(root, "context"), "library_build_type")),
                "release");
  json_decref(root);
}

// A proper beginning of a good file is refused; only the last line's end may be missing.
static void check_truncation(const char *text, size_t length) {
  for (size_t cut = 1; cut + 1 < length; cut += cut + 64 < length ? 7 : 1) {
    write_file(text, cut);
    expect_refused(": truncated: the file ends in the middle of its JSON");
  }
  write_file(text, 0);
  expect_refused(": the file is empty");
  struct tri_series series;
  write_file(text, length - 1);
  TRI_CHECK(tri_series_load(&series, path, &error));
  tri_series_free(&series);
}

static void check_replaced(const char *text, const char *from, const char *to, const char *complaint) {
  const char *at = strstr(text, from);
  if (!at) fprintf(stderr, "not in the file: %s\n", from);
  TRI_CHECK(at != NULL);
  char *damaged = tri_format("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
  write_file(damaged, strlen(damaged));
  expect_refused(complaint);
  free(damaged);
}

static void check_damage(const char *text) {
  check_replaced(text, "\"schema\": 1", "\"schema\": 2",
                 ": tricolor.schema is 2; this program reads version 1");
  check_replaced(text, "\"schema\": 1", "\"schema\": \"1\"",
                 ": tricolor.schema: expected an integer, found a string");
  check_replaced(text, "\"wall_ns\":3000", "\"wall_ns\":3.5",
                 ": tricolor.samples[1].wall_ns: expected an integer, found a number with a fraction");
  check_replaced(text, "\"wall_ns\":3000,", "",
                 ": tricolor.samples[1].wall_ns is missing: expected an integer");
  check_replaced(text, "\"wall_ns\":3000", "\"wall_ns\":-1",
                 ": tricolor.samples[1].wall_ns: -1 is out of range");
  check_replaced(text, "\"cell\":2", "\"cell\":4", ": tricolor.samples[0].cell: 4 is out of range: 0 to 3");
  check_replaced(text, "\"status\":\"pending\"", "\"status\":\"fine\"",
                 ": tricolor.cells[3].status: \"fine\" is none of");
  check_replaced(text, "\"collector\":\"malloc\"", "\"collector\":null",
                 ": tricolor.cells[2].collector: expected a string, found null");
  check_replaced(text, "\"complete\": true", "\"complete\": 1", ": tricolor.complete: expected a boolean");
  check_replaced(text, "\"samples\": [", "\"Samples\": [",
                 ": tricolor.samples is missing: expected an array");
  check_replaced(text, "\"samples\": [", "\"samples\": [3,",
                 ": tricolor.samples[0]: expected an object, found an integer");
  check_replaced(text, "\"process\":{", "\"process\":7,\"x\":{",
                 ": tricolor.samples[0].process: expected an object, found an integer");
  check_replaced(text, "\"wall_ns\":3000", "\"wall_ns\":NaN", ": not JSON: ");
}

static void check_foreign(void) {
  static const struct {
    const char *text, *complaint;
  } files[] = {
      {"workload,ns\n", ":1:8: not JSON: "},
      {"[]", ": not a series of tricolor bench: it has no object \"tricolor\""},
      {"{\"context\":{},\"benchmarks\":[]}", "it looks like Google Benchmark's output"},
      {"{\"results\":[{\"times\":[1]}]}", "it looks like hyperfine's export"},
      {"{\"tricolor\":[]}", "it has no object \"tricolor\""},
  };
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    write_file(files[i].text, strlen(files[i].text));
    expect_refused(files[i].complaint);
  }
  unlink(path);
  expect_refused(": cannot be read: No such file or directory");
  struct tri_series series;
  TRI_CHECK(!tri_series_load(&series, directory, &error));
  TRI_CHECK(strstr(error.text, ": cannot be read: Is a directory") != NULL);
}

int main(void) {
  directory = tri_temporary_folder("test-series", &error);
  TRI_CHECK(directory != NULL);
  path = tri_format("%s/series.json", directory);
  struct tri_series series, loaded;
  make_series(&series);
  check_model(&series);
  check_verdicts();
  TRI_CHECK(tri_series_write(&series, path, &error));
  size_t length;
  char *text = read_file(&length);
  TRI_CHECK(tri_series_load(&loaded, path, &error));
  expect_same(&series, &loaded);
  TRI_CHECK_STR(loaded.executable, "/opt/?/tricolor");
  check_model(&loaded);
  check_benchmarks(text);
  check_truncation(text, length);
  check_damage(text);
  check_foreign();

  tri_series_free(&series);
  tri_series_init(&series); // nothing measured yet is a series too
  series.runs = 1;
  TRI_CHECK(tri_series_write(&series, path, &error));
  tri_series_free(&loaded);
  TRI_CHECK(tri_series_load(&loaded, path, &error));
  TRI_CHECK(!loaded.complete && loaded.cell_count == 0 && loaded.sample_count == 0);

  tri_series_free(&series);
  tri_series_free(&loaded);
  free(text);
  tri_remove_folder(directory);
  free(directory);
  free(path);
  return 0;
}
