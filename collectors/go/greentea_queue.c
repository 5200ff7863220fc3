#include "go/greentea_queue.h"

#include <string.h>

void go_span_pool_init(struct go_span_pool *pool) {
  *pool = (struct go_span_pool){.segments.max = SIZE_MAX, .newest = &pool->oldest};
  tri_mutex_init(&pool->lock);
}

void go_span_pool_trim(struct go_span_pool *pool) {
  tri_mutex_lock(&pool->lock);
  go_buffers_trim(&pool->segments);
  tri_mutex_unlock(&pool->lock);
}

void go_span_pool_fini(struct go_span_pool *pool) {
  TRI_ASSERT(!pool->oldest);
  go_span_pool_trim(pool);
  TRI_ASSERT(pool->segments.n == 0);
}

// -------------------------------------------------------------------------------- the pool, under its lock

static void push(struct go_span_pool *pool, struct go_buffer *segment) {
  segment->next = NULL;
  *pool->newest = segment;
  pool->newest = &segment->next;
  __atomic_store_n(&pool->n_waiting, pool->n_waiting + 1, __ATOMIC_RELEASE);
}

// What was taken from the front is the oldest.
static void unpop(struct go_span_pool *pool, struct go_buffer *segment) {
  if (!(segment->next = pool->oldest)) pool->newest = &segment->next;
  pool->oldest = segment;
  __atomic_store_n(&pool->n_waiting, pool->n_waiting + 1, __ATOMIC_RELEASE);
}

static struct go_buffer *pop(struct go_span_pool *pool) {
  struct go_buffer *segment = pool->oldest;
  if (!segment) return NULL;
  if (!(pool->oldest = segment->next)) pool->newest = &pool->oldest;
  __atomic_store_n(&pool->n_waiting, pool->n_waiting - 1, __ATOMIC_RELEASE);
  return segment;
}

// -------------------------------------------------------------------------------- one's own

static uintptr_t take(struct go_buffer *segment) { return segment->entry[segment->first++]; }

static bool get_segments(struct go_span_pool *pool, struct go_span_queue *queue) {
  return go_buffers_take_two(&pool->segments, &queue->out, &queue->in);
}

bool go_span_queue_room_slow(struct go_span_pool *pool, struct go_span_queue *queue) {
  TRI_YIELD(MARK_PUSH);
  tri_mutex_lock(&pool->lock);
  bool room;
  if (!queue->in) {
    room = get_segments(pool, queue);
  } else {
    struct go_buffer *empty = go_buffers_take(&pool->segments);
    if ((room = empty)) {
      push(pool, queue->in);
      queue->in = empty;
    }
  }
  tri_mutex_unlock(&pool->lock);
  return room;
}

// Without memory for segments of one's own single entries are taken: to say that there
// are none would end marking.
static uintptr_t take_from_pool(struct go_span_pool *pool, struct go_span_queue *queue) {
  if (!pool->oldest) return 0;
  if (!queue->out && !get_segments(pool, queue)) {
    struct go_buffer *oldest = pool->oldest;
    uintptr_t entry = take(oldest);
    if (go_buffer_is_empty(oldest)) go_buffers_give(&pool->segments, pop(pool));
    return entry;
  }
  go_buffers_give(&pool->segments, queue->out);
  queue->out = pop(pool);
  return take(queue->out);
}

// What is in the pool is older than what is in one's own `in`.
uintptr_t go_span_queue_get(struct go_span_pool *pool, struct go_span_queue *queue) {
  uintptr_t entry = 0;
  if (queue->out && !go_buffer_is_empty(queue->out)) return take(queue->out);
  if (!go_span_pool_is_empty(pool)) {
    TRI_YIELD(MARK_STEAL);
    tri_mutex_lock(&pool->lock);
    entry = take_from_pool(pool, queue);
    tri_mutex_unlock(&pool->lock);
  }
  if (entry || !queue->in || go_buffer_is_empty(queue->in)) return entry;
  struct go_buffer *in = queue->in;
  queue->in = queue->out;
  queue->in->first = queue->in->end = 0;
  queue->out = in;
  return take(in);
}

void go_span_queue_balance(struct go_span_pool *pool, struct go_span_queue *queue) {
  enum { WORTH_IT = 4 };
  if (!queue->out || !go_span_pool_is_empty(pool)) return;
  struct go_buffer *from = queue->in;
  if (go_buffer_waiting(queue->out) > go_buffer_waiting(from)) from = queue->out;
  if (go_buffer_waiting(from) <= WORTH_IT) return;
  tri_mutex_lock(&pool->lock);
  struct go_buffer *given = go_buffers_take(&pool->segments);
  if (given) { // the half that was put first
    given->end = go_buffer_waiting(from) / 2;
    memcpy(given->entry, from->entry + from->first, given->end * sizeof *from->entry);
    from->first += given->end;
    push(pool, given);
  }
  tri_mutex_unlock(&pool->lock);
}

bool go_span_queue_dispose(struct go_span_pool *pool, struct go_span_queue *queue) {
  struct go_buffer *out = queue->out, *in = queue->in;
  if (!out) return false;
  bool some = !go_buffer_is_empty(out) || !go_buffer_is_empty(in);
  tri_mutex_lock(&pool->lock);
  if (go_buffer_is_empty(out))
    go_buffers_give(&pool->segments, out);
  else
    unpop(pool, out);
  if (go_buffer_is_empty(in))
    go_buffers_give(&pool->segments, in);
  else
    push(pool, in);
  tri_mutex_unlock(&pool->lock);
  queue->out = queue->in = NULL;
  return some;
}

// -------------------------------------------------------------------------------- looking

bool go_span_queue_each(const struct go_span_queue *queue, go_entry_fn *visit, void *context) {
  return !queue->out ||
         (go_buffer_each(queue->out, visit, context) && go_buffer_each(queue->in, visit, context));
}

bool go_span_pool_each(const struct go_span_pool *pool, go_entry_fn *visit, void *context) {
  return go_buffer_list_each(pool->oldest, visit, context);
}
