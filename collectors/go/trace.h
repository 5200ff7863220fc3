// What each cycle took, as Go tells it: a line per cycle (GODEBUG=gctrace=1) and the last 256 pauses
// (MemStats). Pure; the caller's lock. Times are nanoseconds of the caller's clock.
#ifndef TRICOLOR_GO_TRACE_H
#define TRICOLOR_GO_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The phases are: the pause in which sweeping ends and marking begins, marking beside the mutators, and the
// pause in which marking ends.
struct go_cycle_times {
  int64_t begun, marking, terminating, ended;     // each phase's first moment; begun <= … <= ended
  int64_t assists, workers, idle;                 // CPU time of marking
  uint64_t heap_begun, heap_ended, heap_live;     // bytes: when the cycle began and ended; marked by it
  uint64_t heap_goal, stacks, globals;            // bytes
  int processors;
  bool forced; // by a call
};

enum { GO_PAUSES = 256 };

struct go_history {
  int64_t start;       // of the heap
  uint64_t n, n_forced, n_automatic; // cycles
  int64_t last_end;                  // of the last cycle
  int64_t pause_total, cpu_total;    // cpu: of the collector
  int64_t assists, workers, idle, pauses; // of that
  // Cycle n (from 1) stands at (n + 255) % 256: both pauses' length, and the end of the second.
  int64_t pause[GO_PAUSES], pause_end[GO_PAUSES];
};

void go_history_add(struct go_history *history, const struct go_cycle_times *times);

// The collector's share of the processors' time until then, 0 … 1.
double go_history_cpu_share(const struct go_history *history, int64_t now, int processors);

// The line of the cycle that was added last, without a newline; at most bytes - 1 characters.
// Returns those that it has.
enum { GO_TRACE_BYTES = 320 };
size_t go_trace_line(char *text, size_t bytes, const struct go_history *history,
                     const struct go_cycle_times *times);

// A duration in milliseconds as the line has it: whole from 10 on, else two digits and at
// most three decimals.
enum { GO_MILLISECONDS_BYTES = 24 };
const char *go_milliseconds(char text[GO_MILLISECONDS_BYTES], int64_t ns);

#endif
