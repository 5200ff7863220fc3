// The heap of collector go, and what those of its parts that know it are to each other. Below is what
// central, sweep, mark, roots, pace and assist do for others; greentea, scavenger, background and statistics
// have headers; what alloc and look define is in the contract (tricolor/collector.h).
//
// One lock guards pages, spans, central lists, the sweep, the list of weak objects and the pace while the
// world runs; what a mutator has in its cache is its own, the pool of work buffers has a lock of its own, and
// marks are atomics. Go has a lock per central list and sweeps without any.
//
// Phases: off; marking, by mutators as they allocate (the barrier is on, what is allocated is black);
// and sweeping, which goes on lazily while off. Marking begins and ends with the world stopped; all
// spans are swept before it begins.
#ifndef TRICOLOR_GO_HEAP_H
#define TRICOLOR_GO_HEAP_H

#include "tricolor/collector.h" // first: it includes fast.h where it needs it

#include "common/actor.h"
#include "common/finalizer.h"
#include "common/weak.h"
#include "go/background.h"
#include "go/bits.h"
#include "go/fast.h"
#include "go/greentea_scan.h"
#include "go/pace.h"
#include "go/pages.h"
#include "go/scavenger.h"
#include "go/statistics.h"
#include "go/turns.h"
#include "go/workers.h"

// Spans of one class that no mutator has in its cache, by what the last sweep found: with free cells, or
// none. Two of each: those that have been swept in this cycle, and those that have not; when a sweep begins
// they change their meaning (go_swept).
struct go_central {
  struct go_span_list partial[2], full[2];
};

struct go_sweep {
  uint32_t generation;   // Go's sweepgen: even, grows by 2
  size_t unswept;        // spans
  unsigned cursor;       // no span class below has unswept spans
  double pages_per_byte; // to sweep for each byte allocated
  uint64_t basis;        // heap_live when that was settled
  size_t pages, paid;    // to be paid in all (at most), and paid
  size_t reclaim_page;   // the reclaimer has looked at the pages below
  size_t reclaim_credit; // pages that it has freed beyond what it was asked for
};

// What an audit of the page heap finds, for the next verify to tell.
struct go_audit {
  struct tri_findings findings;
  struct tri_reporter reporter;
  char first[256];
};

// What this cycle has still to do with roots; see roots.c.
struct go_roots {
  uint32_t grey;         // mutators whose frames are to be taken; an atomic
  bool shared;           // handles; an atomic
  bool flushed;          // a mutator had something to be marked, since the last flush began; an atomic
  bool terminating;      // somebody tries to end the cycle; an atomic
  uint64_t handle_bytes; // of the slots that were taken last
};

struct go_heap {
  struct tri_heap base;
  struct tri_mutex lock;
  struct tri_budget budget;
  struct go_pages pages;
  struct go_audit audit; // after each operation on pages, in hostile runs
  struct go_spans spans;
  struct go_bits bits;
  size_t bitmap_words; // of one bitmap of each span
  struct go_central central[GO_ALL_SPAN_CLASSES];
  struct go_sweep sweep;
  struct go_work_pool pool;
  struct go_work work; // of whoever has stopped the world
  struct tri_weak_refs weak;
  struct tri_finalizers finalizers;

  bool marking;
  bool stw;               // an option: marking ends in the pause that it begins in
  bool checkmark;         // an option: a second marker looks at the marks before a cycle ends
  bool tiny;              // an option: small objects without references share blocks
  bool fills;             // free cells are poisoned: tri_poison is active
  go_green_kernel *green; // spans of small objects are marked as a whole, and scanned so; NULL: they are not
  uint32_t barrier_max;   // entries
  struct go_roots roots;
  struct go_turns turns; // of all that work beside the mutators
  struct go_workers workers;
  uint64_t round; // lent bits of the weak objects that this cycle has discovered
  uint32_t n_mutators;

  // Under the lock, or with the world stopped.
  uint64_t live;         // bytes marked by the last cycle, and allocated since: spans in caches count as full
  uint64_t allocated;    // bytes in cells that no sweep has freed: `live` and garbage
  uint64_t marked_bytes, // but for the black_bytes of mutators
      marked_objects;    // of this cycle, while the world is stopped: all that is accounted for
  bool defers;           // mutators run before marking ends: weak objects wait for its end
  struct go_pace pace;
  struct go_scavenger scavenger;
  struct go_background background;

  uint64_t rescans;      // total: mark stack overflows
  uint64_t marked_total; // objects
  struct go_statistics statistics;
};

static inline struct go_heap *go_heap_of(struct tri_heap *heap) { return (struct go_heap *)heap; }
static inline struct go_mutator *go_mutator_of(struct tri_mutator *m) { return (struct go_mutator *)m; }

// -------------------------------------------------------------------------------- spans and central lists
//
// With the lock held, or the world stopped.

// A span without cells, which stands in empty caches.
extern struct go_span go_empty_span;

static inline unsigned go_swept(const struct go_heap *heap) { return heap->sweep.generation / 2 % 2; }

// Have a span in a mutator's cache. Its tiny block was in the one before.
static inline void go_cache_set(struct go_mutator *m, unsigned span_class, struct go_span *span) {
  m->cache[span_class] = span;
  if (span_class == GO_TINY_SPANS) m->tiny = 0;
}

// A new span of a class with cells, or with one object of so many bytes, in no list; NULL: out of memory.
// Sweeps.
struct go_span *go_span_new(struct go_heap *heap, unsigned span_class, size_t bytes);

// Give its pages back; it is in no list, and nothing in it is allocated.
void go_span_delete(struct go_heap *heap, struct go_span *span);

// A span with a free cell for a mutator's cache, swept; NULL: out of memory. And back, into its list.
struct go_span *go_central_take(struct go_heap *heap, unsigned span_class);
void go_central_give(struct go_heap *heap, struct go_span *span);

// Back from a mutator's caches to the lists.
void go_flush_caches(struct go_heap *heap, struct go_mutator *m);

// -------------------------------------------------------------------------------- sweeping
//
// With the lock held, or the world stopped.

enum go_sweep_keep { GO_SWEEP_LISTS, GO_SWEEP_KEEP };

// Sweep a span, which is in no list. KEEP: its cells are wanted, so it is left in no list, unless nothing in
// it is marked and it is deleted: false.
bool go_sweep_span(struct go_heap *heap, struct go_span *span, enum go_sweep_keep keep);

// Sweep at most n spans, of whatever class; true when all are swept.
bool go_sweep_some(struct go_heap *heap, size_t n);
static inline void go_sweep_finish(struct go_heap *heap) { go_sweep_some(heap, SIZE_MAX); }

// Before `bytes` are allocated in a span: sweep as many pages as they call for, so that all are swept when
// the next cycle is due.
void go_sweep_pay(struct go_heap *heap, size_t bytes);

// Before the heap grows by n pages: find as many among unswept spans without marked objects.
void go_sweep_reclaim(struct go_heap *heap, size_t n);

// Begin a sweep, with the world stopped: what is unmarked is garbage.
void go_sweep_begin(struct go_heap *heap);

// -------------------------------------------------------------------------------- marking

// What a mutator has allocated black is accounted for.
static inline void go_black_settle(struct go_heap *heap, struct go_mutator *m) {
  __atomic_fetch_add(&heap->marked_bytes, m->black_bytes, __ATOMIC_RELAXED);
  m->black_bytes = 0;
}

// Set the mark of a cell; true when it was not set.
static inline bool go_mark_cell(struct go_span *span, size_t index) {
  uint64_t *word = &span->mark_bits[index / 64], bit = UINT64_C(1) << index % 64;
  if (TRI_RELAXED_LOAD(word) & bit) return false;
  TRI_YIELD(MARK_SET);
  return !(__atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST) & bit); // before a look at the owner (greentea.c)
}

// Set the mark of an object; true when it was not set. *bytes becomes what is kept by it and was not before.
static inline bool go_mark_object(struct go_span *span, size_t index, tri_ref object, size_t *bytes) {
  *bytes = span->cell_bytes;
  if (TRI_LIKELY(!go_span_is_tiny(span))) return go_mark_cell(span, index);
  if (!go_tiny_mark(span, object.bits)) return false;
  if (!go_mark_cell(span, index)) *bytes = 0;
  return true;
}

static inline bool go_is_marked(struct go_heap *heap, tri_ref object) {
  struct go_span *span = go_span_of(&heap->spans, object.bits);
  if (TRI_UNLIKELY(go_span_is_tiny(span))) return go_tiny_is_marked(span, object.bits);
  return go_bit(span->mark_bits, go_span_index(span, object.bits));
}

// Fill in what tri_stats_get asks for.
void go_stats_fill(struct tri_heap *heap, struct tri_stats *stats);

// The callbacks of common/weak.h and common/finalizer.h, and a root visitor; with the world stopped.
bool go_mark_live(void *heap, tri_ref *slot);
void go_mark_trace(void *heap, tri_ref *slot);
void go_mark_drain(void *heap);
size_t go_mark_strong_refs(void *heap, tri_ref object);

// Make an object grey: it goes to `work`. Any mutator with its own work.
void go_mark_reach(struct go_heap *heap, struct go_work *work, tri_ref object);

// What was marked: objects, their cells' bytes, and those of their reference slots, which were scanned.
struct go_marked {
  uint64_t objects, bytes, scanned;
};

// Mark and scan what `work` and the pool have, at most about so many objects, and as many bytes of
// reference slots. True: both are empty. quota->scan becomes the bytes that were scanned. Any
// mutator with its own work.
struct go_mark_quota {
  size_t units;
  uint64_t scan;
};
bool go_mark_some(struct go_heap *heap, struct go_work *work, struct go_mark_quota *quota);

// Hand a mutator's noted references over to its work.
void go_barrier_flush(struct go_heap *heap, struct go_mutator *m);

// With the world stopped: begin a cycle (false: out of memory, nothing has changed); mark at most `units`
// objects, true when nothing is grey; and end it.
bool go_mark_begin(struct go_heap *heap, enum tri_collect_kind kind);
bool go_mark_step(struct go_heap *heap, size_t units);
void go_mark_end(struct go_heap *heap, enum tri_collect_kind kind, bool lazily);

// A whole cycle, or the rest of one; sweeps. With the world stopped. False: out of memory.
bool go_cycle(struct go_heap *heap, enum tri_collect_kind kind, bool lazily);

// A weak reference or ephemeron is allocated while the heap marks: it is black, and waits with those that
// have been discovered. With the lock held.
void go_mark_born_weak(struct go_heap *heap, tri_ref object);

// A new mutator learns what goes on.
void go_mutator_tell(struct go_heap *heap, struct go_mutator *m);

// The caller, a mutator or a worker, found nothing to mark. If nobody has anything, the
// cycle ends. May collect.
void go_terminate(struct tri_mutator *self);

// -------------------------------------------------------------------------------- roots

// With the world stopped: from now on all roots are to be taken; and take what is left of them.
void go_roots_begin(struct go_heap *heap);
void go_roots_finish(struct go_heap *heap);

// By whoever marks: take what can be taken now. What is shared goes to `work`.
void go_roots_help(struct tri_mutator *self, struct go_work *work);
void go_roots_take_shared(struct go_heap *heap, struct go_work *work);

// Have all frames taken, and all that mutators have for others to mark handed over, at their
// safepoints. True: there was nothing, and the pool is empty. A safepoint: the world may be stopped
// meanwhile, and the cycle may end.
bool go_roots_flush(struct tri_mutator *self);

// -------------------------------------------------------------------------------- pacing

// Cells of a span are taken into a mutator's cache or allocated, or (negative) given back. With the lock
// held, or the world stopped.
void go_live_add(struct go_heap *heap, const struct go_span *span, int64_t cells);

// So many bytes of reference slots have been scanned; and somebody has marked since `start`, and scanned so
// many of them. Returns how long that took.
void go_pace_scanned(struct go_heap *heap, uint64_t bytes);
int64_t go_pace_marked(struct go_heap *heap, int64_t start, uint64_t scanned, enum go_marker who);

// What memory_limit is compared with: pages with memory, and the tables beside them.
uint64_t go_pace_mapped(const struct go_heap *heap);

// With the world stopped: a cycle begins; and it has ended, what it marked settles the next goal and trigger.
void go_pace_begin(struct go_heap *heap);
void go_pace_settle(struct go_heap *heap);

// Between them: marking is done, the cycle is about to end; and afterwards, it has ended.
void go_pace_terminate(struct go_heap *heap);
void go_pace_ended(struct go_heap *heap);

// What a mutator owes for so many bytes; nothing while the limiter limits.
struct go_assist go_pace_owed(struct go_heap *heap, int64_t debt);

// Before a mutator allocates in the slow path: pay for the allocation by marking while a cycle is under way,
// and end it. May collect.
void go_assist(struct tri_mutator *m, size_t bytes);

// Before it takes a span, which is what makes the heap larger: begin a cycle if one is due. May collect.
void go_begin_if_due(struct tri_mutator *m);

#endif
