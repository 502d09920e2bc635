/* SPDX-License-Identifier: BSD-2-Clause */
/* Atomics of the device's scope, and of a block's: relaxed, on shared or global memory. They return
 * what was there. */
#ifndef FIRMWARE_CUDA_CLANG_ATOMIC_FUNCTIONS_H
#define FIRMWARE_CUDA_CLANG_ATOMIC_FUNCTIONS_H

#define BG_ATOMIC(function, type, word, builtin)                                                   \
    BG_DEVICE type function(type *address, type value)                                             \
    {                                                                                              \
        return (type)builtin((word *)address, (word)value);                                        \
    }

BG_ATOMIC(atomicAdd, int, int, __nvvm_atom_add_gen_i)
BG_ATOMIC(atomicAdd, unsigned, int, __nvvm_atom_add_gen_i)
BG_ATOMIC(atomicAdd, unsigned long long, long long, __nvvm_atom_add_gen_ll)
BG_ATOMIC(atomicAdd, float, float, __nvvm_atom_add_gen_f)
BG_ATOMIC(atomicAdd, double, double, __nvvm_atom_add_gen_d)
BG_ATOMIC(atomicMin, int, int, __nvvm_atom_min_gen_i)
BG_ATOMIC(atomicMin, unsigned, unsigned, __nvvm_atom_min_gen_ui)
BG_ATOMIC(atomicMin, long long, long long, __nvvm_atom_min_gen_ll)
BG_ATOMIC(atomicMin, unsigned long long, unsigned long long, __nvvm_atom_min_gen_ull)
BG_ATOMIC(atomicMax, int, int, __nvvm_atom_max_gen_i)
BG_ATOMIC(atomicMax, unsigned, unsigned, __nvvm_atom_max_gen_ui)
BG_ATOMIC(atomicMax, long long, long long, __nvvm_atom_max_gen_ll)
BG_ATOMIC(atomicMax, unsigned long long, unsigned long long, __nvvm_atom_max_gen_ull)
BG_ATOMIC(atomicInc, unsigned, unsigned, __nvvm_atom_inc_gen_ui)
BG_ATOMIC(atomicDec, unsigned, unsigned, __nvvm_atom_dec_gen_ui)

#define BG_ATOMIC_BITS(function, builtin)                                                          \
    BG_ATOMIC(function, int, int, builtin##_i)                                                     \
    BG_ATOMIC(function, unsigned, int, builtin##_i)                                                \
    BG_ATOMIC(function, unsigned long long, long long, builtin##_ll)

BG_ATOMIC_BITS(atomicAnd, __nvvm_atom_and_gen)
BG_ATOMIC_BITS(atomicOr, __nvvm_atom_or_gen)
BG_ATOMIC_BITS(atomicXor, __nvvm_atom_xor_gen)
BG_ATOMIC_BITS(atomicExch, __nvvm_atom_xchg_gen)

BG_ATOMIC(atomicAdd_block, int, int, __nvvm_atom_cta_add_gen_i)
BG_ATOMIC(atomicAdd_block, unsigned, int, __nvvm_atom_cta_add_gen_i)
BG_ATOMIC(atomicAdd_block, float, float, __nvvm_atom_cta_add_gen_f)
BG_ATOMIC(atomicAdd_system, int, int, __nvvm_atom_sys_add_gen_i)
BG_ATOMIC(atomicAdd_system, unsigned, int, __nvvm_atom_sys_add_gen_i)

#undef BG_ATOMIC_BITS
#undef BG_ATOMIC

BG_DEVICE float atomicExch(float *address, float value)
{
    return __nvvm_bitcast_i2f(__nvvm_atom_xchg_gen_i((int *)address, __nvvm_bitcast_f2i(value)));
}

BG_DEVICE int atomicSub(int *address, int value)
{
    return atomicAdd(address, -value);
}

BG_DEVICE unsigned atomicSub(unsigned *address, unsigned value)
{
    return atomicAdd(address, -value);
}

#define BG_COMPARE_AND_SWAP(type, word, builtin)                                                   \
    BG_DEVICE type atomicCAS(type *address, type compare, type value)                              \
    {                                                                                              \
        return (type)builtin((word *)address, (word)compare, (word)value);                         \
    }

BG_COMPARE_AND_SWAP(int, int, __nvvm_atom_cas_gen_i)
BG_COMPARE_AND_SWAP(unsigned, int, __nvvm_atom_cas_gen_i)
BG_COMPARE_AND_SWAP(unsigned long long, long long, __nvvm_atom_cas_gen_ll)

#undef BG_COMPARE_AND_SWAP

#endif
