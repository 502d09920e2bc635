/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/rest.h"

#include <stdlib.h>

#include "host/cuda-cpu/compile/emitter.h"
#include "host/cuda-cpu/compile/wait.h"

#define KEPT_MAX 1024 /* bytes of a warp: what all have is to stay in the first cache */
#define FAR 16384     /* bytes */

/* It lies in memory meanwhile, or on a stack: but of carries. */
static bool takes_carry(const struct ptx_function *function)
{
    for (size_t i = 0; i < function->instruction_count; i++) {
        enum ptx_opcode opcode = function->instructions[i].opcode;

        if (opcode == PTX_ADDC || opcode == PTX_SUBC || opcode == PTX_MADC) {
            return true;
        }
    }
    return false;
}

/* A loop around no other one and no wait, whose accesses go on by a register: the first one's. */
static struct advance step_of(const struct emitter *emitter, uint32_t head)
{
    const struct flow_block *blocks = emitter->flow->blocks;
    struct advance step = {0};

    for (uint32_t i = head; i < blocks[head].loop_end; i++) {
        if (blocks[i].loop != head) {
            return (struct advance){0};
        }
        for (uint32_t j = blocks[i].first; j < blocks[i].end; j++) {
            const struct ptx_instruction *instruction = &emitter->function->instructions[j];

            if (wait_is_block_barrier(instruction) || wait_is_call(instruction)) {
                return (struct advance){0};
            }
            if (step.by == NULL) {
                step = emitter->whole.accesses[j].advance;
            }
        }
    }
    return step;
}

static uint32_t kept_at(const struct emitter *emitter, uint32_t head)
{
    uint32_t size = 0;

    for (uint32_t reg = 0; reg < emitter->function->register_count && size <= KEPT_MAX; reg++) {
        if (emitter->uniform.constants[reg] == NULL &&
            live_has(&emitter->uniform.live, head, reg)) {
            size += turns_size_of(emitter, reg);
        }
    }
    return size;
}

bool rest_create(const struct emitter *emitter, struct rest *rest)
{
    struct advance step;
    uint32_t size = 0;

    rest->steps = NULL;
    if (!emitter->function->is_entry || emitter->options->is_checked ||
        emitter->whole.accesses == NULL || emitter->uniform.live.sets == NULL ||
        takes_carry(emitter->function)) {
        return true;
    }
    for (uint32_t i = 0; i < emitter->flow->count; i++) {
        if (!emitter->flow->blocks[i].loop_end || !emit_is_twice(emitter, i) ||
            (step = step_of(emitter, i)).by == NULL) {
            continue;
        }
        size += kept_at(emitter, i);
        if (size > KEPT_MAX) {
            break;
        }
        if (rest->steps == NULL) {
            rest->steps = calloc(emitter->flow->count, sizeof(*rest->steps));
        }
        if (rest->steps == NULL) {
            return false;
        }
        rest->steps[i] = step;
    }
    return true;
}

void rest_destroy(struct rest *rest)
{
    free(rest->steps);
    rest->steps = NULL;
}

bool rest_is_at(const struct emitter *emitter, uint32_t block)
{
    return emitter->turns.has_rests && emitter->rest.steps[block].by != NULL;
}

bool rest_may(const struct emitter *emitter, uint32_t to)
{
    return to <= emitter->block && rest_is_at(emitter, to);
}

unsigned rest_goes_far(struct emitter *emitter, uint32_t head)
{
    const struct advance *step = &emitter->rest.steps[head];
    value by;

    emitter->is_narrow = true;
    by = emit_get(emitter, step->by, PTX_W_S64);
    emitter->is_narrow = false;
    by = emit_value(emitter, "mul i64 %%t%u, %lld", by, (long long)step->times);
    by = emit_value(emitter, "add i64 %%t%u, %d", by, FAR - 1);
    return emit_value(emitter, "icmp ugt i64 %%t%u, %d", by, 2 * (FAR - 1));
}
