// The collectors linked into this program, in the order of the tri_add_collector lines.
#ifndef TRICOLOR_REGISTRY_H
#define TRICOLOR_REGISTRY_H

#include "tricolor/tricolor.h"

extern const struct tri_collector *const tri_collectors[]; // NULL-terminated

// The record of that name, or NULL.
const struct tri_collector *tri_collector_find(const char *name);

// Load a collector from a shared object that was built with TRI_PLUGIN (collectors/example/README.md). NULL:
// *error says why (no such file, no symbol, other version of the contract). The object stays loaded.
const struct tri_collector *tri_collector_load(const char *path, char *error, size_t error_bytes);

#endif
