/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC) tests/fake/cuda_worker.c
// apart: $(GUEST_CUDA_SRC) firmware/vgpu/compute.c
// libs: -ldl
/* Graphs: what they are made of, launched as a whole and node by node, and changed. */
#include "tests/unit/cuda/step.h"

static CUgraph graph;
static CUgraphExec exec;
static unsigned host_calls;

static CUDA_KERNEL_NODE_PARAMS kernel_params(struct step *call, uint32_t factor, uint32_t number)
{
    return (CUDA_KERNEL_NODE_PARAMS){
        .func = step,
        .gridDimX = 1,
        .gridDimY = 1,
        .gridDimZ = 1,
        .blockDimX = 1,
        .blockDimY = 1,
        .blockDimZ = 1,
        .kernelParams = step_params(call, factor, number),
    };
}

/* Behind `after`, or behind nothing. */
static CUgraphNode add_step(CUgraph to, CUgraphNode after, uint32_t factor, uint32_t number)
{
    struct step call;
    CUDA_KERNEL_NODE_PARAMS params = kernel_params(&call, factor, number);
    CUgraphNode node;

    OK(cuGraphAddKernelNode(&node, to, &after, after != NULL, &params));
    memset(&call, 0xFF, sizeof(call)); /* the values were copied */
    return node;
}

static CUgraphNode add_empty(CUgraph to, CUgraphNode after)
{
    CUgraphNode node;

    OK(cuGraphAddEmptyNode(&node, to, &after, after != NULL));
    return node;
}

static void count_call(void *data)
{
    host_calls += (unsigned)(uintptr_t)data;
}

static CUgraphNode add_host(CUgraph to, CUgraphNode after, unsigned number)
{
    const CUDA_HOST_NODE_PARAMS params = {count_call, (void *)(uintptr_t)number};
    CUgraphNode node;

    OK(cuGraphAddHostNode(&node, to, &after, after != NULL, &params));
    return node;
}

static void launch(void)
{
    OK(cuGraphLaunch(exec, stream));
    OK(cuStreamSynchronize(stream));
}

/* ---- What they are made of ---- */

static void test_nodes(void **state)
{
    CUgraphNode a, b, c, nodes[4], from[4], to[4];
    CUgraphEdgeData data[4];
    CUgraphNodeType type;
    size_t count;

    (void)state;
    OK(cuGraphCreate(&graph, 0));
    a = add_empty(graph, NULL);
    b = add_step(graph, a, 1, 1);
    c = add_empty(graph, b);
    OK(cuGraphAddDependencies(graph, &a, &c, NULL, 1));
    OK(cuGraphGetNodes(graph, NULL, &count));
    assert_int_equal(count, 3);
    count = 4;
    OK(cuGraphGetNodes(graph, nodes, &count));
    assert_int_equal(count, 3);
    assert_ptr_equal(nodes[0], a);
    assert_ptr_equal(nodes[2], c);
    assert_null(nodes[3]);
    count = 2;
    OK(cuGraphGetNodes(graph, nodes, &count));
    assert_int_equal(count, 2);
    OK(cuGraphGetRootNodes(graph, NULL, &count));
    assert_int_equal(count, 1);
    count = 4;
    memset(data, 0xFF, sizeof(data));
    OK(cuGraphGetEdges(graph, from, to, data, &count));
    assert_int_equal(count, 3);
    assert_ptr_equal(from[0], a);
    assert_ptr_equal(to[0], b);
    assert_int_equal(data[0].type, 0);
    OK(cuGraphNodeGetDependencies(c, NULL, NULL, &count));
    assert_int_equal(count, 2);
    count = 4;
    OK(cuGraphNodeGetDependentNodes(a, nodes, NULL, &count));
    assert_int_equal(count, 2);
    assert_ptr_equal(nodes[0], b);
    assert_ptr_equal(nodes[1], c);
    OK(cuGraphNodeGetType(b, &type));
    assert_int_equal(type, CU_GRAPH_NODE_TYPE_KERNEL);
    OK(cuGraphRemoveDependencies(graph, &a, &c, NULL, 1));
    OK(cuGraphDestroyNode(b));
    OK(cuGraphGetEdges(graph, NULL, NULL, NULL, &count));
    assert_int_equal(count, 0);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphNodeGetType(b, &type));
    OK(cuGraphDestroy(graph));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphNodeGetType(a, &type));
}

static void test_wrong_nodes(void **state)
{
    const CUgraphEdgeData programmatic = {.type = CU_GRAPH_DEPENDENCY_TYPE_PROGRAMMATIC};
    CUgraphNode a, b, foreign, node;
    CUgraph second;
    size_t count = 0;

    (void)state;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphCreate(NULL, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphCreate(&graph, 1));
    OK(cuGraphCreate(&graph, 0));
    OK(cuGraphCreate(&second, 0));
    a = add_empty(graph, NULL);
    b = add_empty(graph, a);
    foreign = add_empty(second, NULL);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphAddDependencies(graph, &a, &b, NULL, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphAddDependencies(graph, &a, &a, NULL, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphAddDependencies(graph, &a, &foreign, NULL, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphAddDependencies(second, &a, &b, NULL, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphAddDependencies(graph, NULL, &b, NULL, 1));
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, cuGraphAddDependencies(graph, &b, &a, &programmatic, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphRemoveDependencies(graph, &b, &a, NULL, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphAddEmptyNode(&node, graph, &foreign, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphAddEmptyNode(&node, graph, NULL, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphAddEmptyNode(NULL, graph, NULL, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphAddEmptyNode(&node, NO_HANDLE(CUgraph), NULL, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphAddChildGraphNode(&node, graph, NULL, 0, graph));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphGetNodes(graph, NULL, NULL));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphGetEdges(graph, &node, NULL, NULL, &count));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphDestroyNode(NO_HANDLE(CUgraphNode)));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphDestroy(NO_HANDLE(CUgraph)));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphInstantiate(&exec, NO_HANDLE(CUgraph), 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphInstantiate(NULL, graph, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphInstantiate(&exec, graph, 1u << 20));
    EXPECT(CUDA_ERROR_NOT_SUPPORTED,
           cuGraphInstantiate(&exec, graph, CUDA_GRAPH_INSTANTIATE_FLAG_DEVICE_LAUNCH));
    OK(cuGraphAddDependencies(graph, &b, &a, NULL, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphInstantiate(&exec, graph, 0)); /* a circle */
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphLaunch(NO_HANDLE(CUgraphExec), stream));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphExecDestroy(NO_HANDLE(CUgraphExec)));
    OK(cuGraphDestroy(graph));
    OK(cuGraphDestroy(second));
}

static void test_too_many_nodes(void **state)
{
    CUgraphNode node = NULL;
    CUgraph child, whole;

    (void)state;
    OK(cuGraphCreate(&graph, 0));
    OK(cuGraphCreate(&child, 0));
    for (unsigned i = 0; i < 256; i++) {
        node = add_empty(child, node);
    }
    node = NULL;
    for (unsigned i = 0; i < 17; i++) { /* 4386 nodes with the children's ends */
        CUresult result = cuGraphAddChildGraphNode(&node, graph, &node, node != NULL, child);

        assert_true(result == CUDA_SUCCESS || result == CUDA_ERROR_OUT_OF_MEMORY);
    }
    whole = graph;
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, cuGraphClone(&graph, whole)); /* of bookkeeping */
    OK(cuGraphDestroy(whole));
    OK(cuGraphDestroy(child));
}

static void test_params(void **state)
{
    struct step call;
    CUDA_KERNEL_NODE_PARAMS kernel = kernel_params(&call, 3, 4), kernel_back;
    CUDA_MEMCPY3D copy = {.srcMemoryType = CU_MEMORYTYPE_DEVICE,
                          .srcDevice = word,
                          .dstMemoryType = CU_MEMORYTYPE_DEVICE,
                          .dstDevice = word,
                          .WidthInBytes = 4,
                          .Height = 1,
                          .Depth = 1},
                  copy_back;
    CUDA_MEMSET_NODE_PARAMS set = {.dst = word,
                                   .value = 7,
                                   .elementSize = 4,
                                   .width = 1,
                                   .height = 1},
                            set_back;
    CUDA_HOST_NODE_PARAMS host = {count_call, &call}, host_back;
    CUgraphNode kernel_node, copy_node, set_node, host_node, record_node, wait_node;
    CUevent event, second, event_back;

    (void)state;
    OK(cuGraphCreate(&graph, 0));
    OK(cuEventCreate(&event, 0));
    OK(cuEventCreate(&second, 0));
    OK(cuGraphAddKernelNode(&kernel_node, graph, NULL, 0, &kernel));
    OK(cuGraphAddMemcpyNode(&copy_node, graph, NULL, 0, &copy, context));
    OK(cuGraphAddMemsetNode(&set_node, graph, NULL, 0, &set, context));
    OK(cuGraphAddHostNode(&host_node, graph, NULL, 0, &host));
    OK(cuGraphAddEventRecordNode(&record_node, graph, NULL, 0, event));
    OK(cuGraphAddEventWaitNode(&wait_node, graph, NULL, 0, event));
    OK(cuGraphKernelNodeGetParams(kernel_node, &kernel_back));
    assert_ptr_equal(kernel_back.func, step);
    assert_int_equal(*(uint32_t *)kernel_back.kernelParams[1], 3);
    assert_int_equal(*(uint32_t *)kernel_back.kernelParams[2], 4);
    OK(cuGraphMemcpyNodeGetParams(copy_node, &copy_back));
    assert_memory_equal(&copy_back, &copy, sizeof(copy));
    OK(cuGraphMemsetNodeGetParams(set_node, &set_back));
    assert_int_equal(set_back.value, 7);
    OK(cuGraphHostNodeGetParams(host_node, &host_back));
    assert_ptr_equal(host_back.userData, &call);
    OK(cuGraphEventRecordNodeSetEvent(record_node, second));
    OK(cuGraphEventRecordNodeGetEvent(record_node, &event_back));
    assert_ptr_equal(event_back, second);
    OK(cuGraphEventWaitNodeSetEvent(wait_node, second));
    OK(cuGraphEventWaitNodeGetEvent(wait_node, &event_back));
    assert_ptr_equal(event_back, second);
    set.value = 8;
    OK(cuGraphMemsetNodeSetParams(set_node, &set));
    OK(cuGraphMemsetNodeGetParams(set_node, &set_back));
    assert_int_equal(set_back.value, 8);
    OK(cuGraphMemcpyNodeSetParams(copy_node, &copy));
    OK(cuGraphHostNodeSetParams(host_node, &host));
    kernel.gridDimX = 2;
    OK(cuGraphKernelNodeSetParams(kernel_node, &kernel));
    OK(cuGraphKernelNodeGetParams(kernel_node, &kernel_back));
    assert_int_equal(kernel_back.gridDimX, 2);
    OK(cuGraphDestroy(graph));
}

static void test_attributes(void **state)
{
    CUkernelNodeAttrValue value = {.cooperative = 1};
    CUgraphNode small, large;
    struct step call;
    CUDA_KERNEL_NODE_PARAMS params = {.func = step, 1, 1, 1, 1, 1, 1};
    CUgraph graph;
    CUgraphExec exec;

    (void)state;
    OK(cuGraphCreate(&graph, 0));
    params.kernelParams = step_params(&call, 10, 1);
    OK(cuGraphAddKernelNode(&small, graph, NULL, 0, &params));
    params.func = other;
    params.kernelParams = NULL;
    params.gridDimX = 1u << 20;
    OK(cuGraphAddKernelNode(&large, graph, &small, 1, &params));
    OK(cuGraphKernelNodeSetAttribute(small, CU_LAUNCH_ATTRIBUTE_COOPERATIVE, &value));
    EXPECT(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE,
           cuGraphKernelNodeSetAttribute(large, CU_LAUNCH_ATTRIBUTE_COOPERATIVE, &value));
    EXPECT(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE, cuGraphKernelNodeCopyAttributes(large, small));
    OK(cuGraphDestroyNode(large));
    OK(cuGraphKernelNodeCopyAttributes(small, small));
    OK(cuGraphKernelNodeGetAttribute(small, CU_LAUNCH_ATTRIBUTE_COOPERATIVE, &value));
    assert_int_equal(value.cooperative, 1);
    OK(cuGraphKernelNodeGetAttribute(small, CU_LAUNCH_ATTRIBUTE_PRIORITY, &value));
    assert_int_equal(value.priority, 0);
    OK(cuGraphKernelNodeSetAttribute(small, CU_LAUNCH_ATTRIBUTE_PRIORITY, &value));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuGraphKernelNodeSetAttribute(small, CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT, &value));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuGraphKernelNodeGetAttribute(small, (CUkernelNodeAttrID)1000, &value));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuGraphKernelNodeGetAttribute(large, CU_LAUNCH_ATTRIBUTE_PRIORITY, &value));
    OK(cuGraphInstantiate(&exec, graph, 0));
    OK(cuGraphLaunch(exec, stream));
    assert_int_equal(read_word(), 11);
    OK(cuGraphExecDestroy(exec));
    OK(cuGraphDestroy(graph));
}

static void test_wrong_params(void **state)
{
    struct step call;
    CUDA_KERNEL_NODE_PARAMS kernel = kernel_params(&call, 3, 4), wrong = kernel;
    CUDA_MEMCPY3D copy = {.srcMemoryType = CU_MEMORYTYPE_DEVICE,
                          .srcDevice = word,
                          .dstMemoryType = CU_MEMORYTYPE_DEVICE,
                          .dstDevice = word + 1,
                          .WidthInBytes = 4,
                          .Height = 1,
                          .Depth = 1};
    CUDA_MEMSET_NODE_PARAMS set = {.dst = word, .elementSize = 3, .width = 1, .height = 1};
    CUDA_HOST_NODE_PARAMS host = {NULL, NULL};
    CUgraphNode node, kernel_node;

    (void)state;
    OK(cuGraphCreate(&graph, 0));
    OK(cuGraphAddKernelNode(&kernel_node, graph, NULL, 0, &kernel));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphAddKernelNode(&node, graph, NULL, 0, NULL));
    wrong.func = NO_HANDLE(CUfunction);
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuGraphAddKernelNode(&node, graph, NULL, 0, &wrong));
    wrong = kernel;
    wrong.blockDimX = 2000;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphAddKernelNode(&node, graph, NULL, 0, &wrong));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphKernelNodeSetParams(kernel_node, &wrong));
    wrong = kernel;
    wrong.kernelParams = NULL;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphAddKernelNode(&node, graph, NULL, 0, &wrong));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphAddMemcpyNode(&node, graph, NULL, 0, &copy, context));
    EXPECT(CUDA_ERROR_INVALID_CONTEXT,
           cuGraphAddMemcpyNode(&node, graph, NULL, 0, &copy, NO_HANDLE(CUcontext)));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphAddMemsetNode(&node, graph, NULL, 0, &set, context));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphAddHostNode(&node, graph, NULL, 0, &host));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuGraphAddEventRecordNode(&node, graph, NULL, 0, NO_HANDLE(CUevent)));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphHostNodeGetParams(kernel_node, &host));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphKernelNodeGetParams(kernel_node, NULL));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphMemsetNodeSetParams(kernel_node, &set));
    OK(cuGraphDestroy(graph));
}

static void test_clone(void **state)
{
    CUgraphNode a, b, in_clone, child_node;
    CUgraph clone, child;
    CUgraphNodeType type;

    (void)state;
    OK(cuGraphCreate(&graph, 0));
    a = add_step(graph, NULL, 2, 0);
    b = add_step(graph, a, 1, 3);
    OK(cuGraphClone(&clone, graph));
    OK(cuGraphNodeFindInClone(&in_clone, b, clone));
    assert_ptr_not_equal(in_clone, b);
    OK(cuGraphNodeGetType(in_clone, &type));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphNodeFindInClone(&in_clone, b, graph));
    OK(cuGraphAddChildGraphNode(&child_node, clone, NULL, 0, graph));
    OK(cuGraphDestroy(graph));
    OK(cuGraphChildGraphNodeGetGraph(child_node, &child));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphDestroy(child)); /* it is the node's */
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphChildGraphNodeGetGraph(in_clone, &child));
    OK(cuGraphDestroy(clone));
}

/* ---- Launches ---- */

/* ((1 * 2 + 1) * 5 + 4): a chain, then two side by side, then one behind both; a child in it. The
 * last one comes first in the list. */
static void build_order(bool has_host)
{
    CUgraphNode last, a, b, c, child_node;
    CUgraph child;

    host_calls = 0;
    OK(cuGraphCreate(&graph, 0));
    last = add_step(graph, NULL, 1, 4);
    a = add_step(graph, NULL, 2, 1);
    OK(cuGraphCreate(&child, 0));
    add_step(child, NULL, 5, 0);
    if (has_host) {
        add_host(child, NULL, 100);
    }
    OK(cuGraphAddChildGraphNode(&child_node, graph, &a, 1, child));
    OK(cuGraphDestroy(child));
    b = add_empty(graph, child_node);
    c = has_host ? add_host(graph, child_node, 1) : add_empty(graph, child_node);
    OK(cuGraphAddDependencies(graph, &b, &last, NULL, 1));
    OK(cuGraphAddDependencies(graph, &c, &last, NULL, 1));
}

static void check_order(bool has_host)
{
    build_order(has_host);
    OK(cuGraphInstantiate(&exec, graph, 0));
    OK(cuGraphDestroy(graph));
    launch();
    assert_int_equal(read_word(), 19);
    set_word(2);
    launch();
    assert_int_equal(read_word(), 29);
    assert_int_equal(host_calls, has_host ? 202 : 0);
    OK(cuGraphUpload(exec, stream));
    OK(cuGraphExecDestroy(exec));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphLaunch(exec, stream));
}

static void test_order(void **state)
{
    (void)state;
    check_order(false);
}

static void test_order_with_host_functions(void **state)
{
    (void)state;
    check_order(true);
}

/* What comes through in the end: set, device to device, out, in. With ordinary memory it is
 * launched node by node. */
static void check_copies(uint8_t *from, uint8_t *to)
{
    CUDA_MEMSET_NODE_PARAMS set = {
        .dst = word, .value = 0x11, .elementSize = 1, .width = 2, .height = 1};
    CUDA_MEMCPY3D copy = {.WidthInBytes = 4, .Height = 1, .Depth = 1};
    CUgraphNode a, b, c, nothing;
    CUdeviceptr second;

    OK(cuMemAlloc(&second, 4));
    OK(cuGraphCreate(&graph, 0));
    memcpy(from, (const uint8_t[]){1, 2, 3, 4}, 4);
    copy.srcMemoryType = CU_MEMORYTYPE_HOST;
    copy.srcHost = from;
    copy.dstMemoryType = CU_MEMORYTYPE_DEVICE;
    copy.dstDevice = word;
    OK(cuGraphAddMemcpyNode(&a, graph, NULL, 0, &copy, context));
    OK(cuGraphAddMemsetNode(&b, graph, &a, 1, &set, context));
    copy.srcMemoryType = CU_MEMORYTYPE_DEVICE;
    copy.srcDevice = word;
    copy.dstDevice = second;
    OK(cuGraphAddMemcpyNode(&c, graph, &b, 1, &copy, context));
    copy.srcDevice = second;
    copy.dstMemoryType = CU_MEMORYTYPE_HOST;
    copy.dstHost = to;
    OK(cuGraphAddMemcpyNode(&a, graph, &c, 1, &copy, context));
    copy.WidthInBytes = 0;
    OK(cuGraphAddMemcpyNode(&nothing, graph, &a, 1, &copy, context));
    OK(cuGraphInstantiate(&exec, graph, 0));
    memset(to, 0, 4);
    launch();
    assert_memory_equal(to, ((const uint8_t[]){0x11, 0x11, 3, 4}), 4);
    from[3] = 9;
    launch();
    assert_memory_equal(to, ((const uint8_t[]){0x11, 0x11, 3, 9}), 4);
    OK(cuGraphExecDestroy(exec));
    OK(cuGraphDestroy(graph));
}

static void test_copies(void **state)
{
    void *pinned;

    (void)state;
    OK(cuMemAllocHost(&pinned, 128));
    check_copies(pinned, (uint8_t *)pinned + 64);
    OK(cuMemFreeHost(pinned));
}

static void test_copies_of_ordinary_memory(void **state)
{
    uint8_t from[4], to[4];

    (void)state;
    check_copies(from, to);
}

static void check_events(bool has_host)
{
    CUgraphNode record, wait, node;
    CUevent first, second;
    CUstream other_stream;
    float ms = -1;

    OK(cuEventCreate(&first, 0));
    OK(cuEventCreate(&second, 0));
    OK(cuStreamCreate(&other_stream, CU_STREAM_NON_BLOCKING));
    OK(cuGraphCreate(&graph, 0));
    OK(cuGraphAddEventWaitNode(&wait, graph, NULL, 0, first));
    node = add_step(graph, wait, 10, 3);
    OK(cuGraphAddEventRecordNode(&record, graph, &node, 1, second));
    if (has_host) {
        add_host(graph, record, 1);
    }
    OK(cuGraphInstantiate(&exec, graph, 0));
    launch_step(other_stream, 1, 1);
    OK(cuEventRecord(first, other_stream));
    OK(cuGraphLaunch(exec, stream));
    OK(cuStreamWaitEvent(other_stream, second, 0));
    launch_step(other_stream, 10, 4);
    OK(cuEventSynchronize(second));
    OK(cuEventQuery(second));
    OK(cuEventElapsedTime(&ms, first, second));
    assert_true(ms >= 0);
    assert_int_equal(read_word(), 234);
    OK(cuEventDestroy(second));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuGraphLaunch(exec, stream)); /* the event is gone */
    OK(cuGraphDestroy(graph));
}

static void test_events(void **state)
{
    (void)state;
    check_events(false);
}

static void test_events_with_host_functions(void **state)
{
    (void)state;
    check_events(true);
}

static void test_unloaded_kernel(void **state)
{
    (void)state;
    OK(cuGraphCreate(&graph, 0));
    add_step(graph, NULL, 1, 1);
    add_host(graph, NULL, 1);
    OK(cuGraphInstantiate(&exec, graph, 0));
    OK(cuModuleUnload(module));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuGraphLaunch(exec, stream));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuGraphInstantiate(&exec, graph, 0));
    OK(cuGraphDestroy(graph));
}

/* One whole launch is one command, whatever is in it; and the graph's making one round trip. */
static void test_round_trips(void **state)
{
    CUgraphNode node = NULL;

    (void)state;
    OK(cuGraphCreate(&graph, 0));
    for (unsigned i = 0; i < 64; i++) {
        node = add_step(graph, node, 1, 1);
    }
    fake_carrier.round_trips = fake_carrier.commands = 0;
    OK(cuGraphInstantiate(&exec, graph, 0));
    assert_int_equal(fake_carrier.round_trips, 1);
    fake_carrier.round_trips = fake_carrier.commands = 0;
    OK(cuGraphLaunch(exec, stream));
    assert_int_equal(fake_carrier.round_trips, 0);
    assert_int_equal(fake_carrier.commands, 1);
    assert_int_equal(read_word(), 65);
    OK(cuGraphDestroy(graph));
}

/* ---- Changes ---- */

static void check_changes(bool has_host)
{
    struct step call;
    CUDA_KERNEL_NODE_PARAMS kernel = kernel_params(&call, 1, 7);
    CUDA_MEMSET_NODE_PARAMS set = {
        .dst = word, .value = 5, .elementSize = 4, .width = 1, .height = 1};
    CUDA_HOST_NODE_PARAMS host = {count_call, (void *)(uintptr_t)10};
    CUgraphNode set_node, step_node, host_node = NULL;
    unsigned enabled;
    cuuint64_t flags;

    host_calls = 0;
    OK(cuGraphCreate(&graph, 0));
    OK(cuGraphAddMemsetNode(&set_node, graph, NULL, 0, &set, context));
    step_node = add_step(graph, set_node, 1, 1);
    if (has_host) {
        host_node = add_host(graph, step_node, 1);
    }
    OK(cuGraphInstantiate(&exec, graph, CUDA_GRAPH_INSTANTIATE_FLAG_UPLOAD));
    OK(cuGraphExecGetFlags(exec, &flags));
    assert_int_equal(flags, CUDA_GRAPH_INSTANTIATE_FLAG_UPLOAD);
    launch();
    assert_int_equal(read_word(), 6);
    OK(cuGraphExecKernelNodeSetParams(exec, step_node, &kernel));
    set.value = 20;
    OK(cuGraphExecMemsetNodeSetParams(exec, set_node, &set, context));
    if (has_host) {
        OK(cuGraphExecHostNodeSetParams(exec, host_node, &host));
    }
    launch();
    assert_int_equal(read_word(), 27);
    OK(cuGraphNodeSetEnabled(exec, set_node, 0));
    OK(cuGraphNodeGetEnabled(exec, set_node, &enabled));
    assert_int_equal(enabled, 0);
    launch();
    assert_int_equal(read_word(), 34);
    OK(cuGraphNodeSetEnabled(exec, set_node, 1));
    launch();
    assert_int_equal(read_word(), 27);
    assert_int_equal(host_calls, has_host ? 31 : 0);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphExecKernelNodeSetParams(exec, set_node, &kernel));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphExecKernelNodeSetParams(exec, step_node, NULL));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuGraphExecMemsetNodeSetParams(exec, NO_HANDLE(CUgraphNode), &set, context));
    OK(cuGraphExecDestroy(exec));
    OK(cuGraphDestroy(graph));
}

static void test_changes(void **state)
{
    (void)state;
    check_changes(false);
}

static void test_changes_with_host_functions(void **state)
{
    (void)state;
    check_changes(true);
}

static void check_update(bool has_host)
{
    CUgraphExecUpdateResultInfo info;
    CUgraphNode node;
    CUgraph changed;

    OK(cuGraphCreate(&graph, 0));
    node = add_step(graph, NULL, 1, 1);
    add_step(graph, node, 2, 0);
    OK(cuGraphCreate(&changed, 0));
    node = add_step(changed, NULL, 1, 5);
    add_step(changed, node, 3, 0);
    if (has_host) {
        add_host(graph, NULL, 1);
        add_host(changed, NULL, 1);
    }
    OK(cuGraphInstantiate(&exec, graph, 0));
    launch();
    assert_int_equal(read_word(), 4);
    OK(cuGraphExecUpdate(exec, changed, &info));
    assert_int_equal(info.result, CU_GRAPH_EXEC_UPDATE_SUCCESS);
    launch();
    assert_int_equal(read_word(), 27);
    node = add_empty(changed, NULL);
    EXPECT(CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE, cuGraphExecUpdate(exec, changed, &info));
    assert_int_equal(info.result, CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED);
    OK(cuGraphDestroyNode(node));
    OK(cuGraphDestroy(changed));
    OK(cuGraphClone(&changed, graph));
    OK(cuGraphGetNodes(changed, &node, &(size_t){1}));
    OK(cuGraphDestroyNode(node));
    node = add_empty(changed, NULL);
    EXPECT(CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE, cuGraphExecUpdate(exec, changed, &info));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphExecUpdate(exec, changed, NULL));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphExecUpdate(exec, NO_HANDLE(CUgraph), &info));
    launch();
    assert_int_equal(read_word(), 96);
    OK(cuGraphDestroy(changed));
    OK(cuGraphDestroy(graph));
}

static void test_update(void **state)
{
    (void)state;
    check_update(false);
}

static void test_update_with_host_functions(void **state)
{
    (void)state;
    check_update(true);
}

static void test_instantiate_with_params(void **state)
{
    CUDA_GRAPH_INSTANTIATE_PARAMS params = {.flags = 0, .hErrNode_out = NO_HANDLE(CUgraphNode)};

    (void)state;
    OK(cuGraphCreate(&graph, 0));
    add_host(graph, NULL, 1);
    OK(cuGraphInstantiateWithParams(&exec, graph, &params));
    assert_int_equal(params.result_out, CUDA_GRAPH_INSTANTIATE_SUCCESS);
    assert_null(params.hErrNode_out);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphInstantiateWithParams(&exec, graph, NULL));
    params.flags = 1u << 20;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGraphInstantiateWithParams(&exec, graph, &params));
    assert_int_equal(params.result_out, CUDA_GRAPH_INSTANTIATE_ERROR);
    OK(cuGraphDestroy(graph));
}

/* Bookkeeping is given back: all of these together would need many times as much as there is. */
static void test_many(void **state)
{
    CUgraphExecUpdateResultInfo info;
    CUgraphNode node;
    CUgraph clone;
    CUevent event;

    (void)state;
    OK(cuEventCreate(&event, 0));
    for (unsigned i = 0; i < 400; i++) {
        build_order(i % 2 != 0);
        OK(cuGraphClone(&clone, graph));
        OK(cuGraphInstantiate(&exec, graph, 0));
        OK(cuGraphExecUpdate(exec, clone, &info));
        OK(cuGraphExecDestroy(exec));
        OK(cuGraphGetNodes(clone, &node, &(size_t){1}));
        OK(cuGraphDestroyNode(node));
        EXPECT(CUDA_ERROR_INVALID_VALUE,
               cuGraphAddEmptyNode(&node, clone, &(CUgraphNode){NO_HANDLE(CUgraphNode)}, 1));
        OK(cuGraphDestroy(clone));
        OK(cuGraphDestroy(graph));
        OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
        launch_step(stream, 1, 1);
        OK(cuEventRecord(event, stream));
        if (i % 2 != 0) {
            EXPECT(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, cuStreamSynchronize(stream));
            EXPECT(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, cuStreamEndCapture(stream, &graph));
        } else {
            OK(cuStreamEndCapture(stream, &graph));
            OK(cuGraphDestroy(graph));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STEP_BOTH(test_nodes),
        STEP_BOTH(test_wrong_nodes),
        STEP_RING(test_too_many_nodes),
        STEP_BOTH(test_params),
        STEP_BOTH(test_attributes),
        STEP_BOTH(test_wrong_params),
        STEP_BOTH(test_clone),
        STEP_BOTH(test_order),
        STEP_BOTH(test_order_with_host_functions),
        STEP_BOTH(test_copies),
        STEP_BOTH(test_copies_of_ordinary_memory),
        STEP_BOTH(test_events),
        STEP_BOTH(test_events_with_host_functions),
        STEP_BOTH(test_unloaded_kernel),
        STEP_RING(test_round_trips),
        STEP_BOTH(test_changes),
        STEP_BOTH(test_changes_with_host_functions),
        STEP_BOTH(test_update),
        STEP_BOTH(test_update_with_host_functions),
        STEP_BOTH(test_instantiate_with_params),
        STEP_BOTH(test_many),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
