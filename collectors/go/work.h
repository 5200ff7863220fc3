// Work buffers: what is still to be marked and scanned. Each mutator has two buffers of 253 references that
// only it touches; it fills and empties one, and turns to the other before it goes to the pool that all
// share, so that on the verge between two buffers it does not go there each time. A buffer in the pool is
// full (not empty) or empty. Source: Go 1.5 to 1.26, runtime/mgcwork.go; its pool is a lock-free stack.
//
// An entry is slot 0 of an object that nobody has looked at, marked already or not; or an address farther on
// in a large one: a part of it that is to be scanned (mark.h).
//
// With mark=greentea spans whose objects are to be scanned are work too, in queues of their own (greentea.h).
// They are shared, balanced and disposed of with the buffers.
//
// Out of memory: what cannot be put is marked by the caller and dropped, and the range of such addresses is
// noted (go_work_drop). Marked objects there are scanned once more before marking ends.
#ifndef TRICOLOR_GO_WORK_H
#define TRICOLOR_GO_WORK_H

#include "common/actor.h"
#include "go/greentea_queue.h"

struct go_work_pool {
  struct tri_mutex lock;
  struct go_buffers buffers;
  struct go_buffer *full;
  size_t n_full;                         // an atomic: read without the lock
  uintptr_t dropped_first, dropped_last; // first > last: none
  struct go_span_pool spans;
};

// A zeroed struct has no buffers.
struct go_work {
  struct go_buffer *first, *second; // both or neither
  struct go_span_queue spans;
};

// Takes no memory; the struct must not move. fini: all work has been disposed of.
void go_work_pool_init(struct go_work_pool *pool);
void go_work_pool_fini(struct go_work_pool *pool);

// Free the empty buffers.
void go_work_pool_trim(struct go_work_pool *pool);

bool go_work_put_slow(struct go_work_pool *pool, struct go_work *work, uintptr_t entry);
uintptr_t go_work_get_slow(struct go_work_pool *pool, struct go_work *work);

// False: out of memory, nothing was put.
static inline bool go_work_put(struct go_work_pool *pool, struct go_work *work, uintptr_t entry) {
  struct go_buffer *buffer = work->first;
  if (TRI_UNLIKELY(!buffer || buffer->end == GO_BUFFER_ENTRIES)) return go_work_put_slow(pool, work, entry);
  buffer->entry[buffer->end++] = entry;
  return true;
}

// 0: there is no entry, here and in the pool; spans there may be.
static inline uintptr_t go_work_get(struct go_work_pool *pool, struct go_work *work) {
  struct go_buffer *buffer = work->first;
  if (TRI_UNLIKELY(!buffer || buffer->end == 0)) return go_work_get_slow(pool, work);
  return buffer->entry[--buffer->end];
}

// Put to the pool what others could do, if the pool has nothing.
void go_work_balance(struct go_work_pool *pool, struct go_work *work);

// Put all to the pool. True: there was some work.
bool go_work_dispose(struct go_work_pool *pool, struct go_work *work);

static inline bool go_work_pool_is_empty(const struct go_work_pool *pool) {
  return __atomic_load_n(&pool->n_full, __ATOMIC_ACQUIRE) == 0 && go_span_pool_is_empty(&pool->spans);
}

// Memory that the pool has, and what it gave to mutators. Without the lock.
static inline size_t go_work_pool_bytes(const struct go_work_pool *pool) {
  return go_buffers_bytes(&pool->buffers) + go_buffers_bytes(&pool->spans.segments);
}

// A marked object that could not be put.
void go_work_drop(struct go_work_pool *pool, uintptr_t entry);

// The range of what was dropped, if anything was; from now on nothing is.
bool go_work_dropped(struct go_work_pool *pool, uintptr_t *first, uintptr_t *last);

// Visit all entries in the pool's buffers, or in one mutator's, as long as the visitor returns
// true. With the world stopped.
bool go_work_pool_each(const struct go_work_pool *pool, go_entry_fn *visit, void *context);
bool go_work_each(const struct go_work *work, go_entry_fn *visit, void *context);

#endif
