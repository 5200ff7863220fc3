#include "go/work.h"

#include <string.h>

static void forget_dropped(struct go_work_pool *pool) {
  pool->dropped_first = UINTPTR_MAX;
  pool->dropped_last = 0;
}

void go_work_pool_init(struct go_work_pool *pool) {
  *pool = (struct go_work_pool){.buffers.max = SIZE_MAX};
  tri_mutex_init(&pool->lock);
  go_span_pool_init(&pool->spans);
  forget_dropped(pool);
}

void go_work_pool_trim(struct go_work_pool *pool) {
  tri_mutex_lock(&pool->lock);
  go_buffers_trim(&pool->buffers);
  tri_mutex_unlock(&pool->lock);
  go_span_pool_trim(&pool->spans);
}

void go_work_pool_fini(struct go_work_pool *pool) {
  TRI_ASSERT(!pool->full);
  go_work_pool_trim(pool);
  go_span_pool_fini(&pool->spans);
  TRI_ASSERT(pool->buffers.n == 0);
}

// -------------------------------------------------------------------------------- the pool, under its lock

static void push_full(struct go_work_pool *pool, struct go_buffer *buffer) {
  buffer->next = pool->full;
  pool->full = buffer;
  __atomic_store_n(&pool->n_full, pool->n_full + 1, __ATOMIC_RELEASE);
}

static struct go_buffer *pop_full(struct go_work_pool *pool) {
  struct go_buffer *buffer = pool->full;
  if (!buffer) return NULL;
  pool->full = buffer->next;
  __atomic_store_n(&pool->n_full, pool->n_full - 1, __ATOMIC_RELEASE);
  return buffer;
}

// -------------------------------------------------------------------------------- a mutator's

static void swap(struct go_work *work) {
  struct go_buffer *first = work->first;
  work->first = work->second;
  work->second = first;
}

static bool get_buffers(struct go_work_pool *pool, struct go_work *work) {
  return go_buffers_take_two(&pool->buffers, &work->first, &work->second);
}

static bool make_room(struct go_work_pool *pool, struct go_work *work) {
  if (!work->first) return get_buffers(pool, work);
  swap(work);
  if (work->first->end < GO_BUFFER_ENTRIES) return true;
  struct go_buffer *empty = go_buffers_take(&pool->buffers);
  if (!empty) return false;
  push_full(pool, work->first);
  work->first = empty;
  return true;
}

bool go_work_put_slow(struct go_work_pool *pool, struct go_work *work, uintptr_t entry) {
  TRI_YIELD(MARK_PUSH);
  tri_mutex_lock(&pool->lock);
  bool room = make_room(pool, work);
  tri_mutex_unlock(&pool->lock);
  if (room) work->first->entry[work->first->end++] = entry;
  return room;
}

// Without memory for buffers of its own the mutator takes single entries out of the pool: to say that there
// is no work would end marking.
static uintptr_t take_entry(struct go_work_pool *pool) {
  struct go_buffer *full = pool->full;
  if (!full) return 0;
  uintptr_t entry = full->entry[--full->end];
  if (full->end == 0) go_buffers_give(&pool->buffers, pop_full(pool));
  return entry;
}

static uintptr_t take_buffer(struct go_work_pool *pool, struct go_work *work) {
  if (!work->first && !get_buffers(pool, work)) return take_entry(pool);
  struct go_buffer *full = pop_full(pool);
  if (!full) return 0;
  go_buffers_give(&pool->buffers, work->first);
  work->first = full;
  return full->entry[--full->end];
}

static bool has_no_buffers(const struct go_work_pool *pool) {
  return __atomic_load_n(&pool->n_full, __ATOMIC_ACQUIRE) == 0;
}

uintptr_t go_work_get_slow(struct go_work_pool *pool, struct go_work *work) {
  if (work->first) {
    swap(work);
    if (work->first->end) return work->first->entry[--work->first->end];
  }
  if (has_no_buffers(pool)) return 0;
  TRI_YIELD(MARK_STEAL);
  tri_mutex_lock(&pool->lock);
  uintptr_t entry = take_buffer(pool, work);
  tri_mutex_unlock(&pool->lock);
  return entry;
}

static void give(struct go_work_pool *pool, struct go_buffer **buffer, struct go_buffer *instead) {
  push_full(pool, *buffer);
  *buffer = instead;
}

void go_work_balance(struct go_work_pool *pool, struct go_work *work) {
  enum { WORTH_IT = 4 };
  go_span_queue_balance(&pool->spans, &work->spans);
  if (!work->first || !has_no_buffers(pool)) return;
  if (!work->second->end && work->first->end <= WORTH_IT) return;
  tri_mutex_lock(&pool->lock);
  struct go_buffer *empty = go_buffers_take(&pool->buffers), *first = work->first;
  if (empty && work->second->end) {
    give(pool, &work->second, empty);
  } else if (empty) { // the half that was put first
    uint32_t half = first->end / 2;
    memcpy(empty->entry, first->entry + half, (first->end - half) * sizeof *first->entry);
    empty->end = first->end - half;
    first->end = half;
    give(pool, &work->first, empty);
  }
  tri_mutex_unlock(&pool->lock);
}

bool go_work_dispose(struct go_work_pool *pool, struct go_work *work) {
  bool spans = go_span_queue_dispose(&pool->spans, &work->spans);
  if (!work->first) return spans;
  bool some = spans || work->first->end || work->second->end;
  tri_mutex_lock(&pool->lock);
  for (int i = 0; i < 2; i++, swap(work)) {
    if (work->first->end)
      push_full(pool, work->first);
    else
      go_buffers_give(&pool->buffers, work->first);
  }
  tri_mutex_unlock(&pool->lock);
  work->first = work->second = NULL;
  return some;
}

// -------------------------------------------------------------------------------- dropped

void go_work_drop(struct go_work_pool *pool, uintptr_t entry) {
  tri_mutex_lock(&pool->lock);
  if (entry < pool->dropped_first) pool->dropped_first = entry;
  if (entry > pool->dropped_last) pool->dropped_last = entry;
  tri_mutex_unlock(&pool->lock);
}

bool go_work_dropped(struct go_work_pool *pool, uintptr_t *first, uintptr_t *last) {
  tri_mutex_lock(&pool->lock);
  *first = pool->dropped_first;
  *last = pool->dropped_last;
  forget_dropped(pool);
  tri_mutex_unlock(&pool->lock);
  return *first <= *last;
}

// -------------------------------------------------------------------------------- looking

bool go_work_each(const struct go_work *work, go_entry_fn *visit, void *context) {
  return !work->first ||
         (go_buffer_each(work->first, visit, context) && go_buffer_each(work->second, visit, context));
}

bool go_work_pool_each(const struct go_work_pool *pool, go_entry_fn *visit, void *context) {
  return go_buffer_list_each(pool->full, visit, context);
}
