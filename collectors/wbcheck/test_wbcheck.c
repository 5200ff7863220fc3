// wbcheck finds each kind of write that goes past the contract, and nothing in a program that keeps it.
#include <string.h>

#include "test/abort.h"
#include "test/own.h"

static char found[256];

static void keep(void *context, const char *text) {
  (void)context;
  snprintf(found, sizeof found, "%s", text);
}

static size_t verify(void) {
  struct tri_reporter reporter = {keep, NULL};
  *found = 0;
  return tri_verify(heap, &reporter);
}

static tri_ref *slots(tri_ref object) { return (tri_ref *)object.bits; }

// -------------------------------------------------------------------------------- writes past the contract

struct program {
  tri_ref *a, *b; // two rooted nodes with three slots
  tri_ref *weak, *ephemeron;
};

static void raw_store(struct program *p) { slots(*p->a)[1] = *p->b; }
static void raw_null(struct program *p) {
  tri_store(m, *p->a, 1, *p->b);
  slots(*p->a)[1] = TRI_NULL;
}
static void raw_copy(struct program *p) {
  tri_fill(m, *p->a, 0, 3, *p->b);
  memcpy(slots(*p->b), slots(*p->a), 3 * sizeof(tri_ref));
}
static void raw_before_store(struct program *p) { // the store that follows would hide it
  slots(*p->a)[0] = *p->b;
  tri_store(m, *p->a, 0, *p->a);
}
static void raw_before_collection(struct program *p) { // and it keeps nobody else from being collected
  slots(*p->a)[2] = *p->b;
  tri_collect(m, TRI_COLLECT_FULL);
  slots(*p->a)[2] = TRI_NULL;
}
static void raw_weak(struct program *p) { slots(*p->weak)[0] = *p->b; }
static void raw_value(struct program *p) { slots(*p->ephemeron)[1] = *p->b; }
static void raw_root(struct program *p) { *p->b = *p->a; }
static void raw_payload_as_slots(struct program *p) { // one too far
  tri_ref *slot = slots(*p->a);
  for (size_t i = 0; i < 3; i++) tri_store(m, *p->a, i, *p->b);
  slot[2].bits += 8;
}
static void beyond(struct program *p) { tri_fill(m, *p->weak, 0, 2, TRI_NULL); }

static const struct {
  const char *name;
  void (*run)(struct program *program);
  const char *text; // part of the finding
} writes[] = {
    {"store", raw_store, "object #1 at"},
    {"null", raw_null, "tri_store of mutator"},
    {"copy", raw_copy, "object #2 at"},
    {"before a store", raw_before_store, "slot 0 holds"},
    {"before a collection", raw_before_collection, "slot 2 holds"},
    {"weak reference", raw_weak, "object #3 at"},
    {"ephemeron", raw_value, "object #4 at"},
    {"root", raw_root, "the root slot at"},
    {"changed", raw_payload_as_slots, "tri_store of mutator"},
    {"beyond", beyond, "which has them not"},
};

static void run(void (*body)(struct program *), const char *text) {
  TRI_FRAME(m, f, 4);
  struct program p = {&f.slot[0], &f.slot[1], &f.slot[2], &f.slot[3]};
  tri_root_set(m, p.a, tri_alloc(m, TRI_SHAPE(3, 8)));
  tri_root_set(m, p.b, tri_alloc(m, TRI_SHAPE(3, 8)));
  tri_root_set(m, p.weak, tri_weak_new(m));
  tri_root_set(m, p.ephemeron, tri_ephemeron_new(m));
  TRI_CHECK_EQ(verify(), 0);
  body(&p);
  TRI_CHECK(verify() > 0);
  printf("  %s\n", found);
  TRI_CHECK(strstr(found, text));
  TRI_FRAME_POP(m, f);
}

// With trap=on the process ends where the next collection does.
static void fall_into_trap(void) {
  create("trap=on");
  TRI_FRAME(m, f, 1);
  tri_root_set(m, &f.slot[0], tri_alloc(m, TRI_SHAPE(1, 0)));
  slots(f.slot[0])[0] = f.slot[0];
  tri_collect(m, TRI_COLLECT_FULL);
}
static void traps(void) { expect_abort(fall_into_trap, "no barrier has ever written it"); }

// -------------------------------------------------------------------------------- and within it

static void clean(uint64_t seed) {
  enum { ROOTS = 12 };
  struct tri_random random = {seed};
  create("heap=1m,trap=on");
  TRI_FRAME(m, f, ROOTS);
  for (int step = 0; step < 20000; step++) {
    size_t a = tri_random_below(&random, ROOTS), b = tri_random_below(&random, ROOTS);
    size_t i = tri_random_below(&random, 3);
    bool node = !tri_is_null(f.slot[a]) && tri_shape_kind(tri_shape(m, f.slot[a])) == TRI_NODE;
    switch (tri_random_below(&random, 12)) {
    case 0: tri_root_set(m, &f.slot[a], tri_weak_new(m)); break;
    case 1: tri_root_set(m, &f.slot[a], tri_ephemeron_new(m)); break;
    case 2: tri_root_set(m, &f.slot[a], f.slot[b]); break;
    case 3:
      if (node) tri_store(m, f.slot[a], i, f.slot[b]);
      break;
    case 4:
      if (node) tri_swap(m, f.slot[a], i, f.slot[b]);
      break;
    case 5:
      if (node) tri_cas(m, f.slot[a], i, tri_load(m, f.slot[a], i), f.slot[b]);
      break;
    case 6:
      if (node) tri_copy(m, f.slot[a], 0, f.slot[a], 1, 2);
      break;
    case 7:
      if (node) tri_fill(m, f.slot[a], i, 1, f.slot[b]);
      break;
    case 8:
      if (node || tri_is_null(f.slot[a])) break;
      if (tri_shape_kind(tri_shape(m, f.slot[a])) == TRI_WEAK)
        tri_weak_set(m, f.slot[a], f.slot[b]);
      else
        tri_ephemeron_set(m, f.slot[a], f.slot[b], f.slot[i]);
      break;
    case 9: {
      struct tri_handle *handle = tri_handle_new(m, f.slot[a]);
      TRI_CHECK(handle != NULL);
      tri_handle_set(m, handle, f.slot[b]);
      tri_handle_free(m, handle);
      break;
    }
    default: tri_root_set(m, &f.slot[a], tri_alloc(m, TRI_SHAPE(3, 100)));
    }
    if (step % 1000 == 0) TRI_CHECK_EQ(verify(), 0);
  }
  TRI_FRAME_POP(m, f);
  TRI_CHECK_EQ(verify(), 0);
  destroy();
}

int main(void) {
  collector = tri_collector_find("wbcheck");
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
    printf("%s\n", writes[i].name);
    create(NULL);
    run(writes[i].run, writes[i].text);
    drop();
  }
  traps();
  for (uint64_t seed = 1; seed <= 5; seed++) clean(seed);
  return 0;
}
