// A detector that nobody has seen fire does not count: each row of invariants.h is run against what kills it.
//
//   test.mutants ROW        plants the row's fault under the scenario, on every collector: the row fires on
//                           each that claims what it needs and gives the fault an opportunity, and on one at
//                           least; the same run without the fault is clean
//   test.mutants ROW FAULT  the same with another fault, which may be silent on some
//   test.mutants ROW… --complete    the arguments are all rows, in order, and each has a killer
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/scenario.h"
#include "common/check.h"
#include "common/poison.h"
#include "shims/fault.h"
#include "tricolor/registry.h"

// -------------------------------------------------------------------------------- planted by hand

static void misuse_argument(struct shadowed *x) {
  TRI_FRAME(x->m, f, 1);
  tri_root_set(x->m, &f.slot[0], tri_alloc(x->m, TRI_SHAPE(1, 0)));
  tri_store(x->m, TRI_NULL, 0, f.slot[0]);
  tri_store(x->m, f.slot[0], 0, (tri_ref){f.slot[0].bits + 8});
  TRI_FRAME_POP(x->m, f);
}

static void misuse_index(struct shadowed *x) {
  TRI_FRAME(x->m, f, 1);
  tri_root_set(x->m, &f.slot[0], tri_alloc(x->m, TRI_SHAPE(3, 0)));
  TRI_CHECK(tri_is_null(tri_load(x->m, f.slot[0], 3)));
  tri_copy(x->m, f.slot[0], 1, f.slot[0], 0, SIZE_MAX);
  tri_fill(x->m, f.slot[0], SIZE_MAX, 2, TRI_NULL);
  TRI_FRAME_POP(x->m, f);
}

static void misuse_root(struct shadowed *x) {
  TRI_FRAME(x->m, f, 1);
  f.slot[0] = tri_alloc(x->m, TRI_SHAPE(1, 0)); // not by tri_root_set
  tri_shadow_check(x->heap);
  f.slot[0] = TRI_NULL;
  TRI_FRAME_POP(x->m, f);
}

static void misuse_init(struct shadowed *x) {
  TRI_FRAME(x->m, f, 2);
  tri_root_set(x->m, &f.slot[0], tri_alloc(x->m, TRI_SHAPE(1, 0)));
  tri_root_set(x->m, &f.slot[1], tri_alloc(x->m, TRI_SHAPE(1, 0)));
  tri_init(x->m, f.slot[1], 0, f.slot[0]); // legal
  tri_init(x->m, f.slot[0], 0, f.slot[1]); // a call that may collect came between
  TRI_FRAME_POP(x->m, f);
}

static void misuse_frame(struct shadowed *x) {
  TRI_FRAME(x->m, f, 1);
  TRI_FRAME(x->m, g, 1);
  TRI_FRAME_POP(x->m, f);
  TRI_FRAME_POP(x->m, g);
  x->m->frames = NULL;
}

static const struct {
  const char *name;
  void (*run)(struct shadowed *shadowed);
} misuses[] = {
    {"misuse.argument", misuse_argument}, {"misuse.index", misuse_index}, {"misuse.root", misuse_root},
    {"misuse.init", misuse_init},         {"misuse.frame", misuse_frame},
};

static bool run_misuse(const struct tri_collector *collector, const char *name, struct findings *findings) {
  for (size_t i = 0; i < sizeof misuses / sizeof *misuses; i++) {
    if (strcmp(misuses[i].name, name) != 0) continue;
    struct shadowed x = {0};
    shadowed_open(&x, collector, NULL, findings);
    misuses[i].run(&x);
    shadowed_close(&x);
    return true;
  }
  return false;
}

// -------------------------------------------------------------------------------- rows

static bool is_fault(const struct tri_invariant *row) { return strncmp(row->killed_by, "fault=", 6) == 0; }

static bool has_killer(const struct tri_invariant *row) {
  const char *name, *doc;
  for (size_t i = 0; tri_fault_mode_at(i, &name, &doc); i++)
    if (is_fault(row) && strcmp(name, row->killed_by + 6) == 0) return true;
  for (size_t i = 0; i < sizeof misuses / sizeof *misuses; i++)
    if (strcmp(misuses[i].name, row->killed_by) == 0) return true;
  return false;
}

static int complete(int n, char **ids) {
  TRI_CHECK_EQ(n, tri_n_invariants);
  for (int i = 0; i < n; i++) {
    TRI_CHECK_STR(ids[i], tri_invariants[i].id);
    for (int j = 0; j < i; j++) TRI_CHECK(strcmp(ids[i], ids[j]) != 0);
    if (has_killer(&tri_invariants[i])) continue;
    printf("%s: nothing is called '%s'\n", ids[i], tri_invariants[i].killed_by);
    return 1;
  }
  return 0;
}

static bool suits(const struct tri_invariant *row, const struct tri_collector *collector) {
  return !(row->needs & ~collector->caps.flags) && !(row->without & collector->caps.flags) &&
         !(row->tells & ~collector->caps.tells);
}

enum outcome { FIRES, SILENT, NO_OPPORTUNITY, FALSE_ALARM, OUTCOMES };

static enum outcome run_fault(const struct tri_invariant *row, const char *fault,
                              const struct tri_collector *collector, struct findings *findings) {
  struct findings clean = {0};
  scenario_run(collector, TRI_CHECK_GC, 3, &clean, NULL);
  findings_print(&clean, collector->name);
  if (clean.n) return FALSE_ALARM;
  struct tri_fault_record record;
  char error[2000] = "";
  const struct tri_collector *faulty = tri_fault_wrap(&record, collector, fault, error, sizeof error);
  TRI_CHECK_STR(error, "");
  struct tri_check_summary summary = {0};
  scenario_run(faulty, TRI_CHECK_GC, 3, findings, &summary);
  if (findings_have(findings, row->id)) return FIRES;
  return suits(row, faulty) && record.acted && summary.runs[row - tri_invariants] ? SILENT : NO_OPPORTUNITY;
}

static enum outcome run_killer(const struct tri_invariant *row, const char *killer,
                               const struct tri_collector *collector) {
  static const char *const names[] = {"fires", "SILENT", "no opportunity", "FALSE ALARM"};
  struct findings findings = {0};
  enum outcome outcome;
  if (strncmp(killer, "fault=", 6) == 0) {
    outcome = run_fault(row, killer + 6, collector, &findings);
  } else {
    TRI_CHECK(run_misuse(collector, killer, &findings));
    outcome = findings_have(&findings, row->id) ? FIRES : SILENT;
  }
  findings_print(&findings, collector->name);
  printf("%s: %s\n", collector->name, names[outcome]);
  return outcome;
}

int main(int argc, char **argv) {
  if (argc > 2 && strcmp(argv[argc - 1], "--complete") == 0) return complete(argc - 2, argv + 1);
  const struct tri_invariant *row = argc == 2 || argc == 3 ? tri_invariant_find(argv[1]) : NULL;
  if (!row) {
    fprintf(stderr, "usage: test.mutants ROW [FAULT] | ROW… --complete\n");
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  tri_poison_set_filling(true);
  const char *killer = argc == 3 ? argv[2] : row->killed_by;
  printf("%s: %s (%s)\n", row->id, row->doc, killer);
  int count[OUTCOMES] = {0};
  for (size_t i = 0; tri_collectors[i]; i++) count[run_killer(row, killer, tri_collectors[i])]++;
  printf("fires on %d collectors, silent on %d\n", count[FIRES], count[SILENT]);
  // S8 sees what the collector's own verifier sees: of writes to free memory, not all do.
  bool may_be_silent = argc == 3 || strcmp(row->id, "S8") == 0;
  return (count[SILENT] && !may_be_silent) || count[FALSE_ALARM] || !count[FIRES];
}
