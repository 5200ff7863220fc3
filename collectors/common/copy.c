#include "common/copy.h"

#include <string.h>

// ---------------------------------------------------------------------------------------------- evacuation

static bool in_from_space(const struct tri_copier *c, tri_ref ref) {
  return ref.bits - c->from < c->from_bytes;
}

// Most objects have a few words: a loop beats the call.
static inline void copy_words(uintptr_t to, uintptr_t from, size_t bytes) {
  if (bytes > 64) {
    memcpy((void *)to, (const void *)from, bytes);
    return;
  }
  for (size_t i = 0; i < bytes; i += 8) *(uint64_t *)(to + i) = *(const uint64_t *)(from + i);
}

// The new address of an object in from-space, copied now if need be.
static inline tri_ref evacuate(struct tri_copier *c, tri_ref old) {
  uint64_t tag = *tri_tag(old);
  if (tri_tag_forwarded(tag)) return (tri_ref){tag};
  size_t bytes = tri_object_bytes((struct tri_shape){tag});
  tri_ref copy = {c->next + TRI_TAG_BYTES};
  copy_words(c->next, old.bits - TRI_TAG_BYTES, bytes);
  c->next += bytes;
  c->copied++;
  *tri_tag(old) = copy.bits;
  tri_weak_refs_reached(&c->weak, old);
  return copy;
}

static void mark_large(struct tri_copier *c, tri_ref object) {
  uintptr_t start = tri_large_start(object);
  if (!tri_large_mark(c->large, start)) return;
  *(uintptr_t *)start = c->grey_large;
  c->grey_large = start;
  c->marked_large++;
  tri_weak_refs_reached(&c->weak, object);
}

static inline bool is_large(const struct tri_copier *c, tri_ref ref) {
  return c->large && tri_large_space_has(c->large, ref.bits);
}

// A slot may have been updated before: what it refers to is then neither in from-space nor unmarked.
static void trace(void *context, tri_ref *slot) {
  struct tri_copier *c = context;
  if (in_from_space(c, *slot))
    *slot = evacuate(c, *slot);
  else if (is_large(c, *slot))
    mark_large(c, *slot);
}

static bool is_live(void *context, tri_ref *slot) {
  struct tri_copier *c = context;
  if (in_from_space(c, *slot)) {
    uint64_t tag = *tri_tag(*slot);
    if (!tri_tag_forwarded(tag)) return false;
    slot->bits = tag;
    return true;
  }
  return !is_large(c, *slot) || tri_large_marked(c->large, tri_large_start(*slot));
}

// ---------------------------------------------------------------------------------------------- scanning

// Slots whose objects are being fetched into the cache.
enum { AHEAD = 16 };
struct ahead {
  tri_ref *slots[AHEAD];
  unsigned oldest, count;
};

static inline void update_oldest(struct tri_copier *c, struct ahead *ahead) {
  tri_ref *slot = ahead->slots[ahead->oldest];
  ahead->oldest = (ahead->oldest + 1) % AHEAD;
  ahead->count--;
  *slot = evacuate(c, *slot);
}

static inline void scan_object(struct tri_copier *c, struct ahead *ahead, tri_ref object,
                               struct tri_shape shape) {
  if (TRI_UNLIKELY(tri_shape_kind(shape) != TRI_NODE)) {
    tri_weak_refs_discover(&c->weak, object);
    return;
  }
  tri_ref *slot = (tri_ref *)object.bits, *end = slot + tri_shape_refs(shape);
  for (; slot < end; slot++) {
    if (in_from_space(c, *slot)) {
      TRI_PREFETCH(tri_tag(*slot));
      if (ahead->count == AHEAD) update_oldest(c, ahead);
      ahead->slots[(ahead->oldest + ahead->count++) % AHEAD] = slot;
    } else if (is_large(c, *slot)) {
      mark_large(c, *slot);
    }
  }
}

static void drain(void *context) {
  struct tri_copier *c = context;
  struct ahead ahead = {.count = 0};
  for (;;) {
    if (c->scan < c->next) {
      tri_ref object = {c->scan + TRI_TAG_BYTES};
      struct tri_shape shape = {*tri_tag(object)}; // before the object is discovered: that changes its tag
      c->scan += tri_object_bytes(shape);
      scan_object(c, &ahead, object, shape);
    } else if (ahead.count) {
      update_oldest(c, &ahead);
    } else if (c->grey_large) {
      tri_ref object = tri_large_ref(c->grey_large);
      c->grey_large = *(uintptr_t *)c->grey_large;
      scan_object(c, &ahead, object, (struct tri_shape){*tri_tag(object)});
    } else {
      return;
    }
  }
}

// ---------------------------------------------------------------------------------------------- a collection

void tri_copier_init(struct tri_copier *copier, struct tri_large_space *large) {
  *copier = (struct tri_copier){.large = large};
  tri_weak_refs_init(&copier->weak, &(struct tri_reach){is_live, trace, drain, copier});
  tri_finalizers_init(&copier->finalizers);
}

void tri_copier_fini(struct tri_copier *copier) {
  tri_finalizers_fini(&copier->finalizers);
  tri_weak_refs_fini(&copier->weak);
}

uintptr_t tri_copier_run(struct tri_copier *c, struct tri_heap *heap, uintptr_t from, uintptr_t from_end,
                         uintptr_t to) {
  c->from = from;
  c->from_bytes = from_end - from;
  c->scan = c->next = to;
  c->copied = c->marked_large = 0;
  tri_emit(heap, TRI_EVENT_ROOTS, 0, 0);
  tri_each_root(heap, trace, c);
  tri_emit(heap, TRI_EVENT_MARK, 0, 0);
  drain(c);
  tri_emit(heap, TRI_EVENT_WEAK, 0, 0);
  tri_weak_refs_process(&c->weak, &c->finalizers);
  c->from_bytes = 0;
  c->total_objects += c->copied + c->marked_large;
  c->total_bytes += c->next - to;
  return c->next;
}

// ---------------------------------------------------------------------------------------------- walking

static struct tri_object_info describe(uintptr_t start, tri_ref ref, size_t bytes) {
  return (struct tri_object_info){
      .ref = ref, .shape = tri_tag_shape(*tri_tag(ref)), .start = start, .bytes = bytes};
}

// The filler at `at`: its bytes, or 0 when there is none.
static size_t filler_bytes(uintptr_t at) {
  uint64_t word = *(uint64_t *)at;
  return (word & 7) == TRI_FILLER_MARK ? word >> 3 : 0;
}

bool tri_contiguous_walk(uintptr_t from, uintptr_t to, tri_walk_fn *visit, void *context) {
  for (uintptr_t at = from; at < to;) {
    size_t bytes = filler_bytes(at);
    if (!bytes) {
      struct tri_shape shape = {*(uint64_t *)at};
      if (!tri_shape_valid(shape)) return false;
      bytes = tri_object_bytes(shape);
      if (bytes > to - at) return false;
      struct tri_object_info info = describe(at, (tri_ref){at + TRI_TAG_BYTES}, bytes);
      if (!visit(context, &info)) return false;
    }
    if (bytes > to - at) return false;
    at += bytes;
  }
  return true;
}

struct visit {
  tri_walk_fn *visit;
  void *context;
};

static bool visit_large(void *context, uintptr_t start, size_t bytes) {
  const struct visit *each = context;
  struct tri_object_info info = describe(start, tri_large_ref(start), bytes);
  return tri_shape_valid(info.shape) && each->visit(each->context, &info);
}

bool tri_large_walk(struct tri_large_space *large, tri_walk_fn *visit, void *context) {
  return tri_large_each(large, visit_large, &(struct visit){visit, context});
}

// ---------------------------------------------------------------------------------------------- verifying

struct verification {
  struct tri_copier *copier;
  uintptr_t from, to;
  struct tri_findings *findings;
};

static bool is_object(const struct verification *v, tri_ref ref) {
  size_t bytes;
  if (ref.bits % TRI_OBJECT_ALIGN) return false;
  uintptr_t start = ref.bits - TRI_TAG_BYTES;
  if (start >= v->from && start < v->to) {
    struct tri_shape shape = {*tri_tag(ref)};
    return tri_shape_valid(shape) && tri_object_bytes(shape) <= v->to - start;
  }
  start = tri_large_start(ref);
  return v->copier->large && tri_large_around(v->copier->large, start, &bytes) == start &&
         tri_shape_valid((struct tri_shape){*tri_tag(ref)});
}

static void verify_ref(struct verification *v, const char *holder, uintptr_t at, tri_ref ref) {
  if (!tri_is_null(ref) && !is_object(v, ref))
    tri_find(v->findings, "%s at %p holds %p, which is no object", holder, (void *)at, (void *)ref.bits);
}

static bool verify_slots(void *context, const struct tri_object_info *info) {
  for (size_t i = 0; i < tri_shape_refs(info->shape); i++) {
    tri_ref *slot = (tri_ref *)info->ref.bits + i;
    verify_ref(context, "the slot", (uintptr_t)slot, *slot);
  }
  return true;
}

static void verify_root(void *context, tri_ref *slot) {
  verify_ref(context, "the root", (uintptr_t)slot, *slot);
}

void tri_copier_verify(struct tri_copier *c, struct tri_heap *heap, uintptr_t from, uintptr_t to,
                       struct tri_findings *findings) {
  struct verification v = {c, from, to, findings};
  for (uintptr_t at = from; at < to;) {
    uint64_t word = *(uint64_t *)at;
    size_t bytes = filler_bytes(at);
    if (!bytes && tri_shape_valid((struct tri_shape){word}))
      bytes = tri_object_bytes((struct tri_shape){word});
    if (!bytes || bytes > to - at) {
      tri_find(findings, "the word %016llx at %p, %zu bytes before the end, is %s", (unsigned long long)word,
               (void *)at, to - at, word && tri_tag_forwarded(word) ? "a forwarding pointer" : "no tag");
      return; // what follows cannot be parsed
    }
    at += bytes;
  }
  tri_contiguous_walk(from, to, verify_slots, &v);
  if (c->large) tri_large_walk(c->large, verify_slots, &v);
  tri_each_root(heap, verify_root, &v);
  tri_finalizers_roots(&c->finalizers, verify_root, &v);
  for (size_t i = 0; i < c->finalizers.n_table; i++)
    verify_ref(&v, "the finalizer table", (uintptr_t)&c->finalizers.table[i], c->finalizers.table[i].object);
  if (c->weak.n_keyed || !tri_is_null(c->weak.weak) || !tri_is_null(c->weak.pending) || c->grey_large)
    tri_find(findings, "the lists of a collection are not empty between collections");
}
