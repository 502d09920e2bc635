/* SPDX-License-Identifier: BSD-2-Clause */
/* Data movement: PTX ISA 9.7.9. */
#include "tests/models/ptx/families.h"

/* mov between one register and its parts. */
static void move_parts(struct thread *thread, const struct ptx_instruction *in)
{
    const struct ptx_operand *to = &in->operands[0], *from = &in->operands[1];
    enum ptx_word type = type_of(in, 0);
    unsigned to_parts = part_count(thread, to), from_parts = part_count(thread, from);
    unsigned bits = ptx_type_bits(type);
    u128 whole = 0;

    for (unsigned i = from_parts; i-- > 0;) {
        unsigned width = bits / from_parts;

        whole = whole << (from_parts > 1 ? width : 0) |
                low_bits(read_part(thread, &in->operands[1], i, type), width);
    }
    for (unsigned i = 0; i < to_parts; i++) {
        write_part(thread, to, i, type,
                   low_bits(whole >> (i * (bits / to_parts)), bits / to_parts));
    }
}

void execute_mov(struct thread *thread, const struct ptx_instruction *in)
{
    enum ptx_word type = type_of(in, 0);
    unsigned count = vector_words(in);
    u128 values[8];

    if (count == 1 && type != PTX_W_PRED) {
        move_parts(thread, in);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        values[i] = read_part(thread, &in->operands[1], i, type);
    }
    for (unsigned i = 0; i < count; i++) {
        write_part(thread, &in->operands[0], i, type, values[i]);
    }
}

void execute_ld(struct thread *thread, const struct ptx_instruction *in)
{
    enum ptx_word type = type_of(in, 0);
    unsigned count = vector_words(in), bits = ptx_type_bits(type);
    enum ptx_word space = space_of(in);
    u128 bytes = load_memory(thread, space, operand_address(thread, &in->operands[1], space),
                             count * bits / 8);

    for (unsigned i = 0; i < count; i++) {
        write_part(thread, &in->operands[0], i, type, low_bits(bytes >> (i * bits), bits));
    }
}

void execute_st(struct thread *thread, const struct ptx_instruction *in)
{
    enum ptx_word type = type_of(in, 0);
    unsigned count = vector_words(in), bits = ptx_type_bits(type);
    enum ptx_word space = space_of(in);
    u128 bytes = 0;

    for (unsigned i = 0; i < count; i++) {
        bytes |= read_part(thread, &in->operands[1], i, type) << (i * bits);
    }
    store_memory(thread, space, operand_address(thread, &in->operands[0], space), count * bits / 8,
                 bytes);
    complete_bytes(thread, in, count * bits / 8);
}

void execute_cvta(struct thread *thread, const struct ptx_instruction *in)
{
    enum ptx_word type = type_of(in, 0);
    u128 address = read_bits(thread, &in->operands[1], type);
    u128 base = space_base(thread, space_of(in));

    write_bits(thread, &in->operands[0], type, has(in, PTX_W_TO) ? address - base : address + base);
}

static bool is_in(struct thread *thread, enum ptx_word space, uint64_t address)
{
    if (space == PTX_W_CONST) {
        return is_constant(thread, address);
    }
    if (space == PTX_W_PARAM) { /* of the kernel, wherever it is asked */
        space = PTX_W_PARAM_ENTRY;
    }
    return space_holds(thread, space, address, 1, false);
}

/* Global is what is nothing else. */
void execute_isspacep(struct thread *thread, const struct ptx_instruction *in)
{
    static const enum ptx_word others[] = {PTX_W_CONST, PTX_W_SHARED, PTX_W_LOCAL, PTX_W_PARAM};
    uint64_t address = (uint64_t)read_bits(thread, &in->operands[1], PTX_W_U64);
    bool is_global = true;

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        is_global = is_global && !is_in(thread, others[i], address);
    }
    write_bits(thread, &in->operands[0], PTX_W_PRED,
               space_of(in) == PTX_W_GLOBAL ? is_global : is_in(thread, space_of(in), address));
}

/* A cluster is one block, of rank 0. */
void execute_mapa(struct thread *thread, const struct ptx_instruction *in)
{
    write_bits(thread, &in->operands[0], type_of(in, 0),
               read_bits(thread, &in->operands[1], type_of(in, 0)));
}

void execute_getctarank(struct thread *thread, const struct ptx_instruction *in)
{
    write_bits(thread, &in->operands[0], PTX_W_U32, 0);
}

/* Hints, fences and pauses: memory is always in order, and no thread runs beside another. */
void execute_nothing(struct thread *thread, const struct ptx_instruction *in)
{
    (void)thread;
    (void)in;
}

void execute_createpolicy(struct thread *thread, const struct ptx_instruction *in)
{
    write_bits(thread, &in->operands[0], PTX_W_B64, 0);
}

/* ---- The stack ---- */

void execute_alloca(struct thread *thread, const struct ptx_instruction *in)
{
    enum ptx_word type = type_of(in, 0);
    uint64_t size = (uint64_t)read_bits(thread, &in->operands[1], type);
    uint64_t align = in->operand_count > 2 ? in->operands[2].bits : 8;
    uint64_t start = (thread->frame->stack_end + align - 1) / align * align;

    if (start > thread->block->local_size || size > thread->block->local_size - start) {
        thread_fault(thread, REFERENCE_STACK_OVERFLOW);
        return;
    }
    thread->frame->stack_end = start + size;
    write_bits(thread, &in->operands[0], type, start);
}

void execute_stacksave(struct thread *thread, const struct ptx_instruction *in)
{
    write_bits(thread, &in->operands[0], type_of(in, 0), thread->frame->stack_end);
}

void execute_stackrestore(struct thread *thread, const struct ptx_instruction *in)
{
    thread->frame->stack_end = (uint64_t)read_bits(thread, &in->operands[0], type_of(in, 0));
}
