/* SPDX-License-Identifier: BSD-2-Clause */
/* What the lanes of a warp do together: shuffles, votes, matches. */
#ifndef FIRMWARE_CUDA_CLANG_WARP_FUNCTIONS_H
#define FIRMWARE_CUDA_CLANG_WARP_FUNCTIONS_H

/* The last operand of shfl.sync: where a segment of `width` lanes ends, and which bits name it. */
#define BG_SHUFFLE_CLAMP(width, last) (((32 - (width)) << 8) | (last))

/* Any type, 32 bits at a time. */
#define BG_SHUFFLE(function, operand, builtin, last)                                               \
    template <typename T>                                                                          \
    BG_DEVICE T function(unsigned mask, T value, operand other, int width = warpSize)              \
    {                                                                                              \
        int words[(sizeof(T) + 3) / 4] = {};                                                       \
                                                                                                   \
        __builtin_memcpy(words, &value, sizeof(T));                                                \
        for (int &word : words) {                                                                  \
            word = builtin(mask, word, other, BG_SHUFFLE_CLAMP(width, last));                      \
        }                                                                                          \
        __builtin_memcpy(&value, words, sizeof(T));                                                \
        return value;                                                                              \
    }

BG_SHUFFLE(__shfl_sync, int, __nvvm_shfl_sync_idx_i32, 31)
BG_SHUFFLE(__shfl_up_sync, unsigned, __nvvm_shfl_sync_up_i32, 0)
BG_SHUFFLE(__shfl_down_sync, unsigned, __nvvm_shfl_sync_down_i32, 31)
BG_SHUFFLE(__shfl_xor_sync, int, __nvvm_shfl_sync_bfly_i32, 31)

#undef BG_SHUFFLE
#undef BG_SHUFFLE_CLAMP

BG_DEVICE int __all_sync(unsigned mask, int predicate)
{
    return __nvvm_vote_all_sync(mask, predicate);
}

BG_DEVICE int __any_sync(unsigned mask, int predicate)
{
    return __nvvm_vote_any_sync(mask, predicate);
}

BG_DEVICE unsigned __ballot_sync(unsigned mask, int predicate)
{
    return __nvvm_vote_ballot_sync(mask, predicate);
}

BG_DEVICE unsigned __activemask()
{
    unsigned mask;

    asm volatile("activemask.b32 %0;" : "=r"(mask));
    return mask;
}

/* Lanes with the same value; which are of 32 or 64 bits. */
template <typename T> BG_DEVICE unsigned __match_any_sync(unsigned mask, T value)
{
    if constexpr (sizeof(T) == 8) {
        long long bits;

        __builtin_memcpy(&bits, &value, sizeof(bits));
        return __nvvm_match_any_sync_i64(mask, bits);
    } else {
        unsigned bits;

        __builtin_memcpy(&bits, &value, sizeof(bits));
        return __nvvm_match_any_sync_i32(mask, bits);
    }
}

/* All of `mask`, where their values are the same, else none. */
template <typename T> BG_DEVICE unsigned __match_all_sync(unsigned mask, T value, int *are_same)
{
    const unsigned same = __match_any_sync(mask, value);

    *are_same = __all_sync(mask, same == mask);
    return *are_same ? mask : 0;
}

/* ---- A warp's sums and the like: redux from sm_80 on ---- */

BG_DEVICE unsigned bg_lane()
{
    return (unsigned)__nvvm_read_ptx_sreg_laneid();
}

/* How many lanes of a mask are before this one. */
BG_DEVICE unsigned bg_rank(unsigned mask)
{
    return __builtin_popcount(mask & ((1u << bg_lane()) - 1));
}

/* The lane of the n-th bit of a mask, from 0. */
BG_DEVICE unsigned bg_nth_lane(unsigned mask, unsigned n)
{
    unsigned lane = 0;

#pragma unroll
    for (unsigned width = 16; width; width /= 2) {
        const unsigned below = __builtin_popcount(mask >> lane & ((1u << width) - 1));

        if (n >= below) {
            n -= below;
            lane += width;
        }
    }
    return lane;
}

/* Of all lanes of a mask. */
template <typename T, typename Operation>
BG_DEVICE T bg_reduce(unsigned mask, T value, Operation operation)
{
    const unsigned size = __builtin_popcount(mask), rank = bg_rank(mask);

    for (unsigned by = 1; by < size; by *= 2) {
        const unsigned other = rank + by < size ? bg_nth_lane(mask, rank + by) : bg_lane();
        const T theirs = __shfl_sync(mask, value, (int)other);

        if (rank % (2 * by) == 0 && rank + by < size) {
            value = operation(value, theirs);
        }
    }
    return __shfl_sync(mask, value, (int)bg_nth_lane(mask, 0));
}

#if __CUDA_ARCH__ >= 800
#define BG_REDUCE(function, type, instruction, letter, expression)                                 \
    BG_DEVICE type function(unsigned mask, type value)                                             \
    {                                                                                              \
        type result;                                                                               \
        asm volatile("redux.sync." instruction " %0, %1, %2;"                                      \
                     : "=" letter(result)                                                          \
                     : letter(value), "r"(mask));                                                  \
        return result;                                                                             \
    }
#else
#define BG_REDUCE(function, type, instruction, letter, expression)                                 \
    BG_DEVICE type function(unsigned mask, type value)                                             \
    {                                                                                              \
        return bg_reduce(mask, value, [](type a, type b) -> type { return expression; });          \
    }
#endif

BG_REDUCE(__reduce_add_sync, unsigned, "add.u32", "r", a + b)
BG_REDUCE(__reduce_add_sync, int, "add.s32", "r", (int)((unsigned)a + (unsigned)b))
BG_REDUCE(__reduce_min_sync, unsigned, "min.u32", "r", a < b ? a : b)
BG_REDUCE(__reduce_min_sync, int, "min.s32", "r", a < b ? a : b)
BG_REDUCE(__reduce_max_sync, unsigned, "max.u32", "r", a > b ? a : b)
BG_REDUCE(__reduce_max_sync, int, "max.s32", "r", a > b ? a : b)
BG_REDUCE(__reduce_and_sync, unsigned, "and.b32", "r", a &b)
BG_REDUCE(__reduce_or_sync, unsigned, "or.b32", "r", a | b)
BG_REDUCE(__reduce_xor_sync, unsigned, "xor.b32", "r", a ^ b)
#undef BG_REDUCE

#endif
