// bdw: the Boehm-Demers-Weiser collector (libgc) behind the contract. See README.md.
#ifndef BDW_FAST_H
#define BDW_FAST_H

#include "tricolor/plain.h"

#define TRI_SUMMARY "Boehm-Demers-Weiser collector (libgc) with exact object layouts and roots"
#define TRI_CAPS                                                                                             \
  (TRI_CAP_CYCLES | TRI_CAP_CONSERVATIVE | TRI_CAP_WEAK | TRI_CAP_FINALIZER | TRI_CAP_PIN | TRI_CAP_WALK |   \
   TRI_CAP_RECLAIMS | TRI_CAP_MULTI_MUTATOR)
#define TRI_MAX_MUTATORS 256
#define TRI_MAX_HEAPS 1
#define TRI_MIN_HEAP (512 << 10)
#define TRI_MAX_OBJECT (UINT64_C(1) << 30)

// A cell is what libgc calls an object. Word 0 is the link of a free cell (even), the tag of an object (odd),
// with the stamp of its allocation in the lent bits. Word 1 is the object's mark descriptor, zero in a free
// cell: libgc may look there when a stray word refers to the cell. Slot 0 follows.
enum {
  BDW_GRANULE = 16,     // libgc's unit of sizes
  BDW_HEADER = 16,      // words 0 and 1
  BDW_SIZE_CLASSES = 32 // cells of fewer granules are handed out from the mutator's own lists
};
enum bdw_kind { BDW_LEAF, BDW_NODE, BDW_KINDS }; // without and with slots to trace: libgc kinds of their own

struct bdw_mutator {
  struct tri_mutator base;
  uint64_t stamp;                                // the heap's, in place
  uintptr_t *cells[BDW_KINDS][BDW_SIZE_CLASSES]; // lists of free cells
};

static inline size_t bdw_cell_granules(struct tri_shape shape) {
  size_t extent = tri_shape_extent(shape);
  return (BDW_HEADER + (extent ? extent : 1) + BDW_GRANULE - 1) / BDW_GRANULE;
}

// Make a free cell an object. Its mark descriptor is a length (gc_mark.h: GC_DS_LENGTH): header and slots.
static inline tri_ref bdw_make_object(uintptr_t *cell, struct tri_shape shape, uint64_t stamp) {
  size_t slots = tri_strong_refs(shape);
  cell[0] = shape.tag | stamp;
  cell[1] = slots ? BDW_HEADER + slots * sizeof(tri_ref) : 0;
  return (tri_ref){(uintptr_t)(cell + 2)};
}

static inline struct tri_shape bdw_shape(struct tri_mutator *m, tri_ref object) {
  (void)m;
  return tri_tag_shape(*(uint64_t *)(object.bits - BDW_HEADER));
}
#define tri_fast_shape bdw_shape

tri_ref bdw_alloc_slow(struct tri_mutator *m, struct tri_shape shape);

static inline tri_ref bdw_alloc(struct tri_mutator *m, struct tri_shape shape) {
  size_t granules = bdw_cell_granules(shape);
  if (TRI_UNLIKELY(granules >= BDW_SIZE_CLASSES || !tri_shape_is_node(shape)))
    return bdw_alloc_slow(m, shape);
  uintptr_t **list = &((struct bdw_mutator *)m)->cells[tri_shape_refs(shape) ? BDW_NODE : BDW_LEAF][granules];
  uintptr_t *cell = *list;
  if (TRI_UNLIKELY(!cell)) return bdw_alloc_slow(m, shape);
  *list = (uintptr_t *)cell[0];
  return bdw_make_object(cell, shape, ((struct bdw_mutator *)m)->stamp);
}
#define tri_fast_alloc bdw_alloc

#define tri_cold_collect bdw_collect
#define tri_cold_finalizer_add bdw_finalizer_add
#define tri_cold_finalizer_next bdw_finalizer_next
#define tri_cold_inspect bdw_inspect
#define tri_cold_verify bdw_verify

#endif
