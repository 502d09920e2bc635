/* SPDX-License-Identifier: BSD-2-Clause */
/* Video instructions: PTX ISA 9.7.16 and 9.7.17. */
#include <string.h>

#include "tests/models/ptx/families.h"

/* A byte, a half or a word of an operand. */
struct part {
    unsigned at, bits;
};

/* .b2, .h10 and so on; .x is of a vector, whose parts are words. */
static bool names_parts(const struct ptx_operand *operand)
{
    return operand->select != NULL && operand->select[1] != '\0';
}

/* Behind a name: .b2, .h1; nothing: the word. */
static struct part part_of(const struct ptx_operand *operand)
{
    unsigned bits;

    if (!names_parts(operand)) {
        return (struct part){0, 32};
    }
    bits = operand->select[0] == 'b' ? 8 : 16;
    return (struct part){(unsigned)(operand->select[1] - '0') * bits, bits};
}

static s128 extend_part(uint64_t value, unsigned bits, bool is_signed)
{
    value &= (1ULL << bits) - 1;
    return is_signed && value >> (bits - 1) ? (s128)value - ((s128)1 << bits) : (s128)value;
}

static uint32_t word(struct thread *thread, const struct ptx_instruction *in, unsigned index)
{
    return (uint32_t)read_bits(thread, &in->operands[index], PTX_W_B32);
}

static s128 selected(struct thread *thread, const struct ptx_instruction *in, unsigned index,
                     enum ptx_word type)
{
    struct part part = part_of(&in->operands[index]);

    return extend_part(word(thread, in, index) >> part.at, part.bits, is_signed(type));
}

static s128 clamp(s128 value, unsigned bits, bool is_signed)
{
    s128 most = ((s128)1 << (bits - is_signed)) - 1, least = is_signed ? -most - 1 : 0;

    return value < least ? least : value > most ? most : value;
}

/* ---- The operations ---- */

static s128 average(s128 sum)
{
    return sum >= 0 ? (sum + 1) >> 1 : sum >> 1;
}

static bool compare(const struct ptx_instruction *in, s128 a, s128 b)
{
    return has(in, PTX_W_EQ)   ? a == b
           : has(in, PTX_W_NE) ? a != b
           : has(in, PTX_W_LT) ? a < b
           : has(in, PTX_W_LE) ? a <= b
           : has(in, PTX_W_GT) ? a > b
                               : a >= b;
}

static s128 shift(const struct ptx_instruction *in, s128 a, s128 b)
{
    b = has(in, PTX_W_WRAP) ? b & 31 : b > 32 ? 32 : b;
    return in->opcode == PTX_VSHL ? (s128)((u128)a << b) : a >> b;
}

static s128 operate(const struct ptx_instruction *in, s128 a, s128 b)
{
    switch (in->opcode) {
    case PTX_VADD:
    case PTX_VADD2:
    case PTX_VADD4:
        return a + b;
    case PTX_VSUB:
    case PTX_VSUB2:
    case PTX_VSUB4:
        return a - b;
    case PTX_VAVRG2:
    case PTX_VAVRG4:
        return average(a + b);
    case PTX_VABSDIFF:
    case PTX_VABSDIFF2:
    case PTX_VABSDIFF4:
        return a > b ? a - b : b - a;
    case PTX_VMIN:
    case PTX_VMIN2:
    case PTX_VMIN4:
        return a < b ? a : b;
    case PTX_VMAX:
    case PTX_VMAX2:
    case PTX_VMAX4:
        return a > b ? a : b;
    case PTX_VSHL:
    case PTX_VSHR:
        return shift(in, a, b);
    default:
        return compare(in, a, b);
    }
}

static bool is_comparison(const struct ptx_instruction *in)
{
    return in->opcode == PTX_VSET || in->opcode == PTX_VSET2 || in->opcode == PTX_VSET4;
}

/* A comparison has no type of its own for the result, which is unsigned. */
static enum ptx_word result_type(const struct ptx_instruction *in)
{
    return is_comparison(in) ? PTX_W_U32 : type_of(in, 0);
}

static enum ptx_word value_type(const struct ptx_instruction *in, unsigned index)
{
    return type_of(in, index + !is_comparison(in));
}

/* ---- One value ---- */

/* With c: added, compared, or what the result is put into. */
static uint32_t combine(const struct ptx_instruction *in, struct part part, s128 value, uint32_t c)
{
    s128 wide_c = extend_part(c, 32, is_signed(result_type(in)));
    s128 low = extend_part((uint64_t)value, 32, is_signed(result_type(in)));
    uint64_t mask = ((1ULL << part.bits) - 1) << part.at;

    if (has(in, PTX_W_ADD)) {
        return (uint32_t)(low + wide_c);
    }
    if (has(in, PTX_W_MIN)) {
        return (uint32_t)(low < wide_c ? low : wide_c);
    }
    if (has(in, PTX_W_MAX)) {
        return (uint32_t)(low > wide_c ? low : wide_c);
    }
    return (uint32_t)((c & ~mask) | ((uint64_t)value << part.at & mask));
}

/* The result's register is written whole, whatever its part. */
static void write_whole(struct thread *thread, const struct ptx_instruction *in, uint32_t value)
{
    write_bits(thread, &in->operands[0], PTX_W_B32, value);
}

void execute_video(struct thread *thread, const struct ptx_instruction *in)
{
    struct part part = part_of(&in->operands[0]);
    s128 value = operate(in, selected(thread, in, 1, value_type(in, 0)),
                         selected(thread, in, 2, value_type(in, 1)));

    if (has(in, PTX_W_SAT)) {
        value = clamp(value, part.bits, is_signed(result_type(in)));
    }
    write_whole(thread, in,
                in->operand_count > 3 ? combine(in, part, value, word(thread, in, 3))
                                      : (uint32_t)value);
}

void execute_vmad(struct thread *thread, const struct ptx_instruction *in)
{
    enum ptx_word a_type = type_of(in, 1), b_type = type_of(in, 2);
    bool negated = in->operands[1].negated != in->operands[2].negated;
    bool c_negated = in->operands[3].negated;
    bool is_signed_result = is_signed(a_type) || is_signed(b_type) || negated || c_negated;
    s128 product = selected(thread, in, 1, a_type) * selected(thread, in, 2, b_type);
    s128 c = extend_part(word(thread, in, 3), 32, is_signed_result);
    s128 sum = (negated ? -product : product) + (c_negated ? -c : c) + has(in, PTX_W_PO);

    sum >>= has(in, PTX_W_SHR7) ? 7 : has(in, PTX_W_SHR15) ? 15 : 0;
    write_whole(thread, in,
                (uint32_t)(has(in, PTX_W_SAT) ? clamp(sum, 32, is_signed_result) : sum));
}

/* ---- Two or four values ---- */

/* Which element of {b, a} is the result's i-th: .h10 means 0 for the lower and 1 for the upper. */
static unsigned chosen(const struct ptx_operand *operand, unsigned count, unsigned i,
                       unsigned otherwise)
{
    return names_parts(operand) ? (unsigned)(operand->select[count - i] - '0') : otherwise;
}

/* Whether the i-th is among those of .h1, .b31 and so on. */
static bool is_chosen(const struct ptx_operand *operand, unsigned i)
{
    return !names_parts(operand) || strchr(operand->select, (int)('0' + i)) != NULL;
}

static s128 packed_value(struct thread *thread, const struct ptx_instruction *in, unsigned count,
                         unsigned operand, unsigned i)
{
    uint64_t both = (uint64_t)word(thread, in, 2) << 32 | word(thread, in, 1);
    unsigned which = chosen(&in->operands[operand], count, i, operand == 1 ? i : count + i);
    unsigned bits = 32 / count;

    return extend_part(both >> (which * bits), bits, is_signed(value_type(in, operand - 1)));
}

void execute_packed_video(struct thread *thread, const struct ptx_instruction *in)
{
    unsigned count = ptx_opcode_name(in->opcode)[strlen(ptx_opcode_name(in->opcode)) - 1] - '0';
    unsigned bits = 32 / count;
    uint32_t result = word(thread, in, 3), mask = (uint32_t)((1ULL << bits) - 1);

    for (unsigned i = 0; i < count; i++) {
        s128 value = operate(in, packed_value(thread, in, count, 1, i),
                             packed_value(thread, in, count, 2, i));

        if (has(in, PTX_W_SAT)) {
            value = clamp(value, bits, is_signed(result_type(in)));
        }
        if (!is_chosen(&in->operands[0], i)) {
            continue;
        }
        result = has(in, PTX_W_ADD)
                     ? result + (uint32_t)value
                     : (result & ~(mask << (i * bits))) | ((uint32_t)value & mask) << (i * bits);
    }
    write_whole(thread, in, result);
}
