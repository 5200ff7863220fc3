#include "go/greentea_queue.h"

#include <string.h>

#include "common/os.h"

void go_span_pool_init(struct go_span_pool *pool) {
  *pool = (struct go_span_pool){.newest = &pool->oldest};
  tri_mutex_init(&pool->lock);
}

void go_span_pool_trim(struct go_span_pool *pool) {
  tri_mutex_lock(&pool->lock);
  for (struct go_span_segment *segment; (segment = pool->empty);) {
    pool->empty = segment->next;
    tri_os_free(segment);
    TRI_RELAXED_STORE(&pool->n_segments, pool->n_segments - 1);
  }
  tri_mutex_unlock(&pool->lock);
}

void go_span_pool_fini(struct go_span_pool *pool) {
  TRI_ASSERT(!pool->oldest);
  go_span_pool_trim(pool);
  TRI_ASSERT(pool->n_segments == 0);
}

// -------------------------------------------------------------------------------- the pool, with its lock held

static void push(struct go_span_pool *pool, struct go_span_segment *segment) {
  segment->next = NULL;
  *pool->newest = segment;
  pool->newest = &segment->next;
  __atomic_store_n(&pool->n_waiting, pool->n_waiting + 1, __ATOMIC_RELEASE);
}

// What was taken from the front is the oldest.
static void unpop(struct go_span_pool *pool, struct go_span_segment *segment) {
  if (!(segment->next = pool->oldest)) pool->newest = &segment->next;
  pool->oldest = segment;
  __atomic_store_n(&pool->n_waiting, pool->n_waiting + 1, __ATOMIC_RELEASE);
}

static struct go_span_segment *pop(struct go_span_pool *pool) {
  struct go_span_segment *segment = pool->oldest;
  if (!segment) return NULL;
  if (!(pool->oldest = segment->next)) pool->newest = &pool->oldest;
  __atomic_store_n(&pool->n_waiting, pool->n_waiting - 1, __ATOMIC_RELEASE);
  return segment;
}

static void push_empty(struct go_span_pool *pool, struct go_span_segment *segment) {
  segment->next = pool->empty;
  pool->empty = segment;
}

static struct go_span_segment *pop_empty(struct go_span_pool *pool) {
  struct go_span_segment *segment = pool->empty;
  if (segment) {
    pool->empty = segment->next;
  } else if ((segment = tri_os_calloc(sizeof *segment))) {
    TRI_RELAXED_STORE(&pool->n_segments, pool->n_segments + 1);
  } else {
    return NULL;
  }
  segment->first = segment->end = 0;
  return segment;
}

static bool get_segments(struct go_span_pool *pool, struct go_span_queue *queue) {
  struct go_span_segment *out = pop_empty(pool), *in = out ? pop_empty(pool) : NULL;
  if (!in) {
    if (out) push_empty(pool, out);
    return false;
  }
  *queue = (struct go_span_queue){out, in};
  return true;
}

// -------------------------------------------------------------------------------- one's own

static uint32_t waiting(const struct go_span_segment *segment) { return segment->end - segment->first; }
static bool is_empty(const struct go_span_segment *segment) { return waiting(segment) == 0; }

static uintptr_t take(struct go_span_segment *segment) { return segment->entry[segment->first++]; }

bool go_span_queue_room_slow(struct go_span_pool *pool, struct go_span_queue *queue) {
  TRI_YIELD(MARK_PUSH);
  tri_mutex_lock(&pool->lock);
  bool room;
  if (!queue->in) {
    room = get_segments(pool, queue);
  } else {
    struct go_span_segment *empty = pop_empty(pool);
    if ((room = empty)) {
      push(pool, queue->in);
      queue->in = empty;
    }
  }
  tri_mutex_unlock(&pool->lock);
  return room;
}

// Without memory for segments of one's own single entries are taken: to say that there are none would end marking.
static uintptr_t take_from_pool(struct go_span_pool *pool, struct go_span_queue *queue) {
  if (!pool->oldest) return 0;
  if (!queue->out && !get_segments(pool, queue)) {
    struct go_span_segment *oldest = pool->oldest;
    uintptr_t entry = take(oldest);
    if (is_empty(oldest)) push_empty(pool, pop(pool));
    return entry;
  }
  push_empty(pool, queue->out);
  queue->out = pop(pool);
  return take(queue->out);
}

// What is in the pool is older than what is in one's own `in`.
uintptr_t go_span_queue_get(struct go_span_pool *pool, struct go_span_queue *queue) {
  uintptr_t entry = 0;
  if (queue->out && !is_empty(queue->out)) return take(queue->out);
  if (!go_span_pool_is_empty(pool)) {
    TRI_YIELD(MARK_STEAL);
    tri_mutex_lock(&pool->lock);
    entry = take_from_pool(pool, queue);
    tri_mutex_unlock(&pool->lock);
  }
  if (entry || !queue->in || is_empty(queue->in)) return entry;
  struct go_span_segment *in = queue->in;
  queue->in = queue->out;
  queue->in->first = queue->in->end = 0;
  queue->out = in;
  return take(in);
}

void go_span_queue_balance(struct go_span_pool *pool, struct go_span_queue *queue) {
  enum { WORTH_IT = 4 };
  if (!queue->out || !go_span_pool_is_empty(pool)) return;
  struct go_span_segment *from = waiting(queue->out) > waiting(queue->in) ? queue->out : queue->in;
  if (waiting(from) <= WORTH_IT) return;
  tri_mutex_lock(&pool->lock);
  struct go_span_segment *given = pop_empty(pool);
  if (given) { // the half that was put first
    given->end = waiting(from) / 2;
    memcpy(given->entry, from->entry + from->first, given->end * sizeof *from->entry);
    from->first += given->end;
    push(pool, given);
  }
  tri_mutex_unlock(&pool->lock);
}

bool go_span_queue_dispose(struct go_span_pool *pool, struct go_span_queue *queue) {
  struct go_span_segment *out = queue->out, *in = queue->in;
  if (!out) return false;
  bool some = !is_empty(out) || !is_empty(in);
  tri_mutex_lock(&pool->lock);
  (is_empty(out) ? push_empty : unpop)(pool, out);
  (is_empty(in) ? push_empty : push)(pool, in);
  tri_mutex_unlock(&pool->lock);
  *queue = (struct go_span_queue){NULL, NULL};
  return some;
}

// -------------------------------------------------------------------------------- looking

static bool each(const struct go_span_segment *segment, go_span_entry_fn *visit, void *context) {
  for (uint32_t i = segment->first; i < segment->end; i++)
    if (!visit(context, segment->entry[i])) return false;
  return true;
}

bool go_span_queue_each(const struct go_span_queue *queue, go_span_entry_fn *visit, void *context) {
  return !queue->out || (each(queue->out, visit, context) && each(queue->in, visit, context));
}

bool go_span_pool_each(const struct go_span_pool *pool, go_span_entry_fn *visit, void *context) {
  for (const struct go_span_segment *segment = pool->oldest; segment; segment = segment->next)
    if (!each(segment, visit, context)) return false;
  return true;
}
