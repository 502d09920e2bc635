/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/driver/jit.h"

#include <string.h>

#include "host/common/clock.h"
#include "host/cuda-cpu/driver/driver.h"

/* What would change the result is refused; what tunes NVIDIA's compiler is not. */
static CUresult read_option(CUjit_option option, void **value, struct jit_options *jit)
{
    switch (option) {
    case CU_JIT_ERROR_LOG_BUFFER:
        jit->error_log = *value;
        return CUDA_SUCCESS;
    case CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES:
        jit->error_log_size = (size_t)(uintptr_t)*value & UINT32_MAX;
        jit->error_log_used = value;
        return CUDA_SUCCESS;
    case CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES:
        jit->info_log_used = value;
        return CUDA_SUCCESS;
    case CU_JIT_WALL_TIME:
        jit->wall_time = value;
        return CUDA_SUCCESS;
    case CU_JIT_GLOBAL_SYMBOL_NAMES:
    case CU_JIT_GLOBAL_SYMBOL_ADDRESSES:
    case CU_JIT_GLOBAL_SYMBOL_COUNT:
    case CU_JIT_LTO:
        return CUDA_ERROR_NOT_SUPPORTED;
    default:
        return (unsigned)option < CU_JIT_NUM_OPTIONS ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    }
}

CUresult jit_read(unsigned count, const CUjit_option *options, void **values,
                  struct jit_options *jit)
{
    CUresult result = CUDA_SUCCESS;

    *jit = (struct jit_options){.start_ns = clock_now_ns()};
    if (count > 0 && (options == NULL || values == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (unsigned i = 0; i < count && result == CUDA_SUCCESS; i++) {
        result = read_option(options[i], &values[i], jit);
    }
    return result;
}

static void set_number(void **value, uintptr_t number)
{
    if (value != NULL) {
        *value = (void *)number;
    }
}

static size_t fill_log(const struct jit_options *jit, const char *text)
{
    size_t length = strlen(text);

    if (jit->error_log == NULL || jit->error_log_size == 0) {
        return 0;
    }
    length = length < jit->error_log_size ? length : jit->error_log_size - 1;
    memcpy(jit->error_log, text, length);
    jit->error_log[length] = '\0';
    return length;
}

void jit_tell(const struct jit_options *jit, const struct ptx_log *log, const char *what)
{
    float wall_ms = (float)(clock_now_ns() - jit->start_ns) / (float)NS_PER_MS;
    uintptr_t wall_bits = 0;

    set_number(jit->error_log_used, fill_log(jit, log->text));
    set_number(jit->info_log_used, 0);
    memcpy(&wall_bits, &wall_ms, sizeof(wall_ms));
    set_number(jit->wall_time, wall_bits);
    if (log->errors && jit->error_log == NULL) {
        driver_say("%s is refused:\n%s", what, log->text);
    }
}

CUresult jit_result(const struct ptx_log *log)
{
    switch (log->error) {
    case PTX_ERROR_VERSION:
        return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
    case PTX_ERROR_MEMORY:
        return CUDA_ERROR_OUT_OF_MEMORY;
    case PTX_ERROR_NO_COMPILER:
        return CUDA_ERROR_JIT_COMPILER_NOT_FOUND;
    default:
        return CUDA_ERROR_INVALID_PTX;
    }
}
