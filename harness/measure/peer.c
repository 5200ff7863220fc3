#include "measure/peer.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char prefix[] = "peer:";

bool tri_is_peer(const char *collector) { return strncmp(collector, prefix, sizeof prefix - 1) == 0; }

// "…/build/tricolor" → "…/build/peers/NAME".
static char *path_beside(const char *executable, const char *name) {
  const char *slash = strrchr(executable, '/');
  int folder = slash ? (int)(slash - executable) : 1;
  return tri_format("%.*s/peers%s%s", folder, slash ? executable : ".", *name ? "/" : "", name);
}

char *tri_peer_program(const char *executable, const char *collector) {
  return path_beside(executable, collector + sizeof prefix - 1);
}

// "go, libgc", in a fresh string.
static char *list_peers(const char *folder) {
  struct dirent **entries;
  int count = scandir(folder, &entries, NULL, alphasort);
  char *list = tri_format("%s", "");
  for (int i = 0; i < count; i++) {
    if (*entries[i]->d_name != '.') {
      char *longer = tri_format("%s%s%s", list, *list ? ", " : "", entries[i]->d_name);
      free(list);
      list = longer;
    }
    free(entries[i]);
  }
  if (count >= 0) free(entries);
  return list;
}

bool tri_peer_known(const char *executable, const char *collector, struct tri_error *error) {
  const char *name = collector + sizeof prefix - 1;
  char *program = tri_peer_program(executable, collector);
  bool known = *name && !strchr(name, '/') && access(program, X_OK) == 0;
  if (!known) {
    char *folder = path_beside(executable, ""), *list = list_peers(folder);
    tri_fail(error, "unknown peer '%s': %s are in %s (harness/peers/README.md)", name, *list ? list : "none",
             folder);
    free(folder);
    free(list);
  }
  free(program);
  return known;
}
