#include "common/large_space.h"

#include <string.h>

#include "common/actor.h"
#include "common/os.h"

// A word of the table: bits 30..31 state, bit 29 mark, the rest a length in pages.
enum state { INSIDE, USED, FREE, RELEASED }; // INSIDE: not the first page of a run
#define MARKED (UINT32_C(1) << 29)
#define MAX_PAGES (MARKED - 1)
enum { FIRST_TABLE = 1024, HUGE_BYTES = 2 << 20, FILLED_PAGES = 4 };

static enum state state_of(uint32_t word) { return (enum state)(word >> 30); }
static size_t length_of(uint32_t word) { return word & MAX_PAGES; }

static size_t page_of(const struct tri_large_space *space, uintptr_t address) {
  return (address - space->base) / space->page_bytes;
}
static void *address_of(const struct tri_large_space *space, size_t page) {
  return (void *)(space->base + page * space->page_bytes);
}
static size_t pages(const struct tri_large_space *space, size_t bytes) {
  return (bytes + space->page_bytes - 1) / space->page_bytes;
}

// ---------------------------------------------------------------------- the space

bool tri_large_space_init(struct tri_large_space *space, struct tri_budget *budget, size_t limit_bytes,
                          bool huge) {
  *space = (struct tri_large_space){.budget = budget, .page_bytes = tri_os_page_bytes()};
  size_t n = 2 * pages(space, limit_bytes);
  if (n > MAX_PAGES) n = MAX_PAGES;
  size_t before = pages(space, n * sizeof(uint32_t)) * space->page_bytes;
  huge = huge && limit_bytes >= 4 * (size_t)HUGE_BYTES;
  if (huge) before = (before + HUGE_BYTES - 1) & -(size_t)HUGE_BYTES;
  space->n_pages = n;
  space->reserved = before + n * space->page_bytes;
  space->table = tri_os_reserve(space->reserved, huge ? HUGE_BYTES : 0);
  if (!space->table) return false;
  if (huge) tri_os_huge(space->table, space->reserved);
  space->base = (uintptr_t)space->table + before;
  space->end = space->base + n * space->page_bytes;
  return true;
}

void tri_large_space_fini(struct tri_large_space *space) { tri_os_release(space->table, space->reserved); }

// Words for the pages below n: doubled, so that a heap costs few system calls.
static bool grow_table(struct tri_large_space *space, size_t n) {
  if (n <= space->tables) return true;
  size_t to = 2 * space->tables;
  if (to < FIRST_TABLE) to = FIRST_TABLE;
  if (to < n) to = n;
  if (to > space->n_pages) to = space->n_pages;
  size_t have = space->metadata_bytes, want = pages(space, to * sizeof(uint32_t)) * space->page_bytes;
  if (want > have && !tri_os_commit((char *)space->table + have, want - have)) return false;
  space->metadata_bytes = want;
  space->tables = to;
  return true;
}

// ---------------------------------------------------------------------- runs of pages

static void set_run(struct tri_large_space *space, size_t page, size_t n, enum state state) {
  if (state != USED) space->table[page + n - 1] = (uint32_t)n;
  space->table[page] = (uint32_t)state << 30 | (uint32_t)n;
}

static void clear_run(struct tri_large_space *space, size_t page, size_t n) {
  space->table[page] = space->table[page + n - 1] = 0;
}

// Make [page, page + n) a run of that state (FREE or RELEASED), joined with neighbours of the same state.
static void add_run(struct tri_large_space *space, size_t page, size_t n, enum state state) {
  size_t after = page + n;
  if (after < space->frontier && state_of(space->table[after]) == state) {
    size_t more = length_of(space->table[after]);
    clear_run(space, after, more);
    n += more;
  }
  if (page > 0) {
    uint32_t word =
        space->table[page - 1]; // of a run of one page, or the end of a free one, or inside a used one
    size_t more = length_of(word);
    if (more && state_of(space->table[page - more]) == state) {
      page -= more;
      clear_run(space, page, more);
      n += more;
    }
  }
  set_run(space, page, n, state);
}

// The first run of that state with at least n pages, cut to n and made USED. False when there is none.
static bool take_run(struct tri_large_space *space, size_t n, enum state state, size_t *page) {
  for (size_t at = 0, length; at < space->frontier; at += length) {
    length = length_of(space->table[at]);
    if (state_of(space->table[at]) != state || length < n) continue;
    clear_run(space, at, length);
    set_run(space, at, n, USED);
    if (length > n) set_run(space, at + n, length - n, state);
    *page = at;
    return true;
  }
  return false;
}

static bool take_new(struct tri_large_space *space, size_t n, size_t *page) {
  if (n > space->n_pages - space->frontier || !grow_table(space, space->frontier + n)) return false;
  *page = space->frontier;
  space->frontier += n;
  set_run(space, *page, n, USED);
  return true;
}

// n pages that are released or new, committed.
static bool take_committing(struct tri_large_space *space, size_t n, size_t *page) {
  size_t bytes = n * space->page_bytes;
  if (!tri_budget_take(space->budget, bytes)) return false;
  bool released = space->released_bytes >= bytes && take_run(space, n, RELEASED, page);
  if (released || take_new(space, n, page)) {
    if (tri_os_commit(address_of(space, *page), bytes)) {
      if (released)
        space->released_bytes -= bytes;
      else
        space->mapped_bytes += bytes;
      return true;
    }
    clear_run(space, *page, n);
    if (released)
      add_run(space, *page, n, RELEASED);
    else
      space->frontier -= n;
  }
  tri_budget_give(space->budget, bytes);
  return false;
}

uintptr_t tri_large_alloc(struct tri_large_space *space, size_t bytes) {
  TRI_YIELD(ALLOC_LARGE);
  size_t n = pages(space, bytes), page, rounded = n * space->page_bytes;
  if (space->free_bytes >= rounded && take_run(space, n, FREE, &page)) {
    void *memory = address_of(space, page);
    space->free_bytes -= rounded;
    tri_poison_check(memory, rounded, "large space: free pages");
    tri_unpoison(memory, rounded);
    memset(memory, 0, rounded);
  } else if (!take_committing(space, n, &page)) {
    if (!tri_large_trim(space, SIZE_MAX) || !take_committing(space, n, &page)) return 0;
  }
  space->live_objects++;
  space->live_bytes += rounded;
  if (TRI_ASAN) tri_poison_mark((char *)address_of(space, page) + bytes, rounded - bytes);
  return (uintptr_t)address_of(space, page);
}

size_t tri_large_bytes(const struct tri_large_space *space, uintptr_t start) {
  return length_of(space->table[page_of(space, start)]) * space->page_bytes;
}

void tri_large_free(struct tri_large_space *space, uintptr_t start) {
  size_t page = page_of(space, start), n = length_of(space->table[page]), bytes = n * space->page_bytes;
  TRI_ASSERT(state_of(space->table[page]) == USED);
  clear_run(space, page, n);
  if (n > FILLED_PAGES && tri_poison_filling()) {
    tri_os_decommit((void *)start, bytes);
    tri_budget_give(space->budget, bytes);
    add_run(space, page, n, RELEASED);
    space->released_bytes += bytes;
  } else {
    tri_poison((void *)start, bytes);
    add_run(space, page, n, FREE);
    space->free_bytes += bytes;
  }
  space->live_objects--;
  space->live_bytes -= bytes;
  space->freed_objects++;
  space->freed_bytes += bytes;
}

size_t tri_large_trim(struct tri_large_space *space, size_t enough) {
  size_t bytes = 0;
  for (size_t at = 0, length; at < space->frontier && space->free_bytes && bytes < enough; at += length) {
    length = length_of(space->table[at]);
    if (state_of(space->table[at]) != FREE) continue;
    tri_os_decommit(address_of(space, at), length * space->page_bytes);
    bytes += length * space->page_bytes;
    space->free_bytes -= length * space->page_bytes;
    space->released_bytes += length * space->page_bytes;
    size_t next = at + length; // a released run there is joined
    if (next < space->frontier && state_of(space->table[next]) == RELEASED)
      length += length_of(space->table[next]);
    size_t n = length_of(space->table[at]);
    clear_run(space, at, n);
    add_run(space, at, n, RELEASED);
  }
  tri_budget_give(space->budget, bytes);
  return bytes;
}

// ---------------------------------------------------------------------- marking, looking

bool tri_large_mark(struct tri_large_space *space, uintptr_t start) {
  uint32_t *word = &space->table[page_of(space, start)];
  if (*word & MARKED) return false;
  *word |= MARKED;
  return true;
}

bool tri_large_marked(const struct tri_large_space *space, uintptr_t start) {
  return space->table[page_of(space, start)] & MARKED;
}

// Visit the objects that start in pages [from, to), only the marked ones or all. The visitor may free its
// object: where the next run begins is found out before.
static bool visit_runs(struct tri_large_space *space, size_t from, size_t to, bool only_marked,
                       tri_cell_fn *visit, void *context) {
  for (size_t page = 0, next; page < to; page = next) {
    uint32_t word = space->table[page];
    next = page + length_of(word);
    if (next < to && state_of(space->table[next]) != USED) next += length_of(space->table[next]);
    if (page >= from && state_of(word) == USED && (!only_marked || word & MARKED) &&
        !visit(context, (uintptr_t)address_of(space, page), length_of(word) * space->page_bytes))
      return false;
  }
  return true;
}

bool tri_large_each(struct tri_large_space *space, tri_cell_fn *visit, void *context) {
  return visit_runs(space, 0, space->frontier, false, visit, context);
}

bool tri_large_each_marked(struct tri_large_space *space, uintptr_t from, uintptr_t to, tri_cell_fn *visit,
                           void *context) {
  if (to <= space->base || from >= space->end) return true;
  size_t first = from <= space->base ? 0 : pages(space, from - space->base);
  size_t last = to >= space->end ? space->frontier : pages(space, to - space->base);
  return visit_runs(space, first, last < space->frontier ? last : space->frontier, true, visit, context);
}

static bool sweep_object(void *context, uintptr_t start, size_t bytes) {
  struct tri_large_space *space = context;
  (void)bytes;
  if (!tri_large_marked(space, start))
    tri_large_free(space, start);
  else if (!space->sticky)
    space->table[page_of(space, start)] &= ~MARKED;
  return true;
}

static bool clear_mark(void *context, uintptr_t start, size_t bytes) {
  struct tri_large_space *space = context;
  (void)bytes;
  space->table[page_of(space, start)] &= ~MARKED;
  return true;
}

void tri_large_clear_marks(struct tri_large_space *space) { tri_large_each(space, clear_mark, space); }

void tri_large_sweep(struct tri_large_space *space) { tri_large_each(space, sweep_object, space); }

uintptr_t tri_large_around(const struct tri_large_space *space, uintptr_t address, size_t *bytes) {
  if (!tri_large_space_has(space, address)) return 0;
  size_t page = page_of(space, address);
  if (page >= space->frontier || state_of(space->table[page]) != USED) return 0;
  *bytes = length_of(space->table[page]) * space->page_bytes;
  return (uintptr_t)address_of(space, page);
}

struct tri_space_usage tri_large_space_usage(const struct tri_large_space *space) {
  return (struct tri_space_usage){.live_objects = space->live_objects,
                                  .live_bytes = space->live_bytes,
                                  .free_bytes = space->free_bytes,
                                  .released_bytes = space->released_bytes,
                                  .mapped_bytes = space->mapped_bytes,
                                  .metadata_bytes = space->metadata_bytes};
}

// ---------------------------------------------------------------------- verifying

void tri_large_space_verify(const struct tri_large_space *space, struct tri_findings *findings) {
  size_t bytes[RELEASED + 1] = {0};
  uint64_t objects = 0;
  enum state previous = INSIDE;
  for (size_t page = 0, n; page < space->frontier; page += n) {
    uint32_t word = space->table[page];
    enum state state = state_of(word);
    n = length_of(word);
    if (state == INSIDE || n == 0 || n > space->frontier - page) {
      tri_find(findings, "large space: no run begins at page %zu (word %08x)", page, word);
      return;
    }
    bytes[state] += n * space->page_bytes;
    objects += state == USED;
    if (word & MARKED && !space->marking && !space->sticky)
      tri_find(findings, "large space: page %zu is marked outside of a collection", page);
    if (state != USED && state == previous)
      tri_find(findings, "large space: free runs at page %zu are not joined", page);
    previous = state;
    for (size_t i = page + 1; i < page + n; i++) {
      uint32_t expected = state != USED && i == page + n - 1 ? (uint32_t)n : 0;
      if (space->table[i] != expected)
        tri_find(findings, "large space: word %08x at page %zu inside a run", space->table[i], i);
    }
    const void *damage =
        state == FREE ? tri_poison_damage(address_of(space, page), n * space->page_bytes) : NULL;
    if (damage) tri_find(findings, "large space: free memory was written to at %p", damage);
  }
  if (bytes[USED] != space->live_bytes || bytes[FREE] != space->free_bytes ||
      bytes[RELEASED] != space->released_bytes || objects != space->live_objects)
    tri_find(
        findings,
        "large space: the table has %llu objects, %zu B live, %zu B free, %zu B released; the counts say "
        "%llu, %zu, %zu, %zu",
        (unsigned long long)objects, bytes[USED], bytes[FREE], bytes[RELEASED],
        (unsigned long long)space->live_objects, space->live_bytes, space->free_bytes, space->released_bytes);
}
