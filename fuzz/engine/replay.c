// The engine without an engine: a main that feeds files to LLVMFuzzerTestOneInput, so that any compiler builds the
// targets and ctest replays the corpus. Each argument is a file or a folder (its files, by name, not recursive).
// Text programs (.thp) are assembled first. Exit status 2 when a path cannot be read; a finding aborts, after the
// file's name was printed.
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "program/program.h"
#include "program/text.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t replayed;

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), k = strlen(end);
  return n >= k && strcmp(text + n - k, end) == 0;
}

static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  char *bytes = malloc(1);
  size_t room = 1;
  *size = 0;
  for (size_t n; bytes && (n = fread(bytes + *size, 1, room - *size, file)) > 0;) {
    *size += n;
    if (*size == room) bytes = realloc(bytes, room *= 2);
  }
  fclose(file);
  return bytes;
}

static bool replay_file(const char *path) {
  size_t size;
  char *bytes = read_file(path, &size);
  if (!bytes) {
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return false;
  }
  printf("%s\n", path);
  fflush(stdout);
  bool ok = true;
  if (ends_with(path, ".thp")) {
    struct tri_program program = {0};
    struct tri_text_error error;
    ok = tri_program_parse(&program, bytes, size, &error);
    if (ok) {
      size_t n = tri_program_encode(&program, NULL, 0);
      uint8_t *encoded = malloc(n + 1);
      tri_program_encode(&program, encoded, n);
      LLVMFuzzerTestOneInput(encoded, n);
      free(encoded);
    } else {
      fprintf(stderr, "%s:%u:%u: %s\n", path, error.line, error.column, error.message);
    }
    tri_program_free(&program);
  } else {
    LLVMFuzzerTestOneInput((const uint8_t *)bytes, size);
  }
  free(bytes);
  replayed++;
  return ok;
}

static bool replay(const char *path) {
  struct stat st;
  if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    bool ok = n >= 0;
    for (int i = 0; i < n; i++) {
      char inner[4096];
      snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
      if (entries[i]->d_name[0] != '.' && !ends_with(inner, ".md") && stat(inner, &st) == 0 && S_ISREG(st.st_mode)) ok = replay_file(inner) && ok;
      free(entries[i]);
    }
    if (n >= 0) free(entries);
    return ok;
  }
  return replay_file(path);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s FILE|FOLDER…\n", argv[0]);
    return 2;
  }
  LLVMFuzzerInitialize(&argc, &argv);
  bool ok = true;
  for (int i = 1; i < argc; i++) ok = replay(argv[i]) && ok;
  printf("%zu programs replayed\n", replayed);
  return ok ? 0 : 2;
}
