/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/step.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/ptx/instruction.h"

#define NOT_SEEN INT64_MAX /* no instruction that sets it was looked at */
#define STEP_MAX (1 << 20)
#define ROUNDS 8 /* loops within loops; what has not settled then is guessed wrong */

static int64_t limited(int64_t step)
{
    return step < -STEP_MAX || step > STEP_MAX ? STEP_UNKNOWN : step;
}

static int64_t of_operand(const struct step *step, const struct ptx_operand *operand)
{
    int64_t most = 0;

    switch (operand->kind) {
    case PTX_O_REGISTER:
        return step->steps[operand->reg];
    case PTX_O_SPECIAL:
        return (operand->special.name == PTX_SR_TID && operand->special.component == 0) ||
               operand->special.name == PTX_SR_LANEID;
    case PTX_O_LIST:
    case PTX_O_PAIR:
        for (size_t i = 0; i < operand->count; i++) {
            most = of_operand(step, &operand->items[i]) == 0 ? most : STEP_UNKNOWN;
        }
        return most;
    case PTX_O_ADDRESS:
        return operand->base != NULL ? of_operand(step, operand->base) : 0;
    default:
        return 0;
    }
}

static bool is_known(int64_t step)
{
    return step != STEP_UNKNOWN && step != NOT_SEEN;
}

static int64_t sum(int64_t a, int64_t b, int64_t sign)
{
    return !is_known(a) ? a : !is_known(b) ? b : limited(a + sign * b);
}

static int64_t times(const struct ptx_operand *a, int64_t step_a, const struct ptx_operand *b,
                     int64_t step_b)
{
    if (!is_known(step_a) || !is_known(step_b)) {
        return is_known(step_a) ? step_b : step_a;
    }
    if (b->kind == PTX_O_INTEGER && b->bits <= STEP_MAX) {
        return limited(step_a * (int64_t)b->bits);
    }
    if (a->kind == PTX_O_INTEGER && a->bits <= STEP_MAX) {
        return limited(step_b * (int64_t)a->bits);
    }
    return step_a == 0 && step_b == 0 ? 0 : STEP_UNKNOWN;
}

/* A mask of low bits keeps the steps within a row. */
static int64_t masked(const struct ptx_operand *b, int64_t step_a, int64_t step_b)
{
    bool keeps_low = b->kind == PTX_O_INTEGER && b->bits >= 7 && (b->bits & (b->bits + 1)) == 0;

    return keeps_low || (step_a == 0 && step_b == 0) ? step_a : STEP_UNKNOWN;
}

static int64_t of_others(const struct step *step, const struct ptx_instruction *instruction)
{
    int64_t all = 0;

    for (size_t i = 1; i < instruction->operand_count; i++) {
        int64_t one = of_operand(step, &instruction->operands[i]);

        all = one == 0 ? all : one == NOT_SEEN && all == 0 ? NOT_SEEN : STEP_UNKNOWN;
    }
    return all;
}

static bool is_integer(const struct ptx_instruction *instruction)
{
    return ptx_type_kind(ptx_type_word(instruction, 0)) != PTX_FLOAT;
}

static int64_t of_result(const struct step *step, const struct ptx_instruction *instruction)
{
    const struct ptx_operand *operands = instruction->operands;
    int64_t a = instruction->operand_count > 1 ? of_operand(step, &operands[1]) : 0;
    int64_t b = instruction->operand_count > 2 ? of_operand(step, &operands[2]) : 0;

    if (!is_integer(instruction)) {
        return of_others(step, instruction);
    }
    switch (instruction->opcode) {
    case PTX_MOV:
    case PTX_CVT:
    case PTX_CVTA:
        return a;
    case PTX_ADD:
    case PTX_OR: /* of bits that the other has not */
        return sum(a, b, 1);
    case PTX_SUB:
        return sum(a, b, -1);
    case PTX_MUL:
        return times(&operands[1], a, &operands[2], b);
    case PTX_MAD:
        return sum(times(&operands[1], a, &operands[2], b), of_operand(step, &operands[3]), 1);
    case PTX_SHL:
        return is_known(a) && operands[2].kind == PTX_O_INTEGER && operands[2].bits < 20
                   ? limited(a * (INT64_C(1) << operands[2].bits))
                   : of_others(step, instruction);
    case PTX_AND:
        return masked(&operands[2], a, b);
    case PTX_ATOM:
    case PTX_SHFL:
        return STEP_UNKNOWN;
    default:
        return of_others(step, instruction);
    }
}

static bool set_step(struct step *step, uint32_t reg, int64_t found)
{
    int64_t *now = &step->steps[reg], before = *now;

    if (found != NOT_SEEN) {
        *now = before == NOT_SEEN || before == found ? found : STEP_UNKNOWN;
    }
    return *now != before;
}

static bool look_at(struct step *step, const struct ptx_instruction *instruction)
{
    const struct ptx_operand *result = instruction->operands;
    bool changed = false;

    if (instruction->operand_count == 0) {
        return false;
    }
    if (result->kind == PTX_O_REGISTER) {
        return set_step(step, result->reg, of_result(step, instruction));
    }
    for (size_t i = 0;
         (result->kind == PTX_O_LIST || result->kind == PTX_O_PAIR) && i < result->count; i++) {
        if (result->items[i].kind == PTX_O_REGISTER) {
            changed |= set_step(step, result->items[i].reg, of_others(step, instruction));
        }
    }
    return changed;
}

bool step_create(const struct ptx_function *function, const struct uniform *uniform,
                 struct step *step)
{
    bool changed = true;

    step->steps = calloc(function->register_count + 1, sizeof(*step->steps));
    if (step->steps == NULL) {
        return false;
    }
    for (size_t i = 0; i < function->register_count; i++) {
        step->steps[i] = uniform->differs[i] ? NOT_SEEN : 0;
    }
    for (unsigned round = 0; round < ROUNDS && changed; round++) {
        changed = false;
        for (size_t i = 0; i < function->instruction_count; i++) {
            changed |= look_at(step, &function->instructions[i]);
        }
    }
    return true;
}

void step_destroy(struct step *step)
{
    free(step->steps);
    memset(step, 0, sizeof(*step));
}
