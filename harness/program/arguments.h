// Arguments of the commands on heap programs.
#ifndef TRICOLOR_PROGRAM_ARGUMENTS_H
#define TRICOLOR_PROGRAM_ARGUMENTS_H

#include "measure/text.h"

enum { TRI_PARAMS_GIVEN_MAX = 16 };

// What the commands take; each takes some of it.
struct tri_arguments {
  const char *out, *collector, *options, *workload, *size, *check, *fault;
  const char *params[TRI_PARAMS_GIVEN_MAX];
  int n_params;
  uint64_t steps; // 0: as the executor has it
  char **files;
  int n_files;
};

struct tri_command {
  const char *name;
  const char *letters; // of the options that it takes, see long_options
  const char *usage;
};

// False: *error says what is wrong. --help prints the usage and ends the process.
bool tri_arguments_parse(const struct tri_command *command, int argc, char **argv, struct tri_arguments *to,
                         struct tri_error *error);

// Print the error; the exit status: bad input, or a file that could not be written.
int tri_command_bad(const struct tri_command *command, const struct tri_error *error);
int tri_command_not_written(const struct tri_command *command, const struct tri_error *error);

#endif
