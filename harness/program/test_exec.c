// Every byte string runs on every collector, each run repeats exactly, and all collectors agree: test_exec [seed].
#include "program/exec.h"
#include "program/payload.h"
#include "program/parsed_program.h"
#include "program/random_program.h"
#include "tricolor/registry.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 150, MAX_BYTES = 600, MAX_STEPS = 1000 };

// A collector that goes by a clock repeats only by one of work: threads have no other that does.
static const char *repeatably(const struct tri_collector *collector) {
  for (size_t i = 0; i < collector->n_options; i++)
    if (strcmp(collector->options[i].name, "clock") == 0) return "clock=work";
  return NULL;
}

static struct tri_run_result run(const struct tri_program *program, const struct tri_collector *collector) {
  struct tri_run_result result;
  struct tri_run_params params = {
      .collector = collector, .max_steps = MAX_STEPS, .options = repeatably(collector)};
  tri_program_run(program, &params, &result);
  if (result.message[0]) printf("%s: %s\n", collector->name, result.message);
  TRI_CHECK(result.status == TRI_RUN_OK || result.status == TRI_RUN_NO_HEAP);
  return result;
}

static struct tri_run_result run_text(const char *text, const struct tri_collector *collector) {
  struct tri_program program = parsed_program(text);
  struct tri_run_result result = run(&program, collector);
  tri_program_free(&program);
  return result;
}

static void test_agreement(const struct tri_program *program) {
  struct tri_run_result first[TRI_OUTCOME_CLASSES] = {0};
  for (const struct tri_collector *const *c = tri_collectors; *c; c++) {
    struct tri_run_result result = run(program, *c), again = run(program, *c);
    // What a conservative collector retains, and so when it runs out of memory, may differ from run to run.
    if ((*c)->caps.flags & TRI_CAP_CONSERVATIVE && (result.collector_dependent || again.collector_dependent)) continue;
    TRI_CHECK_EQ(result.graph_hash, again.graph_hash);
    TRI_CHECK_EQ(result.steps, again.steps);
    TRI_CHECK_EQ(result.effective, again.effective);
    if (!((*c)->caps.flags & TRI_CAP_CONSERVATIVE)) TRI_CHECK_EQ(result.collections, again.collections);
    TRI_CHECK_EQ(result.out_of_memory, again.out_of_memory);
    int class = tri_outcome_class(&result, *c);
    if (class < 0) continue;
    if (!first[class].hashed) first[class] = result;
    if (first[class].graph_hash != result.graph_hash) printf("%s differs\n", (*c)->name);
    TRI_CHECK_EQ(first[class].graph_hash, result.graph_hash);
    TRI_CHECK_EQ(first[class].shape_hash, result.shape_hash);
    TRI_CHECK_EQ(first[class].objects, result.objects);
    TRI_CHECK_EQ(first[class].allocations, result.allocations);
  }
}

static void test_random_bytes(struct tri_random *random) {
  uint8_t bytes[MAX_BYTES];
  size_t size = tri_random_below(random, sizeof bytes + 1);
  for (size_t i = 0; i < size; i++) {
    uint64_t drawn = tri_random_next(random);
    bytes[i] = drawn >> 8 & 3 ? drawn & 0x7f : drawn & 0xff; // a quarter may start operations
    if (drawn >> 16 & 1) bytes[i] &= 0x8f;                   // half of the operands are small
  }
  struct tri_program program = {0};
  TRI_CHECK(tri_program_decode(&program, bytes, size));
  test_agreement(&program);
  tri_program_free(&program);
}

// What single operations do, seen in the outcome.
static void test_meaning(const struct tri_collector *c) {
  struct tri_run_result r = run_text("r0 = alloc leaf bytes=8\nr1 = alloc pair r0 r0\n", c);
  TRI_CHECK_EQ(r.objects, 2);
  TRI_CHECK_EQ(r.allocations, 2);
  TRI_CHECK_EQ(r.effective, 2);
  TRI_CHECK(!r.collector_dependent);
  // Nearest live register, null values, no-ops.
  r = run_text("st r3[0] = r0\nr5 = alloc refs n=1\nst r6[7] = r2\nr5 = ld r0[3]\n", c);
  TRI_CHECK_EQ(r.objects, 1);
  TRI_CHECK_EQ(r.effective, 3);
  // Loops: 1 + 5 times, nested 1 + 2 times; bounded by the budget.
  TRI_CHECK_EQ(run_text("r0 = alloc leaf bytes=8\nloop back=1 times=5\n", c).allocations, 6);
  TRI_CHECK_EQ(run_text("r0 = alloc leaf bytes=8\nloop back=1 times=5\nloop back=2 times=2\n", c).allocations, 18);
  r = run_text("r0 = alloc leaf bytes=8\n"
               "loop back=1 times=127\nloop back=2 times=127\nloop back=3 times=127\nr1 = alloc pair r0 r0\n",
               c);
  TRI_CHECK_LE(r.allocations, 1 + MAX_STEPS + 1); // starting an inner loop costs a step too
  TRI_CHECK_GE(r.allocations, MAX_STEPS * 9 / 10);
  // Loops of nothing but loops: rounds of the innermost are free, all others are starts and cost.
  r = run_text("r0 = null\nloop back=1 times=0\nloop back=1 times=127\nloop back=2 times=127\nloop back=3 times=127\n"
               "loop back=4 times=127\n",
               c);
  TRI_CHECK_LE(r.steps, (MAX_STEPS + 8) * 130);
  // Frames: registers are fresh, the argument and the result are handed over.
  r = run_text("r0 = alloc leaf bytes=8\nr1 = alloc leaf bytes=16\ncall r1\nr3 = alloc pair r0 r0\n"
               "r2 = return r3\nr1 = null\n",
               c);
  TRI_CHECK_EQ(r.objects, 3);
  // The same program with several mutators, sharing by mail.
  r = run_text("r0 = alloc leaf bytes=8\nsend m1 r0\nr0 = null\nmutator m1\nr1 = receive\nr1 = alloc pair r1 r1\n"
               "mutator m0\nr2 = alloc refs n=0\nmutator m2\ncall r0\nmutator m0\nr4 = return r1\n",
               c);
  TRI_CHECK_EQ(r.objects, 3);
  // Out of memory costs few collections, also where each allocation collects (zeal with every=1) and memory is far.
  r = run_text("option row=14 value=1\nheap bytes=1073741824\noom bytes=4088\n", c);
  TRI_CHECK_LE(r.collections, 100);
  // Edges.
  r = run_text("r0 = alloc refs n=4\nr1 = alloc leaf bytes=8\nfill r0[0] = r1 n=4\nr1 = alloc leaf bytes=16\n"
               "r2 = swap r0[1] = r1\ncas r0[2] = r1 if r1\ncas r0[2] = r1 if r2\nslide r0[2] = [1] n=2\n"
               "r1 = null\nr2 = null\nfill r0[0] = null n=1\n",
               c);
  TRI_CHECK_EQ(r.objects, 2);
  r = run_text("r0 = alloc refs n=1\nr1 = alloc leaf bytes=8\nst r0[0] = r1\nr1 = null\nr0 = grow r0\n"
               "r2 = hide r0[0]\nr0 = null\n",
               c);
  TRI_CHECK_EQ(r.objects, 1);
  // Globals: the nearest set one is read.
  r = run_text("r0 = alloc leaf bytes=8\ng7 = r0\nr0 = null\nr1 = g16000\ng7 = null\n", c);
  TRI_CHECK_EQ(r.objects, 1);
  // A refused object is null and told.
  r = run_text("heap bytes=65536\nr0 = alloc large n=0 bytes=917505\n", c);
  if (c->caps.min_heap_bytes <= 1 << 19) {
    TRI_CHECK_EQ(r.out_of_memory, 1);
    TRI_CHECK(r.collector_dependent);
    TRI_CHECK_EQ(r.objects, 0);
  }
}

// A hash that did not tell different graphs apart would compare nothing.
static void test_hash(const struct tri_collector *c) {
  static const char *const different[] = {
      "",
      "r0 = alloc leaf bytes=8\n",
      "r0 = alloc leaf bytes=8\nwrite r0 seed=1\n",
      "r0 = alloc leaf bytes=9\n",
      "r0 = alloc refs n=1\n",
      "r0 = alloc refs n=1\nst r0[0] = r0\n",
      "r0 = alloc refs n=2\nst r0[0] = r0\n",
      "r0 = alloc refs n=2\nst r0[1] = r0\n",
      "r0 = alloc refs n=2\nr1 = alloc refs n=2\nst r0[0] = r1\n",
      "r0 = alloc refs n=2\nr1 = alloc refs n=2\nst r1[0] = r0\n",
      "r0 = alloc refs n=2\nr1 = r0\nst r0[0] = r0\n",
  };
  enum { N = sizeof different / sizeof *different };
  uint64_t hash[N];
  for (unsigned i = 0; i < N; i++) {
    struct tri_run_result result = run_text(different[i], c);
    TRI_CHECK_EQ(result.hashed, i > 0);
    hash[i] = result.graph_hash;
    for (unsigned k = 0; k < i; k++) TRI_CHECK(hash[k] != hash[i]);
  }
}

static void test_payload(struct tri_random *random) {
  uint8_t bytes[3000];
  size_t size = tri_random_below(random, sizeof bytes + 1), offset;
  memset(bytes, 0, sizeof bytes);
  tri_payload_write(bytes, size, tri_random_next(random));
  for (size_t i = size; i < sizeof bytes; i++) TRI_CHECK_EQ(bytes[i], 0);
  TRI_CHECK(tri_payload_check(bytes, size, &offset));
  if (size <= 8) return;
  size_t wrong = 8 + tri_random_below(random, (size < 1024 ? size : 1024) - 8);
  bytes[wrong] ^= (uint8_t)(1 + tri_random_below(random, 255));
  TRI_CHECK(!tri_payload_check(bytes, size, &offset));
  TRI_CHECK_EQ(offset, wrong);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
  setvbuf(stdout, NULL, _IOLBF, 0); // what was found must be seen when a check aborts
  printf("seed %llu\n", (unsigned long long)seed);
  struct tri_random random = {seed};
  for (int round = 0; round < ROUNDS; round++) test_payload(&random);
  for (const struct tri_collector *const *c = tri_collectors; *c; c++) {
    test_meaning(*c);
    test_hash(*c);
  }
  for (int round = 0; round < ROUNDS; round++) test_random_bytes(&random);
  return 0;
}
