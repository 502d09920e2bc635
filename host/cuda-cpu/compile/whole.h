/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads, stores and atomics of a whole warp, in line. What is guessed of an address (step.h), and
 * that all of it lies in one allocation, is looked at before the access; when it is not so, the
 * code under a mask goes on from this instruction, which takes every lane by itself. Accesses of a
 * block over one base are looked at once, before the first of them.
 *
 * Checked code asks the check instead, for what lies as it can be told in a few words: loads that
 * go on where the one before ended are asked for together.
 */
#ifndef CUDA_CPU_COMPILE_WHOLE_H
#define CUDA_CPU_COMPILE_WHOLE_H

#include "host/cuda-cpu/compile/advance.h"
#include "host/cuda-cpu/compile/scaled.h"
#include "host/cuda-cpu/compile/uniform.h"

struct emitter;
struct kernel_options;

enum whole_kind {
    WHOLE_UNIFORM,   /* one place for all lanes, for certain */
    WHOLE_ROWS,      /* lanes of a row beside each other */
    WHOLE_ROW_SAME,  /* one place for the lanes of a row */
    WHOLE_SCATTERED, /* any */
};

struct whole_access {
    bool is_planned;
    bool leads;                        /* what its group touches is looked at before it */
    const struct whole_access *leader; /* of the others */
    /* Of a leader: the access of the group in whose memory it must lie, a store's, if there is one:
     * what that met last may be written. */
    const struct whole_access *bounded;
    bool is_store, is_shared;
    bool is_atomic; /* and a store */
    enum whole_kind kind;
    unsigned size, count;           /* bytes of an item; items of a lane */
    const struct ptx_operand *base; /* a register, or a variable */
    int64_t offset;
    int64_t least, end;     /* of a leader: from the base, what a lane of the group touches */
    uint32_t members;       /* of a leader of checked code, in the order of their addresses */
    struct advance advance; /* of a load's base */
    struct scaled scaled;   /* of a scattered one's, whose lanes' distances are multiples of it */
    uint32_t site;          /* of this instruction under a mask; set as that code is made */
};

struct whole {
    struct whole_access *accesses; /* of each instruction; NULL: there is no code for whole warps */
};

/* False: no memory. */
bool whole_create(const struct ptx_function *function, const struct flow *flow,
                  const struct uniform *uniform, const struct kernel_options *options,
                  struct whole *whole);
void whole_destroy(struct whole *whole);

/* The access of the emitter's instruction when it is planned and all lanes take part; or NULL. */
struct whole_access *whole_find(const struct emitter *emitter);

/* i1: what its group touches lies as guessed, in one allocation. */
unsigned whole_fits(struct emitter *emitter, const struct whole_access *access);

/* Ends block `o` of this number: a mask of all lanes, from the emitter's instruction on. Begins b.
 */
void whole_give_up(struct emitter *emitter, unsigned number);

/* From a way aside: the other lanes wait where it ends. */
void whole_leave_others(struct emitter *emitter);

void whole_load(struct emitter *emitter, const struct whole_access *access);
void whole_store(struct emitter *emitter, const struct whole_access *access);
void whole_atomic(struct emitter *emitter, const struct whole_access *access);

#endif
