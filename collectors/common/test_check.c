// A failing check must end the process with SIGABRT and name the expression and both values.
#include "test/abort.h"

static void fail_values(void) { TRI_CHECK_EQ(1 + 1, 3); }
static void fail_plain(void) { TRI_CHECK(1 > 2); }
static void fail_strings(void) { TRI_CHECK_STR("abc", "abd"); }

static void fail_assertion(void) { tri_assertion_failed("file.c", 7, "1 > 3"); }

int main(void) {
  TRI_CHECK_EQ(2, 2);
  TRI_CHECK_STR("x", "x");
  expect_abort(fail_values, "1 + 1 == 3 (2, 3)");
  expect_abort(fail_plain, "1 > 2");
  expect_abort(fail_strings, "left:  abc");
  expect_abort(fail_assertion, "file.c:7: check failed: 1 > 3");
  tri_assertions_ignored = true;
  fail_assertion(); // goes on
  return 0;
}
