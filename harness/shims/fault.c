// The modes. Each is a row of the table at the end: which entries it replaces, what it does at events. Damage
// to the heap is done with the world stopped, at the end of a collection, directly in memory: slot i of a
// node stands at its reference (types.h).
#include "shims/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/actor.h"
#include "common/random.h"
#include "tricolor/collector.h"
#include "tricolor/object.h"

struct fault {
  struct tri_shim shim;
  struct tri_fault_record *planted;
  const struct tri_fault_mode *mode;
  uint64_t k, seen;
  // What modes remember.
  tri_ref *root; // a root slot
  size_t slot;
  tri_ref ref, other;
  uint64_t epoch, cookie;
  struct tri_shape shape;
  enum tri_colour colour;
  struct tri_object_info *walked; // write-freed, write-later: the heap after the last collection
  size_t n_walked, capacity;
  bool held;
};

struct tri_fault_mode {
  const char *name, *doc;
  void (*override)(struct tri_collector *record);
  void (*event)(struct fault *fault, struct tri_heap *heap, enum tri_event_kind kind);
};

static const struct tri_shim_class fault_class;

static struct fault *fault_of(const struct tri_heap *heap) {
  return (struct fault *)tri_shim_find(heap, &fault_class);
}
static const struct tri_collector *inner_of(const struct tri_mutator *m) {
  return fault_of(m->heap)->shim.inner;
}

static bool act(struct fault *fault) {
  fault->planted->acted++;
  return true;
}
static bool once(struct fault *fault) { return ++fault->seen == fault->k && act(fault); }
static bool from_now(struct fault *fault) { return ++fault->seen >= fault->k && act(fault); }

// -------------------------------------------------------------------------------- damage

static tri_ref *slots_of(tri_ref object) { return (tri_ref *)object.bits; }

// The first object that `fits`, among the objects in roots and those they refer to.
struct search {
  const struct tri_collector *inner;
  struct tri_mutator *m;
  bool (*fits)(struct search *search, tri_ref object, struct tri_shape shape);
  tri_ref found, *root;
  size_t slot;
};

static bool try_object(struct search *search, tri_ref object) {
  struct tri_shape shape = search->inner->shape(search->m, object);
  if (tri_shape_kind(shape) != TRI_NODE || !search->fits(search, object, shape)) return false;
  search->found = object;
  return true;
}

static void try_root(void *context, tri_ref *slot) {
  struct search *search = context;
  if (!tri_is_null(search->found) || tri_is_null(*slot)) return;
  search->root = slot;
  if (try_object(search, *slot)) return;
  size_t n = tri_strong_refs(search->inner->shape(search->m, *slot));
  for (size_t i = 0; i < n; i++)
    if (!tri_is_null(slots_of(*slot)[i]) && try_object(search, slots_of(*slot)[i])) return;
}

static void any_mutator(void *context, struct tri_mutator *m) { *(struct tri_mutator **)context = m; }

static tri_ref search_object(struct fault *fault, struct tri_heap *heap, struct search *search) {
  search->inner = fault->shim.inner;
  tri_each_mutator(heap, any_mutator, &search->m);
  if (search->m) tri_each_root(heap, try_root, search);
  return search->found;
}

static bool has_edge(struct search *search, tri_ref object, struct tri_shape shape) {
  for (size_t i = 0; i < tri_shape_refs(shape); i++)
    if (!tri_is_null(slots_of(object)[i])) {
      search->slot = i;
      return true;
    }
  return false;
}

static bool has_two_edges(struct search *search, tri_ref object, struct tri_shape shape) {
  if (tri_shape_refs(shape) < 2) return false;
  tri_ref a = slots_of(object)[0], b = slots_of(object)[1];
  return !tri_is_null(a) && !tri_is_null(b) && a.bits != b.bits && a.bits != object.bits &&
         b.bits != object.bits &&
         tri_shape_equal(search->inner->shape(search->m, a), search->inner->shape(search->m, b));
}

static bool has_payload(struct search *search, tri_ref object, struct tri_shape shape) {
  (void)search, (void)object;
  return tri_shape_bytes(shape) != 0;
}

static void lose_edge(struct fault *fault, struct tri_heap *heap, enum tri_event_kind kind) {
  struct search search = {.fits = has_edge};
  if (kind != TRI_EVENT_COLLECTION_END || tri_is_null(search_object(fault, heap, &search)) || !once(fault))
    return;
  slots_of(search.found)[search.slot] = TRI_NULL;
}

static void count_running(void *context, struct tri_mutator *m) { *(unsigned *)context += !m->parked; }

// The same, but only when somebody else was in the middle of things.
static void race(struct fault *fault, struct tri_heap *heap, enum tri_event_kind kind) {
  unsigned running = 0;
  if (kind == TRI_EVENT_COLLECTION_END) tri_each_mutator(heap, count_running, &running);
  if (running > 1) lose_edge(fault, heap, kind);
}

static void merge(struct fault *fault, struct tri_heap *heap, enum tri_event_kind kind) {
  struct search search = {.fits = has_two_edges};
  if (kind != TRI_EVENT_COLLECTION_END || tri_is_null(search_object(fault, heap, &search)) || !once(fault))
    return;
  slots_of(search.found)[1] = slots_of(search.found)[0];
}

static void flip_payload(struct search *search) {
  struct tri_shape shape = search->inner->shape(search->m, search->found);
  unsigned char *payload = (unsigned char *)(slots_of(search->found) + tri_shape_refs(shape));
  payload[tri_shape_bytes(shape) - 1] ^= 0x10;
}

static void corrupt(struct fault *fault, struct tri_heap *heap, enum tri_event_kind kind) {
  struct search search = {.fits = has_payload};
  if (kind != TRI_EVENT_COLLECTION_END || tri_is_null(search_object(fault, heap, &search)) || !once(fault))
    return;
  flip_payload(&search);
}

// Writes to the end of an object that was reclaimed, next to one that was not (so the page is there).
static bool remember(void *context, const struct tri_object_info *info) {
  struct fault *fault = context;
  if (fault->n_walked == fault->capacity) {
    size_t capacity = fault->capacity * 2 + 64;
    void *walked = realloc(fault->walked, capacity * sizeof *fault->walked);
    if (!walked) return false;
    fault->walked = walked;
    fault->capacity = capacity;
  }
  fault->walked[fault->n_walked++] = *info;
  return true;
}

struct around { // what of the heap is in the way of a write to a page
  uintptr_t start, end, page;
  bool occupied, page_there;
};

static bool look_around(void *context, const struct tri_object_info *info) {
  struct around *around = context;
  around->occupied |= info->start < around->end && info->start + info->bytes > around->start;
  around->page_there |= info->start / 4096 == around->page;
  return !around->occupied;
}

TRI_NO_ASAN static void write_word(uintptr_t address) {
  *(volatile uint64_t *)address = UINT64_C(0xdddddddddddddddd);
}

// The end of the first object that the last collection has reclaimed, or 0.
static uintptr_t find_freed(struct fault *fault, struct tri_heap *heap) {
  uintptr_t found = 0;
  for (size_t i = 0; i < fault->n_walked && !found; i++) {
    const struct tri_object_info *old = &fault->walked[i];
    uintptr_t end = old->start + old->bytes;
    struct around around = {.start = old->start, .end = end, .page = (end - 1) / 4096};
    if (old->bytes < 24 || !fault->shim.inner->walk(heap, look_around, &around) || !around.page_there) continue;
    found = end;
  }
  fault->n_walked = 0;
  fault->shim.inner->walk(heap, remember, fault);
  return found;
}

static void write_freed(struct fault *fault, struct tri_heap *heap, enum tri_event_kind kind) {
  if (kind != TRI_EVENT_COLLECTION_END) return;
  uintptr_t end = find_freed(fault, heap);
  if (end && once(fault)) write_word(end - 8);
}

// The same, but later, before the next allocation: the collector has looked at free memory already.
static void find_for_later(struct fault *fault, struct tri_heap *heap, enum tri_event_kind kind) {
  if (kind == TRI_EVENT_COLLECTION_END) fault->ref.bits = find_freed(fault, heap);
}
static tri_ref write_later_alloc(struct tri_mutator *m, struct tri_shape shape) {
  struct fault *fault = fault_of(m->heap);
  uintptr_t end = fault->ref.bits;
  fault->ref = TRI_NULL;
  if (end && once(fault)) write_word(end - 8);
  return fault->shim.inner->alloc(m, shape);
}
static void write_later_override(struct tri_collector *record) { record->alloc = write_later_alloc; }

// Puts back into a slot what it held before the collection.
static void stale_slot(struct fault *fault, struct tri_heap *heap, enum tri_event_kind kind) {
  if (kind == TRI_EVENT_COLLECTION_BEGIN) {
    struct search search = {.fits = has_edge};
    fault->root = NULL;
    if (tri_is_null(search_object(fault, heap, &search)) || search.root->bits != search.found.bits) return;
    fault->root = search.root;
    fault->slot = search.slot;
    fault->ref = slots_of(search.found)[search.slot];
  } else if (kind == TRI_EVENT_COLLECTION_END && fault->root) {
    tri_ref *slot = &slots_of(*fault->root)[fault->slot];
    if (slot->bits != fault->ref.bits && once(fault)) *slot = fault->ref;
  }
}

static bool is_root(struct search *search, tri_ref object, struct tri_shape shape) {
  (void)shape;
  return search->root->bits == object.bits;
}

// The same for a root slot; where nothing moved, the root is lost.
static void drop_root(struct fault *fault, struct tri_heap *heap, enum tri_event_kind kind) {
  if (kind == TRI_EVENT_COLLECTION_BEGIN) {
    struct search search = {.fits = is_root};
    search_object(fault, heap, &search);
    fault->root = tri_is_null(search.found) ? NULL : search.root;
    fault->ref = search.found;
  } else if (kind == TRI_EVENT_COLLECTION_END && fault->root && once(fault)) {
    *fault->root = fault->root->bits == fault->ref.bits ? TRI_NULL : fault->ref;
  }
}

// -------------------------------------------------------------------------------- lies: walk

struct lying_walk {
  struct fault *fault;
  tri_walk_fn *visit;
  void *context;
  uint64_t n;
  struct tri_object_info first;
  bool (*lie)(struct lying_walk *walk, struct tri_object_info *info);
};

static bool visit_lying(void *context, const struct tri_object_info *info) {
  struct lying_walk *walk = context;
  struct tri_object_info told = *info;
  if (!walk->n++) walk->first = *info;
  return !walk->lie(walk, &told) || walk->visit(walk->context, &told);
}

static bool walk_lying(struct tri_heap *heap, tri_walk_fn *visit, void *context,
                       bool (*lie)(struct lying_walk *, struct tri_object_info *)) {
  struct lying_walk walk = {.fault = fault_of(heap), .visit = visit, .context = context, .lie = lie};
  return walk.fault->shim.inner->walk(heap, visit_lying, &walk);
}

static bool not_hidden(struct lying_walk *walk, struct tri_object_info *info) {
  return info->ref.bits != walk->fault->ref.bits;
}
static bool hide_walk(struct tri_heap *heap, tri_walk_fn *visit, void *context) {
  return walk_lying(heap, visit, context, not_hidden);
}
static enum tri_status hide_inspect(struct tri_heap *heap, tri_ref ref, struct tri_object_info *info) {
  struct fault *fault = fault_of(heap);
  return ref.bits == fault->ref.bits ? TRI_ECORRUPT : fault->shim.inner->inspect(heap, ref, info);
}
static void hide_override(struct tri_collector *record) {
  record->walk = hide_walk;
  record->inspect = hide_inspect;
}
static void hide_event(struct fault *fault, struct tri_heap *heap, enum tri_event_kind kind) {
  struct search search = {.fits = is_root};
  if (kind != TRI_EVENT_COLLECTION_END || tri_is_null(search_object(fault, heap, &search))) return;
  fault->ref = from_now(fault) ? search.found : TRI_NULL;
}

static bool overlapping(struct lying_walk *walk, struct tri_object_info *info) {
  if (walk->n == 1 || !from_now(walk->fault)) return true;
  info->bytes += info->start - walk->first.start;
  info->start = walk->first.start;
  return true;
}
static bool overlap_walk(struct tri_heap *heap, tri_walk_fn *visit, void *context) {
  return walk_lying(heap, visit, context, overlapping);
}
static void overlap_override(struct tri_collector *record) { record->walk = overlap_walk; }

static bool twice(struct lying_walk *walk, struct tri_object_info *info) {
  return walk->n != walk->fault->k || (act(walk->fault) && walk->visit(walk->context, info));
}
static bool twice_walk(struct tri_heap *heap, tri_walk_fn *visit, void *context) {
  return walk_lying(heap, visit, context, twice);
}
static void twice_override(struct tri_collector *record) { record->walk = twice_walk; }

static bool overcounted(struct lying_walk *walk, struct tri_object_info *info) {
  if (info->counted != TRI_COUNT_NONE && from_now(walk->fault)) info->count++;
  return true;
}
static bool count_walk(struct tri_heap *heap, tri_walk_fn *visit, void *context) {
  return walk_lying(heap, visit, context, overcounted);
}
static void count_override(struct tri_collector *record) { record->walk = count_walk; }

// An object that nobody refers to, in the walk and in the statistics.
static _Alignas(16) uint64_t ghost[4] = {1};
static bool ghost_walk(struct tri_heap *heap, tri_walk_fn *visit, void *context) {
  struct tri_object_info info = {.ref = {(uintptr_t)&ghost[1]},
                                 .shape = TRI_SHAPE(1, 0),
                                 .start = (uintptr_t)ghost,
                                 .bytes = 2 * sizeof *ghost};
  struct fault *fault = fault_of(heap);
  return fault->shim.inner->walk(heap, visit, context) && act(fault) && visit(context, &info);
}
static void ghost_stats(struct tri_heap *heap, struct tri_stats *stats) {
  fault_of(heap)->shim.inner->stats_fill(heap, stats);
  stats->live_objects++;
  stats->freed_objects--;
  stats->live_bytes += 2 * sizeof *ghost;
  stats->freed_bytes -= 2 * sizeof *ghost;
  stats->mapped_bytes += 2 * sizeof *ghost;
}
static void ghost_override(struct tri_collector *record) {
  record->walk = ghost_walk;
  record->stats_fill = ghost_stats;
}

// -------------------------------------------------------------------------------- lies: marking

// A root object that is told white, or grey, when marking has ended.
static enum tri_status colour_inspect(struct tri_heap *heap, tri_ref ref, struct tri_object_info *info) {
  struct fault *fault = fault_of(heap);
  enum tri_status status = fault->shim.inner->inspect(heap, ref, info);
  if (status == TRI_OK && ref.bits == fault->ref.bits && info->colour == TRI_BLACK) info->colour = fault->colour;
  return status;
}
static bool recoloured(struct lying_walk *walk, struct tri_object_info *info) {
  if (info->ref.bits == walk->fault->ref.bits && info->colour == TRI_BLACK) info->colour = walk->fault->colour;
  return true;
}
static bool colour_walk(struct tri_heap *heap, tri_walk_fn *visit, void *context) {
  return walk_lying(heap, visit, context, recoloured);
}
static void colour_override(struct tri_collector *record) {
  record->walk = colour_walk;
  record->inspect = colour_inspect;
}
static void recolour(struct fault *fault, struct tri_heap *heap, enum tri_event_kind kind, enum tri_colour colour) {
  struct search search = {.fits = is_root};
  fault->ref = TRI_NULL;
  if (kind != TRI_EVENT_SWEEP || tri_is_null(search_object(fault, heap, &search)) || !once(fault)) return;
  fault->ref = search.found;
  fault->colour = colour;
}
static void unmark(struct fault *fault, struct tri_heap *heap, enum tri_event_kind kind) {
  recolour(fault, heap, kind, TRI_WHITE);
}
static void keep_grey(struct fault *fault, struct tri_heap *heap, enum tri_event_kind kind) {
  recolour(fault, heap, kind, TRI_GREY);
}

static bool queued_each_grey(struct tri_heap *heap, tri_grey_fn *visit, void *context) {
  struct fault *fault = fault_of(heap);
  return fault->shim.inner->each_grey(heap, visit, context) &&
         (tri_is_null(fault->ref) || visit(context, fault->ref));
}
static void queued_override(struct tri_collector *record) { record->each_grey = queued_each_grey; }
static void keep_queued(struct fault *fault, struct tri_heap *heap, enum tri_event_kind kind) {
  struct search search = {.fits = is_root};
  fault->ref = TRI_NULL;
  if (kind != TRI_EVENT_WEAK || tri_is_null(search_object(fault, heap, &search)) || !once(fault)) return;
  fault->ref = search.found;
}

static bool is_marking(struct fault *fault, struct tri_heap *heap) {
  struct tri_marking now;
  return fault->shim.inner->marking(heap, &now) == TRI_OK && now.active;
}

// A store past the barrier, where that loses a white object.
static void skip_barrier_store(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  struct fault *fault = fault_of(m->heap);
  tri_ref *slot = &slots_of(object)[i];
  struct tri_object_info old;
  if (is_marking(fault, m->heap) && !tri_is_null(*slot) && slot->bits != value.bits &&
      fault->shim.inner->inspect(m->heap, *slot, &old) == TRI_OK && old.colour == TRI_WHITE && once(fault))
    *slot = value;
  else
    fault->shim.inner->store(m, object, i, value);
}
static void skip_barrier_override(struct tri_collector *record) { record->store = skip_barrier_store; }

// A snapshot collector does not keep the strong invariant.
static enum tri_status strong_marking(struct tri_heap *heap, struct tri_marking *marking) {
  struct fault *fault = fault_of(heap);
  enum tri_status status = fault->shim.inner->marking(heap, marking);
  if (marking->barrier == TRI_BARRIER_SNAPSHOT && act(fault)) marking->barrier = TRI_BARRIER_INSERTION;
  return status;
}
static void claim_strong_override(struct tri_collector *record) { record->marking = strong_marking; }

static tri_ref white_alloc(struct tri_mutator *m, struct tri_shape shape) {
  struct fault *fault = fault_of(m->heap);
  tri_ref object = fault->shim.inner->alloc(m, shape);
  if (tri_is_null(object) || !is_marking(fault, m->heap) || !once(fault)) return object;
  fault->ref = object;
  fault->colour = TRI_WHITE;
  return object;
}
static void born_white_override(struct tri_collector *record) {
  colour_override(record);
  record->alloc = white_alloc;
}

// -------------------------------------------------------------------------------- lies: generations

struct is_recorded {
  tri_ref object;
  bool found;
};

static bool is_entry(void *context, const struct tri_remembered *entry) {
  struct is_recorded *recorded = context;
  recorded->found |= entry->object.bits == recorded->object.bits;
  return !recorded->found;
}

// A store past the barrier, where that makes a slot refer to a younger object that no entry tells of.
static void skip_record_store(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  struct fault *fault = fault_of(m->heap);
  const struct tri_collector *inner = fault->shim.inner;
  struct tri_object_info older, younger;
  struct is_recorded recorded = {.object = object};
  bool chance = m->heap->tells & TRI_TELLS_REMEMBERED && !tri_is_null(value) &&
                inner->inspect(m->heap, object, &older) == TRI_OK &&
                inner->inspect(m->heap, value, &younger) == TRI_OK && younger.generation < older.generation &&
                inner->each_remembered(m->heap, is_entry, &recorded);
  if (chance && once(fault))
    slots_of(object)[i] = value;
  else
    inner->store(m, object, i, value);
}
static void skip_record_override(struct tri_collector *record) { record->store = skip_record_store; }

static bool entry_each_remembered(struct tri_heap *heap, tri_remembered_fn *visit, void *context) {
  struct fault *fault = fault_of(heap);
  struct tri_remembered entry = {.object = fault->ref, .count = SIZE_MAX};
  entry.object.bits += sizeof(tri_ref);
  return fault->shim.inner->each_remembered(heap, visit, context) &&
         (tri_is_null(fault->ref) || visit(context, &entry));
}
static void lie_entry_override(struct tri_collector *record) { record->each_remembered = entry_each_remembered; }
static void lie_entry(struct fault *fault, struct tri_heap *heap, enum tri_event_kind kind) {
  struct search search = {.fits = is_root};
  fault->ref = TRI_NULL;
  if (kind == TRI_EVENT_COLLECTION_END && heap->tells & TRI_TELLS_REMEMBERED &&
      !tri_is_null(search_object(fault, heap, &search)) && once(fault))
    fault->ref = search.found;
}

// A root object that was old is told young again.
static enum tri_status younger_inspect(struct tri_heap *heap, tri_ref ref, struct tri_object_info *info) {
  struct fault *fault = fault_of(heap);
  enum tri_status status = fault->shim.inner->inspect(heap, ref, info);
  if (status == TRI_OK && ref.bits == fault->ref.bits) info->generation = info->age = 0;
  return status;
}
static void younger_override(struct tri_collector *record) { record->inspect = younger_inspect; }
static void younger(struct fault *fault, struct tri_heap *heap, enum tri_event_kind kind) {
  struct search search = {.fits = is_root};
  struct tri_object_info info;
  fault->ref = TRI_NULL;
  if (kind == TRI_EVENT_COLLECTION_END && heap->tells & TRI_TELLS_GENERATION &&
      !tri_is_null(search_object(fault, heap, &search)) &&
      fault->shim.inner->inspect(heap, search.found, &info) == TRI_OK && info.generation && once(fault))
    fault->ref = search.found;
}

// -------------------------------------------------------------------------------- lies: blocks

enum { MOST_UNITS = 1024 };

struct lying_blocks {
  struct fault *fault;
  tri_block_fn *visit;
  void *context;
  bool (*lie)(struct lying_blocks *blocks, struct tri_block_info *info); // true: it has changed something
  uint64_t bits[MOST_UNITS / 64];
};

static bool tell_lying(void *context, const struct tri_block_info *info) {
  struct lying_blocks *blocks = context;
  struct tri_block_info told = *info;
  if (info->bytes / info->unit_bytes <= MOST_UNITS && blocks->lie(blocks, &told)) act(blocks->fault);
  return blocks->visit(blocks->context, &told);
}

static bool blocks_lying(struct tri_heap *heap, tri_block_fn *visit, void *context,
                         bool (*lie)(struct lying_blocks *, struct tri_block_info *)) {
  struct lying_blocks blocks = {.fault = fault_of(heap), .visit = visit, .context = context, .lie = lie};
  return blocks.fault->shim.inner->each_block(heap, tell_lying, &blocks);
}

static size_t words_of(const struct tri_block_info *info) { return info->bytes / info->unit_bytes / 64; }

static bool mark_free(struct lying_blocks *blocks, struct tri_block_info *info) {
  if (!info->marked || info->use == TRI_USE_FREE || info->use == TRI_USE_RELEASED) return false;
  for (size_t w = 0; w < words_of(info); w++) blocks->bits[w] = info->marked[w] | ~info->used[w];
  info->marked = blocks->bits;
  return true;
}
static bool mark_free_blocks(struct tri_heap *heap, tri_block_fn *visit, void *context) {
  return blocks_lying(heap, visit, context, mark_free);
}
static void mark_free_override(struct tri_collector *record) { record->each_block = mark_free_blocks; }

static bool free_unit(struct lying_blocks *blocks, struct tri_block_info *info) {
  bool was = false;
  for (size_t w = 0; w < words_of(info); w++) {
    was |= info->used[w] != 0;
    blocks->bits[w] = info->used[w] & (info->used[w] - 1); // without the lowest
  }
  info->used = blocks->bits;
  info->live = 0;
  for (size_t w = 0; w < words_of(info); w++) info->live += (size_t)__builtin_popcountll(blocks->bits[w]);
  if (info->use == TRI_USE_FULL || !info->live) info->use = TRI_USE_OPEN;
  return was;
}
static bool free_unit_blocks(struct tri_heap *heap, tri_block_fn *visit, void *context) {
  return blocks_lying(heap, visit, context, free_unit);
}
static void free_unit_override(struct tri_collector *record) { record->each_block = free_unit_blocks; }

static bool lie_block(struct lying_blocks *blocks, struct tri_block_info *info) {
  (void)blocks;
  if (info->use != TRI_USE_PARTIAL) return false;
  info->use = TRI_USE_FULL;
  return true;
}
static bool lie_block_blocks(struct tri_heap *heap, tri_block_fn *visit, void *context) {
  return blocks_lying(heap, visit, context, lie_block);
}
static void lie_block_override(struct tri_collector *record) { record->each_block = lie_block_blocks; }

static bool list_twice(struct lying_blocks *blocks, struct tri_block_info *info) {
  (void)blocks;
  info->lists++;
  return true;
}
static bool list_twice_blocks(struct tri_heap *heap, tri_block_fn *visit, void *context) {
  return blocks_lying(heap, visit, context, list_twice);
}
static void list_twice_override(struct tri_collector *record) { record->each_block = list_twice_blocks; }

// -------------------------------------------------------------------------------- lies: statistics

#define LYING_STATS(name, statement)                                                                         \
  static void name##_stats(struct tri_heap *heap, struct tri_stats *stats) {                                 \
    struct fault *fault = fault_of(heap);                                                                    \
    fault->shim.inner->stats_fill(heap, stats);                                                              \
    if (!from_now(fault)) return;                                                                            \
    statement;                                                                                               \
  }                                                                                                          \
  static void name##_override(struct tri_collector *record) { record->stats_fill = name##_stats; }

LYING_STATS(lie_mapped, stats->mapped_bytes += 4096)
LYING_STATS(lie_live, (stats->live_objects++, stats->freed_objects--, stats->live_bytes += 8,
                       stats->freed_bytes -= 8, stats->mapped_bytes += 8))
LYING_STATS(lie_freed, stats->freed_objects++)
LYING_STATS(lie_allocated, (stats->allocated_objects++, stats->freed_objects++))
LYING_STATS(lie_pending, stats->finalizers_pending = 0)
LYING_STATS(lie_empty, stats->live_objects += !stats->live_objects)
LYING_STATS(lie_limit,
            (stats->free_bytes += stats->limit_bytes + 1, stats->mapped_bytes += stats->limit_bytes + 1))

// The k-th counter.
struct lying_counters {
  struct fault *fault;
  tri_counter_fn *visit;
  void *context;
  uint64_t n;
};

static bool lie_counter(void *context, const struct tri_counter *counter) {
  struct lying_counters *counters = context;
  struct tri_counter told = *counter;
  if (++counters->n == counters->fault->k && act(counters->fault)) told.value++;
  return counters->visit(counters->context, &told);
}
static bool lie_counters(struct tri_heap *heap, tri_counter_fn *visit, void *context) {
  struct lying_counters counters = {.fault = fault_of(heap), .visit = visit, .context = context};
  return counters.fault->shim.inner->each_counter(heap, lie_counter, &counters);
}
static void lie_counter_override(struct tri_collector *record) { record->each_counter = lie_counters; }

// -------------------------------------------------------------------------------- lies: calls

static struct tri_shape lie_shape(struct tri_mutator *m, tri_ref object) {
  struct fault *fault = fault_of(m->heap);
  struct tri_shape shape = fault->shim.inner->shape(m, object);
  if (from_now(fault)) shape.tag += UINT64_C(8) << 36;
  return shape;
}
static void shape_override(struct tri_collector *record) { record->shape = lie_shape; }

static bool lie_same(struct tri_mutator *m, tri_ref a, tri_ref b) {
  return inner_of(m)->same(m, a, b) != from_now(fault_of(m->heap));
}
static void same_override(struct tri_collector *record) { record->same = lie_same; }

static tri_ref dirty_alloc(struct tri_mutator *m, struct tri_shape shape) {
  tri_ref ref = inner_of(m)->alloc(m, shape);
  if (!tri_is_null(ref) && tri_shape_bytes(shape) && once(fault_of(m->heap)))
    ((unsigned char *)(slots_of(ref) + tri_shape_refs(shape)))[tri_shape_bytes(shape) - 1] = 0xcc;
  return ref;
}
static void dirty_override(struct tri_collector *record) { record->alloc = dirty_alloc; }

// A payload that changes while no collection goes on: nobody's snapshot shows it.
static tri_ref scribble_alloc(struct tri_mutator *m, struct tri_shape shape) {
  struct fault *fault = fault_of(m->heap);
  struct search search = {.fits = has_payload};
  if (!tri_is_null(search_object(fault, m->heap, &search)) && once(fault)) flip_payload(&search);
  return fault->shim.inner->alloc(m, shape);
}
static void scribble_override(struct tri_collector *record) { record->alloc = scribble_alloc; }

static void find_slot(void *context, tri_ref *slot) {
  struct fault *fault = context;
  if (slot->bits == fault->ref.bits) fault->root = slot;
}

// The root slot that holds the object now, or NULL.
static tri_ref *root_of(struct tri_heap *heap, struct fault *fault, tri_ref object) {
  fault->ref = object;
  fault->root = NULL;
  tri_each_root(heap, find_slot, fault);
  return fault->root;
}

// The object that a root slot holds instead of a new one of the same shape.
static tri_ref reuse_alloc(struct tri_mutator *m, struct tri_shape shape) {
  struct fault *fault = fault_of(m->heap);
  tri_ref ref = fault->shim.inner->alloc(m, shape);
  if (tri_is_null(ref)) return ref;
  if (fault->root && !tri_is_null(*fault->root) && tri_shape_equal(fault->shape, shape) && once(fault))
    return *fault->root;
  fault->held = true;
  return ref;
}
static void reuse_root_set(struct tri_mutator *m, tri_ref *slot, tri_ref value) {
  struct fault *fault = fault_of(m->heap);
  fault->shim.inner->root_set(m, slot, value);
  if (fault->held && !tri_is_null(value)) { // a fresh object, or any other
    fault->root = slot;
    fault->shape = fault->shim.inner->shape(m, value);
    fault->held = false;
  } else if (slot == fault->root) {
    fault->root = NULL;
  }
}
static void reuse_frame_pop(struct tri_mutator *m, struct tri_frame *frame) {
  fault_of(m->heap)->root = NULL;
  inner_of(m)->frame_pop(m, frame);
}
static void reuse_override(struct tri_collector *record) {
  record->alloc = reuse_alloc;
  record->root_set = reuse_root_set;
  record->frame_pop = reuse_frame_pop;
}

static tri_ref oom_alloc(struct tri_mutator *m, struct tri_shape shape) {
  if (!once(fault_of(m->heap))) return inner_of(m)->alloc(m, shape);
  m->status = TRI_ENOMEM;
  return TRI_NULL;
}
static void oom_override(struct tri_collector *record) { record->alloc = oom_alloc; }

static tri_ref silent_alloc(struct tri_mutator *m, struct tri_shape shape) {
  return once(fault_of(m->heap)) ? TRI_NULL : inner_of(m)->alloc(m, shape);
}
static void silent_override(struct tri_collector *record) { record->alloc = silent_alloc; }

static enum tri_status skip_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  return from_now(fault_of(m->heap)) ? TRI_OK : inner_of(m)->collect(m, kind);
}
static void skip_collect_override(struct tri_collector *record) { record->collect = skip_collect; }

static enum tri_status crash_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  if (once(fault_of(m->heap))) abort();
  return inner_of(m)->collect(m, kind);
}
static void crash_override(struct tri_collector *record) { record->collect = crash_collect; }

static enum tri_status trap_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  static const volatile int *volatile nothing = (const volatile int *)8;
  if (once(fault_of(m->heap))) (void)*nothing;
  return inner_of(m)->collect(m, kind);
}
static void trap_override(struct tri_collector *record) { record->collect = trap_collect; }

// Each call needs its own `deeper`, so that none is a loop.
static unsigned recurse(volatile unsigned *depth) {
  volatile unsigned deeper = *depth + 1;
  return *depth < UINT32_MAX ? recurse(&deeper) + deeper : 0;
}
static enum tri_status recurse_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  if (once(fault_of(m->heap))) recurse(&(volatile unsigned){0});
  return inner_of(m)->collect(m, kind);
}
static void recurse_override(struct tri_collector *record) { record->collect = recurse_collect; }

static enum tri_status hang_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  for (volatile bool hangs = once(fault_of(m->heap)); hangs;) {}
  return inner_of(m)->collect(m, kind);
}
static void hang_override(struct tri_collector *record) { record->collect = hang_collect; }

static enum tri_status stall_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  if (once(fault_of(m->heap)))
    for (;;) tri_actor_spin();
  return inner_of(m)->collect(m, kind);
}
static void stall_override(struct tri_collector *record) { record->collect = stall_collect; }

// Nothing of the heap or the program decides: the process does.
static enum tri_status fickle_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  static uint64_t calls;
  struct tri_random random = {__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED)};
  if (from_now(fault_of(m->heap)) && tri_random_next(&random) & 1) inner_of(m)->collect(m, kind);
  return inner_of(m)->collect(m, kind);
}
static void fickle_override(struct tri_collector *record) { record->collect = fickle_collect; }

static bool ignored_pin(struct tri_mutator *m, tri_ref object) {
  (void)object;
  return act(fault_of(m->heap));
}
static void ignored_unpin(struct tri_mutator *m, tri_ref object) { (void)m, (void)object; }
static void pin_override(struct tri_collector *record) {
  record->caps.flags |= TRI_CAP_PIN;
  record->pin = ignored_pin;
  record->unpin = ignored_unpin;
}

// -------------------------------------------------------------------------------- lies: weak

static tri_ref clear_weak_get(struct tri_mutator *m, tri_ref weak) {
  return from_now(fault_of(m->heap)) ? TRI_NULL : inner_of(m)->weak_get(m, weak);
}
static void clear_weak_override(struct tri_collector *record) { record->weak_get = clear_weak_get; }

static tri_ref other_weak_get(struct tri_mutator *m, tri_ref weak) {
  tri_ref target = inner_of(m)->weak_get(m, weak);
  return !tri_is_null(target) && from_now(fault_of(m->heap)) ? weak : target;
}
static void other_weak_override(struct tri_collector *record) { record->weak_get = other_weak_get; }

// The last target set shows through where the collector has cleared, if the weak object is the one in that
// root slot.
static bool is_kept(struct fault *fault, tri_ref weak) {
  return fault->root && fault->root->bits == weak.bits;
}

static void keep_weak_set(struct tri_mutator *m, tri_ref weak, tri_ref target) {
  struct fault *fault = fault_of(m->heap);
  if (!tri_is_null(target) && from_now(fault) && root_of(m->heap, fault, weak)) fault->ref = target;
  fault->shim.inner->weak_set(m, weak, target);
}
static tri_ref keep_weak_get(struct tri_mutator *m, tri_ref weak) {
  struct fault *fault = fault_of(m->heap);
  tri_ref target = fault->shim.inner->weak_get(m, weak);
  return tri_is_null(target) && is_kept(fault, weak) ? fault->ref : target;
}
static void keep_weak_override(struct tri_collector *record) {
  record->weak_set = keep_weak_set;
  record->weak_get = keep_weak_get;
}

static tri_ref clear_ephemeron_get(struct tri_mutator *m, tri_ref ephemeron) {
  return from_now(fault_of(m->heap)) ? TRI_NULL : inner_of(m)->ephemeron_key(m, ephemeron);
}
static void clear_ephemeron_override(struct tri_collector *record) {
  record->ephemeron_key = clear_ephemeron_get;
  record->ephemeron_value = clear_ephemeron_get;
}

static tri_ref other_ephemeron_get(struct tri_mutator *m, tri_ref ephemeron) {
  tri_ref key = inner_of(m)->ephemeron_key(m, ephemeron);
  return !tri_is_null(key) && from_now(fault_of(m->heap)) ? ephemeron : key;
}
static void other_ephemeron_override(struct tri_collector *record) {
  record->ephemeron_key = other_ephemeron_get;
}

static void keep_ephemeron_set(struct tri_mutator *m, tri_ref ephemeron, tri_ref key, tri_ref value) {
  struct fault *fault = fault_of(m->heap);
  if (!tri_is_null(key) && from_now(fault) && root_of(m->heap, fault, ephemeron)) {
    fault->ref = key;
    fault->other = value;
  }
  fault->shim.inner->ephemeron_set(m, ephemeron, key, value);
}
static tri_ref keep_ephemeron_key(struct tri_mutator *m, tri_ref ephemeron) {
  tri_ref key = inner_of(m)->ephemeron_key(m, ephemeron);
  struct fault *fault = fault_of(m->heap);
  return tri_is_null(key) && is_kept(fault, ephemeron) ? fault->ref : key;
}
static tri_ref keep_ephemeron_value(struct tri_mutator *m, tri_ref ephemeron) {
  tri_ref value = inner_of(m)->ephemeron_value(m, ephemeron);
  struct fault *fault = fault_of(m->heap);
  return tri_is_null(value) && is_kept(fault, ephemeron) ? fault->other : value;
}
static void keep_value_override(struct tri_collector *record) {
  record->ephemeron_set = keep_ephemeron_set;
  record->ephemeron_value = keep_ephemeron_value;
}
static void keep_ephemeron_override(struct tri_collector *record) {
  keep_value_override(record);
  record->ephemeron_key = keep_ephemeron_key;
}

// -------------------------------------------------------------------------------- lies: finalizers

static tri_ref twice_next(struct tri_mutator *m, uint64_t *cookie) {
  struct fault *fault = fault_of(m->heap);
  if (!tri_is_null(fault->ref) && fault->epoch == m->heap->epoch && once(fault)) {
    *cookie = fault->cookie;
    return fault->ref;
  }
  fault->ref = fault->shim.inner->finalizer_next(m, cookie);
  fault->epoch = m->heap->epoch;
  fault->cookie = *cookie;
  return fault->ref;
}
static void finalize_twice_override(struct tri_collector *record) { record->finalizer_next = twice_next; }

static enum tri_status early_add(struct tri_mutator *m, tri_ref object, uint64_t cookie) {
  struct fault *fault = fault_of(m->heap);
  fault->held = once(fault);
  fault->ref = object;
  fault->cookie = cookie;
  fault->epoch = m->heap->epoch;
  return fault->shim.inner->finalizer_add(m, object, cookie);
}
static tri_ref early_next(struct tri_mutator *m, uint64_t *cookie) {
  struct fault *fault = fault_of(m->heap);
  if (!fault->held || fault->epoch != m->heap->epoch) return fault->shim.inner->finalizer_next(m, cookie);
  fault->held = false;
  *cookie = fault->cookie;
  return fault->ref;
}
static void finalize_early_override(struct tri_collector *record) {
  record->finalizer_add = early_add;
  record->finalizer_next = early_next;
}

static tri_ref broken_next(struct tri_mutator *m, uint64_t *cookie) {
  tri_ref object = inner_of(m)->finalizer_next(m, cookie);
  if (tri_is_null(object)) return object;
  size_t n = tri_strong_refs(inner_of(m)->shape(m, object));
  for (size_t i = 0; i < n; i++)
    if (!tri_is_null(slots_of(object)[i]) && once(fault_of(m->heap))) slots_of(object)[i] = TRI_NULL;
  return object;
}
static void finalize_broken_override(struct tri_collector *record) { record->finalizer_next = broken_next; }

static enum tri_status never_add(struct tri_mutator *m, tri_ref object, uint64_t cookie) {
  return from_now(fault_of(m->heap)) ? TRI_OK : inner_of(m)->finalizer_add(m, object, cookie);
}
static void finalize_never_override(struct tri_collector *record) { record->finalizer_add = never_add; }

// -------------------------------------------------------------------------------- the table

static const struct tri_fault_mode modes[] = {
    {"lose-edge", "clear a slot of a reachable object at the k-th collection", NULL, lose_edge},
    {"race", "the same at the k-th collection that stopped another running mutator", NULL, race},
    {"merge", "let two slots refer to one object at the k-th collection", NULL, merge},
    {"corrupt", "flip a bit of a reachable payload at the k-th collection", NULL, corrupt},
    {"scribble", "the same at the k-th allocation", scribble_override, NULL},
    {"stale-slot", "leave an old address in a slot at the k-th collection", NULL, stale_slot},
    {"write-freed", "write to reclaimed memory at the k-th collection", NULL, write_freed},
    {"write-later", "write to memory that a collection reclaimed at the k-th allocation right after one",
     write_later_override, find_for_later},
    {"drop-root", "do not update a root slot, or clear it, at the k-th collection", NULL, drop_root},
    {"hide", "leave a reachable object out of walk and inspect from the k-th collection on", hide_override,
     hide_event},
    {"overlap-extent", "tell extents that overlap, from the k-th object of a walk on", overlap_override,
     NULL},
    {"walk-twice", "visit the k-th object of each walk twice", twice_override, NULL},
    {"lie-count", "tell counts one too high, from the k-th on", count_override, NULL},
    {"ghost", "keep one object that nobody refers to", ghost_override, NULL},
    {"lie-mapped", "mapped bytes too high", lie_mapped_override, NULL},
    {"lie-live", "live objects too many", lie_live_override, NULL},
    {"lie-freed", "freed objects too many", lie_freed_override, NULL},
    {"lie-allocated", "allocated and freed objects too many", lie_allocated_override, NULL},
    {"lie-pending", "no finalizers queued", lie_pending_override, NULL},
    {"lie-empty", "an empty heap has one object", lie_empty_override, NULL},
    {"lie-counter", "the k-th counter is more by one", lie_counter_override, NULL},
    {"lie-limit", "free bytes beyond the limit", lie_limit_override, NULL},
    {"shape", "tell wrong shapes from the k-th call of shape on", shape_override, NULL},
    {"lie-same", "tell identity wrong from the k-th call of same on", same_override, NULL},
    {"dirty", "the k-th object with a payload is not zeroed", dirty_override, NULL},
    {"reuse", "return a live object again at the k-th chance", reuse_override, NULL},
    {"oom", "the k-th allocation is out of memory", oom_override, NULL},
    {"oom-silent", "the k-th allocation fails without a status", silent_override, NULL},
    {"skip-collect", "from the k-th call on, collect does nothing", skip_collect_override, NULL},
    {"crash", "the k-th call of collect ends the process by a signal", crash_override, NULL},
    {"trap", "the k-th call of collect reads where nothing is", trap_override, NULL},
    {"recurse", "the k-th call of collect calls itself until the stack is full", recurse_override, NULL},
    {"hang", "the k-th call of collect never returns", hang_override, NULL},
    {"stall", "the k-th call of collect waits for ever, and lets others go on", stall_override, NULL},
    {"fickle", "from the k-th call on some calls of collect collect twice, and the process decides which", fickle_override, NULL},
    {"ignore-pin", "pins are claimed and ignored", pin_override, NULL},
    {"clear-weak", "from the k-th call on weak_get tells of cleared references", clear_weak_override, NULL},
    {"other-weak", "from the k-th on weak_get returns another object", other_weak_override, NULL},
    {"keep-weak", "the k-th target set is returned for ever", keep_weak_override, NULL},
    {"clear-ephemeron", "from the k-th call on ephemerons look cleared", clear_ephemeron_override, NULL},
    {"other-ephemeron", "from the k-th on ephemeron_key returns another object", other_ephemeron_override,
     NULL},
    {"keep-ephemeron", "the k-th key and value set are returned for ever", keep_ephemeron_override, NULL},
    {"keep-value", "the k-th value set is returned for ever, its key is not", keep_value_override, NULL},
    {"finalize-twice", "hand out an object of the finalizer queue again at the k-th chance",
     finalize_twice_override, NULL},
    {"finalize-early", "hand out the k-th registered object at once", finalize_early_override, NULL},
    {"finalize-broken", "clear the k-th slot of objects handed out by the finalizer queue",
     finalize_broken_override, NULL},
    {"unmark", "tell a root object white when the k-th marking has ended", colour_override, unmark},
    {"keep-grey", "tell a root object grey when the k-th marking has ended", colour_override, keep_grey},
    {"keep-queued", "leave a root object on the mark stack when the k-th marking has ended", queued_override,
     keep_queued},
    {"skip-barrier", "store past the barrier at the k-th chance to lose a white object", skip_barrier_override, NULL},
    {"claim-strong", "promise the strong invariant where the barrier keeps the weak one", claim_strong_override,
     NULL},
    {"born-white", "tell the k-th object allocated during marking white", born_white_override, NULL},
    {"skip-record", "store past the barrier at the k-th chance to hide a younger object", skip_record_override,
     NULL},
    {"lie-entry", "put into the remembered set what is no object, at the k-th collection", lie_entry_override,
     lie_entry},
    {"younger", "tell an old root object young when the k-th collection has ended", younger_override, younger},
    {"mark-free", "tell of marks on free units", mark_free_override, NULL},
    {"free-unit", "tell of a unit that holds an object as free", free_unit_override, NULL},
    {"lie-block", "tell partial blocks full", lie_block_override, NULL},
    {"list-twice", "tell of blocks on one list more", list_twice_override, NULL},
    {"finalize-never", "forget finalizers from the k-th on", finalize_never_override, NULL},
};
enum { N_MODES = sizeof modes / sizeof *modes };

static void fault_override(struct tri_collector *record) {
  const struct tri_fault_record *fault = (const struct tri_fault_record *)record;
  if (fault->mode->override) fault->mode->override(record);
}

static struct tri_shim *fault_open(const struct tri_shim_record *record,
                                   const struct tri_heap_config *config) {
  (void)config;
  struct tri_fault_record *planted = (struct tri_fault_record *)(uintptr_t)record; // the caller's own
  struct fault *fault = calloc(1, sizeof *fault);
  if (!fault) return NULL;
  fault->planted = planted;
  fault->mode = planted->mode;
  fault->k = planted->k;
  return &fault->shim;
}

static void fault_close(struct tri_shim *shim) {
  free(((struct fault *)shim)->walked);
  free(shim);
}

static void fault_event(struct tri_shim *shim, struct tri_heap *heap, const struct tri_event *event) {
  struct fault *fault = (struct fault *)shim;
  if (fault->mode->event) fault->mode->event(fault, heap, event->kind);
}

// What a mode makes the record claim, the heap claims too.
static void fault_opened(struct tri_shim *shim, struct tri_heap *heap) {
  heap->caps |= heap->ops->caps.flags & ~shim->inner->caps.flags;
}

static const struct tri_shim_class fault_class = {.name = "fault",
                                                  .override = fault_override,
                                                  .open = fault_open,
                                                  .opened = fault_opened,
                                                  .close = fault_close,
                                                  .event = fault_event};

bool tri_fault_mode_at(size_t i, const char **name, const char **doc) {
  if (i >= N_MODES) return false;
  *name = modes[i].name;
  *doc = modes[i].doc;
  return true;
}

const struct tri_collector *tri_fault_wrap(struct tri_fault_record *record, const struct tri_collector *inner,
                                           const char *spec, char *error, size_t error_bytes) {
  size_t length = strcspn(spec, ":");
  const struct tri_fault_mode *mode = NULL;
  for (size_t i = 0; i < N_MODES; i++)
    if (strlen(modes[i].name) == length && strncmp(modes[i].name, spec, length) == 0) mode = &modes[i];
  if (!mode) {
    int n = snprintf(error, error_bytes, "unknown fault '%.*s'; there are", (int)length, spec);
    for (size_t i = 0; i < N_MODES && n >= 0 && (size_t)n < error_bytes; i++)
      n += snprintf(error + n, error_bytes - (size_t)n, " %s", modes[i].name);
    return NULL;
  }
  uint64_t k = 1;
  if (spec[length] == ':') {
    char *end;
    k = strtoull(spec + length + 1, &end, 10);
    if (!k || *end || spec[length + 1] < '0' || spec[length + 1] > '9') {
      snprintf(error, error_bytes, "fault '%s': after ':' stands which opportunity, a number from 1 on",
               spec);
      return NULL;
    }
  }
  record->mode = mode;
  record->acted = 0;
  record->k = k;
  return tri_shim_wrap(&record->shim, inner, &fault_class, NULL);
}
