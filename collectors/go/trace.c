#include "go/trace.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/check.h"

static int64_t begin_cpu(const struct go_cycle_times *t) { return (t->marking - t->begun) * t->processors; }
static int64_t end_cpu(const struct go_cycle_times *t) { return (t->ended - t->terminating) * t->processors; }

void go_history_add(struct go_history *history, const struct go_cycle_times *t) {
  TRI_ASSERT(t->begun <= t->marking && t->marking <= t->terminating && t->terminating <= t->ended);
  size_t at = history->n++ % GO_PAUSES;
  if (t->forced)
    history->n_forced++;
  else
    history->n_automatic++;
  history->pause[at] = t->marking - t->begun + t->ended - t->terminating;
  history->pause_end[at] = history->last_end = t->ended;
  history->pause_total += history->pause[at];
  history->assists += t->assists;
  history->workers += t->workers;
  history->idle += t->idle;
  history->pauses += begin_cpu(t) + end_cpu(t);
  history->cpu_total += begin_cpu(t) + t->assists + t->workers + t->idle + end_cpu(t);
}

double go_history_cpu_share(const struct go_history *history, int64_t now, int processors) {
  int64_t elapsed = now - history->start;
  double share = elapsed > 0 ? (double)history->cpu_total / ((double)elapsed * processors) : 0;
  return share < 1 ? share : 1;
}

const char *go_milliseconds(char text[GO_MILLISECONDS_BYTES], int64_t ns) {
  if (ns >= 10000000) {
    snprintf(text, GO_MILLISECONDS_BYTES, "%" PRId64, ns / 1000000);
    return text;
  }
  int64_t digits = ns > 0 ? ns / 1000 : 0, unit = 1000; // digits / unit milliseconds
  int decimals = 3;
  for (; digits >= 100; digits /= 10, unit /= 10) decimals--;
  if (digits == 0)
    snprintf(text, GO_MILLISECONDS_BYTES, "0");
  else if (decimals == 0)
    snprintf(text, GO_MILLISECONDS_BYTES, "%" PRId64, digits);
  else
    snprintf(text, GO_MILLISECONDS_BYTES, "%" PRId64 ".%0*" PRId64, digits / unit, decimals, digits % unit);
  return text;
}

size_t go_trace_line(char *text, size_t bytes, const struct go_history *history,
                     const struct go_cycle_times *t) {
  const int64_t duration[8] = {t->marking - t->begun, t->terminating - t->marking, t->ended - t->terminating,
                               begin_cpu(t),          t->assists,                  t->workers,
                               t->idle,               end_cpu(t)};
  char ms[8][GO_MILLISECONDS_BYTES];
  for (size_t i = 0; i < 8; i++) go_milliseconds(ms[i], duration[i]);
  int64_t since = (t->begun - history->start) / 1000000;
  int percent = (int)(go_history_cpu_share(history, t->ended, t->processors) * 100);
  int n = snprintf(text, bytes,
                   "gc %" PRIu64 " @%" PRId64 ".%03" PRId64 "s %d%%: "
                   "%s+%s+%s ms clock, %s+%s/%s/%s+%s ms cpu, "
                   "%" PRIu64 "->%" PRIu64 "->%" PRIu64 " MB, %" PRIu64 " MB goal, "
                   "%" PRIu64 " MB stacks, %" PRIu64 " MB globals, %d P%s",
                   history->n, since / 1000, since % 1000, percent, ms[0], ms[1], ms[2], ms[3], ms[4], ms[5],
                   ms[6], ms[7], t->heap_begun >> 20, t->heap_ended >> 20, t->heap_live >> 20,
                   t->heap_goal >> 20, t->stacks >> 20, t->globals >> 20, t->processors,
                   t->forced ? " (forced)" : "");
  return n < 0 ? 0 : (size_t)n < bytes ? (size_t)n : bytes - 1;
}
