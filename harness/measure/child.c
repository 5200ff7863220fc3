#include "measure/child.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/check.h"

static const int interrupts[] = {SIGINT, SIGTERM, SIGHUP};
enum { INTERRUPTS = sizeof interrupts / sizeof *interrupts };

void tri_signals_hold(struct tri_held_signals *held) {
  sigemptyset(&held->interrupts);
  for (int i = 0; i < INTERRUPTS; i++) {
    // What the parent told us to ignore (nohup, a background job of a plain shell) stays ignored.
    struct sigaction action;
    sigaction(interrupts[i], NULL, &action);
    if (action.sa_handler != SIG_IGN) sigaddset(&held->interrupts, interrupts[i]);
  }
  sigset_t blocked = held->interrupts;
  sigaddset(&blocked, SIGCHLD);
  sigprocmask(SIG_BLOCK, &blocked, &held->previous_mask);
  // An inherited "ignore" would make the kernel reap our children before we see how they ended.
  sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL}, &held->previous_child_action);
  held->interrupted_by = 0;
}

void tri_signals_release(struct tri_held_signals *held) {
  tri_interrupted(held); // takes what is pending: it must not end the program once unblocked
  sigaction(SIGCHLD, &held->previous_child_action, NULL);
  sigprocmask(SIG_SETMASK, &held->previous_mask, NULL);
}

bool tri_interrupted(struct tri_held_signals *held) {
  for (int signal; (signal = sigtimedwait(&held->interrupts, NULL, &(struct timespec){0})) > 0;)
    held->interrupted_by = signal;
  return held->interrupted_by != 0;
}

int tri_child_start(const struct tri_held_signals *held, const char *const *arguments,
                    const char *const *environment, const char *stdout_path, const char *stderr_path,
                    pid_t *child) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  const char *const outputs[] = {stdout_path, stderr_path};
  for (int i = 0; i < 2; i++)
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO + i, outputs[i] ? outputs[i] : "/dev/null",
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);

  // A group of its own: the terminal's Ctrl-C reaches us alone, and we can end the stopwatch with all it
  // runs.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setsigmask(&attributes, &held->previous_mask);

  int result = posix_spawnp(child, arguments[0], &files, &attributes, (char *const *)arguments,
                            environment ? (char *const *)environment : environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return result;
}

static struct timespec time_left(const struct timespec *deadline) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  struct timespec left = {deadline->tv_sec - now.tv_sec, deadline->tv_nsec - now.tv_nsec};
  if (left.tv_nsec < 0) left.tv_sec--, left.tv_nsec += 1000000000;
  return left.tv_sec < 0 ? (struct timespec){0} : left;
}

static struct tri_child_end end_group(pid_t child, enum tri_child_outcome outcome, int value) {
  kill(-child, SIGKILL);
  waitpid(child, NULL, 0);
  return (struct tri_child_end){outcome, value};
}

struct tri_child_end tri_child_run(struct tri_held_signals *held, const char *const *arguments,
                                   const char *stdout_path, const char *stderr_path,
                                   unsigned timeout_seconds) {
  pid_t child;
  int failure = tri_child_start(held, arguments, NULL, stdout_path, stderr_path, &child);
  if (failure) return (struct tri_child_end){TRI_CHILD_NOT_STARTED, failure};

  struct timespec deadline;
  clock_gettime(CLOCK_MONOTONIC, &deadline);
  deadline.tv_sec += timeout_seconds;
  sigset_t awaited = held->interrupts;
  sigaddset(&awaited, SIGCHLD);
  for (;;) {
    int status;
    pid_t ended = waitpid(child, &status, WNOHANG);
    TRI_CHECK(ended >= 0);
    if (ended == child) {
      if (WIFSIGNALED(status)) return (struct tri_child_end){TRI_CHILD_SIGNALED, WTERMSIG(status)};
      return (struct tri_child_end){TRI_CHILD_EXITED, WEXITSTATUS(status)};
    }
    struct timespec left = time_left(&deadline);
    int signal = sigtimedwait(&awaited, NULL, timeout_seconds ? &left : NULL);
    if (signal < 0 && errno == EAGAIN) return end_group(child, TRI_CHILD_TIMED_OUT, 0);
    if (signal > 0 && signal != SIGCHLD) {
      held->interrupted_by = signal;
      return end_group(child, TRI_CHILD_INTERRUPTED, signal);
    }
  }
}
