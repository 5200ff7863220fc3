// The fuzz target: any byte string is a heap program, run on one collector (FUZZ_COLLECTOR) with a fresh heap under
// the shadow heap. One source for libFuzzer, AFL++ (persistent mode, shared-memory test cases, by its libFuzzer
// driver) and the replay driver. A finding is printed, its invariant in brackets (`run`: the executor itself got a
// wrong answer), and aborts.
//
// FUZZ_STATS=1 in the environment prints at exit how much of the work was real: a fuzzer whose operations do
// nothing no longer fuzzes.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/os.h"
#include "common/poison.h"
#include "program/checked.h"
#include "tricolor/registry.h"

// Longer programs add time, not situations: the engines' -max_len should be no more than this.
enum { MAX_BYTES = 4096, MAX_STEPS = 1000 };

static struct {
  uint64_t executions, steps, effective, collections, out_of_memory;
} total;

static const struct tri_collector *collector;

static void print_stats(void) {
  fprintf(stderr, "fuzz-%s: %llu executions, %llu operations, %.0f%% of them effective, %.2f collections an execution, "
                  "%llu requests refused\n",
          collector->name, (unsigned long long)total.executions, (unsigned long long)total.steps,
          total.steps ? 100.0 * (double)total.effective / (double)total.steps : 0.0,
          total.executions ? (double)total.collections / (double)total.executions : 0.0,
          (unsigned long long)total.out_of_memory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  collector = tri_collector_find(FUZZ_COLLECTOR);
  TRI_CHECK(collector != NULL);
  tri_os_recycle(true);
  tri_poison_set_filling(true);
  if (getenv("FUZZ_STATS")) atexit(print_stats);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > MAX_BYTES) return 0;
  struct tri_program program = {0};
  struct tri_run_result result;
  if (!tri_program_decode(&program, data, size)) return 0;
  struct tri_run_params params = {.collector = collector, .max_steps = MAX_STEPS};
  if (tri_program_run_checked(&program, &params, TRI_CHECK_GC, NULL, &result) == TRI_RUN_FINDING) {
    fprintf(stderr,
            "fuzz-%s: [%s] %s\n  again: tricolor replay --collector=%s --steps=%d FILE\n"
            "  smaller: tricolor minimize --collector=%s --steps=%d FILE\n  (FILE: where the engine leaves this input)\n",
            collector->name, result.invariant, result.message, collector->name, MAX_STEPS, collector->name, MAX_STEPS);
    abort();
  }
  total.executions++;
  total.steps += result.steps;
  total.effective += result.effective;
  total.collections += result.collections;
  total.out_of_memory += result.out_of_memory;
  tri_program_free(&program);
  return 0;
}
