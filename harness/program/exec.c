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
};

TRI_PRINTF(3, 4)
void run_finish(struct tri_run *run, enum tri_run_status status, const char *format, ...) {
  struct tri_run_result *result = run->result;
  run->stop = true;
  if (result->status != TRI_RUN_OK) return; // the first counts
  result->status = status;
  result->invariant = status == TRI_RUN_FINDING ? "run" : NULL;
  char what[sizeof result->message], text[TRI_OP_TEXT_MAX] = "end";
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  if (run->at < run->program->count) tri_op_text(&run->program->ops[run->at], text);
  if (status == TRI_RUN_FINDING)
    snprintf(result->message, sizeof result->message, "operation %zu (%.60s): %.900s", run->at + 1, text, what);
  else snprintf(result->message, sizeof result->message, "%s", what);
}

void tri_run_finding(struct tri_run *run, const char *text) { run_finish(run, TRI_RUN_FINDING, "%s", text); }

static bool op_fail(uint32_t n) {
  tri_os_fail_at(n);
  return true;
}

static bool op_zeal(struct tri_run *run, uint32_t n) {
  run->zeal = n;
  run->since_zeal = 0;
  return true;
}

// Decide whether to go back: run->at is the operation executed last.
static bool op_loop(struct tri_run *run, uint32_t back, uint32_t times) {
  struct loop *loop = run->n_loops ? &run->loops[run->n_loops - 1] : NULL;
  if (!loop || loop->at != run->at) {
    if (!back || !times || !run->at || run->n_loops == MAX_LOOPS) return false;
    loop = &run->loops[run->n_loops++];
    *loop = (struct loop){run->at, times};
  }
  if (loop->remaining-- == 0) {
    run->n_loops--;
    return false;
  }
  run->at -= smaller(back, run->at) + 1; // the main loop adds one
  return true;
}

static uint64_t cost(const struct tri_run *run, const struct tri_op *op) {
  switch ((enum tri_op_code)op->code) {
  case TRI_OP_OOM: return OOM_STEPS;
  case TRI_OP_MINOR:
  case TRI_OP_FULL:
  case TRI_OP_COMPACT:
  case TRI_OP_START:
  case TRI_OP_STEP:
  case TRI_OP_FINISH:
  case TRI_OP_VERIFY: return COLLECT_STEPS;
  case TRI_OP_LARGE: return LARGE_STEPS;
  case TRI_OP_EXACT: return 1 + (op->operand[1] * sizeof(tri_ref) + op->operand[2]) / BYTES_PER_STEP;
  default: return run->zeal && op->code <= TRI_OP_GROW ? 1 + COLLECT_STEPS / run->zeal : 1;
  }
}

static bool needs_heap(enum tri_op_code code) {
  switch (code) {
  case TRI_OP_HEAP:
  case TRI_OP_OPTION:
  case TRI_OP_ZEAL:
  case TRI_OP_FAIL:
  case TRI_OP_YIELD:
  case TRI_OP_POLICY:
  case TRI_OP_LOOP: return false;
  default: return true;
  }
}

// Execute one operation; true if it did something.
static bool execute(struct tri_run *run, const struct tri_op *op) {
  const uint32_t *o = op->operand;
  switch ((enum tri_op_code)op->code) {
  case TRI_OP_LEAF: return run_allocate_to(run, o[0], 0, tri_size(TRI_SMALL_SIZE, o[1]));
  case TRI_OP_PAIR: return op_pair(run, o[0], o[1], o[2]);
  case TRI_OP_REFS: return run_allocate_to(run, o[0], o[1], 0);
  case TRI_OP_MIXED: return run_allocate_to(run, o[0], o[1], tri_size(TRI_SMALL_SIZE, o[2]));
  case TRI_OP_LARGE: return run_allocate_to(run, o[0], o[1], tri_size(TRI_LARGE_SIZE, o[2]));
  case TRI_OP_EXACT: return run_allocate_to(run, o[0], o[1], o[2]);
  case TRI_OP_WEAK: return op_weak_new(run, o[0], o[1]);
  case TRI_OP_EPHEMERON: return op_ephemeron_new(run, o[0], o[1], o[2]);
  case TRI_OP_FINALIZABLE: return op_finalizable(run, o[0], o[1]);
  case TRI_OP_PINNED: return op_pinned(run, o[0], o[1], tri_size(TRI_SMALL_SIZE, o[2]));
  case TRI_OP_IMMORTAL: return op_immortal(run, o[0], o[1]);
  case TRI_OP_GROW: return op_grow(run, o[0], o[1]);

  case TRI_OP_STORE: return op_store(run, o[0], o[1], run_value(run, o[2]));
  case TRI_OP_STORE_NULL: return op_store(run, o[0], o[1], TRI_NULL);
  case TRI_OP_INIT: return op_init(run, o[0], o[1], run_value(run, o[2]));
  case TRI_OP_COPY: return op_copy(run, o);
  case TRI_OP_SLIDE: return op_slide(run, o[0], o[1], o[2], o[3]);
  case TRI_OP_FILL: return op_fill(run, o[0], o[1], run_value(run, o[2]), o[3]);
  case TRI_OP_FILL_NULL: return op_fill(run, o[0], o[1], TRI_NULL, o[2]);
  case TRI_OP_SWAP: return op_swap(run, o[0], o[1], o[2], o[3]);
  case TRI_OP_CAS: return op_cas(run, o[0], o[1], run_value(run, o[2]));
  case TRI_OP_CAS_IF: return op_cas_if(run, o[0], o[1], run_value(run, o[2]), o[3]);

  case TRI_OP_LOAD: return op_load(run, o[0], o[1], o[2], false);
  case TRI_OP_HIDE: return op_load(run, o[0], o[1], o[2], true);
  case TRI_OP_MOVE: return run_set_slot(run, o[0], run_value(run, o[1])), true;
  case TRI_OP_DROP: return run_set_slot(run, o[0], TRI_NULL), true;
  case TRI_OP_DROP_ALL: return op_drop_all(run);
  case TRI_OP_SAME: return op_same(run, o[0], o[1]);
  case TRI_OP_GLOBAL_GET: return op_global_get(run, o[0], o[1]);
  case TRI_OP_GLOBAL_SET: return op_global_set(run, o[0], o[1]);
  case TRI_OP_GLOBAL_DROP: return op_global_drop(run, o[0]);
  case TRI_OP_CALL: return op_call(run, o[0]);
  case TRI_OP_RETURN: return op_return(run, o[0], o[1]);

  case TRI_OP_MUTATOR: return op_mutator(run, o[0]);
  case TRI_OP_SEND: return op_send(run, o[0], o[1]);
  case TRI_OP_RECEIVE: return op_receive(run, o[0]);

  case TRI_OP_WRITE: return op_write(run, o[0], o[1]);
  case TRI_OP_CHECK: return op_check(run, o[0]);
  case TRI_OP_PRINT: return op_print(run, o[0]);

  case TRI_OP_WEAK_GET: return op_weak_get(run, o[0], o[1]);
  case TRI_OP_WEAK_SET: return op_weak_set(run, o[0], o[1]);
  case TRI_OP_EPHEMERON_SET: return op_ephemeron_set(run, o[0], o[1], o[2]);
  case TRI_OP_EPHEMERON_KEY: return op_ephemeron_get(run, o[0], o[1], true);
  case TRI_OP_EPHEMERON_VALUE: return op_ephemeron_get(run, o[0], o[1], false);
  case TRI_OP_FINALIZER: return op_finalizer(run, o[0]);
  case TRI_OP_FINALIZED: return op_finalized(run, o[0]);
  case TRI_OP_PIN: return op_pin(run, o[0]);
  case TRI_OP_UNPIN: return op_unpin(run, o[0]);
  case TRI_OP_FREE: return op_free(run, o[0]);

  case TRI_OP_SAFEPOINT: return run_safepoint(run);
  case TRI_OP_START: return op_start(run);
  case TRI_OP_MINOR: return run_collect(run, TRI_COLLECT_MINOR);
  case TRI_OP_STEP: return op_step(run, o[0]);
  case TRI_OP_FINISH: return op_finish(run);
  case TRI_OP_FULL: return run_collect(run, TRI_COLLECT_FULL);
  case TRI_OP_COMPACT: return run_collect(run, TRI_COLLECT_COMPACT);

  case TRI_OP_HEAP: return op_heap(run, tri_size(TRI_HEAP_SIZE, o[0]));
  case TRI_OP_OPTION: return op_option(run, o[0], o[1]);
  case TRI_OP_ZEAL: return op_zeal(run, o[0]);
  case TRI_OP_OOM: return op_oom(run, tri_size(TRI_LARGE_SIZE, o[0]));
  case TRI_OP_FAIL: return op_fail(o[0]);
  case TRI_OP_YIELD: return tri_schedule_decide(o[1] + 1, o[0]);
  case TRI_OP_POLICY: return op_policy(o[0], o[1]);
  case TRI_OP_VERIFY: return op_verify(run);
  case TRI_OP_LOOP: return op_loop(run, o[0], o[1]);
  case TRI_OP_COUNT: break;
  }
  return false;
}

static void pop_frames(struct tri_mutator *m) {
  while (m->frames) tri_frame_leave(m, m->frames);
}

static void tear_down(struct tri_run *run) {
  struct tri_mutator *m = mutator(run);
  while (run->n_pins) run_unpin(run, run->n_pins - 1);
  while (run->n_immortals) tri_handle_free(m, run->immortals[--run->n_immortals]);
  for (unsigned page = 0; page < TRI_GLOBALS / GLOBAL_PAGE; page++)
    for (unsigned i = 0; run->globals[page] && i < GLOBAL_PAGE; i++)
      if (run->globals[page][i]) tri_handle_free(m, run->globals[page][i]);
  for (unsigned p = 0; p < TRI_MUTATORS; p++) {
    struct player *player = &run->players[p];
    while (player->mail_count) tri_handle_free(m, player->mail[--player->mail_count]);
  }
  for (unsigned p = 0; p < TRI_MUTATORS; p++) {
    struct player *player = &run->players[p];
    if (!player->owns || player->m == m) continue;
    tri_park(m);
    tri_unpark(player->m);
    pop_frames(player->m);
    tri_detach(player->m);
    tri_unpark(m);
  }
  pop_frames(m);
  for (unsigned p = 0; p < TRI_MUTATORS; p++) run->players[p].depth = 0;
  const struct tri_run_watch *watch = run->params->watch;
  if (watch && watch->emptied) watch->emptied(watch->context, run);
  tri_detach(m);
  run->result->collections = run->heap->epoch;
  tri_heap_destroy(run->heap);
}

// The budget for repetitions is used up: go on behind the outermost loop.
static void leave_loops(struct tri_run *run) {
  run->at = run->loops[0].at;
  run->n_loops = 0;
}

static void run_ops(struct tri_run *run) {
  const struct tri_run_watch *watch = run->params->watch;
  for (run->at = 0; run->at < run->program->count && !run->stop; run->at++) {
    size_t at = run->at;
    const struct tri_op *op = &run->program->ops[at];
    // The end of a round is free; a loop that starts within a loop is an operation like another.
    if (run->n_loops && run->loops[run->n_loops - 1].at != at) {
      uint64_t price = cost(run, op);
      if (price > run->budget) {
        leave_loops(run);
        continue;
      }
      run->budget -= price;
    }
    if (needs_heap((enum tri_op_code)op->code) && !run_need_heap(run)) return;
    if (watch && watch->before) watch->before(watch->context, run, at, op);
    bool effective = execute(run, op);
    run->result->steps++;
    run->result->effective += effective;
    if (watch && watch->after) watch->after(watch->context, run, at, op, effective);
  }
}

enum tri_run_status tri_program_run(const struct tri_program *program, const struct tri_run_params *params,
                                    struct tri_run_result *result) {
  *result = (struct tri_run_result){0};
  struct tri_run *run = calloc(1, sizeof *run);
  if (!run) {
    snprintf(result->message, sizeof result->message, "out of memory");
    return result->status = TRI_RUN_NO_HEAP;
  }
  run->program = program;
  run->params = params;
  run->result = result;
  run->budget = params->max_steps ? params->max_steps : DEFAULT_STEPS;
  if (params->watch && params->watch->starting) params->watch->starting(params->watch->context, run);
  tri_schedule_begin(&(struct tri_schedule){.max_points = UINT64_MAX}); // bounded by operations already
  run_ops(run);
  tri_os_fail_at(0);
  if (run->heap) {
    if (params->watch && params->watch->finishing) params->watch->finishing(params->watch->context, run);
    if (result->status == TRI_RUN_OK) run_hash_graph(run);
    tear_down(run);
  }
  tri_schedule_end();
  for (unsigned page = 0; page < TRI_GLOBALS / GLOBAL_PAGE; page++) free(run->globals[page]);
  free(run);
  return result->status;
}
