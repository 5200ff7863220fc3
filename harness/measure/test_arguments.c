// Command lines: what the table's targets get, and the sentence about each way to get one wrong.
#include "measure/arguments.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"

enum { MOST = 8 };

struct given {
  bool quiet;
  const char *out;
  struct tri_words heaps, params, files;
  char *options;
  uint64_t runs, room;
  double seconds;
  int size;
};

static const char *const sizes[] = {"tiny", "ci", "full", NULL};

static bool parse(struct given *to, const char *line, unsigned most_files, struct tri_error *error) {
  const struct tri_command command = {.name = "try",
                                      .synopsis = "[options] FILE…",
                                      .about = "Tries.\n",
                                      .most_words = most_files,
                                      .word_missing = most_files ? "no file is named" : NULL};
  *to = (struct given){.size = 1};
  const struct tri_argument table[] = {
      {"quiet", NULL, "say nothing", .flag = &to->quiet},
      {"out", "FILE", "where to", .text = &to->out},
      {"heap", "SIZE,…", "sizes", .list = &to->heaps},
      {"param", "NAME=N", "may be repeated", .repeated = &to->params},
      {"options", "KEY=VALUE,…", "of the collector", .joined = &to->options, .letter = 'o'},
      {"runs", "N", "how many,\nat most", .number = &to->runs, .least = 1, .most = 500},
      {"room", "SIZE", "how much", .size = &to->room},
      {"time", "60s", "how long", .seconds = &to->seconds},
      {"size", NULL, "which", .choice = &to->size, .choices = sizes},
      {0}};
  static char copy[256]; // lists are cut in it
  char *words[MOST + 2] = {0};
  int count = 0;
  snprintf(copy, sizeof copy, "try%s%s", *line ? " " : "", line);
  for (char *rest = copy, *word; (word = strsep(&rest, " ")) && count <= MOST;) words[count++] = word;
  return tri_arguments_parse(&command, table, count, words, most_files ? &to->files : NULL, error);
}

static void given_free(struct given *given) {
  free(given->heaps.words);
  free(given->params.words);
  free(given->files.words);
  free(given->options);
}

static void check_values(void) {
  struct given given;
  struct tri_error error;
  TRI_CHECK(parse(&given, "--quiet --out=a one --heap 1m,2m --param=a=1 -o x=1", 2, &error));
  TRI_CHECK(given.quiet);
  TRI_CHECK_STR(given.out, "a");
  TRI_CHECK_EQ(given.heaps.count, 2);
  TRI_CHECK_STR(given.heaps.words[1], "2m");
  TRI_CHECK_EQ(given.params.count, 1);
  TRI_CHECK_STR(given.options, "x=1");
  TRI_CHECK_EQ(given.files.count, 1);
  TRI_CHECK_STR(given.files.words[0], "one");
  TRI_CHECK_EQ(given.size, 1); // was not given
  given_free(&given);

  TRI_CHECK(parse(&given,
                  "--runs=500 --room=64m --time=2m --size=full --param=a --param=b -ox=1 --options=y=2", 0,
                  &error));
  TRI_CHECK_EQ(given.runs, 500);
  TRI_CHECK_EQ(given.room, 64 << 20);
  TRI_CHECK_EQ(given.seconds, 120);
  TRI_CHECK_EQ(given.size, 2);
  TRI_CHECK_EQ(given.params.count, 2);
  TRI_CHECK_STR(given.options, "x=1,y=2");
  given_free(&given);

  TRI_CHECK(parse(&given, "--out=a --heap=1m,2m --out=b --heap=2m", 0, &error)); // the last one counts
  TRI_CHECK_STR(given.out, "b");
  TRI_CHECK_EQ(given.heaps.count, 1);
  TRI_CHECK_STR(given.heaps.words[0], "2m");
  given_free(&given);
}

static void check_complaints(void) {
  static const struct {
    const char *line, *complaint;
    unsigned most_files;
  } cases[] = {
      {"--runz=3", "unknown option '--runz=3'; did you mean --runs? see `tricolor try --help`", 0},
      {"--xyzzy", "unknown option '--xyzzy'; see `tricolor try --help`", 0},
      {"-x", "unknown option '-x'; see `tricolor try --help`", 0},
      {"--r=1", "option '--r=1' could be --runs or --room", 0},
      {"--runs", "--runs needs a value", 0},
      {"-o", "--options needs a value", 0},
      {"--quiet=yes", "--quiet takes no value", 0},
      {"--help=yes", "--help takes no value", 0},
      {"--runs=0", "--runs=0: right would be a number from 1 to 500", 0},
      {"--runs=501", "--runs=501: right would be a number from 1 to 500", 0},
      {"--runs=-3", "--runs=-3: right would be a number from 1 to 500", 0},
      {"--runs=3x", "--runs=3x: right would be a number from 1 to 500", 0},
      {"--runs=", "--runs=: right would be a number from 1 to 500", 0},
      {"--runs=99999999999999999999", "--runs=99999999999999999999: right would be a number from 1 to 500",
       0},
      {"--room=64q", "--room=64q: right would be a size such as 64m", 0},
      {"--time=long", "--time=long: right would be 60s, 10m or 8h", 0},
      {"--time=-1s", "--time=-1s: right would be 60s, 10m or 8h", 0},
      {"--time=nan", "--time=nan: right would be 60s, 10m or 8h", 0},
      {"--size=huge", "--size=huge: right would be tiny, ci or full", 0},
      {"--heap=1m,,2m", "--heap: there is an empty word in the list", 0},
      {"--heap=1m,2m,1m", "--heap: '1m' stands in the list twice", 0},
      {"extra", "'extra' is not an option; see `tricolor try --help`", 0},
      {"a b", "one at a time, please: 'b' is too much; see `tricolor try --help`", 1},
      {"", "no file is named; see `tricolor try --help`", 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct given given;
    struct tri_error error = {{0}};
    TRI_CHECK(!parse(&given, cases[i].line, cases[i].most_files, &error));
    TRI_CHECK_STR(error.text, cases[i].complaint);
    given_free(&given);
  }
}

// The help is made of the table, in columns.
static void check_help(void) {
  int ends[2], status;
  TRI_CHECK_EQ(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    struct given given;
    struct tri_error error;
    dup2(ends[1], STDOUT_FILENO);
    parse(&given, "--help", 0, &error);
    _exit(9);
  }
  close(ends[1]);
  static char text[4096];
  size_t size = 0;
  for (ssize_t n; (n = read(ends[0], text + size, sizeof text - 1 - size)) > 0;) size += (size_t)n;
  close(ends[0]);
  waitpid(child, &status, 0);
  TRI_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == TRI_EXIT_GOOD);
  TRI_CHECK_STR(text, "usage: tricolor try [options] FILE…\n"
                      "Tries.\n"
                      "  --quiet              say nothing\n"
                      "  --out=FILE           where to\n"
                      "  --heap=SIZE,…        sizes\n"
                      "  --param=NAME=N       may be repeated\n"
                      "  -o, --options=KEY=VALUE,…\n"
                      "                       of the collector\n"
                      "  --runs=N             how many,\n"
                      "                       at most\n"
                      "  --room=SIZE          how much\n"
                      "  --time=60s           how long\n"
                      "  --size=tiny|ci|full  which\n");
}

int main(void) {
  check_values();
  check_complaints();
  check_help();
  struct tri_error error;
  struct tri_names names = {(const char *const[]){"malloc", "semispace"}, 2};
  TRI_CHECK(tri_known("collector", "malloc", names, &error));
  TRI_CHECK(!tri_known("collector", "maloc", names, &error));
  TRI_CHECK_STR(error.text,
                "unknown collector 'maloc'; did you mean 'malloc'? `tricolor list collectors` shows all");
  return 0;
}
