// The rows. Each function says whether its invariant holds for the subject in the view; if not, it has put a
// sentence into view->text. The table stands at the end.
#include "check/invariants.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool TRI_PRINTF(2, 3) broken(struct tri_view *v, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(v->text, sizeof v->text, format, args);
  va_end(args);
  return false;
}

// -------------------------------------------------------------------------------- A: arguments

static bool a1_argument(struct tri_view *v) {
  return broken(v,
                tri_is_null(v->ref) ? "tri_%s was given a null object"
                                    : "tri_%s was given a reference to no live object",
                v->call);
}

static bool a2_index(struct tri_view *v) {
  return (v->index <= v->limit && v->count <= v->limit - v->index) ||
         broken(v, "tri_%s was given slots %zu to %zu of an object with %zu", v->call, v->index,
                v->index + v->count, v->limit);
}

static bool a3_root(struct tri_view *v) {
  return broken(v, v->target ? "a root slot was given up without being cleared: its frame was not popped"
                             : "a root slot was written without tri_root_set");
}

static bool a4_init(struct tri_view *v) {
  return broken(v, "tri_init on a slot that was written before, or after a call that may collect");
}

static bool a5_frame(struct tri_view *v) {
  return broken(v, "tri_%s with frames that are not popped in order", v->call);
}

// -------------------------------------------------------------------------------- S: safety

// A root or slot that the collector did not adapt to a move is C1's or C2's.
static bool stale(const struct tri_view *v) {
  return v->target && !v->allocated && tri_has(v->heap, TRI_CAP_MOVES) &&
         v->ref.bits == v->target->before.bits && (!v->visited || v->target->ref.bits != v->ref.bits);
}

static bool s1_allocated(struct tri_view *v) {
  if (v->faulted) return broken(v, "the memory of a reachable object cannot be read");
  if (tri_is_null(v->ref) || !v->target || v->allocated || stale(v)) return true;
  return broken(v, "the reference 0x%" PRIxPTR " to object #%u denotes no allocated object", v->ref.bits,
                v->target->serial);
}

static bool s2_shape(struct tri_view *v) {
  struct tri_shape shape = v->model->shape;
  if (tri_shape_equal(v->shape_call, shape) && (!v->info || tri_shape_equal(v->info->shape, shape)))
    return true;
  struct tri_shape other = tri_shape_equal(v->shape_call, shape) ? v->info->shape : v->shape_call;
  return broken(v, "allocated as kind %d with %zu references and %zu bytes, now kind %d with %zu and %zu",
                tri_shape_kind(shape), tri_shape_refs(shape), tri_shape_bytes(shape), tri_shape_kind(other),
                tri_shape_refs(other), tri_shape_bytes(other));
}

// Two objects became one, or one object became two.
static bool one_copy(const struct tri_view *v) {
  return !v->target || !v->allocated || (v->visited ? v->claimed != 0 : v->claimed == 0);
}

static bool s3_slot(struct tri_view *v) {
  if (v->root || !one_copy(v)) return true;
  if (!v->target)
    return tri_is_null(v->ref) || broken(v, "the slot should be null and holds 0x%" PRIxPTR, v->ref.bits);
  if (v->visited && v->ref.bits == v->target->ref.bits) return true;
  if (!tri_is_null(v->ref) && !v->allocated) return true; // S1, C1
  return broken(v,
                tri_is_null(v->ref) ? "the slot lost its reference to object #%u"
                                    : "the slot should refer to object #%u and denotes another object",
                v->target->serial);
}

static bool s4_one_copy(struct tri_view *v) {
  if (v->root || one_copy(v)) return true;
  return broken(v,
                v->visited ? "there are two copies of object #%u"
                           : "object #%u shares its memory with another object",
                v->target->serial);
}

static bool s5_payload(struct tri_view *v) {
  return v->payload == v->model->payload ||
         broken(v, "the payload of %zu bytes changed during the collection",
                tri_shape_bytes(v->model->shape));
}

static bool s6_extent(struct tri_view *v) {
  const struct tri_object_info *i = v->info;
  if (i->start > i->ref.bits || i->start + i->bytes < i->ref.bits + tri_shape_extent(i->shape))
    return broken(v, "the extent of %zu bytes at 0x%" PRIxPTR " does not hold the object at 0x%" PRIxPTR,
                  i->bytes, i->start, i->ref.bits);
  return !v->after || v->after->start >= i->start + i->bytes ||
         broken(v, "the extents of the objects at 0x%" PRIxPTR " and 0x%" PRIxPTR " overlap", i->ref.bits,
                v->after->ref.bits);
}

static bool s7_zeroed(struct tri_view *v) {
  return v->dirty == SIZE_MAX || broken(v, "byte %zu of a fresh object of %zu bytes is not zero", v->dirty,
                                        tri_shape_extent(v->shape));
}

static bool s8_verify(struct tri_view *v) {
  if (v->damage) return broken(v, "%s", v->damage);
  return !v->verify || broken(v, "the collector's own verifier: %s", v->verify);
}

static bool s9_disjoint(struct tri_view *v) {
  if (v->ref.bits % sizeof(tri_ref))
    return broken(v, "a fresh object at the odd address 0x%" PRIxPTR, v->ref.bits);
  return !v->overlapped ||
         broken(v, "a fresh object at 0x%" PRIxPTR " overlaps a reachable object", v->ref.bits);
}

static bool s10_walk(struct tri_view *v) {
  if (!v->walk_ended) return broken(v, "the heap cannot be walked to its end");
  return !v->walk_twice || broken(v, "the heap walk visits an object twice");
}

// -------------------------------------------------------------------------------- L: liveness

static bool exactly_kept(struct tri_view *v) {
  if (v->surplus > v->unknown)
    return broken(v, "%" PRIu64 " unreachable objects are left after a full collection, one at 0x%" PRIxPTR,
                  v->surplus - v->unknown, v->extra->ref.bits);
  return v->walked >= v->kept ||
         broken(v, "%" PRIu64 " objects should be in the heap, the walk meets %" PRIu64, v->kept, v->walked);
}

static bool l1_exact(struct tri_view *v) { return exactly_kept(v); }

static bool l3_acyclic(struct tri_view *v) { return exactly_kept(v); }

static bool l4a_mapped(struct tri_view *v) {
  const struct tri_stats *s = v->stats;
  uint64_t sum = s->live_bytes + s->free_bytes + s->metadata_bytes + s->released_bytes;
  return sum == s->mapped_bytes ||
         broken(v,
                "live %" PRIu64 " + free %" PRIu64 " + metadata %" PRIu64 " + released %" PRIu64
                " is not mapped %" PRIu64,
                s->live_bytes, s->free_bytes, s->metadata_bytes, s->released_bytes, s->mapped_bytes);
}

static bool l4b_walked(struct tri_view *v) {
  const struct tri_stats *s = v->stats;
  return (v->walked == s->live_objects && v->walked_bytes == s->live_bytes) ||
         broken(v,
                "a walk meets %" PRIu64 " objects in %" PRIu64 " bytes, the statistics say %" PRIu64
                " in %" PRIu64,
                v->walked, v->walked_bytes, s->live_objects, s->live_bytes);
}

static bool l4c_freed(struct tri_view *v) {
  const struct tri_stats *s = v->stats;
  if (s->allocated_objects - s->freed_objects != s->live_objects)
    return broken(v, "allocated %" PRIu64 " - freed %" PRIu64 " objects is not live %" PRIu64,
                  s->allocated_objects, s->freed_objects, s->live_objects);
  return s->allocated_bytes - s->freed_bytes == s->live_bytes ||
         broken(v, "allocated %" PRIu64 " - freed %" PRIu64 " bytes is not live %" PRIu64, s->allocated_bytes,
                s->freed_bytes, s->live_bytes);
}

static bool l4d_allocated(struct tri_view *v) {
  const struct tri_stats *s = v->stats;
  if (s->allocated_objects != v->allocations)
    return broken(v, "%" PRIu64 " allocations succeeded, the statistics say %" PRIu64, v->allocations,
                  s->allocated_objects);
  return s->allocated_bytes >= v->asked_bytes ||
         broken(v, "objects of %" PRIu64 " bytes were allocated, the statistics say %" PRIu64, v->asked_bytes,
                s->allocated_bytes);
}

static bool l4e_law(struct tri_view *v) {
  switch (v->relation) {
  case '=': if (v->value == v->total) return true; break;
  case '<': if (v->value <= v->total) return true; break;
  case '>': if (v->value >= v->total) return true; break;
  default: return broken(v, "the law '%s' of counter %s cannot be read", v->law, v->counter);
  }
  return broken(v, "%s is %" PRIu64 ", against its law '%s' (%" PRIu64 ")", v->counter, v->value, v->law, v->total);
}

static bool l5a_limit(struct tri_view *v) {
  const struct tri_stats *s = v->stats;
  if (s->limit_bytes > v->heap_option)
    return broken(v, "the limit %" PRIu64 " exceeds the option heap=%" PRIu64, s->limit_bytes,
                  v->heap_option);
  uint64_t now = s->live_bytes + s->free_bytes;
  uint64_t most = s->peak_bytes > now ? s->peak_bytes : now;
  return most <= s->limit_bytes ||
         broken(v, "live + free reached %" PRIu64 " bytes, the limit is %" PRIu64, most, s->limit_bytes);
}

static bool l5b_usable(struct tri_view *v) {
  return v->status != TRI_ENOMEM || v->needed >= v->room ||
         broken(v,
                "out of memory, but what is reachable and wanted takes at most %" PRIu64 " of %" PRIu64
                " bytes",
                v->needed, v->room);
}

static bool l5c_status(struct tri_view *v) {
  enum tri_status wanted = v->wanted == TRI_OK ? TRI_ENOMEM : v->wanted;
  return v->status == wanted || broken(v, "the allocation failed with status '%s' instead of '%s'",
                                       tri_status_name(v->status), tri_status_name(wanted));
}

static bool l6_empty(struct tri_view *v) {
  return v->kept || (!v->stats->live_objects && !v->stats->live_bytes) ||
         broken(v, "nothing is reachable, but the statistics say %" PRIu64 " objects in %" PRIu64 " bytes",
                v->stats->live_objects, v->stats->live_bytes);
}

// -------------------------------------------------------------------------------- R: counts

static bool r1_count(struct tri_view *v) {
  if (!v->info || v->info->counted == TRI_COUNT_NONE || v->info->counted == TRI_COUNT_STUCK) return true;
  uint32_t roots = v->info->counted == TRI_COUNT_ALL ? v->model->in_roots : 0;
  uint32_t references = v->model->in_slots + roots;
  // Without EXACT, garbage that nobody knows of may be kept, and counts for what it refers to.
  return v->info->count == references || (v->info->count > references && !tri_has(v->heap, TRI_CAP_EXACT)) ||
         broken(v, "the count is %u, with %u references from slots and %u from %sroots", v->info->count,
                v->model->in_slots, v->model->in_roots,
                v->info->counted == TRI_COUNT_ALL ? "" : "uncounted ");
}

// -------------------------------------------------------------------------------- C: copying

static bool c1_stale(struct tri_view *v) {
  return v->root || !stale(v) ||
         broken(v, "the slot still holds the address that object #%u had before it moved", v->target->serial);
}

static bool c2_root(struct tri_view *v) {
  if (!v->root) return true;
  if (!v->target)
    return tri_is_null(v->ref) ||
           broken(v, "the root slot should be null and holds 0x%" PRIxPTR, v->ref.bits);
  if (v->visited && v->ref.bits == v->target->ref.bits) return true;
  if (!tri_is_null(v->ref) && !v->allocated && !stale(v)) return true; // S1
  return broken(v,
                tri_is_null(v->ref) ? "the root slot lost its reference to object #%u"
                : stale(v) ? "the root slot still holds the address that object #%u had before it moved"
                           : "the root slot should refer to object #%u and denotes another object",
                v->target->serial);
}

static bool c5_pinned(struct tri_view *v) {
  return !v->model->pins || tri_is_null(v->model->before) || v->model->ref.bits == v->model->before.bits ||
         broken(v, "a pinned object moved from 0x%" PRIxPTR " to 0x%" PRIxPTR, v->model->before.bits,
                v->model->ref.bits);
}

static bool c6_identity(struct tri_view *v) {
  return v->answer == v->expected || broken(v, v->expected ? "tri_same tells one object from itself"
                                                           : "tri_same takes two objects for one");
}

// -------------------------------------------------------------------------------- W: weak

static bool w1a_kept(struct tri_view *v) {
  return !v->target || !v->cleared || !v->reachable ||
         broken(v, "a weak reference was cleared, but its target #%u is reachable", v->target->serial);
}

static bool w1b_cleared(struct tri_view *v) {
  return !v->target || v->cleared || !v->must_clear ||
         broken(v, "a weak reference was not cleared, but its target #%u is unreachable", v->target->serial);
}

static bool w1c_target(struct tri_view *v) {
  if (v->cleared || v->identical) return true;
  return broken(v, v->target && v->target->flags & MODEL_FREED
                       ? "a weak reference denotes an object that is gone"
                       : "a weak reference denotes another object than its target");
}

static bool w2a_kept(struct tri_view *v) {
  return !v->target || !v->cleared || !v->reachable ||
         broken(v, "an ephemeron was cleared, but its key #%u is reachable", v->target->serial);
}

static bool w2b_cleared(struct tri_view *v) {
  return !v->target || v->cleared || !v->must_clear ||
         broken(v, "an ephemeron was not cleared, but its key #%u is unreachable", v->target->serial);
}

static bool w2c_both(struct tri_view *v) {
  return !v->target || !v->cleared || v->value_cleared ||
         broken(v, "an ephemeron's key was cleared without its value");
}

static bool w2d_denotes(struct tri_view *v) {
  return v->cleared || v->identical || broken(v, "an ephemeron denotes another key or value than was set");
}

static bool w3a_once(struct tri_view *v) {
  return v->registered ||
         broken(v,
                "the finalizer queue handed out cookie %" PRIu64 " for which there is no registration left",
                v->cookie);
}

static bool w3b_unreachable(struct tri_view *v) {
  return !v->registered || v->dead ||
         broken(v, "the finalizer queue handed out a reachable object, cookie %" PRIu64, v->cookie);
}

static bool w3c_intact(struct tri_view *v) {
  return v->intact ||
         broken(v, "the object for a finalizer, or what it reaches, was not kept intact, cookie %" PRIu64,
                v->cookie);
}

static bool w3d_queued(struct tri_view *v) {
  uint64_t pending = v->stats->finalizers_pending;
  return (pending >= v->queued_least && pending <= v->queued_most) ||
         broken(v, "%" PRIu64 " finalizers are queued, it should be %" PRIu64 " to %" PRIu64, pending,
                v->queued_least, v->queued_most);
}

// -------------------------------------------------------------------------------- M: marking

static const char *colour_name(enum tri_colour colour) {
  static const char *const names[] = {"of no colour", "white", "grey", "black"};
  return (size_t)colour < sizeof names / sizeof *names ? names[colour] : "of an unknown colour";
}

static bool m1_tricolour(struct tri_view *v) {
  if (v->colour != TRI_WHITE) return true;
  const char *from = v->root ? "root that was scanned" : "black object";
  if (v->marking->barrier == TRI_BARRIER_INSERTION)
    return broken(v, "a %s refers to the white object #%u", from, v->target->serial);
  return v->shielded || broken(v, "a %s refers to the white object #%u, which no grey one leads to", from,
                               v->target->serial);
}

static bool m2_marked(struct tri_view *v) {
  return v->colour == TRI_BLACK || v->colour == TRI_GREY ||
         broken(v, "marking has ended, and this reachable object is %s", colour_name(v->colour));
}

static bool m3_empty(struct tri_view *v) {
  return !v->count ||
         broken(v, "marking has ended, and %zu references wait to be looked at, one to 0x%" PRIxPTR, v->count,
                v->ref.bits);
}

static bool m4_born(struct tri_view *v) {
  return v->marking->born != TRI_BLACK || v->colour != TRI_WHITE ||
         broken(v, "objects are born black during marking, this one is %s", colour_name(v->colour));
}

static bool m6_zombie(struct tri_view *v) {
  return !v->zombies || broken(v, "%zu marks of the block at 0x%" PRIxPTR " are on what is free", v->zombies,
                               v->block->start);
}

static bool m8_deleted(struct tri_view *v) {
  return v->colour == TRI_BLACK || v->colour == TRI_GREY ||
         broken(v, "the slot referred to object #%u when marking began; it was overwritten, and that is %s",
                v->target->serial, colour_name(v->colour));
}

static bool m9_rescanned(struct tri_view *v) {
  return v->colour != TRI_GREY ||
         broken(v, "marking has ended, and this object is marked, but was not scanned");
}

// -------------------------------------------------------------------------------- G: generations

static bool g1_recorded(struct tri_view *v) {
  return v->recorded ||
         broken(v, "the slot of generation %u refers to object #%u of generation %u unrecorded",
                v->older->generation, v->target->serial, v->info->generation);
}

static bool g2_entry(struct tri_view *v) {
  const struct tri_remembered *e = v->entry;
  if (!v->allocated) return broken(v, "an entry refers to 0x%" PRIxPTR ", which is no object", v->ref.bits);
  bool whole = e->first == 0 && e->count == SIZE_MAX;
  return whole || (e->first <= v->limit && e->count <= v->limit - e->first) ||
         broken(v, "an entry has slots %zu to %zu of an object with %zu", e->first, e->first + e->count,
                v->limit);
}

static bool g3_age(struct tri_view *v) {
  const struct tri_object_info *now = v->info, *before = v->older;
  if (now->generation > before->generation) return true;
  if (now->generation == before->generation)
    if (now->age > before->age ||
        (now->age == before->age && (before->generation || before->age == UINT8_MAX)))
      return true;
  return broken(v, "survived as generation %u and age %u, after generation %u and age %u", now->generation,
                now->age, before->generation, before->age);
}

// -------------------------------------------------------------------------------- I: blocks

static bool i1_place(struct tri_view *v) {
  return broken(v, "the object at 0x%" PRIxPTR " stands in memory that its block says is free",
                v->info->start);
}

static bool i3_state(struct tri_view *v) {
  const struct tri_block_info *b = v->block;
  static const char *const use[] = {"free", "partial", "full", "open", "unswept", "released"};
  bool good = false;
  switch (b->use) {
  case TRI_USE_FREE:
  case TRI_USE_RELEASED:
    good = v->used == 0;
    break;
  case TRI_USE_PARTIAL:
    good = v->used > 0 && v->used < b->capacity;
    break;
  case TRI_USE_FULL:
    good = v->used == b->capacity;
    break;
  case TRI_USE_OPEN:
  case TRI_USE_UNSWEPT:
    good = v->used <= b->capacity;
    break;
  }
  if (good && v->used == b->live) return true;
  return broken(v, "the block at 0x%" PRIxPTR " is %s with %zu of %zu units in use, its header says %zu",
                b->start, (size_t)b->use < sizeof use / sizeof *use ? use[b->use] : "in no known state",
                v->used, b->capacity, b->live);
}

static bool i6_listed(struct tri_view *v) {
  const struct tri_block_info *b = v->block;
  return b->lists == (b->listed ? 1 : 0) ||
         broken(v, "the block at 0x%" PRIxPTR " is on %u lists, it belongs on %s", b->start, b->lists,
                b->listed ? "one" : "none");
}

// -------------------------------------------------------------------------------- T, D: runs

static bool t1_ends(struct tri_view *v) { return !v->stuck || broken(v, "%s", v->stuck); }

static bool t2_faults(struct tri_view *v) {
  return !v->fault || broken(v, "the process ends by a fault at %p: %s", v->fault_at, v->fault);
}

static bool d1_repeats(struct tri_view *v) {
  return v->hash == v->again ||
         broken(v,
                "the same program went another way the second time: event hash %016" PRIx64
                ", then %016" PRIx64,
                v->hash, v->again);
}

static bool d2_outcome(struct tri_view *v) {
  return strcmp(v->outcome, v->expected_outcome) == 0 ||
         broken(v, "the outcome is %s; on %s it was %s", v->outcome, v->other, v->expected_outcome);
}

// -------------------------------------------------------------------------------- the table

#define EXACTLY (TRI_CAP_EXACT | TRI_CAP_CYCLES)
// What became garbage while a collection was under way is left to the next one: full collections during which
// the program ran are not judged (shadow.c), whoever collects. What may be kept for ever is never judged.
#define FLOATING TRI_CAP_CONSERVATIVE

// Order matters among rows of one `when` in SLOT: decreasing safety, and the first that fires is the finding.
const struct tri_invariant tri_invariants[] = {
    {"A1", TRI_WHEN_ARGUMENT, 0, 0, 0, a1_argument, "the program passes live references only",
     "misuse.argument"},
    {"A2", TRI_WHEN_INDEX, 0, 0, 0, a2_index, "the program stays within an object's slots", "misuse.index"},
    {"A3", TRI_WHEN_ROOT, 0, 0, 0, a3_root,
     "the program writes root slots with tri_root_set and pops its frames", "misuse.root"},
    {"A4", TRI_WHEN_INIT, 0, 0, 0, a4_init, "tri_init is the first store to a slot of a fresh object",
     "misuse.init"},
    {"A5", TRI_WHEN_FRAME, 0, 0, 0, a5_frame, "frames are popped in reverse order, all of them before detach",
     "misuse.frame"},

    {"S1", TRI_WHEN_SLOT, 0, 0, 0, s1_allocated, "what is reachable is an allocated object", "fault=hide"},
    {"S2", TRI_WHEN_OBJECT, 0, 0, 0, s2_shape, "a reachable object keeps its shape", "fault=shape"},
    {"C1", TRI_WHEN_SLOT, TRI_CAP_MOVES, 0, 0, c1_stale, "no slot holds an object's old address",
     "fault=stale-slot"},
    {"C2", TRI_WHEN_SLOT, 0, 0, 0, c2_root, "every root slot denotes its object", "fault=drop-root"},
    {"S4", TRI_WHEN_SLOT, 0, 0, 0, s4_one_copy,
     "there is one copy of each reachable object, and no two share one", "fault=merge"},
    {"S3", TRI_WHEN_SLOT, 0, 0, 0, s3_slot,
     "every slot of a reachable object refers to what was stored there", "fault=lose-edge"},
    {"S5", TRI_WHEN_OBJECT, 0, 0, 0, s5_payload, "a collection does not change a payload", "fault=corrupt"},
    {"S6", TRI_WHEN_EXTENT, TRI_CAP_WALK, 0, 0, s6_extent, "extents of objects hold them and are disjoint",
     "fault=overlap-extent"},
    {"S7", TRI_WHEN_ALLOC, 0, 0, 0, s7_zeroed, "a fresh object is zeroed", "fault=dirty"},
    {"S8", TRI_WHEN_HEAP, 0, 0, 0, s8_verify,
     "free memory is untouched, and the collector's own verifier finds nothing", "fault=write-freed"},
    {"S9", TRI_WHEN_ALLOC, 0, 0, 0, s9_disjoint, "a fresh object is aligned and overlaps nothing reachable",
     "fault=reuse"},
    {"S10", TRI_WHEN_WALK, TRI_CAP_WALK, 0, 0, s10_walk, "a heap walk ends, and visits each object once",
     "fault=walk-twice"},

    {"L1", TRI_WHEN_FULL, EXACTLY | TRI_CAP_WALK, FLOATING, 0, l1_exact,
     "after a full collection the heap holds what is reachable and nothing else", "fault=ghost"},
    {"L3", TRI_WHEN_FULL, TRI_CAP_EXACT | TRI_CAP_WALK, FLOATING | TRI_CAP_CYCLES, 0, l3_acyclic,
     "after a full collection garbage is left only on cycles and below them", "fault=ghost"},
    {"L4a", TRI_WHEN_HEAP, 0, 0, 0, l4a_mapped, "live + free + metadata + released = mapped",
     "fault=lie-mapped"},
    {"L4b", TRI_WHEN_WALK, TRI_CAP_WALK, 0, 0, l4b_walked,
     "live objects and bytes are the sums over a heap walk", "fault=lie-live"},
    {"L4c", TRI_WHEN_HEAP, 0, 0, 0, l4c_freed, "allocated - freed = live, in objects and bytes",
     "fault=lie-freed"},
    {"L4d", TRI_WHEN_HEAP, 0, 0, 0, l4d_allocated,
     "every successful allocation is counted, once, with its bytes", "fault=lie-allocated"},
    {"L4e", TRI_WHEN_COUNTER, 0, 0, TRI_TELLS_COUNTERS, l4e_law,
     "what a collector says of its counters holds among them and the statistics", "fault=lie-counter"},
    {"L5a", TRI_WHEN_HEAP, 0, 0, 0, l5a_limit, "live + free never exceeds the limit", "fault=lie-limit"},
    {"L5b", TRI_WHEN_FAILED, TRI_CAP_EXACT | TRI_CAP_RECLAIMS, FLOATING, 0, l5b_usable,
     "an allocation fails only if the heap is full; after dropping roots it is usable again", "fault=oom"},
    {"L5c", TRI_WHEN_FAILED, 0, 0, 0, l5c_status, "a failed allocation says why", "fault=oom-silent"},
    {"L6", TRI_WHEN_FULL, EXACTLY, FLOATING, 0, l6_empty,
     "with nothing reachable a full collection empties the heap", "fault=lie-empty"},

    {"R1", TRI_WHEN_COUNT, TRI_CAP_WALK, 0, 0, r1_count, "a reference count is the number of references",
     "fault=lie-count"},

    {"C5", TRI_WHEN_OBJECT, TRI_CAP_MOVES | TRI_CAP_PIN, 0, 0, c5_pinned, "a pinned object does not move",
     "fault=ignore-pin"},
    {"C6", TRI_WHEN_SAME, 0, 0, 0, c6_identity, "tri_same tells objects apart, and nothing else",
     "fault=lie-same"},

    {"W1a", TRI_WHEN_WEAK, TRI_CAP_WEAK, 0, 0, w1a_kept, "no weak reference to a reachable object is cleared",
     "fault=clear-weak"},
    {"W1b", TRI_WHEN_WEAK, TRI_CAP_WEAK | TRI_CAP_EXACT, FLOATING, 0, w1b_cleared,
     "a full collection clears weak references to unreachable objects", "fault=keep-weak"},
    {"W1c", TRI_WHEN_WEAK, TRI_CAP_WEAK, 0, 0, w1c_target, "a weak reference denotes its target",
     "fault=other-weak"},
    {"W2a", TRI_WHEN_EPHEMERON, TRI_CAP_EPHEMERON, 0, 0, w2a_kept,
     "no ephemeron with a reachable key is cleared", "fault=clear-ephemeron"},
    {"W2b", TRI_WHEN_EPHEMERON, TRI_CAP_EPHEMERON | TRI_CAP_EXACT, FLOATING, 0, w2b_cleared,
     "a full collection clears ephemerons with an unreachable key", "fault=keep-ephemeron"},
    {"W2c", TRI_WHEN_EPHEMERON, TRI_CAP_EPHEMERON, 0, 0, w2c_both,
     "an ephemeron's key and value are cleared together", "fault=keep-value"},
    {"W2d", TRI_WHEN_EPHEMERON, TRI_CAP_EPHEMERON, 0, 0, w2d_denotes,
     "an ephemeron denotes its key and value", "fault=other-ephemeron"},
    {"W3a", TRI_WHEN_FINALIZER, TRI_CAP_FINALIZER, 0, 0, w3a_once,
     "a registration is handed out at most once", "fault=finalize-twice"},
    {"W3b", TRI_WHEN_FINALIZER, TRI_CAP_FINALIZER, 0, 0, w3b_unreachable,
     "only unreachable objects are finalized", "fault=finalize-early"},
    {"W3c", TRI_WHEN_FINALIZER, TRI_CAP_FINALIZER, 0, 0, w3c_intact,
     "what a finalizer is handed, and all it reaches, is intact", "fault=finalize-broken"},
    {"W3d", TRI_WHEN_FULL, TRI_CAP_FINALIZER | TRI_CAP_EXACT, FLOATING, 0, w3d_queued,
     "a full collection queues each registration of an unreachable object", "fault=lie-pending"},

    {"M1", TRI_WHEN_BLACK_EDGE, TRI_CAP_INCREMENTAL, 0, TRI_TELLS_MARKING, m1_tricolour,
     "while mutators run during marking, the tricolour invariant that the barrier promises holds",
     "fault=skip-barrier"},
    {"M2", TRI_WHEN_MARKED, 0, 0, TRI_TELLS_MARKING, m2_marked,
     "what an independent second marker reaches is marked", "fault=unmark"},
    {"M3", TRI_WHEN_QUEUE, 0, 0, TRI_TELLS_MARKING, m3_empty,
     "when marking ends, mark stacks and barrier buffers are empty", "fault=keep-queued"},
    {"M4", TRI_WHEN_BORN, TRI_CAP_INCREMENTAL, 0, TRI_TELLS_MARKING, m4_born,
     "objects born during marking have the colour that is declared", "fault=born-white"},
    {"M6", TRI_WHEN_ZOMBIE, 0, 0, TRI_TELLS_MARKING | TRI_TELLS_BLOCKS, m6_zombie,
     "what is marked is allocated", "fault=mark-free"},
    {"M8", TRI_WHEN_DELETED, TRI_CAP_INCREMENTAL, 0, TRI_TELLS_MARKING, m8_deleted,
     "what an edge led to when a snapshot was taken is kept, when the edge is overwritten",
     "fault=skip-barrier"},
    {"M9", TRI_WHEN_MARKED, 0, 0, TRI_TELLS_MARKING, m9_rescanned,
     "when marking ends, what was dropped from a full mark stack has been scanned", "fault=keep-grey"},

    {"G1", TRI_WHEN_OLD_SLOT, 0, 0, TRI_TELLS_GENERATION | TRI_TELLS_REMEMBERED, g1_recorded,
     "each slot of an older object that refers to a younger one is in the remembered set",
     "fault=skip-record"},
    {"G2", TRI_WHEN_ENTRY, 0, 0, TRI_TELLS_REMEMBERED, g2_entry,
     "an entry of the remembered set refers to slots of an object", "fault=lie-entry"},
    {"G3", TRI_WHEN_AGE, 0, 0, TRI_TELLS_GENERATION, g3_age,
     "who survives a collection gets older, and nobody gets younger", "fault=younger"},

    {"I1", TRI_WHEN_PLACE, TRI_CAP_WALK, 0, TRI_TELLS_BLOCKS, i1_place,
     "the units (cells, lines) of a live object are in use", "fault=free-unit"},
    {"I3", TRI_WHEN_BLOCK, 0, 0, TRI_TELLS_BLOCKS, i3_state,
     "a block's state and count follow from its units", "fault=lie-block"},
    {"I6", TRI_WHEN_BLOCK, 0, 0, TRI_TELLS_BLOCKS, i6_listed,
     "a block is on exactly one list, or on none if it belongs on none", "fault=list-twice"},

    {"T1", TRI_WHEN_RUN, 0, 0, 0, t1_ends, "no run is stuck: somebody can go on, and gets on", "fault=stall"},
    {"T2", TRI_WHEN_RUN, 0, 0, 0, t2_faults, "no run ends the process by a memory fault or the like",
     "fault=trap"},
    {"D1", TRI_WHEN_REPEAT, 0, TRI_CAP_CONSERVATIVE, 0, d1_repeats,
     "the same program with the same schedule does the same twice", "fault=fickle"},
    {"D2", TRI_WHEN_OUTCOME, 0, 0, 0, d2_outcome,
     "the same program leaves the same objects, edges and payloads on all collectors", "fault=scribble"},
};
const size_t tri_n_invariants = sizeof tri_invariants / sizeof *tri_invariants;
_Static_assert(sizeof tri_invariants / sizeof *tri_invariants <= TRI_MAX_INVARIANTS, "a wider word of rows");

const struct tri_invariant *tri_invariant_find(const char *id) {
  for (size_t i = 0; i < tri_n_invariants; i++)
    if (strcmp(tri_invariants[i].id, id) == 0) return &tri_invariants[i];
  return NULL;
}

const char *tri_when_text(enum tri_when when) {
  static const char *const text[] = {
#define TRI_WHEN(name, text) text,
      TRI_WHEN_TABLE
#undef TRI_WHEN
  };
  return when < TRI_WHENS ? text[when] : "never";
}
