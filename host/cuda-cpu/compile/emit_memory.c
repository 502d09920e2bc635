/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads, stores, atomics and addresses: PTX ISA 9.7.9 and 9.7.13. Generic addresses are the host's.
 * An access of lanes that lie beside each other, within the allocation that it met last, is done in
 * line; every other one is checked and done by a call.
 */
#include "host/cuda-cpu/compile/emitter.h"

/* Instructions of a function whose accesses are all in line. */
#define IN_LINE_MAX 600

static const struct ptx_operand *operand(const struct emitter *emitter, size_t index)
{
    return &emitter->instruction->operands[index];
}

static value add_i64(struct emitter *emitter, value a, value b)
{
    return emit_value(emitter, "add <32 x i64> %%t%u, %%t%u", a, b);
}

static value lanes_times(struct emitter *emitter, value stride)
{
    value lane = emit_value(emitter, "load <32 x i32>, ptr @lane_numbers, align 64");

    lane = emit_value(emitter, "zext <32 x i32> %%t%u to <32 x i64>", lane);
    return emit_value(emitter, "mul <32 x i64> %%t%u, %%t%u", lane,
                      emit_splat_scalar(emitter, PTX_W_B64, stride));
}

value emit_space_base(struct emitter *emitter, enum ptx_space space)
{
    switch (space) {
    case PTX_SPACE_SHARED:
        return emit_splat_scalar(emitter, PTX_W_B64,
                                 emit_fixed_field(emitter, offsetof(struct warp, shared), "i64"));
    case PTX_SPACE_PARAM:
        return emit_splat_scalar(emitter, PTX_W_B64,
                                 emit_fixed_field(emitter, offsetof(struct warp, params), "i64"));
    case PTX_SPACE_LOCAL:
        return add_i64(
            emitter,
            emit_splat_scalar(emitter, PTX_W_B64,
                              emit_field(emitter, offsetof(struct warp, local), "i64")),
            lanes_times(emitter,
                        emit_fixed_field(emitter, offsetof(struct warp, local_stride), "i64")));
    default:
        return emit_splat(emitter, PTX_W_B64, 0);
    }
}

enum ptx_space emit_named_space(const struct emitter *emitter)
{
    static const struct {
        enum ptx_word word;
        enum ptx_space space;
    } spaces[] = {
        {PTX_W_GLOBAL, PTX_SPACE_GLOBAL},         {PTX_W_CONST, PTX_SPACE_CONST},
        {PTX_W_LOCAL, PTX_SPACE_LOCAL},           {PTX_W_PARAM, PTX_SPACE_PARAM},
        {PTX_W_PARAM_ENTRY, PTX_SPACE_PARAM},     {PTX_W_PARAM_FUNC, PTX_SPACE_PARAM},
        {PTX_W_SHARED, PTX_SPACE_SHARED},         {PTX_W_SHARED_CTA, PTX_SPACE_SHARED},
        {PTX_W_SHARED_CLUSTER, PTX_SPACE_SHARED},
    };

    for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
        if (emit_has(emitter, spaces[i].word)) {
            return spaces[i].space;
        }
    }
    return PTX_SPACE_REG;
}

static bool is_variable(const struct ptx_operand *base)
{
    return base != NULL && base->kind == PTX_O_SYMBOL && base->symbol->kind == PTX_S_VARIABLE;
}

static enum ptx_space space_of(const struct ptx_variable *variable)
{
    return variable->in_frame ? PTX_SPACE_LOCAL : variable->space;
}

value emit_local_addresses(struct emitter *emitter, value place)
{
    return add_i64(emitter, emit_space_base(emitter, PTX_SPACE_LOCAL),
                   emit_splat_scalar(emitter, PTX_W_B64, place));
}

value emit_frame_addresses(struct emitter *emitter, uint64_t offset)
{
    return emit_local_addresses(
        emitter, emit_value(emitter, "add i64 %%frame, %llu", (unsigned long long)offset));
}

/* A register of 32 bits and a number add up to 32 bits, as NVIDIA's compilers count on: loops run
 * up from -128 over [%r + 128]. */
static value get_place(struct emitter *emitter, const struct ptx_operand *base)
{
    value sum;

    if (base->kind != PTX_O_REGISTER ||
        ptx_type_bits(emitter->function->registers[base->reg].type) != 32) {
        return emit_get(emitter, base, PTX_W_B64);
    }
    sum = emit_get(emitter, base, PTX_W_B32);
    return emit_value(emitter, "zext %s %%t%u to %s", emit_vector(PTX_W_B32), sum,
                      emit_vector(PTX_W_B64));
}

value emit_address_in(struct emitter *emitter, const struct ptx_operand *address,
                      enum ptx_space space)
{
    value base, offset;

    if (is_variable(address->base)) {
        space = space_of(address->base->symbol->variable);
    }
    if (address->base == NULL) {
        offset = emit_splat(emitter, PTX_W_B64, (uint64_t)address->offset);
    } else {
        offset = get_place(emitter, address->base);
    }
    if (space == PTX_SPACE_REG || space == PTX_SPACE_GLOBAL || space == PTX_SPACE_CONST) {
        return offset;
    }
    base = emit_space_base(emitter, space);
    return add_i64(emitter, base, offset);
}

value emit_address(struct emitter *emitter, const struct ptx_operand *address)
{
    return emit_address_in(emitter, address, emit_named_space(emitter));
}

/* ---- Accesses ---- */

static const char *memory_vector(unsigned size)
{
    return size == 1   ? "<32 x i8>"
           : size == 2 ? "<32 x i16>"
           : size == 4 ? "<32 x i32>"
           : size == 8 ? "<32 x i64>"
                       : "<32 x i128>";
}

static unsigned label(struct emitter *emitter)
{
    return ++emitter->labels;
}

static void begin(struct emitter *emitter, char kind, unsigned number)
{
    text_add(emitter->out, "%c%u:\n", kind, number);
}

/* What an access looks at before it is done in line. */
struct access {
    value addresses, lanes; /* lanes: i32 */
    value first;            /* lane 0's address */
    unsigned size;
    uint32_t order; /* WARP_ORDER_ bits */
    value is_same;  /* checked: all lanes read one place */
    uint32_t site;
};

static value is_adjacent(struct emitter *emitter, const struct access *access)
{
    value stride = emit_value(emitter, "or i64 0, %u", access->size);
    value expected = add_i64(emitter, emit_splat_scalar(emitter, PTX_W_B64, access->first),
                             lanes_times(emitter, stride));
    value equal =
        emit_value(emitter, "icmp eq <32 x i64> %%t%u, %%t%u", access->addresses, expected);
    value bits = emit_mask_bits(emitter, equal);
    value others = emit_value(emitter, "xor i32 %%t%u, -1", access->lanes);

    bits = emit_value(emitter, "or i32 %%t%u, %%t%u", bits, others);
    return emit_value(emitter, "icmp eq i32 %%t%u, -1", bits);
}

/* first + size * (number of a lane) */
static value reach(struct emitter *emitter, const struct access *access, value lane)
{
    value wide = emit_value(emitter, "zext i32 %%t%u to i64", lane);
    value bytes = emit_value(emitter, "mul i64 %%t%u, %u", wide, access->size);

    return emit_value(emitter, "add i64 %%t%u, %%t%u", access->first, bytes);
}

/* Between the bounds, from the first lane that takes part to the last. */
static value is_within(struct emitter *emitter, const struct access *access)
{
    value sites = emit_fixed_field(emitter, offsetof(struct warp, sites), "ptr");
    value site = emit_value(emitter, "getelementptr i8, ptr %%t%u, i64 %zu", sites,
                            access->site * sizeof(struct warp_site));
    value start = emit_value(emitter, "load i64, ptr %%t%u, align 8", site);
    value end_pointer = emit_value(emitter, "getelementptr i8, ptr %%t%u, i64 %zu", site,
                                   offsetof(struct warp_site, end));
    value end = emit_value(emitter, "load i64, ptr %%t%u, align 8", end_pointer);
    value low_lane =
        emit_value(emitter, "call i32 @llvm.cttz.i32(i32 %%t%u, i1 false)", access->lanes);
    value unused =
        emit_value(emitter, "call i32 @llvm.ctlz.i32(i32 %%t%u, i1 false)", access->lanes);
    value high_lane = emit_value(emitter, "sub i32 32, %%t%u", unused);
    value low = reach(emitter, access, low_lane), high = reach(emitter, access, high_lane);
    value above = emit_value(emitter, "icmp uge i64 %%t%u, %%t%u", low, start);
    value below = emit_value(emitter, "icmp ule i64 %%t%u, %%t%u", high, end);
    value ordered = emit_value(emitter, "icmp ule i64 %%t%u, %%t%u", low, high);
    value within = emit_value(emitter, "and i1 %%t%u, %%t%u", above, below);

    return emit_value(emitter, "and i1 %%t%u, %%t%u", within, ordered);
}

static value is_aligned(struct emitter *emitter, const struct access *access)
{
    value low = emit_value(emitter, "and i64 %%t%u, %u", access->first, access->size - 1);

    return emit_value(emitter, "icmp eq i64 %%t%u, 0", low);
}

/* A choice between the way in line and the call: labels a (in line), c (call) and j. */
static unsigned begin_access(struct emitter *emitter, struct access *access)
{
    unsigned number = label(emitter);
    value in_line;

    access->site = emit_site(emitter);
    access->lanes = emit_lane_bits(emitter);
    access->first =
        emit_value(emitter, "extractelement <32 x i64> %%t%u, i32 0", access->addresses);
    in_line = emit_value(emitter, "and i1 %%t%u, %%t%u", is_adjacent(emitter, access),
                         is_within(emitter, access));
    in_line = emit_value(emitter, "and i1 %%t%u, %%t%u", in_line, is_aligned(emitter, access));
    emit(emitter, "br i1 %%t%u, label %%a%u, label %%c%u", in_line, number, number);
    return number;
}

/* The call; values are in slot 1. */
static void call_access(struct emitter *emitter, const struct access *access, bool is_write)
{
    size_t function = is_write ? offsetof(struct warp, scatter) : offsetof(struct warp, gather);
    value addresses = emit_spill(emitter, 0, PTX_W_B64, access->addresses);
    value values = emit_slot(emitter, 1);
    value callee = emit_field(emitter, function, "ptr");

    emit(emitter, "call void %%t%u(ptr %%w, ptr %%t%u, ptr %%t%u, i32 %%t%u, i32 %u, i32 %u)",
         callee, values, addresses, access->lanes,
         access->size | (is_write ? WARP_ACCESS_WRITE : 0) | access->order, access->site);
}

static value gather(struct emitter *emitter, const struct access *access)
{
    call_access(emitter, access, false);
    return emit_value(emitter, "load %s, ptr %%t%u, align 64", memory_vector(access->size),
                      emit_slot(emitter, 1));
}

static void scatter(struct emitter *emitter, const struct access *access, value stored)
{
    emit(emitter, "store %s %%t%u, ptr %%t%u, align 64", memory_vector(access->size), stored,
         emit_slot(emitter, 1));
    call_access(emitter, access, true);
}

/* What runs once in a large function, or where a warp seldom comes, costs more to compile than to
 * call: half of the time, and a quarter. */
static bool is_cold(const struct emitter *emitter)
{
    bool is_rare = emitter->is_edgy && !emitter->is_whole && whole_find(emitter) != NULL;

    return (emitter->function->instruction_count > IN_LINE_MAX || is_rare) &&
           emitter->flow->blocks[emitter->block].loop == FLOW_END;
}

/* Always by a call: 128 bits; of checked code what is strong, and where not all lanes take part. */
static bool is_never_in_line(const struct emitter *emitter, const struct access *access)
{
    return access->size > 8 || is_cold(emitter) ||
           (emitter->options->is_checked && (access->order || !emitter->lanes.all));
}

/* All lanes read one place when the first two do, or else places beside each other. */
static value is_regular(struct emitter *emitter, struct access *access)
{
    value second = emit_value(emitter, "extractelement <32 x i64> %%t%u, i32 1", access->addresses);
    value steps = lanes_times(emitter, emit_value(emitter, "or i64 0, %u", access->size));
    value expected, equal;

    access->is_same = emit_value(emitter, "icmp eq i64 %%t%u, %%t%u", access->first, second);
    steps = emit_value(emitter, "select i1 %%t%u, <32 x i64> zeroinitializer, <32 x i64> %%t%u",
                       access->is_same, steps);
    expected = add_i64(emitter, emit_splat_scalar(emitter, PTX_W_B64, access->first), steps);
    equal = emit_value(emitter, "icmp eq <32 x i64> %%t%u, %%t%u", access->addresses, expected);
    return emit_value(emitter, "icmp eq i32 %%t%u, -1", emit_mask_bits(emitter, equal));
}

/* Checked: lanes that are as they should be are asked for. Labels as of begin_access. */
static unsigned begin_checked(struct emitter *emitter, struct access *access, bool is_write)
{
    unsigned number = label(emitter);
    value shape, bits, callee, known;

    access->site = emit_site(emitter);
    access->lanes = emit_lane_bits(emitter);
    access->first =
        emit_value(emitter, "extractelement <32 x i64> %%t%u, i32 0", access->addresses);
    if (is_write) {
        shape = is_adjacent(emitter, access);
        bits = emit_value(emitter, "or i32 %u, %u", access->size, WARP_ACCESS_WRITE);
    } else {
        shape = is_regular(emitter, access);
        bits = emit_value(emitter, "select i1 %%t%u, i32 %u, i32 %u", access->is_same,
                          access->size | WARP_ACCESS_SAME, access->size);
    }
    emit(emitter, "br i1 %%t%u, label %%k%u, label %%c%u", shape, number, number);
    begin(emitter, 'k', number);
    callee = emit_field(emitter, offsetof(struct warp, reach), "ptr");
    known = emit_value(emitter, "call i32 %%t%u(ptr %%w, i64 %%t%u, i32 %%t%u, i32 %u, i32 1)",
                       callee, access->first, bits, access->site);
    known = emit_value(emitter, "icmp ne i32 %%t%u, 0", known);
    emit(emitter, "br i1 %%t%u, label %%a%u, label %%c%u", known, number, number);
    return number;
}

static value load_same(struct emitter *emitter, value pointer, unsigned size)
{
    static const enum ptx_word types[] = {
        [1] = PTX_W_B8, [2] = PTX_W_B16, [4] = PTX_W_B32, [8] = PTX_W_B64};
    value loaded = emit_value(emitter, "load i%u, ptr %%t%u, align %u", size * 8, pointer, size);

    return emit_splat_scalar(emitter, types[size], loaded);
}

/* Of one place, or of places beside each other, or by a call. */
static value load_checked(struct emitter *emitter, struct access *access)
{
    unsigned number = begin_checked(emitter, access, false);
    const char *vector = memory_vector(access->size);
    value pointer, same, near, far;

    begin(emitter, 'a', number);
    pointer = emit_value(emitter, "inttoptr i64 %%t%u to ptr", access->first);
    emit(emitter, "br i1 %%t%u, label %%u%u, label %%v%u", access->is_same, number, number);
    begin(emitter, 'u', number);
    same = load_same(emitter, pointer, access->size);
    emit(emitter, "br label %%j%u", number);
    begin(emitter, 'v', number);
    near = emit_value(emitter, "load %s, ptr %%t%u, align %u", vector, pointer, access->size);
    emit(emitter, "br label %%j%u", number);
    begin(emitter, 'c', number);
    far = gather(emitter, access);
    emit(emitter, "br label %%j%u", number);
    begin(emitter, 'j', number);
    return emit_value(emitter, "phi %s [ %%t%u, %%u%u ], [ %%t%u, %%v%u ], [ %%t%u, %%c%u ]",
                      vector, same, number, near, number, far, number);
}

static value load(struct emitter *emitter, struct access access)
{
    unsigned size = access.size, number;
    const char *vector = memory_vector(size);
    value pointer, near, far;

    if (is_never_in_line(emitter, &access)) {
        access.lanes = emit_lane_bits(emitter);
        access.site = emit_site(emitter);
        return gather(emitter, &access);
    }
    if (emitter->options->is_checked) {
        return load_checked(emitter, &access);
    }
    number = begin_access(emitter, &access);
    begin(emitter, 'a', number);
    pointer = emit_value(emitter, "inttoptr i64 %%t%u to ptr", access.first);
    if (emitter->lanes.all) {
        near = emit_value(emitter, "load %s, ptr %%t%u, align %u", vector, pointer, size);
    } else {
        near = emit_value(emitter,
                          "call %s @llvm.masked.load.v32i%u.p0(ptr %%t%u, i32 %u, <32 x i1> %%t%u, "
                          "%s zeroinitializer)",
                          vector, size * 8, pointer, size, emitter->lanes.vector, vector);
    }
    emit(emitter, "br label %%j%u", number);
    begin(emitter, 'c', number);
    far = gather(emitter, &access);
    emit(emitter, "br label %%j%u", number);
    begin(emitter, 'j', number);
    return emit_value(emitter, "phi %s [ %%t%u, %%a%u ], [ %%t%u, %%c%u ]", vector, near, number,
                      far, number);
}

static void store(struct emitter *emitter, struct access access, value stored)
{
    unsigned size = access.size, number;
    const char *vector = memory_vector(size);
    value pointer;

    if (is_never_in_line(emitter, &access)) {
        access.lanes = emit_lane_bits(emitter);
        access.site = emit_site(emitter);
        scatter(emitter, &access, stored);
        return;
    }
    number = emitter->options->is_checked ? begin_checked(emitter, &access, true)
                                          : begin_access(emitter, &access);
    begin(emitter, 'a', number);
    pointer = emit_value(emitter, "inttoptr i64 %%t%u to ptr", access.first);
    if (emitter->lanes.all) {
        emit(emitter, "store %s %%t%u, ptr %%t%u, align %u", vector, stored, pointer, size);
    } else {
        emit(emitter,
             "call void @llvm.masked.store.v32i%u.p0(%s %%t%u, ptr %%t%u, i32 %u, <32 x i1> %%t%u)",
             size * 8, vector, stored, pointer, size, emitter->lanes.vector);
    }
    emit(emitter, "br label %%j%u", number);
    begin(emitter, 'c', number);
    scatter(emitter, &access, stored);
    emit(emitter, "br label %%j%u", number);
    begin(emitter, 'j', number);
}

value emit_load_at(struct emitter *emitter, value addresses, enum ptx_word type)
{
    return load(emitter, (struct access){.addresses = addresses, .size = ptx_type_bits(type) / 8});
}

void emit_store_at(struct emitter *emitter, value addresses, enum ptx_word type, value stored)
{
    store(emitter, (struct access){.addresses = addresses, .size = ptx_type_bits(type) / 8},
          stored);
}

/* ---- Instructions ---- */

/* How strong an access is, and for whom: PTX ISA 8.4 and 8.5. */
static uint32_t order_of(const struct emitter *emitter, bool is_strong)
{
    static const struct {
        enum ptx_word word;
        uint32_t order;
    } orders[] = {
        {PTX_W_ACQUIRE, WARP_ORDER_ACQUIRE},
        {PTX_W_RELEASE, WARP_ORDER_RELEASE},
        {PTX_W_ACQ_REL, WARP_ORDER_ACQUIRE | WARP_ORDER_RELEASE},
        {PTX_W_RELAXED, 0},
        {PTX_W_VOLATILE, 0},
        {PTX_W_MMIO, 0},
    };
    bool is_for_block = emit_has(emitter, PTX_W_CTA) || emit_has(emitter, PTX_W_CLUSTER);
    uint32_t order = 0;

    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        if (emit_has(emitter, orders[i].word)) {
            order |= orders[i].order;
            is_strong = true;
        }
    }
    order |= emit_has(emitter, PTX_W_SYS) ? WARP_ORDER_SYSTEM : 0;
    return !is_strong ? 0 : order | (is_for_block ? WARP_ORDER_BLOCK : WARP_ORDER_ALL);
}

static value plus(struct emitter *emitter, value addresses, uint64_t bytes)
{
    return bytes ? add_i64(emitter, addresses, emit_splat(emitter, PTX_W_B64, bytes)) : addresses;
}

/* A kernel's parameter by its name: the same for all lanes, and its place is known. */
static bool is_parameter(const struct ptx_operand *address)
{
    return is_variable(address->base) &&
           space_of(address->base->symbol->variable) == PTX_SPACE_PARAM;
}

static value load_parameter(struct emitter *emitter, const struct ptx_operand *address,
                            enum ptx_word type, uint64_t further)
{
    const struct ptx_variable *variable = address->base->symbol->variable;
    uint64_t offset = variable->offset + (uint64_t)address->offset + further;
    value pointer =
        emit_value(emitter, "getelementptr i8, ptr %%params, i64 %llu", (unsigned long long)offset);
    value scalar = emit_value(emitter, "load %s, ptr %%t%u, align 1, !invariant.load !3",
                              emit_element(type), pointer);

    if (offset + ptx_type_bits(type) / 8 > emitter->function->param_size) {
        ptx_log_error(emitter->log, address->at, "beyond the kernel's parameters");
    }
    return emit_splat_scalar(emitter, type, scalar);
}

enum ptx_word emit_memory_type(const struct emitter *emitter)
{
    enum ptx_word type = emit_type(emitter, 0);

    return ptx_type_kind(type) == PTX_SIGNED ? type : emit_bits(type);
}

/* All lanes at once. Under a mask it is noted whose memory this access met last. */
static bool emit_whole(struct emitter *emitter)
{
    struct whole_access *access = whole_find(emitter);

    if (access == NULL || !(emitter->lanes.all || emitter->is_aside)) {
        if (access != NULL) {
            access->site = emitter->sites;
        }
        return false;
    }
    if (access->is_atomic) {
        whole_atomic(emitter, access);
    } else if (access->is_store) {
        whole_store(emitter, access);
    } else {
        whole_load(emitter, access);
    }
    return true;
}

/* A vector lies at a multiple of its size: PTX ISA 6.4.1. Lanes whose does not access it as one
 * number, which is a fault. */
static void check_alignment(struct emitter *emitter, value addresses, size_t size, bool is_write)
{
    struct access access = {.addresses = addresses, .size = (unsigned)size};
    unsigned number = label(emitter);
    value rest, bad, any;

    rest = emit_value(emitter, "and <32 x i64> %%t%u, splat (i64 %zu)", addresses, size - 1);
    bad = emit_value(emitter, "icmp ne <32 x i64> %%t%u, zeroinitializer", rest);
    access.lanes = emit_value(emitter, "and i32 %%t%u, %%t%u", emit_mask_bits(emitter, bad),
                              emit_lane_bits(emitter));
    access.site = emit_site(emitter);
    any = emit_value(emitter, "icmp ne i32 %%t%u, 0", access.lanes);
    emit(emitter, "br i1 %%t%u, label %%c%u, label %%j%u", any, number, number);
    begin(emitter, 'c', number);
    call_access(emitter, &access, is_write);
    emit(emitter, "br label %%j%u", number);
    begin(emitter, 'j', number);
}

/* A lane's items keep the lanes apart, so that they are never in line: one call does them all. */
static bool is_of_items(const struct emitter *emitter, size_t count, size_t size)
{
    return count > 1 && count * size <= WARP_ACCESS_MAX && !emitter->options->is_checked;
}

/* Two vectors of so many numbers: element i of the result is number first + i / groups * step +
 * i % groups * apart. */
static value shuffle(struct emitter *emitter, unsigned bits, unsigned length, value a, value b,
                     unsigned elements, unsigned step, unsigned groups, unsigned apart,
                     unsigned first)
{
    value result = ++emitter->values;

    text_add(emitter->out,
             "  %%t%u = shufflevector <%u x i%u> %%t%u, <%u x i%u> %%t%u, <%u x i32> <", result,
             length, bits, a, length, bits, b, elements);
    for (unsigned i = 0; i < elements; i++) {
        text_add(emitter->out, "%si32 %u", i ? ", " : "",
                 first + i / groups * step + i % groups * apart);
    }
    text_add(emitter->out, ">\n");
    return result;
}

/* By one gather of all that a lane has. */
static void load_items(struct emitter *emitter, struct access access, unsigned count, value *loaded)
{
    unsigned bits = access.size * 8, length = count * WARP_LANES;
    value all;

    access.size *= count;
    access.lanes = emit_lane_bits(emitter);
    access.site = emit_site(emitter);
    call_access(emitter, &access, false);
    all = emit_value(emitter, "load <%u x i%u>, ptr %%t%u, align 64", length, bits,
                     emit_slot(emitter, 1));
    for (unsigned i = 0; i < count; i++) {
        loaded[i] = shuffle(emitter, bits, length, all, all, WARP_LANES, count, 1, 0, i);
    }
}

static void store_items(struct emitter *emitter, struct access access, unsigned count,
                        value *stored)
{
    unsigned bits = access.size * 8, length = WARP_LANES;
    value all;

    for (unsigned left = count; left > 2; left /= 2, length *= 2) {
        for (unsigned i = 0; i < left / 2; i++) {
            stored[i] = shuffle(emitter, bits, length, stored[2 * i], stored[2 * i + 1], length * 2,
                                1, 1, 0, 0);
        }
    }
    all = shuffle(emitter, bits, length, stored[0], stored[1], count * WARP_LANES, 1, count,
                  WARP_LANES, 0);
    emit(emitter, "store <%u x i%u> %%t%u, ptr %%t%u, align 64", count * WARP_LANES, bits, all,
         emit_slot(emitter, 1));
    access.size *= count;
    access.lanes = emit_lane_bits(emitter);
    access.site = emit_site(emitter);
    call_access(emitter, &access, true);
}

static void emit_load(struct emitter *emitter)
{
    const struct ptx_operand *address = operand(emitter, 1);
    enum ptx_word type = emit_memory_type(emitter);
    unsigned size = ptx_type_bits(type) / 8;
    struct ptx_operand items[EMIT_ITEMS];
    size_t count = emit_items(emitter, operand(emitter, 0), items);
    struct access access = {.size = size, .order = order_of(emitter, false)};
    value addresses, loaded[EMIT_ITEMS];

    if (emit_whole(emitter)) {
        return;
    }
    addresses = is_parameter(address) ? 0 : emit_address(emitter, address);
    if (is_parameter(address)) {
        for (size_t i = 0; i < count; i++) {
            loaded[i] = load_parameter(emitter, address, type, i * size);
        }
    } else if (is_of_items(emitter, count, size)) {
        access.addresses = addresses;
        load_items(emitter, access, (unsigned)count, loaded);
    } else {
        if (count > 1) {
            check_alignment(emitter, addresses, count * size, false);
        }
        for (size_t i = 0; i < count; i++) {
            access.addresses = plus(emitter, addresses, i * size);
            loaded[i] = load(emitter, access);
        }
    }
    for (size_t i = 0; i < count; i++) {
        emit_put(emitter, &items[i], type, loaded[i]);
    }
}

static void emit_store(struct emitter *emitter)
{
    enum ptx_word type = emit_bits(emit_memory_type(emitter));
    unsigned size = ptx_type_bits(type) / 8;
    struct ptx_operand items[EMIT_ITEMS];
    size_t count = emit_items(emitter, operand(emitter, 1), items);
    struct access access = {.size = size, .order = order_of(emitter, false)};
    value addresses, stored[EMIT_ITEMS];

    if (emit_whole(emitter)) {
        return;
    }
    if (is_parameter(operand(emitter, 0))) {
        emit_unsupported(emitter, "writing a parameter");
        return;
    }
    addresses = emit_address(emitter, operand(emitter, 0));
    for (size_t i = 0; i < count; i++) {
        stored[i] = emit_get(emitter, &items[i], type);
    }
    if (is_of_items(emitter, count, size)) {
        access.addresses = addresses;
        store_items(emitter, access, (unsigned)count, stored);
        return;
    }
    if (count > 1) {
        check_alignment(emitter, addresses, count * size, true);
    }
    for (size_t i = 0; i < count; i++) {
        access.addresses = plus(emitter, addresses, i * size);
        store(emitter, access, stored[i]);
    }
}

uint32_t emit_atomic_operation(const struct emitter *emitter)
{
    static const struct {
        enum ptx_word word;
        enum warp_atomic operation;
    } operations[] = {
        {PTX_W_ADD, WARP_ATOMIC_ADD},   {PTX_W_MIN, WARP_ATOMIC_MIN}, {PTX_W_MAX, WARP_ATOMIC_MAX},
        {PTX_W_AND, WARP_ATOMIC_AND},   {PTX_W_OR, WARP_ATOMIC_OR},   {PTX_W_XOR, WARP_ATOMIC_XOR},
        {PTX_W_EXCH, WARP_ATOMIC_EXCH}, {PTX_W_CAS, WARP_ATOMIC_CAS}, {PTX_W_INC, WARP_ATOMIC_INC},
        {PTX_W_DEC, WARP_ATOMIC_DEC},
    };
    static const struct {
        enum ptx_word word;
        enum warp_type type;
    } types[] = {
        {PTX_W_U32, WARP_U32},       {PTX_W_B32, WARP_U32},     {PTX_W_S32, WARP_S32},
        {PTX_W_U64, WARP_U64},       {PTX_W_B64, WARP_U64},     {PTX_W_S64, WARP_S64},
        {PTX_W_F32, WARP_F32},       {PTX_W_F64, WARP_F64},     {PTX_W_B16, WARP_B16},
        {PTX_W_F16, WARP_F16},       {PTX_W_F16X2, WARP_F16X2}, {PTX_W_BF16, WARP_BF16},
        {PTX_W_BF16X2, WARP_BF16X2}, {PTX_W_B128, WARP_B128},
    };
    uint32_t operation = 0;

    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (emit_has(emitter, operations[i].word)) {
            operation = operations[i].operation;
        }
    }
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (emit_type(emitter, 0) == types[i].word) {
            operation |= (uint32_t)types[i].type << WARP_ATOMIC_TYPE_SHIFT;
        }
    }
    return operation;
}

/* Old values come back. */
static value call_atomic(struct emitter *emitter, enum ptx_word type, value addresses,
                         const struct ptx_operand *b, const struct ptx_operand *c)
{
    value at = emit_spill(emitter, 0, PTX_W_B64, addresses);
    value operand_b = emit_spill(emitter, 1, type, emit_get(emitter, b, type));
    value operand_c = c != NULL ? emit_spill(emitter, 2, type, emit_get(emitter, c, type))
                                : emit_slot(emitter, 2);
    value old = emit_slot(emitter, 3), lanes = emit_lane_bits(emitter);
    value callee = emit_field(emitter, offsetof(struct warp, atomic), "ptr");

    emit(emitter,
         "call void %%t%u(ptr %%w, ptr %%t%u, ptr %%t%u, ptr %%t%u, ptr %%t%u, i32 %%t%u, i32 %u, "
         "i32 %u)",
         callee, old, at, operand_b, operand_c, lanes,
         emit_atomic_operation(emitter) | order_of(emitter, true), emit_site(emitter));
    return emit_reload(emitter, 3, type);
}

/* Of a vector, each element by itself. red is atom whose old values nobody wants. */
static void emit_atomic(struct emitter *emitter, bool returns)
{
    enum ptx_word type = emit_bits(emit_type(emitter, 0));
    size_t first = returns ? 1 : 0, count;
    struct ptx_operand with[EMIT_ITEMS], results[EMIT_ITEMS];
    const struct ptx_operand *c = emit_has(emitter, PTX_W_CAS) ? operand(emitter, first + 2) : NULL;
    value addresses, old[EMIT_ITEMS];

    if (emit_whole(emitter)) {
        return;
    }
    addresses = emit_address(emitter, operand(emitter, first));
    count = emit_items(emitter, operand(emitter, first + 1), with);
    if (count > 1) {
        check_alignment(emitter, addresses, count * ptx_type_bits(type) / 8, true);
    }
    for (size_t i = 0; i < count; i++) {
        old[i] = call_atomic(emitter, type, plus(emitter, addresses, i * ptx_type_bits(type) / 8),
                             &with[i], c);
    }
    if (returns) {
        emit_items(emitter, operand(emitter, 0), results);
        for (size_t i = 0; i < count; i++) {
            emit_put(emitter, &results[i], type, old[i]);
        }
    }
}

static void emit_fence(struct emitter *emitter)
{
    bool is_for_block = emit_has(emitter, PTX_W_CTA) || emit_has(emitter, PTX_W_CLUSTER);

    emit(emitter, "fence seq_cst");
    emit_event(emitter, is_for_block ? WARP_EVENT_FENCE_BLOCK : WARP_EVENT_FENCE,
               emit_lane_bits(emitter), NULL);
}

bool emit_memory(struct emitter *emitter)
{
    switch (emitter->instruction->opcode) {
    case PTX_LD:
    case PTX_LDU:
        emit_load(emitter);
        return true;
    case PTX_ST:
        emit_store(emitter);
        emit_async_completion(emitter);
        return true;
    case PTX_ATOM:
        emit_atomic(emitter, true);
        return true;
    case PTX_RED:
        emit_atomic(emitter, false);
        emit_async_completion(emitter);
        return true;
    case PTX_FENCE:
    case PTX_MEMBAR:
        emit_fence(emitter);
        return true;
    case PTX_PREFETCH: /* hints */
    case PTX_PREFETCHU:
    case PTX_APPLYPRIORITY:
    case PTX_DISCARD:
    case PTX_PMEVENT:
    case PTX_GRIDDEPCONTROL: /* what it waits for has ended before a kernel begins */
        return true;
    default:
        return false;
    }
}
