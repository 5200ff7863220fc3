// Weak references for collectors that learn of each death by itself (reference counting): from a target to
// the weak objects that have it, so that clearing them takes time in their number only. (Tracing collectors:
// common/weak.h.)
//
// The weak objects of one target form a doubly linked list; its links stand in the weak objects, after slot
// 0, in TRI_WEAK_LINK_BYTES that the collector adds to their cells and no shape shows. A map leads from the
// target to the list. Invariants: a target is in the map, and has TRI_COUNT_WEAK_TARGET, exactly while its
// list is not empty; the map has room for as many targets as there are weak objects, so that setting a target
// cannot fail.
//
// One mutator, not locked. Nothing here collects.
#ifndef TRICOLOR_COMMON_WEAK_TABLE_H
#define TRICOLOR_COMMON_WEAK_TABLE_H

#include "common/address_map.h"
#include "common/count.h"

enum { TRI_WEAK_LINK_BYTES = 2 * sizeof(tri_ref) };

// A zeroed struct is an empty table.
struct tri_weak_table {
  struct tri_address_map lists; // target -> first weak object
  size_t weak_objects;
  uint64_t cleared; // total
};

void tri_weak_table_fini(struct tri_weak_table *table);

// Count a new weak object, which must then be made, with null target and links. False: out of memory.
bool tri_weak_table_add(struct tri_weak_table *table);

// The weak object is about to be freed.
void tri_weak_table_remove(struct tri_weak_table *table, tri_ref weak);

// Give the weak object a target, or null.
void tri_weak_table_set(struct tri_weak_table *table, tri_ref weak, tri_ref target);

// Clear all weak references to the target, which has TRI_COUNT_WEAK_TARGET.
void tri_weak_table_clear(struct tri_weak_table *table, tri_ref target);

// The first of the target's weak objects, and the one after that; TRI_NULL at the end. For checks.
tri_ref tri_weak_table_first(const struct tri_weak_table *table, tri_ref target);
tri_ref tri_weak_table_next(tri_ref weak);

#endif
