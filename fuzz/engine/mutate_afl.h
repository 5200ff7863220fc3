// What AFL++ calls in a custom mutator library, as its documentation lists it. Declared here for the tests;
// AFL++ finds the functions by their names.
#ifndef TRICOLOR_FUZZ_MUTATE_AFL_H
#define TRICOLOR_FUZZ_MUTATE_AFL_H

#include <stddef.h>
#include <stdint.h>

#include "tricolor/compiler.h"

TRI_EXPORT void *afl_custom_init(void *afl, unsigned seed);
TRI_EXPORT void afl_custom_deinit(void *data);

// Points *out at a new test case, in a buffer of the library. `other` is one to splice with, or NULL.
TRI_EXPORT size_t afl_custom_fuzz(void *data, uint8_t *bytes, size_t size, uint8_t **out, uint8_t *other,
                                  size_t other_size, size_t max);

// The operators of the last test case, for the name of its queue file.
TRI_EXPORT const char *afl_custom_describe(void *data, size_t max_length);

// Trimming by operations. init_trim says how many steps there are, trim hands out a shorter candidate,
// post_trim takes the verdict and says how many steps are done.
TRI_EXPORT int32_t afl_custom_init_trim(void *data, uint8_t *bytes, size_t size);
TRI_EXPORT size_t afl_custom_trim(void *data, uint8_t **out);
TRI_EXPORT int32_t afl_custom_post_trim(void *data, unsigned char success);

#endif
