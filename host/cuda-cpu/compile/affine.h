/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers whose lanes lie at equal steps in each row of a whole warp (kernel.h), as those of
 * tid.x and most addresses do: lane i of a row has its base + i * step, for certain. Code for whole
 * warps keeps the rows' bases alone, or the first row's where they lie at equal steps too; code
 * under a mask has all lanes, as they may have gone other ways. So what is read on the way from the
 * one to the other is written out, and the way back is open when all lanes lie so again.
 *
 * Making a number longer keeps the steps only while no lane passes the end of the shorter one: that
 * is looked at, and where one does the code under a mask goes on from this instruction.
 */
#ifndef CUDA_CPU_COMPILE_AFFINE_H
#define CUDA_CPU_COMPILE_AFFINE_H

#include "host/cuda-cpu/compile/uniform.h"

#define AFFINE_NOT INT64_MIN

struct emitter;
struct kernel_options;

struct affine {
    int64_t *steps; /* of each register; of others AFFINE_NOT. NULL: there are none */
    /* From a row's base to the next one's; AFFINE_NOT: each row has its own. NULL: all have. */
    int64_t *across;
    bool *threads; /* those that are %tid and nothing else */
};

/* False: no memory. */
bool affine_create(const struct ptx_function *function, const struct uniform *uniform,
                   const struct kernel_options *options, struct affine *affine);
void affine_destroy(struct affine *affine);

/* From the base of a row of such a register to the next one's; or AFFINE_NOT. */
int64_t affine_across(const struct emitter *emitter, uint32_t reg);

/* The bases that are kept of it: one, or each row's. */
unsigned affine_bases(const struct emitter *emitter, uint32_t reg);

/* From the base of a register that has one to its outermost lanes. */
struct affine_span {
    int64_t below, above;
};
struct affine_span affine_span(const struct emitter *emitter, uint32_t reg);

/* i1: of an operand no lane so far from its base passes the end of the type. */
unsigned affine_span_fits(struct emitter *emitter, const struct ptx_operand *operand,
                          struct affine_span span, enum ptx_word type, unsigned base);

/* Whether the register is such a one; and whether the code that is made keeps its bases alone. */
bool affine_is_one(const struct emitter *emitter, uint32_t reg);
bool affine_is_kept(const struct emitter *emitter, uint32_t reg);

/* The instruction sets such a register; and makes a number longer, whose lanes differ. */
bool affine_is_set(const struct emitter *emitter);
bool affine_is_checked(const struct emitter *emitter, const struct ptx_instruction *instruction);

/* ---- IR; %base.N.R is a register's base in a row ---- */

void affine_begin_frame(struct emitter *emitter);
void affine_clear(struct emitter *emitter);

/* All lanes of a register; while the emitter is narrow, the base in its row. And that is set. */
unsigned affine_lanes(struct emitter *emitter, uint32_t reg);
void affine_put(struct emitter *emitter, uint32_t reg, unsigned base);

/* The bases, to memory of 8 bytes for each and back. is_volatile: here, and not before. */
void affine_save(struct emitter *emitter, uint32_t reg, unsigned pointer);
void affine_load(struct emitter *emitter, uint32_t reg, unsigned pointer, bool is_volatile);

/* i1: all lanes lie at their steps in the registers that are read from a block on. Then their bases
 * are taken. */
unsigned affine_is_back(struct emitter *emitter, uint32_t block);
void affine_take(struct emitter *emitter, uint32_t block);

/* Writes out what is read from the emitter's instruction on, or from a block on. */
void affine_leave_here(struct emitter *emitter);
void affine_leave_to(struct emitter *emitter, uint32_t block);

/* i1: the instruction's longer number keeps the steps. */
unsigned affine_fits(struct emitter *emitter);

#endif
