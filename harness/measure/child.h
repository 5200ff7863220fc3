// Running one program at a time without missing a signal. Between tri_signals_hold and tri_signals_release,
// SIGINT, SIGTERM, SIGHUP and SIGCHLD are blocked and waited for, so there is no handler and no race: whoever
// interrupts is noticed either while a child runs, and the child is ended, or at the next question.
// Single-threaded callers only.
#ifndef TRICOLOR_MEASURE_CHILD_H
#define TRICOLOR_MEASURE_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct tri_held_signals {
  sigset_t previous_mask, interrupts;
  struct sigaction previous_child_action;
  int interrupted_by; // the signal number once one has come, else 0
};

void tri_signals_hold(struct tri_held_signals *held);
void tri_signals_release(struct tri_held_signals *held);

// Whether somebody asked this program to stop, now or earlier.
bool tri_interrupted(struct tri_held_signals *held);

enum tri_child_outcome {
  TRI_CHILD_EXITED,      // value: exit status
  TRI_CHILD_SIGNALED,    // value: signal number
  TRI_CHILD_NOT_STARTED, // value: errno; ENOENT when there is no such program
  TRI_CHILD_INTERRUPTED, // value: the signal that came; the child's process group has been killed
  TRI_CHILD_TIMED_OUT,   // the child's process group has been killed
};

struct tri_child_end {
  enum tri_child_outcome outcome;
  int value;
};

// Runs `arguments` (NULL-terminated; the program is looked up in PATH) in a process group of its own, with
// empty standard input and its two outputs in the named files (NULL: discarded), and waits for its end.
// `timeout_seconds` 0 waits for ever.
struct tri_child_end tri_child_run(struct tri_held_signals *held, const char *const *arguments,
                                   const char *stdout_path, const char *stderr_path,
                                   unsigned timeout_seconds);

// The first half of it, for callers who wait for several children: starts the program and returns 0, or
// errno. `environment` NULL: this program's. The caller waits for *child, which leads a process group.
int tri_child_start(const struct tri_held_signals *held, const char *const *arguments,
                    const char *const *environment, const char *stdout_path, const char *stderr_path,
                    pid_t *child);

#endif
