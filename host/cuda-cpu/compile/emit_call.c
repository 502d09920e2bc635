/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls and the stack: PTX ISA 9.7.12.5, 9.7.11. Arguments and results are handed over in the frame
 * of the function that is called, which begins behind the caller's, in each lane's local memory.
 */
#include <string.h>

#include "host/cuda-cpu/compile/emit_call.h"
#include "host/cuda-cpu/compile/reach.h"
#include "host/cuda-cpu/compile/vector.h"
#include "host/cuda-cpu/compile/wait.h"

static uint64_t frame_size(const struct ptx_function *function)
{
    return (function->local_size + REACH_FRAME_ALIGN - 1) / REACH_FRAME_ALIGN * REACH_FRAME_ALIGN;
}

/* ---- Values in frames ---- */

bool call_is_in_frame(const struct ptx_operand *operand)
{
    return operand->kind == PTX_O_SYMBOL && operand->symbol->kind == PTX_S_VARIABLE &&
           operand->symbol->variable->in_frame;
}

/* Predicates are bytes there. */
static enum ptx_word type_in_frame(const struct ptx_variable *variable)
{
    enum ptx_word type = emit_bits(variable->type);

    return type == PTX_W_PRED ? PTX_W_B8 : type;
}

static void store_part(struct emitter *emitter, value addresses,
                       const struct ptx_variable *variable, const struct ptx_operand *from)
{
    bool is_predicate = variable->type == PTX_W_PRED;
    value got = emit_get(emitter, from, emit_bits(variable->type));

    if (is_predicate) {
        got = emit_value(emitter, "zext <32 x i1> %%t%u to <32 x i8>", got);
    }
    emit_store_at(emitter, addresses, type_in_frame(variable), got);
}

static void load_part(struct emitter *emitter, value addresses, const struct ptx_variable *variable,
                      const struct ptx_operand *to)
{
    bool is_predicate = variable->type == PTX_W_PRED;
    value got = emit_load_at(emitter, addresses, type_in_frame(variable));

    if (is_predicate) {
        got = emit_value(emitter, "trunc <32 x i8> %%t%u to <32 x i1>", got);
    }
    emit_put(emitter, to, emit_bits(variable->type), got);
}

/* A register, or parts of a vector, and the variable's place in a frame that begins at `frame`. */
static void move_parts(struct emitter *emitter, value frame, const struct ptx_variable *variable,
                       const struct ptx_operand *operand,
                       void (*move)(struct emitter *emitter, value addresses,
                                    const struct ptx_variable *variable,
                                    const struct ptx_operand *operand))
{
    struct ptx_operand items[EMIT_ITEMS];
    size_t count = emit_items(emitter, operand, items);
    unsigned size = ptx_type_bits(type_in_frame(variable)) / 8;

    if (size > 8 || variable->is_array || count != variable->vector) {
        emit_unsupported(emitter, "this argument or result");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        value place = emit_value(emitter, "add i64 %%t%u, %llu", frame,
                                 (unsigned long long)(variable->offset + i * size));

        move(emitter, emit_local_addresses(emitter, place), variable, &items[i]);
    }
}

static value own_frame(struct emitter *emitter)
{
    return emit_value(emitter, "add i64 %%frame, 0");
}

/* Parameters and results of .reg are registers of the function, by their names. */
static struct ptx_operand register_named(const struct ptx_function *function, const char *name)
{
    struct ptx_operand operand = {.kind = PTX_O_REGISTER};

    while (strcmp(function->registers[operand.reg].name, name) != 0) {
        operand.reg++;
    }
    return operand;
}

void call_take_arguments(struct emitter *emitter)
{
    const struct ptx_function *function = emitter->function;

    for (size_t i = 0; i < function->param_count; i++) {
        if (function->params[i]->space == PTX_SPACE_REG) {
            const struct ptx_operand to = register_named(function, function->params[i]->name);

            move_parts(emitter, own_frame(emitter), function->params[i], &to, load_part);
        }
    }
}

void call_give_results(struct emitter *emitter)
{
    const struct ptx_function *function = emitter->function;

    for (size_t i = 0; i < function->result_count; i++) {
        if (function->results[i]->space == PTX_SPACE_REG) {
            const struct ptx_operand from = register_named(function, function->results[i]->name);

            move_parts(emitter, own_frame(emitter), function->results[i], &from, store_part);
        }
    }
}

/* ---- The stack ---- */

/* In functions that take more of it than their frames, lane by lane, as %tops. */
static bool has_tops(const struct ptx_function *function)
{
    for (size_t i = 0; i < function->instruction_count; i++) {
        if (function->instructions[i].opcode == PTX_ALLOCA) {
            return true;
        }
    }
    return false;
}

static value load_tops(struct emitter *emitter)
{
    return emit_value(emitter, "load <32 x i64>, ptr %%tops, align 64");
}

static bool has_call_by_address(const struct ptx_function *function)
{
    for (size_t i = 0; i < function->instruction_count; i++) {
        const struct ptx_instruction *instruction = &function->instructions[i];

        if (instruction->opcode == PTX_CALL && instruction->call[1].kind != PTX_O_SYMBOL) {
            return true;
        }
    }
    return false;
}

static void store_tops(struct emitter *emitter, value tops)
{
    if (!emitter->lanes.all) {
        tops = vector_choose(emitter, PTX_W_B64, emitter->lanes.vector, tops, load_tops(emitter));
    }
    emit(emitter, "store <32 x i64> %%t%u, ptr %%tops, align 64", tops);
}

void call_begin_frame(struct emitter *emitter)
{
    value top;

    if (has_tops(emitter->function)) {
        top = emit_value(emitter, "add i64 %%frame, %llu",
                         (unsigned long long)frame_size(emitter->function));
        emit(emitter, "%%tops = alloca <32 x i64>, align 64");
        emit(emitter, "store <32 x i64> %%t%u, ptr %%tops, align 64",
             emit_splat_scalar(emitter, PTX_W_B64, top));
    }
    if (has_call_by_address(emitter->function)) {
        emit(emitter, "%%targets = alloca [32 x i64], align 64");
        emit(emitter, "%%calls = alloca i32, align 4");
    }
}

/* Where the frame of a function that is called begins: behind that of all lanes. */
static value callee_frame(struct emitter *emitter)
{
    value tops;

    if (!has_tops(emitter->function)) {
        return emit_value(emitter, "add i64 %%frame, %llu",
                          (unsigned long long)frame_size(emitter->function));
    }
    tops = load_tops(emitter);
    if (!emitter->lanes.all) {
        tops = vector_choose(emitter, PTX_W_B64, emitter->lanes.vector, tops,
                             emit_splat(emitter, PTX_W_B64, 0));
    }
    return emit_value(emitter, "call i64 @llvm.vector.reduce.umax.v32i64(<32 x i64> %%t%u)", tops);
}

static void fault_if(struct emitter *emitter, value condition, enum warp_fault fault)
{
    unsigned number = ++emitter->labels;

    emit(emitter, "br i1 %%t%u, label %%b%u, label %%o%u, !prof !0", condition, number, number);
    text_add(emitter->out, "b%u:\n", number);
    emit_fault(emitter, fault);
    emit(emitter, "br label %%o%u", number);
    text_add(emitter->out, "o%u:\n", number);
}

static value local_size(struct emitter *emitter)
{
    return emit_field(emitter, offsetof(struct warp, local_stride), "i64");
}

/* Where it is not known beforehand that there is room. */
static void check_room(struct emitter *emitter, value frame, uint64_t size)
{
    value end, too_far, depth, too_deep;

    if (!emitter->reach->is_deep) {
        return;
    }
    end = emit_value(emitter, "add i64 %%t%u, %llu", frame, (unsigned long long)size);
    too_far = emit_value(emitter, "icmp ugt i64 %%t%u, %%t%u", end, local_size(emitter));
    depth = emit_field(emitter, offsetof(struct warp, depth_max), "i32");
    too_deep = emit_value(emitter, "icmp uge i32 %%depth, %%t%u", depth);
    fault_if(emitter, emit_value(emitter, "or i1 %%t%u, %%t%u", too_far, too_deep),
             WARP_FAULT_STACK);
}

/* Sizes are the lanes' own. What does not fit overflows the stack. */
static void allocate(struct emitter *emitter)
{
    const struct ptx_instruction *instruction = emitter->instruction;
    enum ptx_word type = emit_bits(emit_type(emitter, 0));
    uint64_t align = instruction->operand_count > 2 ? instruction->operands[2].bits : 8;
    value sizes = vector_source(emitter, 1, type), tops = load_tops(emitter), starts, ends, bad;
    value limit = emit_splat_scalar(emitter, PTX_W_B64, local_size(emitter));

    if (type == PTX_W_B32) {
        sizes = vector_widen(emitter, PTX_W_U32, PTX_W_B64, sizes);
    }
    sizes = vector_call2(emitter, "umin", PTX_W_B64, sizes,
                         emit_splat(emitter, PTX_W_B64, UINT64_C(1) << 48));
    starts =
        vector_binary(emitter, "add", PTX_W_B64, tops, emit_splat(emitter, PTX_W_B64, align - 1));
    starts = vector_binary(emitter, "and", PTX_W_B64, starts,
                           emit_splat(emitter, PTX_W_B64, ~(align - 1)));
    ends = vector_binary(emitter, "add", PTX_W_B64, starts, sizes);
    ends = vector_binary(emitter, "add", PTX_W_B64, ends,
                         emit_splat(emitter, PTX_W_B64, REACH_FRAME_ALIGN - 1));
    ends = vector_binary(emitter, "and", PTX_W_B64, ends,
                         emit_splat(emitter, PTX_W_B64, ~(uint64_t)(REACH_FRAME_ALIGN - 1)));
    bad = emit_mask_bits(emitter, vector_compare(emitter, "ugt", PTX_W_B64, ends, limit));
    bad = emit_value(emitter, "and i32 %%t%u, %%t%u", bad, emit_lane_bits(emitter));
    fault_if(emitter, emit_value(emitter, "icmp ne i32 %%t%u, 0", bad), WARP_FAULT_STACK);
    store_tops(emitter, ends);
    if (type == PTX_W_B32) {
        starts = vector_narrow(emitter, PTX_W_B64, PTX_W_B32, starts);
    }
    vector_result(emitter, type, starts);
}

static void save_stack(struct emitter *emitter)
{
    enum ptx_word type = emit_bits(emit_type(emitter, 0));
    value tops = has_tops(emitter->function)
                     ? load_tops(emitter)
                     : emit_splat_scalar(emitter, PTX_W_B64, callee_frame(emitter));

    vector_result(emitter, type,
                  type == PTX_W_B32 ? vector_narrow(emitter, PTX_W_B64, PTX_W_B32, tops) : tops);
}

/* To between its frame's end and where it is. */
static void restore_stack(struct emitter *emitter)
{
    enum ptx_word type = emit_bits(emit_type(emitter, 0));
    value tops = vector_source(emitter, 0, type), least;

    if (!has_tops(emitter->function)) {
        return;
    }
    if (type == PTX_W_B32) {
        tops = vector_widen(emitter, PTX_W_U32, PTX_W_B64, tops);
    }
    least = emit_value(emitter, "add i64 %%frame, %llu",
                       (unsigned long long)frame_size(emitter->function));
    tops = vector_call2(emitter, "umin", PTX_W_B64, tops, load_tops(emitter));
    store_tops(emitter, vector_call2(emitter, "umax", PTX_W_B64, tops,
                                     emit_splat_scalar(emitter, PTX_W_B64, least)));
}

/* ---- Calls ---- */

static void copy(struct emitter *emitter, value to, value from, uint64_t size)
{
    value lanes = emit_lane_bits(emitter);
    value callee = emit_field(emitter, offsetof(struct warp, copy), "ptr");

    emit(emitter, "call void %%t%u(ptr %%w, i64 %%t%u, i64 %%t%u, i64 %llu, i32 %%t%u)", callee, to,
         from, (unsigned long long)size, lanes);
}

static value place_of(struct emitter *emitter, const struct ptx_operand *variable)
{
    return emit_value(emitter, "add i64 %%frame, %llu",
                      (unsigned long long)variable->symbol->variable->offset);
}

/* A parameter variable's bytes, or a register's value. */
static void hand_over(struct emitter *emitter, const struct ptx_operand *argument,
                      const struct ptx_variable *parameter, value frame)
{
    if (call_is_in_frame(argument)) {
        value to = emit_value(emitter, "add i64 %%t%u, %llu", frame,
                              (unsigned long long)parameter->offset);

        copy(emitter, to, place_of(emitter, argument), parameter->size);
    } else {
        move_parts(emitter, frame, parameter, argument, store_part);
    }
}

static void take_back(struct emitter *emitter, const struct ptx_operand *result,
                      const struct ptx_variable *variable, value frame)
{
    if (result->kind == PTX_O_SINK) {
        return;
    }
    if (call_is_in_frame(result)) {
        value from =
            emit_value(emitter, "add i64 %%t%u, %llu", frame, (unsigned long long)variable->offset);

        copy(emitter, place_of(emitter, result), from, variable->size);
    } else {
        move_parts(emitter, frame, variable, result, load_part);
    }
}

static void call_number(struct emitter *emitter, size_t number, value frame, value lanes)
{
    value depth = emit_value(emitter, "add i32 %%depth, 1");

    emit(emitter, "call void @f%zu(ptr %%w, i64 %%t%u, i32 %%t%u, i32 %%t%u)", number, frame, lanes,
         depth);
}

/* One of them, for the lanes that want it. */
static void call_targets(struct emitter *emitter, value target, value frame, value lanes,
                         unsigned loop)
{
    const struct reach *reach = emitter->reach;

    emit(emitter, "switch i64 %%t%u, label %%x%u [", target, loop);
    for (size_t i = 0; i < reach->module->function_count; i++) {
        if (reach_may_call(reach, emitter->instruction, i)) {
            emit(emitter, "  i64 %llu, label %%k%u.%zu",
                 (unsigned long long)WARP_FUNCTION_ADDRESS(i), loop, i);
        }
    }
    emit(emitter, "]");
    for (size_t i = 0; i < reach->module->function_count; i++) {
        if (reach_may_call(reach, emitter->instruction, i)) {
            text_add(emitter->out, "k%u.%zu:\n", loop, i);
            call_number(emitter, i, frame, lanes);
            emit(emitter, "br label %%c%u", loop);
        }
    }
}

/* Of lanes that have different addresses, those with the first one's in each round. */
static void call_by_address(struct emitter *emitter, value frame)
{
    unsigned loop = ++emitter->labels;
    value targets = emit_get(emitter, &emitter->instruction->call[1], PTX_W_B64);
    value left, any, lane, place, target, same, others;

    emit(emitter, "store <32 x i64> %%t%u, ptr %%targets, align 64", targets);
    emit(emitter, "store i32 %%t%u, ptr %%calls, align 4", emit_lane_bits(emitter));
    emit(emitter, "br label %%c%u", loop);
    text_add(emitter->out, "c%u:\n", loop);
    left = emit_value(emitter, "load i32, ptr %%calls, align 4");
    left = emit_value(emitter, "and i32 %%t%u, %%t%u", left,
                      emit_field(emitter, offsetof(struct warp, live), "i32"));
    any = emit_value(emitter, "icmp ne i32 %%t%u, 0", left);
    emit(emitter, "br i1 %%t%u, label %%b%u, label %%o%u", any, loop, loop);
    text_add(emitter->out, "b%u:\n", loop);
    lane = emit_value(emitter, "call i32 @llvm.cttz.i32(i32 %%t%u, i1 true)", left);
    place = emit_value(emitter, "getelementptr i64, ptr %%targets, i32 %%t%u", lane);
    target = emit_value(emitter, "load i64, ptr %%t%u, align 8", place);
    targets = emit_value(emitter, "load <32 x i64>, ptr %%targets, align 64");
    same = emit_mask_bits(emitter, vector_compare(emitter, "eq", PTX_W_B64, targets,
                                                  emit_splat_scalar(emitter, PTX_W_B64, target)));
    same = emit_value(emitter, "and i32 %%t%u, %%t%u", same, left);
    others = emit_value(emitter, "xor i32 %%t%u, %%t%u", left, same);
    emit(emitter, "store i32 %%t%u, ptr %%calls, align 4", others);
    call_targets(emitter, target, frame, same, loop);
    text_add(emitter->out, "x%u:\n", loop);
    emitter->lanes.all = false;
    emitter->lanes.bits = same;
    emit_fault(emitter, WARP_FAULT_FUNCTION);
    emit(emitter, "br label %%c%u", loop);
    text_add(emitter->out, "o%u:\n", loop);
}

static uint64_t largest_frame(const struct emitter *emitter)
{
    const struct reach *reach = emitter->reach;
    uint64_t largest = 0;

    for (size_t i = 0; i < reach->module->function_count; i++) {
        uint64_t size = frame_size(reach->module->functions[i]);

        if (reach_may_call(reach, emitter->instruction, i) && size > largest) {
            largest = size;
        }
    }
    return largest;
}

/* called: NULL: by address. */
static void call_function(struct emitter *emitter, const struct ptx_function *called)
{
    const struct ptx_operand *call = emitter->instruction->call;
    const struct ptx_function *shape =
        called != NULL ? called : reach_any(emitter->reach, emitter->instruction);
    const struct lanes lanes = emitter->lanes;
    value frame;

    if (shape == NULL) {
        emit_fault(emitter, WARP_FAULT_FUNCTION);
        return;
    }
    frame = callee_frame(emitter);
    check_room(emitter, frame, called != NULL ? frame_size(called) : largest_frame(emitter));
    for (size_t i = 0; i < shape->param_count; i++) {
        hand_over(emitter, &call[2].items[i], shape->params[i], frame);
    }
    wait_put_fuel(emitter);
    if (called != NULL) {
        call_number(emitter, reach_number(emitter->module, called), frame, emit_lane_bits(emitter));
    } else {
        call_by_address(emitter, frame);
    }
    wait_take_fuel(emitter);
    emitter->lanes = wait_lanes_left(emitter, &lanes);
    for (size_t i = 0; i < shape->result_count; i++) {
        take_back(emitter, &call[0].items[i], shape->results[i], frame);
    }
}

static void emit_any_call(struct emitter *emitter)
{
    const struct ptx_operand *target = &emitter->instruction->call[1];

    if (target->kind != PTX_O_SYMBOL) {
        call_function(emitter, NULL);
    } else if (target->symbol->function->has_body) {
        call_function(emitter, target->symbol->function);
    } else {
        emit_system_call(emitter, target->symbol->function->name);
    }
}

bool emit_call(struct emitter *emitter)
{
    switch (emitter->instruction->opcode) {
    case PTX_CALL:
        emit_any_call(emitter);
        return true;
    case PTX_ALLOCA:
        allocate(emitter);
        return true;
    case PTX_STACKSAVE:
        save_stack(emitter);
        return true;
    case PTX_STACKRESTORE:
        restore_stack(emitter);
        return true;
    default:
        return false;
    }
}
