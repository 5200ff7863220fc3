// Actors as fibers on one OS thread: contexts, stacks, and the queues of those who wait. Who goes on is
// decided in schedule.c.
//
// Kept: `tri_fibers_runnable` has the bit of the running actor and of all that wait for nothing; an actor
// that waits is in exactly one queue. Nothing here is atomic, and nothing may be called from a second OS
// thread.
#include "common/actor.h"

#include "common/os.h"
#include "common/poison.h"
#include "common/schedule.h"

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(low, high) ((void)(low), (void)(high))
#endif
#if TRI_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if TRI_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#ifndef TRI_FIBERS_UCONTEXT // define as 1 to test the portable switch
#ifdef __x86_64__
#define TRI_FIBERS_UCONTEXT 0
#else
#define TRI_FIBERS_UCONTEXT 1
#endif
#endif
#if TRI_FIBERS_UCONTEXT
#include <ucontext.h>
#endif

enum { STACK_BYTES = (256 << 10) << (TRI_ASAN | TRI_TSAN) }; // sanitizers need more; only touched pages cost

// Kept at the top of its own stack; the first actor's stands alone and has the thread's stack.
struct tri_fiber {
  char *stack; // lowest byte
  size_t stack_bytes;
  struct tri_fiber *next_free;
#if TRI_FIBERS_UCONTEXT
  ucontext_t context;
#else
  void *stack_pointer; // below it: what swap saved
#endif
  void *fake_stack; // AddressSanitizer's, while another fiber runs
  void *tsan_fiber;
};

static struct tri_fiber first_fiber;
static struct tri_actor first_actor = {.kind = TRI_ACTOR_MUTATOR, .fiber = &first_fiber};

struct tri_actor *tri_fibers_current = &first_actor;
uint64_t tri_fibers_runnable = 1;

static struct tri_actor *actors[TRI_ACTORS_MAX] = {&first_actor};
static uint64_t alive = 1; // bit i: actors[i] is started and not yet joined
static struct tri_fiber *free_fibers;

static uint64_t bit(const struct tri_actor *actor) { return (uint64_t)1 << actor->number; }

// --- context switch
// ------------------------------------------------------------------------------------------

_Noreturn static void run_actor(void);

#if TRI_FIBERS_UCONTEXT

static void prepare(struct tri_fiber *fiber) {
  getcontext(&fiber->context);
  fiber->context.uc_stack.ss_sp = fiber->stack;
  fiber->context.uc_stack.ss_size = fiber->stack_bytes;
  fiber->context.uc_link = NULL;
  makecontext(&fiber->context, run_actor, 0);
}

static void swap(struct tri_fiber *from, struct tri_fiber *to) { swapcontext(&from->context, &to->context); }

#else

// Saves what the System V ABI lets a callee keep (registers, SSE and x87 control words) on the stack and the
// stack pointer in *save; then the same backwards from `stack_pointer`. Without the system call of
// swapcontext.
void tri_fibers_swap(void **save, void *stack_pointer);
__asm__(".text\n"
        ".globl tri_fibers_swap\n"
        ".hidden tri_fibers_swap\n"
        ".type tri_fibers_swap, @function\n"
        "tri_fibers_swap:\n"
        "  pushq %rbp\n"
        "  pushq %rbx\n"
        "  pushq %r12\n"
        "  pushq %r13\n"
        "  pushq %r14\n"
        "  pushq %r15\n"
        "  subq $8, %rsp\n"
        "  stmxcsr (%rsp)\n"
        "  fnstcw 4(%rsp)\n"
        "  movq %rsp, (%rdi)\n"
        "  movq %rsi, %rsp\n"
        "  ldmxcsr (%rsp)\n"
        "  fldcw 4(%rsp)\n"
        "  addq $8, %rsp\n"
        "  popq %r15\n"
        "  popq %r14\n"
        "  popq %r13\n"
        "  popq %r12\n"
        "  popq %rbx\n"
        "  popq %rbp\n"
        "  ret\n"
        ".size tri_fibers_swap, .-tri_fibers_swap\n");

static void prepare(struct tri_fiber *fiber) {
  const uint64_t control_words = 0x1f80 | (uint64_t)0x037f << 32; // mxcsr, x87: the ABI's initial values
  uint64_t *top = (uint64_t *)(fiber->stack + fiber->stack_bytes);
  *--top = 0; // where run_actor would return to: the end of a backtrace
  *--top = (uint64_t)(uintptr_t)run_actor;
  for (int i = 0; i < 6; i++) *--top = 0; // rbp … r15
  *--top = control_words;
  fiber->stack_pointer = top;
}

static void swap(struct tri_fiber *from, struct tri_fiber *to) {
  tri_fibers_swap(&from->stack_pointer, to->stack_pointer);
}

#endif

static void arrive(struct tri_fiber *left) {
#if TRI_ASAN
  const void *low;
  size_t bytes;
  __sanitizer_finish_switch_fiber(tri_fibers_current->fiber->fake_stack, &low, &bytes);
  if (left == &first_fiber) {
    first_fiber.stack = (char *)(uintptr_t)low;
    first_fiber.stack_bytes = bytes;
  }
#else
  (void)left;
#endif
}

static struct tri_fiber *left_fiber; // by the last switch

// Returns when somebody switches back; never when `ends`.
static void switch_to(struct tri_actor *to, bool ends) {
  struct tri_fiber *from = tri_fibers_current->fiber;
  tri_fibers_current = to;
  left_fiber = from;
#if TRI_ASAN
  __sanitizer_start_switch_fiber(ends ? NULL : &from->fake_stack, to->fiber->stack, to->fiber->stack_bytes);
#else
  (void)ends;
#endif
#if TRI_TSAN
  if (from == &first_fiber) from->tsan_fiber = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(to->fiber->tsan_fiber, 0);
#endif
  swap(from, to->fiber);
  arrive(left_fiber);
  if (tri_fibers_current == &first_actor) tri_schedule_raise();
}

static struct tri_fiber *new_fiber(void) {
  struct tri_fiber *fiber = free_fibers;
  if (fiber) {
    free_fibers = fiber->next_free;
    tri_poison_unmark(fiber->stack, fiber->stack_bytes); // frames that were left without returning
    fiber->fake_stack = NULL;                            // went with the fiber's end
  } else {
    char *stack = tri_os_stack(STACK_BYTES);
    if (!stack) return NULL;
    size_t header = (sizeof *fiber + 63) / 64 * 64;
    fiber = (struct tri_fiber *)(stack + STACK_BYTES - header);
    *fiber = (struct tri_fiber){.stack = stack, .stack_bytes = STACK_BYTES - header};
    VALGRIND_STACK_REGISTER(stack, stack + fiber->stack_bytes - 1);
  }
#if TRI_TSAN
  fiber->tsan_fiber = __tsan_create_fiber(0);
#endif
  prepare(fiber);
  return fiber;
}

// Forgets an actor that will not run again and keeps its fiber for the next one.
static void retire(struct tri_actor *actor) {
  struct tri_fiber *fiber = actor->fiber;
#if TRI_TSAN
  __tsan_destroy_fiber(fiber->tsan_fiber);
#endif
  alive &= ~bit(actor);
  tri_fibers_runnable &= ~bit(actor);
  fiber->next_free = free_fibers;
  free_fibers = fiber;
}

// --- waiting
// -------------------------------------------------------------------------------------------------

static void enqueue(struct tri_actor_queue *queue, struct tri_actor *actor) {
  actor->next = NULL;
  if (queue->first)
    queue->last->next = actor;
  else
    queue->first = actor;
  queue->last = actor;
}

static void wake_first(struct tri_actor_queue *queue) {
  struct tri_actor *actor = queue->first;
  if (!actor) return;
  queue->first = actor->next;
  tri_fibers_runnable |= bit(actor);
}

// The scheduler chooses among `candidates`.
static void reschedule(uint64_t candidates, enum tri_yield_point point, bool ends) {
  if (!candidates) tri_schedule_fail(TRI_SCHEDULE_DEADLOCK);
  unsigned number = tri_schedule_next(candidates, tri_fibers_current->number, point);
  if (number == tri_fibers_current->number) return;
  switch_to(actors[number], ends);
}

static void wait_in(struct tri_actor_queue *queue, enum tri_yield_point point) {
  enqueue(queue, tri_fibers_current);
  tri_fibers_runnable &= ~bit(tri_fibers_current);
  reschedule(tri_fibers_runnable, point, false);
}

void tri_fibers_yield(enum tri_yield_point point) { reschedule(tri_fibers_runnable, point, false); }

static void yield_if_choice(enum tri_yield_point point) {
  if (tri_fibers_choice()) tri_fibers_yield(point);
}

void tri_actor_spin(void) {
  reschedule(tri_fibers_runnable & ~bit(tri_fibers_current), TRI_YIELD_SPIN, false);
}

// --- actors
// --------------------------------------------------------------------------------------------------

_Noreturn static void run_actor(void) {
  arrive(left_fiber);
  struct tri_actor *actor = tri_fibers_current;
  actor->fn(actor->arg);
  actor->finished = true;
  while (actor->joiners.first) wake_first(&actor->joiners);
  tri_fibers_runnable &= ~bit(actor);
  reschedule(tri_fibers_runnable, TRI_YIELD_EXIT, true);
  __builtin_unreachable();
}

bool tri_actor_spawn(struct tri_actor *actor, enum tri_actor_kind kind, void (*fn)(void *), void *arg) {
  struct tri_fiber *fiber = tri_os_inject() || ~alive == 0 ? NULL : new_fiber();
  if (!fiber) return false;
  unsigned number = (unsigned)__builtin_ctzll(~alive);
  *actor = (struct tri_actor){.kind = kind, .number = number, .fn = fn, .arg = arg, .fiber = fiber};
  actors[number] = actor;
  alive |= bit(actor);
  tri_fibers_runnable |= bit(actor);
  tri_schedule_actor_started(number);
  tri_fibers_yield(TRI_YIELD_SPAWN);
  return true;
}

void tri_actor_join(struct tri_actor *actor) {
  while (!actor->finished) wait_in(&actor->joiners, TRI_YIELD_JOIN);
  retire(actor);
}

bool tri_fibers_alone(void) { return alive == 1 && tri_fibers_current == &first_actor; }

void tri_fibers_resume_first(void) { switch_to(&first_actor, false); }

void tri_fibers_abandon(void) {
  TRI_CHECK(tri_fibers_current == &first_actor);
  for (unsigned i = 1; i < TRI_ACTORS_MAX; i++)
    if (alive >> i & 1) retire(actors[i]);
  tri_fibers_runnable = 1;
}

// --- mutexes and conditions
// ----------------------------------------------------------------------------------

static void acquire(struct tri_mutex *m) {
  while (m->owner) wait_in(&m->waiters, TRI_YIELD_MUTEX_LOCK);
  m->owner = tri_fibers_current;
}

// The one that waited longest is woken but does not own the mutex yet: others may be faster, as with threads.
static void release(struct tri_mutex *m) {
  TRI_CHECK(m->owner == tri_fibers_current);
  m->owner = NULL;
  wake_first(&m->waiters);
}

void tri_fibers_lock(struct tri_mutex *m) {
  yield_if_choice(TRI_YIELD_MUTEX_LOCK);
  acquire(m);
}

void tri_fibers_unlock(struct tri_mutex *m) {
  release(m);
  yield_if_choice(TRI_YIELD_MUTEX_UNLOCK);
}

void tri_fibers_lock_quietly(struct tri_mutex *m) { acquire(m); }
void tri_fibers_unlock_quietly(struct tri_mutex *m) { release(m); }

bool tri_mutex_try_lock(struct tri_mutex *m) {
  yield_if_choice(TRI_YIELD_MUTEX_LOCK);
  if (m->owner) return false;
  m->owner = tri_fibers_current;
  return true;
}

void tri_condition_wait(struct tri_condition *c, struct tri_mutex *m) {
  release(m);
  wait_in(&c->waiters, TRI_YIELD_CONDITION_WAIT);
  acquire(m);
}

void tri_condition_signal(struct tri_condition *c) {
  wake_first(&c->waiters);
  yield_if_choice(TRI_YIELD_CONDITION_WAKE);
}

void tri_condition_broadcast(struct tri_condition *c) {
  while (c->waiters.first) wake_first(&c->waiters);
  yield_if_choice(TRI_YIELD_CONDITION_WAKE);
}
