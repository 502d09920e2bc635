/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(CUDA_CPU_HERE_SRC) tests/unit/cuda-cpu/driver_fixture.c
// libs: -ldl
/* Graphs of the CPU device: built node by node, captured from streams, launched, changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/driver_fixture.h"

/* *p = *p * factor + number */
static const char module_text[] =
    ".version 8.0\n.target sm_90\n.address_size 64\n"
    ".visible .entry step(.param .u64 p, .param .u32 factor, .param .u32 number) { "
    ".reg .b64 %rd; .reg .b32 %r<4>; ld.param.u64 %rd, [p]; ld.param.u32 %r1, [factor]; "
    "ld.param.u32 %r2, [number]; ld.u32 %r3, [%rd]; mad.lo.u32 %r3, %r3, %r1, %r2; "
    "st.u32 [%rd], %r3; ret; }\n";

static CUfunction step;
static CUstream stream;
static CUdeviceptr word;

static int setup(void **state)
{
    (void)state;
    open_device(module_text);
    OK(cuModuleGetFunction(&step, module, "step"));
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cuMemAlloc(&word, 4));
    OK(cuMemsetD32(word, 1, 1));
    return 0;
}

static uint32_t read_word(void)
{
    uint32_t value;

    OK(cuStreamSynchronize(stream));
    OK(cuMemcpyDtoH(&value, word, 4));
    return value;
}

struct step {
    uint32_t factor, number;
    void *parameters[3];
    CUDA_KERNEL_NODE_PARAMS node;
};

static const CUDA_KERNEL_NODE_PARAMS *make_step(struct step *params, uint32_t factor,
                                                uint32_t number)
{
    params->factor = factor;
    params->number = number;
    params->parameters[0] = &word;
    params->parameters[1] = &params->factor;
    params->parameters[2] = &params->number;
    params->node = (CUDA_KERNEL_NODE_PARAMS){
        .func = step,
        .gridDimX = 1,
        .gridDimY = 1,
        .gridDimZ = 1,
        .blockDimX = 1,
        .blockDimY = 1,
        .blockDimZ = 1,
        .kernelParams = params->parameters,
    };
    return &params->node;
}

static CUgraphNode add_step(CUgraph graph, const CUgraphNode *after, uint32_t factor,
                            uint32_t number)
{
    struct step params;
    CUgraphNode node;

    OK(cuGraphAddKernelNode(&node, graph, after, after != NULL,
                            make_step(&params, factor, number)));
    return node;
}

static void launch_step(CUstream where, uint32_t factor, uint32_t number)
{
    void *parameters[] = {&word, &factor, &number};

    OK(cuLaunchKernel(step, 1, 1, 1, 1, 1, 1, 0, where, parameters, NULL));
}

static uint32_t launch_graph(CUgraph graph)
{
    CUgraphExec exec;
    uint32_t value;

    OK(cuGraphInstantiate(&exec, graph, 0));
    OK(cuGraphLaunch(exec, stream));
    value = read_word();
    OK(cuGraphExecDestroy(exec));
    return value;
}

/* ---- Nodes ---- */

static int calls;

static void count_call(void *argument)
{
    calls += *(int *)argument;
}

static void test_nodes(void **state)
{
    CUDA_MEMSET_NODE_PARAMS set = {.dst = word,
                                   .value = 3,
                                   .elementSize = 4,
                                   .width = 1,
                                   .height = 1},
                            got_set;
    static uint32_t result;
    static int ten = 10;
    CUDA_MEMCPY3D copy = {.srcMemoryType = CU_MEMORYTYPE_DEVICE,
                          .srcDevice = word,
                          .dstMemoryType = CU_MEMORYTYPE_HOST,
                          .dstHost = &result,
                          .WidthInBytes = 4,
                          .Height = 1,
                          .Depth = 1},
                  got_copy;
    CUDA_HOST_NODE_PARAMS host = {count_call, &ten}, got_host;
    CUDA_KERNEL_NODE_PARAMS got_kernel;
    CUgraphNode nodes[5], listed[8];
    CUgraphNodeType type;
    CUgraph graph;
    CUgraphExec exec;
    size_t count = 8;

    (void)state;
    calls = 0;
    OK(cuGraphCreate(&graph, 0));
    OK(cuGraphAddMemsetNode(&nodes[0], graph, NULL, 0, &set, primary));
    nodes[1] = add_step(graph, &nodes[0], 10, 4);
    OK(cuGraphAddMemcpyNode(&nodes[2], graph, &nodes[1], 1, &copy, primary));
    OK(cuGraphAddHostNode(&nodes[3], graph, &nodes[1], 1, &host));
    OK(cuGraphAddEmptyNode(&nodes[4], graph, &nodes[2], 2));
    OK(cuGraphNodeGetType(nodes[2], &type));
    assert_int_equal(type, CU_GRAPH_NODE_TYPE_MEMCPY);
    OK(cuGraphGetNodes(graph, listed, &count));
    assert_int_equal(count, 5);
    assert_null(listed[5]);
    count = 0;
    OK(cuGraphGetRootNodes(graph, NULL, &count));
    assert_int_equal(count, 1);
    OK(cuGraphGetEdges(graph, NULL, NULL, NULL, &count));
    assert_int_equal(count, 5);
    count = 2;
    OK(cuGraphNodeGetDependencies(nodes[4], listed, NULL, &count));
    assert_ptr_equal(listed[0], nodes[2]);
    assert_ptr_equal(listed[1], nodes[3]);
    count = 2;
    OK(cuGraphNodeGetDependentNodes(nodes[1], listed, NULL, &count));
    assert_int_equal(count, 2);
    OK(cuGraphMemsetNodeGetParams(nodes[0], &got_set));
    assert_memory_equal(&got_set, &set, sizeof(set));
    OK(cuGraphMemcpyNodeGetParams(nodes[2], &got_copy));
    assert_ptr_equal(got_copy.dstHost, &result);
    OK(cuGraphHostNodeGetParams(nodes[3], &got_host));
    assert_ptr_equal(got_host.userData, &ten);
    OK(cuGraphKernelNodeGetParams(nodes[1], &got_kernel));
    assert_ptr_equal(got_kernel.func, step);
    assert_int_equal(*(uint32_t *)got_kernel.kernelParams[1], 10);
    assert_int_equal(cuGraphKernelNodeGetParams(nodes[0], &got_kernel), CUDA_ERROR_INVALID_VALUE);
    OK(cuGraphInstantiate(&exec, graph, 0));
    OK(cuGraphDestroy(graph)); /* the other one does not need it */
    assert_int_equal(cuGraphNodeGetType(nodes[2], &type), CUDA_ERROR_INVALID_VALUE);
    for (int i = 0; i < 3; i++) {
        result = 0;
        OK(cuGraphLaunch(exec, stream));
        OK(cuStreamSynchronize(stream));
        assert_int_equal(result, 34);
    }
    assert_int_equal(calls, 30);
    OK(cuGraphUpload(exec, stream));
    OK(cuGraphExecDestroy(exec));
    assert_int_equal(cuGraphLaunch(exec, stream), CUDA_ERROR_INVALID_VALUE);
}

static void test_edges(void **state)
{
    CUgraph graph, other;
    CUgraphNode first, second, stranger;
    CUgraphExec exec;

    (void)state;
    OK(cuGraphCreate(&graph, 0));
    OK(cuGraphCreate(&other, 0));
    first = add_step(graph, NULL, 2, 0);
    second = add_step(graph, NULL, 1, 5);
    OK(cuGraphAddEmptyNode(&stranger, other, NULL, 0));
    OK(cuGraphAddDependencies(graph, &second, &first, NULL, 1)); /* against their order */
    assert_int_equal(cuGraphAddDependencies(graph, &second, &first, NULL, 1),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuGraphAddDependencies(graph, &stranger, &first, NULL, 1),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuGraphAddEmptyNode(&stranger, graph, &stranger, 1), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(launch_graph(graph), 12);
    OK(cuGraphAddDependencies(graph, &first, &second, NULL, 1));
    assert_int_equal(cuGraphInstantiate(&exec, graph, 0), CUDA_ERROR_INVALID_VALUE); /* a circle */
    OK(cuGraphRemoveDependencies(graph, &second, &first, NULL, 1));
    assert_int_equal(launch_graph(graph), 29);
    OK(cuGraphDestroyNode(second));
    assert_int_equal(launch_graph(graph), 58);
    OK(cuGraphDestroy(graph));
    OK(cuGraphDestroy(other));
    assert_int_equal(cuGraphDestroy(graph), CUDA_ERROR_INVALID_VALUE);
}

static void test_children_and_clones(void **state)
{
    CUgraph graph, child, inner, clone;
    CUgraphNode node, first, found;

    (void)state;
    OK(cuGraphCreate(&child, 0));
    first = add_step(child, NULL, 2, 1);
    add_step(child, &first, 3, 0);
    OK(cuGraphCreate(&graph, 0));
    first = add_step(graph, NULL, 1, 1);
    OK(cuGraphAddChildGraphNode(&node, graph, &first, 1, child));
    add_step(graph, &node, 1, 100);
    OK(cuGraphChildGraphNodeGetGraph(node, &inner));
    assert_int_equal(cuGraphDestroy(inner), CUDA_ERROR_INVALID_VALUE);
    OK(cuGraphDestroy(child)); /* the node has its own */
    OK(cuGraphClone(&clone, graph));
    OK(cuGraphNodeFindInClone(&found, first, clone));
    assert_int_equal(cuGraphNodeFindInClone(&found, first, graph), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(launch_graph(graph), 115);
    OK(cuGraphDestroy(graph));
    assert_int_equal(launch_graph(clone), 799);
    OK(cuGraphDestroy(clone));
}

static void test_events(void **state)
{
    CUgraph graph;
    CUgraphNode first, record, wait;
    CUevent event, got;

    (void)state;
    OK(cuEventCreate(&event, 0));
    OK(cuGraphCreate(&graph, 0));
    first = add_step(graph, NULL, 1, 1);
    OK(cuGraphAddEventRecordNode(&record, graph, &first, 1, event));
    OK(cuGraphAddEventWaitNode(&wait, graph, &record, 1, event));
    OK(cuGraphEventRecordNodeGetEvent(record, &got));
    assert_ptr_equal(got, event);
    assert_int_equal(launch_graph(graph), 2);
    OK(cuEventQuery(event));
    OK(cuEventDestroy(event));
    OK(cuGraphDestroy(graph));
}

/* ---- Changes ---- */

static void test_update(void **state)
{
    CUgraph graph, other;
    CUgraphNode node, last;
    CUgraphExec exec;
    CUgraphExecUpdateResultInfo info;
    struct step params;
    unsigned enabled;

    (void)state;
    OK(cuGraphCreate(&graph, 0));
    node = add_step(graph, NULL, 1, 1);
    last = add_step(graph, &node, 1, 10);
    OK(cuGraphInstantiate(&exec, graph, 0));
    OK(cuGraphExecKernelNodeSetParams(exec, node, make_step(&params, 5, 0)));
    OK(cuGraphLaunch(exec, stream));
    assert_int_equal(read_word(), 15);
    OK(cuGraphNodeSetEnabled(exec, node, 0));
    OK(cuGraphNodeGetEnabled(exec, node, &enabled));
    assert_false(enabled);
    OK(cuGraphLaunch(exec, stream));
    assert_int_equal(read_word(), 25);
    OK(cuGraphNodeSetEnabled(exec, node, 1));
    OK(cuGraphCreate(&other, 0));
    node = add_step(other, NULL, 0, 2);
    assert_int_equal(cuGraphExecUpdate(exec, other, &info), CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE);
    assert_int_equal(info.result, CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED);
    add_step(other, &node, 3, 3);
    OK(cuGraphExecUpdate(exec, other, &info));
    assert_int_equal(info.result, CU_GRAPH_EXEC_UPDATE_SUCCESS);
    OK(cuGraphLaunch(exec, stream));
    assert_int_equal(read_word(), 9);
    assert_int_equal(cuGraphExecKernelNodeSetParams(exec, node, make_step(&params, 5, 0)),
                     CUDA_ERROR_INVALID_VALUE); /* of the other graph */
    OK(cuGraphExecKernelNodeSetParams(exec, last, make_step(&params, 0, 77)));
    OK(cuGraphKernelNodeSetParams(last, make_step(&params, 0, 78))); /* not of the exec */
    OK(cuGraphLaunch(exec, stream));
    assert_int_equal(read_word(), 77);
    OK(cuModuleUnload(module));
    assert_int_equal(cuGraphLaunch(exec, stream), CUDA_ERROR_INVALID_HANDLE);
    OK(cuGraphExecDestroy(exec));
    OK(cuGraphDestroy(graph));
    OK(cuGraphDestroy(other));
}

/* ---- Captures ---- */

static void test_capture(void **state)
{
    CUstreamCaptureStatus status;
    CUgraph graph;
    CUstream fork;
    CUevent begun, done;
    static uint32_t result;
    size_t count;

    (void)state;
    OK(cuStreamCreate(&fork, CU_STREAM_NON_BLOCKING));
    OK(cuEventCreate(&begun, 0));
    OK(cuEventCreate(&done, 0));
    OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    OK(cuStreamIsCapturing(stream, &status));
    assert_int_equal(status, CU_STREAM_CAPTURE_STATUS_ACTIVE);
    OK(cuMemsetD32Async(word, 5, 1, stream));
    OK(cuEventRecord(begun, stream));
    OK(cuStreamWaitEvent(fork, begun, 0));
    launch_step(fork, 2, 1);
    OK(cuEventRecord(done, fork));
    assert_int_equal(cuEventQuery(done), CUDA_ERROR_CAPTURED_EVENT);
    OK(cuStreamWaitEvent(stream, done, 0));
    launch_step(stream, 1, 1);
    OK(cuMemcpyDtoHAsync(&result, word, 4, stream));
    OK(cuStreamGetCaptureInfo(stream, &status, NULL, &graph, NULL, NULL, &count));
    assert_int_equal(count, 1);
    OK(cuStreamEndCapture(stream, &graph));
    OK(cuStreamIsCapturing(fork, &status));
    assert_int_equal(status, CU_STREAM_CAPTURE_STATUS_NONE);
    assert_int_equal(read_word(), 1); /* nothing was done */
    OK(cuGraphGetNodes(graph, NULL, &count));
    assert_int_equal(count, 4);
    assert_int_equal(launch_graph(graph), 12);
    assert_int_equal(result, 12);
    OK(cuGraphDestroy(graph));
}

static void end_badly(CUresult expected)
{
    CUgraph graph;

    assert_int_equal(cuStreamEndCapture(stream, &graph), expected);
    assert_int_equal(cuStreamEndCapture(stream, &graph), CUDA_ERROR_ILLEGAL_STATE);
    assert_int_equal(read_word(), 1);
}

/* A graph that is launched into a capture is a node of its own. */
static void test_captured_launch(void **state)
{
    CUgraph inner, graph;
    CUgraphNode node;
    CUgraphExec exec;
    size_t count;

    (void)state;
    OK(cuGraphCreate(&inner, 0));
    node = add_step(inner, NULL, 10, 2);
    add_step(inner, &node, 10, 3);
    OK(cuGraphInstantiate(&exec, inner, 0));
    OK(cuMemsetD32Async(word, 0, 1, stream));
    OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    launch_step(stream, 10, 1);
    OK(cuGraphLaunch(exec, stream));
    launch_step(stream, 10, 4);
    OK(cuStreamEndCapture(stream, &graph));
    OK(cuGraphExecDestroy(exec));
    OK(cuGraphGetNodes(graph, NULL, &count));
    assert_int_equal(count, 3);
    assert_int_equal(launch_graph(graph), 1234);
    OK(cuGraphDestroy(graph));
    OK(cuGraphDestroy(inner));
}

static void test_node_attributes(void **state)
{
    CUkernelNodeAttrValue value = {.cooperative = 1};
    CUgraphNode first, second, host;
    CUgraph graph;

    (void)state;
    OK(cuGraphCreate(&graph, 0));
    first = add_step(graph, NULL, 0, 5);
    second = add_step(graph, &first, 1, 1);
    OK(cuGraphAddEmptyNode(&host, graph, NULL, 0));
    OK(cuGraphKernelNodeSetAttribute(first, CU_LAUNCH_ATTRIBUTE_COOPERATIVE, &value));
    OK(cuGraphKernelNodeCopyAttributes(second, first));
    value.cooperative = 0;
    OK(cuGraphKernelNodeGetAttribute(second, CU_LAUNCH_ATTRIBUTE_COOPERATIVE, &value));
    assert_int_equal(value.cooperative, 1);
    assert_int_equal(cuGraphKernelNodeCopyAttributes(host, first), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(
        cuGraphKernelNodeSetAttribute(first, CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT, &value),
        CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(launch_graph(graph), 6);
    OK(cuGraphDestroy(graph));
}

static void test_bad_captures(void **state)
{
    CUstream fork, blocking;
    CUevent event, outside;
    CUgraph graph;

    (void)state;
    OK(cuStreamCreate(&fork, CU_STREAM_NON_BLOCKING));
    OK(cuStreamCreate(&blocking, 0));
    OK(cuEventCreate(&event, 0));
    OK(cuEventCreate(&outside, 0));
    OK(cuEventRecord(outside, fork));
    assert_int_equal(cuStreamBeginCapture(NULL, CU_STREAM_CAPTURE_MODE_GLOBAL),
                     CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    assert_int_equal(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL),
                     CUDA_ERROR_ILLEGAL_STATE);
    assert_int_equal(cuStreamSynchronize(stream), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    end_badly(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    OK(cuEventRecord(event, stream));
    OK(cuStreamWaitEvent(fork, event, 0));
    launch_step(fork, 7, 7);
    assert_int_equal(cuStreamEndCapture(fork, &graph), CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
    end_badly(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    OK(cuEventRecord(event, stream));
    OK(cuStreamWaitEvent(fork, event, 0));
    launch_step(fork, 7, 7);
    end_badly(CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
    OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    assert_int_equal(cuStreamWaitEvent(stream, outside, 0), CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
    end_badly(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    OK(cuStreamBeginCapture(blocking, CU_STREAM_CAPTURE_MODE_GLOBAL));
    assert_int_equal(cuMemsetD32(word, 9, 1), CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
    assert_int_equal(cuStreamEndCapture(blocking, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    launch_step(stream, 7, 7);
    OK(cuStreamDestroy(stream));
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    assert_int_equal(read_word(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nodes, setup, close_device),
        cmocka_unit_test_setup_teardown(test_edges, setup, close_device),
        cmocka_unit_test_setup_teardown(test_children_and_clones, setup, close_device),
        cmocka_unit_test_setup_teardown(test_events, setup, close_device),
        cmocka_unit_test_setup_teardown(test_update, setup, close_device),
        cmocka_unit_test_setup_teardown(test_capture, setup, close_device),
        cmocka_unit_test_setup_teardown(test_captured_launch, setup, close_device),
        cmocka_unit_test_setup_teardown(test_node_attributes, setup, close_device),
        cmocka_unit_test_setup_teardown(test_bad_captures, setup, close_device),
    };

    setenv("BAREGPU_CUDA_THREADS", "2", 1);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
