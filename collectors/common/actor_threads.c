// Actors as threads.
#include "common/actor.h"

#include "common/os.h"

static uint64_t numbers = 1; // bit i: number i is taken; 0 belongs to threads that no spawn started

static _Thread_local struct tri_actor *self;

struct tri_actor *tri_actor_self(void) {
  static _Thread_local struct tri_actor unspawned = {.kind = TRI_ACTOR_MUTATOR};
  return self ? self : &unspawned;
}

static bool take_number(unsigned *number) {
  uint64_t taken = TRI_RELAXED_LOAD(&numbers);
  do {
    if (~taken == 0) return false;
    *number = (unsigned)__builtin_ctzll(~taken);
  } while (!__atomic_compare_exchange_n(&numbers, &taken, taken | (uint64_t)1 << *number, true,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return true;
}

static void return_number(unsigned number) {
  __atomic_fetch_and(&numbers, ~((uint64_t)1 << number), __ATOMIC_RELAXED);
}

static void *run(void *actor) {
  self = actor;
  self->fn(self->arg);
  return NULL;
}

bool tri_actor_spawn(struct tri_actor *actor, enum tri_actor_kind kind, void (*fn)(void *), void *arg) {
  unsigned number;
  if (tri_os_inject() || !take_number(&number)) return false;
  *actor = (struct tri_actor){.kind = kind, .number = number, .fn = fn, .arg = arg};
  if (pthread_create(&actor->thread, NULL, run, actor) == 0) return true;
  return_number(number);
  return false;
}

void tri_actor_join(struct tri_actor *actor) {
  TRI_CHECK_EQ(pthread_join(actor->thread, NULL), 0);
  return_number(actor->number);
}
