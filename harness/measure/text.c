#include "measure/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool tri_fail(struct tri_error *error, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->text, sizeof error->text, format, arguments);
  va_end(arguments);
  return false;
}

bool tri_fail_unknown(struct tri_error *error, const char *what, const char *word, struct tri_names names) {
  const char *nearest = tri_nearest(word, names);
  if (!nearest) return tri_fail(error, "unknown %s '%s'; `tricolor list %ss` shows all", what, word, what);
  return tri_fail(error, "unknown %s '%s'; did you mean '%s'? `tricolor list %ss` shows all", what, word,
                  nearest, what);
}

void *tri_need(void *block) {
  if (!block) {
    fputs("tricolor: out of memory\n", stderr);
    exit(3);
  }
  return block;
}

char *tri_format(const char *format, ...) {
  char *text = NULL;
  va_list arguments;
  va_start(arguments, format);
  if (vasprintf(&text, format, arguments) < 0) text = NULL;
  va_end(arguments);
  return tri_need(text);
}

char *tri_text_copy(const char *text) { return text ? tri_need(strdup(text)) : NULL; }

char *tri_now_text(void) {
  char text[40];
  time_t now = time(NULL);
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S+00:00", gmtime(&now));
  return tri_text_copy(text);
}

void *tri_room_for_one(void *array, size_t count, size_t size) {
  if (count & (count - 1)) return array;
  return tri_need(realloc(array, (count ? 2 * count : 1) * size));
}

static const char size_units[] = "kmgt";

bool tri_parse_size(const char *text, uint64_t *bytes) {
  uint64_t value = 0;
  const char *at = text;
  for (; isdigit((unsigned char)*at); at++) {
    if (value > (uint64_t)INT64_MAX / 10 - 1) return false;
    value = value * 10 + (uint64_t)(*at - '0');
  }
  if (at == text) return false;
  if (*at) {
    const char *unit = strchr(size_units, tolower((unsigned char)*at++));
    if (!unit || *at) return false;
    int shift = 10 * (int)(unit - size_units + 1);
    if (value > (uint64_t)INT64_MAX >> shift) return false;
    value <<= shift;
  }
  *bytes = value;
  return value > 0;
}

char *tri_size_text(uint64_t bytes) {
  int unit = -1;
  while (bytes && bytes % 1024 == 0 && size_units[unit + 1]) bytes /= 1024, unit++;
  return unit < 0 ? tri_format("%" PRIu64, bytes) : tri_format("%" PRIu64 "%c", bytes, size_units[unit]);
}

static void put_shell_word(FILE *out, const char *word) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=,:+@%";
  if (*word && word[strspn(word, plain)] == '\0') {
    fputs(word, out);
    return;
  }
  fputc('\'', out);
  for (; *word; word++) {
    if (*word == '\'') {
      fputs("'\\''", out);
    } else {
      fputc(*word, out);
    }
  }
  fputc('\'', out);
}

char *tri_shell_command(const char *const *arguments) {
  char *text = NULL;
  size_t length;
  FILE *out = tri_need(open_memstream(&text, &length));
  for (size_t i = 0; arguments[i]; i++) {
    if (i) fputc(' ', out);
    put_shell_word(out, arguments[i]);
  }
  fclose(out);
  return tri_need(text);
}

// `value` with three significant digits; what would round up to 1000 is written so.
static char *scaled_text(double value, const char *unit) {
  int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return tri_format("%.*f %s", decimals, value, unit);
}

char *tri_duration_text(double nanoseconds) {
  if (nanoseconds < 999.5) return tri_format("%.0f ns", nanoseconds);
  if (nanoseconds < 999.5e3) return scaled_text(nanoseconds / 1e3, "us");
  if (nanoseconds < 999.5e6) return scaled_text(nanoseconds / 1e6, "ms");
  return scaled_text(nanoseconds / 1e9, "s");
}

char *tri_memory_text(double bytes) {
  static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return tri_format("%.0f B", bytes);
  size_t unit = 0;
  for (bytes /= 1024; bytes >= 999.5 && unit < 3; bytes /= 1024) unit++;
  return scaled_text(bytes, units[unit]);
}
