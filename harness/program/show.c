#include "program/show.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "measure/text.h"
#include "program/graph.h"
#include "program/payload.h"
#include "program/text.h"

enum { LISTED = 60, EDGES = 8 }; // longest list of objects, most edges of one

// An object that was allocated: number i + 1 in what is printed.
struct known {
  tri_ref ref; // null: gone
  size_t bytes;
  bool walked; // seen by the last walk
};

struct roots {
  tri_ref *refs;
  char **names;
  size_t count;
};

struct show {
  unsigned player; // that executed last
  FILE *out;
  struct tri_run *run;
  struct known *known;
  size_t count, room;
  struct tri_graph before; // reachable when the collection began
  size_t *before_known;    // their numbers
  size_t op;
};

// ---- Names ----------------------------------------------------------------------------------------------------

// The newest object at that address, SIZE_MAX if none is known. Shown programs are small: a search will do.
static size_t lookup(const struct show *show, tri_ref ref) {
  for (size_t i = show->count; i-- > 0;)
    if (show->known[i].ref.bits == ref.bits) return i;
  return SIZE_MAX;
}

static size_t learn(struct show *show, tri_ref ref) {
  size_t old = lookup(show, ref);
  if (old != SIZE_MAX) show->known[old].ref = TRI_NULL; // its place was taken
  if (show->count == show->room) {
    show->room = show->room ? 2 * show->room : 64;
    show->known = tri_need(realloc(show->known, show->room * sizeof *show->known));
  }
  show->known[show->count] = (struct known){.ref = ref};
  return show->count++;
}

// An object that was not seen when it was allocated (a finalizer kept it while it moved) gets a new number.
static size_t number(struct show *show, tri_ref ref) {
  size_t i = lookup(show, ref);
  return i == SIZE_MAX ? learn(show, ref) : i;
}

// ---- Looking --------------------------------------------------------------------------------------------------

static void add_root(void *context, const char *name, tri_ref ref) {
  struct roots *roots = context;
  size_t n = roots->count + 1;
  roots->refs = tri_need(realloc(roots->refs, n * sizeof *roots->refs));
  roots->names = tri_need(realloc(roots->names, n * sizeof *roots->names));
  roots->refs[roots->count] = ref;
  roots->names[roots->count++] = tri_need(strdup(name));
}

static struct roots find_roots(struct tri_run *run) {
  struct roots roots = {0};
  tri_run_each_root(run, add_root, &roots);
  return roots;
}

static void free_roots(struct roots *roots) {
  for (size_t i = 0; i < roots->count; i++) free(roots->names[i]);
  free(roots->names);
  free(roots->refs);
}

static bool note_walked(void *context, const struct tri_object_info *info) {
  struct show *show = context;
  size_t i = lookup(show, info->ref);
  if (i == SIZE_MAX) return true;
  show->known[i].walked = true;
  show->known[i].bytes = info->bytes;
  return true;
}

static bool can_walk(const struct show *show) {
  return tri_has(tri_run_mutator(show->run)->heap, TRI_CAP_WALK);
}

static void walk(struct show *show) {
  for (size_t i = 0; i < show->count; i++) show->known[i].walked = false;
  tri_walk(tri_run_mutator(show->run)->heap, note_walked, show);
}

// Forget the objects that the heap no longer has, and say so.
static void print_gone(struct show *show) {
  if (!can_walk(show)) return;
  walk(show);
  size_t gone = 0;
  for (size_t i = 0; i < show->count; i++) {
    if (show->known[i].walked || tri_is_null(show->known[i].ref)) continue;
    if (++gone <= LISTED) fprintf(show->out, "%s #%zu", gone == 1 ? "       reclaimed:" : "", i + 1);
    show->known[i].ref = TRI_NULL;
  }
  if (gone > LISTED) fprintf(show->out, " … %zu in all", gone);
  if (gone) fputc('\n', show->out);
}

// ---- Printing -------------------------------------------------------------------------------------------------

static void print_edges(struct show *show, tri_ref object, struct tri_shape shape) {
  struct tri_mutator *m = tri_run_mutator(show->run);
  size_t n = tri_shape_refs(shape);
  for (size_t i = 0; i < n && i < EDGES; i++) {
    tri_ref target = tri_load(m, object, i);
    fputs(i ? " " : "  -> ", show->out);
    if (tri_is_null(target)) fputc('-', show->out);
    else fprintf(show->out, "#%zu", number(show, target) + 1);
  }
  if (n > EDGES) fprintf(show->out, " … (%zu references)", n);
}

static void print_object(struct show *show, size_t i, const struct roots *roots, bool reachable) {
  static const char *const kinds[] = {[TRI_NODE] = "", [TRI_WEAK] = "  weak", [TRI_EPHEMERON] = "  ephemeron"};
  struct tri_mutator *m = tri_run_mutator(show->run);
  tri_ref object = show->known[i].ref;
  struct tri_shape shape = tri_shape(m, object);
  size_t bytes = show->known[i].bytes ? show->known[i].bytes : tri_shape_extent(shape);
  fprintf(show->out, "       #%-4zu %#" PRIxPTR " %5zu B%s", i + 1, object.bits, bytes, kinds[tri_shape_kind(shape)]);
  if (!reachable) {
    fputs("  unreachable\n", show->out); // what it points at may be gone: do not look
    return;
  }
  if (tri_shape_kind(shape) == TRI_NODE) print_edges(show, object, shape);
  if (tri_shape_kind(shape) == TRI_NODE && tri_shape_bytes(shape))
    fprintf(show->out, "  value %" PRIu64, tri_payload_seed(tri_raw(m, object), tri_shape_bytes(shape)));
  bool first = true;
  for (size_t k = 0; k < roots->count; k++) {
    if (roots->refs[k].bits != object.bits) continue;
    fprintf(show->out, "%s%s", first ? "  <- " : ", ", roots->names[k]);
    first = false;
  }
  fputc('\n', show->out);
}

// All objects that the heap holds, as far as it can tell: the reachable ones in order, then the others.
static void print_heap(struct show *show, const char *title, const struct tri_graph *graph,
                       const struct roots *roots) {
  size_t printed = 0, others = 0;
  if (can_walk(show)) walk(show);
  fprintf(show->out, "       -- %s: %zu reachable\n", title, graph->count);
  for (size_t i = 0; i < graph->count && printed < LISTED; i++, printed++)
    print_object(show, number(show, graph->objects[i]), roots, true);
  if (graph->count > LISTED) fprintf(show->out, "       … and %zu more\n", graph->count - LISTED);
  for (size_t i = 0; i < show->count; i++) {
    if (!show->known[i].walked || tri_graph_index(graph, show->known[i].ref) != SIZE_MAX) continue;
    if (printed++ < LISTED) print_object(show, i, roots, false);
    else others++;
  }
  if (others) fprintf(show->out, "       … and %zu more unreachable\n", others);
}

static bool look(struct show *show, struct tri_graph *graph, struct roots *roots) {
  *roots = find_roots(show->run);
  if (tri_graph_build(graph, tri_run_mutator(show->run), roots->refs, roots->count)) return true;
  fputs("       no memory to look at the heap\n", show->out);
  free_roots(roots);
  return false;
}

// ---- Collections ----------------------------------------------------------------------------------------------

static void begin_collection(struct show *show) {
  struct roots roots;
  tri_graph_free(&show->before);
  if (!look(show, &show->before, &roots)) return;
  print_heap(show, "before the collection", &show->before, &roots);
  show->before_known = tri_need(realloc(show->before_known, (show->before.count + 1) * sizeof *show->before_known));
  for (size_t i = 0; i < show->before.count; i++)
    show->before_known[i] = number(show, show->before.objects[i]);
  free_roots(&roots);
}

// Both graphs list the same objects in the same order, so each one's new address stands at its old place.
static void follow_moves(struct show *show, const struct tri_graph *after) {
  size_t moved = 0;
  for (size_t i = 0; i < after->count && i < show->before.count; i++) {
    tri_ref from = show->before.objects[i], to = after->objects[i];
    if (from.bits == to.bits) continue;
    if (moved++ < LISTED)
      fprintf(show->out, "       #%zu moved %#" PRIxPTR " -> %#" PRIxPTR "\n", show->before_known[i] + 1, from.bits,
              to.bits);
  }
  if (moved > LISTED) fprintf(show->out, "       … %zu moved in all\n", moved);
  if (moved == 0) return;
  // The places of what was not moved along may have been taken: those objects are gone.
  for (size_t i = 0; i < show->count; i++)
    if (tri_graph_index(after, show->known[i].ref) != SIZE_MAX) show->known[i].ref = TRI_NULL;
  for (size_t i = 0; i < after->count && i < show->before.count; i++)
    show->known[show->before_known[i]].ref = after->objects[i];
}

static void end_collection(struct show *show) {
  struct roots roots;
  struct tri_graph after;
  if (!look(show, &after, &roots)) return;
  follow_moves(show, &after);
  print_gone(show);
  print_heap(show, "after the collection", &after, &roots);
  tri_graph_free(&after);
  free_roots(&roots);
}

static void event(void *context, struct tri_heap *heap, const struct tri_event *event) {
  struct show *show = context;
  (void)heap;
  if (!show->run || !tri_run_mutator(show->run)) return;
  if (event->kind == TRI_EVENT_COLLECTION_BEGIN) begin_collection(show);
  if (event->kind == TRI_EVENT_COLLECTION_END) end_collection(show);
  if (event->kind == TRI_EVENT_OUT_OF_MEMORY) fprintf(show->out, "       out of memory: %" PRIu64 " B\n", event->a);
}

// ---- Operations -----------------------------------------------------------------------------------------------

static void before(void *context, struct tri_run *run, size_t i, const struct tri_op *op) {
  struct show *show = context;
  char text[TRI_OP_TEXT_MAX];
  show->run = run;
  tri_op_text(op, text);
  if (tri_run_player(run) != show->player) fprintf(show->out, "       -- m%u\n", show->player = tri_run_player(run));
  fprintf(show->out, "%5zu  %s\n", i + 1, text);
}

static void after(void *context, struct tri_run *run, size_t i, const struct tri_op *op, bool effective) {
  struct show *show = context;
  (void)i;
  if (!effective && op->code != TRI_OP_LOOP) fputs("       did nothing\n", show->out);
  if (tri_run_mutator(run)) print_gone(show);
}

static void allocated(void *context, struct tri_run *run, tri_ref object) {
  struct show *show = context;
  show->run = run;
  size_t i = learn(show, object);
  if (can_walk(show)) walk(show);
  fprintf(show->out, "       #%zu at %#" PRIxPTR, i + 1, object.bits);
  if (show->known[i].bytes) fprintf(show->out, ", %zu B", show->known[i].bytes);
  fputc('\n', show->out);
}

static void finishing(void *context, struct tri_run *run) {
  struct show *show = context;
  struct tri_graph graph;
  struct roots roots;
  show->run = run;
  if (look(show, &graph, &roots)) {
    print_heap(show, "at the end", &graph, &roots);
    tri_graph_free(&graph);
    free_roots(&roots);
  }
  show->run = NULL; // what the heap's end does is not shown
}

enum tri_run_status tri_program_show(const struct tri_program *program, const struct tri_run_params *params,
                                     FILE *out, struct tri_run_result *result) {
  struct show show = {.out = out};
  struct tri_run_watch watch = {.before = before,
                                .after = after,
                                .allocated = allocated,
                                .finishing = finishing,
                                .sink = {event, &show},
                                .context = &show};
  struct tri_run_params watched = *params;
  watched.watch = &watch;
  tri_program_run(program, &watched, result);
  tri_graph_free(&show.before);
  free(show.before_known);
  free(show.known);
  return result->status;
}
