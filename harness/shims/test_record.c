// What runs on a heap and what its recording builds, on every collector, is the same graph.
#include "shims/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "program/exec.h"
#include "tricolor/registry.h"
#include "workload.h"

typedef void body_fn(struct tri_mutator *m, const void *argument);

static void record(body_fn *body, const void *argument, struct tri_recording *to) {
  struct tri_shim_record shim;
  struct tri_heap *heap;
  struct tri_mutator *m;
  const struct tri_collector *collector = tri_record_wrap(&shim, tri_collector_find("nocollect"), to);
  TRI_CHECK_EQ(tri_heap_create(collector, &(struct tri_heap_params){.options = "heap=256m"}, &heap), TRI_OK);
  TRI_CHECK_EQ(tri_attach(heap, &m), TRI_OK);
  body(m, argument);
  tri_detach(m);
  tri_heap_destroy(heap);
}

static void test_recording(const char *name, body_fn *body, const void *argument) {
  struct tri_recording recording;
  record(body, argument, &recording);
  TRI_CHECK_STR(recording.failure, "");
  printf("%s: %zu operations, %llu objects\n", name, recording.program.count, (unsigned long long)recording.objects);
  fflush(stdout);
  unsigned compared = 0;
  for (const struct tri_collector *const *c = tri_collectors; *c; c++) {
    struct tri_run_result result;
    tri_program_run(&recording.program, &(struct tri_run_params){.collector = *c}, &result);
    if (result.message[0]) printf("  %s: %s\n", (*c)->name, result.message);
    TRI_CHECK(result.status == TRI_RUN_OK || result.status == TRI_RUN_NO_HEAP);
    // A copying heap may need more than all there is; what has no weak references has other shapes for them.
    if (result.collector_dependent || result.capability_dependent || !result.hashed) continue;
    TRI_CHECK_EQ(result.objects, recording.objects);
    TRI_CHECK_EQ(result.shape_hash, recording.shape_hash);
    compared++;
  }
  TRI_CHECK(compared > 0);
  tri_program_free(&recording.program);
}

// ---- Bodies ---------------------------------------------------------------------------------------------------

// Every call that writes edges.
static void edges(struct tri_mutator *m, const void *argument) {
  (void)argument;
  TRI_FRAME(m, f, 4);
  tri_root_set(m, &f.slot[0], tri_alloc(m, TRI_SHAPE(200, 3)));
  tri_root_set(m, &f.slot[1], tri_alloc(m, TRI_SHAPE(1, 4097)));
  tri_ref leaf = tri_alloc(m, TRI_SHAPE(0, 40));
  tri_store(m, f.slot[0], 7, leaf);
  tri_init(m, f.slot[1], 0, f.slot[0]);
  tri_fill(m, f.slot[0], 10, 20, leaf);
  tri_fill(m, f.slot[0], 15, 3, TRI_NULL);
  tri_copy(m, f.slot[0], 11, f.slot[0], 10, 30);
  TRI_CHECK(tri_same(m, tri_swap(m, f.slot[0], 7, f.slot[1]), leaf));
  TRI_CHECK(tri_same(m, tri_swap(m, f.slot[0], 12, TRI_NULL), leaf));
  TRI_CHECK(tri_is_null(tri_swap(m, f.slot[0], 12, TRI_NULL)));
  TRI_CHECK(tri_cas(m, f.slot[0], 100, TRI_NULL, leaf));
  TRI_CHECK(!tri_cas(m, f.slot[0], 100, TRI_NULL, f.slot[1]));
  TRI_CHECK(tri_cas(m, f.slot[0], 100, leaf, TRI_NULL));
  tri_root_set(m, &f.slot[2], tri_load(m, f.slot[0], 19));
  tri_root_set(m, &f.slot[1], TRI_NULL);
  tri_collect(m, TRI_COLLECT_FULL);
  tri_safepoint(m);
  TRI_FRAME_POP(m, f);
}

static tri_ref make(struct tri_mutator *m, unsigned depth) {
  TRI_FRAME(m, f, 1);
  if (depth > 0) tri_root_set(m, &f.slot[0], make(m, depth - 1));
  tri_ref object = tri_alloc(m, TRI_SHAPE(1, 8));
  tri_init(m, object, 0, f.slot[0]);
  TRI_FRAME_POP(m, f);
  return object;
}

// References that live in C locals only: results of popped frames, and more loaded objects than there are registers.
static void locals(struct tri_mutator *m, const void *argument) {
  (void)argument;
  enum { N = 60 };
  tri_ref local[N + 1];
  struct tri_handle *handle = tri_handle_new(m, TRI_NULL);
  TRI_FRAME(m, f, 1);
  tri_handle_set(m, handle, make(m, N));
  local[0] = tri_handle_get(m, handle);
  for (unsigned i = 0; i < N; i++) local[i + 1] = tri_load(m, local[i], 0);
  tri_store(m, local[50], 0, local[3]);
  tri_store(m, local[3], 0, local[20]);
  tri_store(m, local[1], 0, local[2]);
  tri_root_set(m, &f.slot[0], local[40]);
  tri_handle_free(m, handle);
  TRI_FRAME_POP(m, f);
}

// Several outermost frames: the program ends in the last one.
static void several(struct tri_mutator *m, const void *argument) {
  (void)argument;
  for (unsigned i = 0; i < 5; i++) {
    TRI_FRAME(m, f, 2);
    tri_root_set(m, &f.slot[1], make(m, i));
    TRI_FRAME_POP(m, f);
  }
}

// Mutators take turns.
static void mutators(struct tri_mutator *m, const void *argument) {
  (void)argument;
  struct tri_mutator *other;
  TRI_FRAME(m, f, 1);
  tri_root_set(m, &f.slot[0], tri_alloc(m, TRI_SHAPE(3, 0)));
  struct tri_handle *handle = tri_handle_new(m, f.slot[0]);
  tri_park(m);
  TRI_CHECK_EQ(tri_attach(m->heap, &other), TRI_OK);
  TRI_FRAME(other, g, 1);
  tri_root_set(other, &g.slot[0], make(other, 3));
  tri_store(other, tri_handle_get(other, handle), 1, g.slot[0]);
  TRI_FRAME_POP(other, g);
  tri_detach(other);
  tri_unpark(m);
  tri_store(m, f.slot[0], 2, make(m, 1));
  tri_handle_free(m, handle);
  TRI_FRAME_POP(m, f);
}

static void weak(struct tri_mutator *m, const void *argument) {
  (void)argument;
  TRI_FRAME(m, f, 1);
  tri_root_set(m, &f.slot[0], tri_weak_new(m));
  TRI_FRAME_POP(m, f);
}

static void nothing(struct tri_mutator *m, const void *argument) { (void)m, (void)argument; }

struct workload_run {
  const struct tri_workload *workload;
  int64_t param[TRI_MAX_PARAMS];
};

static void run_workload(struct tri_mutator *m, const void *argument) {
  const struct workload_run *run = argument;
  struct tri_answer answer;
  TRI_CHECK_EQ(run->workload->run(m, run->param, &answer), TRI_OUTCOME_OK);
}

static void test_workload(const struct tri_workload *workload, const char *changed, int64_t value) {
  struct workload_run run = {.workload = workload};
  for (size_t i = 0; i < workload->n_params; i++) {
    run.param[i] = workload->params[i].value[TRI_SIZE_TINY];
    if (changed && strcmp(workload->params[i].name, changed) == 0) run.param[i] = value;
  }
  test_recording(workload->name, run_workload, &run);
}

// ---- Refusals -------------------------------------------------------------------------------------------------

static void test_refusals(void) {
  struct tri_recording recording;
  record(weak, NULL, &recording);
  TRI_CHECK_STR(recording.failure, "an allocation failed: not supported");
  tri_program_free(&recording.program);
  record(nothing, NULL, &recording);
  TRI_CHECK_STR(recording.failure, "the workload pops no frame of roots");
  tri_program_free(&recording.program);
  struct tri_collector moving = *tri_collector_find("nocollect");
  struct tri_shim_record shim;
  struct tri_heap *heap;
  moving.caps.flags |= TRI_CAP_MOVES;
  TRI_CHECK_EQ(tri_heap_create(tri_record_wrap(&shim, &moving, &recording), NULL, &heap), TRI_ENOMEM);
  TRI_CHECK_STR(recording.failure, "collector 'nocollect' moves or reclaims objects; record on one that does not");
}

int main(int argc, char **argv) {
  if (argc > 1) {
    TRI_CHECK_STR(argv[1], "workloads");
    for (const struct tri_workload *const *w = tri_workloads_dynamic; *w; w++) test_workload(*w, NULL, 0);
    test_workload(tri_workload_find("gcbench"), "threads", 2);
    return 0;
  }
  test_recording("edges", edges, NULL);
  test_recording("locals", locals, NULL);
  test_recording("several", several, NULL);
  test_recording("mutators", mutators, NULL);
  test_refusals();
  return 0;
}
