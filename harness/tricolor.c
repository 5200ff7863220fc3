// The command-line program: hands over to the command named first. Those that run heap programs need the fibers form of
// everything (common/actor.h), so they are in a program of their own beside this one, tricolor-fibers.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compare/compare.h"
#include "fuzz_command.h"
#include "generate_command.h"
#include "list.h"
#include "measure/bench.h"
#include "measure/environment.h"
#include "nearest.h"
#include "program/commands.h"
#include "run.h"
#include "score_command.h"

static int command_bench(int argc, char **argv) {
  struct tri_bench_options options = {.collectors = tri_collector_names(), .workloads = tri_workload_names()};
  return tri_bench(&options, argc, argv);
}

static int command_compare(int argc, char **argv) {
  struct tri_bench_options options = {.collectors = tri_collector_names(), .workloads = tri_workload_names()};
  return tri_compare(&options, argc, argv);
}

static int in_fibers_form(int argc, char **argv) {
  static const char suffix[] = "-fibers";
  char path[4096];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path - sizeof suffix);
  char **arguments = calloc((size_t)argc + 2, sizeof *arguments);
  if (n > 0 && arguments) {
    memcpy(path + n, suffix, sizeof suffix);
    arguments[0] = path;
    memcpy(arguments + 1, argv, (size_t)argc * sizeof *argv);
    execv(path, arguments);
    fprintf(stderr, "tricolor %s: %s: %s\n", argv[0], path, strerror(errno));
  } else {
    fprintf(stderr, "tricolor %s: where this program lies cannot be told\n", argv[0]);
  }
  free(arguments);
  return 3;
}

static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *summary;
} commands[] = {
    {"list", tri_command_list, "collectors, workloads, invariants, faults, options"},
    {"run", tri_command_run, "one workload on one collector, once, in this process"},
    {"replay", in_fibers_form, "heap programs on one or all collectors"},
    {"minimize", in_fibers_form, "a failing heap program as small as it can be"},
    {"show", in_fibers_form, "the heap of a program before and after each collection"},
    {"record", tri_command_record, "a workload as a heap program"},
    {"asm", tri_command_asm, "a heap program from text to bytes"},
    {"dis", tri_command_dis, "a heap program from bytes to text"},
    {"generate", tri_command_generate, "a heap program out of a seed"},
    {"fuzz", tri_command_fuzz, "a fuzzing engine on one or all collectors"},
    {"score", tri_command_score, "which way to fuzz kills which planted fault, how often and how fast"},
    {"bench", command_bench, "time workloads on collectors, one process per sample, into a series file"},
    {"compare", command_compare, "is a build or a collector slower than another? pairs of runs, and a verdict"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void usage(FILE *out) {
  fputs("usage: tricolor COMMAND …\n", out);
  for (size_t i = 0; i < COMMANDS; i++) fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
  fputs("`tricolor COMMAND --help` shows the options of a command, `tricolor --version` what this program "
        "was built from.\n"
        "Exit status: 0 good, 1 a finding, 2 wrong usage or bad input, 3 the suite itself failed.\n",
        out);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    usage(stderr);
    return 2;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
    usage(stdout);
    return 0;
  }
  if (strcmp(argv[1], "--version") == 0) {
    tri_version_print(stdout);
    return 0;
  }
  for (size_t i = 0; i < COMMANDS; i++)
    if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
  const char *names[COMMANDS];
  for (size_t i = 0; i < COMMANDS; i++) names[i] = commands[i].name;
  const char *nearest = tri_nearest(argv[1], (struct tri_names){names, COMMANDS});
  if (nearest)
    fprintf(stderr, "tricolor: unknown command '%s'; did you mean '%s'?\n", argv[1], nearest);
  else
    fprintf(stderr, "tricolor: unknown command '%s'; `tricolor --help` shows all\n", argv[1]);
  return 2;
}
