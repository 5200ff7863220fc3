// The engine without an engine: a main that feeds files to LLVMFuzzerTestOneInput, so that any compiler
// builds the targets and ctest replays the corpus. Each argument is a file or a folder (its files, by name,
// not recursive). Text programs (.thp) are assembled first. Exit status 2 when a path cannot be read, or none
// has a program; a finding aborts, after the file's name was printed. With --blind it makes programs itself
// (blind.h); the files are its seed programs then.
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/blind.h"
#include "program/program.h"
#include "program/text.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What is done with each program; `path` is where it came from.
typedef void visit_fn(void *context, const char *path, const uint8_t *bytes, size_t size);

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

static bool visit_text(const char *path, const char *text, size_t size, visit_fn *visit, void *context) {
  struct tri_program program = {0};
  struct tri_text_error error;
  bool ok = tri_program_parse(&program, text, size, &error);
  if (ok) {
    size_t n = tri_program_encode(&program, NULL, 0);
    uint8_t *encoded = malloc(n + 1);
    tri_program_encode(&program, encoded, n);
    visit(context, path, encoded, n);
    free(encoded);
  } else {
    fprintf(stderr, "%s:%u:%u: %s\n", path, error.line, error.column, error.message);
  }
  tri_program_free(&program);
  return ok;
}

static bool visit_file(const char *path, visit_fn *visit, void *context) {
  size_t size;
  char *bytes = read_file(path, &size);
  if (!bytes) {
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return false;
  }
  bool ok = true;
  if (ends_with(path, ".thp"))
    ok = visit_text(path, bytes, size, visit, context);
  else
    visit(context, path, (const uint8_t *)bytes, size);
  free(bytes);
  return ok;
}

static bool visit_path(const char *path, visit_fn *visit, void *context) {
  struct stat st;
  if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) return visit_file(path, visit, context);
  struct dirent **entries;
  int n = scandir(path, &entries, NULL, alphasort);
  bool ok = n >= 0;
  for (int i = 0; i < n; i++) {
    char inner[4096];
    snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
    bool wanted = entries[i]->d_name[0] != '.' && !ends_with(inner, ".md");
    if (wanted && stat(inner, &st) == 0 && S_ISREG(st.st_mode)) ok = visit_file(inner, visit, context) && ok;
    free(entries[i]);
  }
  if (n >= 0) free(entries);
  return ok;
}

static void replay(void *context, const char *path, const uint8_t *bytes, size_t size) {
  size_t *replayed = context;
  printf("%s\n", path);
  fflush(stdout);
  LLVMFuzzerTestOneInput(bytes, size);
  ++*replayed;
}

static void add_seed(void *context, const char *path, const uint8_t *bytes, size_t size) {
  (void)path;
  tri_blind_add_seed(context, bytes, size);
}

// ---- The command line -----------------------------------------------------------------------------------------

static int usage(const char *name) {
  fprintf(stderr,
          "usage: %s FILE|FOLDER…                       runs these programs\n"
          "       %s --blind=bytes|generate|mutate …    makes programs without looking at coverage\n"
          "  --runs=N         how many (default 100000)\n"
          "  --seed=N         of the random choices (default 1)\n"
          "  --max-len=N      bytes of a program at most (default 512, up to 4096)\n"
          "  --artifact=FILE  where to leave the program that ended the process\n"
          "  FILE|FOLDER…     seed programs for --blind=mutate (default: one empty program)\n",
          name, name);
  return 2;
}

static bool number(const char *option, const char *word, uint64_t most, uint64_t *to) {
  char *end;
  *to = strtoull(word, &end, 10);
  if (*word >= '0' && *word <= '9' && !*end && *to <= most) return true;
  fprintf(stderr, "--%s=%s: right would be a number up to %llu\n", option, word, (unsigned long long)most);
  return false;
}

// False: bad usage, said already.
static bool parse(int argc, char **argv, struct tri_blind *blind, bool *is_blind) {
  static const struct option options[] = {
      {"blind", required_argument, 0, 'b'},   {"runs", required_argument, 0, 'r'},
      {"seed", required_argument, 0, 's'},    {"max-len", required_argument, 0, 'l'},
      {"artifact", required_argument, 0, 'a'}, {0}};
  uint64_t value;
  for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    switch (c) {
    case 'b':
      *is_blind = true;
      for (blind->kind = 0; blind->kind < TRI_BLIND_KINDS; blind->kind++)
        if (strcmp(optarg, tri_blind_names[blind->kind]) == 0) break;
      if (blind->kind < TRI_BLIND_KINDS) break;
      fprintf(stderr, "--blind=%s: right would be bytes, generate or mutate\n", optarg);
      return false;
    case 'r':
      if (!number("runs", optarg, UINT64_MAX, &blind->runs)) return false;
      break;
    case 's':
      if (!number("seed", optarg, UINT64_MAX, &blind->seed)) return false;
      break;
    case 'l':
      if (!number("max-len", optarg, TRI_BLIND_MAX_LEN, &value)) return false;
      blind->max_len = value ? value : 1;
      break;
    case 'a': blind->artifact = optarg; break;
    default: return usage(argv[0]), false;
    }
  }
  return *is_blind || optind < argc || (usage(argv[0]), false);
}

int main(int argc, char **argv) {
  struct tri_blind blind = {.runs = 100000, .seed = 1, .max_len = 512};
  bool is_blind = false, ok = true;
  if (!parse(argc, argv, &blind, &is_blind)) return 2;
  LLVMFuzzerInitialize(&argc, &argv);
  size_t replayed = 0;
  for (int i = optind; i < argc; i++)
    ok = (is_blind ? visit_path(argv[i], add_seed, &blind) : visit_path(argv[i], replay, &replayed)) && ok;
  if (!is_blind) printf("%zu programs replayed\n", replayed);
  if (!ok) return 2;
  if (!is_blind && replayed == 0) return fputs("there is no program in these folders\n", stderr), 2;
  if (!is_blind || tri_blind_run(&blind)) return 0;
  fputs("out of memory\n", stderr);
  return 3;
}
