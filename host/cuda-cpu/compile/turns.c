/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/turns.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/compile/kernel.h"
#include "host/cuda-cpu/compile/emitter.h"
#include "host/cuda-cpu/compile/wait.h"
#include "host/cuda-cpu/ptx/instruction.h"

#define KEPT_MAX (1u << 16) /* bytes of a warp: more is slower than stacks */
#define LINE 64             /* alignment of vectors */
#define HEAD 16             /* bytes before a warp's registers: emit_turns.c */
#define HEAD_OF_RESTS 24

struct planner {
    const struct emitter *emitter;
    const struct ptx_function *function;
    const struct flow *flow;
    const struct uniform *uniform;
    struct turns *turns;
    const struct ptx_operand *barrier; /* its number; NULL: none was met */
};

/* ---- Whether it can be ---- */

static bool is_in_loop(const struct planner *planner, uint32_t block)
{
    return planner->flow->blocks[block].loop != FLOW_END;
}

/* All threads of the block, at one barrier of a constant number. */
static bool is_plain_barrier(struct planner *planner, const struct ptx_instruction *instruction)
{
    const struct ptx_operand *number = &instruction->operands[0];

    if (instruction->operand_count != 1 || instruction->has_guard ||
        number->kind != PTX_O_INTEGER || number->bits != 0 ||
        ptx_has_word(instruction, PTX_W_ARRIVE) || ptx_has_word(instruction, PTX_W_RED)) {
        return false;
    }
    planner->turns->has_barrier = true;
    return true;
}

static bool is_read(const struct ptx_function *function, uint32_t reg)
{
    for (size_t i = 0; i < function->instruction_count; i++) {
        if (live_is_read(&function->instructions[i], reg)) {
            return true;
        }
    }
    return false;
}

/* A loop that it is in may wait for others. */
static bool may_poll(const struct planner *planner, const struct ptx_instruction *instruction)
{
    const struct ptx_operand *result = instruction->operands; /* NULL: it has none */

    if (!wait_looks_at_others(instruction)) {
        return false;
    }
    return instruction->opcode != PTX_ATOM ||
           (result->kind != PTX_O_SINK &&
            (result->kind != PTX_O_REGISTER || is_read(planner->function, result->reg)));
}

static bool is_guarded_apart(const struct planner *planner,
                             const struct ptx_instruction *instruction)
{
    return instruction->has_guard && planner->uniform->differs[instruction->guard];
}

static bool can_be_inside(struct planner *planner, uint32_t block,
                          const struct ptx_instruction *instruction)
{
    bool is_apart = planner->uniform->apart[block];

    switch (instruction->opcode) {
    case PTX_NANOSLEEP:
    case PTX_ALLOCA:
    case PTX_STACKSAVE:
    case PTX_STACKRESTORE:
        return false;
    case PTX_BAR:
    case PTX_BARRIER:
        if (ptx_has_word(instruction, PTX_W_CLUSTER)) {
            return ptx_has_word(instruction, PTX_W_ARRIVE);
        }
        return !is_apart &&
               (ptx_has_word(instruction, PTX_W_WARP) ? !is_guarded_apart(planner, instruction)
                                                      : is_plain_barrier(planner, instruction));
    default:
        return !wait_is_call(instruction) &&
               !(wait_is_of_lanes(instruction) &&
                 (is_apart || is_guarded_apart(planner, instruction))) &&
               !(is_in_loop(planner, block) && may_poll(planner, instruction));
    }
}

static bool can_all_be_inside(struct planner *planner)
{
    for (uint32_t i = 0; i < planner->flow->count; i++) {
        const struct flow_block *block = &planner->flow->blocks[i];

        for (uint32_t j = block->first; j < block->end; j++) {
            if (!can_be_inside(planner, i, &planner->function->instructions[j])) {
                return false;
            }
        }
    }
    return true;
}

/* ---- What is kept ---- */

static bool is_stop(const struct planner *planner, uint32_t block)
{
    const struct ptx_instruction *last =
        &planner->function->instructions[planner->flow->blocks[block].end - 1];

    return wait_is_block_barrier(last);
}

/* Whether it runs more than once in a turn: the loop around it has no barrier. */
static bool runs_again(const struct planner *planner, uint32_t block)
{
    uint32_t loop = planner->flow->blocks[block].loop;

    if (loop == FLOW_END) {
        return false;
    }
    for (uint32_t i = loop; i < planner->flow->blocks[loop].loop_end; i++) {
        if (is_stop(planner, i)) {
            return false;
        }
    }
    return true;
}

static bool add(uint64_t *to, const uint64_t *from, size_t words)
{
    uint64_t more = 0;

    for (size_t i = 0; i < words; i++) {
        more |= from[i] & ~to[i];
        to[i] |= from[i];
    }
    return more != 0;
}

static void note_own(const struct planner *planner)
{
    struct turns *turns = planner->turns;

    for (uint32_t i = 0; i < planner->flow->count; i++) {
        const struct flow_block *block = &planner->flow->blocks[i];
        size_t at = i * turns->live.words;
        uint64_t *set = (runs_again(planner, i) ? turns->late : turns->now) + at;

        for (uint32_t j = block->first; j < block->end; j++) {
            const struct ptx_instruction *instruction = &planner->function->instructions[j];

            live_visit_set(instruction, live_add, set);
            live_visit_set(instruction, live_add, turns->own + at);
            live_visit_read(instruction, live_add, turns->own + at);
        }
        add(turns->used + at, turns->own + at, turns->live.words);
    }
}

/* From block to block, but not over the end of a turn. */
static bool spread(const struct planner *planner, uint32_t number, uint64_t *sets, bool backward)
{
    const struct flow_block *block = &planner->flow->blocks[number];
    size_t words = planner->turns->live.words;
    uint64_t *own = sets + number * words;
    bool changed = false;

    for (size_t i = 0; i <= block->target_count && !is_stop(planner, number); i++) {
        uint32_t next = i < block->target_count ? block->targets[i] : block->next;

        if (next < planner->flow->count) {
            uint64_t *other = sets + next * words;

            changed |= backward ? add(own, other, words) : add(other, own, words);
        }
    }
    return changed;
}

static void spread_all(const struct planner *planner, uint64_t *sets, bool backward)
{
    uint32_t count = (uint32_t)planner->flow->count;
    bool changed = true;

    while (changed) {
        changed = false;
        for (uint32_t i = 0; i < count; i++) {
            changed |= spread(planner, backward ? count - 1 - i : i, sets, backward);
        }
    }
}

/* What a turn puts into memory it takes from there, if it did not set it. A rest changes none of
 * the sets: what is read behind it is read in this turn, or behind a stop that it leads to. */
static void find_sets(const struct planner *planner)
{
    struct turns *turns = planner->turns;
    size_t words = turns->live.words;

    note_own(planner);
    spread_all(planner, turns->late, false);
    for (uint32_t i = 0; i < planner->flow->count; i++) {
        if (is_stop(planner, i)) {
            add(turns->now + i * words, turns->late + i * words, words);
            add(turns->used + i * words, turns->late + i * words, words);
        }
    }
    spread_all(planner, turns->used, true);
}

static bool has(const struct turns *turns, const uint64_t *sets, uint32_t block, uint32_t reg)
{
    return sets[block * turns->live.words + reg / 64] >> reg % 64 & 1;
}

bool turns_takes(const struct turns *turns, uint32_t block, uint32_t reg)
{
    return turns->places[reg] && !turns->near[reg] && live_has(&turns->live, block, reg) &&
           has(turns, turns->used, block, reg);
}

bool turns_is_near(const struct turns *turns, uint32_t reg)
{
    return turns->near[reg];
}

bool turns_uses(const struct turns *turns, uint32_t block, uint32_t reg)
{
    return has(turns, turns->own, block, reg);
}

bool turns_has_still(const struct turns *turns, uint32_t block, uint32_t reg)
{
    return turns_are_taken(turns) && turns->places[reg] && !has(turns, turns->now, block, reg) &&
           !has(turns, turns->late, block, reg);
}

bool turns_leaves(const struct turns *turns, const struct flow *flow, uint32_t block, uint32_t reg)
{
    const struct flow_block *of = &flow->blocks[block];

    if (!turns->places[reg] || !has(turns, turns->now, block, reg)) {
        return false;
    }
    for (size_t i = 0; i <= of->target_count; i++) {
        uint32_t next = i < of->target_count ? of->targets[i] : of->next;

        if (next < flow->count && live_has(&turns->live, next, reg)) {
            return true;
        }
    }
    return false;
}

bool turns_leaves_late(const struct turns *turns, uint32_t block, uint32_t head, uint32_t reg)
{
    return turns->places[reg] && has(turns, turns->late, block, reg) &&
           live_has(&turns->live, head, reg);
}

static uint32_t up(uint32_t size, uint32_t alignment)
{
    return (size + alignment - 1) / alignment * alignment;
}

static uint32_t bytes_of(const struct emitter *emitter, uint32_t reg)
{
    return (ptx_type_bits(emitter->function->registers[reg].type) + 7) / 8;
}

uint32_t turns_alignment(const struct emitter *emitter, uint32_t reg)
{
    return emitter->uniform.differs[reg] ? LINE : bytes_of(emitter, reg);
}

uint32_t turns_part_size(const struct emitter *emitter, uint32_t reg)
{
    uint32_t size = bytes_of(emitter, reg);

    return emitter->uniform.differs[reg] ? up(size * WARP_LANES, LINE) : size;
}

uint32_t turns_size_of(const struct emitter *emitter, uint32_t reg)
{
    return affine_is_one(emitter, reg)
               ? affine_bases(emitter, reg) * (uint32_t)sizeof(uint64_t)
               : turns_part_size(emitter, reg) * emitter->function->registers[reg].vector;
}

static bool stays(const struct planner *planner, uint32_t reg)
{
    for (uint32_t i = 0; planner->uniform->constants[reg] == NULL && i < planner->flow->count;
         i++) {
        uint32_t next = planner->flow->blocks[i].next;

        if ((is_stop(planner, i) && next < planner->flow->count &&
             live_has(&planner->turns->live, next, reg)) ||
            (rest_is_at(planner->emitter, i) && live_has(&planner->turns->live, i, reg))) {
            return true;
        }
    }
    return false;
}

static uint32_t place(struct turns *turns, uint32_t size, uint32_t alignment)
{
    uint32_t at = up(turns->warp_size, alignment);

    turns->warp_size = at + size;
    return at;
}

static void place_lanes(const struct planner *planner, uint32_t reg)
{
    const struct emitter *emitter = planner->emitter;

    planner->turns->places[reg] = place(
        planner->turns, turns_part_size(emitter, reg) * planner->function->registers[reg].vector,
        turns_alignment(emitter, reg));
}

static void place_bases(const struct planner *planner, uint32_t reg)
{
    if (affine_is_one(planner->emitter, reg)) {
        planner->turns->bases[reg] =
            place(planner->turns, affine_bases(planner->emitter, reg) * sizeof(uint64_t),
                  sizeof(uint64_t));
    }
}

/* Scalars lie together: what all warps have is to stay in the first cache. */
static void place_registers(const struct planner *planner)
{
    uint32_t count = (uint32_t)planner->function->register_count;

    planner->turns->warp_size = planner->turns->has_rests ? HEAD_OF_RESTS : HEAD;
    for (uint32_t reg = 0; reg < count; reg++) {
        if (!stays(planner, reg)) {
            continue;
        }
        place_bases(planner, reg);
        if (!planner->uniform->differs[reg]) {
            place_lanes(planner, reg);
        }
    }
    for (uint32_t reg = 0; reg < count; reg++) {
        if (planner->uniform->differs[reg] && stays(planner, reg)) {
            place_lanes(planner, reg);
        }
    }
    planner->turns->warp_size = up(planner->turns->warp_size, LINE);
}

static void find_near(const struct planner *planner)
{
    struct turns *turns = planner->turns;

    for (uint32_t reg = 0; reg < planner->function->register_count; reg++) {
        turns->near[reg] = turns->places[reg] != 0 && planner->uniform->differs[reg];
        for (uint32_t i = 0; turns->near[reg] && i < planner->flow->count; i++) {
            turns->near[reg] = !turns_uses(turns, i, reg) || !runs_again(planner, i);
        }
    }
}

static bool plan(struct planner *planner)
{
    struct turns *turns = planner->turns;
    size_t size = live_size(planner->function, planner->flow) + 1;

    if (!live_create(planner->function, planner->flow, &turns->live)) {
        return false;
    }
    turns->now = calloc(size, sizeof(*turns->now));
    turns->late = calloc(size, sizeof(*turns->late));
    turns->used = calloc(size, sizeof(*turns->used));
    turns->own = calloc(size, sizeof(*turns->own));
    turns->near = calloc(planner->function->register_count + 1, sizeof(*turns->near));
    turns->places = calloc(planner->function->register_count + 1, sizeof(*turns->places));
    turns->bases = calloc(planner->function->register_count + 1, sizeof(*turns->bases));
    if (turns->now == NULL || turns->late == NULL || turns->used == NULL || turns->own == NULL ||
        turns->near == NULL || turns->places == NULL || turns->bases == NULL) {
        return false;
    }
    find_sets(planner);
    place_registers(planner);
    find_near(planner);
    return true;
}

bool turns_create(const struct emitter *emitter, struct turns *turns)
{
    struct planner planner = {.emitter = emitter,
                              .function = emitter->function,
                              .flow = emitter->flow,
                              .uniform = &emitter->uniform,
                              .turns = turns};

    memset(turns, 0, sizeof(*turns));
    turns->are_inside = emitter->function->is_entry && !emitter->options->is_checked &&
                        emitter->flow->count && can_all_be_inside(&planner);
    turns->has_rests = turns->are_inside && emitter->rest.steps != NULL;
    if (turns_are_taken(turns) && !plan(&planner)) {
        turns_destroy(turns);
        return false;
    }
    if (turns->warp_size > KEPT_MAX) {
        turns_destroy(turns); /* by warps, then */
    }
    return true;
}

void turns_destroy(struct turns *turns)
{
    live_destroy(&turns->live);
    free(turns->now);
    free(turns->late);
    free(turns->used);
    free(turns->own);
    free(turns->near);
    free(turns->places);
    free(turns->bases);
    memset(turns, 0, sizeof(*turns));
}
