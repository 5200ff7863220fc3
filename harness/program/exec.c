#include "program/exec.h"

#include <stdarg.h>
#include <stdlib.h>

#include "common/os.h"
#include "common/schedule.h"
#include "program/exec_state.h"
#include "program/text.h"

enum {
  DEFAULT_STEPS = 10000,
  COLLECT_STEPS = 100, // what a repeated collection costs
  OOM_STEPS = 500,
  LARGE_STEPS = 30,
  BYTES_PER_STEP = 16 << 10,
  POINTS = 1 << 20, // scheduling points; more are no progress
  POINTS_PER_STEP = 1 << 10,
};

// May the run end with that? Not if it has ended with something else.
static bool finish_as(struct player *p, enum tri_run_status status, const char *invariant) {
  struct tri_run *run = p->run;
  if (TRI_RELAXED_LOAD(&run->stop) || __atomic_exchange_n(&run->stop, 1, __ATOMIC_ACQ_REL)) return false;
  run->result->status = status;
  run->result->invariant = invariant;
  return true;
}

// What was found, and where in the program.
static void finish_at(struct player *p, const char *row, const char *what) {
  const struct tri_program *program = p->run->program;
  struct tri_run_result *result = p->run->result;
  char text[TRI_OP_TEXT_MAX] = "end";
  if (p->at < program->count) tri_op_text(&program->ops[p->at], text);
  snprintf(result->message, sizeof result->message, "operation %zu (%.60s): %s%s%.900s", p->at + 1, text, row,
           *row ? " " : "", what);
}

TRI_PRINTF(3, 4)
void run_finish(struct player *p, enum tri_run_status status, const char *format, ...) {
  struct tri_run_result *result = p->run->result;
  bool found = status == TRI_RUN_FINDING;
  if (!finish_as(p, status, found ? "run" : NULL)) return;
  char what[sizeof result->message];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  if (found) finish_at(p, "", what);
  else snprintf(result->message, sizeof result->message, "%s", what);
}

void tri_run_finding(struct tri_run *run, const char *invariant, const char *text) {
  struct player *p = run_current(run);
  if (finish_as(p, TRI_RUN_FINDING, invariant)) finish_at(p, invariant, text);
}

static bool op_fail(uint32_t n) {
  tri_os_fail_at(n);
  return true;
}

static bool op_zeal(struct player *p, uint32_t n) {
  TRI_RELAXED_STORE(&p->run->zeal, n);
  p->since_zeal = 0;
  return true;
}

static bool op_poll(struct tri_run *run, uint32_t n) {
  TRI_RELAXED_STORE(&run->unpolled_max, n ? n - 1 : 0);
  return true;
}

// Decide whether to go back: p->at is the operation executed last.
static bool op_loop(struct player *p, uint32_t back, uint32_t times) {
  struct loop *loop = p->n_loops ? &p->loops[p->n_loops - 1] : NULL;
  if (!loop || loop->at != p->at) {
    if (!back || !times || !p->at || p->n_loops == MAX_LOOPS) return false;
    loop = &p->loops[p->n_loops++];
    *loop = (struct loop){p->at, times};
  }
  if (loop->remaining-- == 0) {
    p->n_loops--;
    return false;
  }
  p->at -= smaller(back, p->at) + 1; // one is added after each operation
  return true;
}

// Operations that are about a collection, whatever they do to it.
static bool collects(enum tri_op_code code) {
  switch (code) {
  case TRI_OP_MINOR:
  case TRI_OP_FULL:
  case TRI_OP_COMPACT:
  case TRI_OP_START:
  case TRI_OP_STEP:
  case TRI_OP_FINISH:
  case TRI_OP_VERIFY:
    return true;
  default:
    return false;
  }
}

int64_t run_cost(const struct tri_run *run, const struct tri_op *op) {
  uint32_t zeal = TRI_RELAXED_LOAD(&run->zeal);
  if (collects((enum tri_op_code)op->code)) return COLLECT_STEPS;
  switch ((enum tri_op_code)op->code) {
  case TRI_OP_OOM:
    return OOM_STEPS;
  case TRI_OP_LARGE: return LARGE_STEPS;
  case TRI_OP_EXACT: return 1 + (int64_t)(op->operand[1] * sizeof(tri_ref) + op->operand[2]) / BYTES_PER_STEP;
  default: return zeal && op->code <= TRI_OP_GROW ? 1 + COLLECT_STEPS / (int64_t)zeal : 1;
  }
}

bool run_needs_heap(enum tri_op_code code) {
  switch (code) {
  case TRI_OP_HEAP:
  case TRI_OP_OPTION:
  case TRI_OP_ZEAL:
  case TRI_OP_FAIL:
  case TRI_OP_YIELD:
  case TRI_OP_POLICY:
  case TRI_OP_LOOP:
  case TRI_OP_POLL: return false;
  default: return true;
  }
}

// Does the operation work on what players share? Objects are shared too, but in fibers form nothing happens to them
// at the same time but what the schedule wants to happen. What may collect must not hold a lock: it orders itself.
static bool needs_lock(enum tri_op_code code) {
  if (collects(code)) return false;
  switch (code) {
  case TRI_OP_HEAP:
  case TRI_OP_OPTION:
  case TRI_OP_SEND:
  case TRI_OP_RECEIVE:
  case TRI_OP_GLOBAL_GET:
  case TRI_OP_GLOBAL_SET:
  case TRI_OP_GLOBAL_DROP:
  case TRI_OP_PIN:
  case TRI_OP_UNPIN: return true;
  case TRI_OP_MUTATOR:
  case TRI_OP_FREE:
  case TRI_OP_SAFEPOINT:
  case TRI_OP_OOM:
    return false;
  default: return !TRI_FIBERS && code > TRI_OP_GROW;
  }
}

// Execute one operation; true if it did something.
static bool execute(struct player *p, const struct tri_op *op) {
  const uint32_t *o = op->operand;
  switch ((enum tri_op_code)op->code) {
  case TRI_OP_LEAF: return run_allocate_to(p, o[0], 0, tri_size(TRI_SMALL_SIZE, o[1]));
  case TRI_OP_PAIR: return op_pair(p, o[0], o[1], o[2]);
  case TRI_OP_REFS: return run_allocate_to(p, o[0], o[1], 0);
  case TRI_OP_MIXED: return run_allocate_to(p, o[0], o[1], tri_size(TRI_SMALL_SIZE, o[2]));
  case TRI_OP_LARGE: return run_allocate_to(p, o[0], o[1], tri_size(TRI_LARGE_SIZE, o[2]));
  case TRI_OP_EXACT: return run_allocate_to(p, o[0], o[1], o[2]);
  case TRI_OP_WEAK: return op_weak_new(p, o[0], o[1]);
  case TRI_OP_EPHEMERON: return op_ephemeron_new(p, o[0], o[1], o[2]);
  case TRI_OP_FINALIZABLE: return op_finalizable(p, o[0], o[1]);
  case TRI_OP_PINNED: return op_pinned(p, o[0], o[1], tri_size(TRI_SMALL_SIZE, o[2]));
  case TRI_OP_IMMORTAL: return op_immortal(p, o[0], o[1]);
  case TRI_OP_GROW: return op_grow(p, o[0], o[1]);

  case TRI_OP_STORE: return op_store(p, o[0], o[1], run_value(p, o[2]));
  case TRI_OP_STORE_NULL: return op_store(p, o[0], o[1], TRI_NULL);
  case TRI_OP_INIT: return op_init(p, o[0], o[1], run_value(p, o[2]));
  case TRI_OP_COPY: return op_copy(p, o);
  case TRI_OP_SLIDE: return op_slide(p, o[0], o[1], o[2], o[3]);
  case TRI_OP_FILL: return op_fill(p, o[0], o[1], run_value(p, o[2]), o[3]);
  case TRI_OP_FILL_NULL: return op_fill(p, o[0], o[1], TRI_NULL, o[2]);
  case TRI_OP_SWAP: return op_swap(p, o[0], o[1], o[2], o[3]);
  case TRI_OP_CAS: return op_cas(p, o[0], o[1], run_value(p, o[2]));
  case TRI_OP_CAS_IF: return op_cas_if(p, o[0], o[1], run_value(p, o[2]), o[3]);

  case TRI_OP_LOAD: return op_load(p, o[0], o[1], o[2], false);
  case TRI_OP_HIDE: return op_load(p, o[0], o[1], o[2], true);
  case TRI_OP_MOVE: return run_set_slot(p, o[0], run_value(p, o[1])), true;
  case TRI_OP_DROP: return run_set_slot(p, o[0], TRI_NULL), true;
  case TRI_OP_DROP_ALL: return op_drop_all(p);
  case TRI_OP_SAME: return op_same(p, o[0], o[1]);
  case TRI_OP_GLOBAL_GET: return op_global_get(p, o[0], o[1]);
  case TRI_OP_GLOBAL_SET: return op_global_set(p, o[0], o[1]);
  case TRI_OP_GLOBAL_DROP: return op_global_drop(p, o[0]);
  case TRI_OP_CALL: return op_call(p, o[0]);
  case TRI_OP_RETURN: return op_return(p, o[0], o[1]);

  case TRI_OP_MUTATOR: return op_mutator(p, o[0]);
  case TRI_OP_SEND: return op_send(p, o[0], o[1]);
  case TRI_OP_RECEIVE: return op_receive(p, o[0]);

  case TRI_OP_WRITE: return op_write(p, o[0], o[1]);
  case TRI_OP_CHECK: return op_check(p, o[0]);
  case TRI_OP_PRINT: return op_print(p, o[0]);

  case TRI_OP_WEAK_GET: return op_weak_get(p, o[0], o[1]);
  case TRI_OP_WEAK_SET: return op_weak_set(p, o[0], o[1]);
  case TRI_OP_EPHEMERON_SET: return op_ephemeron_set(p, o[0], o[1], o[2]);
  case TRI_OP_EPHEMERON_KEY: return op_ephemeron_get(p, o[0], o[1], true);
  case TRI_OP_EPHEMERON_VALUE: return op_ephemeron_get(p, o[0], o[1], false);
  case TRI_OP_FINALIZER: return op_finalizer(p, o[0]);
  case TRI_OP_FINALIZED: return op_finalized(p, o[0]);
  case TRI_OP_PIN: return op_pin(p, o[0]);
  case TRI_OP_UNPIN: return op_unpin(p, o[0]);
  case TRI_OP_FREE: return op_free(p, o[0]);

  case TRI_OP_SAFEPOINT: return run_safepoint(p);
  case TRI_OP_START: return op_start(p);
  case TRI_OP_MINOR: return run_collect(p, TRI_COLLECT_MINOR);
  case TRI_OP_STEP: return op_step(p, o[0]);
  case TRI_OP_FINISH: return op_finish(p);
  case TRI_OP_FULL: return run_collect(p, TRI_COLLECT_FULL);
  case TRI_OP_COMPACT: return run_collect(p, TRI_COLLECT_COMPACT);

  case TRI_OP_HEAP: return op_heap(p->run, tri_size(TRI_HEAP_SIZE, o[0]));
  case TRI_OP_OPTION: return op_option(p->run, o[0], o[1]);
  case TRI_OP_ZEAL: return op_zeal(p, o[0]);
  case TRI_OP_OOM: return op_oom(p, tri_size(TRI_LARGE_SIZE, o[0]));
  case TRI_OP_FAIL: return op_fail(o[0]);
  case TRI_OP_YIELD: return tri_schedule_decide(o[1] + 1, o[0]);
  case TRI_OP_POLICY: return op_policy(o[0], o[1]);
  case TRI_OP_VERIFY: return op_verify(p);
  case TRI_OP_LOOP: return op_loop(p, o[0], o[1]);
  case TRI_OP_POLL: return op_poll(p->run, o[0]);
  case TRI_OP_COUNT: break;
  }
  return false;
}

bool run_execute(struct player *p, const struct tri_op *op) {
  struct tri_run *run = p->run;
  if (!run->concurrent || !needs_lock((enum tri_op_code)op->code)) return execute(p, op);
  tri_mutex_lock_quietly(&run->lock);
  bool effective = execute(p, op);
  tri_mutex_unlock_quietly(&run->lock);
  return effective;
}

static void pop_frames(struct tri_mutator *m) {
  while (m->frames) tri_frame_leave(m, m->frames);
}

static void tear_down(struct tri_run *run) {
  struct player *last = run_current(run);
  struct tri_mutator *m = last->m;
  while (run->n_pins) run_unpin(last, run->n_pins - 1);
  while (run->n_immortals) tri_handle_free(m, run->immortals[--run->n_immortals]);
  for (unsigned page = 0; page < TRI_GLOBALS / GLOBAL_PAGE; page++)
    for (unsigned i = 0; run->globals[page] && i < GLOBAL_PAGE; i++)
      if (run->globals[page][i]) tri_handle_free(m, run->globals[page][i]);
  for (unsigned k = 0; k < TRI_MUTATORS; k++) {
    struct player *p = &run->players[k];
    while (p->mail_count) tri_handle_free(m, p->mail[--p->mail_count]);
  }
  for (unsigned k = 0; k < TRI_MUTATORS; k++) {
    struct player *p = &run->players[k];
    if (!p->owns || p == last) continue;
    tri_park(m);
    tri_unpark(p->m);
    pop_frames(p->m);
    tri_detach(p->m);
    tri_unpark(m);
  }
  pop_frames(m);
  for (unsigned k = 0; k < TRI_MUTATORS; k++) run->players[k].depth = 0;
  const struct tri_run_watch *watch = run->params->watch;
  if (watch && watch->emptied) watch->emptied(watch->context, run);
  tri_detach(m);
  run->result->collections = run->heap->epoch;
  tri_heap_destroy(run->heap);
}

static void add_up(struct tri_run *run) {
  struct tri_run_result *result = run->result;
  for (unsigned k = 0; k < TRI_MUTATORS; k++) {
    const struct player *p = &run->players[k];
    result->steps += p->tally.steps;
    result->effective += p->tally.effective;
    result->allocations += p->tally.allocations;
    result->out_of_memory += p->tally.out_of_memory;
    result->collector_dependent |= p->tally.collector_dependent;
    result->capability_dependent |= p->tally.capability_dependent;
  }
}

static void run_program(void *context) {
  struct tri_run *run = context;
  const struct tri_run_watch *watch = run->params->watch;
  if (watch && watch->starting) watch->starting(watch->context, run);
  run_play(run);
  tri_os_fail_at(0);
  add_up(run);
  if (!run->heap) return;
  if (watch && watch->finishing) watch->finishing(watch->context, run);
  if (run->result->status == TRI_RUN_OK) run_hash_graph(run);
  tri_schedule_note(run->result->graph_hash);
  tear_down(run);
}

// Do mutators run concurrently? In threads form if that is asked for; in fibers form if the program schedules them:
// without, the outcome is that of taking turns.
static bool concurrent(const struct tri_run *run) {
  const struct tri_caps *caps = &run->params->collector->caps;
  const struct tri_program *program = run->program;
  if (run->n_players == 1 || !(caps->flags & TRI_CAP_MULTI_MUTATOR) || caps->max_mutators < run->n_players) return false;
  if (!TRI_FIBERS) return run->params->parallel;
  for (size_t i = 0; i < program->count; i++)
    if (program->ops[i].code == TRI_OP_YIELD || program->ops[i].code == TRI_OP_POLICY) return true;
  return false;
}

// No actor can go on, or they go on for ever. What they held is lost.
static void report_stuck(struct tri_run *run, enum tri_schedule_status status) {
  char where[100] = "";
  size_t used = 0;
  for (unsigned k = 0; k < run->n_players; k++)
    if (!run->players[k].ended)
      used += (size_t)snprintf(where + used, sizeof where - used, ", m%u at operation %zu", k, run->players[k].at + 1);
  tri_os_fail_at(0);
  run->stop = run->result->status != TRI_RUN_OK;
  run_finish(run_current(run), TRI_RUN_FINDING, "%s%s", tri_schedule_status_text(status), where);
  run->result->stuck = true;
}

enum tri_run_status tri_program_run(const struct tri_program *program, const struct tri_run_params *params,
                                    struct tri_run_result *result) {
  *result = (struct tri_run_result){0};
  struct tri_run *run = calloc(1, sizeof *run);
  if (run) run->program = program, run->params = params, run->result = result;
  if (!run || !run_find_owners(run)) {
    free(run);
    snprintf(result->message, sizeof result->message, "out of memory");
    return result->status = TRI_RUN_NO_HEAP;
  }
  run->budget = params->max_steps && params->max_steps < INT64_MAX ? (int64_t)params->max_steps : DEFAULT_STEPS;
  run->concurrent = concurrent(run);
  tri_mutex_init(&run->lock);
  tri_mutex_init(&run->rest_lock);
  tri_condition_init(&run->rest_changed);
  struct tri_schedule schedule = {.max_points = POINTS + POINTS_PER_STEP * (program->count + (uint64_t)run->budget)};
  void *local = tri_actor_self()->local; // which m0 uses
  struct tri_schedule_result ended = tri_schedule_run(&schedule, run_program, run);
  if (ended.status != TRI_SCHEDULE_OK) report_stuck(run, ended.status);
  tri_actor_self()->local = local;
  if (params->decisions) run_tell_decisions(run, &ended);
  result->event_hash = ended.hash;
  result->switches = ended.switches;
  result->preemptions = ended.preemptions;
  if (ended.preemptions) result->collector_dependent = true; // its yield points are part of the schedule
  for (unsigned page = 0; page < TRI_GLOBALS / GLOBAL_PAGE; page++) free(run->globals[page]);
  free(run->owner);
  free(run->starts);
  free(run);
  return result->status;
}
