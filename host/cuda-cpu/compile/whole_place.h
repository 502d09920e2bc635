/* SPDX-License-Identifier: BSD-2-Clause */
/* Where an access of a whole warp (whole.h) is, and the look at it before: what its loads, stores
 * and atomics begin with. */
#ifndef CUDA_CPU_COMPILE_WHOLE_PLACE_H
#define CUDA_CPU_COMPILE_WHOLE_PLACE_H

#include "host/cuda-cpu/compile/emitter.h"

#define WHOLE_ROWS_MAX 4

/* Without the access's offset: in shared memory from its beginning on. */
struct whole_place {
    value vector;               /* <32 x i64>; of WHOLE_UNIFORM there is none */
    value rows[WHOLE_ROWS_MAX]; /* i64, of the first lane of each row */
    value base, index;          /* of scaled addresses: i64, and <32 x i32> */
    unsigned row_count, row;    /* rows, and lanes of one */
    bool is_affine;             /* it lies as is guessed, for certain */
    int64_t across;             /* and so far it is from row to row; or AFFINE_NOT */
};

struct whole_place whole_find_place(struct emitter *emitter, const struct whole_access *access);

/* The pointer to what is `offset` from a row, or from any i64 of that kind. */
value whole_pointer_to(struct emitter *emitter, const struct whole_access *access, value row,
                       int64_t offset);

/* Of an access that leads: goes on only if its group lies as guessed, in one allocation; gives up
 * else. */
void whole_look_before(struct emitter *emitter, const struct whole_access *access,
                       const struct whole_place *place);

#endif
