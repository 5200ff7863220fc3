// The fuzz target: any byte string is a heap program, run on one collector (FUZZ_COLLECTOR) with a fresh heap under
// the shadow heap. One source for libFuzzer, AFL++ (persistent mode, shared-memory test cases, by its libFuzzer
// driver) and the replay driver. A finding is printed, its invariant in brackets (`run`: the executor itself got a
// wrong answer), and aborts.
//
// FUZZ_STATS=1 in the environment prints at exit how much of the work was real: a fuzzer whose operations do
// nothing no longer fuzzes. The same numbers, and the finding, are in the account (account.h) all the time.
// FUZZ_ASSERTIONS=0 passes over the collector's own assertions, where the build has them.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "account.h"
#include "common/check.h"
#include "common/os.h"
#include "common/poison.h"
#include "program/checked.h"
#include "tricolor/registry.h"

// Longer programs add time and little else: the engines' -max_len should be no more than this.
enum { MAX_BYTES = 4096, MAX_STEPS = 1000 };
enum { CLOCK_EVERY = 64, TWICE_EVERY = 64 }; // executions

static const struct tri_collector *collector;
static struct tri_fuzz_account *account;

static void print_stats(void) {
  double executions = (double)account->executions, operations = (double)account->operations;
  fprintf(stderr, "fuzz-%s: %" PRIu64 " executions, %" PRIu64 " operations, %.0f%% of them effective, "
                  "%.2f collections an execution, %" PRIu64 " requests refused\n",
          collector->name, account->executions, account->operations,
          operations > 0 ? 100 * (double)account->effective / operations : 0.0,
          executions > 0 ? (double)account->collections / executions : 0.0, account->refused);
  tri_fuzz_account_print(stderr, account);
}

// Which phases the present execution has reached, one bit each, now and before its latest collection: the last one
// comes after the program, on a heap without roots (program/checked.h), and does not count.
static uint32_t reached, reached_before;

static void reach(enum tri_fuzz_phase phase) { reached |= UINT32_C(1) << phase; }

static void collection_ended(struct tri_heap *heap, bool swept) {
  struct tri_stats stats;
  tri_stats_get(heap, &stats, sizeof stats);
  reach(TRI_FUZZ_ENDED);
  if (!swept) reach(TRI_FUZZ_LAZY);
  if (stats.freed_objects) reach(TRI_FUZZ_FREED);
  if (stats.copied_bytes) reach(TRI_FUZZ_COPIED);
  if (stats.weak_cleared) reach(TRI_FUZZ_CLEARED);
  if (stats.finalizers_pending) reach(TRI_FUZZ_QUEUED);
  if (stats.mark_stack_overflows) reach(TRI_FUZZ_OVERFLOWED);
}

static void on_event(void *context, struct tri_heap *heap, const struct tri_event *event) {
  (void)context;
  switch (event->kind) {
  case TRI_EVENT_COLLECTION_BEGIN:
    reached_before = reached;
    reach(TRI_FUZZ_STARTED);
    break;
  case TRI_EVENT_MARK: reach(TRI_FUZZ_MARKED); break;
  case TRI_EVENT_WEAK: reach(TRI_FUZZ_WEAK); break;
  case TRI_EVENT_SWEEP: reach(TRI_FUZZ_SWEPT); break;
  case TRI_EVENT_COLLECTION_END: collection_ended(heap, event->b != 0); break;
  case TRI_EVENT_OUT_OF_MEMORY: reach(TRI_FUZZ_REFUSED); break;
  default: break;
  }
}

static uint64_t cpu_since_last(void) {
  static uint64_t last;
  struct timespec cpu;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  uint64_t now = (uint64_t)cpu.tv_sec * 1000000000 + (uint64_t)cpu.tv_nsec, since = now - last;
  last = now;
  return since;
}

static void count(const struct tri_run_result *result) {
  account->executions++;
  account->operations += result->steps;
  account->effective += result->effective;
  account->collections += result->collections;
  account->refused += result->out_of_memory;
  uint32_t left = result->status == TRI_RUN_OK ? reached_before : reached;
  for (; left; left &= left - 1) account->reached[__builtin_ctz(left)]++;
  reached = reached_before = 0;
  if (account->executions % CLOCK_EVERY == 0) account->cpu_ns += cpu_since_last();
}

_Noreturn static void finding(const struct tri_run_result *result) {
  tri_fuzz_account_find(account, result->invariant, result->message);
  struct timespec cpu;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  fprintf(stderr,
          "fuzz-%s: [%s] %s\n  again: tricolor replay --collector=%s --steps=%d FILE\n"
          "  smaller: tricolor minimize --collector=%s --steps=%d FILE\n  (FILE: where the engine leaves this input)\n"
          "tricolor-finding collector=%s invariant=%s executions=%" PRIu64 " operations=%" PRIu64
          " cpu_seconds=%lld.%03ld\n",
          collector->name, result->invariant, result->message, collector->name, MAX_STEPS, collector->name, MAX_STEPS,
          collector->name, result->invariant, account->found_executions, account->found_operations, (long long)cpu.tv_sec,
          cpu.tv_nsec / 1000000);
  abort();
}

static void dying(void *context, const struct tri_run_result *result) {
  (void)context;
  count(result);
  finding(result);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  collector = tri_collector_find(FUZZ_COLLECTOR);
  TRI_CHECK(collector != NULL);
  tri_os_recycle(true);
  tri_poison_set_filling(true);
  account = tri_fuzz_account_open();
  const char *assertions = getenv("FUZZ_ASSERTIONS");
  tri_assertions_ignored = assertions && strcmp(assertions, "0") == 0;
  if (getenv("FUZZ_STATS")) atexit(print_stats);
  return 0;
}

// Some inputs run twice, and have to go the same way. Which ones depends on nothing but the input (FNV-1a).
static bool runs_twice(const uint8_t *data, size_t size) {
  uint32_t hash = UINT32_C(0x811c9dc5);
  for (size_t i = 0; i < size; i++) hash = (hash ^ data[i]) * UINT32_C(0x01000193);
  return (hash ^ hash >> 16) % TWICE_EVERY == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > MAX_BYTES) return 0;
  struct tri_program program = {0};
  struct tri_run_result result;
  if (!tri_program_decode(&program, data, size)) return 0;
  const struct tri_run_watch watch = {.sink = {on_event, NULL}, .dying = dying};
  struct tri_run_params params = {.collector = collector, .max_steps = MAX_STEPS, .watch = &watch};
  enum tri_run_status status = tri_program_run_checked(&program, &params, TRI_CHECK_GC, NULL, &result);
  count(&result);
  if (status == TRI_RUN_OK && runs_twice(data, size)) {
    tri_program_repeats(&program, &params, TRI_CHECK_GC, NULL, &result);
    status = result.status;
    reached = reached_before = 0;
  }
  tri_program_free(&program);
  if (status == TRI_RUN_FINDING) finding(&result);
  return 0;
}
