// Arithmetic that stays at the end of its range where it would leave it. Go wraps there, or leaves the result
// of a conversion to the machine; no heap comes near, but options and a collector's mistakes do.
#ifndef TRICOLOR_GO_SATURATE_H
#define TRICOLOR_GO_SATURATE_H

#include <stdint.h>

static inline uint64_t go_add(uint64_t a, uint64_t b) { return a + b < a ? UINT64_MAX : a + b; }
static inline uint64_t go_sub(uint64_t a, uint64_t b) { return a < b ? 0 : a - b; }

static inline int64_t go_add_signed(int64_t a, int64_t b) {
  int64_t sum;
  return !__builtin_add_overflow(a, b, &sum) ? sum : b > 0 ? INT64_MAX : INT64_MIN;
}

static inline int64_t go_sub_signed(int64_t a, int64_t b) {
  int64_t difference;
  return !__builtin_sub_overflow(a, b, &difference) ? difference : b < 0 ? INT64_MAX : INT64_MIN;
}

// Not for a negative product.
static inline int64_t go_mul_signed(int64_t a, int64_t b) {
  int64_t product;
  return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

// bytes * percent / 100, exact
static inline uint64_t go_percent(uint64_t bytes, uint32_t percent) {
  unsigned __int128 part = (unsigned __int128)bytes * percent / 100;
  return part > UINT64_MAX ? UINT64_MAX : (uint64_t)part;
}

static inline int64_t go_signed(uint64_t value) { return value > INT64_MAX ? INT64_MAX : (int64_t)value; }

// What is no number counts as 0.
static inline int64_t go_truncate(double value) {
  if (value >= 0x1p63) return INT64_MAX;
  if (value < -0x1p63) return INT64_MIN;
  return value == value ? (int64_t)value : 0;
}

// The same for what may not be negative: below 0 is 0.
static inline uint64_t go_truncate_unsigned(double value) {
  if (value >= 0x1p64) return UINT64_MAX;
  return value > 0 ? (uint64_t)value : 0;
}

#endif
