/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/guest/lib/tap.h"

void kernels_check(CUresult result, const char *what)
{
    const char *name = "an unknown error";

    if (result == CUDA_SUCCESS) {
        return;
    }
    cuGetErrorName(result, &name);
    tap_bail("%s: %s", what, name);
    exit(1);
}

/* ---- Launches ---- */

static unsigned at_least_one(unsigned n)
{
    return n > 0 ? n : 1;
}

void kernels_launch(CUmodule module, const char *name, struct kernels_shape shape,
                    void **parameters)
{
    CUfunction function;

    kernels_check(cuModuleGetFunction(&function, module, name), name);
    kernels_check(cuLaunchKernel(function, at_least_one(shape.grid_x), at_least_one(shape.grid_y),
                                 at_least_one(shape.grid_z), at_least_one(shape.block_x),
                                 at_least_one(shape.block_y), at_least_one(shape.block_z),
                                 shape.shared, NULL, parameters, NULL),
                  name);
}

struct kernels_shape kernels_line(unsigned n, unsigned block)
{
    return (struct kernels_shape){.grid_x = (n + block - 1) / block, .block_x = block};
}

/* ---- Memory ---- */

void *kernels_memory(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL) {
        tap_bail("no %zu bytes of memory", size);
        exit(1);
    }
    return memory;
}

CUdeviceptr kernels_upload(const void *from, size_t size)
{
    CUdeviceptr memory;

    CHECK(cuMemAlloc(&memory, size));
    if (from != NULL) {
        CHECK(cuMemcpyHtoD(memory, from, size));
    } else {
        CHECK(cuMemsetD8(memory, 0, size));
    }
    return memory;
}

void kernels_download(void *to, CUdeviceptr from, size_t size)
{
    CHECK(cuMemcpyDtoH(to, from, size));
    kernels_free(from);
}

void kernels_free(CUdeviceptr memory)
{
    CHECK(cuMemFree(memory));
}

/* ---- Numbers ---- */

uint32_t kernels_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

float kernels_random_float(uint32_t *state, float from, float to)
{
    return from + (to - from) * ((float)(kernels_random(state) >> 8) / (float)(1 << 24));
}

float *kernels_random_floats(size_t count, uint32_t seed, float from, float to)
{
    float *numbers = kernels_memory(count * sizeof(*numbers));

    for (size_t i = 0; i < count; i++) {
        numbers[i] = kernels_random_float(&seed, from, to);
    }
    return numbers;
}

bool kernels_near(size_t place, double got, double expected, double bound)
{
    if (fabs(got - expected) <= bound) {
        return true;
    }
    tap_diag("%zu: %.9g instead of %.9g, allowed are %.3g", place, got, expected, bound);
    return false;
}

bool kernels_same(const void *got, const void *expected, size_t words, const char *what)
{
    const uint32_t *a = got, *b = expected;

    for (size_t i = 0; i < words; i++) {
        if (a[i] != b[i]) {
            tap_diag("%zu: 0x%x instead of 0x%x", i, (unsigned)a[i], (unsigned)b[i]);
            return tap_ok(false, "%s", what);
        }
    }
    return tap_ok(true, "%s", what);
}

/* ---- All of them ---- */

int kernels_run(const struct kernels_images *images)
{
    CUmodule linear, collective, numeric;

    tap_plan(0);
    CHECK(cuModuleLoadData(&linear, images->linear));
    kernels_linear(linear);
    kernels_transforms(linear);
    CHECK(cuModuleUnload(linear));
    CHECK(cuModuleLoadData(&collective, images->collective));
    kernels_collective(collective);
    kernels_sorting(collective);
    CHECK(cuModuleUnload(collective));
    CHECK(cuModuleLoadData(&numeric, images->numeric));
    kernels_functions(numeric);
    kernels_numeric(numeric);
    kernels_order(numeric);
    CHECK(cuModuleUnload(numeric));
    return tap_done();
}
