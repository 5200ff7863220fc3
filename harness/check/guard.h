// Runs a function that reads memory which may be gone: a fault in it ends the function, not the process.
#ifndef TRICOLOR_CHECK_GUARD_H
#define TRICOLOR_CHECK_GUARD_H

#include <stdbool.h>

// False when fn faulted (SIGSEGV, SIGBUS, SIGFPE, SIGILL); whatever it held is lost. Not nested. Any thread.
// The handler stays installed and gives faults from elsewhere back to the one before it. On the thread that
// called first it has a stack of its own, so that an overflow of the stack is told, too.
bool tri_guarded(void (*fn)(void *context), void *context);

// At a fault elsewhere fn is called first, by the signal handler, with the signal and the address that it is
// about: the process ends anyway. One for all threads; NULL: none.
void tri_guard_last_words(void (*fn)(void *context, int signal, const void *address), void *context);

#endif
