/* SPDX-License-Identifier: BSD-2-Clause */
/* Reduction, scan, histograms, dynamic shared memory, a cooperative launch: exact. */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

#include "tests/guest/lib/tap.h"

#define BLOCK 256u

static uint32_t *random_words(size_t count, uint32_t seed)
{
    uint32_t *words = kernels_memory(4 * count);

    for (size_t i = 0; i < count; i++) {
        words[i] = kernels_random(&seed);
    }
    return words;
}

static void reduction(CUmodule module)
{
    unsigned n = 123457;
    uint32_t *values = random_words(n, 12), sum = 0, expected = 0;
    CUdeviceptr from = kernels_upload(values, 4 * n), total = kernels_upload(NULL, 4);

    LAUNCH(module, "reduce", ((struct kernels_shape){.grid_x = 24, .block_x = BLOCK}), &total,
           &from, &n);
    kernels_download(&sum, total, 4);
    kernels_free(from);
    for (unsigned i = 0; i < n; i++) {
        expected += values[i];
    }
    tap_equal(sum, expected, "reduction, by shuffles");
    free(values);
}

/* Blocks by themselves, their sums, and those added: at most BLOCK * 1024 values. */
static void scan_on_device(CUmodule module, CUdeviceptr to, CUdeviceptr from, unsigned n)
{
    unsigned blocks = (n + BLOCK - 1) / BLOCK, one = 1024;
    CUdeviceptr sums = kernels_upload(NULL, 4 * one), total = kernels_upload(NULL, 4);

    LAUNCH(module, "scan_blocks", kernels_line(n, BLOCK), &to, &sums, &from, &n);
    LAUNCH(module, "scan_blocks", kernels_line(one, one), &sums, &total, &sums, &blocks);
    LAUNCH(module, "scan_add", kernels_line(n, BLOCK), &to, &sums, &n);
    kernels_free(sums);
    kernels_free(total);
}

static void scan(CUmodule module)
{
    unsigned n = 100001;
    uint32_t *values = random_words(n, 13), *got = kernels_memory(4 * n), sum = 0;
    CUdeviceptr from = kernels_upload(values, 4 * n), to = kernels_upload(NULL, 4 * n);

    scan_on_device(module, to, from, n);
    kernels_download(got, to, 4 * n);
    kernels_free(from);
    for (unsigned i = 0; i < n; i++) {
        uint32_t value = values[i];

        values[i] = sum;
        sum += value;
    }
    kernels_same(got, values, n, "scan of 100001 words");
    free(values);
    free(got);
}

static void histogram(CUmodule module, const char *kernel, const char *what)
{
    unsigned n = 200001;
    uint32_t expected[256] = {0}, bins[256], seed = 14;
    uint8_t *values = kernels_memory(n);

    for (unsigned i = 0; i < n; i++) {
        values[i] = (uint8_t)(kernels_random(&seed) & kernels_random(&seed));
        expected[values[i]]++;
    }
    CUdeviceptr from = kernels_upload(values, n), to = kernels_upload(NULL, sizeof(bins));

    LAUNCH(module, kernel, ((struct kernels_shape){.grid_x = 20, .block_x = BLOCK}), &to, &from,
           &n);
    kernels_download(bins, to, sizeof(bins));
    kernels_free(from);
    kernels_same(bins, expected, 256, what);
    free(values);
}

static void dynamic_shared(CUmodule module)
{
    enum { THREADS = 192, BLOCKS = 5, COUNT = THREADS * BLOCKS };
    uint32_t *values = random_words(COUNT, 15), got[COUNT], expected[COUNT];
    CUdeviceptr memory = kernels_upload(values, sizeof(got));

    LAUNCH(module, "reverse",
           ((struct kernels_shape){.grid_x = BLOCKS, .block_x = THREADS, .shared = 8 * THREADS}),
           &memory);
    kernels_download(got, memory, sizeof(got));
    for (unsigned i = 0; i < COUNT; i++) {
        expected[i] = __builtin_bswap32(values[i / THREADS * THREADS + THREADS - 1 - i % THREADS]);
    }
    kernels_same(got, expected, COUNT, "dynamic shared memory, two arrays in it");
    free(values);
}

/* ---- A cooperative launch ---- */

#define ROUNDS 6u
#define COOPERATIVE_BLOCK 64u
#define COOPERATIVE_BLOCKS_MAX 24u

/* As many blocks as the device can have at once, and no more than a few. */
static unsigned cooperative_blocks(CUfunction function)
{
    CUdevice device;
    int each, multiprocessors;

    CHECK(cuCtxGetDevice(&device));
    CHECK(cuDeviceGetAttribute(&multiprocessors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, device));
    CHECK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&each, function, COOPERATIVE_BLOCK, 0));
    unsigned most = (unsigned)each * (unsigned)multiprocessors;

    return most < COOPERATIVE_BLOCKS_MAX ? most : COOPERATIVE_BLOCKS_MAX;
}

static void add_neighbours(uint32_t *values, unsigned n)
{
    uint32_t *before = kernels_memory(4 * n);

    for (unsigned round = 0; round < ROUNDS; round++) {
        memcpy(before, values, 4 * n);
        for (unsigned i = 0; i < n; i++) {
            values[i] = before[i] + before[(i + COOPERATIVE_BLOCK) % n];
        }
    }
    free(before);
}

static void cooperative(CUmodule module, const char *kernel, const char *what)
{
    CUfunction function;

    kernels_check(cuModuleGetFunction(&function, module, kernel), kernel);
    unsigned blocks = cooperative_blocks(function), n = blocks * COOPERATIVE_BLOCK, rounds = ROUNDS;
    uint32_t *values = random_words(n, 16), *got = kernels_memory(4 * n);
    CUdeviceptr memory = kernels_upload(values, 4 * n), other = kernels_upload(NULL, 4 * n);
    CUdeviceptr arrived = kernels_upload(NULL, 4);

    CHECK(cuLaunchCooperativeKernel(function, blocks, 1, 1, COOPERATIVE_BLOCK, 1, 1, 0, NULL,
                                    (void *[]){&memory, &other, &arrived, &rounds}));
    kernels_download(got, memory, 4 * n);
    kernels_free(other);
    kernels_free(arrived);
    add_neighbours(values, n);
    kernels_same(got, values, n, what);
    free(values);
    free(got);
}

void kernels_collective(CUmodule module)
{
    reduction(module);
    scan(module);
    histogram(module, "histogram", "histogram, shared atomics");
    histogram(module, "histogram_global", "histogram, global atomics");
    dynamic_shared(module);
    cooperative(module, "neighbours", "cooperative launch: blocks wait for each other");
    cooperative(module, "neighbours_by_groups", "cooperative launch, by cooperative_groups.h");
}
