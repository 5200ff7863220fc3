// Values of options, as numbers. What wrong ones are told is argerr.*.options' (collectors/test/argerr.c).
#include "tricolor/introspect.h"

#include <stdio.h>

#include "common/check.h"

static const struct tri_option own[] = {
    {"size", TRI_OPTION_SIZE, 7, 0, INT64_MAX, NULL, ""},
    {"number", TRI_OPTION_INT, 8, INT64_MIN, INT64_MAX, NULL, ""},
};

static bool parse(const char *text, struct tri_heap_config *config) {
  char error[400];
  return tri_options_parse(text, own, 2, config, error, sizeof error);
}

static int64_t size_of(const char *size) {
  char text[80];
  struct tri_heap_config config;
  snprintf(text, sizeof text, "size=%s", size);
  return parse(text, &config) ? config.value[TRI_COMMON_OPTIONS] : -1;
}

static void test_sizes(void) {
  TRI_CHECK_EQ(size_of("0"), 0);
  TRI_CHECK_EQ(size_of("123"), 123);
  TRI_CHECK_EQ(size_of("3k"), 3072);
  TRI_CHECK_EQ(size_of("64M"), 64 << 20);
  TRI_CHECK_EQ(size_of("2g"), INT64_C(2) << 30);
  TRI_CHECK_EQ(size_of("5t"), INT64_C(5) << 40);
  TRI_CHECK_EQ(size_of("9223372036854775807"), INT64_MAX);
  TRI_CHECK_EQ(size_of("8388607t"), INT64_C(8388607) << 40);
}

static void test_sizes_as_in_go(void) {
  TRI_CHECK_EQ(size_of("123B"), 123);
  TRI_CHECK_EQ(size_of("3KiB"), 3072);
  TRI_CHECK_EQ(size_of("64MiB"), 64 << 20);
  TRI_CHECK_EQ(size_of("2GiB"), INT64_C(2) << 30);
  TRI_CHECK_EQ(size_of("5tib"), INT64_C(5) << 40);
}

static void test_no_sizes(void) {
  static const char *const none[] = {"",
                                     "m",
                                     "B",
                                     "KiB",
                                     "1q",
                                     "1kk",
                                     "1ki",
                                     "1kb",
                                     "1iB",
                                     "1Bk",
                                     "1KiBB",
                                     "1 k",
                                     "0x10",
                                     "1.5g",
                                     "8388608t",
                                     "9223372036854775808",
                                     "16777216TiB",
                                     " 1",
                                     "1 "};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) TRI_CHECK_EQ(size_of(none[i]), -1);
}

static void test_numbers_have_no_units(void) {
  struct tri_heap_config config;
  TRI_CHECK(parse("number=-5,size=1k", &config));
  TRI_CHECK_EQ(config.value[TRI_COMMON_OPTIONS + 1], -5);
  TRI_CHECK_EQ(config.value[TRI_COMMON_OPTIONS], 1024);
  TRI_CHECK(!parse("number=5k", &config));
  TRI_CHECK(!parse("number=5B", &config));
  TRI_CHECK(parse("", &config));
  TRI_CHECK_EQ(config.value[TRI_COMMON_OPTIONS], 7);
}

int main(void) {
  test_sizes();
  test_sizes_as_in_go();
  test_no_sizes();
  test_numbers_have_no_units();
  return 0;
}
