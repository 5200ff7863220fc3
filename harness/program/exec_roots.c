// The roots of a run and its final graph.
#include "program/exec_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "program/graph.h"

// In canonical order: registers by mutator and frame, globals, mail, immortal and pinned objects.
struct root {
  char kind; // 'r', 'g', or the first letter of the others
  unsigned mutator, depth, index;
  tri_ref ref;
};
typedef void root_fn(void *context, const struct root *root);

static void visit_handle(struct tri_run *run, char kind, unsigned mutator_index, unsigned index,
                         struct tri_handle *handle, root_fn *visit, void *context) {
  visit(context, &(struct root){kind, mutator_index, 0, index, tri_handle_get(run_current(run)->m, handle)});
}

static void each_root(struct tri_run *run, root_fn *visit, void *context) {
  if (!run->heap) return;
  for (unsigned p = 0; p < TRI_MUTATORS; p++)
    for (unsigned d = 0; d < run->players[p].depth; d++)
      for (unsigned r = 0; r < TRI_REGISTERS; r++) {
        tri_ref ref = run->players[p].frames[d].slot[r];
        if (!tri_is_null(ref)) visit(context, &(struct root){'r', p, d, r, ref});
      }
  for (unsigned page = 0; page < TRI_GLOBALS / GLOBAL_PAGE; page++)
    for (unsigned i = 0; run->globals[page] && i < GLOBAL_PAGE; i++)
      if (run->globals[page][i])
        visit_handle(run, 'g', 0, page * GLOBAL_PAGE + i, run->globals[page][i], visit, context);
  for (unsigned p = 0; p < TRI_MUTATORS; p++)
    for (unsigned i = 0; i < run->players[p].mail_count; i++)
      visit_handle(run, 'm', p, i, run->players[p].mail[i], visit, context);
  for (unsigned i = 0; i < run->n_immortals; i++) visit_handle(run, 'i', 0, i, run->immortals[i], visit, context);
  for (unsigned i = 0; i < run->n_pins; i++) visit_handle(run, 'p', 0, i, run->pins[i], visit, context);
}

struct named_visit {
  tri_run_root_fn *visit;
  void *context;
};

static void visit_named(void *context, const struct root *root) {
  const struct named_visit *to = context;
  char name[48];
  switch (root->kind) {
  case 'r':
    if (root->depth) snprintf(name, sizeof name, "m%u.%u r%u", root->mutator, root->depth, root->index);
    else snprintf(name, sizeof name, "m%u r%u", root->mutator, root->index);
    break;
  case 'g': snprintf(name, sizeof name, "g%u", root->index); break;
  case 'm': snprintf(name, sizeof name, "mail %u of m%u", root->index, root->mutator); break;
  case 'i': snprintf(name, sizeof name, "immortal %u", root->index); break;
  default: snprintf(name, sizeof name, "pin %u", root->index);
  }
  to->visit(to->context, name, root->ref);
}

void tri_run_each_root(struct tri_run *run, tri_run_root_fn *visit, void *context) {
  each_root(run, visit_named, &(struct named_visit){visit, context});
}

unsigned tri_run_player(struct tri_run *run) { return run_current(run)->number; }

struct tri_mutator *tri_run_mutator(struct tri_run *run) { return run_current(run)->m; }

struct root_list {
  tri_ref *refs;
  size_t count, capacity;
};

static void count_root(void *context, const struct root *root) {
  (void)root;
  ((struct root_list *)context)->capacity++;
}

static void list_root(void *context, const struct root *root) {
  struct root_list *list = context;
  list->refs[list->count++] = root->ref;
}

void run_hash_graph(struct tri_run *run) {
  struct tri_run_result *result = run->result;
  struct player *p = run_current(run);
  struct root_list roots = {0};
  struct tri_graph graph = {0};
  each_root(run, count_root, &roots);
  roots.refs = malloc((roots.capacity + 1) * sizeof *roots.refs);
  if (!roots.refs) return;
  each_root(run, list_root, &roots);
  if (tri_graph_build(&graph, p->m, roots.refs, roots.count)) {
    for (size_t i = 0; i < graph.count; i++) run_check_payload(p, graph.objects[i], "a reachable object");
    result->objects = graph.count;
    result->graph_hash = tri_graph_hash(&graph, p->m, roots.refs, roots.count, true);
    result->shape_hash = tri_graph_hash(&graph, p->m, roots.refs, roots.count, false);
    result->hashed = true;
  }
  tri_graph_free(&graph);
  free(roots.refs);
}
