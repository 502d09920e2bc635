/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/affine.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/compile/emitter.h"
#include "host/cuda-cpu/ptx/instruction.h"

#define NOT_SEEN INT64_MAX /* no instruction that sets it was looked at */
#define STEP_MAX (1 << 20)
#define ROUNDS 32 /* what has not settled then is none */

/* Steps of %tid.x, %tid.y and %laneid. */
struct special_steps {
    int64_t x, y, lane;
};

struct finder {
    const struct ptx_function *function;
    const struct uniform *uniform;
    struct special_steps special;
    int64_t *steps;
    bool changed;
};

/* ---- Steps of operands ---- */

static int64_t limited(int64_t step)
{
    return step < -STEP_MAX || step > STEP_MAX ? AFFINE_NOT : step;
}

/* From lane to lane of a row. */
static const struct special_steps along_rows = {.x = 1, .lane = 1};

/* From row to row, where they lie above each other. */
static struct special_steps across_rows(const struct kernel_options *options)
{
    return (struct special_steps){.y = 1, .lane = options->row};
}

static int64_t of_special(struct special_steps steps, const struct ptx_operand *operand)
{
    switch (operand->special.name) {
    case PTX_SR_TID:
        return operand->special.component == 0   ? steps.x
               : operand->special.component == 1 ? steps.y
                                                 : 0;
    case PTX_SR_LANEID:
        return steps.lane;
    case PTX_SR_CTAID:
    case PTX_SR_NTID:
    case PTX_SR_NCTAID:
        return 0;
    default:
        return AFFINE_NOT;
    }
}

static bool is_integer(enum ptx_word type)
{
    return ptx_is_long_integer(type) && ptx_type_bits(type) <= 64;
}

static bool is_register_of(const struct finder *finder, const struct ptx_operand *operand,
                           unsigned bits)
{
    const struct ptx_register *reg;

    if (operand->kind != PTX_O_REGISTER || operand->select != NULL) {
        return false;
    }
    reg = &finder->function->registers[operand->reg];
    return reg->vector == 1 && is_integer(reg->type) && ptx_type_bits(reg->type) == bits;
}

static int64_t of_operand(const struct finder *finder, const struct ptx_operand *operand,
                          enum ptx_word type)
{
    switch (operand->kind) {
    case PTX_O_REGISTER:
        if (!is_register_of(finder, operand, ptx_type_bits(type)) || operand->offset) {
            return AFFINE_NOT;
        }
        return finder->uniform->differs[operand->reg] ? finder->steps[operand->reg] : 0;
    case PTX_O_SPECIAL:
        return of_special(finder->special, operand);
    case PTX_O_INTEGER:
    case PTX_O_SYMBOL:
        return 0;
    default:
        return AFFINE_NOT;
    }
}

/* ---- Steps of results ---- */

static bool is_known(int64_t step)
{
    return step != AFFINE_NOT && step != NOT_SEEN;
}

/* None, if one is none; else not seen, if one is not. */
static int64_t worse(int64_t a, int64_t b)
{
    return a == AFFINE_NOT || b == AFFINE_NOT ? AFFINE_NOT : NOT_SEEN;
}

static int64_t sum(int64_t a, int64_t b, int64_t sign)
{
    return is_known(a) && is_known(b) ? limited(a + sign * b) : worse(a, b);
}

static bool is_small(const struct ptx_operand *operand)
{
    return operand->kind == PTX_O_INTEGER && operand->bits <= STEP_MAX;
}

static int64_t product(const struct ptx_operand *operands, int64_t a, int64_t b)
{
    if (!is_known(a) || !is_known(b)) {
        return worse(a, b);
    }
    return a == 0 && b == 0         ? 0
           : is_small(&operands[1]) ? limited(a * (int64_t)operands[1].bits)
           : is_small(&operands[0]) ? limited(b * (int64_t)operands[0].bits)
                                    : AFFINE_NOT;
}

static int64_t shifted(const struct ptx_operand *by, int64_t step, enum ptx_word type)
{
    return by->kind != PTX_O_INTEGER || by->bits >= ptx_type_bits(type) ? AFFINE_NOT
           : !is_known(step) || step == 0                               ? step
           : by->bits > 20                                              ? AFFINE_NOT
                           : limited(step * (INT64_C(1) << by->bits));
}

/* What is no plain arithmetic modulo the size. */
static bool is_plain(const struct ptx_instruction *instruction)
{
    static const enum ptx_word words[] = {PTX_W_CC, PTX_W_SAT, PTX_W_HI, PTX_W_LOCAL};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (ptx_has_word(instruction, words[i])) {
            return false;
        }
    }
    return true;
}

static enum ptx_word twice(enum ptx_word type)
{
    return ptx_type_kind(type) == PTX_SIGNED ? PTX_W_S64 : PTX_W_U64;
}

/* What the result is read as. */
static enum ptx_word result_type(const struct ptx_instruction *instruction)
{
    enum ptx_word type = ptx_type_word(instruction, 0);

    return ptx_has_word(instruction, PTX_W_WIDE) ? twice(type) : type;
}

static enum ptx_word source_type(const struct ptx_instruction *instruction)
{
    return ptx_type_word(instruction, instruction->opcode == PTX_CVT ? 1 : 0);
}

static int64_t of_arithmetic(const struct finder *finder, const struct ptx_instruction *instruction)
{
    const struct ptx_operand *operands = instruction->operands + 1;
    enum ptx_word type = source_type(instruction);
    int64_t a = of_operand(finder, &operands[0], type), b;

    switch (instruction->opcode) {
    case PTX_MOV:
    case PTX_CVT:
    case PTX_CVTA:
        return a;
    case PTX_SHL:
        return shifted(&operands[1], a, type);
    default:
        b = of_operand(finder, &operands[1], type);
    }
    switch (instruction->opcode) {
    case PTX_ADD:
        return sum(a, b, 1);
    case PTX_SUB:
        return sum(a, b, -1);
    case PTX_MUL:
        return product(operands, a, b);
    default:
        return sum(product(operands, a, b),
                   of_operand(finder, &operands[2], result_type(instruction)), 1);
    }
}

static bool is_arithmetic(enum ptx_opcode opcode)
{
    switch (opcode) {
    case PTX_MOV:
    case PTX_CVT:
    case PTX_CVTA:
    case PTX_SHL:
    case PTX_ADD:
    case PTX_SUB:
    case PTX_MUL:
    case PTX_MAD:
        return true;
    default:
        return false;
    }
}

static int64_t of_result(const struct finder *finder, const struct ptx_instruction *instruction)
{
    const struct ptx_operand *result = &instruction->operands[0];
    enum ptx_word type = result_type(instruction);

    if (!is_arithmetic(instruction->opcode) || !is_plain(instruction) || !is_integer(type) ||
        !is_integer(source_type(instruction)) ||
        !is_register_of(finder, result, ptx_type_bits(type)) ||
        (instruction->has_guard && finder->uniform->differs[instruction->guard])) {
        return AFFINE_NOT;
    }
    return of_arithmetic(finder, instruction);
}

/* ---- All registers ---- */

static void set_step(struct finder *finder, uint32_t reg, int64_t found)
{
    int64_t *now = &finder->steps[reg], before = *now;

    if (found != NOT_SEEN) {
        *now = before == NOT_SEEN || before == found ? found : AFFINE_NOT;
        finder->changed |= *now != before;
    }
}

static void set_none(struct finder *finder, const struct ptx_operand *operand)
{
    if (operand->kind == PTX_O_REGISTER) {
        set_step(finder, operand->reg, AFFINE_NOT);
    }
    if (operand->kind == PTX_O_LIST || operand->kind == PTX_O_PAIR) {
        for (size_t i = 0; i < operand->count; i++) {
            set_none(finder, &operand->items[i]);
        }
    }
}

static void look_at(struct finder *finder, const struct ptx_instruction *instruction)
{
    if (instruction->call != NULL) {
        set_none(finder, &instruction->call[0]);
        return;
    }
    if (instruction->operand_count == 0) {
        return;
    }
    if (instruction->operands[0].kind == PTX_O_REGISTER) {
        set_step(finder, instruction->operands[0].reg, of_result(finder, instruction));
    } else {
        set_none(finder, &instruction->operands[0]);
    }
}

static void find(struct finder *finder)
{
    const struct ptx_function *function = finder->function;

    finder->changed = true;
    for (unsigned round = 0; round < ROUNDS && finder->changed; round++) {
        finder->changed = false;
        for (size_t i = 0; i < function->instruction_count; i++) {
            look_at(finder, &function->instructions[i]);
        }
    }
    for (size_t i = 0; i < function->register_count; i++) {
        if (finder->changed || !finder->uniform->differs[i] || finder->steps[i] == NOT_SEEN) {
            finder->steps[i] = AFFINE_NOT;
        }
    }
}

/* NULL: no memory. */
static int64_t *find_steps(struct finder *finder)
{
    size_t count = finder->function->register_count;

    finder->steps = malloc((count + 1) * sizeof(*finder->steps));
    if (finder->steps == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        finder->steps[i] = NOT_SEEN;
    }
    find(finder);
    return finder->steps;
}

static bool takes_thread(const struct ptx_instruction *instruction)
{
    return instruction->opcode == PTX_MOV && instruction->operands[0].kind == PTX_O_REGISTER &&
           instruction->operands[1].kind == PTX_O_SPECIAL &&
           instruction->operands[1].special.name == PTX_SR_TID;
}

/* NULL: no memory. */
static bool *find_threads(const struct ptx_function *function)
{
    uint32_t *settings = live_count_settings(function);
    bool *threads = settings == NULL ? NULL : calloc(function->register_count + 1, sizeof(bool));

    for (size_t i = 0; threads != NULL && i < function->instruction_count; i++) {
        if (takes_thread(&function->instructions[i])) {
            uint32_t reg = function->instructions[i].operands[0].reg;

            threads[reg] = settings[reg] == 1;
        }
    }
    free(settings);
    return threads;
}

bool affine_create(const struct ptx_function *function, const struct uniform *uniform,
                   const struct kernel_options *options, struct affine *affine)
{
    struct finder along = {.function = function, .uniform = uniform, .special = along_rows};
    struct finder across = {
        .function = function, .uniform = uniform, .special = across_rows(options)};

    *affine = (struct affine){0};
    if (options->masked_alone || options->row == 0 || !function->is_entry ||
        uniform->live.sets == NULL) {
        return true;
    }
    affine->steps = find_steps(&along);
    affine->across = options->is_stacked ? find_steps(&across) : NULL;
    affine->threads = find_threads(function);
    if (affine->steps == NULL || (options->is_stacked && affine->across == NULL) ||
        affine->threads == NULL) {
        affine_destroy(affine);
        return false;
    }
    return true;
}

void affine_destroy(struct affine *affine)
{
    free(affine->across);
    free(affine->threads);
    free(affine->steps);
    *affine = (struct affine){0};
}

/* ---- What is asked of them ---- */

bool affine_is_one(const struct emitter *emitter, uint32_t reg)
{
    return emitter->affine.steps != NULL && emitter->affine.steps[reg] != AFFINE_NOT;
}

int64_t affine_across(const struct emitter *emitter, uint32_t reg)
{
    return emitter->affine.across != NULL ? emitter->affine.across[reg] : AFFINE_NOT;
}

static bool has_one_base(const struct emitter *emitter, uint32_t reg)
{
    return affine_across(emitter, reg) != AFFINE_NOT;
}

unsigned affine_bases(const struct emitter *emitter, uint32_t reg)
{
    return has_one_base(emitter, reg) ? 1 : WARP_LANES / emitter->options->row;
}

bool affine_is_kept(const struct emitter *emitter, uint32_t reg)
{
    return emitter->is_whole && affine_is_one(emitter, reg);
}

static bool sets_one(const struct emitter *emitter, const struct ptx_instruction *instruction)
{
    return instruction->operand_count && instruction->call == NULL &&
           instruction->operands[0].kind == PTX_O_REGISTER && is_arithmetic(instruction->opcode) &&
           affine_is_one(emitter, instruction->operands[0].reg);
}

bool affine_is_set(const struct emitter *emitter)
{
    return emitter->is_whole && sets_one(emitter, emitter->instruction);
}

static int64_t step_among(const struct emitter *emitter, struct special_steps special,
                          const int64_t *steps, const struct ptx_operand *operand)
{
    return operand->kind == PTX_O_SPECIAL ? of_special(special, operand)
           : operand->kind == PTX_O_REGISTER && affine_is_one(emitter, operand->reg)
               ? steps[operand->reg]
               : 0;
}

static int64_t step_of(const struct emitter *emitter, const struct ptx_operand *operand)
{
    return step_among(emitter, along_rows, emitter->affine.steps, operand);
}

/* Of an operand whose instruction sets what has one base. */
static int64_t across_of(const struct emitter *emitter, const struct ptx_operand *operand)
{
    return step_among(emitter, across_rows(emitter->options), emitter->affine.across, operand);
}

static bool makes_longer(const struct ptx_instruction *instruction)
{
    return ptx_type_bits(result_type(instruction)) > ptx_type_bits(source_type(instruction));
}

/* Of lanes in a row that steps so, and rows. */
static struct affine_span span_of(const struct emitter *emitter, int64_t step, int64_t across)
{
    unsigned row = emitter->options->row;
    int64_t in_row = step * (row - 1), to_last = across * (WARP_LANES / row - 1);

    return (struct affine_span){
        .below = (in_row < 0 ? in_row : 0) + (to_last < 0 ? to_last : 0),
        .above = (in_row > 0 ? in_row : 0) + (to_last > 0 ? to_last : 0),
    };
}

struct affine_span affine_span(const struct emitter *emitter, uint32_t reg)
{
    int64_t across = affine_across(emitter, reg);

    return span_of(emitter, emitter->affine.steps[reg], across != AFFINE_NOT ? across : 0);
}

/* The factor, or the number, whose lanes differ from the base; NULL: none does. */
static const struct ptx_operand *stepping(const struct emitter *emitter,
                                          const struct ptx_instruction *instruction)
{
    bool is_across = has_one_base(emitter, instruction->operands[0].reg);

    for (size_t i = 1; i < 3 && i < instruction->operand_count; i++) {
        const struct ptx_operand *operand = &instruction->operands[i];

        if (step_of(emitter, operand) != 0 || (is_across && across_of(emitter, operand) != 0)) {
            return operand;
        }
    }
    return NULL;
}

bool affine_is_checked(const struct emitter *emitter, const struct ptx_instruction *instruction)
{
    return sets_one(emitter, instruction) && makes_longer(instruction) &&
           stepping(emitter, instruction) != NULL;
}

/* It is the number of a thread along a side of its block, for certain: so small that no lane's
 * passes the end of the type. */
static bool is_thread(const struct emitter *emitter, const struct ptx_operand *operand)
{
    return operand->kind == PTX_O_REGISTER && emitter->affine.threads != NULL &&
           emitter->affine.threads[operand->reg];
}

/* ---- IR ---- */

static enum ptx_word storage_of(const struct emitter *emitter, uint32_t reg)
{
    return emit_bits(emitter->function->registers[reg].type);
}

static const char *base_type(const struct emitter *emitter, uint32_t reg)
{
    return emit_element(storage_of(emitter, reg));
}

void affine_begin_frame(struct emitter *emitter)
{
    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        for (unsigned row = 0; affine_is_one(emitter, reg) && row < affine_bases(emitter, reg);
             row++) {
            emit(emitter, "%%base.%u.%u = alloca %s, align 8", reg, row, base_type(emitter, reg));
        }
    }
}

void affine_clear(struct emitter *emitter)
{
    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        for (unsigned row = 0; affine_is_one(emitter, reg) && row < affine_bases(emitter, reg);
             row++) {
            emit(emitter, "store %s 0, ptr %%base.%u.%u, align 8", base_type(emitter, reg), reg,
                 row);
        }
    }
}

static value load_base(struct emitter *emitter, uint32_t reg, unsigned row)
{
    bool is_one = has_one_base(emitter, reg);
    value base = emit_value(emitter, "load %s, ptr %%base.%u.%u, align 8", base_type(emitter, reg),
                            reg, is_one ? 0 : row);

    return !is_one || row == 0 ? base
                               : emit_value(emitter, "add %s %%t%u, %lld", base_type(emitter, reg),
                                            base, (long long)affine_across(emitter, reg) * row);
}

static void store_base(struct emitter *emitter, uint32_t reg, unsigned row, value base)
{
    emit(emitter, "store %s %%t%u, ptr %%base.%u.%u, align 8", base_type(emitter, reg), base, reg,
         row);
}

void affine_put(struct emitter *emitter, uint32_t reg, value base)
{
    store_base(emitter, reg, emitter->row, base);
}

/* Each lane's number in its row, or of its row, times a step. */
static value distances_of(struct emitter *emitter, enum ptx_word type, const char *what,
                          unsigned by, int64_t step)
{
    value lane = emit_value(emitter, "load <32 x i32>, ptr @lane_numbers, align 64");

    lane = emit_value(emitter, "%s <32 x i32> %%t%u, splat (i32 %u)", what, lane, by);
    if (type == PTX_W_B64) {
        lane = emit_value(emitter, "zext <32 x i32> %%t%u to <32 x i64>", lane);
    }
    return emit_value(emitter, "mul %s %%t%u, splat (%s %lld)", emit_vector(type), lane,
                      emit_element(type), (long long)step);
}

/* Each lane's distance from its base. */
static value distances(struct emitter *emitter, uint32_t reg)
{
    enum ptx_word type = storage_of(emitter, reg);
    unsigned row = emitter->options->row;
    value along = distances_of(emitter, type, "and", row - 1, emitter->affine.steps[reg]);

    return !has_one_base(emitter, reg)
               ? along
               : emit_value(emitter, "add %s %%t%u, %%t%u", emit_vector(type), along,
                            distances_of(emitter, type, "udiv", row, affine_across(emitter, reg)));
}

/* The lane of a lane's base. */
static unsigned base_lane(const struct emitter *emitter, uint32_t reg, unsigned lane)
{
    return has_one_base(emitter, reg) ? 0 : lane & -emitter->options->row;
}

/* The bases from what has them in their lanes, in all lanes. */
static value firsts(struct emitter *emitter, uint32_t reg, value lanes)
{
    const char *type = emit_vector(storage_of(emitter, reg));

    if (base_lane(emitter, reg, WARP_LANES - 1) == 0) {
        return emit_value(emitter, "shufflevector %s %%t%u, %s poison, <32 x i32> zeroinitializer",
                          type, lanes, type);
    }
    text_add(emitter->out, "  %%t%u = shufflevector %s %%t%u, %s poison, <32 x i32> <",
             ++emitter->values, type, lanes, type);
    for (unsigned lane = 0; lane < WARP_LANES; lane++) {
        text_add(emitter->out, "%si32 %u", lane ? ", " : "", base_lane(emitter, reg, lane));
    }
    text_add(emitter->out, ">\n");
    return emitter->values;
}

/* As all lanes lie when those of the firsts of rows are right. */
static value spread(struct emitter *emitter, uint32_t reg, value lanes)
{
    return emit_value(emitter, "add %s %%t%u, %%t%u", emit_vector(storage_of(emitter, reg)),
                      firsts(emitter, reg, lanes), distances(emitter, reg));
}

static value spread_bases(struct emitter *emitter, uint32_t reg)
{
    const char *vector = emit_vector(storage_of(emitter, reg));
    value lanes = emit_value(emitter, "freeze %s poison", vector);

    for (unsigned row = 0; row < affine_bases(emitter, reg); row++) {
        lanes = emit_value(emitter, "insertelement %s %%t%u, %s %%t%u, i32 %u", vector, lanes,
                           base_type(emitter, reg), load_base(emitter, reg, row),
                           row * emitter->options->row);
    }
    return spread(emitter, reg, lanes);
}

value affine_lanes(struct emitter *emitter, uint32_t reg)
{
    return emitter->is_narrow ? load_base(emitter, reg, emitter->row) : spread_bases(emitter, reg);
}

static value place_of_base(struct emitter *emitter, value pointer, unsigned row)
{
    return emit_value(emitter, "getelementptr i64, ptr %%t%u, i64 %u", pointer, row);
}

void affine_save(struct emitter *emitter, uint32_t reg, value pointer)
{
    for (unsigned row = 0; row < affine_bases(emitter, reg); row++) {
        emit(emitter, "store %s %%t%u, ptr %%t%u, align 8, !tbaa !1", base_type(emitter, reg),
             load_base(emitter, reg, row), place_of_base(emitter, pointer, row));
    }
}

void affine_load(struct emitter *emitter, uint32_t reg, value pointer, bool is_volatile)
{
    for (unsigned row = 0; row < affine_bases(emitter, reg); row++) {
        store_base(emitter, reg, row,
                   emit_value(emitter, "load %s%s, ptr %%t%u, align 8, !tbaa !1",
                              is_volatile ? "volatile " : "", base_type(emitter, reg),
                              place_of_base(emitter, pointer, row)));
    }
}

static value first_of(struct emitter *emitter, uint32_t reg, unsigned row, value lanes)
{
    return emit_value(emitter, "extractelement %s %%t%u, i32 %u",
                      emit_vector(storage_of(emitter, reg)), lanes, row * emitter->options->row);
}

static value load_lanes(struct emitter *emitter, uint32_t reg)
{
    return emit_value(emitter, "load %s, ptr %%r%u.0, align 64",
                      emit_vector(storage_of(emitter, reg)), reg);
}

static bool is_read_at(const struct emitter *emitter, uint32_t block, uint32_t reg)
{
    return block < emitter->flow->count && affine_is_one(emitter, reg) &&
           live_has(&emitter->uniform.live, block, reg);
}

value affine_is_back(struct emitter *emitter, uint32_t block)
{
    value all = emit_value(emitter, "freeze <32 x i1> splat (i1 true)");

    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        if (is_read_at(emitter, block, reg)) {
            value lanes = load_lanes(emitter, reg);
            value expected = spread(emitter, reg, lanes);
            value equal = emit_value(emitter, "icmp eq %s %%t%u, %%t%u",
                                     emit_vector(storage_of(emitter, reg)), lanes, expected);

            all = emit_value(emitter, "and <32 x i1> %%t%u, %%t%u", all, equal);
        }
    }
    return emit_value(emitter, "icmp eq i32 %%t%u, -1", emit_mask_bits(emitter, all));
}

void affine_take(struct emitter *emitter, uint32_t block)
{
    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        value lanes = is_read_at(emitter, block, reg) ? load_lanes(emitter, reg) : 0;

        for (unsigned row = 0; lanes && row < affine_bases(emitter, reg); row++) {
            store_base(emitter, reg, row, first_of(emitter, reg, row, lanes));
        }
    }
}

static void write_out(struct emitter *emitter, uint32_t reg)
{
    turns_take_base(emitter, reg);
    emit(emitter, "store %s %%t%u, ptr %%r%u.0, align 64", emit_vector(storage_of(emitter, reg)),
         spread_bases(emitter, reg), reg);
}

void affine_leave_to(struct emitter *emitter, uint32_t block)
{
    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        if (is_read_at(emitter, block, reg)) {
            write_out(emitter, reg);
        }
    }
}

static bool names(const struct ptx_operand *operand, uint32_t reg)
{
    bool found = operand->kind == PTX_O_REGISTER && operand->reg == reg;

    if (operand->kind == PTX_O_LIST || operand->kind == PTX_O_PAIR ||
        operand->kind == PTX_O_TABLE) {
        for (size_t i = 0; i < operand->count && !found; i++) {
            found = names(&operand->items[i], reg);
        }
    }
    return found || (operand->base != NULL && names(operand->base, reg));
}

static bool mentions(const struct ptx_instruction *instruction, uint32_t reg)
{
    bool found = false;

    for (size_t i = 0; i < instruction->operand_count && !found; i++) {
        found = names(&instruction->operands[i], reg);
    }
    for (size_t i = 0; instruction->call != NULL && i < 4 && !found; i++) {
        found = names(&instruction->call[i], reg);
    }
    return found;
}

/* More than what is read: what is set before is written out too. */
static bool is_read_from_here(const struct emitter *emitter, uint32_t reg)
{
    const struct flow_block *block = &emitter->flow->blocks[emitter->block];
    const struct ptx_instruction *instructions = emitter->function->instructions;
    bool found = false;

    for (const struct ptx_instruction *i = emitter->instruction;
         i < instructions + block->end && !found; i++) {
        found = mentions(i, reg);
    }
    for (size_t i = 0; i < block->target_count && !found; i++) {
        found = is_read_at(emitter, block->targets[i], reg);
    }
    return found || is_read_at(emitter, block->next, reg);
}

void affine_leave_here(struct emitter *emitter)
{
    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        if (affine_is_one(emitter, reg) && is_read_from_here(emitter, reg)) {
            write_out(emitter, reg);
        }
    }
}

value affine_span_fits(struct emitter *emitter, const struct ptx_operand *operand,
                       struct affine_span span, enum ptx_word type, value base)
{
    const char *element = emit_element(emit_bits(type));
    bool is_signed = ptx_type_kind(type) == PTX_SIGNED;
    uint64_t range = UINT64_MAX >> (64 - ptx_type_bits(type));
    uint64_t above = (uint64_t)span.above, below = -(uint64_t)span.below;
    uint64_t least = is_signed ? range / 2 + 1 : 0;
    value low, high;

    if (is_thread(emitter, operand)) {
        return emit_value(emitter, "or i1 false, true");
    }
    if (below > range || above > range - below) {
        return emit_value(emitter, "or i1 false, false");
    }
    low = emit_value(emitter, "icmp %cge %s %%t%u, %lld", is_signed ? 's' : 'u', element, base,
                     (long long)((least + below) & range));
    high = emit_value(emitter, "icmp %cle %s %%t%u, %lld", is_signed ? 's' : 'u', element, base,
                      (long long)((least + range - above) & range));
    low = emit_value(emitter, "and i1 %%t%u, %%t%u", low, high);
    return emitter->straight.is_made
               ? straight_keeps_order(emitter, low, base, element, is_signed, span.above > 0)
               : low;
}

/* The outermost lanes of a base. */
static value base_fits(struct emitter *emitter, const struct ptx_operand *operand)
{
    bool is_across = has_one_base(emitter, emitter->instruction->operands[0].reg);
    struct affine_span span =
        span_of(emitter, step_of(emitter, operand), is_across ? across_of(emitter, operand) : 0);

    return affine_span_fits(emitter, operand, span, source_type(emitter->instruction),
                            emit_get(emitter, operand, PTX_W_B32));
}

value affine_fits(struct emitter *emitter)
{
    const struct ptx_operand *operand = stepping(emitter, emitter->instruction);
    unsigned bases = affine_bases(emitter, emitter->instruction->operands[0].reg);
    value all = 0;

    emitter->is_narrow = true;
    for (emitter->row = 0; emitter->row < bases; emitter->row++) {
        value fits = base_fits(emitter, operand);

        all = emitter->row ? emit_value(emitter, "and i1 %%t%u, %%t%u", all, fits) : fits;
    }
    emitter->is_narrow = false;
    emitter->row = 0;
    return all;
}
