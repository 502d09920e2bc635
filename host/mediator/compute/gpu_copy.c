/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies, in pieces. */
#include "host/mediator/compute/gpu.h"

#include <string.h>

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void count(struct gpu *gpu, const struct gpu_side *dst, const struct gpu_side *src,
                  uint64_t size)
{
    if (src->host != NULL) {
        gpu_count_copy(&gpu->copied_in, size);
    } else if (dst->host != NULL) {
        gpu_count_copy(&gpu->copied_out, size);
    }
}

/* ---- In a row ---- */

/* From pageable memory the driver has taken the bytes when the call returns; from shared memory
 * (gpu_share) it is one DMA, under way. */
static enum bg_compute_status start_copy(struct gpu *gpu, const struct gpu_side *dst,
                                         const struct gpu_side *src, uint64_t offset, uint64_t size)
{
    const struct cuda_driver *driver = gpu->driver;

    gpu->async_pending = true;
    count(gpu, dst, src, size);
    if (src->host != NULL) {
        return gpu_check(gpu,
                         driver->cuMemcpyHtoDAsync(dst->address + offset,
                                                   (const uint8_t *)src->host + offset,
                                                   (size_t)size, gpu->stream),
                         "cuMemcpyHtoDAsync");
    }
    if (dst->host != NULL) {
        return gpu_check(gpu,
                         driver->cuMemcpyDtoHAsync((uint8_t *)dst->host + offset,
                                                   src->address + offset, (size_t)size,
                                                   gpu->stream),
                         "cuMemcpyDtoHAsync");
    }
    return gpu_check(gpu,
                     driver->cuMemcpyDtoDAsync(dst->address + offset, src->address + offset,
                                               (size_t)size, gpu->stream),
                     "cuMemcpyDtoDAsync");
}

/* No side overlaps the other. */
static enum bg_compute_status start_pieces(struct gpu *gpu, const struct gpu_side *dst,
                                           const struct gpu_side *src, uint64_t size)
{
    enum bg_compute_status status = BG_COMPUTE_OK;
    uint64_t piece;

    for (uint64_t done = 0; done < size && status == BG_COMPUTE_OK; done += piece) {
        piece = least(size - done, gpu_piece(gpu));
        status = start_copy(gpu, dst, src, done, piece);
        if (size - done > piece) {
            gpu_give_way(gpu);
        }
    }
    return status;
}

static enum bg_compute_status copy(struct gpu *gpu, const struct gpu_side *dst,
                                   const struct gpu_side *src, uint64_t size, bool async)
{
    enum bg_compute_status status = start_pieces(gpu, dst, src, size);

    return status == BG_COMPUTE_OK ? gpu_complete(gpu, async, "copy") : status;
}

enum bg_compute_status gpu_copy_to(struct gpu *gpu, gpu_address dst, const void *src, uint64_t size,
                                   bool async)
{
    return copy(gpu, &(struct gpu_side){.address = dst}, &(struct gpu_side){.host = (void *)src},
                size, async);
}

enum bg_compute_status gpu_copy_from(struct gpu *gpu, void *dst, gpu_address src, uint64_t size,
                                     bool async)
{
    return copy(gpu, &(struct gpu_side){.host = dst}, &(struct gpu_side){.address = src}, size,
                async);
}

/* ---- Over itself ---- */

/* A piece that overlaps its own copy goes through other memory. */
static enum bg_compute_status start_move(struct gpu *gpu, const struct gpu_side *dst,
                                         const struct gpu_side *src, gpu_address between,
                                         uint64_t offset, uint64_t size)
{
    enum bg_compute_status status;

    if (between == 0) {
        return start_copy(gpu, dst, src, offset, size);
    }
    status = start_copy(gpu, &(struct gpu_side){.address = between},
                        &(struct gpu_side){.address = src->address + offset}, 0, size);
    return status == BG_COMPUTE_OK
               ? start_copy(gpu, &(struct gpu_side){.address = dst->address + offset},
                            &(struct gpu_side){.address = between}, 0, size)
               : status;
}

/* From the end that is not overwritten before it is read. */
static enum bg_compute_status start_moves(struct gpu *gpu, const struct gpu_side *dst,
                                          const struct gpu_side *src, gpu_address between,
                                          uint64_t size)
{
    bool forward = dst->address < src->address;
    enum bg_compute_status status = BG_COMPUTE_OK;
    uint64_t piece;

    for (uint64_t left = size; left > 0 && status == BG_COMPUTE_OK; left -= piece) {
        piece = least(left, gpu_piece(gpu));
        status = start_move(gpu, dst, src, between, forward ? size - left : left - piece, piece);
        if (left > piece) {
            gpu_give_way(gpu);
        }
    }
    return status;
}

static enum bg_compute_status move_through(struct gpu *gpu, const struct gpu_side *dst,
                                           const struct gpu_side *src, uint64_t size)
{
    CUdeviceptr between;
    CUresult result = gpu->driver->cuMemAlloc(&between, (size_t)least(size, gpu_piece(gpu)));
    enum bg_compute_status status, waited;

    if (result != CUDA_SUCCESS) {
        return gpu_check(gpu, result, "cuMemAlloc");
    }
    status = start_moves(gpu, dst, src, between, size);
    waited = gpu_complete(gpu, false, "copy");
    gpu->driver->cuMemFree(between);
    return status != BG_COMPUTE_OK ? status : waited;
}

enum bg_compute_status gpu_copy_within(struct gpu *gpu, gpu_address dst, gpu_address src,
                                       uint64_t size, bool async)
{
    const struct gpu_side to = {.address = dst}, from = {.address = src};
    uint64_t distance = dst < src ? src - dst : dst - src;
    enum bg_compute_status status;

    if (distance == 0) {
        return BG_COMPUTE_OK;
    }
    if (distance < least(size, gpu_piece(gpu))) {
        return move_through(gpu, &to, &from, size);
    }
    status = start_moves(gpu, &to, &from, 0, size);
    return status == BG_COMPUTE_OK ? gpu_complete(gpu, async, "copy") : status;
}

void gpu_move(struct gpu *gpu, void *dst, const void *src, uint64_t size)
{
    bool forward = (uintptr_t)dst <= (uintptr_t)src;
    uint64_t piece;

    for (uint64_t left = size; left > 0; left -= piece) {
        piece = least(left, GPU_CPU_PIECE);
        uint64_t offset = forward ? size - left : left - piece;

        memmove((uint8_t *)dst + offset, (const uint8_t *)src + offset, (size_t)piece);
        if (left > piece) {
            gpu_give_way(gpu);
        }
    }
}

/* ---- Boxes ---- */

/* Rows without gaps on both sides become one, then slices. */
static void join(struct gpu_box *box, const struct gpu_side *dst, const struct gpu_side *src)
{
    if (dst->row_pitch == box->row_size && src->row_pitch == box->row_size) {
        box->row_size *= box->rows;
        box->rows = 1;
        if (dst->slice_pitch == box->row_size && src->slice_pitch == box->row_size) {
            box->row_size *= box->slices;
            box->slices = 1;
        }
    }
}

static struct gpu_side from_row(const struct gpu_side *side, uint64_t slice, uint64_t row)
{
    uint64_t offset = slice * side->slice_pitch + row * side->row_pitch;
    struct gpu_side part = *side;

    if (side->host != NULL) {
        part.host = (uint8_t *)side->host + offset;
    } else {
        part.address += offset;
    }
    return part;
}

/* More than one row. Not cuMemcpy2D: between two places of a device it may refuse a pitch. */
static enum bg_compute_status start_rows(struct gpu *gpu, const struct gpu_side *dst,
                                         const struct gpu_side *src, uint64_t row_size,
                                         uint64_t rows)
{
    const CUDA_MEMCPY3D copy = {
        .srcMemoryType = src->host != NULL ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE,
        .srcHost = src->host,
        .srcDevice = src->address,
        .srcPitch = (size_t)src->row_pitch,
        .dstMemoryType = dst->host != NULL ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE,
        .dstHost = dst->host,
        .dstDevice = dst->address,
        .dstPitch = (size_t)dst->row_pitch,
        .WidthInBytes = (size_t)row_size,
        .Height = (size_t)rows,
        .Depth = 1,
    };

    gpu->async_pending = true;
    count(gpu, dst, src, row_size * rows);
    return gpu_check(gpu, gpu->driver->cuMemcpy3DAsync(&copy, gpu->stream), "cuMemcpy3DAsync");
}

/* As many rows as make a piece, of one slice: a guest's slice pitch need not be a multiple of its
 * row pitch. */
static enum bg_compute_status start_slice(struct gpu *gpu, const struct gpu_side *dst,
                                          const struct gpu_side *src, const struct gpu_box *box,
                                          uint64_t slice, uint64_t *since)
{
    uint64_t most = box->row_size < gpu_piece(gpu) ? gpu_piece(gpu) / box->row_size : 1;
    enum bg_compute_status status = BG_COMPUTE_OK;
    uint64_t rows;

    for (uint64_t row = 0; row < box->rows && status == BG_COMPUTE_OK; row += rows) {
        const struct gpu_side to = from_row(dst, slice, row), from = from_row(src, slice, row);

        rows = least(box->rows - row, most);
        if (*since >= gpu_piece(gpu)) {
            gpu_give_way(gpu);
            *since = 0;
        }
        status = rows == 1 ? start_pieces(gpu, &to, &from, box->row_size)
                           : start_rows(gpu, &to, &from, box->row_size, rows);
        *since += rows * box->row_size;
    }
    return status;
}

enum bg_compute_status gpu_copy_box(struct gpu *gpu, const struct gpu_side *dst,
                                    const struct gpu_side *src, const struct gpu_box *box,
                                    bool async)
{
    enum bg_compute_status status = BG_COMPUTE_OK;
    struct gpu_box rest = *box;
    uint64_t since = 0; /* bytes without having given way */

    join(&rest, dst, src);
    for (uint64_t slice = 0; slice < rest.slices && status == BG_COMPUTE_OK; slice++) {
        status = start_slice(gpu, dst, src, &rest, slice, &since);
    }
    return status == BG_COMPUTE_OK ? gpu_complete(gpu, async, "copy of a box") : status;
}
