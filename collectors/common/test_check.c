// A failing check must end the process with SIGABRT and name the expression and both values.
#include "common/check.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail_values(void) { TRI_CHECK_EQ(1 + 1, 3); }
static void fail_plain(void) { TRI_CHECK(1 > 2); }
static void fail_strings(void) { TRI_CHECK_STR("abc", "abd"); }

static void expect_abort(void (*body)(void), const char *message) {
  int ends[2];
  TRI_CHECK_EQ(pipe(ends), 0);
  pid_t child = fork();
  TRI_CHECK_GE(child, 0);
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    body();
    _exit(0);
  }
  close(ends[1]);
  char text[1024] = {0};
  size_t used = 0;
  for (ssize_t n; (n = read(ends[0], text + used, sizeof text - 1 - used)) > 0;) used += (size_t)n;
  close(ends[0]);
  int status;
  TRI_CHECK_EQ(waitpid(child, &status, 0), child);
  TRI_CHECK(WIFSIGNALED(status));
  TRI_CHECK_EQ(WTERMSIG(status), SIGABRT);
  if (!strstr(text, message)) printf("got: %s\n", text);
  TRI_CHECK(strstr(text, message) != NULL);
}

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
