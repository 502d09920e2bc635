/* SPDX-License-Identifier: BSD-2-Clause */
/* Radix and bitonic sort. */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

#include "tests/guest/lib/tap.h"

#define BLOCK 256u
#define DIGITS 16u

struct pair {
    uint32_t key, place;
};

/* ---- Radix sort: the places of equal keys stay in order ---- */

/* At most BLOCK * 1024 words. */
static void scan_words(CUmodule module, CUdeviceptr words, CUdeviceptr sums, unsigned n)
{
    unsigned blocks = (n + BLOCK - 1) / BLOCK, one = 1024;
    CUdeviceptr total = sums + 4 * one;

    LAUNCH(module, "scan_blocks", kernels_line(n, BLOCK), &words, &sums, &words, &n);
    LAUNCH(module, "scan_blocks", kernels_line(one, one), &sums, &total, &sums, &blocks);
    LAUNCH(module, "scan_add", kernels_line(n, BLOCK), &words, &sums, &n);
}

static void radix_sort(CUmodule module, CUdeviceptr pairs[2], unsigned n)
{
    const struct kernels_shape shape = kernels_line(n, BLOCK);
    unsigned counters = DIGITS * shape.grid_x;
    CUdeviceptr keys = kernels_upload(NULL, 4 * n), counts = kernels_upload(NULL, 4 * counters);
    CUdeviceptr sums = kernels_upload(NULL, 4 * (1024 + 1));

    for (unsigned shift = 0, pass = 0; shift < 32; shift += 4, pass++) {
        CUdeviceptr *from = &pairs[pass % 2], *to = &pairs[(pass + 1) % 2];

        LAUNCH(module, "radix_keys", shape, &keys, from, &n);
        LAUNCH(module, "radix_count", shape, &counts, &keys, &n, &shift);
        scan_words(module, counts, sums, counters);
        LAUNCH(module, "radix_scatter", shape, to, from, &counts, &n, &shift);
    }
    kernels_free(keys);
    kernels_free(counts);
    kernels_free(sums);
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    return x->key != y->key ? (x->key > y->key) - (x->key < y->key)
                            : (x->place > y->place) - (x->place < y->place);
}

static void radix(CUmodule module)
{
    unsigned n = 10007;
    struct pair *pairs = kernels_memory(n * sizeof(*pairs));
    struct pair *got = kernels_memory(n * sizeof(*pairs));
    uint32_t seed = 17;

    for (unsigned i = 0; i < n; i++) {
        uint32_t word = kernels_random(&seed);

        pairs[i] = (struct pair){word % 8 ? word : word >> 8 & 0xF0F, i}; /* some are equal */
    }
    CUdeviceptr memory[2] = {kernels_upload(pairs, n * sizeof(*pairs)),
                             kernels_upload(NULL, n * sizeof(*pairs))};

    radix_sort(module, memory, n);
    kernels_download(got, memory[0], n * sizeof(*pairs));
    kernels_free(memory[1]);
    qsort(pairs, n, sizeof(*pairs), compare_pairs);
    kernels_same(got, pairs, 2 * n, "radix sort of 10007 pairs, stable");
    free(pairs);
    free(got);
}

/* ---- Bitonic sort ---- */

static int compare_integers(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

static void bitonic_sort(CUmodule module, CUdeviceptr values, unsigned n)
{
    const struct kernels_shape shape = {.grid_x = n / (2 * BLOCK), .block_x = BLOCK};
    unsigned first = 2, last = 2 * BLOCK;

    LAUNCH(module, "bitonic_within", shape, &values, &first, &last);
    for (unsigned size = 4 * BLOCK; size <= n; size *= 2) {
        for (unsigned distance = size / 2; distance > BLOCK; distance /= 2) {
            LAUNCH(module, "bitonic_step", shape, &values, &size, &distance);
        }
        LAUNCH(module, "bitonic_within", shape, &values, &size, &size);
    }
}

static void bitonic(CUmodule module)
{
    unsigned n = 8192;
    int32_t *values = kernels_memory(4 * n), *got = kernels_memory(4 * n);
    uint32_t seed = 18;

    for (unsigned i = 0; i < n; i++) {
        values[i] = (int32_t)kernels_random(&seed);
    }
    CUdeviceptr memory = kernels_upload(values, 4 * n);

    bitonic_sort(module, memory, n);
    kernels_download(got, memory, 4 * n);
    qsort(values, n, 4, compare_integers);
    kernels_same(got, values, n, "bitonic sort of 8192 integers");
    free(values);
    free(got);
}

void kernels_sorting(CUmodule module)
{
    radix(module);
    bitonic(module);
}
