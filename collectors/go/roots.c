// Roots (Go 1.8 to 1.26, runtime/mgcmark.go: markroot, scanstack; mgc.go: gcMarkDone).
//
// They are taken while mutators run, and once: frames by each mutator at its next safepoint, or by whoever
// marks as long as it rests; handles, which are all mutators', by who marks first. What is in the finalizer
// queue is no root (weak.h), and shaded when it leaves it. Until its frames have been taken a mutator is
// grey: it may hold the only reference to a white object, and may write it into what is black. So writes
// shade what they write, and a write to a handle is one (heap.h). One that attaches while a cycle marks is
// born black: it can have references only from the heap, or from handles.
#include "go/heap.h"

struct take {
  struct go_heap *heap;
  struct go_work *work;
  uint64_t bytes;
};

static void take_root(void *context, tri_ref *slot) {
  struct take *take = context;
  tri_ref object = {TRI_RELAXED_LOAD(&slot->bits)};
  take->bytes += sizeof *slot;
  if (!tri_is_null(object)) go_mark_reach(take->heap, take->work, object);
}

// What a handshake does: frames that were not taken, and what the mutator has for others to mark.
static void visit(struct tri_heap *base, struct tri_mutator *m) {
  struct go_heap *heap = go_heap_of(base);
  struct go_mutator *own = go_mutator_of(m);
  struct take take = {heap, &own->work, 0};
  go_turn_begin(&heap->turns);
  if (own->grey) {
    TRI_YIELD(ROOT_SCAN);
    tri_each_frame_slot(m, take_root, &take);
    own->grey = false;
    __atomic_fetch_sub(&heap->roots.grey, 1, __ATOMIC_RELAXED);
  }
  go_barrier_flush(heap, own);
  if (go_work_dispose(&heap->pool, &own->work)) TRI_RELAXED_STORE(&heap->roots.flushed, true);
  go_turn_end(&heap->turns);
}

static void make_grey(void *context, struct tri_mutator *m) {
  struct go_heap *heap = context;
  go_mutator_of(m)->grey = true;
  heap->roots.grey++;
  for (const struct tri_frame *frame = m->frames; frame; frame = frame->previous)
    heap->pace.root_bytes += frame->count * sizeof(tri_ref);
}

void go_roots_begin(struct go_heap *heap) {
  heap->pace.root_bytes = heap->roots.handle_bytes;
  heap->roots.shared = true;
  tri_each_mutator(&heap->base, make_grey, heap);
  tri_handshake_post(&heap->base, visit);
}

void go_roots_take_shared(struct go_heap *heap, struct go_work *work) {
  if (!TRI_RELAXED_LOAD(&heap->roots.shared)) return;
  struct take take = {heap, work, 0};
  go_turn_begin(&heap->turns);
  if (__atomic_exchange_n(&heap->roots.shared, false, __ATOMIC_ACQ_REL)) {
    TRI_YIELD(ROOT_SCAN);
    tri_each_handle(&heap->base, take_root, &take);
    heap->roots.handle_bytes = take.bytes;
  }
  go_turn_end(&heap->turns);
}

void go_roots_help(struct tri_mutator *self, struct go_work *work) {
  go_roots_take_shared(go_heap_of(self->heap), work);
  if (TRI_RELAXED_LOAD(&self->heap->stop_requested)) tri_handshake_help(self);
}

void go_roots_finish(struct go_heap *heap) {
  tri_handshake_finish(&heap->base);
  go_roots_take_shared(heap, &heap->work);
}

bool go_roots_flush(struct tri_mutator *self) {
  struct go_heap *heap = go_heap_of(self->heap);
  uint64_t cycle = heap->base.epoch;
  tri_handshake_wait(self); // for frames
  if (!heap->marking || heap->base.epoch != cycle) return false;
  TRI_RELAXED_STORE(&heap->roots.flushed, false);
  tri_handshake_post(&heap->base, visit);
  tri_handshake_wait(self);
  return heap->marking && heap->base.epoch == cycle && !TRI_RELAXED_LOAD(&heap->roots.flushed) &&
         !TRI_RELAXED_LOAD(&heap->roots.shared) && go_work_pool_is_empty(&heap->pool);
}
