// go: Go's memory manager. See README.md.
#ifndef GO_FAST_H
#define GO_FAST_H

#include "go/layout.h"
#include "go/tiny.h"
#include "go/work.h"
#include "tricolor/tricolor.h"

#define TRI_SUMMARY "Go's memory manager: size-class spans, hybrid barrier, concurrent marking, lazy sweep"
#define TRI_CAPS                                                                                             \
  (TRI_CAP_EXACT | TRI_CAP_CYCLES | TRI_CAP_INCREMENTAL | TRI_CAP_CONCURRENT | TRI_CAP_PARALLEL |            \
   TRI_CAP_WEAK | TRI_CAP_EPHEMERON | TRI_CAP_FINALIZER | TRI_CAP_FINALIZER_ORDER | TRI_CAP_PIN |            \
   TRI_CAP_WALK | TRI_CAP_RECLAIMS | TRI_CAP_MULTI_HEAP | TRI_CAP_MULTI_MUTATOR)
#define TRI_TELLS (TRI_TELLS_MARKING | TRI_TELLS_COUNTERS)
#define TRI_MAX_MUTATORS 256
#define TRI_MAX_HEAPS UINT32_MAX
#define TRI_MIN_HEAP (256 << 10)
#define TRI_MAX_OBJECT (UINT64_C(1) << 30)
#define TRI_OPTIONS "go/options.def"

enum { GO_BARRIER_ENTRIES = 512, GO_WORKERS_MAX = 16 };

// A mutator is what Go calls a P: it has the caches.
struct go_mutator {
  struct tri_mutator base;
  bool marking; // the heap's: the barrier is on
  bool grey;    // this cycle has not yet taken the roots in its frames
  // Objects without references of fewer bytes do not take the inline path; beyond GO_TINY_BYTES no object
  // does: the heap marks, or a tool watches free cells, or the layout is not one for it.
  size_t slow_below;
  uint32_t n_barrier;
  uint64_t black_bytes; // allocated while marking, and not yet accounted for
  int64_t credit; // while marking: bytes that it may allocate before it has to assist
  uint64_t granted, charged; // of this cycle: credit that it was given, bytes that its allocations took of it
  uintptr_t tiny;        // the block that small objects share, in the span in the cache; 0: there is none
  uint32_t tiny_used;    // bytes of it
  struct go_span *cache[GO_ALL_SPAN_CLASSES]; // never NULL: a span without cells where there is none
  struct go_work work;
  tri_ref barrier[GO_BARRIER_ENTRIES]; // references to be shaded
};

static inline bool go_is_marking(struct tri_mutator *m) {
  return TRI_UNLIKELY(((struct go_mutator *)m)->marking);
}

tri_ref go_alloc_slow(struct tri_mutator *m, struct tri_shape shape);

// While marking: note references that are overwritten, and those that are written, or handed out by a weak
// object (or null). The one for n slots looks at what they hold.
TRI_COLD void go_shade_slow(struct tri_mutator *m, tri_ref old, tri_ref new);
TRI_COLD void go_shade_slots_slow(struct tri_mutator *m, tri_ref object, size_t i, size_t n);
TRI_COLD void go_shade_root_slow(struct tri_mutator *m, tri_ref *slot, tri_ref value);

// The inline path serves nodes that have no header in any layout.
static inline tri_ref go_alloc(struct tri_mutator *base, struct tri_shape shape) {
  struct go_mutator *m = (struct go_mutator *)base;
  size_t n_refs = tri_shape_refs(shape), extent = tri_shape_extent(shape);
  if (TRI_UNLIKELY(m->slow_below > (n_refs ? GO_TINY_BYTES : extent) || !tri_shape_is_node(shape) ||
                   extent > (n_refs ? GO_IN_SPAN_MAX : GO_SMALL_MAX)))
    return go_alloc_slow(base, shape);
  struct go_span *span = m->cache[go_plain_span_class(n_refs, extent)];
  unsigned skipped = span->alloc_cache ? (unsigned)__builtin_ctzll(span->alloc_cache) : 64;
  uint32_t index = span->free_index + skipped, next = index + 1;
  // The last of 64 is left to the slow path, which loads the next ones; so are those behind the end.
  if (TRI_UNLIKELY(skipped == 64 || next % 64 == 0 || next > span->n_cells))
    return go_alloc_slow(base, shape);
  span->alloc_cache >>= next - span->free_index;
  span->free_index = next;
  uintptr_t cell = go_span_cell(span, index);
  // A length that is not constant makes it a call, which is faster than what compilers
  // make of a constant one.
  if (span->needs_zero) memset((void *)cell, 0, extent <= 64 ? (extent + 7) & ~(size_t)7 : span->cell_bytes);
  if (n_refs) go_pointer_bits_set(span, cell, n_refs);
  go_slack_set(span, index, cell, extent);
  return (tri_ref){cell};
}

// Both are shaded whatever their colour: to know it costs more than to note them.
static inline void go_store(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  if (go_is_marking(m)) go_shade_slow(m, tri_plain_load(m, object, i), value);
  tri_plain_store(m, object, i, value);
}

// A fresh object is black, and the reference may be from a grey mutator's frame.
static inline void go_init(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  if (go_is_marking(m)) go_shade_slow(m, value, TRI_NULL);
  tri_plain_store(m, object, i, value);
}

static inline void go_root_set(struct tri_mutator *m, tri_ref *slot, tri_ref value) {
  if (go_is_marking(m)) go_shade_root_slow(m, slot, value);
  TRI_RELAXED_STORE(&slot->bits, value.bits);
}

// What the slot had is known afterwards only; marking does not end before the mutator's next safepoint.
static inline tri_ref go_swap(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  tri_ref old = tri_plain_swap(m, object, i, value);
  if (go_is_marking(m)) go_shade_slow(m, old, value);
  return old;
}

static inline bool go_cas(struct tri_mutator *m, tri_ref object, size_t i, tri_ref expected, tri_ref value) {
  bool stored = tri_plain_cas(m, object, i, expected, value);
  if (go_is_marking(m) && stored) go_shade_slow(m, expected, value);
  return stored;
}

static inline void go_copy(struct tri_mutator *m, tri_ref to, size_t to_i, tri_ref from, size_t from_i,
                           size_t n) {
  if (go_is_marking(m)) {
    go_shade_slots_slow(m, to, to_i, n);
    go_shade_slots_slow(m, from, from_i, n);
  }
  tri_plain_copy(m, to, to_i, from, from_i, n);
}

static inline void go_fill(struct tri_mutator *m, tri_ref object, size_t i, size_t n, tri_ref value) {
  if (go_is_marking(m)) {
    go_shade_slots_slow(m, object, i, n);
    go_shade_slow(m, value, TRI_NULL);
  }
  tri_plain_fill(m, object, i, n, value);
}

static inline tri_ref go_weak_get(struct tri_mutator *m, tri_ref weak) {
  tri_ref target = tri_plain_weak_get(m, weak);
  if (go_is_marking(m)) go_shade_slow(m, target, TRI_NULL);
  return target;
}

static inline tri_ref go_ephemeron_key(struct tri_mutator *m, tri_ref ephemeron) {
  tri_ref key = tri_plain_ephemeron_key(m, ephemeron);
  if (go_is_marking(m)) go_shade_slow(m, key, TRI_NULL);
  return key;
}

static inline tri_ref go_ephemeron_value(struct tri_mutator *m, tri_ref ephemeron) {
  tri_ref value = tri_plain_ephemeron_value(m, ephemeron);
  if (go_is_marking(m)) go_shade_slow(m, value, TRI_NULL);
  return value;
}

TRI_COLD struct tri_shape go_shape_slow(struct tri_mutator *m, tri_ref object);
TRI_COLD void *go_raw_slow(struct tri_mutator *m, tri_ref object);

#define tri_fast_alloc go_alloc
#define tri_fast_store go_store
#define tri_fast_init go_init
#define tri_fast_swap go_swap
#define tri_fast_cas go_cas
#define tri_fast_copy go_copy
#define tri_fast_fill go_fill
#define tri_fast_weak_get go_weak_get
#define tri_fast_ephemeron_key go_ephemeron_key
#define tri_fast_ephemeron_value go_ephemeron_value
#define tri_fast_root_set go_root_set
#define tri_fast_shape go_shape_slow
#define tri_fast_raw go_raw_slow

#define tri_cold_finalizer_add go_finalizer_add
#define tri_cold_finalizer_next go_finalizer_next
#define tri_cold_collect go_collect
#define tri_cold_collect_start go_collect_start
#define tri_cold_collect_step go_collect_step
#define tri_cold_hold go_hold
#define tri_cold_inspect go_inspect
#define tri_cold_verify go_verify
#define tri_cold_marking go_marking
#define tri_cold_each_grey go_each_grey
#define tri_cold_each_counter go_each_counter
#define tri_cold_each_size_class go_each_size_class

#endif
