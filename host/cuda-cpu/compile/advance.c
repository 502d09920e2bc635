/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/advance.h"

#include <stddef.h>

#include "host/cuda-cpu/ptx/instruction.h"

#define DEPTH_MAX 6 /* instructions that lead to an address */
#define TIMES_MAX (1 << 16)

struct loop {
    const struct ptx_function *function;
    const struct flow *flow;
    const struct uniform *uniform;
    uint32_t head, end; /* blocks */
};

/* The instructions of the loop that set a register, and the last of them. */
static size_t find_settings(const struct loop *loop, uint32_t reg,
                            const struct ptx_instruction **last)
{
    size_t count = 0;

    for (uint32_t block = loop->head; block < loop->end; block++) {
        for (uint32_t i = loop->flow->blocks[block].first; i < loop->flow->blocks[block].end; i++) {
            if (live_is_set(&loop->function->instructions[i], reg)) {
                *last = &loop->function->instructions[i];
                count++;
            }
        }
    }
    return count;
}

static bool stays(const struct loop *loop, const struct ptx_operand *operand)
{
    const struct ptx_instruction *setting;

    return operand->kind == PTX_O_REGISTER && !loop->uniform->differs[operand->reg] &&
           find_settings(loop, operand->reg, &setting) == 0;
}

static struct advance of_register(const struct loop *loop, uint32_t reg, unsigned depth);

static struct advance of_operand(const struct loop *loop, const struct ptx_operand *operand,
                                 unsigned depth)
{
    return operand->kind == PTX_O_REGISTER ? of_register(loop, operand->reg, depth)
                                           : (struct advance){0};
}

static struct advance scaled(struct advance advance, const struct ptx_operand *by, bool is_shift)
{
    if (advance.by == NULL || by->kind != PTX_O_INTEGER || by->bits > (is_shift ? 16 : TIMES_MAX)) {
        return (struct advance){0};
    }
    advance.times *= is_shift ? INT64_C(1) << by->bits : (int64_t)by->bits;
    return advance.times <= TIMES_MAX ? advance : (struct advance){0};
}

/* r = r + by; or a sum of which one part goes on. */
static struct advance of_sum(const struct loop *loop, const struct ptx_operand *operands,
                             unsigned depth)
{
    for (size_t i = 1; i < 3; i++) {
        const struct ptx_operand *other = &operands[3 - i];

        if (operands[i].kind == PTX_O_REGISTER && operands[i].reg == operands[0].reg &&
            stays(loop, other)) {
            return (struct advance){other, 1};
        }
    }
    for (size_t i = 1; i < 3; i++) {
        struct advance advance = of_operand(loop, &operands[i], depth);

        if (advance.by != NULL) {
            return advance;
        }
    }
    return (struct advance){0};
}

static struct advance of_register(const struct loop *loop, uint32_t reg, unsigned depth)
{
    const struct ptx_instruction *setting = NULL;
    const struct ptx_operand *operands;

    if (depth == 0 || find_settings(loop, reg, &setting) != 1 ||
        setting->operands[0].kind != PTX_O_REGISTER) {
        return (struct advance){0};
    }
    operands = setting->operands;
    switch (setting->opcode) {
    case PTX_ADD:
        return of_sum(loop, operands, depth - 1);
    case PTX_MOV:
    case PTX_CVT:
    case PTX_CVTA:
        return of_operand(loop, &operands[1], depth - 1);
    case PTX_MUL:
    case PTX_MAD:
        return scaled(of_operand(loop, &operands[1], depth - 1), &operands[2], false);
    case PTX_SHL:
        return scaled(of_operand(loop, &operands[1], depth - 1), &operands[2], true);
    default:
        return (struct advance){0};
    }
}

struct advance advance_of(const struct ptx_function *function, const struct flow *flow,
                          const struct uniform *uniform, uint32_t block, uint32_t reg)
{
    uint32_t head = flow->blocks[block].loop;
    struct loop loop = {function, flow, uniform, head, 0};

    if (head == FLOW_END) {
        return (struct advance){0};
    }
    loop.end = flow->blocks[head].loop_end;
    return of_register(&loop, reg, DEPTH_MAX);
}
