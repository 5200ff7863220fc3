// What is measured: operations in loops, collections, pauses. See micro.h.
#include "micro.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/os.h"
#include "common/random.h"
#include "tricolor/tricolor.h"

// What lives in the heap. NODES are in the cache and named by micro->node; the rest hangs on micro->root, of
// objects with two references and 16 bytes: 32 bytes each without a header.
enum structure { NOTHING, NODES, TREE, LIST, ARRAY, RANDOM, CHAIN, SPARSE };
enum { NODE_COUNT = 1024, MOST_TRIES = 1000, SPARSENESS = 128 };
#define OBJECT TRI_SHAPE(2, 16)

struct micro {
  struct micro_case piece;
  bool marking; // under way, while the case is measured
  const char *options;
  struct tri_heap *heap;
  struct tri_mutator *m;
  struct tri_handle *root, *table, *sink;
  tri_ref node[NODE_COUNT];          // what the table has, good until something collects
  tri_ref weak;                      // the table's last slot
  uint64_t measured_ns;              // not 0: what the case measures instead of the clock
  uint64_t pause_begin_ns, pause_ns; // since the last collection ended
  uint64_t cycle_pause_ns;           // of the last collection, when the world went on after it; 0 before
  bool ending;
};

// The pauses of each collection, summed. The world is stopped when COLLECTION_END comes.
static void note_event(void *context, struct tri_heap *heap, const struct tri_event *event) {
  struct micro *micro = context;
  (void)heap;
  if (event->kind == TRI_EVENT_STOP_REQUEST) micro->pause_begin_ns = event->t_ns;
  if (event->kind == TRI_EVENT_COLLECTION_END) micro->ending = true;
  if (event->kind != TRI_EVENT_RESUME) return;
  micro->pause_ns += event->t_ns - micro->pause_begin_ns;
  if (!micro->ending) return;
  micro->ending = false;
  __atomic_store_n(&micro->cycle_pause_ns, micro->pause_ns, __ATOMIC_RELEASE);
  micro->pause_ns = 0;
}

// ---- What lives ----

static tri_ref make_tree(struct tri_mutator *m, size_t objects) {
  if (objects < 3) return tri_alloc(m, OBJECT);
  TRI_FRAME(m, f, 2);
  tri_ref object = make_tree(m, objects / 2);
  if (!tri_is_null(object)) {
    tri_root_set(m, &f.slot[0], object);
    object = make_tree(m, objects / 2);
  }
  if (!tri_is_null(object)) {
    tri_root_set(m, &f.slot[1], object);
    object = tri_alloc(m, OBJECT);
  }
  if (!tri_is_null(object)) {
    tri_init(m, object, 0, f.slot[0]);
    tri_init(m, object, 1, f.slot[1]);
  }
  TRI_FRAME_POP(m, f);
  return object;
}

static bool make_list(struct tri_mutator *m, size_t objects, struct tri_handle *head) {
  for (; objects; objects--) {
    tri_ref object = tri_alloc(m, OBJECT);
    if (tri_is_null(object)) return false;
    tri_init(m, object, 0, tri_handle_get(m, head));
    tri_handle_set(m, head, object);
  }
  return true;
}

static bool make_array(struct tri_mutator *m, size_t objects, struct tri_handle *array) {
  tri_ref object = tri_alloc(m, TRI_SHAPE(objects, 0));
  if (tri_is_null(object)) return false;
  tri_handle_set(m, array, object);
  for (size_t i = 0; i < objects; i++) {
    object = tri_alloc(m, OBJECT);
    if (tri_is_null(object)) return false;
    tri_store(m, tri_handle_get(m, array), i, object);
  }
  return true;
}

// Two references of each object to any others.
static void tangle(struct tri_mutator *m, size_t objects, tri_ref array) {
  struct tri_random random = {.state = 1};
  for (size_t i = 0; i < objects; i++)
    for (size_t slot = 0; slot < 2; slot++)
      tri_store(m, tri_load(m, array, i), slot, tri_load(m, array, tri_random_below(&random, objects)));
}

static void shuffle(struct tri_mutator *m, size_t objects, tri_ref array) {
  struct tri_random random = {.state = 1};
  for (size_t i = objects; i-- > 1;) {
    size_t other = tri_random_below(&random, i + 1);
    tri_ref object = tri_load(m, array, i);
    tri_store(m, array, i, tri_load(m, array, other));
    tri_store(m, array, other, object);
  }
}

// A list, or a binary tree, whose neighbours lie anywhere: one object in `each` lives.
static bool make_scattered(struct micro *micro, size_t fan, size_t each) {
  struct tri_mutator *m = micro->m;
  size_t objects = micro->piece.live;
  tri_ref array = tri_alloc(m, TRI_SHAPE(objects, 0));
  if (tri_is_null(array)) return false;
  tri_handle_set(m, micro->root, array);
  for (size_t i = 0; i < objects * each; i++) {
    tri_ref object = tri_alloc(m, OBJECT);
    if (tri_is_null(object)) return false;
    if (i % each == 0) tri_store(m, tri_handle_get(m, micro->root), i / each, object);
  }
  array = tri_handle_get(m, micro->root);
  shuffle(m, objects, array);
  for (size_t i = 1; i < objects; i++)
    tri_store(m, tri_load(m, array, (i - 1) / fan), (i - 1) % fan, tri_load(m, array, i));
  tri_handle_set(m, micro->root, tri_load(m, array, 0));
  return true;
}

static bool make_nodes(struct micro *micro) {
  struct tri_mutator *m = micro->m;
  if (!make_array(m, NODE_COUNT + 1, micro->table)) return false;
  if (!tri_has(micro->heap, TRI_CAP_WEAK)) return true;
  tri_ref weak = tri_weak_new(m), table = tri_handle_get(m, micro->table);
  if (tri_is_null(weak)) return false;
  tri_weak_set(m, weak, tri_load(m, table, 0));
  tri_store(m, table, NODE_COUNT, weak);
  return true;
}

static bool make_live(struct micro *micro) {
  struct tri_mutator *m = micro->m;
  size_t live = micro->piece.live;
  tri_ref tree;
  switch ((enum structure)micro->piece.structure) {
  case NOTHING:
    return true;
  case NODES:
    break;
  case TREE:
    tree = make_tree(m, live);
    tri_handle_set(m, micro->root, tree);
    if (tri_is_null(tree)) return false;
    break;
  case LIST:
    return make_list(m, live, micro->root);
  case ARRAY:
    return make_array(m, live, micro->root);
  case CHAIN:
    return make_scattered(micro, 1, 1);
  case SPARSE:
    return make_scattered(micro, 2, SPARSENESS);
  case RANDOM:
    if (!make_array(m, live, micro->root)) return false;
    tangle(m, live, tri_handle_get(m, micro->root));
    return true;
  }
  return make_nodes(micro);
}

// ---- The operations ----

static bool renew_nodes(struct micro *micro) {
  tri_ref table = tri_handle_get(micro->m, micro->table);
  for (size_t i = 0; i < NODE_COUNT; i++) micro->node[i] = tri_load(micro->m, table, i);
  micro->weak = tri_load(micro->m, table, NODE_COUNT);
  return true;
}

// Go keeps what its benchmark allocates in a global variable; a handle is that.
#define ALLOC(name, n_refs, n_bytes)                                                                         \
  static bool name(struct micro *micro, size_t n) {                                                          \
    for (size_t i = 0; i < n; i++) {                                                                         \
      tri_ref object = tri_alloc(micro->m, TRI_SHAPE(n_refs, n_bytes));                                      \
      if (TRI_UNLIKELY(tri_is_null(object))) return false;                                                   \
      tri_handle_set(micro->m, micro->sink, object);                                                         \
    }                                                                                                        \
    return true;                                                                                             \
  }
ALLOC(alloc_8, 1, 0)
ALLOC(alloc_16, 2, 0)
ALLOC(alloc_32, 4, 0)
ALLOC(alloc_128, 16, 0)
ALLOC(alloc_1024, 128, 0)
ALLOC(alloc_65536, 8192, 0)
ALLOC(alloc_leaf_8, 0, 8)
ALLOC(alloc_leaf_32, 0, 32)
ALLOC(alloc_leaf_1024, 0, 1024)

// One operation with two of the nodes, a and b. A safepoint may move them: it uses neither.
#define FORGET_MEMORY() __asm__ volatile("" ::: "memory")
#define CONSUME(value) __asm__ volatile("" ::"r"(value))
#define ON_NODES(name, operation)                                                                            \
  static bool name(struct micro *micro, size_t n) {                                                          \
    struct tri_mutator *m = micro->m;                                                                        \
    for (size_t i = 0; i < n; i++) {                                                                         \
      tri_ref a = micro->node[i % NODE_COUNT], b = micro->node[i * 7 % NODE_COUNT];                          \
      (void)a, (void)b;                                                                                      \
      operation;                                                                                             \
      FORGET_MEMORY();                                                                                       \
    }                                                                                                        \
    return true;                                                                                             \
  }
ON_NODES(load, CONSUME(tri_load(m, a, 0).bits))
ON_NODES(store, tri_store(m, a, 0, b))
ON_NODES(store_null, tri_store(m, a, 0, TRI_NULL))
ON_NODES(store_old, tri_store(m, tri_handle_get(m, micro->table), i % NODE_COUNT, b)) // old before the others
ON_NODES(swap, CONSUME(tri_swap(m, a, 0, b).bits))
ON_NODES(cas, CONSUME(tri_cas(m, a, 0, tri_load(m, a, 0), b)))
ON_NODES(copy, tri_copy(m, a, 0, b, 0, 2))
ON_NODES(root_set, tri_handle_set(m, micro->sink, a))
ON_NODES(weak_get, CONSUME(tri_weak_get(m, micro->weak).bits))
ON_NODES(safepoint, tri_safepoint(m))

TRI_NOINLINE static void frame_of_two(struct tri_mutator *m, tri_ref value) {
  TRI_FRAME(m, f, 2);
  tri_root_set(m, &f.slot[0], value);
  FORGET_MEMORY();
  TRI_FRAME_POP(m, f);
}
ON_NODES(frame, frame_of_two(m, a))

// ---- Collections ----

static bool make_garbage(struct micro *micro) { return alloc_32(micro, 1 << 13); }

// What survives its first collection.
static bool make_young(struct micro *micro) {
  tri_ref tree = make_tree(micro->m, (1 << 13) - 1);
  tri_handle_set(micro->m, micro->sink, tree);
  return !tri_is_null(tree);
}

static bool collect(struct micro *micro, enum tri_collect_kind kind, size_t n) {
  while (n--)
    if (tri_collect(micro->m, kind) != TRI_OK) return false;
  return true;
}
static bool collect_full(struct micro *micro, size_t n) { return collect(micro, TRI_COLLECT_FULL, n); }
static bool collect_minor(struct micro *micro, size_t n) { return collect(micro, TRI_COLLECT_MINOR, n); }

// A cycle that allocation brings about; what is measured is how long the world stood. A collector that has
// not stopped it after four times its heap never will.
static bool pause(struct micro *micro, size_t n) {
  enum { OBJECTS = 64 };
  struct tri_stats stats;
  tri_stats_get(micro->heap, &stats, sizeof stats);
  __atomic_store_n(&micro->cycle_pause_ns, 0, __ATOMIC_RELAXED);
  for (uint64_t bytes = 0; n && bytes / 4 < stats.limit_bytes; bytes += OBJECTS * 32) {
    if (!alloc_32(micro, OBJECTS)) return false;
    if ((micro->measured_ns = __atomic_load_n(&micro->cycle_pause_ns, __ATOMIC_ACQUIRE))) return true;
  }
  return false;
}

// ---- The cases ----

enum { K8 = (1 << 13) - 1, K64 = (1 << 16) - 1, M1 = (1 << 20) - 1, M4 = (1 << 22) - 1, BATCH = 4096 };

#define ALLOCATION(name, run)                                                                                \
  { name, 0, BATCH, 0, false, 0, NOTHING, NULL, run }
#define OPERATION(name, caps, marks, run)                                                                    \
  { name, caps, BATCH, 0, marks, 0, NODES, renew_nodes, run }
#define FULL(name, live, structure, prepare)                                                                 \
  { name, TRI_CAP_RECLAIMS, 1, 0, false, live, structure, prepare, collect_full }
#define MINOR(name, live, prepare)                                                                           \
  { name, TRI_CAP_RECLAIMS | TRI_CAP_GENERATIONAL, 1, 0, false, live, TREE, prepare, collect_minor }
#define PAUSES(name, live, iterations)                                                                       \
  { name, TRI_CAP_CYCLES | TRI_CAP_RECLAIMS, 1, iterations, false, live, TREE, NULL, pause }

const struct micro_case micro_cases[] = {
    ALLOCATION("alloc/8", alloc_8),
    ALLOCATION("alloc/16", alloc_16),
    ALLOCATION("alloc/32", alloc_32),
    ALLOCATION("alloc/128", alloc_128),
    ALLOCATION("alloc/1024", alloc_1024),
    ALLOCATION("alloc/65536", alloc_65536),
    ALLOCATION("alloc/leaf:8", alloc_leaf_8),
    ALLOCATION("alloc/leaf:32", alloc_leaf_32),
    ALLOCATION("alloc/leaf:1024", alloc_leaf_1024),
    OPERATION("load", 0, false, load),
    OPERATION("store", 0, true, store),
    OPERATION("store:null", 0, true, store_null),
    OPERATION("store:old", 0, false, store_old),
    OPERATION("swap", 0, true, swap),
    OPERATION("cas", 0, true, cas),
    OPERATION("copy:2", 0, true, copy),
    OPERATION("root_set", 0, false, root_set),
    OPERATION("frame", 0, false, frame),
    OPERATION("safepoint", 0, false, safepoint),
    OPERATION("weak_get", TRI_CAP_WEAK, true, weak_get),
    FULL("full/tree:8k", K8, TREE, NULL),
    FULL("full/list:8k", K8, LIST, NULL),
    FULL("full/array:8k", K8, ARRAY, NULL),
    FULL("full/random:8k", K8, RANDOM, NULL),
    FULL("full/garbage:8k", 0, NOTHING, make_garbage),
    FULL("full/tree:4m", M4, TREE, NULL),
    FULL("full/list:1m", M1, LIST, NULL),
    FULL("full/array:1m", M1, ARRAY, NULL),
    FULL("full/random:1m", M1, RANDOM, NULL),
    FULL("full/chain:1m", M1, CHAIN, NULL),
    FULL("full/sparse:64k", K64, SPARSE, NULL),
    MINOR("minor/survive:8k", K8, make_young),
    MINOR("minor/garbage:8k", K8, make_garbage),
    MINOR("minor/garbage:1m", M1, make_garbage),
    PAUSES("pauses/tree:8k", K8, 5),
    PAUSES("pauses/tree:4m", M4, 20),
};
const size_t micro_case_count = sizeof micro_cases / sizeof *micro_cases;

const char *const micro_collector = TRI_STRING(TRI_COLLECTOR);

// ---- Measuring ----

extern const struct tri_collector TRI_PASTE(tri_collector_, TRI_COLLECTOR);

static void close_heap(struct micro *micro) {
  if (micro->m) {
    if (micro->root) tri_handle_free(micro->m, micro->root);
    if (micro->table) tri_handle_free(micro->m, micro->table);
    if (micro->sink) tri_handle_free(micro->m, micro->sink);
    tri_detach(micro->m);
  }
  if (micro->heap) tri_heap_destroy(micro->heap);
  micro->heap = NULL;
  micro->m = NULL;
  micro->root = micro->table = micro->sink = NULL;
}

static bool open_heap(struct micro *micro, char *error, size_t error_bytes) {
  struct tri_heap_params params = {micro->options, {note_event, micro}, error, error_bytes};
  if (tri_heap_create(&TRI_PASTE(tri_collector_, TRI_COLLECTOR), &params, &micro->heap) != TRI_OK)
    return false;
  snprintf(error, error_bytes, "out of memory");
  return tri_attach(micro->heap, &micro->m) == TRI_OK && (micro->root = tri_handle_new(micro->m, TRI_NULL)) &&
         (micro->table = tri_handle_new(micro->m, TRI_NULL)) &&
         (micro->sink = tri_handle_new(micro->m, TRI_NULL));
}

struct micro *micro_open(const struct micro_case *piece, bool marking, const char *options, bool *skipped,
                         char *error, size_t error_bytes) {
  struct micro *micro = calloc(1, sizeof *micro);
  *skipped = false;
  snprintf(error, error_bytes, "out of memory");
  if (!micro) return NULL;
  micro->piece = *piece;
  if (marking) { // for long enough
    micro->marking = true;
    micro->piece.needs |= TRI_CAP_INCREMENTAL;
    micro->piece.live = M1;
    micro->piece.structure = TREE;
  }
  micro->options = options;
  bool opened = open_heap(micro, error, error_bytes);
  *skipped = opened && micro->piece.needs & ~micro->heap->caps;
  if (opened && !*skipped && make_live(micro)) return micro;
  micro_close(micro);
  return NULL;
}

void micro_close(struct micro *micro) {
  close_heap(micro);
  free(micro);
}

// A heap without life in it is as good as new when it is made anew: for collectors that do not collect.
static bool run(struct micro *micro, size_t n) {
  char error[1];
  return micro->piece.run(micro, n) ||
         (micro->piece.structure == NOTHING && (close_heap(micro), open_heap(micro, error, sizeof error)) &&
          micro->piece.run(micro, n));
}

// A batch during which marking ended is not measured.
bool micro_measure(struct micro *micro, size_t n, struct micro_sample *sample) {
  for (int tries = 0; tries < MOST_TRIES; tries++) {
    struct tri_stats before = {0}, after = {0};
    if (micro->piece.prepare && !micro->piece.prepare(micro)) return false;
    if (micro->marking && tri_collect_start(micro->m) != TRI_OK) return false;
    bool collects = n == 1; // asking for statistics may take long
    if (collects) tri_stats_get(micro->heap, &before, sizeof before);
    uint64_t epoch = micro->heap->epoch;
    uint64_t cpu_ns = tri_os_cpu_ns(), ns = tri_os_now_ns();
    if (!run(micro, n)) return false;
    sample->ns = tri_os_now_ns() - ns;
    sample->cpu_ns = tri_os_cpu_ns() - cpu_ns;
    if (collects) tri_stats_get(micro->heap, &after, sizeof after);
    if (micro->measured_ns) {
      sample->ns = micro->measured_ns;
    } else {
      sample->marked_objects = after.marked_objects - before.marked_objects;
      sample->copied_bytes = after.copied_bytes - before.copied_bytes;
      sample->freed_bytes = after.freed_bytes - before.freed_bytes;
    }
    if (!micro->marking || micro->heap->epoch == epoch) return true;
  }
  return false;
}
