// Memory from the operating system, and the one place where running out of it can be rehearsed.
//
// Two kinds of memory. *Reservations* are address ranges: reserved without access, committed and decommitted
// piecewise, released whole. *Metadata* is what a collector keeps beside its heap (side tables, queues):
// plain zeroed blocks. Everything a collector takes comes from here, so that an injected failure can reach
// it.
//
// Ownership: who reserves releases, with the same address and size. Addresses and sizes of the page functions
// are multiples of tri_os_page_bytes(). All functions may be called from any thread; none collects.
// Out of memory is a value (NULL, false), never an abort.
#ifndef TRICOLOR_COMMON_OS_H
#define TRICOLOR_COMMON_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

size_t tri_os_page_bytes(void);

// A clock that does not go back (CLOCK_MONOTONIC), nanoseconds.
uint64_t tri_os_now_ns(void);

// CPU time that the process has had, all its threads together, nanoseconds.
uint64_t tri_os_cpu_ns(void);

// Processors that this process may run on, at least 1.
unsigned tri_os_processors(void);

// An address range of `bytes` without access and without backing, starting at a multiple of `align` (a power
// of two; 0 or anything up to a page means page alignment). NULL on failure.
void *tri_os_reserve(size_t bytes, size_t align);

// Gives back a whole reservation. Nothing in it may be touched afterwards.
void tri_os_release(void *p, size_t bytes);

// Makes a part of a reservation readable and writable. It reads as zero unless it was committed before and
// not decommitted since; committing twice is harmless. False: nothing has changed.
bool tri_os_commit(void *p, size_t bytes);

// Returns the memory behind a part of a reservation to the system and takes access away; the addresses stay
// reserved. After a new commit it reads as zero. Cannot fail.
void tri_os_decommit(void *p, size_t bytes);

// Returns the memory behind committed pages to the system; they stay accessible and read
// as zero. Cannot fail.
void tri_os_discard(void *p, size_t bytes);

// Asks for huge pages (2 MiB) in a part of a reservation: four times cheaper to touch first. Only a hint.
void tri_os_huge(void *p, size_t bytes);

enum tri_os_access { TRI_OS_NONE, TRI_OS_READ, TRI_OS_READ_WRITE };

// Changes the access to committed memory; contents stay. False when the system refuses (too many mappings).
bool tri_os_protect(void *p, size_t bytes, enum tri_os_access access);

// Metadata: zeroed, aligned for any type; NULL on failure, also for 0 bytes. realloc leaves grown bytes
// undefined and the old block valid when it fails; free accepts NULL.
void *tri_os_calloc(size_t bytes);
void *tri_os_realloc(void *p, size_t bytes);
void tri_os_free(void *p);

// What is held now, over all threads: equal before a heap is created and after it is destroyed, or it leaks.
struct tri_os_usage {
  size_t reserved_bytes;  // in reservations
  size_t metadata_blocks; // from calloc and realloc
};
struct tri_os_usage tri_os_usage(void);

// --- failure injection -----------------------------------------------------------------------------------
// Counted calls: reserve, commit, calloc, realloc, tri_actor_spawn and whoever else asks tri_os_inject().
// Settings are for the whole process; set them while no other thread allocates.

void tri_os_fail_at(uint64_t k);    // the k-th counted call from now fails, once; 0 = off
void tri_os_fail_every(uint64_t k); // each k-th counted call from now fails; 0 = off
uint64_t tri_os_calls(void);        // counted calls since the process started
uint64_t tri_os_failures(void);     // how many of them were made to fail

// Counts one call and says whether it has to fail. For code that obtains memory by other means than this file
// (a thread, a wrapped allocator) and wants the same rehearsal.
bool tri_os_inject(void);

// --- recycling -------------------------------------------------------------------------------------------
// With recycling on, released reservations of up to 64 MiB are kept (the last few) and handed out again by a
// reserve of the same size and alignment, zeroed: only what was committed and touched is cleared, so creating
// and destroying a small heap costs a few microseconds instead of its page faults. For fuzzing: one fresh
// heap per input. Differences to see: a recycled range stays accessible to the hardware where it was
// committed before (AddressSanitizer and Valgrind are told that it is not), what strays there is not cleared,
// decommitting clears memory but does not return it, and huge-page hints are ignored.
// Switching off frees what is kept. Switch while no reservation is held.
void tri_os_recycle(bool on);

// --- stacks ----------------------------------------------------------------------------------------------
// The lowest byte of a stack of `bytes` with an inaccessible guard page below; NULL on failure. Not counted,
// never failed by injection and never given back: fibers keep their stacks for the next run, and which call
// fails must not depend on how many are in stock.
void *tri_os_stack(size_t bytes);

#endif
