// The counting collectors against a model, over random programs that use references in C locals as long as
// the contract allows. After each collection the heap holds exactly what the model expects: what is reachable
// (with cycles), or what counting alone cannot reclaim. Arguments: seed, rounds.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/os.h"
#include "common/poison.h"
#include "common/random.h"
#include "tricolor/registry.h"

enum { ROOTS = 6, LOCALS = 5, SLOTS = 4, STEPS = 800, NONE = -1 };

struct object {
  bool exists, alive, weak;
  int n_slots;
  int slot[SLOTS];  // ids
  int target;       // of a weak reference
  int registered;   // finalizers not yet queued
  bool finalizable; // had one at some time: its weak references may be cleared and it reachable again
};

static struct object objects[STEPS];
static int n_objects;
static int roots[ROOTS]; // ids, as in the frame
static struct {
  tri_ref ref;
  int id;
} local[LOCALS];                    // good until the next collecting call
static int queued[STEPS], n_queued; // ids, taken from the finalizer queue at this collection

static struct tri_random random_state;
static uint64_t below(uint64_t n) { return tri_random_below(&random_state, n); }

static void must_not_report(void *context, const char *text) {
  (void)context;
  fprintf(stderr, "verify: %s\n", text);
  abort();
}
static const struct tri_reporter reporter = {must_not_report, NULL};

static void sink(void *context, struct tri_heap *heap, const struct tri_event *event) {
  (void)context;
  if (event->kind != TRI_EVENT_OUT_OF_MEMORY && event->kind != TRI_EVENT_RESUME) tri_verify(heap, &reporter);
}

// Ids stand in the payload; a weak reference has none: it is found among the roots and locals only.
static int id_of(struct tri_mutator *m, tri_ref ref) {
  if (tri_is_null(ref)) return NONE;
  TRI_CHECK_EQ(tri_shape_kind(tri_shape(m, ref)), TRI_NODE);
  int id = (int)*(uint64_t *)tri_raw(m, ref);
  TRI_CHECK(id >= 0 && id < n_objects && objects[id].exists);
  TRI_CHECK_EQ(tri_shape_refs(tri_shape(m, ref)), objects[id].n_slots);
  return id;
}

static void locals_die(void) {
  for (int i = 0; i < LOCALS; i++) local[i].ref = TRI_NULL, local[i].id = NONE;
  n_queued = 0;
}

static void set_local(int i, tri_ref ref, int id) { local[i].ref = ref, local[i].id = id; }

// ------------------------------------------------------------------------------------------------- the model

static void reach(int id) {
  static int todo[STEPS];
  int n = 0;
  if (id == NONE || objects[id].alive) return;
  objects[id].alive = true;
  for (todo[n++] = id; n;) {
    struct object *o = &objects[todo[--n]];
    for (int i = 0; i < o->n_slots; i++)
      if (o->slot[i] != NONE && !objects[o->slot[i]].alive)
        objects[o->slot[i]].alive = true, todo[n++] = o->slot[i];
  }
}

static void expect_reachable(void) {
  for (int i = 0; i < n_objects; i++) objects[i].alive = false;
  for (int i = 0; i < ROOTS; i++) reach(roots[i]);
  for (int i = 0; i < n_queued; i++) reach(queued[i]);
}

static void expect_counted(void) {
  for (int i = 0; i < n_objects; i++) objects[i].alive = objects[i].exists;
  for (bool again = true; again;) {
    static int count[STEPS];
    memset(count, 0, sizeof count);
    for (int i = 0; i < ROOTS; i++)
      if (roots[i] != NONE) count[roots[i]]++;
    for (int i = 0; i < n_queued; i++) count[queued[i]]++;
    for (int i = 0; i < n_objects; i++)
      for (int k = 0; objects[i].alive && k < objects[i].n_slots; k++)
        if (objects[i].slot[k] != NONE) count[objects[i].slot[k]]++;
    again = false;
    for (int i = 0; i < n_objects; i++)
      if (objects[i].alive && !count[i]) objects[i].alive = false, again = true;
  }
}

struct walked {
  struct tri_mutator *m;
  bool seen[STEPS];
  size_t weak, objects, bytes;
};

static bool see(void *context, const struct tri_object_info *info) {
  struct walked *w = context;
  w->objects++;
  w->bytes += info->bytes;
  if (tri_shape_kind(info->shape) == TRI_WEAK) {
    w->weak++;
    return true;
  }
  int id = id_of(w->m, info->ref);
  TRI_CHECK(!w->seen[id]);
  w->seen[id] = true;
  return true;
}

static void compare(struct tri_mutator *m) {
  struct tri_heap *heap = m->heap;
  n_queued = 0;
  uint64_t cookie;
  for (tri_ref ref; !tri_is_null(ref = tri_finalizer_next(m, &cookie));) {
    int id = id_of(m, ref);
    TRI_CHECK_EQ(cookie, id + 7);
    TRI_CHECK_GE(--objects[id].registered, 0);
    queued[n_queued++] = id;
  }
  tri_verify(heap, &reporter);
  static struct walked w;
  w = (struct walked){.m = m};
  TRI_CHECK(tri_walk(heap, see, &w));
  if (tri_has(heap, TRI_CAP_CYCLES) || !tri_has(heap, TRI_CAP_EXACT))
    expect_reachable();
  else
    expect_counted();
  size_t weak = 0;
  for (int i = 0; i < n_objects; i++) {
    struct object *o = &objects[i];
    if (!o->exists) continue;
    if (o->weak) {
      weak += o->alive;
      if (!o->alive) o->exists = false;
    } else if (tri_has(heap, TRI_CAP_EXACT)) {
      TRI_CHECK_EQ(w.seen[i], o->alive);
      o->exists = o->alive;
    } else {
      TRI_CHECK(w.seen[i] || !o->alive);
      o->exists = w.seen[i];
    }
  }
  if (tri_has(heap, TRI_CAP_EXACT)) TRI_CHECK_EQ(w.weak, weak);
  struct tri_stats s;
  tri_stats_get(heap, &s, sizeof s);
  TRI_CHECK_EQ(s.live_objects, w.objects);
  TRI_CHECK_EQ(s.live_bytes, w.bytes);
  TRI_CHECK_EQ(s.live_bytes + s.free_bytes + s.metadata_bytes + s.released_bytes, s.mapped_bytes);
  TRI_CHECK_EQ(s.allocated_objects - s.freed_objects, s.live_objects);
  TRI_CHECK_EQ(s.allocated_bytes - s.freed_bytes, s.live_bytes);
  TRI_CHECK(s.live_bytes + s.free_bytes <= s.limit_bytes);
}

// ------------------------------------------------------------------------------------------- random programs

static bool is_weak(int l) { return local[l].id != NONE && objects[local[l].id].weak; }

// Fill the locals from the roots, and go on from there along some slots.
static void reload_locals(struct tri_mutator *m, const tri_ref *root) {
  for (int l = 0; l < LOCALS; l++) {
    size_t r = below(ROOTS);
    set_local(l, root[r], roots[r]);
    for (size_t hops = below(6); hops && local[l].id != NONE && objects[local[l].id].n_slots; hops--) {
      size_t i = below((uint64_t)objects[local[l].id].n_slots);
      tri_ref to = tri_load(m, local[l].ref, i);
      int id = objects[local[l].id].slot[i];
      TRI_CHECK_EQ(id_of(m, to), id);
      if (id != NONE) set_local(l, to, id);
    }
  }
}

static void allocate(struct tri_mutator *m, tri_ref *root) {
  bool weak = below(7) == 0;
  size_t n = weak ? 0 : below(SLOTS + 1), extra = below(60) ? 0 : below(20000);
  tri_ref ref = weak ? tri_weak_new(m) : tri_alloc(m, TRI_SHAPE(n, 8 + extra));
  locals_die();
  if (tri_is_null(ref)) {
    TRI_CHECK_EQ(m->status, TRI_ENOMEM);
    return;
  }
  int id = n_objects++;
  struct object *o = &objects[id];
  *o = (struct object){.exists = true, .weak = weak, .n_slots = (int)n, .target = NONE};
  for (int i = 0; i < SLOTS; i++) o->slot[i] = NONE;
  if (!weak) {
    for (size_t i = 0; i < n; i++) TRI_CHECK(tri_is_null(tri_load(m, ref, i)));
    *(uint64_t *)tri_raw(m, ref) = (uint64_t)id;
  }
  reload_locals(m, root);
  for (size_t i = 0; i < n; i++) {
    int l = (int)below(LOCALS);
    if (is_weak(l) || below(2)) continue;
    tri_init(m, ref, i, local[l].ref);
    o->slot[i] = local[l].id;
  }
  set_local(0, ref, id);
  if (weak || below(3) == 0) { // a weak reference is kept in a root: it has no payload to know it by
    size_t r = below(ROOTS);
    tri_root_set(m, &root[r], ref);
    roots[r] = id;
  }
}

// A local that is a node with slots, and a slot of it.
static bool pick_slot(int *l, size_t *i) {
  *l = (int)below(LOCALS);
  if (local[*l].id == NONE || !objects[local[*l].id].n_slots) return false;
  *i = below((uint64_t)objects[local[*l].id].n_slots);
  return true;
}

static void step(struct tri_mutator *m, tri_ref *root) {
  int l, k = (int)below(LOCALS), to = (int)below(LOCALS);
  size_t i, r = below(ROOTS);
  struct object *o;
  switch (below(16)) {
  case 0:
  case 1:
  case 2:
    allocate(m, root);
    return;
  case 3:
    reload_locals(m, root);
    if (below(3)) return;
    tri_root_set(m, &root[r], TRI_NULL);
    roots[r] = NONE;
    return;
  case 4:
    tri_root_set(m, &root[r], local[k].ref);
    roots[r] = local[k].id;
    return;
  case 5:
  case 6:
    set_local(k, root[r], roots[r]);
    return;
  case 7:
  case 8: // load
    if (!pick_slot(&l, &i)) return;
    o = &objects[local[l].id];
    set_local(to, tri_load(m, local[l].ref, i), o->slot[i]);
    TRI_CHECK_EQ(id_of(m, local[to].ref), local[to].id);
    return;
  case 9:
  case 10: // store; swap, so that the old value stays in a local
    if (!pick_slot(&l, &i) || is_weak(k)) return;
    o = &objects[local[l].id];
    if (below(2)) {
      tri_store(m, local[l].ref, i, local[k].ref);
      o->slot[i] = local[k].id;
    } else {
      int old = o->slot[i];
      tri_ref ref = tri_swap(m, local[l].ref, i, local[k].ref);
      o->slot[i] = local[k].id;
      set_local(to, ref, old);
      TRI_CHECK_EQ(id_of(m, ref), old);
    }
    return;
  case 11: // cas, fill, copy
    if (!pick_slot(&l, &i) || is_weak(k) || is_weak(to)) return;
    o = &objects[local[l].id];
    if (below(3) == 0) {
      bool equal = o->slot[i] == local[to].id;
      TRI_CHECK_EQ(tri_cas(m, local[l].ref, i, local[to].ref, local[k].ref), equal);
      if (equal) o->slot[i] = local[k].id;
    } else if (below(2)) {
      size_t n = below((uint64_t)o->n_slots - i + 1);
      tri_fill(m, local[l].ref, i, n, local[k].ref);
      for (size_t j = 0; j < n; j++) o->slot[i + j] = local[k].id;
    } else {
      size_t from = below((uint64_t)o->n_slots);
      size_t n = below((uint64_t)o->n_slots - (from > i ? from : i) + 1);
      tri_copy(m, local[l].ref, i, local[l].ref, from, n);
      memmove(&o->slot[i], &o->slot[from], n * sizeof o->slot[0]);
    }
    return;
  case 12: // weak references
    for (int n = 0; n < LOCALS && !is_weak(k); n++) k = (k + 1) % LOCALS;
    if (!is_weak(k)) return;
    o = &objects[local[k].id];
    if (below(2) && !is_weak(to)) {
      tri_weak_set(m, local[k].ref, local[to].ref);
      o->target = local[to].id;
    } else {
      tri_ref target = tri_weak_get(m, local[k].ref);
      if (tri_is_null(target)) {
        expect_reachable();
        TRI_CHECK(o->target == NONE || !objects[o->target].alive || objects[o->target].finalizable);
        o->target = NONE;
      } else {
        TRI_CHECK_EQ(id_of(m, target), o->target);
        set_local(to, target, o->target);
      }
    }
    return;
  case 13:
    if (local[k].id == NONE || is_weak(k) || below(3)) return;
    if (tri_finalizer_add(m, local[k].ref, (uint64_t)local[k].id + 7) == TRI_OK) {
      objects[local[k].id].registered++;
      objects[local[k].id].finalizable = true;
    }
    return;
  case 14:
    tri_safepoint(m);
    locals_die();
    reload_locals(m, root);
    return;
  case 15:
    if (below(8)) return;
    tri_os_fail_every(0);
    TRI_CHECK_EQ(tri_collect(m, (enum tri_collect_kind)below(3)), TRI_OK);
    locals_die();
    compare(m);
    reload_locals(m, root);
    return;
  }
}

static void run(const struct tri_collector *collector, const char *options, uint64_t inject) {
  struct tri_heap *heap;
  struct tri_mutator *m;
  char error[200];
  struct tri_heap_params params = {
      .options = options, .error = error, .error_bytes = sizeof error, .sink = {sink, NULL}};
  TRI_CHECK_EQ(tri_heap_create(collector, &params, &heap), TRI_OK);
  TRI_CHECK_EQ(tri_attach(heap, &m), TRI_OK);
  TRI_FRAME(m, f, ROOTS);
  n_objects = 0;
  for (int i = 0; i < ROOTS; i++) roots[i] = NONE;
  locals_die();
  for (int i = 0; i < STEPS; i++) {
    tri_os_fail_every(inject && below(4) == 0 ? 1 + below(inject) : 0);
    step(m, f.slot);
    tri_os_fail_every(0);
    if (below(16) == 0) tri_verify(heap, &reporter);
  }
  for (int i = 0; i < ROOTS; i++) {
    tri_root_set(m, &f.slot[i], TRI_NULL);
    roots[i] = NONE;
  }
  for (int i = 0; i < STEPS; i++) { // finalizers are handed out, one layer after the other
    TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
    locals_die();
    compare(m);
    if (!n_queued) break;
  }
  if (tri_has(heap, TRI_CAP_EXACT) && tri_has(heap, TRI_CAP_CYCLES)) {
    struct tri_stats s;
    tri_stats_get(heap, &s, sizeof s);
    TRI_CHECK_EQ(s.live_objects, 0);
  }
  TRI_FRAME_POP(m, f);
  tri_detach(m);
  tri_heap_destroy(heap);
  TRI_CHECK_EQ(tri_os_usage().metadata_blocks, 0);
}

int main(int argc, char **argv) {
  static const struct {
    const char *collector, *options;
    uint64_t inject;
  } rows[] = {
      {"refcount", "heap=1m", 0},
      {"refcount", "heap=64k,roots=1", 0},
      {"refcount", "heap=256k,roots=3,mark_stack=0", 0},
      {"refcount", "heap=256k,roots=5,mark_stack=2", 0},
      {"refcount", "heap=256k,roots=2", 2},
      {"refcount", "heap=256k,cycles=off", 0},
      {"refcount", "heap=256k,count_bits=2,roots=2", 0},
      {"refcount", "heap=256k,count_bits=3,cycles=off", 3},
      {"zerocount", "heap=64k", 0},
      {"zerocount", "heap=256k", 2},
      {"zerocount", "heap=256k,count_bits=2", 0},
  };
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1,
           rounds = argc > 2 ? strtoull(argv[2], NULL, 0) : 12;
  printf("seed %llu, %llu rounds\n", (unsigned long long)seed, (unsigned long long)rounds);
  tri_poison_set_filling(true);
  tri_os_recycle(true);
  for (uint64_t round = 0; round < rounds; round++)
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
      random_state.state = (seed + round) << 8 | i;
      run(tri_collector_find(rows[i].collector), rows[i].options, rows[i].inject);
    }
  tri_os_recycle(false);
  return 0;
}
