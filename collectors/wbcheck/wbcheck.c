// wbcheck: a mark-sweep heap (common/marked_heap.h) that keeps, beside each object, what came through a
// barrier for each of its slots, and beside the roots what came through tri_root_set. A slot that holds
// something else was written past the barrier (the idea is that of Ruby's wbcheck, 2025: a collector whose
// only job is to check the mutator, so that a forgotten barrier is found at once and not when a real
// collector happens to need it).
//
// Slots are compared where they are written next, all of them before each collection, by tri_verify,
// and when the heap is destroyed. What has been found is kept and told by tri_verify, or with
// trap=on printed, and abort.
//
// Invariants: every allocated object with slots has a record, found under its reference; heap->roots has
// every root slot that is not null, as far as it was written by tri_root_set, and nothing else.
// heap->watch guards both.
#include "tricolor/collector.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/address_map.h"
#include "common/os.h"
#include "common/slow_alloc.h"
#include "wbcheck/fast.h"

enum option {
#define TRI_OPTION_ROW(symbol, name, type, def, min, max, choices, doc) WBCHECK_##symbol,
#include "wbcheck/options.def"
#undef TRI_OPTION_ROW
};

struct slot {       // what came through a barrier last
  uintptr_t value;
  const char *call; // its name
  uint32_t number;  // of the barrier
  uint32_t mutator;
};

struct record {
  uint64_t serial; // the n-th object allocated
  size_t n;
  struct slot slot[];
};

struct wbcheck_heap {
  struct tri_marked_heap marked;
  struct tri_mutex watch;
  struct tri_address_map records, roots; // reference -> struct record *; slot -> reference
  size_t record_bytes;
  uint64_t serial;
  uint32_t barriers;  // so far
  bool roots_unknown; // there was no memory to note one: they are no longer checked
  bool trap;
  uint64_t n_found;
  char found[256]; // the first
};

static struct wbcheck_heap *heap_of(struct tri_heap *heap) { return (struct wbcheck_heap *)heap; }

static void TRI_PRINTF(2, 3) TRI_COLD find(struct wbcheck_heap *heap, const char *format, ...) {
  if (heap->n_found++) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(heap->found, sizeof heap->found, format, arguments);
  va_end(arguments);
}

static void trap(const struct wbcheck_heap *heap) {
  if (!heap->trap || !heap->n_found) return;
  fprintf(stderr, "wbcheck: %s (%llu findings)\n", heap->found, (unsigned long long)heap->n_found);
  abort();
}

// ---------------------------------------------------------------------- comparing

static TRI_COLD void find_slot(struct wbcheck_heap *heap, tri_ref object, const struct record *record, size_t i,
                               uintptr_t holds) {
  const struct slot *slot = &record->slot[i];
  if (!slot->number)
    find(heap, "object #%llu at %p: slot %zu holds %p; no barrier has ever written it",
         (unsigned long long)record->serial, (void *)object.bits, i, (void *)holds);
  else
    find(heap,
         "object #%llu at %p: slot %zu holds %p; through a barrier came %p (tri_%s of mutator %u, barrier %u of %u)",
         (unsigned long long)record->serial, (void *)object.bits, i, (void *)holds, (void *)slot->value, slot->call,
         slot->mutator, slot->number, heap->barriers);
}

static void compare_slot(struct wbcheck_heap *heap, tri_ref object, const struct record *record, size_t i) {
  uintptr_t holds = tri_plain_load(NULL, object, i).bits;
  if (TRI_UNLIKELY(holds != record->slot[i].value)) find_slot(heap, object, record, i, holds);
}

// A root slot before it is written or given up, or among all of them.
static void compare_root(struct wbcheck_heap *heap, const tri_ref *slot) {
  const uintptr_t *seen = tri_address_map_find(&heap->roots, (uintptr_t)slot);
  uintptr_t value = seen ? *seen : 0;
  if (TRI_UNLIKELY(slot->bits != value) && !heap->roots_unknown)
    find(heap, "the root slot at %p holds %p; through tri_root_set came %p", (const void *)slot, (void *)slot->bits,
         (void *)value);
}

struct roots {
  struct wbcheck_heap *heap;
  size_t n; // not null
};

static void compare_each_root(void *context, tri_ref *slot) {
  struct roots *roots = context;
  compare_root(roots->heap, slot);
  roots->n += !tri_is_null(*slot);
}

// All slots and roots, with the world stopped, outside of marking.
static void compare_all(struct wbcheck_heap *heap) {
  for (size_t k = 0; k < heap->records.capacity; k++) {
    const struct tri_address_entry *entry = &heap->records.entries[k];
    if (!entry->address) continue;
    const struct record *record = (const struct record *)entry->value;
    for (size_t i = 0; i < record->n; i++) compare_slot(heap, (tri_ref){entry->address}, record, i);
  }
  struct roots roots = {heap, 0};
  tri_each_root(&heap->marked.base, compare_each_root, &roots);
  if (!heap->roots_unknown && !heap->n_found && roots.n != heap->roots.count)
    find(heap, "%zu root slots are set, tri_root_set has set %zu: a frame was given up without being popped", roots.n,
         heap->roots.count);
}

// ---------------------------------------------------------------------- barriers

static struct wbcheck_heap *enter(struct tri_mutator *m) {
  struct wbcheck_heap *heap = heap_of(m->heap);
  tri_mutex_lock(&heap->watch);
  heap->barriers++;
  return heap;
}
static void leave(struct wbcheck_heap *heap) { tri_mutex_unlock(&heap->watch); }

// The record of an object that a barrier is given, if it has the slots that the barrier writes.
static struct record *record_of(struct wbcheck_heap *heap, const char *call, tri_ref object, size_t i, size_t n) {
  const uintptr_t *found = tri_address_map_find(&heap->records, object.bits);
  struct record *record = found ? (struct record *)*found : NULL;
  if (record && i <= record->n && n <= record->n - i) return record;
  if (n) find(heap, "tri_%s was given slots %zu to %zu of %p, which has them not", call, i, i + n, (void *)object.bits);
  return NULL;
}

// Slots are about to be written: do they hold what the last barrier left?
static struct record *before(struct wbcheck_heap *heap, const char *call, tri_ref object, size_t i, size_t n) {
  struct record *record = record_of(heap, call, object, i, n);
  for (size_t k = 0; record && k < n; k++) compare_slot(heap, object, record, i + k);
  return record;
}

// They have been written.
static void after(struct wbcheck_heap *heap, struct record *record, const char *call, const struct tri_mutator *m,
                  tri_ref object, size_t i, size_t n) {
  for (size_t k = i; record && k < i + n; k++)
    record->slot[k] = (struct slot){tri_plain_load(NULL, object, k).bits, call, heap->barriers, m->id};
}

// One barrier: `write` writes the slots, if the object has them.
#define BARRIER(call, object, i, n, write)                                                                   \
  struct wbcheck_heap *heap = enter(m);                                                                      \
  struct record *record = before(heap, call, object, i, n);                                                  \
  if (record) write;                                                                                         \
  after(heap, record, call, m, object, i, n);                                                                \
  leave(heap)

void wbcheck_store_slow(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  BARRIER("store", object, i, 1, tri_plain_store(m, object, i, value));
}

void wbcheck_init_slow(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  BARRIER("init", object, i, 1, tri_plain_store(m, object, i, value));
}

tri_ref wbcheck_swap_slow(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  tri_ref old = TRI_NULL;
  BARRIER("swap", object, i, 1, old = tri_plain_swap(m, object, i, value));
  return old;
}

bool wbcheck_cas_slow(struct tri_mutator *m, tri_ref object, size_t i, tri_ref expected, tri_ref value) {
  bool stored = false;
  BARRIER("cas", object, i, 1, stored = tri_plain_cas(m, object, i, expected, value));
  return stored;
}

void wbcheck_copy_slow(struct tri_mutator *m, tri_ref to, size_t to_i, tri_ref from, size_t from_i, size_t n) {
  BARRIER("copy", to, to_i, n, tri_plain_copy(m, to, to_i, from, from_i, n));
}

void wbcheck_fill_slow(struct tri_mutator *m, tri_ref object, size_t i, size_t n, tri_ref value) {
  BARRIER("fill", object, i, n, tri_plain_fill(m, object, i, n, value));
}

void wbcheck_weak_set_slow(struct tri_mutator *m, tri_ref weak, tri_ref target) {
  BARRIER("weak_set", weak, 0, 1, tri_plain_weak_set(m, weak, target));
}

void wbcheck_ephemeron_set_slow(struct tri_mutator *m, tri_ref ephemeron, tri_ref key, tri_ref value) {
  BARRIER("ephemeron_set", ephemeron, 0, 2, tri_plain_ephemeron_set(m, ephemeron, key, value));
}

// Null slots are not in the map: a frame that was just pushed needs none.
static void note_root(struct wbcheck_heap *heap, const tri_ref *slot, tri_ref value) {
  uintptr_t *seen = tri_address_map_find(&heap->roots, (uintptr_t)slot);
  if (tri_is_null(value)) {
    if (seen) tri_address_map_remove(&heap->roots, (uintptr_t)slot);
  } else if (seen) {
    *seen = value.bits;
  } else if (tri_address_map_reserve(&heap->roots, heap->roots.count + 1)) {
    *tri_address_map_enter(&heap->roots, (uintptr_t)slot) = value.bits;
  } else {
    heap->roots_unknown = true;
  }
}

void wbcheck_root_set_slow(struct tri_mutator *m, tri_ref *slot, tri_ref value) {
  struct wbcheck_heap *heap = enter(m);
  compare_root(heap, slot);
  *slot = value;
  note_root(heap, slot, value);
  leave(heap);
}

void wbcheck_frame_pop_slow(struct tri_mutator *m, struct tri_frame *frame) {
  struct wbcheck_heap *heap = enter(m);
  for (size_t i = 0; i < frame->count; i++) {
    tri_ref *slot = &tri_frame_slots(frame)[i];
    compare_root(heap, slot);
    note_root(heap, slot, TRI_NULL);
  }
  leave(heap);
}

// ---------------------------------------------------------------------- heaps, mutators

enum tri_status wbcheck_heap_create(const struct tri_collector *self, const struct tri_heap_config *config,
                                    struct tri_heap **out) {
  const int64_t *own = config->value + TRI_COMMON_OPTIONS;
  enum tri_status status = tri_marked_heap_new(sizeof(struct wbcheck_heap), sizeof(struct tri_marked_mutator), self,
                                               config, own + WBCHECK_MARK_STACK, out);
  if (status != TRI_OK) return status;
  struct wbcheck_heap *heap = heap_of(*out);
  tri_mutex_init(&heap->watch);
  heap->trap = own[WBCHECK_TRAP];
  return TRI_OK;
}

static void free_record(struct wbcheck_heap *heap, struct record *record) {
  heap->record_bytes -= sizeof *record + record->n * sizeof *record->slot;
  tri_os_free(record);
}

// Mutators are gone, of the roots handles may be left.
void wbcheck_heap_destroy(struct tri_heap *base) {
  struct wbcheck_heap *heap = heap_of(base);
  compare_all(heap);
  trap(heap);
  for (size_t k = 0; k < heap->records.capacity; k++)
    if (heap->records.entries[k].address) free_record(heap, (struct record *)heap->records.entries[k].value);
  tri_address_map_fini(&heap->records);
  tri_address_map_fini(&heap->roots);
  tri_marked_heap_delete(base);
}

// ---------------------------------------------------------------------- collecting

// A weak reference or ephemeron that the collector has cleared.
static void note_cleared(tri_ref object, struct record *record) {
  if (tri_shape_kind(tri_marked_shape(*tri_tag(object))) == TRI_NODE) return;
  for (size_t i = 0; i < record->n; i++)
    if (tri_is_null(tri_plain_load(NULL, object, i))) record->slot[i].value = 0;
}

// When marking has ended: the records of garbage go.
static void update_records(struct wbcheck_heap *heap) {
  for (size_t k = 0; k < heap->records.capacity; k++) {
    struct tri_address_entry *entry = &heap->records.entries[k];
    while (entry->address && !tri_marked_is(&heap->marked, (tri_ref){entry->address})) {
      free_record(heap, (struct record *)entry->value);
      tri_address_map_remove(&heap->records, entry->address); // another entry may move here
    }
    if (entry->address) note_cleared((tri_ref){entry->address}, (struct record *)entry->value);
  }
}

// With the world stopped by the caller.
static void collect(struct wbcheck_heap *heap, enum tri_collect_kind kind) {
  struct tri_marked_heap *marked = &heap->marked;
  tri_emit(&marked->base, TRI_EVENT_COLLECTION_BEGIN, kind, 0);
  compare_all(heap);
  tri_marked_begin(marked, false);
  tri_emit(&marked->base, TRI_EVENT_ROOTS, 0, 0);
  tri_each_root(&marked->base, tri_marked_trace, marked);
  tri_emit(&marked->base, TRI_EVENT_MARK, 0, 0);
  tri_marked_drain(marked);
  tri_marked_weak(marked);
  update_records(heap);
  tri_marked_sweep(marked);
  tri_sweep_finish(&marked->spaces.blocks);
  if (kind == TRI_COLLECT_COMPACT) tri_marked_trim(marked);
  tri_emit(&marked->base, TRI_EVENT_COLLECTION_END, kind, 1);
  trap(heap);
}

enum tri_status wbcheck_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  tri_marked_stop(m);
  collect(heap_of(m->heap), kind == TRI_COLLECT_MINOR ? TRI_COLLECT_FULL : kind);
  tri_world_resume(m);
  return TRI_OK;
}

// ---------------------------------------------------------------------- allocation

static tri_ref alloc_recorded(struct wbcheck_heap *heap, struct tri_mutator *m, struct tri_shape shape) {
  size_t n = tri_shape_refs(shape), bytes = sizeof(struct record) + n * sizeof(struct slot);
  struct record *record = n ? tri_os_calloc(bytes) : NULL;
  tri_ref object = TRI_NULL;
  if (!n || (record && tri_address_map_reserve(&heap->records, heap->records.count + 1)))
    object = tri_marked_alloc_any(m, shape);
  if (tri_is_null(object)) {
    tri_os_free(record);
    return object;
  }
  heap->serial++;
  if (!record) return object;
  record->serial = heap->serial;
  record->n = n;
  heap->record_bytes += bytes;
  *tri_address_map_enter(&heap->records, object.bits) = (uintptr_t)record;
  return object;
}

static tri_ref try_alloc(struct tri_mutator *m, struct tri_shape shape) {
  struct wbcheck_heap *heap = heap_of(m->heap);
  tri_mutex_lock(&heap->watch);
  tri_ref object = alloc_recorded(heap, m, shape);
  tri_mutex_unlock(&heap->watch);
  return object;
}

static bool reclaim(struct tri_mutator *m, bool again) {
  (void)again;
  collect(heap_of(m->heap), TRI_COLLECT_FULL);
  return false;
}

tri_ref wbcheck_alloc_slow(struct tri_mutator *m, struct tri_shape shape) {
  return tri_slow_alloc(m, shape, &tri_marked_heap_of(m->heap)->lock, try_alloc, reclaim);
}

// ---------------------------------------------------------------------- introspection

size_t wbcheck_verify(struct tri_heap *base, const struct tri_reporter *reporter) {
  struct wbcheck_heap *heap = heap_of(base);
  size_t findings = tri_marked_verify(base, reporter);
  if (!heap->marked.spaces.blocks.marking) compare_all(heap);
  if (!heap->n_found) return findings;
  reporter->report(reporter->context, heap->found);
  return findings + heap->n_found;
}

void wbcheck_stats_fill(struct tri_heap *base, struct tri_stats *stats) {
  struct wbcheck_heap *heap = heap_of(base);
  size_t seen = heap->record_bytes + tri_address_map_bytes(&heap->records) + tri_address_map_bytes(&heap->roots);
  tri_marked_stats_fill(base, stats);
  stats->metadata_bytes += seen;
  stats->mapped_bytes += seen;
}
