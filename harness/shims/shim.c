// Stacking of collector records: creation from the outside in, destruction and events from the inside out.
#include "shims/shim.h"

static void shim_event(void *context, struct tri_heap *heap, const struct tri_event *event) {
  struct tri_shim *shim = context;
  if (shim->class->event) shim->class->event(shim, heap, event);
  if (shim->outer.event) shim->outer.event(shim->outer.context, heap, event);
}

static enum tri_status shim_heap_create(const struct tri_collector *self, const struct tri_heap_config *config,
                                        struct tri_heap **out) {
  const struct tri_shim_record *record = (const struct tri_shim_record *)self;
  struct tri_shim *shim = record->class->open(record, config);
  if (!shim) return TRI_ENOMEM;
  shim->class = record->class;
  shim->inner = record->inner;
  shim->outer = *config->sink;
  struct tri_event_sink chained = {shim_event, shim};
  struct tri_heap_config inner_config = *config;
  inner_config.sink = &chained;
  enum tri_status status = record->inner->heap_create(record->inner, &inner_config, out);
  if (status != TRI_OK) {
    record->class->close(shim);
    return status;
  }
  struct tri_heap *heap = *out;
  shim->next = heap->shims;
  heap->shims = shim;
  heap->ops = self;
  if (record->class->opened) record->class->opened(shim, heap);
  return TRI_OK;
}

// Takes the shims off one by one, the outermost first: inside, the next one is the outermost.
static void shim_heap_destroy(struct tri_heap *heap) {
  struct tri_shim *shim = heap->shims;
  if (shim->class->closing) shim->class->closing(shim, heap);
  heap->shims = shim->next;
  heap->ops = shim->inner;
  shim->inner->heap_destroy(heap);
  shim->class->close(shim);
}

const struct tri_collector *tri_shim_wrap(struct tri_shim_record *record, const struct tri_collector *inner,
                                          const struct tri_shim_class *class, const void *options) {
  *record = (struct tri_shim_record){.record = *inner, .inner = inner, .class = class, .options = options};
  class->override(&record->record);
  record->record.heap_create = shim_heap_create;
  record->record.heap_destroy = shim_heap_destroy;
  return &record->record;
}
