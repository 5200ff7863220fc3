// Both bindings of one program text give the same answer, on every collector; and all collectors of the same
// capabilities give the same.
#include <stdio.h>

#include "bindings.h"
#include "common/check.h"
#include "tricolor/registry.h"

static uint64_t run(const struct tri_collector *collector, bindings_run *program) {
  struct tri_heap *heap;
  struct tri_heap_params params = {.options = "heap=2m"};
  TRI_CHECK_EQ(tri_heap_create(collector, &params, &heap), TRI_OK);
  uint64_t answer = program(heap);
  TRI_CHECK(answer != 0);
  tri_heap_destroy(heap);
  return answer;
}

static void test(const char *name, bindings_run *inlined) {
  const struct tri_collector *collector = tri_collector_find(name);
  TRI_CHECK(collector);
  uint64_t answer = run(collector, bindings_run_dynamic);
  printf("%-12s %016llx\n", name, (unsigned long long)answer);
  TRI_CHECK_EQ(run(collector, inlined), answer);
  static struct { uint64_t caps, answer; } known[32];
  uint64_t caps = collector->caps.flags & (TRI_CAP_WEAK | TRI_CAP_EPHEMERON);
  size_t i = 0;
  while (i < sizeof known / sizeof *known && known[i].answer && known[i].caps != caps) i++;
  TRI_CHECK(i < sizeof known / sizeof *known);
  if (known[i].answer) TRI_CHECK_EQ(known[i].answer, answer);
  known[i].caps = caps;
  known[i].answer = answer;
}

int main(void) {
#define X(collector) test(#collector, bindings_run_##collector);
#include "bindings_collectors.def"
#undef X
  return 0;
}
