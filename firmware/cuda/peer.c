/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies between contexts: by the device where both are its own, else through this side's memory,
 * since no worker sees another one's. */
#include "firmware/cuda/capture.h"
#include "protocol/cuda_rules.h"

#define PIECE_SIZE (64u << 10)

/* ---- Through this side ---- */

/* `box` with memory at `bytes`, one row behind the other, in the place of where it goes to. */
static CUDA_MEMCPY3D reading(const CUDA_MEMCPY3D *box, void *bytes)
{
    CUDA_MEMCPY3D read = *box;

    read.dstMemoryType = CU_MEMORYTYPE_HOST;
    read.dstHost = bytes;
    read.dstXInBytes = read.dstY = read.dstZ = 0;
    read.dstPitch = box->WidthInBytes;
    read.dstHeight = box->Height;
    return read;
}

/* And of where it comes from. */
static CUDA_MEMCPY3D writing(const CUDA_MEMCPY3D *box, void *bytes)
{
    CUDA_MEMCPY3D written = *box;

    written.srcMemoryType = CU_MEMORYTYPE_HOST;
    written.srcHost = bytes;
    written.srcXInBytes = written.srcY = written.srcZ = 0;
    written.srcPitch = box->WidthInBytes;
    written.srcHeight = box->Height;
    return written;
}

static CUresult check(struct cuda_context *context, CUDA_MEMCPY3D asked)
{
    struct cuda_copy copy;

    return cuda_copy_check(context, &asked, &copy);
}

/* Ordinary memory may be used again when it returns. */
static CUresult run(struct cuda_context *context, CUDA_MEMCPY3D asked)
{
    struct cuda_copy copy;

    return cuda_copy_check(context, &asked, &copy) ?: cuda_copy_run(&context->legacy, &copy, false);
}

/* Where the sides are. */
struct peers {
    struct cuda_context *to, *from;
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Rows of one slice of a box, or a part of one, from this place in it on: no more than a piece. */
static CUDA_MEMCPY3D tile_at(const CUDA_MEMCPY3D *box, size_t x, size_t y, size_t z)
{
    CUDA_MEMCPY3D tile = *box;

    tile.srcXInBytes += x;
    tile.dstXInBytes += x;
    tile.srcY += y;
    tile.dstY += y;
    tile.srcZ += z;
    tile.dstZ += z;
    tile.WidthInBytes = least(box->WidthInBytes - x, PIECE_SIZE);
    tile.Height = least(box->Height - y, PIECE_SIZE / least(box->WidthInBytes, PIECE_SIZE));
    tile.Depth = 1;
    return tile;
}

/* Reads it, and queues its writing. */
static CUresult copy_tile(const struct peers *peers, const CUDA_MEMCPY3D *tile, void *bytes)
{
    return run(peers->from, reading(tile, bytes)) ?: run(peers->to, writing(tile, bytes));
}

static CUresult copy_slice(const struct peers *peers, const CUDA_MEMCPY3D *box, size_t z,
                           void *bytes)
{
    CUresult result = CUDA_SUCCESS;
    CUDA_MEMCPY3D tile = *box;

    for (size_t y = 0; y < box->Height; y += tile.Height) {
        for (size_t x = 0; x < box->WidthInBytes; x += tile.WidthInBytes) {
            tile = tile_at(box, x, y, z);
            result = copy_tile(peers, &tile, bytes);
            if (result != CUDA_SUCCESS) {
                return result;
            }
        }
    }
    return result;
}

static CUresult copy_slices(const struct peers *peers, const CUDA_MEMCPY3D *box, void *bytes)
{
    CUresult result = CUDA_SUCCESS;

    for (size_t z = 0; z < box->Depth && result == CUDA_SUCCESS; z++) {
        result = copy_slice(peers, box, z, bytes);
    }
    return result ?: cuda_stream_wait(&peers->to->legacy);
}

static CUresult copy_across(const struct peers *peers, const CUDA_MEMCPY3D *box)
{
    void *bytes = cuda_alloc(PIECE_SIZE);
    CUresult result;

    if (bytes == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    result = check(peers->from, reading(box, bytes)) ?: check(peers->to, writing(box, bytes));
    if (result == CUDA_SUCCESS && box->WidthInBytes != 0) {
        result = copy_slices(peers, box, bytes);
    }
    cuda_free(bytes);
    return result;
}

static CUresult copy_box(struct cuda_context *context, const struct peers *peers,
                         const CUDA_MEMCPY3D *box, CUstream handle)
{
    struct cuda_stream *stream;
    CUresult result = peers->to->error ?: peers->from->error;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (peers->to->device == context->device && peers->from->device == context->device) {
        return cuMemcpy3DAsync(box, handle);
    }
    return cuda_capture_stream_of(context, handle, &stream)
               ?: cuda_capture_refuse(stream)
               ?: cuda_stream_wait(stream) ?: copy_across(peers, box);
}

/* ---- The API ---- */

CUresult cuMemcpyPeerAsync(CUdeviceptr to, CUcontext to_handle, CUdeviceptr from,
                           CUcontext from_handle, size_t size, CUstream stream)
{
    const CUDA_MEMCPY3D box = {
        .srcMemoryType = CU_MEMORYTYPE_DEVICE,
        .srcDevice = from,
        .dstMemoryType = CU_MEMORYTYPE_DEVICE,
        .dstDevice = to,
        .WidthInBytes = size,
        .Height = 1,
        .Depth = 1,
    };
    struct cuda_context *context;
    struct peers peers;

    return cuda_enter_context(&context)
               ?: cuda_context_of(to_handle, &peers.to)
               ?: cuda_context_of(from_handle, &peers.from)
               ?: copy_box(context, &peers, &box, stream);
}

CUresult cuMemcpyPeer(CUdeviceptr to, CUcontext to_context, CUdeviceptr from,
                      CUcontext from_context, size_t size)
{
    return cuMemcpyPeerAsync(to, to_context, from, from_context, size, NULL);
}

/* An array knows its context. */
static CUresult find_side(CUmemorytype type, CUarray array, CUcontext handle,
                          struct cuda_context **context)
{
    const struct cuda_array *found;

    if (type != CU_MEMORYTYPE_ARRAY) {
        return cuda_context_of(handle, context);
    }
    found = cuda_find(array, CUDA_KIND_ARRAY);
    if (found == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    *context = found->object.context;
    return CUDA_SUCCESS;
}

CUresult cuMemcpy3DPeerAsync(const CUDA_MEMCPY3D_PEER *copy, CUstream stream)
{
    struct cuda_context *context;
    struct peers peers;
    CUDA_MEMCPY3D box;
    CUresult result = cuda_enter_context(&context);

    if (result != CUDA_SUCCESS || copy == NULL) {
        return result ?: CUDA_ERROR_INVALID_VALUE;
    }
    box = cuda_box_of_peer(copy);
    return find_side(copy->dstMemoryType, copy->dstArray, copy->dstContext, &peers.to)
               ?: find_side(copy->srcMemoryType, copy->srcArray, copy->srcContext, &peers.from)
               ?: copy_box(context, &peers, &box, stream);
}

CUresult cuMemcpy3DPeer(const CUDA_MEMCPY3D_PEER *copy)
{
    return cuMemcpy3DPeerAsync(copy, NULL);
}
