// Registers and frames: how operands find their objects, and operations on registers alone.
#include "program/exec_state.h"

#include <string.h>

void run_set_slot(struct player *p, unsigned slot, tri_ref ref) {
  top(p)->private &= ~(UINT32_C(1) << slot);
  tri_root_set(p->m, &top(p)->slot[slot], ref);
}

static bool fits(struct player *p, tri_ref object, enum need need) {
  if (tri_is_null(object)) return false;
  if (need == ANY) return true;
  struct tri_shape shape = tri_shape(p->m, object);
  switch (tri_shape_kind(shape)) {
  case TRI_NODE:
    return need == NODE || (need == FIELDS && tri_shape_refs(shape)) || (need == PAYLOAD && tri_shape_bytes(shape));
  case TRI_WEAK: return need == WEAK;
  case TRI_EPHEMERON: return need == EPHEMERON;
  }
  return false;
}

int run_find(struct player *p, uint32_t r, enum need need) {
  const struct frame *frame = top(p);
  for (unsigned i = 0; i < TRI_REGISTERS; i++) {
    unsigned at = (r + i) % TRI_REGISTERS;
    if (fits(p, frame->slot[at], need)) return (int)at;
  }
  return -1;
}

tri_ref run_value(struct player *p, uint32_t r) {
  int at = run_find(p, r, ANY);
  if (at < 0) return TRI_NULL;
  top(p)->private &= ~(UINT32_C(1) << at);
  return top(p)->slot[at];
}

struct object run_object(struct player *p, uint32_t r, enum need need) {
  struct object found = {.at = run_find(p, r, need)};
  if (found.at < 0) return found;
  found.ref = top(p)->slot[found.at];
  found.shape = tri_shape(p->m, found.ref);
  return found;
}

bool op_same(struct player *p, uint32_t a, uint32_t b) {
  int i = run_find(p, a, ANY), k = run_find(p, b, ANY);
  if (i < 0) return false;
  tri_ref left = top(p)->slot[i], right = top(p)->slot[k];
  struct tri_mutator *m = p->m;
  if (i == k && !tri_same(m, left, right)) run_finish(p, TRI_RUN_FINDING, "r%d is not the same as itself", i);
  if (tri_same(m, left, right) != tri_same(m, right, left))
    run_finish(p, TRI_RUN_FINDING, "sameness of r%d and r%d is not symmetric", i, k);
  return true;
}

bool op_drop_all(struct player *p) {
  for (unsigned i = 0; i < TRI_REGISTERS; i++) run_set_slot(p, i, TRI_NULL);
  return true;
}

void run_push_frame(struct player *p) {
  struct frame *frame = &p->frames[p->depth++];
  if (frame->state == FRAME_UNUSED) {
    memset(frame, 0, sizeof *frame);
    frame->head.count = TRI_REGISTERS + 1;
    tri_frame_enter(p->m, &frame->head);
  }
  frame->state = FRAME_LIVE;
}

bool op_call(struct player *p, uint32_t r) {
  if (p->depth == MAX_DEPTH) return false;
  tri_ref argument = run_value(p, r);
  run_push_frame(p);
  run_set_slot(p, 0, argument);
  return true;
}

bool op_return(struct player *p, uint32_t to, uint32_t from) {
  if (p->depth == 1) return false;
  tri_ref result = run_value(p, from);
  struct frame *frame = top(p);
  p->depth--;
  run_set_slot(p, to, result); // rooted in the caller before the callee's slots are cleared
  for (unsigned i = 0; i <= TRI_REGISTERS; i++) tri_root_set(p->m, &frame->slot[i], TRI_NULL);
  frame->private = 0;
  frame->state = FRAME_DEAD;
  for (struct frame *dead; (dead = (struct frame *)p->m->frames)->state == FRAME_DEAD;) {
    tri_frame_leave(p->m, &dead->head);
    dead->state = FRAME_UNUSED;
  }
  return true;
}
