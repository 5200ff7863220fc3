#include "common/finalizer.h"

#include <string.h>

#include "common/os.h"

enum { FIRST_CAPACITY = 16 };

void tri_finalizers_init(struct tri_finalizers *finalizers) {
  *finalizers = (struct tri_finalizers){0};
  tri_mutex_init(&finalizers->lock);
}

void tri_finalizers_fini(struct tri_finalizers *finalizers) {
  tri_os_free(finalizers->table);
  tri_os_free(finalizers->queue);
}

size_t tri_finalizers_bytes(const struct tri_finalizers *finalizers) {
  return 2 * finalizers->capacity * sizeof(struct tri_finalizer);
}

// Make room for one more registration, in the table and (with what is queued) in the queue.
static bool make_room(struct tri_finalizers *f) {
  if (f->n_table + f->n_queue < f->capacity) return true;
  size_t capacity = f->capacity ? 2 * f->capacity : FIRST_CAPACITY;
  struct tri_finalizer *table = tri_os_realloc(f->table, capacity * sizeof *table);
  if (!table) return false;
  f->table = table; // larger than capacity says, if the queue cannot follow
  struct tri_finalizer *queue = tri_os_realloc(f->queue, capacity * sizeof *queue);
  if (!queue) return false;
  f->queue = queue;
  f->capacity = capacity;
  return true;
}

enum tri_status tri_finalizers_add(struct tri_finalizers *f, tri_ref object, uint64_t cookie) {
  TRI_YIELD(FINALIZER);
  tri_mutex_lock(&f->lock);
  bool ok = make_room(f);
  if (ok) f->table[f->n_table++] = (struct tri_finalizer){object, cookie};
  tri_mutex_unlock(&f->lock);
  return ok ? TRI_OK : TRI_ENOMEM;
}

tri_ref tri_finalizers_next(struct tri_finalizers *f, uint64_t *cookie) {
  TRI_YIELD(FINALIZER);
  tri_ref object = TRI_NULL;
  tri_mutex_lock(&f->lock);
  if (f->n_queue) {
    struct tri_finalizer *taken = &f->queue[f->first];
    object = taken->object;
    if (cookie) *cookie = taken->cookie;
    f->first = --f->n_queue ? f->first + 1 : 0;
  }
  tri_mutex_unlock(&f->lock);
  return object;
}

void tri_finalizers_roots(struct tri_finalizers *f, void (*visit)(void *context, tri_ref *slot),
                          void *context) {
  for (size_t i = 0; i < f->n_queue; i++) visit(context, &f->queue[f->first + i].object);
}

// Append to the queue. What was queued before moves to the front first: behind it there is room for the
// table.
static void enqueue(struct tri_finalizers *f, const struct tri_finalizer *registration) {
  if (f->first) {
    memmove(f->queue, f->queue + f->first, f->n_queue * sizeof *f->queue);
    f->first = 0;
  }
  f->queue[f->n_queue++] = *registration;
}

void tri_finalizers_trace_waiting(struct tri_finalizers *f, const struct tri_reach *reach) {
  for (size_t i = 0; i < f->n_queue; i++) reach->trace(reach->context, &f->queue[f->first + i].object);
  for (size_t i = 0; i < f->n_table; i++) {
    tri_ref object = f->table[i].object;
    if (reach->live(reach->context, &object)) continue;
    for (size_t k = 0, n = f->strong_refs(reach->context, object); k < n; k++) {
      tri_ref to = ((const tri_ref *)object.bits)[k]; // a copy: the slot is scanned later, as it is now
      reach->trace(reach->context, &to);
    }
  }
  reach->drain(reach->context);
}

size_t tri_finalizers_process(struct tri_finalizers *f, const struct tri_reach *reach) {
  size_t kept = 0, queued_before = f->n_queue;
  for (size_t i = 0; i < f->n_table; i++) {
    if (reach->live(reach->context, &f->table[i].object))
      f->table[kept++] = f->table[i];
    else
      enqueue(f, &f->table[i]);
  }
  f->n_table = kept;
  size_t queued = f->n_queue - queued_before;
  if (!queued) return 0;
  for (size_t i = queued_before; i < f->n_queue; i++)
    reach->trace(reach->context, &f->queue[f->first + i].object);
  reach->drain(reach->context);
  return queued;
}

size_t tri_finalizers_queue(struct tri_finalizers *f, tri_ref object) {
  tri_mutex_lock(&f->lock);
  size_t kept = 0, registered = f->n_table;
  for (size_t i = 0; i < registered; i++) {
    if (f->table[i].object.bits != object.bits)
      f->table[kept++] = f->table[i];
    else
      enqueue(f, &f->table[i]);
  }
  f->n_table = kept;
  tri_mutex_unlock(&f->lock);
  return registered - kept;
}
