// One small program that uses each call of fast.def, compiled once with every collector's inline paths and
// once through the record: the same text has to give the same answer.
#include "tricolor/tricolor.h"

#include "bindings.h"

#ifdef TRI_COLLECTOR
#define BINDINGS_RUN TRI_PASTE(bindings_run_, TRI_COLLECTOR)
#else
#define BINDINGS_RUN bindings_run_dynamic
#endif

enum { ROUNDS = 60, SLOTS = 5 };

static void mix(uint64_t *answer, uint64_t value) {
  *answer = (*answer ^ value) * UINT64_C(1099511628211) + 1;
}

static uint64_t id_of(struct tri_mutator *m, tri_ref object) {
  return tri_is_null(object) ? 99 : *(uint64_t *)tri_raw(m, object);
}

// A row of SLOTS references and an id into *slot.
static bool make(struct tri_mutator *m, tri_ref *slot, uint64_t id) {
  tri_ref object = tri_alloc(m, TRI_SHAPE(SLOTS, 8));
  tri_root_set(m, slot, object);
  if (tri_is_null(object)) return false;
  *(uint64_t *)tri_raw_after(m, object, SLOTS) = id;
  return true;
}

uint64_t BINDINGS_RUN(struct tri_heap *heap) {
  struct tri_mutator *m;
  uint64_t answer = 0;
  if (tri_attach(heap, &m) != TRI_OK) return 0;
  TRI_FRAME(m, f, 4);
  struct tri_handle *handle = tri_handle_new(m, TRI_NULL);
  for (uint64_t round = 0; round < ROUNDS; round++) {
    if (!handle || !make(m, &f.slot[0], round) || !make(m, &f.slot[1], 1000 + round) ||
        !make(m, &f.slot[2], 2000 + round))
      return 0;
    mix(&answer, tri_shape(m, f.slot[0]).tag);
    tri_init(m, f.slot[0], 0, f.slot[1]);
    tri_store(m, f.slot[0], 1, f.slot[2]);
    tri_store(m, f.slot[1], 0, tri_handle_get(m, handle)); // a chain of all rounds
    tri_handle_set(m, handle, f.slot[1]);
    mix(&answer, id_of(m, tri_swap(m, f.slot[0], 1, f.slot[0])));
    mix(&answer, tri_cas(m, f.slot[0], 2, TRI_NULL, f.slot[2]));
    mix(&answer, tri_cas(m, f.slot[0], 2, f.slot[1], TRI_NULL));
    tri_fill(m, f.slot[2], 1, 3, f.slot[0]);
    tri_copy(m, f.slot[2], 2, f.slot[0], 0, 3);
    tri_copy(m, f.slot[2], 0, f.slot[2], 1, 4);
    for (size_t i = 0; i < SLOTS; i++) {
      mix(&answer, id_of(m, tri_load(m, f.slot[2], i)));
      mix(&answer, tri_same(m, tri_load(m, f.slot[2], i), f.slot[0]));
    }
    if (tri_has(heap, TRI_CAP_WEAK)) {
      tri_root_set(m, &f.slot[3], tri_weak_new(m));
      if (tri_is_null(f.slot[3])) return 0;
      tri_weak_set(m, f.slot[3], f.slot[1]);
      mix(&answer, id_of(m, tri_weak_get(m, f.slot[3])));
    }
    if (tri_has(heap, TRI_CAP_EPHEMERON)) {
      tri_root_set(m, &f.slot[3], tri_ephemeron_new(m));
      if (tri_is_null(f.slot[3])) return 0;
      tri_ephemeron_set(m, f.slot[3], f.slot[1], f.slot[2]);
      mix(&answer, id_of(m, tri_ephemeron_key(m, f.slot[3])) + id_of(m, tri_ephemeron_value(m, f.slot[3])));
    }
    tri_safepoint(m);
    if (round % 16 == 15) tri_collect(m, TRI_COLLECT_FULL);
    for (size_t i = 0; i < 3; i++) {
      tri_ref object = f.slot[i];
      tri_root_set(m, &f.slot[i], TRI_NULL);
      if (i != 1) continue; // what the chain holds
      mix(&answer, id_of(m, object));
    }
  }
  uint64_t n = 0;
  for (tri_ref at = tri_handle_get(m, handle); !tri_is_null(at); at = tri_load(m, at, 0), n++)
    mix(&answer, id_of(m, at));
  mix(&answer, n);
  tri_root_set(m, &f.slot[0], tri_alloc(m, TRI_SHAPE(0, 100)));
  if (tri_is_null(f.slot[0])) return 0;
  tri_ref last = f.slot[0];
  tri_root_set(m, &f.slot[0], TRI_NULL);
  tri_free(m, last);
  tri_handle_free(m, handle);
  TRI_FRAME_POP(m, f);
  tri_detach(m);
  return answer;
}
