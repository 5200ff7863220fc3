// Family M: what marking keeps true while it goes on, and what holds where it ends. A row needs colours and
// what marking has yet to look at, as the collector tells them (introspect.h); reachability is the model's.
//
// Declared points. MARK_STEP, and tri_shadow_check: the tricolour invariant that the barrier promises, and
// every edge deleted since MARK (SpiderMonkey's pre-barrier verifier does the same without ending the cycle).
// WEAK and SWEEP: nothing is left to look at. SWEEP: a second marker, the model, has found nothing that is
// not marked (as Go's checkmark and JavaScriptCore's verifier).
//
// Costs the heap per point. A point at MARK_STEP is left out until the program has done as much as looking at
// the heap costs, so that many small steps over a large heap stay affordable.
#include <string.h>

#include "check/guard.h"
#include "check/state.h"
#include "tricolor/collector.h"
#include "tricolor/object.h"

// -------------------------------------------------------------------------------- colours

static bool note_colour(void *context, const struct tri_object_info *info) {
  struct tri_shadow *s = context;
  s->marking.colour[model_at(s->model, info->ref)] = (uint8_t)info->colour;
  return true;
}

static bool note_grey(void *context, tri_ref object) {
  struct tri_shadow *s = context;
  s->marking.colour[model_at(s->model, object)] = TRI_GREY;
  return true;
}

// By id, of every object in the model, or of those with that mark (0: all). TRI_COLOUR_NONE for what the
// collector no longer knows.
static void look_at_colours(struct tri_shadow *s, uint32_t mark) {
  struct shadow_marking *marking = &s->marking;
  struct model *model = s->model;
  marking->colour = shadow_room(marking->colour, model->n_objects, &marking->colours, 1);
  memset(marking->colour, TRI_COLOUR_NONE, model->n_objects);
  if (s->shim.inner->inspect == tri_default_inspect) {
    s->shim.inner->walk(s->heap, note_colour, s);
  } else {
    struct tri_object_info info;
    for (uint32_t id = 1; id < model->n_objects; id++) {
      const struct model_object *o = &model->object[id];
      if (!model_alive(o) || tri_is_null(o->ref) || (mark && o->mark != mark)) continue;
      if (s->shim.inner->inspect(s->heap, o->ref, &info) == TRI_OK)
        marking->colour[id] = (uint8_t)info.colour;
    }
  }
  s->shim.inner->each_grey(s->heap, note_grey, s);
}

// -------------------------------------------------------------------------------- deleted edges

// An edge that is there when marking begins has a bit until it is overwritten.
static void take_edges(struct tri_shadow *s) {
  struct shadow_marking *marking = &s->marking;
  const struct model *model = s->model;
  uint32_t mark = shadow_reach(s);
  marking->n_words = model->n_edges / 64 + 1;
  marking->edges = shadow_room(marking->edges, marking->n_words, &marking->words, sizeof *marking->edges);
  memset(marking->edges, 0, marking->n_words * sizeof *marking->edges);
  for (uint32_t id = 1; id < model->n_objects; id++) {
    const struct model_object *o = &model->object[id];
    if (!model_alive(o) || o->mark != mark) continue;
    for (size_t i = o->first, end = i + tri_strong_refs(o->shape); i < end; i++)
      if (model->edge[i].id) marking->edges[i / 64] |= UINT64_C(1) << i % 64;
  }
}

static bool take_bit(struct shadow_marking *marking, size_t edge) {
  if (edge / 64 >= marking->n_words) return false;
  uint64_t bit = UINT64_C(1) << edge % 64, *word = &marking->edges[edge / 64];
  bool had = *word & bit;
  *word &= ~bit;
  return had;
}

void shadow_note_overwritten(struct tri_shadow *s, uint32_t id, size_t i, uint32_t target) {
  struct shadow_marking *marking = &s->marking;
  size_t edge = s->model->object[id].first + i;
  uint32_t old = s->model->edge[edge].id;
  if (!marking->n_words || !tri_strong_refs(s->model->object[id].shape) || !take_bit(marking, edge)) return;
  if (old == target) return;
  marking->deleted =
      shadow_room(marking->deleted, marking->n_deleted + 1, &marking->deletions, sizeof *marking->deleted);
  marking->deleted[marking->n_deleted++] = (struct shadow_deletion){id, old, (uint32_t)i};
}

// What is no longer white stays so: it is looked at once.
static void judge_deletions(struct tri_shadow *s) {
  struct shadow_marking *marking = &s->marking;
  for (size_t k = 0; k < marking->n_deleted; k++) {
    const struct shadow_deletion deletion = marking->deleted[k];
    const struct model_object *o = &s->model->object[deletion.object],
                              *t = &s->model->object[deletion.target];
    if (!model_alive(t)) continue;
    s->looked[TRI_WHEN_DELETED]++;
    struct tri_view view = {.object = model_alive(o) ? deletion.object : 0,
                            .slot = deletion.slot,
                            .target = t,
                            .colour = marking->colour[deletion.target]};
    shadow_judge(s, TRI_WHEN_DELETED, &view);
  }
  marking->n_deleted = 0;
}

// -------------------------------------------------------------------------------- the tricolour invariant

// Objects that will be reached without the edges of black ones: through white objects from grey ones, and
// from roots where these are still to be scanned. Marks: `black`, or `black + 1` for those.
static void trace_shielded(struct tri_shadow *s, const struct tri_marking *now, uint32_t black) {
  struct model *model = s->model;
  const uint8_t *colour = s->marking.colour;
  model->ephemerons.n = 0;
  for (uint32_t id = 1; id < model->n_objects; id++) {
    struct model_object *o = &model->object[id];
    if (!model_alive(o) || colour[id] != TRI_BLACK) continue;
    o->mark = black;
    if (tri_shape_kind(o->shape) == TRI_EPHEMERON) // its value is marked once its key is
      model_push(&model->ephemerons, id);
  }
  for (uint32_t id = 1; id < model->n_objects; id++)
    if (colour[id] == TRI_GREY) model_trace_from(model, id, black, black + 1);
  for (size_t i = 0; now->roots_grey && i < model->roots.capacity; i++)
    if (model->roots.entry[i].stamp == model->roots.stamp)
      model_trace_from(model, model->roots.entry[i].id, black, black + 1);
  model_trace_from(model, 0, black, black + 1);
}

static void judge_black_edge(struct tri_shadow *s, const struct tri_marking *now, uint32_t black,
                             uint32_t object, size_t slot, const tri_ref *root, uint32_t target) {
  const struct model_object *t = &s->model->object[target];
  if (!target || !model_alive(t)) return;
  s->looked[TRI_WHEN_BLACK_EDGE]++;
  if (TRI_LIKELY(s->marking.colour[target] == TRI_BLACK)) return;
  struct tri_view view = {.object = object,
                          .slot = slot,
                          .root = root,
                          .target = t,
                          .colour = s->marking.colour[target],
                          .marking = now,
                          .shielded = t->mark >= black};
  shadow_judge(s, TRI_WHEN_BLACK_EDGE, &view);
}

static void judge_tricolour(struct tri_shadow *s, const struct tri_marking *now) {
  struct model *model = s->model;
  uint32_t black = model->mark + 1;
  model->mark += 2;
  s->reach_valid = false; // these marks replace those
  trace_shielded(s, now, black);
  for (uint32_t id = 1; id < model->n_objects; id++) {
    const struct model_object *o = &model->object[id];
    if (!model_alive(o) || s->marking.colour[id] != TRI_BLACK) continue;
    const struct model_edge *edge = model_edges(model, o);
    for (size_t i = 0, n = tri_strong_refs(o->shape); i < n; i++)
      judge_black_edge(s, now, black, id, i, NULL, edge[i].id);
  }
  for (size_t i = 0; !now->roots_grey && i < model->roots.capacity; i++) {
    const struct model_entry *e = &model->roots.entry[i];
    if (e->stamp == model->roots.stamp) judge_black_edge(s, now, black, 0, 0, (const tri_ref *)e->key, e->id);
  }
}

static void judge_born(struct tri_shadow *s, const struct tri_marking *now, uint32_t id,
                       enum tri_colour colour) {
  s->looked[TRI_WHEN_BORN]++;
  struct tri_view view = {.object = id, .slot = SIZE_MAX, .colour = colour, .marking = now};
  shadow_judge(s, TRI_WHEN_BORN, &view);
}

void shadow_note_born(struct tri_shadow *s, uint32_t id) {
  const struct model_object *o = &s->model->object[id];
  for (size_t i = 0, n = tri_shape_refs(o->shape); i < n; i++) take_bit(&s->marking, o->first + i);
  struct tri_marking now;
  struct tri_object_info info;
  if (s->running != 1 || s->shim.inner->marking(s->heap, &now) != TRI_OK || !now.active ||
      s->shim.inner->inspect(s->heap, o->ref, &info) != TRI_OK)
    return;
  judge_born(s, &now, id, info.colour);
}

static void point(void *context) {
  struct tri_shadow *s = context;
  struct tri_marking now;
  if (s->shim.inner->marking(s->heap, &now) != TRI_OK || !now.active) return;
  look_at_colours(s, 0);
  for (uint32_t id = 1; id < s->model->n_objects; id++)
    if (model_alive(&s->model->object[id]) && s->model->object[id].serial > s->marking.since)
      judge_born(s, &now, id, s->marking.colour[id]);
  judge_deletions(s);
  judge_tricolour(s, &now);
}

void shadow_marking_point(struct tri_shadow *s) {
  if (s->marking.on && !tri_guarded(point, s)) shadow_faulted(s);
}

// -------------------------------------------------------------------------------- where marking ends

struct queue {
  uint64_t n;
  tri_ref first;
};

static bool count_grey(void *context, tri_ref object) {
  struct queue *queue = context;
  if (!queue->n++) queue->first = object;
  return true;
}

static void judge_queue(struct tri_shadow *s) {
  struct queue queue = {0};
  s->shim.inner->each_grey(s->heap, count_grey, &queue);
  s->looked[TRI_WHEN_QUEUE]++;
  struct tri_view view = {.slot = SIZE_MAX, .ref = queue.first, .count = queue.n};
  shadow_judge(s, TRI_WHEN_QUEUE, &view);
}

static void judge_marked(struct tri_shadow *s) {
  const struct model *model = s->model;
  uint32_t reached = shadow_reach(s);
  look_at_colours(s, reached);
  for (uint32_t id = 1; id < model->n_objects; id++) {
    const struct model_object *o = &model->object[id];
    if (!model_alive(o) || o->mark != reached || tri_is_null(o->ref)) continue;
    s->looked[TRI_WHEN_MARKED]++;
    if (TRI_LIKELY(s->marking.colour[id] == TRI_BLACK)) continue;
    struct tri_view view = {.object = id, .slot = SIZE_MAX, .model = o, .colour = s->marking.colour[id]};
    shadow_judge(s, TRI_WHEN_MARKED, &view);
  }
}

static void at_event(void *context) {
  struct tri_shadow *s = context;
  struct shadow_marking *marking = &s->marking;
  struct tri_marking now;
  switch (marking->event) {
  case TRI_EVENT_MARK:
    s->shim.inner->marking(s->heap, &now);
    marking->since = s->model->serial;
    marking->on = now.barrier != TRI_BARRIER_NONE;
    marking->n_deleted = marking->n_words = 0;
    if (now.barrier == TRI_BARRIER_SNAPSHOT || now.barrier == TRI_BARRIER_HYBRID) take_edges(s);
    break;
  case TRI_EVENT_MARK_STEP:
    if (!shadow_affords(s, &marking->next_point)) break;
    point(s);
    shadow_judge_counters(s);
    break;
  case TRI_EVENT_WEAK:
    shadow_judge_counters(s);
    judge_queue(s);
    if (marking->on) {
      look_at_colours(s, 0);
      judge_deletions(s);
    }
    break;
  case TRI_EVENT_SWEEP:
    shadow_judge_counters(s);
    judge_queue(s);
    judge_marked(s);
    marking->on = false;
    break;
  default:
    break;
  }
}

void shadow_marking_event(struct tri_shadow *s, enum tri_event_kind event) {
  if (!(s->heap->tells & TRI_TELLS_MARKING)) return;
  s->marking.event = event;
  if (!tri_guarded(at_event, s)) shadow_faulted(s);
}
