/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/fragment.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/device/warp.h"
#include "host/cuda-cpu/ptx/instruction.h"

#define UNIT (WARP_LANES * sizeof(uint32_t)) /* a register of 32 bits */
#define UNITS_MAX 16                         /* eight of 64 */
#define SHARED_MAX 64                        /* places of a size that fragments share in turn */

/* Each is somebody's up to this instruction. */
struct places {
    uint32_t at[SHARED_MAX];
    size_t until[SHARED_MAX];
    unsigned count;
};

struct planner {
    const struct ptx_function *function;
    const struct uniform *uniform;
    struct fragments *fragments;
    uint8_t *settings; /* of each register; many are two */
    size_t *last;      /* the instruction that reads it last, or has set it */
    size_t number;     /* of the instruction that is looked at */
    struct places places[UNITS_MAX + 1];
};

static void note_setting(void *context, uint32_t reg)
{
    struct planner *planner = context;

    planner->settings[reg] += planner->settings[reg] < 2;
    planner->last[reg] = planner->number;
}

static void note_reading(void *context, uint32_t reg)
{
    struct planner *planner = context;

    planner->last[reg] = planner->number;
}

static void look(struct planner *planner)
{
    const struct ptx_function *function = planner->function;

    for (planner->number = 0; planner->number < function->instruction_count; planner->number++) {
        live_visit_set(&function->instructions[planner->number], note_setting, planner);
        live_visit_read(&function->instructions[planner->number], note_reading, planner);
    }
}

/* ---- One fragment ---- */

static bool is_set_together(const struct planner *planner,
                            const struct ptx_instruction *instruction)
{
    const struct ptx_operand *first = instruction->operands;

    if (instruction->form == NULL || instruction->form->operands[0] != 'f' ||
        instruction->has_guard || first->kind != PTX_O_LIST) {
        return false;
    }
    for (size_t i = 0; i < first->count; i++) {
        const struct ptx_operand *item = &first->items[i];

        if (item->kind != PTX_O_REGISTER || planner->settings[item->reg] != 1 ||
            !planner->uniform->differs[item->reg] ||
            planner->function->registers[item->reg].vector != 1) {
            return false;
        }
    }
    return first->count > 0;
}

static uint32_t units_of(const struct planner *planner, uint32_t reg)
{
    return ptx_type_bits(planner->function->registers[reg].type) / 32;
}

/* What other blocks read, or read again, has its place for itself. */
static uint32_t take_own(struct planner *planner, uint32_t units)
{
    uint32_t at = planner->fragments->size;

    planner->fragments->size += units * UNIT;
    return at;
}

/* A place that nobody needs any more, up to this instruction. */
static uint32_t take_shared(struct planner *planner, uint32_t units, size_t until)
{
    struct places *places = &planner->places[units];
    unsigned i = 0;

    while (i < places->count && places->until[i] >= planner->number) {
        i++;
    }
    if (i == SHARED_MAX) {
        return take_own(planner, units);
    }
    if (i == places->count) {
        places->at[places->count++] = take_own(planner, units);
    }
    places->until[i] = until;
    return places->at[i];
}

static void place(struct planner *planner, const struct ptx_operand *list)
{
    uint32_t width = units_of(planner, list->items[0].reg);
    uint32_t units = width * (uint32_t)list->count, at;
    bool stays = units > UNITS_MAX;
    size_t until = planner->number;

    for (size_t i = 0; i < list->count; i++) {
        uint32_t reg = list->items[i].reg;

        stays = stays || planner->uniform->stays[reg];
        until = planner->last[reg] > until ? planner->last[reg] : until;
    }
    at = stays ? take_own(planner, units) : take_shared(planner, units, until);
    for (size_t i = 0; i < list->count; i++) {
        planner->fragments->places[list->items[i].reg] = at + (uint32_t)i * width * UNIT;
    }
}

/* ---- All of them ---- */

static void plan(struct planner *planner)
{
    const struct ptx_function *function = planner->function;

    memset(planner->fragments->places, 0xFF,
           function->register_count * sizeof(*planner->fragments->places));
    look(planner);
    for (planner->number = 0; planner->number < function->instruction_count; planner->number++) {
        const struct ptx_instruction *instruction = &function->instructions[planner->number];

        if (is_set_together(planner, instruction)) {
            place(planner, &instruction->operands[0]);
        }
    }
}

bool fragments_create(const struct ptx_function *function, const struct uniform *uniform,
                      struct fragments *fragments)
{
    struct planner planner = {.function = function, .uniform = uniform, .fragments = fragments};
    size_t count = function->register_count + 1;
    bool done;

    fragments->size = 0;
    fragments->places = malloc(count * sizeof(*fragments->places));
    planner.settings = calloc(count, sizeof(*planner.settings));
    planner.last = calloc(count, sizeof(*planner.last));
    done = fragments->places != NULL && planner.settings != NULL && planner.last != NULL;
    if (done) {
        plan(&planner);
    } else {
        fragments_destroy(fragments);
    }
    free(planner.settings);
    free(planner.last);
    return done;
}

void fragments_destroy(struct fragments *fragments)
{
    free(fragments->places);
    fragments->places = NULL;
}

bool fragments_are_beside(const struct fragments *fragments, const struct ptx_operand *items,
                          size_t count, uint32_t width)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i].kind != PTX_O_REGISTER || items[i].select != NULL ||
            fragments->places[items[i].reg] == FRAGMENT_NONE ||
            fragments->places[items[i].reg] != fragments->places[items[0].reg] + i * width) {
            return false;
        }
    }
    return count > 0;
}
