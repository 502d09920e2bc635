/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernels of the rows ptx_*, made into PTX by clang without CUDA's headers. */

#define GLOBAL extern "C" __attribute__((global)) void
#define SHARED __attribute__((shared))

#define TX __nvvm_read_ptx_sreg_tid_x()
#define TY __nvvm_read_ptx_sreg_tid_y()
#define BX __nvvm_read_ptx_sreg_ctaid_x()
#define BY __nvvm_read_ptx_sreg_ctaid_y()
#define BLOCK_SIZE __nvvm_read_ptx_sreg_ntid_x()
#define THREADS (__nvvm_read_ptx_sreg_nctaid_x() * BLOCK_SIZE)
#define THREAD (BX * BLOCK_SIZE + TX)
#define BARRIER() __syncthreads()

GLOBAL vector_add(const float *a, const float *b, float *c, int n)
{
    int i = THREAD;

    if (i < n) {
        c[i] = a[i] + b[i];
    }
}

GLOBAL saxpy(float a, const float *x, float *y, int n)
{
    int i = THREAD;

    if (i < n) {
        y[i] = a * x[i] + y[i];
    }
}

GLOBAL grid_stride(float a, const float *x, float *y, int n)
{
    for (int i = THREAD; i < n; i += THREADS) {
        y[i] = a * x[i] + y[i];
    }
}

template <int SIZE> static __attribute__((device)) void matmul(const float *a, const float *b,
                                                               float *c, int n,
                                                               float (*as)[SIZE],
                                                               float (*bs)[SIZE])
{
    int row = BY * SIZE + TY, column = BX * SIZE + TX;
    float sum = 0;

    for (int tile = 0; tile < n; tile += SIZE) {
        as[TY][TX] = a[row * n + tile + TX];
        bs[TY][TX] = b[(tile + TY) * n + column];
        BARRIER();
#pragma unroll
        for (int k = 0; k < SIZE; k++) {
            sum += as[TY][k] * bs[k][TX];
        }
        BARRIER();
    }
    c[row * n + column] = sum;
}

GLOBAL matmul_32(const float *a, const float *b, float *c, int n)
{
    SHARED static float as[32][32], bs[32][32];

    matmul<32>(a, b, c, n, as, bs);
}

GLOBAL matmul_16(const float *a, const float *b, float *c, int n)
{
    SHARED static float as[16][16], bs[16][16];

    matmul<16>(a, b, c, n, as, bs);
}

static __attribute__((device)) float warp_sum(float value)
{
    for (int step = 16; step > 0; step /= 2) {
        value += __nvvm_shfl_sync_down_f32(0xFFFFFFFF, value, step, 31);
    }
    return value;
}

/* Each thread sums what is its own, then each warp, then the first one of the block. */
GLOBAL reduce_shuffle(const float *in, float *out, int n)
{
    SHARED static float sums[32];
    float sum = 0;

    for (int i = THREAD; i < n; i += THREADS) {
        sum += in[i];
    }
    sum = warp_sum(sum);
    if (TX % 32 == 0) {
        sums[TX / 32] = sum;
    }
    BARRIER();
    if (TX < 32) {
        sum = warp_sum(TX < BLOCK_SIZE / 32 ? sums[TX] : 0);
        if (TX == 0) {
            out[BX] = sum;
        }
    }
}

GLOBAL reduce_tree(const float *in, float *out, int n)
{
    SHARED static float sums[256];
    int i = THREAD;

    sums[TX] = i < n ? in[i] : 0;
    BARRIER();
    for (unsigned half = BLOCK_SIZE / 2; half > 0; half /= 2) {
        if (TX < half) {
            sums[TX] += sums[TX + half];
        }
        BARRIER();
    }
    if (TX == 0) {
        out[BX] = sums[0];
    }
}

GLOBAL mandelbrot(unsigned *out, int width, int height, int limit)
{
    int i = THREAD;
    float x0 = i % width * (3.0f / width) - 2.0f, y0 = i / width * (2.0f / height) - 1.0f;
    float x = 0, y = 0;
    int steps = 0;

    while (steps < limit && x * x + y * y < 4) {
        float next = x * x - y * y + x0;

        y = 2 * x * y + y0;
        x = next;
        steps++;
    }
    out[i] = steps;
}

/* Three ways, each with a loop of another length. */
GLOBAL divergent(const unsigned *in, unsigned *out, int n)
{
    int i = THREAD;
    unsigned x, sum = 0;

    if (i >= n) {
        return;
    }
    x = in[i];
    if (x % 3 == 0) {
        for (unsigned k = 0; k < x % 61; k++) {
            sum = sum * 5 + (x ^ k);
        }
    } else if (x % 3 == 1) {
        for (; x != 1 && sum < 200; sum++) {
            x = x & 1 ? 3 * x + 1 : x / 2;
        }
    } else {
        while (x) {
            sum += x & 1 ? x >> 1 : x ^ 0x55;
            x >>= 1;
        }
    }
    out[i] = sum;
}

GLOBAL histogram_shared(const unsigned char *in, unsigned *bins, int n)
{
    SHARED static unsigned own[256];

    own[TX] = 0;
    BARRIER();
    for (int i = THREAD; i < n; i += THREADS) {
        __nvvm_atom_add_gen_i((int *)&own[in[i]], 1);
    }
    BARRIER();
    __nvvm_atom_add_gen_i((int *)&bins[TX], own[TX]);
}

GLOBAL histogram_global(const unsigned char *in, unsigned *bins, int n)
{
    for (int i = THREAD; i < n; i += THREADS) {
        __nvvm_atom_add_gen_i((int *)&bins[in[i]], 1);
    }
}

GLOBAL gather(const float *in, const unsigned *indices, float *out, int n)
{
    int i = THREAD;

    if (i < n) {
        out[i] = in[indices[i]];
    }
}
