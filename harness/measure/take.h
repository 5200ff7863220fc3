// Takes one sample: a process of its own under the stopwatch, and what its result means. Used by every command
// that times something.
#ifndef TRICOLOR_MEASURE_TAKE_H
#define TRICOLOR_MEASURE_TAKE_H

#include <jansson.h>

#include "measure/arguments.h"
#include "measure/hyperfine.h"
#include "measure/series.h"
#include "measure/subject.h"

struct tri_taker {
  struct tri_held_signals signals;
  char *directory; // for the files of one sample
  unsigned timeout_seconds; // 0: none
};

struct tri_taken {
  enum tri_cell_status status;
  struct tri_reading reading;
  json_t *process; // what the process said of itself, but for what the cell knows; NULL
  char *message;   // why it is not ok; NULL
};

// Holds signals and makes the folder for a command called `use`; false with *error.
bool tri_taker_begin(struct tri_taker *taker, const char *use, unsigned timeout_seconds, struct tri_error *error);
void tri_taker_end(struct tri_taker *taker);

// After TRI_STOPWATCH_OK and TRI_STOPWATCH_TIMED_OUT *taken is filled in (the latter: failed, without a
// reading) and the caller's to free.
enum tri_stopwatch_status tri_take(struct tri_taker *taker, const struct tri_subject *subject,
                                   struct tri_taken *taken, struct tri_error *error);
void tri_taken_free(struct tri_taken *taken);

// What a process that has ended means: its exit code (128 + signal where one ended it) and the result it left. For
// callers that ran the command in a way of their own.
void tri_taken_judge(struct tri_taker *taker, const struct tri_subject_command *command, const char *result_path,
                     struct tri_taken *taken);

// The exit status that such a sample is worth: a wrong answer or a crash is a finding, refused options are bad
// input.
enum tri_exit tri_taken_exit(const struct tri_taken *taken);

#endif
