#include "engine/blind.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/random.h"
#include "generate.h"
#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const char *const tri_blind_names[TRI_BLIND_KINDS] = {"bytes", "generate", "mutate"};

enum {
  LONGEST_GENERATED = 160, // operations
  GENERATED_BYTES = 4 * TRI_BLIND_MAX_LEN,
  POOL = 512,       // programs
  KEEP_ONE_IN = 8,  // mutants
  CROSS_ONE_IN = 6, // mutants
};

struct pooled {
  size_t size;
  uint8_t bytes[TRI_BLIND_MAX_LEN];
};

static struct pooled *pool;
static size_t pooled;

static bool need_pool(void) { return pool || (pool = malloc(POOL * sizeof *pool)); }

static void put(size_t at, const uint8_t *bytes, size_t size) {
  pool[at].size = size;
  if (size) memcpy(pool[at].bytes, bytes, size); // the empty program may have no bytes
}

void tri_blind_add_seed(const struct tri_blind *blind, const uint8_t *bytes, size_t size) {
  if (!need_pool() || pooled == POOL) return;
  put(pooled++, bytes, size < blind->max_len ? size : blind->max_len);
}

// ---- The program that is running ------------------------------------------------------------------------------

static uint8_t program[GENERATED_BYTES];
static size_t program_size;
static const char *artifact;

// Whatever ends the process: the program is left behind. Only calls that a signal handler may make.
static void dying(int number) {
  int file = open(artifact, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (file >= 0 && write(file, program, program_size) == (ssize_t)program_size) close(file);
  signal(number, SIG_DFL);
  raise(number);
}

static void leave_artifact_at(const char *path) {
  static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGXCPU};
  artifact = path;
  for (size_t i = 0; path && i < sizeof signals / sizeof *signals; i++)
    sigaction(signals[i], &(struct sigaction){.sa_handler = dying, .sa_flags = SA_NODEFER}, NULL);
}

// ---- Making one -----------------------------------------------------------------------------------------------

static bool make_bytes(const struct tri_blind *blind, struct tri_random *random) {
  program_size = 1 + tri_random_below(random, blind->max_len);
  for (size_t i = 0; i < program_size; i++) program[i] = (uint8_t)tri_random_next(random);
  return true;
}

static bool make_generated(const struct tri_blind *blind, struct tri_random *random) {
  (void)blind;
  struct tri_program generated = {0};
  size_t ops = 1 + tri_random_below(random, LONGEST_GENERATED);
  bool ok = tri_generate(&generated, ops, tri_random_next(random));
  size_t size = tri_program_encode(&generated, program, sizeof program);
  program_size = size <= sizeof program ? size : 0; // never: see GENERATED_BYTES
  tri_program_free(&generated);
  return ok;
}

static bool make_mutant(const struct tri_blind *blind, struct tri_random *random) {
  const struct pooled *parent = &pool[tri_random_below(random, pooled)];
  if (tri_random_below(random, CROSS_ONE_IN) == 0) {
    const struct pooled *other = &pool[tri_random_below(random, pooled)];
    program_size = tri_crossover(program, blind->max_len, parent->bytes, parent->size, other->bytes, other->size,
                                 tri_random_next(random));
  } else {
    memcpy(program, parent->bytes, parent->size);
    program_size = tri_mutate(program, parent->size, blind->max_len, tri_random_next(random));
  }
  if (tri_random_below(random, KEEP_ONE_IN) == 0)
    put(pooled < POOL ? pooled++ : tri_random_below(random, POOL), program, program_size);
  return true;
}

bool tri_blind_run(const struct tri_blind *blind) {
  static bool (*const makers[TRI_BLIND_KINDS])(const struct tri_blind *, struct tri_random *) = {
      make_bytes, make_generated, make_mutant};
  struct tri_random random = {blind->seed};
  if (!need_pool()) return false;
  if (pooled == 0) put(pooled++, NULL, 0);
  leave_artifact_at(blind->artifact);
  for (uint64_t i = 0; i < blind->runs; i++) {
    if (!makers[blind->kind](blind, &random)) return false;
    LLVMFuzzerTestOneInput(program, program_size);
  }
  return true;
}
