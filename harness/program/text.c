#include "program/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "common/check.h"
#include "nearest.h"

static const char end_of_line[] = "the end of the line";

static const char *const policy_names[TRI_POLICIES] = {
    [TRI_POLICY_BLOCK] = "block",
    [TRI_POLICY_RANDOM] = "random",
    [TRI_POLICY_PCT] = "pct",
    [TRI_POLICY_ROBIN] = "robin",
};

static bool is_size(enum tri_operand_kind kind) {
  return kind == TRI_SMALL_SIZE || kind == TRI_LARGE_SIZE || kind == TRI_HEAP_SIZE;
}

// The letter before the number in the text, or 0.
static char operand_prefix(enum tri_operand_kind kind) {
  switch (kind) {
  case TRI_REGISTER:
  case TRI_GLOBAL:
  case TRI_MUTATOR:
  case TRI_ACTOR: return (char)kind;
  default: return 0;
  }
}

static const char *operand_noun(enum tri_operand_kind kind) {
  switch (kind) {
  case TRI_REGISTER: return "a register";
  case TRI_GLOBAL: return "a global";
  case TRI_MUTATOR: return "a mutator";
  case TRI_ACTOR: return "an actor";
  case TRI_POLICY: return "a policy";
  case TRI_FIELD: return "a field index";
  default: return "a number";
  }
}

size_t tri_op_text(const struct tri_op *op, char *text) {
  const struct tri_op_row *row = &tri_op_rows[op->code];
  size_t length = 0;
  unsigned operand = 0;
  for (const char *s = row->syntax; *s; s++) {
    if (*s != '%') {
      text[length++] = *s;
      continue;
    }
    enum tri_operand_kind kind = (enum tri_operand_kind)row->operands[operand];
    uint32_t value = op->operand[operand++];
    char *to = text + length;
    size_t room = TRI_OP_TEXT_MAX - length;
    int n;
    if (kind == TRI_POLICY) n = snprintf(to, room, "%s", policy_names[value]);
    else if (is_size(kind)) n = snprintf(to, room, "%" PRIu64, tri_size(kind, value));
    else if (operand_prefix(kind)) n = snprintf(to, room, "%c%" PRIu32, operand_prefix(kind), value);
    else n = snprintf(to, room, "%" PRIu32, value);
    length += (size_t)n;
    TRI_CHECK_LT(length, TRI_OP_TEXT_MAX);
  }
  text[length] = 0;
  return length;
}

bool tri_program_print(const struct tri_program *program, FILE *out) {
  char text[TRI_OP_TEXT_MAX];
  for (size_t i = 0; i < program->count; i++) {
    tri_op_text(&program->ops[i], text);
    if (fprintf(out, "%s\n", text) < 0) return false;
  }
  return true;
}

// ---- Parsing ------------------------------------------------------------------------------------------------
//
// A line is cut into tokens: words (letters, then digits: `alloc`, `r3`), numbers, and single other
// characters. It is then matched against the syntax of every operation; no two operations share a text. If none
// matches, the error is the one found furthest to the right: that is the operation the author meant.

struct token {
  const char *at;
  size_t length; // 0 at the end of the line
};

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static struct token next_token(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\r')) at++;
  const char *to = at;
  if (to < end && (is_letter(*to) || is_digit(*to)))
    while (to < end && (is_letter(*to) || is_digit(*to))) to++;
  else if (to < end) to++;
  return (struct token){at, (size_t)(to - at)};
}

static bool token_is(struct token token, const char *text, size_t length) {
  return token.length == length && memcmp(token.at, text, length) == 0;
}

// What went wrong furthest to the right so far. Filled in only once a line is known to be wrong.
struct failure {
  const char *at;
  bool value;        // an operand of the right kind with an impossible value, in message
  unsigned expected; // otherwise: what could have stood here
  char what[TRI_OP_COUNT][24];
  char message[200];
};

// Is a failure here worth noting? Forgets what was noted further to the left.
static bool failure_reaches(struct failure *failure, const char *at) {
  if (!failure || at < failure->at) return false;
  if (at > failure->at) *failure = (struct failure){.at = at};
  return true;
}

static void fail_expected(struct failure *failure, const char *at, const char *text, size_t length) {
  if (!failure_reaches(failure, at)) return;
  char *what = failure->what[failure->expected];
  snprintf(what, sizeof failure->what[0], "%.*s", (int)length, text);
  for (unsigned i = 0; i < failure->expected; i++)
    if (strcmp(failure->what[i], what) == 0) return;
  failure->expected++;
}

TRI_PRINTF(3, 4)
static void fail_value(struct failure *failure, const char *at, const char *format, ...) {
  if (!failure_reaches(failure, at) || failure->value) return;
  failure->value = true;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(failure->message, sizeof failure->message, format, arguments);
  va_end(arguments);
}

// Decimal digits to a number; saturates far above every limit.
static bool parse_digits(const char *at, size_t length, uint64_t *value) {
  if (length == 0) return false;
  *value = 0;
  for (size_t i = 0; i < length; i++) {
    if (!is_digit(at[i])) return false;
    if (*value < UINT64_MAX / 100) *value = *value * 10 + (uint64_t)(at[i] - '0');
  }
  return true;
}

static bool parse_policy(struct token token, uint32_t *operand) {
  for (uint32_t i = 0; i < TRI_POLICIES; i++)
    if (token_is(token, policy_names[i], strlen(policy_names[i]))) {
      *operand = i;
      return true;
    }
  return false;
}

static bool parse_size(enum tri_operand_kind kind, uint64_t bytes, uint32_t *operand) {
  *operand = tri_size_code(kind, bytes);
  return tri_size(kind, *operand) == bytes;
}

static bool parse_operand(enum tri_operand_kind kind, struct token token, uint32_t *operand,
                          struct failure *failure) {
  char prefix = operand_prefix(kind);
  uint64_t value = 0;
  bool shaped;
  if (kind == TRI_POLICY) shaped = token.length && is_letter(*token.at);
  else if (prefix) shaped = token.length && *token.at == prefix && parse_digits(token.at + 1, token.length - 1, &value);
  else shaped = parse_digits(token.at, token.length, &value);
  if (!shaped) {
    const char *noun = operand_noun(kind);
    fail_expected(failure, token.at, noun, strlen(noun));
    return false;
  }
  uint32_t last = tri_operand_limit(kind) - 1;
  if (kind == TRI_POLICY) {
    if (parse_policy(token, operand)) return true;
    fail_value(failure, token.at, "no policy '%.*s': block, random, pct or robin", (int)token.length, token.at);
  } else if (is_size(kind)) {
    if (parse_size(kind, value, operand)) return true;
    uint64_t above = tri_size(kind, *operand);
    if (value > above || *operand == 0)
      fail_value(failure, token.at, "size %" PRIu64 " is out of range: %" PRIu64 " to %" PRIu64, value,
                 tri_size(kind, 0), tri_size(kind, last));
    else
      fail_value(failure, token.at, "no operand says size %" PRIu64 ": the nearest are %" PRIu64 " and %" PRIu64,
                 value, tri_size(kind, *operand - 1), above);
  } else if (value <= last) {
    *operand = (uint32_t)value;
    return true;
  } else {
    fail_value(failure, token.at, "%.*s is out of range: %.1s0 to %.1s%" PRIu32, (int)token.length, token.at,
               &prefix, &prefix, last);
  }
  return false;
}

// Match the line against one operation's syntax.
static bool parse_as(const struct tri_op_row *row, const char *at, const char *end, struct tri_op *op,
                     struct failure *failure) {
  unsigned operand = 0;
  for (const char *s = row->syntax, *s_end = s + strlen(s); s < s_end;) {
    struct token wanted = next_token(s, s_end), found = next_token(at, end);
    s = wanted.at + wanted.length;
    at = found.at + found.length;
    if (*wanted.at == '%') {
      enum tri_operand_kind kind = (enum tri_operand_kind)row->operands[operand];
      if (!parse_operand(kind, found, &op->operand[operand], failure)) return false;
      operand++;
    } else if (!token_is(found, wanted.at, wanted.length)) {
      fail_expected(failure, found.at, wanted.at, wanted.length);
      return false;
    }
  }
  struct token rest = next_token(at, end);
  if (rest.length == 0) return true;
  fail_expected(failure, rest.at, end_of_line, strlen(end_of_line));
  return false;
}

static void describe(const struct failure *failure, const char *end, char *message, size_t size) {
  if (failure->value) {
    snprintf(message, size, "%s", failure->message);
    return;
  }
  enum { SHOWN = 30 };
  struct token found = next_token(failure->at, end);
  char word[SHOWN + 1], shown[SHOWN + 8];
  snprintf(word, sizeof word, "%.*s", (int)found.length, found.at);
  if (found.length == 0) snprintf(shown, sizeof shown, "%s", end_of_line);
  else if (*word < ' ' || *word > '~') snprintf(shown, sizeof shown, "byte 0x%02x", (unsigned char)*found.at);
  else snprintf(shown, sizeof shown, "'%s'", word);

  const char *names[TRI_OP_COUNT];
  for (unsigned i = 0; i < failure->expected; i++) names[i] = failure->what[i];
  const char *nearest = tri_nearest(word, (struct tri_names){names, failure->expected});
  if (failure->expected == 1) snprintf(message, size, "expected %s, found %s", names[0], shown);
  else if (failure->expected == 2)
    snprintf(message, size, "expected %s or %s, found %s", names[0], names[1], shown);
  else if (nearest) snprintf(message, size, "no operation has %s here; the nearest is '%s'", shown, nearest);
  else snprintf(message, size, "no operation has %s here", shown);
}

static bool parse_line(const char *at, const char *end, struct tri_op *op, struct failure *failure) {
  for (unsigned code = 0; code < TRI_OP_COUNT; code++) {
    *op = (struct tri_op){.code = (uint8_t)code};
    if (parse_as(&tri_op_rows[code], at, end, op, failure)) return true;
  }
  return false;
}

bool tri_program_parse(struct tri_program *program, const char *text, size_t size, struct tri_text_error *error) {
  const char *end = text + size;
  unsigned line = 1;
  for (const char *at = text; at < end; line++) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    const char *line_end = newline ? newline : end;
    const char *comment = memchr(at, '#', (size_t)(line_end - at));
    const char *code_end = comment ? comment : line_end;
    if (next_token(at, code_end).length) {
      struct tri_op op;
      if (!parse_line(at, code_end, &op, NULL)) {
        struct failure failure = {.at = at};
        parse_line(at, code_end, &op, &failure);
        error->line = line;
        error->column = (unsigned)(failure.at - at) + 1;
        describe(&failure, code_end, error->message, sizeof error->message);
        return false;
      }
      if (!tri_program_append(program, &op)) {
        *error = (struct tri_text_error){.message = "out of memory"};
        return false;
      }
    }
    at = newline ? newline + 1 : end;
  }
  return true;
}
