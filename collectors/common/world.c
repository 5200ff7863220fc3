#include "common/world.h"

#include "common/os.h"

struct tri_world *tri_world_new(void) {
  struct tri_world *world = tri_os_calloc(sizeof *world);
  if (!world) return NULL;
  tri_mutex_init(&world->lock);
  tri_condition_init(&world->changed);
  return world;
}

void tri_world_free(struct tri_world *world) {
  TRI_CHECK_EQ(world->attached, 0);
  for (struct tri_handle *next, *h = world->handles; h; h = next) {
    next = h->next;
    tri_os_free(h);
  }
  tri_os_free(world);
}

// With the lock held: let others stop the world, and come back when it runs.
static void wait_while_stopped(struct tri_world *world) {
  world->running--;
  tri_condition_broadcast(&world->changed);
  while (world->stopper) tri_condition_wait(&world->changed, &world->lock);
  world->running++;
}

// ---------------------------------------------------------------------------------------------- mutators

enum tri_status tri_mutator_init(struct tri_mutator *m, struct tri_heap *heap) {
  struct tri_world *world = heap->world;
  tri_mutex_lock(&world->lock);
  while (world->stopper) tri_condition_wait(&world->changed, &world->lock);
  bool room = world->attached < heap->ops->caps.max_mutators;
  if (room) {
    m->ops = heap->ops;
    m->heap = heap;
    // The smallest free number, so that numbers stay small and repeat from run to run.
    for (struct tri_mutator *other = world->mutators; other;)
      if (other->id == m->id) {
        m->id++;
        other = world->mutators;
      } else {
        other = other->next;
      }
    m->next = world->mutators;
    m->previous = NULL;
    if (m->next) m->next->previous = m;
    world->mutators = m;
    world->attached++;
    world->running++;
  }
  tri_mutex_unlock(&world->lock);
  return room ? TRI_OK : TRI_EINVAL;
}

void tri_mutator_fini(struct tri_mutator *m) {
  struct tri_world *world = m->heap->world;
  tri_mutex_lock(&world->lock);
  if (m->previous)
    m->previous->next = m->next;
  else
    world->mutators = m->next;
  if (m->next) m->next->previous = m->previous;
  world->attached--;
  world->running--;
  tri_condition_broadcast(&world->changed);
  tri_mutex_unlock(&world->lock);
}

enum tri_status tri_mutator_new(struct tri_heap *heap, size_t bytes, struct tri_mutator **out) {
  struct tri_mutator *m = tri_os_calloc(bytes);
  enum tri_status status = m ? tri_mutator_init(m, heap) : TRI_ENOMEM;
  if (status != TRI_OK) {
    tri_os_free(m);
    m = NULL;
  }
  *out = m;
  return status;
}

void tri_mutator_delete(struct tri_mutator *m) {
  tri_mutator_fini(m);
  tri_os_free(m);
}

void tri_default_park(struct tri_mutator *m) {
  struct tri_world *world = m->heap->world;
  TRI_YIELD(PARK);
  tri_mutex_lock(&world->lock);
  m->parked = 1;
  world->running--;
  tri_condition_broadcast(&world->changed);
  tri_mutex_unlock(&world->lock);
}

void tri_default_unpark(struct tri_mutator *m) {
  struct tri_world *world = m->heap->world;
  TRI_YIELD(UNPARK);
  tri_mutex_lock(&world->lock);
  while (world->stopper) tri_condition_wait(&world->changed, &world->lock);
  m->parked = 0;
  world->running++;
  tri_mutex_unlock(&world->lock);
}

void tri_each_mutator(struct tri_heap *heap, void (*visit)(void *context, struct tri_mutator *m), void *context) {
  for (struct tri_mutator *m = heap->world->mutators; m; m = m->next) visit(context, m);
}

// ---------------------------------------------------------------------------------------------- stopping

bool tri_world_stop(struct tri_mutator *m) {
  struct tri_heap *heap = m->heap;
  struct tri_world *world = heap->world;
  TRI_YIELD(STOP_REQUEST);
  tri_mutex_lock(&world->lock);
  if (world->stopper) {
    wait_while_stopped(world);
    tri_mutex_unlock(&world->lock);
    return false;
  }
  world->stopper = m;
  TRI_RELAXED_STORE(&heap->stop_requested, 1);
  tri_mutex_unlock(&world->lock);
  tri_emit(heap, TRI_EVENT_STOP_REQUEST, 0, 0);
  tri_mutex_lock(&world->lock);
  while (world->running > 1) tri_condition_wait(&world->changed, &world->lock);
  tri_mutex_unlock(&world->lock);
  tri_emit(heap, TRI_EVENT_STOPPED, 0, 0);
  return true;
}

void tri_world_resume(struct tri_mutator *m) {
  struct tri_world *world = m->heap->world;
  tri_emit(m->heap, TRI_EVENT_RESUME, 0, 0);
  tri_mutex_lock(&world->lock);
  TRI_CHECK(world->stopper == m);
  world->stopper = NULL;
  TRI_RELAXED_STORE(&m->heap->stop_requested, 0);
  tri_condition_broadcast(&world->changed);
  tri_mutex_unlock(&world->lock);
  TRI_YIELD(RESUME);
}

void tri_safepoint_slow(struct tri_mutator *m) {
  struct tri_world *world = m->heap->world;
  TRI_YIELD(SAFEPOINT_POLL);
  if (!TRI_RELAXED_LOAD(&m->heap->stop_requested)) return;
  tri_mutex_lock(&world->lock);
  if (world->stopper) wait_while_stopped(world);
  tri_mutex_unlock(&world->lock);
}

// ---------------------------------------------------------------------------------------------- roots

struct tri_handle *tri_handle_new(struct tri_mutator *m, tri_ref ref) {
  struct tri_world *world = m->heap->world;
  struct tri_handle *handle = tri_os_calloc(sizeof *handle);
  if (!handle) return NULL;
  tri_mutex_lock(&world->lock);
  handle->next = world->handles;
  if (handle->next) handle->next->previous = handle;
  world->handles = handle;
  tri_mutex_unlock(&world->lock);
  m->ops->root_set(m, &handle->slot, ref);
  return handle;
}

void tri_handle_free(struct tri_mutator *m, struct tri_handle *handle) {
  struct tri_world *world = m->heap->world;
  m->ops->root_set(m, &handle->slot, TRI_NULL);
  tri_mutex_lock(&world->lock);
  if (handle->previous)
    handle->previous->next = handle->next;
  else
    world->handles = handle->next;
  if (handle->next) handle->next->previous = handle->previous;
  tri_mutex_unlock(&world->lock);
  tri_os_free(handle);
}

void tri_each_root(struct tri_heap *heap, tri_root_fn *visit, void *context) {
  for (struct tri_mutator *m = heap->world->mutators; m; m = m->next)
    for (struct tri_frame *frame = m->frames; frame; frame = frame->previous) {
      tri_ref *slots = tri_frame_slots(frame);
      for (size_t i = 0; i < frame->count; i++) visit(context, &slots[i]);
    }
  for (struct tri_handle *h = heap->world->handles; h; h = h->next) visit(context, &h->slot);
}
