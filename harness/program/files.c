#include "program/files.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "measure/file.h"
#include "program/text.h"

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), k = strlen(end);
  return n >= k && strcmp(text + n - k, end) == 0;
}

// Text has no control bytes but blanks, and bytes from 0x80 on only in comments. A program in bytes that does
// anything has such a byte to start an operation.
static bool looks_like_text(const uint8_t *bytes, size_t size) {
  bool comment = false;
  for (size_t i = 0; i < size; i++) {
    if (bytes[i] == '\n') comment = false;
    else if (bytes[i] == '#') comment = true;
    else if (bytes[i] < ' ' && bytes[i] != '\t' && bytes[i] != '\r') return false;
    else if (bytes[i] >= 0x7f && !comment) return false;
  }
  return true;
}

static bool read_all(FILE *file, uint8_t **bytes, size_t *size) {
  size_t room = 0;
  *bytes = NULL;
  *size = 0;
  do {
    if (*size == room) *bytes = tri_need(realloc(*bytes, room = room ? 2 * room : 4096));
    *size += fread(*bytes + *size, 1, room - *size, file);
  } while (!feof(file) && !ferror(file));
  return !ferror(file);
}

bool tri_program_is_text(const char *path) { return ends_with(path, ".thp"); }

bool tri_program_read(const char *path, struct tri_program *program, struct tri_error *error) {
  bool standard = strcmp(path, "-") == 0;
  const char *name = standard ? "standard input" : path;
  FILE *file = standard ? stdin : fopen(path, "rb");
  if (!file) return tri_fail(error, "cannot open %s: %s", name, strerror(errno));
  uint8_t *bytes;
  size_t size;
  bool ok = read_all(file, &bytes, &size);
  if (!ok) tri_fail(error, "cannot read %s: %s", name, strerror(errno));
  if (!standard) fclose(file);
  if (ok && !ends_with(path, ".bin") && (tri_program_is_text(path) || looks_like_text(bytes, size))) {
    struct tri_text_error wrong;
    ok = tri_program_parse(program, (const char *)bytes, size, &wrong);
    if (!ok) tri_fail(error, "%s:%u:%u: %s", name, wrong.line, wrong.column, wrong.message);
  } else if (ok) {
    ok = tri_program_decode(program, bytes, size);
    if (!ok) tri_fail(error, "%s: out of memory", name);
  }
  free(bytes);
  return ok;
}

static bool print(const struct tri_program *program, bool text, const char *comment, FILE *out) {
  if (text) return (!comment || fputs(comment, out) >= 0) && tri_program_print(program, out);
  size_t size = tri_program_encode(program, NULL, 0);
  uint8_t *bytes = tri_need(malloc(size + 1));
  tri_program_encode(program, bytes, size);
  bool ok = fwrite(bytes, 1, size, out) == size;
  free(bytes);
  return ok;
}

bool tri_program_write(const struct tri_program *program, const char *path, bool text, const char *comment,
                       struct tri_error *error) {
  if (!path)
    return (print(program, text, comment, stdout) && fflush(stdout) == 0) ||
           tri_fail(error, "the standard output cannot be written: %s", strerror(errno));
  struct tri_new_file file;
  if (!tri_new_file_begin(&file, path, error)) return false;
  print(program, text, comment, file.stream); // a failed write shows up at the commit
  return tri_new_file_commit(&file, error);
}

static void add(struct tri_paths *paths, char *path) {
  paths->paths = tri_room_for_one(paths->paths, paths->count, sizeof *paths->paths);
  paths->paths[paths->count++] = path;
}

static int is_program(const struct dirent *entry) {
  return entry->d_name[0] != '.' && !ends_with(entry->d_name, ".md") && !ends_with(entry->d_name, ".txt");
}

static bool find(const char *argument, struct tri_paths *paths, struct tri_error *error) {
  struct stat status = {0};
  if (strcmp(argument, "-") != 0 && stat(argument, &status) != 0)
    return tri_fail(error, "cannot open %s: %s", argument, strerror(errno));
  if (!S_ISDIR(status.st_mode)) return add(paths, tri_need(strdup(argument))), true;
  struct dirent **entries;
  int n = scandir(argument, &entries, is_program, alphasort);
  if (n < 0) return tri_fail(error, "cannot read %s: %s", argument, strerror(errno));
  bool ok = true;
  for (int i = 0; i < n; i++) {
    char *path = tri_format("%s%s%s", argument, ends_with(argument, "/") ? "" : "/", entries[i]->d_name);
    ok = ok && find(path, paths, error);
    free(path);
    free(entries[i]);
  }
  free(entries);
  return ok;
}

bool tri_program_files(const char *argument, struct tri_paths *paths, struct tri_error *error) {
  size_t before = paths->count;
  if (!find(argument, paths, error)) return false;
  return paths->count > before || tri_fail(error, "%s: there is no program in this folder", argument);
}

void tri_paths_free(struct tri_paths *paths) {
  for (size_t i = 0; i < paths->count; i++) free(paths->paths[i]);
  free(paths->paths);
  *paths = (struct tri_paths){0};
}

char *tri_replay_command(const char *collector, const char *check, const char *fault, const char *options,
                         uint64_t steps, const char *path) {
  char *on = tri_format("--collector=%s", collector), *planted = tri_format("--fault=%s", fault ? fault : "");
  char *checked = tri_format("--check=%s", check ? check : "");
  char *limit = tri_format("--steps=%" PRIu64, steps);
  const char *words[10] = {"tricolor", "replay", on};
  size_t n = 3;
  if (check) words[n++] = checked;
  if (fault) words[n++] = planted;
  if (steps) words[n++] = limit;
  if (options) words[n++] = "-o", words[n++] = options;
  words[n] = path;
  char *command = tri_shell_command(words);
  free(on), free(checked), free(planted), free(limit);
  return command;
}
