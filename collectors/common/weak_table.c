#include "common/weak_table.h"

#include "common/check.h"

struct weak_object { // at slot 0
  tri_ref target;
  tri_ref next, previous; // previous: TRI_NULL in the first
};

static struct weak_object *at(tri_ref weak) { return (struct weak_object *)weak.bits; }

void tri_weak_table_fini(struct tri_weak_table *table) { tri_address_map_fini(&table->lists); }

bool tri_weak_table_add(struct tri_weak_table *table) {
  if (!tri_address_map_reserve(&table->lists, table->weak_objects + 1)) return false;
  table->weak_objects++;
  return true;
}

static void unlink_weak(struct tri_weak_table *table, tri_ref weak) {
  struct weak_object *w = at(weak);
  if (!tri_is_null(w->next)) at(w->next)->previous = w->previous;
  if (!tri_is_null(w->previous)) {
    at(w->previous)->next = w->next;
  } else if (!tri_is_null(w->next)) {
    *tri_address_map_find(&table->lists, w->target.bits) = w->next.bits;
  } else {
    tri_address_map_remove(&table->lists, w->target.bits);
    *tri_count_word(w->target) &= ~TRI_COUNT_WEAK_TARGET;
  }
  *w = (struct weak_object){0};
}

void tri_weak_table_remove(struct tri_weak_table *table, tri_ref weak) {
  if (!tri_is_null(at(weak)->target)) unlink_weak(table, weak);
  table->weak_objects--;
}

void tri_weak_table_set(struct tri_weak_table *table, tri_ref weak, tri_ref target) {
  struct weak_object *w = at(weak);
  if (w->target.bits == target.bits) return;
  if (!tri_is_null(w->target)) unlink_weak(table, weak);
  if (tri_is_null(target)) return;
  uintptr_t *first = tri_address_map_enter(&table->lists, target.bits);
  w->target = target;
  w->next.bits = *first;
  if (*first) at(w->next)->previous = weak;
  *first = weak.bits;
  *tri_count_word(target) |= TRI_COUNT_WEAK_TARGET;
}

void tri_weak_table_clear(struct tri_weak_table *table, tri_ref target) {
  tri_ref weak = tri_weak_table_first(table, target);
  TRI_ASSERT(!tri_is_null(weak));
  while (!tri_is_null(weak)) {
    tri_ref next = at(weak)->next;
    *at(weak) = (struct weak_object){0};
    table->cleared++;
    weak = next;
  }
  tri_address_map_remove(&table->lists, target.bits);
  *tri_count_word(target) &= ~TRI_COUNT_WEAK_TARGET;
}

tri_ref tri_weak_table_first(const struct tri_weak_table *table, tri_ref target) {
  uintptr_t *first = tri_address_map_find(&table->lists, target.bits);
  return (tri_ref){first ? *first : 0};
}

tri_ref tri_weak_table_next(tri_ref weak) { return at(weak)->next; }
