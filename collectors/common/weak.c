#include "common/weak.h"

#include "common/check.h"
#include "common/finalizer.h"
#include "common/os.h"

// ---------------------------------------------------------------------------------------------- lists
//
// A list link stands in the tag of a weak object, above kind and lent bits, where its (known) sizes were.

enum { LINK_SHIFT = 12 };
#define LINK_KEPT ((UINT64_C(1) << LINK_SHIFT) - 1)

static void push(tri_ref *list, tri_ref object) {
  uint64_t *tag = tri_tag(object);
  TRI_ASSERT(list->bits % TRI_OBJECT_ALIGN == 0);
  *tag = (*tag & LINK_KEPT) | (list->bits / TRI_OBJECT_ALIGN) << LINK_SHIFT;
  *list = object;
}

static tri_ref next(tri_ref object) { return (tri_ref){(*tri_tag(object) >> LINK_SHIFT) * TRI_OBJECT_ALIGN}; }

// Take the first object off the list and give it its tag back.
static tri_ref pop(tri_ref *list) {
  tri_ref object = *list;
  uint64_t *tag = tri_tag(object);
  *list = next(object);
  bool weak = tri_shape_kind(tri_tag_shape(*tag)) == TRI_WEAK;
  *tag = (*tag & LINK_KEPT) | ((weak ? TRI_WEAK_SHAPE : TRI_EPHEMERON_SHAPE).tag & ~LINK_KEPT);
  return object;
}

static tri_ref *target_of(tri_ref weak) { return (tri_ref *)weak.bits; }
static tri_ref *key_of(tri_ref ephemeron) { return (tri_ref *)ephemeron.bits; }
static tri_ref *value_of(tri_ref ephemeron) { return (tri_ref *)ephemeron.bits + 1; }

static bool live(struct tri_weak_refs *weak, tri_ref *slot) {
  return weak->reach.live(weak->reach.context, slot);
}
static void trace(struct tri_weak_refs *weak, tri_ref *slot) { weak->reach.trace(weak->reach.context, slot); }

// ---------------------------------------------------------------------------------------------- the table

void tri_weak_refs_init(struct tri_weak_refs *weak, const struct tri_reach *reach) {
  *weak = (struct tri_weak_refs){.reach = *reach, .n_buckets = TRI_WEAK_FIRST_BUCKETS};
  weak->buckets = weak->first_buckets;
}

void tri_weak_refs_fini(struct tri_weak_refs *weak) {
  if (weak->buckets != weak->first_buckets) tri_os_free(weak->buckets);
}

size_t tri_weak_refs_bytes(const struct tri_weak_refs *weak) {
  return weak->buckets == weak->first_buckets ? 0 : weak->n_buckets * sizeof *weak->buckets;
}

static tri_ref *bucket(struct tri_weak_refs *weak, tri_ref key) {
  uint64_t hash = (uint64_t)(key.bits / TRI_OBJECT_ALIGN) * UINT64_C(0x9e3779b97f4a7c15); // Fibonacci hashing
  return &weak->buckets[hash >> 32 & (weak->n_buckets - 1)];
}

// Without memory the table stays as it is: slower, not wrong.
static void grow(struct tri_weak_refs *weak) {
  size_t n = 4 * weak->n_buckets;
  tri_ref *buckets = tri_os_calloc(n * sizeof *buckets);
  if (!buckets) return;
  tri_ref *old = weak->buckets;
  size_t n_old = weak->n_buckets;
  weak->buckets = buckets;
  weak->n_buckets = n;
  for (size_t i = 0; i < n_old; i++)
    while (!tri_is_null(old[i])) {
      tri_ref ephemeron = pop(&old[i]);
      push(bucket(weak, *key_of(ephemeron)), ephemeron);
    }
  if (old != weak->first_buckets) tri_os_free(old);
}

static void insert(struct tri_weak_refs *weak, tri_ref ephemeron) {
  if (weak->n_keyed >= 2 * weak->n_buckets) grow(weak);
  push(bucket(weak, *key_of(ephemeron)), ephemeron);
  weak->n_keyed++;
}

void tri_weak_refs_reached_key(struct tri_weak_refs *weak, tri_ref object) {
  tri_ref *list = bucket(weak, object), rest = *list;
  *list = TRI_NULL;
  while (!tri_is_null(rest)) {
    tri_ref ephemeron = pop(&rest);
    if (key_of(ephemeron)->bits == object.bits) {
      weak->n_keyed--;
      push(&weak->ready, ephemeron);
    } else {
      push(list, ephemeron);
    }
  }
}

// ---------------------------------------------------------------------------------------------- discovery

void tri_weak_refs_discover(struct tri_weak_refs *weak, tri_ref object) {
  if (tri_shape_kind(tri_tag_shape(*tri_tag(object))) == TRI_WEAK) {
    tri_ref *target = target_of(object);
    if (!tri_is_null(*target) && !live(weak, target)) push(&weak->weak, object);
    return;
  }
  tri_ref *key = key_of(object);
  if (tri_is_null(*key)) {
    *value_of(object) = TRI_NULL;
  } else if (live(weak, key)) {
    trace(weak, value_of(object));
  } else if (weak->fixpoint) {
    insert(weak, object);
  } else {
    push(&weak->pending, object);
  }
}

void tri_weak_refs_defer(struct tri_weak_refs *weak, tri_ref object) { push(&weak->deferred, object); }

// ---------------------------------------------------------------------------------------------- after
// tracing

static void reach_fixpoint(struct tri_weak_refs *weak) {
  weak->fixpoint = true;
  while (!tri_is_null(weak->pending)) {
    tri_ref ephemeron = pop(&weak->pending);
    if (live(weak, key_of(ephemeron)))
      trace(weak, value_of(ephemeron));
    else
      insert(weak, ephemeron);
  }
  weak->reach.drain(weak->reach.context);
  while (!tri_is_null(weak->ready)) {
    while (!tri_is_null(weak->ready)) {
      tri_ref ephemeron = pop(&weak->ready);
      live(weak, key_of(ephemeron));
      trace(weak, value_of(ephemeron));
    }
    weak->reach.drain(weak->reach.context);
  }
  weak->fixpoint = false;
}

static void clear_unreached(struct tri_weak_refs *weak) {
  for (size_t i = 0; weak->n_keyed; i++)
    while (!tri_is_null(weak->buckets[i])) {
      tri_ref ephemeron = pop(&weak->buckets[i]);
      *key_of(ephemeron) = *value_of(ephemeron) = TRI_NULL;
      weak->n_keyed--;
      weak->cleared++;
    }
  while (!tri_is_null(weak->weak)) {
    tri_ref *target = target_of(pop(&weak->weak));
    if (live(weak, target)) continue;
    *target = TRI_NULL;
    weak->cleared++;
  }
}

void tri_weak_refs_process(struct tri_weak_refs *weak, struct tri_finalizers *finalizers) {
  while (!tri_is_null(weak->deferred)) tri_weak_refs_discover(weak, pop(&weak->deferred));
  reach_fixpoint(weak);
  clear_unreached(weak);
  if (!finalizers) return;
  size_t before = finalizers->n_queue;
  bool in_order = finalizers->strong_refs;
  if (in_order) {
    tri_finalizers_trace_waiting(finalizers, &weak->reach);
    reach_fixpoint(weak);
  }
  tri_finalizers_process(finalizers, &weak->reach);
  for (size_t i = 0; !in_order && i < before; i++)
    trace(weak, &finalizers->queue[finalizers->first + i].object);
  reach_fixpoint(weak);
  clear_unreached(weak);
}
