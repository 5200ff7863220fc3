// The command line of a command. One table of options says how each is read and what --help prints, so that
// the two agree; one set of sentences says what was wrong, where, and what would be right. Used by every
// command of tricolor.
#ifndef TRICOLOR_MEASURE_ARGUMENTS_H
#define TRICOLOR_MEASURE_ARGUMENTS_H

#include <stdio.h>

#include "measure/text.h"

enum tri_exit { TRI_EXIT_GOOD, TRI_EXIT_FINDING, TRI_EXIT_BAD_INPUT, TRI_EXIT_SUITE_FAILED };

// Words of the command line, or of one value in it; the array is the owner's to free.
struct tri_words {
  char **words;
  size_t count;
};

// An option: exactly one of the pointers says where its value goes, and so what it may be. Without the option
// nothing is stored; if it is given again, the last one counts, unless it may be repeated.
struct tri_argument {
  const char *name;  // "runs" is given as --runs=N
  const char *value; // "N", as --help shows it; NULL for flags, and for choices, which show themselves
  const char *doc;   // lines

  bool *flag;
  const char **text;
  struct tri_words *list;     // "a,b,c", cut in place; no word is empty or stands there twice
  struct tri_words *repeated; // one word each time it is given
  char **joined;    // "key=value,…": what is given again is added after a comma; the owner's to free
  uint64_t *number; // from `least` to `most`
  uint64_t *size;   // "64m"
  double *seconds;  // "60s", "10m", "8h"
  int *choice;      // the word's place in `choices`

  uint64_t least, most;       // most 0: no bound
  const char *const *choices; // NULL-terminated
  char letter;                // may also be given as -o VALUE; 0: not
};

struct tri_command {
  const char *name;         // of `tricolor NAME`
  const char *synopsis;     // what follows the name in the first line of the help
  const char *about;        // whole lines: what it does
  void (*more)(FILE *out);  // what the help ends with; or NULL
  unsigned most_words;      // besides options: files, if there is no other name for them
  const char *word_missing; // the sentence when there is none; NULL: there need not be one
};

// Reads the command line into the table's targets, and into *words what is no option (NULL if most_words is
// 0). False: *error says what is wrong. --help or -h prints the help and ends the process. `table` is ended
// by a row without a name.
bool tri_arguments_parse(const struct tri_command *command, const struct tri_argument *table, int argc,
                         char **argv, struct tri_words *words, struct tri_error *error);

// "tricolor run: …" on the standard error; returns `status`.
int tri_command_fails(const char *command, const struct tri_error *error, enum tri_exit status);

// *place is that of `word` in `choices` (NULL-terminated), or: "--size=huge: right would be tiny, ci or
// full".
bool tri_choose(const char *option, const char *word, const char *const *choices, int *place,
                struct tri_error *error);

// Is `word` one of `names`? Else "unknown collector 'semspace'; did you mean 'semispace'? …", as
// tri_fail_unknown.
bool tri_known(const char *what, const char *word, struct tri_names names, struct tri_error *error);

#endif
