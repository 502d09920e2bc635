/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions in the form that they had before the newest one, under the name that they had then, for
 * programs that were compiled so. */
#include "host/cuda-cpu/driver/driver.h"
#include "host/cuda-cpu/driver/find.h"

#undef cuGetProcAddress
#undef cuDeviceGetUuid
#undef cuCtxCreate
#undef cuCtxDestroy
#undef cuCtxPushCurrent
#undef cuCtxPopCurrent
#undef cuStreamDestroy
#undef cuEventDestroy
#undef cuEventElapsedTime
#undef cuMemHostRegister
#undef cuLinkCreate
#undef cuLinkAddData
#undef cuLinkAddFile
#undef cuMemAdvise
#undef cuMemPrefetchAsync
#undef cuGraphAddKernelNode
#undef cuGraphKernelNodeGetParams
#undef cuGraphKernelNodeSetParams
#undef cuGraphExecKernelNodeSetParams
#undef cuGraphGetEdges
#undef cuGraphNodeGetDependencies
#undef cuGraphNodeGetDependentNodes
#undef cuGraphAddDependencies
#undef cuGraphRemoveDependencies
#undef cuGraphExecUpdate
#undef cuGraphInstantiate
#undef cuStreamBeginCapture
#undef cuStreamGetCaptureInfo
#undef cuDevicePrimaryCtxRelease
#undef cuDevicePrimaryCtxReset
#undef cuDevicePrimaryCtxSetFlags

#define OLD(name, parameters, call)                                                                \
    CUresult name parameters;                                                                      \
    CUresult name parameters                                                                       \
    {                                                                                              \
        return call;                                                                               \
    }

OLD(cuGetProcAddress, (const char *name, void **function, int version, cuuint64_t flags),
    cuGetProcAddress_v2(name, function, version, flags, NULL)
        ?: *function == NULL ? CUDA_ERROR_NOT_FOUND
                             : CUDA_SUCCESS)
OLD(cuDeviceGetUuid, (CUuuid * uuid, CUdevice device), cuDeviceGetUuid_v2(uuid, device))
OLD(cuDevicePrimaryCtxRelease, (CUdevice device), cuDevicePrimaryCtxRelease_v2(device))
OLD(cuDevicePrimaryCtxReset, (CUdevice device), cuDevicePrimaryCtxReset_v2(device))
OLD(cuDevicePrimaryCtxSetFlags, (CUdevice device, unsigned flags),
    cuDevicePrimaryCtxSetFlags_v2(device, flags))
OLD(cuCtxCreate, (CUcontext * context, unsigned flags, CUdevice device),
    cuCtxCreate_v2(context, flags, device))
OLD(cuCtxDestroy, (CUcontext context), cuCtxDestroy_v2(context))
OLD(cuCtxPushCurrent, (CUcontext context), cuCtxPushCurrent_v2(context))
OLD(cuCtxPopCurrent, (CUcontext * context), cuCtxPopCurrent_v2(context))
OLD(cuStreamDestroy, (CUstream stream), cuStreamDestroy_v2(stream))
OLD(cuEventDestroy, (CUevent event), cuEventDestroy_v2(event))
OLD(cuEventElapsedTime, (float *ms, CUevent start, CUevent end),
    cuEventElapsedTime_v2(ms, start, end))
OLD(cuMemHostRegister, (void *memory, size_t size, unsigned flags),
    cuMemHostRegister_v2(memory, size, flags))
OLD(cuTexRefSetAddress2D_v2,
    (CUtexref reference, const CUDA_ARRAY_DESCRIPTOR *descriptor, CUdeviceptr address,
     size_t pitch),
    cuTexRefSetAddress2D_v3(reference, descriptor, address, pitch))
OLD(cuLinkCreate, (unsigned count, CUjit_option *options, void **values, CUlinkState *state),
    cuLinkCreate_v2(count, options, values, state))
OLD(cuLinkAddData,
    (CUlinkState state, CUjitInputType type, void *data, size_t size, const char *name,
     unsigned count, CUjit_option *options, void **values),
    cuLinkAddData_v2(state, type, data, size, name, count, options, values))
OLD(cuLinkAddFile,
    (CUlinkState state, CUjitInputType type, const char *path, unsigned count,
     CUjit_option *options, void **values),
    cuLinkAddFile_v2(state, type, path, count, options, values))
OLD(cuMemAdvise, (CUdeviceptr pointer, size_t size, CUmem_advise advice, CUdevice device),
    cuMemAdvise_v2(pointer, size, advice, (CUmemLocation){CU_MEM_LOCATION_TYPE_DEVICE, device}))
OLD(cuMemPrefetchAsync, (CUdeviceptr pointer, size_t size, CUdevice device, CUstream stream),
    cuMemPrefetchAsync_v2(pointer, size, (CUmemLocation){CU_MEM_LOCATION_TYPE_DEVICE, device}, 0,
                          stream))

/* ---- Graphs: kernels had no CUkernel and context, edges no data ---- */

static CUDA_KERNEL_NODE_PARAMS widen(const CUDA_KERNEL_NODE_PARAMS_v1 *params)
{
    return (CUDA_KERNEL_NODE_PARAMS){
        .func = params->func,
        .gridDimX = params->gridDimX,
        .gridDimY = params->gridDimY,
        .gridDimZ = params->gridDimZ,
        .blockDimX = params->blockDimX,
        .blockDimY = params->blockDimY,
        .blockDimZ = params->blockDimZ,
        .sharedMemBytes = params->sharedMemBytes,
        .kernelParams = params->kernelParams,
        .extra = params->extra,
    };
}

static CUresult get_params(CUgraphNode node, CUDA_KERNEL_NODE_PARAMS_v1 *params)
{
    CUDA_KERNEL_NODE_PARAMS wide;
    CUresult result = cuGraphKernelNodeGetParams_v2(node, &wide);

    if (result == CUDA_SUCCESS && params != NULL) {
        *params = (CUDA_KERNEL_NODE_PARAMS_v1){
            wide.func,      wide.gridDimX,  wide.gridDimY,       wide.gridDimZ,     wide.blockDimX,
            wide.blockDimY, wide.blockDimZ, wide.sharedMemBytes, wide.kernelParams, wide.extra};
    }
    return params != NULL ? result : CUDA_ERROR_INVALID_VALUE;
}

static CUresult add_node(CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t count,
                         const CUDA_KERNEL_NODE_PARAMS_v1 *params)
{
    CUDA_KERNEL_NODE_PARAMS wide;

    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    wide = widen(params);
    return cuGraphAddKernelNode_v2(node, graph, after, count, &wide);
}

static CUresult set_params(CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS_v1 *params)
{
    CUDA_KERNEL_NODE_PARAMS wide;

    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    wide = widen(params);
    return cuGraphKernelNodeSetParams_v2(node, &wide);
}

static CUresult set_exec_params(CUgraphExec exec, CUgraphNode node,
                                const CUDA_KERNEL_NODE_PARAMS_v1 *params)
{
    CUDA_KERNEL_NODE_PARAMS wide;

    if (params == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    wide = widen(params);
    return cuGraphExecKernelNodeSetParams_v2(exec, node, &wide);
}

static CUresult update(CUgraphExec exec, CUgraph graph, CUgraphNode *error_node,
                       CUgraphExecUpdateResult *answer)
{
    CUgraphExecUpdateResultInfo info = {.result = CU_GRAPH_EXEC_UPDATE_ERROR};
    CUresult result = cuGraphExecUpdate_v2(exec, graph, &info);

    if (error_node != NULL) {
        *error_node = info.errorNode;
    }
    if (answer != NULL) {
        *answer = info.result;
    }
    return result;
}

OLD(cuGraphAddKernelNode,
    (CUgraphNode * node, CUgraph graph, const CUgraphNode *after, size_t count,
     const CUDA_KERNEL_NODE_PARAMS_v1 *params),
    add_node(node, graph, after, count, params))
OLD(cuGraphKernelNodeGetParams, (CUgraphNode node, CUDA_KERNEL_NODE_PARAMS_v1 *params),
    get_params(node, params))
OLD(cuGraphKernelNodeSetParams, (CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS_v1 *params),
    set_params(node, params))
OLD(cuGraphExecKernelNodeSetParams,
    (CUgraphExec exec, CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS_v1 *params),
    set_exec_params(exec, node, params))
OLD(cuGraphGetEdges, (CUgraph graph, CUgraphNode *from, CUgraphNode *to, size_t *count),
    cuGraphGetEdges_v2(graph, from, to, NULL, count))
OLD(cuGraphNodeGetDependencies, (CUgraphNode node, CUgraphNode *nodes, size_t *count),
    cuGraphNodeGetDependencies_v2(node, nodes, NULL, count))
OLD(cuGraphNodeGetDependentNodes, (CUgraphNode node, CUgraphNode *nodes, size_t *count),
    cuGraphNodeGetDependentNodes_v2(node, nodes, NULL, count))
OLD(cuGraphAddDependencies,
    (CUgraph graph, const CUgraphNode *from, const CUgraphNode *to, size_t count),
    cuGraphAddDependencies_v2(graph, from, to, NULL, count))
OLD(cuGraphRemoveDependencies,
    (CUgraph graph, const CUgraphNode *from, const CUgraphNode *to, size_t count),
    cuGraphRemoveDependencies_v2(graph, from, to, NULL, count))
OLD(cuGraphExecUpdate,
    (CUgraphExec exec, CUgraph graph, CUgraphNode *error_node, CUgraphExecUpdateResult *result),
    update(exec, graph, error_node, result))

/* ---- Captures, and launchable graphs ---- */

static CUresult instantiate(CUgraphExec *exec, CUgraph graph, CUgraphNode *error_node, char *log,
                            size_t size)
{
    if (error_node != NULL) {
        *error_node = NULL;
    }
    if (log != NULL && size > 0) {
        log[0] = '\0';
    }
    return cuGraphInstantiateWithFlags(exec, graph, 0);
}

OLD(cuGraphInstantiate,
    (CUgraphExec * exec, CUgraph graph, CUgraphNode *error_node, char *log, size_t size),
    instantiate(exec, graph, error_node, log, size))
OLD(cuGraphInstantiate_v2,
    (CUgraphExec * exec, CUgraph graph, CUgraphNode *error_node, char *log, size_t size),
    instantiate(exec, graph, error_node, log, size))
OLD(cuStreamBeginCapture, (CUstream stream),
    cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL))
OLD(cuStreamGetCaptureInfo, (CUstream stream, CUstreamCaptureStatus *status, cuuint64_t *id),
    cuStreamGetCaptureInfo_v3(stream, status, id, NULL, NULL, NULL, NULL))
OLD(cuStreamGetCaptureInfo_v2,
    (CUstream stream, CUstreamCaptureStatus *status, cuuint64_t *id, CUgraph *graph,
     const CUgraphNode **nodes, size_t *count),
    cuStreamGetCaptureInfo_v3(stream, status, id, graph, nodes, NULL, count))

#define ROW(name, version) {#name, version, (void (*)(void))name}

const struct find_row find_old[] = {
    ROW(cuGetProcAddress, 11030),
    ROW(cuDeviceGetUuid, 9020),
    ROW(cuDevicePrimaryCtxRelease, 7000),
    ROW(cuDevicePrimaryCtxReset, 7000),
    ROW(cuDevicePrimaryCtxSetFlags, 7000),
    ROW(cuCtxCreate, 2000),
    ROW(cuCtxDestroy, 2000),
    ROW(cuCtxPushCurrent, 2000),
    ROW(cuCtxPopCurrent, 2000),
    ROW(cuStreamDestroy, 2000),
    ROW(cuEventDestroy, 2000),
    ROW(cuEventElapsedTime, 2000),
    ROW(cuMemHostRegister, 4000),
    {"cuTexRefSetAddress2D", 3020, (void (*)(void))cuTexRefSetAddress2D_v2},
    ROW(cuLinkCreate, 5050),
    ROW(cuLinkAddData, 5050),
    ROW(cuLinkAddFile, 5050),
    ROW(cuMemAdvise, 8000),
    ROW(cuMemPrefetchAsync, 8000),
    ROW(cuGraphAddKernelNode, 10000),
    ROW(cuGraphKernelNodeGetParams, 10000),
    ROW(cuGraphKernelNodeSetParams, 10000),
    ROW(cuGraphExecKernelNodeSetParams, 10010),
    ROW(cuGraphGetEdges, 10000),
    ROW(cuGraphNodeGetDependencies, 10000),
    ROW(cuGraphNodeGetDependentNodes, 10000),
    ROW(cuGraphAddDependencies, 10000),
    ROW(cuGraphRemoveDependencies, 10000),
    ROW(cuGraphExecUpdate, 10020),
    ROW(cuGraphInstantiate, 10000),
    {"cuGraphInstantiate", 11000, (void (*)(void))cuGraphInstantiate_v2},
    ROW(cuStreamBeginCapture, 10000),
    ROW(cuStreamGetCaptureInfo, 10010),
    {"cuStreamGetCaptureInfo", 11030, (void (*)(void))cuStreamGetCaptureInfo_v2},
    {NULL, 0, NULL},
};
