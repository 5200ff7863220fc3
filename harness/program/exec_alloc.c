// Operations that allocate.
#include "program/exec_state.h"

enum { MAX_OOM_OBJECTS = 1024 };

bool op_pair(struct tri_run *run, uint32_t r, uint32_t first, uint32_t second) {
  tri_ref fresh = run_allocate(run, TRI_SHAPE(2, 0));
  if (!tri_is_null(fresh)) {
    tri_init(mutator(run), fresh, 0, run_value(run, first));
    tri_init(mutator(run), fresh, 1, run_value(run, second));
    run->fresh = TRI_NULL;
  }
  run_set_slot(run, r, fresh);
  return !tri_is_null(fresh);
}

bool op_weak_new(struct tri_run *run, uint32_t r, uint32_t target) {
  run->result->collector_dependent = true;
  bool weak = has(run, TRI_CAP_WEAK);
  tri_ref fresh = run_allocate(run, weak ? TRI_WEAK_SHAPE : TRI_SHAPE(1, 0));
  if (!tri_is_null(fresh)) {
    if (weak) tri_weak_set(mutator(run), fresh, run_value(run, target));
    else tri_init(mutator(run), fresh, 0, run_value(run, target));
    run->fresh = TRI_NULL;
  }
  run_set_slot(run, r, fresh);
  return !tri_is_null(fresh);
}

bool op_ephemeron_new(struct tri_run *run, uint32_t r, uint32_t key, uint32_t held) {
  run->result->collector_dependent = true;
  if (!has(run, TRI_CAP_EPHEMERON)) return op_pair(run, r, key, held);
  tri_ref fresh = run_allocate(run, TRI_EPHEMERON_SHAPE);
  if (!tri_is_null(fresh))
    tri_ephemeron_set(mutator(run), fresh, run_value(run, key), run_value(run, held));
  run->fresh = TRI_NULL;
  run_set_slot(run, r, fresh);
  return !tri_is_null(fresh);
}

static bool add_finalizer(struct tri_run *run, unsigned r) {
  if (!has(run, TRI_CAP_FINALIZER)) return false;
  top(run)->private &= ~(UINT32_C(1) << r);
  if (tri_finalizer_add(mutator(run), top(run)->slot[r], ++run->cookie) == TRI_OK) return true;
  return run_refused(run);
}

bool op_finalizer(struct tri_run *run, uint32_t r) {
  struct object found = run_object(run, r, NODE);
  return found.at >= 0 && add_finalizer(run, (unsigned)found.at);
}

bool op_finalizable(struct tri_run *run, uint32_t r, uint32_t n) {
  if (!run_allocate_to(run, r, n, 0)) return false;
  add_finalizer(run, r);
  return true;
}

bool op_pinned(struct tri_run *run, uint32_t r, uint32_t n, uint64_t bytes) {
  if (!run_allocate_to(run, r, n, bytes)) return false;
  top(run)->private &= ~(UINT32_C(1) << r);
  if (has(run, TRI_CAP_PIN) && !tri_pin(mutator(run), top(run)->slot[r])) run->result->out_of_memory++;
  return true;
}

bool op_immortal(struct tri_run *run, uint32_t r, uint32_t n) {
  if (!run_allocate_to(run, r, n, 0)) return false;
  if (run->n_immortals == MAX_IMMORTALS) return true;
  struct tri_handle *handle = run_new_handle(run, run_value(run, r));
  if (handle) run->immortals[run->n_immortals++] = handle;
  return true;
}

bool op_grow(struct tri_run *run, uint32_t r, uint32_t from) {
  struct object old = run_object(run, from, NODE);
  if (tri_is_null(old.ref)) return false;
  size_t n = tri_shape_refs(old.shape), wanted = n ? 2 * n : 1;
  if (wanted > tri_operand_limit(TRI_FIELD)) return false;
  tri_ref fresh = run_allocate(run, TRI_SHAPE(wanted, tri_shape_bytes(old.shape)));
  if (tri_is_null(fresh)) return false;
  if (n) tri_copy(mutator(run), fresh, 0, top(run)->slot[old.at], 0, n);
  run->fresh = TRI_NULL;
  run_set_slot(run, r, fresh);
  return true;
}

bool op_oom(struct tri_run *run, uint64_t bytes) {
  for (unsigned i = 0; i < MAX_OOM_OBJECTS; i++) {
    collecting(run);
    tri_ref fresh = tri_alloc(mutator(run), TRI_SHAPE(1, bytes));
    if (tri_is_null(fresh)) {
      run->result->out_of_memory++;
      break;
    }
    tri_init(mutator(run), fresh, 0, top(run)->slot[SCRATCH]);
    run_set_slot(run, SCRATCH, fresh);
  }
  run_set_slot(run, SCRATCH, TRI_NULL);
  return true;
}
