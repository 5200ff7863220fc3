// `tricolor score`: which way to fuzz kills which planted fault, how often and how fast. argv[0] is "score"; returns
// the exit status.
#ifndef TRICOLOR_FUZZ_SCORE_COMMAND_H
#define TRICOLOR_FUZZ_SCORE_COMMAND_H

int tri_command_score(int argc, char **argv);

#endif
