// How children end, what they inherit, and that an interrupt or a timeout takes the whole process group
// along.
#include "measure/child.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "measure/file.h"

static char *directory;
static char output[64];

static struct tri_child_end run_shell(struct tri_held_signals *held, const char *script, unsigned timeout) {
  const char *const arguments[] = {"sh", "-c", script, NULL};
  return tri_child_run(held, arguments, output, NULL, timeout);
}

static void read_output(char *text, size_t size) {
  FILE *file = fopen(output, "r");
  TRI_CHECK(file != NULL);
  size_t length = fread(text, 1, size - 1, file);
  text[length] = '\0';
  fclose(file);
}

static void expect(struct tri_child_end end, enum tri_child_outcome outcome, int value) {
  TRI_CHECK_EQ(end.outcome, outcome);
  TRI_CHECK_EQ(end.value, value);
}

// The process whose number the script wrote has gone; a zombie that init has yet to reap counts as gone.
static void expect_gone(void) {
  char text[64], path[64], state = 'Z';
  read_output(text, sizeof text);
  long pid = strtol(text, NULL, 10);
  TRI_CHECK_GE(pid, 2);
  do { // SIGKILL is delivered in its own time
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) return;
    if (fscanf(file, "%*d %*s %c", &state) != 1) state = 'Z';
    fclose(file);
  } while (state != 'Z' && state != 'X');
}

int main(void) {
  directory = tri_temporary_folder("test-child", &(struct tri_error){{0}});
  TRI_CHECK(directory != NULL);
  snprintf(output, sizeof output, "%s/output", directory);
  signal(SIGCHLD, SIG_IGN); // must not lose us the exit statuses
  struct tri_held_signals held;
  tri_signals_hold(&held);

  expect(run_shell(&held, "exit 0", 0), TRI_CHILD_EXITED, 0);
  expect(run_shell(&held, "exit 7", 60), TRI_CHILD_EXITED, 7);
  expect(run_shell(&held, "kill -9 $$", 0), TRI_CHILD_SIGNALED, SIGKILL);
  expect(run_shell(&held, "kill -TERM $$; exit 1", 0), TRI_CHILD_SIGNALED, SIGTERM); // our mask is not theirs
  const char *const missing[] = {"no-such-program-of-tricolor", NULL};
  expect(tri_child_run(&held, missing, NULL, NULL, 0), TRI_CHILD_NOT_STARTED, ENOENT);

  char text[64];
  expect(run_shell(&held, "cat; echo heard", 0), TRI_CHILD_EXITED, 0);
  read_output(text, sizeof text);
  TRI_CHECK_STR(text, "heard\n");

  TRI_CHECK(!tri_interrupted(&held));
  expect(run_shell(&held, "sleep 1000 & echo $!; wait", 1), TRI_CHILD_TIMED_OUT, 0);
  expect_gone();
  TRI_CHECK(!tri_interrupted(&held));
  char script[96]; // the child interrupts its parent when its own child is up
  snprintf(script, sizeof script, "sleep 1000 & echo $!; kill -INT %ld; wait", (long)getpid());
  expect(run_shell(&held, script, 0), TRI_CHILD_INTERRUPTED, SIGINT);
  expect_gone();
  TRI_CHECK(tri_interrupted(&held));
  TRI_CHECK_EQ(held.interrupted_by, SIGINT);
  kill(getpid(), SIGTERM); // pending at release: taken, or this test would end here
  tri_signals_release(&held);
  TRI_CHECK_EQ(held.interrupted_by, SIGTERM);

  tri_remove_folder(directory);
  free(directory);
  return 0;
}
