#include "check/guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "tricolor/compiler.h"

static const int signals[] = {SIGSEGV, SIGBUS};
static struct sigaction before[2]; // who handled them until now
static uint32_t installed;

static _Thread_local sigjmp_buf escape;
static _Thread_local volatile sig_atomic_t inside;

static void (*last_words)(void *context);
static void *last_context;

// Outside a guarded function the fault is none of ours: give it back and let it happen again.
static void faulted(int number) {
  if (inside) siglongjmp(escape, 1);
  void (*fn)(void *) = last_words;
  last_words = NULL; // for faults of its own
  if (fn) fn(last_context);
  for (size_t i = 0; i < 2; i++)
    if (signals[i] == number) sigaction(number, &before[i], NULL);
}

static void install(void) {
  if (TRI_LIKELY(__atomic_exchange_n(&installed, 1, __ATOMIC_ACQ_REL))) return;
  struct sigaction ours = {.sa_handler = faulted, .sa_flags = SA_NODEFER};
  sigemptyset(&ours.sa_mask);
  for (size_t i = 0; i < 2; i++) sigaction(signals[i], &ours, &before[i]);
}

void tri_guard_last_words(void (*fn)(void *context), void *context) {
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
