// The OS layer on Linux: mmap, mprotect, madvise.
//
// Kept: an uncommitted page is PROT_NONE, so a stray access faults (see tri_os_recycle for the exception);
// the kernel supplies zeroed pages, so nothing here clears memory except recycling.
//
// Some reservations are *watched*, that is, in the table below: all of them while recycling (to be found
// again) and all under AddressSanitizer (whose marks survive munmap and would hit whoever is mapped there
// next).
#define _GNU_SOURCE // CPU_COUNT
#include "common/os.h"

#include "common/check.h"
#include "common/poison.h"
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

size_t tri_os_page_bytes(void) {
  static size_t bytes;
  size_t known = TRI_RELAXED_LOAD(&bytes);
  if (TRI_UNLIKELY(!known)) {
    known = (size_t)sysconf(_SC_PAGESIZE);
    TRI_RELAXED_STORE(&bytes, known);
  }
  return known;
}

static bool is_whole_pages(const void *p, size_t bytes) {
  return (((uintptr_t)p | bytes) & (tri_os_page_bytes() - 1)) == 0;
}

unsigned tri_os_processors(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static uint64_t clock_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t tri_os_now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }
uint64_t tri_os_cpu_ns(void) { return clock_ns(CLOCK_PROCESS_CPUTIME_ID); }

// --- failure injection ---

static uint64_t calls, failures;
static uint64_t fail_at;                  // the number of the call, 0 = off
static uint64_t fail_every, fail_counted; // period, and the calls before it was set
static bool injecting;

static TRI_COLD bool is_due(uint64_t call) {
  uint64_t at = TRI_RELAXED_LOAD(&fail_at), every = TRI_RELAXED_LOAD(&fail_every);
  return call == at || (every && (call - TRI_RELAXED_LOAD(&fail_counted)) % every == 0);
}

bool tri_os_inject(void) {
  uint64_t call = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
  if (TRI_LIKELY(!TRI_RELAXED_LOAD(&injecting)) || !is_due(call)) return false;
  __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
  return true;
}

static void update_injecting(void) {
  TRI_RELAXED_STORE(&injecting, TRI_RELAXED_LOAD(&fail_at) || TRI_RELAXED_LOAD(&fail_every));
}

void tri_os_fail_at(uint64_t k) {
  TRI_RELAXED_STORE(&fail_at, k ? tri_os_calls() + k : 0);
  update_injecting();
}

void tri_os_fail_every(uint64_t k) {
  TRI_RELAXED_STORE(&fail_counted, tri_os_calls());
  TRI_RELAXED_STORE(&fail_every, k);
  update_injecting();
}

uint64_t tri_os_calls(void) { return TRI_RELAXED_LOAD(&calls); }
uint64_t tri_os_failures(void) { return TRI_RELAXED_LOAD(&failures); }

// --- usage ---

static size_t reserved_bytes, metadata_blocks;

static void add(size_t *counter, size_t n) { __atomic_fetch_add(counter, n, __ATOMIC_RELAXED); }
static void subtract(size_t *counter, size_t n) { __atomic_fetch_sub(counter, n, __ATOMIC_RELAXED); }

struct tri_os_usage tri_os_usage(void) {
  return (struct tri_os_usage){TRI_RELAXED_LOAD(&reserved_bytes), TRI_RELAXED_LOAD(&metadata_blocks)};
}

// --- watched reservations ---

enum { WATCHED_MAX = 32, RECYCLED_MAX_BYTES = 64 << 20, CLEARED_MAX_BYTES = 1 << 20 };

struct watched {
  char *base; // NULL: free row
  size_t bytes, align;
  char *low, *high; // hull of what was ever committed; with recycling all of it is accessible, see `uneven`
  char *from, *to;  // hull of what the present user committed: beyond it everything is zero
  bool uneven;      // some of the hull was decommitted or protected
  bool held;        // by a user; else waiting to be recycled
};

static pthread_mutex_t watched_lock = PTHREAD_MUTEX_INITIALIZER;
static struct watched watched[WATCHED_MAX];
static bool recycling;

static bool watches(void) {
  return TRI_UNLIKELY(TRI_RELAXED_LOAD(&recycling)) || tri_poison_tool() == TRI_POISON_ASAN;
}

static bool is_kept(size_t bytes) { return TRI_RELAXED_LOAD(&recycling) && bytes <= RECYCLED_MAX_BYTES; }

static struct watched *find_watched(const char *p) {
  for (struct watched *w = watched; w < watched + WATCHED_MAX; w++)
    if (w->base && p >= w->base && p < w->base + w->bytes) return w;
  return NULL;
}

static void give_up(struct watched *w) {
  tri_poison_unmark(w->low, (size_t)(w->high - w->low));
  munmap(w->base, w->bytes);
  w->base = NULL;
}

// A row for a new reservation: a free one, or that of a kept reservation, which is given up. NULL when all
// rows are held: such a reservation is not watched.
static struct watched *new_row(void) {
  static unsigned victim;
  for (struct watched *w = watched; w < watched + WATCHED_MAX; w++)
    if (!w->base) return w;
  for (unsigned i = 0; i < WATCHED_MAX; i++) {
    struct watched *w = &watched[victim++ % WATCHED_MAX];
    if (w->held) continue;
    give_up(w);
    return w;
  }
  return NULL;
}

static bool make_accessible(char *from, char *to) {
  return from >= to || mprotect(from, (size_t)(to - from), PROT_READ | PROT_WRITE) == 0;
}

// The pages read as zero afterwards. The system refuses when they are locked into memory.
static void drop(char *p, size_t bytes) {
  if (madvise(p, bytes, MADV_DONTNEED) != 0 && make_accessible(p, p + bytes)) memset(p, 0, bytes);
}

static bool may_swap; // pages that are not in memory may have contents all the same

static bool is_zero(const char *p, size_t bytes) {
  const uint64_t *word = (const void *)p;
  for (size_t i = 0; i < bytes / sizeof *word; i += 8) {
    uint64_t any = 0;
    for (size_t k = 0; k < 8; k++) any |= word[i + k];
    if (any) return false;
  }
  return true;
}

// Pages that were only read are the system's page of zeroes: a write would take a page fault for each.
static void clear(char *p, size_t bytes, size_t page) {
  for (char *end = p + bytes; p < end; p += page)
    if (!is_zero(p, page)) memset(p, 0, page);
}

// Zeroes accessible pages. Those in memory are cleared, up to a limit beyond which new page faults are
// cheaper than keeping them. The others are dropped if they could have been swapped out: a call per hole,
// which on a heap with scattered pages costs more than all the clearing.
static void zero_touched(char *p, char *end) {
  unsigned char in_memory[1024];
  size_t page = tri_os_page_bytes(), cleared = 0;
  while (p < end) {
    size_t pages = (size_t)(end - p) / page;
    if (pages > sizeof in_memory) pages = sizeof in_memory;
    if (mincore(p, pages * page, in_memory) != 0) memset(in_memory, 1, pages);
    for (size_t i = 0, run; i < pages; i += run) {
      for (run = 1; i + run < pages && ((in_memory[i] ^ in_memory[i + run]) & 1) == 0;) run++;
      if ((in_memory[i] & 1) && cleared + run * page <= CLEARED_MAX_BYTES) {
        clear(p + i * page, run * page, page);
        cleared += run * page;
      } else if ((in_memory[i] & 1) || may_swap) {
        drop(p + i * page, run * page);
      }
    }
    p += pages * page;
  }
}

// What the hull gains by growing is accessible but not committed: only tools can guard it.
static bool widen(struct watched *w, char *low, char *high) {
  if (w->low == w->high) w->low = w->high = low;
  if (low < w->low) {
    if (!make_accessible(low, w->low)) return false;
    tri_poison_mark(low, (size_t)(w->low - low));
    w->low = low;
  }
  if (high > w->high) {
    if (!make_accessible(w->high, high)) return false;
    tri_poison_mark(w->high, (size_t)(high - w->high));
    w->high = high;
  }
  return true;
}

static void note_use(struct watched *w, char *from, char *to) {
  if (w->from == w->to || from < w->from) w->from = from;
  if (to > w->to) w->to = to;
}

static bool commit_watched(char *p, size_t bytes) {
  pthread_mutex_lock(&watched_lock);
  struct watched *w = find_watched(p);
  bool done;
  if (!w) {
    done = make_accessible(p, p + bytes);
  } else if (TRI_RELAXED_LOAD(&recycling)) {
    done = widen(w, p, p + bytes) && (!w->uneven || make_accessible(p, p + bytes));
    note_use(w, p, p + bytes);
  } else {
    done = make_accessible(p, p + bytes);
    bool first = w->low == w->high;
    if (done && (first || p < w->low)) w->low = p;
    if (done && (first || p + bytes > w->high)) w->high = p + bytes;
  }
  pthread_mutex_unlock(&watched_lock);
  return done;
}

// True when the reservation is one that is kept for recycling.
static bool set_uneven(char *p) {
  pthread_mutex_lock(&watched_lock);
  struct watched *w = find_watched(p);
  if (w) w->uneven = true;
  bool kept = w && is_kept(w->bytes);
  pthread_mutex_unlock(&watched_lock);
  return kept;
}

static void *reserve_again(size_t bytes, size_t align) {
  void *p = NULL;
  pthread_mutex_lock(&watched_lock);
  for (struct watched *w = watched; w < watched + WATCHED_MAX && !p; w++)
    if (w->base && !w->held && w->bytes == bytes && w->align == align) {
      w->held = true;
      p = w->base;
    }
  pthread_mutex_unlock(&watched_lock);
  return p;
}

static void watch(void *p, size_t bytes, size_t align) {
  pthread_mutex_lock(&watched_lock);
  struct watched *w = new_row();
  if (w) *w = (struct watched){.base = p, .bytes = bytes, .align = align, .held = true};
  pthread_mutex_unlock(&watched_lock);
}

// True when the reservation was kept for recycling. Marks are taken away from what leaves us.
static bool release_watched(char *p, size_t bytes) {
  bool kept = false;
  pthread_mutex_lock(&watched_lock);
  struct watched *w = find_watched(p);
  if (!w) {
    tri_poison_unmark(p, bytes);
  } else {
    size_t hull = (size_t)(w->high - w->low);
    tri_poison_unmark(w->low, hull);
    kept = is_kept(bytes) && (!w->uneven || make_accessible(w->low, w->high));
    if (kept) {
      zero_touched(w->from, w->to);
      tri_poison_mark(w->low, hull);
      w->from = w->to = NULL;
      w->held = w->uneven = false;
    } else {
      w->base = NULL;
    }
  }
  pthread_mutex_unlock(&watched_lock);
  return kept;
}

void tri_os_recycle(bool on) {
  pthread_mutex_lock(&watched_lock);
  TRI_RELAXED_STORE(&recycling, on);
  struct sysinfo system;
  may_swap = sysinfo(&system) != 0 || system.totalswap != 0;
  for (struct watched *w = watched; w < watched + WATCHED_MAX && !on; w++)
    if (w->base && !w->held) give_up(w);
  pthread_mutex_unlock(&watched_lock);
}

// --- pages ---

static void *map(size_t bytes) {
  void *p = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? NULL : p;
}

static void *map_aligned(size_t bytes, size_t align) {
  size_t page = tri_os_page_bytes();
  if (align <= page) return map(bytes);
  size_t slack = align - page;
  if (bytes + slack < bytes) return NULL;
  char *p = map(bytes + slack);
  if (!p) return NULL;
  char *aligned = (char *)(((uintptr_t)p + align - 1) & ~(uintptr_t)(align - 1));
  size_t before = (size_t)(aligned - p), after = slack - before;
  if (before) munmap(p, before);
  if (after) munmap(aligned + bytes, after);
  return aligned;
}

void *tri_os_reserve(size_t bytes, size_t align) {
  TRI_ASSERT((align & (align - 1)) == 0);
  if (tri_os_inject() || bytes == 0 || !is_whole_pages(NULL, bytes)) return NULL;
  void *p = watches() ? reserve_again(bytes, align) : NULL;
  if (!p) {
    p = map_aligned(bytes, align);
    if (p && watches()) watch(p, bytes, align);
  }
  if (p) add(&reserved_bytes, bytes);
  return p;
}

void tri_os_release(void *p, size_t bytes) {
  TRI_ASSERT(is_whole_pages(p, bytes));
  subtract(&reserved_bytes, bytes);
  if (watches() && release_watched(p, bytes)) return;
  munmap(p, bytes);
}

bool tri_os_commit(void *p, size_t bytes) {
  TRI_ASSERT(is_whole_pages(p, bytes));
  if (tri_os_inject()) return false;
  bool done = watches() ? commit_watched(p, bytes) : make_accessible(p, (char *)p + bytes);
  if (done) tri_poison_unmark(p, bytes);
  return done;
}

// When taking access away would need more mappings than the system grants, the memory is still given back.
// What is kept for recycling anyway stays in memory: clearing a page costs a tenth of a new one.
void tri_os_decommit(void *p, size_t bytes) {
  TRI_ASSERT(is_whole_pages(p, bytes));
  bool kept = watches() && set_uneven(p);
  tri_poison_unmark(p, bytes);
  if (kept && make_accessible(p, (char *)p + bytes))
    zero_touched(p, (char *)p + bytes);
  else
    drop(p, bytes);
  mprotect(p, bytes, PROT_NONE);
}

void tri_os_discard(void *p, size_t bytes) {
  TRI_ASSERT(is_whole_pages(p, bytes));
  tri_poison_unmark(p, bytes);
  drop(p, bytes);
}

void tri_os_huge(void *p, size_t bytes) {
  TRI_ASSERT(is_whole_pages(p, bytes));
  if (!TRI_RELAXED_LOAD(&recycling)) madvise(p, bytes, MADV_HUGEPAGE);
}

bool tri_os_protect(void *p, size_t bytes, enum tri_os_access access) {
  static const int protection[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};
  TRI_ASSERT(is_whole_pages(p, bytes));
  if (watches()) set_uneven(p);
  return mprotect(p, bytes, protection[access]) == 0;
}

void *tri_os_stack(size_t bytes) {
  size_t page = tri_os_page_bytes();
  char *p = map(bytes + page);
  if (!p) return NULL;
  if (make_accessible(p + page, p + page + bytes)) return p + page;
  munmap(p, bytes + page);
  return NULL;
}

// --- metadata ---

void *tri_os_calloc(size_t bytes) {
  if (tri_os_inject() || bytes == 0) return NULL;
  void *p = calloc(1, bytes);
  if (p) add(&metadata_blocks, 1);
  return p;
}

void *tri_os_realloc(void *p, size_t bytes) {
  if (tri_os_inject() || bytes == 0) return NULL;
  void *moved = realloc(p, bytes);
  if (moved && !p) add(&metadata_blocks, 1);
  return moved;
}

void tri_os_free(void *p) {
  if (p) subtract(&metadata_blocks, 1);
  free(p);
}
