/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/first.h"

#include "host/cuda-cpu/compile/again.h"
#include "host/cuda-cpu/compile/emitter.h"
#include "host/cuda-cpu/compile/live.h"
#include "host/cuda-cpu/ptx/instruction.h"

static bool only_computes(const struct emitter *emitter, uint32_t number)
{
    const struct ptx_instruction *instruction = &emitter->function->instructions[number];

    return again_is_plain(instruction) && !instruction->has_guard &&
           (instruction->opcode != PTX_LD || uniform_is_parameter(&instruction->operands[1])) &&
           !affine_is_checked(emitter, instruction);
}

bool first_begins_anew(const struct emitter *emitter)
{
    const struct live *live = &emitter->uniform.live;
    uint32_t reg = 0;

    while (live->sets != NULL && reg < emitter->function->register_count &&
           !live_has(live, 0, reg)) {
        reg++;
    }
    return live->sets != NULL && reg == emitter->function->register_count;
}

/* At a barrier, and where lanes wait for each other, it is known of a warp whether it is whole. */
static bool is_looked_at(const struct emitter *emitter)
{
    return emitter->waits || emitter->turns.has_barrier || emitter->options->is_checked;
}

bool first_is_whole(const struct emitter *emitter)
{
    const struct flow_block *block = &emitter->flow->blocks[0];
    uint32_t end = block->end;
    bool is_whole = emitter->block == 0 && emitter->function->is_entry && block->loop == FLOW_END &&
                    emit_is_twice(emitter, 0) && !is_looked_at(emitter) &&
                    first_begins_anew(emitter);

    if (end > block->first && emitter->function->instructions[end - 1].opcode == PTX_BRA) {
        end--;
    }
    for (uint32_t i = block->first; i < end && is_whole; i++) {
        is_whole = only_computes(emitter, i);
    }
    return is_whole;
}
