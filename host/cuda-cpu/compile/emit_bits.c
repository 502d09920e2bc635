/* SPDX-License-Identifier: BSD-2-Clause */
/* Bits: logic, shifts, fields, permutations. PTX ISA 9.7.1 and 9.7.8. */
#include "host/cuda-cpu/compile/vector.h"
#include "host/cuda-cpu/device/function.h"

/* A shift by more than the bits there are: all are gone, or copies of the sign. */
static void shift(struct emitter *emitter, enum ptx_word type, bool left)
{
    bool sign = !left && vector_is_signed(type);
    unsigned bits = ptx_type_bits(type);
    value a = vector_source(emitter, 1, type), by = vector_source(emitter, 2, PTX_W_U32);
    value most = vector_constant(emitter, PTX_W_B32, bits - 1), shifted, amount;
    value too_far = vector_compare(emitter, "ugt", PTX_W_B32, by, most);

    by = vector_call2(emitter, "umin", PTX_W_B32, by, most);
    amount = bits == 64   ? vector_widen(emitter, PTX_W_U32, PTX_W_B64, by)
             : bits == 16 ? vector_narrow(emitter, PTX_W_B32, PTX_W_B16, by)
                          : by;
    shifted = vector_binary(emitter, left ? "shl" : sign ? "ashr" : "lshr", type, a, amount);
    if (!sign) {
        shifted = vector_choose(emitter, emit_bits(type), too_far,
                                vector_constant(emitter, type, 0), shifted);
    }
    vector_result(emitter, type, shifted);
}

static void funnel_shift(struct emitter *emitter)
{
    bool left = emit_has(emitter, PTX_W_L);
    value a = vector_source(emitter, 1, PTX_W_B32), b = vector_source(emitter, 2, PTX_W_B32);
    value by = vector_source(emitter, 3, PTX_W_B32), shifted, all;

    shifted = emit_value(emitter,
                         "call <32 x i32> @llvm.%s.v32i32(<32 x i32> %%t%u, <32 x i32> %%t%u, "
                         "<32 x i32> %%t%u)",
                         left ? "fshl" : "fshr", b, a, by);
    if (emit_has(emitter, PTX_W_CLAMP)) {
        all =
            vector_compare(emitter, "ugt", PTX_W_B32, by, vector_constant(emitter, PTX_W_B32, 31));
        shifted = vector_choose(emitter, PTX_W_B32, all, left ? a : b, shifted);
    }
    vector_result(emitter, PTX_W_B32, shifted);
}

static value count_bits(struct emitter *emitter, const char *intrinsic, enum ptx_word type,
                        value of)
{
    bool has_flag = intrinsic[0] == 'c' && intrinsic[1] == 't' && intrinsic[2] == 'l';
    const char *vector = emit_vector(type);
    value counted = emit_value(emitter, "call %s @llvm.%s.v32%s(%s %%t%u%s)", vector, intrinsic,
                               emit_element(type), vector, of, has_flag ? ", i1 false" : "");

    return ptx_type_bits(type) == 64 ? vector_narrow(emitter, PTX_W_B64, PTX_W_B32, counted)
                                     : counted;
}

/* The place of the highest bit that differs from the sign; -1 without one. */
static void find_bit(struct emitter *emitter, enum ptx_word type)
{
    value a = vector_source(emitter, 1, type), zeros, found, none;
    unsigned bits = ptx_type_bits(type);

    if (vector_is_signed(type)) {
        value sign =
            vector_binary(emitter, "ashr", type, a, vector_constant(emitter, type, bits - 1));

        a = vector_binary(emitter, "xor", type, a, sign);
    }
    none = vector_compare(emitter, "eq", type, a, vector_constant(emitter, type, 0));
    zeros = count_bits(emitter, "ctlz", emit_bits(type), a);
    found = emit_has(emitter, PTX_W_SHIFTAMT)
                ? zeros
                : vector_binary(emitter, "sub", PTX_W_B32,
                                vector_constant(emitter, PTX_W_B32, bits - 1), zeros);
    vector_result(emitter, PTX_W_U32,
                  vector_choose(emitter, PTX_W_B32, none,
                                vector_constant(emitter, PTX_W_B32, 0xFFFFFFFF), found));
}

/* Eight bits of an operand that are a position or a length, as wide as the type. */
static value field_number(struct emitter *emitter, unsigned index, enum ptx_word type)
{
    value number =
        vector_binary(emitter, "and", PTX_W_B32, vector_source(emitter, index, PTX_W_B32),
                      vector_constant(emitter, PTX_W_B32, 0xFF));

    return ptx_type_bits(type) == 64 ? vector_widen(emitter, PTX_W_U32, PTX_W_B64, number) : number;
}

/* `number` ones in the low bits, any number. */
static value ones(struct emitter *emitter, enum ptx_word type, value number)
{
    unsigned bits = ptx_type_bits(type);
    value most = vector_constant(emitter, type, bits - 1);
    value all = vector_compare(emitter, "ugt", type, number, most);
    value low = vector_call2(emitter, "umin", emit_bits(type), number, most);
    value one = vector_constant(emitter, type, 1);
    value mask =
        vector_binary(emitter, "sub", type, vector_binary(emitter, "shl", type, one, low), one);

    return vector_choose(emitter, emit_bits(type), all,
                         vector_constant(emitter, type, UINT64_MAX >> (64 - bits)), mask);
}

/* A shift that gives zeros when it is as long as the type or longer. */
static value shift_or_zero(struct emitter *emitter, const char *what, enum ptx_word type, value a,
                           value by)
{
    value most = vector_constant(emitter, type, ptx_type_bits(type) - 1);
    value too_far = vector_compare(emitter, "ugt", type, by, most);
    value shifted = vector_binary(emitter, what, type, a,
                                  vector_call2(emitter, "umin", emit_bits(type), by, most));

    return vector_choose(emitter, emit_bits(type), too_far, vector_constant(emitter, type, 0),
                         shifted);
}

static void extract_field(struct emitter *emitter, enum ptx_word type)
{
    enum ptx_word bits = emit_bits(type);
    value a = vector_source(emitter, 1, type);
    value position = field_number(emitter, 2, type), length = field_number(emitter, 3, type);
    value mask = ones(emitter, bits, length);
    value field = vector_binary(emitter, "and", bits,
                                shift_or_zero(emitter, "lshr", bits, a, position), mask);

    if (vector_is_signed(type)) {
        value zero = vector_constant(emitter, bits, 0), one = vector_constant(emitter, bits, 1);
        value top = vector_constant(emitter, bits, ptx_type_bits(type) - 1);
        value last = vector_binary(emitter, "sub", bits,
                                   vector_binary(emitter, "add", bits, position, length), one);
        value sign = vector_binary(
            emitter, "and", bits,
            vector_binary(emitter, "lshr", bits, a, vector_call2(emitter, "umin", bits, last, top)),
            one);
        value within =
            vector_binary(emitter, "sub", bits, vector_constant(emitter, bits, ptx_type_bits(type)),
                          vector_call2(emitter, "umin", bits, position,
                                       vector_constant(emitter, bits, ptx_type_bits(type))));
        value have = ones(emitter, bits, vector_call2(emitter, "umin", bits, length, within));
        value fill =
            vector_binary(emitter, "xor", bits, have,
                          vector_constant(emitter, bits, UINT64_MAX >> (64 - ptx_type_bits(type))));
        value negative = vector_compare(emitter, "ne", bits, sign, zero);
        value empty = vector_compare(emitter, "eq", bits, length, zero);

        fill = vector_choose(emitter, bits, negative, fill, zero);
        field = vector_binary(emitter, "or", bits, field,
                              vector_choose(emitter, bits, empty, zero, fill));
    }
    vector_result(emitter, bits, field);
}

static void insert_field(struct emitter *emitter, enum ptx_word type)
{
    value a = vector_source(emitter, 1, type), b = vector_source(emitter, 2, type);
    value position = field_number(emitter, 3, type), length = field_number(emitter, 4, type);
    value mask = shift_or_zero(emitter, "shl", type, ones(emitter, type, length), position);
    value moved = shift_or_zero(emitter, "shl", type, a, position);
    value all = vector_constant(emitter, type, UINT64_MAX >> (64 - ptx_type_bits(type)));
    value kept =
        vector_binary(emitter, "and", type, b, vector_binary(emitter, "xor", type, mask, all));

    vector_result(
        emitter, type,
        vector_binary(emitter, "or", type, kept, vector_binary(emitter, "and", type, moved, mask)));
}

/* As a sum of products over the eight rows of the table. */
static void lookup(struct emitter *emitter)
{
    value sources[3], inverses[3], all = vector_constant(emitter, PTX_W_B32, 0xFFFFFFFF);
    value sum = vector_constant(emitter, PTX_W_B32, 0);
    bool has_predicate = emit_has(emitter, PTX_W_OR) || emit_has(emitter, PTX_W_AND);
    const struct ptx_operand *destination = vector_operand(emitter, 0);
    uint64_t table = vector_operand(emitter, 4)->bits;

    for (unsigned i = 0; i < 3; i++) {
        sources[i] = vector_source(emitter, i + 1, PTX_W_B32);
        inverses[i] = vector_binary(emitter, "xor", PTX_W_B32, sources[i], all);
    }
    for (unsigned row = 0; row < 8; row++) {
        value term = row & 4 ? sources[0] : inverses[0];

        if (table >> row & 1) {
            term =
                vector_binary(emitter, "and", PTX_W_B32, term, row & 2 ? sources[1] : inverses[1]);
            term =
                vector_binary(emitter, "and", PTX_W_B32, term, row & 1 ? sources[2] : inverses[2]);
            sum = vector_binary(emitter, "or", PTX_W_B32, sum, term);
        }
    }
    if (!has_predicate) {
        emit_put(emitter, destination, PTX_W_B32, sum);
        return;
    }
    value p = vector_compare(emitter, "ne", PTX_W_B32, sum, vector_constant(emitter, PTX_W_B32, 0));

    p = vector_binary(emitter, emit_has(emitter, PTX_W_OR) ? "or" : "and", PTX_W_PRED, p,
                      vector_source(emitter, 5, PTX_W_PRED));
    emit_put(emitter, &destination->items[0], PTX_W_B32, sum);
    emit_put(emitter, &destination->items[1], PTX_W_PRED, p);
}

/* The number of the byte that comes to place i, by the two lowest bits of c. */
static value mode_selector(struct emitter *emitter, value c, unsigned i)
{
    value from = vector_with(emitter, "and", PTX_W_B32, c, 3);
    value place = vector_constant(emitter, PTX_W_B32, i);

    if (emit_has(emitter, PTX_W_F4E)) {
        return vector_binary(emitter, "add", PTX_W_B32, from, place);
    }
    if (emit_has(emitter, PTX_W_B4E)) {
        from = vector_binary(emitter, "sub", PTX_W_B32, from, place);
        return vector_with(emitter, "and", PTX_W_B32, from, 7);
    }
    if (emit_has(emitter, PTX_W_ECL)) {
        return vector_call2(emitter, "umax", PTX_W_B32, from, place);
    }
    if (emit_has(emitter, PTX_W_ECR)) {
        return vector_call2(emitter, "umin", PTX_W_B32, from, place);
    }
    if (emit_has(emitter, PTX_W_RC16)) {
        from = vector_with(emitter, "and", PTX_W_B32, from, 1);
        from = vector_with(emitter, "shl", PTX_W_B32, from, 1);
        return vector_with(emitter, "add", PTX_W_B32, from, i & 1);
    }
    return from; /* rc8 */
}

/* A byte of b:a; with bit 3 of the selector, its sign in all bits. */
static value picked_byte(struct emitter *emitter, value pair, value selector)
{
    value wide = vector_widen(emitter, PTX_W_U32, PTX_W_B64, selector), byte, sign, replicate;

    wide =
        vector_with(emitter, "shl", PTX_W_B64, vector_with(emitter, "and", PTX_W_B64, wide, 7), 3);
    byte = vector_narrow(emitter, PTX_W_B64, PTX_W_B8,
                         vector_binary(emitter, "lshr", PTX_W_B64, pair, wide));
    sign = vector_with(emitter, "ashr", PTX_W_B8, byte, 7);
    replicate = vector_compare(emitter, "ne", PTX_W_B32,
                               vector_with(emitter, "and", PTX_W_B32, selector, 8),
                               vector_constant(emitter, PTX_W_B32, 0));
    return vector_widen(emitter, PTX_W_U8, PTX_W_B32,
                        vector_choose(emitter, PTX_W_B8, replicate, sign, byte));
}

/* Bytes of b:a chosen by the nibbles of c, or by a mode. */
static void permute(struct emitter *emitter)
{
    bool has_mode = emitter->instruction->word_count > 1;
    value a = vector_widen(emitter, PTX_W_U32, PTX_W_B64, vector_source(emitter, 1, PTX_W_B32));
    value b = vector_widen(emitter, PTX_W_U32, PTX_W_B64, vector_source(emitter, 2, PTX_W_B32));
    value pair =
        vector_binary(emitter, "or", PTX_W_B64, a, vector_with(emitter, "shl", PTX_W_B64, b, 32));
    value c = vector_source(emitter, 3, PTX_W_B32);
    value bytes = vector_constant(emitter, PTX_W_B32, 0);

    for (unsigned i = 0; i < 4; i++) {
        value selector = has_mode ? mode_selector(emitter, c, i)
                                  : vector_with(emitter, "lshr", PTX_W_B32, c, 4 * i);
        value byte = picked_byte(emitter, pair, selector);

        bytes = vector_binary(emitter, "or", PTX_W_B32, bytes,
                              vector_with(emitter, "shl", PTX_W_B32, byte, 8 * i));
    }
    vector_result(emitter, PTX_W_B32, bytes);
}

static void find_nth_set(struct emitter *emitter)
{
    const value sources[] = {vector_source(emitter, 1, PTX_W_B32),
                             vector_source(emitter, 2, PTX_W_B32),
                             vector_source(emitter, 3, PTX_W_B32)};

    vector_result(emitter, PTX_W_B32, emit_function_call(emitter, WARP_FNS, PTX_W_B32, sources, 3));
}

/* Ones from a bit on, a number of them; .clamp: more than there are is none or all. */
static void make_mask(struct emitter *emitter)
{
    bool clamps = emit_has(emitter, PTX_W_CLAMP);
    value position = vector_source(emitter, 1, PTX_W_B32),
          length = vector_source(emitter, 2, PTX_W_B32);
    value most = vector_constant(emitter, PTX_W_B32, 31);

    if (!clamps) {
        position = vector_binary(emitter, "and", PTX_W_B32, position, most);
        length = vector_binary(emitter, "and", PTX_W_B32, length, most);
    }
    vector_result(
        emitter, PTX_W_B32,
        shift_or_zero(emitter, "shl", PTX_W_B32, ones(emitter, PTX_W_B32, length), position));
}

/* The low bits, the highest of them repeated or zeros above it. */
static void extend(struct emitter *emitter, enum ptx_word type)
{
    value a = vector_source(emitter, 1, PTX_W_B32), by = vector_source(emitter, 2, PTX_W_B32);
    value most = vector_constant(emitter, PTX_W_B32, 31), none, all, away, left;

    all = vector_compare(emitter, "ugt", PTX_W_B32, by, most);
    by = vector_binary(emitter, "and", PTX_W_B32, by, most);
    none = vector_compare(emitter, "eq", PTX_W_B32, by, vector_constant(emitter, PTX_W_B32, 0));
    away = vector_binary(
        emitter, "and", PTX_W_B32,
        vector_binary(emitter, "sub", PTX_W_B32, vector_constant(emitter, PTX_W_B32, 32), by),
        most);
    left = vector_binary(emitter, "shl", PTX_W_B32, a, away);
    left = vector_binary(emitter, vector_is_signed(type) ? "ashr" : "lshr", PTX_W_B32, left, away);
    left = vector_choose(emitter, PTX_W_B32, none, vector_constant(emitter, PTX_W_B32, 0), left);
    vector_result(emitter, PTX_W_B32,
                  emit_has(emitter, PTX_W_CLAMP) ? vector_choose(emitter, PTX_W_B32, all, a, left)
                                                 : left);
}

/* ---- By opcode ---- */

static void logic(struct emitter *emitter, const char *what, enum ptx_word type)
{
    value a = vector_source(emitter, 1, type), b = vector_source(emitter, 2, type);

    vector_result(emitter, type, vector_binary(emitter, what, type, a, b));
}

static void invert(struct emitter *emitter, enum ptx_word type)
{
    value a = vector_source(emitter, 1, type);
    value all = emit_splat(emitter, type, UINT64_MAX >> (64 - ptx_type_bits(type)));

    vector_result(emitter, type, vector_binary(emitter, "xor", type, a, all));
}

static void logical_not(struct emitter *emitter, enum ptx_word type)
{
    value a = vector_source(emitter, 1, type);
    value is_zero = vector_compare(emitter, "eq", type, a, vector_constant(emitter, type, 0));

    vector_result(emitter, type,
                  emit_value(emitter, "zext <32 x i1> %%t%u to %s", is_zero, emit_vector(type)));
}

bool emit_bits_operation(struct emitter *emitter)
{
    enum ptx_word type = emit_type(emitter, 0);

    switch (emitter->instruction->opcode) {
    case PTX_AND:
        logic(emitter, "and", type);
        return true;
    case PTX_OR:
        logic(emitter, "or", type);
        return true;
    case PTX_XOR:
        logic(emitter, "xor", type);
        return true;
    case PTX_NOT:
        invert(emitter, type);
        return true;
    case PTX_CNOT:
        logical_not(emitter, type);
        return true;
    case PTX_SHL:
    case PTX_SHR:
        shift(emitter, type, emitter->instruction->opcode == PTX_SHL);
        return true;
    case PTX_SHF:
        funnel_shift(emitter);
        return true;
    case PTX_POPC:
        vector_result(emitter, PTX_W_U32,
                      count_bits(emitter, "ctpop", type, vector_source(emitter, 1, type)));
        return true;
    case PTX_CLZ:
        vector_result(emitter, PTX_W_U32,
                      count_bits(emitter, "ctlz", type, vector_source(emitter, 1, type)));
        return true;
    case PTX_BREV:
        vector_result(emitter, type,
                      emit_value(emitter, "call %s @llvm.bitreverse.v32%s(%s %%t%u)",
                                 emit_vector(type), emit_element(type), emit_vector(type),
                                 vector_source(emitter, 1, type)));
        return true;
    case PTX_BFIND:
        find_bit(emitter, type);
        return true;
    case PTX_BFE:
        extract_field(emitter, type);
        return true;
    case PTX_BFI:
        insert_field(emitter, type);
        return true;
    case PTX_LOP3:
        lookup(emitter);
        return true;
    case PTX_FNS:
        find_nth_set(emitter);
        return true;
    case PTX_PRMT:
        permute(emitter);
        return true;
    case PTX_BMSK:
        make_mask(emitter);
        return true;
    case PTX_SZEXT:
        extend(emitter, type);
        return true;
    default:
        return false;
    }
}
