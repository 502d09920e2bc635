/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two pieces of the heap for copies of ordinary memory: one is filled while the worker copies from
 * the other.
 */
#include "firmware/cuda/internal.h"

/* Nothing more comes into it: its copies are done at its mark. */
static CUresult end(struct cuda_device *device, struct cuda_piece *piece)
{
    return piece->used != 0 ? cuda_mark_end(device, piece->stream, &piece->mark) : CUDA_SUCCESS;
}

/* Waits until the copies that use a piece are done. */
static CUresult drain(struct cuda_device *device, struct cuda_piece *piece)
{
    CUresult result =
        piece->used != 0 ? cuda_mark_wait(device, piece->stream, piece->mark) : CUDA_SUCCESS;

    piece->used = result == CUDA_SUCCESS ? 0 : piece->used;
    return result;
}

static bool has_room(const struct cuda_device *device, const struct cuda_piece *piece,
                     uint32_t stream, uint32_t size)
{
    return piece->used == 0 ||
           (piece->stream == stream && device->piece_size - piece->used >= size);
}

CUresult cuda_staging_take(struct cuda_device *device, uint32_t stream, uint32_t size,
                           uint8_t **bytes, uint64_t *offset)
{
    struct cuda_piece *piece = &device->pieces[device->piece];
    CUresult result = CUDA_SUCCESS;

    if (!has_room(device, piece, stream, size)) {
        result = end(device, piece);
        device->piece = (device->piece + 1) % CUDA_PIECES;
        piece = &device->pieces[device->piece];
        result = result ?: drain(device, piece);
    }
    if (result == CUDA_SUCCESS) {
        *bytes = piece->bytes + piece->used;
        *offset = piece->offset + piece->used;
        piece->stream = stream;
        piece->used += (size + 63) / 64 * 64;
    }
    return result;
}
