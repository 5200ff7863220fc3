#include "common/address_map.h"

#include "common/check.h"
#include "common/os.h"

enum { FIRST_CAPACITY = 16 };

void tri_address_map_fini(struct tri_address_map *map) {
  tri_os_free(map->entries);
  *map = (struct tri_address_map){0};
}

// Where the search for an address begins (Fibonacci hashing, Knuth 1973).
static size_t home(const struct tri_address_map *map, uintptr_t address) {
  return (size_t)(address * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (map->capacity - 1);
}

// The entry of the address, or the empty one where it would be. The map is never full.
static struct tri_address_entry *probe(const struct tri_address_map *map, uintptr_t address) {
  size_t i = home(map, address);
  while (map->entries[i].address && map->entries[i].address != address) i = (i + 1) & (map->capacity - 1);
  return &map->entries[i];
}

bool tri_address_map_reserve(struct tri_address_map *map, size_t n) {
  size_t capacity = map->capacity ? map->capacity : FIRST_CAPACITY;
  while (capacity / 2 < n) // at most half full: probes stay short
    if (__builtin_mul_overflow(capacity, 2, &capacity)) return false;
  if (capacity == map->capacity) return true;
  size_t bytes;
  if (__builtin_mul_overflow(capacity, sizeof *map->entries, &bytes)) return false;
  struct tri_address_map larger = {
      .entries = tri_os_calloc(bytes), .count = map->count, .capacity = capacity};
  if (!larger.entries) return false;
  for (size_t i = 0; i < map->capacity; i++)
    if (map->entries[i].address) *probe(&larger, map->entries[i].address) = map->entries[i];
  tri_os_free(map->entries);
  *map = larger;
  return true;
}

uintptr_t *tri_address_map_find(const struct tri_address_map *map, uintptr_t address) {
  if (!map->count) return NULL;
  struct tri_address_entry *entry = probe(map, address);
  return entry->address ? &entry->value : NULL;
}

uintptr_t *tri_address_map_enter(struct tri_address_map *map, uintptr_t address) {
  TRI_ASSERT(address);
  struct tri_address_entry *entry = probe(map, address);
  if (!entry->address) {
    TRI_ASSERT(map->count < map->capacity / 2);
    *entry = (struct tri_address_entry){.address = address};
    map->count++;
  }
  return &entry->value;
}

// Without tombstones: entries behind the gap that may not stay behind one move into it (Knuth 1973, 6.4 R).
void tri_address_map_remove(struct tri_address_map *map, uintptr_t address) {
  size_t mask = map->capacity - 1, gap = (size_t)(probe(map, address) - map->entries);
  TRI_ASSERT(map->entries[gap].address == address);
  map->count--;
  for (size_t i = (gap + 1) & mask; map->entries[i].address; i = (i + 1) & mask) {
    size_t from = home(map, map->entries[i].address);
    if (((i - from) & mask) < ((i - gap) & mask)) continue;
    map->entries[gap] = map->entries[i];
    gap = i;
  }
  map->entries[gap] = (struct tri_address_entry){0};
}
