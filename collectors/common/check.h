// Assertions that are always on. A failing one prints the expression, both values, file
// and line, then aborts.
//   TRI_CHECK(x), TRI_CHECK_EQ(a, b) …   tests, harness, and invariants whose cost is negligible
//   TRI_ASSERT(x)                        cheap internal checks; compiled out when NDEBUG is defined, and
//                                        passed over when tri_assertions_ignored is set
#ifndef TRICOLOR_COMMON_CHECK_H
#define TRICOLOR_COMMON_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tricolor/compiler.h"

_Noreturn TRI_COLD void tri_check_failed(const char *file, int line, const char *expression);
_Noreturn TRI_COLD void tri_check_failed_values(const char *file, int line, const char *expression,
                                                long long left, long long right);
_Noreturn TRI_COLD void tri_check_failed_strings(const char *file, int line, const char *expression,
                                                 const char *left, const char *right);
TRI_COLD void tri_assertion_failed(const char *file, int line, const char *expression); // may return
bool tri_check_strings_equal(const char *left, const char *right);

#define TRI_CHECK(x) (TRI_LIKELY(x) ? (void)0 : tri_check_failed(__FILE__, __LINE__, #x))
#define TRI_CHECK_OP(a, op, b)                                                                               \
  do {                                                                                                       \
    long long tri_left = (long long)(a), tri_right = (long long)(b);                                         \
    if (TRI_UNLIKELY(!(tri_left op tri_right)))                                                              \
      tri_check_failed_values(__FILE__, __LINE__, #a " " #op " " #b, tri_left, tri_right);                   \
  } while (0)
#define TRI_CHECK_EQ(a, b) TRI_CHECK_OP(a, ==, b)
#define TRI_CHECK_NE(a, b) TRI_CHECK_OP(a, !=, b)
#define TRI_CHECK_LE(a, b) TRI_CHECK_OP(a, <=, b)
#define TRI_CHECK_GE(a, b) TRI_CHECK_OP(a, >=, b)
#define TRI_CHECK_LT(a, b) TRI_CHECK_OP(a, <, b)
#define TRI_CHECK_STR(a, b)                                                                                  \
  do {                                                                                                       \
    const char *tri_left = (a), *tri_right = (b);                                                            \
    if (TRI_UNLIKELY(!tri_check_strings_equal(tri_left, tri_right)))                                         \
      tri_check_failed_strings(__FILE__, __LINE__, #a " is " #b, tri_left, tri_right);                       \
  } while (0)

// As if NDEBUG had been defined: for comparisons with builds in which it was. Set before anything else runs.
extern bool tri_assertions_ignored;

#ifdef NDEBUG
#define TRI_ASSERT(x) ((void)sizeof(x))
#else
#define TRI_ASSERT(x) (TRI_LIKELY(x) ? (void)0 : tri_assertion_failed(__FILE__, __LINE__, #x))
#endif

#endif
