// When a cycle begins, and how much of it mutators do when they allocate (assists: Go 1.5 to 1.26,
// runtime/mgcpacer.go, mgcmark.go). pacer.h and limiter.h calculate; here they are told what goes on.
//
// What the pacer calls stacks are the root slots here, frames and handles; globals there are none.
#include "go/pace.h"

#include <stdio.h>

#include "go/heap.h"

// -------------------------------------------------------------------------------- what the pacer is told

// Where the heap cannot hold what gogc calls for, a cycle ends before it is full.
static void settle_trigger(struct go_pace *pace) {
  uint64_t room = pace->heap_limit - pace->heap_limit / 16;
  if (pace->pacer.gogc >= 0)
    pace->pacer.goal_max = pace->pacer.heap_marked < room ? room : pace->heap_limit;
  struct go_pacing pacing = go_pacer_pacing(&pace->pacer);
  pace->goal = pacing.goal;
  TRI_RELAXED_STORE(&pace->trigger, pacing.trigger);
}

void go_pace_init(struct go_pace *pace, enum go_pacer_generation generation, int32_t gogc,
                  uint64_t memory_limit, int32_t periodic, uint64_t heap_limit, bool works) {
  *pace = (struct go_pace){
      .clock = {.works = works}, .heap_limit = heap_limit, .processors = 1, .due = INT64_MAX};
  if (gogc >= 0) pace->period = periodic * INT64_C(1000000);
  go_pacer_init(&pace->pacer, generation, gogc, memory_limit ? memory_limit : GO_NO_MEMORY_LIMIT);
  pace->history.start = go_now(&pace->clock);
  go_limiter_init(&pace->limiter, pace->history.start, pace->processors);
  settle_trigger(pace);
}

// Memory beside the heap; address space that nobody has touched does not count.
static uint64_t metadata_bytes(const struct go_heap *heap) {
  return go_spans_bytes(&heap->spans) + go_bits_bytes(&heap->bits) +
         go_work_pool_bytes(&heap->pool);
}

uint64_t go_pace_mapped(const struct go_heap *heap) { return heap->budget.used + metadata_bytes(heap); }

static void tell_pacer(struct go_heap *heap) {
  struct go_pacer *pacer = &heap->pace.pacer;
  struct go_pages_usage pages = go_pages_usage(&heap->pages);
  pacer->heap_live = heap->live;
  pacer->mapped_ready = go_pace_mapped(heap);
  pacer->heap_free = pages.free;
  pacer->heap_alloc = heap->allocated;
}

void go_live_add(struct go_heap *heap, const struct go_span *span, int64_t cells) {
  struct go_pace *pace = &heap->pace;
  struct go_pacer *pacer = &pace->pacer;
  int64_t bytes = cells * (int64_t)span->cell_bytes;
  TRI_RELAXED_STORE(&heap->live, heap->live + (uint64_t)bytes);
  heap->allocated += (uint64_t)bytes;
  if (cells > 0) {
    go_clock_work(&pace->clock, (uint64_t)bytes);
    go_background_tick(heap);
  }
  if (!heap->marking && !go_span_noscan(span)) pacer->heap_scan += (uint64_t)bytes;
  if (!heap->marking && pacer->memory_limit == GO_NO_MEMORY_LIMIT) return;
  tell_pacer(heap);
  if (heap->marking) {
    pacer->heap_scan_work = TRI_RELAXED_LOAD(&pace->scanned);
    go_pacer_revise(pacer);
  } else {
    settle_trigger(pace);
  }
}

void go_pace_scanned(struct go_heap *heap, uint64_t bytes) {
  __atomic_fetch_add(&heap->pace.scanned, bytes, __ATOMIC_RELAXED);
  go_clock_work(&heap->pace.clock, bytes);
}

int64_t go_pace_marked(struct go_heap *heap, int64_t start, uint64_t scanned, enum go_marker who) {
  struct go_pace *pace = &heap->pace;
  int64_t time = pace->clock.works ? (int64_t)scanned : go_now(&pace->clock) - start;
  if (who == GO_MARK_STOPPED) time *= pace->processors;
  __atomic_fetch_add(&pace->mark_time[who], time, __ATOMIC_RELAXED);
  __atomic_fetch_add(&pace->scanned_by[who], scanned, __ATOMIC_RELAXED);
  if (who == GO_MARK_ASSIST || who == GO_MARK_STOPPED)
    __atomic_fetch_add(&pace->untold, time, __ATOMIC_RELAXED);
  return time;
}

static void tell_limiter(struct go_pace *pace) {
  go_limiter_add_assist_time(&pace->limiter, __atomic_exchange_n(&pace->untold, 0, __ATOMIC_RELAXED));
}

// -------------------------------------------------------------------------------- cycles

// The world stands still since the last request to stop, or since the last phase, if that was in the same
// pause. A clock of work stands, too.
static int64_t stopped_since(const struct go_heap *heap, int64_t phase, int64_t now) {
  int64_t stop = (int64_t)heap->base.pauses.begin_ns;
  return heap->pace.clock.works || stop < phase ? now : stop;
}

static void change_phase(struct go_heap *heap, int64_t since, int64_t now, bool marking) {
  struct go_pace *pace = &heap->pace;
  tell_limiter(pace);
  go_limiter_set_processors(&pace->limiter, since, pace->processors);
  go_limiter_start_transition(&pace->limiter, since, marking);
  go_limiter_finish_transition(&pace->limiter, now);
}

void go_pace_begin(struct go_heap *heap) {
  struct go_pace *pace = &heap->pace;
  unsigned processors = heap->workers.wanted ? heap->workers.processors : heap->n_mutators;
  if (pace->clock.works) processors = 1;
  pace->processors = processors > 1 ? (int)processors : 1;
  int64_t now = go_now(&pace->clock), since = stopped_since(heap, pace->cycle.ended, now);
  change_phase(heap, since, now, true);
  pace->cycle = (struct go_cycle_times){.begun = since,
                                        .marking = now,
                                        .heap_begun = heap->live,
                                        .stacks = pace->root_bytes,
                                        .processors = pace->processors,
                                        .forced = pace->forced};
  pace->scanned = 0;
  for (unsigned who = 0; who < GO_MARKERS; who++) pace->mark_time[who] = 0;
  tell_pacer(heap);
  pace->pacer.max_stack_scan = pace->root_bytes;
  // A small heap may have grown to many times what was last scanned. Workers would soon find out; assists
  // that expect so little come too late.
  if (!pace->background && pace->pacer.last_heap_scan < pace->pacer.heap_scan / 2)
    pace->pacer.last_heap_scan = pace->pacer.heap_scan / 2;
  go_pacer_start_cycle(&pace->pacer, now, pace->processors, pace->periodic);
  pace->pacer.stack_scan_work = pace->root_bytes;
}

void go_pace_terminate(struct go_heap *heap) {
  struct go_pace *pace = &heap->pace;
  pace->cycle.terminating = stopped_since(heap, pace->cycle.marking, go_now(&pace->clock));
}

void go_pace_settle(struct go_heap *heap) {
  struct go_pace *pace = &heap->pace;
  struct go_pacer *pacer = &pace->pacer;
  int64_t now = go_now(&pace->clock);
  tell_pacer(heap);
  pacer->heap_scan_work = pace->scanned;
  // The pacer takes it for granted that workers had a quarter of the processors, and wants what came on top.
  int64_t most = (now - pacer->mark_start) * pace->processors, marked = 0;
  for (unsigned who = 0; who < GO_MARKERS; who++) marked += who == GO_MARK_IDLE ? 0 : pace->mark_time[who];
  // Who marks need not have had a processor all the time.
  if (marked > most - most / 16) marked = most - most / 16;
  pacer->assist_time = marked - most / 4;
  pacer->idle_mark_time = pace->mark_time[GO_MARK_IDLE];
  go_pacer_end_cycle(pacer, now, pace->processors);
  go_pacer_reset_live(pacer, heap->marked_bytes);
  go_pacer_commit(pacer, false);
  settle_trigger(pace);
  change_phase(heap, pace->cycle.terminating, now, false);
  pace->cycle.heap_ended = heap->live;
  pace->cycle.heap_live = pacer->heap_marked;
  pace->cycle.heap_goal = pacer->last_heap_goal;
}

void go_pace_ended(struct go_heap *heap) {
  struct go_pace *pace = &heap->pace;
  struct go_cycle_times *cycle = &pace->cycle;
  go_scavenger_settle(heap);
  go_background_wake(heap);
  cycle->ended = go_now(&pace->clock);
  if (pace->period) TRI_RELAXED_STORE(&pace->due, cycle->ended + pace->period);
  cycle->assists = pace->mark_time[GO_MARK_ASSIST];
  cycle->idle = pace->mark_time[GO_MARK_IDLE];
  cycle->workers = pace->mark_time[GO_MARK_WORKER] + pace->mark_time[GO_MARK_STOPPED];
  go_history_add(&pace->history, cycle);
  if (!pace->traces) return;
  char line[GO_TRACE_BYTES];
  go_trace_line(line, sizeof line, &pace->history, cycle);
  fprintf(stderr, "%s\n", line);
}

// -------------------------------------------------------------------------------- assists

// Nobody assists while the collector has had too much time.
static bool limits(struct go_heap *heap) {
  struct go_limiter *limiter = &heap->pace.limiter;
  int64_t now = go_now(&heap->pace.clock);
  if (go_limiter_needs_update(limiter, now)) {
    tell_limiter(&heap->pace);
    go_limiter_update(limiter, now);
  }
  return limiter->limiting;
}

struct go_assist go_pace_owed(struct go_heap *heap, int64_t debt) {
  tri_mutex_lock(&heap->lock);
  struct go_assist assist = {0, debt};
  if (!limits(heap)) assist = go_pacer_assist(&heap->pace.pacer, debt);
  tri_mutex_unlock(&heap->lock);
  // More than the heap can hold is of no use, and sums of it would wrap; a debt is not left
  // open by what rounding takes.
  int64_t most = (int64_t)heap->pace.heap_limit;
  if (assist.credit > most) assist.credit = most;
  if (assist.credit < debt) assist.credit = debt;
  return assist;
}
