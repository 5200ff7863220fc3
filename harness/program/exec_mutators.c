// Who executes: the mutators of a program as actors, their turns, and how they come to rest.
//
// Each operation is owned by the mutator that the last `mutator` operation before it names, m0 if there is none. A
// mutator goes through its own operations in their order. At a `mutator` operation it parks and hands over to the one
// whose next operation stands first in the program; with no scheduling operations this is the program's order.
//
// Concurrent players are actors (common/actor.h). In fibers form the schedule may let another one go on at any yield
// point: between operations (PROGRAM_STEP) and within the collector. A mutator that was preempted is running, not
// parked, so whoever wants to stop the world has to wait for it; when it comes back between operations it polls, at once or
// after as many more as `poll` says. Where players are not concurrent, run_program plays them in turn on the calling actor.
#include "program/exec_state.h"

#include <stdlib.h>

#include "common/schedule.h"

// ---- Rest -----------------------------------------------------------------------------------------------------

// Never while a lock of the run is held: parking may wait.
static void leave(struct player *p) {
  struct tri_run *run = p->run;
  collecting(p);
  p->away = p->owns && run->n_players > 1;
  if (p->away) tri_park(p->m);
  tri_mutex_lock_quietly(&run->rest_lock);
  run->active--;
  tri_condition_broadcast(&run->rest_changed);
  tri_mutex_unlock_quietly(&run->rest_lock);
}

static void enter(struct player *p) {
  if (p->away) tri_unpark(p->m);
  p->away = false;
}

static void come(struct player *p) {
  struct tri_run *run = p->run;
  tri_mutex_lock_quietly(&run->rest_lock);
  while (run->calm) tri_condition_wait(&run->rest_changed, &run->rest_lock);
  run->active++;
  tri_mutex_unlock_quietly(&run->rest_lock);
  enter(p);
}

void run_quiesce(struct player *p) {
  struct tri_run *run = p->run;
  if (!run->concurrent) return; // the others are parked
  leave(p);
  tri_mutex_lock_quietly(&run->rest_lock);
  while (run->calm) tri_condition_wait(&run->rest_changed, &run->rest_lock);
  TRI_RELAXED_STORE(&run->calm, p);
  while (run->active) tri_condition_wait(&run->rest_changed, &run->rest_lock);
  tri_mutex_unlock_quietly(&run->rest_lock);
  enter(p);
}

void run_resume(struct player *p) {
  struct tri_run *run = p->run;
  if (!run->concurrent) return;
  tri_mutex_lock_quietly(&run->rest_lock);
  TRI_RELAXED_STORE(&run->calm, NULL);
  run->active++; // this one
  tri_condition_broadcast(&run->rest_changed);
  tri_mutex_unlock_quietly(&run->rest_lock);
}

// Nobody can have asked for anything while no other went on. Compiled mutators poll at calls and at the ends of loops, so
// they do several operations in between: as many as the program wants.
static void poll(struct player *p) {
  struct tri_run *run = p->run;
  if (run->went_on && run->went_on != p && !p->owes_poll) {
    p->owes_poll = true;
    p->unpolled = 0;
  }
  run->went_on = p;
  if (!p->owes_poll || p->unpolled++ < TRI_RELAXED_LOAD(&run->unpolled_max)) return;
  if (p->m) run_safepoint(p);
}

// Between two operations others may go on, and rest if somebody asks for it.
static void between_operations(struct player *p) {
  struct tri_run *run = p->run;
  TRI_YIELD(PROGRAM_STEP);
  if (TRI_RELAXED_LOAD(&run->calm)) {
    leave(p);
    come(p);
  }
  if (!TRI_FIBERS) return;
  poll(p);
}

// ---- Streams --------------------------------------------------------------------------------------------------

// The first operation from `at` on that the player owns; the end of the program if there is none.
static size_t own(const struct player *p, size_t at) {
  const struct tri_run *run = p->run;
  size_t end = run->program->count;
  if (!run->owner) return p->number ? end : at;
  while (at < end && run->owner[at] != p->number) at++;
  return at;
}

bool run_find_owners(struct tri_run *run) {
  const struct tri_program *program = run->program;
  size_t i = 0;
  uint8_t now = 0;
  run->n_players = 1;
  while (i < program->count && program->ops[i].code != TRI_OP_MUTATOR) i++;
  if (i < program->count && !(run->owner = calloc(program->count, 1))) return false;
  for (; i < program->count; i++) {
    run->owner[i] = now;
    if (program->ops[i].code != TRI_OP_MUTATOR) continue;
    now = (uint8_t)program->ops[i].operand[0];
    if (now >= run->n_players) run->n_players = now + 1u;
  }
  for (unsigned k = 0; k < TRI_MUTATORS; k++) {
    struct player *p = &run->players[k];
    p->run = run;
    p->number = k;
    p->seed = p->cookie = (uint64_t)k << 56; // so no two of the program's are equal
    p->at = own(p, 0);
    p->ended = k >= run->n_players;
  }
  return true;
}

struct player *run_first(struct tri_run *run) {
  struct player *first = NULL;
  for (unsigned k = 0; k < run->n_players; k++) {
    struct player *p = &run->players[k];
    if (!p->ended && (!first || p->at < first->at)) first = p;
  }
  return first;
}

bool op_mutator(struct player *p, uint32_t number) {
  if (number == p->number) return false;
  p->hands_over = true;
  return true;
}

struct player *run_current(struct tri_run *run) {
  if (!run->concurrent) return run->turn;
  struct player *p = tri_actor_self()->local;
  for (unsigned k = 0; k < run->n_players; k++)
    if (p == &run->players[k]) return p;
  return &run->players[0]; // an actor of the collector
}

static unsigned actor_number(const struct player *p) { return p->number ? p->actor.number : 0; }

// The budget for repetitions is used up: go on behind the outermost loop.
static void leave_loops(struct player *p) {
  p->at = p->loops[0].at + 1;
  p->n_loops = 0;
}

// False: the mutator has no budget for this repetition.
static bool pay(struct player *p, const struct tri_op *op) {
  // The end of a round is free; a loop that starts within a loop is an operation like another.
  if (!p->n_loops || p->loops[p->n_loops - 1].at == p->at) return true;
  int64_t price = run_cost(p->run, op);
  if (price > TRI_RELAXED_LOAD(&p->run->budget)) return false;
  __atomic_fetch_sub(&p->run->budget, price, __ATOMIC_RELAXED);
  return true;
}

static void note_start(struct player *p) {
  struct tri_run *run = p->run;
  if (run->n_starts == run->starts_room) {
    size_t room = run->starts_room ? 2 * run->starts_room : 256;
    struct start *starts = realloc(run->starts, room * sizeof *starts);
    if (!starts) return; // later decisions are told wrongly, or not at all
    run->starts = starts;
    run->starts_room = room;
  }
  run->starts[run->n_starts++] = (struct start){tri_schedule_steps(), (uint32_t)p->at, (uint8_t)p->number};
}

// The last start of the actor before that step; NULL: it is no player, or has not started.
static const struct start *start_before(const struct tri_run *run, unsigned actor, uint64_t step) {
  for (size_t i = run->n_starts; i-- > 0;)
    if (run->starts[i].steps < step && actor_number(&run->players[run->starts[i].player]) == actor) return &run->starts[i];
  return NULL;
}

void run_tell_decisions(struct tri_run *run, const struct tri_schedule_result *schedule) {
  struct tri_run_decisions *decisions = run->params->decisions;
  const unsigned room = sizeof decisions->list / sizeof *decisions->list;
  decisions->count = 0;
  for (size_t i = 0; i < schedule->trace_length && decisions->count < room; i++) {
    const struct tri_decision *decision = &schedule->trace[i];
    const struct start *start = start_before(run, schedule->trace_from[i], decision->at);
    uint64_t after = start ? decision->at - start->steps - 1 : UINT64_MAX;
    if (after >= tri_operand_limit(TRI_NUMBER) || decision->to >= TRI_ACTORS) continue;
    decisions->list[decisions->count++] =
        (struct tri_run_decision){.at = start->at, .to = (uint8_t)decision->to, .after = (uint8_t)after};
  }
}

static void step(struct player *p, const struct tri_op *op) {
  struct tri_run *run = p->run;
  const struct tri_run_watch *watch = run->params->watch;
  size_t at = p->at;
  bool alone = op->code == TRI_OP_VERIFY;
  if (alone) run_quiesce(p);
  if (watch && watch->before) watch->before(watch->context, run, at, op);
  bool effective = run_execute(p, op);
  p->tally.steps++;
  p->tally.effective += effective;
  tri_schedule_note((uint64_t)at << 8 | p->number << 1 | effective);
  if (watch && watch->after) watch->after(watch->context, run, at, op, effective);
  if (alone) run_resume(p);
}

// Until the player hands over (an actor then waits for its next turn) or its stream ends.
static void play(struct player *p) {
  struct tri_run *run = p->run;
  come(p);
  while ((p->at = own(p, p->at)) < run->program->count && !TRI_RELAXED_LOAD(&run->stop)) {
    const struct tri_op *op = &run->program->ops[p->at];
    if (!pay(p, op)) {
      leave_loops(p);
      continue;
    }
    bool ready = true;
    if (run_needs_heap((enum tri_op_code)op->code)) {
      if (run->concurrent && run->params->decisions) note_start(p);
      if (run->concurrent) between_operations(p);
      ready = p->m || run_attach(p);
    }
    if (ready) step(p, op);
    p->at = own(p, p->at + 1);
    if (!p->hands_over) continue;
    p->hands_over = false;
    struct player *to = run->concurrent && !TRI_FIBERS ? NULL : run_first(run); // threads take no turns
    if (to == p) continue;
    leave(p);
    if (!run->concurrent) return;
    if (to) tri_schedule_hand_over(actor_number(to));
    come(p);
  }
  p->ended = true;
  leave(p);
}

static void play_actor(void *player) {
  struct player *p = player;
  tri_actor_self()->local = p;
  play(p);
  struct player *to = TRI_FIBERS ? run_first(p->run) : NULL;
  if (to) tri_schedule_prefer(actor_number(to));
}

// The last to join of those that wait: whose next operation stands first.
static struct player *to_join(struct tri_run *run, unsigned started, unsigned joined) {
  struct player *first = NULL;
  for (unsigned k = 1; k < started; k++) {
    struct player *p = &run->players[k];
    if (!(joined >> k & 1) && (!first || (TRI_FIBERS && p->at < first->at))) first = p;
  }
  return first;
}

static void play_concurrently(struct tri_run *run) {
  unsigned started = 1, joined = 0;
  tri_actor_self()->local = &run->players[0];
  while (started < run->n_players &&
         tri_actor_spawn(&run->players[started].actor, TRI_ACTOR_MUTATOR, play_actor, &run->players[started]))
    started++;
  if (started < run->n_players) run_finish(&run->players[0], TRI_RUN_NO_HEAP, "no actor for m%u", started);
  play(&run->players[0]);
  for (struct player *p; (p = to_join(run, started, joined)); joined |= 1u << p->number) {
    tri_schedule_prefer(actor_number(p));
    tri_actor_join(&p->actor);
  }
}

void run_play(struct tri_run *run) {
  if (run->concurrent) play_concurrently(run);
  run->concurrent = false;
  run->turn = &run->players[0];
  for (struct player *p; (p = run_first(run));) play(run->turn = p);
  run->turn = &run->players[0];
  while (!run->turn->owns && run->turn < &run->players[TRI_MUTATORS - 1]) run->turn++;
  if (run->turn->owns) come(run->turn);
}

bool op_policy(uint32_t policy, uint32_t seed) {
  static const enum tri_schedule_policy policies[TRI_POLICIES] = {
      [TRI_POLICY_BLOCK] = TRI_SCHEDULE_RUN_TO_BLOCK,
      [TRI_POLICY_RANDOM] = TRI_SCHEDULE_RANDOM_WALK,
      [TRI_POLICY_PCT] = TRI_SCHEDULE_PCT,
      [TRI_POLICY_ROBIN] = TRI_SCHEDULE_ROUND_ROBIN,
  };
  tri_schedule_set_policy(&(struct tri_schedule){.policy = policies[policy],
                                                 .seed = seed,
                                                 .depth = 1 + seed % 4,
                                                 .length = 16u << seed / 4 % 6, // of what is left
                                                 .quantum = 1 + seed % 8});
  return true;
}
