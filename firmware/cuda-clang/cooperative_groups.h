/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups of threads: a block, tiles of a warp, the lanes that are together, the grid of a
 * cooperative launch. Tiles of more than a warp and clusters are not here.
 */
#ifndef FIRMWARE_CUDA_CLANG_COOPERATIVE_GROUPS_H
#define FIRMWARE_CUDA_CLANG_COOPERATIVE_GROUPS_H

#include "cuda_runtime.h"

namespace cooperative_groups
{
BG_DEVICE unsigned bg_rank_in_block()
{
    return (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
}

BG_DEVICE unsigned bg_block_size()
{
    return blockDim.x * blockDim.y * blockDim.z;
}

/* ---- The block and the grid ---- */

struct thread_block {
    static __device__ void sync()
    {
        __syncthreads();
    }
    static __device__ unsigned size()
    {
        return bg_block_size();
    }
    static __device__ unsigned num_threads()
    {
        return bg_block_size();
    }
    static __device__ unsigned thread_rank()
    {
        return bg_rank_in_block();
    }
    static __device__ dim3 group_index()
    {
        return blockIdx;
    }
    static __device__ dim3 thread_index()
    {
        return threadIdx;
    }
    static __device__ dim3 group_dim()
    {
        return blockDim;
    }
    static __device__ dim3 dim_threads()
    {
        return blockDim;
    }
};

BG_DEVICE thread_block this_thread_block()
{
    return {};
}

struct grid_group {
    /* Of a cooperative launch's own memory, whose address is in %envreg1 and %envreg2, the second
     * word is the barrier: blocks count in its lower bits, and the last one turns the highest. */
    static __device__ unsigned *bg_barrier()
    {
        unsigned high, low;

        asm volatile("mov.u32 %0, %%envreg1;" : "=r"(high));
        asm volatile("mov.u32 %0, %%envreg2;" : "=r"(low));
        const unsigned long long memory = (unsigned long long)high << 32 | low;

        return memory ? (unsigned *)memory + 1 : nullptr;
    }
    static __device__ bool is_valid()
    {
        return bg_barrier() != nullptr;
    }
    static __device__ void sync()
    {
        unsigned *const barrier = bg_barrier();

        if (barrier == nullptr) {
            __trap();
        }
        __syncthreads();
        if (bg_rank_in_block() == 0) {
            const unsigned others = (unsigned)num_blocks() - 1;
            const unsigned step = block_rank() == 0 ? 0x80000000 - others : 1;
            unsigned was, now;

            asm volatile("atom.add.release.gpu.u32 %0, [%1], %2;"
                         : "=r"(was)
                         : "l"(barrier), "r"(step)
                         : "memory");
            do {
                asm volatile("ld.acquire.gpu.u32 %0, [%1];" : "=r"(now) : "l"(barrier) : "memory");
            } while (((now ^ was) & 0x80000000) == 0);
        }
        __syncthreads();
    }
    static __device__ unsigned long long num_blocks()
    {
        return (unsigned long long)gridDim.x * gridDim.y * gridDim.z;
    }
    static __device__ unsigned long long block_rank()
    {
        return ((unsigned long long)blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    }
    static __device__ unsigned long long num_threads()
    {
        return num_blocks() * bg_block_size();
    }
    static __device__ unsigned long long size()
    {
        return num_threads();
    }
    static __device__ unsigned long long thread_rank()
    {
        return block_rank() * bg_block_size() + bg_rank_in_block();
    }
    static __device__ dim3 dim_blocks()
    {
        return gridDim;
    }
    static __device__ dim3 block_index()
    {
        return blockIdx;
    }
    static __device__ dim3 thread_index()
    {
        return threadIdx;
    }
    static __device__ dim3 dim_threads()
    {
        return blockDim;
    }
    static __device__ dim3 group_dim()
    {
        return gridDim;
    }
};

BG_DEVICE grid_group this_grid()
{
    return {};
}

/* ---- Lanes of a warp ---- */

/* A group's bits of a mask of lanes, at their ranks. */
BG_DEVICE unsigned bg_pack(unsigned group, unsigned lanes)
{
    unsigned packed = 0;

    for (unsigned rank = 0, left = group; left; rank++, left &= left - 1) {
        packed |= (lanes & left & -left ? 1u : 0u) << rank;
    }
    return packed;
}

class coalesced_group
{
    unsigned mask, rank_of_group, count_of_groups;

  public:
    __device__ explicit coalesced_group(unsigned mask, unsigned rank = 0, unsigned count = 1)
        : mask(mask), rank_of_group(rank), count_of_groups(count)
    {
    }
    __device__ unsigned bg_mask() const
    {
        return mask;
    }
    __device__ unsigned size() const
    {
        return __popc(mask);
    }
    __device__ unsigned num_threads() const
    {
        return size();
    }
    __device__ unsigned thread_rank() const
    {
        return bg_rank(mask);
    }
    __device__ unsigned meta_group_rank() const
    {
        return rank_of_group;
    }
    __device__ unsigned meta_group_size() const
    {
        return count_of_groups;
    }
    __device__ void sync() const
    {
        __syncwarp(mask);
    }
    template <typename T> __device__ T shfl(T value, unsigned rank) const
    {
        return __shfl_sync(mask, value, (int)bg_nth_lane(mask, rank));
    }
    template <typename T> __device__ T shfl_down(T value, unsigned by) const
    {
        const unsigned rank = thread_rank();

        return shfl(value, rank + by < size() ? rank + by : rank);
    }
    template <typename T> __device__ T shfl_up(T value, unsigned by) const
    {
        const unsigned rank = thread_rank();

        return shfl(value, rank >= by ? rank - by : rank);
    }
    __device__ int any(int predicate) const
    {
        return __any_sync(mask, predicate);
    }
    __device__ int all(int predicate) const
    {
        return __all_sync(mask, predicate);
    }
    __device__ unsigned ballot(int predicate) const
    {
        return bg_pack(mask, __ballot_sync(mask, predicate));
    }
    template <typename T> __device__ unsigned match_any(T value) const
    {
        return bg_pack(mask, __match_any_sync(mask, value));
    }
    template <typename T> __device__ unsigned match_all(T value, int &are_same) const
    {
        return bg_pack(mask, __match_all_sync(mask, value, &are_same));
    }
};

BG_DEVICE coalesced_group coalesced_threads()
{
    return coalesced_group(__activemask());
}

/* `Size` lanes side by side. Where groups were made from a block their number is the block's. */
template <unsigned Size, typename Parent = void> class thread_block_tile
{
    static_assert(Size > 0 && Size <= 32 && (Size & (Size - 1)) == 0,
                  "a tile is a power of two, of a warp at the most");
    unsigned rank_of_group, count_of_groups;

    static __device__ unsigned first()
    {
        return bg_lane() & ~(Size - 1);
    }

  public:
    __device__ thread_block_tile(unsigned rank, unsigned count)
        : rank_of_group(rank), count_of_groups(count)
    {
    }
    /* One without a parent, as functions take it. */
    template <typename Other>
    __device__ thread_block_tile(const thread_block_tile<Size, Other> &other)
        : rank_of_group(other.meta_group_rank()), count_of_groups(other.meta_group_size())
    {
    }
    static __device__ unsigned bg_mask()
    {
        return (Size == 32 ? 0xFFFFFFFF : (1u << Size % 32) - 1) << first();
    }
    static constexpr __device__ unsigned size()
    {
        return Size;
    }
    static constexpr __device__ unsigned num_threads()
    {
        return Size;
    }
    static __device__ unsigned thread_rank()
    {
        return bg_lane() & (Size - 1);
    }
    __device__ unsigned meta_group_rank() const
    {
        return rank_of_group;
    }
    __device__ unsigned meta_group_size() const
    {
        return count_of_groups;
    }
    static __device__ void sync()
    {
        __syncwarp(bg_mask());
    }
    template <typename T> __device__ T shfl(T value, int rank) const
    {
        return __shfl_sync(bg_mask(), value, rank, Size);
    }
    template <typename T> __device__ T shfl_down(T value, unsigned by) const
    {
        return __shfl_down_sync(bg_mask(), value, by, Size);
    }
    template <typename T> __device__ T shfl_up(T value, unsigned by) const
    {
        return __shfl_up_sync(bg_mask(), value, by, Size);
    }
    template <typename T> __device__ T shfl_xor(T value, unsigned by) const
    {
        return __shfl_xor_sync(bg_mask(), value, (int)by, Size);
    }
    __device__ int any(int predicate) const
    {
        return __any_sync(bg_mask(), predicate);
    }
    __device__ int all(int predicate) const
    {
        return __all_sync(bg_mask(), predicate);
    }
    __device__ unsigned ballot(int predicate) const
    {
        return __ballot_sync(bg_mask(), predicate) >> first();
    }
    template <typename T> __device__ unsigned match_any(T value) const
    {
        return __match_any_sync(bg_mask(), value) >> first();
    }
    template <typename T> __device__ unsigned match_all(T value, int &are_same) const
    {
        return __match_all_sync(bg_mask(), value, &are_same) >> first();
    }
};

BG_DEVICE thread_block_tile<1> this_thread()
{
    return {0, 1};
}

/* ---- Parts of groups ---- */

template <unsigned Size>
BG_DEVICE thread_block_tile<Size, thread_block> tiled_partition(const thread_block &)
{
    return {bg_rank_in_block() / Size, (bg_block_size() + Size - 1) / Size};
}

template <unsigned Size, unsigned Whole, typename Parent>
BG_DEVICE thread_block_tile<Size, thread_block_tile<Whole, Parent>>
tiled_partition(const thread_block_tile<Whole, Parent> &)
{
    static_assert(Size <= Whole, "a part is no larger than the whole");
    return {(bg_lane() & (Whole - 1)) / Size, Whole / Size};
}

BG_DEVICE coalesced_group tiled_partition(const coalesced_group &whole, unsigned size)
{
    const unsigned part = whole.thread_rank() / size;
    unsigned mask = 0, left = whole.bg_mask();

    for (unsigned rank = 0; left; rank++, left &= left - 1) {
        mask |= rank / size == part ? left & -left : 0;
    }
    return coalesced_group(mask, part, (whole.size() + size - 1) / size);
}

template <unsigned Size> BG_DEVICE coalesced_group tiled_partition(const coalesced_group &whole)
{
    return tiled_partition(whole, Size);
}

/* Those of equal labels. */
template <typename Group, typename Label>
BG_DEVICE coalesced_group labeled_partition(const Group &whole, Label label)
{
    const unsigned mask = __match_any_sync(whole.bg_mask(), label);
    unsigned firsts = __ballot_sync(whole.bg_mask(), (mask & -mask) == 1u << bg_lane());

    return coalesced_group(mask, __popc(firsts & ((mask & -mask) - 1)), __popc(firsts));
}

template <typename Group> BG_DEVICE coalesced_group binary_partition(const Group &whole, bool label)
{
    const unsigned with = __ballot_sync(whole.bg_mask(), label);
    const unsigned without = whole.bg_mask() & ~with;

    return coalesced_group(label ? with : without, label && without != 0,
                           (with != 0) + (without != 0));
}

/* ---- A group of whatever kind ---- */

class thread_group
{
    enum bg_kind { of_block, of_grid, of_lanes } kind;
    unsigned mask;

  public:
    __device__ thread_group(const thread_block &) : kind(of_block), mask(0)
    {
    }
    __device__ thread_group(const grid_group &) : kind(of_grid), mask(0)
    {
    }
    __device__ thread_group(const coalesced_group &lanes) : kind(of_lanes), mask(lanes.bg_mask())
    {
    }
    template <unsigned Size, typename Parent>
    __device__ thread_group(const thread_block_tile<Size, Parent> &tile)
        : kind(of_lanes), mask(tile.bg_mask())
    {
    }
    __device__ bool bg_is_block() const
    {
        return kind == of_block;
    }
    __device__ unsigned bg_mask() const
    {
        return mask;
    }
    __device__ unsigned long long size() const
    {
        return kind == of_block  ? bg_block_size()
               : kind == of_grid ? grid_group::size()
                                 : (unsigned long long)__popc(mask);
    }
    __device__ unsigned long long num_threads() const
    {
        return size();
    }
    __device__ unsigned long long thread_rank() const
    {
        return kind == of_block  ? bg_rank_in_block()
               : kind == of_grid ? grid_group::thread_rank()
                                 : (unsigned long long)bg_rank(mask);
    }
    __device__ void sync() const
    {
        if (kind == of_block) {
            thread_block::sync();
        } else if (kind == of_grid) {
            grid_group::sync();
        } else {
            __syncwarp(mask);
        }
    }
};

/* Of a block: its lanes from a multiple of `size` on, as many as there are. */
BG_DEVICE thread_group tiled_partition(const thread_group &whole, unsigned size)
{
    unsigned lanes = whole.bg_mask();

    if (whole.bg_is_block()) {
        const unsigned left = bg_block_size() - (bg_rank_in_block() & ~31u);

        lanes = left < 32 ? (1u << left) - 1 : 0xFFFFFFFF;
    }
    return tiled_partition(coalesced_group(lanes), size);
}

BG_DEVICE thread_group tiled_partition(const thread_block &whole, unsigned size)
{
    return tiled_partition(thread_group(whole), size);
}

template <typename Group> BG_DEVICE void sync(const Group &group)
{
    group.sync();
}

template <typename Group> BG_DEVICE auto thread_rank(const Group &group)
{
    return group.thread_rank();
}

template <typename Group> BG_DEVICE auto group_size(const Group &group)
{
    return group.size();
}

/* One thread of a group does it. */
template <typename Group, typename Function, typename... Arguments>
BG_DEVICE void invoke_one(const Group &group, Function &&function, Arguments &&...arguments)
{
    if (group.thread_rank() == 0) {
        function(arguments...);
    }
}
} // namespace cooperative_groups

#endif
