// Heap programs under the oracle: a run with the shadow heap around the collector, as replay and fuzzing do it.
#ifndef TRICOLOR_PROGRAM_CHECKED_H
#define TRICOLOR_PROGRAM_CHECKED_H

#include "check/shadow.h"
#include "program/exec.h"

// tri_program_run with the shadow: each call is checked, and with TRI_CHECK_GC each end of a collection, `verify`, the
// end of the program and, after all roots were dropped and a full collection, the empty heap. A finding of the
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

#endif
