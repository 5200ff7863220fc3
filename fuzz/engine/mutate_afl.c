// The mutator as an AFL++ custom mutator library: AFL_CUSTOM_MUTATOR_LIBRARY=…/libtricolor-mutator.so.
// AFL++'s own mutations go on beside it unless AFL_CUSTOM_MUTATOR_ONLY is set.
//
// A candidate of trimming is the program without a block of operations: first halves, then quarters, down to
// single operations. AFL++ must not get a candidate longer than its test case, which the canonical form can
// be.
#include "mutate_afl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/random.h"
#include "mutate.h"
#include "program/program.h"

enum { SPLICE_ONE_IN = 6, DESCRIPTION_MAX = 128 };

struct state {
  struct tri_random random;
  uint8_t out[FUZZ_MAX_LEN];
  struct tri_mutation mutation;
  bool spliced;
  char description[DESCRIPTION_MAX];

  struct tri_program program; // what trimming has left
  size_t bound;               // of a candidate's bytes
  size_t at, block;           // the candidate is without [at, at + block); no candidate if block is 0
  int32_t steps_done, steps;
};

void *afl_custom_init(void *afl, unsigned seed) {
  (void)afl;
  struct state *state = calloc(1, sizeof *state);
  if (state) state->random.state = seed;
  return state;
}

void afl_custom_deinit(void *data) {
  struct state *state = data;
  tri_program_free(&state->program);
  free(state);
}

size_t afl_custom_fuzz(void *data, uint8_t *bytes, size_t size, uint8_t **out, uint8_t *other,
                       size_t other_size, size_t max) {
  struct state *state = data;
  if (max > sizeof state->out) max = sizeof state->out;
  if (size > max) size = max;
  state->spliced = other && tri_random_below(&state->random, SPLICE_ONE_IN) == 0;
  if (state->spliced) {
    size = tri_crossover(state->out, max, bytes, size, other, other_size, tri_random_next(&state->random));
  } else {
    memcpy(state->out, bytes, size);
    size = tri_mutate_traced(state->out, size, max, tri_random_next(&state->random), &state->mutation);
  }
  *out = state->out;
  return size;
}

const char *afl_custom_describe(void *data, size_t max_length) {
  struct state *state = data;
  size_t room = max_length < DESCRIPTION_MAX ? max_length : DESCRIPTION_MAX, used = 0;
  state->description[0] = 0;
  if (state->spliced) snprintf(state->description, room, "splice");
  for (unsigned i = 0; !state->spliced && i < state->mutation.count; i++) {
    const char *name = tri_mutation_operator_name(state->mutation.operators[i]);
    if (used + strlen(name) + 2 > room) break;
    used += (size_t)snprintf(state->description + used, room - used, "%s%s", used ? "+" : "", name);
  }
  return state->description;
}

// ---- Trimming ---------------------------------------------------------------------------------------------

// The operations [first, end) are the ones that the candidate lacks.
static size_t candidate_end(const struct state *state) {
  size_t end = state->at + state->block;
  return end < state->program.count ? end : state->program.count;
}

static size_t candidate_size(const struct state *state) {
  size_t size = 0, end = candidate_end(state);
  for (size_t i = 0; i < state->program.count; i++)
    if (i < state->at || i >= end) size += tri_op_size(&state->program.ops[i]);
  return size;
}

// Go on to the next block that makes a candidate, if there is one.
static void settle(struct state *state) {
  for (;; state->at += state->block) {
    for (; state->block && state->at >= state->program.count; state->block /= 2) state->at = 0;
    if (!state->block) return;
    size_t size = candidate_size(state);
    if (size > 0 && size <= state->bound) return;
  }
}

int32_t afl_custom_init_trim(void *data, uint8_t *bytes, size_t size) {
  struct state *state = data;
  state->program.count = 0;
  state->bound = size;
  state->at = state->block = 0;
  state->steps_done = state->steps = 0;
  if (size > sizeof state->out || !tri_program_decode(&state->program, bytes, size)) return 0;
  state->block = state->program.count / 2;
  settle(state);
  size_t count = state->program.count;
  for (size_t block = state->block; block; block /= 2) state->steps += (int32_t)((count + block - 1) / block);
  return state->steps;
}

size_t afl_custom_trim(void *data, uint8_t **out) {
  struct state *state = data;
  struct tri_program head = {.ops = state->program.ops, .count = state->at}, tail = head;
  size_t end = candidate_end(state);
  tail.ops += end;
  tail.count = state->program.count - end;
  size_t size = tri_program_encode(&head, state->out, sizeof state->out);
  size += tri_program_encode(&tail, state->out + size, sizeof state->out - size);
  *out = state->out;
  return size;
}

int32_t afl_custom_post_trim(void *data, unsigned char success) {
  struct state *state = data;
  if (success) {
    size_t end = candidate_end(state);
    state->bound = candidate_size(state);
    memmove(state->program.ops + state->at, state->program.ops + end,
            (state->program.count - end) * sizeof *state->program.ops);
    state->program.count -= end - state->at;
  } else {
    state->at += state->block;
  }
  settle(state);
  return state->block ? ++state->steps_done : state->steps;
}
