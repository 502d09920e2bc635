/* SPDX-License-Identifier: BSD-2-Clause */
/* What kernels compute (kernels.ptx), and fills, in pieces. */
#include "host/mediator/compute/gpu.h"

#include <string.h>

#define WARP 32u
#define ROWS 8u /* of a warp: kernels.ptx */
#define WARPS_PER_BLOCK 8u
#define ELEMENT_SIZE 4u
#define WORD_SIZE 4u
#define PATTERN_SIZE 16u

_Static_assert(3 * GPU_HOST_VECTOR_MAX * ELEMENT_SIZE <= GPU_SCRATCH_SIZE, "a, b and c fit");

/* How many elements make the next piece. */
static uint32_t piece_of(const struct gpu *gpu, uint64_t left, uint32_t element_size)
{
    uint64_t most = gpu_piece(gpu) / element_size;

    return (uint32_t)(left < most ? left : most);
}

static CUresult launch(struct gpu *gpu, CUfunction function, uint32_t count, void **parameters)
{
    uint32_t warps = (count - 1) / (WARP * ROWS) + 1;
    uint32_t of_block = warps < WARPS_PER_BLOCK ? warps : WARPS_PER_BLOCK;
    uint32_t blocks = (warps - 1) / of_block + 1;

    return gpu->driver->cuLaunchKernel(function, blocks, 1, 1, of_block * WARP, 1, 1, 0,
                                       gpu->stream, parameters, NULL);
}

/* ---- Fills ---- */

/* Texels of 8 or 16 bytes, word by word. */
static CUresult fill_words(struct gpu *gpu, gpu_address dst, const void *texel, uint32_t size,
                           uint32_t count)
{
    uint32_t words = count * (size / WORD_SIZE);
    unsigned char pattern[PATTERN_SIZE];
    void *parameters[] = {&dst, &words, pattern};

    for (uint32_t i = 0; i < PATTERN_SIZE; i += size) {
        memcpy(pattern + i, texel, size);
    }
    return launch(gpu, gpu->fill, words, parameters);
}

static CUresult start_fill(struct gpu *gpu, gpu_address dst, const void *texel, uint32_t size,
                           uint32_t count)
{
    const struct cuda_driver *driver = gpu->driver;
    uint8_t byte;
    uint16_t half;
    uint32_t word;

    switch (size) {
    case 1:
        memcpy(&byte, texel, size);
        return driver->cuMemsetD8Async(dst, byte, count, gpu->stream);
    case 2:
        memcpy(&half, texel, size);
        return driver->cuMemsetD16Async(dst, half, count, gpu->stream);
    case 4:
        memcpy(&word, texel, size);
        return driver->cuMemsetD32Async(dst, word, count, gpu->stream);
    default:
        return fill_words(gpu, dst, texel, size, count);
    }
}

enum bg_compute_status gpu_fill(struct gpu *gpu, gpu_address dst, const void *texel, uint32_t size,
                                uint64_t count, bool async)
{
    enum bg_compute_status status = BG_COMPUTE_OK;
    uint32_t piece;

    for (uint64_t done = 0; done < count && status == BG_COMPUTE_OK; done += piece) {
        piece = piece_of(gpu, count - done, size);
        gpu->async_pending = true;
        status = gpu_check(gpu, start_fill(gpu, dst + done * size, texel, size, piece), "fill");
        if (count - done > piece) {
            gpu_give_way(gpu);
        }
    }
    return status == BG_COMPUTE_OK ? gpu_complete(gpu, async, "fill") : status;
}

/* ---- Additions ---- */

static enum bg_compute_status start_add(struct gpu *gpu, enum bg_compute_element_type type,
                                        gpu_address c, gpu_address a, gpu_address b, uint32_t count)
{
    void *parameters[] = {&c, &a, &b, &count};
    bool is_float = type == BG_COMPUTE_ELEMENT_FLOAT32;

    gpu->async_pending = true;
    return gpu_check(gpu,
                     launch(gpu, is_float ? gpu->add_float32 : gpu->add_uint32, count, parameters),
                     "cuLaunchKernel");
}

enum bg_compute_status gpu_add(struct gpu *gpu, enum bg_compute_element_type type, gpu_address c,
                               gpu_address a, gpu_address b, uint64_t count, bool async)
{
    enum bg_compute_status status = BG_COMPUTE_OK;
    uint32_t piece;

    for (uint64_t done = 0; done < count && status == BG_COMPUTE_OK; done += piece) {
        uint64_t offset = done * ELEMENT_SIZE;

        piece = piece_of(gpu, count - done, ELEMENT_SIZE);
        status = start_add(gpu, type, c + offset, a + offset, b + offset, piece);
        if (count - done > piece) {
            gpu_give_way(gpu);
        }
    }
    return status == BG_COMPUTE_OK ? gpu_complete(gpu, async, "vector addition") : status;
}

/* Through memory that the GPU sees in place: to copy so little there and back takes longer. */
enum bg_compute_status gpu_add_host(struct gpu *gpu, enum bg_compute_element_type type, void *c,
                                    const void *a, const void *b, uint32_t count)
{
    size_t size = (size_t)count * ELEMENT_SIZE;
    uint8_t *scratch = gpu->scratch;
    gpu_address address = gpu->scratch_address;
    enum bg_compute_status status;

    memcpy(scratch, a, size);
    memcpy(scratch + size, b, size);
    status = start_add(gpu, type, address + 2 * size, address, address + size, count);
    if (status == BG_COMPUTE_OK) {
        status = gpu_complete(gpu, false, "vector addition");
    }
    if (status == BG_COMPUTE_OK) {
        memcpy(c, scratch + 2 * size, size);
    }
    return status;
}
