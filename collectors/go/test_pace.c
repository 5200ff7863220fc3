// What drives the pace of a heap: pacer, memory limit and limiter on the collector itself, with the clock of
// work, so that each number repeats. The pacer's own tests are test_pacer.c and test_pacer_simulation.c.
#include "test/own.h"

#include <unistd.h>

#include "go/heap.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

static const struct go_pace *pace(void) { return &go_heap_of(heap)->pace; }

struct cycle {
  uint64_t began, goal, ended, marked; // bytes of the heap
};

enum { MOST_CYCLES = 200 };
static struct cycle cycles[MOST_CYCLES];
static size_t n_cycles;

static void note(void *context, struct tri_heap *of, const struct tri_event *event) {
  (void)context;
  const struct go_heap *go = go_heap_of(of);
  struct cycle *cycle = &cycles[n_cycles % MOST_CYCLES];
  if (event->kind == TRI_EVENT_MARK) *cycle = (struct cycle){.began = go->live, .goal = go->pace.goal};
  if (event->kind == TRI_EVENT_WEAK) cycle->ended = go->live;
  if (event->kind != TRI_EVENT_COLLECTION_END) return;
  cycle->marked = go->pace.pacer.heap_marked;
  n_cycles++;
}

// A list of so many nodes stays, and then `made` nodes more are garbage at once.
static void run(const char *options, size_t kept, size_t made) {
  n_cycles = 0;
  create_with((struct tri_heap_params){.options = options, .sink = {note, NULL}});
  struct tri_handle *list = tri_handle_new(m, TRI_NULL); // as long as the heap
  for (size_t i = 0; i < kept + made; i++) {
    tri_ref object = tri_alloc(m, TRI_SHAPE(2, 48));
    TRI_CHECK(!tri_is_null(object));
    if (i >= kept) continue;
    tri_init(m, object, 0, tri_handle_get(m, list));
    tri_handle_set(m, list, object);
  }
  check_heap();
}

// A steady heap: cycles begin between 45 and 61 64ths of the way to their goal, end by it, and the next goal
// is twice what was marked (the roots are a slot).
static void test_steady(const char *options, uint64_t percent) {
  enum { KEPT = 100000, MADE = 1500000 };
  run(options, KEPT, MADE);
  TRI_CHECK_GE(n_cycles, 6);
  for (size_t i = n_cycles / 2; i < n_cycles; i++) {
    const struct cycle *c = &cycles[i], *last = &cycles[i - 1];
    uint64_t goal = last->marked + (last->marked + sizeof(tri_ref)) * percent / 100;
    TRI_CHECK_EQ(c->goal, goal);
    uint64_t part = (goal - last->marked) / 64;
    TRI_CHECK_GE(c->began, last->marked + 45 * part);
    TRI_CHECK_LE(c->began, last->marked + 61 * part + 64 * KIB);
    TRI_CHECK_LE(c->ended, goal + goal / 10);
  }
  destroy();
}

// The same program meets the same cycles, to the byte.
static void test_repeats(const char *options) {
  enum { KEPT = 30000, MADE = 200000 };
  static struct cycle first[MOST_CYCLES];
  run(options, KEPT, MADE);
  destroy();
  size_t n = n_cycles;
  TRI_CHECK_GE(n, 3);
  memcpy(first, cycles, sizeof first);
  run(options, KEPT, MADE);
  destroy();
  TRI_CHECK_EQ(n_cycles, n);
  TRI_CHECK(memcmp(first, cycles, n * sizeof *first) == 0);
}

// In a heap that is nearly full a cycle may be due all the time. It begins when a span is taken, not with
// each object, also where all allocations take the slow path.
static void test_nearly_full(const char *options) {
  n_cycles = 0;
  create_with((struct tri_heap_params){.options = options, .sink = {note, NULL}});
  struct tri_handle *list = tri_handle_new(m, TRI_NULL);
  for (tri_ref object; !tri_is_null(object = tri_alloc(m, TRI_SHAPE(2, 48)));) {
    tri_init(m, object, 0, tri_handle_get(m, list));
    tri_handle_set(m, list, object);
  }
  TRI_CHECK_GE(n_cycles, 3);
  TRI_CHECK_LE(n_cycles, MIB / GO_PAGE_BYTES + 10);
  destroy();
}

// With gogc off nothing is collected below the memory limit, and what is mapped stays below it.
static void test_memory_limit(const char *options, uint64_t limit) {
  enum { KEPT = 30000, MADE = 400000 };
  run(options, KEPT, MADE);
  TRI_CHECK_GE(n_cycles, 3);
  TRI_CHECK_LE(n_cycles, 40);
  struct tri_stats s = stats();
  TRI_CHECK_LE(s.peak_bytes, limit);
  TRI_CHECK_GE(s.peak_bytes, limit / 2);
  destroy();
}

// Near a memory limit that has no room for what lives, cycle follows cycle until the limiter's bucket is
// full (it is filled here). Then mutators are let off, and memory grows beyond the limit, until the
// bucket has drained a bit.
static void test_limiter(void) {
  enum { KEPT = 100000, MADE = 1000000 };
  run("heap=64m,gogc=-1,memory_limit=4m,clock=work", KEPT, 0);
  struct go_limiter *limiter = &go_heap_of(heap)->pace.limiter;
  TRI_CHECK_GE(n_cycles, 1);
  TRI_CHECK(!limiter->limiting);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK_EQ(tri_collect_start(m), TRI_OK);
  TRI_CHECK(limiter->marking);
  limiter->fill = limiter->capacity;
  limiter->limiting = true;
  size_t n = 0;
  for (; !pace()->mark_time[GO_MARK_ASSIST] && n < MADE; n++) tri_alloc(m, TRI_SHAPE(2, 48));
  TRI_CHECK_LE(n, MADE - 1);
  TRI_CHECK_GE(go_heap_of(heap)->live, 2 * 4 * MIB);
  destroy();
}

// All that a cycle scans is the pacer's, to the slot; and as the heap nears its goal unscanned (nobody
// assists here), an allocated byte owes more.
static void test_told(void) {
  enum { KEPT = 100000, SLOTS = 2 };
  run("heap=64m,clock=work", KEPT, 0);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  TRI_CHECK_EQ(pace()->pacer.last_heap_scan, KEPT * SLOTS * sizeof(tri_ref));
  TRI_CHECK_EQ(pace()->pacer.last_stack_scan, sizeof(tri_ref));
  TRI_CHECK_EQ(tri_collect_start(m), TRI_OK);
  struct go_limiter *limiter = &go_heap_of(heap)->pace.limiter;
  limiter->fill = limiter->capacity = UINT64_MAX / 2;
  limiter->limiting = true;
  double before = pace()->pacer.assist_work_per_byte;
  while (go_heap_of(heap)->live < pace()->goal - 64 * KIB) tri_alloc(m, TRI_SHAPE(2, 48));
  TRI_CHECK_GE(pace()->pacer.assist_work_per_byte, 10 * before);
  destroy();
}

// A heap that cannot hold its goal is collected before it is full, in steps.
static void test_small_heap(void) {
  enum { KEPT = 20000, MADE = 200000 };
  run("heap=2m,clock=work", KEPT, MADE);
  TRI_CHECK_GE(n_cycles, 5);
  for (size_t i = 1; i < n_cycles; i++) TRI_CHECK_LE(cycles[i].goal, 2 * MIB);
  destroy();
}

// A heap that is far from its trigger is collected all the same when the last collection is so long ago.
static uint64_t cycles_with(const char *options, bool first) {
  enum { MADE = 200000 };
  run(options, 1000, 0);
  if (first) TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  size_t before = n_cycles;
  int64_t start = go_now(&pace()->clock);
  for (size_t i = 0; i < MADE; i++) tri_alloc(m, TRI_SHAPE(2, 48));
  TRI_CHECK_GE(go_now(&pace()->clock) - start, MADE * 64); // nanoseconds
  size_t n = n_cycles - before;
  destroy();
  return n;
}

static void test_periodic(void) {
  TRI_CHECK_EQ(cycles_with("heap=64m,clock=work,gogc=1000,periodic=0", true), 0);
  TRI_CHECK_EQ(cycles_with("heap=64m,clock=work,gogc=1000", true), 0); // two minutes
  uint64_t n = cycles_with("heap=64m,clock=work,gogc=1000,periodic=2", true); // of 12.8 ms and marking
  TRI_CHECK_GE(n, 5);
  TRI_CHECK_LE(n, 6);
  TRI_CHECK_EQ(cycles_with("heap=64m,clock=work,gogc=1000,periodic=2", false), 0);
  TRI_CHECK_EQ(cycles_with("heap=64m,clock=work,gogc=-1,periodic=2", true), 0);
}

// -------------------------------------------------------------------------------- gctrace

struct line {
  unsigned n, percent, begun_mb, ended_mb, live_mb, goal_mb, stacks_mb, globals_mb, processors;
  double at, clock[3], cpu[5];
  bool forced;
};

static bool parse(const char *text, struct line *l) {
  int end = 0;
  char rest[16] = "";
  int fields =
      sscanf(text,
             "gc %u @%lfs %u%%: %lf+%lf+%lf ms clock, %lf+%lf/%lf/%lf+%lf ms cpu, %u->%u->%u MB, %u MB goal, "
             "%u MB stacks, %u MB globals, %u P%n%15[ (forced)]",
             &l->n, &l->at, &l->percent, &l->clock[0], &l->clock[1], &l->clock[2], &l->cpu[0], &l->cpu[1],
             &l->cpu[2], &l->cpu[3], &l->cpu[4], &l->begun_mb, &l->ended_mb, &l->live_mb, &l->goal_mb,
             &l->stacks_mb, &l->globals_mb, &l->processors, &end, rest);
  l->forced = strcmp(rest, " (forced)") == 0;
  return fields >= 18 && (!*rest || l->forced) && text[(size_t)end + strlen(rest)] == '\n';
}

// Each cycle of a run writes one line; what two lines, or one and the events, both say is the same.
static void test_gctrace(const char *options) {
  enum { KEPT = 100000, MADE = 300000 };
  FILE *file = tmpfile();
  TRI_CHECK(file);
  int saved = dup(STDERR_FILENO);
  fflush(stderr);
  TRI_CHECK(dup2(fileno(file), STDERR_FILENO) >= 0);
  run(options, KEPT, MADE);
  TRI_CHECK_EQ(tri_collect(m, TRI_COLLECT_FULL), TRI_OK);
  fflush(stderr);
  TRI_CHECK(dup2(saved, STDERR_FILENO) >= 0);
  close(saved);
  rewind(file);
  char text[GO_TRACE_BYTES];
  struct line l = {0}, before = {0};
  for (size_t i = 0; i < n_cycles; i++, before = l) {
    TRI_CHECK(fgets(text, sizeof text, file));
    TRI_CHECK(parse(text, &l));
    TRI_CHECK_EQ(l.n, i + 1);
    TRI_CHECK(l.at >= before.at);
    TRI_CHECK_LE(l.percent, 100);
    TRI_CHECK_EQ(l.begun_mb, cycles[i].began / MIB);
    TRI_CHECK_EQ(l.ended_mb, cycles[i].ended / MIB);
    TRI_CHECK_EQ(l.live_mb, cycles[i].marked / MIB);
    TRI_CHECK_EQ(l.goal_mb, cycles[i].goal / MIB);
    TRI_CHECK_EQ(l.stacks_mb + l.globals_mb, 0);
    TRI_CHECK_EQ(l.processors, (unsigned)pace()->processors);
    TRI_CHECK(l.processors > 1 || (l.cpu[0] == l.clock[0] && l.cpu[4] == l.clock[2]));
    TRI_CHECK_EQ(l.forced, i + 1 == n_cycles);
    // Somebody has marked: mutators or workers, of which those that take idle processors may be alone.
    TRI_CHECK(l.cpu[1] + l.cpu[2] + l.cpu[3] > 0);
    TRI_CHECK(go_heap_of(heap)->workers.n || l.cpu[3] == 0);
  }
  TRI_CHECK(!fgets(text, sizeof text, file));
  fclose(file);
  destroy();
}

int main(void) {
  collector = tri_collector_find("go");
  test_steady("heap=256m,clock=work", 100);
  test_steady("heap=256m,clock=work,pacer=1.19", 100);
  test_steady("heap=256m,clock=work,gogc=50", 50);
  test_steady("heap=256m,clock=work,gogc=250", 250);
  test_repeats("heap=64m,clock=work");
  test_repeats("heap=64m,clock=work,pacer=1.19,memory_limit=12m");
  test_nearly_full("heap=1m,clock=work");
  test_nearly_full("heap=1m,clock=work,layout=1.19");
  test_nearly_full("heap=1m,clock=work,stw=on,layout=1.19");
  test_memory_limit("heap=64m,clock=work,gogc=-1,memory_limit=12m", 12 * MIB);
  test_memory_limit("heap=64m,clock=work,gogc=-1,memory_limit=12m,pacer=1.19", 12 * MIB);
  test_limiter();
  test_told();
  test_small_heap();
  test_periodic();
  test_gctrace("heap=64m,gctrace=on");
  test_gctrace("heap=64m,gctrace=on,clock=work");
  return 0;
}
