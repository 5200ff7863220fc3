// tricolor-fibers: the commands of `tricolor` that run heap programs, with all actors as fibers, so that a program's
// schedule holds. Started by tricolor.c, with the same arguments.
#include <stdio.h>
#include <string.h>

#include "program/commands.h"

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
  } commands[] = {
      {"replay", tri_command_replay}, {"minimize", tri_command_minimize}, {"show", tri_command_show}};
  for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
    if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
  fputs("tricolor-fibers: a part of tricolor, which starts it\n", stderr);
  return 2;
}
