// For tests of collectors that take a snapshot of the roots and let mutators run while it is marked: each way
// in which a reference can leave the graph meanwhile, what is allocated, mutators that come and go, floating
// garbage.
#ifndef TRICOLOR_TEST_SNAPSHOT_H
#define TRICOLOR_TEST_SNAPSHOT_H

#include "test/own.h"

static inline tri_ref node(struct tri_mutator *by, uint64_t id, size_t n_bytes) { return labelled(by, 2, n_bytes, id); }

// -------------------------------------------------------------------------------- losing edges
//
// A holder has the only reference to a victim, which has the only one to a second. The collection begins;
// before anything is marked, the program takes the victim out of the holder by one call, and keeps it in a
// root that was scanned already. (A collector may scan a mutator's roots at its first safepoint.)

enum { VICTIM = 7, SECOND = 8 };

static tri_ref lose_by_store(tri_ref holder) {
  tri_ref victim = tri_load(m, holder, 0);
  tri_store(m, holder, 0, TRI_NULL);
  return victim;
}
static tri_ref lose_by_swap(tri_ref holder) { return tri_swap(m, holder, 0, TRI_NULL); }
static tri_ref lose_by_cas(tri_ref holder) {
  tri_ref victim = tri_load(m, holder, 0);
  TRI_CHECK(!tri_cas(m, holder, 0, holder, TRI_NULL));
  TRI_CHECK(tri_cas(m, holder, 0, victim, TRI_NULL));
  return victim;
}
static tri_ref lose_by_copy(tri_ref holder) {
  tri_ref victim = tri_load(m, holder, 0);
  tri_copy(m, holder, 0, holder, 1, 1);
  return victim;
}
static tri_ref lose_by_fill(tri_ref holder) {
  tri_ref victim = tri_load(m, holder, 0);
  tri_fill(m, holder, 0, 2, holder);
  return victim;
}

// Nothing but a weak object, or the finalizer queue, leads to the victim: no snapshot has it.
static tri_ref get_weak(tri_ref holder) { return tri_weak_get(m, holder); }
static tri_ref get_key(tri_ref holder) { return tri_ephemeron_key(m, holder); }
static tri_ref get_value(tri_ref holder) { return tri_ephemeron_value(m, holder); }
static tri_ref take_queued(tri_ref holder) {
  (void)holder;
  uint64_t cookie;
  tri_ref victim = tri_finalizer_next(m, &cookie);
  TRI_CHECK_EQ(cookie, 99);
  return victim;
}

// A new object, of whichever mutator, that this one lets hold the victim; or an ephemeron that holds it as a
// value, by a key that nothing else needs to hold: its own.
static tri_ref hold_in(struct tri_mutator *by, tri_ref victim) {
  tri_ref holder = tri_alloc(by, TRI_SHAPE(2, 0));
  tri_store(m, holder, 0, victim);
  return holder;
}
static tri_ref hold_in_value(struct tri_mutator *by, tri_ref victim) {
  tri_ref holder = tri_ephemeron_new(by);
  tri_ephemeron_set(m, holder, holder, victim);
  return holder;
}

static tri_ref make_strong(tri_ref victim) { return hold_in(m, victim); }
static tri_ref make_weak(tri_ref victim) {
  tri_ref holder = tri_weak_new(m);
  tri_weak_set(m, holder, victim);
  return holder;
}
static tri_ref make_key(tri_ref victim) {
  tri_ref holder = tri_ephemeron_new(m);
  tri_ephemeron_set(m, holder, victim, TRI_NULL);
  return holder;
}
static tri_ref make_value(tri_ref victim) { return hold_in_value(m, victim); }
static tri_ref make_queued(tri_ref victim) {
  TRI_CHECK_EQ(tri_finalizer_add(m, victim, 99), TRI_OK);
  return tri_alloc(m, TRI_SHAPE(2, 0));
}

static const struct loss {
  tri_ref (*make)(tri_ref victim); // victim is in the frame
  tri_ref (*lose)(tri_ref holder);
} losses[] = {
    {make_strong, lose_by_store}, {make_strong, lose_by_swap}, {make_strong, lose_by_cas},
    {make_strong, lose_by_copy},  {make_strong, lose_by_fill}, {make_weak, get_weak},
    {make_key, get_key},          {make_value, get_value},     {make_queued, take_queued},
};

static void test_loss(const struct loss *loss, size_t units, size_t n_bytes) {
  TRI_FRAME(m, f, 3);
  tri_root_set(m, &f.slot[0], node(m, SECOND, n_bytes));
  tri_ref victim = node(m, VICTIM, n_bytes);
  tri_store(m, victim, 0, f.slot[0]);
  tri_root_set(m, &f.slot[1], victim);
  tri_root_set(m, &f.slot[0], TRI_NULL);
  tri_root_set(m, &f.slot[0], loss->make(f.slot[1]));
  if (loss->make == make_queued) { // dead, and in the queue, before the snapshot
    tri_root_set(m, &f.slot[1], TRI_NULL);
    tri_collect(m, TRI_COLLECT_FULL);
  }
  tri_root_set(m, &f.slot[1], TRI_NULL);
  TRI_CHECK_EQ(tri_collect_start(m), TRI_OK);
  tri_safepoint(m); // by now the frame has been taken
  tri_root_set(m, &f.slot[2], loss->lose(f.slot[0]));
  tri_ref second = tri_swap(m, f.slot[2], 0, TRI_NULL); // of an object that marking has not come to
  check_labelled(second, SECOND);
  tri_root_set(m, &f.slot[1], second);
  size_t steps = 0;
  while (!tri_collect_step(m, units)) TRI_CHECK_LT(steps++, 10000);
  check_labelled(f.slot[1], SECOND);
  check_labelled(f.slot[2], VICTIM);
  check_heap();
  check_labelled(f.slot[1], SECOND);
  check_labelled(f.slot[2], VICTIM);
  TRI_FRAME_POP(m, f);
  tri_collect(m, TRI_COLLECT_FULL);
  TRI_CHECK_EQ(stats().live_objects, 0);
}

static inline void test_losses(const char *options) {
  create(options);
  for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
    for (size_t units = 1; units < 4; units++) {
      test_loss(&losses[i], units, 16);
      test_loss(&losses[i], units, 20000);
    }
  destroy();
}

// -------------------------------------------------------------------------------- while it goes on

// What is allocated while marking goes on lives at least to its end, in runs that are there or not, large or
// not. What becomes garbage meanwhile floats to the next collection, and no further.
static inline void test_black(const char *options) {
  create(options);
  TRI_FRAME(m, f, 3);
  tri_root_set(m, &f.slot[0], node(m, 1, 8)); // its run was there before
  tri_root_set(m, &f.slot[1], node(m, 2, 8));
  TRI_CHECK_EQ(tri_collect_start(m), TRI_OK);
  tri_safepoint(m);
  tri_root_set(m, &f.slot[1], TRI_NULL); // in the snapshot
  static const size_t sizes[] = {8, 8, 16, 100, 5000, 30000};
  enum { SIZES = sizeof sizes / sizeof *sizes };
  for (size_t i = 0; i < SIZES; i++) {
    tri_ref object = node(m, 10 + i, sizes[i]);
    tri_init(m, object, 0, f.slot[2]);
    tri_root_set(m, &f.slot[2], object);
  }
  node(m, 3, 8); // garbage, but black
  while (!tri_collect_step(m, 1)) {
  }
  tri_ref object = f.slot[2];
  for (size_t i = SIZES; i-- > 0; object = tri_load(m, object, 0)) check_labelled(object, 10 + i);
  TRI_CHECK_EQ(stats().live_objects, SIZES + 3);
  TRI_CHECK_EQ(tri_collect_start(m), TRI_OK);
  TRI_CHECK(tri_collect_step(m, SIZE_MAX));
  TRI_CHECK_EQ(stats().live_objects, SIZES + 1);
  TRI_FRAME_POP(m, f);
  destroy();
}

// One mutator comes, takes the last reference to an object, and goes, while marking goes on.
static inline void test_coming_and_going(void) {
  create("heap=1m");
  TRI_FRAME(m, f, 2);
  tri_root_set(m, &f.slot[0], tri_alloc(m, TRI_SHAPE(2, 0)));
  tri_store(m, f.slot[0], 0, node(m, VICTIM, 16));
  TRI_CHECK_EQ(tri_collect_start(m), TRI_OK);
  struct tri_mutator *other;
  tri_park(m);
  TRI_CHECK_EQ(tri_attach(heap, &other), TRI_OK);
  struct tri_handle *handle = tri_handle_new(other, tri_swap(other, f.slot[0], 0, TRI_NULL));
  TRI_CHECK(handle);
  tri_detach(other);
  tri_unpark(m);
  TRI_CHECK(tri_collect_step(m, SIZE_MAX));
  check_labelled(tri_handle_get(m, handle), VICTIM);
  tri_handle_free(m, handle);
  TRI_FRAME_POP(m, f);
  destroy();
}

// -------------------------------------------------------------------------------- mutators

// Several mutators take a shared table apart and put it together again, while one of them collects in steps.
static void rearrange(struct tri_mutator *own, tri_ref *slots, struct tri_random *random) {
  size_t at = (size_t)tri_random_below(random, TABLE), to = (size_t)tri_random_below(random, TABLE);
  tri_root_set(own, &slots[1], tri_swap(own, slots[0], at, TRI_NULL)); // it is this mutator's now
  if (tri_is_null(slots[1])) tri_root_set(own, &slots[1], node(own, at, 8));
  uint64_t id = *(uint64_t *)tri_raw(own, slots[1]);
  tri_root_set(own, &slots[2], tri_load(own, slots[1], 0));
  if (!tri_is_null(slots[2])) TRI_CHECK_EQ(*(uint64_t *)tri_raw(own, slots[2]), id);
  if (tri_random_below(random, 3) == 0) {
    tri_root_set(own, &slots[2], node(own, id, 8));
    tri_store(own, slots[1], 0, slots[2]);
  }
  switch (tri_random_below(random, 4)) {
  case 0: tri_collect_start(own); break;
  case 1: tri_collect_step(own, 1 + (size_t)tri_random_below(random, 20)); break;
  default: tri_safepoint(own);
  }
  TRI_CHECK_EQ(*(uint64_t *)tri_raw(own, slots[1]), id);
  tri_cas(own, slots[0], to, TRI_NULL, slots[1]);
}

static inline void test_mutators(void *options) { share_table(options, rearrange); }

#endif
