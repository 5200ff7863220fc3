// The contract's fast paths and collections, piece by piece, for micro.cc to time: what lies between the two.
// micro.c is compiled for each collector, with its paths inlined; micro.cc once.
#ifndef TRICOLOR_MICRO_MICRO_H
#define TRICOLOR_MICRO_MICRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct micro; // one heap with one mutator, on which one case is measured

struct micro_case {
  const char *name;
  uint64_t needs; // capabilities (enum tri_cap), all of them
  size_t batch;   // operations between two looks at the clock; 1: each is a matter of microseconds and more
  uint64_t iterations; // 0: as many as Google Benchmark takes for its --benchmark_min_time
  bool marks;          // measured as NAME/off, and once more as NAME/on: with marking under way

  size_t live;   // objects that live, before anything is measured, in
  int structure; // this structure (enum structure in micro.c)

  bool (*prepare)(struct micro *micro);       // before each batch, not timed; or NULL
  bool (*run)(struct micro *micro, size_t n); // false: out of memory, as prepare
};

extern const struct micro_case micro_cases[];
extern const size_t micro_case_count;
extern const char *const micro_collector;

// What one batch took. ns is the clock on the wall, or what the case measures instead; the rest is told of
// collections.
struct micro_sample {
  uint64_t ns, cpu_ns, marked_objects, copied_bytes, freed_bytes;
};

// A heap with what lives in it. NULL: *error says why; skipped: the collector lacks what the case needs.
struct micro *micro_open(const struct micro_case *piece, bool marking, const char *options, bool *skipped,
                         char *error, size_t error_bytes);
void micro_close(struct micro *micro);

// n operations. False: out of memory; or marking was over each time before they were done; or the world was
// to stop, and never did.
bool micro_measure(struct micro *micro, size_t n, struct micro_sample *sample);

#ifdef __cplusplus
}
#endif
#endif
