#include "check/scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/random.h"

void findings_add(void *context, struct tri_heap *heap, const struct tri_finding *finding) {
  (void)heap;
  struct findings *findings = context;
  if (findings->n >= sizeof findings->at / sizeof *findings->at) return;
  findings->at[findings->n].id = finding->row->id;
  snprintf(findings->at[findings->n++].text, sizeof findings->at->text,
           "%s (#%u %s, written by %" PRIu64 ", call %" PRIu64 ")", finding->text, finding->object,
           finding->path, finding->last_writer, finding->operation);
}

bool findings_have(const struct findings *findings, const char *id) {
  for (size_t i = 0; i < findings->n; i++)
    if (strcmp(findings->at[i].id, id) == 0) return true;
  return false;
}

void findings_print(const struct findings *findings, const char *collector) {
  for (size_t i = 0; i < findings->n; i++)
    printf("  %s: %s %s\n", collector, findings->at[i].id, findings->at[i].text);
}

void shadowed_open(struct shadowed *x, const struct tri_collector *collector, const char *heap_options,
                   struct findings *findings) {
  struct tri_heap_params params = {.options = heap_options};
  x->options.report = findings_add;
  x->options.context = findings;
  TRI_CHECK_EQ(tri_heap_create(tri_shadow_wrap(&x->record, collector, &x->options), &params, &x->heap),
               TRI_OK);
  TRI_CHECK_EQ(tri_attach(x->heap, &x->m), TRI_OK);
}

void shadowed_close(struct shadowed *x) {
  tri_detach(x->m);
  tri_heap_destroy(x->heap);
}

enum {
  REGISTERS = 12,
  PAIR,
  PAYLOAD,
  LIST,
  PINNED,
  WEAK_LIVE,
  WEAK_DEAD,
  EPHEMERON_LIVE,
  EPHEMERON_DEAD,
  ROOTS
};
#define NODE TRI_SHAPE(2, 16)

// What one turn needs: `slot` are the roots of one frame, the registers first.
struct turn {
  struct tri_heap *heap;
  struct tri_mutator *m;
  tri_ref *slot;
  struct tri_random random;
};

static bool stopped(struct turn *t) { return tri_shadow_findings(t->heap) != 0; }
static size_t any_register(struct turn *t) { return tri_random_below(&t->random, REGISTERS); }

// A new object in a root slot; its payload is never all zero.
static bool make(struct turn *t, size_t root, struct tri_shape shape) {
  tri_ref ref = tri_alloc(t->m, shape);
  tri_root_set(t->m, &t->slot[root], ref);
  if (tri_is_null(ref)) return false;
  if (tri_shape_kind(shape) == TRI_NODE && tri_shape_bytes(shape))
    memset(tri_raw(t->m, ref), 0x11 + (int)root, tri_shape_bytes(shape));
  return true;
}

static void drop(struct turn *t, size_t root) { tri_root_set(t->m, &t->slot[root], TRI_NULL); }
static void link_up(struct turn *t, size_t from, size_t i, size_t to) {
  tri_store(t->m, t->slot[from], i, t->slot[to]);
}

// The fixed part: one subject for each row.
static bool subjects(struct turn *t) {
  struct tri_mutator *m = t->m;
  if (!make(t, PAIR, NODE)) return false;
  for (size_t i = 0; i < 2; i++) {
    if (!make(t, 0, NODE)) return false;
    link_up(t, PAIR, i, 0);
    drop(t, 0);
  }
  if (!make(t, PAYLOAD, TRI_SHAPE(0, 100))) return false;
  drop(t, LIST);
  for (int i = 0; i < 20; i++) {
    tri_root_set(m, &t->slot[1], t->slot[LIST]);
    if (!make(t, LIST, TRI_SHAPE(1, 8))) return false;
    tri_init(m, t->slot[LIST], 0, t->slot[1]);
  }
  if (!make(t, PINNED, NODE)) return false;
  tri_pin(m, t->slot[PINNED]);
  (void)tri_same(m, t->slot[PAIR], t->slot[PAYLOAD]);
  (void)tri_same(m, t->slot[PAIR], t->slot[PAIR]);
  if (tri_has(t->heap, TRI_CAP_WEAK)) {
    if (!make(t, WEAK_LIVE, TRI_WEAK_SHAPE) || !make(t, WEAK_DEAD, TRI_WEAK_SHAPE) || !make(t, 0, NODE))
      return false;
    tri_weak_set(m, t->slot[WEAK_LIVE], t->slot[PAYLOAD]);
    tri_weak_set(m, t->slot[WEAK_DEAD], t->slot[0]);
  }
  if (tri_has(t->heap, TRI_CAP_EPHEMERON)) {
    if (!make(t, EPHEMERON_LIVE, TRI_EPHEMERON_SHAPE) || !make(t, EPHEMERON_DEAD, TRI_EPHEMERON_SHAPE))
      return false;
    if (!make(t, 1, NODE)) return false;
    tri_ephemeron_set(m, t->slot[EPHEMERON_LIVE], t->slot[PAYLOAD], t->slot[1]);
    if (!make(t, 1, NODE) || !make(t, 2, NODE)) return false;
    link_up(t, 2, 0, 1); // the value refers to its own key
    tri_ephemeron_set(m, t->slot[EPHEMERON_DEAD], t->slot[1], t->slot[2]);
  }
  if (tri_has(t->heap, TRI_CAP_FINALIZER)) {
    if (!make(t, 3, NODE) || !make(t, 4, NODE)) return false;
    link_up(t, 3, 1, 4);
    if (tri_finalizer_add(m, t->slot[3], 7) != TRI_OK) return false;
  }
  return true;
}

// A random mutator: shared structure, cycles, garbage of all kinds, large objects.
static bool mutate(struct turn *t, int steps) {
  struct tri_mutator *m = t->m;
  for (int step = 0; step < steps && !stopped(t); step++) {
    size_t a = any_register(t), b = any_register(t), i = tri_random_below(&t->random, 2);
    bool node = !tri_is_null(t->slot[a]) && tri_shape_equal(tri_shape(m, t->slot[a]), NODE);
    switch (tri_random_below(&t->random, 16)) {
    case 0:
      tri_safepoint(m);
      break;
    case 1:
      drop(t, a);
      break;
    case 2:
      tri_root_set(m, &t->slot[a], t->slot[b]);
      break;
    case 3:
      if (!make(t, a, TRI_SHAPE(3, tri_random_below(&t->random, 20000)))) return false;
      tri_fill(m, t->slot[a], 0, 3, t->slot[b]);
      break;
    case 4:
      if (node) tri_root_set(m, &t->slot[b], tri_load(m, t->slot[a], i));
      break;
    case 5:
      if (node) tri_root_set(m, &t->slot[b], tri_swap(m, t->slot[a], i, t->slot[b]));
      break;
    case 6:
      if (node) tri_cas(m, t->slot[a], i, t->slot[b], TRI_NULL);
      break;
    case 7:
      if (node) tri_copy(m, t->slot[a], 1 - i, t->slot[a], i, 1);
      break;
    case 8:
      if (node && tri_has(t->heap, TRI_CAP_WEAK)) {
        if (!make(t, b, TRI_WEAK_SHAPE)) return false;
        if (a != b) tri_weak_set(m, t->slot[b], t->slot[a]);
      }
      break;
    case 9:
      if (node && tri_has(t->heap, TRI_CAP_EPHEMERON)) {
        if (!make(t, b, TRI_EPHEMERON_SHAPE)) return false;
        tri_ephemeron_set(m, t->slot[b], t->slot[a], t->slot[any_register(t)]);
      }
      break;
    case 10:
      if (node && tri_has(t->heap, TRI_CAP_FINALIZER)) tri_finalizer_add(m, t->slot[a], (uint64_t)step);
      break;
    case 11:
    case 12:
      if (node) tri_store(m, t->slot[a], i, t->slot[b]);
      break;
    default:
      if (!make(t, a, NODE)) return false;
      if (b != a) tri_init(m, t->slot[a], 0, t->slot[b]);
    }
  }
  return true;
}

static void take_finalizers(struct turn *t) {
  uint64_t cookie;
  for (int n = 0; !stopped(t); n++) {
    tri_ref ref = tri_finalizer_next(t->m, &cookie);
    if (tri_is_null(ref)) break;
    if (n % 3 == 0) tri_root_set(t->m, &t->slot[any_register(t)], ref); // resurrected
  }
}

static void read_weak(struct turn *t) {
  for (size_t i = 0; i < ROOTS && !stopped(t); i++) {
    if (tri_is_null(t->slot[i])) continue;
    switch (tri_shape_kind(tri_shape(t->m, t->slot[i]))) {
    case TRI_NODE:
      break;
    case TRI_WEAK:
      (void)tri_weak_get(t->m, t->slot[i]);
      break;
    case TRI_EPHEMERON:
      (void)tri_ephemeron_key(t->m, t->slot[i]);
      (void)tri_ephemeron_value(t->m, t->slot[i]);
      break;
    }
  }
}

// A collection in steps. It has hardly begun when the only way to the end of a long list is a root slot.
static void turn_in_steps(struct turn *t) {
  struct tri_mutator *m = t->m;
  if (!tri_has(t->heap, TRI_CAP_INCREMENTAL) || tri_collect_start(m) != TRI_OK) return;
  tri_safepoint(m); // by now the roots have been scanned
  tri_root_set(m, &t->slot[0], t->slot[LIST]);
  for (int i = 0; i < 15 && !stopped(t); i++) {
    tri_root_set(m, &t->slot[1], t->slot[0]);
    tri_root_set(m, &t->slot[0], tri_load(m, t->slot[1], 0));
  }
  if (stopped(t)) return;
  tri_store(m, t->slot[1], 0, TRI_NULL);
  if (!make(t, 2, NODE)) return;
  tri_collect_step(m, 1);
  if (stopped(t)) return;
  tri_shadow_check(t->heap);
  while (!stopped(t) && !tri_collect_step(m, 3))
    if (!mutate(t, 5)) return;
  if (stopped(t)) return;
  take_finalizers(t);
  read_weak(t);
}

static void turn(struct turn *t, enum tri_collect_kind kind) {
  if (!subjects(t) || stopped(t)) return;
  take_finalizers(t);
  for (size_t i = 0; i < 5; i++) drop(t, i);
  tri_collect(t->m, TRI_COLLECT_FULL);
  if (stopped(t)) return;
  tri_shadow_check(t->heap);
  take_finalizers(t);
  read_weak(t);
  if (stopped(t) || !make(t, 0, NODE)) return;
  link_up(t, PAIR, 1, 0); // what survived refers to what is new
  if (!mutate(t, 300) || stopped(t)) return;
  tri_collect(t->m, kind);
  if (stopped(t)) return;
  read_weak(t);
  take_finalizers(t);
  tri_unpin(t->m, t->slot[PINNED]);
  if (subjects(t)) turn_in_steps(t);
}

// Out of memory with everything held, then the heap must be usable again, and in the end empty.
static void fill_and_empty(struct turn *t) {
  for (int i = 0; i < 2000 && !stopped(t); i++) {
    tri_ref ref = tri_alloc(t->m, TRI_SHAPE(1, 40000));
    if (tri_is_null(ref)) break;
    tri_store(t->m, ref, 0, t->slot[LIST]);
    tri_root_set(t->m, &t->slot[LIST], ref);
  }
  if (stopped(t)) return;
  for (size_t i = 0; i < ROOTS; i++) drop(t, i);
  for (int i = 0; i < 50 && !stopped(t); i++) {
    tri_collect(t->m, TRI_COLLECT_FULL);
    uint64_t cookie;
    if (tri_is_null(tri_finalizer_next(t->m, &cookie))) break;
  }
  if (stopped(t)) return;
  make(t, 0, NODE);
  tri_shadow_check(t->heap);
  drop(t, 0);
  tri_collect(t->m, TRI_COLLECT_COMPACT);
}

void scenario_run(const struct tri_collector *collector, enum tri_check check, uint64_t seed,
                  struct findings *findings, struct tri_check_summary *summary) {
  struct shadowed x = {.options = {.check = check, .summary = summary}};
  shadowed_open(&x, collector, "heap=16m", findings);
  struct turn t = {.heap = x.heap, .m = x.m, .random = {seed}};
  TRI_FRAME(t.m, f, ROOTS);
  t.slot = f.slot;
  for (int i = 0; i < 3 && !stopped(&t); i++) turn(&t, (enum tri_collect_kind)i);
  if (!stopped(&t)) fill_and_empty(&t);
  TRI_FRAME_POP(t.m, f);
  shadowed_close(&x);
}
