// The order in which cells are sampled. One round visits each cell once in random order, rounds follow each
// other: a machine that drifts slower during the series slows all cells alike instead of those measured last.
#ifndef TRICOLOR_MEASURE_ORDER_H
#define TRICOLOR_MEASURE_ORDER_H

#include <stddef.h>
#include <stdint.h>

// Writes the permutation of 0 … count-1 that `round` of a series with this seed visits. It depends on
// nothing else, so a stored seed is enough to tell the order again.
void tri_round_order(uint64_t seed, uint64_t round, size_t *order, size_t count);

#endif
