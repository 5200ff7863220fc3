// One check per capability: what the claim means, in a form that fails when it is false.
#include "conform.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/actor.h"

enum { OBJECTS = 400, ROUNDS = 8 };

// Allocate and drop that many cells.
static bool make_garbage(struct tri_mutator *m, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (tri_is_null(tri_alloc(m, CONFORM_CELL))) return false;
  return true;
}

// ---------------------------------------------------------------------------------------------- addresses

// Every second of a row of objects is dropped, so that a collector that moves has a reason to.
static bool check_MOVES(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  TRI_FRAME(h.m, f, OBJECTS);
  bool moved = false;
  for (int round = 0; round < ROUNDS && !moved; round++) {
    uintptr_t before[OBJECTS];
    for (size_t i = 0; i < OBJECTS; i++) {
      tri_root_set(h.m, &f.slot[i], tri_alloc(h.m, CONFORM_CELL));
      CONFORM(c, !tri_is_null(f.slot[i]), "out of memory");
    }
    for (size_t i = 0; i < OBJECTS; i += 2) tri_root_set(h.m, &f.slot[i], TRI_NULL);
    for (size_t i = 1; i < OBJECTS; i += 2) before[i] = f.slot[i].bits;
    tri_collect(h.m, TRI_COLLECT_COMPACT);
    for (size_t i = 1; i < OBJECTS; i += 2) moved |= f.slot[i].bits != before[i];
  }
  CONFORM(c, moved, "no object has changed its address in %d compacting collections", ROUNDS);
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  return true;
}

// The same, with the objects pinned, twice and unpinned once, and held through a slot of another object too.
static bool check_PIN(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  TRI_FRAME(h.m, f, OBJECTS);
  for (size_t i = 0; i < OBJECTS; i++) {
    tri_root_set(h.m, &f.slot[i], tri_alloc(h.m, CONFORM_CELL));
    CONFORM(c, !tri_is_null(f.slot[i]), "out of memory");
    *(uint64_t *)tri_raw(h.m, f.slot[i]) = i;
  }
  uintptr_t before[OBJECTS];
  for (size_t i = 1; i < OBJECTS; i += 2) {
    CONFORM(c, tri_pin(h.m, f.slot[i]) && tri_pin(h.m, f.slot[i]), "tri_pin says no");
    tri_unpin(h.m, f.slot[i]);
    before[i] = f.slot[i].bits;
  }
  for (size_t i = 0; i < OBJECTS; i += 2) tri_root_set(h.m, &f.slot[i], TRI_NULL);
  for (int round = 0; round < ROUNDS; round++) {
    make_garbage(h.m, OBJECTS);
    tri_safepoint(h.m);
    tri_collect(h.m, round % 2 ? TRI_COLLECT_COMPACT : TRI_COLLECT_FULL);
    for (size_t i = 1; i < OBJECTS; i += 2) {
      CONFORM(c, f.slot[i].bits == before[i], "pinned object %zu moved in round %d", i, round);
      CONFORM(c, *(uint64_t *)tri_raw(h.m, f.slot[i]) == i, "pinned object %zu is damaged in round %d", i,
              round);
    }
  }
  for (size_t i = 1; i < OBJECTS; i += 2) tri_unpin(h.m, f.slot[i]);
  TRI_FRAME_POP(h.m, f);
  uint64_t live = conform_has(c, TRI_CAP_EXACT) ? conform_live(h.m) : 0;
  CONFORM(c, live == 0, "%llu objects outlive their pins and roots", (unsigned long long)live);
  conform_close(&h);
  return true;
}

// ---------------------------------------------------------------------------------------------- reclaiming

// Garbage of many times the heap's limit, small and large, beside a list that has to survive.
static bool check_RECLAIMS(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  TRI_FRAME(h.m, f, 2);
  CONFORM(c, conform_list(h.m, &f.slot[0], 1000, 7), "no memory for a short list");
  size_t limit = conform_heap_bytes(c), sizes[] = {8, 24, 100, 1000, 5000, limit / 16};
  for (size_t i = 0, total = 0; total < 12 * limit; i++) {
    size_t bytes = sizes[i % (sizeof sizes / sizeof *sizes)];
    tri_root_set(h.m, &f.slot[1], tri_alloc(h.m, TRI_SHAPE(i % 3, bytes)));
    CONFORM(c, !tri_is_null(f.slot[1]), "out of memory after %zu bytes of garbage under a limit of %zu",
            total, limit);
    total += bytes;
  }
  CONFORM(c, conform_is_list(h.m, f.slot[0], 1000, 7), "the list that was reachable all the time is damaged");
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  return true;
}

// A binary tree of that depth; TRI_NULL when there is no memory.
static tri_ref make_tree(struct tri_mutator *m, int depth) {
  TRI_FRAME(m, f, 3);
  if (depth > 0) {
    tri_root_set(m, &f.slot[0], make_tree(m, depth - 1));
    tri_root_set(m, &f.slot[1], make_tree(m, depth - 1));
  }
  tri_root_set(m, &f.slot[2], tri_alloc(m, TRI_SHAPE(2, 8)));
  tri_ref tree = f.slot[2];
  if (!tri_is_null(tree)) {
    tri_init(m, tree, 0, f.slot[0]);
    tri_init(m, tree, 1, f.slot[1]);
  }
  // The caller roots it before the next collecting call; a counting collector sees it referenced until then.
  TRI_FRAME_POP(m, f);
  return tree;
}

// Trees, lists and shared structure are dropped piecewise; what remains is counted each time.
static bool check_EXACT(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  CONFORM(c, conform_live(h.m) == 0, "a new heap is not empty");
  TRI_FRAME(h.m, f, 4);
  enum { LIST = 2000, DEPTH = 8, TREE = (2 << DEPTH) - 1 };
  CONFORM(c, conform_list(h.m, &f.slot[0], LIST, 0), "out of memory");
  tri_root_set(h.m, &f.slot[1], make_tree(h.m, DEPTH));
  CONFORM(c, !tri_is_null(f.slot[1]) && make_garbage(h.m, OBJECTS), "out of memory");
  struct tri_handle *handle = tri_handle_new(h.m, tri_alloc(h.m, TRI_SHAPE(2, 0)));
  CONFORM(c, handle && !tri_is_null(tri_handle_get(h.m, handle)), "out of memory");
  tri_store(h.m, tri_handle_get(h.m, handle), 0, f.slot[0]); // the list is shared
  tri_store(h.m, tri_handle_get(h.m, handle), 1, tri_load(h.m, f.slot[1], 0));

  uint64_t live, expected = LIST + TREE + 1;
#define EXPECT(what)                                                                                         \
  live = conform_live(h.m);                                                                                  \
  CONFORM(c, live == expected, "%s: %llu objects are live, %llu are reachable", what,                        \
          (unsigned long long)live, (unsigned long long)expected)
  EXPECT("all built");
  tri_root_set(h.m, &f.slot[0], TRI_NULL);
  EXPECT("the list held by one reference less");
  tri_root_set(h.m, &f.slot[1], TRI_NULL);
  expected -= TREE / 2 + 1;
  EXPECT("root and right half of the tree dropped");
  tri_store(h.m, tri_handle_get(h.m, handle), 0, TRI_NULL);
  expected -= LIST;
  EXPECT("the list dropped");
  tri_handle_free(h.m, handle);
  expected = 0;
  EXPECT("the handle freed");
#undef EXPECT
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  return true;
}

// A ring of n cells into *slot.
static bool make_ring(struct tri_mutator *m, tri_ref *slot, size_t n) {
  if (!conform_list(m, slot, n, 0)) return false;
  tri_ref last = *slot;
  for (tri_ref next; !tri_is_null(next = tri_load(m, last, 0));) last = next;
  tri_store(m, last, 0, *slot);
  return true;
}

static bool check_CYCLES(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  TRI_FRAME(h.m, f, 3);
  CONFORM(c, make_ring(h.m, &f.slot[1], 100), "out of memory");
  size_t made = 0;
  for (size_t ring = 0; ring < 200; ring++) {
    size_t n = ring % 4 == 3 ? 50 : ring % 4 + 1;
    CONFORM(c, make_ring(h.m, &f.slot[0], n), "out of memory");
    made += n;
    tri_root_set(h.m, &f.slot[0], TRI_NULL);
  }
  // Each to each, and a ring that reaches a live one.
  enum { CLIQUE = 12 };
  TRI_FRAME(h.m, clique, CLIQUE);
  for (size_t i = 0; i < CLIQUE; i++) {
    tri_root_set(h.m, &clique.slot[i], tri_alloc(h.m, TRI_SHAPE(CLIQUE, 0)));
    CONFORM(c, !tri_is_null(clique.slot[i]), "out of memory");
  }
  for (size_t i = 0; i < CLIQUE; i++)
    for (size_t k = 0; k < CLIQUE; k++) tri_store(h.m, clique.slot[i], k, clique.slot[k]);
  TRI_FRAME_POP(h.m, clique);
  tri_root_set(h.m, &f.slot[0], tri_alloc(h.m, TRI_SHAPE(2, 0)));
  CONFORM(c, !tri_is_null(f.slot[0]), "out of memory");
  tri_store(h.m, f.slot[0], 0, f.slot[0]);
  tri_store(h.m, f.slot[0], 1, f.slot[1]);
  tri_root_set(h.m, &f.slot[0], TRI_NULL);
  made += CLIQUE + 1;
  uint64_t live = conform_live(h.m);
  CONFORM(c, live >= 100 && live <= 100 + conform_slack(c, made),
          "%llu objects are live after a full collection, 100 are reachable, %zu were dropped in cycles",
          (unsigned long long)live, made);
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  return true;
}

// Objects that have survived some collections are not traced again by a minor one, which does reclaim what is
// young.
static bool check_GENERATIONAL(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  enum { OLD = 5000, YOUNG = 500 };
  TRI_FRAME(h.m, f, 1);
  CONFORM(c, conform_list(h.m, &f.slot[0], OLD, 0), "out of memory");
  for (int round = 0; round < ROUNDS; round++) tri_collect(h.m, TRI_COLLECT_MINOR);
  tri_collect(h.m, TRI_COLLECT_FULL);
  struct tri_stats before = conform_stats(h.heap);
  CONFORM(c, make_garbage(h.m, YOUNG), "out of memory");
  CONFORM(c, tri_collect(h.m, TRI_COLLECT_MINOR) == TRI_OK, "no minor collection");
  struct tri_stats after = conform_stats(h.heap);
  CONFORM(c, after.collections > before.collections, "a minor collection is not counted");
  CONFORM(c, after.freed_objects - before.freed_objects >= YOUNG,
          "a minor collection has reclaimed %llu of %d young objects",
          (unsigned long long)(after.freed_objects - before.freed_objects), YOUNG);
  CONFORM(c, after.marked_objects - before.marked_objects < OLD / 10,
          "a minor collection has traced %llu objects",
          (unsigned long long)(after.marked_objects - before.marked_objects));
  CONFORM(c, after.copied_bytes - before.copied_bytes < OLD, "a minor collection has copied old objects");
  CONFORM(c, conform_is_list(h.m, f.slot[0], OLD, 0), "the old list is damaged");
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  return true;
}

// -------------------------------------------------------------------------------------------- who works when

// What the events say about the collections that were seen.
struct seen {
  struct tri_actor *mutator;
  bool collecting;
  uint32_t resumes;     // in the present collection
  uint32_t interrupted; // collections that the mutators ran in the midst of
  uint32_t off_mutator; // events inside a collection that came from no mutator's thread
  size_t most_threads;  // of the process, inside a collection; fibers that tell of it count, too
};

static size_t count_threads(void) {
  size_t n = 0;
  DIR *tasks = opendir("/proc/self/task");
  if (!tasks) return 0;
  for (struct dirent *entry; (entry = readdir(tasks));) n += entry->d_name[0] != '.';
  closedir(tasks);
  return n;
}

static void see(void *context, struct tri_heap *heap, const struct tri_event *event) {
  struct seen *seen = context;
  (void)heap;
  if (event->kind == TRI_EVENT_COLLECTION_BEGIN) {
    seen->collecting = true;
    seen->resumes = 0;
  }
  if (!seen->collecting) return;
  if (tri_actor_self() != seen->mutator) seen->off_mutator++;
  if (seen->off_mutator && seen->most_threads < 2) seen->most_threads = 2;
  if (event->kind == TRI_EVENT_RESUME) seen->resumes++;
  if (event->kind == TRI_EVENT_MARK || event->kind == TRI_EVENT_WEAK || event->kind == TRI_EVENT_SWEEP) {
    size_t threads = count_threads();
    if (threads > seen->most_threads) seen->most_threads = threads;
  }
  if (event->kind == TRI_EVENT_COLLECTION_END) {
    seen->collecting = false;
    seen->interrupted += seen->resumes > 0;
  }
}

// A mutator at work on half a heap full of live data for a few collections.
static bool work(struct conform *c, struct seen *seen) {
  struct conform_heap h;
  struct tri_event_sink sink = {see, seen};
  seen->mutator = tri_actor_self();
  if (!conform_open_with(c, &h, &sink)) return false;
  size_t cells = conform_heap_bytes(c) / 6 / tri_shape_extent(CONFORM_CELL);
  TRI_FRAME(h.m, f, 1);
  CONFORM(c, conform_list(h.m, &f.slot[0], cells, 0), "out of memory");
  for (size_t i = 0; i < 20 * cells && conform_stats(h.heap).collections < 4; i += 1000) {
    CONFORM(c, make_garbage(h.m, 1000), "out of memory");
    tri_safepoint(h.m);
  }
  CONFORM(c, conform_is_list(h.m, f.slot[0], cells, 0), "the list is damaged");
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  return true;
}

// What a mutator's own pauses have marked. A collector that marks beside it marks more between them.
struct step {
  struct tri_actor *mutator;
  bool paused;             // since it was last looked
  uint64_t begin, objects; // marked when the pause began; in pauses
};

static void see_step(void *context, struct tri_heap *heap, const struct tri_event *event) {
  struct step *step = context;
  if (tri_actor_self() != step->mutator) return;
  if (event->kind == TRI_EVENT_STOPPED) step->begin = conform_stats(heap).marked_objects;
  if (event->kind != TRI_EVENT_RESUME) return;
  step->objects += conform_stats(heap).marked_objects - step->begin;
  step->paused = true;
}

// A collection that is asked for marks no more objects than a step allows, ends after as many steps as there
// is work, and then has reclaimed what was garbage when it began, though the mutator cuts a list between the
// steps and holds its rest by a root. And allocation alone lets collections go on in steps. Where collection
// work runs beside the mutator, that may mark as well: a step's is what is marked while it has stopped the
// world.
static bool check_INCREMENTAL(struct conform *c) {
  struct conform_heap h;
  struct step step = {.mutator = tri_actor_self()};
  struct tri_event_sink sink = {see_step, &step};
  if (!conform_open_with(c, &h, &sink)) return false;
  bool beside = tri_has(h.heap, TRI_CAP_CONCURRENT);
  enum { LIST = 3000, GARBAGE = 500, UNITS = 50, AT_ONCE = 4 * UNITS, MOST_STEPS = 20 * LIST / UNITS };
  TRI_FRAME(h.m, f, 3);
  CONFORM(c, conform_list(h.m, &f.slot[0], LIST, 0), "out of memory");
  tri_collect_step(h.m, SIZE_MAX); // allocation may have begun one
  CONFORM(c, tri_collect_step(h.m, UNITS), "there is something to do though no collection is under way");
  CONFORM(c, make_garbage(h.m, GARBAGE), "out of memory");
  CONFORM(c, tri_collect_start(h.m) == TRI_OK, "no collection in steps can be begun");
  struct tri_stats begin = conform_stats(h.heap), now = begin;
  size_t steps = 0;
  uint64_t elsewhere = 0;
  tri_root_set(h.m, &f.slot[1], f.slot[0]); // the last cell before the cut
  for (bool done = false; !done; steps++) {
    CONFORM(c, steps < MOST_STEPS, "the collection has not ended after %zu steps of %d", steps, UNITS);
    tri_root_set(h.m, &f.slot[2], tri_load(h.m, f.slot[1], 0));
    tri_store(h.m, f.slot[1], 0, TRI_NULL);
    step.objects = step.paused = 0;
    done = tri_collect_step(h.m, UNITS);
    struct tri_stats last = now;
    now = conform_stats(h.heap);
    uint64_t marked = now.marked_objects - last.marked_objects;
    uint64_t own = beside && step.paused ? step.objects : marked;
    CONFORM(c, own <= AT_ONCE, "%llu objects were marked in a step of %d", (unsigned long long)own, UNITS);
    elsewhere += marked - own;
    tri_store(h.m, f.slot[1], 0, f.slot[2]);
    if (!tri_is_null(f.slot[2])) tri_root_set(h.m, &f.slot[1], f.slot[2]);
  }
  CONFORM(c, steps * AT_ONCE + elsewhere >= LIST, "%d objects took %zu steps of %d", LIST, steps, UNITS);
  CONFORM(c, now.collections == begin.collections + 1, "%llu collections have ended, 1 was begun",
          (unsigned long long)(now.collections - begin.collections));
  CONFORM(c, now.freed_objects - begin.freed_objects >= GARBAGE,
          "%llu objects were reclaimed, %d were garbage when the collection began",
          (unsigned long long)(now.freed_objects - begin.freed_objects), GARBAGE);
  CONFORM(c, conform_is_list(h.m, f.slot[0], LIST, 0), "the list that was cut and mended is damaged");
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  struct seen seen = {0};
  if (!work(c, &seen)) return false;
  CONFORM(c, seen.interrupted > 0, "no collection let the mutator run between its steps");
  return true;
}

static bool check_CONCURRENT(struct conform *c) {
  struct seen seen = {0};
  if (!work(c, &seen)) return false;
  CONFORM(c, seen.interrupted > 0, "no collection let the mutator run before it ended");
  CONFORM(c, seen.off_mutator > 0, "the mutator's own thread does all the work");
  return true;
}

static bool check_PARALLEL(struct conform *c) {
  struct seen seen = {0};
  if (!work(c, &seen)) return false;
  CONFORM(c, seen.most_threads > 1, "no second thread was there in any collection");
  return true;
}

// The claim allows to keep too much, never to keep too little or to change anything; and who makes it is not
// EXACT.
static bool check_CONSERVATIVE(struct conform *c) {
  CONFORM(c, !conform_has(c, TRI_CAP_EXACT), "a collector that may keep garbage alive is not exact");
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  TRI_FRAME(h.m, f, 3);
  CONFORM(c, conform_list(h.m, &f.slot[0], OBJECTS, 0), "out of memory");
  // A payload full of words that look like references.
  tri_root_set(h.m, &f.slot[1], tri_alloc(h.m, TRI_SHAPE(0, OBJECTS * sizeof(uintptr_t))));
  CONFORM(c, !tri_is_null(f.slot[1]), "out of memory");
  uintptr_t *words = tri_raw(h.m, f.slot[1]);
  tri_ref cell = f.slot[0];
  for (size_t i = 0; i < OBJECTS; i++, cell = tri_load(h.m, cell, 0)) words[i] = cell.bits + i % 3;
  uintptr_t copy[OBJECTS];
  memcpy(copy, words, sizeof copy);
  tri_root_set(h.m, &f.slot[0], TRI_NULL);
  tri_collect(h.m, TRI_COLLECT_FULL);
  CONFORM(c, memcmp(copy, tri_raw(h.m, f.slot[1]), sizeof copy) == 0, "a payload was changed");
  CONFORM(c, conform_list(h.m, &f.slot[0], OBJECTS, 9) && conform_is_list(h.m, f.slot[0], OBJECTS, 9),
          "the heap is not usable afterwards");
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  return true;
}

// ---------------------------------------------------------------------------------------------- weak

// A fresh cell with that id into *slot.
static bool make_cell(struct tri_mutator *m, tri_ref *slot, uint64_t id) {
  tri_ref cell = tri_alloc(m, CONFORM_CELL);
  if (!tri_is_null(cell)) *(uint64_t *)tri_raw(m, cell) = id;
  tri_root_set(m, slot, cell);
  return !tri_is_null(cell);
}

static uint64_t id_of(struct tri_mutator *m, tri_ref cell) { return *(uint64_t *)tri_raw(m, cell); }

enum { WEAKS = 60 };

static bool check_WEAK(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  TRI_FRAME(h.m, weak, WEAKS);
  TRI_FRAME(h.m, target, WEAKS);
  for (size_t i = 0; i < WEAKS; i++) {
    tri_root_set(h.m, &weak.slot[i], tri_weak_new(h.m));
    CONFORM(c, !tri_is_null(weak.slot[i]), "no memory for a weak reference");
    CONFORM(c, tri_is_null(tri_weak_get(h.m, weak.slot[i])), "a new weak reference is not empty");
    CONFORM(c, make_cell(h.m, &target.slot[i], i), "out of memory");
    tri_weak_set(h.m, weak.slot[i], target.slot[i == 1 ? 0 : i]); // 0 and 1 share a target
  }
  tri_collect(h.m, TRI_COLLECT_FULL);
  for (size_t i = 0; i < WEAKS; i++)
    CONFORM(c, tri_same(h.m, tri_weak_get(h.m, weak.slot[i]), target.slot[i == 1 ? 0 : i]),
            "weak reference %zu lost its reachable target", i);
  // Targets from 10 on are dropped; some are held by what get has returned, some weak references with them.
  TRI_FRAME(h.m, held, 1);
  tri_root_set(h.m, &held.slot[0], tri_weak_get(h.m, weak.slot[WEAKS - 1]));
  for (size_t i = 10; i < WEAKS; i++) tri_root_set(h.m, &target.slot[i], TRI_NULL);
  for (size_t i = 10; i < 20; i++) tri_root_set(h.m, &weak.slot[i], TRI_NULL);
  tri_collect(h.m, TRI_COLLECT_FULL);
  size_t kept = 0;
  for (size_t i = 0; i < WEAKS; i++) {
    if (tri_is_null(weak.slot[i])) continue;
    tri_ref got = tri_weak_get(h.m, weak.slot[i]);
    if (i < 10)
      CONFORM(c, tri_same(h.m, got, target.slot[i == 1 ? 0 : i]),
              "weak reference %zu lost its reachable target", i);
    else if (i == WEAKS - 1)
      CONFORM(c, tri_same(h.m, got, held.slot[0]) && id_of(h.m, got) == i,
              "what tri_weak_get returned and a root holds is gone");
    else
      kept += !tri_is_null(got);
  }
  CONFORM(c, kept <= conform_slack(c, WEAKS), "%zu weak references keep their unreachable target", kept);
  // Set anew, emptied by hand, the whole pair dropped.
  CONFORM(c, make_cell(h.m, &target.slot[30], 30), "out of memory");
  tri_weak_set(h.m, weak.slot[30], target.slot[30]);
  tri_weak_set(h.m, weak.slot[2], TRI_NULL);
  tri_collect(h.m, TRI_COLLECT_FULL);
  CONFORM(c, id_of(h.m, tri_weak_get(h.m, weak.slot[30])) == 30,
          "a weak reference set again has lost its target");
  CONFORM(c, tri_is_null(tri_weak_get(h.m, weak.slot[2])), "an emptied weak reference is not empty");
  TRI_FRAME_POP(h.m, held);
  TRI_FRAME_POP(h.m, target);
  TRI_FRAME_POP(h.m, weak);
  uint64_t live = conform_live(h.m);
  CONFORM(c, live <= conform_slack(c, 3 * WEAKS), "%llu objects remain when all is dropped",
          (unsigned long long)live);
  conform_close(&h);
  return true;
}

// Frame slots: 0 key, 1 value, then ephemerons.
static bool check_EPHEMERON(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  enum { CHAIN = 40 };
  TRI_FRAME(h.m, f, 2);
  TRI_FRAME(h.m, e, CHAIN);
  // A chain: key of 0 is rooted, the value of each is the key of the next.
  CONFORM(c, make_cell(h.m, &f.slot[0], 1000), "out of memory");
  TRI_FRAME(h.m, key, 1);
  tri_root_set(h.m, &key.slot[0], f.slot[0]);
  for (size_t i = 0; i < CHAIN; i++) {
    tri_root_set(h.m, &e.slot[i], tri_ephemeron_new(h.m));
    CONFORM(c, !tri_is_null(e.slot[i]) && make_cell(h.m, &f.slot[1], i), "out of memory");
    CONFORM(
        c, tri_is_null(tri_ephemeron_key(h.m, e.slot[i])) && tri_is_null(tri_ephemeron_value(h.m, e.slot[i])),
        "a new ephemeron is not empty");
    tri_store(h.m, f.slot[1], 0, key.slot[0]); // the value refers to its key: still no reason to keep it
    tri_ephemeron_set(h.m, e.slot[i], key.slot[0], f.slot[1]);
    tri_root_set(h.m, &key.slot[0], f.slot[1]);
  }
  tri_root_set(h.m, &key.slot[0], TRI_NULL);
  tri_root_set(h.m, &f.slot[1], TRI_NULL);
  tri_collect(h.m, TRI_COLLECT_FULL);
  CONFORM(c, tri_same(h.m, tri_ephemeron_key(h.m, e.slot[0]), f.slot[0]), "a reachable key was cleared");
  for (size_t i = 0; i < CHAIN; i++) {
    tri_ref value = tri_ephemeron_value(h.m, e.slot[i]);
    CONFORM(c, !tri_is_null(value) && id_of(h.m, value) == i,
            "value %zu of a chain whose key is reachable is gone", i);
  }
  // The key of 20 stays reachable by another way.
  tri_root_set(h.m, &f.slot[1], tri_ephemeron_key(h.m, e.slot[20]));
  tri_store(h.m, f.slot[1], 0, TRI_NULL);
  tri_root_set(h.m, &f.slot[0], TRI_NULL);
  tri_collect(h.m, TRI_COLLECT_FULL);
  for (size_t i = 0; i < CHAIN; i++) {
    bool key_gone = tri_is_null(tri_ephemeron_key(h.m, e.slot[i]));
    bool value_gone = tri_is_null(tri_ephemeron_value(h.m, e.slot[i]));
    CONFORM(c, key_gone == (i < 20) && value_gone == key_gone, "ephemeron %zu: key %s, value %s", i,
            key_gone ? "gone" : "there", value_gone ? "gone" : "there");
  }
  TRI_FRAME_POP(h.m, key);
  TRI_FRAME_POP(h.m, e);
  TRI_FRAME_POP(h.m, f);
  uint64_t live = conform_live(h.m);
  CONFORM(c, live <= conform_slack(c, 3 * CHAIN), "%llu objects remain when all is dropped",
          (unsigned long long)live);
  conform_close(&h);
  return true;
}

static bool check_FINALIZER(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  enum { N = 60, COOKIE = 5000 };
  uint64_t cookie = 0;
  TRI_FRAME(h.m, f, N);
  for (size_t i = 0; i < N; i++) { // each with a list of its own
    CONFORM(c, conform_list(h.m, &f.slot[i], 3, i), "out of memory");
    CONFORM(c, tri_finalizer_add(h.m, f.slot[i], COOKIE + i) == TRI_OK, "registration %zu fails", i);
  }
  CONFORM(c, tri_finalizer_add(h.m, f.slot[0], COOKIE + N) == TRI_OK, "a second registration fails");
  tri_collect(h.m, TRI_COLLECT_FULL);
  CONFORM(c, tri_is_null(tri_finalizer_next(h.m, &cookie)), "a reachable object was queued (cookie %llu)",
          (unsigned long long)cookie);
  for (size_t i = 0; i < N / 2; i++) tri_root_set(h.m, &f.slot[i], TRI_NULL);
  unsigned times[N + 1] = {0}, queued = 0;
  TRI_FRAME(h.m, taken, 1);
  for (int round = 0; round < 3; round++) {
    tri_collect(h.m, TRI_COLLECT_FULL);
    for (tri_ref object; !tri_is_null(object = tri_finalizer_next(h.m, &cookie)); queued++) {
      tri_root_set(h.m, &taken.slot[0], object);
      CONFORM(c, cookie >= COOKIE && cookie <= COOKIE + N, "cookie %llu was never registered",
              (unsigned long long)cookie);
      uint64_t i = cookie == COOKIE + N ? 0 : cookie - COOKIE;
      CONFORM(c, i < N / 2, "reachable object %llu was queued", (unsigned long long)i);
      CONFORM(c, ++times[cookie - COOKIE] == 1, "cookie %llu was handed out twice",
              (unsigned long long)cookie);
      CONFORM(c, make_garbage(h.m, 10), "out of memory");
      CONFORM(c, conform_is_list(h.m, taken.slot[0], 3, i), "object %llu or what it reaches was damaged",
              (unsigned long long)i);
      tri_root_set(h.m, &taken.slot[0], TRI_NULL);
    }
  }
  CONFORM(c, queued >= N / 2 + 1 - conform_slack(c, N / 2),
          "%u of %d registrations of unreachable objects were queued", queued, N / 2 + 1);
  // A weak reference is cleared before its target is queued; a registration can be made again.
  if (conform_has(c, TRI_CAP_WEAK)) {
    TRI_FRAME(h.m, weak, 1);
    tri_root_set(h.m, &weak.slot[0], tri_weak_new(h.m));
    CONFORM(c, !tri_is_null(weak.slot[0]), "out of memory");
    tri_weak_set(h.m, weak.slot[0], f.slot[N - 1]);
    tri_root_set(h.m, &f.slot[N - 1], TRI_NULL);
    tri_collect(h.m, TRI_COLLECT_FULL);
    tri_root_set(h.m, &taken.slot[0], tri_finalizer_next(h.m, &cookie));
    if (!tri_is_null(taken.slot[0])) {
      CONFORM(c, tri_is_null(tri_weak_get(h.m, weak.slot[0])),
              "a queued object is still seen by a weak reference");
      CONFORM(c, tri_finalizer_add(h.m, taken.slot[0], 77) == TRI_OK, "a second life gets no finalizer");
      tri_root_set(h.m, &taken.slot[0], TRI_NULL);
      tri_collect(h.m, TRI_COLLECT_FULL);
      tri_root_set(h.m, &taken.slot[0], tri_finalizer_next(h.m, &cookie));
      CONFORM(c, (!tri_is_null(taken.slot[0]) && cookie == 77) || conform_has(c, TRI_CAP_CONSERVATIVE),
              "a registration after finalization is lost");
      tri_root_set(h.m, &taken.slot[0], TRI_NULL);
    }
    TRI_FRAME_POP(h.m, weak);
  }
  // Unreachable cycles of objects with finalizers are queued too.
  if (conform_has(c, TRI_CAP_CYCLES) && !conform_has(c, TRI_CAP_FINALIZER_ORDER)) {
    CONFORM(c, make_ring(h.m, &taken.slot[0], 2), "out of memory");
    CONFORM(c, tri_finalizer_add(h.m, taken.slot[0], 1) == TRI_OK, "out of memory");
    CONFORM(c, tri_finalizer_add(h.m, tri_load(h.m, taken.slot[0], 0), 2) == TRI_OK, "out of memory");
    tri_root_set(h.m, &taken.slot[0], TRI_NULL);
    for (queued = 0; queued < 2;) { // both at once, or one after the other
      tri_collect(h.m, TRI_COLLECT_FULL);
      tri_ref object = tri_finalizer_next(h.m, &cookie);
      if (tri_is_null(object)) break;
      queued++;
    }
    CONFORM(c, queued == 2 || conform_has(c, TRI_CAP_CONSERVATIVE), "%u of 2 objects in a cycle were queued",
            queued);
  }
  TRI_FRAME_POP(h.m, taken);
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  return true;
}

// 0 leads to 1 by way of an array, and 1 to 2: dependency decides, whatever the order of registration. What
// is in the queue still leads to the next. A ring leads to itself.
static bool check_FINALIZER_ORDER(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  enum { N = 3, SLOTS = 50 };
  TRI_FRAME(h.m, f, N + 2);
  for (size_t i = 0; i < N; i++) tri_root_set(h.m, &f.slot[i], tri_alloc(h.m, TRI_SHAPE(1, 8)));
  tri_root_set(h.m, &f.slot[N], tri_alloc(h.m, TRI_SHAPE(SLOTS, 8 * SLOTS)));
  for (size_t i = 0; i <= N; i++) CONFORM(c, !tri_is_null(f.slot[i]), "out of memory");
  tri_store(h.m, f.slot[0], 0, f.slot[N]);
  tri_store(h.m, f.slot[N], SLOTS - 1, f.slot[1]);
  tri_store(h.m, f.slot[1], 0, f.slot[2]);
  CONFORM(c, make_ring(h.m, &f.slot[N + 1], 2), "out of memory");
  CONFORM(c, tri_finalizer_add(h.m, f.slot[N + 1], N) == TRI_OK, "out of memory");
  for (size_t i = N; i-- > 0;) CONFORM(c, tri_finalizer_add(h.m, f.slot[i], i) == TRI_OK, "out of memory");
  for (size_t i = 0; i < N + 2; i++) tri_root_set(h.m, &f.slot[i], TRI_NULL);
  for (uint64_t i = 0; i < N; i++) {
    uint64_t cookie = UINT64_MAX;
    for (int round = 0; round < 2; round++) tri_collect(h.m, TRI_COLLECT_FULL);
    bool queued = !tri_is_null(tri_finalizer_next(h.m, &cookie));
    CONFORM(c, queued && cookie == i, "object %llu: %s queued, cookie %llu", (unsigned long long)i,
            queued ? "another was" : "nothing was", (unsigned long long)cookie);
    CONFORM(c, tri_is_null(tri_finalizer_next(h.m, &cookie)),
            "cookie %llu was queued before what leads to it was gone", (unsigned long long)cookie);
  }
  tri_collect(h.m, TRI_COLLECT_FULL);
  CONFORM(c, tri_is_null(tri_finalizer_next(h.m, NULL)), "an object that reaches itself was queued");
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  return true;
}

// ---------------------------------------------------------------------------------------------- walk

struct walked {
  struct tri_mutator *m;
  size_t visits, left;
  uint64_t bytes;
  unsigned seen[OBJECTS];
  bool bad;
  uintptr_t start[4 * OBJECTS], end[4 * OBJECTS];
};

static size_t walk_refs(size_t i) { return i % 5; }
static size_t walk_bytes(size_t i) { return 8 + i % 7 * (i % 3 ? 9 : 300); }

static bool walk_one(void *context, const struct tri_object_info *info) {
  struct walked *w = context;
  if (w->visits < 4 * OBJECTS) {
    w->start[w->visits] = info->start;
    w->end[w->visits] = info->start + info->bytes;
  }
  w->visits++;
  w->bytes += info->bytes;
  w->bad |= !tri_shape_valid(info->shape) || info->ref.bits < info->start ||
            info->ref.bits + tri_shape_extent(info->shape) > info->start + info->bytes;
  if (!w->bad && tri_shape_kind(info->shape) == TRI_NODE && tri_shape_bytes(info->shape) >= 8) {
    uint64_t id = *(uint64_t *)(info->ref.bits + 8 * tri_shape_refs(info->shape));
    if (id < OBJECTS) {
      w->seen[id]++;
      w->bad |= !tri_shape_equal(info->shape, TRI_SHAPE(walk_refs(id), walk_bytes(id)));
    }
  }
  return w->left == 0 || --w->left > 0;
}

static bool check_WALK(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  TRI_FRAME(h.m, f, OBJECTS);
  for (size_t i = 0; i < OBJECTS; i++) {
    tri_root_set(h.m, &f.slot[i], tri_alloc(h.m, TRI_SHAPE(walk_refs(i), walk_bytes(i))));
    CONFORM(c, !tri_is_null(f.slot[i]) && (i % 4 || !tri_is_null(tri_alloc(h.m, TRI_SHAPE(1, 0)))),
            "out of memory");
    *(uint64_t *)tri_raw(h.m, f.slot[i]) = i;
  }
  struct walked *w = calloc(1, sizeof *w);
  for (int round = 0; round < 2; round++) {
    *w = (struct walked){.m = h.m};
    CONFORM(c, tri_walk(h.heap, walk_one, w), "the walk ends before its end");
    struct tri_stats stats = conform_stats(h.heap);
    CONFORM(c, !w->bad, "an object is shown with a wrong shape or extent");
    for (size_t i = 0; i < OBJECTS; i++)
      CONFORM(c, w->seen[i] == 1, "object %zu was visited %u times in round %d", i, w->seen[i], round);
    CONFORM(c, w->visits == stats.live_objects && w->bytes == stats.live_bytes,
            "%zu objects of %llu bytes were visited, the statistics have %llu of %llu", w->visits,
            (unsigned long long)w->bytes, (unsigned long long)stats.live_objects,
            (unsigned long long)stats.live_bytes);
    for (size_t i = 0; i < w->visits && i < 4 * OBJECTS; i++)
      for (size_t k = 0; k < i; k++)
        CONFORM(c, w->end[i] <= w->start[k] || w->end[k] <= w->start[i], "two objects overlap");
    tri_collect(h.m, TRI_COLLECT_FULL);
  }
  *w = (struct walked){.m = h.m, .left = 5};
  CONFORM(c, !tri_walk(h.heap, walk_one, w) && w->visits == 5, "a visitor's false does not end the walk");
  free(w);
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  return true;
}

// --------------------------------------------------------------------------------------------- explicit free

static bool check_EXPLICIT_FREE(struct conform *c) {
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  TRI_FRAME(h.m, f, OBJECTS);
  for (size_t i = 0; i < OBJECTS; i++) CONFORM(c, make_cell(h.m, &f.slot[i], i), "out of memory");
  for (size_t i = 0; i < OBJECTS; i += 2) {
    struct tri_stats before = conform_stats(h.heap);
    tri_ref object = f.slot[i];
    tri_root_set(h.m, &f.slot[i], TRI_NULL);
    tri_free(h.m, object);
    struct tri_stats after = conform_stats(h.heap);
    CONFORM(c,
            after.live_objects == before.live_objects - 1 && after.freed_objects == before.freed_objects + 1,
            "tri_free of object %zu reclaims nothing at once", i);
  }
  for (size_t i = 1; i < OBJECTS; i += 2)
    CONFORM(c, id_of(h.m, f.slot[i]) == i, "object %zu was not freed", i);
  size_t limit = conform_heap_bytes(c), bytes = limit / 8;
  for (int i = 0; i < 100; i++) {
    tri_ref object = tri_alloc(h.m, TRI_SHAPE(i % 2, bytes));
    CONFORM(c, !tri_is_null(object), "freed memory is not used again: out of memory in round %d", i);
    const unsigned char *payload = tri_raw(h.m, object);
    CONFORM(c, payload[0] == 0 && payload[bytes - 1] == 0, "memory used again is not zeroed");
    memset(tri_raw(h.m, object), 0xff, bytes);
    tri_free(h.m, object);
  }
  TRI_FRAME_POP(h.m, f);
  conform_close(&h);
  return true;
}

// ---------------------------------------------------------------------------------------------- many

static bool check_MULTI_HEAP(struct conform *c) {
  enum { HEAPS = 3, CELLS = 500 };
  CONFORM(c, c->collector->caps.max_heaps >= 2, "max_heaps is %u", c->collector->caps.max_heaps);
  uint32_t n = c->collector->caps.max_heaps < HEAPS ? c->collector->caps.max_heaps : HEAPS;
  struct conform_heap h[HEAPS];
  struct tri_handle *list[HEAPS];
  for (uint32_t i = 0; i < n; i++) {
    if (!conform_open(c, &h[i])) return false;
    list[i] = tri_handle_new(h[i].m, TRI_NULL);
    CONFORM(c, list[i], "out of memory");
  }
  for (uint32_t i = 0; i < n; i++) {
    TRI_FRAME(h[i].m, f, 1);
    CONFORM(c, conform_list(h[i].m, &f.slot[0], CELLS, i), "out of memory");
    tri_handle_set(h[i].m, list[i], f.slot[0]);
    TRI_FRAME_POP(h[i].m, f);
  }
  for (uint32_t i = 0; i < n; i++) {
    uint64_t live = conform_live(h[i].m);
    CONFORM(c, live == CELLS, "heap %u has %llu objects, not %d", i, (unsigned long long)live, CELLS);
  }
  for (uint32_t i = 0; i < n; i++) { // destroying one leaves the others
    for (uint32_t k = i; k < n; k++)
      CONFORM(c, conform_is_list(h[k].m, tri_handle_get(h[k].m, list[k]), CELLS, k), "heap %u was damaged",
              k);
    tri_handle_free(h[i].m, list[i]);
    conform_close(&h[i]);
  }
  return true;
}

enum { THREADS = 4, CELLS = 300, BATCHES = 12, SHARED = 200 };

struct worker {
  struct tri_heap *heap;
  struct tri_handle *shared; // an object whose slot 0 heads a list that all push to
  struct tri_actor actor;
  uint64_t number;
  bool collects, ok;
};

// Push a cell on the shared list without a lock. Frame slot 0 of the caller has the cell.
static void push_shared(struct tri_mutator *m, struct tri_handle *shared, tri_ref *cell) {
  for (;;) {
    tri_ref head = tri_handle_get(m, shared), old = tri_load(m, head, 0);
    tri_store(m, *cell, 0, old);
    if (tri_cas(m, head, 0, old, *cell)) return;
  }
}

static void run_worker(void *argument) {
  struct worker *w = argument;
  struct tri_mutator *m;
  w->ok = tri_attach(w->heap, &m) == TRI_OK;
  if (!w->ok) return;
  TRI_FRAME(m, f, 2);
  for (uint64_t batch = 0; w->ok && batch < BATCHES; batch++) {
    w->ok = conform_list(m, &f.slot[0], CELLS, batch);
    if (w->collects && batch % 4 == w->number % 4) tri_collect(m, TRI_COLLECT_FULL);
    if (batch % 5 == 4) {
      tri_park(m);
      tri_unpark(m);
    }
    for (int i = 0; w->ok && i < SHARED / BATCHES; i++) {
      w->ok = make_cell(m, &f.slot[1], w->number);
      if (w->ok) push_shared(m, w->shared, &f.slot[1]);
      tri_safepoint(m);
    }
    w->ok = w->ok && conform_is_list(m, f.slot[0], CELLS, batch);
  }
  TRI_FRAME_POP(m, f);
  tri_detach(m);
}

static bool check_MULTI_MUTATOR(struct conform *c) {
  CONFORM(c, c->collector->caps.max_mutators >= 2, "max_mutators is %u", c->collector->caps.max_mutators);
  struct conform_heap h;
  if (!conform_open(c, &h)) return false;
  struct tri_handle *shared = tri_handle_new(h.m, tri_alloc(h.m, TRI_SHAPE(1, 0)));
  CONFORM(c, shared && !tri_is_null(tri_handle_get(h.m, shared)), "out of memory");
  struct worker workers[THREADS];
  uint32_t n = c->collector->caps.max_mutators - 1 < THREADS ? c->collector->caps.max_mutators - 1 : THREADS;
  for (uint32_t i = 0; i < n; i++) {
    workers[i] = (struct worker){h.heap, shared, .number = i, .collects = conform_has(c, TRI_CAP_RECLAIMS)};
    CONFORM(c, tri_actor_spawn(&workers[i].actor, TRI_ACTOR_MUTATOR, run_worker, &workers[i]), "no thread");
  }
  tri_park(h.m);
  for (uint32_t i = 0; i < n; i++) tri_actor_join(&workers[i].actor);
  tri_unpark(h.m);
  for (uint32_t i = 0; i < n; i++)
    CONFORM(c, workers[i].ok, "mutator %u could not attach, or lost something", i);
  size_t count[THREADS] = {0};
  for (tri_ref at = tri_load(h.m, tri_handle_get(h.m, shared), 0); !tri_is_null(at);
       at = tri_load(h.m, at, 0)) {
    uint64_t number = id_of(h.m, at);
    CONFORM(c, number < n, "the shared list is damaged");
    count[number]++;
  }
  for (uint32_t i = 0; i < n; i++)
    CONFORM(c, count[i] == SHARED / BATCHES * BATCHES,
            "%zu of %d pushes of mutator %u are in the shared list", count[i], SHARED / BATCHES * BATCHES, i);
  tri_handle_free(h.m, shared);
  conform_close(&h);
  return true;
}

// ----------------------------------------------------------------------------------------------

const struct conform_row conform_capabilities[] = {
#define TRI_CAP_ROW(name, bit, doc) {#name, TRI_CAP_##name, check_##name},
#include "tricolor/capabilities.def"
#undef TRI_CAP_ROW
    {0},
};
