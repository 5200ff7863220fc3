#include "common/counted_heap.h"

#include <stdio.h>

#include "common/os.h"
#include "tricolor/collector.h"

enum { ROOTS_FORESEEN = 1 << 20 };

// ----------------------------------------------------------------------------------------------------- heaps

enum tri_status tri_counted_heap_new(size_t bytes, const struct tri_collector *self,
                                     const struct tri_heap_config *config, unsigned count_bits,
                                     struct tri_heap **out) {
  struct tri_counted_heap *heap = tri_os_calloc(bytes);
  if (!heap) return TRI_ENOMEM;
  bool spaces = tri_spaces_init(&heap->spaces, config);
  if (!spaces || tri_heap_init(&heap->base, self, config) != TRI_OK) {
    if (spaces) tri_spaces_fini(&heap->spaces);
    tri_os_free(heap);
    return TRI_ENOMEM;
  }
  heap->bytes = bytes;
  heap->stuck_from = tri_count_stuck_from(count_bits);
  if (heap->spaces.budget.limit / sizeof(tri_ref) + ROOTS_FORESEEN >= tri_count_of(heap->stuck_from))
    heap->base.caps &= ~TRI_CAP_EXACT;
  tri_finalizers_init(&heap->finalizers);
  *out = &heap->base;
  return TRI_OK;
}

void tri_counted_heap_delete(struct tri_heap *base) {
  struct tri_counted_heap *heap = (struct tri_counted_heap *)base;
  tri_heap_fini(base);
  tri_finalizers_fini(&heap->finalizers);
  tri_weak_table_fini(&heap->weak);
  tri_spaces_fini(&heap->spaces);
  tri_os_free(heap);
}

enum tri_status tri_counted_attach(struct tri_heap *base, struct tri_mutator **m) {
  struct tri_counted_heap *heap = (struct tri_counted_heap *)base;
  enum tri_status status = tri_mutator_init(&heap->mutator, base);
  *m = status == TRI_OK ? &heap->mutator : NULL;
  return status;
}

void tri_counted_detach(struct tri_mutator *m) { tri_mutator_fini(m); }

// --------------------------------------------------------------------------------------------------- objects

static uintptr_t cell_of(tri_ref object) { return (uintptr_t)tri_count_word(object); }

static uintptr_t take(struct tri_counted_heap *heap, size_t bytes) {
  if (bytes > TRI_CELL_MAX) return tri_large_alloc(&heap->spaces.large, bytes);
  unsigned size_class = tri_size_class(bytes);
  struct tri_run *run = &heap->runs[size_class];
  if (run->next == run->limit && !tri_run_refill(&heap->spaces.blocks, run, size_class)) return 0;
  return tri_run_take(run, bytes);
}

static void retire_runs(struct tri_counted_heap *heap) {
  for (unsigned i = 0; i < TRI_SIZE_CLASSES; i++)
    if (heap->runs[i].block) tri_run_retire(&heap->spaces.blocks, &heap->runs[i]);
}

void tri_counted_trim(struct tri_counted_heap *heap) {
  retire_runs(heap);
  tri_spaces_trim(&heap->spaces);
}

tri_ref tri_counted_alloc_any(struct tri_counted_heap *heap, struct tri_shape shape, uint64_t word) {
  bool weak = tri_shape_kind(shape) == TRI_WEAK;
  if (weak && !tri_weak_table_add(&heap->weak)) return TRI_NULL;
  size_t bytes = tri_counted_bytes(shape);
  uintptr_t cell = take(heap, bytes);
  if (!cell) { // perhaps what is free belongs to other classes, or to the other space
    tri_counted_trim(heap);
    cell = take(heap, bytes);
  }
  if (!cell) {
    if (weak) heap->weak.weak_objects--;
    return TRI_NULL;
  }
  tri_ref object = tri_count_owner((uint64_t *)cell);
  *tri_count_word(object) = word;
  *tri_tag(object) = shape.tag;
  return object;
}

bool tri_counted_bury(struct tri_counted_heap *heap, tri_ref object) {
  uint64_t word = *tri_count_word(object);
  TRI_ASSERT(!(word & TRI_COUNT_DEAD));
  if (word & TRI_COUNT_FINALIZABLE) return false;
  if (word & TRI_COUNT_WEAK_TARGET) tri_weak_table_clear(&heap->weak, object);
  tri_dead_push(&heap->dead, object);
  return true;
}

void tri_counted_free(struct tri_counted_heap *heap, tri_ref object) {
  if (tri_shape_kind(tri_tag_shape(*tri_tag(object))) == TRI_WEAK) tri_weak_table_remove(&heap->weak, object);
  uintptr_t cell = cell_of(object);
  if (tri_block_space_has(&heap->spaces.blocks, cell))
    tri_cell_free(&heap->spaces.blocks, cell);
  else
    tri_large_free(&heap->spaces.large, cell);
}

void tri_counted_weak_set(struct tri_mutator *m, tri_ref weak, tri_ref target) {
  tri_weak_table_set(&tri_counted_heap_of(m)->weak, weak, target);
}

enum tri_status tri_counted_finalizer_add(struct tri_mutator *m, tri_ref object, uint64_t cookie) {
  enum tri_status status = tri_finalizers_add(&tri_counted_heap_of(m)->finalizers, object, cookie);
  if (status == TRI_OK) *tri_count_word(object) |= TRI_COUNT_FINALIZABLE;
  return status;
}

// --------------------------------------------------------------------------------------------------- looking

struct each {
  void (*visit)(void *context, tri_ref object);
  void *context;
};

static bool each_cell(void *context, uintptr_t cell, size_t bytes) {
  (void)bytes;
  struct each *each = context;
  each->visit(each->context, tri_count_owner((uint64_t *)cell));
  return true;
}

void tri_counted_each(struct tri_counted_heap *heap, void (*visit)(void *context, tri_ref object),
                      void *context) {
  struct each each = {visit, context};
  tri_spaces_each(&heap->spaces, each_cell, &each);
}

struct walk {
  struct tri_counted_heap *heap;
  enum tri_count_kind counted;
  tri_walk_fn *visit;
  void *context;
};

static struct tri_object_info describe(const struct tri_counted_heap *heap, enum tri_count_kind counted,
                                       uintptr_t cell, size_t bytes) {
  tri_ref ref = tri_count_owner((uint64_t *)cell);
  uint64_t word = *tri_count_word(ref);
  if (counted != TRI_COUNT_NONE && word >= heap->stuck_from) counted = TRI_COUNT_STUCK;
  return (struct tri_object_info){
      .ref = ref,
      .shape = tri_tag_shape(*tri_tag(ref)),
      .start = cell,
      .bytes = bytes,
      .counted = counted,
      .count = counted == TRI_COUNT_NONE ? 0 : tri_count_of(word),
  };
}

static bool walk_cell(void *context, uintptr_t cell, size_t bytes) {
  struct walk *walk = context;
  struct tri_object_info info = describe(walk->heap, walk->counted, cell, bytes);
  return tri_shape_valid(info.shape) && walk->visit(walk->context, &info);
}

bool tri_counted_walk(struct tri_counted_heap *heap, enum tri_count_kind counted, tri_walk_fn *visit,
                      void *context) {
  struct walk walk = {heap, counted, visit, context};
  return tri_spaces_each(&heap->spaces, walk_cell, &walk);
}

// The cell of an object of this heap, or 0 when ref denotes none.
static uintptr_t find_cell(const struct tri_counted_heap *heap, tri_ref ref, size_t *bytes) {
  uintptr_t cell = tri_block_space_has(&heap->spaces.blocks, ref.bits)
                       ? tri_cell_around(&heap->spaces.blocks, ref.bits, bytes)
                   : tri_large_space_has(&heap->spaces.large, ref.bits)
                       ? tri_large_around(&heap->spaces.large, ref.bits, bytes)
                       : 0;
  return cell && tri_count_owner((uint64_t *)cell).bits == ref.bits ? cell : 0;
}

enum tri_status tri_counted_inspect(struct tri_counted_heap *heap, enum tri_count_kind counted, tri_ref ref,
                                    struct tri_object_info *info) {
  size_t bytes;
  uintptr_t cell = find_cell(heap, ref, &bytes);
  if (!cell) return TRI_ECORRUPT;
  *info = describe(heap, counted, cell, bytes);
  return TRI_OK;
}

bool tri_counted_each_block(struct tri_heap *base, tri_block_fn *visit, void *context) {
  return tri_block_space_tell(&((struct tri_counted_heap *)base)->spaces.blocks, visit, context);
}

void tri_counted_stats_fill(struct tri_heap *base, struct tri_stats *stats) {
  const struct tri_counted_heap *heap = (const struct tri_counted_heap *)base;
  tri_spaces_stats_fill(&heap->spaces, stats,
                        heap->bytes + tri_address_map_bytes(&heap->weak.lists) +
                            tri_finalizers_bytes(&heap->finalizers));
  stats->full_collections = base->epoch;
  stats->weak_cleared = heap->weak.cleared;
  stats->finalizers_pending = heap->finalizers.n_queue;
}

// ---------------------------------------------------------------------------------------------------- verify

struct verify {
  struct tri_counted_heap *heap;
  struct tri_findings *findings;
  struct tri_address_map counts; // object -> references found
  bool counting;
  size_t objects, weak_objects, weak_with_target, weak_in_lists;
};

static void count_reference(struct verify *v, tri_ref from, tri_ref to) {
  size_t bytes;
  if (tri_is_null(to)) return;
  if (!find_cell(v->heap, to, &bytes))
    tri_find(v->findings, "object %#zx refers to %#zx, which is no object", from.bits, to.bits);
  else if (v->counting)
    ++*tri_address_map_enter(&v->counts, to.bits);
}

static void count_root(void *context, tri_ref *slot) { count_reference(context, TRI_NULL, *slot); }

static void count_object(void *context, tri_ref object) {
  (void)object;
  ((struct verify *)context)->objects++;
}

static void count_slots(void *context, tri_ref object) {
  size_t n = tri_strong_refs(tri_tag_shape(*tri_tag(object)));
  for (size_t i = 0; i < n; i++) count_reference(context, object, *tri_slot(object, i));
}

static void verify_object(void *context, tri_ref object) {
  struct verify *v = context;
  uint64_t word = *tri_count_word(object);
  if (word & TRI_COUNT_DEAD) {
    tri_find(v->findings, "object %#zx is dead but was not freed", object.bits);
    return;
  }
  if (v->counting && word < v->heap->stuck_from) {
    uintptr_t *found = tri_address_map_find(&v->counts, object.bits);
    if (tri_count_of(word) != (found ? *found : 0))
      tri_find(v->findings, "object %#zx has count %u, but %zu references", object.bits, tri_count_of(word),
               found ? *found : 0);
  }
  if (tri_shape_kind(tri_tag_shape(*tri_tag(object))) == TRI_WEAK) {
    tri_ref target = *tri_slot(object, 0);
    size_t bytes;
    v->weak_objects++;
    v->weak_with_target += !tri_is_null(target);
    if (!tri_is_null(target) && !find_cell(v->heap, target, &bytes))
      tri_find(v->findings, "weak reference %#zx has target %#zx, which is no object", object.bits,
               target.bits);
  }
  tri_ref weak = tri_weak_table_first(&v->heap->weak, object);
  if (tri_is_null(weak) != !(word & TRI_COUNT_WEAK_TARGET))
    tri_find(v->findings,
             "object %#zx: its flag says that it %s target of weak references, the table says not so",
             object.bits, word & TRI_COUNT_WEAK_TARGET ? "is" : "is no");
  for (; !tri_is_null(weak); weak = tri_weak_table_next(weak)) {
    v->weak_in_lists++;
    if (tri_slot(weak, 0)->bits != object.bits)
      tri_find(v->findings, "weak reference %#zx is in the list of %#zx, but its target is %#zx", weak.bits,
               object.bits, tri_slot(weak, 0)->bits);
  }
}

void tri_counted_verify(struct tri_counted_heap *heap, enum tri_count_kind counted,
                        struct tri_findings *findings) {
  struct verify v = {.heap = heap, .findings = findings};
  tri_counted_each(heap, count_object, &v);
  v.counting = counted != TRI_COUNT_NONE && tri_address_map_reserve(&v.counts, v.objects);
  tri_counted_each(heap, count_slots, &v);
  if (counted == TRI_COUNT_ALL) {
    tri_each_root(&heap->base, count_root, &v);
    tri_finalizers_roots(&heap->finalizers, count_root, &v);
  }
  tri_counted_each(heap, verify_object, &v);
  tri_address_map_fini(&v.counts);
  if (v.weak_objects != heap->weak.weak_objects)
    tri_find(findings, "there are %zu weak references, the table says %zu", v.weak_objects,
             heap->weak.weak_objects);
  if (v.weak_with_target != v.weak_in_lists)
    tri_find(findings, "%zu weak references have a target, %zu are in lists", v.weak_with_target,
             v.weak_in_lists);
  tri_block_space_verify(&heap->spaces.blocks, findings);
  tri_large_space_verify(&heap->spaces.large, findings);
}
