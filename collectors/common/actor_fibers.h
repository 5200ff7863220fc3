// Actors as fibers: the inline half. Included by actor.h only. One OS thread runs everything here.
#ifndef TRICOLOR_COMMON_ACTOR_FIBERS_H
#define TRICOLOR_COMMON_ACTOR_FIBERS_H

// First in, first out.
struct tri_actor_queue {
  struct tri_actor *first, *last;
};

struct tri_actor {
  enum tri_actor_kind kind;
  unsigned number;
  void *local;
  void (*fn)(void *);
  void *arg;
  bool finished;
  struct tri_actor *next; // in the queue it waits in
  struct tri_actor_queue joiners;
  struct tri_fiber *fiber; // stack and saved registers
};

struct tri_mutex {
  struct tri_actor *owner;
  struct tri_actor_queue waiters;
};
#define TRI_MUTEX_INIT                                                                                       \
  { 0 }

struct tri_condition {
  struct tri_actor_queue waiters;
};
#define TRI_CONDITION_INIT                                                                                   \
  { 0 }

extern struct tri_actor *tri_fibers_current;
extern uint64_t tri_fibers_runnable; // bit i: actor number i can go on; the current one's bit is set

// True when somebody else could go on, that is, when a yield point is a decision.
static inline bool tri_fibers_choice(void) { return tri_fibers_runnable & (tri_fibers_runnable - 1); }

void tri_fibers_yield(enum tri_yield_point point);
void tri_fibers_lock(struct tri_mutex *m);
void tri_fibers_unlock(struct tri_mutex *m);
void tri_fibers_lock_quietly(struct tri_mutex *m);
void tri_fibers_unlock_quietly(struct tri_mutex *m);

static inline struct tri_actor *tri_actor_self(void) { return tri_fibers_current; }

void tri_actor_spin(void);

static inline void tri_mutex_init(struct tri_mutex *m) { *m = (struct tri_mutex)TRI_MUTEX_INIT; }
static inline void tri_mutex_lock(struct tri_mutex *m) {
  if (TRI_LIKELY(!m->owner && !tri_fibers_choice()))
    m->owner = tri_fibers_current;
  else
    tri_fibers_lock(m);
}
static inline void tri_mutex_unlock(struct tri_mutex *m) {
  if (TRI_LIKELY(m->owner == tri_fibers_current && !m->waiters.first && !tri_fibers_choice()))
    m->owner = NULL;
  else
    tri_fibers_unlock(m);
}
bool tri_mutex_try_lock(struct tri_mutex *m);
static inline void tri_mutex_lock_quietly(struct tri_mutex *m) {
  if (TRI_LIKELY(!m->owner))
    m->owner = tri_fibers_current;
  else
    tri_fibers_lock_quietly(m);
}
static inline void tri_mutex_unlock_quietly(struct tri_mutex *m) {
  if (TRI_LIKELY(m->owner == tri_fibers_current && !m->waiters.first))
    m->owner = NULL;
  else
    tri_fibers_unlock_quietly(m);
}

static inline void tri_condition_init(struct tri_condition *c) {
  *c = (struct tri_condition)TRI_CONDITION_INIT;
}
void tri_condition_wait(struct tri_condition *c, struct tri_mutex *m);
static inline void tri_condition_wait_for(struct tri_condition *c, struct tri_mutex *m, uint64_t ns) {
  (void)ns;
  tri_condition_wait(c, m);
}
void tri_condition_signal(struct tri_condition *c);
void tri_condition_broadcast(struct tri_condition *c);

#define TRI_YIELD(point) (TRI_UNLIKELY(tri_fibers_choice()) ? tri_fibers_yield(TRI_YIELD_##point) : (void)0)

#endif
