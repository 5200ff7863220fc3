// The memory of a heap that does not move objects: small ones in blocks, large ones in pages, under one
// limit.
#ifndef TRICOLOR_COMMON_SPACES_H
#define TRICOLOR_COMMON_SPACES_H

#include "common/block_space.h"
#include "common/budget.h"
#include "common/large_space.h"
#include "tricolor/tricolor.h"

struct tri_spaces {
  struct tri_budget budget;
  struct tri_block_space blocks;
  struct tri_large_space large;
};

// For the options heap= and huge=. False: out of memory, and nothing is held.
bool tri_spaces_init(struct tri_spaces *spaces, const struct tri_heap_config *config);
void tri_spaces_fini(struct tri_spaces *spaces);

// Give all free memory back to the system; no run is in use, and the sweep has ended.
void tri_spaces_trim(struct tri_spaces *spaces);

// Visit small objects, then large ones, as tri_block_space_each does; and marked ones that start in [from,
// to).
bool tri_spaces_each(struct tri_spaces *spaces, tri_cell_fn *visit, void *context);
bool tri_spaces_each_marked(struct tri_spaces *spaces, uintptr_t from, uintptr_t to, tri_cell_fn *visit,
                            void *context);

// The fields of *stats that tell of objects and memory, metadata_bytes more than what the spaces have
// included.
void tri_spaces_stats_fill(const struct tri_spaces *spaces, struct tri_stats *stats, size_t metadata_bytes);

#endif
