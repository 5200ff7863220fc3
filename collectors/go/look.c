// Looking into the heap: shapes, walk, inspect, verify, statistics, and what marking has yet to do.
#include <inttypes.h>

#include "common/poison.h"
#include "common/report.h"
#include "go/greentea.h"
#include "tricolor/introspect.h"

// -------------------------------------------------------------------------------- objects

struct tri_shape go_shape_slow(struct tri_mutator *m, tri_ref object) {
  struct go_span *span = go_span_of(&go_heap_of(m->heap)->spans, object.bits);
  return go_object_shape(span, object);
}

void *go_raw_slow(struct tri_mutator *m, tri_ref object) {
  struct go_span *span = go_span_of(&go_heap_of(m->heap)->spans, object.bits);
  return (tri_ref *)object.bits + go_cell_refs(span, object.bits - span->header);
}

// While it marks, all is white that is not marked, and what waits for want of memory to be scanned is grey.
static enum tri_colour colour_of(const struct go_heap *heap, const struct go_span *span, size_t index) {
  if (!heap->marking) return TRI_COLOUR_NONE;
  if (!go_bit(span->mark_bits, index)) return TRI_WHITE;
  if (span->scan_bits && !go_bit(span->scan_bits, index)) return TRI_GREY;
  uintptr_t ref = go_span_ref(span, index).bits;
  return ref >= heap->pool.dropped_first && ref <= heap->pool.dropped_last ? TRI_GREY : TRI_BLACK;
}

static struct tri_object_info describe(const struct go_heap *heap, const struct go_span *span, size_t index) {
  return (struct tri_object_info){.ref = go_span_ref(span, index),
                                  .shape = go_cell_shape(span, index),
                                  .start = go_span_cell(span, index),
                                  .bytes = span->cell_bytes,
                                  .colour = colour_of(heap, span, index)};
}

static struct tri_object_info describe_tiny(const struct go_heap *heap, const struct go_span *span,
                                            uintptr_t object) {
  struct tri_object_info info = {.ref = {object}, .shape = TRI_SHAPE(0, go_tiny_bytes(span, object))};
  info.start = go_tiny_extent(span, object, &info.bytes);
  if (heap->marking) info.colour = go_tiny_is_marked(span, object) ? TRI_BLACK : TRI_WHITE;
  return info;
}

// Visit the objects in a span, as long as the visitor returns true.
static bool each_object(const struct go_heap *heap, const struct go_span *span, tri_walk_fn *visit,
                        void *context) {
  bool goes_on = true;
  for (size_t i = 0; goes_on && i < span->n_cells; i++) {
    if (!go_span_is_allocated(span, i)) continue;
    if (!go_span_is_tiny(span)) {
      struct tri_object_info info = describe(heap, span, i);
      goes_on = visit(context, &info);
      continue;
    }
    for (unsigned starts = go_tiny_of(span, i)->starts; goes_on && starts; starts &= starts - 1) {
      uintptr_t object = go_span_cell(span, i) + (unsigned)__builtin_ctz(starts);
      struct tri_object_info info = describe_tiny(heap, span, object);
      goes_on = visit(context, &info);
    }
  }
  return goes_on;
}

// The allocated object at ref, whatever the bits of ref; NULL: there is none.
static struct go_span *find_object(const struct go_heap *heap, tri_ref ref, size_t *index) {
  struct go_span *span = go_span_around(&heap->spans, ref.bits);
  if (!span || ref.bits < span->base + span->header) return NULL;
  *index = (ref.bits - span->header - span->base) / span->cell_bytes;
  if (*index >= span->n_cells || !go_span_is_allocated(span, *index)) return NULL;
  bool found =
      go_span_is_tiny(span) ? go_tiny_is_object(span, ref.bits) : go_span_ref(span, *index).bits == ref.bits;
  return found ? span : NULL;
}

void go_hold(struct tri_heap *heap, bool hold) { go_turns_hold(&go_heap_of(heap)->turns, hold); }

static bool is_unswept(const struct go_heap *heap, const struct go_span *span) {
  return span->sweepgen == heap->sweep.generation - 2;
}

// It does not sweep: the state that a lazy sweep leaves is there to be seen.
enum tri_status go_inspect(struct tri_heap *base, tri_ref ref, struct tri_object_info *info) {
  struct go_heap *heap = go_heap_of(base);
  size_t index;
  go_turns_hold(&heap->turns, true);
  struct go_span *span = find_object(heap, ref, &index);
  bool found = span && !(is_unswept(heap, span) && !go_is_marked(heap, ref));
  if (found)
    *info = go_span_is_tiny(span) ? describe_tiny(heap, span, ref.bits) : describe(heap, span, index);
  go_turns_hold(&heap->turns, false);
  return found ? TRI_OK : TRI_ECORRUPT;
}

// -------------------------------------------------------------------------------- spans

typedef bool span_fn(void *context, struct go_span *span);

static bool each_span(const struct go_heap *heap, span_fn *visit, void *context) {
  for (size_t page = 0; page < heap->spans.end;) {
    struct go_span *span = heap->spans.of_page[page];
    page += span ? span->pages : 1;
    if (span && !visit(context, span)) return false;
  }
  return true;
}

// Whether the shape is one that may stand in the span, as its class is chosen.
static bool is_sound(enum go_layout layout, const struct go_span *span, struct tri_shape shape) {
  if (!tri_shape_valid(shape) || tri_shape_kind(shape) != go_span_kind(span)) return false;
  size_t extent = tri_shape_extent(shape);
  if (tri_shape_kind(shape) != TRI_NODE) return true;
  if (go_span_is_tiny(span)) return !tri_shape_refs(shape) && extent < GO_TINY_BYTES;
  if (go_node_span_class(layout, tri_shape_refs(shape), extent) != span->span_class) return false;
  return !go_span_is_large(span) || (extent <= span->cell_bytes && span->cell_bytes - extent < GO_PAGE_BYTES);
}

struct walk {
  const struct go_heap *heap;
  tri_walk_fn *visit;
  void *context;
  const struct go_span *span;
};

static bool walk_object(void *context, const struct tri_object_info *info) {
  const struct walk *walk = context;
  return is_sound(walk->heap->spans.layout, walk->span, info->shape) && walk->visit(walk->context, info);
}

static bool walk_span(void *context, struct go_span *span) {
  struct walk *walk = context;
  walk->span = span;
  return each_object(walk->heap, span, walk_object, walk);
}

bool go_walk(struct tri_heap *base, tri_walk_fn *visit, void *context) {
  struct go_heap *heap = go_heap_of(base);
  struct walk walk = {heap, visit, context, NULL};
  go_turns_hold(&heap->turns, true);
  go_sweep_finish(heap);
  bool ended = each_span(heap, walk_span, &walk);
  go_turns_hold(&heap->turns, false);
  return ended;
}

// -------------------------------------------------------------------------------- marking

enum tri_status go_marking(struct tri_heap *heap, struct tri_marking *marking) {
  bool active = go_heap_of(heap)->marking;
  *marking = (struct tri_marking){
      .active = active, .barrier = TRI_BARRIER_HYBRID, .born = active ? TRI_BLACK : TRI_COLOUR_NONE};
  return TRI_OK;
}

struct grey {
  struct go_heap *heap;
  tri_grey_fn *visit;
  void *context;
  bool goes_on;
};

// A part of a large object stands for the object.
static bool visit_entry(void *context, uintptr_t entry) {
  struct grey *grey = context;
  const struct go_span *span = go_span_of(&grey->heap->spans, entry);
  return grey->visit(grey->context, (tri_ref){go_span_is_large(span) ? span->base : entry});
}

static bool visit_object(void *context, tri_ref object) {
  struct grey *grey = context;
  return grey->visit(grey->context, object);
}

// A span in a queue stands for those of its objects that are to be scanned.
static bool visit_span(void *context, uintptr_t entry) {
  const struct grey *grey = context;
  return go_green_each_grey(go_span_of(&grey->heap->spans, entry), visit_object, context);
}

static void visit_root(void *context, tri_ref *slot) {
  struct grey *grey = context;
  if (grey->goes_on && !tri_is_null(*slot)) grey->goes_on = grey->visit(grey->context, *slot);
}

static void visit_work(struct grey *grey, const struct go_work *work) {
  grey->goes_on = grey->goes_on && go_work_each(work, visit_entry, grey) &&
                  go_span_queue_each(&work->spans, visit_span, grey);
}

static void visit_mutator(void *context, struct tri_mutator *base) {
  struct grey *grey = context;
  const struct go_mutator *m = go_mutator_of(base);
  if (m->grey) tri_each_frame_slot(base, visit_root, grey);
  visit_work(grey, &m->work);
  for (uint32_t i = 0; grey->goes_on && i < m->n_barrier; i++)
    grey->goes_on = grey->visit(grey->context, m->barrier[i]);
}

bool go_each_grey(struct tri_heap *base, tri_grey_fn *visit, void *context) {
  struct go_heap *heap = go_heap_of(base);
  struct grey grey = {heap, visit, context, true};
  go_turns_hold(&heap->turns, true);
  for (unsigned i = 0; i < heap->workers.n; i++) visit_work(&grey, &heap->workers.worker[i].work);
  grey.goes_on =
      grey.goes_on && go_work_pool_each(&heap->pool, visit_entry, &grey) &&
      go_work_each(&heap->work, visit_entry, &grey) && go_span_pool_each(&heap->pool.spans, visit_span, &grey) &&
      go_span_queue_each(&heap->work.spans, visit_span, &grey);
  tri_each_mutator(base, visit_mutator, &grey);
  if (heap->roots.shared) tri_each_handle(base, visit_root, &grey);
  go_turns_hold(&heap->turns, false);
  return grey.goes_on;
}

// -------------------------------------------------------------------------------- size classes

bool go_each_size_class(struct tri_heap *base, tri_size_class_fn *visit, void *context) {
  enum go_layout layout = go_heap_of(base)->spans.layout;
  for (unsigned c = 1; c < GO_CLASSES; c++)
    for (unsigned noscan = 0; noscan < 2; noscan++) {
      struct tri_size_class size_class = go_size_class_told(layout, c, noscan);
      if (!visit(context, &size_class)) return false;
    }
  return true;
}

// -------------------------------------------------------------------------------- statistics

struct sum {
  size_t spans, pages, objects, bytes, words, unswept;
};

static bool add_span(void *context, struct go_span *span) {
  struct sum *sum = context;
  sum->spans++;
  sum->pages += span->pages;
  sum->objects += go_span_live(span);
  sum->bytes += go_span_allocated(span) * span->cell_bytes;
  sum->words += go_bits_words(span->n_cells);
  return true;
}

void go_stats_fill(struct tri_heap *base, struct tri_stats *stats) {
  struct go_heap *heap = go_heap_of(base);
  struct sum sum = {0};
  go_turns_hold(&heap->turns, true);
  each_span(heap, add_span, &sum);
  struct go_pages_usage pages = go_pages_usage(&heap->pages);
  stats->live_objects = sum.objects;
  stats->live_bytes = sum.bytes;
  stats->free_bytes = pages.free + pages.in_use - sum.bytes;
  stats->released_bytes = pages.released;
  stats->metadata_bytes = sizeof *heap + pages.metadata + go_spans_bytes(&heap->spans) +
                          go_bits_bytes(&heap->bits) + heap->n_mutators * sizeof(struct go_mutator) +
                          go_work_pool_bytes(&heap->pool) +
                          tri_weak_refs_bytes(&heap->weak) + tri_finalizers_bytes(&heap->finalizers);
  stats->mapped_bytes = pages.mapped + stats->metadata_bytes;
  stats->limit_bytes = heap->budget.limit;
  stats->peak_bytes = heap->budget.peak;
  struct go_statistics s = go_statistics_now(heap);
  stats->freed_objects = s.freed.objects;
  stats->freed_bytes = s.freed.bytes;
  stats->allocated_objects = s.allocated.objects;
  stats->allocated_bytes = s.allocated.bytes;
  stats->full_collections = base->epoch;
  stats->marked_objects = heap->marked_total + heap->marked_objects;
  stats->mark_stack_overflows = heap->rescans;
  stats->weak_cleared = heap->weak.cleared;
  stats->finalizers_pending = heap->finalizers.n_queue;
  go_turns_hold(&heap->turns, false);
}

// -------------------------------------------------------------------------------- verify

struct verify {
  struct go_heap *heap;
  struct tri_findings findings;
  struct sum sum;
  size_t listed, cached, cached_bytes;
  size_t live; // marked by the last cycle, or allocated since
  const struct go_span *span;
};

static bool verify_span(void *context, struct go_span *span) {
  struct verify *v = context;
  struct go_heap *heap = v->heap;
  uint32_t age = span->sweepgen - heap->sweep.generation; // 0, 3, or -2
  bool cached = age == 3, unswept = age == (uint32_t)-2;
  add_span(&v->sum, span);
  v->sum.unswept += unswept;
  v->live += (unswept ? go_span_marked(span) : go_span_allocated(span)) * span->cell_bytes;
  v->listed += span->list != NULL;
  v->cached += cached;
  if (cached) v->cached_bytes += (span->n_cells - go_span_allocated(span)) * span->cell_bytes;
  if (!cached && !unswept && age != 0)
    tri_find(&v->findings, "span %p: sweep generation %u in cycle %u", (void *)span->base, span->sweepgen,
             heap->sweep.generation);
  const struct go_central *central = &heap->central[span->span_class];
  unsigned set = unswept ? !go_swept(heap) : go_swept(heap);
  bool full = go_span_allocated(span) == span->n_cells;
  bool right = cached ? !span->list : span->list == &(full ? central->full : central->partial)[set];
  if (!right)
    tri_find(&v->findings, "span %p of class %u is not where it belongs", (void *)span->base,
             span->span_class);
  if (span->free_index > span->n_cells || (!heap->marking && !unswept && go_span_marked(span)))
    tri_find(&v->findings, "span %p: %u of %u cells, %zu marks", (void *)span->base, span->free_index,
             span->n_cells, go_span_marked(span));
  if (span->scan_bits && !unswept) go_green_verify_span(heap, span, &v->findings);
  return true;
}

// The first byte of free memory that is not as it was left: filled, or zero.
TRI_NO_ASAN static const void *damage_of(const struct go_span *span, uintptr_t cell, size_t bytes) {
  if (span->needs_zero) return tri_poison_damage((void *)cell, bytes);
  const uint64_t *word = (const uint64_t *)cell, *end = word + bytes / sizeof *word;
  while (word < end && !*word) word++;
  return word < end ? word : NULL;
}

// Free cells that adjoin are looked at as one.
static void verify_free(struct verify *v, const struct go_span *span) {
  for (size_t i = 0, next; i < span->n_cells; i = next + 1) {
    for (next = i; next < span->n_cells && !go_span_is_allocated(span, next);) next++;
    const void *damage = damage_of(span, go_span_cell(span, i), (next - i) * span->cell_bytes);
    if (damage)
      tri_find(&v->findings, "span %p: free memory was written to at %p, in cell %zu of %zu bytes",
               (void *)span->base, damage, ((uintptr_t)damage - span->base) / span->cell_bytes,
               span->cell_bytes);
  }
}

static bool verify_object(void *context, const struct tri_object_info *info) {
  struct verify *v = context;
  struct go_heap *heap = v->heap;
  if (!is_sound(heap->spans.layout, v->span, info->shape)) {
    tri_find(&v->findings, "object at %p: shape %016llx does not belong in a span of class %u",
             (void *)info->ref.bits, (unsigned long long)info->shape.tag, v->span->span_class);
    return true;
  }
  for (size_t k = 0; !heap->marking && k < tri_shape_refs(info->shape); k++) {
    tri_ref slot = tri_plain_load(NULL, info->ref, k);
    size_t index;
    if (!tri_is_null(slot) && !find_object(heap, slot, &index))
      tri_find(&v->findings, "object at %p: slot %zu holds %p, which is no object", (void *)info->ref.bits, k,
               (void *)slot.bits);
  }
  return true;
}

// A block has objects when it is allocated, and marks while the heap marks.
static void verify_tiny(struct verify *v, const struct go_span *span) {
  for (size_t i = 0; i < span->n_cells; i++) {
    const struct go_tiny *tiny = go_tiny_of(span, i);
    if (go_span_is_allocated(span, i) != (tiny->starts != 0) || tiny->marks & ~tiny->starts ||
        (!v->heap->marking && tiny->marks))
      tri_find(&v->findings, "block at %p: starts %04x, ends %04x, marks %04x", (void *)go_span_cell(span, i),
               tiny->starts, tiny->ends, tiny->marks);
  }
}

static bool verify_objects(void *context, struct go_span *span) {
  struct verify *v = context;
  v->span = span;
  if (v->heap->fills) verify_free(v, span);
  if (go_span_is_tiny(span)) verify_tiny(v, span);
  return each_object(v->heap, span, verify_object, v);
}

static void verify_mutator(void *context, struct tri_mutator *base) {
  struct verify *v = context;
  const struct go_mutator *m = go_mutator_of(base);
  for (unsigned c = 0; c < GO_ALL_SPAN_CLASSES; c++) {
    if (m->cache[c] == &go_empty_span) continue;
    v->cached--;
    if (m->cache[c]->span_class != c || m->cache[c]->sweepgen != v->heap->sweep.generation + 3)
      tri_find(&v->findings, "mutator %u has span %p of class %u in its cache for class %u", base->id,
               (void *)m->cache[c]->base, m->cache[c]->span_class, c);
  }
  if (m->marking != v->heap->marking)
    tri_find(&v->findings, "mutator %u believes that the heap %s", base->id,
             m->marking ? "marks" : "does not mark");
  if (!v->heap->marking && (m->n_barrier || m->work.first || m->work.spans.in))
    tri_find(&v->findings, "mutator %u has marking to do outside of a cycle", base->id);
}

static size_t verify(struct tri_heap *base, const struct tri_reporter *reporter) {
  struct verify v = {.heap = go_heap_of(base), .findings = {reporter, 0}};
  struct go_heap *heap = v.heap;
  go_pages_check(&heap->pages, &v.findings);
  if (heap->audit.findings.count)
    tri_find(&v.findings, "after an earlier operation on pages: %s", heap->audit.first);
  each_span(heap, verify_span, &v);
  v.sum.bytes += v.cached_bytes;
  tri_each_mutator(base, verify_mutator, &v);
  if (v.cached) tri_find(&v.findings, "%zu spans are said to be in caches, and are not", v.cached);
  size_t listed = 0;
  for (unsigned c = 0; c < GO_ALL_SPAN_CLASSES; c++)
    for (unsigned s = 0; s < 2; s++)
      listed += heap->central[c].partial[s].count + heap->central[c].full[s].count;
  if (listed != v.listed) tri_find(&v.findings, "the lists count %zu spans, and have %zu", listed, v.listed);
  if (v.sum.spans != heap->spans.n || v.sum.pages != heap->spans.in_use || v.sum.words != heap->bitmap_words)
    tri_find(&v.findings, "%zu spans of %zu pages are counted as %zu of %zu", v.sum.spans, v.sum.pages,
             heap->spans.n, heap->spans.in_use);
  if (v.sum.bytes != heap->allocated)
    tri_find(&v.findings, "%zu bytes of cells are allocated or in caches, and %" PRIu64 " counted",
             v.sum.bytes, heap->allocated);
  if (v.live + v.cached_bytes != heap->live)
    tri_find(&v.findings,
             "%zu bytes of cells are marked, allocated since or in caches, and %" PRIu64 " counted",
             v.live + v.cached_bytes, heap->live);
  if (v.sum.unswept != heap->sweep.unswept)
    tri_find(&v.findings, "%zu spans are to be swept, and %zu counted", v.sum.unswept, heap->sweep.unswept);
  go_green_verify_queues(heap, &v.findings);
  if (!heap->marking && (!go_work_pool_is_empty(&heap->pool) || heap->work.first || heap->work.spans.in))
    tri_find(&v.findings, "there is marking to do outside of a cycle");
  size_t committed =
      (heap->pages.grown - heap->pages.scavenged - heap->pages.cache_scavenged) * GO_PAGE_BYTES;
  if (committed != heap->budget.used || committed > heap->budget.limit)
    tri_find(&v.findings, "live and free are %zu bytes, the budget has given %zu of %zu", committed,
             heap->budget.used, heap->budget.limit);
  if (v.findings.count) return v.findings.count; // what follows relies on the tables
  go_sweep_finish(heap);
  each_span(heap, verify_objects, &v);
  return v.findings.count;
}

size_t go_verify(struct tri_heap *base, const struct tri_reporter *reporter) {
  struct go_turns *turns = &go_heap_of(base)->turns;
  go_turns_hold(turns, true);
  size_t findings = verify(base, reporter);
  go_turns_hold(turns, false);
  return findings;
}
