#include "go/turns.h"

void go_turns_init(struct go_turns *turns, bool used) {
  turns->used = used;
  tri_mutex_init(&turns->lock);
  tri_condition_init(&turns->changed);
}

void go_turn_begin(struct go_turns *turns) {
  if (!turns->used) return;
  tri_mutex_lock(&turns->lock);
  turns->waiting++;
  while (turns->held) tri_condition_wait(&turns->changed, &turns->lock);
  turns->waiting--;
  turns->under_way++;
  tri_mutex_unlock(&turns->lock);
}

void go_turn_end(struct go_turns *turns) {
  if (!turns->used) return;
  tri_mutex_lock(&turns->lock);
  if (--turns->under_way == 0 && turns->held) tri_condition_broadcast(&turns->changed);
  tri_mutex_unlock(&turns->lock);
}

void go_turns_hold(struct go_turns *turns, bool hold) {
  if (!turns->used) return;
  tri_mutex_lock_quietly(&turns->lock);
  if (hold) {
    turns->held++;
    while (turns->under_way) tri_condition_wait(&turns->changed, &turns->lock);
  } else if (--turns->held == 0 && turns->waiting) {
    tri_condition_broadcast(&turns->changed);
  }
  tri_mutex_unlock_quietly(&turns->lock);
}
