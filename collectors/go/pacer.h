// Go's pacer: when a collection starts (the trigger), by which heap size it should end (the goal), how many
// workers mark, and how much marking each allocated byte owes meanwhile (the assist ratio). Go proposal 44167
// (pacer redesign, Go 1.18), proposal 48409 (soft memory limit, Go 1.19); "1.20" is the pacer since Go 1.20.
//
// The trigger is the goal less the runway: what the mutators are expected to allocate while a quarter of the
// processors scans what was scanned last time. Bytes are integers and every division stands where Go has it,
// so that goals and triggers are Go's to the byte; sums saturate.
//
// A cycle, as the collector calls it:
//   heap_live >= go_pacer_pacing(p).trigger  -> go_pacer_start_cycle (world stopped)
//   as heap_live or the scan work grows      -> go_pacer_revise      (world running)
//   nothing is grey any more                 -> go_pacer_end_cycle, go_pacer_reset_live, go_pacer_commit
//   (stopped)
//
// Pure: no clock, no threads, no allocation. The collector keeps the inputs current from its own counters and
// calls with its heap lock held, or with the world stopped.
#ifndef TRICOLOR_GO_PACER_H
#define TRICOLOR_GO_PACER_H

#include <stdbool.h>
#include <stdint.h>

#include "go/pi_controller.h"

enum go_pacer_generation {
  GO_PACER_1_19, // cons/mark by a PI controller; 1 MiB of headroom below the memory limit
  GO_PACER_1_20, // cons/mark the largest of five samples; 3 % of headroom
};

#define GO_GOGC_OFF (-1)
#define GO_NO_MEMORY_LIMIT ((uint64_t)INT64_MAX)
#define GO_NOT_MARKING UINT64_MAX

enum { GO_CONS_MARK_SAMPLES = 4 };

// Background marking takes a quarter of the processors. Dedicated workers mark without a pause; where whole
// processors miss the quarter by more than 30 %, a fractional one fills up.
struct go_mark_workers {
  int dedicated;
  double fractional_goal; // share of each other processor's time; 0: no fractional worker
  int max_idle;           // workers on processors that have nothing else to do
};

// Bytes of the heap.
struct go_pacing {
  uint64_t trigger, goal; // trigger <= goal
};

struct go_pacer {
  // Settings; go_pacer_set_gogc and go_pacer_set_memory_limit change them.
  enum go_pacer_generation generation;
  int32_t gogc;          // percent of growth between collections
  uint64_t memory_limit; // bytes
  uint64_t goal_max;     // of the heap, by what it can hold at all; go_pacer_init: none, as in Go

  // Inputs: bytes, always current.
  uint64_t heap_live;      // marked by the last collection, and allocated since
  uint64_t heap_scan;      // as heap_live, without what holds no references; stands still while marking
  uint64_t max_stack_scan; // all stacks
  uint64_t globals_scan;
  uint64_t mapped_ready; // all memory of the process that is not released
  uint64_t heap_free;    // in mapped_ready: free pages
  uint64_t heap_alloc;   // in mapped_ready: objects, the unswept dead included

  // Inputs of this cycle, from 0 at its start: bytes scanned, CPU nanoseconds.
  uint64_t heap_scan_work, stack_scan_work, globals_scan_work;
  int64_t assist_time, idle_mark_time;

  // Results of this cycle.
  struct go_mark_workers workers;
  double assist_work_per_byte, assist_bytes_per_work;

  // Of the last cycle.
  uint64_t heap_marked, last_heap_scan, last_stack_scan;
  uint64_t last_heap_goal; // for the scavenger

  // The pacer's own.
  uint64_t heap_minimum, gogc_goal, sweep_minimum, runway; // runway: bytes from trigger to goal
  uint64_t triggered; // heap_live at which this cycle began; or GO_NOT_MARKING
  int64_t mark_start; // time, nanoseconds
  double
      cons_mark; // bytes allocated per CPU time of mutators, over bytes scanned per CPU time of the collector
  double cons_mark_samples[GO_CONS_MARK_SAMPLES]; // 1.20: oldest first
  struct go_pi_controller cons_mark_controller;   // 1.19
};

// Ready for the first cycle: nothing marked, nothing to sweep.
void go_pacer_init(struct go_pacer *pacer, enum go_pacer_generation generation, int32_t gogc,
                   uint64_t memory_limit);

// A negative gogc is off: only the memory limit and explicit calls collect. A go_pacer_commit must follow.
void go_pacer_set_gogc(struct go_pacer *pacer, int32_t gogc);
void go_pacer_set_memory_limit(struct go_pacer *pacer, uint64_t limit);

// Settle goal and runway from the last cycle's results and the settings. Until the sweep is done the goal
// leaves it 1 MiB to work in. While marking, go_pacer_revise must follow.
void go_pacer_commit(struct go_pacer *pacer, bool sweep_done);

// Current goal, or trigger and goal: they depend on the memory inputs when the limit decides, and on being
// marking.
uint64_t go_pacer_goal(const struct go_pacer *pacer);
struct go_pacing go_pacer_pacing(const struct go_pacer *pacer);

// Periodic: nothing but time has started it, so that idle processors are left alone.
void go_pacer_start_cycle(struct go_pacer *pacer, int64_t now, int processors, bool periodic);

// Set the assist ratio from what is left to scan and to allocate. While marking.
void go_pacer_revise(struct go_pacer *pacer);

// Measure cons/mark. All work and time of the cycle has been added.
void go_pacer_end_cycle(struct go_pacer *pacer, int64_t now, int processors);

// The cycle's results become the last cycle's. After go_pacer_end_cycle, before go_pacer_commit.
void go_pacer_reset_live(struct go_pacer *pacer, uint64_t bytes_marked);

// What a mutator that is `debt` bytes short of credit scans, and the bytes of credit that this earns: at
// least 64 KiB of scanning at a time.
struct go_assist {
  int64_t scan_work, credit; // bytes scanned, bytes allocated
};
struct go_assist go_pacer_assist(const struct go_pacer *pacer, int64_t debt);

struct go_mark_workers go_mark_workers(int processors, bool periodic);

// Of a processor's fractional worker: nanoseconds it has marked, and since marking began. May it start? Must
// it stop? It stops a fifth above its goal, so that it is not due again at once.
bool go_fractional_worker_is_due(double goal, int64_t marked, int64_t elapsed);
bool go_fractional_worker_is_over(double goal, int64_t marked, int64_t elapsed);

#endif
