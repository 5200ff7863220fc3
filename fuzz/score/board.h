// The score board: which arm killed which planted fault in which trial, and after how much work.
//
// Trials are appended to a log as they end, one JSON object per line after a first line with what all of them share:
// whoever is interrupted goes on with the same log. Out of it comes the result, one JSON file
// (results/schema/score-1.json), which is written whole and can be read back for its tables.
#ifndef TRICOLOR_SCORE_BOARD_H
#define TRICOLOR_SCORE_BOARD_H

#include <jansson.h>
#include <stdio.h>

#include "engines.h"
#include "score/statistics.h"

enum { TRI_SCORE_SCHEMA = 1, TRI_FAULT_FIRES = 8 };

// A planted fault, or with no id an unmodified collector: the control.
struct tri_score_subject {
  char *name; // "marksweep/sweep-skips-last-word", "marksweep"
  char *collector, *id, *mechanism, *class, *follows;
  char *fires[TRI_FAULT_FIRES + 1];   // invariants that are expected, NULL-terminated
  char *programs[TRI_ENGINES];        // of each kind of build, NULL: it has none
};

enum tri_trial_outcome {
  TRI_TRIAL_KILLED, // the oracle named an invariant
  TRI_TRIAL_DIED,   // the target died or hung without that
  TRI_TRIAL_ALIVE,  // the budget was spent
};
const char *tri_trial_outcome_name(enum tri_trial_outcome outcome);

struct tri_trial {
  char *subject, *arm; // names
  uint64_t seed;
  enum tri_trial_outcome outcome;
  char invariant[16]; // KILLED
  bool expected;      // and it is one that the fault's patch names
  uint64_t executions, operations;
  double cpu_seconds, wall_seconds; // of the whole engine, its start included
};

struct tri_board {
  char *started; // ISO 8601, UTC
  bool complete;
  struct tri_fuzz_budget budget;
  unsigned trials_wanted; // of each fault and arm
  char *seeds;            // what the arms start with
  json_t *environment;
  json_t *left_out; // names of chosen faults whose programs are not built, array; or NULL
  char **arms; // names
  size_t arm_count;
  struct tri_score_subject *subjects;
  size_t subject_count;
  struct tri_trial *trials;
  size_t trial_count;
};

void tri_board_init(struct tri_board *board);
void tri_board_free(struct tri_board *board);

// The faults of a manifest (<build>/faults.json, ci/cmake/TricolorFault.cmake) as built for one engine. False: *error.
bool tri_board_add_manifest(struct tri_board *board, enum tri_engine engine, const char *path, struct tri_error *error);

// The subject of that name, or NULL. Pointers to subjects do not survive adding one; trials are copied.
struct tri_score_subject *tri_board_subject(const struct tri_board *board, const char *name);
struct tri_score_subject *tri_board_add_control(struct tri_board *board, const char *collector);
void tri_board_drop_subject(struct tri_board *board, size_t i);
void tri_board_add_trial(struct tri_board *board, const struct tri_trial *trial);
const struct tri_trial *tri_board_trial(const struct tri_board *board, const char *subject, const char *arm,
                                        uint64_t seed); // or NULL

// The log. Begins a new one, or reads what an interrupted run left: its trials join the board. A last line that is
// cut short is cut off. False: it cannot be used, *error says why.
bool tri_board_open_log(struct tri_board *board, const char *path, FILE **log, struct tri_error *error);
bool tri_board_log_trial(FILE *log, const struct tri_trial *trial);

// The result. Load takes an initialised, empty board.
bool tri_board_write(const struct tri_board *board, const char *path, struct tri_error *error);
bool tri_board_load(struct tri_board *board, const char *path, struct tri_error *error);

// What the trials of one arm on one subject say.
enum tri_score_unit { TRI_SCORE_EXECUTIONS, TRI_SCORE_OPERATIONS, TRI_SCORE_CPU, TRI_SCORE_UNITS };
struct tri_score_cell {
  size_t trials, kills, expected, deaths;
  bool has_median[TRI_SCORE_UNITS];
  double median[TRI_SCORE_UNITS]; // to the kill, by Kaplan and Meier
  bool compared;                  // with the generator
  double a12[TRI_SCORE_UNITS], p[TRI_SCORE_UNITS];
};
struct tri_score_cell tri_board_cell(const struct tri_board *board, const char *subject, const char *arm);

// The arm that the others are compared with.
#define TRI_SCORE_RIVAL "generate"

// table.c: for a terminal, or as Markdown.
void tri_board_print(FILE *out, const struct tri_board *board, bool markdown);

#endif
