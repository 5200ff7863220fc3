// The laws of counters (row L4e) bind: of each collector that tells counters, each one that stands in an equation,
// on either side, is told one too high, and the row fires. Those that are free or only bounded are listed.
#include <stdio.h>
#include <string.h>

#include "check/scenario.h"
#include "common/check.h"
#include "common/poison.h"
#include "shims/fault.h"
#include "tricolor/registry.h"

enum { MOST = 512 };

struct counters {
  char name[MOST][40];
  char laws[MOST * 160]; // all equations, each with a blank before and behind each name
  size_t n;
};

static bool note(void *context, const struct tri_counter *counter) {
  struct counters *counters = context;
  TRI_CHECK_LT(counters->n, MOST);
  char *name = counters->name[counters->n++];
  TRI_CHECK_LT(strlen(counter->name), sizeof counters->name[0]);
  strcpy(name, counter->name);
  TRI_CHECK(counter->unit && counter->doc && counter->doc[0]);
  for (const char *law = counter->law; law; law = strchr(law, ';')) {
    law += strspn(law, "; ");
    if (*law != '=') continue;
    strcat(strcat(strcat(counters->laws, " "), name), " ");
    size_t end = strlen(counters->laws), length = strcspn(law, ";");
    TRI_CHECK_LT(end + length + 2, sizeof counters->laws);
    memcpy(counters->laws + end, law, length);
    strcpy(counters->laws + end + length, " ");
  }
  return true;
}

static bool is_bound(const struct counters *counters, const char *name) {
  char word[44];
  snprintf(word, sizeof word, " %s ", name);
  return strstr(counters->laws, word);
}

// Those of an empty heap; a collector may have more later.
static void note_all(const struct tri_collector *collector, struct counters *counters) {
  struct tri_heap *heap;
  struct tri_mutator *m;
  TRI_CHECK_EQ(tri_heap_create(collector, NULL, &heap), TRI_OK);
  TRI_CHECK_EQ(tri_attach(heap, &m), TRI_OK);
  TRI_CHECK(tri_each_counter(heap, note, counters));
  tri_detach(m);
  tri_heap_destroy(heap);
  for (size_t i = 0; i < counters->n; i++)
    for (size_t k = 0; k < i; k++) TRI_CHECK(strcmp(counters->name[i], counters->name[k]) != 0);
}

static size_t test_collector(const struct tri_collector *collector) {
  static struct counters counters;
  memset(&counters, 0, sizeof counters);
  note_all(collector, &counters);
  TRI_CHECK_NE(counters.n, 0);
  size_t bound = 0;
  for (size_t i = 0; i < counters.n; i++) {
    char fault[40], error[2000] = "";
    snprintf(fault, sizeof fault, "lie-counter:%zu", i + 1);
    struct tri_fault_record record;
    const struct tri_collector *faulty = tri_fault_wrap(&record, collector, fault, error, sizeof error);
    TRI_CHECK_STR(error, "");
    struct findings findings = {0};
    scenario_run(faulty, TRI_CHECK_GC, 3, &findings, NULL);
    TRI_CHECK_NE(record.acted, 0);
    bool fires = findings_have(&findings, "L4e"), ought = is_bound(&counters, counters.name[i]);
    if (!fires) printf("%s: %s is %s\n", collector->name, counters.name[i], ought ? "NOT BOUND" : "free");
    TRI_CHECK(fires || !ought);
    bound += fires;
  }
  printf("%s: %zu of %zu counters are bound\n", collector->name, bound, counters.n);
  return bound;
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  tri_poison_set_filling(true);
  size_t bound = 0;
  for (size_t i = 0; tri_collectors[i]; i++)
    if (tri_collectors[i]->caps.tells & TRI_TELLS_COUNTERS) bound += test_collector(tri_collectors[i]);
  TRI_CHECK_NE(bound, 0);
  return 0;
}
