/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/scaled.h"

#include <stddef.h>

#include "host/cuda-cpu/ptx/instruction.h"

#define TIMES_MAX (1 << 16)

struct finder {
    const struct ptx_function *function;
    const struct flow_block *block;
    const struct uniform *uniform;
    uint32_t reader; /* the instruction that reads what is found, as it was */
};

/* Of the block, before the reader. */
static const struct ptx_instruction *find_setting(const struct finder *finder, uint32_t reg)
{
    const struct ptx_instruction *instructions = finder->function->instructions;

    return live_last_setting(instructions + finder->block->first, instructions + finder->reader,
                             reg);
}

/* It still has the value that an instruction before the reader found. */
static bool stays(const struct finder *finder, const struct ptx_operand *operand,
                  const struct ptx_instruction *since)
{
    const struct ptx_instruction *setting = find_setting(finder, operand->reg);

    return setting == NULL || setting < since;
}

static bool is_base(const struct finder *finder, const struct ptx_operand *operand)
{
    return ptx_is_plain_register(operand) && !finder->uniform->differs[operand->reg] &&
           finder->uniform->constants[operand->reg] == NULL;
}

static bool is_address_sum(const struct ptx_instruction *instruction)
{
    enum ptx_word type = ptx_type_word(instruction, 0);

    return instruction->opcode == PTX_ADD && ptx_type_bits(type) == 64 &&
           ptx_type_kind(type) != PTX_FLOAT;
}

/* index * times of twice the bits. */
static struct scaled of_product(const struct finder *finder, const struct ptx_instruction *product)
{
    const struct ptx_operand *operands = product->operands;
    enum ptx_word type = ptx_type_word(product, 0);

    if (product->has_guard || !ptx_has_word(product, PTX_W_WIDE) || ptx_type_bits(type) != 32 ||
        !ptx_is_plain_register(&operands[0]) || !ptx_is_plain_register(&operands[1]) ||
        ptx_type_bits(finder->function->registers[operands[1].reg].type) != 32 ||
        operands[2].kind != PTX_O_INTEGER || operands[2].bits > TIMES_MAX ||
        !stays(finder, &operands[1], product)) {
        return (struct scaled){0};
    }
    return (struct scaled){.index = &operands[1],
                           .is_signed = ptx_type_kind(type) == PTX_SIGNED,
                           .times = (int64_t)operands[2].bits};
}

static struct scaled of_sum(const struct finder *finder, const struct ptx_instruction *sum)
{
    for (size_t i = 1; i < 3; i++) {
        const struct ptx_operand *base = &sum->operands[i], *other = &sum->operands[3 - i];
        const struct ptx_instruction *product;
        struct scaled scaled;

        if (!is_base(finder, base) || !ptx_is_plain_register(other) || !stays(finder, base, sum) ||
            !stays(finder, other, sum)) {
            continue;
        }
        product = find_setting(finder, other->reg);
        if (product == NULL || product->opcode != PTX_MUL) {
            continue;
        }
        scaled = of_product(finder, product);
        scaled.base = base;
        return scaled;
    }
    return (struct scaled){0};
}

struct scaled scaled_of(const struct ptx_function *function, const struct flow_block *block,
                        const struct uniform *uniform, uint32_t instruction, uint32_t reg)
{
    const struct finder finder = {function, block, uniform, instruction};
    const struct ptx_instruction *setting = find_setting(&finder, reg);
    struct scaled scaled;

    if (setting == NULL || setting->has_guard || !ptx_is_plain_register(&setting->operands[0])) {
        return (struct scaled){0};
    }
    if (is_address_sum(setting)) {
        return of_sum(&finder, setting);
    }
    if (setting->opcode != PTX_MAD || !is_base(&finder, &setting->operands[3]) ||
        !stays(&finder, &setting->operands[3], setting)) {
        return (struct scaled){0};
    }
    scaled = of_product(&finder, setting);
    scaled.base = &setting->operands[3];
    return scaled;
}
