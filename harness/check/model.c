#include "check/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"

static _Noreturn void out_of_memory(void) {
  fprintf(stderr, "oracle: out of memory for the shadow heap\n");
  exit(3);
}

static void *grow(void *p, size_t bytes) {
  p = realloc(p, bytes);
  if (!p) out_of_memory();
  return p;
}

void model_push(struct model_ids *ids, uint32_t id) {
  if (ids->n == ids->capacity) {
    ids->capacity = ids->capacity ? ids->capacity * 2 : 64;
    ids->id = grow(ids->id, ids->capacity * sizeof *ids->id);
  }
  ids->id[ids->n++] = id;
}

// -------------------------------------------------------------------------------- maps

static size_t map_home(const struct model_map *map, uintptr_t key) {
  return (size_t)((uint64_t)(key >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (map->capacity - 1);
}

void model_map_clear(struct model_map *map) {
  map->count = 0;
  if (++map->stamp) return;
  if (map->capacity) memset(map->entry, 0, map->capacity * sizeof *map->entry);
  map->stamp = 1;
}

struct model_entry *model_map_find(const struct model_map *map, uintptr_t key) {
  if (!map->capacity) return NULL;
  for (size_t i = map_home(map, key);; i = (i + 1) & (map->capacity - 1)) {
    struct model_entry *e = &map->entry[i];
    if (e->stamp != map->stamp) return NULL;
    if (e->key == key) return e;
  }
}

static struct model_entry *map_place(struct model_map *map, uintptr_t key) {
  size_t i = map_home(map, key);
  while (map->entry[i].stamp == map->stamp && map->entry[i].key != key) i = (i + 1) & (map->capacity - 1);
  return &map->entry[i];
}

struct model_entry *model_map_insert(struct model_map *map, uintptr_t key) {
  if (map->count * 8 >= map->capacity * 5) {
    struct model_map old = *map;
    map->capacity = old.capacity ? old.capacity * 2 : 128;
    map->entry = calloc(map->capacity, sizeof *map->entry);
    if (!map->entry) out_of_memory();
    map->stamp = 1;
    for (size_t i = 0; i < old.capacity; i++)
      if (old.entry[i].stamp == old.stamp) {
        struct model_entry *e = map_place(map, old.entry[i].key);
        *e = old.entry[i];
        e->stamp = map->stamp;
      }
    free(old.entry);
  }
  struct model_entry *e = map_place(map, key);
  if (e->stamp != map->stamp) {
    *e = (struct model_entry){.key = key, .stamp = map->stamp};
    map->count++;
  }
  return e;
}

// Linear probing without tombstones: later entries of the run move up (Knuth, TAOCP 3, 6.4, algorithm R).
void model_map_remove(struct model_map *map, uintptr_t key) {
  struct model_entry *gone = model_map_find(map, key);
  if (!gone) return;
  size_t mask = map->capacity - 1, hole = (size_t)(gone - map->entry);
  for (size_t i = (hole + 1) & mask; map->entry[i].stamp == map->stamp; i = (i + 1) & mask) {
    size_t home = map_home(map, map->entry[i].key);
    if (((i - home) & mask) < ((i - hole) & mask)) continue;
    map->entry[hole] = map->entry[i];
    hole = i;
  }
  map->entry[hole].stamp = 0;
  map->count--;
}

// -------------------------------------------------------------------------------- making

// One model is kept between heaps, so that a run of many small heaps does not allocate.
static struct model *kept;

struct model *model_new(void) {
  struct model *model = __atomic_exchange_n(&kept, NULL, __ATOMIC_ACQUIRE);
  if (model) return model;
  model = grow(NULL, sizeof *model);
  memset(model, 0, sizeof *model);
  model->n_objects = 1;
  model->n_edges = 1;
  model_clear_addresses(model);
  model_map_clear(&model->roots);
  return model;
}

static void destroy(struct model *model) {
  free(model->object);
  free(model->edge);
  free(model->addresses.entry);
  free(model->roots.entry);
  free(model->starts.entry);
  free(model->limbo.id);
  free(model->stack.id);
  free(model->ephemerons.id);
  free(model->registration);
  free(model);
}

void model_free(struct model *model) {
  model->n_objects = 1;
  model->free_ids = 0;
  model->live = 0;
  model->live_bytes = 0;
  model->n_edges = 1;
  memset(model->free_edges, 0, sizeof model->free_edges);
  model_clear_addresses(model);
  model_map_clear(&model->roots);
  model->limbo.n = model->stack.n = model->ephemerons.n = model->n_registrations = 0;
  model->mark = 0;
  model->serial = 0;
  model = __atomic_exchange_n(&kept, model, __ATOMIC_ACQ_REL);
  if (model) destroy(model);
}

// -------------------------------------------------------------------------------- edges

static unsigned edge_class(size_t n) { return n <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(n - 1); }

static uint32_t edges_new(struct model *model, size_t n) {
  if (!n) return 0;
  unsigned class = edge_class(n);
  uint32_t first = model->free_edges[class];
  if (first) {
    model->free_edges[class] = model->edge[first].id;
  } else {
    size_t size = (size_t)1 << class;
    if (model->edge_capacity - model->n_edges < size || !model->edge) {
      uint64_t capacity = model->edge_capacity ? model->edge_capacity : 1024;
      while (capacity - model->n_edges < size) capacity *= 2;
      if (capacity > UINT32_MAX) out_of_memory();
      model->edge = grow(model->edge, capacity * sizeof *model->edge);
      model->edge_capacity = (uint32_t)capacity;
    }
    first = model->n_edges;
    model->n_edges += (uint32_t)size;
  }
  memset(model->edge + first, 0, n * sizeof *model->edge);
  return first;
}

static void edges_free(struct model *model, uint32_t first, size_t n) {
  if (!n) return;
  unsigned class = edge_class(n);
  model->edge[first].id = model->free_edges[class];
  model->free_edges[class] = first;
}

static bool unreferenced(const struct model_object *o) { return !o->in_slots && !o->in_roots; }

static void recycle_id(struct model *model, uint32_t id) {
  struct model_object *o = &model->object[id];
  o->flags &= MODEL_LIMBO; // an id in limbo is taken out by model_settle
  o->first = model->free_ids;
  model->free_ids = id;
}

static void to_limbo(struct model *model, uint32_t id) {
  struct model_object *o = &model->object[id];
  if (o->flags & MODEL_LIMBO) return;
  o->flags |= MODEL_LIMBO;
  model_push(&model->limbo, id);
}

void model_hold(struct model *model, uint32_t id) {
  if (unreferenced(&model->object[id])) to_limbo(model, id);
}

static uint32_t *counter(struct model_object *target, enum tri_kind from) {
  return from == TRI_NODE ? &target->in_slots : &target->in_soft;
}

static void lose(struct model *model, uint32_t id, uint32_t *count) {
  struct model_object *o = &model->object[id];
  TRI_CHECK(*count > 0);
  --*count;
  if (!unreferenced(o)) return;
  if (!(o->flags & MODEL_FREED))
    to_limbo(model, id);
  else if (!o->in_soft)
    recycle_id(model, id);
}

void model_set_edge(struct model *model, uint32_t id, size_t i, uint32_t target, uint32_t writer) {
  struct model_object *o = &model->object[id];
  enum tri_kind kind = tri_shape_kind(o->shape);
  struct model_edge *edge = model_edges(model, o) + i;
  uint32_t old = edge->id;
  if (target) ++*counter(&model->object[target], kind);
  *edge = (struct model_edge){target, writer};
  if (i == 0) o->flags &= (uint8_t)~MODEL_STALE;
  if (old) lose(model, old, counter(&model->object[old], kind));
}

void model_clear_edges(struct model *model, uint32_t id) {
  for (size_t i = 0, n = tri_shape_refs(model->object[id].shape); i < n; i++)
    model_set_edge(model, id, i, 0, 0);
}

void model_set_root(struct model *model, tri_ref *slot, uint32_t target, uint32_t writer) {
  struct model_entry *e = model_map_find(&model->roots, (uintptr_t)slot);
  uint32_t old = e ? e->id : 0;
  if (target) {
    if (!e) e = model_map_insert(&model->roots, (uintptr_t)slot);
    e->id = target;
    e->writer = writer;
    model->object[target].in_roots++;
  } else if (e) {
    model_map_remove(&model->roots, (uintptr_t)slot);
  }
  if (old) lose(model, old, &model->object[old].in_roots);
}

// -------------------------------------------------------------------------------- objects

uint32_t model_at(const struct model *model, tri_ref ref) {
  struct model_entry *e = model_map_find(&model->addresses, ref.bits);
  return e ? e->id : 0;
}

// A line of memory: the words that one entry of `starts` has bits for.
enum { LINE = 64 * sizeof(tri_ref) };
static uintptr_t line_of(uintptr_t address) { return address & ~(uintptr_t)(LINE - 1); }
static uint64_t word_bit(uintptr_t address) { return UINT64_C(1) << address % LINE / sizeof(tri_ref); }

tri_ref model_next(const struct model *model, uintptr_t from, uintptr_t to) {
  from = (from + sizeof(tri_ref) - 1) & ~(uintptr_t)(sizeof(tri_ref) - 1);
  for (uintptr_t line = line_of(from); from < to; from = line += LINE) {
    const struct model_entry *e = model_map_find(&model->starts, line);
    uint64_t words = e ? e->words & -word_bit(from) : 0;
    if (!words) continue;
    tri_ref found = {line + (uintptr_t)__builtin_ctzll(words) * sizeof(tri_ref)};
    return found.bits < to ? found : TRI_NULL;
  }
  return TRI_NULL;
}

void model_clear_addresses(struct model *model) {
  model_map_clear(&model->addresses);
  model_map_clear(&model->starts);
}

void model_place(struct model *model, uint32_t id, tri_ref ref) {
  model->object[id].ref = ref;
  if (tri_is_null(ref)) return;
  model_map_insert(&model->addresses, ref.bits)->id = id;
  if (ref.bits % sizeof(tri_ref) == 0)
    model_map_insert(&model->starts, line_of(ref.bits))->words |= word_bit(ref.bits);
}

uint32_t model_add(struct model *model, tri_ref ref, struct tri_shape shape) {
  uint32_t id = model->free_ids;
  // An id still in limbo would be settled under its new name: leave it until limbo is empty.
  if (id && !(model->object[id].flags & MODEL_LIMBO)) {
    model->free_ids = model->object[id].first;
  } else {
    if (model->n_objects >= model->object_capacity) {
      model->object_capacity = model->object_capacity ? model->object_capacity * 2 : 256;
      model->object = grow(model->object, model->object_capacity * sizeof *model->object);
      model->object[0] = (struct model_object){.flags = 0}; // null
    }
    id = model->n_objects++;
  }
  model->object[id] = (struct model_object){.before = ref,
                                            .shape = shape,
                                            .flags = MODEL_USED,
                                            .serial = ++model->serial,
                                            .first = edges_new(model, tri_shape_refs(shape))};
  model_place(model, id, ref);
  model->live++;
  model->live_bytes += tri_shape_extent(shape);
  to_limbo(model, id);
  return id;
}

static void unplace(struct model *model, struct model_object *o, uint32_t id) {
  if (model_at(model, o->ref) != id) return;
  model_map_remove(&model->addresses, o->ref.bits);
  struct model_entry *line = model_map_find(&model->starts, line_of(o->ref.bits));
  if (line && o->ref.bits % sizeof(tri_ref) == 0) line->words &= ~word_bit(o->ref.bits);
}

static void unregister(struct model *model, uint32_t index) {
  model->object[model->registration[index].id].finalizers--;
  model->n_registrations--;
  memmove(&model->registration[index], &model->registration[index + 1],
          (model->n_registrations - index) * sizeof *model->registration);
}

void model_forget(struct model *model, uint32_t id) {
  struct model_object *o = &model->object[id];
  model_clear_edges(model, id);
  unplace(model, o, id);
  edges_free(model, o->first, tri_shape_refs(o->shape));
  model->live--;
  model->live_bytes -= tri_shape_extent(o->shape);
  o->flags |= MODEL_FREED;
  for (uint32_t i = model->n_registrations; o->finalizers && i-- > 0;)
    if (model->registration[i].id == id) unregister(model, i);
  if (unreferenced(o) && !o->in_soft) recycle_id(model, id);
}

void model_settle(struct model *model) {
  while (model->limbo.n) {
    uint32_t id = model->limbo.id[--model->limbo.n];
    struct model_object *o = &model->object[id];
    o->flags &= (uint8_t)~MODEL_LIMBO;
    if (model_alive(o) && unreferenced(o) && !o->in_soft && !o->finalizers) model_forget(model, id);
  }
}

// -------------------------------------------------------------------------------- tracing

static void mark(struct model *model, uint32_t id, uint32_t floor, uint32_t value) {
  struct model_object *o = &model->object[id];
  if (!id || o->mark >= floor || !model_alive(o)) return;
  o->mark = value;
  model_push(&model->stack, id);
}

// `weakly`: what a weak object denotes is reached with it.
static void drain(struct model *model, uint32_t floor, uint32_t value, bool weakly) {
  while (model->stack.n) {
    uint32_t id = model->stack.id[--model->stack.n];
    struct model_object *o = &model->object[id];
    enum tri_kind kind = weakly ? TRI_NODE : tri_shape_kind(o->shape);
    if (kind == TRI_EPHEMERON) model_push(&model->ephemerons, id);
    if (kind != TRI_NODE) continue;
    struct model_edge *edge = model_edges(model, o);
    for (size_t i = 0, n = tri_shape_refs(o->shape); i < n; i++) mark(model, edge[i].id, floor, value);
  }
}

// Values whose key is marked, until none is left.
static void fixpoint(struct model *model, uint32_t floor, uint32_t value, bool weakly) {
  for (bool again = true; again;) {
    again = false;
    for (uint32_t i = 0; i < model->ephemerons.n;) {
      struct model_edge *edge = model_edges(model, &model->object[model->ephemerons.id[i]]);
      if (!edge[0].id || model->object[edge[0].id].mark < floor) {
        i++;
        continue;
      }
      mark(model, edge[1].id, floor, value);
      model->ephemerons.id[i] = model->ephemerons.id[--model->ephemerons.n];
      again = true;
    }
    drain(model, floor, value, weakly);
  }
}

void model_trace_roots(struct model *model, uint32_t value) {
  model->ephemerons.n = 0;
  for (size_t i = 0; i < model->roots.capacity; i++)
    if (model->roots.entry[i].stamp == model->roots.stamp)
      mark(model, model->roots.entry[i].id, value, value);
  drain(model, value, value, false);
  fixpoint(model, value, value, false);
}

static void trace_from(struct model *model, uint32_t id, uint32_t floor, uint32_t value, bool weakly) {
  mark(model, id, floor, value);
  drain(model, floor, value, weakly);
  fixpoint(model, floor, value, weakly);
}

void model_trace_from(struct model *model, uint32_t id, uint32_t floor, uint32_t value) {
  trace_from(model, id, floor, value, false);
}

void model_trace_cycles(struct model *model, uint32_t floor, uint32_t value) {
  // Peel off what no unmarked node refers to (Kahn 1962); `via` of the unmarked holds the references not yet
  // peeled.
  for (uint32_t id = 1; id < model->n_objects; id++)
    if (model->object[id].mark < floor) model->object[id].via = 0;
  for (uint32_t id = 1; id < model->n_objects; id++) {
    struct model_object *o = &model->object[id];
    if (!model_alive(o) || o->mark >= floor || tri_shape_kind(o->shape) != TRI_NODE) continue;
    for (size_t i = 0, n = tri_shape_refs(o->shape); i < n; i++) {
      struct model_object *t = &model->object[model_edges(model, o)[i].id];
      if (t->mark < floor) t->via++; // of null it counts too; nobody looks there
    }
  }
  for (uint32_t id = 1; id < model->n_objects; id++) {
    struct model_object *o = &model->object[id];
    if (model_alive(o) && o->mark < floor && !o->via) model_push(&model->stack, id);
  }
  while (model->stack.n) {
    uint32_t id = model->stack.id[--model->stack.n];
    struct model_object *o = &model->object[id];
    if (tri_shape_kind(o->shape) != TRI_NODE) continue;
    for (size_t i = 0, n = tri_shape_refs(o->shape); i < n; i++) {
      uint32_t target = model_edges(model, o)[i].id;
      struct model_object *t = &model->object[target];
      if (target && t->mark < floor && --t->via == 0 && model_alive(t)) model_push(&model->stack, target);
    }
  }
  for (uint32_t id = 1; id < model->n_objects; id++) {
    struct model_object *o = &model->object[id];
    if (model_alive(o) && o->mark < floor && o->via) o->mark = value;
  }
}

void model_sweep(struct model *model, uint32_t floor) {
  for (uint32_t id = 1; id < model->n_objects; id++) {
    const struct model_object *o = &model->object[id];
    if (model_alive(o) && o->mark < floor) model_forget(model, id);
  }
}

bool model_unreachable(struct model *model, uint32_t id, bool settled) {
  if (unreferenced(&model->object[id]) && !model->object[id].in_soft) return true;
  uint32_t value = model->mark += 2;
  model_trace_roots(model, value - 1);
  if (model->object[id].mark == value - 1) return false;
  if (settled) {
    for (uint32_t i = 1; i < model->n_objects; i++) {
      struct model_object *o = &model->object[i];
      if (model_alive(o) && (o->finalizers || o->in_soft)) model_trace_from(model, i, value - 1, value);
    }
    if (model->object[id].mark < value - 1) model_sweep(model, value - 1);
  }
  return true;
}

// -------------------------------------------------------------------------------- finalizers

void model_register(struct model *model, uint32_t id, uint64_t cookie) {
  if (model->n_registrations == model->registration_capacity) {
    model->registration_capacity = model->registration_capacity ? model->registration_capacity * 2 : 16;
    model->registration =
        grow(model->registration, model->registration_capacity * sizeof *model->registration);
  }
  model->registration[model->n_registrations++] = (struct model_registration){.id = id, .cookie = cookie};
  model->object[id].finalizers++;
}

// May the queue have the object for another registration?
static bool queued_otherwise(const struct model *model, uint32_t index) {
  const struct model_registration *r = model->registration;
  for (uint32_t i = 0; i < model->n_registrations; i++)
    if (i != index && r[i].id == r[index].id && r[i].dead) return true;
  return false;
}

void model_collected(struct model *model, bool full, uint32_t reached, uint32_t held) {
  for (uint32_t i = 0; i < model->n_registrations; i++) {
    struct model_registration *r = &model->registration[i];
    if (full && !r->due && model->object[r->id].mark < reached && !queued_otherwise(model, i)) r->due = reached;
  }
  for (uint32_t i = 0; i < model->n_registrations; i++) {
    uint32_t mark = model->object[model->registration[i].id].mark;
    if (mark < reached || mark == held) model->registration[i].dead = true;
  }
}

void model_asked(struct model *model) {
  uint32_t value = ++model->mark;
  model_trace_roots(model, value);
  for (uint32_t i = 0; i < model->n_registrations; i++)
    if (model->object[model->registration[i].id].mark < value) model->registration[i].dead = true;
}

void model_handed_out(struct model *model, uint32_t index) {
  uint32_t id = model->registration[index].id, value = model->mark += 2;
  model_trace_roots(model, value - 1);
  trace_from(model, id, value - 1, value, true);
  for (uint32_t i = 1; i < model->n_objects; i++) {
    struct model_object *o = &model->object[i];
    if (!model_alive(o)) continue;
    if (tri_shape_kind(o->shape) != TRI_NODE && model->object[model_edges(model, o)[0].id].mark == value)
      o->flags |= MODEL_STALE;
    if (o->mark != value) continue;
    o->flags |= MODEL_DIED;
    if (o->hashed == MODEL_HASH_HELD) o->hashed = 0;
  }
  unregister(model, index);
  model_hold(model, id);
}

void model_revived(struct model *model, uint32_t id) {
  const struct model_object *o = &model->object[id];
  model_hold(model, id);
  if (o->flags & MODEL_DIED) return;
  for (uint32_t i = 0; o->finalizers && i < model->n_registrations; i++)
    if (model->registration[i].id == id) {
      model->registration[i].dead = false;
      model->registration[i].due = 0;
    }
}
