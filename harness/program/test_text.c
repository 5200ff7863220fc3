// The text form is lossless, and its errors say where and what: test_text [seed].
#include "program/parsed_program.h"
#include "program/random_program.h"
#include "program/text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 300, OPS = 100 };

static char *print(const struct tri_program *program, size_t *size) {
  char *text = NULL;
  FILE *out = open_memstream(&text, size);
  TRI_CHECK(out != NULL);
  TRI_CHECK(tri_program_print(program, out));
  fclose(out);
  return text;
}

static void test_round_trip(struct tri_random *random) {
  struct tri_program program = {0};
  random_program(random, OPS, &program);
  size_t size, again_size;
  char *text = print(&program, &size);
  struct tri_program back = parsed_program(text);
  TRI_CHECK(tri_program_equal(&program, &back));
  char *again = print(&back, &again_size);
  TRI_CHECK_STR(text, again);
  free(again);
  free(text);
  tri_program_free(&back);
  tri_program_free(&program);
}

static void test_layout(void) {
  static const char text[] = "# two ways to say the same\n"
                             "\r\n"
                             "r3 = alloc refs n=4 # four\n"
                             "  r3=alloc\trefs n = 4\r\n"
                             "policy pct seed=16383\n"
                             "r1 = null";
  struct tri_program program = parsed_program(text);
  size_t size;
  char *printed = print(&program, &size);
  TRI_CHECK_STR(printed, "r3 = alloc refs n=4\n"
                         "r3 = alloc refs n=4\n"
                         "policy pct seed=16383\n"
                         "r1 = null\n");
  free(printed);
  tri_program_free(&program);
}

static const struct {
  const char *text;
  unsigned line, column;
  const char *message;
} errors[] = {
    {"quux", 1, 1, "no operation has 'quux' here"},
    {"saefpoint", 1, 1, "no operation has 'saefpoint' here; the nearest is 'safepoint'"},
    {"gc full\n\n  r1 = aloc leaf bytes=8", 3, 8, "no operation has 'aloc' here; the nearest is 'alloc'"},
    {"r1 = alloc laef bytes=8", 1, 12, "no operation has 'laef' here; the nearest is 'leaf'"},
    {"r1 = alloc leaf size=8", 1, 17, "expected bytes, found 'size'"},
    {"r1 = alloc leaf bytes=4097", 1, 23, "size 4097 is out of range: 0 to 3585"},
    {"r1 = alloc leaf bytes=1000", 1, 23, "no operand says size 1000: the nearest are 897 and 1016"},
    {"r1 = alloc large n=0 bytes=64", 1, 28, "size 64 is out of range: 4088 to 917505"},
    {"r1 = alloc refs n=128", 1, 19, "128 is out of range: 0 to 127"},
    {"r1 = alloc refs n=99999999999999999999999", 1, 19, "99999999999999999999999 is out of range: 0 to 127"},
    {"r1 = alloc refs n=-1", 1, 19, "expected a number, found '-'"},
    {"r1 = alloc refs", 1, 16, "expected n, found the end of the line"},
    {"r1 = alloc refs n=1 n=2", 1, 21, "expected the end of the line, found 'n'"},
    {"r16 = null", 1, 1, "r16 is out of range: r0 to r15"},
    {"r1 = r17", 1, 6, "r17 is out of range: r0 to r15"},
    {"g16384 = r1", 1, 1, "g16384 is out of range: g0 to g16383"},
    {"st r3[1 = r0", 1, 9, "expected ], found '='"},
    {"st r3[16384] = r0", 1, 7, "16384 is out of range: 0 to 16383"},
    {"st r3[1] = 7", 1, 12, "expected a register or null, found '7'"},
    {"st 3[1] = r0", 1, 4, "expected a register, found '3'"},
    {"policy pect seed=1", 1, 8, "no policy 'pect': block, random, pct or robin"},
    {"yield m1 n=3", 1, 7, "expected an actor, found 'm1'"},
    {"mutator m3", 1, 9, "m3 is out of range: m0 to m2"},
    {"gc full\ngc\n", 2, 3, "no operation has the end of the line here"},
    {"safepoint \x01", 1, 11, "expected the end of the line, found byte 0x01"},
    {"heap bytes=65537", 1, 12, "no operand says size 65537: the nearest are 65536 and 98304"},
};

static void test_errors(void) {
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    struct tri_program program = {0};
    struct tri_text_error error = {0};
    printf("%s\n", errors[i].text);
    TRI_CHECK(!tri_program_parse(&program, errors[i].text, strlen(errors[i].text), &error));
    TRI_CHECK_STR(error.message, errors[i].message);
    TRI_CHECK_EQ(error.line, errors[i].line);
    TRI_CHECK_EQ(error.column, errors[i].column);
    tri_program_free(&program);
  }
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
  printf("seed %llu\n", (unsigned long long)seed);
  struct tri_random random = {seed};
  for (int round = 0; round < ROUNDS; round++) test_round_trip(&random);
  test_layout();
  test_errors();
  return 0;
}
