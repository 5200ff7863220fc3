// Queues of spans that have objects to be scanned (greentea.h), first in, first out: the longer a span waits,
// the more of its objects are marked when it is scanned. Each mutator or worker has a queue of two segments
// that only it touches: it takes from one and puts into the other. Segments that are full, or given away so
// that others have something to do, go to the end of the pool that all share, and are taken from its front.
// Source: Go 1.26, runtime/mgcmark_greenteagc.go, whose pool is lock-free and whose thieves take from each
// other's queues; ours has a lock, taken once per segment.
//
// An entry is a span's address and the number of a cell in it, of which the queue knows
// nothing but that it is not 0.
//
// Out of memory: go_span_queue_room says so before anything is put; then the caller does without.
#ifndef TRICOLOR_GO_GREENTEA_QUEUE_H
#define TRICOLOR_GO_GREENTEA_QUEUE_H

#include "common/actor.h"
#include "go/buffer.h"

struct go_span_pool {
  struct tri_mutex lock;
  struct go_buffers segments;
  struct go_buffer *oldest, **newest; // with entries; where the next one is linked
  size_t n_waiting;                   // segments with entries; an atomic: read without the lock
};

// A zeroed struct has no segments.
struct go_span_queue {
  struct go_buffer *out, *in; // both or neither
};

// Takes no memory; the struct must not move. fini: all queues have been disposed of, and nothing waits.
void go_span_pool_init(struct go_span_pool *pool);
void go_span_pool_fini(struct go_span_pool *pool);

// Free the empty segments.
void go_span_pool_trim(struct go_span_pool *pool);

static inline bool go_span_pool_is_empty(const struct go_span_pool *pool) {
  return __atomic_load_n(&pool->n_waiting, __ATOMIC_ACQUIRE) == 0;
}

// Make room for one entry. False: out of memory.
bool go_span_queue_room_slow(struct go_span_pool *pool, struct go_span_queue *queue);
static inline bool go_span_queue_room(struct go_span_pool *pool, struct go_span_queue *queue) {
  return (queue->in && queue->in->end < GO_BUFFER_ENTRIES) || go_span_queue_room_slow(pool, queue);
}

// There is room.
static inline void go_span_queue_put(struct go_span_queue *queue, uintptr_t entry) {
  queue->in->entry[queue->in->end++] = entry;
}

// 0: there is nothing, here and in the pool.
uintptr_t go_span_queue_get(struct go_span_pool *pool, struct go_span_queue *queue);

// The entry that comes out after so many others, if it is known without a look at the pool; else 0.
static inline uintptr_t go_span_queue_peek(const struct go_span_queue *queue, uint32_t after) {
  const struct go_buffer *out = queue->out;
  return out && after < go_buffer_waiting(out) ? out->entry[out->first + after] : 0;
}

// Whether nothing has been put since what comes out was.
static inline bool go_span_queue_is_short(const struct go_span_queue *queue) { return queue->in->end == 0; }

// Put to the pool what others could do, if the pool has nothing.
void go_span_queue_balance(struct go_span_pool *pool, struct go_span_queue *queue);

// Put all to the pool. True: there was something.
bool go_span_queue_dispose(struct go_span_pool *pool, struct go_span_queue *queue);

// Visit all entries, as long as the visitor returns true. With the world stopped.
bool go_span_pool_each(const struct go_span_pool *pool, go_entry_fn *visit, void *context);
bool go_span_queue_each(const struct go_span_queue *queue, go_entry_fn *visit, void *context);

#endif
