// The compiler, in one place: hints and attributes. No other header tests for a compiler.
#ifndef TRICOLOR_COMPILER_H
#define TRICOLOR_COMPILER_H

#define TRI_LIKELY(x) __builtin_expect(!!(x), 1)
#define TRI_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define TRI_ALWAYS_INLINE static inline __attribute__((always_inline))
#define TRI_NOINLINE __attribute__((noinline))
#define TRI_COLD __attribute__((noinline, cold))
#define TRI_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define TRI_EXPORT __attribute__((visibility("default")))
#define TRI_PREFETCH(address) __builtin_prefetch((address), 1, 3)
#define TRI_CLEANUP(function) __attribute__((cleanup(function)))

// Zero in the registers that a callee has to preserve (the frame pointer apart), where we know how: for
// calling a conservative collector without stray references in them. Nothing otherwise.
#if defined(__x86_64__)
#define TRI_CLEAR_SAVED_REGISTERS()                                                                          \
  __asm__ volatile("xorl %%ebx, %%ebx\n\txorl %%r12d, %%r12d\n\txorl %%r13d, %%r13d\n\t"                     \
                   "xorl %%r14d, %%r14d\n\txorl %%r15d, %%r15d" ::                                            \
                       : "rbx", "r12", "r13", "r14", "r15", "cc")
#else
#define TRI_CLEAR_SAVED_REGISTERS() ((void)0)
#endif

// Reads and writes of reference slots race by design in concurrent collectors: relaxed atomics cost nothing
// and say so to ThreadSanitizer.
#define TRI_RELAXED_LOAD(address) __atomic_load_n((address), __ATOMIC_RELAXED)
#define TRI_RELAXED_STORE(address, value) __atomic_store_n((address), (value), __ATOMIC_RELAXED)

#define TRI_PASTE2(a, b) a##b
#define TRI_PASTE(a, b) TRI_PASTE2(a, b)
#define TRI_STRING2(x) #x
#define TRI_STRING(x) TRI_STRING2(x)

// 1 when AddressSanitizer / ThreadSanitizer instruments this translation unit.
#if defined(__SANITIZE_ADDRESS__)
#define TRI_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TRI_ASAN 1
#endif
#endif
#ifndef TRI_ASAN
#define TRI_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define TRI_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TRI_TSAN 1
#endif
#endif
#ifndef TRI_TSAN
#define TRI_TSAN 0
#endif

// For loops over whole blocks of memory: fuzzers learn nothing from their branches, and pay for each.
#if defined(__clang__)
#define TRI_NO_COVERAGE __attribute__((no_sanitize("coverage")))
#else
#define TRI_NO_COVERAGE
#endif

#if TRI_ASAN
#define TRI_NO_ASAN __attribute__((no_sanitize_address))
#else
#define TRI_NO_ASAN
#endif

#endif
