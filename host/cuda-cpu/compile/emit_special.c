/* SPDX-License-Identifier: BSD-2-Clause */
/* Special registers: what a thread is, where, and when. PTX ISA 10. */
#include "host/cuda-cpu/compile/emitter.h"
#include "host/cuda-cpu/ptx/instruction.h"

static value get_u32_field(struct emitter *emitter, size_t offset)
{
    return emit_splat_scalar(emitter, PTX_W_B32, emit_fixed_field(emitter, offset, "i32"));
}

/* Of 32 numbers of lanes the first ones that are to be read: of all, or of the emitter's row. */
static value first_number(struct emitter *emitter, value numbers)
{
    return emit_value(emitter, "getelementptr i32, ptr %%t%u, i64 %u", numbers,
                      emitter->row * emitter->options->row);
}

static value get_lane(struct emitter *emitter)
{
    value pointer = emit_value(emitter, "getelementptr i8, ptr @lane_numbers, i64 0");

    pointer = first_number(emitter, pointer);
    return emit_value(emitter, "load <32 x i32>, ptr %%t%u, align 4", pointer);
}

/* A mask of lanes by the lane's own number: 1 << lane, and what is below and above it. */
static value get_lane_mask(struct emitter *emitter, enum ptx_special special)
{
    value lane = get_lane(emitter);
    value own = emit_value(emitter, "shl <32 x i32> splat (i32 1), %%t%u", lane);
    value below = emit_value(emitter, "sub <32 x i32> %%t%u, splat (i32 1)", own);
    value up_to = emit_value(emitter, "or <32 x i32> %%t%u, %%t%u", own, below);

    switch (special) {
    case PTX_SR_LANEMASK_EQ:
        return own;
    case PTX_SR_LANEMASK_LT:
        return below;
    case PTX_SR_LANEMASK_LE:
        return up_to;
    case PTX_SR_LANEMASK_GE:
        return emit_value(emitter, "xor <32 x i32> %%t%u, splat (i32 -1)", below);
    default:
        return emit_value(emitter, "xor <32 x i32> %%t%u, splat (i32 -1)", up_to);
    }
}

static value get_time(struct emitter *emitter, enum ptx_special special)
{
    bool is_timer = special == PTX_SR_GLOBALTIMER || special == PTX_SR_GLOBALTIMER_LO ||
                    special == PTX_SR_GLOBALTIMER_HI;
    value time = is_timer
                     ? emit_value(emitter, "call i64 %%t%u()",
                                  emit_field(emitter, offsetof(struct warp, nanoseconds), "ptr"))
                     : emit_value(emitter, "call i64 @llvm.readcyclecounter()");

    if (special == PTX_SR_CLOCK_HI || special == PTX_SR_GLOBALTIMER_HI) {
        time = emit_value(emitter, "lshr i64 %%t%u, 32", time);
    }
    return emit_splat_scalar(emitter, PTX_W_B64, time);
}

static value get_warpid(struct emitter *emitter)
{
    return emitter->turns.are_inside ? emit_value(emitter, "load i32, ptr %%warpid, align 4")
                                     : emit_field(emitter, offsetof(struct warp, warpid), "i32");
}

/* From the row's first warp to the one that runs. */
static value move_along(struct emitter *emitter, value numbers)
{
    value by = emit_value(emitter, "load i32, ptr %%along, align 4");

    return emit_value(emitter, "add <32 x i32> %%t%u, %%t%u", numbers,
                      emit_splat_scalar(emitter, PTX_W_B32, by));
}

static value get_tid(struct emitter *emitter, size_t part)
{
    value tids = emit_fixed_field(emitter, offsetof(struct warp, tids), "ptr");
    value pointer =
              emit_value(emitter, "getelementptr [3 x [32 x i32]], ptr %%t%u, i32 %%t%u, i64 %zu",
                         tids, get_warpid(emitter), part),
          numbers;

    pointer = first_number(emitter, pointer);
    numbers = emit_value(emitter, "load <32 x i32>, ptr %%t%u, align 4, !tbaa !1", pointer);
    return part == 0 && emitter->straight.is_made ? move_along(emitter, numbers) : numbers;
}

/* Code that goes from block to block in x has that in its frame. */
static value get_ctaid(struct emitter *emitter, size_t part)
{
    size_t offset = offsetof(struct warp, ctaid) + part * sizeof(uint32_t);

    if (part != 0) {
        return get_u32_field(emitter, offset);
    }
    return emit_splat_scalar(emitter, PTX_W_B32,
                             emitter->turns.are_inside
                                 ? emit_value(emitter, "load i32, ptr %%ctaid, align 4")
                                 : emit_field(emitter, offset, "i32"));
}

/* As 32 or 64 bits, as the register is. */
static value read_special(struct emitter *emitter, enum ptx_special special, unsigned part)
{
    size_t of_part = part < 3 ? part : 0;

    switch (special) {
    case PTX_SR_TID:
        return get_tid(emitter, of_part);
    case PTX_SR_NTID:
        return get_u32_field(emitter, offsetof(struct warp, ntid) + of_part * sizeof(uint32_t));
    case PTX_SR_CTAID:
    case PTX_SR_CLUSTERID:
        return get_ctaid(emitter, of_part);
    case PTX_SR_NCTAID:
    case PTX_SR_NCLUSTERID:
        return get_u32_field(emitter, offsetof(struct warp, nctaid) + of_part * sizeof(uint32_t));
    case PTX_SR_LANEID:
        return get_lane(emitter);
    case PTX_SR_WARPID:
        return emit_splat_scalar(emitter, PTX_W_B32, get_warpid(emitter));
    case PTX_SR_NWARPID:
        return get_u32_field(emitter, offsetof(struct warp, nwarpid));
    case PTX_SR_LANEMASK_EQ:
    case PTX_SR_LANEMASK_LE:
    case PTX_SR_LANEMASK_LT:
    case PTX_SR_LANEMASK_GE:
    case PTX_SR_LANEMASK_GT:
        return get_lane_mask(emitter, special);
    case PTX_SR_CLOCK:
    case PTX_SR_CLOCK64:
    case PTX_SR_CLOCK_HI:
    case PTX_SR_GLOBALTIMER:
    case PTX_SR_GLOBALTIMER_LO:
    case PTX_SR_GLOBALTIMER_HI:
        return get_time(emitter, special);
    case PTX_SR_DYNAMIC_SMEM_SIZE:
        return get_u32_field(emitter, offsetof(struct warp, dynamic_shared));
    case PTX_SR_TOTAL_SMEM_SIZE:
    case PTX_SR_AGGR_SMEM_SIZE:
        return get_u32_field(emitter, offsetof(struct warp, shared_size));
    case PTX_SR_ENVREG1:
        return get_u32_field(emitter, offsetof(struct warp, workspace) + sizeof(uint32_t));
    case PTX_SR_ENVREG2:
        return get_u32_field(emitter, offsetof(struct warp, workspace));
    case PTX_SR_GRIDID:
        return emit_splat_scalar(emitter, PTX_W_B64,
                                 emit_fixed_field(emitter, offsetof(struct warp, gridid), "i64"));
    case PTX_SR_NSMID:
        return get_u32_field(emitter, offsetof(struct warp, nsmid));
    case PTX_SR_WARP_SZ:
        return emit_splat(emitter, PTX_W_B32, WARP_LANES);
    case PTX_SR_CLUSTER_NCTAID:
    case PTX_SR_CLUSTER_NCTARANK:
        return emit_splat(emitter, PTX_W_B32, 1);
    default:
        return emit_splat(emitter, emit_bits(ptx_special_type(special)), 0);
    }
}

static bool is_wide_special(enum ptx_special special)
{
    return special == PTX_SR_CLOCK || special == PTX_SR_CLOCK_HI ||
           special == PTX_SR_GLOBALTIMER_LO || special == PTX_SR_GLOBALTIMER_HI ||
           ptx_type_bits(ptx_special_type(special)) == 64;
}

value emit_special(struct emitter *emitter, const struct ptx_operand *operand, enum ptx_word type)
{
    enum ptx_special special = operand->special.name;
    unsigned part = operand->special.component;
    value read;

    if (part == 3) { /* .w */
        return emit_splat(emitter, type, special == PTX_SR_NTID || special == PTX_SR_NCTAID);
    }
    read = read_special(emitter, special, part);
    if (ptx_special_type(special) == PTX_W_PRED) {
        return read;
    }
    return emit_resize(emitter, is_wide_special(special) ? PTX_W_B64 : PTX_W_B32, emit_bits(type),
                       read);
}
