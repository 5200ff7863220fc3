// What the parts of the shadow share: shadow.c and call_*.c (calls), pass.c (collections), report.c. Not for
// others.
#ifndef TRICOLOR_CHECK_STATE_H
#define TRICOLOR_CHECK_STATE_H

#include "check/shadow.h"
#include "common/actor.h"

enum { SHADOW_PHASES = 16 };

struct phase { // an event, for reports
  enum tri_event_kind kind;
  uint64_t a, operation;
};

enum { SHADOW_TURNS = 256, SHADOW_REPORTS_PER_ROW = 4 };

struct suspect { // a slot that did not match when it was met: judged when the pass knows all objects
  uint32_t object, target;
  size_t slot;
  const tri_ref *root;
  tri_ref ref;
};

struct shadow_age {
  uint32_t serial; // of the object that had the id
  uint8_t generation, age;
};

struct shadow_deletion { // an edge of the graph at MARK that was overwritten
  uint32_t object, target, slot;
};

struct shadow_generations { // generations.c
  uint64_t *recorded;       // a bit per edge of the model: the remembered set has it
  size_t words;
  uint32_t begin;         // serial of the last object that was there when the collection began
  struct shadow_age *age; // by id, as the last collection left them
  size_t ages;
};

struct shadow_marking { // marking.c
  bool on;              // mutators may run while a collection marks: from MARK to SWEEP
  enum tri_event_kind event;
  uint32_t since;        // serial of the last object that was there at MARK
  uint64_t next_point;   // calls at which the next point is affordable
  uint64_t *edges;       // a bit per edge of the model that was there at MARK and was not overwritten
  size_t n_words, words; // in use, allocated
  struct shadow_deletion *deleted;
  size_t n_deleted, deletions;
  uint8_t *colour; // by id, at a point
  size_t colours;
};

struct tri_shadow {
  struct tri_shim shim;
  struct tri_heap *heap; // NULL until opened
  struct tri_mutex gate; // held where nobody may attach; taken before lock, waited for by attach only
  struct tri_mutex lock; // everything below, unless the world is stopped
  const struct tri_shadow_options *options;
  struct model *model;
  uint64_t calls;
  uint64_t operation;                // of the mutator whose call was the last; 0 until told
  uint64_t operations[SHADOW_TURNS]; // by mutator id
  uint64_t allocations, asked_bytes; // successful ones, without headers and rounding
  uint64_t heap_option;
  uint32_t attached, running;  // running: not parked
  uint32_t turn[SHADOW_TURNS]; // by mutator id: calls that may have collected
  bool broken;                 // the heap is damaged: the program is kept off it

  uint64_t rows[TRI_WHENS];   // enabled by the heap's claims, by what they judge: a bit each
  uint64_t looked[TRI_WHENS]; // subjects judged
  uint8_t reported[TRI_MAX_INVARIANTS];
  uint64_t findings, passes;

  struct phase phases[SHADOW_PHASES]; // the last events, a ring
  uint64_t n_phases;

  uint32_t snapshot; // number of the payload hashes
  bool snapshot_valid;
  uint64_t begin_calls;   // at the last COLLECTION_BEGIN
  uint64_t next_snapshot; // calls at which the next one during marking is affordable
  uint32_t reach, held; // the marks of what the program reaches, and what only finalizers, in this pause …
  bool reach_valid;     // … if it has been traced
  uint64_t full_passes; // passes that judged the FULL rows

  struct shadow_marking marking;
  struct shadow_generations generations;

  // Of the running pass, kept to be used again.
  struct tri_object_info *walked;
  size_t n_walked, walked_capacity;
  struct model_map walked_at; // address -> index + 1
  struct shadow_counter *counters; // and their laws
  size_t n_counters, counters_capacity;
  struct suspect suspects[32];
  size_t n_suspects;
  struct model_ids weak, ephemerons;
};

extern const struct tri_shim_class tri_shadow_class;

static inline struct tri_shadow *shadow_of(const struct tri_heap *heap) {
  return (struct tri_shadow *)tri_shim_find(heap, &tri_shadow_class);
}

// Number of what the program does now.
static inline uint64_t shadow_operation(const struct tri_shadow *s) {
  return s->operation ? s->operation : s->calls;
}

// An event, for reports.
void shadow_note_phase(struct tri_shadow *s, const struct tri_event *event);

// Judge a subject by all rows of that kind (SLOT: up to the first that fires), report what fails; true if all
// hold.
bool shadow_judge(struct tri_shadow *shadow, enum tri_when when, struct tri_view *view);

// The one whose heap was last called, or told of something; NULL before and after.
extern struct tri_shadow *shadow_called;

// A collector has met free memory that was written to, and aborts next (common/poison.h): of the heap last
// called.
void shadow_met_damage(const char *text);

struct shadow_pass {
  bool moved; // objects may have new addresses: learn them (an end of a collection of a heap that MOVES)
  bool drop;  // no C local holds a reference: forget what is unreachable
  bool swept; // reclaiming has ended: the heap may be walked
  bool full;  // … of a full collection
  bool interrupted; // the program ran between its beginning and its end
  bool point;       // asked for by the program: what marking promises is judged too
  bool light; // trust what can be read: learn addresses, what was cleared, what is unreachable; judge no more
};
void shadow_run_pass(struct tri_shadow *shadow, struct shadow_pass what);
void shadow_take_snapshot(struct tri_shadow *shadow);

// Sets s->reach and s->held, once per pause; returns s->reach.
uint32_t shadow_reach(struct tri_shadow *s);

// Is looking at the whole heap once more affordable, after what the program has done since the last time?
// Always in a small heap.
bool shadow_affords(const struct tri_shadow *s, uint64_t *next);

// An array with room for n; grown by doubling, contents kept. Out of memory ends the process.
void *shadow_room(void *array, size_t n, size_t *capacity, size_t bytes);

// The heap could not be read: a finding, and the program is kept off it.
void shadow_faulted(struct tri_shadow *s);

// Marking (M): an event; a point where the program asked for a check; an edge that is about to be overwritten
// and an object that was allocated, both while s->marking.on.
void shadow_marking_event(struct tri_shadow *s, enum tri_event_kind event);
void shadow_marking_point(struct tri_shadow *s);
void shadow_note_overwritten(struct tri_shadow *s, uint32_t id, size_t i, uint32_t target);
void shadow_note_born(struct tri_shadow *s, uint32_t id);

// Generations (G): the remembered set, of objects with that mark; ages after a collection.
void shadow_judge_remembered(struct tri_shadow *s, uint32_t mark);
void shadow_judge_ages(struct tri_shadow *s, uint32_t mark);

// Blocks (I): each block, and the objects of a walk in it if `walked`; when marking ends also marks of what
// is free.
void shadow_judge_blocks(struct tri_shadow *s, bool walked, bool marked);

// Counters that the collector tells, by the laws that it states of them.
void shadow_judge_counters(struct tri_shadow *s);

// A queued object was handed out: learn where it and what it reaches are; true if all is intact.
bool shadow_adopt(struct tri_shadow *shadow, struct tri_mutator *m, uint32_t id, tri_ref ref);

#endif
