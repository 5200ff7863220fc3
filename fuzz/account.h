// What a fuzz target has done so far, counted where whoever started the engine can see it: in a file that both map,
// named by FUZZ_ACCOUNT in the environment. So the numbers survive processes that die, are killed, or are replaced by
// their engine, as AFL++ does every few thousand executions. Without FUZZ_ACCOUNT they stay in the process.
//
// Written by targets/fuzz_program.c, one process at a time; read by fuzz_command.c and score_command.c, also while
// the target runs.
#ifndef TRICOLOR_FUZZ_ACCOUNT_H
#define TRICOLOR_FUZZ_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

// How far an execution got before its roots were dropped. TRI_FUZZ_PHASE(NAME, "name", "an execution counts when")
#define TRI_FUZZ_PHASES_TABLE                                                                                          \
  TRI_FUZZ_PHASE(STARTED, "started", "a collection began")                                                             \
  TRI_FUZZ_PHASE(MARKED, "marked", "tracing began")                                                                    \
  TRI_FUZZ_PHASE(WEAK, "weak", "weak references were processed")                                                       \
  TRI_FUZZ_PHASE(SWEPT, "swept", "reclaiming began")                                                                   \
  TRI_FUZZ_PHASE(ENDED, "ended", "a collection ended")                                                                 \
  TRI_FUZZ_PHASE(LAZY, "lazy", "a collection ended whose sweep went on")                                               \
  TRI_FUZZ_PHASE(FREED, "freed", "an object was reclaimed")                                                            \
  TRI_FUZZ_PHASE(COPIED, "copied", "an object was moved")                                                              \
  TRI_FUZZ_PHASE(CLEARED, "cleared", "a weak reference or ephemeron was cleared")                                      \
  TRI_FUZZ_PHASE(QUEUED, "queued", "a finalizer was queued")                                                           \
  TRI_FUZZ_PHASE(OVERFLOWED, "overflowed", "a mark stack overflowed")                                                  \
  TRI_FUZZ_PHASE(REFUSED, "refused", "an allocation was out of memory")

enum tri_fuzz_phase {
#define TRI_FUZZ_PHASE(symbol, name, doc) TRI_FUZZ_##symbol,
  TRI_FUZZ_PHASES_TABLE
#undef TRI_FUZZ_PHASE
      TRI_FUZZ_PHASES
};
const char *tri_fuzz_phase_name(enum tri_fuzz_phase phase);
const char *tri_fuzz_phase_doc(enum tri_fuzz_phase phase);

struct tri_fuzz_account {
  uint64_t size; // of this struct, as far as the writer knows it
  uint64_t executions, operations, effective, collections, refused; // operations: executed; effective: of them
  uint64_t cpu_ns; // processor time of all processes that wrote here, brought up to date now and then
  uint64_t reached[TRI_FUZZ_PHASES]; // executions, by phase
  // The first finding, if there is one: the numbers are of that moment.
  uint64_t found; // 1; written last
  uint64_t found_executions, found_operations;
  char invariant[16];
  char message[1024];
};

// The account to count in: the one of FUZZ_ACCOUNT, or one of this process. Never NULL; ends the process with a
// sentence when the file cannot be used.
struct tri_fuzz_account *tri_fuzz_account_open(void);

// Notes a finding, unless there was one already.
void tri_fuzz_account_find(struct tri_fuzz_account *account, const char *invariant, const char *message);

// For the other side: makes the file with an empty account and maps it; NULL with errno set. Unmapped by _close.
struct tri_fuzz_account *tri_fuzz_account_create(const char *path);
void tri_fuzz_account_close(struct tri_fuzz_account *account);

// One line of words "name=value" after `tricolor-stats `, for programs.
void tri_fuzz_account_print(FILE *out, const struct tri_fuzz_account *account);

#endif
