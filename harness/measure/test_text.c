// Sizes both ways and their refusals, shell words as a real shell reads them, numbers for people.
#include "measure/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"

static void expect_text(char *text, const char *expected) {
  TRI_CHECK_STR(text, expected);
  free(text);
}

static void check_sizes(void) {
  uint64_t bytes;
  TRI_CHECK(tri_parse_size("64m", &bytes) && bytes == 64u << 20);
  TRI_CHECK(tri_parse_size("64M", &bytes) && bytes == 64u << 20);
  TRI_CHECK(tri_parse_size("4096", &bytes) && bytes == 4096);
  TRI_CHECK(tri_parse_size("3k", &bytes) && bytes == 3072);
  TRI_CHECK(tri_parse_size("2g", &bytes) && bytes == 2ull << 30);
  TRI_CHECK(tri_parse_size("8388607t", &bytes) && bytes == 8388607ull << 40);
  static const char *const refused[] = {"",
                                        "m",
                                        "0",
                                        "0m",
                                        "64mm",
                                        "64 m",
                                        "-1",
                                        "1.5m",
                                        "0x10m",
                                        "8388608t",
                                        "2x",
                                        "+3",
                                        "99999999999999999999"};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    if (tri_parse_size(refused[i], &bytes)) printf("accepted: %s\n", refused[i]);
    TRI_CHECK(!tri_parse_size(refused[i], &bytes));
  }
  expect_text(tri_size_text(64u << 20), "64m");
  expect_text(tri_size_text(1536), "1536");
  expect_text(tri_size_text(1536u << 10), "1536k");
  expect_text(tri_size_text(1025), "1025");
  expect_text(tri_size_text(1ull << 50), "1024t");
}

// The shell must give back, one a line, exactly the words that went in.
static void check_shell_words(void) {
  const char *const words[] = {"printf", "[%s]", "plain", "two words", "it's", "", "$HOME `x` \"q\" \\",
                               "{a}*",   NULL};
  char *command = tri_shell_command(words);
  FILE *shell = popen(command, "r");
  TRI_CHECK(shell != NULL);
  char output[256];
  size_t length = fread(output, 1, sizeof output - 1, shell);
  output[length] = '\0';
  TRI_CHECK_EQ(pclose(shell), 0);
  TRI_CHECK_STR(output, "[plain][two words][it's][][$HOME `x` \"q\" \\][{a}*]");
  free(command);
}

static void check_numbers(void) {
  expect_text(tri_duration_text(0), "0 ns");
  expect_text(tri_duration_text(999.4), "999 ns");
  expect_text(tri_duration_text(1000), "1.00 us");
  expect_text(tri_duration_text(12345678), "12.3 ms");
  expect_text(tri_duration_text(999499999), "999 ms");
  expect_text(tri_duration_text(999500000), "1.00 s");
  expect_text(tri_duration_text(123.4e9), "123 s");
  expect_text(tri_duration_text(1234.4e9), "1234 s");
  expect_text(tri_memory_text(0), "0 B");
  expect_text(tri_memory_text(1023), "1023 B");
  expect_text(tri_memory_text(40 << 20), "40.0 MiB");
  expect_text(tri_memory_text(1000 << 10), "0.98 MiB");
  expect_text(tri_memory_text(1536ull << 40), "1536 TiB");
}

int main(void) {
  check_sizes();
  check_shell_words();
  check_numbers();
  struct tri_error error;
  TRI_CHECK(!tri_fail(&error, "%s:%d", "file", 3));
  TRI_CHECK_STR(error.text, "file:3");
  struct tri_names names = {(const char *const[]){"malloc", "semispace"}, 2};
  TRI_CHECK(!tri_fail_unknown(&error, "collector", "semspace", names));
  TRI_CHECK_STR(
      error.text,
      "unknown collector 'semspace'; did you mean 'semispace'? `tricolor list collectors` shows all");
  TRI_CHECK(!tri_fail_unknown(&error, "collector", "g1", names));
  TRI_CHECK_STR(error.text, "unknown collector 'g1'; `tricolor list collectors` shows all");
  return 0;
}
