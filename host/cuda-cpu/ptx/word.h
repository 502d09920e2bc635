/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of PTX: the names of instructions, and what follows them after dots (types, rounding,
 * state spaces and so on). PTX ISA, chapters 5 and 9.
 */
#ifndef CUDA_CPU_PTX_WORD_H
#define CUDA_CPU_PTX_WORD_H

#include <stdbool.h>
#include <stddef.h>

enum ptx_opcode {
#define OPCODE(name, text) PTX_##name,
#include "host/cuda-cpu/ptx/opcodes.def"
#undef OPCODE
    PTX_OPCODES
};

enum ptx_word {
    PTX_W_NONE,
#define TYPE(name, text, kind, bits) PTX_W_##name,
#define WORD(name, text) PTX_W_##name,
#include "host/cuda-cpu/ptx/words.def"
#undef TYPE
#undef WORD
    PTX_WORDS
};

/* What the bits of a type mean. PACKED: several values of another type in one register, which is
 * declared by its bits alone. OPAQUE: no register has it. */
enum ptx_kind {
    PTX_BITS,
    PTX_UNSIGNED,
    PTX_SIGNED,
    PTX_FLOAT,
    PTX_PACKED,
    PTX_PREDICATE,
    PTX_OPAQUE,
};

/* PTX_OPCODES, PTX_W_NONE: no such word. */
enum ptx_opcode ptx_opcode_find(const char *text, size_t length);
enum ptx_word ptx_word_find(const char *text, size_t length);

const char *ptx_opcode_name(enum ptx_opcode opcode);

/* Without the dot. */
const char *ptx_word_name(enum ptx_word word);

bool ptx_word_is_type(enum ptx_word word);

/* Of types only. Bits of a predicate: 1. */
enum ptx_kind ptx_type_kind(enum ptx_word type);
unsigned ptx_type_bits(enum ptx_word type);

#endif
