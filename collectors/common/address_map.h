// A map from addresses to words: open addressing with linear probing. Room is made beforehand, so that
// entering and removing never fail: what cannot be refused (a barrier) may use it.
#ifndef TRICOLOR_COMMON_ADDRESS_MAP_H
#define TRICOLOR_COMMON_ADDRESS_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tri_address_entry {
  uintptr_t address; // 0: none
  uintptr_t value;
};

// A zeroed struct is an empty map.
struct tri_address_map {
  struct tri_address_entry *entries;
  size_t count, capacity; // capacity: 0 or a power of two, more than the room asked for
};

void tri_address_map_fini(struct tri_address_map *map);

// Make room for n entries in all. False: out of memory, nothing has changed.
bool tri_address_map_reserve(struct tri_address_map *map, size_t n);

// The value of the address, or NULL. Good until the next call that changes the map.
uintptr_t *tri_address_map_find(const struct tri_address_map *map, uintptr_t address);

// The value of the address, which is not 0; entered as 0 if new. There must be room.
uintptr_t *tri_address_map_enter(struct tri_address_map *map, uintptr_t address);

// The address must be in the map.
void tri_address_map_remove(struct tri_address_map *map, uintptr_t address);

static inline size_t tri_address_map_bytes(const struct tri_address_map *map) {
  return map->capacity * sizeof *map->entries;
}

#endif
