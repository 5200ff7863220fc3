// What every heap and mutator begins with, events and pauses, and the defaults of cold.def.
#include "tricolor/collector.h"

#include <stdio.h>
#include <string.h>

#include "common/os.h"
#include "common/world.h"

const char *tri_status_name(enum tri_status status) {
  switch (status) {
  case TRI_OK: return "ok";
  case TRI_ENOMEM: return "out of memory";
  case TRI_EINVAL: return "invalid argument";
  case TRI_ENOTSUP: return "not supported";
  case TRI_ECORRUPT: return "heap is damaged";
  }
  return "unknown status";
}

const char *tri_event_name(enum tri_event_kind kind) {
  static const char *const names[] = {
#define TRI_EVENT(name, stopped, doc) #name,
#include "tricolor/events.def"
#undef TRI_EVENT
  };
  return kind >= 0 && kind < TRI_EVENT_KINDS ? names[kind] : "UNKNOWN";
}

// ---------------------------------------------------------------------------------------------- heaps

enum tri_status tri_heap_create(const struct tri_collector *collector, const struct tri_heap_params *params,
                                struct tri_heap **heap) {
  static const struct tri_heap_params defaults;
  if (!params) params = &defaults;
  char unused[1], *error = params->error ? params->error : unused;
  size_t error_bytes = params->error ? params->error_bytes : sizeof unused;
  if (error_bytes) *error = 0;
  *heap = NULL;
  if (collector->abi != TRI_ABI || collector->size != sizeof(struct tri_collector)) {
    snprintf(error, error_bytes, "collector '%s' was built for contract %u (%u bytes), this is contract %u (%zu bytes)",
             collector->name, collector->abi, collector->size, TRI_ABI, sizeof(struct tri_collector));
    return TRI_EINVAL;
  }
  struct tri_heap_config config = {.sink = &params->sink};
  if (!tri_options_parse(params->options, collector->options, collector->n_options, &config, error, error_bytes))
    return TRI_EINVAL;
  if ((uint64_t)config.value[TRI_OPT_HEAP] < collector->caps.min_heap_bytes) {
    snprintf(error, error_bytes, "heap=%lld is too small for collector '%s': it needs at least %zu bytes",
             (long long)config.value[TRI_OPT_HEAP], collector->name, collector->caps.min_heap_bytes);
    return TRI_EINVAL;
  }
  enum tri_status status = collector->heap_create(collector, &config, heap);
  if (status != TRI_OK && error_bytes && !*error)
    snprintf(error, error_bytes,
             status == TRI_ENOTSUP ? "collector '%s' allows no more than %u heaps at one time (%s)"
                                   : "collector '%s' could not make one more of at most %u heaps: %s",
             collector->name, collector->caps.max_heaps, tri_status_name(status));
  return status;
}

enum tri_status tri_heap_init(struct tri_heap *heap, const struct tri_collector *ops,
                              const struct tri_heap_config *config) {
  heap->ops = ops;
  heap->caps = ops->caps.flags;
  heap->tells = ops->caps.tells;
  heap->sink = *config->sink;
  heap->world = tri_world_new();
  return heap->world ? TRI_OK : TRI_ENOMEM;
}

void tri_heap_fini(struct tri_heap *heap) {
  tri_world_free(heap->world);
  heap->world = NULL;
}

// ---------------------------------------------------------------------------------------------- events

void tri_emit(struct tri_heap *heap, enum tri_event_kind kind, uint64_t a, uint64_t b) {
  struct tri_event event = {.t_ns = tri_os_now_ns(), .kind = kind, .a = a, .b = b};
  struct tri_pauses *pauses = &heap->pauses;
  if (kind == TRI_EVENT_STOP_REQUEST) {
    pauses->begin_ns = event.t_ns;
  } else if (kind == TRI_EVENT_COLLECTION_END) {
    heap->epoch++;
  } else if (kind == TRI_EVENT_RESUME) {
    uint64_t pause = event.t_ns - pauses->begin_ns;
    pauses->count++;
    pauses->total_ns += pause;
    if (pause > pauses->max_ns) pauses->max_ns = pause;
  }
  if (heap->sink.event) heap->sink.event(heap->sink.context, heap, &event);
}

size_t tri_stats_get(struct tri_heap *heap, struct tri_stats *stats, size_t bytes) {
  struct tri_stats all = {.pauses = heap->pauses.count,
                          .pause_total_ns = heap->pauses.total_ns,
                          .pause_max_ns = heap->pauses.max_ns,
                          .collections = heap->epoch};
  heap->ops->stats_fill(heap, &all);
  if (bytes > sizeof all) bytes = sizeof all;
  memcpy(stats, &all, bytes);
  return bytes;
}

// ---------------------------------------------------------------------------------------------- allocation

enum tri_status tri_alloc_check(struct tri_mutator *m, struct tri_shape shape) {
  if (!tri_shape_valid(shape)) return TRI_EINVAL;
  enum tri_kind kind = tri_shape_kind(shape);
  if (kind == TRI_WEAK && !tri_has(m->heap, TRI_CAP_WEAK)) return TRI_ENOTSUP;
  if (kind == TRI_EPHEMERON && !tri_has(m->heap, TRI_CAP_EPHEMERON)) return TRI_ENOTSUP;
  if (tri_shape_extent(shape) > m->heap->ops->caps.max_object_bytes) return TRI_EINVAL;
  return TRI_OK;
}

tri_ref tri_alloc_failed(struct tri_mutator *m, enum tri_status status, struct tri_shape shape) {
  m->status = status;
  if (status == TRI_ENOMEM) tri_emit(m->heap, TRI_EVENT_OUT_OF_MEMORY, tri_shape_extent(shape), 0);
  return TRI_NULL;
}

// ---------------------------------------------------------------------------------------------- defaults

bool tri_default_pin(struct tri_mutator *m, tri_ref object) {
  (void)object;
  return !tri_has(m->heap, TRI_CAP_MOVES);
}
void tri_default_unpin(struct tri_mutator *m, tri_ref object) { (void)m, (void)object; }

enum tri_status tri_default_finalizer_add(struct tri_mutator *m, tri_ref object, uint64_t cookie) {
  (void)m, (void)object, (void)cookie;
  return TRI_ENOTSUP;
}
tri_ref tri_default_finalizer_next(struct tri_mutator *m, uint64_t *cookie) {
  (void)m, (void)cookie;
  return TRI_NULL;
}

enum tri_status tri_default_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  (void)m, (void)kind;
  return TRI_ENOTSUP;
}

enum tri_status tri_default_marking(struct tri_heap *heap, struct tri_marking *marking) {
  (void)heap;
  *marking = (struct tri_marking){0};
  return TRI_ENOTSUP;
}

bool tri_default_each_grey(struct tri_heap *heap, tri_grey_fn *visit, void *context) {
  return (void)heap, (void)visit, (void)context, true;
}
bool tri_default_each_remembered(struct tri_heap *heap, tri_remembered_fn *visit, void *context) {
  return (void)heap, (void)visit, (void)context, true;
}
void tri_default_hold(struct tri_heap *heap, bool hold) { (void)heap, (void)hold; }

bool tri_default_each_block(struct tri_heap *heap, tri_block_fn *visit, void *context) {
  return (void)heap, (void)visit, (void)context, true;
}
bool tri_default_each_counter(struct tri_heap *heap, tri_counter_fn *visit, void *context) {
  return (void)heap, (void)visit, (void)context, true;
}
bool tri_default_each_size_class(struct tri_heap *heap, tri_size_class_fn *visit, void *context) {
  return (void)heap, (void)visit, (void)context, true;
}

enum tri_status tri_default_collect_start(struct tri_mutator *m) { return (void)m, TRI_ENOTSUP; }

bool tri_default_collect_step(struct tri_mutator *m, size_t units) { return (void)m, (void)units, true; }

struct find {
  tri_ref ref;
  struct tri_object_info *info;
  bool found;
};

static bool find_object(void *context, const struct tri_object_info *info) {
  struct find *find = context;
  if (info->ref.bits != find->ref.bits) return true;
  *find->info = *info;
  find->found = true;
  return false;
}

enum tri_status tri_default_inspect(struct tri_heap *heap, tri_ref ref, struct tri_object_info *info) {
  struct find find = {ref, info, false};
  heap->ops->walk(heap, find_object, &find);
  return find.found ? TRI_OK : TRI_ECORRUPT;
}

struct sum {
  uint64_t objects, bytes;
};

static bool add_object(void *context, const struct tri_object_info *info) {
  struct sum *sum = context;
  sum->objects++;
  sum->bytes += info->bytes;
  return true;
}

size_t tri_default_verify(struct tri_heap *heap, const struct tri_reporter *reporter) {
  struct sum sum = {0};
  struct tri_stats stats;
  if (!heap->ops->walk(heap, add_object, &sum)) {
    reporter->report(reporter->context, "the heap cannot be walked to its end");
    return 1;
  }
  tri_stats_get(heap, &stats, sizeof stats);
  if (sum.objects == stats.live_objects && sum.bytes == stats.live_bytes) return 0;
  char text[160];
  snprintf(text, sizeof text, "a walk finds %llu objects in %llu bytes, the statistics say %llu in %llu",
           (unsigned long long)sum.objects, (unsigned long long)sum.bytes, (unsigned long long)stats.live_objects,
           (unsigned long long)stats.live_bytes);
  reporter->report(reporter->context, text);
  return 1;
}
