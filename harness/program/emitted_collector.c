// For tests of programs that look a collector up by its name, the C tests that `tricolor minimize --emit=c` writes and
// the fuzz target: "marksweep+lose-edge:3" names a collector with a planted fault. Linked with
// --wrap=tri_collector_find, so that those programs stay as they are.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shims/fault.h"
#include "tricolor/registry.h"

const struct tri_collector *__real_tri_collector_find(const char *name);
const struct tri_collector *__wrap_tri_collector_find(const char *name);

const struct tri_collector *__wrap_tri_collector_find(const char *name) {
  static struct tri_fault_record faulty;
  char plain[64], error[2000] = "";
  size_t length = strcspn(name, "+");
  snprintf(plain, sizeof plain, "%.*s", (int)length, name);
  const struct tri_collector *collector = __real_tri_collector_find(plain);
  if (collector && name[length]) collector = tri_fault_wrap(&faulty, collector, name + length + 1, error, sizeof error);
  fputs(error, stderr);
  return collector;
}
