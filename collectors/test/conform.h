// Conformance: what the contract promises, as checks that any collector's record can be put through. A check
// gives a verdict instead of aborting, so that it can be tried on a record that lies (lies.c).
//
// Rows stand in three tables: one per capability (capabilities.c), one per topic of the contract that every
// collector owes (contract.c), and wrong arguments (argerr.c). conform.c runs one row on one collector.
#ifndef TRICOLOR_TEST_CONFORM_H
#define TRICOLOR_TEST_CONFORM_H

#include "tricolor/registry.h"

struct conform {
  const struct tri_collector *collector;
  const char *options; // of heaps; "": none beyond what a check needs
  char why[512]; // after a check that returned false: what did not hold
};

// False: the collector does not do what it claims. What the check had opened is left as it is: the process is
// to end soon.
typedef bool conform_check(struct conform *c);

struct conform_row {
  const char *name;
  uint64_t needs; // capabilities without which the check means nothing; 0 for every collector
  conform_check *check;
};
extern const struct conform_row conform_capabilities[], conform_contract[],
    conform_argerr[]; // end: name NULL

// A lie about the capability of the same name: makes the lying record, or returns NULL when the collector
// that it is built on is not in this program.
struct conform_lie {
  const char *name;
  const struct tri_collector *(*tell)(void);
};
extern const struct conform_lie conform_lies[]; // end: name NULL

// A stand-in for a capability that no collector of this tree claims: shows that the row can be passed at all.
extern const struct conform_lie conform_truths[]; // end: name NULL

// In a check: what must hold, and what to say (printf) when it does not.
#define CONFORM(c, condition, ...)                                                                           \
  do {                                                                                                       \
    if (!(condition)) return conform_fails((c), __FILE__, __LINE__, #condition, __VA_ARGS__);                \
  } while (0)
bool conform_fails(struct conform *c, const char *file, int line, const char *condition, const char *format,
                   ...) TRI_PRINTF(5, 6);

static inline bool conform_has(const struct conform *c, uint64_t caps) {
  return (c->collector->caps.flags & caps) == caps;
}

// A heap of a moderate size with one mutator on this thread.
struct conform_heap {
  struct tri_heap *heap;
  struct tri_mutator *m;
};
size_t conform_heap_bytes(const struct conform *c);
bool conform_open(struct conform *c, struct conform_heap *h); // false: see c->why
bool conform_open_with(struct conform *c, struct conform_heap *h, const struct tri_event_sink *sink);
void conform_close(struct conform_heap *h);

// What a conservative collector may keep of n pieces of garbage; 0 for others.
size_t conform_slack(const struct conform *c, size_t n);

// Make *slot a list of n cells {next, id}: ids first, first + 1, … from the head. False: out of memory.
bool conform_list(struct tri_mutator *m, tri_ref *slot, size_t n, uint64_t first);
// Is it that list, end included?
bool conform_is_list(struct tri_mutator *m, tri_ref list, size_t n, uint64_t first);
#define CONFORM_CELL TRI_SHAPE(1, sizeof(uint64_t))

struct tri_stats conform_stats(struct tri_heap *heap);
// Live objects after a full collection (as they are where there is none).
uint64_t conform_live(struct tri_mutator *m);

#endif
