// malloc: calloc per object, reclaimed by tri_free only. See README.md.
#ifndef MALLOC_FAST_H
#define MALLOC_FAST_H

#include "tricolor/plain.h"

#define TRI_SUMMARY "calloc per object, freed by tri_free only: the explicit baseline"
#define TRI_CAPS                                                                                             \
  (TRI_CAP_PIN | TRI_CAP_WALK | TRI_CAP_EXPLICIT_FREE | TRI_CAP_MULTI_HEAP | TRI_CAP_MULTI_MUTATOR)
#define TRI_MAX_MUTATORS 256
#define TRI_MAX_HEAPS UINT32_MAX
#define TRI_MIN_HEAP (64 << 10)
#define TRI_MAX_OBJECT (UINT64_C(1) << 30)

void malloc_free_slow(struct tri_mutator *m, tri_ref object);
#define tri_fast_free malloc_free_slow

// verify checks that each object and its entry in the table know each other.
#define tri_cold_verify malloc_verify

#endif
