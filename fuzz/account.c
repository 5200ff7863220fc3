#include "account.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct {
  const char *name, *doc;
} phases[] = {
#define TRI_FUZZ_PHASE(symbol, name, doc) {name, doc},
    TRI_FUZZ_PHASES_TABLE
#undef TRI_FUZZ_PHASE
};

const char *tri_fuzz_phase_name(enum tri_fuzz_phase phase) { return phases[phase].name; }
const char *tri_fuzz_phase_doc(enum tri_fuzz_phase phase) { return phases[phase].doc; }

static struct tri_fuzz_account *map(const char *path, int flags) {
  int file = open(path, O_RDWR | O_CLOEXEC | flags, 0666);
  if (file < 0) return NULL;
  struct tri_fuzz_account *account = NULL;
  if (ftruncate(file, sizeof *account) == 0) {
    void *memory = mmap(NULL, sizeof *account, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) account = memory;
  }
  int cause = errno;
  close(file);
  errno = cause;
  return account;
}

struct tri_fuzz_account *tri_fuzz_account_open(void) {
  static struct tri_fuzz_account own = {.size = sizeof own};
  const char *path = getenv("FUZZ_ACCOUNT");
  if (!path || !*path) return &own;
  struct tri_fuzz_account *account = map(path, 0);
  if (!account || account->size != sizeof *account) {
    fprintf(stderr, "FUZZ_ACCOUNT=%s: %s\n", path,
            account ? "made by another version: right would be `tricolor fuzz` and this target of one build"
                    : strerror(errno));
    exit(3);
  }
  return account;
}

void tri_fuzz_account_find(struct tri_fuzz_account *account, const char *invariant, const char *message) {
  if (account->found) return;
  account->found_executions = account->executions;
  account->found_operations = account->operations;
  snprintf(account->invariant, sizeof account->invariant, "%s", invariant);
  snprintf(account->message, sizeof account->message, "%s", message);
  __atomic_store_n(&account->found, 1, __ATOMIC_RELEASE);
}

struct tri_fuzz_account *tri_fuzz_account_create(const char *path) {
  struct tri_fuzz_account *account = map(path, O_CREAT | O_TRUNC);
  if (account) account->size = sizeof *account;
  return account;
}

void tri_fuzz_account_close(struct tri_fuzz_account *account) {
  if (account) munmap(account, sizeof *account);
}

void tri_fuzz_account_print(FILE *out, const struct tri_fuzz_account *account) {
  fprintf(out,
          "tricolor-stats executions=%" PRIu64 " operations=%" PRIu64 " effective=%" PRIu64 " collections=%" PRIu64
          " refused=%" PRIu64,
          account->executions, account->operations, account->effective, account->collections, account->refused);
  for (int i = 0; i < TRI_FUZZ_PHASES; i++) fprintf(out, " reached-%s=%" PRIu64, phases[i].name, account->reached[i]);
  fputc('\n', out);
}
