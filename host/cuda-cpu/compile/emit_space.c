/* SPDX-License-Identifier: BSD-2-Clause */
/* What generic addresses are of: PTX ISA 9.7.9.17 to 9.7.9.24, and 9.7.10.6. */
#include "host/cuda-cpu/compile/vector.h"

/* To or from generic: the space's beginning is added or taken away. */
static void convert_address(struct emitter *emitter)
{
    value base = emit_space_base(emitter, emit_named_space(emitter));
    value a = vector_source(emitter, 1, PTX_W_B64);
    const char *what = emit_has(emitter, PTX_W_TO) ? "sub" : "add";

    a = vector_binary(emitter, what, PTX_W_B64, a, base);
    if (emit_type(emitter, 0) == PTX_W_U32) {
        vector_result(emitter, PTX_W_B32, vector_narrow(emitter, PTX_W_B64, PTX_W_B32, a));
    } else {
        vector_result(emitter, PTX_W_B64, a);
    }
}

/* ---- isspacep ---- */

static value is_in(struct emitter *emitter, value addresses, value base, value size)
{
    return vector_compare(emitter, "ult", PTX_W_B64,
                          vector_binary(emitter, "sub", PTX_W_B64, addresses, base), size);
}

static value field(struct emitter *emitter, size_t offset)
{
    return emit_splat_scalar(emitter, PTX_W_B64, emit_field(emitter, offset, "i64"));
}

static value is_in_variable(struct emitter *emitter, value addresses,
                            const struct ptx_variable *variable)
{
    value variables = emit_fixed_field(emitter, offsetof(struct warp, variables), "ptr");
    value pointer = emit_value(emitter, "getelementptr ptr, ptr %%t%u, i64 %llu", variables,
                               (unsigned long long)variable->offset);
    value start = emit_value(emitter, "load i64, ptr %%t%u, align 8", pointer);

    return is_in(emitter, addresses, emit_splat_scalar(emitter, PTX_W_B64, start),
                 emit_splat(emitter, PTX_W_B64, variable->size));
}

/* A constant variable is somewhere among the global ones. */
static value is_constant(struct emitter *emitter, struct ptx_variable *const *variables,
                         size_t count, value addresses)
{
    value found = emit_splat(emitter, PTX_W_PRED, 0);

    for (size_t i = 0; i < count; i++) {
        if (variables[i]->space == PTX_SPACE_CONST) {
            found = vector_binary(emitter, "or", PTX_W_PRED, found,
                                  is_in_variable(emitter, addresses, variables[i]));
        }
    }
    return found;
}

static value is_in_space(struct emitter *emitter, value addresses, enum ptx_space space)
{
    value base = emit_space_base(emitter, space), size;

    switch (space) {
    case PTX_SPACE_CONST:
        return is_constant(emitter, emitter->module->variables, emitter->module->variable_count,
                           addresses);
    case PTX_SPACE_SHARED:
        size = field(emitter, offsetof(struct warp, shared_size));
        break;
    case PTX_SPACE_LOCAL:
        size = field(emitter, offsetof(struct warp, local_stride));
        break;
    default:
        size = field(emitter, offsetof(struct warp, param_size));
    }
    return is_in(emitter, addresses, base, size);
}

/* Global is what is nothing else. */
static void is_space(struct emitter *emitter)
{
    static const enum ptx_space others[] = {PTX_SPACE_CONST, PTX_SPACE_SHARED, PTX_SPACE_LOCAL,
                                            PTX_SPACE_PARAM};
    enum ptx_space space = emit_named_space(emitter);
    value addresses = vector_source(emitter, 1, PTX_W_B64), found;

    if (space != PTX_SPACE_GLOBAL) {
        vector_result(emitter, PTX_W_PRED, is_in_space(emitter, addresses, space));
        return;
    }
    found = emit_splat(emitter, PTX_W_PRED, 0);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        found = vector_binary(emitter, "or", PTX_W_PRED, found,
                              is_in_space(emitter, addresses, others[i]));
    }
    vector_result(emitter, PTX_W_PRED, vector_with(emitter, "xor", PTX_W_PRED, found, 1));
}

/* ---- istypep ---- */

/* Of a variable of this opaque type. */
static void is_type(struct emitter *emitter)
{
    const struct ptx_module *module = emitter->module;
    value addresses = vector_source(emitter, 1, PTX_W_B64);
    value found = emit_splat(emitter, PTX_W_PRED, 0);

    for (size_t i = 0; i < module->variable_count; i++) {
        if (module->variables[i]->type == emit_type(emitter, 0)) {
            found = vector_binary(emitter, "or", PTX_W_PRED, found,
                                  is_in_variable(emitter, addresses, module->variables[i]));
        }
    }
    vector_result(emitter, PTX_W_PRED, found);
}

/* ---- Clusters, each of one block ---- */

/* The same address in the block of a rank: there is no other. */
static void map_to_rank(struct emitter *emitter, enum ptx_word type)
{
    vector_result(emitter, type, vector_source(emitter, 1, type));
}

bool emit_space(struct emitter *emitter)
{
    switch (emitter->instruction->opcode) {
    case PTX_CVTA:
        convert_address(emitter);
        return true;
    case PTX_ISSPACEP:
        is_space(emitter);
        return true;
    case PTX_ISTYPEP:
        is_type(emitter);
        return true;
    case PTX_CREATEPOLICY: /* a hint, whose bits nobody looks at */
        vector_result(emitter, PTX_W_B64, vector_constant(emitter, PTX_W_B64, 0));
        return true;
    case PTX_MAPA:
        map_to_rank(emitter, emit_bits(emit_type(emitter, 0)));
        return true;
    case PTX_GETCTARANK:
        vector_result(emitter, PTX_W_B32, vector_constant(emitter, PTX_W_B32, 0));
        return true;
    default:
        return false;
    }
}
