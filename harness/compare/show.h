// A comparison for people: a table of cells with their verdicts, as text or as markdown.
#ifndef TRICOLOR_COMPARE_SHOW_H
#define TRICOLOR_COMPARE_SHOW_H

#include <stdio.h>

#include "compare/comparison.h"

void tri_show_comparison(FILE *out, const struct tri_comparison *comparison);
void tri_show_markdown(FILE *out, const struct tri_comparison *comparison);

// How many cells have each verdict.
void tri_count_verdicts(const struct tri_comparison *comparison, size_t counts[TRI_VERDICT_FAILED + 1]);

// Does it make the exit status 1: a confirmed regression, or a failure that is a finding?
bool tri_is_finding(const struct tri_comparison *comparison, size_t cell);

#endif
