#include "program/arguments.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option long_options[] = {{"out", required_argument, 0, 'O'},
                                             {"collector", required_argument, 0, 'c'},
                                             {"options", required_argument, 0, 'o'},
                                             {"workload", required_argument, 0, 'w'},
                                             {"check", required_argument, 0, 'k'},
                                             {"fault", required_argument, 0, 'f'},
                                             {"steps", required_argument, 0, 'n'},
                                             {"size", required_argument, 0, 's'},
                                             {"param", required_argument, 0, 'p'},
                                             {"help", no_argument, 0, 'h'},
                                             {0}};

bool tri_arguments_parse(const struct tri_command *command, int argc, char **argv, struct tri_arguments *to,
                         struct tri_error *error) {
  *to = (struct tri_arguments){0};
  opterr = 0;
  optind = 1;
  for (int c; (c = getopt_long(argc, argv, ":o:", long_options, NULL)) != -1;) {
    if (c == 'h') {
      fputs(command->usage, stdout);
      exit(0);
    }
    if (c == ':') return tri_fail(error, "%s needs a value", argv[optind - 1]);
    if (c == '?' || !strchr(command->letters, c))
      return tri_fail(error, "unknown option '%s'; see `tricolor %s --help`", argv[optind - 1], command->name);
    if (c == 'O') to->out = optarg;
    if (c == 'c') to->collector = optarg;
    if (c == 'o') to->options = optarg;
    if (c == 'w') to->workload = optarg;
    if (c == 'k') to->check = optarg;
    if (c == 'f') to->fault = optarg;
    if (c == 'n' && (sscanf(optarg, "%" SCNu64 "%c", &to->steps, &(char){0}) != 1 || !to->steps))
      return tri_fail(error, "--steps=%s: right would be a number from 1", optarg);
    if (c == 's') to->size = optarg;
    if (c == 'p' && to->n_params == TRI_PARAMS_GIVEN_MAX) return tri_fail(error, "more than %d --param", TRI_PARAMS_GIVEN_MAX);
    if (c == 'p') to->params[to->n_params++] = optarg;
  }
  to->files = argv + optind;
  to->n_files = argc - optind;
  if (to->n_files == 0 && !strchr(command->letters, 'w'))
    return tri_fail(error, "no file is named (- is the standard input); see `tricolor %s --help`", command->name);
  return true;
}

static int fails(const struct tri_command *command, const struct tri_error *error, int status) {
  fprintf(stderr, "tricolor %s: %s\n", command->name, error->text);
  return status;
}

int tri_command_bad(const struct tri_command *command, const struct tri_error *error) {
  return fails(command, error, 2);
}
int tri_command_not_written(const struct tri_command *command, const struct tri_error *error) {
  return fails(command, error, 3);
}
