// Operations on the fields of objects.
#include "program/exec_state.h"

// An object whose fields are written.
static struct object target(struct tri_run *run, uint32_t r) {
  struct object found = run_object(run, r, FIELDS);
  if (found.ref.bits == run->fresh.bits) run->fresh = TRI_NULL;
  return found;
}

bool op_store(struct tri_run *run, uint32_t r, uint32_t i, tri_ref ref) {
  struct object to = target(run, r);
  if (tri_is_null(to.ref)) return false;
  tri_store(mutator(run), to.ref, field(to, i), ref);
  return true;
}

bool op_init(struct tri_run *run, uint32_t r, uint32_t i, tri_ref ref) {
  struct object to = run_object(run, r, FIELDS);
  if (tri_is_null(to.ref)) return false;
  size_t at = field(to, i);
  if (to.ref.bits != run->fresh.bits || at < run->fresh_from) return op_store(run, r, i, ref);
  tri_init(mutator(run), to.ref, at, ref);
  run->fresh_from = at + 1;
  return true;
}

bool op_copy(struct tri_run *run, const uint32_t *operand) {
  struct object to = target(run, operand[0]), from = run_object(run, operand[2], FIELDS);
  if (tri_is_null(to.ref)) return false;
  size_t to_i = field(to, operand[1]), from_i = field(from, operand[3]);
  size_t n = smaller(operand[4], smaller(tri_shape_refs(to.shape) - to_i, tri_shape_refs(from.shape) - from_i));
  tri_copy(mutator(run), to.ref, to_i, from.ref, from_i, n);
  return n > 0;
}

bool op_slide(struct tri_run *run, uint32_t r, uint32_t to, uint32_t from, uint32_t n) {
  return op_copy(run, (const uint32_t[]){r, to, r, from, n});
}

bool op_fill(struct tri_run *run, uint32_t r, uint32_t i, tri_ref ref, uint32_t n) {
  struct object to = target(run, r);
  if (tri_is_null(to.ref)) return false;
  size_t from = field(to, i), count = smaller(n, tri_shape_refs(to.shape) - from);
  tri_fill(mutator(run), to.ref, from, count, ref);
  return count > 0;
}

bool op_swap(struct tri_run *run, uint32_t kept, uint32_t r, uint32_t i, uint32_t with) {
  struct object to = target(run, r);
  if (tri_is_null(to.ref)) return false;
  run_set_slot(run, kept, tri_swap(mutator(run), to.ref, field(to, i), run_value(run, with)));
  return true;
}

bool op_cas(struct tri_run *run, uint32_t r, uint32_t i, tri_ref ref) {
  struct object to = target(run, r);
  if (tri_is_null(to.ref)) return false;
  size_t at = field(to, i);
  tri_ref expected = tri_load(mutator(run), to.ref, at);
  if (!tri_cas(mutator(run), to.ref, at, expected, ref))
    run_finish(run, TRI_RUN_FINDING, "compare-and-swap failed though the field held what was expected");
  return true;
}

bool op_cas_if(struct tri_run *run, uint32_t r, uint32_t i, tri_ref ref, uint32_t expected) {
  struct object to = target(run, r);
  if (tri_is_null(to.ref)) return false;
  return tri_cas(mutator(run), to.ref, field(to, i), top(run)->slot[expected], ref);
}

bool op_load(struct tri_run *run, uint32_t to, uint32_t r, uint32_t i, bool hide) {
  struct object from = hide ? target(run, r) : run_object(run, r, FIELDS);
  if (tri_is_null(from.ref)) return false;
  size_t at = field(from, i);
  run_set_slot(run, to, tri_load(mutator(run), from.ref, at));
  if (hide) tri_store(mutator(run), from.ref, at, TRI_NULL);
  return true;
}
