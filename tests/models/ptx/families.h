/* SPDX-License-Identifier: BSD-2-Clause */
/* The families of instructions. */
#ifndef TESTS_MODELS_PTX_FAMILIES_H
#define TESTS_MODELS_PTX_FAMILIES_H

#include "tests/models/ptx/machine.h"

/* move.c */
execute execute_mov, execute_ld, execute_st, execute_cvta, execute_isspacep, execute_mapa,
    execute_getctarank, execute_nothing, execute_createpolicy, execute_alloca, execute_stacksave,
    execute_stackrestore;

/* integer.c */
execute integer_add, integer_sub, execute_addc, execute_subc, integer_min, integer_max, integer_div,
    execute_rem, integer_neg, integer_abs, execute_sad, integer_mul, integer_mad, execute_madc,
    execute_mul24, execute_mad24, execute_dp4a, execute_dp2a;

/* logic.c */
execute execute_and, execute_or, execute_xor, execute_not, execute_cnot, execute_lop3, execute_shl,
    execute_shr, execute_shf, execute_popc, execute_clz, execute_bfind, execute_brev, execute_fns,
    execute_bfe, execute_bfi, execute_bmsk, execute_szext, execute_prmt;

/* compare.c */
execute execute_setp, execute_set, execute_selp, execute_slct, execute_testp;

/* arithmetic.c */
execute execute_add, execute_sub, execute_mul, execute_mad, execute_fma, execute_div, execute_min,
    execute_max, execute_neg, execute_abs, execute_copysign, execute_rcp, execute_sqrt,
    execute_transcendental;

/* convert.c */
execute execute_cvt;

/* control.c */
execute execute_bra, execute_brx, execute_exit, execute_trap, execute_call, execute_ret;

/* warp.c */
execute execute_together, execute_matrix;

/* barrier.c */
execute execute_barrier;

/* atomic.c */
execute execute_red, execute_atom;

/* What stands at the address after the operation among the words. */
u128 atomic_update(struct thread *thread, const struct ptx_instruction *in, uint64_t address,
                   u128 old, u128 b);

/* async.c */
execute execute_mbarrier, execute_cp;

/* Of st and red with .async: the mbarrier gets the bytes. */
void complete_bytes(struct thread *thread, const struct ptx_instruction *in, unsigned bytes);

/* video.c */
execute execute_video, execute_packed_video, execute_vmad;

/* matrix.c: what the lanes that wait at such an instruction do together. */
typedef void perform(struct thread *any, uint32_t lanes);
perform perform_mma, perform_wmma, perform_ldmatrix, perform_stmatrix, perform_movmatrix;

#endif
