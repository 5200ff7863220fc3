// The record shim: writes whatever runs on a heap as a heap program that builds the same graph.
//
// How a workload becomes operations. Each root slot (of frames and handles) is a global while it holds something.
// References that the workload has in C locals are registers: what a call returned most recently is in one of the
// 16, an older one is loaded again from where it came. A local is dead after a collecting call, so before each of
// those registers and the globals of popped frames are dropped: at every possible collection the program has the
// roots that the workload had.
//
// That needs objects whose address is their identity: the shim goes on a collector that neither moves nor reclaims
// (nocollect); refuses others by failing to open.
//
// The program ends where the workload's last outermost frame is about to be popped, which is where there is most
// to compare. Payloads are not recorded: the executor fills in its own.
#ifndef TRICOLOR_SHIMS_RECORD_H
#define TRICOLOR_SHIMS_RECORD_H

#include "program/program.h"
#include "shims/shim.h"

struct tri_recording {
  struct tri_program program; // complete when the heap has been destroyed; the caller frees it
  uint64_t objects;           // reachable where the program ends
  uint64_t shape_hash;        // their graph, as in struct tri_run_result
  char failure[200];          // why this workload cannot be recorded; "" if it was
};

// Fill in *record and return the collector in it. *to is zeroed here, and has to outlive the heap. One heap at a time.
const struct tri_collector *tri_record_wrap(struct tri_shim_record *record, const struct tri_collector *inner,
                                            struct tri_recording *to);

#endif
