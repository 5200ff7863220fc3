// Family G: the remembered set has every slot that refers to a younger generation, and nobody gets younger.
//
// Judged where a collection begins (what its barrier has recorded is still there) and where it ends
// (survivors may be young still), and when the program asks. Objects and edges are the model's, generations
// and entries what the collector tells.
#include <string.h>

#include "check/state.h"
#include "tricolor/object.h"

enum { G1_TELLS = TRI_TELLS_GENERATION | TRI_TELLS_REMEMBERED };

static bool judge_entry(void *context, const struct tri_remembered *entry) {
  struct tri_shadow *s = context;
  struct shadow_generations *generations = &s->generations;
  struct tri_object_info info;
  bool allocated = s->shim.inner->inspect(s->heap, entry->object, &info) == TRI_OK;
  struct tri_view view = {.slot = SIZE_MAX, .ref = entry->object, .entry = entry, .allocated = allocated};
  view.limit = allocated ? tri_shape_refs(info.shape) : 0;
  s->looked[TRI_WHEN_ENTRY]++;
  if (!shadow_judge(s, TRI_WHEN_ENTRY, &view)) return true;
  uint32_t id = model_at(s->model, entry->object);
  if (!id) return true; // garbage that the model has forgotten
  const struct model_object *o = &s->model->object[id];
  size_t n = tri_shape_refs(o->shape), first = entry->first < n ? entry->first : n;
  size_t count = entry->count < n - first ? entry->count : n - first;
  for (size_t i = o->first + first; count; i++, count--)
    generations->recorded[i / 64] |= UINT64_C(1) << i % 64;
  return true;
}

static void judge_slots(struct tri_shadow *s, uint32_t id) {
  const struct model *model = s->model;
  const struct model_object *o = &model->object[id];
  const struct tri_collector *inner = s->shim.inner;
  struct tri_object_info older, info;
  if (!tri_strong_refs(o->shape) || inner->inspect(s->heap, o->ref, &older) != TRI_OK || !older.generation)
    return;
  for (size_t i = 0, n = tri_strong_refs(o->shape); i < n; i++) {
    const struct model_object *t = &model->object[model->edge[o->first + i].id];
    if (t == model->object || !model_alive(t) || inner->inspect(s->heap, t->ref, &info) != TRI_OK ||
        info.generation >= older.generation)
      continue;
    s->looked[TRI_WHEN_OLD_SLOT]++;
    size_t edge = o->first + i;
    struct tri_view view = {.object = id,
                            .slot = i,
                            .target = t,
                            .older = &older,
                            .info = &info,
                            .recorded = s->generations.recorded[edge / 64] >> edge % 64 & 1};
    shadow_judge(s, TRI_WHEN_OLD_SLOT, &view);
  }
}

void shadow_judge_remembered(struct tri_shadow *s, uint32_t mark) {
  if ((s->heap->tells & G1_TELLS) != G1_TELLS) return;
  struct shadow_generations *generations = &s->generations;
  const struct model *model = s->model;
  size_t words = model->n_edges / 64 + 1;
  generations->recorded = shadow_room(generations->recorded, words, &generations->words, sizeof(uint64_t));
  memset(generations->recorded, 0, words * sizeof(uint64_t));
  s->shim.inner->each_remembered(s->heap, judge_entry, s);
  for (uint32_t id = 1; id < model->n_objects; id++) {
    const struct model_object *o = &model->object[id];
    if (model_alive(o) && o->mark == mark && !tri_is_null(o->ref)) judge_slots(s, id);
  }
}

void shadow_judge_ages(struct tri_shadow *s, uint32_t mark) {
  if (!(s->heap->tells & TRI_TELLS_GENERATION)) return;
  struct shadow_generations *generations = &s->generations;
  const struct model *model = s->model;
  size_t before = generations->ages;
  generations->age =
      shadow_room(generations->age, model->n_objects, &generations->ages, sizeof *generations->age);
  memset(generations->age + before, 0, (generations->ages - before) * sizeof *generations->age);
  for (uint32_t id = 1; id < model->n_objects; id++) {
    const struct model_object *o = &model->object[id];
    struct tri_object_info info;
    if (!model_alive(o) || o->mark != mark || tri_is_null(o->ref) ||
        s->shim.inner->inspect(s->heap, o->ref, &info) != TRI_OK)
      continue;
    struct shadow_age *age = &generations->age[id];
    // One that no collection has seen yet was young, and has survived its first.
    bool seen = age->serial == o->serial, born = o->serial > generations->begin;
    struct tri_object_info earlier = {.generation = seen ? age->generation : 0, .age = seen ? age->age : 0};
    if (seen || !born) { // not while the collection was under way
      s->looked[TRI_WHEN_AGE]++;
      struct tri_view view = {.object = id, .slot = SIZE_MAX, .info = &info, .older = &earlier};
      shadow_judge(s, TRI_WHEN_AGE, &view);
    }
    *age = (struct shadow_age){o->serial, info.generation, info.age};
  }
}
