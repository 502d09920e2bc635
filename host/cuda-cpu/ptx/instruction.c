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

unsigned ptx_vector_count(const struct ptx_instruction *instruction)
{
    return ptx_has_word(instruction, PTX_W_V2)   ? 2
           : ptx_has_word(instruction, PTX_W_V4) ? 4
           : ptx_has_word(instruction, PTX_W_V8) ? 8
                                                 : 1;
}
