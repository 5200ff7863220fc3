// One lie per capability: a copy of an honest collector's record that claims too much, or whose calls no
// longer do what it claims. The row of that name must see through it.
#include "conform.h"

#include <string.h>

static const struct tri_collector *honest; // what the lie is built on
static struct tri_collector lie;

// A copy of the record of that name, to be bent.
static struct tri_collector *bend(const char *name, uint64_t more_claims) {
  honest = tri_collector_find(name);
  if (!honest) return NULL;
  lie = *honest;
  lie.caps.flags |= more_claims;
  return &lie;
}

// Some collector that moves and does not pin.
static struct tri_collector *bend_moving(uint64_t more_claims) {
  for (size_t i = 0; tri_collectors[i]; i++)
    if (tri_collectors[i]->caps.flags & TRI_CAP_MOVES && !(tri_collectors[i]->caps.flags & TRI_CAP_PIN))
      return bend(tri_collectors[i]->name, more_claims);
  return NULL;
}

static enum tri_status collect_nothing(struct tri_mutator *m, enum tri_collect_kind kind) {
  (void)m, (void)kind;
  return TRI_OK;
}

// Nothing ever moves.
static const struct tri_collector *tell_MOVES(void) { return bend("marksweep", TRI_CAP_MOVES); }

// Every 50th object is kept for ever.
static tri_ref alloc_and_keep_some(struct tri_mutator *m, struct tri_shape shape) {
  static unsigned n;
  tri_ref object = honest->alloc(m, shape);
  if (!tri_is_null(object) && ++n % 50 == 0) tri_handle_new(m, object);
  return object;
}
static const struct tri_collector *tell_EXACT(void) {
  struct tri_collector *l = bend("marksweep", 0);
  if (l) l->alloc = alloc_and_keep_some;
  return l;
}

// Plain reference counting.
static enum tri_status create_without_cycles(const struct tri_collector *self,
                                             const struct tri_heap_config *config, struct tri_heap **heap) {
  struct tri_heap_config without = *config, parsed;
  char error[100];
  if (!tri_options_parse("cycles=off", honest->options, honest->n_options, &parsed, error, sizeof error))
    return TRI_EINVAL;
  for (size_t i = 0; i < honest->n_options; i++)
    if (strcmp(honest->options[i].name, "cycles") == 0)
      without.value[TRI_COMMON_OPTIONS + i] = parsed.value[TRI_COMMON_OPTIONS + i];
  enum tri_status status = honest->heap_create(self, &without, heap);
  if (status == TRI_OK) (*heap)->caps |= TRI_CAP_CYCLES;
  return status;
}
static const struct tri_collector *tell_CYCLES(void) {
  struct tri_collector *l = bend("refcount", TRI_CAP_CYCLES);
  if (l) l->heap_create = create_without_cycles;
  return l;
}

// A minor collection traces everything.
static const struct tri_collector *tell_GENERATIONAL(void) { return bend("marksweep", TRI_CAP_GENERATIONAL); }

// The first step does it all.
static bool unfinished;
static enum tri_status start_later(struct tri_mutator *m) { return (void)m, unfinished = true, TRI_OK; }
static bool collect_at_once(struct tri_mutator *m, size_t units) {
  (void)units;
  if (unfinished) honest->collect(m, TRI_COLLECT_FULL);
  unfinished = false;
  return true;
}
static const struct tri_collector *tell_INCREMENTAL(void) {
  struct tri_collector *l = bend("marksweep", TRI_CAP_INCREMENTAL);
  if (!l) return NULL;
  l->collect_start = start_later;
  l->collect_step = collect_at_once;
  return l;
}

// The world stands still from begin to end, and one thread does it all.
static const struct tri_collector *tell_CONCURRENT(void) { return bend("marksweep", TRI_CAP_CONCURRENT); }
static const struct tri_collector *tell_PARALLEL(void) { return bend("marksweep", TRI_CAP_PARALLEL); }

// Conservative and exact at once.
static const struct tri_collector *tell_CONSERVATIVE(void) { return bend("marksweep", TRI_CAP_CONSERVATIVE); }

// Strong references behind the scenes.
static void weak_set_strongly(struct tri_mutator *m, tri_ref weak, tri_ref target) {
  if (!tri_is_null(target)) tri_handle_new(m, target);
  honest->weak_set(m, weak, target);
}
static const struct tri_collector *tell_WEAK(void) {
  struct tri_collector *l = bend("marksweep", 0);
  if (l) l->weak_set = weak_set_strongly;
  return l;
}

// The ephemeron holds its key.
static void ephemeron_set_strongly(struct tri_mutator *m, tri_ref ephemeron, tri_ref key, tri_ref value) {
  if (!tri_is_null(key)) tri_handle_new(m, key);
  honest->ephemeron_set(m, ephemeron, key, value);
}
static const struct tri_collector *tell_EPHEMERON(void) {
  struct tri_collector *l = bend("marksweep", 0);
  if (l) l->ephemeron_set = ephemeron_set_strongly;
  return l;
}

// Each registration counts twice.
static enum tri_status finalizer_add_twice(struct tri_mutator *m, tri_ref object, uint64_t cookie) {
  enum tri_status status = honest->finalizer_add(m, object, cookie);
  return status == TRI_OK ? honest->finalizer_add(m, object, cookie) : status;
}
static const struct tri_collector *tell_FINALIZER(void) {
  struct tri_collector *l = bend("marksweep", 0);
  if (l) l->finalizer_add = finalizer_add_twice;
  return l;
}

// All at once.
static const struct tri_collector *tell_FINALIZER_ORDER(void) {
  return bend("marksweep", TRI_CAP_FINALIZER_ORDER);
}

// Says yes and moves on.
static bool pin_nothing(struct tri_mutator *m, tri_ref object) { return (void)m, (void)object, true; }
static const struct tri_collector *tell_PIN(void) {
  struct tri_collector *l = bend_moving(TRI_CAP_PIN);
  if (l) l->pin = pin_nothing;
  return l;
}

// Skips every seventh object.
struct skip {
  tri_walk_fn *visit;
  void *context;
  unsigned n;
};
static bool visit_most(void *context, const struct tri_object_info *info) {
  struct skip *skip = context;
  return ++skip->n % 7 == 0 || skip->visit(skip->context, info);
}
static bool walk_most(struct tri_heap *heap, tri_walk_fn *visit, void *context) {
  struct skip skip = {visit, context, 0};
  return honest->walk(heap, visit_most, &skip);
}
static const struct tri_collector *tell_WALK(void) {
  struct tri_collector *l = bend("nocollect", 0);
  if (l) l->walk = walk_most;
  return l;
}

// Takes the hint, does nothing.
static const struct tri_collector *tell_EXPLICIT_FREE(void) {
  return bend("nocollect", TRI_CAP_EXPLICIT_FREE);
}

static const struct tri_collector *tell_RECLAIMS(void) {
  struct tri_collector *l = bend("nocollect", TRI_CAP_RECLAIMS);
  if (l) l->collect = collect_nothing;
  return l;
}

// One heap at a time.
static unsigned heaps;
static enum tri_status create_one(const struct tri_collector *self, const struct tri_heap_config *config,
                                  struct tri_heap **heap) {
  if (heaps++) return TRI_ENOTSUP;
  return honest->heap_create(self, config, heap);
}
static const struct tri_collector *tell_MULTI_HEAP(void) {
  struct tri_collector *l = bend("nocollect", 0);
  if (l) l->heap_create = create_one;
  return l;
}

// One mutator at a time.
static enum tri_status attach_one(struct tri_heap *heap, struct tri_mutator **m) {
  static uint32_t attached;
  *m = NULL;
  return __atomic_fetch_add(&attached, 1, __ATOMIC_RELAXED) ? TRI_EINVAL : honest->attach(heap, m);
}
static const struct tri_collector *tell_MULTI_MUTATOR(void) {
  struct tri_collector *l = bend("nocollect", 0);
  if (l) l->attach = attach_one;
  return l;
}

const struct conform_lie conform_lies[] = {
#define TRI_CAP_ROW(name, bit, doc) {#name, tell_##name},
#include "tricolor/capabilities.def"
#undef TRI_CAP_ROW
    {0},
};
