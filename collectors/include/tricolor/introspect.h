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

// An object's colour in the marking that goes on (Dijkstra et al. 1978).
enum tri_colour {
  TRI_COLOUR_NONE, // no marking goes on, or the collector does not tell MARKING
  TRI_WHITE,       // not reached yet
  TRI_GREY,        // reached, some of its slots are still to be scanned
  TRI_BLACK,       // reached and scanned, or not subject to this collection (old, during a minor one)
};

// One object as the collector sees it. What it does not tell (enum tri_tells) is 0.
struct tri_object_info {
  tri_ref ref;            // slot 0
  struct tri_shape shape;
  uintptr_t start;        // extent in memory, header and rounding included: what live_bytes counts
  size_t bytes;
  enum tri_count_kind counted; // 0 where a collector says nothing of counts
  uint32_t count;
  enum tri_colour colour; // MARKING. A mark bit is enough: what tri_each_grey visits counts as grey
  uint8_t generation;     // GENERATION: 0 is the youngest
  uint8_t age;            // GENERATION: collections survived, saturating
};
typedef bool tri_walk_fn(void *context, const struct tri_object_info *info);

// ---------------------------------------------------------------------- what a collector may tell
//
// All of this is optional: fast.h names what there is in TRI_TELLS, and options of a heap may take some away
// (heap->tells). Checks that need more are skipped, and say so. Calls and their conditions: cold.def.

// What the write barrier keeps true while mutators run during marking.
enum tri_barrier {
  TRI_BARRIER_NONE,      // mutators never run during marking
  TRI_BARRIER_INSERTION, // strong invariant: no black object refers to a white one (Dijkstra, Steele)
  TRI_BARRIER_SNAPSHOT,  // weak invariant: a white object that a black one refers to can be reached from a
                         // grey one through white ones; and whatever is deleted from the graph that there
                         // was at the event MARK is grey or black from then on (Yuasa 1990)
  TRI_BARRIER_HYBRID,    // shades what is deleted and what is inserted (Go 1.8): judged like SNAPSHOT
};

struct tri_marking {
  bool active;              // from before the event MARK until after the event SWEEP
  bool roots_grey;          // root slots will be scanned (again) before marking ends: they count as grey
  enum tri_barrier barrier; // constant
  enum tri_colour born;     // of objects allocated now; TRI_COLOUR_NONE unless active
};

typedef bool tri_grey_fn(void *context, tri_ref object);

// A minor collection is going to look at slots [first, first + count) of this object: of a card table or a
// set of objects the whole of it (0, SIZE_MAX), of a set of slots one.
struct tri_remembered {
  tri_ref object;
  size_t first, count;
};
typedef bool tri_remembered_fn(void *context, const struct tri_remembered *entry);

enum tri_block_use {
  TRI_USE_FREE,     // holds nothing
  TRI_USE_PARTIAL,  // has room
  TRI_USE_FULL,     // has none
  TRI_USE_OPEN,     // a mutator allocates in it
  TRI_USE_UNSWEPT,  // marked in, not yet swept
  TRI_USE_RELEASED, // given back to the system
};

// A block of memory for objects, divided into units: cells, granules or lines.
struct tri_block_info {
  uintptr_t start;
  size_t bytes;
  enum tri_block_use use;
  size_t unit_bytes;
  bool starts;           // a bit stands for the object that starts in the unit (cells, granules);
                         // otherwise for all that touches it (lines)
  const uint64_t *used;  // a bit per unit: an object, or reserved by an open allocation; good during the call
  const uint64_t *marked; // the same for marks; NULL: none are kept here
  size_t live, capacity;  // what the block's header says of bits in `used`: now, and at most
  uint32_t lists;         // how many of the collector's lists of blocks have it, by looking through them all
  bool listed;            // by its use it belongs on one (and on no other); otherwise on none
};
typedef bool tri_block_fn(void *context, const struct tri_block_info *info);

// A number that the collector keeps beside struct tri_stats, by the name that its literature or its model has
// for it. All texts are good during the call only.
struct tri_counter {
  const char *name, *unit, *doc;
  // What holds of it at all times, in terms of other counters and of the fields of struct tri_stats:
  // relations "= a + b - c", ">= a", "<= a", separated by "; ". NULL: nothing is known.
  const char *law;
  uint64_t value;
};
typedef bool tri_counter_fn(void *context, const struct tri_counter *counter);

// A size class: the cells that small objects of some sizes live in.
struct tri_size_class {
  const char *objects; // which, where a heap has classes for several kinds of objects; "": all
  size_t cell_bytes;
  size_t least_bytes; // smallest object that has such a cell, headers included
  size_t block_bytes; // what cells are cut from; not all of it need be cells
  size_t cells;       // in a block
};

// The largest part of a block, in [0, 1), that is of no use to the program: each cell
// holds the smallest object.
static inline double tri_size_class_waste(const struct tri_size_class *size_class) {
  return 1 - (double)(size_class->cells * size_class->least_bytes) / (double)size_class->block_bytes;
}
typedef bool tri_size_class_fn(void *context, const struct tri_size_class *size_class);

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

// Called on the thread that does the work; where events.def says so, with the world stopped. The sink must
// not allocate in the heap or collect; with the world stopped and at COLLECTION_END it may walk, inspect,
// verify, tri_load and take stats.
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

// Parse "key=value,key=value" (NULL or "" for none) against the common rows and n own rows. Sizes take k, m,
// g (powers of 1024, any case), booleans on/off/true/false/1/0. False: *error has a sentence with key,
// position and what would be right. Needs no heap; no memory is kept.
TRI_EXPORT bool tri_options_parse(const char *text, const struct tri_option *own, size_t n,
                                  struct tri_heap_config *config, char *error, size_t error_bytes);

#endif
