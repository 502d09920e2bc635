/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/aside.h"

#include "host/cuda-cpu/compile/again.h"
#include "host/cuda-cpu/compile/live.h"
#include "host/cuda-cpu/compile/wait.h"
#include "host/cuda-cpu/ptx/instruction.h"

#define LENGTH_MAX 16 /* instructions: the code is there once more */

static bool is_jump(const struct ptx_instruction *instruction)
{
    return instruction->opcode == PTX_BRA && !instruction->has_guard;
}

uint32_t aside_end(const struct emitter *emitter, uint32_t block)
{
    const struct flow_block *of = &emitter->flow->blocks[block];

    return is_jump(&emitter->function->instructions[of->end - 1]) ? of->targets[0] : of->next;
}

/* In line, and of any of the lanes. */
static bool is_access(const struct emitter *emitter, uint32_t instruction)
{
    const struct whole_access *access = &emitter->whole.accesses[instruction];

    if (!access->is_planned || access->is_atomic || access->kind == WHOLE_SCATTERED) {
        return false;
    }
    return !access->is_store || access->kind == WHOLE_UNIFORM ||
           (access->kind == WHOLE_ROWS && access->count == 1 &&
            emitter->options->row == WARP_LANES && (access->is_shared || access->size >= 4));
}

static bool is_plain(const struct emitter *emitter, uint32_t instruction)
{
    const struct ptx_instruction *of = &emitter->function->instructions[instruction];

    switch (of->opcode) {
    case PTX_LD:
        return ptx_has_word(of, PTX_W_PARAM) || is_access(emitter, instruction);
    case PTX_ST:
        return is_access(emitter, instruction);
    default:
        return again_is_plain(of);
    }
}

struct sets {
    const struct emitter *emitter;
    uint32_t block, end;
    bool any_other; /* one in steps that other lanes have otherwise, or that is set anew */
};

static void note(void *context, uint32_t reg)
{
    struct sets *sets = context;
    const struct live *live = &sets->emitter->uniform.live;

    sets->any_other |= affine_is_one(sets->emitter, reg) &&
                       (live_has(live, sets->block, reg) || live_has(live, sets->end, reg));
}

static bool can_be(const struct emitter *emitter, uint32_t block, uint32_t end)
{
    const struct flow_block *of = &emitter->flow->blocks[block];
    struct sets sets = {.emitter = emitter, .block = block, .end = end};
    uint32_t last = of->end - is_jump(&emitter->function->instructions[of->end - 1]);

    if (of->end - of->first > LENGTH_MAX) {
        return false;
    }
    for (uint32_t i = of->first; i < last; i++) {
        const struct ptx_instruction *instruction = &emitter->function->instructions[i];

        if (instruction->has_guard || !is_plain(emitter, i)) {
            return false;
        }
        live_visit_set(instruction, note, &sets);
    }
    return !sets.any_other;
}

bool aside_leads(const struct emitter *emitter, uint32_t block, uint32_t other)
{
    return emitter->whole.accesses != NULL && emitter->uniform.live.sets != NULL &&
           !emitter->options->is_checked && !emitter->waits && block < other &&
           other < emitter->flow->count && emit_is_twice(emitter, block) &&
           aside_end(emitter, block) == other && can_be(emitter, block, other);
}

bool aside_is(const struct emitter *emitter, uint32_t block)
{
    uint32_t end = aside_end(emitter, block);
    bool found = false;

    for (uint32_t i = 0; i < block && !found; i++) {
        const struct flow_block *from = &emitter->flow->blocks[i];
        const struct ptx_instruction *last = &emitter->function->instructions[from->end - 1];
        bool is_branch = last->opcode == PTX_BRA && last->has_guard &&
                         emitter->uniform.differs[last->guard] && emit_is_twice(emitter, i);

        found = is_branch && ((from->targets[0] == block && from->next == end) ||
                              (from->targets[0] == end && from->next == block));
    }
    return found && aside_leads(emitter, block, end);
}
