// The commands on heap programs. argv[0] is the command's name. Exit status: 0 good, 1 a finding, 2 wrong usage or
// bad input, 3 a file could not be written.
#ifndef TRICOLOR_PROGRAM_COMMANDS_H
#define TRICOLOR_PROGRAM_COMMANDS_H

// The row of measure/arguments.h for the bound of a run; 0: as the executor has it.
#define TRI_ARGUMENT_STEPS(target)                                                                                     \
  {"steps", "N", "how many operations loops may repeat in all (default 10000)", .number = (target), .least = 1}

int tri_command_asm(int argc, char **argv);    // text to bytes
int tri_command_dis(int argc, char **argv);    // bytes to text
int tri_command_show(int argc, char **argv);   // the heap before and after each collection
int tri_command_replay(int argc, char **argv); // on one or all collectors, with equal outcome
int tri_command_record(int argc, char **argv); // a workload as a program
int tri_command_minimize(int argc, char **argv); // a failing program as small as it can be

#endif
