// The tracing loop on random graphs, lists and wide objects, with mark stacks of every size down to
// none: what is marked is exactly what a simple search reaches, and every marked object is scanned,
// all at once or in steps.
//   test.common.tracer [seed]
#include "common/tracer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/random.h"

enum { NODES = 2000, EDGES = 4 };

struct node {
  struct node *edge[EDGES];
  bool marked, scanned, expected;
};

struct graph {
  struct node nodes[NODES];
  struct tri_tracer tracer;
  size_t marks;
};
static struct graph g;

static struct node *node_of(tri_ref ref) { return (struct node *)ref.bits; }

static void prefetch(void *context, tri_ref ref) {
  (void)context;
  TRI_PREFETCH((void *)ref.bits);
}

static bool mark(void *context, tri_ref ref) {
  struct graph *graph = context;
  if (node_of(ref)->marked) return false;
  graph->marks++;
  return node_of(ref)->marked = true;
}

static void scan(void *context, tri_ref ref) {
  struct graph *graph = context;
  TRI_CHECK(node_of(ref)->marked);
  node_of(ref)->scanned = true;
  for (int e = 0; e < EDGES; e++)
    if (node_of(ref)->edge[e]) tri_tracer_push(&graph->tracer, (tri_ref){(uintptr_t)node_of(ref)->edge[e]});
}

static size_t units; // of a step; SIZE_MAX: all at once

static void drain(void) {
  if (units == SIZE_MAX) {
    tri_tracer_drain(&g.tracer, prefetch, mark, scan, &g);
    return;
  }
  for (size_t left = 0, before; left == 0;) {
    before = g.marks;
    left = tri_tracer_step(&g.tracer, units, prefetch, mark, scan, &g);
    // A push without room marks at once, and is no look at the object.
    if (!tri_tracer_has_dropped(&g.tracer)) TRI_CHECK_LE(g.marks - before, units - left);
    TRI_CHECK_LE(left, units);
  }
  TRI_CHECK(tri_mark_stack_is_empty(&g.tracer.stack));
}

static void rescan(uintptr_t first, uintptr_t last) {
  for (int i = 0; i < NODES; i++) {
    uintptr_t at = (uintptr_t)&g.nodes[i];
    if (!g.nodes[i].marked || at < first || at > last) continue;
    scan(&g, (tri_ref){at});
    drain();
  }
}

static size_t expect(struct node *start) { // by repeated passes: slow and simple
  size_t n = 1;
  start->expected = true;
  for (bool changed = true; changed;) {
    changed = false;
    for (int i = 0; i < NODES; i++)
      for (int e = 0; g.nodes[i].expected && e < EDGES; e++) {
        struct node *to = g.nodes[i].edge[e];
        if (!to || to->expected) continue;
        changed = to->expected = true;
        n++;
      }
  }
  return n;
}

static void trace(size_t max) {
  uintptr_t first, last;
  for (int i = 0; i < NODES; i++) g.nodes[i].marked = g.nodes[i].scanned = g.nodes[i].expected = false;
  g.marks = 0;
  tri_tracer_init(&g.tracer, max, mark, &g);
  size_t expected = expect(&g.nodes[0]);
  tri_tracer_push(&g.tracer, (tri_ref){(uintptr_t)&g.nodes[0]});
  for (drain(); tri_tracer_overflowed(&g.tracer, &first, &last); drain()) rescan(first, last);
  TRI_CHECK_EQ(g.marks, expected);
  for (int i = 0; i < NODES; i++) {
    TRI_CHECK_EQ(g.nodes[i].marked, g.nodes[i].expected);
    TRI_CHECK_EQ(g.nodes[i].scanned, g.nodes[i].expected);
  }
  if (max == 0) TRI_CHECK_GE(g.tracer.overflows, 1);
  if (max >= NODES * EDGES) TRI_CHECK_EQ(g.tracer.overflows, 0);
  tri_tracer_fini(&g.tracer);
}

static void trace_with_all_stacks(void) {
  static const size_t max[] = {0, 1, 2, 3, 7, 40, 1000, TRI_MARK_STACK_UNBOUNDED};
  static const size_t steps[] = {SIZE_MAX, 1, 3, 50};
  for (size_t s = 0; s < sizeof steps / sizeof *steps; s++)
    for (size_t k = 0; k < sizeof max / sizeof *max; k++) {
      units = steps[s];
      trace(max[k]);
    }
}

int main(int argc, char **argv) {
  struct tri_random random = {argc > 1 ? strtoull(argv[1], NULL, 0) : 1};
  printf("seed %llu\n", (unsigned long long)random.state);
  for (int round = 0; round < 10; round++) {
    memset(&g, 0, sizeof g);
    for (int i = 0; i < NODES; i++)
      for (int e = 0; e < EDGES; e++)
        if (tri_random_below(&random, 10) < 3 + (uint64_t)round)
          g.nodes[i].edge[e] = &g.nodes[tri_random_below(&random, NODES)];
    trace_with_all_stacks();
  }
  memset(&g, 0, sizeof g);
  for (int i = 0; i + 1 < NODES; i++) g.nodes[i].edge[0] = &g.nodes[i + 1];
  trace_with_all_stacks();
  memset(&g, 0, sizeof g);
  for (int i = 0; i + 1 < NODES; i++) g.nodes[i ? NODES - i : 0].edge[i % EDGES] = &g.nodes[NODES - i - 1];
  trace_with_all_stacks();
  memset(&g, 0, sizeof g); // a tree
  for (int i = 1; i < NODES; i++) g.nodes[(i - 1) / EDGES].edge[(i - 1) % EDGES] = &g.nodes[i];
  trace_with_all_stacks();
  return 0;
}
