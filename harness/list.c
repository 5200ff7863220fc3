#include "list.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/invariants.h"
#include "measure/arguments.h"
#include "named.h"
#include "run.h"
#include "shims/fault.h"
#include "workload.h"

// Each list is made as JSON, an array of flat objects, and printed from that: one source for both forms.

static const struct {
  const char *name;
  enum tri_cap cap;
} caps[] = {
#define TRI_CAP_ROW(name, bit, doc) {#name, TRI_CAP_##name},
#include "tricolor/capabilities.def"
#undef TRI_CAP_ROW
};

static json_t *claims(uint64_t flags) {
  json_t *list = json_array();
  for (size_t k = 0; k < sizeof caps / sizeof *caps; k++)
    if (flags & caps[k].cap) json_array_append_new(list, json_string(caps[k].name));
  return list;
}

static json_t *tells(uint32_t flags) {
  static const struct {
    const char *name;
    uint32_t flag;
  } rows[] = {
#define TRI_TELL_ROW(name, bit, doc) {#name, TRI_TELLS_##name},
#include "tricolor/tells.def"
#undef TRI_TELL_ROW
  };
  json_t *list = json_array();
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
    if (flags & rows[k].flag) json_array_append_new(list, json_string(rows[k].name));
  return list;
}

static json_t *list_collectors(void) {
  json_t *list = json_array();
  for (size_t i = 0; tri_collectors[i]; i++) {
    const struct tri_collector *c = tri_collectors[i];
    json_t *json =
        json_pack("{s:s, s:s, s:o}", "name", c->name, "summary", c->summary, "claims", claims(c->caps.flags));
    if (c->caps.tells) json_object_set_new(json, "tells", tells(c->caps.tells));
    json_array_append_new(list, json);
  }
  return list;
}

static json_t *list_workloads(void) {
  json_t *list = json_array();
  for (size_t i = 0; tri_workloads_dynamic[i]; i++) {
    const struct tri_workload *w = tri_workloads_dynamic[i];
    json_t *params = json_array();
    for (size_t k = 0; k < w->n_params; k++) {
      const struct tri_param *p = &w->params[k];
      char *text = tri_format("%s=%lld|%lld|%lld", p->name, (long long)p->value[TRI_SIZE_TINY],
                              (long long)p->value[TRI_SIZE_CI], (long long)p->value[TRI_SIZE_FULL]);
      json_array_append_new(params, json_string(text));
      free(text);
    }
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "name", w->name, "summary", w->summary, "source",
                                          w->source, "tiny|ci|full", params));
  }
  return list;
}

static json_t *option_row(const char *collector, const struct tri_option *row) {
  static const char *const types[] = {"on/off", "number", "size", "choice"};
  json_t *json = json_pack("{s:s, s:s, s:s}", "name", row->name, "summary", row->doc, "collector", collector);
  json_object_set_new(json, "type", json_string(types[row->type]));
  if (row->type == TRI_OPTION_CHOICE) {
    json_t *choices = json_array();
    for (size_t i = 0; row->choices[i]; i++) json_array_append_new(choices, json_string(row->choices[i]));
    json_object_set_new(json, "choices", choices);
    json_object_set_new(json, "default", json_string(row->choices[row->def]));
    return json;
  }
  json_object_set_new(json, "default", json_integer(row->def));
  json_object_set_new(json, "min", json_integer(row->min));
  json_object_set_new(json, "max", json_integer(row->max));
  return json;
}

static json_t *list_options(void) {
  json_t *list = json_array();
  for (size_t i = 0; i < TRI_COMMON_OPTIONS; i++) json_array_append_new(list, option_row("all", &tri_common_options[i]));
  for (size_t i = 0; tri_collectors[i]; i++)
    for (size_t k = 0; k < tri_collectors[i]->n_options; k++)
      json_array_append_new(list, option_row(tri_collectors[i]->name, &tri_collectors[i]->options[k]));
  return list;
}

static json_t *list_invariants(void) {
  json_t *list = json_array();
  for (size_t i = 0; i < tri_n_invariants; i++) {
    const struct tri_invariant *row = &tri_invariants[i];
    json_t *json = json_pack("{s:s, s:s, s:s, s:s}", "name", row->id, "summary", row->doc, "when",
                             tri_when_text(row->when), "killed by", row->killed_by);
    if (row->needs) json_object_set_new(json, "needs", claims(row->needs));
    if (row->without) json_object_set_new(json, "without", claims(row->without));
    if (row->tells) json_object_set_new(json, "is told of", tells(row->tells));
    json_array_append_new(list, json);
  }
  return list;
}

// Of a collector, or of all: NULL. What its classes are may depend on its options.
static struct {
  const struct tri_collector *collector;
  const char *options;
} classes_of;

struct class_rows {
  json_t *list;
  const char *collector;
};

static bool add_size_class(void *context, const struct tri_size_class *row) {
  struct class_rows *rows = context;
  char *name = tri_format("%s.%zu%s%s", rows->collector, row->cell_bytes, *row->objects ? " " : "", row->objects);
  char *summary = tri_format("at most %.2f %% waste", 100 * tri_size_class_waste(row));
  json_array_append_new(rows->list, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:f}", "name", name, "summary", summary,
                                              "bytes", (json_int_t)row->cell_bytes, "smallest object",
                                              (json_int_t)row->least_bytes, "cells", (json_int_t)row->cells, "of",
                                              (json_int_t)row->block_bytes, "waste", tri_size_class_waste(row)));
  free(summary);
  free(name);
  return true;
}

static void add_size_classes(json_t *list, const struct tri_collector *collector) {
  struct tri_heap *heap;
  struct tri_heap_params params = {.options = classes_of.options};
  if (tri_heap_create(collector, &params, &heap) != TRI_OK) return; // told of when the command line was read
  struct class_rows rows = {list, collector->name};
  tri_each_size_class(heap, add_size_class, &rows);
  tri_heap_destroy(heap);
}

static json_t *list_sizeclasses(void) {
  json_t *list = json_array();
  if (classes_of.collector) add_size_classes(list, classes_of.collector);
  for (size_t i = 0; !classes_of.collector && tri_collectors[i]; i++) add_size_classes(list, tri_collectors[i]);
  return list;
}

static json_t *list_faults(void) {
  json_t *list = json_array();
  const char *name, *doc;
  for (size_t i = 0; tri_fault_mode_at(i, &name, &doc); i++) {
    json_t *json = json_pack("{s:s, s:s}", "name", name, "summary", doc);
    json_t *kills = json_array();
    for (size_t k = 0; k < tri_n_invariants; k++)
      if (strncmp(tri_invariants[k].killed_by, "fault=", 6) == 0 && strcmp(tri_invariants[k].killed_by + 6, name) == 0)
        json_array_append_new(kills, json_string(tri_invariants[k].id));
    if (json_array_size(kills)) json_object_set(json, "fires", kills);
    json_decref(kills);
    json_array_append_new(list, json);
  }
  return list;
}

static const struct {
  const char *name;
  json_t *(*make)(void);
} lists[] = {
    {"collectors", list_collectors},
    {"workloads", list_workloads},
    {"invariants", list_invariants},
    {"faults", list_faults},
    {"options", list_options},
    {"sizeclasses", list_sizeclasses},
};
enum { LISTS = sizeof lists / sizeof *lists };

static void print_value(const json_t *value) {
  if (json_is_string(value)) fputs(json_string_value(value), stdout);
  if (json_is_integer(value)) printf("%lld", (long long)json_integer_value(value));
  if (json_is_real(value)) printf("%.4f", json_real_value(value));
  size_t i;
  json_t *item;
  json_array_foreach(value, i, item) printf("%s%s", i ? " " : "", json_string_value(item));
}

static void print_list(const char *title, json_t *list) {
  printf("%s\n", title);
  size_t i;
  json_t *row;
  json_array_foreach(list, i, row) {
    printf("  %-16s %s\n", json_string_value(json_object_get(row, "name")),
           json_string_value(json_object_get(row, "summary")));
    const char *key;
    json_t *value;
    bool first = true;
    json_object_foreach(row, key, value) {
      if (strcmp(key, "name") == 0 || strcmp(key, "summary") == 0) continue;
      printf("%s%s: ", first ? "                   " : "; ", key);
      print_value(value);
      first = false;
    }
    puts("");
  }
}

static bool known(const char *wanted, struct tri_error *error) {
  const char *names[LISTS];
  for (size_t i = 0; i < LISTS; i++) {
    names[i] = lists[i].name;
    if (strcmp(wanted, names[i]) == 0) return true;
  }
  const char *nearest = tri_nearest(wanted, (struct tri_names){names, LISTS});
  return tri_fail(error, "there is no list '%s'%s%s%s see `tricolor list --help`", wanted,
                  nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : ";");
}

// The collector whose size classes are listed, and with which options.
static bool settle_classes(const char *collector, const char *options, struct tri_error *error) {
  if (!collector) return !options || tri_fail(error, "-o needs --collector: options are one collector's");
  if (!(classes_of.collector = tri_collector_named(collector, error))) return false;
  char sentence[200];
  struct tri_heap_config config;
  classes_of.options = options;
  return tri_options_parse(options, classes_of.collector->options, classes_of.collector->n_options, &config, sentence,
                           sizeof sentence) ||
         tri_fail(error, "%s", sentence);
}

int tri_command_list(int argc, char **argv) {
  static const struct tri_command command = {
      .name = "list",
      .synopsis = "[collectors|workloads|invariants|faults|options|sizeclasses] [options]",
      .about = "Lists what this program has of a kind, or of all kinds.\n",
      .most_words = 1};
  bool as_json = false;
  const char *collector = NULL;
  char *options = NULL;
  const struct tri_argument table[] = {{"json", NULL, "for programs", .flag = &as_json},
                                       {"collector", "C", "only its size classes", .text = &collector},
                                       TRI_ARGUMENT_OPTIONS(&options),
                                       {0}};
  struct tri_words words = {0};
  struct tri_error error;
  if (!tri_arguments_parse(&command, table, argc, argv, &words, &error) ||
      (words.count && !known(words.words[0], &error)) || !settle_classes(collector, options, &error)) {
    free(words.words);
    free(options);
    return tri_command_fails(command.name, &error, TRI_EXIT_BAD_INPUT);
  }
  json_t *all = json_object();
  for (size_t i = 0; i < LISTS; i++)
    if (!words.count || strcmp(words.words[0], lists[i].name) == 0)
      json_object_set_new(all, lists[i].name, lists[i].make());
  free(words.words);
  if (as_json) {
    json_dumpf(all, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    puts("");
  } else {
    const char *title;
    json_t *list;
    json_object_foreach(all, title, list) print_list(title, list);
  }
  json_decref(all);
  free(options);
  return TRI_EXIT_GOOD;
}
