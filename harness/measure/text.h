// Small text tools of the measuring side: formatting into fresh strings, byte sizes, shell words, numbers for
// a person. Strings returned as `char *` are the caller's to free; running out of memory here ends the
// program with exit status 3, because there is nothing left to measure with.
#ifndef TRICOLOR_MEASURE_TEXT_H
#define TRICOLOR_MEASURE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nearest.h"
#include "tricolor/compiler.h"

// One sentence that says what was wrong, where, and what would be right.
struct tri_error {
  char text[768];
};

// Fills in the sentence; returns false, so that a failing function can `return tri_fail(error, …)`.
bool tri_fail(struct tri_error *error, const char *format, ...) TRI_PRINTF(2, 3);

// "unknown collector 'semspace'; did you mean 'semispace'? `tricolor list collectors` shows all". Returns
// false.
bool tri_fail_unknown(struct tri_error *error, const char *what, const char *word, struct tri_names names);

// `block`, or the end of the program when it is NULL.
void *tri_need(void *block);

char *tri_format(const char *format, ...) TRI_PRINTF(1, 2);
char *tri_text_copy(const char *text); // NULL of NULL

// This second as ISO 8601, UTC: "2026-01-02T03:04:05+00:00".
char *tri_now_text(void);

// `array` with room for one more than `count` elements of that size: it grows when the count reaches a power
// of two.
void *tri_room_for_one(void *array, size_t count, size_t size);

// "64m" → 67108864. Digits with an optional k, m, g or t (any case, powers of 1024); false when `text` is
// anything else, zero, or too large for 63 bits.
bool tri_parse_size(const char *text, uint64_t *bytes);

// 67108864 → "64m": the shortest form that tri_parse_size reads back to the same number.
char *tri_size_text(uint64_t bytes);

// The command line that a POSIX shell (and hyperfine -N) splits back into `arguments` (NULL-terminated).
char *tri_shell_command(const char *const *arguments);

// For tables: 12_345_678 ns → "12.3 ms"; 41_943_040 bytes → "40.0 MiB". Three significant digits.
char *tri_duration_text(double nanoseconds);
char *tri_memory_text(double bytes);

#endif
