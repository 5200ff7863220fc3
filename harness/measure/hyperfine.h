// hyperfine as the stopwatch: one call per sample (`hyperfine -N --runs 1`), so that the caller decides the
// order of samples. The numbers are of the whole process, start and exit included.
#ifndef TRICOLOR_MEASURE_HYPERFINE_H
#define TRICOLOR_MEASURE_HYPERFINE_H

#include <stdbool.h>
#include <stdint.h>

#include "measure/child.h"
#include "measure/text.h"

struct tri_reading {
  int64_t wall_ns, user_ns, system_ns;
  int exit_code; // 128 + signal when a signal ended the command
};

enum tri_stopwatch_status {
  TRI_STOPWATCH_OK,
  TRI_STOPWATCH_INTERRUPTED, // no reading
  TRI_STOPWATCH_TIMED_OUT,   // no reading
  TRI_STOPWATCH_FAILED,      // hyperfine is missing or broken; the error says what to do
};

// "1.15.0" into `version`. Also the check that hyperfine is there.
enum tri_stopwatch_status tri_hyperfine_version(struct tri_held_signals *held, const char *directory,
                                                char version[32], struct tri_error *error);

// Runs `arguments` (NULL-terminated) once under hyperfine. Its files live in `directory` during the call.
// A command that fails is a reading with its exit code, not a failure of the stopwatch.
enum tri_stopwatch_status tri_hyperfine_run(struct tri_held_signals *held, const char *const *arguments,
                                            const char *directory, unsigned timeout_seconds,
                                            struct tri_reading *reading, struct tri_error *error);

// Reads hyperfine's JSON export of a single run (1.15 and later).
bool tri_hyperfine_parse(const char *path, struct tri_reading *reading, struct tri_error *error);

#endif
