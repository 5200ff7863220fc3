// Go's page heap: which 8 KiB pages of one reserved address range are in use, free, or free and given back.
//
// Units: a *page* is 8 KiB; a *chunk*, what the heap grows by and what one pair of bitmaps describes, is 512
// pages (4 MiB); an *arena* is 16 chunks (64 MiB), what other modules keep their tables by. Pages and chunks
// are numbered from the start of the range. Pages [0, grown) belong to the heap, the rest is address space
// only.
//
// Two bitmaps per chunk: a page is allocated or free, and a free page is *scavenged* when the system has its
// memory. Pages are new from the system, then in use, then free, then perhaps scavenged, which is as good as
// new: both count as released, and are charged to the budget when they are allocated. Allocation is
// address-ordered first fit. It is found with a tree of summaries: a leaf says of one chunk how many free
// pages it begins with, has at most in a row and ends with; an entry above says so of eight (of 4096 in the
// root level) below. `search` is a page below which no page is free: searches begin there.
//
// Kept at all times, and looked at by go_pages_check:
//   * scavenged pages are free, and zero; free pages that were never used are scavenged
//   * each summary is what its chunk's bitmap, or the summaries below it, say
//   * no page below `search` is free; search <= grown, so that it never names memory that is not there
//   (golang.org
//     issue 40191)
//   * fresh <= committed <= grown rounded up to what is committed at a time: pages from `committed` on have
//   no access
//   * allocated, scavenged and each chunk's in_use are what the bitmaps say, and the budget was charged for
//     grown - scavenged - cache_scavenged pages
//   * a chunk with pages that can be scavenged is among the candidates, and those pages lie below the limit
//   of the
//     forced search
//
// A page cache holds a word of 64 pages for one processor (mutator). To the bitmaps they are allocated;
// whether they are in use the cache alone knows.
//
// With tri_poison active, free pages are poisoned; damage to them aborts when they are allocated.
//
// Not locked: the caller holds the heap lock in all calls. Nothing here collects. Out of memory is a value.
//
// Source: Go 1.19 to 1.26, runtime/mpagealloc.go, mpallocbits.go, mpagecache.go, mgcscavenge.go; M. Knyszek,
// A. Clements: Scaling the Go page allocator, proposal 35112, 2019.
#ifndef TRICOLOR_GO_PAGES_H
#define TRICOLOR_GO_PAGES_H

#include "common/budget.h"
#include "common/report.h"
#include "go/size_class.h"

enum {
  GO_CHUNK_PAGES = 512,
  GO_CHUNK_WORDS = GO_CHUNK_PAGES / 64,
  GO_ARENA_PAGES = 16 * GO_CHUNK_PAGES,
  GO_HUGE_PAGES = 256,  // in a huge page of the system, 2 MiB
  GO_CACHE_PAGES = 64,  // in a page cache, and aligned to as many
  GO_CACHED_MAX = 15,   // the largest request that a page cache serves
  GO_DENSE_PAGES = 496, // a chunk with that many in use is not worth scavenging
  GO_LEVELS = 5,
  GO_PAGES_LOG2_MAX = 35, // 256 TiB
};

#define GO_CHUNK_BYTES (GO_CHUNK_PAGES * GO_PAGE_BYTES)
#define GO_ARENA_BYTES (GO_ARENA_PAGES * GO_PAGE_BYTES)

// -------------------------------------------------------------------------------- summaries
//
// Free pages at the start, at most in a row, and at the end of an entry's range, 21 bits each; that of 2^21
// free pages, which only the root level has, is bit 63 alone. Zero: nothing is free.

#define GO_SUMMARY_FULL_ROOT (UINT64_C(1) << 63)
enum { GO_SUMMARY_BITS = 21 };

static inline uint64_t go_summary(uint64_t start, uint64_t max, uint64_t end) {
  if (max == UINT64_C(1) << GO_SUMMARY_BITS) return GO_SUMMARY_FULL_ROOT;
  return start | max << GO_SUMMARY_BITS | end << 2 * GO_SUMMARY_BITS;
}
static inline size_t go_summary_part(uint64_t summary, unsigned part) {
  if (summary == GO_SUMMARY_FULL_ROOT) return (size_t)1 << GO_SUMMARY_BITS;
  return summary >> part * GO_SUMMARY_BITS & ((1 << GO_SUMMARY_BITS) - 1);
}
static inline size_t go_summary_start(uint64_t summary) { return go_summary_part(summary, 0); }
static inline size_t go_summary_max(uint64_t summary) { return go_summary_part(summary, 1); }
static inline size_t go_summary_end(uint64_t summary) { return go_summary_part(summary, 2); }

// Pages that an entry of that level (0: the root) describes: 16 GiB, 2 GiB, 256 MiB, 32 MiB, 4 MiB.
static inline size_t go_level_pages(unsigned level) {
  return (size_t)GO_CHUNK_PAGES << 3 * (GO_LEVELS - 1 - level);
}

// -------------------------------------------------------------------------------- bitmaps of a chunk

struct go_chunk {
  uint64_t alloc[GO_CHUNK_WORDS];     // 1: allocated
  uint64_t scavenged[GO_CHUNK_WORDS]; // 1: free, and the system has the memory
};

// The summary of an allocation bitmap.
uint64_t go_chunk_summary(const uint64_t alloc[GO_CHUNK_WORDS]);

// The first run of n free pages (1 …) that lies wholly in the chunk and starts at page `from` or later; its
// first page, or GO_CHUNK_PAGES. *first_free becomes the first free page from there on, or GO_CHUNK_PAGES.
unsigned go_chunk_find(const uint64_t alloc[GO_CHUNK_WORDS], size_t n, unsigned from, unsigned *first_free);

// What to scavenge next in a chunk, of the pages below `limit`: the end of the highest run of pages that are
// free and not scavenged, in whole groups of `align` (a power of two up to 64). At most `max` pages, rounded
// up to such groups, or one group; but with `huge` (pages in a huge page; 0: there are none), when the run
// holds all of the huge page that the piece begins in, all of that goes with it rather than to break it up.
// Returns the number of pages, 0 when there are none; *start becomes the first.
unsigned go_chunk_scavengeable(const struct go_chunk *chunk, unsigned limit, unsigned align, size_t max,
                               unsigned huge, unsigned *start);

// -------------------------------------------------------------------------------- the page heap

struct go_chunk_use {
  uint16_t in_use;      // allocated pages
  uint16_t last_in_use; // and at the end of the last cycle in which that changed
  uint32_t cycle;       // when in_use changed last
};

enum go_scavenging {
  GO_SCAVENGE_BACKGROUND, // leaves out what was freed since the last cycle began, and dense chunks
  GO_SCAVENGE_FORCED,     // leaves nothing out
};

struct go_pages {
  uintptr_t base;
  size_t n_chunks;             // reserved
  size_t grown;                // pages of the heap: whole chunks
  size_t committed;            // pages below are accessible
  size_t fresh;                // pages from here on were never used and are zero (Go: zeroedBase)
  size_t search;               // no page below is free
  size_t allocated, scavenged; // pages
  size_t cache_scavenged;      // pages that page caches hold, scavenged
  uint64_t *summary[GO_LEVELS];
  size_t n_entries[GO_LEVELS];
  struct go_chunk *chunks;
  struct go_chunk_use *use;
  uint64_t *candidates;     // a bit per chunk: may have free pages that are not scavenged
  size_t scavenge_limit[2]; // by enum go_scavenging: no pages to scavenge from here on
  size_t freed_limit;       // end of the highest pages freed in this cycle
  uint32_t cycle;
  unsigned align; // pages in a page of the system, at least 1
  unsigned huge;  // pages in a huge page; 0: scavenging need not care
  unsigned batch; // pages committed at a time
  struct tri_budget *budget;
  struct tri_findings *audit; // not NULL: check after every operation and tell it
  void *reservation;
  size_t reserved;
};

// Pages that were handed out.
struct go_run {
  uintptr_t base;
  size_t pages;
  size_t scavenged; // of them: were released before, and are backed by memory when they are touched
  bool needs_zero;  // else all of it is known to be zero
};

enum go_pages_result {
  GO_PAGES_DONE,
  GO_PAGES_NO_ROOM,   // no such run of free pages: go_pages_grow may help
  GO_PAGES_NO_MEMORY, // beyond the budget, or the system refused
};

// Reserve a range of address_bytes, rounded up to whole chunks, that draws on *budget. Address space is not
// memory: more than the budget keeps fragmentation from counting. Touches less than a page per 64 MiB.
// `huge`: ask for huge pages. *pages need not be initialised. False: out of memory, nothing is held.
bool go_pages_init(struct go_pages *pages, struct tri_budget *budget, size_t address_bytes, bool huge);

// Give back everything.
void go_pages_fini(struct go_pages *pages);

static inline bool go_pages_has(const struct go_pages *pages, uintptr_t address) {
  return address - pages->base < pages->grown * GO_PAGE_BYTES;
}
static inline size_t go_page_of(const struct go_pages *pages, uintptr_t address) {
  return (address - pages->base) / GO_PAGE_BYTES;
}
static inline uintptr_t go_page_address(const struct go_pages *pages, size_t page) {
  return pages->base + page * GO_PAGE_BYTES;
}

// Add chunks for n more pages. They are free and released; no memory is taken. False: the range is used up,
// nothing has changed.
bool go_pages_grow(struct go_pages *pages, size_t n);

// n pages (1 …), the lowest that are free. When the budget lacks the memory, other free pages are scavenged
// for it. Unless it is DONE, nothing is allocated.
enum go_pages_result go_pages_alloc(struct go_pages *pages, size_t n, struct go_run *run);

// Free pages that were handed out by whichever call; they need not be all of a run.
void go_pages_free(struct go_pages *pages, uintptr_t base, size_t n);

// -------------------------------------------------------------------------------- page caches

// A zeroed struct is an empty cache.
struct go_page_cache {
  size_t first;       // page, a multiple of GO_CACHE_PAGES
  uint64_t free;      // bit i: page first + i is here
  uint64_t scavenged; // of them
};

// The same for 1 to GO_CACHED_MAX pages: an empty cache is filled with the word of the first free page; the
// lowest run in the cache that is long enough is taken, or without one, a run as go_pages_alloc finds it.
enum go_pages_result go_page_cache_alloc(struct go_pages *pages, struct go_page_cache *cache, size_t n,
                                         struct go_run *run);

// Give back what is in the cache, and empty it.
void go_page_cache_flush(struct go_pages *pages, struct go_page_cache *cache);

// -------------------------------------------------------------------------------- scavenging

// Give free pages back to the system, highest addresses first, until that is `bytes` or there are no more.
// Returns the bytes, which may be more.
size_t go_pages_scavenge(struct go_pages *pages, size_t bytes, enum go_scavenging how);

// The same for one piece, in two halves, so that the lock need not be held in between: begin takes at most
// `bytes` (see go_chunk_scavengeable) out of the heap, the caller gives run->base … back by go_run_discard
// (without lock), end makes them free. False from begin: there is nothing to scavenge.
bool go_pages_scavenge_begin(struct go_pages *pages, size_t bytes, enum go_scavenging how,
                             struct go_run *run);
void go_run_discard(const struct go_run *run);
void go_pages_scavenge_end(struct go_pages *pages, const struct go_run *run);

// A collection cycle has begun: what was freed before is open to the background scavenger.
void go_pages_next_cycle(struct go_pages *pages);

// -------------------------------------------------------------------------------- looking

// Bytes. in_use + free + released = mapped. Pages in caches count as in use, unless they are scavenged.
struct go_pages_usage {
  size_t in_use, free, released, mapped;
  size_t metadata; // tables, address space that is used when it is touched
};
struct go_pages_usage go_pages_usage(const struct go_pages *pages);

// Compute bitmaps' counts, the whole tree of summaries and all else that is listed above anew, and tell the
// first difference. True: there is none.
bool go_pages_check(const struct go_pages *pages, struct tri_findings *findings);

#endif
