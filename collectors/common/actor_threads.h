// Actors as threads: the inline half. Included by actor.h only.
#ifndef TRICOLOR_COMMON_ACTOR_THREADS_H
#define TRICOLOR_COMMON_ACTOR_THREADS_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

struct tri_actor {
  enum tri_actor_kind kind;
  unsigned number;
  void *local;
  void (*fn)(void *);
  void *arg;
  pthread_t thread;
};

struct tri_mutex {
  pthread_mutex_t os;
};
#define TRI_MUTEX_INIT                                                                                       \
  { PTHREAD_MUTEX_INITIALIZER }

struct tri_condition {
  pthread_cond_t os;
};
#define TRI_CONDITION_INIT                                                                                   \
  { PTHREAD_COND_INITIALIZER }

struct tri_actor *tri_actor_self(void);

static inline void tri_actor_spin(void) { sched_yield(); }

static inline void tri_mutex_init(struct tri_mutex *m) { *m = (struct tri_mutex)TRI_MUTEX_INIT; }
static inline void tri_mutex_lock(struct tri_mutex *m) { TRI_CHECK_EQ(pthread_mutex_lock(&m->os), 0); }
static inline void tri_mutex_unlock(struct tri_mutex *m) { TRI_CHECK_EQ(pthread_mutex_unlock(&m->os), 0); }
static inline bool tri_mutex_try_lock(struct tri_mutex *m) { return pthread_mutex_trylock(&m->os) == 0; }
static inline void tri_mutex_lock_quietly(struct tri_mutex *m) { tri_mutex_lock(m); }
static inline void tri_mutex_unlock_quietly(struct tri_mutex *m) { tri_mutex_unlock(m); }

static inline void tri_condition_init(struct tri_condition *c) {
  *c = (struct tri_condition)TRI_CONDITION_INIT;
}
static inline void tri_condition_wait(struct tri_condition *c, struct tri_mutex *m) {
  TRI_CHECK_EQ(pthread_cond_wait(&c->os, &m->os), 0);
}
static inline void tri_condition_wait_for(struct tri_condition *c, struct tri_mutex *m, uint64_t ns) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  uint64_t nsec = (uint64_t)until.tv_nsec + ns % 1000000000;
  until.tv_sec += (time_t)(ns / 1000000000 + nsec / 1000000000);
  until.tv_nsec = (long)(nsec % 1000000000);
  int result = pthread_cond_timedwait(&c->os, &m->os, &until);
  TRI_CHECK(result == 0 || result == ETIMEDOUT);
}
static inline void tri_condition_signal(struct tri_condition *c) { pthread_cond_signal(&c->os); }
static inline void tri_condition_broadcast(struct tri_condition *c) { pthread_cond_broadcast(&c->os); }

#define TRI_YIELD(point) ((void)TRI_YIELD_##point)

#endif
