// Heap programs under the oracle: a run with the shadow heap around the collector, as replay and fuzzing do it.
#ifndef TRICOLOR_PROGRAM_CHECKED_H
#define TRICOLOR_PROGRAM_CHECKED_H

#include "check/shadow.h"
#include "program/exec.h"

// tri_program_run with the shadow: each call is checked, `verify` and the end of the program, and with TRI_CHECK_GC each
// end of a collection and, after all roots were dropped and a full collection, the empty heap. A finding of the
// oracle ends the run as TRI_RUN_FINDING. Of params->watch only `dying` and the sink of events are used. What ran is
// added to *summary unless it is NULL.
enum tri_run_status tri_program_run_checked(const struct tri_program *program, const struct tri_run_params *params,
                                            enum tri_check check, struct tri_check_summary *summary,
                                            struct tri_run_result *result);

// A second run of a program whose first one had that result: it goes the same way, or *result becomes a finding (D1).
// True if it does, or if nothing can be said: in threads form, of a collector that is conservative, or whose memory ran
// out.
bool tri_program_repeats(const struct tri_program *program, const struct tri_run_params *params, enum tri_check check,
                         struct tri_check_summary *summary, struct tri_run_result *result);

// The outcomes of one program so far, by class. Zeroed before its first run.
enum { TRI_OUTCOME_TEXT = 80 };
struct tri_outcomes {
  struct {
    const char *collector; // NULL: none yet
    char text[TRI_OUTCOME_TEXT];
  } of[TRI_OUTCOME_CLASSES];
};

// What the program has left: "2 of 3 objects, graph 0123456789abcdef".
void tri_outcome_text(const struct tri_run_result *result, char text[TRI_OUTCOME_TEXT]);

// A run of the program on that collector: it has left what another one has, or *result becomes a finding (D2). True if it
// has, or if there is nothing to compare.
bool tri_program_agrees(struct tri_outcomes *outcomes, const struct tri_collector *collector,
                        struct tri_check_summary *summary, struct tri_run_result *result);

#endif
