/* SPDX-License-Identifier: BSD-2-Clause */
/* One instruction, for the lanes for which its guard holds. */
#include "host/cuda-cpu/compile/emitter.h"

void emit_label(struct emitter *emitter, char kind, uint32_t number)
{
    text_add(emitter->out, "%c%u:\n", kind, number);
}

void emit_named_label(struct emitter *emitter, const char *name)
{
    text_add(emitter->out, "%s:\n", name);
}

bool emit_is_way_on(const struct ptx_instruction *instruction)
{
    return instruction->opcode == PTX_BRA || instruction->opcode == PTX_BRX ||
           instruction->opcode == PTX_RET || instruction->opcode == PTX_EXIT;
}

bool emit_has_uniform_guard(const struct emitter *emitter)
{
    return emitter->instruction->has_guard &&
           !emitter->uniform.differs[emitter->instruction->guard];
}

value emit_uniform_guard(struct emitter *emitter)
{
    const struct ptx_instruction *instruction = emitter->instruction;
    value p = emit_value(emitter, "load i1, ptr %%r%u.0, align 8", instruction->guard);

    return instruction->guard_negated ? emit_value(emitter, "xor i1 %%t%u, true", p) : p;
}

struct lanes emit_guarded_lanes(struct emitter *emitter, const struct lanes *of_block)
{
    const struct ptx_instruction *instruction = emitter->instruction;
    struct lanes lanes = {.all = false};
    value p;

    if (emit_has_uniform_guard(emitter)) {
        p = emit_splat_scalar(
            emitter, PTX_W_PRED,
            emit_value(emitter, "load i1, ptr %%r%u.0, align 8", instruction->guard));
    } else {
        p = emit_value(emitter, "load <32 x i1>, ptr %%r%u.0, align 64", instruction->guard);
    }
    if (instruction->guard_negated) {
        p = emit_value(emitter, "xor <32 x i1> %%t%u, splat (i1 true)", p);
    }
    lanes.vector = p;
    lanes.bits = emit_mask_bits(emitter, p);
    if (!of_block->all) {
        /* Not the bits of that vector: LLVM would take those of the block out of their word one by
         * one where there are no registers for masks. */
        lanes.vector = emit_value(emitter, "and <32 x i1> %%t%u, %%t%u", p, of_block->vector);
        lanes.bits = emit_value(emitter, "and i32 %%t%u, %%t%u", lanes.bits, of_block->bits);
    }
    return lanes;
}

void emit_fault(struct emitter *emitter, enum warp_fault fault)
{
    value callee = emit_field(emitter, offsetof(struct warp, fault), "ptr");
    value lanes = emit_lane_bits(emitter);

    emit(emitter, "call void %%t%u(ptr %%w, i32 %d, i32 %u, i32 %%t%u)", callee, fault,
         emit_site(emitter), lanes);
}

void emit_event(struct emitter *emitter, enum warp_event event, value lanes,
                const struct ptx_operand *masks)
{
    value callee, named;

    if (!emitter->options->is_checked) {
        return;
    }
    callee = emit_field(emitter, offsetof(struct warp, event), "ptr");
    named = masks != NULL ? emit_spill(emitter, 0, PTX_W_B32, emit_get(emitter, masks, PTX_W_B32))
                          : emit_value(emitter, "inttoptr i64 0 to ptr");
    emit(emitter, "call void %%t%u(ptr %%w, i32 %d, ptr %%t%u, i32 %%t%u, i32 %u)", callee, event,
         named, lanes, emit_site(emitter));
}

/* Where not all lanes keep their steps, the code under a mask goes on. */
static void check_steps(struct emitter *emitter)
{
    unsigned number = ++emitter->labels;

    if (affine_is_checked(emitter, emitter->instruction) && !emitter->straight.is_made) {
        emit(emitter, "br i1 %%t%u, label %%b%u, label %%o%u, !prof !7", affine_fits(emitter),
             number, number);
        whole_give_up(emitter, number);
    }
}

static void emit_by_family(struct emitter *emitter)
{
    static bool (*const families[])(struct emitter *) = {
        emit_call,    emit_memory,  emit_warp,  emit_convert, emit_move,  emit_bits_operation,
        emit_compare, emit_extreme, emit_half,  emit_integer, emit_float, emit_matrix,
        emit_async,   emit_texture, emit_video, emit_space,
    };

    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        if (families[i](emitter)) {
            return;
        }
    }
    emit_unsupported(emitter, "this instruction");
}

/* What is the same in all lanes is computed for one of them, what lies in steps for the bases. */
static void emit_body(struct emitter *emitter)
{
    unsigned bases;

    if (!affine_is_set(emitter)) {
        emitter->is_narrow = uniform_is_scalar(&emitter->uniform, emitter->instruction);
        emit_by_family(emitter);
        emitter->is_narrow = false;
        return;
    }
    check_steps(emitter);
    bases = affine_bases(emitter, emitter->instruction->operands[0].reg);
    emitter->is_narrow = true;
    for (emitter->row = 0; emitter->row < bases; emitter->row++) {
        emit_by_family(emitter);
    }
    emitter->is_narrow = false;
    emitter->row = 0;
}

void emit_instruction(struct emitter *emitter, const struct lanes *of_block)
{
    unsigned number = ++emitter->labels;
    bool has_guard = emitter->instruction->has_guard;
    value any;

    emitter->lanes = *of_block;
    if (has_guard) {
        if (emit_has_uniform_guard(emitter)) {
            any = emit_uniform_guard(emitter);
        } else {
            emitter->lanes = emit_guarded_lanes(emitter, of_block);
            any = emit_value(emitter, "icmp ne i32 %%t%u, 0", emitter->lanes.bits);
        }
        emit(emitter, "br i1 %%t%u, label %%b%u, label %%o%u", any, number, number);
        emit_label(emitter, 'b', number);
    }
    if (emitter->instruction->opcode == PTX_TRAP || emitter->instruction->opcode == PTX_BRKPT) {
        emit_fault(emitter, WARP_FAULT_TRAP);
    } else {
        emit_body(emitter);
    }
    if (has_guard) {
        emit(emitter, "br label %%o%u", number);
        emit_label(emitter, 'o', number);
    }
}
