/* SPDX-License-Identifier: BSD-2-Clause */
/* What contexts are set to, and say of themselves. */
#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/device.h"
#include "host/cuda-cpu/driver/driver.h"

static bool is_answered(const void *answer, CUresult *result)
{
    if (answer == NULL) {
        *result = CUDA_ERROR_INVALID_VALUE;
    }
    return *result == CUDA_SUCCESS;
}

/* ---- Limits ---- */

/* Threads that may be there at once have a stack each, of the device's memory. */
static CUresult set_stack(struct context *context, size_t size)
{
    uint64_t threads = (uint64_t)DEVICE_THREADS_MAX * (uint64_t)device_multiprocessors();

    if (size > driver_settings()->memory / threads) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    context->limits[CU_LIMIT_STACK_SIZE] = size;
    return CUDA_SUCCESS;
}

static CUresult set_limit(struct context *context, CUlimit limit, size_t value)
{
    switch (limit) {
    case CU_LIMIT_STACK_SIZE:
        return set_stack(context, value);
    case CU_LIMIT_PRINTF_FIFO_SIZE:
    case CU_LIMIT_MALLOC_HEAP_SIZE:
        context->limits[limit] = value;
        return CUDA_SUCCESS;
    default:
        return (unsigned)limit < CU_LIMIT_MAX ? CUDA_ERROR_UNSUPPORTED_LIMIT
                                              : CUDA_ERROR_INVALID_VALUE;
    }
}

CUresult cuCtxSetLimit(CUlimit limit, size_t value)
{
    return IN_CONTEXT(set_limit(context, limit, value));
}

static CUresult get_limit(struct context *context, size_t *value, CUlimit limit)
{
    CUresult result = CUDA_SUCCESS;

    if (!is_answered(value, &result)) {
        return result;
    }
    switch (limit) {
    case CU_LIMIT_STACK_SIZE:
    case CU_LIMIT_PRINTF_FIFO_SIZE:
    case CU_LIMIT_MALLOC_HEAP_SIZE:
        *value = context->limits[limit];
        return CUDA_SUCCESS;
    default:
        return (unsigned)limit < CU_LIMIT_MAX ? CUDA_ERROR_UNSUPPORTED_LIMIT
                                              : CUDA_ERROR_INVALID_VALUE;
    }
}

CUresult cuCtxGetLimit(size_t *value, CUlimit limit)
{
    return IN_CONTEXT(get_limit(context, value, limit));
}

/* ---- Caches: a preference is kept, and changes nothing ---- */

static CUresult set_cache(struct context *context, CUfunc_cache config)
{
    if ((unsigned)config > CU_FUNC_CACHE_PREFER_EQUAL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    context->cache = config;
    return CUDA_SUCCESS;
}

CUresult cuCtxSetCacheConfig(CUfunc_cache config)
{
    return IN_CONTEXT(set_cache(context, config));
}

static CUresult get_cache(struct context *context, CUfunc_cache *config)
{
    CUresult result = CUDA_SUCCESS;

    if (is_answered(config, &result)) {
        *config = context->cache;
    }
    return result;
}

CUresult cuCtxGetCacheConfig(CUfunc_cache *config)
{
    return IN_CONTEXT(get_cache(context, config));
}

static CUresult set_banks(CUsharedconfig config)
{
    return (unsigned)config <= CU_SHARED_MEM_CONFIG_EIGHT_BYTE_BANK_SIZE ? CUDA_SUCCESS
                                                                         : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuCtxSetSharedMemConfig(CUsharedconfig config)
{
    return IN_CONTEXT(set_banks(config));
}

static CUresult get_banks(CUsharedconfig *config)
{
    CUresult result = CUDA_SUCCESS;

    if (is_answered(config, &result)) {
        *config = CU_SHARED_MEM_CONFIG_FOUR_BYTE_BANK_SIZE;
    }
    return result;
}

CUresult cuCtxGetSharedMemConfig(CUsharedconfig *config)
{
    return IN_CONTEXT(get_banks(config));
}

CUresult cuCtxResetPersistingL2Cache(void)
{
    return IN_CONTEXT(CUDA_SUCCESS);
}

/* ---- Numbers ---- */

static CUresult get_flags(struct context *context, unsigned *flags)
{
    CUresult result = CUDA_SUCCESS;

    if (is_answered(flags, &result)) {
        *flags = context->flags;
    }
    return result;
}

CUresult cuCtxGetFlags(unsigned *flags)
{
    return IN_CONTEXT(get_flags(context, flags));
}

static CUresult set_flags(struct context *context, unsigned flags)
{
    if ((flags & ~(unsigned)CU_CTX_FLAGS_MASK) != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    context->flags = flags;
    return CUDA_SUCCESS;
}

CUresult cuCtxSetFlags(unsigned flags)
{
    return IN_CONTEXT(set_flags(context, flags));
}

static CUresult get_version(CUcontext handle, unsigned *version)
{
    struct context *context;
    CUresult result = context_of_handle(handle, &context);

    if (is_answered(version, &result)) {
        *version = 3020; /* as of CUDA 3.2, it has not changed since */
    }
    return result;
}

CUresult cuCtxGetApiVersion(CUcontext context, unsigned *version)
{
    return IN_DRIVER(get_version(context, version));
}

static CUresult get_id(CUcontext handle, unsigned long long *id)
{
    struct context *context;
    CUresult result = context_of_handle(handle, &context);

    if (is_answered(id, &result)) {
        *id = context->id;
    }
    return result;
}

CUresult cuCtxGetId(CUcontext context, unsigned long long *id)
{
    return IN_DRIVER(get_id(context, id));
}

/* There is one priority. */
static CUresult get_priorities(int *least, int *greatest)
{
    if (least != NULL) {
        *least = 0;
    }
    if (greatest != NULL) {
        *greatest = 0;
    }
    return CUDA_SUCCESS;
}

CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest)
{
    return IN_CONTEXT(get_priorities(least, greatest));
}

/* ---- Peers: contexts of the one device see each other's memory by copies alone ---- */

static CUresult check_peer(CUcontext handle, CUresult answer)
{
    struct context *peer;
    CUresult result = context_of_handle(handle, &peer);

    return result ?: answer;
}

CUresult cuCtxEnablePeerAccess(CUcontext peer, unsigned flags)
{
    if (flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return IN_CONTEXT(check_peer(peer, CUDA_ERROR_PEER_ACCESS_UNSUPPORTED));
}

CUresult cuCtxDisablePeerAccess(CUcontext peer)
{
    return IN_CONTEXT(check_peer(peer, CUDA_ERROR_PEER_ACCESS_NOT_ENABLED));
}

static CUresult get_affinity(CUexecAffinityParam *affinity, CUexecAffinityType type)
{
    return affinity == NULL || type != CU_EXEC_AFFINITY_TYPE_SM_COUNT
               ? CUDA_ERROR_INVALID_VALUE
               : CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY;
}

CUresult cuCtxGetExecAffinity(CUexecAffinityParam *affinity, CUexecAffinityType type)
{
    return IN_CONTEXT(get_affinity(affinity, type));
}
