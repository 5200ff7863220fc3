// Allocation: fresh objects are aligned, zeroed and overlap nothing reachable; failures are justified.
#include <string.h>

#include "check/call.h"
#include "common/os.h"
#include "tricolor/collector.h"

// Object that a fresh one of `extent` bytes at ref overlaps: bounded search around ref, so large neighbours
// are left to S6. Garbage that the collector has found before the model did is forgotten.
enum { NEIGHBOURS = 256 };

static uint32_t overlapped(struct tri_shadow *s, tri_ref ref, size_t extent) {
  uintptr_t from = ref.bits > NEIGHBOURS ? ref.bits - NEIGHBOURS : 0;
  uintptr_t to = ref.bits + (extent < NEIGHBOURS ? extent + !extent : NEIGHBOURS);
  for (tri_ref at; !tri_is_null(at = model_next(s->model, from, to)); from = at.bits + 1) {
    uint32_t id = model_at(s->model, at);
    if (at.bits < ref.bits && at.bits + tri_shape_extent(s->model->object[id].shape) <= ref.bits) continue;
    if (!model_unreachable(s->model, id, s->running == 1)) return id;
    if (model_alive(&s->model->object[id])) model_forget(s->model, id);
  }
  return 0;
}

// memcmp of the memory with itself, one byte on, is the fastest portable way to say that all bytes are equal.
static bool all_zero(const unsigned char *bytes, size_t n) {
  return !n || (!bytes[0] && memcmp(bytes, bytes + 1, n - 1) == 0);
}

static size_t find_dirty(const unsigned char *bytes, size_t from, size_t n) {
  if (all_zero(bytes + from, n)) return SIZE_MAX;
  while (!bytes[from]) from++;
  return from;
}

// Of large objects the ends and a sample between: reading all would double the page faults of the program.
enum { WHOLE = 4 << 10, END = 512, EACH = 16 << 10, SAMPLE = 64 };

static size_t find_dirty_sampled(const unsigned char *bytes, size_t n) {
  if (n <= WHOLE) return find_dirty(bytes, 0, n);
  size_t dirty = find_dirty(bytes, 0, END);
  for (size_t at = EACH; dirty == SIZE_MAX && at + SAMPLE < n; at += EACH)
    dirty = find_dirty(bytes, at, SAMPLE);
  return dirty == SIZE_MAX ? find_dirty(bytes, n - END, END) : dirty;
}

// The first byte of a fresh object that is not zero.
static size_t first_dirty_byte(const struct tri_shadow *s, struct tri_mutator *m, tri_ref ref,
                               struct tri_shape shape) {
  const struct tri_collector *inner = s->shim.inner;
  switch (tri_shape_kind(shape)) {
  case TRI_NODE:
    return find_dirty_sampled((const unsigned char *)ref.bits, tri_shape_extent(shape));
  case TRI_WEAK:
    return tri_is_null(inner->weak_get(m, ref)) ? SIZE_MAX : 0;
  case TRI_EPHEMERON:
    if (!tri_is_null(inner->ephemeron_key(m, ref))) return 0;
    return tri_is_null(inner->ephemeron_value(m, ref)) ? SIZE_MAX : sizeof(tri_ref);
  }
  return SIZE_MAX;
}

static void born(struct tri_shadow *s, struct tri_mutator *m, tri_ref ref, struct tri_shape shape) {
  s->allocations++;
  s->asked_bytes += tri_shape_extent(shape);
  s->looked[TRI_WHEN_ALLOC]++;
  uint32_t other = overlapped(s, ref, tri_shape_extent(shape));
  bool placed = !other && ref.bits % sizeof(tri_ref) == 0;
  size_t dirty = placed ? first_dirty_byte(s, m, ref, shape) : SIZE_MAX;
  if (TRI_UNLIKELY(!placed || dirty != SIZE_MAX)) {
    struct tri_view view = {
        .object = other, .slot = SIZE_MAX, .ref = ref, .shape = shape, .dirty = dirty, .overlapped = other};
    if (!shadow_judge(s, TRI_WHEN_ALLOC, &view)) return;
  }
  uint32_t id = model_add(s->model, ref, shape);
  struct model_object *o = &s->model->object[id];
  o->mutator = (uint8_t)m->id;
  o->turn = s->turn[m->id % SHADOW_TURNS];
  if (TRI_UNLIKELY(s->marking.on)) shadow_note_born(s, id);
}

// Even a collector that spends a block of 64 KiB on each object, keeps twice what it needs and gives each
// mutator a region has this much.
static uint64_t wasteful_need(const struct tri_shadow *s, uint64_t objects, uint64_t bytes) {
  return (objects + 8) * (64 << 10) + (uint64_t)s->attached * (1 << 20) + 4 * bytes;
}

// Bytes needed at most, with one object more. The model still has the garbage that no collection has told of:
// if that matters, it is left out. (Another mutator that runs may hold more in its C locals.)
static uint64_t needed(struct tri_shadow *s, struct tri_shape shape) {
  struct model *model = s->model;
  uint64_t more = tri_shape_extent(shape), objects = 0, bytes = more;
  uint64_t with_garbage = wasteful_need(s, model->live, model->live_bytes + more);
  if (with_garbage < s->heap_option || wasteful_need(s, 0, more) >= s->heap_option || s->running > 1)
    return with_garbage;
  uint32_t mark = ++model->mark;
  model_trace_roots(model, mark);
  for (uint32_t i = 0; i < model->n_registrations; i++)
    model_trace_from(model, model->registration[i].id, mark, mark);
  if (!tri_has(s->heap, TRI_CAP_CYCLES)) model_trace_cycles(model, mark, ++model->mark);
  for (uint32_t id = 1; id < model->n_objects; id++) {
    const struct model_object *o = &model->object[id];
    if (!model_alive(o) || o->mark < mark) continue;
    objects++;
    bytes += tri_shape_extent(o->shape);
  }
  return wasteful_need(s, objects, bytes);
}

static tri_ref shadow_alloc(struct tri_mutator *m, struct tri_shape shape) {
  struct tri_shadow *s = shadow_of(m->heap);
  forget_locals(m);
  uint64_t failures = tri_os_failures();
  enum tri_status before = m->status;
  m->status = TRI_OK;
  tri_ref ref = s->broken ? TRI_NULL : s->shim.inner->alloc(m, shape);
  lock_for(s, m);
  if (tri_is_null(ref) && !s->broken) {
    s->looked[TRI_WHEN_FAILED]++;
    bool rehearsed = tri_os_failures() != failures;
    struct tri_view view = {.slot = SIZE_MAX,
                            .shape = shape,
                            .status = m->status,
                            .wanted = tri_alloc_check(m, shape),
                            .needed = rehearsed ? UINT64_MAX : needed(s, shape),
                            .room = s->heap_option};
    shadow_judge(s, TRI_WHEN_FAILED, &view);
  } else if (!s->broken) {
    born(s, m, ref, shape);
    m->status = before;
  }
  if (s->broken) { // since before, since a collection on the way, or for this very object
    ref = TRI_NULL;
    m->status = TRI_ENOMEM;
  }
  leave(s);
  return ref;
}

void call_alloc_override(struct tri_collector *record) { record->alloc = shadow_alloc; }
