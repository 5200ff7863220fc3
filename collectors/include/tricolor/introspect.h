// The contract, the part that looks into a heap: walk, inspect, verify, stats, events, options.
#ifndef TRICOLOR_INTROSPECT_H
#define TRICOLOR_INTROSPECT_H

#include "tricolor/types.h"

struct tri_heap;

// What a reference count counts. Weak references and ephemerons never count.
enum tri_count_kind {
  TRI_COUNT_NONE,  // the collector keeps no counts
  TRI_COUNT_ALL,   // references from the slots of nodes, from root slots, and from queued finalizers
  TRI_COUNT_SLOTS, // references from the slots of nodes only: roots are scanned (deferred counting)
  TRI_COUNT_STUCK, // saturated: there were once this many, how many there are is no longer known
};

// One object as the collector sees it.
struct tri_object_info {
  tri_ref ref;            // slot 0
  struct tri_shape shape;
  uintptr_t start;        // extent in memory, header and rounding included: what live_bytes counts
  size_t bytes;
  enum tri_count_kind counted; // 0 where a collector says nothing of counts
  uint32_t count;
};
typedef bool tri_walk_fn(void *context, const struct tri_object_info *info);

// Receives one sentence per finding; text is good during the call only.
struct tri_reporter {
  void (*report)(void *context, const char *text);
  void *context;
};

struct tri_stats {
#define TRI_STAT(name, unit, doc) uint64_t name;
#include "tricolor/stats.def"
#undef TRI_STAT
};

// Fill in at most bytes bytes of *stats (so that old callers and new collectors fit together); what a
// collector does not keep is 0. Returns the bytes filled. Conditions as for tri_walk.
TRI_EXPORT size_t tri_stats_get(struct tri_heap *heap, struct tri_stats *stats, size_t bytes);

enum tri_event_kind {
#define TRI_EVENT(name, stopped, doc) TRI_EVENT_##name,
#include "tricolor/events.def"
#undef TRI_EVENT
  TRI_EVENT_KINDS
};
TRI_EXPORT const char *tri_event_name(enum tri_event_kind kind);

struct tri_event {
  uint64_t t_ns; // CLOCK_MONOTONIC
  enum tri_event_kind kind;
  uint64_t a, b; // see events.def
};

// Called on the thread that does the work; where events.def says so, with the world stopped. The sink must not
// allocate in the heap or collect; with the world stopped and at COLLECTION_END it may walk, inspect, verify,
// tri_load and take stats.
struct tri_event_sink {
  void (*event)(void *context, struct tri_heap *heap, const struct tri_event *event);
  void *context;
};

struct tri_pauses { // kept by tri_emit from STOP_REQUEST to RESUME
  uint64_t begin_ns, count, total_ns, max_ns;
};

enum tri_option_type { TRI_OPTION_BOOL, TRI_OPTION_INT, TRI_OPTION_SIZE, TRI_OPTION_CHOICE };
struct tri_option {
  const char *name;
  enum tri_option_type type;
  int64_t def, min, max;      // of a choice: indices
  const char *const *choices; // TRI_OPTION_CHOICE: NULL-terminated names
  const char *doc;
};

enum tri_common_option {
#define TRI_OPTION_ROW(symbol, name, type, def, min, max, choices, doc) TRI_OPT_##symbol,
#include "tricolor/options.def"
#undef TRI_OPTION_ROW
  TRI_COMMON_OPTIONS
};

// Parsed options: value[i] belongs to row i, common rows first.
#define TRI_MAX_OPTIONS 32
struct tri_heap_config {
  int64_t value[TRI_MAX_OPTIONS];
  const struct tri_event_sink *sink;
};

TRI_EXPORT extern const struct tri_option tri_common_options[TRI_COMMON_OPTIONS];

// Parse "key=value,key=value" (NULL or "" for none) against the common rows and n own rows. Sizes take k, m, g
// (powers of 1024, any case), booleans on/off/true/false/1/0. False: *error has a sentence with key, position
// and what would be right. Needs no heap; no memory is kept.
TRI_EXPORT bool tri_options_parse(const char *text, const struct tri_option *own, size_t n,
                                  struct tri_heap_config *config, char *error, size_t error_bytes);

#endif
