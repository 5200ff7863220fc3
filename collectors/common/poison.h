// Memory that nobody may touch: free cells, the rest of a block, from-space after a copy.
//
// Marked for AddressSanitizer in its builds and for Valgrind's memcheck when it runs us; every access is then
// reported where it happens. Independently of the tool, memory can be *filled* with a pattern that is checked
// when the memory is used again: that finds writes through stale references in any build, release too.
// Filling is off until switched on, and with no tool everything here is one predictable branch.
//
// A collector calls, per piece of memory:
//   tri_poison          when it becomes free, after its last use of the contents
//   tri_poison_damage   where damage is looked for (end of sweep, before reuse)
//   tri_unpoison        before it is used again; contents are then undefined
//
// The pattern is the same for every byte, so pieces may be split and joined. As a word it is no address.
// AddressSanitizer marks in units of 8 bytes: p and n should be multiples of 8. Links that a collector keeps
// in free cells are left out of [p, p + n). tri_os_commit unpoisons what it commits. Any thread.
#ifndef TRICOLOR_COMMON_POISON_H
#define TRICOLOR_COMMON_POISON_H

#include <stdbool.h>
#include <stddef.h>
#include "tricolor/compiler.h"

enum { TRI_POISON_BYTE = 0xa5 };

enum tri_poison_tool { TRI_POISON_NO_TOOL, TRI_POISON_ASAN, TRI_POISON_VALGRIND };

// The tool that watches this process.
enum tri_poison_tool tri_poison_tool(void);

// Filling on or off, for the whole process. Switch while no memory is poisoned (before the first heap): what
// was poisoned without a fill cannot be told from damage.
void tri_poison_set_filling(bool on);

// Not zero when there is anything to do: filling is on, or a tool watches.
extern unsigned char tri_poison_active;
bool tri_poison_filling(void);

void tri_poison_region(void *p, size_t n);
void tri_unpoison_region(void *p, size_t n);
const void *tri_poison_find_damage(const void *p, size_t n);
void tri_poison_check_region(const void *p, size_t n, const char *what);

// Whom to tell of such damage, in a sentence, before that abort: the oracle makes a finding of it. One for
// the process; NULL: nobody.
void tri_poison_on_damage(void (*tell)(const char *text));

// Fills if filling is on, then marks.
static inline void tri_poison(void *p, size_t n) {
  if (TRI_UNLIKELY(TRI_RELAXED_LOAD(&tri_poison_active))) tri_poison_region(p, n);
}

// Takes the mark away. Poisoned or not before.
static inline void tri_unpoison(void *p, size_t n) {
  if (TRI_UNLIKELY(TRI_RELAXED_LOAD(&tri_poison_active))) tri_unpoison_region(p, n);
}

// The first byte of poisoned memory that no longer has the pattern, or NULL. Always NULL when filling is off.
static inline const void *tri_poison_damage(const void *p, size_t n) {
  return TRI_UNLIKELY(TRI_RELAXED_LOAD(&tri_poison_active)) ? tri_poison_find_damage(p, n) : NULL;
}

// Aborts with the address, its offset from p and the bytes found, if the poisoned memory was written to.
// `what` names the place, e.g. "marksweep: free cell".
static inline void tri_poison_check(const void *p, size_t n, const char *what) {
  if (TRI_UNLIKELY(TRI_RELAXED_LOAD(&tri_poison_active))) tri_poison_check_region(p, n, what);
}

// Only the mark, no fill: contents stay as they are and are there again after unmarking. For reserved memory
// that is accessible to the hardware only.
void tri_poison_mark(void *p, size_t n);
void tri_poison_unmark(void *p, size_t n);

// Only the fill, whatever the flag says, and its check; for memory that tools must not watch.
void tri_poison_fill(void *p, size_t n);

// True when the watching tool considers no byte of [p, p + n) poisoned; always true without a tool.
bool tri_poison_is_clean(const void *p, size_t n);

#endif
