/* SPDX-License-Identifier: BSD-2-Clause */
/* Logic, shifts and bit fields: PTX ISA 9.7.1 and 9.7.8. */
#include "tests/models/ptx/families.h"

static u128 bits(struct thread *thread, const struct ptx_instruction *in, unsigned index)
{
    return read_bits(thread, &in->operands[index], type_of(in, 0));
}

static uint32_t number(struct thread *thread, const struct ptx_instruction *in, unsigned index)
{
    return (uint32_t)read_bits(thread, &in->operands[index], PTX_W_U32);
}

static void result(struct thread *thread, const struct ptx_instruction *in, u128 value)
{
    write_bits(thread, &in->operands[0], type_of(in, 0), value);
}

static void number_result(struct thread *thread, const struct ptx_instruction *in, uint32_t value)
{
    write_bits(thread, &in->operands[0], PTX_W_U32, value);
}

static unsigned width(const struct ptx_instruction *in)
{
    return ptx_type_bits(type_of(in, 0));
}

/* ---- Logic ---- */

void execute_and(struct thread *thread, const struct ptx_instruction *in)
{
    result(thread, in, bits(thread, in, 1) & bits(thread, in, 2));
}

void execute_or(struct thread *thread, const struct ptx_instruction *in)
{
    result(thread, in, bits(thread, in, 1) | bits(thread, in, 2));
}

void execute_xor(struct thread *thread, const struct ptx_instruction *in)
{
    result(thread, in, bits(thread, in, 1) ^ bits(thread, in, 2));
}

void execute_not(struct thread *thread, const struct ptx_instruction *in)
{
    result(thread, in, ~bits(thread, in, 1));
}

void execute_cnot(struct thread *thread, const struct ptx_instruction *in)
{
    result(thread, in, bits(thread, in, 1) == 0);
}

/* Bit i of the table is the result where the bits of a, b, c spell i. */
static uint32_t look_up(uint32_t a, uint32_t b, uint32_t c, unsigned table)
{
    uint32_t found = 0;

    for (unsigned i = 0; i < 32; i++) {
        unsigned index = (a >> i & 1) << 2 | (b >> i & 1) << 1 | (c >> i & 1);

        found |= (uint32_t)(table >> index & 1) << i;
    }
    return found;
}

void execute_lop3(struct thread *thread, const struct ptx_instruction *in)
{
    uint32_t found = look_up(number(thread, in, 1), number(thread, in, 2), number(thread, in, 3),
                             (unsigned)in->operands[4].bits & 0xFF);

    write_bits(thread, first_of(&in->operands[0]), PTX_W_B32, found);
    if (second_of(&in->operands[0]) != NULL) {
        bool q = read_predicate(thread, &in->operands[5]);

        write_bits(thread, second_of(&in->operands[0]), PTX_W_PRED,
                   has(in, PTX_W_OR) ? found || q : found && q);
    }
}

/* ---- Shifts ---- */

static u128 shift_right(u128 value, unsigned amount, enum ptx_word type)
{
    value = extend(value, type);
    amount = amount > 64 ? 64 : amount;
    return is_signed(type) ? (u128)((s128)value >> amount) : value >> amount;
}

void execute_shl(struct thread *thread, const struct ptx_instruction *in)
{
    uint32_t amount = number(thread, in, 2);

    result(thread, in, amount < width(in) ? bits(thread, in, 1) << amount : 0);
}

void execute_shr(struct thread *thread, const struct ptx_instruction *in)
{
    result(thread, in, shift_right(bits(thread, in, 1), number(thread, in, 2), type_of(in, 0)));
}

void execute_shf(struct thread *thread, const struct ptx_instruction *in)
{
    uint64_t both = (uint64_t)bits(thread, in, 2) << 32 | (uint64_t)bits(thread, in, 1);
    uint32_t amount = number(thread, in, 3);

    if (has(in, PTX_W_WRAP)) {
        amount &= 31;
    } else if (amount > 32) {
        amount = 32;
    }
    result(thread, in, has(in, PTX_W_L) ? (both << amount) >> 32 : both >> amount);
}

/* ---- Counting and finding ---- */

void execute_popc(struct thread *thread, const struct ptx_instruction *in)
{
    number_result(thread, in, (uint32_t)__builtin_popcountll((uint64_t)bits(thread, in, 1)));
}

/* The highest bit that is set; -1: none. */
static int highest(u128 value)
{
    int at = -1;

    for (int i = 0; i < 64; i++) {
        at = (value >> i) & 1 ? i : at;
    }
    return at;
}

void execute_clz(struct thread *thread, const struct ptx_instruction *in)
{
    number_result(thread, in, width(in) - 1 - (uint32_t)highest(bits(thread, in, 1)));
}

void execute_bfind(struct thread *thread, const struct ptx_instruction *in)
{
    u128 value = read_value(thread, &in->operands[1], type_of(in, 0));
    int at = highest(low_bits((s128)value < 0 ? ~value : value, width(in)));

    number_result(thread, in,
                  at >= 0 && has(in, PTX_W_SHIFTAMT) ? width(in) - 1 - (uint32_t)at : (uint32_t)at);
}

void execute_brev(struct thread *thread, const struct ptx_instruction *in)
{
    u128 value = bits(thread, in, 1), reversed = 0;

    for (unsigned i = 0; i < width(in); i++) {
        reversed |= (value >> i & 1) << (width(in) - 1 - i);
    }
    result(thread, in, reversed);
}

static uint32_t nth_set_bit(uint32_t mask, int32_t base, int32_t offset)
{
    int64_t count = offset < 0 ? -(int64_t)offset : offset;
    int step = offset > 0 ? 1 : -1;

    if (offset == 0) {
        return mask >> base & 1 ? (uint32_t)base : UINT32_MAX;
    }
    for (int at = base; at >= 0 && at < 32; at += step) {
        count -= mask >> at & 1;
        if (count == 0) {
            return (uint32_t)at;
        }
    }
    return UINT32_MAX;
}

void execute_fns(struct thread *thread, const struct ptx_instruction *in)
{
    number_result(thread, in,
                  nth_set_bit(number(thread, in, 1), (int32_t)(number(thread, in, 2) & 31),
                              (int32_t)number(thread, in, 3)));
}

/* ---- Fields ---- */

void execute_bfe(struct thread *thread, const struct ptx_instruction *in)
{
    u128 value = bits(thread, in, 1), field = 0;
    unsigned from = number(thread, in, 2) & 0xFF, length = number(thread, in, 3) & 0xFF;
    unsigned last = width(in) - 1;
    unsigned sign_at = from + length - 1 < last ? from + length - 1 : last;
    bool sign = is_signed(type_of(in, 0)) && length && (value >> sign_at & 1);

    for (unsigned i = 0; i <= last; i++) {
        bool bit = i < length && from + i <= last ? value >> (from + i) & 1 : sign;

        field |= (u128)bit << i;
    }
    result(thread, in, field);
}

void execute_bfi(struct thread *thread, const struct ptx_instruction *in)
{
    u128 field = bits(thread, in, 1), value = bits(thread, in, 2);
    unsigned from = number(thread, in, 3) & 0xFF, length = number(thread, in, 4) & 0xFF;

    for (unsigned i = 0; i < length && from + i < width(in); i++) {
        u128 bit = (u128)1 << (from + i);

        value = field >> i & 1 ? value | bit : value & ~bit;
    }
    result(thread, in, value);
}

/* Bits from a on, b of them. Clamped: what is 32 or more makes no bits, or all above. */
void execute_bmsk(struct thread *thread, const struct ptx_instruction *in)
{
    uint64_t from = number(thread, in, 1), length = number(thread, in, 2);

    if (has(in, PTX_W_WRAP)) {
        from &= 31;
        length &= 31;
    }
    length = length > 32 ? 32 : length;
    result(thread, in, from < 32 ? ((1ULL << length) - 1) << from : 0);
}

void execute_szext(struct thread *thread, const struct ptx_instruction *in)
{
    uint32_t count = number(thread, in, 2);
    u128 value = bits(thread, in, 1);
    bool whole = has(in, PTX_W_CLAMP) && count >= 32;

    count &= 31;
    if (!whole) {
        bool sign = is_signed(type_of(in, 0)) && count && (value >> (count - 1) & 1);

        value = low_bits(value, count) | (sign ? ~(u128)0 << count : 0);
    }
    result(thread, in, value);
}

/* ---- Bytes ---- */

static uint32_t pick_byte(uint64_t bytes, unsigned selector)
{
    uint32_t byte = (uint32_t)(bytes >> ((selector & 7) * 8)) & 0xFF;

    return selector & 8 ? (byte & 0x80 ? 0xFF : 0) : byte;
}

/* The selector of byte i in the mode, which c's low two bits choose from. */
static unsigned selector_of(const struct ptx_instruction *in, uint32_t c, unsigned i)
{
    unsigned from = c & 3;

    if (has(in, PTX_W_F4E)) {
        return from + i;
    }
    if (has(in, PTX_W_B4E)) {
        return (from - i) & 7;
    }
    if (has(in, PTX_W_RC8)) {
        return from;
    }
    if (has(in, PTX_W_ECL)) {
        return i > from ? i : from;
    }
    if (has(in, PTX_W_ECR)) {
        return i < from ? i : from;
    }
    if (has(in, PTX_W_RC16)) {
        return (from & 1) * 2 + (i & 1);
    }
    return c >> (i * 4) & 15;
}

void execute_prmt(struct thread *thread, const struct ptx_instruction *in)
{
    uint64_t bytes = (uint64_t)bits(thread, in, 2) << 32 | (uint64_t)bits(thread, in, 1);
    uint32_t c = number(thread, in, 3), picked = 0;

    for (unsigned i = 0; i < 4; i++) {
        picked |= pick_byte(bytes, selector_of(in, c, i)) << (i * 8);
    }
    result(thread, in, picked);
}
