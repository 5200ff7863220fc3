// Large objects: runs of whole pages in a reservation of their own, first fit in address order.
//
// One word per page in a side table says all: the first word of a run holds its state, mark and length in
// pages, the last one of a free run its length (boundary tags, Knuth 1973, so that neighbours join in O(1)),
// all others are 0. Freed pages stay committed, as free memory, until tri_large_trim gives them back or their
// addresses are needed; but while free memory is to be filled (common/poison.h), more than a few pages are
// decommitted instead: any access then faults, and pages that the object never touched are not touched now.
// The reservation is twice the limit: the budget, not address fragmentation, decides what fits.
//
// Objects never move. Not locked: the caller locks. Memory of objects is taken from the budget that the
// heap's spaces share.
#ifndef TRICOLOR_COMMON_LARGE_SPACE_H
#define TRICOLOR_COMMON_LARGE_SPACE_H

#include "common/block_space.h"

struct tri_large_space {
  uintptr_t base, end; // of the object pages
  uint32_t *table;     // one word per page
  size_t frontier;     // pages used so far: runs tile [0, frontier)
  size_t tables;       // pages whose words are committed
  size_t page_bytes, n_pages, reserved;
  bool marking; // set by the client while marks are legal: for verify
  bool sticky;  // set by the client: marks stay after a sweep, until tri_large_clear_marks
  struct tri_budget *budget;
  uint64_t live_objects, freed_objects, freed_bytes;
  size_t live_bytes, free_bytes, released_bytes, mapped_bytes, metadata_bytes;
};

// Reserve a space whose objects draw on *budget; at most limit_bytes of them at a time. *space need not be
// initialised. False: out of memory, nothing is held.
bool tri_large_space_init(struct tri_large_space *space, struct tri_budget *budget, size_t limit_bytes,
                          bool huge);
void tri_large_space_fini(struct tri_large_space *space);

static inline bool tri_large_space_has(const struct tri_large_space *space, uintptr_t address) {
  return address - space->base < space->end - space->base;
}

// A zeroed, page-aligned object of at least that many bytes (tag included: the caller writes it), unmarked.
// 0: not within the budget, or the system refused. What is free but committed is given back first where that
// helps.
uintptr_t tri_large_alloc(struct tri_large_space *space, size_t bytes);

// Bytes that the object at `start` takes up: whole pages.
size_t tri_large_bytes(const struct tri_large_space *space, uintptr_t start);

void tri_large_free(struct tri_large_space *space, uintptr_t start);

// Mark the object at `start`. True when it was not marked before. Not atomic.
bool tri_large_mark(struct tri_large_space *space, uintptr_t start);
bool tri_large_marked(const struct tri_large_space *space, uintptr_t start);

// Free what is not marked and clear all marks, unless the space is sticky.
void tri_large_sweep(struct tri_large_space *space);
void tri_large_clear_marks(struct tri_large_space *space);

// Decommit free pages and give them back to the budget, until that is `enough` bytes or there are no more.
// Returns the bytes.
size_t tri_large_trim(struct tri_large_space *space, size_t enough);

// Visit every object in address order, as tri_block_space_each does; and every marked one that starts in
// [from, to).
bool tri_large_each(struct tri_large_space *space, tri_cell_fn *visit, void *context);
bool tri_large_each_marked(struct tri_large_space *space, uintptr_t from, uintptr_t to, tri_cell_fn *visit,
                           void *context);

// The object that starts on the page of any address whatever, 0 when there is none. Reads the table only. (An
// address in a later page of an object is not found: nobody refers to one.)
uintptr_t tri_large_around(const struct tri_large_space *space, uintptr_t address, size_t *bytes);

struct tri_space_usage tri_large_space_usage(const struct tri_large_space *space);

// As tri_block_space_verify.
void tri_large_space_verify(const struct tri_large_space *space, struct tri_findings *findings);

#endif
