/* SPDX-License-Identifier: BSD-2-Clause */
/* Operands: what an instruction reads and writes. PTX ISA, chapters 6 and 10. */
#include <string.h>

#include "tests/models/ptx/float.h"
#include "tests/models/ptx/machine.h"

bool has(const struct ptx_instruction *in, enum ptx_word word)
{
    for (unsigned i = 0; i < in->word_count; i++) {
        if (in->words[i] == word) {
            return true;
        }
    }
    return false;
}

unsigned vector_words(const struct ptx_instruction *in)
{
    return has(in, PTX_W_V2) ? 2 : has(in, PTX_W_V4) ? 4 : has(in, PTX_W_V8) ? 8 : 1;
}

enum ptx_word type_of(const struct ptx_instruction *in, unsigned index)
{
    for (unsigned i = 0; i < in->word_count; i++) {
        enum ptx_word word = (enum ptx_word)in->words[i];

        if (ptx_word_is_type(word) && !index--) {
            return word;
        }
    }
    return PTX_W_NONE;
}

bool is_signed(enum ptx_word type)
{
    return ptx_type_kind(type) == PTX_SIGNED;
}

bool is_float(enum ptx_word type)
{
    return ptx_type_kind(type) == PTX_FLOAT;
}

enum ptx_word half_of(enum ptx_word type)
{
    switch (type) {
    case PTX_W_U16X2:
        return PTX_W_U16;
    case PTX_W_S16X2:
        return PTX_W_S16;
    case PTX_W_F16X2:
        return PTX_W_F16;
    case PTX_W_BF16X2:
        return PTX_W_BF16;
    default:
        return PTX_W_NONE;
    }
}

u128 low_bits(u128 value, unsigned bits)
{
    return bits >= 128 ? value : value & (((u128)1 << bits) - 1);
}

u128 extend(u128 value, enum ptx_word type)
{
    unsigned bits = ptx_type_bits(type);

    value = low_bits(value, bits);
    if (is_signed(type) && (value >> (bits - 1) & 1)) {
        value |= ~(u128)0 << bits;
    }
    return value;
}

/* ---- Special registers ---- */

static uint32_t lane_mask(enum ptx_special name, unsigned lane)
{
    uint32_t self = 1U << lane, below = self - 1;

    switch (name) {
    case PTX_SR_LANEMASK_EQ:
        return self;
    case PTX_SR_LANEMASK_LE:
        return self | below;
    case PTX_SR_LANEMASK_LT:
        return below;
    case PTX_SR_LANEMASK_GE:
        return ~below;
    default:
        return ~below & ~self;
    }
}

static unsigned component_of(const unsigned *values, unsigned component, unsigned last)
{
    return component < 3 ? values[component] : last;
}

/* A cluster is one block. */
uint64_t read_special(struct thread *thread, enum ptx_special name, unsigned component)
{
    struct block *block = thread->block;
    const struct reference_launch *launch = block->launch;

    switch (name) {
    case PTX_SR_TID:
        return component_of(thread->id, component, 0);
    case PTX_SR_NTID:
        return component_of(launch->block, component, 0);
    case PTX_SR_CTAID:
    case PTX_SR_CLUSTERID:
        return component_of(block->id, component, 0);
    case PTX_SR_NCTAID:
    case PTX_SR_NCLUSTERID:
        return component_of(launch->grid, component, 0);
    case PTX_SR_CLUSTER_NCTAID:
        return component < 3;
    case PTX_SR_CLUSTER_NCTARANK:
    case PTX_SR_NSMID:
        return 1;
    case PTX_SR_LANEID:
        return thread->index % WARP;
    case PTX_SR_WARPID:
        return thread->index / WARP;
    case PTX_SR_NWARPID:
        return (block->thread_count + WARP - 1) / WARP;
    case PTX_SR_LANEMASK_EQ:
    case PTX_SR_LANEMASK_LE:
    case PTX_SR_LANEMASK_LT:
    case PTX_SR_LANEMASK_GE:
    case PTX_SR_LANEMASK_GT:
        return lane_mask(name, thread->index % WARP);
    case PTX_SR_CLOCK:
    case PTX_SR_CLOCK64:
    case PTX_SR_GLOBALTIMER:
    case PTX_SR_GLOBALTIMER_LO:
        return block->steps;
    case PTX_SR_CLOCK_HI:
    case PTX_SR_GLOBALTIMER_HI:
        return block->steps >> 32;
    case PTX_SR_TOTAL_SMEM_SIZE:
    case PTX_SR_AGGR_SMEM_SIZE:
        return block->shared_size;
    case PTX_SR_DYNAMIC_SMEM_SIZE:
        return launch->dynamic_shared;
    case PTX_SR_WARP_SZ:
        return WARP;
    default:
        return 0;
    }
}

/* ---- Values ---- */

static unsigned register_bits(const struct ptx_register *reg)
{
    return ptx_type_bits(reg->type);
}

static const struct ptx_register *register_of(struct thread *thread,
                                              const struct ptx_operand *operand)
{
    return &thread->frame->function->registers[operand->reg];
}

/* Which part of a vector ".x" or ".r" is; -1: "b0" or "h10" of video instructions, the whole. */
static int selected_part(const struct ptx_operand *operand, const struct ptx_register *reg)
{
    static const char letters[] = "xyzwrgba";
    const char *letter;

    if (operand->select == NULL || reg->vector == 1) {
        return -1;
    }
    letter = strchr(letters, operand->select[0]);
    return letter == NULL ? -1 : (int)((letter - letters) % 4);
}

static u128 register_part(struct thread *thread, const struct ptx_operand *operand, unsigned index)
{
    const struct ptx_register *reg = register_of(thread, operand);

    return low_bits(thread->frame->registers[operand->reg] >> (index * register_bits(reg)),
                    register_bits(reg));
}

static void set_register_part(struct thread *thread, const struct ptx_operand *operand,
                              unsigned index, u128 value)
{
    unsigned bits = register_bits(register_of(thread, operand));
    u128 *whole = &thread->frame->registers[operand->reg];
    u128 mask = low_bits(~(u128)0, bits) << (index * bits);

    *whole = (*whole & ~mask) | (value << (index * bits) & mask);
}

static u128 read_register(struct thread *thread, const struct ptx_operand *operand)
{
    int part = selected_part(operand, register_of(thread, operand));

    return part < 0 ? thread->frame->registers[operand->reg]
                    : register_part(thread, operand, (unsigned)part);
}

static uint64_t float_bits(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* A constant in the width that the instruction wants. */
static uint64_t float_constant(double value, enum ptx_word type)
{
    uint64_t bits;

    if (ptx_type_bits(type) == 32) {
        return float_bits((float)value);
    }
    if (ptx_type_bits(type) == 16) {
        return encode(value, type == PTX_W_BF16 ? PTX_W_BF16 : PTX_W_F16, ROUND_NEAREST);
    }
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static uint64_t constant_bits(const struct ptx_operand *operand, enum ptx_word type)
{
    double wide;
    float narrow;
    uint32_t bits = (uint32_t)operand->bits;

    if (ptx_type_kind(type) == PTX_PREDICATE) {
        return operand->bits != 0;
    }
    if (operand->kind == PTX_O_FLOAT32 && ptx_type_bits(type) != 32) {
        memcpy(&narrow, &bits, sizeof(narrow));
        return float_constant(narrow, type);
    }
    if (operand->kind == PTX_O_FLOAT64) {
        memcpy(&wide, &operand->bits, sizeof(wide));
        return float_constant(wide, type);
    }
    return operand->bits;
}

/* In its own space; a function's is where it is. */
static uint64_t symbol_bits(struct thread *thread, const struct ptx_operand *operand)
{
    static const enum ptx_word spaces[] = {
        [PTX_SPACE_CONST] = PTX_W_CONST,   [PTX_SPACE_GLOBAL] = PTX_W_GLOBAL,
        [PTX_SPACE_LOCAL] = PTX_W_LOCAL,   [PTX_SPACE_PARAM] = PTX_W_PARAM,
        [PTX_SPACE_SHARED] = PTX_W_SHARED,
    };
    const struct ptx_symbol *symbol = operand->symbol;

    if (symbol->kind == PTX_S_FUNCTION) {
        return (uintptr_t)symbol->function;
    }
    return variable_address(thread, symbol->variable) + (uint64_t)operand->offset -
           space_base(thread, spaces[symbol->variable->space]);
}

static u128 operand_bits(struct thread *thread, const struct ptx_operand *operand,
                         enum ptx_word type)
{
    switch (operand->kind) {
    case PTX_O_REGISTER:
        return read_register(thread, operand) + (u128)operand->offset;
    case PTX_O_SPECIAL:
        return read_special(thread, operand->special.name, operand->special.component);
    case PTX_O_INTEGER:
        return ptx_type_kind(type) == PTX_PREDICATE ? operand->bits != 0
                                                    : (u128)(s128)(int64_t)operand->bits;
    case PTX_O_FLOAT32:
    case PTX_O_FLOAT64:
        return constant_bits(operand, type);
    case PTX_O_SYMBOL:
        return symbol_bits(thread, operand);
    default:
        return 0;
    }
}

u128 read_bits(struct thread *thread, const struct ptx_operand *operand, enum ptx_word type)
{
    u128 value = low_bits(operand_bits(thread, operand, type), ptx_type_bits(type));

    return ptx_type_kind(type) == PTX_PREDICATE && operand->negated ? !value : value;
}

u128 read_value(struct thread *thread, const struct ptx_operand *operand, enum ptx_word type)
{
    return extend(read_bits(thread, operand, type), type);
}

bool read_predicate(struct thread *thread, const struct ptx_operand *operand)
{
    return read_bits(thread, operand, PTX_W_PRED) != 0;
}

void write_bits(struct thread *thread, const struct ptx_operand *operand, enum ptx_word type,
                u128 value)
{
    const struct ptx_register *reg;
    int part;

    if (operand->kind != PTX_O_REGISTER) {
        return;
    }
    reg = register_of(thread, operand);
    part = selected_part(operand, reg);
    value = extend(value, type);
    if (part >= 0) {
        set_register_part(thread, operand, (unsigned)part, value);
    } else {
        thread->frame->registers[operand->reg] = low_bits(value, register_bits(reg) * reg->vector);
    }
}

/* ---- Parts ---- */

static bool is_vector(struct thread *thread, const struct ptx_operand *operand)
{
    return operand->kind == PTX_O_REGISTER && operand->select == NULL &&
           register_of(thread, operand)->vector > 1;
}

unsigned part_count(struct thread *thread, const struct ptx_operand *operand)
{
    if (operand->kind == PTX_O_LIST) {
        return (unsigned)operand->count;
    }
    return is_vector(thread, operand) ? register_of(thread, operand)->vector : 1;
}

u128 read_part(struct thread *thread, const struct ptx_operand *operand, unsigned index,
               enum ptx_word type)
{
    if (operand->kind == PTX_O_LIST) {
        return read_bits(thread, &operand->items[index], type);
    }
    if (is_vector(thread, operand)) {
        return low_bits(register_part(thread, operand, index), ptx_type_bits(type));
    }
    return read_bits(thread, operand, type);
}

void write_part(struct thread *thread, const struct ptx_operand *operand, unsigned index,
                enum ptx_word type, u128 value)
{
    if (operand->kind == PTX_O_LIST) {
        write_bits(thread, &operand->items[index], type, value);
    } else if (is_vector(thread, operand)) {
        set_register_part(thread, operand, index, extend(value, type));
    } else {
        write_bits(thread, operand, type, value);
    }
}

const struct ptx_operand *first_of(const struct ptx_operand *operand)
{
    return operand->kind == PTX_O_PAIR ? &operand->items[0] : operand;
}

const struct ptx_operand *second_of(const struct ptx_operand *operand)
{
    return operand->kind == PTX_O_PAIR ? &operand->items[1] : NULL;
}
