// A heap that the program itself has smashed yields findings, never a crash of the oracle: each kind of
// damage on each collector, in a process of its own.
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check/guard.h"
#include "check/scenario.h"
#include "common/check.h"
#include "tricolor/registry.h"

// Past the end of an object, or before its beginning.
TRI_NO_ASAN static void smash(volatile unsigned char *at, size_t n, unsigned char byte) {
  for (size_t i = 0; i < n; i++) at[i] = byte;
}

static void overflow(tri_ref object) { smash((unsigned char *)object.bits + 16, 48, 0xff); }
static void underflow(tri_ref object) { smash((unsigned char *)object.bits - 8, 8, 0x77); }
static void wild_slot(tri_ref object) { *(uintptr_t *)object.bits = 0x1008; }
static void noncanonical_slot(tri_ref object) { *(uintptr_t *)object.bits = UINT64_C(0xdeadbeefdeadbeef); }
static void inner_slot(tri_ref object) { *(uintptr_t *)object.bits = object.bits + 8; }

static const struct {
  const char *name;
  void (*plant)(tri_ref object);
} damages[] = {
    {"overflow", overflow},     {"underflow", underflow},
    {"wild slot", wild_slot},   {"noncanonical slot", noncanonical_slot},
    {"inner slot", inner_slot},
};

static void child(const struct tri_collector *collector, void (*plant)(tri_ref object)) {
  struct findings findings = {0};
  struct shadowed x = {0};
  shadowed_open(&x, collector, NULL, &findings);
  struct tri_mutator *m = x.m;
  TRI_FRAME(m, f, 5);
  for (int i = 0; i < 5; i++) {
    // No payload: where objects have no header, what stands before one may be its neighbour's.
    tri_root_set(m, &f.slot[i], tri_alloc(m, TRI_SHAPE(2, 0)));
    if (i) tri_store(m, f.slot[i], 0, f.slot[i - 1]);
  }
  plant(f.slot[1]);
  tri_shadow_check(x.heap);
  findings_print(&findings, collector->name);
  fflush(stdout);
  _exit(findings.n ? 0 : 1); // destroying such a heap is another matter
}

static void read_nothing(void *context) { *(volatile char *)context = 1; }

int main(void) {
  TRI_CHECK(!tri_guarded(read_nothing, (void *)8));
  TRI_CHECK(!tri_guarded(read_nothing, (void *)8)); // again: the handler is still there
  static char good;
  TRI_CHECK(tri_guarded(read_nothing, &good));
  int bad = 0;
  for (size_t i = 0; tri_collectors[i]; i++)
    for (size_t d = 0; d < sizeof damages / sizeof *damages; d++) {
      printf("%s, %s:\n", tri_collectors[i]->name, damages[d].name);
      fflush(stdout);
      pid_t pid = fork();
      if (pid == 0) child(tri_collectors[i], damages[d].plant);
      int status = 0;
      TRI_CHECK(waitpid(pid, &status, 0) == pid);
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
      printf("  %s\n", WIFSIGNALED(status) ? "CRASHED" : "NOT SEEN");
      bad++;
    }
  return bad != 0;
}
