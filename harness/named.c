#include "named.h"

#include <string.h>

struct tri_names tri_collector_names(void) {
  static const char *names[64];
  size_t n = 0;
  for (; tri_collectors[n] && n < 64; n++) names[n] = tri_collectors[n]->name;
  return (struct tri_names){names, n};
}

const struct tri_collector *tri_collector_named(const char *name, struct tri_error *error) {
  if (strchr(name, '/')) return tri_collector_load(name, error->text, sizeof error->text);
  const struct tri_collector *collector = tri_collector_find(name);
  if (!collector) tri_fail_unknown(error, "collector", name, tri_collector_names());
  return collector;
}
