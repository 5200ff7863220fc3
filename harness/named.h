// Collectors as the command line names them.
#ifndef TRICOLOR_HARNESS_NAMED_H
#define TRICOLOR_HARNESS_NAMED_H

#include "measure/text.h"
#include "nearest.h"
#include "tricolor/registry.h"

// The record of a collector named on the command line: a linked one, or a path to a shared object (it has a '/').
const struct tri_collector *tri_collector_named(const char *name, struct tri_error *error);

// The row of measure/arguments.h for options of the collector.
#define TRI_ARGUMENT_OPTIONS(target)                                                                                   \
  {"options", "KEY=VALUE,…", "options of the collector, see `tricolor list options`", .joined = (target), .letter = 'o'}

// For tri_nearest and for lists.
struct tri_names tri_collector_names(void);

#endif
