// Marks for AddressSanitizer and memcheck, and the pattern. See poison.h.
#include "common/poison.h"

#include "common/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if TRI_ASAN
#include <sanitizer/asan_interface.h>
#endif

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else // a build without Valgrind's headers cannot be told that it runs under Valgrind
#define RUNNING_ON_VALGRIND 0
#define VALGRIND_MAKE_MEM_NOACCESS(p, n) ((void)(p), (void)(n))
#define VALGRIND_MAKE_MEM_UNDEFINED(p, n) ((void)(p), (void)(n))
#define VALGRIND_MAKE_MEM_DEFINED(p, n) ((void)(p), (void)(n))
#define VALGRIND_GET_VBITS(p, bits, n) ((void)(p), (void)(bits), (void)(n), 0)
#define VALGRIND_DISABLE_ERROR_REPORTING ((void)0)
#define VALGRIND_ENABLE_ERROR_REPORTING ((void)0)
#endif

enum { FILLS = 1, MARKS = 2 };
unsigned char tri_poison_active = TRI_ASAN ? MARKS : 0;
static bool on_valgrind;

__attribute__((constructor)) static void find_tool(void) {
  on_valgrind = RUNNING_ON_VALGRIND != 0;
  if (on_valgrind) tri_poison_active |= MARKS;
}

enum tri_poison_tool tri_poison_tool(void) {
  if (TRI_ASAN) return TRI_POISON_ASAN;
  return TRI_UNLIKELY(on_valgrind) ? TRI_POISON_VALGRIND : TRI_POISON_NO_TOOL;
}

void tri_poison_set_filling(bool on) {
  unsigned char others = (unsigned char)(tri_poison_active & ~FILLS);
  TRI_RELAXED_STORE(&tri_poison_active, (unsigned char)(others | (on ? FILLS : 0)));
}

bool tri_poison_filling(void) { return TRI_RELAXED_LOAD(&tri_poison_active) & FILLS; }

void tri_poison_mark(void *p, size_t n) {
  if (n == 0) return;
#if TRI_ASAN
  ASAN_POISON_MEMORY_REGION(p, n);
#endif
  if (TRI_UNLIKELY(on_valgrind)) VALGRIND_MAKE_MEM_NOACCESS(p, n);
}

void tri_poison_unmark(void *p, size_t n) {
  if (n == 0) return;
#if TRI_ASAN
  ASAN_UNPOISON_MEMORY_REGION(p, n);
#endif
  if (TRI_UNLIKELY(on_valgrind)) VALGRIND_MAKE_MEM_DEFINED(p, n);
}

void tri_poison_fill(void *p, size_t n) { memset(p, TRI_POISON_BYTE, n); }

void tri_poison_region(void *p, size_t n) {
  if (tri_poison_filling()) {
    tri_poison_unmark(p, n); // parts may be poisoned already
    tri_poison_fill(p, n);
  }
  tri_poison_mark(p, n);
}

void tri_unpoison_region(void *p, size_t n) {
  tri_poison_unmark(p, n);
  if (TRI_UNLIKELY(on_valgrind)) VALGRIND_MAKE_MEM_UNDEFINED(p, n);
}

// Reads marked memory: not instrumented, and no library call, which tools would intercept.
TRI_NOINLINE TRI_NO_ASAN TRI_NO_COVERAGE static const unsigned char *first_damage(const unsigned char *p, size_t n) {
  typedef unsigned long __attribute__((may_alias)) word;
  const word pattern = ~0ul / 255 * TRI_POISON_BYTE;
  const unsigned char *end = p + n;
  for (; p < end && (size_t)p % sizeof(word); p++)
    if (*p != TRI_POISON_BYTE) return p;
  for (; (size_t)(end - p) >= 8 * sizeof(word); p += 8 * sizeof(word)) {
    word different = 0; // a block at a time, so that the compiler can use vectors
    for (size_t i = 0; i < 8; i++) different |= ((const word *)p)[i] ^ pattern;
    if (different) break;
  }
  for (; (size_t)(end - p) >= sizeof(word) && *(const word *)p == pattern;) p += sizeof(word);
  for (; p < end; p++)
    if (*p != TRI_POISON_BYTE) return p;
  return NULL;
}

const void *tri_poison_find_damage(const void *p, size_t n) {
  if (!tri_poison_filling()) return NULL;
  if (TRI_UNLIKELY(on_valgrind)) VALGRIND_DISABLE_ERROR_REPORTING;
  const void *damage = first_damage(p, n);
  if (TRI_UNLIKELY(on_valgrind)) VALGRIND_ENABLE_ERROR_REPORTING;
  return damage;
}

TRI_NO_ASAN static void copy_unchecked(unsigned char *to, const unsigned char *from, size_t n) {
  for (size_t i = 0; i < n; i++) to[i] = ((const volatile unsigned char *)from)[i];
}

static void (*damaged)(const char *text);
void tri_poison_on_damage(void (*tell)(const char *text)) { damaged = tell; }

void tri_poison_check_region(const void *p, size_t n, const char *what) {
  const unsigned char *damage = tri_poison_find_damage(p, n);
  if (TRI_LIKELY(!damage)) return;
  unsigned char found[8] = {0};
  size_t offset = (size_t)(damage - (const unsigned char *)p);
  size_t shown = n - offset < sizeof found ? n - offset : sizeof found;
  if (on_valgrind) VALGRIND_DISABLE_ERROR_REPORTING;
  copy_unchecked(found, damage, shown);
  char text[256];
  int used = snprintf(text, sizeof text, "%.60s: freed memory was written to: %p, offset %zu of %zu bytes at %p; found",
                      what, (const void *)damage, offset, n, p);
  for (size_t i = 0; i < shown; i++) used += snprintf(text + used, sizeof text - (size_t)used, " %02x", found[i]);
  snprintf(text + used, sizeof text - (size_t)used, ", expected %02x", TRI_POISON_BYTE);
  if (damaged) damaged(text);
  fprintf(stderr, "%s\n", text);
  abort();
}

bool tri_poison_is_clean(const void *p, size_t n) {
#if TRI_ASAN
  if (n && __asan_region_is_poisoned((void *)(size_t)p, n)) return false;
#endif
  if (TRI_LIKELY(!on_valgrind)) return true;
  unsigned char bits[256];
  for (size_t i = 0, step; i < n; i += step) {
    step = n - i < sizeof bits ? n - i : sizeof bits;
    if (VALGRIND_GET_VBITS((const char *)p + i, bits, step) == 3) return false; // some byte not addressable
  }
  return true;
}
