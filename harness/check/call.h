// What the checked calls (call_*.c) have in common: the lock, and arguments judged against the model. Not for
// others.
#ifndef TRICOLOR_CHECK_CALL_H
#define TRICOLOR_CHECK_CALL_H

#include "check/state.h"

// Of a call that is under way: others may have gone on in between.
static inline void lock_for(struct tri_shadow *s, const struct tri_mutator *m) {
  tri_mutex_lock_quietly(&s->lock);
  s->operation = s->operations[m->id % SHADOW_TURNS];
}

static inline struct tri_shadow *enter(struct tri_mutator *m) {
  struct tri_shadow *s = shadow_of(m->heap);
  lock_for(s, m);
  s->calls++;
  return s;
}

static inline void leave(struct tri_shadow *s) { tri_mutex_unlock_quietly(&s->lock); }

// The call may collect: no reference in a C local of this mutator counts any more.
static inline void forget_locals(struct tri_mutator *m) {
  struct tri_shadow *s = enter(m);
  TRI_RELAXED_STORE(&shadow_called, s);
  s->turn[m->id % SHADOW_TURNS]++;
  // During marking what is garbage may still lead marking to what is not: the model keeps it.
  if (s->running == 1 && !s->broken && !s->marking.on) model_settle(s->model);
  leave(s);
}

// The object that a call was given, or 0 and a finding.
static inline uint32_t object_argument(struct tri_shadow *s, const char *call, tri_ref ref) {
  s->looked[TRI_WHEN_ARGUMENT]++;
  uint32_t id = model_at(s->model, ref);
  if (TRI_LIKELY(id)) return id;
  struct tri_view view = {.call = call, .ref = ref};
  shadow_judge(s, TRI_WHEN_ARGUMENT, &view);
  return 0;
}

// The same for a value, which may be null.
static inline bool value_argument(struct tri_shadow *s, const char *call, tri_ref ref, uint32_t *id) {
  *id = 0;
  return tri_is_null(ref) || (*id = object_argument(s, call, ref)) != 0;
}

static inline bool slots_argument(struct tri_shadow *s, const char *call, uint32_t id, size_t index,
                                  size_t count) {
  s->looked[TRI_WHEN_INDEX]++;
  struct tri_shape shape = s->model->object[id].shape;
  size_t limit = tri_shape_kind(shape) == TRI_NODE ? tri_shape_refs(shape) : 0;
  if (TRI_LIKELY(index <= limit && count <= limit - index)) return true;
  struct tri_view view = {
      .call = call, .object = id, .slot = SIZE_MAX, .index = index, .count = count, .limit = limit};
  shadow_judge(s, TRI_WHEN_INDEX, &view);
  return false;
}

static inline bool kind_argument(struct tri_shadow *s, const char *call, uint32_t id, enum tri_kind kind) {
  if (TRI_LIKELY(tri_shape_kind(s->model->object[id].shape) == kind)) return true;
  struct tri_view view = {.call = call, .object = id, .slot = SIZE_MAX, .index = 0, .count = 1};
  shadow_judge(s, TRI_WHEN_INDEX, &view);
  return false;
}

// Begin a call on an object. *id 0: it is not to be made, as the heap is damaged or the argument was.
static inline struct tri_shadow *enter_on(struct tri_mutator *m, const char *call, tri_ref object,
                                          uint32_t *id) {
  struct tri_shadow *s = enter(m);
  *id = s->broken ? 0 : object_argument(s, call, object);
  return s;
}

static inline uint32_t edge(struct tri_shadow *s, uint32_t id, size_t i) {
  return model_edges(s->model, &s->model->object[id])[i].id;
}

static inline void set_edge(struct tri_shadow *s, uint32_t id, size_t i, uint32_t target) {
  if (TRI_UNLIKELY(s->marking.on)) shadow_note_overwritten(s, id, i, target);
  model_set_edge(s->model, id, i, target, (uint32_t)shadow_operation(s));
}

// Each takes its entries of the shadow's record.
void call_alloc_override(struct tri_collector *record);
void call_slot_override(struct tri_collector *record);
void call_root_override(struct tri_collector *record);
void call_weak_override(struct tri_collector *record);
void call_finalizer_override(struct tri_collector *record);

// A mutator's frames are pushed and popped in order, all of them before it detaches.
void call_check_frames(struct tri_shadow *s, const char *call, bool ok);

#endif
