#include "common/report.h"

#include <stdarg.h>
#include <stdio.h>

void tri_find(struct tri_findings *findings, const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  findings->reporter->report(findings->reporter->context, text);
  findings->count++;
}
