// The registry: finding by name, and what it says of files that bring no collector.
// usage: test.registry <shared object without the symbol> <shared object for another contract>
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "tricolor/registry.h"

static void refuses(const char *path, const char *sentence) {
  char error[300] = "";
  TRI_CHECK(!tri_collector_load(path, error, sizeof error));
  printf("%s\n", error);
  TRI_CHECK(strstr(error, sentence));
}

int main(int argc, char **argv) {
  TRI_CHECK_EQ(argc, 3);
  for (size_t i = 0; tri_collectors[i]; i++) {
    TRI_CHECK(tri_collector_find(tri_collectors[i]->name) == tri_collectors[i]);
    TRI_CHECK_EQ(tri_collectors[i]->abi, TRI_ABI);
    TRI_CHECK_EQ(tri_collectors[i]->size, sizeof *tri_collectors[i]);
    TRI_CHECK(tri_collectors[i]->summary && *tri_collectors[i]->summary);
    TRI_CHECK(tri_collectors[i]->caps.max_mutators > 0 && tri_collectors[i]->caps.max_heaps > 0);
  }
  TRI_CHECK(!tri_collector_find("") && !tri_collector_find("nocollec") && !tri_collector_find("NOCOLLECT"));
  refuses("./no-such-file.so", "cannot load collector: ./no-such-file.so");
  refuses(argv[0], "cannot load collector");
  refuses(argv[1], "has no symbol 'tri_collector_plugin'; build its bind.c with -DTRI_PLUGIN");
  refuses(argv[2], "was built for contract 2 with");
  return 0;
}
