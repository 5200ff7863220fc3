// Runs a function that reads memory which may be gone: a fault in it ends the function, not the process.
#ifndef TRICOLOR_CHECK_GUARD_H
#define TRICOLOR_CHECK_GUARD_H

#include <stdbool.h>

// False when fn faulted (SIGSEGV, SIGBUS); whatever it held is lost. Not nested. Any thread. The handler
// stays installed and gives faults from elsewhere back to the one before it.
bool tri_guarded(void (*fn)(void *context), void *context);

// At a fault elsewhere fn is called first, by the signal handler: the process ends anyway. One for all threads; NULL:
// none.
void tri_guard_last_words(void (*fn)(void *context), void *context);

#endif
