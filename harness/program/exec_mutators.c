// The mutators of a program: who executes, and the mail between them.
#include "program/exec_state.h"

#include "common/schedule.h"

static struct tri_mutator *attach(struct tri_run *run) {
  if (!has(run, TRI_CAP_MULTI_MUTATOR)) return NULL;
  struct tri_mutator *m;
  enum tri_status status = tri_attach(run->heap, &m);
  if (status == TRI_ENOMEM) run->result->out_of_memory++;
  return status == TRI_OK ? m : NULL;
}

bool op_mutator(struct tri_run *run, uint32_t number) {
  struct player *from = run->player, *to = &run->players[number];
  if (from == to) return false;
  collecting(run);
  if (to->m && to->m == from->m) { // they share it
    run->player = to;
    return true;
  }
  tri_park(from->m);
  if (to->m) {
    tri_unpark(to->m);
  } else if ((to->m = attach(run))) {
    to->owns = true;
  } else {
    to->m = run->players[0].m;
    tri_unpark(to->m);
  }
  run->player = to;
  if (to->depth == 0) run_push_frame(run);
  return true;
}

bool op_policy(uint32_t policy, uint32_t seed) {
  static const enum tri_schedule_policy policies[TRI_POLICIES] = {
      [TRI_POLICY_BLOCK] = TRI_SCHEDULE_RUN_TO_BLOCK,
      [TRI_POLICY_RANDOM] = TRI_SCHEDULE_RANDOM_WALK,
      [TRI_POLICY_PCT] = TRI_SCHEDULE_PCT,
      [TRI_POLICY_ROBIN] = TRI_SCHEDULE_ROUND_ROBIN,
  };
  tri_schedule_set_policy(&(struct tri_schedule){
      .policy = policies[policy], .seed = seed, .depth = 1 + seed % TRI_SCHEDULE_DEPTH_MAX, .quantum = 1 + seed % 8});
  return true;
}
