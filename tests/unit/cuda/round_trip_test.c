/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC) tests/fake/cuda_worker.c
// apart: $(GUEST_CUDA_SRC) firmware/vgpu/compute.c
// libs: -ldl
/* What docs/cuda.md says that calls cost on the ring: none, or one round trip. */
#include "tests/unit/cuda/step.h"

static unsigned counted(CUresult result)
{
    unsigned trips = fake_carrier.round_trips;

    OK(result);
    fake_carrier.round_trips = 0;
    return trips;
}

/* `call` is made between the two. */
#define TRIPS(expected, call)                                                                      \
    do {                                                                                           \
        fake_carrier.round_trips = 0;                                                              \
        assert_int_equal(counted(call), expected);                                                 \
    } while (false)

static void ignore(void *data)
{
    (void)data;
}

static void test_memory(void **state)
{
    CUdeviceptr pointer, async;
    size_t pitch, available, total;
    unsigned char ordinary[64] = {0};
    void *pinned;

    (void)state;
    TRIPS(1, cuMemAlloc(&pointer, 1000));
    TRIPS(1, cuMemGetInfo(&available, &total));
    TRIPS(1, cuMemAllocAsync(&async, 100, stream));
    TRIPS(0, cuMemAllocHost(&pinned, 64));
    TRIPS(0, cuMemsetD8(pointer, 1, 1000));
    TRIPS(0, cuMemsetD32Async(pointer, 1, 100, stream));
    TRIPS(0, cuMemsetD2D16(pointer, 64, 1, 8, 8));
    TRIPS(0, cuMemcpyDtoD(pointer, pointer + 500, 100));
    TRIPS(0, cuMemcpyHtoDAsync(pointer, pinned, 64, stream));
    TRIPS(0, cuMemcpyDtoHAsync(pinned, pointer, 64, stream));
    TRIPS(0, cuMemcpyHtoDAsync(pointer, ordinary, 64, stream));
    TRIPS(0, cuMemcpyHtoD(pointer, ordinary, 64));
    TRIPS(0, cuMemcpyDtoH(ordinary, pointer, 64));
    TRIPS(0, cuMemFreeAsync(async, stream));
    TRIPS(0, cuMemFree(pointer));
    TRIPS(1, cuMemAllocPitch(&pointer, &pitch, 100, 10, 4));
    TRIPS(0, cuMemFree(pointer));
    TRIPS(0, cuMemFreeHost(pinned));
}

static void test_launches(void **state)
{
    struct step call;
    void **params = step_params(&call, 1, 1);
    CUmodule second;
    CUfunction function;
    CUlibrary library;
    CUkernel kernel;
    size_t value;
    int blocks;

    (void)state;
    TRIPS(0, cuLaunchKernel(step, 1, 1, 1, 1, 1, 1, 0, stream, params, NULL));
    TRIPS(1, cuLaunchCooperativeKernel(step, 1, 1, 1, 1, 1, 1, 0, stream, params));
    TRIPS(0, cuStreamSynchronize(stream));
    TRIPS(1, cuModuleLoadData(&second, step_text));
    TRIPS(0, cuModuleGetFunction(&function, second, "step"));
    TRIPS(0, cuFuncGetAttribute(&blocks, CU_FUNC_ATTRIBUTE_NUM_REGS, function));
    TRIPS(1, cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 64, 0));
    TRIPS(1, cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT, 50));
    TRIPS(0, cuModuleUnload(second));
    TRIPS(1, cuLibraryLoadData(&library, step_text, NULL, NULL, 0, NULL, NULL, 0));
    TRIPS(0, cuLibraryGetKernel(&kernel, library, "step"));
    TRIPS(0, cuKernelGetFunction(&function, kernel));
    TRIPS(0, cuLibraryUnload(library));
    TRIPS(1, cuCtxGetLimit(&value, CU_LIMIT_STACK_SIZE));
    TRIPS(1, cuCtxSetLimit(CU_LIMIT_STACK_SIZE, value));
}

static void test_streams(void **state)
{
    CUstream second;
    CUevent start_event, end_event;
    float ms;

    (void)state;
    TRIPS(0, cuStreamCreate(&second, CU_STREAM_NON_BLOCKING));
    TRIPS(0, cuEventCreate(&start_event, 0));
    TRIPS(0, cuEventCreate(&end_event, 0));
    TRIPS(0, cuEventRecord(start_event, stream));
    TRIPS(0, cuEventRecord(end_event, stream));
    TRIPS(0, cuStreamWaitEvent(second, end_event, 0));
    TRIPS(0, cuEventSynchronize(end_event));
    TRIPS(0, cuEventQuery(end_event));
    TRIPS(1, cuEventElapsedTime(&ms, start_event, end_event));
    TRIPS(0, cuStreamSynchronize(second));
    TRIPS(0, cuStreamQuery(second));
    TRIPS(0, cuEventDestroy(start_event));
    TRIPS(0, cuStreamDestroy(second));
    TRIPS(0, cuCtxSynchronize());
}

static void test_graphs(void **state)
{
    const CUDA_HOST_NODE_PARAMS host = {ignore, NULL};
    CUgraphExecUpdateResultInfo info;
    CUgraphExec exec;
    CUgraph graph;
    CUgraphNode node;

    (void)state;
    TRIPS(0, cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    launch_step(stream, 1, 1);
    TRIPS(0, cuStreamEndCapture(stream, &graph));
    TRIPS(1, cuGraphInstantiate(&exec, graph, 0));
    TRIPS(0, cuGraphUpload(exec, stream));
    TRIPS(0, cuGraphLaunch(exec, stream));
    TRIPS(1, cuGraphExecUpdate(exec, graph, &info));
    OK(cuGraphGetNodes(graph, &node, &(size_t){1}));
    TRIPS(0, cuGraphNodeSetEnabled(exec, node, 0));
    TRIPS(1, cuGraphLaunch(exec, stream)); /* what has changed is sent */
    TRIPS(0, cuGraphLaunch(exec, stream));
    TRIPS(0, cuGraphExecDestroy(exec));
    TRIPS(0, cuGraphAddHostNode(&node, graph, NULL, 0, &host));
    TRIPS(0, cuGraphInstantiate(&exec, graph, 0)); /* node by node */
    TRIPS(0, cuGraphDestroy(graph));
}

static void test_textures(void **state)
{
    const CUDA_ARRAY_DESCRIPTOR line = {8, 0, CU_AD_FORMAT_UNSIGNED_INT32, 1};
    const CUDA_TEXTURE_DESC sampler = {.flags = CU_TRSF_READ_AS_INTEGER};
    CUDA_RESOURCE_DESC resource = {.resType = CU_RESOURCE_TYPE_ARRAY};
    CUtexObject texture;
    CUarray array;

    (void)state;
    TRIPS(1, cuArrayCreate(&array, &line));
    resource.res.array.hArray = array;
    TRIPS(1, cuTexObjectCreate(&texture, &resource, &sampler, NULL));
    TRIPS(0, cuTexObjectDestroy(texture));
    TRIPS(0, cuMemcpyAtoD(word, array, 0, 4));
    TRIPS(0, cuArrayDestroy(array));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STEP_RING(test_memory), STEP_RING(test_launches), STEP_RING(test_streams),
        STEP_RING(test_graphs), STEP_RING(test_textures),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
