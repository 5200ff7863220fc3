// Wrong arguments: each is answered by a status or a sentence, and the heap is as good as before.
#include "conform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --------------------------------------------------------------------------------------------- making a heap

static bool refuses(struct conform *c, const char *options, const char *sentence) {
  char error[300] = "untouched";
  struct tri_heap *heap = (struct tri_heap *)c; // anything but NULL
  struct tri_heap_params params = {.options = options, .error = error, .error_bytes = sizeof error};
  enum tri_status status = tri_heap_create(c->collector, &params, &heap);
  CONFORM(c, status == TRI_EINVAL, "'%s' gives '%s'", options, tri_status_name(status));
  CONFORM(c, heap == NULL, "'%s' leaves a heap", options);
  CONFORM(c, strncmp(error, sentence, strlen(sentence)) == 0, "'%s' is answered by \"%s\", not by \"%s\"",
          options, error, sentence);
  return true;
}

static bool refuses_value(struct conform *c, const struct tri_option *row, int64_t value) {
  char options[80], sentence[120];
  snprintf(options, sizeof options, "%s=%lld", row->name, (long long)value);
  snprintf(sentence, sizeof sentence, "value %lld of option '%s' at position 1 is out of range; right would be",
           (long long)value, row->name);
  return refuses(c, options, sentence);
}

static bool check_options(struct conform *c) {
  const char *const wrong[][2] = {
      {"bogus=1", "unknown option 'bogus' at position 1; there are heap, huge"},
      {"heap=2m,bogus", "unknown option 'bogus' at position 9; there are heap, huge"},
      {"=1", "unknown option '' at position 1; there are heap, huge"},
      {"heap", "option 'heap' at position 1 has no value; right would be heap=a size from 65536 to "
               "1099511627776 bytes"},
      {"heap=", "bad value '' for option 'heap' at position 1; right would be a size from 65536 to"},
      {"heap=64q", "bad value '64q' for option 'heap' at position 1; right would be a size from 65536 to"},
      {"heap=m", "bad value 'm' for option 'heap' at position 1"},
      {"heap=9999999999999999999", "bad value '9999999999999999999' for option 'heap' at position 1"},
      {"heap=9999999999g", "bad value '9999999999g' for option 'heap' at position 1"},
      {"huge=maybe", "bad value 'maybe' for option 'huge' at position 1; right would be on or off"},
      {"huge=on,heap=1",
       "value 1 of option 'heap' at position 9 is out of range; right would be a size from 65536 to"},
      {"heap=-64m", "value -64m of option 'heap' at position 1 is out of range"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    if (!refuses(c, wrong[i][0], wrong[i][1])) return false;
  for (size_t i = 0; i < c->collector->n_options; i++) { // its own rows
    const struct tri_option *row = &c->collector->options[i];
    char options[80], sentence[120];
    snprintf(options, sizeof options, "%s=nonsense", row->name);
    snprintf(sentence, sizeof sentence, "bad value 'nonsense' for option '%s' at position 1; right would be",
             row->name);
    if (!refuses(c, options, sentence)) return false;
    if (row->type != TRI_OPTION_INT && row->type != TRI_OPTION_SIZE) continue;
    if (row->max < INT64_MAX && !refuses_value(c, row, row->max + 1)) return false;
    if (row->min > INT64_MIN && !refuses_value(c, row, row->min - 1)) return false;
  }
  size_t least = c->collector->caps.min_heap_bytes;
  if (least > 64 << 10) {
    char options[40], sentence[160];
    snprintf(options, sizeof options, "heap=%zu", least - 1);
    snprintf(sentence, sizeof sentence,
             "heap=%zu is too small for collector '%s': it needs at least %zu bytes", least - 1,
             c->collector->name, least);
    if (!refuses(c, options, sentence)) return false;
  }
  return true;
}

// The smallest heap can be made and used; no parameters at all, no room for a sentence.
static bool check_heap_create(struct conform *c) {
  char options[40];
  snprintf(options, sizeof options, "heap=%zu", c->collector->caps.min_heap_bytes);
  struct tri_heap_params params = {.options = options};
  struct conform_heap h;
  CONFORM(c, tri_heap_create(c->collector, &params, &h.heap) == TRI_OK,
          "the smallest legal heap cannot be made");
  CONFORM(c, tri_attach(h.heap, &h.m) == TRI_OK, "no mutator in the smallest heap");
  tri_ref object = tri_alloc(h.m, CONFORM_CELL);
  CONFORM(c, !tri_is_null(object), "no object in the smallest heap");
  tri_collect(h.m, TRI_COLLECT_FULL);
  CONFORM(c,
          tri_is_null(tri_alloc(h.m, TRI_SHAPE(0, c->collector->caps.min_heap_bytes + 1))) &&
              h.m->status == TRI_ENOMEM,
          "an object larger than the smallest heap: '%s'", tri_status_name(h.m->status));
  conform_close(&h);

  CONFORM(c, tri_heap_create(c->collector, NULL, &h.heap) == TRI_OK, "no heap without parameters");
  tri_heap_destroy(h.heap);
  params = (struct tri_heap_params){.options = ""};
  CONFORM(c, tri_heap_create(c->collector, &params, &h.heap) == TRI_OK, "no heap with empty options");
  tri_heap_destroy(h.heap);

  char error[4] = "abc";
  params = (struct tri_heap_params){.options = "bogus=1", .error = error, .error_bytes = 2};
  CONFORM(c, tri_heap_create(c->collector, &params, &h.heap) == TRI_EINVAL, "unknown option");
  CONFORM(c, error[0] == 'u' && error[1] == 0 && error[2] == 'c', "a short buffer is overrun");
  params.error_bytes = 0;
  CONFORM(c, tri_heap_create(c->collector, &params, &h.heap) == TRI_EINVAL && error[0] == 'u',
          "no buffer is overrun");

  struct tri_collector other = *c->collector;
  char sentence[300];
  params = (struct tri_heap_params){.error = sentence, .error_bytes = sizeof sentence};
  other.abi++;
  CONFORM(c,
          tri_heap_create(&other, &params, &h.heap) == TRI_EINVAL &&
              strstr(sentence, "was built for contract 2"),
          "another contract is answered by \"%s\"", sentence);
  return true;
}

static bool check_too_many(struct conform *c) {
  enum { TRIED = 300 };
  struct tri_mutator *m[TRIED];
  struct tri_heap *heap[8];
  struct tri_heap_params params = {0};
  uint32_t most = c->collector->caps.max_heaps, n = most < 8 ? most : 0;
  for (uint32_t i = 0; i < n; i++)
    CONFORM(c, tri_heap_create(c->collector, &params, &heap[i]) == TRI_OK, "heap %u of %u", i, most);
  if (n) {
    char error[200];
    struct tri_heap *beyond;
    params = (struct tri_heap_params){.error = error, .error_bytes = sizeof error};
    CONFORM(c, tri_heap_create(c->collector, &params, &beyond) == TRI_ENOTSUP && !beyond,
            "one heap more than max_heaps = %u", most);
    CONFORM(c, strstr(error, c->collector->name), "one heap more than max_heaps is answered by \"%s\"",
            error);
  }
  for (uint32_t i = 0; i < n; i++) tri_heap_destroy(heap[i]);

  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  most = c->collector->caps.max_mutators;
  n = 1;
  for (; n < most && n < TRIED; n++)
    CONFORM(c, tri_attach(h.heap, &m[n]) == TRI_OK && m[n]->id == n, "mutator %u of %u", n, most);
  if (n == most) {
    struct tri_mutator *beyond = h.m;
    CONFORM(c, tri_attach(h.heap, &beyond) == TRI_EINVAL, "one mutator more than max_mutators = %u", most);
  }
  while (n-- > 1) tri_detach(m[n]);
  CONFORM(c, !tri_is_null(tri_alloc(h.m, CONFORM_CELL)), "the heap is not usable afterwards");
  conform_close(&h);
  return true;
}

// ---------------------------------------------------------------------------------------------- allocating

static bool gives(struct conform *c, struct tri_mutator *m, struct tri_shape shape,
                  enum tri_status expected) {
  tri_ref object = tri_alloc(m, shape);
  CONFORM(c, tri_is_null(object), "tag %#llx gives an object", (unsigned long long)shape.tag);
  CONFORM(c, m->status == expected, "tag %#llx gives '%s', not '%s'", (unsigned long long)shape.tag,
          tri_status_name(m->status), tri_status_name(expected));
  return true;
}

static bool check_shapes(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  tri_ref before = tri_alloc(h.m, CONFORM_CELL); // so that there is room on an inline path
  CONFORM(c, !tri_is_null(before), "out of memory");
  const struct tri_shape wrong[] = {
      {0},
      {TRI_SHAPE(1, 8).tag & ~UINT64_C(1)},
      {TRI_SHAPE(1, 8).tag | 2},
      {TRI_SHAPE(1, 8).tag | 0x80},
      TRI_KIND_SHAPE(3, 1, 0),
      TRI_KIND_SHAPE(15, 1, 8),
      TRI_KIND_SHAPE(TRI_WEAK, 0, 0),
      TRI_KIND_SHAPE(TRI_WEAK, 2, 0),
      TRI_KIND_SHAPE(TRI_WEAK, 1, 8),
      TRI_KIND_SHAPE(TRI_EPHEMERON, 1, 0),
      TRI_KIND_SHAPE(TRI_EPHEMERON, 2, 1),
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    if (!gives(c, h.m, wrong[i], TRI_EINVAL)) return false;
  if (!conform_has(c, TRI_CAP_WEAK) && !gives(c, h.m, TRI_WEAK_SHAPE, TRI_ENOTSUP)) return false;
  if (!conform_has(c, TRI_CAP_EPHEMERON) && !gives(c, h.m, TRI_EPHEMERON_SHAPE, TRI_ENOTSUP)) return false;

  struct tri_shape largest, beyond;
  CONFORM(c, tri_shape_make(TRI_MAX_REFS, TRI_MAX_BYTES, &largest), "the largest shape");
  CONFORM(c,
          !tri_shape_make(TRI_MAX_REFS + 1, 0, &beyond) && !tri_shape_make(0, TRI_MAX_BYTES + 1, &beyond) &&
              !tri_shape_make(UINT64_MAX, UINT64_MAX, &beyond),
          "a shape beyond the largest");
  size_t most = c->collector->caps.max_object_bytes;
  if (!gives(c, h.m, largest, tri_shape_extent(largest) > most ? TRI_EINVAL : TRI_ENOMEM)) return false;
  if (most < TRI_MAX_BYTES && !gives(c, h.m, TRI_SHAPE(0, most + 1), TRI_EINVAL)) return false;

  h.m->status = TRI_OK;
  tri_ref object = tri_alloc(h.m, CONFORM_CELL);
  CONFORM(c, !tri_is_null(object) && h.m->status == TRI_OK, "the heap is not usable afterwards");
  CONFORM(c, !conform_has(c, TRI_CAP_WALK) || conform_stats(h.heap).live_objects <= 2,
          "something was allocated");
  conform_close(&h);
  return true;
}

// ------------------------------------------------------------------------------------------- claims not made

static bool check_not_claimed(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  TRI_FRAME(h.m, f, 1);
  tri_root_set(h.m, &f.slot[0], tri_alloc(h.m, CONFORM_CELL));
  CONFORM(c, !tri_is_null(f.slot[0]), "out of memory");
  uint64_t cookie = 5;
  if (!conform_has(c, TRI_CAP_FINALIZER)) {
    CONFORM(c, tri_finalizer_add(h.m, f.slot[0], 1) == TRI_ENOTSUP, "tri_finalizer_add without FINALIZER");
    CONFORM(c, tri_is_null(tri_finalizer_next(h.m, &cookie)), "tri_finalizer_next without FINALIZER");
  }
  for (int kind = TRI_COLLECT_MINOR; !conform_has(c, TRI_CAP_RECLAIMS) && kind <= TRI_COLLECT_COMPACT; kind++)
    CONFORM(c, tri_collect(h.m, (enum tri_collect_kind)kind) == TRI_ENOTSUP, "tri_collect without RECLAIMS");
  for (int kind = TRI_COLLECT_MINOR; conform_has(c, TRI_CAP_RECLAIMS) && kind <= TRI_COLLECT_COMPACT; kind++)
    CONFORM(c, tri_collect(h.m, (enum tri_collect_kind)kind) == TRI_OK, "tri_collect of kind %d", kind);
  if (!conform_has(c, TRI_CAP_PIN)) CONFORM(c, !tri_pin(h.m, f.slot[0]), "tri_pin says yes without PIN");
  if (!conform_has(c, TRI_CAP_EXPLICIT_FREE)) {
    *(uint64_t *)tri_raw(h.m, f.slot[0]) = 4711;
    tri_free(h.m, f.slot[0]);
    tri_collect(h.m, TRI_COLLECT_FULL);
    CONFORM(c, *(uint64_t *)tri_raw(h.m, f.slot[0]) == 4711, "tri_free acts without EXPLICIT_FREE");
  }
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  return true;
}

// Whatever the bits of a ref, inspect answers.
static bool check_inspect(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  TRI_FRAME(h.m, f, 20);
  for (size_t i = 0; i < 20; i++) {
    tri_root_set(h.m, &f.slot[i], tri_alloc(h.m, TRI_SHAPE(i % 3, 9 * i)));
    CONFORM(c, !tri_is_null(f.slot[i]), "out of memory");
    memset(tri_raw(h.m, f.slot[i]), 0x11, 9 * i); // looks like a tag
    if (i % 3) tri_store(h.m, f.slot[i], 0, f.slot[0]);
  }
  tri_ref dead = tri_alloc(h.m, TRI_SHAPE(0, 4000));
  tri_collect(h.m, TRI_COLLECT_FULL);
  struct tri_object_info info;
  uint64_t random = 88172645463325252u;
  const uintptr_t junk[] = {0,
                            1,
                            7,
                            8,
                            16,
                            4096,
                            UINTPTR_MAX,
                            UINTPTR_MAX - 7,
                            UINTPTR_MAX / 2 + 1,
                            (uintptr_t)1 << 47,
                            (uintptr_t)&random,
                            (uintptr_t)h.heap,
                            (uintptr_t)h.m,
                            (uintptr_t)&conform_argerr,
                            (uintptr_t)&check_inspect};
  for (size_t i = 0; i < sizeof junk / sizeof *junk; i++)
    CONFORM(c, tri_inspect(h.heap, (tri_ref){junk[i]}, &info) == TRI_ECORRUPT, "%#zx is an object",
            (size_t)junk[i]);
  for (int i = 0; i < 20000; i++) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    uintptr_t bits =
        i % 2 ? random : f.slot[i / 2 % 20].bits - 256 + random % 512; // anywhere, or near an object
    tri_inspect(h.heap, (tri_ref){bits}, &info);
  }
  for (size_t i = 0; i < 20; i++) {
    CONFORM(c, tri_inspect(h.heap, f.slot[i], &info) == TRI_OK, "object %zu is not known", i);
    for (unsigned off = 1; off < 8; off++)
      CONFORM(c, tri_inspect(h.heap, (tri_ref){f.slot[i].bits + off}, &info) == TRI_ECORRUPT,
              "an address inside object %zu is an object", i);
  }
  if (conform_has(c, TRI_CAP_EXACT))
    CONFORM(c, tri_inspect(h.heap, dead, &info) == TRI_ECORRUPT || conform_has(c, TRI_CAP_MOVES),
            "a reclaimed object is an object");
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  return true;
}

const struct conform_row conform_argerr[] = {
    {"options", 0, check_options},
    {"heap-create", 0, check_heap_create},
    {"too-many", 0, check_too_many},
    {"shapes", 0, check_shapes},
    {"not-claimed", 0, check_not_claimed},
    {"inspect", 0, check_inspect},
    {0},
};
