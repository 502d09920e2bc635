/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/cuda/jit.h"

#include <stdlib.h>
#include <string.h>

#define OPTIMIZATION_MAX 4u

static void add_option(struct cuda_jit *jit, CUjit_option name, uintptr_t value)
{
    jit->names[jit->count] = name;
    jit->values[jit->count++] = (void *)value;
}

static void add_wishes(struct cuda_jit *jit, const struct bg_cuda_module_load *wanted)
{
    add_option(jit, CU_JIT_OPTIMIZATION_LEVEL, wanted->optimization_level);
    if (wanted->max_registers != 0) {
        add_option(jit, CU_JIT_MAX_REGISTERS, wanted->max_registers);
    }
    if (wanted->target != 0) {
        add_option(jit, CU_JIT_TARGET, wanted->target);
    }
    if (wanted->flags & BG_CUDA_JIT_DEBUG) {
        add_option(jit, CU_JIT_GENERATE_DEBUG_INFO, 1);
    }
    if (wanted->flags & BG_CUDA_JIT_LINE_INFO) {
        add_option(jit, CU_JIT_GENERATE_LINE_INFO, 1);
    }
    if (wanted->flags & BG_CUDA_JIT_VERBOSE) {
        add_option(jit, CU_JIT_LOG_VERBOSE, 1);
    }
}

/* So long as was asked for, and a NUL. */
static bool add_log(struct cuda_jit *jit, struct bytes *log, uint32_t size, CUjit_option buffer,
                    CUjit_option buffer_size)
{
    if (size == 0) {
        return true;
    }
    log->size = (size < BG_CUDA_LOG_SIZE_MAX ? size : BG_CUDA_LOG_SIZE_MAX) + 1;
    log->bytes = calloc(1, log->size);
    add_option(jit, buffer, (uintptr_t)log->bytes);
    add_option(jit, buffer_size, log->size);
    return log->bytes != NULL;
}

CUresult cuda_jit_begin(struct cuda_jit *jit, const struct bg_cuda_module_load *wanted)
{
    const uint32_t known = BG_CUDA_JIT_DEBUG | BG_CUDA_JIT_LINE_INFO | BG_CUDA_JIT_VERBOSE;

    *jit = (struct cuda_jit){.count = 0};
    if (wanted->optimization_level > OPTIMIZATION_MAX || (wanted->flags & ~known)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    add_wishes(jit, wanted);
    return add_log(jit, &jit->info_log, wanted->info_log_size, CU_JIT_INFO_LOG_BUFFER,
                   CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES) &&
                   add_log(jit, &jit->error_log, wanted->error_log_size, CU_JIT_ERROR_LOG_BUFFER,
                           CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
               ? CUDA_SUCCESS
               : CUDA_ERROR_OUT_OF_MEMORY;
}

void cuda_jit_end(struct cuda_jit *jit)
{
    free(jit->info_log.bytes);
    free(jit->error_log.bytes);
}

static void cut(struct bytes *log)
{
    log->size = log->size > 0 ? strnlen((const char *)log->bytes, log->size) : 0;
}

void cuda_jit_cut_logs(struct cuda_jit *jit)
{
    cut(&jit->info_log);
    cut(&jit->error_log);
}
