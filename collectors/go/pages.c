#include "go/pages.h"

#include <string.h>

#include "common/os.h"
#include "common/poison.h"

enum { ENTRIES = 8 }; // that an entry above the leaves summarises

#define NO_PAGE SIZE_MAX
#define HUGE_BYTES (GO_HUGE_PAGES * GO_PAGE_BYTES)

static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }
static size_t larger(size_t a, size_t b) { return a > b ? a : b; }
static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
static unsigned count_bits(uint64_t word) { return (unsigned)__builtin_popcountll(word); }

// ---------------------------------------------------------------------- bitmaps of a chunk

// Bits from, from + 1, … (n >= 1 of them) of word w of a bitmap, as far as they lie in it.
static uint64_t bits_in_word(size_t w, size_t from, size_t n) {
  size_t first = w * 64, last = from + n;
  uint64_t bits = ~UINT64_C(0);
  if (from > first) bits &= ~UINT64_C(0) << (from - first);
  if (last < first + 64) bits &= ~UINT64_C(0) >> (first + 64 - last);
  return bits;
}

// The bits at which n (1 … 64) set bits begin (Warren, Hacker's Delight, 6-3).
static uint64_t runs_of(uint64_t bits, size_t n) {
  for (size_t have = 1, step; have < n && bits; have += step) {
    step = smaller(have, n - have);
    bits &= bits >> step;
  }
  return bits;
}

// Each aligned group of `align` bits becomes all ones unless it is all zeroes.
static uint64_t fill_groups(uint64_t bits, unsigned align) {
  uint64_t group = ~UINT64_C(0) >> (64 - align), lowest = ~UINT64_C(0) / group;
  for (unsigned step = 1; step < align; step *= 2) bits |= bits >> step;
  return (bits & lowest) * group;
}

uint64_t go_chunk_summary(const uint64_t alloc[GO_CHUNK_WORDS]) {
  size_t start = 0, max = 0, run = 0;
  bool any = false;
  for (size_t w = 0; w < GO_CHUNK_WORDS; w++) { // runs that begin or end with a word
    if (alloc[w] == 0) {
      run += 64;
      continue;
    }
    run += (size_t)__builtin_ctzll(alloc[w]);
    if (!any) start = run;
    any = true;
    max = larger(max, run);
    run = (size_t)__builtin_clzll(alloc[w]);
  }
  if (!any) return go_summary(run, run, run);
  max = larger(max, run);
  for (size_t w = 0; w < GO_CHUNK_WORDS && max < 62; w++) // runs within a word
    for (uint64_t at = runs_of(~alloc[w], max + 1); at; at &= at >> 1) max++;
  return go_summary(start, max, run);
}

unsigned go_chunk_find(const uint64_t alloc[GO_CHUNK_WORDS], size_t n, unsigned from, unsigned *first_free) {
  size_t run = 0;
  *first_free = GO_CHUNK_PAGES;
  for (unsigned w = from / 64; w < GO_CHUNK_WORDS; w++) {
    uint64_t free = ~alloc[w];
    if (w == from / 64) free &= ~UINT64_C(0) << from % 64;
    if (!free) {
      run = 0;
      continue;
    }
    if (*first_free == GO_CHUNK_PAGES) *first_free = w * 64 + (unsigned)__builtin_ctzll(free);
    size_t low = ~free ? (size_t)__builtin_ctzll(~free) : 64;
    if (run + low >= n) return (unsigned)(w * 64 - run);
    if (low == 64) {
      run += 64;
      continue;
    }
    uint64_t within = n < 64 ? runs_of(free, n) : 0;
    if (within) return w * 64 + (unsigned)__builtin_ctzll(within);
    run = (size_t)__builtin_clzll(~free);
  }
  return GO_CHUNK_PAGES;
}

unsigned go_chunk_scavengeable(const struct go_chunk *chunk, unsigned limit, unsigned align, size_t max,
                               unsigned huge, unsigned *start) {
  unsigned end = 0, run = 0;
  for (unsigned w = (limit + 63) / 64; w-- > 0;) { // the highest run: below end, run pages
    uint64_t busy = chunk->alloc[w] | chunk->scavenged[w];
    if (limit < w * 64 + 64) busy |= ~UINT64_C(0) << limit % 64;
    busy = fill_groups(busy, align);
    unsigned above = 0; // pages at the top of the word that are busy
    if (run == 0) {
      if (!~busy) continue;
      above = (unsigned)__builtin_clzll(~busy);
      end = w * 64 + 64 - above;
      busy <<= above;
    }
    if (busy) {
      run += (unsigned)__builtin_clzll(busy);
      break;
    }
    run += 64 - above;
  }
  if (run == 0) return 0;
  max = max >= run ? run : max == 0 ? align : round_up(max, align);
  *start = end - (unsigned)smaller(run, max);
  if (huge) {
    unsigned below = *start & -huge;
    if (below >= end - run && below + huge <= end) *start = below;
  }
  return end - *start;
}

// ---------------------------------------------------------------------- ranges of pages

// Of a range of pages, what lies in the chunk of the first: pages at … at + n - 1 of chunk c.
struct piece {
  size_t c, at, n;
  size_t next; // page after them
};

static struct piece piece_of(size_t first, size_t end) {
  size_t at = first % GO_CHUNK_PAGES, n = smaller(end - first, GO_CHUNK_PAGES - at);
  return (struct piece){first / GO_CHUNK_PAGES, at, n, first + n};
}

static size_t count_scavenged(const struct go_pages *pages, size_t first, size_t n) {
  size_t count = 0;
  for (struct piece p = piece_of(first, first + n); p.n; p = piece_of(p.next, first + n))
    for (size_t w = p.at / 64; w * 64 < p.at + p.n; w++)
      count += count_bits(pages->chunks[p.c].scavenged[w] & bits_in_word(w, p.at, p.n));
  return count;
}

// One entry out of the eight of the level below, each for `size` pages.
static uint64_t merge(const uint64_t summaries[ENTRIES], size_t size) {
  size_t start = 0, max = 0, run = 0;
  bool whole = true; // all so far are free
  for (unsigned i = 0; i < ENTRIES; i++) {
    if (summaries[i] == 0) { // the usual thing
      run = 0;
      whole = false;
      continue;
    }
    size_t begins = go_summary_start(summaries[i]);
    if (whole) start += begins;
    whole &= begins == size;
    max = larger(max, larger(go_summary_max(summaries[i]), run + begins));
    run = begins == size ? run + size : go_summary_end(summaries[i]);
  }
  return go_summary(start, max, run);
}

static bool set_summary(uint64_t *summary, uint64_t value) {
  if (*summary == value) return false;
  *summary = value;
  return true;
}

// Summarise anew what the bitmaps of chunks first … last changed, as far up as it makes a difference.
static void update(struct go_pages *pages, size_t first, size_t last) {
  bool changed = false;
  for (size_t c = first; c <= last; c++)
    changed |= set_summary(&pages->summary[GO_LEVELS - 1][c], go_chunk_summary(pages->chunks[c].alloc));
  for (unsigned level = GO_LEVELS - 1; level-- > 0 && changed;) {
    changed = false;
    first /= ENTRIES, last /= ENTRIES;
    for (size_t i = first; i <= last; i++)
      changed |= set_summary(&pages->summary[level][i],
                             merge(&pages->summary[level + 1][i * ENTRIES], go_level_pages(level + 1)));
  }
}

static void set_in_use(struct go_pages *pages, size_t c, unsigned in_use) {
  struct go_chunk_use *use = &pages->use[c];
  if (use->cycle != pages->cycle) {
    use->last_in_use = use->in_use;
    use->cycle = pages->cycle;
  }
  use->in_use = (uint16_t)in_use;
}

// Free pages of word w of chunk c become allocated. Returns how many of them were scavenged; none is any
// more.
static unsigned take_bits(struct go_pages *pages, size_t c, size_t w, uint64_t bits) {
  struct go_chunk *chunk = &pages->chunks[c];
  TRI_ASSERT(!(chunk->alloc[w] & bits));
  unsigned scavenged = count_bits(chunk->scavenged[w] & bits);
  chunk->alloc[w] |= bits;
  chunk->scavenged[w] &= ~bits;
  pages->scavenged -= scavenged;
  pages->allocated += count_bits(bits);
  set_in_use(pages, c, pages->use[c].in_use + count_bits(bits));
  return scavenged;
}

// Allocated pages become free.
static void give_bits(struct go_pages *pages, size_t c, size_t w, uint64_t bits) {
  struct go_chunk *chunk = &pages->chunks[c];
  TRI_ASSERT(!(~chunk->alloc[w] & bits));
  chunk->alloc[w] &= ~bits;
  pages->allocated -= count_bits(bits);
  set_in_use(pages, c, pages->use[c].in_use - count_bits(bits));
}

static size_t set_allocated(struct go_pages *pages, size_t first, size_t n) {
  size_t scavenged = 0;
  for (struct piece p = piece_of(first, first + n); p.n; p = piece_of(p.next, first + n))
    for (size_t w = p.at / 64; w * 64 < p.at + p.n; w++)
      scavenged += take_bits(pages, p.c, w, bits_in_word(w, p.at, p.n));
  update(pages, first / GO_CHUNK_PAGES, (first + n - 1) / GO_CHUNK_PAGES);
  return scavenged;
}

static void set_free(struct go_pages *pages, size_t first, size_t n) {
  for (struct piece p = piece_of(first, first + n); p.n; p = piece_of(p.next, first + n))
    for (size_t w = p.at / 64; w * 64 < p.at + p.n; w++) give_bits(pages, p.c, w, bits_in_word(w, p.at, p.n));
  pages->search = smaller(pages->search, first);
  update(pages, first / GO_CHUNK_PAGES, (first + n - 1) / GO_CHUNK_PAGES);
}

// The scavenger may find something in pages first … end - 1.
static void note_freed(struct go_pages *pages, size_t first, size_t end) {
  for (size_t c = first / GO_CHUNK_PAGES; c <= (end - 1) / GO_CHUNK_PAGES; c++)
    pages->candidates[c / 64] |= UINT64_C(1) << c % 64;
  pages->scavenge_limit[GO_SCAVENGE_FORCED] = larger(pages->scavenge_limit[GO_SCAVENGE_FORCED], end);
  pages->freed_limit = larger(pages->freed_limit, end);
}

// In hostile runs, look at everything after each operation.
static void audit(const struct go_pages *pages) {
  if (TRI_UNLIKELY(pages->audit)) go_pages_check(pages, pages->audit);
}

// ---------------------------------------------------------------------- the heap

bool go_pages_init(struct go_pages *pages, struct tri_budget *budget, size_t address_bytes, bool huge) {
  *pages = (struct go_pages){.budget = budget, .huge = GO_HUGE_PAGES};
  if (address_bytes > GO_PAGE_BYTES << GO_PAGES_LOG2_MAX) address_bytes = GO_PAGE_BYTES << GO_PAGES_LOG2_MAX;
  pages->n_chunks = larger(round_up(address_bytes, GO_CHUNK_BYTES) / GO_CHUNK_BYTES, 1);
  pages->align = (unsigned)larger(tri_os_page_bytes() / GO_PAGE_BYTES, 1);
  // Small heaps do not touch much and under tools pay for what is committed.
  pages->batch = pages->n_chunks < GO_ARENA_PAGES / GO_CHUNK_PAGES ? 32 : GO_CHUNK_PAGES;

  // The tables end where the pages begin, and are accessible from the start. Whoever looks among the first
  // entries of the tables of a small heap finds all of them in a page or two.
  size_t entries = 0;
  for (unsigned level = 0; level < GO_LEVELS; level++) {
    size_t n = round_up(pages->n_chunks * GO_CHUNK_PAGES, go_level_pages(level)) / go_level_pages(level);
    pages->n_entries[level] = level == 0 ? n : round_up(n, ENTRIES);
    entries += pages->n_entries[level];
  }
  size_t words = round_up(pages->n_chunks, 64) / 64;
  size_t bytes = (entries + words) * sizeof(uint64_t) +
                 pages->n_chunks * (sizeof(struct go_chunk_use) + sizeof(struct go_chunk));
  size_t tables = round_up(bytes, tri_os_page_bytes()), front = round_up(tables, HUGE_BYTES);
  pages->reserved = front + pages->n_chunks * GO_CHUNK_BYTES;
  pages->reservation = tri_os_reserve(pages->reserved, HUGE_BYTES);
  if (!pages->reservation) return false;
  char *at = (char *)pages->reservation + front - tables;
  if (!tri_os_commit(at, tables)) {
    go_pages_fini(pages);
    return false;
  }
  pages->base = (uintptr_t)pages->reservation + front;
  if (huge) tri_os_huge((void *)pages->base, pages->n_chunks * GO_CHUNK_BYTES);
  uint64_t *word = (uint64_t *)at;
  for (unsigned level = 0; level < GO_LEVELS; word += pages->n_entries[level++]) pages->summary[level] = word;
  pages->candidates = word;
  pages->use = (struct go_chunk_use *)(word + words);
  pages->chunks = (struct go_chunk *)(pages->use + pages->n_chunks);
  return true;
}

void go_pages_fini(struct go_pages *pages) { tri_os_release(pages->reservation, pages->reserved); }

bool go_pages_grow(struct go_pages *pages, size_t n) {
  size_t first = pages->grown / GO_CHUNK_PAGES;
  if (n > (pages->n_chunks - first) * GO_CHUNK_PAGES) return false;
  n = round_up(n, GO_CHUNK_PAGES);
  size_t end = first + n / GO_CHUNK_PAGES;
  for (size_t c = first; c < end; c++)
    memset(pages->chunks[c].scavenged, 0xff, sizeof pages->chunks[c].scavenged);
  pages->grown += n;
  pages->scavenged += n;
  update(pages, first, end - 1);
  audit(pages);
  return true;
}

// Make pages below `end` accessible.
static bool commit(struct go_pages *pages, size_t end) {
  if (end <= pages->committed) return true;
  end = smaller(round_up(end, pages->batch), pages->grown);
  void *start = (void *)go_page_address(pages, pages->committed);
  size_t bytes = (end - pages->committed) * GO_PAGE_BYTES;
  if (!tri_os_commit(start, bytes)) return false;
  if (TRI_UNLIKELY(TRI_RELAXED_LOAD(&tri_poison_active))) tri_poison_mark(start, bytes);
  pages->committed = end;
  return true;
}

// Scavenge some of what the budget lacks for n more pages. False when it will not be enough, although all
// free pages but `kept` are scavenged.
static bool make_room(struct go_pages *pages, size_t n, size_t kept) {
  size_t bytes = n * GO_PAGE_BYTES, left = pages->budget->limit - pages->budget->used;
  size_t free = pages->grown - pages->allocated - pages->scavenged;
  return bytes <= left + (free - kept) * GO_PAGE_BYTES &&
         go_pages_scavenge(pages, bytes - left, GO_SCAVENGE_FORCED) > 0;
}

static bool is_scavenged(const struct go_pages *pages, size_t page) {
  return pages->chunks[page / GO_CHUNK_PAGES].scavenged[page % GO_CHUNK_PAGES / 64] >> page % 64 & 1;
}

// A free page is about to be used.
static void unpoison_page(const struct go_pages *pages, size_t page, bool scavenged) {
  void *memory = (void *)go_page_address(pages, page);
  if (scavenged) {
    tri_poison_unmark(memory, GO_PAGE_BYTES);
  } else {
    tri_poison_check(memory, GO_PAGE_BYTES, "go: free page");
    tri_unpoison(memory, GO_PAGE_BYTES);
  }
}

static struct go_run hand_out(const struct go_pages *pages, size_t first, size_t n, size_t scavenged) {
  return (struct go_run){go_page_address(pages, first), n, scavenged, scavenged < n};
}

// ---------------------------------------------------------------------- allocation

// The lowest n free pages, or NO_PAGE. *low, a page below which none is free, is raised to what is seen on
// the way: it is the page found when that is the first free one.
//
// Level by level: a run of free pages may lie within an entry, begin in one and end in a later one, or be all
// of some entries between. The first entry that completes a run says where it is, unless the run is within:
// then the entries below are looked at.
static size_t find(const struct go_pages *pages, size_t n, size_t *low) {
  size_t high = NO_PAGE; // the first free page lies in [*low, high)
  size_t i = *low / go_level_pages(0), end = pages->n_entries[0];
  for (unsigned level = 0;; level++) {
    size_t size = go_level_pages(level), run = 0;
    const uint64_t *summary = pages->summary[level];
    for (; i < end; i++) {
      if (!summary[i]) {
        run = 0;
        continue;
      }
      if (i * size < high) {
        *low = larger(*low, i * size);
        high = smaller(high, (i + 1) * size);
      }
      size_t begins = go_summary_start(summary[i]);
      if (run + begins >= n) return i * size - run;
      if (go_summary_max(summary[i]) >= n) break;
      run = begins == size ? run + size : go_summary_end(summary[i]);
    }
    if (i == end) return NO_PAGE;
    if (level == GO_LEVELS - 1) break;
    i = larger(i * ENTRIES, *low / (size / ENTRIES));
    end = round_up(i + 1, ENTRIES);
  }
  unsigned first_free, at = go_chunk_find(pages->chunks[i].alloc, n, 0, &first_free);
  TRI_ASSERT(at < GO_CHUNK_PAGES);
  return i * GO_CHUNK_PAGES + at;
}

// The same, looking first where the search for it begins.
static size_t find_first(const struct go_pages *pages, size_t n, size_t *low) {
  *low = pages->search;
  if (*low == pages->grown) return NO_PAGE;
  size_t c = *low / GO_CHUNK_PAGES;
  if (go_summary_max(pages->summary[GO_LEVELS - 1][c]) < n) return find(pages, n, low);
  unsigned first_free, at = go_chunk_find(pages->chunks[c].alloc, n, *low % GO_CHUNK_PAGES, &first_free);
  TRI_ASSERT(at < GO_CHUNK_PAGES);
  *low = c * GO_CHUNK_PAGES + first_free;
  return c * GO_CHUNK_PAGES + at;
}

enum go_pages_result go_pages_alloc(struct go_pages *pages, size_t n, struct go_run *run) {
  TRI_ASSERT(n > 0);
  size_t low, first = find_first(pages, n, &low), scavenged;
  if (first == NO_PAGE) {
    pages->search = n == 1 ? pages->grown : low;
    audit(pages);
    return GO_PAGES_NO_ROOM;
  }
  if (!commit(pages, first + n)) return GO_PAGES_NO_MEMORY;
  // Scavenging for the budget may hit pages of the very run, of which there are more to pay for then.
  while (scavenged = count_scavenged(pages, first, n),
         !tri_budget_take(pages->budget, scavenged * GO_PAGE_BYTES))
    if (!make_room(pages, scavenged, n - scavenged)) return GO_PAGES_NO_MEMORY;
  if (TRI_UNLIKELY(TRI_RELAXED_LOAD(&tri_poison_active)))
    for (size_t page = first; page < first + n; page++) unpoison_page(pages, page, is_scavenged(pages, page));
  set_allocated(pages, first, n);
  pages->search = first == low ? first + n : low;
  *run = hand_out(pages, first, n, scavenged);
  audit(pages);
  return GO_PAGES_DONE;
}

void go_pages_free(struct go_pages *pages, uintptr_t base, size_t n) {
  size_t first = go_page_of(pages, base);
  TRI_ASSERT(n > 0 && go_page_address(pages, first) == base && first + n <= pages->grown);
  tri_poison((void *)base, n * GO_PAGE_BYTES);
  set_free(pages, first, n);
  note_freed(pages, first, first + n);
  audit(pages);
}

// ---------------------------------------------------------------------- page caches

// Take the free pages of the word that has the first free page. False: no page is free.
static bool fill_cache(struct go_pages *pages, struct go_page_cache *cache) {
  size_t low, first = find_first(pages, 1, &low);
  if (first == NO_PAGE) {
    pages->search = pages->grown;
    return false;
  }
  size_t c = first / GO_CHUNK_PAGES, w = first % GO_CHUNK_PAGES / 64;
  *cache = (struct go_page_cache){.first = first & -(size_t)GO_CACHE_PAGES,
                                  .free = ~pages->chunks[c].alloc[w],
                                  .scavenged = pages->chunks[c].scavenged[w]};
  pages->cache_scavenged += take_bits(pages, c, w, cache->free);
  update(pages, c, c);
  pages->search = cache->first + GO_CACHE_PAGES;
  return true;
}

enum go_pages_result go_page_cache_alloc(struct go_pages *pages, struct go_page_cache *cache, size_t n,
                                         struct go_run *run) {
  TRI_ASSERT(n > 0 && n <= GO_CACHED_MAX);
  if (!cache->free && !fill_cache(pages, cache)) {
    audit(pages);
    return GO_PAGES_NO_ROOM;
  }
  uint64_t at = runs_of(cache->free, n);
  if (!at) return go_pages_alloc(pages, n, run);
  unsigned i = (unsigned)__builtin_ctzll(at);
  uint64_t bits = bits_in_word(0, i, n);
  size_t first = cache->first + i, scavenged = count_bits(cache->scavenged & bits);
  if (!commit(pages, first + n)) return GO_PAGES_NO_MEMORY;
  while (!tri_budget_take(pages->budget, scavenged * GO_PAGE_BYTES))
    if (!make_room(pages, scavenged, 0)) return GO_PAGES_NO_MEMORY;
  if (TRI_UNLIKELY(TRI_RELAXED_LOAD(&tri_poison_active)))
    for (size_t k = i; k < i + n; k++) unpoison_page(pages, cache->first + k, cache->scavenged >> k & 1);
  cache->free &= ~bits;
  cache->scavenged &= ~bits;
  pages->cache_scavenged -= scavenged;
  *run = hand_out(pages, first, n, scavenged);
  audit(pages);
  return GO_PAGES_DONE;
}

void go_page_cache_flush(struct go_pages *pages, struct go_page_cache *cache) {
  if (cache->free) {
    size_t c = cache->first / GO_CHUNK_PAGES, w = cache->first % GO_CHUNK_PAGES / 64;
    unsigned scavenged = count_bits(cache->scavenged);
    give_bits(pages, c, w, cache->free);
    pages->chunks[c].scavenged[w] |= cache->scavenged;
    pages->scavenged += scavenged;
    pages->cache_scavenged -= scavenged;
    pages->search = smaller(pages->search, cache->first + (unsigned)__builtin_ctzll(cache->free));
    update(pages, c, c);
    uint64_t bits = cache->free & ~cache->scavenged;
    if (bits)
      note_freed(pages, cache->first + (unsigned)__builtin_ctzll(bits),
                 cache->first + 64 - (unsigned)__builtin_clzll(bits));
  }
  *cache = (struct go_page_cache){0};
  audit(pages);
}

// ---------------------------------------------------------------------- scavenging

static bool is_dense(const struct go_pages *pages, size_t c) {
  const struct go_chunk_use *use = &pages->use[c];
  return use->in_use >= GO_DENSE_PAGES || (use->cycle == pages->cycle && use->last_in_use >= GO_DENSE_PAGES);
}

// The highest candidate chunk with pages below `limit`; false when there is none.
static bool find_candidate(const struct go_pages *pages, size_t limit, size_t *c) {
  size_t last = (limit - 1) / GO_CHUNK_PAGES;
  uint64_t bits = pages->candidates[last / 64] & bits_in_word(0, 0, last % 64 + 1);
  size_t w = last / 64;
  while (!bits && w > 0) bits = pages->candidates[--w];
  if (bits) *c = w * 64 + 63 - (unsigned)__builtin_clzll(bits);
  return bits != 0;
}

bool go_pages_scavenge_begin(struct go_pages *pages, size_t bytes, enum go_scavenging how,
                             struct go_run *run) {
  size_t *limit = &pages->scavenge_limit[how], unit = larger(pages->huge, pages->align), c;
  while (*limit > 0 && find_candidate(pages, *limit, &c)) {
    size_t first = c * GO_CHUNK_PAGES;
    if (how == GO_SCAVENGE_FORCED || !is_dense(pages, c)) {
      // Up to a boundary of huge pages, so that the limit does not hide a part of one.
      unsigned end = (unsigned)smaller(round_up(*limit - first, unit), GO_CHUNK_PAGES), start;
      unsigned n = go_chunk_scavengeable(&pages->chunks[c], end, pages->align,
                                         round_up(bytes, GO_PAGE_BYTES) / GO_PAGE_BYTES, pages->huge, &start);
      if (n) {
        *limit = first + start;
        *run = (struct go_run){.base = go_page_address(pages, first + start), .pages = n};
        set_allocated(pages, first + start, n);
        return true;
      }
      if (end == GO_CHUNK_PAGES || how == GO_SCAVENGE_FORCED)
        pages->candidates[c / 64] &= ~(UINT64_C(1) << c % 64);
    }
    *limit = first;
  }
  *limit = 0;
  return false;
}

void go_run_discard(const struct go_run *run) {
  void *memory = (void *)run->base;
  size_t bytes = run->pages * GO_PAGE_BYTES;
  tri_poison_check(memory, bytes, "go: free page");
  tri_os_discard(memory, bytes);
  if (TRI_UNLIKELY(TRI_RELAXED_LOAD(&tri_poison_active))) tri_poison_mark(memory, bytes);
}

void go_pages_scavenge_end(struct go_pages *pages, const struct go_run *run) {
  size_t first = go_page_of(pages, run->base), end = first + run->pages;
  set_free(pages, first, run->pages);
  for (struct piece p = piece_of(first, end); p.n; p = piece_of(p.next, end))
    for (size_t w = p.at / 64; w * 64 < p.at + p.n; w++)
      pages->chunks[p.c].scavenged[w] |= bits_in_word(w, p.at, p.n);
  pages->scavenged += run->pages;
  tri_budget_give(pages->budget, run->pages * GO_PAGE_BYTES);
  audit(pages);
}

size_t go_pages_scavenge(struct go_pages *pages, size_t bytes, enum go_scavenging how) {
  size_t done = 0;
  struct go_run run;
  while (done < bytes && go_pages_scavenge_begin(pages, bytes - done, how, &run)) {
    go_run_discard(&run);
    go_pages_scavenge_end(pages, &run);
    done += run.pages * GO_PAGE_BYTES;
  }
  return done;
}

void go_pages_next_cycle(struct go_pages *pages) {
  size_t *limit = &pages->scavenge_limit[GO_SCAVENGE_BACKGROUND];
  *limit = larger(*limit, pages->freed_limit);
  pages->freed_limit = 0;
  pages->cycle++;
  audit(pages);
}

// ---------------------------------------------------------------------- looking

struct go_pages_usage go_pages_usage(const struct go_pages *pages) {
  return (struct go_pages_usage){
      .in_use = (pages->allocated - pages->cache_scavenged) * GO_PAGE_BYTES,
      .free = (pages->grown - pages->allocated - pages->scavenged) * GO_PAGE_BYTES,
      .released = (pages->scavenged + pages->cache_scavenged) * GO_PAGE_BYTES,
      .mapped = pages->grown * GO_PAGE_BYTES,
      .metadata = pages->base - (uintptr_t)pages->summary[0],
  };
}

// A difference, told; false, to be passed on.
#define DIFFERS(...) (tri_find(findings, __VA_ARGS__), false)

TRI_NO_COVERAGE static bool check_chunk(const struct go_pages *pages, size_t c,
                                        struct tri_findings *findings) {
  const struct go_chunk *chunk = &pages->chunks[c];
  unsigned in_use = 0;
  for (size_t w = 0; w < GO_CHUNK_WORDS; w++) {
    uint64_t free = ~chunk->alloc[w], twice = chunk->alloc[w] & chunk->scavenged[w];
    size_t page = c * GO_CHUNK_PAGES + w * 64;
    if (twice) return DIFFERS("page %zu is allocated, but scavenged", page + (size_t)__builtin_ctzll(twice));
    in_use += count_bits(chunk->alloc[w]);
    if (free && page + (size_t)__builtin_ctzll(free) < pages->search)
      return DIFFERS("page %zu is free, but searches begin at %zu", page + (size_t)__builtin_ctzll(free),
                     pages->search);
    uint64_t backed = free & ~chunk->scavenged[w];
    if (backed && page + 63 - (size_t)__builtin_clzll(backed) >= pages->committed)
      return DIFFERS("page %zu is neither committed (up to %zu) nor scavenged",
                     page + 63 - (size_t)__builtin_clzll(backed), pages->committed);
  }
  if (in_use != pages->use[c].in_use)
    return DIFFERS("chunk %zu: %u pages are allocated, but in_use = %u", c, in_use, pages->use[c].in_use);
  unsigned start, n = go_chunk_scavengeable(chunk, GO_CHUNK_PAGES, pages->align, 0, 0, &start);
  size_t end = c * GO_CHUNK_PAGES + start + n, limit = pages->scavenge_limit[GO_SCAVENGE_FORCED];
  if (n && !(pages->candidates[c / 64] >> c % 64 & 1))
    return DIFFERS("chunk %zu: page %zu can be scavenged, but the chunk is no candidate", c, end - 1);
  if (n && end > round_up(limit, larger(pages->huge, pages->align)))
    return DIFFERS("page %zu can be scavenged, but that is looked for below %zu", end - 1, limit);
  return true;
}

TRI_NO_COVERAGE static bool check_summary(const struct go_pages *pages, unsigned level, size_t i,
                                          uint64_t expected, struct tri_findings *findings) {
  uint64_t found = pages->summary[level][i];
  if (found == expected) return true;
  return DIFFERS("summary %zu of level %u is %zu, %zu, %zu (%#llx), but should be %zu, %zu, %zu", i, level,
                 go_summary_start(found), go_summary_max(found), go_summary_end(found),
                 (unsigned long long)found, go_summary_start(expected), go_summary_max(expected),
                 go_summary_end(expected));
}

TRI_NO_COVERAGE static bool check_counts(const struct go_pages *pages, struct tri_findings *findings) {
  size_t allocated = 0, scavenged = 0;
  for (size_t c = 0; c < pages->n_chunks; c++)
    for (size_t w = 0; w < GO_CHUNK_WORDS; w++) {
      uint64_t alloc = pages->chunks[c].alloc[w], scavenged_word = pages->chunks[c].scavenged[w];
      if (c * GO_CHUNK_PAGES >= pages->grown && (alloc | scavenged_word))
        return DIFFERS("chunk %zu: has bits, but the heap ends at page %zu", c, pages->grown);
      allocated += count_bits(alloc);
      scavenged += count_bits(scavenged_word);
    }
  if (allocated != pages->allocated)
    return DIFFERS("%zu pages are allocated, the count says %zu", allocated, pages->allocated);
  if (scavenged != pages->scavenged)
    return DIFFERS("%zu pages are scavenged, the count says %zu", scavenged, pages->scavenged);
  size_t charged = (pages->grown - scavenged - pages->cache_scavenged) * GO_PAGE_BYTES;
  if (charged > pages->budget->used)
    return DIFFERS("%zu bytes are in use or free, but %zu of the budget are used", charged,
                   pages->budget->used);
  return true;
}

TRI_NO_COVERAGE bool go_pages_check(const struct go_pages *pages, struct tri_findings *findings) {
  if (pages->grown % GO_CHUNK_PAGES || pages->grown > pages->n_chunks * GO_CHUNK_PAGES)
    return DIFFERS("the heap has %zu pages, not whole ones of %zu chunks", pages->grown, pages->n_chunks);
  if (pages->search > pages->grown)
    return DIFFERS("searches begin at page %zu, but the heap ends at %zu", pages->search, pages->grown);
  if (pages->committed > pages->grown)
    return DIFFERS("pages below %zu are committed, but the heap ends at %zu", pages->committed, pages->grown);
  for (size_t c = 0; c < pages->grown / GO_CHUNK_PAGES; c++)
    if (!check_chunk(pages, c, findings)) return false;
  for (size_t i = 0; i < pages->n_entries[GO_LEVELS - 1]; i++) {
    bool grown = i * GO_CHUNK_PAGES < pages->grown;
    if (!check_summary(pages, GO_LEVELS - 1, i, grown ? go_chunk_summary(pages->chunks[i].alloc) : 0,
                       findings))
      return false;
  }
  for (unsigned level = GO_LEVELS - 1; level-- > 0;)
    for (size_t i = 0; i < pages->n_entries[level]; i++) {
      bool below = i * ENTRIES < pages->n_entries[level + 1];
      uint64_t expected =
          below ? merge(&pages->summary[level + 1][i * ENTRIES], go_level_pages(level + 1)) : 0;
      if (!check_summary(pages, level, i, expected, findings)) return false;
    }
  return check_counts(pages, findings);
}
