#include "common/mark_stack.h"

#include "common/os.h"

enum { FIRST_ENTRIES = 512 };

void tri_mark_stack_fini(struct tri_mark_stack *stack) {
  tri_os_free(stack->entries);
  stack->entries = NULL;
  stack->top = stack->capacity = 0;
}

static bool resize(struct tri_mark_stack *stack, size_t capacity) {
  uintptr_t *entries = tri_os_realloc(stack->entries, capacity * sizeof *entries);
  if (!entries) return false;
  stack->entries = entries;
  stack->capacity = capacity;
  return true;
}

bool tri_mark_stack_grow(struct tri_mark_stack *stack) {
  size_t capacity = stack->capacity ? 2 * stack->capacity : FIRST_ENTRIES;
  if (capacity > stack->max) capacity = stack->max;
  return capacity > stack->capacity && resize(stack, capacity);
}

void tri_mark_stack_shrink(struct tri_mark_stack *stack) {
  if (stack->top == 0 && stack->capacity > FIRST_ENTRIES) resize(stack, FIRST_ENTRIES);
}
