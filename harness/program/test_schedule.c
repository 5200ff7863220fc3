// Programs with a schedule: test_schedule [seed] | T1 | T2 | D1 | D2.
//
// Decisions and policies have the effect that they should have, runs repeat exactly, whoever stops the world
// gets all to stop, a run that is stuck is told from one that is not (T1), and so is one that ends the process
// (T2) and one that does not repeat (D1).
#include "common/schedule.h"
#include "program/checked.h"
#include "program/parsed_program.h"
#include "program/random_program.h"
#include "shims/fault.h"
#include "tricolor/registry.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 25, SEEDS = 12, MAX_STEPS = 1000 };

static struct tri_run_result run(const struct tri_program *program, const struct tri_collector *collector,
                                 struct tri_check_summary *summary) {
  struct tri_run_result result;
  struct tri_run_params params = {.collector = collector, .max_steps = MAX_STEPS};
  tri_program_run_checked(program, &params, TRI_CHECK_GC, summary, &result);
  if (result.status == TRI_RUN_OK) tri_program_repeats(program, &params, TRI_CHECK_GC, summary, &result);
  if (result.message[0]) printf("%s: %s\n", collector->name, result.message);
  if (result.status == TRI_RUN_FINDING) tri_program_print(program, stdout);
  return result;
}

static struct tri_run_result run_text(const char *text, const struct tri_collector *collector,
                                      struct tri_check_summary *summary) {
  struct tri_program program = parsed_program(text);
  struct tri_run_result result = run(&program, collector, summary);
  tri_program_free(&program);
  TRI_CHECK_EQ(result.status, TRI_RUN_OK);
  return result;
}

// One decision moves a whole stream to another place.
static void test_decision(const struct tri_collector *c) {
  static const char in_order[] = "r0 = alloc leaf bytes=8\n"
                                 "g1 = r0\n"
                                 "mutator m1\n"
                                 "r0 = alloc refs n=1\n"
                                 "g1 = r0\n";
  static const char preempted[] = "r0 = alloc leaf bytes=8\n"
                                  "yield a1 n=0\n"
                                  "g1 = r0\n"
                                  "mutator m1\n"
                                  "r0 = alloc refs n=1\n"
                                  "g1 = r0\n";
  static const char moved[] = "r0 = alloc leaf bytes=8\n"
                              "mutator m1\n"
                              "r0 = alloc refs n=1\n"
                              "g1 = r0\n"
                              "mutator m0\n"
                              "g1 = r0\n";
  struct tri_run_result a = run_text(in_order, c, NULL), b = run_text(preempted, c, NULL), d = run_text(moved, c, NULL);
  TRI_CHECK(a.graph_hash != d.graph_hash);
  TRI_CHECK_EQ(b.graph_hash, d.graph_hash);
  TRI_CHECK_EQ(b.preemptions, 1);
  TRI_CHECK_EQ(a.preemptions, 0);
}

// The other mutator is within its stream, far from a park, when the world is to stop: here, and at a `verify`.
static void test_rendezvous(const struct tri_collector *c) {
  static const char text[] = "r0 = alloc refs n=2\n"
                             "g1 = r0\n"
                             "mutator m1\n"
                             "r1 = g1\n"
                             "yield a0 n=1\n"
                             "r2 = ld r1[0]\n"
                             "r3 = ld r1[1]\n"
                             "r4 = alloc pair r1 r1\n"
                             "yield a2 n=2\n"
                             "st r1[0] = r4\n"
                             "check r1\n"
                             "loop back=2 times=9\n"
                             "mutator m0\n"
                             "gc full\n"
                             "verify\n"
                             "r2 = alloc refs n=1\n"
                             "mutator m2\n"
                             "r1 = g1\n"
                             "gc full\n";
  struct tri_check_summary summary = {0}, without = {0};
  TRI_CHECK_LE(2, run_text(text, c, &summary).preemptions);
  char *quiet = strdup(text);
  *strstr(quiet, "verify") = '#';
  run_text(quiet, c, &without);
  free(quiet);
  TRI_CHECK_LE(without.passes + 2, summary.passes); // the run and its repetition: nobody was in the way
}

// Who stops the world sees how many operations another one did before it polled.
static void test_polls(const struct tri_collector *c) {
  if (!(c->caps.flags & TRI_CAP_RECLAIMS)) return; // its collections stop nobody
  static const char body[] = "r0 = alloc refs n=6\n"
                             "g0 = r0\n"
                             "yield a1 n=0\n"
                             "st r0[0] = r0\n"
                             "st r0[1] = r0\n"
                             "st r0[2] = r0\n"
                             "st r0[3] = r0\n"
                             "st r0[4] = r0\n"
                             "mutator m1\n"
                             "r0 = alloc refs n=6\n"
                             "r1 = g0\n"
                             "gc full\n"
                             "copy r0[0] = r1[0] n=6\n";
  enum { MOST = 6 };
  uint64_t hash[MOST];
  uint64_t plain = run_text(body, c, NULL).graph_hash;
  for (unsigned every = 0; every < MOST; every++) {
    char text[sizeof body + 100];
    snprintf(text, sizeof text, "poll every=%u\n%s", every, body);
    hash[every] = run_text(text, c, NULL).graph_hash;
    if (every < 2) TRI_CHECK_EQ(hash[every], plain);
    for (unsigned k = 1; k < every; k++) TRI_CHECK(hash[k] != hash[every]);
  }
}

static void test_policies(const struct tri_collector *c) {
  static const char body[] = "r0 = alloc refs n=4\n"
                             "g0 = r0\n"
                             "mutator m1\n"
                             "r0 = alloc leaf bytes=24\n"
                             "r1 = g0\n"
                             "st r1[1] = r0\n"
                             "r2 = ld r1[2]\n"
                             "loop back=4 times=20\n"
                             "send m2 r0\n"
                             "mutator m2\n"
                             "r0 = receive\n"
                             "r1 = g0\n"
                             "r2 = hide r1[1]\n"
                             "check r2\n"
                             "gc minor\n"
                             "loop back=4 times=5\n"
                             "mutator m0\n"
                             "r1 = alloc pair r0 r1\n"
                             "st r0[2] = r1\n"
                             "gc full\n"
                             "loop back=3 times=6\n"
                             "verify\n";
  static const char *const policies[] = {"block", "random", "pct", "robin"};
  for (unsigned policy = 0; policy < 4; policy++) {
    uint64_t hash[SEEDS];
    unsigned different = 0;
    bool preempted = false;
    for (unsigned seed = 0; seed < SEEDS; seed++) {
      char text[sizeof body + 100];
      snprintf(text, sizeof text, "policy %s seed=%u\n%s", policies[policy], 37 * seed, body);
      struct tri_run_result result = run_text(text, c, NULL);
      hash[seed] = result.event_hash;
      preempted |= result.preemptions > 0;
      unsigned k = 0;
      while (hash[k] != hash[seed]) k++;
      different += k == seed;
    }
    TRI_CHECK_EQ(preempted, policy != 0);
    if (policy == 0) TRI_CHECK_EQ(different, 1);
    else TRI_CHECK_LE(policy == 3 ? 4u : SEEDS - 2u, different); // robin knows eight quanta, and nothing else
  }
}

// Any operation, none that fills large heaps: the oracle looks at every slot.
static struct tri_op some_op(struct tri_random *random) {
  struct tri_op op = random_op(random);
  switch ((enum tri_op_code)op.code) {
  case TRI_OP_EXACT:
  case TRI_OP_LARGE:
  case TRI_OP_OOM:
  case TRI_OP_HEAP: return (struct tri_op){TRI_OP_PAIR, {op.operand[0] % TRI_REGISTERS}};
  default: return op;
  }
}

// Turns on one actor, and fibers that hand over to each other: the same outcome.
static void test_turns(const struct tri_collector *c, struct tri_random *random) {
  struct tri_program turns = {0}, fibers = {0};
  static const struct tri_op block = {TRI_OP_POLICY, {TRI_POLICY_BLOCK, 0}};
  TRI_CHECK(tri_program_append(&fibers, &block));
  for (unsigned i = 0, n = 20 + (unsigned)tri_random_below(random, 100); i < n; i++) {
    struct tri_op op = some_op(random);
    // FAIL counts requests for memory, and actors are some.
    if (op.code == TRI_OP_YIELD || op.code == TRI_OP_POLICY || op.code == TRI_OP_FAIL) op.code = TRI_OP_DROP;
    if (op.code == TRI_OP_DROP) op = (struct tri_op){TRI_OP_MUTATOR, {(uint32_t)tri_random_below(random, TRI_MUTATORS)}};
    TRI_CHECK(tri_program_append(&turns, &op) && tri_program_append(&fibers, &op));
  }
  struct tri_run_result a = run(&turns, c, NULL), b = run(&fibers, c, NULL);
  TRI_CHECK(a.status != TRI_RUN_FINDING && b.status != TRI_RUN_FINDING);
  TRI_CHECK_EQ(b.preemptions, 0);
  if (!a.collector_dependent && !b.collector_dependent) {
    TRI_CHECK_EQ(a.steps + 1, b.steps);
    TRI_CHECK_EQ(a.allocations, b.allocations);
    TRI_CHECK_EQ(a.graph_hash, b.graph_hash);
  }
  tri_program_free(&turns);
  tri_program_free(&fibers);
}

// Any bytes, scheduled: each run ends and repeats.
static void test_bytes(const struct tri_collector *c, struct tri_random *random) {
  struct tri_program program = {0};
  for (unsigned i = 0, n = 20 + (unsigned)tri_random_below(random, 100); i < n; i++) {
    struct tri_op op = some_op(random);
    if (tri_random_below(random, 8) == 0)
      op = (struct tri_op){TRI_OP_MUTATOR, {(uint32_t)tri_random_below(random, TRI_MUTATORS)}};
    if (i == 0 || tri_random_below(random, 16) == 0)
      op = (struct tri_op){TRI_OP_POLICY, {(uint32_t)tri_random_below(random, TRI_POLICIES), (uint32_t)i}};
    TRI_CHECK(tri_program_append(&program, &op));
  }
  TRI_CHECK(run(&program, c, NULL).status != TRI_RUN_FINDING);
  tri_program_free(&program);
}

static struct tri_run_result run_fault(const char *text, const struct tri_collector *c, const char *fault) {
  struct tri_fault_record record;
  char error[2000] = "";
  struct tri_program program = parsed_program(text);
  const struct tri_collector *faulty = tri_fault_wrap(&record, c, fault, error, sizeof error);
  TRI_CHECK_STR(error, "");
  struct tri_check_summary summary = {0};
  struct tri_run_result result = run(&program, faulty, &summary);
  tri_program_free(&program);
  return result;
}

static const char one[] = "r0 = alloc pair r0 r0\ngc full\nloop back=1 times=20\nr1 = alloc pair r0 r0\n";
static const char several[] = "policy robin seed=0\nr0 = alloc pair r0 r0\ngc full\nloop back=1 times=20\nmutator m1\nr0 = alloc pair r0 r0\n"
                              "r0 = ld r0[0]\nloop back=2 times=99\n";

static void test_row(const char *id, const struct tri_collector *c) {
  bool stuck = strcmp(id, "T1") == 0;
  const struct tri_invariant *row = tri_invariant_find(id);
  if (row->without & c->caps.flags) return;
  if (!stuck && !(c->caps.flags & TRI_CAP_RECLAIMS)) return; // its collections do nothing anyway
  run_text(one, c, NULL); // clean without the fault
  run_text(several, c, NULL);
  for (unsigned i = 0; i < 2; i++) {
    if (i && stuck && c->caps.max_heaps == 1) return; // a heap that is stuck is never destroyed
    const char *text = i ? several : one;
    struct tri_run_result result = run_fault(text, c, stuck ? "stall" : "fickle");
    TRI_CHECK_EQ(result.status, TRI_RUN_FINDING);
    TRI_CHECK_STR(result.invariant, id);
  }
}

_Noreturn static void dying(void *context, const struct tri_run_result *result) {
  (void)context;
  printf("%s\n", result->message);
  bool told = strcmp(result->invariant, "T2") == 0 && strstr(result->message, "operation 2 (gc full): T2 ");
  fflush(stdout);
  _exit(told ? 1 : 2);
}

// The collector faults, or its stack overflows, in a process of its own.
static void test_dying(const struct tri_collector *c, const char *fault) {
  run_text(one, c, NULL);
  fflush(stdout);
  pid_t pid = fork();
  TRI_CHECK(pid >= 0);
  if (pid == 0) {
    struct tri_program program = parsed_program(one);
    struct tri_fault_record record;
    char error[1] = "";
    struct tri_run_watch watch = {.dying = dying};
    struct tri_run_params params = {.watch = &watch};
    params.collector = tri_fault_wrap(&record, c, fault, error, sizeof error);
    struct tri_run_result result;
    tri_program_run_checked(&program, &params, TRI_CHECK_GC, NULL, &result);
    _exit(0);
  }
  int status;
  TRI_CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
  TRI_CHECK_EQ(WEXITSTATUS(status), 1);
}

// All collectors agree, but for the one with a fault that no other row sees: for one set of claims, and for all.
static void test_outcome(const struct tri_collector *c) {
#define PLAIN "r0 = alloc leaf bytes=8\nr1 = alloc pair r0 r0\n"
  static const char *const texts[] = {PLAIN, PLAIN "r2 = alloc weak r1\nr3 = alloc ephemeron r0 r1\n"};
  static struct tri_outcomes outcomes[2];
  for (unsigned i = 0; i < 2; i++) {
    struct tri_run_result good = run_text(texts[i], c, NULL), bad = run_fault(texts[i], c, "scribble");
    TRI_CHECK_EQ(good.collector_dependent, false);
    TRI_CHECK_EQ(good.capability_dependent, i == 1);
    TRI_CHECK(tri_program_agrees(&outcomes[i], c, NULL, &good));
    TRI_CHECK_EQ(bad.status, TRI_RUN_OK);
    TRI_CHECK(!tri_program_agrees(&outcomes[i], c, NULL, &bad));
    printf("%s: %s\n", c->name, bad.message);
    TRI_CHECK_EQ(bad.status, TRI_RUN_FINDING);
    TRI_CHECK_STR(bad.invariant, "D2");
  }
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  bool row = argc > 1 && tri_invariant_find(argv[1]);
  uint64_t seed = argc > 1 && !row ? strtoull(argv[1], NULL, 0) : 2; // the fuzzers look elsewhere
  if (!row) printf("seed %" PRIu64 "\n", seed);
  for (const struct tri_collector *const *c = tri_collectors; *c; c++) {
    struct tri_random random = {seed};
    if (row) {
      if (strcmp(argv[1], "D2") == 0) {
        test_outcome(*c);
      } else if (strcmp(argv[1], "T2") == 0) {
        test_dying(*c, "trap");
        test_dying(*c, "recurse");
      } else {
        test_row(argv[1], *c);
      }
      continue;
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
      test_turns(*c, &random);
      test_bytes(*c, &random);
    }
    if (!((*c)->caps.flags & TRI_CAP_MULTI_MUTATOR)) continue;
    test_decision(*c);
    test_rendezvous(*c);
    test_polls(*c);
    test_policies(*c);
  }
  return 0;
}
