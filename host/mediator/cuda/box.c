/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of rows and slices. */
#include "host/mediator/cuda/box.h"

#include "host/mediator/cuda/array.h"
#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/memory.h"
#include "host/mediator/cuda/stream.h"

/* One side, for the driver. */
struct side {
    CUmemorytype type;
    void *host;
    CUdeviceptr address;
    CUarray array;
    size_t pitch, height;
};

/* The bytes from a memory side's start to the box's end; false: more than there can be. */
static bool measure(const struct bg_cuda_box_side *side, const struct bg_cuda_copy_box *box,
                    uint64_t *size)
{
    uint64_t rows, slices, row_end, bytes;

    return !__builtin_add_overflow(side->z, box->depth - 1, &slices) &&
           !__builtin_add_overflow(side->y, box->height - 1, &rows) &&
           !__builtin_add_overflow(side->x, box->width, &row_end) &&
           !__builtin_mul_overflow(slices, side->height, &slices) &&
           !__builtin_add_overflow(rows, slices, &rows) &&
           !__builtin_mul_overflow(rows, side->pitch, &bytes) &&
           !__builtin_add_overflow(bytes, row_end, size);
}

static bool has_slices(const struct bg_cuda_box_side *side, const struct bg_cuda_copy_box *box)
{
    return box->depth > 1 || side->z > 0;
}

static bool has_rows(const struct bg_cuda_box_side *side, const struct bg_cuda_copy_box *box)
{
    return has_slices(side, box) || box->height > 1 || side->y > 0;
}

/* Rows lie within their pitch, slices within their height, where there are several. */
static bool is_shaped(const struct bg_cuda_box_side *side, const struct bg_cuda_copy_box *box)
{
    uint64_t row_end, rows_end;

    return !__builtin_add_overflow(side->x, box->width, &row_end) &&
           !__builtin_add_overflow(side->y, box->height, &rows_end) &&
           (!has_rows(side, box) || row_end <= side->pitch) &&
           (!has_slices(side, box) || rows_end <= side->height);
}

static CUresult read_memory(const struct cuda_session *cuda, const struct bg_cuda_box_side *side,
                            const struct bg_cuda_copy_box *box, struct side *read)
{
    const struct bg_cuda_place *place = &side->place;
    bool is_heap = place->kind == BG_CUDA_PLACE_HEAP;
    uint64_t size;

    if (side->level != 0 || !is_shaped(side, box) || !measure(side, box, &size)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (is_heap ? cuda_heap_address(cuda, place->offset, size) == 0
                : !cuda_memory_has(cuda, place->offset, size)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *read = (struct side){
        .type = is_heap ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE,
        .host = is_heap ? cuda->heap.memory + place->offset : NULL,
        .address = is_heap ? 0 : place->offset,
        .pitch = has_rows(side, box) ? side->pitch : side->x + box->width,
        .height = has_slices(side, box) ? side->height : side->y + box->height,
    };
    return CUDA_SUCCESS;
}

static CUresult read_array(const struct cuda_session *cuda, const struct bg_cuda_box_side *side,
                           const struct bg_cuda_copy_box *box, struct side *read)
{
    const struct cuda_array *array = cuda_array_find(cuda, side->place.array);

    if (array == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (side->place.offset != 0 || !cuda_array_has_box(array, side, box)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *read = (struct side){.type = CU_MEMORYTYPE_ARRAY};
    return cuda_array_get_level(cuda, array, side->level, &read->array);
}

static CUresult read_side(const struct cuda_session *cuda, const struct bg_cuda_box_side *side,
                          const struct bg_cuda_copy_box *box, struct side *read)
{
    switch (side->place.kind) {
    case BG_CUDA_PLACE_DEVICE:
    case BG_CUDA_PLACE_HEAP:
        return read_memory(cuda, side, box, read);
    case BG_CUDA_PLACE_ARRAY:
        return read_array(cuda, side, box, read);
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
}

CUresult cuda_box_read(const struct cuda_session *cuda, const struct bg_cuda_copy_box *box,
                       CUDA_MEMCPY3D *copy)
{
    const struct bg_cuda_box_side *to = &box->to, *from = &box->from;
    struct side dst, src;
    CUresult result;

    if (box->width == 0 || box->height == 0 || box->depth == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = read_side(cuda, to, box, &dst) ?: read_side(cuda, from, box, &src);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    *copy = (CUDA_MEMCPY3D){
        .srcXInBytes = from->x,
        .srcY = from->y,
        .srcZ = from->z,
        .srcMemoryType = src.type,
        .srcHost = src.host,
        .srcDevice = src.address,
        .srcArray = src.array,
        .srcPitch = src.pitch,
        .srcHeight = src.height,
        .dstXInBytes = to->x,
        .dstY = to->y,
        .dstZ = to->z,
        .dstMemoryType = dst.type,
        .dstHost = dst.host,
        .dstDevice = dst.address,
        .dstArray = dst.array,
        .dstPitch = dst.pitch,
        .dstHeight = dst.height,
        .WidthInBytes = box->width,
        .Height = box->height,
        .Depth = box->depth,
    };
    return CUDA_SUCCESS;
}

CUDA_COMMAND(cuda_run_copy_box)
{
    const struct bg_cuda_copy_box *box = call->params;
    CUDA_MEMCPY3D copy;
    CUstream stream;
    CUresult result =
        cuda_box_read(cuda, box, &copy) ?: cuda_stream_take(cuda, box->stream, &stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    cuda_count_copy(cuda, box->from.place.kind, box->to.place.kind,
                    box->width * box->height * box->depth);
    return cuda_check(cuda, cuda->driver->cuMemcpy3DAsync(&copy, stream));
}
