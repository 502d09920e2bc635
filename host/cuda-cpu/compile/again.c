/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/again.h"

#include "host/cuda-cpu/compile/live.h"
#include "host/cuda-cpu/compile/wait.h"
#include "host/cuda-cpu/ptx/instruction.h"

/* That are made again, lane by lane: more take longer than they save, where a warp often does so.
 */
#define LOADS_MAX 2

bool again_is_plain(const struct ptx_instruction *instruction)
{
    switch (instruction->opcode) {
    case PTX_LD:
        return !wait_looks_at_others(instruction);
    case PTX_ADD:
    case PTX_SUB:
    case PTX_MUL:
    case PTX_MAD:
        return !ptx_has_word(instruction, PTX_W_CC);
    case PTX_MOV:
    case PTX_FMA:
    case PTX_SHL:
    case PTX_SHR:
    case PTX_AND:
    case PTX_OR:
    case PTX_XOR:
    case PTX_NOT:
    case PTX_SETP:
    case PTX_SELP:
    case PTX_CVT:
    case PTX_CVTA:
        return true;
    default:
        return false;
    }
}

struct sets {
    const struct emitter *emitter;
    bool any_read; /* one that the block reads as it was before */
};

static void note(void *context, uint32_t reg)
{
    struct sets *sets = context;

    sets->any_read |= live_has(&sets->emitter->uniform.live, sets->emitter->block, reg);
}

/* Of functions that are very large it is not known what is read. */
static bool may_in(const struct emitter *emitter, const struct flow_block *block)
{
    return block->loop == FLOW_END && !emitter->options->is_checked && !emitter->waits &&
           emit_is_twice(emitter, emitter->block) && emitter->uniform.live.sets != NULL;
}

bool again_may(const struct emitter *emitter, uint32_t instruction)
{
    const struct flow_block *block = &emitter->flow->blocks[emitter->block];
    struct sets sets = {.emitter = emitter};
    bool is_possible = may_in(emitter, block);
    unsigned loads = 0;

    for (uint32_t i = block->first; i < instruction && is_possible; i++) {
        const struct ptx_instruction *before = &emitter->function->instructions[i];

        live_visit_set(before, note, &sets);
        loads += before->opcode == PTX_LD && !ptx_has_word(before, PTX_W_PARAM);
        is_possible = again_is_plain(before) && !sets.any_read && loads <= LOADS_MAX;
    }
    return is_possible;
}

bool again_gives_up(const struct emitter *emitter, uint32_t instruction)
{
    const struct whole_access *accesses = emitter->whole.accesses;

    return (accesses != NULL && accesses[instruction].leads) ||
           affine_is_checked(emitter, &emitter->function->instructions[instruction]);
}
