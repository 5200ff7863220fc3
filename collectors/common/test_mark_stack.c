#include "common/mark_stack.h"

#include "common/check.h"
#include "common/os.h"

static void test_order_and_growth(void) {
  struct tri_mark_stack stack;
  tri_mark_stack_init(&stack, TRI_MARK_STACK_UNBOUNDED);
  TRI_CHECK(tri_mark_stack_is_empty(&stack));
  for (uintptr_t i = 0; i < 100000; i++) TRI_CHECK(tri_mark_stack_push(&stack, i));
  for (uintptr_t i = 100000; i-- > 0;) TRI_CHECK_EQ(tri_mark_stack_pop(&stack), i);
  TRI_CHECK(tri_mark_stack_is_empty(&stack));
  size_t capacity = stack.capacity;
  tri_mark_stack_shrink(&stack);
  TRI_CHECK_LT(stack.capacity, capacity);
  TRI_CHECK(tri_mark_stack_push(&stack, 7));
  TRI_CHECK_EQ(tri_mark_stack_pop(&stack), 7);
  tri_mark_stack_fini(&stack);
}

// Overflow is an answer, at any bound, and what was pushed before stays.
static void test_bound(void) {
  for (size_t max = 0; max < 1500; max = 3 * max + 1) {
    struct tri_mark_stack stack;
    tri_mark_stack_init(&stack, max);
    for (uintptr_t i = 0; i < max; i++) TRI_CHECK(tri_mark_stack_push(&stack, i));
    TRI_CHECK(!tri_mark_stack_push(&stack, 0));
    TRI_CHECK_EQ(stack.top, max);
    for (uintptr_t i = max; i-- > 0;) TRI_CHECK_EQ(tri_mark_stack_pop(&stack), i);
    tri_mark_stack_fini(&stack);
  }
}

static void test_out_of_memory(void) {
  struct tri_mark_stack stack;
  tri_mark_stack_init(&stack, TRI_MARK_STACK_UNBOUNDED);
  tri_os_fail_at(1);
  TRI_CHECK(!tri_mark_stack_push(&stack, 1));
  uintptr_t n = 0;
  TRI_CHECK(tri_mark_stack_push(&stack, n++)); // memory is back
  tri_os_fail_at(1);
  while (tri_mark_stack_push(&stack, n)) n++;
  TRI_CHECK_EQ(stack.top, n);
  while (n-- > 0) TRI_CHECK_EQ(tri_mark_stack_pop(&stack), n);
  tri_mark_stack_fini(&stack);
  TRI_CHECK_EQ(tri_os_usage().metadata_blocks, 0);
}

int main(void) {
  test_order_and_growth();
  test_bound();
  test_out_of_memory();
  return 0;
}
