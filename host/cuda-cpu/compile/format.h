/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Floating point formats of up to 32 bits: PTX ISA 5.2.3. Numbers of less than 32 bits are computed
 * as f32 or f64, and rounded once. By integers where the processor has no instruction.
 */
#ifndef CUDA_CPU_COMPILE_FORMAT_H
#define CUDA_CPU_COMPILE_FORMAT_H

#include "host/cuda-cpu/compile/emitter.h"

enum format_rounding {
    FORMAT_RN, /* ties to even */
    FORMAT_RZ,
    FORMAT_RM,
    FORMAT_RP,
    FORMAT_RNA, /* to nearest, ties away from zero */
};

/* f16 or bf16. */
bool format_is_half(enum ptx_word type);

/* One of the two in a packed type; PTX_W_NONE: it is not packed. */
enum ptx_word format_part(enum ptx_word type);

/* The infinity's, the canonical NaN's and 1.0's bits; of f64 too. */
uint64_t format_infinity(enum ptx_word type);
uint64_t format_nan(enum ptx_word type);
uint64_t format_one(enum ptx_word type);

/* Of the bits of a type that has infinities. */
value format_is_nan(struct emitter *emitter, enum ptx_word type, value bits);

/* Bits of f16 or bf16: subnormal numbers become zeros of their sign. */
value format_flush(struct emitter *emitter, enum ptx_word type, value bits);

/* f16, bf16, e4m3 or e5m2 as f32, which is exact. */
value format_decode(struct emitter *emitter, enum ptx_word type, value bits);

/* An f32 or f64 (`from`) as bits of f16, bf16, tf32, e4m3, e5m2 or, of an f64, f32. A NaN becomes
 * the canonical one. is_finite: what is too large becomes the largest number, infinities too. */
value format_encode(struct emitter *emitter, enum ptx_word type, enum ptx_word from, value number,
                    enum format_rounding rounding, bool is_finite);

#endif
