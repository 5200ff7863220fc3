#include "common/tracer.h"

static void forget_overflow(struct tri_tracer *tracer) {
  tracer->overflow_first = UINTPTR_MAX;
  tracer->overflow_last = 0;
}

void tri_tracer_init(struct tri_tracer *tracer, size_t max, tri_mark_fn *mark, void *context) {
  *tracer = (struct tri_tracer){.mark = mark, .context = context};
  tri_mark_stack_init(&tracer->stack, max);
  forget_overflow(tracer);
}

void tri_tracer_fini(struct tri_tracer *tracer) { tri_mark_stack_fini(&tracer->stack); }

void tri_tracer_overflow(struct tri_tracer *tracer, tri_ref object) {
  if (tracer->mark(tracer->context, object)) tri_tracer_drop(tracer, object);
}

void tri_tracer_drop(struct tri_tracer *tracer, tri_ref object) {
  if (object.bits < tracer->overflow_first) tracer->overflow_first = object.bits;
  if (object.bits > tracer->overflow_last) tracer->overflow_last = object.bits;
}

bool tri_tracer_overflowed(struct tri_tracer *tracer, uintptr_t *first, uintptr_t *last) {
  if (!tri_tracer_has_dropped(tracer)) return false;
  *first = tracer->overflow_first;
  *last = tracer->overflow_last;
  forget_overflow(tracer);
  tracer->overflows++;
  return true;
}
