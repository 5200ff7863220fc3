// Programs in files: text or bytes, single or whole folders of them.
#ifndef TRICOLOR_PROGRAM_FILES_H
#define TRICOLOR_PROGRAM_FILES_H

#include "measure/text.h"
#include "program/program.h"

// Read a program; "-" is the standard input. A file whose name ends in .thp is text, .bin bytes; another one is
// text if it looks like it. False: *error has a sentence, for a wrong text "FILE:LINE:COLUMN: …".
bool tri_program_read(const char *path, struct tri_program *program, struct tri_error *error);

// For tri_command.word_missing.
#define TRI_NO_FILE "no file is named (- is the standard input)"

// Does the name end in .thp?
bool tri_program_is_text(const char *path);

// Writes a program to `path`, or (NULL) to the standard output, as bytes or as text; `comment`, or NULL, is
// the first line of a text, its line end included. False: *error has a sentence.
bool tri_program_write(const struct tri_program *program, const char *path, bool text, const char *comment,
                       struct tri_error *error);

struct tri_paths {
  char **paths;
  size_t count;
};

// The files that an argument names: itself, or, if it is a folder, all files below it in name order, without
// those that are no programs (hidden, *.md, *.txt). Appended to *paths. False: it cannot be read, or has
// none.
bool tri_program_files(const char *argument, struct tri_paths *paths, struct tri_error *error);
void tri_paths_free(struct tri_paths *paths);

// The command line that repeats a run of a program; check, fault and options may be NULL, steps 0. The caller frees it.
char *tri_replay_command(const char *collector, const char *check, const char *fault, const char *options,
                         uint64_t steps, const char *path);

#endif
