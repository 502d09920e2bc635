/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The forms of the instructions: which words an instruction may have behind its name, and which
 * operands go with them. One table for the checker, for error messages and for the tests, which
 * expand it.
 *
 * A row's words are a pattern in PTX ISA's manner: elements behind dots, each a word or a choice
 * of words in parentheses, optional with a question mark:
 *
 *     "(rn|rz|rm|rp)?.ftz?.sat?.f32"
 *
 * A star at the end stands for any further words; as the operands, for any.
 *
 * A row's operands, separated by blanks, are each a letter, a type and marks:
 *
 *     d    a register that is written
 *     D    one of twice the type's width
 *     a    a value: register or constant
 *     A    one of twice the type's width
 *     p    a predicate that is written
 *     c    a predicate that is read; !c: or its negation
 *     d|p  a register, and behind a bar a predicate; d|p? and p|p?: without the second as well
 *     v    registers that are written, w: values: as many as the word .v2, .v4 or .v8 says, or one
 *     f    a fragment of a matrix: registers in braces; written or read
 *     e    which lanes have the metadata of a sparse matrix: a constant
 *     m    an address in brackets
 *     k    a table: [texture, (sampler,) {coordinates}]
 *     i    a constant
 *     l    a label
 *     b    a table of labels
 *     s    a symbol or an address
 *     x    a list in braces
 *     h    a cache policy, which is there when .L2::cache_hint is among the words
 *
 * Its type is the first type among the words; the second with 1 behind the letter, the third with
 * 2, a fixed one as in "a=u32". A question mark at the end: it may be missing.
 */
#ifndef CUDA_CPU_PTX_FORM_H
#define CUDA_CPU_PTX_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "host/cuda-cpu/ptx/word.h"

struct ptx_form {
    enum ptx_opcode opcode;
    const char *words;
    const char *operands;
    const char *refused; /* why it cannot run here, or NULL */
};

/* In the order of the opcodes. */
extern const struct ptx_form ptx_forms[];
extern const size_t ptx_form_count;

/* Whether the words of an instruction fit the pattern. */
bool ptx_form_has_words(const struct ptx_form *form, const enum ptx_word *words, size_t count);

/* The first row of an opcode, and its next one; NULL: none. */
const struct ptx_form *ptx_form_first(enum ptx_opcode opcode);
const struct ptx_form *ptx_form_next(const struct ptx_form *form);

/* One operand of a row. */
struct ptx_operand_form {
    char letter;
    char second; /* 'p' behind a bar, or 0 */
    bool second_optional;
    bool optional;
    bool negatable; /* ! may stand before it */
    unsigned type_index;
    enum ptx_word type; /* PTX_W_NONE: by type_index */
};

/* Takes the next operand from *text; false at the end. */
bool ptx_form_next_operand(const char **text, struct ptx_operand_form *operand);

#endif
