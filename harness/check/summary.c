// Which rows ran, and why others did not.
#include <inttypes.h>

#include "check/state.h"

void tri_shadow_summary(const struct tri_heap *heap, struct tri_check_summary *summary) {
  struct tri_shadow *s = shadow_of(heap);
  if (!s) return;
  summary->calls += s->calls;
  summary->passes += s->passes;
  summary->findings += s->findings;
  for (size_t row = 0; row < tri_n_invariants; row++) {
    const struct tri_invariant *invariant = &tri_invariants[row];
    summary->tells[row] |= invariant->tells & ~heap->tells;
    if (s->rows[invariant->when] >> row & 1) summary->runs[row] += s->looked[invariant->when];
    summary->needs[row] |= invariant->needs & ~heap->caps;
    summary->without[row] |= invariant->without & heap->caps;
  }
}

static const char *const claims[] = {
#define TRI_CAP_ROW(name, bit, doc) [bit] = #name,
#include "tricolor/capabilities.def"
#undef TRI_CAP_ROW
};
static const char *const tells[] = {
#define TRI_TELL_ROW(name, bit, doc) [bit] = #name,
#include "tricolor/tells.def"
#undef TRI_TELL_ROW
};

static const char *print_names(FILE *out, const char *before, const char *then, uint64_t flags,
                               const char *const *names) {
  if (!flags) return before;
  fprintf(out, "%s%s", before, then);
  for (size_t bit = 0; flags >> bit; bit++)
    if (flags >> bit & 1) fprintf(out, " %s", names[bit]);
  return "; ";
}

static bool ran(const struct tri_check_summary *summary, size_t row) { return summary->runs[row] != 0; }
static bool skipped(const struct tri_check_summary *summary, size_t row) {
  return !ran(summary, row) && (summary->needs[row] || summary->without[row] || summary->tells[row]);
}

void tri_check_summary_print(FILE *out, const struct tri_check_summary *summary) {
  size_t n_ran = 0, n_skipped = 0;
  uint64_t checks = 0;
  for (size_t row = 0; row < tri_n_invariants; row++) {
    n_ran += ran(summary, row);
    n_skipped += skipped(summary, row);
    checks += summary->runs[row];
  }
  fprintf(out,
          "oracle: %zu of %zu rows ran: %" PRIu64 " checks in %" PRIu64 " calls and %" PRIu64
          " passes, %" PRIu64 " findings\n",
          n_ran, tri_n_invariants, checks, summary->calls, summary->passes, summary->findings);
  if (n_skipped) {
    fprintf(out, "oracle: %zu skipped:", n_skipped);
    for (size_t row = 0; row < tri_n_invariants; row++) {
      if (!skipped(summary, row)) continue;
      fprintf(out, " %s (", tri_invariants[row].id);
      const char *before = print_names(out, "", "needs", summary->needs[row], claims);
      before = print_names(out, before, "not with", summary->without[row], claims);
      print_names(out, before, "to be told of", summary->tells[row], tells);
      fputc(')', out);
    }
    fputc('\n', out);
  }
  if (n_ran + n_skipped == tri_n_invariants) return;
  fprintf(out, "oracle: %zu had no subject:", tri_n_invariants - n_ran - n_skipped);
  for (size_t row = 0; row < tri_n_invariants; row++)
    if (!ran(summary, row) && !skipped(summary, row)) fprintf(out, " %s", tri_invariants[row].id);
  fputc('\n', out);
}
