#include "go/greentea.h"

enum { AHEAD = 16, DENSE = 8 }; // references looked ahead; a span is dense if one in so many objects is to be scanned

static uint8_t *owner_of(const struct go_span *span) { return (uint8_t *)span->scan_bits + GO_SCAN_BYTES - 1; }

// -------------------------------------------------------------------------------- reaching

// True: the span was free, and the caller has to queue it.
static bool acquire(uint8_t *owner) {
  uint8_t seen = __atomic_load_n(owner, __ATOMIC_SEQ_CST), next;
  do {
    if (seen == GO_GREEN_MANY) return false;
    next = seen == GO_GREEN_FREE ? GO_GREEN_ONE : GO_GREEN_MANY;
  } while (!__atomic_compare_exchange_n(owner, &seen, next, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
  return seen == GO_GREEN_FREE;
}

// Room comes before the mark: whose object is marked must be able to queue its span.
static inline bool reach(struct go_heap *heap, struct go_work *work, tri_ref object) {
  struct go_span *span = go_span_of(&heap->spans, object.bits);
  if (!span->scan_bits) return false;
  TRI_PREFETCH(owner_of(span));
  size_t index = go_span_index(span, object.bits);
  if (go_bit(span->mark_bits, index)) return true;
  if (TRI_UNLIKELY(!go_span_queue_room(&heap->pool.spans, &work->spans))) return false;
  if (!go_mark_cell(span, index)) return true;
  TRI_YIELD(MARK_PUSH);
  if (!acquire(owner_of(span))) return true;
  TRI_PREFETCH((void *)object.bits);
  TRI_PREFETCH(&span->pointer_bits[(object.bits - span->base) / 8 / 64]);
  go_span_queue_put(&work->spans, span->base | index);
  return true;
}

bool go_green_reach(struct go_heap *heap, struct go_work *work, tri_ref object) {
  return reach(heap, work, object);
}

// -------------------------------------------------------------------------------- scanning

static uint64_t cells_of(const struct go_span *span, size_t w) {
  return w < span->n_cells / 64 ? ~UINT64_C(0) : (UINT64_C(1) << span->n_cells % 64) - 1;
}

// Marks that are not in scans: from now on they are, and are the caller's to scan. Returns how many.
static size_t claim_all(struct go_span *span, uint64_t *objects) {
  size_t n = 0;
  for (size_t w = 0; w * 64 < span->n_cells; w++) {
    uint64_t *scans = &span->scan_bits[w];
    uint64_t marks = __atomic_load_n(&span->mark_bits[w], __ATOMIC_SEQ_CST) & cells_of(span, w);
    uint64_t grey = marks & ~TRI_RELAXED_LOAD(scans);
    if (!grey) continue;
    objects[w] = grey & ~__atomic_fetch_or(scans, grey, __ATOMIC_RELAXED);
    n += (size_t)__builtin_popcountll(objects[w]);
  }
  return n;
}

// What the entry of a queue stands for. The owner goes first: what is marked from now on queues the span again.
static size_t claim(struct go_span *span, size_t index, uint64_t *objects) {
  if (__atomic_exchange_n(owner_of(span), GO_GREEN_FREE, __ATOMIC_SEQ_CST) != GO_GREEN_ONE) {
    TRI_YIELD(MARK_SCAN);
    return claim_all(span, objects);
  }
  TRI_YIELD(MARK_SCAN);
  if (!go_green_claim(span, index)) return 0; // somebody had no memory, and scanned it as a single object
  objects[index / 64] = UINT64_C(1) << index % 64;
  return 1;
}

static void each(const struct go_span *span, const uint64_t *objects, void (*visit)(void *context, tri_ref object),
                 void *context) {
  for (size_t w = 0; w * 64 < span->n_cells; w++)
    for (uint64_t left = objects[w]; left; left &= left - 1)
      visit(context, go_span_ref(span, w * 64 + (size_t)__builtin_ctzll(left)));
}

static void prefetch(void *context, tri_ref object) {
  (void)context;
  TRI_PREFETCH((void *)object.bits);
}

static void tell_weak(void *weak, tri_ref object) { tri_weak_refs_reached(weak, object); }

// A scan under way: references found, of which the first `next` have been looked at, and objects that were reached from
// the span itself. Those need not wait, as their lines are here: their references are added to those found. Each
// object is scanned once, so there are never more than the page has words.
struct scan {
  struct go_span *span;
  uint64_t followed[GO_GREEN_WORDS];
  size_t n_followed;
  uint64_t words; // of references
  size_t next, ahead, n;
  uintptr_t found[GO_GREEN_FOUND];
};

static inline bool is_in(const struct scan *scan, uintptr_t object) {
  return object - scan->span->base < GO_PAGE_BYTES;
}

static inline void look_ahead(struct scan *scan, const struct go_spans *spans) {
  while (scan->ahead < scan->n && scan->ahead < scan->next + AHEAD) {
    uintptr_t object = scan->found[scan->ahead++];
    if (is_in(scan, object))
      TRI_PREFETCH((void *)object);
    else
      TRI_PREFETCH(&spans->of_page[(object - spans->base) / GO_PAGE_BYTES]);
  }
}

static inline void follow(struct scan *scan, uintptr_t object) {
  struct go_span *span = scan->span;
  size_t index = go_span_index(span, object);
  uint64_t bit = UINT64_C(1) << index % 64, *followed = &scan->followed[index / 64];
  if ((*followed | TRI_RELAXED_LOAD(&span->mark_bits[index / 64])) & bit) return;
  *followed |= bit;
  scan->n_followed++;
  struct go_green_scan one =
      go_green_scan_one(span->base, span->cell_bytes, span->pointer_bits, index, scan->found + scan->n);
  scan->n += one.found;
  scan->words += one.words;
}

// What was followed is black: one update for each word, as each takes as long as scanning an object. Somebody may have
// reached the same object meanwhile, and queued the span; it is counted where the scan bit was set.
static size_t blacken(struct go_heap *heap, const struct scan *scan) {
  struct go_span *span = scan->span;
  size_t n = 0;
  for (size_t w = 0; w * 64 < span->n_cells; w++) {
    uint64_t followed = scan->followed[w];
    if (!followed) continue;
    n += (size_t)__builtin_popcountll(
        followed & ~__atomic_fetch_or(&span->scan_bits[w], followed, __ATOMIC_RELAXED));
    __atomic_fetch_or(&span->mark_bits[w], followed, __ATOMIC_RELAXED);
  }
  if (TRI_UNLIKELY(heap->weak.n_keyed)) each(span, scan->followed, tell_weak, &heap->weak);
  return n;
}

bool go_green_scan(struct go_heap *heap, struct go_work *work, size_t units, struct go_marked *marked) {
  uint64_t objects[GO_GREEN_WORDS] = {0};
  uintptr_t entry = go_span_queue_get(&heap->pool.spans, &work->spans);
  if (!entry) return false;
  struct go_span *span = go_span_of(&heap->spans, entry);
  size_t n = claim(span, entry - span->base, objects);
  go_green_kernel *kernel = heap->green;
  if (n * DENSE < span->n_cells) {
    kernel = go_green_scan_scalar;
    each(span, objects, prefetch, NULL);
  }
  if (TRI_UNLIKELY(heap->weak.n_keyed)) each(span, objects, tell_weak, &heap->weak);
  struct scan scan; // not cleared: most of it is `found`
  struct go_green_scan first = kernel(span->base, span->cell_bytes, span->pointer_bits, objects, scan.found);
  scan.span = span;
  scan.words = first.words;
  scan.n_followed = scan.next = scan.ahead = 0;
  scan.n = first.found;
  memset(scan.followed, 0, sizeof scan.followed);
  for (; scan.next < scan.n; scan.next++) {
    look_ahead(&scan, &heap->spans);
    tri_ref object = {scan.found[scan.next]};
    if (is_in(&scan, object.bits) && TRI_LIKELY(scan.n_followed < units))
      follow(&scan, object.bits);
    else if (TRI_UNLIKELY(!reach(heap, work, object)))
      go_mark_reach(heap, work, object);
  }
  n += blacken(heap, &scan);
  marked->objects += n;
  marked->bytes += n * span->cell_bytes;
  marked->scanned += scan.words * sizeof(tri_ref);
  return true;
}

// -------------------------------------------------------------------------------- looking

static uint64_t grey_of(const struct go_span *span, size_t w) { return go_span_marks(span, w) & ~span->scan_bits[w]; }

bool go_green_each_grey(const struct go_span *span, bool (*visit)(void *context, tri_ref object), void *context) {
  for (size_t w = 0; w * 64 < span->n_cells; w++)
    for (uint64_t left = grey_of(span, w); left; left &= left - 1)
      if (!visit(context, go_span_ref(span, w * 64 + (size_t)__builtin_ctzll(left)))) return false;
  return true;
}

static bool was_dropped(const struct go_heap *heap, const struct go_span *span) {
  return heap->pool.dropped_first < span->base + GO_PAGE_BYTES && heap->pool.dropped_last >= span->base;
}

void go_green_verify_span(const struct go_heap *heap, const struct go_span *span, struct tri_findings *findings) {
  uint64_t grey = 0, early = 0, scanned = 0;
  for (size_t w = 0; w * 64 < span->n_cells; w++) {
    uint64_t cells = cells_of(span, w);
    grey |= grey_of(span, w);
    scanned |= span->scan_bits[w] & cells;
    early |= span->scan_bits[w] & cells & ~go_span_marks(span, w);
  }
  uint8_t owner = *owner_of(span);
  if (early) tri_find(findings, "span %p: objects that are not marked are said to be scanned", (void *)span->base);
  if (!heap->marking && (scanned || owner))
    tri_find(findings, "span %p: scan bits, or owner %u, outside of a cycle", (void *)span->base, owner);
  if (heap->marking && grey && !owner && !was_dropped(heap, span))
    tri_find(findings, "span %p has grey objects and is in no queue", (void *)span->base);
}

struct count {
  const struct go_heap *heap;
  struct tri_findings *findings;
  size_t entries;
};

static bool count_entry(void *context, uintptr_t entry) {
  struct count *count = context;
  const struct go_span *span = go_span_of(&count->heap->spans, entry);
  count->entries++;
  if (!span || !span->scan_bits || !*owner_of(span))
    tri_find(count->findings, "entry %p of a queue of spans: no span, or one that nobody owns", (void *)entry);
  return true;
}

static void count_mutator(void *context, struct tri_mutator *base) {
  go_span_queue_each(&go_mutator_of(base)->work.spans, count_entry, context);
}

void go_green_verify_queues(struct go_heap *heap, struct tri_findings *findings) {
  struct count count = {heap, findings, 0};
  size_t owned = 0;
  go_span_pool_each(&heap->pool.spans, count_entry, &count);
  go_span_queue_each(&heap->work.spans, count_entry, &count);
  tri_each_mutator(&heap->base, count_mutator, &count);
  for (size_t page = 0; page < heap->spans.end;) {
    const struct go_span *span = heap->spans.of_page[page];
    page += span ? span->pages : 1;
    owned += span && span->scan_bits && *owner_of(span);
  }
  if (owned != count.entries)
    tri_find(findings, "%zu spans are owned, and the queues have %zu entries", owned, count.entries);
}
