// For tests of what ends the process on purpose.
#ifndef TRICOLOR_TEST_ABORT_H
#define TRICOLOR_TEST_ABORT_H

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"

// Run body in a child process: it aborts, and has said this on standard error.
static inline void expect_abort(void (*body)(void), const char *message) {
  int ends[2];
  fflush(NULL);
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

#endif
