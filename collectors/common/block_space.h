// Small objects: size-segregated blocks of cells over one reservation, everything about them in side tables.
//
// A block of 16 KiB holds cells of one size class. 16 KiB is small enough for a heap of 1 MiB to serve many
// classes, and large enough to hold 512 objects of 32 bytes per trip through the slow path. No free-list link
// and no header lies in a block, so free cells can be poisoned whole, a stray write cannot damage the
// allocator, and sweeping a block is a few operations on bitmap words that touch none of its cells.
//
// Side tables, in the same reservation and committed as the heap grows: a header per block; an alloc bit and
// a mark bit per 16 bytes (the smallest cell is 16 bytes, so the 16-byte granule that a cell starts in is its
// own). The mark bit of an object is a function of its address alone: marking never reads the block's header.
//
// Allocation is bump-pointer in *runs* of adjacent free cells (as Whippet's and Immix's allocators fill
// holes). A run belongs to one mutator and class, and its cells are zero. Invariants:
//   * the alloc bit is set for every allocated cell and for the rest [next, limit) of every run, for no other
//   * a block belongs to at most one run, and is then on no list; otherwise it is on the list of its state
//   * block->live = number of alloc bits; no mark bit is set between the end of a sweep and the next marking
//     (but marks of a sticky space stay);
//     while allocation is black, the rest of a run is marked like the allocated cells before it
//   * cells that are neither allocated nor in a run, and free blocks, are poisoned (common/poison.h); memory
//     that was never used is marked for tools, but stays zero
//   * in AddressSanitizer's builds the rest of a run is marked too, and of a cell what its object leaves over
//
// Two kinds of clients: tracing collectors mark, call tri_sweep_begin and then sweep lazily, in refill, block
// by block; counting collectors free single cells. Not locked: the caller locks all calls but those on a run.
#ifndef TRICOLOR_COMMON_BLOCK_SPACE_H
#define TRICOLOR_COMMON_BLOCK_SPACE_H

#include "common/budget.h"
#include "common/poison.h"
#include "common/report.h"
#include "tricolor/introspect.h"
#include "tricolor/object.h"

#define TRI_BLOCK_BYTES ((size_t)16 << 10)
#define TRI_GRANULE_BYTES ((size_t)16)
#define TRI_CELL_MAX (TRI_BLOCK_BYTES / 2) // the largest cell
enum {
  TRI_BLOCK_GRANULES = TRI_BLOCK_BYTES / TRI_GRANULE_BYTES,
  TRI_BLOCK_WORDS = TRI_BLOCK_GRANULES / 64, // of a block's bitmap
};

// -------------------------------------------------------------------------------- size classes
//
//   16, 24 … 128       8 bytes apart
//   144, 160 … 1024    eight to a doubling: at most 12.5 % is lost to rounding
//   1088, 1168 … 8192  the sizes of which 15, 14 … 2 fill a block

enum {
  TRI_CLASS_FINE = 128 / 8 - 1,                // classes up to 128 bytes
  TRI_CLASS_DOUBLING = TRI_CLASS_FINE + 3 * 8, // and up to 1024
  TRI_SIZE_CLASSES = TRI_CLASS_DOUBLING + 15 - 2 + 1,
};

// The class of an object of that many bytes, tag included; 1 <= bytes <= TRI_CELL_MAX. Folds to a constant.
static inline unsigned tri_size_class(size_t bytes) {
  if (bytes <= 128) return bytes <= 16 ? 0 : (unsigned)((bytes + 7) / 8 - 2);
  if (bytes <= 1024) {
    unsigned log2 = 63 - (unsigned)__builtin_clzll(bytes - 1); // 7, 8, 9
    return TRI_CLASS_FINE + (log2 - 7) * 8 + (unsigned)((bytes - 1) >> (log2 - 3) & 7);
  }
  return TRI_CLASS_DOUBLING + 15 - (unsigned)(TRI_BLOCK_BYTES / ((bytes + 7) & ~(size_t)7));
}

// Bytes of a cell of that class: a multiple of 8.
static inline size_t tri_class_bytes(unsigned size_class) {
  if (size_class < TRI_CLASS_FINE) return (size_class + 2) * 8;
  if (size_class < TRI_CLASS_DOUBLING) {
    unsigned step = size_class - TRI_CLASS_FINE;
    return (size_t)(8 + step % 8 + 1) << (step / 8 + 4);
  }
  return TRI_BLOCK_BYTES / (15 - (size_class - TRI_CLASS_DOUBLING)) & ~(size_t)7;
}

// tri_each_size_class of a heap whose small objects live here.
bool tri_block_each_size_class(struct tri_heap *heap, tri_size_class_fn *visit, void *context);

// -------------------------------------------------------------------------------- the space

enum tri_block_state {
  TRI_BLOCK_UNUSED,   // never used, beyond the frontier
  TRI_BLOCK_RELEASED, // decommitted
  TRI_BLOCK_FREE,     // committed, without a class
  TRI_BLOCK_OWNED,    // allocated in by a run
  TRI_BLOCK_PARTIAL,  // has free cells
  TRI_BLOCK_FULL,
  TRI_BLOCK_UNSWEPT, // marked in, not yet swept
  TRI_BLOCK_STATES
};

struct tri_block {
  struct tri_run *run;     // OWNED: by whom
  uint32_t next, previous; // in the list of its state (and class); TRI_NO_BLOCK at the ends
  uint16_t cells, live;
  uint16_t fresh; // offset: from there on to its end, the block was never used and is zero
  uint8_t state, size_class;
};

#define TRI_NO_BLOCK UINT32_MAX

struct tri_block_list {
  uint32_t first, count;
};

struct tri_block_space {
  uintptr_t base, end;      // of the blocks
  uint64_t *alloc, *mark;   // bitmaps, TRI_BLOCK_WORDS per block
  struct tri_block *blocks; // headers
  uint32_t n_blocks;        // reserved
  uint32_t frontier;        // first block never used
  uint32_t committed;       // blocks [frontier, committed) are committed, zero and in no list
  uint32_t tables;          // blocks whose headers and bitmaps are committed
  uint32_t batch;           // blocks committed at a time
  uint32_t run_cells;       // longest run, in cells; 0: no bound. Small values are for tests
  struct tri_budget *budget;
  void *reservation;
  size_t reserved;
  size_t mapped_bytes, metadata_bytes; // ever committed for blocks; committed for side tables
  uint64_t freed_objects, freed_bytes; // totals
  struct tri_block_list free, released;
  struct tri_block_list partial[TRI_SIZE_CLASSES], unswept[TRI_SIZE_CLASSES];
  uint32_t n_unswept; // over all classes
  uint32_t swept;     // no unswept block below
  bool marking;       // set by the client while marks are legal outside unswept blocks: for verify
  bool sticky;        // set by the client: marks stay after a sweep, until tri_block_space_clear_marks
  bool black;         // set by the client, with all runs retired: cells are marked when a run takes them
};

// Reserve a space of at most `limit_bytes` (and at least one block) that draws on *budget. `huge`: ask for
// huge pages. *space need not be initialised. False: out of memory, nothing is held. O(1): tables come with
// use.
bool tri_block_space_init(struct tri_block_space *space, struct tri_budget *budget, size_t limit_bytes,
                          bool huge);

// Give back everything. Runs need not be retired.
void tri_block_space_fini(struct tri_block_space *space);

static inline bool tri_block_space_has(const struct tri_block_space *space, uintptr_t address) {
  return address - space->base < space->end - space->base;
}

// -------------------------------------------------------------------------------- allocation

// A zeroed struct is an empty run. next and limit are the whole inline path.
struct tri_run {
  uintptr_t next, limit; // limit - next is a multiple of cell_bytes; [next, limit) is zero
  size_t cell_bytes;
  struct tri_block *block; // NULL: none
};

// The next cell of the run, for `bytes` of its cell_bytes; 0 when the run is empty.
static inline uintptr_t tri_run_take(struct tri_run *run, size_t bytes) {
  uintptr_t cell = run->next;
  if (TRI_UNLIKELY(cell == run->limit)) return 0;
  run->next = cell + run->cell_bytes;
  if (TRI_ASAN) tri_poison_unmark((void *)cell, bytes);
  return cell;
}

// A tagged object from the run of its class among runs[TRI_SIZE_CLASSES], or TRI_NULL when it is larger than
// a cell or the run is empty: then take the slow path.
static inline tri_ref tri_runs_alloc(struct tri_run *runs, struct tri_shape shape) {
  size_t bytes = tri_object_bytes(shape);
  if (TRI_UNLIKELY(bytes > TRI_CELL_MAX || !tri_shape_valid(shape))) return TRI_NULL;
  uintptr_t cell = tri_run_take(&runs[tri_size_class(bytes)], bytes);
  if (TRI_UNLIKELY(!cell)) return TRI_NULL;
  *(uint64_t *)cell = shape.tag;
  return (tri_ref){cell + TRI_TAG_BYTES};
}

// Give the used-up run new cells, at least one: from its block, a partial one, an unswept one of the class
// (that is swept), a free one, or an unswept one of another class that turns out empty. False: nothing within
// the budget, or the system refused; the run is then empty and owns no block.
bool tri_run_refill(struct tri_block_space *space, struct tri_run *run, unsigned size_class);

// Take back what is left of the run, and its block.
void tri_run_retire(struct tri_block_space *space, struct tri_run *run);

// Free one allocated cell, at once. Its block may be owned by a run (of any mutator).
void tri_cell_free(struct tri_block_space *space, uintptr_t cell);

// -------------------------------------------------------------------------------- marking, sweeping

static inline uint64_t *tri_mark_word(const struct tri_block_space *space, uintptr_t cell) {
  return &space->mark[(cell - space->base) / TRI_GRANULE_BYTES / 64];
}
static inline uint64_t tri_mark_bit(const struct tri_block_space *space, uintptr_t cell) {
  return UINT64_C(1) << ((cell - space->base) / TRI_GRANULE_BYTES % 64);
}

// Mark a cell. True when it was not marked before. Not atomic.
static inline bool tri_cell_mark(const struct tri_block_space *space, uintptr_t cell) {
  uint64_t *word = tri_mark_word(space, cell), bit = tri_mark_bit(space, cell);
  if (*word & bit) return false;
  *word |= bit;
  return true;
}
static inline bool tri_cell_marked(const struct tri_block_space *space, uintptr_t cell) {
  return *tri_mark_word(space, cell) & tri_mark_bit(space, cell);
}

// Whether an allocated cell (or anything else) lies in a block that is not yet swept:
// unmarked cells are garbage.
static inline bool tri_cell_unswept(const struct tri_block_space *space, uintptr_t cell) {
  return tri_block_space_has(space, cell) &&
         space->blocks[(cell - space->base) / TRI_BLOCK_BYTES].state == TRI_BLOCK_UNSWEPT;
}

// After marking, with all runs retired: whatever is unmarked is garbage from now on. Frees nothing yet.
void tri_sweep_begin(struct tri_block_space *space);

// Sweep all blocks that refill has not yet swept. Afterwards no mark is set. To be called before marking.
void tri_sweep_finish(struct tri_block_space *space);

// Of a sticky space, with all blocks swept: take all marks back.
void tri_block_space_clear_marks(struct tri_block_space *space);

// Sweep up to n of them.
void tri_sweep_some(struct tri_block_space *space, size_t n);

// Bytes of all marked cells, rests of runs apart.
size_t tri_block_space_marked_bytes(const struct tri_block_space *space);

// Decommit free blocks and give them back to the budget, until that is `enough` bytes or there are no more.
// Returns the bytes. Blocks in highest places go first.
size_t tri_block_space_trim(struct tri_block_space *space, size_t enough);

// -------------------------------------------------------------------------------- looking

// False from a visitor ends the visit.
typedef bool tri_cell_fn(void *context, uintptr_t cell, size_t bytes);

// Visit every allocated cell in address order; garbage in unswept blocks included. The visitor may free the
// cell that it is given (not others), but not allocate. False when a visitor ended it.
bool tri_block_space_each(struct tri_block_space *space, tri_cell_fn *visit, void *context);

// Visit every marked cell that starts in [from, to), rests of runs apart. Cells that get marked during
// the visit may be left out.
bool tri_block_space_each_marked(struct tri_block_space *space, uintptr_t from, uintptr_t to,
                                 tri_cell_fn *visit, void *context);

// The allocated cell around any address whatever, 0 when there is none. Reads side tables only.
uintptr_t tri_cell_around(const struct tri_block_space *space, uintptr_t address, size_t *bytes);

// Tell of every block ever used, in address order, as tri_each_block does. Sweeps nothing, takes no memory.
bool tri_block_space_tell(const struct tri_block_space *space, tri_block_fn *visit, void *context);

// live + free is what was taken from the budget; live + free + released = mapped, each counted on its own.
// The side tables (metadata) are not in mapped.
struct tri_space_usage {
  uint64_t live_objects;
  size_t live_bytes, free_bytes, released_bytes, mapped_bytes;
  size_t metadata_bytes;
};
struct tri_space_usage tri_block_space_usage(const struct tri_block_space *space);

// Check the invariants above (poison included), with no other mutator running, and tell what is found.
void tri_block_space_verify(const struct tri_block_space *space, struct tri_findings *findings);

#endif
