/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of what compiles: CUjit_option. */
#include "firmware/cuda/internal.h"

#define NS_PER_US 1000u
#define US_PER_MS 1000u

static size_t size_of(void *const *value)
{
    return (size_t)(uintptr_t)*value & UINT32_MAX;
}

static uint32_t number_of(void *const *value)
{
    return (uint32_t)(uintptr_t)*value;
}

static void set_flag(uint32_t *flags, uint32_t flag, void *const *value)
{
    *flags = number_of(value) != 0 ? *flags | flag : *flags & ~flag;
}

/* What would change the result is refused; what tunes NVIDIA's compiler and has no place in the
 * command is not looked at. */
static CUresult read_option(CUjit_option option, void **value, struct cuda_jit *jit)
{
    struct bg_cuda_module_load *load = &jit->load;

    switch (option) {
    case CU_JIT_MAX_REGISTERS:
        load->max_registers = number_of(value);
        return CUDA_SUCCESS;
    case CU_JIT_WALL_TIME:
        jit->wall_time = value;
        return CUDA_SUCCESS;
    case CU_JIT_INFO_LOG_BUFFER:
        jit->info.buffer = *value;
        return CUDA_SUCCESS;
    case CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES:
        jit->info.size = size_of(value);
        jit->info.used = value;
        return CUDA_SUCCESS;
    case CU_JIT_ERROR_LOG_BUFFER:
        jit->error.buffer = *value;
        return CUDA_SUCCESS;
    case CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES:
        jit->error.size = size_of(value);
        jit->error.used = value;
        return CUDA_SUCCESS;
    case CU_JIT_OPTIMIZATION_LEVEL:
        load->optimization_level = number_of(value);
        return load->optimization_level <= CUDA_JIT_LEVEL_MAX ? CUDA_SUCCESS
                                                              : CUDA_ERROR_INVALID_VALUE;
    case CU_JIT_TARGET:
        load->target = number_of(value);
        return CUDA_SUCCESS;
    case CU_JIT_GENERATE_DEBUG_INFO:
        set_flag(&load->flags, BG_CUDA_JIT_DEBUG, value);
        return CUDA_SUCCESS;
    case CU_JIT_GENERATE_LINE_INFO:
        set_flag(&load->flags, BG_CUDA_JIT_LINE_INFO, value);
        return CUDA_SUCCESS;
    case CU_JIT_LOG_VERBOSE:
        set_flag(&load->flags, BG_CUDA_JIT_VERBOSE, value);
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

/* What fits of a log beside its NUL. */
static uint32_t wanted_size(const struct cuda_jit_log *log)
{
    size_t size = log->buffer != NULL && log->size > 0 ? log->size - 1 : 0;

    return size < BG_CUDA_LOG_SIZE_MAX ? (uint32_t)size : BG_CUDA_LOG_SIZE_MAX;
}

CUresult cuda_jit_read(unsigned count, const CUjit_option *options, void **values,
                       struct cuda_jit *jit)
{
    CUresult result = CUDA_SUCCESS;

    *jit = (struct cuda_jit){.load.optimization_level = CUDA_JIT_LEVEL_MAX,
                             .start_ns = bg_hal_time_ns()};
    if (count > 0 && (options == NULL || values == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (unsigned i = 0; i < count && result == CUDA_SUCCESS; i++) {
        result = read_option(options[i], &values[i], jit);
    }
    jit->load.info_log_size = wanted_size(&jit->info);
    jit->load.error_log_size = wanted_size(&jit->error);
    return result;
}

/* ---- What is told ---- */

static void fill_log(const struct cuda_jit_log *log, struct cuda_bytes text)
{
    size_t size = 0;

    if (log->buffer != NULL && log->size > 0) {
        size = text.size < log->size ? text.size : log->size - 1;
        cuda_bytes_copy(log->buffer, (struct cuda_bytes){text.bytes, size});
        log->buffer[size] = '\0';
    }
    if (log->used != NULL) {
        *log->used = (void *)(uintptr_t)size;
    }
}

/* The bits of the float nearest below us / 1000: no floating point is used here. */
static uint32_t float_ms(uint64_t us)
{
    uint32_t exponent = 127 + 23;
    uint64_t mantissa = us;

    if (us == 0 || us > UINT32_MAX) {
        return 0;
    }
    while (mantissa / US_PER_MS < 1u << 23) {
        mantissa <<= 1;
        exponent--;
    }
    mantissa /= US_PER_MS;
    while (mantissa >= 1u << 24) {
        mantissa >>= 1;
        exponent++;
    }
    return exponent << 23 | ((uint32_t)mantissa & 0x7FFFFF);
}

void cuda_jit_tell(const struct cuda_jit *jit, struct cuda_bytes info, struct cuda_bytes error)
{
    fill_log(&jit->info, info);
    fill_log(&jit->error, error);
    if (jit->wall_time != NULL) {
        *jit->wall_time =
            (void *)(uintptr_t)float_ms((bg_hal_time_ns() - jit->start_ns) / NS_PER_US);
    }
}
