// Temporary trees of depths 4, 6 … depth, as many bytes at each depth, built top-down (stores into older
// objects) and bottom-up, while a tree and a pointer-free array live on; optionally on several threads. After
// GCBench by John Ellis and Pete Kovac, as modified by Hans Boehm.
#include <stdio.h>

#include "common/actor.h"
#include "workload.h"

enum { DEPTH, ARRAY, THREADS };
enum { MAX_THREADS = 16 };
static const struct tri_param params[] = {
    {"depth", {8, 14, 16}, 4, 22, "depth of the long-lived and of the deepest temporary tree; stretch is 2 more"},
    {"array", {5000, 125000, 500000}, 2000, 30000000, "doubles in the long-lived array"},
    {"threads", {1, 1, 1}, 1, MAX_THREADS, "mutators that build temporary trees at the same time"},
};

enum { LEFT, RIGHT, MIN_DEPTH = 4 };
#define NODE TRI_SHAPE(2, 8) // the payload: two 32-bit integers, as in the original

static uint64_t tree_size(int64_t depth) { return (UINT64_C(2) << depth) - 1; }

static uint64_t live_bytes(const int64_t *param) {
  return tree_size(param[DEPTH]) * 24 + (uint64_t)param[ARRAY] * sizeof(double);
}

// Fill the fresh leaf in *node to a tree of the given depth, parents first.
static bool populate(struct tri_mutator *m, int64_t depth, const tri_ref *node) {
  if (depth == 0) return true;
  TRI_FRAME(m, f, 1);
  bool ok = true;
  for (size_t side = LEFT; ok && side <= RIGHT; side++) {
    tri_ref child = tri_alloc(m, NODE);
    ok = !tri_is_null(child);
    if (!ok) break;
    tri_store(m, *node, side, child);
    tri_root_set(m, &f.slot[0], child);
    ok = populate(m, depth - 1, &f.slot[0]);
  }
  TRI_FRAME_POP(m, f);
  return ok;
}

static tri_ref make_tree(struct tri_mutator *m, int64_t depth) {
  if (depth == 0) return tri_alloc(m, NODE);
  TRI_FRAME(m, f, 2);
  tri_ref node = make_tree(m, depth - 1);
  if (!tri_is_null(node)) {
    tri_root_set(m, &f.slot[LEFT], node);
    node = make_tree(m, depth - 1);
  }
  if (!tri_is_null(node)) {
    tri_root_set(m, &f.slot[RIGHT], node);
    node = tri_alloc(m, NODE);
  }
  if (!tri_is_null(node)) {
    tri_init(m, node, LEFT, f.slot[LEFT]);
    tri_init(m, node, RIGHT, f.slot[RIGHT]);
  }
  TRI_FRAME_POP(m, f);
  return node;
}

static uint64_t count_nodes(struct tri_mutator *m, tri_ref node) {
  tri_ref left = tri_load(m, node, LEFT);
  return tri_is_null(left) ? 1 : 1 + count_nodes(m, left) + count_nodes(m, tri_load(m, node, RIGHT));
}

static void free_tree(struct tri_mutator *m, tri_ref node) {
  tri_ref left = tri_load(m, node, LEFT), right = tri_load(m, node, RIGHT);
  if (!tri_is_null(left)) {
    free_tree(m, left);
    free_tree(m, right);
  }
  tri_free(m, node);
}

static void drop_tree(struct tri_mutator *m, tri_ref *root) {
  tri_ref tree = *root;
  tri_root_set(m, root, TRI_NULL);
  if (tri_has(m->heap, TRI_CAP_EXPLICIT_FREE)) free_tree(m, tree);
}

// The temporary trees of one mutator. Counts the nodes of the first tree of each kind and depth.
static enum tri_outcome temporary_trees(struct tri_mutator *m, int64_t max_depth, uint64_t *counted) {
  enum tri_outcome outcome = TRI_OUTCOME_OUT_OF_MEMORY;
  TRI_FRAME(m, f, 1);
  for (int64_t depth = MIN_DEPTH; depth <= max_depth; depth += 2) {
    int64_t iterations = (int64_t)(2 * tree_size(max_depth + 2) / tree_size(depth));
    for (int kind = 0; kind < 2; kind++)
      for (int64_t i = 0; i < iterations; i++) {
        tri_ref tree = kind == 0 ? tri_alloc(m, NODE) : make_tree(m, depth);
        if (tri_is_null(tree)) goto out;
        tri_root_set(m, &f.slot[0], tree);
        if (kind == 0 && !populate(m, depth, &f.slot[0])) goto out;
        if (i == 0) *counted += count_nodes(m, f.slot[0]);
        drop_tree(m, &f.slot[0]);
      }
  }
  outcome = TRI_OUTCOME_OK;
out:
  TRI_FRAME_POP(m, f);
  return outcome;
}

struct worker {
  struct tri_actor actor;
  struct tri_heap *heap;
  int64_t max_depth;
  uint64_t counted;
  enum tri_outcome outcome;
};

static void work(void *context) {
  struct worker *worker = context;
  struct tri_mutator *m;
  enum tri_status status = tri_attach(worker->heap, &m);
  if (status != TRI_OK) {
    worker->outcome = status == TRI_ENOMEM ? TRI_OUTCOME_OUT_OF_MEMORY : TRI_OUTCOME_UNSUPPORTED;
    return;
  }
  worker->outcome = temporary_trees(m, worker->max_depth, &worker->counted);
  tri_detach(m);
}

static enum tri_outcome run(struct tri_mutator *m, const int64_t *param, struct tri_answer *answer) {
  int64_t max_depth = param[DEPTH], n = param[ARRAY], threads = param[THREADS];
  if (threads > m->heap->ops->caps.max_mutators) {
    snprintf(answer->text, sizeof answer->text, "threads=%lld, but collector '%s' allows %u mutators",
             (long long)threads, m->heap->ops->name, m->heap->ops->caps.max_mutators);
    return TRI_OUTCOME_UNSUPPORTED;
  }
  enum tri_outcome outcome = TRI_OUTCOME_OUT_OF_MEMORY;
  uint64_t counted = 0, expected = 0;
  TRI_FRAME(m, f, 3); // temporary, long-lived tree, array
  tri_ref object = make_tree(m, max_depth + 2); // the stretch tree
  if (tri_is_null(object)) goto out;
  tri_root_set(m, &f.slot[0], object);
  drop_tree(m, &f.slot[0]);

  if (tri_is_null(object = tri_alloc(m, NODE))) goto out;
  tri_root_set(m, &f.slot[1], object);
  if (!populate(m, max_depth, &f.slot[1])) goto out;
  if (tri_is_null(object = tri_alloc(m, TRI_SHAPE(0, (uint64_t)n * sizeof(double))))) goto out;
  tri_root_set(m, &f.slot[2], object);
  double *array = tri_raw_after(m, object, 0);
  for (int64_t i = 0; i < n / 2; i++) array[i] = 1.0 / (double)(i + 1);

  struct worker workers[MAX_THREADS];
  int64_t spawned = 1;
  for (; spawned < threads; spawned++) {
    workers[spawned] = (struct worker){.heap = m->heap, .max_depth = max_depth};
    if (!tri_actor_spawn(&workers[spawned].actor, TRI_ACTOR_MUTATOR, work, &workers[spawned])) break;
  }
  outcome = spawned == threads ? temporary_trees(m, max_depth, &counted) : TRI_OUTCOME_OUT_OF_MEMORY;
  tri_park(m);
  for (int64_t i = 1; i < spawned; i++) tri_actor_join(&workers[i].actor);
  tri_unpark(m);
  for (int64_t i = 1; i < spawned; i++) {
    counted += workers[i].counted;
    if (outcome == TRI_OUTCOME_OK) outcome = workers[i].outcome;
  }
  if (outcome != TRI_OUTCOME_OK) goto out;

  for (int64_t depth = MIN_DEPTH; depth <= max_depth; depth += 2)
    expected += 2 * (uint64_t)threads * tree_size(depth);
  counted += count_nodes(m, f.slot[1]);
  expected += tree_size(max_depth);
  array = tri_raw_after(m, f.slot[2], 0);
  uint64_t intact = 0;
  for (int64_t i = 0; i < n; i++) intact += array[i] == (i < n / 2 ? 1.0 / (double)(i + 1) : 0.0);
  answer->value = counted + intact;
  snprintf(answer->text, sizeof answer->text, "%llu nodes counted of %llu, %llu array elements intact of %lld",
           (unsigned long long)counted, (unsigned long long)expected, (unsigned long long)intact, (long long)n);
  outcome = counted == expected && intact == (uint64_t)n ? TRI_OUTCOME_OK : TRI_OUTCOME_WRONG;
out:
  TRI_FRAME_POP(m, f);
  return outcome;
}

TRI_WORKLOAD(gcbench, "gcbench", "mixed lifetimes, top-down and bottom-up trees beside long-lived data",
             "GCBench: Ellis and Kovac; Boehm");
