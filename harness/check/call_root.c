// Roots: their slots, and the frames they stand in.
#include "check/call.h"

static void shadow_root_set(struct tri_mutator *m, tri_ref *slot, tri_ref value) {
  struct tri_shadow *s = enter(m);
  uint32_t target;
  if (s->broken) {
    *slot = value;
  } else if (value_argument(s, "root_set", value, &target)) {
    s->shim.inner->root_set(m, slot, value);
    model_set_root(s->model, slot, target, (uint32_t)shadow_operation(s));
  }
  leave(s);
}

void call_check_frames(struct tri_shadow *s, const char *call, bool ok) {
  s->looked[TRI_WHEN_FRAME]++;
  if (TRI_LIKELY(ok)) return;
  struct tri_view view = {.call = call, .slot = SIZE_MAX};
  shadow_judge(s, TRI_WHEN_FRAME, &view);
}

static void shadow_frame_push(struct tri_mutator *m, struct tri_frame *frame) {
  struct tri_shadow *s = enter(m);
  call_check_frames(s, "frame_push", m->frames == frame);
  if (!s->broken) s->shim.inner->frame_push(m, frame);
  leave(s);
}

static void shadow_frame_pop(struct tri_mutator *m, struct tri_frame *frame) {
  struct tri_shadow *s = enter(m);
  call_check_frames(s, "frame_pop", m->frames == frame);
  if (!s->broken) {
    s->shim.inner->frame_pop(m, frame);
    for (size_t i = 0; i < frame->count; i++) model_set_root(s->model, &tri_frame_slots(frame)[i], 0, 0);
  }
  leave(s);
}

void call_root_override(struct tri_collector *record) {
  record->root_set = shadow_root_set;
  record->frame_push = shadow_frame_push;
  record->frame_pop = shadow_frame_pop;
}
