// Poisoned memory: damage to the pattern is found at its first byte, and the watching tool is told.
#include "common/poison.h"

#include "common/check.h"
#include "common/os.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// A write that no tool sees, as by a collector's uninstrumented code.
TRI_NO_ASAN static void write_unseen(unsigned char *p, unsigned char value) {
  *(volatile unsigned char *)p = value;
}

static void test_fill(unsigned char *p, size_t n) {
  tri_poison_set_filling(true);
  tri_poison(p, n);
  TRI_CHECK(!tri_poison_damage(p, n));
  if (tri_poison_tool() != TRI_POISON_VALGRIND) // whose marks no write escapes
    for (size_t i = 0; i < n; i++) {
      write_unseen(p + i, 0);
      TRI_CHECK(tri_poison_damage(p, n) == p + i);
      TRI_CHECK(tri_poison_damage(p + i, n - i) == p + i);
      TRI_CHECK(!tri_poison_damage(p, i));
      write_unseen(p + i, TRI_POISON_BYTE);
    }
  tri_poison(p, n); // again
  TRI_CHECK(!tri_poison_damage(p, n));
  tri_unpoison(p, n);
  memset(p, 0, n);
  TRI_CHECK(tri_poison_is_clean(p, n));

  tri_poison_set_filling(false);
  memset(p, 3, n);
  tri_poison(p, n);
  TRI_CHECK(!tri_poison_damage(p, n)); // nothing was filled, so nothing is checked
  tri_unpoison(p, n);
  tri_poison_fill(p, n);
  TRI_CHECK_EQ(p[0], TRI_POISON_BYTE);
  TRI_CHECK_EQ(p[n - 1], TRI_POISON_BYTE);
}

static void test_marks(unsigned char *p, size_t n) {
  bool watched = tri_poison_tool() != TRI_POISON_NO_TOOL;
  TRI_CHECK(tri_poison_is_clean(p, n));
  tri_poison(p + 64, 64);
  TRI_CHECK_EQ(tri_poison_is_clean(p, n), !watched);
  TRI_CHECK(tri_poison_is_clean(p, 64));
  TRI_CHECK(tri_poison_is_clean(p + 128, n - 128));
  TRI_CHECK_EQ(tri_poison_is_clean(p + 120, 8), !watched);
  TRI_CHECK_EQ(tri_poison_is_clean(p + 120, 16), !watched);
  tri_unpoison(p, n);
  TRI_CHECK(tri_poison_is_clean(p, n));
  memset(p, 9, n);
  tri_poison_mark(p, n);
  TRI_CHECK_EQ(tri_poison_is_clean(p, n), !watched);
  tri_poison_unmark(p, n);
  TRI_CHECK_EQ(p[n - 1], 9); // contents survive marking
}

static void touch(unsigned char *p) { p[8] = 1; }

static void check_after_damage(unsigned char *p) {
  write_unseen(p + 40, 0x11);
  tri_poison_check(p, 64, "test: cell");
}

// Runs action(p) in a child; its exit status, and what it printed in text.
static int run_child(void (*action)(unsigned char *), unsigned char *p, char *text, size_t size) {
  int ends[2];
  TRI_CHECK_EQ(pipe(ends), 0);
  pid_t child = fork();
  TRI_CHECK_GE(child, 0);
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    action(p);
    _exit(0);
  }
  close(ends[1]);
  size_t used = 0;
  for (ssize_t got; used < size - 1 && (got = read(ends[0], text + used, size - 1 - used)) > 0;)
    used += (size_t)got;
  text[used] = 0;
  close(ends[0]);
  int status;
  TRI_CHECK_EQ(waitpid(child, &status, 0), child);
  return status;
}

static void test_reports(unsigned char *p) {
  static char text[8192];
  tri_poison_set_filling(true);
  tri_poison(p, 64);
  int status = run_child(touch, p, text, sizeof text);
  if (tri_poison_tool() == TRI_POISON_ASAN) {
    TRI_CHECK(status != 0);
    TRI_CHECK(strstr(text, "use-after-poison"));
  }
  if (tri_poison_tool() == TRI_POISON_NO_TOOL) {
    TRI_CHECK_EQ(status, 0);
    status = run_child(check_after_damage, p, text, sizeof text);
    TRI_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    TRI_CHECK(strstr(text, "test: cell: freed memory was written to"));
    TRI_CHECK(strstr(text, "offset 40 of 64 bytes"));
    TRI_CHECK(strstr(text, "found 11 a5 a5 a5 a5 a5 a5 a5, expected a5"));
  }
  tri_unpoison(p, 64);
  tri_poison_set_filling(false);
}

static void test_commit_unpoisons(void) {
  size_t bytes = 4 * tri_os_page_bytes();
  for (unsigned round = 0; round < 4; round++) {
    tri_os_recycle(round >= 2);
    unsigned char *p = tri_os_reserve(bytes, 0);
    TRI_CHECK(p && tri_os_commit(p, bytes));
    TRI_CHECK(tri_poison_is_clean(p, bytes));
    TRI_CHECK_EQ(p[100], 0);
    p[100] = 1;
    tri_poison(p, bytes);
    if (round % 2) tri_os_decommit(p, bytes);
    TRI_CHECK(tri_os_commit(p, bytes));
    TRI_CHECK(tri_poison_is_clean(p, bytes));
    tri_poison(p, bytes);
    tri_os_release(p, bytes);
  }
  tri_os_recycle(false);
}

int main(void) {
  enum { N = 512 };
  unsigned char *p = aligned_alloc(64, N);
  TRI_CHECK(p);
  memset(p, 0, N);
  for (size_t n = 8; n <= 64; n += 8) test_fill(p, n);
  test_fill(p + 8, N - 8);
  test_marks(p, N);
  test_reports(p);
  test_commit_unpoisons();
  free(p);
  return 0;
}
