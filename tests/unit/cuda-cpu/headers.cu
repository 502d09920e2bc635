/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What CUDA's headers have beside the mathematical functions, for cuda_headers_test.c: kernels of one block
 * of 256 threads, each of which fills its row of results from random words. nvcc's and clang's are
 * equal by the bit; those of near_ differ by two units in the last place of 16 bits at the most.
 */
#include <cooperative_groups.h>
#include <cooperative_groups/memcpy_async.h>
#include <cooperative_groups/reduce.h>
#include <cooperative_groups/scan.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_pipeline.h>
#include <mma.h>
#include <type_traits>

namespace cg = cooperative_groups;
namespace wmma = nvcuda::wmma;

#define ROW 48
#define KERNEL(name) extern "C" __global__ void name(unsigned(*to)[ROW], const unsigned(*from)[ROW])
#define RANDOM(i) (from[threadIdx.x][i])

/* Results one behind the other. */
struct results {
    unsigned *next;

    __device__ void add(unsigned value)
    {
        *next++ = value;
    }
    __device__ void add(int value)
    {
        add((unsigned)value);
    }
    __device__ void add(unsigned long long value)
    {
        add((unsigned)value);
        add((unsigned)(value >> 32));
    }
    __device__ void add(float value)
    {
        add(isnan(value) ? 0x7FFFFFFF : __float_as_uint(value));
    }
    __device__ void add(double value)
    {
        add((unsigned long long)(isnan(value) ? 1 : __double_as_longlong(value)));
    }
    __device__ void add(__half value)
    {
        add((unsigned)(__hisnan(value) ? 0x7FFF : __half_as_ushort(value)));
    }
    __device__ void add(__nv_bfloat16 value)
    {
        add((unsigned)(__hisnan(value) ? 0x7FFF : __bfloat16_as_ushort(value)));
    }
    __device__ void add(__half2 value)
    {
        add(__low2half(value));
        add(__high2half(value));
    }
    __device__ void add(__nv_bfloat162 value)
    {
        add(__low2bfloat16(value));
        add(__high2bfloat16(value));
    }
};

/* ---- Half and bfloat16 ---- */

/* Any bits, or small whole numbers and halves. */
__device__ unsigned short draw16(unsigned random, bool is_half)
{
    const float small = (float)((int)(random >> 8 & 63) - 32) / 2;

    return (random & 3) != 0 ? (unsigned short)(random >> 16)
        : is_half            ? __half_as_ushort(__float2half(small))
                             : __bfloat16_as_ushort(__float2bfloat16(small));
}

template <typename T> struct kind;
template <> struct kind<__half> {
    typedef __half2 two;
    static __device__ __half draw(unsigned random)
    {
        return __ushort_as_half(draw16(random, true));
    }
    static __device__ two pair(__half a, __half b)
    {
        return __halves2half2(a, b);
    }
};
template <> struct kind<__nv_bfloat16> {
    typedef __nv_bfloat162 two;
    static __device__ __nv_bfloat16 draw(unsigned random)
    {
        return __ushort_as_bfloat16(draw16(random, false));
    }
    static __device__ two pair(__nv_bfloat16 a, __nv_bfloat16 b)
    {
        return __halves2bfloat162(a, b);
    }
};

#define HALVES(T)                                                                                  \
    const T a = kind<T>::draw(RANDOM(0)), b = kind<T>::draw(RANDOM(1)), c = kind<T>::draw(RANDOM(2)); \
    results all = {to[threadIdx.x]}

template <typename T> __device__ void arithmetic(unsigned (*to)[ROW], const unsigned (*from)[ROW])
{
    HALVES(T);
    T d = a;

    all.add(__hadd(a, b));
    all.add(__hsub(a, b));
    all.add(__hmul(a, b));
    all.add(__hdiv(a, b));
    all.add(__hfma(a, b, c));
    all.add(__hneg(a));
    all.add(__habs(a));
    all.add(__hmin(a, b));
    all.add(__hmax(a, b));
    all.add(__hmin_nan(a, b));
    all.add(__hmax_nan(a, b));
    all.add(__hadd_sat(a, b));
    all.add(__hsub_sat(a, b));
    all.add(__hmul_sat(a, b));
    all.add(__hfma_sat(a, b, c));
    all.add(__hadd_rn(a, b));
    all.add(a + b);
    all.add(a - b);
    all.add(a * b);
    all.add(a / b);
    all.add(-a);
    all.add(d += b);
    all.add(d -= c);
    all.add(d *= b);
    all.add(d /= c);
    all.add(d++);
    all.add(--d);
    all.add(hfloor(a));
    all.add(hceil(a));
    all.add(htrunc(a));
    all.add(hrint(a));
    all.add((float)a);
    all.add(T((float)b));
}

template <typename T> __device__ void comparisons(unsigned (*to)[ROW], const unsigned (*from)[ROW])
{
    HALVES(T);
    const typename kind<T>::two x = kind<T>::pair(a, b), y = kind<T>::pair(RANDOM(3) & 1 ? a : b, c);

#define COMPARISON(name)                                                                           \
    all.add((unsigned)__h##name(a, b) | (unsigned)__hb##name##2(x, y) << 1);                       \
    all.add(__h##name##2(x, y))
    COMPARISON(eq);
    COMPARISON(ne);
    COMPARISON(lt);
    COMPARISON(le);
    COMPARISON(gt);
    COMPARISON(ge);
    COMPARISON(equ);
    COMPARISON(neu);
    COMPARISON(ltu);
    COMPARISON(leu);
    COMPARISON(gtu);
    COMPARISON(geu);
    all.add((unsigned)(a == b) | (a != b) << 1 | (a < b) << 2 | (a <= b) << 3 | (a > b) << 4 |
            (a >= b) << 5 | __hisnan(a) << 6);
    all.add((unsigned)(x == y) | (x != y) << 1 | (x < y) << 2 | (x <= y) << 3 | (x > y) << 4 |
            (x >= y) << 5);
    all.add(__hisinf(a));
}

template <typename T> __device__ void vectors(unsigned (*to)[ROW], const unsigned (*from)[ROW])
{
    HALVES(T);
    const T d = kind<T>::draw(RANDOM(3));
    const typename kind<T>::two x = kind<T>::pair(a, b), y = kind<T>::pair(c, d);

    all.add(__hadd2(x, y));
    all.add(__hsub2(x, y));
    all.add(__hmul2(x, y));
    all.add(__h2div(x, y));
    all.add(__hfma2(x, y, x));
    all.add(__hneg2(x));
    all.add(__habs2(x));
    all.add(__hmin2(x, y));
    all.add(__hmax2(x, y));
    all.add(__hadd2_sat(x, y));
    all.add(x + y);
    all.add(x * y);
    all.add(-x);
    all.add(__lowhigh2highlow(x));
    all.add(__low2float(x));
    all.add(__high2float(x));
    all.add(h2floor(x));
    all.add(__hisnan2(x));
}

template <typename T> __device__ void near_math(unsigned (*to)[ROW], const unsigned (*from)[ROW])
{
    HALVES(T);

    (void)b, (void)c;
    all.add(hsqrt(a));
    all.add(hrsqrt(a));
    all.add(hrcp(a));
    all.add(hexp(a));
    all.add(hexp2(a));
    all.add(hexp10(a));
    all.add(hlog(a));
    all.add(hlog2(a));
    all.add(hlog10(a));
    all.add(hsin(a));
    all.add(hcos(a));
}

#define BOTH(name)                                                                                 \
    KERNEL(half_##name)                                                                            \
    {                                                                                              \
        name<__half>(to, from);                                                                    \
    }                                                                                              \
    KERNEL(bfloat16_##name)                                                                        \
    {                                                                                              \
        name<__nv_bfloat16>(to, from);                                                             \
    }

BOTH(arithmetic)
BOTH(comparisons)
BOTH(vectors)
BOTH(near_math)

KERNEL(half_conversions)
{
    results all = {to[threadIdx.x]};
    const float x = __uint_as_float(RANDOM(0)), y = (float)(int)RANDOM(1) / 65536;
    const __half h = __ushort_as_half((unsigned short)RANDOM(2));
    const __half2 pair = __floats2half2_rn(x, y);

    all.add(__float2half(x));
    all.add(__float2half_rn(y));
    all.add(__float2half_rz(y));
    all.add(__float2half_ru(y));
    all.add(__float2half_rd(y));
    all.add(__double2half((double)y * 1.0000001));
    all.add(__half2int_rn(h));
    all.add(__half2int_rz(h));
    all.add(__half2int_ru(h));
    all.add(__half2int_rd(h));
    all.add(__half2uint_rz(h));
    all.add((int)__half2short_rn(h));
    all.add(__int2half_rn((int)RANDOM(3) >> (RANDOM(4) & 31)));
    all.add(__int2half_rd((int)RANDOM(3) >> (RANDOM(4) & 31)));
    all.add(__uint2half_rn(RANDOM(3) >> (RANDOM(4) & 31)));
    all.add((unsigned long long)__half2ll_rz(h));
    all.add(__half22float2(pair).x);
    all.add(__half22float2(pair).y);
    all.add(__float22half2_rn(make_float2(y, x)));
    all.add(__half2half2(h));
    all.add(__lows2half2(pair, __low2half2(pair)));
    all.add(__highs2half2(pair, __high2half2(pair)));
    all.add((int)__half_as_short(h));
    all.add(__half((int)RANDOM(5) % 5000));
    all.add(__half((double)y));
    all.add(__float2bfloat16(x));
    all.add(__float2bfloat16_rn(y));
    all.add(__double2bfloat16((double)y * 1.0000001));
    all.add(__int2bfloat16_rn((int)RANDOM(3)));
    all.add(__bfloat1622float2(__floats2bfloat162_rn(x, y)).y);
    all.add(__bfloat162bfloat162(__float2bfloat16(y)));
}

KERNEL(half_atomics)
{
    __shared__ __half2 sum;
    __shared__ __nv_bfloat162 bfloat16_sum;
    __shared__ __half one[2];
    results all = {to[threadIdx.x]};

    if (threadIdx.x == 0) {
        sum = __floats2half2_rn(0, 0);
        bfloat16_sum = __floats2bfloat162_rn(0, 0);
        one[0] = one[1] = __float2half(0);
    }
    __syncthreads();
    atomicAdd(&sum, __floats2half2_rn((float)(RANDOM(0) & 3), 1));
    if (threadIdx.x % 4 == 0) {
        atomicAdd(&bfloat16_sum, __floats2bfloat162_rn((float)(RANDOM(0) & 1), 1));
    }
    atomicAdd(&one[threadIdx.x & 1], __float2half(1));
    __syncthreads();
    all.add(sum);
    all.add(bfloat16_sum);
    all.add(one[0]);
    all.add(one[1]);
}

/* ---- Intrinsics ---- */

KERNEL(conversions)
{
    results all = {to[threadIdx.x]};
    const float x = __uint_as_float(RANDOM(0)), y = (float)(int)RANDOM(1) / 65536;
    const double z = __hiloint2double((int)RANDOM(2), (int)RANDOM(3)), v = (double)y * 1.0000001;

    all.add(__float2int_rn(y));
    all.add(__float2int_rz(x));
    all.add(__float2int_ru(y));
    all.add(__float2int_rd(y));
    all.add(__float2uint_rz(x));
    all.add((unsigned long long)__float2ll_rn(x));
    all.add(__double2ull_rz(z));
    all.add(__double2int_rn(v));
    all.add(__double2int_rd(v));
    all.add(__double2float_rn(v));
    all.add(__double2float_ru(v));
    all.add(__double2float_rz(z));
    all.add(__int2float_rn((int)RANDOM(4)));
    all.add(__int2float_rz((int)RANDOM(4)));
    all.add(__uint2float_ru(RANDOM(4)));
    all.add(__ll2float_rd((long long)RANDOM(4) * (int)RANDOM(5)));
    all.add(__ll2double_ru((long long)RANDOM(4) * (int)RANDOM(5) * 5));
    all.add(__int2double_rn((int)RANDOM(4)));
    all.add(__double2hiint(z));
    all.add(__double2loint(z));
}

KERNEL(rounded)
{
    results all = {to[threadIdx.x]};
    const float a = (float)(int)RANDOM(0), b = (float)(int)RANDOM(1) / 65536, c = (float)RANDOM(2);
    const double x = (double)a * b, y = (double)b * c, z = (double)c * a;

    all.add(__fadd_rz(a, b));
    all.add(__fsub_ru(a, b));
    all.add(__fmul_rd(a, b));
    all.add(__fdiv_ru(a, b));
    all.add(__frcp_rz(a));
    all.add(__fsqrt_rd(c));
    all.add(__frsqrt_rn(c));
    all.add(__fmaf_ru(a, b, c));
    all.add(__fadd_rn(__fmul_rn(a, b), c));
    all.add(__dadd_rd(x, y));
    all.add(__dsub_rz(x, y));
    all.add(__dmul_ru(x, y));
    all.add(__ddiv_rz(x, y));
    all.add(__drcp_ru(x));
    all.add(__dsqrt_rd(fabs(x)));
    all.add(__fma_rz(x, y, z));
    all.add(__dadd_rn(__dmul_rn(x, y), z));
    all.add(__saturatef(b));
    all.add(fminf(a, b));
    all.add(fmaxf(a, b));
    all.add(fdim(x, y));
    all.add((unsigned long long)llround(x));
    all.add((unsigned long long)llrint(b));
}

KERNEL(integers)
{
    results all = {to[threadIdx.x]};
    const int a = (int)RANDOM(0), b = (int)RANDOM(1);

    all.add(__mul24(a, b));
    all.add(__umul24(a, b));
    all.add(__sad(a, b, 7u));
    all.add(__usad(RANDOM(0), RANDOM(1), 7u));
    all.add((unsigned long long)__mul64hi((long long)a * a * b, (long long)b << 20));
    all.add(min((long)a, (long)b) == max((long)a, (long)b));
    all.add(__reduce_add_sync(0xFFFFFFFF, RANDOM(0)));
    all.add(__reduce_max_sync(0xFFFFFFFF, a));
    all.add(__reduce_xor_sync(0xFFFFFFFF, RANDOM(0)));
}

/* What is exact of float and of double. */
template <typename T> __device__ void exact(unsigned (*to)[ROW], const unsigned (*from)[ROW], T x, T y)
{
    results all = {to[threadIdx.x]};
    int exponent, quotient;
    T whole;

    all.add(frexp(x, &exponent));
    all.add(exponent);
    all.add(ldexp(x, (int)RANDOM(4) % 300));
    all.add(scalbn(y, (int)RANDOM(5) % 30));
    all.add(modf(y, &whole));
    all.add(whole);
    all.add(ilogb(x));
    all.add(logb(x));
    all.add(remquo(y, (T)3.25, &quotient));
    all.add(quotient & 7);
    all.add(round(y));
    all.add((unsigned long long)lround(y));
    all.add((unsigned)isnan(x) | isinf(x) << 1 | isfinite(x) << 2 | signbit(x) << 3);
    all.add(copysign(x, y));
}

KERNEL(exact_float)
{
    exact<float>(to, from, __uint_as_float(RANDOM(0)), (float)(int)RANDOM(1) / 65536);
}

KERNEL(exact_double)
{
    exact<double>(to, from, __hiloint2double((int)RANDOM(0), (int)RANDOM(1)),
                  (double)(int)RANDOM(1) / 65536);
}

/* ---- Groups ---- */

template <unsigned Size> __device__ void tile(results &all, unsigned random)
{
    const auto block = cg::this_thread_block();
    const auto tile = cg::tiled_partition<Size>(block);

    all.add((unsigned)tile.thread_rank() | tile.size() << 8 | tile.meta_group_rank() << 16);
    all.add((unsigned)tile.meta_group_size());
    all.add(tile.shfl(random, 0));
    all.add(tile.shfl_down(random, 1));
    all.add(tile.shfl_up(random, 1));
    all.add((unsigned)tile.any(random & 1) | tile.all(random & 1) << 1);
    all.add(tile.ballot(random & 1));
    all.add(tile.match_any(random & 3));
    all.add(cg::reduce(tile, random, cg::plus<unsigned>()));
    all.add(cg::reduce(tile, (int)random, cg::less<int>()));
    all.add(cg::inclusive_scan(tile, random, cg::plus<unsigned>()));
    all.add(cg::exclusive_scan(tile, random));
    tile.sync();
}

KERNEL(tiles)
{
    results all = {to[threadIdx.x]};

    tile<32>(all, RANDOM(0));
    tile<8>(all, RANDOM(1));
    tile<1>(all, RANDOM(2));
    const auto half = cg::tiled_partition<16>(cg::tiled_partition<32>(cg::this_thread_block()));

    all.add(half.shfl_xor((double)RANDOM(3), 5));
    all.add((unsigned)half.meta_group_rank() | half.meta_group_size() << 8);
}

KERNEL(coalesced)
{
    results all = {to[threadIdx.x]};

    if (threadIdx.x % 3 != 1) {
        const cg::coalesced_group group = cg::coalesced_threads();
        const unsigned random = RANDOM(0);

        all.add((unsigned)group.thread_rank() | group.size() << 8);
        all.add(group.shfl(random, 3));
        all.add(group.shfl_down(random, 2));
        all.add(group.shfl_up(random, 2));
        all.add(group.ballot(random & 1));
        all.add(group.any(random & 1) | group.all(random & 1) << 1);
        all.add(group.match_any(random & 3));
        all.add(cg::reduce(group, random, cg::plus<unsigned>()));
        all.add(cg::reduce(group, random, cg::bit_xor<unsigned>()));
        all.add(cg::inclusive_scan(group, random, cg::greater<unsigned>()));
        all.add(cg::exclusive_scan(group, random));
        const cg::coalesced_group part = cg::tiled_partition(group, 4);

        all.add((unsigned)part.thread_rank() | part.size() << 8);
        all.add(part.shfl(random, 0));
        const cg::coalesced_group same = cg::labeled_partition(group, random & 1);

        all.add((unsigned)same.thread_rank() | same.size() << 8);
        all.add((unsigned)cg::binary_partition(group, random & 2).size());
    }
}

__device__ unsigned sum_by(const cg::thread_group &group, unsigned *shared, unsigned value)
{
    for (unsigned by = (unsigned)group.size() / 2; by > 0; by /= 2) {
        shared[group.thread_rank()] = value;
        group.sync();
        if (group.thread_rank() < by) {
            value += shared[group.thread_rank() + by];
        }
        group.sync();
    }
    return value;
}

KERNEL(groups)
{
    __shared__ unsigned shared[256];
    results all = {to[threadIdx.x]};
    const cg::thread_block block = cg::this_thread_block();
    const cg::grid_group grid = cg::this_grid();
    const cg::thread_group part = cg::tiled_partition(block, 16);

    all.add((unsigned)block.thread_rank() | block.size() << 16);
    all.add((unsigned)block.group_index().x | block.thread_index().x << 8);
    all.add((unsigned)grid.thread_rank() | (unsigned)grid.size() << 16);
    all.add((unsigned)part.thread_rank() | (unsigned)part.size() << 16);
    all.add(sum_by(block, shared, RANDOM(0)) * (threadIdx.x == 0));
    block.sync();
    all.add(sum_by(part, shared + threadIdx.x / 16 * 16, RANDOM(1)) * (threadIdx.x % 16 == 0));
}

/* ---- Copies ---- */

KERNEL(copies)
{
    __shared__ __align__(16) unsigned pieces[2][256 * 4];
    __shared__ __align__(16) unsigned whole[100];
    results all = {to[threadIdx.x]};
    const cg::thread_block block = cg::this_thread_block();

    __pipeline_memcpy_async(&pieces[0][4 * threadIdx.x], &RANDOM(0), 16);
    __pipeline_commit();
    __pipeline_memcpy_async(&pieces[1][4 * threadIdx.x], &RANDOM(4), 16, 4 * (threadIdx.x % 4));
    __pipeline_memcpy_async(&pieces[1][4 * threadIdx.x], &RANDOM(9), 4);
    __pipeline_commit();
    __pipeline_wait_prior(1);
    __syncthreads();
    for (int i = 0; i < 4; i++) {
        all.add(pieces[0][4 * (255 - threadIdx.x) + i]);
    }
    __pipeline_wait_prior(0);
    __syncthreads();
    for (int i = 0; i < 4; i++) {
        all.add(pieces[1][4 * (255 - threadIdx.x) + i]);
    }
    cg::memcpy_async(block, whole, &from[0][0], sizeof(whole));
    cg::wait(block);
    all.add(whole[threadIdx.x % 100]);
}

/* ---- Products of matrices ---- */

template <typename Layout> __device__ constexpr bool is_row()
{
    return std::is_same<Layout, wmma::row_major>::value;
}

/* a and b in shared memory, of small whole numbers; the product behind the first results. */
template <int M, int N, int K, typename T, typename Element, typename Sum, typename A, typename B>
__device__ void product(unsigned *to, const unsigned *from, wmma::layout_t layout)
{
    __shared__ __align__(32) Element a[M * K], b[K * N];
    __shared__ __align__(32) Sum sums[M * N];
    wmma::fragment<wmma::matrix_a, M, N, K, T, A> of_a;
    wmma::fragment<wmma::matrix_b, M, N, K, T, B> of_b;
    wmma::fragment<wmma::accumulator, M, N, K, Sum> of_sums, result;

    for (int i = (int)threadIdx.x; i < M * K; i += 32) {
        a[i] = (Element)(float)(from[i] % 8);
    }
    for (int i = (int)threadIdx.x; i < N * K; i += 32) {
        b[i] = (Element)(float)(from[i] / 8 % 8);
    }
    for (int i = (int)threadIdx.x; i < M * N; i += 32) {
        sums[i] = (Sum)(float)(from[i] / 64 % 8);
    }
    __syncwarp();
    wmma::load_matrix_sync(of_a, a, is_row<A>() ? K : M);
    wmma::load_matrix_sync(of_b, b, is_row<B>() ? N : K);
    wmma::load_matrix_sync(of_sums, sums, layout == wmma::mem_row_major ? N : M, layout);
    wmma::mma_sync(result, of_a, of_b, of_sums);
    for (int i = 0; i < (int)result.num_elements; i++) {
        result.x[i] = result.x[i] + result.x[i];
    }
    __syncwarp();
    wmma::store_matrix_sync(sums, result, layout == wmma::mem_row_major ? N : M, layout);
    __syncwarp();
    for (int i = (int)threadIdx.x; i < M * N; i += 32) {
        to[i] = (unsigned)(int)(float)sums[i];
    }
    wmma::fill_fragment(result, (Sum)(float)3);
    to[M * N + threadIdx.x] = (unsigned)(int)(float)result.x[0];
}

#define PRODUCT(name, M, N, K, T, Element, Sum, A, B, layout)                                      \
    KERNEL(name)                                                                                   \
    {                                                                                              \
        if (threadIdx.x < 32) {                                                                    \
            product<M, N, K, T, Element, Sum, wmma::A, wmma::B>(&to[0][0], &from[0][0],            \
                                                                wmma::layout);                     \
        }                                                                                          \
    }
#define SHAPES(name, T, Sum)                                                                       \
    PRODUCT(name##_16x16x16, 16, 16, 16, T, T, Sum, row_major, col_major, mem_row_major)           \
    PRODUCT(name##_32x8x16, 32, 8, 16, T, T, Sum, col_major, row_major, mem_col_major)             \
    PRODUCT(name##_8x32x16, 8, 32, 16, T, T, Sum, row_major, row_major, mem_row_major)

SHAPES(product_half_float, half, float)
SHAPES(product_half, half, half)
SHAPES(product_signed, signed char, int)
SHAPES(product_unsigned, unsigned char, int)
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
SHAPES(product_bfloat16, __nv_bfloat16, float)
PRODUCT(product_tf32, 16, 16, 8, wmma::precision::tf32, float, float, row_major, col_major,
        mem_row_major)
PRODUCT(product_double, 8, 8, 4, double, double, double, col_major, row_major, mem_col_major)
#endif
