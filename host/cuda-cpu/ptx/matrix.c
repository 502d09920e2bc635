/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptx/matrix.h"

#include "host/cuda-cpu/ptx/instruction.h"

#define LANES 32

enum matrix { MATRIX_A, MATRIX_B, MATRIX_C };

struct shape {
    unsigned m, n, k;
};

/* From a word such as m16n8k16. */
static struct shape shape_of(const struct ptx_instruction *instruction)
{
    struct shape shape = {0};

    for (unsigned i = 0; i < instruction->word_count && !shape.k; i++) {
        const char *text = ptx_word_name((enum ptx_word)instruction->words[i]);
        unsigned *parts[] = {&shape.m, &shape.n, &shape.k};
        static const char letters[] = "mnk";

        for (unsigned part = 0; part < 3 && *text == letters[part]; part++) {
            for (text++; *text >= '0' && *text <= '9'; text++) {
                *parts[part] = *parts[part] * 10 + (unsigned)(*text - '0');
            }
        }
    }
    return shape;
}

static unsigned elements(struct shape shape, enum matrix matrix)
{
    switch (matrix) {
    case MATRIX_A:
        return shape.m * shape.k / LANES;
    case MATRIX_B:
        return shape.k * shape.n / LANES;
    default:
        return shape.m * shape.n / LANES;
    }
}

static struct ptx_fragment pack(unsigned count, enum ptx_word type)
{
    unsigned bits = ptx_type_bits(type);
    struct ptx_fragment fragment = {.registers = count, .register_bits = bits == 64 ? 64 : 32};

    if (bits < 32) {
        fragment.registers = (count * bits + 31) / 32;
    }
    return fragment;
}

/* m8n8k4 of halves is four products beside each other. */
static struct ptx_fragment mma_fragment(const struct ptx_instruction *instruction, size_t operand)
{
    struct shape shape = shape_of(instruction);
    enum ptx_word type = ptx_type_word(instruction, (unsigned)operand);
    enum matrix matrix = operand == 1 ? MATRIX_A : operand == 2 ? MATRIX_B : MATRIX_C;
    bool is_four = shape.m == 8 && shape.k == 4 && ptx_type_word(instruction, 1) == PTX_W_F16;

    return pack(elements(shape, matrix) * (is_four ? 4 : 1), type);
}

/* Halves of A and B come twice. */
static struct ptx_fragment wmma_factor(struct shape shape, enum matrix matrix, enum ptx_word type)
{
    if (type == PTX_W_F16) {
        return (struct ptx_fragment){8, 32};
    }
    return pack(elements(shape, matrix), type);
}

static struct ptx_fragment wmma_fragment(const struct ptx_instruction *instruction, size_t operand)
{
    struct shape shape = shape_of(instruction);

    if (!ptx_has_word(instruction, PTX_W_MMA)) { /* load or store */
        enum ptx_word type = ptx_type_word(instruction, 0);
        enum matrix matrix = ptx_has_word(instruction, PTX_W_A)   ? MATRIX_A
                             : ptx_has_word(instruction, PTX_W_B) ? MATRIX_B
                                                                  : MATRIX_C;

        return matrix == MATRIX_C ? pack(elements(shape, matrix), type)
                                  : wmma_factor(shape, matrix, type);
    }
    if (ptx_type_word(instruction, 2) == PTX_W_NONE) { /* of halves: only D and C are named */
        return operand == 1 || operand == 2
                   ? (struct ptx_fragment){8, 32}
                   : pack(elements(shape, MATRIX_C), ptx_type_word(instruction, operand == 3));
    }
    if (operand == 1 || operand == 2) {
        return wmma_factor(shape, operand == 1 ? MATRIX_A : MATRIX_B,
                           ptx_type_word(instruction, (unsigned)operand));
    }
    return pack(elements(shape, MATRIX_C), ptx_type_word(instruction, operand ? 3 : 0));
}

struct ptx_fragment ptx_fragment_of(const struct ptx_instruction *instruction, size_t operand)
{
    switch (instruction->opcode) {
    case PTX_MMA:
        return mma_fragment(instruction, operand);
    case PTX_WMMA:
        return wmma_fragment(instruction, operand);
    default: /* ldmatrix, stmatrix */
        return (struct ptx_fragment){ptx_has_word(instruction, PTX_W_X4)   ? 4
                                     : ptx_has_word(instruction, PTX_W_X2) ? 2
                                                                           : 1,
                                     32};
    }
}
