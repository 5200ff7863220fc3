// The model against a plain reimplementation: random edges, roots and settling, counts recomputed from
// scratch.
#include <stdio.h>
#include <stdlib.h>

#include "check/model.h"
#include "common/check.h"
#include "common/random.h"
#include "tricolor/object.h"

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

// -------------------------------------------------------------------------------- registrations

static uint32_t make(struct model *model, struct tri_shape shape) {
  static uintptr_t address = 0x10000;
  return model_add(model, (tri_ref){address += 64}, shape);
}

// The end of a collection, as far as registrations are concerned. Returns the mark of what the program
// reaches.
static uint32_t collect_some(struct model *model, bool full) {
  uint32_t reached = model->mark + 1, held = model->mark += 2;
  model_trace_roots(model, reached);
  for (uint32_t i = 0; i < model->n_registrations; i++) {
    const struct model_object *o = &model->object[model->registration[i].id];
    if (o->mark >= reached && o->mark != held) continue;
    for (size_t k = 0; k < tri_strong_refs(o->shape); k++)
      model_trace_from(model, model_edges(model, o)[k].id, reached, held);
  }
  model_collected(model, full, reached, held);
  return reached;
}

static uint32_t collect(struct model *model) { return collect_some(model, true); }

static void expect(const struct model *model, uint32_t i, bool dead, uint32_t due) {
  TRI_CHECK_EQ(model->registration[i].dead, dead);
  TRI_CHECK_EQ(model->registration[i].due, due);
}

static void test_registrations(void) {
  static tri_ref root;
  struct model *model = model_new();
  uint32_t first = make(model, TRI_SHAPE(1, 0)), second = make(model, TRI_SHAPE(1, 0));
  uint32_t weak = make(model, TRI_WEAK_SHAPE);
  model_set_edge(model, first, 0, second, 1);
  model_set_edge(model, weak, 0, second, 1);
  model_set_root(model, &root, first, 1);
  model_register(model, first, 1);
  model_register(model, second, 2);
  collect(model); // reachable
  expect(model, 0, false, 0);
  expect(model, 1, false, 0);

  model_set_root(model, &root, weak,
                 1); // the first one has to be queued, the second, which it reaches, may be
  uint32_t due = collect(model);
  expect(model, 0, true, due);
  expect(model, 1, true, 0);
  collect(model);
  expect(model, 0, true, due); // since then
  model_revived(model, second);
  expect(model, 0, true, due);
  expect(model, 1, false, 0);
  model_revived(model, first);
  expect(model, 0, false, 0);
  model_asked(model); // between collections the queue has what is unreachable, and nobody knows when
  expect(model, 0, true, 0);
  expect(model, 1, true, 0);

  TRI_CHECK(!(model->object[second].flags & MODEL_DIED) && !(model->object[weak].flags & MODEL_STALE));
  model->object[second].hashed = MODEL_HASH_HELD;
  model_handed_out(model, 0);
  TRI_CHECK_EQ(model->n_registrations, 1);
  TRI_CHECK_EQ(model->registration[0].cookie, 2);
  TRI_CHECK_EQ(model->object[first].finalizers, 0);
  TRI_CHECK(model->object[first].flags & MODEL_DIED && model->object[second].flags & MODEL_DIED);
  TRI_CHECK(!(model->object[weak].flags & MODEL_DIED) && model->object[weak].flags & MODEL_STALE);
  TRI_CHECK_EQ(model->object[second].hashed, 0);
  model_revived(model, second); // it may be in the queue all the same
  expect(model, 0, true, 0);
  model_set_edge(model, weak, 0, second, 1);
  TRI_CHECK(!(model->object[weak].flags & MODEL_STALE));

  model_set_root(model, &root, second, 1); // registered again, while the queue may have it
  model_register(model, second, 3);
  model_set_root(model, &root, 0, 0);
  due = collect(model);
  expect(model, 0, true, due);
  expect(model, 1, true, 0); // the queue may have held it
  model_forget(model, second);
  TRI_CHECK_EQ(model->n_registrations, 0);
  model_free(model);
}

// What the queue hands out leads to others by way of the weak objects that it held, too.
static void test_held_weakly(void) {
  struct model *model = model_new();
  uint32_t holder = make(model, TRI_SHAPE(1, 0)), target = make(model, TRI_SHAPE(1, 0));
  uint32_t beyond = make(model, TRI_SHAPE(0, 8)), weak = make(model, TRI_WEAK_SHAPE);
  model_set_edge(model, holder, 0, weak, 1);
  model_set_edge(model, weak, 0, target, 1);
  model_set_edge(model, target, 0, beyond, 1);
  model_register(model, holder, 1);
  model_register(model, target, 2);
  collect_some(model, false); // it may have left what is old
  expect(model, 1, true, 0);
  uint32_t due = collect(model);
  expect(model, 1, true, due);
  model_handed_out(model, 0);
  TRI_CHECK(model->object[target].flags & MODEL_DIED && model->object[beyond].flags & MODEL_DIED);
  model_revived(model, target); // in the queue all the same
  expect(model, 0, true, due);
  model_free(model);
}

// usage: test.check.model [seed]
int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  test_registrations();
  test_held_weakly();
  for (uint64_t i = 0; i < 4; i++) {
    printf("seed %llu\n", (unsigned long long)(seed + i));
    fflush(stdout);
    run(seed + i);
  }
  return 0;
}
