/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC) tests/fake/cuda_worker.c
// apart: $(GUEST_CUDA_SRC) firmware/vgpu/compute.c
// libs: -ldl
/* Streams whose work becomes a graph, and what breaks that. */
#include "tests/unit/cuda/step.h"

static CUgraph graph;
static unsigned host_calls;

static void begin(void)
{
    OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
}

/* The stream captures, or is broken. */
static void expect_status(CUstreamCaptureStatus expected)
{
    CUstreamCaptureStatus status;

    OK(cuStreamIsCapturing(stream, &status));
    assert_int_equal(status, expected);
}

/* The capture is broken, and ends so. */
static void expect_broken(void)
{
    expect_status(CU_STREAM_CAPTURE_STATUS_INVALIDATED);
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, cuStreamEndCapture(stream, &graph));
    assert_null(graph);
    expect_status(CU_STREAM_CAPTURE_STATUS_NONE);
}

static size_t count_nodes(void)
{
    size_t count;

    OK(cuGraphGetNodes(graph, NULL, &count));
    return count;
}

static size_t count_edges(void)
{
    size_t count;

    OK(cuGraphGetEdges(graph, NULL, NULL, NULL, &count));
    return count;
}

static void count_call(void *data)
{
    host_calls += (unsigned)(uintptr_t)data;
}

/* ---- What becomes of work ---- */

static void check_sequence(bool has_host)
{
    uint8_t *pinned;
    uint32_t value = 0;
    CUgraphExec exec;
    void *memory_of_heap;

    host_calls = 0;
    OK(cuMemAllocHost(&memory_of_heap, 64));
    pinned = memory_of_heap;
    begin();
    launch_step(stream, 10, 1);
    OK(cuMemsetD8Async(word + 1, 1, 1, stream));
    OK(cuMemcpyDtoHAsync(pinned, word, 4, stream));
    OK(cuMemcpyHtoDAsync(word + 2, pinned, 1, stream));
    if (has_host) {
        OK(cuLaunchHostFunc(stream, count_call, (void *)(uintptr_t)1));
    }
    OK(cuStreamEndCapture(stream, &graph));
    assert_int_equal(read_word(), 1); /* nothing was done */
    assert_int_equal(count_nodes(), has_host ? 5 : 4);
    assert_int_equal(count_edges(), has_host ? 4 : 3);
    OK(cuGraphInstantiate(&exec, graph, 0));
    OK(cuGraphLaunch(exec, stream));
    assert_int_equal(read_word(), 0x0B010B);
    memcpy(&value, pinned, 4);
    assert_int_equal(value, 0x00010B);
    assert_int_equal(host_calls, has_host);
    OK(cuGraphExecDestroy(exec));
    OK(cuGraphDestroy(graph));
    OK(cuMemFreeHost(memory_of_heap));
}

static void test_sequence(void **state)
{
    (void)state;
    check_sequence(false);
}

static void test_sequence_with_host_function(void **state)
{
    (void)state;
    check_sequence(true);
}

/* A graph that is launched is a node of its own, with all that it had then. */
static void check_launched_graph(bool has_host)
{
    struct step call;
    CUgraphNode first, second, launched[3];
    CUDA_KERNEL_NODE_PARAMS params = {.func = step, 1, 1, 1, 1, 1, 1};
    CUgraphNodeType type;
    CUgraphExec exec;
    CUgraph inner;
    size_t count = 3;

    host_calls = 0;
    OK(cuGraphCreate(&inner, 0));
    params.kernelParams = step_params(&call, 10, 1);
    OK(cuGraphAddKernelNode(&first, inner, NULL, 0, &params));
    params.kernelParams = step_params(&call, 10, 2);
    OK(cuGraphAddKernelNode(&second, inner, &first, 1, &params));
    OK(cuGraphAddKernelNode(&second, inner, &second, 1, &params));
    if (has_host) {
        OK(cuGraphAddHostNode(&first, inner, &second, 1,
                              &(CUDA_HOST_NODE_PARAMS){count_call, (void *)(uintptr_t)1}));
    }
    OK(cuGraphInstantiate(&exec, inner, 0));
    OK(cuGraphNodeSetEnabled(exec, second, 0));
    OK(cuGraphDestroy(inner));
    begin();
    launch_step(stream, 10, 3);
    OK(cuGraphLaunch(exec, stream));
    launch_step(stream, 10, 4);
    OK(cuGraphExecDestroy(exec));
    OK(cuStreamEndCapture(stream, &graph));
    OK(cuGraphGetNodes(graph, launched, &count));
    assert_int_equal(count, 3);
    OK(cuGraphNodeGetType(launched[1], &type));
    assert_int_equal(type, CU_GRAPH_NODE_TYPE_GRAPH);
    OK(cuGraphInstantiate(&exec, graph, 0));
    OK(cuGraphLaunch(exec, stream));
    assert_int_equal(read_word(), 13124);
    assert_int_equal(host_calls, has_host);
    OK(cuGraphExecDestroy(exec));
    OK(cuGraphDestroy(graph));
}

static void test_launched_graph(void **state)
{
    (void)state;
    check_launched_graph(false);
}

static void test_launched_graph_with_host_function(void **state)
{
    (void)state;
    check_launched_graph(true);
}

static void test_cooperative_kernel(void **state)
{
    CUkernelNodeAttrValue value;
    struct step call;
    CUgraphExec exec;
    CUgraphNode node;
    size_t count = 1;

    (void)state;
    begin();
    OK(cuLaunchCooperativeKernel(step, 1, 1, 1, 1, 1, 1, 0, stream, step_params(&call, 10, 1)));
    OK(cuStreamEndCapture(stream, &graph));
    OK(cuGraphGetNodes(graph, &node, &count));
    OK(cuGraphKernelNodeGetAttribute(node, CU_LAUNCH_ATTRIBUTE_COOPERATIVE, &value));
    assert_int_equal(value.cooperative, 1);
    OK(cuGraphInstantiate(&exec, graph, 0));
    OK(cuGraphLaunch(exec, stream));
    assert_int_equal(read_word(), 11);
    OK(cuGraphExecDestroy(exec));
    OK(cuGraphDestroy(graph));
}

static void test_info(void **state)
{
    CUstreamCaptureStatus status;
    cuuint64_t first_id, id;
    const CUgraphNode *nodes;
    const CUgraphEdgeData *edges;
    size_t count;

    (void)state;
    begin();
    OK(cuStreamGetCaptureInfo(stream, &status, &first_id, &graph, &nodes, &edges, &count));
    assert_int_equal(status, CU_STREAM_CAPTURE_STATUS_ACTIVE);
    assert_int_equal(count, 0);
    launch_step(stream, 1, 1);
    OK(cuStreamGetCaptureInfo(stream, &status, &id, &graph, &nodes, &edges, &count));
    assert_int_equal(id, first_id);
    assert_int_equal(count, 1);
    assert_int_equal(count_nodes(), 1);
    assert_null(edges);
    OK(cuStreamEndCapture(stream, &graph));
    OK(cuGraphDestroy(graph));
    begin();
    OK(cuStreamGetCaptureInfo(stream, &status, &id, NULL, NULL, NULL, NULL));
    assert_true(id != first_id);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamIsCapturing(stream, NULL));
    OK(cuStreamEndCapture(stream, &graph));
    OK(cuStreamGetCaptureInfo(stream, &status, NULL, NULL, NULL, NULL, NULL));
    assert_int_equal(status, CU_STREAM_CAPTURE_STATUS_NONE);
    OK(cuGraphDestroy(graph));
}

/* stream: 1, then 2 and 3 side by side, then 4. */
static void test_fork_and_join(void **state)
{
    CUevent fork, join;
    CUstream second;
    CUstreamCaptureStatus status;

    (void)state;
    OK(cuEventCreate(&fork, 0));
    OK(cuEventCreate(&join, 0));
    OK(cuStreamCreate(&second, CU_STREAM_NON_BLOCKING));
    begin();
    launch_step(stream, 1, 1);
    OK(cuEventRecord(fork, stream));
    OK(cuStreamWaitEvent(second, fork, 0));
    OK(cuStreamIsCapturing(second, &status));
    assert_int_equal(status, CU_STREAM_CAPTURE_STATUS_ACTIVE);
    launch_step(second, 1, 2);
    launch_step(stream, 1, 3);
    OK(cuEventRecord(join, second));
    OK(cuStreamWaitEvent(stream, join, 0));
    launch_step(stream, 1, 4);
    EXPECT(CUDA_ERROR_CAPTURED_EVENT, cuEventQuery(join));
    EXPECT(CUDA_ERROR_CAPTURED_EVENT, cuEventSynchronize(join));
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, cuStreamEndCapture(second, &graph));
    expect_broken();
    begin();
    launch_step(stream, 1, 1);
    OK(cuEventRecord(fork, stream));
    OK(cuStreamWaitEvent(second, fork, 0));
    launch_step(second, 1, 2);
    launch_step(stream, 1, 3);
    OK(cuEventRecord(join, second));
    OK(cuStreamWaitEvent(stream, join, 0));
    launch_step(stream, 1, 4);
    OK(cuStreamEndCapture(stream, &graph));
    assert_int_equal(count_nodes(), 4);
    assert_int_equal(count_edges(), 4);
    OK(cuStreamIsCapturing(second, &status));
    assert_int_equal(status, CU_STREAM_CAPTURE_STATUS_NONE);
    EXPECT(CUDA_ERROR_CAPTURED_EVENT, cuEventQuery(join));
    EXPECT(CUDA_ERROR_CAPTURED_EVENT, cuStreamWaitEvent(second, join, 0));
    OK(cuEventRecord(join, second));
    OK(cuStreamWaitEvent(second, join, 0));
    OK(cuGraphDestroy(graph));
}

static void test_external_events(void **state)
{
    CUgraphNode nodes[2];
    CUgraphNodeType type;
    CUevent event;
    size_t count = 2;

    (void)state;
    OK(cuEventCreate(&event, 0));
    begin();
    OK(cuStreamWaitEvent(stream, event, CU_EVENT_WAIT_EXTERNAL));
    OK(cuEventRecordWithFlags(event, stream, CU_EVENT_RECORD_EXTERNAL));
    OK(cuStreamEndCapture(stream, &graph));
    OK(cuGraphGetNodes(graph, nodes, &count));
    assert_int_equal(count, 2);
    OK(cuGraphNodeGetType(nodes[0], &type));
    assert_int_equal(type, CU_GRAPH_NODE_TYPE_WAIT_EVENT);
    OK(cuGraphNodeGetType(nodes[1], &type));
    assert_int_equal(type, CU_GRAPH_NODE_TYPE_EVENT_RECORD);
    OK(cuGraphDestroy(graph));
}

/* ---- What breaks one ---- */

static void test_waiting(void **state)
{
    (void)state;
    begin();
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, cuStreamSynchronize(stream));
    expect_broken();
    begin();
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, cuStreamQuery(stream));
    expect_broken();
    begin();
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, cuCtxSynchronize());
    expect_broken();
    OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, cuCtxSynchronize());
    expect_broken();
}

static void ignore_callback(CUstream in, CUresult status, void *data)
{
    (void)in;
    (void)status;
    (void)data;
}

static void test_unsupported(void **state)
{
    CUdeviceptr pointer;
    CUgraphExec exec;
    CUgraph empty;

    (void)state;
    OK(cuGraphCreate(&empty, 0));
    OK(cuGraphInstantiate(&exec, empty, 0));
    begin();
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, cuMemAllocAsync(&pointer, 4, stream));
    expect_broken();
    begin();
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, cuMemFreeAsync(word, stream));
    expect_broken();
    begin();
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
           cuStreamAddCallback(stream, ignore_callback, NULL, 0));
    expect_broken();
    begin();
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoDAsync(word, word + 4, 4, stream));
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, cuLaunchHostFunc(stream, count_call, NULL));
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, cuGraphLaunch(exec, stream));
    expect_broken();
    OK(cuGraphExecDestroy(exec));
    OK(cuGraphDestroy(empty));
}

/* Calls that may wait for all streams. */
static void test_unsafe_calls(void **state)
{
    CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_RELAXED;
    CUdeviceptr pointer;
    CUmodule second;

    (void)state;
    begin();
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, cuMemAlloc(&pointer, 4));
    expect_broken();
    begin();
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, cuMemFree(word));
    expect_broken();
    begin();
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, cuModuleLoadData(&second, step_text));
    expect_broken();
    begin();
    OK(cuThreadExchangeStreamCaptureMode(&mode));
    assert_int_equal(mode, CU_STREAM_CAPTURE_MODE_GLOBAL);
    OK(cuMemAlloc(&pointer, 4));
    OK(cuThreadExchangeStreamCaptureMode(&mode));
    assert_int_equal(mode, CU_STREAM_CAPTURE_MODE_RELAXED);
    OK(cuStreamEndCapture(stream, &graph));
    OK(cuGraphDestroy(graph));
    OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    OK(cuMemFree(pointer));
    OK(cuStreamEndCapture(stream, &graph));
    OK(cuGraphDestroy(graph));
    mode = (CUstreamCaptureMode)3;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuThreadExchangeStreamCaptureMode(&mode));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuThreadExchangeStreamCaptureMode(NULL));
}

/* The legacy stream would wait for a blocking one that is captured. */
static void test_legacy_stream(void **state)
{
    CUstreamCaptureStatus status;
    CUstream blocking;
    CUevent event;
    uint32_t value = 0;

    (void)state;
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
           cuStreamBeginCapture(NULL, CU_STREAM_CAPTURE_MODE_GLOBAL));
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
           cuStreamBeginCapture(CU_STREAM_LEGACY, CU_STREAM_CAPTURE_MODE_GLOBAL));
    OK(cuEventCreate(&event, 0));
    OK(cuStreamCreate(&blocking, CU_STREAM_DEFAULT));
    OK(cuStreamBeginCapture(blocking, CU_STREAM_CAPTURE_MODE_GLOBAL));
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, cuStreamIsCapturing(NULL, &status));
    OK(cuStreamIsCapturing(blocking, &status));
    assert_int_equal(status, CU_STREAM_CAPTURE_STATUS_ACTIVE);
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, cuMemcpyDtoH(&value, word, 4));
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, cuStreamEndCapture(blocking, &graph));
    OK(cuStreamBeginCapture(blocking, CU_STREAM_CAPTURE_MODE_GLOBAL));
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, cuMemsetD32(word, 0, 1));
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, cuStreamEndCapture(blocking, &graph));
    OK(cuStreamBeginCapture(blocking, CU_STREAM_CAPTURE_MODE_GLOBAL));
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT,
           cuLaunchKernel(other, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, cuStreamEndCapture(blocking, &graph));
    begin(); /* not a blocking one */
    OK(cuMemsetD32(word, 5, 1));
    OK(cuEventRecord(event, stream));
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, cuStreamWaitEvent(NULL, event, 0));
    expect_broken();
    OK(cuStreamBeginCapture(CU_STREAM_PER_THREAD, CU_STREAM_CAPTURE_MODE_GLOBAL));
    launch_step(CU_STREAM_PER_THREAD, 1, 1);
    OK(cuStreamEndCapture(CU_STREAM_PER_THREAD, &graph));
    assert_int_equal(count_nodes(), 1);
    OK(cuGraphDestroy(graph));
}

static void test_events_from_outside(void **state)
{
    CUevent event, captured;
    CUstream second;
    CUgraph other_graph;

    (void)state;
    OK(cuEventCreate(&event, 0));
    OK(cuEventCreate(&captured, 0));
    OK(cuStreamCreate(&second, CU_STREAM_NON_BLOCKING));
    OK(cuEventRecord(event, second));
    begin();
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, cuStreamWaitEvent(stream, event, 0));
    expect_broken();
    begin();
    OK(cuEventRecord(captured, stream));
    OK(cuStreamBeginCapture(second, CU_STREAM_CAPTURE_MODE_GLOBAL));
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_MERGE, cuStreamWaitEvent(second, captured, 0));
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, cuStreamEndCapture(second, &other_graph));
    expect_broken();
}

static void test_ends(void **state)
{
    CUevent event;
    CUstream second;

    (void)state;
    EXPECT(CUDA_ERROR_ILLEGAL_STATE, cuStreamEndCapture(stream, &graph));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamBeginCapture(stream, (CUstreamCaptureMode)3));
    EXPECT(CUDA_ERROR_INVALID_HANDLE,
           cuStreamBeginCapture(NO_HANDLE(CUstream), CU_STREAM_CAPTURE_MODE_GLOBAL));
    begin();
    EXPECT(CUDA_ERROR_ILLEGAL_STATE, cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuStreamEndCapture(stream, NULL));
    OK(cuEventCreate(&event, 0));
    OK(cuStreamCreate(&second, CU_STREAM_NON_BLOCKING));
    OK(cuEventRecord(event, stream));
    OK(cuStreamWaitEvent(second, event, 0));
    launch_step(second, 1, 1);
    EXPECT(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, cuStreamEndCapture(stream, &graph));
    assert_null(graph);
    begin();
    OK(cuEventRecord(event, stream));
    OK(cuStreamWaitEvent(second, event, 0));
    OK(cuStreamDestroy(second)); /* with it a part is gone */
    expect_broken();
    begin();
    OK(cuStreamDestroy(stream)); /* and so all of it */
    OK(cuCtxSynchronize());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STEP_BOTH(test_sequence),
        STEP_BOTH(test_sequence_with_host_function),
        STEP_BOTH(test_launched_graph),
        STEP_BOTH(test_launched_graph_with_host_function),
        STEP_BOTH(test_cooperative_kernel),
        STEP_BOTH(test_info),
        STEP_BOTH(test_fork_and_join),
        STEP_BOTH(test_external_events),
        STEP_BOTH(test_waiting),
        STEP_BOTH(test_unsupported),
        STEP_BOTH(test_unsafe_calls),
        STEP_BOTH(test_legacy_stream),
        STEP_BOTH(test_events_from_outside),
        STEP_BOTH(test_ends),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
