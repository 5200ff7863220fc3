// Weak references, ephemerons and finalizers against a model, on a fake heap that marks or moves.
//   test.common.weak [seed]
#include "common/weak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/finalizer.h"
#include "common/os.h"

// ---------------------------------------------------------------------------------------------- fake heap
//
// Object i stands in cell i of a space; moved, in cell i of the other one. NOBODY is the null reference.

enum { CELL_WORDS = 5, MAX_SLOTS = CELL_WORDS - 1, NOBODY = -1 };

struct fake {
  int n;
  bool moving, deferring;
  uint64_t *from, *to; // cells; the same ones when not moving
  bool *marked;
  int *grey, n_grey;
  unsigned long live_calls;
  struct tri_weak_refs weak;
  struct tri_finalizers finalizers;
};

static tri_ref ref_in(uint64_t *space, int i) {
  return i == NOBODY ? TRI_NULL : (tri_ref){(uintptr_t)&space[i * CELL_WORDS + 1]};
}

static int id_in(const struct fake *h, uint64_t *space, tri_ref ref) {
  if (tri_is_null(ref)) return NOBODY;
  size_t word = (ref.bits - (uintptr_t)space) / sizeof *space;
  TRI_CHECK(word < (size_t)h->n * CELL_WORDS && word % CELL_WORDS == 1);
  return (int)(word / CELL_WORDS);
}

static bool fake_live(void *context, tri_ref *slot) {
  struct fake *h = context;
  h->live_calls++;
  int i = id_in(h, h->from, *slot);
  if (h->marked[i]) *slot = ref_in(h->to, i);
  return h->marked[i];
}

static void fake_trace(void *context, tri_ref *slot) {
  struct fake *h = context;
  int i = id_in(h, h->from, *slot);
  if (i == NOBODY) return;
  tri_ref old = *slot;
  *slot = ref_in(h->to, i);
  if (h->marked[i]) return;
  h->marked[i] = true;
  if (h->moving) {
    memcpy(tri_tag(*slot), tri_tag(old), CELL_WORDS * sizeof(uint64_t));
    *tri_tag(old) = slot->bits;
  }
  h->grey[h->n_grey++] = i;
  tri_weak_refs_reached(&h->weak, old);
}

static void fake_drain(void *context) {
  struct fake *h = context;
  while (h->n_grey) {
    tri_ref object = ref_in(h->to, h->grey[--h->n_grey]);
    struct tri_shape shape = tri_tag_shape(*tri_tag(object));
    if (tri_shape_kind(shape) != TRI_NODE)
      (h->deferring ? tri_weak_refs_defer : tri_weak_refs_discover)(&h->weak, object);
    for (size_t k = 0; k < tri_strong_refs(shape); k++) fake_trace(h, (tri_ref *)object.bits + k);
  }
}

static size_t fake_strong_refs(void *heap, tri_ref object) {
  (void)heap;
  return tri_strong_refs(tri_tag_shape(*tri_tag(object)));
}

static void fake_init(struct fake *h, int n, bool moving) {
  size_t cells = (size_t)n * CELL_WORDS * sizeof(uint64_t);
  *h = (struct fake){.n = n, .moving = moving};
  h->from = calloc(1, cells);
  h->to = moving ? calloc(1, cells) : h->from;
  h->marked = calloc((size_t)n, sizeof *h->marked);
  h->grey = calloc((size_t)n, sizeof *h->grey);
  TRI_CHECK(h->from && h->to && h->marked && h->grey);
  tri_weak_refs_init(&h->weak, &(struct tri_reach){fake_live, fake_trace, fake_drain, h});
  tri_finalizers_init(&h->finalizers);
}

static void fake_fini(struct fake *h) {
  tri_weak_refs_fini(&h->weak);
  tri_finalizers_fini(&h->finalizers);
  if (h->moving) free(h->to);
  free(h->from), free(h->marked), free(h->grey);
}

static tri_ref fake_object(struct fake *h, int i, struct tri_shape shape, uint64_t lent) {
  tri_ref object = ref_in(h->from, i);
  *tri_tag(object) = shape.tag | lent;
  return object;
}

static void fake_set(struct fake *h, int i, int slot, int target) {
  ((tri_ref *)ref_in(h->from, i).bits)[slot] = ref_in(h->from, target);
}

static int fake_get(struct fake *h, int i, int slot) {
  return id_in(h, h->to, ((tri_ref *)ref_in(h->to, i).bits)[slot]);
}

// ---------------------------------------------------------------------------------------------- the model

enum { MODEL_MAX = 48 };

struct model {
  int n, n_registered, n_queued, n_earlier;
  uint64_t lent[MODEL_MAX];
  struct tri_shape shape[MODEL_MAX];
  int slot[MODEL_MAX][MAX_SLOTS];
  bool root[MODEL_MAX];
  int registered[MODEL_MAX], queued[MODEL_MAX]; // queued: also from earlier
  bool kept[MODEL_MAX];                         // of the registrations
  bool reached[MODEL_MAX];
};

static bool model_reach(struct model *o, int i) {
  if (i == NOBODY || o->reached[i]) return false;
  return o->reached[i] = true;
}

// By the definition: until nothing changes.
static void model_close(struct model *o) {
  for (bool changed = true; changed;) {
    changed = false;
    for (int i = 0; i < o->n; i++) {
      if (!o->reached[i]) continue;
      size_t strong = tri_strong_refs(o->shape[i]);
      for (size_t k = 0; k < strong; k++) changed |= model_reach(o, o->slot[i][k]);
      if (tri_shape_kind(o->shape[i]) != TRI_EPHEMERON) continue;
      int key = o->slot[i][0];
      if (key != NOBODY && o->reached[key]) changed |= model_reach(o, o->slot[i][1]);
    }
  }
}

// Clear the weak objects that are reached. Returns how many of them had something to lose.
static unsigned long model_clear(struct model *o) {
  unsigned long cleared = 0;
  for (int i = 0; i < o->n; i++) {
    if (!o->reached[i] || tri_shape_kind(o->shape[i]) == TRI_NODE) continue;
    int key = o->slot[i][0];
    if (key != NOBODY && o->reached[key]) continue;
    cleared += key != NOBODY;
    o->slot[i][0] = NOBODY;
    if (tri_shape_kind(o->shape[i]) == TRI_EPHEMERON) o->slot[i][1] = NOBODY;
  }
  return cleared;
}

// What the queue and unreached registered objects lead to.
static void model_reach_waiting(struct model *o) {
  bool waits[MODEL_MAX] = {false};
  for (int i = 0; i < o->n_registered; i++) waits[o->registered[i]] = !o->reached[o->registered[i]];
  for (int i = 0; i < o->n_queued; i++) o->reached[o->queued[i]] = true;
  for (int i = 0; i < o->n; i++)
    for (size_t k = 0; waits[i] && k < tri_strong_refs(o->shape[i]); k++) model_reach(o, o->slot[i][k]);
  model_close(o);
}

static unsigned long model_collect(struct model *o, bool in_order) {
  for (int i = 0; i < o->n; i++)
    if (o->root[i]) o->reached[i] = true;
  model_close(o);
  unsigned long cleared = model_clear(o);
  if (in_order) model_reach_waiting(o);
  for (int i = 0; i < o->n_registered; i++)
    if (!(o->kept[i] = o->reached[o->registered[i]])) o->queued[o->n_queued++] = o->registered[i];
  for (int i = 0; i < o->n_queued; i++) o->reached[o->queued[i]] = true;
  model_close(o);
  return cleared + model_clear(o);
}

// ---------------------------------------------------------------------------------------------- tests

static uint64_t random_state;
static int below(int n) {
  random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
  return (int)(random_state % (unsigned)n);
}
static int anybody(const struct model *o) { return below(8) ? below(o->n) : NOBODY; }

static void make_random(struct model *o, struct fake *h) {
  o->n = 1 + below(MODEL_MAX);
  fake_init(h, o->n, below(2));
  int weak_in_8 = below(8);
  for (int i = 0; i < o->n; i++) {
    bool weak = below(8) < weak_in_8;
    o->shape[i] = !weak      ? TRI_SHAPE(below(MAX_SLOTS + 1), 0)
                  : below(3) ? TRI_EPHEMERON_SHAPE
                             : TRI_WEAK_SHAPE;
    o->lent[i] = (uint64_t)below(128) << 1;
    o->root[i] = below(8) == 0;
    fake_object(h, i, o->shape[i], o->lent[i]);
    for (size_t k = 0; k < tri_shape_refs(o->shape[i]); k++)
      fake_set(h, i, (int)k, o->slot[i][k] = anybody(o));
  }
  for (int earlier = below(3); earlier-- > 0;) {
    int i = o->queued[o->n_queued++] = below(o->n);
    TRI_CHECK_EQ(tri_finalizers_add(&h->finalizers, ref_in(h->from, i), (uint64_t)i), TRI_OK);
    TRI_CHECK_EQ(tri_finalizers_queue(&h->finalizers, ref_in(h->from, i)), 1);
  }
  o->n_earlier = o->n_queued;
  for (int registrations = below(6); registrations-- > 0;) {
    int i = o->registered[o->n_registered++] = below(o->n);
    TRI_CHECK_EQ(tri_finalizers_add(&h->finalizers, ref_in(h->from, i), (uint64_t)i), TRI_OK);
  }
}

static void test_random(bool without_memory) {
  struct model o = {0};
  struct fake h;
  make_random(&o, &h);
  bool in_order = below(2);
  if (in_order) h.finalizers.strong_refs = fake_strong_refs;
  if (without_memory) tri_os_fail_every(1);
  for (int i = 0; i < o.n; i++)
    if (o.root[i]) fake_trace(&h, &(tri_ref){ref_in(h.from, i).bits});
  h.deferring = below(2);
  fake_drain(&h);
  h.deferring = false;
  tri_weak_refs_process(&h.weak, &h.finalizers);
  tri_os_fail_every(0);

  unsigned long cleared = model_collect(&o, in_order);
  TRI_CHECK_EQ(h.weak.cleared, cleared);
  for (int i = 0; i < o.n; i++) {
    TRI_CHECK_EQ(h.marked[i], o.reached[i]);
    if (!o.reached[i]) continue;
    TRI_CHECK_EQ(*tri_tag(ref_in(h.to, i)), o.shape[i].tag | o.lent[i]);
    for (size_t k = 0; k < tri_shape_refs(o.shape[i]); k++)
      TRI_CHECK_EQ(fake_get(&h, i, (int)k), o.slot[i][k]);
  }
  for (int i = 0; i < o.n_queued; i++) {
    uint64_t cookie = 0;
    TRI_CHECK_EQ(id_in(&h, h.to, tri_finalizers_next(&h.finalizers, &cookie)), o.queued[i]);
    TRI_CHECK_EQ(cookie, (uint64_t)o.queued[i]);
  }
  TRI_CHECK(tri_is_null(tri_finalizers_next(&h.finalizers, NULL)));
  TRI_CHECK_EQ(h.finalizers.n_table, o.n_registered - (o.n_queued - o.n_earlier));
  for (int i = 0, k = 0; i < o.n_registered; i++)
    if (o.kept[i]) TRI_CHECK_EQ(id_in(&h, h.to, h.finalizers.table[k++].object), o.registered[i]);
  TRI_CHECK(!h.weak.fixpoint && h.weak.n_keyed == 0);
  fake_fini(&h);
}

// Ephemeron i holds key i + 1 by key i; only key 0 is reached otherwise. All ephemerons are discovered first,
// the last one before the first. Work must grow with n, not with its square.
static void test_chain(int n, bool without_memory) {
  struct fake h;
  fake_init(&h, 2 * n + 1, true);
  for (int i = 0; i <= n; i++) fake_object(&h, i, TRI_SHAPE(0, 8), 0);
  for (int i = 0; i < n; i++) {
    tri_ref ephemeron = fake_object(&h, n + 1 + i, TRI_EPHEMERON_SHAPE, 0);
    fake_set(&h, n + 1 + i, 0, i);
    fake_set(&h, n + 1 + i, 1, i + 1);
    fake_trace(&h, &ephemeron);
    fake_drain(&h);
  }
  if (without_memory) tri_os_fail_every(1);
  fake_trace(&h, &(tri_ref){ref_in(h.from, 0).bits});
  fake_drain(&h);
  tri_weak_refs_process(&h.weak, NULL);
  tri_os_fail_every(0);
  for (int i = 0; i < h.n; i++) TRI_CHECK(h.marked[i]);
  TRI_CHECK_EQ(h.weak.cleared, 0);
  TRI_CHECK_LE(h.live_calls, 4 * n);
  TRI_CHECK_EQ(tri_weak_refs_bytes(&h.weak) == 0, without_memory);
  fake_fini(&h);
}

// Many ephemerons of one key, which is reached last or never.
static void test_one_key(bool reached) {
  enum { N = 1000 };
  struct fake h;
  fake_init(&h, 2 * N + 1, true);
  fake_object(&h, 0, TRI_SHAPE(0, 0), 0);
  for (int i = 1; i <= N; i++) {
    tri_ref ephemeron = fake_object(&h, i, TRI_EPHEMERON_SHAPE, 0);
    fake_object(&h, N + i, TRI_SHAPE(0, 0), 0);
    fake_set(&h, i, 0, 0);
    fake_set(&h, i, 1, N + i);
    fake_trace(&h, &ephemeron);
  }
  fake_drain(&h);
  if (reached) fake_trace(&h, &(tri_ref){ref_in(h.from, 0).bits});
  tri_weak_refs_process(&h.weak, NULL);
  TRI_CHECK_EQ(h.weak.cleared, reached ? 0 : N);
  for (int i = 0; i < h.n; i++) TRI_CHECK_EQ(h.marked[i], reached || (i >= 1 && i <= N));
  fake_fini(&h);
}

int main(int argc, char **argv) {
  random_state = argc > 1 ? strtoull(argv[1], NULL, 0) : 20231;
  printf("seed %llu\n", (unsigned long long)random_state);
  random_state |= 1;
  for (int i = 0; i < 20000; i++) test_random(i % 2);
  test_chain(20000, false);
  test_chain(500, true);
  test_one_key(true);
  test_one_key(false);
  TRI_CHECK_EQ(tri_os_usage().metadata_blocks, 0);
  return 0;
}
