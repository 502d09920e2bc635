/* SPDX-License-Identifier: BSD-2-Clause */
/* atom and red: PTX ISA 9.7.13.5 and 9.7.13.6. */
#include "tests/models/ptx/families.h"
#include "tests/models/ptx/float.h"

static u128 increment(u128 old, u128 bound)
{
    return old >= bound ? 0 : old + 1;
}

static u128 decrement(u128 old, u128 bound)
{
    return old == 0 || old > bound ? bound : old - 1;
}

static u128 integer_update(const struct ptx_instruction *in, enum ptx_word type, u128 old, u128 b)
{
    bool less = (s128)extend(old, type) < (s128)extend(b, type);

    return has(in, PTX_W_AND)    ? old & b
           : has(in, PTX_W_OR)   ? old | b
           : has(in, PTX_W_XOR)  ? old ^ b
           : has(in, PTX_W_EXCH) ? b
           : has(in, PTX_W_ADD)  ? old + b
           : has(in, PTX_W_INC)  ? increment(old, b)
           : has(in, PTX_W_DEC)  ? decrement(old, b)
           : has(in, PTX_W_MIN)  ? (less ? old : b)
                                 : (less ? b : old);
}

static u128 float_update(const struct ptx_instruction *in, enum ptx_word type, u128 old, u128 b)
{
    return has(in, PTX_W_ADD) ? float_add_bits(type, old, b)
                              : float_min_max_bits(type, old, b, has(in, PTX_W_MAX));
}

/* Sums of .f32 flush subnormals, but not in shared memory. */
static u128 add_f32(struct thread *thread, uint64_t address, u128 old, u128 b)
{
    if (space_holds(thread, PTX_W_SHARED, address, 4, true)) {
        return float_add_bits(PTX_W_F32, old, b);
    }
    return flush(PTX_W_F32, float_add_bits(PTX_W_F32, flush(PTX_W_F32, old), flush(PTX_W_F32, b)));
}

u128 atomic_update(struct thread *thread, const struct ptx_instruction *in, uint64_t address,
                   u128 old, u128 b)
{
    enum ptx_word type = type_of(in, 0), half = half_of(type);

    if (type == PTX_W_F32) {
        return add_f32(thread, address, old, b);
    }
    if (half != PTX_W_NONE) {
        return float_update(in, half, low_bits(old, 16), low_bits(b, 16)) |
               float_update(in, half, old >> 16, b >> 16) << 16;
    }
    return is_float(type) ? float_update(in, type, old, b) : integer_update(in, type, old, b);
}

/* Element by element; a whole vector is aligned as one. */
void execute_red(struct thread *thread, const struct ptx_instruction *in)
{
    bool returns = in->opcode == PTX_ATOM;
    const struct ptx_operand *where = &in->operands[returns], *with = where + 1;
    enum ptx_word type = type_of(in, 0), space = space_of(in);
    unsigned count = vector_words(in), size = ptx_type_bits(type) / 8;
    uint64_t address = operand_address(thread, where, space);

    if (access_memory(thread, space, address, count * size, true) == NULL) {
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        u128 old = load_memory(thread, space, address + i * size, size);
        u128 b = read_part(thread, with, i, type);

        store_memory(thread, space, address + i * size, size,
                     atomic_update(thread, in, address + i * size, old, b));
        if (returns) {
            write_part(thread, &in->operands[0], i, type, old);
        }
    }
    complete_bytes(thread, in, count * size);
}

static void compare_and_swap(struct thread *thread, const struct ptx_instruction *in)
{
    enum ptx_word type = type_of(in, 0), space = space_of(in);
    unsigned size = ptx_type_bits(type) / 8;
    uint64_t address = operand_address(thread, &in->operands[1], space);
    u128 old = load_memory(thread, space, address, size);
    u128 wanted = read_bits(thread, &in->operands[2], type);

    store_memory(thread, space, address, size,
                 old == wanted ? read_bits(thread, &in->operands[3], type) : old);
    write_bits(thread, &in->operands[0], type, old);
}

void execute_atom(struct thread *thread, const struct ptx_instruction *in)
{
    if (has(in, PTX_W_CAS)) {
        compare_and_swap(thread, in);
    } else {
        execute_red(thread, in);
    }
}
