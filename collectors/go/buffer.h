// Buffers of 253 entries: work buffers (work.h), and the segments of queues of spans (greentea_queue.h). A
// pool keeps the empty ones for use again. An entry is not 0; what it is, only its user knows.
//
// struct go_buffers is guarded by the lock of the pool that it is in.
#ifndef TRICOLOR_GO_BUFFER_H
#define TRICOLOR_GO_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tricolor/compiler.h"

enum { GO_BUFFER_ENTRIES = 253 };

struct go_buffer {
  struct go_buffer *next;
  uint32_t first, end; // entries first … end - 1 wait; in a stack first is 0
  uintptr_t entry[GO_BUFFER_ENTRIES];
};

static inline uint32_t go_buffer_waiting(const struct go_buffer *buffer) {
  return buffer->end - buffer->first;
}
static inline bool go_buffer_is_empty(const struct go_buffer *buffer) { return buffer->end == buffer->first; }

struct go_buffers {
  struct go_buffer *empty;
  size_t n;   // all that there are, in use or empty; an atomic: read without the lock
  size_t max; // that there may be; the rest of the struct begins as zeroes
};

// An empty buffer; NULL: out of memory. And back, when it is empty.
struct go_buffer *go_buffers_take(struct go_buffers *buffers);
void go_buffers_give(struct go_buffers *buffers, struct go_buffer *buffer);

// Two of them, or none. False: out of memory.
bool go_buffers_take_two(struct go_buffers *buffers, struct go_buffer **one, struct go_buffer **other);

// Free the empty ones.
void go_buffers_trim(struct go_buffers *buffers);

// Memory that all of them have. Without the lock.
static inline size_t go_buffers_bytes(const struct go_buffers *buffers) {
  return TRI_RELAXED_LOAD(&buffers->n) * sizeof(struct go_buffer);
}

// Visit all entries of a buffer, or of a list of them, as long as the visitor returns true.
typedef bool go_entry_fn(void *context, uintptr_t entry);
bool go_buffer_each(const struct go_buffer *buffer, go_entry_fn *visit, void *context);
bool go_buffer_list_each(const struct go_buffer *list, go_entry_fn *visit, void *context);

#endif
