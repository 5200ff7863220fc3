// Weak references, ephemerons, finalizers, explicit free.
#include "program/exec_state.h"

bool op_weak_get(struct tri_run *run, uint32_t to, uint32_t r) {
  run->result->collector_dependent = true;
  if (!has(run, TRI_CAP_WEAK)) return op_load(run, to, r, 0, false);
  struct object weak = run_object(run, r, WEAK);
  if (tri_is_null(weak.ref)) return false;
  run_set_slot(run, to, tri_weak_get(mutator(run), weak.ref));
  return true;
}

bool op_weak_set(struct tri_run *run, uint32_t r, uint32_t target) {
  run->result->collector_dependent = true;
  tri_ref ref = run_value(run, target);
  if (!has(run, TRI_CAP_WEAK)) return op_store(run, r, 0, ref);
  struct object weak = run_object(run, r, WEAK);
  if (tri_is_null(weak.ref)) return false;
  tri_weak_set(mutator(run), weak.ref, ref);
  return true;
}

bool op_ephemeron_set(struct tri_run *run, uint32_t r, uint32_t key, uint32_t held) {
  run->result->collector_dependent = true;
  tri_ref key_ref = run_value(run, key), held_ref = run_value(run, held);
  if (!has(run, TRI_CAP_EPHEMERON)) return op_store(run, r, 0, key_ref) && op_store(run, r, 1, held_ref);
  struct object ephemeron = run_object(run, r, EPHEMERON);
  if (tri_is_null(ephemeron.ref)) return false;
  tri_ephemeron_set(mutator(run), ephemeron.ref, key_ref, held_ref);
  return true;
}

bool op_ephemeron_get(struct tri_run *run, uint32_t to, uint32_t r, bool key) {
  run->result->collector_dependent = true;
  if (!has(run, TRI_CAP_EPHEMERON)) return op_load(run, to, r, !key, false);
  struct object ephemeron = run_object(run, r, EPHEMERON);
  if (tri_is_null(ephemeron.ref)) return false;
  run_set_slot(run, to,
           key ? tri_ephemeron_key(mutator(run), ephemeron.ref)
               : tri_ephemeron_value(mutator(run), ephemeron.ref));
  return true;
}

bool op_finalized(struct tri_run *run, uint32_t r) {
  run->result->collector_dependent = true;
  uint64_t cookie;
  tri_ref ref = has(run, TRI_CAP_FINALIZER) ? tri_finalizer_next(mutator(run), &cookie) : TRI_NULL;
  run_set_slot(run, r, ref);
  return !tri_is_null(ref);
}

bool op_free(struct tri_run *run, uint32_t r) {
  int at = run_find(run, r, ANY);
  if (at < 0) return false;
  collecting(run);
  if (has(run, TRI_CAP_EXPLICIT_FREE) && top(run)->private >> at & 1) tri_free(mutator(run), top(run)->slot[at]);
  run_set_slot(run, (unsigned)at, TRI_NULL);
  return true;
}
