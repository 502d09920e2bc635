/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the compiler: the IR of a kernel in the making. A warp's 32 lanes are vectors; each block
 * of the flow is there twice, for all lanes and under a mask.
 */
#ifndef CUDA_CPU_COMPILE_EMITTER_H
#define CUDA_CPU_COMPILE_EMITTER_H

#include "host/cuda-cpu/compile/affine.h"
#include "host/cuda-cpu/compile/flow.h"
#include "host/cuda-cpu/compile/fragment.h"
#include "host/cuda-cpu/compile/kernel.h"
#include "host/cuda-cpu/compile/rest.h"
#include "host/cuda-cpu/compile/straight.h"
#include "host/cuda-cpu/compile/text.h"
#include "host/cuda-cpu/compile/turns.h"
#include "host/cuda-cpu/compile/uniform.h"
#include "host/cuda-cpu/compile/whole.h"
#include "host/cuda-cpu/device/warp.h"

/* An SSA value, %tN. */
typedef unsigned value;

/* Lanes that take part: all of them, or those of a value. */
struct lanes {
    bool all;
    value bits;   /* i32 */
    value vector; /* <32 x i1> */
};

/* The rounds that a block belongs to, by the first block of their loop, and the block to which
 * lanes leave them: emit_round.h. FLOW_END: none. */
struct round {
    uint32_t head, behind;
    bool packs; /* where few lanes are left they are packed: emit_pack.h */
};

struct emitter {
    const struct ptx_module *module;
    const struct ptx_function *function;
    const struct ptx_instruction *instruction;
    const struct flow *flow;
    struct uniform uniform;
    struct affine affine;
    struct whole whole;
    struct rest rest;
    struct turns turns;
    struct straight straight;
    struct fragments fragments;
    struct round *rounds; /* of each block */
    struct text *out;
    struct ptx_log *log;
    struct lanes lanes; /* of the block, and of the instruction's guard */
    bool is_whole;      /* the code is for whole warps */
    bool is_aside;      /* of which only some lanes take part: aside.h */
    bool is_narrow;     /* one value stands for all lanes: see emit */
    bool is_half;       /* or 16 values for lanes that are packed: emit_pack.h */
    unsigned row;       /* or, of what lies in steps, for those of a row: affine.h */
    uint32_t block;
    bool is_again;   /* and the whole warp may begin it again: again.h */
    bool waits;      /* lanes of a warp may wait for others of it: wait.h */
    bool is_edgy;    /* warps part at edges alone: edge.h */
    bool runs_block; /* the kernel: struct kernel_needs */
    uint32_t kept_size;
    bool rests;
    uint32_t shared_size; /* bytes of the kernel's shared variables; 0: the launch knows */
    unsigned values;      /* numbered so far */
    unsigned labels;
    uint32_t sites;     /* accesses of the kernel so far */
    struct text places; /* of the sites: places.h */
    uint32_t *file_names;
    const struct kernel_options *options;
    const struct reach *reach; /* what the kernel may call */
};

/* ---- emitter.c ---- */

/* The instruction is not there yet: an error at its place. */
void emit_unsupported(struct emitter *emitter, const char *what);

/* A line of IR that is no value; and one that is: "%tN = " goes before it. While the emitter is
 * narrow, what is said of 32 lanes becomes the same of one value: <32 x i32> is i32, splat (i32 7)
 * is 7. */
void emit(struct emitter *emitter, const char *format, ...) __attribute__((format(printf, 2, 3)));
value emit_value(struct emitter *emitter, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What the words say. */
bool emit_has(const struct emitter *emitter, enum ptx_word word);
enum ptx_word emit_type(const struct emitter *emitter, unsigned index);

/* IR's name of a PTX type's element, and of the vector of 32. */
const char *emit_element(enum ptx_word type);
const char *emit_vector(enum ptx_word type);

/* Integers of a type's size. */
enum ptx_word emit_bits(enum ptx_word type);

/* An operand's value as a vector of this type, or narrow. */
value emit_get(struct emitter *emitter, const struct ptx_operand *operand, enum ptx_word type);

/* Sets a register, or a part of it, in the lanes that take part. The result is narrow when the
 * emitter is. */
void emit_put(struct emitter *emitter, const struct ptx_operand *operand, enum ptx_word type,
              value result);

/* Lanes that take no part keep what they have in this register: somebody reads it. */
bool emit_keeps_others(const struct emitter *emitter, uint32_t reg);

/* What is in braces, or the parts of a vector register, or one operand; their number. */
#define EMIT_ITEMS 8
size_t emit_items(const struct emitter *emitter, const struct ptx_operand *operand,
                  struct ptx_operand items[EMIT_ITEMS]);

/* A constant of all lanes. */
value emit_splat(struct emitter *emitter, enum ptx_word type, uint64_t bits);

/* One value in all lanes. scalar: of the type's element. */
value emit_splat_scalar(struct emitter *emitter, enum ptx_word type, value scalar);

/* Lanes of another width: cut off, or lengthened as the new type has a sign. */
value emit_resize(struct emitter *emitter, enum ptx_word from, enum ptx_word to, value bits);

/* A field of the warp. type: IR's. */
value emit_field(struct emitter *emitter, size_t offset, const char *type);

void emit_set_field(struct emitter *emitter, size_t offset, const char *type, value to);

/* One that stays as it is while the kernel runs. */
value emit_fixed_field(struct emitter *emitter, size_t offset, const char *type);

/* <32 x i1> to i32, and back. */
value emit_mask_bits(struct emitter *emitter, value vector);
value emit_mask_vector(struct emitter *emitter, value bits);

/* The lanes that take part as i32; of all lanes -1. */
value emit_lane_bits(struct emitter *emitter);

/* Memory in the frame for 32 values, at hand as an operand of calls. Of a fixed number of slots. */
value emit_spill(struct emitter *emitter, unsigned slot, enum ptx_word type, value stored);
value emit_slot(struct emitter *emitter, unsigned slot);
value emit_reload(struct emitter *emitter, unsigned slot, enum ptx_word type);

#define EMIT_SLOTS 16 /* of 512 bytes */

/* Floats of 32 bits: subnormal numbers become zeros of their sign. */
value emit_flush(struct emitter *emitter, value of);

/* To 0 to 1; NaN to 0. */
value emit_saturate(struct emitter *emitter, enum ptx_word type, value of);

/* Whether a block is there for the whole warp, too. */
bool emit_is_twice(const struct emitter *emitter, uint32_t block);

/* IR's type of a register in the frame. All become zero, and the carry; no lanes wait at any
 * block. */
const char *emit_register_type(const struct emitter *emitter, uint32_t reg);
char emit_register_kind(const struct emitter *emitter, uint32_t reg); /* %r, %q */
void emit_clear_registers(struct emitter *emitter);
void emit_clear_waiting(struct emitter *emitter);

/* A function of enum warp_function, over lanes of up to three values of a type. */
value emit_function_call(struct emitter *emitter, uint32_t function, enum ptx_word type,
                         const value *sources, unsigned count);

/* ---- emit_special.c ---- */

/* What a special register holds, as bits of that type. */
value emit_special(struct emitter *emitter, const struct ptx_operand *operand, enum ptx_word type);

/* ---- emit_instruction.c ---- */

/* A label: a letter and a number; or a name. */
void emit_label(struct emitter *emitter, char kind, uint32_t number);
void emit_named_label(struct emitter *emitter, const char *name);

/* It does nothing but to say where lanes go from the end of its block. */
bool emit_is_way_on(const struct ptx_instruction *instruction);

/* Whether the instruction's guard is the same in all lanes; it is, as i1. */
bool emit_has_uniform_guard(const struct emitter *emitter);
value emit_uniform_guard(struct emitter *emitter);

/* The guard's lanes take part; without one, those of the block. */
struct lanes emit_guarded_lanes(struct emitter *emitter, const struct lanes *of_block);

/* An instruction whose guard holds nowhere is passed over: a barrier, an access, a fault. */
void emit_instruction(struct emitter *emitter, const struct lanes *of_block);

/* ---- emit_blocks.c ---- */

/* All blocks, between the labels h0 and leave. */
void emit_blocks(struct emitter *emitter);

/* ---- by family: false when the opcode is not theirs ---- */

bool emit_compare(struct emitter *emitter);
bool emit_extreme(struct emitter *emitter);
bool emit_half(struct emitter *emitter);
bool emit_integer(struct emitter *emitter);
bool emit_bits_operation(struct emitter *emitter);
bool emit_float(struct emitter *emitter);
bool emit_convert(struct emitter *emitter);
bool emit_move(struct emitter *emitter);
bool emit_memory(struct emitter *emitter);
bool emit_space(struct emitter *emitter);
bool emit_video(struct emitter *emitter);
bool emit_warp(struct emitter *emitter);
bool emit_call(struct emitter *emitter);
bool emit_matrix(struct emitter *emitter);
bool emit_async(struct emitter *emitter);
bool emit_texture(struct emitter *emitter);

/* Of the branch that ends the current block, for a whole warp: where this fits, all lanes go there,
 * or none do, as the outermost ones show when what lies in steps is compared; each an i1. False: it
 * is no such branch. */
struct emit_edge {
    value fits, all, none;
};
bool emit_edge_branch(struct emitter *emitter, struct emit_edge *edge);

/* The comparison for such a branch that nothing else reads, so that it is made where the outermost
 * lanes do not decide; NULL: there is none. */
const struct ptx_instruction *emit_edge_comparison(struct emitter *emitter);

/* The value of the first lane that takes part, for what is the same in all; of an operand of 32
 * bits. */
value emit_first_lane(struct emitter *emitter, enum ptx_word type, value vector);
value emit_uniform(struct emitter *emitter, const struct ptx_operand *operand);

/* The lanes' generic addresses, of an operand in brackets: in the space that the instruction names,
 * or in this one. */
value emit_address(struct emitter *emitter, const struct ptx_operand *address);
value emit_address_in(struct emitter *emitter, const struct ptx_operand *address,
                      enum ptx_space space);

/* The space that an instruction names; REG: none, the address is generic. Where a space begins
 * among the generic addresses, lane by lane. */
enum ptx_space emit_named_space(const struct emitter *emitter);
value emit_space_base(struct emitter *emitter, enum ptx_space space);

/* Of a store or reduction that is asynchronous: its mbarrier gets the bytes. */
void emit_async_completion(struct emitter *emitter);

/* What struct warp's atomic is to do. */
uint32_t emit_atomic_operation(const struct emitter *emitter);

/* The generic addresses of a place in the frame of this function, or behind it in that of one that
 * it calls. */
value emit_frame_addresses(struct emitter *emitter, uint64_t offset);

/* What a load or store moves: of numbers without a sign, bits. */
enum ptx_word emit_memory_type(const struct emitter *emitter);
/* Of a place in each lane's local memory, i64. */
value emit_local_addresses(struct emitter *emitter, value place);

/* Of values at addresses; the same way loads and stores go. type: bits. */
value emit_load_at(struct emitter *emitter, value addresses, enum ptx_word type);
void emit_store_at(struct emitter *emitter, value addresses, enum ptx_word type, value stored);

/* A number for what the instruction does in memory or with other threads. */
uint32_t emit_site(struct emitter *emitter);

/* Checked code tells the warp what these lanes, i32, are about to do with other threads; other code
 * does not. masks: the lanes that each lane names; NULL: none. */
void emit_event(struct emitter *emitter, enum warp_event event, value lanes,
                const struct ptx_operand *masks);

/* The call of the warp's fault, which does not return. */
void emit_fault(struct emitter *emitter, enum warp_fault fault);

#endif
