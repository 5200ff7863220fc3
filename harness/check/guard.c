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

// Outside a guarded function the fault is none of ours: give it back and let it happen again.
static void faulted(int number) {
  if (inside) siglongjmp(escape, 1);
  for (size_t i = 0; i < 2; i++)
    if (signals[i] == number) sigaction(number, &before[i], NULL);
}

bool tri_guarded(void (*fn)(void *context), void *context) {
  if (TRI_UNLIKELY(!__atomic_exchange_n(&installed, 1, __ATOMIC_ACQ_REL))) {
    struct sigaction ours = {.sa_handler = faulted, .sa_flags = SA_NODEFER};
    sigemptyset(&ours.sa_mask);
    for (size_t i = 0; i < 2; i++) sigaction(signals[i], &ours, &before[i]);
  }
  volatile bool good = false;
  inside = 1;
  if (!sigsetjmp(escape, 0)) {
    fn(context);
    good = true;
  }
  inside = 0;
  return good;
}
