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

enum { SHADOW_TURNS = 256, SHADOW_REPORTS_PER_ROW = 4, SHADOW_PAYLOAD_HELD = -1 };

struct suspect { // a slot that did not match when it was met: judged when the pass knows all objects
  uint32_t object, target;
  size_t slot;
  const tri_ref *root;
  tri_ref ref;
};

struct tri_shadow {
  struct tri_shim shim;
  struct tri_heap *heap; // NULL until opened
  struct tri_mutex gate; // held where nobody may attach; taken before lock, waited for by attach only
  struct tri_mutex lock; // everything below, unless the world is stopped
  const struct tri_shadow_options *options;
  struct model *model;
  uint64_t calls, operation; // operation: UINT64_MAX until told
  uint64_t allocations, asked_bytes; // successful ones, without headers and rounding
  uint64_t heap_option;
  uint32_t attached, running;  // running: not parked
  uint32_t turn[SHADOW_TURNS]; // by mutator id: calls that may have collected
  bool broken;                 // the heap is damaged: the program is kept off it

  bool enabled[64];           // rows, by the heap's claims
  uint64_t rows[TRI_WHENS];   // of each kind the enabled ones, a bit each
  uint64_t looked[TRI_WHENS]; // subjects judged
  uint8_t reported[64];
  uint64_t findings, passes;

  struct phase phases[SHADOW_PHASES]; // the last events, a ring
  uint64_t n_phases;

  uint32_t snapshot; // number of the payload hashes
  bool snapshot_valid;
  uint64_t full_passes; // passes that judged the FULL rows

  // Of the running pass, kept to be used again.
  struct tri_object_info *walked;
  size_t n_walked, walked_capacity;
  struct model_map walked_at; // address -> index + 1
  struct suspect suspects[32];
  size_t n_suspects;
  uint32_t *weak, n_weak, weak_capacity;
  uint32_t *ephemerons, n_ephemerons, ephemeron_capacity;
};

extern const struct tri_shim_class tri_shadow_class;

static inline struct tri_shadow *shadow_of(const struct tri_heap *heap) {
  return (struct tri_shadow *)tri_shim_find(heap, &tri_shadow_class);
}

// Number of what the program does now.
static inline uint64_t shadow_operation(const struct tri_shadow *s) {
  return s->operation == UINT64_MAX ? s->calls : s->operation;
}

// An event, for reports.
void shadow_note_phase(struct tri_shadow *s, const struct tri_event *event);

// Judge a subject by all rows of that kind (SLOT: up to the first that fires), report what fails; true if all
// hold.
bool shadow_judge(struct tri_shadow *shadow, enum tri_when when, struct tri_view *view);

struct shadow_pass {
  bool moved; // objects may have new addresses: learn them (an end of a collection of a heap that MOVES)
  bool drop;  // no C local holds a reference: forget what is unreachable
  bool swept; // reclaiming has ended: the heap may be walked
  bool full;  // … of a full collection
  bool light; // trust what can be read: learn addresses, what was cleared, what is unreachable; judge no more
};
void shadow_run_pass(struct tri_shadow *shadow, struct shadow_pass what);
void shadow_take_snapshot(struct tri_shadow *shadow);

// A queued object was handed out: learn where it and what it reaches are; true if all is intact.
bool shadow_adopt(struct tri_shadow *shadow, struct tri_mutator *m, uint32_t id, tri_ref ref);

#endif
