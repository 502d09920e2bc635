/* SPDX-License-Identifier: BSD-2-Clause */
/* Matrices: mma, wmma, ldmatrix, stmatrix, movmatrix. PTX ISA 9.7.14. */
#include <stdio.h>
#include <string.h>

#include "host/cuda-cpu/compile/emitter.h"
#include "host/cuda-cpu/compile/vector.h"
#include "host/cuda-cpu/device/matrix.h"
#include "host/cuda-cpu/ptx/instruction.h"
#include "host/cuda-cpu/ptx/matrix.h"

/* A fragment takes this many slots: eight registers of 64 bits. */
#define FRAGMENT_SLOTS 4

/* ---- What an instruction says ---- */

static enum matrix_element element_of(const struct emitter *emitter, size_t operand)
{
    static const struct {
        enum ptx_word word;
        enum matrix_element element;
    } elements[] = {
        {PTX_W_F16, MATRIX_F16},   {PTX_W_BF16, MATRIX_BF16}, {PTX_W_TF32, MATRIX_TF32},
        {PTX_W_F32, MATRIX_F32},   {PTX_W_F64, MATRIX_F64},   {PTX_W_E4M3, MATRIX_E4M3},
        {PTX_W_E5M2, MATRIX_E5M2}, {PTX_W_S32, MATRIX_S32},   {PTX_W_S8, MATRIX_S8},
        {PTX_W_U8, MATRIX_U8},     {PTX_W_S4, MATRIX_S4},     {PTX_W_U4, MATRIX_U4},
        {PTX_W_B1, MATRIX_B1},
    };
    enum ptx_word type = ptx_element_of(emitter->instruction, operand);
    size_t i = 0;

    while (elements[i].word != type) {
        i++;
    }
    return elements[i].element;
}

static enum matrix_rounding rounding_of(const struct emitter *emitter)
{
    return emit_has(emitter, PTX_W_RZ)   ? MATRIX_RZ
           : emit_has(emitter, PTX_W_RM) ? MATRIX_RM
           : emit_has(emitter, PTX_W_RP) ? MATRIX_RP
                                         : MATRIX_RN;
}

/* The first of .row and .col is A's, the second B's. */
static bool is_row(const struct emitter *emitter, unsigned index)
{
    const struct ptx_instruction *instruction = emitter->instruction;

    for (unsigned i = 0; i < instruction->word_count; i++) {
        bool is = instruction->words[i] == PTX_W_ROW;

        if ((is || instruction->words[i] == PTX_W_COL) && !index--) {
            return is;
        }
    }
    return false;
}

static struct matrix_form form_of(const struct emitter *emitter, enum matrix_layout layout)
{
    struct ptx_shape shape = ptx_shape_of(emitter->instruction);

    return (struct matrix_form){
        .m = shape.m,
        .n = shape.n,
        .k = shape.k,
        .layout = layout,
        .a = element_of(emitter, 1),
        .b = element_of(emitter, 2),
        .c = element_of(emitter, 3),
        .d = element_of(emitter, 0),
        .rounding = rounding_of(emitter),
        .saturates = emit_has(emitter, PTX_W_SATFINITE),
        .is_xor = emit_has(emitter, PTX_W_XOR),
        .a_is_row = is_row(emitter, 0),
        .b_is_row = is_row(emitter, 1),
        .is_sparse = ptx_is_sparse(emitter->instruction),
    };
}

static unsigned long long form_bits(const struct matrix_form *form)
{
    unsigned long long bits;

    _Static_assert(sizeof(*form) == sizeof(bits), "compiled code hands it over as i64");
    memcpy(&bits, form, sizeof(bits));
    return bits;
}

/* ---- Fragments ---- */

static enum ptx_word register_type(const struct emitter *emitter, size_t operand)
{
    return ptx_fragment_of(emitter->instruction, operand).register_bits == 64 ? PTX_W_B64
                                                                              : PTX_W_B32;
}

static value register_pointer(struct emitter *emitter, value fragment, size_t number,
                              enum ptx_word type)
{
    return emit_value(emitter, "getelementptr i8, ptr %%t%u, i64 %zu", fragment,
                      number * WARP_LANES * ptx_type_bits(type) / 8);
}

/* Fragment `index` of those at hand. */
static value fragment_slot(struct emitter *emitter, unsigned index)
{
    return emit_slot(emitter, index * FRAGMENT_SLOTS);
}

static bool is_in_memory(const struct emitter *emitter, const struct ptx_operand *items,
                         size_t count, enum ptx_word type)
{
    return fragments_are_beside(&emitter->fragments, items, count,
                                WARP_LANES * ptx_type_bits(type) / 8);
}

/* Where it lies, or a copy. */
static value source_fragment(struct emitter *emitter, size_t operand, unsigned index)
{
    enum ptx_word type = register_type(emitter, operand);
    struct ptx_operand items[EMIT_ITEMS];
    size_t count = emit_items(emitter, vector_operand(emitter, (unsigned)operand), items);
    value fragment;

    if (is_in_memory(emitter, items, count, type)) {
        return emit_value(emitter, "getelementptr i8, ptr %%r%u.0, i64 0", items[0].reg);
    }
    fragment = fragment_slot(emitter, index);
    for (size_t i = 0; i < count; i++) {
        value stored = emit_get(emitter, &items[i], type);

        emit(emitter, "store %s %%t%u, ptr %%t%u, align 64", emit_vector(type), stored,
             register_pointer(emitter, fragment, i, type));
    }
    return fragment;
}

/* A result's fragment: where it is to lie, or a slot to take it from. */
struct result {
    value at;
    bool is_there;
};

/* sets_all: whoever writes it writes all lanes, also those that take no part. */
static struct result result_fragment(struct emitter *emitter, bool sets_all)
{
    struct ptx_operand items[EMIT_ITEMS];
    size_t count = emit_items(emitter, vector_operand(emitter, 0), items);
    bool is_there = is_in_memory(emitter, items, count, register_type(emitter, 0));

    for (size_t i = 0; i < count && is_there && sets_all; i++) {
        is_there = !emit_keeps_others(emitter, items[i].reg);
    }
    return (struct result){
        is_there ? emit_value(emitter, "getelementptr i8, ptr %%r%u.0, i64 0", items[0].reg)
                 : fragment_slot(emitter, 0),
        is_there};
}

static void put_result(struct emitter *emitter, struct result result)
{
    enum ptx_word type = register_type(emitter, 0);
    struct ptx_operand items[EMIT_ITEMS];
    size_t count = emit_items(emitter, vector_operand(emitter, 0), items);

    for (size_t i = 0; i < count && !result.is_there; i++) {
        value pointer = register_pointer(emitter, result.at, i, type);

        emit_put(emitter, &items[i], type,
                 emit_value(emitter, "load %s, ptr %%t%u, align 64", emit_vector(type), pointer));
    }
}

/* ---- Products ---- */

/* D of a sparse product has four registers of 32 bits: behind it there is room. */
static value spill_metadata(struct emitter *emitter)
{
    return emit_spill(emitter, 1, PTX_W_B32, vector_source(emitter, 4, PTX_W_B32));
}

static void product(struct emitter *emitter, enum matrix_layout layout)
{
    struct matrix_form form = form_of(emitter, layout);
    value a = source_fragment(emitter, 1, 1);
    value b = source_fragment(emitter, 2, 2);
    value c = source_fragment(emitter, 3, 3);
    struct result d = result_fragment(emitter, false);
    size_t function = offsetof(struct warp, multiply);
    char metadata[32] = "";
    value callee;

    if (form.is_sparse) {
        form.selector = vector_operand(emitter, 5)->bits;
        function = offsetof(struct warp, multiply_sparse);
        snprintf(metadata, sizeof(metadata), "ptr %%t%u, ", spill_metadata(emitter));
    }
    callee = emit_field(emitter, function, "ptr");
    emit(emitter,
         "call void %%t%u(ptr %%w, ptr %%t%u, ptr %%t%u, ptr %%t%u, ptr %%t%u, %si64 %llu, i32 "
         "%%t%u)",
         callee, d.at, a, b, c, metadata, form_bits(&form), emit_lane_bits(emitter));
    put_result(emitter, d);
}

static void mma(struct emitter *emitter)
{
    bool is_quad =
        emit_has(emitter, PTX_W_M8N8K4) && ptx_element_of(emitter->instruction, 1) == PTX_W_F16;

    product(emitter, is_quad ? MATRIX_QUAD : MATRIX_MMA);
}

/* ---- Loads and stores of wmma ---- */

/* In elements; what is not said is the length of a row or column. */
static value stride_of(struct emitter *emitter, const struct matrix_form *form)
{
    unsigned rows = form->which == MATRIX_B ? form->k : form->m;
    unsigned columns = form->which == MATRIX_A ? form->k : form->n;
    value stride;

    if (emitter->instruction->operand_count < 3) {
        return emit_value(emitter, "or i64 0, %u", form->is_row ? columns : rows);
    }
    stride = emit_uniform(emitter, vector_operand(emitter, 2));
    return emit_value(emitter, "zext i32 %%t%u to i64", stride);
}

/* which: the callee, in struct warp. */
static void transfer(struct emitter *emitter, size_t which, value fragment, unsigned address_at)
{
    struct matrix_form form = form_of(emitter, MATRIX_WMMA);
    value address, stride, callee;

    form.which = ptx_matrix_of(emitter->instruction, 0);
    form.is_row = is_row(emitter, 0);
    address = emit_first_lane(emitter, PTX_W_B64,
                              emit_address(emitter, vector_operand(emitter, address_at)));
    stride = stride_of(emitter, &form);
    callee = emit_field(emitter, which, "ptr");
    emit(emitter,
         "call void %%t%u(ptr %%w, ptr %%t%u, i64 %%t%u, i64 %%t%u, i64 %llu, i32 %%t%u, i32 %u)",
         callee, fragment, address, stride, form_bits(&form), emit_lane_bits(emitter),
         emit_site(emitter));
}

static void load(struct emitter *emitter)
{
    struct result loaded = result_fragment(emitter, true);

    transfer(emitter, offsetof(struct warp, load_matrix), loaded.at, 1);
    put_result(emitter, loaded);
}

static void wmma(struct emitter *emitter)
{
    if (emit_has(emitter, PTX_W_MMA)) {
        product(emitter, MATRIX_WMMA);
    } else if (emit_has(emitter, PTX_W_LOAD)) {
        load(emitter);
    } else {
        transfer(emitter, offsetof(struct warp, store_matrix), source_fragment(emitter, 1, 0), 0);
    }
}

/* ---- Matrices of 8 x 8 halves ---- */

/* Row by row in memory, they lie in a register as they should: lane l holds two neighbours of row
 * l / 4. Transposed: of column l / 4. */
static value transpose(struct emitter *emitter, value halves)
{
    value number = emit_value(emitter, "bitcast <32 x i32> %%t%u to <64 x i16>", halves);

    text_add(emitter->out,
             "  %%t%u = shufflevector <64 x i16> %%t%u, <64 x i16> poison, <64 x i32> <",
             ++emitter->values, number);
    for (unsigned i = 0; i < 64; i++) {
        text_add(emitter->out, "%si32 %u", i ? ", " : "", i % 8 * 8 + i / 8);
    }
    text_add(emitter->out, ">\n");
    return emit_value(emitter, "bitcast <64 x i16> %%t%u to <32 x i32>", emitter->values);
}

/* Rows of 16 bytes; the lanes 8 i to 8 i + 7 have the addresses of matrix i. */
static value row_lanes(struct emitter *emitter, size_t count)
{
    return emit_value(emitter, "and i32 %%t%u, %u", emit_lane_bits(emitter),
                      count == 4 ? UINT32_MAX : (1u << (8 * count)) - 1);
}

static void move_rows(struct emitter *emitter, size_t field, value rows, unsigned access,
                      size_t operand, size_t count)
{
    value addresses = emit_spill(emitter, FRAGMENT_SLOTS, PTX_W_B64,
                                 emit_address(emitter, vector_operand(emitter, operand)));
    value lanes = row_lanes(emitter, count);
    value callee = emit_field(emitter, field, "ptr");

    emit(emitter, "call void %%t%u(ptr %%w, ptr %%t%u, ptr %%t%u, i32 %%t%u, i32 %u, i32 %u)",
         callee, rows, addresses, lanes, access | 16, emit_site(emitter));
}

static void put_transposed(struct emitter *emitter, const struct ptx_operand *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        value pointer = register_pointer(emitter, emit_slot(emitter, 0), i, PTX_W_B32);

        emit_put(emitter, &items[i], PTX_W_B32,
                 transpose(emitter,
                           emit_value(emitter, "load <32 x i32>, ptr %%t%u, align 64", pointer)));
    }
}

static void load_rows(struct emitter *emitter)
{
    struct ptx_operand items[EMIT_ITEMS];
    size_t count = emit_items(emitter, vector_operand(emitter, 0), items);
    bool is_transposed = emit_has(emitter, PTX_W_TRANS);
    struct result rows = is_transposed ? (struct result){emit_slot(emitter, 0), false}
                                       : result_fragment(emitter, true);

    if (!emitter->lanes.all) { /* rows that nobody loads */
        emit(emitter, "store [%zu x i8] zeroinitializer, ptr %%t%u, align 64", count * 128,
             rows.at);
    }
    move_rows(emitter, offsetof(struct warp, gather), rows.at, 0, 1, count);
    if (is_transposed) {
        put_transposed(emitter, items, count);
    } else {
        put_result(emitter, rows);
    }
}

static void store_rows(struct emitter *emitter)
{
    struct ptx_operand items[EMIT_ITEMS];
    size_t count = emit_items(emitter, vector_operand(emitter, 1), items);
    value rows;

    if (!emit_has(emitter, PTX_W_TRANS)) {
        rows = source_fragment(emitter, 1, 0);
    } else {
        rows = emit_slot(emitter, 0);
        for (size_t i = 0; i < count; i++) {
            emit(emitter, "store <32 x i32> %%t%u, ptr %%t%u, align 64",
                 transpose(emitter, emit_get(emitter, &items[i], PTX_W_B32)),
                 register_pointer(emitter, rows, i, PTX_W_B32));
        }
    }
    move_rows(emitter, offsetof(struct warp, scatter), rows, WARP_ACCESS_WRITE, 0, count);
}

bool emit_matrix(struct emitter *emitter)
{
    switch (emitter->instruction->opcode) {
    case PTX_MMA:
        mma(emitter);
        return true;
    case PTX_WMMA:
        wmma(emitter);
        return true;
    case PTX_LDMATRIX:
        load_rows(emitter);
        return true;
    case PTX_STMATRIX:
        store_rows(emitter);
        return true;
    case PTX_MOVMATRIX:
        vector_result(emitter, PTX_W_B32, transpose(emitter, vector_source(emitter, 1, PTX_W_B32)));
        return true;
    default:
        return false;
    }
}
