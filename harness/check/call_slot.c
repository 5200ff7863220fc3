// Calls on one object: slots, payload, shape, identity, explicit free.
#include "check/call.h"

// What a load of a slot returned.
static void check_loaded(struct tri_shadow *s, uint32_t id, size_t i, tri_ref ref) {
  s->looked[TRI_WHEN_SLOT]++;
  uint32_t target = edge(s, id, i);
  const struct model_object *t = target ? &s->model->object[target] : NULL;
  if (TRI_LIKELY(ref.bits == (t ? t->ref.bits : 0)) || (t && t->flags & MODEL_FREED)) return;
  uint32_t claimed = model_at(s->model, ref);
  struct tri_view view = {.object = id,
                          .slot = i,
                          .ref = ref,
                          .target = t,
                          .claimed = claimed,
                          .allocated = claimed != 0,
                          .visited = t && !tri_is_null(t->ref)};
  shadow_judge(s, TRI_WHEN_SLOT, &view);
}

static tri_ref shadow_load(struct tri_mutator *m, tri_ref object, size_t i) {
  uint32_t id;
  struct tri_shadow *s = enter_on(m, "load", object, &id);
  tri_ref ref = TRI_NULL;
  if (id && slots_argument(s, "load", id, i, 1)) {
    ref = s->shim.inner->load(m, object, i);
    check_loaded(s, id, i, ref);
  }
  leave(s);
  return ref;
}

static void shadow_store(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  uint32_t id, target;
  struct tri_shadow *s = enter_on(m, "store", object, &id);
  if (id && slots_argument(s, "store", id, i, 1) && value_argument(s, "store", value, &target)) {
    s->shim.inner->store(m, object, i, value);
    set_edge(s, id, i, target);
  }
  leave(s);
}

static bool check_init(struct tri_shadow *s, struct tri_mutator *m, uint32_t id, size_t i) {
  s->looked[TRI_WHEN_INIT]++;
  const struct model_object *o = &s->model->object[id];
  bool fresh = o->mutator == (uint8_t)m->id && o->turn == s->turn[m->id % SHADOW_TURNS];
  if (TRI_LIKELY(fresh && !model_edges(s->model, o)[i].writer)) return true;
  struct tri_view view = {.call = "init", .object = id, .slot = i};
  return shadow_judge(s, TRI_WHEN_INIT, &view);
}

static void shadow_init(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  uint32_t id, target;
  struct tri_shadow *s = enter_on(m, "init", object, &id);
  if (id && slots_argument(s, "init", id, i, 1) && value_argument(s, "init", value, &target) &&
      check_init(s, m, id, i)) {
    s->shim.inner->init(m, object, i, value);
    set_edge(s, id, i, target);
  }
  leave(s);
}

static tri_ref shadow_swap(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  uint32_t id, target;
  struct tri_shadow *s = enter_on(m, "swap", object, &id);
  tri_ref old = TRI_NULL;
  if (id && slots_argument(s, "swap", id, i, 1) && value_argument(s, "swap", value, &target)) {
    old = s->shim.inner->swap(m, object, i, value);
    check_loaded(s, id, i, old);
    set_edge(s, id, i, target);
  }
  leave(s);
  return old;
}

static void check_identity(struct tri_shadow *s, uint32_t id, size_t i, bool answer, bool expected) {
  s->looked[TRI_WHEN_SAME]++;
  if (TRI_LIKELY(answer == expected)) return;
  struct tri_view view = {.object = id, .slot = i, .answer = answer, .expected = expected};
  shadow_judge(s, TRI_WHEN_SAME, &view);
}

static bool shadow_cas(struct tri_mutator *m, tri_ref object, size_t i, tri_ref expected, tri_ref value) {
  uint32_t id, want, target;
  struct tri_shadow *s = enter_on(m, "cas", object, &id);
  bool done = false;
  if (id && slots_argument(s, "cas", id, i, 1) && value_argument(s, "cas", expected, &want) &&
      value_argument(s, "cas", value, &target)) {
    done = s->shim.inner->cas(m, object, i, expected, value);
    uint32_t held = edge(s, id, i);
    if (!(s->model->object[held].flags & MODEL_FREED)) check_identity(s, id, i, done, held == want);
    if (done) set_edge(s, id, i, target);
  }
  leave(s);
  return done;
}

static void shadow_copy(struct tri_mutator *m, tri_ref to, size_t to_i, tri_ref from, size_t from_i,
                        size_t n) {
  uint32_t to_id, from_id;
  struct tri_shadow *s = enter_on(m, "copy", to, &to_id);
  if (to_id && slots_argument(s, "copy", to_id, to_i, n) && (from_id = object_argument(s, "copy", from)) &&
      slots_argument(s, "copy", from_id, from_i, n)) {
    s->shim.inner->copy(m, to, to_i, from, from_i, n);
    bool down = to_id == from_id && to_i > from_i;
    for (size_t k = 0; k < n; k++) {
      size_t j = down ? n - 1 - k : k;
      set_edge(s, to_id, to_i + j, edge(s, from_id, from_i + j));
    }
  }
  leave(s);
}

static void shadow_fill(struct tri_mutator *m, tri_ref object, size_t i, size_t n, tri_ref value) {
  uint32_t id, target;
  struct tri_shadow *s = enter_on(m, "fill", object, &id);
  if (id && slots_argument(s, "fill", id, i, n) && value_argument(s, "fill", value, &target)) {
    s->shim.inner->fill(m, object, i, n, value);
    for (size_t k = 0; k < n; k++) set_edge(s, id, i + k, target);
  }
  leave(s);
}

static void *shadow_raw(struct tri_mutator *m, tri_ref object) {
  struct tri_shadow *s = enter(m);
  void *raw = NULL;
  uint32_t id = s->broken ? model_at(s->model, object) : object_argument(s, "raw", object);
  if (id) {
    struct model_object *o = &s->model->object[id];
    if (o->hashed == MODEL_HASH_HELD) o->hashed = 0; // a weak reference has led the program here
    raw = s->shim.inner->raw(m, object);
  }
  leave(s);
  return raw;
}

// What the program is told is the model's, so that its operation comes to an end after a finding, too.
static struct tri_shape shadow_shape(struct tri_mutator *m, tri_ref object) {
  uint32_t id;
  struct tri_shadow *s = enter_on(m, "shape", object, &id);
  if (id) {
    struct tri_shape shape = s->shim.inner->shape(m, object);
    s->looked[TRI_WHEN_OBJECT]++;
    if (TRI_UNLIKELY(!tri_shape_equal(shape, s->model->object[id].shape))) {
      const struct model_object *o = &s->model->object[id];
      struct tri_view view = {
          .object = id, .slot = SIZE_MAX, .model = o, .shape_call = shape, .payload = o->payload};
      shadow_judge(s, TRI_WHEN_OBJECT, &view);
    }
  }
  uint32_t known = model_at(s->model, object);
  struct tri_shape shape = known ? s->model->object[known].shape : (struct tri_shape){1};
  leave(s);
  return shape;
}

static bool shadow_same(struct tri_mutator *m, tri_ref a, tri_ref b) {
  struct tri_shadow *s = enter(m);
  bool same = false;
  uint32_t a_id, b_id;
  if (!s->broken && value_argument(s, "same", a, &a_id) && value_argument(s, "same", b, &b_id)) {
    same = s->shim.inner->same(m, a, b);
    check_identity(s, a_id, SIZE_MAX, same, a_id == b_id);
  }
  leave(s);
  return same;
}

static void shadow_free(struct tri_mutator *m, tri_ref object) {
  uint32_t id;
  struct tri_shadow *s = enter_on(m, "free", object, &id);
  if (id) {
    s->shim.inner->free(m, object);
    if (tri_has(s->heap, TRI_CAP_EXPLICIT_FREE)) model_forget(s->model, id);
  }
  leave(s);
}

void call_slot_override(struct tri_collector *record) {
  record->load = shadow_load;
  record->store = shadow_store;
  record->init = shadow_init;
  record->swap = shadow_swap;
  record->cas = shadow_cas;
  record->copy = shadow_copy;
  record->fill = shadow_fill;
  record->raw = shadow_raw;
  record->shape = shadow_shape;
  record->same = shadow_same;
  record->free = shadow_free;
}
