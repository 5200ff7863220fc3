// Compiled once per collector with -DTRI_COLLECTOR=<name>: wraps the collector's inline paths into its
// record, tri_collector_<name>. So the dynamic binding runs the very code that the inline one is timed with.
#include "tricolor/collector.h"

#ifdef TRI_OPTIONS
static const struct tri_option rows[] = {
#define TRI_OPTION_ROW(symbol, name, type, def, min, max, choices, doc)                                      \
  {name, type, def, min, max, choices, doc},
#include TRI_OPTIONS
#undef TRI_OPTION_ROW
};
#define OPTIONS rows
#define N_OPTIONS (sizeof rows / sizeof *rows)
#else
#define OPTIONS NULL
#define N_OPTIONS 0
#endif

#ifndef TRI_TELLS
#define TRI_TELLS 0
#endif

#define TRI_FAST_CALL(result, name, parameters, arguments)                                                   \
  static result bound_##name parameters { return tri_##name arguments; }
#include "tricolor/fast.def"
#undef TRI_FAST_CALL

// Rows of cold.def that have no default …
#ifndef tri_cold_heap_destroy
#define tri_cold_heap_destroy TRI_IMPL(heap_destroy)
#endif
#ifndef tri_cold_attach
#define tri_cold_attach TRI_IMPL(attach)
#endif
#ifndef tri_cold_detach
#define tri_cold_detach TRI_IMPL(detach)
#endif
#ifndef tri_cold_walk
#define tri_cold_walk TRI_IMPL(walk)
#endif
#ifndef tri_cold_stats_fill
#define tri_cold_stats_fill TRI_IMPL(stats_fill)
#endif
// … and those with one.
#ifndef tri_cold_park
#define tri_cold_park tri_default_park
#endif
#ifndef tri_cold_unpark
#define tri_cold_unpark tri_default_unpark
#endif
#ifndef tri_cold_pin
#define tri_cold_pin tri_default_pin
#endif
#ifndef tri_cold_unpin
#define tri_cold_unpin tri_default_unpin
#endif
#ifndef tri_cold_finalizer_add
#define tri_cold_finalizer_add tri_default_finalizer_add
#endif
#ifndef tri_cold_finalizer_next
#define tri_cold_finalizer_next tri_default_finalizer_next
#endif
#ifndef tri_cold_collect
#define tri_cold_collect tri_default_collect
#endif
#ifndef tri_cold_collect_start
#define tri_cold_collect_start tri_default_collect_start
#endif
#ifndef tri_cold_collect_step
#define tri_cold_collect_step tri_default_collect_step
#endif
#ifndef tri_cold_inspect
#define tri_cold_inspect tri_default_inspect
#endif
#ifndef tri_cold_verify
#define tri_cold_verify tri_default_verify
#endif
#ifndef tri_cold_marking
#define tri_cold_marking tri_default_marking
#endif
#ifndef tri_cold_each_grey
#define tri_cold_each_grey tri_default_each_grey
#endif
#ifndef tri_cold_each_remembered
#define tri_cold_each_remembered tri_default_each_remembered
#endif
#ifndef tri_cold_hold
#define tri_cold_hold tri_default_hold
#endif
#ifndef tri_cold_each_block
#define tri_cold_each_block tri_default_each_block
#endif
#ifndef tri_cold_each_counter
#define tri_cold_each_counter tri_default_each_counter
#endif
#ifndef tri_cold_each_size_class
#define tri_cold_each_size_class tri_default_each_size_class
#endif

enum tri_status TRI_IMPL(heap_create)(const struct tri_collector *self, const struct tri_heap_config *config,
                                      struct tri_heap **heap);
#define TRI_COLD_CALL(result, self, name, parameters, arguments) result tri_cold_##name parameters;
#include "tricolor/cold.def"
#undef TRI_COLD_CALL

TRI_EXPORT extern const struct tri_collector TRI_PASTE(tri_collector_, TRI_COLLECTOR);
const struct tri_collector TRI_PASTE(tri_collector_, TRI_COLLECTOR) = {
    .abi = TRI_ABI,
    .size = sizeof(struct tri_collector),
    .name = TRI_STRING(TRI_COLLECTOR),
    .summary = TRI_SUMMARY,
    .caps = {TRI_CAPS, TRI_MAX_MUTATORS, TRI_MAX_HEAPS, TRI_MIN_HEAP, TRI_MAX_OBJECT, TRI_TELLS},
    .options = OPTIONS,
    .n_options = N_OPTIONS,
    .heap_create = TRI_IMPL(heap_create),
#define TRI_FAST_CALL(result, name, parameters, arguments) .name = bound_##name,
#include "tricolor/fast.def"
#undef TRI_FAST_CALL
#define TRI_COLD_CALL(result, self, name, parameters, arguments) .name = tri_cold_##name,
#include "tricolor/cold.def"
#undef TRI_COLD_CALL
};

#ifdef TRI_PLUGIN
TRI_EXPORT extern const struct tri_collector *const tri_collector_plugin;
const struct tri_collector *const tri_collector_plugin = &TRI_PASTE(tri_collector_, TRI_COLLECTOR);
#endif
