#include "common/spaces.h"

bool tri_spaces_init(struct tri_spaces *spaces, const struct tri_heap_config *config) {
  size_t limit = (size_t)config->value[TRI_OPT_HEAP];
  bool huge = config->value[TRI_OPT_HUGE];
  spaces->budget = (struct tri_budget){.limit = limit};
  if (!tri_block_space_init(&spaces->blocks, &spaces->budget, limit, huge)) return false;
  if (tri_large_space_init(&spaces->large, &spaces->budget, limit, huge)) return true;
  tri_block_space_fini(&spaces->blocks);
  return false;
}

void tri_spaces_fini(struct tri_spaces *spaces) {
  tri_large_space_fini(&spaces->large);
  tri_block_space_fini(&spaces->blocks);
}

void tri_spaces_trim(struct tri_spaces *spaces) {
  tri_block_space_trim(&spaces->blocks, SIZE_MAX);
  tri_large_trim(&spaces->large, SIZE_MAX);
}

bool tri_spaces_each(struct tri_spaces *spaces, tri_cell_fn *visit, void *context) {
  return tri_block_space_each(&spaces->blocks, visit, context) &&
         tri_large_each(&spaces->large, visit, context);
}

bool tri_spaces_each_marked(struct tri_spaces *spaces, uintptr_t from, uintptr_t to, tri_cell_fn *visit,
                            void *context) {
  return tri_block_space_each_marked(&spaces->blocks, from, to, visit, context) &&
         tri_large_each_marked(&spaces->large, from, to, visit, context);
}

void tri_spaces_stats_fill(const struct tri_spaces *spaces, struct tri_stats *stats, size_t metadata_bytes) {
  struct tri_space_usage blocks = tri_block_space_usage(&spaces->blocks),
                         large = tri_large_space_usage(&spaces->large);
  stats->live_objects = blocks.live_objects + large.live_objects;
  stats->live_bytes = blocks.live_bytes + large.live_bytes;
  stats->free_bytes = blocks.free_bytes + large.free_bytes;
  stats->released_bytes = blocks.released_bytes + large.released_bytes;
  stats->metadata_bytes = blocks.metadata_bytes + large.metadata_bytes + metadata_bytes;
  stats->mapped_bytes = blocks.mapped_bytes + large.mapped_bytes + stats->metadata_bytes;
  stats->limit_bytes = spaces->budget.limit;
  stats->peak_bytes = spaces->budget.peak;
  stats->freed_objects = spaces->blocks.freed_objects + spaces->large.freed_objects;
  stats->freed_bytes = spaces->blocks.freed_bytes + spaces->large.freed_bytes;
  stats->allocated_objects = stats->live_objects + stats->freed_objects;
  stats->allocated_bytes = stats->live_bytes + stats->freed_bytes;
}
