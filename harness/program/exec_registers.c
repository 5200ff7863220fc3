// Registers and frames: how operands find their objects, and operations on registers alone.
#include "program/exec_state.h"

#include <string.h>

void run_set_slot(struct tri_run *run, unsigned slot, tri_ref ref) {
  top(run)->private &= ~(UINT32_C(1) << slot);
  tri_root_set(mutator(run), &top(run)->slot[slot], ref);
}

static bool fits(struct tri_run *run, tri_ref object, enum need need) {
  if (tri_is_null(object)) return false;
  if (need == ANY) return true;
  struct tri_shape shape = tri_shape(mutator(run), object);
  switch (tri_shape_kind(shape)) {
  case TRI_NODE:
    return need == NODE || (need == FIELDS && tri_shape_refs(shape)) || (need == PAYLOAD && tri_shape_bytes(shape));
  case TRI_WEAK: return need == WEAK;
  case TRI_EPHEMERON: return need == EPHEMERON;
  }
  return false;
}

// The nearest register that fits, from r on, cyclically; -1 if there is none.
int run_find(struct tri_run *run, uint32_t r, enum need need) {
  const struct frame *frame = top(run);
  for (unsigned i = 0; i < TRI_REGISTERS; i++) {
    unsigned at = (r + i) % TRI_REGISTERS;
    if (fits(run, frame->slot[at], need)) return (int)at;
  }
  return -1;
}

// A register as a value: from now on others may know the object.
tri_ref run_value(struct tri_run *run, uint32_t r) {
  int at = run_find(run, r, ANY);
  if (at < 0) return TRI_NULL;
  top(run)->private &= ~(UINT32_C(1) << at);
  return top(run)->slot[at];
}

struct object run_object(struct tri_run *run, uint32_t r, enum need need) {
  struct object found = {.at = run_find(run, r, need)};
  if (found.at < 0) return found;
  found.ref = top(run)->slot[found.at];
  found.shape = tri_shape(mutator(run), found.ref);
  return found;
}

bool op_same(struct tri_run *run, uint32_t a, uint32_t b) {
  int i = run_find(run, a, ANY), k = run_find(run, b, ANY);
  if (i < 0) return false;
  tri_ref left = top(run)->slot[i], right = top(run)->slot[k];
  struct tri_mutator *m = mutator(run);
  if (i == k && !tri_same(m, left, right)) run_finish(run, TRI_RUN_FINDING, "r%d is not the same as itself", i);
  if (tri_same(m, left, right) != tri_same(m, right, left))
    run_finish(run, TRI_RUN_FINDING, "sameness of r%d and r%d is not symmetric", i, k);
  return true;
}

bool op_drop_all(struct tri_run *run) {
  for (unsigned i = 0; i < TRI_REGISTERS; i++) run_set_slot(run, i, TRI_NULL);
  return true;
}

// The player has room for one more frame.
void run_push_frame(struct tri_run *run) {
  struct frame *frame = &run->player->frames[run->player->depth++];
  if (frame->state == FRAME_UNUSED) {
    memset(frame, 0, sizeof *frame);
    frame->head.count = TRI_REGISTERS + 1;
    tri_frame_enter(mutator(run), &frame->head);
  }
  frame->state = FRAME_LIVE;
}

bool op_call(struct tri_run *run, uint32_t r) {
  if (run->player->depth == MAX_DEPTH) return false;
  tri_ref argument = run_value(run, r);
  run_push_frame(run);
  run_set_slot(run, 0, argument);
  return true;
}

bool op_return(struct tri_run *run, uint32_t to, uint32_t from) {
  struct player *player = run->player;
  if (player->depth == 1) return false;
  tri_ref result = run_value(run, from);
  struct frame *frame = top(run);
  player->depth--;
  run_set_slot(run, to, result); // rooted in the caller before the callee's slots are cleared
  for (unsigned i = 0; i <= TRI_REGISTERS; i++) tri_root_set(player->m, &frame->slot[i], TRI_NULL);
  frame->private = 0;
  frame->state = FRAME_DEAD;
  for (struct frame *dead; (dead = (struct frame *)player->m->frames)->state == FRAME_DEAD;) {
    tri_frame_leave(player->m, &dead->head);
    dead->state = FRAME_UNUSED;
  }
  return true;
}
