// `tricolor list`: what this program has, for people and (--json) for scripts.
#ifndef TRICOLOR_HARNESS_LIST_H
#define TRICOLOR_HARNESS_LIST_H

// argv[0] is "list"; argv[1] collectors, workloads, invariants or options (all of them without). Exit status 0 or 2.
int tri_command_list(int argc, char **argv);

#endif
