// Row L4e: the laws among the counters that a collector tells (tri_each_counter), and the statistics that all have.
#include <stdio.h>
#include <string.h>

#include "check/state.h"
#include "tricolor/introspect.h"

enum { NAME_BYTES = 40, LAW_BYTES = 160 };

struct shadow_counter {
  char name[NAME_BYTES], law[LAW_BYTES];
  uint64_t value;
};

static void add(struct tri_shadow *s, const char *name, const char *law, uint64_t value) {
  s->counters = shadow_room(s->counters, s->n_counters + 1, &s->counters_capacity, sizeof *s->counters);
  struct shadow_counter *c = &s->counters[s->n_counters++];
  snprintf(c->name, sizeof c->name, "%s", name);
  snprintf(c->law, sizeof c->law, "%s", law ? law : "");
  c->value = value;
}

static bool add_counter(void *context, const struct tri_counter *counter) {
  add(context, counter->name, counter->law, counter->value);
  return true;
}

static const struct shadow_counter *find(const struct tri_shadow *s, const char *name, size_t length) {
  for (size_t i = 0; i < s->n_counters; i++)
    if (strncmp(s->counters[i].name, name, length) == 0 && !s->counters[i].name[length]) return &s->counters[i];
  return NULL;
}

// One relation, "= a + b - c" with or without spaces; what follows it is returned, NULL: it cannot be read, and
// view->law says no more than its text.
static const char *read_relation(const struct tri_shadow *s, const char *text, struct tri_view *view) {
  size_t length = strcspn(text, ";");
  snprintf(view->law, sizeof view->law, "%.*s", (int)length, text);
  const char *end = text + length;
  text += strspn(text, " ");
  view->relation = *text;
  if (!*text || !strchr("=<>", *text)) return NULL;
  text += text[0] == '=' || text[1] != '=' ? 1 : 2;
  uint64_t total = 0;
  for (char sign = '+'; sign;) {
    text += strspn(text, " ");
    size_t name = strcspn(text, " +-;");
    const struct shadow_counter *other = find(s, text, name);
    if (!name || !other) return NULL;
    total += sign == '+' ? other->value : 0 - other->value;
    text += name;
    text += strspn(text, " ");
    if (text > end || (text < end && !strchr("+-", *text))) return NULL;
    sign = text < end ? *text++ : 0;
  }
  view->total = total;
  return *end ? end + 1 : end;
}

void shadow_judge_counters(struct tri_shadow *s) {
  if (!(s->heap->tells & TRI_TELLS_COUNTERS)) return;
  struct tri_stats before, stats;
  tri_stats_get(s->heap, &before, sizeof before);
  s->n_counters = 0;
  s->heap->ops->each_counter(s->heap, add_counter, s);
  size_t n = s->n_counters;
  tri_stats_get(s->heap, &stats, sizeof stats);
  if (memcmp(&before, &stats, sizeof stats) != 0) return; // something went on in the background
#define TRI_STAT(name, unit, doc) add(s, #name, NULL, stats.name);
#include "tricolor/stats.def"
#undef TRI_STAT
  for (size_t i = 0; i < n; i++) {
    const struct shadow_counter *c = &s->counters[i];
    for (const char *law = c->law; law && *law;) {
      struct tri_view view = {.slot = SIZE_MAX, .counter = c->name, .value = c->value};
      law = read_relation(s, law, &view);
      if (!law) view.relation = 0;
      s->looked[TRI_WHEN_COUNTER]++;
      if (!shadow_judge(s, TRI_WHEN_COUNTER, &view)) return;
    }
  }
}
