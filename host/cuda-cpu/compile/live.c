/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/live.h"

#include <stdlib.h>
#include <string.h>

#define WORK_MAX 100000000 /* words, after which all registers count as read */

/* ---- The registers of an instruction ---- */

static void visit_operand(const struct ptx_operand *operand, live_visit *each, void *context)
{
    if (operand->kind == PTX_O_REGISTER) {
        each(context, operand->reg);
    }
    if (operand->kind == PTX_O_LIST || operand->kind == PTX_O_TABLE ||
        operand->kind == PTX_O_PAIR) {
        for (size_t i = 0; i < operand->count; i++) {
            visit_operand(&operand->items[i], each, context);
        }
    }
    if (operand->base != NULL) {
        visit_operand(operand->base, each, context);
    }
}

static bool sets_first(const struct ptx_instruction *instruction)
{
    return instruction->opcode == PTX_MOV ||
           (instruction->form != NULL && strchr("dDpvf", instruction->form->operands[0]) != NULL);
}

void live_visit_set(const struct ptx_instruction *instruction, live_visit *each, void *context)
{
    if (instruction->call != NULL) {
        visit_operand(&instruction->call[0], each, context);
    } else if (instruction->operand_count && sets_first(instruction)) {
        visit_operand(&instruction->operands[0], each, context);
    }
}

void live_visit_read(const struct ptx_instruction *instruction, live_visit *each, void *context)
{
    for (size_t i = sets_first(instruction) ? 1 : 0; i < instruction->operand_count; i++) {
        visit_operand(&instruction->operands[i], each, context);
    }
    for (size_t i = 1; instruction->call != NULL && i < 4; i++) {
        visit_operand(&instruction->call[i], each, context);
    }
    if (instruction->has_guard) {
        each(context, instruction->guard);
    }
}

void live_add(void *set, uint32_t reg)
{
    uint64_t *words = set;

    words[reg / 64] |= UINT64_C(1) << reg % 64;
}

struct search {
    uint32_t reg;
    bool found;
};

static void look_for(void *context, uint32_t reg)
{
    struct search *search = context;

    search->found |= reg == search->reg;
}

bool live_is_set(const struct ptx_instruction *instruction, uint32_t reg)
{
    struct search search = {reg, false};

    live_visit_set(instruction, look_for, &search);
    return search.found;
}

bool live_is_read(const struct ptx_instruction *instruction, uint32_t reg)
{
    struct search search = {reg, false};

    live_visit_read(instruction, look_for, &search);
    return search.found;
}

static void count(void *counts, uint32_t reg)
{
    ((uint32_t *)counts)[reg]++;
}

uint32_t *live_count_settings(const struct ptx_function *function)
{
    uint32_t *counts = calloc(function->register_count + 1, sizeof(*counts));

    for (size_t i = 0; counts != NULL && i < function->instruction_count; i++) {
        live_visit_set(&function->instructions[i], count, counts);
    }
    return counts;
}

const struct ptx_instruction *live_last_setting(const struct ptx_instruction *first,
                                                const struct ptx_instruction *before, uint32_t reg)
{
    while (before > first) {
        if (live_is_set(--before, reg)) {
            return before;
        }
    }
    return NULL;
}

/* ---- Sets of registers ---- */

/* The sets of one block while it is looked at: those read before they are set, and those set. */
struct block_sets {
    const struct ptx_function *function;
    uint64_t *before, *set;
};

static void note_read(void *context, uint32_t reg)
{
    const struct block_sets *sets = context;

    if (!(sets->set[reg / 64] >> reg % 64 & 1)) {
        live_add(sets->before, reg);
    }
}

/* Of a vector perhaps a part. */
static void note_set(void *context, uint32_t reg)
{
    const struct block_sets *sets = context;

    if (sets->function->registers[reg].vector == 1) {
        live_add(sets->set, reg);
    }
}

/* What is set under a guard may stay as it was. */
static void read_block(const struct flow_block *block, struct block_sets sets)
{
    for (uint32_t i = block->first; i < block->end; i++) {
        const struct ptx_instruction *instruction = &sets.function->instructions[i];

        live_visit_read(instruction, note_read, &sets);
        if (!instruction->has_guard) {
            live_visit_set(instruction, note_set, &sets);
        }
    }
}

/* What is read behind a block, and not set in it, is read from its start on. */
static bool take_over(const struct flow *flow, const struct live *live, uint32_t number,
                      const uint64_t *set)
{
    const struct flow_block *block = &flow->blocks[number];
    uint64_t *own = live->sets + number * live->words, more = 0;

    for (size_t i = 0; i <= block->target_count; i++) {
        uint32_t next = flow_successor(block, i);

        for (size_t word = 0; next < flow->count && word < live->words; word++) {
            uint64_t added = live->sets[next * live->words + word] & ~set[word];

            more |= added & ~own[word];
            own[word] |= added;
        }
    }
    return more != 0;
}

static void spread(const struct flow *flow, struct live *live, const uint64_t *set)
{
    size_t work = 0, round = flow->count * live->words;
    bool changed = true;

    while (changed && work < WORK_MAX) {
        changed = false;
        for (uint32_t i = (uint32_t)flow->count; i-- > 0;) {
            changed |= take_over(flow, live, i, set + i * live->words);
        }
        work += round;
    }
    if (changed) {
        memset(live->sets, 0xFF, round * sizeof(*live->sets));
    }
}

size_t live_size(const struct ptx_function *function, const struct flow *flow)
{
    return (function->register_count / 64 + 1) * flow->count;
}

bool live_create(const struct ptx_function *function, const struct flow *flow, struct live *live)
{
    size_t size = live_size(function, flow);
    uint64_t *set = calloc(size + 1, sizeof(*set));

    live->words = function->register_count / 64 + 1;
    live->sets = calloc(size + 1, sizeof(*live->sets));
    if (set == NULL || live->sets == NULL) {
        free(set);
        live_destroy(live);
        return false;
    }
    for (uint32_t i = 0; i < flow->count; i++) {
        struct block_sets sets = {function, live->sets + i * live->words, set + i * live->words};

        read_block(&flow->blocks[i], sets);
    }
    spread(flow, live, set);
    free(set);
    return true;
}

bool live_has(const struct live *live, size_t block, uint32_t reg)
{
    return live->sets[block * live->words + reg / 64] >> reg % 64 & 1;
}

void live_destroy(struct live *live)
{
    free(live->sets);
    live->sets = NULL;
}
