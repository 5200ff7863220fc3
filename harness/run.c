#include "run.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/shadow.h"
#include "common/os.h"
#include "common/poison.h"
#include "measure/arguments.h"
#include "measure/environment.h"
#include "measure/file.h"
#include "shims/fault.h"
#include "workload.h"

enum binding { BINDING_BEST, BINDING_INLINE, BINDING_DYNAMIC };

const char *const tri_size_names[] = {"tiny", "ci", "full", NULL};
static const char *const binding_names[] = {"best", "inline", "dynamic", NULL};
static const char *const check_names[] = {"off", "end", "gc", NULL};

struct run {
  char **words; // the command's, NULL-terminated
  const struct tri_collector *collector;
  const struct tri_workload *workload;
  uint64_t heap_bytes;
  char *options;     // -o, or NULL
  const char *fault; // --fault, or NULL
  enum tri_size size;
  enum binding binding;
  bool checked;
  enum tri_check check; // if checked
  int64_t param[TRI_MAX_PARAMS];
  const char *result; // file, or NULL
  bool stats, json;
};

// Pauses of the run, kept outside the heap.
struct pauses {
  uint64_t begin_ns, *ns;
  size_t count, room;
};

// One of the collector's own.
struct counter {
  char name[40], unit[16], doc[120];
  uint64_t value;
};

struct outcome {
  enum tri_outcome outcome;
  struct tri_answer answer;
  uint64_t wall_ns, cpu_ns, findings;
  struct tri_check_summary checks;
  struct tri_stats stats;
  struct counter *counters; // if asked for
  size_t n_counters;
  struct pauses pauses;
};

// ---------------------------------------------------------------------------------------------- names

struct tri_names tri_workload_names(void) {
  static const char *names[64];
  size_t n = 0;
  for (; tri_workloads_dynamic[n] && n < 64; n++) names[n] = tri_workloads_dynamic[n]->name;
  return (struct tri_names){names, n};
}

const struct tri_workload *tri_workload_named(const char *name, struct tri_error *error) {
  const struct tri_workload *workload = tri_workload_find(name);
  if (!workload) tri_fail_unknown(error, "workload", name, tri_workload_names());
  return workload;
}

// ---------------------------------------------------------------------------------------------- parameters

bool tri_workload_set_param(const struct tri_workload *w, int64_t *param, const char *text, struct tri_error *error) {
  size_t key = strcspn(text, "=");
  for (size_t i = 0; i < w->n_params; i++) {
    const struct tri_param *p = &w->params[i];
    if (strlen(p->name) != key || strncmp(p->name, text, key) != 0) continue;
    char *end = NULL;
    errno = 0;
    long long value = text[key] ? strtoll(text + key + 1, &end, 10) : 0;
    if (!end || end == text + key + 1 || *end || errno)
      return tri_fail(error, "--param=%s: right would be %s=N with a whole number", text, p->name);
    if (value < p->min || value > p->max)
      return tri_fail(error, "--param=%s is out of range: %s of workload '%s' goes from %lld to %lld", text, p->name,
                      w->name, (long long)p->min, (long long)p->max);
    param[i] = value;
    return true;
  }
  char list[256] = "";
  for (size_t i = 0, used = 0; i < w->n_params && used < sizeof list; i++)
    used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", w->params[i].name);
  return tri_fail(error, "--param=%s: workload '%s' has the parameters %s", text, w->name, list);
}

// ---------------------------------------------------------------------------------------------- running

static void note_pause(void *context, struct tri_heap *heap, const struct tri_event *event) {
  struct pauses *pauses = context;
  (void)heap;
  if (event->kind == TRI_EVENT_STOP_REQUEST) pauses->begin_ns = event->t_ns;
  if (event->kind != TRI_EVENT_RESUME) return;
  if (pauses->count == pauses->room) {
    pauses->room = pauses->room ? 2 * pauses->room : 1024;
    pauses->ns = tri_need(realloc(pauses->ns, pauses->room * sizeof *pauses->ns));
  }
  pauses->ns[pauses->count++] = event->t_ns - pauses->begin_ns;
}

static int compare_u64(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

// The q-quantile by nearest rank; pauses must be sorted.
static uint64_t quantile(const struct pauses *pauses, double q) {
  if (!pauses->count) return 0;
  size_t rank = (size_t)(q * (double)pauses->count + 0.999999);
  return pauses->ns[rank ? rank - 1 : 0];
}

// Memory that does not suffice for the empty heap and its mutator is too little like any other.
static bool no_heap(enum tri_status status, struct outcome *o, const struct tri_error *error) {
  if (status != TRI_ENOMEM) return false;
  o->outcome = TRI_OUTCOME_OUT_OF_MEMORY;
  snprintf(o->answer.text, sizeof o->answer.text, "%.159s", error->text);
  return true;
}

// What has to be typed to see the findings again.
static void print_command(const struct run *run) {
  size_t n = 0;
  while (run->words[n]) n++;
  const char **words = tri_need(calloc(n + 2, sizeof *words));
  words[0] = "tricolor";
  for (size_t i = 0; i < n; i++) words[i + 1] = run->words[i];
  char *command = tri_shell_command(words);
  fprintf(stderr, "again: %s\n", command);
  free(command);
  free(words);
}

static void print_finding(void *context, struct tri_heap *heap, const struct tri_finding *finding) {
  (void)heap;
  tri_finding_print(stderr, finding);
  if (!finding->dying) return;
  print_command(context);
  fflush(NULL);
  _exit(TRI_EXIT_FINDING);
}

static bool keep_counter(void *context, const struct tri_counter *counter) {
  struct outcome *o = context;
  o->counters = tri_need(realloc(o->counters, (o->n_counters + 1) * sizeof *o->counters));
  struct counter *c = &o->counters[o->n_counters++];
  c->value = counter->value;
  snprintf(c->name, sizeof c->name, "%s", counter->name);
  snprintf(c->unit, sizeof c->unit, "%s", counter->unit);
  snprintf(c->doc, sizeof c->doc, "%s", counter->doc);
  return true;
}

static bool run_workload(const struct run *run, struct outcome *o, struct tri_error *error) {
  const struct tri_workload *workload = run->workload;
  const struct tri_collector *record = run->collector;
  struct tri_shim_record shadow;
  struct tri_fault_record faulty;
  struct tri_shadow_options shadow_options = {
      .check = run->check, .report = print_finding, .context = (void *)run, .summary = &o->checks};
  if (run->fault && !(record = tri_fault_wrap(&faulty, record, run->fault, error->text, sizeof error->text)))
    return false;
  if (run->checked) {
    tri_poison_set_filling(true);
    record = tri_shadow_wrap(&shadow, record, &shadow_options);
  }
  if (run->binding != BINDING_DYNAMIC && !run->checked) {
    const struct tri_workload *inlined = tri_workload_inline(workload->name, run->collector->name);
    if (inlined) workload = inlined;
  }
  char *options = tri_format("%s%sheap=%llu", run->options ? run->options : "", run->options ? "," : "",
                             (unsigned long long)run->heap_bytes);
  struct tri_heap_params params = {options, {note_pause, &o->pauses}, error->text, sizeof error->text};
  struct tri_heap *heap;
  struct tri_mutator *m;
  uint64_t wall = tri_os_now_ns(), cpu = tri_os_cpu_ns();
  enum tri_status status = tri_heap_create(record, &params, &heap);
  free(options);
  if (status != TRI_OK) return no_heap(status, o, error);
  status = heap->ops->attach(heap, &m);
  if (status != TRI_OK) {
    heap->ops->heap_destroy(heap);
    tri_fail(error, "collector '%s' could not attach a mutator", run->collector->name);
    return no_heap(status, o, error);
  }
  o->outcome = workload->run(m, run->param, &o->answer);
  o->wall_ns = tri_os_now_ns() - wall;
  o->cpu_ns = tri_os_cpu_ns() - cpu;
  tri_stats_get(heap, &o->stats, sizeof o->stats);
  if (run->stats) heap->ops->each_counter(heap, keep_counter, o);
  o->findings = tri_shadow_check(heap);
  m->ops->detach(m);
  heap->ops->heap_destroy(heap);
  if (o->pauses.count) qsort(o->pauses.ns, o->pauses.count, sizeof *o->pauses.ns, compare_u64);
  return true;
}

// ---------------------------------------------------------------------------------------------- reporting

static const char *status_word(const struct outcome *o) {
  if (o->findings) return "wrong";
  switch (o->outcome) {
  case TRI_OUTCOME_OK: return "ok";
  case TRI_OUTCOME_WRONG: return "wrong";
  case TRI_OUTCOME_OUT_OF_MEMORY: return "oom";
  case TRI_OUTCOME_UNSUPPORTED: return "unsupported";
  }
  return "error";
}

static json_t *counters_json(const struct outcome *o) {
  json_t *counters = json_object();
  for (size_t i = 0; i < o->n_counters; i++)
    json_object_set_new(counters, o->counters[i].name, json_integer((json_int_t)o->counters[i].value));
  return counters;
}

static json_t *result_json(const struct run *run, const struct outcome *o) {
  json_t *metrics = json_object();
#define TRI_STAT(name, unit, doc) json_object_set_new(metrics, #name, json_integer((json_int_t)o->stats.name));
#include "tricolor/stats.def"
#undef TRI_STAT
  json_object_set_new(metrics, "pause_p50_ns", json_integer((json_int_t)quantile(&o->pauses, 0.50)));
  json_object_set_new(metrics, "pause_p99_ns", json_integer((json_int_t)quantile(&o->pauses, 0.99)));
  json_object_set_new(metrics, "peak_rss_bytes", json_integer((json_int_t)tri_peak_resident_bytes()));
  json_t *params = json_object();
  for (size_t i = 0; i < run->workload->n_params; i++)
    json_object_set_new(params, run->workload->params[i].name, json_integer(run->param[i]));
  json_t *json = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:o, s:I, s:s, s:I, s:I, s:o}", "status", status_word(o),
                   "workload", run->workload->name, "collector", run->collector->name, "heap_bytes",
                   (json_int_t)run->heap_bytes, "options", run->options ? run->options : "", "size",
                   tri_size_names[run->size], "params", params, "answer", (json_int_t)o->answer.value,
                   "message", o->answer.text, "wall_ns", (json_int_t)o->wall_ns, "cpu_ns",
                   (json_int_t)o->cpu_ns, "metrics", metrics);
  if (run->stats) json_object_set_new(json, "counters", counters_json(o));
  return json;
}

static bool write_result(const char *path, const char *text, struct tri_error *error) {
  struct tri_new_file file;
  if (!tri_new_file_begin(&file, path, error)) return false;
  fputs(text, file.stream);
  return tri_new_file_commit(&file, error);
}

static void print_number(const char *name, uint64_t value, const char *unit, const char *doc) {
  printf("  %-22s %20llu %-8s%s\n", name, (unsigned long long)value, unit, doc);
}

static void print_text(const struct run *run, const struct outcome *o) {
  char *wall = tri_duration_text((double)o->wall_ns), *worst = tri_duration_text((double)o->stats.pause_max_ns);
  char *total = tri_duration_text((double)o->stats.pause_total_ns), *peak = tri_memory_text((double)tri_peak_resident_bytes());
  char *allocated = tri_memory_text((double)o->stats.allocated_bytes);
  printf("%s on %s: %s. %s\n", run->workload->name, run->collector->name, status_word(o), o->answer.text);
  if (run->checked) {
    printf("  ");
    tri_check_summary_print(stdout, &o->checks);
  }
  printf("  wall %s; %llu collections, paused %s, longest %s; allocated %s; peak resident %s\n", wall,
         (unsigned long long)o->stats.collections, total, worst, allocated, peak);
  if (run->stats) {
#define TRI_STAT(name, unit, doc) print_number(#name, o->stats.name, unit, doc);
#include "tricolor/stats.def"
#undef TRI_STAT
    for (size_t i = 0; i < o->n_counters; i++)
      print_number(o->counters[i].name, o->counters[i].value, o->counters[i].unit, o->counters[i].doc);
  }
  free(wall), free(worst), free(total), free(peak), free(allocated);
}

// ---------------------------------------------------------------------------------------------- the command

static const struct tri_command command = {
    .name = "run",
    .synopsis = "--collector=C --workload=W [options]",
    .about = "Runs one workload on one collector, once, in this process.\n",
};

// The collector, the workload and its parameters by their names.
static bool find(struct run *run, const char *collector, const char *workload, const struct tri_words *params,
                 struct tri_error *error) {
  if (!collector) return tri_fail(error, "--collector is missing; `tricolor list collectors` shows all");
  if (!workload) return tri_fail(error, "--workload is missing; `tricolor list workloads` shows all");
  if (!(run->collector = tri_collector_named(collector, error))) return false;
  if (!(run->workload = tri_workload_named(workload, error))) return false;
  for (size_t i = 0; i < run->workload->n_params; i++) run->param[i] = run->workload->params[i].value[run->size];
  for (size_t i = 0; i < params->count; i++)
    if (!tri_workload_set_param(run->workload, run->param, params->words[i], error)) return false;
  return true;
}

// -o heap=… would lose against --heap, which always has a value.
static bool gives_heap(const char *options) {
  const char *at = options ? strstr(options, "heap=") : NULL;
  return at && (at == options || at[-1] == ',');
}

static bool parse(int argc, char **argv, struct run *run, struct tri_error *error) {
  const char *collector = NULL, *workload = NULL;
  int size = TRI_SIZE_CI, binding = BINDING_BEST, check = 0;
  struct tri_words params = {0};
  *run = (struct run){.words = argv, .heap_bytes = 256 << 20};
  const struct tri_argument table[] = {
      {"collector", "C", "a name from `tricolor list collectors`, or the path of a shared object (./x.so)",
       .text = &collector},
      {"workload", "W", "a name from `tricolor list workloads`", .text = &workload},
      {"heap", "SIZE", "limit of the memory for objects, e.g. 64m (default 256m)", .size = &run->heap_bytes},
      {"size", NULL, "which set of parameters (default ci)", .choice = &size, .choices = tri_size_names},
      {"param", "NAME=N", "set one parameter of the workload; may be repeated", .repeated = &params},
      {"check", NULL, "compare with a shadow heap: at the end, or after every collection (default off)",
       .choice = &check, .choices = check_names},
      {"fault", "MODE[:K]", "plant a fault for --check to find, see `tricolor list faults`",
       .text = &run->fault},
      {"binding", NULL, "inline is what is timed, dynamic what can be checked (default best)",
       .choice = &binding, .choices = binding_names},
      TRI_ARGUMENT_OPTIONS(&run->options),
      {"stats", NULL, "print all statistics, and the collector's own counters", .flag = &run->stats},
      {"json", NULL, "print the result as JSON", .flag = &run->json},
      {"result", "FILE", "write the result as JSON to FILE; out of memory is then a result",
       .text = &run->result},
      {0}};
  bool ok = tri_arguments_parse(&command, table, argc, argv, NULL, error);
  run->size = (enum tri_size)size;
  run->binding = (enum binding)binding;
  run->checked = check > 0;
  run->check = check == 2 ? TRI_CHECK_GC : TRI_CHECK_END;
  ok = ok && find(run, collector, workload, &params, error);
  free(params.words);
  if (!ok) return false;
  if (gives_heap(run->options))
    return tri_fail(error, "-o %s: the limit of the heap is --heap=SIZE here", run->options);
  if (run->fault && !run->checked)
    return tri_fail(error, "--fault plants a fault for the shadow heap to find: add --check=gc or --check=end");
  if (run->binding == BINDING_INLINE && run->checked)
    return tri_fail(error, "--check needs the dynamic binding: its shadow heap is a shim, which inlined calls pass by");
  if (run->binding == BINDING_INLINE && !tri_workload_inline(workload, run->collector->name))
    return tri_fail(error, "--binding=inline: '%s' was loaded at run time and has the dynamic binding only", collector);
  return true;
}

static bool fits(const struct run *run, struct tri_error *error) {
  uint64_t live = run->workload->live_bytes(run->param);
  if (live <= run->heap_bytes || run->result) return true;
  char *needs = tri_memory_text((double)live), *has = tri_memory_text((double)run->heap_bytes);
  tri_fail(error, "a heap of %s is too small for workload '%s': its live data alone need %s", has,
           run->workload->name, needs);
  free(needs), free(has);
  return false;
}

static bool print_result(const struct run *run, const struct outcome *o, struct tri_error *error) {
  if (!run->result && !run->json) return print_text(run, o), true;
  json_t *json = result_json(run, o);
  char *text = tri_need(json_dumps(json, JSON_INDENT(2) | JSON_PRESERVE_ORDER));
  json_decref(json);
  if (run->json) puts(text);
  bool written = !run->result || write_result(run->result, text, error);
  free(text);
  return written;
}

static enum tri_exit judge(const struct run *run, const struct outcome *o, struct tri_error *error) {
  if (o->findings || o->outcome == TRI_OUTCOME_WRONG) return TRI_EXIT_FINDING;
  if (o->outcome == TRI_OUTCOME_OK || (run->result && o->outcome == TRI_OUTCOME_OUT_OF_MEMORY))
    return TRI_EXIT_GOOD;
  if (o->outcome == TRI_OUTCOME_OUT_OF_MEMORY)
    tri_fail(error, "out of memory: a heap of %llu bytes is too small for workload '%s' on collector '%s'",
             (unsigned long long)run->heap_bytes, run->workload->name, run->collector->name);
  else
    tri_fail(error, "%s", o->answer.text);
  return TRI_EXIT_BAD_INPUT;
}

int tri_command_run(int argc, char **argv) {
  struct run run;
  struct tri_error error = {{0}};
  struct outcome o = {0};
  enum tri_exit status = TRI_EXIT_BAD_INPUT;
  if (parse(argc, argv, &run, &error) && fits(&run, &error) && run_workload(&run, &o, &error))
    status = print_result(&run, &o, &error) ? judge(&run, &o, &error) : TRI_EXIT_SUITE_FAILED;
  if (o.findings) print_command(&run);
  free(o.pauses.ns);
  free(o.counters);
  free(run.options);
  return status > TRI_EXIT_FINDING ? tri_command_fails("run", &error, status) : (int)status;
}
