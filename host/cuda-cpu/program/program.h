/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program on the device, from the text of a PTX module: its variables in memory, its kernels
 * compiled when they are first asked for. What a driver knows of PTX is here.
 */
#ifndef CUDA_CPU_PROGRAM_PROGRAM_H
#define CUDA_CPU_PROGRAM_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/cuda-cpu/device/launch.h"
#include "host/cuda-cpu/device/memory.h"
#include "host/cuda-cpu/ptx/log.h"

struct kernel_options;
struct program;

struct program_parameter {
    uint64_t offset, size; /* in the parameter buffer */
    bool is_float;
};

/* What a kernel's PTX says of it. The program's, as long as it lives. */
struct program_kernel {
    const char *name;
    const struct program_parameter *parameters;
    size_t parameter_count;
    uint64_t parameter_size; /* bytes of the parameter buffer */
    uint64_t shared_size;    /* where a block's dynamic shared memory begins */
    uint64_t local_size;     /* bytes of a thread's variables */
    uint32_t max_threads[3]; /* .maxntid; 0: not said */
    uint32_t threads[3];     /* .reqntid; 0: not said */
    uint32_t registers;      /* as declared, for all who ask */
};

struct program_variable {
    const char *name;
    unsigned char *bytes;
    uint64_t size;
    bool is_constant, is_managed;
};

/* The text need not stay. The variables' memory is added to `memory`, which must outlive the
 * program. NULL: the log says why. */
struct program *program_create(const char *text, size_t length, struct memory *memory,
                               struct ptx_log *log);
void program_destroy(struct program *program);

unsigned program_target(const struct program *program); /* 90 for sm_90 */

/* Kernels with a body, in the text's order. */
size_t program_kernel_count(const struct program *program);
const struct program_kernel *program_kernel(const struct program *program, size_t index);

/* NULL: there is none of this name. */
const struct program_kernel *program_find_kernel(const struct program *program, const char *name);
const struct program_variable *program_find_variable(const struct program *program,
                                                     const char *name);

/* Says how the lanes of a warp lie in such a block. */
void program_set_rows(const uint32_t block[3], struct kernel_options *options);

/* Compiles the kernel for this launch's kind of block if it is not yet, and puts what it takes into
 * the launch. From one thread at a time. False: the log says why. */
bool program_prepare(struct program *program, const struct program_kernel *kernel,
                     struct launch *launch, struct ptx_log *log);

/* Compiles all kernels. False: the log says why one of them cannot be. */
bool program_prepare_all(struct program *program, struct ptx_log *log);

#endif
