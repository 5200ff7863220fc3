// Which rows ran, and why others did not.
#include <inttypes.h>

#include "check/state.h"

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
