#include "tricolor/registry.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

const struct tri_collector *tri_collector_find(const char *name) {
  for (size_t i = 0; tri_collectors[i]; i++)
    if (strcmp(tri_collectors[i]->name, name) == 0) return tri_collectors[i];
  return NULL;
}

const struct tri_collector *tri_collector_load(const char *path, char *error, size_t error_bytes) {
  void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!object) {
    snprintf(error, error_bytes, "cannot load collector: %s", dlerror());
    return NULL;
  }
  const struct tri_collector *const *record = dlsym(object, TRI_PLUGIN_SYMBOL);
  if (!record || !*record) {
    snprintf(error, error_bytes, "%s has no symbol '%s'; build its bind.c with -DTRI_PLUGIN", path, TRI_PLUGIN_SYMBOL);
  } else if ((*record)->abi != TRI_ABI || (*record)->size != sizeof **record) {
    snprintf(error, error_bytes, "%s was built for contract %u with %u bytes, this program has contract %u with %zu bytes",
             path, (*record)->abi, (*record)->size, TRI_ABI, sizeof **record);
  } else {
    return *record;
  }
  dlclose(object);
  return NULL;
}
