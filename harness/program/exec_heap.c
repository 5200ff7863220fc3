// The heap of a run: its settings, how it is made, collections, and the one way to allocate.
#include "program/exec_state.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/check.h"
#include "program/payload.h"

enum { DEFAULT_HEAP = 1 << 20 };

bool run_refused(struct tri_run *run) {
  run->result->out_of_memory++;
  run->result->collector_dependent = true;
  return false;
}

static const struct tri_option *option_row(const struct tri_collector *collector, size_t row) {
  return row < TRI_COMMON_OPTIONS ? &tri_common_options[row] : &collector->options[row - TRI_COMMON_OPTIONS];
}

// A value of the option's range: all of a short range, powers of two of a long one.
static int64_t option_value(const struct tri_option *option, uint32_t value) {
  uint64_t range = (uint64_t)option->max - (uint64_t)option->min;
  if (range < 128) return option->min + (int64_t)(value % (range + 1));
  uint64_t step = UINT64_C(1) << value / 2 % 63;
  return step < range ? option->min + (int64_t)step : option->max;
}

static size_t print_option(char *to, size_t room, const struct tri_option *option, uint32_t value) {
  long long number = option_value(option, value);
  if (option->type == TRI_OPTION_CHOICE)
    return (size_t)snprintf(to, room, ",%s=%s", option->name, option->choices[number]);
  return (size_t)snprintf(to, room, ",%s=%lld", option->name, number);
}

// The configuration as heap options; without the settings if only the heap size is wanted.
static void print_options(struct tri_run *run, bool settings, char *to, size_t room) {
  const struct tri_collector *collector = run->params->collector;
  uint64_t bytes = run->heap_bytes ? run->heap_bytes : DEFAULT_HEAP;
  if (bytes < collector->caps.min_heap_bytes) bytes = collector->caps.min_heap_bytes;
  size_t used = (size_t)snprintf(to, room, "heap=%" PRIu64, bytes);
  for (unsigned i = 0; settings && i < run->n_settings && used < room; i++)
    used += print_option(to + used, room - used, option_row(collector, run->settings[i].row),
                         run->settings[i].value);
  if (run->params->options && *run->params->options && used < room)
    snprintf(to + used, room - used, ",%s", run->params->options);
}

// Create the heap if there is none yet. False: the run is over.
bool run_need_heap(struct tri_run *run) {
  if (run->heap) return true;
  char options[1024], error[200] = "";
  struct tri_heap_params params = {.options = options, .error = error, .error_bytes = sizeof error};
  if (run->params->watch) params.sink = run->params->watch->sink;
  print_options(run, true, options, sizeof options);
  enum tri_status status = tri_heap_create(run->params->collector, &params, &run->heap);
  if (status == TRI_EINVAL && run->n_settings) { // the program's settings do not go together
    print_options(run, false, options, sizeof options);
    status = tri_heap_create(run->params->collector, &params, &run->heap);
  }
  if (status == TRI_EINVAL) {
    run_finish(run, TRI_RUN_BAD_OPTIONS, "%s", error);
    return false;
  }
  run->player = &run->players[0];
  if (status == TRI_OK && tri_attach(run->heap, &run->player->m) != TRI_OK) {
    tri_heap_destroy(run->heap);
    status = TRI_ENOMEM;
  }
  if (status != TRI_OK) {
    run->heap = NULL;
    run->result->out_of_memory++;
    run->result->collector_dependent = true;
    run_finish(run, TRI_RUN_NO_HEAP, "no heap: %s", tri_status_name(status));
    return false;
  }
  run->player->owns = true;
  run_push_frame(run);
  return true;
}

bool run_collect(struct tri_run *run, enum tri_collect_kind kind) {
  collecting(run);
  return tri_collect(mutator(run), kind) == TRI_OK;
}

bool run_safepoint(struct tri_run *run) {
  collecting(run);
  tri_safepoint(mutator(run));
  return true;
}

bool op_start(struct tri_run *run) {
  if (!has(run, TRI_CAP_INCREMENTAL)) return run_collect(run, TRI_COLLECT_MINOR);
  collecting(run);
  return tri_collect_start(mutator(run)) == TRI_OK;
}

bool op_step(struct tri_run *run, size_t units) {
  if (!has(run, TRI_CAP_INCREMENTAL)) return run_safepoint(run);
  collecting(run);
  tri_collect_step(mutator(run), units);
  return true;
}

bool op_finish(struct tri_run *run) {
  if (!has(run, TRI_CAP_INCREMENTAL)) return run_collect(run, TRI_COLLECT_FULL);
  return op_start(run) && op_step(run, SIZE_MAX);
}

// A fresh object with its payload written; null when out of memory. May collect.
tri_ref run_allocate(struct tri_run *run, struct tri_shape shape) {
  if (run->zeal && ++run->since_zeal >= run->zeal) {
    run->since_zeal = 0;
    run_collect(run, TRI_COLLECT_FULL);
  }
  collecting(run);
  run->seed++;
  tri_ref object = tri_alloc(mutator(run), shape);
  if (tri_is_null(object)) {
    run_refused(run);
    return object;
  }
  run->result->allocations++;
  size_t bytes = tri_shape_bytes(shape);
  if (bytes) tri_payload_write(tri_raw(mutator(run), object), bytes, run->seed);
  run->fresh = object;
  run->fresh_from = 0;
  if (run->params->watch && run->params->watch->allocated)
    run->params->watch->allocated(run->params->watch->context, run, object);
  return object;
}

bool run_allocate_to(struct tri_run *run, uint32_t r, uint64_t n_refs, uint64_t n_bytes) {
  struct tri_shape shape;
  TRI_CHECK(tri_shape_make(n_refs, n_bytes, &shape));
  tri_ref fresh = run_allocate(run, shape);
  run_set_slot(run, r, fresh);
  if (!tri_is_null(fresh)) top(run)->private |= UINT32_C(1) << r;
  return !tri_is_null(fresh);
}

struct tri_handle *run_new_handle(struct tri_run *run, tri_ref ref) {
  struct tri_handle *handle = tri_handle_new(mutator(run), ref);
  if (!handle) run_refused(run);
  return handle;
}

bool op_heap(struct tri_run *run, uint64_t bytes) {
  if (run->heap || run->heap_bytes) return false;
  run->heap_bytes = bytes;
  return true;
}

bool op_option(struct tri_run *run, uint32_t number, uint32_t value) {
  uint32_t row = number % (uint32_t)(TRI_COMMON_OPTIONS + run->params->collector->n_options);
  if (run->heap || row == TRI_OPT_HEAP || run->n_settings == MAX_SETTINGS) return false;
  for (unsigned i = 0; i < run->n_settings; i++)
    if (run->settings[i].row == row) return false;
  run->settings[run->n_settings].row = row;
  run->settings[run->n_settings++].value = value;
  return true;
}

static void report_finding(void *context, const char *text) { tri_run_finding(context, text); }

bool op_verify(struct tri_run *run) {
  tri_verify(run->heap, &(struct tri_reporter){report_finding, run});
  return true;
}
