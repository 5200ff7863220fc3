#include "go/workers.h"

#include "common/os.h"
#include "go/heap.h"

enum {
  QUANTUM_BYTES = 100000,  // of reference slots: Go looks so often whether it is to stop
  PATIENCE_NS = 200 * 1000 // between two looks for a processor
};

void go_workers_init(struct go_workers *workers, int wanted, unsigned processors) {
  tri_mutex_init(&workers->lock);
  tri_condition_init(&workers->changed);
  workers->processors = processors;
  workers->wanted = workers->dedicated = (unsigned)wanted;
  if (wanted >= 0) return;
  struct go_mark_workers rule = go_mark_workers((int)processors, false);
  workers->wanted = processors < GO_WORKERS_MAX ? processors : GO_WORKERS_MAX;
  workers->dedicated = (unsigned)rule.dedicated;
  workers->share = rule.fractional_goal * processors;
}

// -------------------------------------------------------------------------------- credit

static struct go_waiter *pop(struct go_workers *workers) {
  struct go_waiter *waiter = workers->first;
  workers->first = waiter->next;
  if (!workers->first) workers->last = NULL;
  return waiter;
}

static void push(struct go_workers *workers, struct go_waiter *waiter) {
  waiter->next = NULL;
  if (workers->last)
    workers->last->next = waiter;
  else
    workers->first = waiter;
  workers->last = waiter;
}

// Who is served in part only goes to the back.
static void give(struct go_workers *workers, int64_t bytes) {
  tri_mutex_lock(&workers->lock);
  bool served = false;
  while (bytes > 0 && workers->first) {
    struct go_waiter *waiter = pop(workers);
    workers->given += (uint64_t)(bytes < waiter->debt ? bytes : waiter->debt);
    if (bytes < waiter->debt) {
      waiter->debt -= bytes;
      bytes = 0;
      push(workers, waiter);
    } else {
      bytes -= waiter->debt;
      served = waiter->served = true;
    }
  }
  if (served) tri_condition_broadcast(&workers->changed);
  tri_mutex_unlock(&workers->lock);
  __atomic_fetch_add(&workers->credit, bytes, __ATOMIC_RELAXED);
}

uint64_t go_credit_take(struct go_workers *workers, uint64_t bytes) {
  int64_t credit = TRI_RELAXED_LOAD(&workers->credit), taken;
  do {
    if (credit <= 0) return bytes;
    taken = (uint64_t)credit < bytes ? credit : (int64_t)bytes;
  } while (!__atomic_compare_exchange_n(&workers->credit, &credit, credit - taken, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED));
  __atomic_fetch_add(&workers->taken, (uint64_t)taken, __ATOMIC_RELAXED);
  return bytes - (uint64_t)taken;
}

void go_credit_wait(struct tri_mutator *m, uint64_t bytes) {
  struct go_workers *workers = &go_heap_of(m->heap)->workers;
  struct go_waiter waiter = {.debt = (int64_t)bytes};
  tri_default_park(m);
  tri_mutex_lock(&workers->lock);
  if (workers->marking) push(workers, &waiter);
  tri_condition_broadcast(&workers->changed); // its processor idles
  while (workers->marking && !waiter.served) tri_condition_wait(&workers->changed, &workers->lock);
  tri_mutex_unlock(&workers->lock);
  tri_default_unpark(m);
}

// -------------------------------------------------------------------------------- who may mark

static bool is_dedicated(const struct go_workers *workers, const struct go_worker *worker) {
  return worker - workers->worker < workers->dedicated;
}

// Whether a worker may begin to mark, which rests; or go on.
enum go_when { GO_TO_BEGIN, GO_TO_GO_ON };
static bool may_mark(struct go_heap *heap, const struct go_worker *worker, enum go_when when) {
  const struct go_workers *workers = &heap->workers;
  if (is_dedicated(workers, worker)) return true;
  bool idles = worker - workers->worker < workers->dedicated + heap->pace.pacer.workers.max_idle;
  if (idles && tri_world_running(&heap->base) < workers->processors + (when == GO_TO_GO_ON)) return true;
  if (worker - workers->worker != workers->dedicated || workers->share == 0) return false;
  int64_t elapsed = go_now(&heap->pace.clock) - heap->pace.pacer.mark_start;
  return when == GO_TO_BEGIN ? go_fractional_worker_is_due(workers->share, worker->marked, elapsed)
                             : !go_fractional_worker_is_over(workers->share, worker->marked, elapsed);
}

// -------------------------------------------------------------------------------- one worker

static bool goes_on(struct go_heap *heap) { return heap->marking && !TRI_RELAXED_LOAD(&heap->workers.ends); }

// With the lock held. What nobody works at, the one that comes has to end.
static bool is_wanted(const struct go_heap *heap) {
  const struct go_workers *workers = &heap->workers;
  return workers->marking && (!workers->busy || !go_work_pool_is_empty(&heap->pool));
}

// Parked, until there is something to do; then the worker is busy. False: the heap goes.
static bool await_work(struct go_heap *heap, struct go_worker *worker) {
  struct go_workers *workers = &heap->workers;
  tri_mutex_lock(&workers->lock);
  while (!workers->ends) {
    bool wanted = is_wanted(heap);
    if (wanted && may_mark(heap, worker, GO_TO_BEGIN)) break;
    if (wanted)
      tri_condition_wait_for(&workers->changed, &workers->lock, PATIENCE_NS);
    else
      tri_condition_wait(&workers->changed, &workers->lock);
  }
  bool ends = workers->ends;
  if (!ends) TRI_RELAXED_STORE(&workers->busy, workers->busy + 1);
  tri_mutex_unlock(&workers->lock);
  return !ends;
}

// No longer busy; false: no other is. Who gives up does so in any case.
static bool retire(struct go_workers *workers, bool gives_up) {
  TRI_YIELD(MARK_TERMINATE);
  tri_mutex_lock(&workers->lock);
  bool retires = gives_up || workers->busy > 1;
  if (retires) TRI_RELAXED_STORE(&workers->busy, workers->busy - 1);
  if (gives_up) tri_condition_broadcast(&workers->changed);
  tri_mutex_unlock(&workers->lock);
  return retires;
}

// One turn. True: there is nothing left, here and in the pool.
static bool mark_some(struct go_heap *heap, struct go_worker *worker) {
  struct go_mark_quota quota = {QUANTUM_BYTES / sizeof(tri_ref), QUANTUM_BYTES};
  go_turn_begin(&heap->turns);
  int64_t start = go_now(&heap->pace.clock);
  bool empty = go_mark_some(heap, &worker->work, &quota);
  if (empty) go_work_dispose(&heap->pool, &worker->work); // its empty buffers
  enum go_marker who =
      worker - heap->workers.worker > heap->workers.dedicated ? GO_MARK_IDLE : GO_MARK_WORKER;
  worker->marked += go_pace_marked(heap, start, quota.scan, who);
  give(&heap->workers, (int64_t)quota.scan);
  go_turn_end(&heap->turns);
  return empty;
}

static void give_up(struct go_heap *heap, struct go_worker *worker) {
  go_turn_begin(&heap->turns);
  go_work_dispose(&heap->pool, &worker->work);
  go_turn_end(&heap->turns);
  retire(&heap->workers, true);
}

// As a running worker that is busy, until it no longer is.
static void mark(struct go_heap *heap, struct go_worker *worker) {
  while (goes_on(heap)) {
    go_roots_help(&worker->base, &worker->work);
    bool empty = mark_some(heap, worker);
    go_workers_wake(heap);
    tri_safepoint_slow(&worker->base);
    if (!goes_on(heap)) break;
    if (!empty && may_mark(heap, worker, GO_TO_GO_ON)) continue;
    if (!empty) {
      give_up(heap, worker);
      return;
    }
    if (!go_work_pool_is_empty(&heap->pool)) continue;
    if (retire(&heap->workers, false)) return;
    go_terminate(&worker->base);
  }
  retire(&heap->workers, true);
}

static void run(void *context) {
  struct go_worker *worker = context;
  struct go_heap *heap = go_heap_of(worker->base.heap);
  while (await_work(heap, worker)) {
    tri_default_unpark(&worker->base);
    mark(heap, worker);
    tri_default_park(&worker->base);
  }
}

// -------------------------------------------------------------------------------- all of them

static void start(struct go_heap *heap) {
  struct go_workers *workers = &heap->workers;
  workers->begun = true;
  workers->worker = tri_os_calloc(workers->wanted * sizeof *workers->worker);
  if (!workers->worker) return;
  for (struct go_worker *worker = workers->worker; workers->n < workers->wanted; worker++) {
    tri_helper_init(&worker->base, &heap->base);
    if (!tri_actor_spawn(&worker->actor, TRI_ACTOR_MARKER, run, worker)) break;
    workers->n++;
  }
}

void go_workers_begin(struct go_heap *heap) {
  struct go_workers *workers = &heap->workers;
  if (!workers->begun && workers->wanted) start(heap);
  heap->pace.background = workers->n > 0;
  workers->expired += (uint64_t)workers->credit;
  TRI_RELAXED_STORE(&workers->credit, 0);
  if (!workers->n) return;
  for (unsigned i = 0; i < workers->n; i++) workers->worker[i].marked = 0;
  tri_mutex_lock(&workers->lock);
  workers->marking = true;
  tri_condition_broadcast(&workers->changed);
  tri_mutex_unlock(&workers->lock);
}

void go_workers_end(struct go_heap *heap) {
  struct go_workers *workers = &heap->workers;
  if (!workers->n) return;
  tri_mutex_lock(&workers->lock);
  workers->marking = false;
  workers->first = workers->last = NULL;
  tri_condition_broadcast(&workers->changed);
  tri_mutex_unlock(&workers->lock);
}

void go_workers_dispose(struct go_heap *heap) {
  for (unsigned i = 0; i < heap->workers.n; i++) go_work_dispose(&heap->pool, &heap->workers.worker[i].work);
}

void go_workers_wake(struct go_heap *heap) {
  struct go_workers *workers = &heap->workers;
  if (TRI_RELAXED_LOAD(&workers->busy) >= workers->n || go_work_pool_is_empty(&heap->pool)) return;
  tri_mutex_lock(&workers->lock);
  tri_condition_broadcast(&workers->changed);
  tri_mutex_unlock(&workers->lock);
}

void go_workers_fini(struct go_heap *heap) {
  struct go_workers *workers = &heap->workers;
  tri_mutex_lock(&workers->lock);
  TRI_RELAXED_STORE(&workers->ends, true);
  tri_condition_broadcast(&workers->changed);
  tri_mutex_unlock(&workers->lock);
  for (unsigned i = 0; i < workers->n; i++) tri_actor_join(&workers->worker[i].actor);
  go_workers_dispose(heap);
  tri_os_free(workers->worker);
}
