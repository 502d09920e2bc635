/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptx/matrix.h"

#include "host/cuda-cpu/ptx/instruction.h"

#define LANES 32

struct ptx_shape ptx_shape_of(const struct ptx_instruction *instruction)
{
    struct ptx_shape shape = {0};

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

static bool is_product(const struct ptx_instruction *instruction)
{
    return instruction->opcode == PTX_MMA || ptx_has_word(instruction, PTX_W_MMA);
}

enum ptx_matrix ptx_matrix_of(const struct ptx_instruction *instruction, size_t operand)
{
    if (is_product(instruction)) {
        return operand == 1 ? PTX_MATRIX_A : operand == 2 ? PTX_MATRIX_B : PTX_MATRIX_C;
    }
    return ptx_has_word(instruction, PTX_W_A)   ? PTX_MATRIX_A
           : ptx_has_word(instruction, PTX_W_B) ? PTX_MATRIX_B
                                                : PTX_MATRIX_C;
}

/* Where wmma names only D and C, A and B are of halves. */
enum ptx_word ptx_element_of(const struct ptx_instruction *instruction, size_t operand)
{
    if (!is_product(instruction)) {
        return ptx_type_word(instruction, 0);
    }
    if (ptx_type_word(instruction, 2) == PTX_W_NONE) {
        return operand == 1 || operand == 2 ? PTX_W_F16 : ptx_type_word(instruction, operand == 3);
    }
    return ptx_type_word(instruction, (unsigned)operand);
}

bool ptx_is_sparse(const struct ptx_instruction *instruction)
{
    return ptx_has_word(instruction, PTX_W_SP) ||
           ptx_has_word(instruction, PTX_W_SP_ORDERED_METADATA);
}

/* Four lanes have that of two rows: four bits for each chunk, which is two elements of tf32, eight
 * of 4 bits, and of others four. */
unsigned ptx_metadata_lanes(const struct ptx_instruction *instruction)
{
    unsigned bits = ptx_type_bits(ptx_element_of(instruction, 1));
    unsigned chunk = (bits < 16 ? 32 : 64) / bits;

    return ptx_shape_of(instruction).k / chunk / 4;
}

static unsigned elements(struct ptx_shape shape, enum ptx_matrix matrix)
{
    switch (matrix) {
    case PTX_MATRIX_A:
        return shape.m * shape.k / LANES;
    case PTX_MATRIX_B:
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
    struct ptx_shape shape = ptx_shape_of(instruction);
    enum ptx_matrix matrix = ptx_matrix_of(instruction, operand);
    bool is_four = shape.m == 8 && shape.k == 4 && ptx_type_word(instruction, 1) == PTX_W_F16;

    if (matrix == PTX_MATRIX_A && ptx_is_sparse(instruction)) {
        shape.k /= 2;
    }
    return pack(elements(shape, matrix) * (is_four ? 4 : 1), ptx_element_of(instruction, operand));
}

/* Halves of A and B come twice. */
static struct ptx_fragment wmma_fragment(const struct ptx_instruction *instruction, size_t operand)
{
    enum ptx_matrix matrix = ptx_matrix_of(instruction, operand);
    enum ptx_word type = ptx_element_of(instruction, operand);

    if (matrix != PTX_MATRIX_C && type == PTX_W_F16) {
        return (struct ptx_fragment){8, 32};
    }
    return pack(elements(ptx_shape_of(instruction), matrix), type);
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
