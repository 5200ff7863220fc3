#include "measure/arguments.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ARGUMENTS = 32, FIRST_ROW = 256, HELP = FIRST_ROW + MOST_ARGUMENTS, DOC_COLUMN = 23 };

// ---- Sentences --------------------------------------------------------------------------------------------

int tri_command_fails(const char *command, const struct tri_error *error, enum tri_exit status) {
  fprintf(stderr, "tricolor %s: %s\n", command, error->text);
  return (int)status;
}

bool tri_choose(const char *option, const char *word, const char *const *choices, int *place,
                struct tri_error *error) {
  char list[256] = "";
  for (int i = 0; choices[i]; i++) {
    if (strcmp(word, choices[i]) == 0) return *place = i, true;
    size_t used = strlen(list);
    snprintf(list + used, sizeof list - used, "%s%s",
             i == 0           ? ""
             : choices[i + 1] ? ", "
                              : " or ",
             choices[i]);
  }
  return tri_fail(error, "--%s=%s: right would be %s", option, word, list);
}

bool tri_known(const char *what, const char *word, struct tri_names names, struct tri_error *error) {
  for (size_t i = 0; i < names.count; i++)
    if (strcmp(word, names.names[i]) == 0) return true;
  return tri_fail_unknown(error, what, word, names);
}

// ---- Values -----------------------------------------------------------------------------------------------

static bool read_number(const struct tri_argument *row, const char *word, struct tri_error *error) {
  uint64_t most = row->most ? row->most : UINT64_MAX;
  char *end;
  errno = 0;
  *row->number = strtoull(word, &end, 10);
  if (*word >= '0' && *word <= '9' && !*end && !errno && *row->number >= row->least && *row->number <= most)
    return true;
  if (!row->most)
    return tri_fail(error, "--%s=%s: right would be a number from %" PRIu64, row->name, word, row->least);
  return tri_fail(error, "--%s=%s: right would be a number from %" PRIu64 " to %" PRIu64, row->name, word,
                  row->least, most);
}

static bool read_seconds(const struct tri_argument *row, const char *word, struct tri_error *error) {
  static const struct {
    const char *unit;
    double seconds;
  } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}};
  char *end;
  double value = strtod(word, &end);
  for (size_t i = 0; end != word && value > 0 && isfinite(value) && i < sizeof units / sizeof *units; i++)
    if (strcmp(end, units[i].unit) == 0) return *row->seconds = value * units[i].seconds, true;
  return tri_fail(error, "--%s=%s: right would be 60s, 10m or 8h", row->name, word);
}

static void append(struct tri_words *to, char *word) {
  to->words = tri_room_for_one(to->words, to->count, sizeof *to->words);
  to->words[to->count++] = word;
}

static bool read_list(const struct tri_argument *row, char *text, struct tri_error *error) {
  row->list->count = 0;
  for (char *word; (word = strsep(&text, ","));) {
    if (!*word) return tri_fail(error, "--%s: there is an empty word in the list", row->name);
    for (size_t i = 0; i < row->list->count; i++)
      if (strcmp(row->list->words[i], word) == 0)
        return tri_fail(error, "--%s: '%s' stands in the list twice", row->name, word);
    append(row->list, word);
  }
  return true;
}

static bool join(char **to, const char *word) {
  char *longer = *to ? tri_format("%s,%s", *to, word) : tri_format("%s", word);
  free(*to);
  *to = longer;
  return true;
}

static bool read_value(const struct tri_argument *row, char *word, struct tri_error *error) {
  if (row->flag) return *row->flag = true;
  if (row->text) return *row->text = word, true;
  if (row->list) return read_list(row, word, error);
  if (row->repeated) return append(row->repeated, word), true;
  if (row->joined) return join(row->joined, word);
  if (row->number) return read_number(row, word, error);
  if (row->seconds) return read_seconds(row, word, error);
  if (row->choice) return tri_choose(row->name, word, row->choices, row->choice, error);
  return tri_parse_size(word, row->size) ||
         tri_fail(error, "--%s=%s: right would be a size such as 64m", row->name, word);
}

// ---- Help -------------------------------------------------------------------------------------------------

static int width(const char *text) {
  int columns = 0;
  for (; *text; text++) columns += ((unsigned char)*text & 0xc0) != 0x80; // UTF-8
  return columns;
}

static void print_row(FILE *out, const struct tri_argument *row) {
  char *head =
      row->letter ? tri_format("  -%c, --%s", row->letter, row->name) : tri_format("  --%s", row->name);
  fputs(head, out);
  int column = width(head);
  free(head);
  if (row->value) fprintf(out, "=%s", row->value), column += 1 + width(row->value);
  for (int i = 0; row->choice && row->choices[i]; i++)
    column += fprintf(out, "%c%s", i ? '|' : '=', row->choices[i]);
  if (column >= DOC_COLUMN) putc('\n', out), column = 0;
  for (const char *line = row->doc; *line; column = 0) {
    int length = (int)strcspn(line, "\n");
    fprintf(out, "%*s%.*s\n", DOC_COLUMN - column, "", length, line);
    line += length + (line[length] == '\n');
  }
}

static void print_help(FILE *out, const struct tri_command *command, const struct tri_argument *table) {
  fprintf(out, "usage: tricolor %s %s\n%s", command->name, command->synopsis, command->about);
  for (const struct tri_argument *row = table; row->name; row++) print_row(out, row);
  if (command->more) command->more(out);
}

// ---- The command line -------------------------------------------------------------------------------------

// The long option that getopt_long did not know, or found several of.
static bool fail_unknown(const struct tri_command *command, const struct tri_argument *table,
                         const char *given, struct tri_error *error) {
  const char *names[MOST_ARGUMENTS + 1];
  size_t count = 0, length = strncmp(given, "--", 2) == 0 ? strcspn(given + 2, "=") : 0;
  char *word = tri_format("%.*s", (int)length, length ? given + 2 : "");
  const char *first = NULL, *second = NULL;
  for (const struct tri_argument *row = table; row->name; row++) {
    names[count++] = row->name;
    if (!length || strncmp(row->name, word, length) != 0) continue;
    *(first ? &second : &first) = row->name;
  }
  const char *nearest = length ? tri_nearest(word, (struct tri_names){names, count}) : NULL;
  free(word);
  if (second) return tri_fail(error, "option '%s' could be --%s or --%s", given, first, second);
  return tri_fail(error, "unknown option '%s'%s%s%s see `tricolor %s --help`", given,
                  nearest ? "; did you mean --" : "", nearest ? nearest : "", nearest ? "?" : ";",
                  command->name);
}

// What getopt_long refused: `optopt` is a row of the table, a letter, or 0.
static bool fail_refused(const struct tri_command *command, const struct tri_argument *table, int answer,
                         char **argv, struct tri_error *error) {
  const struct tri_argument *row = NULL;
  for (const struct tri_argument *at = table; at->name; at++)
    if (optopt == FIRST_ROW + (int)(at - table) || (at->letter && optopt == at->letter)) row = at;
  if (answer == ':' && row) return tri_fail(error, "--%s needs a value", row->name);
  if (row || optopt == HELP) return tri_fail(error, "--%s takes no value", row ? row->name : "help");
  char letter[] = {'-', (char)optopt, 0};
  return fail_unknown(command, table, optopt ? letter : argv[optind - 1], error);
}

static bool take_words(const struct tri_command *command, int argc, char **argv, struct tri_words *words,
                       struct tri_error *error) {
  unsigned count = (unsigned)(argc - optind);
  if (count > command->most_words) {
    const char *surplus = argv[optind + (int)command->most_words];
    if (command->most_words == 0)
      return tri_fail(error, "'%s' is not an option; see `tricolor %s --help`", surplus, command->name);
    return tri_fail(error, "one at a time, please: '%s' is too much; see `tricolor %s --help`", surplus,
                    command->name);
  }
  if (count == 0 && command->word_missing)
    return tri_fail(error, "%s; see `tricolor %s --help`", command->word_missing, command->name);
  for (; optind < argc; optind++) append(words, argv[optind]);
  return true;
}

bool tri_arguments_parse(const struct tri_command *command, const struct tri_argument *table, int argc,
                         char **argv, struct tri_words *words, struct tri_error *error) {
  struct option rows[MOST_ARGUMENTS + 2] = {0};
  char letters[2 * MOST_ARGUMENTS + 3] = ":h";
  int count = 0;
  for (; table[count].name; count++) {
    rows[count] = (struct option){table[count].name, table[count].flag ? no_argument : required_argument,
                                  NULL, FIRST_ROW + count};
    if (table[count].letter)
      sprintf(letters + strlen(letters), "%c%s", table[count].letter, table[count].flag ? "" : ":");
  }
  rows[count] = (struct option){"help", no_argument, NULL, HELP};
  opterr = 0;
  optind = 0; // starts getopt afresh
  for (int answer; (answer = getopt_long(argc, argv, letters, rows, NULL)) != -1;) {
    if (answer == HELP || answer == 'h') {
      print_help(stdout, command, table);
      exit(TRI_EXIT_GOOD);
    }
    if (answer == '?' || answer == ':') return fail_refused(command, table, answer, argv, error);
    int place = answer - FIRST_ROW;
    for (int i = 0; answer < FIRST_ROW && i < count; i++)
      if (table[i].letter == answer) place = i;
    const struct tri_argument *row = &table[place];
    if (!read_value(row, optarg, error)) return false;
  }
  return take_words(command, argc, argv, words, error);
}
