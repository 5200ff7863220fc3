#include "program/checked.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "check/guard.h"

struct checked {
  struct tri_run *run; // NULL until there is a heap
  struct tri_run_result *result;
  const struct tri_collector *collector;
  struct tri_check_summary *summary;
  const struct tri_run_watch *watch; // the caller's, or NULL
  enum tri_check check;
};

static void report(void *context, struct tri_heap *heap, const struct tri_finding *finding) {
  struct checked *checked = context;
  char text[900];
  (void)heap;
  int n = snprintf(text, sizeof text, "%s", finding->text);
  if (finding->object && n < (int)sizeof text)
    n += snprintf(text + n, sizeof text - (size_t)n, "; object #%u", finding->object);
  if (finding->path[0] && n < (int)sizeof text)
    n += snprintf(text + n, sizeof text - (size_t)n, " by %s", finding->path);
  if (finding->last_writer && n < (int)sizeof text)
    n += snprintf(text + n, sizeof text - (size_t)n, ", written by operation %llu",
                  (unsigned long long)finding->last_writer);
  if (finding->phases && finding->phases[0] && n < (int)sizeof text)
    snprintf(text + n, sizeof text - (size_t)n, "; phases: %s", finding->phases);
  tri_run_finding(checked->run, finding->row->id, text);
  if (finding->dying && checked->watch && checked->watch->dying)
    checked->watch->dying(checked->watch->context, checked->result);
}

static struct tri_heap *heap_of(struct tri_run *run) { return tri_run_mutator(run)->heap; }

static void starting(void *context, struct tri_run *run) { ((struct checked *)context)->run = run; }

static void before(void *context, struct tri_run *run, size_t i, const struct tri_op *op) {
  (void)context, (void)op;
  if (tri_run_mutator(run)) tri_shadow_operation(tri_run_mutator(run), i + 1);
}

static void after(void *context, struct tri_run *run, size_t i, const struct tri_op *op, bool effective) {
  (void)context, (void)i, (void)effective;
  if (op->code == TRI_OP_VERIFY) tri_shadow_check(heap_of(run));
}

static void finishing(void *context, struct tri_run *run) {
  (void)context;
  tri_shadow_check(heap_of(run));
}

static void emptied(void *context, struct tri_run *run) {
  const struct checked *checked = context;
  if (checked->check == TRI_CHECK_GC && checked->result->status == TRI_RUN_OK)
    tri_collect(tri_run_mutator(run), TRI_COLLECT_FULL); // a pass follows
}

// A row about a run: NULL if it holds, or does not concern the collector.
static const struct tri_invariant *broken(const char *id, struct tri_view *view,
                                          const struct tri_collector *collector,
                                          struct tri_check_summary *summary) {
  const struct tri_invariant *row = tri_invariant_find(id);
  if (row->without & collector->caps.flags) return NULL;
  if (summary) summary->runs[row - tri_invariants]++;
  if (row->holds(view)) return NULL;
  if (summary) summary->findings++;
  return row;
}

static void tell(struct tri_run_result *result, const struct tri_invariant *row, const struct tri_view *view) {
  result->status = TRI_RUN_FINDING;
  result->invariant = row->id;
  snprintf(result->message, sizeof result->message, "%s %s", row->id, view->text);
}

static bool judge(const char *id, struct tri_view *view, const struct tri_collector *collector,
                  struct tri_check_summary *summary, struct tri_run_result *result) {
  const struct tri_invariant *row = broken(id, view, collector, summary);
  if (row) tell(result, row, view);
  return !row;
}

// What was found in this operation is the cause, though it has not come to its end; else the fault is.
static void faulted(void *context, int signal, const void *address) {
  struct checked *checked = context;
  if (checked->result->status != TRI_RUN_FINDING) {
    struct tri_view view = {.fault = strsignal(signal), .fault_at = address};
    const struct tri_invariant *row = broken("T2", &view, checked->collector, checked->summary);
    if (checked->run) tri_run_finding(checked->run, row->id, view.text);
    else tell(checked->result, row, &view);
  }
  checked->watch->dying(checked->watch->context, checked->result);
}

enum tri_run_status tri_program_run_checked(const struct tri_program *program, const struct tri_run_params *params,
                                            enum tri_check check, struct tri_check_summary *summary,
                                            struct tri_run_result *result) {
  struct checked checked = {.result = result,
                            .collector = params->collector,
                            .summary = summary,
                            .watch = params->watch,
                            .check = check};
  struct tri_shim_record record;
  // What comes after the first finding is not looked at, and could crash on a damaged heap: the message would be lost.
  struct tri_shadow_options options = {
      .check = check, .first_only = true, .report = report, .context = &checked, .summary = summary};
  struct tri_run_watch watch = {.starting = starting,
                                .before = before,
                                .after = after,
                                .finishing = finishing,
                                .emptied = emptied,
                                .context = &checked};
  if (params->watch) watch.sink = params->watch->sink;
  struct tri_run_params shadowed = *params;
  shadowed.collector = tri_shadow_wrap(&record, params->collector, &options);
  shadowed.watch = &watch;
  bool tells = params->watch && params->watch->dying;
  if (tells) tri_guard_last_words(faulted, &checked);
  tri_program_run(program, &shadowed, result);
  if (tells) tri_guard_last_words(NULL, NULL);
  struct tri_view view = {.stuck = result->stuck ? result->message : NULL};
  judge("T1", &view, params->collector, summary, result);
  judge("T2", &view, params->collector, summary, result);
  return result->status;
}

bool tri_program_repeats(const struct tri_program *program, const struct tri_run_params *params, enum tri_check check,
                         struct tri_check_summary *summary, struct tri_run_result *result) {
  struct tri_run_result again;
  if (!TRI_FIBERS || result->status != TRI_RUN_OK) return true;
  tri_program_run_checked(program, params, check, summary, &again);
  if (again.status == TRI_RUN_NO_HEAP) return true;
  struct tri_view view = {.hash = result->event_hash, .again = again.event_hash};
  return judge("D1", &view, params->collector, summary, result);
}

void tri_outcome_text(const struct tri_run_result *result, char text[TRI_OUTCOME_TEXT]) {
  snprintf(text, TRI_OUTCOME_TEXT, "%" PRIu64 " of %" PRIu64 " objects, graph %016" PRIx64, result->objects,
           result->allocations, result->graph_hash);
}

bool tri_program_agrees(struct tri_outcomes *outcomes, const struct tri_collector *collector,
                        struct tri_check_summary *summary, struct tri_run_result *result) {
  int class = tri_outcome_class(result, collector);
  if (class < 0) return true;
  char text[TRI_OUTCOME_TEXT];
  tri_outcome_text(result, text);
  if (!outcomes->of[class].collector) {
    outcomes->of[class].collector = collector->name;
    memcpy(outcomes->of[class].text, text, sizeof text);
    return true;
  }
  struct tri_view view = {.outcome = text,
                          .expected_outcome = outcomes->of[class].text,
                          .other = outcomes->of[class].collector};
  return judge("D2", &view, collector, summary, result);
}
