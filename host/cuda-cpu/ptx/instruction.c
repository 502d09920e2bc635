/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptx/instruction.h"

bool ptx_has_word(const struct ptx_instruction *instruction, enum ptx_word word)
{
    for (unsigned i = 0; i < instruction->word_count; i++) {
        if (instruction->words[i] == word) {
            return true;
        }
    }
    return false;
}

enum ptx_word ptx_type_word(const struct ptx_instruction *instruction, unsigned index)
{
    for (unsigned i = 0; i < instruction->word_count; i++) {
        enum ptx_word word = (enum ptx_word)instruction->words[i];

        if (ptx_word_is_type(word) && !index--) {
            return word;
        }
    }
    return PTX_W_NONE;
}

bool ptx_is_long_integer(enum ptx_word type)
{
    enum ptx_kind kind = ptx_type_kind(type);

    return (kind == PTX_BITS || kind == PTX_UNSIGNED || kind == PTX_SIGNED) &&
           ptx_type_bits(type) >= 32;
}

bool ptx_is_plain_register(const struct ptx_operand *operand)
{
    return operand->kind == PTX_O_REGISTER && operand->select == NULL && operand->offset == 0;
}

unsigned ptx_vector_count(const struct ptx_instruction *instruction)
{
    return ptx_has_word(instruction, PTX_W_V2)   ? 2
           : ptx_has_word(instruction, PTX_W_V4) ? 4
           : ptx_has_word(instruction, PTX_W_V8) ? 8
                                                 : 1;
}
