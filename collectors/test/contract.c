// What every collector owes, whatever it claims: one check per topic.
#include "conform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Small enough for the smallest heap, of all kinds of sizes.
static const struct tri_shape shapes[] = {TRI_SHAPE(0, 0),   TRI_SHAPE(0, 1),    TRI_SHAPE(1, 0),
                                          TRI_SHAPE(2, 8),   TRI_SHAPE(0, 40),   TRI_SHAPE(17, 3),
                                          TRI_SHAPE(64, 0),  TRI_SHAPE(0, 513),  TRI_SHAPE(3, 999),
                                          TRI_SHAPE(300, 1), TRI_SHAPE(0, 5000), TRI_SHAPE(0, 20000)};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static bool is_zero(struct tri_mutator *m, tri_ref object, struct tri_shape shape) {
  for (size_t i = 0; i < tri_shape_refs(shape); i++)
    if (!tri_is_null(tri_load(m, object, i))) return false;
  const unsigned char *payload = tri_raw(m, object);
  for (size_t i = 0; i < tri_shape_bytes(shape); i++)
    if (payload[i]) return false;
  return true;
}

// Fresh objects are zeroed, also in memory that was full of other things before; shapes and payloads are as
// asked.
static bool check_fresh(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  TRI_FRAME(h.m, f, 2);
  size_t rounds = conform_has(c, TRI_CAP_RECLAIMS) ? 600 : 40;
  for (size_t i = 0; i < rounds; i++) {
    struct tri_shape shape = shapes[i % SHAPES];
    tri_root_set(h.m, &f.slot[0], tri_alloc(h.m, shape));
    CONFORM(c, !tri_is_null(f.slot[0]), "out of memory");
    CONFORM(c, f.slot[0].bits % 8 == 0, "slot 0 is not aligned");
    CONFORM(c, tri_shape_equal(tri_shape(h.m, f.slot[0]), shape),
            "an object of another shape than asked for");
    CONFORM(c, is_zero(h.m, f.slot[0], shape), "a fresh object is not zeroed in round %zu", i);
    CONFORM(c,
            (char *)tri_raw(h.m, f.slot[0]) == (char *)f.slot[0].bits + 8 * tri_shape_refs(shape) &&
                tri_raw(h.m, f.slot[0]) == tri_raw_after(h.m, f.slot[0], tri_shape_refs(shape)),
            "the payload does not follow the slots");
    memset(tri_raw(h.m, f.slot[0]), 0xee, tri_shape_bytes(shape));
    tri_fill(h.m, f.slot[0], 0, tri_shape_refs(shape), f.slot[0]);
    if (i % 7 == 0) tri_root_set(h.m, &f.slot[1], f.slot[0]);
    tri_safepoint(h.m);
  }
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  return true;
}

struct told {
  uint64_t out_of_memory, bytes;
};

static void tell(void *context, struct tri_heap *heap, const struct tri_event *event) {
  struct told *told = context;
  (void)heap;
  if (event->kind != TRI_EVENT_OUT_OF_MEMORY) return;
  told->out_of_memory++;
  told->bytes = event->a;
}

// The identities that the statistics keep at any time.
static bool accounts(struct conform *c, struct tri_heap *heap, const char *when) {
  struct tri_stats s = conform_stats(heap);
  typedef unsigned long long ull;
  CONFORM(c, s.live_bytes + s.free_bytes + s.metadata_bytes + s.released_bytes == s.mapped_bytes,
          "%s: live %llu + free %llu + metadata %llu + released %llu != mapped %llu", when, (ull)s.live_bytes,
          (ull)s.free_bytes, (ull)s.metadata_bytes, (ull)s.released_bytes, (ull)s.mapped_bytes);
  CONFORM(c, s.allocated_objects - s.freed_objects == s.live_objects,
          "%s: allocated %llu - freed %llu != live %llu", when, (ull)s.allocated_objects,
          (ull)s.freed_objects, (ull)s.live_objects);
  CONFORM(c, s.allocated_bytes - s.freed_bytes == s.live_bytes,
          "%s: allocated %llu - freed %llu != live %llu bytes", when, (ull)s.allocated_bytes,
          (ull)s.freed_bytes, (ull)s.live_bytes);
  CONFORM(c, s.limit_bytes <= conform_heap_bytes(c) && s.limit_bytes > 0, "%s: limit %llu", when,
          (ull)s.limit_bytes);
  CONFORM(c, s.live_bytes + s.free_bytes <= s.limit_bytes, "%s: live %llu + free %llu > limit %llu", when,
          (ull)s.live_bytes, (ull)s.free_bytes, (ull)s.limit_bytes);
  CONFORM(c, s.peak_bytes <= s.limit_bytes && s.peak_bytes >= s.live_bytes,
          "%s: peak %llu, live %llu, limit %llu", when, (ull)s.peak_bytes, (ull)s.live_bytes,
          (ull)s.limit_bytes);
  CONFORM(c, s.full_collections <= s.collections && s.collections == heap->epoch,
          "%s: %llu collections, %llu full", when, (ull)s.collections, (ull)s.full_collections);
  CONFORM(c, s.pause_max_ns <= s.pause_total_ns && (s.pauses > 0) == (s.pause_total_ns > 0), "%s: pauses",
          when);
  return true;
}

// Out of memory is a value, again and again; what was reachable is intact and the heap goes on.
static bool check_out_of_memory(struct conform *c) {
  struct conform_heap h;
  struct told told = {0};
  struct tri_event_sink sink = {tell, &told};
  if (!conform_open_with(c, &h, &sink)) return false;
  TRI_FRAME(h.m, f, 2);
  for (int round = 0; round < 3; round++) {
    size_t cells = 0;
    tri_root_set(h.m, &f.slot[0], TRI_NULL);
    for (;; cells++) {
      tri_ref cell = tri_alloc(h.m, CONFORM_CELL);
      if (tri_is_null(cell)) break;
      CONFORM(c, cells * tri_shape_extent(CONFORM_CELL) <= conform_heap_bytes(c), "the limit is exceeded");
      tri_init(h.m, cell, 0, f.slot[0]);
      *(uint64_t *)tri_raw(h.m, cell) = cells;
      tri_root_set(h.m, &f.slot[0], cell);
    }
    CONFORM(c, h.m->status == TRI_ENOMEM, "status is '%s'", tri_status_name(h.m->status));
    CONFORM(c, told.out_of_memory > 0 && told.bytes == tri_shape_extent(CONFORM_CELL), "no event says so");
    if (!accounts(c, h.heap, "when full")) return false;
    CONFORM(c, round == 0 || cells > 0 || !conform_has(c, TRI_CAP_RECLAIMS),
            "the heap is not usable afterwards");
    for (int i = 0; i < 5; i++)
      CONFORM(c, tri_is_null(tri_alloc(h.m, TRI_SHAPE(0, conform_heap_bytes(c)))),
              "an object as large as the limit");
    size_t n = 0;
    for (tri_ref at = f.slot[0]; !tri_is_null(at); at = tri_load(h.m, at, 0), n++)
      CONFORM(c, *(uint64_t *)tri_raw(h.m, at) == cells - 1 - n, "cell %zu is damaged", n);
    CONFORM(c, n == cells, "%zu of %zu cells are left", n, cells);
    tri_root_set(h.m, &f.slot[1], f.slot[0]);
    for (size_t i = 0; i + 1 < cells / 2; i++) tri_root_set(h.m, &f.slot[1], tri_load(h.m, f.slot[1], 0));
    if (n) tri_store(h.m, f.slot[1], 0, TRI_NULL); // half of them
    if (conform_has(c, TRI_CAP_RECLAIMS))
      CONFORM(c, !tri_is_null(tri_alloc(h.m, CONFORM_CELL)), "no memory though half of the heap is garbage");
    tri_root_set(h.m, &f.slot[1], TRI_NULL);
  }
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  return true;
}

static bool check_statistics(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h) || !accounts(c, h.heap, "empty")) return false;
  TRI_FRAME(h.m, f, SHAPES);
  for (size_t i = 0; i < 200; i++) {
    tri_root_set(h.m, &f.slot[i % SHAPES], tri_alloc(h.m, shapes[i % SHAPES]));
    if (i % 16 == 0 && !accounts(c, h.heap, "allocating")) return false;
  }
  for (size_t i = 0; i < SHAPES; i++) CONFORM(c, !tri_is_null(f.slot[i]), "out of memory");
  tri_collect(h.m, TRI_COLLECT_MINOR);
  if (!accounts(c, h.heap, "after a minor collection")) return false;
  tri_collect(h.m, TRI_COLLECT_FULL);
  if (!accounts(c, h.heap, "after a full collection")) return false;
  if (conform_has(c, TRI_CAP_EXACT))
    CONFORM(c, conform_stats(h.heap).live_objects == SHAPES, "%llu objects are live, not %d",
            (unsigned long long)conform_stats(h.heap).live_objects, SHAPES);
  TRI_FRAME_POP(h.m, f);
  tri_collect(h.m, TRI_COLLECT_COMPACT);
  if (!accounts(c, h.heap, "after a compacting collection")) return false;

  // A caller with a shorter struct gets the fields that it has.
  struct tri_stats all, part;
  memset(&part, 0xab, sizeof part);
  size_t half = offsetof(struct tri_stats, peak_bytes);
  CONFORM(c, tri_stats_get(h.heap, &all, sizeof all) == sizeof all, "size");
  CONFORM(c, tri_stats_get(h.heap, &part, half) == half, "short size");
  CONFORM(c, memcmp(&part, &all, half) == 0, "a short struct gets other values");
  CONFORM(c, part.peak_bytes == UINT64_C(0xabababababababab), "a short struct is written beyond its end");
  CONFORM(c, tri_stats_get(h.heap, &all, sizeof all + 64) == sizeof all, "long size");
  CONFORM(c, tri_stats_get(h.heap, &all, 0) == 0, "no size");
  conform_close(&h);
  return true;
}

enum { SLOTS = 12 };

// Store value k (1 to SLOTS) of the pool in slot i; 0 is null.
static tri_ref pool(struct tri_mutator *m, tri_ref from, unsigned k) {
  return k ? tri_load(m, from, k - 1) : TRI_NULL;
}

// Does the object's row of slots equal the model's?
static bool is_row(struct tri_mutator *m, tri_ref object, tri_ref from, const unsigned *row) {
  for (size_t i = 0; i < SLOTS; i++)
    if (!tri_same(m, tri_load(m, object, i), pool(m, from, row[i]))) return false;
  return true;
}

// load, store, init, swap, cas, copy and fill against a model in plain arrays.
static bool check_access(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  TRI_FRAME(h.m, f, 3); // two rows and the pool that their values come from
  for (size_t i = 0; i < 3; i++) {
    tri_root_set(h.m, &f.slot[i], tri_alloc(h.m, TRI_SHAPE(SLOTS, 16)));
    CONFORM(c, !tri_is_null(f.slot[i]), "out of memory");
  }
  for (size_t i = 0; i < SLOTS; i++) {
    tri_ref value = tri_alloc(h.m, TRI_SHAPE(0, 8));
    CONFORM(c, !tri_is_null(value), "out of memory");
    tri_init(h.m, f.slot[2], i, value);
  }
  unsigned row[2][SLOTS] = {{0}};
  uint64_t random = 88172645463325252u;
  for (int step = 0; step < 4000; step++) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    unsigned a = random & 1, b = random >> 1 & 1, i = (random >> 8) % SLOTS, k = (random >> 16) % SLOTS;
    unsigned n = (random >> 24) % (SLOTS + 1), v = (random >> 32) % (SLOTS + 1),
             w = (random >> 40) % (SLOTS + 1);
    tri_ref value = pool(h.m, f.slot[2], v);
    if (n > SLOTS - (i > k ? i : k)) n = SLOTS - (i > k ? i : k);
    switch (random >> 48 & 7) {
    case 0:
      tri_store(h.m, f.slot[a], i, value);
      row[a][i] = v;
      break;
    case 1: {
      tri_ref old = tri_swap(h.m, f.slot[a], i, value);
      CONFORM(c, tri_same(h.m, old, pool(h.m, f.slot[2], row[a][i])),
              "swap returns another value than the old one");
      row[a][i] = v;
      break;
    }
    case 2:
    case 3: {
      unsigned expected = random >> 51 & 1 ? row[a][i] : w;
      bool done = tri_cas(h.m, f.slot[a], i, pool(h.m, f.slot[2], expected), value);
      CONFORM(c, done == (row[a][i] == expected), "cas says %d", done);
      if (done) row[a][i] = v;
      break;
    }
    case 4:
    case 5:
      tri_copy(h.m, f.slot[a], i, f.slot[b], k, n);
      memmove(&row[a][i], &row[b][k], n * sizeof(unsigned));
      break;
    case 6:
      tri_fill(h.m, f.slot[a], i, n, value);
      for (unsigned j = 0; j < n; j++) row[a][i + j] = v;
      break;
    case 7:
      if (random >> 51 & 1)
        tri_safepoint(h.m);
      else if (step % 8 == 0)
        tri_collect(h.m, TRI_COLLECT_COMPACT);
      break;
    }
    CONFORM(c, is_row(h.m, f.slot[0], f.slot[2], row[0]) && is_row(h.m, f.slot[1], f.slot[2], row[1]),
            "slots differ from the model after step %d (operation %d)", step, (int)(random >> 48 & 7));
  }
  tri_copy(h.m, f.slot[0], 0, f.slot[1], 0, 0); // nothing at all is legal too
  tri_fill(h.m, f.slot[0], SLOTS, 0, TRI_NULL);
  CONFORM(c,
          tri_same(h.m, TRI_NULL, TRI_NULL) && !tri_same(h.m, f.slot[0], TRI_NULL) &&
              !tri_same(h.m, f.slot[0], f.slot[1]) && tri_same(h.m, f.slot[0], f.slot[0]),
          "tri_same");
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  return true;
}

struct order {
  struct conform *c;
  bool requested, stopped, collecting, ok;
  uint64_t last_ns, ends, pauses;
};

static bool order_of(struct order *o, struct tri_heap *heap, const struct tri_event *event) {
  struct conform *c = o->c;
  const char *name = tri_event_name(event->kind);
  CONFORM(c, event->t_ns >= o->last_ns, "%s: time goes backwards", name);
  o->last_ns = event->t_ns;
  switch (event->kind) {
  case TRI_EVENT_STOP_REQUEST:
    CONFORM(c, !o->requested, "%s twice", name);
    o->requested = true;
    break;
  case TRI_EVENT_STOPPED:
    CONFORM(c, o->requested && !o->stopped, "%s without a request", name);
    o->stopped = true;
    break;
  case TRI_EVENT_RESUME:
    CONFORM(c, o->stopped, "%s while the world runs", name);
    o->requested = o->stopped = false;
    o->pauses++;
    break;
  case TRI_EVENT_COLLECTION_BEGIN:
    CONFORM(c, o->stopped && !o->collecting,
            "%s in the midst of another collection, or with the world running", name);
    CONFORM(c, event->a <= TRI_COLLECT_COMPACT, "%s: kind %llu", name, (unsigned long long)event->a);
    o->collecting = true;
    break;
  case TRI_EVENT_COLLECTION_END:
    CONFORM(c, o->stopped && o->collecting, "%s without a beginning, or with the world running", name);
    CONFORM(c, event->b <= 1, "%s: b = %llu", name, (unsigned long long)event->b);
    CONFORM(c, heap->epoch == ++o->ends, "%s: the epoch is %llu after %llu collections", name,
            (unsigned long long)heap->epoch, (unsigned long long)o->ends);
    o->collecting = false;
    break;
  case TRI_EVENT_ROOTS:
  case TRI_EVENT_MARK:
  case TRI_EVENT_MARK_STEP:
  case TRI_EVENT_RESCAN:
  case TRI_EVENT_WEAK:
  case TRI_EVENT_SWEEP:
    CONFORM(c, o->collecting, "%s outside a collection", name);
    break;
  case TRI_EVENT_OUT_OF_MEMORY:
    break;
  case TRI_EVENT_KINDS:
    CONFORM(c, false, "an event of no kind");
  }
  return true;
}

static void observe(void *context, struct tri_heap *heap, const struct tri_event *event) {
  struct order *o = context;
  o->ok = o->ok && order_of(o, heap, event);
}

// Events come in order, and are as many as the statistics say.
static bool check_events(struct conform *c) {
  struct conform_heap h;
  struct order o = {.c = c, .ok = true};
  struct tri_event_sink sink = {observe, &o};
  if (!conform_open_with(c, &h, &sink)) return false;
  TRI_FRAME(h.m, f, 1);
  size_t allocations = conform_has(c, TRI_CAP_RECLAIMS) ? 400000 : 1000;
  for (size_t i = 0; o.ok && i < allocations; i++) {
    tri_root_set(h.m, &f.slot[0], tri_alloc(h.m, CONFORM_CELL));
    if (i % 1000 == 0) tri_safepoint(h.m);
    if (i % 100000 == 0) tri_collect(h.m, (enum tri_collect_kind)(i / 100000 % 3));
  }
  tri_collect_step(h.m, SIZE_MAX);
  if (!o.ok) return false;
  struct tri_stats s = conform_stats(h.heap);
  CONFORM(c, !o.requested && !o.collecting, "a collection has not ended");
  CONFORM(c, s.collections == o.ends && s.pauses == o.pauses,
          "%llu collections and %llu pauses, %llu and %llu seen", (unsigned long long)s.collections,
          (unsigned long long)s.pauses, (unsigned long long)o.ends, (unsigned long long)o.pauses);
  if (conform_has(c, TRI_CAP_RECLAIMS)) CONFORM(c, o.ends > 0, "no collection was seen");
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  return true;
}

struct inspector {
  struct conform *c;
  struct tri_heap *heap;
  size_t objects;
  bool ok;
};

static bool inspect_one(void *context, const struct tri_object_info *info) {
  struct inspector *i = context;
  struct tri_object_info again = {0};
  i->objects++;
  i->ok = tri_inspect(i->heap, info->ref, &again) == TRI_OK && again.ref.bits == info->ref.bits &&
          tri_shape_equal(again.shape, info->shape) && again.start == info->start &&
          again.bytes == info->bytes;
  return i->ok;
}

static void print_finding(void *context, const char *text) {
  struct conform *c = context;
  snprintf(c->why, sizeof c->why, "verify: %s", text);
}

// walk, inspect and verify agree; inspect says no to what is no object.
static bool count_grey(void *n, tri_ref object) {
  (void)object;
  ++*(size_t *)n;
  return true;
}
static bool count_remembered(void *n, const struct tri_remembered *entry) {
  (void)entry;
  ++*(size_t *)n;
  return true;
}
static bool count_block(void *n, const struct tri_block_info *info) {
  *(size_t *)n += info->use != TRI_USE_FREE && info->use != TRI_USE_RELEASED;
  return true;
}

struct classes {
  size_t cell_bytes, sound, n;
};

static bool judge_class(void *context, const struct tri_size_class *row) {
  struct classes *classes = context;
  classes->n++;
  classes->sound += row->objects && row->cell_bytes >= classes->cell_bytes && row->least_bytes <= row->cell_bytes &&
                    row->cells && row->cells * row->cell_bytes <= row->block_bytes;
  classes->cell_bytes = row->cell_bytes;
  return true;
}

// What it tells of itself, with small objects in the heap and no collection under way; and nothing else.
static bool check_told(struct conform *c, struct tri_heap *heap, tri_ref object) {
  struct tri_marking marking;
  struct tri_object_info info;
  size_t grey = 0, remembered = 0, blocks = 0;
  bool tells = heap->tells & TRI_TELLS_MARKING;
  enum tri_status status = tri_marking(heap, &marking);
  CONFORM(c, status == (tells ? TRI_OK : TRI_ENOTSUP), "tri_marking returns '%s'", tri_status_name(status));
  CONFORM(c, !marking.active && marking.born == TRI_COLOUR_NONE, "marking goes on, without a collection");
  CONFORM(c, tri_each_grey(heap, count_grey, &grey) && !grey, "%zu objects are grey without a collection", grey);
  CONFORM(c, tri_inspect(heap, object, &info) == TRI_OK && info.colour == TRI_COLOUR_NONE,
          "an object has a colour without a collection");
  if (!(heap->tells & TRI_TELLS_GENERATION))
    CONFORM(c, !info.generation && !info.age, "an object has an age, which is not told of");
  CONFORM(c, tri_each_remembered(heap, count_remembered, &remembered), "each_remembered ended early");
  CONFORM(c, heap->tells & TRI_TELLS_REMEMBERED || !remembered, "%zu entries that are not told of", remembered);
  CONFORM(c, tri_each_block(heap, count_block, &blocks), "each_block ended early");
  struct classes classes = {0};
  CONFORM(c, tri_each_size_class(heap, judge_class, &classes), "each_size_class ended early");
  CONFORM(c, classes.sound == classes.n, "%zu of %zu size classes", classes.n - classes.sound, classes.n);
  CONFORM(c, (blocks != 0) == !!(heap->tells & TRI_TELLS_BLOCKS), "%zu blocks are in use", blocks);
  return true;
}

static bool check_introspection(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  struct tri_reporter reporter = {print_finding, c};
  if (tri_verify(h.heap, &reporter) != 0) return false;
  TRI_FRAME(h.m, f, SHAPES);
  for (size_t i = 0; i < 3 * SHAPES; i++) {
    tri_root_set(h.m, &f.slot[i % SHAPES], tri_alloc(h.m, shapes[i % SHAPES]));
    CONFORM(c, !tri_is_null(f.slot[i % SHAPES]), "out of memory");
    if (i % SHAPES > 1 && tri_shape_refs(shapes[i % SHAPES]))
      tri_store(h.m, f.slot[i % SHAPES], 0, f.slot[0]);
  }
  for (int round = 0; round < 2; round++) {
    if (tri_verify(h.heap, &reporter) != 0) return false;
    struct inspector inspector = {.c = c, .heap = h.heap, .ok = true};
    if (conform_has(c, TRI_CAP_WALK)) {
      tri_walk(h.heap, inspect_one, &inspector);
      CONFORM(c, inspector.ok, "inspect disagrees with walk on object %zu", inspector.objects);
      CONFORM(c, inspector.objects >= SHAPES, "a walk visits %zu objects", inspector.objects);
    }
    for (size_t i = 0; i < SHAPES; i++) {
      struct tri_object_info info;
      CONFORM(c, tri_inspect(h.heap, f.slot[i], &info) == TRI_OK, "inspect does not know a reachable object");
      CONFORM(c, tri_shape_equal(info.shape, shapes[i]), "inspect shows another shape");
    }
    if (!check_told(c, h.heap, f.slot[0])) return false;
    tri_collect(h.m, TRI_COLLECT_FULL);
  }
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  return true;
}

static bool check_handles(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  enum { HANDLES = 300 };
  struct tri_handle *handles[HANDLES];
  for (size_t i = 0; i < HANDLES; i++) {
    tri_ref cell = tri_alloc(h.m, CONFORM_CELL);
    CONFORM(c, !tri_is_null(cell), "out of memory");
    *(uint64_t *)tri_raw(h.m, cell) = i;
    handles[i] = tri_handle_new(h.m, i % 3 ? cell : TRI_NULL);
    CONFORM(c, handles[i], "out of memory");
    if (i % 3 == 0) tri_handle_set(h.m, handles[i], cell);
  }
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < HANDLES; i++)
      CONFORM(c, *(uint64_t *)tri_raw(h.m, tri_handle_get(h.m, handles[i])) == i, "handle %zu in round %d", i,
              round);
    tri_collect(h.m, TRI_COLLECT_COMPACT);
  }
  for (size_t i = 0; i < HANDLES; i += 2) tri_handle_free(h.m, handles[i]); // in no special order
  for (size_t i = 1; i < HANDLES; i += 2)
    tri_handle_set(h.m, handles[i], tri_handle_get(h.m, handles[HANDLES - 1]));
  uint64_t live = conform_live(h.m);
  if (conform_has(c, TRI_CAP_EXACT))
    CONFORM(c, live == 1, "%llu objects are live, not 1", (unsigned long long)live);
  for (size_t i = 1; i < HANDLES; i += 2) {
    CONFORM(c, *(uint64_t *)tri_raw(h.m, tri_handle_get(h.m, handles[i])) == HANDLES - 1, "handle %zu", i);
    tri_handle_free(h.m, handles[i]);
  }
  live = conform_live(h.m);
  if (conform_has(c, TRI_CAP_EXACT))
    CONFORM(c, live == 0, "%llu objects outlive their handles", (unsigned long long)live);
  conform_close(&h);
  return true;
}

// Each level keeps a list of its own while deeper ones allocate.
static bool nest(struct conform *c, struct tri_mutator *m, unsigned depth) {
  TRI_FRAME(m, f, 1);
  TRI_FRAME(m, none, 3);
  CONFORM(c, tri_is_null(none.slot[0]) && tri_is_null(none.slot[2]), "the slots of a new frame are not null");
  CONFORM(c, conform_list(m, &f.slot[0], depth % 7, depth), "out of memory");
  if (depth % 16 == 0) tri_collect(m, TRI_COLLECT_FULL);
  if (depth && !nest(c, m, depth - 1)) return false;
  CONFORM(c, conform_is_list(m, f.slot[0], depth % 7, depth), "the list of level %u is damaged", depth);
  TRI_FRAME_POP(m, none);
  TRI_FRAME_POP(m, f);
  return true;
}

static bool check_frames(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h) || !nest(c, h.m, 200)) return false;
  uint64_t live = conform_live(h.m);
  if (conform_has(c, TRI_CAP_EXACT))
    CONFORM(c, live == 0, "%llu objects outlive their frames", (unsigned long long)live);
  conform_close(&h);
  return true;
}

// Frames stay roots over park and unpark; a mutator can come and go; the next heap starts clean.
static bool check_coming_and_going(struct conform *c) {
  for (int round = 0; round < 20; round++) {
    struct conform_heap h;
    if (!conform_open(c, &h)) return false;
    uint64_t live = conform_stats(h.heap).live_objects;
    CONFORM(c, live == 0, "heap %d begins with %llu objects", round, (unsigned long long)live);
    TRI_FRAME(h.m, f, 1);
    CONFORM(c, conform_list(h.m, &f.slot[0], 100, 3), "out of memory");
    tri_park(h.m);
    tri_unpark(h.m);
    tri_collect(h.m, TRI_COLLECT_FULL);
    CONFORM(c, conform_is_list(h.m, f.slot[0], 100, 3), "a list is damaged over park and unpark");
    struct tri_handle *handle = tri_handle_new(h.m, f.slot[0]);
    CONFORM(c, handle, "out of memory");
    TRI_FRAME_POP(h.m, f);
    for (int i = 0; i < 3; i++) { // a handle needs no mutator to stay
      CONFORM(c, h.m->id == 0, "the only mutator has number %u", h.m->id);
      tri_detach(h.m);
      CONFORM(c, tri_attach(h.heap, &h.m) == TRI_OK, "a mutator cannot attach again");
      CONFORM(c, conform_is_list(h.m, tri_handle_get(h.m, handle), 100, 3),
              "a list is damaged over detach and attach");
    }
    tri_handle_free(h.m, handle);
    conform_close(&h);
  }
  return true;
}

const struct conform_row conform_contract[] = {
    {"fresh", 0, check_fresh},
    {"out-of-memory", 0, check_out_of_memory},
    {"statistics", 0, check_statistics},
    {"access", 0, check_access},
    {"events", 0, check_events},
    {"introspection", 0, check_introspection},
    {"handles", 0, check_handles},
    {"frames", 0, check_frames},
    {"coming-and-going", 0, check_coming_and_going},
    {0},
};
