#include "workload.h"

#include <string.h>

static const struct tri_workload *find(const struct tri_workload *const *list, const char *name) {
  for (; *list; list++)
    if (strcmp((*list)->name, name) == 0) return *list;
  return NULL;
}

const struct tri_workload *tri_workload_find(const char *name) { return find(tri_workloads_dynamic, name); }

const struct tri_workload *tri_workload_inline(const char *name, const char *collector) {
  for (const struct tri_workload_binding *b = tri_workload_bindings; b->collector; b++)
    if (strcmp(b->collector, collector) == 0) return find(b->workloads, name);
  return NULL;
}
