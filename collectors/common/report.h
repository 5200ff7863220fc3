// Findings of a verify: formatted, told to the reporter, counted.
#ifndef TRICOLOR_COMMON_REPORT_H
#define TRICOLOR_COMMON_REPORT_H

#include "tricolor/introspect.h"

struct tri_findings {
  const struct tri_reporter *reporter;
  size_t count;
};

// One finding, as a sentence. Cut at 255 bytes.
TRI_COLD TRI_PRINTF(2, 3) void tri_find(struct tri_findings *findings, const char *format, ...);

#endif
