// For tests: a program that gives every row of invariants.h a subject, as far as the collector claims what
// that needs, and the findings of running it.
#ifndef TRICOLOR_CHECK_SCENARIO_H
#define TRICOLOR_CHECK_SCENARIO_H

#include "check/shadow.h"

struct findings {
  size_t n;
  struct {
    const char *id;
    char text[300];
  } at[64];
};

void findings_add(void *findings, struct tri_heap *heap, const struct tri_finding *finding);
bool findings_have(const struct findings *findings, const char *id);
void findings_print(const struct findings *findings, const char *collector);

// A heap under the shadow with one mutator, and room for what they need: it stays where it is while they
// last. The shadow's options but the findings may be set before it is opened.
struct shadowed {
  struct tri_shim_record record;
  struct tri_shadow_options options;
  struct tri_heap *heap;
  struct tri_mutator *m;
};
void shadowed_open(struct shadowed *shadowed, const struct tri_collector *collector, const char *heap_options,
                   struct findings *findings);
void shadowed_close(struct shadowed *shadowed);

// Run it on a heap of 16 MiB under the shadow; ends early after a finding. summary may be NULL.
void scenario_run(const struct tri_collector *collector, enum tri_check check, uint64_t seed,
                  struct findings *findings, struct tri_check_summary *summary);

#endif
