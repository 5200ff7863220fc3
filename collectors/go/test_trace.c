// The line that gctrace=1 writes, the history of pauses, and durations as Go writes them. That a run writes
// such lines, test_pace.c asks.
#include "go/trace.h"

#include <string.h>

#include "common/check.h"

static void check_ms(int64_t ns, const char *expected) {
  char text[GO_MILLISECONDS_BYTES];
  TRI_CHECK_STR(go_milliseconds(text, ns), expected);
}

static void test_milliseconds(void) {
  check_ms(0, "0");
  check_ms(999, "0");
  check_ms(1000, "0.001");
  check_ms(27123, "0.027");
  check_ms(99999, "0.099");
  check_ms(100000, "0.10");
  check_ms(584321, "0.58");
  check_ms(999999, "0.99");
  check_ms(1000000, "1.0");
  check_ms(1049999, "1.0");
  check_ms(9999999, "9.9");
  check_ms(10000000, "10");
  check_ms(217999999, "217");
  check_ms(-5, "0");
}

// Phases of 27 us, 1 ms and 22 us on 8 processors.
static struct go_cycle_times example(int64_t begun) {
  return (struct go_cycle_times){.begun = begun,
                                 .marking = begun + 27000,
                                 .terminating = begun + 1027000,
                                 .ended = begun + 1049000,
                                 .assists = 1100000,
                                 .workers = 580000,
                                 .idle = 8000,
                                 .heap_begun = (UINT64_C(4) << 20) + 5,
                                 .heap_ended = UINT64_C(5) << 20,
                                 .heap_live = (UINT64_C(3) << 20) - 1,
                                 .heap_goal = UINT64_C(6) << 20,
                                 .stacks = UINT64_C(7) << 20,
                                 .globals = UINT64_C(1) << 20,
                                 .processors = 8};
}

static void test_line(void) {
  struct go_history history = {.start = 1000000000};
  struct go_cycle_times times = example(1024000000);
  char line[GO_TRACE_BYTES];
  go_history_add(&history, &times);
  size_t n = go_trace_line(line, sizeof line, &history, &times);
  TRI_CHECK_STR(line, "gc 1 @0.024s 1%: 0.027+1.0+0.022 ms clock, 0.21+1.1/0.58/0.008+0.17 ms cpu, "
                      "4->5->2 MB, 6 MB goal, 7 MB stacks, 1 MB globals, 8 P");
  TRI_CHECK_EQ(n, strlen(line));
  times = example(13524000000);
  times.forced = true;
  times.processors = 1;
  go_history_add(&history, &times);
  n = go_trace_line(line, sizeof line, &history, &times);
  TRI_CHECK_STR(line, "gc 2 @12.524s 0%: 0.027+1.0+0.022 ms clock, 0.027+1.1/0.58/0.008+0.022 ms cpu, "
                      "4->5->2 MB, 6 MB goal, 7 MB stacks, 1 MB globals, 1 P (forced)");
  TRI_CHECK_EQ(go_trace_line(line, 10, &history, &times), 9);
  TRI_CHECK_STR(line, "gc 2 @12.");
  // The largest numbers fit.
  times = (struct go_cycle_times){.ended = INT64_MAX / 4,
                                  .terminating = INT64_MAX / 8,
                                  .assists = INT64_MAX / 8,
                                  .heap_goal = UINT64_MAX,
                                  .heap_begun = UINT64_MAX,
                                  .heap_ended = UINT64_MAX,
                                  .heap_live = UINT64_MAX,
                                  .processors = 1,
                                  .forced = true};
  history = (struct go_history){.n = UINT64_MAX};
  TRI_CHECK_LE(go_trace_line(line, sizeof line, &history, &times), sizeof line - 2);
}

static void test_history(void) {
  struct go_history history = {0};
  enum { CYCLES = GO_PAUSES + 10 };
  for (size_t i = 0; i < CYCLES; i++) {
    struct go_cycle_times times = example((int64_t)i * 2000000);
    times.forced = i % 3 == 0;
    go_history_add(&history, &times);
    TRI_CHECK_EQ(history.pause_end[(history.n + 255) % GO_PAUSES], times.ended);
  }
  TRI_CHECK_EQ(history.n, CYCLES);
  TRI_CHECK_EQ(history.n_forced, (CYCLES + 2) / 3);
  TRI_CHECK_EQ(history.pause_total, CYCLES * 49000);
  // 2080000 ns of CPU time in each 2 ms of 8 processors.
  double share = go_history_cpu_share(&history, (int64_t)CYCLES * 2000000, 8);
  TRI_CHECK(share > 0.129 && share < 0.131);
  TRI_CHECK(go_history_cpu_share(&history, 0, 8) == 0);
  TRI_CHECK(go_history_cpu_share(&history, 1, 8) == 1);
}

int main(void) {
  test_milliseconds();
  test_line();
  test_history();
  return 0;
}
