// Weak references, ephemerons, finalizers, explicit free.
#include "program/exec_state.h"

bool op_weak_get(struct player *p, uint32_t to, uint32_t r) {
  p->tally.collector_dependent = true;
  if (!has(p->run, TRI_CAP_WEAK)) return op_load(p, to, r, 0, false);
  struct object weak = run_object(p, r, WEAK);
  if (tri_is_null(weak.ref)) return false;
  run_set_slot(p, to, tri_weak_get(p->m, weak.ref));
  return true;
}

bool op_weak_set(struct player *p, uint32_t r, uint32_t target) {
  p->tally.capability_dependent = true;
  tri_ref ref = run_value(p, target);
  if (!has(p->run, TRI_CAP_WEAK)) return op_store(p, r, 0, ref);
  struct object weak = run_object(p, r, WEAK);
  if (tri_is_null(weak.ref)) return false;
  tri_weak_set(p->m, weak.ref, ref);
  return true;
}

bool op_ephemeron_set(struct player *p, uint32_t r, uint32_t key, uint32_t held) {
  p->tally.capability_dependent = true;
  tri_ref key_ref = run_value(p, key), held_ref = run_value(p, held);
  if (!has(p->run, TRI_CAP_EPHEMERON)) return op_store(p, r, 0, key_ref) && op_store(p, r, 1, held_ref);
  struct object ephemeron = run_object(p, r, EPHEMERON);
  if (tri_is_null(ephemeron.ref)) return false;
  tri_ephemeron_set(p->m, ephemeron.ref, key_ref, held_ref);
  return true;
}

bool op_ephemeron_get(struct player *p, uint32_t to, uint32_t r, bool key) {
  p->tally.collector_dependent = true;
  if (!has(p->run, TRI_CAP_EPHEMERON)) return op_load(p, to, r, !key, false);
  struct object ephemeron = run_object(p, r, EPHEMERON);
  if (tri_is_null(ephemeron.ref)) return false;
  run_set_slot(p, to,
           key ? tri_ephemeron_key(p->m, ephemeron.ref)
               : tri_ephemeron_value(p->m, ephemeron.ref));
  return true;
}

bool op_finalized(struct player *p, uint32_t r) {
  p->tally.collector_dependent = true;
  uint64_t cookie;
  tri_ref ref = has(p->run, TRI_CAP_FINALIZER) ? tri_finalizer_next(p->m, &cookie) : TRI_NULL;
  run_set_slot(p, r, ref);
  return !tri_is_null(ref);
}

bool op_free(struct player *p, uint32_t r) {
  int at = run_find(p, r, ANY);
  if (at < 0) return false;
  collecting(p);
  if (has(p->run, TRI_CAP_EXPLICIT_FREE) && top(p)->private >> at & 1) tri_free(p->m, top(p)->slot[at]);
  run_set_slot(p, (unsigned)at, TRI_NULL);
  return true;
}
