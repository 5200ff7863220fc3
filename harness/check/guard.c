#include "check/guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "tricolor/compiler.h"

enum { SIGNALS = 4, STACK_BYTES = 128 * 1024 };

static const int signals[SIGNALS] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
static struct sigaction before[SIGNALS]; // who handled them until now
static uint32_t installed;

static _Thread_local sigjmp_buf escape;
static _Thread_local volatile sig_atomic_t inside;

static void (*last_words)(void *context, int signal, const void *address);
static void *last_context;

// Outside a guarded function the fault is none of ours: give it back and let it happen again.
static void faulted(int number, siginfo_t *info, void *machine) {
  (void)machine;
  if (inside) siglongjmp(escape, 1);
  void (*fn)(void *, int, const void *) = last_words;
  last_words = NULL; // for faults of its own
  if (fn) fn(last_context, number, info->si_addr);
  for (size_t i = 0; i < SIGNALS; i++)
    if (signals[i] == number) sigaction(number, &before[i], NULL);
}

static void install(void) {
  if (TRI_LIKELY(__atomic_exchange_n(&installed, 1, __ATOMIC_ACQ_REL))) return;
  static char stack[STACK_BYTES];
  stack_t present;
  if (sigaltstack(NULL, &present) == 0 && present.ss_flags & SS_DISABLE)
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
  struct sigaction ours = {.sa_sigaction = faulted, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
  sigemptyset(&ours.sa_mask);
  for (size_t i = 0; i < SIGNALS; i++) sigaction(signals[i], &ours, &before[i]);
}

void tri_guard_last_words(void (*fn)(void *context, int signal, const void *address), void *context) {
  install();
  last_words = fn;
  last_context = context;
}

bool tri_guarded(void (*fn)(void *context), void *context) {
  install();
  volatile bool good = false;
  inside = 1;
  if (!sigsetjmp(escape, 0)) {
    fn(context);
    good = true;
  }
  inside = 0;
  return good;
}
