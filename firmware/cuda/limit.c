/* SPDX-License-Identifier: BSD-2-Clause */
/* What contexts are set to: limits, which are the device's, and preferences, which are kept. */
#include "firmware/cuda/internal.h"

static CUresult enter_asked(struct cuda_context **context, const void *answer)
{
    CUresult result = cuda_enter_context(context);

    return result == CUDA_SUCCESS && answer == NULL ? CUDA_ERROR_INVALID_VALUE : result;
}

/* ---- Limits ---- */

static CUresult check_limit(CUlimit limit)
{
    return (unsigned)limit < CU_LIMIT_MAX ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuCtxGetLimit(size_t *value, CUlimit limit)
{
    const struct bg_cuda_limit params = {.limit = (uint32_t)limit};
    struct cuda_context *context;
    uint64_t answer = 0;
    CUresult result = enter_asked(&context, value)
                          ?: check_limit(limit)
                          ?: cuda_ask(context->device, BG_CUDA_LIMIT_GET, &params, sizeof(params),
                                      &answer, sizeof(answer));

    if (result == CUDA_SUCCESS) {
        *value = answer;
    }
    return result;
}

CUresult cuCtxSetLimit(CUlimit limit, size_t value)
{
    const struct bg_cuda_limit params = {.limit = (uint32_t)limit, .value = value};
    struct cuda_context *context;

    return cuda_enter_context(&context)
               ?: check_limit(limit)
               ?: cuda_ask(context->device, BG_CUDA_LIMIT_SET, &params, sizeof(params), NULL, 0);
}

/* ---- Caches and banks ---- */

CUresult cuCtxGetCacheConfig(CUfunc_cache *config)
{
    struct cuda_context *context;
    CUresult result = enter_asked(&context, config);

    if (result == CUDA_SUCCESS) {
        *config = context->cache;
    }
    return result;
}

CUresult cuCtxSetCacheConfig(CUfunc_cache config)
{
    struct cuda_context *context;
    CUresult result = cuda_enter_context(&context);

    if (result == CUDA_SUCCESS && (unsigned)config > CU_FUNC_CACHE_PREFER_EQUAL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        context->cache = config;
    }
    return result;
}

/* GPUs of today have banks of four bytes alone. */
CUresult cuCtxGetSharedMemConfig(CUsharedconfig *config)
{
    struct cuda_context *context;
    CUresult result = enter_asked(&context, config);

    if (result == CUDA_SUCCESS) {
        *config = CU_SHARED_MEM_CONFIG_FOUR_BYTE_BANK_SIZE;
    }
    return result;
}

CUresult cuCtxSetSharedMemConfig(CUsharedconfig config)
{
    struct cuda_context *context;
    CUresult result = cuda_enter_context(&context);

    return result == CUDA_SUCCESS && (unsigned)config > CU_SHARED_MEM_CONFIG_EIGHT_BYTE_BANK_SIZE
               ? CUDA_ERROR_INVALID_VALUE
               : result;
}

CUresult cuCtxResetPersistingL2Cache(void)
{
    struct cuda_context *context;

    return cuda_enter_context(&context); /* no launch made anything persist */
}

/* ---- Peers: devices do not see each other ---- */

static CUresult check_peer(CUcontext handle, CUresult answer)
{
    struct cuda_context *context, *peer;

    return cuda_enter_context(&context) ?: cuda_context_of(handle, &peer) ?: answer;
}

CUresult cuCtxEnablePeerAccess(CUcontext peer, unsigned flags)
{
    return check_peer(peer,
                      flags != 0 ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_PEER_ACCESS_UNSUPPORTED);
}

CUresult cuCtxDisablePeerAccess(CUcontext peer)
{
    return check_peer(peer, CUDA_ERROR_PEER_ACCESS_NOT_ENABLED);
}

CUresult cuCtxGetExecAffinity(CUexecAffinityParam *affinity, CUexecAffinityType type)
{
    struct cuda_context *context;
    CUresult result = enter_asked(&context, affinity);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    return type == CU_EXEC_AFFINITY_TYPE_SM_COUNT ? CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY
                                                  : CUDA_ERROR_INVALID_VALUE;
}
