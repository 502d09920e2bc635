/* SPDX-License-Identifier: BSD-2-Clause */
/* Printing, and what comes after what: streams with events, graphs. */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

#include "tests/guest/lib/tap.h"

#define COUNT 1000u
#define BLOCK 128u
#define LINKS 64u

/* Who looks at the output finds four lines: "# block 1, warp 0: -42 0.50 text". */
static void print(CUmodule module)
{
    int value = -42;
    float half = 0.5f;

    tap_diag("printed by the device:");
    LAUNCH(module, "print", ((struct kernels_shape){.grid_x = 2, .block_x = 64}), &value, &half);
    tap_ok(cuCtxSynchronize() == CUDA_SUCCESS, "printf");
}

/* ---- A step is x = factor x + summand: no two may change places ---- */

struct step {
    unsigned factor, summand, count;
    void *parameters[4];
};

static void make_step(struct step *step, CUdeviceptr *values, unsigned number)
{
    *step = (struct step){.factor = 2 * number + 3, .summand = number + 1, .count = COUNT};
    step->parameters[0] = values;
    step->parameters[1] = &step->factor;
    step->parameters[2] = &step->summand;
    step->parameters[3] = &step->count;
}

static void launch_step(CUfunction function, CUstream stream, struct step *step)
{
    CHECK(cuLaunchKernel(function, (COUNT + BLOCK - 1) / BLOCK, 1, 1, BLOCK, 1, 1, 0, stream,
                         step->parameters, NULL));
}

static bool has_steps(const uint32_t *values, unsigned steps, unsigned times)
{
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t expected = i;

        for (unsigned step = 0; step < steps * times; step++) {
            expected = expected * (2 * (step % steps) + 3) + step % steps + 1;
        }
        if (values[i] != expected) {
            tap_diag("%u: 0x%x instead of 0x%x", (unsigned)i, (unsigned)values[i],
                     (unsigned)expected);
            return false;
        }
    }
    return true;
}

static void number(uint32_t *values)
{
    for (uint32_t i = 0; i < COUNT; i++) {
        values[i] = i;
    }
}

/* ---- Streams ---- */

#define STREAM_STEPS 20u

/* Each step in the other stream, behind an event of the one before. */
static void alternate(CUfunction function, CUstream streams[2], CUevent event, CUdeviceptr *values)
{
    for (unsigned i = 0; i < STREAM_STEPS; i++) {
        struct step step;

        make_step(&step, values, i);
        CHECK(cuStreamWaitEvent(streams[i % 2], event, 0));
        launch_step(function, streams[i % 2], &step);
        CHECK(cuEventRecord(event, streams[i % 2]));
    }
}

static void expect_time(CUevent first, CUevent last)
{
    float ms = -1;

    CHECK(cuEventSynchronize(last));
    CHECK(cuEventElapsedTime(&ms, first, last));
    tap_ok(cuEventQuery(last) == CUDA_SUCCESS && ms >= 0, "and the time between two of them");
}

static void streams(CUmodule module)
{
    CUfunction function;
    CUstream streams[2];
    CUevent event, first, last;
    CUdeviceptr values = kernels_upload(NULL, 4 * COUNT);
    void *memory;

    CHECK(cuModuleGetFunction(&function, module, "affine"));
    CHECK(cuMemAllocHost(&memory, 4 * COUNT));
    for (int i = 0; i < 2; i++) {
        CHECK(cuStreamCreate(&streams[i], CU_STREAM_NON_BLOCKING));
    }
    CHECK(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
    CHECK(cuEventCreate(&first, CU_EVENT_DEFAULT));
    CHECK(cuEventCreate(&last, CU_EVENT_DEFAULT));
    CHECK(cuCtxSynchronize()); /* these streams do not wait for the zeroes */
    number(memory);
    CHECK(cuEventRecord(first, streams[0]));
    CHECK(cuMemcpyHtoDAsync(values, memory, 4 * COUNT, streams[0]));
    CHECK(cuEventRecord(event, streams[0]));
    alternate(function, streams, event, &values);
    CHECK(cuMemcpyDtoHAsync(memory, values, 4 * COUNT, streams[(STREAM_STEPS - 1) % 2]));
    CHECK(cuEventRecord(last, streams[(STREAM_STEPS - 1) % 2]));
    expect_time(first, last);
    tap_ok(has_steps(memory, STREAM_STEPS, 1), "streams with events, %u steps", STREAM_STEPS);
    for (int i = 0; i < 2; i++) {
        CHECK(cuStreamDestroy(streams[i]));
    }
    CHECK(cuEventDestroy(event));
    CHECK(cuEventDestroy(first));
    CHECK(cuEventDestroy(last));
    CHECK(cuMemFreeHost(memory));
    kernels_free(values);
}

/* ---- Graphs ---- */

static CUgraph build_graph(CUfunction function, CUdeviceptr *values)
{
    CUgraphNode node, before;
    CUgraph graph;

    CHECK(cuGraphCreate(&graph, 0));
    for (unsigned i = 0; i < LINKS; i++) {
        struct step step;

        make_step(&step, values, i);
        const CUDA_KERNEL_NODE_PARAMS params = {.func = function,
                                                .gridDimX = (COUNT + BLOCK - 1) / BLOCK,
                                                .gridDimY = 1,
                                                .gridDimZ = 1,
                                                .blockDimX = BLOCK,
                                                .blockDimY = 1,
                                                .blockDimZ = 1,
                                                .kernelParams = step.parameters};

        CHECK(cuGraphAddKernelNode(&node, graph, &before, i > 0, &params));
        before = node;
    }
    return graph;
}

static CUgraph capture_graph(CUfunction function, CUstream stream, CUdeviceptr *values)
{
    CUgraph graph;

    CHECK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    for (unsigned i = 0; i < LINKS; i++) {
        struct step step;

        make_step(&step, values, i);
        launch_step(function, stream, &step);
    }
    CHECK(cuStreamEndCapture(stream, &graph));
    return graph;
}

static void run_graph(CUgraph graph, CUstream stream, CUdeviceptr values, const char *what)
{
    uint32_t numbers[COUNT];
    CUgraphExec exec;

    number(numbers);
    CHECK(cuMemcpyHtoD(values, numbers, sizeof(numbers)));
    CHECK(cuGraphInstantiate(&exec, graph, 0));
    CHECK(cuGraphDestroy(graph));
    for (int i = 0; i < 3; i++) {
        CHECK(cuGraphLaunch(exec, stream));
    }
    CHECK(cuStreamSynchronize(stream));
    CHECK(cuGraphExecDestroy(exec));
    CHECK(cuMemcpyDtoH(numbers, values, sizeof(numbers)));
    tap_ok(has_steps(numbers, LINKS, 3), "%s, three times", what);
}

static void graphs(CUmodule module)
{
    CUfunction function;
    CUstream stream;
    CUdeviceptr values = kernels_upload(NULL, 4 * COUNT);

    CHECK(cuModuleGetFunction(&function, module, "affine"));
    CHECK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    run_graph(build_graph(function, &values), stream, values, "a graph of 64 launches");
    run_graph(capture_graph(function, stream, &values), stream, values,
              "a stream's 64 launches as a graph");
    CHECK(cuStreamDestroy(stream));
    kernels_free(values);
}

void kernels_order(CUmodule module)
{
    print(module);
    streams(module);
    graphs(module);
}
