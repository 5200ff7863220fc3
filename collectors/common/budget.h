// The heap= limit, shared by the spaces of one heap: live + free never exceed it, because a space takes from
// the budget before it commits memory for objects and gives back when it has decommitted it. Side tables and
// queues do not count. Not locked: the caller holds what protects the spaces.
#ifndef TRICOLOR_COMMON_BUDGET_H
#define TRICOLOR_COMMON_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

#include "common/check.h"

struct tri_budget {
  size_t limit;      // bytes
  size_t used, peak; // committed for objects now, and at most so far
};

static inline bool tri_budget_take(struct tri_budget *budget, size_t bytes) {
  if (bytes > budget->limit - budget->used) return false;
  budget->used += bytes;
  if (budget->used > budget->peak) budget->peak = budget->used;
  return true;
}

static inline void tri_budget_give(struct tri_budget *budget, size_t bytes) {
  TRI_ASSERT(bytes <= budget->used);
  budget->used -= bytes;
}

#endif
