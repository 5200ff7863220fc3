#include "generate_command.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "generate.h"
#include "measure/file.h"
#include "program/text.h"

static const char usage[] = "usage: tricolor generate --seed=N [--ops=N] [--out=FILE] [--text]\n"
                            "Makes a heap program out of a seed, with a model of the heap but without a "
                            "heap. The same seed and length give\n"
                            "the same program.\n"
                            "  --ops=N       how many operations (default 200); the last situation is not "
                            "cut short, so a few more may come\n"
                            "  --out=FILE    where to; without it to the standard output\n"
                            "  --text        as text, as if FILE ends in .thp; otherwise bytes\n";

enum { DEFAULT_OPS = 200, MAX_OPS = 10000000 };

struct arguments {
  uint64_t seed, ops;
  bool seeded, text;
  const char *out;
};

static bool number(const char *option, const char *word, uint64_t most, uint64_t *to,
                   struct tri_error *error) {
  char *end;
  *to = strtoull(word, &end, 0);
  if (*word && *word != '-' && !*end && *to <= most) return true;
  return tri_fail(error, "--%s=%s: right would be a number up to %" PRIu64, option, word, most);
}

static bool parse(int argc, char **argv, struct arguments *to, struct tri_error *error) {
  static const struct option options[] = {
      {"seed", required_argument, 0, 's'}, {"ops", required_argument, 0, 'n'},
      {"out", required_argument, 0, 'o'},  {"text", no_argument, 0, 't'},
      {"help", no_argument, 0, 'h'},       {0}};
  *to = (struct arguments){.ops = DEFAULT_OPS};
  opterr = 0;
  optind = 1;
  for (int c; (c = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
    switch (c) {
    case 'h':
      fputs(usage, stdout);
      exit(0);
    case 's':
      if (!number("seed", optarg, UINT64_MAX, &to->seed, error)) return false;
      to->seeded = true;
      break;
    case 'n':
      if (!number("ops", optarg, MAX_OPS, &to->ops, error)) return false;
      break;
    case 'o':
      to->out = optarg;
      break;
    case 't':
      to->text = true;
      break;
    case ':':
      return tri_fail(error, "%s needs a value", argv[optind - 1]);
    default:
      return tri_fail(error, "unknown option '%s'; see `tricolor generate --help`", argv[optind - 1]);
    }
  }
  if (optind < argc) return tri_fail(error, "'%s' is too much; see `tricolor generate --help`", argv[optind]);
  if (!to->seeded) return tri_fail(error, "--seed is missing: any number");
  size_t n = to->out ? strlen(to->out) : 0;
  if (n >= 4 && strcmp(to->out + n - 4, ".thp") == 0) to->text = true;
  return true;
}

static bool write_bytes(const struct tri_program *program, FILE *out) {
  size_t size = tri_program_encode(program, NULL, 0);
  uint8_t *bytes = malloc(size + 1);
  bool ok = bytes && fwrite(bytes, 1, tri_program_encode(program, bytes, size), out) == size;
  free(bytes);
  return ok;
}

static bool write_program(const struct tri_program *program, const struct arguments *arguments, FILE *out) {
  if (!arguments->text) return write_bytes(program, out);
  return fprintf(out, "# tricolor generate --seed=%" PRIu64 " --ops=%" PRIu64 "\n", arguments->seed,
                 arguments->ops) > 0 &&
         tri_program_print(program, out);
}

static bool write_file(const struct tri_program *program, const struct arguments *arguments,
                       struct tri_error *error) {
  struct tri_new_file file;
  if (!tri_new_file_begin(&file, arguments->out, error)) return false;
  write_program(program, arguments, file.stream); // a failed write shows up at the commit
  return tri_new_file_commit(&file, error);
}

int tri_command_generate(int argc, char **argv) {
  struct arguments arguments;
  struct tri_error error;
  struct tri_program program = {0};
  if (!parse(argc, argv, &arguments, &error)) {
    fprintf(stderr, "tricolor generate: %s\n", error.text);
    return 2;
  }
  bool ok = tri_generate(&program, arguments.ops, arguments.seed);
  if (!ok)
    tri_fail(&error, "out of memory");
  else if (arguments.out)
    ok = write_file(&program, &arguments, &error);
  else if (!write_program(&program, &arguments, stdout) || fflush(stdout) != 0)
    ok = tri_fail(&error, "the standard output cannot be written");
  tri_program_free(&program);
  if (ok) return 0;
  fprintf(stderr, "tricolor generate: %s\n", error.text);
  return 3;
}
