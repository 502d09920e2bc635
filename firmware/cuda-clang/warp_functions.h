/* SPDX-License-Identifier: BSD-2-Clause */
/* What the lanes of a warp do together: shuffles, votes, matches. */
#ifndef FIRMWARE_CUDA_CLANG_WARP_FUNCTIONS_H
#define FIRMWARE_CUDA_CLANG_WARP_FUNCTIONS_H

/* The last operand of shfl.sync: where a segment of `width` lanes ends, and which bits name it. */
#define BG_SHUFFLE_CLAMP(width, last) (((32 - (width)) << 8) | (last))

/* Any type of 32 or 64 bits, 32 at a time. */
#define BG_SHUFFLE(function, operand, builtin, last)                                               \
    template <typename T>                                                                          \
    BG_DEVICE T function(unsigned mask, T value, operand other, int width = warpSize)              \
    {                                                                                              \
        static_assert(sizeof(T) == 4 || sizeof(T) == 8, "of 32 or 64 bits");                       \
        int words[sizeof(T) / 4];                                                                  \
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

#endif
