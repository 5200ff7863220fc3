// Green Tea (option mark=greentea): spans of small objects are marked as a whole. A reference to an object of
// such a span (16 to 512 bytes, with references; span->scan_bits) marks it at once, and puts not the object
// but the span into a queue, unless it is there already. While the span waits, more of its objects are
// marked; when its turn comes, all that are marked and not yet scanned are scanned together, in the order of
// addresses. References from the span into itself are followed at once, as its lines are here: a list in the
// order of allocation takes one turn per span, where Go queues the span anew for each object. Larger objects,
// and those without references, are marked through work buffers as without it.
//
// Bits of an object: neither mark nor scan bit: white. The mark bit: grey, and its span
// is owned. Both: black.
//
// The owner of a span says whether it is queued, and for how many objects:
//   free -> one -> many   by who has marked an object; who takes it from free puts it into the queue
//   one, many -> free     by who took it from the queue, before the bits are looked at
// So a mark that was set too late for a scan finds the span free, and queues it again. A span with one object
// is scanned without a look at its bitmaps: the queue's entry says which object it is.
//
// Without memory for queues an object goes the way of the others: a work buffer, or it is dropped (work.h).
// Source: M. Knyszek, A. Clements: Green Tea. Go proposal 73581, 2025; Go 1.26,
// runtime/mgcmark_greenteagc.go.
#ifndef TRICOLOR_GO_GREENTEA_H
#define TRICOLOR_GO_GREENTEA_H

#include "common/report.h"
#include "go/heap.h"

enum go_green_owner { GO_GREEN_FREE, GO_GREEN_ONE, GO_GREEN_MANY };

// The object is marked, or about to be: it has been scanned, or need not be. False: it had been. Any thread.
static inline bool go_green_claim(struct go_span *span, size_t index) {
  uint64_t bit = UINT64_C(1) << index % 64;
  return !(__atomic_fetch_or(&span->scan_bits[index / 64], bit, __ATOMIC_RELAXED) & bit);
}

// Reach an object. False: its span is not one to be marked as a whole, or there is no memory for queues.
bool go_green_reach(struct go_heap *heap, struct go_work *work, tri_ref object);

// Scan the spans that have waited longest, some of them: those of their objects that are grey, and those that
// become so by references from the span itself, at most about so many. False: there is none, in `work` and in
// the pool. Adds to what has been marked.
bool go_green_scan(struct go_heap *heap, struct go_work *work, size_t units, struct go_marked *marked);

// With the world stopped: visit the objects of a span that are marked and not scanned, as long as the visitor
// returns true. And look for what contradicts what stands above, in one span and in the queues.
bool go_green_each_grey(const struct go_span *span, bool (*visit)(void *context, tri_ref object),
                        void *context);
void go_green_verify_span(const struct go_heap *heap, const struct go_span *span,
                          struct tri_findings *findings);
void go_green_verify_queues(struct go_heap *heap, struct tri_findings *findings);

#endif
