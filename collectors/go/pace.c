// When a cycle begins, and how much of it mutators do when they allocate (assists: Go 1.5 to 1.26,
// runtime/mgcpacer.go, mgcmark.go).
#include "go/heap.h"

enum { HEAP_MINIMUM = 4 << 20, ASSIST_UNITS = 256, OBJECT_BYTES = 64 };

static uint64_t smaller(uint64_t a, uint64_t b) { return a < b ? a : b; }

void go_pace_settle(struct go_heap *heap) {
  uint64_t marked = heap->marked_bytes, room = heap->budget.limit - heap->budget.limit / 16;
  heap->goal = heap->trigger = UINT64_MAX;
  if (heap->gogc < 0) return;
  uint64_t gogc = (uint64_t)heap->gogc, goal = marked + marked * gogc / 100,
           least = HEAP_MINIMUM * gogc / 100;
  goal = smaller(goal > least ? goal : least, room);
  if (goal <= marked) return; // nearly full: a cycle begins when memory is used up
  heap->goal = goal;
  heap->trigger = marked + (goal - marked) / 64 * 45;
}

void go_pace_begin(struct go_heap *heap) {
  uint64_t objects = heap->last_marked_objects ? heap->last_marked_objects : heap->live / OBJECT_BYTES + 1;
  uint64_t bytes =
      heap->goal > heap->live && heap->goal != UINT64_MAX ? heap->goal - heap->live : GO_PAGE_BYTES;
  heap->assist_ratio = (double)objects / (double)bytes * 2;
}

static void begin(struct tri_mutator *m) {
  struct go_heap *heap = go_heap_of(m->heap);
  if (!tri_world_stop(m)) return;
  if (!heap->marking && heap->live >= heap->trigger) {
    if (heap->stw) {
      go_cycle(heap, TRI_COLLECT_FULL, true);
    } else if (go_mark_begin(heap, TRI_COLLECT_FULL)) {
      go_pace_begin(heap);
      tri_emit(m->heap, TRI_EVENT_MARK_STEP, 0, 0);
    }
  }
  tri_world_resume(m);
}

// The mutator found nothing to do: probably nobody has.
static void terminate(struct tri_mutator *m) {
  struct go_heap *heap = go_heap_of(m->heap);
  TRI_YIELD(MARK_TERMINATE);
  if (!tri_world_stop(m)) return;
  if (heap->marking) {
    if (go_mark_step(heap, ASSIST_UNITS))
      go_mark_end(heap, TRI_COLLECT_FULL, true);
    else
      tri_emit(m->heap, TRI_EVENT_MARK_STEP, heap->marked_objects, 0);
  }
  tri_world_resume(m);
}

static void assist(struct tri_mutator *base, size_t bytes) {
  struct go_heap *heap = go_heap_of(base->heap);
  struct go_mutator *m = go_mutator_of(base);
  m->credit -= (int64_t)bytes;
  if (m->credit >= 0) return;
  double ratio = heap->assist_ratio;
  size_t units = (size_t)((double)-m->credit * ratio) + ASSIST_UNITS;
  m->credit += (int64_t)((double)units / ratio);
  go_barrier_flush(heap, m);
  if (go_mark_some(heap, &m->work, units)) terminate(base);
}

void go_pace(struct tri_mutator *base, size_t bytes) {
  struct go_heap *heap = go_heap_of(base->heap);
  if (go_mutator_of(base)->marking)
    assist(base, bytes);
  else if (TRI_RELAXED_LOAD(&heap->live) >= TRI_RELAXED_LOAD(&heap->trigger))
    begin(base);
}
