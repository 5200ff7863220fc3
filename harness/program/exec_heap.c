// The heap of a run: its settings, how it is made, collections, and the one way to allocate.
#include "program/exec_state.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/check.h"
#include "common/schedule.h"
#include "program/payload.h"

bool run_refused(struct player *p) {
  p->tally.out_of_memory++;
  p->tally.collector_dependent = true;
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
  uint64_t bytes = run->heap_bytes ? run->heap_bytes : TRI_RUN_DEFAULT_HEAP;
  if (bytes < collector->caps.min_heap_bytes) bytes = collector->caps.min_heap_bytes;
  size_t used = (size_t)snprintf(to, room, "heap=%" PRIu64, bytes);
  for (unsigned i = 0; settings && i < run->n_settings && used < room; i++)
    used += print_option(to + used, room - used, option_row(collector, run->settings[i].row),
                         run->settings[i].value);
  if (run->params->options && *run->params->options && used < room)
    snprintf(to + used, room - used, ",%s", run->params->options);
}

static void told(void *context, struct tri_heap *heap, const struct tri_event *event) {
  struct tri_run *run = context;
  const struct tri_run_watch *watch = run->params->watch;
  tri_schedule_note((uint64_t)event->kind << 56 ^ event->a << 8 ^ event->b);
  if (watch && watch->sink.event) watch->sink.event(watch->sink.context, heap, event);
}

static enum tri_status make_heap(struct player *p) {
  struct tri_run *run = p->run;
  char options[1024], error[200] = "";
  struct tri_heap_params params = {.options = options, .sink = {told, run}, .error = error, .error_bytes = sizeof error};
  struct tri_heap *heap = NULL;
  print_options(run, true, options, sizeof options);
  enum tri_status status = tri_heap_create(run->params->collector, &params, &heap);
  if (status == TRI_EINVAL && run->n_settings) { // the program's settings do not go together
    print_options(run, false, options, sizeof options);
    status = tri_heap_create(run->params->collector, &params, &heap);
  }
  if (status == TRI_EINVAL) run_finish(p, TRI_RUN_BAD_OPTIONS, "%s", error);
  if (status == TRI_OK) run->heap = heap;
  return status;
}

// Where the collector has room for one mutator only, all players share that of m0.
static enum tri_status attach(struct player *p) {
  struct player *owner = has(p->run, TRI_CAP_MULTI_MUTATOR) ? p : &p->run->players[0];
  enum tri_status status = owner->m ? TRI_OK : tri_attach(p->run->heap, &owner->m);
  if (status != TRI_OK) return status;
  owner->owns = true;
  p->m = owner->m;
  if (p->depth == 0) run_push_frame(p);
  return TRI_OK;
}

// The heap and the first mutator come together.
static enum tri_status make_and_attach(struct player *p) {
  struct tri_run *run = p->run;
  enum tri_status status = make_heap(p);
  if (status == TRI_OK && (status = attach(p)) != TRI_OK) {
    tri_heap_destroy(run->heap);
    run->heap = NULL;
  }
  if (status == TRI_OK) return status;
  run_refused(p);
  run_finish(p, TRI_RUN_NO_HEAP, "no heap: %s", tri_status_name(status));
  return status;
}

bool run_attach(struct player *p) {
  struct tri_run *run = p->run;
  tri_mutex_lock_quietly(&run->lock);
  bool first = !run->heap;
  enum tri_status status = first ? make_and_attach(p) : TRI_OK;
  tri_mutex_unlock_quietly(&run->lock);
  if (!first && (status = attach(p)) != TRI_OK) run_refused(p); // again before its next operation
  return status == TRI_OK;
}

bool run_collect(struct player *p, enum tri_collect_kind kind) {
  collecting(p);
  return tri_collect(p->m, kind) == TRI_OK;
}

bool run_safepoint(struct player *p) {
  p->owes_poll = false;
  collecting(p);
  tri_safepoint(p->m);
  return true;
}

bool op_start(struct player *p) {
  if (!has(p->run, TRI_CAP_INCREMENTAL)) return run_collect(p, TRI_COLLECT_MINOR);
  collecting(p);
  return tri_collect_start(p->m) == TRI_OK;
}

bool op_step(struct player *p, size_t units) {
  if (!has(p->run, TRI_CAP_INCREMENTAL)) return run_safepoint(p);
  collecting(p);
  tri_collect_step(p->m, units);
  return true;
}

bool op_finish(struct player *p) {
  if (!has(p->run, TRI_CAP_INCREMENTAL)) return run_collect(p, TRI_COLLECT_FULL);
  return op_start(p) && op_step(p, SIZE_MAX);
}

tri_ref run_allocate(struct player *p, struct tri_shape shape) {
  const struct tri_run_watch *watch = p->run->params->watch;
  uint32_t zeal = TRI_RELAXED_LOAD(&p->run->zeal);
  if (zeal && ++p->since_zeal >= zeal) {
    p->since_zeal = 0;
    run_collect(p, TRI_COLLECT_FULL);
  }
  collecting(p);
  p->seed++;
  tri_ref object = tri_alloc(p->m, shape);
  if (tri_is_null(object)) {
    run_refused(p);
    return object;
  }
  p->tally.allocations++;
  size_t bytes = tri_shape_bytes(shape);
  if (bytes) tri_payload_write(tri_raw(p->m, object), bytes, p->seed);
  p->fresh = object;
  p->fresh_from = 0;
  if (watch && watch->allocated) watch->allocated(watch->context, p->run, object);
  return object;
}

bool run_allocate_to(struct player *p, uint32_t r, uint64_t n_refs, uint64_t n_bytes) {
  struct tri_shape shape;
  TRI_CHECK(tri_shape_make(n_refs, n_bytes, &shape));
  tri_ref fresh = run_allocate(p, shape);
  run_set_slot(p, r, fresh);
  if (!tri_is_null(fresh)) top(p)->private |= UINT32_C(1) << r;
  return !tri_is_null(fresh);
}

struct tri_handle *run_new_handle(struct player *p, tri_ref ref) {
  struct tri_handle *handle = tri_handle_new(p->m, ref);
  if (!handle) run_refused(p);
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

static void report_finding(void *context, const char *text) { tri_run_finding(context, "S8", text); }

bool op_verify(struct player *p) {
  tri_verify(p->run->heap, &(struct tri_reporter){report_finding, p->run});
  return true;
}
