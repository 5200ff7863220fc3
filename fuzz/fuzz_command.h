// `tricolor fuzz`: one engine on one collector, or on all of them in turn. argv[0] is "fuzz"; returns the exit
// status.
#ifndef TRICOLOR_FUZZ_FUZZ_COMMAND_H
#define TRICOLOR_FUZZ_FUZZ_COMMAND_H

int tri_command_fuzz(int argc, char **argv);

#endif
