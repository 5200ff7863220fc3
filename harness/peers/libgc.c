// Workloads of harness/workloads/ written for libgc directly, as its users write: malloc's interface,
// pointers on the C stack, no barriers. (The collector bdw is libgc behind the contract.) Command line and
// result are those of `tricolor run`; see README.md.
#include <gc/gc.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/os.h"
#include "measure/arguments.h"
#include "measure/environment.h"
#include "measure/file.h"

enum { MOST_PARAMS = 2, SIZES = 3 };

struct answer {
  uint64_t value, expected;
  char text[160];
};

struct workload {
  const char *name;
  const char *params[MOST_PARAMS]; // as in the C source of the workload, in its order
  int64_t values[MOST_PARAMS][SIZES];
  uint64_t (*live_bytes)(const int64_t *param);
  bool (*run)(const int64_t *param, struct answer *answer); // false: out of memory
};

struct node {
  struct node *left, *right;
};
struct numbered_node { // gcbench's
  struct node node;
  int32_t i, j;
};

static size_t node_bytes; // of the workload that is run

static uint64_t tree_size(int64_t depth) { return (UINT64_C(2) << depth) - 1; }

static struct node *make_tree(int64_t depth) {
  struct node *left = NULL, *right = NULL;
  if (depth > 0 && (!(left = make_tree(depth - 1)) || !(right = make_tree(depth - 1)))) return NULL;
  struct node *node = GC_MALLOC(node_bytes);
  if (!node) return NULL;
  node->left = left;
  node->right = right;
  return node;
}

// Fill a fresh leaf to a tree of the given depth, parents first.
static bool populate(int64_t depth, struct node *node) {
  if (depth == 0) return true;
  return (node->left = GC_MALLOC(node_bytes)) && populate(depth - 1, node->left) &&
         (node->right = GC_MALLOC(node_bytes)) && populate(depth - 1, node->right);
}

static uint64_t count_nodes(const struct node *node) {
  return node->left ? 1 + count_nodes(node->left) + count_nodes(node->right) : 1;
}

// ---- binary-trees.c ----

static uint64_t binary_trees_live(const int64_t *param) { return (UINT64_C(2) << param[0]) * 16; }

static bool binary_trees(const int64_t *param, struct answer *answer) {
  enum { MIN_DEPTH = 4 };
  int64_t max_depth = param[0];
  node_bytes = sizeof(struct node);
  struct node *tree = make_tree(max_depth + 1);
  if (!tree) return false;
  answer->value = count_nodes(tree);
  answer->expected = (UINT64_C(4) << max_depth) - 1;
  struct node *long_lived = make_tree(max_depth);
  if (!long_lived) return false;
  for (int64_t depth = MIN_DEPTH; depth <= max_depth; depth += 2) {
    int64_t iterations = INT64_C(1) << (max_depth - depth + MIN_DEPTH);
    for (int64_t i = 0; i < iterations; i++) {
      if (!(tree = make_tree(depth))) return false;
      answer->value += count_nodes(tree);
    }
    answer->expected += (uint64_t)iterations * tree_size(depth);
  }
  answer->value += count_nodes(long_lived);
  answer->expected += tree_size(max_depth);
  snprintf(answer->text, sizeof answer->text, "%llu nodes counted, %llu built",
           (unsigned long long)answer->value, (unsigned long long)answer->expected);
  return true;
}

// ---- gcbench.c, on one thread ----

static uint64_t gcbench_live(const int64_t *param) {
  return tree_size(param[0]) * sizeof(struct numbered_node) + (uint64_t)param[1] * sizeof(double);
}

static bool gcbench(const int64_t *param, struct answer *answer) {
  int64_t max_depth = param[0], n = param[1];
  node_bytes = sizeof(struct numbered_node);
  if (!make_tree(max_depth + 2)) return false; // the stretch tree
  struct node *long_lived = GC_MALLOC(node_bytes);
  if (!long_lived || !populate(max_depth, long_lived)) return false;
  double *array = GC_MALLOC_ATOMIC((size_t)n * sizeof *array);
  if (!array) return false;
  memset(array, 0, (size_t)n * sizeof *array);
  for (int64_t i = 0; i < n / 2; i++) array[i] = 1.0 / (double)(i + 1);

  uint64_t counted = 0, nodes = tree_size(max_depth), intact = 0;
  for (int64_t depth = 4; depth <= max_depth; depth += 2) {
    int64_t iterations = (int64_t)(2 * tree_size(max_depth + 2) / tree_size(depth));
    for (int kind = 0; kind < 2; kind++)
      for (int64_t i = 0; i < iterations; i++) {
        struct node *tree = kind == 0 ? GC_MALLOC(node_bytes) : make_tree(depth);
        if (!tree || (kind == 0 && !populate(depth, tree))) return false;
        if (i == 0) counted += count_nodes(tree);
      }
    nodes += 2 * tree_size(depth);
  }
  counted += count_nodes(long_lived);
  for (int64_t i = 0; i < n; i++) intact += array[i] == (i < n / 2 ? 1.0 / (double)(i + 1) : 0.0);
  answer->value = counted + intact;
  answer->expected = nodes + (uint64_t)n;
  snprintf(answer->text, sizeof answer->text,
           "%llu nodes counted of %llu, %llu array elements intact of %lld", (unsigned long long)counted,
           (unsigned long long)nodes, (unsigned long long)intact, (long long)n);
  return true;
}

static const struct workload workloads[] = {
    {"binary-trees", {"depth"}, {{8, 14, 18}}, binary_trees_live, binary_trees},
    {"gcbench", {"depth", "array"}, {{8, 14, 16}, {5000, 125000, 500000}}, gcbench_live, gcbench},
};

// ---- The run ----

static struct { uint64_t begin_ns, count, total_ns, max_ns; } pauses;

static void GC_CALLBACK note_event(GC_EventType event) {
  if (event == GC_EVENT_PRE_STOP_WORLD) pauses.begin_ns = tri_os_now_ns();
  if (event != GC_EVENT_POST_START_WORLD) return;
  uint64_t ns = tri_os_now_ns() - pauses.begin_ns;
  pauses.count++;
  pauses.total_ns += ns;
  if (ns > pauses.max_ns) pauses.max_ns = ns;
}

static json_t *metrics(uint64_t heap_bytes) {
  return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "mapped_bytes", (json_int_t)GC_get_heap_size(),
                   "allocated_bytes", (json_int_t)GC_get_total_bytes(), "limit_bytes", (json_int_t)heap_bytes,
                   "collections", (json_int_t)GC_get_gc_no(), "pauses", (json_int_t)pauses.count,
                   "pause_total_ns", (json_int_t)pauses.total_ns, "pause_max_ns", (json_int_t)pauses.max_ns,
                   "peak_rss_bytes", (json_int_t)tri_peak_resident_bytes());
}

static const struct tri_command command = {.name = "run (peer libgc)",
                                           .synopsis = "--workload=W [options]",
                                           .about = "Runs one workload on libgc itself.\n"};

struct request {
  const char *workload, *collector, *result;
  uint64_t heap_bytes;
  int size;
  bool json;
  struct tri_words params;
  char *options;
};

static bool read_params(const struct request *request, const struct workload *workload, int64_t *param,
                        struct tri_error *error) {
  for (int i = 0; i < MOST_PARAMS; i++) param[i] = workload->values[i][request->size];
  for (size_t word = 0; word < request->params.count; word++) {
    const char *text = request->params.words[word];
    size_t length = strcspn(text, "=");
    bool known = false;
    for (int i = 0; i < MOST_PARAMS && workload->params[i]; i++)
      if (strlen(workload->params[i]) == length && strncmp(workload->params[i], text, length) == 0 &&
          text[length])
        known = (param[i] = strtoll(text + length + 1, NULL, 10)) > 0;
    if (!known)
      return tri_fail(error, "--param=%s: right would be a parameter of %s, =N", text, workload->name);
  }
  return true;
}

static bool parse(int argc, char **argv, struct request *request, struct tri_error *error) {
  static const char *const sizes[] = {"tiny", "ci", "full", NULL};
  *request = (struct request){.collector = "peer:libgc", .heap_bytes = 256 << 20, .size = 1};
  const struct tri_argument table[] = {
      {"collector", "C", "what the result says", .text = &request->collector},
      {"workload", "W", "binary-trees or gcbench", .text = &request->workload},
      {"heap", "SIZE", "limit of libgc's heap (default 256m)", .size = &request->heap_bytes},
      {"size", NULL, "which set of parameters (default ci)", .choice = &request->size, .choices = sizes},
      {"param", "NAME=N", "set one parameter; may be repeated", .repeated = &request->params},
      {"options", "KEY=VALUE", "libgc has none here", .joined = &request->options, .letter = 'o'},
      {"json", NULL, "print the result as JSON", .flag = &request->json},
      {"result", "FILE", "write the result as JSON to FILE", .text = &request->result},
      {0}};
  if (!tri_arguments_parse(&command, table, argc, argv, NULL, error)) return false;
  if (request->options) return tri_fail(error, "-o %s: libgc has no options here", request->options);
  return request->workload || tri_fail(error, "--workload is missing");
}

static const char *run(const struct request *request, const struct workload *workload, const int64_t *param,
                       json_t *fields) {
  struct answer answer = {0};
  const char *status = "oom";
  GC_set_max_heap_size(request->heap_bytes);
  GC_INIT();
  GC_set_on_collection_event(note_event);
  GC_set_warn_proc(GC_ignore_warn_proc);
  uint64_t wall = tri_os_now_ns(), cpu = tri_os_cpu_ns();
  if (workload->live_bytes(param) <= request->heap_bytes && workload->run(param, &answer)) {
    status = answer.value == answer.expected ? "ok" : "wrong";
  } else {
    snprintf(answer.text, sizeof answer.text, "a heap of %llu bytes is too small",
             (unsigned long long)request->heap_bytes);
  }
  json_object_set_new(fields, "wall_ns", json_integer((json_int_t)(tri_os_now_ns() - wall)));
  json_object_set_new(fields, "cpu_ns", json_integer((json_int_t)(tri_os_cpu_ns() - cpu)));
  json_object_set_new(fields, "answer", json_integer((json_int_t)answer.value));
  json_object_set_new(fields, "message", json_string(answer.text));
  json_object_set_new(fields, "metrics", metrics(request->heap_bytes));
  return status;
}

static bool print_result(const struct request *request, json_t *fields, struct tri_error *error) {
  char *text = tri_need(json_dumps(fields, JSON_INDENT(2)));
  bool written = true;
  if (request->json) puts(text);
  if (request->result) {
    struct tri_new_file file;
    written = tri_new_file_begin(&file, request->result, error);
    if (written) {
      fputs(text, file.stream);
      written = tri_new_file_commit(&file, error);
    }
  }
  free(text);
  return written;
}

int main(int argc, char **argv) {
  struct request request;
  struct tri_error error;
  bool is_run = argc > 1 && strcmp(argv[1], "run") == 0;
  if (!is_run) tri_fail(&error, "right would be: libgc run --workload=W");
  if (!is_run || !parse(argc - 1, argv + 1, &request, &error))
    return tri_command_fails(command.name, &error, TRI_EXIT_BAD_INPUT);

  const struct workload *workload = NULL;
  for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
    if (strcmp(workloads[i].name, request.workload) == 0) workload = &workloads[i];
  int64_t param[MOST_PARAMS];
  if (workload && !read_params(&request, workload, param, &error))
    return tri_command_fails(command.name, &error, TRI_EXIT_BAD_INPUT);

  json_t *fields = tri_need(json_pack("{s:s, s:s, s:I}", "workload", request.workload, "collector",
                                      request.collector, "heap_bytes", (json_int_t)request.heap_bytes));
  const char *status = "unsupported";
  if (workload)
    status = run(&request, workload, param, fields);
  else
    json_object_set_new(fields, "message", json_string("peer libgc has binary-trees and gcbench"));
  json_object_set_new(fields, "status", json_string(status));
  bool written = print_result(&request, fields, &error);
  const char *message = json_string_value(json_object_get(fields, "message"));
  if (!request.json && !request.result)
    printf("%s on %s: %s. %s\n", request.workload, request.collector, status, message);
  bool too_small = strcmp(status, "oom") == 0 && !request.result;
  if (written && (!workload || too_small)) tri_fail(&error, "%s", message);
  free(request.params.words);
  free(request.options);
  if (!written) return tri_command_fails(command.name, &error, TRI_EXIT_SUITE_FAILED);
  if (!workload || too_small) return tri_command_fails(command.name, &error, TRI_EXIT_BAD_INPUT);
  json_decref(fields);
  return strcmp(status, "wrong") == 0 ? TRI_EXIT_FINDING : TRI_EXIT_GOOD;
}
