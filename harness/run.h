// `tricolor run`: one workload on one collector in this process, once.
#ifndef TRICOLOR_HARNESS_RUN_H
#define TRICOLOR_HARNESS_RUN_H

#include "measure/text.h"
#include "named.h"
#include "workload.h"

// argv[0] is "run". Exit status 0 good, 1 wrong answer or a failed check, 2 wrong usage, bad input or a heap too
// small for the workload, 3 the suite itself failed. With --result=FILE running out of memory is a result, not
// an error: status "oom" in the file and exit status 0.
int tri_command_run(int argc, char **argv);

// By name, as in named.h: workloads (dynamic binding), and one "NAME=N" of --param: false (NULL) and a
// sentence if there is no such thing.
const struct tri_workload *tri_workload_named(const char *name, struct tri_error *error);
bool tri_workload_set_param(const struct tri_workload *workload, int64_t *param, const char *text,
                            struct tri_error *error);

extern const char *const tri_size_names[]; // by enum tri_size, NULL-terminated

// Names for tri_nearest and for lists.
struct tri_names tri_workload_names(void);

#endif
