// conform <collector> <row>     run one row on one collector: a name, or the path of a plug-in (./x.so)
// conform <collector> all       run each row that applies, until one fails
// conform <collector> <row>|all <key>=<value>,…      the same with options for its heaps
// conform lie <capability>      run the capability's row on a lying record; good when it sees through it
// conform truth <capability>    run the capability's row on a stand-in that has it
// conform --ctest <program>     print a ctest file with a test for each of these that applies
//
// Exit status: 0 conforms (sees through the lie), 1 does not, 2 usage, 77 the row does not apply.
#include "conform.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"

enum { DOES_NOT_APPLY = 77 };

bool conform_fails(struct conform *c, const char *file, int line, const char *condition, const char *format,
                   ...) {
  int used = snprintf(c->why, sizeof c->why, "%s:%d: %s: ", file, line, condition);
  va_list arguments;
  va_start(arguments, format);
  if (used >= 0 && (size_t)used < sizeof c->why)
    vsnprintf(c->why + used, sizeof c->why - (size_t)used, format, arguments);
  va_end(arguments);
  return false;
}

// ---------------------------------------------------------------------------------------------- fixtures

size_t conform_heap_bytes(const struct conform *c) {
  size_t least = c->collector->caps.min_heap_bytes;
  return least > 2 << 20 ? least : 2 << 20;
}

bool conform_open_with(struct conform *c, struct conform_heap *h, const struct tri_event_sink *sink) {
  char options[200], error[200];
  int length = snprintf(options, sizeof options, "heap=%zu,%s", conform_heap_bytes(c), c->options);
  CONFORM(c, length >= 0 && (size_t)length < sizeof options, "the options are too long");
  struct tri_heap_params params = {.options = options, .error = error, .error_bytes = sizeof error};
  if (sink) params.sink = *sink;
  CONFORM(c, tri_heap_create(c->collector, &params, &h->heap) == TRI_OK, "%s: %s", options, error);
  CONFORM(c, tri_attach(h->heap, &h->m) == TRI_OK, "the first mutator cannot attach");
  return true;
}

bool conform_open(struct conform *c, struct conform_heap *h) { return conform_open_with(c, h, NULL); }

void conform_close(struct conform_heap *h) {
  tri_detach(h->m);
  tri_heap_destroy(h->heap);
}

size_t conform_slack(const struct conform *c, size_t n) {
  return conform_has(c, TRI_CAP_CONSERVATIVE) ? 4 + n / 10 : 0;
}

bool conform_list(struct tri_mutator *m, tri_ref *slot, size_t n, uint64_t first) {
  TRI_FRAME(m, f, 1);
  bool ok = true;
  for (size_t i = n; ok && i-- > 0;) {
    tri_ref cell = tri_alloc(m, CONFORM_CELL);
    if ((ok = !tri_is_null(cell))) {
      tri_init(m, cell, 0, f.slot[0]);
      *(uint64_t *)tri_raw(m, cell) = first + i;
      tri_root_set(m, &f.slot[0], cell);
    }
  }
  tri_root_set(m, slot, ok ? f.slot[0] : TRI_NULL);
  TRI_FRAME_POP(m, f);
  return ok;
}

bool conform_is_list(struct tri_mutator *m, tri_ref list, size_t n, uint64_t first) {
  for (size_t i = 0; i < n; i++, list = tri_load(m, list, 0))
    if (tri_is_null(list) || *(uint64_t *)tri_raw(m, list) != first + i) return false;
  return tri_is_null(list);
}

struct tri_stats conform_stats(struct tri_heap *heap) {
  struct tri_stats stats;
  tri_stats_get(heap, &stats, sizeof stats);
  return stats;
}

uint64_t conform_live(struct tri_mutator *m) {
  tri_collect(m, TRI_COLLECT_FULL);
  return conform_stats(m->heap).live_objects;
}

// ---------------------------------------------------------------------------------------------- running

static const struct conform_row *const tables[] = {conform_capabilities, conform_contract, conform_argerr};
static const char *const prefixes[] = {"conform", "contract", "argerr"};
enum { TABLES = sizeof tables / sizeof *tables };

static const struct conform_row *find_row(const char *name) {
  for (size_t t = 0; t < TABLES; t++)
    for (const struct conform_row *row = tables[t]; row->name; row++)
      if (strcmp(row->name, name) == 0) return row;
  return NULL;
}

static bool applies(const struct conform_row *row, const struct tri_collector *collector) {
  return (collector->caps.flags & row->needs) == row->needs;
}

static void print_test(const char *program, const char *prefix, const char *collector, const char *row) {
  printf("add_test([=[%s.%s.%s]=] [=[%s]=] %s %s)\n", prefix, collector, row, program, collector, row);
  printf("set_tests_properties([=[%s.%s.%s]=] PROPERTIES LABELS quick TIMEOUT 120 SKIP_RETURN_CODE %d)\n",
         prefix, collector, row, DOES_NOT_APPLY);
}

static void print_ctest(const char *program) {
  for (size_t i = 0; tri_collectors[i]; i++)
    for (size_t t = 0; t < TABLES; t++)
      for (const struct conform_row *row = tables[t]; row->name; row++)
        if (applies(row, tri_collectors[i]))
          print_test(program, prefixes[t], tri_collectors[i]->name, row->name);
  for (const struct conform_lie *lie = conform_lies; lie->name; lie++)
    print_test(program, "conform", "lie", lie->name);
  for (const struct conform_lie *truth = conform_truths; truth->name; truth++)
    print_test(program, "conform", "truth", truth->name);
}

static const struct tri_collector *find_collector(const char *name) {
  if (!strchr(name, '/')) {
    const struct tri_collector *collector = tri_collector_find(name);
    if (!collector) fprintf(stderr, "conform: no collector '%s'\n", name);
    return collector;
  }
  char error[300];
  const struct tri_collector *collector = tri_collector_load(name, error, sizeof error);
  if (!collector) fprintf(stderr, "conform: %s\n", error);
  return collector;
}

// Options may take a claim away. True, with a reason in c->why, when there is no heap to ask.
static bool heap_claims(struct conform *c, uint64_t needs) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return true;
  bool claims = (h.heap->caps & needs) == needs;
  conform_close(&h);
  return claims;
}

static int run_row(const struct tri_collector *collector, const struct conform_row *row, const char *options) {
  struct conform c = {.collector = collector, .options = options};
  if (!applies(row, collector) || !heap_claims(&c, row->needs)) {
    printf("%s does not claim %s%s%s\n", collector->name, row->name, *options ? " with " : "", options);
    return DOES_NOT_APPLY;
  }
  if (!*c.why && row->check(&c)) return 0;
  printf("%s, %s: %s\n", collector->name, row->name, c.why);
  return 1;
}

static int run(const char *name, const char *row_name, const char *options) {
  const struct tri_collector *collector = find_collector(name);
  if (!collector) return 2;
  if (strcmp(row_name, "all") != 0) {
    const struct conform_row *row = find_row(row_name);
    if (row) return run_row(collector, row, options);
    fprintf(stderr, "conform: no row '%s'\n", row_name);
    return 2;
  }
  for (size_t t = 0; t < TABLES; t++)
    for (const struct conform_row *row = tables[t]; row->name; row++) {
      if (!applies(row, collector)) continue;
      int status = run_row(collector, row, options);
      if (status == 1) return 1;
      if (status == 0) printf("%s.%s.%s\n", prefixes[t], collector->name, row->name);
    }
  return 0;
}

static int run_told(const struct conform_lie *told, const char *name, bool is_lie) {
  while (told->name && strcmp(told->name, name) != 0) told++;
  const struct conform_row *row = find_row(name);
  if (!told->name || !row) {
    fprintf(stderr, "conform: nothing is told about '%s'\n", name);
    return 2;
  }
  struct conform c = {.collector = told->tell(), .options = ""};
  if (!c.collector) {
    printf("what this is built on is not in this program\n");
    return DOES_NOT_APPLY;
  }
  TRI_CHECK(applies(row, c.collector)); // it claims what it is about
  bool conforms = row->check(&c);
  printf("the %s about %s is %s%s\n", is_lie ? "lie" : "truth", name,
         conforms ? "believed" : "not believed: ", c.why);
  return conforms == is_lie;
}

int main(int argc, char **argv) {
  int status = 2;
  if (argc == 3 && strcmp(argv[1], "--ctest") == 0)
    print_ctest(argv[2]), status = 0;
  else if (argc == 3 && strcmp(argv[1], "lie") == 0)
    status = run_told(conform_lies, argv[2], true);
  else if (argc == 3 && strcmp(argv[1], "truth") == 0)
    status = run_told(conform_truths, argv[2], false);
  else if (argc == 3 || argc == 4)
    status = run(argv[1], argv[2], argc == 4 ? argv[3] : "");
  else
    fprintf(stderr, "usage: conform <collector> <row>|all [<key>=<value>,…] | conform lie|truth <capability> | "
                    "conform --ctest <program>\n");
  fflush(stdout);
  _exit(status); // what a failed check left open is no leak to report
}
