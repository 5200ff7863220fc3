// Several mutators under one shadow: racing stores on shared objects, attaching, parking and detaching on the
// way.
#include "check/scenario.h"
#include "common/actor.h"
#include "common/random.h"
#include "tricolor/registry.h"

enum { ACTORS = 3, STEPS = 1500, SHARED = 4 };

struct worker {
  struct tri_actor actor;
  struct tri_heap *heap;
  struct tri_handle **shared;
  uint64_t seed;
};

static void work(void *arg) {
  struct worker *w = arg;
  struct tri_random random = {w->seed};
  struct tri_mutator *m;
  TRI_CHECK_EQ(tri_attach(w->heap, &m), TRI_OK);
  TRI_FRAME(m, f, 4);
  for (int step = 0; step < STEPS && !tri_shadow_findings(w->heap); step++) {
    tri_safepoint(m);
    size_t a = tri_random_below(&random, 4), i = tri_random_below(&random, 2);
    tri_ref shared = tri_handle_get(m, w->shared[tri_random_below(&random, SHARED)]);
    switch (tri_random_below(&random, 8)) {
    case 0:
      tri_root_set(m, &f.slot[a], tri_load(m, shared, i));
      break;
    case 1:
      tri_store(m, shared, i, f.slot[a]);
      break;
    case 2:
      tri_root_set(m, &f.slot[a], tri_swap(m, shared, i, f.slot[a]));
      break;
    case 3:
      tri_cas(m, shared, i, f.slot[a], TRI_NULL);
      break;
    case 4:
      tri_park(m);
      tri_unpark(m);
      break;
    case 5:
      if (step % 50 == 0) tri_collect(m, TRI_COLLECT_FULL);
      break;
    default: {
      tri_ref fresh = tri_alloc(m, TRI_SHAPE(2, 8));
      if (!tri_is_null(fresh)) tri_init(m, fresh, 0, f.slot[a]);
      tri_root_set(m, &f.slot[a], fresh);
    }
    }
  }
  TRI_FRAME_POP(m, f);
  tri_detach(m);
}

static size_t run(const struct tri_collector *collector) {
  struct findings findings = {0};
  struct shadowed x = {0};
  shadowed_open(&x, collector, NULL, &findings);
  struct tri_heap *heap = x.heap;
  struct tri_mutator *m = x.m;
  struct tri_handle *shared[SHARED];
  for (int i = 0; i < SHARED; i++) {
    shared[i] = tri_handle_new(m, tri_alloc(m, TRI_SHAPE(2, 8)));
    TRI_CHECK(shared[i] != NULL);
  }
  struct worker worker[ACTORS] = {0};
  for (int i = 0; i < ACTORS; i++) {
    worker[i] = (struct worker){.heap = heap, .shared = shared, .seed = (uint64_t)i + 1};
    TRI_CHECK(tri_actor_spawn(&worker[i].actor, TRI_ACTOR_MUTATOR, work, &worker[i]));
  }
  tri_park(m);
  for (int i = 0; i < ACTORS; i++) tri_actor_join(&worker[i].actor);
  tri_unpark(m);
  for (int i = 0; i < SHARED; i++) tri_handle_free(m, shared[i]);
  tri_collect(m, TRI_COLLECT_FULL);
  tri_shadow_check(heap);
  printf("%s: %zu findings, %llu objects left\n", collector->name, findings.n,
         (unsigned long long)tri_shadow_objects(heap));
  findings_print(&findings, collector->name);
  shadowed_close(&x);
  return findings.n;
}

int main(void) {
  size_t findings = 0;
  for (size_t i = 0; tri_collectors[i]; i++)
    if (tri_collectors[i]->caps.flags & TRI_CAP_MULTI_MUTATOR) findings += run(tri_collectors[i]);
  return findings != 0;
}
