/* SPDX-License-Identifier: BSD-2-Clause */
/* What all threads of a group up to one's own have together, or those before it. */
#ifndef FIRMWARE_CUDA_CLANG_COOPERATIVE_GROUPS_SCAN_H
#define FIRMWARE_CUDA_CLANG_COOPERATIVE_GROUPS_SCAN_H

#include "reduce.h"

namespace cooperative_groups
{
template <typename Group, typename T, typename Operation>
BG_DEVICE T inclusive_scan(const Group &group, T value, Operation operation)
{
    const unsigned rank = group.thread_rank(), size = group.size();

    for (unsigned by = 1; by < size; by *= 2) {
        const T theirs = group.shfl_up(value, by);

        if (rank >= by) {
            value = operation(theirs, value);
        }
    }
    return value;
}

template <typename Group, typename T> BG_DEVICE T inclusive_scan(const Group &group, T value)
{
    return inclusive_scan(group, value, plus<T>());
}

/* The first thread has T(). */
template <typename Group, typename T, typename Operation>
BG_DEVICE T exclusive_scan(const Group &group, T value, Operation operation)
{
    const T before = group.shfl_up(inclusive_scan(group, value, operation), 1);

    return group.thread_rank() == 0 ? T() : before;
}

template <typename Group, typename T> BG_DEVICE T exclusive_scan(const Group &group, T value)
{
    return exclusive_scan(group, value, plus<T>());
}
} // namespace cooperative_groups

#endif
