/* SPDX-License-Identifier: BSD-2-Clause */
/* What the device itself offers to kernels: vprintf, malloc, free, __assertfail. */
#include <string.h>

#include "host/cuda-cpu/compile/emit_call.h"
#include "host/cuda-cpu/compile/vector.h"

static value argument(struct emitter *emitter, size_t index, enum ptx_word type)
{
    const struct ptx_operand *operand = &emitter->instruction->call[2].items[index];

    if (call_is_in_frame(operand)) {
        return emit_load_at(emitter,
                            emit_frame_addresses(emitter, operand->symbol->variable->offset), type);
    }
    return emit_get(emitter, operand, type);
}

/* In a slot, for a call. */
static value spill_argument(struct emitter *emitter, size_t index, enum ptx_word type,
                            unsigned slot)
{
    return emit_spill(emitter, slot, type, argument(emitter, index, type));
}

static void put_result(struct emitter *emitter, enum ptx_word type, value of)
{
    const struct ptx_operand *result = &emitter->instruction->call[0].items[0];

    if (result->kind == PTX_O_SINK) {
        return;
    }
    if (call_is_in_frame(result)) {
        emit_store_at(emitter, emit_frame_addresses(emitter, result->symbol->variable->offset),
                      type, of);
    } else {
        emit_put(emitter, result, type, of);
    }
}

static void print(struct emitter *emitter)
{
    value formats = spill_argument(emitter, 0, PTX_W_B64, 2);
    value values = spill_argument(emitter, 1, PTX_W_B64, 3);
    value results = emit_slot(emitter, 4), lanes = emit_lane_bits(emitter);
    value callee = emit_field(emitter, offsetof(struct warp, print), "ptr");

    emit(emitter, "call void %%t%u(ptr %%w, ptr %%t%u, ptr %%t%u, ptr %%t%u, i32 %%t%u)", callee,
         results, formats, values, lanes);
    put_result(emitter, PTX_W_B32, emit_reload(emitter, 4, PTX_W_B32));
}

static void allocate(struct emitter *emitter)
{
    value sizes = spill_argument(emitter, 0, PTX_W_B64, 2);
    value addresses = emit_slot(emitter, 3), lanes = emit_lane_bits(emitter);
    value callee = emit_field(emitter, offsetof(struct warp, allocate), "ptr");

    emit(emitter, "call void %%t%u(ptr %%w, ptr %%t%u, ptr %%t%u, i32 %%t%u)", callee, addresses,
         sizes, lanes);
    put_result(emitter, PTX_W_B64, emit_reload(emitter, 3, PTX_W_B64));
}

static void give_back(struct emitter *emitter)
{
    value addresses = spill_argument(emitter, 0, PTX_W_B64, 2), lanes = emit_lane_bits(emitter);
    value callee = emit_field(emitter, offsetof(struct warp, free), "ptr");

    emit(emitter, "call void %%t%u(ptr %%w, ptr %%t%u, i32 %%t%u)", callee, addresses, lanes);
}

/* __assertfail(expression, file, line, function, size of a character) */
static void fail_assertion(struct emitter *emitter)
{
    value expressions = spill_argument(emitter, 0, PTX_W_B64, 2);
    value files = spill_argument(emitter, 1, PTX_W_B64, 3);
    value functions = spill_argument(emitter, 3, PTX_W_B64, 4);
    value lines = spill_argument(emitter, 2, PTX_W_B32, 5), lanes = emit_lane_bits(emitter);
    value callee = emit_field(emitter, offsetof(struct warp, assertion), "ptr");

    emit(emitter,
         "call void %%t%u(ptr %%w, ptr %%t%u, ptr %%t%u, ptr %%t%u, ptr %%t%u, i32 %%t%u, i32 %u)",
         callee, expressions, files, functions, lines, lanes, emit_site(emitter));
}

void emit_system_call(struct emitter *emitter, const char *name)
{
    static const struct {
        const char *name;
        size_t results, arguments;
        void (*emit)(struct emitter *emitter);
    } functions[] = {
        {"vprintf", 1, 2, print},
        {"malloc", 1, 1, allocate},
        {"free", 0, 1, give_back},
        {"__assertfail", 0, 5, fail_assertion},
    };
    const struct ptx_operand *call = emitter->instruction->call;

    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (strcmp(functions[i].name, name) == 0 && call[0].count == functions[i].results &&
            call[2].count == functions[i].arguments) {
            functions[i].emit(emitter);
            return;
        }
    }
    emit_unsupported(emitter, name);
}
