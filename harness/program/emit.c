#include "program/emit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "program/text.h"
#include "shims/shim.h"
#include "tricolor/registry.h"

enum { MAX_OBJECTS = 4096, MAX_FRAMES = 64, MAX_HANDLES = 256 };

struct written { // an object with a payload, and the byte it was filled with
  tri_ref ref;
  unsigned byte;
};

struct emission {
  FILE *out, *nowhere; // nowhere: for the calls after the last of the test
  const struct tri_collector *collector;
  struct tri_mutator *mutators[TRI_MUTATORS];
  unsigned n_mutators;
  struct tri_frame *frames[MAX_FRAMES]; // by number; NULL: popped
  unsigned n_frames;
  const tri_ref *handles[MAX_HANDLES]; // slots, likewise
  unsigned n_handles;
  tri_ref last; // what the test's variable t holds; null: nothing of use
  struct written written[MAX_OBJECTS];
  unsigned n_written;
  enum tri_op_code op;
  bool overflow;
  struct tri_collector truth; // nocollect, with room for all
};

struct emit {
  struct tri_shim shim;
  struct emission *to;
};

static const struct tri_shim_class emit_class;

static struct emission *emission_of(const struct tri_heap *heap) {
  return ((struct emit *)tri_shim_find(heap, &emit_class))->to;
}

static const struct tri_collector *inner_of(struct tri_mutator *m) {
  return tri_shim_find(m->heap, &emit_class)->inner;
}

// ---- Names in the test ----------------------------------------------------------------------------------------

struct name {
  char text[40];
};

static struct name slot_name(const struct emission *e, const tri_ref *slot) {
  struct name name = {""};
  for (unsigned i = 0; i < e->n_frames; i++) {
    if (!e->frames[i]) continue;
    const tri_ref *slots = tri_frame_slots(e->frames[i]);
    if (slot >= slots && slot < slots + e->frames[i]->count)
      snprintf(name.text, sizeof name.text, "f[%u].slot[%zu]", i, (size_t)(slot - slots));
  }
  return name;
}

static unsigned handle_number(const struct emission *e, const tri_ref *slot) {
  unsigned i = 0;
  while (i < e->n_handles && e->handles[i] != slot) i++;
  return i;
}

static struct name mutator_name(const struct emission *e, const struct tri_mutator *m) {
  struct name name = {"m[0]"};
  for (unsigned i = 0; i < e->n_mutators; i++)
    if (e->mutators[i] == m) snprintf(name.text, sizeof name.text, "m[%u]", i);
  return name;
}

// Whatever holds the reference: the last result, else a root.
static struct name ref_name(const struct emission *e, tri_ref ref) {
  struct name name = {"TRI_NULL"};
  if (tri_is_null(ref)) return name;
  if (ref.bits == e->last.bits) return snprintf(name.text, sizeof name.text, "t"), name;
  for (unsigned i = 0; i < e->n_frames; i++)
    for (size_t k = 0; e->frames[i] && k < e->frames[i]->count; k++)
      if (tri_frame_slots(e->frames[i])[k].bits == ref.bits) return slot_name(e, &tri_frame_slots(e->frames[i])[k]);
  for (unsigned i = 0; i < e->n_handles; i++)
    if (e->handles[i] && e->handles[i]->bits == ref.bits) snprintf(name.text, sizeof name.text, "h[%u]->slot", i);
  return name;
}

#define M mutator_name(e, m).text
#define NAME(ref) ref_name(e, (ref)).text

// ---- The calls ------------------------------------------------------------------------------------------------

static void collecting(struct emission *e) { e->last = TRI_NULL; }

static struct name shape_text(struct tri_shape shape) {
  struct name name = {"TRI_WEAK_SHAPE"};
  if (tri_shape_kind(shape) == TRI_EPHEMERON) snprintf(name.text, sizeof name.text, "TRI_EPHEMERON_SHAPE");
  else if (tri_shape_kind(shape) == TRI_NODE)
    snprintf(name.text, sizeof name.text, "TRI_SHAPE(%zu, %zu)", tri_shape_refs(shape), tri_shape_bytes(shape));
  return name;
}

static tri_ref emit_alloc(struct tri_mutator *m, struct tri_shape shape) {
  struct emission *e = emission_of(m->heap);
  collecting(e);
  fprintf(e->out, "  t = fresh(%s, %s);\n", M, shape_text(shape).text);
  return e->last = inner_of(m)->alloc(m, shape);
}

static void emit_store(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  struct emission *e = emission_of(m->heap);
  fprintf(e->out, "  tri_store(%s, %s, %zu, %s);\n", M, NAME(object), i, NAME(value));
  inner_of(m)->store(m, object, i, value);
}

static void emit_init(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  struct emission *e = emission_of(m->heap);
  fprintf(e->out, "  tri_init(%s, %s, %zu, %s);\n", M, NAME(object), i, NAME(value));
  inner_of(m)->init(m, object, i, value);
}

static tri_ref emit_load(struct tri_mutator *m, tri_ref object, size_t i) {
  struct emission *e = emission_of(m->heap);
  fprintf(e->out, "  t = tri_load(%s, %s, %zu);\n", M, NAME(object), i);
  return e->last = inner_of(m)->load(m, object, i);
}

static tri_ref emit_swap(struct tri_mutator *m, tri_ref object, size_t i, tri_ref value) {
  struct emission *e = emission_of(m->heap);
  fprintf(e->out, "  t = tri_swap(%s, %s, %zu, %s);\n", M, NAME(object), i, NAME(value));
  return e->last = inner_of(m)->swap(m, object, i, value);
}

static bool emit_cas(struct tri_mutator *m, tri_ref object, size_t i, tri_ref expected, tri_ref value) {
  struct emission *e = emission_of(m->heap);
  bool done = inner_of(m)->cas(m, object, i, expected, value);
  fprintf(e->out, "  CHECK(tri_cas(%s, %s, %zu, %s, ", M, NAME(object), i, NAME(expected));
  fprintf(e->out, "%s) == %s);\n", NAME(value), done ? "true" : "false");
  return done;
}

static void emit_copy(struct tri_mutator *m, tri_ref to, size_t to_i, tri_ref from, size_t from_i, size_t n) {
  struct emission *e = emission_of(m->heap);
  fprintf(e->out, "  tri_copy(%s, %s, %zu, %s, %zu, %zu);\n", M, NAME(to), to_i, NAME(from), from_i, n);
  inner_of(m)->copy(m, to, to_i, from, from_i, n);
}

static void emit_fill(struct tri_mutator *m, tri_ref object, size_t i, size_t n, tri_ref value) {
  struct emission *e = emission_of(m->heap);
  fprintf(e->out, "  tri_fill(%s, %s, %zu, %zu, %s);\n", M, NAME(object), i, n, NAME(value));
  inner_of(m)->fill(m, object, i, n, value);
}

// The executor asks for the payload to write all of it, but for `check` and `print`.
static void *emit_raw(struct tri_mutator *m, tri_ref object) {
  struct emission *e = emission_of(m->heap);
  size_t bytes = tri_shape_bytes(inner_of(m)->shape(m, object));
  unsigned i = 0;
  while (i < e->n_written && e->written[i].ref.bits != object.bits) i++;
  if (e->op == TRI_OP_CHECK || e->op == TRI_OP_PRINT) {
    if (i < e->n_written)
      fprintf(e->out, "  CHECK(filled(%s, %s, 0x%02x));\n", M, NAME(object), e->written[i].byte);
  } else if (i == MAX_OBJECTS) {
    e->overflow = true;
  } else {
    if (i == e->n_written) e->written[e->n_written++] = (struct written){object, i % 255};
    e->written[i].byte = e->written[i].byte % 255 + 1;
    fprintf(e->out, "  memset(tri_raw(%s, %s), 0x%02x, %zu);\n", M, NAME(object), e->written[i].byte, bytes);
  }
  return inner_of(m)->raw(m, object);
}

static bool emit_same(struct tri_mutator *m, tri_ref a, tri_ref b) {
  struct emission *e = emission_of(m->heap);
  bool same = inner_of(m)->same(m, a, b);
  fprintf(e->out, "  CHECK(tri_same(%s, %s, %s) == %s);\n", M, NAME(a), NAME(b), same ? "true" : "false");
  return same;
}

static void emit_free(struct tri_mutator *m, tri_ref object) {
  struct emission *e = emission_of(m->heap);
  fprintf(e->out, "  tri_free(%s, %s);\n", M, NAME(object));
}

static void emit_root_set(struct tri_mutator *m, tri_ref *slot, tri_ref value) {
  struct emission *e = emission_of(m->heap);
  struct name name = slot_name(e, slot);
  unsigned i = handle_number(e, slot);
  if (name.text[0]) {
    fprintf(e->out, "  tri_root_set(%s, &%s, %s);\n", M, name.text, NAME(value));
  } else if (i < e->n_handles && tri_is_null(value)) { // only freed handles are
    fprintf(e->out, "  tri_handle_free(%s, h[%u]);\n  h[%u] = NULL;\n", M, i, i);
    e->handles[i] = NULL;
  } else if (i < e->n_handles) {
    fprintf(e->out, "  tri_handle_set(%s, h[%u], %s);\n", M, i, NAME(value));
  } else if (i == MAX_HANDLES) {
    e->overflow = true;
  } else {
    fprintf(e->out, "  h[%u] = tri_handle_new(%s, %s);\n", i, M, NAME(value));
    e->handles[e->n_handles++] = slot;
  }
  inner_of(m)->root_set(m, slot, value);
}

static void emit_frame_push(struct tri_mutator *m, struct tri_frame *frame) {
  struct emission *e = emission_of(m->heap);
  inner_of(m)->frame_push(m, frame);
  if (e->n_frames == MAX_FRAMES) {
    e->overflow = true;
    return;
  }
  fprintf(e->out, "  f[%u].head.count = %zu;\n  tri_frame_enter(%s, &f[%u].head);\n", e->n_frames, frame->count, M,
          e->n_frames);
  e->frames[e->n_frames++] = frame;
}

static void emit_frame_pop(struct tri_mutator *m, struct tri_frame *frame) {
  struct emission *e = emission_of(m->heap);
  for (unsigned i = 0; i < e->n_frames; i++)
    if (e->frames[i] == frame) {
      fprintf(e->out, "  tri_frame_leave(%s, &f[%u].head);\n", M, i);
      e->frames[i] = NULL;
    }
  inner_of(m)->frame_pop(m, frame);
}

static void emit_weak_set(struct tri_mutator *m, tri_ref weak, tri_ref target) {
  struct emission *e = emission_of(m->heap);
  fprintf(e->out, "  tri_weak_set(%s, %s, %s);\n", M, NAME(weak), NAME(target));
  inner_of(m)->weak_set(m, weak, target);
}

static void emit_ephemeron_set(struct tri_mutator *m, tri_ref ephemeron, tri_ref key, tri_ref value) {
  struct emission *e = emission_of(m->heap);
  fprintf(e->out, "  tri_ephemeron_set(%s, %s, %s, %s);\n", M, NAME(ephemeron), NAME(key), NAME(value));
  inner_of(m)->ephemeron_set(m, ephemeron, key, value);
}

static void emit_safepoint(struct tri_mutator *m) {
  struct emission *e = emission_of(m->heap);
  collecting(e);
  fprintf(e->out, "  tri_safepoint(%s);\n", M);
}

static enum tri_status emit_collect(struct tri_mutator *m, enum tri_collect_kind kind) {
  static const char *const names[] = {[TRI_COLLECT_MINOR] = "MINOR", [TRI_COLLECT_FULL] = "FULL",
                                      [TRI_COLLECT_COMPACT] = "COMPACT"};
  struct emission *e = emission_of(m->heap);
  collecting(e);
  fprintf(e->out, "  tri_collect(%s, TRI_COLLECT_%s);\n", M, names[kind]);
  return TRI_OK;
}

static enum tri_status emit_collect_start(struct tri_mutator *m) {
  struct emission *e = emission_of(m->heap);
  collecting(e);
  fprintf(e->out, "  tri_collect_start(%s);\n", M);
  return TRI_OK;
}

static bool emit_collect_step(struct tri_mutator *m, size_t units) {
  struct emission *e = emission_of(m->heap);
  collecting(e);
  if (units == SIZE_MAX)
    fprintf(e->out, "  tri_collect_step(%s, SIZE_MAX);\n", M);
  else
    fprintf(e->out, "  tri_collect_step(%s, %zu);\n", M, units);
  return true;
}

static enum tri_status emit_attach(struct tri_heap *heap, struct tri_mutator **m) {
  struct emit *emit = (struct emit *)tri_shim_find(heap, &emit_class);
  struct emission *e = emit->to;
  collecting(e);
  enum tri_status status = emit->shim.inner->attach(heap, m);
  if (status != TRI_OK) return status;
  fprintf(e->out, "  CHECK(tri_attach(heap, &m[%u]) == TRI_OK);\n", e->n_mutators);
  e->mutators[e->n_mutators++] = *m;
  return TRI_OK;
}

static void emit_park(struct tri_mutator *m) {
  struct emission *e = emission_of(m->heap);
  collecting(e);
  fprintf(e->out, "  tri_park(%s);\n", M);
  inner_of(m)->park(m);
}

static void emit_unpark(struct tri_mutator *m) {
  struct emission *e = emission_of(m->heap);
  collecting(e);
  inner_of(m)->unpark(m);
  fprintf(e->out, "  tri_unpark(%s);\n", M);
}

static bool emit_pin(struct tri_mutator *m, tri_ref object) {
  struct emission *e = emission_of(m->heap);
  fprintf(e->out, "  tri_pin(%s, %s);\n", M, NAME(object));
  return true;
}

static void emit_unpin(struct tri_mutator *m, tri_ref object) {
  struct emission *e = emission_of(m->heap);
  fprintf(e->out, "  tri_unpin(%s, %s);\n", M, NAME(object));
}

static enum tri_status emit_finalizer_add(struct tri_mutator *m, tri_ref object, uint64_t cookie) {
  struct emission *e = emission_of(m->heap);
  fprintf(e->out, "  tri_finalizer_add(%s, %s, %" PRIu64 ");\n", M, NAME(object), cookie);
  return TRI_OK;
}

static size_t emit_verify(struct tri_heap *heap, const struct tri_reporter *reporter) {
  (void)reporter;
  fputs("  verify();\n", emission_of(heap)->out);
  return 0;
}

static void emit_override(struct tri_collector *record) {
  record->alloc = emit_alloc;
  record->load = emit_load;
  record->store = emit_store;
  record->init = emit_init;
  record->swap = emit_swap;
  record->cas = emit_cas;
  record->copy = emit_copy;
  record->fill = emit_fill;
  record->raw = emit_raw;
  record->same = emit_same;
  record->free = emit_free;
  record->root_set = emit_root_set;
  record->frame_push = emit_frame_push;
  record->frame_pop = emit_frame_pop;
  record->weak_set = emit_weak_set;
  record->ephemeron_set = emit_ephemeron_set;
  record->safepoint = emit_safepoint;
  record->collect = emit_collect;
  record->collect_start = emit_collect_start;
  record->collect_step = emit_collect_step;
  record->attach = emit_attach;
  record->park = emit_park;
  record->unpark = emit_unpark;
  record->pin = emit_pin;
  record->unpin = emit_unpin;
  record->finalizer_add = emit_finalizer_add;
  record->verify = emit_verify;
}

// ---- The heap -------------------------------------------------------------------------------------------------

static enum tri_status truth_create(const struct tri_collector *self, const struct tri_heap_config *config,
                                    struct tri_heap **heap) {
  struct tri_heap_config roomy = *config;
  roomy.value[TRI_OPT_HEAP] = 1 << 30;
  return tri_collector_find("nocollect")->heap_create(self, &roomy, heap);
}

static struct tri_shim *emit_open(const struct tri_shim_record *record, const struct tri_heap_config *config) {
  struct emit *emit = calloc(1, sizeof *emit);
  if (!emit) return NULL;
  struct emission *e = emit->to = (struct emission *)record->options;
  fputs("  create(\"", e->out);
  for (size_t i = 0; i < TRI_COMMON_OPTIONS + e->collector->n_options; i++) {
    const struct tri_option *row =
        i < TRI_COMMON_OPTIONS ? &tri_common_options[i] : &e->collector->options[i - TRI_COMMON_OPTIONS];
    if (row->type == TRI_OPTION_CHOICE)
      fprintf(e->out, "%s%s=%s", i ? "," : "", row->name, row->choices[config->value[i]]);
    else fprintf(e->out, "%s%s=%lld", i ? "," : "", row->name, (long long)config->value[i]);
  }
  fputs("\");\n", e->out);
  return &emit->shim;
}

static void emit_opened(struct tri_shim *shim, struct tri_heap *heap) {
  (void)shim;
  heap->caps = heap->ops->caps.flags;
}

static void emit_close(struct tri_shim *shim) { free(shim); }

static const struct tri_shim_class emit_class = {
    .name = "emit", .override = emit_override, .open = emit_open, .opened = emit_opened, .close = emit_close};

// ---- What holds at the end --------------------------------------------------------------------------------------

struct facts {
  struct emission *e;
  struct tri_mutator *m;
  tri_ref object[MAX_OBJECTS];
  size_t count;
};

// A fact on a reference that the test can read as `expression`; objects are numbered as they are met.
static void fact(struct facts *facts, tri_ref ref, const char *expression) {
  struct emission *e = facts->e;
  size_t i = 0;
  while (i < facts->count && facts->object[i].bits != ref.bits) i++;
  if (i < facts->count) {
    fprintf(e->out, "  CHECK(tri_same(m[0], %s, o[%zu]));\n", expression, i);
  } else if (i == MAX_OBJECTS) {
    e->overflow = true;
  } else {
    facts->object[facts->count++] = ref;
    struct tri_shape shape = inner_of(facts->m)->shape(facts->m, ref);
    fprintf(e->out, "  o[%zu] = %s;\n  CHECK(is_object(o[%zu], %s));\n", i, expression, i, shape_text(shape).text);
  }
}

static void object_facts(struct facts *facts, size_t i) {
  const struct tri_collector *truth = inner_of(facts->m);
  tri_ref object = facts->object[i];
  struct tri_shape shape = truth->shape(facts->m, object);
  char expression[64];
  if (tri_shape_kind(shape) != TRI_NODE) return;
  size_t nulls = 0;
  for (size_t k = 0; k < tri_shape_refs(shape); k++) {
    tri_ref ref = truth->load(facts->m, object, k);
    nulls += tri_is_null(ref);
    snprintf(expression, sizeof expression, "tri_load(m[0], o[%zu], %zu)", i, k);
    if (!tri_is_null(ref)) fact(facts, ref, expression);
  }
  if (nulls) fprintf(facts->e->out, "  CHECK(nulls(o[%zu]) == %zu);\n", i, nulls);
  for (unsigned k = 0; k < facts->e->n_written; k++)
    if (facts->e->written[k].ref.bits == object.bits)
      fprintf(facts->e->out, "  CHECK(filled(m[0], o[%zu], 0x%02x));\n", i, facts->e->written[k].byte);
}

// What a weak reference or an ephemeron says of a target that is reachable all the same.
static void weak_fact(struct facts *facts, size_t i, const char *call, tri_ref target) {
  for (size_t k = 0; k < facts->count; k++)
    if (facts->object[k].bits == target.bits)
      fprintf(facts->e->out, "  CHECK(tri_same(m[0], %s(m[0], o[%zu]), o[%zu]));\n", call, i, k);
}

static void weak_facts(struct facts *facts, size_t i) {
  const struct tri_collector *truth = inner_of(facts->m);
  tri_ref object = facts->object[i];
  switch (tri_shape_kind(truth->shape(facts->m, object))) {
  case TRI_NODE: break;
  case TRI_WEAK: weak_fact(facts, i, "tri_weak_get", truth->weak_get(facts->m, object)); break;
  case TRI_EPHEMERON: weak_fact(facts, i, "tri_ephemeron_key", truth->ephemeron_key(facts->m, object));
  }
}

static void finishing(void *context, struct tri_run *run) {
  struct emission *e = context;
  struct tri_mutator *m = tri_run_mutator(run);
  struct facts *facts = calloc(1, sizeof *facts);
  e->op = TRI_OP_CHECK; // payloads are only read from here on
  if (!facts || !m) {
    e->overflow |= !facts;
    e->out = e->nowhere;
    free(facts);
    return;
  }
  *facts = (struct facts){.e = e, .m = m};
  fputs("\n  // What has to hold now.\n", e->out);
  if (e->mutators[0] != m) fprintf(e->out, "  m[0] = %s;\n", M);
  for (unsigned i = 0; i < e->n_frames; i++)
    for (size_t k = 0; e->frames[i] && k < e->frames[i]->count; k++) {
      const tri_ref *slot = &tri_frame_slots(e->frames[i])[k];
      if (!tri_is_null(*slot)) fact(facts, *slot, slot_name(e, slot).text);
    }
  for (unsigned i = 0; i < e->n_handles; i++) {
    char expression[24];
    snprintf(expression, sizeof expression, "h[%u]->slot", i);
    if (e->handles[i]) fact(facts, *e->handles[i], expression);
  }
  for (size_t i = 0; i < facts->count; i++) object_facts(facts, i);
  for (size_t i = 0; i < facts->count; i++) weak_facts(facts, i);
  fprintf(e->out, "  CHECK(distinct(%zu));\n  verify();\n", facts->count);
  fputs("\n  // Nor may what is left over be in the way of one more collection.\n", e->out);
  fputs("  tri_collect(m[0], TRI_COLLECT_FULL);\n  verify();\n", e->out);
  e->out = e->nowhere;
  free(facts);
}

// ---- The test ---------------------------------------------------------------------------------------------------

static const char prelude[] =
    "//\n"
    "// Stand-alone: needs the contract and a collector. Argument: the collector's name. Exit status: 0 good, 1 a check\n"
    "// failed, 2 it could not be run.\n"
    "#include <stdio.h>\n"
    "#include <stdlib.h>\n"
    "#include <string.h>\n"
    "\n"
    "#include \"tricolor/registry.h\"\n"
    "#include \"tricolor/tricolor.h\"\n"
    "\n"
    "#define MAYBE __attribute__((unused)) static\n"
    "#define CHECK(condition) ((condition) ? (void)0 : failed(__LINE__, #condition))\n"
    "\n"
    "static const struct tri_collector *collector;\n"
    "static struct tri_heap *heap;\n"
    "static struct tri_mutator *m[3];\n"
    "MAYBE struct {\n"
    "  struct tri_frame head;\n"
    "  tri_ref slot[17];\n"
    "} f[64];\n"
    "MAYBE struct tri_handle *h[256];\n"
    "MAYBE tri_ref t, o[4096];\n"
    "\n"
    "static void failed(int line, const char *what) {\n"
    "  fprintf(stderr, \"line %d: not true: %s\\n\", line, what);\n"
    "  exit(1);\n"
    "}\n"
    "\n"
    "static void create(const char *options) {\n"
    "  char error[400] = \"\";\n"
    "  struct tri_heap_params params = {.options = options, .error = error, .error_bytes = sizeof error};\n"
    "  if (tri_heap_create(collector, &params, &heap) == TRI_OK) return;\n"
    "  fprintf(stderr, \"no heap: %s\\n\", error);\n"
    "  exit(2);\n"
    "}\n"
    "\n"
    "MAYBE bool is_object(tri_ref ref, struct tri_shape shape) {\n"
    "  struct tri_object_info info;\n"
    "  if (tri_is_null(ref) || (tri_has(heap, TRI_CAP_WALK) && tri_inspect(heap, ref, &info) != TRI_OK)) return false;\n"
    "  return tri_shape_equal(tri_shape(m[0], ref), shape);\n"
    "}\n"
    "\n"
    "MAYBE size_t nulls(tri_ref object) {\n"
    "  size_t n = 0;\n"
    "  for (size_t i = 0; i < tri_shape_refs(tri_shape(m[0], object)); i++) n += tri_is_null(tri_load(m[0], object, i));\n"
    "  return n;\n"
    "}\n"
    "\n"
    "MAYBE bool filled(struct tri_mutator *by, tri_ref object, unsigned char byte) {\n"
    "  const unsigned char *raw = tri_raw(by, object);\n"
    "  size_t n = tri_shape_bytes(tri_shape(by, object)), i = 0;\n"
    "  while (i < n && raw[i] == byte) i++;\n"
    "  return i == n;\n"
    "}\n"
    "\n"
    "MAYBE tri_ref fresh(struct tri_mutator *by, struct tri_shape shape) {\n"
    "  tri_ref object = tri_alloc(by, shape);\n"
    "  if (tri_is_null(object)) {\n"
    "    fprintf(stderr, \"out of memory\\n\");\n"
    "    exit(by->status == TRI_OK ? 1 : 2);\n"
    "  }\n"
    "  for (size_t i = 0; tri_shape_kind(shape) == TRI_NODE && i < tri_shape_refs(shape); i++)\n"
    "    CHECK(tri_is_null(tri_load(by, object, i)));\n"
    "  if (tri_shape_kind(shape) == TRI_NODE) CHECK(filled(by, object, 0));\n"
    "  return object;\n"
    "}\n"
    "\n"
    "MAYBE bool distinct(size_t n) {\n"
    "  for (size_t i = 0; i < n; i++)\n"
    "    for (size_t k = 0; k < i; k++)\n"
    "      if (tri_same(m[0], o[i], o[k])) return false;\n"
    "  return true;\n"
    "}\n"
    "\n"
    "static void report(void *context, const char *text) {\n"
    "  (void)context;\n"
    "  fprintf(stderr, \"verify: %s\\n\", text);\n"
    "}\n"
    "\n"
    "static void verify(void) {\n"
    "  struct tri_stats s;\n"
    "  CHECK(tri_verify(heap, &(struct tri_reporter){report, NULL}) == 0);\n"
    "  tri_stats_get(heap, &s, sizeof s);\n"
    "  CHECK(s.live_bytes + s.free_bytes + s.metadata_bytes + s.released_bytes == s.mapped_bytes);\n"
    "}\n"
    "\n";

// Answers that depend on when the collector collects cannot come from nocollect.
static bool needs_answer(enum tri_op_code code, uint64_t claims) {
  if (code == TRI_OP_WEAK_GET) return claims & TRI_CAP_WEAK;
  if (code == TRI_OP_EPHEMERON_KEY || code == TRI_OP_EPHEMERON_VALUE) return claims & TRI_CAP_EPHEMERON;
  return code == TRI_OP_FINALIZED && claims & TRI_CAP_FINALIZER;
}

static bool expressible(const struct tri_program *program, uint64_t claims, struct tri_error *error) {
  for (size_t i = 0; i < program->count; i++) {
    enum tri_op_code code = (enum tri_op_code)program->ops[i].code;
    if (code != TRI_OP_FAIL && code != TRI_OP_YIELD && code != TRI_OP_POLICY && code != TRI_OP_OOM &&
        !needs_answer(code, claims))
      continue;
    char text[TRI_OP_TEXT_MAX];
    tri_op_text(&program->ops[i], text);
    return tri_fail(error, "no C test: operation %zu (%s) needs the executor", i + 1, text);
  }
  return true;
}

static void before(void *context, struct tri_run *run, size_t i, const struct tri_op *op) {
  struct emission *e = context;
  char text[TRI_OP_TEXT_MAX];
  (void)run, (void)i;
  tri_op_text(op, text);
  collecting(e); // a result lives no longer than its operation
  e->op = (enum tri_op_code)op->code;
  fprintf(e->out, "  // %s\n", text);
}

bool tri_program_emit_c(const struct tri_program *program, const struct tri_run_params *params, const char *headline,
                        FILE *out, struct tri_error *error) {
  if (!expressible(program, params->collector->caps.flags, error)) return false;
  struct emission *e = calloc(1, sizeof *e);
  FILE *nowhere = fopen("/dev/null", "w");
  if (!e || !nowhere) {
    free(e);
    if (nowhere) fclose(nowhere);
    return tri_fail(error, "no C test: out of memory or files");
  }
  *e = (struct emission){.out = out, .nowhere = nowhere, .collector = params->collector, .truth = *tri_collector_find("nocollect")};
  e->truth.heap_create = truth_create;
  e->truth.caps = params->collector->caps;
  e->truth.options = params->collector->options;
  e->truth.n_options = params->collector->n_options;
  struct tri_shim_record record;
  struct tri_run_watch watch = {.before = before, .finishing = finishing, .context = e};
  struct tri_run_params emitting = *params;
  emitting.collector = tri_shim_wrap(&record, &e->truth, &emit_class, e);
  emitting.watch = &watch;
  struct tri_run_result result;
  fprintf(out, "// %s\n%s", headline, prelude);
  fprintf(out,
          "int main(int argc, char **argv) {\n"
          "  collector = tri_collector_find(argc > 1 ? argv[1] : \"%s\");\n"
          "  if (!collector) return fprintf(stderr, \"no such collector\\n\"), 2;\n\n",
          params->collector->name);
  tri_program_run(program, &emitting, &result);
  fputs("  return 0;\n}\n", out);
  bool ok = !e->overflow && result.status == TRI_RUN_OK && !result.out_of_memory;
  free(e);
  fclose(nowhere);
  return ok || tri_fail(error, "no C test: the program is too large for one%s%s", result.message[0] ? ": " : "",
                        result.message);
}
