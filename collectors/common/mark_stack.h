// A growable mark stack. Growth may fail, or be bounded: a push that finds no room says so, and the tracing
// loop (common/tracer.h) then marks the object, notes its address, and scans the heap between the noted
// addresses once the stack is empty (Knuth 1973, 2.3.5 algorithm C; as in Boehm's and Microsoft's
// collectors).
#ifndef TRICOLOR_COMMON_MARK_STACK_H
#define TRICOLOR_COMMON_MARK_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tricolor/compiler.h"

struct tri_mark_stack {
  uintptr_t *entries;
  size_t top, capacity; // entries
  size_t max;           // capacity never exceeds it; 0 is legal, every push then fails
};

#define TRI_MARK_STACK_UNBOUNDED (SIZE_MAX / sizeof(uintptr_t))

// Takes no memory until the first push.
static inline void tri_mark_stack_init(struct tri_mark_stack *stack, size_t max) {
  *stack = (struct tri_mark_stack){.max = max};
}
void tri_mark_stack_fini(struct tri_mark_stack *stack);

// Make room for one more. False: at the maximum, or out of memory.
TRI_COLD bool tri_mark_stack_grow(struct tri_mark_stack *stack);

// False when there is no room: nothing was pushed.
static inline bool tri_mark_stack_push(struct tri_mark_stack *stack, uintptr_t entry) {
  if (TRI_UNLIKELY(stack->top == stack->capacity) && !tri_mark_stack_grow(stack)) return false;
  stack->entries[stack->top++] = entry;
  return true;
}

static inline bool tri_mark_stack_is_empty(const struct tri_mark_stack *stack) { return stack->top == 0; }

// Not when empty.
static inline uintptr_t tri_mark_stack_pop(struct tri_mark_stack *stack) {
  return stack->entries[--stack->top];
}

// With an empty stack: give memory back down to a first allocation's worth, so that one deep graph does not
// cost its stack for ever.
void tri_mark_stack_shrink(struct tri_mark_stack *stack);

#endif
