#include "go/buffer.h"

#include "common/check.h"
#include "common/os.h"

struct go_buffer *go_buffers_take(struct go_buffers *buffers) {
  struct go_buffer *buffer = buffers->empty;
  if (buffer) {
    buffers->empty = buffer->next;
  } else {
    if (buffers->n >= buffers->max || !(buffer = tri_os_calloc(sizeof *buffer))) return NULL;
    TRI_RELAXED_STORE(&buffers->n, buffers->n + 1);
  }
  return buffer;
}

void go_buffers_give(struct go_buffers *buffers, struct go_buffer *buffer) {
  TRI_ASSERT(go_buffer_is_empty(buffer));
  buffer->first = buffer->end = 0;
  buffer->next = buffers->empty;
  buffers->empty = buffer;
}

bool go_buffers_take_two(struct go_buffers *buffers, struct go_buffer **one, struct go_buffer **other) {
  struct go_buffer *first = go_buffers_take(buffers), *second = first ? go_buffers_take(buffers) : NULL;
  if (!second) {
    if (first) go_buffers_give(buffers, first);
    return false;
  }
  *one = first;
  *other = second;
  return true;
}

void go_buffers_trim(struct go_buffers *buffers) {
  for (struct go_buffer *buffer; (buffer = buffers->empty);) {
    buffers->empty = buffer->next;
    tri_os_free(buffer);
    TRI_RELAXED_STORE(&buffers->n, buffers->n - 1);
  }
}

bool go_buffer_each(const struct go_buffer *buffer, go_entry_fn *visit, void *context) {
  for (uint32_t i = buffer->first; i < buffer->end; i++)
    if (!visit(context, buffer->entry[i])) return false;
  return true;
}

bool go_buffer_list_each(const struct go_buffer *list, go_entry_fn *visit, void *context) {
  for (; list; list = list->next)
    if (!go_buffer_each(list, visit, context)) return false;
  return true;
}
