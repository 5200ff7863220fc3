// Stand-ins for what no collector of this tree does yet. The rows look at events and counters only, so a
// stand-in that tells the events in another order, or from another thread, is enough to see that they can be
// passed.
#include "conform.h"

#include "common/actor.h"

static const struct tri_collector *real; // what the stand-in is built on
static struct tri_collector stand_in;
static struct tri_event_sink outer; // the program's sink, behind `interpose`
static void (*interpose)(void *context, struct tri_heap *heap, const struct tri_event *event);

static enum tri_status create_interposed(const struct tri_collector *self,
                                         const struct tri_heap_config *config, struct tri_heap **heap) {
  struct tri_heap_config interposed = *config;
  struct tri_event_sink sink = {interpose, NULL};
  outer = *config->sink;
  interposed.sink = &sink;
  return real->heap_create(self, &interposed, heap);
}

static struct tri_collector *stand_in_for(const char *name, uint64_t claims,
                                          void (*sink)(void *, struct tri_heap *, const struct tri_event *)) {
  real = tri_collector_find(name);
  if (!real) return NULL;
  stand_in = *real;
  stand_in.caps.flags |= claims;
  interpose = sink;
  stand_in.heap_create = create_interposed;
  return &stand_in;
}

// The end of a collection is told after the pause that did its work.
static struct tri_event held;
static void hold_end(void *context, struct tri_heap *heap, const struct tri_event *event) {
  (void)context;
  if (event->kind == TRI_EVENT_COLLECTION_END) {
    held = *event;
    return;
  }
  outer.event(outer.context, heap, event);
  if (event->kind != TRI_EVENT_RESUME || held.kind != TRI_EVENT_COLLECTION_END) return;
  outer.event(outer.context, heap, &held);
  held.kind = TRI_EVENT_RESUME;
}

struct telling {
  struct tri_heap *heap;
  const struct tri_event *event;
};
static void tell_event(void *argument) {
  const struct telling *telling = argument;
  outer.event(outer.context, telling->heap, telling->event);
}

// MARK is told by a second thread, which is there meanwhile.
static void mark_elsewhere(void *context, struct tri_heap *heap, const struct tri_event *event) {
  if (event->kind != TRI_EVENT_MARK) {
    hold_end(context, heap, event);
    return;
  }
  struct telling telling = {heap, event};
  struct tri_actor marker;
  if (!tri_actor_spawn(&marker, TRI_ACTOR_MARKER, tell_event, &telling)) return;
  tri_actor_join(&marker);
}
static const struct tri_collector *tell_CONCURRENT(void) {
  return stand_in_for("marksweep", TRI_CAP_CONCURRENT, mark_elsewhere);
}
static const struct tri_collector *tell_PARALLEL(void) {
  return stand_in_for("marksweep", TRI_CAP_PARALLEL, mark_elsewhere);
}

const struct conform_lie conform_truths[] = {
    {"CONCURRENT", tell_CONCURRENT},
    {"PARALLEL", tell_PARALLEL},
    {0},
};
