#include "situations.h"

#include <stdbool.h>
#include <stdint.h>

#include "common/schedule.h"

enum { EVENTS = 0, RESULTS = 256, SWITCHES = 512 }; // where the ranges begin
enum { EVENT_KINDS = 16 };
_Static_assert((int)TRI_EVENT_KINDS < (int)EVENT_KINDS, "an event and none fit into a row of the bigrams");

static bool wanted;
static unsigned last_event;             // 1 + kind; 0: none
static enum tri_yield_point last_point; // of the last switch
static uint64_t freed, cleared, copied, overflows; // totals at the last result

// The edges. Each case holds its number, so that no two are the same code.
#define CASE(n)                                                                                                        \
  case (n):                                                                                                            \
    __asm__ volatile("" : : "i"(n));                                                                                   \
    break;
#define CASES_4(n) CASE(n) CASE((n) + 1) CASE((n) + 2) CASE((n) + 3)
#define CASES_16(n) CASES_4(n) CASES_4((n) + 4) CASES_4((n) + 8) CASES_4((n) + 12)
#define CASES_64(n) CASES_16(n) CASES_16((n) + 16) CASES_16((n) + 32) CASES_16((n) + 48)
#define CASES_256(n) CASES_64(n) CASES_64((n) + 64) CASES_64((n) + 128) CASES_64((n) + 192)

static __attribute__((noinline)) void meet(unsigned bucket) {
  switch (bucket) { CASES_256(0) CASES_256(256) CASES_256(512) CASES_256(768) }
}

static unsigned hash(uint64_t situation) {
  return (unsigned)((situation * UINT64_C(0x9e3779b97f4a7c15)) >> 40);
}

// 0, 1, few, many.
static unsigned rough(uint64_t count) { return count < 2 ? (unsigned)count : count < 16 ? 2 : 3; }

#if TRI_FIBERS
static void on_switch(enum tri_yield_point point, const struct tri_actor *from, const struct tri_actor *to) {
  uint64_t situation = last_event;
  situation = situation << 8 | (unsigned)from->kind << 4 | (unsigned)to->kind;
  situation = situation << 8 | (unsigned)last_point;
  situation = situation << 8 | (unsigned)point;
  meet(SWITCHES + hash(situation) % (TRI_SITUATIONS - SWITCHES));
  last_point = point;
}
#endif

void tri_situations_begin(void) {
  wanted = true;
#if TRI_FIBERS
  tri_schedule_on_switch = on_switch;
#endif
}

void tri_situations_execution(void) {
  last_event = 0;
  last_point = 0;
  freed = cleared = copied = overflows = 0;
}

void tri_situations_event(const struct tri_event *event) {
  if (!wanted) return;
  unsigned now = 1 + (unsigned)event->kind;
  meet(EVENTS + (last_event * EVENT_KINDS + now) % (RESULTS - EVENTS));
  last_event = now;
}

void tri_situations_result(enum tri_collect_kind kind, const struct tri_stats *stats) {
  if (!wanted) return;
  uint64_t situation = (unsigned)kind;
  situation = situation << 2 | rough(stats->freed_objects - freed);
  situation = situation << 2 | rough(stats->live_objects);
  situation = situation << 2 | rough(stats->weak_cleared - cleared);
  situation = situation << 2 | rough(stats->finalizers_pending);
  situation = situation << 1 | (stats->copied_bytes != copied);
  situation = situation << 1 | (stats->mark_stack_overflows != overflows);
  meet(RESULTS + hash(situation) % (SWITCHES - RESULTS));
  freed = stats->freed_objects;
  cleared = stats->weak_cleared;
  copied = stats->copied_bytes;
  overflows = stats->mark_stack_overflows;
}
