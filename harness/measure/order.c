#include "measure/order.h"

#include "common/random.h"

void tri_round_order(uint64_t seed, uint64_t round, size_t *order, size_t count) {
  // The round selects the stream: two draws apart from a plain sum, so neighbouring seeds share no rounds.
  struct tri_random random = {seed};
  random.state = tri_random_next(&random) + round;
  random.state = tri_random_next(&random);
  for (size_t i = 0; i < count; i++) order[i] = i;
  for (size_t i = count; i > 1; i--) { // Fisher and Yates
    size_t j = (size_t)tri_random_below(&random, i);
    size_t moved = order[i - 1];
    order[i - 1] = order[j];
    order[j] = moved;
  }
}
