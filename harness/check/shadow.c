// The shadow as a shim: calls that may collect or wait, events, its state per heap. The other calls are in
// call_*.c: each checks its arguments against the model, forwards, checks the answer and updates the model.
// Under the lock wherever the inner call cannot collect, so that the order of racing stores is the real one.
#include "check/shadow.h"

#include <stdlib.h>
#include <string.h>

#include "check/call.h"
#include "common/poison.h"
#include "tricolor/collector.h"

// -------------------------------------------------------------------------------- cold calls

static void shadow_safepoint(struct tri_mutator *m) {
  struct tri_shadow *s = shadow_of(m->heap);
  forget_locals(m);
  if (!s->broken || s->running > 1) s->shim.inner->safepoint(m); // others may wait for this one to stop
}

static void shadow_park(struct tri_mutator *m) {
  forget_locals(m);
  struct tri_shadow *s = shadow_of(m->heap);
  s->shim.inner->park(m);
  tri_mutex_lock_quietly(&s->lock);
  s->running--;
  tri_mutex_unlock_quietly(&s->lock);
}

static void shadow_unpark(struct tri_mutator *m) {
  struct tri_shadow *s = shadow_of(m->heap);
  s->shim.inner->unpark(m);
  tri_mutex_lock_quietly(&s->lock);
  s->running++;
  tri_mutex_unlock_quietly(&s->lock);
}

// A pass outside a collection: while this mutator runs alone, and nobody can begin to run. To be called with
// no lock held.
static void run_pass_alone(struct tri_shadow *s, struct shadow_pass what) {
  if (!tri_mutex_try_lock(&s->gate)) return;
  s->shim.inner->hold(s->heap, true);
  tri_mutex_lock_quietly(&s->lock);
  if (s->running <= 1 && !s->broken) shadow_run_pass(s, what);
  if (s->running <= 1 && !s->broken && what.point) shadow_marking_point(s);
  tri_mutex_unlock_quietly(&s->lock);
  s->shim.inner->hold(s->heap, false);
  tri_mutex_unlock(&s->gate);
}

static enum tri_status shadow_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  struct tri_shadow *s = shadow_of(m->heap);
  forget_locals(m);
  if (s->broken) return TRI_ENOMEM;
  uint64_t full_passes = s->full_passes;
  enum tri_status status = s->shim.inner->collect(m, kind);
  // A sweep that went on lazily, or a collector that told nothing: now it has ended in any case.
  if (status == TRI_OK && kind != TRI_COLLECT_MINOR && s->options->check == TRI_CHECK_GC &&
      s->full_passes == full_passes)
    run_pass_alone(s, (struct shadow_pass){.drop = true, .swept = true, .full = true});
  return status;
}

static enum tri_status shadow_collect_start(struct tri_mutator *m) {
  struct tri_shadow *s = shadow_of(m->heap);
  forget_locals(m);
  return s->broken ? TRI_ENOMEM : s->shim.inner->collect_start(m);
}

static bool shadow_collect_step(struct tri_mutator *m, size_t units) {
  struct tri_shadow *s = shadow_of(m->heap);
  forget_locals(m);
  return s->broken || s->shim.inner->collect_step(m, units);
}

static enum tri_status shadow_attach(struct tri_heap *heap, struct tri_mutator **m) {
  struct tri_shadow *s = shadow_of(heap);
  tri_mutex_lock(&s->gate);
  enum tri_status status = s->shim.inner->attach(heap, m);
  if (status == TRI_OK) {
    tri_mutex_lock_quietly(&s->lock);
    s->attached++;
    s->running++;
    s->turn[(*m)->id % SHADOW_TURNS]++;
    tri_mutex_unlock_quietly(&s->lock);
  }
  tri_mutex_unlock(&s->gate);
  return status;
}

static void shadow_detach(struct tri_mutator *m) {
  struct tri_shadow *s = enter(m);
  call_check_frames(s, "detach", !m->frames);
  s->attached--;
  s->running--;
  s->shim.inner->detach(m);
  leave(s);
}

// -------------------------------------------------------------------------------- the shim

static void shadow_event(struct tri_shim *shim, struct tri_heap *heap, const struct tri_event *event) {
  struct tri_shadow *s = (struct tri_shadow *)shim;
  if (event->kind == TRI_EVENT_STOP_REQUEST || event->kind == TRI_EVENT_OUT_OF_MEMORY) { // the others go on
    tri_mutex_lock_quietly(&s->lock);
    shadow_note_phase(s, event);
    tri_mutex_unlock_quietly(&s->lock);
    return;
  }
  shadow_note_phase(s, event);
  if (!s->heap || s->broken) return;
  bool thorough = s->options->check == TRI_CHECK_GC;
  bool moves = tri_has(heap, TRI_CAP_MOVES);
  switch (event->kind) {
  case TRI_EVENT_STOPPED:
    if (thorough && !s->snapshot_valid && (!s->marking.on || shadow_affords(s, &s->next_snapshot)))
      shadow_take_snapshot(s);
    break;
  case TRI_EVENT_COLLECTION_BEGIN:
    s->begin_calls = s->calls;
    if (!thorough) break;
    s->generations.begin = s->model->serial;
    if (!s->snapshot_valid) shadow_take_snapshot(s);
    shadow_judge_remembered(s, shadow_reach(s));
    break;
  case TRI_EVENT_MARK:
  case TRI_EVENT_MARK_STEP:
  case TRI_EVENT_WEAK:
  case TRI_EVENT_SWEEP:
    if (thorough) shadow_marking_event(s, event->kind);
    if (thorough && event->kind == TRI_EVENT_SWEEP) shadow_judge_blocks(s, false, true);
    break;
  case TRI_EVENT_COLLECTION_END:
    s->marking.on = false;
    bool alone = s->calls == s->begin_calls; // the program did not run since the collection began
    shadow_run_pass(s, (struct shadow_pass){.moved = moves,
                                            .drop = true,
                                            .light = !thorough,
                                            .interrupted = !alone,
                                            .swept = event->b != 0,
                                            .full = event->b && event->a != TRI_COLLECT_MINOR && alone});
    s->snapshot_valid = s->reach_valid = false;
    break;
  case TRI_EVENT_RESUME:
    s->snapshot_valid = s->reach_valid = false;
    break;
  default:
    break;
  }
}

static void shadow_override(struct tri_collector *record) {
  call_alloc_override(record);
  call_slot_override(record);
  call_root_override(record);
  call_weak_override(record);
  call_finalizer_override(record);
  record->safepoint = shadow_safepoint;
  record->attach = shadow_attach;
  record->detach = shadow_detach;
  record->park = shadow_park;
  record->unpark = shadow_unpark;
  record->collect = shadow_collect;
  record->collect_start = shadow_collect_start;
  record->collect_step = shadow_collect_step;
}

// States are kept between heaps like models.
static struct tri_shadow *kept;

static struct tri_shim *shadow_open(const struct tri_shim_record *record,
                                    const struct tri_heap_config *config) {
  static const struct tri_shadow_options defaults;
  struct tri_shadow *s = __atomic_exchange_n(&kept, NULL, __ATOMIC_ACQUIRE);
  if (!s && !(s = calloc(1, sizeof *s))) return NULL;
  tri_mutex_init(&s->lock);
  tri_mutex_init(&s->gate);
  s->options = record->options ? record->options : &defaults;
  s->model = model_new();
  s->heap_option = (uint64_t)config->value[TRI_OPT_HEAP];
  return &s->shim;
}

static void shadow_opened(struct tri_shim *shim, struct tri_heap *heap) {
  struct tri_shadow *s = (struct tri_shadow *)shim;
  s->heap = heap;
  tri_poison_on_damage(shadow_met_damage);
  for (size_t row = 0; row < tri_n_invariants; row++) {
    const struct tri_invariant *invariant = &tri_invariants[row];
    bool enabled = !(invariant->needs & ~heap->caps) && !(invariant->without & heap->caps) &&
                   !(invariant->tells & ~heap->tells);
    s->rows[invariant->when] |= (uint64_t)enabled << row;
  }
}

static void shadow_closing(struct tri_shim *shim, struct tri_heap *heap) {
  struct tri_shadow *s = (struct tri_shadow *)shim;
  if (s->options->summary) tri_shadow_summary(heap, s->options->summary);
  if (TRI_RELAXED_LOAD(&shadow_called) == s) TRI_RELAXED_STORE(&shadow_called, NULL);
  s->heap = NULL;
}

static void shadow_close(struct tri_shim *shim) {
  struct tri_shadow *s = (struct tri_shadow *)shim;
  model_free(s->model);
  if (s->generations.ages) memset(s->generations.age, 0, s->generations.ages * sizeof *s->generations.age);
  // All but the buffers starts anew.
  struct tri_shadow fresh = {.walked = s->walked,
                             .walked_capacity = s->walked_capacity,
                             .walked_at = s->walked_at,
                             .weak = s->weak,
                             .ephemerons = s->ephemerons,
                             .counters = s->counters,
                             .counters_capacity = s->counters_capacity,
                             .marking = {.edges = s->marking.edges,
                                         .words = s->marking.words,
                                         .deleted = s->marking.deleted,
                                         .deletions = s->marking.deletions,
                                         .colour = s->marking.colour,
                                         .colours = s->marking.colours},
                             .generations = {.recorded = s->generations.recorded,
                                             .words = s->generations.words,
                                             .age = s->generations.age,
                                             .ages = s->generations.ages}};
  *s = fresh;
  s = __atomic_exchange_n(&kept, s, __ATOMIC_ACQ_REL);
  if (!s) return;
  free(s->walked);
  free(s->counters);
  free(s->walked_at.entry);
  free(s->weak.id);
  free(s->ephemerons.id);
  free(s->marking.edges);
  free(s->marking.deleted);
  free(s->marking.colour);
  free(s->generations.recorded);
  free(s->generations.age);
  free(s);
}

const struct tri_shim_class tri_shadow_class = {.name = "shadow",
                                                .override = shadow_override,
                                                .open = shadow_open,
                                                .opened = shadow_opened,
                                                .closing = shadow_closing,
                                                .close = shadow_close,
                                                .event = shadow_event};

// -------------------------------------------------------------------------------- for programs

const struct tri_collector *tri_shadow_wrap(struct tri_shim_record *record, const struct tri_collector *inner,
                                            const struct tri_shadow_options *options) {
  return tri_shim_wrap(record, inner, &tri_shadow_class, options);
}

enum { SMALL_HEAP = 256 }; // objects

bool shadow_affords(const struct tri_shadow *s, uint64_t *next) {
  if (s->model->live > SMALL_HEAP && s->calls < *next) return false;
  *next = s->calls + s->model->live / 4;
  return true;
}

void *shadow_room(void *array, size_t n, size_t *capacity, size_t bytes) {
  if (n <= *capacity) return array;
  *capacity = *capacity * 2 < n ? n : *capacity * 2;
  array = realloc(array, *capacity * bytes);
  if (array) return array;
  fprintf(stderr, "tricolor: the oracle is out of memory\n");
  _Exit(3);
}

size_t tri_shadow_check(struct tri_heap *heap) {
  struct tri_shadow *s = shadow_of(heap);
  if (!s) return 0;
  run_pass_alone(s, (struct shadow_pass){.swept = true, .point = true});
  return s->findings;
}

void tri_shadow_operation(struct tri_mutator *m, uint64_t operation) {
  struct tri_shadow *s = shadow_of(m->heap);
  if (!s) return;
  s->operations[m->id % SHADOW_TURNS] = operation;
  lock_for(s, m);
  leave(s);
}

size_t tri_shadow_findings(const struct tri_heap *heap) {
  struct tri_shadow *s = shadow_of(heap);
  return s ? s->findings : 0;
}

uint64_t tri_shadow_objects(const struct tri_heap *heap) {
  struct tri_shadow *s = shadow_of(heap);
  return s ? s->model->live : 0;
}
