// Heap programs: sequences of allocation and mutation operations, and their byte form.
//
// The byte form is self-synchronising: a byte >= 0x80 starts an operation, the bytes < 0x80 after it are its
// operands, 7 bits each, low bits first. Missing operand bytes are 0, surplus ones are ignored, and so are
// operand bytes before the first operation. There is no header, length or count. Hence every byte string is a
// program, a cut between operations always is, and an inserted or deleted byte harms at most two operations:
// what a fuzzer that knows nothing of the format needs most.
//
// Used by the text form (text.h), the executor (exec.h), the record shim and the fuzzers. Nothing here knows a
// heap. All functions are thread-safe as far as their arguments are distinct.
#ifndef TRICOLOR_PROGRAM_H
#define TRICOLOR_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tri_op_code {
#define TRI_OP(name, weight, needs, operands, syntax, doc) TRI_OP_##name,
#include "program/ops.def"
#undef TRI_OP
  TRI_OP_COUNT
};

enum {
  TRI_OP_MAX_OPERANDS = 5,
  TRI_REGISTERS = 16, // per frame
  TRI_GLOBALS = 1 << 14,
  TRI_MUTATORS = 3,
  TRI_ACTORS = 8,
};

// The letters of the operands column of ops.def.
enum tri_operand_kind {
  TRI_REGISTER = 'r',
  TRI_FIELD = 'f',
  TRI_GLOBAL = 'g',
  TRI_NUMBER = 'n',      // 7 bits
  TRI_NUMBER_14 = 'k',   // 14 bits
  TRI_NUMBER_21 = 'w',   // 21 bits
  TRI_SMALL_SIZE = 's',  // index into the sizes of tri_size
  TRI_LARGE_SIZE = 'l',  // likewise
  TRI_HEAP_SIZE = 'h',   // likewise
  TRI_MUTATOR = 'm',
  TRI_ACTOR = 'a',
  TRI_POLICY = 'p',
};

enum tri_policy { TRI_POLICY_BLOCK, TRI_POLICY_RANDOM, TRI_POLICY_PCT, TRI_POLICY_ROBIN, TRI_POLICIES };

struct tri_op {
  uint8_t code; // enum tri_op_code
  uint32_t operand[TRI_OP_MAX_OPERANDS];
};

// A growing array; {0} is the empty program.
struct tri_program {
  struct tri_op *ops;
  size_t count, capacity;
};

// One row of ops.def.
struct tri_op_row {
  const char *name;     // PAIR
  uint8_t weight;       // opcode bytes
  uint8_t n_operands;
  const char *operands; // their kinds, one letter each
  const char *syntax;   // text form, % for each operand
  const char *doc;
};
extern const struct tri_op_row tri_op_rows[TRI_OP_COUNT];

// Operand bytes of a kind, and how many values it has: 0 .. limit - 1.
unsigned tri_operand_bytes(enum tri_operand_kind kind);
uint32_t tri_operand_limit(enum tri_operand_kind kind);

// The sizes in bytes that a size operand can say, strictly increasing in its code: the log-linear steps of
// allocators' size classes (four to a doubling), each step exact, one byte over, and the same with a one-word
// header before it. Small: 0 to 3.5 KiB; large: 4 KiB to 896 KiB; heap: 64 KiB to 1 GiB, two to a doubling.
uint64_t tri_size(enum tri_operand_kind kind, uint32_t code);

// The code of the smallest size >= bytes; the largest code if there is none.
uint32_t tri_size_code(enum tri_operand_kind kind, uint64_t bytes);

// Bytes of the operation in canonical form.
size_t tri_op_size(const struct tri_op *op);

bool tri_op_equal(const struct tri_op *a, const struct tri_op *b);

// False: out of memory, the program is unchanged.
bool tri_program_append(struct tri_program *program, const struct tri_op *op);
void tri_program_free(struct tri_program *program);
bool tri_program_equal(const struct tri_program *a, const struct tri_program *b);

// The operations of any byte string, appended to the program. An operand beyond its limit is taken modulo the
// limit. False only when out of memory.
bool tri_program_decode(struct tri_program *program, const uint8_t *bytes, size_t size);

// The canonical byte form: all operand bytes are written out. Returns its size; writes it only if it fits into
// capacity. decode(encode(p)) equals p for every p whose operands are within their limits.
size_t tri_program_encode(const struct tri_program *program, uint8_t *bytes, size_t capacity);

#endif
