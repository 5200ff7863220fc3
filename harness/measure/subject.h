// What is measured: one workload on one collector of one program. Its process is run as
//   EXECUTABLE run --workload=W --collector=C --heap=BYTES --size=S [-o KEY=VALUE,…] --result=FILE
// and leaves one JSON object in FILE:
//   "status"   "ok", "oom" (the heap is too small), "wrong" (the answer is), "unsupported" (the collector
//              lacks what the workload needs) or "error"
//   "message"  why, where it is not ok
//   "metrics"  flat object of numbers; the table shows peak_rss_bytes and pause_max_ns
//   …          anything else about the run; it is stored with the sample
// A peer (peer.h) is run with the same arguments, as a program of its own in the place of EXECUTABLE.
// It exits with 0 for ok and oom. A process that ends otherwise has failed, whatever it wrote.
#ifndef TRICOLOR_MEASURE_SUBJECT_H
#define TRICOLOR_MEASURE_SUBJECT_H

#include <stdint.h>

#include "measure/text.h"

struct tri_subject {
  const char *executable, *workload, *collector;
  uint64_t heap_bytes;
  const char *size;    // of `tri_sizes`
  const char *options; // "key=value,…"; NULL
};

extern const char *const tri_sizes[]; // tiny, ci, full, NULL

// The arguments of the process, NULL-terminated. `result_path` NULL: as a person would type them.
struct tri_subject_command {
  const char *arguments[10];
  char *owned[6];
};
struct tri_subject_command tri_subject_command(const struct tri_subject *subject, const char *result_path);
void tri_subject_command_free(struct tri_subject_command *command);

// The same as one line for a shell, without the result; the caller's to free.
char *tri_subject_text(const struct tri_subject *subject);

// Names as --collector, --workload and --heap take them; else the sentence that says what would be right.
bool tri_collector_known(const char *executable, const char *name, struct tri_names collectors,
                         struct tri_error *error);
bool tri_heap_bytes(const char *text, uint64_t *bytes, struct tri_error *error);

// The path of this program; NULL with *error. The caller's to free.
char *tri_own_path(struct tri_error *error);

#endif
