/* SPDX-License-Identifier: BSD-2-Clause */
/* Floating point: PTX ISA 9.7.3. What the processor has is there in line, the rest is called. */
#include "host/cuda-cpu/compile/vector.h"
#include "host/cuda-cpu/device/function.h"

#define SIGN_F32 0x80000000u
#define SIGN_F64 0x8000000000000000u

enum rounding { ROUND_RN, ROUND_RZ, ROUND_RM, ROUND_RP };

static enum rounding rounding(const struct emitter *emitter)
{
    return emit_has(emitter, PTX_W_RZ)   ? ROUND_RZ
           : emit_has(emitter, PTX_W_RM) ? ROUND_RM
           : emit_has(emitter, PTX_W_RP) ? ROUND_RP
                                         : ROUND_RN;
}

/* Bit operations go over integers. */
static value as_bits(struct emitter *emitter, enum ptx_word type, value from)
{
    return emit_value(emitter, "bitcast %s %%t%u to %s", emit_vector(type), from,
                      emit_vector(emit_bits(type)));
}

static value as_float(struct emitter *emitter, enum ptx_word type, value bits)
{
    return emit_value(emitter, "bitcast %s %%t%u to %s", emit_vector(emit_bits(type)), bits,
                      emit_vector(type));
}

static value with_bits(struct emitter *emitter, const char *what, enum ptx_word type, value from,
                       uint64_t mask)
{
    enum ptx_word bits = emit_bits(type);
    value masked = emit_value(emitter, "%s %s %%t%u, %%t%u", what, emit_vector(bits),
                              as_bits(emitter, type, from), emit_splat(emitter, bits, mask));

    return as_float(emitter, type, masked);
}

value emit_flush(struct emitter *emitter, value of)
{
    value bits = as_bits(emitter, PTX_W_F32, of);
    value exponent = emit_value(emitter, "and <32 x i32> %%t%u, splat (i32 2139095040)", bits);
    value is_small = emit_value(emitter, "icmp eq <32 x i32> %%t%u, zeroinitializer", exponent);
    value sign = emit_value(emitter, "and <32 x i32> %%t%u, splat (i32 -2147483648)", bits);
    value chosen = emit_value(emitter, "select <32 x i1> %%t%u, <32 x i32> %%t%u, <32 x i32> %%t%u",
                              is_small, sign, bits);

    return as_float(emitter, PTX_W_F32, chosen);
}

value emit_saturate(struct emitter *emitter, enum ptx_word type, value of)
{
    const char *vector = emit_vector(type), *element = emit_element(type);
    value above = emit_value(emitter, "fcmp ogt %s %%t%u, zeroinitializer", vector, of);
    value positive = emit_value(emitter, "select <32 x i1> %%t%u, %s %%t%u, %s zeroinitializer",
                                above, vector, of, vector);
    value large =
        emit_value(emitter, "fcmp ogt %s %%t%u, splat (%s 1.0)", vector, positive, element);

    return emit_value(emitter, "select <32 x i1> %%t%u, %s splat (%s 1.0), %s %%t%u", large, vector,
                      element, vector, positive);
}

/* .approx.ftz.f64 knows the upper words alone: PTX ISA 9.7.3.14. */
static value upper_word(struct emitter *emitter, value of)
{
    value bits = vector_with(emitter, "and", PTX_W_B64, as_bits(emitter, PTX_W_F64, of),
                             UINT64_C(0xFFFFFFFF00000000));
    value exponent = vector_with(emitter, "and", PTX_W_B64, bits, UINT64_C(0x7FF0000000000000));
    value is_small =
        vector_compare(emitter, "eq", PTX_W_B64, exponent, vector_constant(emitter, PTX_W_B64, 0));
    value sign = vector_with(emitter, "and", PTX_W_B64, bits, SIGN_F64);

    return as_float(emitter, PTX_W_F64, vector_choose(emitter, PTX_W_B64, is_small, sign, bits));
}

static value flushed(struct emitter *emitter, enum ptx_word type, value of)
{
    if (!emit_has(emitter, PTX_W_FTZ)) {
        return of;
    }
    return type == PTX_W_F32 ? emit_flush(emitter, of) : upper_word(emitter, of);
}

static value source(struct emitter *emitter, unsigned index, enum ptx_word type)
{
    value got = emit_get(emitter, &emitter->instruction->operands[index], type);

    return flushed(emitter, type, got);
}

static void result(struct emitter *emitter, enum ptx_word type, value of)
{
    of = flushed(emitter, type, of);
    if (emit_has(emitter, PTX_W_SAT)) {
        of = emit_saturate(emitter, type, of);
    }
    emit_put(emitter, &emitter->instruction->operands[0], type, of);
}

value emit_function_call(struct emitter *emitter, uint32_t function, enum ptx_word type,
                         const value *sources, unsigned count)
{
    value pointers[4], callee;

    for (unsigned i = 0; i < 3; i++) {
        pointers[i] = i < count ? emit_spill(emitter, i, type, sources[i]) : emit_slot(emitter, i);
    }
    pointers[3] = emit_slot(emitter, 3);
    callee = emit_field(emitter, offsetof(struct warp, function), "ptr");
    emit(emitter, "call void %%t%u(ptr %%w, i32 %u, ptr %%t%u, ptr %%t%u, ptr %%t%u, ptr %%t%u)",
         callee, function, pointers[3], pointers[0], pointers[1], pointers[2]);
    return emit_reload(emitter, 3, type);
}

/* A function's number in the order rn, rz, rm, rp, or without rn. */
static enum warp_function rounded(enum warp_function first, enum rounding round)
{
    return (enum warp_function)(first + round);
}

static value binary(struct emitter *emitter, const char *what, enum warp_function directed,
                    enum ptx_word type, value a, value b)
{
    enum rounding round = rounding(emitter);
    const value sources[] = {a, b};

    if (round == ROUND_RN) {
        return emit_value(emitter, "%s %s %%t%u, %%t%u", what, emit_vector(type), a, b);
    }
    return emit_function_call(emitter, rounded(directed, (enum rounding)(round - 1)), type, sources,
                              2);
}

static value negated(struct emitter *emitter, enum ptx_word type, value of)
{
    return with_bits(emitter, "xor", type, of, type == PTX_W_F32 ? SIGN_F32 : SIGN_F64);
}

static value absolute(struct emitter *emitter, enum ptx_word type, value of)
{
    return with_bits(emitter, "and", type, of,
                     type == PTX_W_F32 ? ~SIGN_F32 & UINT32_MAX : ~SIGN_F64);
}

static value fused(struct emitter *emitter, enum ptx_word type)
{
    const value sources[] = {source(emitter, 1, type), source(emitter, 2, type),
                             source(emitter, 3, type)};
    enum rounding round = rounding(emitter);
    const char *vector = emit_vector(type);

    if (round == ROUND_RN && emitter->options->has_fma) {
        return emit_value(emitter, "call %s @llvm.fma.v32f%u(%s %%t%u, %s %%t%u, %s %%t%u)", vector,
                          ptx_type_bits(type), vector, sources[0], vector, sources[1], vector,
                          sources[2]);
    }
    return emit_function_call(emitter,
                              rounded(type == PTX_W_F32 ? WARP_FMA_RN_F32 : WARP_FMA_RN_F64, round),
                              type, sources, 3);
}

static value one(struct emitter *emitter, enum ptx_word type)
{
    return emit_splat(emitter, type, type == PTX_W_F32 ? 0x3F800000u : 0x3FF0000000000000u);
}

static value square_root(struct emitter *emitter, enum ptx_word type)
{
    const value a = source(emitter, 1, type);
    enum rounding round = rounding(emitter);

    if (round == ROUND_RN) {
        return emit_value(emitter, "call %s @llvm.sqrt.v32f%u(%s %%t%u)", emit_vector(type),
                          ptx_type_bits(type), emit_vector(type), a);
    }
    return emit_function_call(emitter,
                              rounded(type == PTX_W_F32 ? WARP_SQRT_RZ_F32 : WARP_SQRT_RZ_F64,
                                      (enum rounding)(round - 1)),
                              type, &a, 1);
}

static value divided(struct emitter *emitter, enum ptx_word type)
{
    const value sources[] = {source(emitter, 1, type), source(emitter, 2, type)};

    if (emit_has(emitter, PTX_W_APPROX)) {
        return emit_function_call(emitter, WARP_DIV_APPROX_F32, type, sources, 2);
    }
    return binary(emitter, "fdiv", type == PTX_W_F32 ? WARP_DIV_RZ_F32 : WARP_DIV_RZ_F64, type,
                  sources[0], sources[1]);
}

static value unary_call(struct emitter *emitter, enum warp_function function, enum ptx_word type)
{
    const value a = source(emitter, 1, type);

    return emit_function_call(emitter, function, type, &a, 1);
}

static value copy_sign(struct emitter *emitter, enum ptx_word type)
{
    uint64_t sign = type == PTX_W_F32 ? SIGN_F32 : SIGN_F64;
    enum ptx_word bits = emit_bits(type);
    value from = with_bits(emitter, "and", type, source(emitter, 1, type), sign);
    value rest = absolute(emitter, type, source(emitter, 2, type));
    value both = emit_value(emitter, "or %s %%t%u, %%t%u", emit_vector(bits),
                            as_bits(emitter, type, from), as_bits(emitter, type, rest));

    return as_float(emitter, type, both);
}

/* llvm.is.fpclass's bits. Zeros are normal. */
static void test_property(struct emitter *emitter, enum ptx_word type)
{
    unsigned classes = emit_has(emitter, PTX_W_FINITE)       ? 0x1F8
                       : emit_has(emitter, PTX_W_INFINITE)   ? 0x204
                       : emit_has(emitter, PTX_W_NUMBER)     ? 0x3FC
                       : emit_has(emitter, PTX_W_NOTANUMBER) ? 0x003
                       : emit_has(emitter, PTX_W_NORMAL)     ? 0x168
                                                             : 0x090;
    value a = emit_get(emitter, &emitter->instruction->operands[1], type);

    emit_put(emitter, &emitter->instruction->operands[0], PTX_W_PRED,
             emit_value(emitter, "call <32 x i1> @llvm.is.fpclass.v32f%u(%s %%t%u, i32 %u)",
                        ptx_type_bits(type), emit_vector(type), a, classes));
}

static bool emit_sum(struct emitter *emitter, enum ptx_word type)
{
    bool single = type == PTX_W_F32;

    switch (emitter->instruction->opcode) {
    case PTX_ADD:
        result(emitter, type,
               binary(emitter, "fadd", single ? WARP_ADD_RZ_F32 : WARP_ADD_RZ_F64, type,
                      source(emitter, 1, type), source(emitter, 2, type)));
        return true;
    case PTX_SUB: /* a + -b is the same, rounded too */
        result(emitter, type,
               binary(emitter, "fadd", single ? WARP_ADD_RZ_F32 : WARP_ADD_RZ_F64, type,
                      source(emitter, 1, type), negated(emitter, type, source(emitter, 2, type))));
        return true;
    case PTX_MUL:
        result(emitter, type,
               binary(emitter, "fmul", single ? WARP_MUL_RZ_F32 : WARP_MUL_RZ_F64, type,
                      source(emitter, 1, type), source(emitter, 2, type)));
        return true;
    case PTX_DIV:
        result(emitter, type, divided(emitter, type));
        return true;
    case PTX_RCP:
        result(emitter, type,
               binary(emitter, "fdiv", single ? WARP_DIV_RZ_F32 : WARP_DIV_RZ_F64, type,
                      one(emitter, type), source(emitter, 1, type)));
        return true;
    case PTX_FMA:
    case PTX_MAD:
        result(emitter, type, fused(emitter, type));
        return true;
    case PTX_SQRT:
        result(emitter, type, square_root(emitter, type));
        return true;
    default:
        return false;
    }
}

static bool emit_other(struct emitter *emitter, enum ptx_word type)
{
    switch (emitter->instruction->opcode) {
    case PTX_NEG:
        result(emitter, type, negated(emitter, type, source(emitter, 1, type)));
        return true;
    case PTX_ABS:
        result(emitter, type, absolute(emitter, type, source(emitter, 1, type)));
        return true;
    case PTX_COPYSIGN:
        result(emitter, type, copy_sign(emitter, type));
        return true;
    case PTX_TESTP:
        test_property(emitter, type);
        return true;
    case PTX_RSQRT:
        result(emitter, type,
               unary_call(emitter, type == PTX_W_F32 ? WARP_RSQRT_F32 : WARP_RSQRT_F64, type));
        return true;
    case PTX_EX2:
        result(emitter, type, unary_call(emitter, WARP_EX2_F32, type));
        return true;
    case PTX_LG2:
        result(emitter, type, unary_call(emitter, WARP_LG2_F32, type));
        return true;
    case PTX_SIN:
        result(emitter, type, unary_call(emitter, WARP_SIN_F32, type));
        return true;
    case PTX_COS:
        result(emitter, type, unary_call(emitter, WARP_COS_F32, type));
        return true;
    case PTX_TANH:
        result(emitter, type, unary_call(emitter, WARP_TANH_F32, type));
        return true;
    default:
        return false;
    }
}

bool emit_float(struct emitter *emitter)
{
    enum ptx_word type = emit_type(emitter, 0);

    if (type != PTX_W_F32 && type != PTX_W_F64) {
        return false;
    }
    return emit_sum(emitter, type) || emit_other(emitter, type);
}
