/* SPDX-License-Identifier: BSD-2-Clause */
/* Textures and surfaces: PTX ISA 9.7.10 and 9.7.11. */
#include <string.h>

#include "host/cuda-cpu/compile/emitter.h"
#include "host/cuda-cpu/compile/vector.h"
#include "host/cuda-cpu/device/texture.h"
#include "host/cuda-cpu/ptx/instruction.h"

#define ROW (WARP_LANES * sizeof(uint32_t))

struct named {
    enum ptx_word word;
    unsigned number;
};

#define NUMBER_OF(emitter, names) number_of(emitter, names, sizeof(names) / sizeof(names[0]))
#define NONE UINT32_MAX

static unsigned number_of(const struct emitter *emitter, const struct named *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (emit_has(emitter, names[i].word)) {
            return names[i].number;
        }
    }
    return NONE;
}

static unsigned geometry_of(const struct emitter *emitter)
{
    static const struct named geometries[] = {
        {PTX_W_1D, TEXTURE_1D},       {PTX_W_2D, TEXTURE_2D},   {PTX_W_3D, TEXTURE_3D},
        {PTX_W_A1D, TEXTURE_A1D},     {PTX_W_A2D, TEXTURE_A2D}, {PTX_W_CUBE, TEXTURE_CUBE},
        {PTX_W_ACUBE, TEXTURE_ACUBE},
    };

    return NUMBER_OF(emitter, geometries);
}

/* ---- Requests, in the frame's slots ---- */

static value place(struct emitter *emitter, size_t offset)
{
    return emit_value(emitter, "getelementptr i8, ptr %%slots, i64 %zu", offset);
}

static void put(struct emitter *emitter, size_t offset, enum ptx_word type, value stored)
{
    emit(emitter, "store %s %%t%u, ptr %%t%u, align 64", emit_vector(type), stored,
         place(emitter, offset));
}

static value take(struct emitter *emitter, size_t offset, enum ptx_word type)
{
    return emit_value(emitter, "load %s, ptr %%t%u, align 64", emit_vector(type),
                      place(emitter, offset));
}

/* A vector's items as so many rows; what it does not have is 0. */
static void put_items(struct emitter *emitter, size_t offset, const struct ptx_operand *operand,
                      size_t rows)
{
    struct ptx_operand items[EMIT_ITEMS];
    size_t count = emit_items(emitter, operand, items);

    for (size_t i = 0; i < rows; i++) {
        put(emitter, offset + i * ROW, PTX_W_B32,
            i < count && i < EMIT_ITEMS ? emit_get(emitter, &items[i], PTX_W_B32)
                                        : emit_splat(emitter, PTX_W_B32, 0));
    }
}

/* A register has the handle; a variable is where it stands. */
static void put_handles(struct emitter *emitter, const struct ptx_operand *table)
{
    const struct ptx_operand *base = table->base;
    value handles;

    if (base == NULL ||
        (base->kind == PTX_O_SYMBOL && (base->symbol->kind != PTX_S_VARIABLE ||
                                        base->symbol->variable->space != PTX_SPACE_GLOBAL))) {
        emit_unsupported(emitter, "a texture that is neither a register nor a global variable");
        return;
    }
    handles = emit_get(emitter, base, PTX_W_B64);
    if (base->kind == PTX_O_SYMBOL) {
        handles = emit_load_at(emitter, handles, PTX_W_B64);
    }
    put(emitter, offsetof(struct texture_request, handles), PTX_W_B64, handles);
}

/* The coordinates come last, behind the sampler if there is one. */
static void put_table(struct emitter *emitter, const struct ptx_operand *table)
{
    put_handles(emitter, table);
    if (table->kind != PTX_O_TABLE || table->count != 1) {
        emit_unsupported(emitter, table->kind != PTX_O_TABLE || table->count == 0
                                      ? "a texture without coordinates"
                                      : "a sampler of its own");
        return;
    }
    put_items(emitter, offsetof(struct texture_request, coordinates), &table->items[0], 4);
}

static void call(struct emitter *emitter, const struct texture_form *form)
{
    value callee = emit_field(emitter, offsetof(struct warp, texture), "ptr");
    unsigned long long bits;

    _Static_assert(sizeof(*form) == sizeof(bits), "compiled code hands it over as i64");
    _Static_assert(sizeof(struct texture_request) <= EMIT_SLOTS * 512, "it lies in the slots");
    _Static_assert(offsetof(struct texture_request, coordinates) ==
                       offsetof(struct surface_request, coordinates),
                   "both kinds begin alike");
    memcpy(&bits, form, sizeof(bits));
    emit(emitter, "call void %%t%u(ptr %%w, ptr %%slots, i64 %llu, i32 %%t%u, i32 %u)", callee,
         bits, emit_lane_bits(emitter), emit_site(emitter));
}

/* ---- Textures ---- */

static enum texture_lod lod_of(const struct emitter *emitter)
{
    return emit_has(emitter, PTX_W_LEVEL)  ? TEXTURE_LOD_LEVEL
           : emit_has(emitter, PTX_W_GRAD) ? TEXTURE_LOD_GRADIENTS
                                           : TEXTURE_LOD_NONE;
}

static bool is_vector(const struct emitter *emitter, const struct ptx_operand *operand)
{
    struct ptx_operand items[EMIT_ITEMS];

    return operand->kind == PTX_O_LIST || emit_items(emitter, operand, items) > 1;
}

static void put_offsets(struct emitter *emitter, unsigned next)
{
    const struct ptx_instruction *instruction = emitter->instruction;
    const size_t at = offsetof(struct texture_request, offsets);

    for (size_t i = 0; i < 3; i++) {
        put(emitter, at + i * ROW, PTX_W_B32, emit_splat(emitter, PTX_W_B32, 0));
    }
    if (next < instruction->operand_count && is_vector(emitter, &instruction->operands[next])) {
        put_items(emitter, at, &instruction->operands[next++], 3);
    }
    if (next < instruction->operand_count) {
        emit_unsupported(emitter, "a comparison of depths");
    }
}

/* What stands behind the table. */
static void put_more(struct emitter *emitter, enum texture_lod lod)
{
    static const unsigned char counts[] = {
        [TEXTURE_LOD_NONE] = 0, [TEXTURE_LOD_LEVEL] = 1, [TEXTURE_LOD_GRADIENTS] = 2};
    unsigned next = 2;

    if (emitter->instruction->operand_count < next + counts[lod]) {
        ptx_log_error(emitter->log, emitter->instruction->at, "operands are missing");
        return;
    }
    if (lod == TEXTURE_LOD_LEVEL) {
        put(emitter, offsetof(struct texture_request, level), PTX_W_B32,
            vector_source(emitter, next++, PTX_W_B32));
    } else if (lod == TEXTURE_LOD_GRADIENTS) {
        for (size_t i = 0; i < 2; i++) {
            put_items(emitter, offsetof(struct texture_request, gradients) + i * 3 * ROW,
                      vector_operand(emitter, next++), 3);
        }
    }
    put_offsets(emitter, next);
}

/* Two halves in a register. */
static value pair_of(struct emitter *emitter, size_t first)
{
    value low = take(emitter, first, PTX_W_B32);
    value high = take(emitter, first + ROW, PTX_W_B32);

    return vector_binary(
        emitter, "or", PTX_W_B32, low,
        vector_binary(emitter, "shl", PTX_W_B32, high, emit_splat(emitter, PTX_W_B32, 16)));
}

static void take_results(struct emitter *emitter, const struct ptx_operand *destination)
{
    const size_t at = offsetof(struct texture_request, results);
    struct ptx_operand items[EMIT_ITEMS];
    size_t count = emit_items(emitter, destination, items);

    for (size_t i = 0; i < count && i < 4; i++) {
        if (emit_type(emitter, 0) == PTX_W_F16X2) {
            emit_put(emitter, &items[i], PTX_W_B32, pair_of(emitter, at + 2 * i * ROW));
        } else if (emit_type(emitter, 0) == PTX_W_F16) {
            emit_put(emitter, &items[i], PTX_W_B16,
                     vector_narrow(emitter, PTX_W_B32, PTX_W_B16,
                                   take(emitter, at + i * ROW, PTX_W_B32)));
        } else {
            emit_put(emitter, &items[i], PTX_W_B32, take(emitter, at + i * ROW, PTX_W_B32));
        }
    }
}

static unsigned component_of(const struct emitter *emitter)
{
    static const struct named components[] = {
        {PTX_W_R, 0}, {PTX_W_G, 1}, {PTX_W_B, 2}, {PTX_W_A, 3}};

    return NUMBER_OF(emitter, components);
}

static void sample(struct emitter *emitter, enum texture_operation operation)
{
    const struct ptx_operand *destination = vector_operand(emitter, 0);
    unsigned geometry = geometry_of(emitter);
    enum texture_lod lod = lod_of(emitter);
    struct texture_form form = {
        .operation = operation,
        .geometry = geometry,
        .has_integer_coordinates = emit_type(emitter, 1) == PTX_W_S32,
        .lod = lod,
        .component = operation == TEXTURE_GATHER ? component_of(emitter) : 0,
        .is_half =
            ptx_type_bits(emit_type(emitter, 0)) == 16 || emit_type(emitter, 0) == PTX_W_F16X2,
    };

    if (geometry == NONE) {
        emit_unsupported(emitter, "a texture of several samples");
        return;
    }
    if (lod == TEXTURE_LOD_GRADIENTS && geometry >= TEXTURE_CUBE) {
        emit_unsupported(emitter, "a cube with gradients");
        return;
    }
    put_table(emitter, vector_operand(emitter, 1));
    put_more(emitter, lod);
    call(emitter, &form);
    if (destination->kind == PTX_O_PAIR) { /* all texels are in memory */
        emit_put(emitter, &destination->items[1], PTX_W_PRED, emit_splat(emitter, PTX_W_PRED, 1));
        destination = &destination->items[0];
    }
    take_results(emitter, destination);
}

static unsigned query_of(const struct emitter *emitter)
{
    static const struct named queries[] = {
        {PTX_W_WIDTH, TEXTURE_WIDTH},
        {PTX_W_HEIGHT, TEXTURE_HEIGHT},
        {PTX_W_DEPTH, TEXTURE_DEPTH},
        {PTX_W_CHANNEL_DATA_TYPE, TEXTURE_CHANNEL_DATA_TYPE},
        {PTX_W_CHANNEL_ORDER, TEXTURE_CHANNEL_ORDER},
        {PTX_W_NORMALIZED_COORDS, TEXTURE_NORMALIZED_COORDS},
        {PTX_W_FORCE_UNNORMALIZED_COORDS, TEXTURE_FORCE_UNNORMALIZED_COORDS},
        {PTX_W_ARRAY_SIZE, TEXTURE_ARRAY_SIZE},
        {PTX_W_NUM_MIPMAP_LEVELS, TEXTURE_MIPMAP_LEVELS},
        {PTX_W_NUM_SAMPLES, TEXTURE_SAMPLES},
        {PTX_W_MEMORY_LAYOUT, TEXTURE_MEMORY_LAYOUT},
        {PTX_W_FILTER_MODE, TEXTURE_FILTER_MODE},
        {PTX_W_ADDR_MODE_0, TEXTURE_ADDRESS_0},
        {PTX_W_ADDR_MODE_1, TEXTURE_ADDRESS_1},
        {PTX_W_ADDR_MODE_2, TEXTURE_ADDRESS_2},
    };

    return NUMBER_OF(emitter, queries);
}

static void query(struct emitter *emitter, enum texture_operation operation)
{
    const struct texture_form form = {.operation = operation, .query = query_of(emitter)};
    value level = emitter->instruction->operand_count > 2 ? vector_source(emitter, 2, PTX_W_B32)
                                                          : emit_splat(emitter, PTX_W_B32, 0);

    put_handles(emitter, vector_operand(emitter, 1));
    put(emitter, offsetof(struct texture_request, level), PTX_W_B32, level);
    call(emitter, &form);
    vector_result(emitter, PTX_W_B32,
                  take(emitter, offsetof(struct texture_request, results), PTX_W_B32));
}

/* ---- Surfaces ---- */

static struct texture_form surface_form(const struct emitter *emitter,
                                        enum texture_operation operation)
{
    static const struct named outsides[] = {{PTX_W_CLAMP, TEXTURE_OUTSIDE_CLAMP},
                                            {PTX_W_ZERO, TEXTURE_OUTSIDE_ZERO}};
    unsigned outside = NUMBER_OF(emitter, outsides);

    return (struct texture_form){
        .operation = operation,
        .geometry = geometry_of(emitter),
        .outside = outside == NONE ? TEXTURE_OUTSIDE_TRAP : outside,
        .is_formatted = emit_has(emitter, PTX_W_P),
        .size = ptx_type_bits(emit_type(emitter, 0)) / 8,
        .elements = ptx_vector_count(emitter->instruction),
    };
}

static size_t values_at(size_t index)
{
    return offsetof(struct surface_request, values) +
           index * sizeof(((struct surface_request *)NULL)->values[0]);
}

static void load_surface(struct emitter *emitter)
{
    const struct texture_form form = surface_form(emitter, SURFACE_LOAD);
    enum ptx_word type = emit_bits(emit_type(emitter, 0));
    struct ptx_operand items[EMIT_ITEMS];
    size_t count = emit_items(emitter, vector_operand(emitter, 0), items);

    put_table(emitter, vector_operand(emitter, 1));
    call(emitter, &form);
    for (size_t i = 0; i < count && i < 4; i++) {
        emit_put(emitter, &items[i], type, take(emitter, values_at(i), type));
    }
}

/* What is stored, or combined with what is there. */
static void change_surface(struct emitter *emitter, struct texture_form form)
{
    enum ptx_word type = emit_bits(emit_type(emitter, 0));
    struct ptx_operand items[EMIT_ITEMS];
    size_t count = emit_items(emitter, vector_operand(emitter, 1), items);

    put_table(emitter, vector_operand(emitter, 0));
    for (size_t i = 0; i < count && i < 4; i++) {
        put(emitter, values_at(i), type, emit_get(emitter, &items[i], type));
    }
    call(emitter, &form);
}

static void reduce_surface(struct emitter *emitter)
{
    struct texture_form form = surface_form(emitter, SURFACE_REDUCE);
    uint32_t operation = emit_atomic_operation(emitter);

    form.atomic = form.is_formatted ? operation & ((1u << WARP_ATOMIC_TYPE_SHIFT) - 1) : operation;
    change_surface(emitter, form);
}

bool emit_texture(struct emitter *emitter)
{
    switch (emitter->instruction->opcode) {
    case PTX_TEX:
        sample(emitter, TEXTURE_FETCH);
        return true;
    case PTX_TLD4:
        sample(emitter, TEXTURE_GATHER);
        return true;
    case PTX_TXQ:
        query(emitter, TEXTURE_QUERY);
        return true;
    case PTX_SUQ:
        query(emitter, SURFACE_QUERY);
        return true;
    case PTX_SULD:
        load_surface(emitter);
        return true;
    case PTX_SUST:
        change_surface(emitter, surface_form(emitter, SURFACE_STORE));
        return true;
    case PTX_SURED:
        reduce_surface(emitter);
        return true;
    default:
        return false;
    }
}
