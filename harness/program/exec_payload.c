// Operations on payloads.
#include "program/exec_state.h"

#include <inttypes.h>
#include <stdio.h>

#include "program/payload.h"

void run_check_payload(struct player *p, tri_ref ref, const char *where) {
  struct tri_shape shape = tri_shape(p->m, ref);
  size_t bytes = tri_shape_bytes(shape), offset;
  if (tri_shape_kind(shape) != TRI_NODE || bytes == 0) return;
  if (!tri_payload_check(tri_raw(p->m, ref), bytes, &offset))
    run_finish(p, TRI_RUN_FINDING, "byte %zu of the payload of %s (%zu references, %zu bytes) is damaged", offset,
           where, tri_shape_refs(shape), bytes);
}

bool op_write(struct player *p, uint32_t r, uint32_t seed) {
  struct object to = run_object(p, r, PAYLOAD);
  if (tri_is_null(to.ref)) return false;
  p->seed++;
  tri_payload_write(tri_raw(p->m, to.ref), tri_shape_bytes(to.shape), (uint64_t)seed << 32 | p->seed);
  return true;
}

bool op_check(struct player *p, uint32_t r) {
  struct object from = run_object(p, r, PAYLOAD);
  if (tri_is_null(from.ref)) return false;
  char where[16];
  snprintf(where, sizeof where, "r%d", from.at);
  run_check_payload(p, from.ref, where);
  return true;
}

bool op_print(struct player *p, uint32_t r) {
  FILE *out = p->run->params->out;
  struct object from = run_object(p, r, ANY);
  if (from.at < 0) {
    if (out) fprintf(out, "r%u: null\n", r);
    return false;
  }
  if (!out) return true;
  struct tri_object_info info;
  size_t bytes = tri_shape_extent(from.shape);
  if (tri_inspect(p->run->heap, from.ref, &info) == TRI_OK) bytes = info.bytes;
  fprintf(out, "r%d: %#" PRIxPTR ", %zu B", from.at, from.ref.bits, bytes);
  if (tri_shape_kind(from.shape) == TRI_NODE) {
    size_t n = tri_shape_refs(from.shape), shown = smaller(n, 8);
    for (size_t i = 0; i < shown; i++)
      fprintf(out, "%s%#" PRIxPTR, i ? " " : " -> ", tri_load(p->m, from.ref, i).bits);
    if (n > shown) fprintf(out, " … (%zu references)", n);
    if (tri_shape_bytes(from.shape))
      fprintf(out, ", value %" PRIu64,
              tri_payload_seed(tri_raw(p->m, from.ref), tri_shape_bytes(from.shape)));
  }
  fputc('\n', out);
  return true;
}
