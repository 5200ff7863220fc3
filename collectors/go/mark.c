// Marking: a cycle's phases, the drain loop, and what mutators owe it (Go 1.8 to 1.26, runtime/mgc.go,
// mgcmark.go, mwbbuf.go; hybrid barrier: A. Clements, R. Hudson, Go proposal 17503, 2016).
//
// Entries of work buffers are looked at when they are taken: an entry waits in a first-in-first-out queue
// while its cache lines are fetched (Cher, Hosking, Vijaykumar 2004), then its object is marked, and scanned
// if it was not marked before. A large object is scanned in parts of 128 KiB, which are entries of their own.
//
// What keeps everything that is reachable, from the event MARK on:
//   * roots are taken once, one mutator at a time, while the others run (roots.c)
//   * a write to a slot of an object or to a handle shades the reference that it overwrites, and the one that
//     it writes, be it the first one
//   * a reference that leaves a weak object or the finalizer queue is shaded
//   * what is allocated is marked at once, and never scanned: all that is written into it is shaded. Weak
//     references and ephemerons that are allocated are dealt with at the end, as those that were found
#include <stdlib.h>

#include "common/check.h"
#include "common/poison.h"
#include "go/checkmark.h"
#include "go/greentea.h"

enum {
  OBLET_BYTES = 128 << 10,
  OBLET_SLOTS = OBLET_BYTES / sizeof(tri_ref),
  PREFETCH_QUEUE = 16,
  BALANCE_EACH = 128, // objects
};

// -------------------------------------------------------------------------------- scanning

static void account(struct go_heap *heap, const struct go_marked *marked) {
  __atomic_fetch_add(&heap->marked_objects, marked->objects, __ATOMIC_RELAXED);
  __atomic_fetch_add(&heap->marked_bytes, marked->bytes, __ATOMIC_RELAXED);
  go_pace_scanned(heap, marked->scanned);
}

// An object that was marked by itself.
static void count(struct go_heap *heap, size_t bytes, tri_ref object) {
  account(heap, &(struct go_marked){1, bytes, 0});
  tri_weak_refs_reached(&heap->weak, object);
}

static void reach(struct go_heap *heap, struct go_work *work, tri_ref object) {
  if (heap->green && go_green_reach(heap, work, object)) return;
  if (TRI_LIKELY(go_work_put(&heap->pool, work, object.bits))) return;
  struct go_span *span = go_span_of(&heap->spans, object.bits);
  size_t bytes;
  if (!go_mark_object(span, go_span_index(span, object.bits), object, &bytes)) return;
  if (!span->scan_bits) count(heap, bytes, object); // else where it is scanned
  go_work_drop(&heap->pool, object.bits);
}

void go_mark_reach(struct go_heap *heap, struct go_work *work, tri_ref object) { reach(heap, work, object); }

// All that scan return the bytes that were looked at: the pacer's unit of work.
static size_t scan_slots(struct go_heap *heap, struct go_work *work, const tri_ref *slot,
                         const tri_ref *end) {
  size_t bytes = (size_t)(end - slot) * sizeof *slot;
  for (; slot < end; slot++) {
    tri_ref object = {TRI_RELAXED_LOAD(&slot->bits)};
    if (!tri_is_null(object)) reach(heap, work, object);
  }
  return bytes;
}

// The part of a large object that begins with this slot.
static size_t scan_oblet(struct go_heap *heap, struct go_work *work, const struct go_span *span,
                         const tri_ref *slot) {
  const tri_ref *end = (const tri_ref *)span->base + tri_shape_refs((struct tri_shape){span->tag});
  return scan_slots(heap, work, slot, end - slot > OBLET_SLOTS ? slot + OBLET_SLOTS : end);
}

static size_t scan_large(struct go_heap *heap, struct go_work *work, const struct go_span *span) {
  size_t n = tri_shape_refs((struct tri_shape){span->tag}), bytes = 0;
  const tri_ref *slot = (const tri_ref *)span->base;
  for (size_t i = OBLET_SLOTS; i < n; i += OBLET_SLOTS)
    if (!go_work_put(&heap->pool, work, (uintptr_t)(slot + i)))
      bytes += scan_oblet(heap, work, span, slot + i);
  return bytes + scan_oblet(heap, work, span, slot);
}

// A weak reference or ephemeron is discovered once per cycle, also when it is scanned a second time for want
// of memory: the lent bits of its tag say in which round it was last.
#define ROUNDS UINT64_C(6)

static void discover_weak(struct go_heap *heap, tri_ref object) {
  uint64_t *tag = tri_tag(object);
  if ((*tag & ROUNDS) == heap->round) return;
  *tag = (*tag & ~ROUNDS) | heap->round;
  if (heap->defers)
    tri_weak_refs_defer(&heap->weak, object);
  else
    tri_weak_refs_discover(&heap->weak, object);
}

static TRI_NOINLINE void scan_weak(struct go_heap *heap, tri_ref object) {
  tri_mutex_lock(&heap->lock);
  discover_weak(heap, object);
  tri_mutex_unlock(&heap->lock);
}

void go_mark_born_weak(struct go_heap *heap, tri_ref object) { discover_weak(heap, object); }

static size_t scan_cell(struct go_heap *heap, struct go_work *work, const struct go_span *span,
                        size_t index) {
  TRI_YIELD(MARK_SCAN);
  uintptr_t cell = go_span_cell(span, index);
  if (TRI_UNLIKELY(go_span_is_large(span))) return scan_large(heap, work, span);
  if (TRI_UNLIKELY(go_span_kind(span) != TRI_NODE)) {
    scan_weak(heap, go_span_ref(span, index));
    return span->cell_bytes;
  }
  const tri_ref *slot = (const tri_ref *)(cell + span->header);
  return scan_slots(heap, work, slot, slot + go_cell_refs(span, cell));
}

static inline void look_at(struct go_heap *heap, struct go_work *work, uintptr_t entry,
                           struct go_marked *marked) {
  struct go_span *span = go_span_of(&heap->spans, entry);
  size_t index = go_span_index(span, entry);
  if (TRI_UNLIKELY(go_span_is_large(span) && entry != span->base)) {
    marked->scanned += scan_oblet(heap, work, span, (const tri_ref *)entry);
    return;
  }
  size_t bytes;
  if (!go_mark_object(span, index, (tri_ref){entry}, &bytes)) return;
  if (span->scan_bits && !go_green_claim(span, index)) return; // scanned with its span
  marked->objects++;
  marked->bytes += bytes;
  tri_weak_refs_reached(&heap->weak, (tri_ref){entry});
  if (!go_span_noscan(span)) marked->scanned += scan_cell(heap, work, span, index);
}

static inline void prefetch(struct go_heap *heap, uintptr_t entry) {
  TRI_PREFETCH((void *)entry);
  TRI_PREFETCH(&heap->spans.of_page[(entry - heap->spans.base) / GO_PAGE_BYTES]);
}

bool go_mark_some(struct go_heap *heap, struct go_work *work, struct go_mark_quota *quota) {
  uintptr_t queue[PREFETCH_QUEUE];
  unsigned oldest = 0, queued = 0;
  struct go_marked marked = {0};
  bool empty = false;
  uint64_t before;
  for (size_t units = quota->units; units && marked.scanned < quota->scan;) {
    uintptr_t entry = go_work_get(&heap->pool, work);
    if (TRI_LIKELY(entry != 0)) {
      prefetch(heap, entry);
      if (queued < PREFETCH_QUEUE) {
        queue[(oldest + queued++) % PREFETCH_QUEUE] = entry;
        continue;
      }
      uintptr_t next = queue[oldest];
      queue[oldest] = entry;
      entry = next;
    } else if (queued) {
      entry = queue[oldest];
      queued--;
    } else if ((before = marked.objects, go_green_scan(heap, work, units, &marked))) {
      size_t scanned = marked.objects - before;
      if (units != SIZE_MAX) units -= scanned < units ? scanned : units;
      go_work_balance(&heap->pool, work);
      continue;
    } else {
      empty = true;
      break;
    }
    oldest = (oldest + 1) % PREFETCH_QUEUE;
    if (units != SIZE_MAX) units--;
    look_at(heap, work, entry, &marked);
    if (TRI_UNLIKELY(marked.objects % BALANCE_EACH == BALANCE_EACH - 1)) go_work_balance(&heap->pool, work);
  }
  for (; queued; queued--, oldest = (oldest + 1) % PREFETCH_QUEUE) {
    struct go_span *span = go_span_of(&heap->spans, queue[oldest]);
    if (go_span_is_large(span) && queue[oldest] != span->base) {
      if (!go_work_put(&heap->pool, work, queue[oldest]))
        marked.scanned += scan_oblet(heap, work, span, (const tri_ref *)queue[oldest]);
    } else {
      reach(heap, work, (tri_ref){queue[oldest]});
    }
  }
  account(heap, &marked);
  quota->scan = marked.scanned;
  return empty;
}

// -------------------------------------------------------------------------------- with the world stopped

static uint64_t mark_all(struct go_heap *heap) {
  struct go_mark_quota quota = {SIZE_MAX, UINT64_MAX};
  go_mark_some(heap, &heap->work, &quota);
  return quota.scan;
}

// What was dropped for want of memory is marked, and scanned now. Returns the bytes that were scanned.
static uint64_t scan_dropped(struct go_heap *heap, uintptr_t first, uintptr_t last) {
  uint64_t scanned = 0;
  const struct go_spans *spans = &heap->spans;
  size_t page = (first - spans->base) / GO_PAGE_BYTES, end = (last - spans->base) / GO_PAGE_BYTES;
  while (page <= end) {
    struct go_span *span = spans->of_page[page];
    page += span ? span->pages : 1;
    if (!span || go_span_noscan(span)) continue;
    for (size_t i = 0; i < span->n_cells; i++) {
      tri_ref object = go_span_ref(span, i);
      if (object.bits < first || object.bits > last || !go_bit(span->mark_bits, i)) continue;
      if (span->scan_bits) {
        if (!go_green_claim(span, i)) continue;
        count(heap, span->cell_bytes, object);
      }
      uint64_t bytes = scan_cell(heap, &heap->work, span, i);
      go_pace_scanned(heap, bytes);
      scanned += bytes + mark_all(heap);
    }
  }
  return scanned;
}

static uint64_t scan_all_dropped(struct go_heap *heap) {
  uintptr_t first, last;
  uint64_t scanned = 0;
  while (go_work_dropped(&heap->pool, &first, &last)) {
    tri_emit(&heap->base, TRI_EVENT_RESCAN, ++heap->rescans, 0);
    scanned += scan_dropped(heap, first, last);
  }
  return scanned;
}

bool go_mark_live(void *heap, tri_ref *slot) { return go_is_marked(heap, *slot); }

void go_mark_trace(void *context, tri_ref *slot) {
  struct go_heap *heap = context;
  if (!tri_is_null(*slot)) reach(heap, &heap->work, *slot);
}

size_t go_mark_strong_refs(void *context, tri_ref object) {
  const struct go_span *span = go_span_of(&((struct go_heap *)context)->spans, object.bits);
  return tri_strong_refs(go_object_shape(span, object));
}

void go_mark_drain(void *context) {
  struct go_heap *heap = context;
  mark_all(heap);
  scan_all_dropped(heap);
}

static void tell(void *context, struct tri_mutator *base) {
  struct go_heap *heap = context;
  struct go_mutator *m = go_mutator_of(base);
  go_black_settle(heap, m);
  m->marking = heap->marking;
  bool slow = heap->marking || heap->spans.layout == GO_LAYOUT_1_19 ||
              tri_poison_tool() != TRI_POISON_NO_TOOL;
  m->slow_below = slow ? SIZE_MAX : heap->tiny ? GO_TINY_BYTES : 0;
  m->credit = 0;
  m->granted = m->charged = 0;
}

static void set_marking(struct go_heap *heap, bool marking) {
  TRI_YIELD(PHASE);
  heap->marking = marking;
  tri_each_mutator(&heap->base, tell, heap);
}

void go_mutator_tell(struct go_heap *heap, struct go_mutator *m) { tell(heap, &m->base); }

bool go_mark_begin(struct go_heap *heap, enum tri_collect_kind kind) {
  go_sweep_finish(heap);
  if (!go_bits_promise(&heap->bits, heap->bitmap_words)) return false;
  tri_emit(&heap->base, TRI_EVENT_COLLECTION_BEGIN, kind, 0);
  heap->marked_bytes = heap->marked_objects = 0;
  heap->round ^= ROUNDS;
  heap->defers = true;
  tri_emit(&heap->base, TRI_EVENT_ROOTS, 0, 0);
  go_roots_begin(heap);
  set_marking(heap, true);
  go_pace_begin(heap);
  go_pages_next_cycle(&heap->pages);
  tri_emit(&heap->base, TRI_EVENT_MARK, 0, 0);
  return true;
}

static void dispose(void *context, struct tri_mutator *base) {
  struct go_heap *heap = context;
  struct go_mutator *m = go_mutator_of(base);
  go_barrier_flush(heap, m);
  go_work_dispose(&heap->pool, &m->work);
}

bool go_mark_step(struct go_heap *heap, size_t units) {
  go_roots_finish(heap);
  tri_each_mutator(&heap->base, dispose, heap);
  go_workers_dispose(heap);
  int64_t start = go_now(&heap->pace.clock);
  struct go_mark_quota quota = {units, UINT64_MAX};
  bool done = go_mark_some(heap, &heap->work, &quota);
  if (done) quota.scan += scan_all_dropped(heap);
  go_work_dispose(&heap->pool, &heap->work);
  go_pace_marked(heap, start, quota.scan, GO_MARK_STOPPED);
  return done;
}

// The option checkmark. Like an assertion it is passed over where only the oracle is to speak.
static void check_marks(struct go_heap *heap) {
  struct go_checkmark check;
  go_checkmark_init(&check, &heap->spans);
  tri_each_root(&heap->base, go_checkmark_root, &check);
  tri_finalizers_roots(&heap->finalizers, go_checkmark_root, &check);
  enum go_checkmark_verdict verdict = go_checkmark_trace(&check);
  if ((verdict == GO_CHECKMARK_UNMARKED || verdict == GO_CHECKMARK_ASTRAY) && !tri_assertions_ignored) {
    go_checkmark_print(&check, stderr);
    abort();
  }
  go_checkmark_fini(&check);
}

void go_mark_end(struct go_heap *heap, enum tri_collect_kind kind, bool lazily) {
  go_pace_terminate(heap);
  tri_emit(&heap->base, TRI_EVENT_WEAK, 0, 0);
  heap->defers = false;
  tri_weak_refs_process(&heap->weak, &heap->finalizers);
  go_work_dispose(&heap->pool, &heap->work);
  if (heap->checkmark) check_marks(heap);
  tri_emit(&heap->base, TRI_EVENT_SWEEP, 0, 0);
  set_marking(heap, false);
  go_workers_end(heap);
  heap->marked_total += heap->marked_objects;
  heap->marked_objects = 0;
  go_pace_settle(heap);
  go_sweep_begin(heap);
  if (!lazily) go_sweep_finish(heap);
  if (kind == TRI_COLLECT_COMPACT) {
    go_pages_scavenge(&heap->pages, SIZE_MAX, GO_SCAVENGE_FORCED);
    go_work_pool_trim(&heap->pool);
  }
  go_pace_ended(heap);
  tri_emit(&heap->base, TRI_EVENT_COLLECTION_END, kind, heap->sweep.unswept == 0);
}

bool go_cycle(struct go_heap *heap, enum tri_collect_kind kind, bool lazily) {
  if (!heap->marking && !go_mark_begin(heap, kind)) return false;
  while (!go_mark_step(heap, SIZE_MAX)) {
  }
  go_mark_end(heap, kind, lazily);
  return true;
}

// -------------------------------------------------------------------------------- barrier

// What is marked is, or will be, scanned by who marked it. So a mutator that writes the same references
// again and again has something to hand over only once, and does not keep a cycle from its end.
void go_barrier_flush(struct go_heap *heap, struct go_mutator *m) {
  for (uint32_t i = 0; i < m->n_barrier; i++)
    if (!go_is_marked(heap, m->barrier[i])) reach(heap, &m->work, m->barrier[i]);
  m->n_barrier = 0;
}

static void shade(struct go_heap *heap, struct go_mutator *m, tri_ref object) {
  if (tri_is_null(object)) return;
  m->barrier[m->n_barrier++] = object;
  if (m->n_barrier < heap->barrier_max) return;
  TRI_YIELD(BARRIER_FLUSH);
  go_barrier_flush(heap, m);
}

void go_shade_slow(struct tri_mutator *base, tri_ref old, tri_ref new) {
  struct go_heap *heap = go_heap_of(base->heap);
  shade(heap, go_mutator_of(base), old);
  shade(heap, go_mutator_of(base), new);
  TRI_YIELD(STORE_SHADED);
}

// A handle is as a slot of an object. Slots of the frame on top are this mutator's own, which need no
// barrier; other frames are not told from handles. But what a grey mutator has only in its frame it may have
// told another one, past the heap.
void go_shade_root_slow(struct tri_mutator *base, tri_ref *slot, tri_ref value) {
  struct go_heap *heap = go_heap_of(base->heap);
  struct tri_frame *top = base->frames;
  if (!top || (uintptr_t)slot - (uintptr_t)tri_frame_slots(top) >= top->count * sizeof *slot)
    go_shade_slow(base, (tri_ref){TRI_RELAXED_LOAD(&slot->bits)}, value);
  else if (!go_mutator_of(base)->grey && TRI_RELAXED_LOAD(&heap->roots.grey))
    go_shade_slow(base, value, TRI_NULL);
}

void go_shade_slots_slow(struct tri_mutator *base, tri_ref object, size_t i, size_t n) {
  struct go_heap *heap = go_heap_of(base->heap);
  for (size_t k = 0; k < n; k++) shade(heap, go_mutator_of(base), tri_plain_load(base, object, i + k));
  TRI_YIELD(STORE_SHADED);
}
