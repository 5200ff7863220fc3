#include "program/graph.h"

#include <stdlib.h>

#include "program/payload.h"

enum { FIRST_CAPACITY = 64 };

// Where the object is, or belongs, in the buckets.
static size_t bucket_of(const struct tri_graph *graph, tri_ref object) {
  size_t mask = graph->n_buckets - 1, at = tri_hash(0, object.bits) & mask;
  while (graph->buckets[at] && graph->objects[graph->buckets[at] - 1].bits != object.bits) at = (at + 1) & mask;
  return at;
}

// Room for one more object; the buckets stay at most half full.
static bool grow(struct tri_graph *graph) {
  if (graph->count < graph->capacity) return true;
  size_t capacity = graph->capacity ? 2 * graph->capacity : FIRST_CAPACITY;
  tri_ref *objects = realloc(graph->objects, capacity * sizeof *objects);
  if (!objects) return false;
  graph->objects = objects;
  uint32_t *buckets = calloc(2 * capacity, sizeof *buckets);
  if (!buckets) return false;
  free(graph->buckets);
  graph->buckets = buckets;
  graph->n_buckets = 2 * capacity;
  graph->capacity = capacity;
  for (size_t i = 0; i < graph->count; i++) buckets[bucket_of(graph, objects[i])] = (uint32_t)i + 1;
  return true;
}

static bool add(struct tri_graph *graph, tri_ref object) {
  if (tri_is_null(object)) return true;
  if (!grow(graph)) return false;
  size_t bucket = bucket_of(graph, object);
  if (graph->buckets[bucket]) return true;
  graph->objects[graph->count++] = object;
  graph->buckets[bucket] = (uint32_t)graph->count;
  return true;
}

static size_t strong_edges(struct tri_shape shape) {
  return tri_shape_kind(shape) == TRI_NODE ? tri_shape_refs(shape) : 0;
}

bool tri_graph_build(struct tri_graph *graph, struct tri_mutator *m, const tri_ref *roots, size_t n_roots) {
  *graph = (struct tri_graph){0};
  bool ok = true;
  for (size_t i = 0; ok && i < n_roots; i++) ok = add(graph, roots[i]);
  for (size_t next = 0; ok && next < graph->count; next++) {
    tri_ref object = graph->objects[next];
    size_t n = strong_edges(tri_shape(m, object));
    for (size_t i = 0; ok && i < n; i++) ok = add(graph, tri_load(m, object, i));
  }
  if (!ok) tri_graph_free(graph);
  return ok;
}

void tri_graph_free(struct tri_graph *graph) {
  free(graph->objects);
  free(graph->buckets);
  *graph = (struct tri_graph){0};
}

size_t tri_graph_index(const struct tri_graph *graph, tri_ref object) {
  if (graph->count == 0) return SIZE_MAX;
  uint32_t found = graph->buckets[bucket_of(graph, object)];
  return found ? found - 1 : SIZE_MAX;
}

// An edge is hashed as the target's place in the order, from 1; null is 0.
static uint64_t edge(const struct tri_graph *graph, tri_ref target) {
  return tri_is_null(target) ? 0 : tri_graph_index(graph, target) + 1;
}

// The same of a weak edge: what only such edges lead to may be there or not, and is 0, too.
static uint64_t weak_contents(const struct tri_graph *graph, struct tri_mutator *m, tri_ref object) {
  if (tri_shape_kind(tri_shape(m, object)) == TRI_WEAK) return edge(graph, tri_weak_get(m, object));
  uint64_t key = edge(graph, tri_ephemeron_key(m, object));
  if (!key) return 0;
  tri_ref value = tri_ephemeron_value(m, object);
  return tri_hash(key, tri_is_null(value) ? 0 : tri_shape(m, value).tag);
}

uint64_t tri_graph_hash(const struct tri_graph *graph, struct tri_mutator *m, const tri_ref *roots,
                        size_t n_roots, bool contents) {
  uint64_t hash = tri_hash(0, graph->count);
  for (size_t i = 0; i < n_roots; i++) hash = tri_hash(hash, edge(graph, roots[i]));
  for (size_t k = 0; k < graph->count; k++) {
    tri_ref object = graph->objects[k];
    struct tri_shape shape = tri_shape(m, object);
    size_t n = strong_edges(shape);
    hash = tri_hash(hash, shape.tag);
    for (size_t i = 0; i < n; i++) hash = tri_hash(hash, edge(graph, tri_load(m, object, i)));
    if (!contents) continue;
    if (tri_shape_kind(shape) != TRI_NODE)
      hash = tri_hash(hash, weak_contents(graph, m, object));
    else if (tri_shape_bytes(shape))
      hash = tri_hash(hash, tri_payload_seed(tri_raw(m, object), tri_shape_bytes(shape)));
  }
  return hash;
}
