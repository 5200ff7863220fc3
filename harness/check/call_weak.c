// Weak references and ephemerons.
#include "check/call.h"

static void shadow_weak_set(struct tri_mutator *m, tri_ref weak, tri_ref target) {
  uint32_t id, target_id;
  struct tri_shadow *s = enter_on(m, "weak_set", weak, &id);
  if (id && kind_argument(s, "weak_set", id, TRI_WEAK) && value_argument(s, "weak_set", target, &target_id)) {
    s->shim.inner->weak_set(m, weak, target);
    set_edge(s, id, 0, target_id);
  }
  leave(s);
}

// Does a conservative collector still know an object there?
static bool known(const struct tri_shadow *s, tri_ref ref) {
  struct tri_object_info info;
  return tri_has(s->heap, TRI_CAP_CONSERVATIVE) && s->shim.inner->inspect(s->heap, ref, &info) == TRI_OK;
}

// What a getter of a weak object returned for slot i, which lives as long as the target or key in slot 0.
static void check_weak(struct tri_shadow *s, enum tri_when when, uint32_t id, size_t i, tri_ref ref) {
  s->looked[when]++;
  uint32_t target = edge(s, id, i), holder = edge(s, id, 0);
  if (tri_is_null(ref) && !target) return;
  struct tri_view view = {
      .object = id, .slot = i, .ref = ref, .cleared = tri_is_null(ref), .value_cleared = true};
  if (holder) view.target = &s->model->object[holder];
  bool gone = view.target && view.target->flags & MODEL_FREED;
  // Gone by tri_free, or kept by a stray word: the program's affair, or the collector's.
  if (gone && (view.cleared || tri_has(s->heap, TRI_CAP_EXPLICIT_FREE) || known(s, ref))) return;
  view.identical = !gone && target && ref.bits == s->model->object[target].ref.bits;
  if (view.cleared)
    view.reachable =
        holder && !(s->model->object[id].flags & MODEL_STALE) && !model_unreachable(s->model, holder, false);
  shadow_judge(s, when, &view);
  if (view.cleared && target)
    for (size_t k = 0; k <= (when == TRI_WHEN_EPHEMERON); k++) set_edge(s, id, k, 0);
  if (view.identical) model_revived(s->model, target);
}

static tri_ref shadow_weak_get(struct tri_mutator *m, tri_ref weak) {
  uint32_t id;
  struct tri_shadow *s = enter_on(m, "weak_get", weak, &id);
  tri_ref ref = TRI_NULL;
  if (id && kind_argument(s, "weak_get", id, TRI_WEAK)) {
    ref = s->shim.inner->weak_get(m, weak);
    check_weak(s, TRI_WHEN_WEAK, id, 0, ref);
  }
  leave(s);
  return ref;
}

static void shadow_ephemeron_set(struct tri_mutator *m, tri_ref ephemeron, tri_ref key, tri_ref value) {
  uint32_t id, key_id, value_id;
  struct tri_shadow *s = enter_on(m, "ephemeron_set", ephemeron, &id);
  if (id && kind_argument(s, "ephemeron_set", id, TRI_EPHEMERON) &&
      value_argument(s, "ephemeron_set", key, &key_id) &&
      value_argument(s, "ephemeron_set", value, &value_id)) {
    s->shim.inner->ephemeron_set(m, ephemeron, key, value);
    set_edge(s, id, 0, key_id);
    set_edge(s, id, 1, value_id);
  }
  leave(s);
}

static tri_ref ephemeron_get(struct tri_mutator *m, tri_ref ephemeron, const char *call, size_t i) {
  uint32_t id;
  struct tri_shadow *s = enter_on(m, call, ephemeron, &id);
  tri_ref ref = TRI_NULL;
  tri_ref (*get)(struct tri_mutator *, tri_ref) =
      i ? s->shim.inner->ephemeron_value : s->shim.inner->ephemeron_key;
  if (id && kind_argument(s, call, id, TRI_EPHEMERON)) {
    ref = get(m, ephemeron);
    check_weak(s, TRI_WHEN_EPHEMERON, id, i, ref);
  }
  leave(s);
  return ref;
}

static tri_ref shadow_ephemeron_key(struct tri_mutator *m, tri_ref ephemeron) {
  return ephemeron_get(m, ephemeron, "ephemeron_key", 0);
}

static tri_ref shadow_ephemeron_value(struct tri_mutator *m, tri_ref ephemeron) {
  return ephemeron_get(m, ephemeron, "ephemeron_value", 1);
}

void call_weak_override(struct tri_collector *record) {
  record->weak_set = shadow_weak_set;
  record->weak_get = shadow_weak_get;
  record->ephemeron_set = shadow_ephemeron_set;
  record->ephemeron_key = shadow_ephemeron_key;
  record->ephemeron_value = shadow_ephemeron_value;
}
