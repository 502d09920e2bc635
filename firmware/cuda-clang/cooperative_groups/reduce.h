/* SPDX-License-Identifier: BSD-2-Clause */
/* One value of all values of a tile or of lanes that are together. */
#ifndef FIRMWARE_CUDA_CLANG_COOPERATIVE_GROUPS_REDUCE_H
#define FIRMWARE_CUDA_CLANG_COOPERATIVE_GROUPS_REDUCE_H

#include "../cooperative_groups.h"

namespace cooperative_groups
{
#define BG_OPERATION(name, expression)                                                             \
    template <typename T> struct name {                                                            \
        __device__ T operator()(T a, T b) const                                                    \
        {                                                                                          \
            return expression;                                                                     \
        }                                                                                          \
    };

BG_OPERATION(plus, a + b)
BG_OPERATION(less, b < a ? b : a)
BG_OPERATION(greater, a < b ? b : a)
BG_OPERATION(bit_and, a &b)
BG_OPERATION(bit_or, a | b)
BG_OPERATION(bit_xor, a ^ b)
#undef BG_OPERATION

template <typename Group, typename T, typename Operation>
BG_DEVICE T reduce(const Group &group, T value, Operation operation)
{
    return bg_reduce(group.bg_mask(), value, operation);
}

/* With fewer shuffles. */
template <unsigned Size, typename Parent, typename T, typename Operation>
BG_DEVICE T reduce(const thread_block_tile<Size, Parent> &tile, T value, Operation operation)
{
#pragma unroll
    for (unsigned by = Size / 2; by; by /= 2) {
        value = operation(value, tile.shfl_xor(value, by));
    }
    return value;
}
} // namespace cooperative_groups

#endif
