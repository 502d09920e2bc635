/* SPDX-License-Identifier: BSD-2-Clause */
/* A program as people write them for the driver API: a product of matrices in tiles, from a file of
 * PTX. Compiled against the CUDA Toolkit's cuda.h, or against ours. */
#include CUDA_HEADER
#include <stdio.h>
#include <stdlib.h>

#define SIZE 64 /* a multiple of the tile's, which is 16 */
#define BYTES (SIZE * SIZE * sizeof(float))

#define CHECK(call)                                                                                \
    do {                                                                                           \
        CUresult result = call;                                                                    \
        if (result != CUDA_SUCCESS) {                                                              \
            const char *name = "?";                                                                \
            cuGetErrorName(result, &name);                                                         \
            fprintf(stderr, "%s: %s\n", #call, name);                                              \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static float a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];

static float expected(int row, int column)
{
    float sum = 0;

    for (int k = 0; k < SIZE; k++) {
        sum += a[row][k] * b[k][column];
    }
    return sum;
}

static void fill(void)
{
    for (int row = 0; row < SIZE; row++) {
        for (int column = 0; column < SIZE; column++) {
            a[row][column] = (float)(row % 7 + column % 3);
            b[row][column] = (float)(row % 5 - column % 4);
        }
    }
}

static void multiply(const char *path)
{
    CUdeviceptr device[3];
    unsigned size = SIZE;
    void *parameters[] = {&device[0], &device[1], &device[2], &size};
    CUmodule module;
    CUfunction function;
    CUstream stream;
    CUevent start, end;
    float ms;

    CHECK(cuModuleLoad(&module, path));
    CHECK(cuModuleGetFunction(&function, module, "multiply"));
    CHECK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    CHECK(cuEventCreate(&start, CU_EVENT_DEFAULT));
    CHECK(cuEventCreate(&end, CU_EVENT_DEFAULT));
    for (int i = 0; i < 3; i++) {
        CHECK(cuMemAlloc(&device[i], BYTES));
    }
    CHECK(cuMemcpyHtoDAsync(device[1], a, BYTES, stream));
    CHECK(cuMemcpyHtoDAsync(device[2], b, BYTES, stream));
    CHECK(cuEventRecord(start, stream));
    CHECK(
        cuLaunchKernel(function, SIZE / 16, SIZE / 16, 1, 16, 16, 1, 0, stream, parameters, NULL));
    CHECK(cuEventRecord(end, stream));
    CHECK(cuMemcpyDtoHAsync(c, device[0], BYTES, stream));
    CHECK(cuStreamSynchronize(stream));
    CHECK(cuEventElapsedTime(&ms, start, end));
    for (int i = 0; i < 3; i++) {
        CHECK(cuMemFree(device[i]));
    }
    CHECK(cuModuleUnload(module));
}

int main(int argc, char **argv)
{
    CUcontext context;
    CUdevice device;
    char name[128];
    int major;

    if (argc != 2) {
        return 2;
    }
    CHECK(cuInit(0));
    CHECK(cuDeviceGet(&device, 0));
    CHECK(cuDeviceGetName(name, sizeof(name), device));
    CHECK(cuDeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device));
#if CUDA_VERSION >= 13000
    CHECK(cuCtxCreate(&context, NULL, 0, device));
#else
    CHECK(cuCtxCreate(&context, 0, device));
#endif
    fill();
    multiply(argv[1]);
    for (int row = 0; row < SIZE; row++) {
        for (int column = 0; column < SIZE; column++) {
            if (c[row][column] != expected(row, column)) {
                fprintf(stderr, "(%d, %d) is %g\n", row, column, (double)c[row][column]);
                return 1;
            }
        }
    }
    CHECK(cuCtxDestroy(context));
    printf("right, on %s, %d.x\n", name, major);
    return 0;
}
