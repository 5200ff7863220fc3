// A series as a text table: one row per cell, grouped by workload and heap size, the fastest first.
#ifndef TRICOLOR_MEASURE_TABLE_H
#define TRICOLOR_MEASURE_TABLE_H

#include <stdio.h>

#include "measure/series.h"

void tri_table_print(FILE *out, const struct tri_series *series);

#endif
