// A random mutator: a table of nodes whose edges are rewired at random, and whose nodes are replaced by fresh ones
// now and then; what nothing reaches any more dies. The graph is modelled in plain arrays, and the final graph is
// compared with the model by a traversal from the table.
#include <stdio.h>
#include <stdlib.h>

#include "workload.h"

enum { NODES, STEPS, MUTATION, SEED };
static const struct tri_param params[] = {
    {"nodes", {100, 20000, 200000}, 2, 4000000, "entries of the table"},
    {"steps", {2000, 1000000, 10000000}, 0, 200000000, "steps: each rewires an edge or replaces a node"},
    {"mutation", {80, 80, 80}, 0, 100, "percentage of steps that rewire an edge"},
    {"seed", {1, 1, 1}, 0, INT64_C(1) << 62, "seed of the random mutator"},
};

enum { EDGES = 4 };
#define NODE TRI_SHAPE(EDGES, 8) // the payload: the node's number

// What the model knows of a node: the numbers of its successors, plus 1 (0 is null).
struct model {
  uint32_t edge[EDGES];
};

static uint64_t live_bytes(const int64_t *param) { return (uint64_t)param[NODES] * (EDGES * 8 + 8 + 8); }

static enum tri_outcome compare(struct tri_mutator *m, tri_ref table, uint32_t n, const uint32_t *number,
                                const struct model *model, uint32_t made, struct tri_answer *answer) {
  // Depth-first with an explicit stack; seen[k] is the address at which node k was found.
  tri_ref *seen = calloc(made, sizeof *seen), *stack = malloc(((size_t)made * EDGES + n) * sizeof *stack);
  enum tri_outcome outcome = TRI_OUTCOME_OUT_OF_MEMORY;
  uint64_t hash = 0, reached = 0, wrong = 0;
  size_t top = 0;
  if (!seen || !stack) goto out;
  for (uint32_t i = 0; i < n; i++) {
    tri_ref node = tri_load(m, table, i);
    wrong += *(uint64_t *)tri_raw_after(m, node, EDGES) != number[i];
    stack[top++] = node;
  }
  while (top > 0) {
    tri_ref node = stack[--top];
    uint64_t k = *(uint64_t *)tri_raw_after(m, node, EDGES);
    if (k >= made) {
      wrong++;
      continue;
    }
    if (!tri_is_null(seen[k])) {
      wrong += !tri_same(m, seen[k], node); // two copies of one node
      continue;
    }
    seen[k] = node;
    reached++;
    hash += tri_random_next(&(struct tri_random){k});
    for (size_t e = 0; e < EDGES; e++) {
      tri_ref successor = tri_load(m, node, e);
      uint64_t expected = model[k].edge[e];
      uint64_t found = tri_is_null(successor) ? 0 : *(uint64_t *)tri_raw_after(m, successor, EDGES) + 1;
      wrong += found != expected;
      if (found) stack[top++] = successor;
    }
  }
  answer->value = hash;
  snprintf(answer->text, sizeof answer->text, "%llu nodes reached of %u made, %llu edges or nodes wrong",
           (unsigned long long)reached, made, (unsigned long long)wrong);
  outcome = wrong == 0 ? TRI_OUTCOME_OK : TRI_OUTCOME_WRONG;
out:
  free(seen);
  free(stack);
  return outcome;
}

static enum tri_outcome run(struct tri_mutator *m, const int64_t *param, struct tri_answer *answer) {
  uint32_t n = (uint32_t)param[NODES], made = 0, room = 2 * n;
  struct tri_random random = {(uint64_t)param[SEED]};
  struct model *model = malloc(room * sizeof *model);
  uint32_t *number = malloc(n * sizeof *number); // of the node in each table entry
  enum tri_outcome outcome = TRI_OUTCOME_OUT_OF_MEMORY;
  TRI_FRAME(m, f, 1);
  if (!model || !number) goto out;
  tri_ref table = tri_alloc(m, TRI_SHAPE(n, 0));
  if (tri_is_null(table)) goto out;
  tri_root_set(m, &f.slot[0], table);
  for (int64_t step = -(int64_t)n; step < param[STEPS]; step++) {
    uint32_t i = step < 0 ? (uint32_t)(step + n) : (uint32_t)tri_random_below(&random, n);
    if (step >= 0 && tri_random_below(&random, 100) < (uint64_t)param[MUTATION]) {
      uint32_t to = (uint32_t)tri_random_below(&random, n + n / 8); // beyond n: null
      size_t e = tri_random_below(&random, EDGES);
      table = f.slot[0];
      tri_store(m, tri_load(m, table, i), e, to < n ? tri_load(m, table, to) : TRI_NULL);
      model[number[i]].edge[e] = to < n ? number[to] + 1 : 0;
      tri_safepoint(m);
      continue;
    }
    // A fresh node takes the entry; it inherits half of the edges, and one of them leads to the old node.
    if (made == room) {
      struct model *larger = realloc(model, 2 * (size_t)room * sizeof *model);
      if (!larger) goto out;
      model = larger;
      room *= 2;
    }
    tri_ref fresh = tri_alloc(m, NODE);
    if (tri_is_null(fresh)) goto out;
    *(uint64_t *)tri_raw_after(m, fresh, EDGES) = made;
    model[made] = (struct model){{0}};
    if (step >= 0) {
      tri_ref old = tri_load(m, f.slot[0], i);
      for (size_t e = 0; e < EDGES / 2; e++) {
        tri_init(m, fresh, e, tri_load(m, old, e));
        model[made].edge[e] = model[number[i]].edge[e];
      }
      if (made % 2) {
        tri_init(m, fresh, EDGES - 1, old);
        model[made].edge[EDGES - 1] = number[i] + 1;
        tri_fill(m, old, 0, EDGES, TRI_NULL); // keep chains of replaced nodes short
        model[number[i]] = (struct model){{0}};
      }
    }
    tri_store(m, f.slot[0], i, fresh);
    number[i] = made++;
  }
  outcome = compare(m, f.slot[0], n, number, model, made, answer);
out:
  TRI_FRAME_POP(m, f);
  free(model);
  free(number);
  return outcome;
}

TRI_WORKLOAD(random_graph, "random-graph", "random edges, random lifetimes, no locality", "this suite");
