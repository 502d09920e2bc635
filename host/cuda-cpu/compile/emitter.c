/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/emitter.h"

#include <string.h>

#include "host/cuda-cpu/compile/emit_pack.h"
#include "host/cuda-cpu/compile/reach.h"
#include "host/cuda-cpu/ptx/instruction.h"

void emit_unsupported(struct emitter *emitter, const char *what)
{
    ptx_log_error(emitter->log, emitter->instruction->at, "%s: %s is not supported yet",
                  ptx_opcode_name(emitter->instruction->opcode), what);
}

/* ---- Lines ---- */

/* What stands around a word that is kept, in what is said of 32 lanes. */
static const struct {
    const char *before, *after;
} wide_forms[] = {{"<32 x ", ">"}, {"splat (", ")"}, {".v32", ""}};

/* Copies what follows a wide form's beginning, up to its end; of a splat the value alone. */
static const char *copy_narrow(char **to, const char *from, size_t form)
{
    const char *end;

    from += strlen(wide_forms[form].before);
    if (wide_forms[form].after[0] == '\0') {
        *(*to)++ = '.';
        return from;
    }
    end = strchr(from, wide_forms[form].after[0]);
    if (wide_forms[form].before[0] == 's') {
        from = strchr(from, ' ') + 1;
    }
    memmove(*to, from, (size_t)(end - from));
    *to += end - from;
    return end + 1;
}

/* The text from `start` on, of one value in the place of 32. It becomes shorter. */
static void make_narrow(struct text *text, size_t start)
{
    const char *from = text->bytes + start;
    char *to = text->bytes + start;

    while (*from != '\0') {
        size_t form = 0;

        while (form < 3 &&
               strncmp(from, wide_forms[form].before, strlen(wide_forms[form].before)) != 0) {
            form++;
        }
        if (form < 3) {
            from = copy_narrow(&to, from, form);
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
    text->used = (size_t)(to - text->bytes);
}

/* Of 16 values. */
static void make_half(char *text)
{
    while ((text = strstr(text, "32")) != NULL) {
        if ((text[-1] == '<' && text[2] == ' ') || (text[-1] == 'v' && text[-2] == '.')) {
            memcpy(text, "16", 2);
        }
        text += 2;
    }
}

static void add_line(struct emitter *emitter, const char *format, va_list arguments)
{
    size_t start = emitter->out->used;

    text_add_list(emitter->out, format, arguments);
    if (emitter->is_narrow && !emitter->out->failed) {
        make_narrow(emitter->out, start);
    }
    if (emitter->is_half && !emitter->out->failed) {
        make_half(emitter->out->bytes + start);
    }
    text_add(emitter->out, "\n");
}

void emit(struct emitter *emitter, const char *format, ...)
{
    va_list arguments;

    text_add(emitter->out, "  ");
    va_start(arguments, format);
    add_line(emitter, format, arguments);
    va_end(arguments);
}

value emit_value(struct emitter *emitter, const char *format, ...)
{
    value number = ++emitter->values;
    va_list arguments;

    text_add(emitter->out, "  %%t%u = ", number);
    va_start(arguments, format);
    add_line(emitter, format, arguments);
    va_end(arguments);
    return number;
}

/* ---- Types ---- */

bool emit_has(const struct emitter *emitter, enum ptx_word word)
{
    return ptx_has_word(emitter->instruction, word);
}

enum ptx_word emit_type(const struct emitter *emitter, unsigned index)
{
    enum ptx_word type = ptx_type_word(emitter->instruction, index);

    return type != PTX_W_NONE ? type : PTX_W_B32;
}

enum ptx_word emit_bits(enum ptx_word type)
{
    switch (ptx_type_bits(type)) {
    case 1:
        return PTX_W_PRED;
    case 8:
        return PTX_W_B8;
    case 16:
        return PTX_W_B16;
    case 32:
        return PTX_W_B32;
    case 64:
        return PTX_W_B64;
    default:
        return PTX_W_B128;
    }
}

const char *emit_element(enum ptx_word type)
{
    if (type == PTX_W_F32) {
        return "float";
    }
    if (type == PTX_W_F64) {
        return "double";
    }
    switch (ptx_type_bits(type)) {
    case 1:
        return "i1";
    case 8:
        return "i8";
    case 16:
        return "i16";
    case 32:
        return "i32";
    case 64:
        return "i64";
    default:
        return "i128";
    }
}

const char *emit_vector(enum ptx_word type)
{
    if (type == PTX_W_F32) {
        return "<32 x float>";
    }
    if (type == PTX_W_F64) {
        return "<32 x double>";
    }
    switch (ptx_type_bits(type)) {
    case 1:
        return "<32 x i1>";
    case 8:
        return "<32 x i8>";
    case 16:
        return "<32 x i16>";
    case 32:
        return "<32 x i32>";
    case 64:
        return "<32 x i64>";
    default:
        return "<32 x i128>";
    }
}

static bool is_native_float(enum ptx_word type)
{
    return type == PTX_W_F32 || type == PTX_W_F64;
}

/* The same bits as integers, or as floats. */
static value to_bits(struct emitter *emitter, enum ptx_word type, value from)
{
    if (!is_native_float(type)) {
        return from;
    }
    return emit_value(emitter, "bitcast %s %%t%u to %s", emit_vector(type), from,
                      emit_vector(emit_bits(type)));
}

static value from_bits(struct emitter *emitter, enum ptx_word type, value bits)
{
    if (!is_native_float(type)) {
        return bits;
    }
    return emit_value(emitter, "bitcast %s %%t%u to %s", emit_vector(emit_bits(type)), bits,
                      emit_vector(type));
}

value emit_splat(struct emitter *emitter, enum ptx_word type, uint64_t bits)
{
    enum ptx_word integer = emit_bits(type);
    value splat;

    if (integer == PTX_W_PRED) {
        return emit_value(emitter, "or <32 x i1> zeroinitializer, splat (i1 %d)", (int)(bits & 1));
    }
    splat = emit_value(emitter, "or %s zeroinitializer, splat (%s %llu)", emit_vector(integer),
                       emit_element(integer), (unsigned long long)bits);
    return from_bits(emitter, type, splat);
}

/* ---- The warp, its masks, and memory of the frame ---- */

value emit_field(struct emitter *emitter, size_t offset, const char *type)
{
    value pointer = emit_value(emitter, "getelementptr i8, ptr %%w, i64 %zu", offset);

    return emit_value(emitter, "load %s, ptr %%t%u, align 4", type, pointer);
}

void emit_set_field(struct emitter *emitter, size_t offset, const char *type, value to)
{
    value pointer = emit_value(emitter, "getelementptr i8, ptr %%w, i64 %zu", offset);

    emit(emitter, "store %s %%t%u, ptr %%t%u, align 4, !tbaa !1", type, to, pointer);
}

value emit_fixed_field(struct emitter *emitter, size_t offset, const char *type)
{
    value pointer = emit_value(emitter, "getelementptr i8, ptr %%w, i64 %zu", offset);

    return emit_value(emitter, "load %s, ptr %%t%u, align 4, !invariant.load !3", type, pointer);
}

value emit_mask_bits(struct emitter *emitter, value vector)
{
    if (emitter->is_half) {
        vector = emit_value(emitter, "bitcast <32 x i1> %%t%u to i16", vector);
        return emit_value(emitter, "zext i16 %%t%u to i32", vector);
    }
    return emit_value(emitter, "bitcast <32 x i1> %%t%u to i32", vector);
}

value emit_mask_vector(struct emitter *emitter, value bits)
{
    return emit_value(emitter, "bitcast i32 %%t%u to <32 x i1>", bits);
}

value emit_lane_bits(struct emitter *emitter)
{
    return emitter->lanes.all ? emit_value(emitter, "or i32 0, -1") : emitter->lanes.bits;
}

value emit_slot(struct emitter *emitter, unsigned slot)
{
    return emit_value(emitter, "getelementptr i8, ptr %%slots, i64 %u", slot * 512);
}

value emit_spill(struct emitter *emitter, unsigned slot, enum ptx_word type, value stored)
{
    value pointer = emit_slot(emitter, slot);

    emit(emitter, "store %s %%t%u, ptr %%t%u, align 64", emit_vector(type), stored, pointer);
    return pointer;
}

value emit_reload(struct emitter *emitter, unsigned slot, enum ptx_word type)
{
    value pointer = emit_slot(emitter, slot);

    return emit_value(emitter, "load %s, ptr %%t%u, align 64", emit_vector(type), pointer);
}

/* ---- Registers ---- */

const char *emit_register_type(const struct emitter *emitter, uint32_t reg)
{
    enum ptx_word declared = emitter->function->registers[reg].type;
    enum ptx_word type =
        declared == PTX_W_F32 || declared == PTX_W_F64 ? declared : emit_bits(declared);

    return emitter->uniform.differs[reg] ? emit_vector(type) : emit_element(type);
}

char emit_register_kind(const struct emitter *emitter, uint32_t reg)
{
    return emitter->is_half && emitter->uniform.differs[reg] ? 'q' : 'r';
}

void emit_clear_registers(struct emitter *emitter)
{
    for (uint32_t reg = 0; reg < emitter->function->register_count; reg++) {
        unsigned parts = emitter->uniform.stays[reg] ? emitter->function->registers[reg].vector : 0;

        for (unsigned part = 0; part < parts; part++) {
            emit(emitter, "store %s zeroinitializer, ptr %%r%u.%u, align 64",
                 emit_register_type(emitter, reg), reg, part);
        }
    }
    emit(emitter, "store <32 x i1> zeroinitializer, ptr %%carry, align 64");
    affine_clear(emitter);
}

void emit_clear_waiting(struct emitter *emitter)
{
    for (size_t i = 0; i < emitter->flow->count; i++) {
        emit(emitter, "store i32 0, ptr %%p%zu, align 4", i);
    }
}

/* ---- Operands ---- */

/* What the register's values are in the frame. */
static enum ptx_word storage_type(enum ptx_word declared)
{
    return is_native_float(declared) ? declared : emit_bits(declared);
}

static unsigned component(const char *select)
{
    static const char letters[] = "xyzw", colours[] = "rgba";
    const char *found;

    if (select == NULL || select[0] == '\0' || select[1] != '\0') {
        return 0;
    }
    found = strchr(letters, select[0]);
    if (found != NULL) {
        return (unsigned)(found - letters);
    }
    found = strchr(colours, select[0]);
    return found != NULL ? (unsigned)(found - colours) : 0;
}

value emit_resize(struct emitter *emitter, enum ptx_word from, enum ptx_word to, value bits)
{
    unsigned have = ptx_type_bits(from), want = ptx_type_bits(to);
    const char *how = have > want ? "trunc" : ptx_type_kind(to) == PTX_SIGNED ? "sext" : "zext";

    if (have == want) {
        return bits;
    }
    return emit_value(emitter, "%s %s %%t%u to %s", how, emit_vector(emit_bits(from)), bits,
                      emit_vector(emit_bits(to)));
}

static value get_plain(struct emitter *emitter, const struct ptx_operand *operand,
                       enum ptx_word type);

static value load_register(struct emitter *emitter, uint32_t reg, unsigned part,
                           enum ptx_word storage)
{
    const struct ptx_operand *constant = emitter->uniform.constants[reg];
    bool is_uniform = !emitter->uniform.differs[reg];
    value loaded;

    if (constant != NULL) {
        return get_plain(emitter, constant, storage);
    }
    if (affine_is_kept(emitter, reg)) {
        return affine_lanes(emitter, reg);
    }
    loaded = emit_value(emitter, "load %s, ptr %%%c%u.%u, align 8",
                        is_uniform ? emit_element(storage) : emit_vector(storage),
                        emit_register_kind(emitter, reg), reg, part);
    return is_uniform ? emit_splat_scalar(emitter, storage, loaded) : loaded;
}

static value get_register(struct emitter *emitter, const struct ptx_operand *operand,
                          enum ptx_word type)
{
    enum ptx_word declared = emitter->function->registers[operand->reg].type;
    enum ptx_word storage = storage_type(declared);
    value loaded = load_register(emitter, operand->reg, component(operand->select), storage);

    if (storage != type) {
        loaded = to_bits(emitter, storage, loaded);
        loaded = emit_resize(emitter, storage, type, loaded);
        loaded = from_bits(emitter, type, loaded);
    }
    if (operand->offset) {
        value added = emit_splat(emitter, emit_bits(type), (uint64_t)operand->offset);

        loaded = emit_value(emitter, "add %s %%t%u, %%t%u", emit_vector(type), loaded, added);
    }
    return loaded;
}

value emit_splat_scalar(struct emitter *emitter, enum ptx_word type, value scalar)
{
    value first;

    if (emitter->is_narrow) {
        return scalar;
    }
    first = emit_value(emitter, "insertelement %s poison, %s %%t%u, i32 0", emit_vector(type),
                       emit_element(type), scalar);

    return emit_value(emitter, "shufflevector %s %%t%u, %s poison, <32 x i32> zeroinitializer",
                      emit_vector(type), first, emit_vector(type));
}

static uint64_t address_of_function(size_t number, enum ptx_word type)
{
    uint64_t address = WARP_FUNCTION_ADDRESS(number);

    return ptx_type_bits(type) < 64 ? (uint32_t)address : address;
}

/* Where a variable's bytes are, as a generic address; in shared and local memory, its offset. */
static value get_symbol(struct emitter *emitter, const struct ptx_operand *operand,
                        enum ptx_word type)
{
    const struct ptx_symbol *symbol = operand->symbol;
    value pointers, pointer, address;

    if (symbol->kind != PTX_S_VARIABLE) {
        return emit_splat(
            emitter, type,
            address_of_function(reach_number(emitter->module, symbol->function), type));
    }
    if (symbol->variable->in_frame) {
        address = emit_value(emitter, "add i64 %%frame, %lld",
                             (long long)symbol->variable->offset + (long long)operand->offset);
        return emit_resize(emitter, PTX_W_B64, type,
                           emit_splat_scalar(emitter, PTX_W_B64, address));
    }
    if (symbol->variable->space != PTX_SPACE_GLOBAL && symbol->variable->space != PTX_SPACE_CONST) {
        return emit_splat(emitter, type, symbol->variable->offset + (uint64_t)operand->offset);
    }
    pointers = emit_fixed_field(emitter, offsetof(struct warp, variables), "ptr");
    pointer = emit_value(emitter, "getelementptr ptr, ptr %%t%u, i64 %llu", pointers,
                         (unsigned long long)symbol->variable->offset);
    address = emit_value(emitter, "load i64, ptr %%t%u, align 8", pointer);
    address = emit_value(emitter, "add i64 %%t%u, %lld", address, (long long)operand->offset);
    return emit_resize(emitter, PTX_W_B64, type, emit_splat_scalar(emitter, PTX_W_B64, address));
}

/* A constant as bits of a type: doubles become floats, and the other way round. */
static uint64_t constant_bits(const struct ptx_operand *operand, enum ptx_word type)
{
    uint64_t bits = operand->bits;
    double wide;
    float single;
    uint32_t word;

    if (operand->kind == PTX_O_FLOAT64 && ptx_type_bits(type) == 32) {
        memcpy(&wide, &bits, sizeof(wide));
        single = (float)wide;
        memcpy(&word, &single, sizeof(word));
        return word;
    }
    if (operand->kind == PTX_O_FLOAT32 && ptx_type_bits(type) == 64) {
        word = (uint32_t)bits;
        memcpy(&single, &word, sizeof(single));
        wide = (double)single;
        memcpy(&bits, &wide, sizeof(bits));
    }
    return ptx_type_bits(type) < 64 ? bits & ((UINT64_C(1) << ptx_type_bits(type)) - 1) : bits;
}

static value get_plain(struct emitter *emitter, const struct ptx_operand *operand,
                       enum ptx_word type)
{
    switch (operand->kind) {
    case PTX_O_REGISTER:
        return get_register(emitter, operand, type);
    case PTX_O_SPECIAL:
        return emit_special(emitter, operand, type);
    case PTX_O_INTEGER:
    case PTX_O_FLOAT32:
    case PTX_O_FLOAT64:
        return emit_splat(emitter, type,
                          type == PTX_W_PRED ? operand->bits != 0 : constant_bits(operand, type));
    case PTX_O_SYMBOL:
        return get_symbol(emitter, operand, type);
    default:
        emit_unsupported(emitter, "this operand");
        return emit_splat(emitter, type, 0);
    }
}

value emit_get(struct emitter *emitter, const struct ptx_operand *operand, enum ptx_word type)
{
    value got = get_plain(emitter, operand, type);

    if (operand->negated && type == PTX_W_PRED) {
        return emit_value(emitter, "xor <32 x i1> %%t%u, splat (i1 true)", got);
    }
    return got;
}

/* A register that is wider than a signed result takes copies of the sign. */
static enum ptx_word sign_of(enum ptx_word type, enum ptx_word storage)
{
    if (ptx_type_kind(type) != PTX_SIGNED) {
        return storage;
    }
    switch (ptx_type_bits(storage)) {
    case 16:
        return PTX_W_S16;
    case 32:
        return PTX_W_S32;
    case 64:
        return PTX_W_S64;
    default:
        return storage;
    }
}

/* None of them waits at the block that runs. */
bool emit_keeps_others(const struct emitter *emitter, uint32_t reg)
{
    bool is_read = emitter->uniform.stays[reg] &&
                   (emitter->waits || emitter->uniform.own[reg] != emitter->block);

    if (emitter->is_half && !emitter->lanes.all) {
        return pack_keeps(emitter, reg);
    }
    return !emitter->lanes.all && (is_read || emitter->instruction->has_guard);
}

static void set_lanes(struct emitter *emitter, uint32_t reg, unsigned part, enum ptx_word storage,
                      value result)
{
    bool is_narrow = emitter->is_narrow;
    const char *vector = emit_vector(storage);
    char kind = emit_register_kind(emitter, reg);

    emitter->is_narrow = false;
    if (is_narrow) {
        result = emit_splat_scalar(emitter, storage, result);
    }
    if (emit_keeps_others(emitter, reg)) {
        value old =
            emit_value(emitter, "load %s, ptr %%%c%u.%u, align 64", vector, kind, reg, part);

        result = emit_value(emitter, "select <32 x i1> %%t%u, %s %%t%u, %s %%t%u",
                            emitter->lanes.vector, vector, result, vector, old);
    }
    emit(emitter, "store %s %%t%u, ptr %%%c%u.%u, align 64", vector, result, kind, reg, part);
    emitter->is_narrow = is_narrow;
}

/* Of a result that is the same in all lanes that take part; computed of what is the same in all, it
 * is so in the others, too. */
static value any_lane(struct emitter *emitter, enum ptx_word type, value vector)
{
    return uniform_is_computed(&emitter->uniform, emitter->instruction)
               ? emit_value(emitter, "extractelement %s %%t%u, i32 0", emit_vector(type), vector)
               : emit_first_lane(emitter, type, vector);
}

/* A register that is the same in all lanes. */
static void set_all(struct emitter *emitter, uint32_t reg, unsigned part, enum ptx_word storage,
                    value result)
{
    if (!emitter->is_narrow) {
        result = any_lane(emitter, storage, result);
    }
    emit(emitter, "store %s %%t%u, ptr %%r%u.%u, align 8", emit_element(storage), result, reg,
         part);
}

void emit_put(struct emitter *emitter, const struct ptx_operand *operand, enum ptx_word type,
              value result)
{
    enum ptx_word storage;
    unsigned part = component(operand->select);

    if (operand->kind == PTX_O_SINK) {
        return;
    }
    storage = storage_type(emitter->function->registers[operand->reg].type);
    if (storage != type) {
        enum ptx_word target = sign_of(type, storage);

        result = to_bits(emitter, type, result);
        result = emit_resize(emitter, type, target, result);
        result = from_bits(emitter, storage, result);
    }
    if (affine_is_kept(emitter, operand->reg)) {
        affine_put(emitter, operand->reg, result);
    } else if (emitter->uniform.differs[operand->reg]) {
        set_lanes(emitter, operand->reg, part, storage, result);
    } else {
        set_all(emitter, operand->reg, part, storage, result);
    }
}

size_t emit_items(const struct emitter *emitter, const struct ptx_operand *operand,
                  struct ptx_operand items[EMIT_ITEMS])
{
    static const char *const parts[] = {"x", "y", "z", "w"};
    unsigned vector = operand->kind == PTX_O_REGISTER && operand->select == NULL
                          ? emitter->function->registers[operand->reg].vector
                          : 1;
    size_t count = operand->kind == PTX_O_LIST ? operand->count : vector;

    for (size_t i = 0; i < count && i < EMIT_ITEMS; i++) {
        items[i] = operand->kind == PTX_O_LIST ? operand->items[i] : *operand;
        if (operand->kind != PTX_O_LIST && vector > 1) {
            items[i].select = parts[i];
        }
    }
    return count;
}
