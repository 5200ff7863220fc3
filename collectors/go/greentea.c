#include "go/greentea.h"

enum {
  AHEAD = 16, // references of which something is fetched before they are looked at
  NEAR = 4,   // the same for entries of queues, and for what is known when the first lines are here
  DENSE = 8,  // a span is dense if one in so many objects is to be scanned
  BATCH = 16, // spans that are scanned before references out of them are looked at
};

static uint8_t *owner_of(const struct go_span *span) {
  return (uint8_t *)span->scan_bits + GO_SCAN_BYTES - 1;
}

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

static inline void prefetch_object(const struct go_span *span, uintptr_t object) {
  TRI_PREFETCH((void *)object);
  TRI_PREFETCH(&span->pointer_bits[(object - span->base) / 8 / 64]);
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
  if (go_span_queue_is_short(&work->spans)) prefetch_object(span, object.bits); // its turn comes soon
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

// What the entry of a queue stands for. The owner goes first: what is marked from now on
// queues the span again.
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

static void each(const struct go_span *span, const uint64_t *objects,
                 void (*visit)(void *context, tri_ref object), void *context) {
  for (size_t w = 0; w * 64 < span->n_cells; w++)
    for (uint64_t left = objects[w]; left; left &= left - 1)
      visit(context, go_span_ref(span, w * 64 + (size_t)__builtin_ctzll(left)));
}

static void prefetch(void *context, tri_ref object) {
  (void)context;
  TRI_PREFETCH((void *)object.bits);
}

static void tell_weak(void *weak, tri_ref object) { tri_weak_refs_reached(weak, object); }

// References out of the spans that were scanned: one by one each would wait for its span, its marks and its
// owner in turn. There is room for those of one more span whenever n <= GO_GREEN_FOUND.
struct batch {
  size_t n;
  uintptr_t found[2 * GO_GREEN_FOUND];
};

static inline bool is_in(const struct go_span *span, uintptr_t object) {
  return object - span->base < GO_PAGE_BYTES;
}

// What was followed is black: one update for each word, as each takes as long as scanning an object. Somebody
// may have reached the same object meanwhile, and queued the span; it is counted where the scan bit was set.
static size_t blacken(struct go_heap *heap, struct go_span *span, const uint64_t *followed) {
  size_t n = 0;
  for (size_t w = 0; w * 64 < span->n_cells; w++) {
    if (!followed[w]) continue;
    n += (size_t)__builtin_popcountll(
        followed[w] & ~__atomic_fetch_or(&span->scan_bits[w], followed[w], __ATOMIC_RELAXED));
    __atomic_fetch_or(&span->mark_bits[w], followed[w], __ATOMIC_RELAXED);
  }
  if (TRI_UNLIKELY(heap->weak.n_keyed)) each(span, followed, tell_weak, &heap->weak);
  return n;
}

// Whether an object of the span is white, and has not been followed; then it has.
static inline bool begin_to_follow(const struct go_span *span, size_t index, uint64_t *followed) {
  uint64_t bit = UINT64_C(1) << index % 64;
  if ((followed[index / 64] | TRI_RELAXED_LOAD(&span->mark_bits[index / 64])) & bit) return false;
  followed[index / 64] |= bit;
  return true;
}

// References found in the span's objects are in [next, end). Those into the span are followed: what
// they lead to adds to the end, and as each object is scanned once, these are never more than the page
// has words. The others stay.
static void scan_span(struct go_heap *heap, uintptr_t entry, size_t units, struct batch *batch,
                      struct go_marked *marked) {
  const struct go_spans *spans = &heap->spans;
  struct go_span *span = go_span_of(spans, entry);
  uint64_t objects[GO_GREEN_WORDS] = {0}, followed[GO_GREEN_WORDS] = {0};
  size_t n = claim(span, entry - span->base, objects), n_followed = 0;
  go_green_kernel *kernel = heap->green;
  if (n * DENSE < span->n_cells) {
    kernel = go_green_scan_scalar;
    each(span, objects, prefetch, NULL);
  }
  if (TRI_UNLIKELY(heap->weak.n_keyed)) each(span, objects, tell_weak, &heap->weak);
  uintptr_t *found = batch->found;
  size_t next = batch->n, ahead = batch->n;
  struct go_green_scan scan = kernel(span->base, span->cell_bytes, span->pointer_bits, objects, found + next);
  for (size_t end = next + scan.found; next < end; next++) {
    for (; ahead < end && ahead < next + AHEAD; ahead++) {
      if (is_in(span, found[ahead]))
        TRI_PREFETCH((void *)found[ahead]);
      else
        TRI_PREFETCH(&spans->of_page[(found[ahead] - spans->base) / GO_PAGE_BYTES]);
    }
    if (!is_in(span, found[next]) || n_followed >= units) {
      found[batch->n++] = found[next];
      continue;
    }
    size_t index = go_span_index(span, found[next]);
    if (!begin_to_follow(span, index, followed)) continue;
    struct go_green_scan one =
        go_green_scan_one(span->base, span->cell_bytes, span->pointer_bits, index, found + end);
    n_followed++;
    end += one.found;
    scan.words += one.words;
  }
  if (n_followed) n += blacken(heap, span, followed);
  marked->objects += n;
  marked->bytes += n * span->cell_bytes;
  marked->scanned += scan.words * sizeof(tri_ref);
}

static inline void prefetch_span(const struct go_span *span) {
  TRI_PREFETCH(&span->base);
  TRI_PREFETCH(&span->pointer_bits);
}

static void reach_all(struct go_heap *heap, struct go_work *work, const struct batch *batch) {
  const uintptr_t *found = batch->found;
  for (size_t i = 0; i < batch->n; i++) {
    if (i + 2 * NEAR < batch->n) prefetch_span(go_span_of(&heap->spans, found[i + 2 * NEAR]));
    if (i + NEAR < batch->n) {
      const struct go_span *span = go_span_of(&heap->spans, found[i + NEAR]);
      TRI_PREFETCH(&span->mark_bits[go_span_index(span, found[i + NEAR]) / 64]);
      if (span->scan_bits) TRI_PREFETCH(owner_of(span));
    }
    tri_ref object = {found[i]};
    if (TRI_UNLIKELY(!reach(heap, work, object))) go_mark_reach(heap, work, object);
  }
}

// What the entries will need whose turn comes soon.
static void prefetch_entries(const struct go_spans *spans, const struct go_span_queue *queue) {
  uintptr_t far = go_span_queue_peek(queue, 2 * NEAR), near = go_span_queue_peek(queue, NEAR);
  if (far) prefetch_span(go_span_of(spans, far));
  if (!near) return;
  const struct go_span *span = go_span_of(spans, near);
  TRI_PREFETCH(span->scan_bits);
  TRI_PREFETCH(span->mark_bits);
  prefetch_object(span, go_span_cell(span, near - span->base));
}

bool go_green_scan(struct go_heap *heap, struct go_work *work, size_t units, struct go_marked *marked) {
  struct batch batch;
  uint64_t before = marked->objects;
  size_t n = 0;
  for (batch.n = 0; n < BATCH && batch.n <= GO_GREEN_FOUND && marked->objects - before < units; n++) {
    uintptr_t entry = go_span_queue_get(&heap->pool.spans, &work->spans);
    if (!entry) break;
    prefetch_entries(&heap->spans, &work->spans);
    scan_span(heap, entry, units - (marked->objects - before), &batch, marked);
  }
  reach_all(heap, work, &batch);
  return n != 0;
}

// -------------------------------------------------------------------------------- looking

static uint64_t grey_of(const struct go_span *span, size_t w) {
  return go_span_marks(span, w) & ~span->scan_bits[w];
}

bool go_green_each_grey(const struct go_span *span, bool (*visit)(void *context, tri_ref object),
                        void *context) {
  for (size_t w = 0; w * 64 < span->n_cells; w++)
    for (uint64_t left = grey_of(span, w); left; left &= left - 1)
      if (!visit(context, go_span_ref(span, w * 64 + (size_t)__builtin_ctzll(left)))) return false;
  return true;
}

static bool was_dropped(const struct go_heap *heap, const struct go_span *span) {
  return heap->pool.dropped_first < span->base + GO_PAGE_BYTES && heap->pool.dropped_last >= span->base;
}

void go_green_verify_span(const struct go_heap *heap, const struct go_span *span,
                          struct tri_findings *findings) {
  uint64_t grey = 0, early = 0, scanned = 0;
  for (size_t w = 0; w * 64 < span->n_cells; w++) {
    uint64_t cells = cells_of(span, w);
    grey |= grey_of(span, w);
    scanned |= span->scan_bits[w] & cells;
    early |= span->scan_bits[w] & cells & ~go_span_marks(span, w);
  }
  uint8_t owner = *owner_of(span);
  if (early)
    tri_find(findings, "span %p: objects that are not marked are said to be scanned", (void *)span->base);
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
    tri_find(count->findings, "entry %p of a queue of spans: no span, or one that nobody owns",
             (void *)entry);
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
  for (unsigned i = 0; i < heap->workers.n; i++)
    go_span_queue_each(&heap->workers.worker[i].work.spans, count_entry, &count);
  for (size_t page = 0; page < heap->spans.end;) {
    const struct go_span *span = heap->spans.of_page[page];
    page += span ? span->pages : 1;
    owned += span && span->scan_bits && *owner_of(span);
  }
  if (owned != count.entries)
    tri_find(findings, "%zu spans are owned, and the queues have %zu entries", owned, count.entries);
}
