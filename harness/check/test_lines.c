// Family I with lines as units, which no collector here has yet: a shim tells marksweep's blocks as lines of
// 128 bytes, from a heap walk. Told truly they pass; with one line of a larger object told as free, I1 fires
// and nothing else does.
#include <stdio.h>
#include <string.h>

#include "check/scenario.h"
#include "common/check.h"
#include "tricolor/registry.h"

enum { LINE = 128, WORDS = (16 << 10) / LINE / 64 };

struct lines {
  struct tri_shim shim;
  bool lies;
};

struct telling {
  struct tri_heap *heap;
  struct lines *lines;
  tri_block_fn *visit;
  void *context;
  struct tri_block_info block;
  uint64_t used[WORDS];
  size_t hidden; // a line to be told as free, SIZE_MAX: none
};

static const struct tri_shim_class lines_class;
static bool lies; // of the heaps made from now on

static bool add_object(void *context, const struct tri_object_info *info) {
  struct telling *t = context;
  if (info->start - t->block.start >= t->block.bytes) return true;
  size_t first = (info->start - t->block.start) / LINE;
  size_t last = (info->start + info->bytes - 1 - t->block.start) / LINE;
  for (size_t i = first; i <= last; i++) t->used[i / 64] |= UINT64_C(1) << i % 64;
  if (last - first >= 2 && t->lines->lies) t->hidden = first + 1; // within it
  return true;
}

static bool tell_as_lines(void *context, const struct tri_block_info *info) {
  struct telling *t = context;
  TRI_CHECK_EQ(info->bytes, WORDS * 64 * LINE);
  t->block = *info;
  t->hidden = SIZE_MAX;
  memset(t->used, 0, sizeof t->used);
  t->lines->shim.inner->walk(t->heap, add_object, t);
  if (t->hidden != SIZE_MAX) t->used[t->hidden / 64] &= ~(UINT64_C(1) << t->hidden % 64);
  size_t n = 0;
  for (size_t w = 0; w < WORDS; w++) n += (size_t)__builtin_popcountll(t->used[w]);
  struct tri_block_info told = *info;
  told.unit_bytes = LINE;
  told.starts = false;
  told.used = t->used;
  told.marked = NULL;
  told.live = n;
  told.capacity = WORDS * 64;
  if (told.use == TRI_USE_PARTIAL || told.use == TRI_USE_FULL)
    told.use = n == told.capacity ? TRI_USE_FULL : TRI_USE_PARTIAL;
  return t->visit(t->context, &told);
}

static bool lines_each_block(struct tri_heap *heap, tri_block_fn *visit, void *context) {
  struct telling t = {.heap = heap,
                      .lines = (struct lines *)tri_shim_find(heap, &lines_class),
                      .visit = visit,
                      .context = context};
  return t.lines->shim.inner->each_block(heap, tell_as_lines, &t);
}

static void lines_override(struct tri_collector *record) { record->each_block = lines_each_block; }

static struct tri_shim *lines_open(const struct tri_shim_record *record,
                                   const struct tri_heap_config *config) {
  static struct lines lines; // one heap at a time
  (void)record, (void)config;
  lines = (struct lines){.lies = lies};
  return &lines.shim;
}
static void lines_close(struct tri_shim *shim) { (void)shim; }

static const struct tri_shim_class lines_class = {
    .name = "lines", .override = lines_override, .open = lines_open, .close = lines_close};

static uint64_t runs_of(const char *id, const struct tri_check_summary *summary) {
  return summary->runs[tri_invariant_find(id) - tri_invariants];
}

static void run(const struct tri_collector *collector, bool lie) {
  struct tri_shim_record record;
  struct findings findings = {0};
  struct tri_check_summary summary = {0};
  lies = lie;
  scenario_run(tri_shim_wrap(&record, collector, &lines_class, NULL), TRI_CHECK_GC, 3, &findings, &summary);
  printf("%s, %s:\n", collector->name, lie ? "lying" : "honest");
  findings_print(&findings, collector->name);
  TRI_CHECK(runs_of("I1", &summary) > 0);
  TRI_CHECK(runs_of("I3", &summary) > 0);
  for (size_t i = 0; i < findings.n; i++) TRI_CHECK_STR(findings.at[i].id, "I1");
  TRI_CHECK_EQ(findings.n != 0, lie);
}

int main(void) {
  int n = 0;
  for (size_t i = 0; tri_collectors[i]; i++) {
    if (!(tri_collectors[i]->caps.tells & TRI_TELLS_BLOCKS)) continue;
    run(tri_collectors[i], false);
    run(tri_collectors[i], true);
    n++;
  }
  TRI_CHECK(n > 0);
  return 0;
}
