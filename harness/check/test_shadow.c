// No false alarms: random programs on every collector under the oracle, and what the summary says of them.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check/scenario.h"
#include "common/check.h"
#include "tricolor/registry.h"

static int bad;

static void run(const struct tri_collector *collector, enum tri_check check, uint64_t seed,
                struct tri_check_summary *summary) {
  struct findings findings = {0};
  scenario_run(collector, check, seed, &findings, summary);
  if (!findings.n) return;
  printf("%s with seed %" PRIu64 ":\n", collector->name, seed);
  findings_print(&findings, collector->name);
  bad++;
}

// usage: test.check.shadow [seed [collector]]
int main(int argc, char **argv) {
  uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  uint64_t seeds = argc > 1 ? 1 : 12;
  for (size_t i = 0; tri_collectors[i]; i++) {
    if (argc > 2 && strcmp(argv[2], tri_collectors[i]->name) != 0) continue;
    struct tri_check_summary summary = {0};
    for (uint64_t seed = first; seed < first + seeds; seed++)
      run(tri_collectors[i], TRI_CHECK_GC, seed, &summary);
    for (uint64_t seed = first; seed < first + seeds; seed += 4)
      run(tri_collectors[i], TRI_CHECK_END, seed, NULL);
    printf("%s\n", tri_collectors[i]->name);
    tri_check_summary_print(stdout, &summary);
    TRI_CHECK(summary.calls > 0);
  }
  return bad != 0;
}
