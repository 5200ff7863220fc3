// What check_inline_symbols has to find: an inline binding that calls its collector past the slow paths.
#include "tricolor/collector.h"

void TRI_IMPL(stats_fill)(struct tri_heap *heap, struct tri_stats *stats);
uint64_t bindings_planted(struct tri_heap *heap);

uint64_t bindings_planted(struct tri_heap *heap) {
  struct tri_stats stats = {0};
  TRI_IMPL(stats_fill)(heap, &stats);
  return stats.live_objects;
}
