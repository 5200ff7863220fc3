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

// -------------------------------------------------------------------------------- with the lock held

static void rest(struct tri_world *world, struct tri_mutator *m) {
  m->resting = true;
  world->running--;
  tri_condition_broadcast(&world->changed);
}

static void go_on(struct tri_world *world, struct tri_mutator *m) {
  while (world->stopper || m->claimed) tri_condition_wait(&world->changed, &world->lock);
  m->resting = false;
  world->running++;
}

// Let others stop the world, and come back when it runs.
static void wait_while_stopped(struct tri_world *world, struct tri_mutator *m) {
  rest(world, m);
  go_on(world, m);
}

static void request(struct tri_heap *heap) {
  TRI_RELAXED_STORE(&heap->stop_requested, heap->world->stopper || heap->world->owing);
}

// For a mutator that rests, or the calling one. Gives the lock back meanwhile.
static void act_for(struct tri_heap *heap, struct tri_mutator *m) {
  struct tri_world *world = heap->world;
  m->owes = false;
  m->claimed = true;
  tri_mutex_unlock(&world->lock);
  world->act(heap, m);
  TRI_YIELD(HANDSHAKE);
  tri_mutex_lock(&world->lock);
  m->claimed = false;
  world->owing--;
  request(heap);
  tri_condition_broadcast(&world->changed);
}

static void help(struct tri_heap *heap, struct tri_mutator *self, bool all) {
  for (struct tri_mutator *m = heap->world->mutators; m;)
    if (m->owes && (all || m == self || m->resting)) {
      act_for(heap, m);
      m = heap->world->mutators; // which may be others now
    } else {
      m = m->next;
    }
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
  if (m->owes) act_for(m->heap, m);
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
  rest(world, m);
  tri_mutex_unlock(&world->lock);
}

void tri_default_unpark(struct tri_mutator *m) {
  struct tri_world *world = m->heap->world;
  TRI_YIELD(UNPARK);
  tri_mutex_lock(&world->lock);
  go_on(world, m);
  m->parked = 0;
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
    wait_while_stopped(world, m);
    tri_mutex_unlock(&world->lock);
    return false;
  }
  world->stopper = m;
  request(heap);
  tri_mutex_unlock(&world->lock);
  tri_emit(heap, TRI_EVENT_STOP_REQUEST, 0, 0);
  tri_mutex_lock(&world->lock);
  m->resting = true;
  while (world->running > 1 || m->claimed) tri_condition_wait(&world->changed, &world->lock);
  m->resting = false;
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
  request(m->heap);
  tri_condition_broadcast(&world->changed);
  tri_mutex_unlock(&world->lock);
  TRI_YIELD(RESUME);
}

void tri_safepoint_slow(struct tri_mutator *m) {
  struct tri_world *world = m->heap->world;
  TRI_YIELD(SAFEPOINT_POLL);
  if (!TRI_RELAXED_LOAD(&m->heap->stop_requested)) return;
  tri_mutex_lock(&world->lock);
  if (m->owes) act_for(m->heap, m);
  if (world->stopper) wait_while_stopped(world, m);
  tri_mutex_unlock(&world->lock);
}

// ---------------------------------------------------------------------------------------------- handshakes

void tri_helper_init(struct tri_mutator *helper, struct tri_heap *heap) {
  helper->ops = heap->ops;
  helper->heap = heap;
  helper->parked = 1;
  helper->resting = true;
}

uint32_t tri_world_running(struct tri_heap *heap) {
  tri_mutex_lock(&heap->world->lock);
  uint32_t running = heap->world->running;
  tri_mutex_unlock(&heap->world->lock);
  return running;
}

void tri_handshake_post(struct tri_heap *heap, tri_handshake_fn *act) {
  struct tri_world *world = heap->world;
  tri_mutex_lock(&world->lock);
  TRI_CHECK_EQ(world->owing, 0);
  world->act = act;
  for (struct tri_mutator *m = world->mutators; m; m = m->next) {
    m->owes = true;
    world->owing++;
  }
  request(heap);
  tri_mutex_unlock(&world->lock);
}

bool tri_handshake_help(struct tri_mutator *self) {
  struct tri_world *world = self->heap->world;
  tri_mutex_lock(&world->lock);
  help(self->heap, self, false);
  bool done = world->owing == 0;
  tri_mutex_unlock(&world->lock);
  return done;
}

void tri_handshake_finish(struct tri_heap *heap) {
  tri_mutex_lock(&heap->world->lock);
  help(heap, NULL, true);
  tri_mutex_unlock(&heap->world->lock);
}

void tri_handshake_wait(struct tri_mutator *self) {
  struct tri_world *world = self->heap->world;
  tri_mutex_lock(&world->lock);
  for (help(self->heap, self, false); world->owing; help(self->heap, self, false)) {
    rest(world, self);
    if (world->owing) tri_condition_wait(&world->changed, &world->lock);
    go_on(world, self);
  }
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

void tri_each_frame_slot(struct tri_mutator *m, tri_root_fn *visit, void *context) {
  for (struct tri_frame *frame = m->frames; frame; frame = frame->previous) {
    tri_ref *slots = tri_frame_slots(frame);
    for (size_t i = 0; i < frame->count; i++) visit(context, &slots[i]);
  }
}

static void each_handle(struct tri_world *world, tri_root_fn *visit, void *context) {
  for (struct tri_handle *h = world->handles; h; h = h->next) visit(context, &h->slot);
}

void tri_each_handle(struct tri_heap *heap, tri_root_fn *visit, void *context) {
  tri_mutex_lock(&heap->world->lock);
  each_handle(heap->world, visit, context);
  tri_mutex_unlock(&heap->world->lock);
}

void tri_each_root(struct tri_heap *heap, tri_root_fn *visit, void *context) {
  for (struct tri_mutator *m = heap->world->mutators; m; m = m->next) tri_each_frame_slot(m, visit, context);
  each_handle(heap->world, visit, context);
}
