/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies to arrays and from them, of bytes behind each other. */
#include "host/cuda-cpu/driver/array.h"
#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/copy.h"
#include "host/cuda-cpu/driver/driver.h"

/* A side that is an array from this offset on. */
static CUresult find_side(CUarray handle, size_t offset, size_t size, struct array_box *box,
                          struct copy_side *side)
{
    const struct array *array = object_find(handle, OBJECT_ARRAY);

    if (array == NULL) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    return array_box_at(array, offset, size, box) ? copy_side_of_array(array, box, side)
                                                  : CUDA_ERROR_INVALID_VALUE;
}

static CUresult copy_array(struct context *context, CUarray handle, size_t offset,
                           struct copy_side other, size_t size, bool to_array, CUstream stream,
                           bool wait)
{
    struct array_box box;
    struct copy_side side;
    struct copy copy;
    CUresult result = find_side(handle, offset, size, &box, &side);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    other.pitch = box.width;
    other.slice = box.width * box.height;
    copy = (struct copy){
        .dst = to_array ? side : other,
        .src = to_array ? other : side,
        .width = box.width,
        .height = box.height,
        .depth = box.depth,
    };
    return copy_submit(context, &copy, stream, wait);
}

CUresult cuMemcpyHtoA(CUarray dst, size_t offset, const void *src, size_t size)
{
    return IN_CONTEXT(
        copy_array(context, dst, offset, copy_side_of_host(src), size, true, NULL, true));
}

CUresult cuMemcpyAtoH(void *dst, CUarray src, size_t offset, size_t size)
{
    return IN_CONTEXT(
        copy_array(context, src, offset, copy_side_of_host(dst), size, false, NULL, true));
}

CUresult cuMemcpyDtoA(CUarray dst, size_t offset, CUdeviceptr src, size_t size)
{
    return IN_CONTEXT(
        copy_array(context, dst, offset, copy_side_of_device(src), size, true, NULL, true));
}

CUresult cuMemcpyAtoD(CUdeviceptr dst, CUarray src, size_t offset, size_t size)
{
    return IN_CONTEXT(
        copy_array(context, src, offset, copy_side_of_device(dst), size, false, NULL, true));
}

CUresult cuMemcpyHtoAAsync(CUarray dst, size_t offset, const void *src, size_t size,
                           CUstream stream)
{
    return IN_CONTEXT(
        copy_array(context, dst, offset, copy_side_of_host(src), size, true, stream, false));
}

CUresult cuMemcpyAtoHAsync(void *dst, CUarray src, size_t offset, size_t size, CUstream stream)
{
    return IN_CONTEXT(
        copy_array(context, src, offset, copy_side_of_host(dst), size, false, stream, false));
}

/* Both are of rows as long, or it is one row. */
static CUresult copy_arrays(struct context *context, CUarray dst, size_t dst_offset, CUarray src,
                            size_t src_offset, size_t size)
{
    struct array_box to, from;
    struct copy copy;
    CUresult result = find_side(dst, dst_offset, size, &to, &copy.dst)
                          ?: find_side(src, src_offset, size, &from, &copy.src);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (to.width != from.width || to.height != from.height) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    copy.width = to.width;
    copy.height = to.height;
    copy.depth = to.depth;
    return copy_submit(context, &copy, NULL, true);
}

CUresult cuMemcpyAtoA(CUarray dst, size_t dst_offset, CUarray src, size_t src_offset, size_t size)
{
    return IN_CONTEXT(copy_arrays(context, dst, dst_offset, src, src_offset, size));
}
