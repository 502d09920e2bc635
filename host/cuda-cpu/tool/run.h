/* SPDX-License-Identifier: BSD-2-Clause */
/* Running a kernel from the command line. */
#ifndef CUDA_CPU_TOOL_RUN_H
#define CUDA_CPU_TOOL_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "host/cuda-cpu/ptx/module.h"

#define RUN_ARGUMENTS_MAX 64
#define RUN_SHARED_MAX (227u << 10) /* bytes of a block, as sm_90 has them */

struct run_options {
    const char *kernel;
    const char *checks; /* a list; NULL: as the environment says */
    uint32_t grid[3], block[3];
    uint64_t dynamic_shared;
    /* Of each parameter: a number, [BYTES] for zeroed memory, or @FILE for a file's bytes. */
    const char *arguments[RUN_ARGUMENTS_MAX];
    unsigned argument_count;
    /* NUMBER=FILE: where the memory of an argument goes afterwards. */
    const char *saves[RUN_ARGUMENTS_MAX];
    unsigned save_count;
};

enum run_status { RUN_OK, RUN_REFUSED, RUN_SYSTEM };

/* Prints what is wrong to standard error, each line behind the path. */
enum run_status run_kernel(const char *path, const char *text, size_t length,
                           const struct run_options *options);

/* A number without a sign, up to `most`; the text moves behind it. */
bool run_read_number(const char **text, uint64_t most, uint64_t *value);

/* The lines of a log, each behind the file's name, as compilers write them. */
void run_print_log(const char *path, const char *text);

/* Prints the kernel as LLVM IR, or as the processor's assembly: the code for such blocks. */
enum run_status dump_kernel(const char *path, const struct ptx_module *module, const char *kernel,
                            const uint32_t block[3], int assembly);

#endif
