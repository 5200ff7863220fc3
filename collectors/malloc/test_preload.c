// An allocator to be preloaded by a test: the C library's, which says so when it has been asked a thousand
// times.
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#include "tricolor/compiler.h"

TRI_EXPORT void *calloc(size_t n, size_t bytes) {
  static void *(*next)(size_t, size_t);
  static unsigned long calls;
  static const char text[] = "a thousand calls of the preloaded calloc\n";
  if (!next) next = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
  if (__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) == 1000 &&
      write(STDERR_FILENO, text, sizeof text - 1) < 0)
    return NULL;
  return next(n, bytes);
}
