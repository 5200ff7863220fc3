// What the executor writes into payloads, so that every check notices damage: word 0 is the seed, word i a
// function of seed and i. Of a large payload only the first 1 KiB and the last word are written.
#ifndef TRICOLOR_PROGRAM_PAYLOAD_H
#define TRICOLOR_PROGRAM_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void tri_payload_write(void *payload, size_t bytes, uint64_t seed);

// The seed, as far as the payload is long enough to hold it.
uint64_t tri_payload_seed(const void *payload, size_t bytes);

// Is the payload what write left there? Otherwise *offset is the first wrong byte of it.
bool tri_payload_check(const void *payload, size_t bytes, size_t *offset);

#endif
