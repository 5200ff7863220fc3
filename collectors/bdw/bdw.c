// bdw: libgc (Boehm and Weiser 1988) used as an engine. Heaps, mutators, roots and stopping are the
// contract's; libgc supplies blocks of equal cells, marking, sweeping and the ordering of finalizers.
//
// Kept:
//   * libgc is called under the heap's lock, or with the world stopped, or before there is a mutator. So it
//     needs to know no thread and to stop none: the contract's safepoints do that.
//   * libgc never collects by itself (its GC_disable stays on); bdw_collect and a failed allocation do.
//   * Roots are the frames, the handles and the queued finalizers. libgc scans no stack beyond its own
//     frames, no registers beyond those saved there, and no static data.
//   * An allocated cell has an odd word 0 (a tag), one that libgc has swept an even one (a link). But libgc
//     sweeps lazily, and blocks that are nearly full not at all. So a tag also has a stamp, which changes
//     with each collection: an object is a cell with a tag and the present stamp, or with a tag and libgc's
//     mark. The others are reclaimed as far as anyone can see. That makes the heap walkable.
//   * Free cells in the mutators' lists are not marked: the lists are dropped before each collection.
#include "tricolor/collector.h"

#define GC_THREADS 1
#define GC_NO_THREAD_REDIRECTS 1
#include <gc/gc.h>
#include <gc/gc_inline.h>
#include <gc/gc_mark.h>
#include <string.h>

#include "bdw/fast.h"
#include "common/actor.h"
#include "common/finalizer.h"
#include "common/os.h"
#include "common/report.h"

// Lent bits of the tag: libgc has found the object finalizable; its stamp (0: older than all that can be told
// apart).
enum { FINALIZED = 1 << 1, STAMP_SHIFT = 2, STAMPS = 1 << 6 };
enum { MAX_RANGES = 512 };

struct range {
  uintptr_t start, end;
};

struct bdw_heap {
  struct tri_heap base;
  struct tri_mutex lock; // libgc, and the fields below
  size_t limit, peak;
  uintptr_t **weak; // all weak objects, [0, n_weak)
  size_t n_weak, weak_capacity;
  struct tri_finalizers finalizers;
  uint64_t handed_objects, handed_bytes; // cells given to the mutators' lists, less those taken back
  uint64_t full_collections, weak_cleared;
};

// What belongs to libgc and so to the process. There is one heap at a time; changed by its creator, or under
// its lock.
static struct {
  bool ready;
  uint32_t heaps; // 0 or 1, changed atomically
  struct bdw_heap *heap;
  int kind[BDW_KINDS];
  size_t block_bytes;
  struct range ranges[MAX_RANGES]; // of blocks that have held this heap's cells: sorted, disjoint
  size_t n_ranges;
  uintptr_t last_block; // the one entered in ranges last
  void **ballast;       // memory that a heap with a smaller limit than its predecessor must not use
  void *spare;          // one block, see forget_failures
  size_t ballast_bytes; // of ballast and spare
  uint64_t stamp;       // 1 … STAMPS - 1; STAMPS when they have run out, see settle
} gc;

static struct bdw_heap *heap_of(struct tri_heap *heap) { return (struct bdw_heap *)heap; }

static uintptr_t *cell_of(tri_ref object) { return (uintptr_t *)(object.bits - BDW_HEADER); }
static tri_ref object_of(uintptr_t *cell) { return (tri_ref){(uintptr_t)cell + BDW_HEADER}; }

// ---------------------------------------------------------------------------------------------- libgc

static void push_root(void *context, tri_ref *slot) {
  (void)context;
  GC_push_all_eager(slot, slot + 1);
}

static void push_roots(void) {
  if (!gc.heap) return;
  tri_each_root(&gc.heap->base, push_root, NULL);
  tri_finalizers_roots(&gc.heap->finalizers, push_root, NULL);
}

static bool is_kept(uintptr_t *cell) { return GC_base(cell) == cell && GC_is_marked(cell); }

// Clear the weak objects that are kept and whose targets are not. A table of our own instead of libgc's
// disappearing links, whose registration can run out of memory where tri_weak_set has no way to say so.
static void clear_weak(struct bdw_heap *heap) {
  for (size_t i = 0; i < heap->n_weak; i++) {
    if (!is_kept(heap->weak[i])) continue;
    tri_ref *target = tri_slot(object_of(heap->weak[i]), 0);
    if (tri_is_null(*target) || is_kept(cell_of(*target))) continue;
    *target = TRI_NULL;
    heap->weak_cleared++;
  }
}

// Forget those that are gone.
static void forget_weak(struct bdw_heap *heap) {
  size_t n = 0;
  for (size_t i = 0; i < heap->n_weak; i++)
    if (is_kept(heap->weak[i])) heap->weak[n++] = heap->weak[i];
  heap->n_weak = n;
}

static bool has_room_for_weak(struct bdw_heap *heap) {
  if (heap->n_weak < heap->weak_capacity) return true;
  size_t capacity = heap->weak_capacity ? 2 * heap->weak_capacity : 64;
  uintptr_t **weak = tri_os_realloc(heap->weak, capacity * sizeof *weak);
  if (!weak) return false;
  heap->weak = weak;
  heap->weak_capacity = capacity;
  return true;
}

static void on_collection_event(GC_EventType event) {
  if (event == GC_EVENT_MARK_END) {
    gc.stamp++;
    if (!gc.heap) return;
    tri_emit(&gc.heap->base, TRI_EVENT_WEAK, 0, 0);
    clear_weak(gc.heap); // whatever finalization will keep
  } else if (event == GC_EVENT_RECLAIM_START && gc.heap) {
    tri_emit(&gc.heap->base, TRI_EVENT_SWEEP, 0, 0);
  }
}

// libgc runs this, after the collection, for each object with a finalizer that it found unreachable.
static void GC_CALLBACK note_finalizable(void *cell, void *context) {
  (void)context;
  *(uintptr_t *)cell |= FINALIZED;
}

static void *out_of_memory(size_t bytes) { return (void)bytes, NULL; }

// Both kinds come cleared: fresh objects are zeroed, and no free cell has a descriptor.
static void make_ready(void) {
  GC_set_all_interior_pointers(0);
  GC_set_no_dls(1);
  GC_set_dont_precollect(1);
  GC_set_markers_count(1);
  GC_set_finalize_on_demand(1);
  GC_set_java_finalization(1);
  GC_set_warn_proc(GC_ignore_warn_proc);
  GC_set_oom_fn(out_of_memory);
  GC_init();
  GC_clear_roots();
  GC_unregister_my_thread();
  GC_disable();
  GC_register_displacement(BDW_HEADER);
  gc.kind[BDW_LEAF] = (int)GC_new_kind(GC_new_free_list(), GC_DS_LENGTH, 0, 1);
  gc.kind[BDW_NODE] = (int)GC_new_kind(GC_new_free_list(), GC_DS_PER_OBJECT | sizeof(uintptr_t), 0, 1);
  // libgc sweeps only kinds that its plain allocation has been used for.
  for (size_t kind = 0; kind < BDW_KINDS; kind++) GC_generic_malloc(2 * BDW_GRANULE, gc.kind[kind]);
  // This size has no free cells yet, so the first batch is one block.
  void *cells;
  GC_generic_malloc_many(BDW_GRANULE, gc.kind[BDW_LEAF], &cells);
  for (void **cell = cells; cell; cell = *cell) gc.block_bytes += BDW_GRANULE;
  // libgc aborts when it has no memory for its first table of finalizers: let it make one now.
  GC_register_finalizer_no_order(cells, note_finalizable, NULL, NULL, NULL);
  GC_register_finalizer_no_order(cells, NULL, NULL, NULL, NULL);
  gc.spare = GC_malloc_atomic_uncollectable(gc.block_bytes);
  GC_set_push_other_roots(push_roots);
  GC_set_on_collection_event(on_collection_event);
  gc.stamp = 1;
  gc.ready = true;
}

// A collection after a failed allocation looks up its thread, which libgc does not know; giving a block back
// makes it forget the failure. (The block is there to be had again.)
static void forget_failures(void) {
  GC_free(gc.spare);
  gc.spare = GC_malloc_atomic_uncollectable(gc.block_bytes);
}

// ---------------------------------------------------------------------------------------------- blocks

static uintptr_t block_of(const uintptr_t *cell) { return (uintptr_t)cell & -gc.block_bytes; }

// Enter a block in the sorted ranges. When there is no room, a range grows over the gap to its
// neighbour: walks get slower, not wrong.
static void note_block(uintptr_t block) {
  uintptr_t end = block + gc.block_bytes;
  gc.last_block = block;
  struct range *r = gc.ranges;
  size_t i = 0, n = gc.n_ranges;
  while (i < n && r[i].end < block) i++;
  if (i == n && n == MAX_RANGES) i--;
  if (i < n && (r[i].start <= end || n == MAX_RANGES)) {
    if (block < r[i].start) r[i].start = block;
    if (end > r[i].end) r[i].end = end;
    if (i + 1 < n && r[i].end >= r[i + 1].start) {
      r[i].end = r[i + 1].end;
      memmove(&r[i + 1], &r[i + 2], (n - i - 2) * sizeof *r);
      gc.n_ranges--;
    }
    return;
  }
  memmove(&r[i + 1], &r[i], (n - i) * sizeof *r);
  r[i] = (struct range){block, end};
  gc.n_ranges++;
}

static bool is_our_kind(int kind) { return kind == gc.kind[BDW_LEAF] || kind == gc.kind[BDW_NODE]; }

static bool is_object(const uintptr_t *cell) {
  return cell[0] & 1 && ((cell[0] >> STAMP_SHIFT & (STAMPS - 1)) == gc.stamp || GC_is_marked(cell));
}

// Visit the cells of one block that have a tag; false when the visitor ends it.
typedef bool cell_fn(void *context, uintptr_t *cell, size_t bytes);
static bool each_cell_in(uintptr_t block, cell_fn *visit, void *context) {
  if (GC_base((void *)block) != (void *)block) return true; // free, or a later block of a large cell
  size_t bytes;
  if (!is_our_kind(GC_get_kind_and_size((void *)block, &bytes))) return true;
  size_t n = bytes < gc.block_bytes ? gc.block_bytes / bytes : 1;
  for (size_t i = 0; i < n; i++) {
    uintptr_t *cell = (uintptr_t *)(block + i * bytes);
    if (cell[0] & 1 && !visit(context, cell, bytes)) return false;
  }
  return true;
}

static bool each_cell(cell_fn *visit, void *context) {
  for (size_t i = 0; i < gc.n_ranges; i++)
    for (uintptr_t block = gc.ranges[i].start; block < gc.ranges[i].end; block += gc.block_bytes)
      if (!each_cell_in(block, visit, context)) return false;
  return true;
}

struct walk {
  tri_walk_fn *visit;
  void *context;
};

static bool walk_cell(void *context, uintptr_t *cell, size_t bytes) {
  const struct walk *walk = context;
  if (!is_object(cell)) return true;
  struct tri_object_info info = {
      .ref = object_of(cell), .shape = tri_tag_shape(cell[0]), .start = (uintptr_t)cell, .bytes = bytes};
  return walk->visit(walk->context, &info);
}

bool bdw_walk(struct tri_heap *heap, tri_walk_fn *visit, void *context) {
  (void)heap;
  struct walk walk = {visit, context};
  return each_cell(walk_cell, &walk);
}

// The stamps have run out: take the tags of dead cells away, those of objects get stamp 0.
static bool settle_cell(void *context, uintptr_t *cell, size_t bytes) {
  (void)context, (void)bytes;
  cell[0] = GC_is_marked(cell) ? cell[0] & ~((uintptr_t)(STAMPS - 1) << STAMP_SHIFT) : 0;
  return true;
}

static void settle(void) {
  if (gc.stamp < STAMPS) return;
  each_cell(settle_cell, NULL);
  gc.stamp = 1;
}

// ---------------------------------------------------------------------------------------------- heaps

static size_t total_bytes(void) { return GC_get_heap_size() + GC_get_unmapped_bytes(); }

// libgc keeps its memory when a heap is destroyed, and its limit holds only for growth. So what it has beyond
// the new limit is taken away from it, in pieces as large as it gives, linked through their first words.
static void take_ballast(size_t limit) {
  size_t total = total_bytes() - gc.block_bytes, want = total > limit ? total - limit : 0;
  want = gc.block_bytes + ((want + gc.block_bytes - 1) & -gc.block_bytes);
  if (gc.ballast_bytes == want) return;
  for (void **next; gc.ballast; gc.ballast = next) {
    next = *gc.ballast;
    GC_free(gc.ballast);
  }
  gc.ballast_bytes = gc.block_bytes;
  GC_set_max_heap_size(1);
  for (size_t piece = want; gc.ballast_bytes < want && piece >= gc.block_bytes;) {
    if (piece > want - gc.ballast_bytes) piece = want - gc.ballast_bytes;
    void **more = GC_malloc_atomic_uncollectable(piece);
    if (!more) {
      piece = piece / 2 & -gc.block_bytes;
      continue;
    }
    *more = gc.ballast;
    gc.ballast = more;
    gc.ballast_bytes += piece;
  }
}

static size_t heap_bytes(void) { return GC_get_heap_size() - gc.ballast_bytes; }

static void note_peak(struct bdw_heap *heap) {
  size_t now = heap_bytes();
  if (now > heap->peak) heap->peak = now;
}

enum tri_status bdw_heap_create(const struct tri_collector *self, const struct tri_heap_config *config,
                                struct tri_heap **out) {
  if (__atomic_exchange_n(&gc.heaps, 1, __ATOMIC_ACQUIRE)) return TRI_ENOTSUP;
  struct bdw_heap *heap = tri_os_calloc(sizeof *heap);
  if (!heap || tri_heap_init(&heap->base, self, config) != TRI_OK) {
    tri_os_free(heap);
    __atomic_store_n(&gc.heaps, 0, __ATOMIC_RELEASE);
    return TRI_ENOMEM;
  }
  if (!gc.ready) make_ready();
  tri_mutex_init(&heap->lock);
  tri_finalizers_init(&heap->finalizers);
  heap->limit = (size_t)config->value[TRI_OPT_HEAP];
  take_ballast(heap->limit);
  GC_set_max_heap_size(heap->limit + gc.ballast_bytes);
  note_peak(heap);
  gc.heap = heap;
  *out = &heap->base;
  return TRI_OK;
}

// Free what libgc has kept, take the tags away from what it may still have to sweep.
static bool free_cell(void *context, uintptr_t *cell, size_t bytes) {
  (void)context, (void)bytes;
  if (GC_is_marked(cell)) {
    GC_register_finalizer_no_order(cell, NULL, NULL, NULL, NULL);
    GC_free(cell);
  } else {
    cell[0] = 0;
  }
  return true;
}

static void collect_cells(void);

// A collection without roots gives the blocks back, all but those that have finalizable objects or what some
// register seemed to refer to.
void bdw_heap_destroy(struct tri_heap *base) {
  struct bdw_heap *heap = heap_of(base);
  heap->base.sink = (struct tri_event_sink){0};
  tri_finalizers_fini(&heap->finalizers);
  tri_finalizers_init(&heap->finalizers);
  tri_heap_fini(base);
  gc.heap = NULL;
  collect_cells();
  each_cell(free_cell, NULL);
  gc.n_ranges = 0;
  gc.last_block = 0;
  tri_os_free(heap->weak);
  tri_os_free(heap);
  __atomic_store_n(&gc.heaps, 0, __ATOMIC_RELEASE);
}

// ---------------------------------------------------------------------------------------------- mutators

enum tri_status bdw_attach(struct tri_heap *heap, struct tri_mutator **out) {
  enum tri_status status = tri_mutator_new(heap, sizeof(struct bdw_mutator), out);
  if (status == TRI_OK) ((struct bdw_mutator *)*out)->stamp = gc.stamp << STAMP_SHIFT;
  return status;
}

// Give up the mutator's free cells: the next collection finds them.
static void drop_cells(void *context, struct tri_mutator *base) {
  struct bdw_heap *heap = context;
  struct bdw_mutator *m = (struct bdw_mutator *)base;
  for (size_t kind = 0; kind < BDW_KINDS; kind++)
    for (size_t granules = 0; granules < BDW_SIZE_CLASSES; granules++) {
      for (uintptr_t *cell = m->cells[kind][granules]; cell; cell = (uintptr_t *)cell[0]) {
        heap->handed_objects--;
        heap->handed_bytes -= granules * BDW_GRANULE;
      }
      m->cells[kind][granules] = NULL;
    }
}

void bdw_detach(struct tri_mutator *base) {
  struct bdw_heap *heap = heap_of(base->heap);
  tri_mutex_lock(&heap->lock);
  drop_cells(heap, base);
  tri_mutex_unlock(&heap->lock);
  tri_mutator_delete(base);
}

// ---------------------------------------------------------------------------------------------- collection

static bool is_not_finalizable(void *context, tri_ref *slot) {
  (void)context;
  return !(*cell_of(*slot) & FINALIZED);
}
static void clear_finalizable(void *context, tri_ref *slot) {
  (void)context;
  *cell_of(*slot) &= ~(uintptr_t)FINALIZED;
}
static void drain_nothing(void *context) { (void)context; }

// libgc scans a part of its own frames and the registers saved there. So that they hold no stray references,
// the stack below is cleared first, and the registers last.
static TRI_NOINLINE void clear_stack(void) {
  char below[32 << 10];
  explicit_bzero(below, sizeof below);
}

static TRI_NOINLINE void collect_on_clean_stack(void) {
  clear_stack();
  TRI_CLEAR_SAVED_REGISTERS();
  GC_gcollect();
}

static void collect_cells(void) {
  forget_failures();
  GC_enable();
  collect_on_clean_stack();
  GC_disable();
  GC_invoke_finalizers();
  settle();
}

static void set_stamp(void *context, struct tri_mutator *m) {
  (void)context;
  ((struct bdw_mutator *)m)->stamp = gc.stamp << STAMP_SHIFT;
}

// With the world stopped.
static void collect(struct bdw_heap *heap, enum tri_collect_kind kind) {
  tri_emit(&heap->base, TRI_EVENT_COLLECTION_BEGIN, kind, 0);
  tri_each_mutator(&heap->base, drop_cells, heap);
  tri_emit(&heap->base, TRI_EVENT_ROOTS, 0, 0);
  tri_emit(&heap->base, TRI_EVENT_MARK, 0, 0);
  collect_cells();
  tri_each_mutator(&heap->base, set_stamp, NULL);
  clear_weak(heap); // those that only finalization has kept
  forget_weak(heap);
  struct tri_reach reach = {.live = is_not_finalizable, .trace = clear_finalizable, .drain = drain_nothing};
  tri_finalizers_process(&heap->finalizers, &reach);
  heap->full_collections++;
  note_peak(heap);
  tri_emit(&heap->base, TRI_EVENT_COLLECTION_END, kind, 1);
}

enum tri_status bdw_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  while (!tri_world_stop(m)) {
  }
  collect(heap_of(m->heap), kind);
  tri_world_resume(m);
  return TRI_OK;
}

// ---------------------------------------------------------------------------------------------- allocation

// A cell of that many granules, linked through word 0 to more of them when they are small. With the lock
// held.
static uintptr_t *take_cells(struct bdw_heap *heap, enum bdw_kind kind, size_t granules) {
  if (tri_os_inject()) return NULL;
  size_t bytes = granules * BDW_GRANULE;
  void *cells = NULL;
  if (granules < BDW_SIZE_CLASSES)
    GC_generic_malloc_many(bytes, gc.kind[kind], &cells);
  else
    cells = GC_generic_malloc_ignore_off_page(bytes, gc.kind[kind]);
  size_t n = 0;
  for (uintptr_t *cell = cells; cell; cell = (uintptr_t *)cell[0], n++)
    if (block_of(cell) != gc.last_block) note_block(block_of(cell));
  heap->handed_objects += n;
  heap->handed_bytes += n * bytes;
  note_peak(heap);
  return cells;
}

static tri_ref take_object(struct bdw_heap *heap, struct bdw_mutator *m, struct tri_shape shape) {
  size_t granules = bdw_cell_granules(shape);
  enum bdw_kind kind = tri_strong_refs(shape) ? BDW_NODE : BDW_LEAF;
  uintptr_t *unlisted = NULL, **list = granules < BDW_SIZE_CLASSES ? &m->cells[kind][granules] : &unlisted;
  bool weak = tri_shape_kind(shape) == TRI_WEAK;
  tri_mutex_lock(&heap->lock);
  if (!*list) *list = take_cells(heap, kind, granules);
  uintptr_t *cell = !weak || has_room_for_weak(heap) ? *list : NULL;
  if (cell) {
    *list = (uintptr_t *)cell[0];
    bdw_make_object(cell, shape, m->stamp);
    if (weak) heap->weak[heap->n_weak++] = cell;
  }
  tri_mutex_unlock(&heap->lock);
  return cell ? object_of(cell) : TRI_NULL;
}

tri_ref bdw_alloc_slow(struct tri_mutator *base, struct tri_shape shape) {
  struct bdw_heap *heap = heap_of(base->heap);
  enum tri_status status = tri_alloc_check(base, shape);
  if (status != TRI_OK) return tri_alloc_failed(base, status, shape);
  for (bool collected = false;;) {
    TRI_YIELD(ALLOC_SLOW);
    tri_ref object = take_object(heap, (struct bdw_mutator *)base, shape);
    if (!tri_is_null(object)) return object;
    if (collected) return tri_alloc_failed(base, TRI_ENOMEM, shape);
    if (!tri_world_stop(base)) continue;
    collect(heap, TRI_COLLECT_FULL);
    tri_world_resume(base);
    collected = true;
  }
}

// ---------------------------------------------------------------------------------------------- finalizers

enum tri_status bdw_finalizer_add(struct tri_mutator *base, tri_ref object, uint64_t cookie) {
  struct bdw_heap *heap = heap_of(base->heap);
  void *cell = cell_of(object), *old_context;
  GC_finalization_proc old = NULL;
  tri_mutex_lock(&heap->lock);
  // It says nothing when it runs out of memory; whether it has worked shows when it is asked again.
  GC_register_finalizer_no_order(cell, note_finalizable, NULL, NULL, NULL);
  GC_register_finalizer_no_order(cell, note_finalizable, NULL, &old, &old_context);
  tri_mutex_unlock(&heap->lock);
  return old ? tri_finalizers_add(&heap->finalizers, object, cookie) : TRI_ENOMEM;
}

tri_ref bdw_finalizer_next(struct tri_mutator *m, uint64_t *cookie) {
  return tri_finalizers_next(&heap_of(m->heap)->finalizers, cookie);
}

// --------------------------------------------------------------------------------------------- introspection

enum tri_status bdw_inspect(struct tri_heap *heap, tri_ref ref, struct tri_object_info *info) {
  (void)heap;
  if (ref.bits <= BDW_HEADER || ref.bits % BDW_GRANULE) return TRI_ECORRUPT;
  uintptr_t *cell = cell_of(ref);
  if (GC_base(cell) != cell) return TRI_ECORRUPT;
  size_t bytes;
  if (!is_our_kind(GC_get_kind_and_size(cell, &bytes)) || !is_object(cell)) return TRI_ECORRUPT;
  *info = (struct tri_object_info){
      .ref = ref, .shape = tri_tag_shape(cell[0]), .start = (uintptr_t)cell, .bytes = bytes};
  return TRI_OK;
}

// Slots are not judged: a stray word may have brought back a cell that libgc had not swept yet, and what that
// refers to may be gone. (What is reachable the shadow oracle checks slot by slot.)
static bool verify_object(void *context, const struct tri_object_info *info) {
  struct tri_findings *findings = context;
  const uintptr_t *cell = cell_of(info->ref);
  void *object = (void *)info->ref.bits;
  size_t slots = tri_strong_refs(info->shape);
  if (!tri_shape_valid(info->shape) || BDW_HEADER + tri_shape_extent(info->shape) > info->bytes) {
    tri_find(findings, "object %p: its tag is no shape, or one that does not fit its cell", object);
    return true;
  }
  if (cell[1] != (slots ? BDW_HEADER + slots * sizeof(tri_ref) : 0))
    tri_find(findings, "object %p: its mark descriptor does not cover just its slots", object);
  return true;
}

size_t bdw_verify(struct tri_heap *heap, const struct tri_reporter *reporter) {
  struct tri_findings findings = {reporter, tri_default_verify(heap, reporter)};
  bdw_walk(heap, verify_object, &findings);
  return findings.count;
}

static bool count_object(void *context, const struct tri_object_info *info) {
  struct tri_stats *stats = context;
  stats->live_objects++;
  stats->live_bytes += info->bytes;
  return true;
}

struct cached {
  uint64_t objects, bytes;
};

static void count_cached(void *context, struct tri_mutator *base) {
  struct cached *cached = context;
  struct bdw_mutator *m = (struct bdw_mutator *)base;
  for (size_t kind = 0; kind < BDW_KINDS; kind++)
    for (size_t granules = 0; granules < BDW_SIZE_CLASSES; granules++)
      for (uintptr_t *cell = m->cells[kind][granules]; cell; cell = (uintptr_t *)cell[0]) {
        cached->objects++;
        cached->bytes += granules * BDW_GRANULE;
      }
}

void bdw_stats_fill(struct tri_heap *base, struct tri_stats *stats) {
  struct bdw_heap *heap = heap_of(base);
  bdw_walk(base, count_object, stats);
  struct cached cached = {0};
  tri_each_mutator(base, count_cached, &cached);
  stats->allocated_objects = heap->handed_objects - cached.objects;
  stats->allocated_bytes = heap->handed_bytes - cached.bytes;
  stats->freed_objects = stats->allocated_objects - stats->live_objects;
  stats->freed_bytes = stats->allocated_bytes - stats->live_bytes;
  stats->limit_bytes = heap->limit;
  stats->peak_bytes = heap->peak;
  stats->free_bytes = heap_bytes() - stats->live_bytes;
  stats->released_bytes = GC_get_unmapped_bytes();
  stats->metadata_bytes = sizeof *heap + heap->weak_capacity * sizeof *heap->weak +
                          tri_finalizers_bytes(&heap->finalizers) + GC_get_obtained_from_os_bytes() -
                          total_bytes();
  stats->mapped_bytes = stats->live_bytes + stats->free_bytes + stats->released_bytes + stats->metadata_bytes;
  stats->full_collections = heap->full_collections;
  stats->weak_cleared = heap->weak_cleared;
  stats->finalizers_pending = heap->finalizers.n_queue;
}
