/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls: PTX ISA 9.7.12.5. Arguments and results are handed over in the frame of the function that
 * is called, which begins behind the caller's, in each lane's local memory.
 */
#include <string.h>

#include "host/cuda-cpu/compile/wait.h"

#define FRAME_ALIGN 16u

uint64_t emit_callee_frame(const struct emitter *emitter)
{
    return (emitter->function->local_size + FRAME_ALIGN - 1) / FRAME_ALIGN * FRAME_ALIGN;
}

static bool is_in_frame(const struct ptx_operand *operand)
{
    return operand->kind == PTX_O_SYMBOL && operand->symbol->kind == PTX_S_VARIABLE &&
           operand->symbol->variable->in_frame;
}

static void copy(struct emitter *emitter, uint64_t to, uint64_t from, uint64_t size)
{
    value to_place = emit_value(emitter, "add i64 %%frame, %llu", (unsigned long long)to);
    value from_place = emit_value(emitter, "add i64 %%frame, %llu", (unsigned long long)from);
    value lanes = emit_lane_bits(emitter);
    value callee = emit_field(emitter, offsetof(struct warp, copy), "ptr");

    emit(emitter, "call void %%t%u(ptr %%w, i64 %%t%u, i64 %%t%u, i64 %llu, i32 %%t%u)", callee,
         to_place, from_place, (unsigned long long)size, lanes);
}

/* A parameter variable's bytes, or a register's value. */
static void hand_over(struct emitter *emitter, const struct ptx_operand *argument,
                      const struct ptx_variable *parameter)
{
    uint64_t to = emit_callee_frame(emitter) + parameter->offset;
    enum ptx_word type = emit_bits(parameter->type);

    if (is_in_frame(argument)) {
        copy(emitter, to, argument->symbol->variable->offset, parameter->size);
    } else if (parameter->is_array || parameter->vector > 1 || type == PTX_W_PRED) {
        emit_unsupported(emitter, "this argument");
    } else {
        value argument_value = emit_get(emitter, argument, type);

        emit_store_at(emitter, emit_frame_addresses(emitter, to), type, argument_value);
    }
}

static void take_back(struct emitter *emitter, const struct ptx_operand *result,
                      const struct ptx_variable *variable)
{
    uint64_t from = emit_callee_frame(emitter) + variable->offset;
    enum ptx_word type = emit_bits(variable->type);

    if (result->kind == PTX_O_SINK) {
        return;
    }
    if (is_in_frame(result)) {
        copy(emitter, result->symbol->variable->offset, from, variable->size);
    } else if (variable->is_array || variable->vector > 1 || type == PTX_W_PRED) {
        emit_unsupported(emitter, "this result");
    } else {
        value got = emit_load_at(emitter, emit_frame_addresses(emitter, from), type);

        emit_put(emitter, result, type, got);
    }
}

static void call_function(struct emitter *emitter, const struct ptx_function *called)
{
    const struct ptx_operand *call = emitter->instruction->call;
    value frame, lanes;

    for (size_t i = 0; i < called->param_count; i++) {
        hand_over(emitter, &call[2].items[i], called->params[i]);
    }
    frame = emit_value(emitter, "add i64 %%frame, %llu",
                       (unsigned long long)emit_callee_frame(emitter));
    lanes = emit_lane_bits(emitter);
    wait_put_fuel(emitter);
    emit(emitter, "call void @f%zu(ptr %%w, i64 %%t%u, i32 %%t%u)",
         emit_number(emitter->module, called), frame, lanes);
    wait_take_fuel(emitter);
    emitter->lanes = wait_lanes_left(emitter, &emitter->lanes);
    for (size_t i = 0; i < called->result_count; i++) {
        take_back(emitter, &call[0].items[i], called->results[i]);
    }
}

/* An argument of 64 bits of a system function. */
static value system_argument(struct emitter *emitter, size_t index)
{
    const struct ptx_operand *argument = &emitter->instruction->call[2].items[index];

    if (is_in_frame(argument)) {
        return emit_load_at(
            emitter, emit_frame_addresses(emitter, argument->symbol->variable->offset), PTX_W_B64);
    }
    return emit_get(emitter, argument, PTX_W_B64);
}

static void print(struct emitter *emitter)
{
    const struct ptx_operand *result = &emitter->instruction->call[0].items[0];
    value formats = system_argument(emitter, 0), values = system_argument(emitter, 1);
    value format_slot = emit_spill(emitter, 0, PTX_W_B64, formats);
    value value_slot = emit_spill(emitter, 1, PTX_W_B64, values);
    value result_slot = emit_slot(emitter, 2), lanes = emit_lane_bits(emitter), number;
    value callee = emit_field(emitter, offsetof(struct warp, print), "ptr");

    emit(emitter, "call void %%t%u(ptr %%w, ptr %%t%u, ptr %%t%u, ptr %%t%u, i32 %%t%u)", callee,
         result_slot, format_slot, value_slot, lanes);
    number = emit_reload(emitter, 2, PTX_W_B32);
    if (is_in_frame(result)) {
        emit_store_at(emitter, emit_frame_addresses(emitter, result->symbol->variable->offset),
                      PTX_W_B32, number);
    } else {
        emit_put(emitter, result, PTX_W_B32, number);
    }
}

bool emit_call(struct emitter *emitter)
{
    const struct ptx_operand *target;

    if (emitter->instruction->opcode != PTX_CALL) {
        return false;
    }
    target = &emitter->instruction->call[1];
    if (target->kind != PTX_O_SYMBOL) {
        emit_unsupported(emitter, "a call by address");
    } else if (target->symbol->function->has_body) {
        call_function(emitter, target->symbol->function);
    } else if (strcmp(target->symbol->function->name, "vprintf") == 0) {
        print(emitter);
    } else if (strcmp(target->symbol->function->name, "__assertfail") == 0) {
        emit_fault(emitter, WARP_FAULT_ASSERT);
    } else {
        emit_unsupported(emitter, target->symbol->function->name);
    }
    return true;
}
