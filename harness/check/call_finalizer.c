// Finalizers and pins: what the collector keeps for an object beside its slots.
#include "check/call.h"

static bool shadow_pin(struct tri_mutator *m, tri_ref object) {
  uint32_t id;
  struct tri_shadow *s = enter_on(m, "pin", object, &id);
  bool pinned = false;
  if (id) {
    pinned = s->shim.inner->pin(m, object);
    if (pinned) s->model->object[id].pins++;
  }
  leave(s);
  return pinned;
}

static void shadow_unpin(struct tri_mutator *m, tri_ref object) {
  uint32_t id;
  struct tri_shadow *s = enter_on(m, "unpin", object, &id);
  if (id) {
    s->shim.inner->unpin(m, object);
    if (s->model->object[id].pins) s->model->object[id].pins--;
  }
  leave(s);
}

static enum tri_status shadow_finalizer_add(struct tri_mutator *m, tri_ref object, uint64_t cookie) {
  enum tri_status status = TRI_EINVAL;
  uint32_t id;
  struct tri_shadow *s = enter_on(m, "finalizer_add", object, &id);
  if (id) {
    status = s->shim.inner->finalizer_add(m, object, cookie);
    if (status == TRI_OK) model_register(s->model, id, cookie);
  }
  leave(s);
  return status;
}

// The registration that the queue handed out: by address, or where a moving collector has kept the object out
// of sight, by cookie and shape.
static uint32_t find_registration(struct tri_shadow *s, struct tri_mutator *m, tri_ref ref, uint64_t cookie) {
  const struct model *model = s->model;
  uint32_t id = model_at(model, ref), found = UINT32_MAX;
  for (uint32_t i = 0; i < model->n_registrations; i++) {
    const struct model_registration *r = &model->registration[i];
    const struct model_object *o = &model->object[r->id];
    if (r->cookie != cookie) continue;
    bool match =
        id ? r->id == id : tri_is_null(o->ref) && tri_shape_equal(o->shape, s->shim.inner->shape(m, ref));
    if (match && (r->dead || found == UINT32_MAX)) {
      found = i;
      if (r->dead) break;
    }
  }
  return found;
}

static tri_ref shadow_finalizer_next(struct tri_mutator *m, uint64_t *cookie) {
  struct tri_shadow *s = enter(m);
  tri_ref ref = s->broken ? TRI_NULL : s->shim.inner->finalizer_next(m, cookie);
  if (!tri_is_null(ref)) {
    s->looked[TRI_WHEN_FINALIZER]++;
    struct tri_view view = {.slot = SIZE_MAX, .ref = ref, .cookie = *cookie, .intact = true};
    uint32_t found = find_registration(s, m, ref, *cookie);
    uint32_t id = found == UINT32_MAX ? 0 : s->model->registration[found].id;
    if (id) {
      view.registered = true;
      view.object = id;
      if (!s->model->registration[found].dead) model_asked(s->model);
      view.dead = s->model->registration[found].dead;
      view.intact = shadow_adopt(s, m, id, ref);
    }
    if (shadow_judge(s, TRI_WHEN_FINALIZER, &view)) model_handed_out(s->model, found);
  }
  leave(s);
  return ref;
}

void call_finalizer_override(struct tri_collector *record) {
  record->pin = shadow_pin;
  record->unpin = shadow_unpin;
  record->finalizer_add = shadow_finalizer_add;
  record->finalizer_next = shadow_finalizer_next;
}
