#include "common/block_space.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/actor.h"
#include "common/os.h"

enum { FIRST_TABLES = 256, HUGE_BYTES = 2 << 20 };

// Bit g of cell_starts[class] is set when a cell of that class starts in granule g of a block.
static uint64_t cell_starts[TRI_SIZE_CLASSES][TRI_BLOCK_WORDS];

__attribute__((constructor)) static void find_cell_starts(void) {
  for (unsigned c = 0; c < TRI_SIZE_CLASSES; c++)
    for (size_t at = 0, bytes = tri_class_bytes(c); at + bytes <= TRI_BLOCK_BYTES; at += bytes)
      cell_starts[c][at / TRI_GRANULE_BYTES / 64] |= UINT64_C(1) << (at / TRI_GRANULE_BYTES % 64);
}

bool tri_block_each_size_class(struct tri_heap *heap, tri_size_class_fn *visit, void *context) {
  (void)heap;
  for (unsigned c = 0; c < TRI_SIZE_CLASSES; c++) {
    struct tri_size_class size_class = {.objects = "",
                                        .cell_bytes = tri_class_bytes(c),
                                        .least_bytes = c ? tri_class_bytes(c - 1) + 1 : TRI_TAG_BYTES,
                                        .block_bytes = TRI_BLOCK_BYTES,
                                        .cells = TRI_BLOCK_BYTES / tri_class_bytes(c)};
    if (!visit(context, &size_class)) return false;
  }
  return true;
}

// ---------------------------------------------------------------------- blocks and bits

static uint32_t index_of(const struct tri_block_space *space, const struct tri_block *block) {
  return (uint32_t)(block - space->blocks);
}
static uintptr_t start_of(const struct tri_block_space *space, const struct tri_block *block) {
  return space->base + index_of(space, block) * TRI_BLOCK_BYTES;
}
static struct tri_block *block_of(const struct tri_block_space *space, uintptr_t address) {
  return &space->blocks[(address - space->base) / TRI_BLOCK_BYTES];
}
static uint64_t *alloc_bits(const struct tri_block_space *space, const struct tri_block *block) {
  return &space->alloc[(size_t)index_of(space, block) * TRI_BLOCK_WORDS];
}
static uint64_t *mark_bits(const struct tri_block_space *space, const struct tri_block *block) {
  return &space->mark[(size_t)index_of(space, block) * TRI_BLOCK_WORDS];
}
static bool has_cells(const struct tri_block *block) { return block->state >= TRI_BLOCK_OWNED; }

// The first cell boundary at or after an offset in a block.
static size_t first_cell(size_t offset, size_t cell_bytes) {
  return (offset + cell_bytes - 1) / cell_bytes * cell_bytes;
}

// The cell that starts in a granule. (Cells of 24, 40 … bytes may start in its middle.)
static size_t cell_in(size_t granule, size_t cell_bytes) {
  return first_cell(granule * TRI_GRANULE_BYTES, cell_bytes);
}

// The bits of word w whose granules lie in [from, to). For two cell boundaries a and b, the cells between
// them are those that start in the granules [a / 16, b / 16).
static uint64_t bits_between(size_t w, size_t from, size_t to) {
  size_t first = w * 64, last = first + 64;
  if (from <= first && to >= last) return ~UINT64_C(0);
  if (from >= last || to <= first) return 0;
  uint64_t bits = ~UINT64_C(0);
  if (from > first) bits &= ~UINT64_C(0) << (from - first);
  if (to < last) bits &= ~UINT64_C(0) >> (last - to);
  return bits;
}

static unsigned count_bits(uint64_t word) { return (unsigned)__builtin_popcountll(word); }

// ---------------------------------------------------------------------- lists

static const struct tri_block_list empty_list = {.first = TRI_NO_BLOCK};

// The list that a block of that state stands in; NULL when it stands in none.
static struct tri_block_list *list_of(struct tri_block_space *space, const struct tri_block *block) {
  switch ((enum tri_block_state)block->state) {
  case TRI_BLOCK_FREE:
    return &space->free;
  case TRI_BLOCK_RELEASED:
    return &space->released;
  case TRI_BLOCK_PARTIAL:
    return &space->partial[block->size_class];
  case TRI_BLOCK_UNSWEPT:
    return &space->unswept[block->size_class];
  default:
    return NULL;
  }
}

static void unlink_block(struct tri_block_space *space, struct tri_block *block) {
  struct tri_block_list *list = list_of(space, block);
  if (!list) return;
  if (block->previous == TRI_NO_BLOCK)
    list->first = block->next;
  else
    space->blocks[block->previous].next = block->next;
  if (block->next != TRI_NO_BLOCK) space->blocks[block->next].previous = block->previous;
  list->count--;
  if (block->state == TRI_BLOCK_UNSWEPT) space->n_unswept--;
}

// Move the block to the front of the list of its new state.
static void set_state(struct tri_block_space *space, struct tri_block *block, enum tri_block_state state) {
  unlink_block(space, block);
  block->state = (uint8_t)state;
  struct tri_block_list *list = list_of(space, block);
  if (!list) return;
  block->previous = TRI_NO_BLOCK;
  block->next = list->first;
  if (block->next != TRI_NO_BLOCK) space->blocks[block->next].previous = index_of(space, block);
  list->first = index_of(space, block);
  list->count++;
  if (state == TRI_BLOCK_UNSWEPT) space->n_unswept++;
}

// A block that no run owns and that is swept: by how full it is.
static void file_block(struct tri_block_space *space, struct tri_block *block) {
  set_state(space, block,
            block->live == 0             ? TRI_BLOCK_FREE
            : block->live < block->cells ? TRI_BLOCK_PARTIAL
                                         : TRI_BLOCK_FULL);
}

// Poison what was never used, but leave it zero.
static void mark_unused(void *p, size_t bytes) {
  if (TRI_UNLIKELY(TRI_RELAXED_LOAD(&tri_poison_active))) tri_poison_mark(p, bytes);
}

// ---------------------------------------------------------------------- the space

static size_t pages(size_t bytes) { return (bytes + tri_os_page_bytes() - 1) & -tri_os_page_bytes(); }

bool tri_block_space_init(struct tri_block_space *space, struct tri_budget *budget, size_t limit_bytes,
                          bool huge) {
  *space = (struct tri_block_space){.budget = budget, .free = empty_list, .released = empty_list};
  for (unsigned c = 0; c < TRI_SIZE_CLASSES; c++) space->partial[c] = space->unswept[c] = empty_list;
  size_t n = limit_bytes / TRI_BLOCK_BYTES;
  if (n == 0) n = 1;
  if (n >= TRI_NO_BLOCK) n = TRI_NO_BLOCK - 1;
  size_t header_bytes = pages(n * sizeof(struct tri_block));
  size_t bitmap_bytes = pages(n * TRI_BLOCK_WORDS * sizeof(uint64_t));
  size_t before = header_bytes + 2 * bitmap_bytes;
  // A huge page can only be had where 2 MiB are committed together.
  huge = huge && n * TRI_BLOCK_BYTES >= 4 * (size_t)HUGE_BYTES;
  if (huge) before = (before + HUGE_BYTES - 1) & -(size_t)HUGE_BYTES;
  space->reserved = before + n * TRI_BLOCK_BYTES;
  space->reservation = tri_os_reserve(space->reserved, huge ? HUGE_BYTES : 0);
  if (!space->reservation) return false;
  char *at = space->reservation;
  if (huge) tri_os_huge(at, space->reserved);
  space->blocks = (struct tri_block *)at;
  space->alloc = (uint64_t *)(at + header_bytes);
  space->mark = (uint64_t *)(at + header_bytes + bitmap_bytes);
  space->base = (uintptr_t)at + before;
  space->end = space->base + n * TRI_BLOCK_BYTES;
  space->n_blocks = (uint32_t)n;
  space->batch = huge ? HUGE_BYTES / TRI_BLOCK_BYTES : n < 128 ? 1 : n > 1024 ? 16 : (uint32_t)n / 64;
  return true;
}

void tri_block_space_fini(struct tri_block_space *space) {
  tri_os_release(space->reservation, space->reserved);
}

// Commit what is missing of a table of `row` bytes per block when it grows from `from` to `to` rows.
static bool grow_table(struct tri_block_space *space, void *table, size_t row, uint32_t from, uint32_t to) {
  size_t have = pages(from * row), want = pages(to * row);
  if (want > have && !tri_os_commit((char *)table + have, want - have)) return false;
  space->metadata_bytes += want - have;
  return true;
}

// Side tables for the blocks below n: doubled, so that a heap costs few system calls.
static bool grow_tables(struct tri_block_space *space, uint32_t n) {
  if (n <= space->tables) return true;
  uint32_t from = space->tables, to = from > space->n_blocks / 2 ? space->n_blocks : 2 * from;
  if (to < FIRST_TABLES) to = FIRST_TABLES;
  if (to < n) to = n;
  if (to > space->n_blocks) to = space->n_blocks;
  size_t before = space->metadata_bytes, row = TRI_BLOCK_WORDS * sizeof(uint64_t);
  if (grow_table(space, space->blocks, sizeof(struct tri_block), from, to) &&
      grow_table(space, space->alloc, row, from, to) && grow_table(space, space->mark, row, from, to)) {
    space->tables = to;
    return true;
  }
  space->metadata_bytes = before; // what did get committed is committed again, and counted, next time
  return false;
}

// Commit the next blocks beyond the frontier: a batch, or as many as the budget has left.
static bool commit_more(struct tri_block_space *space) {
  uint32_t n = space->n_blocks - space->committed;
  if (n > space->batch) n = space->batch;
  size_t left = (space->budget->limit - space->budget->used) / TRI_BLOCK_BYTES;
  if (n > left) n = (uint32_t)left;
  if (n == 0 || !grow_tables(space, space->committed + n)) return false;
  size_t bytes = n * TRI_BLOCK_BYTES;
  uintptr_t start = space->base + space->committed * TRI_BLOCK_BYTES;
  if (!tri_os_commit((void *)start, bytes)) return false;
  tri_budget_take(space->budget, bytes);
  mark_unused((void *)start, bytes);
  space->mapped_bytes += bytes;
  space->committed += n;
  return true;
}

// ---------------------------------------------------------------------- sweeping

static void poison_cells(struct tri_block_space *space, struct tri_block *block, size_t w, uint64_t bits) {
  size_t bytes = tri_class_bytes(block->size_class);
  for (; bits; bits &= bits - 1) {
    size_t granule = w * 64 + (size_t)__builtin_ctzll(bits);
    tri_poison((void *)(start_of(space, block) + cell_in(granule, bytes)), bytes);
  }
}

// What is marked stays allocated, the rest is free.
static void sweep_block(struct tri_block_space *space, struct tri_block *block) {
  TRI_YIELD(SWEEP_BLOCK);
  uint64_t *alloc = alloc_bits(space, block), *mark = mark_bits(space, block);
  unsigned live = 0;
  bool poisons = TRI_RELAXED_LOAD(&tri_poison_active);
  for (size_t w = 0; w < TRI_BLOCK_WORDS; w++) {
    uint64_t kept = mark[w];
    if (TRI_UNLIKELY(poisons)) poison_cells(space, block, w, alloc[w] & ~kept);
    live += count_bits(kept);
    alloc[w] = kept;
    if (!space->sticky) mark[w] = 0;
  }
  unsigned freed = block->live - live;
  space->freed_objects += freed;
  space->freed_bytes += freed * tri_class_bytes(block->size_class);
  block->live = (uint16_t)live;
  file_block(space, block);
}

// Lists end up in address order.
void tri_sweep_begin(struct tri_block_space *space) {
  space->swept = 0;
  for (uint32_t i = space->frontier; i-- > 0;) {
    struct tri_block *block = &space->blocks[i];
    TRI_ASSERT(block->state != TRI_BLOCK_OWNED);
    if (has_cells(block)) set_state(space, block, TRI_BLOCK_UNSWEPT);
  }
}

void tri_sweep_finish(struct tri_block_space *space) {
  for (uint32_t i = space->frontier; space->n_unswept && i-- > 0;)
    if (space->blocks[i].state == TRI_BLOCK_UNSWEPT) sweep_block(space, &space->blocks[i]);
}

void tri_block_space_clear_marks(struct tri_block_space *space) {
  TRI_ASSERT(space->n_unswept == 0);
  memset(space->mark, 0, (size_t)space->frontier * TRI_BLOCK_WORDS * sizeof *space->mark);
}

void tri_sweep_some(struct tri_block_space *space, size_t n) {
  for (; n && space->n_unswept; space->swept++)
    if (space->blocks[space->swept].state == TRI_BLOCK_UNSWEPT) {
      sweep_block(space, &space->blocks[space->swept]);
      n--;
    }
}

size_t tri_block_space_trim(struct tri_block_space *space, size_t enough) {
  while (space->frontier < space->committed) { // no different from other free blocks
    struct tri_block *block = &space->blocks[space->frontier++];
    *block = (struct tri_block){.state = TRI_BLOCK_UNUSED};
    set_state(space, block, TRI_BLOCK_FREE);
  }
  size_t bytes = 0;
  for (uint32_t end = space->frontier; space->free.count && bytes < enough;) { // neighbours together
    while (space->blocks[end - 1].state != TRI_BLOCK_FREE) end--;
    uint32_t start = end;
    for (; start > 0 && space->blocks[start - 1].state == TRI_BLOCK_FREE && bytes < enough;
         bytes += TRI_BLOCK_BYTES)
      set_state(space, &space->blocks[--start], TRI_BLOCK_RELEASED);
    tri_os_decommit((void *)(space->base + start * TRI_BLOCK_BYTES), (end - start) * TRI_BLOCK_BYTES);
    end = start;
  }
  tri_budget_give(space->budget, bytes);
  return bytes;
}

// ---------------------------------------------------------------------- runs

// The next free cells of a block, from granule `from` on, to the run that owns it.
static bool take_cells(struct tri_block_space *space, struct tri_block *block, struct tri_run *run,
                       size_t from) {
  uint64_t *alloc = alloc_bits(space, block), *mark = mark_bits(space, block);
  const uint64_t *starts = cell_starts[block->size_class];
  size_t first = from, end, bytes = run->cell_bytes;
  for (size_t w = from / 64;; w++) { // the first free cell
    if (w == TRI_BLOCK_WORDS) return false;
    uint64_t free = starts[w] & ~alloc[w] & bits_between(w, from, SIZE_MAX);
    if (!free) continue;
    first = w * 64 + (size_t)__builtin_ctzll(free);
    break;
  }
  size_t start = cell_in(first, bytes), stop = block->cells * bytes;
  for (size_t w = first / 64; w < TRI_BLOCK_WORDS; w++) { // the next allocated one
    uint64_t used = alloc[w] & bits_between(w, first, SIZE_MAX);
    if (!used) continue;
    stop = cell_in(w * 64 + (size_t)__builtin_ctzll(used), bytes);
    break;
  }
  if (start < block->fresh && stop > block->fresh) stop = block->fresh; // either used before, or fresh
  if (space->run_cells && stop - start > space->run_cells * bytes) stop = start + space->run_cells * bytes;
  end = stop / TRI_GRANULE_BYTES;
  unsigned taken = 0;
  for (size_t w = first / 64; w < TRI_BLOCK_WORDS && w * 64 < end; w++) {
    uint64_t cells = starts[w] & bits_between(w, first, end);
    alloc[w] |= cells;
    if (space->black) mark[w] |= cells;
    taken += count_bits(cells);
  }
  block->live = (uint16_t)(block->live + taken);
  run->next = start_of(space, block) + start;
  run->limit = start_of(space, block) + stop;
  void *memory = (void *)run->next;
  if (start == block->fresh) {
    block->fresh = (uint16_t)stop;
    if (!TRI_ASAN && TRI_RELAXED_LOAD(&tri_poison_active)) tri_poison_unmark(memory, stop - start);
    return true;
  }
  tri_poison_check(memory, stop - start, "block space: free cell");
  tri_unpoison(memory, stop - start);
  memset(memory, 0, stop - start);
  if (TRI_ASAN) tri_poison_mark(memory, stop - start); // allocation takes it away, cell by cell
  return true;
}

// Give a free block a class. What is fresh in it begins at a cell from now on.
static void assign_class(struct tri_block_space *space, struct tri_block *block, unsigned size_class) {
  size_t bytes = tri_class_bytes(size_class);
  block->size_class = (uint8_t)size_class;
  block->cells = (uint16_t)(TRI_BLOCK_BYTES / bytes);
  block->live = 0;
  size_t fresh = block->fresh, begin = first_cell(fresh, bytes), end = block->cells * bytes;
  if (begin > end) begin = TRI_BLOCK_BYTES;
  if (begin > fresh) tri_poison((void *)(start_of(space, block) + fresh), begin - fresh);
  block->fresh = (uint16_t)begin;
}

static void own(struct tri_block_space *space, struct tri_block *block, struct tri_run *run) {
  TRI_YIELD(BLOCK_CLAIM);
  set_state(space, block, TRI_BLOCK_OWNED);
  block->run = run;
  run->block = block;
  run->cell_bytes = tri_class_bytes(block->size_class);
}

static void disown(struct tri_block_space *space, struct tri_run *run) {
  TRI_YIELD(BLOCK_RELEASE);
  struct tri_block *block = run->block;
  block->run = NULL;
  run->block = NULL;
  run->next = run->limit = 0;
  file_block(space, block);
}

// A committed block without a class, or NULL. It stays where it is.
static struct tri_block *find_free_block(struct tri_block_space *space) {
  for (; space->free.count == 0 && space->n_unswept; space->swept++)
    if (space->blocks[space->swept].state == TRI_BLOCK_UNSWEPT)
      sweep_block(space, &space->blocks[space->swept]);
  if (space->free.count) return &space->blocks[space->free.first];
  if (space->released.count && tri_budget_take(space->budget, TRI_BLOCK_BYTES)) {
    struct tri_block *block = &space->blocks[space->released.first];
    void *memory = (void *)start_of(space, block);
    if (tri_os_commit(memory, TRI_BLOCK_BYTES)) {
      mark_unused(memory, TRI_BLOCK_BYTES);
      block->fresh = 0;
      set_state(space, block, TRI_BLOCK_FREE);
      return block;
    }
    tri_budget_give(space->budget, TRI_BLOCK_BYTES);
  }
  if (space->frontier == space->committed && !commit_more(space)) return NULL;
  struct tri_block *block = &space->blocks[space->frontier++];
  *block = (struct tri_block){.state = TRI_BLOCK_UNUSED};
  set_state(space, block, TRI_BLOCK_FREE);
  return block;
}

bool tri_run_refill(struct tri_block_space *space, struct tri_run *run, unsigned size_class) {
  TRI_ASSERT(run->next == run->limit);
  if (run->block) {
    struct tri_block *block = run->block;
    size_t from = (run->limit - start_of(space, block)) / TRI_GRANULE_BYTES;
    if (take_cells(space, block, run, from)) return true;
    if (block->live < block->cells && take_cells(space, block, run, 0)) return true; // freed meanwhile
    disown(space, run);
  }
  struct tri_block *block = NULL;
  while (space->partial[size_class].count == 0 && space->unswept[size_class].count) {
    block = &space->blocks[space->unswept[size_class].first];
    sweep_block(space, block);
    if (block->state == TRI_BLOCK_FREE) break;
  }
  if (space->partial[size_class].count) {
    block = &space->blocks[space->partial[size_class].first];
  } else {
    block = find_free_block(space);
    if (!block) return false;
    unlink_block(space, block);
    block->state = TRI_BLOCK_UNUSED;
    assign_class(space, block, size_class);
  }
  own(space, block, run);
  return take_cells(space, block, run, 0);
}

void tri_run_retire(struct tri_block_space *space, struct tri_run *run) {
  struct tri_block *block = run->block;
  if (!block) return;
  size_t from_offset = run->next - start_of(space, block), to_offset = run->limit - start_of(space, block);
  size_t from = from_offset / TRI_GRANULE_BYTES, to = to_offset / TRI_GRANULE_BYTES;
  uint64_t *alloc = alloc_bits(space, block), *mark = mark_bits(space, block);
  for (size_t w = from / 64; w < TRI_BLOCK_WORDS && w * 64 < to; w++) {
    uint64_t unused = alloc[w] & bits_between(w, from, to);
    alloc[w] &= ~unused;
    mark[w] &= ~unused;
    block->live = (uint16_t)(block->live - count_bits(unused));
  }
  if (to_offset == block->fresh) { // as zero as what follows
    block->fresh = (uint16_t)from_offset;
    mark_unused((void *)run->next, run->limit - run->next);
  } else {
    tri_poison((void *)run->next, run->limit - run->next);
  }
  disown(space, run);
}

void tri_cell_free(struct tri_block_space *space, uintptr_t cell) {
  struct tri_block *block = block_of(space, cell);
  size_t bytes = tri_class_bytes(block->size_class),
         granule = (cell - start_of(space, block)) / TRI_GRANULE_BYTES;
  uint64_t *word = &alloc_bits(space, block)[granule / 64], bit = UINT64_C(1) << granule % 64;
  TRI_ASSERT(has_cells(block) && (*word & bit));
  *word &= ~bit;
  block->live--;
  space->freed_objects++;
  space->freed_bytes += bytes;
  tri_poison((void *)cell, bytes);
  if (block->state == TRI_BLOCK_FULL || (block->live == 0 && block->state == TRI_BLOCK_PARTIAL))
    file_block(space, block);
}

// ---------------------------------------------------------------------- looking

// The granules of the rest of the run that owns the block: cells with an alloc bit that are not allocated.
static void run_rest(const struct tri_block_space *space, const struct tri_block *block, size_t *from,
                     size_t *to) {
  *from = *to = 0;
  if (block->state != TRI_BLOCK_OWNED) return;
  *from = (block->run->next - start_of(space, block)) / TRI_GRANULE_BYTES;
  *to = (block->run->limit - start_of(space, block)) / TRI_GRANULE_BYTES;
}

// Cells with an object in them.
static unsigned live_cells(const struct tri_block *block) {
  if (block->state != TRI_BLOCK_OWNED) return block->live;
  return block->live - (unsigned)((block->run->limit - block->run->next) / block->run->cell_bytes);
}

static bool visit_bits(struct tri_block_space *space, struct tri_block *block, size_t w, uint64_t bits,
                       tri_cell_fn *visit, void *context) {
  size_t bytes = tri_class_bytes(block->size_class);
  for (; bits; bits &= bits - 1) {
    size_t granule = w * 64 + (size_t)__builtin_ctzll(bits);
    if (!visit(context, start_of(space, block) + cell_in(granule, bytes), bytes)) return false;
  }
  return true;
}

bool tri_block_space_each(struct tri_block_space *space, tri_cell_fn *visit, void *context) {
  for (uint32_t i = 0; i < space->frontier; i++) {
    struct tri_block *block = &space->blocks[i];
    if (!has_cells(block)) continue;
    size_t from, to;
    run_rest(space, block, &from, &to);
    for (size_t w = 0; w < TRI_BLOCK_WORDS; w++)
      if (!visit_bits(space, block, w, alloc_bits(space, block)[w] & ~bits_between(w, from, to), visit,
                      context))
        return false;
  }
  return true;
}

bool tri_block_space_each_marked(struct tri_block_space *space, uintptr_t from, uintptr_t to,
                                 tri_cell_fn *visit, void *context) {
  uintptr_t end = space->base + space->frontier * TRI_BLOCK_BYTES;
  if (from < space->base) from = space->base;
  if (to > end) to = end;
  for (uintptr_t at = from; at < to;) {
    struct tri_block *block = block_of(space, at);
    uintptr_t start = start_of(space, block), next = start + TRI_BLOCK_BYTES;
    size_t bytes = has_cells(block) ? tri_class_bytes(block->size_class) : TRI_BLOCK_BYTES;
    size_t first = first_cell(at - start, bytes) / TRI_GRANULE_BYTES;
    size_t last = first_cell((to < next ? to : next) - start, bytes) / TRI_GRANULE_BYTES;
    size_t rest_from, rest_to;
    run_rest(space, block, &rest_from, &rest_to);
    for (size_t w = first / 64; has_cells(block) && w < TRI_BLOCK_WORDS && w * 64 < last; w++) {
      uint64_t cells = bits_between(w, first, last) & ~bits_between(w, rest_from, rest_to);
      if (!visit_bits(space, block, w, mark_bits(space, block)[w] & cells, visit, context)) return false;
    }
    at = next;
  }
  return true;
}

size_t tri_block_space_marked_bytes(const struct tri_block_space *space) {
  size_t bytes = 0;
  for (uint32_t i = 0; i < space->frontier; i++) {
    const struct tri_block *block = &space->blocks[i];
    if (!has_cells(block)) continue;
    size_t from, to, cells = 0;
    run_rest(space, block, &from, &to);
    for (size_t w = 0; w < TRI_BLOCK_WORDS; w++)
      cells += count_bits(mark_bits(space, block)[w] & ~bits_between(w, from, to));
    bytes += cells * tri_class_bytes(block->size_class);
  }
  return bytes;
}

uintptr_t tri_cell_around(const struct tri_block_space *space, uintptr_t address, size_t *bytes) {
  if (!tri_block_space_has(space, address)) return 0;
  const struct tri_block *block = block_of(space, address);
  if ((address - space->base) / TRI_BLOCK_BYTES >= space->frontier || !has_cells(block)) return 0;
  *bytes = tri_class_bytes(block->size_class);
  size_t offset = (address - start_of(space, block)) / *bytes * *bytes, granule = offset / TRI_GRANULE_BYTES;
  size_t from, to;
  run_rest(space, block, &from, &to);
  uint64_t bits = alloc_bits(space, block)[granule / 64] & ~bits_between(granule / 64, from, to);
  return bits >> granule % 64 & 1 && offset / *bytes < block->cells ? start_of(space, block) + offset : 0;
}

// On how many lists each block of a window is found: blocks are told by the windowful, so that
// nothing has to be allocated.
enum { TELL_WINDOW = 1024 };

static void count_on_list(const struct tri_block_space *space, const struct tri_block_list *list, uint32_t first,
                          uint8_t lists[TELL_WINDOW]) {
  uint32_t i = list->first;
  for (uint32_t n = 0; i < space->frontier && n <= space->frontier; n++, i = space->blocks[i].next)
    if (i - first < TELL_WINDOW && lists[i - first] < UINT8_MAX) lists[i - first]++;
}

static bool tell_block(const struct tri_block_space *space, const struct tri_block *block, uint8_t lists,
                       tri_block_fn *visit, void *context) {
  static const enum tri_block_use use[TRI_BLOCK_STATES] = {
      [TRI_BLOCK_RELEASED] = TRI_USE_RELEASED, [TRI_BLOCK_FREE] = TRI_USE_FREE,
      [TRI_BLOCK_OWNED] = TRI_USE_OPEN,        [TRI_BLOCK_PARTIAL] = TRI_USE_PARTIAL,
      [TRI_BLOCK_FULL] = TRI_USE_FULL,         [TRI_BLOCK_UNSWEPT] = TRI_USE_UNSWEPT};
  struct tri_block_info info = {.start = start_of(space, block),
                                .bytes = TRI_BLOCK_BYTES,
                                .use = block->state < TRI_BLOCK_STATES ? use[block->state] : TRI_USE_FREE,
                                .unit_bytes = TRI_GRANULE_BYTES,
                                .starts = true,
                                .used = alloc_bits(space, block),
                                .marked = mark_bits(space, block),
                                .live = has_cells(block) ? block->live : 0,
                                .capacity = has_cells(block) ? block->cells : 0,
                                .lists = lists,
                                .listed = block->state != TRI_BLOCK_OWNED && block->state != TRI_BLOCK_FULL};
  return visit(context, &info);
}

bool tri_block_space_tell(const struct tri_block_space *space, tri_block_fn *visit, void *context) {
  for (uint32_t first = 0; first < space->frontier; first += TELL_WINDOW) {
    uint8_t lists[TELL_WINDOW] = {0};
    count_on_list(space, &space->free, first, lists);
    count_on_list(space, &space->released, first, lists);
    for (unsigned c = 0; c < TRI_SIZE_CLASSES; c++) {
      count_on_list(space, &space->partial[c], first, lists);
      count_on_list(space, &space->unswept[c], first, lists);
    }
    for (uint32_t i = first; i < space->frontier && i - first < TELL_WINDOW; i++)
      if (!tell_block(space, &space->blocks[i], lists[i - first], visit, context)) return false;
  }
  return true;
}

struct tri_space_usage tri_block_space_usage(const struct tri_block_space *space) {
  struct tri_space_usage usage = {.mapped_bytes = space->mapped_bytes,
                                  .metadata_bytes = space->metadata_bytes};
  usage.free_bytes = (size_t)(space->committed - space->frontier) * TRI_BLOCK_BYTES;
  for (uint32_t i = 0; i < space->frontier; i++) {
    const struct tri_block *block = &space->blocks[i];
    if (block->state == TRI_BLOCK_RELEASED) {
      usage.released_bytes += TRI_BLOCK_BYTES;
      continue;
    }
    unsigned live = has_cells(block) ? live_cells(block) : 0;
    size_t bytes = live * tri_class_bytes(block->size_class);
    usage.live_objects += live;
    usage.live_bytes += bytes;
    usage.free_bytes += TRI_BLOCK_BYTES - bytes;
  }
  return usage;
}

// ---------------------------------------------------------------------- verifying

struct verify {
  const struct tri_block_space *space;
  struct tri_findings *findings;
};

TRI_COLD TRI_PRINTF(3, 4) static void find(struct verify *v, const struct tri_block *block,
                                           const char *format, ...) {
  char text[200];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  tri_find(v->findings, "block %u at %p: %s", index_of(v->space, block), (void *)start_of(v->space, block),
           text);
}

TRI_NO_ASAN TRI_NO_COVERAGE static bool is_zero(uintptr_t from, uintptr_t to) {
  const uint64_t *p = (const uint64_t *)from, *end = (const uint64_t *)to;
  for (; end - p >= 8; p += 8) {
    uint64_t any = 0; // a block at a time, so that the compiler can use vectors
    for (size_t i = 0; i < 8; i++) any |= p[i];
    if (any) return false;
  }
  for (; p < end; p++)
    if (*(const volatile uint64_t *)p) return false; // volatile: no library call, which tools would intercept
  return true;
}

// Free memory at offset `at` of a block: poisoned, or never used and zero. (Looked at only while the pattern
// is: looking would touch pages that nobody else does.)
TRI_NO_COVERAGE static void check_free(struct verify *v, const struct tri_block *block, size_t at, size_t bytes) {
  uintptr_t start = start_of(v->space, block) + at;
  size_t used = at >= block->fresh ? 0 : block->fresh - at < bytes ? block->fresh - at : bytes;
  if (tri_poison_filling() && !is_zero(start + used, start + bytes))
    find(v, block, "never used, but not zero: somewhere in %zu bytes at %p", bytes - used,
         (void *)(start + used));
  const void *damage = tri_poison_damage((void *)start, used);
  if (damage)
    find(v, block, "free memory was written to at %p (free from %p, %zu bytes)", damage, (void *)start,
         bytes);
}

// The granule of the first cell from `granule` on that is allocated, or is not; beyond
// the block if there is none.
TRI_NO_COVERAGE static size_t next_cell(const uint64_t *starts, const uint64_t *alloc, size_t granule,
                                        bool allocated) {
  for (size_t w = granule / 64; w < TRI_BLOCK_WORDS; w++, granule = w * 64) {
    uint64_t bits = starts[w] & (allocated ? alloc[w] : ~alloc[w]) & ~UINT64_C(0) << granule % 64;
    if (bits) return w * 64 + (size_t)__builtin_ctzll(bits);
  }
  return TRI_BLOCK_GRANULES;
}

TRI_NO_COVERAGE static void check_bits(struct verify *v, const struct tri_block *block) {
  const struct tri_block_space *space = v->space;
  const uint64_t *alloc = alloc_bits(space, block), *mark = mark_bits(space, block);
  const uint64_t *starts = cell_starts[block->size_class];
  size_t bytes = tri_class_bytes(block->size_class);
  unsigned allocated = 0;
  for (size_t w = 0; w < TRI_BLOCK_WORDS; w++) {
    allocated += count_bits(alloc[w]);
    if (alloc[w] & ~starts[w]) find(v, block, "an alloc bit is set where no cell starts (word %zu)", w);
    if (mark[w] & ~alloc[w]) find(v, block, "a free cell is marked (word %zu)", w);
    if (mark[w] && block->state != TRI_BLOCK_UNSWEPT && !space->marking && !space->sticky)
      find(v, block, "marked, but not waiting for a sweep (word %zu)", w);
  }
  // Free cells that adjoin are looked at as one: up to the next allocated one.
  for (size_t granule = 0, cell; (cell = next_cell(starts, alloc, granule, false)) < TRI_BLOCK_GRANULES;) {
    size_t next = next_cell(starts, alloc, cell, true), from = cell_in(cell, bytes);
    size_t to = next < TRI_BLOCK_GRANULES ? cell_in(next, bytes) : block->cells * bytes;
    check_free(v, block, from, to - from);
    granule = next;
  }
  if (allocated != block->live) find(v, block, "%u alloc bits, but live = %u", allocated, block->live);
  size_t used = block->cells * bytes;
  check_free(v, block, used, TRI_BLOCK_BYTES - used);
}

TRI_NO_COVERAGE static void check_run(struct verify *v, const struct tri_block *block) {
  const struct tri_run *run = block->run;
  uintptr_t start = start_of(v->space, block);
  if (!run || run->block != block) {
    find(v, block, "its run does not own it");
    return;
  }
  if (run->cell_bytes != tri_class_bytes(block->size_class) || run->next > run->limit || run->next < start ||
      run->limit > start + block->cells * run->cell_bytes || (run->next - start) % run->cell_bytes ||
      (run->limit - start) % run->cell_bytes) {
    find(v, block, "its run [%p, %p) of cells of %zu bytes is not in it", (void *)run->next,
         (void *)run->limit, run->cell_bytes);
    return;
  }
  for (size_t w = 0; w < TRI_BLOCK_WORDS; w++) {
    size_t from, to;
    run_rest(v->space, block, &from, &to);
    uint64_t rest = cell_starts[block->size_class][w] & bits_between(w, from, to);
    if (rest & ~alloc_bits(v->space, block)[w])
      find(v, block, "a cell of its run has no alloc bit (word %zu)", w);
  }
  if (!is_zero(run->next, run->limit)) find(v, block, "a cell of its run is not zero");
}

TRI_NO_COVERAGE static void check_block(struct verify *v, const struct tri_block *block) {
  if (block->run && block->state != TRI_BLOCK_OWNED) find(v, block, "has a run, but is not owned");
  switch ((enum tri_block_state)block->state) {
  case TRI_BLOCK_RELEASED:
    return;
  case TRI_BLOCK_FREE:
    check_free(v, block, 0, TRI_BLOCK_BYTES);
    for (size_t w = 0; w < TRI_BLOCK_WORDS; w++)
      if (alloc_bits(v->space, block)[w] | mark_bits(v->space, block)[w])
        find(v, block, "free, but has alloc or mark bits (word %zu)", w);
    return;
  case TRI_BLOCK_OWNED:
  case TRI_BLOCK_PARTIAL:
  case TRI_BLOCK_FULL:
  case TRI_BLOCK_UNSWEPT:
    break;
  default:
    find(v, block, "has no legal state (%u)", block->state);
    return;
  }
  if (block->size_class >= TRI_SIZE_CLASSES ||
      block->cells != TRI_BLOCK_BYTES / tri_class_bytes(block->size_class)) {
    find(v, block, "size class %u with %u cells", block->size_class, block->cells);
    return;
  }
  check_bits(v, block);
  if (block->state == TRI_BLOCK_OWNED) check_run(v, block);
  if (block->state == TRI_BLOCK_PARTIAL && (block->live == 0 || block->live >= block->cells))
    find(v, block, "partial, but %u of %u cells are live", block->live, block->cells);
  if (block->state == TRI_BLOCK_FULL && block->live != block->cells)
    find(v, block, "full, but %u of %u cells are live", block->live, block->cells);
}

// Every block on the list says so; with the numbers compared afterwards, the converse holds too.
TRI_NO_COVERAGE static void check_list(struct verify *v, const char *name, const struct tri_block_list *list,
                                       enum tri_block_state state, int size_class,
                                       uint32_t in_state[TRI_BLOCK_STATES]) {
  uint32_t n = 0, previous = TRI_NO_BLOCK;
  for (uint32_t i = list->first; i != TRI_NO_BLOCK; n++) {
    if (i >= v->space->frontier || n >= list->count) {
      tri_find(v->findings, "the list of %s blocks is longer than its count of %u, or leads out of the space",
               name, list->count);
      return;
    }
    const struct tri_block *block = &v->space->blocks[i];
    if (block->state != state || (size_class >= 0 && block->size_class != size_class))
      find(v, block, "on the list of %s blocks (class %d), but has state %u and class %u", name, size_class,
           block->state, block->size_class);
    if (block->previous != previous) find(v, block, "its back link on the list of %s blocks is wrong", name);
    previous = i;
    i = block->next;
  }
  if (n != list->count)
    tri_find(v->findings, "the list of %s blocks has %u blocks, its count says %u", name, n, list->count);
  in_state[state] -= n;
}

TRI_NO_COVERAGE void tri_block_space_verify(const struct tri_block_space *space,
                                            struct tri_findings *findings) {
  struct verify v = {space, findings};
  uint32_t in_state[TRI_BLOCK_STATES] = {0}; // blocks of each state, less those found on lists
  for (uint32_t i = 0; i < space->frontier; i++) {
    check_block(&v, &space->blocks[i]);
    if (space->blocks[i].state < TRI_BLOCK_STATES) in_state[space->blocks[i].state]++;
  }
  if (in_state[TRI_BLOCK_UNSWEPT] != space->n_unswept)
    tri_find(findings, "%u unswept blocks, the count says %u", in_state[TRI_BLOCK_UNSWEPT], space->n_unswept);
  check_list(&v, "free", &space->free, TRI_BLOCK_FREE, -1, in_state);
  check_list(&v, "released", &space->released, TRI_BLOCK_RELEASED, -1, in_state);
  for (int c = 0; c < TRI_SIZE_CLASSES; c++) {
    check_list(&v, "partial", &space->partial[c], TRI_BLOCK_PARTIAL, c, in_state);
    check_list(&v, "unswept", &space->unswept[c], TRI_BLOCK_UNSWEPT, c, in_state);
  }
  static const enum tri_block_state listed[] = {TRI_BLOCK_FREE, TRI_BLOCK_RELEASED, TRI_BLOCK_PARTIAL,
                                                TRI_BLOCK_UNSWEPT};
  for (size_t k = 0; k < sizeof listed / sizeof *listed; k++)
    if (in_state[listed[k]])
      tri_find(findings, "%u blocks of state %u are on no list", in_state[listed[k]], (unsigned)listed[k]);
}
