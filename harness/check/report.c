// Findings: what a row found, told with object, path, last writer and the heap's last events.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check/state.h"
#include "tricolor/collector.h"

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

void shadow_note_phase(struct tri_shadow *s, const struct tri_event *event) {
  s->phases[s->n_phases++ % SHADOW_PHASES] = (struct phase){event->kind, event->a, shadow_operation(s)};
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

static void report(struct tri_shadow *s, size_t row, struct tri_view *view, bool dying) {
  const struct tri_invariant *invariant = &tri_invariants[row];
  s->findings++;
  // S6, S8 and S10 speak of the collector's own books, not of what the program sees.
  bool books = invariant->when == TRI_WHEN_EXTENT || invariant->when == TRI_WHEN_HEAP ||
               invariant->when == TRI_WHEN_WALK;
  if (s->options->first_only || (strchr("SCW", invariant->id[0]) && !books)) s->broken = true;
  if (s->reported[row] >= SHADOW_REPORTS_PER_ROW) return;
  s->reported[row]++;
  char path[400], phases[400];
  write_path(s, view, path, sizeof path);
  write_phases(s, phases, sizeof phases);
  struct tri_finding finding = {.row = invariant,
                                .text = view->text,
                                .collector = s->heap->ops->name,
                                .epoch = s->heap->epoch,
                                .operation = shadow_operation(s),
                                .object = view->object ? s->model->object[view->object].serial : 0,
                                .last_writer = last_writer(s, view),
                                .path = path,
                                .phases = phases,
                                .dying = dying};
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
    report(s, row, view, false);
    good = false;
    if (when == TRI_WHEN_SLOT) break;
  }
  return good;
}

struct tri_shadow *shadow_called;

void shadow_met_damage(const char *text) {
  struct tri_shadow *s = TRI_RELAXED_LOAD(&shadow_called);
  const struct tri_invariant *row = tri_invariant_find("S8");
  struct tri_view view = {.slot = SIZE_MAX, .damage = text};
  if (s && !row->holds(&view)) report(s, (size_t)(row - tri_invariants), &view, true);
}
