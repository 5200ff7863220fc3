// Two shims on one collector: order of calls and events, shared mutators, failing creation.
#include "shims/shim.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "tricolor/registry.h"

static int open_states;
static char trace[200];

static void note(const char *what) { strncat(trace, what, sizeof trace - strlen(trace) - 1); }

struct counter {
  struct tri_shim shim;
  uint64_t stores, attached;
};

static struct tri_shim *counter_open(const struct tri_shim_record *record, const struct tri_heap_config *config) {
  (void)config;
  if (record->options) return NULL; // any option means: fail
  open_states++;
  return calloc(1, sizeof(struct counter));
}

static void counter_close(struct tri_shim *shim) {
  open_states--;
  free(shim);
}

static const struct tri_shim_class inner_class, outer_class;

static void inner_store(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  struct counter *counter = (struct counter *)tri_shim_find(m->heap, &inner_class);
  note("i");
  counter->stores++;
  counter->shim.inner->store(m, object, i, value);
}
static void inner_override(struct tri_collector *record) { record->store = inner_store; }
static void inner_event(struct tri_shim *shim, struct tri_heap *heap, const struct tri_event *event) {
  (void)shim, (void)heap, (void)event;
  note("[i]");
}
static void inner_closing(struct tri_shim *shim, struct tri_heap *heap) {
  TRI_CHECK(tri_shim_find(heap, &inner_class) == shim);
  TRI_CHECK(!tri_shim_find(heap, &outer_class));
  note("-i");
}
static const struct tri_shim_class inner_class = {
    .name = "inner", .override = inner_override, .open = counter_open, .close = counter_close, .event = inner_event,
    .closing = inner_closing};

static void outer_store(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  struct counter *counter = (struct counter *)tri_shim_find(m->heap, &outer_class);
  note("o");
  counter->stores++;
  counter->shim.inner->store(m, object, i, value);
}
static enum tri_status outer_attach(struct tri_heap *heap, struct tri_mutator **m) {
  struct counter *counter = (struct counter *)tri_shim_find(heap, &outer_class);
  counter->attached++;
  return counter->shim.inner->attach(heap, m);
}
static void outer_override(struct tri_collector *record) {
  record->store = outer_store;
  record->attach = outer_attach;
}
static void outer_event(struct tri_shim *shim, struct tri_heap *heap, const struct tri_event *event) {
  (void)shim, (void)heap, (void)event;
  note("[o]");
}
static const struct tri_shim_class outer_class = {
    .name = "outer", .override = outer_override, .open = counter_open, .close = counter_close, .event = outer_event};

static void sink(void *context, struct tri_heap *heap, const struct tri_event *event) {
  (void)context, (void)heap;
  if (event->kind == TRI_EVENT_OUT_OF_MEMORY) note("[sink]");
}

static void stack_on(const struct tri_collector *collector) {
  struct tri_shim_record inner, outer;
  const struct tri_collector *shimmed =
      tri_shim_wrap(&outer, tri_shim_wrap(&inner, collector, &inner_class, NULL), &outer_class, NULL);
  struct tri_heap_params params = {.options = "heap=1m", .sink = {sink, NULL}};
  struct tri_heap *heap;
  struct tri_mutator *m;
  TRI_CHECK_EQ(tri_heap_create(shimmed, &params, &heap), TRI_OK);
  TRI_CHECK_EQ(open_states, 2);
  TRI_CHECK_EQ(tri_attach(heap, &m), TRI_OK);
  TRI_CHECK(m->ops == shimmed);
  TRI_FRAME(m, f, 1);
  tri_root_set(m, &f.slot[0], tri_alloc(m, TRI_SHAPE(2, 0)));
  trace[0] = 0;
  tri_store(m, f.slot[0], 1, f.slot[0]);
  TRI_CHECK_STR(trace, "oi");
  TRI_CHECK(tri_same(m, tri_load(m, f.slot[0], 1), f.slot[0]));
  struct counter *state = (struct counter *)tri_shim_find(heap, &inner_class);
  TRI_CHECK_EQ(state->stores, 1);
  TRI_CHECK_EQ(((struct counter *)tri_shim_find(heap, &outer_class))->attached, 1);
  trace[0] = 0;
  TRI_CHECK(tri_is_null(tri_alloc(m, TRI_SHAPE(1 << 17, 0)))); // as large as the heap
  if (m->status == TRI_ENOMEM) {
    size_t n = strlen(trace);
    TRI_CHECK_GE(n, strlen("[i][o][sink]"));
    TRI_CHECK_STR(trace + n - strlen("[i][o][sink]"), "[i][o][sink]");
  }
  TRI_FRAME_POP(m, f);
  tri_detach(m);
  trace[0] = 0;
  tri_heap_destroy(heap);
  TRI_CHECK_EQ(open_states, 0);
  TRI_CHECK_STR(trace, "-i");
}

// An outer state must not be left over when the inner shim cannot be made.
static void failing(const struct tri_collector *collector) {
  struct tri_shim_record inner, outer;
  const struct tri_collector *shimmed =
      tri_shim_wrap(&outer, tri_shim_wrap(&inner, collector, &inner_class, "fail"), &outer_class, NULL);
  struct tri_heap *heap;
  TRI_CHECK_EQ(tri_heap_create(shimmed, NULL, &heap), TRI_ENOMEM);
  TRI_CHECK_EQ(open_states, 0);
}

int main(void) {
  for (size_t i = 0; tri_collectors[i]; i++) {
    stack_on(tri_collectors[i]);
    failing(tri_collectors[i]);
  }
  return 0;
}
