/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cuda_link FILE...: links PTX and runs cuda_link_main.cu's kernel. Prints "right", or why not;
 * then the exit status is 1.
 */
#include <stdio.h>
#include <stdlib.h>

#include "protocol/cuda.h"

#define COUNT 1000
#define BLOCK 64

static char log_text[1024];

static void check(CUresult result, const char *what)
{
    const char *name = "?";

    if (result != CUDA_SUCCESS) {
        cuGetErrorName(result, &name);
        fprintf(stderr, "%s: %s\n%s", what, name, log_text);
        exit(EXIT_FAILURE);
    }
}

#define CHECK(call) check(call, #call)

static CUmodule link_files(int count, char **paths)
{
    CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
    void *values[] = {log_text, (void *)sizeof(log_text)};
    CUlinkState link;
    CUmodule module;
    void *image;

    CHECK(cuLinkCreate(2, options, values, &link));
    for (int i = 0; i < count; i++) {
        CHECK(cuLinkAddFile(link, CU_JIT_INPUT_PTX, paths[i], 0, NULL, NULL));
    }
    CHECK(cuLinkComplete(link, &image, NULL));
    CHECK(cuModuleLoadData(&module, image));
    CHECK(cuLinkDestroy(link));
    return module;
}

/* The sources' arithmetic, exact in float. */
static float expected(int i)
{
    return (float)(2 * 2 * i + 10 * (i + 3) + i) * (float)(i % 4 + 1);
}

static int compare(const float *results, int counter)
{
    for (int i = 0; i < COUNT; i++) {
        if (results[i] != expected(i)) {
            fprintf(stderr, "%d: %g, not %g\n", i, (double)results[i], (double)expected(i));
            return EXIT_FAILURE;
        }
    }
    if (counter != 5 + COUNT) {
        fprintf(stderr, "counted %d\n", counter);
        return EXIT_FAILURE;
    }
    puts("right");
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static float results[COUNT];
    int count = COUNT, counter;
    CUdeviceptr out, place;
    CUfunction function;
    CUcontext context;
    CUmodule module;
    void *parameters[] = {&out, &count};

    CHECK(cuInit(0));
    CHECK(cuDevicePrimaryCtxRetain(&context, 0));
    CHECK(cuCtxSetCurrent(context));
    module = link_files(argc - 1, argv + 1);
    CHECK(cuModuleGetFunction(&function, module, "run"));
    CHECK(cuModuleGetGlobal(&place, NULL, module, "counter"));
    CHECK(cuMemAlloc(&out, sizeof(results)));
    CHECK(cuLaunchKernel(function, (COUNT + BLOCK - 1) / BLOCK, 1, 1, BLOCK, 1, 1,
                         BLOCK * sizeof(int), NULL, parameters, NULL));
    CHECK(cuMemcpyDtoH(results, out, sizeof(results)));
    CHECK(cuMemcpyDtoH(&counter, place, sizeof(counter)));
    return compare(results, counter);
}
