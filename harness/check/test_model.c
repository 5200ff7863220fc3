// The model against a plain reimplementation: random edges, roots and settling, counts recomputed from
// scratch.
#include <stdio.h>
#include <stdlib.h>

#include "check/model.h"
#include "common/check.h"
#include "common/random.h"

enum { ROOTS = 16, STEPS = 20000 };
static tri_ref slots[ROOTS];

// In-degrees as the edges and roots say.
static void check_counts(const struct model *model) {
  for (uint32_t id = 1; id < model->n_objects; id++) {
    const struct model_object *o = &model->object[id];
    if (!(o->flags & MODEL_USED)) continue;
    uint32_t in_slots = 0, in_soft = 0, in_roots = 0;
    for (uint32_t from = 1; from < model->n_objects; from++) {
      const struct model_object *f = &model->object[from];
      if (!model_alive(f)) continue;
      for (size_t i = 0; i < tri_shape_refs(f->shape); i++)
        if (model_edges(model, f)[i].id == id)
          ++*(tri_shape_kind(f->shape) == TRI_NODE ? &in_slots : &in_soft);
    }
    for (size_t i = 0; i < model->roots.capacity; i++)
      in_roots += model->roots.entry[i].stamp == model->roots.stamp && model->roots.entry[i].id == id;
    TRI_CHECK_EQ(o->in_slots, in_slots);
    TRI_CHECK_EQ(o->in_soft, in_soft);
    TRI_CHECK_EQ(o->in_roots, in_roots);
    if (model_alive(o)) TRI_CHECK_EQ(model_at(model, o->ref), id);
    TRI_CHECK(model_alive(o) || in_slots + in_soft + in_roots > 0); // else its id would have been recycled
  }
}

static uint32_t any_reachable(const struct model *model, struct tri_random *random) {
  struct model_entry *e = model_map_find(&model->roots, (uintptr_t)&slots[tri_random_below(random, ROOTS)]);
  uint32_t id = e ? e->id : 0;
  for (int depth = (int)tri_random_below(random, 4); id && depth > 0; depth--) {
    size_t n = tri_shape_refs(model->object[id].shape);
    uint32_t next = n && model_alive(&model->object[id])
                        ? model_edges(model, &model->object[id])[tri_random_below(random, n)].id
                        : 0;
    if (next) id = next;
  }
  return id && model_alive(&model->object[id]) ? id : 0;
}

static void run(uint64_t seed) {
  struct tri_random random = {seed};
  struct model *model = model_new();
  uintptr_t address = 0x10000;
  for (int step = 0; step < STEPS; step++) {
    uint32_t a = any_reachable(model, &random), b = any_reachable(model, &random);
    tri_ref *slot = &slots[tri_random_below(&random, ROOTS)];
    switch (tri_random_below(&random, 8)) {
    case 0:
      model_set_root(model, slot, a, 1);
      break;
    case 1:
      model_set_root(model, slot, 0, 0);
      break;
    case 2:
      model_settle(model);
      break;
    case 3:
      if (a && tri_random_below(&random, 20) == 0) model_forget(model, a);
      break;
    case 4:
      if (step % 50 == 0) { // a collection
        uint32_t mark = ++model->mark;
        model_trace_roots(model, mark);
        for (uint32_t id = 1; id < model->n_objects; id++)
          if (model_alive(&model->object[id]) && model->object[id].in_soft)
            model_trace_from(model, id, mark, mark);
        model_sweep(model, mark);
        model_settle(model);
      }
      break;
    case 5:
      if (a) {
        size_t n = tri_shape_refs(model->object[a].shape);
        if (n) model_set_edge(model, a, tri_random_below(&random, n), b, 1);
      }
      break;
    default: {
      static const struct tri_shape shapes[] = {TRI_SHAPE(0, 8), TRI_SHAPE(2, 0), TRI_SHAPE(5, 3),
                                                TRI_WEAK_SHAPE, TRI_EPHEMERON_SHAPE};
      address += 64;
      uint32_t id = model_add(model, (tri_ref){address}, shapes[tri_random_below(&random, 5)]);
      model_set_root(model, slot, id, 1);
    }
    }
    if (step % 500 == 0) check_counts(model);
  }
  for (int i = 0; i < ROOTS; i++) model_set_root(model, &slots[i], 0, 0);
  uint32_t mark = ++model->mark;
  model_trace_roots(model, mark);
  model_sweep(model, mark);
  model_settle(model);
  check_counts(model);
  TRI_CHECK_EQ(model->live, 0);
  TRI_CHECK_EQ(model->live_bytes, 0);
  TRI_CHECK_EQ(model->addresses.count, 0);
  TRI_CHECK_EQ(model->roots.count, 0);
  model_free(model);
}

// usage: test.check.model [seed]
int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  for (uint64_t i = 0; i < 4; i++) {
    printf("seed %llu\n", (unsigned long long)(seed + i));
    fflush(stdout);
    run(seed + i);
  }
  return 0;
}
