#include "common/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tri_check_failed(const char *file, int line, const char *expression) {
  fprintf(stderr, "%s:%d: check failed: %s\n", file, line, expression);
  abort();
}

void tri_check_failed_values(const char *file, int line, const char *expression, long long left,
                             long long right) {
  fprintf(stderr, "%s:%d: check failed: %s (%lld, %lld)\n", file, line, expression, left, right);
  abort();
}

bool tri_assertions_ignored;

void tri_assertion_failed(const char *file, int line, const char *expression) {
  if (!tri_assertions_ignored) tri_check_failed(file, line, expression);
}

bool tri_check_strings_equal(const char *left, const char *right) {
  return left && right && strcmp(left, right) == 0;
}

void tri_check_failed_strings(const char *file, int line, const char *expression, const char *left,
                              const char *right) {
  fprintf(stderr, "%s:%d: check failed: %s\n  left:  %s\n  right: %s\n", file, line, expression,
          left ? left : "(null)", right ? right : "(null)");
  abort();
}
