/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/kernel.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/compile/edge.h"
#include "host/cuda-cpu/compile/emit_call.h"
#include "host/cuda-cpu/compile/emit_pack.h"
#include "host/cuda-cpu/compile/emit_round.h"
#include "host/cuda-cpu/compile/llvm.h"
#include "host/cuda-cpu/compile/places.h"
#include "host/cuda-cpu/compile/reach.h"
#include "host/cuda-cpu/compile/remat.h"
#include "host/cuda-cpu/compile/shared.h"
#include "host/cuda-cpu/compile/wait.h"

/* ---- The frame ---- */

static void emit_registers(struct emitter *emitter)
{
    emit(emitter, "%%fragments = alloca [%u x i8], align 64", emitter->fragments.size);
    for (uint32_t i = 0; i < emitter->function->register_count; i++) {
        for (unsigned part = 0; part < emitter->function->registers[i].vector; part++) {
            if (emitter->fragments.places[i] != FRAGMENT_NONE) {
                emit(emitter, "%%r%u.0 = getelementptr i8, ptr %%fragments, i64 %u", i,
                     emitter->fragments.places[i]);
            } else {
                emit(emitter, "%%r%u.%u = alloca %s, align 64", i, part,
                     emit_register_type(emitter, i));
            }
        }
    }
}

static void emit_frame(struct emitter *emitter)
{
    emit_registers(emitter);
    affine_begin_frame(emitter);
    emit(emitter, "%%apart = alloca i32, align 4");
    emit(emitter, "%%entered = alloca i32, align 4");
    if (emitter->options->has_masks) {
        emit(emitter, "%%half0 = alloca <16 x i1>, align 2");
        emit(emitter, "%%half1 = alloca <16 x i1>, align 2");
    } else {
        emit(emitter, "%%masks = alloca <32 x i32>, align 64");
    }
    pack_begin_frame(emitter);
    emit(emitter, "%%carry = alloca <32 x i1>, align 64");
    emit(emitter, "%%fuel = alloca i32, align 4");
    wait_take_fuel(emitter);
    emit(emitter, "%%slots = alloca [%d x i8], align 64", EMIT_SLOTS * 512);
    for (size_t i = 0; i < emitter->flow->count; i++) {
        emit(emitter, "%%p%zu = alloca i32, align 4", i);
    }
}

/* The function's start, where it runs one warp. lanes: a name in IR. */
static struct lanes begin_warp(struct emitter *emitter, const char *lanes)
{
    struct lanes at_entry = {.all = false};

    emit_clear_registers(emitter);
    emit_clear_waiting(emitter);
    at_entry.bits = emit_value(emitter, "or i32 0, %s", lanes);
    at_entry.vector = emit_mask_vector(emitter, at_entry.bits);
    return at_entry;
}

/* ---- Functions ---- */

#define ATTRIBUTES "nounwind " LLVM_FRAME_SIZE

/* All of it is there: what does not change may be loaded before it is known to be needed. */
#define WARP_ARGUMENT "ptr noalias align 8 dereferenceable(%zu) %%w"

static void emit_code(struct emitter *emitter, const char *lanes)
{
    struct lanes at_entry;

    emit_frame(emitter);
    call_begin_frame(emitter);
    emitter->instruction = emitter->function->instructions;
    at_entry = emitter->turns.are_inside ? turns_begin(emitter) : begin_warp(emitter, lanes);
    emitter->lanes = at_entry;
    call_take_arguments(emitter);
    if (!emitter->function->is_entry) {
        wait_spend(emitter, at_entry.bits, (uint32_t)emitter->function->instruction_count,
                   WARP_PAUSE_WORKS);
    }
    if (emitter->flow->count) {
        emit(emitter, "store i32 %%t%u, ptr %%p0, align 4", at_entry.bits);
        emit(emitter, "br label %%h0");
        emit_blocks(emitter);
    } else {
        emit(emitter, "br label %%leave");
    }
    text_add(emitter->out, "leave:\n");
    emitter->lanes = emitter->waits ? wait_lanes_left(emitter, &at_entry) : at_entry;
    call_give_results(emitter);
    if (emitter->turns.are_inside) {
        turns_end(emitter);
    }
    wait_put_fuel(emitter);
    text_add(emitter->out, "  ret void\n}\n");
}

static void forget_function(struct emitter *emitter, struct flow *flow, struct ptx_function *own)
{
    free(emitter->rounds);
    emitter->rounds = NULL;
    fragments_destroy(&emitter->fragments);
    straight_destroy(&emitter->straight);
    turns_destroy(&emitter->turns);
    rest_destroy(&emitter->rest);
    whole_destroy(&emitter->whole);
    affine_destroy(&emitter->affine);
    uniform_destroy(&emitter->uniform);
    flow_destroy(flow);
    remat_destroy(own);
}

/* What is known of a function. False: no memory. */
static bool analyse(struct emitter *emitter, const struct ptx_function *function,
                    const struct flow *flow)
{
    return uniform_create(function, flow, emitter->options->row, &emitter->uniform) &&
           affine_create(function, &emitter->uniform, emitter->options, &emitter->affine) &&
           whole_create(function, flow, &emitter->uniform, emitter->options, &emitter->whole) &&
           rest_create(emitter, &emitter->rest) && turns_create(emitter, &emitter->turns) &&
           straight_create(emitter, &emitter->straight) &&
           fragments_create(function, &emitter->uniform, &emitter->fragments) &&
           (emitter->rounds = malloc((flow->count + 1) * sizeof(*emitter->rounds))) != NULL;
}

static void emit_analysed(struct emitter *emitter, size_t number)
{
    const struct ptx_function *function = emitter->function;

    emitter->is_edgy = edge_is_all(function, &emitter->uniform, &emitter->affine);
    emitter->waits = !emitter->turns.are_inside && wait_is_in(function);
    round_find(emitter);
    pack_find(emitter);
    if (function->is_entry) {
        text_add(emitter->out,
                 "define void @" KERNEL_SYMBOL "(" WARP_ARGUMENT ") " ATTRIBUTES
                 " {\n  %%frame = add i64 0, 0\n  %%depth = add i32 0, 0\n",
                 sizeof(struct warp));
        emit(emitter, "%%live_at = getelementptr i8, ptr %%w, i64 %zu",
             offsetof(struct warp, live));
        emit(emitter, "%%live = load i32, ptr %%live_at, align 4");
        emit(emitter, "%%params_at = getelementptr i8, ptr %%w, i64 %zu",
             offsetof(struct warp, params));
        emit(emitter, "%%params = load ptr, ptr %%params_at, align 8, !invariant.load !3, "
                      "!dereferenceable !10");
        emit_code(emitter, "%live");
        emitter->runs_block = emitter->turns.are_inside;
        emitter->kept_size = emitter->turns.warp_size;
        emitter->rests = emitter->turns.has_rests;
    } else {
        text_add(emitter->out,
                 "define internal void @f%zu(" WARP_ARGUMENT ", i64 %%frame, i32 %%lanes, i32 "
                 "%%depth) " ATTRIBUTES " noinline {\n",
                 number, sizeof(struct warp));
        emit_code(emitter, "%lanes");
    }
}

static bool emit_function(struct emitter *emitter, const struct ptx_function *function)
{
    struct ptx_function own = {0};
    struct flow flow = {0};
    bool done;

    emitter->function = &own;
    emitter->flow = &flow;
    done = flow_create(function, &flow) && remat_create(function, &flow, &own) &&
           analyse(emitter, &own, &flow);
    if (done) {
        emit_analysed(emitter, reach_number(emitter->module, function));
    } else {
        ptx_log_error(emitter->log, function->at, "no memory");
    }
    forget_function(emitter, &flow, &own);
    return done;
}

static bool emit_reached(struct emitter *emitter, const struct reach *reach)
{
    bool done = true;

    for (size_t i = 0; i < reach->module->function_count && done; i++) {
        if (reach->functions[i].is_reached) {
            done = emit_function(emitter, reach->module->functions[i]);
        }
    }
    return done;
}

static const char prelude[] =
    "@lane_numbers = private constant <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, "
    "i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, "
    "i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 "
    "30, i32 31>, align 128\n!0 = !{!\"branch_weights\", i32 1, i32 1000}\n";

static bool fail_without(struct ptx_log *log, const struct ptx_function *function,
                         enum ptx_error error, const char *what)
{
    ptx_log_kind(log, error);
    ptx_log_error(log, function->at, "%s: %s", function->name, what);
    return false;
}

static bool is_complete(const struct text *ir, const struct ptx_function *function,
                        struct ptx_log *log)
{
    if (ir->failed && ir->limit && ir->used > ir->limit) {
        return fail_without(log, function, PTX_ERROR_LIMIT, "there is too much code");
    }
    return !ir->failed || fail_without(log, function, PTX_ERROR_MEMORY, "no memory");
}

/* 1: what belongs to the device, 2: what kernels touch. 3: loads of what does not change. 7: hardly
 * ever the second way. 10: the bytes of parameters. */
static const char metadata[] = "!7 = !{!\"branch_weights\", i32 100000, i32 1}\n"
                               "!1 = !{!5, !5, i64 0}\n!2 = !{!6, !6, i64 0}\n!3 = !{}\n"
                               "!4 = !{!\"memory\"}\n!5 = !{!\"device\", !4, i64 0}\n"
                               "!6 = !{!\"kernel\", !4, i64 0}\n"
                               "!8 = distinct !{!8, !9}\n!9 = !{!\"llvm.licm.disable\"}\n"
                               "!10 = !{i64 %llu}\n";

bool kernel_emit(const struct ptx_module *module, const struct ptx_function *kernel,
                 const struct kernel_options *options, struct text *ir, struct kernel_needs *needs,
                 struct ptx_log *log)
{
    struct reach reach;
    struct emitter emitter = {
        .module = module, .out = ir, .log = log, .options = options, .reach = &reach};
    unsigned errors = log->errors;
    uint64_t shared_size;

    if (!reach_create(&reach, module, log)) {
        return fail_without(log, kernel, PTX_ERROR_MEMORY, "no memory");
    }
    if (!places_begin(&emitter)) {
        reach_destroy(&reach);
        return fail_without(log, kernel, PTX_ERROR_MEMORY, "no memory");
    }
    text_add(ir, "%s", prelude);
    if (reach_add(&reach, kernel)) {
        shared_size = shared_lay(&reach);
        if (!shared_is_dynamic(&reach) && shared_size <= UINT32_MAX) {
            emitter.shared_size = (uint32_t)shared_size;
        }
        emit_reached(&emitter, &reach);
    }
    places_end(&emitter, kernel);
    text_add(ir, metadata, (unsigned long long)kernel->param_size);
    needs->sites = emitter.sites;
    needs->local_size = reach.functions[reach_number(module, kernel)].local_size;
    needs->depth = reach.functions[reach_number(module, kernel)].depth;
    needs->is_deep = reach.is_deep;
    needs->runs_block = emitter.runs_block;
    needs->kept_size = emitter.kept_size;
    needs->rests = emitter.rests;
    reach_destroy(&reach);
    return is_complete(ir, kernel, log) && log->errors == errors;
}

/* Of one after the other the text is thrown away. */
static bool check_reached(struct emitter *emitter, const struct reach *reach)
{
    bool done = true;

    for (size_t i = 0; i < reach->module->function_count && done; i++) {
        const struct ptx_function *function = reach->module->functions[i];

        emitter->out->used = 0;
        emitter->sites = 0;
        done =
            !reach->functions[i].is_reached ||
            (emit_function(emitter, function) && is_complete(emitter->out, function, emitter->log));
    }
    return done;
}

const char *kernel_cpu(const struct kernel_options *options)
{
    switch (options->isa) {
    case KERNEL_ISA_SSE2:
        return "x86-64";
    case KERNEL_ISA_AVX2:
        return "x86-64-v3";
    case KERNEL_ISA_AVX512:
        return "x86-64-v4";
    default:
        return NULL;
    }
}

bool kernel_check(const struct ptx_module *module, const struct kernel_options *options,
                  size_t ir_limit, struct ptx_log *log)
{
    struct text ir = {.limit = ir_limit};
    struct reach reach;
    struct kernel_options unchecked = *options; /* which code can be compiled is the same */
    struct emitter emitter = {
        .module = module, .out = &ir, .log = log, .options = &unchecked, .reach = &reach};
    unsigned errors = log->errors;
    bool done = true;

    unchecked.is_checked = false;
    if (!reach_create(&reach, module, log)) {
        ptx_log_kind(log, PTX_ERROR_MEMORY);
        ptx_log_error(log, (struct ptx_position){1, 1}, "no memory");
        return false;
    }
    for (size_t i = 0; i < module->function_count && done; i++) {
        const struct ptx_function *function = module->functions[i];

        done = !function->is_entry || !function->has_body || reach_add(&reach, function);
    }
    done = done && check_reached(&emitter, &reach);
    reach_destroy(&reach);
    text_free(&ir);
    return done && log->errors == errors;
}
