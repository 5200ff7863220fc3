// Operations on the fields of objects.
#include "program/exec_state.h"

// An object whose fields are written.
static struct object target(struct player *p, uint32_t r) {
  struct object found = run_object(p, r, FIELDS);
  if (found.ref.bits == p->fresh.bits) p->fresh = TRI_NULL;
  return found;
}

bool op_store(struct player *p, uint32_t r, uint32_t i, tri_ref ref) {
  struct object to = target(p, r);
  if (tri_is_null(to.ref)) return false;
  tri_store(p->m, to.ref, field(to, i), ref);
  return true;
}

bool op_init(struct player *p, uint32_t r, uint32_t i, tri_ref ref) {
  struct object to = run_object(p, r, FIELDS);
  if (tri_is_null(to.ref)) return false;
  size_t at = field(to, i);
  if (to.ref.bits != p->fresh.bits || at < p->fresh_from) return op_store(p, r, i, ref);
  tri_init(p->m, to.ref, at, ref);
  p->fresh_from = at + 1;
  return true;
}

bool op_copy(struct player *p, const uint32_t *operand) {
  struct object to = target(p, operand[0]), from = run_object(p, operand[2], FIELDS);
  if (tri_is_null(to.ref)) return false;
  size_t to_i = field(to, operand[1]), from_i = field(from, operand[3]);
  size_t n = smaller(operand[4], smaller(tri_shape_refs(to.shape) - to_i, tri_shape_refs(from.shape) - from_i));
  tri_copy(p->m, to.ref, to_i, from.ref, from_i, n);
  return n > 0;
}

bool op_slide(struct player *p, uint32_t r, uint32_t to, uint32_t from, uint32_t n) {
  return op_copy(p, (const uint32_t[]){r, to, r, from, n});
}

bool op_fill(struct player *p, uint32_t r, uint32_t i, tri_ref ref, uint32_t n) {
  struct object to = target(p, r);
  if (tri_is_null(to.ref)) return false;
  size_t from = field(to, i), count = smaller(n, tri_shape_refs(to.shape) - from);
  tri_fill(p->m, to.ref, from, count, ref);
  return count > 0;
}

bool op_swap(struct player *p, uint32_t kept, uint32_t r, uint32_t i, uint32_t with) {
  struct object to = target(p, r);
  if (tri_is_null(to.ref)) return false;
  run_set_slot(p, kept, tri_swap(p->m, to.ref, field(to, i), run_value(p, with)));
  return true;
}

bool op_cas(struct player *p, uint32_t r, uint32_t i, tri_ref ref) {
  struct object to = target(p, r);
  if (tri_is_null(to.ref)) return false;
  size_t at = field(to, i);
  tri_ref expected = tri_load(p->m, to.ref, at);
  if (!tri_cas(p->m, to.ref, at, expected, ref) && !p->run->concurrent)
    run_finish(p, TRI_RUN_FINDING, "compare-and-swap failed though the field held what was expected");
  return true;
}

bool op_cas_if(struct player *p, uint32_t r, uint32_t i, tri_ref ref, uint32_t expected) {
  struct object to = target(p, r);
  if (tri_is_null(to.ref)) return false;
  return tri_cas(p->m, to.ref, field(to, i), top(p)->slot[expected], ref);
}

bool op_load(struct player *p, uint32_t to, uint32_t r, uint32_t i, bool hide) {
  struct object from = hide ? target(p, r) : run_object(p, r, FIELDS);
  if (tri_is_null(from.ref)) return false;
  size_t at = field(from, i);
  run_set_slot(p, to, tri_load(p->m, from.ref, at));
  if (hide) tri_store(p->m, from.ref, at, TRI_NULL);
  return true;
}
