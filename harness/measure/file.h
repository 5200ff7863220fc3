// Files that are whole or absent: written under a temporary name in the same folder, then renamed. Whoever is
// killed in between leaves the previous file as it was. And folders, also temporary ones.
#ifndef TRICOLOR_MEASURE_FILE_H
#define TRICOLOR_MEASURE_FILE_H

#include <stdio.h>

#include "measure/text.h"

struct tri_new_file {
  FILE *stream; // write here
  char *path, *temporary_path;
};

// Refuses a path that exists and is no regular file: a device must not be renamed over.
bool tri_new_file_begin(struct tri_new_file *file, const char *path, struct tri_error *error);

// Puts the file in place. On failure (a full disk shows up here) the temporary file is removed and the
// previous one stays.
bool tri_new_file_commit(struct tri_new_file *file, struct tri_error *error);

// Instead: removes the temporary file.
void tri_new_file_abandon(struct tri_new_file *file);

// The last line of a file that is not blank, cut to `size`, without its line end; "" when there is none.
void tri_last_line(const char *path, char *line, size_t size);

// Makes the folder with what is missing above it; good when it is there already.
bool tri_make_folder(const char *path, struct tri_error *error);

// Makes an empty folder "tricolor-<use>.…" in $TMPDIR, or in /tmp, that nobody else can enter. Its path,
// the caller's to free after tri_remove_folder; NULL with *error.
char *tri_temporary_folder(const char *use, struct tri_error *error);

// Removes a folder with all in it; follows no links.
void tri_remove_folder(const char *path);

#endif
