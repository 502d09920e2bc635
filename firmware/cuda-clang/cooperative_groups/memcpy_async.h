/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies by a group, which are there after wait(). */
#ifndef FIRMWARE_CUDA_CLANG_COOPERATIVE_GROUPS_MEMCPY_ASYNC_H
#define FIRMWARE_CUDA_CLANG_COOPERATIVE_GROUPS_MEMCPY_ASYNC_H

#include "../cooperative_groups.h"
#include "../cuda_pipeline_primitives.h"

namespace cooperative_groups
{
/* Pieces of `Piece` bytes, thread by thread. */
template <size_t Piece, typename Group>
BG_DEVICE void bg_copy_pieces(const Group &group, void *to, const void *from, size_t size)
{
    for (size_t at = group.thread_rank() * Piece; at < size; at += group.size() * Piece) {
        __pipeline_memcpy_async((char *)to + at, (const char *)from + at, Piece);
    }
}

template <typename Group, typename T>
BG_DEVICE void memcpy_async(const Group &group, T *to, const T *from, size_t size)
{
    const size_t places = (size_t)to | (size_t)from | size;

    if (!__isShared(to) || places % 4 != 0) {
        for (size_t at = group.thread_rank(); at < size; at += group.size()) {
            ((char *)to)[at] = ((const char *)from)[at];
        }
    } else if (places % 16 == 0) {
        bg_copy_pieces<16>(group, to, from, size);
    } else {
        bg_copy_pieces<4>(group, to, from, size);
    }
    __pipeline_commit();
}

/* All but the last `Stages` copies are there. */
template <unsigned Stages, typename Group> BG_DEVICE void wait_prior(const Group &group)
{
    __pipeline_wait_prior(Stages);
    group.sync();
}

template <typename Group> BG_DEVICE void wait(const Group &group)
{
    wait_prior<0>(group);
}
} // namespace cooperative_groups

#endif
