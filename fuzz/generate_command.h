// `tricolor generate`: a heap program out of a seed, as text or bytes. Returns the exit status.
#ifndef TRICOLOR_FUZZ_GENERATE_COMMAND_H
#define TRICOLOR_FUZZ_GENERATE_COMMAND_H

int tri_command_generate(int argc, char **argv);

#endif
