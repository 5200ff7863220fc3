// The page heap: bitmaps, summaries and scavenging candidates against brute force; random sequences on the
// heap against a model that knows each page; failing system calls and a small budget; and that the check sees
// damage.
//   test.go.pages [seed]   runs the tests
//   test.go.pages measure  prints what pages and heaps cost
#include "go/pages.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/check.h"
#include "common/os.h"
#include "common/poison.h"
#include "common/random.h"

static struct tri_random source;
static size_t below(size_t n) { return (size_t)tri_random_below(&source, n); }
static bool one_in(size_t n) { return below(n) == 0; }
static size_t larger(size_t a, size_t b) { return a > b ? a : b; }
static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

static void print(void *context, const char *text) { (void)context, fprintf(stderr, "  %s\n", text); }
static void ignore(void *context, const char *text) { (void)context, (void)text; }
static const struct tri_reporter printer = {print, NULL}, silence = {ignore, NULL};

static bool is_sound(const struct go_pages *pages) {
  struct tri_findings findings = {&printer, 0};
  return go_pages_check(pages, &findings) && findings.count == 0;
}

// -------------------------------------------------------------------------------- one chunk

// Pages of a chunk as bytes: what the bitmaps say, one page at a time.
static void set_page(uint64_t bits[GO_CHUNK_WORDS], size_t page, bool on) {
  uint64_t bit = UINT64_C(1) << page % 64;
  bits[page / 64] = on ? bits[page / 64] | bit : bits[page / 64] & ~bit;
}
static bool get_page(const uint64_t bits[GO_CHUNK_WORDS], size_t page) {
  return bits[page / 64] >> page % 64 & 1;
}

// Random runs of ones and zeroes, mostly of about `scale` pages.
static void randomise(uint64_t bits[GO_CHUNK_WORDS], size_t scale) {
  bool on = one_in(2);
  for (size_t page = 0, next; page < GO_CHUNK_PAGES; page = next, on = !on) {
    next = page + 1 + below(one_in(8) ? 200 : scale);
    for (size_t i = page; i < next && i < GO_CHUNK_PAGES; i++) set_page(bits, i, on);
  }
}

static uint64_t slow_summary(const uint64_t alloc[GO_CHUNK_WORDS]) {
  size_t start = 0, max = 0, run = 0;
  for (size_t page = 0; page < GO_CHUNK_PAGES; page++) {
    run = get_page(alloc, page) ? 0 : run + 1;
    if (run == page + 1) start = run;
    max = larger(max, run);
  }
  return go_summary(start, max, run);
}

static unsigned slow_find(const uint64_t alloc[GO_CHUNK_WORDS], size_t n, size_t from, unsigned *first_free) {
  size_t run = 0;
  *first_free = GO_CHUNK_PAGES;
  for (size_t page = from; page < GO_CHUNK_PAGES; page++) {
    run = get_page(alloc, page) ? 0 : run + 1;
    if (run && *first_free == GO_CHUNK_PAGES) *first_free = (unsigned)page;
    if (run == n) return (unsigned)(page + 1 - n);
  }
  return GO_CHUNK_PAGES;
}

// Pages from … to - 1 can be scavenged, all of them.
static bool all_idle(const struct go_chunk *chunk, size_t from, size_t to) {
  for (size_t page = from; page < to; page++)
    if (get_page(chunk->alloc, page) || get_page(chunk->scavenged, page)) return false;
  return true;
}

static unsigned slow_scavengeable(const struct go_chunk *chunk, size_t limit, size_t align, size_t max,
                                  size_t huge, unsigned *start) {
  size_t end = limit;
  while (end > 0 && !all_idle(chunk, end - align, end)) end -= align;
  size_t from = end;
  while (from > 0 && all_idle(chunk, from - align, from)) from -= align;
  size_t at = larger(from, end - smaller(end, larger(round_up(max, align), align)));
  if (huge && at / huge * huge >= from && round_up(at + 1, huge) <= end) at = at / huge * huge;
  *start = (unsigned)at;
  return (unsigned)(end - at);
}

static void test_chunk_at_random(void) {
  for (int i = 0; i < 20000; i++) {
    struct go_chunk chunk;
    size_t scale = (size_t)1 << below(8);
    randomise(chunk.alloc, scale);
    randomise(chunk.scavenged, scale);
    if (one_in(20)) memset(chunk.alloc, 0, sizeof chunk.alloc);
    if (one_in(20)) memset(chunk.alloc, 0xff, sizeof chunk.alloc);
    if (one_in(20)) memset(chunk.scavenged, 0, sizeof chunk.scavenged);
    for (size_t w = 0; w < GO_CHUNK_WORDS; w++) chunk.scavenged[w] &= ~chunk.alloc[w];
    TRI_CHECK_EQ(go_chunk_summary(chunk.alloc), slow_summary(chunk.alloc));

    size_t n = 1 + below(one_in(2) ? 100 : GO_CHUNK_PAGES + 10), from = one_in(2) ? 0 : below(GO_CHUNK_PAGES);
    unsigned free, expected_free, expected = slow_find(chunk.alloc, n, from, &expected_free);
    TRI_CHECK_EQ(go_chunk_find(chunk.alloc, n, (unsigned)from, &free), expected);
    if (expected < GO_CHUNK_PAGES) TRI_CHECK_EQ(free, expected_free);

    unsigned align = 1u << below(7), limit = (unsigned)round_up(below(GO_CHUNK_PAGES + 1), align), start,
             expected_start;
    unsigned huge = one_in(2) ? 0 : align > 32 || one_in(2) ? GO_HUGE_PAGES : 32;
    size_t max = one_in(4) ? 0 : below(one_in(2) ? 20 : GO_CHUNK_PAGES + 10);
    expected = slow_scavengeable(&chunk, limit, align, max, huge, &expected_start);
    TRI_CHECK_EQ(go_chunk_scavengeable(&chunk, limit, align, max, huge, &start), expected);
    if (expected) TRI_CHECK_EQ(start, expected_start);
  }
}

// Runs within a word are seen wherever the longest run is.
static void test_summary(void) {
  for (size_t edge = 0; edge <= 64; edge++)
    for (size_t within = 0; within <= 62; within++) {
      uint64_t alloc[GO_CHUNK_WORDS];
      memset(alloc, 0xff, sizeof alloc);
      for (size_t k = 0; k < edge; k++) set_page(alloc, 100 + k, false); // ends, begins or is a word
      for (size_t k = 0; k < within; k++) set_page(alloc, 5 * 64 + 1 + k, false);
      TRI_CHECK_EQ(go_chunk_summary(alloc), go_summary(0, larger(edge, within), 0));
    }
}

// The cases that tell the rules apart. A chunk that is in use but for the runs listed.
static void test_scavengeable(void) {
  static const struct {
    const char *what;
    unsigned runs[3][2]; // first page, pages: free
    unsigned taken[2];   // first page, pages: of them, scavenged
    unsigned align;
    size_t max;
    unsigned huge, start, n;
  } cases[] = {
      {"none", {{0, 0}}, {0, 0}, 1, 1, 0, 0, 0},
      {"one page", {{17, 1}}, {0, 0}, 1, 1, 0, 17, 1},
      {"the first page", {{0, 1}}, {0, 0}, 1, 1, 0, 0, 1},
      {"the last page", {{511, 1}}, {0, 0}, 1, 1, 0, 511, 1},
      {"highest run first", {{3, 60}, {200, 2}}, {0, 0}, 1, 512, 0, 200, 2},
      {"a run goes no further than the request", {{100, 50}}, {0, 0}, 1, 7, 0, 143, 7},
      {"the end of the run goes first", {{0, 512}}, {0, 0}, 1, 1, 0, 511, 1},
      {"no request is one page", {{100, 50}}, {0, 0}, 1, 0, 0, 149, 1},
      {"no request is one group", {{96, 64}}, {0, 0}, 16, 0, 0, 144, 16},
      {"a request is rounded up", {{64, 128}}, {0, 0}, 8, 9, 0, 176, 16},
      {"a request below a group is a group", {{64, 128}}, {0, 0}, 64, 1, 0, 128, 64},
      {"whole groups only", {{65, 126}}, {0, 0}, 64, 512, 0, 0, 0},
      {"whole groups within a run", {{62, 67}}, {0, 0}, 2, 512, 0, 62, 66},
      {"a run across words", {{60, 140}}, {0, 0}, 1, 512, 0, 60, 140},
      {"what is scavenged is left out", {{100, 50}}, {140, 10}, 1, 512, 0, 100, 40},
      {"what is scavenged ends a run", {{100, 50}}, {120, 10}, 1, 512, 0, 130, 20},
      {"a scavenged page spoils its group", {{0, 64}}, {63, 1}, 4, 512, 0, 0, 60},
      {"a free huge page goes whole", {{0, 512}}, {0, 0}, 1, 1, 256, 256, 256},
      {"but only one that is needed", {{0, 512}}, {0, 0}, 1, 256, 256, 256, 256},
      {"and the one that the piece begins in", {{0, 512}}, {0, 0}, 1, 257, 256, 0, 512},
      {"one in use may be broken up", {{1, 255}}, {0, 0}, 1, 1, 256, 255, 1},
      {"with what lies above it", {{256, 200}, {10, 100}}, {0, 0}, 1, 1, 256, 455, 1},
      {"a whole one below a part of one", {{0, 300}}, {0, 0}, 1, 50, 256, 0, 300},
      {"a part of one above a whole one", {{0, 300}}, {0, 0}, 1, 44, 256, 256, 44},
      {"one with a scavenged page is no huge page", {{0, 512}}, {300, 1}, 1, 1, 256, 511, 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct go_chunk chunk;
    memset(chunk.alloc, 0xff, sizeof chunk.alloc);
    memset(chunk.scavenged, 0, sizeof chunk.scavenged);
    for (size_t r = 0; r < 3; r++)
      for (unsigned k = 0; k < cases[i].runs[r][1]; k++)
        set_page(chunk.alloc, cases[i].runs[r][0] + k, false);
    for (unsigned k = 0; k < cases[i].taken[1]; k++) set_page(chunk.scavenged, cases[i].taken[0] + k, true);
    unsigned start = 0, n = go_chunk_scavengeable(&chunk, GO_CHUNK_PAGES, cases[i].align, cases[i].max,
                                                  cases[i].huge, &start);
    if (n != cases[i].n || (n && start != cases[i].start)) fprintf(stderr, "case: %s\n", cases[i].what);
    TRI_CHECK_EQ(n, cases[i].n);
    if (n) TRI_CHECK_EQ(start, cases[i].start);
  }
}

// -------------------------------------------------------------------------------- a heap and its model

enum { MODEL_PAGES = 4200 * GO_CHUNK_PAGES, RUNS = 4000, CACHES = 3, LAST_WORD = GO_PAGE_BYTES / 8 - 1 };
enum state { OUTSIDE, FREE, USED, CACHED }; // FREE may be scavenged

struct model {
  struct go_pages pages;
  struct tri_budget budget;
  struct tri_findings findings;
  struct go_page_cache caches[CACHES];
  uint8_t state[MODEL_PAGES];
  bool scavenged[MODEL_PAGES]; // FREE or CACHED
  bool dirty[MODEL_PAGES];     // written to since it came from the system
  size_t grown, n_used, n_scavenged;
  struct {
    size_t first, n;
    uint64_t stamp; // in its first word and its last, unless 0
  } runs[RUNS];
  size_t n_runs;
  uint64_t stamps;
  bool touches; // memory, that is
};
static struct model t; // large

static void create(size_t address_bytes, size_t limit, bool touches) {
  memset(&t, 0, sizeof t);
  t.touches = touches;
  t.budget.limit = limit;
  t.findings.reporter = &printer;
  TRI_CHECK(go_pages_init(&t.pages, &t.budget, address_bytes, false));
  t.pages.audit = &t.findings;
}

static void destroy(void) {
  TRI_CHECK(is_sound(&t.pages));
  go_pages_fini(&t.pages);
}

// The counts, which each operation may have changed.
static void check_counts(void) {
  TRI_CHECK_EQ(t.findings.count, 0);
  struct go_pages_usage usage = go_pages_usage(&t.pages);
  size_t cached = 0;
  for (size_t k = 0; k < CACHES; k++)
    cached += (size_t)__builtin_popcountll(t.caches[k].free & ~t.caches[k].scavenged);
  TRI_CHECK_EQ(usage.mapped, t.grown * GO_PAGE_BYTES);
  TRI_CHECK_EQ(usage.in_use, (t.n_used + cached) * GO_PAGE_BYTES);
  TRI_CHECK_EQ(usage.released, t.n_scavenged * GO_PAGE_BYTES);
  TRI_CHECK_EQ(usage.in_use + usage.free + usage.released, usage.mapped);
  TRI_CHECK_EQ(t.budget.used, usage.in_use + usage.free);
  TRI_CHECK_LE(t.budget.used, t.budget.limit);
}

// Every page.
static void check_pages(void) {
  for (size_t page = 0; page < t.grown; page++) {
    const struct go_chunk *chunk = &t.pages.chunks[page / GO_CHUNK_PAGES];
    TRI_CHECK_EQ(get_page(chunk->alloc, page % GO_CHUNK_PAGES), t.state[page] != FREE);
    TRI_CHECK_EQ(get_page(chunk->scavenged, page % GO_CHUNK_PAGES),
                 t.state[page] == FREE && t.scavenged[page]);
  }
  for (size_t k = 0; k < CACHES; k++)
    for (size_t i = 0; i < 64; i++) {
      size_t page = t.caches[k].first + i;
      if (!(t.caches[k].free >> i & 1)) continue;
      TRI_CHECK_EQ(t.state[page], CACHED);
      TRI_CHECK_EQ(t.caches[k].scavenged >> i & 1, t.scavenged[page]);
    }
}

static size_t first_fit(size_t n) {
  for (size_t page = 0, run = 0; page < t.grown; page++) {
    run = t.state[page] == FREE ? run + 1 : 0;
    if (run == n) return page + 1 - n;
  }
  return SIZE_MAX;
}

static uint64_t *word_of(size_t page, size_t word) {
  return (uint64_t *)go_page_address(&t.pages, page) + word;
}

static void check_stamps(size_t i) {
  if (!t.runs[i].stamp) return;
  TRI_CHECK_EQ(*word_of(t.runs[i].first, 0), t.runs[i].stamp);
  TRI_CHECK_EQ(*word_of(t.runs[i].first + t.runs[i].n - 1, LAST_WORD), t.runs[i].stamp);
}

// Pages were handed out: is that what the model expects, and are they zero if that is promised?
static void enter(const struct go_run *run, size_t first, size_t n) {
  TRI_CHECK_EQ(go_page_of(&t.pages, run->base), first);
  TRI_CHECK_EQ(run->base % GO_PAGE_BYTES, 0);
  TRI_CHECK_EQ(run->pages, n);
  size_t scavenged = 0, dirty = 0;
  for (size_t page = first; page < first + n; page++) {
    scavenged += t.scavenged[page];
    dirty += t.dirty[page];
    t.state[page] = USED;
    t.scavenged[page] = false;
  }
  t.n_used += n;
  t.n_scavenged -= scavenged;
  TRI_CHECK_EQ(run->scavenged, scavenged);
  TRI_CHECK_EQ(run->needs_zero, scavenged < n);
  if (dirty) TRI_CHECK(run->needs_zero);
  TRI_CHECK_LT(t.n_runs, RUNS);
  t.runs[t.n_runs].first = first;
  t.runs[t.n_runs].n = n;
  t.runs[t.n_runs].stamp = t.touches ? ++t.stamps : 0;
  if (t.touches) {
    uint64_t *ends[] = {word_of(first, 0), word_of(first + n - 1, LAST_WORD)};
    for (size_t e = 0; e < 2; e++) {
      if (!run->needs_zero) TRI_CHECK_EQ(*ends[e], 0);
      *ends[e] = t.stamps;
    }
    t.dirty[first] = t.dirty[first + n - 1] = true;
  }
  t.n_runs++;
}

// The next piece that forced scavenging takes, of at most `bytes`: returns its pages, *first becomes the
// first.
static size_t next_piece(size_t bytes, size_t *first) {
  for (size_t c = t.grown / GO_CHUNK_PAGES; c-- > 0;) {
    struct go_chunk chunk = {0};
    for (size_t i = 0; i < GO_CHUNK_PAGES; i++) {
      set_page(chunk.alloc, i, t.state[c * GO_CHUNK_PAGES + i] != FREE);
      set_page(chunk.scavenged, i, t.scavenged[c * GO_CHUNK_PAGES + i]);
    }
    unsigned start,
        n = slow_scavengeable(&chunk, GO_CHUNK_PAGES, t.pages.align,
                              round_up(bytes, GO_PAGE_BYTES) / GO_PAGE_BYTES, t.pages.huge, &start);
    *first = c * GO_CHUNK_PAGES + start;
    if (n) return n;
  }
  return 0;
}

static void scavenge_piece(size_t first, size_t n) {
  for (size_t page = first; page < first + n; page++) {
    TRI_CHECK(t.state[page] == FREE && !t.scavenged[page]);
    t.scavenged[page] = true;
    t.dirty[page] = false;
  }
  t.n_scavenged += n;
}

static size_t slow_scavenge(size_t bytes) {
  size_t done = 0, first;
  for (size_t n; done < bytes && (n = next_piece(bytes - done, &first)) > 0; done += n * GO_PAGE_BYTES)
    scavenge_piece(first, n);
  return done;
}

// Scavenge what the budget lacks for n pages at `first`. False when it will never be enough.
static bool make_room(size_t first, size_t n) {
  for (;;) {
    size_t used = (t.grown - t.n_scavenged) * GO_PAGE_BYTES, left = t.budget.limit - used, need = 0, idle = 0;
    for (size_t page = first; page < first + n; page++) need += t.scavenged[page] ? GO_PAGE_BYTES : 0;
    for (size_t page = 0; page < t.grown; page++)
      idle += t.state[page] == FREE && !t.scavenged[page] && !(page >= first && page < first + n);
    if (need <= left) return true;
    if (need > left + idle * GO_PAGE_BYTES || slow_scavenge(need - left) == 0) return false;
  }
}

static bool grow(size_t n) {
  size_t room = t.pages.n_chunks * GO_CHUNK_PAGES - t.grown;
  bool done = go_pages_grow(&t.pages, n);
  TRI_CHECK_EQ(done, n <= room);
  for (size_t k = 0; done && k < round_up(n, GO_CHUNK_PAGES); k++, t.grown++, t.n_scavenged++) {
    t.state[t.grown] = FREE;
    t.scavenged[t.grown] = true;
  }
  check_counts();
  return done;
}

static size_t failures; // of the system so far, when an operation begins

// What an allocation of n pages at `first` (SIZE_MAX: nowhere) should have come to.
static void check_result(enum go_pages_result result, const struct go_run *run, size_t first, size_t n) {
  if (first == SIZE_MAX) {
    TRI_CHECK_EQ(result, GO_PAGES_NO_ROOM);
  } else if (tri_os_failures() != failures || !make_room(first, n)) {
    TRI_CHECK_EQ(result, GO_PAGES_NO_MEMORY);
  } else {
    TRI_CHECK_EQ(result, GO_PAGES_DONE);
    enter(run, first, n);
  }
  check_counts();
}

static enum go_pages_result allocate(size_t n) {
  struct go_run run;
  failures = tri_os_failures();
  enum go_pages_result result = go_pages_alloc(&t.pages, n, &run);
  check_result(result, &run, first_fit(n), n);
  return result;
}

static enum go_pages_result allocate_cached(size_t k, size_t n) {
  struct go_run run;
  struct go_page_cache *cache = &t.caches[k];
  uint64_t free = cache->free;
  size_t group = cache->first, at = 0;
  if (!free && first_fit(1) != SIZE_MAX) { // what it will be filled with
    group = first_fit(1) / 64 * 64;
    for (size_t i = 0; i < 64; i++)
      if (t.state[group + i] == FREE) {
        free |= UINT64_C(1) << i;
        t.state[group + i] = CACHED;
      }
  }
  uint64_t wanted = (UINT64_C(1) << n) - 1;
  while (at + n <= 64 && (free >> at & wanted) != wanted) at++;
  size_t first = at + n <= 64 ? group + at : first_fit(n);
  failures = tri_os_failures();
  enum go_pages_result result = go_page_cache_alloc(&t.pages, cache, n, &run);
  check_result(result, &run, first, n);
  return result;
}

static void flush(size_t k) {
  for (size_t i = 0; i < 64; i++)
    if (t.caches[k].free >> i & 1) t.state[t.caches[k].first + i] = FREE;
  go_page_cache_flush(&t.pages, &t.caches[k]);
  TRI_CHECK_EQ(t.caches[k].free | t.caches[k].scavenged, 0);
  check_counts();
}

// Free all of a run or its first or last pages.
static void free_some(size_t i) {
  check_stamps(i);
  size_t n = one_in(4) ? 1 + below(t.runs[i].n) : t.runs[i].n, first = t.runs[i].first;
  if (one_in(2)) first += t.runs[i].n - n;
  for (size_t page = first; page < first + n; page++) t.state[page] = FREE;
  if (tri_poison_filling()) memset(&t.dirty[first], true, n);
  t.n_used -= n;
  go_pages_free(&t.pages, go_page_address(&t.pages, first), n);
  if (first == t.runs[i].first) t.runs[i].first += n;
  t.runs[i].n -= n;
  t.runs[i].stamp = 0;
  if (t.runs[i].n == 0) t.runs[i] = t.runs[--t.n_runs];
  check_counts();
}

static void scavenge(size_t bytes) {
  size_t expected = slow_scavenge(bytes);
  TRI_CHECK_EQ(go_pages_scavenge(&t.pages, bytes, GO_SCAVENGE_FORCED), expected);
  check_counts();
}

// Which pages went is read off the heap. None of a dense chunk did.
static void scavenge_in_background(size_t bytes) {
  size_t done = go_pages_scavenge(&t.pages, bytes, GO_SCAVENGE_BACKGROUND), found = 0;
  for (size_t page = 0; page < t.grown; page++) {
    const struct go_chunk *chunk = &t.pages.chunks[page / GO_CHUNK_PAGES];
    if (t.scavenged[page] || !get_page(chunk->scavenged, page % GO_CHUNK_PAGES)) continue;
    TRI_CHECK_LT(t.pages.use[page / GO_CHUNK_PAGES].in_use, GO_DENSE_PAGES);
    scavenge_piece(page, 1);
    found++;
  }
  TRI_CHECK_EQ(done, found * GO_PAGE_BYTES);
  check_counts();
}

// In two halves, with allocation in between.
static void scavenge_in_halves(size_t bytes) {
  struct go_run run;
  size_t first = 0, n = next_piece(bytes, &first);
  TRI_CHECK_EQ(go_pages_scavenge_begin(&t.pages, bytes, GO_SCAVENGE_FORCED, &run), n > 0);
  if (!n) return;
  TRI_CHECK_EQ(go_page_of(&t.pages, run.base), first);
  TRI_CHECK_EQ(run.pages, n);
  memset(&t.state[first], USED, n);
  t.n_used += n;
  check_counts();
  if (t.n_runs < RUNS) allocate(1 + below(20));
  go_run_discard(&run);
  if (t.n_runs) free_some(below(t.n_runs));
  go_pages_scavenge_end(&t.pages, &run);
  memset(&t.state[first], FREE, n);
  t.n_used -= n;
  scavenge_piece(first, n);
  check_counts();
}

static size_t random_size(size_t largest) {
  switch (below(4)) {
  case 0:
    return 1;
  case 1:
    return 1 + below(GO_CACHED_MAX);
  case 2:
    return 1 + below(130);
  default:
    return 1 + below(largest);
  }
}

static void random_steps(size_t steps, size_t largest) {
  size_t emptier = 0; // phases in which more is freed than allocated
  for (size_t step = 0; step < steps; step++) {
    if (step % 256 == 0) emptier = below(3), check_pages();
    size_t what = below(100);
    if (what < 30 && t.n_runs < RUNS) {
      size_t n = random_size(largest);
      if (allocate(n) == GO_PAGES_NO_ROOM && one_in(3) && grow(n) && one_in(2)) allocate(n);
    } else if (what < 55 && t.n_runs < RUNS) {
      if (allocate_cached(below(CACHES), 1 + below(one_in(2) ? 3 : GO_CACHED_MAX)) == GO_PAGES_NO_ROOM &&
          one_in(3))
        grow(1);
    } else if (what < 85) {
      for (size_t i = 0; i <= emptier && t.n_runs; i++) free_some(below(t.n_runs));
    } else if (what < 89) {
      flush(below(CACHES));
    } else if (what < 92) {
      scavenge(below(one_in(4) ? GO_CHUNK_BYTES : 10 * GO_PAGE_BYTES));
    } else if (what < 95) {
      scavenge_in_background(below(one_in(4) ? GO_CHUNK_BYTES : 100 * GO_PAGE_BYTES));
    } else if (what < 98) {
      scavenge_in_halves(below(100 * GO_PAGE_BYTES));
    } else {
      go_pages_next_cycle(&t.pages);
    }
  }
  while (t.n_runs) free_some(below(t.n_runs));
  for (size_t k = 0; k < CACHES; k++) flush(k);
  check_pages();
  scavenge(SIZE_MAX);
  check_pages();
  // A system page of which the system has a part already is not given back.
  if (t.pages.align == 1) TRI_CHECK_EQ(t.budget.used, 0);
}

// Heaps of a few chunks: with room, with a small budget, with a system that fails, with its larger pages.
static void test_heap_at_random(size_t steps) {
  for (size_t round = 0; round < 8; round++) {
    create((4 + below(4)) * GO_CHUNK_BYTES, round % 4 == 1 ? 900 * GO_PAGE_BYTES : SIZE_MAX / 2, true);
    if (round % 4 == 2) tri_os_fail_every(2);
    if (round == 3) t.pages.align = 4;
    if (round == 7) t.pages.align = 64;
    if (round == 4) t.pages.huge = 0;
    random_steps(steps, round % 2 ? 600 : 1400);
    tri_os_fail_every(0);
    destroy();
  }
}

// A heap with several entries at every level but the root: runs of up to 64 chunks.
static void test_tree_at_random(void) {
  create(80 * GO_CHUNK_BYTES, SIZE_MAX / 2, false);
  TRI_CHECK(grow(80 * GO_CHUNK_PAGES));
  t.pages.committed = t.pages.grown; // nothing in it is touched
  random_steps(600, 64 * GO_CHUNK_PAGES);
  destroy();
}

// A heap of 20 GiB with five root entries, against a search page by page. Its memory is never touched.
static void test_root(void) {
  enum { CHUNKS = 4096 + 100 };
  create(CHUNKS * GO_CHUNK_BYTES, SIZE_MAX / 2, false);
  t.pages.audit = NULL;
  TRI_CHECK(grow(GO_CHUNK_PAGES));
  TRI_CHECK_EQ(allocate((size_t)4096 * GO_CHUNK_PAGES), GO_PAGES_NO_ROOM);
  TRI_CHECK(grow((CHUNKS - 1) * (size_t)GO_CHUNK_PAGES));
  TRI_CHECK(!grow(1));
  t.pages.committed = t.pages.grown;
  TRI_CHECK_EQ(t.pages.summary[0][0], GO_SUMMARY_FULL_ROOT);
  TRI_CHECK_EQ(go_summary_max(t.pages.summary[0][0]), go_level_pages(0));
  TRI_CHECK(is_sound(&t.pages));
  TRI_CHECK_EQ(allocate(go_level_pages(0) + 100), GO_PAGES_DONE); // across the root's entries
  TRI_CHECK_EQ(allocate(go_level_pages(0)), GO_PAGES_NO_ROOM);
  TRI_CHECK(is_sound(&t.pages));
  free_some(0);
  while (t.n_runs) free_some(0);
  TRI_CHECK_EQ(t.pages.summary[0][0], GO_SUMMARY_FULL_ROOT);
  for (int i = 0; i < 60; i++) {
    if (one_in(3) && t.n_runs)
      free_some(below(t.n_runs));
    else
      allocate(one_in(2) ? 1 + below(2000) : 1 + below((size_t)1 << (10 + below(12))));
    if (i % 8 == 0) TRI_CHECK(is_sound(&t.pages));
  }
  destroy();
}

// Lowest address first, across chunks, and where searches begin.
static void test_first_fit(void) {
  create(8 * GO_CHUNK_BYTES, SIZE_MAX / 2, true);
  TRI_CHECK_EQ(t.pages.search, 0);
  TRI_CHECK_EQ(allocate(1), GO_PAGES_NO_ROOM);
  TRI_CHECK(grow(1));
  TRI_CHECK_EQ(t.grown, GO_CHUNK_PAGES);
  TRI_CHECK_EQ(allocate(500), GO_PAGES_DONE);
  TRI_CHECK_EQ(allocate(13), GO_PAGES_NO_ROOM);
  TRI_CHECK_EQ(t.pages.search, 500); // 12 pages are free
  TRI_CHECK_EQ(allocate(12), GO_PAGES_DONE);
  TRI_CHECK_EQ(t.pages.search, t.grown); // not a page of a chunk that is not there
  TRI_CHECK_EQ(allocate(1), GO_PAGES_NO_ROOM);
  TRI_CHECK_EQ(allocate_cached(0, 1), GO_PAGES_NO_ROOM);
  TRI_CHECK_EQ(t.pages.search, t.grown);
  go_pages_free(&t.pages, go_page_address(&t.pages, 3), 1);
  t.state[3] = FREE, t.n_used--;
  TRI_CHECK_EQ(allocate(1), GO_PAGES_DONE);
  TRI_CHECK_EQ(t.pages.search, 4); // a lower bound, no more
  TRI_CHECK_EQ(allocate(1), GO_PAGES_NO_ROOM);
  TRI_CHECK_EQ(t.pages.search, t.grown);
  TRI_CHECK(grow(GO_CHUNK_PAGES + 1));
  TRI_CHECK_EQ(t.grown, 3 * GO_CHUNK_PAGES);
  TRI_CHECK_EQ(allocate(GO_CHUNK_PAGES + 4), GO_PAGES_DONE); // across the chunks' boundary
  TRI_CHECK_EQ(allocate(2 * GO_CHUNK_PAGES), GO_PAGES_NO_ROOM);
  TRI_CHECK(!grow(6 * GO_CHUNK_PAGES));
  destroy();
}

// A chunk in use parts the free pages around it.
static void test_no_fit_across(void) {
  create(8 * GO_CHUNK_BYTES, SIZE_MAX / 2, true);
  TRI_CHECK(grow(4 * GO_CHUNK_PAGES));
  TRI_CHECK_EQ(allocate(GO_CHUNK_PAGES - 100), GO_PAGES_DONE);
  TRI_CHECK_EQ(allocate(100), GO_PAGES_DONE);
  TRI_CHECK_EQ(allocate(GO_CHUNK_PAGES), GO_PAGES_DONE);
  TRI_CHECK_EQ(allocate(100), GO_PAGES_DONE);
  TRI_CHECK_EQ(allocate(1), GO_PAGES_DONE);
  go_pages_free(&t.pages, go_page_address(&t.pages, GO_CHUNK_PAGES - 100), 100);
  go_pages_free(&t.pages, go_page_address(&t.pages, 2 * GO_CHUNK_PAGES), 100);
  struct go_run run;
  TRI_CHECK_EQ(go_pages_alloc(&t.pages, 150, &run), GO_PAGES_DONE);
  TRI_CHECK_EQ(go_page_of(&t.pages, run.base), 2 * GO_CHUNK_PAGES + 101);
  TRI_CHECK_EQ(t.findings.count, 0);
  destroy();
}

// Memory is made accessible some pages at a time.
static void test_batches(void) {
  create(GO_CHUNK_BYTES, SIZE_MAX / 2, true);
  TRI_CHECK(grow(1));
  uint64_t calls = tri_os_calls();
  for (unsigned i = 0; i < t.pages.batch; i++) TRI_CHECK_EQ(allocate(1), GO_PAGES_DONE);
  TRI_CHECK_EQ(tri_os_calls() - calls, 1);
  destroy();
}

// The highest chunk goes first, wherever the longest run is; and not more than was asked for.
static void test_highest_chunk_first(void) {
  create(8 * GO_CHUNK_BYTES, SIZE_MAX / 2, true);
  TRI_CHECK(grow(3 * GO_CHUNK_PAGES));
  TRI_CHECK_EQ(allocate(3 * GO_CHUNK_PAGES), GO_PAGES_DONE);
  go_pages_free(&t.pages, go_page_address(&t.pages, 20), 200);
  go_pages_free(&t.pages, go_page_address(&t.pages, 2 * GO_CHUNK_PAGES + 7), 10);
  TRI_CHECK_EQ(go_pages_scavenge(&t.pages, 3 * GO_PAGE_BYTES, GO_SCAVENGE_FORCED), 3 * GO_PAGE_BYTES);
  TRI_CHECK_EQ(t.pages.chunks[2].scavenged[0], UINT64_C(7) << 14);
  TRI_CHECK_EQ(go_pages_scavenge(&t.pages, 9 * GO_PAGE_BYTES - 1, GO_SCAVENGE_FORCED), 9 * GO_PAGE_BYTES);
  TRI_CHECK_EQ(t.pages.chunks[2].scavenged[0], UINT64_C(1023) << 7);
  TRI_CHECK_EQ(t.pages.chunks[0].scavenged[3], UINT64_C(3) << (218 - 192));
  TRI_CHECK_EQ(go_pages_scavenge(&t.pages, SIZE_MAX, GO_SCAVENGE_FORCED), 198 * GO_PAGE_BYTES);
  TRI_CHECK_EQ(go_pages_scavenge(&t.pages, SIZE_MAX, GO_SCAVENGE_FORCED), 0);
  TRI_CHECK_EQ(t.findings.count, 0);
  destroy();
}

// Wherever the few candidates among many chunks are.
static void test_many_chunks(void) {
  create(200 * GO_CHUNK_BYTES, SIZE_MAX / 2, false);
  TRI_CHECK(grow(200 * GO_CHUNK_PAGES));
  t.pages.committed = t.pages.grown;
  TRI_CHECK_EQ(allocate(200 * GO_CHUNK_PAGES), GO_PAGES_DONE);
  for (size_t c = 3; c < 200; c += 65)
    go_pages_free(&t.pages, go_page_address(&t.pages, c * GO_CHUNK_PAGES + 1), 1);
  for (size_t left = 4; left-- > 0;) {
    TRI_CHECK_EQ(go_pages_scavenge(&t.pages, 1, GO_SCAVENGE_FORCED), GO_PAGE_BYTES);
    TRI_CHECK_EQ(t.pages.chunks[3 + 65 * left].scavenged[0], 2);
  }
  TRI_CHECK_EQ(go_pages_scavenge(&t.pages, 1, GO_SCAVENGE_FORCED), 0);
  TRI_CHECK_EQ(t.findings.count, 0);
  destroy();
}

static size_t background(void) {
  return go_pages_scavenge(&t.pages, SIZE_MAX, GO_SCAVENGE_BACKGROUND) / GO_PAGE_BYTES;
}

// In the background, what was freed in this cycle is left alone, and so is a chunk that is dense, or was at
// the end of the last cycle.
static void test_background(void) {
  create(8 * GO_CHUNK_BYTES, SIZE_MAX / 2, true);
  TRI_CHECK(grow(2 * GO_CHUNK_PAGES));
  TRI_CHECK_EQ(allocate(2 * GO_CHUNK_PAGES), GO_PAGES_DONE);
  go_pages_next_cycle(&t.pages);
  uintptr_t low = go_page_address(&t.pages, 0), high = go_page_address(&t.pages, GO_CHUNK_PAGES);
  go_pages_free(&t.pages, high, 16); // 496 stay in use
  TRI_CHECK_EQ(background(), 0);     // not in this cycle
  go_pages_next_cycle(&t.pages);
  TRI_CHECK_EQ(background(), 0); // it is dense
  go_pages_free(&t.pages, high + 16 * GO_PAGE_BYTES, 1);
  go_pages_next_cycle(&t.pages);
  TRI_CHECK_EQ(background(), 17); // it is not any more
  go_pages_free(&t.pages, low, 30);
  go_pages_next_cycle(&t.pages);
  go_pages_free(&t.pages, low + 100 * GO_PAGE_BYTES,
                1);                   // 481: not dense, but 482 is what the last cycle left
  TRI_CHECK_EQ(background(), 30 + 1); // below where the last cycle's freed pages end

  go_pages_free(&t.pages, high + 400 * GO_PAGE_BYTES, 40);
  go_pages_next_cycle(&t.pages);
  go_pages_free(&t.pages, low + 200 * GO_PAGE_BYTES, 20);
  go_pages_next_cycle(&t.pages);
  TRI_CHECK_EQ(go_pages_scavenge(&t.pages, 40 * GO_PAGE_BYTES, GO_SCAVENGE_BACKGROUND), 40 * GO_PAGE_BYTES);
  TRI_CHECK_EQ(t.pages.scavenge_limit[GO_SCAVENGE_BACKGROUND], GO_CHUNK_PAGES + 400);
  TRI_CHECK_EQ(go_pages_scavenge(&t.pages, 10 * GO_PAGE_BYTES, GO_SCAVENGE_BACKGROUND), 10 * GO_PAGE_BYTES);
  go_pages_free(&t.pages, high + 300 * GO_PAGE_BYTES, 40); // above where the search has come to
  TRI_CHECK_EQ(background(), 10);
  TRI_CHECK_EQ(go_pages_scavenge(&t.pages, SIZE_MAX, GO_SCAVENGE_FORCED), 40 * GO_PAGE_BYTES);
  TRI_CHECK_EQ(t.findings.count, 0);
  destroy();
}

// A chunk that was dense when the cycle began is left alone until the next one.
static void test_dense_last_cycle(void) {
  create(GO_CHUNK_BYTES, SIZE_MAX / 2, true);
  TRI_CHECK(grow(1));
  TRI_CHECK_EQ(allocate(GO_CHUNK_PAGES), GO_PAGES_DONE);
  go_pages_free(&t.pages, go_page_address(&t.pages, 500), 10); // 502
  go_pages_next_cycle(&t.pages);
  go_pages_free(&t.pages, go_page_address(&t.pages, 100), 50); // 452, but 502 before
  TRI_CHECK_EQ(background(), 0);
  go_pages_next_cycle(&t.pages);
  TRI_CHECK_EQ(background(), 50); // from where that search had come to
  go_pages_free(&t.pages, go_page_address(&t.pages, 511), 1);
  go_pages_next_cycle(&t.pages);
  TRI_CHECK_EQ(background(), 11);
  destroy();
}

// What needs to be zeroed: what was used before, unless all of it went back to the system since.
static void test_zero(void) {
  create(8 * GO_CHUNK_BYTES, SIZE_MAX / 2, true);
  TRI_CHECK(grow(1));
  struct go_run a, b;
  TRI_CHECK_EQ(go_pages_alloc(&t.pages, 10, &a), GO_PAGES_DONE);
  TRI_CHECK(!a.needs_zero);
  TRI_CHECK_EQ(a.scavenged, 10);
  memset((void *)a.base, 1, 10 * GO_PAGE_BYTES);
  go_pages_free(&t.pages, a.base, 4);
  TRI_CHECK_EQ(go_pages_alloc(&t.pages, 4, &b), GO_PAGES_DONE);
  TRI_CHECK(b.base == a.base && b.needs_zero && b.scavenged == 0);
  go_pages_free(&t.pages, a.base, 4);
  TRI_CHECK_EQ(go_pages_scavenge(&t.pages, 1, GO_SCAVENGE_FORCED), GO_PAGE_BYTES);
  TRI_CHECK_EQ(go_pages_alloc(&t.pages, 4, &b), GO_PAGES_DONE);
  TRI_CHECK(b.base == a.base && b.needs_zero && b.scavenged == 1);
  go_pages_free(&t.pages, a.base, 4);
  TRI_CHECK_EQ(go_pages_scavenge(&t.pages, SIZE_MAX, GO_SCAVENGE_FORCED), 4 * GO_PAGE_BYTES);
  TRI_CHECK_EQ(go_pages_alloc(&t.pages, 4, &b), GO_PAGES_DONE);
  TRI_CHECK(b.base == a.base && !b.needs_zero && b.scavenged == 4);
  for (size_t i = 0; i < 4 * GO_PAGE_BYTES; i++) TRI_CHECK_EQ(((char *)b.base)[i], 0);
  TRI_CHECK_EQ(go_pages_alloc(&t.pages, 1, &b), GO_PAGES_DONE);
  TRI_CHECK(b.base == a.base + 10 * GO_PAGE_BYTES && !b.needs_zero);
  destroy();
}

// A cache takes a word of pages with what is scavenged of it, serves the lowest that fit, and gives all back.
static void test_cache(void) {
  create(8 * GO_CHUNK_BYTES, SIZE_MAX / 2, true);
  TRI_CHECK(grow(1));
  struct go_run run;
  struct go_page_cache *cache = &t.caches[0];
  TRI_CHECK_EQ(allocate(5), GO_PAGES_DONE);
  TRI_CHECK_EQ(allocate_cached(0, 3), GO_PAGES_DONE);
  TRI_CHECK_EQ(cache->first, 0);
  TRI_CHECK_EQ(cache->free, ~UINT64_C(255));
  TRI_CHECK_EQ(cache->scavenged, ~UINT64_C(255));
  TRI_CHECK_EQ(t.pages.search, 64);
  for (int i = 0; i < 3; i++) TRI_CHECK_EQ(allocate_cached(0, 15), GO_PAGES_DONE);
  TRI_CHECK_EQ(cache->free, UINT64_C(2047) << 53);
  TRI_CHECK_EQ(allocate_cached(0, 15), GO_PAGES_DONE); // does not fit, comes from the heap
  TRI_CHECK_EQ(t.runs[t.n_runs - 1].first, 64);
  TRI_CHECK_EQ(cache->free, UINT64_C(2047) << 53);
  TRI_CHECK_EQ(allocate(1), GO_PAGES_DONE); // the cache's pages are nobody else's
  TRI_CHECK_EQ(t.runs[t.n_runs - 1].first, 79);
  flush(0);
  TRI_CHECK_EQ(t.pages.search, 53);
  TRI_CHECK_EQ(t.pages.chunks[0].scavenged[0], UINT64_C(2047) << 53);
  flush(0); // nothing
  go_pages_free(&t.pages, go_page_address(&t.pages, 8),
                2); // pages with memory: charged, but not when the cache has them
  size_t used = t.budget.used;
  TRI_CHECK_EQ(go_page_cache_alloc(&t.pages, cache, 1, &run), GO_PAGES_DONE);
  TRI_CHECK(run.scavenged == 0 && run.needs_zero && t.budget.used == used);
  TRI_CHECK_EQ(go_page_cache_alloc(&t.pages, cache, 2, &run), GO_PAGES_DONE);
  TRI_CHECK(run.scavenged == 2 && !run.needs_zero && t.budget.used == used + 2 * GO_PAGE_BYTES);
  go_page_cache_flush(&t.pages, cache);
  TRI_CHECK_EQ(t.findings.count, 0);
  destroy();
}

// -------------------------------------------------------------------------------- failures, tools

static void test_failures(void) {
  struct tri_os_usage before = tri_os_usage();
  struct tri_budget budget = {.limit = 10 * GO_PAGE_BYTES};
  struct go_pages pages;
  struct go_run run;
  for (uint64_t k = 1; k <= 2; k++) { // the range, its tables
    tri_os_fail_at(k);
    TRI_CHECK(!go_pages_init(&pages, &budget, 1 << 20, false));
    TRI_CHECK_EQ(tri_os_usage().reserved_bytes, before.reserved_bytes);
  }
  TRI_CHECK(!go_pages_init(&pages, &budget, SIZE_MAX, false)); // no machine has that many addresses
  uint64_t calls = tri_os_calls();
  TRI_CHECK(go_pages_init(&pages, &budget, 4 << 20, false));
  TRI_CHECK_EQ(tri_os_calls() - calls, 2);
  TRI_CHECK_LE(go_pages_usage(&pages).metadata, tri_os_page_bytes());
  TRI_CHECK(go_pages_grow(&pages, 1));
  tri_os_fail_at(1);
  TRI_CHECK_EQ(go_pages_alloc(&pages, 1, &run), GO_PAGES_NO_MEMORY);
  TRI_CHECK(pages.allocated == 0 && budget.used == 0 && pages.search == 0);
  TRI_CHECK_EQ(go_pages_alloc(&pages, 11, &run), GO_PAGES_NO_MEMORY);
  TRI_CHECK_EQ(go_pages_alloc(&pages, 10, &run), GO_PAGES_DONE);
  TRI_CHECK_EQ(go_pages_alloc(&pages, 1, &run), GO_PAGES_NO_MEMORY);
  go_pages_free(&pages, run.base, 5);
  TRI_CHECK_EQ(go_pages_alloc(&pages, 6, &run), GO_PAGES_NO_MEMORY);
  TRI_CHECK_EQ(pages.scavenged, GO_CHUNK_PAGES - 10); // in vain nothing is given back
  go_pages_free(&pages, run.base + 9 * GO_PAGE_BYTES, 1);
  TRI_CHECK_EQ(go_pages_alloc(&pages, 6, &run), GO_PAGES_DONE); // pages 9 … 14, for which pages 0 … 4 go
  TRI_CHECK_EQ(run.base, go_page_address(&pages, 9));
  TRI_CHECK_EQ(budget.used, budget.limit);
  TRI_CHECK(is_sound(&pages));
  go_pages_fini(&pages);
  TRI_CHECK_EQ(tri_os_usage().reserved_bytes, before.reserved_bytes);
}

// A write into a free page is found when the page is used again, or given back to the system.
static void test_poison(bool scavenges) {
  if (tri_poison_tool() != TRI_POISON_NO_TOOL || TRI_TSAN) return; // they find the write itself
  create(GO_CHUNK_BYTES, SIZE_MAX / 2, false);
  TRI_CHECK(grow(1));
  TRI_CHECK_EQ(allocate(4), GO_PAGES_DONE);
  go_pages_free(&t.pages, t.pages.base, 4);
  fflush(NULL);
  pid_t child = fork();
  TRI_CHECK_GE(child, 0);
  if (child == 0) {
    struct go_run run;
    if (!freopen("/dev/null", "w", stderr)) _exit(0);
    *(volatile char *)(t.pages.base + 3 * GO_PAGE_BYTES + 77) = 1;
    if (scavenges)
      go_pages_scavenge(&t.pages, SIZE_MAX, GO_SCAVENGE_FORCED);
    else
      go_pages_alloc(&t.pages, 4, &run);
    _exit(0);
  }
  int status;
  TRI_CHECK_EQ(waitpid(child, &status, 0), child);
  TRI_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
  destroy();
}

// Each kind of damage is seen, and what the check says is gone when the damage is.
static void test_check(void) {
  create(80 * GO_CHUNK_BYTES, SIZE_MAX / 2, false);
  TRI_CHECK(grow(75 * GO_CHUNK_PAGES));
  t.pages.committed = t.pages.grown;
  struct go_pages *pages = &t.pages;
  for (int i = 0; i < 20; i++) TRI_CHECK_EQ(allocate(1 + below(700)), GO_PAGES_DONE);
  for (int i = 0; i < 10; i++) free_some(below(t.n_runs));
  TRI_CHECK_EQ(allocate_cached(0, 1), GO_PAGES_DONE);
  scavenge(20 * GO_PAGE_BYTES);
#define MUST_BE_SEEN(damage, repair)                                                                         \
  do {                                                                                                       \
    struct tri_findings findings = {&silence, 0};                                                            \
    damage;                                                                                                  \
    TRI_CHECK(!go_pages_check(pages, &findings));                                                            \
    TRI_CHECK_EQ(findings.count, 1);                                                                         \
    repair;                                                                                                  \
    TRI_CHECK(is_sound(pages));                                                                              \
  } while (0)
  for (unsigned level = 0; level < GO_LEVELS; level++)
    for (unsigned bit = 0; bit < 63; bit += 7)
      for (size_t i = 0; i < pages->n_entries[level]; i += 1 + below(20)) {
        uint64_t *summary = &pages->summary[level][i];
        MUST_BE_SEEN(*summary ^= UINT64_C(1) << bit, *summary ^= UINT64_C(1) << bit);
      }
  size_t used = t.runs[0].first, free = 0, idle = 0, last = t.grown - 1, saved;
  while (t.state[free] != FREE) free++;
  while (t.state[idle] != FREE || t.scavenged[idle]) idle++;
  struct go_chunk *chunk = &pages->chunks[used / GO_CHUNK_PAGES];
  uint64_t *word = &chunk->scavenged[used % GO_CHUNK_PAGES / 64], bit = UINT64_C(1) << used % 64;
  MUST_BE_SEEN(*word |= bit, *word &= ~bit); // scavenged, although allocated
  word = &chunk->alloc[used % GO_CHUNK_PAGES / 64];
  MUST_BE_SEEN(*word &= ~bit, *word |= bit);
  word = &pages->chunks[last / GO_CHUNK_PAGES].scavenged[GO_CHUNK_WORDS - 1];
  MUST_BE_SEEN(*word >>= 1, *word = ~UINT64_C(0)); // its count
  word = &pages->chunks[pages->n_chunks - 1].scavenged[0];
  MUST_BE_SEEN(*word = 1, *word = 0); // beyond the heap
  saved = pages->search;
  MUST_BE_SEEN(pages->search = free + 1, pages->search = saved);
  MUST_BE_SEEN(pages->search = t.grown + 1, pages->search = saved);
  MUST_BE_SEEN(pages->allocated++, pages->allocated--);
  MUST_BE_SEEN(pages->scavenged--, pages->scavenged++);
  MUST_BE_SEEN(pages->cache_scavenged--, pages->cache_scavenged++);
  MUST_BE_SEEN(pages->budget->used--, pages->budget->used++);
  MUST_BE_SEEN(pages->use[idle / GO_CHUNK_PAGES].in_use++, pages->use[idle / GO_CHUNK_PAGES].in_use--);
  bit = UINT64_C(1) << idle / GO_CHUNK_PAGES;
  MUST_BE_SEEN(pages->candidates[0] &= ~bit, pages->candidates[0] |= bit);
  saved = pages->scavenge_limit[GO_SCAVENGE_FORCED];
  MUST_BE_SEEN(pages->scavenge_limit[GO_SCAVENGE_FORCED] = 0,
               pages->scavenge_limit[GO_SCAVENGE_FORCED] = saved);
  saved = pages->committed;
  MUST_BE_SEEN(pages->committed = 0, pages->committed = saved);
  MUST_BE_SEEN(pages->committed++, pages->committed = saved);
  MUST_BE_SEEN(pages->grown--, pages->grown++);
  destroy();
}

// -------------------------------------------------------------------------------- measuring

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

// Allocate `count` times n pages and free them again: nanoseconds of each. Memory is not touched.
static void measure_pages(size_t n, size_t count, bool cached) {
  struct tri_budget budget = {.limit = SIZE_MAX / 2};
  struct go_pages pages;
  struct go_page_cache cache = {0};
  struct go_run *runs = malloc(count * sizeof *runs);
  TRI_CHECK(runs && go_pages_init(&pages, &budget, 2 * n * count * GO_PAGE_BYTES, false));
  TRI_CHECK(go_pages_grow(&pages, n * count));
  double taking = 0, freeing = 0, rounds = 20;
  for (int round = -1; round < rounds; round++) {
    double start = now();
    for (size_t i = 0; i < count; i++)
      TRI_CHECK_EQ(cached ? go_page_cache_alloc(&pages, &cache, n, &runs[i])
                          : go_pages_alloc(&pages, n, &runs[i]),
                   GO_PAGES_DONE);
    double middle = now();
    for (size_t i = 0; i < count; i++) go_pages_free(&pages, runs[i * 7919 % count].base, n);
    go_page_cache_flush(&pages, &cache);
    if (round >= 0) taking += middle - start, freeing += now() - middle; // the first one commits
  }
  rounds *= (double)count;
  printf("%3zu pages%s: %.1f ns to allocate, %.1f ns to free\n", n, cached ? " from a cache" : "",
         taking / rounds, freeing / rounds);
  go_pages_fini(&pages);
  free(runs);
}

static void measure_heap(size_t megabytes, bool recycles) {
  enum { ROUNDS = 20000 };
  struct tri_budget budget = {.limit = megabytes << 20};
  tri_os_recycle(recycles);
  double start = now();
  for (int i = 0; i < ROUNDS; i++) {
    struct go_pages pages;
    struct go_run run;
    budget.used = 0;
    TRI_CHECK(go_pages_init(&pages, &budget, megabytes << 20, false));
    TRI_CHECK(go_pages_grow(&pages, 1));
    for (int k = 0; k < 4; k++) TRI_CHECK_EQ(go_pages_alloc(&pages, 1, &run), GO_PAGES_DONE);
    go_pages_fini(&pages);
  }
  printf("heap of %zu MiB, grown by a chunk, four pages allocated: %.2f us%s\n", megabytes,
         (now() - start) / ROUNDS / 1e3, recycles ? ", recycled" : "");
  tri_os_recycle(false);
}

static int measure(void) {
  measure_pages(1, 8192, false);
  measure_pages(1, 8192, true);
  measure_pages(64, 1024, false);
  for (size_t megabytes = 4; megabytes <= 1024; megabytes *= 16) measure_heap(megabytes, false);
  measure_heap(4, true);
  return 0;
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "measure") == 0) return measure();
  source.state = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  fprintf(stderr, "seed %llu\n", (unsigned long long)source.state);
  bool small =
      tri_poison_tool() != TRI_POISON_NO_TOOL || TRI_TSAN; // what is large for us is too large for them
  test_summary();
  test_scavengeable();
  test_chunk_at_random();
  test_first_fit();
  test_no_fit_across();
  test_batches();
  test_highest_chunk_first();
  test_many_chunks();
  test_background();
  test_dense_last_cycle();
  test_zero();
  test_cache();
  test_failures();
  test_check();
  test_heap_at_random(small ? 300 : 1500);
  test_tree_at_random();
  if (!small) test_root();
  tri_poison_set_filling(true);
  test_poison(false);
  test_poison(true);
  test_heap_at_random(200);
  TRI_CHECK_EQ(tri_os_usage().reserved_bytes, 0);
  return 0;
}
