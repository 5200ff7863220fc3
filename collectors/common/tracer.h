// The tracing loop: a mark stack of reached references with a first-in-first-out prefetch queue in front of
// it (Cher, Hosking, Vijaykumar 2004, "Software prefetching for mark-sweep garbage collection"). References
// are pushed without a look at the object. A popped one is prefetched and enters the queue; the one that
// leaves it, 16 later, is tested, marked and scanned, all while its cache lines are there. On 10 M objects in
// random places that is about four times faster than marking at the push.
//
// Mark stack overflow: when a push finds no room, the object is marked at once, and the range of such
// addresses is remembered. When the stack and the queue are empty, the collector scans the marked objects in
// that range once more. Each round has marked an object, so this ends, even without any stack at all.
//
// The two loops are always-inline templates: the functions that a collector passes must be static and known
// at the call, and are then inlined. One thread.
#ifndef TRICOLOR_COMMON_TRACER_H
#define TRICOLOR_COMMON_TRACER_H

#include "common/mark_stack.h"
#include "tricolor/types.h"

enum { TRI_PREFETCH_QUEUE = 16 };

// Start loading what mark and scan will look at.
typedef void tri_prefetch_fn(void *context, tri_ref object);
// Test and mark. True when the object was not marked before. Must not push.
typedef bool tri_mark_fn(void *context, tri_ref object);
// Push every reference that the newly marked object holds.
typedef void tri_scan_fn(void *context, tri_ref object);

struct tri_tracer {
  struct tri_mark_stack stack;
  tri_mark_fn *mark; // for overflows
  void *context;
  uintptr_t overflow_first,
      overflow_last;  // addresses of marked objects that were not scanned; first > last: none
  uint64_t overflows; // total of rounds over the heap
};

// max: entries of the mark stack.
void tri_tracer_init(struct tri_tracer *tracer, size_t max, tri_mark_fn *mark, void *context);
void tri_tracer_fini(struct tri_tracer *tracer);

TRI_COLD void tri_tracer_overflow(struct tri_tracer *tracer, tri_ref object);

// Reach an object (not null): a root, or a slot of the object being scanned.
static inline void tri_tracer_push(struct tri_tracer *tracer, tri_ref object) {
  if (TRI_UNLIKELY(!tri_mark_stack_push(&tracer->stack, object.bits))) tri_tracer_overflow(tracer, object);
}

// Mark and scan until stack and queue are empty, or `units` references have been looked at
// (SIZE_MAX: no bound). Returns what is left of units; when that is 0, more may be on the stack.
// Overflows stay to be dealt with.
TRI_ALWAYS_INLINE size_t tri_tracer_step(struct tri_tracer *tracer, size_t units, tri_prefetch_fn *prefetch,
                                         tri_mark_fn *mark, tri_scan_fn *scan, void *context) {
  uintptr_t queue[TRI_PREFETCH_QUEUE];
  unsigned oldest = 0, queued = 0;
  while (units != 0) {
    tri_ref object;
    if (TRI_LIKELY(!tri_mark_stack_is_empty(&tracer->stack))) {
      uintptr_t next = tri_mark_stack_pop(&tracer->stack);
      prefetch(context, (tri_ref){next});
      if (TRI_UNLIKELY(queued < TRI_PREFETCH_QUEUE)) {
        queue[(oldest + queued++) % TRI_PREFETCH_QUEUE] = next;
        continue;
      }
      object.bits = queue[oldest];
      queue[oldest] = next;
    } else {
      if (queued == 0) return units;
      object.bits = queue[oldest];
      queued--;
    }
    oldest = (oldest + 1) % TRI_PREFETCH_QUEUE;
    if (units != SIZE_MAX) units--;
    if (mark(context, object)) scan(context, object);
  }
  for (; queued; queued--, oldest = (oldest + 1) % TRI_PREFETCH_QUEUE)
    tri_tracer_push(tracer, (tri_ref){queue[oldest]});
  return 0;
}

TRI_ALWAYS_INLINE void tri_tracer_drain(struct tri_tracer *tracer, tri_prefetch_fn *prefetch,
                                        tri_mark_fn *mark, tri_scan_fn *scan, void *context) {
  tri_tracer_step(tracer, SIZE_MAX, prefetch, mark, scan, context);
}

// A marked object will not be scanned for want of memory: it counts as overflowed.
void tri_tracer_drop(struct tri_tracer *tracer, tri_ref object);

static inline bool tri_tracer_has_dropped(const struct tri_tracer *tracer) {
  return tracer->overflow_first <= tracer->overflow_last;
}

// The range to scan again, if there was an overflow: every marked object at addresses (of slot 0) in
// [*first, *last]. Ask in a loop, after each drain, and scan and drain every object of the range:
//   for (drain(); tri_tracer_overflowed(tracer, &first, &last); drain()) rescan(first, last);
bool tri_tracer_overflowed(struct tri_tracer *tracer, uintptr_t *first, uintptr_t *last);

#endif
