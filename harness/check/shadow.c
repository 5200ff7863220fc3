// The calls: each checks its arguments against the model, forwards, checks the answer and updates the model.
// Under the lock wherever the inner call cannot collect, so that the order of racing stores is the real one.
#include "check/shadow.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check/state.h"
#include "common/os.h"
#include "tricolor/collector.h"

// -------------------------------------------------------------------------------- reports

static uint64_t operation(const struct tri_shadow *s) {
  return s->operation == UINT64_MAX ? s->calls : s->operation;
}

struct find_root {
  const tri_ref *slot;
  char *text;
  size_t bytes;
};

static void find_root(void *context, struct tri_mutator *m) {
  struct find_root *find = context;
  size_t depth = 0;
  for (struct tri_frame *frame = m->frames; frame; frame = frame->previous, depth++) {
    tri_ref *slots = tri_frame_slots(frame);
    if (find->slot >= slots && find->slot < slots + frame->count)
      snprintf(find->text, find->bytes, "m%u frame %zu slot %zu", m->id, depth, (size_t)(find->slot - slots));
  }
}

static void name_root(struct tri_shadow *s, const tri_ref *slot, char *text, size_t bytes) {
  snprintf(text, bytes, "handle");
  struct find_root find = {slot, text, bytes};
  tri_each_mutator(s->heap, find_root, &find);
}

// From the root to a slot of an object, the way the last pass came; long paths lose their middle.
static void write_path(struct tri_shadow *s, const struct tri_view *view, char *text, size_t bytes) {
  *text = 0;
  if (view->root) {
    name_root(s, view->root, text, bytes);
    return;
  }
  uint32_t chain[8], n = 0, length = 0, at = view->object;
  const struct model *model = s->model;
  if (!at || (!model->object[at].parent && !model->object[at].via)) return; // not met by a pass yet
  while (model->object[at].parent && length++ < model->n_objects) {
    if (n < 8) chain[n++] = at;
    at = model->object[at].parent;
  }
  name_root(s, (const tri_ref *)model->object[at].via, text, bytes);
  size_t used = strlen(text);
  used += (size_t)snprintf(text + used, bytes - used, " -> #%u", model->object[at].serial);
  if (length > n) used += (size_t)snprintf(text + used, bytes - used, " -> … (%u more)", length - n);
  while (n-- > 0 && used < bytes)
    used += (size_t)snprintf(text + used, bytes - used, "[%" PRIuPTR "] -> #%u", model->object[chain[n]].via,
                             model->object[chain[n]].serial);
}

static void note_phase(struct tri_shadow *s, const struct tri_event *event) {
  s->phases[s->n_phases++ % SHADOW_PHASES] = (struct phase){event->kind, event->a, operation(s)};
}

// The events in the ring, oldest first, by operation.
static void write_phases(const struct tri_shadow *s, char *text, size_t bytes) {
  static const char *const kinds[] = {
      [TRI_COLLECT_MINOR] = "(MINOR)", [TRI_COLLECT_FULL] = "(FULL)", [TRI_COLLECT_COMPACT] = "(COMPACT)"};
  size_t used = 0;
  uint64_t first = s->n_phases > SHADOW_PHASES ? s->n_phases - SHADOW_PHASES : 0, at = UINT64_MAX;
  *text = 0;
  for (uint64_t i = first; i < s->n_phases && used < bytes; i++) {
    const struct phase *phase = &s->phases[i % SHADOW_PHASES];
    bool kind = phase->kind == TRI_EVENT_COLLECTION_BEGIN && phase->a <= TRI_COLLECT_COMPACT;
    if (phase->operation != at)
      used += (size_t)snprintf(text + used, bytes - used, "%soperation %" PRIu64 ":", i > first ? "; " : "",
                               phase->operation);
    at = phase->operation;
    if (used < bytes)
      used += (size_t)snprintf(text + used, bytes - used, " %s%s", tri_event_name(phase->kind),
                               kind ? kinds[phase->a] : "");
  }
}

static uint64_t last_writer(struct tri_shadow *s, const struct tri_view *view) {
  if (view->root) {
    struct model_entry *e = model_map_find(&s->model->roots, (uintptr_t)view->root);
    return e ? e->writer : 0;
  }
  if (!view->object || view->slot == SIZE_MAX) return 0;
  return model_edges(s->model, &s->model->object[view->object])[view->slot].writer;
}

void tri_finding_print(FILE *out, const struct tri_finding *f) {
  fprintf(out, "%s: %s violated (%s)\n  %s", f->collector, f->row->id, f->row->doc, f->text);
  if (f->object) fprintf(out, "\n  object #%u", f->object);
  if (f->path && *f->path) fprintf(out, "%s%s", f->object ? ": " : "\n  at ", f->path);
  if (f->last_writer) fprintf(out, "\n  last written by operation %" PRIu64, f->last_writer);
  if (f->phases && *f->phases) fprintf(out, "\n  phases: %s", f->phases);
  fprintf(out, "\n  after %" PRIu64 " collections, at operation %" PRIu64 "\n", f->epoch, f->operation);
}

static void report(struct tri_shadow *s, size_t row, struct tri_view *view) {
  const struct tri_invariant *invariant = &tri_invariants[row];
  s->findings++;
  // S6, S8 and S10 speak of the collector's own books, not of what the program sees.
  bool books = invariant->when == TRI_WHEN_EXTENT || invariant->when == TRI_WHEN_HEAP ||
               invariant->when == TRI_WHEN_WALK;
  if (strchr("SCW", invariant->id[0]) && !books) s->broken = true;
  if (s->reported[row] >= SHADOW_REPORTS_PER_ROW) return;
  s->reported[row]++;
  char path[400], phases[400];
  write_path(s, view, path, sizeof path);
  write_phases(s, phases, sizeof phases);
  struct tri_finding finding = {.row = invariant,
                                .text = view->text,
                                .collector = s->heap->ops->name,
                                .epoch = s->heap->epoch,
                                .operation = operation(s),
                                .object = view->object ? s->model->object[view->object].serial : 0,
                                .last_writer = last_writer(s, view),
                                .path = path,
                                .phases = phases};
  if (s->options->report) {
    s->options->report(s->options->context, s->heap, &finding);
    return;
  }
  tri_finding_print(stderr, &finding);
  fflush(NULL);
  _Exit(1);
}

bool shadow_judge(struct tri_shadow *s, enum tri_when when, struct tri_view *view) {
  bool good = true;
  view->heap = s->heap;
  for (uint64_t rows = s->rows[when]; rows; rows &= rows - 1) {
    size_t row = (size_t)__builtin_ctzll(rows);
    if (tri_invariants[row].holds(view)) continue;
    report(s, row, view);
    good = false;
    if (when == TRI_WHEN_SLOT) break;
  }
  return good;
}

// -------------------------------------------------------------------------------- arguments

static struct tri_shadow *enter(struct tri_mutator *m) {
  struct tri_shadow *s = shadow_of(m->heap);
  tri_mutex_lock(&s->lock);
  s->calls++;
  return s;
}

static void leave(struct tri_shadow *s) { tri_mutex_unlock(&s->lock); }

// The call may collect: no reference in a C local of this mutator counts any more.
static void forget_locals(struct tri_mutator *m) {
  struct tri_shadow *s = enter(m);
  s->turn[m->id % SHADOW_TURNS]++;
  if (s->running == 1 && !s->broken) model_settle(s->model);
  leave(s);
}

// The object that a call was given, or 0 and a finding.
static uint32_t object_argument(struct tri_shadow *s, const char *call, tri_ref ref) {
  s->looked[TRI_WHEN_ARGUMENT]++;
  uint32_t id = model_at(s->model, ref);
  if (TRI_LIKELY(id)) return id;
  struct tri_view view = {.call = call, .ref = ref};
  shadow_judge(s, TRI_WHEN_ARGUMENT, &view);
  return 0;
}

// The same for a value, which may be null.
static bool value_argument(struct tri_shadow *s, const char *call, tri_ref ref, uint32_t *id) {
  *id = 0;
  return tri_is_null(ref) || (*id = object_argument(s, call, ref)) != 0;
}

static bool slots_argument(struct tri_shadow *s, const char *call, uint32_t id, size_t index, size_t count) {
  s->looked[TRI_WHEN_INDEX]++;
  struct tri_shape shape = s->model->object[id].shape;
  size_t limit = tri_shape_kind(shape) == TRI_NODE ? tri_shape_refs(shape) : 0;
  if (TRI_LIKELY(index <= limit && count <= limit - index)) return true;
  struct tri_view view = {
      .call = call, .object = id, .slot = SIZE_MAX, .index = index, .count = count, .limit = limit};
  shadow_judge(s, TRI_WHEN_INDEX, &view);
  return false;
}

static bool kind_argument(struct tri_shadow *s, const char *call, uint32_t id, enum tri_kind kind) {
  if (TRI_LIKELY(tri_shape_kind(s->model->object[id].shape) == kind)) return true;
  struct tri_view view = {.call = call, .object = id, .slot = SIZE_MAX, .index = 0, .count = 1};
  shadow_judge(s, TRI_WHEN_INDEX, &view);
  return false;
}

static uint32_t edge(struct tri_shadow *s, uint32_t id, size_t i) {
  return model_edges(s->model, &s->model->object[id])[i].id;
}

static void set_edge(struct tri_shadow *s, uint32_t id, size_t i, uint32_t target) {
  model_set_edge(s->model, id, i, target, (uint32_t)operation(s));
}

// What a load of a slot returned.
static void check_loaded(struct tri_shadow *s, uint32_t id, size_t i, tri_ref ref) {
  s->looked[TRI_WHEN_SLOT]++;
  uint32_t target = edge(s, id, i);
  const struct model_object *t = target ? &s->model->object[target] : NULL;
  if (TRI_LIKELY(ref.bits == (t ? t->ref.bits : 0)) || (t && t->flags & MODEL_FREED)) return;
  uint32_t claimed = model_at(s->model, ref);
  struct tri_view view = {.object = id,
                          .slot = i,
                          .ref = ref,
                          .target = t,
                          .claimed = claimed,
                          .allocated = claimed != 0,
                          .visited = t && !tri_is_null(t->ref)};
  shadow_judge(s, TRI_WHEN_SLOT, &view);
}

// -------------------------------------------------------------------------------- fast calls

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
}

// Even a collector that spends a block of 64 KiB on each object, keeps twice what it needs and gives each
// mutator a region has this much.
static uint64_t wasteful_need(struct tri_shadow *s, struct tri_shape shape) {
  return ((uint64_t)s->model->live + 8) * (64 << 10) + (uint64_t)s->attached * (1 << 20) +
         4 * (s->model->live_bytes + tri_shape_extent(shape));
}

static tri_ref shadow_alloc(struct tri_mutator *m, struct tri_shape shape) {
  struct tri_shadow *s = shadow_of(m->heap);
  forget_locals(m);
  uint64_t failures = tri_os_failures();
  enum tri_status before = m->status;
  m->status = TRI_OK;
  tri_ref ref = s->broken ? TRI_NULL : s->shim.inner->alloc(m, shape);
  tri_mutex_lock(&s->lock);
  if (tri_is_null(ref) && !s->broken) {
    s->looked[TRI_WHEN_FAILED]++;
    bool rehearsed = tri_os_failures() != failures;
    struct tri_view view = {.slot = SIZE_MAX,
                            .shape = shape,
                            .status = m->status,
                            .wanted = tri_alloc_check(m, shape),
                            .needed = rehearsed ? UINT64_MAX : wasteful_need(s, shape),
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

static tri_ref shadow_load(struct tri_mutator *m, tri_ref object, size_t i) {
  struct tri_shadow *s = enter(m);
  uint32_t id;
  tri_ref ref = TRI_NULL;
  if (!s->broken && (id = object_argument(s, "load", object)) && slots_argument(s, "load", id, i, 1)) {
    ref = s->shim.inner->load(m, object, i);
    check_loaded(s, id, i, ref);
  }
  leave(s);
  return ref;
}

static void shadow_store(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  struct tri_shadow *s = enter(m);
  uint32_t id, target;
  if (!s->broken && (id = object_argument(s, "store", object)) && slots_argument(s, "store", id, i, 1) &&
      value_argument(s, "store", value, &target)) {
    s->shim.inner->store(m, object, i, value);
    set_edge(s, id, i, target);
  }
  leave(s);
}

static bool check_init(struct tri_shadow *s, struct tri_mutator *m, uint32_t id, size_t i) {
  s->looked[TRI_WHEN_INIT]++;
  const struct model_object *o = &s->model->object[id];
  bool fresh = o->mutator == (uint8_t)m->id && o->turn == s->turn[m->id % SHADOW_TURNS];
  if (TRI_LIKELY(fresh && !model_edges(s->model, o)[i].writer)) return true;
  struct tri_view view = {.call = "init", .object = id, .slot = i};
  return shadow_judge(s, TRI_WHEN_INIT, &view);
}

static void shadow_init(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  struct tri_shadow *s = enter(m);
  uint32_t id, target;
  if (!s->broken && (id = object_argument(s, "init", object)) && slots_argument(s, "init", id, i, 1) &&
      value_argument(s, "init", value, &target) && check_init(s, m, id, i)) {
    s->shim.inner->init(m, object, i, value);
    set_edge(s, id, i, target);
  }
  leave(s);
}

static tri_ref shadow_swap(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  struct tri_shadow *s = enter(m);
  uint32_t id, target;
  tri_ref old = TRI_NULL;
  if (!s->broken && (id = object_argument(s, "swap", object)) && slots_argument(s, "swap", id, i, 1) &&
      value_argument(s, "swap", value, &target)) {
    old = s->shim.inner->swap(m, object, i, value);
    check_loaded(s, id, i, old);
    set_edge(s, id, i, target);
  }
  leave(s);
  return old;
}

static void check_identity(struct tri_shadow *s, uint32_t id, size_t i, bool answer, bool expected) {
  s->looked[TRI_WHEN_SAME]++;
  if (TRI_LIKELY(answer == expected)) return;
  struct tri_view view = {.object = id, .slot = i, .answer = answer, .expected = expected};
  shadow_judge(s, TRI_WHEN_SAME, &view);
}

static bool shadow_cas(struct tri_mutator *m, tri_ref object, size_t i, tri_ref expected, tri_ref value) {
  struct tri_shadow *s = enter(m);
  uint32_t id, want, target;
  bool done = false;
  if (!s->broken && (id = object_argument(s, "cas", object)) && slots_argument(s, "cas", id, i, 1) &&
      value_argument(s, "cas", expected, &want) && value_argument(s, "cas", value, &target)) {
    done = s->shim.inner->cas(m, object, i, expected, value);
    uint32_t held = edge(s, id, i);
    if (!(s->model->object[held].flags & MODEL_FREED)) check_identity(s, id, i, done, held == want);
    if (done) set_edge(s, id, i, target);
  }
  leave(s);
  return done;
}

static void shadow_copy(struct tri_mutator *m, tri_ref to, size_t to_i, tri_ref from, size_t from_i,
                        size_t n) {
  struct tri_shadow *s = enter(m);
  uint32_t to_id, from_id;
  if (!s->broken && (to_id = object_argument(s, "copy", to)) && slots_argument(s, "copy", to_id, to_i, n) &&
      (from_id = object_argument(s, "copy", from)) && slots_argument(s, "copy", from_id, from_i, n)) {
    s->shim.inner->copy(m, to, to_i, from, from_i, n);
    bool down = to_id == from_id && to_i > from_i;
    for (size_t k = 0; k < n; k++) {
      size_t j = down ? n - 1 - k : k;
      set_edge(s, to_id, to_i + j, edge(s, from_id, from_i + j));
    }
  }
  leave(s);
}

static void shadow_fill(struct tri_mutator *m, tri_ref object, size_t i, size_t n, tri_ref value) {
  struct tri_shadow *s = enter(m);
  uint32_t id, target;
  if (!s->broken && (id = object_argument(s, "fill", object)) && slots_argument(s, "fill", id, i, n) &&
      value_argument(s, "fill", value, &target)) {
    s->shim.inner->fill(m, object, i, n, value);
    for (size_t k = 0; k < n; k++) set_edge(s, id, i + k, target);
  }
  leave(s);
}

static void *shadow_raw(struct tri_mutator *m, tri_ref object) {
  struct tri_shadow *s = enter(m);
  void *raw = NULL;
  if (s->broken ? model_at(s->model, object) : object_argument(s, "raw", object))
    raw = s->shim.inner->raw(m, object);
  leave(s);
  return raw;
}

static struct tri_shape shadow_shape(struct tri_mutator *m, tri_ref object) {
  struct tri_shadow *s = enter(m);
  struct tri_shape shape = {1};
  uint32_t id;
  if (!s->broken && (id = object_argument(s, "shape", object))) {
    shape = s->shim.inner->shape(m, object);
    s->looked[TRI_WHEN_OBJECT]++;
    if (TRI_UNLIKELY(!tri_shape_equal(shape, s->model->object[id].shape))) {
      struct tri_view view = {
          .object = id, .slot = SIZE_MAX, .shape_call = shape, .model = &s->model->object[id]};
      shadow_judge(s, TRI_WHEN_OBJECT, &view);
    }
  }
  leave(s);
  return shape;
}

static bool shadow_same(struct tri_mutator *m, tri_ref a, tri_ref b) {
  struct tri_shadow *s = enter(m);
  bool same = false;
  uint32_t a_id, b_id;
  if (!s->broken && value_argument(s, "same", a, &a_id) && value_argument(s, "same", b, &b_id)) {
    same = s->shim.inner->same(m, a, b);
    check_identity(s, a_id, SIZE_MAX, same, a_id == b_id);
  }
  leave(s);
  return same;
}

static void shadow_free(struct tri_mutator *m, tri_ref object) {
  struct tri_shadow *s = enter(m);
  uint32_t id;
  if (!s->broken && (id = object_argument(s, "free", object))) {
    s->shim.inner->free(m, object);
    if (tri_has(s->heap, TRI_CAP_EXPLICIT_FREE)) model_forget(s->model, id);
  }
  leave(s);
}

static void shadow_root_set(struct tri_mutator *m, tri_ref *slot, tri_ref value) {
  struct tri_shadow *s = enter(m);
  uint32_t target;
  if (s->broken) {
    *slot = value;
  } else if (value_argument(s, "root_set", value, &target)) {
    s->shim.inner->root_set(m, slot, value);
    model_set_root(s->model, slot, target, (uint32_t)operation(s));
  }
  leave(s);
}

static void check_frames(struct tri_shadow *s, const char *call, bool ok) {
  s->looked[TRI_WHEN_FRAME]++;
  if (TRI_LIKELY(ok)) return;
  struct tri_view view = {.call = call, .slot = SIZE_MAX};
  shadow_judge(s, TRI_WHEN_FRAME, &view);
}

static void shadow_frame_push(struct tri_mutator *m, struct tri_frame *frame) {
  struct tri_shadow *s = enter(m);
  check_frames(s, "frame_push", m->frames == frame);
  if (!s->broken) s->shim.inner->frame_push(m, frame);
  leave(s);
}

static void shadow_frame_pop(struct tri_mutator *m, struct tri_frame *frame) {
  struct tri_shadow *s = enter(m);
  check_frames(s, "frame_pop", m->frames == frame);
  if (!s->broken) {
    s->shim.inner->frame_pop(m, frame);
    for (size_t i = 0; i < frame->count; i++) model_set_root(s->model, &tri_frame_slots(frame)[i], 0, 0);
  }
  leave(s);
}

// -------------------------------------------------------------------------------- weak, finalizers

static void shadow_weak_set(struct tri_mutator *m, tri_ref weak, tri_ref target) {
  struct tri_shadow *s = enter(m);
  uint32_t id, target_id;
  if (!s->broken && (id = object_argument(s, "weak_set", weak)) &&
      kind_argument(s, "weak_set", id, TRI_WEAK) && value_argument(s, "weak_set", target, &target_id)) {
    s->shim.inner->weak_set(m, weak, target);
    set_edge(s, id, 0, target_id);
  }
  leave(s);
}

// The program has a reference to an object that only a weak reference held: it counts as a C local from now
// on, and what the last collection saw of its registrations no longer holds.
static void resurrected(struct tri_shadow *s, uint32_t id) {
  model_hold(s->model, id);
  const struct model_object *o = &s->model->object[id];
  if (o->died) return; // handed out before: another registration of it may be in the queue
  for (uint32_t i = 0; o->finalizers && i < s->model->n_registrations; i++)
    if (s->model->registration[i].id == id)
      s->model->registration[i].dead = s->model->registration[i].due = false;
}

// What a getter of a weak object returned for slot i, which lives as long as the object in slot `key`.
static void check_weak(struct tri_shadow *s, enum tri_when when, uint32_t id, size_t i, size_t key,
                       tri_ref ref) {
  s->looked[when]++;
  uint32_t target = edge(s, id, i), holder = edge(s, id, key);
  if (tri_is_null(ref) && !target) return;
  struct tri_view view = {
      .object = id, .slot = i, .ref = ref, .cleared = tri_is_null(ref), .value_cleared = true};
  if (holder) view.target = &s->model->object[holder];
  if (view.target && view.target->flags & MODEL_FREED) return;
  view.identical = target && ref.bits == s->model->object[target].ref.bits;
  if (view.cleared)
    view.reachable =
        holder && !model_died_since(s->model, id, key) && !model_unreachable(s->model, holder, false);
  shadow_judge(s, when, &view);
  if (view.cleared && target)
    for (size_t k = 0; k <= (when == TRI_WHEN_EPHEMERON); k++) set_edge(s, id, k, 0);
  if (view.identical) resurrected(s, target);
}

static tri_ref shadow_weak_get(struct tri_mutator *m, tri_ref weak) {
  struct tri_shadow *s = enter(m);
  uint32_t id;
  tri_ref ref = TRI_NULL;
  if (!s->broken && (id = object_argument(s, "weak_get", weak)) &&
      kind_argument(s, "weak_get", id, TRI_WEAK)) {
    ref = s->shim.inner->weak_get(m, weak);
    check_weak(s, TRI_WHEN_WEAK, id, 0, 0, ref);
  }
  leave(s);
  return ref;
}

static void shadow_ephemeron_set(struct tri_mutator *m, tri_ref ephemeron, tri_ref key, tri_ref value) {
  struct tri_shadow *s = enter(m);
  uint32_t id, key_id, value_id;
  if (!s->broken && (id = object_argument(s, "ephemeron_set", ephemeron)) &&
      kind_argument(s, "ephemeron_set", id, TRI_EPHEMERON) &&
      value_argument(s, "ephemeron_set", key, &key_id) &&
      value_argument(s, "ephemeron_set", value, &value_id)) {
    s->shim.inner->ephemeron_set(m, ephemeron, key, value);
    set_edge(s, id, 0, key_id);
    set_edge(s, id, 1, value_id);
  }
  leave(s);
}

static tri_ref ephemeron_get(struct tri_mutator *m, tri_ref ephemeron, const char *call, size_t i) {
  struct tri_shadow *s = enter(m);
  uint32_t id;
  tri_ref ref = TRI_NULL;
  tri_ref (*get)(struct tri_mutator *, tri_ref) =
      i ? s->shim.inner->ephemeron_value : s->shim.inner->ephemeron_key;
  if (!s->broken && (id = object_argument(s, call, ephemeron)) && kind_argument(s, call, id, TRI_EPHEMERON)) {
    ref = get(m, ephemeron);
    check_weak(s, TRI_WHEN_EPHEMERON, id, i, 0, ref);
  }
  leave(s);
  return ref;
}

static tri_ref shadow_ephemeron_key(struct tri_mutator *m, tri_ref ephemeron) {
  return ephemeron_get(m, ephemeron, "ephemeron_key", 0);
}

static tri_ref shadow_ephemeron_value(struct tri_mutator *m, tri_ref ephemeron) {
  return ephemeron_get(m, ephemeron, "ephemeron_value", 1);
}

static bool shadow_pin(struct tri_mutator *m, tri_ref object) {
  struct tri_shadow *s = enter(m);
  uint32_t id;
  bool pinned = false;
  if (!s->broken && (id = object_argument(s, "pin", object))) {
    pinned = s->shim.inner->pin(m, object);
    if (pinned) s->model->object[id].pins++;
  }
  leave(s);
  return pinned;
}

static void shadow_unpin(struct tri_mutator *m, tri_ref object) {
  struct tri_shadow *s = enter(m);
  uint32_t id;
  if (!s->broken && (id = object_argument(s, "unpin", object))) {
    s->shim.inner->unpin(m, object);
    if (s->model->object[id].pins) s->model->object[id].pins--;
  }
  leave(s);
}

static enum tri_status shadow_finalizer_add(struct tri_mutator *m, tri_ref object, uint64_t cookie) {
  struct tri_shadow *s = enter(m);
  enum tri_status status = TRI_EINVAL;
  uint32_t id;
  if (!s->broken && (id = object_argument(s, "finalizer_add", object))) {
    status = s->shim.inner->finalizer_add(m, object, cookie);
    if (status == TRI_OK) model_register(s->model, id, cookie);
  }
  leave(s);
  return status;
}

// The registration that the queue handed out: by address, or where a moving collector has kept the object out
// of sight, by cookie and shape.
static uint32_t find_registration(struct tri_shadow *s, struct tri_mutator *m, tri_ref ref, uint64_t cookie) {
  const struct model *model = s->model;
  uint32_t id = model_at(model, ref), found = UINT32_MAX;
  for (uint32_t i = 0; i < model->n_registrations; i++) {
    const struct model_registration *r = &model->registration[i];
    const struct model_object *o = &model->object[r->id];
    if (r->cookie != cookie) continue;
    bool match =
        id ? r->id == id : tri_is_null(o->ref) && tri_shape_equal(o->shape, s->shim.inner->shape(m, ref));
    if (match && (r->dead || found == UINT32_MAX)) {
      found = i;
      if (r->dead) break;
    }
  }
  return found;
}

// The object, and what only it leads to, was unreachable until the queue handed it out.
static void note_died(struct tri_shadow *s, uint32_t id) {
  struct model *model = s->model;
  uint32_t value = model->mark += 2;
  model_trace_roots(model, value - 1);
  model_trace_from(model, id, value - 1, value);
  for (uint32_t i = 1; i < model->n_objects; i++)
    if (model_alive(&model->object[i]) && model->object[i].mark == value)
      model->object[i].died = (uint32_t)operation(s);
}

static tri_ref shadow_finalizer_next(struct tri_mutator *m, uint64_t *cookie) {
  struct tri_shadow *s = enter(m);
  tri_ref ref = s->broken ? TRI_NULL : s->shim.inner->finalizer_next(m, cookie);
  if (!tri_is_null(ref)) {
    s->looked[TRI_WHEN_FINALIZER]++;
    struct tri_view view = {.slot = SIZE_MAX, .ref = ref, .cookie = *cookie, .intact = true};
    uint32_t found = find_registration(s, m, ref, *cookie);
    uint32_t id = found == UINT32_MAX ? 0 : s->model->registration[found].id;
    if (id) {
      view.registered = true;
      view.object = id;
      view.dead = s->model->registration[found].dead || model_unreachable(s->model, id, false);
      view.intact = shadow_adopt(s, m, id, ref);
    }
    if (shadow_judge(s, TRI_WHEN_FINALIZER, &view)) {
      note_died(s, id);
      model_unregister(s->model, found);
      model_hold(s->model, id);
    }
  }
  leave(s);
  return ref;
}

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
  tri_mutex_lock(&s->lock);
  s->running--;
  tri_mutex_unlock(&s->lock);
}

static void shadow_unpark(struct tri_mutator *m) {
  struct tri_shadow *s = shadow_of(m->heap);
  s->shim.inner->unpark(m);
  tri_mutex_lock(&s->lock);
  s->running++;
  tri_mutex_unlock(&s->lock);
}

// A pass outside a collection: while this mutator runs alone, and nobody can begin to run. To be called with
// no lock held.
static void run_pass_alone(struct tri_shadow *s, struct shadow_pass what) {
  if (!tri_mutex_try_lock(&s->gate)) return;
  tri_mutex_lock(&s->lock);
  if (s->running <= 1 && !s->broken) shadow_run_pass(s, what);
  tri_mutex_unlock(&s->lock);
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

static enum tri_status shadow_attach(struct tri_heap *heap, struct tri_mutator **m) {
  struct tri_shadow *s = shadow_of(heap);
  tri_mutex_lock(&s->gate);
  enum tri_status status = s->shim.inner->attach(heap, m);
  if (status == TRI_OK) {
    tri_mutex_lock(&s->lock);
    s->attached++;
    s->running++;
    s->turn[(*m)->id % SHADOW_TURNS]++;
    tri_mutex_unlock(&s->lock);
  }
  tri_mutex_unlock(&s->gate);
  return status;
}

static void shadow_detach(struct tri_mutator *m) {
  struct tri_shadow *s = enter(m);
  check_frames(s, "detach", !m->frames);
  s->attached--;
  s->running--;
  s->shim.inner->detach(m);
  leave(s);
}

// -------------------------------------------------------------------------------- the shim

static void shadow_event(struct tri_shim *shim, struct tri_heap *heap, const struct tri_event *event) {
  struct tri_shadow *s = (struct tri_shadow *)shim;
  note_phase(s, event);
  if (!s->heap || s->broken) return;
  bool thorough = s->options->check == TRI_CHECK_GC;
  bool moves = tri_has(heap, TRI_CAP_MOVES);
  switch (event->kind) {
  case TRI_EVENT_STOPPED:
  case TRI_EVENT_COLLECTION_BEGIN:
    if (thorough && !s->snapshot_valid) shadow_take_snapshot(s);
    break;
  case TRI_EVENT_COLLECTION_END:
    shadow_run_pass(s, (struct shadow_pass){.moved = moves,
                                            .drop = true,
                                            .light = !thorough,
                                            .swept = event->b != 0,
                                            .full = event->b && event->a != TRI_COLLECT_MINOR});
    s->snapshot_valid = false;
    break;
  case TRI_EVENT_RESUME:
    s->snapshot_valid = false;
    break;
  default:
    break;
  }
}

static void shadow_override(struct tri_collector *record) {
  record->alloc = shadow_alloc;
  record->load = shadow_load;
  record->store = shadow_store;
  record->init = shadow_init;
  record->swap = shadow_swap;
  record->cas = shadow_cas;
  record->copy = shadow_copy;
  record->fill = shadow_fill;
  record->raw = shadow_raw;
  record->shape = shadow_shape;
  record->same = shadow_same;
  record->free = shadow_free;
  record->root_set = shadow_root_set;
  record->frame_push = shadow_frame_push;
  record->frame_pop = shadow_frame_pop;
  record->weak_set = shadow_weak_set;
  record->weak_get = shadow_weak_get;
  record->ephemeron_set = shadow_ephemeron_set;
  record->ephemeron_key = shadow_ephemeron_key;
  record->ephemeron_value = shadow_ephemeron_value;
  record->safepoint = shadow_safepoint;
  record->attach = shadow_attach;
  record->detach = shadow_detach;
  record->park = shadow_park;
  record->unpark = shadow_unpark;
  record->pin = shadow_pin;
  record->unpin = shadow_unpin;
  record->finalizer_add = shadow_finalizer_add;
  record->finalizer_next = shadow_finalizer_next;
  record->collect = shadow_collect;
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
  s->operation = UINT64_MAX;
  return &s->shim;
}

static void shadow_opened(struct tri_shim *shim, struct tri_heap *heap) {
  struct tri_shadow *s = (struct tri_shadow *)shim;
  s->heap = heap;
  for (size_t row = 0; row < tri_n_invariants; row++) {
    const struct tri_invariant *invariant = &tri_invariants[row];
    s->enabled[row] = !(invariant->needs & ~heap->caps) && !(invariant->without & heap->caps);
    if (s->enabled[row]) s->rows[invariant->when] |= UINT64_C(1) << row;
  }
}

static void shadow_closing(struct tri_shim *shim, struct tri_heap *heap) {
  struct tri_shadow *s = (struct tri_shadow *)shim;
  if (s->options->summary) tri_shadow_summary(heap, s->options->summary);
  s->heap = NULL;
}

static void shadow_close(struct tri_shim *shim) {
  struct tri_shadow *s = (struct tri_shadow *)shim;
  model_free(s->model);
  // All but the buffers starts anew.
  struct tri_shadow fresh = {.walked = s->walked,
                             .walked_capacity = s->walked_capacity,
                             .walked_at = s->walked_at,
                             .weak = s->weak,
                             .weak_capacity = s->weak_capacity,
                             .ephemerons = s->ephemerons,
                             .ephemeron_capacity = s->ephemeron_capacity};
  *s = fresh;
  s = __atomic_exchange_n(&kept, s, __ATOMIC_ACQ_REL);
  if (!s) return;
  free(s->walked);
  free(s->walked_at.entry);
  free(s->weak);
  free(s->ephemerons);
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
  _Static_assert(sizeof((struct tri_shadow *)0)->enabled >= 48, "more rows than the counters have room for");
  return tri_shim_wrap(record, inner, &tri_shadow_class, options);
}

size_t tri_shadow_check(struct tri_heap *heap) {
  struct tri_shadow *s = shadow_of(heap);
  if (!s) return 0;
  run_pass_alone(s, (struct shadow_pass){.swept = true});
  return s->findings;
}

void tri_shadow_operation(struct tri_heap *heap, uint64_t operation) {
  struct tri_shadow *s = shadow_of(heap);
  if (s) s->operation = operation;
}

size_t tri_shadow_findings(const struct tri_heap *heap) {
  struct tri_shadow *s = shadow_of(heap);
  return s ? s->findings : 0;
}

uint64_t tri_shadow_objects(const struct tri_heap *heap) {
  struct tri_shadow *s = shadow_of(heap);
  return s ? s->model->live : 0;
}

void tri_shadow_summary(const struct tri_heap *heap, struct tri_check_summary *summary) {
  struct tri_shadow *s = shadow_of(heap);
  if (!s) return;
  summary->heaps++;
  summary->calls += s->calls;
  summary->passes += s->passes;
  summary->findings += s->findings;
  for (size_t row = 0; row < tri_n_invariants; row++) {
    const struct tri_invariant *invariant = &tri_invariants[row];
    if (s->enabled[row]) summary->runs[row] += s->looked[invariant->when];
    summary->needs[row] |= invariant->needs & ~heap->caps;
    summary->without[row] |= invariant->without & heap->caps;
  }
}

static void print_claims(FILE *out, const char *before, uint64_t flags) {
  static const char *const names[] = {
#define TRI_CAP_ROW(name, bit, doc) [bit] = #name,
#include "tricolor/capabilities.def"
#undef TRI_CAP_ROW
  };
  for (size_t bit = 0; bit < sizeof names / sizeof *names; bit++)
    if (flags >> bit & 1) {
      fprintf(out, "%s%s", before, names[bit]);
      before = " ";
    }
}

void tri_check_summary_print(FILE *out, const struct tri_check_summary *summary) {
  size_t ran = 0, skipped = 0;
  uint64_t checks = 0;
  for (size_t row = 0; row < tri_n_invariants; row++) {
    ran += summary->runs[row] != 0;
    skipped += !summary->runs[row] && (summary->needs[row] || summary->without[row]);
    checks += summary->runs[row];
  }
  fprintf(out,
          "oracle: %zu of %zu rows ran: %" PRIu64 " checks in %" PRIu64 " calls and %" PRIu64
          " passes, %" PRIu64 " findings\n",
          ran, tri_n_invariants, checks, summary->calls, summary->passes, summary->findings);
  if (skipped) {
    fprintf(out, "oracle: %zu skipped:", skipped);
    for (size_t row = 0; row < tri_n_invariants; row++)
      if (!summary->runs[row] && (summary->needs[row] || summary->without[row])) {
        fprintf(out, " %s (", tri_invariants[row].id);
        print_claims(out, "needs ", summary->needs[row]);
        print_claims(out, summary->needs[row] ? "; not with " : "not with ", summary->without[row]);
        fputc(')', out);
      }
    fputc('\n', out);
  }
  if (ran + skipped == tri_n_invariants) return;
  fprintf(out, "oracle: %zu had no subject:", tri_n_invariants - ran - skipped);
  for (size_t row = 0; row < tri_n_invariants; row++)
    if (!summary->runs[row] && !summary->needs[row] && !summary->without[row])
      fprintf(out, " %s", tri_invariants[row].id);
  fputc('\n', out);
}
