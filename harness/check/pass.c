// The end of a collection: the real graph and the model in lockstep, in the order of decreasing safety. A
// slot's value is looked up among the allocated objects before anything is read through it; then shape,
// extent, payload; only then its slots are followed.
//
// Marks of a pass, all above those of earlier ones: `reached` from the roots; `held` by registered objects
// that are not reached (no slot of the program leads there, so a moving collector may keep them out of
// sight); `retained` because a weak reference or ephemeron was not cleared (so it leads there), or garbage
// that plain counting keeps.
#include <stdlib.h>
#include <string.h>

#include "check/guard.h"
#include "check/state.h"
#include "tricolor/collector.h"
#include "tricolor/object.h"

struct pass {
  struct tri_shadow *s;
  struct model *model;
  const struct tri_collector *inner;
  struct tri_mutator *m; // any attached one
  struct shadow_pass what;
  uint32_t reached, held, retained;
  uint32_t level; // the mark that objects get now
  bool adopting;  // not at the end of a collection but at one object: what has an address is known
  bool walked;    // walked[] and walked_at are good
  bool inspect;   // the collector can be asked for single objects
  bool walk_ended, walk_twice;
  uint64_t walked_bytes;
  uint64_t queued_least, queued_most;
  char verify[200];
  size_t n_verify;
};

// -------------------------------------------------------------------------------- payloads

// Memory that the collector may have freed by mistake is read here: not a matter for AddressSanitizer. Four
// lanes, because one chain of multiplications would take most of the time of a pass over large payloads.
TRI_NO_ASAN static uint64_t shadow_hash(const void *p, size_t n) {
  static const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
  const uint64_t *word = p; // payloads begin at a multiple of 8
  uint64_t lane[4] = {n, odd, ~odd, n * odd};
  for (; n >= 32; n -= 32, word += 4)
    for (size_t i = 0; i < 4; i++) {
      lane[i] = (lane[i] ^ word[i]) * odd;
      lane[i] ^= lane[i] >> 32;
    }
  const unsigned char *byte = (const unsigned char *)word;
  for (; n; n--, byte++) lane[n & 3] = (lane[n & 3] ^ *byte) * odd;
  for (size_t i = 1; i < 4; i++) lane[0] = ((lane[0] ^ lane[0] >> 29) + lane[i]) * odd;
  return lane[0] ^ lane[0] >> 32;
}

// Of large payloads the ends and an eighth of what is between: a copy that stops early, a page lost or
// swapped, is seen; the workloads' and the executor's own checks look at every byte.
enum { HASHED_WHOLE = 16 << 10, HASHED_END = 4 << 10, HASHED_EACH = 512, HASHED_SAMPLE = 64 };

static uint64_t hash_payload(const struct model_object *o) {
  const unsigned char *payload =
      (const unsigned char *)((const tri_ref *)o->ref.bits + tri_shape_refs(o->shape));
  size_t n = tri_shape_bytes(o->shape);
  if (n <= HASHED_WHOLE) return shadow_hash(payload, n);
  uint64_t hash = shadow_hash(payload, HASHED_END) ^ n;
  for (size_t at = HASHED_END; at < n - HASHED_END; at += HASHED_EACH)
    hash = hash * 31 + shadow_hash(payload + at, HASHED_SAMPLE);
  size_t end = (n - HASHED_END) & ~(size_t)7;
  return hash * 31 + shadow_hash(payload + end, n - end);
}

uint32_t shadow_reach(struct tri_shadow *s) {
  struct model *model = s->model;
  if (s->reach_valid) return s->reach;
  s->reach = model->mark + 1;
  s->held = model->mark += 2;
  s->reach_valid = true;
  model_trace_roots(model, s->reach);
  for (uint32_t i = 0; i < model->n_registrations; i++)
    model_trace_from(model, model->registration[i].id, s->reach, s->held);
  return s->reach;
}

static void take_snapshot(void *context) {
  struct tri_shadow *s = context;
  struct model *model = s->model;
  uint32_t mark = shadow_reach(s); // and s->held
  for (uint32_t id = 1; id < model->n_objects; id++) {
    struct model_object *o = &model->object[id];
    if (!model_alive(o) || o->mark < mark || tri_is_null(o->ref) || !tri_shape_bytes(o->shape)) continue;
    o->payload = hash_payload(o);
    o->hashed = s->snapshot;
  }
}

void shadow_faulted(struct tri_shadow *s) {
  struct tri_view view = {.slot = SIZE_MAX, .faulted = true};
  shadow_judge(s, TRI_WHEN_SLOT, &view);
  s->broken = true;
}

void shadow_take_snapshot(struct tri_shadow *s) {
  s->snapshot++;
  s->snapshot_valid = true;
  if (!tri_guarded(take_snapshot, s)) shadow_faulted(s);
}

// -------------------------------------------------------------------------------- the real heap

static bool add_walked(void *context, const struct tri_object_info *info) {
  struct pass *p = context;
  struct tri_shadow *s = p->s;
  s->walked = shadow_room(s->walked, s->n_walked + 1, &s->walked_capacity, sizeof *s->walked);
  s->walked[s->n_walked++] = *info;
  p->walked_bytes += info->bytes;
  return true;
}

static int by_start(const void *a, const void *b) {
  const struct tri_object_info *x = a, *y = b;
  return x->start < y->start ? -1 : x->start > y->start;
}

static void walk(struct pass *p) {
  struct tri_shadow *s = p->s;
  s->n_walked = 0;
  p->walked_bytes = 0;
  p->walk_ended = p->inner->walk(s->heap, add_walked, p);
  bool sorted = true;
  for (size_t i = 1; i < s->n_walked && sorted; i++) sorted = s->walked[i - 1].start <= s->walked[i].start;
  if (!sorted) qsort(s->walked, s->n_walked, sizeof *s->walked, by_start);
  model_map_clear(&s->walked_at);
  for (size_t i = 0; i < s->n_walked; i++) {
    struct model_entry *e = model_map_insert(&s->walked_at, s->walked[i].ref.bits);
    p->walk_twice |= e->id != 0;
    e->id = (uint32_t)i + 1;
  }
  p->walked = true;
}

static void judge_walk(struct pass *p) {
  struct tri_shadow *s = p->s;
  if (!p->walked) return;
  s->looked[TRI_WHEN_EXTENT] += s->n_walked;
  for (size_t i = 0; i < s->n_walked; i++) {
    const struct tri_object_info *info = &s->walked[i], *after = i + 1 < s->n_walked ? info + 1 : NULL;
    uintptr_t end = info->start + info->bytes;
    if (info->start <= info->ref.bits && end >= info->ref.bits + tri_shape_extent(info->shape) &&
        (!after || after->start >= end))
      continue; // the usual case, without a call
    struct tri_view view = {
        .object = model_at(p->model, info->ref), .slot = SIZE_MAX, .info = info, .after = after};
    if (!shadow_judge(s, TRI_WHEN_EXTENT, &view)) break;
  }
}

// The collector's knowledge of the object at ref. Where it has none to offer, everything passes, without
// info.
static bool allocated(struct pass *p, tri_ref ref, const struct tri_object_info **info) {
  static _Thread_local struct tri_object_info inspected;
  *info = NULL;
  if (tri_is_null(ref)) return false;
  if (p->walked) {
    struct model_entry *e = model_map_find(&p->s->walked_at, ref.bits);
    if (e) *info = &p->s->walked[e->id - 1];
    return e != NULL;
  }
  if (!p->inspect) return true;
  if (p->inner->inspect(p->s->heap, ref, &inspected) != TRI_OK || inspected.ref.bits != ref.bits)
    return false;
  *info = &inspected;
  return true;
}

// -------------------------------------------------------------------------------- lockstep

static bool visited(const struct pass *p, const struct model_object *o) {
  return p->adopting ? !tri_is_null(o->ref) : o->mark == p->reached || o->mark == p->retained;
}

static void suspect(struct pass *p, uint32_t object, size_t slot, const tri_ref *root, tri_ref ref,
                    uint32_t target) {
  struct tri_shadow *s = p->s;
  if (s->n_suspects < sizeof s->suspects / sizeof *s->suspects)
    s->suspects[s->n_suspects++] = (struct suspect){object, target, slot, root, ref};
}

// An object where it is now, before its slots are read.
static bool object_is_good(struct pass *p, uint32_t id, const struct tri_object_info *info) {
  struct tri_shadow *s = p->s;
  struct model_object *o = &p->model->object[id];
  s->looked[TRI_WHEN_OBJECT]++;
  struct tri_shape shape = p->inner->shape(p->m, o->ref);
  bool shapes = tri_shape_equal(shape, o->shape) && (!info || tri_shape_equal(info->shape, o->shape));
  uint64_t payload = o->payload;
  if (shapes && tri_shape_bytes(o->shape)) {
    bool held = o->hashed == MODEL_HASH_HELD;
    if (held || (s->snapshot_valid && o->hashed == s->snapshot)) payload = hash_payload(o);
    if (held) o->hashed = 0; // from here on the program can write it
  }
  if (TRI_LIKELY(shapes && payload == o->payload && !o->pins)) return true;
  struct tri_view view = {
      .object = id, .slot = SIZE_MAX, .model = o, .info = info, .shape_call = shape, .payload = payload};
  return shadow_judge(s, TRI_WHEN_OBJECT, &view);
}

// One slot: the model has `target` there, the heap has ref. Goes on to the target if it is met for the first
// time.
static void reach(struct pass *p, uint32_t object, size_t slot, const tri_ref *root, tri_ref ref,
                  uint32_t target) {
  p->s->looked[TRI_WHEN_SLOT]++;
  if (!target) {
    if (!tri_is_null(ref)) suspect(p, object, slot, root, ref, 0);
    return;
  }
  struct model_object *o = &p->model->object[target];
  if (o->flags & MODEL_FREED) return; // dangling since tri_free: the program never follows it
  if (visited(p, o)) {
    if (ref.bits != o->ref.bits) suspect(p, object, slot, root, ref, target);
    return;
  }
  const struct tri_object_info *info;
  bool learn = p->what.moved || p->adopting;
  if ((learn ? model_at(p->model, ref) != 0 : ref.bits != o->ref.bits) || !allocated(p, ref, &info)) {
    suspect(p, object, slot, root, ref, target);
    return;
  }
  if (learn) model_place(p->model, target, ref);
  o->mark = p->level;
  o->parent = object;
  o->via = root ? (uintptr_t)root : slot;
  if (object_is_good(p, target, info)) model_push(&p->model->stack, target);
}

// All slots of an object. Of a large array most are null.
static void reach_slots(struct pass *p, uint32_t id, tri_ref object, size_t n) {
  const struct model_edge *edge = model_edges(p->model, &p->model->object[id]); // stays where it is
  for (size_t i = 0; i < n; i++) {
    tri_ref ref = p->inner->load(p->m, object, i);
    if (edge[i].id || !tri_is_null(ref))
      reach(p, id, i, NULL, ref, edge[i].id);
    else
      p->s->looked[TRI_WHEN_SLOT]++;
  }
}

static void drain(struct pass *p) {
  struct model *model = p->model;
  struct tri_shadow *s = p->s;
  while (model->stack.n) {
    uint32_t id = model->stack.id[--model->stack.n];
    struct tri_shape shape = model->object[id].shape;
    tri_ref ref = model->object[id].ref;
    switch (tri_shape_kind(shape)) {
    case TRI_NODE:
      reach_slots(p, id, ref, tri_shape_refs(shape));
      break;
    case TRI_WEAK:
      if (s->marking.on) break; // to ask for its target would make it reachable to the collector
      model_push(&s->weak, id);
      break;
    case TRI_EPHEMERON:
      if (s->marking.on) break;
      model_push(&s->ephemerons, id);
      break;
    }
  }
}

static tri_ref weak_slot(struct pass *p, const struct model_object *o, size_t i) {
  if (tri_shape_kind(o->shape) == TRI_WEAK) return p->inner->weak_get(p->m, o->ref);
  return i == 0 ? p->inner->ephemeron_key(p->m, o->ref) : p->inner->ephemeron_value(p->m, o->ref);
}

static void reach_weak_slot(struct pass *p, uint32_t id, size_t i) {
  struct model_object *o = &p->model->object[id];
  reach(p, id, i, NULL, weak_slot(p, o, i), model_edges(p->model, o)[i].id);
}

// Ephemerons whose key is reached: not cleared, so key and value are slots like others.
static void ephemeron_fixpoint(struct pass *p) {
  struct tri_shadow *s = p->s;
  for (bool again = true; again;) {
    again = false;
    for (uint32_t i = 0; i < s->ephemerons.n;) {
      uint32_t id = s->ephemerons.id[i];
      struct model_object *o = &p->model->object[id];
      uint32_t key = model_edges(p->model, o)[0].id;
      if (!key || !visited(p, &p->model->object[key])) {
        i++;
        continue;
      }
      s->ephemerons.id[i] = s->ephemerons.id[--s->ephemerons.n];
      again = true;
      s->looked[TRI_WHEN_EPHEMERON]++;
      const struct model_object *k = &p->model->object[key];
      struct tri_view view = {
          .object = id, .slot = 0, .ref = p->inner->ephemeron_key(p->m, o->ref), .target = k};
      view.cleared = tri_is_null(view.ref);
      view.value_cleared = view.cleared && tri_is_null(p->inner->ephemeron_value(p->m, o->ref));
      view.reachable = k->mark == p->reached && !(o->flags & MODEL_STALE);
      view.identical = view.ref.bits == k->ref.bits;
      if (!shadow_judge(s, TRI_WHEN_EPHEMERON, &view)) continue;
      if (view.cleared) {
        if (!p->what.drop) continue;
        model_clear_edges(p->model, id);
        continue;
      }
      reach_weak_slot(p, id, 0);
      reach_weak_slot(p, id, 1);
      drain(p);
    }
  }
}

static void reach_root(void *context, tri_ref *slot) {
  struct pass *p = context;
  struct tri_shadow *s = p->s;
  struct model_entry *e = model_map_find(&p->model->roots, (uintptr_t)slot);
  if (e) e->seen = p->reached;
  if (!e && tri_is_null(*slot)) return;
  s->looked[TRI_WHEN_ROOT]++;
  if (!e) {
    struct tri_view view = {.root = slot, .ref = *slot};
    shadow_judge(s, TRI_WHEN_ROOT, &view);
    return;
  }
  reach(p, 0, 0, slot, *slot, e->id);
}

// The roots of the model, in the order of frames; what remains was given up without a word.
static void reach_roots(struct pass *p) {
  tri_each_root(p->s->heap, reach_root, p);
  drain(p);
  const struct model_map *roots = &p->model->roots;
  for (size_t i = 0; i < roots->capacity; i++) {
    const struct model_entry *e = &roots->entry[i];
    if (e->stamp != roots->stamp || e->seen == p->reached) continue;
    struct tri_view view = {.root = (const tri_ref *)e->key, .target = &p->model->object[e->id]};
    shadow_judge(p->s, TRI_WHEN_ROOT, &view);
  }
}

// -------------------------------------------------------------------------------- what is held

// The first object from this id on that finalizers hold; 0: none.
static uint32_t held_from(const struct pass *p, uint32_t id) {
  if (!p->model->n_registrations) return 0;
  for (; id < p->model->n_objects; id++)
    if (p->model->object[id].mark == p->held && model_alive(&p->model->object[id])) return id;
  return 0;
}

// Whether an object that is not reached is still there to be looked at, in a light pass too.
static bool lingers(struct pass *p, tri_ref ref) {
  const struct tri_object_info *info;
  struct tri_object_info inspected;
  if (!p->what.light) return allocated(p, ref, &info);
  return !tri_is_null(ref) && p->inner->inspect(p->s->heap, ref, &inspected) == TRI_OK;
}

// A collection that the program interrupted goes by what was reachable when it began: an ephemeron that is
// unreachable by now may have been reached, and its key not.
static void follow_cleared(struct pass *p) {
  struct model *model = p->model;
  for (uint32_t id = 1; id < model->n_objects; id++) {
    struct model_object *o = &model->object[id];
    if (!model_alive(o) || tri_shape_kind(o->shape) != TRI_EPHEMERON || o->mark >= p->reached) continue;
    uint32_t key = model_edges(model, o)[0].id;
    if (!key || model->object[key].mark >= p->reached || !lingers(p, o->ref)) continue;
    if (!tri_is_null(p->inner->ephemeron_key(p->m, o->ref))) continue;
    model_clear_edges(model, id);
  }
}

// Registered objects that are not reached, and what they reach. What ephemerons that are reached hold goes
// before finalizers are queued.
static void trace_held(struct pass *p) {
  struct model *model = p->model;
  model->ephemerons.n = 0;
  for (uint32_t i = 0; i < model->n_registrations; i++) {
    const struct model_object *o = &model->object[model->registration[i].id];
    if (o->mark >= p->reached && o->mark != p->held) continue;
    for (size_t k = 0, n = tri_strong_refs(o->shape); k < n; k++)
      model_trace_from(model, model_edges(model, o)[k].id, p->reached, p->held);
  }
  if (p->what.drop) model_collected(model, p->what.full, p->reached, p->held);
  for (uint32_t i = 0; i < model->n_registrations; i++) {
    const struct model_registration *r = &model->registration[i];
    p->queued_least += r->due != 0;
    p->queued_most += r->dead;
    model_trace_from(model, r->id, p->reached, p->held);
  }
}

// What weak references and ephemerons that finalizers hold refer to. They are cleared only where the collection
// has found garbage: not in a part of the heap where it did not look, nor of objects that a stray word, a stuck
// count or a cycle keeps. What they still denote may come back through the queue.
static void retain_denoted(struct pass *p) {
  struct model *model = p->model;
  for (uint32_t id = 0; (id = held_from(p, id + 1)) != 0;) {
    const struct model_object *o = &model->object[id];
    const struct tri_object_info *info;
    if (tri_shape_kind(o->shape) == TRI_NODE || tri_is_null(o->ref) || !allocated(p, o->ref, &info) ||
        !allocated(p, weak_slot(p, o, 0), &info))
      continue;
    for (size_t i = 0; i < tri_shape_refs(o->shape); i++)
      model_trace_from(model, model_edges(model, o)[i].id, p->reached, p->retained);
  }
}

// What has to be cleared by now: full collections of exact collectors leave no weak reference to what is gone
// or was queued by them. Where something else is kept by a finalizer, or by a garbage cycle, it may or may
// not be cleared.
static bool must_clear(const struct pass *p, uint32_t target) {
  const struct model_object *t = &p->model->object[target];
  if (!p->what.full || !p->what.drop) return false;
  if (t->mark < p->reached) return true;
  const struct model_registration *r = p->model->registration;
  for (uint32_t i = 0; t->finalizers && !(t->flags & MODEL_DIED) && i < p->model->n_registrations; i++)
    if (r[i].id == target && r[i].due == p->reached) return true;
  return false;
}

// Without moving, the addresses of what is held are known: it can be looked at where it is.
static void check_held(struct pass *p) {
  struct model *model = p->model;
  for (uint32_t id = 0; (id = held_from(p, id + 1)) != 0;) {
    struct model_object *o = &model->object[id];
    const struct tri_object_info *info;
    if (tri_is_null(o->ref)) continue;
    bool held = o->hashed == MODEL_HASH_HELD;
    bool intact = allocated(p, o->ref, &info) && tri_shape_equal(p->inner->shape(p->m, o->ref), o->shape);
    if (intact && held) intact = hash_payload(o) == o->payload;
    for (size_t i = 0, n = tri_strong_refs(o->shape); intact && i < n; i++) {
      const struct model_object *t = &model->object[model_edges(model, o)[i].id];
      tri_ref ref = p->inner->load(p->m, o->ref, i);
      intact = t == model->object ? tri_is_null(ref) : t->flags & MODEL_FREED || ref.bits == t->ref.bits;
    }
    if (intact) continue;
    p->s->looked[TRI_WHEN_FINALIZER]++;
    struct tri_view view = {.object = id, .slot = SIZE_MAX, .registered = true, .dead = true};
    shadow_judge(p->s, TRI_WHEN_FINALIZER, &view);
    return;
  }
}

static void judge_weak(struct pass *p, uint32_t id) {
  struct tri_shadow *s = p->s;
  struct model_object *o = &p->model->object[id];
  uint32_t target = model_edges(p->model, o)[0].id;
  if (!target || p->model->object[target].flags & MODEL_FREED) {
    if (!target) reach_weak_slot(p, id, 0);
    return;
  }
  s->looked[TRI_WHEN_WEAK]++;
  const struct model_object *t = &p->model->object[target];
  struct tri_view view = {.object = id,
                          .slot = 0,
                          .ref = p->inner->weak_get(p->m, o->ref),
                          .target = t,
                          .reachable = t->mark == p->reached && !(o->flags & MODEL_STALE),
                          .must_clear = must_clear(p, target)};
  view.cleared = tri_is_null(view.ref);
  view.identical = !visited(p, t) || view.ref.bits == t->ref.bits;
  if (!shadow_judge(s, TRI_WHEN_WEAK, &view)) return;
  if (!view.cleared)
    reach_weak_slot(p, id, 0);
  else if (p->what.drop)
    model_set_edge(p->model, id, 0, 0, 0);
}

static void judge_ephemeron(struct pass *p, uint32_t id) {
  struct tri_shadow *s = p->s;
  struct model_object *o = &p->model->object[id];
  uint32_t key = model_edges(p->model, o)[0].id;
  tri_ref value = p->inner->ephemeron_value(p->m, o->ref);
  if (!key) { // holds nothing; its value may be cleared
    if (!tri_is_null(value))
      reach_weak_slot(p, id, 1);
    else if (p->what.drop)
      model_set_edge(p->model, id, 1, 0, 0);
    return;
  }
  s->looked[TRI_WHEN_EPHEMERON]++;
  const struct model_object *k = &p->model->object[key];
  struct tri_view view = {.object = id,
                          .slot = 0,
                          .ref = p->inner->ephemeron_key(p->m, o->ref),
                          .target = k,
                          .must_clear = must_clear(p, key),
                          .value_cleared = tri_is_null(value),
                          .identical = true};
  view.cleared = tri_is_null(view.ref);
  if (!shadow_judge(s, TRI_WHEN_EPHEMERON, &view)) return;
  if (!view.cleared) {
    reach_weak_slot(p, id, 0);
    reach_weak_slot(p, id, 1);
  } else if (p->what.drop) {
    model_clear_edges(p->model, id);
  }
}

// -------------------------------------------------------------------------------- verdicts

static void judge_suspects(struct pass *p) {
  struct tri_shadow *s = p->s;
  for (size_t i = 0; i < s->n_suspects; i++) {
    const struct suspect *x = &s->suspects[i];
    const struct tri_object_info *info;
    struct model_object *t = x->target ? &p->model->object[x->target] : NULL;
    struct tri_view view = {.object = x->object,
                            .slot = x->slot,
                            .root = x->root,
                            .ref = x->ref,
                            .target = t,
                            .allocated = allocated(p, x->ref, &info),
                            .claimed = model_at(p->model, x->ref),
                            .visited = t && visited(p, t)};
    if (view.claimed == x->target) view.claimed = 0;
    shadow_judge(s, TRI_WHEN_SLOT, &view);
  }
}

static void note_verify(void *context, const char *text) {
  struct pass *p = context;
  if (p->n_verify++) return;
  strncpy(p->verify, text, sizeof p->verify - 1);
}

// Objects that stay in the model; those without a known address are not expected at one.
static void judge_full(struct pass *p, struct tri_view *view) {
  struct tri_shadow *s = p->s;
  const struct model *model = p->model;
  for (uint32_t id = 1; id < model->n_objects; id++) {
    const struct model_object *o = &model->object[id];
    if (!model_alive(o) || o->mark < p->reached) continue;
    view->kept++;
    view->unknown += tri_is_null(o->ref);
  }
  for (size_t i = 0; p->walked && i < s->n_walked; i++) {
    uint32_t id = model_at(model, s->walked[i].ref);
    if (id && model->object[id].mark >= p->reached) continue;
    view->surplus++;
    view->extra = &s->walked[i];
  }
  view->queued_least = p->queued_least;
  view->queued_most = p->queued_most;
  s->looked[TRI_WHEN_FULL]++;
  s->full_passes++;
  shadow_judge(s, TRI_WHEN_FULL, view);
}

static void judge_counts(struct pass *p) {
  struct tri_shadow *s = p->s;
  for (size_t i = 0; i < s->n_walked; i++) {
    const struct tri_object_info *info = &s->walked[i];
    if (info->counted == TRI_COUNT_NONE) return;
    uint32_t id = model_at(p->model, info->ref);
    // What a queued finalizer counts for is the queue's.
    if (!id || p->model->object[id].mark != p->reached || p->model->object[id].finalizers) continue;
    s->looked[TRI_WHEN_COUNT]++;
    struct tri_view view = {.object = id, .slot = SIZE_MAX, .info = info, .model = &p->model->object[id]};
    shadow_judge(s, TRI_WHEN_COUNT, &view);
  }
}

static void judge_heap(struct pass *p) {
  struct tri_shadow *s = p->s;
  struct tri_stats stats;
  tri_stats_get(s->heap, &stats, sizeof stats);
  // Not by surprise: a verifier may finish a lazy sweep.
  struct tri_reporter reporter = {note_verify, p};
  if (p->what.swept) p->inner->verify(s->heap, &reporter);
  struct tri_view view = {.slot = SIZE_MAX,
                          .stats = &stats,
                          .heap_option = s->heap_option,
                          .allocations = s->allocations,
                          .asked_bytes = s->asked_bytes,
                          .walked = s->n_walked,
                          .walked_bytes = p->walked_bytes,
                          .walk_ended = p->walk_ended,
                          .walk_twice = p->walk_twice,
                          .verify = p->n_verify ? p->verify : NULL};
  s->looked[TRI_WHEN_HEAP]++;
  shadow_judge(s, TRI_WHEN_HEAP, &view);
  shadow_judge_counters(s);
  if (p->walked) {
    s->looked[TRI_WHEN_WALK]++;
    shadow_judge(s, TRI_WHEN_WALK, &view);
  }
  if (p->what.full && p->what.drop && !s->broken) judge_full(p, &view);
}

// -------------------------------------------------------------------------------- the pass

// Objects that finalizers hold: nobody can write them until they are handed out; where they are now, only a
// collector that does not move can be asked.
static void keep_held(struct pass *p) {
  struct tri_shadow *s = p->s;
  for (uint32_t id = 0; (id = held_from(p, id + 1)) != 0;) {
    struct model_object *o = &p->model->object[id];
    if (s->snapshot_valid && o->hashed == s->snapshot) o->hashed = MODEL_HASH_HELD;
    if (p->what.moved) o->ref = TRI_NULL;
  }
}

static void run(void *context) {
  struct pass *p = context;
  struct tri_shadow *s = p->s;
  struct model *model = p->model;
  bool thorough = !p->what.light;
  bool lazy = !p->what.swept;
  p->inspect = p->inner->inspect != tri_default_inspect;
  if (thorough && tri_has(s->heap, TRI_CAP_WALK) && !(lazy && p->inspect)) walk(p);
  if (!thorough) p->inspect = false;
  if (p->m) {
    p->reached = model->mark + 1;
    p->held = model->mark + 2;
    p->retained = model->mark + 3;
    model->mark += 3;
    if (p->what.moved) {
      model_clear_addresses(model);
      for (uint32_t id = 1; id < model->n_objects; id++) model->object[id].before = model->object[id].ref;
    }
    p->level = p->reached;
    reach_roots(p);
    ephemeron_fixpoint(p);
    if (tri_has(s->heap, TRI_CAP_EXACT) && !tri_has(s->heap, TRI_CAP_CYCLES))
      model_trace_cycles(model, p->reached, p->retained);
    if (p->what.interrupted && !p->what.moved) follow_cleared(p);
    trace_held(p);
    if (thorough && !p->what.moved) check_held(p);
    bool finds_all = p->what.full && tri_has(s->heap, TRI_CAP_EXACT) && tri_has(s->heap, TRI_CAP_CYCLES);
    if (p->what.drop && !finds_all && !p->what.moved)
      retain_denoted(p); // asks them: not while marking goes on
    p->level = p->retained;
    while (s->weak.n || s->ephemerons.n) { // what is retained may contain more of both
      if (s->weak.n) {
        judge_weak(p, s->weak.id[--s->weak.n]);
      } else {
        ephemeron_fixpoint(p);
        if (s->ephemerons.n) judge_ephemeron(p, s->ephemerons.id[--s->ephemerons.n]);
      }
      drain(p);
    }
    judge_suspects(p);
  }
  if (s->broken) return;
  if (p->m && p->what.drop) {
    keep_held(p);
    model_sweep(model, p->reached);
    model_settle(model);
  }
  if (!thorough) return;
  judge_walk(p);
  judge_heap(p);
  shadow_judge_blocks(s, p->walked, false);
  if (p->m && !s->broken) {
    shadow_judge_remembered(s, p->reached);
    if (p->what.drop) shadow_judge_ages(s, p->reached);
  }
  if (p->m && p->walked && p->what.drop && !s->broken) judge_counts(p);
}

static void any_mutator(void *context, struct tri_mutator *m) { *(struct tri_mutator **)context = m; }

void shadow_run_pass(struct tri_shadow *s, struct shadow_pass what) {
  struct pass p = {.s = s, .model = s->model, .inner = s->shim.inner, .what = what};
  tri_each_mutator(s->heap, any_mutator, &p.m);
  s->passes++;
  s->reach_valid = false; // a pass marks anew
  s->n_suspects = 0;
  s->weak.n = s->ephemerons.n = 0;
  s->model->stack.n = 0;
  if (!tri_guarded(run, &p)) shadow_faulted(s);
}

// -------------------------------------------------------------------------------- handed out

struct adoption {
  struct pass pass;
  uint32_t id;
  tri_ref ref;
  bool intact;
};

static void adopt_slots(struct adoption *a) {
  struct pass *p = &a->pass;
  struct model *model = p->model;
  while (model->stack.n) {
    uint32_t id = model->stack.id[--model->stack.n];
    struct model_object *o = &model->object[id];
    if (tri_shape_kind(o->shape) == TRI_NODE) {
      reach_slots(p, id, o->ref, tri_shape_refs(o->shape));
    } else if (!tri_is_null(weak_slot(p, o, 0))) { // when cleared: judged when the program asks
      for (size_t i = 0; i < tri_shape_refs(o->shape); i++) reach_weak_slot(p, id, i);
    }
  }
}

static void adopt(void *context) {
  struct adoption *a = context;
  struct pass *p = &a->pass;
  struct model_object *o = &p->model->object[a->id];
  const struct tri_object_info *info;
  p->inspect =
      p->s->running == 1 && (p->inner->inspect != tri_default_inspect || tri_has(p->s->heap, TRI_CAP_WALK));
  if (!allocated(p, a->ref, &info)) return;
  if (tri_is_null(o->ref)) model_place(p->model, a->id, a->ref);
  bool good = object_is_good(p, a->id, info);
  model_push(&p->model->stack, a->id);
  if (good) adopt_slots(a);
  a->intact = good && !p->s->n_suspects;
}

bool shadow_adopt(struct tri_shadow *s, struct tri_mutator *m, uint32_t id, tri_ref ref) {
  struct adoption a = {.pass = {.s = s, .model = s->model, .inner = s->shim.inner, .m = m, .adopting = true},
                       .id = id,
                       .ref = ref};
  s->n_suspects = 0;
  s->model->stack.n = 0;
  if (!tri_guarded(adopt, &a)) return false;
  return a.intact;
}
