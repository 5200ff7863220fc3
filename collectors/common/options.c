// The options table: rows of options.def and a collector's own, parsed from "key=value,key=value".
#include "tricolor/introspect.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct tri_option tri_common_options[TRI_COMMON_OPTIONS] = {
#define TRI_OPTION_ROW(symbol, name, type, def, min, max, choices, doc) {name, type, def, min, max, choices, doc},
#include "tricolor/options.def"
#undef TRI_OPTION_ROW
};

struct span {
  const char *text;
  int length;
};

static bool equal(struct span s, const char *word) {
  return (size_t)s.length == strlen(word) && strncasecmp(s.text, word, (size_t)s.length) == 0;
}

static bool parse_number(struct span s, bool size, int64_t *value) {
  char digits[24];
  if (s.length == 0 || (size_t)s.length >= sizeof digits) return false;
  memcpy(digits, s.text, (size_t)s.length);
  digits[s.length] = 0;
  char *end;
  errno = 0;
  long long n = strtoll(digits, &end, 10);
  if (end == digits || errno || isspace((unsigned char)*digits)) return false;
  int shift = 0;
  if (size && *end) { // 64m, or as in GOMEMLIMIT: 64MiB, 67108864B
    const char *units = "kmgt", *at = strchr(units, tolower((unsigned char)*end));
    if (at) {
      shift = 10 * (int)(at - units + 1);
      end += strcasecmp(end + 1, "ib") == 0 ? 3 : 1;
    } else if (strcasecmp(end, "b") == 0) {
      end++;
    }
  }
  if (*end || __builtin_mul_overflow(n, INT64_C(1) << shift, &n)) return false;
  *value = n;
  return true;
}

static bool parse_value(const struct tri_option *row, struct span s, int64_t *value) {
  switch (row->type) {
  case TRI_OPTION_BOOL:
    if (equal(s, "on") || equal(s, "true") || equal(s, "1")) return *value = 1, true;
    if (equal(s, "off") || equal(s, "false") || equal(s, "0")) return *value = 0, true;
    return false;
  case TRI_OPTION_INT: return parse_number(s, false, value);
  case TRI_OPTION_SIZE: return parse_number(s, true, value);
  case TRI_OPTION_CHOICE:
    for (int i = 0; row->choices[i]; i++)
      if (equal(s, row->choices[i])) return *value = i, true;
    return false;
  }
  return false;
}

// "what would be right" for a row, as text.
static void describe(const struct tri_option *row, char *text, size_t bytes) {
  switch (row->type) {
  case TRI_OPTION_BOOL: snprintf(text, bytes, "on or off"); return;
  case TRI_OPTION_INT:
    snprintf(text, bytes, "a whole number from %lld to %lld", (long long)row->min, (long long)row->max);
    return;
  case TRI_OPTION_SIZE:
    snprintf(text, bytes, "a size from %lld to %lld bytes, such as 64m", (long long)row->min, (long long)row->max);
    return;
  case TRI_OPTION_CHOICE: {
    size_t used = 0;
    for (int i = 0; row->choices[i] && used < bytes; i++)
      used += (size_t)snprintf(text + used, bytes - used, "%s%s", i ? " or " : "", row->choices[i]);
    return;
  }
  }
}

static const struct tri_option *row_at(size_t i, const struct tri_option *own) {
  return i < TRI_COMMON_OPTIONS ? &tri_common_options[i] : &own[i - TRI_COMMON_OPTIONS];
}

bool tri_options_parse(const char *text, const struct tri_option *own, size_t n, struct tri_heap_config *config,
                       char *error, size_t error_bytes) {
  size_t rows = TRI_COMMON_OPTIONS + n;
  if (rows > TRI_MAX_OPTIONS) {
    snprintf(error, error_bytes, "%zu options are more than the %d that a heap can have", rows, TRI_MAX_OPTIONS);
    return false;
  }
  for (size_t i = 0; i < rows; i++) config->value[i] = row_at(i, own)->def;
  for (const char *p = text ? text : ""; *p;) {
    int item = (int)strcspn(p, ","), key_length = (int)strcspn(p, "=,");
    int position = (int)(p - text) + 1;
    struct span key = {p, key_length};
    size_t i = 0;
    while (i < rows && !equal(key, row_at(i, own)->name)) i++;
    if (i == rows) {
      size_t used = (size_t)snprintf(error, error_bytes, "unknown option '%.*s' at position %d; there are", key.length,
                                     key.text, position);
      for (size_t k = 0; k < rows && used < error_bytes; k++)
        used += (size_t)snprintf(error + used, error_bytes - used, "%s%s", k ? ", " : " ", row_at(k, own)->name);
      return false;
    }
    const struct tri_option *row = row_at(i, own);
    char right[160];
    describe(row, right, sizeof right);
    if (p[key_length] != '=') {
      snprintf(error, error_bytes, "option '%s' at position %d has no value; right would be %s=%s", row->name,
               position, row->name, right);
      return false;
    }
    struct span value = {p + key_length + 1, item - key_length - 1};
    if (!parse_value(row, value, &config->value[i])) {
      snprintf(error, error_bytes, "bad value '%.*s' for option '%s' at position %d; right would be %s", value.length,
               value.text, row->name, position, right);
      return false;
    }
    if (row->type != TRI_OPTION_CHOICE && (config->value[i] < row->min || config->value[i] > row->max)) {
      snprintf(error, error_bytes, "value %.*s of option '%s' at position %d is out of range; right would be %s",
               value.length, value.text, row->name, position, right);
      return false;
    }
    p += item;
    if (*p == ',') p++;
  }
  return true;
}
