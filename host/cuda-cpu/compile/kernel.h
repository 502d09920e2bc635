/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel as LLVM IR: a function that runs one warp, or all of a block, `void kernel(struct warp
 * *)`. */
#ifndef CUDA_CPU_COMPILE_KERNEL_H
#define CUDA_CPU_COMPILE_KERNEL_H

#include "host/cuda-cpu/compile/text.h"
#include "host/cuda-cpu/ptx/module.h"

#define KERNEL_SYMBOL "kernel"
#define KERNEL_PLACES "places" /* device/places.h */

/* What running it takes. */
struct kernel_needs {
    uint32_t sites;      /* struct warp_site */
    uint64_t local_size; /* bytes of a thread's local memory */
    uint32_t depth;      /* calls within each other */
    bool is_deep;        /* they may be more: it calls itself, or allocates on the stack */
    bool runs_block;     /* all warps of a block: turns.h */
    uint32_t kept_size;  /* bytes of each of them, which it uses while others run */
    bool rests;          /* its loops let others touch what lies beside: rest.h */
};

/* Which of a processor's instructions code may have. */
enum kernel_isa { KERNEL_ISA_NATIVE, KERNEL_ISA_SSE2, KERNEL_ISA_AVX2, KERNEL_ISA_AVX512 };

/* For whom the code is. */
struct kernel_options {
    enum kernel_isa isa;
    unsigned machine; /* ELF's number: EM_X86_64, EM_AARCH64; 0: the compiler's own */
    unsigned row;     /* lanes of a warp that lie beside each other in a block: 32, 16, 8; 0: any */
    bool is_stacked;  /* and those rows above each other: the same x and z, the next y */
    bool is_full;     /* every warp of the block has all its lanes */
    bool has_fma;     /* the processor has fused products */
    bool has_f16;     /* and converts between f16 and f32 */
    bool has_masks;   /* and has registers of one bit for each lane */
    bool masked_alone; /* there is no code for whole warps */
    bool is_checked;   /* accesses, fences and what lanes do together are calls: check/ */
};

/* LLVM's word for the processor; NULL: this one. */
const char *kernel_cpu(const struct kernel_options *options);

/* Whether all kernels can be compiled, as far as that shows without doing it. False: the log says
 * what cannot, or whose code takes more than so many bytes of IR. */
bool kernel_check(const struct ptx_module *module, const struct kernel_options *options,
                  size_t ir_limit, struct ptx_log *log);

/* False: the log says what cannot be compiled. */
bool kernel_emit(const struct ptx_module *module, const struct ptx_function *kernel,
                 const struct kernel_options *options, struct text *ir, struct kernel_needs *needs,
                 struct ptx_log *log);

#endif
