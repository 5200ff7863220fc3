// The graph that is reachable from a list of roots, read through the contract only, in canonical order: objects
// in breadth-first order from the roots, fields in order. Two heaps hold the same graph exactly when these
// orders meet the same shapes, edges and payloads, whatever the addresses: one hash compares collectors.
//
// Strong edges only: what weak references and ephemerons point at depends on when collections happen. What is certain
// of them, in a program that never asked them, is what is in the graph anyway: it has always been reachable, and so has
// what an ephemeron keeps for such a key.
#ifndef TRICOLOR_PROGRAM_GRAPH_H
#define TRICOLOR_PROGRAM_GRAPH_H

#include "tricolor/tricolor.h"

struct tri_graph {
  tri_ref *objects; // in canonical order
  size_t count, capacity;
  uint32_t *buckets; // open addressing: index of an object + 1, by its address
  size_t n_buckets;  // a power of two
};

// Read the graph. It is good until the next collecting call; m may be any mutator of the heap that is not
// parked, or in an event any mutator at all. Null roots are skipped. False: out of memory, the graph is empty.
bool tri_graph_build(struct tri_graph *graph, struct tri_mutator *m, const tri_ref *roots, size_t n_roots);
void tri_graph_free(struct tri_graph *graph);

// The place of an object in the order, or SIZE_MAX.
size_t tri_graph_index(const struct tri_graph *graph, tri_ref object);

// Hash of roots, shapes and edges, and, when contents is set, of the seeds of what the executor wrote, and of weak
// references and ephemerons as far as they are certain.
uint64_t tri_graph_hash(const struct tri_graph *graph, struct tri_mutator *m, const tri_ref *roots,
                        size_t n_roots, bool contents);

// Mix a value into a hash.
static inline uint64_t tri_hash(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * UINT64_C(0x9fb21c651e98df25);
  return hash ^ hash >> 32;
}

#endif
