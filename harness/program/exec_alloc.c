// Operations that allocate.
#include "program/exec_state.h"

// What an `oom` may cost where the heap is large, or where every allocation collects.
enum { MAX_OOM_OBJECTS = 1024, MAX_OOM_COLLECTIONS = 64 };

bool op_pair(struct player *p, uint32_t r, uint32_t first, uint32_t second) {
  tri_ref fresh = run_allocate(p, TRI_SHAPE(2, 0));
  if (!tri_is_null(fresh)) {
    tri_init(p->m, fresh, 0, run_value(p, first));
    tri_init(p->m, fresh, 1, run_value(p, second));
    p->fresh = TRI_NULL;
  }
  run_set_slot(p, r, fresh);
  return !tri_is_null(fresh);
}

bool op_weak_new(struct player *p, uint32_t r, uint32_t target) {
  p->tally.capability_dependent = true;
  bool weak = has(p->run, TRI_CAP_WEAK);
  tri_ref fresh = run_allocate(p, weak ? TRI_WEAK_SHAPE : TRI_SHAPE(1, 0));
  if (!tri_is_null(fresh)) {
    if (weak) tri_weak_set(p->m, fresh, run_value(p, target));
    else tri_init(p->m, fresh, 0, run_value(p, target));
    p->fresh = TRI_NULL;
  }
  run_set_slot(p, r, fresh);
  return !tri_is_null(fresh);
}

bool op_ephemeron_new(struct player *p, uint32_t r, uint32_t key, uint32_t held) {
  p->tally.capability_dependent = true;
  if (!has(p->run, TRI_CAP_EPHEMERON)) return op_pair(p, r, key, held);
  tri_ref fresh = run_allocate(p, TRI_EPHEMERON_SHAPE);
  if (!tri_is_null(fresh))
    tri_ephemeron_set(p->m, fresh, run_value(p, key), run_value(p, held));
  p->fresh = TRI_NULL;
  run_set_slot(p, r, fresh);
  return !tri_is_null(fresh);
}

static bool add_finalizer(struct player *p, unsigned r) {
  if (!has(p->run, TRI_CAP_FINALIZER)) return false;
  top(p)->private &= ~(UINT32_C(1) << r);
  if (tri_finalizer_add(p->m, top(p)->slot[r], ++p->cookie) == TRI_OK) return true;
  return run_refused(p);
}

bool op_finalizer(struct player *p, uint32_t r) {
  struct object found = run_object(p, r, NODE);
  return found.at >= 0 && add_finalizer(p, (unsigned)found.at);
}

bool op_finalizable(struct player *p, uint32_t r, uint32_t n) {
  if (!run_allocate_to(p, r, n, 0)) return false;
  add_finalizer(p, r);
  return true;
}

bool op_pinned(struct player *p, uint32_t r, uint32_t n, uint64_t bytes) {
  if (!run_allocate_to(p, r, n, bytes)) return false;
  top(p)->private &= ~(UINT32_C(1) << r);
  if (has(p->run, TRI_CAP_PIN) && !tri_pin(p->m, top(p)->slot[r])) p->tally.out_of_memory++;
  return true;
}

bool op_immortal(struct player *p, uint32_t r, uint32_t n) {
  if (!run_allocate_to(p, r, n, 0)) return false;
  struct tri_run *run = p->run;
  tri_mutex_lock_quietly(&run->lock);
  if (run->n_immortals < MAX_IMMORTALS) {
    struct tri_handle *handle = run_new_handle(p, run_value(p, r));
    if (handle) run->immortals[run->n_immortals++] = handle;
  }
  tri_mutex_unlock_quietly(&run->lock);
  return true;
}

bool op_grow(struct player *p, uint32_t r, uint32_t from) {
  struct object old = run_object(p, from, NODE);
  if (tri_is_null(old.ref)) return false;
  size_t n = tri_shape_refs(old.shape), wanted = n ? 2 * n : 1;
  if (wanted > tri_operand_limit(TRI_FIELD)) return false;
  tri_ref fresh = run_allocate(p, TRI_SHAPE(wanted, tri_shape_bytes(old.shape)));
  if (tri_is_null(fresh)) return false;
  if (n) tri_copy(p->m, fresh, 0, top(p)->slot[old.at], 0, n);
  p->fresh = TRI_NULL;
  run_set_slot(p, r, fresh);
  return true;
}

bool op_oom(struct player *p, uint64_t bytes) {
  uint64_t last = TRI_RELAXED_LOAD(&p->run->heap->epoch) + MAX_OOM_COLLECTIONS;
  for (unsigned i = 0; i < MAX_OOM_OBJECTS && TRI_RELAXED_LOAD(&p->run->heap->epoch) < last; i++) {
    collecting(p);
    tri_ref fresh = tri_alloc(p->m, TRI_SHAPE(1, bytes));
    if (tri_is_null(fresh)) {
      p->tally.out_of_memory++;
      break;
    }
    tri_init(p->m, fresh, 0, top(p)->slot[SCRATCH]);
    run_set_slot(p, SCRATCH, fresh);
  }
  run_set_slot(p, SCRATCH, TRI_NULL);
  return true;
}
