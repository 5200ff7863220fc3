#include "generate_command.h"

#include <inttypes.h>
#include <stdlib.h>

#include "generate.h"
#include "measure/arguments.h"
#include "program/files.h"

enum { DEFAULT_OPS = 200, MAX_OPS = 10000000 };

static const struct tri_command command = {.name = "generate",
                                           .synopsis = "--seed=N [--ops=N] [--out=FILE] [--text]",
                                           .about = "Makes a heap program out of a seed, with a model of the "
                                                    "heap but without a heap. The same seed and length\n"
                                                    "give the same program.\n"};

struct arguments {
  uint64_t seed, ops;
  const char *out;
  bool text;
};

static bool parse(int argc, char **argv, struct arguments *to, struct tri_error *error) {
  *to = (struct arguments){.seed = UINT64_MAX, .ops = DEFAULT_OPS};
  const struct tri_argument table[] = {
      {"seed", "N", "any number; the program follows from it", .number = &to->seed, .most = INT64_MAX},
      {"ops", "N",
       "how many operations (default 200); the last situation is not cut short, so a few\n"
       "more may come",
       .number = &to->ops, .most = MAX_OPS},
      {"out", "FILE", "where to; without it to the standard output", .text = &to->out},
      {"text", NULL, "as text, as if FILE ends in .thp; otherwise bytes", .flag = &to->text},
      {0}};
  if (!tri_arguments_parse(&command, table, argc, argv, NULL, error)) return false;
  if (to->seed == UINT64_MAX) return tri_fail(error, "--seed is missing: any number");
  if (to->out && tri_program_is_text(to->out)) to->text = true;
  return true;
}

int tri_command_generate(int argc, char **argv) {
  struct arguments arguments;
  struct tri_error error;
  struct tri_program program = {0};
  if (!parse(argc, argv, &arguments, &error))
    return tri_command_fails(command.name, &error, TRI_EXIT_BAD_INPUT);
  char *comment =
      tri_format("# tricolor generate --seed=%" PRIu64 " --ops=%" PRIu64 "\n", arguments.seed, arguments.ops);
  bool ok = tri_generate(&program, arguments.ops, arguments.seed) || tri_fail(&error, "out of memory");
  ok = ok && tri_program_write(&program, arguments.out, arguments.text, comment, &error);
  tri_program_free(&program);
  free(comment);
  return ok ? TRI_EXIT_GOOD : tri_command_fails(command.name, &error, TRI_EXIT_SUITE_FAILED);
}
