// The map against an array that says the same, over random operations. Argument: seed.
#include "common/address_map.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/os.h"
#include "common/random.h"

enum { ADDRESSES = 300, STEPS = 200000 };

static struct tri_random random_state;
static uint64_t below(uint64_t n) { return tri_random_below(&random_state, n); }

static void compare_with_array(void) {
  struct tri_address_map map = {0};
  uintptr_t value[ADDRESSES] = {0}; // 0: not in the map
  size_t count = 0;
  for (int step = 0; step < STEPS; step++) {
    size_t i = below(ADDRESSES);
    uintptr_t address = (i + 1) * 8; // neighbours and multiples of the capacity collide
    if (below(2)) {
      TRI_CHECK(tri_address_map_reserve(&map, count + 1));
      uintptr_t *entered = tri_address_map_enter(&map, address);
      TRI_CHECK_EQ(*entered, value[i]);
      count += value[i] == 0;
      *entered = value[i] = 1 + below(1000);
    } else if (value[i]) {
      tri_address_map_remove(&map, address);
      value[i] = 0;
      count--;
    }
    TRI_CHECK_EQ(map.count, count);
    size_t k = below(ADDRESSES);
    uintptr_t *found = tri_address_map_find(&map, (k + 1) * 8);
    TRI_CHECK_EQ(found ? *found : 0, value[k]);
  }
  for (size_t i = 0; i < ADDRESSES; i++) {
    uintptr_t *found = tri_address_map_find(&map, (i + 1) * 8);
    TRI_CHECK_EQ(found ? *found : 0, value[i]);
  }
  tri_address_map_fini(&map);
  TRI_CHECK_EQ(tri_address_map_bytes(&map), 0);
}

static void survives_out_of_memory(void) {
  struct tri_address_map map = {0};
  TRI_CHECK(tri_address_map_reserve(&map, 8));
  *tri_address_map_enter(&map, 8) = 80;
  tri_os_fail_at(1);
  TRI_CHECK(!tri_address_map_reserve(&map, 1000));
  tri_os_fail_at(0);
  TRI_CHECK(!tri_address_map_reserve(&map, SIZE_MAX));
  TRI_CHECK_EQ(*tri_address_map_find(&map, 8), 80);
  tri_address_map_fini(&map);
}

int main(int argc, char **argv) {
  random_state.state = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  printf("seed %llu\n", (unsigned long long)random_state.state);
  compare_with_array();
  survives_out_of_memory();
  TRI_CHECK_EQ(tri_os_usage().metadata_blocks, 0);
  return 0;
}
