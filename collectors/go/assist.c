// What a mutator owes a cycle when it allocates, and who ends the cycle (Go 1.5 to 1.26,
// runtime/mgcmark.go, mgc.go).
#include "go/heap.h"

// -------------------------------------------------------------------------------- the end

enum { TERMINATION_UNITS = 256 };

void go_terminate(struct tri_mutator *self) {
  struct go_heap *heap = go_heap_of(self->heap);
  TRI_YIELD(MARK_TERMINATE);
  if (__atomic_exchange_n(&heap->roots.terminating, true, __ATOMIC_ACQUIRE)) return;
  if (go_roots_flush(self) && tri_world_stop(self)) {
    if (heap->marking) {
      tri_emit(self->heap, TRI_EVENT_MARK_STEP, heap->marked_objects, 0);
      if (go_mark_step(heap, TERMINATION_UNITS)) go_mark_end(heap, TRI_COLLECT_FULL, true);
    }
    __atomic_store_n(&heap->roots.terminating, false, __ATOMIC_RELEASE);
    tri_world_resume(self);
    return;
  }
  __atomic_store_n(&heap->roots.terminating, false, __ATOMIC_RELEASE);
}

// -------------------------------------------------------------------------------- assists

void go_assist(struct tri_mutator *base, size_t bytes) {
  struct go_heap *heap = go_heap_of(base->heap);
  struct go_mutator *m = go_mutator_of(base);
  if (!m->marking) return;
  m->charged += bytes;
  m->credit -= (int64_t)bytes;
  if (m->credit >= 0) return;
  struct go_assist assist = go_pace_owed(heap, -m->credit);
  m->granted += (uint64_t)assist.credit;
  m->credit += assist.credit;
  if (assist.scan_work == 0) return;
  int64_t start = go_now(&heap->pace.clock);
  // What holds no references takes time but is no scan work; each was found by scanning a slot.
  uint64_t scan = go_credit_take(&heap->workers, (uint64_t)assist.scan_work);
  if (scan == 0) return;
  struct go_mark_quota quota = {scan / sizeof(tri_ref), scan};
  go_barrier_flush(heap, m);
  go_roots_help(base, &m->work);
  bool done = go_mark_some(heap, &m->work, &quota);
  go_pace_marked(heap, start, quota.scan, GO_MARK_ASSIST);
  go_workers_wake(heap);
  if (!done) return;
  if (!heap->workers.n)
    go_terminate(base);
  else if (quota.scan < scan)
    go_credit_wait(base, scan - quota.scan);
}

// -------------------------------------------------------------------------------- before an allocation

static void begin(struct tri_mutator *m) {
  struct go_heap *heap = go_heap_of(m->heap);
  if (!tri_world_stop(m)) return;
  struct go_pace *pace = &heap->pace;
  bool grown = heap->live >= pace->trigger;
  if (!heap->marking && (grown || go_pace_is_periodic_due(pace))) {
    pace->periodic = !grown;
    if (heap->stw) {
      go_cycle(heap, TRI_COLLECT_FULL, true);
    } else if (go_mark_begin(heap, TRI_COLLECT_FULL)) {
      tri_emit(m->heap, TRI_EVENT_MARK_STEP, 0, 0);
      go_workers_begin(heap);
    }
    pace->periodic = false;
  }
  tri_world_resume(m);
}

void go_begin_if_due(struct tri_mutator *m) {
  struct go_heap *heap = go_heap_of(m->heap);
  if (go_mutator_of(m)->marking) return;
  if (TRI_RELAXED_LOAD(&heap->live) >= TRI_RELAXED_LOAD(&heap->pace.trigger) ||
      go_pace_is_periodic_due(&heap->pace))
    begin(m);
}
