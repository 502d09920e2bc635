/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernels with references, by the driver API alone: these files know <cuda.h> and the C library,
 * and are compiled for the guest (run=test-cuda-kernels) and for the host (cuda_kernels_test.sh) as
 * they are. Integers are compared exactly, floats with the error that is documented where they are.
 */
#ifndef TESTS_GUEST_CUDA_KERNELS_H
#define TESTS_GUEST_CUDA_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cuda.h>

/* The PTX of linear.cu, collective.cu, numeric.cu. */
struct kernels_images {
    const char *linear, *collective, *numeric;
};

/* Runs all in the current context; TAP without a plan's head. Returns the exit status. */
int kernels_run(const struct kernels_images *images);

/* The rows of each file's tests; they call tap_ok once or more. */
void kernels_linear(CUmodule module);
void kernels_transforms(CUmodule module);
void kernels_collective(CUmodule module);
void kernels_sorting(CUmodule module);
void kernels_functions(CUmodule module);
void kernels_numeric(CUmodule module);
void kernels_order(CUmodule module);

/* ---- Shorter words; what fails ends the run with "Bail out!" ---- */

void kernels_check(CUresult result, const char *what);
#define CHECK(call) kernels_check(call, #call)

/* A kernel's geometry; zeroes are ones. */
struct kernels_shape {
    unsigned grid_x, grid_y, grid_z, block_x, block_y, block_z, shared;
};

/* Launches by name. The arguments are pointers to its parameters. */
#define LAUNCH(module, name, shape, ...)                                                           \
    kernels_launch(module, name, shape, (void *[]){__VA_ARGS__})
void kernels_launch(CUmodule module, const char *name, struct kernels_shape shape,
                    void **parameters);

/* Enough blocks of `block` for n. */
struct kernels_shape kernels_line(unsigned n, unsigned block);

/* Host memory, zeroed. */
void *kernels_memory(size_t size);

/* Device memory with these bytes; with zeroes when `from` is NULL. */
CUdeviceptr kernels_upload(const void *from, size_t size);

/* Copies back, and frees what was on the device. */
void kernels_download(void *to, CUdeviceptr from, size_t size);
void kernels_free(CUdeviceptr memory);

/* The same numbers again for the same seed. */
uint32_t kernels_random(uint32_t *state);
float kernels_random_float(uint32_t *state, float from, float to);
float *kernels_random_floats(size_t count, uint32_t seed, float from, float to);

/* Whether |got - expected| <= bound; else says which. */
bool kernels_near(size_t place, double got, double expected, double bound);

/* tap_ok of the same words. */
bool kernels_same(const void *got, const void *expected, size_t words, const char *what);

#define FLOAT_EPSILON 5.9604645e-8 /* half a unit in the last place, of one rounding */

#endif
