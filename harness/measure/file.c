#include "measure/file.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A path for mkstemp or mkdtemp, which replace the letters at its end by what makes it unique.
static char *path_template(const char *beginning) {
  enum { REPLACED = 6 };
  char letters[REPLACED + 1] = {0};
  memset(letters, 'X', REPLACED);
  return tri_format("%s.%s", beginning, letters);
}

static bool give_up(struct tri_new_file *file, int cause, struct tri_error *error) {
  tri_fail(error, "%s: cannot be written: %s", file->path, strerror(cause));
  free(file->path);
  free(file->temporary_path);
  return false;
}

bool tri_new_file_begin(struct tri_new_file *file, const char *path, struct tri_error *error) {
  struct stat present;
  if (stat(path, &present) == 0 && !S_ISREG(present.st_mode))
    return tri_fail(error, "%s: cannot be written: not a regular file", path);

  file->path = tri_format("%s", path);
  file->temporary_path = path_template(path);
  int descriptor = mkstemp(file->temporary_path);
  if (descriptor < 0) return give_up(file, errno, error);
  mode_t mask = umask(0); // mkstemp keeps others out; the finished file is as readable as any
  umask(mask);
  fchmod(descriptor, 0666 & ~mask);
  file->stream = tri_need(fdopen(descriptor, "w"));
  return true;
}

bool tri_new_file_commit(struct tri_new_file *file, struct tri_error *error) {
  bool written = fflush(file->stream) == 0 && !ferror(file->stream);
  int cause = errno;
  if (fclose(file->stream) != 0 && written) written = false, cause = errno;
  if (written && rename(file->temporary_path, file->path) != 0) written = false, cause = errno;
  if (!written) {
    unlink(file->temporary_path);
    return give_up(file, cause ? cause : EIO, error);
  }
  free(file->path);
  free(file->temporary_path);
  return true;
}

void tri_new_file_abandon(struct tri_new_file *file) {
  fclose(file->stream);
  unlink(file->temporary_path);
  free(file->path);
  free(file->temporary_path);
}

void tri_last_line(const char *path, char *line, size_t size) {
  char text[512];
  line[0] = '\0';
  FILE *file = fopen(path, "r");
  if (!file) return;
  while (fgets(text, sizeof text, file)) {
    text[strcspn(text, "\r\n")] = '\0';
    if (text[strspn(text, " \t")]) snprintf(line, size, "%s", text);
  }
  fclose(file);
}

// ---- Folders ----

bool tri_make_folder(const char *path, struct tri_error *error) {
  char *part = tri_format("%s", path);
  bool ok = true;
  for (char *at = part + 1; ok; at++) {
    if (*at != '/' && *at) continue;
    char end = *at;
    *at = 0;
    struct stat present;
    if (mkdir(part, 0777) != 0 && (errno != EEXIST || stat(part, &present) != 0))
      ok = tri_fail(error, "%s: the folder cannot be made: %s", part, strerror(errno));
    else if (stat(part, &present) == 0 && !S_ISDIR(present.st_mode))
      ok = tri_fail(error, "%s: the folder cannot be made: there is a file of that name", part);
    *at = end;
    if (!end) break;
  }
  free(part);
  return ok;
}

char *tri_temporary_folder(const char *use, struct tri_error *error) {
  const char *above = getenv("TMPDIR");
  char *beginning = tri_format("%s/tricolor-%s", above && *above ? above : "/tmp", use);
  char *path = path_template(beginning);
  free(beginning);
  if (mkdtemp(path)) return path;
  tri_fail(error, "%s: the folder cannot be made: %s", path, strerror(errno));
  free(path);
  return NULL;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *place) {
  (void)st, (void)kind, (void)place;
  return remove(path);
}

void tri_remove_folder(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); }
