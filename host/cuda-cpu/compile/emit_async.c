/* SPDX-License-Identifier: BSD-2-Clause */
/* mbarriers and asynchronous copies: PTX ISA 9.7.9.25 and 9.7.13.15. */
#include <string.h>

#include "host/cuda-cpu/compile/emitter.h"
#include "host/cuda-cpu/compile/vector.h"
#include "host/cuda-cpu/device/async.h"
#include "host/cuda-cpu/ptx/instruction.h"

static bool has_operand(const struct emitter *emitter, unsigned index)
{
    return index < emitter->instruction->operand_count;
}

/* Operand values, at hand for a call: of an operand, or the same for all where there is none. */
static value spill_source(struct emitter *emitter, unsigned slot, unsigned index,
                          uint64_t otherwise)
{
    value source = has_operand(emitter, index) ? vector_source(emitter, index, PTX_W_B64)
                                               : emit_splat(emitter, PTX_W_B64, otherwise);

    return emit_spill(emitter, slot, PTX_W_B64, source);
}

static value spill_address(struct emitter *emitter, unsigned slot, unsigned index,
                           enum ptx_space space)
{
    return emit_spill(emitter, slot, PTX_W_B64,
                      emit_address_in(emitter, vector_operand(emitter, index), space));
}

/* ---- mbarriers ---- */

static enum warp_mbarrier operation_of(const struct emitter *emitter)
{
    bool expects = emit_has(emitter, PTX_W_EXPECT_TX);

    if (emit_has(emitter, PTX_W_ARRIVE)) {
        return expects ? WARP_MBARRIER_ARRIVE_EXPECT_TX : WARP_MBARRIER_ARRIVE;
    }
    if (emit_has(emitter, PTX_W_ARRIVE_DROP)) {
        return expects ? WARP_MBARRIER_ARRIVE_DROP_EXPECT_TX : WARP_MBARRIER_ARRIVE_DROP;
    }
    return expects                                ? WARP_MBARRIER_EXPECT_TX
           : emit_has(emitter, PTX_W_COMPLETE_TX) ? WARP_MBARRIER_COMPLETE_TX
           : emit_has(emitter, PTX_W_INIT)        ? WARP_MBARRIER_INIT
           : emit_has(emitter, PTX_W_INVAL)       ? WARP_MBARRIER_INVAL
           : emit_has(emitter, PTX_W_PARITY)      ? WARP_MBARRIER_WAIT_PARITY
                                                  : WARP_MBARRIER_WAIT;
}

/* Results are in slot 0 afterwards. */
static void call_mbarrier(struct emitter *emitter, value addresses, value operands,
                          enum warp_mbarrier operation)
{
    value results = emit_slot(emitter, 0), lanes = emit_lane_bits(emitter);
    value callee = emit_field(emitter, offsetof(struct warp, mbarrier), "ptr");

    emit(emitter,
         "call void %%t%u(ptr %%w, ptr %%t%u, ptr %%t%u, ptr %%t%u, i32 %%t%u, i32 %d, i32 %u)",
         callee, results, addresses, operands, lanes, operation, emit_site(emitter));
}

static void mbarrier(struct emitter *emitter)
{
    enum warp_mbarrier operation = operation_of(emitter);
    unsigned writes = vector_operand(emitter, 0)->kind != PTX_O_ADDRESS;
    value addresses, operands, results;

    if (emit_has(emitter, PTX_W_PENDING_COUNT)) {
        results = vector_binary(emitter, "and", PTX_W_B64, vector_source(emitter, 1, PTX_W_B64),
                                emit_splat(emitter, PTX_W_B64, WARP_MBARRIER_PENDING));
        vector_result(emitter, PTX_W_B32, vector_narrow(emitter, PTX_W_B64, PTX_W_B32, results));
        return;
    }
    addresses =
        emit_spill(emitter, 1, PTX_W_B64, emit_address(emitter, vector_operand(emitter, writes)));
    operands = spill_source(emitter, 2, writes + 1, 1);
    call_mbarrier(emitter, addresses, operands, operation);
    if (!writes) {
        return;
    }
    results = emit_reload(emitter, 0, PTX_W_B64);
    if (operation >= WARP_MBARRIER_WAIT) {
        vector_result(
            emitter, PTX_W_PRED,
            vector_compare(emitter, "ne", PTX_W_B64, results, emit_splat(emitter, PTX_W_B64, 0)));
    } else {
        vector_result(emitter, PTX_W_B64, results);
    }
}

/* ---- cp.async ---- */

/* Bytes to read, of those to write: the operand behind these, unless it is the cache's policy. */
static value source_sizes(struct emitter *emitter, unsigned size)
{
    unsigned last = 3 + emit_has(emitter, PTX_W_L2_CACHE_HINT);
    const struct ptx_operand *given = vector_operand(emitter, 3);
    value whole = emit_splat(emitter, PTX_W_B64, size), ignored;

    if (!has_operand(emitter, last)) {
        return emit_spill(emitter, 2, PTX_W_B64, whole);
    }
    if (strchr(emitter->instruction->form->operands, 'c') == NULL) {
        return emit_spill(emitter, 2, PTX_W_B64, emit_get(emitter, given, PTX_W_B64));
    }
    ignored = emit_get(emitter, given, PTX_W_PRED);
    return emit_spill(
        emitter, 2, PTX_W_B64,
        vector_choose(emitter, PTX_W_B64, ignored, emit_splat(emitter, PTX_W_B64, 0), whole));
}

static bool is_copy_size(const struct emitter *emitter, uint64_t size)
{
    return size == 16 || (emit_has(emitter, PTX_W_CA) && (size == 4 || size == 8));
}

static void copy(struct emitter *emitter)
{
    const struct ptx_operand *given = vector_operand(emitter, 2);
    unsigned size = (unsigned)given->bits;
    value to, from, sizes, callee;

    if (!is_copy_size(emitter, given->bits)) {
        ptx_log_error(emitter->log, given->at, "a copy is of 4, 8 or 16 bytes; with .cg of 16");
        return;
    }
    to = spill_address(emitter, 0, 0, PTX_SPACE_SHARED);
    from = spill_address(emitter, 1, 1, PTX_SPACE_GLOBAL);
    sizes = source_sizes(emitter, size);
    callee = emit_field(emitter, offsetof(struct warp, copy_async), "ptr");
    emit(emitter,
         "call void %%t%u(ptr %%w, ptr %%t%u, ptr %%t%u, ptr %%t%u, i32 %%t%u, i32 %u, i32 %u)",
         callee, to, from, sizes, emit_lane_bits(emitter), size, emit_site(emitter));
    emit_site(emitter);
}

/* As all copies are made: with .noinc one arrives; else one arrival was added before, and it is as
 * if nothing had been. */
static void arrive_after_copies(struct emitter *emitter)
{
    value addresses =
        emit_spill(emitter, 1, PTX_W_B64, emit_address(emitter, vector_operand(emitter, 0)));
    bool arrives = emit_has(emitter, PTX_W_NOINC);
    value operands = emit_spill(emitter, 2, PTX_W_B64, emit_splat(emitter, PTX_W_B64, arrives));

    emit_event(emitter, WARP_EVENT_WAIT_ALL, emit_lane_bits(emitter), NULL);
    call_mbarrier(emitter, addresses, operands,
                  arrives ? WARP_MBARRIER_ARRIVE : WARP_MBARRIER_EXPECT_TX);
}

/* The mbarrier that an operand names gets the bytes. */
static void complete(struct emitter *emitter, unsigned operand, value sizes)
{
    enum ptx_space space = emit_has(emitter, PTX_W_SHARED_CLUSTER) || emit_has(emitter, PTX_W_BULK)
                               ? PTX_SPACE_SHARED
                               : PTX_SPACE_REG;
    value addresses = spill_address(emitter, 1, operand, space);

    call_mbarrier(emitter, addresses, sizes, WARP_MBARRIER_COMPLETE_TX);
}

void emit_async_completion(struct emitter *emitter)
{
    unsigned size =
        ptx_vector_count(emitter->instruction) * ptx_type_bits(emit_type(emitter, 0)) / 8;

    if (emit_has(emitter, PTX_W_ASYNC)) {
        complete(emitter, 2,
                 emit_spill(emitter, 2, PTX_W_B64, emit_splat(emitter, PTX_W_B64, size)));
    }
}

/* Between global and shared memory, or within the latter, where bytes are counted. */
static bool is_to_shared(const struct emitter *emitter)
{
    return emit_has(emitter, PTX_W_MBARRIER_COMPLETE_TX_BYTES);
}

static enum ptx_space space_of(const struct emitter *emitter, bool is_source)
{
    bool is_global = emit_has(emitter, PTX_W_GLOBAL) && is_to_shared(emitter) == is_source;

    return is_global ? PTX_SPACE_GLOBAL : PTX_SPACE_SHARED;
}

static void copy_bulk(struct emitter *emitter)
{
    value to = spill_address(emitter, 0, 0, space_of(emitter, false));
    value from = spill_address(emitter, 1, 1, space_of(emitter, true));
    value sizes = spill_source(emitter, 2, 2, 0);
    value callee = emit_field(emitter, offsetof(struct warp, copy_bulk), "ptr");

    emit(emitter, "call void %%t%u(ptr %%w, ptr %%t%u, ptr %%t%u, ptr %%t%u, i32 %%t%u, i32 %u)",
         callee, to, from, sizes, emit_lane_bits(emitter), emit_site(emitter));
    emit_site(emitter);
    if (is_to_shared(emitter)) {
        complete(emitter, 3, sizes);
    }
}

static void reduce_bulk(struct emitter *emitter)
{
    value to = spill_address(emitter, 0, 0, space_of(emitter, false));
    value from = spill_address(emitter, 1, 1, PTX_SPACE_SHARED);
    value sizes = spill_source(emitter, 2, 2, 0);
    value callee = emit_field(emitter, offsetof(struct warp, reduce_bulk), "ptr");

    emit(emitter,
         "call void %%t%u(ptr %%w, ptr %%t%u, ptr %%t%u, ptr %%t%u, i32 %%t%u, i32 %u, i32 %u, "
         "i32 %u)",
         callee, to, from, sizes, emit_lane_bits(emitter), emit_atomic_operation(emitter),
         ptx_type_bits(emit_type(emitter, 0)) / 8, emit_site(emitter));
    emit_site(emitter);
    if (is_to_shared(emitter)) {
        complete(emitter, 3, sizes);
    }
}

/* Copies are made already; checks are told. Bulk copies in groups go to global memory. */
static void wait_for_copies(struct emitter *emitter)
{
    bool is_group = emit_has(emitter, PTX_W_WAIT_GROUP);
    enum warp_event event = emit_has(emitter, PTX_W_COMMIT_GROUP) ? WARP_EVENT_COMMIT
                            : is_group                            ? WARP_EVENT_WAIT_GROUP
                                                                  : WARP_EVENT_WAIT_ALL;

    if (!emit_has(emitter, PTX_W_BULK)) {
        emit_event(emitter, event, emit_lane_bits(emitter),
                   is_group ? vector_operand(emitter, 0) : NULL);
    }
}

static bool is_wait(const struct emitter *emitter)
{
    return emit_has(emitter, PTX_W_COMMIT_GROUP) || emit_has(emitter, PTX_W_WAIT_GROUP) ||
           emit_has(emitter, PTX_W_WAIT_ALL);
}

bool emit_async(struct emitter *emitter)
{
    if (emitter->instruction->opcode == PTX_MBARRIER) {
        mbarrier(emitter);
        return true;
    }
    if (emitter->instruction->opcode != PTX_CP) {
        return false;
    }
    if (emit_has(emitter, PTX_W_MBARRIER)) {
        arrive_after_copies(emitter);
    } else if (emit_has(emitter, PTX_W_REDUCE)) {
        reduce_bulk(emitter);
    } else if (is_wait(emitter)) {
        wait_for_copies(emitter);
    } else if (!emit_has(emitter, PTX_W_BULK)) {
        copy(emitter);
    } else if (!emit_has(emitter, PTX_W_PREFETCH)) {
        copy_bulk(emitter);
    }
    return true;
}
